//! The attacker: what the broker recorded, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Body;
use pregao_protocol::wire::frame::FromPeer;

use super::super::recorder::{Connection, Who};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Whoever spends a pass so soon after taking it does not wait.
const HURRIED: Duration = Duration::from_secs(10 * 60);

/// The day of an instant, from the beginning on.
const fn day(at: Duration) -> u64 {
    at.as_secs() / (24 * 60 * 60)
}

/// A letter or receipt that was left in a box, in a guest's session.
#[derive(Debug, Clone)]
pub struct Left {
    /// When it was handed in.
    pub at: Duration,
    /// The box.
    pub to: RoomName,
    /// From which address, if the attacker sees any.
    address: Option<Arc<str>>,
    /// Whose it is: nothing that is guessed looks at this.
    pub truth: Arc<str>,
}

/// A persona took passes.
#[derive(Debug, Clone)]
pub struct Took {
    /// When.
    pub at: Duration,
    /// In whose name: the persona, which the broker knows by its key.
    pub who: Arc<str>,
    address: Option<Arc<str>>,
}

/// A guest looked into a box as its owner.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// When its session began.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
    /// The box.
    pub into: RoomName,
}

/// What the broker saw, sorted.
#[derive(Debug, Default)]
pub struct Records {
    /// What was left in boxes.
    pub left: Vec<Left>,
    /// Who took passes.
    pub took: Vec<Took>,
    /// Who looked into boxes.
    pub looked: Vec<Looked>,
    /// Connections that could not be read.
    pub unread: usize,
}

impl Records {
    /// Sorts what was recorded; with addresses, or as they come through a proxy that all use.
    pub fn of(connections: &[Connection], addresses: bool) -> Self {
        let mut records = Self::default();
        for connection in connections {
            records.unread += usize::from(connection.is_closed_book);
            let address = addresses.then(|| Arc::clone(&connection.from));
            for frame in &connection.frames {
                let Ok(said) = FromPeer::parse(&frame.bytes) else { continue };
                let (at, from) = (frame.at, Arc::clone(&connection.from));
                match (said, connection.who) {
                    (FromPeer::Submit { action, .. }, Some(Who::Guest)) => {
                        let Ok(action) = Action::parse(&action) else { continue };
                        if matches!(action.body(), Body::Deposit(_)) {
                            let (to, address) = (action.room(), address.clone());
                            records.left.push(Left { at, to, address, truth: from });
                        }
                    }
                    (FromPeer::TakePasses { .. }, Some(Who::Persona(_))) => {
                        records.took.push(Took { at, who: from, address: address.clone() });
                    }
                    (FromPeer::Join { room, member: Some(_), .. }, Some(Who::Guest)) => {
                        let (began, ended) = (connection.began, connection.ended.unwrap_or(at));
                        records.looked.push(Looked { began, ended, into: room });
                    }
                    _ => {}
                }
            }
        }
        records
    }
}

impl Records {
    /// Letters that came to boxes at these times, and nothing else.
    pub fn of_letters(came: &[(RoomName, Duration)]) -> Self {
        let mut left: Vec<_> = came
            .iter()
            .map(|(to, at)| Left { at: *at, to: *to, address: None, truth: "somebody".into() })
            .collect();
        left.sort_by_key(|left| left.at);
        Self { left, ..Self::default() }
    }

    /// Whose a letter is, among all personas that took passes before on its day: a share for each, which add up to one.
    ///
    /// Whoever took passes at the same address is it, and else whoever has just taken some: that is somebody in a hurry.
    /// Others spend none within the hour; and what waited for a pass leaves with the first, so of those who could it is
    /// rather one who took theirs some hours ago.
    fn shares(&self, left: &Left) -> BTreeMap<Arc<str>, f64> {
        let before = |took: &&Took| day(took.at) == day(left.at) && took.at <= left.at;
        let today: Vec<&Took> = self.took.iter().filter(before).collect();
        let at_one_address = |took: &&Took| took.address.is_some() && took.address == left.address;
        let since = |took: &Took| left.at.saturating_sub(took.at);
        let is_hurried = |took: &&Took| since(took) <= HURRIED;
        let has_rested = |took: &&Took| since(took) >= HOUR;
        let ways: [&dyn Fn(&&Took) -> bool; 3] = [&at_one_address, &is_hurried, &has_rested];
        let could = ways
            .iter()
            .map(|way| today.iter().filter(|took| way(took)).copied().collect::<Vec<_>>())
            .find(|could| !could.is_empty())
            .unwrap_or_default();
        let weight = |took: &Took| if since(took) <= 3 * HOUR { 4.0 } else { 1.0 };
        let all: f64 = could.iter().map(|took| weight(took)).sum();
        let mut shares = BTreeMap::new();
        for took in could {
            *shares.entry(Arc::clone(&took.who)).or_insert(0.0) += weight(took) / all;
        }
        shares
    }

    /// How often the attacker names the one who left a letter, and how often whoever knows only who took passes that day
    /// would: of so many letters.
    pub fn name_senders(&self) -> Success {
        let mut success = Success::default();
        for left in &self.left {
            let shares = self.shares(left);
            let best = shares.values().copied().fold(0.0, f64::max);
            // Of several as likely one is named at random.
            let named: Vec<_> = shares.iter().filter(|(_, share)| **share >= best).collect();
            let is_named = named.iter().any(|(who, _)| **who == left.truth);
            success.right += if is_named { 1.0 / named.len() as f64 } else { 0.0 };
            let took: BTreeSet<_> = self
                .took
                .iter()
                .filter(|took| day(took.at) == day(left.at))
                .map(|took| &took.who)
                .collect();
            success.guessed += 1.0 / took.len().max(1) as f64;
            success.of += 1;
        }
        success
    }

    /// How often looks into two boxes met that are of one owner, and of two: for each pair of boxes and hour.
    pub fn meetings(&self, owners: &BTreeMap<RoomName, Arc<str>>) -> (f64, f64) {
        let mut met: BTreeMap<(RoomName, RoomName), u32> = BTreeMap::new();
        for (at, one) in self.looked.iter().enumerate() {
            for other in self.looked.iter().skip(at + 1) {
                if one.into != other.into && one.began < other.ended && other.began < one.ended {
                    let pair = (one.into.min(other.into), one.into.max(other.into));
                    *met.entry(pair).or_default() += 1;
                }
            }
        }
        let mean = |same: bool| {
            let boxes: Vec<_> = owners.keys().collect();
            let pairs = boxes.iter().enumerate().flat_map(|(at, one)| {
                boxes.iter().skip(at + 1).map(move |other| (**one.min(other), **one.max(other)))
            });
            let of: Vec<_> = pairs
                .filter(|(one, other)| (owners.get(one) == owners.get(other)) == same)
                .map(|pair| met.get(&pair).copied().unwrap_or_default())
                .collect();
            f64::from(of.iter().sum::<u32>()) / of.len().max(1) as f64
        };
        (mean(true), mean(false))
    }

    /// When something came to each box, in microseconds and in order.
    fn by_box(&self) -> Vec<(RoomName, Vec<u128>)> {
        let mut came: BTreeMap<RoomName, Vec<u128>> = BTreeMap::new();
        for left in &self.left {
            came.entry(left.to).or_default().push(left.at.as_micros());
        }
        for times in came.values_mut() {
            times.sort_unstable();
        }
        came.into_iter().collect()
    }

    /// The attack of Martiny, Kaptchuk, Aviv, Roche and Wustrow (NDSS 2021): which box gets letters within `window` after one
    /// came to `target` more often than it does anyway. In order, the most suspicious first.
    pub fn associates(&self, target: RoomName, window: Duration) -> Vec<(RoomName, f64)> {
        associates(&self.by_box(), target, window)
    }

    /// For how many boxes that got letters the attack names the box of whoever is written to from there, of how many; and
    /// how many a guess would name.
    pub fn associate(
        &self,
        owners: &BTreeMap<RoomName, Arc<str>>,
        partners: &BTreeMap<Arc<str>, Arc<str>>,
        window: Duration,
    ) -> Success {
        let boxes = self.by_box();
        let mut success = Success::default();
        for (target, _) in &boxes {
            let found = associates(&boxes, *target, window);
            let partner = owners.get(target).and_then(|owner| partners.get(owner));
            // Of several as suspicious one is named at random.
            let best = found.first().map_or(0.0, |(_, score)| *score);
            let named: Vec<_> = found.iter().take_while(|(_, score)| *score >= best).collect();
            let is_named = named.iter().any(|(name, _)| owners.get(name) == partner);
            success.right += if is_named { 1.0 / named.len() as f64 } else { 0.0 };
            success.guessed += 1.0 / found.len().max(1) as f64;
            success.of += 1;
        }
        success
    }
}

/// As [`Records::associates`], of what came to each box.
fn associates(
    boxes: &[(RoomName, Vec<u128>)],
    target: RoomName,
    window: Duration,
) -> Vec<(RoomName, f64)> {
    let window = window.as_micros();
    // All times within the window after some letter, one after the other.
    let mut within: Vec<(u128, u128)> = Vec::new();
    let came = boxes.iter().filter(|(name, _)| *name == target).flat_map(|(_, came)| came);
    for at in came {
        match within.last_mut() {
            Some((_, end)) if *at <= *end => *end = at + window,
            _ => within.push((*at, at + window)),
        }
    }
    let ends = boxes.iter().filter_map(|(_, came)| Some((*came.first()?, *came.last()?)));
    let (first, last) =
        ends.fold((u128::MAX, 0), |(first, last), (from, to)| (first.min(from), last.max(to)));
    // What part of all time that is.
    let covered: u128 = within.iter().map(|(from, to)| to.min(&last) - from.min(&last)).sum();
    let covered = covered as f64 / last.saturating_sub(first).max(1) as f64;
    let covered = covered.clamp(1e-6, 1.0 - 1e-6);
    let score = |came: &[u128]| {
        let (mut spans, mut after) = (within.iter().peekable(), 0_u32);
        for at in came {
            while spans.next_if(|(_, end)| end < at).is_some() {}
            after += u32::from(spans.peek().is_some_and(|(from, _)| from < at));
        }
        let all = came.len() as f64;
        (f64::from(after) - all * covered) / (all * covered * (1.0 - covered)).sqrt()
    };
    let others = boxes.iter().filter(|(name, came)| *name != target && !came.is_empty());
    let mut found: Vec<_> = others.map(|(name, came)| (*name, score(came))).collect();
    found.sort_by(|one, other| other.1.total_cmp(&one.1));
    found
}

/// How an attacker fares.
#[derive(Debug, Clone, Copy, Default)]
pub struct Success {
    /// Expected number of right answers.
    pub right: f64,
    /// That of somebody who guesses.
    pub guessed: f64,
    /// Number of questions.
    pub of: u32,
}

impl Success {
    /// Part of the answers that are right, and that of somebody who guesses.
    pub fn parts(&self) -> (f64, f64) {
        let of = f64::from(self.of.max(1));
        (self.right / of, self.guessed / of)
    }

    /// How many right answers somebody who guesses gives at most, but for once in some thousand runs: four deviations.
    pub fn bound(&self) -> f64 {
        let (_, guess) = self.parts();
        self.guessed + 4.0 * (f64::from(self.of) * guess * (1.0 - guess)).sqrt()
    }
}
