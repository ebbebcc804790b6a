//! Requests and answers about deliveries between author, witness and broker (SPEC 11.1).

use serde::{Deserialize, Serialize};

use super::{Delivery, DeliveryAnswer, Nonce};
use crate::value::codec::Digest;
use crate::wire::tsa::{TsaRequest, path};

/// Longest body of [`Deliver`], in bytes.
pub const MAX_DELIVERY_REQUEST: usize = 40 * 1024;
/// Longest body that carries a [`DeliveryAnswer`], in bytes: a receipt is the longest.
pub const MAX_DELIVERY_ANSWER: usize = 68 * 1024;

/// An author leaves an action with a witness. The same again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// What is to be delivered.
    pub delivery: Delivery,
}

/// Answers [`Deliver`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {}

/// A broker asks for what waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchDelivery {
    /// Compact JWS of a [`Poll`](super::Poll).
    pub poll: String,
}

/// Answers [`FetchDelivery`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetched {
    /// For the next poll.
    pub nonce: Nonce,
    /// The oldest delivery that waits for this broker, if there is one: it is offered until it is
    /// answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}

/// A broker answers a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerDelivery {
    /// [`Delivery::id`].
    pub delivery: Digest,
    /// The answer.
    pub answer: DeliveryAnswer,
}

/// Answers [`AnswerDelivery`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerTaken {}

/// An author asks what came of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskDelivery {
    /// [`Delivery::id`].
    pub delivery: Digest,
}

/// What came of it. For want of an answer an author believes this of a witness; what is signed in it is
/// verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DeliveryState {
    /// The broker has not asked for what waits here.
    Waiting {},
    /// It asks, and has not answered this yet.
    Offered {},
    /// It answered.
    Answered(DeliveryAnswer),
    /// It did not answer in time: the witness's word (compact JWS of an
    /// [`Unanswered`](super::Unanswered)).
    Unanswered(String),
}

impl TsaRequest for Deliver {
    const PATH: &'static str = path::DELIVER;
    const MAX: usize = MAX_DELIVERY_REQUEST;
    type Answer = Left;
}

impl TsaRequest for FetchDelivery {
    const PATH: &'static str = path::FETCH_DELIVERY;
    type Answer = Fetched;
}

impl TsaRequest for AnswerDelivery {
    const PATH: &'static str = path::ANSWER_DELIVERY;
    const MAX: usize = MAX_DELIVERY_ANSWER;
    type Answer = AnswerTaken;
}

impl TsaRequest for AskDelivery {
    const PATH: &'static str = path::ASK_DELIVERY;
    const MAX_ANSWER: usize = MAX_DELIVERY_ANSWER;
    type Answer = DeliveryState;
}
