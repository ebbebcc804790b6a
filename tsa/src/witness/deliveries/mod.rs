//! Actions that authors left here for a broker that does not answer them (SPEC 7.7). No clock, no network,
//! no key: time and nonces are arguments.
//!
//! In memory alone: an author whose delivery is forgotten over a restart hands it in again.
//!
//! Memory: [`MAX_OPEN`] deliveries of at most 40 KiB, and the answers to [`MAX_ENDED`] of at most 68 KiB.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};

use pregao_protocol::audit::delivered::NoAnswer;
use pregao_protocol::log::Origin;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::HEADS_WAIT_AFTER;
use pregao_protocol::value::report::Advised;
use pregao_protocol::wire::delivery::{Delivery, DeliveryAnswer, Nonce, Poll, Unanswered};

use crate::code;

/// Deliveries that wait for an answer, at most.
pub const MAX_OPEN: usize = 512;
/// Deliveries that wait for an answer of one broker, at most: those of one do not crowd out another's.
pub const MAX_OPEN_OF_ONE: usize = 64;
/// Deliveries whose answers are kept for their authors, at most; the oldest makes room.
pub const MAX_ENDED: usize = 512;
/// Seconds that count at most between two polls: a broker that is away for longer was not in contact.
pub const LONGEST_GAP: u64 = 5;
/// Seconds after which a delivery without an answer is given up, and its place is free.
pub const GIVEN_UP_AFTER: u64 = 3_600;

/// Why something about a delivery was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryRefusal {
    /// The witness knows no such broker.
    #[error("this witness knows no such broker")]
    Broker,
    /// As many wait as may.
    #[error("too many deliveries wait for this broker")]
    Full,
    /// The poll is not this broker's, or for another witness.
    #[error("the poll is not signed by this broker for this witness")]
    Poll,
    /// There is no such delivery here.
    #[error("there is no such delivery here")]
    Unknown,
    /// What came is no answer to it.
    #[error("it is no answer to this delivery: {0}")]
    Answer(#[from] NoAnswer),
}

impl Advised for DeliveryRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Broker => code::WITNESS_BROKER,
            Self::Full => code::WITNESS_FULL,
            Self::Poll => code::WITNESS_POLL,
            Self::Unknown => code::WITNESS_UNKNOWN,
            Self::Answer(_) => code::WITNESS_ANSWER,
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Broker => "use the witnesses that the room's opening names",
            Self::Full => "try again in a minute, or use another witness of the room",
            Self::Poll => "sign with the entry key of the certificate that is registered here",
            Self::Unknown => "hand it in again; a witness forgets deliveries when it restarts",
            Self::Answer(_) => "answer with a receipt, a refusal or an unreadable of this delivery",
        }
        .into()
    }
}

/// A delivery that waits for its answer.
struct Waiting {
    id: Digest,
    delivery: Delivery,
    /// When it was taken, in seconds.
    taken: u64,
    /// Since the broker first asked for what waits here.
    contact: Option<Contact>,
}

/// For how long a broker was in contact and did not answer; all in seconds.
#[derive(Clone, Copy)]
struct Contact {
    since: u64,
    until: u64,
    total: u64,
}

/// Who asks, when it asked last, and which it was offered then.
struct Line {
    nonce: Nonce,
    polled: u64,
    offered: Option<u64>,
}

/// What is known of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The broker has not asked for it.
    Waiting,
    /// The broker asks for what waits here, for so long as is said.
    Offered(Unanswered),
    /// It was answered.
    Answered(DeliveryAnswer),
}

/// All deliveries of one witness.
#[derive(Default)]
pub struct Deliveries {
    /// By rising numbers, as they were taken.
    open: BTreeMap<u64, Waiting>,
    numbers: HashMap<Digest, u64>,
    answers: HashMap<Digest, DeliveryAnswer>,
    ended: VecDeque<Digest>,
    lines: HashMap<Fingerprint, Line>,
    last: u64,
}

impl Deliveries {
    /// Takes a delivery. The same again changes nothing.
    ///
    /// # Errors
    /// [`DeliveryRefusal::Full`].
    pub fn take(&mut self, delivery: Delivery, now: Time) -> Result<(), DeliveryRefusal> {
        let (id, taken) = (delivery.id(), now.as_secs());
        self.give_up(taken);
        if self.numbers.contains_key(&id) || self.answers.contains_key(&id) {
            return Ok(());
        }
        let of_this = |waiting: &&Waiting| waiting.delivery.broker == delivery.broker;
        let of_one = self.open.values().filter(of_this).count();
        if self.open.len() >= MAX_OPEN || of_one >= MAX_OPEN_OF_ONE {
            return Err(DeliveryRefusal::Full);
        }
        self.last = self.last.saturating_add(1);
        self.numbers.insert(id, self.last);
        self.open.insert(self.last, Waiting { id, delivery, taken, contact: None });
        Ok(())
    }

    /// A broker asks, signature verified: what it is offered, the oldest that waits for it. `fresh` is the
    /// nonce for its next poll.
    pub fn fetch(&mut self, poll: &Poll, fresh: Nonce, now: Time) -> Option<Delivery> {
        let polled = now.as_secs();
        self.give_up(polled);
        let mut of_this = self.open.iter();
        let offered = of_this.find(|(_, waiting)| waiting.delivery.broker == poll.broker);
        let offered = offered.map(|(number, _)| *number);
        let before = self.lines.insert(poll.broker, Line { nonce: fresh, polled, offered });
        // With another nonce than the last it may be an old poll, or one of a broker that starts anew:
        // that it was there before is not shown. And one that answers what it is offered, however slowly, keeps
        // nobody waiting: else a flood would make its witness testify against it.
        let before = before.filter(|line| line.nonce == poll.nonce && line.offered == offered);
        let before = before.map(|line| line.polled);
        let mut oldest = None;
        for waiting in self.open.values_mut() {
            if waiting.delivery.broker != poll.broker {
                continue;
            }
            oldest.get_or_insert(&waiting.delivery);
            let contact =
                waiting.contact.get_or_insert(Contact { since: polled, until: polled, total: 0 });
            if let Some(before) = before {
                // What it was told of before counts, and no more than a poll's distance of it.
                let gap = polled.saturating_sub(before.max(contact.since)).min(LONGEST_GAP);
                contact.total = contact.total.saturating_add(gap);
            }
            contact.until = polled;
        }
        oldest.cloned()
    }

    /// The delivery of this name that waits.
    #[must_use]
    pub fn waiting(&self, id: &Digest) -> Option<&Delivery> {
        Some(&self.open.get(self.numbers.get(id)?)?.delivery)
    }

    /// Whether it was answered.
    #[must_use]
    pub fn is_answered(&self, id: &Digest) -> bool {
        self.answers.contains_key(id)
    }

    /// Takes an answer that was verified; the first one stays.
    pub fn answered(&mut self, id: Digest, answer: DeliveryAnswer) {
        let Some(number) = self.numbers.remove(&id) else { return };
        self.open.remove(&number);
        self.answers.insert(id, answer);
        self.ended.push_back(id);
        while self.ended.len() > MAX_ENDED {
            if let Some(oldest) = self.ended.pop_front() {
                self.answers.remove(&oldest);
            }
        }
    }

    /// What came of a delivery.
    #[must_use]
    pub fn standing(&self, id: &Digest) -> Option<Standing> {
        if let Some(answer) = self.answers.get(id) {
            return Some(Standing::Answered(answer.clone()));
        }
        let waiting = self.open.get(self.numbers.get(id)?)?;
        let Some(contact) = waiting.contact else { return Some(Standing::Waiting) };
        let Delivery { broker, room, digest, .. } = waiting.delivery;
        let (delivery, Contact { since, until, total }) = (waiting.id, contact);
        let contact = total;
        Some(Standing::Offered(Unanswered {
            broker,
            room,
            digest,
            delivery,
            since,
            until,
            contact,
        }))
    }

    /// Whether heads of this log are not cosigned, because a delivery for it waits (V-155).
    #[must_use]
    pub fn holds_back(&self, origin: &Origin, now: Time) -> bool {
        self.open.values().any(|waiting| {
            let of_this = (waiting.delivery.broker, waiting.delivery.room);
            let waits = now.as_secs().saturating_sub(waiting.taken);
            of_this == (origin.broker, origin.room) && waits >= HEADS_WAIT_AFTER
        })
    }

    /// How many wait.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Those that wait too long make room: whoever left them has long had what there is to have.
    fn give_up(&mut self, seconds: u64) {
        let numbers = &mut self.numbers;
        self.open.retain(|_, waiting| {
            let stays = seconds.saturating_sub(waiting.taken) < GIVEN_UP_AFTER;
            if !stays {
                numbers.remove(&waiting.id);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests;
