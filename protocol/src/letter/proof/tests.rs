use super::*;
use crate::letter::content::Letter;
use crate::letter::envelope::{Begun, LetterError, Opened, open, seal};
use crate::letter::fixture::{self, Owner, letter, owner, seeds};

fn opened(mode: Mode) -> (Owner, Owner, Opened) {
    let [one, two] = [owner(1), owner(2)];
    let sealed = fixture::sealed(&one, &two, mode, true);
    let opened = open(&two.reading(true), &sealed.envelope).unwrap();
    assert_eq!(opened.mode(), mode);
    (one, two, opened)
}

/// What was opened with its parts to change: content, proof and what they are bound to.
fn parts(mode: Mode) -> (Owner, Owner, Content, Proof, Bound) {
    let [one, two] = [owner(1), owner(2)];
    let content = Content::Letter(letter(&one, mode));
    let hash = content.hash();
    let begun = Begun::new(&two.place(true), &hash, &seeds(1)).unwrap();
    let bound = begun.bound(one.name, two.name, hash);
    let proof = bound.prove(&content, &one.author(), &two.agreement.public()).unwrap();
    drop(begun);
    (one, two, content, proof, bound)
}

#[test]
fn v247_a_letter_is_from_the_box_that_is_known_and_no_other() {
    for mode in [Mode::Evidence, Mode::Deniable] {
        let (one, two, opened) = opened(mode);
        let known = one.keys();
        assert_eq!(opened.verify(&known, &two.agreement), Ok(()));
        let stranger = owner(3).keys();
        for other in [
            stranger,
            BoxKeys { name: stranger.name, ..known },
            BoxKeys { key: stranger.key, ..known },
            BoxKeys { agreement: stranger.agreement, ..known },
        ] {
            assert_eq!(opened.verify(&other, &two.agreement), Err(ProofError::Sender));
        }
    }
}

#[test]
fn v247_nobody_seals_in_the_name_of_a_box_whose_secrets_they_lack() {
    let [one, two, three] = [owner(1), owner(2), owner(3)];
    for mode in [Mode::Evidence, Mode::Deniable] {
        let content = Content::Letter(letter(&one, mode));
        for by in [
            three.author(),
            Author { key: &three.key, ..one.author() },
            Author { agreement: &three.agreement, ..one.author() },
        ] {
            let refused = seal(&content, &two.addressee(true), &by, &seeds(1));
            assert_eq!(refused.unwrap_err(), LetterError::Proof(ProofError::Sender));
        }
    }
}

#[test]
fn v248_a_signature_is_over_label_boxes_signed_key_encapsulations_and_content() {
    let (one, two, content, proof, bound) = parts(Mode::Evidence);
    let expected = [
        b"pregao/message/v1".as_slice(),
        &one.name.0,
        &two.name.0,
        &two.public.0.digest().0,
        &*bound.encapsulations,
        &content.hash().0,
    ]
    .concat();
    let Proof::Evidence(signature) = proof else { panic!() };
    assert_eq!(one.key.public().verify(&expected, &signature), Ok(()));
    let key = one.key.public();
    let changed = |change: &dyn Fn(&mut Bound)| {
        let mut other = bound.clone();
        change(&mut other);
        assert!(other.verify_evidence(&signature, &key).is_err());
    };
    changed(&|bound| bound.sender.0[0] ^= 1);
    changed(&|bound| bound.reader.0[31] ^= 1);
    changed(&|bound| bound.signed.0[0] ^= 1);
    changed(&|bound| bound.encapsulations[0] ^= 1);
    changed(&|bound| bound.encapsulations[2 * ENCAPSULATED - 1] ^= 1);
    changed(&|bound| bound.hash.0[7] ^= 1);
    assert_eq!(bound.verify_evidence(&signature, &key), Ok(()));
}

#[test]
fn v249_a_mac_is_over_keys_encapsulations_and_content_under_what_the_boxes_share() {
    let (one, two, content, proof, bound) = parts(Mode::Deniable);
    let verify = |bound: &Bound| bound.verify(&content, &proof, &one.keys(), &two.agreement);
    assert_eq!(verify(&bound), Ok(()));
    let changed = |change: &dyn Fn(&mut Bound)| {
        let mut other = bound.clone();
        change(&mut other);
        assert_eq!(verify(&other), Err(ProofError::Mac));
    };
    changed(&|bound| bound.sender.0[0] ^= 1);
    changed(&|bound| bound.reader.0[0] ^= 1);
    changed(&|bound| bound.signed.0[0] ^= 1);
    changed(&|bound| bound.once.0[0] ^= 1);
    changed(&|bound| bound.encapsulations[0] ^= 1);
    changed(&|bound| bound.encapsulations[2 * ENCAPSULATED - 1] ^= 1);
    changed(&|bound| bound.hash.0[0] ^= 1);
    let other = bound.verify(&content, &proof, &one.keys(), &owner(3).agreement);
    assert_eq!(other, Err(ProofError::Mac));
    let context = [
        b"pregao/deniable/v1".as_slice(),
        &one.name.0,
        &two.name.0,
        &one.agreement.public().0,
        &two.agreement.public().0,
    ]
    .concat();
    assert_eq!(bound.context(&one.agreement.public(), &two.agreement.public()), context);
}

#[test]
fn v248_v249_a_changed_proof_proves_nothing() {
    for mode in [Mode::Evidence, Mode::Deniable] {
        let (one, two, content, proof, bound) = parts(mode);
        for at in 0..64 {
            let changed = match proof {
                Proof::Evidence(mut signature) => {
                    signature.0[at] ^= 1;
                    Proof::Evidence(signature)
                }
                Proof::Deniable(mut mac) => {
                    mac.0[at % 32] ^= 1;
                    Proof::Deniable(mac)
                }
            };
            let refused = bound.verify(&content, &changed, &one.keys(), &two.agreement);
            match mode {
                Mode::Evidence => assert!(matches!(refused, Err(ProofError::Signature(_)))),
                Mode::Deniable => assert_eq!(refused, Err(ProofError::Mac)),
            }
        }
        let blank = Proof::blank(mode);
        assert!(bound.verify(&content, &blank, &one.keys(), &two.agreement).is_err());
    }
}

#[test]
fn v248_v249_a_proof_of_one_mode_is_none_of_the_other() {
    let (one, two, evidence, signature, bound) = parts(Mode::Evidence);
    let (_, _, deniable, mac, bound_deniable) = parts(Mode::Deniable);
    let (sender, own) = (one.keys(), &two.agreement);
    assert_eq!(bound.verify(&evidence, &mac, &sender, own), Err(ProofError::Mode));
    let swapped = bound_deniable.verify(&deniable, &signature, &sender, own);
    assert_eq!(swapped, Err(ProofError::Mode));
    // The mode is in what is hashed, so a letter cannot be turned from one into the other.
    assert_ne!(evidence.hash(), deniable.hash());
    assert_eq!(Proof::read(Mode::Evidence, &mac.to_string()), None);
    assert_eq!(Proof::read(Mode::Deniable, &signature.to_string()), None);
}

/// This is what "deniable" means: with nothing but secrets of their own, the reader makes a letter from anybody that
/// opens and verifies as one by that box would.
#[test]
fn v249_the_reader_can_make_a_deniable_letter_from_anybody() {
    let [one, two] = [owner(1), owner(2)];
    let text = String::from("I owe you a thousand.").try_into().unwrap();
    let content = Content::Letter(Letter { text, ..letter(&one, Mode::Deniable) });
    let hash = content.hash();
    let begun = Begun::new(&two.place(true), &hash, &seeds(7)).unwrap();
    let bound = begun.bound(one.name, two.name, hash);
    let context = bound.context(&one.agreement.public(), &two.agreement.public());
    let proof = bound.mac(&two.agreement.agree(&one.agreement.public(), &context).unwrap());
    let envelope = begun.finish(&content.encode(&proof)).unwrap();
    let opened = open(&two.reading(true), &envelope).unwrap();
    assert_eq!(opened.verify(&one.keys(), &two.agreement), Ok(()));
    // Byte for byte what the other would have made.
    let genuine = seal(&content, &two.addressee(true), &one.author(), &seeds(7)).unwrap();
    assert_eq!(genuine.envelope, envelope);
    // Whoever has neither of the two secrets makes none.
    let three = owner(3);
    let begun = Begun::new(&two.place(true), &hash, &seeds(7)).unwrap();
    let guessed = bound.mac(&three.agreement.agree(&two.agreement.public(), &context).unwrap());
    let envelope = begun.finish(&content.encode(&guessed)).unwrap();
    let opened = open(&two.reading(true), &envelope).unwrap();
    assert_eq!(opened.verify(&one.keys(), &two.agreement), Err(ProofError::Mac));
}

#[test]
fn v249_with_a_key_of_small_order_nothing_is_agreed_on() {
    let [one, two] = [owner(1), owner(2)];
    let weak = AgreementPublic([0; 32]);
    let content = Content::Letter(letter(&one, Mode::Deniable));
    let to = fixture_addressee(&two, weak);
    let refused = seal(&content, &to, &one.author(), &seeds(1)).unwrap_err();
    assert_eq!(refused, LetterError::Proof(ProofError::Agreement(AgreementError)));
    let (_, _, _, proof, bound) = parts(Mode::Deniable);
    let mut forged = letter(&one, Mode::Deniable);
    forged.from.agreement = weak;
    let sender = forged.from.keys();
    let refused = bound.verify(&Content::Letter(forged), &proof, &sender, &two.agreement);
    assert_eq!(refused, Err(ProofError::Agreement(AgreementError)));
}

fn fixture_addressee(to: &Owner, agreement: AgreementPublic) -> crate::letter::Addressee<'_> {
    crate::letter::Addressee { agreement, ..to.addressee(true) }
}

/// A letter to one box does not become one to another by sealing what was signed once more.
#[test]
fn v248_v249_a_letter_is_not_passed_on_as_one_to_somebody_else() {
    let three = owner(3);
    for mode in [Mode::Evidence, Mode::Deniable] {
        let (one, _, opened) = opened(mode);
        let content = opened.content();
        let begun = Begun::new(&three.place(true), &content.hash(), &seeds(1)).unwrap();
        let envelope = begun.finish(&content.encode(opened.proof())).unwrap();
        let passed_on = open(&three.reading(true), &envelope).unwrap();
        assert!(passed_on.verify(&one.keys(), &three.agreement).is_err());
    }
}
