//! What a failed download leaves among the state's lists: everything else goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pregao::event::Event;
use pregao_protocol::wire::tsa::path;
use pregao_test_pki::{Pki, Plan};
use pregao_tests::desk::{Desk, enrol};
use pregao_tests::house::{Options, Tsa, holds};
use serde_json::json;

use crate::open;

/// A folder of the state's certificates with files that are none.
fn folder(parent: &Path) -> PathBuf {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let folder = parent.join("citizens");
    Pki::new(Plan::quick(now)).write_folder(&folder).unwrap();
    fs::write(folder.join("lists/page.crl"), "<html><title>404</title></html>\n").unwrap();
    fs::write(folder.join("lists/empty.crl"), "").unwrap();
    fs::write(folder.join("intermediates/page.pem"), "<html><title>404</title></html>\n").unwrap();
    folder
}

fn passed_over(tsa: &Tsa) -> u64 {
    let text = ureq::get(tsa.address.endpoint(path::METRICS))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let name = "pregao_tsa_citizen_files_passed_over ";
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tsa_starts_and_runs_on_beside_files_that_are_no_lists() {
    let parent = tempfile::tempdir().unwrap();
    let citizens = folder(parent.path());
    let flags = format!("--policy card --citizens {} --accept-test-cards", citizens.display());
    let mut tsa = Tsa::start(parent.path(), &Options::default().tsa(&flags)).unwrap();
    assert_eq!(passed_over(&tsa), 3);
    for name in ["lists/page.crl", "lists/empty.crl", "intermediates/page.pem"] {
        assert!(tsa.log().contains(name), "{name}: {}", tsa.log());
    }
    fs::remove_file(citizens.join("lists/empty.crl")).unwrap();
    holds("two files passed over", || passed_over(&tsa) == 2).await.unwrap();
    fs::write(citizens.join("lists/later.crl"), "").unwrap();
    holds("three files passed over", || passed_over(&tsa) == 3).await.unwrap();
    assert!(tsa.log().contains("lists/later.crl"));
    tsa.restart().unwrap();
    assert_eq!(passed_over(&tsa), 3);
    // Anchors are another matter: nobody starts who does not know whom to trust.
    fs::write(citizens.join("anchors/page.pem"), "<html><title>404</title></html>\n").unwrap();
    let refused = tsa.restart().unwrap_err().to_string();
    assert!(refused.contains("anchors/page.pem"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_names_the_file_and_goes_on() {
    let house = open();
    let parent = tempfile::tempdir().unwrap();
    let citizens = folder(parent.path());
    let vault = parent.path().join("vault");
    enrol(&vault, &house.tsa.address).await.unwrap();
    let (broker, shown) = (house.broker.address.to_string(), citizens.display().to_string());
    let arguments = ["json", "--broker", &broker, "--citizen", &shown, "--accept-test-cards"];
    let mut desk = Desk::run(&vault, &arguments).unwrap();
    for name in ["lists/page.crl", "lists/empty.crl", "intermediates/page.pem"] {
        let told = desk.ever(|event| match event {
            Event::Note { text, .. } if text.contains(name) => Some(text.clone()),
            _ => None,
        });
        let told = told.await.unwrap();
        assert!(told.contains("passed over") && told.contains("fetch it again"), "{told}");
    }
    let command = json!({"command": "items"});
    assert!(desk.ask(command).await.unwrap());
    desk.kill().await.unwrap();
    fs::write(citizens.join("anchors/page.pem"), "<html><title>404</title></html>\n").unwrap();
    let words = ["items", "--broker", &broker, "--citizen", &shown, "--accept-test-cards"];
    let ran = pregao_tests::desk::pregao(&vault, &words).await.unwrap();
    assert_eq!(ran.code, Some(1));
    assert!(ran.text.contains("anchors/page.pem"), "{}", ran.text);
}
