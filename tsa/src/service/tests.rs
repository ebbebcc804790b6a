//! A whole TSA in one thread and in virtual time, with connections in memory.

use std::net::Ipv4Addr;

use axum::body::{Body, to_bytes};
use axum::http::{Method, StatusCode};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use pregao_protocol::host::{Clock as _, Spawn as _};
use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::log::{Head, RoomName};
use pregao_protocol::trust::broker::{BrokerCertificate, BrokerKeys};
use pregao_protocol::trust::certificate::ticket::{Proof, TicketParties, verify_ticket};
use pregao_protocol::trust::certificate::{certificate_hash, pem_to_der};
use pregao_protocol::trust::jwks::{TsaKeys, verify_jwks};
use pregao_protocol::trust::key::{Persona, SecretKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::stream::{StampRequest, StreamFrame};
use pregao_protocol::wire::tsa::{Issue, NewChallenge, SignCsr, TsaRequest as Asked, path};
use pregao_protocol::wire::witness::{AddCheckpoint, CheckpointAnswer, RegisterBroker};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;
use crate::connections::CONNECTIONS_EACH;
use crate::fixture::Machine;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct TestTsa {
    folder: TempDir,
    machine: Arc<Machine>,
}

impl TestTsa {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), machine: Machine::new(7) }
    }

    fn open(&self) -> Service {
        let options = Options {
            data: self.folder.path().to_owned(),
            policy: Policy::Open,
            simulate: false,
            pace: Pace { wait: Duration::from_millis(2), size: 256 },
            accept_clock_jump: false,
            citizens: None,
            witness: Some(Brokers { any: true, ..Brokers::default() }),
            operator: None,
        };
        Service::open(&options, &self.machine.host()).unwrap()
    }

    fn keys(&self, opened: &Service) -> TsaKeys {
        let jwks = at_once(opened, Method::GET, path::JWKS, Vec::new());
        verify_jwks(&jwks, Some(opened.authority()), self.machine.wall()).unwrap()
    }

    fn connect(&self, opened: &Service) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 * 1024);
        self.machine.task(Box::pin(opened.connection(far, CLIENT).unwrap()));
        near
    }

    async fn stream(&self, opened: &Service) -> Stream {
        let near = self.connect(opened);
        let (socket, _) = client_async("ws://tsa/api/stream", near).await.unwrap();
        Stream { socket, keys: self.keys(opened) }
    }
}

/// What a request gets with the first poll, before any other task runs.
fn at_once(opened: &Service, method: Method, path: &str, body: Vec<u8>) -> Vec<u8> {
    let request = axum::http::Request::builder().method(method).uri(path);
    let request = request.body(Body::from(body)).unwrap();
    let response = opened.answer(CLIENT, request).now_or_never().expect(path);
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).now_or_never().expect(path).unwrap();
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    body.to_vec()
}

fn ask<R: Asked>(opened: &Service, request: &R) -> R::Answer {
    R::parse_answer(&at_once(opened, Method::POST, R::PATH, request.encode())).unwrap()
}

struct Stream {
    socket: WebSocketStream<DuplexStream>,
    keys: TsaKeys,
}

impl Stream {
    async fn next(&mut self) -> Option<StreamFrame> {
        loop {
            match self.socket.next().await?.ok()? {
                Message::Text(text) => return Some(StreamFrame::parse(&text).unwrap()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The next header, with a digest of ours or without.
    async fn batch(&mut self) -> Option<VerifiedBatch> {
        let batch = match self.next().await? {
            StreamFrame::Stamped { batch, .. } | StreamFrame::Batch { batch } => batch,
            other @ StreamFrame::Refused { .. } => panic!("{other:?}"),
        };
        Some(VerifiedBatch::open(&batch, &[self.keys.stamp]).unwrap())
    }

    async fn send(&mut self, id: u64, digests: Vec<Digest>) {
        let request = StampRequest { id, digests }.encode();
        self.socket.send(Message::text(request)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn stamps_come_over_a_connection_in_memory_within_milliseconds() {
    let test_tsa = TestTsa::new();
    let opened = test_tsa.open();
    let mut stream = test_tsa.stream(&opened).await;
    for id in 0..50_u64 {
        let digests = vec![Digest::of(&id.to_be_bytes()), Digest::of(b"other")];
        let asked = Instant::now();
        stream.send(id, digests.clone()).await;
        let (batch, stamps) = loop {
            match stream.next().await.unwrap() {
                StreamFrame::Stamped { id: own, batch, stamps } if own == id => {
                    break (batch, stamps);
                }
                StreamFrame::Batch { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        assert!(asked.elapsed() <= Duration::from_millis(3), "{:?}", asked.elapsed());
        let opened = VerifiedBatch::open(&batch, &[stream.keys.stamp]).unwrap();
        for (digest, place) in digests.iter().zip(stamps) {
            assert_eq!(place.with(&batch).stamp().covers(digest, &opened), Ok(()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_comes_within_each_second_of_virtual_time() {
    let test_tsa = TestTsa::new();
    let opened = test_tsa.open();
    let mut stream = test_tsa.stream(&opened).await;
    let begun = Instant::now();
    let mut before = stream.batch().await.unwrap();
    let first = before.time();
    while begun.elapsed() < Duration::from_secs(120) {
        let asked = Instant::now();
        let batch = stream.batch().await.unwrap();
        assert!(asked.elapsed() <= Duration::from_secs(1));
        assert_eq!(batch.header().prev, before.hash());
        before = batch;
    }
    let passed = before.time().since(first);
    assert!(passed.abs_diff(begun.elapsed()) < Duration::from_secs(1), "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tsa_that_is_dropped_opens_again_at_once_and_never_goes_back() {
    let test_tsa = TestTsa::new();
    let mut last: Option<VerifiedBatch> = None;
    for round in 0..40_u64 {
        let opened = test_tsa.open();
        let mut stream = test_tsa.stream(&opened).await;
        stream.send(round, vec![Digest::of(&round.to_be_bytes())]).await;
        // One more batch each round, so that it ends at another point each time.
        for _ in 0..1 + round % 3 {
            let batch = stream.batch().await.unwrap();
            if let Some(last) = &last {
                assert!(batch.time() > last.time());
                assert!(batch.header().batch > last.header().batch);
            }
            last = Some(batch);
        }
        sleep(Duration::from_millis(round * 37)).await;
        stream.send(round, vec![Digest::of(b"in flight")]).await;
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        if round % 2 == 0 {
            test_tsa.machine.kill();
        }
        drop(opened);
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(test_tsa.machine.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_tsas_in_one_folder_the_second_does_not_open() {
    let test_tsa = TestTsa::new();
    let opened = test_tsa.open();
    let options = Options {
        data: test_tsa.folder.path().to_owned(),
        policy: Policy::Open,
        simulate: false,
        pace: Pace { wait: Duration::ZERO, size: 1 },
        accept_clock_jump: false,
        citizens: None,
        witness: None,
        operator: None,
    };
    let refused = Service::open(&options, &test_tsa.machine.host()).err().unwrap();
    assert!(matches!(refused, OpenError::Keys(KeysError::Locked { .. })));
    drop(opened);
    assert!(Service::open(&options, &test_tsa.machine.host()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_tsa_that_closes_says_goodbye_to_its_streams() {
    let test_tsa = TestTsa::new();
    let opened = test_tsa.open();
    let mut stream = test_tsa.stream(&opened).await;
    let idle = test_tsa.connect(&opened);
    stream.batch().await.unwrap();
    opened.close().await;
    while stream.next().await.is_some() {}
    drop(idle);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(test_tsa.machine.running(), 0);
    drop(test_tsa.open());
}

#[tokio::test(start_paused = true)]
async fn an_address_holds_so_many_connections_and_no_more() {
    let test_tsa = TestTsa::new();
    let opened = test_tsa.open();
    let held: Vec<_> = (0..CONNECTIONS_EACH).map(|_| test_tsa.connect(&opened)).collect();
    assert!(opened.connection(tokio::io::duplex(64).1, CLIENT).is_none());
    let other = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    assert!(opened.connection(tokio::io::duplex(64).1, other).is_some());
    drop(held);
    sleep(Duration::from_millis(1)).await;
    assert!(opened.connection(tokio::io::duplex(64).1, CLIENT).is_some());
}

#[tokio::test(start_paused = true)]
async fn from_a_key_to_a_ticket_every_answer_comes_before_any_other_task_runs() {
    let test_tsa = TestTsa::new();
    // Not even the stamper has run yet.
    let opened = test_tsa.open();
    let keys = test_tsa.keys(&opened);
    let persona: SecretKey<Persona> = SecretKey::from_seed(&[9; 32]);
    let csr = CertificateParams::default().serialize_request(&pair(&persona)).unwrap();
    let csr = SignCsr { csr: csr.pem().unwrap(), ..SignCsr::default() };
    let certificate = ask(&opened, &csr).certificate;
    let der = pem_to_der(&certificate, "CERTIFICATE").unwrap();
    let challenge = ask(&opened, &NewChallenge {}).challenge;
    let aud = Fingerprint([7; 32]);
    let proof = Proof { challenge, aud, certificate: certificate_hash(&der) }.sign(&persona);
    let ticket = ask(&opened, &Issue { certificate, proof }).ticket;
    let parties = TicketParties {
        authority: opened.authority(),
        audience: aud,
        persona: persona.public().fingerprint(),
        certificate: &der,
    };
    assert!(verify_ticket(&ticket, &keys.ticket, &parties, test_tsa.machine.wall()).is_ok());
    at_once(&opened, Method::GET, path::CA, Vec::new());
    at_once(&opened, Method::GET, path::METRICS, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_chain() {
    let mut chains = Vec::new();
    for _ in 0..2 {
        let test_tsa = TestTsa::new();
        let opened = test_tsa.open();
        let mut stream = test_tsa.stream(&opened).await;
        stream.send(1, (0..20).map(|n| Digest::of(&[n])).collect()).await;
        let mut chain = Vec::new();
        for _ in 0..5 {
            chain.push(stream.batch().await.unwrap().hash());
        }
        chains.push((opened.authority(), chain));
    }
    assert_eq!(chains[0], chains[1]);
}

/// rcgen's form of one of our keys: PKCS#8 version 1 is a fixed head and the seed.
fn pair(key: &SecretKey<Persona>) -> KeyPair {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    KeyPair::try_from([head.as_slice(), key.expose_seed().as_slice()].concat()).unwrap()
}

/// What a request gets that waits for the witness.
async fn post(opened: &Service, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
    let request = axum::http::Request::builder().method(Method::POST).uri(path);
    let response = opened.answer(CLIENT, request.body(Body::from(body)).unwrap()).await;
    let status = response.status().as_u16();
    (status, to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec())
}

/// A broker's registration, and a head of its log.
fn broker() -> (RegisterBroker, AddCheckpoint, Head) {
    let (session, signs) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
    let certificate = BrokerCertificate {
        keys: BrokerKeys {
            session: session.public(),
            head: signs.public(),
            entry: SecretKey::from_seed(&[3; 32]).public(),
            delivery: SealKey::from_random([6; 32]).public(),
        },
        authorities: vec![SecretKey::from_seed(&[4; 32]).public()],
        stamps: vec![SecretKey::from_seed(&[5; 32]).public()],
        witnesses: Vec::new(),
        quorum: 0,
        simulated: false,
        locks: Vec::new(),
    };
    let origin = pregao_protocol::log::Origin {
        broker: session.public().fingerprint(),
        room: RoomName([7; 32]),
    };
    let head = Head { origin, size: 3, root: Digest::of(b"root") };
    let request = AddCheckpoint { old: 0, proof: Vec::new(), checkpoint: head.sign(&signs) };
    (RegisterBroker { certificate: certificate.sign(&session) }, request, head)
}

#[tokio::test(start_paused = true)]
async fn heads_are_cosigned_by_the_clock_of_the_stamps_and_remembered_over_a_crash() {
    let test_tsa = TestTsa::new();
    let opened = test_tsa.open();
    let witness = test_tsa.keys(&opened).witness.unwrap();
    assert_eq!(witness.operator, default_operator(opened.authority()));
    assert_eq!(witness.operator.as_str().len(), 20);
    let (registration, request, head) = broker();
    let (status, _) = post(&opened, path::WITNESS_BROKERS, registration.encode()).await;
    assert_eq!(status, 200);
    let machine = &test_tsa.machine;
    test_tsa.stream(&opened).await.batch().await.unwrap();
    let body = request.encode().into_bytes();
    let (status, answer) = post(&opened, path::ADD_CHECKPOINT, body.clone()).await;
    let answer = CheckpointAnswer::read(status, "", &answer);
    let given = answer.cosignature(&head, &witness).unwrap();
    assert_eq!(given.time, machine.wall().as_secs());
    drop(opened);
    let opened = test_tsa.open();
    assert_eq!(test_tsa.keys(&opened).witness, Some(witness));
    let (status, size) = post(&opened, path::ADD_CHECKPOINT, body).await;
    assert_eq!((status, size), (409, b"3\n".to_vec()));
    let again = AddCheckpoint { old: 3, ..request }.encode().into_bytes();
    let (status, again) = post(&opened, path::ADD_CHECKPOINT, again).await;
    assert_eq!(CheckpointAnswer::read(status, "", &again), answer);
    opened.close().await;
}

#[tokio::test(start_paused = true)]
async fn no_stamp_after_a_cosignature_is_dated_before_it() {
    let test_tsa = TestTsa::new();
    let opened = test_tsa.open();
    let (registration, request, _) = broker();
    post(&opened, path::WITNESS_BROKERS, registration.encode()).await;
    sleep(Duration::from_millis(400)).await;
    let (status, _) = post(&opened, path::ADD_CHECKPOINT, request.encode().into_bytes()).await;
    assert_eq!(status, 200);
    drop(opened);
    let memory = witness::store::WitnessStore::open(test_tsa.folder.path()).unwrap();
    let dated = memory.highest().unwrap().unwrap();
    let opened = test_tsa.open();
    assert!(opened.tsa.stamper.now().unwrap() > dated);
    opened.close().await;
}
