//! One batch of submissions: decide each in order, make all durable in one commit, only then answer.

use std::collections::HashMap;
use std::sync::Arc;

use pregao_protocol::log::Entry;
use pregao_protocol::log::merkle::{Appended, leaf_hash};
use pregao_protocol::room::action::{Action, Draft, Seen};
use pregao_protocol::room::body::Body;
use pregao_protocol::room::{Accepted, Access, Code, NotJudged, Stamped, Undecided};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::refusal::{Held, Refusal};
use tokio::time::Instant;

use super::RoomTask;
use super::Submitted;
use super::held;
use super::kinds::{HeldAction, Hindrance, Objection, Role, RoomView};
use crate::check::{Author, Checked};
use crate::links::AuthorLink;
use crate::responder::Responder;
use crate::store::{self, NewEntry, PendingChange, StoreError, StoredAnswer};
use crate::tsa::stamps::NewestBatch;

/// What one batch is about to make durable.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) entries: Vec<NewEntry>,
    pub(super) links: Vec<AuthorLink>,
    pub(super) pending: Vec<PendingChange>,
    pub(super) refusals: Vec<store::StoredRefusal>,
    answers: Answers,
    answered: HashMap<Digest, Outcome>,
}

#[derive(Debug, Clone)]
enum Outcome {
    /// Logged at a position.
    Entry(u64),
    /// Refused, under the broker's signature.
    Refused(Arc<str>),
    /// Held until its counterpart is there.
    Held,
}

impl From<StoredAnswer> for Outcome {
    fn from(answer: StoredAnswer) -> Self {
        match answer {
            StoredAnswer::Entry { seq, .. } => Self::Entry(seq),
            StoredAnswer::Refusal(jws) => Self::Refused(jws.into()),
        }
    }
}

/// Where an action stands in the log.
#[derive(Debug, Clone, Copy)]
struct Place {
    seq: u64,
    /// Entries of the log right behind it, with what the broker logs in one commit with it.
    covered: u64,
}

/// Answers that may be given once the batch is durable.
#[derive(Debug, Default)]
struct Answers {
    receipts: Vec<(Place, Responder)>,
    refused: Vec<(Arc<str>, Responder)>,
    promised: Vec<(String, Responder)>,
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
    /// Decides submissions in order (V-092) and makes the outcome durable. True if that completed the
    /// room, or brought its next step forward, as a bid does that buys.
    pub(super) async fn batch(&mut self, submissions: Vec<(Submitted, Responder)>) -> bool {
        if submissions.is_empty() {
            return false;
        }
        let paired = self.paired(&submissions);
        let before = self.answers_before(&submissions).await;
        let (Ok(()), Ok(answered)) = (self.may_commit().await, before) else {
            self.turned_away.note(paired, Instant::now());
            for (_, reply) in submissions {
                reply.fail(Undecided::STORE_FAILED);
            }
            return false;
        };
        // Not before the fold agrees with the log again: one that ran ahead may be complete already.
        let was_complete = self.room.is_complete();
        let was_due = self.policy.due(&self.room);
        let mut group = Group { answered, ..Group::default() };
        let paid = self.pay(&submissions, &group).await;
        let mut frontier = self.room.ledger().frontier().clone();
        for ((handed, reply), paid) in submissions.into_iter().zip(paid) {
            self.decide_one(&handed, (reply, paid), &paired, &mut group).await;
        }
        let answers = group.take_answers();
        let appended = frontier.append(group.leaves());
        if self.commit(group).await.is_err() {
            answers.fail();
            self.turned_away.note(paired, Instant::now());
            return false;
        }
        paired.iter().for_each(|(_, digest)| self.turned_away.settled(digest));
        self.answer_all(answers, &appended).await;
        let is_due = self.policy.due(&self.room);
        let sooner = is_due.is_some_and(|is_due| was_due.is_none_or(|was_due| is_due < was_due));
        sooner || (self.room.is_complete() && !was_complete)
    }

    async fn decide_one(
        &mut self,
        handed: &Submitted,
        (reply, paid): (Responder, Result<(), Undecided>),
        paired: &[(Role, Digest)],
        group: &mut Group,
    ) {
        let digest = handed.action().digest();
        let decided = match (handed, paid) {
            (Submitted::Checked(_), Err(code)) => self.decided_before(digest, group).ok_or(code),
            (Submitted::Repeated(action, code), _) => {
                let fresh =
                    || if self.is_within_pace(action) { *code } else { Undecided::DOOR_RATE };
                self.decided_before(digest, group).ok_or_else(fresh)
            }
            (Submitted::Checked(checked), Ok(())) => {
                self.shared.metrics.submitted.add(1);
                let decided = self.decide(checked, &reply, group).await;
                self.shared.metrics.failed.add(decided.is_err().into());
                decided
            }
        };
        match decided {
            Ok(Outcome::Entry(seq)) => {
                let covered = self.policy.covered(&self.room, handed.action().body(), seq);
                group.answers.receipts.push((Place { seq, covered }, reply));
            }
            Ok(Outcome::Refused(refusal)) => group.answers.refused.push((refusal, reply)),
            Ok(Outcome::Held) => match self.word_of_holding(digest) {
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

    /// Spends the passes of guests on what they handed in, all at once and before any of it is decided (V-287); what was
    /// decided before costs nothing. For each submission, whether it may be decided.
    async fn pay(
        &self,
        submissions: &[(Submitted, Responder)],
        group: &Group,
    ) -> Vec<Result<(), Undecided>> {
        let costs = |(handed, _): &(Submitted, _)| handed.action().body().costs_a_pass();
        if !submissions.iter().any(costs) {
            return vec![Ok(()); submissions.len()];
        }
        let paying = submissions.iter().map(async |(handed, _)| match handed {
            Submitted::Checked(checked) => {
                let digest = handed.action().digest();
                match self.decided_before(digest, group) {
                    Some(_) => Ok(()),
                    None => self.shared.pay(checked).await,
                }
            }
            Submitted::Repeated(..) => Ok(()),
        });
        futures_util::future::join_all(paying).await
    }

    /// Tells everybody what is durable now.
    async fn answer_all(&self, answers: Answers, appended: &Appended) {
        for (place, reply) in answers.receipts {
            let head = self.feed.head().to_string();
            match appended.inclusion_path(place.seq) {
                Some(path) => {
                    let (n, seq) = (reply.n, place.seq);
                    reply.send(FromBroker::Receipt { n, seq, path, head });
                }
                None => self.receipt(place, reply).await,
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
    fn paired(&self, submissions: &[(Submitted, Responder)]) -> Vec<(Role, Digest)> {
        let actions = submissions.iter().filter_map(|(handed, _)| match handed {
            Submitted::Checked(checked) => Some(checked.stamped().action()),
            Submitted::Repeated(..) => None,
        });
        let role = |action| self.policy.role(&self.room, action);
        actions.filter_map(|action| Some((role(action)?, action.digest()))).collect()
    }

    /// Decides one action: door rules may only refuse, the fold has the last word.
    async fn decide(
        &mut self,
        checked: &Checked,
        reply: &Responder,
        group: &mut Group,
    ) -> Result<Outcome, Undecided> {
        let stamped = checked.stamped();
        let digest = stamped.action().digest();
        if let Some(before) = self.decided_before(digest, group) {
            return Ok(before);
        }
        if self.policy.is_strangers(&self.room, stamped.action()) {
            return Err(Undecided::ROOM_UNKNOWN);
        }
        if !self.is_within_pace(stamped.action()) {
            return Err(Undecided::DOOR_RATE);
        }
        let newest = self.shared.stamps.newest().map_err(|_| Undecided::TSA_DOWN)?;
        let judged = self.room.judge(stamped).map_err(Objection::from).and_then(|accepted| {
            self.admit(checked, &newest)?;
            Ok(accepted)
        });
        let judged = match judged {
            Ok(accepted) => match self.policy.take_in(&self.shared, &self.room, checked).await {
                Ok(()) => Ok(accepted),
                Err(Hindrance::Objection(objection)) => Err(objection),
                Err(Hindrance::Undecided(code)) => return Err(code),
            },
            Err(objection) => Err(objection),
        };
        match judged {
            Ok(accepted) => {
                if let Some(role) = self.policy.role(&self.room, stamped.action()) {
                    return self.pair_up(role, stamped, group).await;
                }
                let at_once = self.policy.at_once(&self.shared, &self.room, stamped.action())?;
                if let Some(body) = at_once {
                    return self.apply_both(stamped, body, group).await;
                }
                let seq = accepted.seq();
                if let Author::Persona { persona, blind, .. } = checked.author()
                    && !self.room.is_complete()
                {
                    let link = AuthorLink {
                        key: *stamped.action().key(),
                        persona: *persona,
                        blind: blind.clone(),
                        action: stamped.action().id(),
                    };
                    self.policy.authored(&self.room, stamped.action().body(), seq, &link);
                    group.links.push(link);
                }
                self.apply(&accepted, stamped, group).map_err(not_taken)?;
                group.answered.insert(digest, Outcome::Entry(seq));
                Ok(Outcome::Entry(seq))
            }
            // Nothing is signed, so nothing is decided: the same may be handed in again.
            Err(_) if !reply.may_keep_refusal(stamped.action(), &self.shared.efforts) => {
                self.shared.metrics.refusals_not_kept.add(1);
                Err(Undecided::REFUSALS)
            }
            Err(objection) => {
                let jws = self.refuse(stamped, objection, &newest);
                // As with the fold: if the commit fails, this is rebuilt from the store.
                let seq = self.refused.size();
                let hashes = self.refused.push(leaf_hash(jws.as_bytes()));
                let leaf = Some(store::RefusalLeaf { seq, hashes });
                let kept = store::StoredRefusal { digest, jws: Arc::clone(&jws), leaf };
                group.refusals.push(kept);
                let decided = Outcome::Refused(jws);
                group.answered.insert(digest, decided.clone());
                Ok(decided)
            }
        }
    }

    /// Door rules (SPEC 7.3): those of every room, then those of its kind.
    fn admit(&self, checked: &Checked, newest: &NewestBatch) -> Result<(), Objection> {
        let stamped = checked.stamped();
        // It was not old when the broker could not store it.
        let excused = self.turned_away.contains(&stamped.action().digest());
        let stale = stamped.time().plus(self.room.terms().freshness) < newest.shown_now();
        if stale && !excused {
            return Err(Code::DoorStale.into());
        }
        let view = RoomView {
            shared: &self.shared,
            rooms: &self.rooms,
            room: &self.room,
            opener: self.opener.as_ref(),
            held: &self.held,
            refused: &self.refused,
            patience: None,
        };
        self.policy.admit(view, checked, newest.batch.time())
    }

    /// What the same bytes were answered before, in an earlier batch or in this one.
    fn decided_before(&self, digest: Digest, group: &Group) -> Option<Outcome> {
        let is_held = || self.held.iter().any(|held| held.stamped.action().digest() == digest);
        let answered = group.answered.get(&digest).cloned();
        answered.or_else(|| is_held().then_some(Outcome::Held))
    }

    fn refuse(&self, stamped: &Stamped, objection: Objection, newest: &NewestBatch) -> Arc<str> {
        let Objection { code, same_author, until } = objection;
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
            until,
            header: newest.batch.compact().to_owned(),
        };
        refusal.sign(&self.shared.keys.entry).into()
    }

    /// Appends what the fold accepted to fold and group.
    ///
    /// # Errors
    /// [`NotJudged`].
    pub(super) fn apply(
        &mut self,
        accepted: &Accepted,
        stamped: &Stamped,
        group: &mut Group,
    ) -> Result<(), NotJudged> {
        let text = entry_text(accepted, stamped);
        let hashes = self.room.append(accepted, stamped, leaf_hash(text.as_bytes()))?;
        if self.room.is_complete() {
            // What one side handed in alone is never released.
            for held in self.held.drain(..) {
                group.pending.push(PendingChange::Release { role: held.role.to_owned() });
            }
        }
        let digest = stamped.action().digest();
        let (seq, header) = (accepted.seq(), stamped.batch().into());
        self.shared.told.note(self.name, seq, stamped.action().body());
        self.policy.noted(seq, stamped.action().body());
        group.entries.push(NewEntry { seq, text, header, digest, hashes });
        Ok(())
    }

    /// Appends an action together with what the broker says to it. Nothing is appended before both are judged, so
    /// nothing is halfway in the fold if there is no stamp.
    async fn apply_both(
        &mut self,
        stamped: &Stamped,
        body: Body,
        group: &mut Group,
    ) -> Result<Outcome, Undecided> {
        let mut trial = self.room.clone();
        let accepted = trial.judge(stamped).map_err(not_taken)?;
        let leaf = leaf_hash(entry_text(&accepted, stamped).as_bytes());
        trial.append(&accepted, stamped, leaf).map_err(not_taken)?;
        let (id, seen) = (self.shared.fresh_uuid(), trial.ledger().head());
        let draft = Draft { id, room: Some(self.name), body, seen };
        let own = self.shared.sign_and_stamp(&draft).await.map_err(|code| {
            tracing::warn!(%code, "what is to be logged together could not be stamped; it may be handed in again");
            Undecided::TSA_DOWN
        })?;
        trial.judge(&own).map(drop).map_err(not_taken)?;
        for each in [stamped, &own] {
            let accepted = self.room.judge(each).map_err(not_taken)?;
            self.apply(&accepted, each, group).map_err(not_taken)?;
        }
        let decided = Outcome::Entry(accepted.seq());
        group.answered.insert(stamped.action().digest(), decided.clone());
        Ok(decided)
    }

    /// Whether the owner of a box is within what they may do there (V-288). What was decided before counts nothing: others
    /// have the bytes of some of it.
    fn is_within_pace(&self, action: &Action) -> bool {
        let now = self.shared.host.clock.uptime();
        self.inbox.pace.as_ref().is_none_or(|pace| pace.allows(action.key(), now))
    }

    /// A receipt for an entry of an earlier batch, proved from the store.
    async fn receipt(&self, place: Place, reply: Responder) {
        match self.proved(place).await {
            Some((path, head)) => {
                let (n, seq) = (reply.n, place.seq);
                reply.send(FromBroker::Receipt { n, seq, path, head });
            }
            None => reply.fail(Undecided::STORE_FAILED),
        }
    }

    /// The place of an entry under a head. In a room that not everybody reads that is the head right behind it (V-380):
    /// whoever has the bytes of an action, as everybody has those of a box's opening, would else see how far the log goes
    /// whenever they hand them in.
    async fn proved(&self, Place { seq, covered }: Place) -> Option<(Vec<Digest>, String)> {
        let (name, reader) = (self.name, &self.shared.reader);
        let is_hidden = self.room.terms().access != Access::Public;
        let head = self.room.ledger().head();
        let size = if is_hidden { covered.min(head.size) } else { head.size };
        let path = reader.inclusion(name, seq, size).await?;
        if size == head.size {
            return Some((path, self.feed.head().to_string()));
        }
        let root = reader.root(name, size).await.ok()?;
        Some((path, self.shared.keys.sign_head(name, Seen { size, root }).to_string()))
    }

    /// What the same bytes were answered before, for every submission of a batch: it gets
    /// that answer again, whatever would be decided now (SPEC 9).
    async fn answers_before(
        &self,
        submissions: &[(Submitted, Responder)],
    ) -> Result<HashMap<Digest, Outcome>, StoreError> {
        let digests: Vec<Digest> =
            submissions.iter().map(|(handed, _)| handed.action().digest()).collect();
        let answers = self.shared.reader.read(move |log| {
            let mut answers = HashMap::new();
            for digest in digests {
                if let Some(answer) = log.answer(&digest)? {
                    answers.insert(digest, answer);
                }
            }
            Ok(answers)
        });
        let answers = answers.await?.into_iter();
        Ok(answers.map(|(digest, answer)| (digest, Outcome::from(answer))).collect())
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
    ) -> Result<Outcome, Undecided> {
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
            self.apply(&accepted, each, group).map_err(not_taken)?;
            group.answered.insert(each.action().digest(), Outcome::Entry(seq));
        }
        let decided = group.answered.get(&stamped.action().digest()).cloned();
        decided.ok_or_else(|| not_taken(NotJudged))
    }

    async fn hold(
        &mut self,
        role: Role,
        stamped: &Stamped,
        group: &mut Group,
    ) -> Result<Outcome, Undecided> {
        let sealed = self.shared.authors.seal_held(self.name, held::payload(stamped)).await;
        let payload = sealed.map_err(|error| {
            tracing::error!(%error, "an action could not be sealed to be held");
            Undecided::STORE_FAILED
        })?;
        let payload = payload.into();
        group.pending.push(PendingChange::Hold { role: role.to_owned(), payload });
        self.held.push(HeldAction { role, stamped: stamped.clone() });
        Ok(Outcome::Held)
    }

    /// The signed word that an action is held, with the stamp that it was held with.
    fn word_of_holding(&self, digest: Digest) -> Option<String> {
        let held = self.held.iter().find(|held| held.stamped.action().digest() == digest)?;
        let stamp = held.stamped.batch().hash();
        Some(Held { digest, room: self.name, stamp }.sign(&self.shared.keys.entry))
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

/// The entry that an action becomes.
fn entry_text(accepted: &Accepted, stamped: &Stamped) -> Arc<str> {
    let entry = Entry {
        seq: accepted.seq(),
        action: stamped.action().compact().to_owned(),
        stamp: stamped.stamp().clone(),
    };
    entry.encode().into()
}

/// What was judged acceptable a moment ago is not: a fault of this program, told as one of its
/// store, for nothing was decided.
fn not_taken(error: impl std::fmt::Display) -> Undecided {
    tracing::error!(%error, "an action that the fold accepts was not taken");
    Undecided::STORE_FAILED
}

#[cfg(test)]
mod tests;
