//! One batch of submissions: decide each in order, make all durable in one commit, only then answer.

use std::collections::HashMap;
use std::sync::Arc;

use pregao_protocol::broker::{Held as HeldWord, Refusal};
use pregao_protocol::codec::Digest;
use pregao_protocol::frame::FromBroker;
use pregao_protocol::log::Entry;
use pregao_protocol::merkle::{Appended, leaf_hash};
use pregao_protocol::room::{Accepted, Code, NotJudged, Stamped, Undecided};
use tokio::time::Instant;

use super::RoomTask;
use super::held;
use super::kinds::{Held, Objection, Role, View};
use super::{Handed, Reply};
use crate::check::{Author, Checked};
use crate::links::Link;
use crate::stamps::Newest;
use crate::store::{self, Answer, NewEntry, PendingChange, StoreError};

/// What one batch is about to make durable.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) entries: Vec<NewEntry>,
    pub(super) links: Vec<Link>,
    pub(super) pending: Vec<PendingChange>,
    pub(super) refusals: Vec<store::Refusal>,
    answers: Answers,
    answered: HashMap<Digest, Decided>,
}

#[derive(Debug, Clone)]
enum Decided {
    /// Logged at a position.
    Entry(u64),
    /// Refused, under the broker's signature.
    Refused(Arc<str>),
    /// Held until its counterpart is there.
    Held,
}

impl From<Answer> for Decided {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Entry { seq, .. } => Self::Entry(seq),
            Answer::Refusal(jws) => Self::Refused(jws.into()),
        }
    }
}

/// Answers that may be given once the batch is durable.
#[derive(Debug, Default)]
struct Answers {
    receipts: Vec<(u64, Reply)>,
    refused: Vec<(Arc<str>, Reply)>,
    promised: Vec<(String, Reply)>,
}

impl Answers {
    /// Nothing is durable: whoever handed something in may hand it in again.
    fn fail(self) {
        let replies = self.receipts.into_iter().map(|(_, reply)| reply);
        let replies = replies.chain(self.refused.into_iter().map(|(_, reply)| reply));
        let replies = replies.chain(self.promised.into_iter().map(|(_, reply)| reply));
        replies.for_each(|reply| reply.fail(Undecided::STORE_FAILED));
    }
}

impl Group {
    fn take_answers(&mut self) -> Answers {
        std::mem::take(&mut self.answers)
    }

    fn leaves(&self) -> Vec<Digest> {
        self.entries.iter().filter_map(|entry| entry.hashes.first().copied()).collect()
    }
}

impl RoomTask {
    /// Decides submissions in order (V-092) and makes the outcome durable.
    pub(super) async fn batch(&mut self, submissions: Vec<(Handed, Reply)>) {
        if submissions.is_empty() {
            return;
        }
        let paired = self.paired(&submissions);
        let before = self.answers_before(&submissions).await;
        let (Ok(()), Ok(answered)) = (self.may_commit().await, before) else {
            self.turned_away.note(paired, Instant::now());
            for (_, reply) in submissions {
                reply.fail(Undecided::STORE_FAILED);
            }
            return;
        };
        // Not before the fold agrees with the log again: one that ran ahead may be complete already.
        let was_complete = self.room.is_complete();
        let mut group = Group { answered, ..Group::default() };
        let mut frontier = self.room.ledger().frontier().clone();
        for (handed, reply) in submissions {
            self.decide_one(&handed, reply, &paired, &mut group).await;
        }
        let answers = group.take_answers();
        let appended = frontier.append(group.leaves());
        if self.commit(group).await.is_err() {
            answers.fail();
            self.turned_away.note(paired, Instant::now());
            return;
        }
        paired.iter().for_each(|(_, digest)| self.turned_away.settled(digest));
        self.answer_all(answers, &appended).await;
        if self.room.is_complete() && !was_complete {
            self.advance().await;
        }
    }

    async fn decide_one(
        &mut self,
        handed: &Handed,
        reply: Reply,
        paired: &[(Role, Digest)],
        group: &mut Group,
    ) {
        let digest = handed.action().digest();
        let decided = match handed {
            Handed::Checked(checked) => {
                self.house.metrics.submitted.add(1);
                let decided = self.decide(checked, group).await;
                self.house.metrics.failed.add(decided.is_err().into());
                decided
            }
            Handed::Repeated(_, code) => self.decided_before(digest, group).ok_or(*code),
        };
        match decided {
            Ok(Decided::Entry(seq)) => group.answers.receipts.push((seq, reply)),
            Ok(Decided::Refused(refusal)) => group.answers.refused.push((refusal, reply)),
            Ok(Decided::Held) => match self.word_of_holding(digest) {
                Some(word) => group.answers.promised.push((word, reply)),
                None => reply.fail(Undecided::STORE_FAILED),
            },
            Err(code) => {
                if code == Undecided::STORE_FAILED {
                    let this = paired.iter().filter(|(_, other)| *other == digest);
                    self.turned_away.note(this.copied(), Instant::now());
                }
                reply.fail(code);
            }
        }
    }

    /// Tells everybody what is durable now.
    async fn answer_all(&self, answers: Answers, appended: &Appended) {
        for (seq, reply) in answers.receipts {
            let head = self.head.to_string();
            match appended.inclusion_path(seq) {
                Some(path) => {
                    let n = reply.n;
                    reply.send(FromBroker::Receipt { n, seq, path, head });
                }
                None => self.receipt(seq, reply).await,
            }
        }
        for (refusal, reply) in answers.refused {
            let n = reply.n;
            reply.send(FromBroker::Refused { n, refusal: refusal.to_string() });
        }
        for (held, reply) in answers.promised {
            let n = reply.n;
            reply.send(FromBroker::Held { n, held });
        }
    }

    /// What among the submissions is held until its counterpart is there.
    fn paired(&self, submissions: &[(Handed, Reply)]) -> Vec<(Role, Digest)> {
        let actions = submissions.iter().filter_map(|(handed, _)| match handed {
            Handed::Checked(checked) => Some(checked.stamped().action()),
            Handed::Repeated(..) => None,
        });
        let role = |action| self.policy.role(&self.room, action);
        actions.filter_map(|action| Some((role(action)?, action.digest()))).collect()
    }

    /// Decides one action: door rules may only refuse, the fold has the last word.
    async fn decide(&mut self, checked: &Checked, group: &mut Group) -> Result<Decided, Undecided> {
        let stamped = checked.stamped();
        let digest = stamped.action().digest();
        if let Some(before) = self.decided_before(digest, group) {
            return Ok(before);
        }
        let newest = self.house.stamps.newest().map_err(|_| Undecided::TSA_DOWN)?;
        let judged = self.room.judge(stamped).map_err(Objection::from).and_then(|accepted| {
            self.admit(checked, &newest)?;
            Ok(accepted)
        });
        match judged {
            Ok(accepted) => {
                if let Some(role) = self.policy.role(&self.room, stamped.action()) {
                    return self.pair_up(role, stamped, group).await;
                }
                if let Author::Persona { persona, blind } = checked.author()
                    && !self.room.is_complete()
                {
                    group.links.push(Link {
                        key: *stamped.action().key(),
                        persona: *persona,
                        blind: blind.clone(),
                        action: stamped.action().id(),
                    });
                }
                let seq = accepted.seq();
                self.include(&accepted, stamped, group).map_err(not_taken)?;
                group.answered.insert(digest, Decided::Entry(seq));
                Ok(Decided::Entry(seq))
            }
            Err(objection) => {
                let jws = self.refuse(stamped, objection, &newest);
                group.refusals.push(store::Refusal { digest, jws: Arc::clone(&jws) });
                let decided = Decided::Refused(jws);
                group.answered.insert(digest, decided.clone());
                Ok(decided)
            }
        }
    }

    /// Door rules (SPEC 7.3): those of every room, then those of its kind.
    fn admit(&self, checked: &Checked, newest: &Newest) -> Result<(), Objection> {
        let stamped = checked.stamped();
        // It was not old when the house could not store it.
        let excused = self.turned_away.contains(&stamped.action().digest());
        let stale = stamped.time().plus(self.room.terms().freshness) < newest.shown_now();
        if stale && !excused {
            return Err(Code::DoorStale.into());
        }
        let view = View {
            house: &self.house,
            room: &self.room,
            opener: self.opener.as_ref(),
            held: &self.held,
            patience: None,
        };
        self.policy.admit(view, checked)
    }

    /// What the same bytes were answered before, in an earlier batch or in this one.
    fn decided_before(&self, digest: Digest, group: &Group) -> Option<Decided> {
        let is_held = || self.held.iter().any(|held| held.stamped.action().digest() == digest);
        let answered = group.answered.get(&digest).cloned();
        answered.or_else(|| is_held().then_some(Decided::Held))
    }

    fn refuse(&self, stamped: &Stamped, objection: Objection, newest: &Newest) -> Arc<str> {
        let Objection { code, same_author } = objection;
        let seen = self.room.ledger().head();
        let refusal = Refusal {
            digest: stamped.action().digest(),
            room: self.name,
            stamp: stamped.batch().hash(),
            code,
            size: seen.size,
            root: seen.root,
            batch: newest.batch.hash(),
            same_author,
            header: (code == Code::DoorStale).then(|| newest.batch.compact().to_owned()),
        };
        refusal.sign(&self.house.keys.entry).into()
    }

    /// Appends what the fold accepted to fold and group.
    ///
    /// # Errors
    /// [`NotJudged`].
    pub(super) fn include(
        &mut self,
        accepted: &Accepted,
        stamped: &Stamped,
        group: &mut Group,
    ) -> Result<(), NotJudged> {
        let entry = Entry {
            seq: accepted.seq(),
            action: stamped.action().compact().to_owned(),
            stamp: stamped.stamp().clone(),
        };
        let text: Arc<str> = entry.encode().into();
        let hashes = self.room.append(accepted, stamped, leaf_hash(text.as_bytes()))?;
        if self.room.is_complete() {
            // What one side handed in alone is never released.
            for held in self.held.drain(..) {
                group.pending.push(PendingChange::Release { role: held.role.to_owned() });
            }
        }
        let digest = stamped.action().digest();
        let (seq, header) = (accepted.seq(), stamped.batch().into());
        group.entries.push(NewEntry { seq, text, header, digest, hashes });
        Ok(())
    }

    /// A receipt for an entry of an earlier batch, proved from the store.
    async fn receipt(&self, seq: u64, reply: Reply) {
        let size = self.room.ledger().head().size;
        let n = reply.n;
        match self.house.inclusion(self.name, seq, size).await {
            Some(path) => {
                reply.send(FromBroker::Receipt { n, seq, path, head: self.head.to_string() });
            }
            None => reply.fail(Undecided::STORE_FAILED),
        }
    }

    /// What the same bytes were answered before, for every submission of a batch: that answer
    /// stands, whatever would be decided now (SPEC 9).
    async fn answers_before(
        &self,
        submissions: &[(Handed, Reply)],
    ) -> Result<HashMap<Digest, Decided>, StoreError> {
        let digests: Vec<Digest> =
            submissions.iter().map(|(handed, _)| handed.action().digest()).collect();
        let answers = self.house.read(move |log| {
            let mut answers = HashMap::new();
            for digest in digests {
                if let Some(answer) = log.answer(&digest)? {
                    answers.insert(digest, answer);
                }
            }
            Ok(answers)
        });
        let answers = answers.await?.into_iter();
        Ok(answers.map(|(digest, answer)| (digest, Decided::from(answer))).collect())
    }
}

/// Holding an action until its counterpart is there.
impl RoomTask {
    /// Holds an action until its counterpart is there, then includes both, the older stamp first.
    async fn pair_up(
        &mut self,
        role: Role,
        stamped: &Stamped,
        group: &mut Group,
    ) -> Result<Decided, Undecided> {
        let Some(other) = self.held.pop() else { return self.hold(role, stamped, group).await };
        let mut pair = [other.stamped.clone(), stamped.clone()];
        pair.sort_by_key(Stamped::time);
        if let Err(error) = self.accepts_both(&pair) {
            self.held.push(other);
            // Each alone is acceptable: only their stamps can contradict each other.
            tracing::error!(%error, "two actions do not go together: the TSA contradicts itself");
            return Err(Undecided::TSA_DOWN);
        }
        group.pending.push(PendingChange::Release { role: other.role.to_owned() });
        for each in &pair {
            let accepted = self.room.judge(each).map_err(not_taken)?;
            let seq = accepted.seq();
            self.include(&accepted, each, group).map_err(not_taken)?;
            group.answered.insert(each.action().digest(), Decided::Entry(seq));
        }
        let decided = group.answered.get(&stamped.action().digest()).cloned();
        decided.ok_or_else(|| not_taken(NotJudged))
    }

    async fn hold(
        &mut self,
        role: Role,
        stamped: &Stamped,
        group: &mut Group,
    ) -> Result<Decided, Undecided> {
        let sealed = self.house.seal_held(self.name, held::payload(stamped)).await;
        let payload = sealed.map_err(|error| {
            tracing::error!(%error, "an action could not be sealed to be held");
            Undecided::STORE_FAILED
        })?;
        let payload = payload.into();
        group.pending.push(PendingChange::Hold { role: role.to_owned(), payload });
        self.held.push(Held { role, stamped: stamped.clone() });
        Ok(Decided::Held)
    }

    /// The signed word that an action is held, with the stamp that it was held with.
    fn word_of_holding(&self, digest: Digest) -> Option<String> {
        let held = self.held.iter().find(|held| held.stamped.action().digest() == digest)?;
        let stamp = held.stamped.batch().hash();
        Some(HeldWord { digest, room: self.name, stamp }.sign(&self.house.keys.entry))
    }

    /// Whether the fold takes both, one after the other: half a pair is never logged.
    fn accepts_both(&self, pair: &[Stamped; 2]) -> Result<(), Code> {
        let mut trial = self.room.clone();
        for each in pair {
            let accepted = trial.judge(each)?;
            let leaf = leaf_hash(each.action().compact().as_bytes());
            trial.append(&accepted, each, leaf).map_err(|NotJudged| Code::VerbPhase)?;
        }
        Ok(())
    }
}

/// What was judged acceptable a moment ago is not: a fault of this program, told as one of its
/// store, for nothing was decided.
fn not_taken(error: impl std::fmt::Display) -> Undecided {
    tracing::error!(%error, "an action that the fold accepts was not taken");
    Undecided::STORE_FAILED
}

#[cfg(test)]
mod tests;
