use super::*;
use crate::command::ListFilter;
use crate::event::{ActView, FallingView, Phase, ReceiptView, RoomView, Trust};
use crate::front::channel::pair;
use crate::host::system;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::report::Report;

pub(super) fn at(seconds: u64) -> Time {
    Time::from_micros((1_795_179_600 + seconds) * 1_000_000).unwrap()
}

pub(super) fn room(title: &str) -> RoomView {
    RoomView {
        room: "3f2a".repeat(16),
        short: "3f2a".to_owned(),
        title: title.to_owned(),
        description: String::new(),
        phase: Phase::Open,
        outcome: String::new(),
        currency: "EUR".to_owned(),
        digits: 2,
        start: 1_000,
        increment: 100,
        buy_now: None,
        max_raise: None,
        rule: None,
        rule_words: Vec::new(),
        paddle: None,
        bids_each: None,
        reserve: None,
        citizens: None,
        sealed: None,
        opens: None,
        falling: None,
        begin: None,
        highest: Some(12_000),
        bids: Some(5),
        end: at(90),
        extend_secs: 0,
        own: false,
        leading: true,
        bidding: true,
        joined: true,
        verified_size: 3,
        quorum: 0,
        final_size: 0,
    }
}

/// A minute ahead, so that no time passes after the tick however slow the machine is.
fn uptime() -> Duration {
    system().clock.uptime() + Duration::from_secs(60)
}

async fn shown(events: Vec<Event>, form: OutputFormat) -> (bool, String) {
    let (front, mut back) = pair();
    let desk = tokio::spawn(async move {
        let request = back.commands.recv().await.unwrap();
        for event in events {
            let event = if let Event::Done { id: None, ok, of } = event {
                Event::Done { id: request.id.clone(), ok, of }
            } else {
                event
            };
            if back.events.send(event).await.is_err() {
                break;
            }
        }
    });
    let mut output = Vec::new();
    let ok = run(
        front,
        (Command::Items(ListFilter::default()), false),
        form,
        &PinSource::Nowhere,
        &system(),
        &mut output,
    )
    .await
    .unwrap();
    desk.await.unwrap();
    (ok, String::from_utf8(output).unwrap())
}

fn done(ok: bool) -> Event {
    Event::Done { id: None, ok, of: ActView::default() }
}

#[tokio::test]
async fn an_answer_is_printed_in_plain_lines() {
    let events = vec![
        Event::Tick { time: at(0), at: uptime() },
        Event::Room(room("not asked for")),
        Event::Items { rooms: vec![room("Old \u{1b}[31mradio")], left_out: 0 },
        done(true),
    ];
    let (ok, text) = shown(events, OutputFormat::Text).await;
    assert!(ok);
    assert_eq!(text, "3f2a  Old ⌧[31mradio  120.00 EUR (5 bids)  1:30 left  you lead\n");
}

#[test]
fn a_room_that_is_not_followed_says_so_and_not_that_it_has_no_bids() {
    let mut listed = room("Old radio");
    (listed.highest, listed.bids, listed.joined) = (None, None, false);
    (listed.leading, listed.bidding) = (false, false);
    let shown = lines(&Event::Items { rooms: vec![listed.clone()], left_out: 0 }, Some(at(0)));
    assert_eq!(shown, ["3f2a  Old radio  from 10.00 EUR  1:30 left  not followed"]);
    let json = serde_json::to_value(&listed).unwrap();
    assert!(json["bids"].is_null() && json["joined"] == false, "{json}");
    // What was seen before it was left may be old: nobody is said to lead.
    (listed.highest, listed.bids) = (Some(12_000), Some(5));
    for leading in [false, true] {
        (listed.leading, listed.bidding) = (leading, true);
        let line =
            lines(&Event::Items { rooms: vec![listed.clone()], left_out: 0 }, None).remove(0);
        assert!(line.ends_with("not followed  you bid"), "{line}");
    }
    listed.phase = Phase::Ended;
    assert!(
        !lines(&Event::Items { rooms: vec![listed], left_out: 0 }, None)[0]
            .contains("not followed")
    );
}

#[tokio::test]
async fn a_refusal_is_printed_with_its_advice_and_fails() {
    let refused = Event::Refused {
        id: None,
        report: Report::new(
            "bid.too-low",
            "the bid is below 121.00".to_owned(),
            "bid 121.00 or more".to_owned(),
        ),
        of: ActView {
            act: Some("bid".to_owned()),
            room: Some("3f2a".repeat(16)),
            short: Some("3f2a".to_owned()),
            title: Some("Old \u{1b}[31mradio".to_owned()),
            offer: Some("9.00 EUR".to_owned()),
        },
    };
    let (ok, text) = shown(vec![refused, done(false)], OutputFormat::Text).await;
    assert!(!ok);
    let of = "bid 9.00 EUR in #3f2a \"Old ⌧[31mradio\"";
    let said = format!("refused: {of}: the bid is below 121.00 (bid.too-low)");
    assert_eq!(text, format!("{said}\n  → bid 121.00 or more\n"));
}

#[tokio::test]
async fn json_prints_every_event_as_it_is() {
    let events = vec![
        Event::Tick { time: at(0), at: uptime() },
        Event::Items { rooms: vec![], left_out: 0 },
        done(true),
    ];
    let (ok, text) = shown(events, OutputFormat::Json).await;
    assert!(ok);
    let parsed: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed[0], Event::Tick { time: at(0), at: std::time::Duration::ZERO });
    assert_eq!(parsed.len(), 3);
}

#[tokio::test]
async fn only_the_end_of_the_own_request_counts() {
    let other = Event::Done { id: Some("other".to_owned()), ok: true, of: ActView::default() };
    assert!(!shown(vec![other.clone(), done(false)], OutputFormat::Text).await.0);
    assert!(!shown(vec![other], OutputFormat::Text).await.0);
    assert!(!shown(vec![], OutputFormat::Text).await.0);
}

#[tokio::test]
async fn help_needs_no_desk() {
    let (front, back) = pair();
    drop(back);
    let mut output = Vec::new();
    let command = Command::Help { about: Some("bid".to_owned()) };
    assert!(
        run(
            front,
            (command, false),
            OutputFormat::Text,
            &PinSource::Nowhere,
            &system(),
            &mut output
        )
        .await
        .unwrap()
    );
    assert!(String::from_utf8(output).unwrap().contains("/bid 3f2a 120.00"));
}

#[test]
fn receipts_say_whether_they_hold() {
    let receipt = |holds| ReceiptView {
        room: "3f2a".repeat(16),
        short: "3f2a".to_owned(),
        title: Some("Old radio".to_owned()),
        seq: 4,
        verb: "bid".to_owned(),
        time: at(0),
        digest: "abc".to_owned(),
        holds,
        is_final: false,
    };
    let event = Event::Receipts { receipts: vec![receipt(true), receipt(false)] };
    let lines = lines(&event, None);
    assert!(lines[0].starts_with("receipt holds: #3f2a \"Old radio\" entry 4 bid"));
    assert!(lines[1].starts_with("receipt DOES NOT HOLD"));
}

#[test]
fn trust_is_shown_in_full() {
    let trust = Trust {
        persona: Fingerprint([0x5e; 32]),
        broker: Fingerprint([0xb0; 32]),
        authority: Fingerprint([0xca; 32]),
        suite: None,
        time: Some(at(0)),
        age_ms: 12,
        rooms_verified: 2,
        alarms: 1,
        simulated: true,
        certificate_begins: Some(at(0)),
        certificate_ends: at(90),
        broker_knows: vec!["your persona".to_owned()],
        others_see: vec!["keys used once".to_owned()],
    };
    let text = lines(&Event::Whoami(trust), None).join("\n");
    for part in [
        &"5e".repeat(32),
        &"b0".repeat(32),
        &"ca".repeat(32),
        "SIMULATED",
        "12 ms ago",
        "until 2026",
        "the broker knows: your persona",
        "others see: keys used once",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn nobody_but_the_two_roles_is_named() {
    assert_eq!((Role::Seller.name(), Role::Winner.name()), ("seller", "winner"));
    assert_eq!(lines(&Event::Items { rooms: vec![], left_out: 0 }, None).len(), 1);
}

#[test]
fn who_the_other_side_is_is_said_with_and_without_a_card() {
    let revealed = |card| Event::Revealed {
        room: "77aa".repeat(16),
        auction: "3f2a".repeat(16),
        role: Role::Seller,
        name: "First Seller".to_owned(),
        contact: "seller@example.org".to_owned(),
        persona: Fingerprint([0xcd; 32]),
        verdict: "verified: this is who listed".to_owned(),
        card,
    };
    let typed = lines(&revealed(None), None);
    assert_eq!(
        typed[..3],
        [
            "the seller shows a name",
            "they typed: \"First Seller\"",
            "they typed: \"seller@example.org\"",
        ]
    );
    assert_eq!(typed.last().unwrap(), "NO CITIZEN CARD: the name is what they typed");
    let proved = lines(&revealed(Some(crate::front::identity::tests::card())), None);
    assert_eq!(proved[0], "the seller is Cidadã de Teste Um");
    let verdict = "CITIZEN CARD: Cidadã de Teste Um, certified by the state";
    assert_eq!(proved.iter().filter(|line| *line == verdict).count(), 1);
    assert!(!proved.join("").contains("99000601"));
    // Typed, the same claim is in rows that no terminal wraps, each of which says whose it is.
    let mut event = revealed(None);
    if let Event::Revealed { contact, .. } = &mut event {
        *contact = format!("{}{verdict} {verdict}", "x ".repeat(20));
    }
    for line in lines(&event, None).iter().filter(|line| line.contains("certified")) {
        assert!(line.starts_with("they typed: \"") && line.chars().count() <= QUOTED, "{line}");
    }
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_question_is_answered_with_the_reason() {
    let (front, mut back) = pair();
    let desk = tokio::spawn(async move {
        let request = back.commands.recv().await.unwrap();
        let (reply, answer) = tokio::sync::oneshot::channel();
        let about = crate::front::channel::Subject::Pin(crate::front::channel::PinQuestion {
            holder: String::new(),
            reader: String::new(),
            tries: crate::card::Tries::Left(3),
            warning: Vec::new(),
            pinpad: false,
            yes: false,
        });
        back.questions.send(crate::front::channel::Question { about, reply }).await.unwrap();
        let answer = answer.await.unwrap();
        let (id, of) = (request.id, ActView::default());
        back.events.send(Event::Done { id, ok: false, of }).await.unwrap();
        answer
    });
    let command = Command::parse(&["prove", "3f2a"]).unwrap();
    let ok = run(
        front,
        (command, false),
        OutputFormat::Text,
        &PinSource::Nowhere,
        &system(),
        Vec::new(),
    )
    .await
    .unwrap();
    assert!(!ok);
    let answer = desk.await.unwrap();
    assert!(matches!(answer, crate::front::channel::UserAnswer::Unable { .. }), "{answer:?}");
}

#[test]
fn a_tick_is_carried_forward_for_five_seconds_and_not_over_a_sleep() {
    let time = at(0);
    let (came, second) = (Duration::from_secs(100), Duration::from_secs(1));
    assert_eq!(carried(time, came, came + 5 * second), Some(time.plus(5 * second)));
    assert_eq!(carried(time, came, came + 5 * second + Duration::from_nanos(1)), None);
    assert_eq!(carried(time, came, came + 3_600 * second), None);
}

#[test]
fn a_sealed_auction_is_listed_with_how_many_bids_there_are_and_nobody_is_outbid() {
    let sealed = |highest, bids, phase| RoomView {
        sealed: Some("second".to_owned()),
        opens: Some(at(101)),
        leading: false,
        highest,
        bids,
        phase,
        ..room("Lamp")
    };
    for (view, shown) in [
        (sealed(None, Some(0), Phase::Open), "Lamp  sealed, from 10.00 EUR  "),
        (sealed(None, Some(3), Phase::Open), "Lamp  3 sealed, from 10.00 EUR  "),
        (sealed(None, Some(3), Phase::Closed), "closed  your bid is sealed"),
        (sealed(Some(5_000), Some(3), Phase::Closed), "Lamp  50.00 EUR (3 bids)  closed"),
    ] {
        let line = room_line(&view, None);
        assert!(line.contains(shown) && !line.contains("outbid"), "{line}");
    }
    assert!(room_line(&sealed(None, Some(1), Phase::Open), None).ends_with("  your bid is sealed"));
    assert!(room_line(&RoomView { leading: false, ..room("Lamp") }, None).ends_with("  outbid"));
}

#[test]
fn a_falling_price_is_listed_as_it_is_at_that_moment() {
    let minor = |minor: u64| minor.try_into().unwrap();
    let (floor, fall) = (minor(400), minor(100));
    let falling = FallingView { floor, fall, every: 5, since: at(0), price: None };
    let falling = |highest, phase| RoomView {
        falling: Some(falling),
        leading: false,
        highest,
        bids: Some(highest.map_or(0, |_| 2)),
        phase,
        ..room("Lamp")
    };
    for (now, shown) in [
        (at(0), "Lamp  10.00 EUR, falls to 4.00 EUR  "),
        (at(4), "Lamp  10.00 EUR, falls to 4.00 EUR  "),
        (at(5), "Lamp  9.00 EUR, falls to 4.00 EUR  "),
        (at(30), "Lamp  4.00 EUR, falls to 4.00 EUR  "),
        (at(99), "Lamp  4.00 EUR, falls to 4.00 EUR  "),
    ] {
        let line = room_line(&falling(None, Phase::Open), Some(now));
        assert!(line.contains(shown), "{line}");
    }
    let line = room_line(&falling(Some(800), Phase::Open), Some(at(11)));
    assert!(line.contains("8.00 EUR (2 bids)") && line.ends_with("  somebody was first"), "{line}");
}
