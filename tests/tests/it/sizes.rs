//! What a bid takes, on the wire and on disk: numbers for the README, printed and not judged.
//!
//! `cargo test --test it -- --ignored --nocapture what_a_bid_takes`

use pregao_protocol::wire::frame::encode_entries;
use pregao_tests::house::{House, Options};
use pregao_tests::peer::{Made, Terms};

use crate::guest;

/// Bids in one request for stamps, and so in one batch.
const TOGETHER: u64 = 20;
const BIDS: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it prints numbers and judges nothing"]
async fn what_a_bid_takes() {
    let options = Options::default().broker("--rate 1000000 --burst 1000000 --max-effort 0");
    let house = House::open(&options).unwrap();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let terms = Terms { start: 1, increment: 1, freshness: 60, ..Terms::until(end) };
    let room = seller.list(&terms).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    let before = log_bytes(&house);
    for group in 0..BIDS / TOGETHER {
        let made: Vec<_> = (0..TOGETHER)
            .map(|at| ana.make_bid(room, group * TOGETHER + at + 1).unwrap())
            .collect();
        let stamps = ana.stamps(made.iter().map(Made::digest).collect()).await.unwrap();
        for (made, stamp) in made.iter().zip(stamps) {
            ana.submit(made.action.compact(), &stamp, &made.blind).await.unwrap().logged().unwrap();
        }
    }
    ana.grown(room, BIDS + 1).await.unwrap();
    let watched = ana.watched(room).unwrap();
    let logged: Vec<_> = watched.logged().skip(1).collect();
    let entries: usize = logged.iter().map(|logged| logged.entry.len()).sum();
    let headers: Vec<&str> = pregao_protocol::log::headers(logged.iter().copied());
    let per = |bytes: usize| bytes / logged.len();
    println!("entry: {} bytes; header: {} bytes", per(entries), headers[0].len());
    for many in [1, 8, 16, 100] {
        let page = &logged[..many];
        let frame: usize = encode_entries(room, page, None).iter().map(Vec::len).sum();
        println!("frame of {many} entries: {frame} bytes, {} an entry", frame / many);
    }
    println!("{} headers of {BIDS} bids", headers.len());
    println!("log.db: {} bytes a bid", per(log_bytes(&house) - before));
    if let Some(copy) = std::env::var_os("PREGAO_SIZES") {
        std::fs::copy(house.broker.data().join("log.db"), copy).unwrap();
    }
}

/// Pages of the log in use, those in the journal included.
fn log_bytes(house: &House) -> usize {
    let path = house.broker.data().join("log.db");
    let log = rusqlite::Connection::open(path).unwrap();
    let pragma = |name: &str| -> usize {
        log.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
    };
    pragma("page_count") * pragma("page_size")
}
