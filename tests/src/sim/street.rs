//! A street of people with letters, before a broker with its store: each has a store of letters and, while they are there,
//! a postman.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use pregao::command::{MailFilter, NewLetter};
use pregao::desk;
use pregao::event::{LetterStanding, LetterView};
use pregao::post::guest::GuestSession;
use pregao::post::office::{Office, Resolved};
use pregao::post::passes::PassTaker;
use pregao::post::postman::{Counter, Errand, News, NotDone, Postman, TimeHeard, terms};
use pregao::post::store::MailStore;
use pregao::post::store::own_boxes::BoxPurpose;
use pregao::vault::{Contents, Passphrase, Secret, TrustedTsa, Vault, WorkFactor};
use pregao_protocol::letter::Mode;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::BoxOpening;
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::machine::{Chance, Machine};
use super::person::Person;
use super::programs::Town;
use super::run::on_one_thread;

/// How often it is looked whether something has come to be.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How many looks are too many.
const TOO_LONG: usize = 2_000;

/// Somebody with letters.
pub(super) struct Writer {
    /// Their letters.
    pub(super) office: Office,
    /// How they reach the broker.
    pub(super) options: desk::Options,
    pub(super) house: BrokerCertificate,
    /// The way to their desk, by which passes are taken.
    pub(super) taker: PassTaker,
    /// Held for as long as its store is.
    _vault: Vault,
}

/// While the postman of somebody is there.
pub(super) struct Shift {
    /// What they ask, and hear.
    pub(super) counter: Counter,
    runs: JoinHandle<()>,
    pub(super) news: Vec<News>,
    office: Office,
}

/// A house, and a folder for the letters of everybody.
pub(super) struct Street {
    /// The house.
    pub(super) town: Arc<Town>,
    /// What is drawn at random.
    pub(super) chance: Chance,
    /// Where all is kept.
    pub(super) folder: PathBuf,
}

/// The passphrase of every vault of letters.
const PASSPHRASE: &str = "a lamp of many words";

/// What somebody keeps their letters in, whoever opens it.
pub(super) fn vault(folder: &Path) -> Result<Vault> {
    Ok(Vault::open(folder, &Passphrase::new(PASSPHRASE.to_owned()))?)
}

impl Street {
    /// Where somebody's letters are.
    pub(super) fn letters_of(&self, name: &str) -> PathBuf {
        self.folder.join(format!("letters-{name}"))
    }

    /// Somebody who goes on from a copy of what they keep.
    pub(super) fn go_on(of: Writer, copy: &Path) -> Result<Writer> {
        let Writer { options, house, taker, .. } = of;
        let mut vault = vault(copy)?;
        let store = MailStore::open(&mut vault, Arc::clone(&options.host.random))?;
        let office = Office::new(store, options.broker.clone(), options.host.clone());
        Ok(Writer { office, options, house, taker, _vault: vault })
    }

    pub(super) async fn settle(&self, name: &str) -> Result<Writer> {
        let person = Person::new(name.to_owned(), 0, false, &self.chance);
        self.town.settle(&person).await?;
        let taker = self.town.pass_taker(&person).context("a desk")?;
        let machine: Arc<Machine> = self.town.machine();
        let options = self.town.desk_options(name, &machine, None)?;
        let (_, house) = self.town.house().context("a house")?;
        let folder = self.letters_of(name);
        let tsa = TrustedTsa {
            url: "http://tsa:1".to_owned(),
            authority: Fingerprint([7; 32]),
            keys: serde_json::json!({"keys": []}),
            pinned: true,
            proxy: None,
        };
        let contents = Contents::new(Secret::new([0xa5; 32]), tsa, Vec::new());
        let passphrase = Passphrase::new(PASSPHRASE.to_owned());
        let mut vault = Vault::create(&folder, &passphrase, WorkFactor::Fixed(1), contents)?;
        let store = MailStore::open(&mut vault, Arc::clone(&options.host.random))?;
        let office = Office::new(store, options.broker.clone(), options.host.clone());
        Ok(Writer { office, options, house, taker, _vault: vault })
    }
}

pub(super) fn in_a_street(per_day: u32, play: impl AsyncFnOnce(Street) -> Result<()>) {
    let (left, _) = on_one_thread(1, false, async |chance, era, trace, folder| {
        let path = folder.path();
        let town = Town::found_with_passes(per_day, chance, era, trace, path).await?;
        let street = Street { town, chance: chance.clone(), folder: path.to_owned() };
        play(street).await
    })
    .unwrap();
    left.unwrap();
}

impl Writer {
    pub(super) fn now(&self) -> Time {
        self.options.host.clock.wall()
    }

    pub(super) fn postman(&self) -> (Postman, Counter) {
        let stamp = *self.house.stamps.first().expect("a TSA");
        let (office, taker) = (self.office.clone(), self.taker.clone());
        let (postman, counter) = Postman::new(office, taker, self.options.way(), stamp);
        let at = self.options.host.clock.uptime();
        counter.time.send_replace(Some(TimeHeard { time: self.now(), at }));
        (postman, counter)
    }

    /// The postman comes, and hurries if `now`.
    pub(super) async fn begin(&self, now: bool) -> Result<Shift> {
        let (postman, counter) = self.postman();
        // Also a test of that it can be run so: on another thread, if there is one.
        let runs = tokio::spawn(postman.run());
        counter.errands.send(Errand::Look { now }).await?;
        Ok(Shift { counter, runs, news: Vec::new(), office: self.office.clone() })
    }

    /// Draws a box without a handle that takes so many letters.
    pub(super) fn draw_for(&self, letters: u32) -> Result<()> {
        let secrets = self.office.box_secrets()?;
        let opening = BoxOpening { letters, ..terms(&self.house, &secrets) };
        self.office.draw_box(opening, BoxPurpose::First { handle: None, about: None }, secrets)?;
        Ok(())
    }

    pub(super) fn draw(&self, handle: Option<&str>) -> Result<()> {
        let secrets = self.office.box_secrets()?;
        let handle = handle.map(|handle| handle.to_owned().try_into()).transpose()?;
        let opening = BoxOpening { handle, ..terms(&self.house, &secrets) };
        let purpose = BoxPurpose::First {
            handle: opening.handle.as_ref().map(|handle| handle.as_str().to_owned()),
            about: None,
        };
        self.office.draw_box(opening, purpose, secrets)?;
        Ok(())
    }

    /// Opens a box for first letters, and leaves.
    pub(super) async fn move_in(&self, handle: Option<&str>) -> Result<()> {
        self.draw(handle)?;
        let mut shift = self.begin(true).await?;
        shift
            .until("its box is open", |office| {
                Ok(office.boxes()?.iter().all(|b| b.standing == "open"))
            })
            .await?;
        // It is read after that, for the first time, and its keys published.
        tokio::time::sleep(Duration::from_secs(20)).await;
        shift.end().await?;
        Ok(())
    }

    pub(super) fn write(&self, to: &str, new: NewLetter) -> Result<u64> {
        let Resolved::Contact(contact) = self.office.resolve(to)? else { bail!("no contact {to}") };
        let address = self.office.contact_address(contact)?;
        let route = self.office.route(Some(contact), address)?;
        let written = self.office.write(&new, route, self.now())?;
        Ok(u64::try_from(written.number.0)?)
    }

    pub(super) fn letters(&self) -> Result<Vec<LetterView>> {
        self.letters_of(20)
    }

    pub(super) fn letters_of(&self, last: u32) -> Result<Vec<LetterView>> {
        let filter = MailFilter { last: Some(last), ..MailFilter::default() };
        Ok(self.office.list(&filter)?.letters)
    }

    /// Adds whoever has a box of this name.
    pub(super) async fn befriend(&self, called: &str, name: RoomName) -> Result<()> {
        let mut session = self.session().await?;
        let broker = self.options.broker.to_string().try_into()?;
        let address = session.opening(name).await?.address(broker);
        self.office.add_contact(called, address, self.now())?;
        Ok(())
    }

    /// The postman is there until all has left.
    pub(super) async fn send_all(&self) -> Result<Vec<News>> {
        let mut shift = self.begin(true).await?;
        shift.until("all has left", |office| Ok(office.under_way()? == 0)).await?;
        shift.end().await
    }

    pub(super) fn standing(&self, number: u64) -> Result<LetterStanding> {
        let status = self.office.status(Some(number))?.pop().context("a letter")?;
        Ok(status.letter.standing)
    }

    pub(super) async fn session(&self) -> Result<GuestSession<'_>> {
        let stamp = *self.house.stamps.first().context("a TSA")?;
        Ok(GuestSession::open(&self.options.broker, stamp, self.options.reach()).await?)
    }
}

pub(super) fn letter(to: &str, text: &str) -> NewLetter {
    NewLetter {
        to: to.to_owned(),
        text: text.to_owned(),
        subject: None,
        re: None,
        attach: Vec::new(),
        mode: Some(Mode::Evidence),
        receipt: false,
        registered: false,
        expires: None,
        now: false,
        anyway: true,
        draft: false,
    }
}

impl Shift {
    pub(super) fn hear(&mut self) {
        while let Ok(news) = self.counter.news.try_recv() {
            self.news.push(news);
        }
    }

    pub(super) async fn until(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&Office) -> Result<bool>,
    ) -> Result<()> {
        for _ in 0..TOO_LONG {
            self.hear();
            if is_so(&self.office)? {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("not in time: {what}; {:?}", self.news)
    }

    /// Its counter is dropped, so it ends.
    pub(super) async fn end(mut self) -> Result<Vec<News>> {
        self.hear();
        let Self { counter, runs, news, .. } = self;
        drop(counter);
        tokio::time::timeout(Duration::from_secs(5), runs).await.context("it goes on")??;
        Ok(news)
    }

    pub(super) async fn ask<T>(
        &self,
        errand: impl FnOnce(oneshot::Sender<Result<T, NotDone>>) -> Errand,
    ) -> Result<Result<T, NotDone>> {
        let (reply, answer) = oneshot::channel();
        self.counter.errands.send(errand(reply)).await?;
        Ok(answer.await?)
    }
}

pub(super) fn is_calm(news: &[News]) -> Result<()> {
    let odd = news.iter().find(|news| matches!(news, News::Trouble { .. } | News::Alarm { .. }));
    odd.map_or(Ok(()), |odd| bail!("{odd:?}"))
}
