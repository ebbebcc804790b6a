//! The fold of a pass room: the public log in which a broker states by which key it makes the passes of
//! each day (SPEC 9.2).
//!
//! Everybody reads the same log, so everybody's passes of a day are alike. Only the broker writes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::room::auction::MAX_STAMPS;
use crate::room::body::Body;
use crate::room::kind::Fold;
use crate::room::{Access, Code, Ledger, Stamped, Terms};
use crate::trust::key::Fingerprint;
use crate::trust::pass::{Day, PassKey};
use crate::trust::witness::is_quorum_of;
use crate::value::codec::Digest;
use crate::value::label::MAX_PASS_DAYS;

pub mod verbs;

use verbs::{Passes, StatedKey};

/// A pass room as its log gives it.
#[derive(Debug, Clone)]
pub struct PassRoom {
    broker: Fingerprint,
    keys: BTreeMap<Day, PassKey>,
    /// The names of all keys that were stated.
    used: BTreeSet<Digest>,
}

impl Fold for PassRoom {
    type Opening = Passes;

    fn terms(passes: &Passes) -> Terms {
        Terms {
            broker: passes.broker,
            stamps: passes.stamps.clone(),
            locks: Vec::new(),
            freshness: Duration::from_secs(passes.freshness.into()),
            simulated: passes.simulated,
            witnesses: passes.witnesses.clone(),
            quorum: passes.quorum,
            // No persona acts here.
            authorities: Vec::new(),
            access: Access::Public,
        }
    }

    /// V-257.
    fn open(passes: &Passes, _entry: &Stamped) -> Result<Self, Code> {
        let possible = (1..=60).contains(&passes.freshness)
            && (1..=MAX_STAMPS).contains(&passes.stamps.len())
            && is_quorum_of(passes.quorum, &passes.witnesses)
            && passes.broker.delivery.require_usable().is_ok();
        if !possible {
            return Err(Code::ListingTerms);
        }
        let broker = passes.broker.session.fingerprint();
        Ok(Self { broker, keys: BTreeMap::new(), used: BTreeSet::new() })
    }

    fn judge_alone(passes: &Passes, entry: &Stamped) -> Result<(), Code> {
        let stated = stated_by(entry)?;
        read(passes.broker.session.fingerprint(), stated, entry).map(drop)
    }

    fn judge(&self, _ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
        let stated = stated_by(entry)?;
        let key = read(self.broker, stated, entry)?;
        // V-258.
        if self.last().is_some_and(|last| stated.day <= last) {
            return Err(Code::PassKeyDay);
        }
        // V-260: whoever holds a pass of one day had one of another by the same key.
        if self.used.contains(&key.id()) { Err(Code::PassKeyWrong) } else { Ok(()) }
    }

    fn append(&mut self, _ledger: &Ledger, entry: &Stamped) {
        let read = stated_by(entry).and_then(|stated| read(self.broker, stated, entry));
        // It was judged: there is one.
        if let Ok(key) = read {
            self.used.insert(key.id());
            self.keys.insert(key.day(), key);
        }
    }

    /// There is always a next day.
    fn is_complete(&self) -> bool {
        false
    }
}

impl PassRoom {
    /// The key of the passes of a day, if it is stated.
    #[must_use]
    pub fn key_of(&self, day: Day) -> Option<&PassKey> {
        self.keys.get(&day)
    }

    /// The keys of a day and of those after it, as far as they are stated.
    pub fn keys_from(&self, day: Day) -> impl Iterator<Item = &PassKey> {
        self.keys.range(day..).map(|(_, key)| key)
    }

    /// The newest day of which the key is stated.
    #[must_use]
    pub fn last(&self) -> Option<Day> {
        self.keys.last_key_value().map(|(day, _)| *day)
    }
}

/// What an entry states; no other verb is for rooms of this kind.
fn stated_by(entry: &Stamped) -> Result<&StatedKey, Code> {
    match entry.action().body() {
        Body::PassKey(stated) => Ok(stated),
        _ => Err(Code::VerbKind),
    }
}

/// What can be said of a stated key without the log: V-259 and the form of V-260.
fn read(broker: Fingerprint, stated: &StatedKey, entry: &Stamped) -> Result<PassKey, Code> {
    let is_over = entry.time() >= stated.day.ends();
    let latest = Day::of(entry.time()).plus(MAX_PASS_DAYS);
    if is_over || stated.day > latest {
        return Err(Code::PassKeyDay);
    }
    PassKey::from_spki(broker, stated.day, &stated.key).map_err(|_| Code::PassKeyWrong)
}

#[cfg(test)]
mod tests;
