//! The front of scripts: a JSON object with a command on each line in, an event on each line out.
//!
//! `{"id":"7","command":"bid","room":"3f2a","amount":"120"}`; the `id` comes back as it came. A line
//! that is no command is refused with the code `command.parse` and ends nothing; so is one with a
//! member twice, because nobody knows which was meant. Nobody can be asked here: what a person would
//! have to confirm is refused unless the line has `"yes":true`. A row of bids that came in one
//! piece (through a pipe at most what it holds, 64 KiB) is no bid against oneself. Lines longer than [`LONGEST_LINE`]
//! are skipped without being kept in memory. The loop serves the front that does not end with its input as well.

mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::value::report::Advised as _;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::command::{Command, UsageError, table};
use crate::event::{ActView, Event};
use crate::front::channel::{ANSWERS_WITHIN, Front, UserRequest, is_progress, no_answer, silence};
use crate::front::exit::Status;
pub use crate::front::lines::LONGEST_LINE;
use crate::front::lines::{Lines, TakenLine, next_line};
use crate::front::pin_source::PinSource;

use read::Members;
pub(super) use read::take_line;

/// How long a front that was told to stop waits for the answers to what it asked.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Runs until `quit`, or until the input has ended, and every request of it is done; at the end no
/// longer than [`ANSWERS_WITHIN`] without news. `pins` answers what is asked; the clock of `host`,
/// which is the desk's, tells when a line was read. If the output
/// cannot be written to, no more is read, and what becomes of each request under way is said on
/// `aside`.
pub async fn run(
    front: Front,
    input: impl AsyncBufRead + Unpin,
    output: impl AsyncWrite + Unpin,
    aside: impl Write,
    pins: &PinSource,
    host: &Host,
) -> Status {
    let out = EventWriter::new(output, aside, JsonLines);
    serve((Until::input_ends(ANSWERS_WITHIN), host, pins), front, Some(input), out).await
}

/// How lines are read, and what of an event is written.
pub(super) trait Form {
    /// Whether what was refused is told by how the program ends.
    const REFUSALS_COUNT: bool;

    /// Reads one line: nothing if it is empty. The `id` is given back with a mistake where it is
    /// known.
    fn read(&self, line: &TakenLine) -> Result<Option<Asked>, (GivenId, UsageError)>;

    /// What is written of an event.
    fn tell<'a>(&mut self, event: &'a Event) -> Vec<Told<'a>>;
}

/// What is written of an event.
#[expect(clippy::large_enum_variant, reason = "there are one or two at a time, and none is kept")]
pub(super) enum Told<'a> {
    /// An object, with the `id` as it was given.
    AsJson(Cow<'a, Event>),
    /// A line for people.
    Line(String),
}

/// The form of `pregao json`: every event as it is.
#[derive(Debug)]
struct JsonLines;

impl Form for JsonLines {
    const REFUSALS_COUNT: bool = true;

    fn read(&self, line: &TakenLine) -> Result<Option<Asked>, (GivenId, UsageError)> {
        take_line(line)
    }

    fn tell<'a>(&mut self, event: &'a Event) -> Vec<Told<'a>> {
        vec![Told::AsJson(Cow::Borrowed(event))]
    }
}

/// When a front ends.
pub(super) struct Until {
    /// How long it waits without news once nothing more is read.
    patience: Duration,
    /// Tells it to stop.
    stop: Option<mpsc::Receiver<()>>,
    /// Whether it goes on without input until then.
    is_endless: bool,
    /// By when it ends at the latest, if it was told to stop.
    leave_by: Option<Instant>,
}

impl Until {
    /// When its input has ended and everything is answered.
    pub(super) const fn input_ends(patience: Duration) -> Self {
        Self { patience, stop: None, is_endless: false, leave_by: None }
    }

    /// When it is told to stop, however long ago its input ended.
    pub(super) const fn stopped(stop: mpsc::Receiver<()>) -> Self {
        Self { patience: ANSWERS_WITHIN, stop: Some(stop), is_endless: true, leave_by: None }
    }

    /// Nothing more is asked: it ends once all is answered, and sooner if it is told to stop.
    const fn ends_with_input(&mut self) {
        self.is_endless = false;
    }

    const fn is_endless(&self) -> bool {
        self.is_endless && self.leave_by.is_none()
    }

    /// Comes back when it is told to stop, or, where it ends, when it was waited long enough for answers.
    async fn over(&mut self, heard: Option<Instant>, ends: bool) -> Over {
        let Self { patience, stop, leave_by, .. } = self;
        let waited = async {
            match *leave_by {
                Some(by) => tokio::time::sleep_until(by).await,
                None => silence(heard, *patience).await,
            }
        };
        tokio::select! {
            Some(()) = next_stop(stop) => Over::Told,
            () = waited, if ends => Over::Waited,
            else => std::future::pending().await,
        }
    }
}

async fn next_stop(stop: &mut Option<mpsc::Receiver<()>>) -> Option<()> {
    match stop {
        Some(stop) => stop.recv().await,
        None => None,
    }
}

/// Why a front ends before everything is answered.
enum Over {
    /// It was told to stop.
    Told,
    /// Nothing was heard for too long.
    Waited,
}

/// Reads commands and writes events until it ends.
pub(super) async fn serve<F: Form>(
    (mut until, host, pins): (Until, &Host, &PinSource),
    mut front: Front,
    input: Option<impl AsyncBufRead + Unpin>,
    mut out: EventWriter<impl AsyncWrite + Unpin, impl Write, F>,
) -> Status {
    let mut input = input.map(|input| Lines::new(input, Arc::clone(&host.clock)));
    let mut quit = None;
    loop {
        if out.broken.is_some() {
            input = None;
            until.ends_with_input();
        }
        let ends = input.is_none() && !until.is_endless();
        if ends && out.open.is_empty() {
            let Some(asked) = quit.take().filter(|_| out.broken.is_none()) else { break };
            if !hand_over(&mut front, asked, None, &mut out).await {
                break;
            }
        }
        tokio::select! {
            line = next_line(&mut input), if input.is_some() => match line {
                Ok(None) => input = None,
                Ok(Some((line, written))) => match out.form.read(&line) {
                    Ok(None) => {}
                    Ok(Some((id, command, yes))) if command == Command::Quit => {
                        // What is under way is answered first.
                        (input, quit) = (None, Some((id, command, yes)));
                        until.ends_with_input();
                    }
                    Ok(Some((id, Command::Help { about }, _))) => out.explain(id, about.as_deref()).await,
                    Ok(Some(asked)) => {
                        if !hand_over(&mut front, asked, Some(written), &mut out).await {
                            break;
                        }
                    }
                    Err((id, error)) => {
                        let id = Some(out.begin(id));
                        out.write_event(&Event::refused(id.clone(), error.report())).await;
                        out.write_event(&Event::Done { id, ok: false, of: ActView::default() }).await;
                    }
                },
                Err(error) => {
                    input = None;
                    out.say_aside(&format!("standard input cannot be read: {error}"));
                    out.refused |= F::REFUSALS_COUNT;
                }
            },
            event = front.events.recv() => match event {
                None => {
                    out.refused = true;
                    break;
                }
                Some(event) => out.write_event(&event).await,
            },
            Some(question) = front.questions.recv() => {
                if let Some(event) = crate::front::pin_source::event(&question) {
                    out.write_event(&event).await;
                }
                // Who is asked may think it over.
                out.heard = None;
                pins.answer(host, question);
            }
            over = until.over(out.heard, ends) => match over {
                Over::Waited => break,
                // Whoever says it twice does not want to wait.
                Over::Told if until.leave_by.is_some() => break,
                Over::Told => {
                    until.leave_by = Some(Instant::now() + LEAVE_WITHIN);
                    (input, quit) = (None, None);
                }
            },
        }
    }
    out.end().await
}

/// Hands a request to the desk; events are written while it is too busy to take it. False if it
/// has ended.
async fn hand_over(
    front: &mut Front,
    (id, command, yes): Asked,
    written: Option<Duration>,
    out: &mut EventWriter<impl AsyncWrite + Unpin, impl Write, impl Form>,
) -> bool {
    let id = Some(out.begin(id));
    let sending = front.commands.send(UserRequest { id, command, yes, written });
    tokio::pin!(sending);
    loop {
        tokio::select! {
            sent = &mut sending => return sent.is_ok(),
            event = front.events.recv() => match event {
                None => return false,
                Some(event) => out.write_event(&event).await,
            },
        }
    }
}

/// The `id` of a line as it was written.
pub(super) type GivenId = Option<Box<RawValue>>;

/// What a line asks, and whether it agrees to what would be asked before that is done.
pub(super) type Asked = (GivenId, Command, bool);

/// Writes events, and knows which requests are still to be answered.
pub(super) struct EventWriter<W, E, F> {
    output: W,
    aside: E,
    form: F,
    /// The ids of requests under way, by the numbers that they go by in here.
    open: BTreeMap<u64, GivenId>,
    last: u64,
    /// When something was asked or happened last; absent while a person is asked.
    heard: Option<Instant>,
    /// Something was refused or failed.
    refused: bool,
    /// Something was carried out and could not be told.
    unreported: bool,
    broken: Option<io::Error>,
}

impl<W: AsyncWrite + Unpin, E: Write, F: Form> EventWriter<W, E, F> {
    pub(super) fn new(output: W, aside: E, form: F) -> Self {
        Self {
            output,
            aside,
            form,
            open: BTreeMap::new(),
            last: 0,
            heard: Some(Instant::now()),
            refused: false,
            unreported: false,
            broken: None,
        }
    }

    /// Takes a request up; gives the id that it goes by in here.
    fn begin(&mut self, id: GivenId) -> String {
        self.heard = Some(Instant::now());
        self.last = self.last.saturating_add(1);
        self.open.insert(self.last, id);
        self.last.to_string()
    }

    async fn write_event(&mut self, event: &Event) {
        if is_progress(event) {
            self.heard = Some(Instant::now());
        }
        if self.broken.is_none()
            && let Err(error) = self.write(event).await
        {
            self.broken = Some(error);
        }
        let Event::Done { id: Some(id), ok, .. } = event else { return };
        let given = id.parse().ok().and_then(|number: u64| self.open.remove(&number));
        self.refused |= !ok && F::REFUSALS_COUNT;
        let Some(error) = &self.broken else { return };
        self.unreported |= ok;
        let id = given.flatten().map_or_else(|| "without an id".to_owned(), |id| id.to_string());
        let what = if *ok { "carried out" } else { "refused or failed" };
        let text = format!("command {id}: {what}; standard output cannot be written to: {error}");
        self.say_aside(&text);
    }

    async fn write(&mut self, event: &Event) -> io::Result<()> {
        for told in self.form.tell(event) {
            let mut line = match told {
                Told::AsJson(event) => self.with_given_id(serde_json::to_string(&*event)?)?,
                Told::Line(line) => line,
            };
            line.push('\n');
            self.output.write_all(line.as_bytes()).await?;
        }
        self.output.flush().await
    }

    /// Answers `help`, for which no desk is needed.
    async fn explain(&mut self, id: GivenId, about: Option<&str>) {
        let id = Some(self.begin(id));
        for text in table::help(about) {
            self.write_event(&Event::note(text)).await;
        }
        let of = ActView { act: Some("help".to_owned()), ..ActView::default() };
        self.write_event(&Event::Done { id, ok: true, of }).await;
    }

    /// An event with the id that was given in the place of its number, byte for byte.
    fn with_given_id(&self, event: String) -> io::Result<String> {
        let Members { members, .. } = serde_json::from_str(&event)?;
        let number = members.iter().find(|(name, _)| name == "id");
        let number = number.and_then(|(_, id)| serde_json::from_str::<String>(id.get()).ok());
        let Some(number) = number else { return Ok(event) };
        // What is answered already has no id any more: the number means nothing outside.
        let given = number.parse().ok().and_then(|number: u64| self.open.get(&number));
        let given = given.and_then(Option::as_ref);
        let given = given.map_or("null", |id| id.get());
        let members = members.iter().map(|(name, value)| {
            let value = if name == "id" { given } else { value.get() };
            format!("{}:{value}", serde_json::Value::from(name.as_str()))
        });
        Ok(format!("{{{}}}", members.collect::<Vec<String>>().join(",")))
    }

    fn say_aside(&mut self, text: &str) {
        // If nothing can be written anywhere, the exit status is all that is left.
        let _ = writeln!(self.aside, "pregao: {text}");
    }

    /// Answers what the desk did not, and gives the outcome.
    async fn end(mut self) -> Status {
        self.refused |= !self.open.is_empty();
        for number in self.open.keys().copied().collect::<Vec<u64>>() {
            let id = Some(number.to_string());
            self.write_event(&no_answer(id.clone())).await;
            self.write_event(&Event::Done { id, ok: false, of: ActView::default() }).await;
        }
        match (self.unreported, self.refused || self.broken.is_some()) {
            (true, _) => Status::Unreported,
            (false, true) => Status::Refused,
            (false, false) => Status::CarriedOut,
        }
    }
}

#[cfg(test)]
mod tests;
