//! A witness that signed two histories (V-153).

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Shown};
use crate::log::cosignature::{Cosignature, HeadText};
use crate::trust::key::{PublicKey, Signature, WitnessKey};

/// A head's text with a witness's signature over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosignedHead {
    /// The head's three lines, each with its line break.
    pub head: String,
    /// When the witness says that it signed, in seconds since 1970.
    pub time: u64,
    /// Its signature (V-141).
    pub signature: Signature,
}

/// Two different heads of one log and size, cosigned by one witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosignedTwice {
    /// The witness's key.
    pub witness: PublicKey<WitnessKey>,
    /// The heads.
    pub heads: [CosignedHead; 2],
}

impl CosignedTwice {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let open = |cosigned: &CosignedHead| {
            let text = HeadText::parse(&cosigned.head)?;
            let (witness, time, signature) = (self.witness, cosigned.time, cosigned.signature);
            let cosignature = Cosignature { witness, time, signature };
            cosignature.verify_text(&cosigned.head).map_err(|_| NoEvidence::Cosignature)?;
            Ok::<_, NoEvidence>(text)
        };
        let [first, second] = &self.heads;
        let (one, two) = (open(first)?, open(second)?);
        if (&one.origin, one.size) != (&two.origin, two.size) {
            return Err(NoEvidence::OtherThing);
        }
        if one.root == two.root {
            return Err(NoEvidence::Consistent);
        }
        let what = format!("cosigned two different heads of {} entries of one log", one.size);
        Ok(Shown { by: self.witness.fingerprint(), room: one.room(), what })
    }
}
