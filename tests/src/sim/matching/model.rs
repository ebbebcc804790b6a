//! A population that writes in pairs, minute by minute: when what lies in whose box, without any broker or sealed byte. Peers'
//! own functions say when passes are spent, receipts leave, boxes are looked into and even times come; how people
//! write is made up here. Where the real broker and peers run the same, a test compares the two.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pregao::post::times;
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::clock::Time;

use super::super::machine::Chance;
use super::attack::Records;
use super::{PER_DAY, Truth};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// The day on which everything begins.
const FIRST: Day = Day(20_000);
/// When people write and read, from the beginning of a day: those of one country.
const UP: (u64, u64) = (7 * HOUR, 23 * HOUR);
/// How long a letter can be taken back.
const HOLD: Duration = Duration::from_secs(10);

/// Whose letters leave at even times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evenly {
    /// Nobody's.
    Nobody,
    /// Those of one of each pair.
    One,
    /// Everybody's.
    Both,
}

/// How people write.
#[derive(Debug, Clone, Copy)]
pub struct Custom {
    /// Letters that each begins a day, on the average.
    pub begun: u64,
    /// Within how many minutes after it came every second letter is answered, while people are up; 0: none is.
    pub answered_within: u64,
    /// Whether each letter that was read gets a receipt.
    pub receipts: bool,
    /// Whose letters leave at even times.
    pub evenly: Evenly,
}

/// Nobody changes a setting, and letters are answered within four hours.
pub const DEFAULT: Custom =
    Custom { begun: 3, answered_within: 4 * 60, receipts: true, evenly: Evenly::Nobody };
/// Nobody answers; read receipts leave.
pub const RECEIPTS: Custom = Custom { answered_within: 0, ..DEFAULT };
/// Letters are answered within ten minutes.
pub const PROMPT: Custom = Custom { answered_within: 10, receipts: false, ..DEFAULT };
/// Letters are answered as soon, and what leaves does so at even times.
pub const EVEN: Custom = Custom { receipts: true, evenly: Evenly::Both, ..PROMPT };
/// The same, of one of each pair alone.
pub const ONE_SIDED: Custom = Custom { evenly: Evenly::One, ..EVEN };

/// What a population came to.
#[derive(Debug)]
pub struct Lived {
    /// What the broker saw.
    pub records: Records,
    /// What it did not.
    pub truth: Truth,
    /// How long each letter waited from when it was written until it was left, in seconds.
    pub waited: Vec<u64>,
}

impl Custom {
    /// How many letters a pair writes a day, on the average.
    fn a_day(self) -> usize {
        let begun = usize::try_from(2 * self.begun).unwrap_or(usize::MAX);
        // Every second one is answered, and so every second answer.
        if self.answered_within > 0 { 2 * begun } else { begun }
    }
}

/// Lets so many people, an even number, write in pairs until a pair has written so many letters, on the average: all for
/// as many days, since who stops together would be known by that.
#[must_use]
pub fn live(people: usize, letters: usize, custom: Custom, chance: &Chance) -> Lived {
    let mut came = Vec::new();
    let (mut truth, mut waited) = (Truth::default(), Vec::new());
    for pair in 0..people / 2 {
        let names = [2 * pair, 2 * pair + 1].map(|n| (room(n), Arc::from(format!("person-{n}"))));
        for (at, (own, name)) in names.iter().enumerate() {
            truth.owners.insert(*own, Arc::clone(name));
            let other = names.get(1 - at).map_or(name, |(_, other)| other);
            truth.partners.insert(Arc::clone(name), Arc::clone(other));
        }
        let mut both = Both::new(custom, chance);
        both.live(letters.div_ceil(custom.a_day().max(1)));
        for (n, at) in both.left {
            let (own, _) = names.get(1 - n).unwrap_or_else(|| unreachable!("one of two"));
            came.push((*own, at.since(FIRST.begins())));
        }
        waited.extend(both.waited);
    }
    Lived { records: Records::of_letters(&came), truth, waited }
}

/// The box of somebody.
fn room(n: usize) -> RoomName {
    let mut name = [0; 32];
    name[..8].copy_from_slice(&(n as u64).to_be_bytes());
    RoomName(name)
}

/// Something that happens to the first or second of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// A day begins: passes are taken, and the day's letters thought of.
    Day,
    /// A letter is written.
    Writes,
    /// Something may leave: it was put down, or a pass has rested.
    MayLeave,
    /// An even time.
    Even,
    /// A letter has come.
    Came,
    /// It is read.
    Reads,
}

/// What waits to leave.
#[derive(Debug, Clone, Copy)]
struct Item {
    put_down: Time,
    leaves: Time,
    is_letter: bool,
}

#[derive(Debug, Default)]
struct Somebody {
    passes: Vec<Time>,
    waits: VecDeque<Item>,
}

/// Two people who write to each other.
struct Both<'a> {
    custom: Custom,
    chance: &'a Chance,
    now: Time,
    next: BinaryHeap<Reverse<(Time, usize, Happening)>>,
    people: [Somebody; 2],
    /// Who left something, and when.
    left: Vec<(usize, Time)>,
    waited: Vec<u64>,
}

impl<'a> Both<'a> {
    fn new(custom: Custom, chance: &'a Chance) -> Self {
        let now = FIRST.begins();
        let (next, people) = (BinaryHeap::new(), Default::default());
        let (left, waited) = (Vec::new(), Vec::new());
        let mut both = Self { custom, chance, now, next, people, left, waited };
        for who in [0, 1] {
            both.plan(now, who, Happening::Day);
            if both.is_even(who) {
                let gap = both.gap();
                both.plan(now.plus(gap), who, Happening::Even);
            }
        }
        both
    }

    fn is_even(&self, who: usize) -> bool {
        match self.custom.evenly {
            Evenly::Nobody => false,
            Evenly::One => who == 0,
            Evenly::Both => true,
        }
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.chance.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn gap(&self) -> Duration {
        // Each has one contact, who fetches what comes.
        let mean = times::slowed(times::even_mean(PER_DAY as usize, 1), 1);
        times::even_gap(mean, self.random())
    }

    fn plan(&mut self, at: Time, who: usize, what: Happening) {
        self.next.push(Reverse((at, who, what)));
    }

    fn somebody(&mut self, who: usize) -> &mut Somebody {
        self.people.get_mut(who).unwrap_or_else(|| unreachable!("one of two"))
    }

    /// For so many days.
    fn live(&mut self, days: usize) {
        let end = FIRST.plus(u32::try_from(days).unwrap_or(u32::MAX)).begins();
        while let Some(Reverse((at, who, what))) = self.next.pop() {
            if at >= end {
                return;
            }
            self.now = at;
            match what {
                Happening::Day => self.begin_day(who),
                Happening::Writes => self.put_down(who, HOLD, true),
                Happening::MayLeave => self.leave_what_can(who),
                Happening::Even => self.leave_evenly(who),
                Happening::Came => self.notice(who),
                Happening::Reads => self.read(who),
            }
        }
    }

    fn begin_day(&mut self, who: usize) {
        let day = Day::of(self.now);
        let taken = self.now.plus(times::taken_after(self.now, self.random()));
        let passes: Vec<Time> = (0..PER_DAY)
            .map(|_| times::spent_from(day, taken, [self.random(), self.random()]))
            .collect();
        for at in &passes {
            self.plan(*at, who, Happening::MayLeave);
        }
        self.somebody(who).passes = passes;
        for _ in 0..2 * self.custom.begun {
            if self.chance.once_in(2) {
                let at = self.now.plus(Duration::from_secs(UP.0 + self.chance.below(UP.1 - UP.0)));
                self.plan(at, who, Happening::Writes);
            }
        }
        self.plan(day.ends(), who, Happening::Day);
    }

    fn put_down(&mut self, who: usize, hold: Duration, is_letter: bool) {
        let (put_down, leaves) = (self.now, self.now.plus(hold));
        self.somebody(who).waits.push_back(Item { put_down, leaves, is_letter });
        self.plan(leaves, who, Happening::MayLeave);
    }

    /// Whatever is due leaves, each with a pass that has rested.
    fn leave_what_can(&mut self, who: usize) {
        if self.is_even(who) {
            return;
        }
        while let Some(item) = self.take_oldest(who) {
            if !self.spend(who, false) {
                self.somebody(who).waits.push_front(item);
                return;
            }
            self.leave(who, Some(item));
        }
    }

    fn leave_evenly(&mut self, who: usize) {
        if self.spend(who, true) {
            let item = self.take_oldest(who);
            self.leave(who, item);
        }
        let gap = self.gap();
        self.plan(self.now.plus(gap), who, Happening::Even);
    }

    fn take_oldest(&mut self, who: usize) -> Option<Item> {
        let now = self.now;
        let waits = &mut self.somebody(who).waits;
        let due = waits.iter().enumerate().filter(|(_, item)| item.leaves <= now);
        let (at, _) = due.min_by_key(|(_, item)| item.leaves)?;
        waits.remove(at)
    }

    fn spend(&mut self, who: usize, evenly: bool) -> bool {
        let now = self.now;
        let passes = &mut self.somebody(who).passes;
        if evenly && !times::may_spend_evenly(passes.len(), PER_DAY as usize) {
            return false;
        }
        let Some(at) = passes.iter().position(|not_before| *not_before <= now) else {
            return false;
        };
        passes.swap_remove(at);
        true
    }

    fn leave(&mut self, who: usize, item: Option<Item>) {
        self.left.push((who, self.now));
        let Some(item) = item.filter(|item| item.is_letter) else { return };
        self.waited.push(self.now.since(item.put_down).as_secs());
        // The box is looked into at a time of its own: somewhere in the time between two looks.
        let between = times::look_after(self.random()).as_secs();
        let seen = self.now.plus(Duration::from_secs(self.chance.below(between)));
        self.plan(seen, 1 - who, Happening::Came);
    }

    /// A letter was fetched: it is read within the time in which it is answered, or once people are up.
    fn notice(&mut self, who: usize) {
        let within = match self.custom.answered_within {
            0 => 4 * 60,
            within => within,
        };
        let at = self.now.plus(Duration::from_secs(MINUTE + self.chance.below(within * MINUTE)));
        let begins = Day::of(at).begins();
        let (up, down) =
            (begins.plus(Duration::from_secs(UP.0)), begins.plus(Duration::from_secs(UP.1)));
        let later = Duration::from_secs(self.chance.below(HOUR));
        let at = if at < up {
            up.plus(later)
        } else if at < down {
            at
        } else {
            up.plus(Duration::from_secs(24 * HOUR)).plus(later)
        };
        self.plan(at, who, Happening::Reads);
    }

    fn read(&mut self, who: usize) {
        if self.custom.receipts {
            let after = times::receipt_after(self.random());
            self.put_down(who, after, false);
        }
        if self.custom.answered_within > 0 && self.chance.once_in(2) {
            self.put_down(who, HOLD, true);
        }
    }
}

/// How often the attack names the right box first, over several windows.
#[derive(Debug, Clone)]
pub struct Measured {
    /// For each window: of how many boxes the other one of the pair was named first.
    pub named: Vec<(Duration, f64)>,
    /// Of how many boxes.
    pub of: u32,
    /// What part of them a guess names.
    pub guessed: f64,
    /// How long letters waited to leave, in seconds: half of them, and nine in ten, at most.
    pub waited: (u64, u64),
}

impl Measured {
    /// By how much at most, in all windows, the part that is named is larger than that which is guessed.
    #[must_use]
    pub fn advantage(&self) -> f64 {
        let most = self.named.iter().map(|(_, named)| *named).fold(0.0, f64::max);
        most / f64::from(self.of.max(1)) - self.guessed
    }

    /// The standard deviation of the part that a guess names.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        (self.guessed * (1.0 - self.guessed) / f64::from(self.of.max(1))).sqrt()
    }
}

/// Over so many minutes after a letter came to one box the attack looks for letters that come to others.
pub const WINDOWS: [u64; 7] = [5, 15, 60, 4 * 60, 12 * 60, 24 * 60, 48 * 60];

/// Has so many populations live, one after the other, and attacks the records of each.
#[must_use]
pub fn measure(
    (people, letters): (usize, usize),
    populations: usize,
    custom: Custom,
    chance: &Chance,
) -> Measured {
    let windows = WINDOWS.map(|minutes| Duration::from_secs(minutes * MINUTE));
    let mut named: BTreeMap<Duration, f64> = windows.iter().map(|window| (*window, 0.0)).collect();
    let (mut of, mut guessed, mut waited) = (0, 0.0, Vec::new());
    for _ in 0..populations {
        let lived = live(people, letters, custom, chance);
        waited.extend(lived.waited);
        for (window, named) in &mut named {
            let found =
                lived.records.associate(&lived.truth.owners, &lived.truth.partners, *window);
            *named += found.right;
            if *window == windows[0] {
                of += found.of;
                guessed += found.guessed;
            }
        }
    }
    waited.sort_unstable();
    let at = |part: usize| waited.get(waited.len() * part / 10).copied().unwrap_or_default();
    Measured {
        named: named.into_iter().collect(),
        of,
        guessed: guessed / f64::from(of.max(1)),
        waited: (at(5), at(9)),
    }
}

/// How many populations of so many people it takes until `resolved` is four deviations of what a guess names.
#[must_use]
pub fn populations_for(people: usize, resolved: f64) -> usize {
    let guess = 1.0 / (people.max(2) - 1) as f64;
    let boxes = guess * (1.0 - guess) * (4.0 / resolved).powi(2);
    let mut populations = 1;
    while ((populations * people) as f64) < boxes {
        populations += 1;
    }
    populations
}
