//! The PIN, and the signature that it opens.

use pregao_protocol::value::report::Advised as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use pregao_test_pki::Profile;
use zeroize::Zeroizing;

use crate::card::apdu::CardOperation;
use crate::card::script::{
    CIVIL_NUMBER, Script, VERIFY_CODE, application, certificate_file, signature, wire,
};
use crate::card::transport::Fault;
use crate::card::{CardError, LastTry, Pin, PinEntry, PinForm, StatusWord, Tries};

const MESSAGE: &[u8] = b"something to sign";
const VERIFY: &str = "0020008108393038FFFFFFFFFF";
const ASK: &str = "0020008100";
const SIGN: &str = "002A9E9A00";

fn typed() -> PinEntry {
    // The script has the digits too, and no log has them.
    PinEntry::Typed(Pin::new(Zeroizing::new("9083".to_owned())).unwrap())
}

fn verify() -> String {
    VERIFY.replace("393038FFFFFFFFFF", "39303833FFFFFFFF")
}

/// Up to the question for the tries left, which is answered with `tries`.
fn asked(profile: Profile, tries: &str) -> Script {
    Script::new(wire(profile)).opens(profile).same(profile).then(ASK, tries)
}

/// Up to the signature.
fn verified(profile: Profile) -> Script {
    asked(profile, "63C3").then(&verify(), "9000").prepares(profile, MESSAGE)
}

/// Answers SIGN as the generation does.
fn signs(script: Script, profile: Profile, signature: &[u8]) -> Script {
    let text = hex::encode(signature);
    match profile {
        // T=0: nothing comes with the first answer.
        Profile::V3 => script.then(SIGN, "6100").then("00C0000000", &format!("{text}9000")),
        Profile::V4 => {
            let (first, rest) = text.split_at(512);
            script.then(SIGN, &format!("{first}6180")).then("00C0000080", &format!("{rest}9000"))
        }
        Profile::V5 => script.then(SIGN, &format!("{text}9000")),
    }
}

fn sign(script: &Script, pin: PinEntry, last: LastTry) -> Result<Vec<u8>, CardError> {
    let result = script.open().unwrap().sign(MESSAGE, pin, last);
    script.finish();
    result
}

#[test]
fn each_generation_signs_in_one_transaction() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let expected = signature(profile, MESSAGE);
        let script = signs(verified(profile), profile, &expected).forgets(profile);
        assert_eq!(sign(&script, typed(), LastTry::Refuse).unwrap(), expected);
        // One for opening, one for signing.
        assert_eq!((script.count("leave"), script.count("reset")), (2, 0));
    }
}

#[test]
fn a_signature_that_does_not_verify_is_not_returned() {
    for profile in [Profile::V3, Profile::V5] {
        for wrong in [signature(profile, b"something else"), vec![0; 64], Vec::new()] {
            let script = verified(profile)
                .then(SIGN, &format!("{}9000", hex::encode(wrong)))
                .forgets(profile);
            assert_eq!(sign(&script, typed(), LastTry::Refuse), Err(CardError::Signature));
        }
    }
}

#[test]
fn a_wrong_pin_is_sent_once_and_says_what_is_left() {
    for (word, left) in [("63C2", 2), ("63C1", 1), ("63C0", 0)] {
        let script = asked(Profile::V4, "63C3").then(&verify(), word);
        let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
        assert_eq!(error, CardError::WrongPin { left });
        assert_eq!(script.ending(), "leave");
    }
    for word in ["6983", "6984"] {
        let script = asked(Profile::V4, "63C3").then(&verify(), word);
        assert_eq!(sign(&script, typed(), LastTry::Refuse), Err(CardError::Blocked));
    }
}

#[test]
fn other_refusals_of_the_pin_say_step_and_word() {
    for word in [0x6700, 0x6A80, 0x6982, 0x6985, 0x6C08, 0x6400, 0x6402] {
        let script = asked(Profile::V4, "63C3").then(&verify(), &format!("{word:04X}"));
        let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
        let expected =
            CardError::Unexpected { step: CardOperation::Verify, word: StatusWord(word) };
        match word {
            // What only keypads answer means the same from a card.
            0x6400 => assert_eq!(error, CardError::PinpadTimeout),
            _ => assert_eq!(error, expected),
        }
    }
}

#[test]
fn a_blocked_card_is_not_asked() {
    for word in ["63C0", "6983", "6984"] {
        let script = asked(Profile::V4, word);
        assert_eq!(sign(&script, typed(), LastTry::Confirmed), Err(CardError::Blocked));
    }
}

#[test]
fn the_last_try_is_used_only_if_confirmed() {
    let script = asked(Profile::V4, "63C1");
    assert_eq!(sign(&script, typed(), LastTry::Refuse), Err(CardError::LastTry));

    let expected = signature(Profile::V4, MESSAGE);
    let script = asked(Profile::V4, "63C1").then(&verify(), "9000").prepares(Profile::V4, MESSAGE);
    let script = signs(script, Profile::V4, &expected).forgets(Profile::V4);
    assert_eq!(sign(&script, typed(), LastTry::Confirmed).unwrap(), expected);

    let script = asked(Profile::V4, "63C2").then(&verify(), "63C1");
    let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
    assert_eq!(error, CardError::WrongPin { left: 1 });
}

#[test]
fn an_unknown_counter_is_no_reason_to_go_on() {
    let script = asked(Profile::V4, "6A88");
    let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
    let expected =
        CardError::Unexpected { step: CardOperation::AskTries, word: StatusWord(0x6A88) };
    assert_eq!(error, expected);
}

#[test]
fn each_refusal_on_the_way_to_the_signature_says_where() {
    let start = || asked(Profile::V5, "63C3").then(&verify(), "9000");
    let key = "002241B606800144840106";
    let digest = || {
        use sha2::Digest as _;
        format!("002A90A0229020{}", hex::encode_upper(sha2::Sha256::digest(MESSAGE)))
    };
    let scripts = [
        (CardOperation::ChooseKey, start().then(key, "6A88"), 0x6A88),
        (CardOperation::Hash, start().then(key, "9000").then(&digest(), "6985"), 0x6985),
        (
            CardOperation::Sign,
            start().then(key, "9000").then(&digest(), "9000").then(SIGN, "6982"),
            0x6982,
        ),
    ];
    for (step, script, word) in scripts {
        // The PIN is let go of all the same.
        let script = script.forgets(Profile::V5);
        let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
        assert_eq!(error, CardError::Unexpected { step, word: StatusWord(word) });
        assert_eq!(script.ending(), "leave");
    }
}

#[test]
fn a_pin_that_cannot_be_let_go_of_ends_in_a_reset() {
    for profile in [Profile::V4, Profile::V5] {
        let expected = signature(profile, MESSAGE);
        let last = if profile == Profile::V5 { "0020FF8100" } else { application(profile) };
        let script = signs(verified(profile), profile, &expected).then(last, "6D00");
        assert_eq!(sign(&script, typed(), LastTry::Refuse).unwrap(), expected);
        assert_eq!(script.ending(), "reset");
    }
}

#[test]
fn the_pin_does_not_go_to_another_card() {
    let script = Script::new(wire(Profile::V4))
        .opens(Profile::V4)
        .then(application(Profile::V4), "9000")
        .then(certificate_file(Profile::V4), "9000")
        .then("00B0000000", "308204000000 9000")
        .then("00B00006FA", "9000");
    assert_eq!(sign(&script, typed(), LastTry::Refuse), Err(CardError::OtherCard));
}

#[test]
fn a_reset_before_the_pin_is_sent_only_begins_again() {
    let expected = signature(Profile::V5, MESSAGE);
    let script = Script::new(wire(Profile::V5))
        .opens(Profile::V5)
        .same(Profile::V5)
        .fails(ASK, Fault::ResetCard)
        .same(Profile::V5)
        .then(ASK, "63C3")
        .then(&verify(), "9000")
        .prepares(Profile::V5, MESSAGE);
    let script = signs(script, Profile::V5, &expected).forgets(Profile::V5);
    assert_eq!(sign(&script, typed(), LastTry::Refuse).unwrap(), expected);
}

/// What became of the PIN is not known, for this reason.
fn unknown(cause: CardError, left: Option<Tries>) -> CardError {
    CardError::TryUnknown { cause: Box::new(cause), left }
}

#[test]
fn a_pin_whose_fate_is_unknown_is_not_sent_again() {
    for (fault, cause) in [
        (Fault::ResetCard, CardError::Reset),
        (Fault::NotTransacted, CardError::Reset),
        (Fault::CommError, CardError::Reader(Fault::CommError)),
        (Fault::UnresponsiveCard, CardError::Unresponsive),
        (Fault::SharingViolation, CardError::InUse),
        (Fault::ServiceStopped, CardError::NoService),
        (Fault::InsufficientBuffer, CardError::Garbled(CardOperation::Verify)),
    ] {
        let script = asked(Profile::V4, "63C3")
            .fails(&verify(), fault)
            .then(application(Profile::V4), "9000")
            .then(ASK, "63C2");
        let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
        assert_eq!(error, unknown(cause.clone(), Some(Tries::Left(2))));
        let text = error.to_string();
        for part in ["a try may be lost", "2 tries left", &cause.to_string()] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(error.advice().contains("pregao card show"));
    }
    let script = asked(Profile::V4, "63C3")
        .fails(&verify(), Fault::ResetCard)
        .reconnect_fails(Fault::RemovedCard);
    let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
    assert_eq!(error, unknown(CardError::Reset, None));
    // Half an answer is none.
    let script = asked(Profile::V4, "63C3")
        .then(&verify(), "90")
        .then(application(Profile::V4), "9000")
        .then(ASK, "63C3");
    let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
    assert_eq!(error, unknown(CardError::Garbled(CardOperation::Verify), Some(Tries::Left(3))));
}

#[test]
fn a_reset_between_pin_and_signature_is_made_good_once() {
    let expected = signature(Profile::V4, MESSAGE);
    let again = |script: Script| {
        script
            .same(Profile::V4)
            .then(ASK, "63C3")
            .then(&verify(), "9000")
            .prepares(Profile::V4, MESSAGE)
    };
    let script = again(verified(Profile::V4).fails(SIGN, Fault::ResetCard));
    let script = signs(script, Profile::V4, &expected).forgets(Profile::V4);
    assert_eq!(sign(&script, typed(), LastTry::Refuse).unwrap(), expected);

    let script =
        again(verified(Profile::V4).fails(SIGN, Fault::ResetCard)).fails(SIGN, Fault::ResetCard);
    assert_eq!(sign(&script, typed(), LastTry::Refuse), Err(CardError::ResetTooOften));
}

#[test]
fn a_wrong_pin_in_the_second_run_is_final() {
    let script = verified(Profile::V4)
        .fails(SIGN, Fault::ResetCard)
        .same(Profile::V4)
        .then(ASK, "63C3")
        .then(&verify(), "63C2");
    let error = sign(&script, typed(), LastTry::Refuse).unwrap_err();
    assert_eq!(error, CardError::WrongPin { left: 2 });
}

#[test]
fn a_card_pulled_at_any_step_is_told_so_and_whether_a_try_may_be_lost() {
    let pulled = Fault::RemovedCard;
    let before =
        Script::new(wire(Profile::V4)).opens(Profile::V4).fails(application(Profile::V4), pulled);
    assert_eq!(sign(&before, typed(), LastTry::Refuse), Err(CardError::Pulled));
    let judging = asked(Profile::V4, "63C3").fails(&verify(), pulled);
    let lost = unknown(CardError::Pulled, None);
    assert_eq!(sign(&judging, typed(), LastTry::Refuse), Err(lost));
    // The card has said that the PIN is right.
    let signing = verified(Profile::V4).fails(SIGN, pulled);
    assert_eq!(sign(&signing, typed(), LastTry::Refuse), Err(CardError::Pulled));
}

#[test]
fn the_counter_is_read_without_using_a_try() {
    for (word, tries) in [
        ("63C3", Tries::Left(3)),
        ("63C0", Tries::Blocked),
        ("6984", Tries::Blocked),
        ("9000", Tries::Verified),
    ] {
        let script = Script::new(wire(Profile::V4))
            .opens(Profile::V4)
            .then(application(Profile::V4), "9000")
            .then(ASK, word);
        assert_eq!(script.open().unwrap().tries_left(), Ok(tries));
        script.finish();
    }
}

// ------------------------------------------------------------------------------------ keypads

/// A card in a reader with a keypad, up to the question for the tries left.
fn at_keypad() -> Script {
    Script::new(wire(Profile::V5))
        .features(Ok("060442330006"))
        .recognises(Profile::V5)
        .same(Profile::V5)
        .then(ASK, "63C3")
}

#[test]
fn the_reader_takes_the_pin_if_it_can() {
    assert_eq!(VERIFY_CODE, 0x4233_0006);
    let expected = signature(Profile::V5, MESSAGE);
    let script = at_keypad().keypad(Ok("9000")).prepares(Profile::V5, MESSAGE);
    let script = signs(script, Profile::V5, &expected).forgets(Profile::V5);
    assert!(script.clone().open().unwrap().has_pinpad());
}

#[test]
fn a_signature_with_the_pin_typed_on_the_reader() {
    let expected = signature(Profile::V5, MESSAGE);
    let script = at_keypad().keypad(Ok("9000")).prepares(Profile::V5, MESSAGE);
    let script = signs(script, Profile::V5, &expected).forgets(Profile::V5);
    assert_eq!(sign(&script, PinEntry::Pinpad, LastTry::Refuse).unwrap(), expected);
}

#[test]
fn without_a_keypad_none_is_used() {
    let script = asked(Profile::V4, "63C3");
    assert_eq!(sign(&script, PinEntry::Pinpad, LastTry::Refuse), Err(CardError::NoPinpad));
}

#[test]
fn each_answer_of_a_keypad_has_its_error() {
    for (word, error) in [
        ("6400", CardError::PinpadTimeout),
        ("6401", CardError::PinpadCancelled),
        ("6B80", CardError::PinpadFault),
        ("63C2", CardError::WrongPin { left: 2 }),
        ("6983", CardError::Blocked),
        ("6A80", CardError::Unexpected { step: CardOperation::Verify, word: StatusWord(0x6A80) }),
    ] {
        let script = at_keypad().keypad(Ok(word));
        assert_eq!(sign(&script, PinEntry::Pinpad, LastTry::Refuse), Err(error), "{word}");
    }
}

#[test]
fn a_pin_of_wrong_form_on_the_reader_may_mean_a_blocked_one() {
    for (word, counter, error) in [
        ("6402", "63C3", CardError::PinForm(PinForm::Reader)),
        ("6403", "63C1", CardError::PinForm(PinForm::Reader)),
        ("6402", "6983", CardError::Blocked),
    ] {
        let script = at_keypad().keypad(Ok(word)).then(ASK, counter);
        assert_eq!(sign(&script, PinEntry::Pinpad, LastTry::Refuse), Err(error));
    }
}

#[test]
fn not_transacted_from_a_keypad_may_mean_a_blocked_pin() {
    let script = at_keypad().keypad(Err(Fault::NotTransacted)).then(ASK, "6983");
    assert_eq!(sign(&script, PinEntry::Pinpad, LastTry::Refuse), Err(CardError::Blocked));

    let script = at_keypad()
        .keypad(Err(Fault::NotTransacted))
        .then(ASK, "63C2")
        .then(application(Profile::V5), "9000")
        .then(ASK, "63C2");
    let error = sign(&script, PinEntry::Pinpad, LastTry::Refuse).unwrap_err();
    assert_eq!(error, unknown(CardError::PinpadFault, Some(Tries::Left(2))));
}

#[test]
fn a_keypad_that_answers_without_sense_leaves_the_try_unknown() {
    for answer in ["", "90", "009000"] {
        let script =
            at_keypad().keypad(Ok(answer)).then(application(Profile::V5), "9000").then(ASK, "63C3");
        let error = sign(&script, PinEntry::Pinpad, LastTry::Refuse).unwrap_err();
        assert_eq!(error, unknown(CardError::Garbled(CardOperation::Verify), Some(Tries::Left(3))));
    }
}

#[test]
fn after_a_reset_nobody_is_asked_to_type_again() {
    let script =
        at_keypad().keypad(Ok("9000")).prepares(Profile::V5, MESSAGE).fails(SIGN, Fault::ResetCard);
    let error = sign(&script, PinEntry::Pinpad, LastTry::Refuse).unwrap_err();
    assert_eq!(error, CardError::ResetTooOften);
}

#[test]
fn what_goes_wrong_while_typing_on_the_reader_leaves_the_try_unknown() {
    for (fault, cause) in [
        (Fault::RemovedCard, CardError::Pulled),
        (Fault::NoSmartcard, CardError::Pulled),
        (Fault::ResetCard, CardError::Reset),
        (Fault::UnresponsiveCard, CardError::Unresponsive),
        (Fault::CommError, CardError::Reader(Fault::CommError)),
    ] {
        let script =
            at_keypad().keypad(Err(fault)).then(application(Profile::V5), "9000").then(ASK, "63C2");
        let error = sign(&script, PinEntry::Pinpad, LastTry::Refuse).unwrap_err();
        assert_eq!(error, unknown(cause, Some(Tries::Left(2))));
    }
}

#[test]
fn a_reset_while_the_reader_is_asked_for_its_keypad_does_not_hide_it() {
    let script = Script::new(wire(Profile::V5))
        .features(Err(Fault::ResetCard))
        .features(Ok("060442330006"))
        .recognises(Profile::V5);
    assert!(script.open().unwrap().has_pinpad());
    script.finish();
}

// --------------------------------------------------------------------------------------- logs

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_log_shows_the_pin_or_who_holds_the_card() {
    let wrong = || asked(Profile::V4, "63C3").then(&verify(), "63C2");
    // Other tests may meet the same places at the same moment, without anybody who listens: known
    // places are listened to from the start.
    sign(&wrong(), typed(), LastTry::Refuse).unwrap_err();
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .without_time()
        .finish();
    let written = || String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let told = ["00 20 00 81 08 ********", "0 bytes, 63C2", "256 bytes, 9000"];
    tracing::subscriber::with_default(subscriber, || {
        // Whether anybody listens at a place is one answer for all threads, and a test beside this one may have just
        // had it worked out.
        for _ in 0..20 {
            tracing::callsite::rebuild_interest_cache();
            sign(&wrong(), typed(), LastTry::Refuse).unwrap_err();
            if told.iter().all(|line| written().contains(line)) {
                break;
            }
        }
    });
    let log = written();
    assert!(told.iter().all(|line| log.contains(line)), "{log}");
    let number = CIVIL_NUMBER.to_string();
    for secret in ["9083", "39 30 38", "393038", &number, &hex::encode(&number), "Teste"] {
        assert!(!log.to_lowercase().contains(&secret.to_lowercase()), "{secret}");
    }
}
