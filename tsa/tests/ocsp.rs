//! The state's responder, played by a small server: what it may say, and what is not believed.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the test_tsa: it reads the machine"
)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod running;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Algorithm, SHA3_256, SHA256, SHA512, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use der::asn1::{BitString, GeneralizedTime, OctetString};
use der::{DateTime, Decode as _, Encode as _};
use pregao_protocol::trust::enrolment::ApplicationAnswer;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised as _;
use pregao_test_pki::rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use pregao_test_pki::{Credential, ListPlan, Profile};
use pregao_tsa::citizen::ocsp::{OcspError, Responder, address};
use pregao_tsa::tls;
use rcgen::{CertificateParams, KeyPair};
use running::citizen::{Applicant, TestTsa, card, code, pki};
use rustls::pki_types::PrivateKeyDer;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse,
    ResponderId, ResponseData, RevokedInfo, SingleResponse, Version,
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
    /// Further answers of the same response, behind the first, or before it.
    more: Vec<Single>,
    more_first: bool,
    /// Writes the nonce again, changed, behind the first.
    nonce_twice: bool,
}

/// One of several answers.
#[derive(Clone)]
struct Single {
    status: CertStatus,
    /// The hash that names the certificate: its OID, and how it is computed.
    named_by: Option<(&'static str, &'static Algorithm)>,
    other_serial: bool,
    this_update: u64,
    next_update: Option<u64>,
}

const SHA256_NAME: (&str, &Algorithm) = ("2.16.840.1.101.3.4.2.1", &SHA256);
const SHA512_NAME: (&str, &Algorithm) = ("2.16.840.1.101.3.4.2.3", &SHA512);
/// A hash that is not known to the TSA.
const SHA3_NAME: (&str, &Algorithm) = ("2.16.840.1.101.3.4.2.8", &SHA3_256);

fn single(status: CertStatus) -> Single {
    let now = running::citizen::now();
    Single {
        status,
        named_by: None,
        other_serial: false,
        this_update: now,
        next_update: Some(now + 600),
    }
}

impl Single {
    fn written(&self, asked: &CertId) -> SingleResponse {
        let mut cert_id = asked.clone();
        if self.other_serial {
            cert_id.serial_number = x509_cert::serial_number::SerialNumber::new(&[9]).unwrap();
        }
        if let Some((oid, algorithm)) = self.named_by {
            let issuer = Certificate::from_der(&card(1).authentication_authority).unwrap();
            let issuer = issuer.tbs_certificate;
            let key = issuer.subject_public_key_info.subject_public_key;
            let hash = |bytes: &[u8]| OctetString::new(digest(algorithm, bytes).as_ref()).unwrap();
            let oid = oid.parse().unwrap();
            cert_id.hash_algorithm = AlgorithmIdentifierOwned { oid, parameters: None };
            cert_id.issuer_name_hash = hash(&issuer.subject.to_der().unwrap());
            cert_id.issuer_key_hash = hash(key.raw_bytes());
        }
        SingleResponse {
            cert_id,
            cert_status: self.status,
            this_update: time(self.this_update),
            next_update: self.next_update.map(time),
            single_extensions: None,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Nonce {
    Echoed,
    Absent,
    Wrong,
}

fn good() -> Manner {
    let now = running::citizen::now();
    Manner {
        status: CertStatus::good(),
        signer: None,
        this_update: now,
        next_update: Some(now + 600),
        nonce: Nonce::Echoed,
        other_serial: false,
        forge: false,
        more: Vec::new(),
        more_first: false,
        nonce_twice: false,
    }
}

fn time(seconds: u64) -> OcspGeneralizedTime {
    let time = DateTime::from_unix_duration(Duration::from_secs(seconds)).unwrap();
    OcspGeneralizedTime(GeneralizedTime::from_date_time(time))
}

fn revoked(reason: Option<CrlReason>) -> CertStatus {
    let revocation_time = time(running::citizen::now() - 60);
    CertStatus::Revoked(RevokedInfo { revocation_time, revocation_reason: reason })
}

fn answer(request: &[u8], manner: &Manner) -> Vec<u8> {
    let request = OcspRequest::from_der(request).unwrap().tbs_request;
    let asked = request.request_list[0].req_cert.clone();
    let mut extensions = request.request_extensions.clone();
    match manner.nonce {
        Nonce::Echoed => {}
        Nonce::Absent => extensions = None,
        Nonce::Wrong => {
            let value = OctetString::new(vec![7; 32]).unwrap().to_der().unwrap();
            extensions.as_mut().unwrap()[0].extn_value = OctetString::new(value).unwrap();
        }
    }
    if manner.nonce_twice {
        let mut again = extensions.as_ref().unwrap()[0].clone();
        let value = OctetString::new(vec![7; 32]).unwrap().to_der().unwrap();
        again.extn_value = OctetString::new(value).unwrap();
        extensions.as_mut().unwrap().push(again);
    }
    let first = Single {
        status: manner.status,
        named_by: None,
        other_serial: manner.other_serial,
        this_update: manner.this_update,
        next_update: manner.next_update,
    };
    let mut responses: Vec<SingleResponse> =
        std::iter::once(&first).chain(&manner.more).map(|one| one.written(&asked)).collect();
    if manner.more_first {
        responses.reverse();
    }
    let data = ResponseData {
        version: Version::V1,
        responder_id: ResponderId::ByKey(OctetString::new(vec![1; 20]).unwrap()),
        produced_at: time(manner.this_update),
        responses,
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
            respond_on(&mut stream.unwrap(), &respond);
        }
    });
    url
}

/// Answers one request.
fn respond_on(stream: &mut (impl Read + Write), respond: &impl Fn(&[u8]) -> Vec<u8>) {
    let mut read = Vec::new();
    let body = loop {
        let mut part = [0; 4096];
        // Whoever does not believe the certificate leaves without having asked.
        let Ok(count) = stream.read(&mut part) else { return };
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

/// The same behind TLS; gives its address and its certificate in PEM, which signed itself.
fn serve_by_tls(respond: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/ocsp", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            respond_on(&mut stream, &respond);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (url, certificate.pem())
}

fn serve_in(manner: Manner) -> String {
    serve(move |request| answer(request, &manner))
}

fn ask(url: String) -> Result<(), OcspError> {
    ask_by(url, None)
}

/// Believes the CAs in the file only, if there is one.
fn ask_by(url: String, roots: Option<&Path>) -> Result<(), OcspError> {
    let card = card(1);
    let now = Time::default().plus(Duration::from_secs(running::citizen::now()));
    let certificate = &card.authentication.certificate;
    let responder = Responder::new(url, tls::roots(roots).unwrap());
    responder.ask(certificate, &card.authentication_authority, [5; 32], now)
}

#[test]
fn a_responder_behind_tls_is_asked_if_its_certificate_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let manner = good();
    let (url, certificate) = serve_by_tls(move |request| answer(request, &manner));
    std::fs::write(&file, certificate).unwrap();
    assert_eq!(ask_by(url.clone(), Some(&file)), Ok(()));
    let Err(OcspError::Unreachable(told)) = ask_by(url.clone(), None) else { panic!("asked") };
    assert!(told.contains("certificate"), "{told}");
    // A file with another CA is not the same as none, and believes nobody else.
    let (_, other) = serve_by_tls(|_| Vec::new());
    std::fs::write(&file, other).unwrap();
    assert!(matches!(ask_by(url, Some(&file)), Err(OcspError::Unreachable(_))));
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

/// What comes of a good answer together with `more`, in both orders.
fn beside_good(more: &[Single]) -> Result<(), OcspError> {
    let asked = |more_first| {
        let manner = Manner { more: more.to_vec(), more_first, ..good() };
        ask(serve_in(manner))
    };
    let said = asked(false);
    assert_eq!(said, asked(true), "the order decides nothing");
    said
}

#[test]
fn of_several_answers_about_one_certificate_the_worst_counts() {
    let hold = revoked(Some(CrlReason::CertificateHold));
    assert_eq!(beside_good(&[single(CertStatus::good())]), Ok(()));
    assert_eq!(beside_good(&[single(revoked(None))]), Err(OcspError::Revoked));
    assert_eq!(beside_good(&[single(hold)]), Err(OcspError::OnHold));
    assert_eq!(beside_good(&[single(CertStatus::unknown())]), Err(OcspError::Unknown));
    let all = [single(CertStatus::unknown()), single(revoked(None)), single(hold)];
    assert_eq!(beside_good(&all), Err(OcspError::Revoked));
    assert_eq!(beside_good(&[all[0].clone(), all[2].clone()]), Err(OcspError::OnHold));
}

#[test]
fn an_answer_counts_by_whatever_hash_it_names_the_certificate() {
    for named_by in [SHA256_NAME, SHA512_NAME] {
        let named = |status| Single { named_by: Some(named_by), ..single(status) };
        assert_eq!(beside_good(&[named(revoked(None))]), Err(OcspError::Revoked));
        assert_eq!(beside_good(&[named(CertStatus::good())]), Ok(()));
    }
    // It may be the one that counts, and cannot be told from others.
    let strange = Single { named_by: Some(SHA3_NAME), ..single(CertStatus::good()) };
    assert!(matches!(beside_good(std::slice::from_ref(&strange)), Err(OcspError::Unusable(_))));
    assert_eq!(beside_good(&[Single { other_serial: true, ..strange }]), Ok(()));
}

#[test]
fn an_answer_that_is_over_spoils_one_in_force_and_one_about_another_certificate_does_not() {
    let now = running::citizen::now();
    let over =
        |status| Single { this_update: now - 700, next_update: Some(now - 60), ..single(status) };
    for status in [CertStatus::good(), revoked(None)] {
        assert!(matches!(beside_good(&[over(status)]), Err(OcspError::Stale { .. })));
    }
    let other = |status| Single { other_serial: true, ..single(status) };
    assert_eq!(beside_good(&[other(revoked(None)), other(CertStatus::unknown())]), Ok(()));
    assert_eq!(
        beside_good(&[other(CertStatus::good()), single(revoked(None))]),
        Err(OcspError::Revoked)
    );
}

#[test]
fn a_second_nonce_does_not_hide_behind_the_first() {
    let refused = ask(serve_in(Manner { nonce_twice: true, ..good() }));
    assert!(matches!(refused, Err(OcspError::Unusable(_))), "{refused:?}");
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
    let second = running::citizen::now();
    let ask = |this_update, next_update, now: Time| {
        let url = serve_in(Manner { this_update, next_update, ..good() });
        let responder = Responder::new(url, tls::roots(None).unwrap());
        responder.ask(certificate, &card.authentication_authority, [5; 32], now)
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
    let plan = ListPlan::around(running::citizen::now());
    let above = [pki().root().list(&plan), branch.card.list(&plan)];
    let url = serve_in(good());
    let asked = TestTsa::with_lists(&["--ocsp", &url], &above);
    let applicant = Applicant::new(&asked.tsa, card(1), 1);
    applicant.token(&applicant.apply(&asked.tsa));
    let unasked = TestTsa::with_lists(&[], &above);
    assert_eq!(unasked.refusal(&card(1)), "citizen.list-missing");
    for left_out in 0..2 {
        let test_tsa = TestTsa::with_lists(&["--ocsp", &url], &above[left_out..=left_out]);
        assert_eq!(test_tsa.refusal(&card(1)), "citizen.list-missing");
    }
}

#[test]
fn what_is_wrong_with_the_responder_an_applicant_is_not_told() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let test_tsa = TestTsa::open(&["--ocsp", &format!("http://{closed}/")]);
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    let ApplicationAnswer::Refused(report) = applicant.apply(&test_tsa.tsa) else { unreachable!() };
    assert_eq!(report.message, "the state's responder did not answer");
}

#[test]
fn an_answer_is_in_force_and_to_this_question() {
    let now = running::citizen::now();
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
    for text in ["", "http://", "https://", "ftp://ocsp.example/", "ocsp.example", "http://a b/"] {
        assert!(address(text).is_err(), "{text}");
    }
    assert!(address("https://ocsp.example/").is_ok() && address("http://ocsp.example/").is_ok());
}

#[test]
fn a_citizen_gets_a_token_only_if_the_responder_agrees() {
    let manner = Arc::new(std::sync::Mutex::new(Some(Manner { status: revoked(None), ..good() })));
    let shared = Arc::clone(&manner);
    let url = serve(move |request| match &*shared.lock().unwrap() {
        Some(manner) => answer(request, manner),
        None => Vec::new(),
    });
    let test_tsa = TestTsa::open(&["--ocsp", &url]);
    let expect = |next: Option<Manner>, expected: &str| {
        *manner.lock().unwrap() = next;
        assert_eq!(test_tsa.refusal(&card(1)), expected);
    };
    expect(Some(Manner { status: revoked(None), ..good() }), "citizen.revoked");
    let hold = revoked(Some(CrlReason::CertificateHold));
    expect(Some(Manner { status: hold, ..good() }), "citizen.on-hold");
    expect(Some(Manner { status: CertStatus::unknown(), ..good() }), "citizen.unknown");
    expect(Some(Manner { forge: true, ..good() }), "citizen.ocsp");
    expect(None, "citizen.ocsp");
    *manner.lock().unwrap() = Some(good());
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    applicant.token(&applicant.apply(&test_tsa.tsa));
    let silent = TestTsa::open(&["--ocsp", "http://127.0.0.1:1/"]);
    let applicant = Applicant::new(&silent.tsa, card(1), 1);
    assert_eq!(code(&applicant.apply(&silent.tsa)), "citizen.ocsp");
}
