//! `pregao-bench`: what the real programs do per second, measured from outside.
//!
//! Every measurement starts its own TSA and broker on loopback with throw-away data and reads the
//! CPU time of each process from the system. Counts and times are bounded; nothing is left over.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the house: it reads the machine"
)]
#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

mod bids;
mod fanout;
mod flood;
mod gauge;
mod letters;
mod mail;
mod matching;
mod primitives;
mod sealed;
mod stamps;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use gauge::Row;
use pregao_tests::house::{Options, executable};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Letters in a mail store, unless it is said how many.
const STORED: usize = 100_000;
/// Letters of each pair that writes, unless it is said how many.
const WRITTEN: usize = 1_000;

/// Measures TSA and broker on this machine.
#[derive(Parser)]
struct Arguments {
    /// What to measure.
    #[arg(value_enum, default_value = "all")]
    subject: Subject,
    /// How long each measurement lasts, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Numbers of watchers.
    #[arg(long, value_delimiter = ',', default_values = ["100", "1000", "5000"])]
    watchers: Vec<NonZeroUsize>,
    /// Number of bidders, and of writers of letters.
    #[arg(long, default_value = "32")]
    bidders: NonZeroUsize,
    /// Number of idle connections.
    #[arg(long, default_value = "2000")]
    idle: NonZeroUsize,
    /// Number of sealed bids that are opened.
    #[arg(long, default_value = "10000")]
    sealed: NonZeroUsize,
    /// Number of letters: in a mail store [default: 100000]; of each pair that writes [default: 1000].
    #[arg(long)]
    letters: Option<NonZeroUsize>,
    /// Number of people who write in pairs.
    #[arg(long, default_value = "40")]
    people: NonZeroUsize,
    /// Everything at its smallest size: shows that all of it works, and measures nothing.
    #[arg(long, conflicts_with_all = ["seconds", "watchers", "bidders", "idle", "sealed", "letters", "people"])]
    smallest: bool,
    /// Where to write the numbers as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    Primitives,
    Stamps,
    Bids,
    Sealed,
    Witnessing,
    Fanout,
    Idle,
    Flood,
    Letters,
    Mail,
    Matching,
    All,
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    if arguments.smallest {
        let one = NonZeroUsize::MIN;
        arguments.seconds = 1;
        (arguments.watchers, arguments.bidders, arguments.idle) = (vec![one], one, one);
        (arguments.sealed, arguments.letters, arguments.people) = (one, Some(one), one);
    }
    // Nothing runs there: times are drawn.
    if arguments.subject != Subject::Matching {
        build()?;
        raise_limits()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rows = runtime.block_on(measure(&arguments))?;
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&rows)?)?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> Result<Vec<Row>> {
    let wants = |subject| arguments.subject == subject || arguments.subject == Subject::All;
    let mut rows = Vec::new();
    let mut show = |more: Vec<Row>| {
        more.iter().for_each(|row| println!("{row}"));
        rows.extend(more);
    };
    let sums = primitives::measure();
    if wants(Subject::Primitives) || wants(Subject::Bids) {
        show(sums.rows());
    }
    if wants(Subject::Stamps) {
        show(stamps::measure(arguments.seconds).await?);
    }
    if wants(Subject::Bids) {
        show(bids::measure(arguments.bidders.get(), arguments.seconds, &sums).await?);
    }
    if wants(Subject::Sealed) {
        let opened = arguments.sealed.get();
        let size = sealed::Size {
            bidders: arguments.bidders.get(),
            seconds: arguments.seconds,
            opened,
            watched: opened.div_ceil(10),
        };
        show(sealed::measure(&size, &sums).await?);
    }
    if wants(Subject::Witnessing) {
        show(bids::witnessing(arguments.bidders.get(), arguments.seconds, &sums).await?);
    }
    if wants(Subject::Fanout) {
        for watchers in &arguments.watchers {
            show(fanout::measure(watchers.get(), arguments.seconds).await?);
        }
    }
    if wants(Subject::Idle) {
        show(fanout::idle(arguments.idle.get()).await?);
    }
    if wants(Subject::Flood) {
        show(flood::measure(arguments.bidders.get(), arguments.seconds).await?);
    }
    if wants(Subject::Letters) {
        show(letters::measure(arguments.bidders.get(), arguments.seconds, &sums).await?);
    }
    if wants(Subject::Mail) {
        show(mail::measure(arguments.letters.map_or(STORED, NonZeroUsize::get))?);
    }
    if wants(Subject::Matching) {
        let letters = arguments.letters.map_or(WRITTEN, NonZeroUsize::get);
        let times = arguments.smallest.then_some(1);
        show(matching::measure(arguments.people.get(), letters, times));
    }
    Ok(rows)
}

/// Builds the two programs beside this one if they are not there.
fn build() -> Result<()> {
    if executable("pregao-tsa").is_ok() && executable("pregao-broker").is_ok() {
        return Ok(());
    }
    let cargo = std::env::var_os("CARGO").context("run cargo build --release --workspace first")?;
    // The programs are looked for beside this one, in the folder that its profile is named for.
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(|folder| folder.file_name()).and_then(|name| name.to_str());
    let profile = folder.map_or("dev", |folder| if folder == "debug" { "dev" } else { folder });
    let mut command = Command::new(cargo);
    command.args(["build", "-p", "pregao-tsa", "-p", "pregao-broker", "--profile", profile]);
    ensure!(command.status()?.success(), "the programs could not be built");
    Ok(())
}

/// Every connection takes a descriptor here and one in the broker, which inherits the limit.
fn raise_limits() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).context("raise the limit of open files with ulimit -n")
}

/// Flags under which no limit of the door is in the way.
fn unlimited() -> Options {
    let options = Options { log: Some("warn".to_owned()), ..Options::default() };
    options.broker("--rate 1000000 --burst 1000000 --max-effort 0 --max-per-address 20000 --max-connections 20000")
}
