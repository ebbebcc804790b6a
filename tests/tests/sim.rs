//! The simulation: hundreds of houses under every trouble that it knows, and the judge of it under
//! lies that it must notice. `pregao-sim` plays more of them.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fault anywhere ends the test"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use pregao_tests::sim::cheat::{self, Cheat};
use pregao_tests::sim::person::Told;
use pregao_tests::sim::run::{self, Left};
use pregao_tests::sim::verdict::{self, Tally};

/// What is logged of a run that is traced follows from its seed only as long as no other begins or ends: the
/// most that anybody wants to hear is one number for the whole process.
static LOGGED: RwLock<()> = RwLock::new(());

/// Seeds that CI plays.
const SEEDS: u64 = 300;
/// Seeds of each cheat.
const CHEATED: u64 = 4;

#[test]
fn three_hundred_houses_keep_every_promise() {
    let _beside = LOGGED.read();
    let (next, all) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let play = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                break;
            }
            match run::seed(seed, false).unwrap().outcome {
                Ok(tally) => {
                    let mut all = all.lock();
                    *all = all.and(tally);
                }
                Err(error) => {
                    let trace = run::seed(seed, true).unwrap().trace.join("\n");
                    panic!("{trace}\nseed {seed}: {error:#}");
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(play);
        }
    });
    // A run in which nothing happens keeps every promise, too.
    let all = all.into_inner();
    assert!(all.auctions > 1_500 && all.receipts > 9_000 && all.refusals > 3_000, "{all:?}");
    assert!(all.delivered > 10 && all.garbage > 3_000 && all.hidden > 300, "{all:?}");
    assert!(all.opened > 150 && all.unopened > 20, "{all:?}");
    assert!(all.disclosed > 300 && all.undisclosed > 300 && all.forfeited > 300, "{all:?}");
}

#[test]
fn a_seed_replays_to_the_last_line() {
    let _alone = LOGGED.write();
    const { assert!(cfg!(tokio_unstable), ".cargo/config.toml, unless RUSTFLAGS hides it") };
    for seed in [1, 2] {
        let [first, second] = [(); 2].map(|()| run::seed(seed, true).unwrap().trace);
        assert!(first.len() > 100);
        let differs = first.iter().zip(&second).position(|(one, other)| one != other);
        if let Some(at) = differs {
            panic!("seed {seed}, line {at}:\n{}\n{}", first[at], second[at]);
        }
        assert_eq!(first.len(), second.len());
    }
    let other = run::seed(3, true).unwrap().trace;
    assert_ne!(run::seed(4, true).unwrap().trace, other);
}

/// What an honest peer sees of a house that cheats it, and a stranger after it (SPEC 7.8).
#[test]
fn every_cheat_is_caught_where_it_can_be() {
    let _beside = LOGGED.read();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for cheat in Cheat::ALL {
        let count = cheat::seeds(cheat, 0..CHEATED, threads).unwrap();
        assert!(count.failed.is_empty(), "{cheat}: {:?}", count.failed);
        assert!(count.caught > 0, "{cheat}: no occasion in {} seeds", count.no_occasion);
    }
}

/// A run in which people disclosed and forfeited, to be lied about.
fn left() -> Left {
    run::leave(9, false).unwrap().0.unwrap()
}

fn judge(left: &Left) -> Result<verdict::Tally, String> {
    let people = left.people.iter().map(Arc::as_ref);
    verdict::judge(&left.store, people).map_err(|error| format!("{error:#}"))
}

/// Judges a run of which somebody was told something else: of those who bid and were shown who the other side is, whoever has
/// the most accepted bids.
fn told_otherwise(left: &Left, change: impl FnOnce(&mut Told)) -> String {
    let accepted = |told: &Told| {
        let bids = told.held.iter().flatten().filter(|receipt| receipt.verb == "bid").count();
        (bids > 0 && !told.revealed.is_empty(), bids)
    };
    let person = left.people.iter().max_by_key(|person| accepted(&person.told.lock())).unwrap();
    let truth = std::mem::take(&mut *person.told.lock());
    let mut lie = truth.clone();
    change(&mut lie);
    *person.told.lock() = lie;
    let judged = judge(left).unwrap_err();
    *person.told.lock() = truth;
    judged
}

#[test]
fn a_run_in_which_a_promise_was_broken_is_not_passed() {
    let _beside = LOGGED.read();
    let left = left();
    let tally = judge(&left).unwrap();
    assert!(tally.disclosed > 0 && tally.forfeited > 0 && tally.receipts > 0, "{tally:?}");
    let alarm = told_otherwise(&left, |told| told.alarms.push("the broker lies".to_owned()));
    assert!(alarm.contains("an alarm was raised"), "{alarm}");
    let lost = told_otherwise(&left, |told| drop(told.held.as_mut().unwrap().pop()));
    assert!(lost.contains("held no more"), "{lost}");
    let none = told_otherwise(&left, |told| told.held = None);
    assert!(none.contains("were not shown"), "{none}");
    let never = told_otherwise(&left, |told| {
        told.held.as_mut().unwrap().retain(|receipt| receipt.verb != "bid");
        told.receipts = BTreeMap::new();
    });
    assert!(never.contains("there is no receipt"), "{never}");
    let forged = told_otherwise(&left, |told| told.held.as_mut().unwrap()[0].seq += 1);
    assert!(forged.contains("not logged"), "{forged}");
    let doubtful = told_otherwise(&left, |told| told.held.as_mut().unwrap()[0].holds = false);
    assert!(doubtful.contains("does not hold"), "{doubtful}");
    let dearer = told_otherwise(&left, |told| {
        told.rooms.values_mut().for_each(|room| room.highest = Some(1));
    });
    assert!(dearer.contains("shown"), "{dearer}");
    let unheard = told_otherwise(&left, |told| told.rooms.clear());
    assert!(unheard.contains("never heard of"), "{unheard}");
    let unopened = told_otherwise(&left, |told| {
        let all = told.invited.keys().cloned().collect::<Vec<_>>();
        for room in all {
            match told.revealed.remove(&room) {
                Some(_) => {}
                None => {
                    told.revealed.insert(room, ("nobody".to_owned(), "verified".to_owned()));
                }
            }
        }
    });
    assert!(unopened.contains("opened"), "{unopened}");
    let another = told_otherwise(&left, |told| {
        told.revealed.values_mut().for_each(|(name, _)| *name = "an impostor".to_owned());
    });
    assert!(another.contains("opened one of an impostor"), "{another}");
    let unverified = told_otherwise(&left, |told| {
        told.revealed.values_mut().for_each(|(_, verdict)| *verdict = "unverified".to_owned());
    });
    assert!(unverified.contains("unverified"), "{unverified}");
    let vanished = told_otherwise(&left, |told| {
        told.heard_of.insert("0".repeat(64));
    });
    assert!(vanished.contains("is not there"), "{vanished}");
    let unlogged = told_otherwise(&left, |told| {
        let room = told.shown.keys().next().unwrap().0.clone();
        told.shown.insert((room, 10_000), None);
    });
    assert!(unlogged.contains("is not logged"), "{unlogged}");
    let rewritten = told_otherwise(&left, |told| {
        told.shown.values_mut().flatten().for_each(|(amount, _)| *amount += 1);
    });
    assert!(rewritten.contains("and logged as"), "{rewritten}");
    let twice = told_otherwise(&left, |told| told.contradictions.push("entry 1".to_owned()));
    assert!(twice.contains("shown otherwise"), "{twice}");
}

#[test]
fn a_log_that_was_changed_is_not_passed() {
    let _beside = LOGGED.read();
    let left = left();
    let change = |sql: &str| {
        let copy = tempfile::tempdir().unwrap();
        let store = copy.path().join("log.db");
        std::fs::copy(&left.store, &store).unwrap();
        let wal = Path::new(&left.store).with_extension("db-wal");
        if wal.exists() {
            std::fs::copy(wal, copy.path().join("log.db-wal")).unwrap();
        }
        let connection = rusqlite::Connection::open(&store).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let changed = connection.execute(sql, []).unwrap();
        assert!(changed > 0, "{sql}");
        let people = left.people.iter().map(Arc::as_ref);
        format!("{:#}", verdict::judge(&store, people).unwrap_err())
    };
    let last = "seq = (SELECT max(seq) FROM entry other WHERE other.room = entry.room)";
    for sql in [
        "UPDATE entry SET text = replace(text, '\"seq\":1,', '\"seq\":2,') WHERE seq = 1",
        &format!("DELETE FROM entry WHERE {last}"),
        // Headers of entries: changed, exchanged, gone.
        "UPDATE header SET text = replace(text, '.', '.A') WHERE id = 1",
        "UPDATE entry SET header = (SELECT max(id) FROM header) WHERE seq = 1",
        "DELETE FROM header WHERE id = (SELECT header FROM entry WHERE seq = 1)",
    ] {
        let judged = change(sql);
        assert!(judged.contains("the log of room"), "{judged}");
    }
}
