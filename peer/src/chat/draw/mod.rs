//! Draws the model. The same model and size always give the same screen.

use pregao_protocol::letter::Mode;
use pregao_protocol::value::clock::Time;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::conversation::{With, card, mode};
use super::model::{ChatLine, Connection, Model, Room, Tone, left};
use super::palette::Palette;
use super::panel;
use crate::command::table;
use crate::event::{Phase, RoomView};
use crate::front::identity;
use crate::text::amount::print_in;
use crate::text::sanitize::STAND_IN;
use crate::text::wrap::{exactly, fit, width, wrap};

/// Smallest window that is drawn.
pub const SMALLEST: (u16, u16) = (40, 10);
/// Age from which the TSA counts as silent: the rule `tsa.down` of the broker.
const SILENT_SECS: u64 = 2;

/// What every row of a letter begins with.
const QUOTE: &str = "  | ";
/// Columns of a name before the line that is typed.
const PROMPT: usize = 16;

/// Whether a window of this size is drawn.
#[must_use]
pub const fn fits(columns: u16, rows: u16) -> bool {
    columns >= SMALLEST.0 && rows >= SMALLEST.1
}

/// Draws everything.
pub fn draw(model: &Model, palette: &Palette, frame: &mut Frame<'_>) {
    let area = frame.area();
    if !fits(area.width, area.height) {
        too_small(area, model.is_asked(), frame);
        return;
    }
    let banners = banners(model, area.width, palette);
    let banner_rows = u16::try_from(banners.len()).unwrap_or(4).min(4);
    let hint_rows = u16::from(area.height >= 14);
    let [banner, main, status, input, hint] = Layout::vertical([
        Constraint::Length(banner_rows),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(hint_rows),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(banners), banner);
    let list_width = match area.width {
        0..50 => 0,
        50..72 => 18,
        72..110 => 24,
        _ => 32,
    };
    let [list, right] =
        Layout::horizontal([Constraint::Length(list_width), Constraint::Min(1)]).areas(main);
    if list_width > 0 {
        lists(model, palette, list, frame);
    }
    if let Some(room) = model.current() {
        let card_rows = match &room.letters {
            Some(_) => card::rows(right.height),
            None if room.is_lobby() => 0,
            None => panel::rows(right.height),
        };
        let [top, bottom] =
            Layout::vertical([Constraint::Length(card_rows), Constraint::Min(1)]).areas(right);
        match &room.letters {
            Some(letters) => {
                let unread = room.badge(model.has_all_unread());
                card::draw(letters, unread, palette, top, frame);
            }
            None if card_rows > 0 => panel::draw(model, room, palette, top, frame),
            None => {}
        }
        messages(model, room, palette, bottom, frame);
    }
    frame.render_widget(Paragraph::new(status_line(model, palette, area.width)), status);
    input_line(model, palette, input, frame);
    frame.render_widget(Paragraph::new(hint_line(model, palette, area.width)), hint);
    if let Some(dialogue) = &model.pin {
        dialogue.draw(palette, area, frame);
    } else if let Some(dialogue) = &model.confirm {
        dialogue.draw(palette, area, frame);
    } else if model.help {
        help(palette, area, frame);
    }
}

fn too_small(area: Rect, asked: bool, frame: &mut Frame<'_>) {
    let (columns, rows) = SMALLEST;
    let mut text = vec![
        Line::from("window too small"),
        Line::from(format!("{columns}x{rows} needed")),
        Line::from(format!("this is {}x{}", area.width, area.height)),
    ];
    if asked {
        text.push(Line::from("a question waits"));
    }
    frame.render_widget(Paragraph::new(text).alignment(Alignment::Center), area);
}

/// What must not be overlooked: the newest alarm, a disclosure that waits.
fn banners(model: &Model, columns: u16, palette: &Palette) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let mut lines = Vec::new();
    if let Some(alarm) = &model.alarm {
        let text = format!(" ALARM ({}): {alarm} [Esc]", model.trust.alarms);
        for line in wrap(&text, columns, 1).into_iter().take(2) {
            lines.push(Line::styled(exactly(&line, columns), palette.alarm));
        }
    }
    if let Some((room, reveal)) = model.waiting() {
        let price = print_in(reveal.price, &reveal.currency);
        let done = match reveal.role {
            crate::event::Role::Seller => "SOLD",
            crate::event::Role::Winner => "WON",
        };
        let head = format!(" {done} \"{}\" for {price} ", fit(&reveal.title, 24));
        let how = format!(
            " {} left to /reveal #{} \"Your Name\" contact",
            left(model.now, reveal.deadline),
            model.short(&room.id)
        );
        if width(&head).saturating_add(width(&how)) <= columns {
            lines.push(Line::styled(exactly(&format!("{head}{how}"), columns), palette.notice));
        } else {
            lines.push(Line::styled(exactly(&head, columns), palette.notice));
            lines.push(Line::styled(exactly(&how, columns), palette.notice));
        }
    }
    lines
}

/// The rooms, and below them the conversations: each list goes on by itself, so that a hundred of one hide none of the
/// other.
fn lists(model: &Model, palette: &Palette, area: Rect, frame: &mut Frame<'_>) {
    let (letters, rooms): (Vec<&Room>, Vec<&Room>) =
        model.listed().into_iter().partition(|room| room.letters.is_some());
    let wanted = u16::try_from(letters.len().saturating_add(2)).unwrap_or(u16::MAX);
    // Two fifths, and what the rooms leave.
    let above = u16::try_from(rooms.len().saturating_mul(2).saturating_add(1)).unwrap_or(u16::MAX);
    let most = (area.height.saturating_mul(2) / 5).max(area.height.saturating_sub(above));
    let below = match letters.len() {
        0 => 0,
        _ if area.height < 8 => 0,
        _ => wanted.min(most.max(3)),
    };
    let [above, below] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(below)]).areas(area);
    if below.height == 0 {
        return list(model, " rooms ", &[rooms, letters].concat(), palette, above, frame);
    }
    let many = rooms.len().saturating_add(2) > usize::from(above.height);
    let title = if many { format!(" rooms {} ", rooms.len()) } else { " rooms ".to_owned() };
    list(model, &title, &rooms, palette, above, frame);
    let title = match model.unread_letters() {
        0 => format!(" letters {} ", letters.len()),
        unread => format!(" letters {}, {unread} new ", letters.len()),
    };
    list(model, &title, &letters, palette, below, frame);
}

fn list(
    model: &Model,
    title: &str,
    listed: &[&Room],
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let block = Block::bordered().title(title).border_style(palette.dim);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let (columns, height) = (usize::from(inner.width), usize::from(inner.height));
    let has_room = listed.len().saturating_mul(2) <= height.saturating_add(1);
    let each = if has_room && listed.iter().any(|room| room.letters.is_none()) { 2 } else { 1 };
    let fits = height.checked_div(each).unwrap_or(1).max(1);
    let current = model.current().map_or("", |room| room.id.as_str());
    let at = listed.iter().position(|room| room.id == current).unwrap_or(0);
    let first = at.saturating_add(1).saturating_sub(fits);
    let mut lines = Vec::new();
    for room in listed.iter().skip(first).take(fits) {
        lines.extend(room_rows(model, room, room.id == current, each, columns, palette));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn room_rows(
    model: &Model,
    room: &Room,
    selected: bool,
    rows: usize,
    columns: usize,
    palette: &Palette,
) -> Vec<Line<'static>> {
    let unread = room.badge(model.has_all_unread());
    let badge = match unread {
        0 => String::new(),
        unread @ 1..100 => format!(" ({unread})"),
        _ => " (99+)".to_owned(),
    };
    let badge = match &room.letters {
        // The state of trust is seen at every name.
        Some(letters) => {
            let trust = if letters.is_verified() { " ✓" } else { " ?" };
            let more = match (letters.is_blocked(), letters.has_draft()) {
                (true, _) => " blocked",
                (false, true) => " draft",
                (false, false) => "",
            };
            format!("{more}{trust}{badge:>4}")
        }
        None => badge,
    };
    let when = when(model, room);
    let mark = if selected { "▸" } else { " " };
    let tail = if rows == 1 && !when.is_empty() { format!(" {when}{badge}") } else { badge };
    let title = exactly(&room.title(), columns.saturating_sub(width(&tail)).saturating_sub(1));
    let style = match (selected, unread) {
        (true, _) => palette.selected,
        (false, 0) => palette.text,
        (false, _) => palette.strong,
    };
    let mut lines = vec![Line::styled(format!("{mark}{title}{tail}"), style)];
    if rows > 1 && !room.is_lobby() && room.letters.is_none() {
        let (standing, tone) = standing(room, model.now, palette);
        let name = format!("  {} ", model.short(&room.id));
        let room_left = columns.saturating_sub(width(&name)).saturating_sub(width(&when));
        lines.push(Line::from(vec![
            Span::styled(name, palette.dim),
            Span::styled(exactly(&standing, room_left.saturating_sub(1)), tone),
            Span::styled(format!(" {when}"), palette.dim),
        ]));
    }
    lines
}

/// Countdown of what is open, otherwise its phase.
fn when(model: &Model, room: &Room) -> String {
    match (&room.reveal, &room.view) {
        (Some(reveal), _) if reveal.other.is_none() => left(model.now, reveal.deadline),
        (Some(_), _) => "revealed".to_owned(),
        (None, Some(view)) if view.phase == Phase::Open => left(model.now, view.end),
        (None, Some(view)) => phase(view.phase).to_owned(),
        (None, None) => String::new(),
    }
}

/// What a phase is called.
pub(super) const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Closed => "closed",
        Phase::Settled => "settled",
        Phase::Revealed => "revealed",
        Phase::Ended => "ended",
    }
}

/// The user's part in a room, short.
fn standing(room: &Room, now: Option<Time>, palette: &Palette) -> (String, ratatui::style::Style) {
    if let Some(reveal) = &room.reveal {
        let role = reveal.role.name();
        return (role.to_owned(), palette.own);
    }
    let Some(view) = &room.view else { return (String::new(), palette.dim) };
    let (text, style) = match view {
        RoomView { own: true, .. } => ("yours", palette.own),
        view if view.is_unfollowed() => ("unseen", palette.dim),
        view if !view.is_known() => ("", palette.dim),
        RoomView { leading: true, phase: Phase::Open, .. } => ("▲ leading", palette.good),
        RoomView { leading: true, .. } => ("▲ won", palette.good),
        RoomView {
            bidding: true,
            sealed: Some(_),
            highest: None,
            phase: Phase::Open | Phase::Closed,
            ..
        } => ("sealed", palette.own),
        RoomView { bidding: true, falling: Some(_), phase: Phase::Open, .. } => {
            ("▼ later", palette.bad)
        }
        RoomView { bidding: true, phase: Phase::Open, .. } => ("▼ outbid", palette.bad),
        RoomView { falling: Some(_), .. } => {
            return (panel::falling(view, now), palette.text);
        }
        RoomView { bidding: true, .. } => ("lost", palette.dim),
        _ => ("", palette.dim),
    };
    (text.to_owned(), style)
}

fn messages(model: &Model, room: &Room, palette: &Palette, area: Rect, frame: &mut Frame<'_>) {
    let title = match room.scroll {
        0 if room.is_lobby() => " lobby ".to_owned(),
        0 if room.letters.is_some() => " the newest last ".to_owned(),
        scroll if room.letters.is_some() => format!(" {scroll} back: PgDn "),
        0 => format!(" messages #{} ", model.short(&room.id)),
        scroll => format!(" messages, {scroll} back: PgDn "),
    };
    let block = Block::bordered().title(title).border_style(palette.dim);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let (columns, height) = (usize::from(inner.width), usize::from(inner.height));
    let mut lines: Vec<Line<'_>> = Vec::new();
    for message in room.messages.iter().rev().skip(room.scroll) {
        let mut rows = message_rows(message, columns, palette);
        rows.reverse();
        lines.extend(rows);
        if lines.len() >= height {
            break;
        }
    }
    lines.truncate(height);
    lines.reverse();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn message_rows(message: &ChatLine, columns: usize, palette: &Palette) -> Vec<Line<'static>> {
    let style = match message.tone {
        Tone::Bid | Tone::Said | Tone::Quoted(_) | Tone::Letter => palette.text,
        Tone::Own => palette.own,
        Tone::System => palette.dim,
        Tone::Good => palette.good,
        Tone::Bad => palette.bad,
        Tone::Alarm => palette.alarm,
    };
    let clock = message.time.map_or_else(String::new, clock);
    // Continuations carry no time of their own.
    let clock = if message.text.starts_with("  ") { " ".repeat(width(&clock)) } else { clock };
    let head = if clock.is_empty() { String::new() } else { format!("{clock} ") };
    let hanging = width(&head);
    let wide = columns.saturating_sub(hanging);
    let rows = match message.tone {
        Tone::Quoted(word) => identity::rows(word, &message.text, wide),
        Tone::Letter => letter_rows(&message.text, wide),
        _ => wrap(&message.text, wide, 2),
    };
    rows.into_iter()
        .enumerate()
        .map(|(row, text)| {
            let head = if row == 0 { head.clone() } else { " ".repeat(hanging) };
            Line::from(vec![Span::styled(head, palette.dim), Span::styled(text, style)])
        })
        .collect()
}

/// A line of a letter: nothing in it looks like a line of the program, for each row is marked.
fn letter_rows(text: &str, columns: usize) -> Vec<String> {
    let rows = wrap(text, columns.saturating_sub(width(QUOTE)).max(1), 0);
    let rows = if rows.is_empty() { vec![String::new()] } else { rows };
    rows.into_iter().map(|row| format!("{QUOTE}{row}").trim_end().to_owned()).collect()
}

/// Hours, minutes and seconds of a time, UTC.
pub(super) fn clock(time: pregao_protocol::value::clock::Time) -> String {
    time.to_string().get(11..19).unwrap_or("").to_owned()
}

/// Day and minute of a time, for what may lie days ahead.
pub(super) fn day_and_minute(time: pregao_protocol::value::clock::Time) -> String {
    time.to_string().get(..16).unwrap_or("").replace('T', " ")
}

/// Trust state: what matters most comes first, what does not fit is left out.
fn status_line(model: &Model, palette: &Palette, columns: u16) -> Line<'static> {
    let trust = &model.trust;
    let mut parts: Vec<(String, ratatui::style::Style)> = Vec::new();
    parts.push(match trust.connection {
        Connection::Connected => ("● online".to_owned(), palette.good),
        Connection::Connecting => ("○ connecting".to_owned(), palette.dim),
        Connection::Lost => ("○ offline".to_owned(), palette.bad),
    });
    if trust.simulated {
        parts.push(("SIMULATED TIME".to_owned(), palette.notice));
    }
    parts.push(match trust.alarms {
        0 => ("0 alarms".to_owned(), palette.good),
        1 => ("1 ALARM".to_owned(), palette.alarm),
        many => (format!("{many} ALARMS"), palette.alarm),
    });
    match model.unread_letters() {
        0 => {}
        1 => parts.push(("1 new letter".to_owned(), palette.strong)),
        unread => parts.push((format!("{unread} new letters"), palette.strong)),
    }
    parts.push(match (model.now, model.age.as_secs()) {
        (None, age) if model.tsa_down => (format!("tsa.down {age}s"), palette.bad),
        (None, _) => ("no TSA time".to_owned(), palette.bad),
        (Some(now), 0..SILENT_SECS) => {
            (format!("TSA {} +{}s", clock(now), model.age.as_secs()), palette.text)
        }
        (Some(_), age) => (format!("TSA silent {age}s"), palette.bad),
    });
    match model.verified() {
        1 => parts.push(("1 head ✓".to_owned(), palette.text)),
        count => parts.push((format!("{count} heads ✓"), palette.text)),
    }
    if let Some(persona) = &trust.persona {
        let persona = persona.to_string();
        parts.push((format!("me {}", persona.get(..6).unwrap_or("")), palette.own));
    }
    if let Some(suite) = &trust.suite {
        parts.push((short_suite(suite), palette.dim));
    }
    let mut used = 0_usize;
    let mut spans: Vec<Span<'_>> = Vec::new();
    for (text, style) in parts {
        let between = if spans.is_empty() { "" } else { " │ " };
        let wide = width(&text).saturating_add(width(between));
        if used.saturating_add(wide) > usize::from(columns) {
            continue;
        }
        used = used.saturating_add(wide);
        spans.push(Span::styled(between, palette.dim));
        spans.push(Span::styled(text, style));
    }
    Line::from(spans)
}

/// A suite without what all suites share: `AESGCM/SHA256`, `ChaCha/BLAKE2s`.
fn short_suite(suite: &str) -> String {
    suite.trim_start_matches("25519_").replace("ChaChaPoly", "ChaCha").replace('_', "/")
}

fn input_line(model: &Model, palette: &Palette, area: Rect, frame: &mut Frame<'_>) {
    let room = model.current().filter(|room| !room.is_lobby());
    let prompt = room.map_or("> ".to_owned(), |room| match &room.letters {
        // Whom it will convince is seen before it is sent.
        Some(letters) => {
            format!("{}, {}> ", fit(&letters.with().label(), PROMPT), mode(letters.mode()))
        }
        None => match room.talk {
            Some(talk) => format!("#{}, {}> ", model.short(&room.id), mode(talk)),
            None => format!("#{}> ", model.short(&room.id)),
        },
    });
    let room_left = usize::from(area.width).saturating_sub(width(&prompt));
    let (text, column) = model.input.visible(room_left);
    let column = u16::try_from(width(&prompt).saturating_add(column)).unwrap_or(0);
    let line = Line::from(vec![Span::styled(prompt, palette.dim), Span::raw(text)]);
    frame.render_widget(Paragraph::new(line), area);
    if !model.help && !model.is_asked() {
        let x = area.x.saturating_add(column).min(area.right().saturating_sub(1));
        frame.set_cursor_position(Position::new(x, area.y));
    }
}

fn hint_line(model: &Model, palette: &Palette, columns: u16) -> Line<'static> {
    let columns = usize::from(columns);
    if let Some((candidates, at)) = model.input.offered() {
        let mut spans = Vec::new();
        for (index, candidate) in candidates.iter().enumerate().skip(at).take(8) {
            let style = if index == at { palette.selected } else { palette.dim };
            spans.push(Span::styled(fit(&candidate.label, 30), style));
            spans.push(Span::raw("  "));
        }
        return Line::from(spans);
    }
    let stood_in = model.input.stood_in();
    if !stood_in.is_empty() {
        let text = format!("{STAND_IN} stands for {}, sent as typed", stood_in.join(" "));
        return Line::styled(fit(&text, columns), palette.bad);
    }
    if let Some(most) = model.input.full() {
        let text = format!(
            "the line is full at {most} characters, and what comes after them is left out: attach a file"
        );
        return Line::styled(fit(&text, columns), palette.bad);
    }
    let text = model.input.text();
    let usage = text.strip_prefix('/').and_then(|rest| table::find(rest.split(' ').next()?));
    let text = match usage {
        Some(usage) => format!("{}: {}", usage.line(), usage.summary),
        None if model.writes_letter(text) => letter_hint(model),
        None if text.starts_with("//") => "said with one slash".to_owned(),
        None if text.starts_with('/') => "Tab completes".to_owned(),
        None if text.is_empty() => {
            "Tab completes · F1 help · Ctrl-N/P rooms · PgUp/PgDn scroll · Ctrl-C leaves".to_owned()
        }
        None if model.current().is_some_and(Room::is_lobby) => {
            "this is no command: begin with a slash".to_owned()
        }
        None => match model.current().and_then(|room| room.talk) {
            Some(Mode::Deniable) => {
                "Enter says it to the other side: it convinces them alone; /mode changes that"
                    .to_owned()
            }
            Some(Mode::Evidence) => {
                "Enter says it to the other side, SIGNED: they can show it to others".to_owned()
            }
            None => "Enter says this in the room, under a name used once".to_owned(),
        },
    };
    Line::styled(fit(&text, columns), palette.dim)
}

/// What becomes of a letter that is typed.
fn letter_hint(model: &Model) -> String {
    let Some(letters) = model.conversation() else { return String::new() };
    match (letters.with(), letters.mode()) {
        (With::Nobody, _) => "nobody is known here who could be written to".to_owned(),
        (_, Mode::Deniable) => {
            "Enter sends it: it convinces them alone. 10 s to take it back by /recall".to_owned()
        }
        (_, Mode::Evidence) => {
            "Enter sends it SIGNED: they can show it to others. 10 s to /recall it".to_owned()
        }
    }
}

fn help(palette: &Palette, area: Rect, frame: &mut Frame<'_>) {
    let mut lines: Vec<Line<'_>> =
        table::help(None).into_iter().map(|line| Line::styled(line, palette.text)).collect();
    // A window without room for a line each names them, and a small one has room for the keys only.
    let room = usize::from(area.height).saturating_sub(super::keys::KEYS.len().saturating_add(2));
    if lines.len() > room {
        let names = table::COMMANDS.iter().map(|usage| format!("/{}", usage.name));
        let names = names.collect::<Vec<_>>().join("  ");
        let width = usize::from(area.width.min(84)).saturating_sub(2);
        let named = wrap(&format!("/help lists the commands: {names}"), width, 2);
        lines = named.into_iter().map(|line| Line::styled(line, palette.text)).collect();
        if lines.len() > room {
            lines = vec![Line::styled("/help lists the commands", palette.text)];
        }
    }
    for (keys, what) in super::keys::KEYS {
        lines.push(Line::from(vec![
            Span::styled(format!("{keys:<14}"), palette.strong),
            Span::styled(*what, palette.dim),
        ]));
    }
    let height = u16::try_from(lines.len().saturating_add(2)).unwrap_or(u16::MAX).min(area.height);
    let columns = area.width.min(84);
    let x = area.x.saturating_add(area.width.saturating_sub(columns) / 2);
    let y = area.y.saturating_add(area.height.saturating_sub(height) / 2);
    let place = Rect::new(x, y, columns, height);
    frame.render_widget(Clear, place);
    let block = Block::bordered().title(" help: /help COMMAND tells more; any key closes ");
    frame.render_widget(Paragraph::new(lines).block(block), place);
}

#[cfg(test)]
mod tests;
