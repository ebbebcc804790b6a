//! The letters of a conversation in lines: the newest last, threads together.

use std::collections::BTreeMap;

use pregao_protocol::value::clock::Time;

use super::{Conversation, Letter, mode};
use crate::chat::draw::day_and_minute;
use crate::chat::model::left;
use crate::chat::room::{ChatLine, Tone};
use crate::command::Folder;
use crate::event::{FileView, LetterStanding, LetterView, RegisteredView};
use crate::text::sanitize::sanitize;

/// Most lines that a conversation is shown in, the newest.
const MOST_LINES: usize = 4_000;
/// Most characters of a letter that are shown in the chat.
const MOST_SHOWN: usize = 20_000;
/// Most lines of a letter that are shown in the chat.
const LONGEST: usize = 400;

/// Lines of all letters and notes, and how many come after those of the letter `upto`.
pub(super) fn of(
    conversation: &Conversation,
    now: Option<Time>,
    upto: Option<u64>,
) -> (Vec<ChatLine>, usize) {
    let mut notes = conversation.notes.iter().peekable();
    let (mut lines, mut end) = (Vec::new(), None);
    for (newest, thread) in threads(conversation) {
        // What was said before the newest of a thread came stands before it.
        while let Some((_, note)) = notes.next_if(|(after, _)| *after < newest) {
            lines.push(note.clone());
        }
        for number in thread {
            let Some(letter) = conversation.letters.get(&number) else { continue };
            lines.extend(letter_lines(letter, now));
            if upto == Some(number) {
                end = Some(lines.len());
            }
        }
    }
    lines.extend(notes.map(|(_, note)| note.clone()));
    let after = end.map_or(0, |end| lines.len().saturating_sub(end));
    let lines = lines.split_off(lines.len().saturating_sub(MOST_LINES));
    (lines, after)
}

/// The letters by thread, the thread with the newest letter last.
fn threads(conversation: &Conversation) -> BTreeMap<u64, Vec<u64>> {
    let letters = &conversation.letters;
    let mut roots: BTreeMap<u64, u64> = BTreeMap::new();
    let answered = |number: &u64| {
        let re = letters.get(number).and_then(|letter| letter.view.re);
        re.filter(|re| re != number && letters.contains_key(re))
    };
    for number in letters.keys() {
        // What is answered came before, but for what overtook it.
        let root = answered(number).and_then(|re| roots.get(&re).copied());
        roots.insert(*number, root.unwrap_or(*number));
    }
    for number in letters.keys() {
        if let Some(re) = answered(number).filter(|re| re > number)
            && let Some(root) = roots.get(&re).copied()
        {
            roots.insert(*number, root);
        }
    }
    let mut threads: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (number, root) in roots {
        threads.entry(root).or_default().push(number);
    }
    let by_newest = threads.into_values().filter_map(|mut thread| {
        thread.sort_unstable();
        thread.last().copied().map(|newest| (newest, thread))
    });
    by_newest.collect()
}

fn letter_lines(letter: &Letter, now: Option<Time>) -> Vec<ChatLine> {
    let view = &letter.view;
    let own = view.folder == Folder::Sent;
    let (head, is_bad) = head(view, now);
    let tone = match (is_bad, own) {
        (true, _) => Tone::Bad,
        (false, true) => Tone::Own,
        (false, false) => Tone::Said,
    };
    let mut lines = vec![line(tone, head)];
    if let Some(subject) = &view.subject {
        lines.push(line(Tone::Letter, sanitize(&format!("Subject: {}", subject.expose()))));
    }
    let shown = letter.shown.as_ref();
    // The desk has nothing to show of what has not left.
    let text = shown.map(|shown| shown.text.expose()).filter(|text| !text.is_empty());
    let typed = letter.typed.as_ref().map(|typed| typed.expose());
    if let Some(text) = text.or(typed) {
        lines.extend(text_lines(view.letter, text));
    }
    if let Some(shown) = shown {
        lines.extend(shown.files.iter().map(|file| line(Tone::System, file_line(file))));
        let notes = shown.notes.iter();
        lines.extend(notes.map(|note| line(Tone::System, format!("  → {}", sanitize(note)))));
    } else if let Some(registered) = to_accept(view) {
        lines.push(line(Tone::System, registered_line(registered, now)));
    } else if view.attachments > 0 {
        let files = match view.attachments {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        let text = format!("  + {files}: /read {} save FOLDER", view.letter);
        lines.push(line(Tone::System, text));
    }
    lines
}

/// What is known of a letter that waits to be accepted.
fn to_accept(view: &LetterView) -> Option<&RegisteredView> {
    view.registered.as_ref().filter(|_| view.standing == LetterStanding::ToAccept)
}

fn registered_line(registered: &RegisteredView, now: Option<Time>) -> String {
    let files = match registered.files {
        0 => String::new(),
        1 => ", with 1 file".to_owned(),
        files => format!(", with {files} files"),
    };
    let until = registered.until.map(|until| format!(", until {}", when(until, now)));
    let until = until.unwrap_or_default();
    format!("  → you read it once you sign for it: {} bytes{files}{until}", registered.bytes)
}

/// The first line of a letter, and whether it is bad news.
fn head(view: &LetterView, now: Option<Time>) -> (String, bool) {
    let number = view.letter;
    let way = match view.folder {
        Folder::Received => "from them",
        Folder::Sent => "from you",
    };
    let re = view.re.map_or_else(String::new, |re| format!(", re {re}"));
    let when = when(view.time, now);
    let mode = view.mode.map_or_else(String::new, |of| format!(", {}", mode(of)));
    let cause = view.cause.as_deref().map(sanitize);
    let cause = |words: &str| match &cause {
        Some(cause) => format!("{words}: {cause}"),
        None => words.to_owned(),
    };
    let words = cause(view.standing.words());
    let standing = match view.standing {
        LetterStanding::Unread => format!("{words}: /read {number}"),
        LetterStanding::Waiting => match view.leaves {
            Some(leaves) if now.is_some_and(|now| now < leaves) => {
                format!("leaves in {}: /recall {number}", left(now, leaves))
            }
            Some(_) | None => format!("{words}: /recall {number}"),
        },
        LetterStanding::Read if view.wants_receipt => {
            format!("{words}; asks for a receipt: /ack {number}")
        }
        LetterStanding::ToAccept => format!("{words}: /accept {number} or /decline {number}"),
        LetterStanding::Accepting
        | LetterStanding::Declining
        | LetterStanding::Accepted
        | LetterStanding::Declined
        | LetterStanding::Lapsed
        | LetterStanding::Read
        | LetterStanding::Acknowledged
        | LetterStanding::Unopened
        | LetterStanding::Leaving
        | LetterStanding::Deposited
        | LetterStanding::Taken
        | LetterStanding::WasRead
        | LetterStanding::Recalled
        | LetterStanding::Failed => words,
    };
    let is_bad = matches!(view.standing, LetterStanding::Unopened | LetterStanding::Failed)
        || view.cause.is_some();
    let registered = if view.registered.is_some() { ", REGISTERED" } else { "" };
    (format!("{number} {way}{re}, {when}{mode}{registered}, {standing}"), is_bad)
}

/// When it was, in UTC: the minute of a letter of today, the day too of an older one, the year of one of another year.
fn when(time: Time, now: Option<Time>) -> String {
    let whole = day_and_minute(time);
    let today = now.map(day_and_minute).unwrap_or_default();
    let alike = |parts: usize| today.get(..parts).is_some_and(|today| whole.starts_with(today));
    let from = match (alike(11), alike(5)) {
        (true, _) => 11,
        (false, true) => 5,
        (false, false) => 0,
    };
    whole.get(from..).unwrap_or(&whole).to_owned()
}

fn text_lines(number: u64, text: &str) -> Vec<ChatLine> {
    let cut: String = text.chars().take(MOST_SHOWN).collect();
    let mut rows = cut.lines();
    let mut lines: Vec<ChatLine> =
        rows.by_ref().take(LONGEST).map(|row| line(Tone::Letter, sanitize(row))).collect();
    let is_cut = rows.next().is_some() || cut.len() < text.len();
    if is_cut {
        let all = format!("  → it goes on: `pregao read {number}` prints all of it");
        lines.push(line(Tone::System, all));
    }
    lines
}

fn file_line(file: &FileView) -> String {
    let name = sanitize(file.name.expose()).replace('"', "'");
    let saved = match &file.saved {
        Some(path) => format!(", saved as {}", sanitize(path)),
        None => String::new(),
    };
    let media_type = sanitize(&file.media_type);
    format!("  + \"{name}\" ({media_type}, {} bytes){saved}", file.size)
}

/// A line without a time of its own: letters have theirs in words, which may be days old.
const fn line(tone: Tone, text: String) -> ChatLine {
    ChatLine { seq: None, time: None, tone, text }
}
