//! The real `pregao` as a script runs it: one-shot commands, and JSON lines.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use pregao::event::Event;
use pregao::net::broker::BrokerAddress;
use pregao::vault::{Contents, Passphrase, Vault};
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::value::report::Report;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::house::{executable, signal};

/// How long one event is waited for: long enough for any machine, short enough for a hung test.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it is waited for among others.
const IN_ALL: Duration = Duration::from_secs(240);
/// Passphrase of every vault of the tests.
pub const PASSPHRASE: &str = "a lamp of many words";

/// What a one-shot command left behind.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; none if it was killed.
    pub code: Option<i32>,
    /// Standard output, then standard error.
    pub text: String,
}

/// Runs `pregao` to its end.
///
/// # Errors
/// If it cannot be started or does not end.
pub async fn pregao(folder: &Path, words: &[&str]) -> Result<Ran> {
    pregao_with(folder, PASSPHRASE, words).await
}

/// Runs `pregao` with some passphrase to its end.
///
/// # Errors
/// As [`pregao()`].
pub async fn pregao_with(folder: &Path, passphrase: &str, words: &[&str]) -> Result<Ran> {
    let mut command = program(folder)?;
    command.env("PREGAO_PASSPHRASE", passphrase).args(words).stdin(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.output());
    let output = output.await.context("the command does not end")??;
    let text =
        [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    Ok(Ran { code: output.status.code(), text })
}

pub(crate) fn program(folder: &Path) -> Result<Command> {
    let mut command = Command::new(executable("pregao")?);
    command.arg("--data").arg(folder).env("PREGAO_PASSPHRASE", PASSPHRASE).kill_on_drop(true);
    Ok(command)
}

/// Enrols a persona into a new vault.
///
/// # Errors
/// What `pregao enrol` says.
pub async fn enrol(folder: &Path, tsa: &TsaAddress) -> Result<()> {
    let ran = pregao(folder, &["enrol", "--work-factor", "4", "--tsa", &tsa.to_string()]).await?;
    if ran.code == Some(0) { Ok(()) } else { bail!("{}", ran.text) }
}

/// What a vault holds.
///
/// # Errors
/// If it cannot be opened.
pub fn vault(folder: &Path) -> Result<Contents> {
    // A copy: programs that other tests start at this moment inherit the lock for an instant.
    let copy = tempfile::tempdir()?;
    for name in ["identity.age", "vault.age"] {
        std::fs::copy(folder.join(name), copy.path().join(name))?;
    }
    let vault = Vault::open(copy.path(), &Passphrase::new(PASSPHRASE.to_owned()))?;
    Ok(vault.contents().clone())
}

/// A running `pregao json`. Dropping it kills it.
#[derive(Debug)]
pub struct Desk {
    /// Folder of its vault.
    pub folder: PathBuf,
    /// Everything it reported.
    pub seen: Vec<Event>,
    at: usize,
    child: Child,
    input: Option<ChildStdin>,
    events: mpsc::UnboundedReceiver<Event>,
    commands: u64,
}

impl Desk {
    /// Starts it over a vault.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(folder: &Path, broker: &BrokerAddress) -> Result<Self> {
        Self::launch(folder, program(folder)?, &["json", "--broker", &broker.to_string()], None)
    }

    /// Starts it over a vault with these arguments.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run(folder: &Path, arguments: &[&str]) -> Result<Self> {
        Self::launch(folder, program(folder)?, arguments, None)
    }

    /// As [`Desk::start`] with further flags, logging everything. `kept` are the files to which is
    /// appended what it says and what it logs.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_kept(
        folder: &Path,
        broker: &BrokerAddress,
        flags: &[String],
        kept: (&Path, &Path),
    ) -> Result<Self> {
        let open = |path: &Path| std::fs::File::options().create(true).append(true).open(path);
        let mut command = program(folder)?;
        command.env("PREGAO_LOG", "trace").env("NO_COLOR", "1").args(flags).stderr(open(kept.1)?);
        let arguments = ["json", "--broker", &broker.to_string()];
        Self::launch(folder, command, &arguments, Some(open(kept.0)?))
    }

    fn launch(
        folder: &Path,
        mut command: Command,
        arguments: &[&str],
        mut kept: Option<std::fs::File>,
    ) -> Result<Self> {
        let mut child =
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("no standard output")?;
        let (events, reported) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(kept) = &mut kept {
                    // Whoever looks for it finds that it is missing.
                    let _ = writeln!(kept, "{line}");
                }
                let Ok(event) = serde_json::from_str(&line) else { continue };
                if events.send(event).is_err() {
                    break;
                }
            }
        });
        let folder = folder.to_owned();
        Ok(Self { folder, seen: Vec::new(), at: 0, child, input, events: reported, commands: 0 })
    }

    /// Enrols a persona into a folder and starts it there.
    ///
    /// # Errors
    /// As [`enrol`] and [`Desk::start`].
    pub async fn open(folder: &Path, tsa: &TsaAddress, broker: &BrokerAddress) -> Result<Self> {
        enrol(folder, tsa).await?;
        Self::start(folder, broker)
    }

    /// Writes one line.
    ///
    /// # Errors
    /// If the program is gone.
    pub async fn line(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("its input was ended")?;
        input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(input.flush().await?)
    }

    /// Gives it a command; gives the command's id.
    ///
    /// # Errors
    /// If the program is gone.
    pub async fn tell(&mut self, mut command: Value) -> Result<String> {
        self.commands += 1;
        let id = self.commands.to_string();
        command.as_object_mut().context("no object")?.insert("id".to_owned(), json!(id));
        self.line(&command.to_string()).await?;
        Ok(id)
    }

    /// Gives it a command and waits until it is done; whether it was carried out.
    ///
    /// # Errors
    /// As [`Desk::until`].
    pub async fn ask(&mut self, command: Value) -> Result<bool> {
        let id = self.tell(command).await?;
        self.done(&id).await
    }

    /// Waits until a command is done; whether it was carried out.
    ///
    /// # Errors
    /// As [`Desk::until`].
    pub async fn done(&mut self, id: &str) -> Result<bool> {
        self.ever(|event| match event {
            Event::Done { id: Some(done), ok, .. } if done == id => Some(*ok),
            _ => None,
        })
        .await
    }

    /// The next event that is looked for, after the one found last.
    ///
    /// # Errors
    /// If the program ends before, or far too much time passes.
    pub async fn until<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> Result<T> {
        // A program that lives says something every second: that is not what is waited for.
        let end = Instant::now() + IN_ALL;
        loop {
            while let Some(event) = self.seen.get(self.at) {
                self.at += 1;
                if let Some(found) = wanted(event) {
                    return Ok(found);
                }
            }
            self.pump(end).await?;
        }
    }

    /// The first event of all that is looked for.
    ///
    /// # Errors
    /// As [`Desk::until`].
    pub async fn ever<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> Result<T> {
        let (mut at, end) = (0, Instant::now() + IN_ALL);
        loop {
            while let Some(event) = self.seen.get(at) {
                at += 1;
                if let Some(found) = wanted(event) {
                    return Ok(found);
                }
            }
            self.pump(end).await?;
        }
    }

    async fn pump(&mut self, end: Instant) -> Result<()> {
        let end = end.min(Instant::now() + PATIENCE);
        let event = tokio::time::timeout_at(end, self.events.recv()).await;
        let Ok(Some(event)) = event else {
            let last: Vec<&Event> = self
                .seen
                .iter()
                .rev()
                .filter(|event| !matches!(event, Event::Tick { .. }))
                .take(12)
                .collect();
            bail!("it did not come, and these were the last: {last:#?}");
        };
        self.seen.push(event);
        Ok(())
    }

    /// Waits for an alarm; gives its message.
    ///
    /// # Errors
    /// As [`Desk::until`].
    pub async fn alarm(&mut self) -> Result<String> {
        self.ever(|event| match event {
            Event::Alarm { message, .. } => Some(message.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for the next refusal; gives its code, message and advice.
    ///
    /// # Errors
    /// As [`Desk::until`].
    pub async fn refusal(&mut self) -> Result<(String, String, String)> {
        self.until(|event| match event {
            Event::Refused { report, .. } => {
                let Report { code, message, advice } = report.clone();
                Some((code.into_owned(), message.into_owned(), advice.into_owned()))
            }
            _ => None,
        })
        .await
    }

    /// Waits until it has verified this many entries of a room.
    ///
    /// # Errors
    /// As [`Desk::until`].
    pub async fn verified(&mut self, room: &str, size: u64) -> Result<()> {
        self.ever(|event| match event {
            Event::Room(view) if view.room == room && view.verified_size >= size => Some(()),
            _ => None,
        })
        .await
    }

    /// The evidence it keeps: names of the files and what is in them.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn evidence(&self) -> Result<Vec<(String, String)>> {
        let folder = self.folder.join("evidence");
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let files = std::fs::read_dir(folder)?.map(|file| {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            Ok((name, std::fs::read_to_string(file.path())?))
        });
        files.collect()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Stops it (SIGSTOP): it is there, but does nothing.
    pub fn freeze(&self) {
        self.child.id().into_iter().for_each(|pid| signal(pid, Signal::STOP));
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.child.id().into_iter().for_each(|pid| signal(pid, Signal::CONT));
    }

    /// Ends its input; it then ends by itself, once what is under way is done.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn end(mut self) -> Result<Option<i32>> {
        self.input = None;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        Ok(status.code())
    }

    /// Asks it to stop (SIGTERM); gives its exit code and everything it reported.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(mut self) -> Result<(Option<i32>, Vec<Event>)> {
        self.child.id().into_iter().for_each(|pid| signal(pid, Signal::TERM));
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        while let Some(event) = self.events.recv().await {
            self.seen.push(event);
        }
        Ok((status.code(), self.seen))
    }

    /// Kills it at once: `kill -9`.
    ///
    /// # Errors
    /// If it is not there any more.
    pub async fn kill(mut self) -> Result<PathBuf> {
        self.child.kill().await?;
        Ok(self.folder)
    }
}
