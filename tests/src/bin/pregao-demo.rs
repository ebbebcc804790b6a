//! `pregao-demo`: a live auction on this machine, against bots. See `--help`.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the house: it reads the machine"
)]

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use pregao_test_pki::Profile;
use pregao_tests::demo::cards;
use pregao_tests::demo::play::{Play, Told};

/// Starts a TSA, a broker and a handful of peers on this machine, with data that is thrown away,
/// and puts you among them as a bidder. You can win; the seller then learns what you disclose.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// Play without a user, print the transcript, check everything again, and exit 0 only if all
    /// of it holds. This is also what happens without a terminal.
    #[arg(long)]
    headless: bool,
    /// Keep the logs, their pages and the receipts in this folder, for looking at them and checking them
    /// later. Only without a user.
    #[arg(long, value_name = "DIR", conflicts_with = "card")]
    keep: Option<PathBuf>,
    /// Play with virtual citizen cards of this generation instead: two people enrol with their
    /// cards, trade, and show each other who they are. Needs pcscd and vsmartcard-vpcd, which run
    /// in namespaces of their own; always without a user.
    #[arg(long, value_enum, value_name = "GENERATION", num_args = 0..=1, default_missing_value = "all")]
    card: Option<Cards>,
    /// The program has been started again in namespaces of its own.
    #[arg(long, hide = true, requires = "card")]
    inside: bool,
}

/// Generations to play with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Cards {
    /// 2007 to about 2018.
    V3,
    /// 2018 to 2024.
    V4,
    /// Since 2024.
    V5,
    /// One after the other.
    All,
}

impl Cards {
    const fn profiles(self) -> &'static [Profile] {
        match self {
            Self::V3 => &[Profile::V3],
            Self::V4 => &[Profile::V4],
            Self::V5 => &[Profile::V5],
            Self::All => &[Profile::V3, Profile::V4, Profile::V5],
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.card {
        Some(_) if !arguments.inside => cards::apart(std::env::args_os().skip(1)).await,
        Some(cards) => cards::play(cards.profiles()).await.map(|()| ExitCode::SUCCESS),
        None => return trade(&arguments).await,
    };
    done.unwrap_or_else(|error| fail(&error))
}

async fn trade(arguments: &Arguments) -> ExitCode {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let told = if arguments.headless || !terminal { Told::Aloud } else { Told::Silently };
    let outcome = tokio::select! {
        outcome = play(told, arguments.keep.clone()) => outcome,
        _ = tokio::signal::ctrl_c(), if told == Told::Aloud => Err(anyhow::anyhow!("interrupted")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn play(told: Told, keep: Option<PathBuf>) -> anyhow::Result<()> {
    let play = Play::open(told, keep).await?;
    match told {
        Told::Aloud => play.alone().await,
        Told::Silently => play.with_user().await,
    }
}

#[allow(clippy::print_stderr, reason = "the last words of a program that cannot go on")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("pregao-demo: {error:#}");
    ExitCode::FAILURE
}
