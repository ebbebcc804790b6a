//! Judging a transcript, line by line (V-060).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::auction::{Notes, Recorded};
use super::{Examined, Fault, Found, Rule, Standing, Subject, Verdict, reveal};
use crate::log::merkle::{self, Tree};
use crate::log::stamp::VerifiedBatch;
use crate::log::transcript::{Transcript, TranscriptLine};
use crate::log::{Cosignature, Entry, Head, Origin, Receipt, cosignature};
use crate::room::action::Action;
use crate::room::{Auction, Code, Replay, ReplayError, RevealRoom, Room, Stamped, Terms};
use crate::trust::broker::BrokerCertificate;
use crate::trust::witness::Operator;
use crate::value::codec::Digest;

/// A log that holds, with all that it takes to compare it with others.
#[derive(Debug)]
pub struct VerifiedLog<'a> {
    room: Room,
    origin: Origin,
    certificate: Option<String>,
    opening: String,
    head: String,
    entries: Vec<(&'a str, Arc<str>)>,
    batches: Vec<VerifiedBatch>,
    leaves: Vec<Digest>,
    /// Root of the log with each entry.
    roots: Vec<Digest>,
    notes: Notes,
    /// What named witnesses signed over the head, with the operator of each.
    cosigned: Vec<(Operator, Cosignature)>,
    is_final: bool,
}

impl VerifiedLog<'_> {
    /// The fold of the whole log.
    #[must_use]
    pub const fn room(&self) -> &Room {
        &self.room
    }

    /// Which log it is.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The broker's certificate (compact JWS) for the keys in the opening, if it was there.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// The opening action (compact JWS).
    #[must_use]
    pub fn opening(&self) -> &str {
        &self.opening
    }

    /// The signed head over all of it.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Every entry with its batch header, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(entry, header)| (*entry, &**header))
    }

    /// Every batch header that an entry names, in the order in which the log brings them.
    pub fn batches(&self) -> impl Iterator<Item = &VerifiedBatch> {
        self.batches.iter()
    }

    /// Everything in it that named witnesses signed, each with the head that it is over: its own head, and
    /// the one that ends with `closed` (V-142).
    pub fn cosignatures(&self) -> impl Iterator<Item = (Head, Cosignature)> {
        let own = self.room.ledger().head();
        let own = Head { origin: self.origin, size: own.size, root: own.root };
        let closing = Auction::of(&self.room).and_then(|auction| auction.closing());
        let dated = closing
            .into_iter()
            .flat_map(|closing| self.notes.dated().iter().map(move |date| (closing.head, *date)));
        self.cosigned.iter().map(move |(_, signed)| (own, *signed)).chain(dated)
    }

    /// Whether named witnesses made all of it final (V-141).
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.is_final
    }

    /// The root that it had at a size.
    #[must_use]
    pub fn root(&self, size: u64) -> Option<Digest> {
        match size.checked_sub(1) {
            None => Some(merkle::empty_root()),
            Some(at) => self.roots.get(usize::try_from(at).ok()?).copied(),
        }
    }

    /// Consistency proof from a smaller size to the whole.
    #[must_use]
    pub fn consistency(&self, smaller: u64) -> Option<Vec<Digest>> {
        merkle::consistency_path(&Tree::new(self.leaves.clone()), smaller, self.size())
    }

    /// A receipt of an entry, by the head over all of it.
    #[must_use]
    pub fn receipt(&self, seq: u64) -> Option<Receipt> {
        let (entry, header) = self.entries.get(usize::try_from(seq).ok()?)?;
        Some(Receipt {
            opening: self.opening.clone(),
            header: header.to_string(),
            entry: (*entry).to_owned(),
            path: Tree::new(self.leaves.clone()).path(seq)?,
            head: self.head.clone(),
        })
    }

    /// How it says that its reveal rooms ended; nothing in a room that is no auction.
    #[must_use]
    pub fn recorded(&self) -> &[Recorded] {
        self.notes.recorded()
    }

    fn verdict(&self) -> Verdict {
        let (auction, revealed) = (Auction::of(&self.room), RevealRoom::of(&self.room));
        let terms = self.room.terms();
        let is_settled = self.room.is_complete() && (self.is_final || terms.witnesses.is_empty());
        let standing = if is_settled { Standing::Valid } else { Standing::Incomplete };
        let seen = self.room.ledger().head();
        let operators: BTreeSet<&Operator> = self.cosigned.iter().map(|(by, _)| by).collect();
        let (cosigned, is_final) = (operators.into_iter().cloned().collect(), self.is_final);
        let verdict = Verdict::bare(Subject::Room(self.room.kind()), standing).with_terms(terms);
        let mut verdict = verdict.with_head(seen.size, seen.root, cosigned, is_final);
        verdict.room = Some(self.origin.room);
        verdict.certified = Some(self.certificate.is_some());
        verdict.auction = auction.map(|auction| self.notes.shown(auction));
        verdict.reveal = revealed.map(reveal::shown);
        verdict
    }
}

/// Which rule is broken, where, and why, for a person.
struct Broken {
    rule: Rule,
    entry: Option<u64>,
    fault: Fault,
}

impl Broken {
    fn new(rule: Rule, why: &str) -> Self {
        Self { rule, entry: None, fault: Fault::text(why) }
    }
}

/// What was read of a transcript so far.
#[derive(Default)]
struct Reading<'a> {
    replay: Replay,
    /// Of which kind the room is, once its opening is read.
    kind: Option<Subject>,
    certificate: Option<(String, BrokerCertificate)>,
    entries: Vec<(&'a str, Arc<str>)>,
    batches: Vec<VerifiedBatch>,
    opening: String,
    leaves: Vec<Digest>,
    roots: Vec<Digest>,
    notes: Notes,
}

pub(super) fn examine<'a>(transcript: &Transcript<'a>) -> Examined<'a> {
    let mut reading = Reading::default();
    let read = transcript.lines().try_for_each(|line| reading.line(line));
    let kind = reading.kind.unwrap_or(Subject::Unknown);
    match read.and_then(|()| reading.finish(transcript.head())) {
        Ok(log) => Examined { verdict: log.verdict(), found: Found::Log(Box::new(log)) },
        Err(Broken { rule, entry, fault }) => {
            Examined { verdict: Verdict::invalid(kind, rule, entry), found: Found::Nothing(fault) }
        }
    }
}

impl<'a> Reading<'a> {
    fn line(&mut self, line: TranscriptLine<'a>) -> Result<(), Broken> {
        match line {
            TranscriptLine::Certificate(compact) => self.certificate(compact),
            TranscriptLine::Header(header) => {
                self.replay.header(header).map_err(|error| self.broken(&error))
            }
            TranscriptLine::Entry(text) => self.entry(text),
        }
    }

    fn certificate(&mut self, compact: Option<String>) -> Result<(), Broken> {
        let no = || Broken::new(Rule::CERTIFICATE, "the broker's certificate does not hold");
        let compact = compact.ok_or_else(no)?;
        let certificate = BrokerCertificate::read(&compact).map_err(|_| no())?;
        self.certificate = Some((compact, certificate));
        Ok(())
    }

    fn entry(&mut self, text: &'a str) -> Result<(), Broken> {
        let seq = self.next();
        self.notes.before(self.replay.room());
        let pushed = self.replay.push(text);
        if seq == 0 {
            self.opened(text, &pushed)?;
        }
        let stamped = pushed.map_err(|error| self.broken(&error))?;
        if seq == 0 {
            stamped.action().compact().clone_into(&mut self.opening);
        }
        self.notes.after(seq, &stamped);
        self.entries.push((text, stamped.batch().shared()));
        if self.batches.last().is_none_or(|last| last.hash() != stamped.batch().hash()) {
            self.batches.push(stamped.batch().clone());
        }
        self.leaves.push(merkle::leaf_hash(text.as_bytes()));
        self.roots.extend(self.replay.room().map(|room| room.ledger().head().root));
        Ok(())
    }

    /// Takes note of what the first entry opens, as soon as its action was read and whatever else is
    /// wrong with it; the certificate has to be for the keys in it.
    fn opened(&mut self, text: &str, pushed: &Result<Stamped, ReplayError>) -> Result<(), Broken> {
        let judged_to_the_stamp =
            matches!(pushed, Ok(_) | Err(ReplayError::Stamp { .. } | ReplayError::Rule { .. }));
        if !judged_to_the_stamp {
            return Ok(());
        }
        let action = Entry::parse(text).ok().and_then(|entry| Action::parse(&entry.action).ok());
        let Some((terms, action)) =
            action.and_then(|action| Some((action.body().terms()?, action)))
        else {
            return Ok(());
        };
        self.kind = action.body().kind().map(Subject::Room);
        let other = |(_, certificate): &(_, BrokerCertificate)| certificate.keys != terms.broker;
        if self.certificate.as_ref().is_some_and(other) {
            let why = "the broker's certificate is for other keys than the room's opening names";
            return Err(Broken::new(Rule::CERTIFICATE, why));
        }
        Ok(())
    }

    /// The position of the entry that is next, or broken.
    fn next(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn broken(&self, error: &ReplayError) -> Broken {
        let rule = Rule::of_replay(error);
        Broken { rule, entry: Some(self.next()), fault: Fault::of(error) }
    }

    fn finish(self, note: Option<String>) -> Result<VerifiedLog<'a>, Broken> {
        let room = match self.replay.finish() {
            Ok(Some(room)) => room,
            Ok(None) => return Err(Broken::new(Rule::LOG, "the log is empty")),
            Err(error) => {
                let fault = Fault::of(&error);
                let entry = Some(self.leaves.len() as u64);
                return Err(Broken { rule: Rule::of_replay(&error), entry, fault });
            }
        };
        match room.cut_short() {
            None => {}
            Some(Code::HandedPair) => {
                let why = "the log ends with a registered letter that was accepted: it was not handed over";
                return Err(Broken::new(Rule::HANDED, why));
            }
            Some(_) => {
                let why = "the log ends between the two disclosures: one of them is missing";
                return Err(Broken::new(Rule::PAIR, why));
            }
        }
        let malformed = || Broken::new(Rule::HEAD, "the head is malformed");
        let note = note.ok_or_else(malformed)?;
        let origin = origin(&room);
        let (cosigned, is_final) = judge_head(&note, &room, &origin)?;
        Ok(VerifiedLog {
            origin,
            certificate: self.certificate.map(|(compact, _)| compact),
            opening: self.opening,
            head: note,
            entries: self.entries,
            batches: self.batches,
            leaves: self.leaves,
            roots: self.roots,
            notes: self.notes,
            cosigned,
            is_final,
            room,
        })
    }
}

fn origin(room: &Room) -> Origin {
    let Terms { broker, .. } = room.terms();
    Origin { broker: broker.session.fingerprint(), room: room.ledger().name() }
}

/// Judges the head over a whole log: who cosigned it, and whether that makes it final.
fn judge_head(
    note: &str,
    room: &Room,
    origin: &Origin,
) -> Result<(Vec<(Operator, Cosignature)>, bool), Broken> {
    let no = |error: crate::log::HeadError| {
        let (rule, fault) = (Rule::of_head(&error), Fault::of(&error));
        Broken { rule, entry: None, fault }
    };
    let terms = room.terms();
    let head = Head::open(note, origin, &terms.broker.head).map_err(no)?;
    let cosigned = cosignature::cosignatures(note, &head, &terms.witnesses).map_err(no)?;
    let own = room.ledger().head();
    if (head.size, head.root) != (own.size, own.root) {
        let (signed, given) = (head.size, own.size);
        let why = match signed == given {
            true => "the broker signed another log of the same size".to_owned(),
            false => format!("the head is over {signed} entries, and there are {given} here"),
        };
        return Err(Broken::new(Rule::LOG, &why));
    }
    let is_final = terms.is_final(&cosigned);
    let signed = cosigned.into_iter().map(|(by, signed)| (by.operator.clone(), signed)).collect();
    Ok((signed, is_final))
}
