//! From a key to a session ticket through the real program, and every way to be refused.

#![allow(clippy::disallowed_methods, reason = "this is no program of Pregão: it reads the machine")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod running;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregao_protocol::trust::certificate::ticket::{
    Proof, TicketError, TicketParties, verify_ticket,
};
use pregao_protocol::trust::certificate::{
    CertificateError, certificate_hash, pem_to_der, verify_persona_certificate,
};
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, SanType,
};
use running::{Tsa, csr, pair, persona, program};
use serde_json::{Value, json};

const BROKER: Fingerprint = Fingerprint([7; 32]);

#[test]
fn a_persona_gets_a_certificate_and_a_ticket_for_one_broker() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let key = persona(1);
    let pem = tsa.certificate(&key);
    let der = pem_to_der(&pem, "CERTIFICATE").unwrap();
    let keys = tsa.keys();
    let now = tsa.now();
    let certificate = verify_persona_certificate(&der, &keys.authority, now).unwrap();
    assert_eq!((certificate.key, certificate.simulated), (key.public(), false));
    let proof = tsa.proof(&key, &der, BROKER);
    let (status, body) = tsa.post("/api/issue", &json!({"certificate": pem, "proof": proof}));
    assert_eq!(status, 200, "{body}");
    let ticket = body["ticket"].as_str().unwrap();
    let parties = TicketParties {
        authority: keys.authority.fingerprint(),
        audience: BROKER,
        persona: key.public().fingerprint(),
        certificate: &der,
    };
    assert!(verify_ticket(ticket, &keys.ticket, &parties, now).is_ok());
    let other = TicketParties { audience: Fingerprint([8; 32]), ..parties };
    let refused = verify_ticket(ticket, &keys.ticket, &other, now).unwrap_err();
    assert_eq!(refused, TicketError::Audience { found: BROKER });
    judged_by_jsonwebtoken(ticket, &keys.ticket.to_string());
}

fn judged_by_jsonwebtoken(ticket: &str, x: &str) {
    let key = jsonwebtoken::DecodingKey::from_ed_components(x).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    rules.set_audience(&[BROKER.to_string()]);
    let judged = jsonwebtoken::decode::<Value>(ticket, &key, &rules).unwrap();
    assert_eq!(judged.claims["aud"], json!(BROKER));
    rules.set_audience(&["another"]);
    assert!(jsonwebtoken::decode::<Value>(ticket, &key, &rules).is_err());
}

#[test]
fn nothing_of_a_request_but_its_key_reaches_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let key = persona(2);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Somebody Important");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.subject_alt_names = vec![SanType::DnsName("bank.example".try_into().unwrap())];
    let request = params.serialize_request(&pair(&key)).unwrap();
    let base64 = STANDARD.encode(request.der());
    let (status, body) = tsa.post("/api/sign-csr", &json!({"csr": base64}));
    assert_eq!(status, 200, "{body}");
    let der = pem_to_der(body["certificate"].as_str().unwrap(), "CERTIFICATE").unwrap();
    assert!(verify_persona_certificate(&der, &tsa.keys().authority, tsa.now()).is_ok());
    for text in ["Somebody Important", "bank.example"] {
        assert!(!der.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
}

#[test]
fn requests_that_prove_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let refused = |csr: String| tsa.refusal("/api/sign-csr", &json!({ "csr": csr }));
    let der = pem_to_der(&csr(&persona(3)), "CERTIFICATE REQUEST").unwrap();
    let with_key = |bytes: &[u8; 32]| {
        let public = persona(3).public();
        let at = der.windows(32).position(|part| part == public.as_bytes()).unwrap();
        let mut changed = der.clone();
        changed[at..at + 32].copy_from_slice(bytes);
        STANDARD.encode(changed)
    };
    let mut broken = der.clone();
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(refused(STANDARD.encode(&broken)), (400, "csr.signature".to_owned()));
    let other = with_key(persona(4).public().as_bytes());
    assert_eq!(refused(other), (400, "csr.signature".to_owned()));
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(refused(with_key(&identity)), (400, "csr.weak-key".to_owned()));
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let ecdsa = CertificateParams::default().serialize_request(&pair).unwrap().pem().unwrap();
    assert_eq!(refused(ecdsa), (400, "csr.key".to_owned()));
    assert_eq!(refused(rsa_csr(folder.path())), (400, "csr.key".to_owned()));
    for text in ["", "garbage", "AAAA", "-----BEGIN CERTIFICATE-----"] {
        assert_eq!(refused(text.to_owned()), (400, "csr.malformed".to_owned()), "{text}");
    }
    let longer = STANDARD.encode([der.as_slice(), &[0]].concat());
    assert_eq!(refused(longer), (400, "csr.malformed".to_owned()));
}

fn rsa_csr(folder: &std::path::Path) -> String {
    let made = std::process::Command::new("openssl")
        .args(["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout"])
        .arg(folder.join("rsa.pem"))
        .output()
        .unwrap();
    String::from_utf8(made.stdout).unwrap()
}

#[test]
fn an_invitation_is_good_for_one_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &["--policy", "invite"]);
    let printed =
        program().args(["invite", "--count", "2", "--data"]).arg(folder.path()).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let codes: Vec<&str> = printed.lines().collect();
    assert_eq!(codes.len(), 2);
    assert_ne!(codes[0], codes[1]);
    let ask = |invite: Value| json!({"csr": csr(&persona(1)), "invite": invite});
    let code = |body: &Value| tsa.refusal("/api/sign-csr", body);
    assert_eq!(code(&ask(Value::Null)), (403, "invite.missing".to_owned()));
    assert_eq!(code(&ask(json!("0000"))), (403, "invite.unknown".to_owned()));
    let broken = json!({"csr": "garbage", "invite": codes[0]});
    assert_eq!(code(&broken), (400, "csr.malformed".to_owned()));
    assert_eq!(tsa.post("/api/sign-csr", &ask(json!(codes[0]))).0, 200);
    assert_eq!(code(&ask(json!(codes[0]))), (403, "invite.used".to_owned()));
    assert_eq!(tsa.post("/api/sign-csr", &ask(json!(codes[1]))).0, 200);
}

#[test]
fn a_certificate_in_force_stands_in_for_an_invitation_of_the_same_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &["--policy", "invite", "--simulate"]);
    let printed = program().args(["invite", "--simulate", "--data"]).arg(folder.path()).output();
    let printed = String::from_utf8(printed.unwrap().stdout).unwrap();
    let body = json!({"csr": csr(&persona(1)), "invite": printed.trim()});
    let (status, answer) = tsa.post("/api/sign-csr", &body);
    assert_eq!(status, 200, "{answer}");
    let held = answer["certificate"].clone();
    let renewal = |seed| json!({"csr": csr(&persona(seed)), "certificate": held});
    assert_eq!(tsa.post("/api/sign-csr", &renewal(1)).0, 200);
    let missing = (403, "invite.missing".to_owned());
    assert_eq!(tsa.refusal("/api/sign-csr", &renewal(2)), missing);
    let later = tsa.now().plus(std::time::Duration::from_secs(8 * 86_400));
    assert_eq!(tsa.post("/api/settime", &json!({"time": later})).0, 200);
    assert_eq!(tsa.refusal("/api/sign-csr", &renewal(1)), missing);
}

#[test]
fn a_revoked_persona_gets_nothing_until_it_is_taken_back_while_the_tsa_runs() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let (one, other) = (persona(1), persona(2));
    let asked = |key: &SecretKey<Persona>| {
        let pem = tsa.certificate(key);
        let der = pem_to_der(&pem, "CERTIFICATE").unwrap();
        json!({"certificate": pem, "proof": tsa.proof(key, &der, BROKER)})
    };
    let tickets = [asked(&one), asked(&other), asked(&one)];
    let fingerprint = one.public().fingerprint().to_string();
    let revoke = |arguments: &[&str]| {
        let mut program = program();
        program.arg("revoke").args(arguments).arg("--data").arg(folder.path());
        let ran = program.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    assert!(revoke(&[&fingerprint]).starts_with("revoked"));
    assert!(revoke(&[&fingerprint]).starts_with("it was revoked before"));
    let revoked = (403, "persona.revoked".to_owned());
    assert_eq!(tsa.refusal("/api/issue", &tickets[0]), revoked);
    assert_eq!(tsa.refusal("/api/sign-csr", &json!({"csr": csr(&one)})), revoked);
    assert_eq!(tsa.post("/api/issue", &tickets[1]).0, 200);
    assert!(revoke(&[&fingerprint, "--undo"]).starts_with("taken back"));
    assert_eq!(tsa.post("/api/issue", &tickets[2]).0, 200);
    assert_eq!(tsa.post("/api/sign-csr", &json!({"csr": csr(&one)})).0, 200);
    // A folder that is no TSA's, and what is no fingerprint.
    let empty = tempfile::tempdir().unwrap();
    let nowhere = program().args(["revoke", &fingerprint, "--data"]).arg(empty.path()).output();
    let nowhere = nowhere.unwrap();
    assert!(!nowhere.status.success() && !empty.path().join("tsa.db").exists());
    assert!(String::from_utf8(nowhere.stderr).unwrap().contains("there is no TSA in"));
    let garbage = program().args(["revoke", "1234", "--data"]).arg(folder.path()).output();
    assert!(!garbage.unwrap().status.success());
}

#[test]
fn a_challenge_is_good_for_one_proof() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let key = persona(1);
    let pem = tsa.certificate(&key);
    let der = pem_to_der(&pem, "CERTIFICATE").unwrap();
    let body = json!({"certificate": pem, "proof": tsa.proof(&key, &der, BROKER)});
    assert_eq!(tsa.post("/api/issue", &body).0, 200);
    assert_eq!(tsa.refusal("/api/issue", &body), (403, "challenge.unknown".to_owned()));
    let invented = Proof {
        challenge: pregao_protocol::trust::certificate::ticket::Challenge([9; 32]),
        aud: BROKER,
        certificate: certificate_hash(&der),
    };
    let body = json!({"certificate": pem, "proof": invented.sign(&key)});
    assert_eq!(tsa.refusal("/api/issue", &body), (403, "challenge.unknown".to_owned()));
}

#[test]
fn a_proof_must_be_by_the_certified_key_over_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let (key, other) = (persona(1), persona(2));
    let pem = tsa.certificate(&key);
    let der = pem_to_der(&pem, "CERTIFICATE").unwrap();
    let second = pem_to_der(&tsa.certificate(&key), "CERTIFICATE").unwrap();
    let refused =
        |proof: String| tsa.refusal("/api/issue", &json!({"certificate": pem, "proof": proof}));
    let forged = refused(tsa.proof(&other, &der, BROKER));
    assert_eq!(forged, (403, "proof.signature".to_owned()));
    let unbound = refused(tsa.proof(&key, &second, BROKER));
    assert_eq!(unbound, (403, "proof.certificate".to_owned()));
    let content = pregao_protocol::trust::jws::sign("pregao-proof-v1", b"{}", &key);
    assert_eq!(refused(content), (403, "proof.content".to_owned()));
    assert_eq!(refused("garbage".to_owned()), (403, "proof.signature".to_owned()));
}

#[test]
fn certificates_of_others_for_other_things_or_times_earn_no_ticket() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tsa = Tsa::start(here.path(), &["--simulate"]);
    let foreign = Tsa::start(there.path(), &["--simulate"]);
    let key = persona(1);
    let refused = |pem: &str| {
        let der = pem_to_der(pem, "CERTIFICATE").unwrap_or_default();
        let proof = tsa.proof(&key, &der, BROKER);
        tsa.refusal("/api/issue", &json!({"certificate": pem, "proof": proof}))
    };
    let theirs = foreign.certificate(&key);
    assert_eq!(refused(&theirs), (403, "certificate.authority".to_owned()));
    assert_eq!(refused("garbage"), (403, "certificate.malformed".to_owned()));
    let (_, jwks) = tsa.get("/.well-known/jwks.json");
    let jwks: Value = serde_json::from_slice(&jwks).unwrap();
    for (index, code) in [(0, "certificate.malformed"), (1, "certificate.purpose")] {
        let base64 = jwks["keys"][index]["x5c"][0].as_str().unwrap();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        assert_eq!(refused(&pem), (403, code.to_owned()));
    }
    let own = tsa.certificate(&key);
    let der = pem_to_der(&own, "CERTIFICATE").unwrap();
    let later = tsa.now().plus(std::time::Duration::from_secs(8 * 86_400));
    assert_eq!(tsa.post("/api/settime", &json!({"time": later})).0, 200);
    assert_eq!(refused(&own), (403, "certificate.expired".to_owned()));
    let keys = tsa.keys();
    assert!(keys.simulated);
    let refused = verify_persona_certificate(&der, &keys.authority, tsa.now()).unwrap_err();
    assert!(matches!(refused, CertificateError::Expired { .. }));
}
