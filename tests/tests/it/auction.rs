//! An auction from its listing to the reveal.

use pregao_protocol::room::auction::{Outcome, Phase};
use pregao_tests::house::{House, Options};
use pregao_tests::peer::{Peer, Person, Terms};

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_is_listed_bid_on_closed_and_settled() {
    let house = House::open(&Options { log: Some("debug".into()), ..Options::default() }).unwrap();
    let seller = Person::enrol(&house.tsa.address).unwrap();
    let bidder = Person::enrol(&house.tsa.address).unwrap();
    let c = Peer::connect(&seller, &house.broker.address).await;
    let mut seller = c.unwrap();
    let mut bidder = Peer::connect(&bidder, &house.broker.address).await.unwrap();
    let end = seller.in_seconds(3).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    bidder.join(room).await.unwrap();
    let (_, answer) = bidder.bid(room, 100).await.unwrap();
    assert_eq!(answer.logged().unwrap(), 1);
    seller
        .auction_is(room, |auction| matches!(auction.phase(), Phase::Settled { .. }))
        .await
        .unwrap();
    let auction = seller.watched(room).unwrap().auction().unwrap();
    assert_eq!(auction.winner().unwrap().amount.minor(), 100);
    assert!(!auction.closed_late());
    let _ = Outcome::Unsold;
}
