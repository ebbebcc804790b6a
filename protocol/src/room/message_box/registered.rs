//! Registered letters in the fold of a box: each is accepted and handed over, declined, or lapses (SPEC 8.5).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MessageBox;
use crate::room::body::{Body, HandedHalf, Registered};
use crate::room::message_box::half::{Half, SealedHalf};
use crate::room::{Code, Stamped};
use crate::trust::key::{OneTime, PublicKey};
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label;

/// What is known of a registered letter that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The key that signed the deposit: the half is sealed for it.
    pub key: PublicKey<OneTime>,
    /// The broker's half of the letter's key, sealed to the broker.
    pub half: SealedHalf,
    /// What that half is committed to by.
    pub commitment: Digest,
    /// From then on it can be neither accepted nor declined, and lapses.
    pub until: Time,
    /// The broker's half, once it was accepted and handed over.
    pub handed: Option<Half>,
}

impl Registration {
    pub(super) fn of(registered: &Registered, entry: &Stamped) -> Self {
        Self {
            key: *entry.action().key(),
            half: registered.half,
            commitment: registered.commitment,
            until: entry.time().plus(Duration::from_secs(label::REGISTERED_FOR)),
            handed: None,
        }
    }
}

impl MessageBox {
    /// When the next registered letter lapses that nobody accepted or declined, and which; `None` if none waits for that.
    #[must_use]
    pub fn next_lapse(&self) -> Option<(Time, u64)> {
        self.lapses.first().copied()
    }

    /// What is known of a registered letter that was neither accepted nor declined, and has not lapsed.
    #[must_use]
    pub fn undecided(&self, seq: u64) -> Option<&Registration> {
        let registered = self.waiting.get(&seq)?.registered.as_ref()?;
        // Of the one that was accepted just now nothing but the half is awaited.
        (registered.handed.is_none() && self.accepted != Some(seq)).then_some(registered)
    }

    /// The broker's half of the key of a registered letter that was handed over and waits to be taken.
    #[must_use]
    pub fn handed(&self, seq: u64) -> Option<&Half> {
        self.waiting.get(&seq)?.registered.as_ref()?.handed.as_ref()
    }

    /// The letter that was accepted, and of which the half is awaited: only ever in the middle of a commit.
    #[must_use]
    pub const fn awaits_half(&self) -> Option<u64> {
        self.accepted
    }

    /// V-332 to V-336, for what is about registered letters; whatever else it is, is judged elsewhere.
    pub(super) fn judge_registered(&self, entry: &Stamped) -> Result<(), Code> {
        match entry.action().body() {
            Body::Accepted(one) | Body::Declined(one) => {
                // As of what is taken: a signature counts for what its owner had seen.
                let is_seen = one.letter < entry.action().seen().size;
                let letter = self.undecided(one.letter).filter(|_| is_seen);
                let letter = letter.ok_or(Code::RegisteredLetter)?;
                if entry.time() < letter.until { Ok(()) } else { Err(Code::RegisteredLate) }
            }
            Body::Lapsed(one) => {
                let over = |letter: &Registration| entry.time() >= letter.until;
                let lapses = self.undecided(one.letter).is_some_and(over);
                if lapses { Ok(()) } else { Err(Code::LapsedWrong) }
            }
            // What may be handed over is what was accepted right before (V-334).
            Body::Handed(_) => Err(Code::HandedWrong),
            Body::Taken(taken)
                if taken.letters.iter().any(|seq| self.undecided(*seq).is_some()) =>
            {
                Err(Code::TakenRegistered)
            }
            _ => Ok(()),
        }
    }

    /// V-333, V-334: the entry after `accepted`.
    pub(super) fn judge_half(&self, seq: u64, body: &Body) -> Result<(), Code> {
        let Body::Handed(HandedHalf { letter, half }) = body else { return Err(Code::HandedPair) };
        if *letter != seq {
            return Err(Code::HandedPair);
        }
        let registered = self.waiting.get(&seq).and_then(|letter| letter.registered.as_ref());
        let is_it = registered.is_some_and(|letter| letter.commitment == half.commitment());
        if is_it { Ok(()) } else { Err(Code::HandedWrong) }
    }

    /// It was accepted: it lapses no more.
    pub(super) fn accept(&mut self, seq: u64) {
        self.accepted = Some(seq);
        if let Some(letter) = self.waiting.get(&seq).and_then(|letter| letter.registered.as_ref()) {
            self.lapses.remove(&(letter.until, seq));
        }
    }

    /// It was handed over, and waits to be taken like any other.
    pub(super) fn hand_over(&mut self, seq: u64, half: &Half) {
        self.accepted = None;
        let letter = self.waiting.get_mut(&seq);
        if let Some(letter) = letter.and_then(|letter| letter.registered.as_mut()) {
            letter.handed = Some(half.clone());
        }
    }
}
