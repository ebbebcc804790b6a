//! Bodies to the byte, and answers that mean nothing.

use pregao_protocol::log::{Origin, RoomName};
use pregao_protocol::trust::key::{Fingerprint, SecretKey, WitnessKey};

use super::*;

fn key(seed: u8) -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[seed; 32])
}

fn witness(seed: u8) -> Witness {
    Witness {
        name: "w".parse().unwrap(),
        key: key(seed).public(),
        operator: "one".parse().unwrap(),
    }
}

fn head(size: u64) -> Head {
    let origin = Origin { broker: Fingerprint([1; 32]), room: RoomName([2; 32]) };
    Head { origin, size, root: Digest([3; 32]) }
}

fn of(status: u16, body: &str) -> Meaning {
    let answer = HttpAnswer { status, body: body.as_bytes().to_vec() };
    meaning(&answer, &witness(1), &head(5))
}

#[test]
fn a_request_is_the_old_size_the_proof_and_the_note() {
    let proof = [Digest([0; 32]), Digest([255; 32])];
    let body = String::from_utf8(add_checkpoint(3, &proof, "a note\n")).unwrap();
    let zeros = "A".repeat(43) + "=";
    let ones = "/".repeat(42) + "8=";
    assert_eq!(body, format!("old 3\n{zeros}\n{ones}\n\na note\n"));
    assert_eq!(add_checkpoint(0, &[], "a note\n"), b"old 0\n\na note\n");
    assert_eq!(register("a.b.c"), br#"{"certificate":"a.b.c"}"#);
}

#[test]
fn v141_a_cosignature_counts_by_the_named_key_over_this_head_alone() {
    let good = Cosignature::sign(&head(5), 7, &key(1));
    let line = good.line(&witness(1).name);
    assert_eq!(of(200, &line), Meaning::Cosigned(good));
    // Lines of others may precede it.
    let other = Cosignature::sign(&head(5), 7, &key(2)).line(&witness(2).name);
    assert_eq!(of(200, &format!("{other}{line}")), Meaning::Cosigned(good));
    let elsewhere = Cosignature::sign(&head(6), 7, &key(1)).line(&witness(1).name);
    let renamed = good.line(&"v".parse().unwrap());
    for body in [&other, &elsewhere, &renamed, "", "\u{2014} w", "{}", "\u{2014} w AAAA\n"] {
        assert!(matches!(of(200, body), Meaning::Refused(_)), "{body}");
    }
    for status in [201, 204, 301, 400, 403, 422] {
        assert!(matches!(of(status, &line), Meaning::Refused(_)), "{status}");
    }
}

#[test]
fn an_answer_that_is_none_is_told_from_one_that_may_change() {
    assert_eq!(of(404, "unknown"), Meaning::Unknown);
    assert_eq!(of(409, "12\n"), Meaning::Size(12));
    assert_eq!(of(409, "12"), Meaning::Size(12));
    for body in ["", "-1\n", "+5\n", "twelve", "12 \n", "99999999999999999999"] {
        assert!(matches!(of(409, body), Meaning::Refused(_)), "{body}");
    }
    for status in [429, 500, 503, 599] {
        assert!(matches!(of(status, ""), Meaning::Failing(_)), "{status}");
    }
    // A delivery that waits holds one log back, and not the witness.
    let waits = CheckpointAnswer::Refused(CheckpointRefusal::Delivery).body();
    assert!(matches!(of(429, &waits), Meaning::Refused(_)), "{waits}");
    let busy = CheckpointAnswer::Refused(CheckpointRefusal::Busy).body();
    assert!(matches!(of(429, &busy), Meaning::Failing(_)), "{busy}");
    let loud = "x\u{1b}[2J\n".repeat(99);
    let Meaning::Refused(said) = of(400, &loud) else { panic!("refused") };
    assert!(said.len() < 150 && !said.contains('\u{1b}'), "{said}");
}
