//! Records: frames padded to a bucket, sealed in order, with a key that changes (SPEC 10.3).
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

use super::resolver::{Aead, KEY, TAG};
use super::{SessionError, Suite};
use crate::value::codec::Digest;
use crate::value::label;
use crate::value::padding::{PREFIX, pad, unpad};
use crate::wire::blob;

/// A frame in its bucket, ready to be sealed for any number of sessions.
pub struct Padded(Vec<u8>);

impl Padded {
    /// Pads a frame to the smallest bucket of [`label::RECORD_BUCKETS`] that holds it.
    ///
    /// # Errors
    /// [`SessionError::FrameTooLong`] beyond [`label::MAX_FRAME`] bytes, or for a binary frame beyond
    /// what fills the largest record.
    pub fn new(frame: &[u8]) -> Result<Self, SessionError> {
        bucket(frame)
            .and_then(|bucket| pad(frame, bucket))
            .map(Self)
            .ok_or_else(|| SessionError::FrameTooLong { max: longest(frame), got: frame.len() })
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

/// How long a frame of this sort may be, in bytes.
fn longest(frame: &[u8]) -> usize {
    if blob::is_binary(frame) { LONGEST_BINARY } else { label::MAX_FRAME }
}

/// Longest binary frame: header and largest piece.
const LONGEST_BINARY: usize = {
    let [.., largest] = label::RECORD_BUCKETS;
    largest - PREFIX
};

/// The one bucket a frame belongs in.
fn bucket(frame: &[u8]) -> Option<usize> {
    if frame.len() > longest(frame) {
        return None;
    }
    label::RECORD_BUCKETS.into_iter().find(|bucket| frame.len() + PREFIX <= *bucket)
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

    /// Counts a record of `length` bytes and changes the key when it is due (V-086).
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
        let frame = unpad(plaintext).ok_or(SessionError::Padding)?;
        if bucket(frame) != Some(length) {
            return Err(SessionError::Padding);
        }
        let frame = frame.len();
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

    /// Opens the first record of the other side: with it the session is established (V-085).
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: RekeyPolicy = RekeyPolicy { records: 3, bytes: u64::MAX };

    fn session(suite: Suite, side: usize, policy: RekeyPolicy) -> Session {
        let keys = [[1; KEY], [2; KEY]];
        Unconfirmed::new(suite, Digest([0; 32]), &keys[side], &keys[1 - side], policy).0
    }

    fn pair(policy: RekeyPolicy) -> (Session, Session) {
        let suite = Suite::AesGcmSha256;
        (session(suite, 0, policy), session(suite, 1, policy))
    }

    fn padded(frame: &[u8]) -> Padded {
        Padded::new(frame).unwrap()
    }

    fn seal(session: &mut Session, frame: &[u8]) -> Vec<u8> {
        session.seal(&padded(frame)).unwrap()
    }

    #[test]
    fn lengths_within_a_bucket_cannot_be_told_apart() {
        let (mut one, _) = pair(RekeyPolicy::STANDARD);
        let mut previous = 0;
        for bucket in label::RECORD_BUCKETS {
            let fits = (bucket - PREFIX).min(label::MAX_FRAME);
            for length in [previous, fits - 1, fits] {
                assert_eq!(seal(&mut one, &vec![7; length]).len(), bucket + TAG);
            }
            previous = fits + 1;
        }
        assert_eq!(label::RECORD_BUCKETS[9] + TAG, 65_535);
        let error = Padded::new(&vec![0; label::MAX_FRAME + 1]).err().unwrap();
        assert!(matches!(error, SessionError::FrameTooLong { max: 65_000, got: 65_001 }));
    }

    #[test]
    fn frames_of_every_size_come_back() {
        let (mut one, mut two) = pair(SMALL);
        for length in [0, 1, 251, 252, 253, 508, 509, 32_764, 32_765, label::MAX_FRAME] {
            let frame: Vec<u8> = (0..=250).cycle().take(length).collect();
            let record = seal(&mut one, &frame);
            assert_eq!(two.open(&record).unwrap(), frame);
        }
    }

    #[test]
    fn one_padded_frame_serves_many_sessions_and_no_two_records_are_alike() {
        let frame = Arc::new(padded(b"to all watchers"));
        let mut records = Vec::new();
        for suite in Suite::ALL {
            let mut one = session(suite, 0, SMALL);
            let mut two = session(suite, 1, SMALL);
            let record = one.seal(&frame).unwrap();
            assert_eq!(two.open(&record).unwrap(), b"to all watchers");
            records.push(record);
            records.push(one.seal(&frame).unwrap());
        }
        // Suites that differ in the hash only have the same keys here, not after a handshake.
        assert_ne!(records[0], records[1]);
        assert_ne!(records[0], records[4]);
    }

    #[test]
    fn sealing_into_a_buffer_appends() {
        let (mut one, mut two) = pair(SMALL);
        let mut out = b"head".to_vec();
        let (mut sealer, _) = session(Suite::AesGcmSha256, 0, SMALL).split();
        sealer.seal_into(&padded(b"frame"), &mut out).unwrap();
        assert_eq!(out[..4], *b"head");
        assert_eq!(out[4..], seal(&mut one, b"frame"));
        assert_eq!(two.open(&out[4..]).unwrap(), b"frame");
    }

    #[test]
    fn replayed_dropped_swapped_and_mirrored_records_are_refused() {
        let fresh = || {
            let (mut one, two) = pair(SMALL);
            let records = [seal(&mut one, b"first"), seal(&mut one, b"second")];
            (one, two, records)
        };
        let (_, mut two, [first, _]) = fresh();
        two.open(&first).unwrap();
        assert!(matches!(two.open(&first), Err(SessionError::Record)), "replayed");
        let (_, mut two, [_, second]) = fresh();
        assert!(matches!(two.open(&second), Err(SessionError::Record)), "dropped or swapped");
        let (mut one, _, [first, _]) = fresh();
        assert!(matches!(one.open(&first), Err(SessionError::Record)), "mirrored");
    }

    #[test]
    fn truncated_extended_and_flipped_records_are_refused() {
        let record = seal(&mut pair(SMALL).0, b"frame");
        let refuse = |record: &[u8], what: usize| {
            let opened = pair(SMALL).1.open(record);
            assert!(matches!(opened, Err(SessionError::Record)), "{what}");
        };
        for at in 0..record.len() {
            let mut flipped = record.clone();
            flipped[at] ^= 1 << (at % 8);
            refuse(&flipped, at);
            refuse(&record[..at], at);
        }
        refuse(&[record.clone(), vec![0]].concat(), record.len() + 1);
        refuse(&[record, vec![0; 256]].concat(), 512);
        refuse(&[0; 65_536], 65_536);
    }

    #[test]
    fn a_bad_record_ends_both_halves() {
        let (mut one, two) = pair(SMALL);
        let good = seal(&mut one, b"good");
        let (mut sealer, mut opener) = two.split();
        sealer.seal(&padded(b"alive")).unwrap();
        assert!(matches!(opener.open(&[0; 272]), Err(SessionError::Record)));
        assert!(matches!(opener.open(&good), Err(SessionError::Dead)));
        assert!(matches!(sealer.seal(&padded(b"late")), Err(SessionError::Dead)));
        let mut out = b"untouched".to_vec();
        assert!(sealer.seal_into(&padded(b"late"), &mut out).is_err());
        assert_eq!(out, b"untouched");
    }

    /// Seals a plaintext that no honest side makes.
    fn opened(plaintext: &[u8]) -> Result<Vec<u8>, SessionError> {
        let (mut one, mut two) = pair(SMALL);
        let record = one.seal(&Padded(plaintext.to_vec())).unwrap();
        two.open(&record)
    }

    #[test]
    fn padding_has_one_form() {
        let honest = pad(b"frame", 256).unwrap();
        assert_eq!(opened(&honest).unwrap(), b"frame");
        for at in [9, 100, 255] {
            let mut dirty = honest.clone();
            dirty[at] = 1;
            assert!(matches!(opened(&dirty), Err(SessionError::Padding)), "byte {at}");
        }
        let roomy = pad(b"frame", 512).unwrap();
        assert!(matches!(opened(&roomy), Err(SessionError::Padding)));
        assert!(opened(&pad(&[1; 253], 512).unwrap()).is_ok());
        assert!(matches!(opened(&pad(&[1; 252], 512).unwrap()), Err(SessionError::Padding)));
        let last = pad(&[1; label::MAX_FRAME + 1], 65_519).unwrap();
        assert!(matches!(opened(&last), Err(SessionError::Padding)));
        let mut beyond = honest;
        beyond[..4].copy_from_slice(&253_u32.to_be_bytes());
        assert!(matches!(opened(&beyond), Err(SessionError::Padding)));
        beyond[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(matches!(opened(&beyond), Err(SessionError::Padding)));
    }

    /// What a direction must send: key 1, changed after each of `changes` records.
    fn expected(choice: CipherChoice, count: u64, changes: &[u64]) -> Vec<Vec<u8>> {
        let mut cipher = Aead::new(choice);
        cipher.set(&[1; KEY]);
        let seal = |cipher: &Aead, nonce| {
            let mut body = pad(b"tick", 256).unwrap();
            let tag = cipher.seal(nonce, &[], &mut body);
            [body, tag.to_vec()].concat()
        };
        let mut records = Vec::new();
        for nonce in 0..count {
            records.push(seal(&cipher, nonce));
            if changes.contains(&(nonce + 1)) {
                cipher.rekey();
            }
        }
        records
    }

    #[test]
    fn the_key_changes_after_exactly_so_many_records_both_ways() {
        for (suite, choice) in [
            (Suite::AesGcmSha256, CipherChoice::AESGCM),
            (Suite::ChaChaPolyBlake2s, CipherChoice::ChaChaPoly),
        ] {
            let mut one = session(suite, 0, SMALL);
            let mut two = session(suite, 1, SMALL);
            for record in expected(choice, 10, &[3, 6, 9]) {
                assert_eq!(seal(&mut one, b"tick"), record);
                assert_eq!(two.open(&record).unwrap(), b"tick");
                let answer = seal(&mut two, b"tock");
                assert_eq!(one.open(&answer).unwrap(), b"tock");
            }
        }
    }

    #[test]
    fn the_key_changes_after_exactly_so_many_bytes() {
        let exact = RekeyPolicy { records: u64::MAX, bytes: 2 * 272 };
        let more = RekeyPolicy { records: u64::MAX, bytes: 2 * 272 + 1 };
        for (policy, changes) in [(exact, [2, 4, 6]), (more, [3, 6, 9])] {
            let (mut one, mut two) = pair(policy);
            for record in expected(CipherChoice::AESGCM, 7, &changes) {
                assert_eq!(seal(&mut one, b"tick"), record);
                two.open(&record).unwrap();
            }
        }
    }

    #[test]
    fn sides_that_disagree_about_the_change_part_at_it() {
        for other in [
            RekeyPolicy { records: 4, ..SMALL },
            RekeyPolicy { records: 2, ..SMALL },
            RekeyPolicy { bytes: 272, ..SMALL },
        ] {
            let (mut one, _) = pair(SMALL);
            let (_, mut two) = pair(other);
            let mut results = (0..4).map(|_| two.open(&seal(&mut one, b"tick")).is_ok());
            assert!(results.next().unwrap());
            assert!(!results.all(|opened| opened));
        }
    }

    #[test]
    fn the_standard_change_comes_at_the_numbers_of_the_specification() {
        assert_eq!(RekeyPolicy::STANDARD.records, 4096);
        assert_eq!(RekeyPolicy::STANDARD.bytes, 16_777_216);
    }

    #[test]
    fn nonces_end_before_the_one_that_changes_keys() {
        let (mut one, mut two) = pair(SMALL);
        one.sealer.0.nonce = u64::MAX - 1;
        two.opener.0.nonce = u64::MAX - 1;
        let last = seal(&mut one, b"last");
        assert_eq!(two.open(&last).unwrap(), b"last");
        assert!(matches!(one.seal(&padded(b"more")), Err(SessionError::Exhausted)));
        assert!(matches!(two.open(&last), Err(SessionError::Exhausted)));
    }

    proptest! {
        #[test]
        fn arbitrary_records_never_panic_and_never_open(
            mut record in proptest::collection::vec(any::<u8>(), 0..2100),
            bucket in proptest::option::of(0_usize..4),
        ) {
            if let Some(bucket) = bucket {
                record.resize(label::RECORD_BUCKETS[bucket] + TAG, 0);
            }
            prop_assert!(pair(SMALL).1.open(&record).is_err());
        }

        #[test]
        fn arbitrary_plaintexts_never_panic(
            mut plaintext in proptest::collection::vec(any::<u8>(), 0..300),
            length in 0_u32..300,
        ) {
            plaintext.resize(256, 0);
            plaintext[..4].copy_from_slice(&length.to_be_bytes());
            if let Ok(frame) = opened(&plaintext) {
                prop_assert_eq!(pad(&frame, 256).unwrap(), plaintext);
            }
        }

        #[test]
        fn every_frame_comes_back(frame in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let (mut one, mut two) = pair(SMALL);
            prop_assert_eq!(two.open(&seal(&mut one, &frame)).unwrap(), frame);
        }
    }
}
