//! Handshake and records of a session between a peer and a broker made from fixed seeds.
//!
//! Everything that either side draws is fixed, so the honest next message is known: what is taken in
//! its place must be that message, where it is sealed.

use pregao_protocol::trust::key::{Persona, SecretKey, SessionKey};
use pregao_protocol::value::label;
use pregao_protocol::wire::blob;
use pregao_protocol::wire::session::{
    BrokerCredentials, Credentials, ExpectChoice, ExpectHello, ExpectMessage1, ExpectMessage2,
    ExpectMessage3, Initiator, Padded, Ranking, Session, SessionError, Suite, Unconfirmed,
};

use super::Verdict;

const CERTIFICATE: &[u8] = b"a certificate";
const TICKET: &str = "a ticket";
const BROKER: &str = "a broker's certificate";
/// Most records before the one in question.
const EARLIER: u8 = 3;

fn persona() -> SecretKey<Persona> {
    SecretKey::from_seed(&[11; 32])
}

fn broker() -> SecretKey<SessionKey> {
    SecretKey::from_seed(&[12; 32])
}

/// The suite that a byte means.
fn suite(byte: u8) -> Suite {
    let [first, ..] = Suite::ALL;
    Suite::ALL.get(usize::from(byte % 4)).copied().unwrap_or(first)
}

fn only(suite: Suite) -> Ranking {
    Ranking::new(&[suite]).expect("one suite is a ranking")
}

/// Offers one suite.
fn hello(suite: Suite) -> (ExpectChoice, Vec<u8>) {
    Initiator::start(&only(suite), [13; 32])
}

fn responder(suite: Suite) -> ExpectHello {
    ExpectHello::new(only(suite), [14; 32])
}

type Step<T> = Result<(T, Vec<u8>), SessionError>;

fn answer_one(expect: ExpectMessage1, message: &[u8]) -> Step<ExpectMessage3> {
    let credentials = BrokerCredentials::new(BROKER).expect("it fits");
    expect.handle(message, &credentials, |bytes| broker().sign(bytes))
}

fn answer_two(expect: ExpectMessage2, message: &[u8]) -> Step<Unconfirmed> {
    let credentials = Credentials::new(CERTIFICATE, TICKET).expect("it fits");
    let known = |shown: &str| {
        assert_eq!(shown, BROKER, "another certificate passed the seal");
        Ok::<_, std::fmt::Error>(broker().public())
    };
    expect.handle(message, known, &credentials, |bytes| persona().sign(bytes))
}

fn take_three(expect: ExpectMessage3, message: &[u8]) -> Result<Unconfirmed, SessionError> {
    let known = |certificate: &[u8], ticket: &str| {
        assert_eq!((certificate, ticket), (CERTIFICATE, TICKET), "others passed the seal");
        Ok::<_, std::fmt::Error>(persona().public())
    };
    expect.handle(message, known).map(|(unconfirmed, _)| unconfirmed)
}

/// An honest handshake: both sides at each step, and what was said.
struct Honest {
    messages: [Vec<u8>; 5],
    peer: Unconfirmed,
    broker: Unconfirmed,
}

impl Honest {
    fn shake(suite: Suite) -> Self {
        let honest = "an honest handshake holds";
        let (peer, hello) = hello(suite);
        let (broker, choice) = responder(suite).handle(&hello).expect(honest);
        let (peer, one) = peer.handle(&choice).expect(honest);
        let (broker, two) = answer_one(broker, &one).expect(honest);
        let (peer, three) = answer_two(peer, &two).expect(honest);
        let broker = take_three(broker, &three).expect(honest);
        Self { messages: [hello, choice, one, two, three], peer, broker }
    }
}

/// What the honest side says at a step, behind the bytes that [`handshake`] begins with.
#[must_use]
pub fn honest_message(step: u8, chosen: u8) -> Vec<u8> {
    let messages = Honest::shake(suite(chosen)).messages;
    let said = messages.into_iter().nth(usize::from(step % 5)).unwrap_or_default();
    [vec![step, chosen], said].concat()
}

/// A message of the handshake. The first byte says which step of it, the second which suite.
///
/// # Panics
/// If a promise is broken, as all of them.
pub fn handshake(bytes: &[u8]) -> Verdict {
    let Some(([step, chosen], message)) = bytes.split_first_chunk::<2>() else {
        return Verdict::Refused;
    };
    let (step, suite) = (step % 5, suite(*chosen));
    let before = "an honest handshake holds up to here";
    let answered = match step {
        0 => ExpectHello::new(Ranking::default(), [14; 32]).handle(message).map(|(_, choice)| {
            assert!(message.len() <= label::MAX_NEGOTIATION);
            assert!(choice.len() <= label::MAX_NEGOTIATION);
            // Both sides draw the same conclusion wherever the offer is one of ours.
            if message == hello(suite).1 {
                self::hello(suite).0.handle(&choice).expect("the choice is by the rule");
            }
        }),
        1 => hello(suite).0.handle(message).map(|(_, one)| {
            assert!(message.len() <= label::MAX_NEGOTIATION);
            assert_eq!(one.len(), 32);
        }),
        2 => {
            let (broker, _) = responder(suite).handle(&hello(suite).1).expect(before);
            answer_one(broker, message).map(|_| assert_eq!(message.len(), 32))
        }
        3 => {
            let (peer, hello) = hello(suite);
            let (broker, choice) = responder(suite).handle(&hello).expect(before);
            let (peer, one) = peer.handle(&choice).expect(before);
            let (_, two) = answer_one(broker, &one).expect(before);
            answer_two(peer, message).map(|_| assert_eq!(message, two, "two messages 2"))
        }
        _ => {
            let (peer, hello) = hello(suite);
            let (broker, choice) = responder(suite).handle(&hello).expect(before);
            let (peer, one) = peer.handle(&choice).expect(before);
            let (broker, two) = answer_one(broker, &one).expect(before);
            let (_, three) = answer_two(peer, &two).expect(before);
            take_three(broker, message).map(|_| assert_eq!(message, three, "two messages 3"))
        }
    };
    if let Err(error) = &answered {
        assert!(error.public_code().starts_with("session."));
    }
    Verdict::of(answered.ok().as_ref())
}

/// A peer's session, and the broker's side of it that sends.
fn established(chosen: u8, earlier: u8) -> (Session, Unconfirmed) {
    let Honest { peer, mut broker, .. } = Honest::shake(suite(chosen));
    let first = seal(&mut broker, b"first");
    let (mut peer, _) = peer.open(&first).expect("the first record opens");
    for number in 0..earlier {
        let record = seal(&mut broker, &[number]);
        peer.open(&record).expect("records open in their order");
    }
    (peer, broker)
}

fn seal(broker: &mut Unconfirmed, frame: &[u8]) -> Vec<u8> {
    let padded = Padded::new(frame).expect("the frame fits");
    broker.seal(&padded).expect("the session lives")
}

/// The record of a frame, behind the bytes that [`record`] begins with.
#[must_use]
pub fn honest_record(chosen: u8, earlier: u8, frame: &[u8]) -> Vec<u8> {
    let (_, mut broker) = established(chosen, earlier);
    [vec![chosen, earlier], seal(&mut broker, frame)].concat()
}

/// A record. The first byte says which suite, the second how many records came before.
pub fn record(bytes: &[u8]) -> Verdict {
    let Some(([chosen, earlier], record)) = bytes.split_first_chunk::<2>() else {
        return Verdict::Refused;
    };
    // One spelling each, so that every other byte there is another session or place.
    if *chosen > 3 || *earlier > EARLIER {
        return Verdict::Refused;
    }
    let (mut peer, mut broker) = established(*chosen, *earlier);
    let opened = peer.open(record);
    match &opened {
        Ok(frame) => {
            let is_bounded = frame.len() <= label::MAX_FRAME || blob::is_binary(frame);
            assert!(is_bounded && record.len() <= label::MAX_RECORD);
            assert_eq!(seal(&mut broker, frame), record, "a record that nobody sealed");
            assert!(peer.open(record).is_err(), "a record opens twice");
        }
        Err(error) => assert!(matches!(error, SessionError::Record | SessionError::Padding)),
    }
    let next = seal(&mut broker, b"next");
    assert!(matches!(peer.open(&next), Err(SessionError::Dead)), "it ends with a bad record");
    let padded = Padded::new(b"said").expect("it fits");
    assert!(matches!(peer.seal(&padded), Err(SessionError::Dead)), "in both directions");
    Verdict::of(opened.ok().as_ref())
}
