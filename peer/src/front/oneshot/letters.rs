//! Letters, people, contacts and boxes in lines. What others wrote is quoted row by row, so that no text of theirs can
//! look like a line of this program.

use std::time::Duration;

use pregao_protocol::letter::Mode;
use pregao_protocol::value::clock::Time;

use super::QUOTED;
use super::lists::{aligned, cut};
use crate::command::{Folder, ReceiptAnswer};
use crate::event::{
    BoxStateView, ContactView, DraftFile, DraftView, FileView, LetterView, PersonView, ReadView,
    RoomModeView, StatusView, WhoView,
};
use crate::text::sanitize::{sanitize, shortened};
use crate::text::wrap::wrap;

/// A letter that leaves within this time after it was written leaves at once, to whoever reads of it.
const MOMENT: Duration = Duration::from_secs(60);
/// Most columns of a name, a subject, a standing.
const NAME: usize = 22;
/// What every row of another's text begins with.
const QUOTE: &str = "  | ";

/// A letter in one line.
pub(super) fn line(letter: &LetterView) -> String {
    aligned(&[cells(letter)], &[8, NAME, 17, NAME]).concat()
}

/// Letters, the newest last.
pub(super) fn mail(letters: &[LetterView], left_out: u64, unread: u64) -> Vec<String> {
    let rows: Vec<Vec<String>> = letters.iter().map(cells).collect();
    let rows = aligned(&rows, &[8, NAME, 17, NAME]);
    let end = match (letters.is_empty(), unread) {
        (true, 0) => "no letters".to_owned(),
        (_, 0) => "all read".to_owned(),
        (_, unread) => format!("{unread} not read: read N shows one"),
    };
    cut(left_out).into_iter().chain(rows).chain([end]).collect()
}

fn cells(letter: &LetterView) -> Vec<String> {
    let way = match letter.folder {
        Folder::Received => "from",
        Folder::Sent => "to",
    };
    let subject = letter.subject.as_ref().map_or("", |subject| subject.expose());
    let files = match letter.attachments {
        0 => String::new(),
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let mode = letter.mode.map_or("", mode);
    let wish = if letter.wants_receipt && letter.folder == Folder::Received {
        "asks for a receipt"
    } else {
        ""
    };
    let registered = if letter.registered.is_some() { "registered" } else { "" };
    let cause = letter.cause.as_deref().map(sanitize).unwrap_or_default();
    // What waits for more than the seconds in which it can be taken back waits for a pass to have rested.
    let leaves = letter.leaves.filter(|leaves| leaves.since(letter.time) > MOMENT);
    let standing = match leaves {
        Some(leaves) if letter.even => format!("leaves at an even time from {} on", minute(leaves)),
        Some(leaves) => format!("leaves from {} on", minute(leaves)),
        None => letter.standing.words().to_owned(),
    };
    let rest = [&standing, mode, registered, &files, wish, &cause];
    let rest: Vec<&str> = rest.into_iter().filter(|word| !word.is_empty()).collect();
    vec![
        format!("{}", letter.letter),
        format!("{way} {}", who(&letter.who)),
        minute(letter.time),
        format!("\"{}\"", shortened(&sanitize(subject), NAME - 2)),
        rest.join("  "),
    ]
}

/// A time, as exactly as people need it: `2026-11-28 18:05Z`.
fn minute(time: Time) -> String {
    let whole = time.to_string();
    format!("{}Z", whole.get(..16).unwrap_or(&whole).replace('T', " "))
}

/// Whom a letter convinces, in a word.
const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Evidence => "evidence",
        Mode::Deniable => "deniable",
    }
}

/// Somebody: a contact by the name that the user gave, others by their box alone.
fn who(who: &WhoView) -> String {
    let mark = if who.verified { " (compared)" } else { "" };
    match (&who.name, &who.short) {
        (Some(name), _) => format!("{}{mark}", sanitize(name)),
        (None, Some(short)) => format!("box {}", sanitize(short)),
        (None, None) => "nobody known".to_owned(),
    }
}

/// A letter with all that is in it.
pub(super) fn read(shown: &ReadView) -> Vec<String> {
    let ReadView { letter, text, files, notes } = shown;
    let mut lines = vec![line(letter)];
    if let Some(subject) = &letter.subject {
        lines.extend(quoted(&format!("Subject: {}", subject.expose())));
    }
    lines.extend(text.expose().lines().flat_map(quoted));
    lines.extend(files.iter().map(file));
    lines.extend(notes.iter().map(|note| format!("  → {}", sanitize(note))));
    lines
}

fn quoted(text: &str) -> Vec<String> {
    let rows = wrap(&sanitize(text), QUOTED, 0);
    let rows = if rows.is_empty() { vec![String::new()] } else { rows };
    rows.into_iter().map(|row| format!("{QUOTE}{row}").trim_end().to_owned()).collect()
}

fn file(file: &FileView) -> String {
    let name = sanitize(file.name.expose());
    let saved = match &file.saved {
        Some(path) => format!("saved as {}", sanitize(path)),
        None => "save FOLDER writes it".to_owned(),
    };
    format!("  + \"{name}\" ({}, {} bytes) {saved}", sanitize(&file.media_type), file.size)
}

/// People who want to be found.
pub(super) fn people(people: &[PersonView], left_out: u64) -> Vec<String> {
    if people.is_empty() {
        return vec!["nobody like that wants to be found".to_owned()];
    }
    let rows = people.iter().map(|person| {
        let contact =
            person.contact.as_deref().map(|name| format!("your contact {}", sanitize(name)));
        let own = person.own.then(|| "your own box".to_owned());
        let about = person.about.as_deref().map(|about| format!("\"{}\"", sanitize(about)));
        let rest: Vec<String> = [own, contact, about].into_iter().flatten().collect();
        vec![sanitize(&person.short), format!("\"{}\"", sanitize(&person.handle)), rest.join("  ")]
    });
    let rows = aligned(&rows.collect::<Vec<_>>(), &[16, 34]);
    let end = (left_out > 0).then(|| format!("… {left_out} more; people TEXT finds some of them"));
    rows.into_iter().chain(end).collect()
}

/// Contacts.
pub(super) fn contacts(contacts: &[ContactView]) -> Vec<String> {
    if contacts.is_empty() {
        return vec!["no contacts yet: contact add NAME ADDRESS".to_owned()];
    }
    let rows = contacts.iter().map(|contact| {
        let receipts = match contact.receipts {
            ReceiptAnswer::Ask => "receipts: ask",
            ReceiptAnswer::Never => "receipts: never",
            ReceiptAnswer::Always => "receipts: always",
        };
        let compared = if contact.verified { "compared" } else { "NOT COMPARED" };
        let blocked = if contact.blocked { "BLOCKED" } else { "" };
        let unread = match contact.unread {
            0 => String::new(),
            unread => format!("{unread} not read"),
        };
        let rest = [mode(contact.mode), receipts, blocked, &unread];
        let rest: Vec<&str> = rest.into_iter().filter(|word| !word.is_empty()).collect();
        let cells = [&*sanitize(&contact.name), &*sanitize(&contact.short), compared];
        cells.map(str::to_owned).into_iter().chain([rest.join("  ")]).collect()
    });
    aligned(&rows.collect::<Vec<Vec<String>>>(), &[NAME, 16])
}

/// Whom what the user writes convinces.
pub(super) fn modes(general: Mode, rooms: &[RoomModeView]) -> Vec<String> {
    let whom = |mode| match mode {
        Mode::Evidence => "evidence: its reader can prove to others that you wrote it",
        Mode::Deniable => "deniable: it convinces its reader alone",
    };
    let all = format!("what you write is {}", whom(general));
    let rooms =
        rooms.iter().map(|room| format!("in #{}: {}", sanitize(&room.short), whom(room.mode)));
    [all].into_iter().chain(rooms).collect()
}

/// Letters that are being written, each in one line.
pub(super) fn drafts(drafts: &[DraftView]) -> Vec<String> {
    if drafts.is_empty() {
        return vec!["no drafts".to_owned()];
    }
    let rows = drafts.iter().map(|draft| {
        let subject = draft.subject.as_ref().map_or("", |subject| subject.expose());
        let first = draft.text.expose().lines().next().unwrap_or_default();
        vec![
            format!("to {}", who(&draft.who)),
            minute(draft.changed),
            format!("\"{}\"", shortened(&sanitize(subject), NAME - 2)),
            [vec![shortened(&sanitize(first), 40)], draft_words(draft)].concat().join("  "),
        ]
    });
    let rows = aligned(&rows.collect::<Vec<_>>(), &[NAME, 17, NAME]);
    rows.into_iter().chain(["drafts show WHO shows one in whole".to_owned()]).collect()
}

/// How it will go: whom it convinces, what goes with it.
fn draft_words(draft: &DraftView) -> Vec<String> {
    let files = match draft.files.len() {
        0 => None,
        1 => Some("1 file".to_owned()),
        files => Some(format!("{files} files")),
    };
    let re = draft.re.map(|re| format!("re {re}"));
    let expires = draft.expires.as_ref().map(|span| format!("expires {}", sanitize(span)));
    let receipt = draft.receipt.then(|| "asks for a receipt".to_owned());
    let registered = draft.registered.then(|| "registered".to_owned());
    let words = [Some(mode(draft.mode).to_owned()), registered, re, files, receipt, expires];
    words.into_iter().flatten().collect()
}

/// A letter that is being written, with all that is in it.
pub(super) fn draft(draft: &DraftView) -> Vec<String> {
    let words = draft_words(draft).join("  ");
    let mut lines =
        vec![format!("draft to {}  {}  {words}", who(&draft.who), minute(draft.changed))];
    if let Some(subject) = &draft.subject {
        lines.extend(quoted(&format!("Subject: {}", subject.expose())));
    }
    lines.extend(draft.text.expose().lines().flat_map(quoted));
    lines.extend(draft.files.iter().map(|DraftFile { name, size, path }| {
        let place = match (size, path) {
            (Some(size), _) => format!("{size} bytes, kept with it"),
            (None, Some(path)) => format!("read from {} when it is sent", sanitize(path)),
            (None, None) => String::new(),
        };
        format!("  + \"{}\" {place}", sanitize(name.expose()))
    }));
    lines
}

/// One's own boxes.
pub(super) fn boxes(boxes: &[BoxStateView], even: bool) -> Vec<String> {
    if boxes.is_empty() {
        return vec!["no box yet: box open [HANDLE]".to_owned()];
    }
    let lines = boxes.iter().flat_map(|own| {
        let of = match (&own.handle, &own.contact) {
            (Some(handle), _) => format!(" \"{}\"", sanitize(handle)),
            (None, Some(contact)) => format!(" for {}", sanitize(contact)),
            (None, None) => String::new(),
        };
        let first = format!("box {}{of}: {}", sanitize(&own.short), sanitize(&own.standing));
        let address = own.address.as_deref().map(sanitize);
        [Some(first), address].into_iter().flatten().collect::<Vec<_>>()
    });
    let even =
        even.then(|| "letters to contacts leave at even times, with cover between".to_owned());
    lines.chain(even).collect()
}

/// What became of letters.
pub(super) fn status(letters: &[StatusView]) -> Vec<String> {
    if letters.is_empty() {
        return vec!["you have sent no letter".to_owned()];
    }
    let lines = letters.iter().flat_map(|status| {
        let known = status.known.iter().map(|line| format!("    {}", sanitize(line)));
        [line(&status.letter)].into_iter().chain(known).collect::<Vec<_>>()
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
