//! What the user waits for: who wants to be found, files of a letter.

use std::path::PathBuf;

use pregao_protocol::letter::Address;
use pregao_protocol::log::RoomName;

/// Who wants to be found, as the broker lists them, each opening verified.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// In the order of the list.
    pub people: Vec<Listed>,
    /// How many more the broker has, as far as it says.
    pub left_out: u64,
}

/// Somebody of the list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Their box.
    pub name: RoomName,
    /// What they want to be called.
    pub handle: String,
    /// The line that they say of themselves.
    pub about: Option<String>,
    /// Where they are written to.
    pub address: Address,
}

/// A file of a letter that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Which of the letter's files, from 0.
    pub index: usize,
    /// Where it is.
    pub path: PathBuf,
}

/// Why an errand was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotDone {
    /// A stable word for programs.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub advice: String,
}
