use super::*;

#[test]
fn an_invitation_admits_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.add_invite("code").unwrap();
    assert_eq!(store.enrol(Some("other")).unwrap(), Admission::Unknown);
    assert_eq!(store.certificates().unwrap(), 0);
    assert_eq!(store.enrol(Some("code")).unwrap(), Admission::Admitted);
    assert_eq!(store.enrol(Some("code")).unwrap(), Admission::Used);
    assert_eq!(store.certificates().unwrap(), 1);
    let mut again = Store::open(folder.path()).unwrap();
    assert_eq!(again.enrol(Some("code")).unwrap(), Admission::Used);
    assert_eq!(again.enrol(None).unwrap(), Admission::Admitted);
    assert_eq!(again.certificates().unwrap(), 2);
}

#[test]
fn a_persona_stays_revoked_over_a_restart_until_it_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (one, other) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
    assert!(!store.is_revoked(one).unwrap());
    assert!(store.set_revoked(one, true).unwrap());
    assert!(!store.set_revoked(one, true).unwrap(), "it was before");
    let again = Store::open(folder.path()).unwrap();
    assert!(again.is_revoked(one).unwrap() && !again.is_revoked(other).unwrap());
    assert!(!again.set_revoked(other, false).unwrap());
    assert!(again.set_revoked(one, false).unwrap());
    assert!(!store.is_revoked(one).unwrap());
}

#[test]
fn no_code_is_readable_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.add_invite("a-code-that-would-show").unwrap();
    drop(store);
    let bytes = std::fs::read(folder.path().join("tsa.db")).unwrap();
    assert!(!bytes.windows(22).any(|part| part == b"a-code-that-would-show"));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tsa.db"), vec![b'x'; 8192]).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Sqlite(_))));
}

#[test]
fn header_doubt_and_offset_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.last_header().unwrap(), None);
    store.keep_header("one").unwrap();
    store.keep_header("two").unwrap();
    store.set_doubt(Some(Time::MAX)).unwrap();
    store.set_offset(-5).unwrap();
    let again = Store::open(folder.path()).unwrap();
    assert_eq!(again.last_header().unwrap().as_deref(), Some("two"));
    assert_eq!(again.doubt().unwrap(), Some(Time::MAX));
    assert_eq!(again.offset().unwrap(), -5);
    again.set_doubt(None).unwrap();
    assert_eq!(again.doubt().unwrap(), None);
}
