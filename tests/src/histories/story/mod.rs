//! One history: who does what and when, drawn from a seed, and judged on the way and at the end.

mod ending;
mod instants;
mod moves;
mod terms;

use super::house::{House, Keys, Lie, Made, Plan, TSAS};
use super::model::{self, Phase};
use super::paths::{self, Broker, Refused};
use super::plain::{Act, Record, SECOND, Signer};
use super::tally::Tally;
use super::{Kind, promises, told};
use crate::sim::machine::Chance;

/// Noon of the first of March 2027, in microseconds.
const NOON: u64 = 1_803_902_400 * SECOND;

/// A history, as far as it has come.
pub(super) struct Story<'a> {
    kind: Kind,
    chance: Chance,
    house: House<'a>,
    broker: Broker,
    log: Vec<Record>,
    /// Everything that was handed in, with what came of it.
    handed_in: Vec<(Record, Result<(), &'static str>)>,
    refused: Vec<Refused>,
    /// Made and not handed in yet.
    kept: Vec<Made>,
    /// Handed in before.
    copies: Vec<Made>,
    /// The TSAs' time.
    now: u64,
    /// How many keys each person has used.
    used: Vec<usize>,
}

impl<'a> Story<'a> {
    pub(super) fn new(keys: &'a Keys, seed: u64, kind: Kind) -> Self {
        let chance = Chance::of(seed);
        let now = NOON + chance.below(3 * SECOND);
        let terms = terms::draw(&chance, kind, now);
        let house = House::new(keys, chance.fork(), terms, now);
        Self {
            kind,
            house,
            broker: Broker::default(),
            log: Vec::new(),
            handed_in: Vec::new(),
            refused: Vec::new(),
            kept: Vec::new(),
            copies: Vec::new(),
            now,
            used: vec![0; super::house::PEOPLE],
            chance,
        }
    }

    /// Plays it to its end, and holds the four verdicts together.
    pub(super) fn run(&mut self) -> Result<(), String> {
        self.list()?;
        // Sealing keys and a reserve take moves of their own.
        let keys = 2 * u64::from(self.house.terms.sealed.is_some());
        let reserve = 3 * u64::from(self.house.terms.reserve.is_some());
        let most = 3 + keys + reserve + self.chance.below(10);
        for _ in 0..most {
            self.move_on()?;
        }
        if !self.chance.once_in(12) {
            self.end()?;
        }
        self.compare()
    }

    /// Signs and stamps one action.
    fn make(&mut self, act: Act, signer: Signer) -> Result<Made, String> {
        let seen = (self.house.size(), true);
        self.make_as(Plan { act, signer, paddle: None, is_of_this_room: true, seen }, None)
    }

    fn make_as(&mut self, plan: Plan, lie: Option<Lie>) -> Result<Made, String> {
        let tsa = self.pick_tsa();
        let time = self.stamp_time(tsa);
        self.make_by(plan, (tsa, time, lie))
    }

    fn make_by(&mut self, plan: Plan, by: (usize, u64, Option<Lie>)) -> Result<Made, String> {
        let action = self.house.sign(&plan);
        let made = self.house.stamp(by, vec![(plan, action)]);
        made.into_iter().next().ok_or_else(|| "nothing was stamped".to_owned())
    }

    /// One of the listing's TSAs.
    fn pick_tsa(&self) -> usize {
        self.chance.pick(&self.house.terms.stamps).copied().unwrap_or(0)
    }

    /// Now; of one of several TSAs perhaps a little before.
    fn stamp_time(&self, tsa: usize) -> u64 {
        let last = self.house.stamped_last(tsa);
        if self.house.terms.stamps.len() > 1 && self.chance.once_in(5) {
            let newest = self.log.iter().map(|record| record.batch.time).max().unwrap_or(0);
            let back = self.house.terms.freshness * SECOND;
            let edge = (newest.saturating_sub(back))
                .saturating_add(self.chance.below(3))
                .saturating_sub(1);
            return edge.clamp(last, self.now.max(last));
        }
        self.now.max(last)
    }

    /// Does something as whom it is for: a broker, or somebody with a key that was not used.
    fn act(&mut self, act: Act) -> Result<bool, String> {
        let signer = if act.is_brokers() { Signer::Broker } else { self.somebody() };
        let made = self.make(act, signer)?;
        self.hand_in(made)
    }

    /// A key of somebody, most often one that was not used.
    fn somebody(&mut self) -> Signer {
        let person = usize::try_from(self.chance.below(super::house::PEOPLE as u64)).unwrap_or(0);
        self.key_of(person)
    }

    fn key_of(&mut self, person: usize) -> Signer {
        let key = match self.used.get_mut(person) {
            Some(used) if *used < super::house::KEYS => {
                *used += 1;
                *used - 1
            }
            _ => 0,
        };
        Signer::Key(person, key)
    }

    /// Hands an action in: model and fold must decide alike. Whether it was logged.
    fn hand_in(&mut self, made: Made) -> Result<bool, String> {
        let entry = self.house.entry(&made);
        let due = model::judge(&self.log, &made.record);
        let decided = self.broker.decide(&made, &entry);
        self.handed_in.push((made.record.clone(), decided));
        if due != decided {
            let (due, decided) = (due.err().unwrap_or("yes"), decided.err().unwrap_or("yes"));
            return Err(format!("the model says {due}, and the broker's fold {decided}"));
        }
        match decided {
            Ok(()) => {
                if self.copies.len() < 4 {
                    self.copies.push(made.clone());
                }
                self.house.log(entry, &made);
                self.log.push(made.record);
            }
            Err(code) => {
                let at = self.log.len();
                if at > 0 {
                    self.refused.push(Refused { at, entry, made, code });
                }
            }
        }
        Ok(decided.is_ok())
    }

    fn phase(&self) -> Phase {
        model::phase(&self.log)
    }

    /// Holds together what the four say of the whole.
    fn compare(&self) -> Result<(), String> {
        let Some(auction) = self.broker.auction() else { return Ok(()) };
        let (whole, kept) = paths::modelled(&self.log);
        let differ = |who: &str, said: &dyn std::fmt::Debug, due: &dyn std::fmt::Debug| {
            Err(format!("{who} says {said:?}\nand the model {due:?}"))
        };
        let folded = paths::said(auction);
        if folded != kept {
            return differ("the broker's fold", &folded, &kept);
        }
        let cut = usize::try_from(self.chance.below(self.house.size() + 1)).unwrap_or_default();
        // A few of those: to verify all signatures of all of them once more takes as long as the rest.
        let first =
            usize::try_from(self.chance.below(self.refused.len() as u64)).unwrap_or_default();
        let tried = self.refused.get(first..self.refused.len().min(first + 3)).unwrap_or_default();
        let replay = paths::replayed(&self.house, cut, tried)?;
        let room = replay.room().ok_or("the peer has no room")?;
        let of_peer = pregao_protocol::room::Auction::of(room).map(paths::said);
        if of_peer.as_ref() != Some(&kept) {
            return differ("the peer's replay", &of_peer, &kept);
        }
        let shown = paths::shown(&paths::verified(&self.house)?);
        if shown != whole {
            return differ("the verifier", &shown, &whole);
        }
        if self.chance.once_in(6)
            && let Some(refused) = self.chance.pick(&self.refused)
        {
            let before = self.log.iter().take(refused.at).map(|entry| entry.batch.time).max();
            let freshness = self.house.terms.freshness * SECOND;
            let is_stale =
                before.is_some_and(|newest| refused.made.record.batch.time + freshness < newest);
            paths::refuses(&self.house, refused, is_stale)?;
        }
        promises::keep(&self.log, auction)
    }

    /// What there is to count.
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let verdict = model::verdict(&self.log);
        tally.histories.insert(self.kind, 1);
        tally.ends.insert((self.kind, verdict.phase), 1);
        if verdict.late.is_some() {
            tally.ends.insert((self.kind, "late"), 1);
        }
        let forfeited = self.log.iter().any(|entry| matches!(entry.act, Act::Forfeited { .. }));
        if forfeited {
            tally.ends.insert((self.kind, "forfeited"), 1);
        }
        for (_, decided) in &self.handed_in {
            if let Err(code) = decided {
                *tally.refused.entry((code, self.kind)).or_default() += 1;
            }
        }
        tally.entries = self.log.len() as u64;
        if self.house.terms.sealed.is_some() {
            tally.opened = verdict.bids.len() as u64;
        }
        for (_, cause) in verdict.void {
            *tally.void.entry(cause).or_default() += 1;
        }
        tally
    }

    /// What happened, line by line.
    pub(super) fn told(&self) -> Vec<String> {
        told::history(&self.handed_in)
    }

    /// One of all TSAs, the listing's or not.
    fn any_tsa(&self) -> usize {
        usize::try_from(self.chance.below(TSAS as u64)).unwrap_or_default()
    }
}
