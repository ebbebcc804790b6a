//! Records: frames padded to a bucket, sealed in order, with a key that changes (SPEC 6).
//!
//! The two directions of a session share nothing but a flag, so that a sending and a receiving
//! task own one each. That is why the keys are taken out of `snow` after the handshake (its raw
//! split): its transport states hold both directions behind one `&mut` for rekeying and copy each
//! message. Ciphers, nonces and rekey remain Noise's.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use snow::params::CipherChoice;
use snow::types::Cipher as _;

use super::padding::{PREFIX, pad, unpad};
use super::resolver::{Aead, KEY, TAG};
use super::{SessionError, Suite};
use crate::codec::Digest;
use crate::label;

/// A frame in its bucket, ready to be sealed for any number of sessions.
pub struct Padded(Vec<u8>);

impl Padded {
    /// Pads a frame to the smallest bucket of [`label::RECORD_BUCKETS`] that holds it.
    ///
    /// # Errors
    /// [`SessionError::FrameTooLong`] beyond [`label::MAX_FRAME`] bytes.
    pub fn new(frame: &[u8]) -> Result<Self, SessionError> {
        bucket(frame.len())
            .and_then(|bucket| pad(frame, bucket))
            .map(Self)
            .ok_or(SessionError::FrameTooLong { max: label::MAX_FRAME, got: frame.len() })
    }

    /// Size of the record this makes, in bytes.
    #[must_use]
    pub const fn sealed_len(&self) -> usize {
        self.0.len() + TAG
    }
}

impl fmt::Debug for Padded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Padded({} bytes)", self.0.len())
    }
}

/// The one bucket a frame of that length belongs in.
fn bucket(frame: usize) -> Option<usize> {
    if frame > label::MAX_FRAME {
        return None;
    }
    label::RECORD_BUCKETS.into_iter().find(|bucket| frame + PREFIX <= *bucket)
}

/// When a direction changes its key: after so many records or so many bytes of ciphertext,
/// whichever comes first. Both sides must use the same numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct RekeyPolicy {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl RekeyPolicy {
    pub(super) const STANDARD: Self =
        Self { records: label::REKEY_RECORDS, bytes: label::REKEY_BYTES };
}

/// One direction: key, nonce, and what was spent under this key.
struct Direction {
    cipher: Aead,
    /// Counts on over changes of the key, as Noise has it, and never wraps.
    nonce: u64,
    policy: RekeyPolicy,
    records: u64,
    bytes: u64,
    /// Shared by both directions; a record that fails to open ends both.
    alive: Arc<AtomicBool>,
}

impl Direction {
    /// The nonce of the next record. Noise keeps 2^64 − 1 for the change of the key.
    fn next_nonce(&self) -> Result<u64, SessionError> {
        if !self.alive.load(Ordering::Acquire) {
            Err(SessionError::Dead)
        } else if self.nonce == u64::MAX {
            Err(SessionError::Exhausted)
        } else {
            Ok(self.nonce)
        }
    }

    /// Counts a record of `length` bytes and changes the key when it is due (V-076).
    fn spend(&mut self, length: usize) {
        self.nonce = self.nonce.saturating_add(1);
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if self.records >= self.policy.records || self.bytes >= self.policy.bytes {
            self.cipher.rekey();
            self.records = 0;
            self.bytes = 0;
        }
    }
}

/// The sending half of a session.
pub struct Sealer(Direction);

impl Sealer {
    /// Seals a frame as the next record.
    ///
    /// # Errors
    /// [`SessionError::Dead`] after the other half met a bad record,
    /// [`SessionError::Exhausted`] after 2^64 − 1 records.
    pub fn seal(&mut self, padded: &Padded) -> Result<Vec<u8>, SessionError> {
        let mut record = Vec::with_capacity(padded.sealed_len());
        self.seal_into(padded, &mut record)?;
        Ok(record)
    }

    /// Seals a frame and appends the record to `out`, which an error leaves as it was.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn seal_into(&mut self, padded: &Padded, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let nonce = self.0.next_nonce()?;
        out.reserve(padded.sealed_len());
        let start = out.len();
        out.extend_from_slice(&padded.0);
        let (_, body) = out.split_at_mut(start);
        let tag = self.0.cipher.seal(nonce, &[], body);
        out.extend_from_slice(&tag);
        self.0.spend(padded.sealed_len());
        Ok(())
    }
}

/// The receiving half of a session.
pub struct Opener(Direction);

impl Opener {
    /// Opens the next record and gives its frame. A record that fails ends the session, both
    /// halves of it: the order is lost, or somebody is tampering.
    ///
    /// # Errors
    /// [`SessionError::Record`] if it was not sealed as the next record of this session,
    /// [`SessionError::Padding`] if it was, by a program that pads otherwise;
    /// [`SessionError::Dead`] and [`SessionError::Exhausted`] as [`Sealer::seal`].
    pub fn open(&mut self, record: &[u8]) -> Result<Vec<u8>, SessionError> {
        let opened = self.open_next(record);
        if opened.is_err() {
            self.0.alive.store(false, Ordering::Release);
        }
        opened
    }

    fn open_next(&mut self, record: &[u8]) -> Result<Vec<u8>, SessionError> {
        let nonce = self.0.next_nonce()?;
        let length = record.len().checked_sub(TAG).ok_or(SessionError::Record)?;
        if !label::RECORD_BUCKETS.contains(&length) {
            return Err(SessionError::Record);
        }
        let mut buffer = record.to_vec();
        let plaintext =
            self.0.cipher.open(nonce, &[], &mut buffer).map_err(|_| SessionError::Record)?;
        let frame = unpad(plaintext).ok_or(SessionError::Padding)?.len();
        if bucket(frame) != Some(length) {
            return Err(SessionError::Padding);
        }
        buffer.truncate(PREFIX + frame);
        buffer.drain(..PREFIX);
        self.0.spend(record.len());
        Ok(buffer)
    }
}

/// A session after the handshake, before anything was received: it can send, and it yields no
/// frame without proof that the other side holds the same keys.
pub struct Unconfirmed(Session);

impl Unconfirmed {
    /// Takes the keys of both directions, as the handshake split them.
    pub(super) fn new(
        suite: Suite,
        id: Digest,
        sending: &[u8; KEY],
        receiving: &[u8; KEY],
        policy: RekeyPolicy,
    ) -> Self {
        let choice = match suite {
            Suite::AesGcmSha256 | Suite::AesGcmBlake2s => CipherChoice::AESGCM,
            Suite::ChaChaPolySha256 | Suite::ChaChaPolyBlake2s => CipherChoice::ChaChaPoly,
        };
        let alive = Arc::new(AtomicBool::new(true));
        let direction = |key| {
            let mut cipher = Aead::new(choice);
            cipher.set(key);
            Direction { cipher, nonce: 0, policy, records: 0, bytes: 0, alive: Arc::clone(&alive) }
        };
        let (sealer, opener) = (Sealer(direction(sending)), Opener(direction(receiving)));
        Self(Session { suite, id, sealer, opener })
    }

    /// The handshake hash, as [`Session::id`].
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.0.id
    }

    /// The suite agreed on.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.0.suite
    }

    /// Seals a frame as the next record.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn seal(&mut self, padded: &Padded) -> Result<Vec<u8>, SessionError> {
        self.0.sealer.seal(padded)
    }

    /// Opens the first record of the other side: with it the session is established (V-075).
    ///
    /// # Errors
    /// As [`Opener::open`]; nothing is left of the session then.
    pub fn open(self, record: &[u8]) -> Result<(Session, Vec<u8>), SessionError> {
        let mut session = self.0;
        let frame = session.opener.open(record)?;
        Ok((session, frame))
    }
}

/// An established session.
pub struct Session {
    suite: Suite,
    id: Digest,
    sealer: Sealer,
    opener: Opener,
}

impl Session {
    /// The final handshake hash: equal on both sides, different for every session. Binds proofs
    /// such as [`label::JOIN`] to this connection. Not secret.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }

    /// The suite agreed on.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Seals a frame as the next record.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn seal(&mut self, padded: &Padded) -> Result<Vec<u8>, SessionError> {
        self.sealer.seal(padded)
    }

    /// Opens the next record and gives its frame.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub fn open(&mut self, record: &[u8]) -> Result<Vec<u8>, SessionError> {
        self.opener.open(record)
    }

    /// Parts the session for a sending and a receiving task.
    #[must_use]
    pub fn split(self) -> (Sealer, Opener) {
        (self.sealer, self.opener)
    }
}

super::hidden_debug!(Sealer, Opener, Unconfirmed, Session);
