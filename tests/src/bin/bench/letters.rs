//! Letters left in boxes: how many a broker takes, what each costs it against a bid, and what goes over the wire.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use parking_lot::Mutex;
use pregao::net::tls::Roots;
use pregao::net::{Dialing, Internet, Network, ProxyAddress, Reach, Stream, Transport};
use pregao::post::guest::GuestSession;
use pregao::post::letters::Outgoing;
use pregao::post::own_box::OwnBox;
use pregao::post::passes::{asking, finish, key_of, requests};
use pregao_protocol::letter::{Address, Author, Class, Content, Letter, Mode, Salt};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::PassRoom;
use pregao_protocol::room::body::BoxOpening;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::trust::pass::{Day, Pass};
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::trust::seal::SealPublic;
use pregao_protocol::value::label::{MAX_BOX, MAX_LETTERS, MAX_PASSES};
use pregao_protocol::wire::frame::FromBroker;
use pregao_tests::house::House;
use pregao_tests::peer::{Peer, Person, fresh_id};
use pregao_tests::reach;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gauge::{Gauge, Row, count};
use crate::primitives::Primitives;
use crate::unlimited;

/// Bytes of the text of each letter.
const TEXT: usize = 1_024;
/// How often passes are looked for after the start of a broker, and how long after one another.
const TRIES: usize = 120;
const AGAIN: Duration = Duration::from_millis(500);
/// One-time keys of a box.
const STOCK: usize = 16;

/// Letters left by so many writers at a time, each in a session of its own as the protocol wants it, in a box of its own;
/// and one letter whose bytes are counted.
pub(crate) async fn measure(writers: usize, seconds: u64, sums: &Primitives) -> Result<Vec<Row>> {
    let options = unlimited().broker(&format!("--passes-per-day {MAX_PASSES}"));
    let house = House::open(&options)?;
    let people = writers * (1 + usize::try_from(seconds)?).div_ceil(2);
    let passes = Arc::new(take(&house, people).await?);
    let mut boxes = Vec::new();
    for _ in 0..writers {
        boxes.push(open(&house, &passes).await?);
    }
    let wire = on_the_wire(&house, boxes.first().context("no box")?, &passes).await?;
    let gauge = Gauge::start(&[house.broker.program(), house.tsa.program()])?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let house = Arc::new(house);
    let writing: Vec<_> = boxes
        .into_iter()
        .map(|to| {
            let (house, passes) = (Arc::clone(&house), Arc::clone(&passes));
            tokio::spawn(async move {
                let mut left = 0;
                while Instant::now() < until {
                    write(&house, &to, &passes, reach()).await?;
                    left += 1;
                }
                Ok::<usize, anyhow::Error>(left)
            })
        })
        .collect();
    let mut left = 0;
    for writer in writing {
        left += writer.await??;
    }
    let (passed, used) = gauge.stop()?;
    let (broker, tsa) = (used.first().copied(), used.get(1).copied());
    let (broker, tsa) = (broker.unwrap_or(f64::NAN), tsa.unwrap_or(f64::NAN));
    let of = format!("{writers} writers");
    let letters = count(left);
    let mut rows = vec![
        Row::new(format!("letters deposited, {of}, a session each"), letters / passed, "letters/s"),
        Row::new(
            format!("letters, broker CPU, {of}, with the session"),
            broker / letters,
            "us/letter",
        ),
        Row::new(format!("letters, TSA CPU, {of}"), tsa / letters, "us/letter"),
        Row::new(
            format!("letters, deposits per second of broker CPU, {of}"),
            1e6 * letters / broker,
            "letters/s",
        ),
        Row::new(
            format!("letters, broker CPU / sum of a bid's primitives, {of}"),
            broker / letters / sums.bid(),
            "times",
        ),
    ];
    rows.extend(wire);
    Ok(rows)
}

/// Passes, and the key of the TSA.
struct Purse {
    passes: Mutex<VecDeque<Pass>>,
    stamp: PublicKey<StampKey>,
}

/// Passes that so many personas take.
async fn take(house: &House, people: usize) -> Result<Purse> {
    let (mut passes, mut stamp) = (VecDeque::new(), None);
    for _ in 0..people {
        let tsa = house.tsa.address.clone();
        let person = tokio::task::spawn_blocking(move || Person::enrol(&tsa)).await??;
        let (mut peer, offered) = offered(house, &person).await?;
        peer.join(offered).await?;
        let day = Day::of(peer.now().await?);
        let key = peer
            .until(|peer| {
                let room = peer.rooms.get(&offered)?.replay.room()?;
                PassRoom::of(room)?.key_of(day)?;
                key_of(room, &peer.broker, day).ok().cloned()
            })
            .await?;
        let asked = requests(&key, MAX_PASSES, reach().host)?;
        let n = peer
            .ask(|n| asking(n, &asked).unwrap_or_else(|| unreachable!("passes are asked for")))
            .await?;
        let FromBroker::Passes { signatures, .. } = peer.answer(n).await? else {
            bail!("no passes came");
        };
        passes.extend(finish(&key, &asked, &signatures)?);
        stamp = peer.broker.stamps.first().copied();
    }
    Ok(Purse { passes: Mutex::new(passes), stamp: stamp.context("no TSA")? })
}

/// A session in which the room of passes is named: right after its start a broker has none, for it opens it by the TSA's time.
async fn offered(house: &House, person: &Arc<Person>) -> Result<(Peer, RoomName)> {
    for _ in 0..TRIES {
        let peer = Peer::connect(person, &house.broker.address).await?;
        if let Some(offered) = peer.passes {
            return Ok((peer, offered));
        }
        tokio::time::sleep(AGAIN).await;
    }
    bail!("no passes are offered")
}

/// A box with a stock of keys, which nobody reads.
struct Target {
    own: OwnBox,
    agreement: AgreementSecret,
    broker: String,
}

/// Opens one, for a pass.
async fn open(house: &House, passes: &Purse) -> Result<Target> {
    let mut session = paid(house, passes, reach()).await?;
    let house_is = session.certificate().clone();
    let host = reach().host;
    let agreement = AgreementSecret::from_random(host.random()?);
    let own = OwnBox::draw(host, opening(&house_is, &agreement))?;
    let stamp = session.stamp(own.opening()).await?;
    session.hand_in(own.opening(), &stamp, own.opening().compact()).await?;
    let seen = session.read(&own).await?.room().context("an empty box")?.ledger().head();
    let draw = || Ok::<_, anyhow::Error>(PrekeySecret::from_random(host.random()?));
    let stock = (0..STOCK).map(|_| draw()).collect::<Result<Vec<_>>>()?;
    session.renew_keys(&own, seen, &draw()?, &stock).await?;
    Ok(Target { own, agreement, broker: house.broker.address.to_string() })
}

fn opening(house: &BrokerCertificate, agreement: &AgreementSecret) -> BoxOpening {
    BoxOpening {
        handle: None,
        about: None,
        agreement: SealPublic(agreement.public().0),
        letters: MAX_LETTERS,
        bytes: MAX_BOX,
        freshness: 60,
        broker: house.keys,
        stamps: house.stamps.clone(),
        simulated: house.simulated,
    }
}

/// A session that holds a pass.
async fn paid<'a>(house: &'a House, passes: &Purse, reach: Reach<'a>) -> Result<GuestSession<'a>> {
    let pass = passes
        .passes
        .lock()
        .pop_front()
        .context("all passes are spent: fewer seconds, or more writers")?;
    let mut session = GuestSession::open(&house.broker.address, passes.stamp, reach).await?;
    session.show_pass(&pass).await?;
    Ok(session)
}

/// Leaves a letter as a program does: its session, keys, envelope, stamp, deposit, receipt.
async fn write<'a>(house: &'a House, to: &Target, passes: &Purse, reach: Reach<'a>) -> Result<()> {
    let mut session = paid(house, passes, reach).await?;
    leave(&mut session, to).await
}

async fn leave(session: &mut GuestSession<'_>, to: &Target) -> Result<()> {
    let found = session.opening(to.own.name()).await?;
    let content = to.letter()?;
    let author = Author { key: to.own.key(), agreement: &to.agreement };
    let outgoing =
        Outgoing { content: &content, author, attachments: &[], expires: None, halves: None };
    session.deposit(&found, &outgoing, |_| ()).await?;
    Ok(())
}

impl Target {
    /// A letter of one KiB; from its own box, for nobody reads it.
    fn letter(&self) -> Result<Content> {
        let broker = self.broker.clone().try_into()?;
        let name = self.own.name();
        let (key, agreement) = (self.own.key().public(), self.agreement.public());
        let text: String = "It runs. ".repeat(TEXT).chars().take(TEXT).collect();
        let letter = Letter {
            from: Address { name, broker, key, agreement },
            id: fresh_id(),
            reply_to: None,
            vouch: None,
            mode: Mode::Evidence,
            wants_receipt: false,
            salt: Salt([7; 32]),
            subject: None,
            text: text.trim().to_owned().try_into()?,
            attachments: Vec::new(),
        };
        let content = Content::Letter(letter);
        anyhow::ensure!(content.class() == Some(Class::Small), "another class of size");
        Ok(content)
    }
}

/// Bytes of one letter's session, and of the letter alone once the session holds a pass: both ways, TCP's and TLS's own
/// aside.
async fn on_the_wire(house: &House, to: &Target, passes: &Purse) -> Result<Vec<Row>> {
    let net = Counting::default();
    let tls = Roots::default();
    let counted = Reach { host: reach().host, net: &net, tls: &tls };
    let mut session = paid(house, passes, counted).await?;
    let opened = net.bytes.load(Ordering::Relaxed);
    leave(&mut session, to).await?;
    let all = net.bytes.load(Ordering::Relaxed);
    let size = |bytes: u64| Ok::<f64, anyhow::Error>(count(usize::try_from(bytes)?) / 1_024.0);
    let of = format!("letter of {TEXT} bytes, on the wire");
    Ok(vec![
        Row::new(format!("{of}, in an open session"), size(all - opened)?, "KiB"),
        Row::new(format!("{of}, with the session"), size(all)?, "KiB"),
    ])
}

/// The network of this machine, with the bytes counted that pass, both ways.
#[derive(Debug, Default)]
struct Counting {
    bytes: Arc<AtomicU64>,
}

impl Network for Counting {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Dialing<'a> {
        Box::pin(async move {
            let stream = Internet.dial(host, port).await?;
            Ok(Box::new(Counted { stream, bytes: Arc::clone(&self.bytes) }) as _)
        })
    }

    fn tsa(
        &self,
        address: &TsaAddress,
        proxy: Option<&ProxyAddress>,
        roots: &Roots,
    ) -> Arc<dyn Transport> {
        Internet.tsa(address, proxy, roots)
    }
}

struct Counted {
    stream: Box<dyn Stream>,
    bytes: Arc<AtomicU64>,
}

impl Counted {
    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, into);
        self.count(into.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = &polled {
            self.count(*written);
        }
        polled
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
