//! A rule as source again, with brackets around everything that has parts.

use super::super::tree::{Body, Expression};

pub(super) fn rule(body: &Body) -> String {
    let mut source = String::new();
    for named in &body.lets {
        source.push_str(&format!("let {} = {};\n", named.name, whole(&named.value)));
    }
    source + &whole(&body.value)
}

fn whole(expression: &Expression) -> String {
    match expression {
        Expression::Integer(number) => number.to_string(),
        Expression::Boolean(truth) => truth.to_string(),
        Expression::Text(text) => {
            format!("\"{}\"", text.as_str().replace('\\', "\\\\").replace('"', "\\\""))
        }
        Expression::Variable(variable) => variable.name().to_owned(),
        Expression::Local(_, name) => name.clone(),
        Expression::Negated(operand) => format!("-{}", part(operand)),
        Expression::Not(operand) => format!("!{}", part(operand)),
        Expression::Arithmetic(first, rest) => {
            let mut source = part(first);
            for (operator, operand) in rest {
                source = format!("{source} {} {}", operator.mark(), part(operand));
            }
            source
        }
        Expression::Compared(one, comparison, other) => {
            format!("{} {} {}", part(one), comparison.mark(), part(other))
        }
        Expression::All(parts) => parts.iter().map(part).collect::<Vec<_>>().join(" && "),
        Expression::Any(parts) => parts.iter().map(part).collect::<Vec<_>>().join(" || "),
        Expression::If(branches, last) => {
            let branches = branches.iter().map(|(condition, body)| {
                format!("if {} {{ {} }} else ", part(condition), rule(body))
            });
            branches.collect::<String>() + &format!("{{ {} }}", rule(last))
        }
    }
}

fn part(expression: &Expression) -> String {
    match expression {
        Expression::Integer(_)
        | Expression::Boolean(_)
        | Expression::Text(_)
        | Expression::Variable(_)
        | Expression::Local(..) => whole(expression),
        _ => format!("({})", whole(expression)),
    }
}
