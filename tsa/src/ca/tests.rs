use std::process::Command;

use pregao_protocol::trust::certificate::{verify_persona_certificate, verify_purpose_certificate};
use pregao_protocol::trust::jwks::{verify_jwks, witness_name};

use super::*;

fn now() -> Time {
    "2026-11-20T13:45:12.000000Z".parse().unwrap()
}

fn open(folder: &Path, seed: u8, simulated: bool) -> Result<Ca, CaError> {
    let key = SecretKey::from_seed(&[seed; 32]);
    Ca::open(folder, key, simulated, now(), crate::host::system().random)
}

fn ca(folder: &Path) -> Ca {
    open(folder, 1, false).unwrap()
}

fn persona() -> PublicKey<Persona> {
    SecretKey::from_seed(&[2; 32]).public()
}

#[test]
fn a_certificate_is_dated_by_the_day_and_ends_after_seven() {
    let folder = tempfile::tempdir().unwrap();
    let ca = ca(folder.path());
    let pem = ca.certify_persona(&persona(), None, now()).unwrap();
    let der = pem_to_der(&pem, "CERTIFICATE").unwrap();
    let midnight = "2026-11-20T00:00:00.000000Z".parse().unwrap();
    let read = verify_persona_certificate(&der, &ca.public(), midnight).unwrap();
    assert_eq!(read.key, persona());
    assert_eq!(read.not_after.to_string(), "2026-11-27T00:00:00.000000Z");
    let stamp = verify_purpose_certificate::<StampKey>(&der, &ca.public(), now());
    assert_eq!(stamp.unwrap_err(), CertificateError::Purpose { expected: "stamp" });
}

#[test]
fn v221_a_certificate_names_the_issuer_whose_token_bought_it() {
    let folder = tempfile::tempdir().unwrap();
    let ca = ca(folder.path());
    let of = |issuer| {
        let pem = ca.certify_persona(&persona(), issuer, now()).unwrap();
        let der = pem_to_der(&pem, "CERTIFICATE").unwrap();
        verify_persona_certificate(&der, &ca.public(), now()).unwrap().issuer
    };
    let issuer = Some(Digest([7; 32]));
    assert_eq!(of(issuer), issuer);
    assert_eq!(of(None), None);
}

#[test]
fn certificates_of_two_personas_differ_in_serial_key_and_signature_only() {
    let folder = tempfile::tempdir().unwrap();
    let ca = ca(folder.path());
    let other = SecretKey::from_seed(&[3; 32]).public();
    let one = pem_to_der(&ca.certify_persona(&persona(), None, now()).unwrap(), "CERTIFICATE");
    let two = pem_to_der(&ca.certify_persona(&other, None, now()).unwrap(), "CERTIFICATE");
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.len(), two.len());
    let differing = one.iter().zip(&two).filter(|(a, b)| a != b).count();
    assert!(differing <= 16 + 32 + 64, "{differing} bytes differ");
}

#[test]
fn the_key_set_leads_from_the_fingerprint_to_all_keys() {
    let folder = tempfile::tempdir().unwrap();
    let ca = ca(folder.path());
    let ticket = SecretKey::from_seed(&[4; 32]).public();
    let stamp = SecretKey::from_seed(&[5; 32]).public();
    let jwks = ca.jwks(&ticket, &stamp, None, None, now()).unwrap();
    let json = serde_json::to_vec(&jwks).unwrap();
    let keys = verify_jwks(&json, Some(ca.fingerprint()), now()).unwrap();
    assert_eq!((keys.ticket, keys.stamp, keys.simulated), (ticket, stamp, false));
    assert_eq!(keys.witness, None);
}

#[test]
fn v148_the_key_set_leads_to_the_witness() {
    let folder = tempfile::tempdir().unwrap();
    let ca = ca(folder.path());
    let (ticket, stamp) =
        (SecretKey::from_seed(&[4; 32]).public(), SecretKey::from_seed(&[5; 32]).public());
    let key = SecretKey::from_seed(&[6; 32]).public();
    let operator = "x".repeat(32).parse().unwrap();
    let witness = Witness { name: witness_name(&key), key, operator };
    let jwks = ca.jwks(&ticket, &stamp, Some(&witness), None, now()).unwrap();
    let json = serde_json::to_vec(&jwks).unwrap();
    let keys = verify_jwks(&json, Some(ca.fingerprint()), now()).unwrap();
    assert_eq!(keys.witness, Some(witness));
}

#[test]
fn a_foreign_or_simulated_certificate_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    ca(folder.path());
    let refused = open(folder.path(), 9, false).unwrap_err();
    assert!(matches!(refused, CaError::Mismatch));
    let refused = open(folder.path(), 1, true).unwrap_err();
    assert!(matches!(refused, CaError::Mismatch));
    fs::write(folder.path().join("ca.pem"), "garbage").unwrap();
    let refused = open(folder.path(), 1, false).unwrap_err();
    assert!(matches!(refused, CaError::Own(CertificateError::Malformed(_))));
}

#[test]
fn openssl_verifies_the_chain_and_computes_the_same_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    let ca = ca(folder.path());
    let path = folder.path().join("persona.pem");
    fs::write(&path, ca.certify_persona(&persona(), None, now()).unwrap()).unwrap();
    let at = now().as_secs().to_string();
    let verify = Command::new("openssl")
        .args(["verify", "-x509_strict", "-attime", &at, "-CAfile"])
        .arg(folder.path().join("ca.pem"))
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verify.stderr).into_owned();
    assert!(verify.status.success(), "{said}");
    let script = "openssl x509 -in persona.pem -pubkey -noout | \
                  openssl pkey -pubin -outform DER | sha256sum";
    let sum = Command::new("sh").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert_eq!(sum.split_whitespace().next(), Some(&*persona().fingerprint().to_string()));
}
