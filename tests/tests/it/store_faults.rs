//! The broker's disk is full, cannot be written, or holds something else.

use std::path::{Path, PathBuf};
use std::process::Command;

use pregao_tests::house::{Broker, House, Options, Tsa};
use pregao_tests::peer::{Peer, Person, SubmitAnswer, Terms};

/// A small file system in memory; unmounted when dropped.
pub(super) struct SmallDisk {
    pub(super) path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where mounting is not allowed.
    pub(super) fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        let options = format!("size={size},mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { path, _folder: folder });
        }
        eprintln!("skipped: mounting a small file system needs root");
        None
    }

    fn read_only(&self) {
        let status =
            Command::new("mount").args(["-o", "remount,ro"]).arg(&self.path).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

/// A house whose broker keeps its data there.
fn house_on(data: &Path) -> House {
    house_with(data, &Options::default())
}

pub(super) fn house_with(data: &Path, options: &Options) -> House {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), options).unwrap();
    let log = folder.path().join("broker.log");
    let broker = Broker::start_in(&data.join("broker"), &log, &tsa.address, options).unwrap();
    House { broker, tsa, folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_accepts_nothing_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("6m") else { return };
    let mut house = house_on(&disk.path);
    let tsa = house.tsa.address.clone();
    let person = tokio::task::spawn_blocking(move || Person::enrol(&tsa).unwrap()).await.unwrap();
    let mut ana = Peer::connect(&person, &house.broker.address).await.unwrap();
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    let filler = disk.path.join("filler");
    let mut kept = 0;
    let mut logged = Vec::new();
    let lost = loop {
        let made = ana.make_say(room, &"x".repeat(400)).unwrap();
        let stamp = ana.stamp(&made).await.unwrap();
        let answer = ana.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
        match answer {
            SubmitAnswer::Receipt { seq, .. } => {
                logged.push((made, stamp, seq));
                kept += 1;
                ana.grown(room, seq + 1).await.unwrap();
            }
            SubmitAnswer::Failed(code) => {
                assert_eq!(code, "store.failed");
                break (made, stamp);
            }
            other => panic!("{other:?}"),
        }
        if kept == 10 {
            // Somebody else's file takes the rest of the disk, to the last byte.
            let chunk = vec![0_u8; 4096];
            let mut file = std::fs::File::create(&filler).unwrap();
            while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
        }
        assert!(kept < 20_000, "the disk never fills up");
    };
    // It goes on refusing, and says so; it does not die.
    let next = ana.make_say(room, "still full").unwrap();
    assert_eq!(ana.act(&next).await.unwrap().code(), "store.failed");
    let (status, text) = house.broker.health().unwrap();
    assert!(status == 503 && text.contains("store.failed"), "{status} {text}");
    assert_eq!(ana.watched(room).unwrap().size(), kept + 1, "nobody heard of what was not stored");
    std::fs::remove_file(&filler).unwrap();
    // The room comes back without anybody's acting in it: health says so, and a fresh watcher
    // gets all of it up to a signed head.
    while house.broker.health().unwrap().0 != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut rui = Peer::connect(&person, &house.broker.address).await.unwrap();
    rui.join(room).await.unwrap();
    let head = rui.until(|peer| peer.rooms.get(&room)?.head).await.unwrap();
    assert_eq!(head.size, kept + 1);
    let (made, stamp) = lost;
    // The room is taken up again within seconds, not with the very next action.
    let answer = loop {
        let answer = ana.submit(made.action.compact(), &stamp, &made.blind).await.unwrap();
        if answer.code() != "store.failed" {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(answer.logged().unwrap(), kept + 1, "the same bytes are good once there is room");
    // A client that heard "failed" had no entry; after a restart the log is whole.
    house.broker.kill().unwrap();
    house.broker.restart().unwrap();
    let mut again = Peer::connect(&person, &house.broker.address).await.unwrap();
    again.join(room).await.unwrap();
    for (made, stamp, seq) in &logged {
        let repeated = again.submit(made.action.compact(), stamp, &made.blind).await.unwrap();
        assert_eq!(repeated.logged().unwrap(), *seq);
    }
    assert!(house.broker.log().contains("could not be stored"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_does_not_stop_reading() {
    let Some(disk) = SmallDisk::mount("16m") else { return };
    let house = house_on(&disk.path);
    let tsa = house.tsa.address.clone();
    let person = tokio::task::spawn_blocking(move || Person::enrol(&tsa).unwrap()).await.unwrap();
    let mut ana = Peer::connect(&person, &house.broker.address).await.unwrap();
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    let filler = disk.path.join("filler");
    let mut file = std::fs::File::create(filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0_u8; 4096]).is_ok() {}
    let mut code = String::new();
    for _ in 0..2_000 {
        let made = ana.make_say(room, &"y".repeat(400)).unwrap();
        code = ana.act(&made).await.unwrap().code().to_owned();
        if code != "receipt" {
            break;
        }
    }
    assert_eq!(code, "store.failed");
    let mut rui = Peer::connect(&person, &house.broker.address).await.unwrap();
    rui.join(room).await.unwrap();
    rui.grown(room, ana.watched(room).unwrap().size()).await.unwrap();
}

#[test]
fn a_folder_that_cannot_be_used_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &Options::default()).unwrap();
    let log = folder.path().join("broker.log");
    let start = |data: &Path| {
        let broker = Broker::start_in(data, &log, &tsa.address, &Options::default());
        broker.unwrap_err().to_string()
    };
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a folder").unwrap();
    let words = start(&file);
    assert!(words.contains("a-file") && words.contains("--data"), "{words}");

    let used = folder.path().join("used");
    let first = Broker::start_in(&used, &log, &tsa.address, &Options::default()).unwrap();
    let words = start(&used);
    assert!(words.contains("another broker is using"), "{words}");
    drop(first);

    let damaged = folder.path().join("damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(damaged.join("log.db"), vec![0x5a; 8192]).unwrap();
    let words = start(&damaged);
    assert!(words.contains("log.db"), "{words}");

    if let Some(disk) = SmallDisk::mount("4m") {
        disk.read_only();
        let words = start(&disk.path.join("broker"));
        assert!(words.contains("Read-only") && words.contains("--data"), "{words}");
    }
}

/// A log whose bytes were changed on disk is noticed at the start, not served.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_changed_on_disk_is_not_served() {
    let mut house = crate::open();
    let mut ana = crate::guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    let made = ana.make_say(room, "the truth").unwrap();
    ana.act(&made).await.unwrap().logged().unwrap();
    house.broker.stop().unwrap();
    let database = rusqlite::Connection::open(house.broker.data().join("log.db")).unwrap();
    let changed = database
        .execute(
            "UPDATE entry SET text = replace(text, 'path\":\"', 'path\":\"A') WHERE seq = 1",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let words = house.broker.restart().unwrap_err().to_string();
    assert!(words.contains("cannot be taken up"), "{words}");
}
