//! The front of scripts: a JSON object with a command on each line in, an event on each line out.
//!
//! `{"id":"7","command":"bid","room":"3f2a","amount":"120"}`; the `id` comes back as it came. A line
//! that is no command is refused with the code `command.parse` and ends nothing; so is one with a
//! member twice, because nobody knows which was meant. Nobody can be asked here: what a person would
//! have to confirm is refused unless the line has `"yes":true`. A row of bids that came in one
//! piece (through a pipe at most what it holds, 64 KiB) is no bid against oneself. Lines longer than [`LONGEST_LINE`]
//! are skipped without being kept in memory.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::{Clock, Host};
use pregao_protocol::value::report::Advised as _;
use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::command::{Command, UsageError, table};
use crate::event::{ActView, Event};
use crate::front::channel::{ANSWERS_WITHIN, Front, UserRequest, is_progress, no_answer, silence};
use crate::front::exit::Status;
use crate::front::pin_source::PinSource;

/// Longest line read, in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// Longest `id` given back, in bytes, with its quotes.
const LONGEST_ID: usize = 130;

/// What some programs write before the first line of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

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
    run_for((ANSWERS_WITHIN, host), front, input, EventWriter::new(output, aside), pins).await
}

async fn run_for(
    (patience, host): (Duration, &Host),
    mut front: Front,
    input: impl AsyncBufRead + Unpin,
    mut out: EventWriter<impl AsyncWrite + Unpin, impl Write>,
    pins: &PinSource,
) -> Status {
    let mut input = Some(Lines::new(input, Arc::clone(&host.clock)));
    let mut quit = None;
    loop {
        if out.broken.is_some() {
            input = None;
        }
        if input.is_none() && out.open.is_empty() {
            let Some(asked) = quit.take().filter(|_| out.broken.is_none()) else { break };
            if !hand_over(&mut front, asked, None, &mut out).await {
                break;
            }
        }
        tokio::select! {
            line = next_line(&mut input), if input.is_some() => match line {
                Ok(None) => input = None,
                Ok(Some((line, written))) => match take_line(&line) {
                    Ok(None) => {}
                    Ok(Some((id, command, yes))) if command == Command::Quit => {
                        // What is under way is answered first.
                        (input, quit) = (None, Some((id, command, yes)));
                    }
                    Ok(Some((id, Command::Help { about }, _))) => {
                        let id = Some(out.begin(id));
                        for text in table::help(about.as_deref()) {
                            out.write_event(&Event::note(text)).await;
                        }
                        let of = ActView { act: Some("help".to_owned()), ..ActView::default() };
                        out.write_event(&Event::Done { id, ok: true, of }).await;
                    }
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
                    out.refused = true;
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
            () = silence(out.heard, patience), if input.is_none() => break,
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
    out: &mut EventWriter<impl AsyncWrite + Unpin, impl Write>,
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
type GivenId = Option<Box<RawValue>>;

/// What a line asks, and whether it agrees to what would be asked before that is done.
type Asked = (GivenId, Command, bool);

/// Writes events, and knows which requests are still to be answered.
struct EventWriter<W, E> {
    output: W,
    aside: E,
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

impl<W: AsyncWrite + Unpin, E: Write> EventWriter<W, E> {
    fn new(output: W, aside: E) -> Self {
        Self {
            output,
            aside,
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
        self.refused |= !ok;
        let Some(error) = &self.broken else { return };
        self.unreported |= ok;
        let id = given.flatten().map_or_else(|| "without an id".to_owned(), |id| id.to_string());
        let what = if *ok { "carried out" } else { "refused or failed" };
        let text = format!("command {id}: {what}; standard output cannot be written to: {error}");
        self.say_aside(&text);
    }

    async fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = self.with_given_id(serde_json::to_string(event)?)?;
        line.push('\n');
        self.output.write_all(line.as_bytes()).await?;
        self.output.flush().await
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

/// Reads one line: nothing if it is empty. The `id` is given back with a mistake where it is
/// known.
fn take_line(line: &TakenLine) -> Result<Option<Asked>, (GivenId, UsageError)> {
    let nameless = |message: &str| (None, usage_error(message));
    let TakenLine::Whole(bytes) = line else {
        return Err(nameless(&format!("the line is longer than {LONGEST_LINE} bytes")));
    };
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| nameless("the line is not UTF-8"))?;
    let Members { members, twice } = serde_json::from_str(text).map_err(|error| {
        nameless(&match error.classify() {
            serde_json::error::Category::Data => "the line is not a JSON object".to_owned(),
            _ => format!("the line is not JSON: {error}"),
        })
    })?;
    let id = id_of(&members).map_err(nameless)?;
    let named = |message: &str| (id.clone(), usage_error(message));
    if let Some(name) = twice {
        let name = crate::text::sanitize::shortened(&name, 20);
        return Err(named(&format!("the member `{name}` occurs twice")));
    }
    let mut rest = serde_json::Map::new();
    let mut yes = false;
    for (name, value) in members.into_iter().filter(|(name, _)| name != "id") {
        let value = serde_json::from_str::<Unique>(value.get())
            .and_then(|Unique| serde_json::from_str(value.get()));
        match (&*name, value.map_err(|error| named(&error.to_string()))?) {
            ("yes", serde_json::Value::Bool(agreed)) => yes = agreed,
            ("yes", _) => return Err(named("`yes` is neither true nor false")),
            (_, value) => drop(rest.insert(name, value)),
        }
    }
    // Commands without places would let unknown members pass.
    let alone = rest.len() == 1;
    let command: Command = serde_json::from_value(serde_json::Value::Object(rest))
        .map_err(|error| named(&error.to_string()))?;
    if command.usage().arguments.is_empty() && !alone {
        return Err(named(&format!("`{}` takes no members", command.usage().name)));
    }
    Ok(Some((id, command, yes)))
}

/// The one `id` among members, if there is one.
fn id_of(members: &[(String, Box<RawValue>)]) -> Result<GivenId, &'static str> {
    let mut ids = members.iter().filter(|(name, _)| name == "id").map(|(_, value)| value);
    match (ids.next(), ids.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err("the member `id` occurs twice"),
        (Some(id), None) if id.get() == "null" => Ok(None),
        (Some(id), None) if id.get().len() <= LONGEST_ID && is_a_name(id.get()) => {
            Ok(Some(id.clone()))
        }
        (Some(_), None) => Err("the id is neither a short string nor a number"),
    }
}

/// Whether JSON is a string or a number.
fn is_a_name(json: &str) -> bool {
    let string = json.starts_with('"') && serde_json::from_str::<String>(json).is_ok();
    string || json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Members of a JSON object, as written, and the first name that occurs twice.
struct Members {
    members: Vec<(String, Box<RawValue>)>,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let (mut members, mut names, mut twice) = (Vec::new(), HashSet::new(), None);
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !names.insert(name.clone()) {
                        twice.get_or_insert_with(|| name.clone());
                    }
                    members.push((name, value));
                }
                Ok(Members { members, twice })
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Any JSON in which no object has a member twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Unique;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unique, A::Error> {
                while let Some(Unique) = list.next_element()? {}
                Ok(Unique)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut names = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if names.contains(&name) {
                        let name = crate::text::sanitize::shortened(&name, 20);
                        let message = format!("the member `{name}` occurs twice");
                        return Err(de::Error::custom(message));
                    }
                    names.insert(name);
                    let Unique = map.next_value()?;
                }
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

fn usage_error(message: &str) -> UsageError {
    let advice =
        r#"send one object a line, e.g. {"id":"1","command":"bid","room":"3f2a","amount":"120"}"#;
    UsageError {
        message: crate::text::sanitize::shortened(message, 300),
        advice: advice.to_owned(),
    }
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
    /// No line was read yet: a byte order mark may precede the first.
    first: bool,
    clock: Arc<dyn Clock>,
    /// When the input buffered now was read; lines that came in one piece were written together.
    filled: Option<Duration>,
}

impl<R> Lines<R> {
    const fn new(input: R, clock: Arc<dyn Clock>) -> Self {
        Self { input, line: Vec::new(), skipping: false, first: true, clock, filled: None }
    }
}

/// The next line, and when it was there at the latest.
async fn next_line<R: AsyncBufRead + Unpin>(
    lines: &mut Option<Lines<R>>,
) -> io::Result<Option<(TakenLine, Duration)>> {
    let Some(lines) = lines else { return Ok(None) };
    loop {
        let bytes = lines.input.fill_buf().await?;
        let filled = *lines.filled.get_or_insert_with(|| lines.clock.uptime());
        let (ended, all) = (bytes.is_empty(), bytes.len());
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
        if used == all {
            lines.filled = None;
        }
        if ended && lines.line.is_empty() && !lines.skipping {
            return Ok(None);
        }
        if found || ended {
            let mut line = std::mem::take(&mut lines.line);
            if std::mem::take(&mut lines.first) && line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            let line = match std::mem::take(&mut lines.skipping) {
                true => TakenLine::TooLong,
                false => TakenLine::Whole(line),
            };
            return Ok(Some((line, filled)));
        }
    }
}

#[cfg(test)]
mod tests;
