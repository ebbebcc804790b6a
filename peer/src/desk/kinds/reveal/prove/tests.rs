use std::sync::{Arc, Mutex};

use pregao_protocol::room::body::BrokerKeys;
use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use zeroize::Zeroizing;

use super::*;
use crate::card::{Pin, PinEntry};
use crate::desk::signer::InsertedCard;

/// A card that signs with nothing; it notes what it was asked to do.
#[derive(Debug, Clone)]
struct Fake {
    tries: u8,
    sex: &'static str,
    certificate: Vec<u8>,
    fails: Option<&'static str>,
    signed: Arc<Mutex<Vec<Vec<u8>>>>,
}

fn card(tries: u8) -> Fake {
    Fake {
        tries,
        sex: "F",
        certificate: b"certificate".to_vec(),
        fails: None,
        signed: Arc::default(),
    }
}

impl Cards for Fake {
    fn find(&self, reader: Option<&str>) -> Result<Box<dyn InsertedCard>, Report> {
        match reader {
            Some("absent") => Err(Report::new("card.none", "no such reader", "look")),
            _ => Ok(Box::new(self.clone())),
        }
    }
}

impl InsertedCard for Fake {
    fn holder(&self) -> &str {
        "Cidadã de Teste Um"
    }
    fn reader(&self) -> &str {
        "Virtual\u{1b} Reader"
    }
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }
    fn has_pinpad(&self) -> bool {
        false
    }
    fn tries_left(&mut self) -> Result<Tries, Report> {
        Ok(if self.tries == 0 { Tries::Blocked } else { Tries::Left(self.tries) })
    }
    fn attributes(&mut self, wanted: &[Attribute]) -> Result<Vec<(Attribute, String)>, Report> {
        Ok(wanted.iter().map(|name| (*name, self.sex.to_owned())).collect())
    }
    fn sign(&mut self, message: &[u8], _: PinEntry, _: LastTry) -> Result<Vec<u8>, Report> {
        self.signed.lock().unwrap().push(message.to_vec());
        match self.fails {
            Some(code) => Err(Report::new(code, "2 tries left", "check the PIN")),
            None => Ok(vec![7; 64]),
        }
    }
}

fn opening() -> Reveal {
    let seal = |seed| SealKey::from_random([seed; 32]).public();
    Reveal {
        nonce: Digest([1; 32]),
        auction: RoomName([2; 32]),
        settled: 9,
        root: Digest([3; 32]),
        seller: SecretKey::from_seed(&[4; 32]).public(),
        winner: SecretKey::from_seed(&[5; 32]).public(),
        seller_seal: seal(6),
        winner_seal: seal(7),
        deadline: Time::default(),
        withdrawal: false,
        freshness: 10,
        broker: BrokerKeys {
            session: SecretKey::from_seed(&[8; 32]).public(),
            head: SecretKey::from_seed(&[9; 32]).public(),
            entry: SecretKey::from_seed(&[10; 32]).public(),
            delivery: seal(11),
        },
        stamps: Vec::new(),
        simulated: false,
    }
}

fn job(side: Side, show: &[Attribute]) -> Job {
    let claims = Claims {
        name: "?".to_owned().try_into().unwrap(),
        contact: None,
        certificate: String::new(),
        card: None,
        actions: Vec::new(),
    };
    Job {
        room: RoomName([11; 32]),
        opening: opening(),
        side,
        title: "Old \u{202e}radio".to_owned(),
        persona: Fingerprint([0x5e; 32]),
        claims,
        show: show.to_vec(),
        reader: None,
    }
}

fn typed(last: LastTry) -> UserAnswer {
    UserAnswer::Sign(PinEntry::Typed(Pin::new(Zeroizing::new("1234".to_owned())).unwrap()), last)
}

#[test]
fn the_card_signs_what_the_other_two_keys_sign_under_its_own_name() {
    let card = card(3);
    let (claims, by_card, left) =
        job(Side::Winner, &[Attribute::Sex]).run(&card, |_| typed(LastTry::Refuse)).unwrap();
    assert_eq!(left, Some(Tries::Left(3)), "told after it too");
    assert_eq!(claims.name.as_str(), "Cidadã de Teste Um");
    let shown = claims.card.as_ref().unwrap();
    let stated: Vec<_> =
        shown.attributes.iter().map(|stated| (stated.name, stated.value.as_str())).collect();
    assert_eq!(stated, [(Attribute::Sex, "F")]);
    let place =
        DisclosureContext { room: RoomName([11; 32]), opening: &opening(), side: Side::Winner };
    assert_eq!(*card.signed.lock().unwrap(), [place.to_sign(&claims).unwrap()]);
    assert_eq!(by_card, [7; 64]);
}

#[test]
fn the_user_reads_what_the_signature_does_before_the_pin() {
    for (side, other, absent) in
        [(Side::Winner, "seller", "winner"), (Side::Seller, "winner", "seller")]
    {
        let mut asked = None;
        let mut job = job(side, &[Attribute::BirthDate]);
        job.claims.contact = Some("ana@\u{200b}example.org".to_owned().try_into().unwrap());
        let refused = job.run(&card(2), |question| {
            asked = Some(question);
            UserAnswer::Cancel
        });
        assert_eq!(refused.unwrap_err().code, "card.cancelled");
        let asked = asked.unwrap();
        assert_eq!((asked.tries, asked.pinpad), (Tries::Left(2), false));
        assert_eq!(asked.reader, "Virtual⌧ Reader");
        let text = asked.warning.join("\n");
        for part in [
            "full name and civil number",
            "pseudonym 5e5e5e5e and your bids here to your name",
            "knows that pseudonym elsewhere then knows you",
            "They get this contact: \"ana@⌧example.org\"",
            "can show all this to others",
            "cannot be passed on as if made for another auction or another person",
            "only a padded ciphertext",
            "\"Old ⌧radio\"",
            "You state besides: birth-date F",
            other,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains(absent) && !text.contains("nowhere"), "{text}");
        assert!(asked.warning.iter().all(|line| line.chars().count() <= 140), "{text}");
    }
}

#[test]
fn whoever_cancels_or_cannot_be_asked_signs_nothing() {
    let card = card(3);
    let unable = |code: &'static str| UserAnswer::Unable(Report::new(code, "no terminal", "x"));
    for (answer, code) in [
        (UserAnswer::Cancel, "card.cancelled"),
        (unable("card.pin"), "card.pin"),
        (unable("confirm.needed"), "confirm.needed"),
    ] {
        let refused = job(Side::Winner, &[]).run(&card, |_| answer).unwrap_err();
        assert_eq!(refused.code, code);
    }
    let mut elsewhere = job(Side::Winner, &[]);
    elsewhere.reader = Some("absent".to_owned());
    let refused = elsewhere.run(&card, |_| panic!("there is no card")).unwrap_err();
    assert_eq!(refused.code, "card.none");
    assert!(card.signed.lock().unwrap().is_empty());
}

#[test]
fn the_last_try_needs_its_confirmation() {
    let one = card(1);
    let refused = job(Side::Winner, &[]).run(&one, |question| {
        assert!(question.is_last_try());
        typed(LastTry::Refuse)
    });
    assert_eq!(refused.unwrap_err().code, "card.last-try");
    assert!(one.signed.lock().unwrap().is_empty());
    assert!(job(Side::Winner, &[]).run(&one, |_| typed(LastTry::Confirmed)).is_ok());
    let blocked = job(Side::Winner, &[]).run(&card(0), |_| panic!("not asked"));
    assert_eq!(blocked.unwrap_err().code, "card.blocked");
    let two = card(2);
    assert!(job(Side::Winner, &[]).run(&two, |_| typed(LastTry::Refuse)).is_ok());
}

#[test]
fn a_wrong_pin_is_tried_once_and_says_what_the_card_says() {
    let card = Fake { fails: Some("card.wrong-pin"), ..card(3) };
    let refused = job(Side::Winner, &[]).run(&card, |_| typed(LastTry::Refuse)).unwrap_err();
    assert_eq!((&*refused.code, &*refused.message), ("card.wrong-pin", "2 tries left"));
    assert_eq!(card.signed.lock().unwrap().len(), 1);
}

#[test]
fn what_the_card_says_and_no_attribute_can_hold_is_refused_before_the_pin() {
    let odd = Fake { sex: "F\u{1b}[2J", ..card(3) };
    let refused = job(Side::Winner, &[Attribute::Sex]).run(&odd, |_| panic!("not asked"));
    assert_eq!(refused.unwrap_err().code, "card.attribute");
    assert!(job(Side::Winner, &[]).run(&odd, |_| typed(LastTry::Refuse)).is_ok());
}

#[test]
fn a_certificate_that_no_disclosure_has_room_for_is_refused_before_the_pin() {
    let long = |length| Fake { certificate: vec![1; length], ..card(3) };
    let refused = job(Side::Winner, &[])
        .run(&long(MAX_DISCLOSED_CARD + 1), |_| panic!("not asked"))
        .unwrap_err();
    assert_eq!(refused.code, "card.too-long");
    assert!(refused.advice.contains("/reveal"));
    let fits = long(MAX_DISCLOSED_CARD);
    assert!(job(Side::Winner, &[]).run(&fits, |_| typed(LastTry::Refuse)).is_ok());
}

#[test]
fn without_a_contact_it_is_said_that_none_is_sent() {
    let mut warning = Vec::new();
    let _ = job(Side::Winner, &[]).run(&card(3), |question| {
        warning = question.warning;
        UserAnswer::Cancel
    });
    assert!(warning.join("\n").contains("They get no contact"), "{warning:?}");
}

#[tokio::test]
async fn a_front_that_leaves_has_cancelled() {
    let question = || PinQuestion {
        holder: String::new(),
        reader: String::new(),
        tries: Tries::Left(3),
        warning: Vec::new(),
        pinpad: false,
        yes: false,
    };
    let asked = |questions: mpsc::Sender<Question>| {
        tokio::task::spawn_blocking(move || ask(&questions, question()))
    };
    let (questions, front) = mpsc::channel(1);
    drop(front);
    assert!(matches!(asked(questions).await.unwrap(), UserAnswer::Cancel));
    let (questions, mut front) = mpsc::channel(1);
    let waiting = asked(questions);
    drop(front.recv().await.unwrap());
    assert!(matches!(waiting.await.unwrap(), UserAnswer::Cancel));
}
