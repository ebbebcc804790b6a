//! What a rule comes to for one bid (V-173).

use super::tree::{Body, Comparison, Expression, Operator};
use super::{Fault, Saying, State};

/// What an expression comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Integer(i64),
    Boolean(bool),
    Text(&'a Saying),
}

pub(super) fn ask<'a>(body: &'a Body, state: &State) -> Result<Value<'a>, Fault> {
    Asked { state, locals: Vec::new() }.body(body)
}

struct Asked<'a, 's> {
    state: &'s State,
    /// What is named so far.
    locals: Vec<Value<'a>>,
}

impl<'a> Asked<'a, '_> {
    fn body(&mut self, body: &'a Body) -> Result<Value<'a>, Fault> {
        let outside = self.locals.len();
        for named in &body.lets {
            let value = self.value(&named.value)?;
            self.locals.push(value);
        }
        let value = self.value(&body.value);
        self.locals.truncate(outside);
        value
    }

    fn value(&mut self, expression: &'a Expression) -> Result<Value<'a>, Fault> {
        Ok(match expression {
            Expression::Integer(number) => Value::Integer(*number),
            Expression::Boolean(truth) => Value::Boolean(*truth),
            Expression::Text(text) => Value::Text(text),
            Expression::Variable(variable) => Value::Integer(self.state.value(*variable)),
            Expression::Local(place, _) => *self.locals.get(*place).ok_or(Fault::Kind)?,
            Expression::Negated(operand) => {
                Value::Integer(self.integer(operand)?.checked_neg().ok_or(Fault::Overflow)?)
            }
            Expression::Not(operand) => Value::Boolean(!self.boolean(operand)?),
            Expression::Arithmetic(first, rest) => Value::Integer(self.chain(first, rest)?),
            Expression::Compared(one, comparison, other) => {
                Value::Boolean(self.compared(one, *comparison, other)?)
            }
            Expression::All(parts) => Value::Boolean(self.up_to(parts, false)?),
            Expression::Any(parts) => Value::Boolean(self.up_to(parts, true)?),
            Expression::If(branches, last) => {
                for (condition, body) in branches {
                    if self.boolean(condition)? {
                        return self.body(body);
                    }
                }
                self.body(last)?
            }
        })
    }

    fn integer(&mut self, expression: &'a Expression) -> Result<i64, Fault> {
        match self.value(expression)? {
            Value::Integer(number) => Ok(number),
            Value::Boolean(_) | Value::Text(_) => Err(Fault::Kind),
        }
    }

    fn boolean(&mut self, expression: &'a Expression) -> Result<bool, Fault> {
        match self.value(expression)? {
            Value::Boolean(truth) => Ok(truth),
            Value::Integer(_) | Value::Text(_) => Err(Fault::Kind),
        }
    }

    /// `decides` if one of the parts is that; those after it are not looked at.
    fn up_to(&mut self, parts: &'a [Expression], decides: bool) -> Result<bool, Fault> {
        for part in parts {
            if self.boolean(part)? == decides {
                return Ok(decides);
            }
        }
        Ok(!decides)
    }

    fn chain(
        &mut self,
        first: &'a Expression,
        rest: &'a [(Operator, Expression)],
    ) -> Result<i64, Fault> {
        let mut result = self.integer(first)?;
        for (operator, operand) in rest {
            result = computed(result, *operator, self.integer(operand)?)?;
        }
        Ok(result)
    }

    fn compared(
        &mut self,
        one: &'a Expression,
        comparison: Comparison,
        other: &'a Expression,
    ) -> Result<bool, Fault> {
        let (one, other) = (self.value(one)?, self.value(other)?);
        match (comparison, one, other) {
            (Comparison::Is, one, other) => Ok(one == other),
            (Comparison::IsNot, one, other) => Ok(one != other),
            (Comparison::Below, Value::Integer(one), Value::Integer(other)) => Ok(one < other),
            (Comparison::AtMost, Value::Integer(one), Value::Integer(other)) => Ok(one <= other),
            (Comparison::Above, Value::Integer(one), Value::Integer(other)) => Ok(one > other),
            (Comparison::AtLeast, Value::Integer(one), Value::Integer(other)) => Ok(one >= other),
            (_, _, _) => Err(Fault::Kind),
        }
    }
}

/// Division drops what is behind the point, and a remainder has the sign of what was divided.
fn computed(one: i64, operator: Operator, other: i64) -> Result<i64, Fault> {
    let result = match operator {
        Operator::Plus => one.checked_add(other),
        Operator::Minus => one.checked_sub(other),
        Operator::Times => one.checked_mul(other),
        Operator::By | Operator::Remainder if other == 0 => return Err(Fault::DivisionByZero),
        Operator::By => one.checked_div(other),
        Operator::Remainder => one.checked_rem(other),
    };
    result.ok_or(Fault::Overflow)
}
