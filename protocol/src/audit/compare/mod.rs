//! Files held against each other: what one broker signed about one room, wherever it was shown, and what
//! a TSA or a witness signed, in whichever room.
//!
//! Each file may hold by itself; a broker that shows different logs to different people is found out
//! when their files come together. What is found carries the evidence where the files have all of it,
//! which takes the broker's certificate in one of them.

mod parts;
mod signers;

use std::collections::BTreeMap;

use self::parts::Parts;
use self::signers::Signers;
use crate::audit::evidence::{
    Accused, Evidence, FalseOutcome, Fork, Recording, Statement, TwoEntries, recording,
};
use crate::audit::verdict::{Examined, Found, VerifiedLog};
use crate::audit::verify::{self, VerifiedReceipt};
use crate::log::transcript::transcript;
use crate::log::{Entry, Logged, Origin, Receipt, RoomName};
use crate::room::RevealRoom;
use crate::room::action::Action;
use crate::room::body::BrokerKeys;
use crate::trust::broker::BrokerCertificate;
use crate::trust::key::Fingerprint;
use crate::value::codec::Digest;

/// In what two files contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// The broker signed two logs of which neither continues the other.
    Fork,
    /// It signed two logs with different entries at one position.
    TwoEntries,
    /// The author of an action had seen another log than the one shown. Of this there is no evidence:
    /// the author alone says so.
    Seen,
    /// An auction records another end of its reveal room than that room's log gives.
    FalseOutcome,
    /// A TSA signed two histories.
    Batches,
    /// A witness signed two histories of one log.
    CosignedTwice,
}

impl Contradiction {
    /// In one word; where there is evidence of it, the name of its kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::TwoEntries => "two-entries",
            Self::Seen => "seen",
            Self::FalseOutcome => "false-outcome",
            Self::Batches => "batches",
            Self::CosignedTwice => "cosigned-twice",
        }
    }

    /// Who did it.
    #[must_use]
    pub const fn against(self) -> Accused {
        match self {
            Self::Batches => Accused::Tsa,
            Self::CosignedTwice => Accused::Witness,
            Self::Fork | Self::TwoEntries | Self::Seen | Self::FalseOutcome => Accused::Broker,
        }
    }
}

/// Two files that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In what.
    pub kind: Contradiction,
    /// Which files, by their places among those given; the smaller first.
    pub files: [usize; 2],
    /// The room, where it is about one.
    pub room: Option<RoomName>,
    /// Who did it ([`Contradiction::against`]): a broker by its session key, a TSA by its stamp key, a
    /// witness by its key.
    pub by: Fingerprint,
    /// Whether its own word is among the files that the keys are its: without a certificate, whoever wrote the
    /// opening may have named a broker's key beside their own (V-077).
    pub is_certified: bool,
    /// What it did, for a person: a sentence without its subject.
    pub what: String,
    /// What shows it to others, if the files have all of it.
    pub evidence: Option<Evidence>,
}

/// A reveal room whose end an auction records truly. The hash there is over all of that room's log (V-145), so
/// what witnesses make final of the auction is final of the reveal room too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedEnd {
    /// The file with the reveal room, by its place among those given.
    pub reveal: usize,
    /// The file with the auction.
    pub auction: usize,
    /// Position of the entry there that records the end.
    pub entry: u64,
    /// Whether the auction's log is final.
    pub is_final: bool,
}

/// What files say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// In what they contradict each other.
    pub findings: Vec<Finding>,
    /// Which of them bear each other out.
    pub ends: Vec<RecordedEnd>,
}

/// What is compared.
#[derive(Debug)]
pub enum Compared<'a> {
    /// A transcript, a receipt or a letter.
    Examined(&'a Examined<'a>),
    /// Evidence that holds.
    Evidence(&'a Evidence),
    /// A file that says nothing.
    Nothing,
}

/// What the broker signed about a room, in one file.
struct Claim {
    file: usize,
    keys: BrokerKeys,
    size: u64,
    root: Digest,
    statement: Statement,
    opening: Option<String>,
}

/// An entry that is shown by itself.
struct Single<'a> {
    file: usize,
    receipt: &'a Receipt,
    seq: u64,
}

/// All that is known of one room under one broker.
#[derive(Default)]
struct Shelf<'a> {
    logs: Vec<(usize, &'a VerifiedLog<'a>)>,
    claims: Vec<Claim>,
    singles: Vec<Single<'a>>,
}

/// What all files together say.
#[derive(Default)]
struct Library<'a> {
    rooms: BTreeMap<(Fingerprint, RoomName), Shelf<'a>>,
    /// Certificates, each with the keys that it is for.
    certificates: Vec<(BrokerKeys, String)>,
}

/// Holds files against each other. Of two files that contradict each other in one thing, each thing is
/// found once.
#[must_use]
pub fn compare(files: &[Compared<'_>]) -> Comparison {
    let mut library = Library::default();
    let mut signers = Signers::default();
    for (file, compared) in files.iter().enumerate() {
        match compared {
            Compared::Examined(examined) => {
                library.take(file, &examined.found);
                signers.take(file, &examined.found);
            }
            Compared::Evidence(evidence) => {
                let parts = Parts::of(evidence);
                library.take_evidence(file, &parts);
                signers.evidence(file, &parts);
            }
            Compared::Nothing => {}
        }
    }
    let mut findings = Vec::new();
    for ((broker, room), shelf) in &library.rooms {
        let origin = Origin { broker: *broker, room: *room };
        library.forks(shelf, &origin, &mut findings);
        library.entries(shelf, &origin, &mut findings);
        library.seen(shelf, &origin, &mut findings);
    }
    let ends = library.outcomes(&mut findings);
    signers.tell(&mut findings);
    Comparison { findings, ends }
}

impl<'a> Library<'a> {
    fn shelf(&mut self, broker: Fingerprint, room: RoomName) -> &mut Shelf<'a> {
        self.rooms.entry((broker, room)).or_default()
    }

    fn certify(&mut self, keys: BrokerKeys, certificate: &str) {
        if !self.certificates.iter().any(|(known, _)| *known == keys) {
            self.certificates.push((keys, certificate.to_owned()));
        }
    }

    fn certificate(&self, keys: &BrokerKeys) -> Option<String> {
        let found = self.certificates.iter().find(|(known, _)| known == keys);
        found.map(|(_, certificate)| certificate.clone())
    }

    fn take(&mut self, file: usize, found: &'a Found<'a>) {
        match found {
            Found::Log(log) => self.take_log(file, log),
            Found::Receipt(both) => self.take_receipt(file, &both.0, &both.1),
            Found::Letter(both) => {
                let receipts = both.1.receipts(&both.0).into_iter();
                receipts.for_each(|(receipt, shown)| self.take_receipt(file, receipt, shown));
            }
            Found::Deposit(both) => {
                let receipts = both.1.receipts(&both.0).into_iter();
                receipts.for_each(|(receipt, shown)| self.take_receipt(file, receipt, shown));
            }
            Found::Certificate(_) | Found::Nothing(_) => {}
        }
    }

    fn take_receipt(&mut self, file: usize, receipt: &'a Receipt, shown: &VerifiedReceipt) {
        let (size, root, keys) = (shown.size, shown.root, shown.terms.broker);
        let statement = Statement::Head(receipt.head.clone());
        let opening = Some(receipt.opening.clone());
        let shelf = self.shelf(shown.broker, shown.room);
        shelf.claims.push(Claim { file, keys, size, root, statement, opening });
        shelf.singles.push(Single { file, receipt, seq: shown.seq });
    }

    fn take_log(&mut self, file: usize, log: &'a VerifiedLog<'a>) {
        let (origin, keys) = (log.origin(), log.room().terms().broker);
        if let Some(certificate) = log.certificate() {
            self.certify(keys, certificate);
        }
        self.shelf(origin.broker, origin.room).logs.push((file, log));
        let Some(reveal) = RevealRoom::of(log.room()) else { return };
        let (auction, root) = (reveal.opening().auction, reveal.opening().root);
        // A room that opens is a statement about the log of its auction.
        let size = reveal.opening().settled.saturating_add(1);
        let statement = Statement::Reveal(log.opening().to_owned());
        let claim = Claim { file, keys, size, root, statement, opening: None };
        self.shelf(origin.broker, auction).claims.push(claim);
    }

    fn take_evidence(&mut self, file: usize, parts: &Parts<'a>) {
        for stated in &parts.stated {
            let statement = stated.statement.clone();
            self.take_statement(file, &stated.opening, &stated.certificate, statement);
        }
        for receipt in &parts.receipts {
            let Ok(shown) = verify::receipt(receipt) else { continue };
            let single = Single { file, receipt, seq: shown.seq };
            self.shelf(shown.broker, shown.room).singles.push(single);
        }
    }

    fn take_statement(
        &mut self,
        file: usize,
        opening: &str,
        certificate: &str,
        statement: Statement,
    ) {
        let Ok(action) = Action::parse(opening) else { return };
        let Some(terms) = action.body().terms() else { return };
        let (keys, room) = (terms.broker, action.room());
        let origin = Origin { broker: keys.session.fingerprint(), room };
        let Ok((size, root)) = statement.open(&origin, &keys) else { return };
        let certified = BrokerCertificate::open(certificate, origin.broker);
        if certified.is_ok_and(|certificate| certificate.keys == keys) {
            self.certify(keys, certificate);
        }
        let opening = Some(opening.to_owned());
        let claim = Claim { file, keys, size, root, statement, opening };
        self.shelf(origin.broker, room).claims.push(claim);
    }

    /// What is signed about one log and does not fit together.
    fn forks(&self, shelf: &Shelf<'_>, origin: &Origin, findings: &mut Vec<Finding>) {
        for (at, (file, log)) in shelf.logs.iter().enumerate() {
            for (other_file, other) in shelf.logs.iter().skip(at.saturating_add(1)) {
                let (larger, smaller) =
                    if log.size() >= other.size() { (log, other) } else { (other, log) };
                let size = smaller.size();
                if log.room().terms().broker != other.room().terms().broker {
                    continue;
                }
                if larger.root(size) == smaller.root(size) {
                    continue;
                }
                let fork = self.fork_with(larger, Statement::Head(smaller.head().to_owned()), size);
                let certified = self.is_certified(&log.room().terms().broker);
                found_fork([*file, *other_file], origin, certified, fork, findings);
            }
            for claim in &shelf.claims {
                let Some(root) = log.root(claim.size) else { continue };
                // A reveal room of other keys says nothing about this log, whatever it names.
                if root != claim.root && claim.keys == log.room().terms().broker {
                    let fork = self.fork_with(log, claim.statement.clone(), claim.size);
                    let certified = self.is_certified(&claim.keys);
                    found_fork([*file, claim.file], origin, certified, fork, findings);
                }
            }
        }
        for (at, claim) in shelf.claims.iter().enumerate() {
            for other in shelf.claims.iter().skip(at.saturating_add(1)) {
                if claim.size == other.size && claim.root != other.root && claim.keys == other.keys
                {
                    let fork = self.fork_between(claim, other);
                    let certified = self.is_certified(&claim.keys);
                    found_fork([claim.file, other.file], origin, certified, fork, findings);
                }
            }
        }
    }

    fn fork_with(&self, log: &VerifiedLog<'_>, smaller: Statement, size: u64) -> Option<Fork> {
        Some(Fork {
            certificate: self.certificate(&log.room().terms().broker)?,
            opening: log.opening().to_owned(),
            larger: Statement::Head(log.head().to_owned()),
            smaller,
            root: log.root(size)?,
            path: log.consistency(size)?,
        })
    }

    fn fork_between(&self, claim: &Claim, other: &Claim) -> Option<Fork> {
        Some(Fork {
            certificate: self.certificate(&claim.keys)?,
            opening: claim.opening.clone().or_else(|| other.opening.clone())?,
            larger: claim.statement.clone(),
            smaller: other.statement.clone(),
            root: claim.root,
            path: Vec::new(),
        })
    }

    /// Entries at one position that differ.
    fn entries(&self, shelf: &Shelf<'_>, origin: &Origin, findings: &mut Vec<Finding>) {
        for (at, single) in shelf.singles.iter().enumerate() {
            let mut others: Vec<(usize, Receipt)> = Vec::new();
            for other in shelf.singles.iter().skip(at.saturating_add(1)) {
                if other.seq == single.seq && other.receipt.entry != single.receipt.entry {
                    others.push((other.file, other.receipt.clone()));
                }
            }
            for (file, log) in &shelf.logs {
                let logged = usize::try_from(single.seq).ok().and_then(|at| log.entries().nth(at));
                if logged.is_some_and(|(entry, _)| entry != single.receipt.entry) {
                    others.extend(log.receipt(single.seq).map(|receipt| (*file, receipt)));
                }
            }
            for (file, other) in others {
                let certificate =
                    verify_keys(&single.receipt.opening).and_then(|keys| self.certificate(&keys));
                let receipts = [single.receipt.clone(), other];
                let evidence = certificate
                    .map(|certificate| Evidence::TwoEntries(TwoEntries { certificate, receipts }));
                let seq = single.seq;
                let what = format!("signed two logs with different entries at position {seq}");
                let kind = Contradiction::TwoEntries;
                let certified = evidence.is_some();
                found(kind, [single.file, file], (origin, certified), what, evidence, findings);
            }
        }
    }

    /// Auctions and the reveal rooms that follow from them (V-145).
    fn outcomes(&self, findings: &mut Vec<Finding>) -> Vec<RecordedEnd> {
        let logs = || self.rooms.values().flat_map(|shelf| &shelf.logs);
        let mut ends = Vec::new();
        for (reveal, private) in logs() {
            for (auction, log) in logs() {
                match recording(log, private) {
                    Recording::Unrelated | Recording::NotYet => {}
                    Recording::True { entry } => {
                        let (reveal, auction, is_final) = (*reveal, *auction, log.is_final());
                        ends.push(RecordedEnd { reveal, auction, entry, is_final });
                    }
                    Recording::False { what } => {
                        let both = self.whole(log).zip(self.whole(private));
                        let evidence = both.map(|(auction, reveal)| {
                            Evidence::FalseOutcome(FalseOutcome { auction, reveal })
                        });
                        let kind = Contradiction::FalseOutcome;
                        let of = (log.origin(), evidence.is_some());
                        found(kind, [*auction, *reveal], of, what, evidence, findings);
                    }
                }
            }
        }
        ends.sort_unstable_by_key(|end| (end.reveal, end.auction));
        ends
    }

    /// What authors of single entries had seen, by the logs that are here whole.
    fn seen(&self, shelf: &Shelf<'_>, origin: &Origin, findings: &mut Vec<Finding>) {
        for single in &shelf.singles {
            let action = Entry::parse(&single.receipt.entry)
                .ok()
                .and_then(|entry| Action::parse(&entry.action).ok());
            let Some(had_seen) = action.map(|action| action.seen()) else { continue };
            for (file, log) in &shelf.logs {
                let shown = log.root(had_seen.size).filter(|_| had_seen.size > 0);
                if shown.is_some_and(|root| root != had_seen.root) {
                    let what = format!(
                        "took an action of which the author had seen another log of {} entries",
                        had_seen.size
                    );
                    let files = [single.file, *file];
                    let certified = self.is_certified(&log.room().terms().broker);
                    found(Contradiction::Seen, files, (origin, certified), what, None, findings);
                }
            }
        }
    }

    fn is_certified(&self, keys: &BrokerKeys) -> bool {
        self.certificates.iter().any(|(known, _)| known == keys)
    }

    /// The transcript of a log with the broker's certificate, wherever that was.
    fn whole(&self, log: &VerifiedLog<'_>) -> Option<String> {
        let certificate = self.certificate(&log.room().terms().broker)?;
        let entries = log.entries().map(|(entry, header)| Logged { entry, header });
        Some(transcript(Some(&certificate), entries, log.head()))
    }
}

fn verify_keys(opening: &str) -> Option<BrokerKeys> {
    Action::parse(opening).ok()?.body().terms().map(|terms| terms.broker)
}

fn found_fork(
    files: [usize; 2],
    origin: &Origin,
    certified: bool,
    fork: Option<Fork>,
    findings: &mut Vec<Finding>,
) {
    let evidence = fork.map(Evidence::Fork);
    let what = "signed two histories of one log".to_owned();
    found(Contradiction::Fork, files, (origin, certified), what, evidence, findings);
}

fn found(
    kind: Contradiction,
    files: [usize; 2],
    (origin, is_certified): (&Origin, bool),
    what: String,
    evidence: Option<Evidence>,
    findings: &mut Vec<Finding>,
) {
    let (room, by) = (Some(origin.room), origin.broker);
    add(Finding { kind, files, room, by, is_certified, what, evidence }, findings);
}

/// Adds what was found, each thing of two files once.
fn add(mut finding: Finding, findings: &mut Vec<Finding>) {
    // Evidence contradicts itself: that is what it is for.
    let [first, second] = finding.files;
    if first == second {
        return;
    }
    finding.files.sort_unstable();
    let of = |finding: &Finding| (finding.kind, finding.files, finding.by);
    let same = findings.iter().position(|other| of(other) == of(&finding));
    let same = same.and_then(|at| findings.get_mut(at));
    if same.as_ref().is_some_and(|other| other.evidence.is_some()) {
        return;
    }
    // Evidence says more exactly what it shows; where it shows nothing, nothing was found.
    match finding.evidence.as_ref().map(Evidence::verify) {
        Some(Ok(shown)) => finding.what = shown.what,
        Some(Err(_)) => return,
        None => {}
    }
    match same {
        Some(other) => *other = finding,
        None => findings.push(finding),
    }
}

#[cfg(test)]
mod tests;
