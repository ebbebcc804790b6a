//! The citizen card in a reader, as the one who signs.

use std::path::Path;

use super::SignerError;
use super::card::CitizenSigner;

/// Finds the card to enrol with.
///
/// # Errors
/// [`SignerError`] if there is none, or more than one and none was meant.
pub fn find(
    _reader: Option<&str>,
    _pin_file: Option<&Path>,
) -> Result<Box<dyn CitizenSigner>, SignerError> {
    Err(SignerError {
        code: "card.unsupported".to_owned(),
        message: "this version of the program does not read cards".to_owned(),
        advice: "the request is kept: install a newer version, then run the same command again"
            .to_owned(),
    })
}
