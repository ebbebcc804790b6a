//! The witness on a machine whose time stands still, with its real store.

use std::task::Poll;
use std::time::Duration;

use pregao_protocol::log::merkle::{Tree, consistency_path, leaf_hash};
use pregao_protocol::log::{Origin, RoomName};
use pregao_protocol::trust::broker::{BrokerCertificate, BrokerKeys};
use pregao_protocol::trust::key::{Fingerprint, HeadKey, SessionKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::codec::Digest;
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::fixture::Machine;

/// A broker by a number.
#[derive(Clone, Copy)]
struct Broker(u8);

impl Broker {
    fn session(self) -> SecretKey<SessionKey> {
        SecretKey::from_seed(&[self.0; 32])
    }

    fn fingerprint(self) -> Fingerprint {
        self.session().public().fingerprint()
    }

    fn head_key(self) -> SecretKey<HeadKey> {
        SecretKey::from_seed(&[self.0 ^ 0xff; 32])
    }

    fn certificate(self, head: u8, simulated: bool) -> RegisterBroker {
        let certificate = BrokerCertificate {
            keys: BrokerKeys {
                session: self.session().public(),
                head: SecretKey::from_seed(&[head; 32]).public(),
                entry: SecretKey::from_seed(&[3; 32]).public(),
                delivery: SealKey::from_random([6; 32]).public(),
            },
            authorities: vec![SecretKey::from_seed(&[4; 32]).public()],
            stamps: vec![SecretKey::from_seed(&[5; 32]).public()],
            witnesses: Vec::new(),
            quorum: 0,
            simulated,
            locks: Vec::new(),
        };
        RegisterBroker { certificate: certificate.sign(&self.session()) }
    }

    fn registration(self) -> RegisterBroker {
        self.certificate(self.0 ^ 0xff, false)
    }

    /// The head of a log whose entries are numbers from `first` on.
    fn head(self, room: u8, first: u64, size: u64) -> Head {
        let origin = Origin { broker: self.fingerprint(), room: RoomName([room; 32]) };
        Head { origin, size, root: tree(first, size).root() }
    }

    fn request(self, room: u8, old: u64, size: u64) -> Vec<u8> {
        let proof = consistency_path(&tree(0, size), old, size).unwrap_or_default();
        body(old, proof, &self.head(room, 0, size).sign(&self.head_key()))
    }
}

fn body(old: u64, proof: Vec<Digest>, checkpoint: &str) -> Vec<u8> {
    AddCheckpoint { old, proof, checkpoint: checkpoint.to_owned() }.encode().into_bytes()
}

fn tree(first: u64, size: u64) -> Tree {
    Tree::new((first..first + size).map(|n| leaf_hash(&n.to_be_bytes())).collect())
}

const BROKER: Broker = Broker(1);

struct Bench {
    folder: TempDir,
    machine: Arc<Machine>,
    brokers: Brokers,
}

impl Bench {
    fn new() -> Self {
        let brokers = Brokers { any: true, ..Brokers::default() };
        Self { folder: tempfile::tempdir().unwrap(), machine: Machine::new(5), brokers }
    }

    fn prepared(&self) -> Result<Prepared, WitnessError> {
        let random = self.machine.host().random;
        Prepared::open(self.folder.path(), self.brokers.clone(), &*random)
    }

    fn open(&self) -> Witness {
        let prepared = self.prepared().unwrap();
        let clock = Clock::resume(prepared.highest(), prepared.doubt(false).unwrap(), 0);
        let host = self.machine.host();
        let clock = SharedClock::new(clock, Arc::clone(&host.clock));
        prepared.start("one.example".parse().unwrap(), clock, &host).unwrap()
    }

    /// A witness that knows the broker.
    async fn opened(&self) -> Witness {
        let witness = self.open();
        witness.register(BROKER.registration()).await.unwrap();
        witness
    }

    fn seconds(&self) -> u64 {
        self.machine.host().clock.wall().as_secs()
    }
}

/// The cosignature that was given, verified.
fn cosigned(witness: &Witness, answer: &CheckpointAnswer, head: &Head) -> Cosignature {
    answer.cosignature(head, witness.identity()).unwrap_or_else(|| panic!("{answer:?}"))
}

fn refused(answer: CheckpointAnswer) -> CheckpointRefusal {
    match answer {
        CheckpointAnswer::Refused(refusal) => refusal,
        CheckpointAnswer::Cosigned(lines) => panic!("cosigned: {lines}"),
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn v147_a_log_is_followed_and_each_head_dated() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    let mut old = 0;
    for size in [1, 2, 5, 6, 40] {
        let answer = witness.add_checkpoint(&BROKER.request(1, old, size)).await;
        let given = cosigned(&witness, &answer, &BROKER.head(1, 0, size));
        assert_eq!(given.time, bench.seconds());
        let again = witness.add_checkpoint(&BROKER.request(1, size, size)).await;
        assert_eq!(again, answer, "in the same second");
        pass(1).await;
        let again = witness.add_checkpoint(&BROKER.request(1, size, size)).await;
        assert_eq!(again, answer, "and the date does not move");
        old = size;
    }
    let counts = witness.counts();
    assert_eq!((counts.cosigned, counts.again, counts.refused, counts.logs), (5, 10, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn v147_a_restart_continues_where_it_was() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    let identity = witness.identity().clone();
    let answer = witness.add_checkpoint(&BROKER.request(1, 0, 3)).await;
    let given = cosigned(&witness, &answer, &BROKER.head(1, 0, 3));
    witness.close();
    bench.machine.kill();
    let witness = bench.open();
    assert_eq!(witness.identity(), &identity);
    let conflict = witness.add_checkpoint(&BROKER.request(1, 0, 5)).await;
    assert_eq!(refused(conflict), CheckpointRefusal::Conflict { size: 3 });
    let again = witness.add_checkpoint(&BROKER.request(1, 3, 3)).await;
    assert_eq!(again, answer);
    let busy = witness.add_checkpoint(&BROKER.request(1, 3, 5)).await;
    assert_eq!(refused(busy), CheckpointRefusal::Busy);
    pass(1).await;
    let answer = witness.add_checkpoint(&BROKER.request(1, 3, 5)).await;
    assert!(cosigned(&witness, &answer, &BROKER.head(1, 0, 5)).time > given.time);
    assert_eq!((witness.counts().logs, witness.counts().brokers), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn v147_requests_at_once_for_one_log_are_decided_one_after_the_other() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    let forked = BROKER.head(1, 7, 3).sign(&BROKER.head_key());
    // Two histories of one size, and a later head of one of them, all of them new.
    let bodies = [BROKER.request(1, 0, 3), body(0, Vec::new(), &forked), BROKER.request(1, 0, 5)];
    let answers = bodies.iter().map(|body| witness.add_checkpoint(body));
    let answers = futures_util::future::join_all(answers).await;
    cosigned(&witness, &answers[0], &BROKER.head(1, 0, 3));
    assert_eq!(refused(answers[1].clone()), CheckpointRefusal::Conflict { size: 3 });
    assert_eq!(refused(answers[2].clone()), CheckpointRefusal::Conflict { size: 3 });
    assert_eq!(witness.counts().conflicts, 1);
    // Other logs are not held up.
    let others: Vec<Vec<u8>> = (2..60).map(|room| BROKER.request(room, 0, 2)).collect();
    let answers = others.iter().map(|body| witness.add_checkpoint(body));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(witness.counts().logs, 59);
}

/// Durable writes so far: the frames of the write-ahead log that end a transaction.
fn commits(folder: &Path) -> usize {
    let log = std::fs::read(folder.join("witness.db-wal")).unwrap();
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    let page = usize::try_from(number(&log[8..12])).unwrap();
    log[32..].chunks(24 + page).filter(|frame| number(&frame[4..8]) != 0).count()
}

#[tokio::test(start_paused = true)]
async fn what_waits_together_is_kept_by_one_durable_write() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    let before = commits(bench.folder.path());
    let bodies: Vec<Vec<u8>> = (1..=40).map(|room| BROKER.request(room, 0, 2)).collect();
    let answers = bodies.iter().map(|body| witness.add_checkpoint(body));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(commits(bench.folder.path()), before + 1);
    // Nothing changes, so nothing is written.
    for body in [BROKER.request(1, 2, 2), BROKER.request(1, 0, 5), BROKER.request(1, 2, 5)] {
        witness.add_checkpoint(&body).await;
    }
    assert_eq!(commits(bench.folder.path()), before + 1);
}

#[tokio::test(start_paused = true)]
async fn v147_one_new_head_in_a_second_and_the_first_of_the_next_at_once() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    assert_eq!(witness.add_checkpoint(&BROKER.request(1, 0, 1)).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(990)).await;
    let busy = witness.add_checkpoint(&BROKER.request(1, 1, 2)).await;
    assert_eq!((busy.status(), busy.retry_after()), (429, Some(1)));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(witness.add_checkpoint(&BROKER.request(1, 1, 2)).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn v147_a_second_head_of_one_size_is_kept_as_evidence_once() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    witness.add_checkpoint(&BROKER.request(1, 0, 3)).await;
    let other = BROKER.head(1, 7, 3).sign(&BROKER.head_key());
    for _ in 0..3 {
        let answer = witness.add_checkpoint(&body(3, Vec::new(), &other)).await;
        assert_eq!((answer.status(), refused(answer)), (409, CheckpointRefusal::Root));
    }
    assert_eq!(witness.counts().conflicts, 1);
    // One that the broker did not sign is evidence of nothing.
    let forged = BROKER.head(2, 7, 3).sign(&Broker(2).head_key());
    witness.add_checkpoint(&BROKER.request(2, 0, 3)).await;
    let answer = witness.add_checkpoint(&body(3, Vec::new(), &forged)).await;
    assert_eq!(refused(answer), CheckpointRefusal::Signature);
    assert_eq!(witness.counts().conflicts, 1);
    witness.stop().await;
    let db = rusqlite::Connection::open(bench.folder.path().join(store::FILE)).unwrap();
    let sql = "SELECT cosigned, other FROM conflict";
    let notes: (String, String) =
        db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let origin = BROKER.head(1, 0, 3).origin;
    let key = BROKER.head_key().public();
    let [one, two] = [notes.0, notes.1].map(|note| Head::open(&note, &origin, &key).unwrap());
    assert!(one.size == two.size && one.root != two.root);
}

#[tokio::test(start_paused = true)]
async fn what_strangers_wrote_under_a_head_is_not_kept() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    let signed = BROKER.head(1, 0, 3).sign(&BROKER.head_key());
    let foreign = format!("\u{2014} w.example {}\n", "A".repeat(96));
    let answer = witness.add_checkpoint(&body(0, Vec::new(), &format!("{signed}{foreign}"))).await;
    cosigned(&witness, &answer, &BROKER.head(1, 0, 3));
    witness.stop().await;
    let mut store = WitnessStore::open(bench.folder.path()).unwrap();
    let changes = store.begin().unwrap();
    let origin = BROKER.head(1, 0, 3).origin;
    let kept = changes.kept(&origin, &witness.identity().key).unwrap().unwrap();
    assert_eq!(kept.note, signed);
}

#[tokio::test(start_paused = true)]
async fn each_refusal_has_its_status() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    let status = async |body: Vec<u8>| witness.add_checkpoint(&body).await.status();
    assert_eq!(status(Vec::new()).await, 400);
    assert_eq!(status(body(0, Vec::new(), "no note\n")).await, 404);
    let head = BROKER.head(1, 0, 3);
    let note = head.sign(&BROKER.head_key());
    assert_eq!(status(body(4, Vec::new(), &note)).await, 400);
    assert_eq!(status(body(0, Vec::new(), &note[..note.len() - 1])).await, 400);
    assert_eq!(status(body(0, Vec::new(), &note.replace("\n3\n", "\n03\n"))).await, 400);
    assert_eq!(
        status(body(0, Vec::new(), &Head { size: 0, ..head }.sign(&BROKER.head_key()))).await,
        400
    );
    assert_eq!(status(body(0, Vec::new(), &note.replace("\n3\n", "\n4\n"))).await, 403);
    assert_eq!(status(body(0, Vec::new(), &head.sign(&Broker(2).head_key()))).await, 403);
    assert_eq!(status(Broker(2).request(1, 0, 3)).await, 404);
    assert_eq!(status(BROKER.request(1, 1, 3)).await, 409);
    assert_eq!(status(body(0, vec![Digest([0; 32])], &note)).await, 422);
    assert_eq!(status(BROKER.request(1, 0, 3)).await, 200);
    let counts = witness.counts();
    assert_eq!((counts.cosigned, counts.refused, counts.logs), (1, 11, 1));
}

#[tokio::test(start_paused = true)]
async fn the_clock_never_goes_back_and_without_it_nothing_is_signed() {
    let bench = Bench::new();
    bench.machine.step(Duration::from_secs(600));
    let witness = bench.opened().await;
    let answer = witness.add_checkpoint(&BROKER.request(1, 0, 1)).await;
    let given = cosigned(&witness, &answer, &BROKER.head(1, 0, 1)).time;
    witness.close();
    bench.machine.kill();
    // Set back while it was away.
    bench.machine.step(Duration::ZERO);
    let witness = bench.open();
    let code = |answer: CheckpointAnswer| match refused(answer) {
        CheckpointRefusal::Other(report) => report.code.into_owned(),
        other => panic!("{other:?}"),
    };
    let answer = witness.add_checkpoint(&BROKER.request(2, 0, 1)).await;
    assert_eq!(code(answer), "clock.behind");
    assert!(matches!(witness.fault(), Some(WitnessFault::Clock(_))) && witness.health().is_err());
    pass(600).await;
    let answer = witness.add_checkpoint(&BROKER.request(2, 0, 1)).await;
    assert!(cosigned(&witness, &answer, &BROKER.head(2, 0, 1)).time >= given);
    assert!(witness.fault().is_none() && witness.health().is_ok());
    // Two hours ahead at once.
    bench.machine.step(Duration::from_secs(7200));
    let answer = witness.add_checkpoint(&BROKER.request(3, 0, 1)).await;
    assert_eq!(code(answer), "clock.jumped");
    witness.close();
    bench.machine.kill();
    let witness = bench.open();
    let answer = witness.add_checkpoint(&BROKER.request(3, 0, 1)).await;
    assert_eq!(code(answer), "clock.jumped", "remembered over a restart");
    witness.close();
    bench.machine.kill();
    assert_eq!(bench.prepared().unwrap().doubt(true).unwrap(), None);
    let answer = bench.open().add_checkpoint(&BROKER.request(3, 0, 1)).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_is_not_cosigned() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    assert_eq!(witness.add_checkpoint(&BROKER.request(1, 0, 1)).await.status(), 200);
    let db = rusqlite::Connection::open(bench.folder.path().join(store::FILE)).unwrap();
    db.execute_batch("ALTER TABLE head RENAME TO away").unwrap();
    pass(1).await;
    for body in [BROKER.request(1, 1, 2), BROKER.request(2, 0, 1)] {
        let CheckpointRefusal::Other(report) = refused(witness.add_checkpoint(&body).await) else {
            panic!("another refusal")
        };
        assert_eq!(report.code, "store.failed");
    }
    assert!(matches!(witness.health(), Err(WitnessFault::Store(_))));
    let error = witness.register(Broker(2).registration()).await;
    assert_eq!(error, Ok(()), "brokers are in another table");
    db.execute_batch("ALTER TABLE away RENAME TO head").unwrap();
    assert_eq!(witness.add_checkpoint(&BROKER.request(1, 1, 2)).await.status(), 200);
    assert!(witness.health().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_closed_witness_signs_nothing() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    let late = BROKER.request(1, 0, 1);
    let asked = witness.add_checkpoint(&late);
    tokio::pin!(asked);
    // It waits in the queue while the witness is closed.
    let waits = std::future::poll_fn(|task| Poll::Ready(asked.as_mut().poll(task).is_pending()));
    assert!(waits.await);
    witness.close();
    assert_eq!(asked.await.status(), 503);
    assert_eq!(witness.add_checkpoint(&late).await.status(), 503);
    bench.machine.kill();
    assert_eq!(bench.open().counts().logs, 0);
}

#[tokio::test(start_paused = true)]
async fn brokers_are_known_by_one_head_key_each() {
    let bench = Bench::new();
    let witness = bench.opened().await;
    assert_eq!(witness.register(BROKER.registration()).await, Ok(()), "again");
    let other = witness.register(BROKER.certificate(77, false)).await;
    assert_eq!(other, Err(RegisterError::OtherHead));
    let bad = RegisterBroker { certificate: "..".to_owned() };
    assert!(matches!(witness.register(bad).await, Err(RegisterError::Certificate(_))));
    let simulated = witness.register(Broker(2).certificate(9, true)).await;
    assert_eq!(simulated, Err(RegisterError::Simulated));
    assert_eq!(witness.counts().brokers, 1);
    witness.close();
    bench.machine.kill();
    let witness = bench.open();
    let other = witness.register(BROKER.certificate(77, false)).await;
    assert_eq!(other, Err(RegisterError::OtherHead), "remembered");
}

#[tokio::test(start_paused = true)]
async fn strangers_that_had_nothing_cosigned_make_room_for_others() {
    let mut bench = Bench::new();
    let named = Broker(200);
    bench.brokers.named.insert(named.fingerprint());
    let witness = bench.open();
    assert_eq!(witness.register(named.registration()).await, Ok(()));
    assert_eq!(witness.register(Broker(1).registration()).await, Ok(()));
    assert_eq!(witness.add_checkpoint(&Broker(1).request(1, 0, 1)).await.status(), 200);
    for stranger in 2..=60 {
        assert_eq!(witness.register(Broker(stranger).registration()).await, Ok(()), "{stranger}");
    }
    assert_eq!(witness.counts().brokers, 17);
    // Neither who was named nor who had something cosigned.
    assert_eq!(witness.add_checkpoint(&Broker(1).request(2, 0, 1)).await.status(), 200);
    assert_eq!(witness.add_checkpoint(&named.request(1, 0, 1)).await.status(), 200);
    let gone = witness.add_checkpoint(&Broker(2).request(1, 0, 1)).await;
    assert_eq!(refused(gone), CheckpointRefusal::Origin);
    witness.close();
    bench.machine.kill();
    assert_eq!(bench.open().counts().brokers, 17, "remembered");
}

#[tokio::test(start_paused = true)]
async fn sixteen_strangers_are_known_and_those_that_are_named_in_any_case() {
    let mut bench = Bench::new();
    let named = Broker(200);
    bench.brokers.named.insert(named.fingerprint());
    let witness = bench.open();
    let strangers = u8::try_from(MAX_STRANGERS).unwrap();
    for stranger in 1..=strangers {
        assert_eq!(witness.register(Broker(stranger).registration()).await, Ok(()));
        let cosigned = witness.add_checkpoint(&Broker(stranger).request(1, 0, 1)).await;
        assert_eq!(cosigned.status(), 200, "{stranger}");
    }
    // At once, so that they are decided together.
    let asked = (17..=20).map(|broker| witness.register(Broker(broker).registration()));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| *answer == Err(RegisterError::Full)));
    assert_eq!(witness.register(named.registration()).await, Ok(()));
    assert_eq!(witness.register(Broker(3).registration()).await, Ok(()), "known already");
    assert_eq!(witness.register(Broker(30).registration()).await, Err(RegisterError::Full));
    assert_eq!(witness.counts().brokers, 17);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_named_any_more_is_unknown() {
    let mut bench = Bench::new();
    let witness = bench.opened().await;
    witness.close();
    bench.machine.kill();
    bench.brokers = Brokers { named: [Broker(2).fingerprint()].into(), ..Brokers::default() };
    let witness = bench.open();
    let answer = witness.add_checkpoint(&BROKER.request(1, 0, 1)).await;
    assert_eq!(refused(answer), CheckpointRefusal::Origin);
    assert_eq!(witness.register(BROKER.registration()).await, Err(RegisterError::NotNamed));
    assert_eq!(witness.register(Broker(2).registration()).await, Ok(()));
    assert_eq!(witness.add_checkpoint(&Broker(2).request(1, 0, 1)).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_key_without_its_memory_and_a_memory_without_its_key_are_refused() {
    let bench = Bench::new();
    bench.open().stop().await;
    let folder = bench.folder.path();
    let (key, memory) = (folder.join("witness.key.pem"), folder.join(store::FILE));
    let aside = folder.join("aside");
    std::fs::rename(&memory, &aside).unwrap();
    assert!(matches!(bench.prepared(), Err(WitnessError::Forgotten)));
    assert!(!memory.exists(), "nothing is made in its place");
    std::fs::rename(&aside, &memory).unwrap();
    std::fs::rename(&key, &aside).unwrap();
    assert!(matches!(bench.prepared(), Err(WitnessError::Key(KeysError::Missing { .. }))));
    let other = Bench::new();
    let random = other.machine.host().random;
    let _ = random.fill(&mut [0; 32]);
    Prepared::open(other.folder.path(), Brokers::default(), &*random).unwrap();
    std::fs::copy(other.folder.path().join("witness.key.pem"), &key).unwrap();
    assert!(matches!(bench.prepared(), Err(WitnessError::OtherKey)));
    std::fs::rename(&aside, &key).unwrap();
    assert!(bench.prepared().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_cut_off_is_finished_by_the_next() {
    let bench = Bench::new();
    // The file, and then the key, and not yet whose memory it is.
    drop(WitnessStore::open(bench.folder.path()).unwrap());
    let key = keys::witness(bench.folder.path(), true, &*bench.machine.host().random).unwrap();
    assert_eq!(bench.opened().await.identity().key, key.public());
}
