use proptest::prelude::*;

use super::stream::{self, StampRequest, StreamFrame, encode_stamped};
use super::*;
use crate::log::stamp::BatchProof;

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json_error<T: std::fmt::Debug>(read: Result<T, WireError>, expected: &str) {
    match read {
        Err(WireError::Json(told)) => assert!(told.contains(expected), "{told}"),
        other => panic!("{other:?} and not {expected}"),
    }
}

/// 32 bytes 0x01 in base64url.
const ONES: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

#[test]
fn requests_have_these_bytes() {
    let csr = SignCsr { csr: "PEM".to_owned(), ..SignCsr::default() };
    assert_eq!(text(&csr.encode()), r#"{"csr":"PEM"}"#);
    let with = SignCsr {
        invite: Some("code".to_owned()),
        certificate: Some("held".to_owned()),
        ..csr.clone()
    };
    assert_eq!(text(&with.encode()), r#"{"csr":"PEM","invite":"code","certificate":"held"}"#);
    assert_eq!(text(&CitizenOffer {}.encode()), "{}");
    assert_eq!(text(&NewChallenge {}.encode()), "{}");
    assert_eq!(text(&ResetTime {}.encode()), "{}");
    let enrol = CitizenEnrol { challenge: Challenge([1; 32]), sealed: vec![0xff] };
    let expected = format!(r#"{{"challenge":"{ONES}","sealed":"_w"}}"#);
    assert_eq!(text(&enrol.encode()), expected);
    let issue = Issue { certificate: "PEM".to_owned(), proof: "a.b.c".to_owned() };
    assert_eq!(text(&issue.encode()), r#"{"certificate":"PEM","proof":"a.b.c"}"#);
    let stamp = Timestamp { digest: digest(1) };
    assert_eq!(text(&stamp.encode()), format!(r#"{{"digest":"{ONES}"}}"#));
    let time = SetTime { time: "2026-11-20T13:00:00Z".to_owned() };
    assert_eq!(text(&time.encode()), r#"{"time":"2026-11-20T13:00:00Z"}"#);
}

#[test]
fn what_is_written_is_read_again() {
    let csr = SignCsr { csr: "PEM".to_owned(), ..SignCsr::default() };
    assert_eq!(SignCsr::parse(&csr.encode()), Ok(csr));
    let enrol = CitizenEnrol { challenge: Challenge([1; 32]), sealed: vec![7; 16_432] };
    assert_eq!(CitizenEnrol::parse(&enrol.encode()), Ok(enrol));
    let stamp = Timestamp { digest: digest(1) };
    assert_eq!(Timestamp::parse(&stamp.encode()), Ok(stamp));
    let answer = SignCsr::parse_answer(br#"{"certificate":"PEM"}"#).unwrap();
    assert_eq!(answer.certificate, "PEM");
    let answer = SetTime::parse_answer(br#"{"time":"2026-11-20T13:00:00.000000Z"}"#).unwrap();
    assert_eq!(answer.time.to_string(), "2026-11-20T13:00:00.000000Z");
}

#[test]
fn what_is_optional_may_be_null_as_it_always_might() {
    let read = SignCsr::parse(br#"{"csr":"PEM","invite":null,"token":null}"#).unwrap();
    assert_eq!(read, SignCsr { csr: "PEM".to_owned(), ..SignCsr::default() });
}

#[test]
fn an_invitation_is_not_shown_by_debug() {
    let with = SignCsr { invite: Some("sesame".to_owned()), ..SignCsr::default() };
    assert!(!format!("{with:?}").contains("sesame"));
}

#[test]
fn a_body_of_another_form_is_refused_with_what_is_wrong() {
    for garbage in
        ["", "garbage", "[]", "null", "1", "\"csr\"", "{", "{\"csr\":\"PEM\"} x", "\u{0}"]
    {
        assert!(matches!(SignCsr::parse(garbage.as_bytes()), Err(WireError::Json(_))), "{garbage}");
    }
    json_error(SignCsr::parse(b"\xff\xfe"), "expected value");
    json_error(SignCsr::parse(b"{}"), "missing field `csr`");
    json_error(SignCsr::parse(br#"{"csr":1}"#), "invalid type: integer");
    json_error(SignCsr::parse(br#"{"csr":"a","csr":"b"}"#), "duplicate field `csr`");
    json_error(SignCsr::parse(br#"{"csr":"a","name":"b"}"#), "unknown field `name`");
    json_error(SignCsr::parse(br#"{"csr":"a","token":{}}"#), "missing field `issuer`");
    json_error(Issue::parse(br#"{"certificate":"a"}"#), "missing field `proof`");
    json_error(Issue::parse(br#"{"certificate":"a","proof":null}"#), "invalid type: null");
    json_error(SetTime::parse(br#"{"time":5}"#), "invalid type");
    json_error(CitizenOffer::parse(br#"{"challenge":"a"}"#), "unknown field");
}

#[test]
fn a_binary_member_has_one_spelling_and_size() {
    for digest in ["", "AAAA", &ONES[1..], &format!("{ONES}="), &ONES.replace('A', "+")] {
        let body = format!(r#"{{"digest":"{digest}"}}"#);
        json_error(Timestamp::parse(body.as_bytes()), "not a canonical encoding of 32 bytes");
    }
    let sealed = |sealed: &str| format!(r#"{{"challenge":"{ONES}","sealed":"{sealed}"}}"#);
    assert!(CitizenEnrol::parse(sealed("_w").as_bytes()).is_ok());
    for other in ["_x", "_w==", "/w", " "] {
        json_error(CitizenEnrol::parse(sealed(other).as_bytes()), "not a canonical encoding");
    }
    let short = br#"{"challenge":"AQ","sealed":"_w"}"#;
    json_error(CitizenEnrol::parse(short), "not a canonical encoding of 32 bytes");
}

/// A body of `csr` that is exactly `bytes` long.
fn csr_of(bytes: usize) -> Vec<u8> {
    let request = SignCsr { csr: "a".repeat(bytes - r#"{"csr":""}"#.len()), ..SignCsr::default() };
    let body = request.encode();
    assert_eq!(body.len(), bytes);
    body
}

#[test]
fn a_body_may_be_of_the_greatest_length_and_no_longer() {
    assert!(SignCsr::parse(&csr_of(MAX_REQUEST)).is_ok());
    let long = SignCsr::parse(&csr_of(MAX_REQUEST + 1));
    assert_eq!(long, Err(WireError::TooLong { limit: MAX_REQUEST, found: MAX_REQUEST + 1 }));
    // White space counts: the limit is on what is held in memory.
    let blank = vec![b' '; MAX_APPLICATION_REQUEST + 1];
    assert!(matches!(CitizenEnrol::parse(&blank), Err(WireError::TooLong { .. })));
    json_error(CitizenEnrol::parse(&blank[1..]), "EOF");
    let answer = vec![b' '; MAX_ANSWER + 1];
    assert!(matches!(Issue::parse_answer(&answer), Err(WireError::TooLong { .. })));
    assert!(matches!(parse_report(&answer), Err(WireError::TooLong { .. })));
}

#[test]
fn every_application_fits_its_request() {
    let sealed = vec![0; label::APPLICATION_SIZE + crate::trust::seal::OVERHEAD];
    let enrol = CitizenEnrol { challenge: Challenge([0; 32]), sealed };
    assert!(enrol.encode().len() <= MAX_APPLICATION_REQUEST);
}

#[test]
fn an_answer_of_another_form_is_refused() {
    for garbage in ["", "<html>", "[]", "{}", r#"{"certificate":1}"#] {
        assert!(matches!(SignCsr::parse_answer(garbage.as_bytes()), Err(WireError::Json(_))));
    }
    json_error(SignCsr::parse_answer(br#"{"certificate":"a","more":1}"#), "unknown field `more`");
    json_error(NewChallenge::parse_answer(br#"{"challenge":"AQ"}"#), "32 bytes");
    json_error(Issue::parse_answer(br#"{"certificate":"a"}"#), "unknown field");
    json_error(CitizenEnrol::parse_answer(br#"{"sealed":"_x"}"#), "not a canonical encoding");
    json_error(Timestamp::parse_answer(br#"{"batch":"a","index":0}"#), "missing field `path`");
    json_error(Timestamp::parse_answer(br#"{"batch":"a","index":-1,"path":""}"#), "invalid value");
    json_error(SetTime::parse_answer(br#"{"time":"2026-11-20T13:00:00Z"}"#), "");
}

#[test]
fn a_refusal_needs_code_and_message_only() {
    let written = Report::new("c", "m", "a");
    let bytes = serde_json::to_vec(&written).unwrap();
    assert_eq!(text(&bytes), r#"{"code":"c","message":"m","advice":"a"}"#);
    assert_eq!(parse_report(&bytes), Ok(written));
    let short = parse_report(br#"{"code":"c","message":"m","since":"v9"}"#).unwrap();
    assert_eq!(short.advice, "");
    for other in ["", "{}", r#"{"code":"c"}"#, r#"{"message":"m"}"#, r#"{"code":1,"message":"m"}"#]
    {
        assert!(matches!(parse_report(other.as_bytes()), Err(WireError::Json(_))), "{other}");
    }
}

#[test]
fn what_a_stranger_wrote_comes_back_short_and_without_control_characters() {
    let body = format!(r#"{{"csr":"","\u001b[31m{}":1}}"#, "x".repeat(5_000));
    let Err(WireError::Json(told)) = SignCsr::parse(body.as_bytes()) else { panic!("refused") };
    assert_eq!(told.chars().count(), MAX_QUOTED);
    assert!(told.contains("?[31m") && !told.contains('\u{1b}'), "{told}");
}

#[test]
fn addresses_of_paths_and_stream_keep_their_scheme() {
    let plain: TsaAddress = "http://127.0.0.1:7001/".parse().unwrap();
    assert_eq!(plain.endpoint(path::ISSUE), "http://127.0.0.1:7001/api/issue");
    assert_eq!(plain.stream(), "ws://127.0.0.1:7001/api/stream");
    let secure: TsaAddress = "https://http.example".parse().unwrap();
    assert_eq!(secure.endpoint(path::JWKS), "https://http.example/.well-known/jwks.json");
    assert_eq!(secure.stream(), "wss://http.example/api/stream");
}

#[test]
fn frames_have_these_bytes() {
    let request = StampRequest { id: 7, digests: vec![digest(1), digest(1)] };
    let expected = format!(r#"{{"id":7,"digests":["{ONES}","{ONES}"]}}"#);
    assert_eq!(request.encode(), expected);
    let stamps = vec![
        BatchProof { index: 0, path: vec![] },
        BatchProof { index: 65_535, path: vec![digest(1)] },
    ];
    let stamped = StreamFrame::Stamped { id: 7, batch: "a.b.c".to_owned(), stamps };
    let expected = format!(
        r#"{{"id":7,"batch":"a.b.c","stamps":[{{"index":0,"path":""}},{{"index":65535,"path":"{ONES}"}}]}}"#
    );
    assert_eq!(stamped.encode(), expected);
    let batch = StreamFrame::Batch { batch: "a.b.c".to_owned() };
    assert_eq!(batch.encode(), r#"{"batch":"a.b.c"}"#);
    let refused = |id| StreamFrame::Refused { id, code: "c".to_owned(), message: "\"".to_owned() };
    assert_eq!(refused(Some(7)).encode(), r#"{"id":7,"code":"c","message":"\""}"#);
    assert_eq!(refused(None).encode(), r#"{"id":null,"code":"c","message":"\""}"#);
}

#[test]
fn a_request_for_stamps_of_another_form_is_refused() {
    for garbage in ["", "garbage", "{}", "[]", r#"{"id":1}"#, r#"{"digests":[]}"#] {
        assert!(matches!(StampRequest::parse(garbage), Err(WireError::Json(_))), "{garbage}");
    }
    json_error(StampRequest::parse(r#"{"id":-1,"digests":[]}"#), "invalid value");
    json_error(StampRequest::parse(r#"{"id":1.5,"digests":[]}"#), "invalid type");
    json_error(StampRequest::parse(r#"{"id":18446744073709551616,"digests":[]}"#), "invalid type");
    json_error(StampRequest::parse(r#"{"id":1,"digests":["AAAA"]}"#), "32 bytes");
    json_error(StampRequest::parse(r#"{"id":1,"digests":[],"x":0}"#), "unknown field `x`");
    let long = " ".repeat(stream::MAX_REQUEST + 1);
    assert!(matches!(StampRequest::parse(&long), Err(WireError::TooLong { .. })));
    // One with too many digests still names itself.
    let many = StampRequest { id: 5, digests: vec![digest(0); label::MAX_DIGESTS + 1] };
    assert_eq!(StampRequest::parse(&many.encode()), Ok(many));
    assert_eq!(StampRequest::parse(r#"{"id":5,"digests":[]}"#).unwrap().id, 5);
}

#[test]
fn members_that_make_no_frame_are_refused() {
    let path = format!(r#"{{"index":0,"path":"{ONES}"}}"#);
    for members in [
        "{}".to_owned(),
        r#"{"id":1}"#.to_owned(),
        r#"{"id":1,"batch":"b"}"#.to_owned(),
        format!(r#"{{"batch":"b","stamps":[{path}]}}"#),
        format!(r#"{{"id":1,"stamps":[{path}]}}"#),
        format!(r#"{{"id":1,"batch":"b","stamps":[{path}],"code":"c"}}"#),
        format!(r#"{{"id":null,"batch":"b","stamps":[{path}]}}"#),
        r#"{"code":"c"}"#.to_owned(),
        r#"{"id":1,"message":"m"}"#.to_owned(),
        r#"{"batch":"b","code":"c","message":"m"}"#.to_owned(),
        r#"{"stamps":[],"code":"c","message":"m"}"#.to_owned(),
    ] {
        let read = StreamFrame::parse(&members);
        assert!(matches!(read, Err(WireError::Frame(_))), "{members}: {read:?}");
    }
    for garbage in ["", "x", "[]", "null", r#"{"batch":1}"#, r#"{"batch":"b","time":"t"}"#] {
        assert!(matches!(StreamFrame::parse(garbage), Err(WireError::Json(_))), "{garbage}");
    }
    json_error(
        StreamFrame::parse(r#"{"id":1,"batch":"b","stamps":[{"index":0,"path":"AQ"}]}"#),
        "not a whole number of hashes",
    );
    json_error(StreamFrame::parse(r#"{"id":1,"batch":"b","stamps":[{"index":0}]}"#), "path");
    json_error(StreamFrame::parse(r#"{"batch":"b","batch":"b"}"#), "duplicate field");
}

fn stamped(header: usize, stamps: usize, path: usize) -> StreamFrame {
    let place = BatchProof { index: 65_535, path: vec![digest(0xff); path] };
    let batch = "a".repeat(header);
    StreamFrame::Stamped { id: u64::MAX, batch, stamps: vec![place; stamps] }
}

#[test]
fn the_longest_stamps_fit_a_frame_and_longer_ones_are_refused() {
    let (header, count, path) = (label::MAX_BATCH, label::MAX_DIGESTS, label::MAX_STAMP_PATH);
    let longest = stamped(header, count, path);
    assert!(longest.encode().len() <= stream::MAX_ANSWER);
    assert_eq!(StreamFrame::parse(&longest.encode()), Ok(longest));
    for (header, count, path) in
        [(header + 1, count, path), (header, count + 1, path), (header, count, path + 1)]
    {
        let read = StreamFrame::parse(&stamped(header, count, path).encode());
        assert!(matches!(read, Err(WireError::Frame(_))), "{header} {count} {path}");
    }
    let batch = StreamFrame::Batch { batch: "a".repeat(label::MAX_BATCH + 1) };
    assert!(matches!(StreamFrame::parse(&batch.encode()), Err(WireError::Frame(_))));
    let long = " ".repeat(stream::MAX_ANSWER + 1);
    assert!(matches!(StreamFrame::parse(&long), Err(WireError::TooLong { .. })));
}

#[test]
fn the_most_digests_fit_a_request() {
    let full = StampRequest { id: u64::MAX, digests: vec![digest(0xff); label::MAX_DIGESTS] };
    assert!(full.encode().len() <= stream::MAX_REQUEST);
}

proptest! {
    #[test]
    fn stamps_are_read_as_written(
        id: u64,
        batch in "\\PC{0,80}",
        stamps in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<[u8; 32]>(), 0..4)), 0..6),
    ) {
        let stamps: Vec<BatchProof> = stamps
            .into_iter()
            .map(|(index, path)| BatchProof { index, path: path.into_iter().map(Digest).collect() })
            .collect();
        let places = stamps.iter().map(|place| (place.index, place.path.clone()));
        let text = encode_stamped(id, &batch, places);
        // As the library that escapes everything would write it.
        let members = serde_json::json!({ "id": id, "batch": batch, "stamps": stamps });
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), members);
        if batch.len() <= label::MAX_BATCH {
            let frame = StreamFrame::Stamped { id, batch, stamps };
            prop_assert_eq!(StreamFrame::parse(&text), Ok(frame));
        }
    }

    #[test]
    fn nothing_makes_a_reader_panic(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (StreamFrame::parse(&text), StampRequest::parse(&text));
        let _ = (SignCsr::parse(&bytes), CitizenEnrol::parse(&bytes), parse_report(&bytes));
        let _ = (Timestamp::parse_answer(&bytes), Issue::parse_answer(text.as_bytes()));
    }

    #[test]
    fn a_frame_with_any_byte_changed_is_read_or_refused(at in 0..200_usize, byte: u8) {
        let mut bytes = stamped(20, 2, 1).encode().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(frame) = StreamFrame::parse(&text)
        {
            prop_assert_eq!(StreamFrame::parse(&frame.encode()), Ok(frame));
        }
    }
}

#[test]
fn a_refusal_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
    let refused = |code: usize, message: usize| {
        let (code, message) = ("c".repeat(code), "m".repeat(message));
        StreamFrame::parse(&StreamFrame::Refused { id: None, code, message }.encode())
    };
    assert!(refused(64, 1_024).is_ok());
    let long = Err(WireError::Frame("a refusal is too long"));
    assert_eq!(refused(65, 1).map(drop), long);
    assert_eq!(refused(1, 1_025).map(drop), long);
}
