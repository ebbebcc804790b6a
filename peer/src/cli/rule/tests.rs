//! What is told of a rule.

use clap::Parser as _;

use super::*;
use crate::cli::{Cli, Task};

/// Runs `pregao rule check` over a file with this in it.
fn checked(rule: &str, options: &[&str]) -> (Result<bool, CheckError>, String) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("rule");
    std::fs::write(&path, rule).unwrap();
    let line = ["pregao", "rule", "check", path.to_str().unwrap()];
    let cli = Cli::try_parse_from(line.iter().chain(options)).unwrap();
    let Task::Rule(asked) = cli.task else { panic!("it is no rule") };
    let mut said = Vec::new();
    let holds = run(&asked.task, cli.shared.json, &mut said);
    (holds, String::from_utf8(said).unwrap())
}

#[test]
fn a_rule_is_explained_and_tried() {
    let rule = "if amount % 500 != 0 { \"fives only\" } else { highest == 0 || amount * 100 / highest >= 110 }\n";
    let (holds, said) = checked(rule, &[]);
    assert!(holds.unwrap(), "{said}");
    assert!(said.contains("If the bid is not a multiple of 500:"), "{said}");
    assert!(said.contains("| if amount % 500"), "{said}");
    assert!(said.contains("It has an answer in every state"), "{said}");
    for (amount, highest, told) in [
        ("12", "10", "refuses this bid: “fives only”"),
        ("10", "9.50", "does not allow this bid"),
        ("15", "10", "accepts this bid"),
    ] {
        let (holds, said) = checked(rule, &["--amount", amount, "--highest", highest]);
        assert!(said.contains(told), "{said}");
        assert_eq!(holds.unwrap(), told.starts_with("accepts"));
    }
    let (_, said) = checked(rule, &["--amount", "15", "--elapsed", "2m", "--remaining", "1m"]);
    assert!(
        said.contains(
            "With amount 1500, highest 0, least 100, start 100, bids 0, paddle_bids 0, elapsed 120, remaining 60:"
        ),
        "{said}"
    );
}

#[test]
fn what_cannot_be_listed_is_said_with_its_place_or_state() {
    let (holds, said) = checked("amount > \n  loop", &[]);
    assert!(
        !holds.unwrap() && said.contains("It is no rule: line 2, column 3: loop is not known here"),
        "{said}"
    );
    let (holds, said) = checked("amount / bids > 0", &["--amount", "5", "--bids", "2"]);
    assert!(!holds.unwrap(), "{said}");
    assert!(
        said.contains("IT CANNOT BE LISTED: it divides by zero, with amount 100, highest 0"),
        "{said}"
    );
    assert!(said.contains("accepts this bid"), "{said}");
    let (holds, said) = checked("amount > highest", &["--sealed"]);
    assert!(!holds.unwrap() && said.contains("highest is not known here"), "{said}");
    assert!(matches!(checked("true", &["--amount", "x"]).0, Err(CheckError::Usage(_))));
    assert!(matches!(checked("\u{e9}".repeat(1_025).as_str(), &[]).0, Err(CheckError::Source(_))));
}

#[test]
fn a_rule_is_told_in_json() {
    let (holds, said) = checked("amount >= start", &["--sealed", "--json", "--amount", "5"]);
    assert!(holds.unwrap());
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["answer"], true);
    assert_eq!(
        told["state"],
        serde_json::json!({"amount": 500, "start": 100, "elapsed": 1, "remaining": 3600})
    );
    assert_eq!(told["errs"], serde_json::Value::Null);
}
