//! What a log says of a deposit after it, in the verdict (SPEC 8.3).

use serde::Serialize;

use super::{Examined, Fault, Found, Standing, Subject, Verdict, letter};
use crate::audit::letter::{Happened, ShownDeposit, VerifiedDeposit, VerifiedTimeline};
use crate::audit::verdict::BoxShown;
use crate::value::clock::Time;
use crate::value::codec::Digest;

/// What happened to a letter in the box of its reader, under one head that the broker signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineShown {
    /// How many entries that head covers.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// What happened, in the order of the log; never empty.
    pub entries: Vec<EventShown>,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EventShown {
    /// Position of its entry.
    pub entry: u64,
    /// What.
    pub what: Happened,
    /// Whose signature is under it.
    pub by: By,
    /// Its stamp.
    pub time: Time,
}

/// Whose signature is under an entry of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// That of the box's owner.
    Owner,
    /// The broker's.
    Broker,
}

/// What the log says of a letter of which nothing else is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DepositShown {
    /// The box in which it was left.
    pub to: BoxShown,
    /// Position of the deposit.
    pub entry: u64,
    /// Its stamp: the letter existed by then.
    pub time: Time,
    /// When its bytes were to be destroyed, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// When it lapses, if it is registered and nobody decides about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lapses: Option<Time>,
    /// Digest of the envelope.
    pub envelope: Digest,
    /// Bytes of the envelope.
    pub bytes: u64,
    /// What happened to it.
    pub timeline: TimelineShown,
}

impl TimelineShown {
    pub(super) fn of(verified: &VerifiedTimeline) -> Self {
        let (_, deposit) = &verified.deposit;
        let entries = verified.events.iter().map(|event| EventShown {
            entry: event.shown.seq,
            what: event.happened,
            by: if event.happened.is_owners() { By::Owner } else { By::Broker },
            time: event.shown.time,
        });
        Self { size: deposit.size, root: deposit.root, entries: entries.collect() }
    }
}

/// The verdict on a text that is a deposit shown, whatever is in it; `None` for any other.
pub(super) fn examine<'a>(text: &str) -> Option<Examined<'a>> {
    let shown = ShownDeposit::parse(text).ok()?;
    Some(match shown.verify() {
        Ok(verified) => {
            let verdict = verdict(&verified);
            Examined { verdict, found: Found::Deposit(Box::new((shown, verified))) }
        }
        Err(error) => Examined {
            verdict: Verdict::invalid(Subject::Deposit, letter::rule(&error), None),
            found: Found::Nothing(Fault::of(&error)),
        },
    })
}

fn verdict(verified: &VerifiedDeposit) -> Verdict {
    let VerifiedDeposit { to, receipt, deposit, lapses, timeline } = verified;
    let verdict = Verdict::bare(Subject::Deposit, Standing::Valid).with_terms(&receipt.terms);
    // Boxes name no witnesses.
    let mut verdict = verdict.with_head(receipt.size, receipt.root, Vec::new(), false);
    verdict.room = Some(receipt.room);
    verdict.deposit = Some(Box::new(DepositShown {
        to: BoxShown::of(to),
        entry: receipt.seq,
        time: receipt.time,
        expires: deposit.expires,
        lapses: *lapses,
        envelope: deposit.envelope.digest,
        bytes: deposit.envelope.size.size(),
        timeline: TimelineShown::of(timeline),
    }));
    verdict
}
