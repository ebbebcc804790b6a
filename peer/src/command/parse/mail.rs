//! Reads what is said about letters: boxes, people, what is written and what came.

use pregao_protocol::letter::Mode;
use pregao_protocol::value::text::{Lines, steers};

use super::sorted::Sorted;
use super::{Word, Words, bounded, named_or_current, nothing_more, usage_error, wrong_usage};
use crate::command::{
    BoxTask, Command, ContactTask, DraftsTask, Folder, MailFilter, NewLetter, ReceiptAnswer, Usage,
    UsageError, table,
};
use crate::text::duration;
use crate::text::sanitize::shortened;

/// Most characters of a handle.
const LONGEST_HANDLE: usize = 32;
/// Most characters of the line beside it.
const LONGEST_ABOUT: usize = 200;
/// Most characters of a name that the user gives to somebody.
pub(crate) const LONGEST_NAME: usize = 40;
/// Most characters of an address, or of words to compare.
const LONGEST_VALUE: usize = 600;
/// Most characters of a subject.
const LONGEST_SUBJECT: usize = 120;
/// Most characters of a path.
const LONGEST_PATH: usize = 1_000;

/// Reads the words after `/box`.
pub(crate) fn message_box(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::BOX, words, &[])?;
    let wrong = |message: &str| Err(wrong_usage(&table::BOX, message));
    let about = asked.value("about", "a line about yourself, in quotes")?;
    let (about, now) = (about.map(str::to_owned), asked.flag("now"));
    let options = about.is_some() || now;
    let task = match (asked.texts().as_slice(), options) {
        ([], false) => BoxTask::Tell,
        (["open"], _) if about.is_none() => BoxTask::Open { handle: None, about, now },
        (["open", handle], _) => {
            let handle = Some(bounded("handle", handle, 1, LONGEST_HANDLE)?);
            let about = about.map(|text| bounded("line", &text, 1, LONGEST_ABOUT)).transpose()?;
            BoxTask::Open { handle, about, now }
        }
        (["address"], false) => BoxTask::Address,
        (["close"], false) => BoxTask::Close,
        (["even", on], false) => match on.to_ascii_lowercase().as_str() {
            "on" => BoxTask::Even { on: true },
            "off" => BoxTask::Even { on: false },
            _ => return wrong("letters leave at even times, or not: `even on` or `even off`"),
        },
        (["open"], _) => return wrong("a line about yourself stands beside a handle"),
        (["open", ..], _) => return wrong("a handle or a line with spaces stands in quotes"),
        (["even"], false) => return wrong("it is not said whether: `even on` or `even off`"),
        _ => return wrong("a box is opened or closed, or its address is shown"),
    };
    Ok(Command::Box(task))
}

/// Reads the words after `/people`.
pub(crate) fn people(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let text = words.texts().join(" ");
    let about = (!text.is_empty()).then(|| bounded("text", &text, 1, LONGEST_ABOUT)).transpose()?;
    Ok(Command::People { about })
}

/// Reads the words after `/contact`.
pub(crate) fn contact(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::CONTACT, words, &[])?;
    let wrong = |message: &str| Err(wrong_usage(&table::CONTACT, message));
    let (texts, now) = (asked.texts(), asked.flag("now"));
    if now && texts.first() != Some(&"deal") {
        return wrong("`now` is for a deal that becomes a contact");
    }
    let (what, rest) = match texts.as_slice() {
        [] | ["list"] => return Ok(Command::Contact(ContactTask::List)),
        [what, rest @ ..] => (*what, rest),
    };
    let (who, value) = match rest {
        [] => return wrong("it is not said which contact"),
        [who, value @ ..] => (bounded("name", who, 1, LONGEST_VALUE)?, value.join(" ")),
    };
    let value = (!value.is_empty()).then_some(value);
    let task = match (what, value.as_deref()) {
        ("add", Some(address)) => {
            let name = bounded("name", &who, 1, LONGEST_NAME)?;
            ContactTask::Add { name, address: bounded("address", address, 1, LONGEST_VALUE)? }
        }
        ("deal", Some(room)) => {
            let name = bounded("name", &who, 1, LONGEST_NAME)?;
            let room = room_named(&table::CONTACT, room)?;
            ContactTask::Deal { name, room, now }
        }
        ("verify", None) => ContactTask::Verify { who, words: None },
        ("verify", Some(words)) => {
            ContactTask::Verify { who, words: Some(bounded("text", words, 1, LONGEST_VALUE)?) }
        }
        ("receipts", Some(answer)) => {
            let answer = match answer.to_ascii_lowercase().as_str() {
                "ask" => ReceiptAnswer::Ask,
                "never" => ReceiptAnswer::Never,
                "always" => ReceiptAnswer::Always,
                _ => return wrong("receipts are sent always, never, or you are asked: `ask`"),
            };
            ContactTask::Receipts { who, answer }
        }
        ("taken", Some(tell)) => match tell.to_ascii_lowercase().as_str() {
            "tell" => ContactTask::Taken { who, tell: true },
            "silent" => ContactTask::Taken { who, tell: false },
            _ => {
                return wrong(
                    "they are told that you took a letter off, or not: `tell` or `silent`",
                );
            }
        },
        ("mode", Some(mode)) => match mode.to_ascii_lowercase().as_str() {
            "evidence" => ContactTask::Mode { who, mode: Mode::Evidence },
            "deniable" => ContactTask::Mode { who, mode: Mode::Deniable },
            _ => return wrong("the mode is evidence or deniable"),
        },
        ("rename", Some(name)) => {
            ContactTask::Rename { who, name: bounded("name", name, 1, LONGEST_NAME)? }
        }
        ("add", None) => return wrong("the address is missing"),
        ("deal", None) => return wrong("it is not said in which private room"),
        ("receipts" | "taken" | "mode" | "rename", None) => {
            return wrong("what it is to be is missing");
        }
        _ => return wrong("it takes add, deal, verify, receipts, taken, mode or rename"),
    };
    Ok(Command::Contact(task))
}

/// Reads the words after `/send`.
pub(crate) fn send(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Send(Box::new(new_letter(&table::SEND, words)?)))
}

/// Reads the words after `/draft`.
pub(crate) fn draft(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    Ok(Command::Draft(Box::new(new_letter(&table::DRAFT, words)?)))
}

/// Reads the words after `/drafts`.
pub(crate) fn drafts(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::DRAFTS, words, &[])?;
    let wrong = |message: &str| Err(wrong_usage(&table::DRAFTS, message));
    let (now, anyway) = (asked.flag("now"), asked.flag("anyway"));
    let who = |who: &str| bounded("name", who, 1, LONGEST_VALUE);
    match (asked.texts().as_slice(), now || anyway) {
        ([] | ["list"], false) => Ok(Command::Drafts(DraftsTask::List)),
        (["show", whom], false) => Ok(Command::Drafts(DraftsTask::Show { who: who(whom)? })),
        (["drop", whom], false) => Ok(Command::Drafts(DraftsTask::Drop { who: who(whom)? })),
        (["send", whom], _) => {
            let new = letter(who(whom)?, String::new());
            Ok(Command::Send(Box::new(NewLetter { now, anyway, draft: true, ..new })))
        }
        (["show" | "send" | "drop"], _) => wrong("it is not said whose"),
        (["show" | "send" | "drop", _, _, ..], _) => wrong("a name with spaces stands in quotes"),
        (_, true) => wrong("`now` and `anyway` are for a draft that is sent"),
        _ => wrong("drafts are shown, sent or dropped"),
    }
}

/// Reads what a letter says. What is not in quotes is said as it was typed, to the end of the line; keywords come after a
/// text in quotes.
fn new_letter(usage: &'static Usage, words: &Words) -> Result<NewLetter, UsageError> {
    let wrong = |message: &str| wrong_usage(usage, message);
    let to = words.words.first().ok_or_else(|| wrong("it is not said to whom"))?;
    let to = bounded("name", &to.text, 1, LONGEST_VALUE)?;
    let Some(first) = words.words.get(1) else { return Err(wrong("there is nothing to send")) };
    if !(first.quoted || words.by_shell) {
        let text = saying(usage, &words.after(1))?;
        return Ok(letter(to, text));
    }
    let rest = words.after(2);
    let asked = Sorted::of(usage, &rest, &["attach"])?;
    if let Some(more) = asked.rest.first() {
        let shown = shortened(&more.text, 20);
        return Err(wrong(&format!("`{shown}` is not expected here: a text stands in quotes")));
    }
    let mode = match (asked.flag("evidence"), asked.flag("deniable")) {
        (true, true) => return Err(wrong("a letter is evidence or deniable, not both")),
        (true, false) => Some(Mode::Evidence),
        (false, true) => Some(Mode::Deniable),
        (false, false) => None,
    };
    let registered = asked.flag("registered");
    if registered && asked.flag("receipt") {
        return Err(wrong("a registered letter needs no `receipt`: who accepts it signs for it"));
    }
    let path = |path: &str| bounded("path", path, 1, LONGEST_PATH);
    let files = asked.values("attach", "the path of a file")?;
    let files: Vec<String> = files.into_iter().map(path).collect::<Result<_, _>>()?;
    // What is kept, or said in the draft, need not be said here.
    let is_kept = asked.flag("draft") || std::ptr::eq(usage, &table::DRAFT);
    let text = text(&first.text, files.is_empty() && !is_kept)?;
    let subject = asked.value("subject", "one line, in quotes if it has spaces")?;
    let expires = asked.value("expires", "a duration, e.g. 7d")?;
    expires.map(duration::parse).transpose()?;
    if registered && expires.is_some() {
        return Err(wrong("a registered letter takes no `expires`: it lapses after 15 days"));
    }
    Ok(NewLetter {
        subject: subject.map(|line| bounded("subject", line, 1, LONGEST_SUBJECT)).transpose()?,
        re: asked.number("re")?,
        attach: files,
        mode,
        receipt: asked.flag("receipt"),
        registered,
        expires: expires.map(str::to_owned),
        now: asked.flag("now"),
        anyway: asked.flag("anyway"),
        draft: asked.flag("draft"),
        ..letter(to, text)
    })
}

/// Reads a line that is a letter as a whole, typed where it is clear to whom. What stands in their draft goes with it.
///
/// # Errors
/// A [`UsageError`] that says what to type instead.
pub(crate) fn letter_to(to: &str, typed: &str, mode: Mode) -> Result<Command, UsageError> {
    let text = text(typed, true)?;
    let new = letter(to.to_owned(), text);
    Ok(Command::Send(Box::new(NewLetter { mode: Some(mode), draft: true, ..new })))
}

/// A line that is not finished, as it is kept. What steers a screen is no part of a letter, and no part of this.
pub(crate) fn unfinished(to: &str, typed: &str) -> Command {
    let kept = |character: &char| *character == '\n' || !steers(*character);
    let text: String = typed.trim().chars().filter(kept).collect();
    Command::Draft(Box::new(letter(to.to_owned(), text)))
}

/// A text without quotes, as typed. One with a keyword in it that takes a value could be meant in two ways.
fn saying(usage: &'static Usage, words: &Words) -> Result<String, UsageError> {
    let keyword = |word: &Word| {
        let keyword = usage.keyword(&word.text).filter(|_| !word.quoted);
        keyword.filter(|keyword| !keyword.value.is_empty()).map(|keyword| keyword.name)
    };
    let first = words.words.first().and_then(|word| usage.keyword(&word.text));
    let found = first
        .map(|keyword| keyword.name)
        .or_else(|| words.words.iter().rev().skip(1).find_map(keyword));
    match found {
        Some(keyword) => Err(usage_error(
            &format!("`{keyword}` can be a word of the text, or a keyword"),
            format!("put the text in quotes; keywords come after it, e.g. {}", usage.example),
        )),
        None => text(words.verbatim(), true),
    }
}

/// What a letter says, with its lines. Nothing only beside files.
fn text(typed: &str, required: bool) -> Result<String, UsageError> {
    let typed = typed.replace("\r\n", "\n").replace('\t', "    ");
    let typed = typed.trim().to_owned();
    if typed.is_empty() && required {
        return Err(usage_error("the text is empty", "write what the letter says".to_owned()));
    }
    let steering = typed.chars().find(|character| *character != '\n' && steers(*character));
    if let Some(steering) = steering {
        let message =
            format!("the text holds U+{:04X}, which steers a screen", u32::from(steering));
        return Err(usage_error(&message, "write it without that character".to_owned()));
    }
    if Lines::try_from(typed.clone()).is_err() {
        let message = "the text shows nothing: it has no character that can be seen";
        return Err(usage_error(message, "write what the letter says".to_owned()));
    }
    Ok(typed)
}

const fn letter(to: String, text: String) -> NewLetter {
    NewLetter {
        to,
        text,
        subject: None,
        re: None,
        attach: Vec::new(),
        mode: None,
        receipt: false,
        registered: false,
        expires: None,
        now: false,
        anyway: false,
        draft: false,
    }
}

/// Reads the words after `/new`.
pub(crate) fn new(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    nothing_more(&table::NEW, words, Command::New)
}

/// Reads the words after `/mail`.
pub(crate) fn mail(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::MAIL, words, &[])?;
    if let Some(odd) = asked.rest.first() {
        let message = format!("`{}` is not expected here", shortened(&odd.text, 20));
        return Err(wrong_usage(&table::MAIL, &message));
    }
    let folder = match (asked.flag("received"), asked.flag("sent")) {
        (true, true) => return Err(wrong_usage(&table::MAIL, "it takes `received` or `sent`")),
        (true, false) => Some(Folder::Received),
        (false, true) => Some(Folder::Sent),
        (false, false) => None,
    };
    let with = asked.value("with", "the name of a contact")?;
    let with = with.map(|who| bounded("name", who, 1, LONGEST_VALUE)).transpose()?;
    let last = asked.number("last")?;
    let export = asked.value("export", "the path of a folder")?;
    let export = export.map(|path| bounded("path", path, 1, LONGEST_PATH)).transpose()?;
    if export.is_some() && (folder.is_some() || with.is_some() || last.is_some()) {
        return Err(wrong_usage(&table::MAIL, "`export` writes all letters, not some"));
    }
    Ok(Command::Mail(MailFilter { folder, with, last, export }))
}

/// Reads the words after `/read`.
pub(crate) fn read(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::READ, words, &[])?;
    let save = asked.value("save", "the path of a folder")?;
    let save = save.map(|path| bounded("path", path, 1, LONGEST_PATH)).transpose()?;
    Ok(Command::Read { letter: one(&table::READ, &asked)?, save })
}

/// Reads the words after `/ack`.
pub(crate) fn ack(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::ACK, words, &[])?;
    Ok(Command::Ack { letter: one(&table::ACK, &asked)?, now: asked.flag("now") })
}

/// Reads the words after `/accept`.
pub(crate) fn accept(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::ACCEPT, words, &[])?;
    Ok(Command::Accept { letter: one(&table::ACCEPT, &asked)? })
}

/// Reads the words after `/decline`.
pub(crate) fn decline(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::DECLINE, words, &[])?;
    Ok(Command::Decline { letter: one(&table::DECLINE, &asked)? })
}

/// Reads the words after `/recall`.
pub(crate) fn recall(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::RECALL, words, &[])?;
    Ok(Command::Recall { letter: one(&table::RECALL, &asked)? })
}

/// Reads the words after `/status`.
pub(crate) fn status(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::STATUS, words, &[])?;
    let letter = match asked.rest.is_empty() {
        true => None,
        false => Some(one(&table::STATUS, &asked)?),
    };
    let now = asked.flag("now");
    if now && letter.is_none() {
        return Err(wrong_usage(&table::STATUS, "`now` is for one letter: say which"));
    }
    Ok(Command::Status { letter, now })
}

/// Reads the words after `/block`.
pub(crate) fn block(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::BLOCK, words, &[])?;
    let who = match *asked.texts().as_slice() {
        [who] => bounded("name", who, 1, LONGEST_VALUE)?,
        [] => return Err(wrong_usage(&table::BLOCK, "it is not said whom")),
        _ => return Err(wrong_usage(&table::BLOCK, "a name with spaces stands in quotes")),
    };
    Ok(Command::Block { who, off: asked.flag("off") })
}

/// Reads the words after `/mode`.
pub(crate) fn mode(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::MODE, words, &[])?;
    let wrong = |message: &str| Err(wrong_usage(&table::MODE, message));
    let (chosen, room) = match *asked.texts().as_slice() {
        [] => return Ok(Command::Mode { mode: None, room: None }),
        [chosen] => (chosen, None),
        [chosen, room] => (chosen, Some(room_named(&table::MODE, room)?)),
        _ => return wrong("there are too many words"),
    };
    let mode = match chosen.to_ascii_lowercase().as_str() {
        "evidence" => Mode::Evidence,
        "deniable" => Mode::Deniable,
        _ => return wrong("the mode is evidence or deniable"),
    };
    Ok(Command::Mode { mode: Some(mode), room })
}

/// A room as it was typed.
fn room_named(usage: &'static Usage, typed: &str) -> Result<String, UsageError> {
    named_or_current(usage, Some(typed), None)
}

/// Reads the words after `/search`.
pub(crate) fn search(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let text = bounded("text", &words.texts().join(" "), 1, LONGEST_ABOUT)?;
    Ok(Command::Search { text })
}

/// The number of a letter.
fn one(usage: &'static Usage, asked: &Sorted<'_>) -> Result<u64, UsageError> {
    let [typed] = *asked.texts().as_slice() else {
        return Err(wrong_usage(usage, "it takes the number of one letter"));
    };
    let number = typed.strip_prefix('#').unwrap_or(typed).parse().ok().filter(|n| *n > 0);
    let shown = shortened(typed, 20);
    number.ok_or_else(|| wrong_usage(usage, &format!("`{shown}` is not the number of a letter")))
}

#[cfg(test)]
mod tests;
