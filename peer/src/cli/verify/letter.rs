//! What a letter shows, in plain words.

use pregao_protocol::audit::verdict::{
    AttachmentShown, BoxShown, ContentShown, LetterShown, ReadShown, ShownBy, WithinFault,
    WithinShown,
};

use super::timeline;

/// Who wrote it, to whom, since when it exists and what it says; and what all that does not prove.
pub(super) fn of_letter(letter: &LetterShown, lines: &mut Vec<String>) {
    lines.push(format!("from {}", of_box(&letter.from)));
    lines.push(format!("to {}", of_box(&letter.to)));
    let expires =
        letter.expires.map_or_else(String::new, |end| format!(", to be destroyed by {end}"));
    lines.push(format!(
        "deposited as entry {} of the reader's box, stamped {}: it existed by then; {} bytes sealed{expires}",
        letter.entry, letter.time, letter.bytes
    ));
    lines.push(
        "evidence: signed by the key of the sender's box, so anybody can check it".to_owned(),
    );
    lines.push(match letter.shown {
        ShownBy::Sender => {
            "its sender shows it: its reader could open what was deposited, and it was exactly this"
                .to_owned()
        }
        ShownBy::Reader => {
            "shown with the sealed bytes: its sender signed this text for them; that they open to it is not shown"
                .to_owned()
        }
        ShownBy::Hash => format!(
            "THE TEXT IS NOT SHOWN: its sender wrote something with the hash {} and no more is known of it",
            letter.hash
        ),
    });
    if let Some(content) = &letter.content {
        of_content(content, lines);
    }
    // Of a registered letter the acceptance says it.
    if letter.lapses.is_none() || letter.read.is_some() {
        of_read(letter, lines);
    }
    timeline::of_letter(letter, lines);
    lines.push(
        "it does not prove which person has either box, nor when the letter was written, only that it existed by its stamp"
            .to_owned(),
    );
    let mut known = format!(
        "you must know from elsewhere: the sender's box {}, the reader's box {}",
        letter.from.name, letter.to.name
    );
    if letter.read.is_some() {
        known.push_str(", and the broker and TSA of both");
    }
    lines.push(known);
}

pub(super) fn of_box(shown: &BoxShown) -> String {
    let handle = shown.handle.as_ref().map(|handle| handle.as_str());
    let called = handle.map_or_else(
        || "which gives itself no name".to_owned(),
        |handle| format!("which calls itself \"{handle}\", as anybody may"),
    );
    format!("box {}, {called}; key {}", shown.name, shown.key)
}

fn of_content(content: &ContentShown, lines: &mut Vec<String>) {
    match content {
        ContentShown::Letter { id, reply_to, wants_receipt, subject, text, attachments } => {
            let subject = subject.as_ref().map(|subject| subject.as_str());
            lines.push(subject.map_or_else(
                || "no subject".to_owned(),
                |subject| format!("subject \"{subject}\""),
            ));
            lines.push(format!("  letter {id}, {} characters", text.as_str().chars().count()));
            lines.extend(reply_to.map(|other| format!("  it answers letter {other}")));
            if *wants_receipt {
                lines.push("  it asks for a read receipt".to_owned());
            }
            lines.extend(attachments.iter().map(of_attachment));
            lines.extend(text.as_str().lines().map(|line| format!("  | {line}")));
        }
        ContentShown::Registered { id, reply_to, subject, commitment, within, fault } => {
            let subject = subject.as_ref().map(|subject| subject.as_str());
            lines.push(subject.map_or_else(
                || "no subject".to_owned(),
                |subject| format!("subject \"{subject}\""),
            ));
            lines.push(format!("  registered letter {id}"));
            lines.extend(reply_to.map(|other| format!("  it answers letter {other}")));
            lines.push(format!("  the broker's half of its key is committed to by {commitment}"));
            of_within(within.as_ref(), *fault, lines);
        }
        ContentShown::Cover { id } => lines.push(format!("cover {id}, which says nothing")),
        ContentShown::Read { id, deposit, content, read } => {
            lines.push(format!(
                "read receipt {id}: by its author, another letter was read at {read}"
            ));
            lines.push(format!("  that letter's deposit is {deposit}, its content {content}"));
        }
    }
}

/// What a registered letter says, or why that is not known.
fn of_within(within: Option<&WithinShown>, fault: Option<WithinFault>, lines: &mut Vec<String>) {
    match (within, fault) {
        (Some(WithinShown { text, attachments }), _) => {
            lines.push("  opened with the half that the broker handed over:".to_owned());
            lines.extend(attachments.iter().map(of_attachment));
            lines.extend(text.as_str().lines().map(|line| format!("  | {line}")));
        }
        (None, Some(WithinFault::Junk)) => lines.push(
            "  NOTHING CAN BE READ: with the right half what its sender sealed does not open; its sender signed that"
                .to_owned(),
        ),
        (None, Some(WithinFault::Deposit)) => lines.push(
            "  NOTHING CAN BE READ: its deposit does not commit to the key of this letter; its sender signed that"
                .to_owned(),
        ),
        (None, None) => lines.push(
            "  what it says is not read here: no half of its key that was handed over is shown".to_owned(),
        ),
    }
}

fn of_attachment(attachment: &AttachmentShown) -> String {
    let AttachmentShown { name, media_type, size, digest, deposited } = attachment;
    let (name, media_type) = (name.as_str(), media_type.as_str());
    let deposited = if *deposited { "deposited with it" } else { "NOT DEPOSITED WITH IT" };
    format!("  attached \"{name}\" ({media_type}, {size} bytes), sealed as {digest}, {deposited}")
}

fn of_read(letter: &LetterShown, lines: &mut Vec<String>) {
    let Some(read) = &letter.read else {
        lines.push(
            "no read receipt is here: that neither shows that it was read nor that it was not"
                .to_owned(),
        );
        return;
    };
    let ReadShown { broker, simulated, stamps, size: _, root: _, entry, time, read } = read;
    lines.push(format!(
        "read receipt: holds: the reader's box says that this letter was read at {read}"
    ));
    lines.push(format!("  deposited as entry {entry} of the sender's box, stamped {time}"));
    lines.push(format!("  kept by broker {broker}"));
    lines.extend(stamps.iter().map(|stamp| format!("  stamped by TSA {stamp}")));
    if *simulated {
        lines.push("  SIMULATED TIME: its stamps show no real time".to_owned());
    }
}
