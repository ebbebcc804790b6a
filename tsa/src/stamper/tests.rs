use std::collections::{HashMap, HashSet};
use std::time::Duration;

use pregao_protocol::log::stamp::{BatchHeader, FullStamp as Token};
use pregao_protocol::value::report::Advised as _;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng as _;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::worker::{HEARTBEAT, RETRY, generator, inverse, permutation};
use super::*;
use crate::fixture::Machine;

const PACE: Pace = Pace { wait: Duration::from_millis(2), size: 256 };

fn key() -> SecretKey<StampKey> {
    SecretKey::from_seed(&[1; 32])
}

struct Running {
    stamper: Stamper,
    machine: Arc<Machine>,
}

impl Running {
    fn start(folder: &Path, pace: Pace) -> Self {
        Self::start_on(Machine::new(1), folder, pace)
    }

    fn start_on(machine: Arc<Machine>, folder: &Path, pace: Pace) -> Self {
        let (store, clock) = resume(folder, &key().public(), false).unwrap();
        let stamper = Stamper::start(key(), store, clock, &machine.host(), pace).unwrap();
        Self { stamper, machine }
    }

    fn ask(&self, digests: Vec<Digest>) -> oneshot::Receiver<Result<GrantedSlots, StampRefusal>> {
        ask(&self.stamper, digests)
    }

    async fn stamp(&self, digests: Vec<Digest>) -> Result<GrantedSlots, StampRefusal> {
        self.ask(digests).await.unwrap()
    }

    async fn set_time(&self, target: Option<Time>) -> Result<Time, StampRefusal> {
        let (sender, answer) = oneshot::channel();
        self.stamper.set_time(target, Box::new(move |time| drop(sender.send(time))));
        answer.await.unwrap()
    }

    async fn stop(self) {
        self.stamper.stop().await;
    }
}

fn ask(
    stamper: &Stamper,
    digests: Vec<Digest>,
) -> oneshot::Receiver<Result<GrantedSlots, StampRefusal>> {
    let (sender, answer) = oneshot::channel();
    stamper.stamp(digests, Box::new(move |share| drop(sender.send(share))));
    answer
}

fn digests(from: u16, count: u16) -> Vec<Digest> {
    (from..from + count).map(|n| Digest::of(&n.to_be_bytes())).collect()
}

fn opened(share: &GrantedSlots) -> VerifiedBatch {
    VerifiedBatch::open(&share.batch.compact, &[key().public()]).unwrap()
}

fn tokens(share: &GrantedSlots) -> Vec<Token> {
    let token = |slot: &u32| Token {
        batch: share.batch.compact.clone(),
        index: u64::from(*slot),
        path: share.batch.path(*slot),
    };
    share.slots.iter().map(token).collect()
}

#[tokio::test(start_paused = true)]
async fn every_stamp_covers_its_own_digest_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    for count in [1, 2, 3, 100, 256] {
        let asked = digests(0, count);
        let share = running.stamp(asked.clone()).await.unwrap();
        let batch = opened(&share);
        let tokens = tokens(&share);
        assert_eq!(tokens.len(), asked.len());
        for (digest, token) in asked.iter().zip(&tokens) {
            assert_eq!(token.stamp().covers(digest, &batch), Ok(()));
            assert!(token.stamp().covers(&Digest::of(b"other"), &batch).is_err());
        }
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_together_share_one_signature() {
    let folder = tempfile::tempdir().unwrap();
    let pace = Pace { wait: Duration::from_secs(60), size: 20 };
    let running = Running::start(folder.path(), pace);
    let one = running.ask(digests(0, 10));
    let two = running.ask(digests(10, 10));
    let (one, two) = (one.await.unwrap().unwrap(), two.await.unwrap().unwrap());
    assert_eq!(one.batch.compact, two.batch.compact);
    assert_eq!(opened(&one).header().size, 20);
    let places: HashSet<u32> = one.slots.iter().chain(&two.slots).copied().collect();
    assert_eq!(places.len(), 20);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_order_in_a_batch_is_not_the_order_of_arrival() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let one = running.stamp(digests(0, 256)).await.unwrap();
    let two = running.stamp(digests(0, 256)).await.unwrap();
    let arrival: Vec<u32> = (0..256).collect();
    assert_ne!(one.slots, arrival);
    assert_ne!(two.slots, arrival);
    assert_ne!(one.slots, two.slots);
    running.stop().await;
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
    let random = crate::host::system().random;
    let one = permutation(1000, &mut generator(&*random).unwrap());
    assert_ne!(one, permutation(1000, &mut generator(&*random).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn no_digest_or_too_many_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    assert_eq!(running.stamp(Vec::new()).await.unwrap_err(), StampRefusal::Count);
    assert_eq!(running.stamp(digests(0, 257)).await.unwrap_err(), StampRefusal::Count);
    assert!(running.stamp(digests(0, 256)).await.is_ok());
    assert_eq!(running.stamper.counts().refusals, 2);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn batches_are_signed_without_being_asked_and_form_a_chain_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(1);
    let mut seen: Vec<VerifiedBatch> = Vec::new();
    for _ in 0..3 {
        let running = Running::start_on(Arc::clone(&machine), folder.path(), PACE);
        let (sender, mut batches) = mpsc::unbounded_channel();
        running.stamper.watch(Box::new(move |batch| sender.send(Arc::clone(batch)).is_ok()));
        let share = running.stamp(digests(0, 5)).await.unwrap();
        let asked = loop {
            let batch: Arc<SealedBatch> = batches.recv().await.unwrap();
            if batch.number == share.batch.number {
                break batch;
            }
        };
        seen.push(VerifiedBatch::open(&asked.compact, &[key().public()]).unwrap());
        let idle = timeout(HEARTBEAT + RETRY, batches.recv()).await.unwrap().unwrap();
        seen.push(VerifiedBatch::open(&idle.compact, &[key().public()]).unwrap());
        assert_eq!(seen.last().unwrap().header().size, 0);
        running.stop().await;
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

#[tokio::test(start_paused = true)]
async fn the_first_batch_ever_has_no_predecessor() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    running.stamp(digests(0, 1)).await.unwrap();
    running.stop().await;
    let store = Store::open(folder.path()).unwrap();
    let batch = last_batch(&store, &key().public()).unwrap().unwrap();
    assert!(batch.header().batch <= 2);
    let other = SecretKey::<StampKey>::from_seed(&[2; 32]).public();
    assert!(matches!(last_batch(&store, &other), Err(StoreError::Damaged(_))));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_released_while_the_store_fails_and_stamping_resumes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let before = running.stamp(digests(0, 1)).await.unwrap();
    let other = Connection::open(folder.path().join("tsa.db")).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("ALTER TABLE chain RENAME TO away").unwrap();
    let refused = running.stamp(digests(1, 1)).await.unwrap_err();
    assert_eq!(refused.code(), "store.failed");
    assert!(running.stamper.health().fault.is_some());
    other.execute_batch("ALTER TABLE away RENAME TO chain").unwrap();
    let after = running.stamp(digests(2, 1)).await.unwrap();
    assert!(opened(&after).header().batch > before.batch.number);
    assert!(running.stamper.health().fault.is_none());
    running.stop().await;
}

/// Leaves a chain behind whose last time is `ahead` of the system's clock.
fn signed_ahead(machine: &Arc<Machine>, folder: &Path, ahead: Duration) {
    let store = Store::open(folder).unwrap();
    let time = machine.host().clock.wall().plus(ahead);
    let header = BatchHeader {
        tsa: key().public().fingerprint(),
        batch: 7,
        time,
        size: 0,
        root: pregao_protocol::log::merkle::empty_root(),
        prev: Digest([0; 32]),
        prev_time: time,
    };
    store.keep_header(&header.sign(&key())).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_stops_stamping() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(1);
    signed_ahead(&machine, folder.path(), Duration::from_secs(3600));
    let running = Running::start_on(machine, folder.path(), PACE);
    let refused = running.stamp(digests(0, 1)).await.unwrap_err();
    assert_eq!(refused.code(), "clock.behind");
    assert!(running.stamper.now().is_err());
    running.stop().await;
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(last_batch(&store, &key().public()).unwrap().unwrap().header().batch, 7);
}

#[tokio::test(start_paused = true)]
async fn a_jump_ahead_stops_stamping_over_restarts_unless_it_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let machine = Arc::clone(&running.machine);
    let (none, two_hours) = (Duration::ZERO, Duration::from_secs(7200));
    assert!(running.stamp(digests(0, 1)).await.is_ok());
    machine.step(two_hours);
    assert_eq!(running.stamp(digests(1, 1)).await.unwrap_err().code(), "clock.jumped");
    assert!(Store::open(folder.path()).unwrap().doubt().unwrap().is_some());
    machine.step(none);
    assert!(running.stamp(digests(2, 1)).await.is_ok());
    assert_eq!(Store::open(folder.path()).unwrap().doubt().unwrap(), None);
    machine.step(two_hours);
    assert_eq!(running.stamp(digests(3, 1)).await.unwrap_err().code(), "clock.jumped");
    running.stop().await;
    let again = Running::start_on(machine, folder.path(), PACE);
    assert_eq!(again.stamp(digests(4, 1)).await.unwrap_err().code(), "clock.jumped");
    again.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_number_never_stands_for_two_headers() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), Pace { wait: Duration::ZERO, size: 1 });
    let mut answers = Vec::new();
    for n in 0..500 {
        answers.push(running.ask(digests(n, 1)));
        // So that some share a batch, and others do not.
        if n % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut headers = HashMap::new();
    for answer in answers {
        let share = answer.await.unwrap().unwrap();
        let known = headers.entry(share.batch.number).or_insert(share.batch.compact.clone());
        assert_eq!(*known, share.batch.compact);
    }
    let hashes: HashSet<Digest> = headers.values().map(|text| BatchHeader::hash(text)).collect();
    assert_eq!(hashes.len(), headers.len());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn doubt_about_the_clock_needs_the_operators_word() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = Time::from_micros(1).unwrap();
    Store::open(folder.path()).unwrap().set_doubt(Some(trusted)).unwrap();
    let running = Running::start(folder.path(), PACE);
    assert_eq!(running.stamp(digests(0, 1)).await.unwrap_err().code(), "clock.jumped");
    running.stop().await;
    resume(folder.path(), &key().public(), true).unwrap();
    let running = Running::start(folder.path(), PACE);
    assert!(running.stamp(digests(0, 1)).await.is_ok());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn simulated_time_goes_forward_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let before = running.stamp(digests(0, 1)).await.unwrap();
    assert_eq!(running.set_time(Some(before.batch.time)).await.unwrap_err().code(), "clock.behind");
    let target = before.batch.time.plus(Duration::from_secs(86_400));
    assert_eq!(running.set_time(Some(target)).await, Ok(target));
    let after = running.stamp(digests(1, 1)).await.unwrap();
    assert!(after.batch.time >= target);
    assert_eq!(running.set_time(None).await.unwrap_err().code(), "clock.behind");
    let machine = Arc::clone(&running.machine);
    running.stop().await;
    let running = Running::start_on(machine, folder.path(), PACE);
    assert!(running.stamp(digests(2, 1)).await.unwrap().batch.time > after.batch.time);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_stamper_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let stamper = running.stamper.clone();
    running.stop().await;
    assert_eq!(ask(&stamper, digests(0, 1)).await.unwrap().unwrap_err(), StampRefusal::Stopping);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stamper_signs_each_900_ms_and_a_digest_waits_for_a_few() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(9)).await;
    let idle = running.stamper.counts().batches;
    assert!((10..=11).contains(&idle), "{idle}");
    let asked = Instant::now();
    running.stamp(digests(0, 1)).await.unwrap();
    assert!(asked.elapsed() <= PACE.wait + Duration::from_millis(1), "{:?}", asked.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_requests_than_may_wait_are_refused_as_busy() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    let waiting: Vec<_> = (0..QUEUE).map(|_| running.ask(digests(0, 1))).collect();
    assert_eq!(running.stamp(digests(0, 1)).await.unwrap_err(), StampRefusal::Busy);
    for answer in waiting {
        assert!(answer.await.unwrap().is_ok());
    }
    // All that waited stood in one batch, however many of them there were.
    assert!(running.stamper.counts().batches <= 3);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_stamper_signs_nothing_more_though_requests_wait() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), PACE);
    running.stamp(digests(0, 1)).await.unwrap();
    let store = Store::open(folder.path()).unwrap();
    let before = store.last_header().unwrap();
    let (sender, time) = oneshot::channel();
    running.stamper.set_time(None, Box::new(move |time| drop(sender.send(time))));
    let stamp = running.ask(digests(1, 1));
    running.stamper.close();
    assert_eq!(stamp.await.unwrap().unwrap_err(), StampRefusal::Stopping);
    assert_eq!(time.await.unwrap().unwrap_err(), StampRefusal::Stopping);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(store.last_header().unwrap(), before);
    assert_eq!(running.machine.running(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_real_machine_requests_come_from_any_thread() {
    let host = crate::host::system();
    let folder = tempfile::tempdir().unwrap();
    let (store, clock) = resume(folder.path(), &key().public(), false).unwrap();
    let stamper = Stamper::start(key(), store, clock, &host, PACE).unwrap();
    let (asking, (sender, asked)) = (stamper.clone(), oneshot::channel());
    let elsewhere = async move {
        drop(sender.send(ask(&asking, digests(0, 3)).await.unwrap()));
    };
    host.spawn.worker("asker", Box::pin(elsewhere)).unwrap();
    let share = asked.await.unwrap().unwrap();
    assert_eq!(share.slots.len(), 3);
    stamper.stop().await;
    assert_eq!(ask(&stamper, digests(0, 1)).await.unwrap().unwrap_err(), StampRefusal::Stopping);
}
