//! The specification against the code: every rule once, every rule tested, every word named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pregao_protocol::letter::Class;
use pregao_protocol::room::auction::{paddle, rule};
use pregao_protocol::room::{BlobCode, Code, ErrorCode, auction, body};
use pregao_protocol::trust::broker;
use pregao_protocol::trust::citizen;
use pregao_protocol::trust::prekey;
use pregao_protocol::trust::timelock;
use pregao_protocol::value::label;
use pregao_protocol::wire::blob::BlobClass;
use pregao_protocol::wire::delivery;
use pregao_protocol::wire::refusal;
use pregao_protocol::wire::tsa::{self, stream};
use pregao_protocol::wire::witness;

const SPEC: &str = include_str!("../SPEC.md");

/// The same of every crate: rules of the wire are tested where they are kept, and what peers promise in simulated houses.
fn all_sources() -> String {
    joined(&[
        "src",
        "tests",
        "../broker/src",
        "../tsa/src",
        "../tsa/tests",
        "../peer/src",
        "../tests/tests",
        "../tests/src/sim",
    ])
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

/// Every file that may refer to the specification, with its path from the root of the workspace.
fn pages() -> Vec<(String, String)> {
    fn read(folder: &Path, root: &Path, pages: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
            if path.is_dir() {
                // What is built or hidden is nobody's page.
                if name != "target" && !name.starts_with('.') {
                    read(&path, root, pages);
                }
            } else if ["rs", "md", "toml"].contains(&kind) {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                let path = path.strip_prefix(root).expect("it is below the root");
                pages.push((path.display().to_string(), text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = Vec::new();
    read(&root, &root, &mut pages);
    pages
}

/// Numbers of the headings: `7`, `7.1`.
fn headings() -> BTreeSet<&'static str> {
    let headings = SPEC.lines().filter(|line| line.starts_with("## ") || line.starts_with("### "));
    let numbers = headings.filter_map(|line| line.split(' ').nth(1));
    numbers.map(|number| number.trim_end_matches('.')).collect()
}

/// The section number at the head of a text, and what follows it.
fn section(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    // A full stop may end the sentence.
    let number = number.trim_end_matches('.');
    number.starts_with(|letter: char| letter.is_ascii_digit()).then_some((number, rest))
}

/// The sections that a text refers to behind one of the words: `SPEC 7.5, 8`, `SPEC section 13`.
fn references<'a>(text: &'a str, words: &[&str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    for word in words {
        for rest in text.split(word).skip(1) {
            let rest = rest.strip_prefix("section ").unwrap_or(rest);
            let mut next = section(rest);
            while let Some((number, rest)) = next {
                found.push(number);
                next = [", ", " and "]
                    .iter()
                    .find_map(|between| rest.strip_prefix(between))
                    .and_then(section);
            }
        }
    }
    found
}

#[test]
fn references_are_found_in_every_form_they_have() {
    let words = ["SPEC "];
    assert_eq!(references("(SPEC 7.5, 8) SPEC section 13. SPEC", &words), ["7.5", "8", "13"]);
    assert_eq!(references("(SPEC 7.3 and 8).", &words), ["7.3", "8"]);
    assert_eq!(references("SPEC says, SPEC: SPEC.md", &words), [""; 0]);
}

#[test]
fn every_section_that_is_referred_to_exists() {
    let headings = headings();
    assert!(headings.contains("3.5") && headings.contains("13"), "{headings:?}");
    // Split, so that this page does not refer to anything by them.
    let words = [concat!("SPEC", " "), concat!("the specification", ", section ")];
    let mut found = 0;
    for (path, text) in pages() {
        for number in references(&text, &words) {
            // This page shows how references look.
            let shown = path.ends_with("protocol/tests/spec.rs");
            assert!(shown || headings.contains(number), "{path}: SPEC {number}");
            found += 1;
        }
    }
    assert!(found > 60, "only {found} references were found");
    for number in references(SPEC, &[" section ", "(section "]) {
        assert!(headings.contains(number), "SPEC.md: section {number}");
    }
}

#[test]
fn every_rule_that_any_page_mentions_is_stated() {
    let stated = stated();
    for (path, text) in pages() {
        for rule in rules_in(&text) {
            assert!(stated.contains_key(&rule), "{path}: V-{rule:03}");
        }
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
    for code in ErrorCode::ALL {
        assert!(SPEC.contains(&format!("`{}`", code.as_str())), "{}", code.as_str());
    }
    for code in BlobCode::ALL {
        assert!(SPEC.contains(&format!("`{}`", code.as_str())), "{}", code.as_str());
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
            "statement of a time-lock",
            format!(
                "{}, {} days ahead",
                bytes(timelock::MAX_STATEMENT),
                timelock::MAX_AHEAD.as_secs() / timelock::DAY
            ),
        ),
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
        (
            "request to a witness",
            format!("{}, proof of {} hashes", bytes(witness::MAX_REQUEST), witness::MAX_PROOF),
        ),
        (
            "delivery",
            format!(
                "{} sealed, of these {} of its author; request {}, answer {}",
                bytes(label::DELIVERY_SIZE),
                plain(label::AUTHOR_SIZE),
                bytes(delivery::MAX_DELIVERY_REQUEST),
                bytes(delivery::MAX_DELIVERY_ANSWER)
            ),
        ),
        ("word about a delivery", bytes(delivery::MAX_WORD)),
        (
            "witnesses of an opening",
            format!(
                "{}; name {} bytes, operator {} bytes",
                label::MAX_WITNESSES,
                label::MAX_WITNESS_NAME,
                label::MAX_OPERATOR
            ),
        ),
        ("receipt", bytes(label::MAX_RECEIPT)),
        ("letter shown", bytes(label::MAX_SHOWN)),
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
        ("key set", bytes(label::MAX_JWKS)),
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
        ("refusal", bytes(refusal::MAX_REFUSAL)),
        ("word about a disclosure held", bytes(refusal::MAX_HELD)),
        ("negotiation frame", bytes(label::MAX_NEGOTIATION)),
        ("handshake payload", format!("{}, exactly", bytes(label::HANDSHAKE_PAYLOAD))),
        ("`sealed` of an action", bytes(body::Sealed::MAX)),
        (
            "own actions opened",
            format!("{}; {} beside a card", label::MAX_OPENED, label::MAX_OPENED_WITH_CARD),
        ),
        ("certificate of a card in a disclosure", bytes(label::MAX_DISCLOSED_CARD)),
        ("bids in one `forfeited`", plain(auction::MAX_FORFEITED)),
        ("name of a paddle", format!("{} characters", paddle::verbs::MAX_PADDLE)),
        ("bids of one bidder, where a listing bounds them", paddle::MAX_BIDS.to_string()),
        ("TSAs that keep a share of sealed bids", plain(auction::MAX_STAMPS)),
        (
            "opening of sealed bids",
            format!(
                "{} s, or late; {} h, or not at all",
                auction::sealed::OPEN_WITHIN.as_secs(),
                auction::sealed::UNOPENED_AFTER.as_secs() / 3_600
            ),
        ),
        (
            "increments of a listing",
            format!("1, and {} from given amounts on", plain(auction::MAX_STEPS)),
        ),
        (
            "seller's rule",
            format!(
                "{}, {} open at one place, texts of {} characters",
                bytes(rule::MAX_SOURCE),
                rule::MAX_DEPTH,
                rule::MAX_TEXT
            ),
        ),
        (
            "steps of a falling price",
            format!(
                "{} s apart, freshness of {} s",
                grouped(auction::dutch::MAX_EVERY.into()),
                auction::dutch::MAX_FRESHNESS
            ),
        ),
        ("handle of a box, line about its owner", "32 and 200 characters".to_owned()),
        (
            "letters that wait in a box, their bytes",
            format!("{}, 2^{} bytes", grouped(label::MAX_LETTERS.into()), label::MAX_BOX.ilog2()),
        ),
        (
            "one-time keys published at once; open stocks",
            format!("{}; {}", label::MAX_STOCK, label::MAX_STOCKS),
        ),
        (
            "one-time keys of a box handed out at once; then one more each",
            format!("{}; {} s", label::KEYS_AT_ONCE, label::KEYS_REGAINED),
        ),
        ("boxes in one page of people", label::MAX_PEOPLE.to_string()),
        ("attachments of a letter", label::MAX_ATTACHMENTS.to_string()),
        ("letters taken at once", label::MAX_TAKEN.to_string()),
        ("expiry of a letter", format!("{} days ahead", label::LONGEST_EXPIRY / 86_400)),
        ("time of a registered letter", format!("{} days", label::REGISTERED_FOR / 86_400)),
        (
            "envelope of a letter",
            format!(
                "{}, {} or {}, exactly",
                plain(Class::Small.envelope_size()),
                plain(Class::Medium.envelope_size()),
                bytes(Class::Large.envelope_size())
            ),
        ),
        ("public key that letters are sealed to", bytes(prekey::PUBLIC)),
        ("subject of a letter", format!("{} characters", label::MAX_SUBJECT)),
        (
            "effort of a puzzle",
            format!(
                "{} bits; of a guest's at least {}; its header {} s old",
                label::MAX_EFFORT,
                label::MIN_GUEST_EFFORT,
                label::MAX_PUZZLE_AGE
            ),
        ),
        (
            "passes of one persona and day, and in one frame",
            format!("{}; their keys {} days ahead", label::MAX_PASSES, label::MAX_PASS_DAYS),
        ),
        ("submissions without a solution in a row", label::MAX_UNSOLVED.to_string()),
        (
            "refusals kept of a persona",
            format!(
                "{}, and one more each {} s",
                grouped(label::REFUSALS_KEPT),
                label::REFUSALS_REGAINED
            ),
        ),
        (
            "blob",
            format!(
                "{} bytes, {} in a piece; {} pieces on their way; {} s without an entry",
                grouped(BlobClass::all().last().map_or(0, BlobClass::size)),
                grouped(label::BLOB_PIECE),
                label::BLOB_CREDIT,
                label::BLOB_UNNAMED
            ),
        ),
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

/// Where a rule or a section states a limit beside section 12, and how it reads with the number of the code.
fn limits_in_prose() -> Vec<(&'static str, String)> {
    let plain = |number: usize| grouped(number as u64);
    let bytes = |number: usize| format!("{} bytes", grouped(number as u64));
    let kib = |number: usize| {
        assert!(number.is_multiple_of(1024));
        format!("at most {} KiB", number / 1024)
    };
    let buckets: Vec<String> =
        label::RECORD_BUCKETS.iter().map(|size| grouped(*size as u64)).collect();
    vec![
        ("- **V-005**", kib(label::MAX_CERTIFICATE)),
        ("- **V-008**", kib(label::MAX_CERTIFICATE)),
        ("- **V-010**", format!("At most {}", bytes(label::MAX_ACTION))),
        ("- **V-014**", format!("`sealed` at most {}", bytes(body::Sealed::MAX))),
        ("- **V-016**", format!("at most {}", bytes(broker::MAX_CERTIFICATE))),
        ("- **V-018**", kib(label::MAX_JWKS)),
        ("- **V-019**", kib(refusal::MAX_REFUSAL)),
        ("- **V-021**", format!("at most {}", bytes(label::MAX_BATCH))),
        ("- **V-021**", format!("`size` ≤ 2^{}", label::MAX_STAMP_PATH)),
        ("- **V-024**", kib(label::MAX_HEAD)),
        ("- **V-024**", format!("at most {} cosignatures", label::MAX_HEAD_SIGNATURES - 1)),
        ("- **V-026**", format!("at most {}", bytes(label::MAX_ENTRY))),
        ("- **V-047**", format!("at most {} other bids", auction::MAX_FORFEITED)),
        ("- **V-055**", format!("at most {} actions", label::MAX_OPENED)),
        ("- **V-075**", kib(refusal::MAX_HELD)),
        (
            "- **V-086**",
            format!(
                "{} records or {} MiB",
                grouped(label::REKEY_RECORDS),
                label::REKEY_BYTES >> 20
            ),
        ),
        ("- **V-090**", format!("at most {}", bytes(label::MAX_FRAME))),
        ("- **V-098**", format!("within {} s", label::MAX_ANSWER)),
        ("- **V-099**", format!("within {} s", label::MAX_ANSWER)),
        ("- **V-100**", kib(label::MAX_CARD_CERTIFICATE)),
        ("- **V-103**", format!("At most {} certificates", citizen::MAX_SENT)),
        ("- **V-104**", format!("at most {} on a path", citizen::MAX_AUTHORITIES)),
        ("- **V-109**", format!("at most {} MiB", citizen::MAX_LIST >> 20)),
        ("- **V-120**", format!("at most {} actions", label::MAX_OPENED_WITH_CARD)),
        ("- **V-120**", format!("at most {}", bytes(label::MAX_DISCLOSED_CARD))),
        ("- **V-130**", kib(label::MAX_OFFER)),
        ("- **V-132**", format!("at most {} `issuers`", label::MAX_CARD_ISSUERS)),
        ("- **V-132**", format!("has {} bytes", label::ISSUER_SIZE)),
        ("- **V-134**", kib(label::MAX_ISSUER)),
        ("- **V-136**", format!("1 to {} entries", label::MAX_ISSUERS)),
        ("- **V-170**", format!("1 to {}", bytes(rule::MAX_SOURCE))),
        ("- **V-170**", format!("1 to {} characters", rule::MAX_TEXT)),
        ("- **V-171**", format!("more than {}", rule::MAX_DEPTH)),
        ("### 3.5", format!("padded to {}", bytes(label::APPLICATION_SIZE))),
        ("### 3.5", format!("({}, `info`", bytes(label::ANSWER_SIZE))),
        ("## 8.", format!("zeros to {}", bytes(label::DISCLOSURE_SIZE))),
        ("- **V-240**", format!("has {}", bytes(prekey::PUBLIC))),
        ("- **V-241**", format!("1 to {} one-time keys", label::MAX_STOCK)),
        ("- **V-242**", {
            let [small, medium, large] = Class::ALL.map(Class::envelope_size);
            format!("{}, {} or {}", plain(small), plain(medium), bytes(large))
        }),
        ("- **V-242**", {
            let [small, medium, large] = Class::ALL.map(Class::most);
            format!("at most {}, {} or {}", plain(small), plain(medium), bytes(large))
        }),
        ("- **V-242**", format!("with {} for the header", bytes(label::BLOB_HEADER))),
        ("- **V-246**", format!("at most {} characters; `text`", label::MAX_SUBJECT)),
        ("- **V-246**", format!("at most {} attachments", label::MAX_ATTACHMENTS)),
        ("### 8.1", format!("one-time key ({})", bytes(prekey::ENCAPSULATED))),
        ("## 9.", format!("`digests` (1 to {}:", label::MAX_STAMPS)),
        ("- **V-352**", bytes(label::TOLD_FRAME)),
        ("- **V-265**", format!("header of {} bytes", label::BLOB_HEADER)),
        ("- **V-266**", {
            let sizes: Vec<String> = BlobClass::all().map(|class| grouped(class.size())).collect();
            let small = sizes.get(..2).unwrap_or_default().join(", ");
            format!("{small} or {} bytes", grouped(label::BLOB_PIECE))
        }),
        (
            "- **V-266**",
            format!("up to {}", grouped(BlobClass::all().last().map_or(0, BlobClass::size))),
        ),
        ("- **V-267**", format!("at most {} are on their way", label::BLOB_CREDIT)),
        ("### 10.1", kib(label::MAX_NEGOTIATION)),
        ("### 10.1", format!("lists of 1 to {} different", label::MAX_SUITES)),
        ("### 10.1", format!("at most {} characters", label::MAX_SUITE_NAME)),
        ("### 10.1", format!("version {},", label::VERSION)),
        ("### 10.2", format!("to {}", bytes(label::HANDSHAKE_PAYLOAD))),
        ("### 10.3", format!("{} bytes", buckets.join(", "))),
        ("## 11.", format!("bodies of {}", kib(tsa::MAX_REQUEST))),
        ("## 11.", format!("answers of {}", kib(tsa::MAX_ANSWER))),
        ("## 11.", format!("`{{challenge,sealed}}` of {}", kib(tsa::MAX_APPLICATION_REQUEST))),
        (
            "## 11.",
            format!(
                "of {} to the TSA and {} KiB from it",
                kib(stream::MAX_REQUEST),
                stream::MAX_ANSWER / 1024
            ),
        ),
        ("## 11.", format!("`{{id,digests}}` (1 to {})", label::MAX_DIGESTS)),
        ("## 11.", format!("At most {} requests may be unanswered", stream::MAX_UNANSWERED)),
    ]
}

/// What stands at a heading or a rule, on one line: until the next heading, or the next rule.
fn stands_at(place: &str) -> String {
    let (_, text) = SPEC.split_once(&format!("\n{place}")).expect("the place is there");
    let ends: &[&str] =
        if place.starts_with("- ") { &["\n- ", "\n\n"] } else { &["\n## ", "\n### "] };
    let end = ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    text[..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_limit_beside_the_table_is_the_one_in_the_code() {
    for (place, limit) in limits_in_prose() {
        let text = stands_at(place);
        assert!(text.contains(&limit), "{place} does not say `{limit}`: {text}");
    }
}

#[test]
fn every_label_is_listed() {
    let labels = include_str!("../src/value/label.rs");
    let quoted: BTreeSet<&str> =
        labels.split('"').skip(1).step_by(2).filter(|text| text.starts_with("pregao")).collect();
    assert!(quoted.len() > 10);
    for label in quoted {
        assert!(SPEC.contains(&format!("`{label}`")), "{label}");
    }
}

/// As serde writes the name of a frame: `BlobKept` is `blob-kept`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[test]
fn every_frame_is_listed() {
    let frames = include_str!("../src/wire/frame.rs");
    let names = frames.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.strip_suffix(" {")?;
        let plain = name.chars().all(|letter| letter.is_ascii_alphabetic());
        (plain && name.starts_with(char::is_uppercase)).then(|| kebab(name))
    });
    let names: Vec<String> = names.collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names.iter().filter(|name| *name != "too-long" && *name != "malformed") {
        assert!(SPEC.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_path_of_a_tsa_is_listed() {
    let page = include_str!("../src/wire/tsa/mod.rs");
    let (_, paths) = page.split_once("pub mod path {").expect("the paths are there");
    let (paths, _) = paths.split_once("\n}\n").expect("they end");
    let paths: Vec<&str> = paths.split('"').skip(1).step_by(2).collect();
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths.into_iter().filter(|path| *path != tsa::path::CITIZEN) {
        let listed = SPEC.contains(&format!("`POST {path}`"));
        assert!(listed || SPEC.contains(&format!("`GET {path}`")), "{path}");
    }
}

#[test]
fn what_a_dishonest_house_comes_to_is_tested_by_what_is_named() {
    let (_, rest) = SPEC.split_once("\n### 7.8").expect("section 7.8 is there");
    let (section, _) = rest.split_once("\n### 7.9").expect("section 7.9 follows");
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 20, "{}", rows.len());
    let sources = all_sources();
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().expect("the last cell");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {row}");
        for name in named {
            assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}
