//! The cryptography that one bid cannot do without, timed alone in the same run.

use std::hint::black_box;
use std::time::Instant;

use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use pregao_protocol::trust::persona::{Blind, BlindContext, blinded};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::session::Padded;
use pregao_tests::peer::fresh_id;

use crate::gauge::Row;

/// Microseconds each.
pub(crate) struct Primitives {
    verify: f64,
    blind: f64,
    hash: f64,
    pad: f64,
}

/// Times each on one thread.
pub(crate) fn measure() -> Primitives {
    let key = SecretKey::<Persona>::from_seed(&[7; 32]);
    let message = [5_u8; 900];
    let (public, signature) = (key.public(), key.sign(&message));
    let context =
        BlindContext { broker: Fingerprint([1; 32]), action: fresh_id(), persona: public };
    let blind = Blind::from_random([9; 32]);
    let kilobyte = [3_u8; 1024];
    Primitives {
        verify: time(2_000, || black_box(public.verify(&message, &signature)).is_ok()),
        blind: time(2_000, || black_box(blinded(&blind, &context)).is_ok()),
        hash: time(50_000, || black_box(Digest::of(&kilobyte)).0 != [0; 32]),
        pad: time(50_000, || black_box(Padded::new(&message)).is_ok()),
    }
}

fn time(rounds: u32, mut run: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    let good = (0..rounds).filter(|_| run()).count();
    let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    if good == 0 { f64::NAN } else { each }
}

impl Primitives {
    /// What every bid needs: its signature, its blind, and about eight hashes of a kilobyte
    /// (digest, stamp, leaf, tree, records). The header of its batch is shared.
    pub(crate) fn bid(&self) -> f64 {
        self.verify + self.blind + 8.0 * self.hash + 4.0 * self.pad
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        vec![
            Row::new("primitive: Ed25519 strict verification, 900 bytes", self.verify, "us"),
            Row::new("primitive: blinded key from blind and persona", self.blind, "us"),
            Row::new("primitive: SHA-256 of 1 KiB", self.hash, "us"),
            Row::new("primitive: padding of a frame", self.pad, "us"),
            Row::new("sum of the primitives of one bid", self.bid(), "us"),
        ]
    }
}
