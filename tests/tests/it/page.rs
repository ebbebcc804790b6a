//! The page that `pregao export --html` writes, opened in a real browser.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregao_tests::desk::{enrol, pregao};
use pregao_tests::house::House;
use pregao_tests::peer::Terms;
use tokio::net::TcpListener;

use crate::reveal::settled;
use crate::{guest, simulated};

/// What a page becomes in a browser: its elements, without its script.
async fn shown(page: &Path) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]);
    browser.arg(format!("--user-data-dir={}", profile.path().display()));
    browser.args(["--enable-logging=stderr", "--dump-dom"]);
    browser.arg(format!("file://{}", page.display()));
    let ran = tokio::task::spawn_blocking(move || browser.output()).await.unwrap();
    let ran = ran.expect("no chromium: run .ci/setup tests");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!said.contains("CONSOLE") && !said.contains("Content Security Policy"), "{said}");
    let dom = String::from_utf8_lossy(&ran.stdout).into_owned();
    dom.split("<script").next().unwrap().to_owned()
}

/// An auction with three bids that is settled, exported with a page by somebody who only watched.
async fn exported(house: &House, saying: &str) -> PathBuf {
    let (mut seller, mut bidder) = (guest(house).await, guest(house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    bidder.join(room).await.unwrap();
    for (size, amount) in [(1, 100), (2, 150), (3, 420)] {
        bidder.grown(room, size).await.unwrap();
        bidder.bid(room, amount).await.unwrap().1.logged().unwrap();
    }
    bidder.grown(room, 4).await.unwrap();
    let said = bidder.make_say(room, saying).unwrap();
    bidder.act(&said).await.unwrap().logged().unwrap();
    house.tsa.set_time(end.plus(Duration::from_secs(1))).unwrap();
    seller.auction_is(room, settled).await.unwrap();
    let folder = house.folder.path().join("stranger");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let broker = house.broker.address.to_string();
    let words = ["export", &room.to_string(), "--html", "--broker", &broker];
    let ran = pregao(&folder, &words).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let written = ran.text.lines().find_map(|line| {
        let path = line.strip_prefix("wrote ")?;
        path.ends_with(".html").then(|| PathBuf::from(path))
    });
    written.unwrap_or_else(|| panic!("no page: {}", ran.text))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_page_verifies_itself_and_shows_every_bid() {
    let house = simulated();
    let page = exported(&house, "is the case original?").await;
    let dom = shown(&page).await;
    for words in
        ["It holds so far", "4.20 EUR", "1.50 EUR", "1.00 EUR", "Price over time", "simulated"]
    {
        assert!(dom.contains(words), "{words}: {dom}");
    }
    assert!(dom.contains("is the case original?"));
    let fingerprint = house.broker.address.fingerprint.to_string();
    let plain = dom.replace("</span><span>", "");
    assert!(plain.contains(&fingerprint), "what one must have from elsewhere");

    // The transcript in it is the log's, byte for byte; with one byte changed the page says so.
    let log = std::fs::read_to_string(page.with_extension("log")).unwrap();
    let text = std::fs::read_to_string(&page).unwrap();
    let carried = STANDARD.encode(&log);
    assert_eq!(text.matches(&carried).count(), 1);
    let at = log.find("\"action\":\"").unwrap() + 300;
    let other = if log.as_bytes()[at] == b'A' { "B" } else { "A" };
    let changed = format!("{}{other}{}", &log[..at], &log[at + 1..]);
    std::fs::write(&page, text.replace(&carried, &STANDARD.encode(changed))).unwrap();
    let dom = shown(&page).await;
    assert!(dom.contains("It does not hold.") && !dom.contains("4.20 EUR"), "{dom}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_words_in_a_page_stay_words_and_fetch_nothing() {
    let house = simulated();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = listener.local_addr().unwrap();
    let saying = format!(
        "</script><img src=http://{there}/a onerror=alert(1)><iframe src=http://{there}/b></iframe>"
    );
    let page = exported(&house, &saying).await;
    let dom = shown(&page).await;
    assert!(dom.contains("It holds so far"));
    assert!(
        dom.contains("&lt;img src=http://") && !dom.contains("<img") && !dom.contains("<iframe")
    );
    let nobody = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(nobody.is_err(), "the page asked for something");
}
