//! The private room: two sides, one pair of disclosures, deadlines to the microsecond.

use std::time::Duration;

use super::*;
use crate::audit::verify::{self, VerifyError};
use crate::log::Head;
use crate::room::action::{Draft, Seen};
use crate::room::body::{Empty, Say, SealedBody};
use crate::room::fixture::{
    Author, END, G, Own, SECOND, Table, Tsa, at, bid, close_body, entry_key, revealed, text,
};
use crate::value::clock::Time;

/// When the two must have disclosed.
pub(super) const DEADLINE: u64 = END + 300 * SECOND;

pub(super) struct Two {
    pub(super) table: Table,
    winner: Author,
    /// What made the winner a side: the means of the winning bid.
    bid: Own,
}

fn opening(withdrawal: bool, change: impl FnOnce(&mut Reveal)) -> (Reveal, Author, Own) {
    let mut auction = Table::auction();
    let winner = Author::new(120);
    let bid = auction.bid_by(&winner, at(SECOND), 1_000);
    let closing = if withdrawal { at(END + G + 1) } else { at(END) };
    auction.tsa.tick(closing);
    auction.close(closing).unwrap();
    auction.settle(closing, Some((1, 1_000))).unwrap();
    let mut reveal = auction.reveal_opening(at(DEADLINE));
    assert_eq!(reveal.withdrawal, withdrawal);
    change(&mut reveal);
    (reveal, winner, bid)
}

pub(super) fn try_open(withdrawal: bool, change: impl FnOnce(&mut Reveal)) -> Result<Two, Code> {
    let (reveal, winner, bid) = opening(withdrawal, change);
    let mut tsa = Tsa::new(204);
    let id = Author::new(0).own(999).id;
    let draft = Draft { id, room: None, body: Body::Reveal(reveal), seen: Seen::nothing() };
    let opening = tsa.stamp(draft.sign_as_broker(&entry_key()).unwrap(), at(END + 20 * SECOND));
    let table = Table::open(tsa, opening)?;
    Ok(Two { table, winner, bid })
}

pub(super) fn two() -> Two {
    try_open(false, |_| {}).unwrap()
}

pub(super) fn sealed(first: u8) -> SealedBody {
    SealedBody { sealed: vec![first; 64].try_into().unwrap() }
}

impl Two {
    /// Signed with the one-time key that makes its author a side; a fresh identifier each time.
    pub(super) fn act_at(&mut self, side: Side, time: Time, body: Body) -> Stamped {
        let seller = Author::new(100);
        let (author, own) = match side {
            Side::Seller => (&seller, seller.own(0)),
            Side::Winner => (&self.winner, self.bid.clone()),
        };
        let key = author.key(&own);
        let fresh = self.table.fresh(&Author::new(7));
        let action = self.table.draft(&fresh, body).sign(&key).unwrap();
        self.table.tsa.stamp(action, time)
    }

    pub(super) fn act(&mut self, side: Side, time: Time, body: Body) -> Result<u64, Code> {
        let stamped = self.act_at(side, time, body);
        self.table.submit(&stamped)
    }

    pub(super) fn disclose(&mut self, side: Side, time: Time) -> Result<u64, Code> {
        self.act(side, time, Body::Disclose(sealed(1)))
    }

    pub(super) fn absent(&mut self, time: Time, seller: bool, winner: bool) -> Result<u64, Code> {
        self.table.broker(time, Body::Absent(Absent { seller, winner }))
    }
}

pub(super) fn soon() -> Time {
    at(END + 30 * SECOND)
}

pub(super) fn deadline() -> Time {
    at(DEADLINE)
}

pub(super) fn past_deadline() -> Time {
    at(DEADLINE + 1)
}

#[test]
fn v065_a_reveal_room_has_a_deadline_to_come_two_sides_and_bounded_terms() {
    let opened = at(END + 20 * SECOND);
    let microsecond = Duration::from_micros(1);
    let refused = |change: &dyn Fn(&mut Reveal)| try_open(false, change).err();
    assert_eq!(refused(&|reveal| reveal.deadline = opened), Some(Code::ListingTerms));
    assert_eq!(refused(&|reveal| reveal.deadline = opened.plus(microsecond)), None);
    assert_eq!(refused(&|reveal| reveal.winner = reveal.seller), Some(Code::ListingTerms));
    assert_eq!(refused(&|reveal| reveal.freshness = 0), Some(Code::ListingTerms));
    assert_eq!(refused(&|reveal| reveal.freshness = 60), None);
    assert_eq!(refused(&|reveal| reveal.freshness = 61), Some(Code::ListingTerms));
    assert_eq!(refused(&|reveal| reveal.stamps = vec![reveal.stamps[0]; 8]), None);
    let nine = refused(&|reveal| reveal.stamps = vec![reveal.stamps[0]; 9]);
    assert_eq!(nine, Some(Code::ListingTerms));
    let other = refused(&|reveal| reveal.stamps = vec![Tsa::new(9).public()]);
    assert_eq!(other, Some(Code::StampUnknownTsa));
}

#[test]
fn v065_only_the_broker_opens_a_reveal_room() {
    let (reveal, winner, bid) = opening(false, |_| {});
    let mut tsa = Tsa::new(204);
    let draft = Draft { id: bid.id, room: None, body: Body::Reveal(reveal), seen: Seen::nothing() };
    let opening = tsa.stamp(draft.sign(&winner.key(&bid)).unwrap(), soon());
    assert_eq!(Table::open(tsa, opening).unwrap_err(), Code::VerbAuthor);
}

#[test]
fn v066_strangers_do_nothing_in_a_reveal_room() {
    let mut two = two();
    let stranger = Author::new(130);
    for body in [
        Body::Disclose(sealed(1)),
        Body::Withdraw(Empty {}),
        bid(1_000),
        Body::Say(Say { text: text("hello") }),
    ] {
        let own = two.table.fresh(&stranger);
        let action = two.table.sign(&stranger, &own, body);
        let stamped = two.table.tsa.stamp(action, soon());
        assert_eq!(two.table.submit(&stamped), Err(Code::VerbAuthor));
    }
    // The same persona under another one-time key is a stranger too.
    let own = two.winner.own(999);
    let action = two.table.sign(&two.winner, &own, Body::Disclose(sealed(1)));
    let stamped = two.table.tsa.stamp(action, soon());
    assert_eq!(two.table.submit(&stamped), Err(Code::VerbAuthor));
}

#[test]
fn v066_the_two_do_nothing_that_belongs_to_auctions() {
    let mut two = two();
    for side in [Side::Seller, Side::Winner] {
        for body in [bid(1_000), Body::Say(Say { text: text("hello") })] {
            assert_eq!(two.act(side, soon(), body), Err(Code::VerbKind));
        }
        assert_eq!(two.act(side, soon(), close_body()), Err(Code::VerbAuthor));
    }
    assert_eq!(two.table.close(soon()), Err(Code::VerbKind));
    assert_eq!(two.table.broker(soon(), revealed()), Err(Code::VerbKind));
}

#[test]
fn v050_a_side_discloses_once() {
    let mut two = two();
    two.disclose(Side::Seller, soon()).unwrap();
    assert_eq!(two.disclose(Side::Seller, soon()), Err(Code::DiscloseTwice));
    assert_eq!(two.disclose(Side::Winner, soon()), Ok(2));
    assert_eq!(two.disclose(Side::Seller, soon()), Err(Code::DiscloseTwice));
    assert_eq!(two.disclose(Side::Winner, soon()), Err(Code::DiscloseTwice));
    let room = two.table.reveal();
    assert_eq!(
        (room.complete(), room.disclosed(Side::Seller), room.disclosed(Side::Winner)),
        (true, Some(1), Some(2))
    );
}

#[test]
fn v051_a_disclosure_at_the_deadline_counts_and_one_microsecond_after_is_late() {
    let mut on_time = two();
    assert!(on_time.disclose(Side::Winner, deadline()).is_ok());
    assert!(on_time.disclose(Side::Seller, deadline()).is_ok());
    let mut late = two();
    assert_eq!(late.disclose(Side::Winner, past_deadline()), Err(Code::DiscloseLate));
    assert_eq!(late.disclose(Side::Seller, past_deadline()), Err(Code::DiscloseLate));
}

#[test]
fn v051_a_disclosure_need_not_have_seen_the_others_however_old() {
    let mut two = two();
    let held = two.act_at(Side::Winner, soon(), Body::Disclose(sealed(1)));
    let other = two.act_at(Side::Seller, deadline(), Body::Disclose(sealed(2)));
    assert!(two.table.submit(&held).is_ok());
    assert!(two.table.submit(&other).is_ok());
}

#[test]
fn v052_absence_is_recorded_after_the_deadline_once_and_of_somebody() {
    let mut two = two();
    assert_eq!(two.absent(deadline(), true, true), Err(Code::AbsentWrong));
    assert_eq!(two.absent(past_deadline(), false, false), Err(Code::AbsentWrong));
    two.absent(past_deadline(), false, true).unwrap();
    let absent = Absent { seller: false, winner: true };
    assert_eq!(two.table.reveal().end(), Some(End::Absent(absent)));
    assert_eq!(two.absent(past_deadline(), false, true), Err(Code::AbsentWrong));
    assert_eq!(two.disclose(Side::Seller, past_deadline()), Err(Code::VerbPhase));
}

#[test]
fn v052_nobody_is_absent_once_a_disclosure_is_logged() {
    let mut two = two();
    two.disclose(Side::Seller, soon()).unwrap();
    let in_time = two.act_at(Side::Winner, deadline(), Body::Disclose(sealed(1)));
    assert_eq!(two.absent(past_deadline(), false, true), Err(Code::AbsentWrong));
    two.table.submit(&in_time).unwrap();
    assert_eq!(two.absent(past_deadline(), true, false), Err(Code::AbsentWrong));
}

#[test]
fn v052_the_two_record_no_absence() {
    let mut two = two();
    let absent = Body::Absent(Absent { seller: false, winner: true });
    assert_eq!(two.act(Side::Seller, past_deadline(), absent), Err(Code::VerbAuthor));
}

#[test]
fn v053_nothing_comes_between_the_two_disclosures() {
    let mut two = two();
    two.disclose(Side::Seller, soon()).unwrap();
    for side in [Side::Seller, Side::Winner] {
        let refused = two.act(side, soon(), Body::Withdraw(Empty {}));
        assert_eq!(refused, Err(Code::DisclosePair));
    }
    assert!(two.disclose(Side::Winner, soon()).is_ok());
}

#[test]
fn v053_a_log_that_ends_with_half_a_pair_does_not_hold() {
    for (side, other) in [(Side::Seller, Side::Winner), (Side::Winner, Side::Seller)] {
        let mut two = two();
        two.disclose(side, soon()).unwrap();
        let half = verify::log(two.table.lines(), &two.table.head());
        assert_eq!(half.unwrap_err(), VerifyError::CutShort { code: Code::DisclosePair });
        two.disclose(other, soon()).unwrap();
        assert!(verify::log(two.table.lines(), &two.table.head()).is_ok());
    }
}

#[test]
fn v048_a_side_withdraws_only_if_the_opening_allows_it() {
    for side in [Side::Seller, Side::Winner] {
        let mut strict = two();
        let refused = strict.act(side, soon(), Body::Withdraw(Empty {}));
        assert_eq!(refused, Err(Code::WithdrawForbidden));
        let mut free = try_open(true, |_| {}).unwrap();
        free.act(side, soon(), Body::Withdraw(Empty {})).unwrap();
        assert_eq!(free.table.reveal().end(), Some(End::Withdrawn(side)));
        assert_eq!(free.disclose(Side::Seller, soon()), Err(Code::VerbPhase));
        assert_eq!(free.disclose(Side::Winner, soon()), Err(Code::VerbPhase));
        assert_eq!(free.absent(past_deadline(), true, false), Err(Code::AbsentWrong));
        let again = free.act(side, past_deadline(), Body::Withdraw(Empty {}));
        assert_eq!(again, Err(Code::VerbPhase));
    }
}

#[test]
fn v054_nobody_withdraws_once_both_disclosed() {
    let mut free = try_open(true, |_| {}).unwrap();
    free.disclose(Side::Seller, soon()).unwrap();
    free.disclose(Side::Winner, soon()).unwrap();
    let refused = free.act(Side::Seller, soon(), Body::Withdraw(Empty {}));
    assert_eq!(refused, Err(Code::VerbPhase));
}

#[test]
fn v060_a_reveal_room_is_verified_offline_like_any_other() {
    let mut two = two();
    two.disclose(Side::Seller, soon()).unwrap();
    two.disclose(Side::Winner, soon()).unwrap();
    let room = verify::log(two.table.lines(), &two.table.head()).unwrap();
    assert!(RevealRoom::of(&room).is_some_and(RevealRoom::complete));
    let shown = verify::receipt(&two.table.receipt(2)).unwrap();
    assert_eq!((shown.verb.as_str(), shown.size), ("disclose", 3));
    let head = Head { origin: two.table.origin(), size: 3, root: two.table.tree().root() };
    assert_eq!(two.table.head().lines().next(), Some(head.origin.to_string().as_str()));
}

/// What the auction is to record of a room that ends by `end`, and the log right after that.
fn concluded<T: std::fmt::Debug>(
    end: impl FnOnce(&mut Two) -> Result<T, Code>,
) -> (Conclusion, Two, Seen) {
    let mut two = try_open(true, |_| {}).unwrap();
    assert_eq!(two.table.reveal().conclusion(), None);
    end(&mut two).unwrap();
    let ending = two.table.room.ledger().head();
    (two.table.reveal().conclusion().unwrap(), two, ending)
}

#[test]
fn v145_each_end_of_a_reveal_room_means_one_thing_for_its_auction() {
    let absent =
        |seller, winner| concluded(move |two| two.absent(past_deadline(), seller, winner)).0;
    assert_eq!(absent(true, false).verdict, Verdict::Abandoned);
    assert_eq!(absent(true, true).verdict, Verdict::Abandoned);
    assert_eq!(absent(false, true).verdict, Verdict::Forfeited);
    for side in [Side::Seller, Side::Winner] {
        let (withdrawn, ..) = concluded(|two| two.act(side, soon(), Body::Withdraw(Empty {})));
        assert_eq!(withdrawn.verdict, Verdict::Withdrawn(side));
    }
    let (revealed, ..) = concluded(|two| {
        two.disclose(Side::Seller, soon()).unwrap();
        assert_eq!(two.table.reveal().conclusion(), None, "half a pair ends nothing");
        two.disclose(Side::Winner, soon())
    });
    assert_eq!(revealed.verdict, Verdict::Revealed);
}

#[test]
fn v145_the_hash_is_of_the_room_and_of_its_log_right_after_the_end() {
    let (conclusion, two, ending) = concluded(|two| two.absent(past_deadline(), true, false));
    let name = two.table.name();
    assert_eq!(ending.size, 2);
    assert_eq!(conclusion.outcome, outcome(name, ending));
    let bytes = [b"pregao/outcome/v1", &name.0[..], &2_u64.to_be_bytes(), &ending.root.0].concat();
    let expected: [u8; 32] = Sha256::digest(bytes).into();
    assert_eq!(conclusion.outcome.0, expected);
    let other = RoomName([1; 32]);
    assert_ne!(outcome(other, ending), conclusion.outcome);
    assert_ne!(outcome(name, Seen { size: 3, ..ending }), conclusion.outcome);
}

#[test]
fn v061_the_opening_alone_says_who_does_what_in_a_reveal_room_and_when() {
    let mut two = two();
    let opening = two.table.opening.clone();
    let alone = |entry: &Stamped| opening.action().body().judge_alone(entry);
    let own = two.winner.own(999);
    let action = two.table.sign(&two.winner, &own, Body::Disclose(sealed(1)));
    let stranger = two.table.tsa.stamp(action, soon());
    assert_eq!(alone(&stranger), Err(Code::VerbAuthor));
    for side in [Side::Seller, Side::Winner] {
        let said = two.act_at(side, soon(), Body::Say(Say { text: text("hello") }));
        assert_eq!(alone(&said), Err(Code::VerbKind));
        let withdrawn = two.act_at(side, soon(), Body::Withdraw(Empty {}));
        assert_eq!(alone(&withdrawn), Err(Code::WithdrawForbidden));
        let mut free = try_open(true, |_| {}).unwrap();
        let withdrawn = free.act_at(side, soon(), Body::Withdraw(Empty {}));
        assert_eq!(free.table.opening.action().body().judge_alone(&withdrawn), Ok(()));
    }
    for (time, disclosed, absent) in [
        (deadline(), Ok(()), Err(Code::AbsentWrong)),
        (past_deadline(), Err(Code::DiscloseLate), Ok(())),
    ] {
        for side in [Side::Seller, Side::Winner] {
            let entry = two.act_at(side, time, Body::Disclose(sealed(1)));
            assert_eq!(alone(&entry), disclosed, "{time}");
        }
        for (seller, winner) in [(false, true), (true, false), (true, true)] {
            let entry = two.table.broker_at(time, Body::Absent(Absent { seller, winner }));
            assert_eq!(alone(&entry), absent, "{time} {seller} {winner}");
        }
        let nobody = Body::Absent(Absent { seller: false, winner: false });
        let nobody = two.table.broker_at(time, nobody);
        assert_eq!(alone(&nobody), Err(Code::AbsentWrong), "{time}");
    }
}

#[test]
fn a_broker_opens_reveal_rooms_and_a_seller_auctions() {
    assert!(two().table.room.ledger().is_opened_by_broker());
    assert!(!Table::auction().room.ledger().is_opened_by_broker());
}

/// A broker holds a disclosure back until it has both: that it holds this side's already nobody else sees.
#[test]
fn of_a_second_disclosure_the_broker_alone_knows() {
    let two = two();
    let disclose = Body::Disclose(sealed(1));
    let beyond = |code, body: &Body| two.table.room.beyond_the_log(code, body);
    assert_eq!(beyond(Code::DiscloseTwice, &disclose), Some(Beyond::Word));
    assert_eq!(beyond(Code::DiscloseTwice, &Body::Withdraw(Empty {})), None);
    assert_eq!(beyond(Code::DiscloseLate, &disclose), None);
}
