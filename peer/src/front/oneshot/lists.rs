//! Answers that are lists, in aligned rows: what does not fit into its column is cut with a mark, the newest comes last.

use pregao_protocol::value::clock::Time;

use crate::event::{
    BidStanding, BidView, BidsView, CheckVerdict, CheckView, PaddleView, Phase, ReceiptView,
    RoomView, Trust, room_words,
};
use crate::text::amount::print_in;
use crate::text::duration;
use crate::text::sanitize::{sanitize, width};
use crate::text::wrap::{exactly, fit};

/// Most columns of a title.
const TITLE: usize = 28;
/// The same in rows that hold more.
const NARROW_TITLE: usize = 16;
/// The same in rows that hold still more.
const NARROWEST_TITLE: usize = 10;
/// Most columns of a price, a time or the like.
const CELL: usize = 34;

/// Cells of sanitized text in aligned columns, each at most so wide; the last is as long as it is.
pub(super) fn aligned(rows: &[Vec<String>], most: &[usize]) -> Vec<String> {
    let most = |at: usize| most.get(at).copied().unwrap_or(CELL);
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| width(&fit(cell, most(at)))).max().unwrap_or(0)
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let line = |row: &Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| match at == last {
            true => cell.clone(),
            false => exactly(cell, *width),
        });
        cells.collect::<Vec<String>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// That a list is not whole.
pub(super) fn cut(left_out: u64) -> Option<String> {
    (left_out > 0).then(|| format!("… {left_out} older left out; `last N` shows more"))
}

/// Rooms, and what their sellers ask of bids besides.
pub(super) fn rooms(rooms: &[RoomView], left_out: u64, now: Option<Time>) -> Vec<String> {
    let rows: Vec<Vec<String>> = rooms.iter().map(|room| room_cells(room, now)).collect();
    let rows = aligned(&rows, &[CELL, TITLE]);
    let rows = rooms.iter().zip(rows).flat_map(|(room, row)| {
        let words = room.rule_words.iter().map(|line| format!("    rule: {}", sanitize(line)));
        let written = room.rule.iter().flat_map(|rule| rule.lines());
        let written = written.map(|line| format!("        | {}", sanitize(line)));
        std::iter::once(row).chain(words).chain(written).collect::<Vec<String>>()
    });
    cut(left_out).into_iter().chain(rows).collect()
}

/// A room in one line: what it is called, where it stands, when it ends, and what of it is the user's.
pub(in crate::front) fn room_line(room: &RoomView, now: Option<Time>) -> String {
    aligned(&[room_cells(room, now)], &[CELL, TITLE]).concat()
}

fn room_cells(room: &RoomView, now: Option<Time>) -> Vec<String> {
    let falls = now.filter(|_| room.phase == Phase::Open).and_then(|now| room.price_at(now));
    let price = match (room.highest, room.bids) {
        (None, _) if room.falling.is_some() => {
            let price = falls.map_or(room.start, |(price, _)| price);
            let floor = room.falling.map_or(0, |falling| falling.floor.minor());
            format!(
                "{}, falls to {}",
                print_in(price, &room.currency),
                print_in(floor, &room.currency)
            )
        }
        (Some(highest), Some(bids)) => {
            format!("{} ({bids} bids)", print_in(highest, &room.currency))
        }
        (None, Some(bids)) if room.sealed.is_some() && bids > 0 => {
            format!("{bids} sealed, from {}", print_in(room.start, &room.currency))
        }
        (None, _) if room.sealed.is_some() => {
            format!("sealed, from {}", print_in(room.start, &room.currency))
        }
        (Some(_) | None, _) => format!("from {}", print_in(room.start, &room.currency)),
    };
    let end = match (room.phase, now) {
        (Phase::Open, Some(now)) => format!("{} left", duration::countdown(room.end.since(now))),
        (Phase::Open, None) => format!("until {}", room.end),
        (Phase::Closed, _) => "closed".to_owned(),
        (Phase::Settled, _) => "settled".to_owned(),
        (Phase::Revealed, _) => "revealed".to_owned(),
        (Phase::Ended, _) => "ended".to_owned(),
    };
    let followed = if room.is_unfollowed() { "not followed" } else { "" };
    let outcome = sanitize(&room.outcome);
    let rest: Vec<&str> =
        [followed, whose(room), &outcome].into_iter().filter(|word| !word.is_empty()).collect();
    vec![sanitize(&room.short), sanitize(&room.title), price, end, rest.join("  ")]
}

/// What of a room is the user's.
fn whose(room: &RoomView) -> &'static str {
    match room {
        RoomView { own: true, .. } => "yours",
        RoomView { bidding: true, .. } if !room.is_known() => "you bid",
        RoomView { leading: true, .. } => "you lead",
        RoomView {
            bidding: true,
            sealed: Some(_),
            highest: None,
            phase: Phase::Open | Phase::Closed,
            ..
        } => "your bid is sealed",
        RoomView { bidding: true, phase: Phase::Closed, .. } if room.awaits_reserve() => {
            "the reserve decides"
        }
        RoomView { bidding: true, falling: Some(_), phase: Phase::Open, .. } => {
            "somebody was first"
        }
        RoomView { bidding: true, phase: Phase::Open, .. } => "outbid",
        _ => "",
    }
}

/// Bids of an auction, or the user's own.
pub(super) fn bids(shown: &BidsView) -> Vec<String> {
    let of_one = shown.short.as_deref().map(|short| room_words(short, shown.title.as_deref()));
    let head = match (&of_one, shown.mine, shown.bids.is_empty()) {
        (None, _, true) => "you have bid on nothing".to_owned(),
        (None, _, false) => "your bids".to_owned(),
        (Some(room), true, true) => format!("{room}: you have not bid there"),
        (Some(room), false, true) => format!("{room}: no bids yet"),
        (Some(room), mine, false) => {
            let all = (shown.bids.len() as u64).saturating_add(shown.left_out);
            let bids = if all == 1 { "1 bid".to_owned() } else { format!("{all} bids") };
            let mine = if mine { " of yours" } else { "" };
            let sealed = match shown.unopened {
                0 => String::new(),
                count => format!(", {count} still sealed"),
            };
            format!("{room}: {bids}{mine}{sealed}")
        }
    };
    let cells = shown.bids.iter().map(|bid| match of_one {
        Some(_) => bid_cells(bid).to_vec(),
        None => {
            let [seq, amount, time, standing, _] = bid_cells(bid);
            let title = fit(&sanitize(bid.title.as_deref().unwrap_or_default()), NARROWEST_TITLE);
            vec![sanitize(&bid.short), seq, amount, time, standing, title]
        }
    });
    let rows = aligned(&cells.collect::<Vec<Vec<String>>>(), &[]);
    let rows = shown.bids.iter().zip(rows).flat_map(|(bid, row)| {
        let why = bid.cause.iter().map(|cause| format!("    why: {}", sanitize(cause)));
        std::iter::once(row).chain(why).collect::<Vec<String>>()
    });
    [head].into_iter().chain(cut(shown.left_out)).chain(rows).collect()
}

/// Position, amount, stamp time, what became of it, and whose it is.
fn bid_cells(bid: &BidView) -> [String; 5] {
    let currency = bid.currency.as_deref().map(sanitize).unwrap_or_default();
    let bytes = bid.sealed_bytes.map(|bytes| format!("{bytes} bytes"));
    let amount = match (bid.amount, &bytes) {
        (Some(amount), _) => print_in(amount, &currency),
        (None, Some(bytes)) => bytes.clone(),
        (None, None) => "unknown".to_owned(),
    };
    // What the user alone knows is no news to others.
    let secret = bid.standing == BidStanding::Sealed && bid.amount.is_some();
    let amount = match bytes.filter(|_| secret) {
        Some(bytes) => format!("{amount}, {bytes}"),
        None => amount,
    };
    [
        bid.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string()),
        amount,
        bid.time.map_or_else(|| "-".to_owned(), |time| time.to_string()),
        bid.standing.words().to_owned(),
        match (bid.own, bid.paddle.as_deref().map(sanitize)) {
            (true, Some(paddle)) => format!("yours, paddle {paddle}"),
            (true, None) => "yours".to_owned(),
            (false, Some(paddle)) => format!("paddle {paddle}"),
            (false, None) => String::new(),
        },
    ]
}

/// Who bids under which paddle.
pub(super) fn paddles(
    short: &str,
    currency: &str,
    others: u64,
    paddles: &[PaddleView],
) -> Vec<String> {
    let count = |bids: u64| if bids == 1 { "1 bid".to_owned() } else { format!("{bids} bids") };
    let cells = paddles.iter().map(|paddle| {
        let last = paddle
            .last
            .map_or_else(String::new, |last| format!("last {}", print_in(last, currency)));
        let leads = if paddle.leading { "leads" } else { "" };
        let own = if paddle.own { "yours" } else { "" };
        let rest: Vec<&str> = [leads, own].into_iter().filter(|word| !word.is_empty()).collect();
        vec![sanitize(&paddle.name), count(paddle.bids.len() as u64), last, rest.join("  ")]
    });
    let rows = aligned(&cells.collect::<Vec<_>>(), &[]);
    let rest = match (paddles.is_empty(), others) {
        (true, 0) => Some(format!("nobody has bid in #{}", sanitize(short))),
        (false, 0) => None,
        (_, others) => Some(format!("{} under no paddle", count(others))),
    };
    rows.into_iter().chain(rest).collect()
}

/// A receipt as it was just checked.
pub(super) fn receipt(receipt: &ReceiptView) -> String {
    let verdict = match (receipt.holds, receipt.is_final) {
        (true, true) => "holds, final",
        (true, false) => "holds",
        (false, _) => "DOES NOT HOLD",
    };
    let ReceiptView { short, title, seq, verb, time, digest, .. } = receipt;
    let room = room_words(short, title.as_deref());
    let (verb, digest) = (sanitize(verb), sanitize(digest));
    format!("receipt {verdict}: {room} entry {seq} {verb} {time} {digest}")
}

/// Receipts compared with the logs, and how many came out how.
pub(super) fn checks(checked: &[CheckView], left_out: u64) -> Vec<String> {
    if checked.is_empty() {
        return vec!["no receipts yet".to_owned()];
    }
    let rows = aligned(&checked.iter().map(check_cells).collect::<Vec<_>>(), &[]);
    let rows = checked.iter().zip(rows).flat_map(|(checked, row)| {
        let mut lines = vec![row];
        if checked.verdict != CheckVerdict::Verified {
            lines.push(format!("    {}", sanitize(&checked.why)));
        }
        if !checked.advice.is_empty() {
            lines.push(format!("  → {}", sanitize(&checked.advice)));
        }
        lines
    });
    let count = |verdict| checked.iter().filter(|checked| checked.verdict == verdict).count();
    let [holds, not_yet, wrong] =
        [CheckVerdict::Verified, CheckVerdict::NotYet, CheckVerdict::Contradicted].map(count);
    let sum = format!("{holds} verified, {not_yet} not yet, {wrong} contradicted");
    cut(left_out).into_iter().chain(rows).chain([sum]).collect()
}

fn check_cells(checked: &CheckView) -> Vec<String> {
    let receipt = &checked.receipt;
    let verdict = match (checked.verdict, receipt.is_final) {
        (CheckVerdict::Verified, true) => "verified, final",
        (CheckVerdict::Verified, false) => "verified",
        (CheckVerdict::NotYet, _) => "not yet",
        (CheckVerdict::Contradicted, _) => "CONTRADICTED",
    };
    let digest = fit(&sanitize(&receipt.digest), NARROW_TITLE);
    let title = fit(&sanitize(receipt.title.as_deref().unwrap_or_default()), NARROW_TITLE);
    let entry = format!("entry {} {}", receipt.seq, sanitize(&receipt.verb));
    vec![verdict.to_owned(), digest, format!("#{}", sanitize(&receipt.short)), entry, title]
}

/// What the user may rely on, and who knows what of them.
pub(super) fn trust(trust: &Trust) -> Vec<String> {
    let time = match trust.time {
        Some(time) => format!("{time}, {} ms ago", trust.age_ms),
        None => "unknown: no tick in the last seconds".to_owned(),
    };
    let simulated = if trust.simulated { " SIMULATED" } else { "" };
    let from = trust.certificate_begins.map_or_else(String::new, |from| format!("from {from} "));
    let mut lines = vec![
        format!("persona    {}", trust.persona),
        format!("broker     {}", trust.broker),
        format!("authority  {}", trust.authority),
        format!("suite      {}", sanitize(trust.suite.as_deref().unwrap_or("not connected"))),
        format!("TSA time   {time}{simulated}"),
        format!("verified   {} rooms, every entry and the newest head", trust.rooms_verified),
        format!("alarms     {}", trust.alarms),
        format!("certified  {from}until {}", trust.certificate_ends),
    ];
    for (who, known) in
        [("the broker knows", &trust.broker_knows), ("others see", &trust.others_see)]
    {
        lines.extend(known.iter().map(|known| format!("{who}: {}", sanitize(known))));
    }
    lines
}

#[cfg(test)]
mod tests;
