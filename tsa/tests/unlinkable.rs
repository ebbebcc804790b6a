//! Plays the CA with everything it has after a batch of citizens: files, keys, logs, and every
//! request and answer in the clear. It cannot tell which citizen has which persona.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the test_tsa: it reads the machine"
)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod running;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U3072};
use pregao_protocol::trust::certificate::pem_to_der;
use pregao_protocol::trust::enrolment::ApplicationAnswer;
use pregao_protocol::trust::enrolment::issuer::IssuerKey;
use pregao_protocol::trust::enrolment::token::Token;
use pregao_protocol::value::codec::{Digest, from_base64url, to_base64url};
use running::citizen::{Applicant, Filled, card, pki, purchase};
use running::{Tsa, csr};
use rusqlite::Connection;

const CITIZENS: u32 = 12;
/// The order in which the tokens are spent.
const SPENT: [usize; CITIZENS as usize] = [7, 2, 11, 0, 5, 9, 1, 10, 4, 8, 3, 6];

/// What the CA saw of one citizen, opened.
struct Seen {
    filled: Filled,
    blind_signature: Vec<u8>,
    civil_number: String,
}

/// What the CA saw of one persona.
struct Spent {
    token: Token,
    persona: Vec<u8>,
    csr: Vec<u8>,
    certificate: Vec<u8>,
}

fn start(data: &Path, state: &Path, log: &Path) -> Tsa {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" 2>\"$LOG\"", env!("CARGO_BIN_EXE_pregao-tsa")])
        .env("RUST_LOG", "trace")
        .env("LOG", log);
    let state = state.to_str().unwrap();
    let options = ["--policy", "card", "--accept-test-cards", "--citizens", state];
    Tsa::start_by(shell, data, &options)
}

#[test]
fn the_ca_cannot_tell_which_citizen_has_which_persona() {
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pki().write_folder(state.path()).unwrap();
    let log = state.path().join("log");
    let tsa = start(data.path(), state.path(), &log);
    let mut applicants = Vec::new();
    for number in 0..CITIZENS {
        let persona = u8::try_from(number + 1).unwrap();
        applicants.push(Applicant::new(&tsa, card(60_000_000 + number * 37), persona));
    }
    let before = fs::read_to_string(&log).unwrap();
    let mut seen = Vec::new();
    let mut tokens = Vec::new();
    for applicant in &applicants {
        let filled = applicant.application(&tsa);
        let answer = filled.send(&tsa);
        tokens.push(applicant.token(&answer));
        let ApplicationAnswer::Signed { blind_signature } = answer else { unreachable!() };
        let civil_number = applicant.card.citizen.civil_number.clone();
        seen.push(Seen { filled, blind_signature, civil_number });
    }
    let logged = fs::read_to_string(&log).unwrap().strip_prefix(&before).unwrap().to_owned();
    let mut spent = Vec::new();
    for index in SPENT {
        let (key, token) = (&applicants[index].persona, tokens[index].clone());
        let body = purchase(key, &token);
        let (status, answer) = tsa.post("/api/sign-csr", &body);
        assert_eq!(status, 200, "{answer}");
        let pem = answer["certificate"].as_str().unwrap();
        spent.push(Spent {
            token,
            persona: key.public().as_bytes().to_vec(),
            csr: pem_to_der(&csr(key), "CERTIFICATE REQUEST").unwrap(),
            certificate: pem_to_der(pem, "CERTIFICATE").unwrap(),
        });
    }
    let issuer = applicants[0].issuer.key.clone();
    in_order(data.path());
    tsa.kill();
    every_token_fits_every_application(&issuer, &seen, &spent);
    let log = fs::read(&log).unwrap();
    nothing_of_a_citizen_is_kept(data.path(), &log, &seen, &spent);
    nothing_of_a_persona_is_kept(data.path(), &log, &spent, &seen);
    the_order_is_that_of_the_hashes(data.path(), &seen);
    assert_eq!(logged, "", "an enrolment leaves no line in the log");
}

type Number = FixedMontyForm<{ U3072::LIMBS }>;

/// For every application and every token there is exactly one blinding factor that explains both: the
/// CA's view is the same whichever of them belong together.
fn every_token_fits_every_application(issuer: &IssuerKey, seen: &[Seen], spent: &[Spent]) {
    let (modulus, exponent) = issuer.jwk_members();
    assert_eq!(from_base64url(&exponent).unwrap(), [1, 0, 1]);
    let exponent = U3072::from_u32(65_537);
    let modulus = U3072::from_be_slice(&from_base64url(&modulus).unwrap());
    let params = FixedMontyParams::new_vartime(Odd::new(modulus).unwrap());
    let number = |bytes: &[u8]| -> Number { Number::new(&U3072::from_be_slice(bytes), &params) };
    let mut factors = Vec::new();
    for citizen in seen {
        let blinded = number(&citizen.filled.application.blinded);
        let signed = number(&citizen.blind_signature);
        for persona in spent {
            let (_, signature) = persona.token.parts();
            let signature = number(signature);
            // What the token says under its signature: the encoded message.
            let message = signature.pow(&exponent);
            let factor = signed.mul(&Option::<Number>::from(signature.invert()).unwrap());
            assert_eq!(factor.pow(&exponent).mul(&message).retrieve(), blinded.retrieve());
            factors.push(factor.retrieve());
        }
    }
    factors.sort();
    factors.dedup();
    assert_eq!(factors.len(), seen.len() * spent.len());
}

/// Everything in the data folder, with the database's tables also as text.
fn kept(data: &Path) -> Vec<(String, Vec<u8>)> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(data).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        kept.push((name, fs::read(entry.path()).unwrap()));
    }
    for name in ["tsa.db", "citizens.db"] {
        kept.push((format!("tables of {name}"), dump(&data.join(name)).into_bytes()));
    }
    kept
}

fn dump(path: &Path) -> String {
    let database = Connection::open(path).unwrap();
    let mut tables =
        database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut text = String::new();
    for table in tables {
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let value: rusqlite::types::Value = row.get(column).unwrap();
                let value = match value {
                    rusqlite::types::Value::Blob(bytes) => hex::encode(bytes),
                    other => format!("{other:?}"),
                };
                text.push_str(&format!("{table} {value}\n"));
            }
        }
    }
    text
}

/// Whether `bytes` hold `part`, raw or as text in any encoding used here.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    // Without what the end of the encoding takes from bytes that might follow.
    let base64 = |text: String| text.as_bytes()[..text.len() - 4].to_vec();
    [
        part.to_vec(),
        hex::encode(part).into_bytes(),
        base64(to_base64url(part)),
        base64(STANDARD.encode(part)),
    ]
    .iter()
    .any(|form| bytes.windows(form.len()).any(|window| window == form))
}

fn nothing_of_a_citizen_is_kept(data: &Path, log: &[u8], seen: &[Seen], spent: &[Spent]) {
    let mut places = kept(data);
    places.push(("log".to_owned(), log.to_vec()));
    for persona in spent {
        let token = serde_json::to_vec(&persona.token).unwrap();
        let shown = [token, persona.csr.clone(), persona.certificate.clone()].concat();
        places.push(("what a persona showed and got".to_owned(), shown));
    }
    for citizen in seen {
        let application = &citizen.filled.application;
        let parts: [&[u8]; 7] = [
            &application.blinded,
            &application.signature,
            &application.certificate,
            &application.reply.0,
            &citizen.blind_signature,
            &citizen.filled.offer.challenge.0,
            citizen.civil_number.as_bytes(),
        ];
        for (name, bytes) in &places {
            for (index, part) in parts.iter().enumerate() {
                assert!(!holds(bytes, part), "part {index} of an application is in {name}");
            }
        }
        let request = Digest::of(&application.blinded);
        for (name, bytes) in places.iter().filter(|(name, _)| !name.contains("citizens.db")) {
            assert!(!holds(bytes, &request.0), "the count of a citizen is in {name}");
        }
    }
}

fn nothing_of_a_persona_is_kept(data: &Path, log: &[u8], spent: &[Spent], seen: &[Seen]) {
    let mut places = kept(data);
    places.push(("log".to_owned(), log.to_vec()));
    for citizen in seen {
        let application = serde_json::to_vec(&citizen.filled.application).unwrap();
        let offer = serde_json::to_vec(&citizen.filled.offer).unwrap();
        let shown = [application, offer, citizen.blind_signature.clone()].concat();
        places.push(("what a citizen showed and got".to_owned(), shown));
    }
    for persona in spent {
        let (randomizer, signature) = persona.token.parts();
        let parts: [&[u8]; 5] =
            [randomizer, signature, &persona.persona, &persona.csr, &persona.certificate];
        for (name, bytes) in &places {
            for (index, part) in parts.iter().enumerate() {
                assert!(!holds(bytes, part), "part {index} of a persona is in {name}");
            }
        }
    }
}

/// Waits until the count was written in the order of its hashes, which it is within seconds.
fn in_order(data: &Path) {
    let end = Instant::now() + Duration::from_secs(30);
    while !lies_in_order(data) {
        assert!(Instant::now() < end, "the count was not put in order");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether the rows of the count lie in the file in the order of their hashes.
fn lies_in_order(data: &Path) -> bool {
    let path = data.join("citizens.db");
    let database = Connection::open(&path).unwrap();
    let mut query = database.prepare("SELECT hash FROM citizen ORDER BY hash").unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    let rows: Vec<[u8; 32]> = rows.map(Result::unwrap).collect();
    let bytes = fs::read(&path).unwrap();
    let place = |hash: &[u8; 32]| bytes.windows(32).position(|part| part == hash);
    let places: Option<Vec<usize>> = rows.iter().map(place).collect();
    places.is_some_and(|places| places.is_sorted_by(|one, next| one > next) || places.is_sorted())
}

/// The count holds hashes and nothing else, and neither its rows nor its bytes say who came first.
fn the_order_is_that_of_the_hashes(data: &Path, seen: &[Seen]) {
    let path = data.join("citizens.db");
    let database = Connection::open(&path).unwrap();
    let mut query = database.prepare("SELECT * FROM citizen").unwrap();
    assert!(query.column_names().eq(["period", "hash", "request"]));
    let rows = query.query_map([], |row| Ok((row.get(1)?, row.get(2)?))).unwrap();
    let rows: Vec<([u8; 32], [u8; 32])> = rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), seen.len());
    assert!(rows.is_sorted());
    assert!(lies_in_order(data), "rows lie in the file in another order");
    assert!(!data.join("citizens.db-journal").exists() && !data.join("citizens.db-wal").exists());
}
