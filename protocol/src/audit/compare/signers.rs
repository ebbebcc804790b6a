//! What TSAs and witnesses signed, over all rooms: each has one history, whoever is shown it.

use std::collections::BTreeMap;

use super::parts::Parts;
use super::{Contradiction, Finding, add};
use crate::audit::evidence::{CosignedHead, CosignedTwice, Evidence, TwoBatches};
use crate::audit::history::TsaHistory;
use crate::audit::verdict::{Found, VerifiedLog};
use crate::audit::verify::VerifiedReceipt;
use crate::log::stamp::VerifiedBatch;
use crate::log::{Cosignature, Head, Origin, Receipt, RoomName, cosignature};
use crate::room::Terms;
use crate::trust::key::{Fingerprint, PublicKey, StampKey};

/// A head that a witness cosigned, in a file.
#[derive(Clone, Copy)]
struct Seen {
    file: usize,
    head: Head,
    cosignature: Cosignature,
}

/// Everything that TSAs and witnesses signed in the files so far.
#[derive(Default)]
pub(super) struct Signers {
    /// By the TSA's stamp key, each header with the file that it was in first.
    tsas: BTreeMap<Fingerprint, TsaHistory<usize>>,
    /// By the witness's key, the log and the size: what it signed first.
    witnesses: BTreeMap<(Fingerprint, Fingerprint, RoomName, u64), Seen>,
    found: Vec<Finding>,
}

impl Signers {
    pub(super) fn take(&mut self, file: usize, found: &Found<'_>) {
        match found {
            Found::Log(log) => self.log(file, log),
            Found::Receipt(both) => self.shown(file, &both.0, &both.1),
            Found::Letter(both) => {
                let receipts = both.1.receipts(&both.0).into_iter();
                receipts.for_each(|(receipt, shown)| self.shown(file, receipt, shown));
            }
            Found::Deposit(both) => {
                let receipts = both.1.receipts(&both.0).into_iter();
                receipts.for_each(|(receipt, shown)| self.shown(file, receipt, shown));
            }
            Found::Certificate(_) | Found::Nothing(_) => {}
        }
    }

    fn shown(&mut self, file: usize, receipt: &Receipt, shown: &VerifiedReceipt) {
        let origin = Origin { broker: shown.broker, room: shown.room };
        let head = Head { origin, size: shown.size, root: shown.root };
        self.receipt(file, receipt, &head, &shown.terms);
    }

    /// What is in evidence that holds.
    pub(super) fn evidence(&mut self, file: usize, parts: &Parts<'_>) {
        for (batch, key) in &parts.headers {
            self.header(file, batch, &[*key]);
        }
        for (head, cosignature) in &parts.cosigned {
            self.cosigned(Seen { file, head: *head, cosignature: *cosignature });
        }
    }

    /// Adds what was found to what others found.
    pub(super) fn tell(self, findings: &mut Vec<Finding>) {
        findings.extend(self.found);
    }

    fn log(&mut self, file: usize, log: &VerifiedLog<'_>) {
        let stamps = &log.room().terms().stamps;
        for batch in log.batches() {
            self.header(file, batch, stamps);
        }
        for (head, cosignature) in log.cosignatures() {
            self.cosigned(Seen { file, head, cosignature });
        }
    }

    fn receipt(&mut self, file: usize, receipt: &Receipt, head: &Head, terms: &Terms) {
        // Both held before: a receipt is examined whole.
        if let Ok(batch) = VerifiedBatch::open(&receipt.header, &terms.stamps) {
            self.header(file, &batch, &terms.stamps);
        }
        let cosigned = cosignature::cosignatures(&receipt.head, head, &terms.witnesses);
        for (_, cosignature) in cosigned.unwrap_or_default() {
            self.cosigned(Seen { file, head: *head, cosignature });
        }
    }

    fn header(&mut self, file: usize, batch: &VerifiedBatch, stamps: &[PublicKey<StampKey>]) {
        let tsa = batch.header().tsa;
        let Some((other, before)) = self.tsas.entry(tsa).or_default().meet(batch, file) else {
            return;
        };
        let Some(key) = stamps.iter().find(|key| key.fingerprint() == tsa) else { return };
        let batches = [other.compact().to_owned(), batch.compact().to_owned()];
        let finding = Finding {
            kind: Contradiction::Batches,
            files: [before, file],
            room: None,
            by: tsa,
            // Its own key signed both.
            is_certified: true,
            what: "signed two batch headers that cannot both be honest".to_owned(),
            evidence: Some(Evidence::Batches(TwoBatches { key: *key, batches })),
        };
        add(finding, &mut self.found);
    }

    fn cosigned(&mut self, seen: Seen) {
        let Origin { broker, room } = seen.head.origin;
        let witness = seen.cosignature.witness;
        let log = (witness.fingerprint(), broker, room, seen.head.size);
        let first = self.witnesses.entry(log).or_insert(seen);
        if first.head.root == seen.head.root {
            return;
        }
        let signed = |seen: &Seen| CosignedHead {
            head: seen.head.text(),
            time: seen.cosignature.time,
            signature: seen.cosignature.signature,
        };
        let finding = Finding {
            kind: Contradiction::CosignedTwice,
            files: [first.file, seen.file],
            room: Some(room),
            by: witness.fingerprint(),
            is_certified: true,
            what: format!("cosigned two different heads of {} entries of one log", seen.head.size),
            evidence: Some(Evidence::CosignedTwice(CosignedTwice {
                witness,
                heads: [signed(first), signed(&seen)],
            })),
        };
        add(finding, &mut self.found);
    }
}
