//! The peers of the demonstration: real `pregao` processes, driven by JSON lines.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use pregao::event::Event;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use crate::house::{House, executable};

/// Passphrase of every vault of the demonstration.
const PASSPHRASE: &str = "thrown away with the demonstration";

/// What a peer of the cast is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Lists items.
    Seller,
    /// Bids up to a limit, in units of the currency.
    Bidder {
        /// The most it offers.
        limit: u64,
    },
    /// Only looks on.
    Observer,
}

/// One peer.
#[derive(Debug)]
pub struct Member {
    /// The name it discloses.
    pub name: String,
    /// What it is there for.
    pub part: Part,
    folder: PathBuf,
    input: ChildStdin,
    // Ends with the cast.
    _child: Child,
}

/// Something that a member of the cast reports.
#[derive(Debug)]
pub struct Report {
    /// Which member.
    pub who: usize,
    /// What it reports.
    pub event: Event,
}

impl Member {
    /// Enrols a persona and starts its process; what it reports goes to `reports`.
    ///
    /// # Errors
    /// If the programs are not there or the TSA refuses.
    pub async fn join(
        house: &House,
        who: usize,
        name: &str,
        part: Part,
        reports: mpsc::UnboundedSender<Report>,
    ) -> Result<Self> {
        let folder = house.folder.path().join(format!("peer-{who}"));
        enrol(house, &folder).await?;
        let mut child = command(&folder)?
            .args(["json", "--broker", &house.broker.address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start pregao")?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Ok(event) = serde_json::from_str(&line) else { continue };
                if reports.send(Report { who, event }).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name: name.to_owned(), part, folder, input, _child: child })
    }

    /// Gives it a command.
    ///
    /// # Errors
    /// If the process is gone.
    pub async fn tell(&mut self, command: &Value) -> Result<()> {
        self.input.write_all(format!("{command}\n").as_bytes()).await?;
        Ok(self.input.flush().await?)
    }

    /// Where it keeps exported logs and receipts.
    #[must_use]
    pub fn exports(&self) -> PathBuf {
        self.folder.join("export")
    }

    /// Has it hand in its disclosure.
    ///
    /// # Errors
    /// If the process is gone.
    pub async fn disclose(&mut self, room: &str) -> Result<()> {
        let contact = format!("{}@example.org", self.name.to_lowercase().replace(' ', "."));
        let name = self.name.clone();
        let reveal = json!({ "id": "reveal", "yes": true, "command": "reveal", "room": room, "name": name, "contact": contact });
        self.tell(&reveal).await
    }
}

/// Enrols a persona into a new vault.
///
/// # Errors
/// What `pregao enrol` says.
pub async fn enrol(house: &House, folder: &Path) -> Result<()> {
    let output = command(folder)?
        .args(["enrol", "--work-factor", "4", "--tsa", &house.tsa.address.to_string()])
        .stdin(Stdio::null())
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    bail!("pregao enrol failed: {}", String::from_utf8_lossy(&output.stderr))
}

/// `pregao` for one vault; it ends with the demonstration.
///
/// # Errors
/// If it was not built.
pub fn command(folder: &Path) -> Result<Command> {
    let mut command = Command::new(executable("pregao")?);
    command.arg("--data").arg(folder).env("PREGAO_PASSPHRASE", PASSPHRASE).kill_on_drop(true);
    Ok(command)
}
