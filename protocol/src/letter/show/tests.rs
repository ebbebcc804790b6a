use super::*;
use crate::letter::Class;
use crate::letter::content::Letter;
use crate::letter::envelope::{Sealed, seal};
use crate::letter::fixture::{self, Owner, letter, owner, seeds};
use crate::trust::key::KeyError;
use crate::trust::prekey::PrekeySecret;

fn sent(mode: Mode, with_once: bool) -> (Owner, Owner, Sealed) {
    let [one, two] = [owner(1), owner(2)];
    let sealed = fixture::sealed(&one, &two, mode, with_once);
    (one, two, sealed)
}

#[test]
fn v252_a_third_party_accepts_evidence_that_its_sender_shows() {
    for with_once in [true, false] {
        let (one, two, sealed) = sent(Mode::Evidence, with_once);
        let shown =
            BySender { place: two.place(with_once), content: &sealed.content, seeds: &seeds(1) };
        let verdict = shown.verify(&sealed.sent.deposit, &one.keys());
        let content = Content::Letter(letter(&one, Mode::Evidence));
        assert_eq!(verdict, Ok(Shown::Evidence(Box::new(content))));
    }
}

#[test]
fn v252_the_sender_makes_the_envelope_once_more_and_no_other() {
    for with_once in [true, false] {
        let (_, two, sealed) = sent(Mode::Evidence, with_once);
        let place = two.place(with_once);
        let good = BySender { place, content: &sealed.content, seeds: &seeds(1) };
        assert_eq!(good.envelope(), Ok(sealed.envelope.clone()));
        assert_ne!(BySender { seeds: &seeds(2), ..good }.envelope(), Ok(sealed.envelope.clone()));
        let cut = BySender { content: &sealed.content[1..], ..good }.envelope();
        assert_eq!(cut, Err(ShowError::Content(ContentError::NotCanonical)));
    }
}

#[test]
fn v252_what_was_not_sealed_like_this_is_not_shown() {
    let (one, two, sealed) = sent(Mode::Evidence, true);
    let (deposit, sender) = (sealed.sent.deposit, one.keys());
    let good = BySender { place: two.place(true), content: &sealed.content, seeds: &seeds(1) };
    let other_seeds = seeds(2);
    let stranger = PrekeySecret::from_random([9; 32]).public();
    let place = good.place;
    for other in [
        BySender { seeds: &other_seeds, ..good },
        BySender { place: Place { name: one.name, ..place }, ..good },
        BySender { place: Place { signed: &stranger, ..place }, ..good },
        BySender { place: Place { once: Some(&stranger), ..place }, ..good },
        BySender { place: Place { once: None, ..place }, ..good },
        BySender { place: Place { class: Class::Medium, ..place }, ..good },
    ] {
        assert_eq!(other.verify(&deposit, &sender), Err(ShowError::OtherEnvelope));
    }
    let mut of_another = deposit;
    of_another.0[0] ^= 1;
    assert_eq!(good.verify(&of_another, &sender), Err(ShowError::OtherEnvelope));
    let both = BySender { place: Place { once: Some(place.signed), ..place }, ..good };
    assert_eq!(both.verify(&deposit, &sender), Err(ShowError::Seal(LetterError::Keys)));
    let cut = BySender { content: &sealed.content[1..], ..good };
    let refused = cut.verify(&deposit, &sender);
    assert_eq!(refused, Err(ShowError::Content(ContentError::NotCanonical)));
}

#[test]
fn v252_another_text_is_not_shown_under_the_deposit_of_this_one() {
    let (one, two, sealed) = sent(Mode::Evidence, true);
    let text = String::from("It stopped.").try_into().unwrap();
    let content = Content::Letter(Letter { text, ..letter(&one, Mode::Evidence) });
    let other = seal(&content, &two.addressee(true), &one.author(), &seeds(1)).unwrap();
    let shown = BySender { place: two.place(true), content: &other.content, seeds: &seeds(1) };
    let refused = shown.verify(&sealed.sent.deposit, &one.keys());
    assert_eq!(refused, Err(ShowError::OtherEnvelope));
    assert!(shown.verify(&other.sent.deposit, &one.keys()).is_ok());
    let by_another = shown.verify(&other.sent.deposit, &owner(3).keys());
    assert_eq!(by_another, Err(ShowError::Proof(ProofError::Sender)));
}

/// Whoever deposits a letter in another's name has seeds and deposit, and no signature.
#[test]
fn v252_a_signature_that_does_not_hold_is_no_evidence() {
    let [one, two] = [owner(1), owner(2)];
    let content = Content::Letter(letter(&one, Mode::Evidence));
    let bytes = content.encode(&Proof::blank(Mode::Evidence));
    let begun = Begun::new(&two.place(true), &content.hash(), &seeds(1)).unwrap();
    let envelope = begun.finish(&bytes).unwrap();
    let deposit = Digest::of(&envelope);
    let refused = Err(ShowError::Proof(ProofError::Signature(KeyError::Signature)));
    let by_sender = BySender { place: two.place(true), content: &bytes, seeds: &seeds(1) };
    assert_eq!(by_sender.verify(&deposit, &one.keys()), refused);
    let by_reader = ByReader {
        name: two.name,
        signed: two.public.0.digest(),
        envelope: &envelope,
        content: &bytes,
    };
    assert_eq!(by_reader.verify(&deposit, &one.keys()), refused);
}

#[test]
fn v252_v253_a_deniable_letter_proves_nothing_to_others() {
    let (one, two, sealed) = sent(Mode::Deniable, true);
    let deposit = sealed.sent.deposit;
    let by_sender = BySender { place: two.place(true), content: &sealed.content, seeds: &seeds(1) };
    assert_eq!(by_sender.verify(&deposit, &one.keys()), Ok(Shown::ProvesNothingToOthers));
    let by_reader = ByReader {
        name: two.name,
        signed: two.public.0.digest(),
        envelope: &sealed.envelope,
        content: &sealed.content,
    };
    assert_eq!(by_reader.verify(&deposit, &one.keys()), Ok(Shown::ProvesNothingToOthers));
}

#[test]
fn v253_a_third_party_accepts_evidence_that_its_reader_shows_without_a_secret() {
    let (one, two, sealed) = sent(Mode::Evidence, true);
    let deposit = sealed.sent.deposit;
    let good = ByReader {
        name: two.name,
        signed: two.public.0.digest(),
        envelope: &sealed.envelope,
        content: &sealed.content,
    };
    let content = Content::Letter(letter(&one, Mode::Evidence));
    assert_eq!(good.verify(&deposit, &one.keys()), Ok(Shown::Evidence(Box::new(content))));
    let mut changed = sealed.envelope.clone();
    *changed.last_mut().unwrap() ^= 1;
    let other = ByReader { envelope: &changed, ..good };
    assert_eq!(other.verify(&deposit, &one.keys()), Err(ShowError::OtherEnvelope));
    let cut = ByReader { envelope: &sealed.envelope[..HEAD - 1], ..good };
    assert_eq!(cut.verify(&deposit, &one.keys()), Err(ShowError::OtherEnvelope));
    let signature = Err(ShowError::Proof(ProofError::Signature(KeyError::Signature)));
    let elsewhere = ByReader { name: owner(3).name, ..good };
    assert_eq!(elsewhere.verify(&deposit, &one.keys()), signature);
    // Nor under another key than that for which it was signed, be it the reader's.
    for key in [&two.public.1, &owner(3).public.0] {
        let again = ByReader { signed: key.digest(), ..good };
        assert_eq!(again.verify(&deposit, &one.keys()), signature);
    }
    // The signature is over this envelope's encapsulations: the letter is not shown as what is in another.
    let second = seal(
        &Content::Letter(letter(&one, Mode::Evidence)),
        &two.addressee(true),
        &one.author(),
        &seeds(2),
    )
    .unwrap();
    let other = ByReader { envelope: &second.envelope, ..good };
    assert_eq!(other.verify(&second.sent.deposit, &one.keys()), signature);
    let stranger = good.verify(&deposit, &owner(3).keys());
    assert_eq!(stranger, Err(ShowError::Proof(ProofError::Sender)));
}
