//! A broker that signs that it keeps a disclosure, and then records that its author stayed away.

use std::sync::Arc;

use parking_lot::Mutex;
use pregao::event::Event;
use pregao_protocol::log::{Entry, Head, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::action::Draft;
use pregao_protocol::room::body::{Absent, Body};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::refusal::Held;
use pregao_tests::desk::{Desk, vault};
use pregao_tests::liar::{Liar, Lie};
use pregao_tests::peer::{Terms, fresh_id};
use serde_json::json;

use super::heads::{root_of, verifies};
use super::private::MadeUp;
use super::{Stage, found_out, raw};
use crate::reveal::{invitation, settled};
use crate::stamp_at;

/// What the liar does with the private room. Its own session is no member of that, so it shows
/// what the test gives it.
#[derive(Clone, Default)]
struct Private {
    room: MadeUp,
    /// Rooms whose further entries are kept back, and those entries.
    hiding: Arc<Mutex<Vec<RoomName>>>,
    hidden: Arc<Mutex<Vec<FromBroker>>>,
    /// What is said of a disclosure in the broker's place.
    held: Arc<Mutex<Option<String>>>,
}

impl Lie for Private {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        match &frame {
            FromBroker::Invited { .. } => Vec::new(),
            FromBroker::Entries { room, .. } if self.hiding.lock().contains(room) => {
                self.hidden.lock().push(frame);
                Vec::new()
            }
            _ => vec![frame],
        }
    }

    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        match frame {
            FromPeer::Join { room, .. } => {
                let shown = self.room.lock();
                let (private, frames) = shown.as_ref()?;
                (private == room).then(|| frames.clone())
            }
            FromPeer::Submit { n, .. } => {
                let held = self.held.lock().clone()?;
                Some(vec![FromBroker::Held { n: *n, held }])
            }
            _ => None,
        }
    }
}

/// The victim has won an auction and is in its private room.
struct Won {
    stage: Stage,
    lie: Private,
    liar: Liar,
    desk: Desk,
    auction: RoomName,
    private: RoomName,
    /// First entry of the private room.
    opening: String,
}

impl Won {
    async fn set() -> Self {
        let mut stage = Stage::set().await;
        let end = stage.seller.in_seconds(15).await.unwrap();
        let terms = Terms { disclose_within: 20, ..Terms::until(end) };
        let listing = stage.seller.list(&terms).await.unwrap();
        let auction = listing.action.room();
        let lie = Private::default();
        let (liar, mut desk) = stage.lied_to(lie.clone()).await;
        desk.verified(&auction.to_string(), 1).await.unwrap();
        let bid =
            json!({ "yes": true, "command": "bid", "room": auction.to_string(), "amount": "5" });
        assert!(desk.ask(bid).await.unwrap());
        stage.seller.auction_is(auction, settled).await.unwrap();
        let private = invitation(&mut stage.seller, auction).await;
        let key = listing.key(&stage.seller.person, stage.seller.pin);
        stage.seller.join_private(private, &key).await.unwrap();
        let watched = stage.seller.watched(private).unwrap();
        let (opening, header) = (watched.entries[0].clone(), watched.headers[0].to_string());
        let origin = stage.origin(private);
        let head = Head { origin, size: 1, root: root_of(std::slice::from_ref(&opening)) };
        let head = head.sign(&stage.secrets().head);
        let (room, consistency) = (private, Vec::new());
        let joined = FromBroker::Joined { room, head: head.clone(), consistency };
        let (headers, entries) = (vec![header], vec![raw(opening.clone())]);
        let entries = FromBroker::Entries { room, headers, entries, head: Some(head) };
        *lie.room.lock() = Some((private, vec![joined, entries]));
        liar.inject(FromBroker::Invited { auction, room: private });
        desk.ever(|event| matches!(event, Event::Invited { .. }).then_some(())).await.unwrap();
        Self { stage, lie, liar, desk, auction, private, opening }
    }

    /// Has the victim disclose; whether that was taken.
    async fn discloses(&mut self) -> bool {
        let reveal = json!({
            "yes": true,
            "command": "reveal",
            "room": self.auction.to_string(),
            "name": "Ana",
            "contact": "ana@example.org",
        });
        self.desk.ask(reveal).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_disclosed_and_is_called_absent_hears_it_loudly_and_keeps_everything() {
    let mut won = Won::set().await;
    won.lie.hiding.lock().push(won.auction);
    assert!(won.discloses().await);
    let Won { mut stage, lie, liar, mut desk, auction, private, opening } = won;

    // The truth is that the seller stayed away; the winner hears that they did.
    stage.seller.grown(private, 2).await.unwrap();
    let secrets = stage.secrets();
    let seen = pregao_protocol::room::action::Seen {
        size: 1,
        root: root_of(std::slice::from_ref(&opening)),
    };
    let body = Body::Absent(Absent { seller: false, winner: true });
    let draft = Draft { id: fresh_id(), room: Some(private), body, seen };
    let action = draft.sign_as_broker(&secrets.entry).unwrap();
    let stamp = stamp_at(&stage.house.tsa.address.url, action.digest()).await;
    let (action, headers) = (action.compact().to_owned(), vec![stamp.batch.clone()]);
    let entry = Entry { seq: 1, action, stamp: stamp.stamp() }.encode();
    let root = root_of(&[opening, entry.clone()]);
    let head = Head { origin: stage.origin(private), size: 2, root }.sign(&secrets.head);
    let (entries, head) = (vec![raw(entry)], Some(head));
    liar.inject(FromBroker::Entries { room: private, headers, entries, head });
    found_out(&mut desk, "YOU STAYED AWAY", "false-absence").await;
    verifies(&desk, "false-absence", "recorded the winner as absent").await;

    // The auction ends, and with it the use of its secrets; not here.
    lie.hiding.lock().clear();
    let of_auction = lie.hidden.lock().clone();
    for frame in of_auction {
        liar.inject(frame);
    }
    let ended = |event: &Event| match event {
        Event::Room(view) if view.room == auction.to_string() && !view.outcome.is_empty() => {
            Some(())
        }
        _ => None,
    };
    desk.until(ended).await.unwrap();
    assert_eq!(desk.end().await.unwrap(), Some(0));
    let kept = vault(&stage.vault).unwrap();
    let reveal = &kept.reveals[0];
    assert!(reveal.wronged && reveal.held.is_some());
    let bid = kept.actions.iter().find(|kept| kept.room == auction.to_string()).unwrap();
    assert!(bid.seal_secret.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_kept_without_the_brokers_signature_is_not_kept() {
    let mut won = Won::set().await;
    // The broker's word for another disclosure.
    let held = Held { digest: Digest([1; 32]), room: won.private, stamp: Digest([2; 32]) };
    *won.lie.held.lock() = Some(held.sign(&won.stage.secrets().entry));
    assert!(!won.discloses().await);
    let Won { stage, liar: _liar, mut desk, .. } = won;
    found_out(&mut desk, "without a valid signature that it keeps your disclosure", "held").await;
    assert_eq!(desk.end().await.unwrap(), Some(1));
    let kept = vault(&stage.vault).unwrap();
    assert!(kept.reveals.iter().all(|kept| !kept.disclosed && kept.held.is_none()));
}

/// A bid is receipted or refused; "held" would end it with neither.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_disclosure_is_not_kept_whatever_the_broker_signs() {
    let stage = super::Stage::set().await;
    let secrets = stage.secrets();
    let holding = pregao_tests::liar::Up(move |frame: &FromPeer| {
        let FromPeer::Submit { n, action, stamp, .. } = frame else { return None };
        let action = Action::parse(action).unwrap();
        let stamp = pregao_protocol::log::stamp::BatchHeader::hash(&stamp.batch);
        let held = Held { digest: action.digest(), room: action.room(), stamp };
        Some(vec![FromBroker::Held { n: *n, held: held.sign(&secrets.entry) }])
    });
    let (_liar, mut desk) = stage.lied_to(holding).await;
    let room = stage.room.to_string();
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "2" });
    assert!(!desk.ask(bid).await.unwrap());
    super::found_out(&mut desk, "without a valid signature", "held").await;
}
