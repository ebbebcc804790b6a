//! The turn: decide, make durable, tell.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use pregao_protocol::broker::{Held, Refusal, SameAuthor};
use pregao_protocol::codec::Digest;
use pregao_protocol::frame::{FromBroker, encode_entries};
use pregao_protocol::log::{Entry, Head, Origin, RoomName};
use pregao_protocol::merkle::leaf_hash;
use pregao_protocol::persona::{BlindContext, Ratio};
use pregao_protocol::room::auction::Phase;
use pregao_protocol::room::body::{Body, Side};
use pregao_protocol::room::{Accepted, Code, Room, Stamped, Undecided};
use pregao_protocol::session::Padded;

use super::retry::{Retry, TurnedAway};
use crate::check::{Author, Checked};
use crate::fanout::{Delivery, Watchers};
use crate::house::House;
use crate::links::Link;
use crate::room::{Call, Handed, Inbox, Message, Reply, RevealEnd, Watching};
use crate::store::{self, Answer, Append, NewEntry, NewRoom, PendingChange, StoreError};
use crate::writer::Commit;

/// Most messages taken in one turn.
const TURN: usize = 512;
/// Entries kept in memory so that watchers can go live while others write.
const RECENT: usize = 1_024;

/// A room's task.
#[derive(Debug)]
pub struct RoomTask {
    pub(super) name: RoomName,
    pub(super) room: Room,
    pub(super) house: Arc<House>,
    pub(super) watchers: Watchers,
    pub(super) head: Arc<str>,
    pub(super) recent: VecDeque<Arc<str>>,
    /// Who listed the item; known while links exist.
    pub(super) seller: Option<Link>,
    /// Disclosures held, by side.
    pub(super) held: Vec<(Side, Stamped)>,
    /// The reveal room of the newest `settled` entry.
    pub(super) reveal: Option<(u64, RoomName)>,
    /// Both sides of that room are invited.
    pub(super) invited: bool,
    /// How that reveal ended.
    pub(super) reveal_end: Option<RevealEnd>,
    /// The store failed in the middle of a turn: fold and log may differ until reloaded. Nothing
    /// may be told or decided from the fold meanwhile.
    pub(super) stale: bool,
    /// When a step of the broker's own that failed is tried again.
    pub(super) steps: Retry,
    /// When the store, which failed, is trusted with another turn.
    pub(super) commits: Retry,
    /// When reading the log, which failed, is tried again.
    reloads: Retry,
    pub(super) turned_away: TurnedAway,
    /// When to ask again whether absence may be recorded.
    pub(super) patience: Option<Instant>,
    inbox: Inbox,
}

/// What a room task starts from.
#[derive(Debug)]
pub struct Opened {
    /// Its fold.
    pub room: Room,
    /// Its newest signed head.
    pub head: Arc<str>,
    /// The last entries, as logged.
    pub recent: VecDeque<Arc<str>>,
    /// Who listed the item.
    pub seller: Option<Link>,
    /// Disclosures held, by side.
    pub held: Vec<(Side, Stamped)>,
    /// The reveal room of the newest `settled` entry.
    pub reveal: Option<(u64, RoomName)>,
    /// Both sides of it are invited.
    pub invited: bool,
}

/// What one turn is about to make durable.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) entries: Vec<NewEntry>,
    pub(super) links: Vec<Link>,
    pub(super) pending: Vec<PendingChange>,
    refusals: Vec<store::Refusal>,
    receipts: Vec<(u64, Reply)>,
    refused: Vec<(Arc<str>, Reply)>,
    held: Vec<(String, Reply)>,
    answered: HashMap<Digest, Decided>,
}

#[derive(Debug, Clone)]
enum Decided {
    Entry(u64),
    Refused(Arc<str>),
}

impl From<Answer> for Decided {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Entry { seq, .. } => Self::Entry(seq),
            Answer::Refusal(jws) => Self::Refused(jws.into()),
        }
    }
}

impl RoomTask {
    /// Makes a task; [`RoomTask::run`] is it.
    #[must_use]
    pub fn new(house: Arc<House>, opened: Opened, inbox: Inbox) -> Self {
        let Opened { room, head, recent, seller, held, reveal, invited } = opened;
        let name = room.ledger().name();
        let watchers = Watchers::default();
        Self {
            name,
            room,
            house,
            watchers,
            head,
            recent,
            seller,
            held,
            reveal,
            invited,
            reveal_end: None,
            stale: false,
            steps: Retry::default(),
            commits: Retry::default(),
            reloads: Retry::default(),
            turned_away: TurnedAway::default(),
            patience: None,
            inbox,
        }
    }

    /// Serves the room until the broker stops.
    pub async fn run(mut self) {
        self.schedule();
        self.advance().await;
        loop {
            let again = passed(self.next_try());
            // Deadlines come first: a full mailbox must not put off the close.
            let first = tokio::select! {
                biased;
                call = self.inbox.calls.recv() => match call {
                    Some(call) => {
                        self.answer(call).await;
                        continue;
                    }
                    None => return,
                },
                () = again => {
                    self.try_again().await;
                    continue;
                }
                message = self.inbox.messages.recv() => match message {
                    Some(message) => message,
                    None => return,
                },
            };
            let mut submissions = Vec::new();
            let mut others = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Submit(handed, reply) => submissions.push((handed, reply)),
                    other => others.push(other),
                }
                let taken = submissions.len() + others.len();
                next = if taken < TURN { self.inbox.messages.try_recv().ok() } else { None };
            }
            // All submissions in one turn, so that nothing else sent in between can force each
            // into a commit of its own.
            self.turn(submissions).await;
            for other in others {
                self.handle(other).await;
            }
        }
    }

    /// When this room takes up by itself what failed: it waits for nobody's request.
    fn next_try(&self) -> Option<Instant> {
        [self.commits.at(), self.reloads.at(), self.patience].into_iter().flatten().min()
    }

    async fn try_again(&mut self) {
        self.commits.passed();
        self.reloads.passed();
        self.patience = self.patience.filter(|at| *at > Instant::now());
        self.advance().await;
    }

    async fn answer(&mut self, call: Call) {
        match call {
            Call::Due => self.advance().await,
            Call::RevealEnded { settled, end } => self.reveal_ended(settled, end).await,
        }
    }

    async fn handle(&mut self, message: Message) {
        match message {
            Message::Submit(handed, reply) => self.turn(vec![(handed, reply)]).await,
            Message::Watch { watcher, next, answer } => {
                let watching = self.watch(next).await;
                let (live, session) = (matches!(watching, Watching::Live { .. }), watcher.session);
                if live {
                    self.watchers.add(watcher);
                }
                // The session may have ended, or given up waiting: then it asks again.
                if answer.send(watching).is_err() && live {
                    self.watchers.remove(session);
                }
            }
            Message::Unwatch(session) => self.watchers.remove(session),
        }
    }

    async fn watch(&mut self, next: u64) -> Watching {
        if self.recovered().await.is_err() {
            return Watching::Failed;
        }
        let size = self.room.ledger().head().size;
        let missing = usize::try_from(size.saturating_sub(next)).unwrap_or(usize::MAX);
        match self.recent.len().checked_sub(missing) {
            Some(skip) if next <= size => Watching::Live {
                tail: self.recent.iter().skip(skip).cloned().collect(),
                head: Arc::clone(&self.head),
            },
            Some(_) | None => Watching::Behind,
        }
    }

    /// Decides submissions in order (V-092) and makes the outcome durable.
    async fn turn(&mut self, submissions: Vec<(Handed, Reply)>) {
        if submissions.is_empty() {
            return;
        }
        let disclosures = self.disclosures(&submissions);
        let before = self.answers_before(&submissions).await;
        let (Ok(()), Ok(before_turn)) = (self.may_commit().await, before) else {
            self.turned_away.note(disclosures);
            for (_, reply) in submissions {
                reply.fail(Undecided::STORE_FAILED);
            }
            return;
        };
        let mut group = Group { answered: before_turn, ..Group::default() };
        let before = self.room.ledger().frontier().clone();
        for (handed, reply) in submissions {
            let decided = match &handed {
                Handed::Checked(checked) => {
                    self.house.metrics.submitted.add(1);
                    let decided = self.decide(checked, &mut group).await;
                    self.house.metrics.failed.add(decided.is_err().into());
                    decided
                }
                Handed::Repeated(action, code) => {
                    self.decided_before(action.digest(), &group).ok_or(*code)
                }
            };
            match decided {
                Ok(Some(decided)) => group.answer(decided, reply),
                Ok(None) => match self.word_of_holding(handed.action().digest()) {
                    Some(word) => group.held.push((word, reply)),
                    None => reply.fail(Undecided::STORE_FAILED),
                },
                Err(code) => {
                    if code == Undecided::STORE_FAILED {
                        let digest = handed.action().digest();
                        let this = disclosures.iter().filter(|(_, other)| *other == digest);
                        self.turned_away.note(this.copied());
                    }
                    reply.fail(code);
                }
            }
        }
        let receipts = std::mem::take(&mut group.receipts);
        let refused = std::mem::take(&mut group.refused);
        let held = std::mem::take(&mut group.held);
        let appended = before.clone().append(group.leaves());
        if self.commit(group, None).await.is_err() {
            let replies = receipts.into_iter().map(|(_, reply)| reply);
            let replies = replies.chain(refused.into_iter().map(|(_, reply)| reply));
            let replies = replies.chain(held.into_iter().map(|(_, reply)| reply));
            replies.for_each(|reply| reply.fail(Undecided::STORE_FAILED));
            self.turned_away.note(disclosures);
            return;
        }
        disclosures.iter().for_each(|(_, digest)| self.turned_away.settled(digest));
        for (seq, reply) in receipts {
            let head = self.head.to_string();
            match appended.inclusion_path(seq) {
                Some(path) => {
                    let n = reply.n;
                    reply.send(FromBroker::Receipt { n, seq, path, head });
                }
                None => self.receipt(seq, reply).await,
            }
        }
        for (refusal, reply) in refused {
            let n = reply.n;
            reply.send(FromBroker::Refused { n, refusal: refusal.to_string() });
        }
        for (held, reply) in held {
            let n = reply.n;
            reply.send(FromBroker::Held { n, held });
        }
        if self.finished_reveal().is_some() {
            self.advance().await;
        }
    }

    /// Disclosures of the two sides among what was handed in.
    fn disclosures(&self, submissions: &[(Handed, Reply)]) -> Vec<(Side, Digest)> {
        let Room::Reveal(reveal) = &self.room else { return Vec::new() };
        let actions = submissions.iter().filter_map(|(handed, _)| match handed {
            Handed::Checked(checked) => Some(checked.stamped().action()),
            Handed::Repeated(..) => None,
        });
        let disclosures = actions.filter(|action| matches!(action.body(), Body::Disclose(_)));
        disclosures.filter_map(|action| Some((reveal.side(action)?, action.digest()))).collect()
    }

    /// Decides one action: door rules may only refuse, the fold has the last word.
    async fn decide(
        &mut self,
        checked: &Checked,
        group: &mut Group,
    ) -> Result<Option<Decided>, Undecided> {
        let stamped = checked.stamped();
        let digest = stamped.action().digest();
        if let Some(before) = self.decided_before(digest, group) {
            return Ok(before);
        }
        let newest = self.house.stamps.newest().map_err(|_| Undecided::TSA_DOWN)?;
        let mut same_author = None;
        let judged = self.room.judge(stamped).and_then(|accepted| {
            if self.holds_of_side(stamped) {
                return Err(Code::DiscloseTwice);
            }
            // It was not old when the house could not store it.
            let excused = self.turned_away.contains(&digest);
            if !excused && stamped.time().plus(self.room.terms().freshness) < newest.shown_now() {
                return Err(Code::DoorStale);
            }
            same_author = self.own_item(checked);
            if same_author.is_some() { Err(Code::BidOwnItem) } else { Ok(accepted) }
        });
        match judged {
            Ok(_) if matches!(stamped.action().body(), Body::Disclose(_)) => {
                Ok(self.disclose(stamped, group).await?)
            }
            Ok(accepted) => {
                if let Author::Persona { persona, blind } = checked.author()
                    && !self.is_over()
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
                Ok(Some(Decided::Entry(seq)))
            }
            Err(code) => {
                let decided = Decided::Refused(self.refuse(stamped, code, same_author, &newest));
                if let Decided::Refused(jws) = &decided {
                    group.refusals.push(store::Refusal { digest, jws: Arc::clone(jws) });
                }
                group.answered.insert(digest, decided.clone());
                Ok(Some(decided))
            }
        }
    }

    /// What the same bytes were answered before, in an earlier turn or in this one; nothing inside
    /// for a disclosure that is held.
    fn decided_before(&self, digest: Digest, group: &Group) -> Option<Option<Decided>> {
        if let Some(decided) = group.answered.get(&digest) {
            return Some(Some(decided.clone()));
        }
        self.held.iter().any(|(_, held)| held.action().digest() == digest).then_some(None)
    }

    fn own_item(&self, checked: &Checked) -> Option<SameAuthor> {
        let action = checked.stamped().action();
        let (Body::Bid(_), Author::Persona { persona, blind }) = (action.body(), checked.author())
        else {
            return None;
        };
        let seller = self.seller.as_ref().filter(|seller| seller.persona == *persona)?;
        let broker = self.house.fingerprint();
        let context = |action| BlindContext { broker, action, persona: *persona };
        let listing = context(seller.action);
        let bid = context(action.id());
        Some(SameAuthor { seq: 0, ratio: Ratio::between((&seller.blind, &listing), (blind, &bid)) })
    }

    fn refuse(
        &self,
        stamped: &Stamped,
        code: Code,
        same_author: Option<SameAuthor>,
        newest: &crate::stamps::Newest,
    ) -> Arc<str> {
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
    pub(super) fn include(
        &mut self,
        accepted: &Accepted,
        stamped: &Stamped,
        group: &mut Group,
    ) -> Result<(), Code> {
        let entry = Entry {
            seq: accepted.seq(),
            action: stamped.action().compact().to_owned(),
            stamp: stamped.stamp().clone(),
        };
        let text: Arc<str> = entry.encode().into();
        let leaf = leaf_hash(text.as_bytes());
        let hashes = self.room.append(accepted, stamped, leaf)?;
        if matches!(stamped.action().body(), Body::Absent(_) | Body::Withdraw(_)) {
            // The room is over: what one side handed in alone is never released.
            for (side, _) in self.held.drain(..) {
                group.pending.push(PendingChange::Release { role: role(side).to_owned() });
            }
        }
        let digest = stamped.action().digest();
        group.entries.push(NewEntry { seq: accepted.seq(), text, digest, hashes });
        Ok(())
    }

    /// Makes a group durable, then tells the watchers. On an error nothing is told, and the fold
    /// is rebuilt from the log before the next turn.
    pub(super) async fn commit(
        &mut self,
        group: Group,
        new_room: Option<NewRoom>,
    ) -> Result<(), StoreError> {
        if group.entries.is_empty() && group.refusals.is_empty() && group.pending.is_empty() {
            return Ok(());
        }
        let seen = self.room.ledger().head();
        let from = group.entries.first().map_or(seen.size, |first| first.seq);
        let texts: Vec<Arc<str>> =
            group.entries.iter().map(|entry| Arc::clone(&entry.text)).collect();
        let head: Option<Arc<str>> =
            if texts.is_empty() { None } else { Some(self.house.sign_head(self.name, seen)) };
        let (accepted, refused) = (texts.len() as u64, group.refusals.len() as u64);
        let append = Append {
            room: self.name,
            expected_size: from,
            new_room,
            entries: group.entries,
            head: head.clone(),
            refusals: group.refusals,
            pending: group.pending,
        };
        if let Err(error) = self.house.writer.commit(Commit { append, links: group.links }).await {
            tracing::error!(%error, "a turn could not be stored; nothing of it was accepted");
            self.stale = true;
            self.commits.failed();
            return Err(error);
        }
        (self.steps, self.commits) = (Retry::default(), Retry::default());
        self.house.metrics.commits.add(1);
        self.house.metrics.accepted.add(accepted);
        self.house.metrics.refused.add(refused);
        if let Some(head) = head {
            self.head = head;
            self.tell(from, &texts);
        }
        Ok(())
    }

    fn tell(&mut self, from: u64, texts: &[Arc<str>]) {
        for text in texts {
            if self.recent.len() >= RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(Arc::clone(text));
        }
        if self.watchers.is_empty() {
            return;
        }
        let entries: Vec<&str> = texts.iter().map(|text| &**text).collect();
        let frames = encode_entries(self.name, &entries, Some(&self.head));
        let frames = frames.iter().filter_map(|frame| Padded::new(frame).ok()).collect();
        let to = from + entries.len() as u64;
        let delivery = Arc::new(Delivery { room: self.name, from, to, frames });
        self.watchers.deliver(&delivery, &self.house.metrics);
    }

    /// A receipt for an entry of an earlier turn, proved from the store.
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

    /// What the same bytes were answered before, for every submission of a turn: that answer
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

    /// Whether the room ended: its links are erased, and no more are kept.
    pub(super) fn is_over(&self) -> bool {
        match &self.room {
            Room::Auction(auction) => matches!(auction.phase(), Phase::Ended(_)),
            Room::Reveal(_) => self.finished_reveal().is_some(),
        }
    }

    /// Makes fold and log agree again after a failed commit. One commit that failed costs one
    /// reading of the log at the most, and reading that fails is paced by [`Retry`].
    pub(super) async fn recovered(&mut self) -> Result<(), StoreError> {
        if !self.stale {
            return Ok(());
        }
        if !self.reloads.is_due() {
            return Err(StoreError::Stopped);
        }
        self.reload().await.inspect_err(|error| {
            tracing::warn!(%error, "a room could not be rebuilt from its log; tried again");
            self.reloads.failed();
        })
    }

    /// As [`RoomTask::recovered`]; besides, a store that just failed and has taken no trial since is
    /// given [`Retry`]'s pause.
    pub(super) async fn may_commit(&mut self) -> Result<(), StoreError> {
        if !self.commits.is_due() && !self.house.writer.health().works {
            return Err(StoreError::Stopped);
        }
        self.recovered().await
    }

    /// Rebuilds the fold from the log after a failed commit.
    async fn reload(&mut self) -> Result<(), StoreError> {
        let opened = self.house.load(self.name).await?;
        self.room = opened.room;
        self.head = opened.head;
        self.recent = opened.recent;
        self.held = opened.held;
        self.stale = false;
        self.reloads = Retry::default();
        tracing::info!(size = self.room.ledger().head().size, "room rebuilt from its log");
        Ok(())
    }
}

impl Group {
    fn answer(&mut self, decided: Decided, reply: Reply) {
        match decided {
            Decided::Entry(seq) => self.receipts.push((seq, reply)),
            Decided::Refused(refusal) => self.refused.push((refusal, reply)),
        }
    }

    fn leaves(&self) -> Vec<Digest> {
        self.entries.iter().filter_map(|entry| entry.hashes.first().copied()).collect()
    }
}

impl RoomTask {
    /// Holds a disclosure until the other side's is there, then includes both, the older stamp
    /// first. `None` if it is held.
    async fn disclose(
        &mut self,
        stamped: &Stamped,
        group: &mut Group,
    ) -> Result<Option<Decided>, Undecided> {
        // The fold has just judged it a disclosure of a side that none is held of.
        let side = self.side_of(stamped).ok_or_else(|| not_taken(Code::VerbForbidden))?;
        let Some((other, first)) = self.held.pop() else {
            let payload = Entry {
                seq: 0,
                action: stamped.action().compact().to_owned(),
                stamp: stamped.stamp().clone(),
            };
            let sealed = self.house.seal_held(self.name, payload.encode()).await;
            let payload = sealed.map_err(|error| {
                tracing::error!(%error, "a disclosure could not be sealed to be held");
                Undecided::STORE_FAILED
            })?;
            let payload = payload.into();
            group.pending.push(PendingChange::Hold { role: role(side).to_owned(), payload });
            self.held.push((side, stamped.clone()));
            return Ok(None);
        };
        group.pending.push(PendingChange::Release { role: role(other).to_owned() });
        let mut pair = [first.clone(), stamped.clone()];
        pair.sort_by_key(Stamped::time);
        if let Err(code) = self.accepts_both(&pair) {
            self.held.push((other, first));
            group.pending.pop();
            // Each alone is acceptable: only their stamps can contradict each other.
            tracing::error!(%code, "two disclosures do not go together: the TSA contradicts itself");
            return Err(Undecided::TSA_DOWN);
        }
        for each in &pair {
            let accepted = self.room.judge(each).map_err(not_taken)?;
            let seq = accepted.seq();
            self.include(&accepted, each, group).map_err(not_taken)?;
            group.answered.insert(each.action().digest(), Decided::Entry(seq));
        }
        Ok(group.answered.get(&stamped.action().digest()).cloned())
    }
}

impl RoomTask {
    /// By which side of a reveal room an action is.
    fn side_of(&self, stamped: &Stamped) -> Option<Side> {
        match &self.room {
            Room::Reveal(reveal) => reveal.side(stamped.action()),
            Room::Auction(_) => None,
        }
    }

    /// Whether this is another disclosure of a side of which one is held.
    fn holds_of_side(&self, stamped: &Stamped) -> bool {
        let discloses = matches!(stamped.action().body(), Body::Disclose(_));
        let side = self.side_of(stamped).filter(|_| discloses);
        side.is_some_and(|side| self.held.iter().any(|(held, _)| *held == side))
    }

    /// The signed word that a disclosure is held, with the stamp that it was held with.
    fn word_of_holding(&self, digest: Digest) -> Option<String> {
        let (_, held) = self.held.iter().find(|(_, held)| held.action().digest() == digest)?;
        let stamp = held.batch().hash();
        Some(Held { digest, room: self.name, stamp }.sign(&self.house.keys.entry))
    }

    /// Whether the fold takes both disclosures, one after the other: half a pair is never logged.
    fn accepts_both(&self, pair: &[Stamped; 2]) -> Result<(), Code> {
        let mut trial = self.room.clone();
        for each in pair {
            let accepted = trial.judge(each)?;
            trial.append(&accepted, each, leaf_hash(each.action().compact().as_bytes()))?;
        }
        Ok(())
    }
}

/// Waits for an instant; for none, for ever.
async fn passed(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// What was judged acceptable a moment ago is not: a fault of this program, told as one of its
/// store, for nothing was decided.
fn not_taken(code: Code) -> Undecided {
    tracing::error!(%code, "an action that the fold accepts was not taken");
    Undecided::STORE_FAILED
}

/// The name of a side in the store.
#[must_use]
pub(crate) const fn role(side: Side) -> &'static str {
    match side {
        Side::Seller => "seller",
        Side::Winner => "winner",
    }
}

/// The origin line of a room's heads.
#[must_use]
pub(crate) fn signed_head(
    house: &House,
    room: RoomName,
    seen: pregao_protocol::action::Seen,
) -> Arc<str> {
    let origin = Origin { broker: house.fingerprint(), room };
    Head { origin, size: seen.size, root: seen.root }.sign(&house.keys.head).into()
}
