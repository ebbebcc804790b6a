//! Recognising cards and reading what is on them.

use pregao_test_pki::Profile;
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::card::apdu::{CardOperation, Wire};
use crate::card::script::{
    CIVIL_NUMBER, Script, ScriptedReaders, application, certificate_file, material, signature, wire,
};
use crate::card::transport::{CardLink, Channel, Ending, Fault};
use crate::card::{
    Attribute, Card, CardError, Found, Generation, LastTry, Pin, PinEntry, StatusWord, object,
};

fn opened(profile: Profile) -> Script {
    Script::new(wire(profile)).opens(profile)
}

#[test]
fn each_generation_is_recognised_and_its_certificate_read() {
    for (profile, generation) in [
        (Profile::V3, Generation::V3),
        (Profile::V4, Generation::V4),
        (Profile::V5, Generation::V5),
    ] {
        let script = opened(profile);
        let card = script.open().unwrap();
        script.finish();
        assert_eq!(card.generation(), generation);
        assert_eq!(card.certificate(), material(profile).authentication.certificate);
        assert_eq!(card.holder().civil_number.expose(), CIVIL_NUMBER.to_string());
        assert!(!card.has_pinpad());
        assert_eq!(script.ending(), "leave");
    }
}

#[test]
fn authorities_on_the_card_are_read_and_absent_ones_left_out() {
    let card = material(Profile::V4);
    let script = opened(Profile::V4)
        .same(Profile::V4)
        .reads("00A4080C045F00EF10", &card.authentication_authority)
        .reads("00A4080C045F00EF11", &card.card_authority);
    let mut read = script.open().unwrap();
    read.read_issuers().unwrap();
    script.finish();
    assert_eq!(read.issuers(), [&*card.authentication_authority, &*card.card_authority]);

    let script = opened(Profile::V4)
        .same(Profile::V4)
        .then("00A4080C045F00EF10", "6A82")
        .then("00A4080C045F00EF11", "9000")
        .then("00B0000000", "FFFF 9000");
    let mut read = script.open().unwrap();
    read.read_issuers().unwrap();
    script.finish();
    assert!(read.issuers().is_empty());

    let script = opened(Profile::V5).same(Profile::V5);
    let mut read = script.open().unwrap();
    read.read_issuers().unwrap();
    script.finish();
    assert!(read.issuers().is_empty());
}

#[test]
fn a_card_with_neither_application_is_unknown_whatever_it_answers() {
    for word in ["6A82", "6A86", "6D00", "6E00", "6700", "6F00", "6999"] {
        let script = Script::new(Wire::T1)
            .features(Err(Fault::NotTransacted))
            .then(application(Profile::V4), word)
            .then(application(Profile::V5), word);
        let error = script.open().unwrap_err();
        assert_eq!(error, CardError::UnknownCard { atr: vec![0x3B, 0x00] });
        assert!(error.to_string().contains("3B00"), "{error}");
        script.finish();
    }
}

#[test]
fn a_card_that_wants_a_secure_channel_is_contactless() {
    let script = Script::new(Wire::T1)
        .features(Err(Fault::NotTransacted))
        .then(application(Profile::V4), "6A82")
        .then(application(Profile::V5), "6982");
    assert_eq!(script.open().unwrap_err(), CardError::Contactless);
}

#[test]
fn a_card_that_does_not_tell_its_version_counts_as_v3() {
    let certificate = &material(Profile::V4).authentication.certificate;
    let script = Script::new(Wire::T1)
        .features(Err(Fault::NotTransacted))
        .then(application(Profile::V4), "9000")
        .then("00CADF3000", "6A88")
        .reads(certificate_file(Profile::V4), certificate);
    assert_eq!(script.open().unwrap().generation(), Generation::V3);
}

/// A card whose certificate file answers as told from its first READ BINARY on.
fn with_file(answers: &[(&str, &str)]) -> Result<Card, CardError> {
    let script = Script::new(Wire::T1)
        .features(Err(Fault::NotTransacted))
        .then(application(Profile::V4), "9000")
        .then("00CADF3000", "6A88")
        .then(certificate_file(Profile::V4), "9000");
    let script = answers.iter().fold(script, |script, (read, answer)| script.then(read, answer));
    let card = script.open();
    script.finish();
    card
}

#[test]
fn lengths_that_a_hostile_card_claims_are_not_believed() {
    let garbled = CardError::Garbled(CardOperation::ReadCertificate);
    for start in ["", "30", "308201", "30810A", "31820010", "30821000", "3082FFFF", "0000000000"] {
        let card = with_file(&[("00B0000000", &format!("{start}9000"))]);
        assert_eq!(card.unwrap_err(), garbled, "{start}");
    }
}

#[test]
fn a_certificate_that_ends_too_early_is_refused() {
    for end in ["9000", "6B00", "6282"] {
        let card = with_file(&[("00B0000000", "30820010AA 9000"), ("00B000050F", end)]);
        assert_eq!(card.unwrap_err(), CardError::Garbled(CardOperation::ReadCertificate), "{end}");
    }
}

#[test]
fn a_card_that_gives_a_byte_at_a_time_is_given_up() {
    let reads: Vec<(String, &str)> =
        (0..64).map(|at| (format!("00B0{:04X}00", at + 4), "00 9000")).collect();
    let mut answers = vec![("00B0000000", "30820F00 9000")];
    answers.extend(reads.iter().map(|(read, answer)| (read.as_str(), *answer)));
    let card = with_file(&answers);
    assert_eq!(card.unwrap_err(), CardError::Garbled(CardOperation::ReadCertificate));
}

#[test]
fn bytes_that_are_no_certificate_are_refused_by_name() {
    let card = with_file(&[("00B0000000", "308200020102 9000")]);
    assert!(matches!(card.unwrap_err(), CardError::Certificate(_)));
}

/// Reads `length` bytes from a card or reader that gives no more than 100 at a time.
fn in_pieces(mut script: Script, bytes: &[u8], first: usize, length: usize) -> Script {
    for offset in (0..length).step_by(100) {
        let asked = if offset == 0 { first } else { (length - offset).min(256) };
        let piece = hex::encode(&bytes[offset..length.min(offset + 100)]);
        let command = format!("00B0{offset:04X}{:02X}", asked % 256);
        script = script.then(&command, &format!("{piece}9000"));
    }
    script
}

#[test]
fn a_certificate_in_short_pieces_is_put_together_and_known_again() {
    let certificate = &material(Profile::V4).authentication.certificate;
    let script = Script::new(Wire::T1)
        .features(Err(Fault::NotTransacted))
        .then(application(Profile::V4), "9000")
        .then("00CADF3000", "6A88")
        .then(certificate_file(Profile::V4), "9000");
    let script = in_pieces(script, certificate, 256, certificate.len())
        .then(application(Profile::V4), "9000")
        .then(certificate_file(Profile::V4), "9000");
    let pin = Pin::new(Zeroizing::new("9083".to_owned())).unwrap();
    let expected = signature(Profile::V4, b"message");
    let (first, rest) = expected.split_at(256);
    let script = in_pieces(script, certificate, 256, 256)
        .then("0020008100", "63C3")
        .then("002000810839303833FFFFFFFF", "9000")
        .prepares(Profile::V4, b"message")
        .then("002A9E9A00", &format!("{}6180", hex::encode(first)))
        .then("00C0000080", &format!("{}9000", hex::encode(rest)))
        .forgets(Profile::V4);
    let mut card = script.open().unwrap();
    assert_eq!(card.certificate(), certificate);
    let signed = card.sign(b"message", PinEntry::Typed(pin), LastTry::Refuse);
    assert_eq!(signed.unwrap(), expected);
    script.finish();
}

#[test]
fn another_card_in_the_same_reader_is_noticed() {
    let script = opened(Profile::V4)
        .then(application(Profile::V4), "9000")
        .then(certificate_file(Profile::V4), "9000")
        .then("00B0000000", &format!("{}9000", "30820400".repeat(64)));
    let mut card = script.open().unwrap();
    assert_eq!(card.attributes(&[Attribute::Sex]).unwrap_err(), CardError::OtherCard);
    script.finish();
}

// -------------------------------------------------------------------------------- attributes

#[test]
fn attributes_are_read_by_offset_and_no_further_than_asked() {
    let field = |text: &str, length: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(length, 0);
        format!("{}9000", hex::encode(bytes))
    };
    let script = opened(Profile::V4)
        .same(Profile::V4)
        .then("00A4080C045F00EF02", "9000")
        .then("00B0024214", &field("01 02 1990", 20))
        .then("00B0023A02", &field("F", 2));
    let mut card = script.open().unwrap();
    let read = card.attributes(&[Attribute::BirthDate, Attribute::Sex]).unwrap();
    script.finish();
    assert_eq!(
        read,
        [(Attribute::BirthDate, "01 02 1990".to_owned()), (Attribute::Sex, "F".to_owned())]
    );
}

#[test]
fn a_field_cut_short_is_refused() {
    for answer in ["46 9000", "6B00", "46 6282"] {
        let script = opened(Profile::V4)
            .same(Profile::V4)
            .then("00A4080C045F00EF02", "9000")
            .then("00B0023A02", answer);
        let mut card = script.open().unwrap();
        let error = card.attributes(&[Attribute::Sex]).unwrap_err();
        assert_eq!(error, CardError::Garbled(CardOperation::ReadIdentity), "{answer}");
    }
}

/// An identity object of v5 with these fields.
fn identity(fields: &[(u8, &str)]) -> Vec<u8> {
    let content: Vec<u8> = fields
        .iter()
        .flat_map(|(tag, text)| {
            [&[*tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
        })
        .collect();
    [&[0x6D, 0x81, u8::try_from(content.len()).unwrap()], content.as_slice()].concat()
}

#[test]
fn attributes_of_v5_are_read_by_tag_from_the_other_application() {
    let object = identity(&[(0xC0, "República"), (0xC3, "12345 ZZ1"), (0xC7, "01 02 2034")]);
    let script = opened(Profile::V5)
        .same(Profile::V5)
        .then("00A4040C07604632FF000005", "9000")
        .reads("00A4020C02010D", &object);
    let mut card = script.open().unwrap();
    let read = card.attributes(&[Attribute::CardExpiry, Attribute::DocumentNumber]).unwrap();
    script.finish();
    assert_eq!(read[0].1, "01 02 2034");
    assert_eq!(read[1].1, "12345 ZZ1");
}

#[test]
fn an_attribute_that_v5_does_not_have_is_refused() {
    let script = opened(Profile::V5)
        .same(Profile::V5)
        .then("00A4040C07604632FF000005", "9000")
        .reads("00A4020C02010D", &identity(&[(0xC3, "x")]));
    let error = script.open().unwrap().attributes(&[Attribute::Sex]).unwrap_err();
    assert_eq!(error, CardError::Garbled(CardOperation::ReadIdentity));
}

#[test]
fn a_refused_identity_file_says_which_and_how() {
    let script = opened(Profile::V4).same(Profile::V4).then("00A4080C045F00EF02", "6982");
    let error = script.open().unwrap().attributes(&[Attribute::Sex]).unwrap_err();
    let expected =
        CardError::Unexpected { step: CardOperation::ReadIdentity, word: StatusWord(0x6982) };
    assert_eq!(error, expected);
}

// ----------------------------------------------------------------------------------- readers

#[test]
fn the_only_card_is_found_among_readers() {
    let readers = ScriptedReaders(vec![
        ("Empty Reader", Err(Fault::NoSmartcard)),
        ("Broken Reader", Err(Fault::UnresponsiveCard)),
        ("Good Reader", Ok(opened(Profile::V4))),
    ]);
    let card = Card::find_among(&readers, None).unwrap();
    assert_eq!(card.reader(), "Good Reader");
}

#[test]
fn several_cards_are_listed_with_their_holders() {
    let two = || {
        ScriptedReaders(vec![
            ("First Reader", Ok(opened(Profile::V4))),
            ("Second Reader", Ok(opened(Profile::V5))),
        ])
    };
    let Err(CardError::SeveralCards { cards }) = Card::find_among(&two(), None) else { panic!() };
    let holder = "Cidadã de Teste".to_owned();
    let found =
        |number, reader: &str| Found { number, reader: reader.to_owned(), holder: holder.clone() };
    assert_eq!(cards, [found(1, "First Reader"), found(2, "Second Reader")]);
    for wanted in ["2", "second", "SECOND R"] {
        let card = Card::find_among(&two(), Some(wanted)).unwrap();
        assert_eq!(card.reader(), "Second Reader", "{wanted}");
    }
    assert!(matches!(
        Card::find_among(&two(), Some("reader")),
        Err(CardError::SeveralCards { .. })
    ));
}

#[test]
fn a_reader_that_is_not_there_is_refused_with_those_that_are() {
    let readers = ScriptedReaders(vec![("Some Reader", Err(Fault::NoSmartcard))]);
    for wanted in ["0", "2", "other", "", "-1"] {
        let error = Card::find_among(&readers, Some(wanted)).unwrap_err();
        assert!(matches!(error, CardError::NoSuchReader { .. }), "{wanted}");
        assert!(error.to_string().contains("Some Reader"));
    }
}

#[test]
fn without_a_card_the_first_trouble_is_told() {
    let none = ScriptedReaders(Vec::new());
    assert_eq!(Card::find_among(&none, None).unwrap_err(), CardError::NoReader);
    assert_eq!(Card::look_among(&none).unwrap_err(), CardError::NoReader);
    let empty = ScriptedReaders(vec![("A", Err(Fault::NoSmartcard))]);
    assert_eq!(Card::find_among(&empty, None).unwrap_err(), CardError::EmptyReader);
    let troubled = ScriptedReaders(vec![
        ("A", Err(Fault::NoSmartcard)),
        ("B", Err(Fault::SharingViolation)),
        ("C", Err(Fault::UnresponsiveCard)),
    ]);
    assert_eq!(Card::find_among(&troubled, None).unwrap_err(), CardError::InUse);
    let seen = Card::look_among(&troubled).unwrap();
    let cards: Vec<_> = seen.iter().map(|seen| seen.card.as_ref().unwrap_err()).collect();
    assert_eq!(cards, [&CardError::EmptyReader, &CardError::InUse, &CardError::Unresponsive]);
    assert_eq!(seen.iter().map(|seen| seen.number).collect::<Vec<_>>(), [1, 2, 3]);
}

// --------------------------------------------------------------------------------- properties

/// A card that answers with what it is given, again and again.
#[derive(Debug)]
struct Babbler(Vec<Vec<u8>>, usize);

impl CardLink for Babbler {
    fn exclusively(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Channel) -> Ending,
    ) -> Result<(), Fault> {
        work(self);
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn atr(&self) -> Vec<u8> {
        Vec::new()
    }

    fn pause(&mut self, _: std::time::Duration) {}
}

impl Channel for Babbler {
    fn wire(&self) -> Wire {
        Wire::T0
    }

    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, Fault> {
        self.1 += 1;
        assert!(self.1 < 10_000, "it never ends");
        Ok(self.0.get(self.1 % self.0.len()).cloned().unwrap_or_default())
    }

    fn control(&mut self, _: u32, data: &[u8]) -> Result<Vec<u8>, Fault> {
        self.transmit(data)
    }
}

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        [0x90, 0x00],
        [0x61, 0x00],
        [0x61, 0x10],
        [0x6C, 0x04],
        [0x62, 0x82],
        [0x6B, 0x00],
        [0x6A, 0x82],
        [0x63, 0xC3],
    ]);
    let starts = prop::sample::select(vec![
        vec![],
        vec![0x30, 0x82],
        vec![0x30, 0x82, 0x01, 0x00],
        vec![0x6D, 0x82],
        vec![0x90],
    ]);
    (starts, prop::collection::vec(any::<u8>(), 0..256), words)
        .prop_map(|(start, data, word)| [start, data, word.to_vec()].concat())
}

proptest! {
    #[test]
    fn no_card_makes_the_reading_panic_or_go_on_for_ever(
        answers in prop::collection::vec(answer(), 1..12)
    ) {
        let _ = Card::open(Box::new(Babbler(answers, 0)), "Babbler".to_owned());
    }

    #[test]
    fn no_bytes_make_the_search_for_a_tag_panic(
        object in prop::collection::vec(any::<u8>(), 0..300),
        tag in any::<u8>(),
    ) {
        if let Some(found) = object::inside(&object, tag) {
            prop_assert!(found.len() < object.len());
        }
        let _ = crate::card::facts(&object);
    }

    #[test]
    fn what_was_written_under_a_tag_is_found_there(
        texts in prop::collection::vec("[a-zé ]{0,9}", 1..9)
    ) {
        let fields: Vec<(u8, &str)> =
            (0xC0..).zip(texts.iter().map(String::as_str)).collect();
        let object = identity(&fields);
        for (tag, text) in fields {
            prop_assert_eq!(object::inside(&object, tag), Some(text.as_bytes()));
        }
        prop_assert_eq!(object::inside(&object, 0xDF), None);
    }
}
