use super::*;

const FROM: Time = Time::MAX;

fn ledger(folder: &Path) -> Ledger {
    let mut ledger = Ledger::open(folder, crate::host::system().clock).unwrap();
    ledger.begin(Some(FROM)).unwrap();
    ledger
}

fn request(byte: u8) -> Digest {
    Digest([byte; 32])
}

#[test]
fn a_citizen_is_counted_once_and_the_same_request_again_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = ledger(folder.path());
    assert_eq!(first.count(FROM, [1; 32], request(1)).unwrap(), CountOutcome::First);
    assert_eq!(first.count(FROM, [1; 32], request(1)).unwrap(), CountOutcome::Again);
    assert_eq!(first.count(FROM, [1; 32], request(2)).unwrap(), CountOutcome::Used);
    assert_eq!(first.count(FROM, [2; 32], request(1)).unwrap(), CountOutcome::First);
    drop(first);
    let mut again = ledger(folder.path());
    assert_eq!(again.count(FROM, [1; 32], request(2)).unwrap(), CountOutcome::Used);
    assert_eq!(again.count(FROM, [1; 32], request(1)).unwrap(), CountOutcome::Again);
}

#[test]
fn a_period_that_is_over_is_forgotten_to_the_byte_and_counts_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = ledger(folder.path());
    for byte in 0..30 {
        ledger.count(FROM, [byte | 0x80; 32], request(byte | 0x80)).unwrap();
    }
    ledger.begin(Some(Time::default())).unwrap();
    assert_eq!(ledger.count(FROM, [0x81; 32], request(1)).unwrap(), CountOutcome::Over);
    let bytes = std::fs::read(folder.path().join(FILE)).unwrap();
    assert!((0x80..=0x9d).all(|byte| !bytes.windows(32).any(|part| part == [byte; 32])));
    assert!(!folder.path().join("citizens.db-journal").exists());
    assert!(!folder.path().join("citizens.db-wal").exists());
    assert_eq!(ledger.count(Time::default(), [1; 32], request(1)).unwrap(), CountOutcome::First);
}

#[test]
fn the_file_is_the_same_in_whatever_order_citizens_came() {
    let file = |order: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path());
        for byte in order {
            ledger.count(FROM, [*byte; 32], request(*byte)).unwrap();
        }
        ledger.tidy(Duration::MAX).unwrap();
        drop(ledger);
        let mut bytes = std::fs::read(folder.path().join(FILE)).unwrap();
        // Counters of SQLite's own: how many transactions there were, not which.
        for at in [24..28, 40..44, 92..96] {
            bytes[at].fill(0);
        }
        bytes
    };
    let rising: Vec<u8> = (0..60).collect();
    let mut other: Vec<u8> = (0..60).rev().collect();
    other.swap(3, 50);
    other.rotate_left(17);
    assert_eq!(file(&rising), file(&other));
}

#[test]
fn the_file_is_written_anew_only_after_a_row_and_a_rest() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = ledger(folder.path());
    ledger.tidy(Duration::ZERO).unwrap();
    assert_eq!(ledger.tidy_from, Duration::ZERO);
    ledger.count(FROM, [1; 32], request(1)).unwrap();
    assert!(ledger.changed);
    let now = Duration::from_secs(9);
    ledger.tidy(now).unwrap();
    assert!(!ledger.changed && ledger.tidy_from > now);
    ledger.count(FROM, [2; 32], request(1)).unwrap();
    ledger.tidy(now).unwrap();
    assert!(ledger.changed);
    ledger.tidy(Duration::MAX).unwrap();
    assert!(!ledger.changed);
}

/// Prints what counting takes; the numbers in the documentation are from here.
#[test]
#[ignore = "measures, and takes minutes"]
fn ten_thousand_citizens_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = ledger(folder.path());
    let clock = crate::host::system().clock;
    let started = clock.uptime();
    let mut written = Duration::ZERO;
    for number in 0..10_000_u32 {
        let hash = Digest::of(&number.to_be_bytes());
        ledger.count(FROM, hash.0, hash).unwrap();
        let before = clock.uptime();
        ledger.tidy(before.saturating_sub(started)).unwrap();
        written += clock.uptime().saturating_sub(before);
    }
    let before = clock.uptime();
    ledger.tidy(Duration::MAX).unwrap();
    let (once, all) = (clock.uptime() - before, clock.uptime() - started);
    eprintln!("all {all:?}, in order {written:?}");
    eprintln!("once with 10,000 {once:?}");
}

#[test]
fn statements_come_back_by_period_and_only_the_last_ones_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path());
    for second in [5, 3, 4] {
        let from = Time::from_micros(second * 1_000_000).unwrap();
        ledger.state(from, &second.to_string()).unwrap();
    }
    assert_eq!(ledger.statements().unwrap(), ["3", "4", "5"]);
    for second in 6..40 {
        let from = Time::from_micros(second * 1_000_000).unwrap();
        ledger.state(from, &second.to_string()).unwrap();
    }
    let kept = ledger.statements().unwrap();
    assert_eq!((kept.len(), kept.last().map(String::as_str)), (16, Some("39")));
}
