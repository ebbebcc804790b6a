//! The specification against the code: every rule once, every rule tested, every word named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pregao_protocol::room::Code;

const SPEC: &str = include_str!("../SPEC.md");

/// Every source file of this crate, joined.
fn sources() -> String {
    fn read(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(path).expect("sources are text"));
            }
        }
    }
    let mut text = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    text
}

/// Every `V-` with three digits, as often as it occurs.
fn rules_in(text: &str) -> Vec<u32> {
    let numbers = text.split("V-").skip(1);
    numbers.filter_map(|rest| rest.get(..3)).filter_map(|digits| digits.parse().ok()).collect()
}

/// Rules that the specification states, with how often.
fn stated() -> BTreeMap<u32, usize> {
    let mut stated = BTreeMap::new();
    for line in SPEC.lines().filter_map(|line| line.strip_prefix("- **")) {
        for rule in rules_in(&line[..5]) {
            *stated.entry(rule).or_insert(0) += 1;
        }
    }
    stated
}

/// Rows of the table in section 13: a rule and the names of its tests.
fn table() -> Vec<(u32, Vec<&'static str>)> {
    let (_, table) = SPEC.split_once("\n## 13.").expect("section 13 is there");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| V-"));
    rows.map(|row| {
        let (rule, tests) =
            row.trim_end_matches(" |").split_once(" | ").expect("a row has two cells");
        (
            rule.parse().expect("a rule is a number"),
            tests.split(", ").map(|name| name.trim_matches('`')).collect(),
        )
    })
    .collect()
}

#[test]
fn every_rule_is_stated_exactly_once() {
    let stated = stated();
    assert!(stated.len() > 60, "only {} rules were found", stated.len());
    for (rule, times) in stated {
        assert_eq!(times, 1, "V-{rule:03}");
    }
}

#[test]
fn every_rule_that_code_or_specification_mentions_is_stated() {
    let stated = stated();
    for rule in rules_in(&sources()).into_iter().chain(rules_in(SPEC)) {
        assert!(stated.contains_key(&rule), "V-{rule:03}");
    }
}

#[test]
fn every_rule_has_tests_that_exist() {
    let sources = sources();
    let table = table();
    let rules: Vec<u32> = table.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, stated().into_keys().collect::<Vec<_>>(), "rules in their order");
    for (rule, tests) in table {
        for test in tests {
            assert!(sources.contains(&format!("fn {test}(")), "V-{rule:03}: {test}");
        }
    }
}

#[test]
fn every_test_named_after_a_rule_names_a_stated_one() {
    let stated = stated();
    for name in sources().split("fn v").skip(1) {
        if let Some(Ok(rule)) = name.get(..3).map(str::parse) {
            assert!(stated.contains_key(&rule), "fn v{}", &name[..40]);
        }
    }
}

#[test]
fn every_refusal_code_is_explained() {
    for code in Code::ALL {
        assert!(SPEC.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn every_label_is_listed() {
    let labels = include_str!("../src/label.rs");
    let quoted: BTreeSet<&str> =
        labels.split('"').skip(1).step_by(2).filter(|text| text.starts_with("pregao")).collect();
    assert!(quoted.len() > 10);
    for label in quoted {
        assert!(SPEC.contains(&format!("`{label}`")), "{label}");
    }
}

#[test]
fn every_frame_is_listed() {
    let frames = include_str!("../src/frame.rs");
    let names = frames.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.strip_suffix(" {")?;
        let plain = name.chars().all(|letter| letter.is_ascii_alphabetic());
        (plain && name.starts_with(char::is_uppercase)).then(|| name.to_lowercase())
    });
    let names: Vec<String> = names.collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names.iter().filter(|name| *name != "toolong" && *name != "malformed") {
        assert!(SPEC.contains(&format!("`{name}`")), "{name}");
    }
}
