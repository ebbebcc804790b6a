//! The state's responder, played by a small server: what it may say, and what is not believed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use common::citizen::{Applicant, House, card, code, pki};
use der::asn1::{BitString, GeneralizedTime, OctetString};
use der::{DateTime, Decode as _, Encode as _};
use pregao_protocol::clock::Time;
use pregao_protocol::enrolment::Answer;
use pregao_test_pki::rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use pregao_test_pki::{Credential, ListPlan, Profile};
use pregao_tsa::citizen::ocsp::{OcspError, Responder, address};
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse, ResponderId,
    ResponseData, RevokedInfo, SingleResponse, Version,
};

/// How the responder answers.
#[derive(Clone)]
struct Manner {
    status: CertStatus,
    signer: Option<Credential>,
    this_update: u64,
    next_update: Option<u64>,
    nonce: Nonce,
    other_serial: bool,
    forge: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Nonce {
    Echoed,
    Absent,
    Wrong,
}

fn good() -> Manner {
    let now = common::citizen::now();
    Manner {
        status: CertStatus::good(),
        signer: None,
        this_update: now,
        next_update: Some(now + 600),
        nonce: Nonce::Echoed,
        other_serial: false,
        forge: false,
    }
}

fn time(seconds: u64) -> OcspGeneralizedTime {
    let time = DateTime::from_unix_duration(Duration::from_secs(seconds)).unwrap();
    OcspGeneralizedTime(GeneralizedTime::from_date_time(time))
}

fn revoked(reason: Option<CrlReason>) -> CertStatus {
    let revocation_time = time(common::citizen::now() - 60);
    CertStatus::Revoked(RevokedInfo { revocation_time, revocation_reason: reason })
}

fn answer(request: &[u8], manner: &Manner) -> Vec<u8> {
    let request = OcspRequest::from_der(request).unwrap().tbs_request;
    let mut cert_id = request.request_list[0].req_cert.clone();
    if manner.other_serial {
        cert_id.serial_number = x509_cert::serial_number::SerialNumber::new(&[9]).unwrap();
    }
    let mut extensions = request.request_extensions.clone();
    match manner.nonce {
        Nonce::Echoed => {}
        Nonce::Absent => extensions = None,
        Nonce::Wrong => {
            let value = OctetString::new(vec![7; 32]).unwrap().to_der().unwrap();
            extensions.as_mut().unwrap()[0].extn_value = OctetString::new(value).unwrap();
        }
    }
    let single = SingleResponse {
        cert_id,
        cert_status: manner.status,
        this_update: time(manner.this_update),
        next_update: manner.next_update.map(time),
        single_extensions: None,
    };
    let data = ResponseData {
        version: Version::V1,
        responder_id: ResponderId::ByKey(OctetString::new(vec![1; 20]).unwrap()),
        produced_at: time(manner.this_update),
        responses: vec![single],
        response_extensions: extensions,
    };
    let content = data.to_der().unwrap();
    let authority = &pki().branch(Profile::V5).authentication;
    let (algorithm, mut signature, certs) = match &manner.signer {
        None => (authority.algorithm(), authority.sign(&content), None),
        Some(signer) => {
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &signer.pkcs8);
            let signature = key.unwrap().sign(&SystemRandom::new(), &content).unwrap();
            // ecdsa-with-SHA256.
            let algorithm = hex::decode("300a06082a8648ce3d040302").unwrap();
            let certificate = Certificate::from_der(&signer.certificate).unwrap();
            (algorithm, signature.as_ref().to_vec(), Some(vec![certificate]))
        }
    };
    if manner.forge {
        *signature.last_mut().unwrap() ^= 1;
    }
    let basic = BasicOcspResponse {
        tbs_response_data: data,
        signature_algorithm: AlgorithmIdentifierOwned::from_der(&algorithm).unwrap(),
        signature: BitString::from_bytes(&signature).unwrap(),
        certs,
    };
    OcspResponse::successful(basic).unwrap().to_der().unwrap()
}

/// Serves on a free port what `respond` makes of the body of each request.
fn serve(respond: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ocsp", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut read = Vec::new();
            let body = loop {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).unwrap_or(0);
                read.extend_from_slice(&part[..count]);
                let head = read.windows(4).position(|end| end == b"\r\n\r\n");
                let Some(head) = head else { continue };
                let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
                assert!(text.contains("content-type: application/ocsp-request"));
                let length = text.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                if read.len() >= head + 4 + length {
                    break read[head + 4..].to_vec();
                }
            };
            let body = respond(&body);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    url
}

fn serve_in(manner: Manner) -> String {
    serve(move |request| answer(request, &manner))
}

fn ask(url: String) -> Result<(), OcspError> {
    let card = card(1);
    let now = Time::default().plus(Duration::from_secs(common::citizen::now()));
    let certificate = &card.authentication.certificate;
    Responder::new(url).ask(certificate, &card.authentication_authority, [5; 32], now)
}

#[test]
fn good_revoked_on_hold_and_unknown_are_told_apart() {
    let said = |status| ask(serve_in(Manner { status, ..good() }));
    assert_eq!(said(CertStatus::good()), Ok(()));
    assert_eq!(said(revoked(None)), Err(OcspError::Revoked));
    assert_eq!(said(revoked(Some(CrlReason::KeyCompromise))), Err(OcspError::Revoked));
    assert_eq!(said(revoked(Some(CrlReason::CertificateHold))), Err(OcspError::OnHold));
    assert_eq!(said(CertStatus::unknown()), Err(OcspError::Unknown));
}

#[test]
fn an_answer_is_signed_by_the_issuer_or_by_one_entrusted_with_that() {
    let signed = |signer: Credential| ask(serve_in(Manner { signer: Some(signer), ..good() }));
    assert_eq!(signed(pki().responder(Profile::V5)), Ok(()));
    let refused = Err(OcspError::Signature);
    assert_eq!(ask(serve_in(Manner { forge: true, ..good() })), refused);
    // A citizen of the same issuer, and a responder for another use, of another issuer, or over.
    assert_eq!(signed(card(2).authentication), refused);
    let other = pki().responder_with(Profile::V5, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::TimeStamping];
    });
    assert_eq!(signed(other), refused);
    assert_eq!(signed(pki().responder(Profile::V4)), refused);
    let over = pki().responder_with(Profile::V5, |params| {
        params.not_after = params.not_before + Duration::from_secs(60);
    });
    assert_eq!(signed(over), refused);
    // Its key is certified for something else, or it is an authority.
    let agrees = pki().responder_with(Profile::V5, |params| {
        params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    });
    assert_eq!(signed(agrees), refused);
    let authority = pki().responder_with(Profile::V5, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    assert_eq!(signed(authority), refused);
}

#[test]
fn the_times_of_an_answer_are_bounds_that_count_themselves() {
    let card = card(1);
    let certificate = &card.authentication.certificate;
    let second = common::citizen::now();
    let ask = |this_update, next_update, now: Time| {
        let url = serve_in(Manner { this_update, next_update, ..good() });
        Responder::new(url).ask(certificate, &card.authentication_authority, [5; 32], now)
    };
    let (at, micro) = (Time::default().plus(Duration::from_secs(second)), Duration::from_micros(1));
    let stale = |asked: Result<(), OcspError>| matches!(asked, Err(OcspError::Stale { .. }));
    assert_eq!(ask(second - 9, Some(second), at), Ok(()));
    assert!(stale(ask(second - 9, Some(second), at.plus(micro))));
    // Without an end: five minutes.
    assert_eq!(ask(second - 300, None, at), Ok(()));
    assert!(stale(ask(second - 300, None, at.plus(micro))));
    // A responder's clock may run five minutes ahead.
    assert_eq!(ask(second + 300, Some(second + 600), at), Ok(()));
    assert!(stale(ask(second + 300, Some(second + 600), at.minus(micro))));
}

#[test]
fn with_a_responder_lists_of_authorities_are_enough_and_without_one_they_are_not() {
    let branch = pki().branch(Profile::V5);
    let plan = ListPlan::around(common::citizen::now());
    let above = [pki().root().list(&plan), branch.card.list(&plan)];
    let url = serve_in(good());
    let asked = House::with_lists(&["--ocsp", &url], &above);
    let applicant = Applicant::new(&asked.tsa, card(1), 1);
    applicant.token(&applicant.apply(&asked.tsa));
    let unasked = House::with_lists(&[], &above);
    assert_eq!(unasked.refusal(&card(1)), "citizen.list-missing");
    for left_out in 0..2 {
        let house = House::with_lists(&["--ocsp", &url], &above[left_out..=left_out]);
        assert_eq!(house.refusal(&card(1)), "citizen.list-missing");
    }
}

#[test]
fn what_is_wrong_with_the_responder_an_applicant_is_not_told() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let house = House::open(&["--ocsp", &format!("http://{closed}/")]);
    let applicant = Applicant::new(&house.tsa, card(1), 1);
    let Answer::Refused { message, .. } = applicant.apply(&house.tsa) else { unreachable!() };
    assert_eq!(message, "the state's responder did not answer");
}

#[test]
fn an_answer_is_in_force_and_to_this_question() {
    let now = common::citizen::now();
    let stale = |this_update, next_update| {
        let refused = ask(serve_in(Manner { this_update, next_update, ..good() })).unwrap_err();
        assert!(matches!(refused, OcspError::Stale { .. }), "{refused:?}");
        assert_eq!(refused.code(), "citizen.ocsp");
    };
    stale(now - 700, Some(now - 60));
    stale(now + 400, Some(now + 600));
    stale(now - 400, None);
    assert_eq!(
        ask(serve_in(Manner { this_update: now - 200, next_update: None, ..good() })),
        Ok(())
    );
    assert_eq!(ask(serve_in(Manner { nonce: Nonce::Absent, ..good() })), Ok(()));
    for wrong in [Manner { nonce: Nonce::Wrong, ..good() }, Manner { other_serial: true, ..good() }]
    {
        let refused = ask(serve_in(wrong)).unwrap_err();
        assert!(matches!(refused, OcspError::Unusable(_)), "{refused:?}");
        assert_eq!(refused.code(), "citizen.ocsp");
    }
}

#[test]
fn what_is_no_answer_is_refused_within_bounds() {
    let later = OcspResponse::try_later().to_der().unwrap();
    for body in [Vec::new(), b"garbage".to_vec(), later, vec![0x30; 70_000]] {
        let refused = ask(serve(move |_| body.clone())).unwrap_err();
        assert!(matches!(refused, OcspError::Unusable(_)), "{refused:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = ask(format!("http://{closed}/")).unwrap_err();
    assert!(matches!(refused, OcspError::Unreachable(_)), "{refused:?}");
    assert_eq!(refused.code(), "citizen.ocsp");
    for text in ["", "http://", "https://ocsp.example/", "ocsp.example", "http://a b/"] {
        assert!(address(text).is_err(), "{text}");
    }
}

#[test]
fn a_citizen_gets_a_token_only_if_the_responder_agrees() {
    let manner = Arc::new(std::sync::Mutex::new(Some(Manner { status: revoked(None), ..good() })));
    let shared = Arc::clone(&manner);
    let url = serve(move |request| match &*shared.lock().unwrap() {
        Some(manner) => answer(request, manner),
        None => Vec::new(),
    });
    let house = House::open(&["--ocsp", &url]);
    let expect = |next: Option<Manner>, expected: &str| {
        *manner.lock().unwrap() = next;
        assert_eq!(house.refusal(&card(1)), expected);
    };
    expect(Some(Manner { status: revoked(None), ..good() }), "citizen.revoked");
    let hold = revoked(Some(CrlReason::CertificateHold));
    expect(Some(Manner { status: hold, ..good() }), "citizen.on-hold");
    expect(Some(Manner { status: CertStatus::unknown(), ..good() }), "citizen.unknown");
    expect(Some(Manner { forge: true, ..good() }), "citizen.ocsp");
    expect(None, "citizen.ocsp");
    *manner.lock().unwrap() = Some(good());
    let applicant = Applicant::new(&house.tsa, card(1), 1);
    applicant.token(&applicant.apply(&house.tsa));
    let silent = House::open(&["--ocsp", "http://127.0.0.1:1/"]);
    let applicant = Applicant::new(&silent.tsa, card(1), 1);
    assert_eq!(code(&applicant.apply(&silent.tsa)), "citizen.ocsp");
}
