//! A disk that fails when a test says so: a small library that is preloaded into the real broker.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::house::Options;

/// How long a fault may take to happen: long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One sync fails; then everything goes well again.
    OneSync,
    /// Every sync fails.
    Sync,
    /// Syncs wait until the fault is cleared.
    Hang,
    /// Reading fails.
    Read,
    /// Reading waits until the fault is cleared.
    Stall,
}

/// The library, compiled, and the file that says what it is to do.
#[derive(Debug)]
pub struct Faults {
    folder: TempDir,
    times_set: AtomicU64,
}

impl Faults {
    /// Compiles the library with the system's C compiler.
    ///
    /// # Errors
    /// If there is none, with what it says.
    pub fn compile() -> Result<Self> {
        let faults = Self { folder: tempfile::tempdir()?, times_set: AtomicU64::new(0) };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/store.c");
        let mut compiler = Command::new("gcc");
        compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]);
        compiler.arg(faults.library()).arg(source).arg("-ldl");
        let output = compiler.output().context("no gcc: run .ci/setup")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(faults)
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("faults.so")
    }

    fn flag(&self) -> PathBuf {
        self.folder.path().join("fault")
    }

    /// Starts the broker on such a disk. No witness is asked: what a witness answers is written at
    /// any time, and would meet the fault that is meant for another write.
    #[must_use]
    pub fn options(&self, options: Options) -> Options {
        let mut options = options.tsa("--witness none");
        let text = |path: PathBuf| path.display().to_string();
        options.broker_env.push(("LD_PRELOAD".to_owned(), text(self.library())));
        options.broker_env.push(("PREGAO_FAULT".to_owned(), text(self.flag())));
        options
    }

    /// Lets calls on files whose path contains a word misbehave, after so many that go well.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn set(&self, fault: Fault, word: &str, after: u64) -> Result<()> {
        let kind = match fault {
            Fault::OneSync => "once",
            Fault::Sync => "sync",
            Fault::Hang => "hang",
            Fault::Read => "read",
            Fault::Stall => "stall",
        };
        let time = self.times_set.fetch_add(1, Ordering::Relaxed);
        let fresh = self.folder.path().join("fresh");
        std::fs::write(&fresh, format!("{kind} {word} {after} {time}"))?;
        // At once: the library never reads half of it.
        Ok(std::fs::rename(fresh, self.flag())?)
    }

    /// Takes a fault away.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn clear(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.flag())?)
    }

    /// Waits until a fault that happens once has happened.
    ///
    /// # Errors
    /// If it does not.
    pub async fn happened(&self) -> Result<()> {
        let gone = async {
            while self.flag().exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, gone).await.is_err() {
            bail!("the fault never happened: is the library loaded?");
        }
        Ok(())
    }
}
