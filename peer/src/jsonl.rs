//! The front of scripts: a JSON object with a command on each line in, an event on each line out.
//!
//! `{"id":"7","command":"bid","room":"3f2a","amount":"120"}`; the `id` comes back in `done`. A line
//! that is no command is refused with the code `command.parse` and ends nothing. Lines longer than
//! [`LONGEST_LINE`] are skipped without being kept in memory.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::ask::PinSource;
use crate::command::{Command, Mistake, table};
use crate::event::Event;
use crate::front::{Front, Request};

/// Longest line read, in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// Longest `id` given back.
const LONGEST_ID: usize = 128;

/// Runs until `quit`, or until the input has ended and every request of it is done. `pins` answers
/// where a card is to sign.
///
/// # Errors
/// Those of input and output.
pub async fn run(
    mut front: Front,
    input: impl AsyncBufRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    pins: &PinSource,
) -> io::Result<()> {
    let mut input = Some(Lines { input, line: Vec::new(), skipping: false });
    let mut open = 0_usize;
    while input.is_some() || open > 0 {
        tokio::select! {
            line = next_line(&mut input), if input.is_some() => match line? {
                None => input = None,
                Some(line) => match take_line(&line) {
                    Ok(None) => {}
                    Ok(Some(request)) => {
                        if let Command::Help { about } = &request.command {
                            explain(&mut output, about.as_deref(), request.id).await?;
                            continue;
                        }
                        let last = request.command == Command::Quit;
                        // Events are written while the desk is too busy to take the request.
                        if !hand_over(&front.commands, request, &mut front.events, &mut output, &mut open).await? {
                            break;
                        }
                        open = open.saturating_add(1);
                        if last {
                            input = None;
                        }
                    }
                    Err((id, mistake)) => {
                        write(&mut output, &mistake.into_event()).await?;
                        write(&mut output, &Event::Done { id, ok: false }).await?;
                    }
                },
            },
            event = front.events.recv() => match event {
                None => break,
                Some(event) => pass(&mut output, &event, &mut open).await?,
            },
            Some(question) = front.questions.recv() => {
                write(&mut output, &crate::ask::event(&question.pin)).await?;
                pins.answer(question);
            }
        }
    }
    output.flush().await
}

/// Waits for room in the queue while still writing events; false if the desk has ended.
async fn hand_over(
    commands: &tokio::sync::mpsc::Sender<Request>,
    request: Request,
    events: &mut tokio::sync::mpsc::Receiver<Event>,
    output: &mut (impl AsyncWrite + Unpin),
    open: &mut usize,
) -> io::Result<bool> {
    let sending = commands.send(request);
    tokio::pin!(sending);
    loop {
        tokio::select! {
            sent = &mut sending => return Ok(sent.is_ok()),
            event = events.recv() => match event {
                None => return Ok(false),
                Some(event) => pass(output, &event, open).await?,
            },
        }
    }
}

async fn pass(
    output: &mut (impl AsyncWrite + Unpin),
    event: &Event,
    open: &mut usize,
) -> io::Result<()> {
    if matches!(event, Event::Done { .. }) {
        *open = open.saturating_sub(1);
    }
    write(output, event).await
}

async fn explain(
    output: &mut (impl AsyncWrite + Unpin),
    about: Option<&str>,
    id: Option<String>,
) -> io::Result<()> {
    for text in table::help(about) {
        write(output, &Event::Note { text }).await?;
    }
    write(output, &Event::Done { id, ok: true }).await
}

async fn write(output: &mut (impl AsyncWrite + Unpin), event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    output.write_all(&line).await?;
    output.flush().await
}

/// Reads one line: nothing if it is empty. The `id` is given back with a mistake where it is
/// known.
fn take_line(line: &TakenLine) -> Result<Option<Request>, (Option<String>, Mistake)> {
    let TakenLine::Whole(bytes) = line else {
        return Err((None, mistake(&format!("the line is longer than {LONGEST_LINE} bytes"))));
    };
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let value: serde_json::Value = serde_json::from_slice(bytes)
        .map_err(|error| (None, mistake(&format!("the line is not JSON: {error}"))))?;
    let serde_json::Value::Object(mut members) = value else {
        return Err((None, mistake("the line is not a JSON object")));
    };
    let id = match members.remove("id") {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(id)) if id.len() <= LONGEST_ID => Some(id),
        Some(serde_json::Value::Number(id)) => Some(id.to_string()),
        Some(_) => return Err((None, mistake("the id is neither a short string nor a number"))),
    };
    // Commands without places would let unknown members pass.
    let alone = members.len() == 1;
    let command: Command = serde_json::from_value(serde_json::Value::Object(members))
        .map_err(|error| (id.clone(), mistake(&error.to_string())))?;
    if command.usage().arguments.is_empty() && !alone {
        let message = format!("`{}` takes no members", command.usage().name);
        return Err((id, mistake(&message)));
    }
    Ok(Some(Request { id, command }))
}

fn mistake(message: &str) -> Mistake {
    let advice =
        r#"send one object a line, e.g. {"id":"1","command":"bid","room":"3f2a","amount":"120"}"#;
    Mistake { message: crate::plain::shortened(message, 300), advice: advice.to_owned() }
}

/// A line, or that there was one too long to keep.
#[derive(Debug, PartialEq, Eq)]
enum TakenLine {
    Whole(Vec<u8>),
    TooLong,
}

/// Cuts input into lines of bounded length. What was read so far survives a cancelled wait.
struct Lines<R> {
    input: R,
    line: Vec<u8>,
    skipping: bool,
}

async fn next_line<R: AsyncBufRead + Unpin>(
    lines: &mut Option<Lines<R>>,
) -> io::Result<Option<TakenLine>> {
    let Some(lines) = lines else { return Ok(None) };
    loop {
        let bytes = lines.input.fill_buf().await?;
        let ended = bytes.is_empty();
        let (part, found) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => (bytes.get(..end).unwrap_or(bytes), true),
            None => (bytes, false),
        };
        if lines.line.len().saturating_add(part.len()) > LONGEST_LINE {
            lines.skipping = true;
            lines.line = Vec::new();
        }
        if !lines.skipping {
            lines.line.extend_from_slice(part);
        }
        let used = part.len().saturating_add(usize::from(found));
        lines.input.consume(used);
        if ended && lines.line.is_empty() && !lines.skipping {
            return Ok(None);
        }
        if found || ended {
            let line = std::mem::take(&mut lines.line);
            return Ok(Some(match std::mem::take(&mut lines.skipping) {
                true => TakenLine::TooLong,
                false => TakenLine::Whole(line),
            }));
        }
    }
}

#[cfg(test)]
#[path = "jsonl_tests.rs"]
mod tests;
