use super::*;

#[test]
fn a_file_without_a_ca_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let refused = || Roots::only(&file).unwrap_err().to_string();
    assert!(refused().contains("cannot read") && refused().contains("--tls-ca"));
    std::fs::write(&file, "nothing").unwrap();
    assert!(refused().contains("there is no certificate in"));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&file, broken).unwrap();
    assert!(refused().contains("no CA certificate in"));
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    assert!(refused().contains("cannot read"));
}
