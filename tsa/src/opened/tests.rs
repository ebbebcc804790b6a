//! A whole TSA in one thread and in virtual time, with connections in memory.

use std::net::Ipv4Addr;

use axum::body::{Body, to_bytes};
use axum::http::{Method, StatusCode};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use pregao_protocol::certificate::sheet::{TsaKeys, verify_jwks};
use pregao_protocol::certificate::ticket::{Proof, TicketParties, verify_ticket};
use pregao_protocol::certificate::{certificate_hash, pem_to_der};
use pregao_protocol::codec::Digest;
use pregao_protocol::host::{Clock as _, Spawn as _};
use pregao_protocol::key::{Persona, SecretKey};
use pregao_protocol::stamp::VerifiedBatch;
use pregao_protocol::tsa::stream::{StampRequest, StreamFrame};
use pregao_protocol::tsa::{Issue, NewChallenge, Request as Asked, SignCsr, path};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;
use crate::host_fixture::Machine;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct House {
    folder: TempDir,
    machine: Arc<Machine>,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), machine: Machine::new(7) }
    }

    fn open(&self) -> Opened {
        let options = Options {
            data: self.folder.path().to_owned(),
            policy: Policy::Open,
            simulate: false,
            pace: Pace { wait: Duration::from_millis(2), size: 256 },
            accept_clock_jump: false,
            citizens: None,
        };
        Opened::open(&options, &self.machine.host()).unwrap()
    }

    fn keys(&self, opened: &Opened) -> TsaKeys {
        let sheet = at_once(opened, Method::GET, path::SHEET, Vec::new());
        verify_jwks(&sheet, Some(opened.authority()), self.machine.wall()).unwrap()
    }

    fn connect(&self, opened: &Opened) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 * 1024);
        self.machine.task(Box::pin(opened.connection(far, CLIENT).unwrap()));
        near
    }

    async fn stream(&self, opened: &Opened) -> Stream {
        let near = self.connect(opened);
        let (socket, _) = client_async("ws://tsa/api/stream", near).await.unwrap();
        Stream { socket, keys: self.keys(opened) }
    }
}

/// What a request gets with the first poll, before any other task runs.
fn at_once(opened: &Opened, method: Method, path: &str, body: Vec<u8>) -> Vec<u8> {
    let request = axum::http::Request::builder().method(method).uri(path);
    let request = request.body(Body::from(body)).unwrap();
    let response = opened.answer(CLIENT, request).now_or_never().expect(path);
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).now_or_never().expect(path).unwrap();
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    body.to_vec()
}

fn ask<R: Asked>(opened: &Opened, request: &R) -> R::Answer {
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
    let house = House::new();
    let opened = house.open();
    let mut stream = house.stream(&opened).await;
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
    let house = House::new();
    let opened = house.open();
    let mut stream = house.stream(&opened).await;
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
    let house = House::new();
    let mut last: Option<VerifiedBatch> = None;
    for round in 0..40_u64 {
        let opened = house.open();
        let mut stream = house.stream(&opened).await;
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
            house.machine.kill();
        }
        drop(opened);
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(house.machine.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_tsas_in_one_folder_the_second_does_not_open() {
    let house = House::new();
    let opened = house.open();
    let options = Options {
        data: house.folder.path().to_owned(),
        policy: Policy::Open,
        simulate: false,
        pace: Pace { wait: Duration::ZERO, size: 1 },
        accept_clock_jump: false,
        citizens: None,
    };
    let refused = Opened::open(&options, &house.machine.host()).err().unwrap();
    assert!(matches!(refused, OpenError::Keys(KeysError::Locked { .. })));
    drop(opened);
    assert!(Opened::open(&options, &house.machine.host()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_tsa_that_closes_says_goodbye_to_its_streams() {
    let house = House::new();
    let opened = house.open();
    let mut stream = house.stream(&opened).await;
    let idle = house.connect(&opened);
    stream.batch().await.unwrap();
    opened.close().await;
    while stream.next().await.is_some() {}
    drop(idle);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(house.machine.running(), 0);
    drop(house.open());
}

#[tokio::test(start_paused = true)]
async fn an_address_holds_so_many_connections_and_no_more() {
    let house = House::new();
    let opened = house.open();
    let held: Vec<_> = (0..CONNECTIONS_EACH).map(|_| house.connect(&opened)).collect();
    assert!(opened.connection(tokio::io::duplex(64).1, CLIENT).is_none());
    let other = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    assert!(opened.connection(tokio::io::duplex(64).1, other).is_some());
    drop(held);
    sleep(Duration::from_millis(1)).await;
    assert!(opened.connection(tokio::io::duplex(64).1, CLIENT).is_some());
}

#[tokio::test(start_paused = true)]
async fn from_a_key_to_a_ticket_every_answer_comes_before_any_other_task_runs() {
    let house = House::new();
    // Not even the stamper has run yet.
    let opened = house.open();
    let keys = house.keys(&opened);
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
    assert!(verify_ticket(&ticket, &keys.ticket, &parties, house.machine.wall()).is_ok());
    at_once(&opened, Method::GET, path::CA, Vec::new());
    at_once(&opened, Method::GET, path::METRICS, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_chain() {
    let mut chains = Vec::new();
    for _ in 0..2 {
        let house = House::new();
        let opened = house.open();
        let mut stream = house.stream(&opened).await;
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
