//! After the close: settlement, the private room of the two, and what absence costs.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::RevealRoom;
use pregao_protocol::room::auction::{Outcome, Phase};
use pregao_protocol::room::body::{Body, Reveal, SealedBody, Side};
use pregao_protocol::room::disclosure::{
    Claims, Disclosed, Disclosure, DisclosureContext, OwnAction, Personas,
};
use pregao_protocol::trust::seal;
use pregao_protocol::value::codec::to_base64url;
use pregao_protocol::value::label::DISCLOSURE_SIZE;
use pregao_tests::house::{House, Options};
use pregao_tests::peer::{Made, Peer, SubmitAnswer, Terms, random};

use crate::{guest, simulated};

/// The opening of a reveal room that a peer follows.
pub(crate) fn opening(peer: &Peer, room: RoomName) -> Reveal {
    let room = peer.watched(room).unwrap().room().unwrap();
    RevealRoom::of(room).unwrap().opening().clone()
}

/// Seals and signs a disclosure; `made` is the action that made the peer a side.
pub(crate) fn disclosure(peer: &Peer, room: RoomName, made: &Made, name: &str) -> Made {
    let opening = opening(peer, room);
    let side = if opening.seller == *made.action.key() { Side::Seller } else { Side::Winner };
    let (seq, to) = match side {
        Side::Seller => (0, opening.winner_seal),
        Side::Winner => {
            let auction = peer.watched(opening.auction).unwrap().auction().unwrap();
            (auction.winner().unwrap().seq, opening.seller_seal)
        }
    };
    let place = DisclosureContext { room, opening: &opening, side };
    let claims = Claims {
        name: name.to_owned().try_into().unwrap(),
        contact: Some(format!("{name}@example.org").try_into().unwrap()),
        certificate: to_base64url(&peer.person.certificate),
        card: None,
        actions: vec![OwnAction { seq, blind: made.blind.clone() }],
    };
    let key = made.key(&peer.person, peer.pin);
    let signed = Disclosure::sign(&place, &claims, &peer.person.key, &key, None).unwrap();
    let info = place.info();
    let sealed =
        seal::seal_padded(&to, &info, &[], &signed.encode(), DISCLOSURE_SIZE, random()).unwrap();
    let body = Body::Disclose(SealedBody { sealed: sealed.try_into().unwrap() });
    let draft = pregao_protocol::room::action::Draft {
        id: pregao_tests::peer::fresh_id(),
        room: Some(room),
        body,
        seen: peer.watched(room).unwrap().room().unwrap().ledger().head(),
    };
    Made { action: draft.sign(&key).unwrap(), blind: made.blind.clone(), seal: None }
}

/// Opens and verifies the other side's disclosure.
pub(crate) fn opened(peer: &mut Peer, room: RoomName, made: &Made) -> Disclosed {
    let opening = opening(peer, room);
    let other = if opening.seller == *made.action.key() { Side::Winner } else { Side::Seller };
    let place = DisclosureContext { room, opening: &opening, side: other };
    let reveal = RevealRoom::of(peer.watched(room).unwrap().room().unwrap()).unwrap();
    let seq = usize::try_from(reveal.disclosed(other).unwrap()).unwrap();
    let entry = &peer.watched(room).unwrap().entries[seq];
    let entry = pregao_protocol::log::Entry::parse(entry).unwrap();
    let action = pregao_protocol::room::action::Action::parse(&entry.action).unwrap();
    let Body::Disclose(body) = action.body() else { panic!("no disclosure") };
    let secret = made.seal.as_ref().unwrap();
    let plain =
        seal::open_padded(secret, &place.info(), &[], body.sealed.as_bytes(), DISCLOSURE_SIZE)
            .unwrap();
    let logged = |seq| {
        let watched = peer.watched(opening.auction).unwrap();
        let entry = watched.entries.get(usize::try_from(seq).unwrap())?;
        let entry = pregao_protocol::log::Entry::parse(entry).unwrap();
        let action = pregao_protocol::room::action::Action::parse(&entry.action).unwrap();
        Some((action.id(), *action.key()))
    };
    let now = peer.newest.as_ref().unwrap().time();
    let personas = Personas { authorities: &peer.broker.authorities, issuer: None };
    Disclosure::verify(&plain, &place, personas, None, now, logged).unwrap()
}

/// Whether an auction waits for its two sides.
pub(crate) fn settled(auction: &pregao_protocol::room::Auction) -> bool {
    matches!(auction.phase(), Phase::Settled { .. })
}

/// The private room a peer was invited to for an auction.
pub(crate) async fn invitation(peer: &mut Peer, auction: RoomName) -> RoomName {
    peer.until(|peer| peer.invited.iter().find(|(of, _)| *of == auction).map(|(_, room)| *room))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn seller_and_winner_learn_each_other_and_nobody_else_gets_in() {
    let house = simulated();
    let (mut seller, mut ana, mut rui) =
        (guest(&house).await, guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let auction = listing.action.room();
    ana.join(auction).await.unwrap();
    rui.join(auction).await.unwrap();
    let (lost, answer) = rui.bid(auction, 100).await.unwrap();
    answer.logged().unwrap();
    ana.grown(auction, 2).await.unwrap();
    let (won, answer) = ana.bid(auction, 150).await.unwrap();
    answer.logged().unwrap();

    // The seller is away when the auction ends, and finds the invitation on coming back.
    let seller_person = std::sync::Arc::clone(&seller.person);
    let (known, _) = (seller.rooms.remove(&auction).unwrap(), seller.sender.close().await);
    drop(seller);
    house.tsa.set_time(end).unwrap();
    ana.auction_is(auction, settled).await.unwrap();
    let private = invitation(&mut ana, auction).await;
    let mut seller = Peer::connect(&seller_person, &house.broker.address).await.unwrap();
    seller.rooms.insert(auction, known);
    assert_eq!(invitation(&mut seller, auction).await, private);
    seller.join(auction).await.unwrap();
    assert!(!seller.lobby.contains(&private), "the room is in no list");
    assert!(rui.invited.is_empty());

    // Strangers and losers see no such room, not even with a proof of something else.
    let loser = lost.key(&rui.person, rui.pin);
    assert_eq!(rui.join(private).await.unwrap_err().to_string(), "room.unknown");
    let refused = rui.join_private(private, &loser).await.unwrap_err();
    assert_eq!(refused.to_string(), "room.unknown");
    let (seller_key, winner_key) =
        (listing.key(&seller.person, seller.pin), won.key(&ana.person, ana.pin));
    // A proof made for another session is no proof.
    let stolen = pregao_protocol::wire::frame::Member {
        key: winner_key.public(),
        signature: winner_key
            .sign(&pregao_protocol::wire::frame::Member::message(&ana.session.0, private)),
    };
    let frame = pregao_protocol::wire::frame::FromPeer::Join {
        room: private,
        from: 0,
        member: Some(stolen),
    };
    rui.send(&frame).await.unwrap();
    assert_eq!(rui.until(|peer| peer.errors.pop()).await.unwrap(), "room.unknown");

    seller.join_private(private, &seller_key).await.unwrap();
    ana.join_private(private, &winner_key).await.unwrap();
    let first = disclosure(&seller, private, &listing, "Seller Silva");
    assert!(matches!(seller.act(&first).await.unwrap(), SubmitAnswer::Held));
    // One alone is not released, and not even the winner sees that it is there.
    assert_eq!(ana.watched(private).unwrap().size(), 1);
    assert_eq!(house.broker.metric("revealed").unwrap(), 0);
    let second = disclosure(&ana, private, &won, "Winner Costa");
    ana.act(&second).await.unwrap().logged().unwrap();
    seller.grown(private, 3).await.unwrap();
    ana.grown(private, 3).await.unwrap();
    let seen_by_seller = opened(&mut seller, private, &listing);
    let seen_by_winner = opened(&mut ana, private, &won);
    assert_eq!(seen_by_seller.name, "Winner Costa");
    assert_eq!(seen_by_seller.persona, ana.person.fingerprint());
    assert_eq!(seen_by_winner.contact, "Seller Silva@example.org");
    assert_eq!(seen_by_winner.persona, seller.person.fingerprint());
    let sold = |auction: &pregao_protocol::room::Auction| {
        matches!(auction.phase(), Phase::Ended(Outcome::Sold { winner: 2, .. }))
    };
    rui.auction_is(auction, sold).await.unwrap();
    // The held one has its receipt now; the seller asks for it with the same bytes.
    let stamp = seller.stamp(&first).await.unwrap();
    let again = seller.submit(first.action.compact(), &stamp, &first.blind).await.unwrap();
    assert_eq!(again.logged().unwrap(), 1);
}

/// Two bids of the winner and one of somebody else; then TSA time passes the deadline.
async fn abandoned_by(absent: Side) -> (House, Peer, RoomName) {
    let house = House::open(&Options::default().simulated()).unwrap();
    let (mut seller, mut ana, mut rui) =
        (guest(&house).await, guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(30).await.unwrap();
    let terms = Terms { disclose_within: 20, ..Terms::until(end) };
    let listing = seller.list(&terms).await.unwrap();
    let auction = listing.action.room();
    ana.join(auction).await.unwrap();
    rui.join(auction).await.unwrap();
    ana.bid(auction, 100).await.unwrap().1.logged().unwrap();
    rui.grown(auction, 2).await.unwrap();
    rui.bid(auction, 110).await.unwrap().1.logged().unwrap();
    ana.grown(auction, 3).await.unwrap();
    let (won, answer) = ana.bid(auction, 120).await.unwrap();
    answer.logged().unwrap();
    house.tsa.set_time(end).unwrap();
    seller.auction_is(auction, settled).await.unwrap();
    let private = invitation(&mut seller, auction).await;
    let (peer, made) = match absent {
        Side::Seller => (&mut ana, &won),
        Side::Winner => (&mut seller, &listing),
    };
    peer.auction_is(auction, settled).await.unwrap();
    let key = made.key(&peer.person, peer.pin);
    peer.join_private(private, &key).await.unwrap();
    let own = disclosure(peer, private, made, "Came Alone");
    assert!(matches!(peer.act(&own).await.unwrap(), SubmitAnswer::Held));
    let late = opening(peer, private).deadline.plus(Duration::from_secs(1));
    house.tsa.set_time(late).unwrap();
    peer.grown(private, 2).await.unwrap();
    let reveal = RevealRoom::of(peer.watched(private).unwrap().room().unwrap()).unwrap();
    assert!(reveal.disclosed(Side::Seller).is_none() && reveal.disclosed(Side::Winner).is_none());
    (house, rui, auction)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_winner_forfeits_every_bid_and_the_next_one_wins_at_their_own_price() {
    let (_house, mut rui, auction) = abandoned_by(Side::Winner).await;
    // Replay verifies the ratios: a wrong one would end this test.
    rui.auction_is(auction, |auction| {
        auction.winner().is_some_and(|winner| winner.amount.minor() == 110)
    })
    .await
    .unwrap();
    let folded = rui.watched(auction).unwrap().auction().unwrap();
    let forfeited: Vec<u64> =
        folded.bids().iter().filter(|bid| bid.forfeited).map(|bid| bid.amount.minor()).collect();
    assert_eq!(forfeited, [100, 120]);
    assert!(folded.withdrawal(), "who wins second-hand may withdraw");
    let entries = &rui.watched(auction).unwrap().entries;
    let ratios = entries
        .iter()
        .filter_map(|text| {
            let entry = pregao_protocol::log::Entry::parse(text).unwrap();
            match pregao_protocol::room::action::Action::parse(&entry.action).unwrap().body() {
                Body::Forfeited(forfeited) => Some(forfeited.clone()),
                _ => None,
            }
        })
        .next()
        .unwrap();
    assert_eq!((ratios.winner, ratios.others.len(), ratios.others[0].seq), (3, 1, 1));
    let key = |seq| folded.bid(seq).unwrap().key;
    ratios.others[0].ratio.verify(&key(3), &key(1)).unwrap();
    assert!(ratios.others[0].ratio.verify(&key(3), &key(2)).is_err(), "not the other bidder's");
    invitation(&mut rui, auction).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_seller_leaves_the_auction_abandoned() {
    let (house, mut rui, auction) = abandoned_by(Side::Seller).await;
    let abandoned = |auction: &pregao_protocol::room::Auction| {
        auction.phase() == Phase::Ended(Outcome::Abandoned)
    };
    rui.auction_is(auction, abandoned).await.unwrap();
    assert!(rui.watched(auction).unwrap().auction().unwrap().bids().iter().all(|b| !b.forfeited));
    assert_eq!(house.broker.metric("revealed").unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_without_bids_ends_unsold() {
    let house = simulated();
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let unsold =
        |auction: &pregao_protocol::room::Auction| auction.phase() == Phase::Ended(Outcome::Unsold);
    house.tsa.set_time(end).unwrap();
    seller.auction_is(room, unsold).await.unwrap();
    assert!(seller.invited.is_empty());
    assert_eq!(house.broker.metric("rooms").unwrap(), 1);
}

/// What the store holds was altered: its author still has it, and nobody else pays for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_altered_held_disclosure_is_handed_in_again_and_stops_no_broker() {
    let mut house = simulated();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let auction = listing.action.room();
    ana.join(auction).await.unwrap();
    let (won, answer) = ana.bid(auction, 150).await.unwrap();
    answer.logged().unwrap();
    house.tsa.set_time(end).unwrap();
    ana.auction_is(auction, settled).await.unwrap();
    let private = invitation(&mut seller, auction).await;
    let key = listing.key(&seller.person, seller.pin);
    seller.join_private(private, &key).await.unwrap();
    let first = disclosure(&seller, private, &listing, "one");
    assert!(matches!(seller.act(&first).await.unwrap(), SubmitAnswer::Held));
    for altered in ["substr(payload, 1, length(payload) - 4)", "'{}'"] {
        house.broker.kill().unwrap();
        let log = rusqlite::Connection::open(house.broker.data().join("log.db")).unwrap();
        let sql = format!("UPDATE pending SET payload = {altered}");
        assert_eq!(log.execute(&sql, []).unwrap(), 1);
        drop(log);
        house.broker.restart().unwrap();
        assert!(house.broker.log().contains("a held action was altered"), "it is said");
        seller = Peer::connect(&seller.person, &house.broker.address).await.unwrap();
        assert!(matches!(seller.act(&first).await.unwrap(), SubmitAnswer::Held));
    }
    ana = Peer::connect(&ana.person, &house.broker.address).await.unwrap();
    ana.join(auction).await.unwrap();
    ana.auction_is(auction, settled).await.unwrap();
    ana.join_private(private, &won.key(&ana.person, ana.pin)).await.unwrap();
    let second = disclosure(&ana, private, &won, "two");
    ana.act(&second).await.unwrap().logged().unwrap();
    let sold = |auction: &pregao_protocol::room::Auction| {
        matches!(auction.phase(), Phase::Ended(Outcome::Sold { .. }))
    };
    ana.auction_is(auction, sold).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_between_the_pair_and_the_outcome_finishes_the_reveal() {
    let mut house = simulated();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let auction = listing.action.room();
    ana.join(auction).await.unwrap();
    let (won, answer) = ana.bid(auction, 150).await.unwrap();
    answer.logged().unwrap();
    house.tsa.set_time(end).unwrap();
    ana.auction_is(auction, settled).await.unwrap();
    seller.auction_is(auction, settled).await.unwrap();
    let private = invitation(&mut ana, auction).await;
    ana.join_private(private, &won.key(&ana.person, ana.pin)).await.unwrap();
    seller.join_private(private, &listing.key(&seller.person, seller.pin)).await.unwrap();
    let first = disclosure(&seller, private, &listing, "one");
    assert!(matches!(seller.act(&first).await.unwrap(), SubmitAnswer::Held));
    let second = disclosure(&ana, private, &won, "two");
    let stamp = ana.stamp(&second).await.unwrap();
    // Without the TSA the pair is logged, but nothing can follow from it.
    house.tsa.program().freeze();
    let answer = ana.submit(second.action.compact(), &stamp, &second.blind).await.unwrap();
    answer.logged().unwrap();
    house.broker.kill().unwrap();
    house.tsa.program().thaw();
    house.broker.restart().unwrap();
    let mut again = Peer::connect(&ana.person, &house.broker.address).await.unwrap();
    again.join(auction).await.unwrap();
    again
        .auction_is(auction, |auction| {
            matches!(auction.phase(), Phase::Ended(Outcome::Sold { .. }))
        })
        .await
        .unwrap();
}
