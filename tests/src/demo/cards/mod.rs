//! The demonstration with citizen cards: two people with virtual cards in a real `pcscd`, the real
//! TSA, broker and `pregao`, and at the end a search for everything that should be written nowhere.
//!
//! - [`stage`] PKI, services and people, also for tests
//! - [`mod@play`] what the two do
//! - [`secrets`] the search

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use pregao_test_pki::Profile;

use crate::card::Readers;

pub mod play;
pub mod secrets;
pub mod stage;

/// Starts the running program again with these arguments in namespaces of its own; gives its
/// status.
///
/// # Errors
/// If this machine allows no namespaces.
pub async fn apart(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let all: Vec<OsString> = arguments.chain([OsString::from("--inside")]).collect();
    let command = crate::card::apart(&std::env::current_exe()?, all)?;
    let mut command = tokio::process::Command::from(command);
    let mut child = command.kill_on_drop(true).spawn().context("cannot start `unshare`")?;
    tokio::select! {
        status = child.wait() => {
            let code = status?.code().and_then(|code| u8::try_from(code).ok());
            Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
        }
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

/// Plays with cards of each generation. Only inside namespaces made by [`apart`].
///
/// # Errors
/// If anything does not hold.
pub async fn play(profiles: &[Profile]) -> Result<()> {
    let readers = Readers::open()?;
    for profile in profiles {
        let begun = Instant::now();
        say(&format!("== citizen cards {}", generation(*profile)));
        play::with(*profile).await.with_context(|| generation(*profile).to_owned())?;
        say(&format!("== {}: all held, in {} s", generation(*profile), begun.elapsed().as_secs()));
    }
    drop(readers);
    Ok(())
}

const fn generation(profile: Profile) -> &'static str {
    match profile {
        Profile::V3 => "v3",
        Profile::V4 => "v4",
        Profile::V5 => "v5",
    }
}

fn say(line: &str) {
    // A reader that has gone away does not stop the play.
    let _ = writeln!(std::io::stdout(), "{line}");
}
