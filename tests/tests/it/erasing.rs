//! What is promised to be erased is in no file afterwards, whatever came in between.

use std::path::Path;
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::auction::{Outcome, Phase};
use pregao_tests::house::{Broker, House, Options, holds};
use pregao_tests::peer::{Peer, SubmitAnswer, Terms};
use rusqlite::Connection;

use crate::guest;
use crate::reveal::{disclosure, invitation, opening, settled};

/// Files of a folder that hold these bytes. The index of a journal holds none of its bytes, and
/// reading it would take away the locks that this process has on it as a reader.
fn holders(folder: &Path, needle: &[u8]) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| !path.display().to_string().ends_with("-shm"));
    let holds = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle)
    };
    files.filter(holds).map(|path| path.display().to_string()).collect()
}

/// The 32 bytes under which a room's links and held disclosures are.
fn key_of(broker: &Broker, room: RoomName) -> Vec<u8> {
    let file = Connection::open(broker.data().join("link-keys.db")).unwrap();
    let sql = "SELECT key FROM room_key WHERE room = ?1";
    file.query_row(sql, [&room.0], |row| row.get(0)).unwrap()
}

/// Somebody's program that reads the file of keys and does not let go of it.
fn hold(broker: &Broker) -> Connection {
    let reader = Connection::open(broker.data().join("link-keys.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM room_key", [], |row| row.get(0)).unwrap();
    reader
}

async fn metric_is(house: &House, name: &str, value: u64) {
    let what = format!("{name} of {value}");
    holds(&what, || house.broker.metric(name).unwrap() == value).await.unwrap();
}

/// An auction that ended unsold while somebody reads the file of keys.
async fn ended_under_a_reader() -> (House, RoomName, Vec<u8>, Connection) {
    let house = House::open(&Options::default().simulated()).unwrap();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(300).await.unwrap();
    let auction = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let key = key_of(&house.broker, auction);
    assert!(!holders(house.broker.data(), &key).is_empty());
    let reader = hold(&house.broker);
    house.tsa.set_time(end).unwrap();
    let unsold =
        |auction: &pregao_protocol::room::Auction| auction.phase() == Phase::Ended(Outcome::Unsold);
    seller.auction_is(auction, unsold).await.unwrap();
    metric_is(&house, "links_unerased", 1).await;
    (house, auction, key, reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_the_keys_only_puts_their_erasing_off() {
    let (house, _, key, reader) = ended_under_a_reader().await;
    assert!(!holders(house.broker.data(), &key).is_empty(), "else this test shows nothing");
    assert!(house.broker.log().contains("not erased to the last byte"), "it is visible");
    drop(reader);
    metric_is(&house, "links_unerased", 0).await;
    assert_eq!(holders(house.broker.data(), &key), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_in_the_middle_of_erasing_finishes_it_at_its_next_start() {
    let (mut house, auction, key, reader) = ended_under_a_reader().await;
    house.broker.kill().unwrap();
    // SQLite tidies up when its last user closes the file, as the reader now is: what the kill
    // left is put back.
    let file = |name: &str| house.broker.data().join(format!("link-keys.db{name}"));
    let left = ["", "-wal"].map(|name| (file(name), std::fs::read(file(name)).unwrap()));
    drop(reader);
    for (path, bytes) in left {
        std::fs::write(path, bytes).unwrap();
    }
    let _ = std::fs::remove_file(file("-shm"));
    assert!(!holders(house.broker.data(), &key).is_empty(), "else this test shows nothing");
    house.broker.restart().unwrap();
    metric_is(&house, "links_unerased", 0).await;
    assert_eq!(holders(house.broker.data(), &key), Vec::<String>::new());
    let mut rui = guest(&house).await;
    rui.join(auction).await.unwrap();
}

/// What one side handed in alone is released to nobody: not to who takes the disk later either.
#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_that_was_held_in_vain_is_destroyed_with_its_rooms_key() {
    let mut house = House::open(&Options::default().simulated()).unwrap();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(300).await.unwrap();
    let listing = seller.list(&Terms { disclose_within: 20, ..Terms::until(end) }).await.unwrap();
    let auction = listing.action.room();
    ana.join(auction).await.unwrap();
    ana.bid(auction, 150).await.unwrap().1.logged().unwrap();
    house.tsa.set_time(end).unwrap();
    seller.auction_is(auction, settled).await.unwrap();
    let private = invitation(&mut seller, auction).await;
    let key = listing.key(&seller.person, seller.pin);
    seller.join_private(private, &key).await.unwrap();
    let alone = disclosure(&seller, private, &listing, "Came Alone");
    assert!(matches!(seller.act(&alone).await.unwrap(), SubmitAnswer::Held));
    let deadline = opening(&seller, private).deadline;
    let room_key = key_of(&house.broker, private);
    let shown = alone.action.compact().as_bytes();
    assert_eq!(holders(house.broker.data(), shown), Vec::<String>::new(), "sealed on the disk");
    // It is still held after a crash, and known by its bytes.
    house.broker.kill().unwrap();
    house.broker.restart().unwrap();
    let mut again = Peer::connect(&seller.person, &house.broker.address).await.unwrap();
    assert!(matches!(again.act(&alone).await.unwrap(), SubmitAnswer::Held));
    house.tsa.set_time(deadline.plus(Duration::from_secs(1))).unwrap();
    again.join_private(private, &key).await.unwrap();
    again.grown(private, 2).await.unwrap();
    let gone = || holders(house.broker.data(), &room_key).is_empty();
    holds("the room's key in no file", gone).await.unwrap();
    metric_is(&house, "links_unerased", 0).await;
    assert_eq!(holders(house.broker.data(), &room_key), Vec::<String>::new());
}
