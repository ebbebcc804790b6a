//! Who may bid under which paddle, and what a rule knows of it.

use proptest::prelude::*;

use super::verbs::{Paddle, PaddleName, SameAuthor};
use super::*;
use crate::room::Stamped;
use crate::room::body::{Bid, Body};
use crate::room::fixture::{Author, END, Own, SECOND, Table, amount, at, eur, seal_key};
use crate::trust::persona::Ratio;

fn name(name: &str) -> PaddleName {
    name.parse().unwrap()
}

fn first(of: &str) -> Paddle {
    Paddle { name: name(of), earlier: None }
}

fn again(of: &str, seq: u64, ratio: Ratio) -> Paddle {
    Paddle { name: name(of), earlier: Some(SameAuthor { seq, ratio }) }
}

/// Signs and stamps a bid of one second after the listing.
fn made(table: &mut Table, author: &Author, own: &Own, minor: u64, paddle: Paddle) -> Stamped {
    let bid =
        Bid { amount: amount(minor), currency: eur(), seal: seal_key(91), paddle: Some(paddle) };
    let action = table.sign(author, own, Body::Bid(bid));
    table.tsa.stamp(action, at(SECOND))
}

/// The same, handed in.
fn bid(
    table: &mut Table,
    author: &Author,
    own: &Own,
    minor: u64,
    paddle: Paddle,
) -> Result<u64, Code> {
    let made = made(table, author, own, minor, paddle);
    table.submit(&made)
}

/// An auction in which somebody bid twice under paddle 17, as entries 1 and 3, another once under none, as entry 2, and
/// a third once under `hat`, as entry 4.
struct Scene {
    table: Table,
    holder: Author,
    owns: [Own; 2],
    hat: (Author, Own),
}

fn scene() -> Scene {
    let mut table = Table::auction();
    let (holder, hat) = (Author::new(120), Author::new(130));
    let owns = [table.fresh(&holder), table.fresh(&holder)];
    assert_eq!(bid(&mut table, &holder, &owns[0], 1_000, first("17")), Ok(1));
    table.bid(at(SECOND), 1_100).unwrap();
    let ratio = holder.ratio(&owns[0], &owns[1]);
    assert_eq!(bid(&mut table, &holder, &owns[1], 1_200, again("17", 1, ratio)), Ok(3));
    let own = table.fresh(&hat);
    assert_eq!(bid(&mut table, &hat, &own, 1_300, first("hat")), Ok(4));
    Scene { table, holder, owns, hat: (hat, own) }
}

#[test]
fn v200_a_paddle_is_a_short_name_in_which_nothing_looks_like_something_else() {
    for good in ["1", "17", "blue-hat", "-", "abcdefghijklmnop"] {
        assert_eq!(good.parse::<PaddleName>().unwrap().to_string(), good);
    }
    let bad = ["", "A", "é", "1 7", "17\n", "a_b", "abcdefghijklmnopq", "\u{ff11}\u{ff17}", "a.b"];
    for bad in bad {
        assert!(bad.parse::<PaddleName>().is_err(), "{bad:?}");
    }
}

#[test]
fn v200_whoever_bids_first_under_a_paddle_holds_it() {
    let Scene { mut table, .. } = scene();
    let under: Vec<_> = table.fold().paddles().map(|(name, bids)| (name.as_str(), bids)).collect();
    assert_eq!(under, [("17", &[1, 3][..]), ("hat", &[4][..])]);
    assert_eq!(table.fold().paddle_of(3), Some(&name("17")));
    assert_eq!(table.fold().paddle_of(2), None);
    // Somebody else, and the same name in another auction.
    let rival = Author::new(140);
    let own = table.fresh(&rival);
    assert_eq!(bid(&mut table, &rival, &own, 1_400, first("17")), Err(Code::BidPaddle));
    let mut other = Table::list(|listing| listing.increment = amount(1)).unwrap();
    assert_eq!(bid(&mut other, &rival, &own, 1_400, first("17")), Ok(1));
}

#[test]
fn v200_a_paddle_that_nobody_holds_is_not_shown_to_be_held() {
    let Scene { mut table, holder, owns, .. } = scene();
    let own = table.fresh(&holder);
    let ratio = holder.ratio(&owns[0], &own);
    assert_eq!(bid(&mut table, &holder, &own, 1_400, again("18", 1, ratio)), Err(Code::BidPaddle));
    assert_eq!(bid(&mut table, &holder, &own, 1_400, first("18")), Ok(5));
}

#[test]
fn v201_a_later_bid_names_any_earlier_one_under_its_paddle() {
    for (at, seq) in [(0, 1), (1, 3)] {
        let Scene { mut table, holder, owns, .. } = scene();
        let own = table.fresh(&holder);
        let ratio = holder.ratio(&owns[at], &own);
        assert_eq!(bid(&mut table, &holder, &own, 1_400, again("17", seq, ratio)), Ok(5));
        assert_eq!(table.fold().under(&name("17")), [1, 3, 5]);
    }
}

#[test]
fn v201_a_bid_is_under_no_paddle_whose_holder_it_is_not_shown_to_be_by() {
    type Change = fn(&Scene, &Own) -> Paddle;
    let wrong: [(&str, Change); 8] = [
        ("nothing is shown", |_, _| first("17")),
        ("a bid that is not there", |scene, own| {
            again("17", 9, scene.holder.ratio(&scene.owns[0], own))
        }),
        ("the listing", |scene, own| again("17", 0, scene.holder.ratio(&scene.owns[0], own))),
        ("a bid under none", |scene, own| again("17", 2, scene.holder.ratio(&scene.owns[0], own))),
        ("a bid under another", |scene, own| again("17", 4, scene.hat.0.ratio(&scene.hat.1, own))),
        ("the ratio of another of its bids", |scene, own| {
            again("17", 3, scene.holder.ratio(&scene.owns[0], own))
        }),
        ("the ratio the other way round", |scene, own| {
            again("17", 1, scene.holder.ratio(own, &scene.owns[0]))
        }),
        ("under another's", |scene, own| again("hat", 4, scene.holder.ratio(&scene.owns[0], own))),
    ];
    for (what, change) in wrong {
        let mut scene = scene();
        let own = scene.table.fresh(&scene.holder);
        let paddle = change(&scene, &own);
        let judged = bid(&mut scene.table, &scene.holder, &own, 1_400, paddle);
        assert_eq!(judged, Err(Code::BidPaddle), "{what}");
    }
}

#[test]
fn v201_nobody_bids_under_the_paddle_of_somebody_else() {
    // The broker knows every blind and could make any ratio of one persona's keys; an accomplice has another persona.
    let Scene { mut table, holder, owns, hat: (other, _) } = scene();
    let own = table.fresh(&other);
    let copied = holder.ratio(&owns[0], &owns[1]);
    for ratio in [copied, other.ratio(&owns[0], &own), holder.ratio(&owns[0], &own)] {
        let judged = bid(&mut table, &other, &own, 1_400, again("17", 1, ratio));
        assert_eq!(judged, Err(Code::BidPaddle));
    }
}

#[test]
fn v201_what_is_wrong_with_the_bid_itself_is_said_first() {
    let Scene { mut table, holder, .. } = scene();
    let own = table.fresh(&holder);
    assert_eq!(bid(&mut table, &holder, &own, 1_300, first("17")), Err(Code::BidTooLow));
    assert_eq!(bid(&mut table, &holder, &own, 1_400, first("17")), Err(Code::BidPaddle));
}

#[test]
fn v201_a_forfeited_bid_still_shows_whose_the_paddle_is() {
    let Scene { table, .. } = scene();
    assert!(table.fold().bid_key(1).is_some());
    assert_eq!(table.fold().bid_key(0), None, "the listing is no bid");
}

#[test]
fn v201_a_rule_knows_how_many_bids_were_made_under_a_paddle() {
    let mut table = Table::list(|listing| {
        listing.rule = Some("if paddle_bids >= 2 { \"Two are enough.\" } else { true }".to_owned());
    })
    .unwrap();
    let holder = Author::new(120);
    let owns: Vec<Own> = (0..3).map(|_| table.fresh(&holder)).collect();
    assert_eq!(bid(&mut table, &holder, &owns[0], 1_000, first("17")), Ok(1));
    let ratio = holder.ratio(&owns[0], &owns[1]);
    assert_eq!(bid(&mut table, &holder, &owns[1], 1_100, again("17", 1, ratio)), Ok(2));
    let ratio = holder.ratio(&owns[0], &owns[2]);
    let third = bid(&mut table, &holder, &owns[2], 1_200, again("17", 1, ratio));
    assert_eq!(third, Err(Code::BidRule));
    let fold = table.fold();
    let counted =
        |paddle: Option<&PaddleName>| fold.state(amount(1_200), at(SECOND), paddle).paddle_bids;
    assert_eq!((counted(Some(&name("17"))), counted(Some(&name("18"))), counted(None)), (2, 0, 0));
    // Under none, or another, it is another bidder as far as the rule can tell.
    assert_eq!(bid(&mut table, &holder, &owns[2], 1_200, first("18")), Ok(3));
}

#[test]
fn v202_a_listing_allows_each_bidder_one_to_thirty_two_bids() {
    let list = |bids| Table::list(|terms| terms.bids_each = bids).map(drop);
    for good in [None, Some(1), Some(MAX_BIDS)] {
        assert_eq!(list(good), Ok(()), "{good:?}");
    }
    for bad in [0, MAX_BIDS + 1, u32::MAX] {
        assert_eq!(list(Some(bad)), Err(Code::ListingTerms), "{bad}");
    }
}

#[test]
fn v202_the_log_does_not_say_who_made_too_many() {
    let mut table = Table::list(|terms| terms.bids_each = Some(1)).unwrap();
    let bidder = Author::new(120);
    table.bid_by(&bidder, at(SECOND), 1_000);
    // Whose bids these are only the broker knows: the fold takes both.
    table.bid_by(&bidder, at(SECOND), 1_100);
    table.close(at(END)).unwrap();
}

proptest! {
    /// Whatever is tried under two paddles, all bids under one are by who took it.
    #[test]
    fn every_bid_under_a_paddle_is_by_one_author(
        tries in prop::collection::vec((0..3_usize, 0..2_usize, any::<bool>(), 0..8_u64), 1..12)
    ) {
        let mut table = Table::auction();
        let authors = [Author::new(120), Author::new(130), Author::new(140)];
        let mut logged: Vec<(usize, Own)> = Vec::new();
        for (step, (who, which, shows, seq)) in (0_u64..).zip(tries) {
            let paddle = name(["17", "hat"][which]);
            let own = table.fresh(&authors[who]);
            let shown = usize::try_from(seq).ok().and_then(|seq| logged.get(seq.checked_sub(1)?));
            let earlier = shown.filter(|_| shows).map(|(_, earlier)| {
                SameAuthor { seq, ratio: authors[who].ratio(earlier, &own) }
            });
            let minor = 1_000 + step * 100;
            let judged = bid(&mut table, &authors[who], &own, minor, Paddle { name: paddle, earlier });
            match judged {
                Ok(_) => logged.push((who, own)),
                Err(code) => {
                    prop_assert_eq!(code, Code::BidPaddle);
                    // The amounts go on rising, so that the next one fails for its paddle alone.
                    table.bid(at(SECOND), minor).unwrap();
                    logged.push((9, own));
                }
            }
        }
        for (paddle, bids) in table.fold().paddles() {
            let by: Vec<usize> =
                bids.iter().map(|seq| logged[usize::try_from(*seq).unwrap() - 1].0).collect();
            prop_assert!(by.iter().all(|who| *who == by[0]), "{paddle}: {by:?}");
        }
    }
}
