//! Signed actions, the terms of those that list, and what the broker answered.

use super::Person;
use anyhow::{Result, bail};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{CitizenTerms, SealedTerms, SoftClose};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::refusal::Refusal;

/// Terms of an auction, with values that suit most tests.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Instant of the end.
    pub end: Time,
    /// What is offered.
    pub title: String,
    /// Least first bid, in cents.
    pub start: u64,
    /// Least raise, in cents.
    pub increment: u64,
    /// F in seconds.
    pub freshness: u32,
    /// G in seconds.
    pub grace: u32,
    /// Seconds to disclose within.
    pub disclose_within: u32,
    /// Soft close.
    pub soft: Option<SoftClose>,
    /// That bids are sealed, if they are.
    pub sealed: Option<SealedTerms>,
    /// How many bids each bidder may make.
    pub bids_each: Option<u32>,
    /// How many TSAs open the hidden reserve, if there is one.
    pub reserve: Option<u32>,
    /// That one persona of each citizen lists and bids.
    pub citizens: Option<CitizenTerms>,
}

impl Terms {
    /// An auction that ends at an instant.
    #[must_use]
    pub fn until(end: Time) -> Self {
        Self {
            end,
            title: "A lamp".to_owned(),
            start: 100,
            increment: 10,
            freshness: 10,
            grace: 5,
            disclose_within: 60,
            soft: None,
            sealed: None,
            bids_each: None,
            reserve: None,
            citizens: None,
        }
    }
}

/// A signed action with what its author keeps.
#[derive(Debug, Clone)]
pub struct Made {
    /// The action.
    pub action: Action,
    /// The blind of its one-time key.
    pub blind: Blind,
    /// The secret half of its HPKE key, if it has one.
    pub seal: Option<SealKey>,
}

impl Made {
    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.action.digest()
    }

    /// Its one-time key.
    #[must_use]
    pub fn key(&self, person: &Person, broker: Fingerprint) -> OneTimeKey {
        OneTimeKey::derive(&person.key, broker, self.action.id(), &self.blind)
    }
}

/// What the broker answered to a submission.
#[derive(Debug, Clone)]
pub enum SubmitAnswer {
    /// It is in the log.
    Receipt {
        /// Where.
        seq: u64,
        /// Inclusion proof.
        path: Vec<Digest>,
        /// Signed head.
        head: String,
    },
    /// It is kept until the other side's arrives.
    Held,
    /// It was refused, with a signature that holds.
    Refused(Box<Refusal>, String),
    /// Nothing was decided.
    Failed(String),
}

impl SubmitAnswer {
    /// The position it was logged at.
    ///
    /// # Errors
    /// If it was not logged.
    pub fn logged(&self) -> Result<u64> {
        match self {
            Self::Receipt { seq, .. } => Ok(*seq),
            other => bail!("not logged: {}", other.code()),
        }
    }

    /// The code of a refusal or failure, or what else it is.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Receipt { .. } => "receipt",
            Self::Held => "held",
            Self::Refused(refusal, _) => refusal.code.as_str(),
            Self::Failed(code) => code,
        }
    }
}
