use super::*;

fn digest(n: u8) -> Digest {
    Digest([n; 32])
}

fn room(n: u8) -> RoomName {
    RoomName([n; 32])
}

fn stock(root: u8, count: u32) -> Candidate {
    Candidate { root: digest(root), count, used: BTreeSet::new() }
}

fn once(root: u8, index: u32) -> Option<OnceKey> {
    Some(OnceKey { stock: digest(root), index })
}

fn open() -> (tempfile::TempDir, HandedOut) {
    let folder = tempfile::tempdir().unwrap();
    let handed = HandedOut::open(folder.path()).unwrap();
    (folder, handed)
}

const DAY: Day = Day(20_000);

fn hand(handed: &HandedOut, pass: u8, stocks: &[Candidate]) -> Noted {
    handed.hand(digest(pass), room(1), DAY, stocks, true).unwrap().unwrap()
}

#[test]
fn v292_each_key_is_handed_out_once_also_after_a_restart() {
    let (folder, handed) = open();
    let stocks = [stock(1, 2), stock(2, 1)];
    assert_eq!(hand(&handed, 10, &stocks).once, once(1, 0));
    drop(handed);
    let handed = HandedOut::open(folder.path()).unwrap();
    assert_eq!(hand(&handed, 11, &stocks).once, once(1, 1));
    assert_eq!(hand(&handed, 12, &stocks).once, once(2, 0));
    let noted = hand(&handed, 13, &stocks);
    assert_eq!((noted.once, noted.given, noted.is_new), (None, Given::NoneLeft, true));
    // A box has its own.
    let other = handed.hand(digest(14), room(2), DAY, &stocks, true).unwrap().unwrap();
    assert_eq!(other.once, once(1, 0));
}

#[test]
fn v292_the_same_pass_gets_the_same_and_nothing_of_another_box() {
    let (folder, handed) = open();
    let stocks = [stock(1, 9)];
    let first = hand(&handed, 10, &stocks);
    assert!(first.is_new);
    drop(handed);
    let handed = HandedOut::open(folder.path()).unwrap();
    for may_hand in [true, false] {
        let again = handed.hand(digest(10), room(1), DAY, &stocks, may_hand).unwrap().unwrap();
        assert_eq!(again, Noted { is_new: false, ..first });
    }
    assert_eq!(handed.hand(digest(10), room(2), DAY, &stocks, true).unwrap(), None);
    assert_eq!(hand(&handed, 11, &stocks).once, once(1, 1), "nothing was spent on it");
}

#[test]
fn v294_what_is_kept_back_is_not_handed_out_and_the_pass_stays_without() {
    let (_folder, handed) = open();
    let stocks = [stock(1, 9)];
    let kept = handed.hand(digest(10), room(1), DAY, &stocks, false).unwrap().unwrap();
    assert_eq!((kept.once, kept.given), (None, Given::KeptBack));
    assert_eq!(hand(&handed, 10, &stocks), Noted { is_new: false, ..kept });
    assert_eq!(hand(&handed, 11, &stocks).once, once(1, 0));
}

#[test]
fn v292_keys_that_were_used_are_passed_over_and_lapsed_stocks_forgotten() {
    let (_folder, handed) = open();
    let used = Candidate { used: BTreeSet::from([0, 1, 3]), ..stock(1, 5) };
    assert_eq!(hand(&handed, 10, std::slice::from_ref(&used)).once, once(1, 2));
    assert_eq!(hand(&handed, 11, &[used]).once, once(1, 4));
    assert_eq!(hand(&handed, 12, &[stock(2, 5)]).once, once(2, 0));
    let count = |handed: &HandedOut| -> u32 {
        let inner = handed.0.lock();
        inner.connection.query_row("SELECT count(*) FROM stock", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&handed), 1);
    handed.forget(room(1)).unwrap();
    assert_eq!(count(&handed), 0);
}

#[test]
fn v292_a_pass_is_forgotten_once_its_day_and_the_next_are_over() {
    let (folder, handed) = open();
    let stocks = [stock(1, 9)];
    let of = |day: u32, pass: u8| {
        handed.hand(digest(pass), room(0xe1), Day(day), &stocks, true).unwrap().unwrap().is_new
    };
    assert!(of(20_000, 0xa1) && of(20_001, 0xa2));
    // Nobody takes keys meanwhile.
    let is_there = |n: u8| {
        let files = std::fs::read_dir(folder.path()).unwrap();
        let bytes = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        bytes.flatten().collect::<Vec<_>>().windows(32).any(|part| part == [n; 32])
    };
    assert!(handed.is_to_forget(Day(20_001)));
    handed.end_before(Day(20_001)).unwrap();
    assert!(is_there(0xa1) && is_there(0xa2) && !of(20_001, 0xa1));
    assert!(!handed.is_to_forget(Day(20_001)) && handed.is_to_forget(Day(20_002)));
    handed.end_before(Day(20_002)).unwrap();
    assert!(!is_there(0xa1) && is_there(0xa2));
    handed.end_before(Day(20_003)).unwrap();
    assert!(!is_there(0xa2), "neither in the file nor in its journal");
    assert_eq!(handed.room_of(digest(0xa2)).unwrap(), None);
    assert!(of(20_003, 0xa2));
    assert_eq!(handed.room_of(digest(0xa2)).unwrap(), Some(room(0xe1)));
    // The stocks of a closed box go as thoroughly.
    handed.end_before(Day(20_005)).unwrap();
    assert!(is_there(0xe1));
    handed.forget(room(0xe1)).unwrap();
    assert!(!is_there(0xe1));
}

#[test]
fn what_was_handed_out_is_hidden_from_debug() {
    assert_eq!(format!("{:?}", open().1), "HandedOut(..)");
}
