//! Links: what is readable by whom, and what erasing leaves behind.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::store::fixture::{TinyDisk, contents, holds, link, random, room};

fn links() -> (tempfile::TempDir, Links) {
    let folder = tempfile::tempdir().unwrap();
    let links = Links::open(folder.path(), random()).unwrap();
    (folder, links)
}

fn put(links: &Links, name: &str, numbers: &[u32]) -> Result<(), StoreError> {
    let numbers: Vec<AuthorLink> = numbers.iter().copied().map(link).collect();
    links.put(&[(room(name), &numbers)]).unwrap().pop().unwrap()
}

fn sorted(numbers: &[u32]) -> Vec<AuthorLink> {
    let mut links: Vec<AuthorLink> = numbers.iter().copied().map(link).collect();
    links.sort_by_key(|link| *link.key.as_bytes());
    links
}

/// The file's key of a room, read past the code under test.
fn stored_key(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let file = Connection::open(folder.join(KEYS_FILE)).unwrap();
    let sql = "SELECT key FROM room_key WHERE room = ?1";
    file.query_row(sql, [&room(name).0], |row| row.get(0)).unwrap()
}

fn change(folder: &Path, sql: &str, values: impl rusqlite::Params) {
    let file = Connection::open(folder.join(LINKS_FILE)).unwrap();
    assert_eq!(file.execute(sql, values).unwrap(), 1);
}

#[test]
fn links_are_read_by_room_also_after_reopening() {
    let (folder, links) = links();
    put(&links, "a", &[1, 2]).unwrap();
    put(&links, "a", &[3]).unwrap();
    put(&links, "b", &[1]).unwrap();
    for links in [links, Links::open(folder.path(), random()).unwrap()] {
        assert_eq!(links.room(&room("a")).unwrap().unwrap(), sorted(&[1, 2, 3]));
        assert_eq!(links.room(&room("b")).unwrap().unwrap(), sorted(&[1]));
        assert!(links.room(&room("c")).unwrap().unwrap().is_empty());
    }
}

#[test]
fn a_link_of_the_same_key_is_replaced() {
    let (_folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    let other = AuthorLink { key: link(1).key, ..link(2) };
    links.put(&[(room("a"), std::slice::from_ref(&other))]).unwrap().pop().unwrap().unwrap();
    assert_eq!(links.room(&room("a")).unwrap().unwrap(), [other]);
}

#[test]
fn no_file_shows_who_is_behind_a_key() {
    let (folder, links) = links();
    put(&links, "a", &[1, 2, 3]).unwrap();
    for checkpointed in [false, true] {
        if checkpointed {
            links.checkpoint().unwrap();
        }
        let files = contents(folder.path());
        assert!(files.iter().any(|(_, bytes)| holds(bytes, link(1).key.as_bytes())));
        for (name, bytes) in &files {
            for link in sorted(&[1, 2, 3]) {
                assert!(!holds(bytes, link.persona.as_bytes()), "persona in {name}");
                assert!(!holds(bytes, link.blind.expose()), "blind in {name}");
                assert!(!holds(bytes, link.action.as_bytes()), "action in {name}");
            }
        }
    }
}

#[test]
fn rooms_have_keys_of_their_own_in_the_file_of_keys_only() {
    let (folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    put(&links, "b", &[1]).unwrap();
    let key = stored_key(folder.path(), "a").unwrap();
    assert_ne!(key, stored_key(folder.path(), "b").unwrap());
    links.checkpoint().unwrap();
    for (name, bytes) in contents(folder.path()) {
        assert_eq!(holds(&bytes, &key), name.ends_with(KEYS_FILE), "{name}");
    }
}

#[test]
fn an_erased_room_is_unreadable_and_its_key_is_nowhere() {
    let (folder, links) = links();
    put(&links, "a", &[1, 2]).unwrap();
    put(&links, "b", &[3]).unwrap();
    let key = stored_key(folder.path(), "a").unwrap();
    let copy = std::fs::read(folder.path().join(LINKS_FILE)).unwrap();
    links.erase(&[room("a")]).unwrap();
    assert_eq!(stored_key(folder.path(), "a"), None);
    for (name, bytes) in contents(folder.path()) {
        assert!(!holds(&bytes, &key), "the key is still in {name}");
    }
    assert_eq!(links.room(&room("a")).unwrap(), None);
    assert_eq!(links.room(&room("b")).unwrap().unwrap(), sorted(&[3]));
    drop(links);
    // A copy of the links made before does not bring them back.
    std::fs::write(folder.path().join(LINKS_FILE), copy).unwrap();
    let _ = std::fs::remove_file(folder.path().join("links.db-wal"));
    assert_eq!(Links::open(folder.path(), random()).unwrap().room(&room("a")).unwrap(), None);
}

#[test]
fn an_erased_room_takes_no_links_and_the_rest_of_the_group_is_kept() {
    let (folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    links.erase(&[room("a"), room("never used")]).unwrap();
    links.erase(&[room("a")]).unwrap();
    for links in [links, Links::open(folder.path(), random()).unwrap()] {
        let (one, two) = ([link(4)], [link(5)]);
        let group: [(RoomName, &[AuthorLink]); 4] =
            [(room("a"), &one), (room("b"), &two), (room("never used"), &one), (room("a"), &[])];
        let answers = links.put(&group).unwrap();
        assert!(matches!(answers[0], Err(StoreError::Erased { room: it }) if it == room("a")));
        assert!(answers[1].is_ok());
        assert!(matches!(answers[2], Err(StoreError::Erased { .. })));
        assert!(answers[3].is_ok());
        assert_eq!(links.room(&room("a")).unwrap(), None);
        assert_eq!(links.room(&room("b")).unwrap().unwrap(), sorted(&[5]));
    }
}

#[test]
fn no_key_of_many_erased_rooms_stays_in_any_page() {
    let (folder, links) = links();
    let names: Vec<String> = (0..1500).map(|number| number.to_string()).collect();
    let one = [link(1)];
    for part in names.chunks(100) {
        let group: Vec<(RoomName, &[AuthorLink])> =
            part.iter().map(|name| (room(name), one.as_slice())).collect();
        assert!(links.put(&group).unwrap().iter().all(Result::is_ok));
    }
    let (gone, kept) = names.split_at(1000);
    let keys: Vec<_> = gone.iter().map(|name| stored_key(folder.path(), name).unwrap()).collect();
    let rooms: Vec<_> = gone.iter().map(|name| room(name)).collect();
    for part in rooms.chunks(300) {
        links.erase(part).unwrap();
    }
    let mut windows = std::collections::HashSet::new();
    for (name, bytes) in contents(folder.path()) {
        if name.contains(KEYS_FILE) {
            windows.extend(bytes.windows(32).map(<[u8]>::to_vec));
        }
    }
    assert!(windows.contains(&stored_key(folder.path(), &kept[0]).unwrap()));
    assert!(keys.iter().all(|key| !windows.contains(key)));
    assert!(kept.iter().all(|name| links.room(&room(name)).unwrap().unwrap() == one));
}

#[test]
fn an_altered_or_moved_link_is_refused() {
    let moves = [
        "UPDATE link SET sealed = zeroblob(96)",
        "UPDATE link SET nonce = zeroblob(12)",
        "UPDATE link SET key = zeroblob(32)",
    ];
    for sql in moves {
        let (folder, links) = links();
        put(&links, "a", &[1]).unwrap();
        change(folder.path(), sql, []);
        let error = links.room(&room("a")).unwrap_err();
        assert!(matches!(error, StoreError::Value("link")), "{error}");
    }
    let (folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    put(&links, "b", &[2]).unwrap();
    let sql = "UPDATE link SET room = ?1 WHERE room = ?2";
    change(folder.path(), sql, [&room("b").0, &room("a").0]);
    assert!(matches!(links.room(&room("b")), Err(StoreError::Value("link"))));
}

#[test]
fn a_full_disk_keeps_no_link_of_the_group_and_recovers() {
    let Some(disk) = TinyDisk::mount(512) else {
        eprintln!("skipped: this process may not mount a small file system");
        return;
    };
    let links = Links::open(disk.path(), random()).unwrap();
    put(&links, "a", &[1]).unwrap();
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![7; 240_000]).unwrap();
    let many: Vec<AuthorLink> = (2..3000).map(link).collect();
    let one = [link(1)];
    let group: [(RoomName, &[AuthorLink]); 2] = [(room("a"), &many), (room("a"), &one)];
    assert!(matches!(links.put(&group), Err(StoreError::Full)));
    assert_eq!(links.room(&room("a")).unwrap().unwrap(), sorted(&[1]));
    std::fs::remove_file(&ballast).unwrap();
    put(&links, "a", &[2]).unwrap();
    assert_eq!(links.room(&room("a")).unwrap().unwrap(), sorted(&[1, 2]));
}

#[test]
fn files_are_for_their_owner_alone() {
    let (folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    let files = contents(folder.path());
    assert!(files.len() >= 4);
    for (name, _) in files {
        let mode = std::fs::metadata(&name).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_file_in_the_place_of_another_is_refused() {
    let (folder, links) = links();
    drop(links);
    std::fs::rename(folder.path().join(LINKS_FILE), folder.path().join(KEYS_FILE)).unwrap();
    assert!(matches!(Links::open(folder.path(), random()), Err(OpenError::Foreign { .. })));
}

#[test]
fn debug_shows_nothing_of_a_link() {
    let (_folder, links) = links();
    assert_eq!(format!("{:?}", link(1)), "AuthorLink(..)");
    assert_eq!(format!("{links:?}"), "Links(..)");
}

/// Somebody else reads the file of keys, and keeps what they see.
fn hold(folder: &Path) -> Connection {
    let reader = Connection::open(folder.join(KEYS_FILE)).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM room_key", [], |row| row.get(0)).unwrap();
    reader
}

fn holders(folder: &Path, key: &[u8]) -> Vec<String> {
    let files = contents(folder).into_iter().filter(|(_, bytes)| holds(bytes, key));
    files.map(|(name, _)| name).collect()
}

/// What a process that is killed leaves: the files as they are, and no last word to them.
fn killed(folder: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, left.path().join(path.file_name().unwrap())).unwrap();
    }
    left
}

#[test]
fn a_reader_puts_erasing_off_and_it_is_finished_once_they_let_go() {
    let (folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    put(&links, "b", &[2]).unwrap();
    let key = stored_key(folder.path(), "a").unwrap();
    let reader = hold(folder.path());
    assert!(matches!(links.erase(&[room("a")]), Err(StoreError::InUse)));
    assert!(links.is_unfinished());
    assert_eq!(links.room(&room("a")).unwrap(), None, "for the broker it is gone at once");
    assert!(!holders(folder.path(), &key).is_empty(), "the reader still sees it");
    assert!(matches!(links.finish(), Err(StoreError::InUse)));
    // Others are not kept waiting.
    put(&links, "b", &[3]).unwrap();
    drop(reader);
    links.finish().unwrap();
    assert!(!links.is_unfinished());
    assert_eq!(holders(folder.path(), &key), Vec::<String>::new());
    assert_eq!(links.room(&room("b")).unwrap().unwrap(), sorted(&[2, 3]));
}

#[test]
fn erasing_that_a_crash_cut_off_is_finished_at_the_next_start() {
    // After the key was taken away, before the file was rebuilt; and before the journal was cut.
    for rebuilt in [false, true] {
        let (folder, links) = links();
        put(&links, "a", &[1]).unwrap();
        let key = stored_key(folder.path(), "a").unwrap();
        let reader = hold(folder.path());
        if rebuilt {
            links.erase(&[room("a")]).unwrap_err();
        } else {
            links.inner.lock().keys.erase(&[room("a")]).unwrap();
        }
        let left = killed(folder.path());
        drop(reader);
        assert!(!holders(left.path(), &key).is_empty(), "a crash leaves it");
        let again = Links::open(left.path(), random()).unwrap();
        assert!(!again.is_unfinished());
        assert_eq!(holders(left.path(), &key), Vec::<String>::new());
        assert_eq!(again.room(&room("a")).unwrap(), None);
    }
}

#[test]
fn a_start_that_cannot_finish_erasing_says_so_and_finishes_later() {
    let (folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    let key = stored_key(folder.path(), "a").unwrap();
    let first = hold(folder.path());
    links.erase(&[room("a")]).unwrap_err();
    let left = killed(folder.path());
    drop((first, links));
    let reader = hold(left.path());
    let again = Links::open(left.path(), random()).unwrap();
    assert!(again.is_unfinished());
    drop(reader);
    again.finish().unwrap();
    assert_eq!(holders(left.path(), &key), Vec::<String>::new());
}

#[test]
fn a_room_that_could_not_be_erased_at_all_is_erased_later() {
    let (folder, links) = links();
    put(&links, "a", &[1]).unwrap();
    let key = stored_key(folder.path(), "a").unwrap();
    let writer = Connection::open(folder.path().join(KEYS_FILE)).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(links.erase(&[room("a")]), Err(StoreError::Unavailable(_))));
    assert!(links.is_unfinished());
    drop(writer);
    links.finish().unwrap();
    assert_eq!(links.room(&room("a")).unwrap(), None);
    assert_eq!(holders(folder.path(), &key), Vec::<String>::new());
}

#[test]
fn what_was_sealed_for_a_room_opens_there_until_the_room_is_erased() {
    let (folder, links) = links();
    let text = "a disclosure that nobody else may keep";
    let sealed = links.seal(&room("a"), text).unwrap();
    assert!(!sealed.contains(text));
    let again = Links::open(folder.path(), random()).unwrap();
    assert_eq!(again.unseal(&room("a"), &sealed).unwrap().as_deref(), Some(text));
    drop(again);
    // Of another room, altered, or cut short.
    links.seal(&room("b"), text).unwrap();
    let altered = sealed.replace("sealed/v1.", "sealed/v1.A");
    for (name, sealed) in
        [("b", sealed.as_str()), ("a", &altered), ("a", &sealed[..30]), ("a", "sealed/v1.")]
    {
        let error = links.unseal(&room(name), sealed).unwrap_err();
        assert!(matches!(error, StoreError::Value("held disclosure")), "{error}");
    }
    // What earlier brokers held is read as it stands.
    assert_eq!(links.unseal(&room("a"), "{\"seq\":0}").unwrap().as_deref(), Some("{\"seq\":0}"));
    links.erase(&[room("a")]).unwrap();
    assert_eq!(links.unseal(&room("a"), &sealed).unwrap(), None);
    assert!(matches!(links.seal(&room("a"), text), Err(StoreError::Erased { .. })));
}
