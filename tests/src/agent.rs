//! The real `pregao agent`: what it prints, what it reads, and how it is stopped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use pregao::net::broker::BrokerAddress;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

use crate::desk::program;
use crate::house::signal;

/// How long one line is waited for: long enough for any machine, short enough for a hung test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent that prints lines for people. Dropping it kills it.
#[derive(Debug)]
pub struct Agent {
    /// Folder of its vault.
    pub folder: PathBuf,
    /// Every line it printed.
    pub seen: Vec<String>,
    at: usize,
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Agent {
    /// Starts it over a vault.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(folder: &Path, broker: &BrokerAddress) -> Result<Self> {
        let mut command = program(folder)?;
        command.args(["agent", "--broker", &broker.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("no standard output")?;
        let (printed, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if printed.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { folder: folder.to_owned(), seen: Vec::new(), at: 0, child, input, lines })
    }

    /// Writes bytes to its input.
    ///
    /// # Errors
    /// If it is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let input = self.input.as_mut().context("its input was ended")?;
        input.write_all(bytes).await?;
        Ok(input.flush().await?)
    }

    /// Gives it a command.
    ///
    /// # Errors
    /// If it is gone.
    pub async fn tell(&mut self, command: &str) -> Result<()> {
        self.write(format!("{command}\n").as_bytes()).await
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// The next line that holds a text.
    ///
    /// # Errors
    /// If it ends before, or none comes.
    pub async fn until(&mut self, part: &str) -> Result<String> {
        loop {
            while let Some(line) = self.seen.get(self.at) {
                self.at += 1;
                if line.contains(part) {
                    return Ok(line.clone());
                }
            }
            let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let Ok(Some(line)) = line else { bail!("no line with `{part}`: {:#?}", self.seen) };
            self.seen.push(line);
        }
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to stop, and gives its exit code and all that it printed.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(self) -> Result<(Option<i32>, Vec<String>)> {
        self.child.id().into_iter().for_each(|pid| signal(pid, Signal::TERM));
        self.ended().await
    }

    /// Its exit code and all that it printed, once it ends by itself.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn ended(mut self) -> Result<(Option<i32>, Vec<String>)> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        while let Some(line) = self.lines.recv().await {
            self.seen.push(line);
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
