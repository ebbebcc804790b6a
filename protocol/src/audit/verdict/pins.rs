//! What whoever reads a file knows from elsewhere.

use super::{Fault, Found, Rule, Verdict};
use crate::log::RoomName;
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
}

impl Pins {
    /// Holds a verdict to them; what is of another room, broker or TSA becomes invalid.
    pub(super) fn mismatch(&self, verdict: &Verdict) -> Option<(Rule, String)> {
        if let (Some(pinned), Some(got)) = (self.room, verdict.room)
            && pinned != got
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
        let stamps = verdict.stamps.as_deref()?;
        let authorities = verdict.authorities.as_deref().unwrap_or_default();
        let unnamed = |pin: &&Fingerprint| !stamps.contains(pin) && !authorities.contains(pin);
        if let Some(pin) = self.tsa.iter().find(unnamed) {
            let why = format!("its opening names no TSA or CA with the fingerprint {pin}");
            return Some((Rule::OTHER_TSA, why));
        }
        let by_stamp = self.tsa.iter().any(|pin| stamps.contains(pin));
        let other = stamps.iter().find(|stamp| by_stamp && !self.tsa.contains(stamp))?;
        let why = format!("its opening accepts stamps of another TSA too, {other}");
        Some((Rule::OTHER_TSA, why))
    }
}

impl super::Examined<'_> {
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
