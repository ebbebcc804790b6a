//! What happened in a run, a line for each thing, with the time since its beginning.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

use super::machine::Era;

/// Keeps lines, or none.
#[derive(Debug)]
pub struct Trace {
    era: Arc<Era>,
    lines: Option<Mutex<Vec<String>>>,
}

impl Trace {
    /// Keeps every line if `kept`; else nothing is even written.
    #[must_use]
    pub fn new(era: &Arc<Era>, kept: bool) -> Arc<Self> {
        Arc::new(Self { era: Arc::clone(era), lines: kept.then(Mutex::default) })
    }

    /// Notes that something happened.
    pub fn say(&self, who: &str, what: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let at = self.era.elapsed().as_secs_f64();
            lines.lock().push(format!("{at:10.3} {who}: {}", what()));
        }
    }

    /// Whether lines are kept.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    /// Takes the lines.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        self.lines.as_ref().map(|lines| std::mem::take(&mut *lines.lock())).unwrap_or_default()
    }
}

/// Takes what the programs log.
#[derive(Debug, Clone)]
pub struct LogWriter(pub Arc<Trace>);

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.say("log", || String::from_utf8_lossy(bytes).trim_end().to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
