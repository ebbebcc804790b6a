use super::*;
use crate::letter::content::Letter;
use crate::letter::fixture::{self, Owner, letter, owner, seeds};
use crate::letter::{Mode, Proof};
use crate::trust::prekey::{PrekeySecret, Receiver};
use crate::value::text::Lines;

/// SHA-256 of the envelopes of the fixture, with a one-time key and without: golden bytes.
const VECTORS: [&str; 2] = [
    "ba93b29960a8372b8b17717904d1912646ab5ae16975b71d1e10191c5d43bce5",
    "df75faaeca604ec645352cd1c2204186ca3d6589c9faf323fbdcdab2de5dbfd8",
];

fn boxes() -> [Owner; 2] {
    [owner(1), owner(2)]
}

fn sealed(with_once: bool) -> Sealed {
    let [one, two] = boxes();
    fixture::sealed(&one, &two, Mode::Evidence, with_once)
}

#[test]
fn v243_the_same_seeds_seal_the_same_letter_to_the_same_bytes() {
    let digests = [true, false].map(|with_once| sealed(with_once).sent.deposit);
    assert_eq!(digests.map(|digest| hex::encode(digest.0)), VECTORS);
}

#[test]
fn v242_an_envelope_has_the_size_of_its_class_with_and_without_a_one_time_key() {
    let [one, two] = boxes();
    let content = Content::Letter(letter(&one, Mode::Evidence));
    assert_eq!(content.class(), Some(Class::Small));
    for with_once in [true, false] {
        for class in Class::ALL {
            let to = two.addressee(with_once);
            let to = Addressee { place: Place { class, ..to.place }, ..to };
            let sealed = seal(&content, &to, &one.author(), &seeds(1)).unwrap();
            assert_eq!(sealed.envelope.len(), class.envelope_size());
            assert_eq!(sealed.envelope[0], u8::from(with_once));
            let reading = Reading { class, ..two.reading(with_once) };
            let opened = open(&reading, &sealed.envelope).unwrap();
            assert_eq!(opened.content(), &content);
            assert_eq!(opened.used_once(), with_once);
            assert_eq!(opened.deposit(), sealed.sent.deposit);
            assert_eq!(opened.hash(), sealed.sent.content);
            assert_eq!(opened.verify(&one.keys(), &two.agreement), Ok(()));
            assert_eq!(*content.encode(opened.proof()), *sealed.content);
        }
    }
}

/// A letter whose content, proof included, has so many bytes.
fn of_size(one: &Owner, bytes: usize) -> Content {
    let mut letter = Letter { subject: None, ..letter(one, Mode::Evidence) };
    letter.text = Lines::try_from("x".to_owned()).unwrap();
    let spent = Content::Letter(letter.clone()).encode(&Proof::blank(Mode::Evidence)).len();
    letter.text = Lines::try_from("x".repeat(bytes - spent + 1)).unwrap();
    Content::Letter(letter)
}

#[test]
fn v242_a_letter_fits_its_class_to_the_last_byte() {
    let [one, two] = boxes();
    let most = Class::Small.most();
    let to = two.addressee(true);
    let fitting = of_size(&one, most);
    assert_eq!(fitting.class(), Some(Class::Small));
    let sealed = seal(&fitting, &to, &one.author(), &seeds(1)).unwrap();
    assert_eq!(open(&two.reading(true), &sealed.envelope).unwrap().content(), &fitting);
    let longer = of_size(&one, most + 1);
    assert_eq!(longer.class(), Some(Class::Medium));
    let refused = seal(&longer, &to, &one.author(), &seeds(1)).unwrap_err();
    assert_eq!(refused, LetterError::TooLong { max: most, got: most + 1 });
    assert_eq!(of_size(&one, Class::Large.most() + 1).class(), None);
}

#[test]
fn v242_an_envelope_of_another_size_is_none() {
    let [_, two] = boxes();
    let good = sealed(true).envelope;
    let expected = good.len();
    for got in [0, 1, HEAD, HEAD + 16, expected - 1] {
        let refused = open(&two.reading(true), &good[..got]);
        assert_eq!(refused, Err(OpenError::Size { expected, got }));
    }
    let longer = [good.as_slice(), &[0]].concat();
    let refused = open(&two.reading(true), &longer);
    assert_eq!(refused, Err(OpenError::Size { expected, got: expected + 1 }));
    for class in [Class::Medium, Class::Large] {
        let reading = Reading { class, ..two.reading(true) };
        let size = OpenError::Size { expected: class.envelope_size(), got: expected };
        assert_eq!(open(&reading, &good), Err(size));
    }
}

#[test]
fn v243_a_byte_changed_anywhere_opens_nothing() {
    let [_, two] = boxes();
    for with_once in [true, false] {
        let good = sealed(with_once).envelope;
        // Every border, and between them a sample.
        let borders = [1, 1 + ENCAPSULATED, HEAD, good.len() - 16, good.len() - 1];
        let sampled = (1..good.len()).step_by(97).chain(borders).chain([1_120, 2_240]);
        for at in sampled {
            for bit in [1, 0x80] {
                let mut other = good.clone();
                other[at] ^= bit;
                let refused = open(&two.reading(with_once), &other);
                assert_eq!(refused, Err(OpenError::Open), "byte {at}");
            }
        }
    }
}

#[test]
fn v243_a_letter_says_to_which_of_the_deposits_keys_it_is_sealed() {
    let [_, two] = boxes();
    let [with, without] = [true, false].map(|with_once| sealed(with_once).envelope);
    assert_eq!(open(&two.reading(false), &with), Err(OpenError::Which));
    assert_eq!(open(&two.reading(true), &without), Err(OpenError::Which));
    for (envelope, with_once) in [(with, true), (without, false)] {
        let mut other = envelope.clone();
        other[0] ^= 1;
        assert_eq!(open(&two.reading(!with_once), &other), Err(OpenError::Open));
        other[0] = 2;
        for with_once in [true, false] {
            assert_eq!(open(&two.reading(with_once), &other), Err(OpenError::Which));
        }
    }
}

#[test]
fn v243_nothing_opens_in_another_box_or_with_other_keys() {
    let [one, two] = boxes();
    let good = sealed(true).envelope;
    let own = two.reading(true);
    for other in [
        Reading { name: one.name, ..own },
        Reading { signed: &one.signed, ..own },
        Reading { once: Some(&one.once), ..own },
        Reading { signed: &two.once, once: Some(&two.signed), ..own },
        Reading { once: Some(&two.signed), ..own },
        one.reading(true),
    ] {
        assert_eq!(open(&other, &good), Err(OpenError::Open));
    }
    let without = sealed(false).envelope;
    let own = two.reading(false);
    for other in [Reading { name: one.name, ..own }, Reading { signed: &two.once, ..own }] {
        assert_eq!(open(&other, &without), Err(OpenError::Open));
    }
    assert!(open(&own, &without).is_ok());
}

/// Envelopes of one size under another class's name do not open: the class is in `info`.
#[test]
fn v243_the_class_is_part_of_what_is_sealed() {
    let [_, two] = boxes();
    let (signed, once) = &two.public;
    let infos = Class::ALL.map(|class| Bindings::of(two.name, signed, Some(once), class).info);
    assert_ne!(infos[0], infos[1]);
    assert_ne!(infos[1], infos[2]);
    let expected =
        [b"pregao/letter/v1".as_slice(), &[2; 32], &signed.digest().0, &once.digest().0, &[0]]
            .concat();
    assert_eq!(infos[0], expected);
}

#[test]
fn v243_one_key_is_not_used_as_both() {
    let [one, two] = boxes();
    let to = two.addressee(true);
    let place = Place { once: Some(&two.public.0), ..to.place };
    let content = Content::Letter(letter(&one, Mode::Evidence));
    let refused = seal(&content, &Addressee { place, ..to }, &one.author(), &seeds(1));
    assert_eq!(refused.unwrap_err(), LetterError::Keys);
}

/// Everything that its owner keeps was stolen, but the one-time secret is gone: the letter stays closed, whatever is
/// put in its place.
#[test]
fn v244_with_the_one_time_secret_gone_nothing_opens() {
    let [one, two] = boxes();
    let good = sealed(true).envelope;
    let mut guesses = vec![&two.signed, &one.once, &one.signed];
    let made_up = [0, 2, 0xff].map(|byte| PrekeySecret::from_random([byte; 32]));
    guesses.extend(&made_up);
    for guess in guesses {
        let reading = Reading { once: Some(guess), ..two.reading(true) };
        assert_eq!(open(&reading, &good), Err(OpenError::Open));
    }
    let mut as_if_without = good.clone();
    as_if_without[0] = WITHOUT;
    assert_eq!(open(&two.reading(false), &as_if_without), Err(OpenError::Open));
    // Below the form: the signed secret with every shared key that can be made without the other.
    let (head, ciphertext) = good.split_first_chunk::<HEAD>().unwrap();
    let ([first, second], []) = head[1..].as_chunks::<ENCAPSULATED>() else { panic!() };
    let (signed, once) = &two.public;
    let bindings = Bindings::of(two.name, signed, Some(once), Class::Small);
    let id = psk_id(&once.digest(), first);
    let agreed = *two.agreement.expose();
    for psk in [None, Some([0; 32]), Some(agreed), Some(*two.signed.expose())] {
        let psk = psk.as_ref().map(|key| Psk { key, id: &id });
        let receiver = Receiver::new(&two.signed, psk, &bindings.info, second).unwrap();
        assert_eq!(receiver.open(head, ciphertext), Err(SealError::Open));
    }
    // The other way round, the one-time secret alone opens nothing either.
    let reading = Reading { signed: &one.signed, ..two.reading(true) };
    assert_eq!(open(&reading, &good), Err(OpenError::Open));
    assert!(open(&two.reading(true), &good).is_ok());
}

#[test]
fn v243_seeds_are_never_those_of_another_letter() {
    let [one, two] = boxes();
    let first = sealed(true).envelope;
    let mut other = letter(&one, Mode::Evidence);
    other.text = Lines::try_from("It stopped.".to_owned()).unwrap();
    let second =
        seal(&Content::Letter(other), &two.addressee(true), &one.author(), &seeds(1)).unwrap();
    for part in [1..1 + ENCAPSULATED, 1 + ENCAPSULATED..HEAD] {
        assert_ne!(first[part.clone()], second.envelope[part]);
    }
    let without = sealed(false).envelope;
    assert_ne!(first[1..1 + ENCAPSULATED], without[1..1 + ENCAPSULATED]);
    let other_seeds = seal(
        &Content::Letter(letter(&one, Mode::Evidence)),
        &two.addressee(true),
        &one.author(),
        &seeds(2),
    );
    assert_ne!(other_seeds.unwrap().envelope, first);
    assert_eq!(format!("{:?}", seeds(1)), "Seeds(..)");
}

#[test]
fn v242_what_is_not_padded_by_the_rule_is_none() {
    let [one, two] = boxes();
    let content = Content::Letter(letter(&one, Mode::Evidence));
    let hash = content.hash();
    let forge = |change: &dyn Fn(&mut Vec<u8>)| {
        let place = two.place(true);
        let begun = Begun::new(&place, &hash, &seeds(1)).unwrap();
        let bound = begun.bound(one.name, two.name, hash);
        let proof = bound.prove(&content, &one.author(), &two.agreement.public()).unwrap();
        let mut padded = pad(&content.encode(&proof), Class::Small.padded_size()).unwrap();
        change(&mut padded);
        let sealed = begun.sender.seal(&*begun.head, &padded).unwrap();
        open(&two.reading(true), &[begun.head.as_slice(), &sealed].concat())
    };
    assert!(forge(&|_| ()).is_ok());
    let dirty = forge(&|padded| *padded.last_mut().unwrap() = 1);
    assert_eq!(dirty, Err(OpenError::Padding));
    let too_long = forge(&|padded| padded[0] = 0xff);
    assert_eq!(too_long, Err(OpenError::Padding));
    let cut = forge(&|padded| padded[3] ^= 1);
    assert!(matches!(cut, Err(OpenError::Padding | OpenError::Content(_))));
    let empty = forge(&|padded| padded.fill(0));
    assert_eq!(empty, Err(OpenError::Content(ContentError::NotCanonical)));
}

#[test]
fn v246_what_may_not_be_sent_is_not_sealed() {
    let [one, two] = boxes();
    let nothing = Letter { text: Lines::default(), ..letter(&one, Mode::Evidence) };
    let refused = seal(&Content::Letter(nothing), &two.addressee(true), &one.author(), &seeds(1));
    assert_eq!(refused.unwrap_err(), LetterError::Content(ContentError::Nothing));
}
