//! The specification against the code: every rule once, every rule tested, every word named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pregao_protocol::room::{Code, auction, body};
use pregao_protocol::tsa::{self, stream};
use pregao_protocol::{broker, citizen, label};

const SPEC: &str = include_str!("../SPEC.md");

/// Every source file of this crate, joined.
fn sources() -> String {
    joined(&["src"])
}

/// The same of every crate: rules of the wire are tested where they are kept.
fn all_sources() -> String {
    joined(&["src", "../broker/src", "../tsa/src", "../tsa/tests", "../peer/src", "../tests/tests"])
}

fn joined(folders: &[&str]) -> String {
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
    for folder in folders {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut text);
    }
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
    let sources = all_sources();
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
    for name in all_sources().split("fn v").skip(1) {
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

/// The limits of section 12 as they read with the numbers of the code, in the order of the page.
fn limits() -> Vec<(&'static str, String)> {
    let bytes = |number: usize| format!("{} bytes", grouped(number as u64));
    let pair = |one: usize, other: usize| format!("{} and {}", grouped(one as u64), bytes(other));
    let plain = |number: usize| grouped(number as u64);
    let power = |number: u64| {
        assert!((number + 1).is_power_of_two());
        format!("2^{} − 1", (number + 1).trailing_zeros())
    };
    vec![
        ("action", bytes(label::MAX_ACTION)),
        (
            "batch header",
            format!(
                "{}, 2^{path} digests, path of {path} hashes",
                bytes(label::MAX_BATCH),
                path = label::MAX_STAMP_PATH
            ),
        ),
        ("entry", bytes(label::MAX_ENTRY)),
        (
            "log",
            format!(
                "{} entries, path of {} hashes",
                power(label::MAX_LOG_SIZE),
                label::MAX_LOG_PATH
            ),
        ),
        ("head", format!("{}, {} signatures", bytes(label::MAX_HEAD), label::MAX_HEAD_SIGNATURES)),
        ("receipt", bytes(label::MAX_RECEIPT)),
        ("frame", bytes(label::MAX_FRAME)),
        ("digests in one `stamp`", plain(label::MAX_STAMPS)),
        ("digests in one request to a TSA", plain(label::MAX_DIGESTS)),
        (
            "request to a TSA",
            format!(
                "{}; {} with an application",
                bytes(tsa::MAX_REQUEST),
                bytes(tsa::MAX_APPLICATION_REQUEST)
            ),
        ),
        ("answer of a TSA", bytes(tsa::MAX_ANSWER)),
        (
            "frame on a stamp stream",
            format!(
                "{} to the TSA, {} from it; {} requests unanswered",
                bytes(stream::MAX_REQUEST),
                bytes(stream::MAX_ANSWER),
                stream::MAX_UNANSWERED
            ),
        ),
        ("entries in one page", plain(label::MAX_PAGE)),
        ("amount", format!("{} minor units", power(label::MAX_AMOUNT))),
        ("certificate, request", bytes(label::MAX_CERTIFICATE)),
        (
            "certificate of a card or of the state",
            format!(
                "{}; {} with it, {} in an application; {} authorities",
                bytes(label::MAX_CARD_CERTIFICATE),
                citizen::MAX_SENT,
                label::MAX_CARD_ISSUERS,
                citizen::MAX_AUTHORITIES
            ),
        ),
        ("revocation list", format!("{} MiB", citizen::MAX_LIST >> 20)),
        ("ticket", bytes(label::MAX_TICKET)),
        ("proof", bytes(label::MAX_PROOF)),
        ("sheet of keys", bytes(label::MAX_SHEET)),
        ("offer, statement of an issuer", {
            assert_eq!(label::MAX_OFFER, label::MAX_ISSUER);
            bytes(label::MAX_OFFER)
        }),
        (
            "application, answer",
            format!(
                "{}, exactly, and 48 for the seal",
                pair(label::APPLICATION_SIZE, label::ANSWER_SIZE)
            ),
        ),
        ("broker certificate", bytes(broker::MAX_CERTIFICATE)),
        ("refusal", bytes(broker::MAX_REFUSAL)),
        ("word about a disclosure held", bytes(broker::MAX_HELD)),
        ("negotiation frame", bytes(label::MAX_NEGOTIATION)),
        ("handshake payload", format!("{}, exactly", bytes(label::HANDSHAKE_PAYLOAD))),
        ("`sealed` of an action", bytes(body::Sealed::MAX)),
        (
            "own actions opened",
            format!("{}; {} beside a card", label::MAX_OPENED, label::MAX_OPENED_WITH_CARD),
        ),
        ("certificate of a card in a disclosure", bytes(label::MAX_DISCLOSED_CARD)),
        ("bids in one `forfeited`", plain(auction::MAX_FORFEITED)),
        ("answer of a broker", format!("{} s", label::MAX_ANSWER)),
        ("session", format!("{} s", grouped(label::MAX_SESSION))),
    ]
}

/// A number as the page writes it: `65,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn every_limit_is_the_one_in_the_code() {
    let (_, table) = SPEC.split_once("\n## 12.").expect("section 12 is there");
    let (table, _) = table.split_once("\n## 13.").expect("section 13 follows");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    let page: Vec<(&str, String)> = rows
        .map(|row| {
            let row = row.trim_end_matches(" |").split_once(" | ").expect("a row has two cells");
            (row.0, row.1.to_owned())
        })
        .collect();
    assert_eq!(page, limits());
}

#[test]
fn the_frames_state_the_limits_of_their_lists() {
    let peers = format!("`digests` (1 to {}:", label::MAX_STAMPS);
    let streams = format!("`{{id,digests}}` (1 to {})", label::MAX_DIGESTS);
    assert!(SPEC.contains(&peers) && SPEC.contains(&streams));
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

#[test]
fn every_path_of_a_tsa_is_listed() {
    let page = include_str!("../src/tsa.rs");
    let (_, paths) = page.split_once("pub mod path {").expect("the paths are there");
    let (paths, _) = paths.split_once("\n}\n").expect("they end");
    let paths: Vec<&str> = paths.split('"').skip(1).step_by(2).collect();
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths.into_iter().filter(|path| *path != tsa::path::CITIZEN) {
        let listed = SPEC.contains(&format!("`POST {path}`"));
        assert!(listed || SPEC.contains(&format!("`GET {path}`")), "{path}");
    }
}
