//! Starts the real program on a free port and talks to it.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

pub(crate) mod citizen;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pregao_protocol::log::stamp::{Stamp, VerifiedBatch};
use pregao_protocol::trust::certificate::certificate_hash;
use pregao_protocol::trust::certificate::ticket::{Challenge, Proof};
use pregao_protocol::trust::jwks::{TsaAddress, TsaKeys, verify_jwks};
use pregao_protocol::trust::key::{Fingerprint, Persona, Purpose, SecretKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::{NewChallenge, SignCsr, Timestamp, TsaRequest, path};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

pub(crate) struct Tsa {
    pub(crate) process: Child,
    pub(crate) address: TsaAddress,
    /// Whether it says that it accepts test cards.
    pub(crate) test_cards: bool,
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pregao-tsa"))
}

impl Tsa {
    pub(crate) fn start(data: &Path, options: &[&str]) -> Self {
        Self::start_by(program(), data, options)
    }

    /// Starts it by a command that takes the program's arguments behind its own.
    pub(crate) fn start_by(mut command: Command, data: &Path, options: &[&str]) -> Self {
        let mut process = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(line.strip_prefix("ready ").unwrap()).unwrap();
        let address: TsaAddress = ready["url"].as_str().unwrap().parse().unwrap();
        assert_eq!(json!(address.authority.unwrap()), ready["authority"]);
        let test_cards = ready["test_cards"].as_bool().unwrap();
        Self { process, address, test_cards }
    }

    pub(crate) fn host(&self) -> &str {
        self.address.url.strip_prefix("http://").unwrap()
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}{path}", self.address.url);
        let mut response = match method {
            "GET" => agent.get(url).call(),
            _ => agent.post(url).send(body),
        }
        .unwrap();
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes).unwrap();
        (response.status().as_u16(), bytes)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Vec<u8>) {
        self.request("GET", path, b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, bytes) = self.request("POST", path, &serde_json::to_vec(body).unwrap());
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    /// Posts a request; gives the answer, which must not be a refusal.
    pub(crate) fn ask<R: TsaRequest>(&self, request: &R) -> R::Answer {
        let (status, bytes) = self.request("POST", R::PATH, &request.encode());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
        R::parse_answer(&bytes).unwrap()
    }

    /// Posts what must be refused; gives status and code, and wants a message and advice.
    pub(crate) fn refusal(&self, path: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.post(path, body);
        assert!(!answer["message"].as_str().unwrap().is_empty());
        assert!(!answer["advice"].as_str().unwrap().is_empty());
        (status, answer["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn now(&self) -> Time {
        let stamp = self.ask(&Timestamp { digest: Digest::of(b"now") });
        let payload = pregao_protocol::trust::jws::dangerous_payload(&stamp.batch, 1024).unwrap();
        let header: Value = serde_json::from_slice(&payload).unwrap();
        header["time"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn keys(&self) -> TsaKeys {
        let (_, json) = self.get(path::JWKS);
        verify_jwks(&json, self.address.authority, self.now()).unwrap()
    }

    pub(crate) fn stamp(&self, digest: &Digest) -> (Stamp, VerifiedBatch) {
        self.ask(&Timestamp { digest: *digest }).open(&[self.keys().stamp]).unwrap()
    }

    pub(crate) fn certificate(&self, key: &SecretKey<Persona>) -> String {
        self.ask(&SignCsr { csr: csr(key), ..SignCsr::default() }).certificate
    }

    pub(crate) fn challenge(&self) -> Challenge {
        self.ask(&NewChallenge {}).challenge
    }

    pub(crate) fn proof(
        &self,
        key: &SecretKey<Persona>,
        der: &[u8],
        broker: Fingerprint,
    ) -> String {
        let certificate = certificate_hash(der);
        Proof { challenge: self.challenge(), aud: broker, certificate }.sign(key)
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Tsa {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// rcgen's form of one of our keys: PKCS#8 version 1 is a fixed head and the seed.
pub(crate) fn pair<P: Purpose>(key: &SecretKey<P>) -> KeyPair {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    KeyPair::try_from([head.as_slice(), key.expose_seed().as_slice()].concat()).unwrap()
}

pub(crate) fn csr(key: &SecretKey<Persona>) -> String {
    CertificateParams::default().serialize_request(&pair(key)).unwrap().pem().unwrap()
}

pub(crate) fn persona(seed: u8) -> SecretKey<Persona> {
    SecretKey::from_seed(&[seed; 32])
}
