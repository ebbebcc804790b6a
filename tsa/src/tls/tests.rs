use super::*;

#[test]
fn a_file_without_a_ca_gives_no_roots() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    assert!(matches!(roots(Some(&file)), Err(RootsError::Pem(_))));
    std::fs::write(&file, "nothing").unwrap();
    assert!(matches!(roots(Some(&file)), Err(RootsError::Certificate(None))));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&file, broken).unwrap();
    assert!(matches!(roots(Some(&file)), Err(RootsError::Certificate(Some(_)))));
    assert!(roots(None).is_ok());
}
