//! Sellers' rules as trees, and as text: the other way round than a reader does it.

use std::fmt;

use crate::sim::machine::Chance;

/// An expression of a rule (SPEC 7.10).
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Number(i64),
    Boolean(bool),
    Text(&'static str),
    Variable(&'static str),
    /// A name for a value that comes before what uses it.
    Let(String, Box<Expression>, Box<Expression>),
    Negative(Box<Expression>),
    Not(Box<Expression>),
    Both(&'static str, Box<Expression>, Box<Expression>),
    If(Box<Expression>, Box<Expression>, Box<Expression>),
}

use Expression::{Boolean, Both, If, Let, Negative, Not, Number, Text, Variable};

impl fmt::Display for Expression {
    /// With every bracket that there may be, but for bodies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number(number) if *number < 0 => write!(f, "(-{})", number.unsigned_abs()),
            Number(number) => write!(f, "{number}"),
            Boolean(value) => write!(f, "{value}"),
            Text(text) => write!(f, "\"{text}\""),
            Variable(name) => f.write_str(name),
            // Only bodies begin with one; `if true` makes a body of anything.
            Let(name, value, rest) => {
                write!(
                    f,
                    "(if true {{ let {name} = {value}; {rest} }} else {{ {rest_alone} }})",
                    rest_alone = default_of(rest)
                )
            }
            Negative(of) => write!(f, "(-{of})"),
            Not(of) => write!(f, "(!{of})"),
            Both(mark, one, other) => write!(f, "({one} {mark} {other})"),
            If(asked, yes, no) => write!(f, "(if {asked} {{ {yes} }} else {{ {no} }})"),
        }
    }
}

/// Something of the same kind that uses no name: what is never looked at has a kind, too.
fn default_of(expression: &Expression) -> &'static str {
    match expression {
        Number(_) | Negative(_) => "0",
        Text(_) => "\"-\"",
        Boolean(_) | Not(_) => "true",
        Both(mark, ..) if ["+", "-", "*", "/", "%"].contains(mark) => "0",
        Both(..) => "true",
        Variable(_) => "0",
        Let(_, _, rest) => default_of(rest),
        If(_, yes, _) => default_of(yes),
    }
}

fn both(mark: &'static str, one: Expression, other: Expression) -> Expression {
    Both(mark, Box::new(one), Box::new(other))
}

/// What may be asked about.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    Open,
    Sealed,
}

const OPEN: &[&str] =
    &["amount", "highest", "least", "start", "bids", "paddle_bids", "elapsed", "remaining"];
const SEALED: &[&str] = &["amount", "start", "elapsed", "remaining"];

/// Draws rules, most of which a listing may have.
pub(super) struct Rules<'a> {
    pub(super) chance: &'a Chance,
    pub(super) asked: Asked,
    /// About how much bids are.
    pub(super) around: u64,
    pub(super) names: usize,
}

impl Rules<'_> {
    pub(super) fn rule(&mut self) -> Expression {
        match self.chance.below(8) {
            0 => both("==", both("%", Variable("amount"), Number(self.small(1, 12))), Number(0)),
            1 => both("<=", Variable("amount"), Number(self.near())),
            2 => If(
                Box::new(both("<", Variable("elapsed"), Number(self.small(0, 40)))),
                Box::new(Text("wait a little")),
                Box::new(both("!=", both("%", Variable("amount"), Number(7)), Number(3))),
            ),
            // No error in any sample, and one of a single amount, or in a single second.
            3 => {
                let (asked, of) = match self.chance.below(3) {
                    0 => ("amount", self.near()),
                    _ => ("elapsed", self.small(1, 9)),
                };
                let gap = both("-", Variable(asked), Number(of));
                both(">=", both("/", Number(1), gap), Number(-1))
            }
            4 => Let(
                "gap".to_owned(),
                Box::new(both("-", Variable("amount"), Variable("start"))),
                Box::new(both(
                    ">=",
                    both("*", Variable("gap"), Number(2)),
                    Number(self.small(0, 200)),
                )),
            ),
            5 => both(">", Variable("remaining"), Number(self.small(0, 30))),
            _ => self.answer(3),
        }
    }

    fn small(&self, from: i64, below: i64) -> i64 {
        let span = u64::try_from(below.saturating_sub(from)).unwrap_or(1);
        from.saturating_add(i64::try_from(self.chance.below(span)).unwrap_or_default())
    }

    fn near(&self) -> i64 {
        let amount = self.around.saturating_add(self.chance.below(self.around.saturating_add(20)));
        i64::try_from(amount).unwrap_or(i64::MAX)
    }

    fn answer(&mut self, depth: usize) -> Expression {
        match self.chance.below(4) {
            0 if depth > 0 => {
                let (yes, no) = (self.answer(depth - 1), self.answer(depth - 1));
                If(Box::new(self.boolean(depth - 1)), Box::new(yes), Box::new(no))
            }
            1 => Text("not like this"),
            _ => self.boolean(depth),
        }
    }

    fn boolean(&mut self, depth: usize) -> Expression {
        if depth == 0 {
            return Boolean(self.chance.once_in(2));
        }
        match self.chance.below(9) {
            0 => Not(Box::new(self.boolean(depth - 1))),
            1 => both("&&", self.boolean(depth - 1), self.boolean(depth - 1)),
            2 => both("||", self.boolean(depth - 1), self.boolean(depth - 1)),
            3 => both("==", self.boolean(depth - 1), self.boolean(depth - 1)),
            4 => {
                self.names += 1;
                let name = format!("name_{}", self.names);
                Let(name, Box::new(self.number(depth - 1)), Box::new(self.boolean(depth - 1)))
            }
            _ => {
                let marks = ["<", "<=", ">", ">=", "==", "!="];
                let mark = self.chance.pick(&marks).copied().unwrap_or("<");
                both(mark, self.number(depth - 1), self.number(depth - 1))
            }
        }
    }

    fn number(&mut self, depth: usize) -> Expression {
        let names = if matches!(self.asked, Asked::Open) { OPEN } else { SEALED };
        match self.chance.below(if depth == 0 { 3 } else { 8 }) {
            0 => Number(self.small(-3, 30)),
            1 | 2 => Variable(self.chance.pick(names).copied().unwrap_or("amount")),
            3 => Negative(Box::new(self.number(depth - 1))),
            4 => Number(self.near()),
            _ => {
                let marks = ["+", "-", "+", "-", "*", "/", "%"];
                let mark = self.chance.pick(&marks).copied().unwrap_or("+");
                both(mark, self.number(depth - 1), self.number(depth - 1))
            }
        }
    }
}
