//! Reads commands as people type them.
//!
//! Quotes are `"` (or typographic ones); an apostrophe is an ordinary character. A room may be
//! left out where one is current, and may always be marked with `#`. Where a word could be a room
//! as well as an amount or text, it is not guessed: in the chat it needs the mark.

mod listing;
mod mail;
mod queries;
mod sorted;

use pregao_protocol::room::body::PaddleName;
use pregao_protocol::room::disclosure::Attribute;
use pregao_protocol::value::text::steers;

use super::table::{self, Keyword, Usage};
use super::unclear::{SHORTEST_ROOM, like_a_name, marked_room, split_amount};
use super::{Command, EvidenceTask, PaddleTask, UsageError};
use crate::text::visible::shows_something;
use crate::text::{amount, sanitize};
pub(crate) use listing::{list, relist, unlist};
pub(crate) use mail::{
    accept, ack, block, contact, decline, draft, drafts, letter_to, mail, message_box, mode, new,
    people, read, recall, search, send, status, unfinished,
};
pub(crate) use queries::{bids, check, items, mine};
use sorted::Sorted;

/// How the words after a command's name become a command.
pub(crate) type ReadCommand = fn(&Words, Option<&str>) -> Result<Command, UsageError>;

/// Longest line read, in characters.
pub const LONGEST_LINE: usize = 4_096;
/// Most characters said at once.
pub(crate) const LONGEST_SAYING: usize = 500;
/// Most characters of a disclosed name.
const LONGEST_NAME: usize = 80;
/// Most characters of a disclosed contact.
const LONGEST_CONTACT: usize = 200;
/// Most characters that name a reader.
const LONGEST_READER: usize = 100;

/// What a line typed in the chat asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatInput {
    /// Nothing was typed.
    Nothing,
    /// A command.
    Command(Command),
}

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Without its quotes.
    pub text: String,
    /// Whether it began with a quote: then it is no keyword and no room.
    pub quoted: bool,
    /// Where it starts in [`Words::rest`], in bytes.
    start: usize,
}

/// A line cut into words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The words in order.
    pub words: Vec<Word>,
    /// The line they were cut from.
    rest: String,
    /// Whether the last quote was left open; its text runs to the end of the line.
    pub open_quote: bool,
    /// Whether a shell cut them: there no room is on screen, so the first word of a command that
    /// takes a room can be nothing else.
    by_shell: bool,
}

impl Words {
    /// Cuts a line at white space outside quotes. `\"` is a quote that does not quote.
    #[must_use]
    pub fn cut(line: &str) -> Self {
        let mut cut = Self { rest: line.to_owned(), ..Self::default() };
        let mut word: Option<Word> = None;
        let mut characters = line.char_indices().peekable();
        while let Some((start, character)) = characters.next() {
            let escaped = character == '\\' && characters.next_if(|(_, c)| *c == '"').is_some();
            if !cut.open_quote && !escaped && character.is_whitespace() {
                cut.words.extend(word.take());
                continue;
            }
            let current = word.get_or_insert(Word { text: String::new(), quoted: false, start });
            if escaped {
                current.text.push('"');
            } else if matches!(character, '"' | '“' | '”' | '„') {
                cut.open_quote = !cut.open_quote;
                current.quoted |= current.text.is_empty();
            } else {
                current.text.push(character);
            }
        }
        cut.words.extend(word);
        cut
    }

    /// Words that a shell has cut already.
    #[must_use]
    pub fn from_arguments<S: AsRef<str>>(arguments: &[S]) -> Self {
        let mut cut = Self::by_shell();
        for argument in arguments {
            cut.add_word(argument.as_ref());
        }
        cut
    }

    /// No word yet of those that a shell has cut.
    #[must_use]
    pub fn by_shell() -> Self {
        Self { by_shell: true, ..Self::default() }
    }

    /// Adds a word that a shell has cut; one with white space in it was quoted there.
    pub fn add_word(&mut self, text: &str) {
        let name = text.split('=').next().unwrap_or(text);
        self.add(text, text.is_empty() || name.contains(char::is_whitespace));
    }

    /// Adds the value of an option as the value of its keyword, whatever word it is.
    pub fn add_option(&mut self, keyword: &Keyword, value: &str) {
        self.add(keyword.name, false);
        self.add(value, true);
    }

    fn add(&mut self, text: &str, quoted: bool) {
        if !self.words.is_empty() {
            self.rest.push(' ');
        }
        self.words.push(Word { text: text.to_owned(), quoted, start: self.rest.len() });
        self.rest.push_str(text);
    }

    /// The words after the first `count`.
    fn after(&self, count: usize) -> Self {
        Self {
            words: self.words.iter().skip(count).cloned().collect(),
            rest: self.rest.clone(),
            open_quote: self.open_quote,
            by_shell: self.by_shell,
        }
    }

    /// The line from the first word on, exactly as typed.
    fn verbatim(&self) -> &str {
        let start = self.words.first().map_or(self.rest.len(), |word| word.start);
        self.rest.get(start..).unwrap_or("").trim_end()
    }

    fn texts(&self) -> Vec<&str> {
        self.words.iter().map(|word| word.text.as_str()).collect()
    }
}

/// Reads one line of the chat. `room` is the one on screen, where it is one.
///
/// # Errors
/// A [`UsageError`] that says what to type instead.
pub fn read_line(line: &str, room: Option<&str>) -> Result<ChatInput, UsageError> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(ChatInput::Nothing);
    }
    if line.chars().count() > LONGEST_LINE {
        return Err(usage_error(
            "the line is too long",
            format!("type at most {LONGEST_LINE} characters"),
        ));
    }
    let Some(command) = line.strip_prefix('/') else { return saying(line, room) };
    if command.starts_with('/') {
        return saying(command, room);
    }
    read_words(&Words::cut(command), room).map(ChatInput::Command)
}

/// Reads a command whose name is the first word.
///
/// # Errors
/// A [`UsageError`] that says what to type instead.
pub fn read_words(words: &Words, room: Option<&str>) -> Result<Command, UsageError> {
    let Some(name) = words.words.first() else {
        return Err(usage_error("no command was given", "type /help for a list".to_owned()));
    };
    let Some(usage) = table::find(&name.text) else {
        let advice = match table::nearest(&name.text) {
            Some(near) => format!("did you mean {}? /help lists all", near.line()),
            None => "type /help for a list".to_owned(),
        };
        let shown = sanitize::shortened(&name.text, 20);
        return Err(usage_error(&format!("there is no command /{shown}"), advice));
    };
    (usage.read)(&words.after(1), room)
}

/// Reads the words after `/bid`.
pub(crate) fn bid(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let all = words.texts();
    let is_code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic());
    split_amount(&all, words.by_shell)?;
    let (room, amount, currency) = match *all.as_slice() {
        [] => return Err(wrong_usage(&table::BID, "the amount is missing")),
        [room] if room.starts_with('#') => {
            return Err(wrong_usage(&table::BID, "the amount is missing"));
        }
        [amount] => (None, amount, None),
        [amount, code] if is_code(code) => (None, amount, Some(code)),
        [room, amount] => (Some(room), amount, None),
        [room, amount, code] => (Some(room), amount, Some(code)),
        _ => return Err(wrong_usage(&table::BID, "there are too many words")),
    };
    let currency = currency.map(amount::currency).transpose()?;
    match &currency {
        Some(currency) => amount::parse(amount, currency).map(|_| ())?,
        None => amount::check_form(amount)?,
    }
    let room = named_or_current(&table::BID, room, current)?;
    Ok(Command::Bid { room, amount: amount.to_owned(), currency })
}

/// Reads the words after `/take`.
pub(crate) fn take(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    only_room(&table::TAKE, words, current).map(|room| Command::Take { room })
}

/// Reads the words after `/whoami`.
pub(crate) fn whoami(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    nothing_more(&table::WHOAMI, words, Command::Whoami)
}

/// Reads the words after `/receipts`.
pub(crate) fn receipts(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    nothing_more(&table::RECEIPTS, words, Command::Receipts)
}

/// Reads the words after `/stop`.
pub(crate) fn stop(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    nothing_more(&table::STOP, words, Command::Stop)
}

/// Reads the words after `/quit`.
pub(crate) fn quit(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    nothing_more(&table::QUIT, words, Command::Quit)
}

/// Reads the words after `/join`.
pub(crate) fn join(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Join { room: only_room(&table::JOIN, words, current)? })
}

/// Reads the words after `/leave`.
pub(crate) fn leave(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Leave { room: only_room(&table::LEAVE, words, current)? })
}

/// Reads the words after `/withdraw`.
pub(crate) fn withdraw(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Withdraw { room: only_room(&table::WITHDRAW, words, current)? })
}

/// Reads the words after `/auto`.
pub(crate) fn auto(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let (mut off, mut steady) = (false, false);
    let mut rest = words.texts();
    rest.retain(|word| match table::AUTO.keyword(word).map(|keyword| keyword.name) {
        Some("off") => std::mem::replace(&mut off, true),
        Some(_) => std::mem::replace(&mut steady, true),
        None => true,
    });
    let room = |typed| named_or_current(&table::AUTO, typed, current).map(Some);
    if off {
        return match *rest.as_slice() {
            [] if !steady => Ok(Command::Auto { room: room(None)?, ceiling: None, steady }),
            [typed] if !steady => {
                Ok(Command::Auto { room: room(Some(typed))?, ceiling: None, steady })
            }
            _ => Err(wrong_usage(&table::AUTO, "`off` stands with a room alone")),
        };
    }
    split_amount(&rest, words.by_shell)?;
    let (typed, ceiling) = match *rest.as_slice() {
        [] if !steady => return Ok(Command::Auto { room: None, ceiling: None, steady }),
        [ceiling] if !ceiling.starts_with('#') => (None, ceiling),
        [typed, ceiling] => (Some(typed), ceiling),
        [] | [_] => return Err(wrong_usage(&table::AUTO, "the ceiling is missing")),
        _ => return Err(wrong_usage(&table::AUTO, "there are too many words")),
    };
    amount::check_form(ceiling)?;
    Ok(Command::Auto { room: room(typed)?, ceiling: Some(ceiling.to_owned()), steady })
}

/// Reads the words after `/paddle`.
pub(crate) fn paddle(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let (mut off, mut all, mut anyway) = (false, false, false);
    let mut rest = words.texts();
    rest.retain(|word| match table::PADDLE.keyword(word).map(|keyword| keyword.name) {
        Some("off") => std::mem::replace(&mut off, true),
        Some("all") => std::mem::replace(&mut all, true),
        Some(_) => std::mem::replace(&mut anyway, true),
        None => true,
    });
    let wrong = |message: &str| Err(wrong_usage(&table::PADDLE, message));
    let room = |typed| named_or_current(&table::PADDLE, typed, current);
    if anyway && (off || !all) {
        return wrong("`anyway` stands with `all` and a name");
    }
    let task = match (rest.as_slice(), off, all) {
        ([], false, false) => PaddleTask::Tell,
        ([], true, true) => PaddleTask::Everywhere { name: None, anyway },
        ([name], false, true) => PaddleTask::Everywhere { name: Some((*name).to_owned()), anyway },
        ([], true, false) => PaddleTask::Here { room: room(None)?, name: None },
        ([typed], true, false) => PaddleTask::Here { room: room(Some(*typed))?, name: None },
        ([], false, true) => return wrong("the name is missing"),
        ([typed], false, false) if typed.starts_with('#') => return wrong("the name is missing"),
        ([name], false, false) => {
            PaddleTask::Here { room: room(None)?, name: Some((*name).to_owned()) }
        }
        ([typed, name], false, false) => {
            PaddleTask::Here { room: room(Some(*typed))?, name: Some((*name).to_owned()) }
        }
        _ => return wrong("there are too many words"),
    };
    if let PaddleTask::Here { name: Some(name), .. }
    | PaddleTask::Everywhere { name: Some(name), .. } = &task
        && let Err(error) = name.to_ascii_lowercase().parse::<PaddleName>()
    {
        return Err(usage_error(&error.to_string(), "write for example: /paddle 17".to_owned()));
    }
    Ok(Command::Paddle(task))
}

/// Reads the words after `/paddles`.
pub(crate) fn paddles(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Paddles { room: only_room(&table::PADDLES, words, current)? })
}

/// Reads the words after `/deliver`.
pub(crate) fn deliver(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Deliver { room: only_room(&table::DELIVER, words, current)? })
}

/// Reads the words after `/export`.
pub(super) fn export(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::EXPORT, words, &[])?;
    let wrong = |message: &str| Err(wrong_usage(&table::EXPORT, message));
    let (html, hash) = (asked.flag("html"), asked.flag("hash"));
    let letter: Option<u64> = asked.number("letter")?;
    let texts = asked.texts();
    // A page was asked for by a dash, too, before keywords were.
    let (html, texts) = match texts.as_slice() {
        [named @ .., "--html"] => (true, named),
        named => (html, named),
    };
    let room = match (letter, texts) {
        (Some(_), []) => None,
        (Some(_), _) => return wrong("it writes a room or a letter, not both"),
        (None, _) if hash => return wrong("`hash` shows a letter: say which, by `letter N`"),
        (None, []) => Some(named_or_current(&table::EXPORT, None, current)?),
        (None, [room]) => Some(named_or_current(&table::EXPORT, Some(room), current)?),
        (None, _) => return wrong("there are too many words"),
    };
    Ok(Command::Export { room, html, letter, hash })
}

/// Reads the words after `/evidence`.
pub(super) fn evidence(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let wrong = |message: &str| Err(wrong_usage(&table::EVIDENCE, message));
    let task = match *words.texts().as_slice() {
        [] | ["list"] => EvidenceTask::List,
        ["show", id] => EvidenceTask::Show { evidence: id.to_owned() },
        ["export", id, file] => {
            EvidenceTask::Export { evidence: id.to_owned(), file: file.to_owned() }
        }
        ["show"] => return wrong("which evidence is to be shown is missing"),
        ["export"] | ["export", _] => return wrong("it takes an ID and a file to export"),
        ["list" | "show" | "export", ..] => return wrong("there are too many words"),
        _ => return wrong("evidence is listed, shown or exported"),
    };
    Ok(Command::Evidence(task))
}

/// Reads the words after `/say`: the text is taken as typed, quotes and all. With a room on screen
/// only `#` and at least four hexadecimal digits name another; whether there is such a room the desk
/// knows, and it says nothing anywhere if there is none.
pub(crate) fn say(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    let first = words.words.first();
    let marked = |word: &Word| word.text.strip_prefix('#').is_some_and(like_a_name);
    let named = first.filter(|word| current.is_none() || marked(word));
    let room = named_or_current(&table::SAY, named.map(|word| word.text.as_str()), current)?;
    let rest = if named.is_some() { words.after(1) } else { words.clone() };
    if rest.words.is_empty() {
        return Err(wrong_usage(&table::SAY, "there is nothing to say"));
    }
    Ok(Command::Say { room, text: bounded("text", rest.verbatim(), 1, LONGEST_SAYING)? })
}

/// Reads the words after `/reveal`.
pub(crate) fn reveal(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let named = marked_room(words, current)?;
    let room = named_or_current(&table::REVEAL, named.map(|word| word.text.as_str()), current)?;
    let rest = if named.is_some() { words.after(1) } else { words.clone() };
    let name = rest.words.first();
    let Some(name) = name else {
        return Err(wrong_usage(&table::REVEAL, "your name is missing"));
    };
    if !name.quoted && rest.words.len() > 2 {
        let message = "it is not clear where the name ends";
        return Err(wrong_usage(&table::REVEAL, message));
    }
    let contact = rest.after(1).texts().join(" ");
    Ok(Command::Reveal {
        room,
        name: bounded("name", &name.text, 1, LONGEST_NAME)?,
        contact: bounded("contact", &contact, 0, LONGEST_CONTACT)?,
    })
}

/// Reads the words after `/prove`: room, contact, then `show` and `reader` with a value each.
pub(crate) fn prove(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    closed_quotes(words)?;
    let named = marked_room(words, current)?;
    let room = named_or_current(&table::PROVE, named.map(|word| word.text.as_str()), current)?;
    let rest = if named.is_some() { words.after(1) } else { words.clone() };
    let keyword = |word: &Word| match word.text.as_str() {
        "show" | "--show" if !word.quoted => Some("show"),
        "reader" | "--reader" if !word.quoted => Some("reader"),
        _ => None,
    };
    let first = rest.words.iter().position(|word| keyword(word).is_some());
    let (contact, pairs) =
        rest.words.split_at_checked(first.unwrap_or(rest.words.len())).unwrap_or((&[], &[]));
    let (mut show, mut reader) = (None, None);
    for pair in pairs.chunks(2) {
        let [word, value] = pair else {
            return Err(wrong_usage(&table::PROVE, "the last word has no value"));
        };
        let place = match keyword(word) {
            Some("show") => &mut show,
            Some(_) => &mut reader,
            None => {
                let shown = sanitize::shortened(&word.text, 20);
                let message = format!("`{shown}` is not expected here");
                return Err(wrong_usage(&table::PROVE, &message));
            }
        };
        if place.replace(value.text.as_str()).is_some() {
            return Err(wrong_usage(&table::PROVE, "a keyword occurs twice"));
        }
    }
    let contact: Vec<&str> = contact.iter().map(|word| word.text.as_str()).collect();
    Ok(Command::Prove {
        room,
        contact: bounded("contact", &contact.join(" "), 0, LONGEST_CONTACT)?,
        show: show.map_or(Ok(Vec::new()), attributes)?,
        reader: reader.map(|text| bounded("reader", text, 1, LONGEST_READER)).transpose()?,
    })
}

/// Names of attributes between commas, each once.
fn attributes(text: &str) -> Result<Vec<Attribute>, UsageError> {
    let mut wanted = Vec::new();
    for name in text.split(',') {
        let attribute: Attribute = name.trim().parse().map_err(|_| {
            let names: Vec<&str> = Attribute::ALL.into_iter().map(Attribute::as_str).collect();
            let shown = sanitize::shortened(name, 20);
            let advice = format!("name some of {}, with commas between", names.join(", "));
            usage_error(&format!("`{shown}` is nothing that the card can show"), advice)
        })?;
        if !wanted.contains(&attribute) {
            wanted.push(attribute);
        }
    }
    Ok(wanted)
}

/// Reads the words after `/help`.
pub(crate) fn help(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    match *words.texts().as_slice() {
        [] => Ok(Command::Help { about: None }),
        [name] => match table::find(name) {
            Some(usage) => Ok(Command::Help { about: Some(usage.name.to_owned()) }),
            None => Err(wrong_usage(&table::HELP, "there is no such command")),
        },
        _ => Err(wrong_usage(&table::HELP, "there are too many words")),
    }
}

fn saying(text: &str, room: Option<&str>) -> Result<ChatInput, UsageError> {
    let Some(room) = room else {
        return Err(usage_error(
            "no room is on screen to say this in",
            "choose a room with Ctrl-N, or type /help for commands".to_owned(),
        ));
    };
    let text = bounded("text", text, 1, LONGEST_SAYING)?;
    Ok(ChatInput::Command(Command::Say { room: room.to_owned(), text }))
}

fn only_room(
    usage: &'static Usage,
    words: &Words,
    current: Option<&str>,
) -> Result<String, UsageError> {
    match *words.texts().as_slice() {
        [] => named_or_current(usage, None, current),
        [room] => named_or_current(usage, Some(room), current),
        _ => Err(wrong_usage(usage, "there are too many words")),
    }
}

/// The room named, else the current one. A name is one word of letters and digits.
fn named_or_current(
    usage: &'static Usage,
    named: Option<&str>,
    current: Option<&str>,
) -> Result<String, UsageError> {
    let Some(named) = named else {
        let missing = || wrong_usage(usage, "it is not said in which room");
        return current.map(str::to_owned).ok_or_else(missing);
    };
    let room = named.strip_prefix('#').unwrap_or(named);
    let shown = sanitize::shortened(named, 20);
    if room.len() < SHORTEST_ROOM && room.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(usage_error(
            &format!("`{shown}` is too short to name a room"),
            format!("type at least {SHORTEST_ROOM} characters of its name; /items shows them"),
        ));
    }
    if (SHORTEST_ROOM..=64).contains(&room.len())
        && room.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Ok(room.to_owned());
    }
    Err(wrong_usage(usage, &format!("`{shown}` is not the name of a room")))
}

fn nothing_more(
    usage: &'static Usage,
    words: &Words,
    command: Command,
) -> Result<Command, UsageError> {
    if words.words.is_empty() {
        Ok(command)
    } else {
        Err(wrong_usage(usage, &format!("/{} takes no more words", usage.name)))
    }
}

fn closed_quotes(words: &Words) -> Result<(), UsageError> {
    if words.open_quote {
        return Err(usage_error("a quote is not closed", "add the missing \"".to_owned()));
    }
    Ok(())
}

/// Text of at least `least` and at most `most` characters, on one line, as it was typed. One with
/// characters that steer a screen is refused: what is left out unseen was not meant.
fn bounded(what: &str, text: &str, least: usize, most: usize) -> Result<String, UsageError> {
    let breaks = |c: char| matches!(c, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}');
    let text: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
    let text = text.trim().to_owned();
    if let Some(steering) = text.chars().find(|character| steers(*character)) {
        let message =
            format!("the {what} holds U+{:04X}, which steers a screen", u32::from(steering));
        return Err(usage_error(&message, "type it without that character".to_owned()));
    }
    let length = text.chars().count();
    if length < least {
        return Err(usage_error(&format!("the {what} is empty"), format!("type a {what}")));
    }
    if least > 0 && !shows_something(&text) {
        let message = format!("the {what} shows nothing: it has no character that can be seen");
        return Err(usage_error(&message, format!("type a {what} that people can read")));
    }
    if length > most {
        let message = format!("the {what} has {length} characters");
        return Err(usage_error(&message, format!("shorten it to at most {most}")));
    }
    Ok(text)
}

fn wrong_usage(usage: &Usage, message: &str) -> UsageError {
    usage_error(message, format!("type {}, e.g. {}", usage.line(), usage.example))
}

pub(super) fn usage_error(message: &str, advice: String) -> UsageError {
    UsageError { message: message.to_owned(), advice }
}

#[cfg(test)]
mod tests;
