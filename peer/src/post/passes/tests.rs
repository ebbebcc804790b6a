//! Requests and what comes of them, without a broker.

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::pass::PassSecret;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::*;
use crate::host;

const DAY: Day = Day(20_779);

fn secret() -> (PassSecret, PassKey) {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).unwrap();
    let secret = PassSecret::from_pkcs8(DAY, &pair.serialize_der()).unwrap();
    let key = secret.key(Fingerprint([7; 32])).unwrap();
    (secret, key)
}

fn signed(secret: &PassSecret, requests: &[PassRequest]) -> Vec<Vec<u8>> {
    let sign = |request: &PassRequest| secret.sign(request.blinded(), [1; 32]).unwrap();
    requests.iter().map(sign).collect()
}

#[test]
fn v264_what_is_not_signed_by_the_key_of_the_offer_is_no_pass() {
    let ((secret, key), (other, _)) = (secret(), secret());
    // A number below one modulus may be above the other, and is then signed by nobody's mistake.
    let is_below = |asked: &Vec<PassRequest>| other.sign(asked[0].blinded(), [1; 32]).is_ok();
    let drawn = || requests(&key, 3, &host::system()).unwrap();
    let requests = std::iter::repeat_with(drawn).take(256).find(is_below).unwrap();
    let good = signed(&secret, &requests);
    let passes = finish(&key, &requests, &good).unwrap();
    assert_eq!(passes.len(), 3);
    assert!(passes.iter().all(|pass| pass.verify(&key, Fingerprint([7; 32])).is_ok()));
    let serials: std::collections::BTreeSet<_> = passes.iter().map(Pass::id).collect();
    assert_eq!(serials.len(), 3, "each is another");
    let (mut swapped, mut short, mut empty) = (good.clone(), good.clone(), good.clone());
    swapped.swap(0, 2);
    let _ = short[1].pop();
    empty[2].clear();
    // Signed as any other number would be, by a key of one's own.
    let own = signed(&other, &requests[..1]).into_iter().chain(good[1..].iter().cloned());
    for wrong in [
        good[..2].to_vec(),
        [good.clone(), good[..1].to_vec()].concat(),
        Vec::new(),
        swapped,
        short,
        empty,
        own.collect(),
    ] {
        assert!(matches!(finish(&key, &requests, &wrong), Err(TakeError::False(_))));
    }
}

#[test]
fn v262_requests_fit_one_frame_and_are_of_one_day() {
    let (secret, key) = secret();
    let host = host::system();
    let most = requests(&key, u32::MAX, &host).unwrap();
    assert_eq!(u32::try_from(most.len()).unwrap(), MAX_PASSES);
    assert!(asking(u64::MAX, &most).unwrap().encode().is_ok());
    let more = [most.clone(), most[..1].to_vec()].concat();
    assert!(asking(1, &more).is_none() && asking(1, &[]).is_none());
    let tomorrow = PassKey::from_spki(key.broker(), DAY.plus(1), key.spki()).unwrap();
    let of_two_days = [most[..1].to_vec(), requests(&tomorrow, 1, &host).unwrap()].concat();
    assert!(asking(1, &of_two_days).is_none());
    let Some(FromPeer::TakePasses { n: 1, day: DAY, blinded }) = asking(1, &most[..2]) else {
        panic!("another frame")
    };
    assert_eq!(blinded, [most[0].blinded(), most[1].blinded()]);
    drop(secret);
}
