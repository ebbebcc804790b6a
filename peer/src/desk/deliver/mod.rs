//! Handing an action in through the witnesses of its room, when the broker does not answer
//! (SPEC 7.7).
//!
//! Only when the user says so: a witness sees from where it is left. What comes back is verified as if the
//! broker had sent it itself; where nothing comes back, the witnesses' words are kept as evidence.

mod courier;

use std::collections::{BTreeMap, VecDeque};

use pregao_protocol::audit::delivered::answers;
use pregao_protocol::audit::evidence::{
    Evidence, FalseUnreadable, ShownCredentials, Statement, Suppressed,
};
use pregao_protocol::log::RoomName;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::{Stamped, Terms};
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::delivery::{Credentials, DeliveryAnswer, Unreadable, UnreadableCode};
use pregao_protocol::wire::refusal::Refusal;
use tokio::sync::mpsc;

use self::courier::{Courier, LastSeen, News, Sealed};
use super::Desk;
use super::answers::{Progress, ReplyTo};
use super::evidence::Exhibit;
use super::kinds;
use super::refusals::Told;
use crate::net::Route;
use crate::net::tsa::TsaClient;
use crate::vault::ActionRecord;

/// News of deliveries that wait for the desk.
const WAITING: usize = 16;

/// Deliveries under way at once, at most: each is a task, and a stamp to remember.
const MAX_PARCELS: usize = 32;
/// Stamps of deliveries that are remembered: those of all under way, and of as many before.
const MAX_STAMPS: usize = 2 * MAX_PARCELS;

/// Deliveries under way.
#[derive(Debug)]
pub(super) struct Deliveries {
    parcels: BTreeMap<Digest, Parcel>,
    /// The stamps with which actions were left, newest last: whatever way an answer comes, it may be to one of
    /// them.
    stamps: VecDeque<(Digest, FullStamp)>,
    /// Refusals that name more of a log than had arrived, newest last.
    ahead: VecDeque<RefusedAhead>,
    /// For the tasks that deliver.
    telling: mpsc::Sender<(Digest, News)>,
    /// What comes of them.
    news: mpsc::Receiver<(Digest, News)>,
}

impl Default for Deliveries {
    fn default() -> Self {
        let (telling, news) = mpsc::channel(WAITING);
        let (stamps, ahead) = (VecDeque::new(), VecDeque::new());
        Self { parcels: BTreeMap::new(), stamps, ahead, telling, news }
    }
}

impl Deliveries {
    /// The next thing that came of one.
    pub(super) async fn next(&mut self) -> Option<(Digest, News)> {
        self.news.recv().await
    }

    /// Notes the stamp with which a session handed in what is on its way to witnesses, too.
    pub(super) fn also_stamped(&mut self, digest: Digest, stamp: &FullStamp) {
        if self.parcels.contains_key(&digest) {
            self.remember(digest, stamp.clone());
        }
    }

    /// Notes a refusal that is judged again when the log has grown.
    fn refused_ahead(&mut self, refused: RefusedAhead) {
        if self.ahead.len() >= MAX_PARCELS {
            self.ahead.pop_front();
        }
        self.ahead.push_back(refused);
    }

    /// Takes out what waits for the log of a room.
    fn take_ahead(&mut self, room: RoomName) -> VecDeque<RefusedAhead> {
        let (due, rest) = self.ahead.drain(..).partition(|it| it.refusal.room == room);
        self.ahead = rest;
        due
    }

    fn remember(&mut self, digest: Digest, stamp: FullStamp) {
        if self.stamps.len() >= MAX_STAMPS {
            self.stamps.pop_front();
        }
        self.stamps.push_back((digest, stamp));
    }
}

/// A refusal that came through a witness before the log that it names.
#[derive(Debug)]
struct RefusedAhead {
    stamped: Stamped,
    refusal: Refusal,
    compact: String,
}

/// One action on its way.
#[derive(Debug)]
struct Parcel {
    reply_to: ReplyTo,
    action: Action,
    opening: String,
    terms: Terms,
    sealed: Option<Box<Sealed>>,
    /// What witnesses said of it.
    words: Vec<String>,
}

impl Desk {
    /// Hands in through the witnesses what the broker did not answer in a room: the newest.
    pub(super) async fn deliver(&mut self, typed: &str) -> Progress {
        let Some(room) = self.find_or_refuse(typed).await else { return Progress::Failed };
        let name = room.to_string();
        let unanswered = |kept: &&ActionRecord| {
            kept.room == name && kept.receipt.is_none() && kept.refusal.is_none()
        };
        let kept = self.vault.contents().actions.iter().rev().find(unanswered);
        let action = kept.and_then(|kept| Action::parse(&kept.action).ok());
        let (Some(kept), Some(action)) = (kept, action) else {
            let message = "nothing of yours in this room waits for an answer";
            return self.reject(Report::new("deliver.nothing", message, "see /receipts")).await;
        };
        if self.deliveries.parcels.contains_key(&action.digest()) {
            let message = "it is on its way to the witnesses already";
            let advice = "wait for what comes of it: three minutes at most";
            return self.reject(Report::new("deliver.under-way", message, advice)).await;
        }
        if self.deliveries.parcels.len() >= MAX_PARCELS {
            let message = "too many actions are on their way to the witnesses";
            let advice = "wait for what comes of them: three minutes at most";
            return self.reject(Report::new("deliver.busy", message, advice)).await;
        }
        if let Err(report) = kinds::may_be_delivered(self, room, action.body()) {
            return self.reject(report).await;
        }
        let blind = Blind::from_random(*kept.blind.expose());
        let certificate = self.vault.contents().certificate.clone();
        let Some((opening, terms)) = self.terms_of(room, &action) else {
            let message = "the opening of this room is not known yet";
            let advice = "try again once you follow the room";
            return self.reject(Report::new("deliver.room", message, advice)).await;
        };
        let witnesses = self.reachable(&terms);
        if witnesses.is_empty() {
            let named: Vec<&str> =
                terms.witnesses.iter().map(|witness| witness.operator.as_str()).collect();
            let (message, advice) = if named.is_empty() {
                ("the room names no witnesses", "ask the broker again".to_owned())
            } else {
                let advice = format!(
                    "give the address of one with --witness; the room names those of {}",
                    named.join(", ")
                );
                ("no witness of this room can be reached", advice)
            };
            return self.reject(Report::new("deliver.witness", message, advice)).await;
        }
        let (digest, key) = (action.digest(), terms.broker.delivery);
        let broker = terms.broker.session.fingerprint();
        let courier = Courier {
            host: self.options.host.clone(),
            broker,
            key,
            action: action.clone(),
            credentials: Credentials { certificate, blind },
            tsa: self.tsa_client.clone(),
            keys: terms.broker,
            named: terms.witnesses.clone(),
            witnesses,
        };
        let reply_to = self.reply_to.clone();
        let parcel = Parcel { reply_to, action, opening, terms, sealed: None, words: Vec::new() };
        self.deliveries.parcels.insert(digest, parcel);
        self.options.host.task(courier.run(self.deliveries.telling.clone()));
        Progress::Pending
    }

    /// The room's opening: its own, where the action is one that was not answered.
    fn terms_of(&self, room: RoomName, action: &Action) -> Option<(String, Terms)> {
        if action.opens_a_room() {
            return Some((action.compact().to_owned(), action.body().terms()?));
        }
        let replica = self.rooms.get(&room)?;
        Some((replica.opening()?.to_owned(), replica.known()?.terms().clone()))
    }

    /// The witnesses of a room whose addresses are known, each by the way that leads to the TSA.
    fn reachable(&self, terms: &Terms) -> Vec<TsaClient> {
        let own = self.tsa.witness.as_ref();
        let is_named =
            own.is_some_and(|own| terms.witnesses.iter().any(|named| named.key == own.key));
        let proxy =
            Route::proxy(self.options.route.as_ref(), self.vault.contents().tsa.proxy.as_ref());
        let others = self.options.witnesses.iter().map(|url| {
            let address = TsaAddress { url: url.clone(), authority: None };
            TsaClient::by(address, proxy.as_ref(), self.options.reach())
        });
        let others = others.filter(|_| !terms.witnesses.is_empty());
        is_named.then(|| self.tsa_client.clone()).into_iter().chain(others).collect()
    }

    /// The stamps with which an action of this peer may have been handed in: that of the session, and those of
    /// deliveries. The broker decides once, by the one that reached it first, and says that again to the others.
    pub(super) fn stamps_of(&self, digest: &Digest) -> Vec<FullStamp> {
        let in_session = self.outbox.find(digest).and_then(|(_, stamp)| stamp);
        // Of an action that a session handed in and nobody answered, the vault has it.
        let kept = self.vault.action(digest).and_then(|kept| kept.stamp.clone());
        let kept = kept.and_then(|stamp| serde_json::from_value(stamp).ok());
        let left = self.deliveries.stamps.iter().filter(|(of, _)| of == digest);
        let left = left.map(|(_, stamp)| stamp.clone());
        in_session.or(kept).into_iter().chain(left).collect()
    }

    /// An action with the one of its stamps that names a batch header.
    pub(super) fn stamped_as(&self, action: &Action, header: Digest) -> Option<Stamped> {
        self.stamps_of(&action.digest()).into_iter().find_map(|stamp| {
            let stamped = Stamped::open(action.clone(), stamp, &[self.tsa.stamp]).ok()?;
            (stamped.batch().hash() == header).then_some(stamped)
        })
    }

    /// Acts on what came of a delivery.
    pub(super) async fn delivered(&mut self, digest: Digest, news: News) {
        let Some(parcel) = self.deliveries.parcels.get_mut(&digest) else { return };
        self.reply_to = parcel.reply_to.clone();
        match news {
            News::Sealed(sealed, noted) => {
                let stamp = sealed.delivery.stamp.clone();
                parcel.sealed = Some(sealed);
                self.deliveries.remember(digest, stamp);
                // Without the courier nothing is left.
                let _ = noted.send(());
            }
            News::NotSealed(reason) => {
                let advice = "try again; nothing was left with anybody";
                let message = format!("it could not be stamped for delivery: {reason}");
                self.refuse(Report::new("deliver.stamp", message, advice)).await;
                self.delivery_ends(digest, false).await;
            }
            News::Left(url) => self.note(format!("left with the witness at {url}")).await,
            News::NotLeft(url, reason) => {
                self.note(format!("the witness at {url} does not take it: {reason}")).await;
            }
            News::Lies(url) => {
                self.note(format!("the witness at {url} says what is not so, and is passed over"))
                    .await;
            }
            News::Answered(answer) => self.delivery_answered(digest, answer).await,
            News::Unanswered(word) => {
                parcel.words.push(word);
                self.accuse_of_silence(digest).await;
            }
            News::End(seen) => {
                if !self.is_shown(digest) {
                    self.refuse(end_of(seen)).await;
                }
                self.delivery_ends(digest, false).await;
            }
        }
        self.reply_to = ReplyTo::default();
    }

    async fn delivery_ends(&mut self, digest: Digest, ok: bool) {
        let Some(parcel) = self.deliveries.parcels.remove(&digest) else { return };
        self.reply_to = parcel.reply_to;
        self.done(ok).await;
        // The command that handed it in first may wait still.
        if let Some((n, _)) = self.outbox.find(&digest)
            && (ok || self.vault.action(&digest).is_some_and(|kept| kept.refusal.is_some()))
        {
            self.finish(n, ok).await;
        }
    }

    async fn delivery_answered(&mut self, digest: Digest, answer: DeliveryAnswer) {
        let Some(parcel) = self.deliveries.parcels.get(&digest) else { return };
        let Some(sealed) = parcel.sealed.clone() else { return };
        let room = parcel.action.room();
        if answers(&answer, &sealed.delivery, &parcel.terms.broker).is_err() {
            let message = "a witness passes on what is no answer of the broker";
            let advice = "use another witness of the room, or ask the broker itself";
            self.refuse(Report::new("deliver.answer", message, advice)).await;
            return self.delivery_ends(digest, false).await;
        }
        let ok = match answer {
            DeliveryAnswer::Receipt(receipt) => self.keep_receipt(digest, *receipt).await,
            DeliveryAnswer::Refusal(compact) => {
                self.delivery_refused(digest, &compact).await;
                false
            }
            DeliveryAnswer::Unreadable(compact) => {
                self.delivery_unreadable(digest, room, &sealed, compact).await;
                false
            }
        };
        self.delivery_ends(digest, ok).await;
    }

    async fn delivery_refused(&mut self, digest: Digest, compact: &str) {
        let Some(parcel) = self.deliveries.parcels.get(&digest) else { return };
        let (action, entry) = (parcel.action.clone(), parcel.terms.broker.entry);
        let Ok(refusal) = Refusal::open(compact, &entry) else { return };
        let kept = self.vault.update(|contents| {
            for kept in contents.actions.iter_mut().filter(|kept| kept.digest == digest) {
                kept.refusal = Some(compact.to_owned());
            }
        });
        if let Err(error) = kept {
            self.vault_trouble(&error).await;
        }
        self.check_refused(&digest).await;
        self.meet_refusal(&refusal, compact).await;
        let room = action.room();
        let named = Statement::Refusal(compact.to_owned());
        if !action.opens_a_room() && !self.take_statement(room, named).await {
            return;
        }
        let stamped = self.stamped_as(&action, refusal.stamp);
        match stamped {
            Some(stamped) => {
                if self.tell_refusal(&stamped, &refusal, compact).await == Told::Unchecked {
                    let compact = compact.to_owned();
                    self.deliveries.refused_ahead(RefusedAhead { stamped, refusal, compact });
                }
            }
            // All stamps of what this run handed in are known.
            None if self.outbox.has_seen(&digest) => {
                self.accuse(
                    Some(room),
                    "the broker refused by a stamp that your action never had",
                    "nobody can check its reason; do it again, and keep an eye on this broker",
                    Exhibit::Notes("refusal", &[compact, action.compact()]),
                )
                .await;
            }
            None => self.tell_unchecked(refusal.code).await,
        }
    }

    /// Judges again what was refused by a log that had not arrived. It was told then, so what is true is not told
    /// twice.
    pub(super) async fn settle_delivered_refusals(&mut self, room: RoomName) {
        for refused in self.deliveries.take_ahead(room) {
            let RefusedAhead { stamped, refusal, compact } = &refused;
            if self.tell_if_false(stamped, refusal, compact).await == Told::Unchecked {
                self.deliveries.refused_ahead(refused);
            }
        }
    }

    /// The broker says that there was nothing to decide about. Its author knows better, or not.
    async fn delivery_unreadable(
        &mut self,
        digest: Digest,
        room: RoomName,
        sealed: &Sealed,
        compact: String,
    ) {
        let Some(parcel) = self.deliveries.parcels.get(&digest) else { return };
        let Ok(word) = Unreadable::open(&compact, &parcel.terms.broker.entry) else { return };
        let [seed, inner] = sealed.seeds;
        let shows = |code| word.code == code;
        let credentials = shows(UnreadableCode::Author)
            .then(|| ShownCredentials { credentials: sealed.credentials.clone(), seed: inner });
        let replica = self.rooms.get(&room);
        let head = replica.and_then(|it| it.witnessed.final_head()).map(str::to_owned);
        let proof = Evidence::FalseUnreadable(Box::new(FalseUnreadable {
            certificate: self.connection.certificate().to_owned(),
            opening: parcel.opening.clone(),
            action: parcel.action.compact().to_owned(),
            stamp: sealed.delivery.stamp.clone(),
            author: sealed.author.clone(),
            seed,
            credentials,
            head: head.filter(|_| shows(UnreadableCode::Room)),
            unreadable: compact.clone(),
        }));
        let code = word.code.as_str();
        if proof.verify().is_ok() {
            let message =
                format!("the broker says falsely that it cannot read your action ({code})");
            let advice = if shows(UnreadableCode::Author) {
                "the evidence shows your persona to whoever reads it; keep away from this broker"
            } else {
                "keep away from this broker, and show the evidence to others"
            };
            return self
                .accuse(Some(room), &message, advice, Exhibit::Proof(&proof, Some(room)))
                .await;
        }
        let message = format!("the broker says that it cannot read your action ({code})");
        let advice = "renew your certificate if it ended, and do it again";
        self.refuse(Report::new("deliver.unreadable", message, advice)).await;
    }

    fn silence(&self, digest: Digest) -> Option<(RoomName, Evidence)> {
        let parcel = self.deliveries.parcels.get(&digest)?;
        let proof = Evidence::Suppressed(Suppressed {
            certificate: self.connection.certificate().to_owned(),
            opening: parcel.opening.clone(),
            action: parcel.action.compact().to_owned(),
            statements: parcel.words.clone(),
        });
        Some((parcel.action.room(), proof))
    }

    fn is_shown(&self, digest: Digest) -> bool {
        self.silence(digest).is_some_and(|(_, proof)| proof.verify().is_ok())
    }

    /// Says that the broker does not answer, once as many witnesses say so as must.
    async fn accuse_of_silence(&mut self, digest: Digest) {
        let Some((room, proof)) = self.silence(digest) else { return };
        match proof.verify() {
            Ok(_) => {
                self.accuse(
                    Some(room),
                    "the broker leaves your action unanswered, as witnesses testify",
                    "it may still be logged; do it elsewhere, and show the evidence to others",
                    Exhibit::Proof(&proof, Some(room)),
                )
                .await;
            }
            Err(_) => {
                let text =
                    "a witness testifies that the broker does not answer; alone it is no evidence";
                self.note(text.to_owned()).await;
            }
        }
    }
}

/// What is said of a delivery that nothing came of.
fn end_of(seen: LastSeen) -> Report {
    let (code, message, advice) = match seen {
        LastSeen::Nowhere => (
            "deliver.witness",
            "no witness took it",
            "check the addresses of the witnesses, and try again",
        ),
        LastSeen::Unheard => (
            "deliver.witness",
            "no witness that took it says what came of it",
            "it may be in the log, so look at the room; then deliver it through other witnesses",
        ),
        LastSeen::Waiting => (
            "deliver.waiting",
            "the broker does not fetch what waits for it at the witnesses",
            "while it does not, nothing in this room becomes final; do it elsewhere",
        ),
        LastSeen::Offered => (
            "deliver.offered",
            "the broker has not answered so far",
            "deliver it again: the witnesses count for how long it does not answer",
        ),
    };
    Report::new(code, message, advice)
}

#[cfg(test)]
mod tests;
