//! Rules with their answers in a file, for whoever reads rules in another language: `protocol/vectors/rules.json`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::{Answer, Bidding, Fault, Rule, State, Variable};
use super::made::Maker;
use super::{ANSWERED, ERRS, REFUSED, STATE};

const MADE: u8 = 160;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/rules.json")
}

fn values(state: &State) -> Vec<i64> {
    Variable::ALL.iter().map(|variable| state.value(*variable)).collect()
}

fn written(answer: &Answer) -> Value {
    match answer {
        Answer::Accepts => json!(true),
        Answer::Refuses => json!(false),
        Answer::Says(text) => json!(text.as_str()),
        Answer::Errs(Fault::Overflow) => json!({"error": "overflow"}),
        Answer::Errs(Fault::DivisionByZero) => json!({"error": "division"}),
        Answer::Errs(Fault::Kind) => panic!("no rule that was read has it"),
    }
}

/// A line of the file: a source with what it answers, or `null` if it is no rule.
fn vector(source: &str, bidding: Bidding, states: &[State]) -> Value {
    let rule = Rule::read(source, bidding).ok();
    let asked = rule.map(|rule| {
        let asked = states.iter().map(|state| json!([values(state), written(&rule.ask(state))]));
        asked.collect::<Vec<_>>()
    });
    json!({"source": source, "sealed": bidding == Bidding::Sealed, "asked": asked})
}

fn made() -> String {
    let written_here =
        ANSWERED.iter().map(|(source, _)| *source).chain(ERRS.iter().map(|(source, _)| *source));
    let mut vectors: Vec<Value> = written_here
        .chain(REFUSED.iter().copied())
        .flat_map(|source| {
            [Bidding::Open, Bidding::Sealed].map(|bidding| vector(source, bidding, &[STATE]))
        })
        .collect();
    for (open, close, inside) in [
        ("(", ")", "true"),
        ("-", "", "1 == 1"),
        ("!", "", "true"),
        ("if true {", "} else { true }", "true"),
    ] {
        for depth in [super::MAX_DEPTH, super::MAX_DEPTH + 1] {
            let source = open.repeat(depth) + inside + &close.repeat(depth);
            vectors.push(vector(&source, Bidding::Open, &[STATE]));
        }
    }
    for length in [super::MAX_SOURCE, super::MAX_SOURCE + 1] {
        vectors.push(vector(&format!("true//{}", "a".repeat(length - 6)), Bidding::Open, &[STATE]));
    }
    for seed in 0..MADE {
        let bidding = if seed.is_multiple_of(4) { Bidding::Sealed } else { Bidding::Open };
        let mut maker = Maker::new([seed; 32], bidding);
        let source = maker.rule();
        let states: Vec<State> = (0..4).map(|_| maker.state()).collect();
        vectors.push(vector(&source, bidding, &states));
        for _ in 0..2 {
            let spoilt = maker.spoilt(&source);
            vectors.push(vector(&spoilt, bidding, &states[..1]));
        }
    }
    let names: Vec<&str> = Variable::ALL.iter().map(|variable| variable.name()).collect();
    let lines: Vec<String> = vectors.iter().map(Value::to_string).collect();
    format!("{{\"variables\":{},\"rules\":[\n{}\n]}}\n", json!(names), lines.join(",\n"))
}

#[test]
fn v173_the_file_of_rules_says_what_this_code_answers() {
    let file = std::fs::read_to_string(path()).expect("the file is there");
    assert!(file == made(), "cargo test -p pregao-protocol make_the_file_of_rules -- --ignored");
}

#[test]
#[ignore = "writes protocol/vectors/rules.json"]
fn make_the_file_of_rules() {
    std::fs::write(path(), made()).expect("the file can be written");
}
