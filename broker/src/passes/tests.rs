//! Secrets of passes at rest.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::fixture::Machine;

const DAY: Day = Day(20_779);

fn broker() -> Fingerprint {
    Fingerprint([7; 32])
}

fn open(folder: &TempDir) -> Result<Arc<Passes>, PassesError> {
    Passes::open(3, folder.path(), broker(), Machine::start(1).host())
}

/// Secrets with that of [`DAY`] made.
fn made(folder: &TempDir) -> (Arc<Passes>, PassKey) {
    let passes = open(folder).unwrap();
    // On this machine it is done at once.
    assert!(matches!(passes.prepare(DAY), Prepared::Coming));
    let Prepared::Ready(key) = passes.prepare(DAY) else { panic!("it was made") };
    (passes, key)
}

#[tokio::test]
async fn a_secret_is_made_once_and_read_back_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (passes, key) = made(&folder);
    let file = files::path(folder.path(), DAY);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(passes.secret_of(DAY).is_none(), "its key is stated nowhere");
    drop(passes);
    let Prepared::Ready(again) = open(&folder).unwrap().prepare(DAY) else { panic!("kept") };
    assert_eq!((again.day(), again == key), (DAY, true));
}

#[tokio::test]
async fn secrets_of_days_that_are_over_are_destroyed_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (passes, _) = made(&folder);
    let file = files::path(folder.path(), DAY);
    passes.end(DAY.ends().minus(Duration::from_micros(1)));
    assert!(file.exists());
    passes.end(DAY.ends());
    assert!(!file.exists());
    let left = fs::read_dir(folder.path()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.contains("key")).count(), 0);
}

#[tokio::test]
async fn what_cannot_be_destroyed_is_of_no_use_any_more_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (passes, _) = made(&folder);
    let file = files::path(folder.path(), DAY);
    // A folder in the place of what a crash may leave.
    let stray = folder.path().join(format!("passes-{DAY}.key.pem.new"));
    fs::create_dir(&stray).unwrap();
    passes.end(DAY.ends());
    assert!(!file.exists());
    fs::remove_dir(&stray).unwrap();
    fs::write(&stray, "half a secret").unwrap();
    passes.end(DAY.ends());
    assert!(!stray.exists());
}

#[tokio::test]
async fn a_secret_that_others_may_read_or_that_is_damaged_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    drop(made(&folder));
    let file = files::path(folder.path(), DAY);
    for mode in [0o640, 0o604] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(open(&folder), Err(PassesError::Exposed { mode: found, .. }) if found == mode)
        );
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let pem = fs::read_to_string(&file).unwrap();
    let public = pem.replace("PRIVATE", "PUBLIC");
    for wrong in ["", "garbage", &pem[..pem.len() / 2], &public, &"x".repeat(4_097)] {
        fs::write(&file, wrong).unwrap();
        let error = open(&folder).unwrap_err();
        assert!(matches!(error, PassesError::Damaged { .. }), "{error}");
        // What happened, and what to do.
        assert_eq!(error.to_string().lines().count(), 2);
    }
    // Other files are none of ours.
    fs::remove_file(&file).unwrap();
    for name in ["passes-x.key.pem", "passes-1.key.pem.new", "passes-4294967296.key.pem"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert!(open(&folder).is_ok());
}

#[tokio::test]
async fn after_a_failure_none_is_made_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::start(1);
    let passes = Passes::open(3, folder.path(), broker(), machine.host()).unwrap();
    // Somebody else's file is in its place.
    let file = files::path(folder.path(), DAY);
    fs::write(&file, "of another").unwrap();
    assert!(matches!(passes.prepare(DAY), Prepared::Coming));
    assert!(matches!(passes.prepare(DAY), Prepared::Failed));
    fs::remove_file(&file).unwrap();
    assert!(matches!(passes.prepare(DAY), Prepared::Failed));
    machine.sleep(PAUSE);
    assert!(matches!(passes.prepare(DAY), Prepared::Coming));
    assert!(matches!(passes.prepare(DAY), Prepared::Ready(_)));
}
