//! A rule once it was read: names are resolved, and kinds fit.

use super::{Saying, Variable};

/// `let`s, and the value that they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) lets: Vec<Let>,
    pub(super) value: Box<Expression>,
}

/// A name for a value. Where it is used it is counted from the first that is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Let {
    pub(super) name: String,
    pub(super) value: Expression,
}

/// Chains are flat, so that a tree is no deeper than its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Integer(i64),
    Boolean(bool),
    Text(Saying),
    Variable(Variable),
    /// A `let`, with its name for whoever reads.
    Local(usize, String),
    Negated(Box<Self>),
    Not(Box<Self>),
    /// From left to right.
    Arithmetic(Box<Self>, Vec<(Operator, Self)>),
    Compared(Box<Self>, Comparison, Box<Self>),
    /// Up to the first that is false.
    All(Vec<Self>),
    /// Up to the first that is true.
    Any(Vec<Self>),
    /// The body of the first condition that holds, or the last one.
    If(Vec<(Self, Body)>, Body),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    By,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Operator {
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::By => "/",
            Self::Remainder => "%",
        }
    }
}

impl Comparison {
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Is => "==",
            Self::IsNot => "!=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }
}
