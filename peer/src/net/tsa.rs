//! What the peer asks of the TSA over HTTP: keys, a certificate, tickets; and of any witness, to deliver.
//!
//! Actions are never shown to it: their digests go through the broker (SPEC 11), and what is delivered is
//! sealed (SPEC 7.7).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use pregao_protocol::host::Clock;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::trust::certificate::ticket::{Challenge, Proof};
use pregao_protocol::trust::certificate::{
    CertificateError, PersonaCertificate, certificate_hash, pem_to_der, verify_persona_certificate,
};
use pregao_protocol::trust::enrolment::token::Token;
use pregao_protocol::trust::enrolment::{EnrolmentError, Offer};
use pregao_protocol::trust::jwks::{JwksError, TsaAddress, TsaKeys, verify_jwks_by_wall_clock};
use pregao_protocol::trust::key::{
    Authority as AuthorityKey, Fingerprint, Persona, PublicKey, SecretKey,
};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::delivery::{AskDelivery, Deliver, Delivery, DeliveryState};
use pregao_protocol::wire::tsa::{
    CitizenEnrol, CitizenOffer, Issue, NewChallenge, SignCsr, Timestamp, TsaRequest, parse_report,
    path,
};
use serde_json::Value;

use crate::net::tls::ADVICE as TLS_ADVICE;
use crate::net::{HttpAnswer, ProxyAddress, Reach, Transport, TransportError};

/// How long an answer may take. Through a proxy everything takes longer, and with an application of
/// a citizen the TSA asks the state about the certificate first.
const PATIENCE: Duration = Duration::from_secs(10);
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// Why the TSA did not give what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsaError {
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
    #[error("the TSA refuses: {} ({})", .0.message, .0.code)]
    Refused(Report),
    /// Its answer is not of the expected form.
    #[error("the TSA's answer makes no sense: {0}")]
    Answer(String),
    /// Its keys do not verify.
    #[error("the TSA's keys do not verify")]
    Jwks(#[from] JwksError),
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

impl TsaError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Unreachable { .. } => "check the address and whether pregao-tsa runs",
            Self::Distrusted { .. } => TLS_ADVICE,
            Self::Proxy { .. } => {
                "check that the proxy runs and lets you reach the TSA; nothing was sent around it"
            }
            Self::Refused(report) => return report.advice.clone(),
            Self::Answer(_) => "check that the address is that of a pregao-tsa",
            Self::Jwks(_) => {
                "check the fingerprint in the address with whoever runs the TSA before going on"
            }
            Self::Enrolment(_) => {
                "check the address with whoever runs the TSA; nothing of you was sent after this"
            }
            Self::NoCitizens => "enrol without --card, with an invitation if it asks for one",
            Self::Certificate(_) => "ask whoever runs the TSA; keep what it answered",
            Self::Request(_) => "this is a fault of the program; update it",
        };
        advice.into()
    }
}

/// A TSA, reached over HTTP. Calls block.
#[derive(Debug, Clone)]
pub struct TsaClient {
    address: TsaAddress,
    transport: Arc<dyn Transport>,
    /// How long an answer may take.
    patience: Duration,
    /// Judges certificates before the TSA has told the time.
    clock: Arc<dyn Clock>,
}

impl TsaClient {
    /// A TSA at an address, reached through the proxy if there is one, and then no other way. Nothing is
    /// shared with the connections of any other [`TsaClient`].
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

    /// Fetches and verifies its keys; returns the JWKS that names them as well, to be kept.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn keys(&self) -> Result<(TsaKeys, Value), TsaError> {
        let answer = self.transport.get(&self.address.endpoint(path::JWKS), self.patience);
        let body = self.body(answer)?;
        let keys = verify_jwks_by_wall_clock(&body, self.address.authority, self.wall())?;
        let jwks =
            serde_json::from_slice(&body).map_err(|error| TsaError::Answer(error.to_string()))?;
        Ok((keys, jwks))
    }

    /// Has a persona certified; gives the certificate in DER.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn enrol(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        invite: Option<&str>,
    ) -> Result<Vec<u8>, TsaError> {
        let invite = invite.map(str::to_owned);
        let csr = certification_request(persona)?;
        self.certificate(persona, keys, &SignCsr { csr, invite, ..SignCsr::default() })
    }

    /// Has the key of a certificate certified again. While `held` is valid it replaces an
    /// invitation.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn renew(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        invite: Option<&str>,
        held: &[u8],
    ) -> Result<Vec<u8>, TsaError> {
        let (invite, held) = (invite.map(str::to_owned), Some(to_pem(held)));
        let csr = certification_request(persona)?;
        let request = SignCsr { csr, invite, certificate: held, ..SignCsr::default() };
        self.certificate(persona, keys, &request)
    }

    /// Has a persona certified for a token that was made for it, as often as the token is honoured.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn spend(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        token: &Token,
    ) -> Result<Vec<u8>, TsaError> {
        let (csr, token) = (certification_request(persona)?, Some(token.clone()));
        self.certificate(persona, keys, &SignCsr { csr, token, ..SignCsr::default() })
    }

    /// Asks for an offer to a citizen, and verifies it (V-130); gives it as it was signed as well.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn offer(&self, keys: &TsaKeys) -> Result<(Offer, String), TsaError> {
        let key = keys.enrolment.as_ref().ok_or(TsaError::NoCitizens)?;
        let signed = self.post(&CitizenOffer {})?.offer;
        Ok((Offer::verify(&signed, key, keys.authority.fingerprint())?, signed))
    }

    /// Hands in a sealed application for an offer; gives the sealed answer.
    ///
    /// # Errors
    /// [`TsaError`]. The TSA may have received it all the same.
    pub fn apply(&self, challenge: Challenge, sealed: &[u8]) -> Result<Vec<u8>, TsaError> {
        let request = CitizenEnrol { challenge, sealed: sealed.to_vec() };
        Ok(self.post_within(&request, LONG_PATIENCE)?.sealed)
    }

    fn certificate(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        request: &SignCsr,
    ) -> Result<Vec<u8>, TsaError> {
        let der = pem_to_der(&self.post(request)?.certificate, "CERTIFICATE")?;
        let certified = if keys.simulated {
            verify_whenever(&der, &keys.authority, self.wall())?
        } else {
            verify_persona_certificate(&der, &keys.authority, self.wall())?
        };
        if certified.key == persona.public() {
            Ok(der)
        } else {
            Err(TsaError::Answer("a certificate for another key".to_owned()))
        }
    }

    /// Gets a ticket for one broker.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn ticket(
        &self,
        persona: &SecretKey<Persona>,
        certificate: &[u8],
        broker: Fingerprint,
    ) -> Result<String, TsaError> {
        let challenge = self.post(&NewChallenge {})?.challenge;
        let proof = Proof { challenge, aud: broker, certificate: certificate_hash(certificate) };
        let request = Issue { certificate: to_pem(certificate), proof: proof.sign(persona) };
        Ok(self.post(&request)?.ticket)
    }

    /// Has a digest stamped. Ordinarily the broker asks; this is for what it does not answer.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn stamp(&self, digest: Digest) -> Result<FullStamp, TsaError> {
        self.post(&Timestamp { digest })
    }

    /// Leaves a delivery with the witness that it is.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn deliver(&self, delivery: Delivery) -> Result<(), TsaError> {
        self.post(&Deliver { delivery }).map(drop)
    }

    /// Asks what came of a delivery.
    ///
    /// # Errors
    /// [`TsaError`].
    pub fn ask_delivery(&self, delivery: Digest) -> Result<DeliveryState, TsaError> {
        self.post(&AskDelivery { delivery })
    }

    fn post<R: TsaRequest>(&self, request: &R) -> Result<R::Answer, TsaError> {
        self.post_within(request, self.patience)
    }

    fn post_within<R: TsaRequest>(
        &self,
        request: &R,
        patience: Duration,
    ) -> Result<R::Answer, TsaError> {
        let url = self.address.endpoint(R::PATH);
        let body = self.body(self.transport.post(&url, &request.encode(), patience))?;
        R::parse_answer(&body).map_err(|error| TsaError::Answer(error.to_string()))
    }

    /// What was answered, if it is no refusal.
    fn body(&self, answer: Result<HttpAnswer, TransportError>) -> Result<Vec<u8>, TsaError> {
        let answer = answer.map_err(|error| self.unreachable(error))?;
        if answer.is_success() { Ok(answer.body) } else { Err(refusal(&answer)) }
    }

    fn unreachable(&self, error: TransportError) -> TsaError {
        let url = self.address.url.clone();
        match error {
            TransportError::Unreachable { reason } => TsaError::Unreachable { url, reason },
            TransportError::Distrusted { reason } => TsaError::Distrusted { url, reason },
            TransportError::Proxy { proxy, reason } => TsaError::Proxy { url, proxy, reason },
        }
    }
}

/// What an answer that is no success says.
fn refusal(answer: &HttpAnswer) -> TsaError {
    match parse_report(&answer.body) {
        Ok(report) => TsaError::Refused(report),
        Err(_) => TsaError::Answer(match answer.status {
            status @ 300..400 => format!("status {status}; redirections are not followed"),
            status => format!("status {status}"),
        }),
    }
}

/// A PKCS#10 request in PEM, signed with the persona's key: proof of possession.
fn certification_request(persona: &SecretKey<Persona>) -> Result<String, TsaError> {
    let failed = |error: &dyn fmt::Display| TsaError::Request(error.to_string());
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

/// Verifies a persona's certificate whether or not it is valid at `now`; what it says of its end is
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
