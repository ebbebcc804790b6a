//! The folder of the state: read, changed, broken, and full of what does not belong there.

use std::sync::OnceLock;

use pregao_protocol::trust::citizen::folder::{MAX_FILES, MAX_LIST_FILE};
use pregao_protocol::trust::citizen::{CitizenError, PkiError, Revocation};
use pregao_protocol::value::report::Advised as _;
use pregao_test_pki::{CardMaterial, CitizenData, ListPlan, Oddity, Pki, Plan, Profile, Reason};
use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_790_000_000;

fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| Pki::new(Plan::quick(NOW)))
}

fn now() -> Time {
    Time::default().plus(Duration::from_secs(NOW))
}

fn card() -> CardMaterial {
    pki().citizen(Profile::V5, &CitizenData::numbered(1))
}

fn written() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    pki().write_folder(folder.path()).unwrap();
    folder
}

fn open(folder: &Path) -> StateFolder {
    StateFolder::open(folder, TestCards::Accepted, now()).unwrap()
}

fn judged(folder: &StateFolder, seconds: u64, card: &CardMaterial) -> Result<(), &'static str> {
    folder.look(Duration::from_secs(seconds), now());
    let Some(state) = folder.state() else { return Err("nothing is trusted") };
    let leaf = &card.authentication.certificate;
    let judged = state.verify(leaf, &[], now(), Revocation::Required);
    judged.map(|_| ()).map_err(|error| error.code())
}

/// The list of citizens of the newest generation, with this card revoked.
fn revoking(card: &CardMaterial) -> ListPlan {
    let point = pki().citizen_point(Profile::V5, 0);
    let plan = ListPlan { number: Some(101), ..ListPlan::around(NOW).at(&point) };
    plan.with(&card.authentication.serial, Reason::KeyCompromise)
}

fn list(plan: &ListPlan) -> Vec<u8> {
    pki().branch(Profile::V5).authentication.list(plan)
}

#[test]
fn a_new_list_counts_once_the_folder_is_looked_at_again() {
    let (folder, card) = (written(), card());
    let state = open(folder.path());
    assert_eq!(judged(&state, 0, &card), Ok(()));
    fs::write(folder.path().join("lists/4.crl"), list(&revoking(&card))).unwrap();
    assert_eq!(judged(&state, 1, &card), Ok(()));
    assert_eq!(judged(&state, 2, &card), Err("citizen.revoked"));
}

#[test]
fn a_list_under_a_name_with_a_dot_is_passed_over() {
    let (folder, card) = (written(), card());
    let state = open(folder.path());
    fs::write(folder.path().join("lists/.new"), list(&revoking(&card))).unwrap();
    fs::create_dir(folder.path().join("lists/folder")).unwrap();
    assert_eq!(judged(&state, 9, &card), Ok(()));
    fs::rename(folder.path().join("lists/.new"), folder.path().join("lists/4.crl")).unwrap();
    assert_eq!(judged(&state, 18, &card), Err("citizen.revoked"));
}

#[test]
fn a_broken_file_keeps_what_it_held_before_and_others_are_taken_up() {
    let (folder, card) = (written(), card());
    let state = open(folder.path());
    let broken = list(&revoking(&card).odd(Oddity::BrokenSignature));
    fs::write(folder.path().join("lists/4.crl"), broken).unwrap();
    assert_eq!(judged(&state, 9, &card), Ok(()));
    fs::write(folder.path().join("anchors/ecraizestado-002.pem"), "garbage").unwrap();
    fs::write(folder.path().join("intermediates/0.der"), &card.authentication.certificate).unwrap();
    assert_eq!(judged(&state, 18, &card), Ok(()));
    fs::write(folder.path().join("lists/new.crl"), list(&revoking(&card))).unwrap();
    assert_eq!(judged(&state, 27, &card), Err("citizen.revoked"));
}

#[test]
fn what_is_removed_is_trusted_no_more_and_without_anchors_nothing_is() {
    let (folder, card) = (written(), card());
    let state = open(folder.path());
    fs::remove_file(folder.path().join("lists/4.crl")).unwrap();
    assert_eq!(judged(&state, 9, &card), Err("citizen.list-missing"));
    fs::remove_dir_all(folder.path().join("lists")).unwrap();
    assert_eq!(judged(&state, 18, &card), Err("citizen.list-missing"));
    pki().write_folder(folder.path()).unwrap();
    fs::remove_dir_all(folder.path().join("anchors")).unwrap();
    assert_eq!(judged(&state, 27, &card), Err("nothing is trusted"));
    fs::create_dir(folder.path().join("anchors")).unwrap();
    assert_eq!(judged(&state, 36, &card), Err("nothing is trusted"));
    assert!(told_of(&state, "everybody is refused"));
    pki().write_folder(folder.path()).unwrap();
    assert_eq!(judged(&state, 45, &card), Ok(()));
    assert!(locked(&state.known).told.is_empty());
}

/// Whether the operator was told this of what still holds.
fn told_of(folder: &StateFolder, text: &str) -> bool {
    locked(&folder.known).told.iter().any(|told| told.contains(text))
}

#[test]
fn a_list_that_runs_out_while_running_is_told_by_its_name_and_counted() {
    let folder = written();
    let point = pki().citizen_point(Profile::V5, 0);
    let short = ListPlan { next_update: Some(NOW + 10), ..ListPlan::around(NOW).at(&point) };
    fs::write(folder.path().join("lists/4.crl"), list(&short)).unwrap();
    let state = open(folder.path());
    let at = |looked, seconds| {
        let now = now().plus(Duration::from_micros(seconds));
        state.look(Duration::from_secs(looked), now);
        (told_of(&state, "lists/4.crl: list "), state.not_in_force())
    };
    assert_eq!(at(2, 10_000_000), (false, 0));
    assert_eq!(at(4, 10_000_001), (true, 1));
    // An authority, too.
    let years = 100 * 365 * 86_400 * 1_000_000;
    assert!(at(6, years).0 && told_of(&state, "anchors/"));
    assert!(told_of(&state, "intermediates/"));
    fs::write(folder.path().join("lists/4.crl"), list(&ListPlan::around(NOW).at(&point))).unwrap();
    assert_eq!(at(8, 10_000_001), (false, 0));
}

#[test]
fn an_older_list_leaves_the_newer_one_of_its_file_in_use() {
    let (folder, card) = (written(), card());
    let path = folder.path().join("lists/4.crl");
    fs::write(&path, list(&revoking(&card))).unwrap();
    let state = open(folder.path());
    assert_eq!(judged(&state, 0, &card), Err("citizen.revoked"));
    let point = pki().citizen_point(Profile::V5, 0);
    let older = list(&ListPlan::around(NOW).at(&point));
    fs::write(&path, &older).unwrap();
    assert_eq!(judged(&state, 9, &card), Err("citizen.revoked"));
    assert!(told_of(&state, "4.crl: kept what it held before: list"));
    fs::remove_file(&path).unwrap();
    fs::write(folder.path().join("lists/again.crl"), &older).unwrap();
    assert_eq!(judged(&state, 18, &card), Err("citizen.list-malformed"));
    let newer = ListPlan { number: Some(102), ..ListPlan::around(NOW).at(&point) };
    fs::write(&path, list(&newer)).unwrap();
    assert_eq!(judged(&state, 27, &card), Ok(()));
}

#[test]
fn a_file_that_could_not_be_read_is_tried_again() {
    let folder = written();
    let state = open(folder.path());
    // Longer than accepted, and not changed by what makes it fit.
    let (long, other) = (folder.path().join("lists/a.crl"), folder.path().join("lists/0.crl"));
    File::create(&long).unwrap().set_len(MAX_LIST_FILE as u64 + 1).unwrap();
    state.look(Duration::from_secs(9), now());
    assert!(told_of(&state, "a.crl is longer"));
    assert_eq!(locked(&state.known).again, Some(Duration::from_secs(39)));
    let _ = other;
    let taken = |seconds| {
        let before = Arc::as_ptr(&state.state().unwrap());
        state.look(Duration::from_secs(seconds), now());
        before != Arc::as_ptr(&state.state().unwrap())
    };
    assert!(!taken(38));
    assert!(taken(39 + 1));
    fs::remove_file(&long).unwrap();
    assert!(taken(50));
    assert_eq!(locked(&state.known).again, None);
}

#[test]
fn a_test_anchor_that_appears_later_is_refused_like_at_the_start() {
    let real = Pki::new(Plan::quick(NOW).unmarked());
    let folder = tempfile::tempdir().unwrap();
    real.write_folder(folder.path()).unwrap();
    let state = StateFolder::open(folder.path(), TestCards::Refused, now()).unwrap();
    let good = real.citizen(Profile::V5, &CitizenData::numbered(1));
    assert_eq!(judged(&state, 0, &good), Ok(()));
    fs::write(folder.path().join("anchors/test.pem"), pki().root().pem()).unwrap();
    assert_eq!(judged(&state, 9, &card()), Err("citizen.test-card"));
    assert_eq!(judged(&state, 9, &good), Ok(()));
    let error = StateFolder::open(folder.path(), TestCards::Refused, now()).err().unwrap();
    assert!(error.path().ends_with("anchors/test.pem"));
    let FolderError::Content { source: PkiError::Anchor { cause, .. }, .. } = &error else {
        unreachable!("{error}")
    };
    assert_eq!(*cause, CitizenError::TestCard);
    assert!(advice(&error).contains("--accept-test-cards"));
}

#[test]
fn anchors_beyond_their_bounds_stop_the_start_and_anything_else_is_passed_over() {
    let (folder, card) = (written(), card());
    let long = |path: &str| {
        File::create(folder.path().join(path)).unwrap().set_len(1 << 30).unwrap();
    };
    long("lists/long.crl");
    long("intermediates/long.pem");
    for number in 0..=MAX_FILES {
        File::create(folder.path().join(format!("lists/empty-{number}"))).unwrap();
    }
    let state = open(folder.path());
    assert_eq!(judged(&state, 0, &card), Ok(()));
    assert!(told_of(&state, &format!("lists holds more than {MAX_FILES} files")));
    assert!(told_of(&state, "intermediates/long.pem is longer"));
    long("anchors/long.pem");
    let error = StateFolder::open(folder.path(), TestCards::Accepted, now()).err().unwrap();
    assert!(matches!(&error, FolderError::TooLong { path, .. } if path.ends_with("long.pem")));
}

#[test]
fn what_is_no_list_is_passed_over_by_name_at_the_start_and_later() {
    use std::os::unix::ffi::OsStrExt as _;
    let (folder, card) = (written(), card());
    let lists = folder.path().join("lists");
    let make = || {
        fs::write(lists.join("page.crl"), "<html><title>404</title></html>\n").unwrap();
        fs::write(lists.join("empty.crl"), "").unwrap();
        fs::create_dir(lists.join("folder.crl")).unwrap();
        std::os::unix::fs::symlink("nowhere", lists.join("link.crl")).unwrap();
        fs::write(lists.join(std::ffi::OsStr::from_bytes(b"\xff.crl")), "x").unwrap();
        // Opening it for reading would wait for somebody who writes.
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, lists.join("pipe.crl"), mode).unwrap();
    };
    let names = ["page.crl", "empty.crl", "folder.crl", "link.crl", "\u{fffd}.crl", "pipe.crl"];
    let all_told =
        |state: &StateFolder| names.iter().all(|name| told_of(state, &format!("lists/{name}")));
    make();
    let state = open(folder.path());
    assert_eq!((judged(&state, 0, &card), state.passed_over()), (Ok(()), 6));
    assert!(all_told(&state));
    fs::remove_dir_all(&lists).unwrap();
    pki().write_folder(folder.path()).unwrap();
    assert_eq!((judged(&state, 9, &card), state.passed_over()), (Ok(()), 0));
    assert!(!all_told(&state));
    make();
    fs::write(lists.join("new.crl"), list(&revoking(&card))).unwrap();
    assert_eq!(judged(&state, 18, &card), Err("citizen.revoked"));
    assert!(all_told(&state) && state.passed_over() == 6);
}

#[test]
fn a_pipe_that_came_in_place_of_a_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
    assert!(matches!(read_file(&path, 9), Err(Unread::NoFile)));
    assert!(matches!(read_file(&folder.path().join("gone"), 9), Err(Unread::Failed(_))));
    fs::write(folder.path().join("file"), "123456789").unwrap();
    assert_eq!(read_file(&folder.path().join("file"), 9).unwrap(), b"123456789");
    assert!(matches!(read_file(&folder.path().join("file"), 8), Err(Unread::TooLong)));
}

#[test]
fn good_certificates_beside_a_bad_one_in_a_bundle_are_used() {
    let (folder, card) = (written(), card());
    let branch = pki().branch(Profile::V5);
    let bad = "-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----\n";
    let bundle = |parts: &[&str]| {
        fs::write(folder.path().join("intermediates/all.pem"), parts.concat()).unwrap();
    };
    fs::remove_dir_all(folder.path().join("intermediates")).unwrap();
    fs::create_dir(folder.path().join("intermediates")).unwrap();
    let (above, issuing) = (branch.card.pem(), branch.authentication.pem());
    bundle(&[above, bad, issuing]);
    let state = open(folder.path());
    assert_eq!((judged(&state, 0, &card), state.passed_over()), (Ok(()), 1));
    assert!(told_of(&state, "intermediates/all.pem has 1 blocks"));
    bundle(&[above, issuing]);
    assert_eq!((judged(&state, 9, &card), state.passed_over()), (Ok(()), 0));
    // Whole before, it keeps what it held.
    bundle(&[above, bad]);
    assert_eq!((judged(&state, 18, &card), state.passed_over()), (Ok(()), 1));
}

#[test]
fn a_certificate_that_is_there_twice_counts_once_and_is_told_once() {
    let (folder, card) = (written(), card());
    let copy = folder.path().join("anchors/zz.pem");
    fs::write(&copy, pki().root().pem()).unwrap();
    let state = open(folder.path());
    assert_eq!((judged(&state, 0, &card), state.passed_over()), (Ok(()), 1));
    assert!(told_of(&state, "anchors/zz.pem holds a certificate that "));
    // No time makes two of them one: nothing is read again until something changes.
    assert_eq!(locked(&state.known).again, None);
    // The copy is as good as what it was a copy of.
    fs::remove_file(folder.path().join("anchors/ecraizestado-002.pem")).unwrap();
    assert_eq!((judged(&state, 9, &card), state.passed_over()), (Ok(()), 0));
    fs::write(folder.path().join("anchors/aa.pem"), pki().root().pem()).unwrap();
    assert_eq!((judged(&state, 18, &card), state.passed_over()), (Ok(()), 1));
    assert_eq!(locked(&state.known).again, None);
    fs::remove_file(folder.path().join("anchors/aa.pem")).unwrap();
    fs::remove_file(&copy).unwrap();
    assert_eq!(judged(&state, 27, &card), Err("nothing is trusted"));
}

#[test]
fn a_folder_that_cannot_be_listed_stops_only_if_it_holds_the_anchors() {
    let (folder, card) = (written(), card());
    fs::remove_dir_all(folder.path().join("lists")).unwrap();
    fs::write(folder.path().join("lists"), "a file").unwrap();
    let state = open(folder.path());
    assert_eq!(judged(&state, 0, &card), Err("citizen.list-missing"));
    assert!(told_of(&state, "cannot read") && told_of(&state, "lists"));
    fs::remove_file(folder.path().join("lists")).unwrap();
    pki().write_folder(folder.path()).unwrap();
    assert_eq!(judged(&state, 9, &card), Ok(()));
    fs::rename(folder.path().join("lists"), folder.path().join("away")).unwrap();
    fs::write(folder.path().join("lists"), "a file").unwrap();
    // What was in use stays so.
    assert_eq!((judged(&state, 18, &card), state.passed_over()), (Ok(()), 1));
    fs::remove_dir_all(folder.path().join("anchors")).unwrap();
    fs::write(folder.path().join("anchors"), "a file").unwrap();
    let error = StateFolder::open(folder.path(), TestCards::Accepted, now()).err().unwrap();
    assert!(error.path().ends_with("anchors"), "{error}");
}
