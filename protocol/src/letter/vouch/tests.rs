use super::*;
use crate::letter::fixture::{Owner, letter, owner, seeds};
use crate::letter::{
    Content, ContentError, Letter, LetterError, Mode, Opened, RegisteredLetter, open, seal,
};

/// The author's new box, the one that its reader knows, and the reader's.
fn boxes() -> [Owner; 3] {
    [owner(1), owner(3), owner(2)]
}

fn voucher(by: &Owner) -> Voucher<'_> {
    Voucher { name: by.name, agreement: &by.agreement }
}

fn vouched(by: &Owner, for_box: &Owner, reader: &Owner) -> Letter {
    let mut letter = letter(for_box, Mode::Deniable);
    let reader = (reader.name, &reader.agreement.public());
    letter.vouch = Some(Vouch::of(&voucher(by), reader, &letter.from, letter.id).unwrap());
    letter
}

fn delivered(letter: Letter, from: &Owner, to: &Owner) -> Opened {
    let content = Content::Letter(letter);
    let sealed = seal(&content, &to.addressee(true), &from.author(), &seeds(1)).unwrap();
    let opened = open(&to.reading(true), &sealed.envelope).unwrap();
    opened.verify(&from.keys(), &to.agreement).unwrap();
    opened
}

#[test]
fn v385_a_box_that_is_known_vouches_for_the_one_that_a_letter_is_from() {
    let [new, known, reader] = boxes();
    let opened = delivered(vouched(&known, &new, &reader), &new, &reader);
    assert_eq!(opened.verify_vouch(&known.keys(), &reader.agreement), Ok(()));
    // A registered letter says the same.
    let halves = crate::letter::Halves::from_random(&[5; 64]);
    let letter = vouched(&known, &new, &reader);
    let registered = RegisteredLetter::of(letter.clone(), reader.name, &halves).unwrap();
    assert_eq!(registered.vouch, letter.vouch);
    let content = Content::Registered(registered);
    let sealed = seal(&content, &reader.addressee(true), &new.author(), &seeds(1)).unwrap();
    let opened = open(&reader.reading(true), &sealed.envelope).unwrap();
    assert_eq!(opened.verify_vouch(&known.keys(), &reader.agreement), Ok(()));
}

#[test]
fn v385_nobody_vouches_without_the_secret_of_the_box_that_is_known() {
    let [new, known, reader] = boxes();
    let verify = |letter: Letter| {
        delivered(letter, &new, &reader).verify_vouch(&known.keys(), &reader.agreement)
    };
    assert_eq!(verify(letter(&new, Mode::Evidence)), Err(VouchError::None));
    // By a third box, whatever it calls itself.
    let mut other = vouched(&new, &new, &reader);
    other.vouch = Some(Vouch { name: owner(4).name, ..other.vouch.unwrap() });
    assert_eq!(verify(other.clone()), Err(VouchError::Other));
    other.vouch = Some(Vouch { name: known.name, ..other.vouch.unwrap() });
    assert_eq!(verify(other), Err(VouchError::Other));
    // One that holds, called that of another box.
    let mut renamed = vouched(&known, &new, &reader);
    renamed.vouch = Some(Vouch { name: owner(4).name, ..renamed.vouch.unwrap() });
    assert_eq!(verify(renamed), Err(VouchError::Other));
    for at in 0..32 {
        let mut changed = vouched(&known, &new, &reader);
        if let Some(vouch) = &mut changed.vouch {
            vouch.mac.0[at] ^= 1;
        }
        assert_eq!(verify(changed), Err(VouchError::Other), "{at}");
    }
}

#[test]
fn v385_it_is_for_one_box_one_letter_and_one_reader() {
    let [new, known, reader] = boxes();
    let good = vouched(&known, &new, &reader);
    let verify = |letter: Letter, from: &Owner, to: &Owner| {
        delivered(letter, from, to).verify_vouch(&known.keys(), &to.agreement)
    };
    assert_eq!(verify(good.clone(), &new, &reader), Ok(()));
    // Whoever is shown the letter takes its word into one of their own.
    let third = owner(4);
    let stolen = Letter { from: third.address(), ..good.clone() };
    assert_eq!(verify(stolen, &third, &reader), Err(VouchError::Other));
    let again = Letter { id: crate::letter::fixture::id(7), ..good.clone() };
    assert_eq!(verify(again, &new, &reader), Err(VouchError::Other));
    // Its reader passes it on.
    assert_eq!(verify(good.clone(), &new, &third), Err(VouchError::Other));
    // The same box is said to be reached by another broker.
    let mut moved = good.clone();
    moved.from.broker = String::from("wss://broker.example/#01").try_into().unwrap();
    assert_eq!(verify(moved, &new, &reader), Err(VouchError::Other));
    // What is known of the box has to be known of it.
    let opened = delivered(good, &new, &reader);
    let other = BoxKeys { agreement: third.agreement.public(), ..known.keys() };
    assert_eq!(opened.verify_vouch(&other, &reader.agreement), Err(VouchError::Other));
    let other = BoxKeys { name: third.name, ..known.keys() };
    assert_eq!(opened.verify_vouch(&other, &reader.agreement), Err(VouchError::Other));
    assert_eq!(opened.verify_vouch(&known.keys(), &third.agreement), Err(VouchError::Other));
}

/// V-385 word for word, apart from the code that makes one.
#[test]
fn v385_the_mac_is_over_box_keys_letter_and_broker_under_what_known_box_and_reader_share() {
    let [new, known, reader] = boxes();
    let letter = vouched(&known, &new, &reader);
    let (theirs, own) = (known.agreement.public(), reader.agreement.public());
    let info =
        [b"pregao/vouch/v1".as_slice(), &known.name.0, &reader.name.0, &theirs.0, &own.0].concat();
    let key = reader.agreement.agree(&theirs, &info).unwrap();
    let from = &letter.from;
    let message = [
        &from.name.0,
        from.key.as_bytes(),
        &from.agreement.0,
        letter.id.as_bytes().as_slice(),
        b"wss://broker.example/#00",
    ];
    assert_eq!(letter.vouch.unwrap().mac, key.mac(&message.concat()));
}

/// Why it convinces nobody else.
#[test]
fn v385_its_reader_can_make_the_same() {
    let [new, known, reader] = boxes();
    let letter = vouched(&known, &new, &reader);
    let context =
        context((known.name, &known.agreement.public()), (reader.name, &reader.agreement.public()));
    let key = reader.agreement.agree(&known.agreement.public(), &context).unwrap();
    let made = Vouch { name: known.name, mac: key.mac(&message(&letter.from, letter.id)) };
    assert_eq!(Some(made), letter.vouch);
}

#[test]
fn v385_with_a_key_of_small_order_nobody_vouches() {
    let [new, known, reader] = boxes();
    let letter = vouched(&known, &new, &reader);
    let mut weak = AgreementPublic([0; 32]);
    weak.0[0] = 1;
    let refused = Vouch::of(&voucher(&known), (reader.name, &weak), &letter.from, letter.id);
    assert_eq!(refused, Err(AgreementError));
    let opened = delivered(letter, &new, &reader);
    let weakened = BoxKeys { agreement: weak, ..known.keys() };
    let refused = opened.verify_vouch(&weakened, &reader.agreement);
    assert_eq!(refused, Err(VouchError::Agreement(AgreementError)));
}

#[test]
fn v386_no_box_vouches_for_itself() {
    let [new, known, reader] = boxes();
    let mut itself = vouched(&known, &new, &reader);
    itself.vouch = Some(Vouch { name: new.name, ..itself.vouch.unwrap() });
    let refused = ContentError::Vouch;
    let to = reader.addressee(true);
    let content = Content::Letter(itself);
    let unsealed = seal(&content, &to, &new.author(), &seeds(1));
    assert_eq!(unsealed.unwrap_err(), LetterError::Content(refused));
    let bytes = content.encode(&crate::letter::Proof::blank(Mode::Deniable));
    assert_eq!(Content::parse(&bytes), Err(refused));
}
