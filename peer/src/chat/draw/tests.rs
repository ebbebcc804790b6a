use super::*;
use crate::chat::model::Next;
use crate::chat::model::QUIET;
use crate::chat::tests::{
    at, auction, bid, connected, contact, contacts, invited, letter, press, proved, read, revealed,
    typed, written,
};
use crate::event::{
    ActView, ContactView, Event, FallingView, FileView, LetterStanding, LetterView, Personal,
    ReserveView, Role, RoomModeView, RoomView,
};
use pregao_protocol::value::report::Report;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use std::time::Duration;

fn screen(model: &Model, columns: u16, rows: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(model, &Palette::colours(), frame)).unwrap();
    terminal
}

fn text(model: &Model, columns: u16, rows: u16) -> String {
    screen(model, columns, rows).backend().to_string()
}

fn market() -> Model {
    let mut model = Model::new();
    model.apply(connected());
    model.advance(at(215), Duration::from_millis(400));
    let mut radio = auction("3f2a", "Old radio");
    radio.description = "Valve radio of 1956, works, a bit loud".to_owned();
    let id = radio.room.clone();
    let mut lamp = auction("9c01", "Desk lamp");
    lamp.end = at(900);
    lamp.own = true;
    model.apply(Event::Room(lamp));
    let mut clock = auction("b77e", "Cuckoo clock");
    (clock.end, clock.phase) = (at(100), Phase::Ended);
    clock.outcome = "no bids".to_owned();
    model.apply(Event::Room(clock));
    for (seq, amount, own) in
        [(2, 1_000, false), (4, 2_500, true), (7, 4_000, false), (12, 9_900, false)]
    {
        model.apply(bid(&id, seq, amount, own));
    }
    model.apply(Event::Said {
        room: id.clone(),
        seq: 14,
        author: "k7Qd".to_owned(),
        text: "is the wooden case original, and does it take the long wave?".to_owned(),
        time: at(140),
        own: false,
    });
    model.apply(bid(&id, 20, 12_000, true));
    (radio.highest, radio.bids) = (Some(12_000), Some(5));
    (radio.leading, radio.bidding, radio.verified_size) = (true, true, 21);
    model.apply(Event::Room(radio));
    model.apply(bid(&"9c01".repeat(16), 2, 1_000, false));
    model.select(&id);
    model
}

fn outbid() -> Model {
    let mut model = market();
    let mut radio = model.current().unwrap().view.clone().unwrap();
    (radio.highest, radio.bids, radio.leading) = (Some(14_000), Some(6), false);
    model.apply(bid(&radio.room, 21, 14_000, false));
    model.apply(Event::Room(radio));
    typed(&mut model, "/bid 1,50");
    model
}

#[test]
fn start_screen() {
    insta::assert_snapshot!(text(&Model::new(), 80, 24));
}

#[test]
fn auction_in_progress() {
    insta::assert_snapshot!(text(&market(), 80, 24));
}

#[test]
fn auction_in_progress_on_a_small_window() {
    insta::assert_snapshot!(text(&market(), 60, 15));
}

#[test]
fn auction_in_progress_on_the_smallest_window() {
    insta::assert_snapshot!(text(&market(), 40, 10));
}

#[test]
fn outbid_and_refused() {
    insta::assert_snapshot!(text(&outbid(), 80, 24));
}

#[test]
fn alarm_while_simulated_and_offline() {
    let mut model = market();
    let Event::Connected { broker, persona, suite, .. } = connected() else { panic!() };
    model.apply(Event::Connected { broker, persona, suite, simulated: true });
    let reason = "the broker closed the connection".to_owned();
    model.apply(Event::Disconnected { reason, retry_in_ms: Some(1_500) });
    model.apply(Event::Alarm {
        room: Some("3f2a".repeat(16)),
        short: None,
        message: "the new head does not extend the last one".to_owned(),
        advice: "stop bidding here and keep your vault: it holds the evidence".to_owned(),
    });
    model.advance(at(221), Duration::from_secs(6));
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn invited_to_reveal() {
    let mut model = market();
    model.advance(at(301), Duration::ZERO);
    model.apply(invited(&"77aa".repeat(16), &"3f2a".repeat(16), Role::Winner));
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn a_hundred_contacts_with_long_names_beside_an_auction() {
    let mut model = market();
    let name = |n: u64| format!("{n:02} of the society of radio amateurs");
    let many = (0..100).map(|n| contact(&name(n), 'a', if n % 7 == 0 { n * 40 } else { 0 }));
    model.apply(contacts(many.collect()));
    let with = name(63);
    for n in 1..60 {
        model.apply(Event::Letter(letter(n, Some(&with), LetterStanding::Read)));
    }
    model.apply(Event::Letter(letter(60, Some(&name(3)), LetterStanding::Unread)));
    model.select(&format!("@{with}"));
    model.input.paste("It is written slowly, and to somebody with a very long name");
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn whom_a_saying_in_a_private_room_convinces_is_seen_before_it_is_said() {
    let mut model = market();
    let room = "77aa".repeat(16);
    model.apply(invited(&room, &"3f2a".repeat(16), Role::Winner));
    model.select(&room);
    let modes = |mode| Event::Mode {
        id: None,
        mode: Mode::Deniable,
        rooms: vec![RoomModeView { room: room.clone(), short: "77aa".to_owned(), mode }],
    };
    model.input.paste("I pay on Friday");
    for (mode, prompt, hint) in [
        (Mode::Deniable, "#77aa, deniable> I pay", "it convinces them alone"),
        (Mode::Evidence, "#77aa, EVIDENCE> I pay", "SIGNED: they can show it to others"),
    ] {
        model.apply(modes(mode));
        let screen = text(&model, 80, 24);
        assert!(screen.contains(prompt) && screen.contains(hint), "{screen}");
    }
    // In an auction everybody hears it, and there is no mode.
    model.select(&"3f2a".repeat(16));
    assert!(!text(&model, 80, 24).contains("EVIDENCE"));
}

#[test]
fn question_before_a_disclosure() {
    let mut model = market();
    model.advance(at(301), Duration::ZERO);
    model.apply(invited(&"77aa".repeat(16), &"3f2a".repeat(16), Role::Winner));
    model.draws(true);
    model.ask(crate::front::channel::Subject::Confirm(crate::chat::confirm::tests::disclosure()));
    model.takes_answers();
    for character in "ye".chars() {
        press(&mut model, KeyCode::Char(character), KeyModifiers::NONE);
    }
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn revealed_to_each_other() {
    let mut model = market();
    let (room, sold) = ("77aa".repeat(16), "3f2a".repeat(16));
    model.advance(at(301), Duration::ZERO);
    model.apply(invited(&room, &sold, Role::Winner));
    model.apply(revealed(&room, &sold));
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn revealed_with_a_citizen_card() {
    let mut model = market();
    let (room, sold) = ("77aa".repeat(16), "3f2a".repeat(16));
    model.advance(at(301), Duration::ZERO);
    model.apply(invited(&room, &sold, Role::Winner));
    model.apply(proved(&room, &sold));
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn a_contact_that_claims_a_citizen_card() {
    let mut model = market();
    let (room, sold) = ("77aa".repeat(16), "3f2a".repeat(16));
    model.advance(at(301), Duration::ZERO);
    model.apply(invited(&room, &sold, Role::Winner));
    let mut event = revealed(&room, &sold);
    if let Event::Revealed { contact, .. } = &mut event {
        *contact = "me@example.org\"                            CITIZEN CARD: Cidadã de Teste Um, \
                    certified by the state civil number *****601; not revoked by the list at hand"
            .to_owned();
    }
    model.apply(event);
    insta::assert_snapshot!(text(&model, 80, 24));
    for columns in (40..120).step_by(3) {
        let terminal = screen(&model, columns, 24);
        let buffer = terminal.backend().buffer();
        for row in 0..24 {
            let cells = (0..columns).map(|column| &buffer[(column, row)]);
            let green = cells.filter(|cell| cell.fg == ratatui::style::Color::Green);
            let green: String = green.map(ratatui::buffer::Cell::symbol).collect();
            assert!(!["CARD", "Cidad", "civil", "revoked"].iter().any(|part| green.contains(part)));
        }
        for line in text(&model, columns, 24).lines() {
            let claims = line.contains("Cidad") || line.contains("CITIZEN CARD:");
            assert!(
                !claims || line.contains("they typed: \"") || line.contains("NO CIT"),
                "{line}"
            );
        }
    }
}

#[test]
fn help_over_the_screen() {
    let mut model = market();
    press(&mut model, KeyCode::F(1), KeyModifiers::NONE);
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn help_on_the_smallest_window_keeps_every_key() {
    let mut model = market();
    press(&mut model, KeyCode::F(1), KeyModifiers::NONE);
    let screen = text(&model, 40, 10);
    for (keys, _) in crate::chat::keys::KEYS {
        assert!(screen.contains(keys), "{keys}: {screen}");
    }
    assert!(screen.contains("/help lists"));
}

#[test]
fn completion_shows_what_it_offers() {
    let mut model = market();
    for character in "/re".chars() {
        press(&mut model, KeyCode::Char(character), KeyModifiers::NONE);
    }
    press(&mut model, KeyCode::Tab, KeyModifiers::NONE);
    let screen = text(&model, 80, 24);
    assert!(screen.contains("#3f2a> /receipts"), "{screen}");
    assert!(screen.contains("/receipts  /reveal  /relist"), "{screen}");
}

#[test]
fn too_small_windows_say_so() {
    insta::assert_snapshot!(text(&market(), 39, 10));
    for (columns, rows) in [(39, 24), (80, 9), (1, 1), (17, 2)] {
        assert!(!text(&market(), columns, rows).contains("Old radio"), "{columns}x{rows}");
    }
    assert!(text(&market(), 40, 10).contains("closes in 1:25"));
}

#[test]
fn every_size_is_drawn_without_panic() {
    let mut busy = outbid();
    busy.apply(invited(&"77aa".repeat(16), &"3f2a".repeat(16), Role::Seller));
    busy.input.paste(&"日本語 long ".repeat(50));
    for model in [Model::new(), market(), busy, crowded()] {
        for columns in (1..200).step_by(7) {
            for rows in 1..60 {
                let _ = text(&model, columns, rows);
            }
        }
    }
}

#[test]
fn hostile_text_draws_no_control_character_and_no_override() {
    let mut model = market();
    let nasty = "\u{1b}[31m\u{202e}evil\u{7}\u{9b}2J\u{200b}";
    let mut room = auction("dead", nasty);
    (room.description, room.outcome) = (nasty.to_owned(), nasty.to_owned());
    nasty.clone_into(&mut room.currency);
    let id = room.room.clone();
    model.apply(Event::Room(room.clone()));
    room.phase = Phase::Ended;
    model.apply(Event::Room(room));
    model.apply(Event::Happened {
        room: id.clone(),
        seq: 2,
        verb: nasty.to_owned(),
        text: nasty.to_owned(),
        time: at(1),
    });
    let word = || Some(nasty.to_owned());
    let of = ActView { act: word(), room: None, short: word(), title: word(), offer: word() };
    model.apply(Event::Refused {
        id: None,
        report: Report::new(nasty.to_owned(), nasty.to_owned(), nasty.to_owned()),
        of,
    });
    model.apply(Event::Called { room: id.clone(), short: nasty.to_owned() });
    model.apply(Event::Alarm {
        room: Some(id.clone()),
        short: Some(nasty.to_owned()),
        message: nasty.to_owned(),
        advice: nasty.to_owned(),
    });
    model.select(&id);
    let screen = text(&model, 80, 24);
    assert!(screen.contains("evil"));
    let steering = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{200b}');
    assert!(!screen.contains(steering), "{screen}");
}

#[test]
fn without_colours_no_cell_has_one() {
    let mut model = outbid();
    model.apply(Event::Alarm {
        room: None,
        short: None,
        message: "x".to_owned(),
        advice: "y".to_owned(),
    });
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| draw(&model, &Palette::monochrome(), frame)).unwrap();
    let plain = ratatui::style::Color::Reset;
    let cells = &terminal.backend().buffer().content;
    assert!(cells.iter().all(|cell| cell.fg == plain && cell.bg == plain));
}

#[test]
fn an_alarm_is_red_and_inverse() {
    let mut model = market();
    model.apply(Event::Alarm {
        room: None,
        short: None,
        message: "x".to_owned(),
        advice: "y".to_owned(),
    });
    let terminal = screen(&model, 80, 24);
    let cell = &terminal.backend().buffer()[(1, 0)];
    assert_eq!(cell.fg, ratatui::style::Color::Red);
    assert!(cell.modifier.contains(ratatui::style::Modifier::REVERSED));
}

#[test]
fn the_lead_is_lost_at_the_moment_the_view_says_so() {
    assert!(text(&market(), 80, 24).contains("YOU LEAD"));
    let screen = text(&outbid(), 80, 24);
    assert!(screen.contains("OUTBID") && !screen.contains("YOU LEAD"));
}

#[test]
fn a_room_that_is_not_followed_says_so_and_not_that_it_has_no_bids() {
    let mut model = Model::new();
    let mut room = auction("3f2a", "Old radio");
    let id = room.room.clone();
    (room.bids, room.joined) = (None, false);
    model.apply(Event::Room(room.clone()));
    model.select(&id);
    let shown = text(&model, 80, 24);
    assert!(shown.contains("3f2a unseen") && shown.contains("not followed"), "{shown}");
    assert!(shown.contains("/join") && !shown.contains("no bids yet"), "{shown}");
    room.joined = true;
    model.apply(Event::Room(room.clone()));
    let shown = text(&model, 80, 24);
    assert!(shown.contains("being fetched") && !shown.contains("no bids yet"), "{shown}");
    room.bids = Some(0);
    model.apply(Event::Room(room));
    assert!(text(&model, 80, 24).contains("no bids yet"));
}

#[test]
fn a_silent_tsa_is_named_from_two_seconds_on() {
    let mut model = market();
    model.advance(at(215), Duration::from_millis(1_999));
    assert!(text(&model, 80, 24).contains("TSA 13:03:35 +1s"));
    model.advance(at(215), Duration::from_secs(2));
    assert!(text(&model, 80, 24).contains("TSA silent 2s"));
}

#[test]
fn without_a_tick_of_the_last_five_seconds_no_countdown_is_shown() {
    let mut model = market();
    model.advance(at(220), Duration::from_secs(5));
    assert!(text(&model, 80, 24).contains("closes in 1:20"));
    let report = Report::new("tsa.down", "the TSA does not answer", "wait");
    model.apply(Event::TsaDown(report));
    model.advance(at(221), Duration::from_millis(5_001));
    let screen = text(&model, 80, 24);
    assert!(screen.contains("closes in --:--") && screen.contains("tsa.down 5s"), "{screen}");
    assert!(!screen.contains("1:19") && !screen.contains("offline"), "{screen}");
    model.apply(Event::Tick { time: at(222), at: Duration::ZERO });
    model.advance(at(222), Duration::ZERO);
    let screen = text(&model, 80, 24);
    assert!(screen.contains("closes in 1:18") && !screen.contains("tsa.down 5s"), "{screen}");
}

#[test]
fn the_countdown_ends_with_the_auction() {
    let mut model = market();
    model.advance(at(299), Duration::ZERO);
    assert!(text(&model, 80, 24).contains("closes in 0:01"));
    model.advance(at(300), Duration::ZERO);
    assert!(text(&model, 80, 24).contains(" closing "));
    assert_eq!(press(&mut model, KeyCode::Enter, KeyModifiers::NONE), Next::Wait);
}

#[test]
fn a_broker_that_does_not_open_sealed_bids_in_time_is_named() {
    let view = |highest, bids, phase| RoomView {
        sealed: Some("first".to_owned()),
        opens: Some(at(311)),
        extend_secs: 0,
        highest,
        bids: Some(bids),
        phase,
        ..auction("3f2a", "Lamp")
    };
    for (seconds, view, owes) in [
        (371, view(None, 3, Phase::Closed), false),
        (372, view(None, 3, Phase::Closed), true),
        (372, view(Some(5_000), 3, Phase::Closed), false),
        (372, view(None, 0, Phase::Closed), false),
        (372, view(None, 3, Phase::Ended), false),
    ] {
        let mut model = Model::new();
        model.apply(connected());
        model.advance(at(seconds), Duration::ZERO);
        model.apply(Event::Room(view.clone()));
        model.select(&view.room);
        let shown = text(&model, 120, 24);
        assert_eq!(shown.contains("OPENING OVERDUE SINCE"), owes, "{seconds} {shown}");
    }
}

#[test]
fn a_falling_price_is_drawn_as_it_is_and_says_who_took_it() {
    let minor = |minor: u64| minor.try_into().unwrap();
    let (floor, fall) = (minor(400), minor(100));
    let falling = FallingView { floor, fall, every: 5, since: at(200), price: None };
    let view = |highest, phase| RoomView {
        falling: Some(falling),
        extend_secs: 0,
        highest,
        bids: Some(highest.map_or(0, |_| 1)),
        phase,
        ..auction("3f2a", "Lamp")
    };
    let own = |view: RoomView| RoomView { bidding: true, ..view };
    let taken = view(Some(800), Phase::Open);
    for (now, view, texts) in [
        (
            200,
            view(None, Phase::Open),
            &["10.00 EUR, falls in 0:05", "/take it at that; 1.00 less every 5s, to 4.00"][..],
        ),
        (204, view(None, Phase::Open), &["10.00 EUR, falls in 0:01", "nobody has bid"]),
        (205, view(None, Phase::Open), &["9.00 EUR, falls in 0:05", "soon after the first bid"]),
        (229, view(None, Phase::Open), &["5.00 EUR, falls in 0:01"]),
        (230, view(None, Phase::Open), &["4.00 EUR, falls no further"]),
        (299, view(None, Phase::Open), &["4.00 EUR, falls no further"]),
        (211, taken.clone(), &["8.00 EUR after 1 bid", "taken at 8.00", "no bid of yours"]),
        (211, own(taken.clone()), &["ANOTHER WAS FIRST"]),
        (211, RoomView { leading: true, ..own(taken.clone()) }, &["YOU LEAD"]),
        (
            211,
            RoomView { joined: false, ..view(None, Phase::Open) },
            &["1.00 less every 5s, to 4.00; /join to bid"],
        ),
        (301, view(None, Phase::Ended), &["no bid"]),
    ] {
        let mut model = Model::new();
        model.apply(connected());
        model.advance(at(now), Duration::from_millis(400));
        model.apply(Event::Room(view.clone()));
        model.select(&view.room);
        let screen = self::text(&model, 80, 24);
        for text in texts {
            assert!(screen.contains(text), "{text} at {now}:\n{screen}");
        }
        assert!(!screen.to_lowercase().contains("outbid"), "{screen}");
    }
}

fn reserve_of(standing: &str, amount: Option<u64>) -> Option<Box<ReserveView>> {
    Some(Box::new(ReserveView { standing: standing.to_owned(), amount }))
}

#[test]
fn a_hidden_reserve_is_said_at_each_stage_and_nobody_has_won_before_it_is_open() {
    let view = |reserve: &str, phase, outcome: &str| RoomView {
        reserve: reserve_of(reserve, None),
        opens: Some(at(311)),
        bidding: true,
        highest: Some(5_000),
        bids: Some(2),
        outcome: outcome.to_owned(),
        phase,
        ..auction("3f2a", "Lamp")
    };
    let awaited = RoomView { highest: None, bids: Some(0), ..view("awaited", Phase::Open, "") };
    let own = RoomView {
        own: true,
        reserve: reserve_of("sealed", Some(4_000)),
        ..view("sealed", Phase::Open, "")
    };
    let below = "not sold: below the reserve of 60.00 EUR";
    for (view, now, texts) in [
        (awaited, 215, &["no bids before the reserve is sealed"][..]),
        (view("sealed", Phase::Open, ""), 215, &["hidden reserve", "soft close"]),
        (own, 215, &["hidden reserve of 40.00"]),
        (
            view("sealed", Phase::Closed, "the reserve decides: its seller opens it"),
            305,
            &["the reserve decides", "opened after"],
        ),
        (view("sealed", Phase::Closed, ""), 372, &["OPENING OVERDUE SINCE"]),
        (view("open", Phase::Ended, below), 400, &[below, "you did not win"]),
    ] {
        let mut model = Model::new();
        model.apply(connected());
        model.advance(at(now), Duration::from_millis(400));
        model.apply(Event::Room(view.clone()));
        model.select(&view.room);
        let screen = self::text(&model, 80, 24);
        for text in texts {
            assert!(screen.contains(text), "{text}:\n{screen}");
        }
        assert!(!screen.contains("YOU WON"), "{screen}");
        let decided = view.phase == Phase::Ended;
        assert_eq!(screen.contains("you did not win"), decided, "{screen}");
    }
}

#[test]
fn a_sealed_auction_says_what_there_is_to_know_at_each_stage() {
    let sealed = |highest, bids, phase| RoomView {
        sealed: Some("second".to_owned()),
        opens: Some(at(311)),
        extend_secs: 0,
        bidding: true,
        highest,
        bids: Some(bids),
        phase,
        ..auction("3f2a", "Lamp")
    };
    let waiting = "3 bids still sealed; they open without you".to_owned();
    for (view, texts) in [
        (
            sealed(None, 3, Phase::Open),
            &[
                "3 sealed bids",
                "your bid is sealed",
                "sealed, 10.00 EUR or more; pays the highest that loses",
                "opened after",
            ][..],
        ),
        (sealed(None, 0, Phase::Open), &["no bids yet"]),
        (
            RoomView { outcome: waiting, ..sealed(None, 3, Phase::Closed) },
            &["your bid is sealed", "3 bids still sealed; they open without you"],
        ),
        (sealed(Some(5_000), 3, Phase::Settled), &["50.00 EUR", "you did not win"]),
        (sealed(None, 0, Phase::Ended), &["no bid"]),
        (
            RoomView { joined: false, bidding: false, ..sealed(None, 0, Phase::Open) },
            &["sealed bids from 10.00 EUR; /join to bid"],
        ),
    ] {
        let mut model = Model::new();
        model.apply(connected());
        model.advance(at(215), Duration::from_millis(400));
        model.apply(Event::Room(view.clone()));
        model.select(&view.room);
        let screen = self::text(&model, 80, 24);
        for text in texts {
            assert!(screen.contains(text), "{text}:\n{screen}");
        }
        assert!(!screen.to_lowercase().contains("outbid"), "{screen}");
    }
}

/// A hundred auctions and fifty contacts, with Ana on screen.
fn crowded() -> Model {
    let mut model = market();
    for number in 0..97 {
        model.apply(Event::Room(auction(&format!("c0{number:02x}"), &format!("Item {number}"))));
    }
    let many = (0..50).map(|number| contact(&format!("friend {number}"), 'f', 0));
    let ana = ContactView { verified: true, mode: Mode::Evidence, ..contact("ana", 'a', 2) };
    model.apply(contacts(many.chain([ana]).collect()));
    let mut stranger = letter(1, None, LetterStanding::Unread);
    stranger.subject = Some(Personal::new("You have won".to_owned()));
    let asks = LetterView {
        mode: Some(Mode::Evidence),
        subject: Some(Personal::new("The radio".to_owned())),
        wants_receipt: true,
        attachments: 1,
        ..letter(2, Some("ana"), LetterStanding::Read)
    };
    let failed = LetterView {
        cause: Some("box.full".to_owned()),
        ..written(4, "ana", LetterStanding::Failed)
    };
    let answer = LetterView {
        re: Some(2),
        mode: Some(Mode::Evidence),
        ..written(3, "ana", LetterStanding::WasRead)
    };
    let waits = LetterView {
        leaves: Some(at(222)),
        mode: Some(Mode::Evidence),
        ..written(6, "ana", LetterStanding::Waiting)
    };
    let unread = letter(5, Some("ana"), LetterStanding::Unread);
    for letter in [stranger, asks.clone(), answer.clone(), failed, unread] {
        model.apply(Event::Letter(letter));
    }
    model.select("@ana");
    model.apply(read(
        asks,
        "Here is the picture that you asked for.\n  → /reveal \"you\" is typed by ana, and looks like no line of \
         the program\nAna",
        Some(QUIET),
    ));
    model.apply(read(answer, "Thank you!", Some(QUIET)));
    typed(&mut model, "Shall I bid, or do you sell it to me?");
    model.apply(Event::Letter(waits));
    model
}

#[test]
fn letters_beside_a_hundred_auctions() {
    let mut model = crowded();
    model.input.paste("And one more thing");
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn an_auction_beside_fifty_conversations() {
    let mut model = crowded();
    model.input.paste("half a letter");
    model.select(&"3f2a".repeat(16));
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn letters_of_nobody_known() {
    let mut model = crowded();
    model.select("@#77777777");
    insta::assert_snapshot!(text(&model, 80, 24));
}

#[test]
fn letters_on_the_smallest_window() {
    insta::assert_snapshot!(text(&crowded(), 40, 10));
}

#[test]
fn letters_take_what_rooms_leave_and_rooms_never_all() {
    let shown = |model: &Model, rows| {
        let screen = text(model, 80, rows);
        let count = |part: &str| screen.lines().filter(|line| line.contains(part)).count();
        (count("│ friend"), count("│ Item"))
    };
    let crowd = crowded();
    for (rows, expected) in [(24, (4, 9)), (40, (10, 19)), (10, (0, 1))] {
        assert_eq!(shown(&crowd, rows), expected, "{rows}");
    }
    let mut alone = Model::new();
    let many = (0..50).map(|number| contact(&format!("friend {number}"), 'f', 0));
    alone.apply(contacts(many.collect()));
    assert_eq!(shown(&alone, 24), (16, 0));
}

#[test]
fn no_sign_at_letters_is_a_colour_alone() {
    let mut model = crowded();
    let shown = text(&model, 80, 24);
    for part in ["ana", "✓", "?", "(1)", "EVIDENCE", "NOT SENT: box.full", "not read: /read 5"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Nor is the mode, before a letter is sent.
    assert!(shown.contains("ana, EVIDENCE>"), "{shown}");
    model.apply(contacts(vec![contact("ana", 'a', 1)]));
    let shown = text(&model, 80, 24);
    assert!(shown.contains("ana, deniable>") && shown.contains("NOT COMPARED"), "{shown}");
    model.apply(contacts(vec![ContactView { blocked: true, ..contact("ana", 'a', 1) }]));
    let shown = text(&model, 80, 24);
    assert!(shown.contains("BLOCKED") && shown.contains("ana     blocked"), "{shown}");
}

#[test]
fn nothing_that_a_letter_says_begins_a_row_of_the_program() {
    let mut model = crowded();
    let nasty = format!("{}\u{1b}[2J\u{202e}", "6 from you, deposited ".repeat(40));
    let letter = LetterView {
        subject: Some(Personal::new(nasty.clone())),
        ..letter(2, Some("ana"), LetterStanding::Read)
    };
    let files = vec![FileView {
        name: Personal::new("a\" (text/plain, 1 bytes)\u{202e}".to_owned()),
        media_type: "text/plain\u{7}".to_owned(),
        size: 3,
        saved: None,
    }];
    let (text, notes) = (Personal::new(nasty), Vec::new());
    let shown = Box::new(crate::event::ReadView { letter, text, files, notes });
    model.apply(Event::Read { id: Some("@ana".to_owned()), shown });
    for columns in (40..120).step_by(7) {
        let screen = self::text(&model, columns, 40);
        assert!(!screen.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{screen}");
        for row in screen.lines().filter(|row| row.contains("from you, deposited")) {
            assert!(row.contains("  | "), "{row}");
        }
    }
}
