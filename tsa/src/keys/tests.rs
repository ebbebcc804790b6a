use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn open_or_create(folder: &Path) -> Result<Keys, KeysError> {
    Keys::open_or_create(folder, &*crate::host::system().random)
}

#[test]
fn keys_survive_a_restart_and_only_their_owner_may_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let made = open_or_create(folder.path()).unwrap();
    let read = open_or_create(folder.path()).unwrap();
    assert_eq!(made.authority.public(), read.authority.public());
    assert_eq!(made.ticket.public(), read.ticket.public());
    assert_eq!(made.stamp.public(), read.stamp.public());
    assert_ne!(made.ticket.public().as_bytes(), made.stamp.public().as_bytes());
    for name in ["authority", "ticket", "stamp"] {
        let mode = fs::metadata(key_path(folder.path(), name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    for mode in [0o640, 0o604, 0o610, 0o644] {
        let folder = tempfile::tempdir().unwrap();
        open_or_create(folder.path()).unwrap();
        let path = key_path(folder.path(), "stamp");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let refused = open_or_create(folder.path()).unwrap_err();
        assert!(matches!(refused, KeysError::Exposed { mode: found, .. } if found == mode));
    }
}

#[test]
fn a_damaged_or_missing_key_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    open_or_create(folder.path()).unwrap();
    let path = key_path(folder.path(), "ticket");
    let long = fs::read_to_string(&path).unwrap() + &"\n".repeat(4_096);
    for damaged in ["garbage", "", &long] {
        fs::write(&path, damaged).unwrap();
        let refused = open_or_create(folder.path()).unwrap_err();
        assert!(matches!(refused, KeysError::Damaged { .. }), "{damaged:.9}");
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    let refused = open_or_create(folder.path()).unwrap_err();
    assert!(matches!(refused, KeysError::Damaged { .. }));
    fs::remove_file(&path).unwrap();
    let refused = open_or_create(folder.path()).unwrap_err();
    assert!(matches!(refused, KeysError::Missing { .. }));
}

#[test]
fn the_enrolment_key_is_made_once_and_never_replaced() {
    let random = crate::host::system().random;
    let folder = tempfile::tempdir().unwrap();
    let missing = enrolment(folder.path(), false, &*random).unwrap_err();
    assert!(matches!(missing, KeysError::Missing { .. }));
    let made = enrolment(folder.path(), true, &*random).unwrap();
    for first in [true, false] {
        assert_eq!(enrolment(folder.path(), first, &*random).unwrap().public(), made.public());
    }
}

#[test]
fn what_is_destroyed_is_overwritten_and_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("key"), folder.path().join("other name"));
    write_new(&path, b"secret", 0o600).unwrap();
    // A second name of the same file shows what became of its content.
    fs::hard_link(&path, &other).unwrap();
    destroy(&path).unwrap();
    assert!(!path.exists());
    assert_eq!(fs::read(&other).unwrap(), vec![0; 6]);
    destroy(&path).unwrap();
}

#[test]
fn a_folder_serves_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let held = lock_folder(folder.path()).unwrap();
    assert!(matches!(lock_folder(folder.path()), Err(KeysError::Locked { .. })));
    drop(held);
    assert!(lock_folder(folder.path()).is_ok());
}
