//! Whole handshakes, with somebody on the wire who reads, changes and replays.

use proptest::prelude::*;

use super::handshake::{Noise, Side, statement};
use super::*;
use crate::trust::key::{self, Persona, PublicKey, SecretKey, Signature};
use crate::value::label;

const BROKER_CERTIFICATE: &str = "broker.certificate.jws";
const CERTIFICATE: &[u8] = b"persona certificate";
const TICKET: &str = "ticket.of.persona";
const PEER_SEED: [u8; 32] = [21; 32];
const BROKER_SEED: [u8; 32] = [22; 32];

fn broker_key() -> SecretKey<key::SessionKey> {
    SecretKey::from_seed(&[1; 32])
}

fn persona_key() -> SecretKey<Persona> {
    SecretKey::from_seed(&[2; 32])
}

fn only(suite: Suite) -> Ranking {
    Ranking::new(&[suite]).unwrap()
}

fn credentials() -> Credentials {
    Credentials::new(CERTIFICATE, TICKET).unwrap()
}

fn broker_credentials() -> BrokerCredentials {
    BrokerCredentials::new(BROKER_CERTIFICATE).unwrap()
}

fn verify(certificate: &str) -> Result<PublicKey<key::SessionKey>, String> {
    if certificate == BROKER_CERTIFICATE {
        Ok(broker_key().public())
    } else {
        Err(format!("unknown broker {certificate}"))
    }
}

fn authenticate(certificate: &[u8], ticket: &str) -> Result<PublicKey<Persona>, &'static str> {
    if certificate == CERTIFICATE && ticket == TICKET {
        Ok(persona_key().public())
    } else {
        Err("unknown persona")
    }
}

/// The five messages as they arrived.
#[derive(Default)]
struct Transcript(Vec<Vec<u8>>);

type Change<'a> = Box<dyn FnMut(HandshakeMessage, &mut Vec<u8>) + 'a>;

/// Two honest sides and somebody on the wire.
struct Wire<'a> {
    offer: Ranking,
    ranked: Ranking,
    peer_seed: [u8; 32],
    broker_seed: [u8; 32],
    change: Change<'a>,
}

type Pair = (Unconfirmed, Unconfirmed, Transcript);

impl<'a> Wire<'a> {
    fn of(suite: Suite) -> Self {
        Self::between(only(suite), only(suite))
    }

    fn between(offer: Ranking, ranked: Ranking) -> Self {
        let (peer_seed, broker_seed) = (PEER_SEED, BROKER_SEED);
        Self { offer, ranked, peer_seed, broker_seed, change: Box::new(|_, _| {}) }
    }

    fn changing(self, change: impl FnMut(HandshakeMessage, &mut Vec<u8>) + 'a) -> Self {
        Self { change: Box::new(change), ..self }
    }

    fn run(self) -> Result<Pair, SessionError> {
        let persona = |bytes: &[u8]| persona_key().sign(bytes);
        self.run_with(|bytes| broker_key().sign(bytes), persona, authenticate)
    }

    fn run_with<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        mut self,
        broker_signs: impl FnOnce(&[u8]) -> Signature,
        persona_signs: impl FnOnce(&[u8]) -> Signature,
        authenticate: impl FnOnce(&[u8], &str) -> Result<PublicKey<Persona>, E>,
    ) -> Result<Pair, SessionError> {
        let mut transcript = Transcript::default();
        let mut pass = |message, mut bytes: Vec<u8>| {
            (self.change)(message, &mut bytes);
            transcript.0.push(bytes.clone());
            bytes
        };
        let (peer, hello) = Initiator::start(&self.offer, self.peer_seed);
        let broker = ExpectHello::new(self.ranked, self.broker_seed);
        let (broker, choice) = broker.handle(&pass(HandshakeMessage::Hello, hello))?;
        let (peer, one) = peer.handle(&pass(HandshakeMessage::Choice, choice))?;
        let (broker, two) = broker.handle(
            &pass(HandshakeMessage::One, one),
            &broker_credentials(),
            broker_signs,
        )?;
        let (peer, three) =
            peer.handle(&pass(HandshakeMessage::Two, two), verify, &credentials(), persona_signs)?;
        let (broker, persona) =
            broker.handle(&pass(HandshakeMessage::Three, three), authenticate)?;
        assert_eq!(persona, Initiated::Persona(persona_key().public()));
        Ok((peer, broker, transcript))
    }
}

/// A guest's handshake, in which message 3 may be changed.
fn as_guest(
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<(Unconfirmed, Initiated, usize), SessionError> {
    let suites = only(Suite::ALL[0]);
    let (peer, hello) = Initiator::start(&suites, PEER_SEED);
    let (broker, choice) = ExpectHello::new(suites, BROKER_SEED).handle(&hello)?;
    let (peer, one) = peer.handle(&choice)?;
    let sign = |bytes: &[u8]| broker_key().sign(bytes);
    let (broker, two) = broker.handle(&one, &broker_credentials(), sign)?;
    let (_, mut three) = peer.handle_as_guest(&two, verify)?;
    change(&mut three);
    let nobody = |_: &[u8], _: &str| Err::<PublicKey<Persona>, _>("no certificate was shown");
    let (session, initiated) = broker.handle(&three, nobody)?;
    Ok((session, initiated, three.len()))
}

#[test]
fn v284_a_guest_shows_nothing_and_its_messages_have_the_sizes_of_a_personas() {
    let (_, initiated, length) = as_guest(|_| {}).unwrap();
    assert_eq!(initiated, Initiated::Guest);
    let (.., transcript) = Wire::of(Suite::ALL[0]).run().unwrap();
    assert_eq!(transcript.0.last().map(Vec::len), Some(length));
    assert!(as_guest(|three| three[100] ^= 1).is_err());
    assert!(as_guest(|three| three.truncate(200)).is_err());
}

#[test]
fn v284_a_guest_too_speaks_to_the_pinned_broker_only() {
    let suites = only(Suite::ALL[0]);
    let (peer, hello) = Initiator::start(&suites, PEER_SEED);
    let (broker, choice) = ExpectHello::new(suites, BROKER_SEED).handle(&hello).unwrap();
    let (peer, one) = peer.handle(&choice).unwrap();
    let wrong = |bytes: &[u8]| SecretKey::<key::SessionKey>::from_seed(&[99; 32]).sign(bytes);
    let (_, two) = broker.handle(&one, &broker_credentials(), wrong).unwrap();
    assert!(matches!(peer.handle_as_guest(&two, verify), Err(SessionError::Signature { .. })));
}

fn padded(frame: &[u8]) -> Padded {
    Padded::new(frame).unwrap()
}

fn establish((mut peer, mut broker, _): Pair) -> (Session, Session) {
    let welcome = broker.seal(&padded(b"welcome")).unwrap();
    let first = peer.seal(&padded(b"first")).unwrap();
    let (peer, frame) = peer.open(&welcome).unwrap();
    assert_eq!(frame, b"welcome");
    let (broker, frame) = broker.open(&first).unwrap();
    assert_eq!(frame, b"first");
    (peer, broker)
}

#[test]
fn every_suite_makes_a_session_with_one_name_on_both_sides() {
    let mut names = Vec::new();
    for suite in Suite::ALL {
        let (mut peer, mut broker) = establish(Wire::of(suite).run().unwrap());
        assert_eq!((peer.suite(), broker.suite()), (suite, suite));
        assert_eq!(peer.id(), broker.id());
        assert!(!names.contains(&peer.id()));
        names.push(peer.id());
        for round in 0..3_u8 {
            let record = peer.seal(&padded(&[round; 700])).unwrap();
            assert_eq!(broker.open(&record).unwrap(), [round; 700]);
            let record = broker.seal(&padded(&[round; 70])).unwrap();
            assert_eq!(peer.open(&record).unwrap(), [round; 70]);
        }
    }
}

/// The final hash covers every byte of all five messages.
#[test]
fn the_handshake_is_these_bytes() {
    let names = Suite::ALL.map(|suite| hex::encode(Wire::of(suite).run().unwrap().0.id().0));
    let expected = [
        "dbc40721b98de3ea842e0dfe5c5a0d8b3df0d6afdd0b0f695f7d36e596915c6d",
        "c9026ac5f55ef27020384118c11a756c035c91f6dd25cd1946ec9de38538ee53",
        "32a374a765b67fb2d860df1c3e6cec02234a90abccee292e19121aa886bb7624",
        "f02612f91a42560e09e07b78508a59007fa1f3013deb8bc94fe3dc50d00d6a0b",
    ];
    assert_eq!(names, expected);
}

#[test]
fn other_seeds_make_another_session() {
    let first = Wire::of(Suite::AesGcmSha256).run().unwrap();
    let peer = Wire { peer_seed: [9; 32], ..Wire::of(Suite::AesGcmSha256) }.run().unwrap();
    let broker = Wire { broker_seed: [9; 32], ..Wire::of(Suite::AesGcmSha256) }.run().unwrap();
    assert_ne!(first.0.id(), peer.0.id());
    assert_ne!(first.0.id(), broker.0.id());
    assert_ne!(peer.0.id(), broker.0.id());
}

fn no_flip_of(message: HandshakeMessage, suite: Suite) {
    let (_, _, honest) = Wire::of(suite).run().unwrap();
    let length = honest.0[message as usize].len();
    for at in 0..length {
        let flip = |here: HandshakeMessage, bytes: &mut Vec<u8>| {
            if here == message {
                bytes[at] ^= 1 << (at % 8);
            }
        };
        let error = Wire::of(suite).changing(flip).run().err();
        let error = error.unwrap_or_else(|| panic!("{suite}: {message}, byte {at}"));
        assert!(["session.refused", "session.suite"].contains(&error.public_code()));
    }
}

#[test]
fn no_flipped_byte_before_message_2_leads_to_a_session() {
    for suite in Suite::ALL {
        for message in [HandshakeMessage::Hello, HandshakeMessage::Choice, HandshakeMessage::One] {
            no_flip_of(message, suite);
        }
    }
}

/// Every single flip of recorded bytes. The reader is made anew for each from the same seed,
/// so that the untouched bytes are the ones it accepts.
fn every_flip(bytes: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(bytes));
    for at in 0..bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (at % 8);
        assert!(!accepts(&flipped), "byte {at}");
    }
}

#[test]
fn no_flipped_byte_of_message_2_leads_to_a_session() {
    for suite in Suite::ALL {
        let [_, choice, _, two, _] = Wire::of(suite).run().unwrap().2.0.try_into().unwrap();
        let credentials = credentials();
        every_flip(&two, |two| {
            let (peer, _) = Initiator::start(&only(suite), PEER_SEED);
            let (peer, _) = peer.handle(&choice).unwrap();
            peer.handle(two, verify, &credentials, |bytes| persona_key().sign(bytes)).is_ok()
        });
    }
}

#[test]
fn no_flipped_byte_of_message_3_leads_to_a_session() {
    for suite in Suite::ALL {
        let [hello, _, one, _, three] = Wire::of(suite).run().unwrap().2.0.try_into().unwrap();
        let (credentials, key) = (broker_credentials(), broker_key());
        every_flip(&three, |three| {
            let (broker, _) = ExpectHello::new(only(suite), BROKER_SEED).handle(&hello).unwrap();
            let (broker, _) = broker.handle(&one, &credentials, |bytes| key.sign(bytes)).unwrap();
            broker.handle(three, authenticate).is_ok()
        });
    }
}

#[test]
fn the_ignored_top_bit_of_an_x25519_key_is_bound_all_the_same() {
    let flip = |here: HandshakeMessage, bytes: &mut Vec<u8>| {
        if here == HandshakeMessage::One {
            bytes[31] ^= 0x80;
        }
    };
    let error = Wire::of(Suite::AesGcmSha256).changing(flip).run().err().unwrap();
    assert!(matches!(error, SessionError::Handshake { message: HandshakeMessage::Two, .. }));
}

#[test]
fn messages_of_another_size_are_refused() {
    for message in [HandshakeMessage::One, HandshakeMessage::Two, HandshakeMessage::Three] {
        for longer in [false, true] {
            let change = |here: HandshakeMessage, bytes: &mut Vec<u8>| {
                if here == message {
                    bytes.resize(if longer { bytes.len() + 1 } else { bytes.len() - 1 }, 0);
                }
            };
            let error = Wire::of(Suite::AesGcmSha256).changing(change).run().err().unwrap();
            assert!(matches!(error, SessionError::Size { message: at, .. } if at == message));
        }
    }
}

#[test]
fn an_ephemeral_key_of_small_order_is_refused() {
    let zero = |here: HandshakeMessage, bytes: &mut Vec<u8>| {
        if here == HandshakeMessage::One {
            bytes.fill(0);
        }
    };
    let error = Wire::of(Suite::AesGcmSha256).changing(zero).run().err().unwrap();
    let SessionError::Handshake { message: HandshakeMessage::One, source } = error else {
        panic!("{error:?}")
    };
    assert_eq!(source, snow::Error::Dh);
}

#[test]
fn the_responder_decides_the_order() {
    let ranked = [Suite::ChaChaPolyBlake2s, Suite::AesGcmSha256, Suite::AesGcmBlake2s];
    let offer = [Suite::AesGcmBlake2s, Suite::AesGcmSha256];
    let wire = Wire::between(Ranking::new(&offer).unwrap(), Ranking::new(&ranked).unwrap());
    assert_eq!(wire.run().unwrap().0.suite(), Suite::AesGcmSha256);
}

#[test]
fn without_a_common_suite_the_other_side_hears_so() {
    let wire = Wire::between(only(Suite::AesGcmSha256), only(Suite::ChaChaPolySha256));
    let error = wire.run().err().unwrap();
    assert!(matches!(error, SessionError::NoCommonSuite { .. }));
    assert_eq!(error.public_code(), "session.suite");
}

#[test]
fn a_hello_robbed_of_its_better_suites_is_noticed() {
    let last = Suite::ChaChaPolyBlake2s;
    let rob = |here: HandshakeMessage, bytes: &mut Vec<u8>| {
        if here == HandshakeMessage::Hello {
            *bytes = suite::hello(&only(last));
        }
    };
    let wire = Wire::between(Ranking::default(), Ranking::default()).changing(rob);
    let error = wire.run().err().unwrap();
    let expected = Suite::AesGcmSha256;
    assert!(matches!(error, SessionError::Choice { expected: suite, .. } if suite == expected));
}

#[test]
fn a_robbed_hello_with_a_choice_to_match_fails_at_message_2() {
    let last = Suite::ChaChaPolyBlake2s;
    let forge = |here: HandshakeMessage, bytes: &mut Vec<u8>| match here {
        HandshakeMessage::Hello => *bytes = suite::hello(&only(last)),
        HandshakeMessage::Choice => {
            *bytes = suite::choose(&only(last), None, &suite::hello(&only(last))).unwrap().1
        }
        HandshakeMessage::One | HandshakeMessage::Two | HandshakeMessage::Three => {}
    };
    let wire = Wire::between(Ranking::default(), Ranking::default()).changing(forge);
    let error = wire.run().err().unwrap();
    assert!(matches!(error, SessionError::Handshake { message: HandshakeMessage::Two, .. }));
}

#[test]
fn a_hello_in_another_order_fails_although_the_choice_is_the_same() {
    let mut reversed = Suite::ALL;
    reversed.reverse();
    let reverse = |here: HandshakeMessage, bytes: &mut Vec<u8>| {
        if here == HandshakeMessage::Hello {
            *bytes = suite::hello(&Ranking::new(&reversed).unwrap());
        }
    };
    let wire = Wire::between(Ranking::default(), Ranking::default()).changing(reverse);
    let error = wire.run().err().unwrap();
    assert!(matches!(error, SessionError::Handshake { message: HandshakeMessage::Two, .. }));
}

#[test]
fn a_wrong_signature_of_either_side_is_refused() {
    let stranger = SecretKey::<Persona>::from_seed(&[3; 32]);
    let broker = |bytes: &[u8]| broker_key().sign(bytes);
    let persona = |bytes: &[u8]| persona_key().sign(bytes);
    let wire = || Wire::of(Suite::AesGcmSha256);
    let error = wire().run_with(broker, |b| stranger.sign(b), authenticate).err().unwrap();
    assert!(matches!(error, SessionError::Signature { message: HandshakeMessage::Three, .. }));
    let error = wire().run_with(|b| stranger.sign(b), persona, authenticate).err().unwrap();
    assert!(matches!(error, SessionError::Signature { message: HandshakeMessage::Two, .. }));
    assert_eq!(error.public_code(), "session.refused");
}

#[test]
fn a_signature_from_another_handshake_is_refused() {
    let (mut of_broker, mut of_persona) = (None, None);
    let other = Wire { peer_seed: [31; 32], ..Wire::of(Suite::AesGcmSha256) };
    let broker = |bytes: &[u8]| *of_broker.insert(broker_key().sign(bytes));
    let persona = |bytes: &[u8]| *of_persona.insert(persona_key().sign(bytes));
    other.run_with(broker, persona, authenticate).unwrap();
    let (of_broker, of_persona) = (of_broker.unwrap(), of_persona.unwrap());
    let wire = || Wire::of(Suite::AesGcmSha256);
    let sign = |bytes: &[u8]| persona_key().sign(bytes);
    let error = wire().run_with(|_| of_broker, sign, authenticate).err().unwrap();
    assert!(matches!(error, SessionError::Signature { message: HandshakeMessage::Two, .. }));
    let sign = |bytes: &[u8]| broker_key().sign(bytes);
    let error = wire().run_with(sign, |_| of_persona, authenticate).err().unwrap();
    assert!(matches!(error, SessionError::Signature { message: HandshakeMessage::Three, .. }));
}

#[test]
fn what_a_side_signs_is_its_label_the_hash_before_and_its_own_key() {
    let mut signed = Vec::new();
    let broker = |bytes: &[u8]| {
        signed = bytes.to_vec();
        broker_key().sign(bytes)
    };
    let persona = |bytes: &[u8]| {
        assert!(bytes.starts_with(label::SESSION_INITIATOR.as_bytes()));
        assert_eq!(bytes.len(), label::SESSION_INITIATOR.len() + 64);
        persona_key().sign(bytes)
    };
    Wire::of(Suite::AesGcmSha256).run_with(broker, persona, authenticate).unwrap();
    assert!(signed.starts_with(label::SESSION_RESPONDER.as_bytes()));
    assert_eq!(signed.len(), label::SESSION_RESPONDER.len() + 64);
}

#[test]
fn persona_keys_of_small_order_or_with_torsion_are_refused() {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::CompressedEdwardsY;
    let honest = CompressedEdwardsY(*persona_key().public().as_bytes()).decompress().unwrap();
    let broker = |bytes: &[u8]| broker_key().sign(bytes);
    for point in EIGHT_TORSION.into_iter().chain([honest + EIGHT_TORSION[1]]) {
        let key = PublicKey::<Persona>::from_bytes(point.compress().0);
        let answer = |_: &[u8], _: &str| Ok::<_, String>(key);
        let persona = |bytes: &[u8]| persona_key().sign(bytes);
        let wire = Wire::of(Suite::AesGcmSha256);
        let error = wire.run_with(broker, persona, answer).err().unwrap();
        let SessionError::Signature { message: HandshakeMessage::Three, source } = error else {
            panic!("{error:?}")
        };
        assert_eq!(source, KeyError::Malformed);
    }
}

#[test]
fn refused_credentials_end_the_handshake() {
    let refuse = |_: &[u8], _: &str| Err("expired");
    let broker = |bytes: &[u8]| broker_key().sign(bytes);
    let persona = |bytes: &[u8]| persona_key().sign(bytes);
    let wire = Wire::of(Suite::AesGcmSha256);
    let error = wire.run_with(broker, persona, refuse).err().unwrap();
    assert_eq!(error.to_string(), "the credentials in message 3 are refused");
    assert_eq!(error.public_code(), "session.refused");
}

/// Plays a broker that writes another payload than ours does, and gives what the peer says.
fn answer_with(payload: impl FnOnce(Signature) -> Vec<u8>) -> SessionError {
    let suite = Suite::AesGcmSha256;
    let (peer, hello) = Initiator::start(&only(suite), PEER_SEED);
    let (_, choice) = suite::choose(&only(suite), None, &hello).unwrap();
    let (peer, one) = peer.handle(&choice).unwrap();
    let prologue = suite::prologue(&hello, &choice);
    let mut noise = Noise::new(suite, Side::Responder, &BROKER_SEED, &prologue).unwrap();
    noise.read_bytes(HandshakeMessage::One, &one).unwrap();
    let signed = statement(label::SESSION_RESPONDER, &noise.hash(), &noise.own_static);
    let two = noise.write(HandshakeMessage::Two, &payload(broker_key().sign(&signed))).unwrap();
    let sign = |_: &[u8]| panic!("the persona signs nothing for this broker");
    peer.handle(&two, verify, &credentials(), sign).err().unwrap()
}

#[test]
fn a_payload_with_any_freedom_in_it_is_refused() {
    let spell = |text: fn(&str) -> String| {
        answer_with(|signature| {
            text(&format!(r#"{{"certificate":"{BROKER_CERTIFICATE}","signature":"{signature}"}}"#))
                .into_bytes()
        })
    };
    for changed in [
        spell(|text| text.replace(':', ": ")),
        spell(|text| text.replace('}', r#","more":1}"#)),
        spell(|text| text.replace("broker", r"\u0062roker")),
        spell(|text| text.replace(r#","signature"#, r#","certificate":"x","signature"#)),
        spell(|text| format!("{text} ")),
        spell(|_| String::new()),
    ] {
        let malformed =
            matches!(changed, SessionError::Malformed { message: HandshakeMessage::Two });
        assert!(malformed, "{changed:?}");
    }
    let other = spell(|text| text.replace("broker", "brother"));
    assert!(matches!(other, SessionError::Credentials { message: HandshakeMessage::Two, .. }));
}

#[test]
fn handshake_messages_have_one_size_whatever_they_carry() {
    let sizes = |certificate: &str, ticket: &str| -> Vec<usize> {
        let suite = Suite::ChaChaPolySha256;
        let (peer, hello) = Initiator::start(&only(suite), PEER_SEED);
        let (broker, choice) = ExpectHello::new(only(suite), BROKER_SEED).handle(&hello).unwrap();
        let (peer, one) = peer.handle(&choice).unwrap();
        let shown = BrokerCredentials::new(certificate).unwrap();
        let (_, two) = broker.handle(&one, &shown, |bytes| broker_key().sign(bytes)).unwrap();
        let own = Credentials::new(certificate.as_bytes(), ticket).unwrap();
        let known = |_: &str| Ok::<_, String>(broker_key().public());
        let (_, three) = peer.handle(&two, known, &own, |bytes| persona_key().sign(bytes)).unwrap();
        [one, two, three].map(|message| message.len()).to_vec()
    };
    assert_eq!(sizes("", ""), [32, 4192, 4160]);
    assert_eq!(sizes(&"c".repeat(1200), &"t".repeat(800)), [32, 4192, 4160]);
}

#[test]
fn credentials_that_do_not_fit_are_refused_at_construction() {
    let room = 4096 - 4;
    let shell = r#"{"certificate":"","signature":""}"#.len() + 86;
    assert!(BrokerCredentials::new(&"c".repeat(room - shell)).is_ok());
    let error = BrokerCredentials::new(&"c".repeat(room - shell + 1)).err().unwrap();
    let SessionError::CredentialsTooLong { max, got } = error else { panic!("{error:?}") };
    assert_eq!((max, got), (room, room + 1));
    let shell = shell + r#""ticket":"","#.len();
    assert!(Credentials::new(&[], &"t".repeat(room - shell)).is_ok());
    assert!(Credentials::new(&[], &"t".repeat(room - shell + 1)).is_err());
    assert!(Credentials::new(&[0; 4096], "").is_err());
}

/// Everything recorded, both long-term keys stolen, no X25519 secret: nothing opens.
#[test]
fn stolen_long_term_keys_open_no_recorded_session() {
    for suite in Suite::ALL {
        let (mut peer, mut broker, recorded) = Wire::of(suite).run().unwrap();
        let welcome = broker.seal(&padded(b"welcome")).unwrap();
        let first = peer.seal(&padded(b"first")).unwrap();
        let [hello, choice, one, two, three] = recorded.0.try_into().unwrap();
        let sign_persona = |bytes: &[u8]| persona_key().sign(bytes);
        let sign_broker = |bytes: &[u8]| broker_key().sign(bytes);
        for guess in [[0; 32], [99; 32], *persona_key().expose_seed(), *broker_key().expose_seed()]
        {
            // In the peer's place: message 2 was made for another ephemeral key.
            let (thief, _) = Initiator::start(&only(suite), guess);
            let (thief, _) = thief.handle(&choice).unwrap();
            assert!(thief.handle(&two, verify, &credentials(), sign_persona).is_err());
            // In the broker's place: message 3 was made for another ephemeral key.
            let (thief, _) = ExpectHello::new(only(suite), guess).handle(&hello).unwrap();
            let (thief, _) = thief.handle(&one, &broker_credentials(), sign_broker).unwrap();
            assert!(thief.handle(&three, authenticate).is_err());
            // In both places, with a handshake of the thief's own.
            for record in [&welcome, &first] {
                for seeds in [(guess, BROKER_SEED), (PEER_SEED, guess), (guess, guess)] {
                    let (peer_seed, broker_seed) = seeds;
                    let wire = Wire { peer_seed, broker_seed, ..Wire::of(suite) };
                    let (peer, broker, _) = wire.run().unwrap();
                    assert!(peer.open(record).is_err());
                    assert!(broker.open(record).is_err());
                }
            }
        }
        // The seeds, which nobody keeps, are what opens them.
        let (peer, broker, _) = Wire::of(suite).run().unwrap();
        assert_eq!(peer.open(&welcome).unwrap().1, b"welcome");
        assert_eq!(broker.open(&first).unwrap().1, b"first");
    }
}

#[test]
fn a_recorded_handshake_cannot_be_played_again() {
    let suite = Suite::AesGcmBlake2s;
    let (_, _, recorded) = Wire::of(suite).run().unwrap();
    let (hello, one, three) = (&recorded.0[0], &recorded.0[2], &recorded.0[4]);
    let (broker, _) = ExpectHello::new(only(suite), [77; 32]).handle(hello).unwrap();
    let sign = |bytes: &[u8]| broker_key().sign(bytes);
    let (broker, _) = broker.handle(one, &broker_credentials(), sign).unwrap();
    let error = broker.handle(three, authenticate).err().unwrap();
    assert!(matches!(error, SessionError::Handshake { message: HandshakeMessage::Three, .. }));
}

#[test]
fn an_unconfirmed_session_ends_with_a_record_that_is_not_of_it() {
    let (mut peer, mut broker, _) = Wire::of(Suite::AesGcmSha256).run().unwrap();
    let mut welcome = broker.seal(&padded(b"welcome")).unwrap();
    let own = peer.seal(&padded(b"first")).unwrap();
    // Its own record, mirrored.
    assert!(matches!(peer.open(&own), Err(SessionError::Record)));
    let (peer, _, _) = Wire::of(Suite::AesGcmSha256).run().unwrap();
    welcome[0] ^= 1;
    assert!(matches!(peer.open(&welcome), Err(SessionError::Record)));
}

#[test]
fn debug_shows_no_secret() {
    let suite = Suite::AesGcmSha256;
    let (peer, hello) = Initiator::start(&only(suite), PEER_SEED);
    assert_eq!(format!("{peer:?}"), "ExpectChoice(..)");
    let broker = ExpectHello::new(only(suite), BROKER_SEED);
    assert_eq!(format!("{broker:?}"), "ExpectHello(..)");
    let (broker, choice) = broker.handle(&hello).unwrap();
    assert_eq!(format!("{broker:?}"), "ExpectMessage1(..)");
    let (peer, one) = peer.handle(&choice).unwrap();
    assert_eq!(format!("{peer:?}"), "ExpectMessage2(..)");
    let sign = |bytes: &[u8]| broker_key().sign(bytes);
    let (broker, _) = broker.handle(&one, &broker_credentials(), sign).unwrap();
    assert_eq!(format!("{broker:?}"), "ExpectMessage3(..)");
    assert_eq!(format!("{:?}", credentials()), "Credentials(..)");
    assert_eq!(format!("{:?}", broker_credentials()), "BrokerCredentials(..)");
    assert_eq!(format!("{:?}", padded(b"frame")), "Padded(256 bytes)");
    let pair = Wire::of(suite).run().unwrap();
    assert_eq!(format!("{:?}", pair.0), "Unconfirmed(..)");
    let (session, _) = establish(pair);
    assert_eq!(format!("{session:?}"), "Session(..)");
    let halves = format!("{:?}", session.split());
    assert_eq!(halves, "(Sealer(..), Opener(..))");
}

#[test]
fn halves_and_states_go_to_other_threads() {
    fn portable<T: Send + 'static>() {}
    portable::<Sealer>();
    portable::<Opener>();
    portable::<Session>();
    portable::<Unconfirmed>();
    portable::<ExpectMessage1>();
    portable::<ExpectMessage2>();
    portable::<ExpectMessage3>();
    portable::<std::sync::Arc<Padded>>();
    portable::<SessionError>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic_and_never_make_a_session(
        bytes in proptest::collection::vec(any::<u8>(), 0..5000),
        size in 0_usize..3,
    ) {
        let suite = Suite::ChaChaPolyBlake2s;
        let mut exact = bytes.clone();
        exact.resize([32, 4192, 4160][size], 0);
        let sign = |bytes: &[u8]| broker_key().sign(bytes);
        for bytes in [&bytes, &exact] {
            prop_assert!(ExpectHello::new(only(suite), BROKER_SEED).handle(bytes).is_err());
            let (peer, hello) = Initiator::start(&only(suite), PEER_SEED);
            prop_assert!(peer.handle(bytes).is_err());
            let (peer, _) = Initiator::start(&only(suite), PEER_SEED);
            let (broker, choice) =
                ExpectHello::new(only(suite), BROKER_SEED).handle(&hello).unwrap();
            let (peer, one) = peer.handle(&choice).unwrap();
            let persona = |bytes: &[u8]| persona_key().sign(bytes);
            prop_assert!(peer.handle(bytes, verify, &credentials(), persona).is_err());
            let (broker, _) = broker.handle(&one, &broker_credentials(), sign).unwrap();
            prop_assert!(broker.handle(bytes, authenticate).is_err());
            let (broker, _) =
                ExpectHello::new(only(suite), BROKER_SEED).handle(&hello).unwrap();
            let _ = broker.handle(bytes, &broker_credentials(), sign);
        }
    }
}
