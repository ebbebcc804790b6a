//! The card above a conversation: who it is with, and whom letters convince.

use pregao_protocol::letter::Mode;
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::{Conversation, With};
use crate::chat::palette::Palette;
use crate::command::ReceiptAnswer;
use crate::event::DraftView;
use crate::text::sanitize::{sanitize, shortened};
use crate::text::wrap::fit;

/// Columns from which the name of the box stands beside that of a contact.
const WIDE: usize = 48;

/// Rows of the card in a pane of so many rows.
pub(in crate::chat) const fn rows(height: u16) -> u16 {
    match height {
        0..12 => 4,
        _ => 5,
    }
}

/// What is said of a conversation, the most important first: the state of trust and the mode, in words.
fn facts(conversation: &Conversation) -> [(String, bool); 3] {
    let with = conversation.with();
    let label = with.label();
    let trust = match (with, conversation.is_verified()) {
        (With::Contact(_), true) => ("✓ compared: it is them, by their digits".to_owned(), false),
        (With::Contact(_), false) => {
            (format!("? NOT COMPARED: /contact verify {}", quoted(&label)), true)
        }
        (With::Box(short), _) => {
            (format!("? nobody you know: /contact add NAME #{}", sanitize(short)), true)
        }
        (With::Nobody, _) => ("? what came here could not be opened".to_owned(), true),
    };
    let mode = match (with, conversation.mode()) {
        (With::Nobody, _) => "nothing can be written to them".to_owned(),
        (_, Mode::Deniable) => "you write deniable: it convinces them alone".to_owned(),
        (_, Mode::Evidence) => "you write EVIDENCE: they can prove it to others".to_owned(),
    };
    let more = match &conversation.contact {
        Some(contact) if contact.blocked => {
            format!("BLOCKED: /block {} off hears from them again", quoted(&label))
        }
        _ if conversation.stored().is_some_and(goes_with_more) => {
            draft_words(conversation.stored(), &label)
        }
        Some(contact) => match contact.receipts {
            ReceiptAnswer::Ask => "read receipts: you say so each time, by /ack".to_owned(),
            ReceiptAnswer::Never => "read receipts: never".to_owned(),
            ReceiptAnswer::Always => "read receipts: always, if they ask".to_owned(),
        },
        None => String::new(),
    };
    [trust, (mode, false), (more, conversation.is_blocked())]
}

/// Whether more goes with a draft than its text.
fn goes_with_more(draft: &DraftView) -> bool {
    let has_more = draft.subject.is_some() || !draft.files.is_empty() || draft.re.is_some();
    has_more || draft.receipt || draft.registered || draft.expires.is_some()
}

/// What goes with the line that is typed.
fn draft_words(draft: Option<&DraftView>, label: &str) -> String {
    let Some(draft) = draft else { return String::new() };
    let files = match draft.files.len() {
        0 => None,
        1 => Some("1 file".to_owned()),
        files => Some(format!("{files} files")),
    };
    let subject = draft.subject.as_ref();
    let parts = [
        draft.registered.then(|| "REGISTERED".to_owned()),
        files,
        draft.re.map(|re| format!("re {re}")),
        draft.receipt.then(|| "receipt".to_owned()),
        draft.expires.as_ref().map(|span| format!("expires {}", sanitize(span))),
        subject.map(|subject| format!("\"{}\"", shortened(subject.expose(), 20))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("draft with {}; /drafts drop {}", parts.join(", "), quoted(label))
}

/// A name as it is typed in a command.
fn quoted(name: &str) -> String {
    if name.contains(' ') { format!("\"{name}\"") } else { name.to_owned() }
}

/// Draws it.
pub(in crate::chat) fn draw(
    conversation: &Conversation,
    unread: u64,
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let columns = usize::from(area.width).saturating_sub(2);
    let contact = conversation.contact.as_ref().filter(|_| columns >= WIDE);
    let short =
        contact.map_or_else(String::new, |contact| format!(" box {}", sanitize(&contact.short)));
    let new = match unread {
        0 => " all read ".to_owned(),
        unread => format!(" {unread} not read "),
    };
    let most = columns.saturating_sub(new.len()).saturating_sub(short.len()).saturating_sub(12);
    let title = format!(" letters: {}{short} ", fit(&conversation.with().label(), most));
    let block = Block::bordered()
        .title(Span::styled(title, palette.strong))
        .title(Line::styled(new, palette.strong).alignment(Alignment::Right))
        .border_style(palette.dim);
    let lines: Vec<Line<'_>> = facts(conversation)
        .into_iter()
        .map(|(text, is_warning)| {
            let style = if is_warning { palette.bad } else { palette.text };
            Line::styled(fit(&text, columns), style)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
