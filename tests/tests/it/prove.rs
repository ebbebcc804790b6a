//! A disclosure signed by a citizen card, through a desk in this process: the card and whoever
//! answers the question for its PIN are the test's own.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use pregao::card::{CardError, LastTry, Pin, PinEntry, Tries};
use pregao::command::Command;
use pregao::desk::signer::{Cards, InsertedCard};
use pregao::event::{CardStanding, Event};
use pregao::front::channel::{
    Front, PinQuestion, Question, Subject, UserAnswer, UserRequest, pair,
};
use pregao::net::tls::Roots;
use pregao::text::moment::TimeZone;
use pregao::vault::{Passphrase, Vault};
use pregao_protocol::room::disclosure::Attribute;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::session::Ranking;
use pregao_test_pki::{CardMaterial, CitizenData, Pki, Plan, Profile};
use pregao_tests::desk::{Desk, PASSPHRASE, enrol};
use pregao_tests::house::House;
use serde_json::json;

use crate::desk::end_of;
use crate::simulated;

fn material() -> &'static CardMaterial {
    static CARD: OnceLock<CardMaterial> = OnceLock::new();
    CARD.get_or_init(|| {
        let pki = Pki::new(Plan::quick(1_795_262_400));
        pki.citizen(Profile::V5, &CitizenData::numbered(601))
    })
}

/// A card in software. Signs with the right PIN, which the test keeps to itself: each entry is
/// judged by `right`.
#[derive(Debug, Clone)]
struct Software {
    tries: Arc<AtomicU8>,
    right: Arc<AtomicU8>,
}

impl Cards for Software {
    fn find(&self, _: Option<&str>) -> Result<Box<dyn InsertedCard>, Report> {
        Ok(Box::new(self.clone()))
    }
}

impl InsertedCard for Software {
    fn holder(&self) -> &str {
        "Cidadã de Teste 601"
    }
    fn reader(&self) -> &str {
        "Software Reader"
    }
    fn certificate(&self) -> &[u8] {
        &material().authentication.certificate
    }
    fn has_pinpad(&self) -> bool {
        false
    }
    fn tries_left(&mut self) -> Result<Tries, Report> {
        Ok(Tries::Left(self.tries.load(Ordering::SeqCst)))
    }
    fn attributes(&mut self, wanted: &[Attribute]) -> Result<Vec<(Attribute, String)>, Report> {
        Ok(wanted.iter().map(|name| (*name, "1980-01-31".to_owned())).collect())
    }
    fn sign(&mut self, message: &[u8], _: PinEntry, _: LastTry) -> Result<Vec<u8>, Report> {
        if self.right.load(Ordering::SeqCst) == 0 {
            let left = self.tries.fetch_sub(1, Ordering::SeqCst) - 1;
            return Err(CardError::WrongPin { left }.into());
        }
        let key = &material().authentication.pkcs8;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key).unwrap();
        Ok(key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec())
    }
}

/// A user of a desk in this process.
struct User {
    front: Front,
    card: Software,
    seen: Vec<Event>,
    asked: u64,
}

impl User {
    fn start(folder: &Path, house: &House) -> Self {
        let vault = Vault::open(folder, &Passphrase::new(PASSPHRASE.to_owned())).unwrap();
        let card = Software { tries: Arc::new(3.into()), right: Arc::new(0.into()) };
        let options = pregao::desk::Options {
            broker: house.broker.address.clone(),
            suites: Ranking::default(),
            tls: Roots::default(),
            evidence: folder.join("evidence"),
            exports: folder.join("export"),
            patient: false,
            discreet: false,
            state: None,
            passed_over: Vec::new(),
            zone: TimeZone::UTC,
            cards: Arc::new(card.clone()),
            reader: None,
            route: None,
            host: pregao::host::system(),
            net: Arc::new(pregao::net::Internet),
            witnesses: Vec::new(),
            lock_tsas: Vec::new(),
            final_by: Vec::new(),
            silent: pregao::net::broker::SILENT_FOR,
        };
        let (front, back) = pair();
        pregao::desk::start(vault, options, back).unwrap();
        Self { front, card, seen: Vec::new(), asked: 0 }
    }

    async fn tell(&mut self, words: &[&str]) -> String {
        self.asked += 1;
        let id = self.asked.to_string();
        let command = Command::parse(words).unwrap();
        self.front
            .commands
            .send(UserRequest { id: Some(id.clone()), command, yes: false, written: None })
            .await
            .unwrap();
        id
    }

    async fn until<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(60), self.front.events.recv());
            let event = event.await.unwrap().unwrap();
            let found = wanted(&event);
            self.seen.push(event);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// The next question for a PIN.
    async fn question(&mut self) -> Question {
        let asked = tokio::time::timeout(Duration::from_secs(60), self.front.questions.recv());
        let Ok(asked) = asked.await else {
            let said = std::iter::from_fn(|| self.front.events.try_recv().ok());
            let said = said.filter(|event| !matches!(event, Event::Tick { .. }));
            panic!("no question came, but {:#?}", said.collect::<Vec<_>>());
        };
        asked.unwrap()
    }

    /// Waits for the end of a command: none if it was carried out, or the code of its refusal. Being
    /// asked for a PIN meanwhile is a fault.
    async fn refusal(&mut self, id: &str) -> Option<String> {
        let mut code = None;
        let done = |event: &Event| match event {
            Event::Refused { report, .. } => {
                assert!(!report.advice.is_empty());
                code = Some(report.code.to_string());
                None
            }
            Event::Done { id: Some(done), ok, .. } if done == id => Some(*ok),
            _ => None,
        };
        let ok = self.until(done).await;
        assert!(self.front.questions.try_recv().is_err(), "a PIN was asked for");
        assert_eq!(ok, code.is_none(), "{code:?}");
        code
    }
}

fn pin_of(question: &Question) -> &PinQuestion {
    let Subject::Pin(pin) = &question.about else { panic!("{question:?}") };
    pin
}

fn typed() -> UserAnswer {
    let pin = Pin::new("1234".to_owned().into()).unwrap();
    UserAnswer::Sign(PinEntry::Typed(pin), LastTry::Refuse)
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_or_a_wrong_pin_loses_nothing_and_a_second_disclosure_asks_for_no_pin() {
    let house = simulated();
    let folder = |name: &str| house.folder.path().join(name);
    let (tsa, broker) = (&house.tsa.address, &house.broker.address);
    let mut seller = Desk::open(&folder("seller"), tsa, broker).await.unwrap();
    enrol(&folder("ana"), tsa).await.unwrap();
    let mut ana = User::start(&folder("ana"), &house);
    let listing = json!({ "command": "list", "title": "Radio", "start": "1", "for": "10m", "fixed_end": true });
    assert!(seller.ask(listing).await.unwrap());
    let verified = |event: &Event| match event {
        Event::Room(view) if view.verified_size >= 1 => Some(view.room.clone()),
        _ => None,
    };
    let room = ana.until(verified).await;
    let bid = ana.tell(&["bid", &room, "2"]).await;
    assert_eq!(ana.refusal(&bid).await, None);
    house.tsa.set_time(end_of(&mut seller, &room).await).unwrap();
    ana.until(|event| matches!(event, Event::Invited { .. }).then_some(())).await;
    let prove = ["prove", &room, "ana@example.org", "show", "birth-date"];

    // Cancelled; and while the question is open, another is not begun.
    let first = ana.tell(&prove).await;
    let question = ana.question().await;
    assert!(pin_of(&question).warning.join("\n").contains("\"ana@example.org\""));
    let second = ana.tell(&prove).await;
    assert_eq!(ana.refusal(&second).await.as_deref(), Some("card.busy"));
    question.reply.send(UserAnswer::Cancel).unwrap();
    assert_eq!(ana.refusal(&first).await.as_deref(), Some("card.cancelled"));

    // A wrong PIN is tried once, and the next question knows.
    let wrong = ana.tell(&prove).await;
    ana.question().await.reply.send(typed()).unwrap();
    assert_eq!(ana.refusal(&wrong).await.as_deref(), Some("card.wrong-pin"));
    assert_eq!(ana.card.tries.load(Ordering::SeqCst), 2);

    ana.card.right.store(1, Ordering::SeqCst);
    let right = ana.tell(&prove).await;
    let question = ana.question().await;
    assert_eq!(pin_of(&question).tries, Tries::Left(2));
    question.reply.send(typed()).unwrap();
    assert_eq!(ana.refusal(&right).await, None);

    // The broker holds it: no PIN is asked for one that it would refuse.
    let again = ana.tell(&prove).await;
    assert_eq!(ana.refusal(&again).await.as_deref(), Some("disclose.twice"));

    seller.ever(|event| matches!(event, Event::Invited { .. }).then_some(())).await.unwrap();
    let reveal = json!({ "yes": true, "command": "reveal", "room": room, "name": "First Seller" });
    assert!(seller.ask(reveal).await.unwrap());
    let revealed = |event: &Event| match event {
        Event::Revealed { name, contact, card, .. } => {
            Some((name.clone(), contact.clone(), card.clone()))
        }
        _ => None,
    };
    let (name, contact, card) = seller.ever(revealed).await.unwrap();
    assert_eq!((name.as_str(), contact.as_str()), ("Cidadã de Teste 601", "ana@example.org"));
    let card = card.unwrap();
    assert_eq!(card.standing, CardStanding::Unjudged);
    assert_eq!(card.stated[0].value.expose(), "1980-01-31");
    let (name, _, card) = ana.until(revealed).await;
    assert_eq!((name.as_str(), card), ("First Seller", None));
    let alarmed = |event: &Event| matches!(event, Event::Alarm { .. });
    assert!(!ana.seen.iter().chain(&seller.seen).any(alarmed));
}
