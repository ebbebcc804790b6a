//! Message boxes through the programs: what guests do, by the peer's own code, at a broker with its store.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use pregao::net::Reach;
use pregao::net::broker::BrokerAddress;
use pregao::net::tls::Roots;
use pregao::post::guest::{GuestError, GuestSession};
use pregao::post::own_box::OwnBox;
use pregao::post::passes::{PassTaker, TakeError, requests};
use pregao_protocol::host::Host;
use pregao_protocol::log::Receipt;
use pregao_protocol::room::body::{Blob, Body, BoxOpening, Empty, Keys};
use pregao_protocol::room::{Code, MessageBox, Undecided};
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::{Fingerprint, SecretKey};
use pregao_protocol::trust::pass::Pass;
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::blob_class::BlobClass;
use pregao_protocol::value::codec::Digest;

use super::person::Person;
use super::programs::{Lines, Town};
use super::run::on_one_thread;

/// Passes for each persona and day.
const PER_DAY: u32 = 20;

/// A house, and somebody before it who has no persona.
struct Visit {
    address: BrokerAddress,
    house: BrokerCertificate,
    host: Host,
    lines: Lines,
    tls: Roots,
    /// The way to the desk of somebody whom the house knows.
    taker: PassTaker,
    passes: Mutex<Vec<Pass>>,
}

impl Visit {
    fn reach(&self) -> Reach<'_> {
        Reach { host: &self.host, net: &self.lines, tls: &self.tls }
    }

    async fn session(&self) -> Result<GuestSession<'_>, GuestError> {
        let stamp = *self.house.stamps.first().expect("a TSA");
        GuestSession::open(&self.address, stamp, self.reach()).await
    }

    /// A session that holds a pass, once it has seen that everybody's are signed by the same key.
    async fn paid(&self) -> Result<GuestSession<'_>> {
        let pass = self.pass().await?;
        let mut session = self.session().await?;
        session.verify_pass(&pass).await?;
        session.show_pass(&pass).await?;
        Ok(session)
    }

    /// A pass that nobody has shown, of those that are taken in the session of a persona.
    async fn pass(&self) -> Result<Pass> {
        if self.passes.lock().is_empty() {
            let offer = self.taker.offer().await?;
            ensure!(offer.count == PER_DAY, "{offer:?}");
            let requests = requests(&offer.key, offer.count, &self.host)?;
            let taken = self.taker.take(requests.clone(), offer.key.clone()).await?;
            // Asked again, they are the same, and counted once.
            let again = self.taker.take(requests, offer.key).await?;
            ensure!(again == taken && taken.len() == 20, "others came");
            *self.passes.lock() = taken;
        }
        let pass = self.passes.lock().pop();
        pass.context("another pass")
    }

    fn opening(&self) -> BoxOpening {
        BoxOpening {
            handle: None,
            about: None,
            agreement: SealKey::from_random([5; 32]).public(),
            letters: 10,
            bytes: 100_000,
            freshness: 10,
            broker: self.house.keys,
            stamps: self.house.stamps.clone(),
            simulated: self.house.simulated,
        }
    }

    async fn hand_in(&self, own: &OwnBox, body: Body) -> Result<Receipt, GuestError> {
        let mut session = self.session().await?;
        let seen = session.read(own).await?.room().expect("it was read").ledger().head();
        let action = own.act(&self.host, body, seen).expect("it can be signed");
        let stamp = session.stamp(&action).await?;
        session.hand_in(&action, &stamp, own.opening().compact()).await
    }
}

fn visiting(play: impl AsyncFnOnce(Visit) -> Result<()>) {
    let (left, _) = on_one_thread(1, false, async |chance, era, trace, folder| {
        let path = folder.path();
        let town = Town::found_with_passes(PER_DAY, chance, era, trace, path).await?;
        let ana = Person::new("Ana".to_owned(), 0, false, chance);
        town.settle(&ana).await?;
        let taker = town.pass_taker(&ana).context("a desk")?;
        let machine = town.machine();
        let (address, house) = town.house().context("a house")?;
        let (host, lines, tls) = (machine.host(), town.lines(), Roots::default());
        // Its first batch header comes within a second, and the first key of its passes soon after.
        tokio::time::sleep(Duration::from_secs(10)).await;
        let passes = Mutex::default();
        play(Visit { address, house, host, lines, tls, taker, passes }).await
    })
    .unwrap();
    left.unwrap();
}

fn keys(n: u8) -> Body {
    let blob = Blob { digest: Digest([n; 32]), size: BlobClass::holding(1_216).unwrap() };
    Body::Keys(Keys { signed: Digest([n; 32]), stock: None, blob })
}

async fn open(visit: &Visit) -> Result<OwnBox> {
    let own = OwnBox::draw(&visit.host, visit.opening())?;
    let mut session = visit.paid().await?;
    let stamp = session.stamp(own.opening()).await?;
    let receipt = session.hand_in(own.opening(), &stamp, own.opening().compact()).await?;
    // What is handed in again gets its first answer, in whatever session.
    let mut another = visit.session().await?;
    let again = another.hand_in(own.opening(), &stamp, own.opening().compact()).await?;
    ensure!(again.entry == receipt.entry, "the same was logged twice");
    Ok(own)
}

#[test]
fn a_guest_opens_a_box_at_the_broker_and_its_owner_keeps_it_in_other_sessions() {
    visiting(async |visit| {
        let own = open(&visit).await?;
        visit.hand_in(&own, keys(1)).await?;
        visit.hand_in(&own, keys(2)).await?;
        let replay = visit.session().await?.read(&own).await?;
        let fold = replay.room().and_then(MessageBox::of).context("a box")?;
        ensure!(fold.signed() == Some(Digest([2; 32])), "the newest key");
        let used = visit.hand_in(&own, keys(1)).await;
        ensure!(matches!(used, Err(GuestError::Refused { code: Code::BoxKeys, .. })), "{used:?}");
        visit.hand_in(&own, Body::BoxClosed(Empty {})).await?;
        let after = visit.hand_in(&own, keys(3)).await;
        ensure!(matches!(after, Err(GuestError::Refused { code: Code::VerbPhase, .. })));
        Ok(())
    });
}

#[test]
fn a_box_is_shown_to_nobody_else_and_one_that_is_not_there_to_nobody() {
    visiting(async |visit| {
        open(&visit).await?;
        let never = OwnBox::draw(&visit.host, visit.opening())?;
        let read = visit.session().await?.read(&never).await;
        ensure!(matches!(&read, Err(GuestError::NotShown { code }) if code == "room.unknown"));
        Ok(())
    });
}

#[test]
fn a_guest_believes_no_other_broker_and_no_other_tsa() {
    visiting(async |visit| {
        let other = BrokerAddress { fingerprint: Fingerprint([7; 32]), ..visit.address.clone() };
        let stamp = *visit.house.stamps.first().context("a TSA")?;
        let session = GuestSession::open(&other, stamp, visit.reach()).await;
        ensure!(matches!(session, Err(GuestError::Link(_))), "{session:?}");
        let stranger = SecretKey::from_seed(&[9; 32]).public();
        let mut session = GuestSession::open(&visit.address, stranger, visit.reach()).await?;
        let own = OwnBox::draw(&visit.host, visit.opening())?;
        ensure!(matches!(session.stamp(own.opening()).await, Err(GuestError::False(_))));
        Ok(())
    });
}

#[test]
fn a_box_with_the_keys_of_another_broker_is_not_opened_here() {
    visiting(async |visit| {
        let mut opening = visit.opening();
        opening.stamps.push(SecretKey::from_seed(&[9; 32]).public());
        let own = OwnBox::draw(&visit.host, opening)?;
        let mut session = visit.paid().await?;
        let stamp = session.stamp(own.opening()).await?;
        let refused = session.hand_in(own.opening(), &stamp, own.opening().compact()).await;
        ensure!(matches!(refused, Err(GuestError::Refused { code: Code::ListingKeys, .. })));
        // Nothing can be done in a box that was never opened.
        let seen = pregao_protocol::room::action::Seen { size: 1, root: Digest([1; 32]) };
        let action = own.act(&visit.host, keys(1), seen)?;
        let stamp = session.stamp(&action).await?;
        let unknown = session.hand_in(&action, &stamp, own.opening().compact()).await;
        ensure!(matches!(unknown, Err(GuestError::Undecided(Undecided::ROOM_UNKNOWN))));
        Ok(())
    });
}

#[test]
fn a_persona_takes_passes_under_the_key_that_everybody_reads_and_a_guest_spends_them() {
    visiting(async |visit| {
        let quota = |taken: Result<Vec<Pass>, TakeError>| {
            matches!(taken, Err(TakeError::Undecided(Undecided::PASS_QUOTA)))
        };
        let pass = visit.pass().await?;
        let offer = visit.taker.offer().await?;
        ensure!(pass.verify(&offer.key, visit.address.fingerprint).is_ok());
        let more = requests(&offer.key, 1, &visit.host)?;
        ensure!(quota(visit.taker.take(more, offer.key.clone()).await), "more than there are");
        // Without one nothing is opened; with it one box.
        let (own, second) = (
            OwnBox::draw(&visit.host, visit.opening())?,
            OwnBox::draw(&visit.host, visit.opening())?,
        );
        let mut session = visit.session().await?;
        let stamp = session.stamp(own.opening()).await?;
        let compact = own.opening().compact();
        let unpaid = session.hand_in(own.opening(), &stamp, compact).await;
        ensure!(matches!(unpaid, Err(GuestError::Undecided(Undecided::PASS_NONE))), "{unpaid:?}");
        session.verify_pass(&pass).await?;
        session.show_pass(&pass).await?;
        let receipt = session.hand_in(own.opening(), &stamp, compact).await?;
        let stamped = session.stamp(second.opening()).await?;
        let spent = session.hand_in(second.opening(), &stamped, second.opening().compact()).await;
        ensure!(matches!(spent, Err(GuestError::Undecided(Undecided::PASS_SPENT))), "{spent:?}");
        // In another session the same pass buys the same, and nothing else.
        drop(session);
        let mut session = visit.session().await?;
        session.show_pass(&pass).await?;
        let again = session.hand_in(own.opening(), &stamp, compact).await?;
        ensure!(again.entry == receipt.entry, "logged twice");
        Ok(())
    });
}

#[test]
fn a_guest_shows_no_pass_that_is_not_like_everybodys() {
    visiting(async |visit| {
        let pass = visit.pass().await?;
        let day = pass.day();
        let mut session = visit.session().await?;
        session.verify_pass(&pass).await?;
        let other = |change: &dyn Fn(&str) -> String| -> Result<Pass> {
            Ok(serde_json::from_str(&change(&pass.encode()))?)
        };
        // By a key of one's own it is signed otherwise; and of a day without a key there is none.
        let signed = other(&|text| text.replace("\"signature\":\"", "\"signature\":\"AAAA"))?;
        let another = other(&|text| text.replace(&day.to_string(), &day.plus(7).to_string()))?;
        for wrong in [signed, another] {
            let verified = session.verify_pass(&wrong).await;
            ensure!(matches!(verified, Err(GuestError::False(_))), "{verified:?}");
        }
        Ok(())
    });
}
