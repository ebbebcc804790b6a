//! Rhai's opinion of sellers' rules, where its language and ours are the same. It defines nothing.
//!
//! They differ, and nothing here asks, in what is a rule at all: Rhai has many more words, reads `007`, empty texts and
//! texts with other escapes, lets one name stand for another thing later, does without `else`, chains comparisons, compares
//! values of different kinds, joins and orders texts, and reserves names and runs of marks (`--`) that are free here. It
//! finds out about kinds when it runs and not before. So it is only given what was read as a rule.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it is a test, and the makers of rules are one's own"
)]

use pregao_protocol::room::auction::rule::{self, Answer, Bidding, Fault, Rule, State, Variable};
use proptest::prelude::*;
use rhai::packages::{ArithmeticPackage, BasicStringPackage, LogicPackage, Package};
use rhai::{Dynamic, Engine, EvalAltResult, Scope};

#[path = "../src/room/auction/rule/tests/made.rs"]
#[expect(dead_code, reason = "what is changed is read by nobody but our own reader")]
mod made;

use made::Maker;

fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    // Never `CorePackage`: it brings `sleep`, which no limit counts.
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    engine.disable_symbol("eval");
    engine.set_max_operations(100_000);
    engine.set_max_expr_depths(1_000, 1_000);
    engine.set_max_call_levels(0);
    engine.set_max_string_size(1_024);
    engine.set_max_variables(1_024);
    engine.set_optimization_level(rhai::OptimizationLevel::None);
    engine
}

/// What Rhai says of a rule, if it takes it.
fn answered(engine: &Engine, source: &str, state: &State) -> Result<Answer, Box<EvalAltResult>> {
    let mut scope = Scope::new();
    for variable in Variable::ALL {
        scope.push_constant(variable.name(), state.value(*variable));
    }
    match engine.eval_with_scope::<Dynamic>(&mut scope, source) {
        Ok(value) => Ok(match (value.as_bool(), value.into_string()) {
            (Ok(true), _) => Answer::Accepts,
            (Ok(false), _) => Answer::Refuses,
            (Err(_), Ok(text)) => {
                Answer::Says(text.try_into().expect("texts of a rule can be seen"))
            }
            (Err(kind), Err(_)) => panic!("{kind}: {source}"),
        }),
        // It has one word for both.
        Err(error) => match *error {
            EvalAltResult::ErrorArithmetic(..) => Ok(Answer::Errs(Fault::Overflow)),
            other => Err(other.into()),
        },
    }
}

/// Rhai does not say of `%` whether it is a division by zero or an overflow.
fn without_cause(answer: Answer) -> Answer {
    match answer {
        Answer::Errs(_) => Answer::Errs(Fault::Overflow),
        answer => answer,
    }
}

/// Both answers to each rule of the file, in each state.
#[test]
fn rhai_answers_the_rules_of_the_file_alike() {
    let engine = engine();
    let file = include_str!("../vectors/rules.json");
    let file: serde_json::Value = serde_json::from_str(file).expect("the file is JSON");
    let mut compared = 0;
    for vector in file["rules"].as_array().expect("it has rules") {
        let source = vector["source"].as_str().expect("a rule has a source");
        let bidding = if vector["sealed"] == true { Bidding::Sealed } else { Bidding::Open };
        // Rhai keeps these words for itself.
        let is_reserved = source.contains("let fn") || source.contains("--");
        let Some(asked) = vector["asked"].as_array().filter(|_| !is_reserved) else { continue };
        let rule = Rule::read(source, bidding).expect("the file says that it is a rule");
        for one in asked {
            let mut state = State::default();
            for (&variable, value) in Variable::ALL.iter().zip(one[0].as_array().expect("a state"))
            {
                *state.value_mut(variable) = value.as_i64().expect("a number");
            }
            let second = answered(&engine, source, &state);
            let second = second.expect("Rhai takes it");
            assert_eq!(second, without_cause(rule.ask(&state)), "{source} in {state:?}");
            compared += 1;
        }
    }
    assert!(compared > 850, "only {compared}");
}

proptest! {
    #[test]
    fn rhai_answers_made_up_rules_alike(seed in any::<[u8; 32]>()) {
        let engine = engine();
        let mut maker = Maker::new(seed, Bidding::Open);
        let source = maker.rule();
        let rule = Rule::read(&source, Bidding::Open).expect("it is a rule");
        for _ in 0..4 {
            let state = maker.state();
            let second = answered(&engine, &source, &state);
            let second = second.map_err(|error| TestCaseError::fail(format!("{error}: {source}")))?;
            prop_assert_eq!(second, without_cause(rule.ask(&state)), "{} in {:?}", source, state);
        }
    }
}
