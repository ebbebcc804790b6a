//! What a vault keeps between asking for a token with the citizen card and buying certificates with it.

use std::fmt;

use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::enrolment::issuer::Issuer;
use pregao_protocol::enrolment::token::{Token, TokenRequest};
use serde::{Deserialize, Serialize};

/// Where enrolling with the citizen card stands.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptEnrolment {
    /// A request for a token that may have been sent, and no answer was kept yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedToken>,
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldToken>,
}

/// A request for a token. It is forgotten with the answer: whoever found it beside the token could
/// tell which blinded request of the TSA's records it came from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedToken {
    /// Who is to sign it.
    pub issuer: KeptIssuer,
    /// The request, with what unblinds the answer.
    pub request: TokenRequest,
}

/// A token that was verified.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldToken {
    /// Who signed it.
    pub issuer: KeptIssuer,
    /// The token.
    pub token: Token,
    /// Not to be shown to the TSA before; none once it has been shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_after: Option<Time>,
}

/// The issuer of one period as the TSA stated it here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptIssuer {
    /// Name of its key.
    pub id: Digest,
    /// First instant of the period.
    pub from: Time,
    /// First instant after the period.
    pub until: Time,
    /// From then on its tokens buy nothing.
    pub spend_until: Time,
    /// The statement as signed: with another for the same time it is evidence against the TSA.
    pub statement: String,
}

impl KeptIssuer {
    /// Keeps an issuer with its signed statement.
    #[must_use]
    pub fn new(issuer: &Issuer, statement: String) -> Self {
        let Issuer { from, until, spend_until, .. } = *issuer;
        Self { id: issuer.key.id(), from, until, spend_until, statement }
    }

    /// Whether it signs requests at `now`.
    #[must_use]
    pub fn signs_at(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }
}

impl KeptEnrolment {
    /// The token if it may be shown at `now`: neither too early nor too late.
    #[must_use]
    pub fn spendable(&self, now: Time) -> Option<&HeldToken> {
        let due = |held: &&HeldToken| {
            held.spend_after.is_none_or(|after| after <= now) && now < held.issuer.spend_until
        };
        self.held.as_ref().filter(due)
    }
}

impl fmt::Debug for KeptEnrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptEnrolment(..)")
    }
}

impl fmt::Debug for AskedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskedToken(..)")
    }
}

impl fmt::Debug for HeldToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldToken(..)")
    }
}

impl fmt::Debug for KeptIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptIssuer({})", self.id)
    }
}
