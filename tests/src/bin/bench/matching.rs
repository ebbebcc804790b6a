//! What the times of letters give away: many people write in pairs, and the attack of Martiny, Kaptchuk, Aviv, Roche and
//! Wustrow (NDSS 2021) names, for each box, the one that answers.

use std::time::Duration;

use pregao_tests::sim::machine::Chance;
use pregao_tests::sim::matching::model::{
    Custom, DEFAULT, EVEN, Measured, ONE_SIDED, PROMPT, RECEIPTS, measure as attack,
    populations_for,
};

use crate::gauge::Row;

/// What is to be told from guessing: this part of all boxes, at four deviations.
const RESOLVED: f64 = 0.01;
/// Fewest people: of two nothing has to be guessed.
const FEWEST: usize = 4;
/// How people write.
const CUSTOMS: [(&str, Custom); 5] = [
    ("default settings, answers in 4 h", DEFAULT),
    ("receipts alone", RECEIPTS),
    ("answers in 10 minutes", PROMPT),
    ("even times, answers in 10 minutes", EVEN),
    ("even times of one of each pair", ONE_SIDED),
];

/// So many people, each pair of which writes so many letters; as many times as it takes to resolve one in a hundred, or
/// just so often.
pub(crate) fn measure(people: usize, letters: usize, times: Option<usize>) -> Vec<Row> {
    let people = people.max(FEWEST).next_multiple_of(2);
    let times = times.unwrap_or_else(|| populations_for(people, RESOLVED));
    let chance = Chance::of(1);
    let mut rows = Vec::new();
    for (name, custom) in CUSTOMS {
        rows.extend(told(name, &attack((people, letters), times, custom, &chance)));
    }
    rows
}

fn told(name: &str, found: &Measured) -> Vec<Row> {
    let percent = |part: f64| part * 100.0;
    let of = f64::from(found.of.max(1));
    let named = found.named.iter().map(|(window, named)| {
        let what = format!("partner's box named, {name}, {}", printed(*window));
        Row::new(what, percent(named / of), "%")
    });
    let mut rows: Vec<Row> = named.collect();
    let hours = |seconds: u64| Duration::from_secs(seconds).as_secs_f64() / 3_600.0;
    let (half, most) = found.waited;
    rows.extend([
        Row::new(format!("  guessing, {} boxes", found.of), percent(found.guessed), "%"),
        Row::new("  one deviation of a guess", percent(found.deviation()), "%"),
        Row::new("  most beyond guessing", percent(found.advantage()), "%"),
        Row::new("  half of the letters leave within", hours(half), "h"),
        Row::new("  nine in ten leave within", hours(most), "h"),
    ]);
    rows
}

fn printed(window: Duration) -> String {
    match window.as_secs() / 60 {
        minutes if minutes < 60 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}
