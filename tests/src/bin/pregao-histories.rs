//! `pregao-histories`: generates auctions by the thousand and holds four judges of each together.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the house: it reads the machine"
)]

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use parking_lot::Mutex;
use pregao_tests::histories::{Failure, Keys, Kind, Tally, play, told};

/// Generates auctions, each from a seed, with people and a broker who keep to the rules or do not, and compares what the
/// broker's fold, a peer's replay, the offline verifier and a naive model say of each.
#[derive(Parser, Debug)]
struct Arguments {
    /// How many histories to play.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// The seed of the first.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Of one kind only, as the counts name it; otherwise each seed has its kind.
    #[arg(long)]
    kind: Option<Kind>,
    /// Prints what happens in the history of this seed, and plays no other.
    #[arg(long)]
    seed: Option<u64>,
    /// How many are played at a time; one for each processor if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Stops after so many that fail.
    #[arg(long, default_value_t = 5)]
    failures: usize,
}

/// How many seeds a thread takes at a time.
const SHARE: u64 = 64;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let kind_of = |seed| arguments.kind.unwrap_or_else(|| Kind::of(seed));
    let mut out = std::io::stdout().lock();
    if let Some(seed) = arguments.seed {
        let keys = Keys::default();
        for line in told(&keys, seed, kind_of(seed)) {
            writeln!(out, "{line}")?;
        }
        return Ok(match play(&keys, seed, kind_of(seed)) {
            Ok(tally) => {
                writeln!(out, "{tally}")?;
                ExitCode::SUCCESS
            }
            Err(_) => ExitCode::FAILURE,
        });
    }
    let began = Instant::now();
    let (next, failed, all) =
        (AtomicU64::new(0), Mutex::new(Vec::<Failure>::new()), Mutex::new(Tally::default()));
    let work = || {
        let (keys, mut own) = (Keys::default(), Tally::default());
        loop {
            let from = next.fetch_add(SHARE, Ordering::Relaxed);
            if from >= arguments.count || failed.lock().len() >= arguments.failures {
                break;
            }
            for at in from..from.saturating_add(SHARE).min(arguments.count) {
                let seed = arguments.first.wrapping_add(at);
                match play(&keys, seed, kind_of(seed)) {
                    Ok(tally) => own = std::mem::take(&mut own).and(&tally),
                    Err(failure) => failed.lock().push(*failure),
                }
            }
        }
        let mut all = all.lock();
        *all = std::mem::take(&mut *all).and(&own);
    };
    let threads = arguments
        .threads
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (all, failed) = (all.into_inner(), failed.into_inner());
    for failure in &failed {
        writeln!(out, "{failure}\n")?;
    }
    let (total, seconds) = (all.total(), began.elapsed().as_secs_f64());
    writeln!(out, "{all}")?;
    let each = std::time::Duration::from_secs_f64(seconds);
    writeln!(out, "{total} histories in {each:.1?}, {} failed", failed.len())?;
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
