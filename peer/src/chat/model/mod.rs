//! What the chat client shows, as plain data: no terminal, no clock, no channel.
//!
//! Events change it, keys change it through `keys`, [`super::draw`] reads it. Everything
//! in it is bounded, since a broker decides how much arrives.

pub(super) mod drafts;
mod events;
mod letters;

use std::collections::VecDeque;
use std::time::Duration;

use pregao_protocol::letter::Mode;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::{RECENT, Time};
use pregao_protocol::value::report::Advised as _;

use super::confirm::ConfirmDialogue;
use super::conversation::Conversation;
use super::input::{InputLine, RoomName};
use super::pin::PinDialogue;
pub use super::room::{ChatLine, Other, PricePoint, Reveal, Room, Tone};
use crate::command::{ChatInput, Command, UsageError, read_line, table};
use crate::event::Event;
use crate::front::channel::{Subject, UserAnswer};
use crate::text::duration;
use crate::text::sanitize::sanitize;

pub use letters::QUIET;

/// Most rooms shown.
pub const MOST_ROOMS: usize = 2_000;
/// Most questions of which is remembered where they were asked.
const MOST_ASKED: usize = 64;
/// Characters of a name shown until the desk has said by how many the room is called.
const SHORT: usize = 8;

/// Whether there is a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// None yet.
    Connecting,
    /// One.
    Connected,
    /// It ended.
    Lost,
}

/// What is known about whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustLine {
    /// Whether there is a session.
    pub connection: Connection,
    /// The user's persona.
    pub persona: Option<Fingerprint>,
    /// Negotiated suite.
    pub suite: Option<String>,
    /// Whether TSA and CA run in simulated time.
    pub simulated: bool,
    /// Alarms since the start.
    pub alarms: u64,
}

/// What the loop is to do after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Wait for the next key.
    Wait,
    /// Hand this to the desk.
    Send(Command),
    /// Hand the answer to the desk's question over: [`Model::take_answer`].
    Answer,
    /// End.
    Quit,
}

/// The whole state of the chat client.
#[derive(Debug)]
pub struct Model {
    rooms: Vec<Room>,
    selected: String,
    /// The room on screen before a conversation was.
    left: String,
    /// What is typed and not sent in rooms that are no conversation, while one is on screen.
    line: String,
    /// What the chat asks the desk by itself.
    to_ask: Vec<Command>,
    /// Whom what the user writes convinces, where it is not chosen otherwise.
    pub(super) mode: Mode,
    /// What is typed in the conversation on screen and not kept yet.
    unsaved: drafts::Unsaved,
    /// Why the desk refused last what the chat asked by itself.
    quiet_refused: Option<String>,
    /// Whether every letter is here that was not read.
    has_all_unread: bool,
    /// Rooms in which questions were asked that are not answered yet, the first asked first.
    asked: VecDeque<String>,
    /// Trust state for the status bar.
    pub trust: TrustLine,
    /// TSA time carried forward by the loop; none before the first tick.
    pub now: Option<Time>,
    /// Age of the last tick.
    pub age: Duration,
    /// The broker is there, and the TSA's time does not come.
    pub tsa_down: bool,
    /// The line being typed.
    pub input: InputLine,
    /// The question whether to do something, while it is open.
    pub confirm: Option<ConfirmDialogue>,
    /// The question for the PIN of the citizen card, while it is open.
    pub pin: Option<PinDialogue>,
    /// Whether the window is large enough for anything to be drawn.
    drawn: bool,
    answer: Option<UserAnswer>,
    /// The newest alarm until it is hidden.
    pub alarm: Option<String>,
    /// Whether the help covers the screen.
    pub help: bool,
    dirty: bool,
    repaint: bool,
    ring: bool,
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

impl Model {
    /// The state before anything happened.
    #[must_use]
    pub fn new() -> Self {
        let trust = TrustLine {
            connection: Connection::Connecting,
            persona: None,
            suite: None,
            simulated: false,
            alarms: 0,
        };
        let mut model = Self {
            rooms: vec![Room::default()],
            selected: String::new(),
            left: String::new(),
            line: String::new(),
            to_ask: Self::first_questions(),
            mode: Mode::Deniable,
            unsaved: drafts::Unsaved::default(),
            quiet_refused: None,
            has_all_unread: true,
            asked: VecDeque::new(),
            trust,
            now: None,
            age: Duration::ZERO,
            tsa_down: false,
            input: InputLine::default(),
            confirm: None,
            pin: None,
            drawn: false,
            answer: None,
            alarm: None,
            help: false,
            dirty: true,
            repaint: true,
            ring: false,
        };
        for line in [
            "Welcome. This is the lobby: the program itself speaks here.",
            "Auctions appear on the left; Ctrl-N and Ctrl-P walk through them.",
            "/items lists all, /bid 120 bids in the auction on screen, F1 or /help explains.",
        ] {
            model.report(Tone::System, line);
        }
        model
    }

    /// Passes the TSA time carried forward, and the age of the tick it was carried from: the time
    /// counts as known only if that is recent. The screen changes once a second.
    pub fn advance(&mut self, now: Time, age: Duration) {
        let now = (age <= RECENT).then_some(now);
        let shown = |time: Option<Time>, age: Duration| (time.map(Time::as_secs), age.as_secs());
        let is_next = shown(self.now, self.age) != shown(now, age);
        self.dirty |= is_next;
        self.now = now;
        self.age = age;
        if is_next && self.conversation().is_some_and(Conversation::waits) {
            let selected = self.selected.clone();
            self.relay(&selected, None);
        }
    }

    /// Whether something changed since the last call.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Whether the terminal should ring, once.
    pub fn take_ring(&mut self) -> bool {
        std::mem::take(&mut self.ring)
    }

    /// Has the whole screen written anew, whatever stands on it.
    pub const fn repaint(&mut self) {
        self.repaint = true;
        self.dirty = true;
    }

    /// Whether the whole screen is to be written anew, once.
    pub fn take_repaint(&mut self) -> bool {
        std::mem::take(&mut self.repaint)
    }

    /// Marks the screen as outdated.
    pub const fn touch(&mut self) {
        self.dirty = true;
    }

    /// The rooms in the order of the list.
    #[must_use]
    pub fn listed(&self) -> Vec<&Room> {
        let mut rooms: Vec<&Room> = self.rooms.iter().collect();
        let all = self.has_all_unread;
        rooms.sort_by_cached_key(|room| room.rank(all));
        rooms
    }

    /// The room on screen.
    #[must_use]
    pub fn current(&self) -> Option<&Room> {
        self.rooms.iter().find(|room| room.id == self.selected)
    }

    /// The reveal room that waits for the user, the most urgent first.
    #[must_use]
    pub fn waiting(&self) -> Option<(&Room, &Reveal)> {
        self.rooms
            .iter()
            .filter_map(|room| room.reveal.as_ref().map(|reveal| (room, reveal)))
            .filter(|(_, reveal)| !reveal.sent && reveal.other.is_none())
            .filter(|(_, reveal)| self.now.is_none_or(|now| now < reveal.deadline))
            .min_by_key(|(_, reveal)| reveal.deadline)
    }

    /// The beginning of its name by which a room is called: the desk, which knows all rooms, says how
    /// much of it tells the room apart.
    #[must_use]
    pub fn short<'a>(&'a self, id: &'a str) -> &'a str {
        let called = self.rooms.iter().find(|room| room.id == id).map(|room| room.short.as_str());
        let unsaid = || id.get(..SHORT).unwrap_or(id);
        called.filter(|short| !short.is_empty()).unwrap_or_else(unsaid)
    }

    /// Rooms of which at least one head was verified against every entry.
    #[must_use]
    pub fn verified(&self) -> usize {
        let views = self.rooms.iter().filter_map(|room| room.view.as_ref());
        views.filter(|view| view.verified_size > 0).count()
    }

    /// What completion offers for rooms.
    #[must_use]
    pub fn names(&self) -> Vec<RoomName> {
        self.listed()
            .into_iter()
            .filter(|room| !room.is_lobby() && room.letters.is_none())
            .map(|room| RoomName { short: self.short(&room.id).to_owned(), title: room.title() })
            .collect()
    }

    /// Puts another room on screen: `1` is the next in the list, `-1` the one before.
    pub fn walk(&mut self, step: isize) {
        let listed = self.listed();
        let at = listed.iter().position(|room| room.id == self.selected).unwrap_or(0);
        let count = listed.len();
        let to = at.saturating_add(count).saturating_add_signed(step).checked_rem(count);
        if let Some(room) = to.and_then(|to| listed.get(to)) {
            let id = room.id.clone();
            self.select(&id);
        }
    }

    /// Scrolls the pane by lines; positive is towards the past.
    pub fn scroll(&mut self, lines: isize) {
        self.dirty = true;
        if let Some(room) = self.rooms.iter_mut().find(|room| room.id == self.selected) {
            let most = room.messages.len().saturating_sub(1);
            room.scroll = room.scroll.saturating_add_signed(lines).min(most);
        }
    }

    /// Puts a room on screen.
    pub fn select(&mut self, id: &str) {
        self.dirty = true;
        if self.selected != id && self.rooms.iter().any(|room| room.id == id) {
            self.change_line(id);
            let before = std::mem::replace(&mut self.selected, id.to_owned());
            // Texts of letters are shown while they are on screen.
            self.relay(&before, None);
        }
        if let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) {
            room.unread = 0;
        }
    }

    /// Carries out a line that was typed, as far as it needs no desk.
    pub fn submit(&mut self, line: &str) -> Next {
        self.dirty = true;
        if self.writes_letter(line) {
            return self.write_letter(line);
        }
        let is_room = !self.selected.is_empty() && self.conversation().is_none();
        let room = is_room.then(|| self.selected.clone());
        match read_line(line, room.as_deref()) {
            Ok(ChatInput::Nothing) => Next::Wait,
            Ok(ChatInput::Command(Command::Quit)) => Next::Quit,
            Ok(ChatInput::Command(Command::Help { about })) => {
                for line in table::help(about.as_deref()) {
                    self.report(Tone::System, &line);
                }
                Next::Wait
            }
            Ok(ChatInput::Command(command)) => {
                self.asks_after(&command);
                Next::Send(command)
            }
            Err(error) => {
                self.refuse(error);
                Next::Wait
            }
        }
    }

    /// Whether a line that is typed here is a letter and no command.
    #[must_use]
    pub fn writes_letter(&self, line: &str) -> bool {
        let line = line.trim();
        let is_command = line.starts_with('/') && !line.starts_with("//");
        self.conversation().is_some() && !line.is_empty() && !is_command
    }

    /// Notes that a disclosure was sent in a private room, or in that of an auction.
    fn mark_sent(&mut self, name: &str) {
        for room in &mut self.rooms {
            if let Some(reveal) = &mut room.reveal {
                reveal.sent |= room.id == name || reveal.auction == name;
            }
        }
    }

    /// Puts a question on screen, over everything else. Keys that were typed before it was drawn are
    /// to be kept from it.
    pub fn ask(&mut self, about: Subject) {
        self.dirty = true;
        self.ring = true;
        self.help = false;
        match about {
            Subject::Pin(question) => self.pin = Some(PinDialogue::new(question)),
            Subject::Confirm(question) => self.confirm = Some(ConfirmDialogue::new(question)),
        }
    }

    /// Whether a question is open.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.pin.is_some() || self.confirm.is_some()
    }

    /// Notes whether the window is large enough to draw anything. A question that is not on the
    /// screen takes no keys.
    pub const fn draws(&mut self, drawn: bool) {
        self.drawn = drawn;
    }

    /// Whether what is asked can be read.
    pub(super) const fn is_drawn(&self) -> bool {
        self.drawn
    }

    /// Keeps an answer for the loop.
    pub(super) fn answer_question(&mut self, answer: UserAnswer) -> Next {
        self.dirty = true;
        self.answer = Some(answer);
        Next::Answer
    }

    /// The answer given, once.
    pub fn take_answer(&mut self) -> Option<UserAnswer> {
        self.answer.take()
    }

    /// Takes in what was pasted, or typed faster than it was read: as one line, to be looked at and
    /// sent with Enter. Of several lines none is carried out, so that a bid among them is not one.
    pub fn paste(&mut self, text: &str) {
        self.touch();
        let before = self.input.text().trim();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let commands = lines.clone().chain([before]).any(|line| line.starts_with('/'));
        if commands && lines.nth(1).is_some() {
            self.refuse_several();
        } else {
            self.input.paste(text);
        }
    }

    /// Says that nothing of what came at once was done.
    pub(super) fn refuse_several(&mut self) {
        self.touch();
        self.refuse(UsageError {
            message: "several lines came at once; none was carried out".to_owned(),
            advice: "send commands one at a time".to_owned(),
        });
    }

    /// Shows a mistake in the room on screen.
    pub fn refuse(&mut self, error: UsageError) {
        self.apply(Event::refused(None, error.report()));
    }

    /// Adds a line of the program to the room on screen.
    pub fn report(&mut self, tone: Tone, text: &str) {
        let selected = self.selected.clone();
        self.push_line(&selected, tone, text);
    }

    /// The room of this name, made if there is none. None beyond [`MOST_ROOMS`].
    fn room(&mut self, id: &str) -> Option<&mut Room> {
        if let Some(at) = self.rooms.iter().position(|room| room.id == id) {
            return self.rooms.get_mut(at);
        }
        if self.rooms.len() >= MOST_ROOMS {
            return None;
        }
        self.rooms.push(Room { id: id.to_owned(), ..Room::default() });
        self.rooms.last_mut()
    }

    /// Adds a line to a room and counts it as unread there; own lines are not counted.
    fn add(&mut self, id: &str, message: ChatLine) {
        self.dirty = true;
        let shown = self.selected == id;
        let now = self.now;
        let Some(room) = self.room(id) else { return };
        if let Some(of) = &mut room.letters {
            of.note(message);
            room.relay(now, None);
            return;
        }
        if shown {
            // Whoever reads the past keeps their place.
            if room.scroll > 0 {
                room.scroll = room.scroll.saturating_add(1);
            }
        } else if message.tone != Tone::Own {
            room.unread = room.unread.saturating_add(1);
        }
        room.push(message);
    }

    fn push_line(&mut self, id: &str, tone: Tone, text: &str) {
        let message = ChatLine { seq: None, time: self.now, tone, text: sanitize(text) };
        self.add(id, message);
    }

    /// The name of a command that is typed now: by it the answer finds the room on screen again.
    #[must_use]
    pub fn request_id(&self) -> String {
        self.selected.clone()
    }

    /// Notes where a question was asked that the desk has got.
    pub fn asked(&mut self) {
        if self.asked.len() < MOST_ASKED {
            self.asked.push_back(self.selected.clone());
        }
    }
}

/// Whether a command asks for something to be shown. The desk answers these in order.
#[must_use]
pub const fn is_question(command: &Command) -> bool {
    matches!(command, Command::Items(_) | Command::Mine(_) | Command::Whoami | Command::Receipts)
}

/// The time left until `end` as a countdown; `over` once it has passed.
#[must_use]
pub fn left(now: Option<Time>, end: Time) -> String {
    match now {
        None => "--:--".to_owned(),
        Some(now) if now >= end => "over".to_owned(),
        Some(now) => duration::countdown(end.since(now)),
    }
}

#[cfg(test)]
mod tests;
