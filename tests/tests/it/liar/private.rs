//! Lies about the private room of seller and winner, by the broker and by the other side.

use std::sync::Arc;

use parking_lot::Mutex;
use pregao::event::Event;
use pregao_protocol::log::merkle;
use pregao_protocol::log::{Entry, Head, RoomName};
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::auction::Phase;
use pregao_protocol::room::body::{Body, Reveal, SealedBody, Side};
use pregao_protocol::room::disclosure::{Claims, Disclosure, DisclosureContext, OwnAction};
use pregao_protocol::trust::seal::{SealKey, seal_padded};
use pregao_protocol::value::codec::to_base64url;
use pregao_protocol::value::label::DISCLOSURE_SIZE;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_tests::desk::Desk;
use pregao_tests::liar::{Liar, Lie};
use pregao_tests::peer::{Made, Peer, fresh_id, random};
use serde_json::json;

use super::{Stage, found_out, raw};
use crate::reveal::{invitation, opening, settled};
use crate::{guest, open, stamp_at};

/// An auction that ended with the victim as its seller, and the bidder as its winner.
struct Sold {
    stage: Stage,
    liar: Liar,
    desk: Desk,
    auction: RoomName,
    won: Made,
}

/// What the liar says when the private room is joined; nothing passes until it is made up.
pub(super) type MadeUp = Arc<Mutex<Option<(RoomName, Vec<FromBroker>)>>>;

async fn sold(made_up: MadeUp) -> Sold {
    let mut stage = Stage::set().await;
    struct Private(MadeUp);
    impl Lie for Private {
        fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
            match frame {
                FromBroker::Invited { .. } => Vec::new(),
                other => vec![other],
            }
        }
        fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
            let FromPeer::Join { room, .. } = frame else { return None };
            let made_up = self.0.lock();
            let (fake, frames) = made_up.as_ref()?;
            (fake == room).then(|| frames.clone())
        }
    }
    let (liar, mut desk) = stage.lied_to(Private(made_up)).await;
    let list = json!({ "command": "list", "title": "Radio", "start": "1", "for": "5s", "fixed_end": true });
    assert!(desk.ask(list).await.unwrap());
    let room = desk
        .ever(|event| match event {
            Event::Room(view) if view.own => Some(view.room.clone()),
            _ => None,
        })
        .await
        .unwrap();
    let auction: RoomName = room.parse().unwrap();
    stage.bidder.join(auction).await.unwrap();
    let (won, answer) = stage.bidder.bid(auction, 500).await.unwrap();
    answer.logged().unwrap();
    stage.bidder.auction_is(auction, settled).await.unwrap();
    Sold { stage, liar, desk, auction, won }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_room_with_other_keys_is_said_loudly_and_takes_no_disclosure() {
    let made_up = MadeUp::default();
    let Sold { mut stage, liar, mut desk, auction, won } = sold(Arc::clone(&made_up)).await;
    let private = invitation(&mut stage.bidder, auction).await;
    let key = won.key(&stage.bidder.person, stage.bidder.pin);
    stage.bidder.join_private(private, &key).await.unwrap();
    let real = opening(&stage.bidder, private);
    // The broker's own key in the winner's place: it could read the seller's disclosure.
    let body = Reveal { winner_seal: SealKey::from_random(random()).public(), ..real };
    let draft =
        Draft { id: fresh_id(), room: None, body: Body::Reveal(body), seen: Seen::nothing() };
    let secrets = stage.secrets();
    let action = draft.sign_as_broker(&secrets.entry).unwrap();
    let stamp = stamp_at(&stage.house.tsa.address.url, action.digest()).await;
    let room = action.room();
    let (action, headers) = (action.compact().to_owned(), vec![stamp.batch.clone()]);
    let entry = Entry { seq: 0, action, stamp: stamp.stamp() }.encode();
    let root = merkle::leaf_hash(entry.as_bytes());
    let head = Head { origin: stage.origin(room), size: 1, root }.sign(&secrets.head);
    let joined = FromBroker::Joined { room, head: head.clone(), consistency: Vec::new() };
    let entries =
        FromBroker::Entries { room, headers, entries: vec![raw(entry)], head: Some(head) };
    *made_up.lock() = Some((room, vec![joined, entries]));
    liar.inject(FromBroker::Invited { auction, room });
    found_out(&mut desk, "does not follow from its auction", "reveal").await;
    assert!(!desk.seen.iter().any(|event| matches!(event, Event::Invited { .. })));
    let reveal = json!({ "yes": true, "command": "reveal", "room": auction.to_string(), "name": "A", "contact": "b" });
    assert!(!desk.ask(reveal).await.unwrap());
    assert_eq!(desk.refusal().await.unwrap().0, "reveal.none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_that_opens_to_nothing_is_said_loudly() {
    // Random bytes sealed well; a ciphertext to another key; the disclosure of another persona.
    for kind in 0..3 {
        let house = open();
        let folder = house.folder.path().join("seller");
        let mut desk =
            Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap();
        let mut winner = guest(&house).await;
        let list = json!({ "command": "list", "title": "Radio", "start": "1", "for": "4s", "fixed_end": true });
        assert!(desk.ask(list).await.unwrap());
        let room = desk
            .ever(|event| match event {
                Event::Room(view) if view.own => Some(view.room.clone()),
                _ => None,
            })
            .await
            .unwrap();
        let auction: RoomName = room.parse().unwrap();
        winner.join(auction).await.unwrap();
        let (won, answer) = winner.bid(auction, 500).await.unwrap();
        answer.logged().unwrap();
        winner.auction_is(auction, settled).await.unwrap();
        let private = invitation(&mut winner, auction).await;
        let key = won.key(&winner.person, winner.pin);
        winner.join_private(private, &key).await.unwrap();
        let made = if kind == 2 {
            // Another persona's certificate and key, with the winner's one-time key.
            let own = Arc::clone(&winner.person);
            winner.person = crate::person(&house).await;
            let stolen = worthless(&winner, private, &won, &own);
            winner.person = own;
            stolen
        } else {
            let opening = opening(&winner, private);
            let place = DisclosureContext { room: private, opening: &opening, side: Side::Winner };
            let to = match kind {
                0 => opening.seller_seal,
                _ => SealKey::from_random(random()).public(),
            };
            let sealed =
                seal_padded(&to, &place.info(), b"", &[7; 90], DISCLOSURE_SIZE, random()).unwrap();
            let body = Body::Disclose(SealedBody { sealed: sealed.try_into().unwrap() });
            let seen = winner.watched(private).unwrap().room().unwrap().ledger().head();
            let draft = Draft { id: fresh_id(), room: Some(private), body, seen };
            Made { action: draft.sign(&key).unwrap(), blind: won.blind.clone(), seal: None }
        };
        desk.ever(|event| matches!(event, Event::Invited { .. }).then_some(())).await.unwrap();
        let reveal = json!({ "yes": true, "command": "reveal", "room": room, "name": "Ana", "contact": "a@b" });
        assert!(desk.ask(reveal).await.unwrap());
        winner.act(&made).await.unwrap().logged().unwrap();
        found_out(&mut desk, "worthless", "disclosure").await;
        assert!(!desk.seen.iter().any(|event| matches!(event, Event::Revealed { .. })));
        winner
            .auction_is(auction, |auction| matches!(auction.phase(), Phase::Ended(_)))
            .await
            .unwrap();
        desk.end().await.unwrap();
        let kept = pregao_tests::desk::vault(&folder).unwrap();
        assert!(kept.reveals.iter().all(|reveal| reveal.counterparty.is_none()));
    }
}

/// A disclosure in the name of `winner.person`, signed with the one-time key of `own`.
fn worthless(
    winner: &Peer,
    private: RoomName,
    won: &Made,
    own: &pregao_tests::peer::Person,
) -> Made {
    let opening = opening(winner, private);
    let place = DisclosureContext { room: private, opening: &opening, side: Side::Winner };
    let seq = winner.watched(opening.auction).unwrap().auction().unwrap().winner().unwrap().seq;
    let claims = Claims {
        name: "Somebody Else".to_owned().try_into().unwrap(),
        contact: None,
        certificate: to_base64url(&winner.person.certificate),
        card: None,
        actions: vec![OwnAction { seq, blind: won.blind.clone() }],
    };
    let key = won.key(own, winner.pin);
    let signed =
        Disclosure::sign(&place, &claims, &winner.person.key, &key, None).unwrap().encode();
    let (to, info) = (opening.seller_seal, place.info());
    let sealed = seal_padded(&to, &info, b"", &signed, DISCLOSURE_SIZE, random()).unwrap();
    let body = Body::Disclose(SealedBody { sealed: sealed.try_into().unwrap() });
    let seen = winner.watched(private).unwrap().room().unwrap().ledger().head();
    let draft = Draft { id: fresh_id(), room: Some(private), body, seen };
    Made { action: draft.sign(&key).unwrap(), blind: won.blind.clone(), seal: None }
}
