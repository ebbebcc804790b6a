//! A box as its owner keeps it: what was verified once is gone on from, without the entries before.
//!
//! Only for what one made oneself, and kept where nobody else writes: what is kept is believed. That the log goes on from it
//! shows with the next head that the broker signs, whose root is over all entries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Letter, MessageBox, OpenStock, Published};
use crate::room::action::Action;
use crate::room::body::{Blob, Body, Keys, Stock};
use crate::room::kind::Fold as _;
use crate::room::ledger::{KeptLedger, Ledger};
use crate::room::{Replay, Room};
use crate::value::codec::{Digest, hashes};

const VERSION: u32 = 2;

/// What was kept is not what this program wrote: the box is read from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was kept of the box cannot be read; it is read from its beginning")]
pub struct KeptError;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u32,
    /// Compact JWS.
    opening: String,
    ledger: KeptLedger,
    fold: KeptFold,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptFold {
    newest: Option<(u64, Keys)>,
    #[serde(with = "hashes")]
    published: Vec<Digest>,
    stocks: Vec<KeptStock>,
    #[serde(with = "hashes")]
    came: Vec<Digest>,
    waiting: Vec<(u64, Letter)>,
    accepted: Option<u64>,
    closed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptStock {
    seq: u64,
    blob: Blob,
    stock: Stock,
    used: Vec<u32>,
}

/// Keeps a box as far as it was replayed; nothing if the room is no box, or another action opened it. `opening` is the compact
/// form of the action that did.
#[must_use]
pub fn keep(room: &Room, opening: &str) -> Option<Vec<u8>> {
    let fold = MessageBox::of(room)?;
    if Action::parse(opening).ok()?.room() != room.ledger().name() {
        return None;
    }
    let newest = fold.newest.as_ref().map(|newest| (newest.seq, newest.keys.clone()));
    let stocks = fold.stocks.iter().map(|open| {
        let OpenStock { seq, blob, stock, used } = open;
        KeptStock { seq: *seq, blob: *blob, stock: *stock, used: used.iter().copied().collect() }
    });
    let kept = Kept {
        v: VERSION,
        opening: opening.to_owned(),
        ledger: room.ledger().keep(),
        fold: KeptFold {
            newest,
            published: fold.published.iter().copied().collect(),
            stocks: stocks.collect(),
            came: fold.came.iter().copied().collect(),
            waiting: fold.waiting.iter().map(|(seq, letter)| (*seq, letter.clone())).collect(),
            accepted: fold.accepted,
            closed: fold.closed,
        },
    };
    serde_json::to_vec(&kept).ok()
}

/// Takes up a box where it was kept: the next entry to be pushed is the one behind.
///
/// # Errors
/// [`KeptError`].
pub fn take_up(bytes: &[u8]) -> Result<Replay, KeptError> {
    let kept: Kept = serde_json::from_slice(bytes).map_err(|_| KeptError)?;
    let action = Action::parse(&kept.opening).map_err(|_| KeptError)?;
    let Body::Box(opening) = action.body() else { return Err(KeptError) };
    if kept.v != VERSION {
        return Err(KeptError);
    }
    let ledger = Ledger::take_up(kept.ledger, &action, MessageBox::terms(opening));
    let ledger = ledger.ok_or(KeptError)?;
    let KeptFold { newest, published, stocks, came, waiting, accepted, closed } = kept.fold;
    let waiting: BTreeMap<u64, Letter> = waiting.into_iter().collect();
    let ends = waiting.iter().filter_map(|(seq, letter)| Some((letter.expires?, *seq)));
    let lapses = waiting.iter().filter_map(|(seq, letter)| {
        let registered = letter.registered.as_ref()?;
        let undecided = registered.handed.is_none() && accepted != Some(*seq);
        undecided.then_some((registered.until, *seq))
    });
    let stocks = stocks.into_iter().map(|kept| {
        let KeptStock { seq, blob, stock, used } = kept;
        OpenStock { seq, blob, stock, used: used.into_iter().collect() }
    });
    let fold = MessageBox {
        opening: opening.clone(),
        newest: newest.map(|(seq, keys)| Published { seq, keys }),
        published: BTreeSet::from_iter(published),
        stocks: VecDeque::from_iter(stocks),
        came: BTreeSet::from_iter(came),
        ends: ends.collect(),
        lapses: lapses.collect(),
        accepted,
        bytes: waiting.values().fold(0_u64, |bytes, letter| bytes.saturating_add(letter.bytes)),
        waiting,
        closed,
    };
    Ok(Replay::from_room(Room::of_parts(ledger, fold.into())))
}
