//! What is done until an auction is closed: bids above all, and whatever else people and brokers should not do.

use super::Story;
use super::terms::spoil;
use crate::histories::house::{KEYS, Lie, Made, PEOPLE, Plan};
use crate::histories::model::{self, Phase};
use crate::histories::plain::{Act, Flaw, Held, MOST, Misstated, SECOND, Signer};

/// Few, so that more than one wants each.
const PADDLES: [&str; 2] = ["17", "blue-hat"];

const MISSTATED: [Misstated; 7] = [
    Misstated::Instant,
    Misstated::Tsa,
    Misstated::Missing,
    Misstated::More,
    Misstated::Same,
    Misstated::Usable,
    Misstated::Simulated,
];

impl Story<'_> {
    /// Lists the item: perhaps after listings that are none, or that differ from it in one thing.
    pub(super) fn list(&mut self) -> Result<(), String> {
        if self.chance.once_in(5) {
            let mut spoilt = self.house.terms.clone();
            spoil(&self.chance, &mut spoilt, self.now);
            let tsa = spoilt.stamps.first().copied().unwrap_or(0);
            if self.list_by(&spoilt, Signer::Key(0, 0), tsa)? {
                return Ok(());
            }
        }
        let terms = self.house.terms.clone();
        let tsa = self.pick_tsa();
        match self.chance.below(30) {
            0 => {
                self.list_by(&terms, Signer::Broker, tsa)?;
            }
            1 if terms.stamps.len() < 4 => {
                self.list_by(&terms, Signer::Key(0, 0), 3)?;
            }
            2 => {
                let plan = self.plan(Act::Say, Signer::Key(0, 0));
                let made = self.make_as(Plan { seen: (1, false), ..plan }, None)?;
                self.hand_in(made)?;
            }
            _ => {}
        }
        if self.list_by(&terms, Signer::Key(0, 0), tsa)? {
            return Ok(());
        }
        // All but its rule is as it may be.
        let terms = crate::histories::plain::Terms { rule: None, ..terms };
        match self.list_by(&terms, Signer::Key(0, 0), tsa)? {
            true => Ok(()),
            false => Err("a listing that may be one is none".to_owned()),
        }
    }

    fn list_by(
        &mut self,
        terms: &crate::histories::plain::Terms,
        signer: Signer,
        tsa: usize,
    ) -> Result<bool, String> {
        let plan = self.plan(Act::List(Box::new(terms.clone())), signer);
        let made = self.make_by(plan, (tsa, self.now, None))?;
        let is_listed = self.hand_in(made)?;
        if is_listed {
            self.house.terms = terms.clone();
            if let Some(used) = self.used.first_mut() {
                *used = 1;
            }
        }
        Ok(is_listed)
    }

    pub(super) fn plan(&self, act: Act, signer: Signer) -> Plan {
        let seen = (self.house.size(), true);
        Plan { act, signer, paddle: None, is_of_this_room: true, seen }
    }

    /// One thing more happens.
    pub(super) fn move_on(&mut self) -> Result<(), String> {
        self.pass();
        if self.chance.once_in(6) {
            let tsa = self.pick_tsa();
            let time = self.now.max(self.house.stamped_last(tsa));
            self.house.tick(tsa, time);
        }
        let is_sealed = self.house.terms.needed().is_some();
        let is_stated = self.log.iter().any(|entry| matches!(entry.act, Act::Sealing(_)));
        if is_sealed && (if is_stated { self.chance.once_in(30) } else { !self.chance.once_in(5) })
        {
            return self.state();
        }
        let is_sent = self.log.iter().any(|entry| matches!(entry.act, Act::Reserve { .. }));
        let sends = self.house.terms.reserve.is_some() && is_stated && !is_sent;
        if sends && !self.chance.once_in(5) {
            return self.reserve();
        }
        match self.chance.below(100) {
            0..=44 => self.bid(),
            45..=54 => self.bids_of_one_batch(),
            55..=61 => self.keep_for_later(),
            62..=68 => self.hand_in_kept(),
            69..=72 => self.again(),
            73..=77 => self.take_back(),
            78..=80 => self.act(Act::Say).map(drop),
            81..=85 => self.see_otherwise(),
            86 | 87 => self.act(Act::Closed).map(drop),
            _ => self.misbehave(),
        }
    }

    /// What bids are sealed to; before that perhaps something else.
    pub(super) fn state(&mut self) -> Result<(), String> {
        if self.chance.once_in(4) {
            let wrong = self.chance.pick(&MISSTATED).copied();
            self.act(Act::Sealing(wrong))?;
        }
        if self.chance.once_in(8) {
            let late = model::listed(&self.log) + 60 * SECOND;
            self.pass_to(late);
            let tsa = self.pick_tsa();
            self.house.tick(tsa, self.now.max(self.house.stamped_last(tsa)));
            self.now += self.chance.below(2);
        }
        self.act(Act::Sealing(None)).map(drop)
    }

    /// The seller seals a reserve; before that perhaps somebody else does, or it has not the form of one.
    fn reserve(&mut self) -> Result<(), String> {
        if self.chance.once_in(3) {
            let person = usize::from(self.chance.once_in(2));
            let signer = self.key_of(person);
            let flaw = self.chance.once_in(2).then_some(Flaw::Form);
            let (amount, is_ratio_right) = (self.sealed_amount(), !self.chance.once_in(3));
            let made = self.make(Act::Reserve { amount, flaw, is_ratio_right }, signer)?;
            self.hand_in(made)?;
        }
        let signer = self.key_of(0);
        let (amount, flaw) = (self.sealed_amount(), self.flaw());
        let made = self.make(Act::Reserve { amount, flaw, is_ratio_right: true }, signer)?;
        self.hand_in(made).map(drop)
    }

    fn bid(&mut self) -> Result<(), String> {
        let made = self.make_bid()?;
        self.hand_in(made).map(drop)
    }

    fn make_bid(&mut self) -> Result<Made, String> {
        let plan = self.plan_bid();
        self.make_as(plan, None)
    }

    fn plan_bid(&mut self) -> Plan {
        let (act, signer) = (self.bid_act(), self.bidder());
        Plan { paddle: self.paddle(signer), ..self.plan(act, signer) }
    }

    /// Most bids have none; of the others most are by whoever holds it, or the first under it.
    fn paddle(&self, signer: Signer) -> Option<Held> {
        if !self.chance.once_in(3) {
            return None;
        }
        let name = self.chance.pick(&PADDLES).copied()?;
        let held = model::under(&self.log, name);
        let is_right = !self.chance.once_in(8);
        if self.chance.once_in(8) {
            let size = self.house.size();
            let any = self.chance.below(size + 1);
            // What is not there yet has no key to which there is a ratio.
            let earlier = self.chance.once_in(2).then_some((any, is_right && any < size));
            return Some(Held { name, earlier });
        }
        let Some(seq) = self.chance.pick(&held).copied() else {
            return Some(Held { name, earlier: None });
        };
        let by = usize::try_from(seq).ok().and_then(|at| self.log.get(at)).map(|bid| bid.signer);
        let is_holder = match (by, signer) {
            (Some(Signer::Key(one, _)), Signer::Key(other, _)) => one == other,
            _ => false,
        };
        let earlier = Some((seq, is_right));
        (is_holder || self.chance.once_in(6)).then_some(Held { name, earlier })
    }

    /// Somebody who bids, with a key that they have not used, as long as they have one.
    fn bidder(&mut self) -> Signer {
        // Few, so that a winner has other bids to forfeit.
        let few = if self.chance.once_in(2) { 3 } else { PEOPLE as u64 };
        let person = usize::try_from(self.chance.below(few)).unwrap_or_default();
        self.key_of(person)
    }

    fn bid_act(&self) -> Act {
        if self.house.terms.sealed.is_some() {
            return Act::SealedBid { amount: self.sealed_amount(), flaw: self.flaw() };
        }
        let is_other_currency = self.chance.once_in(40);
        Act::Bid { amount: self.amount().clamp(1, MOST), is_other_currency }
    }

    fn flaw(&self) -> Option<Flaw> {
        let share = usize::try_from(self.chance.below(self.house.terms.stamps.len() as u64));
        match self.chance.below(24) {
            0 => Some(Flaw::Broker),
            1 | 2 => Some(Flaw::Share(share.unwrap_or_default())),
            3 => Some(Flaw::Commitment),
            4 => Some(Flaw::Amount),
            5 => Some(Flaw::Copied),
            6 => Some(Flaw::Form),
            _ => None,
        }
    }

    fn sealed_amount(&self) -> u64 {
        let start = self.house.terms.start;
        let amount = match self.chance.below(8) {
            0 => start,
            1 => start.saturating_sub(1),
            2 => MOST,
            // Few different ones, so that some are equal.
            3..=5 => start + 10 * self.chance.below(4),
            _ => start + self.chance.below(500),
        };
        amount.clamp(1, MOST)
    }

    fn amount(&self) -> u64 {
        let (terms, log, any) = (&self.house.terms, &self.log, self.chance.below(300));
        if let Some(price) = model::price_at(log, self.now) {
            return match self.chance.below(8) {
                0..=3 => price,
                4 => price - 1,
                5 => price.saturating_add(any),
                6 => terms.start,
                _ => terms.dutch.map_or(1, |(floor, _, _)| floor),
            };
        }
        let least = model::least(log).unwrap_or(MOST);
        let raised = least.saturating_add(any).min(MOST);
        match self.chance.below(16) {
            0..=6 => least,
            7 => least - 1,
            8 | 9 => match terms.max_raise {
                Some(most) => {
                    let highest = model::bids(log).iter().map(|bid| bid.amount).max();
                    highest.unwrap_or(terms.start) + most + self.chance.below(2)
                }
                None => raised,
            },
            10..=12 => match model::stands(log) {
                Some(price) => match self.chance.below(6) {
                    0..=2 => price,
                    3 => price - 1,
                    4 => price.div_ceil(2),
                    _ => price.div_ceil(2) - 1,
                },
                None => raised,
            },
            13 if self.chance.once_in(6) => MOST,
            _ => raised,
        }
    }

    /// Several in one batch, in whatever order they arrive; some are kept back.
    fn bids_of_one_batch(&mut self) -> Result<(), String> {
        let tsa = self.pick_tsa();
        let time = self.now.max(self.house.stamped_last(tsa));
        let mut signed = Vec::new();
        for _ in 0..2 + self.chance.below(2) {
            let plan = self.plan_bid();
            let action = self.house.sign(&plan);
            signed.push((plan, action));
        }
        let mut made = self.house.stamp((tsa, time, None), signed);
        while !made.is_empty() {
            let at = usize::try_from(self.chance.below(made.len() as u64)).unwrap_or_default();
            let one = made.swap_remove(at);
            if self.chance.once_in(6) {
                self.kept.push(one);
            } else {
                self.hand_in(one)?;
            }
        }
        Ok(())
    }

    fn keep_for_later(&mut self) -> Result<(), String> {
        let made = if self.chance.once_in(6) && !self.log.is_empty() {
            let plan = self.unlisting();
            self.make_as(plan, None)?
        } else {
            self.make_bid()?
        };
        self.kept.push(made);
        Ok(())
    }

    pub(super) fn hand_in_kept(&mut self) -> Result<(), String> {
        if self.kept.is_empty() {
            return self.bid();
        }
        let at = usize::try_from(self.chance.below(self.kept.len() as u64)).unwrap_or_default();
        let made = self.kept.swap_remove(at);
        // What its author meant to have seen is what there was then.
        self.hand_in(made).map(drop)
    }

    /// What was logged or made before: the very same, under another stamp, or its key once more.
    fn again(&mut self) -> Result<(), String> {
        let Some(made) = self.chance.pick(&self.copies).cloned() else { return self.bid() };
        if matches!(made.record.act, Act::List(_)) {
            return Ok(());
        }
        if self.chance.once_in(2) {
            return self.hand_in(made).map(drop);
        }
        let record = made.record;
        let plan = Plan {
            act: record.act,
            signer: record.signer,
            paddle: record.paddle,
            is_of_this_room: record.is_of_this_room,
            seen: record.seen,
        };
        let tsa = self.pick_tsa();
        let time = self.now.max(self.house.stamped_last(tsa));
        let action = made.stamped.action().clone();
        for made in self.house.stamp((tsa, time, None), vec![(plan, action)]) {
            self.hand_in(made)?;
        }
        Ok(())
    }

    fn unlisting(&mut self) -> Plan {
        // Now and then by somebody else, or with a ratio that is none.
        let person = usize::from(self.chance.once_in(6));
        let signer = self.key_of(person);
        self.plan(Act::Unlist { is_ratio_right: !self.chance.once_in(8) }, signer)
    }

    fn take_back(&mut self) -> Result<(), String> {
        let plan = self.unlisting();
        let made = self.make_as(plan, None)?;
        if self.hand_in(made)? && self.chance.once_in(2) {
            return self.close();
        }
        Ok(())
    }

    /// A bid or `say` whose author has not seen all, or something that never was.
    fn see_otherwise(&mut self) -> Result<(), String> {
        let signer = self.somebody();
        let act = if self.chance.once_in(2) { Act::Say } else { self.bid_act() };
        let size = self.house.size();
        let seen = match self.chance.below(4) {
            0 => (size + 1, false),
            1 => (1 + self.chance.below(size), false),
            _ => (1 + self.chance.below(size), true),
        };
        let plan = Plan { seen, ..self.plan(act, signer) };
        let made = self.make_as(plan, None)?;
        self.hand_in(made).map(drop)
    }

    /// What nobody who keeps to the protocol does.
    pub(super) fn misbehave(&mut self) -> Result<(), String> {
        let signer = self.somebody();
        let act = self.anything();
        let is_due = if act.is_brokers() { Signer::Broker } else { signer };
        let plan = self.plan(act, is_due);
        let made = match self.chance.below(8) {
            // Signed by the other side.
            0 => {
                let other = if is_due == Signer::Broker { signer } else { Signer::Broker };
                self.make_as(Plan { signer: other, ..plan }, None)?
            }
            1 => self.make_as(Plan { is_of_this_room: false, ..plan }, None)?,
            2 => {
                let tsa = self.any_tsa();
                let time = self.now.max(self.house.stamped_last(tsa));
                self.make_by(plan, (tsa, time, None))?
            }
            3 => self.make_as(plan, Some(Lie::SameNumber))?,
            4 => self.make_as(plan, Some(Lie::EarlierBefore))?,
            5 => {
                let person = usize::try_from(self.chance.below(PEOPLE as u64)).unwrap_or_default();
                let key = usize::try_from(self.chance.below(KEYS as u64)).unwrap_or_default();
                let act = self.bid_act();
                self.make(act, Signer::Key(person, key))?
            }
            _ => self.make_as(plan, None)?,
        };
        self.hand_in(made).map(drop)
    }

    /// Any verb at all, whether there is an occasion or not.
    fn anything(&self) -> Act {
        let is_open = self.phase() == Phase::Open;
        let price = Some(self.chance.below(2_000) + 1);
        match self.chance.below(16) {
            0 => Act::Bid { amount: self.house.terms.start.max(1), is_other_currency: false },
            1 => Act::SealedBid { amount: self.sealed_amount(), flaw: None },
            2 => Act::Sealing(None),
            3 => Act::Opened { is_key_right: true, locks: vec![(0, true)], dates: Vec::new() },
            4 => Act::Unlist { is_ratio_right: true },
            5 if is_open => Act::Closed,
            6 => Act::Settled { winner: None, price: None, dates: Vec::new() },
            7 => Act::Settled { winner: Some(1), price, dates: Vec::new() },
            8 => Act::Forfeited { winner: 1, others: Vec::new() },
            9 => Act::Revealed,
            10 => Act::Abandoned,
            11 => Act::Withdrawn,
            12 => Act::Foreign,
            13 => {
                let amount = self.sealed_amount();
                Act::Reserve { amount, flaw: None, is_ratio_right: true }
            }
            14 => Act::Unseal { is_right: true, is_ratio_right: true },
            _ => Act::Say,
        }
    }
}
