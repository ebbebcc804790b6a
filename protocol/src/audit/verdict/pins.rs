//! What whoever reads a file knows from elsewhere.

use super::{Fault, Found, Rule, Verdict};
use crate::audit::evidence::{Accused, Shown};
use crate::log::RoomName;
use crate::room::body::BrokerKeys;
use crate::trust::key::Fingerprint;

/// Which room, broker and TSAs are meant. What is not given is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// The room.
    pub room: Option<RoomName>,
    /// Fingerprint of the broker's session key.
    pub broker: Option<Fingerprint>,
    /// Fingerprints of stamp keys and CAs. Each must be named by the opening; if a stamp key is among
    /// them, the opening names no stamp key besides.
    pub tsa: Vec<Fingerprint>,
    /// Fingerprints of witnesses' keys. Each must be named by the opening.
    pub witnesses: Vec<Fingerprint>,
}

fn names(verdict: &Verdict, witness: &Fingerprint) -> bool {
    // Of what has no opening nothing is asked.
    let Some(_) = &verdict.stamps else { return true };
    verdict.witnesses.iter().flatten().any(|named| named.key == *witness)
}

impl Pins {
    /// Why evidence is not about what is meant, if it is not.
    #[must_use]
    pub fn misses(&self, against: Accused, shown: &Shown) -> Option<String> {
        if let (Some(pinned), Some(got)) = (self.room, shown.room)
            && pinned != got
        {
            return Some(format!("it is about room {got}, and room {pinned} was asked for"));
        }
        let broker: Vec<Fingerprint> = self.broker.into_iter().collect();
        let (whose, pinned) = match against {
            Accused::Broker => ("broker", &broker),
            Accused::Tsa => ("TSA", &self.tsa),
            Accused::Witness => ("witness", &self.witnesses),
        };
        let is_meant = pinned.is_empty() || pinned.contains(&shown.by);
        (!is_meant)
            .then(|| format!("it is against the {whose} {}, which was not asked for", shown.by))
    }

    /// Holds a verdict to them; what is of another room, broker or TSA becomes invalid.
    pub(super) fn mismatch(&self, verdict: &Verdict) -> Option<(Rule, String)> {
        if let (Some(pinned), Some(got)) = (self.room, verdict.room)
            && pinned != got
            // A letter is between two boxes.
            && verdict.letter.as_ref().is_none_or(|letter| letter.from.name != pinned)
        {
            let why = format!("it is of room {got}, and room {pinned} was asked for");
            return Some((Rule::OTHER_ROOM, why));
        }
        if let (Some(pinned), Some(got)) = (self.broker, verdict.broker)
            && pinned != got
        {
            let why = format!("it is of broker {got}, and broker {pinned} was asked for");
            return Some((Rule::OTHER_BROKER, why));
        }
        if self.broker.is_some() && verdict.broker.is_some() && verdict.certified != Some(true) {
            let why = "nothing shows that its keys are that broker's: the certificate is missing; give the \
                       broker's certificate, or a transcript of it, beside it";
            return Some((Rule::OTHER_BROKER, why.to_owned()));
        }
        if let Some(pin) = self.witnesses.iter().find(|pin| !names(verdict, pin)) {
            let why = format!("its opening names no witness with the fingerprint {pin}");
            return Some((Rule::OTHER_WITNESS, why));
        }
        let authorities = verdict.authorities.as_deref().unwrap_or_default();
        let mut stamps = verdict.stamps.clone()?;
        // The read receipt of a letter is in another box, in which other TSAs may stamp.
        let read = verdict.letter.as_ref().and_then(|letter| letter.read.as_ref());
        stamps.extend(read.iter().flat_map(|read| &read.stamps));
        let why = self.misses_tsa(&stamps, authorities)?;
        Some((Rule::OTHER_TSA, why))
    }

    /// Why a room whose opening names these stamp keys and CAs is not one that is meant, if it is not.
    fn misses_tsa(&self, stamps: &[Fingerprint], authorities: &[Fingerprint]) -> Option<String> {
        let unnamed = |pin: &&Fingerprint| !stamps.contains(pin) && !authorities.contains(pin);
        if let Some(pin) = self.tsa.iter().find(unnamed) {
            return Some(format!("its opening names no TSA or CA with the fingerprint {pin}"));
        }
        let by_stamp = self.tsa.iter().any(|pin| stamps.contains(pin));
        let other = stamps.iter().find(|stamp| by_stamp && !self.tsa.contains(stamp))?;
        Some(format!("its opening accepts stamps of another TSA too, {other}"))
    }
}

impl super::Examined<'_> {
    /// The keys in its opening, or its certificate, if it holds.
    fn keys(&self) -> Option<BrokerKeys> {
        match &self.found {
            Found::Log(log) => Some(log.room().terms().broker),
            Found::Receipt(both) => Some(both.1.terms.broker),
            Found::Letter(both) => Some(both.1.letter.receipt.terms.broker),
            Found::Deposit(both) => Some(both.1.receipt.terms.broker),
            Found::Certificate(certificate) => Some(certificate.keys),
            Found::Nothing(_) => None,
        }
    }

    /// The broker's keys for which its certificate is in it.
    #[must_use]
    pub fn certifies(&self) -> Option<BrokerKeys> {
        self.keys().filter(|_| self.verdict.certified == Some(true))
    }

    /// Takes note of the keys for which certificates are in other files: those of a receipt can be nowhere
    /// else. Whoever names the key of a broker beside keys of their own has made an opening, too (V-077).
    #[must_use]
    pub fn beside(mut self, certified: &[BrokerKeys]) -> Self {
        if let Some(keys) = self.keys() {
            let here = self.verdict.certified == Some(true);
            self.verdict.certified = Some(here || certified.contains(&keys));
        }
        self
    }

    /// Holds it to what is known from elsewhere: what is of another room, broker or TSA is invalid.
    #[must_use]
    pub fn pinned(self, pins: &Pins) -> Self {
        match pins.mismatch(&self.verdict) {
            None => self,
            Some((rule, why)) => Self {
                verdict: Verdict::invalid(self.verdict.kind, rule, None),
                found: Found::Nothing(Fault::text(why)),
            },
        }
    }
}
