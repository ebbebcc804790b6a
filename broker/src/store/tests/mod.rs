//! The embedded store against wrong sizes, repeated actions, damaged files, full disks and
//! processes that die.

mod trees;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use pregao_protocol::log::merkle::{
    Frontier, HashSource as _, Tree, consistency_path, inclusion_path, leaf_hash, root_from_path,
    verify_consistency,
};

use super::fixture::{
    TinyDisk, append, child, child_folder, contents, entry, header, link, opening, random, room,
    text,
};
use super::sqlite::SqliteLog;
use super::*;
use crate::links::Links;

struct Store {
    folder: tempfile::TempDir,
    log: SqliteLog,
}

impl Store {
    fn path(&self) -> PathBuf {
        self.folder.path().join("log.db")
    }
}

/// A store with room `a`, which has one entry.
fn store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(&folder.path().join("log.db")).unwrap();
    log.append(&opening("a")).unwrap();
    Store { folder, log }
}

fn size(log: &SqliteLog, name: &str) -> u64 {
    let size = log.head(&room(name)).unwrap().size;
    assert_eq!(log.read(&room(name), 0, MAX_PAGE).unwrap().len() as u64, size);
    assert!(log.rooms().unwrap().iter().any(|it| it.name == room(name) && it.size == size));
    size
}

fn refused(log: &SqliteLog, append: &Append) -> StoreError {
    let before = (log.rooms().unwrap(), log.head(&room("a")).unwrap());
    let error = log.append(append).unwrap_err();
    assert_eq!((log.rooms().unwrap(), log.head(&room("a")).unwrap()), before);
    error
}

fn refusal(action: &str) -> StoredRefusal {
    let jws = format!("refusal of {action}").into();
    StoredRefusal { digest: Digest::of(action.as_bytes()), jws, leaf: None }
}

#[test]
fn what_was_appended_is_read_in_order_and_by_page() {
    let Store { log, .. } = &store();
    log.append(&append("a", 1, &["one", "two", "three"])).unwrap();
    let seqs = |from, limit| -> Vec<u64> {
        log.read(&room("a"), from, limit).unwrap().iter().map(|entry| entry.seq).collect()
    };
    assert_eq!(seqs(0, 10), [0, 1, 2, 3]);
    assert_eq!(seqs(1, 2), [1, 2]);
    assert_eq!(seqs(3, 2), [3]);
    assert!(seqs(4, 2).is_empty());
    assert!(seqs(u64::MAX, 2).is_empty());
    assert!(seqs(0, 0).is_empty());
    let stored = log.read(&room("a"), 2, 1).unwrap().pop().unwrap();
    assert_eq!(stored.text, &*entry(2, "two").text);
    assert_eq!(stored.digest, entry(2, "two").digest);
    assert_eq!(log.head(&room("a")).unwrap(), StoredHead { size: 4, note: "head 4".into() });
}

#[test]
fn a_page_has_a_largest_size() {
    let Store { log, .. } = &store();
    let names: Vec<String> = (0..MAX_PAGE + 1).map(|number| number.to_string()).collect();
    log.append(&append("a", 1, &names.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    assert_eq!(log.read(&room("a"), 0, usize::MAX).unwrap().len(), MAX_PAGE);
}

#[test]
fn rooms_are_listed_in_the_order_they_were_made() {
    let Store { log, .. } = &store();
    let mut second = opening("b");
    second.new_room.as_mut().unwrap().kind = Kind::Reveal;
    log.append(&second).unwrap();
    let rooms = log.rooms().unwrap();
    assert_eq!(rooms.len(), 2);
    assert_eq!((rooms[0].name, rooms[0].kind), (room("a"), Kind::Auction));
    assert_eq!((rooms[1].name, rooms[1].kind), (room("b"), Kind::Reveal));
    assert_eq!(rooms[1].opening, "opening of b");
    assert_eq!(rooms[1].created, second.new_room.unwrap().created);
}

#[test]
fn a_room_nobody_made_is_unknown() {
    let Store { log, .. } = &store();
    let unknown = |error| matches!(error, StoreError::UnknownRoom { room: it } if it == room("x"));
    assert!(unknown(log.read(&room("x"), 0, 1).unwrap_err()));
    assert!(unknown(log.head(&room("x")).unwrap_err()));
    assert!(unknown(refused(log, &append("x", 0, &["one"]))));
    assert!(unknown(refused(log, &append("x", 5, &["one"]))));
    assert_eq!(log.node(&room("x"), 0, 0).unwrap(), None);
    assert!(log.pending(&room("x")).unwrap().is_empty());
}

#[test]
fn another_size_than_expected_is_a_conflict() {
    let Store { log, .. } = &store();
    log.append(&append("a", 1, &["one"])).unwrap();
    for expected in [0, 1, 3, u64::from(u32::MAX)] {
        let error = refused(log, &append("a", expected, &["two"]));
        let StoreError::Conflict { expected: told, actual: 2 } = error else { panic!("{error}") };
        assert_eq!(told, expected);
    }
    let hold = PendingChange::Hold { role: "seller".into(), payload: text(1) };
    let stale = Append { pending: vec![hold], ..Append::to(room("a"), 1) };
    assert!(matches!(refused(log, &stale), StoreError::Conflict { .. }));
    let mut again = opening("a");
    again.entries[0].digest = Digest::of(b"another");
    assert!(matches!(refused(log, &again), StoreError::Conflict { expected: 0, actual: 2 }));
    log.append(&append("a", 2, &["two"])).unwrap();
}

#[test]
fn an_append_of_the_wrong_shape_is_refused() {
    let Store { log, .. } = &store();
    let good = append("a", 1, &["one", "two"]);
    let mut wrong = vec![Append { head: None, ..good.clone() }];
    wrong.push(Append { entries: Vec::new(), ..good.clone() });
    wrong.push(Append { new_room: opening("a").new_room, ..good.clone() });
    wrong.push(Append { new_room: opening("b").new_room, ..Append::to(room("b"), 0) });
    for change in [0, 2, 3, u64::MAX] {
        let mut other = good.clone();
        other.entries[0].seq = change;
        wrong.push(other);
    }
    let mut repeated = good.clone();
    repeated.entries[1].seq = 1;
    wrong.push(repeated);
    let mut short = good.clone();
    short.entries[0].hashes.pop();
    wrong.push(short);
    let mut long = good.clone();
    long.entries[1].hashes.push(Digest([0; 32]));
    wrong.push(long);
    for append in &wrong {
        assert!(matches!(refused(log, append), StoreError::Malformed(_)), "{append:?}");
    }
    log.append(&good).unwrap();
}

#[test]
fn an_action_stands_in_one_log_once() {
    let Store { log, .. } = &store();
    log.append(&append("a", 1, &["one"])).unwrap();
    log.append(&opening("b")).unwrap();
    let repeats = [
        append("a", 2, &["one"]),
        append("a", 2, &["two", "one"]),
        append("a", 2, &["two", "two"]),
        append("b", 1, &["one"]),
    ];
    for repeat in &repeats {
        let error = refused(log, repeat);
        assert!(matches!(error, StoreError::Duplicate { .. }), "{error}");
    }
    assert_eq!((size(log, "a"), size(log, "b")), (2, 1));
    let answer = log.answer(&Digest::of(b"one")).unwrap();
    assert_eq!(answer, Some(StoredAnswer::Entry { room: room("a"), seq: 1 }));
    assert_eq!(log.answer(&Digest::of(b"two")).unwrap(), None);
}

#[test]
fn an_action_is_logged_or_refused_and_never_both() {
    let Store { log, .. } = &store();
    let refuse = |name, action| Append {
        refusals: vec![refusal(action)],
        ..Append::to(room(name), u64::MAX)
    };
    log.append(&append("a", 1, &["logged"])).unwrap();
    log.append(&refuse("a", "refused")).unwrap();
    log.append(&refuse("nowhere", "lost")).unwrap();
    for append in [
        refuse("a", "logged"),
        refuse("a", "refused"),
        refuse("b", "refused"),
        append("a", 2, &["refused"]),
        Append { refusals: vec![refusal("three")], ..append("a", 2, &["three"]) },
    ] {
        assert!(matches!(refused(log, &append), StoreError::Duplicate { .. }), "{append:?}");
    }
    let answer = |action: &str| log.answer(&Digest::of(action.as_bytes())).unwrap();
    assert_eq!(answer("refused"), Some(StoredAnswer::Refusal("refusal of refused".into())));
    assert_eq!(answer("logged"), Some(StoredAnswer::Entry { room: room("a"), seq: 1 }));
    assert_eq!(answer("three"), None);
    assert_eq!(log.forget_refusals(&room("nowhere")).unwrap(), 1);
    assert_eq!(log.forget_refusals(&room("nowhere")).unwrap(), 0);
    assert_eq!((answer("lost"), answer("refused").is_some()), (None, true));
}

#[test]
fn what_is_held_for_a_role_is_released_once() {
    let Store { log, .. } = &store();
    let hold = |role: &str| PendingChange::Hold { role: role.into(), payload: role.into() };
    let release = |role: &str| PendingChange::Release { role: role.into() };
    let change = |pending| Append { pending, ..Append::to(room("a"), 1) };
    log.append(&change(vec![hold("seller")])).unwrap();
    for wrong in [hold("seller"), release("winner")] {
        assert!(matches!(refused(log, &change(vec![wrong])), StoreError::Pending { .. }));
    }
    let both_or_neither =
        Append { pending: vec![release("seller"), release("winner")], ..append("a", 1, &["x"]) };
    assert!(matches!(refused(log, &both_or_neither), StoreError::Pending { .. }));
    let held = StoredPending { role: "seller".into(), payload: "seller".into() };
    assert_eq!(log.pending(&room("a")).unwrap(), [held]);
    let both = Append { pending: vec![release("seller")], ..append("a", 1, &["x", "y"]) };
    log.append(&both).unwrap();
    assert!(log.pending(&room("a")).unwrap().is_empty());
    assert_eq!(size(log, "a"), 3);
}

#[test]
fn one_bad_member_leaves_the_others_of_its_group() {
    let Store { log, .. } = &store();
    let answers = log.commit(&[
        append("a", 1, &["one"]),
        append("a", 1, &["late"]),
        append("a", 2, &["two", "one"]),
        opening("b"),
        append("x", 0, &["nowhere"]),
        append("b", 1, &["three"]),
        append("a", 2, &["two"]),
    ]);
    let good: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, false, true, false, true, true]);
    assert_eq!((size(log, "a"), size(log, "b")), (3, 2));
    assert_eq!(log.answer(&Digest::of(b"late")).unwrap(), None);
    assert_eq!(log.head(&room("a")).unwrap().note, "head 3");
}

#[test]
fn a_room_whose_rows_were_tampered_with_harms_no_other() {
    let store = store();
    let log = &store.log;
    for name in ["b", "c"] {
        log.append(&opening(name)).unwrap();
    }
    let file = rusqlite::Connection::open(store.path()).unwrap();
    let id = "(SELECT id FROM room WHERE name = ?1)";
    let extra = format!("INSERT INTO entry VALUES ({id}, 1, randomblob(32), zeroblob(32), 1, '')");
    assert_eq!(file.execute(&extra, [&room("a").0]).unwrap(), 1);
    file.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    let sick = format!("UPDATE head SET size = -1 WHERE room = {id}");
    assert_eq!(file.execute(&sick, [&room("b").0]).unwrap(), 1);
    let answers =
        log.commit(&[append("a", 1, &["1"]), append("b", 1, &["2"]), append("c", 1, &["3"])]);
    assert!(matches!(answers[0], Err(StoreError::Statement(_))), "{answers:?}");
    assert!(matches!(answers[1], Err(StoreError::Value(_))), "{answers:?}");
    assert!(answers[2].is_ok());
    assert_eq!(log.answer(&Digest::of(b"1")).unwrap(), None);
    assert_eq!(log.read(&room("c"), 0, 9).unwrap().len(), 2);
}

#[test]
fn a_store_out_of_pages_keeps_nothing_of_the_group_and_recovers() {
    let Store { log, .. } = &store();
    log.limit_pages(40);
    let mut large = append("a", 2, &["large"]);
    large.entries[0].text = text(300_000);
    let group = [append("a", 1, &["small"]), large, append("a", 3, &["after"])];
    let answers = log.commit(&group);
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Full))), "{answers:?}");
    assert_eq!(size(log, "a"), 1);
    log.append(&append("a", 1, &["fits"])).unwrap();
    assert_eq!(size(log, "a"), 2);
    log.limit_pages(1_000_000);
    assert_eq!(log.answer(&Digest::of(b"large")).unwrap(), None);
    log.append(&group[1]).unwrap();
}

#[test]
fn a_full_disk_keeps_nothing_of_the_group_and_recovers() {
    let Some(disk) = TinyDisk::mount(768) else {
        eprintln!("skipped: this process may not mount a small file system");
        return;
    };
    let path = disk.path().join("log.db");
    let log = SqliteLog::open(&path).unwrap();
    log.append(&opening("a")).unwrap();
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![7; 200_000]).unwrap();
    let mut acknowledged = 1;
    let failure = loop {
        let mut next = append("a", acknowledged, &[&format!("bid {acknowledged}")]);
        next.entries[0].text = text(20_000);
        match log.append(&next) {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(failure, StoreError::Full), "{failure:?}");
    assert_eq!(size(&log, "a"), acknowledged);
    std::fs::remove_file(&ballast).unwrap();
    log.append(&append("a", acknowledged, &["after"])).unwrap();
    drop(log);
    assert_eq!(size(&SqliteLog::open(&path).unwrap(), "a"), acknowledged + 1);
}

#[test]
fn files_are_for_their_owner_alone() {
    let store = store();
    let modes = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (name, _) in contents(store.folder.path()) {
        assert_eq!(modes(Path::new(&name)), 0o600, "{name}");
    }
    let path = store.path();
    drop(store.log);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    SqliteLog::open(&path).unwrap();
    assert_eq!(modes(&path), 0o600);
}

/// Opens a file with these bytes.
fn open_bytes(bytes: &[u8]) -> OpenError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    std::fs::write(&path, bytes).unwrap();
    let error = SqliteLog::open(&path).unwrap_err();
    // What happened, then what to do, and which file it is about.
    let told = error.to_string();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains(&path.display().to_string()), "{told}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the file was touched");
    error
}

/// The file of a store after a change of its header through SQL.
fn changed(sql: &str) -> Vec<u8> {
    let store = store();
    let path = store.path();
    drop(store.log);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(connection);
    std::fs::read(&path).unwrap()
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    assert!(matches!(open_bytes(&[b'x'; 5000]), OpenError::Damaged { .. }));
    assert!(matches!(open_bytes(b"short"), OpenError::Damaged { .. }));
    assert!(matches!(
        open_bytes(&changed("PRAGMA application_id = 7")),
        OpenError::Foreign { found: 7, .. }
    ));
    let table = "PRAGMA application_id = 0; PRAGMA user_version = 0";
    assert!(matches!(open_bytes(&changed(table)), OpenError::Foreign { found: 0, .. }));
    assert!(matches!(
        open_bytes(&changed("PRAGMA user_version = 99")),
        OpenError::Newer { found: 99, known: 2, .. }
    ));
}

#[test]
fn damage_inside_the_file_is_named_as_such() {
    let store = store();
    let path = store.path();
    store.log.append(&append("a", 1, &["one", "two", "three"])).unwrap();
    drop(store.log);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    match SqliteLog::open(&path) {
        Err(OpenError::Damaged { .. }) => {}
        Err(other) => panic!("{other}"),
        Ok(log) => {
            assert!(matches!(log.rooms(), Err(StoreError::Damaged(_))));
            let answer = log.append(&append("a", 4, &["four"]));
            assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
        }
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let error = SqliteLog::open(Path::new("/nonexistent/log.db")).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
}

#[test]
#[ignore = "runs as a child of the test below"]
fn child_opens_a_store_it_may_not_write() {
    let Some(folder) = child_folder() else { return };
    let error = SqliteLog::open(&folder.join("log.db")).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    println!("refused as expected");
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    use std::os::unix::process::CommandExt as _;
    let folder = tempfile::tempdir().unwrap();
    let set_mode = |mode| {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(0o555);
    let mut command = child("store::tests::child_opens_a_store_it_may_not_write", folder.path());
    // Modes do not bind root: the child becomes somebody else, where that is allowed.
    if std::fs::write(folder.path().join("probe"), b"").is_ok() {
        command.uid(65534).gid(65534);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: cannot start as another user: {error}"),
    };
    set_mode(0o700);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("refused as expected"), "{told}");
}

#[test]
fn files_copied_while_in_use_hold_what_was_acknowledged() {
    let store = store();
    for size in 1..50 {
        store.log.append(&append("a", size, &[&format!("bid {size}")])).unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    for name in ["log.db", "log.db-wal"] {
        std::fs::copy(store.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let log = SqliteLog::open(&copy.path().join("log.db")).unwrap();
    assert_eq!(size(&log, "a"), 50);
    log.append(&append("a", 50, &["after"])).unwrap();
}

#[test]
fn a_journal_cut_short_loses_whole_groups_only() {
    let store = store();
    store.log.checkpoint().unwrap();
    for size in (1..40).step_by(3) {
        let names = [0, 1, 2].map(|number| format!("bid {size} {number}"));
        store.log.append(&append("a", size, &names.each_ref().map(String::as_str))).unwrap();
    }
    let base = std::fs::read(store.path()).unwrap();
    let journal = std::fs::read(store.folder.path().join("log.db-wal")).unwrap();
    let copy = tempfile::tempdir().unwrap();
    for length in (0..journal.len()).step_by(5_003) {
        std::fs::write(copy.path().join("log.db"), &base).unwrap();
        std::fs::write(copy.path().join("log.db-wal"), &journal[..length]).unwrap();
        let _ = std::fs::remove_file(copy.path().join("log.db-shm"));
        let log = SqliteLog::open(&copy.path().join("log.db")).unwrap();
        assert_eq!(size(&log, "a") % 3, 1, "half a group after {length} bytes");
    }
}

#[test]
#[ignore = "runs as a child of the test below"]
fn child_commits_until_it_is_killed() {
    let Some(folder) = child_folder() else { return };
    let log = SqliteLog::open(&folder.join("log.db")).unwrap();
    let links = Links::open(&folder, random()).unwrap();
    log.append(&opening("a")).unwrap();
    for size in 1..u32::MAX {
        links.put(&[(room("a"), &[link(size)])]).unwrap();
        log.append(&append("a", size.into(), &[&format!("bid {size}")])).unwrap();
        println!("acknowledged {size}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn every_acknowledged_entry_and_its_link_survive_a_killed_process() {
    for enough in [1, 60, 700] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = child("store::tests::child_commits_until_it_is_killed", folder.path());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        for line in lines.map_while(Result::ok) {
            // The test harness puts its own words before the first line.
            let Some((_, number)) = line.split_once("acknowledged ") else { continue };
            acknowledged = number.parse().unwrap();
            if acknowledged == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let log = SqliteLog::open(&folder.path().join("log.db")).unwrap();
        assert!(acknowledged >= enough);
        assert!(log.head(&room("a")).unwrap().size > acknowledged.into());
        let last = log.answer(&Digest::of(format!("bid {acknowledged}").as_bytes())).unwrap();
        assert_eq!(last, Some(StoredAnswer::Entry { room: room("a"), seq: acknowledged.into() }));
        let links =
            Links::open(folder.path(), random()).unwrap().room(&room("a")).unwrap().unwrap();
        assert!((1..=acknowledged).all(|number| links.contains(&link(number))));
    }
}
