//! Boxes and the guests who open, read and fill them.

use pregao_protocol::letter::PublishedKeys;
use pregao_protocol::log::RoomName;
use pregao_protocol::log::merkle::{Frontier, leaf_hash};
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Body, Empty, Say, Taken};
use pregao_protocol::room::{Code, Kind};
use pregao_protocol::trust::prekey::{PrekeyPublic, PrekeySecret};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::Purpose;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};

use crate::fixture::{LIMITS, OwnBox, Peer, Stage, deposit};
use crate::session::Limits;
use crate::store::Log as _;

mod about;
mod keys;
mod letters;
mod registered;
mod strangers;

fn key(n: u8) -> PrekeyPublic {
    PrekeySecret::from_random([n; 32]).public()
}

/// A signed key and a stock, both by their seeds.
fn published(signed: u8, stock: std::ops::Range<u8>) -> PublishedKeys {
    PublishedKeys::new(key(signed), stock.map(key).collect()).unwrap()
}

fn keys(n: u8) -> Body {
    Body::Keys(published(n, 0..0).entry().unwrap())
}

/// Joins as the owner, puts the keys and publishes them.
async fn publish(stage: &Stage, guest: &mut Peer, own: &OwnBox, keys: &PublishedKeys) -> String {
    put_keys(guest, own, keys).await.unwrap();
    let n = u8::try_from(stage.size(own.room())).unwrap() + 100;
    let entry = Body::Keys(keys.entry().unwrap());
    guest.hand_in(stage, &own.act(n, entry, stage.seen(own.room())), true).await;
    guest.answer(stage).await
}

async fn put_keys(guest: &mut Peer, own: &OwnBox, keys: &PublishedKeys) -> Result<(), String> {
    guest.send(&joining(own, &guest.id.clone())).await;
    guest.entries().await;
    guest.put_blob(Purpose::Prekeys, &keys.bytes()).await
}

/// A guest who holds the pass of this serial.
async fn with_pass(stage: &Stage, serial: u8) -> Peer {
    let passes = stage.take(&stage.person(9), &[serial]).await;
    let mut guest = Peer::guest(stage, serial).await.unwrap();
    assert_eq!(guest.show(&passes[0]).await, "held");
    guest
}

/// A broker that makes passes, a box there, and the session in which its owner opened it.
async fn with_passes() -> (Stage, Peer, OwnBox) {
    let stage = Stage::with_passes(100).await;
    let mut owner = with_pass(&stage, 255).await;
    let own = OwnBox::new(&stage, 1);
    owner.hand_in(&stage, &own.opening, true).await;
    assert_eq!(owner.answer(&stage).await, "receipt");
    (stage, owner, own)
}

/// What whoever leaves a letter knows of a box.
fn opened_head(stage: &Stage, room: RoomName) -> Seen {
    let first = stage.store.sound().read(&room, 0, 1).unwrap().remove(0);
    let mut frontier = Frontier::default();
    frontier.push(leaf_hash(first.text.as_bytes()));
    Seen { size: 1, root: frontier.root() }
}

async fn opened() -> (Stage, Peer, OwnBox) {
    let stage = Stage::open().await;
    let mut guest = Peer::guest(&stage, 7).await.unwrap();
    let own = OwnBox::new(&stage, 1);
    guest.hand_in(&stage, &own.opening, true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
    (stage, guest, own)
}

fn joining(own: &OwnBox, session: &[u8; 32]) -> FromPeer {
    FromPeer::Join { room: own.room(), from: 0, member: Some(own.proof(session)) }
}

#[tokio::test(start_paused = true)]
async fn a_guest_opens_a_box_and_reads_it_and_nobody_is_linked_to_it() {
    let (stage, mut guest, own) = opened().await;
    let room = own.room();
    assert_eq!(publish(&stage, &mut guest, &own, &published(1, 0..0)).await, "receipt");
    let mut another = Peer::guest(&stage, 8).await.unwrap();
    another.send(&joining(&own, &another.id.clone())).await;
    assert_eq!(another.entries().await, [0, 1]);
    let links = stage.shared().authors.of(room).await.unwrap().unwrap_or_default();
    assert!(links.is_empty(), "whose box it is, is in no store");
    assert_eq!(stage.shared().lobby.size(), 0, "it is in no list");
    guest.hand_in(&stage, &own.act(3, Body::BoxClosed(Empty {}), stage.seen(room)), true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn a_box_is_taken_up_where_it_was_after_a_restart() {
    let (stage, mut guest, own) = opened().await;
    assert_eq!(publish(&stage, &mut guest, &own, &published(1, 0..0)).await, "receipt");
    drop(guest);
    let stage = stage.restart().await;
    let mut guest = Peer::guest(&stage, 9).await.unwrap();
    assert_eq!(publish(&stage, &mut guest, &own, &published(2, 0..0)).await, "receipt");
    let mut guest = Peer::guest(&stage, 10).await.unwrap();
    guest.send(&joining(&own, &guest.id.clone())).await;
    assert_eq!(guest.entries().await, [0, 1, 2]);
    assert_eq!(Kind::MessageBox.as_str(), "box");
}

#[tokio::test(start_paused = true)]
async fn only_who_holds_its_key_reads_a_box() {
    let (stage, guest, own) = opened().await;
    let stranger = OwnBox::new(&stage, 2);
    let mut other = Peer::guest(&stage, 8).await.unwrap();
    let room = own.room();
    let proofs = [
        ("none", None),
        ("of another box", Some(stranger.proof(&other.id))),
        ("of another session", Some(own.proof(&guest.id))),
    ];
    for (what, member) in proofs {
        other.send(&FromPeer::Join { room, from: 0, member }).await;
        assert_eq!(other.refused().await.0, "room.unknown", "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn v284_a_persona_does_nothing_that_guests_do() {
    let (stage, _guest, own) = opened().await;
    let ana = stage.person(1);
    let mut peer = Peer::connect(&stage, &ana).await;
    let another = OwnBox::new(&stage, 5);
    let seen = stage.seen(own.room());
    let taken = Body::Taken(Taken { letters: vec![1], told: false });
    for action in [another.opening.clone(), own.act(2, keys(1), seen), own.act(3, taken, seen)] {
        peer.hand_in(&stage, &action, false).await;
        assert_eq!(peer.answer(&stage).await, Code::DoorSession.as_str());
    }
    // With a room of its own nothing was decided: a guest hands in the same.
    let mut guest = Peer::guest(&stage, 9).await.unwrap();
    guest.hand_in(&stage, &another.opening, true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn v284_a_guest_does_nothing_that_personas_do() {
    let (stage, mut guest, _own) = opened().await;
    let ana = stage.person(1);
    let auction = stage.list(&ana, 600).await.room();
    let say = Body::Say(Say { text: "hello".to_owned().try_into().unwrap() });
    let said = deposit(auction, 9, say, stage.seen(auction));
    guest.hand_in(&stage, &said, true).await;
    assert_eq!(guest.answer(&stage).await, Code::DoorSession.as_str());
    guest.send(&FromPeer::Rooms { from: 0 }).await;
    assert_eq!(guest.refused().await.0, Code::DoorSession.as_str());
    guest.send(&FromPeer::Join { room: auction, from: 0, member: None }).await;
    assert_eq!(guest.refused().await.0, "room.unknown");
}

#[tokio::test(start_paused = true)]
async fn v198_a_guest_solves_a_puzzle_before_anything_is_looked_at() {
    let stage = Stage::open().await;
    let mut guest = Peer::guest(&stage, 7).await.unwrap();
    let own = OwnBox::new(&stage, 1);
    guest.hand_in(&stage, &own.opening, false).await;
    assert_eq!(guest.answer(&stage).await, Code::Puzzle.as_str());
    guest.hand_in(&stage, &own.opening, true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
}

#[tokio::test(start_paused = true)]
async fn a_broker_without_boxes_takes_no_guests() {
    let stage = Stage::with(Limits { guests: false, ..LIMITS }).await;
    assert_eq!(Peer::guest(&stage, 7).await.err().as_deref(), Some("door.session"));
}

#[tokio::test(start_paused = true)]
async fn a_guest_is_invited_nowhere_and_hears_the_time() {
    let stage = Stage::open().await;
    let mut guest = Peer::guest(&stage, 7).await.unwrap();
    assert!(matches!(guest.welcome, FromBroker::Welcome { .. }));
    guest.send(&FromPeer::Join { room: RoomName([3; 32]), from: 0, member: None }).await;
    assert_eq!(guest.refused().await.0, "room.unknown");
}
