//! The chip by itself. What a careless program gets wrong must be refused.

use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use pregao_test_pki::{CardMaterial, CitizenData, Pki, Plan};
use sha2::{Digest as _, Sha256};

use super::faults::{Outcome, Plan as Faults};
use super::*;

const AUTHENTICATION: [u8; 4] = [0x00, 0x20, 0x00, 0x81];

fn material(profile: pregao_test_pki::Profile) -> CardMaterial {
    static PKI: OnceLock<Pki> = OnceLock::new();
    let pki = PKI.get_or_init(|| Pki::new(Plan::quick(1_790_000_000)));
    pki.citizen(profile, &CitizenData::numbered(1))
}

fn chip(profile: Profile) -> Chip {
    static MADE: [OnceLock<CardMaterial>; 3] = [const { OnceLock::new() }; 3];
    use pregao_test_pki::Profile::{V3, V4, V5};
    let (made, profile) = match profile {
        Profile::V3 => (&MADE[0], V3),
        Profile::V4 => (&MADE[1], V4),
        Profile::V5 => (&MADE[2], V5),
        Profile::Unknown => return Chip::unknown().unwrap(),
    };
    Chip::new(made.get_or_init(|| material(profile))).unwrap()
}

/// A chip with its application selected.
fn opened(profile: Profile) -> Chip {
    let mut chip = chip(profile);
    let aid = if profile == Profile::V5 { EID } else { CITIZEN };
    assert_eq!(select(&mut chip, aid), 0x9000);
    chip
}

fn select(chip: &mut Chip, aid: [u8; 7]) -> u16 {
    send(chip, &[&[0x00, 0xA4, 0x04, 0x0C, 0x07], &aid[..]].concat())
}

/// The status alone.
fn send(chip: &mut Chip, apdu: &[u8]) -> u16 {
    chip.transmit(apdu).status.0
}

fn verify(chip: &mut Chip, reference: u8, digits: &str) -> u16 {
    let block = pin_block(digits).unwrap();
    send(chip, &[&[0x00, 0x20, 0x00, reference, 0x08], &block[..]].concat())
}

fn set_environment(chip: &mut Chip, algorithm: u8, key: u8) -> u16 {
    send(chip, &[0x00, 0x22, 0x41, 0xB6, 0x06, 0x80, 0x01, algorithm, 0x84, 0x01, key])
}

fn load(chip: &mut Chip, digest: &[u8]) -> u16 {
    let length = u8::try_from(digest.len()).unwrap();
    let head = [0x00, 0x2A, 0x90, 0xA0, length + 2, 0x90, length];
    send(chip, &[&head[..], digest].concat())
}

const SIGN: [u8; 5] = [0x00, 0x2A, 0x9E, 0x9A, 0x00];

/// All that comes before the signature.
fn prepared(profile: Profile) -> Chip {
    let mut chip = opened(profile);
    let (algorithm, key) = if profile == Profile::V5 { (0x44, 0x06) } else { (0x42, 0x02) };
    assert_eq!(verify(&mut chip, 0x81, "1234"), 0x9000);
    assert_eq!(set_environment(&mut chip, algorithm, key), 0x9000);
    assert_eq!(load(&mut chip, &Sha256::digest(b"a message")), 0x9000);
    chip
}

/// Selects a file by its path, and gives its control information.
fn control(chip: &mut Chip, path: &[u8]) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    let mut command = [&[0x00, 0xA4, 0x08, 0x00, length], path].concat();
    match chip.profile().transmission() {
        Transmission::T0 => {
            let Status(status) = chip.transmit(&command).status;
            let [0x61, waiting] = status.to_be_bytes() else { panic!("{status:04X}") };
            chip.transmit(&[0x00, 0xC0, 0x00, 0x00, waiting]).data
        }
        Transmission::T1 => {
            command.push(0x00);
            chip.transmit(&command).data
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    ::hex::encode_upper(bytes)
}

// ------------------------------------------------------------------------ selecting, reading

#[test]
fn without_an_application_nothing_is_selected_or_read() {
    for profile in [Profile::V3, Profile::V4, Profile::V5, Profile::Unknown] {
        let mut chip = chip(profile);
        let by_path = [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x5F, 0x00, 0xEF, 0x09];
        assert_eq!(send(&mut chip, &by_path), 0x6A86);
        assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x00, 0x00, 0x00]), 0x6D00);
        assert_eq!(verify(&mut chip, 0x81, "1234"), 0x6D00);
        assert_eq!(chip.tries(Pin::Authentication), 3);
    }
}

#[test]
fn each_generation_has_its_own_applications() {
    let statuses = |profile| [CITIZEN, EID, NATIONAL].map(|aid| select(&mut chip(profile), aid));
    assert_eq!(statuses(Profile::V3), [0x9000, 0x6A82, 0x6A82]);
    assert_eq!(statuses(Profile::V4), [0x9000, 0x6A82, 0x6A82]);
    assert_eq!(statuses(Profile::V5), [0x6A82, 0x9000, 0x9000]);
    assert_eq!(statuses(Profile::Unknown), [0x6A82; 3]);
}

#[test]
fn an_application_that_is_not_there_leaves_the_selected_one() {
    let mut chip = opened(Profile::V4);
    assert_eq!(verify(&mut chip, 0x81, "1234"), 0x9000);
    assert_eq!(select(&mut chip, EID), 0x6A82);
    assert_eq!(send(&mut chip, &AUTHENTICATION), 0x9000);
}

#[test]
fn control_information_has_the_size_where_the_generation_puts_it() {
    let identity = [0x5F, 0x00, 0xEF, 0x02];
    for profile in [Profile::V3, Profile::V4] {
        let information = control(&mut opened(profile), &identity);
        assert_eq!(hex(&information), "6F1581023C8C8201018302EF028A01058C051BFFFFFF00");
    }
    let address = control(&mut opened(Profile::V3), &[0x5F, 0x00, 0xEF, 0x05]);
    assert_eq!(hex(&address), "6F1581020A8C8201018302EF058A01058C051BFFFFFF13");
    let mut v5 = opened(Profile::V5);
    select(&mut v5, NATIONAL);
    let security = control(&mut v5, &[0x01, 0x0E]);
    assert_eq!(hex(&security), "6F11800300021D8201018302010E86034001FF");
}

#[test]
fn control_information_of_a_folder_has_its_name_and_no_size() {
    let folder = control(&mut opened(Profile::V4), &[0x4F, 0x00]);
    assert_eq!(hex(&folder), format!("6F1483024F008C030600008409{}", hex(b"DF issuer")));
    let command = [&[0x00, 0xA4, 0x04, 0x00, 0x07], &CITIZEN[..], &[0x00]].concat();
    let application = chip(Profile::V4).transmit(&command).data;
    assert_eq!(hex(&application), "6F1283023F008C030600008407604632FF000002");
}

#[test]
fn a_path_does_not_begin_with_the_master_file() {
    for profile in [Profile::V3, Profile::V4] {
        let mut chip = opened(profile);
        let path = [0x00, 0xA4, 0x08, 0x0C, 0x06, 0x3F, 0x00, 0x5F, 0x00, 0xEF, 0x09];
        assert_eq!(send(&mut chip, &path), 0x6A82);
        let short = [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x3F, 0x00, 0x2F, 0x00];
        assert_eq!(send(&mut chip, &short), 0x6A82);
    }
}

#[test]
fn a_file_is_reached_by_steps_too() {
    let step = |p1, id: [u8; 2]| [0x00, 0xA4, p1, 0x0C, 0x02, id[0], id[1]];
    for second in [0x00, 0x02] {
        let mut chip = opened(Profile::V3);
        assert_eq!(send(&mut chip, &step(0x02, [0xEF, 0x09])), 0x6A82);
        assert_eq!(send(&mut chip, &step(0x00, [0x5F, 0x00])), 0x9000);
        assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x00, 0x00, 0x04]), 0x6986);
        assert_eq!(send(&mut chip, &step(second, [0xEF, 0x09])), 0x9000);
        assert_eq!(chip.transmit(&[0x00, 0xB0, 0x00, 0x00, 0x02]).data, [0x30, 0x82]);
        // And the next from there, as programs do that begin again with the folder.
        assert_eq!(send(&mut chip, &step(0x00, [0x5F, 0x00])), 0x9000);
        assert_eq!(send(&mut chip, &step(second, [0xEF, 0x10])), 0x9000);
    }
}

#[test]
fn a_file_that_is_not_found_leaves_the_selected_one() {
    let mut chip = opened(Profile::V4);
    control(&mut chip, &[0x5F, 0x00, 0xEF, 0x02]);
    let missing = [0x00, 0xA4, 0x08, 0x0C, 0x04, 0x5F, 0x00, 0xEF, 0x99];
    assert_eq!(send(&mut chip, &missing), 0x6A82);
    assert_eq!(chip.transmit(&[0x00, 0xB0, 0x01, 0x4A, 0x0B]).data, b"de Teste 1\0");
}

#[test]
fn a_short_identifier_reads_in_the_selected_folder_only() {
    let mut chip = opened(Profile::V4);
    assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x86, 0x00, 0x02]), 0x6A82);
    control(&mut chip, &[0x5F, 0x00]);
    assert_eq!(chip.transmit(&[0x00, 0xB0, 0x86, 0x00, 0x02]).data, [0x77, 0x82]);
    assert_eq!(chip.transmit(&[0x00, 0xB0, 0x86, 0x01, 0x01]).data, [0x82]);
}

#[test]
fn the_end_of_a_file_is_an_offset_too_far() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let mut chip = opened(profile);
        control(&mut chip, &[0x00, 0x03]);
        assert_eq!(chip.transmit(&[0x00, 0xB0, 0x00, 0x05, 0x01]).data, [0x01]);
        assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x00, 15, 0x01]), 0x9000);
        assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x00, 16, 0x01]), 0x6B00);
        assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x7F, 0xFF, 0x01]), 0x6B00);
    }
}

#[test]
fn reading_past_the_end_is_answered_as_arranged() {
    let mut chip = opened(Profile::V4);
    control(&mut chip, &[0x00, 0x03]);
    let mut read = |past_end| {
        chip.set_past_end(past_end);
        let Answer { data, status } = chip.transmit(&[0x00, 0xB0, 0x00, 0x05, 0x00]);
        (data.len(), status.0)
    };
    assert_eq!(read(PastEnd::WrongLength), (0, 0x6C0B));
    assert_eq!(read(PastEnd::Short), (11, 0x9000));
    assert_eq!(read(PastEnd::Warning), (11, 0x6282));
}

#[test]
fn the_address_is_not_read_without_its_pin() {
    let mut chip = opened(Profile::V3);
    control(&mut chip, &[0x5F, 0x00, 0xEF, 0x05]);
    verify(&mut chip, 0x81, "1234");
    assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x00, 0x00, 0x00]), 0x6982);
    verify(&mut chip, 0x83, "9012");
    assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x00, 0x00, 0x00]), 0x9000);
}

#[test]
fn the_identity_of_v5_is_under_private_tags() {
    let mut chip = opened(Profile::V5);
    assert_eq!(send(&mut chip, &[0x00, 0xA4, 0x08, 0x0C, 0x02, 0x01, 0x0D]), 0x6A82);
    select(&mut chip, NATIONAL);
    control(&mut chip, &[0x01, 0x0D]);
    let identity = chip.transmit(&[0x00, 0xB0, 0x00, 0x00, 0x00]).data;
    assert_eq!(identity[0], 0x6D);
    let civil_number = [&[0xD0, 8], &b"00000001"[..]].concat();
    assert!(identity.windows(10).any(|window| window == civil_number));
}

// --------------------------------------------------------------------------- transmission

#[test]
fn t0_punishes_a_command_with_data_that_asks_for_some() {
    let with_both = [&[0x00, 0xA4, 0x04, 0x00, 0x07], &CITIZEN[..], &[0x00]].concat();
    assert_eq!(send(&mut chip(Profile::V3), &with_both), 0x6700);
    assert_eq!(send(&mut chip(Profile::V4), &with_both), 0x9000);
}

#[test]
fn lengths_that_do_not_add_up_are_refused() {
    let extended = [0x00, 0xA4, 0x04, 0x0C, 0x00, 0x00, 0x07];
    let short = [&[0x00, 0xA4, 0x04, 0x0C, 0x08], &CITIZEN[..]].concat();
    let long = [&[0x00, 0xA4, 0x04, 0x0C, 0x05], &CITIZEN[..]].concat();
    for profile in [Profile::V3, Profile::V4] {
        let mut chip = chip(profile);
        for wrong in [&[][..], &[0x00, 0xA4, 0x04], &extended, &short, &long] {
            assert_eq!(send(&mut chip, wrong), 0x6700, "{wrong:02X?}");
        }
    }
}

#[test]
fn t0_names_the_right_length_and_waits_for_it() {
    let mut chip = opened(Profile::V3);
    assert_eq!(send(&mut chip, &[0x00, 0xCA, 0xDF, 0x30, 0x00]), 0x6C0A);
    let version = chip.transmit(&[0x00, 0xCA, 0xDF, 0x30, 0x0A]);
    assert_eq!(version.data, b"\xDF\x30\x073.01.00");
    let path = [0x00, 0xA4, 0x08, 0x00, 0x04, 0x5F, 0x00, 0xEF, 0x02];
    assert_eq!(send(&mut chip, &path), 0x6117);
    assert_eq!(send(&mut chip, &[0x00, 0xC0, 0x00, 0x00, 0x00]), 0x6C17);
    assert_eq!(chip.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x10]).status.0, 0x6107);
    assert_eq!(chip.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x07]).data.len(), 7);
    assert_eq!(send(&mut chip, &[0x00, 0xC0, 0x00, 0x00, 0x07]), 0x6985);
}

#[test]
fn what_waits_is_gone_after_any_other_command() {
    for profile in [Profile::V3, Profile::V4] {
        let mut chip = opened(profile);
        let path = [0x00, 0xA4, 0x08, 0x00, 0x04, 0x5F, 0x00, 0xEF, 0x02];
        for between in [&AUTHENTICATION[..], &[0x00, 0xB0]] {
            assert_eq!(send(&mut chip, &path), 0x6117);
            send(&mut chip, between);
            assert_eq!(send(&mut chip, &[0x00, 0xC0, 0x00, 0x00, 0x17]), 0x6985);
        }
    }
}

#[test]
fn other_classes_and_instructions_are_unknown() {
    let mut chip = opened(Profile::V4);
    assert_eq!(send(&mut chip, &[0x00, 0xD6, 0x00, 0x00, 0x01, 0x00]), 0x6D00);
    assert_eq!(send(&mut chip, &[0xFF, 0xCA, 0x00, 0x00, 0x00]), 0x6E00);
    // OpenSC's questions after other cards.
    assert_eq!(send(&mut chip, &[0x80, 0xCA, 0xDF, 0x03, 0x08]), 0x6A88);
    assert_eq!(send(&mut chip, &[0x00, 0xB0, 0x9C, 0x00, 0xDF]), 0x6A82);
    assert_eq!(send(&mut chip, &[0x00, 0x84, 0x00, 0x00, 0x08]), 0x6D00);
    assert_eq!(chip.transmit(&[0x80, 0x84, 0x00, 0x00, 0x08]).data.len(), 8);
}

#[test]
fn the_serial_number_is_in_the_life_cycle_data() {
    let mut chip = opened(Profile::V5);
    let data = chip.transmit(&[0x00, 0xCA, 0x9F, 0x7F, 0x2D]).data;
    assert_eq!((data.len(), &data[13..21]), (45, &[0, 0, 0x54, 0x45, 0x53, 0x54, 0x45, 0][..]));
}

// ------------------------------------------------------------------------------------ PINs

#[test]
fn three_wrong_pins_block_and_the_right_one_comes_too_late() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let mut chip = opened(profile);
        assert_eq!(send(&mut chip, &AUTHENTICATION), 0x63C3);
        assert_eq!(verify(&mut chip, 0x81, "4321"), 0x63C2);
        assert_eq!(verify(&mut chip, 0x81, "12345"), 0x63C1);
        assert_eq!(verify(&mut chip, 0x81, "4321"), 0x63C0);
        assert_eq!(verify(&mut chip, 0x81, "1234"), 0x6983);
        assert_eq!(send(&mut chip, &AUTHENTICATION), 0x6983);
        assert_eq!((chip.tries(Pin::Authentication), chip.tries(Pin::Signature)), (0, 3));
    }
}

#[test]
fn the_right_pin_gives_back_the_tries() {
    let mut chip = opened(Profile::V4);
    verify(&mut chip, 0x81, "4321");
    verify(&mut chip, 0x81, "4321");
    assert_eq!(verify(&mut chip, 0x81, "1234"), 0x9000);
    assert_eq!(send(&mut chip, &AUTHENTICATION), 0x9000);
    assert_eq!(chip.tries(Pin::Authentication), 3);
}

#[test]
fn a_wrong_pin_takes_back_what_the_right_one_gave() {
    let mut chip = prepared(Profile::V4);
    assert_eq!(verify(&mut chip, 0x81, "4321"), 0x63C2);
    assert_eq!(send(&mut chip, &SIGN), 0x6982);
}

#[test]
fn a_pin_that_is_not_eight_bytes_costs_no_try() {
    let mut chip = opened(Profile::V4);
    let unpadded = [0x00, 0x20, 0x00, 0x81, 0x04, 0x31, 0x32, 0x33, 0x34];
    assert_eq!(send(&mut chip, &unpadded), 0x6700);
    assert_eq!(chip.tries(Pin::Authentication), 3);
}

#[test]
fn a_pin_has_four_to_eight_digits() {
    for wrong in ["123", "123456789", "12a4", "１２３４", ""] {
        assert!(pin_block(wrong).is_err(), "{wrong}");
    }
    assert_eq!(pin_block("1234").unwrap(), *b"1234\xFF\xFF\xFF\xFF");
    assert_eq!(pin_block("12345678").unwrap(), *b"12345678");
}

#[test]
fn tries_outlive_a_reset_and_a_verified_pin_does_not() {
    let mut chip = opened(Profile::V4);
    verify(&mut chip, 0x81, "4321");
    chip.reset();
    select(&mut chip, CITIZEN);
    assert_eq!(send(&mut chip, &AUTHENTICATION), 0x63C2);
    verify(&mut chip, 0x81, "1234");
    chip.reset();
    select(&mut chip, CITIZEN);
    assert_eq!(send(&mut chip, &AUTHENTICATION), 0x63C3);
}

#[test]
fn who_touches_the_other_pins_is_found_out() {
    let mut chip = opened(Profile::V5);
    send(&mut chip, &AUTHENTICATION);
    assert_eq!([Pin::Signature, Pin::Address].map(|pin| chip.touched(pin)), [0, 0]);
    assert_eq!(send(&mut chip, &[0x00, 0x20, 0x00, 0x82]), 0x63C3);
    assert_eq!(verify(&mut chip, 0x83, "0000"), 0x63C2);
    assert_eq!(send(&mut chip, &[0x00, 0x20, 0x00, 0x84]), 0x6A88);
    assert_eq!(Pin::ALL.map(|pin| chip.touched(pin)), [1, 1, 1]);
    assert_eq!(Pin::ALL.map(|pin| chip.tries(pin)), [3, 3, 2]);
}

#[test]
fn only_v5_can_be_told_to_forget_the_pin() {
    let logout = [0x00, 0x20, 0xFF, 0x81, 0x00];
    let mut v5 = prepared(Profile::V5);
    assert_eq!(send(&mut v5, &logout), 0x9000);
    assert_eq!(send(&mut v5, &SIGN), 0x6982);
    for profile in [Profile::V3, Profile::V4] {
        let mut chip = prepared(profile);
        assert_eq!(send(&mut chip, &logout), 0x6A86);
        assert_eq!(send(&mut chip, &AUTHENTICATION), 0x9000);
    }
}

// ------------------------------------------------------------------------------ signatures

/// Signs, and checks the signature under the certificate's key.
fn signs(profile: Profile, algorithm: &'static dyn VerificationAlgorithm) {
    let mut chip = prepared(profile);
    let mut answer = chip.transmit(&SIGN);
    let mut signature = answer.data.clone();
    while answer.status.0 & 0xFF00 == 0x6100 {
        let waiting = answer.status.0.to_be_bytes()[1];
        answer = chip.transmit(&[0x00, 0xC0, 0x00, 0x00, waiting]);
        signature.extend_from_slice(&answer.data);
    }
    assert_eq!(answer.status, Status::DONE);
    let key = UnparsedPublicKey::new(algorithm, chip.public_key().unwrap());
    key.verify(b"a message", &signature).unwrap();
    key.verify(b"another message", &signature).unwrap_err();
}

#[test]
fn signatures_fit_the_key_of_each_generation() {
    signs(Profile::V3, &RSA_PKCS1_2048_8192_SHA256);
    signs(Profile::V4, &RSA_PKCS1_2048_8192_SHA256);
    signs(Profile::V5, &ECDSA_P256_SHA256_FIXED);
}

#[test]
fn a_signature_longer_than_an_answer_comes_in_two() {
    let mut chip = prepared(Profile::V4);
    let first = chip.transmit(&SIGN);
    assert_eq!((first.data.len(), first.status.0), (256, 0x6180));
    let second = chip.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x80]);
    assert_eq!((second.data.len(), second.status.0), (128, 0x9000));
    let mut chip = prepared(Profile::V3);
    let half = chip.transmit(&[0x00, 0x2A, 0x9E, 0x9A, 0x80]);
    assert_eq!((half.data.len(), half.status.0), (128, 0x6180));
    let whole = prepared(Profile::V5).transmit(&SIGN);
    assert_eq!((whole.data.len(), whole.status.0), (64, 0x9000));
}

#[test]
fn nothing_is_signed_without_the_pin() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let mut chip = opened(profile);
        let (algorithm, key) = if profile == Profile::V5 { (0x44, 0x06) } else { (0x42, 0x02) };
        assert_eq!(set_environment(&mut chip, algorithm, key), 0x9000);
        assert_eq!(load(&mut chip, &[7; 32]), 0x9000);
        assert_eq!(send(&mut chip, &SIGN), 0x6982);
        // The PIN of the other key does not help.
        assert_eq!(verify(&mut chip, 0x82, "5678"), 0x9000);
        assert_eq!(send(&mut chip, &SIGN), 0x6982);
    }
}

#[test]
fn a_pin_serves_one_signature() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let mut chip = prepared(profile);
        chip.transmit(&SIGN);
        assert_eq!(send(&mut chip, &AUTHENTICATION), 0x63C3);
        assert_eq!(send(&mut chip, &SIGN), 0x6985);
    }
}

#[test]
fn selecting_the_application_again_forgets_the_pin() {
    for (profile, aid) in [(Profile::V3, CITIZEN), (Profile::V4, CITIZEN), (Profile::V5, EID)] {
        let mut chip = prepared(profile);
        assert_eq!(select(&mut chip, aid), 0x9000);
        assert_eq!(send(&mut chip, &AUTHENTICATION), 0x63C3);
        assert_eq!(send(&mut chip, &SIGN), 0x6985);
    }
}

#[test]
fn selecting_a_file_does_not_forget_the_pin() {
    let mut chip = prepared(Profile::V4);
    control(&mut chip, &[0x5F, 0x00, 0xEF, 0x09]);
    assert_eq!(chip.transmit(&SIGN).data.len(), 256);
}

#[test]
fn a_hash_that_the_generation_lacks_is_refused_when_it_is_loaded() {
    for (profile, algorithm, length, status) in [
        (Profile::V3, 0x42, 32, 0x9000),
        (Profile::V3, 0x52, 48, 0x6985),
        (Profile::V3, 0x62, 64, 0x6985),
        (Profile::V4, 0x52, 48, 0x9000),
        (Profile::V4, 0x62, 64, 0x9000),
        (Profile::V4, 0x45, 32, 0x9000),
        (Profile::V4, 0x32, 28, 0x6985),
        (Profile::V5, 0x44, 32, 0x9000),
        (Profile::V5, 0x14, 20, 0x6985),
    ] {
        let mut chip = opened(profile);
        let key = profile.key_reference(Purpose::Authentication);
        assert_eq!(set_environment(&mut chip, algorithm, key), 0x9000, "{algorithm:02X}");
        assert_eq!(load(&mut chip, &vec![7; length]), status, "{profile:?} {algorithm:02X}");
    }
}

#[test]
fn a_digest_of_another_length_is_refused() {
    for length in [0, 20, 31, 33] {
        let mut chip = prepared(Profile::V4);
        assert_eq!(load(&mut chip, &vec![7; length]), 0x6A80, "{length}");
        // And the one before it is gone.
        assert_eq!(send(&mut chip, &SIGN), 0x6985);
    }
}

#[test]
fn an_environment_of_another_generation_is_refused() {
    for (profile, algorithm, key, status) in [
        (Profile::V3, 0x42, 0x06, 0x6A88),
        (Profile::V3, 0x44, 0x02, 0x6A80),
        (Profile::V3, 0x45, 0x02, 0x6A80),
        (Profile::V4, 0x02, 0x02, 0x6A80),
        (Profile::V5, 0x44, 0x02, 0x6A88),
        (Profile::V5, 0x42, 0x06, 0x6A80),
    ] {
        let mut chip = opened(profile);
        assert_eq!(set_environment(&mut chip, algorithm, key), status, "{profile:?}");
        assert_eq!(load(&mut chip, &[7; 32]), 0x6985);
    }
}

#[test]
fn the_national_application_has_no_keys() {
    let mut chip = prepared(Profile::V5);
    select(&mut chip, NATIONAL);
    assert_eq!(verify(&mut chip, 0x81, "1234"), 0x6A88);
    assert_eq!(set_environment(&mut chip, 0x44, 0x06), 0x6A88);
    assert_eq!(send(&mut chip, &SIGN), 0x6A88);
    assert_eq!(chip.touched(Pin::Authentication), 1);
}

// ---------------------------------------------------------------------------------- faults

/// What reaches the reader.
fn through(plan: &mut Faults, chip: &mut Chip, apdu: &[u8]) -> Option<Answer> {
    match plan.transmit(chip, apdu) {
        Outcome::Answered(answer) => Some(answer),
        Outcome::Pulled(_) => None,
    }
}

#[test]
fn a_fault_comes_at_its_step_and_once() {
    let (mut plan, mut chip) = (Faults::default(), opened(Profile::V4));
    plan.add(Step::AskTries, 1, Fault::Refused(Status(0x6F00)));
    let mut ask = || through(&mut plan, &mut chip, &AUTHENTICATION).unwrap().status.0;
    assert_eq!([ask(), ask(), ask()], [0x63C3, 0x6F00, 0x63C3]);
}

#[test]
fn a_card_pulled_before_the_pin_loses_no_try_and_one_pulled_after_it_does() {
    let wrong = [&[0x00, 0x20, 0x00, 0x81, 0x08], &b"4321\xFF\xFF\xFF\xFF"[..]].concat();
    for (fault, left) in [(Fault::PulledBefore, 3), (Fault::PulledUnanswered, 2)] {
        let (mut plan, mut chip) = (Faults::default(), opened(Profile::V4));
        plan.add(Step::Verify, 0, fault);
        assert_eq!(through(&mut plan, &mut chip, &AUTHENTICATION).unwrap().status.0, 0x63C3);
        assert_eq!(through(&mut plan, &mut chip, &wrong), None);
        assert_eq!(chip.tries(Pin::Authentication), left);
    }
}

#[test]
fn a_program_that_is_disturbed_or_powerless_signs_nothing() {
    for (fault, status) in [(Fault::Disturbed, 0x6985), (Fault::PowerLost, 0x6D00)] {
        let (mut plan, mut chip) = (Faults::default(), prepared(Profile::V4));
        plan.add(Step::Sign, 0, fault);
        assert_eq!(through(&mut plan, &mut chip, &SIGN).unwrap().status.0, status);
    }
}

#[test]
fn an_answer_can_be_announced_cut_or_altered() {
    let read = [0x00, 0xB0, 0x00, 0x00, 0x10];
    let with = |fault| {
        let (mut plan, mut chip) = (Faults::default(), opened(Profile::V4));
        control(&mut chip, &[0x00, 0x03]);
        plan.add(Step::Read, 0, fault);
        (through(&mut plan, &mut chip, &read).unwrap(), chip)
    };
    let (announced, mut chip) = with(Fault::Announced);
    assert_eq!((announced.data.len(), announced.status.0), (0, 0x6110));
    assert_eq!(chip.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x10]).data.len(), 16);
    assert_eq!(with(Fault::Shortened(3)).0.data.len(), 3);
    assert_eq!(with(Fault::AskedAgain(0x08)).0.status.0, 0x6C08);
    let (altered, mut chip) = with(Fault::Altered);
    let sound = chip.transmit(&read).data;
    let wrong = altered.data.iter().zip(&sound).filter(|(one, other)| one != other).count();
    assert_eq!((altered.data.len(), wrong), (16, 1));
}

#[test]
fn every_step_is_recognised() {
    let block = [0xFF; 8];
    let typed = [&[0x00, 0x20, 0x00, 0x81, 0x08], &block[..]].concat();
    for (apdu, step) in [
        (&[0x00, 0xA4, 0x04, 0x0C, 0x00][..], Step::SelectApplication),
        (&[0x00, 0xA4, 0x08, 0x0C, 0x00], Step::SelectFile),
        (&[0x00, 0xB0, 0x00, 0x00, 0x00], Step::Read),
        (&[0x00, 0xC0, 0x00, 0x00, 0x00], Step::GetResponse),
        (&[0x00, 0xCA, 0xDF, 0x30, 0x00], Step::GetData),
        (&AUTHENTICATION, Step::AskTries),
        (&[0x00, 0x20, 0x00, 0x81, 0x00], Step::AskTries),
        (&typed, Step::Verify),
        (&[0x00, 0x20, 0xFF, 0x81, 0x00], Step::Logout),
        (&[0x00, 0x22, 0x41, 0xB6, 0x00], Step::SetEnvironment),
        (&[0x00, 0x2A, 0x90, 0xA0, 0x00], Step::LoadDigest),
        (&SIGN, Step::Sign),
        (&[0x00], Step::Other),
    ] {
        assert_eq!(Step::of(apdu), step, "{apdu:02X?}");
    }
}

#[test]
fn a_certificate_can_be_replaced_by_garbage() {
    let mut chip = opened(Profile::V5);
    chip.replace(&certificate_path(Profile::V5), &[0xAA; 40]).unwrap();
    control(&mut chip, &[0x5F, 0x00, 0xEF, 0x02]);
    assert_eq!(chip.transmit(&[0x00, 0xB0, 0x00, 0x00, 0x28]).data, [0xAA; 40]);
    assert!(chip.replace(&[0x5F00, 0xEF99], &[]).is_err());
}

#[test]
fn a_key_of_another_generation_makes_no_card() {
    use pregao_test_pki::Profile::{V3, V4, V5};
    for (profile, other) in [(V3, V4), (V3, V5), (V4, V3), (V5, V4)] {
        let wrong = CardMaterial { profile, ..material(other) };
        assert!(Chip::new(&wrong).is_err());
    }
}

#[test]
fn pcscd_is_not_started_outside_namespaces() {
    let refused = Readers::open().unwrap_err().to_string();
    assert!(refused.contains("namespaces"), "{refused}");
}
