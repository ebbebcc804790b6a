//! What a log says of a deposit, without a word of who wrote it and what it says (V-349): all that there is to show to
//! others of a deniable letter.

use serde::{Deserialize, Serialize};

use super::timeline::{Subject, lapses};
use super::{Malformed, NotShown, ShownBox, Timeline, VerifiedTimeline, deposit_in};
use crate::audit::verify::VerifiedReceipt;
use crate::log::Receipt;
use crate::room::body::Deposit;
use crate::value::clock::Time;
use crate::value::label;

/// A deposit as a file shows it, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownDeposit {
    /// That something was deposited, in the box of its reader.
    pub deposit: Receipt,
    /// What the log says of it after that.
    pub timeline: Timeline,
}

/// A deposit that is shown, every part of it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedDeposit {
    /// In whose box it was left.
    pub to: ShownBox,
    /// Where it is in the log.
    pub receipt: VerifiedReceipt,
    /// What the entry says.
    pub deposit: Deposit,
    /// When it lapses, if it is registered.
    pub lapses: Option<Time>,
    /// What happened then.
    pub timeline: VerifiedTimeline,
}

#[derive(Serialize)]
struct Written<'a> {
    deposit: &'a ShownDeposit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    deposit: ShownDeposit,
}

impl ShownDeposit {
    /// The file, one line without the line break. It can be read again if the parts are as their makers gave them.
    ///
    /// # Panics
    /// Never: texts and lists of them have a JSON form.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(&Written { deposit: self }).expect("texts have a JSON form")
    }

    /// Reads a file, with or without a line break at its end (V-349). Nothing in it is verified.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.len() > label::MAX_SHOWN {
            return Err(Malformed);
        }
        let Read { deposit } = serde_json::from_str(text).map_err(|_| Malformed)?;
        let bounded = |receipt: &Receipt| receipt.encode().len() <= label::MAX_RECEIPT;
        let mut receipts = deposit.timeline.receipts(&deposit.deposit);
        receipts.push(deposit.deposit.clone());
        if receipts.iter().all(bounded) && deposit.encode() == text {
            Ok(deposit)
        } else {
            Err(Malformed)
        }
    }

    /// Judges it, with no network.
    ///
    /// # Errors
    /// [`NotShown`], the first in the order of SPEC 8.3.
    pub fn verify(&self) -> Result<VerifiedDeposit, NotShown> {
        let (to, receipt, deposit) = deposit_in(&self.deposit)?;
        let keys = &to.keys;
        let of = Subject { receipt: &self.deposit, shown: &receipt, deposit: &deposit, of: keys };
        let timeline = self.timeline.verify(&of).map_err(NotShown::Timeline)?;
        let lapses = lapses(&deposit, receipt.time);
        Ok(VerifiedDeposit { to, receipt, deposit, lapses, timeline })
    }
}

impl VerifiedDeposit {
    /// What is shown by receipts, each with what it shows: the deposit, and whatever happened then.
    #[must_use]
    pub fn receipts<'a>(
        &'a self,
        shown: &'a ShownDeposit,
    ) -> Vec<(&'a Receipt, &'a VerifiedReceipt)> {
        let deposit = (&shown.deposit, &self.receipt);
        std::iter::once(deposit).chain(self.timeline.receipts()).collect()
    }
}
