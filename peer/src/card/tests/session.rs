//! Bytes, status words and transactions.

use crate::card::apdu::{Application, CardOperation, CommandApdu, File, ResponseApdu, Wire};
use crate::card::script::Script;
use crate::card::session::{Session, Stop, exclusively};
use crate::card::transport::Fault;
use crate::card::{CardError, StatusWord};

const SELECT: &str = "00A4080C045F00EF09";

fn run(script: &Script, command: &CommandApdu) -> Result<ResponseApdu, CardError> {
    let work = |session: &mut Session<'_>| session.run(CardOperation::ReadCertificate, command);
    let answer = exclusively(script.link().as_mut(), work);
    script.finish();
    answer
}

fn read(script: &Script, offset: usize, length: usize) -> Result<Option<Vec<u8>>, CardError> {
    let work =
        |session: &mut Session<'_>| session.read(CardOperation::ReadCertificate, offset, length);
    let answer = exclusively(script.link().as_mut(), work);
    script.finish();
    answer
}

fn garbled<T>(result: Result<T, CardError>) -> bool {
    matches!(result, Err(CardError::Garbled(CardOperation::ReadCertificate)))
}

fn unexpected<T>(result: Result<T, CardError>, word: u16) -> bool {
    matches!(result, Err(CardError::Unexpected { word: found, .. }) if found == StatusWord(word))
}

#[test]
fn what_waits_is_fetched_until_nothing_does() {
    for wire in [Wire::T0, Wire::T1] {
        let script = Script::new(wire)
            .then(SELECT, "6103")
            .then("00C0000003", "AABB 6101")
            .then("00C0000001", "CC 9000");
        let answer = run(&script, &CommandApdu::select(File::Certificate)).unwrap();
        assert_eq!((answer.data, answer.word), (vec![0xAA, 0xBB, 0xCC], StatusWord(0x9000)));
    }
}

#[test]
fn data_that_come_along_with_more_to_fetch_are_kept() {
    let script =
        Script::new(Wire::T1).then("002A9E9A00", "0102 6102").then("00C0000002", "0304 9000");
    assert_eq!(run(&script, &CommandApdu::sign()).unwrap().data, [1, 2, 3, 4]);
}

#[test]
fn a_wrong_length_is_corrected_once() {
    for wire in [Wire::T0, Wire::T1] {
        let script = Script::new(wire).then("00CADF3000", "6C02").then("00CADF3002", "0506 9000");
        assert_eq!(run(&script, &CommandApdu::read_version()).unwrap().data, [5, 6]);
        let script = Script::new(wire).then("00CADF3000", "6C02").then("00CADF3002", "6C03");
        assert_eq!(run(&script, &CommandApdu::read_version()).unwrap().word, StatusWord(0x6C03));
    }
}

#[test]
fn a_wrong_length_is_corrected_for_what_waits_too() {
    let script = Script::new(Wire::T0)
        .then("002A9E9A00", "6100")
        .then("00C0000000", "6C01")
        .then("00C0000001", "07 9000");
    assert_eq!(run(&script, &CommandApdu::sign()).unwrap().data, [7]);
}

#[test]
fn a_command_with_data_is_not_sent_twice_for_a_wrong_length() {
    let script = Script::new(Wire::T1).then(SELECT, "6C05");
    let answer = run(&script, &CommandApdu::select(File::Certificate)).unwrap();
    assert_eq!(answer.word, StatusWord(0x6C05));
}

#[test]
fn a_card_that_always_has_more_is_given_up() {
    let mut script = Script::new(Wire::T0).then("002A9E9A00", "6101");
    for _ in 0..8 {
        script = script.then("00C0000001", "00 6101");
    }
    assert!(garbled(run(&script, &CommandApdu::sign())));
}

#[test]
fn an_answer_longer_than_any_signature_is_refused() {
    let block = "00".repeat(256);
    let four = |last: &str| {
        Script::new(Wire::T1)
            .then("002A9E9A00", &format!("{block}6100"))
            .then("00C0000000", &format!("{block}6100"))
            .then("00C0000000", &format!("{block}6100"))
            .then("00C0000000", &format!("{block}{last}"))
    };
    assert_eq!(run(&four("9000"), &CommandApdu::sign()).unwrap().data.len(), 1024);
    let five = four("6101").then("00C0000001", "00 9000");
    assert!(garbled(run(&five, &CommandApdu::sign())));
}

#[test]
fn an_answer_without_status_word_is_refused() {
    for answer in ["", "90"] {
        let script = Script::new(Wire::T1).then("002A9E9A00", answer);
        assert!(garbled(run(&script, &CommandApdu::sign())), "{answer}");
    }
    let script = Script::new(Wire::T1).fails("002A9E9A00", Fault::InsufficientBuffer);
    assert!(garbled(run(&script, &CommandApdu::sign())));
}

#[test]
fn reading_ends_at_the_end_of_the_file_and_nowhere_else() {
    let at = |answer: &str| Script::new(Wire::T1).then("00B0001002", answer);
    assert_eq!(read(&at("AABB 9000"), 16, 2).unwrap(), Some(vec![0xAA, 0xBB]));
    assert_eq!(read(&at("AA 9000"), 16, 2).unwrap(), Some(vec![0xAA]));
    assert_eq!(read(&at("AA 6282"), 16, 2).unwrap(), Some(vec![0xAA]));
    assert_eq!(read(&at("6B00"), 16, 2).unwrap(), None);
    assert!(garbled(read(&at("AABBCC 9000"), 16, 2)));
    for word in [0x6982, 0x6986, 0x6A82, 0x6D00] {
        assert!(unexpected(read(&at(&format!("{word:04X}")), 16, 2), word), "{word:04X}");
    }
    let start = Script::new(Wire::T1).then("00B0000002", "6B00");
    assert!(unexpected(read(&start, 0, 2), 0x6B00));
}

#[test]
fn after_a_reset_everything_begins_again() {
    let script = Script::new(Wire::T1)
        .begin_fails(Fault::ResetCard)
        .then("00A4040C07604632FF000002", "9000")
        .fails("0020008100", Fault::ResetCard)
        .then("00A4040C07604632FF000002", "9000")
        .then("0020008100", "63C3");
    let answer = exclusively(script.link().as_mut(), |session| {
        session.enter(Application::Citizen)?;
        session.run(CardOperation::AskTries, &CommandApdu::ask_tries())
    });
    assert_eq!(answer.unwrap().word, StatusWord(0x63C3));
    script.finish();
    assert_eq!((script.count("reconnect"), script.count("pause")), (2, 2));
}

#[test]
fn ten_resets_are_borne_and_no_more() {
    let disturbed = |times: usize| {
        let faults = [Fault::ResetCard, Fault::NotTransacted, Fault::ProtoMismatch];
        let faults = faults.into_iter().cycle();
        faults.take(times).fold(Script::new(Wire::T1), Script::begin_fails)
    };
    let script = disturbed(10).then("0020008100", "63C3");
    assert!(run(&script, &CommandApdu::ask_tries()).is_ok());
    let script = disturbed(11);
    assert_eq!(run(&script, &CommandApdu::ask_tries()).err(), Some(CardError::ResetTooOften));
    assert_eq!(script.count("reconnect"), 10);
}

#[test]
fn a_reconnection_that_fails_counts_as_a_reset_or_ends_it() {
    let script = Script::new(Wire::T1)
        .begin_fails(Fault::ResetCard)
        .reconnect_fails(Fault::ResetCard)
        .reconnect_fails(Fault::ProtoMismatch)
        .then("0020008100", "63C3");
    assert!(run(&script, &CommandApdu::ask_tries()).is_ok());
    for fault in [Fault::RemovedCard, Fault::NoSmartcard] {
        let script = Script::new(Wire::T1).begin_fails(Fault::NotTransacted).reconnect_fails(fault);
        assert_eq!(run(&script, &CommandApdu::ask_tries()).err(), Some(CardError::Pulled));
    }
}

#[test]
fn every_fault_of_reader_and_service_has_its_own_error() {
    for (fault, error) in [
        (Fault::RemovedCard, CardError::Pulled),
        (Fault::NoSmartcard, CardError::Pulled),
        (Fault::ReaderUnavailable, CardError::Pulled),
        (Fault::UnknownReader, CardError::Pulled),
        (Fault::SharingViolation, CardError::InUse),
        (Fault::NoService, CardError::NoService),
        (Fault::ServiceStopped, CardError::NoService),
        (Fault::UnpoweredCard, CardError::Unresponsive),
        (Fault::UnresponsiveCard, CardError::Unresponsive),
        (Fault::CommError, CardError::Reader(Fault::CommError)),
    ] {
        let script = Script::new(Wire::T1).begin_fails(fault);
        assert_eq!(run(&script, &CommandApdu::ask_tries()).err(), Some(error.clone()));
        let script = Script::new(Wire::T1).fails("0020008100", fault);
        assert_eq!(run(&script, &CommandApdu::ask_tries()).err(), Some(error));
        assert_eq!(script.count("reconnect"), 0);
    }
    assert_eq!(CardError::connecting(Fault::NoSmartcard), CardError::EmptyReader);
    assert_eq!(CardError::connecting(Fault::NoReadersAvailable), CardError::NoReader);
    assert_eq!(CardError::connecting(Fault::ProtoMismatch), CardError::Unresponsive);
}

#[test]
fn a_session_that_may_leave_a_verified_pin_resets_the_card() {
    for (verified, ending) in [(true, "reset"), (false, "leave")] {
        let script = Script::new(Wire::T1);
        let stopped: Result<(), _> = exclusively(script.link().as_mut(), |session| {
            session.pin_verified(true);
            session.pin_verified(verified);
            Err(Stop::Error(CardError::Signature))
        });
        assert_eq!(stopped, Err(CardError::Signature));
        assert_eq!(script.ending(), ending);
    }
}
