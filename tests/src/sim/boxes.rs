//! Message boxes through the programs: what guests do, by the peer's own code, at a broker with its store.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use parking_lot::Mutex;
use pregao::net::Reach;
use pregao::net::broker::BrokerAddress;
use pregao::net::tls::Roots;
use pregao::post::guest::{GuestError, GuestSession};
use pregao::post::letters::{FoundBox, Outgoing, PostError};
use pregao::post::own_box::OwnBox;
use pregao::post::passes::{PassTaker, TakeError, requests};
use pregao_protocol::host::Host;
use pregao_protocol::letter::{
    self, Address, Attachment, Author, BlobKey, Content, Letter, Mode, Reading, Salt,
};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::body::{Blob, Body, BoxOpening, Empty, Keys};
use pregao_protocol::room::message_box::kept;
use pregao_protocol::room::{BlobCode, Code, MessageBox, Undecided};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::{Fingerprint, PublicKey, SecretKey};
use pregao_protocol::trust::pass::Pass;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::trust::seal::{SealKey, SealPublic};
use pregao_protocol::value::blob_class::BlobClass;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::Purpose;

use super::person::Person;
use super::programs::{Lines, Town};
use super::run::on_one_thread;

/// Passes for each persona and day.
const PER_DAY: u32 = 20;

/// A house, and somebody before it who has no persona.
pub(super) struct Visit {
    address: BrokerAddress,
    house: BrokerCertificate,
    pub(super) host: Host,
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

    pub(super) async fn session(&self) -> Result<GuestSession<'_>, GuestError> {
        let stamp = *self.house.stamps.first().expect("a TSA");
        GuestSession::open(&self.address, stamp, self.reach()).await
    }

    /// A session that holds a pass, once it has seen that everybody's are signed by the same key.
    pub(super) async fn paid(&self) -> Result<GuestSession<'_>> {
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

fn keys(n: u8) -> Body {
    let blob = Blob { digest: Digest([n; 32]), size: BlobClass::SMALLEST };
    Body::Keys(Keys { signed: Digest([n; 32]), stock: None, blob })
}

pub(super) fn visiting(play: impl AsyncFnOnce(Visit) -> Result<()>) {
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

/// Opens a box with room for so many letters.
pub(super) async fn open_for(visit: &Visit, letters: u32, seed: u8) -> Result<Owned> {
    let agreement = AgreementSecret::from_random([seed; 32]);
    let public = SealPublic(agreement.public().0);
    let opening = BoxOpening { letters, bytes: 300_000, agreement: public, ..visit.opening() };
    let own = OwnBox::draw(&visit.host, opening)?;
    let mut session = visit.paid().await?;
    let stamp = session.stamp(own.opening()).await?;
    let receipt = session.hand_in(own.opening(), &stamp, own.opening().compact()).await?;
    // What is handed in again gets its first answer, in whatever session.
    let mut another = visit.session().await?;
    let again = another.hand_in(own.opening(), &stamp, own.opening().compact()).await?;
    ensure!(again.entry == receipt.entry, "the same was logged twice");
    Ok(Owned { own, agreement })
}

async fn open(visit: &Visit) -> Result<OwnBox> {
    Ok(open_for(visit, 10, 5).await?.own)
}

/// A box with the secret by which others are agreed with.
pub(super) struct Owned {
    pub(super) own: OwnBox,
    pub(super) agreement: AgreementSecret,
}

impl Owned {
    pub(super) fn address(&self) -> Result<Address> {
        let broker = "ws://broker:1/#00".to_owned().try_into()?;
        let key = PublicKey::from_bytes(*self.own.opening().key().as_bytes());
        Ok(Address { name: self.own.name(), broker, key, agreement: self.agreement.public() })
    }

    pub(super) fn author(&self) -> Author<'_> {
        Author { key: self.own.key(), agreement: &self.agreement }
    }

    pub(super) fn letter(&self, text: &str, attachments: Vec<Attachment>) -> Result<Content> {
        Ok(Content::Letter(Letter {
            from: self.address()?,
            id: uuid::Builder::from_random_bytes([7; 16]).into_uuid(),
            reply_to: None,
            vouch: None,
            mode: Mode::Evidence,
            wants_receipt: false,
            salt: Salt([3; 32]),
            subject: None,
            text: text.to_owned().try_into()?,
            attachments,
        }))
    }
}

pub(super) fn secrets(seeds: std::ops::Range<u8>) -> Vec<PrekeySecret> {
    seeds.map(|seed| PrekeySecret::from_random([seed; 32])).collect()
}

/// Publishes a signed key and a stock, in a session of its own.
pub(super) async fn renew(
    visit: &Visit,
    own: &OwnBox,
    signed: u8,
    stock: std::ops::Range<u8>,
) -> Result<()> {
    let mut session = visit.session().await?;
    let seen = session.read(own).await?.room().context("it was read")?.ledger().head();
    let signed = PrekeySecret::from_random([signed; 32]);
    session.renew_keys(own, seen, &signed, &secrets(stock)).await?;
    Ok(())
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, PostError>) -> Result<Code> {
    match result {
        Err(PostError::Guest(GuestError::Refused { code, .. })) => Ok(code),
        Err(PostError::Guest(GuestError::Undecided(code))) => Ok(code.code()),
        other => bail!("no refusal: {other:?}"),
    }
}

#[test]
fn two_people_who_are_never_there_together_exchange_a_letter_with_an_attachment() {
    visiting(async |visit| {
        let ana = open_for(&visit, 10, 5).await?;
        renew(&visit, &ana.own, 60, 61..64).await?;
        // Ana is away. Rui finds her box by its name alone.
        let rui = open_for(&visit, 10, 6).await?;
        let mut session = visit.paid().await?;
        let found = session.opening(ana.own.name()).await?;
        ensure!(!found.is_closed() && found.compact() == ana.own.opening().compact());
        let sealed_file = vec![9; 130_902];
        let file = session.put_blob(Purpose::Envelope, &sealed_file).await?;
        let attachment = Attachment {
            name: "clock.jpg".to_owned().try_into()?,
            media_type: "image/jpeg".to_owned().try_into()?,
            digest: file.digest,
            size: 100_000,
            key: BlobKey([4; 32]),
        };
        let content = rui.letter("Come and hear it.", vec![attachment])?;
        let outgoing = Outgoing {
            content: &content,
            author: rui.author(),
            attachments: &[file],
            expires: None,
            halves: None,
        };
        let mut kept = 0;
        let (ready, receipt) = session.deposit(&found, &outgoing, |_| kept += 1).await?;
        ensure!(kept == 1 && ready.used_once, "kept before it was handed in, under both keys");
        // The same again, in whatever session, is the same.
        let mut another = visit.session().await?;
        let again = another.hand_in(&ready.action, &ready.stamp, found.compact()).await?;
        ensure!(again.entry == receipt.entry);
        drop((session, another));
        // Rui is away. Ana reads.
        let mut session = visit.session().await?;
        let replay = session.read(&ana.own).await?;
        let room = replay.room().context("a log")?;
        let fold = MessageBox::of(room).context("a box")?;
        let (seq, letter) = fold.waiting().next().context("a letter")?;
        let once = letter.once.context("a one-time key")?;
        ensure!(once.index == 0 && letter.attachments == [file]);
        let envelope = session.get_blob(Purpose::Envelope, letter.envelope).await?;
        let (signed, once) = (secrets(60..61), secrets(61..62));
        let (name, class) = (ana.own.name(), ready.class);
        let reading = Reading { name, signed: &signed[0], once: Some(&once[0]), class };
        let opened = letter::open(&reading, &envelope)?;
        opened.verify(&rui.address()?.keys(), &ana.agreement)?;
        ensure!(*opened.content() == content && opened.used_once());
        ensure!(session.get_blob(Purpose::Envelope, file).await? == sealed_file);
        let (envelope, head) = (letter.envelope, room.ledger().head());
        let kept = kept::keep(room, ana.own.opening().compact()).context("it is kept")?;
        session.take_off(&ana.own, head, vec![seq], true).await?;
        for gone in [envelope, file] {
            let got = session.get_blob(Purpose::Envelope, gone).await;
            ensure!(matches!(got, Err(GuestError::Blob(BlobCode::Unknown))), "{got:?}");
        }
        // What was read once is not read again: only what came since.
        let mut later = visit.session().await?;
        let replay = later.read_on(&ana.own, kept::take_up(&kept)?).await?;
        let gone_on = replay.room().context("a log")?;
        ensure!(gone_on.ledger().head().size == head.size + 1);
        ensure!(MessageBox::of(gone_on).context("a box")?.waiting().count() == 0);
        ensure!(later.read_on(&rui.own, kept::take_up(&kept)?).await.is_err(), "of another box");
        // Nobody else reads it: neither by another box, nor without one.
        let mut stranger = visit.session().await?;
        stranger.read(&rui.own).await?;
        let keys = fold.newest().context("keys")?.keys.blob;
        let got = stranger.get_blob(Purpose::Prekeys, keys).await;
        ensure!(matches!(got, Err(GuestError::Blob(BlobCode::Unknown))));
        Ok(())
    });
}

#[test]
fn a_letter_that_breaks_a_rule_is_refused_and_its_sender_knows_why() {
    visiting(async |visit| {
        let (ana, rui) = (open_for(&visit, 2, 5).await?, open_for(&visit, 9, 6).await?);
        let content = rui.letter("Hello.", Vec::new())?;
        let outgoing = Outgoing {
            content: &content,
            author: rui.author(),
            attachments: &[],
            expires: None,
            halves: None,
        };
        let mut session = visit.paid().await?;
        let found = session.opening(ana.own.name()).await?;
        ensure!(code(session.deposit(&found, &outgoing, |_| ()).await)? == Code::BoxNoKeys);
        renew(&visit, &ana.own, 60, 61..64).await?;
        let mut nobody = visit.session().await?;
        ensure!(code(nobody.deposit(&found, &outgoing, |_| ()).await)? == Code::PassNone);
        let keys = session.take_keys(&found).await?;
        let first = session.prepare(&found, &keys, &outgoing).await?;
        session.hand_in(&first.action, &first.stamp, found.compact()).await?;
        // One that was handed out twice: the second writer learns it, and the log shows one letter.
        let mut second = visit.paid().await?;
        let ready = second.prepare(&found, &keys, &outgoing).await?;
        let refused = second.hand_in(&ready.action, &ready.stamp, found.compact()).await;
        ensure!(code(refused.map_err(PostError::Guest))? == Code::DepositKeyUsed);
        // Left in another box: that has no such keys.
        renew(&visit, &rui.own, 70, 71..74).await?;
        let other = visit.session().await?.opening(rui.own.name()).await?;
        let mut third = visit.paid().await?;
        let moved = third.prepare(&other, &keys, &outgoing).await?;
        let refused = third.hand_in(&moved.action, &moved.stamp, other.compact()).await;
        ensure!(code(refused.map_err(PostError::Guest))? == Code::DepositKeys);
        // The owner has replaced the keys meanwhile.
        let mut late = visit.paid().await?;
        let old = late.take_keys(&found).await?;
        renew(&visit, &ana.own, 65, 66..67).await?;
        let ready = late.prepare(&found, &old, &outgoing).await?;
        let refused = late.hand_in(&ready.action, &ready.stamp, found.compact()).await;
        ensure!(code(refused.map_err(PostError::Guest))? == Code::DepositKeys);
        // Full, and said at once.
        let mut last = visit.paid().await?;
        last.deposit(&found, &outgoing, |_| ()).await?;
        let mut more = visit.paid().await?;
        let full = more.deposit(&found, &outgoing, |_| ()).await;
        ensure!(code(full)? == Code::DepositFull);
        // An attachment that is not there.
        let absent = Blob { digest: Digest([9; 32]), size: BlobClass::SMALLEST };
        let outgoing = Outgoing { attachments: &[absent], ..outgoing };
        let mut without = visit.paid().await?;
        let missing = without.deposit(&other, &outgoing, |_| ()).await;
        ensure!(code(missing)? == Code::BlobMissing);
        Ok(())
    });
}

#[test]
fn people_who_want_to_be_found_are_listed_and_those_who_do_not_are_not() {
    visiting(async |visit| {
        open(&visit).await?;
        let mut names = Vec::new();
        for handle in ["ana", "rui", "ana"] {
            let handle = Some(handle.to_owned().try_into()?);
            let own = OwnBox::draw(&visit.host, BoxOpening { handle, ..visit.opening() })?;
            let mut session = visit.paid().await?;
            let stamp = session.stamp(own.opening()).await?;
            session.hand_in(own.opening(), &stamp, own.opening().compact()).await?;
            names.push(own);
        }
        let mut session = visit.session().await?;
        let page = session.people(0).await?;
        let listed: Vec<_> = page.boxes.iter().map(FoundBox::name).collect();
        ensure!(
            listed == names.iter().map(OwnBox::name).collect::<Vec<_>>() && page.next.is_none()
        );
        let own = names.first().context("a box")?;
        visit.hand_in(own, Body::BoxClosed(Empty {})).await?;
        ensure!(session.people(0).await?.boxes.len() == 2);
        ensure!(session.opening(own.name()).await?.is_closed());
        let none = session.opening(RoomName([9; 32])).await;
        ensure!(matches!(none, Err(GuestError::Undecided(Undecided::ROOM_UNKNOWN))));
        Ok(())
    });
}

#[test]
fn a_guest_opens_a_box_at_the_broker_and_its_owner_keeps_it_in_other_sessions() {
    visiting(async |visit| {
        let own = open(&visit).await?;
        renew(&visit, &own, 1, 10..12).await?;
        renew(&visit, &own, 2, 0..0).await?;
        let replay = visit.session().await?.read(&own).await?;
        let fold = replay.room().and_then(MessageBox::of).context("a box")?;
        let newest = PrekeySecret::from_random([2; 32]).public().digest();
        ensure!(fold.signed() == Some(newest), "the newest key");
        let used = renew(&visit, &own, 1, 0..0).await;
        ensure!(used.is_err_and(|error| error.to_string().contains("box.keys")));
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
