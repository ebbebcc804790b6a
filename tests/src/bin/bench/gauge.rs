//! What the system says of a process, and a line of the table.

use std::time::Instant;

use anyhow::{Context as _, Result};
use pregao_tests::house::Program;
use serde::Serialize;

/// One measured number.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { what: what.into(), value, unit }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<64} {:>12.2} {}", self.what, self.value, self.unit)
    }
}

/// CPU time of a process so far, in microseconds: user and system.
fn cpu(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("another form of stat")?;
    let mut fields = fields.split(' ').skip(11);
    let mut next = || fields.next().context("stat is too short")?.parse::<f64>().context("stat");
    let ticks = next()? + next()?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(ticks * 1e6 / f64::from(per_second))
}

/// Memory of a process that is in RAM, in KiB.
pub(crate) fn resident(program: &Program) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(number.parse()?)
}

/// Time and the CPU time of some processes from here on.
pub(crate) struct Gauge {
    processes: Vec<u32>,
    before: Vec<f64>,
    since: Instant,
}

impl Gauge {
    pub(crate) fn start(programs: &[&Program]) -> Result<Self> {
        let processes: Vec<u32> = programs.iter().map(|program| program.pid()).collect();
        let before = processes.iter().map(|pid| cpu(*pid)).collect::<Result<_>>()?;
        Ok(Self { processes, before, since: Instant::now() })
    }

    /// Seconds passed, and microseconds of CPU that each process used.
    pub(crate) fn stop(self) -> Result<(f64, Vec<f64>)> {
        let seconds = self.since.elapsed().as_secs_f64();
        let used = self.processes.iter().zip(self.before);
        let used = used.map(|(pid, before)| Ok(cpu(*pid)? - before)).collect::<Result<_>>()?;
        Ok((seconds, used))
    }
}

/// A count as a number to divide by.
#[allow(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}
