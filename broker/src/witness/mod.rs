//! The witnesses that cosign the heads of public rooms (SPEC 7.6).
//!
//! A room offers its newest head and goes on; nothing here is waited for by a bid. One task a witness asks
//! for cosignatures over HTTP, and one task keeps what came of it and shows it to those who follow the
//! room. A close is asked about first, and its date is told to the room at once.
//!
//! - `address` how an operator names a witness; `request` what is asked and what an answer means
//! - `targets` which head is asked about next; `keep` what of the answers is to be kept; `crate::cosign` has the tasks
//! - `standing` how each witness does, for those who run the broker

pub mod address;
mod keep;
pub(crate) mod request;
mod standing;
pub(crate) mod targets;

use std::sync::Arc;

use parking_lot::Mutex;
use pregao_protocol::log::{Cosignature, Head, Origin, RoomName, cosignature};
use pregao_protocol::room::Terms;
use pregao_protocol::room::action::Seen;
use pregao_protocol::trust::jwks::{TsaAddress, TsaKeys};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::witness::{Witness, is_quorum_of};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::store::StoredHead;

pub use address::{WitnessAddress, WitnessAddressError};
pub(crate) use keep::Due;
use keep::Keeper;
pub(crate) use standing::Standing;
use targets::{Offered, SignedHead, Targets};

/// Which witnesses a broker has, and how many operators of them make a head final.
#[derive(Debug, Clone, Default)]
pub struct Council {
    pub(crate) witnesses: Vec<WitnessAddress>,
    quorum: u32,
}

/// Why witnesses and quorum cannot be what was asked for (V-140).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{witnesses} witnesses of {operators} operators cannot have a quorum of {quorum}, or two of them share a name or key\ngive 0 to 5 different ones with --witness, the TSA's own among them, and a --quorum of more than half of the operators, or none"
)]
pub struct CouncilError {
    witnesses: usize,
    operators: usize,
    quorum: u32,
}

impl Council {
    /// The witnesses given and the TSA's own, if it has one. Without a quorum it takes more than half of the
    /// operators.
    ///
    /// # Errors
    /// [`CouncilError`].
    pub fn of(
        given: Vec<WitnessAddress>,
        quorum: Option<u32>,
        tsa: (&TsaAddress, &TsaKeys),
    ) -> Result<Self, CouncilError> {
        let (address, keys) = tsa;
        let mut witnesses = given;
        // Whoever gives it with its operator means this one.
        let own = witness_of(keys)
            .filter(|own| witnesses.iter().all(|given| given.witness.key != own.key))
            .map(|witness| WitnessAddress { url: address.url.clone(), witness });
        witnesses.extend(own);
        let named: Vec<Witness> = witnesses.iter().map(|one| one.witness.clone()).collect();
        let operators = named.iter().map(|one| &one.operator);
        let operators = operators.collect::<std::collections::BTreeSet<_>>().len();
        let more_than_half = if named.is_empty() { 0 } else { operators / 2 + 1 };
        let quorum = quorum.or_else(|| u32::try_from(more_than_half).ok()).unwrap_or(0);
        if is_quorum_of(quorum, &named) {
            Ok(Self { witnesses, quorum })
        } else {
            Err(CouncilError { witnesses: named.len(), operators, quorum })
        }
    }

    /// As the broker's certificate names them.
    #[must_use]
    pub fn named(&self) -> (Vec<Witness>, u32) {
        (self.witnesses.iter().map(|one| one.witness.clone()).collect(), self.quorum)
    }
}

/// The witness that a TSA runs itself, by the key set that it publishes.
#[must_use]
pub fn witness_of(keys: &TsaKeys) -> Option<Witness> {
    keys.witness.clone()
}

/// What a room offers.
#[derive(Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) room: RoomName,
    pub(crate) seen: Seen,
    /// The broker's signature over it.
    pub(crate) note: Arc<str>,
    /// Whether it is to be dated before anything newer is cosigned.
    pub(crate) is_closing: bool,
    /// Whether no newer one will come.
    pub(crate) is_last: bool,
    pub(crate) terms: &'a Terms,
    /// What was kept of the room in an earlier run, with its first offer.
    pub(crate) kept: Option<&'a StoredHead>,
}

/// The cosignatures under a head that was kept; none if it is not what it was.
pub(crate) fn cosignatures_of<'a>(
    kept: &StoredHead,
    origin: Origin,
    terms: &'a Terms,
) -> Vec<(&'a Witness, Cosignature)> {
    let opened = Head::open(&kept.note, &origin, &terms.broker.head);
    let read = |head| cosignature::cosignatures(&kept.note, &head, &terms.witnesses);
    opened.and_then(read).unwrap_or_default()
}

/// The way to the witnesses.
#[derive(Debug)]
pub struct Witnesses {
    pub(crate) council: Council,
    broker: Fingerprint,
    pub(crate) targets: Mutex<Targets>,
    /// One for each witness: there may be something to ask.
    pub(crate) wake: Vec<Notify>,
    pub(crate) standing: Vec<Standing>,
    pub(crate) keeper: Keeper,
}

impl Witnesses {
    /// Those of a council, for the rooms of one broker.
    #[must_use]
    pub fn new(council: Council, broker: Fingerprint) -> Self {
        let (named, _) = council.named();
        Self {
            wake: named.iter().map(|_| Notify::new()).collect(),
            standing: named.iter().map(|_| Standing::default()).collect(),
            targets: Mutex::new(Targets::new(named)),
            council,
            broker,
            keeper: Keeper::default(),
        }
    }

    /// Has the witnesses that a room names asked about a head. Returns at once.
    pub(crate) fn offer(&self, offer: Offer<'_>) {
        let Offer { room, seen, note, is_closing, is_last, terms, kept } = offer;
        let origin = Origin { broker: self.broker, room };
        let head = Head { origin, size: seen.size, root: seen.root };
        let named = (0..)
            .zip(&self.council.witnesses)
            .filter(|(_, one)| terms.witnesses.contains(&one.witness))
            .map(|(at, _)| at)
            .collect();
        let signed = SignedHead { head, note };
        let offered = Offered { signed, is_closing, is_last, named, quorum: terms.quorum };
        let mut targets = self.targets.lock();
        targets.offer(offered, Instant::now());
        if let Some(kept) = kept {
            targets.kept(room, kept.size, &cosignatures_of(kept, origin, terms));
        }
        drop(targets);
        self.wake_all();
    }

    pub(crate) fn wake_all(&self) {
        self.wake.iter().for_each(Notify::notify_one);
    }

    /// What those who run the broker are to know, one a line; empty while every witness answers.
    #[must_use]
    pub fn silent(&self) -> String {
        let mut text = String::new();
        for (address, standing) in self.council.witnesses.iter().zip(&self.standing) {
            text.push_str(&standing.silent(&address.witness.name));
        }
        text
    }

    /// Counters and gauges of each witness, in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        let targets = self.targets.lock();
        let lag = |at| targets.waits_since(at).map_or(std::time::Duration::ZERO, |at| at.elapsed());
        let names = self.council.witnesses.iter().map(|address| &address.witness.name);
        let all = names.zip(&self.standing).enumerate();
        standing::render(all.map(|(at, (name, standing))| (name, standing, lag(at))))
    }
}

#[cfg(test)]
mod tests;
