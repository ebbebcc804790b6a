//! The program as its operator meets it: start, kill, restart, wrong use; and HTTP misuse.

#![allow(clippy::disallowed_methods, reason = "this is no program of Pregão: it reads the machine")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod running;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::trust::timelock::TimeLock;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::{TimeLockAnswer, path};
use running::{Tsa, program};
use serde_json::json;

fn serve(data: &Path, options: &[&str]) -> Output {
    program()
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(options)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Two lines: what happened, and what to do.
fn failed(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("pregao-tsa:")).collect();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains(words), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn the_chain_continues_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut before: Option<pregao_protocol::log::stamp::VerifiedBatch> = None;
    let mut authority = None;
    for round in 0..4_u8 {
        let tsa = Tsa::start(folder.path(), &["--batch-ms", "0"]);
        assert_eq!(*authority.get_or_insert(tsa.address.authority), tsa.address.authority);
        for number in 0..5_u8 {
            let digest = Digest::of(&[round, number]);
            let (stamp, batch) = tsa.stamp(&digest);
            assert_eq!(stamp.covers(&digest, &batch), Ok(()));
            if let Some(before) = &before {
                let (old, new) = (before.header(), batch.header());
                assert!(new.batch > old.batch && new.time > old.time);
                if new.batch == old.batch + 1 {
                    assert_eq!((new.prev, new.prev_time), (before.hash(), old.time));
                }
            }
            before = Some(batch);
        }
        tsa.kill();
    }
}

#[test]
fn a_second_process_on_the_same_folder_or_port_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _tsa = Tsa::start(folder.path(), &[]);
    failed(&serve(folder.path(), &[]), "another pregao-tsa");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let other = tempfile::tempdir().unwrap();
    let output = program()
        .args(["serve", "--listen", &address, "--data"])
        .arg(other.path())
        .output()
        .unwrap();
    failed(&output, "cannot listen");
}

#[test]
fn folders_and_files_that_cannot_be_used_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Tsa::start(folder.path(), &[]));
    let key = folder.path().join("stamp.key.pem");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    failed(&serve(folder.path(), &[]), "others than its owner");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    for file in ["tsa.db-wal", "tsa.db-shm"] {
        let _ = fs::remove_file(folder.path().join(file));
    }
    fs::write(folder.path().join("tsa.db"), vec![b'x'; 4096]).unwrap();
    failed(&serve(folder.path(), &[]), "tsa.db");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    failed(&serve(&file, &[]), "cannot create the folder");
}

#[test]
fn wrong_use_of_the_command_line_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        ["--batch-size", "0"],
        ["--batch-size", "65537"],
        ["--batch-ms", "x"],
        ["--policy", "none"],
        ["--unknown", "x"],
    ] {
        assert_eq!(serve(folder.path(), &options).status.code(), Some(2), "{options:?}");
    }
    let output = program().args(["fingerprint", "--data"]).arg(folder.path()).output().unwrap();
    failed(&output, "missing");
}

#[test]
fn the_fingerprint_is_printed_and_simulation_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let real = Tsa::start(folder.path(), &[]);
    let simulated = Tsa::start(folder.path(), &["--simulate"]);
    assert_ne!(real.address.authority, simulated.address.authority);
    assert_ne!(real.keys().stamp, simulated.keys().stamp);
    assert!(simulated.keys().simulated && !real.keys().simulated);
    let output = program().args(["fingerprint", "--data"]).arg(folder.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.trim(), real.address.authority.unwrap().to_string());
}

#[test]
fn a_signal_ends_it_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut tsa = Tsa::start(folder.path(), &[]);
    let process = rustix::process::Pid::from_child(&tsa.process);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(tsa.process.wait().unwrap().code(), Some(0));
}

/// Limits how large a file the process may write, which fails like a full disk.
fn limit_files(tsa: &Tsa, bytes: Option<u64>) {
    let process = rustix::process::Pid::from_child(&tsa.process);
    let limit = rustix::process::Rlimit { current: bytes, maximum: None };
    rustix::process::prlimit(Some(process), rustix::process::Resource::Fsize, limit).unwrap();
}

#[test]
fn a_full_disk_stops_stamps_until_there_is_space_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pregao-tsa")]);
    let tsa = Tsa::start_by(shell, folder.path(), &[]);
    let (_, before) = tsa.stamp(&Digest::of(b"before"));
    limit_files(&tsa, Some(0));
    let body = json!({"digest": Digest::of(b"during")});
    assert_eq!(tsa.refusal("/api/timestamp", &body), (503, "store.failed".to_owned()));
    assert_eq!(tsa.get("/healthz").0, 503);
    limit_files(&tsa, None);
    let digest = Digest::of(b"after");
    let (stamp, after) = tsa.stamp(&digest);
    assert_eq!(stamp.covers(&digest, &after), Ok(()));
    assert!(after.header().batch > before.header().batch);
}

#[test]
fn time_can_be_set_in_simulation_only_and_forward_only() {
    let folder = tempfile::tempdir().unwrap();
    let real = Tsa::start(folder.path(), &[]);
    let body = json!({"time": "2100-01-01T00:00:00Z"});
    assert_eq!(real.refusal("/api/settime", &body), (404, "path.unknown".to_owned()));
    assert_eq!(real.refusal("/api/resettime", &body), (404, "path.unknown".to_owned()));
    let simulated = Tsa::start(folder.path(), &["--simulate"]);
    let later = simulated.now().plus(std::time::Duration::from_secs(3600));
    let (status, answer) = simulated.post("/api/settime", &json!({ "time": later }));
    assert_eq!((status, &answer["time"]), (200, &json!(later)));
    assert!(simulated.now() >= later);
    let back = simulated.refusal("/api/settime", &json!({ "time": later }));
    assert_eq!(back, (409, "time.back".to_owned()));
    let back = simulated.refusal("/api/resettime", &json!(null));
    assert_eq!(back, (409, "time.back".to_owned()));
    let garbage = simulated.refusal("/api/settime", &json!({"time": "tomorrow"}));
    assert_eq!(garbage, (400, "time.malformed".to_owned()));
}

#[test]
fn misuse_of_http_is_answered_with_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let code = |(status, body): (u16, Vec<u8>)| {
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        (status, body["code"].as_str().unwrap().to_owned())
    };
    let paths = ["/api/sign-csr", "/api/issue", "/api/timestamp"];
    for path in paths {
        assert_eq!(code(tsa.get(path)), (405, "method.unknown".to_owned()));
        for garbage in ["", "garbage", "{", "[]", "{\"unknown\":1}", "null"] {
            let answer = code(tsa.request("POST", path, garbage.as_bytes()));
            assert_eq!(answer, (400, "body.json".to_owned()), "{path} {garbage}");
        }
        let long = vec![b' '; 16 * 1024 + 1];
        let answer = code(tsa.request("POST", path, &long));
        assert_eq!(answer, (413, "body.too-long".to_owned()));
    }
    assert_eq!(code(tsa.get("/api/nothing")), (404, "path.unknown".to_owned()));
    assert_eq!(code(tsa.get("/api/stream")), (426, "stream.upgrade".to_owned()));
    for digest in ["", "AAAA", "A", &"A".repeat(44), &format!("{}B", "A".repeat(42))] {
        let answer = tsa.refusal("/api/timestamp", &json!({ "digest": digest }));
        assert_eq!(answer, (400, "body.json".to_owned()), "{digest}");
    }
}

#[test]
fn health_and_metrics_tell_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    tsa.stamp(&Digest::of(b"x"));
    let (status, body) = tsa.get("/healthz");
    let health: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    let metrics = String::from_utf8(tsa.get("/metrics").1).unwrap();
    assert!(!metrics.contains("pregao_tsa_stamps_total 0"));
    assert!(metrics.contains("pregao_tsa_clock_trusted 1\n"));
}

#[test]
fn half_a_request_does_not_hold_up_others() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let mut slow = TcpStream::connect(tsa.host()).unwrap();
    slow.write_all(b"POST /api/timestamp HTTP/1.1\r\nHost: x\r\nContent-").unwrap();
    tsa.stamp(&Digest::of(b"x"));
    let mut rest = Vec::new();
    // The head is not finished in time, so the TSA ends the connection.
    let _ = slow.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

fn timelock(tsa: &Tsa, at: u64) -> (TimeLock, Option<SealKey>, String) {
    let (status, body) = tsa.get(&format!("{}?at={at}", path::TIMELOCK));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let answer = TimeLockAnswer::parse(&body).unwrap();
    let stated = TimeLock::open(&answer.statement, &[tsa.keys().stamp]).unwrap();
    let secret = answer.secret.map(|secret| SealKey::from_random(secret.0));
    (stated, secret, answer.statement)
}

#[test]
fn v163_a_secret_waits_for_its_instant_over_a_kill_and_a_clock_set_forward() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &["--simulate"]);
    let at = tsa.now().as_micros() / 1_000_000 + 86_400;
    let (stated, secret, statement) = timelock(&tsa, at);
    assert!(secret.is_none() && stated.simulated && stated.at == at);
    tsa.kill();
    let tsa = Tsa::start(folder.path(), &["--simulate"]);
    let set = |seconds: u64| {
        let time = Time::from_micros(seconds * 1_000_000).unwrap();
        assert_eq!(tsa.post("/api/settime", &json!({ "time": time })).0, 200);
        // A time is signed by the new clock.
        tsa.now();
    };
    // Real seconds pass too, far fewer than these.
    set(at - 3_600);
    let (again, secret, same) = timelock(&tsa, at);
    assert!(secret.is_none() && again == stated && same == statement);
    set(at);
    let (_, secret, _) = timelock(&tsa, at);
    assert!(stated.is_opened_by(&secret.unwrap()));
    tsa.kill();
    // Real time has secrets of its own.
    let real = Tsa::start(folder.path(), &[]);
    let (other, secret, _) = timelock(&real, at);
    assert!(secret.is_none() && !other.simulated && other.key != stated.key);
}

#[test]
fn an_instant_that_no_key_is_stated_for_is_refused_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let now = tsa.now().as_micros() / 1_000_000;
    let far = format!("?at={}", now + 371 * 86_400);
    for (query, status, code) in [
        ("", 400, "timelock.at"),
        ("?at=", 400, "timelock.at"),
        ("?at=-1", 400, "timelock.at"),
        ("?at=05", 400, "timelock.at"),
        ("?at=5&at=6", 400, "timelock.at"),
        ("?at=1e9", 400, "timelock.at"),
        ("?at=99999999999999999999", 400, "timelock.at"),
        ("?at=18446744073709551615", 400, "timelock.far"),
        (&far, 400, "timelock.far"),
        ("?at=0", 404, "timelock.never"),
        ("?at=1700000000", 404, "timelock.never"),
    ] {
        let (got, body) = tsa.get(&format!("{}{query}", path::TIMELOCK));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((got, body["code"].as_str().unwrap()), (status, code), "{query}");
        assert!(!body["advice"].as_str().unwrap().is_empty());
    }
    assert_eq!(tsa.refusal(path::TIMELOCK, &json!({})), (405, "method.unknown".to_owned()));
    // What was asked for wrongly wrote nothing.
    let file = rusqlite::Connection::open(folder.path().join("timelocks.db")).unwrap();
    let masters: i64 =
        file.query_row("SELECT count(*) FROM timelock", [], |row| row.get(0)).unwrap();
    assert_eq!(masters, 0);
}
