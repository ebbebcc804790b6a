//! From the close to the end: dates, winners named rightly and wrongly, forfeits, and nothing at all.

use super::Story;
use crate::histories::model::{self, Phase};
use crate::histories::plain::{Act, Date, SECOND, Signer};

const DAY: u64 = 86_400;
const MINUTE: u64 = 60 * SECOND;

impl Story<'_> {
    /// The auction is closed and comes to some end.
    pub(super) fn end(&mut self) -> Result<(), String> {
        while !self.kept.is_empty() && !self.chance.once_in(3) {
            self.hand_in_kept()?;
        }
        if self.phase() == Phase::Open {
            self.close()?;
        }
        for _ in 0..self.chance.below(2) {
            self.misbehave()?;
        }
        if self.chance.once_in(3) {
            self.hand_in_kept()?;
        }
        if self.waits_for_opening() {
            self.open()?;
        } else if model::is_awaited(&self.log) {
            self.open_reserve()?;
        }
        for _ in 0..5 {
            match self.phase() {
                Phase::Closed => self.settle()?,
                Phase::Settled(_) => self.conclude()?,
                Phase::Open | Phase::Ended => break,
            }
        }
        for _ in 0..self.chance.below(3) {
            self.misbehave()?;
        }
        Ok(())
    }

    /// The TSA signs a batch right beside this instant, and what comes next is stamped a little later: for what is
    /// late by the header before it.
    fn tick_beside(&mut self, instant: u64) {
        self.pass_to(instant);
        for tsa in self.house.terms.stamps.clone() {
            self.house.tick(tsa, self.now.max(self.house.stamped_last(tsa)));
        }
        self.now += self.chance.below(2) * self.chance.below(SECOND);
    }

    pub(super) fn close(&mut self) -> Result<(), String> {
        let end = model::end(&self.log);
        let due = match model::taken_back(&self.log) {
            Some(back) if !self.chance.once_in(3) => {
                let (freshness, grace) = (self.house.terms.freshness, self.house.terms.grace);
                let window = back + (freshness + grace) * SECOND;
                let edges = [(back + freshness * SECOND).min(end), window, window + 1];
                self.chance.pick(&edges).copied().unwrap_or(end)
            }
            _ => end,
        };
        if self.chance.once_in(3) {
            self.wait(due.saturating_sub(1));
            self.act(Act::Closed)?;
        }
        self.wait(due);
        match self.chance.below(4) {
            0 => {
                let late = model::falls_out_at(&self.log, due);
                self.tick_beside(late);
            }
            1 => self.now += self.chance.below(3 * SECOND),
            _ => {}
        }
        if self.chance.once_in(6) {
            let size = self.house.size();
            let seen = (size.saturating_sub(1).max(1), true);
            let plan =
                crate::histories::house::Plan { seen, ..self.plan(Act::Closed, Signer::Broker) };
            let made = self.make_as(plan, None)?;
            self.hand_in(made)?;
        }
        if self.act(Act::Closed)? || self.phase() != Phase::Open {
            return Ok(());
        }
        // What it was taken back for has lapsed, or of several TSAs one is behind: there is another time.
        let due = model::due(&self.log, self.now).max(self.now);
        self.wait(due);
        let tsa = self.pick_tsa();
        let plan = self.plan(Act::Closed, Signer::Broker);
        let made = self.make_by(plan, (tsa, self.now.max(self.house.stamped_last(tsa)), None))?;
        self.hand_in(made).map(drop)
    }

    /// Dates by witnesses at about this second, most often by enough of them and in their order.
    fn dates(&mut self, about: u64) -> Vec<Date> {
        let mut dates = Vec::new();
        for (witness, _) in self.house.terms.witnesses.clone() {
            if self.chance.once_in(4) {
                continue;
            }
            let time = (about + self.chance.below(3)).saturating_sub(1);
            dates.push(Date { witness, time, holds: true });
        }
        match (self.chance.below(16), dates.len()) {
            (0, 2..) => dates.reverse(),
            (1, 1..) => dates.extend(dates.first().copied()),
            (2, 1..) => {
                if let Some(date) = dates.first_mut() {
                    date.holds = false;
                }
            }
            (3, _) => {
                let witness = usize::try_from(self.chance.below(6)).unwrap_or_default();
                dates.push(Date { witness, time: about, holds: true });
            }
            _ => {}
        }
        dates
    }

    fn waits_for_opening(&self) -> bool {
        let sealed = self.log.iter().any(|entry| matches!(entry.act, Act::SealedBid { .. }));
        sealed && self.phase() == Phase::Closed && model::opened(&self.log).is_none()
    }

    /// The sealed bids are opened, perhaps late, perhaps never.
    fn open(&mut self) -> Result<(), String> {
        let at = model::opens_at(&self.house.terms);
        if self.chance.once_in(4) {
            return Ok(());
        }
        if self.chance.once_in(5) {
            self.wait((at * SECOND).saturating_sub(1));
            let act = self.opening(true);
            self.act(act)?;
        }
        match self.chance.below(12) {
            0 => self.tick_beside(at * SECOND + MINUTE),
            1 => self.pass_to((at + DAY) * SECOND),
            2 => self.pass_to(at * SECOND + MINUTE),
            _ => self.wait(at * SECOND),
        }
        if self.chance.once_in(4) {
            let act = self.opening(false);
            self.act(act)?;
        }
        let act = self.opening(true);
        let is_opened = self.act(act)?;
        if is_opened && self.chance.once_in(8) {
            let act = self.opening(true);
            self.act(act)?;
        }
        Ok(())
    }

    /// Where bids are open: the seller opens the reserve, or it is opened without, or nobody does.
    fn open_reserve(&mut self) -> Result<(), String> {
        if self.chance.once_in(2) {
            let (is_right, is_ratio_right) = (self.chance.once_in(2), self.chance.once_in(2));
            let person = usize::from(self.chance.once_in(3));
            let signer = self.key_of(person);
            let made = self.make(Act::Unseal { is_right, is_ratio_right }, signer)?;
            self.hand_in(made)?;
        }
        match self.chance.below(4) {
            0 | 1 => {
                if self.chance.once_in(8) {
                    let at = model::opens_at(&self.house.terms);
                    self.tick_beside(at * SECOND + MINUTE);
                }
                let signer = self.key_of(0);
                let act = Act::Unseal { is_right: true, is_ratio_right: true };
                let made = self.make(act, signer)?;
                self.hand_in(made).map(drop)
            }
            2 => self.open(),
            _ => Ok(()),
        }
    }

    fn opening(&mut self, is_right: bool) -> Act {
        let at = model::opens_at(&self.house.terms);
        let closed = self.closed_at().unwrap_or(0);
        let shown = (closed + self.house.terms.grace * SECOND).div_ceil(SECOND);
        let about = match self.chance.below(6) {
            0 => at,
            1 => shown,
            _ => closed / SECOND + 1,
        };
        let is_open = self.house.terms.sealed.is_none() && !self.chance.once_in(10);
        let dates = if is_open { Vec::new() } else { self.dates(about) };
        let count = self.house.terms.stamps.len();
        let needed = self.house.terms.needed().unwrap_or(1);
        let needed = usize::try_from(needed).unwrap_or(1);
        let first = self.chance.below((count.saturating_sub(needed) as u64).saturating_add(1));
        let first = usize::try_from(first).unwrap_or_default();
        let mut locks: Vec<(usize, bool)> =
            (first..first + needed).map(|tsa| (tsa, true)).collect();
        let mut is_key_right = true;
        if !is_right {
            match self.chance.below(5) {
                0 => is_key_right = false,
                1 => drop(locks.pop()),
                2 => locks.extend(locks.first().copied()),
                3 => locks.reverse(),
                _ => {
                    if let Some(lock) = locks.last_mut() {
                        lock.1 = false;
                    }
                }
            }
        }
        Act::Opened { is_key_right, locks, dates }
    }

    /// A winner is named, or that there is none.
    fn settle(&mut self) -> Result<(), String> {
        let grace = self.house.terms.grace * SECOND;
        let closed = self.closed_at().unwrap_or(0);
        let shown = (closed + grace).div_ceil(SECOND);
        if self.waits_for_opening() {
            return self.give_up(closed);
        }
        let is_first = !self.log.iter().any(|entry| matches!(entry.act, Act::Settled { .. }));
        let dates = if is_first || self.chance.once_in(10) {
            match self.chance.below(6) {
                0 => Vec::new(),
                1 => self.dates(shown),
                _ => self.dates((closed / SECOND) + 1),
            }
        } else {
            Vec::new()
        };
        match self.chance.below(8) {
            0 | 2 => self.pass_to(closed + grace),
            1 => {
                let since = self.log.last().map_or(closed, |entry| entry.batch.time);
                let since = if is_first { closed.max(self.opened_at()) } else { since };
                self.tick_beside(since + grace + MINUTE);
            }
            _ => {}
        }
        if self.chance.once_in(4) {
            let (winner, price) = self.wrong_winner();
            self.act(Act::Settled { winner, price, dates: dates.clone() })?;
        }
        let (winner, price) = model::winner(&self.log).unzip();
        if model::is_awaited(&self.log) {
            // The reserve is given up after a day, and no sooner.
            let given_up = model::opens_at(&self.house.terms) * SECOND + DAY * SECOND;
            if self.chance.once_in(2) {
                self.wait(given_up - 1);
                self.act(Act::Settled { winner, price, dates: dates.clone() })?;
            }
            self.wait(given_up);
        }
        if self.act(Act::Settled { winner, price, dates: dates.clone() })? {
            return Ok(());
        }
        // Nobody dated it in time, or in no way that holds.
        self.wait(closed + grace + 1);
        let is_lucky = self.chance.once_in(2);
        let dates = if is_lucky { Vec::new() } else { dates };
        self.act(Act::Settled { winner, price, dates }).map(drop)
    }

    fn opened_at(&self) -> u64 {
        model::opened(&self.log).map_or(0, |opened| opened.batch.time)
    }

    /// Bids stay sealed: void, or unopened a day later.
    fn give_up(&mut self, closed: u64) -> Result<(), String> {
        let at = model::opens_at(&self.house.terms);
        let dates = match self.chance.below(4) {
            0 => Vec::new(),
            1 => self.dates(at),
            _ => self.dates(closed / SECOND + 1),
        };
        if self.chance.once_in(3) {
            self.wait((at * SECOND).saturating_sub(1));
        }
        for instant in [self.now, at * SECOND, (at + DAY) * SECOND - 1, (at + DAY) * SECOND] {
            if self.phase() != Phase::Closed {
                break;
            }
            self.wait(instant);
            let winner = self.chance.once_in(12).then_some(2);
            let price = winner.map(|_| 1_000);
            self.act(Act::Settled { winner, price, dates: dates.clone() })?;
        }
        Ok(())
    }

    /// Somebody who is not due, or at another price.
    fn wrong_winner(&self) -> (Option<u64>, Option<u64>) {
        let bids = model::bids(&self.log);
        let due = model::winner(&self.log);
        match (self.chance.below(3), self.chance.pick(&bids), due) {
            (0, Some(bid), _) => (Some(bid.seq), Some(bid.amount)),
            (1, _, Some((winner, price))) => {
                let other = price + 1 - 2 * self.chance.below(2);
                (Some(winner), Some(other.clamp(1, crate::histories::plain::MOST)))
            }
            (_, _, Some(_)) => (None, None),
            _ => (Some(1), Some(1)),
        }
    }

    /// The two disclose, or one of them does not.
    fn conclude(&mut self) -> Result<(), String> {
        let named = match self.phase() {
            Phase::Settled(at) => self.log.get(at),
            Phase::Open | Phase::Closed | Phase::Ended => None,
        };
        let Some(since) = named.map(|settled| settled.batch.time) else { return Ok(()) };
        if self.chance.once_in(6) {
            return Ok(());
        }
        if self.chance.once_in(5) {
            self.act(Act::Withdrawn)?;
        }
        let by = since + self.house.terms.within * SECOND;
        match self.chance.below(8) {
            0 | 1 => {
                self.now += self.chance.below(5 * SECOND);
                self.act(Act::Revealed).map(drop)
            }
            2 => {
                self.pass_to(by);
                self.act(Act::Abandoned).map(drop)
            }
            3 => self.act(Act::Withdrawn).map(drop),
            _ => {
                if self.chance.once_in(2) {
                    self.pass_to(by)
                } else {
                    self.wait(by + 1)
                }
                let act = self.forfeit();
                self.act(act).map(drop)
            }
        }
    }

    /// The winner forfeits, with the other bids of that persona that there are, and perhaps others.
    fn forfeit(&mut self) -> Act {
        let (bids, gone) = (model::bids(&self.log), model::forfeited(&self.log));
        let winner = match self.phase() {
            Phase::Settled(at) => match self.log.get(at).map(|settled| &settled.act) {
                Some(Act::Settled { winner: Some(winner), .. }) => *winner,
                _ => 0,
            },
            _ => 0,
        };
        let persona = |signer: Signer| match signer {
            Signer::Key(persona, _) => Some(persona),
            Signer::Broker => None,
        };
        let of = bids.iter().find(|bid| bid.seq == winner).and_then(|bid| persona(bid.signer));
        let mut others: Vec<(u64, bool)> = Vec::new();
        for bid in &bids {
            let is_theirs = persona(bid.signer) == of && bid.seq != winner;
            if is_theirs && !gone.contains(&bid.seq) {
                others.push((bid.seq, true));
            }
        }
        match self.chance.below(12) {
            0 => others.reverse(),
            1 => others.extend(bids.first().map(|bid| (bid.seq, true))),
            // What is forfeited already, of the same persona if it can be.
            2 | 7 => {
                let theirs = bids.iter().filter(|bid| persona(bid.signer) == of);
                let again = theirs.map(|bid| bid.seq).find(|seq| gone.contains(seq));
                others.extend(again.or(gone.first().copied()).map(|seq| (seq, true)));
                others.sort_unstable();
            }
            3 => {
                if let Some(other) = others.first_mut() {
                    other.1 = false;
                }
            }
            4 => return Act::Forfeited { winner: winner + 1, others },
            5 | 8 | 9 => drop(others.pop()),
            6 => others.push((winner, true)),
            _ => {}
        }
        Act::Forfeited { winner, others }
    }
}
