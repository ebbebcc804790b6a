use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::clock::{Clock, SystemReading};
use crate::fixture::Machine;

/// When the machine of the tests begins.
const BEGINNING: u64 = 1_800_000_000;

struct Tsa {
    machine: Arc<Machine>,
    folder: TempDir,
    locks: TimeLocks,
}

impl Tsa {
    fn open() -> Self {
        let (machine, folder) = (Machine::new(1), tempfile::tempdir().unwrap());
        let locks = Self::locks(&machine, &folder, None);
        Self { machine, folder, locks }
    }

    /// A TSA that has signed its first time since the start.
    fn locks(machine: &Arc<Machine>, folder: &TempDir, highest: Option<Time>) -> TimeLocks {
        let host = machine.host();
        let clock = SharedClock::new(Clock::resume(highest, None, 0), Arc::clone(&host.clock));
        let reading = SystemReading::of(&*host.clock);
        let time = clock.now().unwrap();
        clock.rules().signed(time, reading);
        let chain = Store::open(folder.path()).unwrap();
        let store = MasterStore::open(folder.path(), &chain).unwrap();
        TimeLocks::new(SecretKey::from_seed(&[3; 32]), clock, (store, chain), false)
    }

    fn restart(&mut self) {
        let highest = self.locks.clock.rules().highest();
        self.locks = Self::locks(&self.machine, &self.folder, highest);
    }

    fn state(&self, at: u64) -> Result<Stated, TimeLockRefusal> {
        self.locks.state(at, &*self.machine.host().random)
    }

    fn is_given(&self, at: u64) -> bool {
        self.state(at).unwrap().secret.is_some()
    }
}

fn opened(stated: &Stated) -> TimeLock {
    let key = SecretKey::<StampKey>::from_seed(&[3; 32]).public();
    TimeLock::open(&stated.statement, &[key]).unwrap()
}

async fn pass(micros: u64) {
    tokio::time::advance(Duration::from_micros(micros)).await;
}

#[tokio::test(start_paused = true)]
async fn v163_a_secret_is_given_from_its_instant_on_and_not_before() {
    let tsa = Tsa::open();
    let at = BEGINNING + 10;
    let before = tsa.state(at).unwrap();
    assert!(before.secret.is_none());
    assert_eq!((opened(&before).at, opened(&before).simulated), (at, false));
    // One millisecond: time of a paused runtime is no finer.
    pass(9_999_000).await;
    assert!(!tsa.is_given(at));
    pass(1_000).await;
    let after = tsa.state(at).unwrap();
    assert_eq!(after.statement, before.statement, "there is one key of an instant, for ever");
    assert!(opened(&after).is_opened_by(&after.secret.unwrap()));
    assert!(!tsa.is_given(at + 1));
}

#[tokio::test(start_paused = true)]
async fn v163_no_step_of_the_wall_clock_gives_a_secret_earlier() {
    let tsa = Tsa::open();
    let at = BEGINNING + 3_000;
    assert!(!tsa.is_given(at));
    tsa.machine.step(Duration::from_secs(3_600));
    assert!(!tsa.is_given(at), "the clock that only goes on is not there yet");
    // More than an hour is not believed at all.
    tsa.machine.step(Duration::from_secs(3_601));
    assert!(matches!(tsa.state(at), Err(TimeLockRefusal::Clock(ClockError::Jumped { .. }))));
    tsa.machine.step(Duration::ZERO);
    pass(3_000_000_000).await;
    assert!(tsa.is_given(at));
}

#[tokio::test(start_paused = true)]
async fn v163_a_start_with_the_wall_clock_ahead_gives_no_secret() {
    let mut tsa = Tsa::open();
    let (soon, later) = (BEGINNING + 3_000, BEGINNING + 30 * DAY);
    assert!(!tsa.is_given(soon) && !tsa.is_given(later));
    tsa.machine.step(Duration::from_secs(31 * DAY));
    tsa.restart();
    assert!(!tsa.is_given(soon) && !tsa.is_given(later), "nothing but the wall clock says so");
    // Of less than an hour a TSA that was away is believed.
    tsa.machine.step(Duration::from_secs(3_500));
    let locks = Tsa::locks(&tsa.machine, &tsa.folder, instant_of(BEGINNING));
    assert!(locks.state(soon, &*tsa.machine.host().random).unwrap().secret.is_some());
}

fn instant_of(at: u64) -> Option<Time> {
    timelock::instant(at)
}

#[tokio::test(start_paused = true)]
async fn v163_keys_are_the_same_after_a_restart_and_in_every_process() {
    let mut tsa = Tsa::open();
    let days = [0, DAY, 2 * DAY, 100 * DAY].map(|later| BEGINNING + 5 + later);
    let stated = days.map(|at| tsa.state(at).unwrap().statement);
    tsa.restart();
    assert_eq!(days.map(|at| tsa.state(at).unwrap().statement), stated);
    // Another TSA has others.
    let other = Tsa::open();
    let own = opened(&tsa.state(days[0]).unwrap()).key;
    other.machine.host().random.fill(&mut [0; 32]).unwrap();
    assert_ne!(opened(&other.state(days[0]).unwrap()).key, own);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_stated_for_370_days_ahead_and_for_no_day_that_passed_without_one() {
    let tsa = Tsa::open();
    let most = BEGINNING + MAX_AHEAD.as_secs();
    assert!(tsa.state(most).is_ok());
    for far in [most + 1, 253_402_300_800, u64::MAX] {
        assert!(matches!(tsa.state(far), Err(TimeLockRefusal::Far)), "{far}");
    }
    let today = BEGINNING / DAY * DAY;
    for past in [0, today - 1] {
        assert!(matches!(tsa.state(past), Err(TimeLockRefusal::Never)), "{past}");
    }
    assert!(tsa.is_given(today));
    // A day has passed with its last second, and not before.
    let left = today + DAY - BEGINNING;
    pass(left * 1_000_000 - 1_000).await;
    assert!(tsa.state(today + 5 * DAY).is_ok());
    let other = Tsa::locks(&tsa.machine, &tempfile::tempdir().unwrap(), None);
    let random = tsa.machine.host().random;
    assert!(other.state(today, &*random).is_ok());
    pass(1_000).await;
    let other = Tsa::locks(&tsa.machine, &tempfile::tempdir().unwrap(), None);
    assert!(matches!(other.state(today + DAY - 1, &*random), Err(TimeLockRefusal::Never)));
    assert!(other.state(today + DAY, &*random).is_ok());
    // Of today what has passed can be asked for, and of a day that was asked for in time.
    assert!(tsa.is_given(BEGINNING - 1));
    let tomorrow = BEGINNING + DAY;
    assert!(!tsa.is_given(tomorrow));
    pass(3 * DAY * 1_000_000).await;
    assert!(tsa.is_given(tomorrow));
    assert!(matches!(tsa.state(BEGINNING + 2 * DAY), Err(TimeLockRefusal::Never)));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_keep_a_master_states_no_key() {
    let tsa = Tsa::open();
    let file = rusqlite::Connection::open(tsa.folder.path().join("timelocks.db")).unwrap();
    file.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON timelock BEGIN SELECT RAISE(FAIL, 'full'); END",
    )
    .unwrap();
    assert!(matches!(tsa.state(BEGINNING + 5), Err(TimeLockRefusal::Store(_))));
    file.execute_batch("DROP TRIGGER full").unwrap();
    assert!(tsa.state(BEGINNING + 5).is_ok());
    // A master of another length is a fault, and no reason for another one.
    file.execute("UPDATE timelock SET master = x'00'", []).unwrap();
    let locks = Tsa::locks(&tsa.machine, &tsa.folder, None);
    let stated = locks.state(BEGINNING + 5, &*tsa.machine.host().random);
    assert!(matches!(stated, Err(TimeLockRefusal::Store(StoreError::Damaged(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_tsa_whose_masters_are_gone_makes_no_others() {
    let tsa = Tsa::open();
    let chain = || Store::open(tsa.folder.path()).unwrap();
    let file = tsa.folder.path().join("timelocks.db");
    // Before any key was stated nothing is lost with it.
    std::fs::remove_file(&file).unwrap();
    let locks = Tsa::locks(&tsa.machine, &tsa.folder, None);
    let stated = locks.state(BEGINNING + 5, &*tsa.machine.host().random).unwrap().statement;
    drop(locks);
    let kept = std::fs::read(&file).unwrap();
    for name in ["timelocks.db", "timelocks.db-wal", "timelocks.db-shm"] {
        let _ = std::fs::remove_file(tsa.folder.path().join(name));
    }
    let gone = MasterStore::open(tsa.folder.path(), &chain());
    assert!(matches!(gone, Err(StoreError::TimeLocksMissing)));
    std::fs::write(&file, b"no database, and of some length that is no header").unwrap();
    let damaged = MasterStore::open(tsa.folder.path(), &chain());
    assert!(matches!(damaged, Err(StoreError::TimeLocks(_))));
    std::fs::write(&file, kept).unwrap();
    let locks = Tsa::locks(&tsa.machine, &tsa.folder, None);
    let again = locks.state(BEGINNING + 5, &*tsa.machine.host().random).unwrap().statement;
    assert_eq!(again, stated);
}

#[tokio::test(start_paused = true)]
async fn no_key_is_stated_before_it_is_marked_that_some_are() {
    let tsa = Tsa::open();
    let chain = Store::open(tsa.folder.path()).unwrap();
    let file = rusqlite::Connection::open(tsa.folder.path().join("tsa.db")).unwrap();
    file.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON clock BEGIN SELECT RAISE(FAIL, 'full'); END",
    )
    .unwrap();
    for _ in 0..2 {
        assert!(matches!(tsa.state(BEGINNING + 5), Err(TimeLockRefusal::Store(_))));
    }
    file.execute_batch("DROP TRIGGER full").unwrap();
    assert!(!chain.has_stated_locks().unwrap());
    assert!(tsa.state(BEGINNING + 5).is_ok() && chain.has_stated_locks().unwrap());
}
