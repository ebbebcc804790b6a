//! A conversation as the chat shows it: the letters from and to one contact, or one unknown box.
//!
//! - `lines` its letters as lines, threads together; `card` who it is with and whom letters convince

pub(super) mod card;
mod lines;

use std::collections::{BTreeMap, VecDeque};

use pregao_protocol::letter::Mode;
use pregao_protocol::value::clock::Time;

use super::model::drafts::{line_of, text_of};
use super::room::ChatLine;
use crate::command::Folder;
use crate::event::{
    ContactView, DraftView, LetterStanding, LetterView, Personal, ReadView, WhoView,
};
use crate::text::sanitize::sanitize;

/// Most letters of a conversation that are kept, the newest.
pub const MOST_LETTERS: usize = 500;
/// Most lines of the program in a conversation.
const MOST_NOTES: usize = 200;
/// How many letters are shown with their text unasked, the newest; others with /read.
const SHOWN: usize = 20;
/// How many texts are remembered that were typed and of which the desk has not said that they wait.
const MOST_TYPED: usize = 16;

/// With whom letters are exchanged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum With {
    /// A contact, by the name that the user gave.
    Contact(String),
    /// Nobody known, by the beginning of the name of their box.
    Box(String),
    /// Not even the box is known: what cannot be opened says nothing of it.
    Nobody,
}

impl With {
    /// Whose letter it is.
    #[must_use]
    pub fn of(who: &WhoView) -> Self {
        match (&who.name, &who.short) {
            (Some(name), _) => Self::Contact(name.clone()),
            (None, Some(short)) => Self::Box(short.clone()),
            (None, None) => Self::Nobody,
        }
    }

    /// The name of the conversation among rooms. No room begins so, and no contact with `#` or `/`.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Contact(name) => format!("@{name}"),
            Self::Box(short) => format!("@#{short}"),
            Self::Nobody => "@/".to_owned(),
        }
    }

    /// To whom a letter is addressed.
    #[must_use]
    pub fn to(&self) -> Option<String> {
        match self {
            Self::Contact(name) => Some(name.clone()),
            Self::Box(short) => Some(format!("#{short}")),
            Self::Nobody => None,
        }
    }

    /// What it is called on screen.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Contact(name) => sanitize(name),
            Self::Box(short) => format!("box {}", sanitize(short)),
            Self::Nobody => "not opened".to_owned(),
        }
    }
}

/// A letter, and what it says as far as that is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Letter {
    view: LetterView,
    /// What the desk showed of it.
    shown: Option<ReadView>,
    /// What was typed, until the desk can show it.
    typed: Option<Personal>,
    /// Whether the desk was asked for it.
    asked: bool,
}

/// The letters from and to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    with: With,
    /// What the desk says of the contact.
    contact: Option<ContactView>,
    verified: bool,
    letters: BTreeMap<u64, Letter>,
    /// What the program said there, each with the newest letter at that time.
    notes: VecDeque<(u64, ChatLine)>,
    /// Texts that were handed to the desk, the first first.
    typed: VecDeque<Personal>,
    /// What is typed and not sent, while another room is on screen.
    draft: String,
    /// The draft as the desk keeps it.
    stored: Option<DraftView>,
    /// What it says, as far as the chat knows or has handed over.
    saved: String,
    /// The desk keeps another text than the chat shows: nothing is handed over before the two are one.
    is_behind: bool,
    /// Whom a letter convinces to somebody for whom it is not chosen.
    general: Mode,
    asked: bool,
}

impl Conversation {
    /// With somebody, and nothing known of it.
    #[must_use]
    pub const fn new(with: With) -> Self {
        Self {
            with,
            contact: None,
            verified: false,
            letters: BTreeMap::new(),
            notes: VecDeque::new(),
            typed: VecDeque::new(),
            draft: String::new(),
            stored: None,
            saved: String::new(),
            is_behind: false,
            general: Mode::Deniable,
            asked: false,
        }
    }

    /// With whom it is.
    #[must_use]
    pub const fn with(&self) -> &With {
        &self.with
    }

    /// Whether words were compared by another way.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.verified
    }

    /// Whether nothing of them is heard.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.contact.as_ref().is_some_and(|contact| contact.blocked)
    }

    /// Whom a letter convinces that is typed here. It is sent as this, so that what is seen is what is sent.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let chosen = self.stored.as_ref().filter(|draft| draft.chosen).map(|draft| draft.mode);
        let of_contact = self.contact.as_ref().map(|contact| contact.mode);
        chosen.or(of_contact).unwrap_or(self.general)
    }

    /// Whom a letter convinces, where it is not chosen for a contact.
    pub(super) const fn write_as(&mut self, general: Mode) {
        self.general = general;
    }

    /// The draft as the desk keeps it.
    #[must_use]
    pub const fn stored(&self) -> Option<&DraftView> {
        self.stored.as_ref()
    }

    /// Whether this is to be kept, that stands in its input line. While a letter is being handed in, an empty line says
    /// nothing: it may be refused.
    pub(super) fn is_unsaved(&self, text: &str) -> bool {
        text != self.saved && !self.is_behind && (!text.is_empty() || self.typed.is_empty())
    }

    /// The line in which the two are one, once no command stands there any more.
    pub(super) fn catch_up(&mut self, line: &str) -> Option<String> {
        if !self.is_behind || text_of(line).is_none() {
            return None;
        }
        let stored = self.stored.take();
        self.take_stored(stored, Some(line))
    }

    /// This was handed over to be kept.
    pub(super) fn is_saved(&mut self, text: &str) {
        text.clone_into(&mut self.saved);
    }

    /// Takes in the draft as the desk keeps it, `typed` being the line if this is on screen. The line that is to stand
    /// there from then on, if it is another.
    pub(super) fn take_stored(
        &mut self,
        stored: Option<DraftView>,
        typed: Option<&str>,
    ) -> Option<String> {
        let text = stored.as_ref().map_or("", |draft| draft.text.expose()).to_owned();
        self.stored = stored;
        let saved = std::mem::replace(&mut self.saved, text.clone());
        self.is_behind = false;
        let line = typed.unwrap_or(&self.draft).to_owned();
        let stands = text_of(&line);
        if text == saved || stands == Some(&*text) {
            return None;
        }
        let line = match stands {
            // What is newer stays, behind what came back.
            Some(newer) if !newer.is_empty() && newer != saved => match text.is_empty() {
                true => return None,
                false => line_of(&format!("{text}\n\n{newer}")),
            },
            Some(_) => line_of(&text),
            // A command is typed, which goes first.
            None if typed.is_some() => {
                (self.saved, self.is_behind) = (saved, true);
                return None;
            }
            None => line_of(&text),
        };
        if typed.is_none() {
            self.draft.clone_from(&line);
        }
        Some(line)
    }

    /// Letters that were not read. `all` if every letter that is not read is here; else the store's count holds, as it was
    /// said last.
    #[must_use]
    pub fn unread(&self, all: bool) -> u64 {
        let known = self.letters.values().filter(|letter| is_unread(&letter.view)).count();
        let known = u64::try_from(known).unwrap_or(u64::MAX);
        let stated = self.contact.as_ref().map_or(0, |contact| contact.unread);
        if all { known } else { known.max(stated) }
    }

    /// The newest letter; 0 without any.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.letters.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Whether a countdown in it runs.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.letters.values().any(|letter| letter.view.standing == LetterStanding::Waiting)
    }

    /// Takes in what the desk says of the contact.
    pub(super) fn meet(&mut self, contact: ContactView) {
        self.verified = contact.verified;
        self.with = With::Contact(contact.name.clone());
        self.contact = Some(contact);
    }

    /// Takes in a letter. Whether it is the first time.
    pub(super) fn take(&mut self, view: LetterView) -> bool {
        let number = view.letter;
        if let Some(known) = self.letters.get_mut(&number) {
            let was_unread = is_unread(&known.view);
            if was_unread && !is_unread(&view) {
                self.count_one_less();
            }
            if let Some(known) = self.letters.get_mut(&number) {
                // What the desk showed of it before was without what is in it now.
                if view.registered.is_some() && view.standing != known.view.standing {
                    (known.shown, known.asked) = (None, false);
                }
                known.view = view;
            }
            return false;
        }
        self.verified |= view.who.verified;
        let is_typed = view.folder == Folder::Sent && view.standing == LetterStanding::Waiting;
        let typed = if is_typed { self.typed.pop_front() } else { None };
        if typed.is_some() {
            // With it went the draft.
            (self.stored, self.saved) = (None, String::new());
        }
        self.letters.insert(number, Letter { view, shown: None, typed, asked: false });
        if self.letters.len() > MOST_LETTERS {
            self.letters.pop_first();
        }
        true
    }

    fn count_one_less(&mut self) {
        if let Some(contact) = &mut self.contact {
            contact.unread = contact.unread.saturating_sub(1);
        }
    }

    /// Takes in what a letter says.
    pub(super) fn show(&mut self, shown: ReadView) {
        let number = shown.letter.letter;
        self.take(shown.letter.clone());
        if let Some(letter) = self.letters.get_mut(&number) {
            letter.asked = true;
            letter.shown = Some(shown);
        }
    }

    /// Adds a line of the program.
    pub(super) fn note(&mut self, line: ChatLine) {
        if self.notes.len() >= MOST_NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back((self.newest(), line));
    }

    /// Remembers a text that is handed to the desk.
    pub(super) fn hand_in(&mut self, text: &str) {
        if self.typed.len() >= MOST_TYPED {
            self.typed.pop_front();
        }
        self.typed.push_back(Personal::new(text.to_owned()));
    }

    /// The oldest text of which the desk has not said that it waits: it was refused.
    pub(super) fn refused(&mut self) -> Option<String> {
        self.typed.pop_front().map(|typed| typed.expose().to_owned())
    }

    /// What is typed and not sent stays here while another room is on screen; what letters say does not.
    pub(super) fn leave(&mut self, draft: String) {
        self.draft = draft;
        for letter in self.letters.values_mut() {
            (letter.shown, letter.asked) = (None, false);
        }
    }

    /// What was typed and not sent.
    pub(super) fn take_draft(&mut self) -> String {
        std::mem::take(&mut self.draft)
    }

    /// Whether nothing is typed in it.
    pub(super) const fn leaves_no_line(&self) -> bool {
        self.draft.is_empty()
    }

    /// Whether something is typed, or kept, and not sent.
    #[must_use]
    pub const fn has_draft(&self) -> bool {
        !self.draft.is_empty() || self.stored.is_some()
    }

    /// Takes over the letters of what turned out to be the same people.
    pub(super) fn join(&mut self, other: Self) {
        for (number, letter) in other.letters {
            self.letters.entry(number).or_insert(letter);
        }
        while self.letters.len() > MOST_LETTERS {
            self.letters.pop_first();
        }
        self.verified |= other.verified;
        if self.draft.is_empty() {
            (self.draft, self.saved, self.stored) = (other.draft, other.saved, other.stored);
        }
    }

    /// Whether it is with a contact whose box has a name that begins so.
    pub(super) fn is_of_box(&self, short: &str) -> bool {
        self.contact.as_ref().is_some_and(|contact| contact.short == short)
    }

    /// A letter that belongs elsewhere. Whether it was here.
    pub(super) fn drop_letter(&mut self, number: u64) -> bool {
        self.letters.remove(&number).is_some()
    }

    /// Whether its letters are still to be asked for, once.
    pub(super) fn asks_for_letters(&mut self) -> Option<String> {
        match &self.with {
            With::Contact(name) if !self.asked => {
                self.asked = true;
                Some(name.clone())
            }
            With::Contact(_) | With::Box(_) | With::Nobody => None,
        }
    }

    /// Letters of which the text is to be asked for, at most so many. To show a letter that was not read would be to read
    /// it, and what was taken back is a draft again.
    pub(super) fn asks_for_texts(&mut self, most: usize) -> Vec<u64> {
        let newest = self.letters.iter_mut().rev().take(SHOWN);
        let to_ask = newest.filter(|(_, letter)| {
            let shows = matches!(
                letter.view.standing,
                LetterStanding::Read
                    | LetterStanding::Acknowledged
                    | LetterStanding::Waiting
                    | LetterStanding::Leaving
                    | LetterStanding::Deposited
                    | LetterStanding::Taken
                    | LetterStanding::WasRead
                    | LetterStanding::Accepted
                    | LetterStanding::Declined
                    | LetterStanding::Failed
            ) || letter.view.standing == LetterStanding::Lapsed
                && letter.view.folder == Folder::Sent;
            shows && letter.shown.is_none() && !letter.asked
        });
        let asked = to_ask.take(most).map(|(number, letter)| {
            letter.asked = true;
            *number
        });
        asked.collect()
    }

    /// What was asked for in vain is asked for again.
    pub(super) fn forget_asked(&mut self) {
        self.asked = false;
        for letter in self.letters.values_mut() {
            letter.asked = letter.shown.is_some();
        }
    }

    /// The whole of it in lines, and how many of them come after those of one letter.
    pub(super) fn lines(&self, now: Option<Time>, upto: Option<u64>) -> (Vec<ChatLine>, usize) {
        lines::of(self, now, upto)
    }
}

/// Whether a letter counts as not read: what cannot be opened does, so that it is not overlooked, and what waits to be
/// accepted.
const fn is_unread(view: &LetterView) -> bool {
    matches!(
        view.standing,
        LetterStanding::Unread
            | LetterStanding::Unopened
            | LetterStanding::ToAccept
            | LetterStanding::Accepting
            | LetterStanding::Declining
    )
}

/// Whom a letter convinces, in a word.
pub(super) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Evidence => "EVIDENCE",
        Mode::Deniable => "deniable",
    }
}

#[cfg(test)]
mod tests;
