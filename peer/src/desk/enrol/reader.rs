//! The citizen card in a reader, as the one who signs.

use pregao_protocol::value::report::Advised as _;
use std::path::{Path, PathBuf};

use super::SignerError;
use super::card::CitizenSigner;
use crate::card::Card;
use crate::card::prompt::{Consent, OwnTerminal, PromptError, consent};
use crate::text::sanitize::{sanitize, with_causes};

/// A card in a reader and the person before the terminal.
#[derive(Debug)]
pub struct InReader {
    card: Card,
    pin_file: Option<PathBuf>,
    consent: Option<Consent>,
}

/// Finds the card to enrol with: the only one, or the one in the reader meant. Blocks.
///
/// # Errors
/// [`SignerError`] if there is none, or more than one and none was meant.
pub fn find(reader: Option<&str>, pin_file: Option<&Path>) -> Result<InReader, SignerError> {
    let card = Card::find(reader).map_err(PromptError::from)?;
    Ok(InReader { card, pin_file: pin_file.map(Path::to_owned), consent: None })
}

impl CitizenSigner for InReader {
    fn certificate(&self) -> &[u8] {
        self.card.certificate()
    }

    fn issuers(&self) -> &[Vec<u8>] {
        self.card.issuers()
    }

    fn consent(&mut self, notice: &[String]) -> Result<(), SignerError> {
        let lines: Vec<&str> = notice.iter().map(String::as_str).collect();
        let pin_file = self.pin_file.as_deref();
        self.consent = Some(consent(&mut self.card, &lines, pin_file, &mut OwnTerminal)?);
        Ok(())
    }

    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        // A consent is for one signature.
        let consent = self.consent.take().ok_or(PromptError::Nobody)?;
        Ok(consent.sign(&mut self.card, message, &mut OwnTerminal)?)
    }
}

impl From<PromptError> for SignerError {
    fn from(error: PromptError) -> Self {
        // The names of readers and holders come from outside; several cards are listed line by line.
        let lines: Vec<String> = with_causes(&error).lines().map(sanitize).collect();
        Self { message: lines.join("\n"), advice: error.advice().into_owned() }
    }
}
