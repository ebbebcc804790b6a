//! Bids and listings that a rule of the auction refuses, each by its code.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::auction::Phase;
use pregao_protocol::room::body::{Body, Listing};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_AMOUNT;
use pregao_tests::peer::{Peer, SubmitAnswer, Terms};

use crate::{forge, guest, open, simulated};

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_must_exceed_the_highest_by_the_increment_in_the_right_currency() {
    let house = open();
    let (mut seller, mut ana, mut rui) =
        (guest(&house).await, guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    rui.join(room).await.unwrap();

    let code = async |peer: &mut Peer, amount| peer.bid(room, amount).await.unwrap().1;
    assert_eq!(code(&mut ana, 99).await.code(), "bid.too-low", "below the start");
    assert_eq!(code(&mut ana, 100).await.logged().unwrap(), 1, "exactly the start");
    rui.grown(room, 2).await.unwrap();
    assert_eq!(code(&mut rui, 100).await.code(), "bid.too-low", "equal to the highest");
    assert_eq!(code(&mut rui, 109).await.code(), "bid.too-low", "less than the increment");
    assert_eq!(code(&mut rui, 110).await.logged().unwrap(), 2, "exactly the increment");
    ana.grown(room, 3).await.unwrap();
    assert_eq!(code(&mut ana, 119).await.code(), "bid.too-low");

    let seen = ana.watched(room).unwrap().room().unwrap().ledger().head();
    let dollars = ana.make_bid_in(room, 500, "USD", seen).unwrap();
    assert_eq!(ana.act(&dollars).await.unwrap().code(), "bid.currency");

    let unknown = ana.make_bid_in(RoomName([7; 32]), 500, "EUR", seen).unwrap();
    assert_eq!(ana.act(&unknown).await.unwrap().code(), "room.unknown");

    // The largest amount there is counts, and nothing can exceed it.
    assert_eq!(code(&mut ana, MAX_AMOUNT).await.logged().unwrap(), 3);
    rui.grown(room, 4).await.unwrap();
    assert_eq!(code(&mut rui, MAX_AMOUNT).await.code(), "bid.too-low");
    assert_eq!(house.broker.metric("accepted").unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_beyond_what_every_reader_holds_exactly_are_no_amounts() {
    let house = open();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    let seen = ana.watched(room).unwrap().room().unwrap().ledger().head();
    let honest = ana.make_bid(room, 100).unwrap();
    let Body::Bid(bid) = honest.action.body() else { panic!("not a bid") };
    let body = serde_json::to_string(bid).unwrap();
    let seen = serde_json::to_string(&seen).unwrap();
    for amount in [
        "0",
        "-1",
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "1e3",
        "100.0",
        "1e400",
        "\"100\"",
        "null",
        "0100",
    ] {
        let body = body.replace("\"amount\":100", &format!("\"amount\":{amount}"));
        let payload =
            format!(r#"{{"id":"ID","room":"{room}","verb":"bid","body":{body},"seen":{seen}}}"#);
        let (action, blind) = forge(&ana.person, ana.pin, &payload);
        let stamp = ana.stamps(vec![Digest::of(action.as_bytes())]).await.unwrap().remove(0);
        let answer = ana.submit(&action, &stamp, &blind).await.unwrap();
        assert_eq!(answer.code(), "parse", "{amount}");
    }
    let payload =
        format!(r#"{{"id":"ID","room":"{room}","verb":"bid","body":{body},"seen":{seen}}}"#);
    let (action, blind) = forge(&ana.person, ana.pin, &payload);
    let stamp = ana.stamps(vec![Digest::of(action.as_bytes())]).await.unwrap().remove(0);
    let answer = ana.submit(&action, &stamp, &blind).await.unwrap();
    assert_eq!(answer.logged().unwrap(), 1, "the same with a possible amount is a bid");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seller_may_not_bid_and_the_refusal_proves_why() {
    let house = open();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    let (bid, answer) = seller.bid(room, 100).await.unwrap();
    let SubmitAnswer::Refused(refusal, _) = answer else { panic!("not refused: {answer:?}") };
    assert_eq!(refusal.code.as_str(), "bid.own-item");
    assert_eq!(refusal.digest, bid.digest());
    let proof = refusal.same_author[0];
    assert_eq!(proof.seq, 0);
    proof.ratio.verify(listing.action.key(), bid.action.key()).unwrap();

    // It names no persona, and does not fit anybody else's key.
    let mut ana = guest(&house).await;
    ana.join(room).await.unwrap();
    let (other, answer) = ana.bid(room, 100).await.unwrap();
    answer.logged().unwrap();
    assert!(proof.ratio.verify(listing.action.key(), other.action.key()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_after_the_end_is_late_whether_stamped_or_handed_in_late() {
    let house = simulated();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    ana.join(room).await.unwrap();
    ana.bid(room, 100).await.unwrap().1.logged().unwrap();
    ana.grown(room, 2).await.unwrap();
    house.tsa.set_time(end.minus(Duration::from_secs(5))).unwrap();
    // Stamped in time, handed in after the close: log order decides.
    let hoarded = ana.make_bid(room, 200).unwrap();
    let stamp = ana.stamp(&hoarded).await.unwrap();
    house.tsa.set_time(end).unwrap();
    ana.auction_is(room, |auction| matches!(auction.phase(), Phase::Settled { .. })).await.unwrap();
    let answer = ana.submit(hoarded.action.compact(), &stamp, &hoarded.blind).await.unwrap();
    assert_eq!(answer.code(), "bid.late");
    assert_eq!(ana.bid(room, 300).await.unwrap().1.code(), "bid.late");
    let auction = ana.watched(room).unwrap().auction().unwrap();
    assert_eq!(auction.winner().unwrap().amount.minor(), 100);
}

/// A bid names the log it builds on, and the log begins with the stamped listing: a bid stamped
/// before its listing has to guess a root, so it is caught there.
#[tokio::test(flavor = "multi_thread")]
async fn a_bid_stamped_before_the_listing_cannot_name_a_true_log() {
    let house = open();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.make_listing(&Terms::until(end)).unwrap();
    let room = listing.action.room();
    let guess = Seen { size: 1, root: Digest([9; 32]) };
    let early = ana.make_bid_in(room, 100, "EUR", guess).unwrap();
    let stamp = ana.stamp(&early).await.unwrap();
    let answer = ana.submit(early.action.compact(), &stamp, &early.blind).await.unwrap();
    assert_eq!(answer.code(), "room.unknown");
    seller.act(&listing).await.unwrap().logged().unwrap();
    let answer = ana.submit(early.action.compact(), &stamp, &early.blind).await.unwrap();
    assert_eq!(answer.code(), "seen.false");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_with_impossible_terms_or_foreign_keys_opens_no_room() {
    let house = open();
    let mut seller = guest(&house).await;
    let now = seller.now().await.unwrap();
    let hour = now.plus(std::time::Duration::from_secs(3600));
    let refused = async |seller: &mut Peer, change: &dyn Fn(&mut Listing)| {
        let (mut listing, _) = seller.listing(&Terms::until(hour)).unwrap();
        change(&mut listing);
        let made = seller.make(None, Body::List(listing), Seen::nothing()).unwrap();
        seller.act(&made).await.unwrap().code().to_owned()
    };
    assert_eq!(refused(&mut seller, &|_| {}).await, "receipt", "the listing unchanged is good");
    let ended = now.minus(std::time::Duration::from_secs(1));
    assert_eq!(refused(&mut seller, &|l| l.end = ended).await, "listing.end");
    let far = now.plus(std::time::Duration::from_secs(367 * 24 * 3600));
    assert_eq!(refused(&mut seller, &|l| l.end = far).await, "listing.end");
    assert_eq!(refused(&mut seller, &|l| l.freshness = 0).await, "listing.terms");
    assert_eq!(refused(&mut seller, &|l| l.grace = 61).await, "listing.terms");
    assert_eq!(refused(&mut seller, &|l| l.threshold = 2).await, "listing.terms");
    assert_eq!(refused(&mut seller, &|l| l.disclose_within = 9).await, "listing.terms");
    let own = pregao_protocol::trust::key::SecretKey::from_seed(&[1; 32]).public();
    assert_eq!(refused(&mut seller, &|l| l.broker.head = own).await, "listing.keys");
    let tsa = pregao_protocol::trust::key::SecretKey::from_seed(&[2; 32]).public();
    assert_eq!(refused(&mut seller, &|l| l.stamps.push(tsa)).await, "listing.keys");
    let ca = pregao_protocol::trust::key::SecretKey::from_seed(&[3; 32]).public();
    assert_eq!(refused(&mut seller, &|l| l.authorities = vec![ca]).await, "listing.keys");
    assert_eq!(house.broker.metric("rooms").unwrap(), 1);
}
