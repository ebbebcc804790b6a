//! Lists as people read them, also where there are very many.

use super::*;
use crate::front::oneshot::tests::{at, room};

/// What a small terminal holds.
const COLUMNS: usize = 80;

fn bid(seq: u64, standing: BidStanding) -> BidView {
    BidView {
        room: "3f2a".repeat(16),
        short: "3f2a".to_owned(),
        title: Some("Old radio".to_owned()),
        seq: Some(seq),
        amount: Some(1_000 + 50 * seq),
        currency: Some("EUR".to_owned()),
        time: Some(at(seq)),
        own: false,
        sealed_bytes: None,
        standing,
        cause: None,
        paddle: None,
    }
}

fn of_one(bids: Vec<BidView>) -> BidsView {
    BidsView {
        room: Some("3f2a".repeat(16)),
        short: Some("3f2a".to_owned()),
        title: Some("Old radio".to_owned()),
        mine: false,
        unopened: 0,
        bids,
        left_out: 0,
    }
}

fn receipt_of(seq: u64) -> ReceiptView {
    ReceiptView {
        room: "3f2a".repeat(16),
        short: "3f2a".to_owned(),
        title: Some("A very long title of a radio".to_owned()),
        seq,
        verb: "sealed-bid".to_owned(),
        time: at(seq),
        digest: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG".to_owned(),
        holds: true,
        is_final: false,
    }
}

fn checked(verdict: CheckVerdict) -> CheckView {
    let advice = match verdict {
        CheckVerdict::Verified => "",
        CheckVerdict::NotYet => "/join 3f2a, then check again",
        CheckVerdict::Contradicted => "keep the vault",
    };
    let (why, advice) = ("why \u{1b}[31m".to_owned(), advice.to_owned());
    CheckView { receipt: receipt_of(4), verdict, why, advice }
}

#[test]
fn a_hundred_auctions_fit_a_small_terminal_in_aligned_columns() {
    let many: Vec<RoomView> = (0..100)
        .map(|at: u64| {
            let mut view = room(&"A title that goes on ".repeat(usize::try_from(at % 5).unwrap()));
            view.highest = Some(10_u64.pow(u32::try_from(at % 9).unwrap()));
            view.own = at.is_multiple_of(2);
            view
        })
        .collect();
    let lines = rooms(&many, 17, Some(at(0)));
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[0], "… 17 older left out; `last N` shows more");
    for line in &lines {
        assert!(width(line) <= COLUMNS, "{line}");
    }
    assert!(lines[5].contains("A title that goes on A titl… "), "{}", lines[5]);
    let before = |line: &String| width(line.split_once("1:30 left").unwrap().0);
    let columns: Vec<usize> = lines[1..].iter().map(before).collect();
    assert!(columns.iter().all(|column| *column == columns[0]), "{columns:?}");
}

#[test]
fn bids_are_told_one_by_one_with_what_became_of_each() {
    let mut void = bid(3, BidStanding::Void);
    (void.cause, void.amount) = (Some("too \u{1b}low".to_owned()), None);
    (void.sealed_bytes, void.own) = (Some(1_234), true);
    let shown = of_one(vec![bid(1, BidStanding::Outbid), void, bid(14, BidStanding::Leads)]);
    assert_eq!(
        bids(&shown),
        [
            "#3f2a \"Old radio\": 3 bids",
            "1   10.50 EUR   2026-11-20T13:00:01.000000Z  outbid",
            "3   1234 bytes  2026-11-20T13:00:03.000000Z  VOID    yours",
            "    why: too ⌧low",
            "14  17.00 EUR   2026-11-20T13:00:14.000000Z  leads",
        ]
    );
}

#[test]
fn sealed_bids_have_a_size_and_only_ones_own_an_amount() {
    let mut sealed = bid(2, BidStanding::Sealed);
    (sealed.amount, sealed.sealed_bytes) = (None, Some(900));
    let mut own = bid(3, BidStanding::Sealed);
    (own.own, own.sealed_bytes) = (true, Some(900));
    let mut shown = of_one(vec![sealed, own]);
    (shown.unopened, shown.left_out) = (5, 3);
    let lines = bids(&shown);
    assert_eq!(lines[0], "#3f2a \"Old radio\": 5 bids, 5 still sealed");
    assert_eq!(lines[1], "… 3 older left out; `last N` shows more");
    assert!(lines[2].starts_with("2  900 bytes             ") && lines[2].ends_with("sealed"));
    assert!(lines[3].starts_with("3  11.50 EUR, 900 bytes  ") && lines[3].ends_with("yours"));
}

#[test]
fn own_bids_of_all_auctions_name_theirs_and_fit_a_small_terminal() {
    let mut refused = bid(0, BidStanding::Refused);
    (refused.seq, refused.time) = (None, None);
    refused.cause = Some("the bid is too low (bid.too-low)".to_owned());
    let mut wide = bid(12_345, BidStanding::UnderWay);
    (wide.amount, wide.title) =
        (Some(1_234_567_890), Some("A very long title of a lamp".to_owned()));
    let all = vec![bid(1, BidStanding::Won), refused, wide];
    let none = BidsView { room: None, short: None, title: None, mine: true, ..of_one(Vec::new()) };
    assert_eq!(bids(&none), ["you have bid on nothing"]);
    let lines = bids(&BidsView { bids: all, ..none });
    assert_eq!(lines[0], "your bids");
    assert!(lines[1].starts_with("3f2a  1 ") && lines[1].ends_with("Old radio"), "{}", lines[1]);
    assert!(lines[2].contains("  -  ") && lines[2].contains("refused"), "{}", lines[2]);
    assert_eq!(lines[3], "    why: the bid is too low (bid.too-low)");
    assert!(lines[4].contains("under way") && lines[4].ends_with('…'), "{}", lines[4]);
    for line in &lines {
        assert!(width(line) <= COLUMNS, "{line}");
    }
    let mut one = of_one(Vec::new());
    assert_eq!(bids(&one), ["#3f2a \"Old radio\": no bids yet"]);
    one.mine = true;
    assert_eq!(bids(&one), ["#3f2a \"Old radio\": you have not bid there"]);
}

#[test]
fn of_checked_receipts_the_good_ones_take_a_line_and_the_others_say_what_to_do() {
    let all =
        [CheckVerdict::Verified, CheckVerdict::NotYet, CheckVerdict::Contradicted].map(checked);
    let lines = checks(&all, 2);
    assert_eq!(lines[0], "… 2 older left out; `last N` shows more");
    assert_eq!(
        lines[1],
        "verified      abcdefghijklmno…  #3f2a  entry 4 sealed-bid  A very long tit…"
    );
    assert!(lines[2].starts_with("not yet "));
    assert_eq!(lines[3..5], ["    why ⌧[31m", "  → /join 3f2a, then check again"]);
    assert!(lines[5].starts_with("CONTRADICTED  "));
    assert_eq!(lines[8], "1 verified, 1 not yet, 1 contradicted");
    assert!(lines.iter().all(|line| width(line) <= COLUMNS), "{lines:#?}");
    assert_eq!(checks(&[], 0), ["no receipts yet"]);
    let mut is_final = checked(CheckVerdict::Verified);
    is_final.receipt.is_final = true;
    assert!(checks(&[is_final], 0)[0].starts_with("verified, final  "));
}
