//! A history in lines that can be read.

use super::plain::{Act, Record, RuleText, SECOND, Signer, Terms};

/// What was handed in, each with what came of it.
pub(super) fn history(all: &[(Record, Result<(), &'static str>)]) -> Vec<String> {
    let zero = all
        .iter()
        .find(|(record, decided)| matches!(record.act, Act::List(_)) && decided.is_ok())
        .or(all.first())
        .map_or(0, |(record, _)| record.batch.time);
    let mut seq = 0;
    let mut lines = Vec::new();
    for (record, decided) in all {
        let place = match decided {
            Ok(()) => {
                seq += 1;
                format!("{:>3}", seq - 1)
            }
            Err(_) => "  -".to_owned(),
        };
        let mut line = format!(
            "{place} {} (before {}) TSA {} #{} by {} seen {}{}{}: {}",
            instant(record.batch.time, zero),
            instant(record.batch.prev_time, zero),
            record.batch.tsa,
            record.batch.number,
            signer(record.signer),
            record.seen.0,
            if record.seen.1 { "" } else { " (false)" },
            if record.is_of_this_room { "" } else { " OTHER ROOM" },
            act(&record.act, zero),
        );
        if let Err(code) = decided {
            line.push_str(" -> ");
            line.push_str(code);
        }
        lines.push(line);
    }
    lines
}

fn instant(time: u64, zero: u64) -> String {
    let (sign, span) = if time < zero { ("-", zero - time) } else { ("+", time - zero) };
    format!("{sign}{}.{:06}", span / SECOND, span % SECOND)
}

fn signer(signer: Signer) -> String {
    match signer {
        Signer::Broker => "broker".to_owned(),
        Signer::Key(person, key) => format!("{person}/{key}"),
    }
}

fn act(act: &Act, zero: u64) -> String {
    match act {
        Act::List(terms) => list(terms, zero),
        other => format!("{other:?}"),
    }
}

fn list(terms: &Terms, zero: u64) -> String {
    let at = |time: u64| instant(time, zero);
    let rule = match &terms.rule {
        None => "none".to_owned(),
        Some(RuleText::Tree(tree)) => tree.to_string(),
        Some(RuleText::Nonsense(text)) => format!("{text:?}"),
    };
    format!(
        "List start {} increment {} steps {:?} most {:?} buy {:?} begin {:?} end {} soft {:?} sealed {:?} dutch {:?} reserve {:?} F {} G {} within {} TSAs {:?} witnesses {:?} quorum {} threshold {} rule {rule}",
        terms.start,
        terms.increment,
        terms.steps,
        terms.max_raise,
        terms.buy_now,
        terms.begin.map(at),
        at(terms.end),
        terms.soft.map(|(extend, hard_end)| (extend, at(hard_end))),
        terms.sealed,
        terms.dutch,
        terms.reserve,
        terms.freshness,
        terms.grace,
        terms.within,
        terms.stamps,
        terms.witnesses,
        terms.quorum,
        terms.threshold,
    )
}
