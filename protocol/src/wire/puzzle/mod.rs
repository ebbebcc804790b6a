//! Puzzles: work that a broker under load asks for before it looks at any signature (SPEC 9.1).
//!
//! Solving takes about 2^effort hashes, checking takes one. What a solution is for is hashed with it: one that was
//! made for another broker, purpose, session, room, action or time solves nothing. Nothing here reads a clock or runs
//! threads: whoever solves takes [`slices`] of the counters, one after the other, on as many threads as it has, and
//! stops between two.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::log::RoomName;
use crate::trust::key::Fingerprint;
use crate::value::codec::{Digest, from_base64url};
use crate::value::label::{self, MAX_COUNTER, MAX_EFFORT, MIN_GUEST_EFFORT};

/// Counters in one slice: a few milliseconds of one core.
const SLICE: u16 = 1 << 13;

/// How much work is asked for, in leading zero bits; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effort(u8);

/// More work than anybody may ask for (V-192).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a puzzle of 2^{0} steps is asked for, and 2^{MAX_EFFORT} is the most that may be")]
pub struct TooMuch(pub u64);

impl Effort {
    /// No puzzle.
    pub const NONE: Self = Self(0);
    /// The most that may be asked for.
    pub const MAX: Self = Self(MAX_EFFORT);

    /// Takes a number of bits.
    ///
    /// # Errors
    /// [`TooMuch`] above [`MAX_EFFORT`] (V-192).
    pub fn new(bits: u64) -> Result<Self, TooMuch> {
        match u8::try_from(bits) {
            Ok(bits) if bits <= MAX_EFFORT => Ok(Self(bits)),
            _ => Err(TooMuch(bits)),
        }
    }

    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether no puzzle is asked for.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What a guest is asked for where a persona is asked for this: never nothing (V-198).
    #[must_use]
    pub fn of_guests(self) -> Self {
        self.max(Self(MIN_GUEST_EFFORT))
    }

    /// How many hashes it takes on average.
    #[must_use]
    pub const fn hashes(self) -> u64 {
        1 << self.0
    }
}

/// What a puzzle is solved for; its number is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// A persona's handshake.
    Handshake = 1,
    /// An action handed in.
    Submission = 2,
    /// A guest's handshake.
    Guest = 3,
}

/// A puzzle: everything that a solution is bound to (V-190).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Puzzle {
    /// Whom it is solved for.
    pub broker: Fingerprint,
    /// What for.
    pub purpose: Purpose,
    /// Where: the id of the session; in a handshake the hash of `choice`.
    pub binding: Digest,
    /// The room of the action; in a handshake zeros.
    pub room: RoomName,
    /// Digest of the action; in a handshake zeros.
    pub digest: Digest,
    /// Hash of a recent batch header.
    pub header: Digest,
}

impl Puzzle {
    /// Of a handshake whose `choice` asked for one.
    #[must_use]
    pub fn of_handshake(broker: Fingerprint, choice: &[u8], header: Digest) -> Self {
        Self {
            broker,
            purpose: Purpose::Handshake,
            binding: Digest::of(choice),
            room: RoomName([0; 32]),
            digest: Digest([0; 32]),
            header,
        }
    }

    /// Of an action handed in, as it is handed in: nothing of it was checked yet.
    #[must_use]
    pub fn of_submission(
        broker: Fingerprint,
        session: Digest,
        action: &str,
        header: Digest,
    ) -> Self {
        let (room, digest) = (room_named_in(action), Digest::of(action.as_bytes()));
        Self { broker, purpose: Purpose::Submission, binding: session, room, digest, header }
    }

    /// What is hashed before the counter; every part has its one size.
    fn prefix(&self) -> Sha256 {
        Sha256::new()
            .chain_update(label::PUZZLE)
            .chain_update(self.broker.0)
            .chain_update([self.purpose as u8])
            .chain_update(self.binding.0)
            .chain_update(self.room.0)
            .chain_update(self.digest.0)
            .chain_update(self.header.0)
    }

    /// What a counter comes to.
    #[must_use]
    pub fn work(&self, counter: u64) -> Digest {
        work(&self.prefix(), counter)
    }

    /// Whether a counter solves it: one hash.
    #[must_use]
    pub fn is_solved_by(&self, counter: u64, effort: Effort) -> bool {
        counter <= MAX_COUNTER && holds(&self.work(counter), effort)
    }

    /// The first of some counters that solves it.
    #[must_use]
    pub fn solve(&self, effort: Effort, counters: Range<u64>) -> Option<u64> {
        let prefix = self.prefix();
        let mut counters = counters.start..counters.end.min(MAX_COUNTER + 1);
        counters.find(|counter| holds(&work(&prefix, *counter), effort))
    }
}

/// The room that an action names, without reading more of it than that: its encoding has one form (V-011), so the name
/// has one place. An opening names none, and has its own; whatever is no action is refused later.
fn room_named_in(action: &str) -> RoomName {
    let named = || {
        let payload = action.split('.').nth(1)?;
        // `{"id":"`, 36 letters, `","room":"`, 64 letters: within the first 120 bytes.
        let begins = from_base64url(payload.get(..160)?).ok()?;
        let name = begins.get(7 + 36..)?.strip_prefix(br#"","room":""#)?.get(..64)?;
        std::str::from_utf8(name).ok()?.parse().ok()
    };
    named().unwrap_or_else(|| RoomName::of_opening(action))
}

/// All counters from one on, in slices for whoever solves.
pub fn slices(from: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (from..=MAX_COUNTER).step_by(SLICE.into());
    starts.map(|start| start..start.saturating_add(SLICE.into()))
}

fn work(prefix: &Sha256, counter: u64) -> Digest {
    Digest(prefix.clone().chain_update(counter.to_be_bytes()).finalize().into())
}

/// Whether a hash begins with so many zero bits.
fn holds(work: &Digest, effort: Effort) -> bool {
    let mut zeros = 0;
    for byte in work.0 {
        zeros += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    zeros >= u32::from(effort.bits())
}

/// What is handed in beside an action (V-191).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solution {
    /// Hash of the batch header that the puzzle names.
    pub header: Digest,
    /// The counter that solves it.
    pub counter: u64,
}

/// What a `choice` asks for before message 1 (V-195).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// How many leading zero bits.
    pub effort: u64,
    /// Hash of the broker's newest batch header.
    pub header: Digest,
    /// Random: no two choices are alike.
    pub nonce: Digest,
}

#[cfg(test)]
mod tests;
