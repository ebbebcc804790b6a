//! Registered letters through the programs, by the peer's own code, at a broker with its store: sender and reader are never
//! there together.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pregao::post::guest::{GuestError, GuestSession};
use pregao::post::letters::{FoundBox, Outgoing, PostError};
use pregao::post::own_box::OwnBox;
use pregao_protocol::letter::{
    self, Addressee, Class, Content, Halves, Letter, Mode, Place, Reading, RegisteredLetter, Salt,
    Seeds, seal,
};
use pregao_protocol::log::{Entry, Receipt};
use pregao_protocol::room::action::{Action, Draft};
use pregao_protocol::room::body::{Body, Deposit, OneLetter, Registered, Taken};
use pregao_protocol::room::{Code, MessageBox};
use pregao_protocol::trust::agreement::AgreementPublic;
use pregao_protocol::trust::key::{DepositKey, OneTime, PublicKey, SecretKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::Purpose;

use super::boxes::{Owned, Visit, code, open_for, renew, secrets, visiting};

const TEXT: &str = "The clock is yours if you pay by Friday.";

fn halves() -> Halves {
    Halves::from_random(&[8; 64])
}

fn letter(from: &Owned, to: &OwnBox) -> Result<Content> {
    let letter = Letter {
        from: from.address()?,
        id: uuid::Builder::from_random_bytes([7; 16]).into_uuid(),
        reply_to: None,
        vouch: None,
        mode: Mode::Evidence,
        wants_receipt: false,
        salt: Salt([3; 32]),
        subject: Some("Your last chance".to_owned().try_into()?),
        text: TEXT.to_owned().try_into()?,
        attachments: Vec::new(),
    };
    Ok(Content::Registered(RegisteredLetter::of(letter, to.name(), &halves())?))
}

/// Seals, puts and deposits, as the sender's program does; `change` what the deposit says of it.
async fn send(
    session: &mut GuestSession<'_>,
    (from, to): (&Owned, &FoundBox),
    content: &Content,
    change: impl FnOnce(&mut Registered),
) -> Result<Result<Receipt, GuestError>> {
    let keys = session.take_keys(to).await?;
    let (index, once) = keys.once.as_ref().context("a one-time key")?;
    let class = content.class().context("a class")?;
    let place = Place { name: to.name(), signed: &keys.signed, once: Some(once), class };
    let opened = Action::parse(to.compact())?;
    let Body::Box(opening) = opened.body() else { anyhow::bail!("no box") };
    let agreement = AgreementPublic(opening.agreement.0);
    let seeds = Seeds::from_random([1; 32]);
    let sealed = seal(content, &Addressee { place, agreement }, &from.author(), &seeds)?;
    let envelope = session.put_blob(Purpose::Envelope, &sealed.envelope).await?;
    let key = SecretKey::<DepositKey>::from_seed(&[61; 32]);
    let author = PublicKey::<OneTime>::from_bytes(*key.public().as_bytes());
    let place = (to.name(), &author, Digest::of(&sealed.envelope));
    let mut registered = halves().deposit(&opening.broker.delivery, place, [9; 32])?;
    change(&mut registered);
    let body = Body::Deposit(Deposit {
        envelope,
        attachments: Vec::new(),
        signed: keys.signed.digest(),
        once: Some(*index),
        expires: None,
        registered: Some(registered),
    });
    let id = uuid::Builder::from_random_bytes([5; 16]).into_uuid();
    let plain = from.letter("Hello.", Vec::new())?;
    let plain = Outgoing {
        content: &plain,
        author: from.author(),
        attachments: &[],
        expires: None,
        halves: None,
    };
    // What whoever leaves a letter has seen: that of any letter.
    let seen = session.prepare(to, &keys, &plain).await?.action.seen();
    let draft = Draft { id, room: Some(to.name()), body, seen };
    let action = draft.sign_as_guest(&key)?;
    let stamp = session.stamp(&action).await.context("a stamp of the deposit")?;
    Ok(session.hand_in(&action, &stamp, to.compact()).await)
}

/// What the owner of a box does there, in a session of its own.
async fn acts(visit: &Visit, own: &OwnBox, body: Body) -> Result<Result<Receipt, GuestError>> {
    // They are never there together: minutes lie between.
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut session = visit.session().await?;
    let seen = session.read(own).await?.room().context("a log")?.ledger().head();
    let action = own.act(&visit.host, body, seen)?;
    let stamp = session.stamp(&action).await.context("a stamp of the owner's")?;
    Ok(session.hand_in(&action, &stamp, own.opening().compact()).await)
}

fn refused(of: Result<Receipt, GuestError>) -> Result<Code> {
    code(of.map_err(PostError::Guest))
}

fn body_of(entry: &str) -> Result<Body> {
    Ok(Action::parse(&Entry::parse(entry)?.action)?.body().clone())
}

#[test]
fn a_registered_letter_is_read_by_who_signed_for_it_and_its_sender_was_never_there() {
    visiting(async |visit| {
        let (ana, rui) = (open_for(&visit, 10, 5).await?, open_for(&visit, 10, 6).await?);
        renew(&visit, &ana.own, 60, 61..64).await?;
        // Ana is away. A half that would never open is refused at once.
        let content = letter(&rui, &ana.own)?;
        let mut session = visit.paid().await?;
        let found = session.opening(ana.own.name()).await?;
        let spoil = |registered: &mut Registered| registered.commitment = Digest([0; 32]);
        let bad = send(&mut session, (&rui, &found), &content, spoil).await?;
        ensure!(refused(bad)? == Code::DepositHalf);
        drop(session);
        let mut session = visit.paid().await?;
        send(&mut session, (&rui, &found), &content, |_| ()).await?.context("left")?;
        drop(session);
        // Rui is away. Ana sees from whom it is and about what, and nothing else.
        let mut session = visit.session().await?;
        let replay = session.read(&ana.own).await?;
        let fold = MessageBox::of(replay.room().context("a log")?).context("a box")?;
        let (seq, waiting) = fold.waiting().next().context("a letter")?;
        let once = waiting.once.context("a one-time key")?;
        let envelope = session.get_blob(Purpose::Envelope, waiting.envelope).await?;
        let (signed, stock) = (secrets(60..61), secrets(61..64));
        let once = stock.get(usize::try_from(once.index)?).context("of the stock")?;
        let (name, class) = (ana.own.name(), Class::Small);
        let reading = Reading { name, signed: &signed[0], once: Some(once), class };
        let opened = letter::open(&reading, &envelope)?;
        opened.verify(&rui.address()?.keys(), &ana.agreement)?;
        let Content::Registered(shown) = opened.content() else { anyhow::bail!("another kind") };
        let commitment = fold.undecided(seq).context("undecided")?.commitment;
        ensure!(shown.commitment == commitment);
        drop(session);
        // By another key, and unread, nothing becomes of it.
        let foreign = acts(&visit, &rui.own, Body::Accepted(OneLetter { letter: seq })).await?;
        ensure!(refused(foreign)? == Code::RegisteredLetter);
        let taken = || Body::Taken(Taken { letters: vec![seq], told: false });
        ensure!(refused(acts(&visit, &ana.own, taken()).await?)? == Code::TakenRegistered);
        // She signs for it; the broker's half is right behind.
        let accepted = Body::Accepted(OneLetter { letter: seq });
        acts(&visit, &ana.own, accepted).await?.context("accepted")?;
        for body in [Body::Accepted as fn(OneLetter) -> Body, Body::Declined] {
            let again = acts(&visit, &ana.own, body(OneLetter { letter: seq })).await?;
            ensure!(refused(again)? == Code::RegisteredLetter);
        }
        let mut session = visit.session().await?;
        let replay = session.read(&ana.own).await?;
        let room = replay.room().context("a log")?;
        let fold = MessageBox::of(room).context("a box")?;
        ensure!(fold.undecided(seq).is_none() && fold.awaits_half().is_none());
        let half = fold.handed(seq).context("it was handed over")?;
        ensure!(shown.open(name, half)?.text.as_str() == TEXT);
        drop(session);
        let receipt = acts(&visit, &ana.own, taken()).await?.context("taken")?;
        ensure!(matches!(body_of(&receipt.entry)?, Body::Taken(_)));
        Ok(())
    });
}
