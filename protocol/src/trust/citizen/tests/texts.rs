//! Names, numbers, files, and what is said of a refusal.

use crate::value::report::Advised;
use pregao_test_pki::rcgen::{DistinguishedName, DnType};

use super::*;
use crate::trust::citizen::{Holder, ListFault, Listed, PkiError, blocks};

const SURNAME: [u64; 4] = [2, 5, 4, 4];
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];

fn custom(oid: [u64; 4]) -> DnType {
    DnType::CustomDnType(oid.to_vec())
}

fn named(edit: impl FnOnce(&mut DistinguishedName)) -> Result<Holder, CitizenError> {
    Holder::read(&edited(|params| edit(&mut params.distinguished_name)))
}

fn numbered(text: &str) -> Result<String, CitizenError> {
    named(|name| name.push(custom(SERIAL_NUMBER), text))
        .map(|holder| holder.civil_number.expose().to_owned())
}

fn without(attribute: DnType) -> Result<Holder, CitizenError> {
    named(|name| {
        name.remove(attribute);
    })
}

#[test]
fn v107_of_a_civil_number_the_eight_digits_are_kept() {
    assert_eq!(numbered("BI000006017").unwrap(), "00000601");
    assert_eq!(numbered("BI12345678").unwrap(), "12345678");
    assert_eq!(numbered("BI1234567890").unwrap(), "12345678");
    // Other texts are of other kinds of holders, and mean what they say.
    for other in ["BI1234567", "BI12345678X", "PASPT-123456789", "BI", "123456789"] {
        assert_eq!(numbered(other).unwrap(), other);
    }
}

#[test]
fn v107_a_subject_without_name_or_number_is_refused() {
    assert!(without(custom(SERIAL_NUMBER)).is_err());
    assert!(without(DnType::CommonName).is_err());
    let holder = without(custom(SURNAME)).unwrap();
    assert_eq!(holder.surname, "");
}

#[test]
fn v107_a_subject_says_nothing_twice() {
    // The same attribute under the name that the library has for it and under its number.
    let doubled = named(|name| name.push(custom([2, 5, 4, 3]), "Another Name"));
    assert_eq!(doubled.unwrap_err().code(), "citizen.malformed");
    let leaf =
        edited(|params| params.distinguished_name.push(custom([2, 5, 4, 3]), "Another Name"));
    assert_eq!(code(verify(&leaf, &[])), "citizen.malformed");
}

#[test]
fn v107_a_name_has_a_longest_size() {
    let surname = |text: String| named(|name| name.push(custom(SURNAME), text));
    assert!(surname("á".repeat(128)).is_ok());
    assert!(surname("á".repeat(128) + "a").is_err());
    assert!(surname(String::new()).is_err());
    assert!(numbered(&"1".repeat(32)).is_ok());
    assert!(numbered(&"1".repeat(33)).is_err());
}

#[test]
fn v107_a_name_cannot_play_with_a_terminal() {
    let surname = |text: &str| named(|name| name.push(custom(SURNAME), text));
    assert!(surname("d'Ávila-Ção İ 李").is_ok());
    for refused in [
        "\u{1b}[2J",
        "a\nb",
        "a\tb",
        "\u{7f}",
        "\u{85}",
        "\u{202e}b",
        "\u{200b}",
        "\u{feff}",
        "\u{2066}",
    ] {
        assert!(surname(refused).is_err(), "{refused:?}");
    }
}

#[test]
fn v107_numbers_and_names_do_not_leak_into_texts() {
    let citizen = verify(&card().authentication.certificate, &[]).unwrap();
    let holder = Holder::read(&card().authentication.certificate).unwrap();
    assert_eq!(citizen.civil_number.to_string(), "*****601");
    assert_eq!(format!("{:?}", citizen.civil_number), "*****601");
    for text in [format!("{citizen:?}"), format!("{holder:?}")] {
        assert!(!text.contains("00000601") && !text.contains("Cidad"), "{text}");
    }
    let short = |text: &str| {
        named(|name| name.push(custom(SERIAL_NUMBER), text)).unwrap().civil_number.to_string()
    };
    assert_eq!(short("7"), "*");
    assert_eq!(short("1234567"), "*****67");
}

#[test]
fn every_refusal_has_its_own_code_an_advice_and_no_number() {
    let time = now();
    let (listed, fault) = (Listed::Citizen, ListFault::Critical);
    let refusals = [
        CitizenError::Malformed("x"),
        CitizenError::Expired { not_after: time },
        CitizenError::NotYetValid { not_before: time },
        CitizenError::Usage("x"),
        CitizenError::Authority("x"),
        CitizenError::Chain(crate::trust::citizen::ChainFault::TooLong),
        CitizenError::Algorithm("x"),
        CitizenError::TestCard,
        CitizenError::Revoked(listed),
        CitizenError::OnHold(listed),
        CitizenError::ListMissing(listed),
        CitizenError::ListExpired { listed, this_update: time, next_update: time },
        CitizenError::ListPartition(listed),
        CitizenError::ListMalformed { listed, fault },
        CitizenError::Signature,
    ];
    let codes: std::collections::BTreeSet<&str> = refusals.iter().map(Advised::code).collect();
    assert_eq!(codes.len(), refusals.len());
    for refusal in refusals {
        assert!(refusal.code().starts_with("citizen."));
        assert!(refusal.advice().len() > 20 && !refusal.advice().ends_with('.'));
    }
    assert!(CitizenError::OnHold(listed).advice().contains("activate"));
}

#[test]
fn a_file_is_der_or_pem_and_one_bad_block_spoils_no_other() {
    let root = pki().root();
    let of = |file: &[u8]| blocks(file, "CERTIFICATE").map(|found| (found.ders, found.faulty));
    let one = vec![root.certificate.clone()];
    assert_eq!(of(&root.certificate), Ok((one.clone(), 0)));
    assert_eq!(of(root.pem().as_bytes()), Ok((one.clone(), 0)));
    let two = vec![root.certificate.clone(); 2];
    assert_eq!(of(root.pem().repeat(2).as_bytes()), Ok((two.clone(), 0)));
    for bad in [
        &b"-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----\n"[..],
        b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
        b"-----BEGIN CERTIFICATE-----\n\xff\xfe\n-----END CERTIFICATE-----\n",
    ] {
        let between = [root.pem().as_bytes(), bad, root.pem().as_bytes()].concat();
        assert_eq!(of(&between), Ok((two.clone(), 1)), "{}", String::from_utf8_lossy(bad));
    }
    let cut = root.pem().to_owned() + "-----BEGIN CERTIFICATE-----\nMIIB";
    assert_eq!(of(cut.as_bytes()), Ok((one, 1)));
    assert_eq!(blocks(root.pem().as_bytes(), "X509 CRL"), Err(PkiError::File));
    for other in [&b""[..], b"\n", b"garbage", b"-----BEGIN CERTIFICATE-----\nMIIB"] {
        assert_eq!(blocks(other, "CERTIFICATE"), Err(PkiError::File), "{other:?}");
    }
}

#[test]
fn the_folder_of_the_test_pki_is_what_the_state_is_made_of() {
    let folder = std::env::temp_dir().join(format!("pregao-pki-{}", std::process::id()));
    pki().write_folder(&folder).unwrap();
    let read = |kind: &str, label: &str| {
        let mut ders = Vec::new();
        for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
            let file = std::fs::read(entry.unwrap().path()).unwrap();
            ders.extend(blocks(&file, label).unwrap().ders);
        }
        ders
    };
    let (anchors, intermediates) =
        (read("anchors", "CERTIFICATE"), read("intermediates", "CERTIFICATE"));
    let lists = read("lists", "X509 CRL");
    std::fs::remove_dir_all(&folder).unwrap();
    let state = StatePki::new(anchors, intermediates, lists, TestCards::Accepted).unwrap();
    let leaf = &card().authentication.certificate;
    assert_eq!(code(state.verify(leaf, &[], now(), Revocation::Required)), "accepted");
}
