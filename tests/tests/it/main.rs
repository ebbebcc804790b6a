//! The real programs together: what must work, and everything that must not.
//!
//! Every test starts its own TSA and broker on loopback and talks to them frame by frame.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a fault anywhere ends the test"
)]

mod agent;
mod answers;
mod auction;
mod auto;
mod bids;
mod card;
mod cards;
mod confirm;
mod desk;
mod dutch;
mod enrol;
mod erasing;
mod forgeries;
mod fronts;
mod json;
mod letter_faults;
mod letters;
mod liar;
mod lists;
mod modules;
mod opensc;
mod order;
mod paddles;
mod page;
mod pause;
mod privacy;
mod prove;
mod puzzle;
mod queries;
mod reader;
mod readme;
mod reserve;
mod restart;
mod reveal;
mod rooms;
mod rules;
mod sealed;
mod sealed_tsas;
mod session_faults;
mod sessions;
mod silence;
mod sizes;
mod store_faults;
mod store_recovery;
mod talk;
mod terminal;
mod terms;
mod tls;
mod tsa_faults;

use std::sync::Arc;

use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::value::codec::to_base64url;
use pregao_protocol::wire::tsa::{Timestamp, TsaRequest as _};
use pregao_tests::house::{House, Options};
use pregao_tests::peer::{Peer, Person, fresh_id, random};

/// A TSA and a broker with their default flags.
fn open() -> House {
    House::open(&Options::default()).unwrap()
}

/// A house whose time is set by hand: no auction is waited for.
fn simulated() -> House {
    House::open(&Options::default().simulated()).unwrap()
}

/// A new persona of the house's CA.
async fn person(house: &House) -> Arc<Person> {
    let tsa = house.tsa.address.clone();
    tokio::task::spawn_blocking(move || Person::enrol(&tsa).unwrap()).await.unwrap()
}

/// A new persona, connected.
async fn guest(house: &House) -> Peer {
    Peer::connect(&person(house).await, &house.broker.address).await.unwrap()
}

/// Signs any payload the way an action is signed. `ID` in it means the action's id.
fn forge(person: &Person, broker: Fingerprint, payload: &str) -> (String, Blind) {
    let (id, blind) = (fresh_id(), Blind::from_random(random()));
    let key = OneTimeKey::derive(&person.key, broker, id, &blind);
    let x = to_base64url(key.public().as_bytes());
    let header = format!(
        r#"{{"alg":"EdDSA","typ":"pregao-action-v1","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#
    );
    let payload = payload.replace("\"ID\"", &format!("\"{id}\""));
    let signed =
        format!("{}.{}", to_base64url(header.as_bytes()), to_base64url(payload.as_bytes()));
    let signature = to_base64url(&key.sign(signed.as_bytes()).0);
    (format!("{signed}.{signature}"), blind)
}

/// A stamp over HTTP, from any TSA.
async fn stamp_at(url: &str, digest: pregao_protocol::value::codec::Digest) -> FullStamp {
    let url = format!("{}{}", url.trim_end_matches('/'), Timestamp::PATH);
    let ask = move || {
        let mut answer = ureq::post(url).send_json(Timestamp { digest }).unwrap();
        Timestamp::parse_answer(&answer.body_mut().read_to_vec().unwrap()).unwrap()
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}
