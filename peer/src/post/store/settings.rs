//! What the user has chosen for all letters.

use pregao_protocol::letter::Mode;
use serde::{Deserialize, Serialize};

use super::MailError;
use super::contacts::Receipts;
use super::rows::{Change, Plain, Record, Table, View};
use super::seal::Keys;

/// The one row.
const ROW: i64 = 1;

/// What the user has chosen for all letters. A contact's own settings go before these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How letters are proved.
    pub mode: Mode,
    /// Whether read receipts are sent to contacts who are added from now on; to others none is.
    pub receipts: Receipts,
    /// Whether a read receipt is wished for.
    pub wants_receipt: bool,
    /// Whether what shows letters to others is kept.
    pub keep_evidence: bool,
    /// How long a letter can be taken back, in seconds.
    pub hold: u64,
    /// Whether what goes to contacts who answer leaves at times drawn ahead alone, with cover where nothing waits.
    pub even: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Deniable,
            receipts: Receipts::Ask,
            wants_receipt: false,
            keep_evidence: true,
            hold: 10,
            even: false,
        }
    }
}

impl Record for Settings {
    const TABLE: Table = Table { name: "setting", columns: &[] };

    fn plain(&self, _: &Keys) -> Vec<Plain> {
        Vec::new()
    }
}

impl View<'_> {
    /// What was chosen; what was not is as at first.
    ///
    /// # Errors
    /// [`MailError::Row`], and if the file cannot be read.
    pub fn settings(&self) -> Result<Settings, MailError> {
        Ok(self.row(ROW)?.unwrap_or_default())
    }
}

impl Change<'_> {
    /// Keeps what was chosen.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn keep_settings(&mut self, settings: &Settings) -> Result<(), MailError> {
        self.put(ROW, settings)
    }
}
