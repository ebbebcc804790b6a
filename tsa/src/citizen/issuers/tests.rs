//! Ends and beginnings of periods, to the microsecond and over crashes.

use pregao_protocol::trust::citizen::TestCards;
use tempfile::TempDir;

use super::*;

/// First second of a period of an hour.
const START: u64 = 1_790_001_600 / 3_600 * 3_600;
const AUTHORITY: Fingerprint = Fingerprint([7; 32]);
const MICRO: Duration = Duration::from_micros(1);

fn at(seconds: u64) -> Time {
    Time::default().plus(Duration::from_secs(seconds))
}

fn reading(now: Time) -> ClockReading {
    ClockReading { now, monotonic: Duration::ZERO }
}

fn open_as(folder: &Path, tests: TestCards, now: Time) -> Result<Issuers, IssuersError> {
    Issuers::open(folder, AUTHORITY, "1h".parse().unwrap(), tests, now, &crate::host::system())
}

fn open(folder: &Path, now: Time) -> Issuers {
    open_as(folder, TestCards::Refused, now).unwrap()
}

/// A folder in which one period began, and its issuers.
fn begun() -> (TempDir, Issuers) {
    let folder = tempfile::tempdir().unwrap();
    let issuers = open(folder.path(), at(START));
    issuers.begin(reading(at(START))).unwrap();
    (folder, issuers)
}

fn number() -> CivilNumber {
    use pregao_test_pki::{CitizenData, Pki, Plan, Profile};
    let card = Pki::new(Plan::quick(START)).citizen(Profile::V5, &CitizenData::numbered(1));
    let holder = pregao_protocol::trust::citizen::Holder::read(&card.authentication.certificate);
    holder.unwrap().civil_number
}

#[test]
fn a_period_ends_at_its_last_microsecond_and_its_files_with_it() {
    let (folder, issuers) = begun();
    let files = [key_path(folder.path(), at(START)), counting_path(folder.path(), at(START))];
    let end = at(START + 3_600);
    issuers.begin(reading(end.minus(MICRO))).unwrap();
    assert!(issuers.begun(end.minus(MICRO)) && !issuers.begun(end));
    assert!(files.iter().all(|file| file.exists()));
    issuers.begin(reading(end)).unwrap();
    assert!(issuers.begun(end) && !files.iter().any(|file| file.exists()));
    // Its issuer stays on the key set until before the end of the period after it.
    let honoured = at(START + 7_200);
    assert_eq!(issuers.jwks(honoured.minus(MICRO)).len(), 2);
    assert_eq!(issuers.jwks(honoured).len(), 1);
}

#[test]
fn a_crash_between_the_steps_of_an_end_is_made_good_at_the_next_start() {
    let damages: [fn(&Path); 2] = [
        |path| fs::remove_file(path).unwrap(),
        |path| {
            fs::write(path, vec![0; usize::try_from(path.metadata().unwrap().len()).unwrap()])
                .unwrap()
        },
    ];
    for damage in damages {
        for name in [key_path, counting_path] {
            let (folder, issuers) = begun();
            drop(issuers);
            damage(&name(folder.path(), at(START)));
            // As long as the period lasts, that is damage.
            let during = at(START + 3_600 - 60);
            assert!(open_as(folder.path(), TestCards::Refused, during).is_err());
            let end = at(START + 3_600);
            let issuers = open(folder.path(), end);
            issuers.begin(reading(end)).unwrap();
            assert!(issuers.current(end).is_some());
            for path in [key_path, counting_path] {
                assert!(!path(folder.path(), at(START)).exists());
            }
        }
    }
}

#[test]
fn secrets_that_a_crash_left_half_written_or_unstated_are_destroyed_at_the_start() {
    let (folder, issuers) = begun();
    drop(issuers);
    let stated = [key_path, counting_path].map(|path| path(folder.path(), at(START)));
    let unstated = [key_path, counting_path].map(|path| path(folder.path(), at(START + 3_600)));
    let half = stated.iter().chain(&unstated).map(|path| {
        let mut half = path.as_os_str().to_owned();
        half.push(FRESH);
        PathBuf::from(half)
    });
    let strays: Vec<PathBuf> = unstated.iter().cloned().chain(half).collect();
    for stray in &strays {
        fs::write(stray, "secret").unwrap();
    }
    open(folder.path(), at(START)).begin(reading(at(START))).unwrap();
    assert!(stated.iter().all(|path| path.exists()));
    assert!(!strays.iter().any(|path| path.exists()));
}

#[test]
fn a_second_name_of_a_key_that_is_needed_is_removed_and_the_key_stays() {
    let (folder, issuers) = begun();
    drop(issuers);
    let stated = [key_path, counting_path].map(|path| path(folder.path(), at(START)));
    let kept = stated.each_ref().map(|path| fs::read(path).unwrap());
    let names = stated.each_ref().map(|path| {
        let mut name = path.as_os_str().to_owned();
        name.push(FRESH);
        PathBuf::from(name)
    });
    for (path, name) in stated.iter().zip(&names) {
        fs::hard_link(path, name).unwrap();
    }
    open(folder.path(), at(START)).begin(reading(at(START))).unwrap();
    assert_eq!(stated.each_ref().map(|path| fs::read(path).unwrap()), kept);
    assert!(!names.iter().any(|name| name.exists()));
}

#[test]
fn a_time_just_before_the_period_makes_no_issuer_and_forgets_no_count() {
    let (folder, issuers) = begun();
    let end = at(START + 3_600);
    issuers.advance(reading(end)).unwrap();
    let period = issuers.current(end).unwrap();
    let (number, blinded) = (number(), [1; 384]);
    drop(issuers.count(&period, &number, &blinded).unwrap());
    let stated = locked(&issuers.state).stated.len();
    let back = reading(end.minus(MICRO));
    assert!(matches!(issuers.begin(back), Err(IssuersError::Behind)));
    assert!(matches!(issuers.advance(back), Err(IssuersError::Behind)));
    assert!(issuers.current(back.now).is_none() && !issuers.begun(back.now));
    assert_eq!(locked(&issuers.state).stated.len(), stated);
    issuers.begin(reading(end)).unwrap();
    let used = issuers.count(&period, &number, &[2; 384]).err().unwrap();
    assert!(matches!(used, SigningRefusal::Used));
    // The same after a restart, and the keys of the period before need not be there.
    drop(issuers);
    let issuers = open(folder.path(), back.now);
    assert!(matches!(issuers.begin(back), Err(IssuersError::Behind)));
    issuers.begin(reading(end)).unwrap();
    let period = issuers.current(end).unwrap();
    let used = issuers.count(&period, &number, &[2; 384]).err().unwrap();
    assert!(matches!(used, SigningRefusal::Used));
}

#[test]
fn after_a_failure_nothing_is_tried_for_half_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let issuers = open(folder.path(), at(START));
    // A folder stands where the key should be written.
    let obstacle = key_path(folder.path(), at(START));
    fs::create_dir(&obstacle).unwrap();
    let try_at = |seconds| {
        let monotonic = Duration::from_secs(seconds);
        issuers.begin(ClockReading { now: at(START), monotonic })
    };
    assert!(matches!(try_at(100), Err(IssuersError::Keys(_))));
    fs::remove_dir(&obstacle).unwrap();
    assert!(matches!(try_at(129), Err(IssuersError::Paused)));
    assert!(!issuers.begun(at(START)));
    try_at(130).unwrap();
    assert!(issuers.begun(at(START)));
}

#[test]
fn what_is_left_of_enrolment_is_destroyed_where_it_is_no_longer_the_policy() {
    let (folder, issuers) = begun();
    let period = issuers.current(at(START)).unwrap();
    drop(issuers.count(&period, &number(), &[1; 384]).unwrap());
    drop((period, issuers));
    let rows = || -> i64 {
        let database = rusqlite::Connection::open(folder.path().join("citizens.db")).unwrap();
        database.query_row("SELECT count(*) FROM citizen", [], |row| row.get(0)).unwrap()
    };
    let counting = counting_path(folder.path(), at(START));
    let end = at(START + 3_600);
    let left = open(folder.path(), end.minus(MICRO));
    left.retire(end.minus(MICRO)).unwrap();
    assert!(counting.exists() && rows() == 1);
    left.retire(end).unwrap();
    assert!(!counting.exists() && !key_path(folder.path(), at(START)).exists());
    assert_eq!(rows(), 0);
    assert!(locked(&left.state).stated.len() == 1, "nothing is made");
}

#[test]
fn an_issuer_for_real_cards_signs_for_no_test_card() {
    let (folder, issuers) = begun();
    assert!(!issuers.current(at(START)).unwrap().issuer().test);
    drop(issuers);
    let refused = open_as(folder.path(), TestCards::Accepted, at(START)).err().unwrap();
    assert!(matches!(refused, IssuersError::TestCards));
    let folder = tempfile::tempdir().unwrap();
    let issuers = open_as(folder.path(), TestCards::Accepted, at(START)).unwrap();
    issuers.begin(reading(at(START))).unwrap();
    assert!(issuers.current(at(START)).unwrap().issuer().test);
}

#[test]
fn a_request_is_a_number_below_the_modulus() {
    let (_folder, issuers) = begun();
    let period = issuers.current(at(START)).unwrap();
    let (modulus, _) = period.issuer().key.jwk_members();
    let modulus = pregao_protocol::value::codec::from_base64url(&modulus).unwrap();
    assert!(!period.can_sign(&modulus));
    let mut below = modulus.clone();
    // The modulus is odd.
    *below.last_mut().unwrap() -= 1;
    assert!(period.can_sign(&below));
    assert!(!period.can_sign(&below[1..]) && !period.can_sign(&[&[0], &*below].concat()));
}
