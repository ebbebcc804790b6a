//! Batch headers beside the entries that name them: each exactly once (SPEC 6, 7.1).
//!
//! A frame and evidence carry the headers of their entries as a list, in the order in which the entries
//! first name them (V-028). In a log each comes right before the first entry that names it (V-029). A
//! header that is missing leaves a stamp unchecked, and one too many is a place for what nobody checks, so
//! both are faults, told apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BatchHeader, StampError, VerifiedBatch};
use crate::trust::key::{PublicKey, StampKey};
use crate::value::clock::Time;
use crate::value::codec::Digest;

/// Why headers do not fit their entries. Each names the header by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// An entry names a header that is not there.
    #[error("the batch header {header} is missing; ask for the record again, whole")]
    Missing {
        /// Its hash.
        header: Digest,
    },
    /// A header is there that no entry names.
    #[error(
        "the batch header {header} is superfluous: no entry names it where it stands; take it out"
    )]
    Superfluous {
        /// Its hash.
        header: Digest,
    },
    /// A header is there twice.
    #[error(
        "the batch header {header} is there more than once; leave the first and take the others out"
    )]
    Repeated {
        /// Its hash.
        header: Digest,
    },
    /// An entry of a log's file names again a header that is too old for it (V-029, V-035).
    #[error("the batch header {header} is older than any that an entry here may name")]
    Past {
        /// Its hash.
        header: Digest,
    },
    /// A header comes where the order of the entries puts another.
    #[error("the batch header {header} stands out of order: put it where an entry first names it")]
    Order {
        /// Its hash.
        header: Digest,
    },
}

/// A header as transmitted, verified when it is first needed.
#[derive(Debug, Clone)]
pub struct Header {
    hash: Digest,
    named: bool,
    state: HeaderState,
}

#[derive(Debug, Clone)]
enum HeaderState {
    Given(Box<str>),
    Opened(Arc<VerifiedBatch>),
    Forgotten,
}

impl Header {
    /// The verified header (V-020, V-021); its signature is checked once, whatever number of entries
    /// name it.
    ///
    /// # Errors
    /// As [`VerifiedBatch::open`].
    pub fn open(
        &mut self,
        accepted: &[PublicKey<StampKey>],
    ) -> Result<Arc<VerifiedBatch>, StampError> {
        match &self.state {
            HeaderState::Given(text) => {
                let opened = Arc::new(VerifiedBatch::open(text, accepted)?);
                self.state = HeaderState::Opened(Arc::clone(&opened));
                Ok(opened)
            }
            // Rooms may accept different TSAs, and one record may be about several rooms.
            HeaderState::Opened(opened) => {
                let tsa = opened.header().tsa;
                let known = accepted.iter().any(|key| key.fingerprint() == tsa);
                if known { Ok(Arc::clone(opened)) } else { Err(StampError::UnknownTsa) }
            }
            // What names one of these is refused before it needs it.
            HeaderState::Forgotten => Err(StampError::Content),
        }
    }

    /// Whether it was needed before and says an earlier time than `time`, or is forgotten for having done so.
    pub(crate) fn was_before(&self, time: Time) -> bool {
        match &self.state {
            HeaderState::Given(_) => false,
            HeaderState::Opened(opened) => opened.time() < time,
            HeaderState::Forgotten => true,
        }
    }
}

/// The headers of one record or one log, with what was named of them so far.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// As given.
    given: Vec<Header>,
    places: BTreeMap<Digest, usize>,
    /// How many of them entries have named.
    named: usize,
    /// The first that was named out of its turn.
    disorder: Option<Digest>,
    /// How many of the first were looked at for being forgotten.
    forgotten: usize,
}

impl Headers {
    /// The headers of a record with so many stamps. Nothing is verified yet.
    ///
    /// # Errors
    /// [`HeaderError::Repeated`]; [`HeaderError::Superfluous`] if there are more headers than stamps.
    pub fn of<T: AsRef<str>>(texts: &[T], stamps: usize) -> Result<Self, HeaderError> {
        // Before anything is kept of them.
        if let Some(beyond) = texts.get(stamps) {
            let header = BatchHeader::hash(beyond.as_ref());
            return Err(HeaderError::Superfluous { header });
        }
        let mut headers = Self::default();
        texts.iter().try_for_each(|text| headers.give(text.as_ref()))?;
        Ok(headers)
    }

    /// Adds a header at the end.
    ///
    /// # Errors
    /// [`HeaderError::Repeated`].
    pub fn give(&mut self, compact: &str) -> Result<(), HeaderError> {
        let hash = BatchHeader::hash(compact);
        if self.places.contains_key(&hash) {
            return Err(HeaderError::Repeated { header: hash });
        }
        self.places.insert(hash, self.given.len());
        self.given.push(Header { hash, named: false, state: HeaderState::Given(compact.into()) });
        Ok(())
    }

    /// The header that an entry names.
    ///
    /// # Errors
    /// [`HeaderError::Missing`].
    pub fn name(&mut self, hash: &Digest) -> Result<&mut Header, HeaderError> {
        let missing = HeaderError::Missing { header: *hash };
        let at = *self.places.get(hash).ok_or(missing)?;
        let header = self.given.get_mut(at).ok_or(missing)?;
        if !header.named {
            header.named = true;
            if at != self.named {
                self.disorder.get_or_insert(*hash);
            }
            self.named = self.named.saturating_add(1);
        }
        Ok(header)
    }

    /// Forgets what headers older than `time` say, as far as no younger one comes before them: of
    /// a long log no more is kept than that they were there.
    pub fn forget_before(&mut self, time: Time) {
        while let Some(header) = self.given.get_mut(self.forgotten) {
            match &header.state {
                HeaderState::Opened(opened) if opened.time() < time => {
                    header.state = HeaderState::Forgotten
                }
                HeaderState::Given(_) | HeaderState::Opened(_) | HeaderState::Forgotten => return,
            }
            self.forgotten = self.forgotten.saturating_add(1);
        }
    }

    /// What must be true once the last entry was read: every header was named, in the order in which
    /// they come.
    ///
    /// # Errors
    /// [`HeaderError::Superfluous`], then [`HeaderError::Order`].
    pub fn finish(&self) -> Result<(), HeaderError> {
        if let Some(unnamed) = self.unnamed() {
            return Err(HeaderError::Superfluous { header: unnamed });
        }
        self.disorder.map_or(Ok(()), |header| Err(HeaderError::Order { header }))
    }

    /// The first header that no entry has named so far.
    #[must_use]
    pub fn unnamed(&self) -> Option<Digest> {
        if self.named == self.given.len() {
            return None;
        }
        self.given.iter().find(|header| !header.named).map(|header| header.hash)
    }
}

#[cfg(test)]
mod tests;
