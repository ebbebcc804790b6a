//! Readers of what is signed, logged and sent.

use std::fmt::Debug;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregao::cli::verify as verify_command;
use pregao::front::exit::Status;
use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::audit::verdict::{Found, Pins, Standing, examine};
use pregao_protocol::audit::verify;
use pregao_protocol::log::merkle;
use pregao_protocol::log::transcript::transcript as transcript_of;
use pregao_protocol::log::{Entry, Head, Logged, Origin, Receipt, RoomName};
use pregao_protocol::room::action::{Action, Draft, short_name};
use pregao_protocol::room::auction::rule::{
    Answer, Bidding, Fault, MAX_SOURCE, Rule, sample_states,
};
use pregao_protocol::trust::certificate::{
    pem_to_der, verify_authority_certificate, verify_csr, verify_persona_certificate,
};
use pregao_protocol::trust::jwks::verify_jwks;
use pregao_protocol::trust::jws;
use pregao_protocol::trust::key::{
    Authority, Fingerprint, HeadKey, PublicKey, SecretKey, StampKey,
};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::timelock::TimeLock;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::{Digest, array_from_base64url, to_base64url};
use pregao_protocol::value::label;
use pregao_protocol::wire::frame::{FromBroker, FromPeer, Subject};
use pregao_protocol::wire::tsa::parse_report;
use pregao_protocol::wire::tsa::stream::{self, StampRequest, StreamFrame};
use pregao_protocol::wire::tsa::{
    CitizenEnrol, CitizenOffer, Health, Issue, MAX_ANSWER, NewChallenge, ResetTime, SetTime,
    SignCsr, TimeLockAnswer, Timestamp, TsaRequest,
};
use pregao_protocol::wire::witness::{self, AddCheckpoint, CheckpointAnswer};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Verdict;

/// Reads `bytes` in both ways of a session, and again the other way round: no reader knows what another
/// one read, and no bytes mean something in both directions.
fn frames(bytes: &[u8]) -> (Option<FromPeer>, Option<FromBroker>) {
    let (up, down) = (FromPeer::parse(bytes), FromBroker::parse(bytes));
    let (down_first, up_second) = (FromBroker::parse(bytes), FromPeer::parse(bytes));
    same(&up, &up_second);
    same(&down, &down_first);
    let (up, down) = (up.ok(), down.ok());
    assert!(up.is_none() || down.is_none(), "a frame of both sides");
    assert!(up.is_none() && down.is_none() || bytes.len() <= label::MAX_FRAME);
    (up, down)
}

fn same<T: Debug>(first: &T, second: &T) {
    assert_eq!(format!("{first:?}"), format!("{second:?}"), "read twice, in two ways");
}

/// A frame that was written again: no longer than it was, and of the same meaning.
fn is_written_again<T: Debug>(frame: &T, bytes: &[u8], encoded: &[u8], again: Option<T>) {
    assert!(encoded.len() <= bytes.len(), "written with fewer bytes than by the program itself");
    same(&Some(frame), &again.as_ref());
}

/// [`FromPeer`].
///
/// # Panics
/// If a promise is broken, as all of them.
pub fn frame_from_peer(bytes: &[u8]) -> Verdict {
    let (frame, _) = frames(bytes);
    let subject = Subject::of(bytes);
    if let Some(frame) = &frame {
        let encoded = frame.encode().expect("what was read fits a record");
        is_written_again(frame, bytes, &encoded, FromPeer::parse(&encoded).ok());
        let asked = match frame {
            FromPeer::Stamp { n, .. }
            | FromPeer::Submit { n, .. }
            | FromPeer::TakePasses { n, .. }
            | FromPeer::ShowPass { n, .. }
            | FromPeer::TakeKeys { n, .. }
            | FromPeer::BoxOpening { n, .. }
            | FromPeer::AboutDeposit { n, .. }
            | FromPeer::People { n, .. } => Some(Subject::Request(*n)),
            FromPeer::Join { room, .. } | FromPeer::Leave { room } => Some(Subject::Room(*room)),
            FromPeer::Rooms { .. } => None,
        };
        assert_eq!(subject, asked, "what a frame asks about is found without reading it");
    }
    Verdict::of(frame.as_ref())
}

/// [`FromBroker`].
pub fn frame_from_broker(bytes: &[u8]) -> Verdict {
    let (_, frame) = frames(bytes);
    if let Some(frame) = &frame {
        let encoded = frame.encode().expect("what was read fits a record");
        is_written_again(frame, bytes, &encoded, FromBroker::parse(&encoded).ok());
    }
    Verdict::of(frame.as_ref())
}

/// An [`Action`], as transmitted.
pub fn action(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let action = Action::parse(text);
    same(&action, &Action::parse(text));
    let action = action.ok();
    if let Some(action) = &action {
        assert!(text.len() <= label::MAX_ACTION);
        assert_eq!(action.compact(), text);
        assert_eq!(action.digest(), Digest::of(bytes));
        assert_eq!(action.id().get_version_num(), 4);
        assert_eq!(short_name(action.key()).len(), 8);
        if action.opens_a_room() {
            assert_eq!(action.room(), RoomName::of_opening(text));
            assert_eq!(action.seen().size, 0);
        } else {
            assert!((1..=label::MAX_LOG_SIZE).contains(&action.seen().size));
        }
    }
    Verdict::of(action.as_ref())
}

fn author() -> OneTimeKey {
    let blind = Blind::from_random([5; 32]);
    OneTimeKey::derive(&SecretKey::from_seed(&[4; 32]), Fingerprint([6; 32]), Uuid::nil(), &blind)
}

/// An action whose author signs whatever is given as its payload: reaches what lies behind the
/// signature. One payload means one thing: what is taken is what the program itself would write.
pub fn action_payload(bytes: &[u8]) -> Verdict {
    let key = author();
    let header = format!(
        r#"{{"alg":"EdDSA","typ":"{}","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}}}"#,
        label::TYP_ACTION,
        key.public()
    );
    let mut compact = format!("{}.{}", to_base64url(header.as_bytes()), to_base64url(bytes));
    let signature = to_base64url(&key.sign(compact.as_bytes()).0);
    compact.push('.');
    compact.push_str(&signature);
    let Ok(action) = Action::parse(&compact) else { return Verdict::Refused };
    let room = (!action.opens_a_room()).then(|| action.room());
    let draft = Draft { id: action.id(), room, body: action.body().clone(), seen: action.seen() };
    let again = draft.sign(&key).expect("what was read can be written");
    assert_eq!(again.compact(), compact, "two spellings of one action");
    assert_eq!(jws::dangerous_payload(&compact, label::MAX_ACTION).as_deref(), Ok(bytes));
    self::action(compact.as_bytes())
}

/// An [`Entry`] of a log.
pub fn entry(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let entry = Entry::parse(text);
    assert_eq!(entry, Entry::parse(text));
    let entry = entry.ok();
    if let Some(entry) = &entry {
        assert!(text.len() <= label::MAX_ENTRY && entry.seq < label::MAX_LOG_SIZE);
        assert_eq!(entry.encode(), text, "two spellings of one entry");
        assert_eq!(entry.leaf(), merkle::leaf_hash(bytes));
        // It is carried unverified: whatever it holds is looked at here.
        self::action(entry.action.as_bytes());
    }
    Verdict::of(entry.as_ref())
}

/// The key and the log of every head here.
#[must_use]
pub fn log_of_heads() -> (SecretKey<HeadKey>, Origin) {
    let origin = Origin { broker: Fingerprint([1; 32]), room: RoomName([2; 32]) };
    (SecretKey::from_seed(&[3; 32]), origin)
}

/// A signed [`Head`] of the log that [`log_of_heads`] names.
pub fn head(bytes: &[u8]) -> Verdict {
    let Ok(note) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let (key, origin) = log_of_heads();
    let head = Head::open(note, &origin, &key.public());
    assert_eq!(head, Head::open(note, &origin, &key.public()));
    let other = SecretKey::<HeadKey>::from_seed(&[9; 32]).public();
    assert!(Head::open(note, &origin, &other).is_err(), "a head by any key");
    let elsewhere = Origin { room: RoomName([8; 32]), ..origin };
    assert!(Head::open(note, &elsewhere, &key.public()).is_err(), "a head of any log");
    if let Ok(head) = &head {
        assert!(note.len() <= label::MAX_HEAD && head.size <= label::MAX_LOG_SIZE);
        assert!(note.lines().count() <= 4 + label::MAX_HEAD_SIGNATURES);
        assert_eq!(head.origin, origin);
        assert!(note.starts_with(&head.sign(&key)), "two spellings of one head");
    }
    Verdict::of(head.ok().as_ref())
}

/// A head whose broker signs whatever is given as its text.
pub fn head_text(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let (key, origin) = log_of_heads();
    let name = origin.to_string();
    // Key id of a C2SP signed note: Ed25519 is signature type 1.
    let id = Sha256::new()
        .chain_update(&name)
        .chain_update([b'\n', 1])
        .chain_update(key.public().as_bytes())
        .finalize();
    let id = id.first_chunk::<4>().expect("a hash has 32 bytes");
    let blob = [id.as_slice(), &key.sign(bytes).0].concat();
    let note = format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(blob));
    self::head(note.as_bytes())
}

/// A [`Receipt`], verified.
pub fn receipt(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let Ok(receipt) = Receipt::parse(text) else { return Verdict::Refused };
    assert!(text.len() <= label::MAX_RECEIPT);
    assert_eq!(Receipt::parse(&receipt.encode()).as_ref(), Ok(&receipt));
    let verified = verify::receipt(&receipt);
    same(&verified, &verify::receipt(&receipt));
    if let Ok(verified) = &verified {
        assert_eq!(verified.room, receipt.room());
        assert!(verified.seq < verified.size);
        entry(receipt.entry.as_bytes());
    }
    Verdict::of(verified.ok().as_ref())
}

/// [`Evidence`], verified.
pub fn evidence(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let Ok(evidence) = Evidence::parse(text) else { return Verdict::Refused };
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(&evidence));
    let shown = evidence.verify();
    assert_eq!(shown, evidence.verify());
    if let Ok(shown) = &shown {
        assert!(!shown.what.is_empty());
    }
    Verdict::of(shown.ok().as_ref())
}

/// A file that `pregao verify` is shown: a log, a receipt or evidence.
pub fn transcript(bytes: &[u8]) -> Verdict {
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    file.write_all(bytes).expect("a file can be written");
    let files = vec![file.path().to_owned()];
    let asked = verify_command::Verify {
        files,
        room: None,
        tsa: Vec::new(),
        witness: Vec::new(),
        evidence: None,
    };
    let check = |json: bool| {
        let mut said = Vec::new();
        let status = verify_command::run(&asked, None, json, &mut said);
        (status.expect("memory can be written to"), said)
    };
    let (status, said) = check(false);
    assert!(!said.is_empty(), "nothing is said of a file");
    assert_eq!((status, &said), (check(false).0, &check(false).1));
    let (again, line) = check(true);
    assert_eq!(status, again, "one status for people and another for programs");
    let line: serde_json::Value = serde_json::from_slice(&line).expect("a line of JSON");
    assert!(line.get("verdict").is_some());
    let holds = matches!(status, Status::CarriedOut | Status::Incomplete);
    if holds { Verdict::Taken } else { Verdict::Refused }
}

/// The verdict on a file, and what else was found in it.
pub fn verdict(bytes: &[u8]) -> Verdict {
    let examined = examine(bytes);
    let verdict = &examined.verdict;
    assert_eq!(verdict.encode(), examine(bytes).verdict.encode());
    assert_eq!(verdict.verdict == Standing::Invalid, verdict.rule.is_some());
    let holds = matches!(verdict.verdict, Standing::Valid | Standing::Incomplete);
    match &examined.found {
        Found::Log(log) => {
            let text = std::str::from_utf8(bytes).expect("a transcript is text");
            let entries = || log.entries().map(|(entry, header)| Logged { entry, header });
            let own = transcript_of(log.certificate(), entries(), log.head());
            assert_eq!(own, text, "two spellings of one transcript");
            assert_eq!(log.root(log.size()), verdict.root);
        }
        Found::Receipt(both) => {
            assert_eq!(verify::receipt(&both.0).as_ref(), Ok(&both.1));
        }
        Found::Letter(both) => {
            assert_eq!(both.0.verify().as_ref(), Ok(&both.1));
        }
        Found::Deposit(both) => {
            assert_eq!(both.0.verify().as_ref(), Ok(&both.1));
        }
        Found::Certificate(certificate) => {
            assert_eq!(verdict.broker, Some(certificate.keys.session.fingerprint()));
        }
        Found::Nothing(fault) => assert!(!holds && !fault.to_string().is_empty()),
    }
    // A certificate is of no room.
    let elsewhere = Pins {
        room: Some(RoomName([0; 32])),
        broker: Some(Fingerprint([0; 32])),
        ..Pins::default()
    };
    if holds {
        assert_eq!(examined.pinned(&elsewhere).verdict.verdict, Standing::Invalid);
    }
    if holds { Verdict::Taken } else { Verdict::Refused }
}

/// Splits a line off: what a reader must know besides the bytes.
fn first_line(bytes: &[u8]) -> Option<(&str, &str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    let (time, key) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((time, key, rest.get(1..)?))
}

/// A certificate (DER) behind a line with an instant and the key of the CA.
pub fn certificate(bytes: &[u8]) -> Verdict {
    let _ = (verify_csr(bytes), verify_authority_certificate(bytes, Time::default()));
    let _ = std::str::from_utf8(bytes).map(|text| pem_to_der(text, "CERTIFICATE"));
    let Some((time, key, der)) = first_line(bytes) else { return Verdict::Refused };
    let (Ok(now), Ok(key)) = (time.parse(), array_from_base64url(key)) else {
        return Verdict::Refused;
    };
    let authority = PublicKey::<Authority>::from_bytes(key);
    let persona = verify_persona_certificate(der, &authority, now);
    assert_eq!(persona, verify_persona_certificate(der, &authority, now));
    let own = verify_authority_certificate(der, now);
    let request = verify_csr(der);
    let taken = [persona.is_ok(), own.is_ok(), request.is_ok()];
    assert!(taken.iter().filter(|taken| **taken).count() <= 1, "one file of two kinds");
    assert!(!taken.contains(&true) || der.len() <= label::MAX_CERTIFICATE);
    if let Ok(persona) = &persona {
        assert!(now <= persona.not_after);
        let other = SecretKey::<Authority>::from_seed(&[1; 32]).public();
        assert!(verify_persona_certificate(der, &other, now).is_err(), "certified by anybody");
    }
    if taken.contains(&true) { Verdict::Taken } else { Verdict::Refused }
}

/// A TSA's key set behind a line with an instant and the fingerprint of the CA.
pub fn jwks(bytes: &[u8]) -> Verdict {
    let Some((time, pinned, json)) = first_line(bytes) else { return Verdict::Refused };
    let (Ok(now), Ok(pinned)) = (time.parse(), pinned.parse::<Fingerprint>()) else {
        return Verdict::Refused;
    };
    let keys = verify_jwks(json, Some(pinned), now);
    same(&keys, &verify_jwks(json, Some(pinned), now));
    if let Ok(keys) = &keys {
        assert!(json.len() <= label::MAX_JWKS);
        assert_eq!(keys.authority.fingerprint(), pinned);
        same(&keys, &&verify_jwks(json, None, now).expect("a pin only takes away"));
        assert!(verify_jwks(json, Some(Fingerprint([0; 32])), now).is_err(), "any CA will do");
    }
    Verdict::of(keys.ok().as_ref())
}

/// One kind of request and its answer.
fn asked<R: TsaRequest>(bytes: &[u8]) -> bool {
    let request = R::parse(bytes).ok();
    if let Some(request) = &request {
        assert!(bytes.len() <= R::MAX);
        let encoded = request.encode();
        let again = R::parse(&encoded).expect("what was written can be read");
        assert_eq!(again.encode(), encoded);
    }
    let answer = R::parse_answer(bytes).ok();
    if let Some(answer) = &answer {
        assert!(bytes.len() <= MAX_ANSWER);
        let encoded = serde_json::to_vec(answer).expect("an answer has a JSON form");
        let again = R::parse_answer(&encoded).expect("what was written can be read");
        assert_eq!(serde_json::to_vec(&again).ok(), Some(encoded));
    }
    request.is_some() || answer.is_some()
}

/// Bodies of requests to a TSA and of its answers: every kind is tried.
pub fn tsa_request(bytes: &[u8]) -> Verdict {
    let taken = [
        asked::<SignCsr>(bytes),
        asked::<CitizenOffer>(bytes),
        asked::<CitizenEnrol>(bytes),
        asked::<NewChallenge>(bytes),
        asked::<Issue>(bytes),
        asked::<Timestamp>(bytes),
        asked::<SetTime>(bytes),
        asked::<ResetTime>(bytes),
        parse_report(bytes).is_ok(),
        serde_json::from_slice::<Health>(bytes).is_ok(),
    ];
    if taken.contains(&true) { Verdict::Taken } else { Verdict::Refused }
}

/// The seed of the key that signs the statements of the corpus.
pub const TIMELOCK_SEED: [u8; 32] = [9; 32];

/// What a TSA answers about a time-lock, and the statement in it.
pub fn timelock(bytes: &[u8]) -> Verdict {
    let key = SecretKey::<StampKey>::from_seed(&TIMELOCK_SEED);
    let answer = TimeLockAnswer::parse(bytes).ok();
    if let Some(answer) = &answer {
        assert!(bytes.len() <= TimeLockAnswer::MAX);
        if let Ok(stated) = TimeLock::open(&answer.statement, &[key.public()]) {
            assert!(stated.instant().is_some());
            assert_eq!(stated.sign(&key), answer.statement, "a statement has one spelling");
        }
    }
    Verdict::of(answer.as_ref())
}

/// Frames of the stamp stream, in both directions.
pub fn tsa_stream(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let request = StampRequest::parse(text).ok();
    if let Some(request) = &request {
        assert!(text.len() <= stream::MAX_REQUEST);
        assert_eq!(StampRequest::parse(&request.encode()).as_ref(), Ok(request));
    }
    let frame = StreamFrame::parse(text).ok();
    if let Some(frame) = &frame {
        assert!(text.len() <= stream::MAX_ANSWER);
        assert_eq!(StreamFrame::parse(&frame.encode()).as_ref(), Ok(frame));
    }
    assert!(request.is_none() || frame.is_none(), "a frame of both sides");
    if request.is_some() || frame.is_some() { Verdict::Taken } else { Verdict::Refused }
}

/// Requests to cosign a head: one spelling each. The answers behind any status are read as well.
pub fn add_checkpoint(bytes: &[u8]) -> Verdict {
    for status in [200, 400, 403, 404, 409, 422, 429, 500] {
        for kind in ["text/x.tlog.size", "application/json"] {
            let answer = CheckpointAnswer::read(status, kind, bytes);
            let body = answer.body();
            let (status, kind) = (answer.status(), answer.content_type());
            let again = CheckpointAnswer::read(status, kind, body.as_bytes());
            assert_eq!(again.status(), status, "{answer:?} is read as {again:?}");
        }
    }
    let request = AddCheckpoint::parse(bytes).ok();
    if let Some(request) = &request {
        assert!(bytes.len() <= witness::MAX_REQUEST);
        assert_eq!(request.encode().as_bytes(), bytes, "two spellings of one request");
        let checkpoint = &request.checkpoint;
        if let Ok(origin) = Head::origin_of(checkpoint) {
            assert_eq!(checkpoint.split('\n').next(), Some(&*origin.to_string()));
            let (key, _) = log_of_heads();
            let head = Head::open(checkpoint, &origin, &key.public());
            let judged = head.map(|head| witness::judge(None, request, &head, 0));
            let refused = !matches!(judged, Ok(Ok(_)));
            assert!(refused || request.old == 0, "cosigned without what it is said to extend");
        }
    }
    Verdict::of(request.as_ref())
}

/// A seller's rule: short, and with an answer in every state.
#[must_use]
pub fn rule(bytes: &[u8]) -> Verdict {
    let Ok(source) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let read = [Bidding::Open, Bidding::Sealed].map(|bidding| Rule::read(source, bidding).ok());
    for (rule, bidding) in read.iter().flatten().zip([Bidding::Open, Bidding::Sealed]) {
        assert!(source.len() <= MAX_SOURCE && rule.source() == source);
        for state in sample_states(bidding, 1_000, 100, 600) {
            let answer = rule.ask(&state);
            assert_ne!(answer, Answer::Errs(Fault::Kind), "{source}");
            same(&answer, &rule.ask(&state));
        }
        assert!(!rule.words().is_empty());
    }
    let [open, sealed] = &read;
    // Sealed bids have some of what open ones have.
    assert!(open.is_some() || sealed.is_none(), "{source}");
    Verdict::of(open.as_ref())
}
