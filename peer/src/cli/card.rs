//! Carries out `pregao card`.

use std::io::Write;

use pregao_protocol::host::Host;

use super::{CardOptions, CardTask};
use crate::card::Card;
use crate::card::prompt::{OwnTerminal, PromptError};
use crate::card::show::{readers, show, test_sign};

/// Runs `pregao card`. Blocks.
///
/// # Errors
/// [`PromptError`], with advice.
pub fn run(
    task: &CardTask,
    options: &CardOptions,
    json: bool,
    host: &Host,
    out: &mut impl Write,
) -> Result<(), PromptError> {
    let lines = match *task {
        CardTask::Readers => readers(&Card::look()?, json),
        CardTask::Show { civil_number } => {
            let mut card = Card::find(options.reader.as_deref())?;
            show(&mut card, civil_number, json, host.clock.wall())?
        }
        CardTask::TestSign => {
            let mut card = Card::find(options.reader.as_deref())?;
            let pin_file = options.pin_file.as_deref();
            let random = host.random().map_err(std::io::Error::other)?;
            test_sign(&mut card, random, pin_file, &mut OwnTerminal, json)?
        }
    };
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(PromptError::Terminal)
}
