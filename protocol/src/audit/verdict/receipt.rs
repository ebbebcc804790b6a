//! Judging a receipt (V-061).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{Examined, Fault, Found, Rule, Standing, Subject, Verdict};
use crate::audit::verify::{self, VerifiedReceipt};
use crate::log::Receipt;
use crate::room::body::Verb;
use crate::trust::key::Fingerprint;
use crate::value::clock::Time;
use crate::value::codec::{Digest, from_base64url};
use crate::value::label;

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptShown {
    /// Position of the entry.
    pub entry: u64,
    /// What its action does.
    pub verb: Verb,
    /// Its stamp.
    pub time: Time,
    /// Digest of the action.
    pub digest: Digest,
    /// Fingerprint of the key that signed it.
    pub key: Fingerprint,
}

/// The verdict on a text that is a receipt, whatever is in it; `None` for any other.
pub(super) fn examine<'a>(text: &str) -> Option<Examined<'a>> {
    let receipt = read(text.strip_suffix('\n').unwrap_or(text))?;
    Some(match verify::receipt(&receipt) {
        Ok(shown) => {
            let verdict = verdict(&shown);
            Examined { verdict, found: Found::Receipt(Box::new((receipt, shown))) }
        }
        Err(error) => Examined {
            verdict: Verdict::invalid(Subject::Receipt, Rule::of_receipt(&error), None),
            found: Found::Nothing(Fault::of(&error)),
        },
    })
}

/// Exactly the five members, each once, without white space, in whatever order.
fn read(text: &str) -> Option<Receipt> {
    if text.len() > label::MAX_RECEIPT {
        return None;
    }
    let members: Members = serde_json::from_str(text).ok()?;
    members.receipt().filter(|_| members.encode().as_deref() == Some(text))
}

fn verdict(shown: &VerifiedReceipt) -> Verdict {
    // What a receipt shows does not change any more, so there is nothing to wait for.
    let verdict = Verdict::bare(Subject::Receipt, Standing::Valid).with_terms(&shown.terms);
    let (cosigned, is_final) = (shown.cosigned.clone(), shown.is_final);
    let mut verdict = verdict.with_head(shown.size, shown.root, cosigned, is_final);
    verdict.room = Some(shown.room);
    verdict.receipt = Some(ReceiptShown {
        entry: shown.seq,
        verb: shown.verb,
        time: shown.time,
        digest: shown.digest,
        key: shown.key.fingerprint(),
    });
    verdict
}

/// The members of a receipt as they stand.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfStrings;
        impl<'de> Visitor<'de> for OfStrings {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the five members of a receipt")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() >= NAMES.len() {
                        return Err(de::Error::custom("too many members"));
                    }
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(OfStrings)
    }
}

const NAMES: [&str; 5] = ["opening", "header", "entry", "path", "head"];

impl Members {
    /// The members in the order in which they stand, without white space.
    fn encode(&self) -> Option<String> {
        let json = |text: &str| serde_json::to_string(text).ok();
        let mut members = Vec::new();
        for (name, value) in &self.0 {
            members.push(format!("{}:{}", json(name)?, json(value)?));
        }
        Some(format!("{{{}}}", members.join(",")))
    }

    /// The receipt, if each member is there once.
    fn receipt(&self) -> Option<Receipt> {
        let names: BTreeSet<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        if names != BTreeSet::from(NAMES) || self.0.len() != NAMES.len() {
            return None;
        }
        let of = |name: &str| {
            let found = self.0.iter().find(|(other, _)| other == name);
            found.map_or_else(String::new, |(_, value)| value.clone())
        };
        Some(Receipt {
            opening: of("opening"),
            header: of("header"),
            entry: of("entry"),
            path: path(&of("path"))?,
            head: of("head"),
        })
    }
}

/// The hashes of a path.
fn path(text: &str) -> Option<Vec<Digest>> {
    let bytes = from_base64url(text).ok()?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.iter().copied().map(Digest).collect())
}
