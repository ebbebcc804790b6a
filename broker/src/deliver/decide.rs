//! What is answered to a delivery.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::{Entry, Receipt};
use pregao_protocol::room::Undecided;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Signer;
use pregao_protocol::trust::certificate::verify_persona_certificate;
use pregao_protocol::trust::key::{Authority, PublicKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_ANSWER;
use pregao_protocol::wire::delivery::{Delivery, DeliveryAnswer, Unreadable, UnreadableCode};
use pregao_protocol::wire::frame::FromBroker;
use tokio::sync::mpsc;

use crate::check::Submission;
use crate::registry::Registry;
use crate::responder::Responder;
use crate::shared::Shared;
use crate::store::RoomName;

/// Decides about deliveries of one witness, one after the other.
pub(super) struct Decider {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    authority: PublicKey<Authority>,
}

/// What stands in the way of an answer.
enum Cause {
    /// Something in the delivery: that is the answer.
    Unreadable(UnreadableCode),
    /// Something here: there is an answer later.
    NotNow,
}

impl Decider {
    pub(super) const fn new(
        shared: Arc<Shared>,
        registry: Arc<Registry>,
        authority: PublicKey<Authority>,
    ) -> Self {
        Self { shared, registry, authority }
    }

    /// The answer, or nothing while there is none: the TSA is away, say, or the store.
    pub(super) async fn decide(&self, delivery: &Delivery) -> Option<DeliveryAnswer> {
        // What is said of it is said by this header, and whoever reads that judges by its time.
        let newest = self.shared.stamps.newest().ok()?.batch;
        match self.hand_in(delivery, newest.time()).await {
            Ok(answer) => Some(answer),
            Err(Cause::Unreadable(code)) => {
                let header = newest.compact().to_owned();
                let unreadable = Unreadable { delivery: delivery.id(), code, header };
                Some(DeliveryAnswer::Unreadable(unreadable.sign(&self.shared.keys.entry)))
            }
            Err(Cause::NotNow) => None,
        }
    }

    async fn hand_in(&self, delivery: &Delivery, now: Time) -> Result<DeliveryAnswer, Cause> {
        let (action, submission) = self.open(delivery, now)?;
        let room = action.room();
        let is_public = |room| {
            let handle = self.registry.room(room);
            handle.is_some_and(|handle| handle.readers.is_none())
        };
        if !action.opens_a_room() && !is_public(room) {
            return Err(Cause::Unreadable(UnreadableCode::Room));
        }
        match self.submit(submission).await? {
            FromBroker::Receipt { seq, path, head, .. } => {
                let receipt = self.receipt(&action, seq, path, head).await?;
                Ok(DeliveryAnswer::Receipt(Box::new(receipt)))
            }
            FromBroker::Refused { refusal, .. } => Ok(DeliveryAnswer::Refusal(refusal)),
            FromBroker::Failed { code, .. } => Err(cause(&code)),
            _ => Err(Cause::NotNow),
        }
    }

    /// Opens both layers, and finds out whose the action is.
    fn open(&self, delivery: &Delivery, now: Time) -> Result<(Action, Submission), Cause> {
        let unreadable = Cause::Unreadable;
        let key = &self.shared.keys.delivery;
        let contents = delivery.open(key).map_err(|_| unreadable(UnreadableCode::Sealed))?;
        let action = Action::parse(&contents.action)
            .ok()
            .filter(|action| (action.digest(), action.room()) == (delivery.digest, delivery.room))
            .filter(|action| action.body().signer() == Signer::Persona)
            .ok_or(unreadable(UnreadableCode::Action))?;
        let nobody = || unreadable(UnreadableCode::Author);
        let credentials = delivery.author(&contents, key).map_err(|_| nobody())?;
        let certified = verify_persona_certificate(&credentials.certificate, &self.authority, now);
        let persona = Some(certified.map_err(|_| nobody())?.into());
        let (stamp, blind) = (delivery.stamp.clone(), credentials.blind);
        Ok((action, Submission { action: contents.action, stamp, blind, persona, pass: None }))
    }

    /// Hands it in as a session does.
    async fn submit(&self, submission: Submission) -> Result<FromBroker, Cause> {
        let (to, mut answers) = mpsc::unbounded_channel();
        let reply =
            Responder { n: 0, to, metrics: Arc::clone(&self.shared.metrics), account: None };
        let registry = Arc::clone(&self.registry);
        let route = Box::new(move |verdict| registry.route(verdict, reply));
        // Actions of one author come one after the other, so any worker keeps their order.
        self.shared.checker.check(0, submission, route).map_err(|_| Cause::NotNow)?;
        let within = Duration::from_secs(MAX_ANSWER);
        let answer = tokio::time::timeout(within, answers.recv()).await;
        answer.ok().flatten().ok_or(Cause::NotNow)
    }

    /// A receipt for somebody who does not follow the room.
    async fn receipt(
        &self,
        action: &Action,
        seq: u64,
        path: Vec<Digest>,
        head: String,
    ) -> Result<Receipt, Cause> {
        let room = action.room();
        let (entry, header) = self.entry(room, seq).await?;
        let opening = match seq {
            0 => action.compact().to_owned(),
            _ => {
                let (first, _) = self.entry(room, 0).await?;
                Entry::parse(&first).map_err(|_| Cause::NotNow)?.action
            }
        };
        Ok(Receipt { opening, header, entry, path, head })
    }

    async fn entry(&self, room: RoomName, seq: u64) -> Result<(String, String), Cause> {
        let read = self.shared.reader.read(move |log| log.read(&room, seq, 1)).await;
        let entry = read.ok().and_then(|entries| entries.into_iter().next());
        let entry = entry.filter(|entry| entry.seq == seq).ok_or(Cause::NotNow)?;
        Ok((entry.text, entry.header.to_string()))
    }
}

/// What a code that decides nothing means for a delivery.
fn cause(code: &str) -> Cause {
    let is = |undecided: Undecided| undecided.code().as_str() == code;
    let unreadable = if is(Undecided::PARSE) {
        UnreadableCode::Action
    } else if is(Undecided::BLIND) {
        UnreadableCode::Author
    } else if is(Undecided::STAMP_UNKNOWN_TSA) || is(Undecided::STAMP_OTHER) {
        UnreadableCode::Stamp
    } else if is(Undecided::ROOM_UNKNOWN) {
        UnreadableCode::Room
    } else {
        return Cause::NotNow;
    };
    Cause::Unreadable(unreadable)
}
