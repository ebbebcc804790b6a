//! The real programs as child processes, each with a folder of its own and a free port.
//!
//! Nothing of the programs is linked in: they are found beside the running executable, started
//! with the flags an operator would use, and judged by what they print and answer.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use pregao::net::broker::BrokerAddress;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::tsa::{SetTime, TsaRequest as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Sends a process a signal.
pub(crate) fn signal(pid: u32, sent: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process(pid, sent);
    }
}

/// How long a program may take until it says that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a program may take to end by itself when it is dropped.
const GRACE: Duration = Duration::from_secs(3);

/// How long something that programs do by themselves may take: long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until something holds that a program brings about by itself.
///
/// # Errors
/// If it does not for far too long: names what was waited for.
pub async fn holds(what: &str, mut it: impl FnMut() -> bool) -> Result<()> {
    let waiting = async {
        while !it() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.with_context(|| format!("waited for {what}"))
}

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// What it said of itself when it was ready.
    pub ready: Value,
}

impl Program {
    /// Starts a program and waits for its `ready` line. What it writes to standard error is
    /// appended to `log`.
    ///
    /// # Errors
    /// If it is not there, or ends before it is ready: then with its last words.
    pub fn start(name: &str, flags: &[String], log: &Path) -> Result<Self> {
        let mut command = Command::new(executable(name)?);
        command.args(flags);
        Self::launch(command, name, log)
    }

    /// Starts what a command describes, otherwise as [`Program::start`].
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn launch(mut command: Command, name: &str, log: &Path) -> Result<Self> {
        let stderr = File::options().create(true).append(true).open(log)?;
        let before = stderr.metadata()?.len();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let (lines, line) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, so that the program never waits for a reader.
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = lines.send(text);
            }
        });
        let mut program = Self { child, ready: Value::Null };
        let Ok(first) = line.recv_timeout(READY_WITHIN) else {
            let status = program.child.try_wait()?;
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let words = text.get(usize::try_from(before)?..).unwrap_or_default();
            bail!("{name} is not ready (status {status:?}): {words}");
        };
        let ready = first.strip_prefix("ready ").context("the first line is not `ready`")?;
        program.ready = serde_json::from_str(ready)?;
        Ok(program)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once: `kill -9`.
    ///
    /// # Errors
    /// If it is not there any more.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops it (SIGSTOP): it is there, but does nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.end_within(READY_WITHIN).context("the program does not end")
    }

    fn signal(&self, sent: Signal) {
        signal(self.child.id(), sent);
    }

    fn end_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        if self.end_within(GRACE).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Finds a program of this workspace beside the running executable.
///
/// # Errors
/// If it was not built.
pub fn executable(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not there: run cargo build --workspace first"))
}

/// How the two programs are to be started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Further flags of `pregao-tsa serve`.
    pub tsa: Vec<String>,
    /// Further flags of `pregao-broker`.
    pub broker: Vec<String>,
    /// Run the TSA in simulated time, and have the broker accept that.
    pub simulate: bool,
    /// Value of `RUST_LOG` for both.
    pub log: Option<String>,
    /// Further environment of `pregao-broker`.
    pub broker_env: Vec<(String, String)>,
}

impl Options {
    /// Adds flags of the broker, separated by spaces.
    #[must_use]
    pub fn broker(mut self, flags: &str) -> Self {
        self.broker.extend(flags.split_whitespace().map(str::to_owned));
        self
    }

    /// Adds flags of the TSA, separated by spaces.
    #[must_use]
    pub fn tsa(mut self, flags: &str) -> Self {
        self.tsa.extend(flags.split_whitespace().map(str::to_owned));
        self
    }

    /// Simulated time.
    #[must_use]
    pub fn simulated(mut self) -> Self {
        self.simulate = true;
        self
    }
}

/// A TSA and its folder.
#[derive(Debug)]
pub struct Tsa {
    program: Option<Program>,
    options: Options,
    data: PathBuf,
    log: PathBuf,
    /// Where it is, and its pin.
    pub address: TsaAddress,
}

impl Tsa {
    /// Starts a TSA in a folder.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn start(folder: &Path, options: &Options) -> Result<Self> {
        let (data, log) = (folder.join("tsa"), folder.join("tsa.log"));
        let program = Self::launch(options, &data, &log, "127.0.0.1:0")?;
        let url = program.ready.get("url").and_then(Value::as_str).context("no url")?;
        let address = url.parse()?;
        Ok(Self { program: Some(program), options: options.clone(), data, log, address })
    }

    fn launch(options: &Options, data: &Path, log: &Path, listen: &str) -> Result<Program> {
        let mut command = Command::new(executable("pregao-tsa")?);
        command.arg("serve").arg("--data").arg(data).args(["--listen", listen]);
        if options.simulate {
            command.arg("--simulate");
        }
        command.args(&options.tsa);
        command.env("RUST_LOG", options.log.as_deref().unwrap_or("info"));
        Program::launch(command, "pregao-tsa", log)
    }

    /// `host:port`.
    #[must_use]
    pub fn socket(&self) -> String {
        self.address.url.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// Its address as seen through something that listens elsewhere.
    #[must_use]
    pub fn address_at(&self, socket: &str) -> TsaAddress {
        TsaAddress { url: format!("http://{socket}"), ..self.address.clone() }
    }

    /// The running program.
    ///
    /// # Panics
    /// If it was stopped.
    #[must_use]
    pub fn program(&self) -> &Program {
        self.program.as_ref().expect("the TSA was stopped by the test itself")
    }

    /// Where it keeps its keys.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it wrote to standard error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it by `kill -9`.
    ///
    /// # Errors
    /// If it was not there.
    pub fn kill(&mut self) -> Result<()> {
        self.program.take().context("it was stopped before")?.kill()
    }

    /// Starts it again on the same folder and port.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn restart(&mut self) -> Result<()> {
        let listen = self.socket();
        self.program = None;
        self.program = Some(Self::launch(&self.options, &self.data, &self.log, &listen)?);
        Ok(())
    }

    /// Sets the simulated clock.
    ///
    /// # Errors
    /// If the TSA refuses.
    pub fn set_time(&self, time: Time) -> Result<()> {
        let request = SetTime { time: time.to_string() };
        ureq::post(self.address.endpoint(SetTime::PATH)).send_json(request)?;
        Ok(())
    }
}

/// A broker and its folder.
#[derive(Debug)]
pub struct Broker {
    program: Option<Program>,
    options: Options,
    tsa: TsaAddress,
    data: PathBuf,
    log: PathBuf,
    /// Where it is, and its pin.
    pub address: BrokerAddress,
    /// Where operators look: `http://host:port`.
    pub ops: String,
}

impl Broker {
    /// Starts a broker in a folder.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn start(folder: &Path, tsa: &TsaAddress, options: &Options) -> Result<Self> {
        Self::start_in(&folder.join("broker"), &folder.join("broker.log"), tsa, options)
    }

    /// Starts a broker with this data folder and log file.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn start_in(data: &Path, log: &Path, tsa: &TsaAddress, options: &Options) -> Result<Self> {
        let program = Self::launch(options, tsa, data, log, "127.0.0.1:0")?;
        let text = |name| program.ready.get(name).and_then(Value::as_str).context("not ready");
        Ok(Self {
            address: text("url")?.parse()?,
            ops: text("ops")?.to_owned(),
            program: Some(program),
            options: options.clone(),
            tsa: tsa.clone(),
            data: data.to_owned(),
            log: log.to_owned(),
        })
    }

    fn launch(
        options: &Options,
        tsa: &TsaAddress,
        data: &Path,
        log: &Path,
        listen: &str,
    ) -> Result<Program> {
        let mut command = Command::new(executable("pregao-broker")?);
        command.arg("--data").arg(data).args(["--tsa", &tsa.to_string(), "--listen", listen]);
        command.args(["--ops", "127.0.0.1:0"]);
        if options.simulate {
            command.arg("--accept-simulated-time");
        }
        command.args(&options.broker);
        command.envs(options.broker_env.iter().cloned());
        command.env("RUST_LOG", options.log.as_deref().unwrap_or("info"));
        Program::launch(command, "pregao-broker", log)
    }

    /// `host:port`.
    #[must_use]
    pub fn socket(&self) -> String {
        self.address.url.trim_start_matches("ws://").trim_end_matches('/').to_owned()
    }

    /// Its address as seen through something that listens elsewhere.
    #[must_use]
    pub fn address_at(&self, socket: &str) -> BrokerAddress {
        BrokerAddress { url: format!("ws://{socket}/"), ..self.address.clone() }
    }

    /// The running program.
    ///
    /// # Panics
    /// If it was stopped.
    #[must_use]
    pub fn program(&self) -> &Program {
        self.program.as_ref().expect("the broker was stopped by the test itself")
    }

    /// Where it keeps keys and stores.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it wrote to standard error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it by `kill -9`.
    ///
    /// # Errors
    /// If it was not there.
    pub fn kill(&mut self) -> Result<()> {
        self.program.take().context("it was stopped before")?.kill()
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// If it does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.program.take().context("it was stopped before")?.stop()
    }

    /// Starts it again on the same folder and port.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn restart(&mut self) -> Result<()> {
        let listen = self.socket();
        self.program = None;
        let program = Self::launch(&self.options, &self.tsa, &self.data, &self.log, &listen)?;
        let ops = program.ready.get("ops").and_then(Value::as_str).context("no ops")?;
        self.ops = ops.to_owned();
        self.program = Some(program);
        Ok(())
    }

    /// Status and text of `/healthz`.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn health(&self) -> Result<(u16, String)> {
        let url = format!("{}/healthz", self.ops);
        let mut answer = ureq::get(url).config().http_status_as_error(false).build().call()?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
    }

    /// One of its counters.
    ///
    /// # Errors
    /// If it does not answer or has no such counter.
    pub fn metric(&self, name: &str) -> Result<u64> {
        let url = format!("{}/metrics", self.ops);
        let text = ureq::get(url).call()?.body_mut().read_to_string()?;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("pregao_{name} ")));
        Ok(line.with_context(|| format!("no metric {name}"))?.parse()?)
    }
}

/// A TSA and a broker that uses it, in one temporary folder.
#[derive(Debug)]
pub struct House {
    /// Ends before the TSA, so that it does not complain about it.
    pub broker: Broker,
    /// The TSA.
    pub tsa: Tsa,
    /// The folder of both.
    pub folder: TempDir,
}

impl House {
    /// Starts both.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn open(options: &Options) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tsa = Tsa::start(folder.path(), options)?;
        let broker = Broker::start(folder.path(), &tsa.address, options)?;
        Ok(Self { broker, tsa, folder })
    }
}
