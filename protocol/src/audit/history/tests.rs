//! Headers that agree and that do not, in whichever order they are met.

use super::*;
use crate::log::merkle::Tree;
use crate::room::fixture::{Tsa, at};

/// As many headers of one honest TSA, a millisecond apart.
fn chain(length: u64) -> Vec<VerifiedBatch> {
    continued(&mut Tsa::new(204), 0, length)
}

fn continued(tsa: &mut Tsa, micros: u64, length: u64) -> Vec<VerifiedBatch> {
    let opened = |compact: &str, tsa: &Tsa| VerifiedBatch::open(compact, &[tsa.public()]).unwrap();
    (0..length)
        .map(|after| {
            let compact = tsa.tick(at(micros + after * 1_000));
            opened(&compact, tsa)
        })
        .collect()
}

/// A history that is the first ten of [`chain`] and then another.
fn fork() -> Vec<VerifiedBatch> {
    let mut tsa = Tsa::new(204);
    continued(&mut tsa, 0, 10);
    continued(&mut tsa, 9_500, 10)
}

#[test]
fn v063_one_history_agrees_in_whichever_order_its_headers_come() {
    let chain = chain(64);
    for step in [1, 3, 5, 17, 63] {
        let mut met = TsaHistory::default();
        for at in 0..128 {
            assert_eq!(met.meet(&chain[at * step % 64], at), None, "{at} by {step}");
        }
        assert_eq!(met.len(), 64);
    }
}

#[test]
fn v063_two_histories_are_found_out_at_the_first_header_that_cannot_be_beside_another() {
    let (one, other) = (chain(20), fork());
    for (number, lie) in other.iter().enumerate() {
        let mut met = TsaHistory::default();
        for (at, batch) in one.iter().enumerate() {
            assert_eq!(met.meet(batch, at), None);
        }
        let (found, at) = met.meet(lie, 99).expect("it is beside one of the same number");
        assert_eq!(found.hash(), one[at].hash(), "{number}");
        assert_eq!(met.meet(&one[19], 99), None, "what contradicts is not taken");
    }
    // Of each history only every other header is met.
    let mut met = TsaHistory::default();
    let evens = one.iter().skip(10).step_by(2);
    assert!(evens.chain(other.iter().skip(1).step_by(2)).any(|lie| met.meet(lie, ()).is_some()));
}

#[test]
fn v063_the_newest_headers_are_kept_and_no_more() {
    let chain = chain(300);
    let mut met = TsaHistory::default();
    assert!(met.is_empty());
    for batch in &chain {
        assert_eq!(met.meet(batch, ()), None);
        met.forget_all_but(200);
    }
    assert_eq!((met.met.len(), met.after.len()), (200, 200));
    // One that is forgotten may come again, and what follows it is remembered still.
    assert_eq!(met.meet(&chain[0], ()), None);
    met.forget_all_but(200);
    assert_eq!((met.met.len(), met.after.len()), (200, 200));
    let mut tsa = Tsa::new(204);
    continued(&mut tsa, 0, 200);
    let mut header = tsa.header(at(250_000), &Tree::new(Vec::new()));
    header.size = 1;
    let lie = tsa.sign(&header);
    let lie = VerifiedBatch::open(&lie, &[tsa.public()]).unwrap();
    assert!(met.meet(&lie, ()).is_some());
}
