//! Who may bid: one persona of each citizen where that is asked for, and nobody who stayed away a short while ago.

use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::CitizenTerms;
use pregao_protocol::trust::enrolment::issuer::IssuerStatement;
use pregao_protocol::trust::key::{Enrolment, SecretKey};
use pregao_protocol::value::codec::to_base64url;

use super::*;
use crate::fixture::{BARRED_FOR, Made, Person, Stage, Terms, YEAR_ROUND, secs};

/// The name of an issuer: an RSA key of the right form, of which nobody has the secret.
fn spki(byte: u8) -> Vec<u8> {
    const HEAD: [u8; 33] = [
        0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
        0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a, 0x02, 0x82,
        0x01, 0x81, 0x00,
    ];
    let modulus = [byte | 0x81; 384];
    [HEAD.as_slice(), &modulus, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat()
}

impl Stage {
    /// A person whose certificate was bought with a token of that issuer.
    fn citizen(&self, number: u8, issuer: u8) -> Person {
        self.person(number).bought_by(Digest::of(&spki(issuer)))
    }

    /// An item for one persona of each citizen, of the issuer 2.
    fn for_citizens(&self, seller: &Person, seconds: u64) -> Made {
        let enrolment = SecretKey::<Enrolment>::from_seed(&[31; 32]);
        let now = self.tsa.now();
        let end = now.plus(secs(seconds));
        let stated = IssuerStatement {
            authority: self.tsa.authority(),
            key: spki(2),
            from: now.minus(secs(60)),
            until: end,
            spend_until: end,
            test: false,
        };
        let der = self.tsa.certify(&enrolment.public(), YEAR_ROUND);
        let citizens =
            CitizenTerms { statement: stated.sign(&enrolment), certificate: to_base64url(&der) };
        let draft = seller.draft(self.shared(), &Terms::until(end));
        let listing = pregao_protocol::room::body::Listing { citizens: Some(citizens), ..draft };
        seller.make(self.shared(), None, Body::List(listing), Seen::nothing())
    }
}

#[tokio::test(start_paused = true)]
async fn v222_one_persona_of_each_citizen_lists_and_bids_where_that_is_asked_for() {
    let stage = Stage::open().await;
    let ana = stage.citizen(1, 2);
    for other in [stage.person(3), stage.citizen(3, 4)] {
        let listing = stage.for_citizens(&other, 600);
        let refused = stage.act(&other, &listing).await;
        assert_eq!((refused.refusal().code, refused.refusal().until), (Code::DoorCitizen, None));
    }
    let listing = stage.for_citizens(&ana, 600);
    assert_eq!(stage.act(&ana, &listing).await.seq(), Some(0));
    let room = listing.room();
    for other in [stage.person(4), stage.citizen(4, 4)] {
        let bid = stage.bid(&other, room, 100);
        assert_eq!(stage.act(&other, &bid).await.code(), "door.citizen");
    }
    // The same citizen's persona of the period is taken, and whoever only speaks is not asked.
    stage.bids(&stage.citizen(5, 2), room, 100).await;
    let stranger = stage.person(6);
    let said = stranger.say(stage.shared(), room, "is it old?", stage.seen(room));
    assert!(stage.act(&stranger, &said).await.seq().is_some());
    // The rules of the log come first.
    let low = stage.bid(&stranger, room, 50);
    assert_eq!(stage.act(&stranger, &low).await.code(), "bid.too-low");
    // A seller's own bid is told as that.
    let own = stage.bid(&ana, room, 200);
    assert_eq!(stage.act(&ana, &own).await.code(), "bid.own-item");
}

#[tokio::test(start_paused = true)]
async fn v222_elsewhere_nobody_is_asked_which_token_bought_their_persona() {
    let stage = Stage::open().await;
    let listing = stage.list(&stage.person(1), 600).await;
    stage.bids(&stage.citizen(2, 4), listing.room(), 100).await;
    stage.bids(&stage.person(3), listing.room(), 200).await;
}

/// Lists an item that ends after 20 s, and gives both sides so many seconds to disclose.
async fn lists(stage: &Stage, seller: &Person, disclose_within: u32) -> Made {
    let terms = Terms { disclose_within, ..Terms::until(stage.tsa.now().plus(secs(20))) };
    stage.list_with(seller, &terms).await
}

/// Lets the deadline of the newest reveal room pass.
async fn pass_deadline(stage: &Stage) {
    let deadline = stage.reveals().iter().map(|(_, reveal)| reveal.deadline).max().unwrap();
    tokio::time::sleep(deadline.since(stage.tsa.now()) + secs(4)).await;
}

/// A winner, 2, who forfeits to a seller, 1, who came.
async fn forfeited() -> (Stage, Person, Made) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let listing = lists(&stage, &ana, HOUR).await;
    stage.bids(&stage.person(2), listing.room(), 100).await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let (private, opening) = stage.reveals().pop().unwrap();
    let disclosed =
        ana.disclosure(stage.shared(), private, &opening, &listing, stage.seen(private));
    assert_eq!(stage.act(&ana, &disclosed).await.code(), "held");
    pass_deadline(&stage).await;
    assert!(stage.verbs(listing.room()).contains(&"forfeited"));
    (stage, ana, listing)
}

/// What becomes of a bid and of a listing.
async fn tries(stage: &Stage, person: &Person, room: RoomName, amount: u64) -> [String; 2] {
    let bid = stage.act(person, &stage.bid(person, room, amount)).await;
    let terms = Terms::until(stage.tsa.now().plus(secs(600)));
    let listed = stage.act(person, &person.listing(stage.shared(), &terms)).await;
    [bid.code().to_owned(), listed.code().to_owned()]
}

/// The least that a listing gives for a disclosure for want of which somebody is barred.
const HOUR: u32 = 3_600;
const BARRED: [&str; 2] = ["door.forfeited", "door.forfeited"];
const TAKEN: [&str; 2] = ["receipt", "receipt"];

#[tokio::test(start_paused = true)]
async fn v224_whoever_stayed_away_lists_and_bids_nothing_for_a_time_also_after_a_restart() {
    let (stage, ana, _) = forfeited().await;
    let eva = stage.person(3);
    let other = stage.list(&eva, 100_000).await.room();
    let rui = stage.person(2);
    assert_eq!(tries(&stage, &rui, other, 100).await, BARRED);
    assert_eq!(tries(&stage, &ana, other, 200).await, TAKEN, "who came is taken");
    let refused = stage.act(&rui, &stage.bid(&rui, other, 500)).await;
    let until = refused.refusal().until.unwrap();
    let now = stage.tsa.now();
    assert!(until > now && until.since(now) <= BARRED_FOR, "{until} {now}");
    // Everything else is open to them.
    let said = rui.say(stage.shared(), other, "sorry", stage.seen(other));
    assert!(stage.act(&rui, &said).await.seq().is_some());
    let stage = stage.restart().await;
    let rui = stage.person(2);
    for _ in 0..9 {
        let _: [u8; 32] = rui.fresh();
    }
    assert_eq!(tries(&stage, &rui, other, 600).await, BARRED);
    stage.stop_ticks().await;
    stage.tell(until.minus(Duration::from_micros(1))).await;
    assert_eq!(stage.act(&rui, &stage.bid(&rui, other, 700)).await.code(), "door.forfeited");
    stage.tell(until).await;
    assert_eq!(tries(&stage, &rui, other, 800).await, TAKEN);
}

#[tokio::test(start_paused = true)]
async fn v224_a_seller_who_stays_away_is_not_taken_and_the_winner_is_whether_they_came_or_not() {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let listing = lists(&stage, &ana, HOUR).await;
    stage.bids(&rui, listing.room(), 100).await;
    stage.until(|stage| !stage.reveals().is_empty()).await;
    pass_deadline(&stage).await;
    assert!(stage.verbs(listing.room()).contains(&"abandoned"));
    let other = stage.list(&stage.person(3), 600).await.room();
    assert_eq!(tries(&stage, &rui, other, 100).await, TAKEN);
    assert_eq!(tries(&stage, &ana, other, 200).await, BARRED);
}

#[tokio::test(start_paused = true)]
async fn v224_who_might_have_withdrawn_and_who_did_are_taken() {
    let stage = Stage::open().await;
    let (ana, rui, eva) = (stage.person(1), stage.person(2), stage.person(3));
    let listing = lists(&stage, &ana, HOUR).await;
    stage.bids(&rui, listing.room(), 100).await;
    stage.bids(&eva, listing.room(), 200).await;
    for round in 1..=2 {
        stage.until(|stage| stage.reveals().len() == round).await;
        let (private, opening) = stage.reveals().pop().unwrap();
        let seen = stage.seen(private);
        let disclosed = ana.disclosure(stage.shared(), private, &opening, &listing, seen);
        assert_eq!(stage.act(&ana, &disclosed).await.code(), "held");
        pass_deadline(&stage).await;
        let verbs = stage.verbs(listing.room());
        assert_eq!(verbs.iter().filter(|verb| **verb == "forfeited").count(), round);
    }
    let other = stage.list(&stage.person(4), 600).await.room();
    // The first winner had no right to withdraw; the next, named in their place, had.
    assert_eq!(tries(&stage, &eva, other, 100).await, BARRED);
    assert_eq!(tries(&stage, &rui, other, 100).await, TAKEN);
}

#[tokio::test(start_paused = true)]
async fn v224_nobody_is_barred_who_had_less_than_an_hour_to_disclose() {
    for (within, becomes) in [(HOUR - 1, TAKEN), (HOUR, BARRED)] {
        let stage = Stage::open().await;
        let (ana, rui) = (stage.person(1), stage.person(2));
        let listing = lists(&stage, &ana, within).await;
        stage.bids(&rui, listing.room(), 100).await;
        stage.until(|stage| !stage.reveals().is_empty()).await;
        pass_deadline(&stage).await;
        assert!(stage.verbs(listing.room()).contains(&"abandoned"));
        let other = stage.list(&stage.person(3), 600).await.room();
        assert_eq!(tries(&stage, &ana, other, 200).await, becomes, "{within}");
    }
}
