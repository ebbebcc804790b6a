//! What absence costs whom, and what is known of a reveal that was opened late.

use pregao_protocol::log::Entry;
use pregao_protocol::log::merkle::{Frontier, leaf_hash};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::Outcome;
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use pregao_protocol::trust::persona::Blind;

use super::*;
use crate::fixture::{Cosigner, Made, Person, Stage, Terms, secs};
use crate::store::Log as _;

/// Bids of 100, 110, 120, … in this order, by persons of these numbers; then the end.
async fn auction(bidders: &[u8]) -> (Stage, Person, Made, Vec<(Person, Made)>) {
    let stage = Stage::open().await;
    let ana = stage.person(1);
    let listing = stage.list(&ana, 20).await;
    let mut bids = Vec::new();
    for (amount, number) in (10..).zip(bidders) {
        let author = stage.person(*number);
        // Whoever bids twice draws from one sequence: it goes on where it was.
        for _ in 0..amount {
            let _: [u8; 32] = author.fresh();
        }
        let bid = stage.bids(&author, listing.room(), amount * 10).await;
        bids.push((author, bid));
    }
    stage.until(|stage| !stage.reveals().is_empty()).await;
    (stage, ana, listing, bids)
}

impl Stage {
    /// Lets the deadline of the newest reveal room pass.
    async fn pass_deadline(&self) {
        let deadline = self.reveals().iter().map(|(_, reveal)| reveal.deadline).max().unwrap();
        let wait = deadline.since(self.tsa.now());
        tokio::time::sleep(wait + secs(4)).await;
    }

    fn forfeited(&self, room: RoomName) -> Vec<Forfeited> {
        let entries = self.store.sound().read(&room, 0, 99).unwrap();
        let body = |text: &str| {
            let action = Action::parse(&Entry::parse(text).unwrap().action).unwrap();
            if let Body::Forfeited(body) = action.body() { Some(body.clone()) } else { None }
        };
        entries.iter().filter_map(|entry| body(&entry.text)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_winner_forfeits_every_bid_of_their_persona_and_of_nobody_else() {
    let (stage, ana, listing, bids) = auction(&[2, 3, 2, 4, 2]).await;
    let room = listing.room();
    let (private, opening) = stage.reveals().pop().unwrap();
    let seen = stage.seen(private);
    let disclosed = ana.disclosure(stage.shared(), private, &opening, &listing, seen);
    assert_eq!(stage.act(&ana, &disclosed).await.code(), "held");
    stage.pass_deadline().await;
    let [forfeited] = <[_; 1]>::try_from(stage.forfeited(room)).unwrap();
    assert_eq!(forfeited.winner, 5);
    let others: Vec<u64> = forfeited.others.iter().map(|other| other.seq).collect();
    assert_eq!(others, [1, 3], "by rising position");
    let key = |at: usize| bids[at].1.action.key();
    for (other, at) in forfeited.others.iter().zip([0, 2]) {
        other.ratio.verify(key(4), key(at)).unwrap();
        assert!(other.ratio.verify(key(4), key(1)).is_err());
    }
    // The next one wins at their own price, and was told of it.
    let auction = stage.auction(room);
    let winner = auction.winner().unwrap();
    assert_eq!((winner.seq, winner.amount.minor()), (4, 130));
    let (_, second) = stage.reveals().pop().unwrap();
    assert_eq!((stage.reveals().len(), second.winner, second.withdrawal), (2, *key(3), true));
    assert!(!opening.withdrawal && second.settled > opening.settled);
    let persona = bids[3].0.key.public().fingerprint();
    let (session, _frames) = tokio::sync::mpsc::unbounded_channel();
    assert_eq!(stage.shared().presence.register(persona, session).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_absent_seller_costs_no_bidder_anything_whether_or_not_the_winner_came() {
    for came in [true, false] {
        let (stage, _, listing, bids) = auction(&[2, 3]).await;
        let room = listing.room();
        if came {
            let (private, opening) = stage.reveals().pop().unwrap();
            let (rui, bid) = &bids[1];
            let seen = stage.seen(private);
            let disclosed = rui.disclosure(stage.shared(), private, &opening, bid, seen);
            assert_eq!(stage.act(rui, &disclosed).await.code(), "held");
        }
        stage.pass_deadline().await;
        let auction = stage.auction(room);
        assert_eq!(auction.phase(), Phase::Ended(Outcome::Abandoned));
        assert!(auction.bids().iter().all(|bid| !bid.forfeited));
        assert_eq!(
            stage.shared().authors.of(room).await.unwrap(),
            None,
            "nobody is known any more"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn when_every_bidder_was_absent_the_item_is_unsold() {
    let (stage, ana, listing, _) = auction(&[2, 3]).await;
    for round in 1..=2 {
        assert_eq!(stage.reveals().len(), round);
        let (private, opening) = stage.reveals().pop().unwrap();
        let seen = stage.seen(private);
        let disclosed = ana.disclosure(stage.shared(), private, &opening, &listing, seen);
        assert_eq!(stage.act(&ana, &disclosed).await.code(), "held");
        stage.pass_deadline().await;
    }
    let auction = stage.auction(listing.room());
    assert_eq!(auction.phase(), Phase::Ended(Outcome::Unsold));
    let winners: Vec<u64> = stage.forfeited(listing.room()).iter().map(|one| one.winner).collect();
    assert_eq!(winners, [2, 1]);
    tokio::time::sleep(secs(300)).await;
    assert_eq!(stage.reveals().len(), 2, "no third round");
}

#[tokio::test(start_paused = true)]
async fn whoever_wins_second_hand_may_withdraw_and_that_ends_the_auction() {
    let (stage, ana, listing, bids) = auction(&[2, 3]).await;
    let room = listing.room();
    let (private, opening) = stage.reveals().pop().unwrap();
    let (eva, bid) = &bids[1];
    let refused = eva.withdrawal(stage.shared(), private, bid, stage.seen(private));
    assert_eq!(stage.act(eva, &refused).await.code(), "withdraw.forbidden", "the first may not");
    let seen = stage.seen(private);
    let disclosed = ana.disclosure(stage.shared(), private, &opening, &listing, seen);
    stage.act(&ana, &disclosed).await;
    stage.pass_deadline().await;
    let (second, _) = stage.reveals().pop().unwrap();
    let (rui, bid) = &bids[0];
    let withdrawn = rui.withdrawal(stage.shared(), second, bid, stage.seen(second));
    assert_eq!(stage.act(rui, &withdrawn).await.seq(), Some(1));
    tokio::time::sleep(secs(2)).await;
    let outcome = Outcome::Withdrawn(pregao_protocol::room::body::Side::Winner);
    assert_eq!(stage.auction(room).phase(), Phase::Ended(outcome));
    // Over is over: the seller who comes now finds nothing to do.
    let late = ana.withdrawal(stage.shared(), second, &listing, stage.seen(second));
    assert_eq!(stage.act(&ana, &late).await.code(), "verb.phase");
}

#[tokio::test(start_paused = true)]
async fn a_reveal_room_that_is_opened_late_gives_the_two_their_full_time() {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let terms = Terms { disclose_within: 300, ..Terms::until(stage.tsa.now().plus(secs(20))) };
    let room = stage.list_with(&ana, &terms).await.room();
    stage.bids(&rui, room, 100).await;
    stage.break_after("settled");
    tokio::time::sleep(secs(300)).await;
    assert!(stage.reveals().is_empty() && stage.verbs(room).ends_with(&["settled"]));
    let mended = stage.tsa.now();
    stage.store.witness(|_| ());
    stage.store.break_down(false);
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let (_, opening) = stage.reveals().pop().unwrap();
    assert!(opening.deadline >= mended.plus(secs(300)));
    assert!(opening.deadline <= stage.tsa.now().plus(secs(300)));
}

#[tokio::test(start_paused = true)]
async fn a_reveal_room_names_the_log_as_it_was_at_the_settlement_though_it_has_grown_since() {
    let stage = Stage::open().await;
    let (ana, rui) = (stage.person(1), stage.person(2));
    let room = stage.list(&ana, 20).await.room();
    stage.bids(&rui, room, 100).await;
    stage.break_after("settled");
    tokio::time::sleep(secs(25)).await;
    stage.store.witness(|_| ());
    // Before the room tries again, somebody says something.
    stage.store.break_down(false);
    let remark = rui.say(stage.shared(), room, "Well?", stage.seen(room));
    assert_eq!(stage.act(&rui, &remark).await.seq(), Some(4));
    assert!(stage.reveals().is_empty());
    stage.until(|stage| !stage.reveals().is_empty()).await;
    let (_, opening) = stage.reveals().pop().unwrap();
    let mut then = Frontier::default();
    for entry in stage.store.sound().read(&room, 0, 4).unwrap() {
        then.push(leaf_hash(entry.text.as_bytes()));
    }
    assert_eq!((opening.settled, opening.root), (3, then.root()));
}

#[tokio::test(start_paused = true)]
async fn an_auction_is_due_at_its_end_then_at_once_and_while_its_reveal_goes_on_never() {
    let (stage, _, listing, _) = auction(&[2]).await;
    let auction = stage.auction(listing.room());
    let Phase::Settled { seq, .. } = auction.phase() else { panic!("settled") };
    let room = RoomName([1; 32]);
    let opened = |settled, invited, end| {
        let reveal = Some(RevealOpened { settled, room, invited, end });
        AuctionPolicy { reveal, ..AuctionPolicy::default() }.due(&auction)
    };
    let at_once = Some(Time::default());
    assert_eq!(AuctionPolicy::default().due(&auction), at_once, "there is none to wait for");
    assert_eq!(opened(seq, true, None), None);
    assert_eq!(opened(seq, false, None), at_once, "not invited");
    let revealed = Conclusion { verdict: Verdict::Revealed, outcome: Digest([1; 32]) };
    assert_eq!(opened(seq, true, Some(revealed)), at_once);
    assert_eq!(opened(seq - 1, true, None), at_once, "that of an earlier round");
}

/// An auction that is closed, with a witness whose word has not come.
async fn waiting() -> (Stage, std::sync::Arc<Cosigner>, RoomName, Auction) {
    let cosigner = Cosigner::new(1, 1);
    cosigner.conduct(|conduct| conduct.reachable = false);
    let stage = Stage::witnessed(&[std::sync::Arc::clone(&cosigner)]).await;
    let room = stage.list(&stage.person(1), 20).await.room();
    stage.bids(&stage.person(2), room, 100).await;
    stage.until(|stage| stage.store.sound().head(&room).unwrap().size == 3).await;
    let auction = stage.auction(room);
    (stage, cosigner, room, auction)
}

const MICROSECOND: Duration = Duration::from_micros(1);

#[tokio::test(start_paused = true)]
async fn without_a_date_the_winner_is_named_when_no_answer_can_be_on_its_way() {
    let (_stage, _, _, auction) = waiting().await;
    let limit = auction.public_by().unwrap().plus(ON_ITS_WAY);
    let mut policy = AuctionPolicy::default();
    assert_eq!(policy.due(&auction), Some(limit.plus(MICROSECOND)));
    assert!(matches!(policy.settle(&auction, limit), Step::Idle));
    // Asked only now, as by a broker that has just started: it is given its time.
    let later = limit.plus(MICROSECOND);
    let Step::Wait(until) = policy.settle(&auction, later) else { panic!("it waits") };
    assert_eq!(until, Instant::now() + ASKED_WITHIN);
    tokio::time::sleep(ASKED_WITHIN - Duration::from_millis(1)).await;
    assert!(matches!(policy.settle(&auction, later), Step::Wait(_)));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(matches!(policy.settle(&auction, limit), Step::Idle));
    let Step::Append(body) = policy.settle(&auction, later) else { panic!("it settles") };
    let Body::Settled(Settled { winner, cosigned, .. }) = *body else { panic!("settled") };
    assert_eq!((winner, cosigned), (Some(1), vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_earliest_date_counts_and_one_in_time_is_not_waited_with() {
    let (_stage, _, _, auction) = waiting().await;
    let (closing, key) = (auction.closing().unwrap().head, SecretKey::from_seed(&[201; 32]));
    let limit = auction.public_by().unwrap().as_micros().div_ceil(1_000_000);
    let dated = |policy: &mut AuctionPolicy, head: &Head, time| {
        policy.dated(&auction, Cosignature::sign(head, time, &key));
    };
    let time = |policy: &AuctionPolicy| policy.dated.first().map(|dated| dated.time);
    let mut policy = AuctionPolicy::default();
    // Of another head, and by nobody who is named.
    dated(&mut policy, &Head { size: 2, ..closing }, limit);
    policy.dated(&auction, Cosignature::sign(&closing, limit, &SecretKey::from_seed(&[7; 32])));
    assert_eq!(time(&policy), None);
    dated(&mut policy, &closing, limit + 1);
    assert!(policy.due(&auction) > auction.public_by(), "it is late");
    for (given, kept) in [(limit + 2, limit + 1), (limit, limit), (limit + 1, limit)] {
        dated(&mut policy, &closing, given);
        assert_eq!(time(&policy), Some(kept));
    }
    assert_eq!(policy.due(&auction), Some(Time::default()));
    let Step::Append(body) = policy.settle(&auction, Time::default()) else { panic!("at once") };
    let Body::Settled(settled) = *body else { panic!("settled") };
    assert_eq!(settled.cosigned[0].time, limit);
}

/// With sealed bids a later one need not be higher.
#[test]
fn the_highest_bids_are_forfeited_first_and_named_in_the_order_of_the_log() {
    let ratio = Ratio::between(
        (&Blind::from_random([1; 32]), &context_of(1)),
        (&Blind::from_random([2; 32]), &context_of(2)),
    );
    let bids = [(1, 300), (2, 900), (4, 100), (5, 500)]
        .map(|(seq, minor)| (Amount::try_from(minor).unwrap(), ForfeitedBid { seq, ratio }));
    let kept = |most| highest(bids.to_vec(), most).iter().map(|bid| bid.seq).collect::<Vec<_>>();
    assert_eq!(kept(0), [0; 0]);
    assert_eq!(kept(2), [2, 5]);
    assert_eq!(kept(3), [1, 2, 5]);
    assert_eq!(kept(9), [1, 2, 4, 5]);
}

fn context_of(seed: u8) -> BlindContext {
    let broker = Fingerprint([seed; 32]);
    let persona = SecretKey::<Persona>::from_seed(&[seed; 32]).public();
    BlindContext { broker, action: uuid::Uuid::nil(), persona }
}
