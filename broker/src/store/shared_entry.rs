//! An entry as logged, shared by everybody who sends it.

use std::sync::Arc;

use pregao_protocol::log::Logged;

use super::{NewEntry, StoredEntry};

/// An entry as logged with the batch header that it names, kept for many to send.
#[derive(Debug, Clone)]
pub struct SharedEntry {
    /// The entry's bytes.
    pub entry: Arc<str>,
    /// The header as transmitted.
    pub header: Arc<str>,
}

impl SharedEntry {
    /// For writing a frame.
    #[must_use]
    pub fn logged(&self) -> Logged<'_> {
        Logged { entry: &self.entry, header: &self.header }
    }
}

impl From<&NewEntry> for SharedEntry {
    fn from(entry: &NewEntry) -> Self {
        let (text, header) = (Arc::clone(&entry.text), Arc::clone(&entry.header.text));
        Self { entry: text, header }
    }
}

impl From<StoredEntry> for SharedEntry {
    fn from(entry: StoredEntry) -> Self {
        Self { entry: entry.text.into(), header: entry.header }
    }
}
