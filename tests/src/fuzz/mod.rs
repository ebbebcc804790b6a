//! What every reader of a stranger's bytes must do with any bytes at all.
//!
//! Each [`Target`] hands bytes to one reader and holds what it gives to what the reader promises: no
//! panic, no second spelling of what has one, nothing beyond the limits of `label.rs`. The fuzzers of
//! `tests/fuzz` call them with what they make up; `tests/tests/fuzz.rs` with the corpus and with
//! [alterations](Alterations) of it, so that an ordinary run of the tests looks for faults too.
//!
//! [`formats`] what is signed, logged and sent; [`letters`] letters and what carries them; [`session`] handshake and records; [`people`] what is
//! typed, written by scripts and read from files.

pub mod formats;
pub mod letters;
pub mod people;
pub mod session;

use crate::sim::machine::Chance;

/// What a reader did with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It took them; what it promises of them holds.
    Taken,
    /// It refused them.
    Refused,
}

impl Verdict {
    /// Taken if there is something.
    pub(crate) const fn of<T>(read: Option<&T>) -> Self {
        if read.is_some() { Self::Taken } else { Self::Refused }
    }
}

/// What becomes of bytes that were taken, once they are altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Altered {
    /// All of them are signed or sealed: others are refused.
    Refused,
    /// They may mean something else, or the same.
    MayPass,
}

/// A reader, and what it promises.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Hands it bytes. Panics where a promise is broken.
    pub run: fn(&[u8]) -> Verdict,
    /// What becomes of altered bytes.
    pub altered: Altered,
}

const fn sealed(name: &'static str, run: fn(&[u8]) -> Verdict) -> Target {
    Target { name, run, altered: Altered::Refused }
}

const fn open(name: &'static str, run: fn(&[u8]) -> Verdict) -> Target {
    Target { name, run, altered: Altered::MayPass }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    open("frame_from_peer", formats::frame_from_peer),
    open("frame_from_broker", formats::frame_from_broker),
    sealed("action", formats::action),
    open("action_payload", formats::action_payload),
    open("entry", formats::entry),
    sealed("head", formats::head),
    open("head_text", formats::head_text),
    open("receipt", formats::receipt),
    open("evidence", formats::evidence),
    open("transcript", formats::transcript),
    open("verdict", formats::verdict),
    open("certificate", formats::certificate),
    open("jwks", formats::jwks),
    open("tsa_request", formats::tsa_request),
    open("timelock", formats::timelock),
    open("tsa_stream", formats::tsa_stream),
    open("add_checkpoint", formats::add_checkpoint),
    open("rule", formats::rule),
    open("letter_content", letters::content),
    sealed("letter_envelope", letters::envelope),
    open("letter_shown", letters::letter_shown),
    open("blob_frame", letters::blob_frame),
    open("pass", letters::pass),
    sealed("session_record", session::record),
    open("handshake", session::handshake),
    open("json_line", people::json_line),
    open("command_line", people::command_line),
    open("reader", people::reader),
    open("citizen_file", people::citizen_file),
];

/// Hands bytes to the target of that name: what a fuzzer calls.
///
/// # Panics
/// If there is none, or a promise is broken.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("the table names every target").run)(bytes);
}

/// Alterations of bytes, by a seed: bits flipped, bytes replaced, parts cut out, doubled, and taken from
/// elsewhere. No end of them.
#[derive(Debug)]
pub struct Alterations<'a> {
    bytes: &'a [u8],
    others: &'a [Vec<u8>],
    chance: Chance,
}

impl<'a> Alterations<'a> {
    /// Of `bytes`; parts may come from `others`.
    #[must_use]
    pub fn of(bytes: &'a [u8], others: &'a [Vec<u8>], seed: u64) -> Self {
        Self { bytes, others, chance: Chance::of(seed) }
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.chance.below(bound as u64)).unwrap_or_default()
    }

    /// A part of some length, short ones more often than long ones.
    fn part(&self, of: usize) -> std::ops::Range<usize> {
        let start = self.below(of);
        let most = if self.chance.once_in(4) { of } else { 8 };
        let length = self.below(most.min(of.saturating_sub(start))).saturating_add(1);
        start..start.saturating_add(length).min(of)
    }

    fn byte(&self) -> u8 {
        // What has a meaning in the formats more often than anything else.
        const TELLING: &[u8] = b"\"{}[],:.-_=+ \n\\/#0189Aaz\0\x7f\xff";
        match TELLING.get(self.below(TELLING.len().saturating_mul(2))) {
            Some(byte) => *byte,
            None => self.below(256).to_le_bytes().first().copied().unwrap_or_default(),
        }
    }

    fn alter(&self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let part = self.part(bytes.len());
        match self.below(7) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1_u8.rotate_left(u32::try_from(self.below(8)).unwrap_or_default());
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = self.byte();
                }
            }
            3 => bytes.insert(at, self.byte()),
            4 => drop(bytes.drain(part)),
            5 => {
                let twice = bytes.get(part.clone()).unwrap_or_default().to_vec();
                drop(bytes.splice(part.end..part.end, twice));
            }
            _ => {
                let other = self.others.get(self.below(self.others.len()));
                let other = other.map(Vec::as_slice).unwrap_or_default();
                let taken = other.get(self.part(other.len())).unwrap_or_default().to_vec();
                drop(bytes.splice(part, taken));
            }
        }
    }
}

impl Iterator for Alterations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.bytes.to_vec();
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                bytes.push(self.byte());
            }
            self.alter(&mut bytes);
        }
        Some(bytes)
    }
}
