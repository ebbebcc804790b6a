//! Handshakes of a broker under load: a puzzle before message 1 (V-195).

use super::*;
use crate::trust::key::{self, Fingerprint, SecretKey};
use crate::value::codec::Digest;
use crate::wire::puzzle::{Effort, Puzzle};

const BROKER: Fingerprint = Fingerprint([7; 32]);

fn challenge(nonce: u8) -> Challenge {
    let effort = Effort::new(8).unwrap();
    Challenge { broker: BROKER, effort, header: Digest([5; 32]), nonce: [nonce; 32] }
}

/// A broker that waits for a solution, its choice, and message 1 of a peer with what it is asked for.
fn asked(nonce: u8) -> (ExpectMessage1, Vec<u8>, Vec<u8>, ExpectMessage2) {
    let (peer, hello) = Initiator::start(&Ranking::default(), [21; 32]);
    let broker = ExpectHello::new(Ranking::default(), [22; 32]).asking(challenge(nonce));
    let (broker, choice) = broker.handle(&hello).unwrap();
    let (peer, one) = peer.handle(&choice).unwrap();
    (broker, choice, one, peer)
}

fn solve(choice: &[u8], bits: u64) -> u64 {
    let puzzle = Puzzle::of_handshake(BROKER, choice, Digest([5; 32]));
    puzzle.solve(Effort::new(bits).unwrap(), 0..1 << 20).unwrap()
}

fn message_2(broker: ExpectMessage1, one: &[u8]) -> Result<Vec<u8>, SessionError> {
    let key: SecretKey<key::SessionKey> = SecretKey::from_seed(&[1; 32]);
    let credentials = BrokerCredentials::new("certificate").unwrap();
    broker.handle(one, &credentials, |bytes| key.sign(bytes)).map(|(_, two)| two)
}

#[test]
fn v195_a_broker_under_load_answers_message_1_once_its_puzzle_is_solved() {
    let (mut broker, choice, one, peer) = asked(1);
    let wanted = peer.wanted().unwrap();
    assert_eq!((wanted.effort, wanted.header, wanted.nonce), (8, Digest([5; 32]), Digest([1; 32])));
    assert!(broker.expects_solution());
    broker.take_solution(&solved(solve(&choice, 8))).unwrap();
    assert!(!broker.expects_solution());
    assert!(message_2(broker, &one).is_ok());
}

#[test]
fn v195_before_that_nothing_is_signed() {
    let (broker, _, one, _) = asked(1);
    assert!(matches!(message_2(broker, &one), Err(SessionError::Puzzle)));
    assert_eq!(SessionError::Puzzle.public_code(), "puzzle.wanted");
}

#[test]
fn v195_a_solution_of_another_connection_or_form_solves_nothing() {
    let (mut broker, choice, one, _) = asked(1);
    let right = solve(&choice, 8);
    let (_, other, ..) = asked(2);
    assert_ne!(choice, other, "no two choices are alike");
    let text = |of: &[u8]| String::from_utf8(of.to_vec()).unwrap();
    let good = text(&solved(right));
    for bad in [
        text(&solved(solve(&other, 8))),
        text(&solved(right + 1)),
        good.replace(':', ": "),
        good.replace('}', r#","more":1}"#),
        format!("{good} "),
        String::new(),
        "{}".to_owned(),
    ] {
        assert!(matches!(broker.take_solution(bad.as_bytes()), Err(SessionError::Puzzle)), "{bad}");
    }
    assert!(matches!(broker.take_solution(&one), Err(SessionError::Puzzle)));
    broker.take_solution(good.as_bytes()).unwrap();
}

#[test]
fn v195_an_idle_broker_asks_for_nothing_and_its_choice_says_nothing_of_it() {
    let (peer, hello) = Initiator::start(&Ranking::default(), [21; 32]);
    let broker = ExpectHello::new(Ranking::default(), [22; 32]);
    let (broker, choice) = broker.handle(&hello).unwrap();
    assert!(!String::from_utf8(choice.clone()).unwrap().contains("puzzle"));
    let (peer, one) = peer.handle(&choice).unwrap();
    assert!(peer.wanted().is_none() && !broker.expects_solution());
    assert!(message_2(broker, &one).is_ok());
}
