//! The card above the messages: an auction with its prices drawn, or a room for two.

use pregao_protocol::room::auction::sealed::OPEN_WITHIN;
use pregao_protocol::value::clock::Time;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

use super::draw::{clock, day_and_minute, phase};
use super::model::{Model, Other, PricePoint, Reveal, Room, left};
use super::palette::Palette;
use crate::event::{Phase, Role, RoomView};
use crate::front::identity::{Said, Word};
use crate::text::amount::{print, print_in};
use crate::text::duration;
use crate::text::sanitize::sanitize;
use crate::text::wrap::{fit, width};

/// Rows of the card in a pane of so many rows.
pub(super) const fn rows(height: u16) -> u16 {
    match height {
        0..9 => 4,
        9..16 => 5,
        16..30 => 11,
        _ => 15,
    }
}

/// Draws the card of a room.
pub(super) fn draw(
    model: &Model,
    room: &Room,
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    match (&room.reveal, &room.view) {
        (Some(reveal), _) => draw_reveal(model, room, reveal, palette, area, frame),
        (None, Some(view)) => draw_auction(model, room, view, palette, area, frame),
        (None, None) => {
            let block = Block::bordered().title(" loading ").border_style(palette.dim);
            frame.render_widget(block, area);
        }
    }
}

fn draw_auction(
    model: &Model,
    room: &Room,
    view: &RoomView,
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let when = match view.phase {
        Phase::Open if model.now.is_some_and(|now| now >= view.end) => " closing ".to_owned(),
        Phase::Open => format!(" closes in {} ", left(model.now, view.end)),
        past @ (Phase::Closed | Phase::Settled | Phase::Revealed | Phase::Ended) => {
            format!(" {} ", phase(past))
        }
    };
    let columns = usize::from(area.width).saturating_sub(4);
    let title = format!(
        " {} #{} ",
        fit(&sanitize(&view.title), columns.saturating_sub(width(&when)).saturating_sub(12)),
        model.short(&room.id)
    );
    let block = Block::bordered()
        .title(Span::styled(title, palette.strong))
        .title(Line::styled(when, closing_style(model, view, palette)).alignment(Alignment::Right))
        .border_style(palette.dim);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let mut facts = facts(view, model.now, palette, usize::from(inner.width));
    facts.truncate(usize::from(inner.height));
    let used = u16::try_from(facts.len()).unwrap_or(u16::MAX);
    let [top, bottom] =
        Layout::vertical([Constraint::Length(used), Constraint::Min(0)]).areas(inner);
    frame.render_widget(Paragraph::new(facts), top);
    if bottom.height >= 2 {
        chart(model, room, view, palette, bottom, frame);
    }
}

/// The last half minute is drawn loud.
fn closing_style(model: &Model, view: &RoomView, palette: &Palette) -> Style {
    let soon = model.now.is_some_and(|now| view.end.since(now).as_secs() < 30);
    if soon && view.phase == Phase::Open { palette.bad } else { palette.strong }
}

/// Whether bids, or a reserve, are still sealed though the broker had its time to open them (SPEC V-166, V-214).
fn owes_opening(view: &RoomView, now: Option<Time>) -> bool {
    let bids = view.phase == Phase::Closed && view.highest.is_none() && view.bids > Some(0);
    let is_sealed = bids || view.awaits_reserve();
    let until = view.opens.filter(|_| is_sealed).map(|opens| opens.plus(OPEN_WITHIN));
    now.zip(until).is_some_and(|(now, until)| now > until)
}

fn facts(
    view: &RoomView,
    now: Option<Time>,
    palette: &Palette,
    columns: usize,
) -> Vec<Line<'static>> {
    let money = |minor| print(minor, view.digits);
    let falls = falling(view, now);
    let highest = match (view.highest, view.bids) {
        (None, _) if !falls.is_empty() => falls,
        (Some(highest), _) => format!("{} {}", money(highest), sanitize(&view.currency)),
        (None, None) if view.joined => "being fetched".to_owned(),
        (None, _) if view.is_unfollowed() => "not followed".to_owned(),
        (None, Some(1)) => "1 sealed bid".to_owned(),
        (None, Some(bids)) if bids > 0 => format!("{bids} sealed bids"),
        (None, _) if view.phase != Phase::Open => "no bid".to_owned(),
        (None, _) => "no bids yet".to_owned(),
    };
    let bids = match view.bids {
        Some(1) if view.highest.is_some() => " after 1 bid".to_owned(),
        Some(bids) if view.highest.is_some() => format!(" after {bids} bids"),
        Some(_) | None => String::new(),
    };
    let bids = match view.highest {
        Some(_) if view.is_unfollowed() => format!("{bids}, not followed"),
        Some(_) | None => bids,
    };
    let (state, tone) = state(view, palette);
    let gap = columns
        .saturating_sub(width(&highest))
        .saturating_sub(width(&bids))
        .saturating_sub(width(&state));
    let next = view.highest.map_or(view.start.max(1), |price| price.saturating_add(view.increment));
    let terms = match view.phase {
        Phase::Open if view.sealed.is_some() => sealed_terms(view),
        Phase::Open if view.falling.is_some() => falling_terms(view),
        Phase::Open if view.is_unfollowed() => format!(
            "from {}, step {} {}; /join shows the bids",
            money(view.start),
            money(view.increment),
            sanitize(&view.currency)
        ),
        Phase::Open => format!(
            "bid {} or more; from {}, step {} {}",
            money(next),
            money(view.start),
            money(view.increment),
            sanitize(&view.currency)
        ),
        Phase::Closed | Phase::Settled | Phase::Revealed | Phase::Ended => sanitize(&view.outcome),
    };
    let opens = view.opens.filter(|_| view.sealed.is_some() || view.awaits_reserve());
    let ends = match (view.extend_secs, opens) {
        (_, Some(opens)) if owes_opening(view, now) => {
            format!("OPENING OVERDUE SINCE {}", clock(opens))
        }
        (_, Some(opens)) => format!("opened after {}", clock(opens)),
        (0, None) if view.falling.is_some() => "or soon after the first bid".to_owned(),
        (0, None) => "fixed end".to_owned(),
        (extend, _) => {
            format!("soft close {}", duration::print(std::time::Duration::from_secs(extend)))
        }
    };
    let verified = format!(
        "ends {}, {ends}, {} entries verified{}",
        clock(view.end),
        view.verified_size,
        finality(view)
    );
    let mut lines = vec![
        Line::from(vec![
            Span::styled(highest, palette.strong),
            Span::styled(format!("{bids}{}", " ".repeat(gap)), palette.dim),
            Span::styled(state, tone),
        ]),
        Line::styled(fit(&terms, columns), palette.text),
        Line::styled(fit(&verified, columns), palette.dim),
    ];
    if let Some(more) = more_terms(view) {
        lines.push(Line::styled(fit(&more, columns), palette.text));
    }
    if view.phase == Phase::Open {
        lines.extend(
            rule_lines(view, columns).into_iter().map(|line| Line::styled(line, palette.text)),
        );
    }
    if !view.description.is_empty() {
        lines.push(Line::styled(fit(&sanitize(&view.description), columns), palette.text));
    }
    lines
}

/// What may be bid where nobody sees the bids, and what comes of it.
fn sealed_terms(view: &RoomView) -> String {
    let least = format!("{} {}", print(view.start.max(1), view.digits), sanitize(&view.currency));
    if view.is_unfollowed() {
        return format!("sealed bids from {least}; /join to bid");
    }
    match view.sealed.as_deref() {
        Some("first") => format!("sealed, {least} or more; the highest wins and pays it"),
        _ => format!("sealed, {least} or more; pays the highest that loses"),
    }
}

/// What a falling price is now, and when it falls next; empty where none falls, or nobody knows the time.
pub(super) fn falling(view: &RoomView, now: Option<Time>) -> String {
    let is_open = view.phase == Phase::Open && view.highest.is_none();
    let Some(now) = now.filter(|_| is_open) else { return String::new() };
    match view.price_at(now.min(view.end)) {
        Some((price, Some(next))) if next < view.end => {
            let price = print(price, view.digits);
            format!("{price} {}, falls in {}", sanitize(&view.currency), left(Some(now), next))
        }
        Some((price, _)) => {
            format!("{} {}, falls no further", print(price, view.digits), sanitize(&view.currency))
        }
        None => String::new(),
    }
}

/// How a price falls, and how it is taken.
fn falling_terms(view: &RoomView) -> String {
    let Some(falling) = view.falling else { return String::new() };
    let money = |minor| print(minor, view.digits);
    let every = duration::print(std::time::Duration::from_secs(falling.every.into()));
    let (fall, floor) = (money(falling.fall.minor()), money(falling.floor.minor()));
    if view.is_unfollowed() {
        return format!("{fall} less every {every}, to {floor}; /join to bid");
    }
    match view.highest {
        Some(price) => format!("taken at {}; only an earlier stamp is before it", money(price)),
        None => format!("/take it at that; {fall} less every {every}, to {floor}"),
    }
}

/// What not every auction says, as long as it matters.
fn more_terms(view: &RoomView) -> Option<String> {
    if view.phase != Phase::Open {
        return None;
    }
    let money = |minor| print(minor, view.digits);
    let terms = [
        reserve_terms(view),
        view.buy_now.map(|price| format!("{} buys it at once", money(price))),
        view.max_raise.map(|most| format!("no raise beyond {}", money(most))),
        view.begin.map(|begin| format!("bids count from {} on", clock(begin))),
        view.bids_each.map(|bids| match bids {
            1 => "one bid each".to_owned(),
            bids => format!("{bids} bids each at most"),
        }),
        view.citizens.map(|_| "one persona of each citizen".to_owned()),
        view.paddle.as_ref().map(|paddle| format!("you bid as paddle {}", sanitize(paddle))),
    ];
    let terms: Vec<String> = terms.into_iter().flatten().collect();
    (!terms.is_empty()).then(|| terms.join("; "))
}

/// That there is a hidden reserve, and to its seller how much it is.
fn reserve_terms(view: &RoomView) -> Option<String> {
    let reserve = view.reserve.as_ref()?;
    let own = reserve.amount.map(|amount| format!(" of {}", print(amount, view.digits)));
    match reserve.standing.as_str() {
        "awaited" => Some("no bids before the reserve is sealed".to_owned()),
        _ => Some(format!("hidden reserve{}", own.unwrap_or_default())),
    }
}

/// What the seller asks of bids besides, in words and as it was written.
fn rule_lines(view: &RoomView, columns: usize) -> Vec<String> {
    let Some(source) = &view.rule else { return Vec::new() };
    let words = view.rule_words.iter().map(|line| format!("rule: {}", sanitize(line)));
    let written = source.lines().map(|line| format!("      | {}", sanitize(line)));
    words.chain(written).map(|line| fit(&line, columns)).collect()
}

/// How much of it the broker cannot take back alone.
fn finality(view: &RoomView) -> String {
    match (view.quorum, view.final_size) {
        (0, _) => String::new(),
        (_, size) if size >= view.verified_size && size > 0 => ", all final".to_owned(),
        (_, size) => format!(", {size} final"),
    }
}

/// The user's part, in words, so that it needs no colour.
fn state(view: &RoomView, palette: &Palette) -> (String, Style) {
    let (text, style) = match (view, view.phase) {
        (RoomView { own: true, .. }, _) => ("you are selling", palette.own),
        (RoomView { bidding: true, .. }, _) if !view.is_known() => ("you bid here", palette.own),
        _ if !view.is_known() => ("", palette.dim),
        (RoomView { leading: true, .. }, Phase::Open) => ("▲ YOU LEAD", palette.good),
        (RoomView { leading: true, .. }, _) => ("▲ YOU WON", palette.good),
        (
            RoomView { bidding: true, sealed: Some(_), highest: None, .. },
            Phase::Open | Phase::Closed,
        ) => ("your bid is sealed", palette.own),
        (RoomView { bidding: true, .. }, Phase::Closed) if view.awaits_reserve() => {
            ("the reserve decides", palette.own)
        }
        (RoomView { bidding: true, falling: Some(_), .. }, Phase::Open) => {
            ("▼ ANOTHER WAS FIRST", palette.bad)
        }
        (RoomView { bidding: true, .. }, Phase::Open) => ("▼ OUTBID", palette.bad),
        (RoomView { bidding: true, .. }, _) => ("you did not win", palette.dim),
        (RoomView { falling: Some(_), highest: None, .. }, Phase::Open) => {
            ("nobody has bid", palette.dim)
        }
        (_, Phase::Open) => ("no bid of yours", palette.dim),
        _ => ("", palette.dim),
    };
    (text.to_owned(), style)
}

/// The highest bid over time as steps; the right edge is the present or the end.
fn chart(
    model: &Model,
    room: &Room,
    view: &RoomView,
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    if view.falling.is_some() {
        return falling_chart(model, view, palette, area, frame);
    }
    let Some(first) = room.prices.front() else {
        let text = Line::styled("the price will be drawn here", palette.dim);
        frame.render_widget(Paragraph::new(text), area);
        return;
    };
    let last = room.prices.back().unwrap_or(first);
    let high = print(last.amount, view.digits);
    let low = print(first.amount.min(view.start), view.digits);
    let label = width(&high).max(width(&low));
    let [labels, plot] = Layout::horizontal([
        Constraint::Length(u16::try_from(label.saturating_add(1)).unwrap_or(8)),
        Constraint::Min(1),
    ])
    .areas(area);
    let mut scale = vec![Line::styled(format!("{high:>label$}"), palette.strong)];
    scale.resize(usize::from(area.height).saturating_sub(1), Line::default());
    scale.push(Line::styled(format!("{low:>label$}"), palette.dim));
    frame.render_widget(Paragraph::new(scale), labels);
    let now = model.now.unwrap_or(last.time).min(view.end).max(last.time);
    let columns = steps(room, first.time, now, usize::from(plot.width));
    // The lowest price still shows one eighth: a column without any ink would say "no bid".
    let floor = first.amount.min(view.start);
    let rise = last.amount.saturating_sub(floor).max(1);
    let unit = rise.div_ceil(u64::from(plot.height).saturating_mul(8).max(1));
    let data: Vec<u64> = columns
        .iter()
        .map(|price| price.map_or(0, |price| price.saturating_sub(floor).saturating_add(unit)))
        .collect();
    let style = if view.leading { palette.good } else { palette.own };
    let line = Sparkline::default().data(data).max(rise.saturating_add(unit)).style(style);
    frame.render_widget(line, plot);
}

/// A price that falls, from its beginning to now or to what somebody took it at.
fn falling_chart(
    model: &Model,
    view: &RoomView,
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let (Some(falling), Some(now)) = (view.falling, model.now) else { return };
    let (high, low) = (print(view.start, view.digits), print(falling.floor.minor(), view.digits));
    let label = width(&high).max(width(&low));
    let [labels, plot] = Layout::horizontal([
        Constraint::Length(u16::try_from(label.saturating_add(1)).unwrap_or(8)),
        Constraint::Min(1),
    ])
    .areas(area);
    let mut scale = vec![Line::styled(format!("{high:>label$}"), palette.strong)];
    scale.resize(usize::from(area.height).saturating_sub(1), Line::default());
    scale.push(Line::styled(format!("{low:>label$}"), palette.dim));
    frame.render_widget(Paragraph::new(scale), labels);
    // One eighth of a row is left at the floor, so that it is seen.
    let depth = view.start.saturating_sub(falling.floor.minor()).max(1);
    let unit = depth.div_ceil(u64::from(plot.height).saturating_mul(8).max(1));
    let columns = u64::from(plot.width).max(1);
    let passed = now.min(view.end).since(falling.since).as_micros();
    let data: Vec<u64> = (1..=columns)
        .map(|column| {
            let at = passed.saturating_mul(u128::from(column)) / u128::from(columns);
            let at = falling.since.plus(micros(at));
            let price = view.price_at(at).map_or(view.start, |(price, _)| price);
            // What was taken falls no further.
            let price = view.highest.map_or(price, |taken| price.max(taken));
            price.saturating_sub(falling.floor.minor()).saturating_add(unit)
        })
        .collect();
    let style = if view.leading { palette.good } else { palette.own };
    let line = Sparkline::default().data(data).max(depth.saturating_add(unit)).style(style);
    frame.render_widget(line, plot);
}

fn micros(count: u128) -> std::time::Duration {
    std::time::Duration::from_micros(u64::try_from(count).unwrap_or(u64::MAX))
}

/// The price at each of `columns` equal intervals from `start` to `end`.
fn steps(room: &Room, start: Time, end: Time, columns: usize) -> Vec<Option<u64>> {
    let length = u128::from(end.as_micros().saturating_sub(start.as_micros()));
    let count = columns.max(1);
    let mut prices = room.prices.iter().peekable();
    let mut price = None;
    (1..=count)
        .map(|column| {
            let passed = length.saturating_mul(column as u128) / (count as u128);
            let passed = u64::try_from(passed).unwrap_or(u64::MAX);
            let until = start.as_micros().saturating_add(passed);
            while let Some(PricePoint { amount, .. }) =
                prices.next_if(|step| step.time.as_micros() <= until)
            {
                price = Some(*amount);
            }
            price
        })
        .collect()
}

fn draw_reveal(
    model: &Model,
    room: &Room,
    reveal: &Reveal,
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let when = match reveal.other {
        None => format!(" {} left ", left(model.now, reveal.deadline)),
        Some(_) => " revealed ".to_owned(),
    };
    let title = format!(" for two: {} #{} ", fit(&reveal.title, 24), model.short(&room.id));
    let block = Block::bordered()
        .title(Span::styled(title, palette.strong))
        .title(Line::styled(when, palette.strong).alignment(Alignment::Right))
        .border_style(palette.dim);
    let price = print_in(reveal.price, &reveal.currency);
    let (what, other) = match reveal.role {
        Role::Seller => ("You SOLD this", "winner"),
        Role::Winner => ("You WON this", "seller"),
    };
    let mut lines = vec![Line::styled(format!("{what} for {price}."), palette.good)];
    match &reveal.other {
        Some(known) => {
            let (columns, height) = (usize::from(area.width), usize::from(area.height));
            let room = height.saturating_sub(2).saturating_sub(lines.len());
            lines.extend(known_rows(known, palette, columns.saturating_sub(2), room));
        }
        None if reveal.sent => lines.extend([
            Line::styled(
                format!("Yours is handed in. The {other} has not answered."),
                palette.text,
            ),
            Line::styled("Both are released at once, or neither.", palette.dim),
        ]),
        None => lines.extend([
            Line::styled(
                format!(
                    "Until {} UTC, show the {other} who you are:",
                    day_and_minute(reveal.deadline)
                ),
                palette.text,
            ),
            Line::styled("  /reveal \"Your Name\" how to reach you", palette.notice),
            Line::styled("  /prove how to reach you: with your citizen card", palette.notice),
            Line::styled(format!("Sealed to the {other}: the broker cannot read it"), palette.dim),
            Line::styled("and releases both or neither. Who stays away", palette.dim),
            Line::styled("is recorded; a winner then forfeits.", palette.dim),
        ]),
    }
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// The other side in at most so many rows: what is proved of them stays, what they showed is cut.
fn known_rows(
    known: &Other,
    palette: &Palette,
    columns: usize,
    height: usize,
) -> Vec<Line<'static>> {
    let drawn = |line: &Said| {
        let style = match line.word {
            Word::Program => palette.dim,
            Word::Typed | Word::Stated => palette.text,
            Word::Certified => palette.good,
            Word::Doubt => palette.bad,
        };
        line.rows(columns).into_iter().map(move |row| Line::styled(row, style))
    };
    let last = known.lines.iter().rev();
    let proved = last.take_while(|line| matches!(line.word, Word::Certified | Word::Doubt)).count();
    let (shown, proved) = known.lines.split_at(known.lines.len().saturating_sub(proved));
    let proved: Vec<Line<'_>> = proved.iter().flat_map(drawn).collect();
    let mut rows: Vec<Line<'_>> = shown.iter().flat_map(drawn).collect();
    let room = height.saturating_sub(proved.len());
    if rows.len() > room {
        rows.truncate(room.saturating_sub(1));
        if room > 0 {
            rows.push(Line::styled("… all of it is below", palette.dim));
        }
    }
    rows.extend(proved);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn a_price_holds_until_the_next_bid() {
        let mut room = Room::default();
        room.prices.extend(
            [(0, 10), (5, 20), (6, 30)].map(|(s, amount)| PricePoint { time: at(s), amount }),
        );
        let prices: Vec<u64> = steps(&room, at(0), at(10), 10).into_iter().flatten().collect();
        assert_eq!(prices, [10, 10, 10, 10, 20, 30, 30, 30, 30, 30]);
    }

    #[test]
    fn one_bid_or_no_time_draws_a_flat_line() {
        let mut room = Room::default();
        assert_eq!(steps(&room, at(0), at(0), 2), [None, None]);
        room.prices.push_back(PricePoint { time: at(0), amount: 7 });
        assert_eq!(steps(&room, at(0), at(0), 3), [Some(7); 3]);
        assert_eq!(steps(&room, at(0), Time::MAX, 0), [Some(7)]);
    }
}
