//! A room as a peer knows it: replayed, with its newest head.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use pregao_protocol::log::{Head, Logged};
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::{Replay, Room};

/// A room as this peer knows it.
#[derive(Debug, Default)]
pub struct Watched {
    /// The fold of everything received.
    pub replay: Replay,
    /// Every entry, as transmitted.
    pub entries: Vec<String>,
    /// For every entry the batch header that it names.
    pub headers: Vec<Arc<str>>,
    /// The newest verified head.
    pub head: Option<Head>,
    /// Entries up to which enough witnesses cosigned (V-141).
    pub final_size: u64,
}

impl Watched {
    /// Every entry with its header.
    pub fn logged(&self) -> impl Iterator<Item = Logged<'_>> {
        let entries = self.entries.iter().zip(&self.headers);
        entries.map(|(entry, header)| Logged { entry, header })
    }

    /// The fold.
    ///
    /// # Errors
    /// If nothing was received.
    pub fn room(&self) -> Result<&Room> {
        self.replay.room().context("no entry of the room has arrived")
    }

    /// The auction.
    ///
    /// # Errors
    /// If it is none, or nothing was received.
    pub fn auction(&self) -> Result<&Auction> {
        Auction::of(self.room()?).context("not an auction")
    }

    /// How many entries have arrived.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.replay.room().map_or(0, |room| room.ledger().head().size)
    }
}
