//! Whether what comes back through a witness is the broker's answer (SPEC 7.7).

use crate::audit::verify::{self, VerifyError};
use crate::trust::broker::{BrokerError, BrokerKeys};
use crate::wire::delivery::{Delivery, DeliveryAnswer, Unreadable};
use crate::wire::refusal::Refusal;

/// Why something is no answer to a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// The receipt does not hold.
    #[error("the receipt does not hold")]
    Receipt(#[from] VerifyError),
    /// It is not signed by this broker.
    #[error("the broker did not sign it")]
    Broker(#[from] BrokerError),
    /// It is about another action, room or broker.
    #[error("it is about something else")]
    Other,
}

/// Whether something is an answer of the broker with these keys to a delivery (V-155). Whether a refusal is
/// true is judged by whoever has the log.
///
/// # Errors
/// [`NoAnswer`].
pub fn answers(
    answer: &DeliveryAnswer,
    delivery: &Delivery,
    keys: &BrokerKeys,
) -> Result<(), NoAnswer> {
    let is_of_this = match answer {
        DeliveryAnswer::Receipt(receipt) => {
            let shown = verify::receipt(receipt)?;
            let what = (shown.broker, shown.room, shown.digest);
            shown.terms.broker == *keys && what == (delivery.broker, delivery.room, delivery.digest)
        }
        DeliveryAnswer::Refusal(compact) => {
            let refusal = Refusal::open(compact, &keys.entry)?;
            (refusal.room, refusal.digest) == (delivery.room, delivery.digest)
        }
        DeliveryAnswer::Unreadable(compact) => {
            Unreadable::open(compact, &keys.entry)?.delivery == delivery.id()
        }
    };
    if is_of_this { Ok(()) } else { Err(NoAnswer::Other) }
}
