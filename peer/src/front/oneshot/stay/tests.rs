//! Programs of one command that stay for what they began.

use super::*;
use crate::command::NewLetter;
use crate::event::{LetterView, WhoView};
use crate::front::channel::pair;
use crate::front::oneshot::{OutputFormat, run};
use crate::front::pin_source::PinSource;
use crate::host::system;
use pregao_protocol::value::clock::Time;

fn send() -> Command {
    Command::parse(&["send", "ana", "hi"]).unwrap()
}

fn letter(letter: u64, standing: LetterStanding) -> Event {
    Event::Letter(LetterView {
        letter,
        folder: crate::command::Folder::Sent,
        who: WhoView { name: None, short: None, verified: false },
        time: Time::default(),
        mode: None,
        subject: None,
        attachments: 0,
        standing,
        acknowledged: None,
        cause: None,
        wants_receipt: false,
        re: None,
        leaves: None,
        even: false,
        registered: None,
    })
}

fn boxes(boxes: &[(bool, bool)]) -> Event {
    let own = |(for_contact, open): &(bool, bool)| BoxStateView {
        name: String::new(),
        short: String::new(),
        handle: None,
        contact: for_contact.then(|| "ana".to_owned()),
        standing: String::new(),
        address: open.then(|| "pregao-box:…".to_owned()),
    };
    Event::Boxes { id: None, boxes: boxes.iter().map(own).collect(), even: false }
}

fn done(ok: bool) -> Event {
    Event::Done { id: Some("1".to_owned()), ok, of: ActView::default() }
}

/// What a program of this command prints and ends with, if this happens, each after so many seconds.
async fn ran(command: Command, events: Vec<(u64, Event)>) -> (bool, String, Duration) {
    let (front, mut back) = pair();
    let (began, mut output) = (Instant::now(), Vec::new());
    let desk = async {
        back.commands.recv().await.unwrap();
        for (after, event) in events {
            tokio::time::sleep(Duration::from_secs(after)).await;
            if back.events.send(event).await.is_err() {
                break;
            }
        }
        // The desk goes on as long as its front does.
        back.commands.recv().await;
    };
    let (host, pins) = (system(), PinSource::Nowhere);
    let program = async {
        let form = OutputFormat::Text;
        let ok = run(front, (command, true), form, &pins, &host, &mut output).await;
        (ok.unwrap(), began.elapsed())
    };
    let ((ok, after), ()) = tokio::join!(program, desk);
    (ok, String::from_utf8(output).unwrap(), after)
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_stayed_for_until_it_is_deposited_or_failed() {
    use LetterStanding::{Deposited, Failed, Leaving, Waiting};
    for (end, went_well) in [(Deposited, true), (Failed, false)] {
        let events = vec![
            (0, letter(7, Waiting)),
            (0, done(true)),
            // Others that change meanwhile end nothing.
            (1, letter(6, Deposited)),
            (9, letter(7, Leaving)),
            (2, letter(7, end)),
            (1, letter(7, Waiting)),
        ];
        let (ok, text, after) = ran(send(), events).await;
        assert_eq!((ok, after), (went_well, Duration::from_secs(12)), "{text}");
        assert!(!text.contains("has not left"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_to_leave_now_is_stayed_for_until_it_is_deposited_or_is_not() {
    use LetterStanding::{Acknowledged, Read};
    let told = |number: u64, standing, at: Option<u64>| {
        let Event::Letter(mut view) = letter(number, standing) else { unreachable!() };
        view.acknowledged = at.map(|second| Time::from_micros(second).unwrap());
        (1, Event::Letter(view))
    };
    let ack = || Command::parse(&["ack", "3", "now"]).unwrap();
    for (end, went_well) in [(told(3, Acknowledged, Some(9)), true), (told(3, Read, None), false)] {
        let events = vec![
            told(3, Acknowledged, None),
            (0, done(true)),
            // Others end nothing, nor does what it was before.
            told(4, Acknowledged, Some(9)),
            told(3, Acknowledged, None),
            end,
        ];
        let (ok, text, after) = ran(ack(), events).await;
        assert_eq!((ok, after), (went_well, Duration::from_secs(4)), "{text}");
        assert!(!text.contains("has not left"), "{text}");
    }
    let events = vec![told(3, Acknowledged, None), (0, done(true))];
    let (ok, text, after) = ran(ack(), events).await;
    assert_eq!((ok, after), (true, Duration::from_secs(61)), "{text}");
    assert!(text.contains("has not left yet") && text.contains("`pregao recall 3`"), "{text}");
    assert!(text.contains("`pregao agent`"), "{text}");
    let (ok, text, after) = ran(ack(), vec![(1, done(false))]).await;
    assert_eq!((ok, after), (false, Duration::from_secs(1)), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_does_not_leave_in_a_minute_is_put_down_and_said_to_be() {
    let waiting = LetterStanding::Waiting;
    let (ok, text, after) = ran(send(), vec![(0, letter(7, waiting)), (5, done(true))]).await;
    assert!(ok);
    assert_eq!(after, Duration::from_secs(65));
    assert!(text.contains("put down") && text.contains("`pregao status 7`"), "{text}");
    assert!(text.contains("`pregao agent`"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_was_refused_is_not_stayed_for() {
    let (ok, _, after) = ran(send(), vec![(1, done(false))]).await;
    assert_eq!((ok, after), (false, Duration::from_secs(1)));
    let waiting = LetterStanding::Waiting;
    let (ok, _, after) = ran(send(), vec![(0, letter(7, waiting)), (1, done(false))]).await;
    assert_eq!((ok, after), (false, Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_box_is_stayed_for_until_the_one_for_first_letters_is_open_or_closed() {
    let open = Command::parse(&["box", "open", "now"]).unwrap();
    let events = vec![
        (0, boxes(&[(false, true)])),
        (1, done(true)),
        (1, boxes(&[(true, true), (false, false)])),
        (1, boxes(&[(true, false), (false, true)])),
    ];
    let (ok, text, after) = ran(open, events).await;
    assert_eq!((ok, after), (true, Duration::from_secs(3)), "{text}");
    let close = Command::parse(&["box", "close"]).unwrap();
    let events = vec![
        (0, boxes(&[])),
        (1, done(true)),
        (1, boxes(&[(true, true), (false, false)])),
        (1, boxes(&[(true, true)])),
    ];
    let (ok, text, after) = ran(close, events).await;
    assert_eq!((ok, after), (true, Duration::from_secs(3)), "{text}");
    let open = Command::parse(&["box", "open", "now"]).unwrap();
    let (ok, text, _) = ran(open, vec![(0, done(true))]).await;
    assert!(ok && text.contains("not open yet"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_other_letters_meanwhile_is_not_printed() {
    use LetterStanding::{Deposited, Unread, Waiting};
    let events = || vec![(0, letter(3, Unread)), (0, boxes(&[(false, true)])), (0, done(true))];
    let (_, text, _) = ran(Command::parse(&["new"]).unwrap(), events()).await;
    assert_eq!(text, "");
    // Its own letter and box are, and no others.
    let sends = vec![
        (0, letter(4, Waiting)),
        (0, done(true)),
        (1, letter(3, Unread)),
        (1, boxes(&[(true, true)])),
        (1, letter(4, Deposited)),
    ];
    let (_, text, _) = ran(send(), sends).await;
    let first: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["4", "4"], "{text}");
    let opens = Command::parse(&["box", "open", "now"]).unwrap();
    let (_, text, _) = ran(opens, vec![(0, done(true)), (0, boxes(&[(false, true)]))]).await;
    assert!(text.contains("pregao-box:"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_takes_hours_is_not_stayed_for_and_what_only_answers_neither() {
    for (words, is_said) in [
        (["box", "open", "ana"].as_slice(), true),
        (&["ack", "3"], true),
        (&["mail"], false),
        (&["box"], false),
        (&["items"], false),
    ] {
        let (ok, text, after) = ran(Command::parse(words).unwrap(), vec![(1, done(true))]).await;
        assert_eq!((ok, after), (true, Duration::from_secs(1)), "{words:?}");
        assert_eq!(text.contains("`pregao agent`"), is_said, "{words:?}: {text}");
    }
    let new: NewLetter = serde_json::from_str(r#"{"to":"ana"}"#).unwrap();
    let silent = Command::Send(Box::new(new));
    // A desk that tells of no letter is not waited for.
    let (ok, _, after) = ran(silent, vec![(1, done(true))]).await;
    assert_eq!((ok, after), (true, Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_stayed_for_until_the_log_has_it_or_says_otherwise() {
    use LetterStanding::{Accepting, Declined, Declining, Lapsed, ToAccept, Unopened, Unread};
    for (words, under_way, end, went_well) in [
        ("accept", Accepting, Unread, true),
        ("accept", Accepting, Declined, false),
        ("accept", Accepting, Lapsed, false),
        ("accept", Accepting, ToAccept, false),
        ("accept", Accepting, Unopened, false),
        ("decline", Declining, Declined, true),
        ("decline", Declining, Unread, false),
        ("decline", Declining, Lapsed, false),
    ] {
        let command = Command::parse(&[words, "7"]).unwrap();
        let events = vec![
            (0, letter(7, under_way)),
            (0, done(true)),
            (1, letter(6, Unread)),
            (1, letter(6, Declined)),
            (1, letter(7, under_way)),
            (2, letter(7, end)),
            (1, letter(7, under_way)),
        ];
        let (ok, text, after) = ran(command, events).await;
        assert_eq!((ok, after), (went_well, Duration::from_secs(5)), "{words} {end:?}: {text}");
    }
    let command = Command::parse(&["accept", "7"]).unwrap();
    let (ok, text, after) = ran(command, vec![(0, letter(7, Accepting)), (5, done(true))]).await;
    assert_eq!((ok, after), (true, Duration::from_secs(65)));
    assert!(text.contains("put down") && text.contains("`pregao read 7`"), "{text}");
    let refused = Command::parse(&["decline", "7"]).unwrap();
    let (ok, _, after) = ran(refused, vec![(1, done(false))]).await;
    assert_eq!((ok, after), (false, Duration::from_secs(1)));
}
