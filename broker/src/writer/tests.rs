//! Group commit: order, isolation of members, failures of a store, stopping.

use std::sync::mpsc as std_mpsc;

use parking_lot::Mutex;
use pregao_protocol::value::codec::Digest;

use super::*;
use crate::host::system;
use crate::store::fixture::{TinyDisk, append, link, opening, random, room, text};
use crate::store::sqlite::SqliteLog;
use crate::store::{RoomName, StoredAnswer, StoredEntry, StoredHead, StoredPending, StoredRoom};

struct Broker {
    folder: tempfile::TempDir,
    log: Arc<SqliteLog>,
    links: Arc<Links>,
    thread: WriterThread,
}

fn broker() -> Broker {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(SqliteLog::open(&folder.path().join("log.db")).unwrap());
    let links = Arc::new(Links::open(folder.path(), random()).unwrap());
    let thread =
        WriterThread::start(log.clone(), links.clone(), Arc::default(), &*system().spawn).unwrap();
    Broker { folder, log, links, thread }
}

fn commit(append: Append, links: &[u32]) -> Commit {
    Commit { append, links: links.iter().copied().map(link).collect() }
}

#[tokio::test]
async fn many_callers_are_answered_each_for_their_own_commit() {
    let Broker { folder, log, links, thread } = broker();
    let writer = thread.writer();
    let tasks: Vec<_> = (0..50_u32)
        .map(|number| {
            let (writer, name) = (writer.clone(), format!("room {number}"));
            tokio::spawn(async move {
                writer.commit(commit(opening(&name), &[number])).await.unwrap();
                let late = writer.commit(commit(append(&name, 5, &[&name]), &[])).await;
                assert!(matches!(late, Err(StoreError::Conflict { actual: 1, .. })));
                writer.commit(commit(append(&name, 1, &[&name]), &[])).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(log.rooms().unwrap().iter().map(|room| room.size).sum::<u64>(), 100);
    assert_eq!(links.room(&room("room 7")).unwrap().unwrap(), [link(7)]);
    drop(folder);
}

#[tokio::test]
async fn commits_of_a_room_are_applied_in_the_order_they_were_queued() {
    let Broker { log, thread, folder: _folder, .. } = broker();
    let writer = thread.writer();
    let mut queued = vec![writer.queue(commit(opening("a"), &[])).await.unwrap()];
    for size in 1..20 {
        let next = append("a", size, &[&format!("bid {size}")]);
        queued.push(writer.queue(commit(next, &[])).await.unwrap());
    }
    for one in queued {
        one.durable().await.unwrap();
    }
    assert_eq!(log.head(&room("a")).unwrap().size, 20);
}

#[tokio::test]
async fn a_commit_whose_caller_has_gone_is_kept() {
    let Broker { log, thread, folder: _folder, .. } = broker();
    drop(thread.writer().queue(commit(opening("a"), &[1])).await.unwrap());
    thread.stop().await.unwrap();
    assert_eq!(log.head(&room("a")).unwrap().size, 1);
}

#[tokio::test]
async fn an_erased_room_costs_the_others_nothing() {
    let Broker { log, links, thread, folder: _folder } = broker();
    let writer = thread.writer();
    writer.commit(commit(opening("a"), &[1])).await.unwrap();
    links.erase(&[room("a")]).unwrap();
    let erased = writer.queue(commit(append("a", 1, &["x"]), &[2])).await.unwrap();
    let good = writer.queue(commit(opening("b"), &[3])).await.unwrap();
    assert!(matches!(erased.durable().await, Err(StoreError::Erased { .. })));
    good.durable().await.unwrap();
    assert_eq!(log.head(&room("a")).unwrap().size, 1);
    // Entries that need no link, such as the broker's own, still go in.
    writer.commit(commit(append("a", 1, &["settled"]), &[])).await.unwrap();
}

#[tokio::test]
async fn stopping_makes_durable_what_is_queued_and_takes_no_more() {
    let Broker { folder, log, links, thread } = broker();
    let writer = thread.writer();
    let mut queued = vec![writer.queue(commit(opening("a"), &[0])).await.unwrap()];
    for size in 1..300_u32 {
        let next = append("a", size.into(), &[&format!("bid {size}")]);
        queued.push(writer.queue(commit(next, &[size])).await.unwrap());
    }
    thread.stop().await.unwrap();
    for one in queued {
        one.durable().await.unwrap();
    }
    let late = writer.commit(commit(append("a", 300, &["late"]), &[])).await;
    assert!(matches!(late, Err(StoreError::Stopped)), "{late:?}");
    for name in ["log.db-wal", "links.db-wal", "link-keys.db-wal"] {
        assert_eq!(std::fs::metadata(folder.path().join(name)).unwrap().len(), 0, "{name}");
    }
    drop((log, links));
    let log = SqliteLog::open(&folder.path().join("log.db")).unwrap();
    assert_eq!(log.head(&room("a")).unwrap().size, 300);
}

#[tokio::test]
async fn a_full_disk_fails_the_group_and_the_writer_goes_on() {
    let Some(disk) = TinyDisk::mount(1024) else {
        eprintln!("skipped: this process may not mount a small file system");
        return;
    };
    let log = Arc::new(SqliteLog::open(&disk.path().join("log.db")).unwrap());
    let links = Arc::new(Links::open(disk.path(), random()).unwrap());
    let thread = WriterThread::start(log.clone(), links, Arc::default(), &*system().spawn).unwrap();
    let writer = thread.writer();
    writer.commit(commit(opening("a"), &[0])).await.unwrap();
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![7; 400_000]).unwrap();
    let mut acknowledged = 1_u32;
    let failure = loop {
        let mut next = append("a", acknowledged.into(), &[&format!("bid {acknowledged}")]);
        next.entries[0].text = text(20_000);
        match writer.commit(commit(next, &[acknowledged])).await {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(failure, StoreError::Full), "{failure:?}");
    assert_eq!(log.head(&room("a")).unwrap().size, u64::from(acknowledged));
    std::fs::remove_file(&ballast).unwrap();
    writer.commit(commit(append("a", acknowledged.into(), &["after"]), &[9999])).await.unwrap();
    assert_eq!(log.head(&room("a")).unwrap().size, u64::from(acknowledged) + 1);
    thread.stop().await.unwrap();
}

/// A log that waits for a word before each group, notes the group, and answers as told.
#[derive(Debug)]
struct Scripted {
    links: Arc<Links>,
    go: Mutex<std_mpsc::Receiver<Result<(), StoreError>>>,
    groups: Mutex<Vec<usize>>,
}

impl Log for Scripted {
    fn commit(&self, group: &[Append]) -> Vec<Result<(), StoreError>> {
        for append in group {
            let links = self.links.room(&append.room).unwrap().unwrap();
            assert_eq!(links.len(), 1, "an entry comes before its link");
        }
        self.groups.lock().push(group.len());
        vec![self.go.lock().recv().unwrap(); group.len()]
    }
    fn read(&self, _: &RoomName, _: u64, _: usize) -> Result<Vec<StoredEntry>, StoreError> {
        Ok(Vec::new())
    }
    fn rooms(&self) -> Result<Vec<StoredRoom>, StoreError> {
        Ok(Vec::new())
    }
    fn head(&self, room: &RoomName) -> Result<StoredHead, StoreError> {
        Err(StoreError::UnknownRoom { room: *room })
    }
    fn answer(&self, _: &Digest) -> Result<Option<StoredAnswer>, StoreError> {
        Ok(None)
    }
    fn node(&self, _: &RoomName, _: u8, _: u64) -> Result<Option<Digest>, StoreError> {
        Ok(None)
    }
    fn cosigned(&self, _: &RoomName) -> Result<Option<StoredHead>, StoreError> {
        Ok(None)
    }

    fn refused(&self, _: &RoomName) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn refused_node(&self, _: &RoomName, _: u8, _: u64) -> Result<Option<Digest>, StoreError> {
        Ok(None)
    }

    fn pending(&self, _: &RoomName) -> Result<Vec<StoredPending>, StoreError> {
        Ok(Vec::new())
    }
    fn forget_refusals(&self, _: &RoomName) -> Result<u64, StoreError> {
        Ok(0)
    }
    fn probe(&self) -> Result<(), StoreError> {
        self.go.lock().recv().unwrap()
    }
    fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Queues commits while the first waits in the log, then lets all groups end with `answers`.
async fn groups(appends: Vec<Append>, answers: &[Result<(), StoreError>]) -> (Vec<usize>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let links = Arc::new(Links::open(folder.path(), random()).unwrap());
    let (go, wait) = std_mpsc::channel();
    let log =
        Arc::new(Scripted { links: links.clone(), go: wait.into(), groups: Mutex::default() });
    let thread = WriterThread::start(log.clone(), links, Arc::default(), &*system().spawn).unwrap();
    let writer = thread.writer();
    let mut queued = vec![writer.queue(commit(opening("first"), &[1])).await.unwrap()];
    while log.groups.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    for append in appends {
        queued.push(writer.queue(commit(append, &[2])).await.unwrap());
    }
    for answer in answers {
        go.send(answer.clone()).unwrap();
    }
    let mut failed = 0;
    for one in queued {
        failed += usize::from(one.durable().await.is_err());
    }
    let groups = log.groups.lock().clone();
    (groups, failed)
}

#[tokio::test]
async fn a_group_takes_what_waits_up_to_a_number() {
    let appends = (0..GROUP + 1).map(|number| opening(&number.to_string())).collect();
    assert_eq!(groups(appends, &[Ok(()), Ok(()), Ok(())]).await, (vec![1, GROUP, 1], 0));
}

#[tokio::test]
async fn a_group_takes_what_waits_up_to_a_weight() {
    let heavy = |name: &str| {
        let mut append = opening(name);
        append.entries[0].text = text(GROUP_BYTES / 2);
        append
    };
    let appends = vec![heavy("a"), heavy("b"), heavy("c")];
    assert_eq!(groups(appends, &[Ok(()), Ok(()), Ok(())]).await, (vec![1, 2, 1], 0));
}

#[tokio::test]
async fn a_failure_of_the_store_is_the_answer_of_its_group_alone() {
    let appends = (0..GROUP + 5).map(|number| opening(&number.to_string())).collect();
    let (sizes, failed) = groups(appends, &[Ok(()), Err(StoreError::Full), Ok(()), Ok(())]).await;
    assert_eq!((sizes, failed), (vec![1, GROUP, 5], GROUP));
}

#[test]
fn debug_shows_nothing_of_the_links() {
    let shown = format!("{:?}", commit(opening("a"), &[1]));
    assert!(shown.contains("AuthorLink(..)") && !shown.contains("Blind"), "{shown}");
}

/// Time this thread was on a processor, in nanoseconds.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

#[test]
#[ignore = "a measurement: run it alone and in release"]
fn measure_groups_of_1_64_and_256() {
    for (group, with_links) in [(1, true), (64, true), (256, true), (256, false), (64, false)] {
        let folder = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(&folder.path().join("log.db")).unwrap();
        let links = Links::open(folder.path(), random()).unwrap();
        let rooms: Vec<String> = (0..32).map(|number| format!("room {number}")).collect();
        for room in &rooms {
            commit_group(vec![commit(opening(room), &[u32::MAX])], &log, &links);
        }
        let groups = if group == 1 { 2_000 } else { 60_000 / group };
        let mut next = 0;
        let (mut wall, mut processor) = (std::time::Duration::ZERO, 0);
        for _ in 0..groups {
            let commits: Vec<Commit> = (0..group)
                .map(|_| {
                    let (room, size) = (&rooms[next as usize % 32], u64::from(next) / 32 + 1);
                    let mut append = append(room, size, &[&format!("bid {next}")]);
                    append.entries[0].text = text(2_500);
                    next += 1;
                    commit(append, if with_links { std::slice::from_ref(&next) } else { &[] })
                })
                .collect();
            let (start, before) = (std::time::Instant::now(), processor_time());
            let answers = commit_group(commits, &log, &links);
            wall += start.elapsed();
            processor += processor_time() - before;
            assert!(answers.iter().all(Result::is_ok));
        }
        println!(
            "group {group:3} links {with_links:5}: {:8.0} rows/s, {:6.1} us wall and {:5.1} us processor each, {:6.2} ms each group",
            f64::from(next) / wall.as_secs_f64(),
            wall.as_secs_f64() * 1e6 / f64::from(next),
            processor as f64 / 1e3 / f64::from(next),
            wall.as_secs_f64() * 1e3 / f64::from(groups),
        );
    }
}

/// A log whose commits and trials fail as told; what is to be learned is what the writer makes of it.
async fn after(answers: &[Result<(), StoreError>]) -> (Health, u64) {
    let folder = tempfile::tempdir().unwrap();
    let links = Arc::new(Links::open(folder.path(), random()).unwrap());
    let (go, wait) = std_mpsc::channel();
    let log =
        Arc::new(Scripted { links: links.clone(), go: wait.into(), groups: Mutex::default() });
    let metrics = Arc::new(Metrics::default());
    let thread = WriterThread::start(log, links, Arc::clone(&metrics), &*system().spawn).unwrap();
    let writer = thread.writer();
    assert!(writer.health().works && metrics.store_working.value() == 1);
    for answer in answers {
        go.send(answer.clone()).unwrap();
    }
    let failed = writer.commit(commit(opening("a"), &[1])).await;
    assert!(failed.is_err());
    // Nobody commits anything: the writer tries by itself until the script is at its end.
    let mut health = writer.health;
    if answers.len() > 1 {
        health.wait_for(|health| health.works).await.unwrap();
    }
    let health = *health.borrow();
    assert_eq!(metrics.store_working.value(), u64::from(health.works));
    (health, metrics.store_failed.value())
}

#[tokio::test]
async fn a_store_that_failed_is_tried_until_it_works_again() {
    let (health, failed) = after(&[Err(StoreError::Full), Ok(())]).await;
    assert_eq!((health.works, failed), (true, 1), "at once");
    let (health, failed) =
        after(&[Err(StoreError::Full), Err(StoreError::Full), Err(StoreError::Full), Ok(())]).await;
    assert_eq!((health.works, failed), (true, 1), "a trial is no commit");
}

#[tokio::test]
async fn a_member_that_does_not_fit_says_nothing_of_the_store() {
    let unknown = StoreError::UnknownRoom { room: room("a") };
    let (health, failed) = after(&[Err(unknown)]).await;
    assert_eq!((health.works, failed), (true, 0));
}
