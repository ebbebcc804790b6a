//! What is remembered of passes, in its file.

use tempfile::TempDir;

use super::*;

const DAY: Day = Day(20_779);

fn digest(n: u8) -> Digest {
    Digest([n; 32])
}

fn taking(persona: u8, request: u8, count: u32) -> Ask {
    let (persona, request) = (Fingerprint([persona; 32]), digest(request));
    Ask::Take { persona, day: DAY, request, count, most: 5 }
}

fn pass(n: u8) -> HeldPass {
    HeldPass { id: digest(n), day: DAY }
}

fn showing(session: u64, n: u8) -> Ask {
    Ask::Show { session, pass: pass(n) }
}

fn spending(n: u8, on: u8) -> Ask {
    Ask::Spend { pass: pass(n), on: digest(on) }
}

fn open(folder: &TempDir) -> Ledger {
    Ledger::open(folder.path()).unwrap()
}

/// Asks one after the other, each by itself.
fn ask<const N: usize>(ledger: &mut Ledger, asks: [(Ask, Answer); N]) {
    for (ask, expected) in asks {
        assert_eq!(ledger.settle(&[ask]), [expected], "{ask:?}");
    }
}

const QUOTA: Answer = Err(Undecided::PASS_QUOTA);
const SPENT: Answer = Err(Undecided::PASS_SPENT);

#[test]
fn v263_a_quota_is_met_to_the_pass_and_each_persona_and_day_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder);
    ask(
        &mut ledger,
        [(taking(1, 1, 6), QUOTA), (taking(1, 2, 3), Ok(())), (taking(1, 3, 3), QUOTA)],
    );
    drop(ledger);
    let mut ledger = open(&folder);
    ask(
        &mut ledger,
        [
            (taking(1, 3, 3), QUOTA),
            (taking(1, 4, 2), Ok(())),
            (taking(1, 5, 1), QUOTA),
            // Two of one group are two.
            (taking(2, 5, 5), Ok(())),
            (taking(2, 6, 1), QUOTA),
        ],
    );
    let group = [taking(3, 1, 3), taking(3, 2, 3), taking(3, 3, 2)];
    assert_eq!(ledger.settle(&group), [Ok(()), QUOTA, Ok(())]);
    let Ask::Take { persona, request, count, most, .. } = taking(1, 9, 5) else { panic!() };
    let tomorrow = Ask::Take { persona, day: DAY.plus(1), request, count, most };
    ask(&mut ledger, [(tomorrow, Ok(()))]);
}

#[test]
fn v263_the_same_request_counts_once_and_is_answered_so_often() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder);
    for _ in 0..ANSWERS {
        ask(&mut ledger, [(taking(1, 1, 5), Ok(()))]);
        drop(ledger);
        ledger = open(&folder);
    }
    let too_often = Err(Undecided::DOOR_RATE);
    // It is another request for another persona.
    ask(&mut ledger, [(taking(1, 1, 5), too_often), (taking(2, 1, 5), Ok(()))]);
}

#[test]
fn v286_one_session_holds_a_pass_and_no_other_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder);
    let both = [showing(1, 1), showing(2, 1)];
    assert_eq!(ledger.settle(&both), [Ok(()), SPENT]);
    ask(&mut ledger, [(showing(1, 1), Ok(())), (showing(2, 1), SPENT), (showing(2, 2), Ok(()))]);
    drop(ledger);
    // Sessions are numbered from the beginning again, and none of these is one of those.
    ask(&mut open(&folder), [(showing(1, 1), SPENT), (showing(2, 2), SPENT)]);
}

#[test]
fn v287_a_pass_is_spent_on_one_digest_and_shown_again_for_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder);
    ask(
        &mut ledger,
        [
            // Nobody spends what was not shown.
            (spending(1, 1), Err(Undecided::PASS_DAY)),
            (showing(1, 1), Ok(())),
            (spending(1, 1), Ok(())),
            (spending(1, 1), Ok(())),
            (spending(1, 2), SPENT),
            (showing(1, 1), Ok(())),
            (showing(2, 1), Ok(())),
        ],
    );
    drop(ledger);
    let mut ledger = open(&folder);
    ask(
        &mut ledger,
        [
            (spending(1, 2), SPENT),
            (showing(7, 1), Ok(())),
            (spending(1, 2), SPENT),
            (spending(1, 1), Ok(())),
        ],
    );
    assert_eq!(
        ledger.settle(&[showing(1, 3), spending(3, 1), spending(3, 2)]),
        [Ok(()), Ok(()), SPENT]
    );
}

#[test]
fn v287_what_is_remembered_ends_with_its_day_and_leaves_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder);
    ask(&mut ledger, [(taking(0xa1, 0xa2, 5), Ok(())), (showing(1, 0xa3), Ok(()))]);
    let is_there = |ledger: &Ledger, n: u8| {
        // What is in the file and in its journal.
        let files = std::fs::read_dir(folder.path()).unwrap();
        let bytes = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let _ = ledger;
        bytes.flatten().collect::<Vec<_>>().windows(32).any(|part| part == [n; 32])
    };
    ledger.end_before(DAY).unwrap();
    ask(
        &mut ledger,
        [(taking(0xa1, 0xa4, 1), QUOTA), (showing(2, 0xa3), SPENT), (showing(1, 0xa3), Ok(()))],
    );
    assert!([0xa1, 0xa2, 0xa3].into_iter().all(|n| is_there(&ledger, n)));
    ledger.end_before(DAY.plus(1)).unwrap();
    assert!(![0xa1, 0xa2, 0xa3].into_iter().any(|n| is_there(&ledger, n)));
    assert!(ledger.holders.is_empty());
    ask(&mut ledger, [(spending(0xa3, 1), Err(Undecided::PASS_DAY))]);
}

#[test]
fn a_store_that_is_full_answers_nothing_and_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder);
    ask(&mut ledger, [(showing(1, 1), Ok(()))]);
    let full = |ledger: &Ledger, pages: u32| {
        let set = |_: &rusqlite::Row<'_>| Ok(());
        ledger.connection.pragma_update_and_check(None, "max_page_count", pages, set).unwrap();
    };
    full(&ledger, 1);
    // More than fit the pages that there are.
    let mut group: Vec<Ask> = (0..=255).map(|n| taking(n, 9, 1)).collect();
    group.extend([showing(1, 2), spending(1, 1)]);
    let failed: Answer = Err(Undecided::STORE_FAILED);
    assert_eq!(ledger.settle(&group), vec![failed; group.len()]);
    full(&ledger, 100_000);
    // Neither counted, nor held, nor spent.
    ask(
        &mut ledger,
        [(taking(1, 8, 5), Ok(())), (showing(2, 2), Ok(())), (spending(1, 3), Ok(()))],
    );
}
