//! Plays citizens with cards: keys of the test PKI sign in software exactly what a card would.

use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use pregao_protocol::trust::enrolment::issuer::Issuer;
use pregao_protocol::trust::enrolment::token::{Token, TokenRequest};
use pregao_protocol::trust::enrolment::{Application, ApplicationAnswer, Offer};
use pregao_protocol::trust::jwks::TsaKeys;
use pregao_protocol::trust::key::{Persona, SecretKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::codec::from_base64url;
use pregao_protocol::wire::tsa::{CitizenEnrol, CitizenOffer, TsaRequest as _};
use pregao_test_pki::{CardMaterial, CitizenData, Credential, Pki, Plan, Profile};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Tsa, csr};

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// The test PKI of this process.
pub(crate) fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| Pki::new(Plan::quick(now())))
}

pub(crate) fn card(number: u32) -> CardMaterial {
    pki().citizen(Profile::V5, &CitizenData::numbered(number))
}

/// A TSA with policy `card`, and its folders.
pub(crate) struct TestTsa {
    pub(crate) tsa: Tsa,
    pub(crate) data: TempDir,
    pub(crate) state: TempDir,
}

impl TestTsa {
    pub(crate) fn open(options: &[&str]) -> Self {
        Self::with_lists(options, &pki().lists())
    }

    pub(crate) fn with_lists(options: &[&str], lists: &[Vec<u8>]) -> Self {
        let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pki().write_folder_with(state.path(), lists).unwrap();
        let tsa = start(data.path(), state.path(), options);
        Self { tsa, data, state }
    }

    pub(crate) fn restart(&mut self, options: &[&str]) {
        self.tsa.process.kill().unwrap();
        self.tsa.process.wait().unwrap();
        self.tsa = start(self.data.path(), self.state.path(), options);
    }

    /// The code with which a card is refused.
    pub(crate) fn refusal(&self, card: &CardMaterial) -> String {
        let applicant = Applicant::new(&self.tsa, card.clone(), 1);
        code(&applicant.apply(&self.tsa))
    }
}

pub(crate) fn start(data: &Path, state: &Path, options: &[&str]) -> Tsa {
    let state = state.to_str().unwrap();
    let policy = ["--policy", "card", "--accept-test-cards", "--citizens", state];
    Tsa::start(data, &[&policy, options].concat())
}

/// A citizen about to apply for a token for one persona.
pub(crate) struct Applicant {
    pub(crate) keys: TsaKeys,
    pub(crate) issuer: Issuer,
    pub(crate) card: CardMaterial,
    pub(crate) persona: SecretKey<Persona>,
    pub(crate) request: TokenRequest,
}

impl Applicant {
    pub(crate) fn new(tsa: &Tsa, card: CardMaterial, persona: u8) -> Self {
        let keys = tsa.keys();
        let issuer = keys.issuer_at(tsa.now()).unwrap().clone();
        let persona = super::persona(persona);
        let authority = keys.authority.fingerprint();
        let request =
            TokenRequest::new(&issuer.key, authority, &persona.public(), random()).unwrap();
        Self { keys, issuer, card, persona, request }
    }

    /// Fetches an offer and fills in an application for it.
    pub(crate) fn application(&self, tsa: &Tsa) -> Filled {
        let compact = tsa.ask(&CitizenOffer {}).offer;
        let authority = self.keys.authority.fingerprint();
        let offer = Offer::verify(&compact, &self.keys.enrolment.unwrap(), authority).unwrap();
        let reply = SealKey::from_random(random());
        let statement = offer.statement(&reply.public(), &self.request.blinded);
        let application = Application {
            certificate: self.card.authentication.certificate.clone(),
            issuers: self.card.issuers.clone(),
            blinded: self.request.blinded.clone(),
            reply: reply.public(),
            signature: sign(&self.card.authentication, &statement),
        };
        Filled { offer, reply, application }
    }

    pub(crate) fn apply(&self, tsa: &Tsa) -> ApplicationAnswer {
        self.application(tsa).send(tsa)
    }

    pub(crate) fn token(&self, answer: &ApplicationAnswer) -> Token {
        assert!(matches!(answer, ApplicationAnswer::Signed { .. }), "{answer:?}");
        let ApplicationAnswer::Signed { blind_signature } = answer else { unreachable!() };
        let authority = self.keys.authority.fingerprint();
        let persona = self.persona.public();
        self.request.finish(&self.issuer.key, authority, &persona, blind_signature).unwrap()
    }
}

/// An application that was filled in.
pub(crate) struct Filled {
    pub(crate) offer: Offer,
    pub(crate) reply: SealKey,
    pub(crate) application: Application,
}

impl Filled {
    pub(crate) fn body(&self) -> Value {
        let sealed = self.application.seal(&self.offer, random()).unwrap();
        serde_json::to_value(CitizenEnrol { challenge: self.offer.challenge, sealed }).unwrap()
    }

    pub(crate) fn send(&self, tsa: &Tsa) -> ApplicationAnswer {
        self.opened(&tsa.post(CitizenEnrol::PATH, &self.body()))
    }

    pub(crate) fn opened(&self, (status, body): &(u16, Value)) -> ApplicationAnswer {
        assert_eq!(*status, 200, "{body}");
        let sealed = from_base64url(body["sealed"].as_str().unwrap()).unwrap();
        ApplicationAnswer::open(&sealed, self.offer.challenge, &self.reply).unwrap()
    }
}

/// The code of a refusal, which must have message and advice.
pub(crate) fn code(answer: &ApplicationAnswer) -> String {
    let ApplicationAnswer::Refused(report) = answer else { unreachable!("a token") };
    assert!(!report.message.is_empty() && !report.advice.is_empty());
    report.code.clone().into_owned()
}

/// What buys a certificate for `persona`.
pub(crate) fn purchase(persona: &SecretKey<Persona>, token: &Token) -> Value {
    json!({"csr": csr(persona), "token": token})
}

pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// What a card does with its authentication key: PKCS#1 v1.5, or ECDSA as `r ‖ s`.
pub(crate) fn sign(credential: &Credential, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    if let Ok(key) = RsaKeyPair::from_pkcs8(&credential.pkcs8) {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
        return signature;
    }
    let key =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &credential.pkcs8).unwrap();
    key.sign(&random, message).unwrap().as_ref().to_vec()
}
