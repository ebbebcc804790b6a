use super::*;
use pregao_protocol::room::body::Verb;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::{Digest, to_base64url};
use pregao_protocol::value::report::Advised as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

const CHEAP: WorkFactor = WorkFactor::Fixed(4);

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

fn contents() -> Contents {
    let tsa = TrustedTsa {
        url: "http://127.0.0.1:1".to_owned(),
        authority: Fingerprint([7; 32]),
        keys: serde_json::json!({"keys": []}),
        pinned: true,
        proxy: Some("socks5://me:secret@127.0.0.1:9050".parse().unwrap()),
    };
    Contents::new(Secret::new([0xa5; 32]), tsa, vec![1, 2, 3])
}

fn kept(id: &str) -> ActionRecord {
    ActionRecord {
        hidden: None,
        id: id.to_owned(),
        room: "3f2a".repeat(16),
        verb: Verb::Bid,
        digest: Digest([9; 32]),
        action: "header.payload.signature".to_owned(),
        stamp: None,
        blind: Secret::new([0xb6; 32]),
        seal_secret: Some(Secret::new([0xc7; 32])),
        receipt: None,
        refusal: None,
    }
}

fn fresh() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("vault");
    drop(Vault::create(&folder, &passphrase("open sesame"), CHEAP, contents()).unwrap());
    (temporary, folder)
}

fn failure(folder: &Path) -> VaultError {
    let error = Vault::open(folder, &passphrase("open sesame")).unwrap_err();
    assert!(!error.advice().is_empty() && error.code().starts_with("vault."));
    error
}

/// Applies a change to the bytes of one file of a fresh vault and tells how opening fails.
fn after(file: &str, change: impl FnOnce(&mut Vec<u8>)) -> VaultError {
    let (_temporary, folder) = fresh();
    let path = folder.join(file);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    failure(&folder)
}

#[test]
fn what_is_kept_is_there_after_reopening() {
    let (_temporary, folder) = fresh();
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    vault.keep(kept("one")).unwrap();
    vault.keep(kept("two")).unwrap();
    let changed = ActionRecord { receipt: Some(serde_json::json!({"seq": 3})), ..kept("one") };
    vault.keep(changed.clone()).unwrap();
    vault.update(|contents| contents.note_broker("ws://127.0.0.1:2/#00")).unwrap();
    drop(vault);
    let vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    assert_eq!(vault.contents().actions, [changed, kept("two")]);
    assert_eq!(vault.contents().persona, Secret::new([0xa5; 32]));
    assert_eq!(vault.contents().brokers, ["ws://127.0.0.1:2/#00"]);
}

#[test]
fn an_erased_seal_secret_is_gone_after_reopening() {
    let (_temporary, folder) = fresh();
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    vault.keep(kept("one")).unwrap();
    vault.keep(kept("two")).unwrap();
    vault.erase_seal_secret("one").unwrap();
    vault.erase_seal_secret("unknown").unwrap();
    drop(vault);
    let vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    let secrets: Vec<bool> =
        vault.contents().actions.iter().map(|kept| kept.seal_secret.is_some()).collect();
    assert_eq!(secrets, [false, true]);
    assert_eq!(vault.contents().actions[0].blind, kept("one").blind);
}

#[test]
fn a_folder_without_a_vault_says_so_and_is_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("nothing");
    assert!(matches!(failure(&folder), VaultError::NoVault { .. }));
    assert!(!folder.exists());
    assert!(failure(&folder).advice().contains("enrol"));
}

#[test]
fn one_missing_file_is_no_missing_vault() {
    for file in [IDENTITY, CONTENTS] {
        let (_temporary, folder) = fresh();
        fs::remove_file(folder.join(file)).unwrap();
        let VaultError::Incomplete { file: missing } = failure(&folder) else { panic!() };
        assert_eq!(missing, folder.join(file));
        let again = Vault::create(&folder, &passphrase("x"), CHEAP, contents());
        assert!(matches!(again, Err(VaultError::AlreadyThere { .. })));
    }
}

#[test]
fn another_passphrase_does_not_open() {
    let (_temporary, folder) = fresh();
    for wrong in ["open sesam", "open sesame ", "Open sesame", ""] {
        let error = Vault::open(&folder, &passphrase(wrong)).unwrap_err();
        assert!(matches!(error, VaultError::WrongPassphrase { .. }), "{error:?}");
    }
    Vault::open(&folder, &passphrase("open sesame")).unwrap();
}

#[test]
fn an_empty_passphrase_makes_no_vault() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("vault");
    let error = Vault::create(&folder, &passphrase(""), CHEAP, contents()).unwrap_err();
    assert!(matches!(error, VaultError::EmptyPassphrase));
    assert!(!Vault::exists(&folder));
}

#[test]
fn a_second_vault_does_not_overwrite_the_first() {
    let (_temporary, folder) = fresh();
    let error = Vault::create(&folder, &passphrase("other"), CHEAP, contents()).unwrap_err();
    assert!(matches!(error, VaultError::AlreadyThere { .. }));
    Vault::open(&folder, &passphrase("open sesame")).unwrap();
}

#[test]
fn a_file_cut_anywhere_is_called_cut_short() {
    for left in [0, 1, 40, 200, 300] {
        let error = after(IDENTITY, |bytes| bytes.truncate(left));
        assert!(matches!(error, VaultError::Truncated { .. }), "{left}: {error:?}");
    }
    let error = after(IDENTITY, |bytes| bytes.truncate(bytes.len() - 2));
    assert!(matches!(error, VaultError::Truncated { .. }), "{error:?}");
    // A file of bytes has no last line.
    for left in [0, 1, 10, 40, 166, 200, 300] {
        let error = after(CONTENTS, |bytes| bytes.truncate(left));
        assert!(error.to_string().contains("cut short"), "{left}: {error}");
    }
    for less in [1, 2, 16, 17] {
        let error = after(CONTENTS, |bytes| bytes.truncate(bytes.len() - less));
        assert!(error.to_string().contains("cut short"), "{less}: {error}");
    }
}

#[test]
fn contents_written_as_text_are_read_still() {
    let (_temporary, folder) = fresh();
    let path = folder.join(CONTENTS);
    let sealed = std::fs::read(&path).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1\n"), "as bytes");
    let mut armor =
        age::armor::ArmoredWriter::wrap_output(Vec::new(), age::armor::Format::AsciiArmor).unwrap();
    std::io::Write::write_all(&mut armor, &sealed).unwrap();
    std::fs::write(&path, armor.finish().unwrap()).unwrap();
    Vault::open(&folder, &passphrase("open sesame")).unwrap();
}

#[test]
fn a_file_with_a_hole_is_damaged() {
    for file in [IDENTITY, CONTENTS] {
        let error = after(file, |bytes| {
            let end = bytes.len() - 34;
            bytes.drain(end - 65..end);
        });
        assert!(matches!(error, VaultError::Damaged { .. }), "{file}: {error:?}");
    }
}

#[test]
fn a_changed_character_anywhere_is_noticed() {
    for file in [IDENTITY, CONTENTS] {
        let size = {
            let (_temporary, folder) = fresh();
            fs::read(folder.join(file)).unwrap().len()
        };
        for place in (0..size - 60).step_by(size / 12) {
            let error = after(file, |bytes| {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = if *byte == b'A' { b'B' } else { b'A' };
                }
            });
            let named = matches!(
                error,
                VaultError::Damaged { .. }
                    | VaultError::WrongPassphrase { .. }
                    | VaultError::TooMuchWork { .. }
                    | VaultError::Newer { .. }
            );
            assert!(named, "{file} {place}: {error:?}");
        }
    }
}

#[test]
fn files_of_two_vaults_do_not_mix() {
    let (_one, first) = fresh();
    let (_two, second) = fresh();
    fs::copy(first.join(CONTENTS), second.join(CONTENTS)).unwrap();
    let error = failure(&second);
    assert!(matches!(error, VaultError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("another identity"));
}

#[test]
fn a_vault_without_letters_says_nothing_of_them_and_opens_with_them_later() {
    let file = Path::new("vault.age");
    let text = contents().to_json().unwrap();
    let old = std::str::from_utf8(&text).unwrap();
    assert!(!old.contains("mail"));
    assert_eq!(Contents::from_json(file, old.as_bytes()).unwrap().mail, None);
    let mail = MailRecord { secret: Secret::new([0xd8; 32]), changes: 7 };
    let mut later = contents();
    later.mail = Some(mail.clone());
    let read = Contents::from_json(file, &later.to_json().unwrap()).unwrap();
    assert_eq!(read.mail.as_ref(), Some(&mail));
    assert!(!format!("{read:?} {mail:?}").contains("216"));
}

#[test]
fn contents_of_a_later_version_are_not_guessed_at() {
    let file = Path::new("vault.age");
    for (text, newer) in [
        (r#"{"version":2,"unheard":true}"#, true),
        (r#"{"version":1,"unheard":true}"#, false),
        (r#"{"version":1}"#, false),
        ("{}", false),
        ("", false),
    ] {
        let error = Contents::from_json(file, text.as_bytes()).unwrap_err();
        assert_eq!(matches!(error, VaultError::Newer { .. }), newer, "{text}");
    }
}

#[test]
fn a_damaged_text_is_not_quoted_in_the_message() {
    let text = br#"{"version":1,"persona":"paSecretThing"}"#;
    let error = Contents::from_json(Path::new("vault.age"), text).unwrap_err();
    assert!(!error.to_string().contains("paSecretThing"), "{error}");
}

#[test]
fn two_programs_do_not_use_one_vault_at_once() {
    let (_temporary, folder) = fresh();
    let first = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    let refused = failure(&folder);
    let own = std::process::id();
    assert!(matches!(refused, VaultError::InUse { holder: Some(holder), .. } if holder == own));
    assert!(refused.to_string().contains(&format!("process {own}")));
    // What does not read as a number says nothing.
    for said in ["", "12x", "-1", "4294967296", "99999999999999999999999999999999999999999"] {
        fs::write(folder.join(LOCK), said).unwrap();
        let refused = failure(&folder);
        assert!(matches!(refused, VaultError::InUse { holder: None, .. }), "{said}");
        assert!(refused.to_string().ends_with("another program"));
    }
    drop(first);
    Vault::open(&folder, &passphrase("open sesame")).unwrap();
}

#[test]
fn a_save_that_fails_leaves_the_old_file_whole() {
    let (_temporary, folder) = fresh();
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    let obstacle = folder.join("vault.age.new");
    fs::create_dir(&obstacle).unwrap();
    assert!(vault.keep(kept("one")).is_err());
    fs::remove_dir(&obstacle).unwrap();
    drop(vault);
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    assert!(vault.contents().actions.is_empty());
    vault.keep(kept("one")).unwrap();
}

#[test]
fn a_file_larger_than_any_vault_is_not_read() {
    let (_temporary, folder) = fresh();
    let file = File::options().write(true).open(folder.join(CONTENTS)).unwrap();
    file.set_len(LARGEST + 1).unwrap();
    let error = Vault::open(&folder, &passphrase("open sesame")).unwrap_err();
    assert!(matches!(&error, VaultError::Damaged { reason, .. } if reason == "too large"));
}

#[test]
fn a_full_disk_and_a_read_only_folder_have_their_own_words() {
    let full = File::options().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err();
    let full = VaultError::from_io(Path::new("vault.age"), full);
    assert!(matches!(full, VaultError::DiskFull { .. }) && full.advice().contains("space"));
    for kind in [std::io::ErrorKind::PermissionDenied, std::io::ErrorKind::ReadOnlyFilesystem] {
        let error = VaultError::from_io(Path::new("vault.age"), kind.into());
        assert!(
            matches!(error, VaultError::NotWritable { .. }) && error.advice().contains("--data")
        );
    }
    let other = VaultError::from_io(Path::new("x"), std::io::ErrorKind::NotADirectory.into());
    assert!(matches!(other, VaultError::Io { .. }));
}

#[test]
fn a_folder_that_takes_no_files_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("file");
    fs::write(&file, "x").unwrap();
    let below = file.join("vault");
    let error = Vault::create(&below, &passphrase("x"), CHEAP, contents()).unwrap_err();
    assert!(matches!(error, VaultError::Io { .. }), "{error:?}");
    let folder = temporary.path().join("closed");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    // The administrator may write everywhere, so that this half needs another user.
    if fs::write(folder.join("probe"), "").is_err() {
        let error = Vault::create(&folder, &passphrase("x"), CHEAP, contents()).unwrap_err();
        assert!(matches!(error, VaultError::NotWritable { .. }), "{error:?}");
    }
}

#[test]
fn only_the_owner_may_read_the_files() {
    let (_temporary, folder) = fresh();
    for file in [IDENTITY, CONTENTS, LOCK] {
        let mode = fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
}

#[test]
fn no_secret_is_found_in_any_file_or_in_debug() {
    let (_temporary, folder) = fresh();
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    vault.keep(kept("one")).unwrap();
    let mut seen = format!("{vault:?} {:?} {:?}", kept("one"), passphrase("open sesame"));
    for entry in fs::read_dir(&folder).unwrap() {
        seen.push_str(&String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()));
    }
    for secret in [[0xa5; 32], [0xb6; 32], [0xc7; 32]] {
        assert!(!seen.contains(&to_base64url(&secret)));
        assert!(!seen.contains(&hex::encode(secret)));
    }
    for word in ["open sesame", "AGE-SECRET-KEY", "header.payload", "3f2a3f2a", "165, 165"] {
        assert!(!seen.contains(word), "{word}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let (_temporary, folder) = fresh();
    let vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    insta::assert_snapshot!(
        format!("{:?}", vault.contents()),
        @r#"Contents { persona: Secret(..), tsa: "http://127.0.0.1:1", actions: 0, .. }"#
    );
    insta::assert_snapshot!(format!("{:?}", kept("one")), @r#"ActionRecord { verb: Bid, .. }"#);
}

#[test]
fn the_size_of_the_file_does_not_count_actions() {
    let (_temporary, folder) = fresh();
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    let size = |vault: &Vault| vault.contents().to_json().unwrap().len();
    let empty = size(&vault);
    vault.keep(kept("one")).unwrap();
    assert_eq!(size(&vault), empty);
    assert_eq!(empty % 4_096, 0);
}

#[test]
fn a_passphrase_is_the_first_line_of_its_file() {
    let (temporary, folder) = fresh();
    let file = temporary.path().join("passphrase");
    fs::write(&file, "open sesame\nsecond line\n").unwrap();
    Vault::open(&folder, &Passphrase::from_file(&file).unwrap()).unwrap();
    assert!(Passphrase::from_file(&temporary.path().join("none")).is_err());
    let endless = Passphrase::from_file(Path::new("/dev/zero")).unwrap_err();
    assert!(matches!(&endless, VaultError::Io { source, .. }
        if source.kind() == io::ErrorKind::FileTooLarge));
}

fn kept_issuer() -> KeptIssuer {
    let at = |seconds: u64| Time::from_micros(seconds * 1_000_000).unwrap();
    KeptIssuer {
        id: Digest([8; 32]),
        from: at(100),
        until: at(200),
        spend_until: at(300),
        statement: "header.payload.signature".to_owned(),
    }
}

fn kept_enrolment() -> KeptEnrolment {
    let secret = |byte: u8| to_base64url(&[byte; 32]);
    let request = serde_json::json!({
        "blinded": secret(0xd1), "secret": secret(0xd2), "randomizer": secret(0xd3)
    });
    let token = serde_json::json!({
        "issuer": Digest([8; 32]), "randomizer": secret(0xd3), "signature": secret(0xd4)
    });
    let (request, token) =
        (serde_json::from_value(request).unwrap(), serde_json::from_value(token).unwrap());
    let spend_after = Some(Time::from_micros(150_000_000).unwrap());
    KeptEnrolment {
        asked: Some(AskedToken { issuer: kept_issuer(), request }),
        held: Some(HeldToken { issuer: kept_issuer(), token, spend_after }),
        former: None,
    }
}

#[test]
fn where_enrolling_stands_is_there_after_reopening_and_nowhere_else() {
    let (_temporary, folder) = fresh();
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    vault.update(|contents| contents.enrolment = Some(kept_enrolment())).unwrap();
    let debug = format!("{vault:?} {:?} {:?}", vault.contents(), kept_enrolment());
    drop(vault);
    let mut seen = debug;
    for entry in fs::read_dir(&folder).unwrap() {
        seen.push_str(&String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()));
    }
    for byte in [0xd1, 0xd2, 0xd3, 0xd4] {
        assert!(!seen.contains(&to_base64url(&[byte; 32])));
    }
    let kept = kept_enrolment();
    let debug = format!("{:?} {:?} {:?}", kept.asked, kept.held, kept_issuer());
    assert!(!debug.contains(&to_base64url(&[0xd3; 32])) && !debug.contains("payload"), "{debug}");
    let vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    assert_eq!(vault.contents().enrolment, Some(kept_enrolment()));
}

#[test]
fn a_vault_written_before_there_were_cards_opens_and_stays_as_it_was() {
    let file = Path::new("vault.age");
    let text = contents().to_json().unwrap();
    let mut text: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert!(text.get("enrolment").is_none());
    for later in ["pinned", "proxy"] {
        text["tsa"].as_object_mut().unwrap().remove(later).unwrap();
    }
    let old = Contents::from_json(file, text.to_string().as_bytes()).unwrap();
    assert!(!old.tsa.pinned && old.tsa.proxy.is_none());
    assert!(old.is_certified() && old.enrolment.is_none());
}

#[test]
fn a_persona_without_a_certificate_says_so() {
    let Contents { persona, tsa, .. } = contents();
    assert!(!Contents::new(persona, tsa, Vec::new()).is_certified());
}

#[test]
fn only_a_token_that_was_spent_before_renews_and_only_while_it_is_honoured() {
    let at = |micros: u64| Some(Time::from_micros(micros).unwrap());
    let renews = |kept: &KeptEnrolment, now: u64| kept.renewing(at(now)).is_some();
    let mut kept = kept_enrolment();
    // Not even when the proposed time has come.
    assert!(!renews(&kept, 0) && !renews(&kept, 150_000_000) && kept.renewing(None).is_none());
    kept.spent();
    assert!(renews(&kept, 0) && renews(&kept, 299_999_999) && kept.renewing(None).is_some());
    assert!(!renews(&kept, 300_000_000));
    assert!(KeptEnrolment::default().renewing(None).is_none());
}

#[test]
fn the_token_before_renews_until_the_newest_was_spent() {
    let token = |day: u64| {
        let mut held = kept_enrolment().held.unwrap();
        held.issuer.spend_until = Time::from_micros(day).unwrap();
        held
    };
    let renewing = |kept: &KeptEnrolment| kept.renewing(None).map(|held| held.issuer.spend_until);
    let mut kept = KeptEnrolment::default().fetched(token(1));
    kept.spent();
    let mut kept = KeptEnrolment { asked: kept_enrolment().asked, ..kept }.fetched(token(2));
    assert!(kept.asked.is_none());
    assert_eq!(renewing(&kept), Time::from_micros(1).ok());
    // One that was never shown is not kept beside another, and hides none that renews.
    kept = kept.fetched(token(3));
    assert_eq!(renewing(&kept), Time::from_micros(1).ok());
    kept.spent();
    assert_eq!(renewing(&kept), Time::from_micros(3).ok());
}

#[test]
fn v222_the_token_before_is_there_for_auctions_that_ask_for_its_persona_until_it_buys_nothing() {
    let token = |number: u8, day: u64| {
        let mut held = kept_enrolment().held.unwrap();
        held.issuer.id = pregao_protocol::value::codec::Digest([number; 32]);
        held.issuer.spend_until = Time::from_micros(day).unwrap();
        held
    };
    let of = |kept: &KeptEnrolment, number: u8, now: u64| {
        let id = pregao_protocol::value::codec::Digest([number; 32]);
        kept.of_issuer(id, Time::from_micros(now).ok()).is_some()
    };
    let mut kept = KeptEnrolment::default().fetched(token(1, 100));
    // One that was not shown yet is shown when the user chooses.
    assert!(!of(&kept, 1, 1));
    kept.spent();
    let mut kept = kept.fetched(token(2, 200));
    kept.spent();
    assert!(of(&kept, 1, 99) && !of(&kept, 1, 100));
    assert!(of(&kept, 2, 199) && !of(&kept, 2, 200) && !of(&kept, 3, 1));
}

#[test]
fn an_issuer_signs_within_its_period_only() {
    let at = |micros: u64| Time::from_micros(micros).unwrap();
    let signs = |now: u64| kept_issuer().signs_at(at(now));
    assert!(!signs(99_999_999) && signs(100_000_000) && signs(199_999_999) && !signs(200_000_000));
}

#[test]
fn a_counterparty_of_before_cards_is_read_and_one_with_a_card_is_kept() {
    let reveal = |counterparty: serde_json::Value| {
        let kept = serde_json::json!({
            "auction": "3f2a", "room": "77aa", "disclosed": true, "counterparty": counterparty,
        });
        serde_json::from_value::<RevealRecord>(kept)
    };
    let mut old = serde_json::json!({
        "name": "First Seller", "contact": "", "persona": "cd".repeat(32),
    });
    let read = reveal(old.clone()).unwrap().counterparty.unwrap();
    assert_eq!(read.card, None);
    assert_eq!(serde_json::to_value(&read).unwrap(), old, "nothing new where there is no card");
    let card = KeptCard {
        view: crate::front::identity::tests::card(),
        certificate: vec![1, 2, 3],
        stamped: pregao_protocol::value::clock::Time::default(),
    };
    let with = Counterparty { card: Some(card), ..read };
    let written = serde_json::to_value(&with).unwrap();
    assert!(reveal(written).unwrap().counterparty == Some(with.clone()));
    assert_eq!(format!("{:?}", with.card), "Some(KeptCard(..))");
    old["card"] = serde_json::json!({ "certificate": "AQID" });
    assert!(reveal(old).is_err());
}

/// A vault that this program wrote with age 0.12, which came before 0.11 here.
#[test]
fn a_vault_written_with_age_0_12_opens_and_is_written_again() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("vault");
    private::make_folder(&folder).unwrap();
    for (name, bytes) in [
        (IDENTITY, include_bytes!("../../vectors/vault-age-0.12/identity.age").as_slice()),
        (CONTENTS, include_bytes!("../../vectors/vault-age-0.12/vault.age")),
        (MET, include_bytes!("../../vectors/vault-age-0.12/heads.age")),
    ] {
        replace(&folder, name, bytes).unwrap();
    }
    let wrong = Vault::open(&folder, &passphrase("open barley"));
    assert!(matches!(wrong, Err(VaultError::WrongPassphrase { .. })));
    let mut vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    assert_eq!(vault.contents().actions, [kept("one")]);
    assert_eq!(vault.contents().persona, contents().persona);
    assert!(vault.met().is_empty());
    vault.keep(kept("two")).unwrap();
    drop(vault);
    let vault = Vault::open(&folder, &passphrase("open sesame")).unwrap();
    assert_eq!(vault.contents().actions, [kept("one"), kept("two")]);
}
