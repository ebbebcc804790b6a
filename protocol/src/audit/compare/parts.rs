//! What others signed in evidence, besides what it is evidence of: it is held against all other files.

use crate::audit::evidence::{CosignedHead, Evidence, Statement};
use crate::log::cosignature::HeadText;
use crate::log::stamp::VerifiedBatch;
use crate::log::transcript::{Transcript, TranscriptLine};
use crate::log::{Cosignature, Entry, Head, Receipt};
use crate::room::Terms;
use crate::room::action::Action;
use crate::trust::key::{PublicKey, StampKey, WitnessKey};
use crate::wire::refusal::Refusal;

/// A statement of a broker about the log of a room.
pub(super) struct Stated {
    /// The room's opening action (compact JWS).
    pub(super) opening: String,
    /// The broker's certificate (compact JWS).
    pub(super) certificate: String,
    pub(super) statement: Statement,
}

/// What is in a piece of evidence. What a broker states is not verified yet.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) stated: Vec<Stated>,
    pub(super) receipts: Vec<&'a Receipt>,
    /// Batch headers, each with the TSA's key that signed it.
    pub(super) headers: Vec<(VerifiedBatch, PublicKey<StampKey>)>,
    pub(super) cosigned: Vec<(Head, Cosignature)>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let mut parts = Self::default();
        match evidence {
            Evidence::Fork(fork) => {
                parts.state(&fork.opening, &fork.certificate, fork.larger.clone());
                parts.state(&fork.opening, &fork.certificate, fork.smaller.clone());
            }
            Evidence::Batches(two) => {
                for compact in &two.batches {
                    parts.header(compact, &[two.key]);
                }
            }
            Evidence::FalseRefusal(refused) => {
                let first = refused.log.first().and_then(|entry| Entry::parse(entry).ok());
                let opening = first.map_or_else(|| refused.action.clone(), |entry| entry.action);
                let refusal = Statement::Refusal(refused.refusal.clone());
                parts.state(&opening, &refused.certificate, refusal);
                parts.headers(&refused.headers, &opening);
            }
            Evidence::RefusedAndLogged(both) => {
                let refusal = Statement::Refusal(both.refusal.clone());
                parts.state(&both.receipt.opening, &both.certificate, refusal);
                parts.receipt(&both.receipt, &both.certificate);
            }
            Evidence::FalseAbsence(absence) => {
                if let Some(bid) = &absence.bid {
                    parts.receipt(bid, &absence.certificate);
                }
            }
            Evidence::Rollback(rollback) => {
                let (opening, certificate) = (&rollback.opening, &rollback.certificate);
                parts.state(opening, certificate, Statement::Head(rollback.head.clone()));
                parts.state(opening, certificate, Statement::Refusal(rollback.refusal.clone()));
            }
            Evidence::BrokenLog(log) => parts.transcript(&log.transcript),
            Evidence::FalseOutcome(outcome) => {
                parts.transcript(&outcome.auction);
                parts.transcript(&outcome.reveal);
            }
            Evidence::TwoEntries(two) => {
                for receipt in &two.receipts {
                    parts.receipt(receipt, &two.certificate);
                }
            }
            Evidence::CosignedTwice(two) => {
                for head in &two.heads {
                    parts.cosigned.extend(cosigned(two.witness, head));
                }
            }
            // Witnesses say it; what the broker signed is none of it.
            Evidence::Suppressed(_) => {}
            Evidence::FalseUnreadable(unreadable) => {
                let (opening, certificate) = (&unreadable.opening, &unreadable.certificate);
                parts.headers(std::slice::from_ref(&unreadable.stamp.batch), opening);
                if let Some(head) = &unreadable.head {
                    parts.state(opening, certificate, Statement::Head(head.clone()));
                }
            }
        }
        parts
    }

    fn state(&mut self, opening: &str, certificate: &str, statement: Statement) {
        let (opening, certificate) = (opening.to_owned(), certificate.to_owned());
        let Some(terms) = terms(&opening) else { return };
        match &statement {
            Statement::Head(note) => self.witnessed(note, &opening, &terms),
            Statement::Refusal(refusal) => {
                if let Ok(refusal) = Refusal::open(refusal, &terms.broker.entry) {
                    self.header(&refusal.header, &terms.stamps);
                }
            }
            Statement::Reveal(_) => {}
        }
        self.stated.push(Stated { opening, certificate, statement });
    }

    fn witnessed(&mut self, note: &str, opening: &str, terms: &Terms) {
        let Ok(action) = Action::parse(opening) else { return };
        let (broker, room) = (terms.broker.session.fingerprint(), action.room());
        let origin = crate::log::Origin { broker, room };
        let Ok(head) = Head::open(note, &origin, &terms.broker.head) else { return };
        let found = crate::log::cosignature::cosignatures(note, &head, &terms.witnesses);
        self.cosigned.extend(found.unwrap_or_default().into_iter().map(|(_, by)| (head, by)));
    }

    fn receipt(&mut self, receipt: &'a Receipt, certificate: &str) {
        self.state(&receipt.opening, certificate, Statement::Head(receipt.head.clone()));
        self.headers(std::slice::from_ref(&receipt.header), &receipt.opening);
        self.receipts.push(receipt);
    }

    fn transcript(&mut self, text: &str) {
        let Some(transcript) = Transcript::of(text) else { return };
        let (mut certificate, mut opening, mut headers) = (None, None, Vec::new());
        for line in transcript.lines() {
            match line {
                TranscriptLine::Certificate(compact) => certificate = compact,
                TranscriptLine::Header(header) => headers.push(header.to_owned()),
                TranscriptLine::Entry(entry) if opening.is_none() => {
                    opening = Entry::parse(entry).ok().map(|entry| entry.action);
                }
                TranscriptLine::Entry(_) => {}
            }
        }
        let Some(opening) = opening else { return };
        self.headers(&headers, &opening);
        if let Some((certificate, head)) = certificate.zip(transcript.head()) {
            self.state(&opening, &certificate, Statement::Head(head));
        }
    }

    fn headers(&mut self, compact: &[String], opening: &str) {
        let Some(terms) = terms(opening) else { return };
        for header in compact {
            self.header(header, &terms.stamps);
        }
    }

    fn header(&mut self, compact: &str, stamps: &[PublicKey<StampKey>]) {
        let Ok(batch) = VerifiedBatch::open(compact, stamps) else { return };
        let by = stamps.iter().find(|key| key.fingerprint() == batch.header().tsa);
        self.headers.extend(by.map(|key| (batch, *key)));
    }
}

fn terms(opening: &str) -> Option<Terms> {
    Action::parse(opening).ok()?.body().terms()
}

/// Of a log of rooms; there is nothing else here to compare others with.
fn cosigned(
    witness: PublicKey<WitnessKey>,
    cosigned: &CosignedHead,
) -> Option<(Head, Cosignature)> {
    let text = HeadText::parse(&cosigned.head).ok()?;
    let head = Head { origin: text.log()?, size: text.size, root: text.root };
    let by = Cosignature { witness, time: cosigned.time, signature: cosigned.signature };
    by.verify_text(&cosigned.head).ok().map(|()| (head, by))
}
