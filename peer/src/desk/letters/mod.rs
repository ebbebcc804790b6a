//! Letters at the desk: what the user asks about them, and what the postman has to say.
//!
//! The store is opened with the desk if letters were used before, else by the first command about them: whoever never
//! writes has neither file nor traffic of it. What is asked is answered from the store by the office; what has to be sent
//! is durable there before it is answered, and the postman, who works beside the desk's loop, carries it. What only the
//! broker knows (who wants to be found, files beside a letter) is an errand, and its command stays open meanwhile.
//!
//! - `commands` each command; `errands` what the postman is asked and its answers; `sending` letters that are written;
//!   `drafting` those that are being written; `modes` whom they convince

mod commands;
mod drafting;
mod errands;
mod modes;
mod sending;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;

use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::{Advised as _, Report};
use tokio::sync::oneshot;

use self::errands::{Answer, Asked};
use super::answers::{Progress, ReplyTo};
use super::evidence::Exhibit;
use super::{Desk, Options};
use crate::command::{BoxTask, Command, ContactTask, Folder};
use crate::event::Event;
use crate::post::office::{Office, OfficeError};
use crate::post::passes::PassTaker;
use crate::post::postman::{Counter, Errand, News, Postman, TimeHeard};
use crate::post::store::{MailError, MailStore};
use crate::vault::Vault;

/// What is needed of a desk to have letters.
#[derive(Debug, Clone)]
struct Means {
    options: Options,
    passes: PassTaker,
    stamp: PublicKey<StampKey>,
}

/// Letters of one desk.
#[derive(Debug)]
pub(super) struct LetterWork {
    means: Box<Means>,
    opened: Option<Opened>,
    /// Takes the postman to where it works, once there is one.
    hire: Option<oneshot::Sender<Postman>>,
    hired: Option<oneshot::Receiver<Postman>>,
    /// What the TSA's time was last: for a postman that comes later.
    heard: Option<TimeHeard>,
}

/// Letters that are used.
#[derive(Debug)]
struct Opened {
    office: Office,
    counter: Counter,
    /// Errands for which the postman has no place yet.
    backlog: VecDeque<Errand>,
    /// Commands that wait for an errand.
    asked: Vec<Asked>,
    /// The postman has ended.
    gone: bool,
    /// What went wrong last: it is said once.
    trouble: Option<String>,
    /// What is damaged, as far as the user was told.
    damage: Vec<String>,
}

/// Something that the desk hears about letters.
#[derive(Debug)]
pub(super) enum Heard {
    /// The postman says it.
    News(News),
    /// An errand was done, or was not.
    Answered(ReplyTo, Answer),
    /// The postman has ended.
    Gone,
}

impl LetterWork {
    /// For a desk; opened at once if the vault has letters.
    pub(super) fn of(
        vault: &mut Vault,
        options: &Options,
        passes: PassTaker,
        stamp: PublicKey<StampKey>,
    ) -> Result<Self, MailError> {
        let (hire, hired) = oneshot::channel();
        let means = Box::new(Means { options: options.clone(), passes, stamp });
        let (hire, hired) = (Some(hire), Some(hired));
        let mut work = Self { means, opened: None, hire, hired, heard: None };
        if vault.contents().mail.is_some() {
            work.open(vault)?;
        }
        Ok(work)
    }

    /// What answers about letters, if any were ever kept.
    pub(super) fn kept(&self) -> Option<&Office> {
        self.opened.as_ref().map(|opened| &opened.office)
    }

    /// The letters; opened, and made if there were none, by the first who asks.
    fn open(&mut self, vault: &mut Vault) -> Result<&mut Opened, MailError> {
        if self.opened.is_none() {
            let Means { options, passes, stamp } = (*self.means).clone();
            let store = MailStore::open(vault, options.host.random.clone())?;
            let office = Office::new(store, options.broker.clone(), options.host.clone());
            let (postman, counter) = Postman::new(office.clone(), passes, options.way(), stamp);
            counter.time.send_replace(self.heard);
            if let Some(hire) = self.hire.take() {
                // Where the desk does not run, nothing is carried.
                let _ = hire.send(postman);
            }
            self.opened = Some(Opened {
                office,
                counter,
                backlog: VecDeque::new(),
                asked: Vec::new(),
                gone: false,
                trouble: None,
                damage: Vec::new(),
            });
        }
        self.opened.as_mut().ok_or(MailError::Step("the mail store is not open"))
    }

    /// The postman's work, beside the desk's: it never ends.
    pub(super) fn postman(&mut self) -> impl Future<Output = Infallible> + use<> {
        let hired = self.hired.take();
        async move {
            if let Some(hired) = hired
                && let Ok(postman) = hired.await
            {
                postman.run().await;
            }
            pending().await
        }
    }

    /// Has a test play the postman. For errands, news and the time it gets its own ends.
    #[cfg(test)]
    pub(super) fn play(
        &mut self,
        vault: &mut Vault,
    ) -> (
        tokio::sync::mpsc::Receiver<Errand>,
        tokio::sync::mpsc::Sender<News>,
        tokio::sync::watch::Receiver<Option<TimeHeard>>,
    ) {
        use tokio::sync::{mpsc, watch};
        // A place for one only: what is asked besides waits at the desk.
        let ((errands, asked), (said, news)) = (mpsc::channel(1), mpsc::channel(4));
        let (time, heard) = watch::channel(None);
        self.open(vault).unwrap().counter = Counter { errands, news, time };
        self.hired = None;
        (asked, said, heard)
    }

    /// The TSA's time was heard.
    pub(super) fn hear_time(&mut self, heard: TimeHeard) {
        self.heard = Some(heard);
        if let Some(opened) = &self.opened {
            opened.counter.time.send_replace(Some(heard));
        }
    }

    /// What is heard next; waits for ever where there are no letters. Nothing is lost if it is dropped.
    pub(super) async fn next(&mut self) -> Heard {
        let Some(opened) = &mut self.opened else { return pending().await };
        let Opened { counter, backlog, asked, gone, .. } = opened;
        loop {
            tokio::select! {
                place = counter.errands.reserve(), if !*gone && !backlog.is_empty() => match place {
                    Ok(place) => if let Some(errand) = backlog.pop_front() { place.send(errand) },
                    // Who waits for them hears that nobody does them.
                    Err(_) => backlog.clear(),
                },
                news = counter.news.recv(), if !*gone => match news {
                    Some(news) => return Heard::News(news),
                    None => {
                        *gone = true;
                        backlog.clear();
                        return Heard::Gone;
                    }
                },
                (of, answer) = errands::next(asked) => return Heard::Answered(of, answer),
            }
        }
    }
}

/// Whether a command is about letters.
pub(super) const fn is_about_letters(command: &Command) -> bool {
    matches!(
        command,
        Command::Box(_)
            | Command::People { .. }
            | Command::Contact(_)
            | Command::Send(_)
            | Command::Draft(_)
            | Command::Drafts(_)
            | Command::New
            | Command::Mail(_)
            | Command::Read { .. }
            | Command::Ack { .. }
            | Command::Accept { .. }
            | Command::Decline { .. }
            | Command::Status { .. }
            | Command::Recall { .. }
            | Command::Block { .. }
            | Command::Search { .. }
    )
}

/// Whether a command about letters is answered without a word from outside.
const fn is_answered_here(command: &Command) -> bool {
    matches!(
        command,
        Command::Box(BoxTask::Tell | BoxTask::Address | BoxTask::Close | BoxTask::Even { .. })
            | Command::Contact(
                ContactTask::List
                    | ContactTask::Receipts { .. }
                    | ContactTask::Taken { .. }
                    | ContactTask::Mode { .. }
                    | ContactTask::Rename { .. }
            )
            | Command::Draft(_)
            | Command::Drafts(_)
            | Command::New
            | Command::Mail(_)
            | Command::Accept { .. }
            | Command::Decline { .. }
            | Command::Status { now: false, .. }
            | Command::Recall { .. }
            | Command::Search { .. }
    )
}

impl Desk {
    /// Whether a command about letters need not wait for anything: no log of a room matters to it, only the time.
    pub(super) fn is_ready_for_letters(&self, command: &Command) -> bool {
        let is_here = is_answered_here(command) && !self.is_fetched_for(command);
        let is_in_time = self.connection.is_up() && self.reckoned().is_some();
        // The one that is about a room.
        let is_deal = matches!(command, Command::Contact(ContactTask::Deal { .. }));
        is_about_letters(command) && !is_deal && (is_here || is_in_time)
    }

    /// Whether one's own boxes are read before a command is carried out: for a program that shows what is new and leaves.
    fn is_fetched_for(&self, command: &Command) -> bool {
        let shows_what_came = match command {
            Command::New | Command::Status { .. } => true,
            Command::Mail(filter) => filter.folder != Some(Folder::Sent),
            _ => false,
        };
        let has_boxes = |opened: &Opened| {
            // What cannot be read is told, and keeps from nothing.
            !opened.gone && opened.office.boxes().is_ok_and(|boxes| !boxes.is_empty())
        };
        shows_what_came
            && self.options.patient
            && self.letters.opened.as_ref().is_some_and(has_boxes)
    }

    /// When something is done with letters: by the TSA's clock as far as it is known, else by the system's.
    fn letter_time(&self) -> Result<Time, Report> {
        let wall = || (!self.tsa.simulated).then(|| self.options.host.clock.wall());
        self.reckoned().or_else(wall).ok_or_else(|| {
            let message = "the simulated time is not known before there is a connection";
            Report::new("mail.no-time", message, "wait for the connection, then do it again")
        })
    }

    /// What answers about letters.
    fn office(&mut self) -> Result<Office, Report> {
        let opened = self.letters.open(&mut self.vault);
        opened.map(|opened| opened.office.clone()).map_err(|error| error.report())
    }

    /// Asks the postman to look for what is to be done; `now` without the waits that hide who does it.
    pub(super) fn wake_postman(&mut self, now: bool) {
        if let Some(opened) = &mut self.letters.opened {
            let waits =
                |errand: &Errand| matches!(errand, Errand::Look { now: such } if *such == now);
            if !opened.backlog.iter().any(waits) {
                opened.backlog.push_back(Errand::Look { now });
            }
        }
    }

    /// Acts on what is heard of letters.
    pub(super) async fn hear_of_letters(&mut self, heard: Heard) {
        match heard {
            Heard::News(news) => self.hear_news(news).await,
            Heard::Answered(of, answer) => {
                self.reply_to = of;
                let progress = self.take_answer(answer).await;
                self.conclude(progress).await;
                self.reply_to = ReplyTo::default();
            }
            Heard::Gone => {
                let message = "letters are not carried any more: the postman has ended";
                self.say_trouble(
                    message,
                    "start the program again; nothing that was written is lost",
                )
                .await;
            }
        }
        self.tell_notices().await;
    }

    async fn hear_news(&mut self, news: News) {
        let Some(opened) = &mut self.letters.opened else { return };
        let office = opened.office.clone();
        match news {
            News::Letter(number) => {
                opened.trouble = None;
                match office.letter(number) {
                    Ok(mut letter) => {
                        if self.options.discreet {
                            letter.subject = None;
                        }
                        self.emit(Event::Letter(letter)).await;
                    }
                    Err(error) => self.refuse(error.into()).await,
                }
            }
            News::Boxes => {
                opened.trouble = None;
                match office.boxes().and_then(|boxes| Ok((boxes, office.is_even()?))) {
                    Ok((boxes, even)) => self.emit(Event::Boxes { id: None, boxes, even }).await,
                    Err(error) => self.refuse(error.into()).await,
                }
                // Keys were published: an older copy of the file that is put back is to be noticed.
                self.note_store().await;
            }
            News::Note(text) => self.emit(Event::note(text)).await,
            News::Trouble { message, advice } => self.say_trouble(&message, &advice).await,
            News::Alarm { room, message, advice, notes } => {
                let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
                if notes.is_empty() {
                    self.alarm(room, &message, &advice).await;
                } else {
                    let exhibit = Exhibit::Notes("letters", &notes);
                    self.accuse(room, &message, &advice, exhibit).await;
                }
            }
        }
    }

    /// Something about letters did not go as it should. What goes on doing so is said once.
    async fn say_trouble(&mut self, message: &str, advice: &str) {
        let Some(opened) = &mut self.letters.opened else { return };
        if opened.trouble.as_deref() != Some(message) {
            opened.trouble = Some(message.to_owned());
            self.emit(Event::note(format!("letters: {message}; {advice}"))).await;
        }
    }

    /// Tells what is wrong with the store, each thing once; what cannot be read is in no list otherwise.
    pub(super) async fn tell_of_store(&mut self) {
        self.tell_notices().await;
        let Some(opened) = &mut self.letters.opened else { return };
        let damaged = match opened.office.damage() {
            Ok(damaged) => damaged,
            Err(error) => return self.refuse(error.into()).await,
        };
        let damaged: Vec<String> = damaged.iter().map(ToString::to_string).collect();
        let known = std::mem::replace(&mut opened.damage, damaged.clone());
        for text in damaged.into_iter().filter(|one| !known.contains(one)) {
            self.emit(Event::note(format!("letters: {text}"))).await;
        }
    }

    async fn tell_notices(&mut self) {
        let Some(opened) = &mut self.letters.opened else { return };
        let notices = opened.office.store().take_notices();
        for notice in notices {
            self.emit(Event::note(format!("letters: {notice}"))).await;
        }
    }

    /// Notes in the vault how far the store has come.
    pub(super) async fn note_store(&mut self) {
        let Some(opened) = &self.letters.opened else { return };
        let office = opened.office.clone();
        let noted = office.store().note(&mut self.vault);
        if let Err(error) = noted {
            self.refuse(error.report()).await;
        }
    }

    /// Refuses what the office refuses.
    async fn reject_letters(&self, error: OfficeError) -> Progress {
        self.reject(error.into()).await
    }
}

#[cfg(test)]
mod tests;
