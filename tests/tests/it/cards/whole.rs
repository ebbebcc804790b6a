//! `pregao-demo --card`: what it prints, and what it looked for.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use pregao_tests::house::executable;

/// The transcript of the demonstration with one generation.
fn transcript(generation: &'static str) -> &'static str {
    static V3: OnceLock<String> = OnceLock::new();
    static V4: OnceLock<String> = OnceLock::new();
    static V5: OnceLock<String> = OnceLock::new();
    let once = match generation {
        "v3" => &V3,
        "v4" => &V4,
        _ => &V5,
    };
    once.get_or_init(|| {
        let mut command = Command::new(executable("pregao-demo").unwrap());
        let output = command.args(["--card", generation]).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { said } else { format!("FAILED\n{said}") }
    })
}

fn holds(generation: &'static str, parts: &[&str]) {
    let said = transcript(generation);
    assert!(!said.starts_with("FAILED"), "{said}");
    let mut rest = said;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} in its place in:\n{said}"));
        rest = &rest[at..];
    }
}

/// In this order.
const LIFE: &[&str] = &[
    "$ pregao card readers",
    "$ pregao card show",
    "3 tries left",
    "$ pregao card test-sign",
    "its signature of",
    "$ pregao enrol --card",
    "3 tries left",
    "the vault holds a token",
    "$ pregao enrol --spend --now",
    "certified by CA",
    "--proxy socks5://",
    "[seller] prove",
    "[bidder] prove",
    "[seller] reads: it names Cidadã de Teste Dois",
    "[bidder] reads: it names Cidadã de Teste Um",
    "$ pregao verify",
    "holds: ",
    "never touched",
];

#[test]
fn two_people_with_v3_cards_enrol_trade_and_prove_who_they_are() {
    holds("v3", LIFE);
}

#[test]
fn two_people_with_v4_cards_enrol_trade_and_prove_who_they_are() {
    holds("v4", LIFE);
}

#[test]
fn two_people_with_v5_cards_enrol_trade_and_prove_who_they_are() {
    holds("v5", LIFE);
}

/// The search itself is judged where it is written; here, that it ran over everything.
#[test]
fn no_log_at_trace_level_no_output_and_no_store_holds_pin_number_or_name() {
    for generation in ["v3", "v4", "v5"] {
        holds(generation, &["searched ", "hold no PIN, no civil number and no holder's name"]);
    }
}

#[test]
fn neither_the_pin_nor_the_key_of_the_qualified_signature_is_touched() {
    for generation in ["v3", "v4", "v5"] {
        let touched = "PIN and key of the qualified signature never touched";
        holds(generation, &["[card of seller]", touched, "[card of bidder]", touched]);
    }
}
