//! The front of one-shot subcommands: one command in, plain lines out, an exit code at the end.
//!
//! `pregao items`, `pregao bid 3f2a 120`. With `--json` the events are printed as they are.
//! The chat prints answers with the same [`lines`].

use std::io::{self, Write};
use std::time::Duration;

use pregao_protocol::clock::{RECENT, Time};
use pregao_protocol::host::Host;
use tokio::time::Instant;

use crate::amount::print_in;
use crate::ask::PinSource;
use crate::command::Command;
use crate::event::{Event, Phase, ReceiptView, Role, RoomView, Trust, room_words};
use crate::front::{ANSWERS_WITHIN, Front, Request, Subject, is_progress, no_answer, silence};
use crate::identity::{Said, Shown, Word};
use crate::plain::{apart, plain};
use crate::span;

/// Name of the one request, so that no other end of work is taken for its own.
const ID: &str = "1";

/// Columns of a row that quotes the other side: narrower than terminals are.
const QUOTED: usize = 60;

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Text,
    /// One JSON object for each event.
    Json,
}

/// Sends one command and prints what happens until it is done. Whether it was carried out.
/// `pins` answers what is asked; `yes` agrees to it beforehand; `host` is the desk's.
///
/// In text, events that do not answer the command are left out, except alarms and why there is no
/// connection.
///
/// # Errors
/// Those of the output. A desk that ends before the command is done counts as not carried out.
pub async fn run(
    mut front: Front,
    (command, yes): (Command, bool),
    form: Form,
    pins: &PinSource,
    host: &Host,
    mut output: impl Write,
) -> io::Result<bool> {
    if let Command::Help { about } = &command {
        for line in crate::command::table::help(about.as_deref()) {
            writeln!(output, "{line}")?;
        }
        return Ok(true);
    }
    let request = Request { id: Some(ID.to_owned()), command, yes, written: None };
    if front.commands.send(request).await.is_err() {
        return Ok(false);
    }
    let mut tick = None;
    let mut heard = Some(Instant::now());
    loop {
        let event = tokio::select! {
            event = front.events.recv() => event,
            Some(question) = front.questions.recv() => {
                if let Some(event) = crate::ask::event(&question).filter(|_| form == Form::Json) {
                    show(&mut output, form, &event, None)?;
                }
                // Who is asked may think it over.
                heard = None;
                // Whoever takes JSON is a program: it agrees beforehand or not at all.
                match (form, &question.about) {
                    (Form::Json, Subject::Confirm(_)) => PinSource::Nowhere.answer(host, question),
                    _ => pins.answer(host, question),
                }
                continue;
            }
            () = silence(heard, ANSWERS_WITHIN) => {
                show(&mut output, form, &no_answer(Some(ID.to_owned())), None)?;
                break;
            }
        };
        let Some(event) = event else { break };
        if is_progress(&event) {
            heard = Some(Instant::now());
        }
        if let Event::Tick { time, at } = &event {
            tick = Some((*time, *at));
        }
        let now = tick.and_then(|(time, at)| carried(time, at, host.clock.uptime()));
        show(&mut output, form, &event, now)?;
        if let Event::Done { id, ok, .. } = event
            && id.as_deref() == Some(ID)
        {
            output.flush()?;
            return Ok(ok);
        }
    }
    output.flush()?;
    Ok(false)
}

/// The time at `now`, carried forward from a tick that came at `at`; none if that is too long ago.
fn carried(time: Time, at: Duration, now: Duration) -> Option<Time> {
    let age = now.saturating_sub(at);
    (age <= RECENT).then(|| time.plus(age))
}

fn show(output: &mut impl Write, form: Form, event: &Event, now: Option<Time>) -> io::Result<()> {
    match form {
        Form::Json => {
            serde_json::to_writer(&mut *output, event)?;
            writeln!(output)
        }
        Form::Text => {
            if let Event::Disconnected { reason, .. } = event {
                writeln!(output, "no connection: {}", plain(reason))?;
            }
            lines(event, now).iter().try_for_each(|line| writeln!(output, "{line}"))
        }
    }
}

/// An event in lines for people; none for what only moves the screen of the chat.
#[must_use]
pub fn lines(event: &Event, now: Option<Time>) -> Vec<String> {
    match event {
        Event::Items { rooms } if rooms.is_empty() => {
            vec!["no auctions yet: offer something with /list".to_owned()]
        }
        Event::Mine { rooms } if rooms.is_empty() => {
            vec!["you have listed nothing and bid on nothing".to_owned()]
        }
        Event::Items { rooms } | Event::Mine { rooms } => {
            rooms.iter().map(|room| room_line(room, now)).collect()
        }
        Event::Receipts { receipts } if receipts.is_empty() => vec!["no receipts yet".to_owned()],
        Event::Receipts { receipts } => receipts.iter().map(receipt_line).collect(),
        Event::Receipt(receipt) => vec![receipt_line(receipt)],
        Event::Whoami(trust) => trust_lines(trust),
        Event::Note { text, .. } => vec![plain(text)],
        Event::Refused { code, message, advice, of, .. } => {
            let of = match of.words() {
                words if words.is_empty() => String::new(),
                words => format!("{words}: "),
            };
            vec![
                format!("refused: {of}{} ({})", plain(message), plain(code)),
                format!("  → {}", plain(advice)),
            ]
        }
        Event::TsaDown { code, message, advice } => {
            vec![format!("{} ({})", plain(message), plain(code)), format!("  → {}", plain(advice))]
        }
        Event::Alarm { short, message, advice, .. } => {
            let room =
                short.as_deref().map_or_else(String::new, |short| format!(" in #{}", plain(short)));
            vec![format!("ALARM{room}: {}", plain(message)), format!("  → {}", plain(advice))]
        }
        Event::Invited { title, role, price, currency, deadline, short, .. } => {
            let short = plain(short);
            let done = match role {
                Role::Seller => "you sold",
                Role::Winner => "you won",
            };
            let price = print_in(*price, currency);
            vec![
                format!("{done} \"{}\" for {price}", plain(title)),
                format!("  → until {deadline}: reveal {short} \"Your Name\" contact"),
                format!("  → or, signed by your citizen card: prove {short} contact"),
            ]
        }
        Event::Revealed { role, name, contact, persona, verdict, card, .. } => {
            let role = role.name();
            let card = card.as_ref();
            let lines = Shown { role, name, contact, persona, verdict, card }.lines();
            lines.iter().flat_map(said).collect()
        }
        // The dialogue is on standard error already.
        Event::Signing { .. }
        | Event::Connected { .. }
        | Event::Disconnected { .. }
        | Event::Tick { .. }
        | Event::Room(_)
        | Event::Called { .. }
        | Event::Bid { .. }
        | Event::Said { .. }
        | Event::Happened { .. }
        | Event::Done { .. } => Vec::new(),
    }
}

/// What the other side wrote is cut into rows here, so that no terminal wraps it into rows that do
/// not say whose it is.
fn said(line: &Said) -> Vec<String> {
    match line.word {
        Word::Typed | Word::Stated => line.rows(QUOTED),
        Word::Program | Word::Certified | Word::Doubt => vec![line.text.clone()],
    }
}

fn room_line(room: &RoomView, now: Option<Time>) -> String {
    let price = match (room.highest, room.bids) {
        (Some(highest), Some(bids)) => {
            format!("{} ({bids} bids)", print_in(highest, &room.currency))
        }
        (Some(_) | None, _) => format!("from {}", print_in(room.start, &room.currency)),
    };
    let followed = if room.is_unfollowed() { "  not followed" } else { "" };
    let end = match (room.phase, now) {
        (Phase::Open, Some(now)) => format!("{} left", span::countdown(room.end.since(now))),
        (Phase::Open, None) => format!("until {}", room.end),
        (Phase::Closed, _) => "closed".to_owned(),
        (Phase::Settled, _) => "settled".to_owned(),
        (Phase::Revealed, _) => "revealed".to_owned(),
        (Phase::Ended, _) => "ended".to_owned(),
    };
    let mine = match room {
        RoomView { own: true, .. } => "  yours",
        RoomView { bidding: true, .. } if !room.is_known() => "  you bid",
        RoomView { leading: true, .. } => "  you lead",
        RoomView { bidding: true, phase: Phase::Open, .. } => "  outbid",
        _ => "",
    };
    let outcome = match room.outcome.as_str() {
        "" => String::new(),
        outcome => format!("  {}", plain(outcome)),
    };
    let (short, title) = (plain(&room.short), apart(&plain(&room.title)));
    format!("{short}  {title}  {price}  {end}{followed}{mine}{outcome}")
}

fn receipt_line(receipt: &ReceiptView) -> String {
    let verdict = if receipt.holds { "holds" } else { "DOES NOT HOLD" };
    let ReceiptView { short, title, seq, verb, time, digest, .. } = receipt;
    let room = room_words(short, title.as_deref());
    let (verb, digest) = (plain(verb), plain(digest));
    format!("receipt {verdict}: {room} entry {seq} {verb} {time} {digest}")
}

fn trust_lines(trust: &Trust) -> Vec<String> {
    let time = match trust.time {
        Some(time) => format!("{time}, {} ms ago", trust.age_ms),
        None => "unknown: no tick in the last seconds".to_owned(),
    };
    let simulated = if trust.simulated { " SIMULATED" } else { "" };
    vec![
        format!("persona    {}", trust.persona),
        format!("broker     {}", trust.broker),
        format!("authority  {}", trust.authority),
        format!("suite      {}", plain(trust.suite.as_deref().unwrap_or("not connected"))),
        format!("TSA time   {time}{simulated}"),
        format!("verified   {} rooms, every entry and the newest head", trust.rooms_verified),
        format!("alarms     {}", trust.alarms),
        format!("certified  until {}", trust.certificate_ends),
    ]
}

#[cfg(test)]
#[path = "oneshot_tests.rs"]
mod tests;
