//! What the two write to each other in their room, as far as its log tells (SPEC 8.4).
//!
//! Nothing here counts for how the room ends. Each one-time key is for one saying, so that its secret goes with the
//! saying that it opened; and as only the other side uses a side's keys, no two ever compete for one.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use crate::room::Code;
use crate::room::action::Action;
use crate::room::body::{Reveal, SealedSay, Side, Talk, TalkKeys};
use crate::trust::agreement::AgreementPublic;
use crate::trust::key::{PairKey, PublicKey};
use crate::trust::prekey::PrekeyPublic;
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label::{MAX_SAID, MAX_TALK_KEYS, MAX_WAITING_KEYS, TALK_AFTER};

/// The keys of one side.
#[derive(Debug, Clone)]
pub struct SideKeys {
    agreement: AgreementPublic,
    signed: PrekeyPublic,
    /// One-time keys to which nothing is sealed, the oldest first.
    waiting: VecDeque<(Digest, PrekeyPublic)>,
    /// How many one-time keys were published in all.
    published: usize,
}

impl SideKeys {
    /// By which what is said convinces its reader.
    #[must_use]
    pub const fn agreement(&self) -> &AgreementPublic {
        &self.agreement
    }

    /// What everything said to this side is sealed to, besides a one-time key.
    #[must_use]
    pub const fn signed(&self) -> &PrekeyPublic {
        &self.signed
    }

    /// Digests of the one-time keys to which nothing is sealed, and the keys, the oldest first.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = &(Digest, PrekeyPublic)> {
        self.waiting.iter()
    }

    /// How many more one-time keys this side can publish now.
    #[must_use]
    pub fn room_for(&self) -> usize {
        let waiting = MAX_WAITING_KEYS.saturating_sub(self.waiting.len());
        waiting.min(MAX_SAID.saturating_sub(self.published))
    }
}

/// All that was published and said.
#[derive(Debug, Clone, Default)]
pub struct Talks {
    seller: Option<SideKeys>,
    winner: Option<SideKeys>,
    pair: Option<PublicKey<PairKey>>,
    /// Digests of every key that either side published; of a one-time key with the side.
    known: BTreeMap<Digest, Option<Side>>,
}

/// Until when the two can write to each other.
#[must_use]
pub fn open_until(reveal: &Reveal) -> Time {
    reveal.deadline.plus(Duration::from_secs(TALK_AFTER))
}

/// V-313: the time is known from the opening, so that nobody writes what cannot come any more.
pub(super) fn judge_time(reveal: &Reveal, time: Time) -> Result<(), Code> {
    if time > open_until(reveal) { Err(Code::TalkOver) } else { Ok(()) }
}

/// V-312: as many keys as one entry may have.
pub(super) fn judge_size(once: &[PrekeyPublic], most: usize) -> Result<(), Code> {
    if (1..=most).contains(&once.len()) { Ok(()) } else { Err(Code::TalkKeys) }
}

/// One-time keys beside the signed one in a `talk`.
pub(super) const WITH_SIGNED: usize = MAX_TALK_KEYS - 1;

impl Talks {
    /// The keys of a side, once published.
    #[must_use]
    pub const fn keys(&self, side: Side) -> Option<&SideKeys> {
        match side {
            Side::Seller => self.seller.as_ref(),
            Side::Winner => self.winner.as_ref(),
        }
    }

    /// The key that both have in common, once stated.
    #[must_use]
    pub const fn pair(&self) -> Option<&PublicKey<PairKey>> {
        self.pair.as_ref()
    }

    /// The side that published a one-time key.
    #[must_use]
    pub fn owner(&self, once: &Digest) -> Option<Side> {
        self.known.get(once).copied().flatten()
    }

    fn waits(&self, side: Side, once: &Digest) -> bool {
        self.keys(side).is_some_and(|keys| keys.waiting.iter().any(|(digest, _)| digest == once))
    }

    const fn slot(&mut self, side: Side) -> &mut Option<SideKeys> {
        match side {
            Side::Seller => &mut self.seller,
            Side::Winner => &mut self.winner,
        }
    }

    /// V-310 and V-311.
    pub(super) fn judge_talk(&self, side: Side, talk: &Talk) -> Result<(), Code> {
        if self.keys(side).is_some() {
            return Err(Code::TalkKeys);
        }
        judge_size(&talk.once, WITH_SIGNED)?;
        let mut new = HashSet::from([talk.signed.digest()]);
        self.judge_new(&talk.once, &mut new)?;
        if self.known.contains_key(&talk.signed.digest()) {
            return Err(Code::TalkKeys);
        }
        // One key on both sides would let one of the two be taken for the other.
        let other = self.keys(side.other());
        if other.is_some_and(|other| other.agreement == talk.agreement) {
            return Err(Code::TalkKeys);
        }
        // Only the second of the two can make it.
        if talk.pair.is_some() == other.is_some() { Ok(()) } else { Err(Code::TalkPair) }
    }

    /// V-312.
    pub(super) fn judge_keys(&self, side: Side, more: &TalkKeys) -> Result<(), Code> {
        let keys = self.keys(side).ok_or(Code::TalkKeys)?;
        judge_size(&more.once, MAX_TALK_KEYS)?;
        if more.once.len() > keys.room_for() {
            return Err(Code::TalkKeys);
        }
        self.judge_new(&more.once, &mut HashSet::new())
    }

    /// That no key was published before, in `new` or anywhere in the room.
    fn judge_new(&self, once: &[PrekeyPublic], new: &mut HashSet<Digest>) -> Result<(), Code> {
        let is_new = |key: &PrekeyPublic| {
            let digest = key.digest();
            !self.known.contains_key(&digest) && new.insert(digest)
        };
        if once.iter().all(is_new) { Ok(()) } else { Err(Code::TalkKeys) }
    }

    /// V-314: by the key of both, to a key that waits.
    pub(super) fn judge_say(&self, action: &Action, said: &SealedSay) -> Result<(), Code> {
        if !self.pair.as_ref().is_some_and(|pair| action.is_by_pair(pair)) {
            return Err(Code::VerbAuthor);
        }
        match self.owner(&said.once) {
            Some(side) if self.waits(side, &said.once) => Ok(()),
            Some(_) => Err(Code::SayKeyUsed),
            None => Err(Code::SayKey),
        }
    }

    pub(super) fn append_talk(&mut self, side: Side, talk: &Talk) {
        self.known.insert(talk.signed.digest(), None);
        self.pair = self.pair.or(talk.pair);
        *self.slot(side) = Some(SideKeys {
            agreement: talk.agreement,
            signed: talk.signed.clone(),
            waiting: VecDeque::new(),
            published: 0,
        });
        self.append_keys(side, &talk.once);
    }

    pub(super) fn append_keys(&mut self, side: Side, once: &[PrekeyPublic]) {
        for key in once {
            let digest = key.digest();
            self.known.insert(digest, Some(side));
            if let Some(keys) = self.slot(side) {
                keys.waiting.push_back((digest, key.clone()));
                keys.published = keys.published.saturating_add(1);
            }
        }
    }

    pub(super) fn append_say(&mut self, said: &SealedSay) {
        for keys in [&mut self.seller, &mut self.winner].into_iter().flatten() {
            keys.waiting.retain(|(digest, _)| *digest != said.once);
        }
    }
}

#[cfg(test)]
mod tests;
