use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, channel};

use pregao_protocol::stamp::Stamp as Token;
use rusqlite::Connection;

use super::*;
use crate::clock::{Reading, SystemClock};

const PACE: Pace = Pace { wait: Duration::from_millis(2), size: 256 };

fn key() -> SecretKey<StampKey> {
    SecretKey::from_seed(&[1; 32])
}

struct Running {
    stamper: Stamper,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(folder: &Path, pace: Pace) -> Self {
        let system = SystemClock::start();
        Self::start_with(folder, pace, Arc::new(move || system.read()))
    }

    fn start_with(folder: &Path, pace: Pace, system: ReadClock) -> Self {
        let (store, clock) = resume(folder, &key().public(), false).unwrap();
        let (stamper, thread) = Stamper::start(key(), store, clock, system, pace).unwrap();
        Self { stamper, thread }
    }

    fn ask(&self, digests: Vec<Digest>) -> Receiver<Result<Share, StampRefusal>> {
        let (sender, answer) = channel();
        self.stamper.stamp(digests, Box::new(move |share| drop(sender.send(share))));
        answer
    }

    fn stamp(&self, digests: Vec<Digest>) -> Result<Share, StampRefusal> {
        self.ask(digests).recv().unwrap()
    }

    fn set_time(&self, target: Option<Time>) -> Result<Time, StampRefusal> {
        let (sender, answer) = channel();
        self.stamper.set_time(target, Box::new(move |time| drop(sender.send(time))));
        answer.recv().unwrap()
    }

    fn stop(self) {
        self.stamper.stop();
        self.thread.join().unwrap();
    }
}

fn digests(from: u16, count: u16) -> Vec<Digest> {
    (from..from + count).map(|n| Digest::of(&n.to_be_bytes())).collect()
}

fn opened(share: &Share) -> VerifiedBatch {
    VerifiedBatch::open(&share.batch.compact, &[key().public()]).unwrap()
}

fn tokens(share: &Share) -> Vec<Token> {
    let token = |slot: &u32| Token {
        batch: share.batch.compact.clone(),
        index: u64::from(*slot),
        path: share.batch.path(*slot),
    };
    share.slots.iter().map(token).collect()
}

#[test]
fn every_stamp_covers_its_own_digest_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    for count in [1, 2, 3, 100, 256] {
        let asked = digests(0, count);
        let share = running.stamp(asked.clone()).unwrap();
        let batch = opened(&share);
        let tokens = tokens(&share);
        assert_eq!(tokens.len(), asked.len());
        for (digest, token) in asked.iter().zip(&tokens) {
            assert_eq!(token.covers(digest, &batch), Ok(()));
            assert!(token.covers(&Digest::of(b"other"), &batch).is_err());
        }
    }
    running.stop();
}

#[test]
fn requests_that_wait_together_share_one_signature() {
    let folder = tempfile::tempdir().unwrap();
    let pace = Pace { wait: Duration::from_secs(60), size: 20 };
    let running = Running::start(folder.path(), pace);
    let one = running.ask(digests(0, 10));
    let two = running.ask(digests(10, 10));
    let (one, two) = (one.recv().unwrap().unwrap(), two.recv().unwrap().unwrap());
    assert_eq!(one.batch.compact, two.batch.compact);
    assert_eq!(opened(&one).header().size, 20);
    let places: HashSet<u32> = one.slots.iter().chain(&two.slots).copied().collect();
    assert_eq!(places.len(), 20);
    running.stop();
}

#[test]
fn the_order_in_a_batch_is_not_the_order_of_arrival() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let one = running.stamp(digests(0, 256)).unwrap();
    let two = running.stamp(digests(0, 256)).unwrap();
    let arrival: Vec<u32> = (0..256).collect();
    assert_ne!(one.slots, arrival);
    assert_ne!(two.slots, arrival);
    assert_ne!(one.slots, two.slots);
    running.stop();
}

#[test]
fn every_order_of_three_is_drawn_about_equally_often() {
    let mut generator = ChaCha12Rng::from_seed([7; 32]);
    let mut drawn = HashMap::new();
    for _ in 0..6_000 {
        *drawn.entry(permutation(3, &mut generator)).or_insert(0) += 1;
    }
    assert_eq!(drawn.len(), 6);
    assert!(drawn.values().all(|times| (850..1_150).contains(times)), "{drawn:?}");
}

#[test]
fn an_order_holds_each_place_once_and_follows_from_the_generator_alone() {
    for size in [0, 1, 2, 1000, MAX_BATCH] {
        let order = permutation(size, &mut ChaCha12Rng::from_seed([7; 32]));
        assert_eq!(order.len(), size);
        let slots = inverse(&order);
        for (at, slot) in slots.iter().enumerate() {
            assert_eq!(order[*slot as usize] as usize, at);
        }
        assert_eq!(order, permutation(size, &mut ChaCha12Rng::from_seed([7; 32])));
        let other = permutation(size, &mut ChaCha12Rng::from_seed([8; 32]));
        assert!(size < 1000 || order != other);
    }
    // Two batches never draw the same seed.
    let one = permutation(1000, &mut generator().unwrap());
    assert_ne!(one, permutation(1000, &mut generator().unwrap()));
}

#[test]
fn no_digest_or_too_many_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    assert_eq!(running.stamp(Vec::new()).unwrap_err(), StampRefusal::Count);
    assert_eq!(running.stamp(digests(0, 257)).unwrap_err(), StampRefusal::Count);
    assert!(running.stamp(digests(0, 256)).is_ok());
    assert_eq!(running.stamper.counts().refusals, 2);
    running.stop();
}

#[test]
fn batches_are_signed_without_being_asked_and_form_a_chain_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen: Vec<VerifiedBatch> = Vec::new();
    for _ in 0..3 {
        let running = Running::start(folder.path(), PACE);
        let (sender, batches) = channel();
        running.stamper.watch(Box::new(move |batch| sender.send(Arc::clone(batch)).is_ok()));
        let share = running.stamp(digests(0, 5)).unwrap();
        let asked = batches.iter().find(|batch| batch.number == share.batch.number).unwrap();
        seen.push(VerifiedBatch::open(&asked.compact, &[key().public()]).unwrap());
        let idle = batches.recv_timeout(Duration::from_secs(10)).unwrap();
        seen.push(VerifiedBatch::open(&idle.compact, &[key().public()]).unwrap());
        assert_eq!(seen.last().unwrap().header().size, 0);
        running.stop();
    }
    for pair in seen.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert!(after.time() > before.time());
        if after.header().batch == before.header().batch + 1 {
            assert_eq!(after.header().prev, before.hash());
            assert_eq!(after.header().prev_time, before.time());
        } else {
            // Batches that were signed unasked before the watcher was there lie between.
            assert!(after.header().batch > before.header().batch);
        }
    }
}

#[test]
fn the_first_batch_ever_has_no_predecessor() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    running.stamp(digests(0, 1)).unwrap();
    running.stop();
    let store = Store::open(folder.path()).unwrap();
    let batch = last_batch(&store, &key().public()).unwrap().unwrap();
    assert!(batch.header().batch <= 2);
    let other = SecretKey::<StampKey>::from_seed(&[2; 32]).public();
    assert!(matches!(last_batch(&store, &other), Err(StoreError::Damaged(_))));
}

#[test]
fn nothing_is_released_while_the_store_fails_and_stamping_resumes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let before = running.stamp(digests(0, 1)).unwrap();
    let other = Connection::open(folder.path().join("tsa.db")).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("ALTER TABLE chain RENAME TO away").unwrap();
    let refused = running.stamp(digests(1, 1)).unwrap_err();
    assert_eq!(refused.code(), "store.failed");
    assert!(running.stamper.health().fault.is_some());
    other.execute_batch("ALTER TABLE away RENAME TO chain").unwrap();
    let after = running.stamp(digests(2, 1)).unwrap();
    assert!(opened(&after).header().batch > before.batch.number);
    assert!(running.stamper.health().fault.is_none());
    running.stop();
}

/// Leaves a chain behind whose last time is `ahead` of the system's clock.
fn signed_ahead(folder: &Path, ahead: Duration) {
    let store = Store::open(folder).unwrap();
    let time = SystemClock::start().read().wall.plus(ahead);
    let header = BatchHeader {
        tsa: key().public().fingerprint(),
        batch: 7,
        time,
        size: 0,
        root: pregao_protocol::merkle::empty_root(),
        prev: Digest([0; 32]),
        prev_time: time,
    };
    store.keep_header(&header.sign(&key())).unwrap();
}

#[test]
fn a_clock_set_back_stops_stamping() {
    let folder = tempfile::tempdir().unwrap();
    signed_ahead(folder.path(), Duration::from_secs(3600));
    let running = Running::start(folder.path(), PACE);
    let refused = running.stamp(digests(0, 1)).unwrap_err();
    assert_eq!(refused.code(), "clock.behind");
    assert!(running.stamper.now().is_err());
    running.stop();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(last_batch(&store, &key().public()).unwrap().unwrap().header().batch, 7);
}

#[test]
fn a_jump_ahead_stops_stamping_over_restarts_unless_it_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let step = Arc::new(AtomicU64::new(0));
    let (system, ahead) = (SystemClock::start(), Arc::clone(&step));
    let hands: ReadClock = Arc::new(move || {
        let Reading { wall, monotonic } = system.read();
        let wall = wall.plus(Duration::from_secs(ahead.load(Ordering::Relaxed)));
        Reading { wall, monotonic }
    });
    let running = Running::start_with(folder.path(), PACE, hands);
    assert!(running.stamp(digests(0, 1)).is_ok());
    step.store(7200, Ordering::Relaxed);
    assert_eq!(running.stamp(digests(1, 1)).unwrap_err().code(), "clock.jumped");
    assert!(Store::open(folder.path()).unwrap().doubt().unwrap().is_some());
    step.store(0, Ordering::Relaxed);
    assert!(running.stamp(digests(2, 1)).is_ok());
    assert_eq!(Store::open(folder.path()).unwrap().doubt().unwrap(), None);
    step.store(7200, Ordering::Relaxed);
    assert_eq!(running.stamp(digests(3, 1)).unwrap_err().code(), "clock.jumped");
    running.stop();
    let again = Running::start(folder.path(), PACE);
    assert_eq!(again.stamp(digests(4, 1)).unwrap_err().code(), "clock.jumped");
    again.stop();
}

#[test]
fn a_batch_number_never_stands_for_two_headers() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), Pace { wait: Duration::ZERO, size: 1 });
    let answers: Vec<_> = (0..500).map(|n| running.ask(digests(n, 1))).collect();
    let mut headers = std::collections::HashMap::new();
    for answer in answers {
        let share = answer.recv().unwrap().unwrap();
        let known = headers.entry(share.batch.number).or_insert(share.batch.compact.clone());
        assert_eq!(*known, share.batch.compact);
    }
    let hashes: HashSet<Digest> = headers.values().map(|text| BatchHeader::hash(text)).collect();
    assert_eq!(hashes.len(), headers.len());
    running.stop();
}

#[test]
fn doubt_about_the_clock_needs_the_operators_word() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = Time::from_micros(1).unwrap();
    Store::open(folder.path()).unwrap().set_doubt(Some(trusted)).unwrap();
    let running = Running::start(folder.path(), PACE);
    assert_eq!(running.stamp(digests(0, 1)).unwrap_err().code(), "clock.jumped");
    running.stop();
    resume(folder.path(), &key().public(), true).unwrap();
    let running = Running::start(folder.path(), PACE);
    assert!(running.stamp(digests(0, 1)).is_ok());
    running.stop();
}

#[test]
fn simulated_time_goes_forward_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let before = running.stamp(digests(0, 1)).unwrap();
    assert_eq!(running.set_time(Some(before.batch.time)).unwrap_err().code(), "clock.behind");
    let target = before.batch.time.plus(Duration::from_secs(86_400));
    assert_eq!(running.set_time(Some(target)), Ok(target));
    let after = running.stamp(digests(1, 1)).unwrap();
    assert!(after.batch.time >= target);
    assert_eq!(running.set_time(None).unwrap_err().code(), "clock.behind");
    running.stop();
    let running = Running::start(folder.path(), PACE);
    assert!(running.stamp(digests(2, 1)).unwrap().batch.time > after.batch.time);
    running.stop();
}

#[test]
fn a_stopped_stamper_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let stamper = running.stamper.clone();
    running.stop();
    let (sender, answer) = channel();
    stamper.stamp(digests(0, 1), Box::new(move |share| drop(sender.send(share))));
    assert_eq!(answer.recv().unwrap().unwrap_err(), StampRefusal::Stopping);
}
