//! The key set a TSA publishes (JWKS, RFC 7517), and what a reader takes from it (SPEC 3.2).
//!
//! The key set itself is not signed, and TLS on its way vouches for nothing: whoever reads it pins the CA by its
//! fingerprint, and every other key follows from a certificate of that CA inside the key set.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::trust::certificate::{
    AuthorityCertificate, CertificateError, Certified, verify_authority_certificate,
    verify_purpose_certificate,
};
use crate::trust::enrolment::EnrolmentError;
use crate::trust::enrolment::issuer::{Issuer, IssuerKey};
use crate::trust::key::{
    Authority, Enrolment, Fingerprint, PublicKey, Purpose, StampKey, Ticket, WitnessKey,
};
use crate::trust::witness::{Operator, Witness, WitnessName};
use crate::value::clock::Time;
use crate::value::codec::{Digest, to_base64url};
use crate::value::label;

/// Why a key set was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// No JSON of this shape, or longer than [`label::MAX_JWKS`].
    #[error("not a key set of a TSA")]
    Malformed,
    /// There is no key, or more than one, for a purpose.
    #[error("expected exactly one key for the purpose {purpose}")]
    Keys {
        /// The purpose.
        purpose: &'static str,
    },
    /// The key set belongs to another CA than the pinned one.
    #[error("the authority is {found}, and not the pinned {pinned}")]
    OtherAuthority {
        /// What the reader pinned.
        pinned: Fingerprint,
        /// What the key set has.
        found: Fingerprint,
    },
    /// A member contradicts the certificate beside it.
    #[error("the entry for the purpose {purpose} contradicts its certificate")]
    Contradiction {
        /// The purpose.
        purpose: &'static str,
    },
    /// The statement of an issuer's key does not hold.
    #[error("the statement of an issuer's key does not hold")]
    Issuer(#[source] EnrolmentError),
    /// A certificate does not hold.
    #[error("the certificate for the purpose {purpose} does not hold")]
    Certificate {
        /// The purpose.
        purpose: &'static str,
        /// Why.
        #[source]
        source: CertificateError,
    },
}

/// One key of the key set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `OKP` (RFC 8037); of an issuer's key `RSA`.
    pub kty: String,
    /// `Ed25519`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub crv: String,
    /// The public key, base64url.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub x: String,
    /// Of an issuer's key: the modulus, base64url.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub n: String,
    /// Of an issuer's key: the exponent, base64url.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub e: String,
    /// Fingerprint of the key; of an issuer's key its name.
    pub kid: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `authority`, `ticket` or `stamp`, where heads are cosigned `witness`, and where citizens enrol
    /// `enrolment` and `issuer`; readers ignore entries with another one.
    #[serde(rename = "pregao:purpose")]
    pub purpose: String,
    /// The certificate, standard base64 of its DER, alone. An issuer's key has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub x5c: Vec<String>,
    /// Of an issuer's key: what the enrolment key states of it.
    #[serde(rename = "pregao:statement", default, skip_serializing_if = "String::is_empty")]
    pub statement: String,
    /// Of a witness's key: the name under which it cosigns, [`witness_name`].
    #[serde(rename = "pregao:name", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Of a witness's key: who runs the TSA. Nothing vouches for it.
    #[serde(rename = "pregao:operator", default, skip_serializing_if = "String::is_empty")]
    pub operator: String,
}

/// The name under which a key of ours cosigns: `pregao-witness/` and half of its fingerprint.
///
/// # Panics
/// Never: such a text always is a name.
#[must_use]
pub fn witness_name(key: &PublicKey<WitnessKey>) -> WitnessName {
    let mut name = format!("pregao-witness/{}", key.fingerprint());
    name.truncate(WITNESS_NAME);
    name.parse().expect("letters, digits and a stroke")
}

/// Bytes of a [`witness_name`].
const WITNESS_NAME: usize = 47;

/// Purpose of the entries that state an issuer's key.
const ISSUER: &str = "issuer";

impl Jwk {
    /// The entry of `key`, with its certificate in DER.
    #[must_use]
    pub fn new<P: Purpose>(key: &PublicKey<P>, certificate: &[u8]) -> Self {
        Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: key.to_string(),
            kid: key.fingerprint().to_string(),
            usage: "sig".to_owned(),
            purpose: P::NAME.to_owned(),
            x5c: vec![STANDARD.encode(certificate)],
            n: String::new(),
            e: String::new(),
            statement: String::new(),
            name: String::new(),
            operator: String::new(),
        }
    }

    /// The entry of a witness's key, with its certificate in DER.
    #[must_use]
    pub fn witness(witness: &Witness, certificate: &[u8]) -> Self {
        Self {
            name: witness.name.to_string(),
            operator: witness.operator.to_string(),
            ..Self::new(&witness.key, certificate)
        }
    }

    /// The entry of an issuer's key, with its signed statement.
    #[must_use]
    pub fn issuer(key: &IssuerKey, statement: String) -> Self {
        let (n, e) = key.jwk_members();
        Self {
            kty: "RSA".to_owned(),
            crv: String::new(),
            x: String::new(),
            n,
            e,
            kid: key.id().to_string(),
            usage: "sig".to_owned(),
            purpose: ISSUER.to_owned(),
            x5c: Vec::new(),
            statement,
            name: String::new(),
            operator: String::new(),
        }
    }

    fn certificate(&self) -> Option<Vec<u8>> {
        match self.x5c.as_slice() {
            [only] => STANDARD.decode(only).ok(),
            _ => None,
        }
    }

    /// Whether the members say the same as the certificate that was found to hold.
    fn agrees<P: Purpose>(&self, key: &PublicKey<P>) -> Result<(), JwksError> {
        let agrees = self.kty == "OKP"
            && self.crv == "Ed25519"
            && self.usage == "sig"
            && self.x == key.to_string()
            && self.kid == key.fingerprint().to_string();
        if agrees { Ok(()) } else { Err(JwksError::Contradiction { purpose: P::NAME }) }
    }
}

/// The document at `/.well-known/jwks.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The CA's own key and those it certified for the TSA.
    pub keys: Vec<Jwk>,
}

impl Jwks {
    fn only<P: Purpose>(&self) -> Result<(&Jwk, Vec<u8>), JwksError> {
        let purpose = P::NAME;
        let mut found = self.keys.iter().filter(|key| key.purpose == purpose);
        let (Some(only), None) = (found.next(), found.next()) else {
            return Err(JwksError::Keys { purpose });
        };
        let certificate = only.certificate().ok_or(JwksError::Contradiction { purpose })?;
        Ok((only, certificate))
    }

    /// The enrolment key and the issuers it states, if citizens enrol here.
    fn enrolment(
        &self,
        authority: &AuthorityCertificate,
        now: Time,
    ) -> Result<(Option<PublicKey<Enrolment>>, Vec<Issuer>), JwksError> {
        let purpose = Enrolment::NAME;
        let entries: Vec<&Jwk> = self.keys.iter().filter(|key| key.purpose == ISSUER).collect();
        if !self.keys.iter().any(|key| key.purpose == purpose) {
            let none = entries.is_empty();
            return if none { Ok((None, Vec::new())) } else { Err(JwksError::Keys { purpose }) };
        }
        let (key, simulated) = self.certified::<Enrolment>(&authority.key, now)?;
        if simulated != authority.simulated {
            return Err(JwksError::Contradiction { purpose });
        }
        if entries.is_empty() || entries.len() > label::MAX_ISSUERS {
            return Err(JwksError::Keys { purpose: ISSUER });
        }
        let mut issuers: Vec<Issuer> = Vec::new();
        for entry in entries {
            let issuer = Issuer::verify(&entry.statement, &key, authority.key.fingerprint())
                .map_err(JwksError::Issuer)?;
            let stated = Jwk::issuer(&issuer.key, entry.statement.clone());
            // One key for all: two that sign at the same time could tell citizens apart.
            let apart = issuers.last().is_none_or(|before| before.until <= issuer.from);
            if stated != *entry || !apart {
                return Err(JwksError::Contradiction { purpose: ISSUER });
            }
            issuers.push(issuer);
        }
        Ok((Some(key), issuers))
    }

    /// The statement of an issuer of this key set, if it has that issuer, and the certificate of the key that signed it, as
    /// base64url of its DER: what a listing that asks for citizens carries (V-220). Nothing of it is verified.
    #[must_use]
    pub fn stated(&self, issuer: Digest) -> Option<(String, String)> {
        let name = issuer.to_string();
        let stated = self.keys.iter().find(|key| key.purpose == ISSUER && key.kid == name)?;
        let (_, certificate) = self.only::<Enrolment>().ok()?;
        Some((stated.statement.clone(), to_base64url(&certificate)))
    }

    /// The witness, if heads are cosigned here.
    fn witness(
        &self,
        authority: &AuthorityCertificate,
        now: Time,
    ) -> Result<Option<Witness>, JwksError> {
        let purpose = WitnessKey::NAME;
        if !self.keys.iter().any(|key| key.purpose == purpose) {
            return Ok(None);
        }
        let (key, simulated) = self.certified::<WitnessKey>(&authority.key, now)?;
        let (entry, _) = self.only::<WitnessKey>()?;
        let name = witness_name(&key);
        let operator: Result<Operator, _> = entry.operator.parse();
        match operator {
            Ok(operator) if simulated == authority.simulated && entry.name == name.as_str() => {
                Ok(Some(Witness { name, key, operator }))
            }
            Ok(_) | Err(_) => Err(JwksError::Contradiction { purpose }),
        }
    }

    fn certified<P: Certified>(
        &self,
        authority: &PublicKey<Authority>,
        now: Time,
    ) -> Result<(PublicKey<P>, bool), JwksError> {
        let (entry, der) = self.only::<P>()?;
        let certificate = verify_purpose_certificate::<P>(&der, authority, now)
            .map_err(|source| JwksError::Certificate { purpose: P::NAME, source })?;
        entry.agrees(&certificate.key)?;
        Ok((certificate.key, certificate.simulated))
    }
}

/// The keys of a TSA, each verified to be certified for its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsaKeys {
    /// The CA: verifies personas' certificates.
    pub authority: PublicKey<Authority>,
    /// Verifies tickets.
    pub ticket: PublicKey<Ticket>,
    /// Verifies stamps.
    pub stamp: PublicKey<StampKey>,
    /// Who cosigns heads; absent where they are not cosigned.
    pub witness: Option<Witness>,
    /// Verifies offers to enrol citizens; absent where citizens do not enrol.
    pub enrolment: Option<PublicKey<Enrolment>>,
    /// Whose tokens buy certificates here, by rising period.
    pub issuers: Vec<Issuer>,
    /// Whether the TSA says of itself that its time is simulated.
    pub simulated: bool,
}

impl TsaKeys {
    /// The issuer that signs blinded requests at `now`.
    #[must_use]
    pub fn issuer_at(&self, now: Time) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.signs_at(now))
    }

    /// The issuer with this name.
    #[must_use]
    pub fn issuer(&self, id: Digest) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.key.id() == id)
    }
}

/// Verifies a TSA's key set against the pinned CA (V-018, V-136, V-148).
///
/// Without a pin the CA is taken on trust at first use: show its fingerprint to the user, keep
/// it, and pin it from then on.
///
/// # Errors
/// [`JwksError`] naming what is wrong.
pub fn verify_jwks(
    json: &[u8],
    pinned: Option<Fingerprint>,
    now: Time,
) -> Result<TsaKeys, JwksError> {
    if json.len() > label::MAX_JWKS {
        return Err(JwksError::Malformed);
    }
    let jwks: Jwks = serde_json::from_slice(json).map_err(|_| JwksError::Malformed)?;
    let (entry, der) = jwks.only::<Authority>()?;
    let authority = verify_authority_certificate(&der, now)
        .map_err(|source| JwksError::Certificate { purpose: Authority::NAME, source })?;
    let found = authority.key.fingerprint();
    if let Some(pinned) = pinned.filter(|pinned| *pinned != found) {
        return Err(JwksError::OtherAuthority { pinned, found });
    }
    entry.agrees(&authority.key)?;
    let (ticket, ticket_simulated) = jwks.certified::<Ticket>(&authority.key, now)?;
    let (stamp, stamp_simulated) = jwks.certified::<StampKey>(&authority.key, now)?;
    for (simulated, purpose) in
        [(ticket_simulated, Ticket::NAME), (stamp_simulated, StampKey::NAME)]
    {
        if simulated != authority.simulated {
            return Err(JwksError::Contradiction { purpose });
        }
    }
    let witness = jwks.witness(&authority, now)?;
    let (enrolment, issuers) = jwks.enrolment(&authority, now)?;
    let simulated = authority.simulated;
    Ok(TsaKeys { authority: authority.key, ticket, stamp, witness, enrolment, issuers, simulated })
}

/// As [`verify_jwks`] at the wall clock's time, which says nothing about simulated time: keys that are
/// for simulated time only are judged at the instant to which their certificates point.
///
/// # Errors
/// [`JwksError`] naming what is wrong.
pub fn verify_jwks_by_wall_clock(
    json: &[u8],
    pinned: Option<Fingerprint>,
    wall: Time,
) -> Result<TsaKeys, JwksError> {
    let error = match verify_jwks(json, pinned, wall) {
        Ok(keys) => return Ok(keys),
        Err(error) => error,
    };
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let instant = causes.filter_map(|cause| cause.downcast_ref()).find_map(|cause| match cause {
        CertificateError::Expired { not_after: then }
        | CertificateError::NotYetValid { not_before: then } => Some(*then),
        _ => None,
    });
    match instant.and_then(|then| verify_jwks(json, pinned, then).ok()) {
        Some(keys) if keys.simulated => Ok(keys),
        _ => Err(error),
    }
}

/// Where a TSA is and which CA to expect there: `http://host:port/#<fingerprint>`, or `https://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsaAddress {
    /// `http://host:port` or `https://host:port`, without a slash at the end.
    pub url: String,
    /// The pinned CA; without it the CA is trusted at first use.
    pub authority: Option<Fingerprint>,
}

/// A text that is not the address of a TSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a TSA address of the form http://host:port/#<fingerprint of its CA>, or https://")]
pub struct AddressError;

impl FromStr for TsaAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (url, pin) = match text.split_once('#') {
            Some((url, pin)) => (url, Some(pin)),
            None => (text, None),
        };
        let authority = pin.map(str::parse).transpose().map_err(|_| AddressError)?;
        let url = url.strip_suffix('/').unwrap_or(url);
        let host = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let plain = |host: &str| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c))
        };
        if host.is_some_and(plain) {
            Ok(Self { url: url.to_owned(), authority })
        } else {
            Err(AddressError)
        }
    }
}

impl fmt::Display for TsaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.authority {
            Some(authority) => write!(f, "{}/#{authority}", self.url),
            None => write!(f, "{}/", self.url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_the_pin_behind_the_hash() {
        let pin = Fingerprint([0xab; 32]);
        let text = format!("http://127.0.0.1:8080/#{pin}");
        let address: TsaAddress = text.parse().unwrap();
        assert_eq!(address.url, "http://127.0.0.1:8080");
        assert_eq!(address.authority, Some(pin));
        assert_eq!(address.to_string(), text);
        let unpinned: TsaAddress = "https://tsa.example".parse().unwrap();
        assert_eq!(unpinned.authority, None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "tsa.example",
            "http://",
            "http:///",
            "http://tsa.example/#",
            "http://tsa.example/#abc",
            "http://tsa.example/path",
            "http://user@tsa.example/",
            "ftp://tsa.example/",
            "http://tsa.example/?q",
        ] {
            assert_eq!(text.parse::<TsaAddress>(), Err(AddressError), "{text}");
        }
    }
}
