//! What a broker signs about one action that it did not log: that it refuses it, or that it holds it
//! until its counterpart arrives.

use serde::{Deserialize, Serialize};

use crate::log::RoomName;
use crate::room::Code;
use crate::room::body::SameAuthor;
use crate::trust::broker::{BrokerError, canonical};
use crate::trust::jws;
use crate::trust::key::{EntryKey, PublicKey, SecretKey};
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label;

/// Longest refusal, in bytes of its compact JWS.
pub const MAX_REFUSAL: usize = 8_192;
/// Longest word about a disclosure held, in bytes of its compact JWS.
pub const MAX_HELD: usize = 1_024;

/// A broker's signed word that an action was not accepted, and on what grounds it decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Digest of the refused action.
    pub digest: Digest,
    /// The room it was for.
    pub room: RoomName,
    /// Hash of the batch header of the stamp it was handed in with: by another stamp the answer
    /// might have been another.
    pub stamp: Digest,
    /// Why.
    pub code: Code,
    /// Size of the log when it was decided.
    pub size: u64,
    /// Root of that log.
    pub root: Digest,
    /// Hash of the newest batch header the broker had seen.
    pub batch: Digest,
    /// Where the reason is a common author: the earlier entries that show it, by rising position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_author: Vec<SameAuthor>,
    /// With [`Code::DoorForfeited`] alone: from then on the persona is taken again (V-225).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The newest batch header (compact JWS), whose hash is `batch`: when the broker decided, as far as it
    /// knew the time.
    pub header: String,
}

/// A broker's signed word that it holds a disclosure until the other side's arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Digest of the disclosure.
    pub digest: Digest,
    /// The reveal room.
    pub room: RoomName,
    /// Hash of the batch header of the stamp it was handed in with.
    pub stamp: Digest,
}

impl Held {
    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<EntryKey>) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        jws::sign(label::TYP_HELD, &payload, key)
    }

    /// Verifies it (V-075).
    ///
    /// # Errors
    /// [`BrokerError`] naming what is wrong.
    pub fn open(compact: &str, key: &PublicKey<EntryKey>) -> Result<Self, BrokerError> {
        let parts = jws::Unverified::parse(compact, MAX_HELD)?;
        canonical(&parts.verify(label::TYP_HELD, key)?)
    }
}

impl Refusal {
    /// Signs the refusal.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<EntryKey>) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        jws::sign(label::TYP_REFUSAL, &payload, key)
    }

    /// Verifies a refusal (V-019).
    ///
    /// # Errors
    /// [`BrokerError`] naming what is wrong.
    pub fn open(compact: &str, key: &PublicKey<EntryKey>) -> Result<Self, BrokerError> {
        let parts = jws::Unverified::parse(compact, MAX_REFUSAL)?;
        canonical(&parts.verify(label::TYP_REFUSAL, key)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::auction::paddle::MAX_BIDS;
    use crate::trust::persona::Ratio;

    fn entry_key() -> SecretKey<EntryKey> {
        SecretKey::from_seed(&[3; 32])
    }

    fn refusal() -> Refusal {
        Refusal {
            digest: Digest([1; 32]),
            room: RoomName([2; 32]),
            stamp: Digest([6; 32]),
            code: Code::BidTooLow,
            size: 3,
            root: Digest([4; 32]),
            batch: Digest([5; 32]),
            same_author: Vec::new(),
            until: None,
            header: "a.b.c".to_owned(),
        }
    }

    #[test]
    fn a_refusal_by_another_key_is_no_refusal() {
        let (entry, refusal) = (entry_key(), refusal());
        let compact = refusal.sign(&entry);
        assert_eq!(Refusal::open(&compact, &entry.public()), Ok(refusal));
        let other = SecretKey::<EntryKey>::from_seed(&[4; 32]).public();
        assert!(Refusal::open(&compact, &other).is_err());
    }

    #[test]
    fn v019_a_refusal_has_one_encoding() {
        let (entry, refusal) = (entry_key(), refusal());
        let payload = String::from_utf8(serde_json::to_vec(&refusal).unwrap()).unwrap();
        let opened = |payload: &str| {
            let compact = jws::sign(label::TYP_REFUSAL, payload.as_bytes(), &entry);
            Refusal::open(&compact, &entry.public())
        };
        assert_eq!(opened(&payload), Ok(refusal));
        let without_header = payload.replace(r#","header":"a.b.c""#, "");
        let in_another_order = payload.replace(r#""size":3,"#, "").replace('}', r#","size":3}"#);
        for other in [
            payload.replace(':', ": "),
            format!("{payload}\n"),
            payload.replace(r#""size":3"#, r#""size":3.0"#),
            payload.replace(r#""size":3"#, r#""size":03"#),
            payload.replace("too-low", r"too-\u006cow"),
            payload.replace('}', r#","more":1}"#),
            payload.replace('}', r#","same_author":[]}"#),
            payload.replace(r#""a.b.c""#, "null"),
            payload.replace(r#","header""#, r#","until":null,"header""#),
            in_another_order,
            without_header,
        ] {
            assert_ne!(other, payload);
            assert_eq!(opened(&other), Err(BrokerError::Content), "{other}");
        }
    }

    #[test]
    fn v019_a_refusal_fits_with_everything_in_it() {
        let ratio = Ratio([255; 32]);
        let most = usize::try_from(MAX_BIDS).unwrap();
        let longest = Code::ALL.iter().max_by_key(|code| code.as_str().len()).unwrap();
        let refusal = Refusal {
            code: *longest,
            size: label::MAX_LOG_SIZE,
            same_author: vec![SameAuthor { seq: label::MAX_LOG_SIZE, ratio }; most],
            until: Some(Time::MAX),
            header: "x".repeat(label::MAX_BATCH),
            ..refusal()
        };
        let compact = refusal.sign(&entry_key());
        assert!(compact.len() <= MAX_REFUSAL, "{}", compact.len());
        let long = Refusal { header: "x".repeat(MAX_REFUSAL), ..refusal };
        assert!(Refusal::open(&long.sign(&entry_key()), &entry_key().public()).is_err());
    }

    #[test]
    fn v075_a_word_about_a_disclosure_is_the_brokers_and_of_no_other_kind() {
        let entry = SecretKey::<EntryKey>::from_seed(&[3; 32]);
        let held =
            Held { digest: Digest([1; 32]), room: RoomName([2; 32]), stamp: Digest([3; 32]) };
        let compact = held.sign(&entry);
        assert_eq!(Held::open(&compact, &entry.public()), Ok(held));
        assert!(compact.len() <= MAX_HELD);
        let other = SecretKey::<EntryKey>::from_seed(&[4; 32]).public();
        assert!(Held::open(&compact, &other).is_err());
        assert!(Refusal::open(&compact, &entry.public()).is_err());
    }
}
