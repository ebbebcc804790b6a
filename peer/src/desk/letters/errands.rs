//! What the postman is asked while a command stays open, and its answers.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use pregao_protocol::letter::Address;
use pregao_protocol::value::report::Report;
use tokio::sync::oneshot;

use super::{Desk, Progress, ReplyTo};
use crate::command::{Command, NewLetter};
use crate::desk::confirm::Consent;
use crate::desk::export::LetterAsked;
use crate::event::{Event, ReadView};
use crate::post::office::{OfficeError, Written};
use crate::post::postman::{Errand, Listing, NotDone, SavedFile};
use crate::post::store::letters::LetterNumber;

/// Commands that wait at once: whoever asks for more is told to wait.
pub(super) const MOST: usize = 32;

/// How long is waited for one's own boxes to be read: then there is what there is.
const FETCHED_WITHIN: Duration = Duration::from_secs(30);

/// What came of an errand, with what it was for.
#[derive(Debug)]
pub(in crate::desk) enum Answer {
    /// One's own boxes were read, and a command wants to show what is new.
    Fetched(Command, Result<(), NotDone>),
    /// It was asked what became of a letter.
    Inquired(u64, Result<(), NotDone>),
    /// Who wants to be found, and what is looked for among them.
    People(Option<String>, Result<Listing, NotDone>),
    /// Where somebody is written to who becomes a contact of this name.
    Contact(String, Result<Address, NotDone>),
    /// Where a letter goes.
    Letter(Box<NewLetter>, Result<Address, NotDone>),
    /// The files of a letter that is shown.
    Saved(Box<ReadView>, Result<Vec<SavedFile>, NotDone>),
    /// What became of a letter was looked up, and it is to be written.
    Traced(LetterAsked, Result<(), NotDone>),
    /// A letter whose files were sealed.
    Sealed(Result<Written, OfficeError>),
}

type Coming = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A command that waits.
pub(super) struct Asked {
    of: ReplyTo,
    /// Nobody locks it: it lets the desk be looked at by several while it is polled by one.
    answer: Mutex<Coming>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("of", &self.of).finish_non_exhaustive()
    }
}

/// The next answer that comes; waits for ever if nothing is asked.
pub(super) async fn next(asked: &mut Vec<Asked>) -> (ReplyTo, Answer) {
    poll_fn(|context| {
        for at in 0..asked.len() {
            let Some(one) = asked.get_mut(at) else { break };
            let coming = one.answer.get_mut().unwrap_or_else(PoisonError::into_inner);
            if let Poll::Ready(answer) = coming.as_mut().poll(context) {
                return Poll::Ready((asked.remove(at).of, answer));
            }
        }
        Poll::Pending
    })
    .await
}

/// What was answered; a postman that has ended answers nothing.
async fn came<T>(answer: oneshot::Receiver<Result<T, NotDone>>) -> Result<T, NotDone> {
    answer.await.unwrap_or_else(|_| {
        Err(NotDone {
            code: "mail.no-postman",
            message: "letters are not carried any more".to_owned(),
            advice: "start the program again".to_owned(),
        })
    })
}

impl From<NotDone> for Report {
    fn from(not: NotDone) -> Self {
        Self::new(not.code, not.message, not.advice)
    }
}

impl Desk {
    /// Has the command stay open until an errand is done.
    async fn wait_for(
        &mut self,
        errand: Option<Errand>,
        answer: impl Future<Output = Answer> + Send + 'static,
    ) -> Progress {
        let Some(opened) = &mut self.letters.opened else { return Progress::Failed };
        if opened.asked.len() >= MOST {
            let message = format!("{MOST} questions about letters wait for an answer already");
            return self
                .reject(Report::new("mail.busy", message, "wait for those, then ask again"))
                .await;
        }
        // Where nobody does it, its reply is dropped, which is the answer.
        opened.backlog.extend(errand.filter(|_| !opened.gone));
        let answer = Mutex::new(Box::pin(answer) as Coming);
        opened.asked.push(Asked { of: std::mem::take(&mut self.reply_to), answer });
        Progress::Pending
    }

    /// Reads one's own boxes before a command shows what is in them.
    pub(super) async fn fetch_before(&mut self, command: Command) -> Progress {
        let (reply, answer) = oneshot::channel();
        let fetched = async move {
            let slow = |_| {
                Err(NotDone {
                    code: "mail.slow",
                    message: "your boxes were not read in time".to_owned(),
                    advice: "look again in a while".to_owned(),
                })
            };
            let within = tokio::time::timeout(FETCHED_WITHIN, came(answer)).await;
            Answer::Fetched(command, within.unwrap_or_else(slow))
        };
        self.wait_for(Some(Errand::Fetch { reply }), fetched).await
    }

    /// Has it asked what became of a letter, before that is shown.
    pub(super) async fn inquire_before(&mut self, letter: u64) -> Progress {
        let Ok(number) = i64::try_from(letter) else {
            let shown = Command::Status { letter: Some(letter), now: false };
            return self.letters_here(shown, &Consent::To(Vec::new())).await;
        };
        let (reply, answer) = oneshot::channel();
        let errand = Some(Errand::Inquire { letter: LetterNumber(number), reply });
        self.wait_for(errand, async move { Answer::Inquired(letter, came(answer).await) }).await
    }

    /// Who wants to be found.
    pub(super) async fn ask_for_people(&mut self, text: Option<String>) -> Progress {
        let (reply, answer) = oneshot::channel();
        let errand = Some(Errand::People { reply });
        self.wait_for(errand, async move { Answer::People(text, came(answer).await) }).await
    }

    /// Where somebody is written to who becomes a contact.
    pub(super) async fn ask_for_contact(&mut self, beginning: String, name: String) -> Progress {
        let (reply, answer) = oneshot::channel();
        let errand = Some(Errand::Find { beginning, reply });
        self.wait_for(errand, async move { Answer::Contact(name, came(answer).await) }).await
    }

    /// Where a letter goes.
    pub(super) async fn ask_where(&mut self, beginning: String, new: Box<NewLetter>) -> Progress {
        let (reply, answer) = oneshot::channel();
        let errand = Some(Errand::Find { beginning, reply });
        self.wait_for(errand, async move { Answer::Letter(new, came(answer).await) }).await
    }

    /// Writes the files of a letter that is shown into a folder.
    pub(super) async fn save_files(
        &mut self,
        letter: LetterNumber,
        folder: String,
        shown: Box<ReadView>,
    ) -> Progress {
        let (reply, answer) = oneshot::channel();
        let errand = Some(Errand::Save { letter, folder: folder.into(), reply });
        self.wait_for(errand, async move { Answer::Saved(shown, came(answer).await) }).await
    }

    /// Looks up what became of a received letter before it is written.
    pub(in crate::desk) async fn trace_letter(
        &mut self,
        letter: LetterNumber,
        asked: LetterAsked,
    ) -> Progress {
        let (reply, answer) = oneshot::channel();
        let traced = async move {
            let slow = |_| {
                Err(NotDone {
                    code: "mail.slow",
                    message: "the log of your box was not read in time".to_owned(),
                    advice: "export it again in a while".to_owned(),
                })
            };
            let within = tokio::time::timeout(FETCHED_WITHIN, came(answer)).await;
            Answer::Traced(asked, within.unwrap_or_else(slow))
        };
        self.wait_for(Some(Errand::Trace { letter, reply }), traced).await
    }

    /// Seals files, which takes a while for large ones, and puts the letter down that they go with.
    pub(super) async fn seal_beside(
        &mut self,
        write: impl FnOnce() -> Result<Written, OfficeError> + Send + 'static,
    ) -> Progress {
        let (reply, answer) = oneshot::channel();
        let progress = self
            .wait_for(None, async move {
                let broke_off = |_| Err(OfficeError::NotThis("sealing the files broke off"));
                Answer::Sealed(answer.await.unwrap_or_else(broke_off))
            })
            .await;
        if progress == Progress::Pending {
            // Whoever asked may have left.
            let work = move || drop(reply.send(write()));
            self.options.host.spawn.blocking(Box::new(work));
        }
        progress
    }

    /// Goes on with a command whose errand was done, or was not.
    pub(super) async fn take_answer(&mut self, answer: Answer) -> Progress {
        let office = match self.office() {
            Ok(office) => office,
            Err(report) => return self.reject(report).await,
        };
        match answer {
            Answer::Fetched(command, fetched) => {
                if let Err(NotDone { message, advice, .. }) = fetched {
                    self.note(format!("what came last may be missing: {message}; {advice}")).await;
                }
                self.letters_here(command, &Consent::To(Vec::new())).await
            }
            Answer::Inquired(letter, asked) => {
                if let Err(NotDone { message, advice, .. }) = asked {
                    self.note(format!("what is new of it is not known: {message}; {advice}")).await;
                }
                let shown = Command::Status { letter: Some(letter), now: false };
                if self.connection.is_up() && self.is_fetched_for(&shown) {
                    return self.fetch_before(shown).await;
                }
                self.letters_here(shown, &Consent::To(Vec::new())).await
            }
            Answer::People(text, Ok(listing)) => {
                match office.people(&listing.people, text.as_deref()) {
                    Ok(people) => {
                        let (id, left_out) = (self.reply_to.id.clone(), listing.left_out);
                        self.emit(Event::People { id, people, left_out }).await;
                        Progress::Done
                    }
                    Err(error) => self.reject_letters(error).await,
                }
            }
            Answer::Contact(name, Ok(address)) => self.add_contact(&office, &name, address).await,
            Answer::Traced(asked, traced) => {
                if let Err(NotDone { message, advice, .. }) = traced {
                    self.note(format!(
                        "what became of the letter was not looked up: {message}; {advice}"
                    ))
                    .await;
                }
                self.write_asked(asked).await
            }
            Answer::Letter(new, Ok(address)) => self.write_to(&office, *new, address).await,
            Answer::Sealed(Ok(written)) => self.is_written(&office, written).await,
            Answer::Sealed(Err(error)) => self.reject_letters(error).await,
            Answer::Saved(mut shown, Ok(saved)) => {
                for SavedFile { index, path } in saved {
                    if let Some(file) = shown.files.get_mut(index) {
                        file.saved = Some(path.display().to_string());
                    }
                }
                self.show_letter(shown).await;
                Progress::Done
            }
            Answer::Saved(shown, Err(not)) => {
                // What it says is shown all the same: it counts as read.
                self.show_letter(shown).await;
                self.reject(not.into()).await
            }
            Answer::People(_, Err(not))
            | Answer::Contact(_, Err(not))
            | Answer::Letter(_, Err(not)) => self.reject(not.into()).await,
        }
    }
}
