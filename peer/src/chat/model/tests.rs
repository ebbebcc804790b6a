use super::*;
use crate::chat::room::MOST_MESSAGES;
use crate::chat::room::MOST_PRICES;
use crate::chat::tests::{at, auction, bid, connected, invited, press, proved, revealed, typed};
use crate::event::Role;
use crate::event::{ActView, BidsView, Phase};
use pregao_protocol::value::report::Report;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

fn alarm(room: Option<&str>) -> Event {
    Event::Alarm {
        room: room.map(str::to_owned),
        short: room.map(str::to_owned),
        message: "two heads of one size differ".to_owned(),
        advice: "stop bidding and keep your vault".to_owned(),
    }
}

fn texts(model: &Model) -> Vec<&str> {
    model.current().unwrap().messages.iter().map(|message| message.text.as_str()).collect()
}

fn unread(model: &Model, id: &str) -> usize {
    model.listed().iter().find(|room| room.id == id).unwrap().unread
}

#[test]
fn messages_of_other_rooms_are_counted_until_they_are_read() {
    let (mut model, room) = (Model::new(), auction("3f2a", "Old radio"));
    let id = room.room.clone();
    model.apply(Event::Room(room));
    model.apply(bid(&id, 2, 1_000, false));
    model.apply(bid(&id, 3, 1_100, false));
    model.apply(bid(&id, 4, 1_200, true));
    assert_eq!(unread(&model, &id), 2);
    model.select(&id);
    model.apply(bid(&id, 5, 1_300, false));
    assert_eq!(unread(&model, &id), 0);
}

#[test]
fn an_entry_that_arrives_twice_is_shown_once() {
    let (mut model, room) = (Model::new(), auction("3f2a", "Old radio"));
    let id = room.room.clone();
    model.apply(Event::Room(room));
    for seq in [2, 3, 2, 3] {
        model.apply(bid(&id, seq, 1_000 + seq, false));
    }
    model.select(&id);
    assert_eq!(model.current().unwrap().prices.len(), 2);
    assert_eq!(texts(&model), ["bid 10.02 EUR", "bid 10.03 EUR"]);
}

#[test]
fn rooms_are_called_as_the_desk_says_that_knows_all_of_them() {
    let mut model = Model::new();
    let name = "3f2a".repeat(16);
    model.apply(bid(&name, 1, 1_000, false));
    assert_eq!(model.short(&name), "3f2a3f2a");
    model.apply(Event::Room(auction("3f2a", "one")));
    assert_eq!(model.short(&name), "3f2a");
    // Another begins alike, of which nothing is shown here.
    model.apply(Event::Called { room: name.clone(), short: "3f2a3f2".to_owned() });
    assert_eq!(model.short(&name), "3f2a3f2");
    assert_eq!(model.names()[0].short, "3f2a3f2");
    assert_eq!(model.short("é"), "é");
}

fn act(name: &str, room: &str, title: &str) -> ActView {
    ActView {
        act: Some(name.to_owned()),
        room: Some(room.to_owned()),
        short: Some(room.get(..4).unwrap_or(room).to_owned()),
        title: Some(title.to_owned()),
        offer: (name == "bid").then(|| "9.00 EUR".to_owned()),
    }
}

/// The end of a command that was typed in a room.
fn done(typed: &str, of: ActView, ok: bool) -> Event {
    Event::Done { id: Some(typed.to_owned()), ok, of }
}

fn refusal(typed: &str, of: ActView) -> Event {
    Event::Refused {
        id: Some(typed.to_owned()),
        report: Report::new("bid.too-low", "the bid is too low".to_owned(), "bid more".to_owned()),
        of,
    }
}

fn lines_of(model: &Model, id: &str) -> Vec<String> {
    let room = model.listed().into_iter().find(|room| room.id == id).unwrap();
    room.messages.iter().map(|message| message.text.clone()).collect()
}

/// A radio and a lamp; the radio is on screen.
fn two_rooms() -> (Model, String, String) {
    let mut model = Model::new();
    let (radio, lamp) = (auction("3f2a", "Old radio"), auction("9c01", "Lamp"));
    let ids = (radio.room.clone(), lamp.room.clone());
    model.apply(Event::Room(radio));
    model.apply(Event::Room(lamp));
    model.select(&ids.0);
    (model, ids.0, ids.1)
}

#[test]
fn a_refusal_that_comes_after_another_room_was_chosen_is_shown_in_its_own() {
    let (mut model, radio, lamp) = two_rooms();
    let typed_in = model.request_id();
    assert_eq!(typed_in, radio);
    press(&mut model, KeyCode::Char('n'), KeyModifiers::CONTROL);
    assert_eq!(model.current().unwrap().id, lamp);
    model.apply(refusal(&typed_in, act("bid", &radio, "Old radio")));
    let refused = "refused: bid 9.00 EUR in #3f2a \"Old radio\": the bid is too low (bid.too-low)";
    assert_eq!(lines_of(&model, &radio), [refused, "  → bid more"]);
    assert_eq!(lines_of(&model, &lamp), [""; 0]);
    assert_eq!(unread(&model, &radio), 2);
}

#[test]
fn an_answer_about_another_room_is_shown_there_and_where_it_was_typed() {
    let (mut model, radio, lamp) = two_rooms();
    let typed_in = model.request_id();
    model.apply(refusal(&typed_in, act("bid", &lamp, "Lamp")));
    let refused = "refused: bid 9.00 EUR in #9c01 \"Lamp\": the bid is too low (bid.too-low)";
    for room in [&radio, &lamp] {
        assert_eq!(lines_of(&model, room), [refused, "  → bid more"]);
    }
    press(&mut model, KeyCode::Char('n'), KeyModifiers::CONTROL);
    model.apply(done(&typed_in, act("bid", &lamp, "Lamp"), true));
    assert_eq!(lines_of(&model, &radio)[2], "bid 9.00 EUR in #9c01 \"Lamp\": done");
    // In its own room the bid itself and its receipt say so.
    model.apply(done(&lamp, act("bid", &lamp, "Lamp"), true));
    assert_eq!(lines_of(&model, &lamp).len(), 2);
}

#[test]
fn an_answer_about_no_room_that_is_shown_stays_where_the_command_was_typed() {
    let (mut model, radio, lamp) = two_rooms();
    let typed_in = model.request_id();
    model.select(&lamp);
    let of = ActView { act: Some("bid".to_owned()), ..ActView::default() };
    model.apply(refusal(&typed_in, of));
    model.apply(refusal(&typed_in, act("bid", &"77".repeat(32), "beyond what is shown")));
    assert_eq!(lines_of(&model, &radio).len(), 4);
    assert_eq!(lines_of(&model, &lamp).len(), 0);
    // Of the lobby, whose name is empty, as of any other room.
    model.select("");
    let (typed_in, before) = (model.request_id(), lines_of(&model, "").len());
    model.select(&lamp);
    model.apply(refusal(&typed_in, ActView::default()));
    assert_eq!(lines_of(&model, "").len(), before + 2);
}

#[test]
fn what_was_asked_for_is_shown_where_it_was_asked() {
    let (mut model, radio, lamp) = two_rooms();
    let answer = || Event::Items { rooms: vec![auction("3f2a", "Old radio")], left_out: 0 };
    let finished = |id: &str| {
        let of = ActView { act: Some("items".to_owned()), ..ActView::default() };
        Event::Done { id: Some(id.to_owned()), ok: true, of }
    };
    let first = model.request_id();
    model.asked();
    model.select(&lamp);
    let second = model.request_id();
    model.asked();
    model.select("");
    let before = lines_of(&model, "").len();
    for event in [answer(), finished(&first), answer(), finished(&second)] {
        model.apply(event);
    }
    assert_eq!((lines_of(&model, &radio).len(), lines_of(&model, &lamp).len()), (1, 1));
    assert_eq!(lines_of(&model, "").len(), before);
    let note = |id: &str| Event::Note {
        text: "wrote a file".to_owned(),
        id: Some(id.to_owned()),
        of: act("export", &lamp, "Lamp"),
    };
    model.apply(note(&first));
    assert_eq!(lines_of(&model, &radio)[1], "wrote a file");
}

/// They may wait for a log: what was asked later is answered before.
#[test]
fn bids_and_checks_are_shown_where_they_were_asked_for_in_any_order() {
    let (mut model, radio, lamp) = two_rooms();
    let here = model.request_id();
    model.select(&lamp);
    let there = model.request_id();
    model.select("");
    let before = lines_of(&model, "").len();
    let checked = Event::Checked { id: Some(there), receipts: Vec::new(), left_out: 0 };
    model.apply(checked);
    let (room, short, title) = (None, None, None);
    let shown =
        BidsView { room, short, title, mine: true, unopened: 0, bids: Vec::new(), left_out: 0 };
    model.apply(Event::Bids { id: Some(here), shown });
    assert_eq!(lines_of(&model, &lamp), ["no receipts yet"]);
    assert_eq!(lines_of(&model, &radio), ["you have bid on nothing"]);
    assert_eq!(lines_of(&model, "").len(), before);
}

#[test]
fn what_waits_for_the_user_is_listed_before_what_is_open_and_what_is_past() {
    let mut model = Model::new();
    let mut ended = auction("0001", "ended");
    ended.phase = Phase::Ended;
    let mut later = auction("0002", "later");
    later.end = at(1_000);
    for room in [ended, later, auction("0003", "sooner")] {
        model.apply(Event::Room(room));
    }
    model.apply(invited("0004", "0001", Role::Seller));
    let titles: Vec<String> = model.listed().iter().map(|room| room.title()).collect();
    assert_eq!(titles, ["lobby", "reveal: Old radio", "sooner", "later", "ended"]);
}

#[test]
fn walking_goes_round_the_list() {
    let mut model = Model::new();
    model.apply(Event::Room(auction("0001", "one")));
    model.apply(Event::Room(auction("0002", "two")));
    let mut titles = Vec::new();
    for key in [KeyCode::Char('n'), KeyCode::Char('n'), KeyCode::Char('n'), KeyCode::Char('p')] {
        press(&mut model, key, KeyModifiers::CONTROL);
        titles.push(model.current().unwrap().title());
    }
    assert_eq!(titles, ["one", "two", "lobby", "two"]);
    press(&mut model, KeyCode::Up, KeyModifiers::ALT);
    assert_eq!(model.current().unwrap().title(), "one");
}

#[test]
fn losing_the_lead_is_said_once_and_rings() {
    let mut model = Model::new();
    let mut room = auction("3f2a", "Old radio");
    let id = room.room.clone();
    room.bidding = true;
    room.leading = true;
    model.apply(Event::Room(room.clone()));
    assert!(!model.take_ring());
    room.leading = false;
    room.highest = Some(12_100);
    model.apply(Event::Room(room.clone()));
    model.apply(Event::Room(room));
    model.select(&id);
    assert_eq!(texts(&model), ["you were outbid: the highest bid is 121.00 EUR"]);
    assert!(model.take_ring());
    assert!(!model.take_ring());
}

#[test]
fn leaving_a_room_is_not_called_outbid() {
    let mut model = Model::new();
    let mut room = auction("3f2a", "Old radio");
    room.leading = true;
    model.apply(Event::Room(room.clone()));
    (room.leading, room.joined) = (false, false);
    model.apply(Event::Room(room));
    assert!(!model.take_ring());
}

#[test]
fn not_leading_after_the_close_is_not_called_outbid() {
    let mut model = Model::new();
    let mut room = auction("3f2a", "Old radio");
    room.leading = true;
    model.apply(Event::Room(room.clone()));
    room.leading = false;
    room.phase = Phase::Settled;
    model.apply(Event::Room(room));
    assert!(!model.take_ring());
}

#[test]
fn an_alarm_stays_until_it_is_hidden_and_its_count_for_ever() {
    let mut model = Model::new();
    model.apply(alarm(None));
    model.apply(alarm(Some("3f2a")));
    assert!(model.alarm.as_deref().unwrap().contains("keep your vault"));
    assert_eq!(unread(&model, "3f2a"), 2);
    press(&mut model, KeyCode::Esc, KeyModifiers::NONE);
    assert_eq!(model.alarm, None);
    assert_eq!(model.trust.alarms, 2);
}

#[test]
fn a_typed_bid_goes_to_the_room_on_screen() {
    let mut model = Model::new();
    let room = auction("3f2a", "Old radio");
    let id = room.room.clone();
    model.apply(Event::Room(room));
    assert_eq!(typed(&mut model, "/bid 120"), Next::Wait);
    assert!(texts(&model).iter().any(|text| text.contains("in which room")));
    model.select(&id);
    let expected = Command::Bid { room: id, amount: "120".to_owned(), currency: None };
    assert_eq!(typed(&mut model, "/bid 120"), Next::Send(expected));
}

#[test]
fn help_is_answered_without_the_desk() {
    let mut model = Model::new();
    assert_eq!(typed(&mut model, "/help bid"), Next::Wait);
    assert!(texts(&model).contains(&"/bid [ROOM] AMOUNT [CURRENCY]"));
    press(&mut model, KeyCode::Char('?'), KeyModifiers::NONE);
    assert!(model.help);
    press(&mut model, KeyCode::Char('x'), KeyModifiers::NONE);
    assert!(!model.help && model.input.is_empty());
    assert_eq!(typed(&mut model, "what?"), Next::Wait);
    assert!(!model.help);
}

#[test]
fn a_disclosure_counts_as_sent_once_it_was_handed_in() {
    for line in ["/prove #3f2a ana@x.pt", "/reveal #3f2a \"Ana\" ana@x.pt"] {
        let mut model = Model::new();
        model.apply(invited("77aa", "3f2a", Role::Winner));
        disclosed(&mut model, line);
    }
}

fn disclosed(model: &mut Model, line: &str) {
    for ok in [false, true] {
        let sent = typed(model, line);
        assert!(matches!(sent, Next::Send(Command::Prove { .. } | Command::Reveal { .. })));
        assert!(model.waiting().is_some());
        let command = line.trim_start_matches('/').split(' ').next().unwrap();
        model.apply(done("77aa", act(command, "77aa", "Old radio"), ok));
        assert_eq!(model.waiting().is_none(), ok);
    }
}

#[test]
fn a_second_disclosure_refused_meanwhile_leaves_the_first_one_counted() {
    for second in ["3f2a", "9c01"] {
        let mut model = Model::new();
        model.apply(invited("77aa", "3f2a", Role::Winner));
        typed(&mut model, "/prove #3f2a ana@x.pt");
        typed(&mut model, &format!("/prove #{second} ana@x.pt"));
        // The card is being asked already.
        model.apply(done("77aa", act("prove", second, "Old radio"), false));
        assert!(model.waiting().is_some());
        model.apply(done("77aa", act("prove", "77aa", "Old radio"), true));
        assert!(model.waiting().is_none());
    }
}

#[test]
fn with_and_without_a_card_the_other_side_looks_different() {
    let mut model = Model::new();
    model.apply(invited("77aa", "3f2a", Role::Winner));
    model.apply(revealed("77aa", "3f2a"));
    let tone = |model: &Model, part: &str| {
        let messages = &model.current().unwrap().messages;
        messages.iter().rev().find(|message| message.text.contains(part)).map(|found| found.tone)
    };
    assert_eq!(tone(&model, "NO CITIZEN CARD: the name is what they typed"), Some(Tone::Bad));
    assert_eq!(tone(&model, "certified"), None);
    model.apply(proved("77aa", "3f2a"));
    assert_eq!(tone(&model, "CITIZEN CARD: Cidadã de Teste Um, certified"), Some(Tone::Good));
    assert_eq!(tone(&model, "the seller is Cidadã de Teste Um"), Some(Tone::Good));
    assert!(!texts(&model).join("").contains("99000601"));
}

#[test]
fn nothing_waits_past_the_deadline_or_once_both_are_known() {
    let mut model = Model::new();
    model.apply(invited("77aa", "3f2a", Role::Winner));
    model.advance(at(599), Duration::ZERO);
    assert!(model.waiting().is_some());
    model.advance(at(600), Duration::ZERO);
    assert!(model.waiting().is_none());
    model.advance(at(0), Duration::ZERO);
    model.apply(revealed("77aa", "3f2a"));
    assert!(model.waiting().is_none());
}

#[test]
fn an_invitation_does_not_take_the_screen_from_who_is_typing() {
    let mut model = Model::new();
    model.input.paste("/bid 1");
    model.apply(invited("77aa", "3f2a", Role::Winner));
    assert!(model.current().unwrap().is_lobby());
    assert!(model.waiting().is_some());
}

#[test]
fn the_screen_changes_with_the_second_only() {
    let mut model = Model::new();
    model.take_dirty();
    let half = Time::from_micros(at(5).as_micros() + 500_000).unwrap();
    model.advance(at(5), Duration::ZERO);
    assert!(model.take_dirty());
    model.advance(half, Duration::from_millis(500));
    assert!(!model.take_dirty());
    model.advance(at(6), Duration::from_millis(999));
    assert!(model.take_dirty());
}

#[test]
fn what_a_broker_sends_without_end_is_bounded() {
    let mut model = Model::new();
    let room = auction("3f2a", "Old radio");
    let id = room.room.clone();
    model.apply(Event::Room(room));
    for seq in 0..(MOST_MESSAGES as u64 + 100) {
        model.apply(bid(&id, seq, 1_000 + seq, false));
    }
    model.select(&id);
    assert_eq!(model.current().unwrap().messages.len(), MOST_MESSAGES);
    assert_eq!(model.current().unwrap().prices.len(), MOST_PRICES);
    for number in 0..MOST_ROOMS + 10 {
        model.apply(Event::Room(auction(&format!("{number:08x}"), "many")));
    }
    assert_eq!(model.listed().len(), MOST_ROOMS);
}

#[test]
fn text_of_strangers_steers_nothing() {
    let mut model = Model::new();
    let mut room = auction("3f2a", "\u{1b}[2J\u{202e}oidar");
    let id = room.room.clone();
    room.description = "\u{7}".to_owned();
    model.apply(Event::Room(room));
    model.apply(Event::Said {
        room: id.clone(),
        seq: 2,
        author: "\u{1b}]0;x".to_owned(),
        text: "a\u{9b}31m\nb".to_owned(),
        time: at(1),
        own: false,
    });
    model.select(&id);
    assert_eq!(model.current().unwrap().title(), "⌧[2J⌧oidar");
    assert_eq!(texts(&model), ["<⌧]0;x> a⌧31m b"]);
}

#[test]
fn control_c_and_quit_leave() {
    let mut model = Model::new();
    model.apply(connected());
    assert_eq!(press(&mut model, KeyCode::Char('c'), KeyModifiers::CONTROL), Next::Quit);
    assert_eq!(press(&mut model, KeyCode::Char('d'), KeyModifiers::CONTROL), Next::Quit);
    assert_eq!(typed(&mut model, "/quit"), Next::Quit);
    assert_eq!(press(&mut model, KeyCode::Char('q'), KeyModifiers::NONE), Next::Wait);
}

#[test]
fn who_reads_the_past_keeps_their_place() {
    let mut model = Model::new();
    let room = auction("3f2a", "Old radio");
    let id = room.room.clone();
    model.apply(Event::Room(room));
    model.select(&id);
    for seq in 0..30 {
        model.apply(bid(&id, seq, 1_000, false));
    }
    press(&mut model, KeyCode::PageUp, KeyModifiers::NONE);
    assert_eq!(model.current().unwrap().scroll, 8);
    model.apply(bid(&id, 30, 1_000, false));
    assert_eq!(model.current().unwrap().scroll, 9);
    for _ in 0..9 {
        press(&mut model, KeyCode::PageUp, KeyModifiers::NONE);
    }
    assert_eq!(model.current().unwrap().scroll, 30);
    for _ in 0..9 {
        press(&mut model, KeyCode::PageDown, KeyModifiers::NONE);
    }
    assert_eq!(model.current().unwrap().scroll, 0);
}
