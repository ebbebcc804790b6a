use super::*;
use crate::letter::fixture::{Owner, letter, owner, seeds};
use crate::letter::{Class, Content, Opened, Proof, ReadReceipt, ReceiptError, open, seal};
use crate::trust::key::{DepositKey, SecretKey};
use crate::trust::seal::SealKey;
use crate::value::clock::Time;

fn halves() -> Halves {
    let bytes: [u8; 64] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    Halves::from_random(&bytes)
}

fn made(mode: Mode) -> RegisteredLetter {
    RegisteredLetter::of(letter(&owner(1), mode), owner(2).name, &halves()).unwrap()
}

/// As its reader finds it.
fn arrived(from: &Owner, to: &Owner, content: RegisteredLetter) -> Opened {
    let content = Content::Registered(content);
    let addressee = to.addressee(true);
    let class = content.class().unwrap();
    assert_eq!(class, Class::Small);
    let sealed = seal(&content, &addressee, &from.author(), &seeds(1)).unwrap();
    open(&to.reading(true), &sealed.envelope).unwrap()
}

fn broker() -> SealKey {
    SealKey::from_random([77; 32])
}

fn deposit_key(n: u8) -> PublicKey<OneTime> {
    let key = SecretKey::<DepositKey>::from_seed(&[n; 32]).public();
    PublicKey::from_bytes(*key.as_bytes())
}

#[test]
fn v338_a_registered_letter_is_read_with_both_halves_and_not_before() {
    for mode in [Mode::Evidence, Mode::Deniable] {
        let (one, two) = (owner(1), owner(2));
        let opened = arrived(&one, &two, made(mode));
        opened.verify(&one.keys(), &two.agreement).unwrap();
        let Content::Registered(shown) = opened.content() else { panic!() };
        // What it is decided by is there, and nothing of what it says.
        assert_eq!(shown.subject, letter(&one, mode).subject);
        let text =
            String::from_utf8(opened.content().encode(&Proof::blank(mode)).to_vec()).unwrap();
        assert!(text.contains("About the clock") && !text.contains("Come and hear it"));
        let within = shown.open(two.name, &halves().broker).unwrap();
        assert_eq!(within.text, letter(&one, mode).text);
        assert_eq!(within.attachments, letter(&one, mode).attachments);
        for wrong in [Half::from_random([0; 32]), halves().sender] {
            assert_eq!(shown.open(two.name, &wrong), Err(RegisteredError::Half));
        }
        // Sealed for this box, by that one.
        assert_eq!(shown.open(one.name, &halves().broker), Err(RegisteredError::Junk));
        let mut other = shown.clone();
        other.from.name = owner(3).name;
        assert_eq!(other.open(two.name, &halves().broker), Err(RegisteredError::Junk));
    }
}

#[test]
fn v338_what_is_sealed_within_has_one_spelling_and_whole_steps() {
    let reader = owner(2).name;
    let good = made(Mode::Evidence);
    assert_eq!(good.sealed.len(), 256 + 16);
    let seal_within = |padded: &[u8]| {
        let mut bytes = padded.to_vec();
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let key = good.key(reader, &halves().broker).unwrap();
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes).unwrap();
        RegisteredLetter { sealed: bytes, ..good.clone() }.open(reader, &halves().broker)
    };
    let plain = br#"{"text":"a","attachments":[]}"#;
    assert!(seal_within(&pad(plain, 256).unwrap()).is_ok());
    for (plain, size) in [
        (&plain[..], 512),
        (&plain[..], 255),
        (br#"{"text":"","attachments":[]}"#, 256),
        (br#"{"text": "a","attachments":[]}"#, 256),
        (br#"{"text":"a","attachments":[],"more":1}"#, 256),
        (br#"{"attachments":[],"text":"a"}"#, 256),
        (br#"{"text":"a"}"#, 256),
        (b"\xff", 256),
        (b"", 256),
    ] {
        let bad = seal_within(&pad(plain, size).unwrap());
        assert_eq!(bad, Err(RegisteredError::Junk), "{}", String::from_utf8_lossy(plain));
    }
    let mut dirty = pad(plain, 256).unwrap();
    dirty[255] = 1;
    assert_eq!(seal_within(&dirty), Err(RegisteredError::Junk));
    for at in 0..good.sealed.len() {
        let mut flipped = good.clone();
        flipped.sealed[at] ^= 1;
        assert_eq!(flipped.open(reader, &halves().broker), Err(RegisteredError::Junk), "{at}");
    }
    // To the last byte of a step, and one more.
    let said = |length: usize| {
        let text = "a".repeat(length).try_into().unwrap();
        let letter = Letter { text, ..letter(&owner(1), Mode::Evidence) };
        RegisteredLetter::of(letter, reader, &halves()).unwrap()
    };
    let empty = br#"{"text":"","attachments":[]}"#.len();
    for (length, size) in [(252 - empty, 256), (253 - empty, 512)] {
        let letter = said(length);
        assert_eq!(letter.sealed.len(), size + 16);
        assert_eq!(letter.open(reader, &halves().broker).unwrap().text.as_str().len(), length);
    }
}

#[test]
fn v337_the_outer_part_has_one_form() {
    let parse = |text: &str| Content::parse(text.as_bytes()).map(|(content, _)| content);
    let content = Content::Registered(made(Mode::Evidence));
    let bytes = content.encode(&Proof::blank(Mode::Evidence)).to_vec();
    let good = String::from_utf8(bytes).unwrap();
    assert_eq!(parse(&good), Ok(content));
    for (from, to) in [
        ("\"registered\"", "\"letter\""),
        ("\"registered\"", "\"read\""),
        ("\"registered\"", "\"other\""),
        ("\"v\":1", "\"v\":2"),
        (",\"commitment\":", ",\"more\":1,\"commitment\":"),
        (",\"sealed\":", ",\"text\":\"\",\"sealed\":"),
        (",\"half\":\"", ",\"half\":\"AA"),
        ("\"subject\":\"About the clock\"", "\"subject\":null"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(parse(&bad).is_err(), "{to}");
    }
    for length in [0, 15, 16, 255, 256, 271, 273, 16 + 255] {
        let bad = RegisteredLetter { sealed: vec![0; length], ..made(Mode::Evidence) };
        let bad = Content::Registered(bad).encode(&Proof::blank(Mode::Evidence)).to_vec();
        assert_eq!(Content::parse(&bad), Err(ContentError::Part("Within")), "{length}");
    }
    for length in [16 + 256, 16 + 512] {
        let good = RegisteredLetter { sealed: vec![0; length], ..made(Mode::Evidence) };
        let good = Content::Registered(good).encode(&Proof::blank(Mode::Evidence)).to_vec();
        assert!(Content::parse(&good).is_ok());
    }
    let nameless = RegisteredLetter { id: Uuid::nil(), ..made(Mode::Evidence) };
    assert_eq!(nameless.check(), Err(ContentError::Id));
    let answers = RegisteredLetter { reply_to: Some(Uuid::nil()), ..made(Mode::Evidence) };
    assert_eq!(answers.check(), Err(ContentError::Id));
}

#[test]
fn v337_nothing_and_too_much_cannot_be_registered() {
    let registered = |change: fn(&mut Letter)| {
        let mut letter = letter(&owner(1), Mode::Evidence);
        change(&mut letter);
        RegisteredLetter::of(letter, owner(2).name, &halves()).map(drop)
    };
    let nothing = registered(|letter| letter.text = String::new().try_into().unwrap());
    assert_eq!(nothing, Err(RegisteredError::Content(ContentError::Nothing)));
    let nameless = registered(|letter| letter.id = Uuid::nil());
    assert_eq!(nameless, Err(RegisteredError::Content(ContentError::Id)));
}

#[test]
fn v339_a_letter_is_accepted_only_if_its_deposit_commits_to_it() {
    let letter = made(Mode::Evidence);
    let place = (owner(2).name, &deposit_key(1), Digest([8; 32]));
    let deposit = halves().deposit(&broker().public(), place, [3; 32]).unwrap();
    assert_eq!(letter.matches(Some(&deposit)), Ok(()));
    assert_eq!(letter.matches(None), Err(RegisteredError::Deposit));
    let other = Registered { commitment: Digest([0; 32]), ..deposit };
    assert_eq!(letter.matches(Some(&other)), Err(RegisteredError::Deposit));
}

#[test]
fn v331_a_half_is_for_one_deposit_in_one_box() {
    let (key, other_key) = (deposit_key(1), deposit_key(2));
    let (name, envelope) = (owner(2).name, Digest([8; 32]));
    let place = HalfPlace { name, key: &key, envelope };
    let deposit = halves().deposit(&broker().public(), (name, &key, envelope), [3; 32]).unwrap();
    let Registered { half, commitment } = deposit;
    assert_eq!(half.open(&broker(), &place, &commitment), Ok(halves().broker));
    // The owner of the box, or whoever else copies it, would read the letter without signing for it.
    for other in [
        HalfPlace { key: &other_key, ..place },
        HalfPlace { name: owner(3).name, ..place },
        HalfPlace { envelope: Digest([9; 32]), ..place },
    ] {
        assert_eq!(half.open(&broker(), &other, &commitment), Err(HalfError::Open));
    }
    let stranger = SealKey::from_random([78; 32]);
    assert_eq!(half.open(&stranger, &place, &commitment), Err(HalfError::Open));
    assert_eq!(half.open(&broker(), &place, &Digest([0; 32])), Err(HalfError::Open));
    for at in 0..half.0.len() {
        let mut flipped = half;
        flipped.0[at] ^= 1;
        assert_eq!(flipped.open(&broker(), &place, &commitment), Err(HalfError::Open), "{at}");
    }
    // Sealed for a commitment to another one.
    let other = halves().sender;
    let lie = {
        let info = place.info();
        let public = broker().public();
        crate::trust::seal::seal(&public, &info, &commitment.0, &other.0, [3; 32]).unwrap()
    };
    let lie = SealedHalf(lie.try_into().unwrap());
    assert_eq!(lie.open(&broker(), &place, &commitment), Err(HalfError::Commitment));
    let weak = SealPublic([0; 32]);
    assert_eq!(SealedHalf::seal(&other, &weak, &place, [3; 32]), Err(SealError::Key));
}

#[test]
fn a_registered_letter_has_no_read_receipt_besides() {
    let (one, two) = (owner(1), owner(2));
    let opened = arrived(&one, &two, made(Mode::Evidence));
    let time = Time::from_micros(1_800_000_000_000_000).unwrap();
    let receipt =
        ReadReceipt::of(&opened, two.address(), crate::letter::fixture::id(2), Salt([4; 32]), time);
    assert_eq!(receipt, Err(ReceiptError::OfRegistered));
}

#[test]
fn halves_are_not_shown() {
    assert_eq!(format!("{:?}", halves().broker), "Half(..)");
    assert!(!format!("{:?}", halves()).contains(&halves().sender.to_string()));
}

/// Golden bytes: whoever writes registered letters in another language compares with these.
#[test]
fn v338_a_registered_letter_is_the_bytes_of_the_file() {
    let letter = made(Mode::Evidence);
    let within = letter.open(owner(2).name, &halves().broker).unwrap();
    let place = (owner(2).name, &deposit_key(1), Digest([8; 32]));
    let deposit = halves().deposit(&broker().public(), place, [3; 32]).unwrap();
    let content = Content::Registered(letter);
    let bytes = content.encode(&Proof::blank(Mode::Evidence)).to_vec();
    let line = serde_json::json!({
        "reader": owner(2).name,
        "content": String::from_utf8(bytes).unwrap(),
        "half": halves().broker,
        "within": serde_json::to_string(&within).unwrap(),
        "broker": Digest(*broker().expose()),
        "key": deposit_key(1),
        "envelope": Digest([8; 32]),
        "registered": deposit,
    });
    let file = include_str!("../../../vectors/registered.jsonl");
    assert_eq!(file.trim_end(), line.to_string());
}
