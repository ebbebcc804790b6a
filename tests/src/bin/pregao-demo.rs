//! `pregao-demo`: a live auction on this machine, against bots. See `--help`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
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
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let told = if arguments.headless || !terminal { Told::Aloud } else { Told::Silently };
    let outcome = tokio::select! {
        outcome = play(told) => outcome,
        _ = tokio::signal::ctrl_c(), if told == Told::Aloud => Err(anyhow::anyhow!("interrupted")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn play(told: Told) -> anyhow::Result<()> {
    let play = Play::open(told).await?;
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
