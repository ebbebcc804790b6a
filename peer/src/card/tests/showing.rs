//! What `pregao card` prints.

use std::time::Duration;

use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised as _;
use pregao_test_pki::Profile;
use serde_json::Value;

use crate::card::script::{CIVIL_NUMBER, Script, ScriptedReaders, application, material, wire};
use crate::card::show::{readers, show, test_sign};
use crate::card::transport::Fault;
use crate::card::{Card, CardError, facts};

const ASK: &str = "0020008100";

/// A card that is opened, with its authorities, and asked for its tries.
fn shown(profile: Profile) -> Card {
    let script = Script::new(wire(profile)).opens(profile).same(profile);
    let script = match profile {
        Profile::V3 | Profile::V4 => script
            .reads("00A4080C045F00EF10", &material(profile).authentication_authority)
            .reads("00A4080C045F00EF11", &material(profile).card_authority),
        Profile::V5 => script,
    };
    let script = script.then(application(profile), "9000").then(ASK, "63C2");
    let mut card = script.open().unwrap();
    card.read_issuers().unwrap();
    card
}

#[test]
fn the_civil_number_is_shown_only_if_asked_for() {
    let number = CIVIL_NUMBER.to_string();
    for json in [false, true] {
        let masked = show(&mut shown(Profile::V4), false, json, now()).unwrap().join("\n");
        assert!(!masked.contains(&number) && masked.contains("*****"), "{masked}");
        let open = show(&mut shown(Profile::V4), true, json, now()).unwrap().join("\n");
        assert!(open.contains(&number), "{open}");
    }
}

/// Within the validity of the card.
fn now() -> Time {
    facts(shown(Profile::V4).certificate()).unwrap().not_before
}

#[test]
fn a_card_out_of_its_time_is_said_to_be_so() {
    let facts = facts(shown(Profile::V4).certificate()).unwrap();
    let moment = Duration::from_micros(1);
    for (now, said) in [
        (facts.not_before.minus(moment), "NOT VALID YET"),
        (facts.not_before, ""),
        (facts.not_after, ""),
        (facts.not_after.plus(moment), "EXPIRED"),
    ] {
        let text = show(&mut shown(Profile::V4), false, false, now).unwrap().join("\n");
        let odd = text.contains("EXPIRED") || text.contains("NOT VALID YET");
        assert_eq!(odd, !said.is_empty(), "{now}");
        assert!(!odd || text.contains(said), "{text}");
    }
}

#[test]
fn a_card_is_shown_with_chain_validity_and_tries() {
    let text = show(&mut shown(Profile::V4), false, false, now()).unwrap().join("\n");
    for part in ["v4 in Scripted Reader", "2 tries left", "EC de Autenticação", "valid  "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("on the card").count(), 2);

    let lines = show(&mut shown(Profile::V5), false, true, now()).unwrap();
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((lines.len(), &line["generation"]), (1, &Value::from("v5")));
    assert_eq!(line["authorities"], Value::Array(Vec::new()));
    assert_eq!((&line["tries_left"], &line["pinpad"]), (&2.into(), &false.into()));
}

#[test]
fn each_reader_has_a_line_with_what_is_in_it() {
    let seen = || {
        let card = Script::new(wire(Profile::V5)).opens(Profile::V5);
        let readers = ScriptedReaders(vec![
            ("Empty\u{1b}[2J Reader", Err(Fault::NoSmartcard)),
            ("Full Reader", Ok(card)),
            ("Broken Reader", Err(Fault::UnresponsiveCard)),
        ]);
        Card::look_among(&readers).unwrap()
    };
    let lines = readers(&seen(), false);
    assert_eq!(lines[0], "1  Empty⌧[2J Reader: empty");
    assert!(lines[1].starts_with("2  Full Reader: ") && lines[1].contains("citizen card v5"));
    assert_eq!(lines[2], "3  Broken Reader: the card does not answer");
    let lines = readers(&seen(), true);
    let states: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone())
        .collect();
    assert_eq!(states, ["empty", "card", "failed"]);
}

#[test]
fn every_error_says_what_happened_and_what_to_do() {
    let errors = [
        CardError::NoService,
        CardError::NoReader,
        CardError::EmptyReader,
        CardError::Contactless,
        CardError::Blocked,
        CardError::WrongPin { left: 2 },
        CardError::WrongPin { left: 1 },
        CardError::WrongPin { left: 0 },
        CardError::LastTry,
        CardError::Reset,
        CardError::TryUnknown { cause: Box::new(CardError::Pulled), left: None },
        CardError::Signature,
        CardError::Reader(Fault::CommError),
    ];
    for error in errors {
        assert!(!error.to_string().is_empty() && !error.advice().is_empty());
        assert!(!error.to_string().ends_with('.') && !error.advice().contains('\n'), "{error}");
    }
    assert!(CardError::NoService.advice().contains("pcscd"));
    assert!(CardError::WrongPin { left: 0 }.advice().contains("PUK"));
    assert_eq!(CardError::WrongPin { left: 1 }.to_string(), "wrong PIN: 1 try left");
}

#[test]
fn a_trial_signs_under_a_label_of_its_own_and_says_first_that_nothing_is_sent() {
    struct Nobody(Vec<String>);
    impl crate::card::prompt::Terminal for Nobody {
        fn is_there(&self) -> bool {
            false
        }
        fn print(&mut self, line: &str) -> std::io::Result<()> {
            self.0.push(line.to_owned());
            Ok(())
        }
        fn ask(&mut self, _: &str) -> std::io::Result<Option<String>> {
            Ok(None)
        }
        fn ask_hidden(&mut self, _: &str) -> std::io::Result<Option<zeroize::Zeroizing<String>>> {
            Ok(None)
        }
    }
    let mut person = Nobody(Vec::new());
    assert!(test_sign(&mut shown(Profile::V5), [7; 32], None, &mut person, false).is_err());
    assert!(person.0[1].contains("nothing is sent"), "{:?}", person.0);
    assert_eq!(pregao_protocol::value::label::TEST_SIGN, "pregao/test-sign/v1");
}
