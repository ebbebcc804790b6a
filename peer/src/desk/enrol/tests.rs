use super::card::TokenKept;
use super::report::EnrolObserver as _;
use super::*;
use crate::vault::{HeldToken, KeptEnrolment, KeptIssuer};
use pregao_protocol::value::codec::Digest;

fn at(seconds: u64) -> Time {
    Time::from_micros(seconds * 1_000_000).unwrap()
}

fn contents(enrolment: Option<KeptEnrolment>, certificate: &[u8]) -> Contents {
    let authority = Fingerprint([7; 32]);
    let (keys, pinned, proxy) = (serde_json::Value::Null, true, None);
    let tsa = TrustedTsa { url: String::new(), authority, keys, pinned, proxy };
    let mut contents = Contents::new(Secret::new([1; 32]), tsa, certificate.to_vec());
    contents.enrolment = enrolment;
    contents
}

fn held(spend_after: Option<Time>) -> KeptEnrolment {
    let id = Digest([1; 32]);
    let statement = String::new();
    let issuer = KeptIssuer { id, from: at(1), until: at(2), spend_until: at(3), statement };
    let token = serde_json::json!({ "issuer": id, "randomizer": id, "signature": "AA" });
    let token = serde_json::from_value(token).unwrap();
    KeptEnrolment { held: Some(HeldToken { issuer, token, spend_after }), ..Default::default() }
}

#[test]
fn other_commands_say_what_is_missing_and_what_to_type() {
    let told = |contents: &Contents| {
        let error = require_certified(contents).unwrap_err();
        format!("{error}\n{}", error.advice())
    };
    let text = told(&contents(Some(held(Some(at(1_700_000_000)))), b""));
    assert!(text.contains("a token that buys one"), "{text}");
    assert!(text.contains("2023-11-14T22:13:20.000000Z or later: pregao enrol --spend"), "{text}");
    let text = told(&contents(Some(held(None)), b""));
    assert!(text.contains("pregao enrol --spend"), "{text}");
    for unfinished in [None, Some(KeptEnrolment::default())] {
        let text = told(&contents(unfinished, b""));
        assert!(text.contains("not finished") && text.contains("--card"), "{text}");
    }
    for enrolment in [None, Some(held(None))] {
        assert!(require_certified(&contents(enrolment, b"der")).is_ok());
    }
}

#[test]
fn a_token_is_reported_with_its_issuer_and_what_to_type_when() {
    let kept = TokenKept {
        persona: Fingerprint([1; 32]),
        authority: Fingerprint([2; 32]),
        pinned: false,
        simulated: true,
        issuer: Digest([3; 32]),
        period_until: at(2_000_000_000),
        spend_after: at(1_700_000_000),
        spend_until: at(2_100_000_000),
        wait: std::time::Duration::from_secs(7 * 3_600),
    };
    let text = kept.lines().join("\n");
    for part in [
        &short_name(kept.issuer),
        &kept.spend_after.to_string(),
        "pregao enrol --spend",
        "trusted at first use",
        "in about 7 h (at ",
        "SIMULATED TIME",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let line = kept.json();
    assert_eq!(line["event"], "token-kept");
    assert_eq!(line["issuer"], kept.issuer.to_string());
    assert_eq!(line["spend_after"], kept.spend_after.to_string());
}

#[test]
fn spending_early_is_reported_with_one_warning() {
    let enrolled = |early| Enrolled {
        persona: Fingerprint([1; 32]),
        authority: Fingerprint([2; 32]),
        pinned: true,
        proxied: early,
        simulated: false,
        by: By::Token { early, renews_until: at(2_000_000_000) },
    };
    let warnings = |early| {
        let lines = enrolled(early).lines();
        lines.iter().filter(|line| line.starts_with("warning")).count()
    };
    assert_eq!((warnings(true), warnings(false)), (1, 0));
    assert_eq!(enrolled(true).json()["early"], true);
    // Ordinary use reaches the TSA as well, and by which way is said.
    for (proxied, part) in [(true, "the proxy is kept"), (false, "every few minutes")] {
        let text = Enrolled { proxied, ..enrolled(false) }.lines().join("\n");
        assert!(text.contains(part) && text.contains("tickets"), "{text}");
    }
    let plain = Enrolled { by: By::Policy, ..enrolled(false) };
    assert_eq!(plain.lines().len(), 2);
    assert!(plain.json().get("early").is_none());
}

#[test]
fn a_time_to_wait_is_told_in_what_people_count_by() {
    use std::time::Duration;
    for (seconds, told) in [
        (0, "at once"),
        (1, "in about 1 min"),
        (90 * 60, "in about 90 min"),
        (90 * 60 + 1, "in about 2 h"),
        (7 * 3_600, "in about 7 h"),
        (48 * 3_600, "in about 48 h"),
        (72 * 3_600, "in about 3 days"),
    ] {
        assert_eq!(report::about(Duration::from_secs(seconds)), told, "{seconds}");
    }
}
