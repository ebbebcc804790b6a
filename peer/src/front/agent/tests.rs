//! What an agent reads and writes, and when it ends.

use std::time::Duration;

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use super::*;
use crate::event::{ActView, Role};
use crate::front::channel::{Back, pair};
use crate::host::system;

fn taken(line: &str) -> Result<Option<(Command, bool)>, UsageError> {
    let line = TakenLine::Whole(line.as_bytes().to_vec());
    Ok(take_words(&line)?.map(|(id, command, yes)| {
        assert!(id.is_none());
        (command, yes)
    }))
}

fn bid(amount: &str) -> Command {
    Command::Bid { room: "3f2a".to_owned(), amount: amount.to_owned(), currency: None }
}

#[test]
fn a_line_is_a_command_with_or_without_its_slash() {
    for (line, meant) in [
        ("bid 3f2a 12", Some((bid("12"), false))),
        ("/bid #3f2a 12", Some((bid("12"), false))),
        ("  bid 3f2a 12 --yes  ", Some((bid("12"), true))),
        ("\t", None),
        ("", None),
        ("quit", Some((Command::Quit, false))),
    ] {
        assert_eq!(taken(line).unwrap(), meant, "{line}");
    }
    // What is said to others is said whole.
    let say = Command::Say { room: "3f2a".to_owned(), text: "yes --yes".to_owned() };
    assert_eq!(taken("say #3f2a yes --yes").unwrap(), Some((say, false)));
}

#[test]
fn what_is_no_command_is_refused_in_words_that_help() {
    for (line, part) in [
        ("frobnicate", "no command"),
        ("hello world", "no command"),
        ("//hello", "no room is on screen"),
        ("bid 12", "in which room"),
        ("auto 3f2a", "not an amount"),
        ("{\"command\":\"items\"}", "--json"),
        ("--yes", "no command"),
    ] {
        let error = taken(line).unwrap_err();
        assert!(error.message.contains(part), "{line}: {}", error.message);
        assert!(!error.advice.is_empty(), "{line}");
    }
    let binary = TakenLine::Whole(vec![0xff, 0xfe]);
    assert!(take_words(&binary).unwrap_err().message.contains("UTF-8"));
    assert!(take_words(&TakenLine::TooLong).unwrap_err().message.contains("longer"));
}

fn at(seconds: u64) -> Time {
    Time::from_micros((1_795_179_600 + seconds) * 1_000_000).unwrap()
}

fn lost() -> Event {
    Event::Disconnected { reason: "no \u{1b}route".to_owned(), retry_in_ms: Some(1) }
}

fn there() -> Event {
    let [broker, persona] = [1, 2].map(|byte| Fingerprint([byte; 32]));
    Event::Connected { broker, persona, suite: "25519_AESGCM_SHA256".to_owned(), simulated: false }
}

fn tick(seconds: u64) -> Event {
    Event::Tick { time: at(seconds), at: Duration::ZERO }
}

fn bid_at(seconds: u64) -> Event {
    Event::Bid {
        paddle: None,
        room: "3f2a".repeat(16),
        seq: 7,
        amount: 1_250,
        currency: "EUR".to_owned(),
        time: at(seconds),
        own: true,
    }
}

/// Lines that events are told by.
fn told(form: OutputFormat, events: &[Event]) -> Vec<String> {
    let mut lasting = Lasting::new(form);
    let lines = events.iter().flat_map(|event| lasting.tell(event)).map(|told| match told {
        Told::Line(line) => line,
        Told::AsJson(event) => serde_json::to_string(&*event).unwrap(),
    });
    lines.collect()
}

#[test]
fn an_outage_has_one_line_and_one_when_it_is_over() {
    let events = [lost(), lost(), lost(), there(), lost(), there()];
    let lines = told(OutputFormat::Text, &events);
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert_eq!(lines[0], "no connection: no ⌧route; it is tried until there is one");
    assert_eq!(lines[1], "the connection is there again, after 3 attempts");
    assert!(lines[2].starts_with("connected to broker 0101010101010101 as persona 0202"));
    let json = told(OutputFormat::Json, &events);
    let names: Vec<String> = json
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].to_string())
        .collect();
    assert_eq!(
        names.join(" ").replace('"', ""),
        "disconnected note connected disconnected connected"
    );
}

#[test]
fn what_was_stamped_before_it_began_is_no_news() {
    let events = [bid_at(5), tick(10), bid_at(9), bid_at(10), tick(12), bid_at(11)];
    let lines = told(OutputFormat::Text, &events);
    assert_eq!(lines, ["#3f2a3f2a: bid of 12.50 EUR, yours (entry 7)"; 2]);
    assert_eq!(told(OutputFormat::Json, &events).len(), 4, "programs judge by the time in them");
}

#[test]
fn every_event_is_one_line() {
    let refused = Event::refused(Some("1".to_owned()), Report::new("a.b", "no", "wait"));
    let alarm = Event::Alarm {
        room: None,
        short: None,
        message: "it lies".to_owned(),
        advice: "leave".to_owned(),
    };
    let of = ActView {
        act: Some("auto".to_owned()),
        short: Some("3f2a".to_owned()),
        ..ActView::default()
    };
    let note =
        Event::Note { text: "bids by itself: 5.00 EUR".to_owned(), id: None, of: of.clone() };
    let done = Event::Done { id: Some("1".to_owned()), ok: true, of };
    let lines = told(OutputFormat::Text, &[refused, alarm, note, done]);
    assert_eq!(
        lines,
        [
            "refused: no (a.b) → wait",
            "ALARM: it lies → leave",
            "#3f2a: bids by itself: 5.00 EUR",
            "done: auto in #3f2a",
        ]
    );
}

#[test]
fn who_somebody_is_stands_in_no_journal() {
    let revealed = Event::Revealed {
        room: "77aa".repeat(16),
        auction: "3f2a".repeat(16),
        role: Role::Seller,
        name: "First Seller".to_owned(),
        contact: "seller@example.org".to_owned(),
        persona: Fingerprint([0xcd; 32]),
        verdict: "verified: this is who listed".to_owned(),
        card: None,
    };
    for form in [OutputFormat::Text, OutputFormat::Json] {
        let lines = told(form, std::slice::from_ref(&revealed)).join("");
        assert!(lines.contains("the seller of #3f2a3f2a has shown who they are"), "{lines}");
        for part in ["First", "example", "cdcd"] {
            assert!(!lines.contains(part), "{lines}");
        }
    }
}

/// Runs an agent on an input that then ends, over a desk that answers as `desk` does, until it is told to stop
/// so many times.
async fn ended(input: &'static str, stops: usize, answers: bool) -> (Status, String, Vec<Command>) {
    let (front, mut back): (Front, Back) = pair();
    let desk = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Some(request) = back.commands.recv().await {
            taken.push(request.command);
            if answers {
                let of = ActView::default();
                let done = Event::Done { id: request.id, ok: false, of };
                back.events.send(done).await.unwrap();
            }
        }
        taken
    });
    let (told, stop) = mpsc::channel(4);
    // Long after the input has ended.
    tokio::spawn(async move {
        for _ in 0..stops {
            tokio::time::sleep(Duration::from_secs(1_000)).await;
            told.send(()).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    let mut output = Vec::new();
    let ends =
        Ends { input: Some(input.as_bytes()), output: &mut output, aside: std::io::sink(), stop };
    let status = run(front, ends, OutputFormat::Text, &PinSource::Nowhere, &system()).await;
    (status, String::from_utf8(output).unwrap(), desk.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn it_outlives_its_input_and_ends_when_it_is_told_to() {
    let begun = tokio::time::Instant::now();
    let (status, said, taken) = ended("bid 3f2a 12\nnonsense\n", 1, true).await;
    // Neither the refusal nor the line that is none tells in how it ends.
    assert_eq!(status, Status::CarriedOut);
    assert_eq!(taken, [bid("12")]);
    assert!(said.contains("refused: there is no command /nonsense"), "{said}");
    assert_eq!(begun.elapsed().as_secs(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_answered_is_waited_for_shortly_and_told() {
    let begun = tokio::time::Instant::now();
    let (status, said, _) = ended("bid 3f2a 12\n", 1, false).await;
    assert_eq!(status, Status::Refused);
    assert!(said.contains("link.slow"), "{said}");
    assert_eq!(begun.elapsed().as_secs(), 1_005);
}

#[tokio::test(start_paused = true)]
async fn quit_on_a_line_ends_it_too() {
    let (status, _, taken) = ended("quit\n", 0, true).await;
    assert_eq!((status, taken), (Status::CarriedOut, vec![Command::Quit]));
}
