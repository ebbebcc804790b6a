use std::os::unix::fs::PermissionsExt as _;

use super::*;
use std::sync::Arc;

fn random() -> Arc<dyn Random> {
    crate::host::system().random
}

#[test]
fn keys_are_made_once_for_the_owner_only() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let first = folder.keys(&*random()).unwrap().session.public();
    assert_eq!(folder.keys(&*random()).unwrap().session.public(), first);
    for name in ["session", "head", "entry"] {
        let path = folder.file(&format!("{name}.key.pem"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn open_damaged_and_busy_are_told_apart() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    folder.keys(&*random()).unwrap();
    assert!(matches!(Folder::open(place.path()), Err(FolderError::InUse { .. })));
    let path = folder.file("head.key.pem");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(folder.keys(&*random()), Err(FolderError::Open { mode: 0o640, .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    let long = format!("{whole}{}", "\n".repeat(4_096));
    for damaged in ["half a ke", "", "\u{fffd}", &long] {
        std::fs::write(&path, damaged).unwrap();
        assert!(
            matches!(folder.keys(&*random()), Err(FolderError::Damaged { .. })),
            "{damaged:.9}"
        );
    }
}
