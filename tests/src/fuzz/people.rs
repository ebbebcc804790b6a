//! Readers of what people type, scripts write, and the folder of the state's certificates holds.

use std::sync::LazyLock;

use pregao::command::{ChatInput, Command, UsageError, parse, read_line};
use pregao::event::{ActView, Event};
use pregao::front::pin_source::PinSource;
use pregao::front::{channel, jsonl};
use pregao::net::broker::BrokerAddress;
use pregao::text::{amount, duration};
use pregao_protocol::host::Host;
use pregao_protocol::trust::citizen::folder::{self, FileLoader};
use pregao_protocol::trust::citizen::{CardKey, Holder, PkiInput, TestCards};
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::label::MAX_AMOUNT;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};

use super::Verdict;

/// Longest message that a mistake may have, in bytes: it quotes what was typed, shortened.
const LONGEST_MESSAGE: usize = 2_048;

fn is_told(mistake: &UsageError) {
    assert!(!mistake.message.is_empty() && !mistake.advice.is_empty(), "{mistake:?}");
    assert!(mistake.message.len() <= LONGEST_MESSAGE, "{mistake:?}");
}

/// A command means the same to a script.
fn is_one_of_json(command: &Command) {
    let json = serde_json::to_string(command).expect("a command has a JSON form");
    let read = serde_json::from_str::<Command>(&json);
    assert_eq!(read.ok().as_ref(), Some(command), "{json}");
    assert!(command.usage().name.len() < 16);
}

/// What was read, or nothing if it is a mistake that is told as one should be.
fn told<T>(read: Result<T, UsageError>) -> Option<T> {
    read.inspect_err(is_told).ok()
}

/// A line typed in the chat, with and without a room on screen, and as the words of a shell.
///
/// # Panics
/// If a promise is broken, as all of them.
pub fn command_line(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let elsewhere = told(read_line(text, None));
    let room = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let in_room = told(read_line(text, Some(room)));
    if text.trim().chars().count() > parse::LONGEST_LINE {
        assert!(elsewhere.is_none() && in_room.is_none(), "a line too long");
    }
    let words: Vec<&str> = text.strip_prefix('/').unwrap_or(text).split('\u{1f}').collect();
    let by_shell = told(Command::parse(&words)).map(ChatInput::Command);
    let spaced: Vec<&str> = text.strip_prefix('/').unwrap_or(text).split(' ').collect();
    let spaced = told(Command::parse(&spaced)).map(ChatInput::Command);
    let lines = [elsewhere, in_room, by_shell, spaced];
    for line in lines.iter().flatten() {
        if let ChatInput::Command(command) = line {
            is_one_of_json(command);
        }
    }
    let taken = lines.iter().flatten().any(|line| *line != ChatInput::Nothing);
    if taken { Verdict::Taken } else { Verdict::Refused }
}

/// What a line of the output says that is of interest here.
#[derive(Deserialize)]
struct Said {
    event: String,
    #[serde(default)]
    id: Option<Box<RawValue>>,
}

thread_local! {
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
}

/// What a script writes to `pregao json`, to a desk that carries out everything at once.
pub fn json_line(bytes: &[u8]) -> Verdict {
    static HOST: LazyLock<Host> = LazyLock::new(pregao::host::system);
    let (ours, mut desk) = channel::pair();
    let (mut output, mut aside) = (Vec::new(), Vec::new());
    let mut asked = Vec::new();
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let run = jsonl::run(ours, bytes, &mut output, &mut aside, &PinSource::Nowhere, &HOST);
            let carry_out = async {
                while let Some(request) = desk.commands.recv().await {
                    let of = ActView::default();
                    let done = Event::Done { id: request.id.clone(), ok: true, of };
                    asked.push(request.command);
                    if desk.events.send(done).await.is_err() {
                        break;
                    }
                }
            };
            tokio::join!(run, carry_out);
        });
    });
    assert!(aside.is_empty(), "nothing went wrong beside");
    let mut done = 0_usize;
    let mut refused = 0_usize;
    for line in output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let said: Said = serde_json::from_slice(line).expect("a line of output is an event");
        if let Some(id) = said.id.as_deref().map(RawValue::get) {
            let given = bytes.windows(id.len()).any(|part| part == id.as_bytes());
            assert!(given || id == "null", "an id that nobody gave: {id}");
        }
        done = done.saturating_add(usize::from(said.event == "done"));
        refused = refused.saturating_add(usize::from(said.event == "refused"));
    }
    asked.iter().for_each(is_one_of_json);
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let lines = lines.count();
    if asked.contains(&Command::Quit) {
        assert!(done <= lines, "more answers than lines");
    } else {
        assert_eq!(done, lines, "every line is answered once");
    }
    if lines > 0 && refused == 0 { Verdict::Taken } else { Verdict::Refused }
}

/// Amounts, currencies, durations, instants and addresses: every reader is tried.
pub fn reader(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let mut taken = false;
    // With two digits, none, three and four; `XXX` is the code of no currency (ISO 4217).
    for currency in ["EUR", "JPY", "KWD", "CLF", "XXX", text] {
        match amount::parse(text, currency) {
            Ok(minor) => {
                taken = true;
                assert!(minor <= MAX_AMOUNT);
                let digits = amount::digits(currency).expect("an amount is in a currency");
                assert_eq!(amount::parse(&amount::print(minor, digits), currency), Ok(minor));
                assert_eq!(amount::check_form(text), Ok(()));
            }
            Err(error) => is_told(&error.into()),
        }
    }
    if let Some(code) = told(amount::currency(text).map_err(UsageError::from)) {
        taken = true;
        assert!(code.len() == 3 && amount::digits(&code).is_some(), "{code}");
    }
    if let Some(read) = told(duration::parse(text)) {
        taken = true;
        assert!(!read.is_zero() && read <= duration::LONGEST);
        assert_eq!(duration::parse(&duration::print(read)), Ok(read));
    }
    if let Ok(time) = text.parse::<Time>() {
        taken = true;
        assert_eq!(time.to_string(), text);
    }
    if let Ok(address) = text.parse::<BrokerAddress>() {
        taken = true;
        assert_eq!(address.to_string().parse().as_ref(), Ok(&address));
    }
    if let Ok(address) = text.parse::<TsaAddress>() {
        taken = true;
        assert_eq!(address.to_string().parse().as_ref(), Ok(&address));
    }
    if taken { Verdict::Taken } else { Verdict::Refused }
}

/// A file of the folder of the state's certificates. The first byte says where it lies.
pub fn citizen_file(bytes: &[u8]) -> Verdict {
    let Some((place, file)) = bytes.split_first() else { return Verdict::Refused };
    let place = match place {
        b'a' => PkiInput::Anchor,
        b'i' => PkiInput::Intermediate,
        b'l' => PkiInput::List,
        _ => return Verdict::Refused,
    };
    let _ = (Holder::read(file).is_ok(), CardKey::read(file).is_ok());
    let taken = FileLoader::default().load(place, "file".into(), Ok(file.to_vec()));
    assert!(taken.content.is_some() || taken.fault.is_some(), "nothing is said of a file");
    if let Some(fault) = &taken.fault {
        assert!(!fault.advice().is_empty() && fault.path().ends_with("file"));
    }
    let verdict = Verdict::of(taken.content.as_ref());
    if let Some(content) = taken.content {
        assert!(content.place() == place && file.len() <= place.longest_file());
        let contents = [content];
        let root = std::path::Path::new("state");
        if let Ok(state) = folder::state(root, &contents, TestCards::Accepted) {
            assert!(place == PkiInput::Anchor, "a state without an anchor");
            assert!(folder::unused(&state, &contents).len() <= file.len());
        }
    }
    verdict
}
