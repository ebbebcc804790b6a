use super::*;
use crate::log::stamp::{BatchHeader, StampError};
use crate::room::fixture::{Tsa, at};
use crate::value::codec::Digest;

/// A TSA at its third batch, and the honest header of its fourth.
fn third() -> (Tsa, String, BatchHeader) {
    let mut tsa = Tsa::new(204);
    tsa.tick(at(1));
    tsa.tick(at(2));
    let third = tsa.tick(at(3));
    let fourth = tsa.header(at(4), &crate::log::merkle::Tree::new(Vec::new()));
    (tsa, third, fourth)
}

#[test]
fn v063_headers_that_cannot_both_be_honest_are_evidence_in_either_order() {
    type Case = (Contradiction, fn(&mut BatchHeader));
    let cases: [Case; 7] = [
        (Contradiction::Number, |header| header.batch = 3),
        (Contradiction::Order, |header| (header.time, header.prev_time) = (at(2), at(2))),
        (Contradiction::Order, |header| header.prev_time = at(2)),
        (Contradiction::Chain, |header| header.prev = Digest([9; 32])),
        (Contradiction::Chain, |header| header.prev_time = at(4)),
        (Contradiction::Order, |header| {
            (header.batch, header.prev, header.prev_time) = (5, Digest([9; 32]), at(2));
        }),
        (Contradiction::Number, |header| (header.batch, header.size) = (3, 1)),
    ];
    for (kind, falsify) in cases {
        let (mut tsa, third, mut header) = third();
        falsify(&mut header);
        let other = tsa.sign(&header);
        for (one, two) in [(&third, &other), (&other, &third)] {
            let shown = contradiction(one, two, &tsa.public()).unwrap();
            assert_eq!(shown.kind, kind);
            assert_eq!(shown.batches, [one.clone(), two.clone()]);
        }
    }
}

#[test]
fn v063_two_headers_after_one_predecessor_are_evidence() {
    let (mut tsa, _, header) = third();
    let fourth = tsa.sign(&header);
    let fifth = tsa.sign(&BatchHeader { batch: 5, time: at(5), ..header });
    let shown = contradiction(&fourth, &fifth, &tsa.public()).unwrap();
    assert_eq!(shown.kind, Contradiction::Predecessor);
}

#[test]
fn v063_honest_headers_are_no_evidence() {
    let (mut tsa, third, header) = third();
    let fourth = tsa.sign(&header);
    let fifth = tsa.tick(at(4));
    for (one, two) in [(&third, &fourth), (&third, &fifth), (&fourth, &fifth), (&third, &third)] {
        let shown = contradiction(one, two, &tsa.public());
        assert_eq!(shown, Err(NoEvidence::Consistent));
    }
    let other = Tsa::new(205).public();
    let foreign = contradiction(&third, &fourth, &other);
    assert_eq!(foreign, Err(NoEvidence::Stamp(StampError::UnknownTsa)));
}
