//! The front of a program that runs without a screen until it is stopped: it bids by itself, and says on each line
//! what happened. Whoever stops it, or starts it again, loses nothing: what is under way is in the vault.
//!
//! Lines of its input are commands as in the chat, with or without the slash, or JSON as in [`crate::front::jsonl`]
//! where events are written as JSON; the end of the input ends nothing. What it writes is kept by others, in a journal:
//! who somebody is stands in the vault only, and ticks of time are left out. An outage has one line when it begins
//! and one when it is over.

mod journal;

use std::borrow::Cow;
use std::io::Write;

use pregao_protocol::host::Host;
use tokio::io::{AsyncBufRead, AsyncWrite};
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::command::{ChatInput, Command, UsageError, read_line};
use crate::event::Event;
use crate::front::channel::Front;
use crate::front::exit::Status;
use crate::front::jsonl::{Asked, EventWriter, Form, GivenId, Told, Until, serve, take_line};
use crate::front::lines::{LONGEST_LINE, TakenLine};
use crate::front::oneshot::OutputFormat;
use crate::front::pin_source::PinSource;
use journal::Journal;

/// Agrees to what would be asked, at the end of a line, as on the command line.
const AGREED: &str = "--yes";

/// What an agent reads, writes, and is asked with.
#[derive(Debug)]
pub struct Ends<I, O, E> {
    /// Commands, one a line; absent where a person's terminal is the input.
    pub input: Option<I>,
    /// Takes what happens.
    pub output: O,
    /// Takes what cannot be written there.
    pub aside: E,
    /// Stops it; a second time at once.
    pub stop: mpsc::Receiver<()>,
}

/// Runs until it is told to stop, or to `quit`; then it waits a few seconds for what it asked. If the output cannot
/// be written to, it ends as [`crate::front::jsonl::run`] does. A command that is refused does not tell in how it ends, one
/// without an answer does.
pub async fn run(
    front: Front,
    ends: Ends<impl AsyncBufRead + Unpin, impl AsyncWrite + Unpin, impl Write>,
    form: OutputFormat,
    pins: &PinSource,
    host: &Host,
) -> Status {
    let out = EventWriter::new(ends.output, ends.aside, Lasting::new(form));
    serve((Until::stopped(ends.stop), host, pins), front, ends.input, out).await
}

/// Listens for the signals by which programs are told to stop, from this moment on.
///
/// # Errors
/// Those of the system.
pub fn stop_signals(host: &Host) -> std::io::Result<mpsc::Receiver<()>> {
    let (told, stop) = mpsc::channel(2);
    #[cfg(unix)]
    let mut terminated = signal(SignalKind::terminate())?;
    #[cfg(unix)]
    let mut interrupted = signal(SignalKind::interrupt())?;
    host.task(async move {
        loop {
            #[cfg(unix)]
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            #[cfg(not(unix))]
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            if told.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(stop)
}

/// The form of an agent.
struct Lasting {
    form: OutputFormat,
    journal: Journal,
    /// How often was tried in vain to connect, since the connection was lost.
    attempts: u64,
}

impl Lasting {
    fn new(form: OutputFormat) -> Self {
        Self { form, journal: Journal::default(), attempts: 0 }
    }

    fn write<'a>(&mut self, event: Cow<'a, Event>) -> Vec<Told<'a>> {
        match self.form {
            OutputFormat::Json => vec![Told::AsJson(event)],
            OutputFormat::Text => self.journal.lines(&event).into_iter().map(Told::Line).collect(),
        }
    }
}

impl Form for Lasting {
    const REFUSALS_COUNT: bool = false;

    fn read(&self, line: &TakenLine) -> Result<Option<Asked>, (GivenId, UsageError)> {
        match self.form {
            OutputFormat::Json => take_line(line),
            OutputFormat::Text => take_words(line).map_err(|error| (None, error)),
        }
    }

    fn tell<'a>(&mut self, event: &'a Event) -> Vec<Told<'a>> {
        match event {
            Event::Tick { time, .. } => {
                self.journal.note_time(*time);
                Vec::new()
            }
            Event::Disconnected { .. } => {
                self.attempts = self.attempts.saturating_add(1);
                if self.attempts == 1 { self.write(Cow::Borrowed(event)) } else { Vec::new() }
            }
            Event::Connected { .. } => {
                let attempts = std::mem::take(&mut self.attempts);
                let mut told = Vec::new();
                if attempts > 1 {
                    let text = format!("the connection is there again, after {attempts} attempts");
                    told.extend(self.write(Cow::Owned(Event::note(text))));
                }
                told.extend(self.write(Cow::Borrowed(event)));
                told
            }
            Event::Revealed { auction, role, .. } => {
                let whose = self.journal.room(auction);
                let text = format!(
                    "the {} of {whose} has shown who they are: the chat over this data folder tells",
                    role.name()
                );
                self.write(Cow::Owned(Event::note(text)))
            }
            other => self.write(Cow::Borrowed(other)),
        }
    }
}

/// Reads a line as it is typed in the chat, with or without its slash: nothing if it is empty. `--yes` at its end agrees
/// beforehand to what would be asked, unless the line says something to others.
fn take_words(line: &TakenLine) -> Result<Option<Asked>, UsageError> {
    let TakenLine::Whole(bytes) = line else {
        return Err(unreadable(&format!("the line is longer than {LONGEST_LINE} bytes")));
    };
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("the line is not UTF-8"))?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with('{') {
        return Err(unreadable("JSON is read by an agent that was started with --json"));
    }
    let line = format!("/{}", text.strip_prefix('/').unwrap_or(text));
    let whole = command(&line);
    if matches!(whole, Ok(Command::Say { .. })) {
        return whole.map(|command| Some((None, command, false)));
    }
    match line.strip_suffix(AGREED) {
        Some(rest) if rest.ends_with(char::is_whitespace) => {
            command(rest.trim_end()).map(|command| Some((None, command, true)))
        }
        _ => whole.map(|command| Some((None, command, false))),
    }
}

fn command(line: &str) -> Result<Command, UsageError> {
    match read_line(line, None)? {
        ChatInput::Command(command) => Ok(command),
        ChatInput::Nothing => Err(unreadable("the line is no command")),
    }
}

fn unreadable(message: &str) -> UsageError {
    let advice = "send one command a line, e.g. auto 3f2a 50; help shows them all";
    UsageError { message: message.to_owned(), advice: advice.to_owned() }
}

#[cfg(test)]
mod tests;
