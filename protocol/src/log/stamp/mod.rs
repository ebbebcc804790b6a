//! Stamps: the TSA's signed word that a digest existed at a time.
//!
//! The TSA signs one header for a whole batch of digests; a stamp is that header with the path
//! of one digest in the batch's Merkle tree (SPEC 6). Headers form a chain: two different headers
//! with the same number, or with the same predecessor, are evidence against the TSA.
//!
//! One header serves many entries, so an entry's [`Stamp`] names it by hash, and [`Headers`] are the
//! texts beside the entries. Alone, as the TSA gives it and as it is handed in, a stamp
//! carries its header: [`FullStamp`].

mod headers;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::log::merkle::{self, ProofError};
use crate::trust::jws::{self, JwsError};
use crate::trust::key::{Fingerprint, PublicKey, SecretKey, StampKey};
use crate::value::clock::Time;
use crate::value::codec::{Digest, hashes};
use crate::value::label;

pub use headers::{Header, HeaderError, Headers};

/// Why a stamp was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// The header names or is signed by a key that is not among the accepted ones.
    #[error("the stamp is not from an accepted TSA")]
    UnknownTsa,
    /// The header is not a well-formed signed header.
    #[error("the batch header is not acceptable")]
    Header(#[source] JwsError),
    /// The TSA that the header names has not signed it.
    #[error("the batch header is not signed by the TSA that it names")]
    Signature(#[source] JwsError),
    /// The header's payload has other members, another order or impossible values.
    #[error("the batch header's content is not canonical")]
    Content,
    /// The path does not lead from the digest to the header's root.
    #[error("the stamp is for another digest")]
    OtherDigest(#[source] ProofError),
}

/// What the TSA signs, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchHeader {
    /// Fingerprint of the stamp key.
    pub tsa: Fingerprint,
    /// Number of the batch; the first is 1 and each is its predecessor's plus one.
    pub batch: u64,
    /// When it was closed: read after the last digest was in.
    pub time: Time,
    /// How many digests the batch holds; 0 for a batch that only tells the time.
    pub size: u64,
    /// Merkle root over the digests (RFC 9162); that of the empty tree if there are none.
    pub root: Digest,
    /// [`BatchHeader::hash`] of the preceding header; 32 zero bytes in the first.
    pub prev: Digest,
    /// `time` of the preceding header; equal to `time` in the first.
    pub prev_time: Time,
}

impl BatchHeader {
    /// Signs the header; the result is what travels.
    ///
    /// # Panics
    /// Never: a header always has a JSON form.
    #[must_use]
    pub fn sign(&self, key: &SecretKey<StampKey>) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        jws::sign(label::TYP_BATCH, &payload, key)
    }

    /// Whether it says of itself that nothing precedes it.
    fn is_first(&self) -> bool {
        self.prev == Digest([0; 32]) && self.prev_time == self.time
    }

    /// What the next header calls `prev`: a labelled hash of the transmitted header.
    #[must_use]
    pub fn hash(compact: &str) -> Digest {
        Digest::labelled(label::BATCH, compact.as_bytes())
    }
}

/// A batch header whose signature was verified against an accepted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBatch {
    header: BatchHeader,
    hash: Digest,
    compact: Arc<str>,
}

impl VerifiedBatch {
    /// Verifies a transmitted header against the accepted TSA keys (V-020, V-021).
    ///
    /// # Errors
    /// [`StampError`] naming what is wrong.
    pub fn open(compact: &str, accepted: &[PublicKey<StampKey>]) -> Result<Self, StampError> {
        let parts =
            jws::Unverified::parse(compact, label::MAX_BATCH).map_err(StampError::Header)?;
        let payload =
            jws::dangerous_payload(compact, label::MAX_BATCH).map_err(StampError::Header)?;
        let header: BatchHeader =
            serde_json::from_slice(&payload).map_err(|_| StampError::Content)?;
        if serde_json::to_vec(&header).map_err(|_| StampError::Content)? != payload {
            return Err(StampError::Content);
        }
        let key = accepted
            .iter()
            .find(|key| key.fingerprint() == header.tsa)
            .ok_or(StampError::UnknownTsa)?;
        parts.verify(label::TYP_BATCH, key).map_err(StampError::Signature)?;
        let possible = (1..=label::MAX_LOG_SIZE).contains(&header.batch)
            && header.prev_time <= header.time
            && (header.batch > 1 || header.is_first())
            && header.size <= 1 << label::MAX_STAMP_PATH;
        if !possible {
            return Err(StampError::Content);
        }
        Ok(Self { header, hash: BatchHeader::hash(compact), compact: compact.into() })
    }

    /// The verified content.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// [`BatchHeader::hash`] of this header.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.hash
    }

    /// The transmitted form.
    #[must_use]
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// As [`VerifiedBatch::compact`], for keeping beside every entry that names the header.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.compact)
    }

    /// The batch's time.
    #[must_use]
    pub const fn time(&self) -> Time {
        self.header.time
    }
}

/// A digest's place in a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchProof {
    /// Index of the digest in the batch, from 0.
    pub index: u64,
    /// Merkle path from the digest to the root.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
}

impl BatchProof {
    /// The stamp that this is in the batch with this header.
    #[must_use]
    pub fn under(self, header: Digest) -> Stamp {
        let Self { index, path } = self;
        Stamp { header, index, path }
    }

    /// The stamp that this is with its header (compact JWS). Nothing is verified.
    #[must_use]
    pub fn with(&self, batch: &str) -> FullStamp {
        FullStamp { batch: batch.to_owned(), index: self.index, path: self.path.clone() }
    }
}

/// A digest's place in a batch, as an entry carries it: it names the header, which is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// [`BatchHeader::hash`] of the header.
    pub header: Digest,
    /// Index of the digest in the batch, from 0.
    pub index: u64,
    /// Merkle path from the digest to the root.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
}

impl Stamp {
    /// Checks that this stamp is for `digest` (V-022), given its own verified header.
    ///
    /// # Errors
    /// [`StampError::OtherDigest`]; also if `batch` is not this stamp's header.
    pub fn covers(&self, digest: &Digest, batch: &VerifiedBatch) -> Result<(), StampError> {
        let leaf = merkle::leaf_hash(&digest.0);
        let root = merkle::root_from_path(&leaf, self.index, batch.header.size, &self.path)
            .map_err(StampError::OtherDigest)?;
        if self.header == batch.hash && root == batch.header.root {
            Ok(())
        } else {
            Err(StampError::OtherDigest(ProofError::Mismatch))
        }
    }

    /// This stamp with its header (compact JWS), for standing alone.
    #[must_use]
    pub fn with(&self, batch: &str) -> FullStamp {
        FullStamp { batch: batch.to_owned(), index: self.index, path: self.path.clone() }
    }
}

/// A stamp with its header, as the TSA gives it and as it is handed in: nothing else is needed to
/// check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullStamp {
    /// The signed header (compact JWS).
    pub batch: String,
    /// Index of the digest in the batch, from 0.
    pub index: u64,
    /// Merkle path from the digest to the root.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
}

impl FullStamp {
    /// The stamp as the entry carries it.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let header = BatchHeader::hash(&self.batch);
        Stamp { header, index: self.index, path: self.path.clone() }
    }

    /// Verifies the header against the accepted TSA keys.
    ///
    /// # Errors
    /// As [`VerifiedBatch::open`].
    pub fn open(
        self,
        accepted: &[PublicKey<StampKey>],
    ) -> Result<(Stamp, VerifiedBatch), StampError> {
        let batch = VerifiedBatch::open(&self.batch, accepted)?;
        let Self { batch: _, index, path } = self;
        Ok((Stamp { header: batch.hash, index, path }, batch))
    }
}
