//! OpenSC judges the virtual card: programs of other people, made for the real one.
//!
//! OpenSC 0.23 knows v3 and v4. For v5 there is no such judge.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use pregao_test_pki::{CitizenData, Pki, Plan, Profile};
use pregao_tests::card::{Pin, inside};
use sha2::{Digest as _, Sha256};

macro_rules! judged {
    ($($test:ident)*) => { $(
        #[test]
        fn $test() -> anyhow::Result<()> {
            inside(concat!("opensc::inside::", stringify!($test)))
        }
    )* };
}

judged! {
    a_v3_card_is_known_and_listed_whole
    a_v4_card_is_known_and_listed_whole
    a_signature_of_a_v3_card_fits_its_certificate
    a_signature_of_a_v4_card_fits_its_certificate
    a_wrong_pin_leaves_two_tries
    a_blocked_pin_is_told_and_signs_nothing
    a_card_that_is_not_a_citizens_is_not_taken_for_one
    two_cards_in_two_readers_are_told_apart
}

/// What a program printed to both outputs, and whether it was content.
fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let Output { status, stdout, stderr } = output;
    let text = [stdout, stderr].concat();
    (status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// As [`run`], and it must be content.
fn done(program: &str, arguments: &[&str]) -> String {
    let (content, text) = run(program, arguments);
    assert!(content, "{program} {arguments:?}: {text}");
    text
}

/// Whether openssl finds the signature of the file under the certificate's key.
fn verifies(folder: &Path, certificate: &str, signature: &Path, message: &Path) -> bool {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(at("certificate"), certificate).unwrap();
    let key = done("openssl", &["x509", "-in", &at("certificate"), "-noout", "-pubkey"]);
    std::fs::write(at("key"), key).unwrap();
    let [signature, message] = [signature, message].map(|path| path.to_str().unwrap());
    run("openssl", &["dgst", "-sha256", "-verify", &at("key"), "-signature", signature, message]).0
}

mod inside {
    use super::*;
    use pregao_tests::card::{Chip, Readers, Slot, VirtualCard};

    fn chip(profile: Profile) -> Chip {
        let pki = Pki::new(Plan::quick(1_790_000_000));
        Chip::new(&pki.citizen(profile, &CitizenData::numbered(1))).unwrap()
    }

    fn inserted(profile: Profile) -> (Readers, VirtualCard) {
        let readers = Readers::open().unwrap();
        (readers, VirtualCard::insert(chip(profile), Slot::First).unwrap())
    }

    fn is_listed_whole(profile: Profile) {
        let (_readers, card) = inserted(profile);
        assert_eq!(done("opensc-tool", &["--reader", "0", "-n"]).trim(), "GemSAFE V1");
        let begun = Instant::now();
        let text = done("pkcs15-tool", &["--reader", "0", "--dump"]);
        eprintln!("{profile:?}: dump in {:?}", begun.elapsed());
        let count = |what: &str| text.lines().filter(|line| line.starts_with(what)).count();
        assert_eq!(count("PIN ["), 3, "{text}");
        assert_eq!(count("Private RSA Key ["), 2, "{text}");
        assert_eq!(count("X.509 Certificate ["), 5, "{text}");
        assert!(text.contains("CARTAO DE CIDADAO"), "{text}");
        assert_eq!(card.chip(|chip| Pin::ALL.map(|pin| chip.tries(pin))), [3; 3]);
    }

    fn signs(profile: Profile) {
        let (_readers, card) = inserted(profile);
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let certificate = done("pkcs15-tool", &["--read-certificate", "45"]);
        std::fs::write(at("message"), b"a message").unwrap();
        std::fs::write(at("digest"), Sha256::digest(b"a message")).unwrap();
        std::fs::write(at("other"), b"another message").unwrap();
        let pin = Pin::Authentication.preset();

        let (input, output) = (at("digest"), at("by-crypt"));
        let how = ["--sign", "--sha-256", "--pkcs1", "--raw", "--key", "45", "--pin", pin];
        done("pkcs15-crypt", &[&how[..], &["--input", &input, "--output", &output]].concat());

        let (input, output) = (at("message"), at("by-pkcs11"));
        let how = ["--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "45", "--pin", pin];
        let files = ["--login", "--input-file", &input, "--output-file", &output];
        done("pkcs11-tool", &[&how[..], &files].concat());

        for signature in ["by-crypt", "by-pkcs11"] {
            let signature = folder.path().join(signature);
            let fits = |message| {
                verifies(folder.path(), &certificate, &signature, &folder.path().join(message))
            };
            assert!(fits("message"), "{signature:?}");
            assert!(!fits("other"), "{signature:?}");
        }
        assert_eq!(card.chip(|chip| chip.tries(Pin::Authentication)), 3);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_v3_card_is_known_and_listed_whole() {
        is_listed_whole(Profile::V3);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_v4_card_is_known_and_listed_whole() {
        is_listed_whole(Profile::V4);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_signature_of_a_v3_card_fits_its_certificate() {
        signs(Profile::V3);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_signature_of_a_v4_card_fits_its_certificate() {
        signs(Profile::V4);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_wrong_pin_leaves_two_tries() {
        let (_readers, card) = inserted(Profile::V4);
        let (content, text) =
            run("pkcs15-tool", &["--verify-pin", "--auth-id", "1", "--pin", "4321"]);
        assert!(!content, "{text}");
        assert_eq!(card.chip(|chip| chip.tries(Pin::Authentication)), 2, "{text}");
        let text = done("pkcs15-tool", &["--list-pins"]);
        assert!(text.contains("Tries left     : 2"), "{text}");
        done("pkcs15-tool", &["--verify-pin", "--auth-id", "1", "--pin", "1234"]);
        assert_eq!(card.chip(|chip| chip.tries(Pin::Authentication)), 3);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_blocked_pin_is_told_and_signs_nothing() {
        let (_readers, card) = inserted(Profile::V4);
        card.chip(|chip| chip.set_tries(Pin::Authentication, 0));
        let (content, text) =
            run("pkcs15-tool", &["--verify-pin", "--auth-id", "1", "--pin", "1234"]);
        assert!(!content && text.contains("blocked"), "{text}");
        assert_eq!(card.chip(|chip| chip.tries(Pin::Authentication)), 0);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_card_that_is_not_a_citizens_is_not_taken_for_one() {
        let _readers = Readers::open().unwrap();
        let _card = VirtualCard::insert(Chip::unknown().unwrap(), Slot::First).unwrap();
        let (_, text) = run("opensc-tool", &["--reader", "0", "-n"]);
        assert!(!text.contains("GemSAFE"), "{text}");
        assert!(!run("pkcs15-tool", &["--reader", "0", "--dump"]).0);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn two_cards_in_two_readers_are_told_apart() {
        let (_readers, first) = inserted(Profile::V3);
        let second = VirtualCard::insert(chip(Profile::V4), Slot::Second).unwrap();
        let bits = |reader: &str| {
            let text = done("pkcs15-tool", &["--reader", reader, "--list-keys"]);
            text.lines().filter(|line| line.contains("ModLength")).map(str::to_owned).collect()
        };
        let (of_first, of_second): (Vec<String>, Vec<String>) = (bits("0"), bits("1"));
        assert!(of_first[0].contains("2048"), "{of_first:?}");
        assert!(of_second[0].contains("3072"), "{of_second:?}");
        assert!(!first.exchanges().is_empty() && !second.exchanges().is_empty());
        first.pull().unwrap();
        assert!(!run("opensc-tool", &["--reader", "0", "-n"]).0);
        assert!(run("opensc-tool", &["--reader", "1", "-n"]).0);
        first.put_back().unwrap();
        assert!(run("opensc-tool", &["--reader", "0", "-n"]).0);
    }
}
