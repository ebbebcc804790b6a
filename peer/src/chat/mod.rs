//! The terminal client: a loop around a pure model.
//!
//! Layout: [`model`] is the state (with [`room`] and [`conversation`]), `keys` and [`input`] change it, [`mod@draw`] and `panel` show it,
//! `pin` and `confirm` are the questions (`window`), `rows` writes to the terminal, and this module holds the terminal, the clock and the channels. Nothing that arrives is
//! trusted: the model shows a stand-in for what would steer the terminal, and bounds what it keeps.

mod confirm;
pub mod conversation;
pub mod draw;
pub mod input;
mod keys;
pub mod model;
pub mod palette;
mod panel;
mod pin;
pub mod room;
mod rows;
mod window;

use std::io::{self, BufWriter, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use pregao_protocol::host::Host;
use pregao_protocol::value::clock::Time;
use ratatui::Terminal;
use ratatui::crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent, EventStream,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::command::{Command, UsageError};
use crate::event::Event;
use crate::front::channel::{Front, Question, UserAnswer, UserRequest};
use keys::MOST_TYPED;
use model::{Model, Next, QUIET, Tone};
use palette::Palette;
use rows::Rows;

/// How often the screen may change without a key.
const FRAME: Duration = Duration::from_millis(100);
/// Bytes of a frame that are written at once.
const FRAME_BYTES: usize = 64 * 1024;
/// Sent to a program that goes on after it was stopped.
const CONTINUE: SignalKind = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
/// Most keys looked at between two looks at all else, so that a signal still ends the program.
const MOST_IN_ONE_READ: usize = 1 << 20;
/// Most events taken in between two looks at the keyboard.
const MOST_EVENTS: usize = 1_024;

/// Runs the client until the user leaves or the desk ends. Time goes on by the clock of `host`, which is
/// the desk's.
///
/// # Errors
/// Those of the terminal, which is restored first.
pub async fn run(mut front: Front, host: &Host) -> io::Result<()> {
    let mut screen = Screen::open()?;
    let palette = Palette::from_environment();
    let mut model = Model::new();
    let (mut last_tick, clock) = (None, &host.clock);
    let mut reply: Option<oneshot::Sender<UserAnswer>> = None;
    let mut keys = EventStream::new();
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut ended = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    // A terminal that is not raw makes one of Ctrl-C: between two modes, or where another program left it so.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut resumed = signal(CONTINUE)?;
    screen.draw(&mut model, &palette)?;
    loop {
        let mut next = Next::Wait;
        tokio::select! {
            key = keys.next() => match key {
                Some(key) => {
                    next = model.events(one_read(&mut keys, key)?);
                    carry_time(&mut model, last_tick, clock.uptime());
                    screen.draw(&mut model, &palette)?;
                }
                None => next = Next::Quit,
            },
            event = front.events.recv() => {
                let Some(event) = event else { break };
                let more = std::iter::from_fn(|| front.events.try_recv().ok());
                for event in std::iter::once(event).chain(more).take(MOST_EVENTS) {
                    if let Event::Tick { time, at } = &event {
                        last_tick = Some((*time, *at));
                    }
                    carry_time(&mut model, last_tick, clock.uptime());
                    model.apply(event);
                }
            }
            question = front.questions.recv(), if reply.is_none() => {
                let Some(Question { about, reply: to }) = question else { break };
                model.ask(about);
                reply = Some(to);
                screen.draw(&mut model, &palette)?;
                // What was typed before the question was shown answers nothing.
                while let Some(Some(event)) = keys.next().now_or_never() {
                    if matches!(event?, TerminalEvent::Resize(..)) {
                        model.repaint();
                    }
                }
                model.takes_answers();
                screen.draw(&mut model, &palette)?;
            }
            _ = frames.tick() => {
                if !OPEN.load(Ordering::Relaxed) {
                    return Err(io::Error::other("a part of the program failed; see above"));
                }
                carry_time(&mut model, last_tick, clock.uptime());
                ask(&mut model, &front);
                screen.draw(&mut model, &palette)?;
            }
            _ = resumed.recv() => {
                // Whoever had the terminal meanwhile may have left it in any state.
                screen.take_back()?;
                model.repaint();
                screen.draw(&mut model, &palette)?;
            }
            _ = ended.recv() => next = Next::Quit,
            _ = hung_up.recv() => next = Next::Quit,
            _ = interrupted.recv() => next = Next::Quit,
        }
        match next {
            Next::Wait => {}
            Next::Send(command) => send(&mut model, &front, command),
            Next::Answer => {
                if let (Some(to), Some(answer)) = (reply.take(), model.take_answer()) {
                    // A desk that no longer waits has said why.
                    let _ = to.send(answer);
                }
            }
            Next::Quit => {
                // What is typed is kept before the desk ends.
                if let Some(command) = model.last_draft() {
                    let (id, written) = (Some(QUIET.to_owned()), None);
                    let kept = UserRequest { id, command, yes: false, written };
                    let _ = front.commands.try_send(kept);
                }
                // A desk that is busy learns it from the channel's end.
                let quit =
                    UserRequest { id: None, command: Command::Quit, yes: false, written: None };
                let _ = front.commands.try_send(quit);
                break;
            }
        }
    }
    screen.close()
}

/// The key that came and all that can be had without waiting: what arrived in one read.
fn one_read(
    keys: &mut EventStream,
    first: io::Result<TerminalEvent>,
) -> io::Result<Vec<TerminalEvent>> {
    let mut events = vec![first?];
    for _ in 0..MOST_IN_ONE_READ {
        let Some(Some(event)) = keys.next().now_or_never() else { break };
        let event = event?;
        // One too many is kept, to tell it by; the rest came with it and counts as little.
        if events.len() <= MOST_TYPED {
            events.push(event);
        }
    }
    Ok(events)
}

/// TSA time moves on between two ticks by a clock that counts sleep.
fn carry_time(model: &mut Model, last_tick: Option<(Time, Duration)>, now: Duration) {
    if let Some((time, at)) = last_tick {
        let age = now.saturating_sub(at);
        model.advance(time.plus(age), age);
    }
}

/// Hands a command on without waiting: the screen must not freeze.
fn send(model: &mut Model, front: &Front, command: Command) {
    let (id, question) = (Some(model.request_id()), model::is_question(&command));
    match front.commands.try_send(UserRequest { id, command, yes: false, written: None }) {
        Ok(()) if question => model.asked(),
        Ok(()) => {}
        Err(TrySendError::Full(_)) => model.refuse(UsageError {
            message: "too many commands are waiting".to_owned(),
            advice: "wait a moment and type it again".to_owned(),
        }),
        Err(TrySendError::Closed(_)) => {
            model.report(Tone::Bad, "the connection has ended: /quit and start anew");
        }
    }
}

/// Asks what the chat itself wants to know. A desk that is busy is asked again.
fn ask(model: &mut Model, front: &Front) {
    let mut questions = model.take_questions().into_iter();
    for command in questions.by_ref() {
        let id = Some(QUIET.to_owned());
        let asked = UserRequest { id, command, yes: false, written: None };
        if let Err(TrySendError::Full(request)) = front.commands.try_send(asked) {
            let left = std::iter::once(request.command).chain(questions).collect();
            return model.questions_failed(left);
        }
    }
}

/// Whether the terminal is in raw mode. A panic anywhere gives it back, so that its message can be
/// read, and the loop then ends.
static OPEN: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode on its alternate screen; given back when dropped, also by a panic.
struct Screen {
    terminal: Terminal<Rows<BufWriter<io::Stdout>>>,
    /// The room drawn last.
    room: String,
}

impl Screen {
    fn open() -> io::Result<Self> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = restore();
            before(panic);
        }));
        // From here on an early return must restore.
        let guard = Restore;
        seize()?;
        // A frame goes out in one piece.
        let writer = BufWriter::with_capacity(FRAME_BYTES, io::stdout());
        let terminal = Terminal::new(Rows::new(writer))?;
        std::mem::forget(guard);
        Ok(Self { terminal, room: String::new() })
    }

    /// Puts the terminal into the state that the chat needs, whatever it is in.
    fn take_back(&mut self) -> io::Result<()> {
        // The mode is set again only if it counts as not set.
        disable_raw_mode()?;
        seize()
    }

    fn draw(&mut self, model: &mut Model, palette: &Palette) -> io::Result<()> {
        if model.take_ring() {
            io::stdout().write_all(b"\x07")?;
        }
        let size = self.terminal.size()?;
        model.draws(draw::fits(size.width, size.height));
        if model.take_repaint() {
            self.terminal.clear()?;
        }
        if model.take_dirty() {
            let room = model.current().map_or("", |room| room.id.as_str());
            if room != self.room {
                // What others wrote there leaves nothing behind.
                room.clone_into(&mut self.room);
                self.terminal.backend_mut().repaint();
            }
            self.terminal.draw(|frame| draw::draw(model, palette, frame))?;
        }
        Ok(())
    }

    fn close(mut self) -> io::Result<()> {
        self.terminal.show_cursor()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = restore();
    }
}

/// Takes the terminal: raw, on the other screen, pastes marked, nothing wrapped.
fn seize() -> io::Result<()> {
    enable_raw_mode()?;
    OPEN.store(true, Ordering::Relaxed);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, DisableLineWrap)
}

/// Restores the terminal when opening it fails half way.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = restore();
    }
}

fn restore() -> io::Result<()> {
    if !OPEN.swap(false, Ordering::Relaxed) {
        return Ok(());
    }
    let raw = disable_raw_mode();
    execute!(io::stdout(), EnableLineWrap, DisableBracketedPaste, LeaveAlternateScreen)?;
    raw
}

#[cfg(test)]
mod tests;
