//! What a vault keeps between asking for a token with the citizen card and buying certificates with it.

use std::fmt;

use pregao_protocol::trust::enrolment::issuer::Issuer;
use pregao_protocol::trust::enrolment::token::{Token, TokenRequest};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use serde::{Deserialize, Serialize};

/// How far enrolling with the citizen card has come.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptEnrolment {
    /// A request for a token that may have been sent, and no answer was kept yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedToken>,
    /// The newest token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldToken>,
    /// The token before, shown already: it renews until the newest was spent, and for auctions that ask for it as long as it
    /// is honoured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<HeldToken>,
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

    /// Whether the TSA contradicts itself by stating that issuer: the same key for other times, or
    /// another key for the same.
    #[must_use]
    pub fn contradicts(&self, shown: &Issuer) -> bool {
        let Issuer { from, until, spend_until, .. } = *shown;
        if shown.key.id() == self.id {
            (from, until, spend_until) != (self.from, self.until, self.spend_until)
        } else {
            from < self.until && self.from < until
        }
    }

    /// Whether it signs requests at `now`.
    #[must_use]
    pub fn signs_at(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }
}

impl KeptEnrolment {
    /// The token to renew with: the newest that was shown to the TSA before. The first time one is
    /// shown is the user's to choose. `now` leaves out those that buy nothing any more.
    #[must_use]
    pub fn renewing(&self, now: Option<Time>) -> Option<&HeldToken> {
        let over = |held: &HeldToken| now.is_some_and(|now| now >= held.issuer.spend_until);
        let mut tokens = self.held.iter().chain(&self.former);
        tokens.find(|held| held.spend_after.is_none() && !over(held))
    }

    /// A token that was just fetched is kept, and the one before as far as it renews.
    #[must_use]
    pub fn fetched(self, held: HeldToken) -> Self {
        let shown = self.held.filter(|before| before.spend_after.is_none());
        Self { asked: None, held: Some(held), former: shown.or(self.former) }
    }

    /// The newest token was shown: it renews from now on, and the one before for auctions that ask for it alone.
    pub fn spent(&mut self) {
        if let Some(held) = &mut self.held {
            held.spend_after = None;
        }
    }

    /// The token of an issuer, if it was shown to the TSA before and still buys at `now`: an auction may ask for the persona of
    /// the period before (SPEC 7.14).
    #[must_use]
    pub fn of_issuer(&self, issuer: Digest, now: Option<Time>) -> Option<&HeldToken> {
        let over = |held: &HeldToken| now.is_some_and(|now| now >= held.issuer.spend_until);
        let mut tokens = self.held.iter().chain(&self.former);
        tokens.find(|held| held.issuer.id == issuer && held.spend_after.is_none() && !over(held))
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
