//! The line being typed: editing, history and completion.

use ratatui::crossterm::event::{Event as TerminalEvent, KeyEvent};
use tui_input::backend::crossterm::to_input_request;
use tui_input::{Input, InputRequest};
use unicode_normalization::char::compose;

use crate::command::{ArgumentKind, table};
use crate::text::sanitize::{STAND_IN, shown, width};

/// Most characters of a line.
const LONGEST: usize = 8_000;
/// Stands for the end of a line of a draft.
const LINE_END: char = '\u{21b5}';
/// Most lines remembered.
const MOST_REMEMBERED: usize = 200;
/// Most candidates offered at once.
const MOST_OFFERED: usize = 50;

/// A room as completion knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomName {
    /// What is typed.
    pub short: String,
    /// What is recognised.
    pub title: String,
}

/// Something that can be inserted at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is put in place of the word.
    pub text: String,
    /// What is shown in the hint.
    pub label: String,
}

/// Walking through candidates with Tab.
#[derive(Debug)]
struct Round {
    before: String,
    after: String,
    candidates: Vec<Candidate>,
    at: usize,
}

/// One line with its past.
#[derive(Debug, Default)]
pub struct InputLine {
    input: Input,
    remembered: Vec<String>,
    /// Place in the past, counted from the newest; none while writing a new line.
    past: Option<usize>,
    draft: String,
    round: Option<Round>,
}

impl InputLine {
    /// What is typed so far.
    #[must_use]
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.value().is_empty()
    }

    /// The part of the line that fits into `columns`, and the column of the cursor in it. Each
    /// character has its place; what is not drawn as it is shows a stand-in.
    #[must_use]
    pub fn visible(&self, columns: usize) -> (String, usize) {
        let drawn: String = self.input.value().chars().map(drawn).collect();
        let at = drawn.char_indices().nth(self.input.cursor()).map_or(drawn.len(), |(at, _)| at);
        let (before, after) = drawn.split_at_checked(at).unwrap_or((&drawn, ""));
        let mut before = before;
        while width(before) > columns.saturating_sub(1) {
            let mut rest = before.chars();
            rest.next();
            before = rest.as_str();
        }
        (format!("{before}{after}"), width(before))
    }

    /// Code points of the line that are sent though not drawn as they are, each once.
    #[must_use]
    pub fn stood_in(&self) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        for character in self.input.value().chars().filter(|c| drawn(*c) == STAND_IN) {
            let name = format!("U+{:04X}", u32::from(character));
            if !named.contains(&name) {
                named.push(name);
            }
        }
        named
    }

    /// Whether the cursor is behind the last character.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.input.cursor() >= self.input.value().chars().count()
    }

    /// Candidates of the completion under way, and which is chosen.
    #[must_use]
    pub fn offered(&self) -> Option<(&[Candidate], usize)> {
        self.round.as_ref().map(|round| (round.candidates.as_slice(), round.at))
    }

    /// Edits the line; whether the key meant anything.
    pub fn edit(&mut self, key: KeyEvent) -> bool {
        let Some(request) = to_input_request(&TerminalEvent::Key(key)) else { return false };
        self.round = None;
        if let InputRequest::InsertChar(character) = request {
            self.insert(character);
        } else {
            self.input.handle(request);
        }
        true
    }

    /// How many characters it takes, once it takes no more: what is typed or pasted then is left out.
    #[must_use]
    pub fn full(&self) -> Option<usize> {
        (self.input.value().chars().count() >= LONGEST).then_some(LONGEST)
    }

    /// Inserts pasted text as one line; line breaks become spaces.
    pub fn paste(&mut self, text: &str) {
        self.round = None;
        for character in text.replace("\r\n", "\n").chars().take(LONGEST) {
            let breaks = matches!(character, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}');
            self.insert(if breaks { ' ' } else { character });
        }
    }

    /// Takes the line out and remembers it, unless it is the newest remembered.
    pub fn take(&mut self) -> String {
        let line = self.input.value_and_reset();
        self.round = None;
        self.past = None;
        self.draft.clear();
        let newest = self.remembered.last();
        if !line.trim().is_empty() && newest != Some(&line) {
            if self.remembered.len() >= MOST_REMEMBERED {
                self.remembered.remove(0);
            }
            self.remembered.push(line.clone());
        }
        line
    }

    /// Takes the line out, and leaves no trace of it.
    pub fn take_unremembered(&mut self) -> String {
        let line = self.input.value_and_reset();
        self.put(String::new());
        line
    }

    /// Puts another line in place of the one that is typed.
    pub fn put(&mut self, line: String) {
        self.round = None;
        self.past = None;
        self.draft.clear();
        self.input = Input::new(line);
    }

    /// Shows the line before the one shown.
    pub fn older(&mut self) {
        let next = self.past.map_or(0, |past| past.saturating_add(1));
        if next >= self.remembered.len() {
            return;
        }
        if self.past.is_none() {
            self.draft = self.input.value().to_owned();
        }
        self.past = Some(next);
        self.show_past();
    }

    /// Shows the line after the one shown; after the newest, what was being written.
    pub fn newer(&mut self) {
        match self.past {
            None => return,
            Some(0) => self.past = None,
            Some(past) => self.past = Some(past.saturating_sub(1)),
        }
        self.show_past();
    }

    /// Puts the next candidate at the cursor; `back` walks the other way.
    pub fn complete(&mut self, rooms: &[RoomName], back: bool) {
        if self.round.is_none() {
            let cursor = self.input.cursor();
            let before: String = self.input.value().chars().take(cursor).collect();
            let after: String = self.input.value().chars().skip(cursor).collect();
            let (kept, candidates) = candidates(&before, rooms);
            let before = kept.to_owned();
            self.round =
                (!candidates.is_empty()).then_some(Round { before, after, candidates, at: 0 });
        } else if let Some(round) = &mut self.round {
            let count = round.candidates.len();
            let step = if back { count.saturating_sub(1) } else { 1 };
            round.at = round.at.saturating_add(step).checked_rem(count).unwrap_or(0);
        }
        let Some(round) = &self.round else { return };
        let Some(candidate) = round.candidates.get(round.at) else { return };
        let start = format!("{}{} ", round.before, candidate.text);
        let cursor = start.chars().count();
        let line = format!("{start}{}", round.after.trim_start());
        self.input = Input::new(line).with_cursor(cursor);
        if round.candidates.len() == 1 {
            self.round = None;
        }
    }

    /// Ends a completion; whether there was one.
    pub fn dismiss(&mut self) -> bool {
        self.round.take().is_some()
    }

    /// Inserts a character; a mark is composed with the letter before it where that gives one
    /// character.
    fn insert(&mut self, character: char) {
        if character.is_control() {
            return;
        }
        let before = self.input.cursor().checked_sub(1);
        let before = before.and_then(|before| self.input.value().chars().nth(before));
        if let Some(composed) = before.and_then(|before| compose(before, character)) {
            self.input.handle(InputRequest::DeletePrevChar);
            self.input.handle(InputRequest::InsertChar(composed));
        } else if self.input.value().chars().count() < LONGEST {
            self.input.handle(InputRequest::InsertChar(character));
        }
    }

    fn show_past(&mut self) {
        self.round = None;
        let line = match self.past {
            None => self.draft.clone(),
            Some(past) => self.remembered.iter().rev().nth(past).cloned().unwrap_or_default(),
        };
        self.input = Input::new(line);
    }
}

/// A character of the line as it is drawn. A draft may have several lines: they are typed on in one.
fn drawn(character: char) -> char {
    if character == '\n' { LINE_END } else { shown(character) }
}

/// What may replace the last word of `before`, and what stays in front of it.
fn candidates<'a>(before: &'a str, rooms: &[RoomName]) -> (&'a str, Vec<Candidate>) {
    let start = before.rfind(' ').map_or(0, |space| space.saturating_add(1));
    let (kept, word) = before.split_at_checked(start).unwrap_or(("", before));
    let earlier: Vec<&str> = kept.split_whitespace().collect();
    let Some(command) = earlier.first() else {
        return (kept, name_candidates(word));
    };
    let Some(usage) = command.strip_prefix('/').and_then(table::find) else {
        return (kept, Vec::new());
    };
    let place = earlier.len().saturating_sub(1);
    let offered = match usage.arguments.get(place).map(|argument| argument.kind) {
        Some(ArgumentKind::Room) => room_candidates(word, rooms),
        Some(ArgumentKind::Command) => {
            name_candidates(&format!("/{}", word.trim_start_matches('/')))
        }
        Some(
            ArgumentKind::Amount
            | ArgumentKind::Word
            | ArgumentKind::Text
            | ArgumentKind::Saying
            | ArgumentKind::Flag,
        ) => Vec::new(),
        // Keywords follow the places, and each other.
        None => usage
            .keywords
            .iter()
            .map(|keyword| keyword.name)
            .filter(|name| name.starts_with(word) && !earlier.contains(name))
            .map(|name| Candidate { text: name.to_owned(), label: name.to_owned() })
            .collect(),
    };
    (kept, offered)
}

fn name_candidates(word: &str) -> Vec<Candidate> {
    let Some(start) = word.strip_prefix('/') else { return Vec::new() };
    let candidate = |name: &str| Candidate { text: format!("/{name}"), label: format!("/{name}") };
    let start = start.to_lowercase();
    let names = table::COMMANDS.iter().map(|usage| usage.name);
    let aliases = table::COMMANDS.iter().flat_map(|usage| usage.aliases.iter().copied());
    let named: Vec<Candidate> =
        names.filter(|name| name.starts_with(&start)).map(candidate).collect();
    if named.is_empty() {
        return aliases.filter(|name| name.starts_with(&start)).map(candidate).collect();
    }
    named
}

/// Rooms whose name begins with the word or whose title holds it; marked, since a bare name may be
/// read as an amount or as text.
fn room_candidates(word: &str, rooms: &[RoomName]) -> Vec<Candidate> {
    let word = word.strip_prefix('#').unwrap_or(word);
    let part = word.trim_matches('"').to_lowercase();
    rooms
        .iter()
        .filter(|room| room.short.starts_with(&part) || room.title.to_lowercase().contains(&part))
        .take(MOST_OFFERED)
        .map(|room| Candidate {
            text: format!("#{}", room.short),
            label: format!("#{} {}", room.short, room.title),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> InputLine {
        let mut line = InputLine::default();
        line.paste(text);
        line
    }

    fn rooms() -> Vec<RoomName> {
        [("3f2a", "Old radio"), ("3fbb", "Lamp"), ("9c01", "Radio tubes")]
            .map(|(short, title)| RoomName { short: short.to_owned(), title: title.to_owned() })
            .to_vec()
    }

    fn completed(text: &str, tabs: usize) -> String {
        let mut line = typed(text);
        for _ in 0..tabs {
            line.complete(&rooms(), false);
        }
        line.text().to_owned()
    }

    #[test]
    fn tab_completes_commands_from_the_table() {
        assert_eq!(completed("/rec", 1), "/receipts ");
        assert_eq!(completed("/re", 1), "/receipts ");
        assert_eq!(completed("/re", 2), "/reveal ");
        assert_eq!(completed("/re", 3), "/relist ");
        assert_eq!(completed("/re", 4), "/read ");
        assert_eq!(completed("/re", 5), "/recall ");
        assert_eq!(completed("/re", 6), "/receipts ");
        assert_eq!(completed("/allit", 1), "/allitems ");
        assert_eq!(completed("/zzz", 1), "/zzz");
        assert_eq!(completed("hello", 1), "hello");
        assert_eq!(completed("/help bi", 1), "/help /bid ");
    }

    #[test]
    fn every_command_is_completed_from_its_whole_name() {
        for usage in table::COMMANDS {
            let name = format!("/{}", usage.name);
            let (_, offered) = candidates(&name, &[]);
            assert!(offered.iter().any(|candidate| candidate.text == name), "{name}");
        }
    }

    #[test]
    fn tab_completes_rooms_by_name_and_by_title() {
        assert_eq!(completed("/bid 3f", 1), "/bid #3f2a ");
        assert_eq!(completed("/bid #3f", 2), "/bid #3fbb ");
        assert_eq!(completed("/bid lam", 1), "/bid #3fbb ");
        assert_eq!(completed("/bid RADIO", 2), "/bid #9c01 ");
        assert_eq!(completed("/say #tub", 1), "/say #9c01 ");
        assert_eq!(completed("/bid 3f2a 1", 1), "/bid 3f2a 1");
        assert_eq!(completed("/join nothing", 1), "/join nothing");
    }

    #[test]
    fn a_completed_room_is_the_room_and_no_text_or_amount() {
        use crate::command::{ChatInput, Command, read_line};
        let current = Some("77");
        let line = format!("{}hello", completed("/say ", 1));
        let Ok(ChatInput::Command(Command::Say { room, text })) = read_line(&line, current) else {
            panic!("{line}")
        };
        assert_eq!((room.as_str(), text.as_str()), ("3f2a", "hello"));
        // Entered without a change, nothing is said and nothing is bid.
        for command in table::COMMANDS.iter().filter(|usage| {
            let first = usage.arguments.first().map(|argument| argument.kind);
            usage.arguments.len() > 1 && first == Some(ArgumentKind::Room)
        }) {
            let line = completed(&format!("/{} ", command.name), 1);
            assert_eq!(line, format!("/{} #3f2a ", command.name));
            match read_line(&line, current) {
                Err(_) => {}
                Ok(ChatInput::Command(command)) => assert_eq!(command.room(), Some("3f2a")),
                Ok(ChatInput::Nothing) => panic!("{line}"),
            }
        }
    }

    #[test]
    fn tab_offers_each_keyword_of_a_listing_once() {
        assert_eq!(completed("/list Radio 10 f", 1), "/list Radio 10 for ");
        assert_eq!(completed("/list Radio 10 for 90s f", 1), "/list Radio 10 for 90s fixed-end ");
        assert_eq!(completed("/list Radio 10 for 90s fo", 1), "/list Radio 10 for 90s fo");
        assert_eq!(completed("/list Radio 10 for 90s e", 1), "/list Radio 10 for 90s extend ");
    }

    #[test]
    fn completion_in_the_middle_keeps_what_follows() {
        let mut line = typed("/bi 120");
        line.input = Input::new("/bi 120".to_owned()).with_cursor(3);
        line.complete(&rooms(), false);
        assert_eq!(line.text(), "/bid 120");
        assert_eq!(line.input.cursor(), 5);
    }

    #[test]
    fn shift_tab_walks_back() {
        let mut line = typed("/re");
        line.complete(&rooms(), false);
        line.complete(&rooms(), true);
        assert_eq!(line.text(), "/recall ");
        assert!(line.dismiss());
        assert!(!line.dismiss());
    }

    #[test]
    fn history_walks_to_the_past_and_back_to_the_draft() {
        let mut line = InputLine::default();
        for text in ["one", "two", "two", " "] {
            line.paste(text);
            line.take();
        }
        line.paste("draft");
        line.older();
        assert_eq!(line.text(), "two");
        line.older();
        line.older();
        assert_eq!(line.text(), "one");
        line.newer();
        assert_eq!(line.text(), "two");
        line.newer();
        line.newer();
        assert_eq!(line.text(), "draft");
    }

    #[test]
    fn history_and_line_are_bounded() {
        let mut line = InputLine::default();
        for number in 0..MOST_REMEMBERED + 50 {
            line.paste(&number.to_string());
            line.take();
        }
        assert_eq!(line.remembered.len(), MOST_REMEMBERED);
        line.paste(&"x".repeat(10 * LONGEST));
        assert_eq!(line.text().len(), LONGEST);
        assert_eq!(line.full(), Some(LONGEST));
        line.edit(KeyEvent::from(ratatui::crossterm::event::KeyCode::Backspace));
        assert_eq!(line.full(), None);
    }

    #[test]
    fn pasted_lines_become_one_and_send_nothing() {
        let line = typed("one\r\ntwo\u{1b}[A\tthree");
        assert_eq!(line.text(), "one two[A three");
    }

    #[test]
    fn what_is_not_drawn_as_it_is_shows_in_its_place_and_is_named() {
        let line = typed("/say \u{600}9 नि \u{202e}x");
        assert_eq!(line.visible(80), ("/say ⌧9 न⌧ ⌧x".to_owned(), 13));
        assert_eq!(line.stood_in(), ["U+0600", "U+093F", "U+202E"]);
        let line = typed("e\u{301} \u{1112}\u{1161}\u{11ab} 日本");
        assert_eq!(line.text(), "é 한 日本");
        assert_eq!(line.visible(80), ("é 한 日本".to_owned(), 9));
        assert!(line.stood_in().is_empty());
        assert_eq!(line.visible(6), (" 日本".to_owned(), 5));
    }

    #[test]
    fn a_long_line_scrolls_with_the_cursor() {
        let line = typed("abcdefghij");
        assert_eq!(line.visible(20), ("abcdefghij".to_owned(), 10));
        assert_eq!(line.visible(6), ("fghij".to_owned(), 5));
    }
}
