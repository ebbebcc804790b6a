//! The file and its vault.

use pregao_protocol::value::report::Advised as _;

use super::fixture::Place;
use super::*;
use crate::post::store::settings::Settings;

#[test]
fn what_is_kept_is_there_after_reopening() {
    let mut place = Place::new();
    let mut store = place.open();
    let chosen = Settings { hold: 30, ..Settings::default() };
    store.change(|change| change.keep_settings(&chosen)).unwrap();
    drop(store);
    let mut store = place.open();
    assert_eq!(store.view().settings().unwrap(), chosen);
    assert_eq!(store.take_notices(), []);
}

#[test]
fn only_its_owner_may_read_the_file_also_one_that_was_open_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut place = Place::new();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = place.open();
    assert_eq!(mode(&place.file()), 0o600);
    assert_eq!(mode(&place.folder.path().join("mail.db-wal")), 0o600);
    drop(store);
    std::fs::set_permissions(place.file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(place.open());
    assert_eq!(mode(&place.file()), 0o600);
}

#[test]
fn a_second_program_is_refused_and_told_what_to_do() {
    let mut place = Place::new();
    let store = place.open();
    let error = place.try_open().unwrap_err();
    assert!(matches!(&error, MailError::InUse { .. }), "{error:?}");
    assert!(error.advice().contains("close the other program"));
    // Nor does it read.
    let other = Connection::open(place.file()).unwrap();
    assert!(other.query_row("SELECT count(*) FROM cell", [], |row| row.get::<_, i64>(0)).is_err());
    drop((other, store));
    place.open();
}

#[test]
fn a_store_of_another_vault_is_left_alone() {
    let mut mine = Place::new();
    drop(mine.open());
    let mut other =
        Place { random: Arc::new(super::fixture::Counter::starting(1 << 40)), ..Place::new() };
    drop(other.open());
    let before = std::fs::read(other.file()).unwrap();
    std::fs::copy(other.file(), mine.file()).unwrap();
    let error = mine.try_open().unwrap_err();
    assert!(matches!(&error, MailError::OtherVault { .. }), "{error:?}");
    assert!(error.advice().contains("one backup"));
    assert_eq!(std::fs::read(mine.file()).unwrap(), before);
    // A vault that knows of no store does not take over one that is there.
    mine.vault.update(|contents| contents.mail = None).unwrap();
    assert!(matches!(mine.try_open().unwrap_err(), MailError::OtherVault { .. }));
}

#[test]
fn a_newer_store_is_not_guessed_at() {
    let mut place = Place::new();
    drop(place.open());
    let connection = Connection::open(place.file()).unwrap();
    let newer = i64::try_from(super::super::file::MIGRATIONS.len()).unwrap() + 1;
    connection.pragma_update(None, "user_version", newer).unwrap();
    drop(connection);
    let error = place.try_open().unwrap_err();
    assert!(matches!(&error, MailError::Newer { .. }), "{error:?}");
    assert!(error.advice().contains("newer version"));
}

#[test]
fn what_is_no_store_is_not_written_to() {
    let mut place = Place::new();
    drop(place.open());
    std::fs::remove_file(place.file()).unwrap();
    let connection = Connection::open(place.file()).unwrap();
    connection.execute_batch("CREATE TABLE mine (a); PRAGMA user_version = 1").unwrap();
    drop(connection);
    assert!(matches!(place.try_open().unwrap_err(), MailError::Foreign { .. }));
    std::fs::write(place.file(), [b'x'; 9000]).unwrap();
    assert!(matches!(place.try_open().unwrap_err(), MailError::Foreign { .. }));
    assert_eq!(std::fs::read(place.file()).unwrap(), [b'x'; 9000]);
}

#[test]
fn a_file_that_is_cut_is_called_damaged_or_older_and_never_half_used() {
    let mut place = Place::new();
    let mut store = place.open();
    for n in 0..40 {
        let mode = super::fixture::owner(n).record();
        store.change(|change| change.keep_box(&mode)).unwrap();
    }
    drop(store);
    let whole = std::fs::read(place.file()).unwrap();
    for left in [4096, 8192, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        std::fs::write(place.file(), &whole[..left]).unwrap();
        let error = place.try_open().unwrap_err();
        assert!(matches!(&error, MailError::Damaged { .. }), "{left}: {error:?}");
        assert!(error.advice().contains("backup"));
    }
    std::fs::write(place.file(), &whole).unwrap();
    assert_eq!(place.open().view().boxes().unwrap().len(), 40);
}

#[test]
fn a_store_that_is_gone_is_missed() {
    let mut place = Place::new();
    drop(place.open());
    std::fs::remove_file(place.file()).unwrap();
    let mut store = place.open();
    let notices = store.take_notices();
    assert!(matches!(notices[..], [Notice::Older { found: 0, .. }]), "{notices:?}");
}

#[test]
fn an_older_copy_that_was_put_back_is_noticed_once() {
    let mut place = Place::new();
    drop(place.open());
    let old = std::fs::read(place.file()).unwrap();
    let mut store = place.open();
    store.change(|change| change.keep_settings(&Settings::default())).unwrap();
    store.note(&mut place.vault).unwrap();
    drop(store);
    assert_eq!(place.open().take_notices(), []);
    std::fs::write(place.file(), old).unwrap();
    let notices = place.open().take_notices();
    assert!(matches!(notices[..], [Notice::Older { noted: 4, found: 1 }]), "{notices:?}");
    assert!(notices[0].to_string().contains("put back"));
    assert_eq!(place.open().take_notices(), []);
}

#[test]
fn a_copy_as_new_as_the_vault_knows_is_not_called_older() {
    let mut place = Place::new();
    let mut store = place.open();
    store.note(&mut place.vault).unwrap();
    drop(store);
    let noted = std::fs::read(place.file()).unwrap();
    std::fs::write(place.file(), noted).unwrap();
    assert_eq!(place.open().take_notices(), []);
}

#[test]
fn what_fails_leaves_what_was_there() {
    let mut place = Place::new();
    let mut store = place.open();
    let record = super::fixture::owner(1).record();
    let failed = store.change(|change| {
        change.keep_box(&record)?;
        Err::<(), _>(MailError::Step("on purpose"))
    });
    assert!(matches!(failed.unwrap_err(), MailError::Step("on purpose")));
    assert!(store.view().boxes().unwrap().is_empty());
    store.change(|change| change.keep_box(&record)).unwrap();
    drop(store);
    let mut store = place.open();
    assert_eq!((store.view().boxes().unwrap().len(), store.take_notices()), (1, vec![]));
}

#[test]
fn a_full_disk_leaves_what_was_there_and_is_said() {
    let mut place = Place::new();
    let mut store = place.open();
    let record = super::fixture::owner(1).record();
    let own = store.change(|change| change.keep_box(&record)).unwrap();
    let pages: i64 = store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    store.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let position = own_boxes::Position { read: 1, head: None };
    let error = store
        .change(|change| change.move_on(own, position.clone(), Some(&[7; 100_000])))
        .unwrap_err();
    assert!(matches!(&error, MailError::DiskFull { .. }), "{error:?}");
    assert!(error.advice().contains("free some space"));
    assert_eq!(store.view().own_box(own).unwrap().position.read, 0);
    store.connection.pragma_update(None, "max_page_count", pages + 1000).unwrap();
    store.change(|change| change.move_on(own, position.clone(), Some(&[7; 100_000]))).unwrap();
    drop(store);
    let mut store = place.open();
    assert_eq!(store.view().checkpoint(own).unwrap().unwrap().len(), 100_000);
    assert_eq!(store.take_notices(), []);
}

#[test]
fn nothing_that_is_kept_is_told_by_debug_or_the_file() {
    let mut place = Place::new();
    let mut store = place.open();
    let record = super::fixture::owner(0xe1).record();
    let own = store.change(|change| change.keep_box(&record)).unwrap();
    let told = format!("{store:?} {record:?} {:?} {:?}", store.view(), store.view().own_box(own));
    let raw = place.raw();
    for secret in [&[0xe1; 32][..], &[0xe1 ^ 0x20; 32], b"broker.example", b"opening.signature"] {
        assert!(!super::fixture::contains(&raw, secret));
    }
    for text in ["225, 225", "broker.example", "signature", &record.name.to_string()] {
        assert!(!told.contains(text), "{told}");
    }
}
