//! Passes.

use std::sync::OnceLock;

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::fixture::{Post, contains};
use super::*;
use crate::post::store::passes::{PassId, PassState};
use pregao_protocol::trust::pass::{Day, Pass, PassKey, PassRequest, PassSecret};
use pregao_protocol::value::codec::Digest;

const DAY: Day = Day(20_000);
const BROKER: Fingerprint = Fingerprint([3; 32]);

struct Signer {
    secret: PassSecret,
    key: PassKey,
}

fn signer() -> Signer {
    // Made once: it takes a while.
    static DER: OnceLock<Vec<u8>> = OnceLock::new();
    let der = DER.get_or_init(|| {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).unwrap();
        pair.serialize_der()
    });
    let secret = PassSecret::from_pkcs8(DAY, der).unwrap();
    let key = secret.key(BROKER).unwrap();
    Signer { secret, key }
}

fn ask(post: &mut Post, signer: &Signer, n: u8) -> (PassId, PassRequest) {
    let request = PassRequest::new(&signer.key, [n; 32], [n ^ 0x55; 32]).unwrap();
    let spki = signer.key.spki();
    let id = post.store.change(|change| change.ask_pass(BROKER, request.clone(), spki)).unwrap();
    (id, request)
}

fn answer(signer: &Signer, request: &PassRequest) -> Pass {
    let blind = signer.secret.sign(request.blinded(), [9; 32]).unwrap();
    request.finish(&signer.key, &blind).unwrap()
}

#[test]
fn a_pass_is_asked_for_held_and_spent_once() {
    let signer = signer();
    let mut post = Post::new();
    let (id, _) = ask(&mut post, &signer, 1);
    let mut post = post.reopen();
    // What was asked goes on after a restart.
    let kept = post.store.view().passes(&BROKER, DAY).unwrap();
    let PassState::Asked { request, key } = kept[0].as_ref().unwrap().record.state.clone() else {
        panic!()
    };
    assert_eq!(key, signer.key.spki());
    let pass = answer(&signer, &request);
    let noon = DAY.begins().plus(std::time::Duration::from_secs(43_200));
    let second = std::time::Duration::from_secs(1);
    let early = post.store.change(|change| change.spend_pass(id, Digest([1; 32]), noon));
    assert!(matches!(early, Err(MailError::Step(_))));
    post.store.change(|change| change.keep_pass(id, pass.clone(), noon)).unwrap();
    let again = post.store.change(|change| change.keep_pass(id, pass.clone(), noon));
    assert!(matches!(again, Err(MailError::Step(_))));
    let usable = |post: &Post, broker, now| {
        post.store.view().usable_pass(broker, now).unwrap().map(|kept| kept.id)
    };
    assert_eq!(usable(&post, &BROKER, noon.minus(second)), None);
    assert_eq!(usable(&post, &BROKER, noon), Some(id));
    assert_eq!(usable(&post, &Fingerprint([4; 32]), noon), None);
    assert_eq!(usable(&post, &BROKER, DAY.ends()), None);
    let early =
        post.store.change(|change| change.spend_pass(id, Digest([1; 32]), noon.minus(second)));
    assert!(matches!(early, Err(MailError::Step(_))));
    let spent = post.store.change(|change| change.spend_pass(id, Digest([1; 32]), noon)).unwrap();
    assert_eq!(spent, pass);
    let twice = post.store.change(|change| change.spend_pass(id, Digest([2; 32]), noon));
    assert!(matches!(twice, Err(MailError::Step(_))));
    assert_eq!(usable(&post, &BROKER, noon), None);
    let view = post.store.view();
    assert_eq!(view.pass_spent_on(&BROKER, DAY, &Digest([1; 32])).unwrap().unwrap().id, id);
    assert!(view.pass_spent_on(&BROKER, DAY, &Digest([2; 32])).unwrap().is_none());
}

#[test]
fn what_matches_a_pass_with_its_request_is_gone_once_it_is_held() {
    let signer = signer();
    let mut post = Post::new();
    let (id, request) = ask(&mut post, &signer, 1);
    let cell = "SELECT key FROM cell WHERE id = (SELECT cell FROM pass)";
    let key: Vec<u8> = post.store.connection.query_row(cell, [], |row| row.get(0)).unwrap();
    assert!(contains(&post.place.raw(), &key));
    let pass = answer(&signer, &request);
    post.store.change(|change| change.keep_pass(id, pass, DAY.begins())).unwrap();
    assert!(!contains(&post.place.raw(), &key));
}

#[test]
fn passes_of_past_days_are_forgotten_and_no_others() {
    let signer = signer();
    let mut post = Post::new();
    for n in 1..=3 {
        ask(&mut post, &signer, n);
    }
    let forget = |post: &mut Post, day| {
        post.store.change(|change| change.forget_passes_before(day)).unwrap()
    };
    assert_eq!(forget(&mut post, DAY), 0);
    assert_eq!(post.store.view().passes(&BROKER, DAY).unwrap().len(), 3);
    assert_eq!(forget(&mut post, DAY.plus(1)), 3);
    assert!(post.store.view().passes(&BROKER, DAY).unwrap().is_empty());
}
