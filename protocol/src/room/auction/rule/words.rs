//! A rule in words, for those whom it binds and who read no source.

use super::tree::{Body, Comparison, Expression, Operator};

/// One line for each thing that it does; two blanks before what a condition is for.
pub(super) fn of(body: &Body) -> Vec<String> {
    let mut lines = Vec::new();
    body_lines(body, 0, &mut lines);
    lines
}

fn push(lines: &mut Vec<String>, indent: usize, line: &str) {
    lines.push(format!("{}{line}", "  ".repeat(indent)));
}

fn body_lines(body: &Body, indent: usize, lines: &mut Vec<String>) {
    for named in &body.lets {
        push(lines, indent, &format!("{} is {}.", named.name, value(&named.value)));
    }
    answer_lines(&body.value, indent, lines);
}

fn answer_lines(expression: &Expression, indent: usize, lines: &mut Vec<String>) {
    match expression {
        Expression::Boolean(true) => push(lines, indent, "The bid is accepted."),
        Expression::Boolean(false) => push(lines, indent, "The bid is refused."),
        Expression::Text(text) => {
            let line = format!("The bid is refused, and the bidder reads: “{}”", text.as_str());
            push(lines, indent, &line);
        }
        Expression::If(branches, last) => {
            for (at, (condition, body)) in branches.iter().enumerate() {
                let word = if at == 0 { "If" } else { "Otherwise, if" };
                push(lines, indent, &format!("{word} {}:", value(condition)));
                body_lines(body, indent.saturating_add(1), lines);
            }
            push(lines, indent, "Otherwise:");
            body_lines(last, indent.saturating_add(1), lines);
        }
        Expression::Local(_, name) => {
            push(lines, indent, &format!("The bid is accepted only if {name} is true."));
        }
        _ => push(lines, indent, &format!("The bid is accepted only if {}.", value(expression))),
    }
}

/// A value in words.
fn value(expression: &Expression) -> String {
    match expression {
        Expression::Integer(number) => number.to_string(),
        Expression::Boolean(truth) => truth.to_string(),
        Expression::Text(text) => format!("“{}”", text.as_str()),
        Expression::Variable(variable) => variable.words().to_owned(),
        Expression::Local(_, name) => name.clone(),
        Expression::Negated(operand) => format!("−{}", part(operand)),
        Expression::Not(operand) => format!("it is not so that {}", part(operand)),
        Expression::Arithmetic(first, rest) => {
            let mut words = part(first);
            for (operator, operand) in rest {
                let operand = part(operand);
                words = match operator {
                    Operator::Plus => format!("{words} + {operand}"),
                    Operator::Minus => format!("{words} − {operand}"),
                    Operator::Times => format!("{words} × {operand}"),
                    // Whole numbers only: what is behind the point is dropped.
                    Operator::By => format!("{words} ÷ {operand} (whole)"),
                    Operator::Remainder => format!("the remainder of ({words} ÷ {operand})"),
                };
            }
            words
        }
        Expression::Compared(one, comparison, other) => compared(one, *comparison, other),
        Expression::All(parts) => joined(parts, " and "),
        Expression::Any(parts) => joined(parts, " or "),
        Expression::If(branches, last) => {
            let mut words = String::new();
            for (condition, body) in branches {
                words.push_str(&format!("{} if {}, otherwise ", inline(body), value(condition)));
            }
            words.push_str(&inline(last));
            words
        }
    }
}

fn joined(parts: &[Expression], word: &str) -> String {
    parts.iter().map(part).collect::<Vec<_>>().join(word)
}

/// A body within a sentence.
fn inline(body: &Body) -> String {
    let mut words = part(&body.value);
    for named in &body.lets {
        words.push_str(&format!(", where {} is {}", named.name, part(&named.value)));
    }
    words
}

/// A value as a part of a larger one.
fn part(expression: &Expression) -> String {
    match expression {
        Expression::Integer(_)
        | Expression::Boolean(_)
        | Expression::Text(_)
        | Expression::Variable(_)
        | Expression::Local(..)
        | Expression::Negated(_)
        | Expression::Compared(..) => value(expression),
        Expression::Not(_)
        | Expression::Arithmetic(..)
        | Expression::All(_)
        | Expression::Any(_)
        | Expression::If(..) => format!("({})", value(expression)),
    }
}

fn compared(one: &Expression, comparison: Comparison, other: &Expression) -> String {
    if let Some(words) = multiple(one, comparison, other) {
        return words;
    }
    let words = match comparison {
        Comparison::Is => "is",
        Comparison::IsNot => "is not",
        Comparison::Below => "is less than",
        Comparison::AtMost => "is at most",
        Comparison::Above => "is more than",
        Comparison::AtLeast => "is at least",
    };
    let side = |side: &Expression| match side {
        Expression::Arithmetic(..) => value(side),
        Expression::Compared(..) => format!("({})", value(side)),
        _ => part(side),
    };
    format!("{} {words} {}", side(one), side(other))
}

/// `amount % 500 == 0`: that one is a multiple of the other.
fn multiple(one: &Expression, comparison: Comparison, other: &Expression) -> Option<String> {
    let word = match comparison {
        Comparison::Is => "is",
        Comparison::IsNot => "is not",
        _ => return None,
    };
    let (Expression::Arithmetic(first, rest), Expression::Integer(0)) = (one, other) else {
        return None;
    };
    match rest.as_slice() {
        [(Operator::Remainder, divisor)] => {
            Some(format!("{} {word} a multiple of {}", part(first), part(divisor)))
        }
        _ => None,
    }
}
