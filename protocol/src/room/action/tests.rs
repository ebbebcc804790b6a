//! The one encoding of an action, and every neighbour of it.

use super::*;
use crate::room::body::Verb;
use crate::room::fixture::{Author, Table, bid, entry_key, text};
use crate::trust::key::Signature;
use crate::value::codec::{from_base64url, to_base64url};

/// Header and signing for a payload that need not be canonical.
fn signed(payload: &str) -> String {
    let key = entry_key();
    let public = as_action_key(&key.public());
    jws::sign_embedded(label::TYP_ACTION, payload.as_bytes(), &public, |input| key.sign(input))
}

fn parse(payload: &str) -> Result<Action, ActionError> {
    Action::parse(&signed(payload))
}

/// A canonical bid's payload.
fn good() -> String {
    let room = "ab".repeat(32);
    let (zeros, nine) = ("A".repeat(43), format!("CQ{}", "A".repeat(41)));
    format!(
        r#"{{"id":"00112233-4455-4677-8899-aabbccddeeff","room":"{room}","verb":"bid","body":{{"amount":100,"currency":"EUR","seal":"{nine}"}},"seen":{{"size":1,"root":"{zeros}"}}}}"#
    )
}

fn say(words: &str) -> String {
    let from = good();
    let (head, rest) = from.split_once("\"verb\"").unwrap();
    let (_, seen) = rest.split_once(",\"seen\"").unwrap();
    format!(r#"{head}"verb":"say","body":{{"text":"{words}"}},"seen"{seen}"#)
}

#[test]
fn v011_the_canonical_payload_is_accepted() {
    let action = parse(&good()).unwrap();
    assert_eq!(action.body().verb(), Verb::Bid);
    assert_eq!(action.digest(), Digest::of(action.compact().as_bytes()));
    assert!(!action.opens_a_room());
    assert!(parse(&say("hello")).is_ok());
}

#[test]
fn v011_every_second_encoding_of_a_payload_is_refused() {
    let good = good();
    let changes = [
        ("leading space", format!(" {good}")),
        ("trailing line break", format!("{good}\n")),
        ("space after a colon", good.replacen(':', ": ", 1)),
        ("space after a comma", good.replacen(',', ", ", 1)),
        ("unknown member", good.replacen("{\"id\"", "{\"x\":1,\"id\"", 1)),
        ("unknown member of the body", good.replacen("\"amount\"", "\"x\":1,\"amount\"", 1)),
        ("unknown member of seen", good.replacen("\"size\"", "\"x\":1,\"size\"", 1)),
        ("member twice", good.replacen("\"verb\":\"bid\"", "\"verb\":\"bid\",\"verb\":\"bid\"", 1)),
        ("body member twice", good.replacen("\"amount\":100", "\"amount\":100,\"amount\":100", 1)),
        (
            "order of the body",
            good.replacen(
                "\"amount\":100,\"currency\":\"EUR\"",
                "\"currency\":\"EUR\",\"amount\":100",
                1,
            ),
        ),
        ("escaped verb", good.replacen("\"bid\"", "\"b\\u0069d\"", 1)),
        ("escaped name", good.replacen("\"verb\"", "\"v\\u0065rb\"", 1)),
        ("escaped currency", good.replacen("EUR", "\\u0045UR", 1)),
        ("fraction", good.replacen("100,", "100.0,", 1)),
        ("exponent", good.replacen("100,", "1e2,", 1)),
        ("leading zero", good.replacen("100,", "0100,", 1)),
        ("sign", good.replacen("100,", "+100,", 1)),
        ("negative", good.replacen("100,", "-100,", 1)),
        ("number as text", good.replacen("100,", "\"100\",", 1)),
        ("upper-case room", good.replacen(&"ab".repeat(32), &"AB".repeat(32), 1)),
        ("upper-case identifier", good.replacen("aabbccddeeff", "AABBCCDDEEFF", 1)),
        (
            "identifier without hyphens",
            good.replacen(
                "00112233-4455-4677-8899-aabbccddeeff",
                "00112233445546778899aabbccddeeff",
                1,
            ),
        ),
        ("identifier as URN", good.replacen("\"0011", "\"urn:uuid:0011", 1)),
        ("padded base64", good.replacen("A\"}", "A=\"}", 1)),
        ("base64 with loose bits", good.replacen("AA\"}", "AB\"}", 1)),
        ("base64 of 31 bytes", good.replacen("AA\"}", "\"}", 1)),
        ("null for a room", good.replacen(&format!("\"{}\"", "ab".repeat(32)), "null", 1)),
        ("unknown verb", good.replacen("\"bid\"", "\"buy\"", 1)),
        ("another verb's body", good.replacen("\"bid\"", "\"closed\"", 1)),
        ("array", format!("[{good}]")),
        ("two values", format!("{good}{good}")),
        ("nothing", String::new()),
    ];
    for (what, payload) in changes {
        assert_ne!(payload, good, "{what} changes nothing");
        assert_eq!(parse(&payload).unwrap_err(), ActionError::NotCanonical, "{what}");
    }
}

#[test]
fn v011_members_in_another_order_are_refused() {
    let good = good();
    let (id, rest) = good[1..].split_once(',').unwrap();
    let (room, rest) = rest.split_once(',').unwrap();
    let swapped = format!("{{{room},{id},{rest}");
    assert_eq!(swapped.len(), good.len());
    assert_eq!(parse(&swapped).unwrap_err(), ActionError::NotCanonical);
}

#[test]
fn v011_a_text_has_one_spelling() {
    assert!(parse(&say("é \\\" \\\\ / 😀")).is_ok());
    for words in ["\\u0061", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\n", "\\u0000", "\\ud83d", ""] {
        assert_eq!(parse(&say(words)).unwrap_err(), ActionError::NotCanonical, "{words}");
    }
}

#[test]
fn v014_a_text_has_1_to_so_many_characters_and_no_control_characters() {
    assert!(parse(&say(&"é".repeat(500))).is_ok());
    for words in ["é".repeat(501), "\u{7f}".to_owned(), "\u{85}".to_owned()] {
        assert_eq!(parse(&say(&words)).unwrap_err(), ActionError::NotCanonical);
    }
}

#[test]
fn v014_an_amount_out_of_range_is_no_action() {
    for amount in ["1", "9007199254740991"] {
        assert!(parse(&good().replacen("100,", &format!("{amount},"), 1)).is_ok(), "{amount}");
    }
    for amount in ["0", "9007199254740992", "18446744073709551615", "18446744073709551616"] {
        let payload = good().replacen("100,", &format!("{amount},"), 1);
        assert_eq!(parse(&payload).unwrap_err(), ActionError::NotCanonical, "{amount}");
    }
}

#[test]
fn v014_a_key_that_nobody_can_seal_to_is_refused() {
    let nine = format!("CQ{}", "A".repeat(41));
    for weak in ["AA", "AQ"] {
        let key = format!("{weak}{}", "A".repeat(41));
        let payload = good().replacen(&nine, &key, 1);
        assert_eq!(parse(&payload).unwrap_err(), ActionError::SealKey, "{weak}");
    }
}

#[test]
fn v012_only_random_identifiers_are_accepted() {
    for (id, what) in [
        ("00112233-4455-1677-8899-aabbccddeeff", "version 1"),
        ("00112233-4455-5677-8899-aabbccddeeff", "version 5"),
        ("00112233-4455-7677-8899-aabbccddeeff", "version 7"),
        ("00112233-4455-4677-0899-aabbccddeeff", "another variant"),
        ("00112233-4455-4677-c899-aabbccddeeff", "the variant of Microsoft"),
        ("00000000-0000-0000-0000-000000000000", "nil"),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", "max"),
    ] {
        let payload = good().replacen("00112233-4455-4677-8899-aabbccddeeff", id, 1);
        assert_eq!(parse(&payload).unwrap_err(), ActionError::Identifier, "{what}");
    }
}

#[test]
fn v013_an_action_names_its_room_and_has_seen_something_of_it() {
    let room = format!(r#""room":"{}","#, "ab".repeat(32));
    assert_eq!(parse(&good().replacen(&room, "", 1)).unwrap_err(), ActionError::Placement);
    let size = |size: u64| good().replacen("\"size\":1,", &format!("\"size\":{size},"), 1);
    assert_eq!(parse(&size(0)).unwrap_err(), ActionError::Placement);
    assert!(parse(&size(label::MAX_LOG_SIZE)).is_ok());
    assert_eq!(parse(&size(label::MAX_LOG_SIZE + 1)).unwrap_err(), ActionError::Placement);
}

#[test]
fn v013_an_opening_names_no_room_and_has_seen_nothing() {
    let table = Table::auction();
    let opening = table.opening.action();
    let author = Author::new(100);
    let own = author.own(0);
    let draft =
        Draft { id: own.id, room: None, body: opening.body().clone(), seen: Seen::nothing() };
    let key = author.key(&own);
    assert_eq!(draft.sign(&key).unwrap().compact(), opening.compact());
    assert_eq!(opening.room(), RoomName::of_opening(opening.compact()));
    for wrong in [
        Draft { room: Some(table.name()), ..draft.clone() },
        Draft { seen: Seen { size: 1, ..Seen::nothing() }, ..draft.clone() },
        Draft { seen: Seen { root: Digest([0; 32]), ..Seen::nothing() }, ..draft },
    ] {
        assert_eq!(wrong.sign(&key).unwrap_err(), ActionError::Placement);
    }
}

#[test]
fn v010_a_changed_header_payload_or_signature_is_refused() {
    let compact = signed(&good());
    assert!(Action::parse(&compact).is_ok());
    for at in 0..compact.len() {
        let mut bytes = compact.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(Action::parse(&changed).is_err(), "position {at}");
    }
}

#[test]
fn v010_a_header_has_no_freedom() {
    let compact = signed(&good());
    let (header, rest) = compact.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let text = String::from_utf8(from_base64url(header).unwrap()).unwrap();
    let resigned = |header: &str| {
        let input = format!("{}.{payload}", to_base64url(header.as_bytes()));
        let Signature(signature) = entry_key().sign(input.as_bytes());
        format!("{input}.{}", to_base64url(&signature))
    };
    assert_eq!(resigned(&text), compact);
    for (what, header) in [
        ("none for an algorithm", text.replacen("EdDSA", "none", 1)),
        ("another type", text.replacen("action", "batch", 1)),
        ("another member", text.replacen("{\"alg\"", "{\"b64\":true,\"alg\"", 1)),
        ("another curve", text.replacen("Ed25519", "Ed448", 1)),
        ("white space", text.replacen(',', ", ", 1)),
        ("a key identifier", text.replacen("\"jwk\"", "\"kid\":\"x\",\"jwk\"", 1)),
        ("escapes", text.replacen("OKP", "\\u004fKP", 1)),
    ] {
        assert_ne!(header, text);
        let refused = Action::parse(&resigned(&header)).unwrap_err();
        assert_eq!(refused, ActionError::Envelope(JwsError::Header), "{what}");
    }
}

#[test]
fn v010_an_action_is_at_most_16_kib() {
    let long = Action::parse(&"a".repeat(label::MAX_ACTION + 1)).unwrap_err();
    let max = label::MAX_ACTION;
    assert_eq!(long, ActionError::Envelope(JwsError::TooLong { max }));
    let exact = Action::parse(&"a".repeat(label::MAX_ACTION)).unwrap_err();
    assert_eq!(exact, ActionError::Envelope(JwsError::Malformed));
}

#[test]
fn every_verb_survives_its_encoding() {
    let table = Table::auction();
    let say = Body::Say(crate::room::body::Say { text: text("é \u{5d0} \"") });
    for body in [table.opening.action().body().clone(), bid(100), say] {
        let encoded = body.encode().unwrap();
        assert_eq!(Body::parse(body.verb().as_str(), &encoded), Some(body));
    }
}

/// Fixed keys, fixed bytes: whoever writes another peer compares with this.
#[test]
fn an_action_is_written_in_these_bytes() {
    let author = Author::new(1);
    let own = author.own(1);
    let draft = Draft {
        id: own.id,
        room: Some(RoomName([0xab; 32])),
        body: bid(12_000),
        seen: Seen { size: 3, root: Digest([0xcd; 32]) },
    };
    let action = draft.sign(&author.key(&own)).unwrap();
    let parts: Vec<&str> = action.compact().split('.').collect();
    let decoded = |part: &str| String::from_utf8(from_base64url(part).unwrap()).unwrap();
    let golden = [GOLDEN_HEADER, GOLDEN_PAYLOAD, GOLDEN_SIGNATURE, GOLDEN_DIGEST];
    let (header, payload) = (decoded(parts[0]), decoded(parts[1]));
    let digest = action.digest().to_string();
    assert_eq!([header.as_str(), payload.as_str(), parts[2], digest.as_str()], golden);
}

const GOLDEN_HEADER: &str = r#"{"alg":"EdDSA","typ":"pregao-action-v1","jwk":{"kty":"OKP","crv":"Ed25519","x":"2f2OojuNnz1heqOmY9y2qMY2z4AsORVPAZ9gOFtefy0"}}"#;
const GOLDEN_PAYLOAD: &str = r#"{"id":"01010101-0101-4101-8000-000000000001","room":"abababababababababababababababababababababababababababababababab","verb":"bid","body":{"amount":12000,"currency":"EUR","seal":"sdFbUTAplR6BERX_5iphRwZVT7YQuCleiJvDvr30Nw4"},"seen":{"size":3,"root":"zc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc0"}}"#;
const GOLDEN_SIGNATURE: &str =
    "K56lC9Ovu8TipiEXAv17HVUPkZ3XNOw4ZoYLLjP7AusmU0ndKjRVA0llMxVRYFXKZZY3Z2i5pvnXIzxEmUP_Bw";
const GOLDEN_DIGEST: &str = "4mTbA-48aQZ6LzEK-pLzxOmKUrXxqm87pTJsrGgln-A";

#[test]
fn a_short_name_is_how_the_fingerprint_of_the_key_begins() {
    let author = Author::new(1);
    let key = author.key(&author.own(1)).public();
    let name = short_name(&key);
    assert_eq!(name.len(), 8);
    assert!(key.fingerprint().to_string().starts_with(&name), "{name}");
}
