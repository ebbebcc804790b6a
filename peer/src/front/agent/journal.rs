//! What happens, on one line each, for a journal that people read.

use std::collections::BTreeMap;

use pregao_protocol::value::clock::Time;

use crate::event::{ActView, Event, RoomView, room_words};
use crate::front::oneshot;
use crate::text::amount::print_in;
use crate::text::sanitize::sanitize;

/// Most characters of a fingerprint: it is compared elsewhere.
const SHOWN: usize = 16;

/// What lines are made with: what rooms are called, and what is past.
#[derive(Debug, Default)]
pub(super) struct Journal {
    rooms: BTreeMap<String, Called>,
    /// The first time heard of: what was stamped before it is not told again.
    since: Option<Time>,
    now: Option<Time>,
}

/// How a room is called.
#[derive(Debug)]
struct Called {
    short: String,
    title: String,
    /// It was said where it stands, as the program began to follow it.
    begun: bool,
}

impl Journal {
    /// Takes a time of the TSA.
    pub(super) fn note_time(&mut self, time: Time) {
        self.since.get_or_insert(time);
        self.now = Some(time);
    }

    /// A room as people read it.
    pub(super) fn room(&self, name: &str) -> String {
        let called = self.rooms.get(name);
        called.map_or_else(
            || room_words(name.get(..8).unwrap_or(name), None),
            |called| room_words(&called.short, Some(&called.title)),
        )
    }

    /// An event in lines: one, except for the rows of an answer; none for what only moves a screen.
    pub(super) fn lines(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::Room(view) => self.note_room(view).into_iter().collect(),
            Event::Called { room, short } => {
                if let Some(called) = self.rooms.get_mut(room) {
                    called.short.clone_from(short);
                }
                Vec::new()
            }
            Event::Connected { broker, persona, suite, simulated } => {
                let [broker, persona] = [broker, persona].map(|who| beginning(&who.to_string()));
                let simulated = if *simulated { ", SIMULATED time" } else { "" };
                let suite = sanitize(suite);
                vec![format!(
                    "connected to broker {broker} as persona {persona}, {suite}{simulated}"
                )]
            }
            Event::Disconnected { reason, .. } => {
                vec![format!("no connection: {}; it is tried until there is one", sanitize(reason))]
            }
            Event::Bid { time, .. }
            | Event::Said { time, .. }
            | Event::SaidPrivately { time, .. }
            | Event::Happened { time, .. }
                if self.is_past(*time) =>
            {
                Vec::new()
            }
            Event::Bid { room, seq, amount, currency, own, .. } => {
                let (room, bid) = (self.room(room), print_in(*amount, currency));
                let own = if *own { ", yours" } else { "" };
                vec![format!("{room}: bid of {bid}{own} (entry {seq})")]
            }
            Event::Said { room, seq, author, text, .. } => {
                let (room, author, text) = (self.room(room), sanitize(author), sanitize(text));
                vec![format!("{room}: {author} says: {text} (entry {seq})")]
            }
            Event::SaidPrivately { room, seq, .. } => {
                let (room, words) = (self.room(room), event.private_words().unwrap_or_default());
                vec![format!("{room}: {} (entry {seq})", sanitize(&words))]
            }
            Event::Happened { room, seq, verb, text, .. } => {
                let (room, verb, text) = (self.room(room), sanitize(verb), sanitize(text));
                let verb = if verb == text { verb } else { format!("{verb}: {text}") };
                vec![format!("{room}: {verb} (entry {seq})")]
            }
            Event::Done { id: None, .. } => Vec::new(),
            Event::Done { ok, of, .. } => vec![done(*ok, of)],
            Event::Note { text, of, .. } => vec![about(of, &sanitize(text))],
            // Rows that are an answer stay rows.
            Event::Items { .. }
            | Event::Mine { .. }
            | Event::Bids { .. }
            | Event::Paddles { .. }
            | Event::Mail { .. }
            | Event::Read { .. }
            | Event::People { .. }
            | Event::Contacts { .. }
            | Event::Boxes { .. }
            | Event::Mode { .. }
            | Event::Drafts { .. }
            | Event::Draft { .. }
            | Event::Status { .. }
            | Event::Receipts { .. }
            | Event::Checked { .. }
            | Event::Whoami(_) => oneshot::lines(event, self.now),
            other => joined(&oneshot::lines(other, self.now)).into_iter().collect(),
        }
    }

    /// Whether something was stamped before this program began.
    fn is_past(&self, time: Time) -> bool {
        self.since.is_none_or(|since| time < since)
    }

    /// Learns how a room is called. Where it stands, once its log is known.
    fn note_room(&mut self, view: &RoomView) -> Option<String> {
        let (short, title) = (view.short.clone(), view.title.clone());
        let begun = self.rooms.get(&view.room).is_some_and(|called| called.begun);
        let begins = !begun && view.joined && view.is_known();
        let called = Called { short, title, begun: begun || begins };
        self.rooms.insert(view.room.clone(), called);
        begins.then(|| format!("follows {}", oneshot::room_line(view, self.now)))
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// A line that answers a command in a room says in which.
fn about(of: &ActView, text: &str) -> String {
    match &of.short {
        Some(short) => format!("{}: {text}", room_words(short, of.title.as_deref())),
        None => text.to_owned(),
    }
}

fn done(ok: bool, of: &ActView) -> String {
    let done = if ok { "done" } else { "not done" };
    match of.words() {
        words if words.is_empty() => done.to_owned(),
        words => format!("{done}: {words}"),
    }
}

/// Lines of one event as one.
fn joined(lines: &[String]) -> Option<String> {
    let parts: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
