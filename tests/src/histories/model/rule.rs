//! What a seller's rule answers (V-172 to V-176), by walking its tree.

use super::listing::last_end;
use crate::histories::plain::{MOST, RuleText, SECOND, Terms};
use crate::histories::rule::Expression;

/// What a rule is asked about: variables by name.
type State<'a> = Vec<(&'a str, i128)>;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Number(i128),
    Boolean(bool),
    Text(&'static str),
}

/// An error of a rule.
#[derive(Debug)]
struct Errs;

/// A bid among others, as a rule sees it.
pub(super) struct Asked {
    pub(super) amount: u64,
    pub(super) highest: u64,
    pub(super) least: u64,
    pub(super) bids: u64,
    pub(super) paddle_bids: u64,
    pub(super) elapsed: u64,
    pub(super) remaining: u64,
}

fn state(terms: &Terms, asked: &Asked) -> State<'static> {
    vec![
        ("amount", asked.amount.into()),
        ("highest", asked.highest.into()),
        ("least", asked.least.into()),
        ("start", terms.start.into()),
        ("bids", asked.bids.into()),
        ("paddle_bids", asked.paddle_bids.into()),
        ("elapsed", asked.elapsed.into()),
        ("remaining", asked.remaining.into()),
    ]
}

/// V-175: whether the rule of these terms, if there is one, answers with true.
pub(super) fn allows(terms: &Terms, asked: &Asked) -> bool {
    match &terms.rule {
        None => true,
        Some(RuleText::Nonsense(_)) => false,
        Some(RuleText::Tree(tree)) => {
            matches!(value(tree, &mut state(terms, asked)), Ok(Value::Boolean(true)))
        }
    }
}

/// V-176: by what is known of a sealed bid, or of a bid alone.
pub(in crate::histories) fn accepts(terms: &Terms, listed: u64, amount: u64, time: u64) -> bool {
    let (elapsed, remaining) = ((time - listed) / SECOND, (terms.end - time) / SECOND);
    let (highest, least, bids, paddle_bids) = (0, 0, 0, 0);
    let asked = Asked { amount, highest, least, bids, paddle_bids, elapsed, remaining };
    allows(terms, &asked)
}

/// V-174: it is a rule and errs in none of the states.
pub(super) fn may_be_asked(terms: &Terms, listed: u64) -> bool {
    let Some(RuleText::Tree(tree)) = &terms.rule else { return false };
    if terms.sealed.is_some() && !fits_sealed_bids(tree) {
        return false;
    }
    let first = terms.start.max(1);
    let mut increment = terms.increment;
    for (from, step) in &terms.steps {
        if *from <= first {
            increment = *step;
        }
    }
    let lasts = (last_end(terms) - listed) / SECOND;
    let others =
        [(0, first, 0), (first, (first + increment).min(MOST), 1), (MOST - 1, MOST, 1_000_000)];
    for (highest, least, bids) in others {
        for amount in [least, MOST] {
            for (elapsed, remaining) in [(0, lasts), (lasts, 0)] {
                let paddle_bids = bids;
                let asked = Asked { amount, highest, least, bids, paddle_bids, elapsed, remaining };
                let alone = terms.sealed.is_some() && bids > 0;
                if !alone && value(tree, &mut state(terms, &asked)).is_err() {
                    return false;
                }
            }
        }
    }
    true
}

/// Whether it asks for nothing that is not known of a sealed bid.
fn fits_sealed_bids(tree: &Expression) -> bool {
    match tree {
        Expression::Number(_) | Expression::Boolean(_) | Expression::Text(_) => true,
        Expression::Variable(name) => !["highest", "least", "bids", "paddle_bids"].contains(name),
        Expression::Negative(of) | Expression::Not(of) => fits_sealed_bids(of),
        Expression::Let(_, one, other) | Expression::Both(_, one, other) => {
            fits_sealed_bids(one) && fits_sealed_bids(other)
        }
        Expression::If(asked, yes, no) => {
            [asked, yes, no].into_iter().all(|of| fits_sealed_bids(of))
        }
    }
}

fn number(value: Value) -> Result<i128, Errs> {
    if let Value::Number(number) = value { Ok(number) } else { Err(Errs) }
}

fn within(number: i128) -> Result<Value, Errs> {
    let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
    if range.contains(&number) { Ok(Value::Number(number)) } else { Err(Errs) }
}

/// V-173.
fn value<'a>(of: &'a Expression, known: &mut State<'a>) -> Result<Value, Errs> {
    match of {
        Expression::Number(number) => Ok(Value::Number((*number).into())),
        Expression::Boolean(value) => Ok(Value::Boolean(*value)),
        Expression::Text(text) => Ok(Value::Text(text)),
        Expression::Variable(name) => {
            let value = known.iter().find(|(known, _)| known == name);
            value.map(|(_, number)| Value::Number(*number)).ok_or(Errs)
        }
        Expression::Let(name, named, rest) => {
            let named = number(value(named, known)?)?;
            known.push((name, named));
            let rest = value(rest, known);
            known.pop();
            rest
        }
        Expression::Negative(of) => within(-number(value(of, known)?)?),
        Expression::Not(of) => Ok(Value::Boolean(value(of, known)? == Value::Boolean(false))),
        Expression::If(asked, yes, no) => {
            let holds = value(asked, known)? == Value::Boolean(true);
            value(if holds { yes } else { no }, known)
        }
        Expression::Both(mark, one, other) => {
            let first = value(one, known)?;
            match (*mark, first) {
                ("&&", Value::Boolean(false)) | ("||", Value::Boolean(true)) => Ok(first),
                ("&&" | "||", _) => value(other, known),
                _ => worked_out(mark, first, value(other, known)?),
            }
        }
    }
}

fn worked_out(mark: &str, one: Value, other: Value) -> Result<Value, Errs> {
    match mark {
        "==" => return Ok(Value::Boolean(one == other)),
        "!=" => return Ok(Value::Boolean(one != other)),
        _ => {}
    }
    let (one, other) = (number(one)?, number(other)?);
    // The least number by −1 is an error of both.
    let divisible = other != 0 && !(one == i128::from(i64::MIN) && other == -1);
    match mark {
        "+" => within(one + other),
        "-" => within(one - other),
        "*" => within(one * other),
        "/" if divisible => within(one / other),
        "%" if divisible => within(one % other),
        "<" => Ok(Value::Boolean(one < other)),
        "<=" => Ok(Value::Boolean(one <= other)),
        ">" => Ok(Value::Boolean(one > other)),
        ">=" => Ok(Value::Boolean(one >= other)),
        _ => Err(Errs),
    }
}
