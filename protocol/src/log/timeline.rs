//! Entries about one other entry of a log, with what shows where each stands (SPEC 8.3, 9.5).

use serde::{Deserialize, Serialize};

use crate::value::codec::{Digest, hashes};

/// An entry about a deposit, in this member order. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineEntry {
    /// The batch header (compact JWS) that its stamp names.
    pub header: String,
    /// Its bytes, as transmitted.
    pub entry: String,
    /// Path from it to the root of a head.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
    /// Where the owner of the box names the position of the deposit: path from the deposit's entry to the root that the
    /// owner had seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenPath>,
}

/// A path to the root that the author of an action had seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeenPath(#[serde(with = "hashes")] pub Vec<Digest>);
