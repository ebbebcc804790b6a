//! Suites, and the two clear frames that agree on one (SPEC 10.1).
//!
//! Both frames are canonical JSON: a reader serialises what it parsed and compares. They are
//! sent in clear and trusted by nobody; the handshake's prologue holds them as transmitted, so
//! any change on the way makes message 2 fail.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{HandshakeMessage, SessionError};
use crate::value::label;
use crate::wire::puzzle::Wanted;

/// One combination of cipher and hash; the Diffie-Hellman group is always X25519.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-256-GCM with SHA-256.
    AesGcmSha256,
    /// AES-256-GCM with BLAKE2s.
    AesGcmBlake2s,
    /// ChaCha20-Poly1305 with SHA-256.
    ChaChaPolySha256,
    /// ChaCha20-Poly1305 with BLAKE2s.
    ChaChaPolyBlake2s,
}

impl Suite {
    /// Every suite, fastest first on processors with AES instructions.
    pub const ALL: [Self; 4] =
        [Self::AesGcmSha256, Self::AesGcmBlake2s, Self::ChaChaPolySha256, Self::ChaChaPolyBlake2s];

    /// The name as Noise writes it, without pattern.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesGcmSha256 => "25519_AESGCM_SHA256",
            Self::AesGcmBlake2s => "25519_AESGCM_BLAKE2s",
            Self::ChaChaPolySha256 => "25519_ChaChaPoly_SHA256",
            Self::ChaChaPolyBlake2s => "25519_ChaChaPoly_BLAKE2s",
        }
    }

    /// The suite of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One side's suites in its order of preference: at least one, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking(Vec<Suite>);

impl Ranking {
    /// Takes the suites in order.
    ///
    /// # Errors
    /// [`SessionError::Ranking`] if there is none, or one twice.
    pub fn new(suites: &[Suite]) -> Result<Self, SessionError> {
        let names: Vec<&str> = suites.iter().map(|suite| suite.name()).collect();
        if is_list(&names) { Ok(Self(suites.to_vec())) } else { Err(SessionError::Ranking) }
    }

    /// The suites in order.
    #[must_use]
    pub fn suites(&self) -> &[Suite] {
        &self.0
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(Suite::to_string).collect()
    }
}

impl Default for Ranking {
    /// Every suite, in the order of [`Suite::ALL`].
    fn default() -> Self {
        Self(Suite::ALL.to_vec())
    }
}

/// The initiator's first frame. Suites are names, so that one this program does not know is
/// passed over instead of breaking the negotiation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hello {
    label: String,
    version: u64,
    suites: Vec<String>,
}

/// The responder's answer: the suite, and the whole list it was chosen from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    label: String,
    suite: String,
    ranked: Vec<String>,
    /// What is to be solved before message 1, under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    puzzle: Option<Wanted>,
}

/// Writes the hello of an initiator.
pub(super) fn hello(offer: &Ranking) -> Vec<u8> {
    let hello =
        Hello { label: label::SESSION.into(), version: label::VERSION, suites: offer.names() };
    serde_json::to_vec(&hello).expect("strings and a number always serialise")
}

/// Answers a hello: the first of `ranked` that was offered (V-080), and what is to be solved first (V-195).
///
/// # Errors
/// [`SessionError::Malformed`], [`SessionError::Version`], [`SessionError::NoCommonSuite`].
pub(super) fn choose(
    ranked: &Ranking,
    puzzle: Option<Wanted>,
    hello: &[u8],
) -> Result<(Suite, Vec<u8>), SessionError> {
    let hello: Hello = canonical(HandshakeMessage::Hello, hello)?;
    require(HandshakeMessage::Hello, hello.label == label::SESSION && is_list(&hello.suites))?;
    if hello.version != label::VERSION {
        return Err(SessionError::Version { expected: label::VERSION, got: hello.version });
    }
    let offered = |suite: &Suite| hello.suites.iter().any(|name| name == suite.name());
    let Some(suite) = ranked.0.iter().copied().find(offered) else {
        return Err(SessionError::NoCommonSuite { offered: hello.suites, ranked: ranked.names() });
    };
    let (label, ranked) = (label::SESSION.into(), ranked.names());
    let choice = Choice { label, suite: suite.name().into(), ranked, puzzle };
    Ok((suite, serde_json::to_vec(&choice).expect("strings and numbers always serialise")))
}

/// Reads a choice and recomputes it from the responder's own list (V-081); with it comes what is to be solved.
///
/// # Errors
/// [`SessionError::Malformed`]; [`SessionError::NoCommonSuite`] if nothing on the list was
/// offered; [`SessionError::Choice`] if another suite comes first.
pub(super) fn accept(
    offer: &Ranking,
    choice: &[u8],
) -> Result<(Suite, Option<Wanted>), SessionError> {
    let choice: Choice = canonical(HandshakeMessage::Choice, choice)?;
    require(HandshakeMessage::Choice, choice.label == label::SESSION && is_list(&choice.ranked))?;
    let mut known = choice.ranked.iter().filter_map(|name| Suite::from_name(name));
    let Some(expected) = known.find(|suite| offer.0.contains(suite)) else {
        return Err(SessionError::NoCommonSuite { offered: offer.names(), ranked: choice.ranked });
    };
    if choice.suite != expected.name() {
        return Err(SessionError::Choice { expected, got: choice.suite });
    }
    Ok((expected, choice.puzzle))
}

/// What the handshake is bound to: both frames as transmitted, each behind its length.
pub(super) fn prologue(hello: &[u8], choice: &[u8]) -> Vec<u8> {
    let mut prologue = label::SESSION.as_bytes().to_vec();
    for frame in [hello, choice] {
        let length = u32::try_from(frame.len()).expect("a negotiation frame is at most 1 KiB");
        prologue.extend_from_slice(&length.to_be_bytes());
        prologue.extend_from_slice(frame);
    }
    prologue
}

/// A list of suites or their names: 1 to 16 entries, none twice, names short and plain.
fn is_list<T: AsRef<str>>(names: &[T]) -> bool {
    let plain = |name: &str| {
        (1..=label::MAX_SUITE_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut rest = names.iter().map(AsRef::as_ref);
    let mut fine = (1..=label::MAX_SUITES).contains(&names.len());
    while let Some(name) = rest.next() {
        fine &= plain(name) && rest.clone().all(|other| other != name);
    }
    fine
}

/// Parses JSON that has one spelling only.
///
/// # Errors
/// [`SessionError::Malformed`] if it is too long, not of this shape, or spelled otherwise.
fn canonical<T: Serialize + for<'de> Deserialize<'de>>(
    message: HandshakeMessage,
    bytes: &[u8],
) -> Result<T, SessionError> {
    require(message, bytes.len() <= label::MAX_NEGOTIATION)?;
    super::parse_canonical(bytes).ok_or(SessionError::Malformed { message })
}

fn require(message: HandshakeMessage, holds: bool) -> Result<(), SessionError> {
    if holds { Ok(()) } else { Err(SessionError::Malformed { message }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::codec::Digest;

    const HELLO: &str = r#"{"label":"pregao/session/v1","version":1,"suites":["25519_AESGCM_SHA256","25519_ChaChaPoly_BLAKE2s"]}"#;
    const CHOICE: &str = r#"{"label":"pregao/session/v1","suite":"25519_AESGCM_SHA256","ranked":["25519_ChaChaPoly_SHA256","25519_AESGCM_SHA256","25519_ChaChaPoly_BLAKE2s"]}"#;

    fn offer() -> Ranking {
        Ranking::new(&[Suite::AesGcmSha256, Suite::ChaChaPolyBlake2s]).unwrap()
    }

    fn ranked() -> Ranking {
        let suites = [Suite::ChaChaPolySha256, Suite::AesGcmSha256, Suite::ChaChaPolyBlake2s];
        Ranking::new(&suites).unwrap()
    }

    #[test]
    fn the_frames_are_these_bytes() {
        assert_eq!(hello(&offer()), HELLO.as_bytes());
        let (suite, choice) = choose(&ranked(), None, HELLO.as_bytes()).unwrap();
        assert_eq!(suite, Suite::AesGcmSha256);
        assert_eq!(choice, CHOICE.as_bytes());
        assert_eq!(accept(&offer(), CHOICE.as_bytes()).unwrap(), (suite, None));
    }

    #[test]
    fn v195_a_choice_that_asks_for_a_puzzle_is_these_bytes() {
        let zeros = "A".repeat(43);
        let (header, nonce) = (Digest([0; 32]), Digest([0; 32]));
        let wanted = Wanted { effort: 12, header, nonce };
        let (_, choice) = choose(&ranked(), Some(wanted), HELLO.as_bytes()).unwrap();
        let expected = CHOICE.replace(
            '}',
            &format!(r#","puzzle":{{"effort":12,"header":"{zeros}","nonce":"{zeros}"}}}}"#),
        );
        assert_eq!(String::from_utf8(choice.clone()).unwrap(), expected);
        assert_eq!(accept(&offer(), &choice).unwrap(), (Suite::AesGcmSha256, Some(wanted)));
        for text in [
            expected.replace("12", "-1"),
            expected.replace(r#""effort":12,"#, ""),
            expected.replace(r#","nonce""#, r#","more":1,"nonce""#),
            CHOICE.replace('}', r#","puzzle":null}"#),
        ] {
            let answer = accept(&offer(), text.as_bytes());
            assert!(malformed(&answer, HandshakeMessage::Choice), "{text}");
        }
    }

    #[test]
    fn the_prologue_holds_label_and_both_frames_behind_their_lengths() {
        let expected = [b"pregao/session/v1".as_slice(), &[0, 0, 0, 2], b"ab", &[0, 0, 0, 1], b"c"];
        assert_eq!(prologue(b"ab", b"c"), expected.concat());
        assert_ne!(prologue(b"ab", b"c"), prologue(b"a", b"bc"));
    }

    #[test]
    fn a_ranking_is_not_empty_and_has_no_suite_twice() {
        assert!(matches!(Ranking::new(&[]), Err(SessionError::Ranking)));
        let twice = [Suite::AesGcmSha256, Suite::AesGcmBlake2s, Suite::AesGcmSha256];
        assert!(matches!(Ranking::new(&twice), Err(SessionError::Ranking)));
        assert_eq!(Ranking::default().suites(), Suite::ALL);
    }

    fn malformed<T>(result: &Result<T, SessionError>, message: HandshakeMessage) -> bool {
        matches!(result, Err(SessionError::Malformed { message: at }) if *at == message)
    }

    #[test]
    fn a_hello_of_another_form_is_refused() {
        let list = |names: &[String]| {
            let names = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>();
            format!(r#"{{"label":"pregao/session/v1","version":1,"suites":[{}]}}"#, names.join(","))
        };
        let numbered =
            |count: usize| (0..count).map(|at| format!("suite_{at}")).collect::<Vec<_>>();
        for text in [
            HELLO.replace(':', ": "),
            HELLO.replace("v1\"", "v2\""),
            HELLO.replace('}', r#","more":0}"#),
            HELLO.replace(r#""version":1"#, r#""version":1,"version":1"#),
            HELLO.replace(r#""version":1"#, r#""version":1.0"#),
            HELLO.replace(r#""version":1,"#, ""),
            HELLO.replace("AESGCM", r"\u0041ESGCM"),
            HELLO.replace("25519_ChaChaPoly_BLAKE2s", "25519_AESGCM_SHA256"),
            HELLO.replace("BLAKE2s", "BLAKE2s "),
            format!("{HELLO}\n"),
            HELLO[..HELLO.len() - 1].to_owned(),
            list(&[]),
            list(&[String::new()]),
            list(&["x".repeat(65)]),
            list(&numbered(17)),
            list(&(0..16).map(|at| format!("{at}{}", "x".repeat(60))).collect::<Vec<_>>()),
            String::new(),
            "null".into(),
        ] {
            assert!(
                malformed(&choose(&ranked(), None, text.as_bytes()), HandshakeMessage::Hello),
                "{text}"
            );
        }
        let of_size = |size: usize| {
            let mut names = numbered(15);
            names.extend((0..15).map(|at| format!("{}{at:03}", "x".repeat(40))));
            names.truncate(16);
            while list(&names).len() < size {
                let name = names.iter_mut().find(|name| name.len() < 64).unwrap();
                name.push('y');
            }
            list(&names)
        };
        let longest = choose(&ranked(), None, of_size(1024).as_bytes());
        assert!(matches!(longest, Err(SessionError::NoCommonSuite { .. })));
        assert!(malformed(
            &choose(&ranked(), None, of_size(1025).as_bytes()),
            HandshakeMessage::Hello
        ));
        // Names nobody knows are fine, as far as they go.
        for names in [numbered(16), vec!["x".repeat(64)]] {
            let answer = choose(&ranked(), None, list(&names).as_bytes());
            assert!(matches!(answer, Err(SessionError::NoCommonSuite { .. })), "{names:?}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let error = choose(&ranked(), None, HELLO.replace(":1,", ":2,").as_bytes()).err().unwrap();
        assert!(matches!(error, SessionError::Version { expected: 1, got: 2 }));
    }

    #[test]
    fn an_unknown_suite_is_passed_over() {
        let offered = HELLO.replace(r#"["#, r#"["25519_Later_SHA3","#);
        assert_eq!(choose(&ranked(), None, offered.as_bytes()).unwrap().0, Suite::AesGcmSha256);
        let answer = CHOICE.replace(r#"["#, r#"["25519_Later_SHA3","#);
        assert_eq!(accept(&offer(), answer.as_bytes()).unwrap().0, Suite::AesGcmSha256);
    }

    #[test]
    fn a_choice_of_anything_but_the_first_common_suite_is_refused() {
        for other in
            ["25519_ChaChaPoly_BLAKE2s", "25519_ChaChaPoly_SHA256", "25519_AESGCM_SHA512", ""]
        {
            let text = CHOICE.replacen("25519_AESGCM_SHA256", other, 1);
            let answer = accept(&offer(), text.as_bytes());
            let expected = Suite::AesGcmSha256;
            let refused =
                matches!(answer, Err(SessionError::Choice { expected: e, .. }) if e == expected);
            assert!(refused, "{other}");
        }
        let nothing = CHOICE.replace(r#","25519_AESGCM_SHA256","25519_ChaChaPoly_BLAKE2s""#, "");
        let answer = accept(&offer(), nothing.as_bytes());
        assert!(matches!(answer, Err(SessionError::NoCommonSuite { .. })));
    }

    #[test]
    fn a_choice_of_another_form_is_refused() {
        for text in [
            CHOICE.replace(':', ": "),
            CHOICE.replace("/v1", "/v0"),
            CHOICE.replace('}', r#","version":1}"#),
            CHOICE.replace("25519_ChaChaPoly_SHA256", "25519_AESGCM_SHA256"),
            HELLO.to_owned(),
            " ".repeat(1024),
        ] {
            assert!(
                malformed(&accept(&offer(), text.as_bytes()), HandshakeMessage::Choice),
                "{text}"
            );
        }
    }
}
