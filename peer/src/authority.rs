//! What the peer asks of the TSA over HTTP: keys, a certificate, tickets.
//!
//! Actions are never shown to it: their digests go through the broker (SPEC 11).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use pregao_protocol::certificate::sheet::{
    SheetError, TsaAddress, TsaKeys, verify_jwks_by_wall_clock,
};
use pregao_protocol::certificate::ticket::{Challenge, Proof};
use pregao_protocol::certificate::{
    CertificateError, PersonaCertificate, certificate_hash, pem_to_der, verify_persona_certificate,
};
use pregao_protocol::clock::Time;
use pregao_protocol::enrolment::token::Token;
use pregao_protocol::enrolment::{EnrolmentError, Offer};
use pregao_protocol::host::Clock;
use pregao_protocol::key::{Authority as AuthorityKey, Fingerprint, Persona, PublicKey, SecretKey};
use pregao_protocol::tsa::{
    CitizenEnrol, CitizenOffer, Issue, NewChallenge, Refusal, Request, SignCsr, path,
};
use serde_json::Value;

use crate::net::{HttpAnswer, ProxyAddress, Reach, Transport, TransportError};
use crate::tls::ADVICE as TLS_ADVICE;

/// How long an answer may take. Through a proxy everything takes longer, and with an application of
/// a citizen the TSA asks the state about the certificate first.
const PATIENCE: Duration = Duration::from_secs(10);
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// Why the TSA did not give what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// It does not answer.
    #[error("the TSA at {url} does not answer: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the HTTP client says.
        reason: String,
    },
    /// It shows a TLS certificate that is not believed.
    #[error("the TLS certificate of the TSA at {url} is not believed: {reason}")]
    Distrusted {
        /// Where.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is not reached by the way that was asked for.
    #[error("the TSA at {url} is not reached through the proxy {proxy}: {reason}")]
    Proxy {
        /// Where.
        url: String,
        /// Through which proxy.
        proxy: String,
        /// What the HTTP client says.
        reason: String,
    },
    /// It refuses.
    #[error("the TSA refuses: {message} ({code})")]
    Refused {
        /// Stable code.
        code: String,
        /// What happened.
        message: String,
        /// What to do.
        advice: String,
    },
    /// Its answer is not of the expected form.
    #[error("the TSA's answer makes no sense: {0}")]
    Answer(String),
    /// Its keys do not verify.
    #[error("the TSA's keys do not verify")]
    Sheet(#[from] SheetError),
    /// What it says for enrolling citizens does not hold.
    #[error("what it offers for enrolling citizens does not hold")]
    Enrolment(#[from] EnrolmentError),
    /// Citizens do not enrol there.
    #[error("citizens do not enrol with this TSA")]
    NoCitizens,
    /// The certificate it gave does not hold.
    #[error("the certificate it gave does not hold")]
    Certificate(#[from] CertificateError),
    /// The certification request could not be made.
    #[error("the certification request could not be made: {0}")]
    Request(String),
}

impl AuthorityError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "check the address and whether pregao-tsa runs",
            Self::Distrusted { .. } => TLS_ADVICE,
            Self::Proxy { .. } => {
                "check that the proxy runs and lets you reach the TSA; nothing was sent around it"
            }
            Self::Refused { advice, .. } => advice,
            Self::Answer(_) => "check that the address is that of a pregao-tsa",
            Self::Sheet(_) => {
                "check the fingerprint in the address with whoever runs the TSA before going on"
            }
            Self::Enrolment(_) => {
                "check the address with whoever runs the TSA; nothing of you was sent after this"
            }
            Self::NoCitizens => "enrol without --card, with an invitation if it asks for one",
            Self::Certificate(_) => "ask whoever runs the TSA; keep what it answered",
            Self::Request(_) => "this is a fault of the program; update it",
        }
    }
}

/// A TSA, reached over HTTP. Calls block.
#[derive(Debug, Clone)]
pub struct Authority {
    address: TsaAddress,
    transport: Arc<dyn Transport>,
    /// How long an answer may take.
    patience: Duration,
    /// Judges certificates before the TSA has told the time.
    clock: Arc<dyn Clock>,
}

impl Authority {
    /// A TSA at an address, reached through the proxy if there is one, and then no other way. Nothing is
    /// shared with the connections of any other [`Authority`].
    #[must_use]
    pub fn by(address: TsaAddress, proxy: Option<&ProxyAddress>, reach: Reach<'_>) -> Self {
        let transport = reach.net.tsa(&address, proxy, reach.tls);
        let patience = if proxy.is_some() { LONG_PATIENCE } else { PATIENCE };
        Self { address, transport, patience, clock: Arc::clone(&reach.host.clock) }
    }

    /// A TSA at an address, reached straight, whatever proxies the environment names.
    #[must_use]
    pub fn at(address: TsaAddress, reach: Reach<'_>) -> Self {
        Self::by(address, None, reach)
    }

    /// What the machine's wall clock shows.
    #[must_use]
    pub fn wall(&self) -> Time {
        self.clock.wall()
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &TsaAddress {
        &self.address
    }

    /// Fetches and verifies its keys; gives the sheet they stand on as well, for keeping it.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn keys(&self) -> Result<(TsaKeys, Value), AuthorityError> {
        let answer = self.transport.get(&self.address.endpoint(path::SHEET), self.patience);
        let body = self.body(answer)?;
        let keys = verify_jwks_by_wall_clock(&body, self.address.authority, self.wall())?;
        let sheet = serde_json::from_slice(&body)
            .map_err(|error| AuthorityError::Answer(error.to_string()))?;
        Ok((keys, sheet))
    }

    /// Has a persona certified; gives the certificate in DER.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn enrol(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        invite: Option<&str>,
    ) -> Result<Vec<u8>, AuthorityError> {
        let invite = invite.map(str::to_owned);
        let csr = certification_request(persona)?;
        self.certificate(persona, keys, &SignCsr { csr, invite, ..SignCsr::default() })
    }

    /// Has the key of a certificate certified again. While `held` is in force it stands in for an
    /// invitation.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn renew(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        invite: Option<&str>,
        held: &[u8],
    ) -> Result<Vec<u8>, AuthorityError> {
        let (invite, held) = (invite.map(str::to_owned), Some(to_pem(held)));
        let csr = certification_request(persona)?;
        let request = SignCsr { csr, invite, certificate: held, ..SignCsr::default() };
        self.certificate(persona, keys, &request)
    }

    /// Has a persona certified for a token that was made for it, as often as the token is honoured.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn spend(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        token: &Token,
    ) -> Result<Vec<u8>, AuthorityError> {
        let (csr, token) = (certification_request(persona)?, Some(token.clone()));
        self.certificate(persona, keys, &SignCsr { csr, token, ..SignCsr::default() })
    }

    /// Asks for an offer to a citizen, and verifies it (V-130); gives it as it was signed as well.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn offer(&self, keys: &TsaKeys) -> Result<(Offer, String), AuthorityError> {
        let key = keys.enrolment.as_ref().ok_or(AuthorityError::NoCitizens)?;
        let signed = self.post(&CitizenOffer {})?.offer;
        Ok((Offer::verify(&signed, key, keys.authority.fingerprint())?, signed))
    }

    /// Hands in a sealed application for an offer; gives the sealed answer.
    ///
    /// # Errors
    /// [`AuthorityError`]. The TSA may have received it all the same.
    pub fn apply(&self, challenge: Challenge, sealed: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        let request = CitizenEnrol { challenge, sealed: sealed.to_vec() };
        Ok(self.post_within(&request, LONG_PATIENCE)?.sealed)
    }

    fn certificate(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        request: &SignCsr,
    ) -> Result<Vec<u8>, AuthorityError> {
        let der = pem_to_der(&self.post(request)?.certificate, "CERTIFICATE")?;
        let certified = if keys.simulated {
            verify_whenever(&der, &keys.authority, self.wall())?
        } else {
            verify_persona_certificate(&der, &keys.authority, self.wall())?
        };
        if certified.key == persona.public() {
            Ok(der)
        } else {
            Err(AuthorityError::Answer("a certificate for another key".to_owned()))
        }
    }

    /// Gets a ticket for one broker.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn ticket(
        &self,
        persona: &SecretKey<Persona>,
        certificate: &[u8],
        broker: Fingerprint,
    ) -> Result<String, AuthorityError> {
        let challenge = self.post(&NewChallenge {})?.challenge;
        let proof = Proof { challenge, aud: broker, certificate: certificate_hash(certificate) };
        let request = Issue { certificate: to_pem(certificate), proof: proof.sign(persona) };
        Ok(self.post(&request)?.ticket)
    }

    fn post<R: Request>(&self, request: &R) -> Result<R::Answer, AuthorityError> {
        self.post_within(request, self.patience)
    }

    fn post_within<R: Request>(
        &self,
        request: &R,
        patience: Duration,
    ) -> Result<R::Answer, AuthorityError> {
        let url = self.address.endpoint(R::PATH);
        let body = self.body(self.transport.post(&url, &request.encode(), patience))?;
        R::parse_answer(&body).map_err(|error| AuthorityError::Answer(error.to_string()))
    }

    /// What was answered, if it is no refusal.
    fn body(&self, answer: Result<HttpAnswer, TransportError>) -> Result<Vec<u8>, AuthorityError> {
        let answer = answer.map_err(|error| self.unreachable(error))?;
        if answer.is_success() { Ok(answer.body) } else { Err(refusal(&answer)) }
    }

    fn unreachable(&self, error: TransportError) -> AuthorityError {
        let url = self.address.url.clone();
        match error {
            TransportError::Unreachable { reason } => AuthorityError::Unreachable { url, reason },
            TransportError::Distrusted { reason } => AuthorityError::Distrusted { url, reason },
            TransportError::Proxy { proxy, reason } => AuthorityError::Proxy { url, proxy, reason },
        }
    }
}

/// What an answer that is no success says.
fn refusal(answer: &HttpAnswer) -> AuthorityError {
    match Refusal::parse(&answer.body) {
        Ok(Refusal { code, message, advice }) => AuthorityError::Refused { code, message, advice },
        Err(_) => AuthorityError::Answer(match answer.status {
            status @ 300..400 => format!("status {status}; redirections are not followed"),
            status => format!("status {status}"),
        }),
    }
}

/// A PKCS#10 request in PEM, signed with the persona's key: proof of possession.
fn certification_request(persona: &SecretKey<Persona>) -> Result<String, AuthorityError> {
    let failed = |error: &dyn fmt::Display| AuthorityError::Request(error.to_string());
    let seed = persona.expose_seed();
    let der = SigningKey::from_bytes(&seed).to_pkcs8_der().map_err(|error| failed(&error))?;
    let key = rcgen::KeyPair::try_from(der.as_bytes()).map_err(|error| failed(&error))?;
    // The CA fixes the subject; an empty one says nothing about its author.
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let request = parameters.serialize_request(&key).map_err(|error| failed(&error))?;
    request.pem().map_err(|error| failed(&error))
}

fn to_pem(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", der))
}

/// Verifies a persona's certificate but for its being in force at `now`; what it says of its end is
/// in the result. For reading one's own vault, and for simulated time.
///
/// # Errors
/// [`CertificateError`] for every other fault.
pub fn verify_whenever(
    der: &[u8],
    authority: &PublicKey<AuthorityKey>,
    now: Time,
) -> Result<PersonaCertificate, CertificateError> {
    match verify_persona_certificate(der, authority, now) {
        Err(CertificateError::Expired { not_after: then })
        | Err(CertificateError::NotYetValid { not_before: then }) => {
            verify_persona_certificate(der, authority, then)
        }
        other => other,
    }
}
