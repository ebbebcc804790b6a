//! Terms that a listing may have, and such that it may not.

use crate::histories::Kind;
use crate::histories::house::{TSAS, WITNESSES};
use crate::histories::plain::{MOST, RuleText, SECOND, Terms};
use crate::histories::rule::{Asked, Rules};
use crate::sim::machine::Chance;

const DAY: u64 = 86_400;

/// Terms that hold for a listing stamped at `now`, but perhaps for their rule.
pub(super) fn draw(chance: &Chance, kind: Kind, now: u64) -> Terms {
    let (is_sealed, is_dutch) =
        (matches!(kind, Kind::SealedFirst | Kind::SealedSecond), kind == Kind::Dutch);
    let start = start(chance, is_dutch);
    let freshness = if is_dutch { 1 + chance.below(3) } else { 1 + chance.below(12) };
    let lasts = chance.pick(&[1, 5, 20, 60, 300]).copied().unwrap_or(60);
    let end = now + lasts * SECOND + odd(chance);
    let mut terms = Terms {
        start,
        increment: if is_sealed || is_dutch { 1 } else { 1 + chance.below(100) },
        steps: Vec::new(),
        max_raise: None,
        buy_now: None,
        begin: None,
        end,
        soft: None,
        sealed: None,
        dutch: None,
        reserve: None,
        rule: None,
        freshness,
        grace: 1 + chance.below(6),
        within: 10 + chance.below(60),
        stamps: vec![0],
        threshold: 1,
        witnesses: Vec::new(),
        quorum: 0,
        is_delivery_usable: true,
    };
    let takes = |one: Kind| kind == one || (kind == Kind::Mixed && chance.once_in(2));
    if takes(Kind::Steps) {
        steps(chance, &mut terms);
    }
    if takes(Kind::MaxRaise) {
        let largest = terms.steps.iter().map(|(_, by)| *by).max().unwrap_or(0);
        terms.max_raise = Some(largest.max(terms.increment) + chance.below(200));
    }
    if takes(Kind::BuyNow) {
        terms.buy_now = Some((start.max(1) + chance.below(1_500)).min(MOST));
    }
    if takes(Kind::Soft) {
        let extend = 3 * freshness + chance.below(30);
        terms.soft = Some((extend, end + chance.below(120) * SECOND));
    }
    let begins = takes(Kind::Begin) || (!is_sealed && chance.once_in(8)) || chance.once_in(20);
    if begins {
        // Perhaps before it is listed.
        terms.begin = Some((now + chance.below(lasts) * SECOND).min(end - 1) - chance.below(2));
    }
    if is_dutch {
        let fall = 1 + chance.below(start - 1);
        let floor = 1 + chance.below(start - fall);
        terms.dutch = Some((floor, fall, 1 + chance.below(6)));
    } else if chance.once_in(3) {
        terms.stamps = (0..1 + below(chance, TSAS - 1)).collect();
    }
    if is_sealed || chance.once_in(2) {
        witnesses(chance, &mut terms);
    }
    if is_sealed {
        let count = terms.stamps.len() as u64;
        terms.sealed = Some((kind == Kind::SealedSecond, 1 + chance.below(count)));
    }
    if !is_dutch && terms.quorum > 0 && chance.once_in(4) {
        let count = terms.stamps.len() as u64;
        terms.reserve = Some(terms.needed().unwrap_or_else(|| 1 + chance.below(count)));
    }
    if !is_dutch && chance.once_in(3) {
        terms.rule = Some(rule(chance, &terms));
    }
    terms
}

fn below(chance: &Chance, bound: usize) -> usize {
    usize::try_from(chance.below(bound as u64)).unwrap_or_default()
}

/// Not always a whole second.
fn odd(chance: &Chance) -> u64 {
    if chance.once_in(2) { chance.below(SECOND) } else { 0 }
}

fn start(chance: &Chance, is_dutch: bool) -> u64 {
    if is_dutch {
        return chance.pick(&[2, 10, 1_000, MOST]).copied().unwrap_or(10);
    }
    match chance.below(10) {
        0 | 1 => 0,
        2 => 1,
        3 => MOST - 150,
        _ => 100 + chance.below(2_000),
    }
}

fn steps(chance: &Chance, terms: &mut Terms) {
    let mut from = 1 + chance.below(terms.start.saturating_add(50).min(3_000));
    for _ in 0..=chance.below(3) {
        terms.steps.push((from, 1 + chance.below(150)));
        from += 1 + chance.below(120);
    }
}

fn witnesses(chance: &Chance, terms: &mut Terms) {
    let first = below(chance, WITNESSES);
    let operators = 1 + below(chance, 3);
    for number in 0..=below(chance, 4) {
        let key = (first + number) % WITNESSES;
        terms.witnesses.push((key, below(chance, operators)));
    }
    let mut different: Vec<usize> = terms.witnesses.iter().map(|(_, by)| *by).collect();
    different.sort_unstable();
    different.dedup();
    let (all, least) = (different.len() as u64, different.len() as u64 / 2 + 1);
    terms.quorum = least + chance.below(all + 1 - least);
}

fn rule(chance: &Chance, terms: &Terms) -> RuleText {
    if chance.once_in(25) {
        let texts = ["", "amount", "true;", "amount > ", "amount.abs() > 1", "\"", "highest => 1"];
        return RuleText::Nonsense(chance.pick(&texts).copied().unwrap_or_default().to_owned());
    }
    // Once in a while one that asks for what is sealed.
    let fits = terms.sealed.is_none() || chance.once_in(10);
    let asked = if fits { Asked::Open } else { Asked::Sealed };
    let around = terms.start.clamp(10, MOST / 4);
    RuleText::Tree(Rules { chance, asked, around, names: 0 }.rule())
}

/// Terms in which one thing is not as it may be, or is at its very edge.
pub(super) fn spoil(chance: &Chance, terms: &mut Terms, now: u64) {
    let year = now + 366 * DAY * SECOND;
    let by_one = chance.below(2);
    match chance.below(26) {
        0 => terms.end = now + by_one,
        1 => (terms.end, terms.soft) = (year + by_one, None),
        2 => terms.begin = Some(terms.end - by_one),
        3 => terms.freshness = chance.pick(&[0, 60, 61]).copied().unwrap_or(0),
        4 => terms.grace = chance.pick(&[0, 60, 61]).copied().unwrap_or(0),
        5 => terms.within = chance.pick(&[9, 2_592_000, 2_592_001]).copied().unwrap_or(9),
        6 => terms.stamps.clear(),
        7 => terms.stamps = (0..TSAS).chain(0..TSAS).chain(0..below(chance, 2)).collect(),
        8 => terms.threshold = chance.below(3),
        9 => terms.soft = Some((3 * terms.freshness - by_one, terms.end)),
        10 => terms.soft = Some((DAY + by_one, terms.end)),
        11 => terms.soft = Some((3 * terms.freshness, terms.end - by_one)),
        12 => terms.soft = Some((3 * terms.freshness, year + by_one)),
        13 => terms.steps = vec![(50, 1), (50 + by_one, 2)],
        14 => terms.steps = (1..=16 + by_one).map(|from| (from, 1)).collect(),
        15 => terms.max_raise = Some((terms.increment - by_one).max(1)),
        16 => terms.buy_now = Some((terms.start.max(2) - by_one).min(MOST)),
        17 => terms.quorum = chance.below(5),
        18 => terms.witnesses = vec![(1, 1), (1 + below(chance, 2), 1)],
        19 => terms.is_delivery_usable = false,
        20 => terms.increment += by_one,
        24 => terms.reserve = Some(chance.below(6)),
        25 => (terms.reserve, terms.dutch) = (Some(1), Some((1, 1, 1))),
        21 => match &mut terms.sealed {
            Some((_, needed)) => *needed = chance.below(6),
            None => terms.sealed = Some((false, 1)),
        },
        22 => match &mut terms.dutch {
            Some((floor, fall, _)) => {
                *fall = (terms.start - *floor).min(MOST - 1) + by_one;
                *floor = (*floor).min(MOST);
            }
            None => terms.dutch = Some((1, 1, 1)),
        },
        _ => match &mut terms.dutch {
            Some((_, _, every)) => *every = chance.pick(&[0, DAY, DAY + 1]).copied().unwrap_or(0),
            None => terms.rule = Some(RuleText::Nonsense("1".to_owned())),
        },
    }
}
