//! What is looked up, as people type it.

use super::*;
use crate::command::{ChatInput, read_line};

fn command(line: &str, room: Option<&str>) -> Command {
    match read_line(line, room) {
        Ok(ChatInput::Command(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str, room: Option<&str>) -> UsageError {
    let error = read_line(line, room).unwrap_err();
    assert!(!error.advice.is_empty(), "{line}");
    error
}

fn of(standing: Option<Standing>, kind: Option<AuctionKind>, last: Option<u32>) -> ListFilter {
    ListFilter { standing, kind, last }
}

#[test]
fn auctions_are_listed_by_standing_kind_and_number_in_any_order() {
    for (words, filter) in [
        ("", of(None, None, None)),
        ("open", of(Some(Standing::Open), None, None)),
        ("CLOSED", of(Some(Standing::Closed), None, None)),
        ("sealed open", of(Some(Standing::Open), Some(AuctionKind::Sealed), None)),
        ("last 20 english", of(None, Some(AuctionKind::English), Some(20))),
        ("dutch newest 1 closed", of(Some(Standing::Closed), Some(AuctionKind::Dutch), Some(1))),
    ] {
        assert_eq!(command(&format!("/items {words}"), None), Command::Items(filter));
        assert_eq!(command(&format!("/mine {words}"), Some("77")), Command::Mine(filter));
    }
}

#[test]
fn a_filter_that_nobody_can_mean_is_refused() {
    for (words, part) in [
        ("open closed", "excludes"),
        ("english dutch", "excludes"),
        ("open open", "twice"),
        ("last 5 last 6", "twice"),
        ("last", "a number from 1 on"),
        ("last 0", "a number from 1 on"),
        ("last -1", "a number from 1 on"),
        ("last many", "a number from 1 on"),
        ("last 4294967296", "a number from 1 on"),
        ("vickrey", "no kind of auction"),
        ("3f2a", "no kind of auction"),
        ("\"open", "quote"),
    ] {
        for name in ["items", "mine"] {
            let error = refused(&format!("/{name} {words}"), None);
            assert!(error.message.contains(part), "{words}: {}", error.message);
        }
    }
}

fn bids_of(room: Option<&str>, mine: bool, last: Option<u32>) -> Command {
    Command::Bids { room: room.map(str::to_owned), mine, paddle: None, last }
}

#[test]
fn bids_are_those_of_a_room_or_ones_own() {
    for (line, room, meant) in [
        ("/bids", Some("77"), bids_of(Some("77"), false, None)),
        ("/bids 3f2a", Some("77"), bids_of(Some("3f2a"), false, None)),
        ("/bids #3f2a last 20", None, bids_of(Some("3f2a"), false, Some(20))),
        // Of all auctions, also where one is on screen.
        ("/bids mine", Some("77"), bids_of(None, true, None)),
        ("/bids mine", None, bids_of(None, true, None)),
        ("/bids 3f2a mine", None, bids_of(Some("3f2a"), true, None)),
        ("/offers last 3 mine", None, bids_of(None, true, Some(3))),
    ] {
        assert_eq!(command(line, room), meant, "{line}");
    }
    for (line, part) in [
        ("/bids", "in which room"),
        ("/bids 3f2a 77bb", "too many words"),
        ("/bids mine mine", "twice"),
        ("/bids 3f", "too short"),
        ("/bids 3f2a last x", "a number from 1 on"),
    ] {
        let error = refused(line, None);
        assert!(error.message.contains(part), "{line}: {}", error.message);
    }
    assert_eq!(Command::parse(&["bids", "3f2a", "mine"]), Ok(bids_of(Some("3f2a"), true, None)));
}

fn check_of(receipt: Option<&str>, last: Option<u32>) -> Command {
    Command::Check { receipt: receipt.map(str::to_owned), last }
}

#[test]
fn one_receipt_or_all_are_checked() {
    for (line, meant) in [
        ("/check", check_of(None, None)),
        ("/check all", check_of(None, None)),
        ("/check all last 10", check_of(None, Some(10))),
        ("/check AbC4-_", check_of(Some("AbC4-_"), None)),
    ] {
        assert_eq!(command(line, Some("77")), meant, "{line}");
    }
    for (line, part) in [
        ("/check abc", "too short"),
        ("/check abcd all", "stands alone"),
        ("/check abcd efgh", "too many words"),
        ("/check all all", "twice"),
        ("/check last 0", "a number from 1 on"),
    ] {
        let error = refused(line, Some("77"));
        assert!(error.message.contains(part), "{line}: {}", error.message);
    }
}

#[test]
fn programs_ask_the_same_in_json() {
    for (json, meant) in [
        (r#"{"command":"items"}"#, Command::Items(ListFilter::default())),
        (
            r#"{"command":"mine","standing":"open","kind":"dutch","last":7}"#,
            Command::Mine(of(Some(Standing::Open), Some(AuctionKind::Dutch), Some(7))),
        ),
        (r#"{"command":"bids","room":"3f2a"}"#, bids_of(Some("3f2a"), false, None)),
        (r#"{"command":"bids","mine":true,"last":2}"#, bids_of(None, true, Some(2))),
        (r#"{"command":"check"}"#, check_of(None, None)),
        (r#"{"command":"check","receipt":"abcd"}"#, check_of(Some("abcd"), None)),
    ] {
        assert_eq!(serde_json::from_str::<Command>(json).unwrap(), meant, "{json}");
    }
    for json in [
        r#"{"command":"items","kind":"vickrey"}"#,
        r#"{"command":"items","room":"3f2a"}"#,
        r#"{"command":"items","last":-1}"#,
        r#"{"command":"bids","whose":"3f2a"}"#,
        r#"{"command":"check","receipt":7}"#,
    ] {
        assert!(serde_json::from_str::<Command>(json).is_err(), "{json}");
    }
}
