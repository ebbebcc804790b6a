//! The front of one-shot subcommands: one command in, plain lines out, an exit code at the end.
//!
//! `pregao items`, `pregao bid 3f2a 120`. With `--json` the events are printed as they are.
//! The chat prints answers with the same [`lines`].

mod letters;
mod lists;
mod stay;

use std::io::{self, Write};
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::value::clock::{RECENT, Time};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::command::Command;
use crate::event::{Event, Role, SOLVING, report_lines};
use crate::front::channel::{
    ANSWERS_WITHIN, Front, Subject, UserRequest, is_progress, no_answer, silence,
};
use crate::front::identity::{Said, Shown, Word};
use crate::front::pin_source::PinSource;
use crate::text::amount::print_in;
use crate::text::sanitize::sanitize;

pub(super) use lists::room_line;
use stay::Stay;

/// Name of the one request, so that no other end of work is taken for its own.
const ID: &str = "1";

/// Columns of a row that quotes the other side: narrower than terminals are.
const QUOTED: usize = 60;

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// Lines for people.
    Text,
    /// One JSON object for each event.
    Json,
}

/// Sends one command and prints what happens until it is done; after one about letters until they are carried, for a
/// while. Whether it was carried out.
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
    form: OutputFormat,
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
    let mut stay = Stay::of(&command);
    let request = UserRequest { id: Some(ID.to_owned()), command, yes, written: None };
    if front.commands.send(request).await.is_err() {
        return Ok(false);
    }
    let mut tick = None;
    let mut interrupts = Interrupts::default();
    let mut heard = Some(Instant::now());
    loop {
        let event = tokio::select! {
            event = front.events.recv() => event,
            Some(question) = front.questions.recv() => {
                if let Some(event) = crate::front::pin_source::event(&question).filter(|_| form == OutputFormat::Json) {
                    show(&mut output, form, &event, None)?;
                }
                // Who is asked may think it over.
                heard = None;
                // Whoever takes JSON is a program: it agrees beforehand or not at all.
                match (form, &question.about) {
                    (OutputFormat::Json, Subject::Confirm(_)) => PinSource::Nowhere.answer(host, question),
                    _ => pins.answer(host, question),
                }
                continue;
            }
            times = interrupts.next() => {
                let (id, command) = (Some("stop".to_owned()), Command::Stop);
                let stop = UserRequest { id, command, yes, written: None };
                if times > 1 || front.commands.send(stop).await.is_err() {
                    break;
                }
                continue;
            }
            () = stay.over() => {
                show(&mut output, form, &stay.last_words(), None)?;
                output.flush()?;
                return Ok(true);
            }
            () = silence(heard, ANSWERS_WITHIN), if !stay.stays() => {
                show(&mut output, form, &no_answer(Some(ID.to_owned())), None)?;
                break;
            }
        };
        let Some(event) = event else { break };
        if is_progress(&event) {
            heard = Some(Instant::now());
        }
        if matches!(&event, Event::Note { text, .. } if text.starts_with(SOLVING)) {
            interrupts.begin();
        }
        if let Event::Tick { time, at } = &event {
            tick = Some((*time, *at));
        }
        let now = tick.and_then(|(time, at)| carried(time, at, host.clock.uptime()));
        if form == OutputFormat::Json || !stay.is_news(&event) {
            show(&mut output, form, &event, now)?;
        }
        if let Some(ok) = stay.hear(&event) {
            output.flush()?;
            return Ok(ok);
        }
        if let Event::Done { id, ok, .. } = event
            && id.as_deref() == Some(ID)
        {
            if !(ok && stay.begin()) {
                if let Some(said) = stay.parting().filter(|_| ok) {
                    show(&mut output, form, &said, now)?;
                }
                output.flush()?;
                return Ok(ok);
            }
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(false)
}

/// Ctrl-C while a puzzle is being solved gives it up; the second time it ends the program, as it does at any other time.
#[derive(Debug, Default)]
struct Interrupts {
    heard: Option<Signal>,
    times: u32,
}

impl Interrupts {
    fn begin(&mut self) {
        // Where signals cannot be heard, they end the program at once.
        self.heard = self.heard.take().or_else(|| signal(SignalKind::interrupt()).ok());
    }

    /// How often it was there, once it is again; for ever, if it is not listened for.
    async fn next(&mut self) -> u32 {
        match &mut self.heard {
            Some(heard) => _ = heard.recv().await,
            None => std::future::pending().await,
        }
        self.times = self.times.saturating_add(1);
        self.times
    }
}

/// The time at `now`, carried forward from a tick that came at `at`; none if that is too long ago.
fn carried(time: Time, at: Duration, now: Duration) -> Option<Time> {
    let age = now.saturating_sub(at);
    (age <= RECENT).then(|| time.plus(age))
}

fn show(
    output: &mut impl Write,
    form: OutputFormat,
    event: &Event,
    now: Option<Time>,
) -> io::Result<()> {
    match form {
        OutputFormat::Json => {
            serde_json::to_writer(&mut *output, event)?;
            writeln!(output)
        }
        OutputFormat::Text => {
            if let Event::Disconnected { reason, .. } = event {
                writeln!(output, "no connection: {}", sanitize(reason))?;
            }
            lines(event, now).iter().try_for_each(|line| writeln!(output, "{line}"))
        }
    }
}

/// An event in lines for people; none for what only moves the screen of the chat.
#[must_use]
pub fn lines(event: &Event, now: Option<Time>) -> Vec<String> {
    match event {
        Event::Items { rooms, .. } if rooms.is_empty() => {
            vec!["no auctions yet: offer something with /list".to_owned()]
        }
        Event::Mine { rooms, .. } if rooms.is_empty() => {
            vec!["you have listed nothing and bid on nothing".to_owned()]
        }
        Event::Items { rooms, left_out } | Event::Mine { rooms, left_out } => {
            lists::rooms(rooms, *left_out, now)
        }
        Event::Bids { shown, .. } => lists::bids(shown),
        Event::Receipts { receipts } if receipts.is_empty() => vec!["no receipts yet".to_owned()],
        Event::Receipts { receipts } => receipts.iter().map(lists::receipt).collect(),
        Event::Checked { receipts, left_out, .. } => lists::checks(receipts, *left_out),
        Event::Paddles { short, currency, others, paddles, .. } => {
            lists::paddles(short, currency, *others, paddles)
        }
        Event::Letter(letter) => vec![letters::line(letter)],
        Event::Mail { letters, left_out, unread, .. } => letters::mail(letters, *left_out, *unread),
        Event::Read { shown, .. } => letters::read(shown),
        Event::People { people, left_out, .. } => letters::people(people, *left_out),
        Event::Contacts { contacts, .. } => letters::contacts(contacts),
        Event::Boxes { boxes, even, .. } => letters::boxes(boxes, *even),
        // Told as it changes, it moves only the screen of the chat.
        Event::Mode { id: None, .. } => Vec::new(),
        Event::Mode { mode, rooms, .. } => letters::modes(*mode, rooms),
        Event::Drafts { drafts, .. } => letters::drafts(drafts),
        Event::Draft { draft, .. } => letters::draft(draft),
        Event::Status { letters, .. } => letters::status(letters),
        Event::Receipt(receipt) => vec![lists::receipt(receipt)],
        Event::Whoami(trust) => lists::trust(trust),
        Event::Note { text, .. } => vec![sanitize(text)],
        Event::Refused { report, of, .. } => {
            let of = match of.words() {
                words if words.is_empty() => String::new(),
                words => format!("{words}: "),
            };
            report_lines(&format!("refused: {of}"), report)
        }
        Event::TsaDown(report) => report_lines("", report),
        Event::Alarm { short, message, advice, .. } => {
            let room = short
                .as_deref()
                .map_or_else(String::new, |short| format!(" in #{}", sanitize(short)));
            vec![format!("ALARM{room}: {}", sanitize(message)), format!("  → {}", sanitize(advice))]
        }
        Event::Invited { title, role, price, currency, deadline, short, .. } => {
            let short = sanitize(short);
            let done = match role {
                Role::Seller => "you sold",
                Role::Winner => "you won",
            };
            let price = print_in(*price, currency);
            vec![
                format!("{done} \"{}\" for {price}", sanitize(title)),
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
        | Event::SaidPrivately { .. }
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

#[cfg(test)]
mod tests;
