//! Any order of good and bad actions: the fold, its replay and a naive auction agree.

use proptest::prelude::*;

use super::Code;
use super::auction::Phase;
use super::fixture::{Author, END, F, SECOND, Table, amount, at, bid};
use crate::audit::verify;
use crate::log::merkle::{Frontier, Tree, leaf_hash};
use crate::room::body::{SoftClose, Step};
use crate::value::clock::Time;

/// The rules of an English auction as one would tell them, over amounts and microseconds.
/// Written without the fold's helpers, so that a slip in one is not a slip in both.
#[derive(Debug, Default)]
struct Naive {
    /// (position, amount, microseconds) of every bid that counted.
    bids: Vec<(u64, u64, u64)>,
    entries: u64,
    newest: u64,
    closed: bool,
    extended: u64,
    /// With larger steps, a largest raise, a price, and a rule.
    rich: bool,
    /// When somebody bought it.
    bought: Option<u64>,
}

/// The price of a rich auction, and the amount from which on its steps are larger.
const PRICE: u64 = 3_000;
const LARGER_FROM: u64 = 1_400;

impl Naive {
    fn end(&self) -> u64 {
        self.bought.unwrap_or_else(|| self.extended.max(END))
    }

    /// Whether it can be bought: no bid was half of the price.
    fn is_for_sale(&self) -> bool {
        self.rich && self.bids.iter().all(|(_, amount, _)| amount + amount < PRICE)
    }

    /// Whether a bid counts: not closed, stamped before the end, not too stale, high enough.
    fn bid(&mut self, amount: u64, micros: u64, soft: Option<(u64, u64)>) -> bool {
        let highest = self.bids.iter().map(|(_, amount, _)| *amount).max();
        let step = |highest: u64| if self.rich && highest >= LARGER_FROM { 150 } else { 100 };
        let least = highest.map_or(1_000, |highest| highest + step(highest));
        let for_sale = self.is_for_sale();
        let most = if self.rich { highest.unwrap_or(1_000) + 250 } else { u64::MAX };
        let counts = !self.closed
            && self.bought.is_none()
            && (amount <= most || for_sale && amount == PRICE)
            && micros < self.end()
            && micros + F >= self.newest
            && amount >= least
            && (!self.rich || self.bids.len() < 3 || amount % 7 != 3)
            && amount < 1 << 53;
        if counts {
            self.bids.push((self.entries, amount, micros));
            self.entries += 1;
            self.newest = self.newest.max(micros);
            if for_sale && amount >= PRICE {
                self.bought = Some(micros);
            } else if let Some((extend, hard)) = soft {
                self.extended = self.extended.max(micros + extend).min(hard);
            }
        }
        counts
    }

    /// Whether a bid was made without an entry that is stamped more than F before it.
    fn misses_too_much(&self, seen: u64, micros: u64) -> bool {
        self.bids.iter().any(|(seq, _, stamp)| *seq >= seen && stamp + F < micros)
    }

    fn close(&mut self, micros: u64) -> bool {
        let closes = !self.closed && micros >= self.end();
        if closes {
            self.closed = true;
            self.entries += 1;
            self.newest = self.newest.max(micros);
        }
        closes
    }

    fn winner(&self) -> Option<(u64, u64)> {
        self.bids
            .iter()
            .max_by_key(|(_, amount, _)| *amount)
            .map(|(seq, amount, _)| (*seq, *amount))
    }
}

/// One thing somebody tries.
#[derive(Debug, Clone)]
enum Try {
    /// A bid so much above or below the least one, stamped so long after the last.
    Bid { above: i64, wait: u64 },
    /// A bid that is stamped at once and handed in after so many other things.
    Held { above: i64, hold: usize },
    /// A bid handed in again, as it was.
    Again { which: usize },
    /// A bid of another auction.
    Elsewhere,
    /// A bid of the price, if it has one.
    Buy { wait: u64 },
    /// The close, so long after the last stamp.
    Close { wait: u64 },
    /// A winner named by guessing.
    Settle { seq: u64 },
}

fn waits() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..3 * SECOND,
        2 => Just(F),
        2 => Just(F + 1),
        2 => 50 * SECOND..200 * SECOND,
    ]
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let above = prop_oneof![Just(-1_i64), Just(0), Just(1), -300..300_i64];
    let one = prop_oneof![
        6 => (above.clone(), waits()).prop_map(|(above, wait)| Try::Bid { above, wait }),
        2 => (above, 1..4_usize).prop_map(|(above, hold)| Try::Held { above, hold }),
        1 => any::<usize>().prop_map(|which| Try::Again { which }),
        1 => Just(Try::Elsewhere),
        1 => waits().prop_map(|wait| Try::Buy { wait }),
        1 => waits().prop_map(|wait| Try::Close { wait }),
        1 => (0..9_u64).prop_map(|seq| Try::Settle { seq }),
    ];
    proptest::collection::vec(one, 1..24)
}

struct Game {
    table: Table,
    elsewhere: Table,
    naive: Naive,
    soft: Option<(u64, u64)>,
    now: u64,
    handed_in: Vec<super::Stamped>,
    held: Vec<(usize, u64, u64, super::Stamped)>,
}

impl Game {
    fn new(soft: bool, rich: bool) -> Self {
        let hard_end = END + 60 * SECOND;
        let table = Table::list(|terms| {
            terms.soft = soft.then(|| SoftClose { extend: 30, hard_end: at(hard_end) });
            if rich {
                terms.steps = vec![Step { from: amount(LARGER_FROM), increment: amount(150) }];
                terms.max_raise = Some(amount(250));
                terms.buy_now = Some(amount(PRICE));
                terms.rule = Some("bids < 3 || amount % 7 != 3".to_owned());
            }
        });
        let naive = Naive { entries: 1, rich, ..Naive::default() };
        let elsewhere = Table::list(|terms| terms.grace = 6).unwrap();
        let soft = soft.then_some((30 * SECOND, hard_end));
        let (handed_in, held) = (Vec::new(), Vec::new());
        Self { table: table.unwrap(), elsewhere, naive, soft, now: 0, handed_in, held }
    }

    fn time(&self) -> Time {
        at(self.now)
    }

    fn amount(&self, above: i64) -> u64 {
        let least = self.table.fold().least_bid().unwrap().minor();
        least.saturating_add_signed(above).max(1)
    }

    fn hand_in(&mut self, amount: u64, micros: u64, bid: super::Stamped) {
        let result = self.table.submit(&bid);
        if self.naive.misses_too_much(bid.action().seen().size, micros) {
            assert!(result.is_err(), "{amount} at {micros} misses what is too old to be missed");
            self.handed_in.push(bid);
            return;
        }
        let counted = self.naive.bid(amount, micros, self.soft);
        assert_eq!(result.is_ok(), counted, "{result:?}: {amount} at {micros}");
        self.handed_in.push(bid);
    }

    fn play(&mut self, step: &Try) {
        match step {
            Try::Bid { above, wait } => {
                self.now += wait;
                let amount = self.amount(*above);
                let bid = self.table.bid_at(self.time(), amount);
                self.hand_in(amount, self.now, bid);
            }
            Try::Buy { wait } => {
                self.now += wait;
                let bid = self.table.bid_at(self.time(), PRICE);
                self.hand_in(PRICE, self.now, bid);
            }
            Try::Held { above, hold } => {
                let amount = self.amount(*above) + 100;
                let bid = self.table.bid_at(self.time(), amount);
                self.held.push((*hold, amount, self.now, bid));
            }
            Try::Again { which } => self.again(*which),
            Try::Elsewhere => {
                let bid = self.elsewhere.bid_at(self.time(), 9_000);
                assert_eq!(self.table.submit(&bid), Err(Code::RoomOther));
            }
            Try::Close { wait } => {
                self.now += wait;
                let result = self.table.close(self.time());
                assert_eq!(result.is_ok(), self.naive.close(self.now), "{result:?}");
            }
            Try::Settle { seq } => {
                let guess = Some((*seq, 1_000));
                let right = self.naive.closed && self.naive.winner() == guess;
                if !right {
                    assert!(self.table.settle(self.time(), guess).is_err());
                }
            }
        }
        for (mut hold, amount, micros, bid) in std::mem::take(&mut self.held) {
            hold -= 1;
            if hold == 0 {
                self.hand_in(amount, micros, bid);
            } else {
                self.held.push((hold, amount, micros, bid));
            }
        }
    }

    /// What was logged is refused when it comes again, and so is what was refused for its time.
    fn again(&mut self, which: usize) {
        if let Some(bid) = which.checked_rem(self.handed_in.len()).map(|at| &self.handed_in[at]) {
            let key = bid.action().key();
            if self.table.fold().bids().iter().any(|counted| counted.key == *key) {
                assert_eq!(self.table.submit(bid), Err(Code::KeyReused));
            }
        }
    }

    /// Ends the auction as its rules demand and compares every account of it.
    fn finish(mut self) {
        self.now = self.now.max(self.naive.end());
        if !self.naive.closed {
            self.table.close(self.time()).unwrap();
        }
        self.table.settle(self.time(), self.naive.winner()).unwrap();
        let counted: Vec<_> =
            self.table.fold().bids().iter().map(|bid| (bid.seq, bid.amount.minor())).collect();
        let naive: Vec<_> =
            self.naive.bids.iter().map(|(seq, amount, _)| (*seq, *amount)).collect();
        assert_eq!(counted, naive);
        let leaves = self.table.log.iter().map(|entry| leaf_hash(entry.as_bytes()));
        assert_eq!(self.table.room.ledger().head().root, Tree::new(leaves.collect()).root());
        let room = verify::log(self.table.lines(), &self.table.head()).unwrap();
        let replayed = super::Auction::of(&room).expect("an auction");
        assert_eq!(replayed.phase(), self.table.fold().phase());
        let winner = match replayed.phase() {
            Phase::Settled { winner, price, .. } => Some((winner, price.minor())),
            Phase::Open | Phase::Closed | Phase::Ended(_) => None,
        };
        assert_eq!(winner, self.naive.winner());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_same_winner_in_fold_replay_and_a_naive_auction(
        soft in any::<bool>(),
        rich in any::<bool>(),
        tries in tries(),
    ) {
        let mut game = Game::new(soft, rich);
        for step in &tries {
            game.play(step);
        }
        game.finish();
    }

    #[test]
    fn a_log_of_any_size_has_the_root_of_the_tree_over_its_bytes(count in 0_u64..40) {
        let mut table = Table::auction();
        let bidder = Author::new(120);
        let mut frontier = Frontier::default();
        frontier.push(leaf_hash(table.log[0].as_bytes()));
        for n in 0..count {
            table.bid_by(&bidder, at(SECOND), 1_000 + 100 * n);
            frontier.push(leaf_hash(table.log.last().unwrap().as_bytes()));
        }
        let own = bidder.own(9_999);
        let low = table.sign(&bidder, &own, bid(1));
        let low = table.tsa.stamp(low, at(SECOND));
        prop_assert_eq!(table.submit(&low), Err(Code::BidTooLow));
        prop_assert_eq!(table.room.ledger().head().root, table.tree().root());
        prop_assert_eq!(frontier.root(), table.tree().root());
        prop_assert_eq!(table.room.ledger().head().size, count + 1);
    }

    #[test]
    fn arbitrary_text_is_no_entry_action_or_receipt_and_panics_nowhere(text in ".{0,300}") {
        prop_assert!(crate::room::action::Action::parse(&text).is_err());
        prop_assert!(super::Replay::new().line(&text).is_err());
        prop_assert!(verify::log([&text], &text).is_err());
    }
}
