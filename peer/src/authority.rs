//! What the peer asks of the TSA over HTTP: keys, a certificate, tickets.
//!
//! Actions are never shown to it: their digests go through the broker (DESIGN section 4).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use pregao_protocol::certificate::sheet::{SheetError, TsaAddress, TsaKeys, verify_jwks};
use pregao_protocol::certificate::ticket::{Challenge, Proof};
use pregao_protocol::certificate::{
    CertificateError, PersonaCertificate, certificate_hash, pem_to_der, verify_persona_certificate,
};
use pregao_protocol::clock::Time;
use pregao_protocol::key::{Authority as AuthorityKey, Fingerprint, Persona, PublicKey, SecretKey};
use pregao_protocol::label::MAX_SHEET;
use serde::Deserialize;
use serde_json::{Value, json};

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
            Self::Refused { advice, .. } => advice,
            Self::Answer(_) => "check that the address is that of a pregao-tsa",
            Self::Sheet(_) => {
                "check the fingerprint in the address with whoever runs the TSA before going on"
            }
            Self::Certificate(_) => "ask whoever runs the TSA; keep what it answered",
            Self::Request(_) => "this is a fault of the program; update it",
        }
    }
}

/// A TSA, reached over HTTP. Calls block.
#[derive(Debug, Clone)]
pub struct Authority {
    address: TsaAddress,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
    #[serde(default)]
    advice: String,
}

impl Authority {
    /// A TSA at an address.
    #[must_use]
    pub fn at(address: TsaAddress) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .build();
        Self { address, agent: config.into() }
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
        let request = self.agent.get(self.url("/.well-known/jwks.json"));
        let mut answer = request.call().map_err(|error| self.unreachable(&error))?;
        let limit = u64::try_from(MAX_SHEET).unwrap_or(u64::MAX);
        let body = answer.body_mut().with_config().limit(limit).read_to_vec();
        let body = body.map_err(|error| self.unreachable(&error))?;
        let keys = verify_jwks(&body, self.address.authority, system_time())?;
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
        self.certified(persona, keys, invite, None)
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
        self.certified(persona, keys, invite, Some(held))
    }

    fn certified(
        &self,
        persona: &SecretKey<Persona>,
        keys: &TsaKeys,
        invite: Option<&str>,
        held: Option<&[u8]>,
    ) -> Result<Vec<u8>, AuthorityError> {
        let mut body = json!({ "csr": certification_request(persona)? });
        if let (Some(invite), Some(object)) = (invite, body.as_object_mut()) {
            object.insert("invite".to_owned(), invite.into());
        }
        if let (Some(held), Some(object)) = (held, body.as_object_mut()) {
            object.insert("certificate".to_owned(), to_pem(held).into());
        }
        let answer = self.post("/api/sign-csr", &body)?;
        let pem = text(&answer, "certificate")?;
        let der = pem_to_der(pem, "CERTIFICATE")?;
        let certified = if keys.simulated {
            verify_whenever(&der, &keys.authority, system_time())?
        } else {
            verify_persona_certificate(&der, &keys.authority, system_time())?
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
        let answer = self.post("/api/challenge", &json!({}))?;
        let challenge: Challenge = text(&answer, "challenge")?
            .parse()
            .map_err(|_| AuthorityError::Answer("a malformed challenge".to_owned()))?;
        let proof = Proof { challenge, aud: broker, certificate: certificate_hash(certificate) };
        let pem = to_pem(certificate);
        let body = json!({ "certificate": pem, "proof": proof.sign(persona) });
        let answer = self.post("/api/issue", &body)?;
        text(&answer, "ticket").map(str::to_owned)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address.url)
    }

    fn unreachable(&self, error: &ureq::Error) -> AuthorityError {
        AuthorityError::Unreachable { url: self.address.url.clone(), reason: error.to_string() }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, AuthorityError> {
        let answer = self.agent.post(self.url(path)).send_json(body);
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(64 * 1024).read_to_string();
        let body = body.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return serde_json::from_str(&body)
                .map_err(|error| AuthorityError::Answer(error.to_string()));
        }
        match serde_json::from_str::<Refusal>(&body) {
            Ok(Refusal { code, message, advice }) => {
                Err(AuthorityError::Refused { code, message, advice })
            }
            Err(_) => Err(AuthorityError::Answer(format!("status {status}"))),
        }
    }
}

fn text<'a>(answer: &'a Value, member: &str) -> Result<&'a str, AuthorityError> {
    let found = answer.get(member).and_then(Value::as_str);
    found.ok_or_else(|| AuthorityError::Answer(format!("no {member}")))
}

/// A PKCS#10 request in PEM, signed with the persona's key: proof of possession.
fn certification_request(persona: &SecretKey<Persona>) -> Result<String, AuthorityError> {
    let failed = |error: &dyn std::fmt::Display| AuthorityError::Request(error.to_string());
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

/// The system's time, for judging certificates before the TSA has told the time.
#[must_use]
pub fn system_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::default().plus(since)
}
