//! Each command about letters.

use pregao_protocol::letter::{Address, Mode};
use pregao_protocol::room::body::BoxOpening;
use pregao_protocol::value::report::Report;

use super::drafting::named;
use super::{Desk, Progress};
use crate::command::{BoxTask, Command, ContactTask, Folder, ReceiptAnswer};
use crate::desk::confirm::{Consent, Ground};
use crate::desk::outbox::offline;
use crate::event::{Event, ReadView};
use crate::post::office::{Listed, Office, OfficeError, Resolved};
use crate::post::postman::terms;
use crate::post::store::letters::LetterNumber;
use crate::post::store::own_boxes::BoxPurpose;
use crate::text::duration;
use crate::text::sanitize::sanitize;

impl Desk {
    /// Carries out a command about letters. Whoever gives one command and leaves has nobody who reads their boxes: they
    /// are read first.
    pub(in crate::desk) async fn letters(
        &mut self,
        command: Command,
        consent: &Consent,
    ) -> Progress {
        if let Command::Status { letter: Some(letter), now: true } = command
            && self.letters.opened.is_some()
        {
            return self.inquire_before(letter).await;
        }
        if self.connection.is_up() && self.is_fetched_for(&command) {
            return self.fetch_before(command).await;
        }
        self.letters_here(command, consent).await
    }

    pub(super) async fn letters_here(&mut self, command: Command, consent: &Consent) -> Progress {
        let office = match self.office() {
            Ok(office) => office,
            Err(report) => return self.reject(report).await,
        };
        let lists = matches!(command, Command::Box(_) | Command::Contact(_));
        let progress = match command {
            // That it is there to be closed comes before whether it is meant.
            Command::Box(BoxTask::Close)
                if office.address().is_ok() && !consent.covers(&[Ground::ClosesBox]) =>
            {
                self.ask_about(Command::Box(BoxTask::Close), Ground::ClosesBox);
                Progress::Pending
            }
            Command::Decline { letter } if !consent.covers(&[Ground::DeclinesLetter]) => {
                match self.letter_time().map(|now| office.may_decide(letter, false, now)) {
                    Ok(Ok(())) => {
                        self.ask_about(Command::Decline { letter }, Ground::DeclinesLetter);
                        Progress::Pending
                    }
                    Ok(Err(error)) => self.reject_letters(error).await,
                    Err(report) => self.reject(report).await,
                }
            }
            Command::Box(task) => self.message_box(&office, task).await,
            Command::People { about } => self.ask_for_people(about).await,
            Command::Contact(task) => self.contact(&office, task).await,
            Command::Send(new) => self.send_letter(&office, *new).await,
            Command::Draft(new) => self.keep_draft(&office, &new).await,
            Command::Drafts(task) => self.drafts(&office, &task).await,
            Command::New => self.list_letters(office.unread()).await,
            Command::Mail(filter) => self.list_letters(office.list(&filter)).await,
            Command::Search { text } => self.list_letters(office.search(&text)).await,
            Command::Read { letter, save } => self.read_letter(&office, letter, save).await,
            Command::Ack { letter, now } => self.acknowledge(&office, letter, now).await,
            Command::Accept { letter } => self.decide(&office, letter, true).await,
            Command::Decline { letter } => self.decide(&office, letter, false).await,
            Command::Status { letter, .. } => match office.status(letter) {
                Ok(letters) => {
                    let id = self.reply_to.id.clone();
                    self.emit(Event::Status { id, letters }).await;
                    Progress::Done
                }
                Err(error) => self.reject_letters(error).await,
            },
            Command::Recall { letter } => self.recall(&office, letter).await,
            Command::Block { who, off } => self.block(&office, &who, off).await,
            _ => Progress::Failed,
        };
        if lists {
            self.tell_of_store().await;
        }
        progress
    }

    async fn message_box(&mut self, office: &Office, task: BoxTask) -> Progress {
        match task {
            BoxTask::Tell => {
                match office.boxes().and_then(|boxes| Ok((boxes, office.is_even()?))) {
                    Ok((boxes, even)) => {
                        let id = self.reply_to.id.clone();
                        self.emit(Event::Boxes { id, boxes, even }).await;
                        Progress::Done
                    }
                    Err(error) => self.reject_letters(error).await,
                }
            }
            BoxTask::Open { handle, about, now } => self.open_box(office, handle, about, now).await,
            BoxTask::Address => match office.address() {
                Ok(address) => {
                    self.note(address.to_string()).await;
                    if !office.is_box_open().unwrap_or(false) {
                        let text = "the box is not open yet: nobody can write to it before it is";
                        self.note(text.to_owned()).await;
                    }
                    Progress::Done
                }
                Err(error) => self.reject_letters(error).await,
            },
            BoxTask::Even { on } => {
                let said = if on {
                    "what goes to contacts who answer leaves at times drawn ahead from now on, while the chat or `pregao agent` \
                     runs, and cover where nothing waits; larger letters, files, registered letters and `now` still show"
                } else {
                    "letters leave when they can from now on: by the times the broker may guess whose answer whose"
                };
                let chosen = office.choose_even(on).map(|()| said.to_owned());
                self.wake_postman(false);
                self.said_or_refused(chosen).await
            }
            BoxTask::Close => match office.close_box() {
                Ok(_) => {
                    self.wake_postman(false);
                    let text = "the box will be closed: nobody can write to it any more; letters that came stay";
                    self.note(text.to_owned()).await;
                    Progress::Done
                }
                Err(error) => self.reject_letters(error).await,
            },
        }
    }

    /// Draws the box for first letters, and has it opened.
    async fn open_box(
        &mut self,
        office: &Office,
        handle: Option<String>,
        about: Option<String>,
        now: bool,
    ) -> Progress {
        let Some(session) = self.connection.session() else {
            return self.reject(offline()).await;
        };
        let secrets = match office.box_secrets() {
            Ok(secrets) => secrets,
            Err(error) => return self.reject_letters(error).await,
        };
        let content = |error: &dyn std::error::Error| OfficeError::Content(error.to_string());
        let words = handle.clone().map(TryInto::try_into).transpose();
        let words = words.map_err(|error| content(&error)).and_then(|handle| {
            let about = about.clone().map(TryInto::try_into).transpose();
            Ok((handle, about.map_err(|error| content(&error))?))
        });
        let (said, line) = match words {
            Ok(words) => words,
            Err(error) => return self.reject_letters(error).await,
        };
        // But for what is said of its owner it is as the boxes for contacts, so that nobody tells them apart.
        let opening =
            BoxOpening { handle: said, about: line, ..terms(&session.certificate, &secrets) };
        let found_by = match &handle {
            Some(handle) => format!("/people shows it to everybody, as \"{}\"", sanitize(handle)),
            None => "it is in no list: /box address shows what you hand over".to_owned(),
        };
        match office.draw_box(opening, BoxPurpose::First { handle, about }, secrets) {
            Ok(_) => {}
            Err(error) => return self.reject_letters(error).await,
        }
        self.wake_postman(now);
        let when = if now {
            "the box will be opened now: the broker may guess that it is yours"
        } else {
            "the box will be opened about an hour after your passes came, and not before six in the morning (UTC), so that the \
             broker does not learn whose it is, while the chat or `pregao agent` runs"
        };
        self.note(format!("{when}; {found_by}")).await;
        Progress::Done
    }

    async fn contact(&mut self, office: &Office, task: ContactTask) -> Progress {
        let said = match task {
            ContactTask::List => {
                return match office.contacts() {
                    Ok(contacts) => {
                        let id = self.reply_to.id.clone();
                        self.emit(Event::Contacts { id, contacts }).await;
                        Progress::Done
                    }
                    Err(error) => self.reject_letters(error).await,
                };
            }
            ContactTask::Add { name, address } => {
                return self.find_contact(office, name, &address).await;
            }
            ContactTask::Deal { name, room, now } => {
                return self.befriend(office, &room, name, now).await;
            }
            ContactTask::Verify { who, words: None } => {
                return match office.digits(&who) {
                    Ok(digits) => {
                        let who = sanitize(&who);
                        self.note(digits).await;
                        let text = format!(
                            "compare them with {who} by another way than letters, e.g. by telephone; if theirs are the \
                             same: /contact verify \"{who}\" DIGITS"
                        );
                        self.note(text).await;
                        Progress::Done
                    }
                    Err(error) => self.reject_letters(error).await,
                };
            }
            ContactTask::Verify { who, words: Some(words) } => {
                let now = match self.letter_time() {
                    Ok(now) => now,
                    Err(report) => return self.reject(report).await,
                };
                let said = format!("{} counts as compared from now on", sanitize(&who));
                office.verify(&who, &words, now).map(|()| said)
            }
            ContactTask::Receipts { who, answer } => {
                let shown = sanitize(&who);
                let said = match answer {
                    ReceiptAnswer::Ask => {
                        format!("{shown} learns that you have read only when you say so with /ack")
                    }
                    ReceiptAnswer::Never => format!("{shown} does not learn what you have read"),
                    ReceiptAnswer::Always => {
                        format!(
                            "{shown} learns what you have read, hours later, if they ask for it"
                        )
                    }
                };
                office.set_receipts(&who, answer).map(|()| said)
            }
            ContactTask::Taken { who, tell } => {
                let shown = sanitize(&who);
                let said = if tell {
                    format!(
                        "{shown} can hear from now on when you take their letters off, and so when you are there"
                    )
                } else {
                    format!("{shown} does not hear when you take their letters off")
                };
                office.set_taken(&who, tell).map(|()| said)
            }
            ContactTask::Mode { who, mode } => {
                let shown = sanitize(&who);
                let said = match mode {
                    Mode::Evidence => format!("letters to {shown} are evidence from now on"),
                    Mode::Deniable => format!("letters to {shown} are deniable from now on"),
                };
                office.set_mode(&who, mode).map(|()| said)
            }
            ContactTask::Rename { who, name } => {
                let said = format!("{} is called {} from now on", sanitize(&who), sanitize(&name));
                office.rename(&who, &name).map(|()| said)
            }
        };
        self.said_or_refused(said).await
    }

    async fn said_or_refused(&mut self, said: Result<String, OfficeError>) -> Progress {
        match said {
            Ok(text) => {
                self.note(text).await;
                Progress::Done
            }
            Err(error) => self.reject_letters(error).await,
        }
    }

    /// Finds the box of somebody who becomes a contact.
    async fn find_contact(&mut self, office: &Office, name: String, typed: &str) -> Progress {
        if let Err(error) = office.require_free(&name) {
            return self.reject_letters(error).await;
        }
        let failed = match office.resolve(typed) {
            Ok(Resolved::Box(address)) => return self.add_contact(office, &name, address).await,
            Ok(Resolved::Beginning(beginning)) => {
                return self.ask_for_contact(beginning, name).await;
            }
            Ok(Resolved::Address(address)) => {
                match self.full_name(&address.broker, address.name.to_string()) {
                    Ok(beginning) => return self.ask_for_contact(beginning, name).await,
                    Err(error) => error,
                }
            }
            Ok(Resolved::Contact(id)) => match office.contact(id) {
                Ok(contact) => OfficeError::Known(contact.name.as_str().to_owned()),
                Err(error) => error,
            },
            Err(OfficeError::NoContact(_)) => {
                let message = "that is neither an address nor the beginning of a box's name";
                let advice = "give what they handed over, `pregao-box:…`, or at least four characters that /people shows";
                return self.reject(Report::new("mail.address", message, advice)).await;
            }
            Err(error) => error,
        };
        self.reject_letters(failed).await
    }

    /// Adds somebody whose box was found.
    pub(super) async fn add_contact(
        &mut self,
        office: &Office,
        name: &str,
        address: Address,
    ) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        let added = office.add_contact(name, address, now).map(|_| {
            let name = sanitize(name);
            format!(
                "{name} is a contact, and it is not compared yet that the box is theirs; write to them: /send \"{name}\" TEXT"
            )
        });
        self.said_or_refused(added).await
    }

    async fn list_letters(&mut self, listed: Result<Listed, OfficeError>) -> Progress {
        match listed {
            Ok(Listed { letters, left_out, unread }) => {
                let id = self.reply_to.id.clone();
                self.emit(Event::Mail { id, letters, left_out, unread }).await;
                Progress::Done
            }
            Err(error) => self.reject_letters(error).await,
        }
    }

    async fn read_letter(
        &mut self,
        office: &Office,
        number: u64,
        save: Option<String>,
    ) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        let shown = match office.read(number, now) {
            Ok(shown) => Box::new(shown),
            Err(error) => return self.reject_letters(error).await,
        };
        match (save, i64::try_from(number)) {
            (Some(folder), Ok(letter)) if !shown.files.is_empty() => {
                self.save_files(LetterNumber(letter), folder, shown).await
            }
            (Some(_), _) => {
                self.show_letter(shown).await;
                let message = "nothing is attached to this letter";
                self.reject(Report::new("mail.no-files", message, "read it without `save`")).await
            }
            (None, _) => {
                self.show_letter(shown).await;
                Progress::Done
            }
        }
    }

    /// Shows a letter that was read. A receipt that is always sent to its writer leaves by itself.
    pub(super) async fn show_letter(&mut self, shown: Box<ReadView>) {
        let (id, letter) = (self.reply_to.id.clone(), shown.letter.letter);
        self.emit(Event::Read { id, shown }).await;
        let office = match self.office() {
            Ok(office) => office,
            Err(report) => return self.refuse(report).await,
        };
        let acknowledged = match (office.owes_receipt(letter), self.letter_time()) {
            (Ok(true), Ok(now)) => office.acknowledge(letter, false, now),
            (Ok(_), _) => return,
            (Err(error), _) => Err(error),
        };
        match acknowledged {
            Ok((_, leaves)) => {
                self.wake_postman(false);
                let after = self.letter_time().map(|now| leaves.since(now)).unwrap_or_default();
                let after = duration::print(after);
                self.note(format!(
                    "they are told that you have read it in {after}, as always; /recall {letter} keeps it from them"
                ))
                .await;
            }
            Err(error) => self.refuse(error.into()).await,
        }
    }

    async fn acknowledge(&mut self, office: &Office, number: u64, at_once: bool) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        let (letter, leaves) = match office.acknowledge(number, at_once, now) {
            Ok(put_down) => put_down,
            Err(error) => return self.reject_letters(error).await,
        };
        self.wake_postman(at_once);
        match office.letter(letter) {
            Ok(letter) => self.emit(Event::Letter(letter)).await,
            Err(error) => return self.reject_letters(error).await,
        }
        let text = if at_once {
            "a receipt leaves now: the broker may guess who answers whom".to_owned()
        } else if office.is_even().unwrap_or(false) {
            format!("a receipt leaves at an even time; until then /recall {number} takes it back")
        } else {
            let after = duration::print(leaves.since(now));
            format!("a receipt leaves in {after}; until then /recall {number} takes it back")
        };
        self.note(text).await;
        Progress::Done
    }

    /// Puts down what is decided about a registered letter, and has it handed in.
    async fn decide(&mut self, office: &Office, number: u64, accepts: bool) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        let decided = office.decide(number, accepts, now);
        let letter = match decided.and_then(|letter| office.letter(letter)) {
            Ok(letter) => letter,
            Err(error) => return self.reject_letters(error).await,
        };
        self.wake_postman(false);
        self.emit(Event::Letter(letter)).await;
        let when = if self.connection.is_up() {
            "now"
        } else {
            "as soon as there is a connection: it is put down"
        };
        let text = if accepts {
            format!(
                "you sign for it {when}; once the broker has logged that, /read {number} shows it"
            )
        } else {
            format!("it is declined {when}; nobody reads it then")
        };
        self.note(text).await;
        Progress::Done
    }

    async fn recall(&mut self, office: &Office, number: u64) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        match office.recall(number, now).and_then(|letter| office.letter(letter)) {
            Ok(letter) => {
                let (is_sent, who) = (letter.folder == Folder::Sent, named(&letter.who));
                self.emit(Event::Letter(letter)).await;
                let draft = match is_sent {
                    true => format!("; it is a draft again, /drafts send {who} sends it after all"),
                    false => String::new(),
                };
                self.note(format!("taken back: nothing of it has left{draft}")).await;
                Progress::Done
            }
            Err(error) => self.reject_letters(error).await,
        }
    }

    async fn block(&mut self, office: &Office, who: &str, off: bool) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        let shown = sanitize(who);
        let said = if off {
            format!("you hear from {shown} again; what they wrote meanwhile stays unread")
        } else {
            format!(
                "you hear no more of {shown}; they are not told. /block \"{shown}\" off ends it"
            )
        };
        let said = office.block(who, off, now).map(|()| said);
        self.said_or_refused(said).await
    }
}
