use pregao_protocol::log::{Head, RoomName};
use pregao_protocol::trust::key::SecretKey;

use super::*;

fn key() -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[1; 32])
}

fn origin(room: u8) -> Origin {
    Origin { broker: broker().fingerprint, room: RoomName([room; 32]) }
}

fn broker() -> KnownBroker {
    let head = SecretKey::<HeadKey>::from_seed(&[2; 32]).public();
    KnownBroker { fingerprint: Fingerprint([3; 32]), head, keys: None }
}

fn head(room: u8, size: u64) -> WitnessedHead {
    let root = Digest::of(&size.to_be_bytes());
    let signed = Head { origin: origin(room), size, root };
    let cosignature = Cosignature::sign(&signed, 1_800_000_000 + size, &key());
    WitnessedHead { size, root, note: format!("note {size}\n"), cosignature }
}

fn date(seconds: u64) -> Time {
    Time::from_micros(seconds * 1_000_000 + 7).unwrap()
}

/// A store that knows the broker.
fn opened(folder: &Path) -> WitnessStore {
    let mut store = WitnessStore::open(folder).unwrap();
    if store.brokers().unwrap().is_empty() {
        let changes = store.begin().unwrap();
        changes.add_broker(&broker(), "certificate").unwrap();
        changes.commit(None).unwrap();
    }
    store
}

#[test]
fn what_was_committed_is_there_after_a_restart_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path());
    let public = key().public();
    let changes = store.begin().unwrap();
    assert_eq!(changes.kept(&origin(1), &public).unwrap(), None);
    assert!(changes.keep(&origin(1), &head(1, 3), true).unwrap());
    changes.commit(Some(date(5))).unwrap();
    // A crash between: dropped without a commit.
    let changes = store.begin().unwrap();
    assert!(changes.keep(&origin(1), &head(1, 9), false).unwrap());
    assert!(changes.keep(&origin(2), &head(2, 1), true).unwrap());
    assert!(changes.contradict(&origin(1), "a", "b").unwrap());
    assert_eq!(
        changes.kept(&origin(1), &public).unwrap(),
        Some(head(1, 9)),
        "seen by what follows"
    );
    drop(changes);
    drop(store);
    let mut again = opened(folder.path());
    assert_eq!(again.totals().unwrap(), (1, 0));
    assert_eq!(again.highest().unwrap(), Some(date(5)));
    assert_eq!(again.brokers().unwrap(), [broker()]);
    let changes = again.begin().unwrap();
    assert_eq!(changes.kept(&origin(1), &public).unwrap(), Some(head(1, 3)));
    assert_eq!(changes.kept(&origin(2), &public).unwrap(), None);
}

#[test]
fn the_next_head_takes_the_place_of_the_last_and_counts_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path());
    for (size, first) in [(1, true), (2, false), (9, false)] {
        let changes = store.begin().unwrap();
        assert!(changes.keep(&origin(1), &head(1, size), first).unwrap());
        changes.commit(Some(date(size))).unwrap();
    }
    assert_eq!(store.totals().unwrap(), (1, 0));
    let rows: i64 = store.0.query_row("SELECT count(*) FROM head", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn one_log_more_than_are_remembered_is_refused_and_those_that_are_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path());
    let almost = i64::try_from(MAX_LOGS - 1).unwrap();
    store.0.execute("UPDATE broker SET logs = ?1", [almost]).unwrap();
    let changes = store.begin().unwrap();
    assert!(changes.keep(&origin(1), &head(1, 1), true).unwrap());
    assert!(!changes.keep(&origin(2), &head(2, 1), true).unwrap());
    assert!(changes.keep(&origin(1), &head(1, 2), false).unwrap());
    changes.commit(None).unwrap();
    assert_eq!(store.totals().unwrap().0, MAX_LOGS);
    let changes = store.begin().unwrap();
    assert_eq!(changes.kept(&origin(2), &key().public()).unwrap(), None);
}

#[test]
fn contradictions_are_kept_once_for_each_log_and_not_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path());
    let changes = store.begin().unwrap();
    assert!(changes.contradict(&origin(1), "cosigned", "other").unwrap());
    assert!(!changes.contradict(&origin(1), "cosigned", "a third").unwrap());
    changes.commit(None).unwrap();
    let sql = "SELECT cosigned, other FROM conflict";
    let kept: (String, String) =
        store.0.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(kept, ("cosigned".to_owned(), "other".to_owned()));
    let changes = store.begin().unwrap();
    let rooms = 2..=u8::try_from(MAX_CONFLICTS).unwrap();
    assert!(rooms.into_iter().all(|room| changes.contradict(&origin(room), "a", "b").unwrap()));
    assert!(!changes.contradict(&origin(200), "a", "b").unwrap());
    changes.commit(None).unwrap();
    assert_eq!(store.totals().unwrap().1, MAX_CONFLICTS);
}

#[test]
fn doubt_is_remembered_until_it_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    WitnessStore::open(folder.path()).unwrap().set_doubt(Some(Time::MAX)).unwrap();
    let again = WitnessStore::open(folder.path()).unwrap();
    assert_eq!((again.doubt().unwrap(), again.highest().unwrap()), (Some(Time::MAX), None));
    again.set_doubt(None).unwrap();
    assert_eq!(again.doubt().unwrap(), None);
}

#[test]
fn a_damaged_file_is_refused_and_never_read_as_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path());
    store.0.execute("INSERT INTO clock (name, value) VALUES ('highest', -1)", []).unwrap();
    assert!(matches!(store.highest(), Err(WitnessStoreError::Damaged(_))));
    store.0.execute("UPDATE broker SET head = x'00'", []).unwrap();
    assert!(matches!(store.brokers(), Err(WitnessStoreError::Sqlite(_))));
    drop(store);
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join(FILE), vec![b'x'; 8192]).unwrap();
    assert!(matches!(WitnessStore::open(other.path()), Err(WitnessStoreError::Sqlite(_))));
}
