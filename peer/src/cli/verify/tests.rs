//! What is said of files, and with which status it ends. That every rule is judged rightly is tested where
//! they are judged.

use super::*;

fn asked(files: &[&Path]) -> Verify {
    let files = files.iter().map(|path| (*path).to_owned()).collect();
    Verify { files, room: None, tsa: Vec::new(), witness: Vec::new(), evidence: None }
}

fn told(asked: &Verify, json: bool) -> (Status, String) {
    let mut said = Vec::new();
    let status = run(asked, None, json, &mut said).unwrap();
    (status, String::from_utf8(said).unwrap())
}

/// Evidence that everybody can make: a TSA key of one's own that contradicts itself.
fn batches() -> String {
    use pregao_protocol::audit::evidence::TwoBatches;
    use pregao_protocol::log::stamp::BatchHeader;
    use pregao_protocol::trust::key::{SecretKey, StampKey};
    use pregao_protocol::value::clock::Time;
    use pregao_protocol::value::codec::Digest;
    let key = SecretKey::<StampKey>::from_seed(&[1; 32]);
    let header = |root: u8| {
        let (tsa, time) = (key.public().fingerprint(), Time::default());
        let (root, prev) = (Digest([root; 32]), Digest([0; 32]));
        BatchHeader { tsa, batch: 1, time, size: 1, root, prev, prev_time: time }.sign(&key)
    };
    let two = TwoBatches { key: key.public(), batches: [header(1), header(2)] };
    Evidence::Batches(two).encode()
}

#[test]
fn the_worst_of_several_files_says_how_it_ends() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (good, bad) = (file("good", &batches()), file("bad", "\"\"\n"));
    let nothing = file("nothing", "nothing");
    let of = |files: &[&Path]| told(&asked(files), false).0;
    assert_eq!(of(&[&good]), Status::CarriedOut);
    assert_eq!(of(&[&good, &nothing]), Status::Unreadable);
    assert_eq!(of(&[&nothing, &bad, &good]), Status::Refused);
    let (status, said) = told(&asked(&[&good, &bad, &nothing]), false);
    assert_eq!(status, Status::Refused);
    for part in
        ["good: holds: evidence", "bad: DOES NOT HOLD: the log is empty (rule V-060)", "UNREADABLE"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (_, lines) = told(&asked(&[&good, &bad, &nothing]), true);
    let lines: Vec<&str> = lines.lines().collect();
    assert!(
        lines[0].starts_with(r#"{"kind":"evidence","verdict":"valid","evidence":"batches","by":""#)
    );
    assert_eq!(lines[1], r#"{"kind":"unknown","verdict":"invalid","rule":"V-060"}"#);
    assert_eq!(lines[2], r#"{"kind":"unknown","verdict":"unreadable"}"#);
    assert_eq!(lines.len(), 3);
}

#[test]
fn evidence_against_somebody_else_than_meant_does_not_hold() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("evidence");
    std::fs::write(&path, batches()).unwrap();
    let other = AnyFingerprint(Fingerprint([7; 32]));
    let meant = Verify { tsa: vec![other], ..asked(&[&path]) };
    let (status, said) = told(&meant, false);
    assert_eq!(status, Status::Refused);
    assert!(said.contains("it is against the TSA ") && said.contains("not asked for"), "{said}");
    let (_, line) = told(&meant, true);
    assert!(line.starts_with(r#"{"kind":"evidence","verdict":"invalid""#), "{line}");
}

#[test]
fn a_link_that_leads_nowhere_is_not_written_over() {
    let place = tempfile::tempdir().unwrap();
    let link = place.path().join("proof.json");
    std::os::unix::fs::symlink(place.path().join("nothing"), &link).unwrap();
    let error = keep(&Evidence::parse(&batches()).unwrap(), &link).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert!(link.symlink_metadata().unwrap().is_symlink());
}

#[test]
fn evidence_that_shows_nothing_does_not_hold() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("evidence");
    let mut two: serde_json::Value = serde_json::from_str(&batches()).unwrap();
    two["batches"]["batches"][1] = two["batches"]["batches"][0].clone();
    std::fs::write(&path, two.to_string()).unwrap();
    let (status, said) = told(&asked(&[&path]), false);
    assert_eq!(status, Status::Refused);
    assert!(said.contains("as evidence it shows nothing"), "{said}");
    let (_, said) = told(&asked(&[&path]), true);
    assert!(said.starts_with(r#"{"kind":"evidence","verdict":"invalid""#), "{said}");
}

#[test]
fn what_is_no_ordinary_file_is_not_read() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let gone = place.path().join("gone");
    for (path, word) in [
        (place.path(), "folder"),
        (&pipe, "no ordinary file"),
        (&gone, "cannot be read"),
        (Path::new("/dev/zero"), "no ordinary file"),
    ] {
        let (status, said) = told(&asked(&[path]), false);
        assert_eq!(status, Status::Unreadable, "{said}");
        assert!(said.contains("UNREADABLE") && said.contains(word), "{said}");
    }
}

#[test]
fn a_files_name_does_not_steer_the_terminal() {
    let path = Path::new("gone\u{1b}[2J");
    let (_, said) = told(&asked(&[path]), false);
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn evidence_is_never_written_over() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("proof.json");
    let evidence = Evidence::parse(&batches()).unwrap();
    keep(&evidence, &path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), batches());
    let error = keep(&evidence, &path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn fingerprints_come_alone_or_behind_an_address() {
    let digits = "0123456789abcdef".repeat(4);
    let alone: AnyFingerprint = digits.parse().unwrap();
    assert_eq!(format!("http://tsa.example/#{digits}").parse(), Ok(alone));
    for wrong in ["", "#", "x", &digits[1..], "http://tsa.example/", &digits.to_uppercase()] {
        assert_eq!(wrong.parse::<AnyFingerprint>(), Err(FingerprintError), "{wrong}");
    }
}
