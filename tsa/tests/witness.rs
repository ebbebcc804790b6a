//! Cosignatures by the real program, over HTTP: with a TSA, and by a witness alone.

#![allow(clippy::disallowed_methods, reason = "this is no program of Pregão: it reads the machine")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod running;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use pregao_protocol::log::cosignature::read_verifier_key;
use pregao_protocol::log::merkle::{Tree, consistency_path, leaf_hash};
use pregao_protocol::log::{Cosignature, Head, Origin, RoomName};
use pregao_protocol::trust::broker::{BrokerCertificate, BrokerKeys};
use pregao_protocol::trust::jwks::witness_name;
use pregao_protocol::trust::key::{HeadKey, SecretKey, SessionKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::{TsaRequest as _, path};
use pregao_protocol::wire::witness::{
    AddCheckpoint, CheckpointAnswer, CheckpointRefusal, MAX_REQUEST, RegisterBroker,
};
use running::{Tsa, program};
use serde_json::{Value, json};

fn session() -> SecretKey<SessionKey> {
    SecretKey::from_seed(&[1; 32])
}

fn head_key() -> SecretKey<HeadKey> {
    SecretKey::from_seed(&[2; 32])
}

fn registration_with(head: &SecretKey<HeadKey>, simulated: bool) -> RegisterBroker {
    let certificate = BrokerCertificate {
        keys: BrokerKeys {
            session: session().public(),
            head: head.public(),
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
    RegisterBroker { certificate: certificate.sign(&session()) }
}

fn registration() -> RegisterBroker {
    registration_with(&head_key(), false)
}

fn tree(first: u64, size: u64) -> Tree {
    Tree::new((first..first + size).map(|n| leaf_hash(&n.to_be_bytes())).collect())
}

/// The head of a log whose entries are numbers from `first` on.
fn head(first: u64, size: u64) -> Head {
    let origin = Origin { broker: session().public().fingerprint(), room: RoomName([7; 32]) };
    Head { origin, size, root: tree(first, size).root() }
}

fn request(old: u64, size: u64) -> AddCheckpoint {
    let proof = consistency_path(&tree(0, size), old, size).unwrap_or_default();
    AddCheckpoint { old, proof, checkpoint: head(0, size).sign(&head_key()) }
}

/// A service at an address.
struct Service<'a>(&'a str);

impl Service<'_> {
    /// Status, media type, `Retry-After` and body.
    fn post(&self, path: &str, body: &[u8]) -> (u16, String, Option<String>, Vec<u8>) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.post(format!("{}{path}", self.0)).send(body).unwrap();
        let header =
            |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (kind, retry) = (header("content-type").unwrap_or_default(), header("retry-after"));
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes).unwrap();
        (response.status().as_u16(), kind, retry, bytes)
    }

    fn get(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.get(format!("{}{path}", self.0)).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    fn add(&self, request: &AddCheckpoint) -> CheckpointAnswer {
        let (status, kind, retry, body) =
            self.post(path::ADD_CHECKPOINT, request.encode().as_bytes());
        let answer = CheckpointAnswer::read(status, &kind, &body);
        // Read as what the program meant, whatever that was.
        assert_eq!((answer.status(), answer.content_type()), (status, &*kind));
        assert_eq!(answer.retry_after().map(|seconds| seconds.to_string()), retry);
        answer
    }

    fn refused(&self, request: &AddCheckpoint) -> CheckpointRefusal {
        match self.add(request) {
            CheckpointAnswer::Refused(refusal) => refusal,
            CheckpointAnswer::Cosigned(lines) => panic!("cosigned: {lines}"),
        }
    }

    fn cosigned(&self, request: &AddCheckpoint, head: &Head, witness: &Witness) -> Cosignature {
        let answer = self.add(request);
        answer.cosignature(head, witness).unwrap_or_else(|| panic!("{answer:?}"))
    }

    fn register(&self, request: &RegisterBroker) -> (u16, Value) {
        let (status, _, _, body) = self.post(path::WITNESS_BROKERS, &request.encode());
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn refuses(&self, request: &RegisterBroker) -> (u16, String) {
        let (status, answer) = self.register(request);
        assert!(!answer["message"].as_str().unwrap().is_empty());
        assert!(!answer["advice"].as_str().unwrap().is_empty());
        (status, answer["code"].as_str().unwrap().to_owned())
    }
}

/// Lets the second end in which a head was cosigned.
fn next_second() {
    std::thread::sleep(Duration::from_millis(1100));
}

#[test]
fn v147_a_tsa_follows_a_log_over_a_kill_and_signs_no_second_history() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &["--operator", "house.example"]);
    let service = Service(&tsa.address.url);
    let witness = tsa.keys().witness.unwrap();
    assert_eq!(witness.operator.as_str(), "house.example");
    assert_eq!(service.refused(&request(0, 3)), CheckpointRefusal::Origin);
    assert_eq!(service.register(&registration()), (200, json!({})));
    assert_eq!(service.register(&registration()), (200, json!({})));
    let before = tsa.now();
    let given = service.cosigned(&request(0, 3), &head(0, 3), &witness);
    assert!((before.as_secs()..=tsa.now().as_secs()).contains(&given.time));
    assert_eq!(service.cosigned(&request(3, 3), &head(0, 3), &witness), given);
    tsa.kill();
    let tsa = Tsa::start(folder.path(), &["--operator", "house.example"]);
    let service = Service(&tsa.address.url);
    assert_eq!(tsa.keys().witness.unwrap(), witness);
    // A broker that knows of nothing learns the size, then continues.
    let (status, kind, _, body) =
        service.post(path::ADD_CHECKPOINT, request(0, 7).encode().as_bytes());
    assert_eq!((status, &*kind, &*body), (409, "text/x.tlog.size", &b"3\n"[..]));
    let forked =
        AddCheckpoint { old: 3, proof: Vec::new(), checkpoint: head(9, 3).sign(&head_key()) };
    assert_eq!(service.refused(&forked), CheckpointRefusal::Root);
    let mut other = request(3, 7);
    other.proof[0] = Digest([0; 32]);
    assert_eq!(service.refused(&other), CheckpointRefusal::Proof);
    next_second();
    let later = service.cosigned(&request(3, 7), &head(0, 7), &witness);
    assert!(later.time > given.time);
    let (_, metrics) = service.get(path::METRICS);
    for line in [
        "pregao_witness_cosigned_total 1",
        "pregao_witness_conflicts 1",
        "pregao_witness_logs 1",
        "pregao_witness_brokers 1",
        "pregao_witness_working 1",
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line} in {metrics}");
    }
}

#[test]
fn v146_what_is_no_request_is_refused_and_each_refusal_has_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let service = Service(&tsa.address.url);
    assert_eq!(service.register(&registration()).0, 200);
    let post = |body: &[u8]| service.post(path::ADD_CHECKPOINT, body).0;
    for body in [&b""[..], b"old 0\n", b"old 0\n\n", b"{}", b"old 01\n\nx\n", b"\xff\n\n\n"] {
        assert_eq!(post(body), 400, "{}", body.escape_ascii());
    }
    assert_eq!(post(&vec![b'x'; MAX_REQUEST]), 400);
    assert_eq!(post(&vec![b'x'; MAX_REQUEST + 1]), 413);
    assert_eq!(post(b"old 0\n\nexample.com/log\n1\nx\n\n"), 404);
    let note = request(0, 3).checkpoint;
    let of = |old, checkpoint| AddCheckpoint { old, proof: Vec::new(), checkpoint };
    assert_eq!(service.add(&of(4, note.clone())).status(), 400);
    assert_eq!(service.add(&of(0, head(0, 0).sign(&head_key()))).status(), 400);
    let stranger = head(0, 3).sign(&SecretKey::from_seed(&[8; 32]));
    assert_eq!(service.refused(&of(0, stranger)), CheckpointRefusal::Signature);
    assert_eq!(service.refused(&of(1, note.clone())), CheckpointRefusal::Conflict { size: 0 });
    let with_proof = AddCheckpoint { proof: vec![Digest([0; 32])], ..of(0, note) };
    assert_eq!(service.refused(&with_proof), CheckpointRefusal::Proof);
    assert_eq!(service.add(&request(0, 3)).status(), 200);
    let (status, _) = service.get(path::ADD_CHECKPOINT);
    assert_eq!(status, 405);
}

#[test]
fn brokers_are_taken_up_by_their_certificates_only() {
    let folder = tempfile::tempdir().unwrap();
    let print = session().public().fingerprint().to_string();
    let tsa = Tsa::start(folder.path(), &["--witness", &print]);
    let service = Service(&tsa.address.url);
    assert_eq!(service.register(&registration()).0, 200);
    let refused = service.refuses(&registration_with(&SecretKey::from_seed(&[9; 32]), false));
    assert_eq!(refused, (409, "witness.head-key".to_owned()));
    let refused = service.refuses(&RegisterBroker { certificate: "..".to_owned() });
    assert_eq!(refused, (400, "witness.certificate".to_owned()));
    let refused = tsa.refusal(path::WITNESS_BROKERS, &json!({"certificate": "", "more": 1}));
    assert_eq!(refused, (400, "body.json".to_owned()));
    drop(tsa);
    let tsa = Tsa::start(folder.path(), &["--witness", &"0".repeat(64)]);
    let service = Service(&tsa.address.url);
    assert_eq!(service.refuses(&registration()), (403, "witness.broker".to_owned()));
    assert_eq!(service.refused(&request(0, 3)), CheckpointRefusal::Origin);
    // In simulated time the witness has a key and a memory of its own, and knows such brokers.
    let simulated = Tsa::start(folder.path(), &["--simulate"]);
    let own = tsa.keys().witness.unwrap();
    assert_ne!(simulated.keys().witness.unwrap().key, own.key);
    let tsa = Service(&simulated.address.url);
    assert_eq!(tsa.register(&registration_with(&head_key(), true)).0, 200);
    let later = simulated.now().plus(Duration::from_secs(86_400));
    simulated.post(path::SET_TIME, &json!({ "time": later }));
    let witness = simulated.keys().witness.unwrap();
    assert!(tsa.cosigned(&request(0, 3), &head(0, 3), &witness).time >= later.as_secs());
}

#[test]
fn with_none_there_is_no_witness() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &["--witness", "none"]);
    let service = Service(&tsa.address.url);
    assert_eq!(tsa.keys().witness, None);
    assert_eq!(service.post(path::ADD_CHECKPOINT, request(0, 3).encode().as_bytes()).0, 404);
    assert_eq!(service.refuses(&registration()), (404, "path.unknown".to_owned()));
    assert_eq!(service.get(path::WITNESS_KEY).0, 404);
    assert!(!folder.path().join("witness.key.pem").exists());
    assert!(!service.get(path::METRICS).1.contains("witness"));
    for options in [["none", "any"], ["any", "nobody"], ["any", "00"]] {
        let [one, two] = options;
        let output = program()
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--witness",
                one,
                "--witness",
                two,
                "--data",
            ])
            .arg(folder.path().join("other"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
    }
}

/// `pregao-tsa witness`, running.
struct Alone {
    process: Child,
    url: String,
    witness: Witness,
}

impl Alone {
    fn start(data: &Path, options: &[&str]) -> Self {
        let mut process = program()
            .args(["witness", "--operator", "two.example", "--data"])
            .arg(data)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.next().unwrap().unwrap();
        let ready: Value = serde_json::from_str(ready.strip_prefix("ready ").unwrap()).unwrap();
        let given = lines.next().unwrap().unwrap();
        let parts: Vec<&str> = given.strip_prefix("--witness ").unwrap().split(',').collect();
        assert_eq!(parts, [&ready["url"], &ready["key"], &ready["operator"]]);
        let (name, key) = read_verifier_key(parts[1]).unwrap();
        assert_eq!(name, witness_name(&key));
        let operator = parts[2].parse().unwrap();
        Self { process, url: parts[0].to_owned(), witness: Witness { name, key, operator } }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_witness_alone_cosigns_and_does_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let print = session().public().fingerprint().to_string();
    let alone = Alone::start(folder.path(), &["--broker", &print]);
    let service = Service(&alone.url);
    assert_eq!(service.register(&registration()).0, 200);
    let given = service.cosigned(&request(0, 3), &head(0, 3), &alone.witness);
    let (status, text) = service.get(path::WITNESS_KEY);
    let lines: Vec<&str> = text.lines().collect();
    let (name, key) = read_verifier_key(lines[0]).unwrap();
    assert_eq!((status, &name, &key), (200, &alone.witness.name, &alone.witness.key));
    assert_eq!(lines[1..], ["two.example"]);
    let (status, health) = service.get(path::HEALTH);
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    assert!(service.get(path::METRICS).1.contains("pregao_witness_cosigned_total 1\n"));
    for other in [path::JWKS, path::CA, path::STREAM, path::TIMESTAMP] {
        assert_eq!(service.get(other).0, 404, "{other}");
    }
    let witness = alone.witness.clone();
    drop(alone);
    let alone = Alone::start(folder.path(), &["--any"]);
    assert_eq!(alone.witness, witness);
    let service = Service(&alone.url);
    assert_eq!(service.refused(&request(0, 7)), CheckpointRefusal::Conflict { size: 3 });
    assert_eq!(service.cosigned(&request(3, 3), &head(0, 3), &witness), given);
}

#[test]
fn a_witness_alone_knows_whom_its_operator_wants() {
    let folder = tempfile::tempdir().unwrap();
    let alone = Alone::start(folder.path(), &["--broker", &"0".repeat(64)]);
    let service = Service(&alone.url);
    assert_eq!(service.refuses(&registration()), (403, "witness.broker".to_owned()));
    drop(alone);
    let alone = Alone::start(folder.path(), &["--any"]);
    let simulated = registration_with(&head_key(), true);
    let service = Service(&alone.url);
    assert_eq!(service.refuses(&simulated), (403, "witness.simulated".to_owned()));
    drop(alone);
    let alone = Alone::start(folder.path(), &["--any", "--simulated"]);
    assert_eq!(Service(&alone.url).register(&simulated).0, 200);
    for options in [
        &["--operator", "two words", "--any"][..],
        &["--operator", "two.example"],
        &["--any"],
        &["--operator", "two.example", "--broker", "00"],
    ] {
        let data = folder.path().join("other");
        let output = program().args(["witness", "--data"]).arg(data).args(options).output();
        assert_eq!(output.unwrap().status.code(), Some(2), "{options:?}");
    }
    let output = program()
        .args(["witness", "--operator", "two.example", "--any", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "the folder is taken");
}
