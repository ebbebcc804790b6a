//! `pregao-sim`: plays seeds of the simulation and says which kept every promise.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the house: it reads the machine"
)]

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use parking_lot::Mutex;
use pregao_tests::sim::cheat::{self, Cheat};
use pregao_tests::sim::run;
use pregao_tests::sim::verdict::Tally;

/// Plays a TSA, a broker and several desks in one thread, once for each seed, while programs crash,
/// wires break and clocks are set; and judges whether every promise was kept.
#[derive(Parser, Debug)]
struct Arguments {
    /// How many seeds to play.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Goes on until so many auctions were held, however many seeds that takes.
    #[arg(long)]
    auctions: Option<u64>,
    /// How many seeds are played at a time; one for each processor if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Prints everything that happens in the first seed, and plays no other; of one cheat, if that is given.
    #[arg(long)]
    trace: bool,
    /// Plays houses that cheat one person in this way instead, or in every way that there is with `all`.
    #[arg(long)]
    cheat: Option<String>,
    /// Lines of the trace that are printed of a seed that fails.
    #[arg(long, default_value_t = 400)]
    lines: usize,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(
        cfg!(tokio_unstable),
        "built without --cfg tokio_unstable, so no seed would replay\n.cargo/config.toml sets it, unless RUSTFLAGS is set: build without RUSTFLAGS"
    );
    if let Some(named) = &arguments.cheat
        && arguments.trace
    {
        let cheat = named.parse().map_err(anyhow::Error::msg)?;
        return trace_cheat(arguments.first, cheat);
    }
    if let Some(named) = &arguments.cheat {
        return play_cheats(named, &arguments);
    }
    if arguments.trace {
        return trace(arguments.first);
    }
    let began = Instant::now();
    let (next, failed) = (AtomicU64::new(arguments.first), AtomicBool::new(false));
    let tally = Mutex::new((0_u64, Tally::default()));
    let is_over = |seed: u64| match arguments.auctions {
        Some(auctions) => tally.lock().1.auctions >= auctions,
        None => seed >= arguments.first.saturating_add(arguments.seeds),
    };
    let play = || -> Result<()> {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if is_over(seed) {
                break;
            }
            match run::seed(seed, false)?.outcome {
                Ok(of_seed) => {
                    let mut tally = tally.lock();
                    *tally = (tally.0 + 1, tally.1.and(of_seed));
                }
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    tell_failure(seed, &error, arguments.lines)?;
                }
            }
        }
        Ok(())
    };
    let threads = threads(&arguments);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(play)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked"))
        })
    })?;
    let (seeds, tally) = *tally.lock();
    writeln!(
        std::io::stdout(),
        "{seeds} seeds in {:.1} s: {tally:?}",
        began.elapsed().as_secs_f64()
    )?;
    Ok(if failed.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn threads(arguments: &Arguments) -> usize {
    let each = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.threads.unwrap_or_else(each)
}

/// Plays the seeds of one cheat, or of each.
fn play_cheats(named: &str, arguments: &Arguments) -> Result<ExitCode> {
    let cheats = match named {
        "all" => Cheat::ALL.to_vec(),
        name => vec![name.parse().map_err(anyhow::Error::msg)?],
    };
    let seeds = arguments.first..arguments.first.saturating_add(arguments.seeds);
    let (mut out, mut all_caught) = (std::io::stdout(), true);
    for cheat in cheats {
        let began = Instant::now();
        let count = cheat::seeds(cheat, seeds.clone(), threads(arguments))?;
        let (caught, none, seconds) =
            (count.caught, count.no_occasion, began.elapsed().as_secs_f64());
        let failed = count.failed.len();
        writeln!(
            out,
            "{cheat}: {caught} as expected ({:?}), {none} without an occasion, {failed} otherwise, in {seconds:.1} s",
            cheat.expected()
        )?;
        for (seed, why) in count.failed.iter().take(5) {
            writeln!(out, "  seed {seed} FAILED: {why}")?;
        }
        all_caught &= failed == 0 && caught > 0;
    }
    Ok(if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn trace_cheat(seed: u64, cheat: Cheat) -> Result<ExitCode> {
    let (went, trace) = cheat::trace(seed, cheat, true)?;
    let mut out = std::io::stdout().lock();
    for line in trace {
        writeln!(out, "{line}")?;
    }
    match went {
        Ok(went) => writeln!(out, "\n{cheat}, seed {seed}: {went:?}")?,
        Err(error) => {
            writeln!(out, "\n{cheat}, seed {seed} FAILED: {error:#}")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a seed that failed, why, and how it came to that: it is played again for it.
fn tell_failure(seed: u64, error: &anyhow::Error, lines: usize) -> Result<()> {
    let again = run::seed(seed, true)?;
    let mut out = std::io::stdout().lock();
    for line in again.trace.iter().skip(again.trace.len().saturating_sub(lines)) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\nseed {seed} FAILED: {error:#}")?;
    if let Err(second) = again.outcome {
        if format!("{second:#}") != format!("{error:#}") {
            writeln!(out, "and played again it failed otherwise: {second:#}")?;
        }
    } else {
        writeln!(out, "and played again it did not: the simulation is not deterministic")?;
    }
    writeln!(out, "replay: pregao-sim --first {seed} --trace")?;
    Ok(())
}

fn trace(seed: u64) -> Result<ExitCode> {
    let ran = run::seed(seed, true)?;
    let mut out = std::io::stdout().lock();
    for line in &ran.trace {
        writeln!(out, "{line}")?;
    }
    match ran.outcome {
        Ok(tally) => writeln!(out, "seed {seed}: {tally:?}")?,
        Err(error) => {
            writeln!(out, "seed {seed} FAILED: {error:#}")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
