//! A citizen's own certificate: form, time, usage, key.

use crate::value::report::Advised as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use pregao_test_pki::rcgen::{
    CustomExtension, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384,
};
use pregao_test_pki::{Fault, instant, rsa_public_key};

use super::*;
use crate::trust::citizen::{CardKey, KeyKind, MAX_CERTIFICATE, RevocationStatus, verify_signed};

#[test]
fn cards_of_every_generation_are_accepted() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let card = pki().citizen(profile, &citizen_one());
        let citizen = verify(&card.authentication.certificate, &card.issuers).unwrap();
        assert_eq!(citizen.name, "Cidadã de Teste 601");
        assert_eq!(citizen.given_name, "Cidadã");
        assert_eq!(citizen.surname, "de Teste 601");
        assert_eq!(citizen.civil_number.expose(), "00000601");
        assert_eq!(citizen.issuer, card.authentication_authority);
        assert_eq!(citizen.revocation, RevocationStatus::Unchecked);
        assert!(citizen.test);
    }
}

#[test]
fn each_fault_has_its_code() {
    let expected = [
        (Fault::Expired, "citizen.expired"),
        (Fault::NotYetValid, "citizen.not-yet-valid"),
        (Fault::Usage, "citizen.usage"),
        (Fault::NoUsage, "citizen.usage"),
        (Fault::Authority, "citizen.usage"),
        (Fault::OtherAuthority, "citizen.authority"),
        (Fault::SignatureAuthority, "citizen.usage"),
        (Fault::ChainTooLong, "citizen.chain"),
        (Fault::UnknownCritical, "citizen.malformed"),
    ];
    for (fault, code) in expected {
        let card = pki().faulty(Profile::V5, &citizen_one(), fault);
        let refusal = verify(&card.authentication.certificate, &card.issuers).unwrap_err();
        assert_eq!(refusal.code(), code, "{fault:?}: {refusal}");
    }
}

#[test]
fn v100_a_certificate_is_at_most_8_kib() {
    let filled = |size: usize| {
        edited(|params| {
            let filler = CustomExtension::from_oid_content(&[2, 999, 1], vec![0; size]);
            params.custom_extensions.push(filler);
        })
    };
    // ECDSA signatures differ in length, so the size aimed at is met by trying.
    let of_size = |wanted: usize| {
        let mut filler = wanted - filled(4000).len() + 4000;
        loop {
            let certificate = filled(filler);
            if certificate.len() == wanted {
                return certificate;
            }
            filler = filler + wanted - certificate.len();
        }
    };
    assert_eq!(code(verify(&of_size(MAX_CERTIFICATE), &[])), "accepted");
    assert_eq!(code(verify(&of_size(MAX_CERTIFICATE + 1), &[])), "citizen.malformed");
}

#[test]
fn v100_what_is_no_certificate_or_has_something_after_it_is_refused() {
    let whole = &card().authentication.certificate;
    let mut longer = whole.clone();
    longer.push(0);
    for bytes in
        [&[][..], &[0x30], b"-----BEGIN CERTIFICATE-----", &whole[..whole.len() - 1], &longer]
    {
        assert_eq!(code(verify(bytes, &[])), "citizen.malformed");
    }
}

#[test]
fn v100_no_certificate_with_a_changed_byte_is_accepted() {
    let whole = &card().authentication.certificate;
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 0x01;
        assert!(verify(&changed, &[]).is_err(), "byte {position}");
    }
}

#[test]
fn v100_a_doubled_extension_is_refused() {
    let certificate = edited(|params| {
        for _ in 0..2 {
            params
                .custom_extensions
                .push(CustomExtension::from_oid_content(&[2, 999, 1], vec![5, 0]));
        }
    });
    assert_eq!(code(verify(&certificate, &[])), "citizen.malformed");
}

#[test]
fn v101_a_certificate_is_in_force_at_its_first_and_last_instant_and_not_outside() {
    let certificate = edited(|params| {
        params.not_before = instant(NOW - 10);
        params.not_after = instant(NOW + 10);
    });
    let (first, last) = (seconds(NOW - 10), seconds(NOW + 10));
    let judged = |at| code(verify_at(&certificate, &[], at));
    assert_eq!(judged(just_before(first)), "citizen.not-yet-valid");
    assert_eq!(judged(first), "accepted");
    assert_eq!(judged(last), "accepted");
    assert_eq!(judged(just_after(last)), "citizen.expired");
}

#[test]
fn v102_a_certificate_is_for_authentication_and_nothing_greater() {
    use KeyUsagePurpose as Usage;
    let with = |usages: Vec<Usage>| code(verify(&edited(|params| params.key_usages = usages), &[]));
    assert_eq!(with(vec![Usage::DigitalSignature]), "accepted");
    assert_eq!(with(vec![Usage::DigitalSignature, Usage::KeyAgreement]), "accepted");
    for refused in [
        vec![],
        vec![Usage::KeyAgreement],
        vec![Usage::ContentCommitment],
        vec![Usage::DigitalSignature, Usage::ContentCommitment],
        vec![Usage::DigitalSignature, Usage::KeyCertSign],
        vec![Usage::DigitalSignature, Usage::CrlSign],
    ] {
        assert_eq!(with(refused.clone()), "citizen.usage", "{refused:?}");
    }
}

#[test]
fn v102_the_signature_certificate_of_the_card_is_refused() {
    assert_eq!(code(verify(&card().signature.certificate, &[])), "citizen.usage");
}

#[test]
fn v102_extended_usages_are_not_asked_for_but_ocsp_and_time_are_refused() {
    use ExtendedKeyUsagePurpose as Extended;
    let with = |usages: Vec<Extended>| {
        code(verify(&edited(|params| params.extended_key_usages = usages), &[]))
    };
    assert_eq!(with(vec![Extended::ClientAuth, Extended::EmailProtection]), "accepted");
    assert_eq!(with(vec![Extended::Other(vec![2, 999, 9])]), "accepted");
    assert_eq!(with(vec![Extended::OcspSigning]), "citizen.usage");
    assert_eq!(with(vec![Extended::ClientAuth, Extended::TimeStamping]), "citizen.usage");
}

#[test]
fn v102_an_authority_is_no_citizen() {
    let authority = &pki().branch(Profile::V5).authentication;
    assert_eq!(code(verify(&authority.certificate, &[])), "citizen.usage");
}

/// A certificate for a public key in SubjectPublicKeyInfo.
fn certified(key: &[u8]) -> Vec<u8> {
    let params = pki().authentication_params(Profile::V5, &citizen_one());
    pki().branch(Profile::V5).authentication.certify_public(key, &params)
}

#[test]
fn v108_a_card_has_an_rsa_key_of_2048_to_4096_bits_or_one_on_p256() {
    for bits in [2048, 3072, 4096] {
        let citizen = verify(&certified(&rsa_public_key(bits)), &[]).unwrap();
        assert_eq!(citizen.key.kind(), KeyKind::Rsa { bits });
        assert_eq!(citizen.key.signature_size(), bits / 8);
    }
    for bits in [1024, 2047, 4097] {
        assert_eq!(code(verify(&certified(&rsa_public_key(bits)), &[])), "citizen.algorithm");
    }
    let params = pki().authentication_params(Profile::V5, &citizen_one());
    let other = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let other = pki().branch(Profile::V5).authentication.certify(&other, &params);
    assert_eq!(code(verify(&other.certificate, &[])), "citizen.algorithm");
    let key = CardKey::read(&card().authentication.certificate).unwrap();
    assert_eq!((key.kind(), key.signature_size()), (KeyKind::P256, 64));
}

#[test]
fn v108_an_rsa_card_signs_pkcs1_with_sha256() {
    let card = pki().citizen(Profile::V4, &citizen_one());
    let key = CardKey::read(&card.authentication.certificate).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&card.authentication.pkcs8).unwrap();
    let sign = |encoding: &'static dyn RsaEncoding| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), b"login", &mut signature).unwrap();
        signature
    };
    let signature = sign(&RSA_PKCS1_SHA256);
    assert_eq!(signature.len(), key.signature_size());
    assert_eq!(key.verify(b"login", &signature), Ok(()));
    assert_eq!(key.verify(b"logins", &signature), Err(CitizenError::Signature));
    for other in [sign(&RSA_PSS_SHA256), sign(&RSA_PKCS1_SHA512), signature[1..].to_vec(), vec![]] {
        assert_eq!(key.verify(b"login", &other), Err(CitizenError::Signature));
    }
}

#[test]
fn v108_a_card_on_p256_signs_64_bytes_and_not_der() {
    let key = CardKey::read(&card().authentication.certificate).unwrap();
    let sign = |algorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &card().authentication.pkcs8).unwrap();
        pair.sign(&SystemRandom::new(), b"login").unwrap().as_ref().to_vec()
    };
    let signature = sign(&ECDSA_P256_SHA256_FIXED_SIGNING);
    assert_eq!(signature.len(), key.signature_size());
    assert_eq!(key.verify(b"login", &signature), Ok(()));
    assert_eq!(key.verify(b"logins", &signature), Err(CitizenError::Signature));
    for other in [sign(&ECDSA_P256_SHA256_ASN1_SIGNING), signature[..63].to_vec(), vec![0; 64]] {
        assert_eq!(key.verify(b"login", &other), Err(CitizenError::Signature));
    }
}

#[test]
fn v105_every_kind_of_authority_signs_and_none_with_sha1() {
    let (rsa, curve) = (pki().branch(Profile::V4), pki().branch(Profile::V5));
    for authority in [&rsa.authentication, &curve.card, &curve.authentication] {
        let (message, algorithm) = (b"answer", authority.algorithm());
        let signature = authority.sign(message);
        let judge = |algorithm: &[u8], message: &[u8], signature: &[u8]| {
            verify_signed(&authority.certificate, algorithm, message, signature)
        };
        assert_eq!(judge(&algorithm, message, &signature), Ok(()));
        assert_eq!(judge(&algorithm, b"Answer", &signature), Err(CitizenError::Signature));
        assert_eq!(judge(&algorithm, message, &signature[1..]), Err(CitizenError::Signature));
        let mut longer = algorithm.clone();
        longer.push(0);
        assert_eq!(judge(&longer, message, &signature).unwrap_err().code(), "citizen.malformed");
        // The last arc of sha1WithRSAEncryption and of ecdsa-with-SHA1.
        let mut weak = algorithm;
        match weak.len() {
            15 => weak[12] = 5,
            _ => weak = vec![0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1],
        }
        assert_eq!(judge(&weak, message, &signature).unwrap_err().code(), "citizen.algorithm");
    }
}

#[test]
fn v105_a_certificate_signed_with_sha1_is_refused() {
    let card = pki().citizen(Profile::V3, &citizen_one());
    let mut weak = card.authentication.certificate.clone();
    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    let places: Vec<usize> =
        (0..weak.len() - 9).filter(|place| weak[*place..*place + 9] == sha256).collect();
    assert_eq!(places.len(), 2);
    for place in places {
        weak[place + 8] = 5;
    }
    assert_eq!(code(verify(&weak, &card.issuers)), "citizen.algorithm");
}
