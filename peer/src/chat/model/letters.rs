//! Conversations in the model: what the desk says of letters, what is asked of it, and what is typed.

use pregao_protocol::letter::Mode;

use super::{MOST_ROOMS, Model, Next, Room, Tone};
use crate::chat::conversation::{Conversation, With};
use crate::command::{Command, ContactTask, DraftsTask, MailFilter, parse};
use crate::event::{
    ActView, ContactView, Event, LetterStanding, LetterView, ReadView, RoomModeView,
};
use crate::text::usage_error::UsageError;

/// What the chat's own questions are called: they are shown in no room.
pub const QUIET: &str = "//";
/// Letters that are asked for when the chat begins.
const AT_FIRST: u32 = 200;
/// Letters of a contact that are asked for when they come on screen.
const ON_SCREEN: u32 = 50;
/// Texts of letters that are asked for at once.
const AT_ONCE: usize = 4;
/// Most conversations with boxes of nobody known; letters of more are shown together.
const MOST_STRANGERS: usize = 200;

impl Model {
    /// What the chat asks when it begins: contacts with their counts, what was not read, the newest letters, drafts.
    pub(super) fn first_questions() -> Vec<Command> {
        let newest = MailFilter { last: Some(AT_FIRST), ..MailFilter::default() };
        let drafts = Command::Drafts(DraftsTask::List);
        let mode = Command::Mode { mode: None, room: None };
        vec![Command::Contact(ContactTask::List), Command::New, Command::Mail(newest), drafts, mode]
    }

    /// What the chat asks by itself now, so that what is on screen can be shown. To be handed in as [`QUIET`].
    pub fn take_questions(&mut self) -> Vec<Command> {
        if !self.to_ask.is_empty() {
            return std::mem::take(&mut self.to_ask);
        }
        if let Some(draft) = self.unsaved(false) {
            return vec![draft];
        }
        let selected = self.selected.clone();
        let Some(conversation) = self.conversation_mut(&selected) else { return Vec::new() };
        if let Some(name) = conversation.asks_for_letters() {
            let (with, last) = (Some(name), Some(ON_SCREEN));
            return vec![Command::Mail(MailFilter { with, last, ..MailFilter::default() })];
        }
        let texts = conversation.asks_for_texts(AT_ONCE).into_iter();
        texts.map(|letter| Command::Read { letter, save: None }).collect()
    }

    /// The desk took none of them: it is busy.
    pub fn questions_failed(&mut self, questions: Vec<Command>) {
        let selected = self.selected.clone();
        if let Some(conversation) = self.conversation_mut(&selected) {
            conversation.forget_asked();
        }
        let of_letters = |command: &Command| {
            matches!(
                command,
                Command::Read { .. } | Command::Mail(MailFilter { with: Some(_), .. })
            )
        };
        self.to_ask.extend(questions.into_iter().filter(|question| !of_letters(question)));
    }

    /// What changes contacts is followed by the question how they stand now.
    pub fn asks_after(&mut self, command: &Command) {
        let changes = match command {
            Command::Contact(task) => !matches!(task, ContactTask::List),
            Command::Block { .. } | Command::Send(_) => true,
            Command::Mode { mode, .. } => mode.is_some(),
            _ => false,
        };
        if changes {
            self.to_ask.push(Command::Contact(ContactTask::List));
        }
        if changes || matches!(command, Command::Draft(_) | Command::Drafts(_)) {
            self.ask_for_drafts();
        }
    }

    /// The conversation on screen.
    #[must_use]
    pub fn conversation(&self) -> Option<&Conversation> {
        self.current().and_then(|room| room.letters.as_deref())
    }

    /// Whether every letter is known here that was not read.
    #[must_use]
    pub const fn has_all_unread(&self) -> bool {
        self.has_all_unread
    }

    /// Letters that were not read, of all.
    #[must_use]
    pub fn unread_letters(&self) -> u64 {
        let conversations = self.rooms.iter().filter_map(|room| room.letters.as_deref());
        conversations.map(|of| of.unread(self.has_all_unread)).fold(0, u64::saturating_add)
    }

    /// Puts the next conversation on screen in which something was not read, or the first; from the last one, the room
    /// that was there before.
    pub fn walk_letters(&mut self) {
        let all = self.has_all_unread;
        let listed: Vec<(String, u64)> = self
            .listed()
            .into_iter()
            .filter_map(|room| Some((room.id.clone(), room.letters.as_deref()?.unread(all))))
            .collect();
        let at = listed.iter().position(|(id, _)| *id == self.selected);
        let mut following = listed.iter().skip(at.map_or(0, |at| at.saturating_add(1)));
        let unread = following.find(|(_, unread)| *unread > 0);
        let next = match (unread, at) {
            (Some((id, _)), _) => Some(id.clone()),
            (None, Some(_)) => Some(self.left.clone()),
            (None, None) => listed.first().map(|(id, _)| id.clone()),
        };
        match next {
            Some(id) => self.select(&id),
            None => self.report(Tone::System, "no letters yet: /people, then /send WHO TEXT"),
        }
    }

    /// Reads what was typed in a conversation: a letter to it, of the mode that is shown.
    pub(super) fn write_letter(&mut self, line: &str) -> Next {
        let id = self.selected.clone();
        let Some(conversation) = self.conversation_mut(&id) else { return Next::Wait };
        let typed = line.trim();
        let typed = typed.strip_prefix('/').unwrap_or(typed);
        let read = match conversation.with().to() {
            Some(to) => parse::letter_to(&to, typed, conversation.mode()),
            None => Err(UsageError {
                message: "it is not known whose box these letters are from".to_owned(),
                advice: "write to somebody else: /send WHO TEXT".to_owned(),
            }),
        };
        match read {
            Ok(command) => {
                conversation.hand_in(typed);
                Next::Send(command)
            }
            Err(error) => {
                self.refuse(error);
                self.give_back(&id, typed.to_owned());
                Next::Wait
            }
        }
    }

    /// A text that was not sent is there to be changed, unless something else is typed already.
    fn give_back(&mut self, id: &str, text: String) {
        if self.selected == id {
            if self.input.is_empty() {
                self.input.put(text);
            }
        } else if let Some(conversation) = self.conversation_mut(id)
            && conversation.leaves_no_line()
        {
            conversation.leave(text);
        }
    }

    /// Takes in an event about letters. Whether it answers a question of the chat itself.
    pub(super) fn apply_letters(&mut self, event: &Event) -> bool {
        let quiet = |id: &Option<String>| id.as_deref() == Some(QUIET);
        match event {
            Event::Letter(letter) => {
                self.apply_letter(letter.clone());
                true
            }
            Event::Mail { id, letters, left_out, .. } => {
                self.apply_mail(letters, *left_out);
                quiet(id)
            }
            Event::Read { id, shown } => {
                self.apply_read(id.as_deref(), shown);
                true
            }
            Event::Contacts { id, contacts } => {
                self.apply_contacts(contacts);
                // One that came by itself is a line of its own.
                quiet(id) || id.is_none()
            }
            Event::Status { letters, .. } => {
                for status in letters {
                    self.take_letter(status.letter.clone());
                }
                false
            }
            Event::Mode { id, mode, rooms } => {
                self.apply_modes(*mode, rooms);
                quiet(id)
            }
            Event::Drafts { id, drafts } => {
                self.apply_drafts(drafts);
                quiet(id)
            }
            Event::Draft { id, .. } | Event::Note { id, .. } => quiet(id),
            Event::Refused { id, of, report } => {
                self.letter_refused(id.as_deref(), of);
                // What the chat asks of itself fails for one cause, and is asked in several ways.
                quiet(id)
                    && self.quiet_refused.replace(report.code.to_string()).as_deref()
                        == Some(&*report.code)
            }
            Event::Done { id, of, .. } => {
                self.draft_answered(Self::is_of_draft(id.as_deref(), of));
                quiet(id)
            }
            _ => false,
        }
    }

    /// Takes in whom what the user writes convinces.
    fn apply_modes(&mut self, mode: Mode, rooms: &[RoomModeView]) {
        self.mode = mode;
        for room in &mut self.rooms {
            if let Some(of) = &mut room.letters {
                of.write_as(mode);
            }
        }
        for RoomModeView { room, mode, .. } in rooms {
            if let Some(room) = self.room(room) {
                room.talk = Some(*mode);
            }
        }
    }

    fn apply_letter(&mut self, letter: LetterView) {
        let standing = letter.standing;
        let Some((_, is_new)) = self.take_letter(letter) else { return };
        let is_news = matches!(standing, LetterStanding::Unread | LetterStanding::ToAccept);
        self.ring |= is_new && is_news;
        if matches!(standing, LetterStanding::Recalled | LetterStanding::Failed) {
            self.ask_for_drafts();
        }
    }

    fn apply_mail(&mut self, letters: &[LetterView], left_out: u64) {
        let unread = |letter: &LetterView| {
            matches!(letter.standing, LetterStanding::Unread | LetterStanding::ToAccept)
        };
        // The answer to `new` that names all of them.
        if left_out > 0 && letters.iter().all(unread) && !letters.is_empty() {
            self.has_all_unread = false;
        }
        for letter in letters {
            self.take_letter(letter.clone());
        }
    }

    /// Shows a letter in its place and nowhere else: only there is every row of it marked. Whoever asked for it comes to
    /// see it, unless they type already.
    fn apply_read(&mut self, id: Option<&str>, shown: &ReadView) {
        let number = shown.letter.letter;
        let Some((place, _)) = self.take_letter(shown.letter.clone()) else { return };
        let is_quiet = id == Some(QUIET);
        if !is_quiet && self.selected != place {
            if self.input.is_empty() && id == Some(self.selected.as_str()) {
                self.select(&place);
            } else {
                let whose = With::of(&shown.letter.who).label();
                let room = id.and_then(|id| self.typed_in(Some(id)));
                let room = room.unwrap_or_else(|| self.selected.clone());
                let text = format!("letter {number} is shown with the letters: {whose}");
                self.push_line(&room, Tone::System, &text);
            }
        }
        // What is not on screen is asked for when it is: no text stays in memory for long.
        if self.selected == place
            && let Some(conversation) = self.conversation_mut(&place)
        {
            conversation.show(shown.clone());
            self.relay(&place, (!is_quiet).then_some(number));
        }
    }

    fn apply_contacts(&mut self, contacts: &[ContactView]) {
        let known = |with: &With| match with {
            With::Contact(name) => contacts.iter().any(|contact| contact.name == *name),
            With::Box(_) | With::Nobody => false,
        };
        for contact in contacts {
            let with = With::Contact(contact.name.clone());
            let id = with.id();
            // Whoever was met under the name of their box, or under another name.
            let before = self.rooms.iter().find_map(|room| {
                let of = room.letters.as_deref()?;
                let is_box = *of.with() == With::Box(contact.short.clone());
                let is_renamed = of.is_of_box(&contact.short) && !known(of.with());
                (room.id != id && (is_box || is_renamed)).then(|| room.id.clone())
            });
            if let Some(before) = before {
                self.rename_conversation(&before, &with);
            }
            if let Some(id) = self.conversation_with(&with)
                && let Some(conversation) = self.conversation_mut(&id)
            {
                conversation.meet(contact.clone());
                self.relay(&id, None);
            }
        }
    }

    fn rename_conversation(&mut self, before: &str, with: &With) {
        let id = with.id();
        let Some(at) = self.rooms.iter().position(|room| room.id == before) else { return };
        let mut room = self.rooms.remove(at);
        if let Some(there) = self.conversation_mut(&id) {
            if let Some(of) = room.letters.take() {
                there.join(*of);
            }
        } else {
            room.id.clone_from(&id);
            self.rooms.push(room);
        }
        for place in [&mut self.selected, &mut self.left] {
            if place == before {
                place.clone_from(&id);
            }
        }
    }

    /// Takes a letter into its conversation: where, and whether it is the first time.
    fn take_letter(&mut self, letter: LetterView) -> Option<(String, bool)> {
        let with = With::of(&letter.who);
        // A letter that was nobody's, or a box's, can have become that of a contact.
        let number = letter.letter;
        let id = self.conversation_with(&with)?;
        for room in self.rooms.iter_mut().filter(|room| room.id != id) {
            if let Some(of) = &mut room.letters
                && of.drop_letter(number)
            {
                room.relay(self.now, None);
            }
        }
        let is_new = self.conversation_mut(&id)?.take(letter);
        self.relay(&id, None);
        Some((id, is_new))
    }

    /// The name of the conversation with somebody, made if there is none; of too many, that of nobody known.
    pub(super) fn conversation_with(&mut self, with: &With) -> Option<String> {
        let id = with.id();
        if self.rooms.iter().any(|room| room.id == id) {
            return Some(id);
        }
        let strangers = self.rooms.iter().filter(|room| {
            room.letters.as_deref().is_some_and(|of| matches!(of.with(), With::Box(_)))
        });
        if matches!(with, With::Box(_)) && strangers.count() >= MOST_STRANGERS {
            return self.conversation_with(&With::Nobody);
        }
        if self.rooms.len() >= MOST_ROOMS {
            return None;
        }
        let mut conversation = Conversation::new(with.clone());
        conversation.write_as(self.mode);
        let letters = Some(Box::new(conversation));
        self.rooms.push(Room { id: id.clone(), letters, ..Room::default() });
        Some(id)
    }

    /// A letter that was refused is there to be changed.
    fn letter_refused(&mut self, id: Option<&str>, of: &ActView) {
        let typed_in = id.filter(|_| of.act.as_deref() == Some("send"));
        let Some(place) = typed_in else { return };
        let text = self.conversation_mut(place).and_then(Conversation::refused);
        if let Some(text) = text {
            self.give_back(place, text);
        }
    }

    /// Takes the line that is typed to the room that is left, and what was typed in the one that comes on screen.
    pub(super) fn change_line(&mut self, to: &str) {
        let from = self.selected.clone();
        let is_letters = |model: &mut Self, id: &str| model.conversation_mut(id).is_some();
        let (leaves, enters) = (is_letters(self, &from), is_letters(self, to));
        if !leaves && !enters {
            // What is typed for one auction may be meant for the next.
            return;
        }
        let typed = self.input.text().to_owned();
        self.keep_left(&from, &typed);
        match self.conversation_mut(&from) {
            Some(conversation) => conversation.leave(typed),
            None => {
                self.line = typed;
                self.left = from;
            }
        }
        let line = match self.conversation_mut(to) {
            Some(conversation) => conversation.take_draft(),
            None => std::mem::take(&mut self.line),
        };
        self.input.put(line);
    }

    pub(super) fn conversation_mut(&mut self, id: &str) -> Option<&mut Conversation> {
        self.rooms.iter_mut().find(|room| room.id == id)?.letters.as_deref_mut()
    }

    /// Lays a conversation out anew; of a letter that was asked for, so that it can be seen.
    pub(super) fn relay(&mut self, id: &str, shown: Option<u64>) {
        let now = self.now;
        if let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) {
            room.relay(now, shown);
        }
    }
}
