//! Puzzles through the real programs: asked for under load, solved by people, and nothing else is looked at.

use pregao_protocol::room::Undecided;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::puzzle::{Puzzle, Solution};
use pregao_tests::house::{House, Options, holds};
use pregao_tests::peer::{Made, Peer, Terms};

use super::{guest, open, person};

/// Hands in a bid with this solution, and gives the code of the answer.
async fn hand_in(peer: &mut Peer, made: &Made, solution: Option<Solution>) -> String {
    let stamp = peer.stamp(made).await.unwrap();
    let (action, blind) = (made.action.compact().to_owned(), made.blind.clone());
    let n = peer.ask(|n| FromPeer::Submit { n, action, stamp, blind, solution }).await.unwrap();
    let answer = peer.answer(n).await.unwrap();
    peer.read_answer(answer).unwrap().code().to_owned()
}

/// Hands in garbage until the broker asks for work.
async fn flood(peer: &mut Peer, made: &Made) {
    let stamp = peer.stamp(made).await.unwrap();
    for _ in 0..40 {
        let (action, blind) = (format!("{}x", made.action.compact()), made.blind.clone());
        let stamp = stamp.clone();
        let frame = |n| FromPeer::Submit { n, action, stamp, blind, solution: None };
        let n = peer.ask(frame).await.unwrap();
        peer.answer(n).await.unwrap();
        if !peer.effort.is_none() {
            return;
        }
    }
    panic!("forty broken actions and no puzzle");
}

async fn auction(house: &House) -> (Peer, pregao_protocol::log::RoomName) {
    let mut seller = guest(house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    (seller, room)
}

fn checked(house: &House) -> u64 {
    house.broker.metric("checked").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn v194_who_floods_is_asked_for_puzzles_and_everybody_else_bids_on() {
    let house = open();
    let (mut seller, room) = auction(&house).await;
    let attacker = person(&house).await;
    let mut first = Peer::connect(&attacker, &house.broker.address).await.unwrap();
    first.join(room).await.unwrap();
    let bid = first.make_bid(room, 1_000).unwrap();
    flood(&mut first, &bid).await;
    // A persona is allowed a little more than one session, and no more than that.
    let mut next = Peer::connect(&attacker, &house.broker.address).await.unwrap();
    flood(&mut next, &bid).await;
    // Another session of the same persona hears it at once, too, and without a solution nothing of it is checked.
    let mut second = Peer::connect(&attacker, &house.broker.address).await.unwrap();
    second.until(|peer| (!peer.effort.is_none()).then_some(())).await.unwrap();
    second.join(room).await.unwrap();
    let bid = second.make_bid(room, 1_000).unwrap();
    let before = checked(&house);
    assert_eq!(hand_in(&mut second, &bid, None).await, "puzzle.wanted");
    assert_eq!(checked(&house), before);
    assert!(house.broker.metric("unsolved").unwrap() > 0);
    // Solved, it counts; and nobody else is asked for anything.
    second.act(&bid).await.unwrap().logged().unwrap();
    let mut honest = guest(&house).await;
    honest.join(room).await.unwrap();
    honest.bid(room, 2_000).await.unwrap().1.logged().unwrap();
    seller.pump().await.unwrap();
    assert!(honest.effort.is_none() && seller.effort.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn v190_v191_v193_a_solution_for_something_else_or_used_before_is_none() {
    let house = open();
    let (_seller, room) = auction(&house).await;
    let attacker = person(&house).await;
    let mut peer = Peer::connect(&attacker, &house.broker.address).await.unwrap();
    peer.join(room).await.unwrap();
    let bid = peer.make_bid(room, 1_000).unwrap();
    flood(&mut peer, &bid).await;
    let tick = peer.until(|peer| peer.tick).await.unwrap();
    let right = Puzzle::of_submission(peer.pin, peer.session, bid.action.compact(), tick);
    let effort = peer.effort;
    let solved = |puzzle: Puzzle| {
        let counter = puzzle.solve(effort, 0..u64::MAX).unwrap();
        Solution { header: puzzle.header, counter }
    };
    // Of two solutions by chance one may do for another puzzle, too: that is none of these.
    let weak = (0..u64::MAX).find(|counter| !right.is_solved_by(*counter, effort)).unwrap();
    let other = Digest([9; 32]);
    let before = checked(&house);
    for wrong in [
        Solution { header: tick, counter: weak },
        Solution { counter: solved(Puzzle { binding: other, ..right }).counter, header: tick },
        Solution { counter: solved(Puzzle { digest: other, ..right }).counter, header: tick },
        Solution {
            counter: solved(Puzzle { room: pregao_protocol::log::RoomName([9; 32]), ..right })
                .counter,
            header: tick,
        },
        // Solved for a header that the broker never sent, and for none.
        solved(Puzzle { header: other, ..right }),
    ] {
        if right.is_solved_by(wrong.counter, effort) && wrong.header == tick {
            continue;
        }
        assert_eq!(hand_in(&mut peer, &bid, Some(wrong)).await, "puzzle.wanted");
    }
    assert_eq!(checked(&house), before);
    // What was asked for may have changed meanwhile; what is good is good once.
    let mut good = None;
    for _ in 0..8 {
        let solution = peer.solve(bid.action.compact()).await.unwrap().unwrap();
        if hand_in(&mut peer, &bid, Some(solution)).await == "receipt" {
            good = Some(solution);
            break;
        }
    }
    let again = hand_in(&mut peer, &bid, good).await;
    assert_eq!(again, Undecided::PUZZLE.code().as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn v197_who_solves_nothing_is_shown_out() {
    let house = open();
    let (_seller, room) = auction(&house).await;
    let mut peer = guest(&house).await;
    peer.join(room).await.unwrap();
    let bid = peer.make_bid(room, 1_000).unwrap();
    flood(&mut peer, &bid).await;
    let mut sent = 0;
    while peer.errors.is_empty() {
        let stamp = peer.stamp(&bid).await;
        let Ok(stamp) = stamp else { break };
        let (action, blind) = (bid.action.compact().to_owned(), bid.blind.clone());
        let frame = |n| FromPeer::Submit { n, action, stamp, blind, solution: None };
        let Ok(n) = peer.ask(frame).await else { break };
        match peer.answer(n).await {
            Ok(FromBroker::Failed { code, .. }) => {
                assert!(["puzzle.wanted", "door.rate"].contains(&code.as_str()), "{code}");
            }
            _ => break,
        }
        sent += 1;
        assert!(sent < 1_000, "it goes on for ever");
    }
    assert!(sent >= 60, "after {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn v195_many_handshakes_that_fail_have_the_next_solve_a_puzzle_and_people_come_in() {
    let house = open();
    let attacker = person(&house).await;
    let unsolved = || house.broker.metric("handshake_effort").unwrap() == 0;
    let mut rounds = 0;
    while unsolved() {
        let one = || {
            let (attacker, broker) = (attacker.clone(), house.broker.address.clone());
            tokio::spawn(async move { Peer::with_ticket(&attacker, &broker, "no.ticket").await })
        };
        for failed in (0..32).map(|_| one()).collect::<Vec<_>>() {
            assert!(failed.await.unwrap().is_err());
        }
        rounds += 1;
        assert!(rounds < 200, "no puzzle after {rounds} times 32 handshakes");
    }
    // The real way in solves it.
    let mut honest = guest(&house).await;
    honest.now().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_told_so_never_asks() {
    let house = House::open(&Options::default().broker("--max-effort 0")).unwrap();
    let (_seller, room) = auction(&house).await;
    let mut peer = guest(&house).await;
    peer.join(room).await.unwrap();
    let bid = peer.make_bid(room, 1_000).unwrap();
    let stamp = peer.stamp(&bid).await.unwrap();
    for _ in 0..60 {
        let (action, blind) = (format!("{}x", bid.action.compact()), bid.blind.clone());
        let stamp = stamp.clone();
        let frame = |n| FromPeer::Submit { n, action, stamp, blind, solution: None };
        let n = peer.ask(frame).await.unwrap();
        peer.answer(n).await.unwrap();
    }
    assert_eq!(hand_in(&mut peer, &bid, None).await, "receipt");
    assert!(peer.effort.is_none());
    holds("no effort", || house.broker.metric("effort").unwrap() == 0).await.unwrap();
}
