//! What stands on the wire before the broker, with every key of the house, and does one cheat to one person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pregao_protocol::log::stamp::{BatchHeader, VerifiedBatch};
use pregao_protocol::log::{Cosignature, Head, Origin, RoomName};
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, Ended, Settled, Verb};
use pregao_protocol::value::amount::Amount;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::delivery::{
    AnswerDelivery, DeliveryAnswer, Fetched, Unreadable, UnreadableCode,
};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::refusal::{Held, Refusal};
use tokio::time::Instant;

use super::forger::Forger;
use super::line::Line;
use super::private::PrivateRooms;
use super::{Cheat, HELD_BACK};
use crate::liar::Lie;
use crate::sim::programs::HouseSecrets;

/// After this much time what is final is old enough to be gone back behind.
const LATER: Duration = Duration::from_secs(12);

/// Does it to one person.
pub(super) struct Cheater {
    pub(super) cheat: Cheat,
    pub(super) secrets: HouseSecrets,
    /// How often it was done.
    pub(super) done: Arc<AtomicU64>,
    /// The newest header that was announced.
    pub(super) tick: Option<VerifiedBatch>,
    /// Heads that were passed on, by room and size.
    pub(super) heads: BTreeMap<RoomName, BTreeMap<u64, Digest>>,
    /// The largest head of each room that was cosigned, and when that was passed on.
    pub(super) cosigned: BTreeMap<RoomName, (u64, Time)>,
    /// The room that is held back, since when, and what came of it.
    pub(super) held: Option<(RoomName, Time, Vec<FromBroker>)>,
    /// Since when it is held back, by the clock of everything simulated.
    pub(super) held_since: Option<Instant>,
    /// How the line was meanwhile.
    pub(super) line: Arc<Mutex<Line>>,
    /// Shows logs otherwise than they are.
    pub(super) forger: Forger,
    /// Where the victim sells or has won.
    pub(super) private: PrivateRooms,
    /// What the victim handed in.
    pub(super) handed_in: BTreeSet<Digest>,
}

impl Cheater {
    fn now(&self) -> Option<Time> {
        self.tick.as_ref().map(VerifiedBatch::time)
    }

    fn once(&self) -> bool {
        self.done.load(Ordering::Relaxed) == 0
    }

    fn do_it(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn origin(&self, room: RoomName) -> Origin {
        Origin { broker: self.secrets.broker.session.public().fingerprint(), room }
    }

    /// Remembers what passes.
    fn watch(&mut self, frame: &FromBroker) {
        let key = self.secrets.broker.head.public();
        self.private.watch(frame);
        match frame {
            FromBroker::Tick { .. } => self.line.lock().tick(),
            FromBroker::Welcome { .. } => self.line.lock().begin(),
            _ => {}
        }
        match frame {
            FromBroker::Tick { batch } | FromBroker::Welcome { batch, .. } => {
                let batch = VerifiedBatch::open(batch, &[self.secrets.stamp.public()]).ok();
                self.tick = batch.or(self.tick.take());
            }
            FromBroker::Entries { room, head: Some(note), .. } => {
                if let Ok(head) = Head::open(note, &self.origin(*room), &key) {
                    self.heads.entry(*room).or_default().insert(head.size, head.root);
                }
            }
            FromBroker::Cosigned { room, head: note } => {
                let opened = Head::open(note, &self.origin(*room), &key);
                if let (Ok(head), Some(now)) = (opened, self.now()) {
                    let last = self.cosigned.entry(*room).or_insert((head.size, now));
                    if last.0 < head.size {
                        *last = (head.size, now);
                    }
                }
            }
            _ => {}
        }
    }

    /// Another head of this size.
    fn other_head(&self, room: RoomName, size: u64) -> Head {
        Head { origin: self.origin(room), size, root: Digest::of(&size.to_be_bytes()) }
    }

    /// What is said besides a frame that passes.
    fn beside(&self, frame: &FromBroker) -> Option<FromBroker> {
        match (self.cheat, frame) {
            (Cheat::Fork, FromBroker::Entries { room, .. }) => {
                // Of a log of which two heads were shown, the first is forked.
                let heads = self.heads.get(room).filter(|heads| heads.len() > 1)?;
                let (size, _) = heads.first_key_value()?;
                let head = self.other_head(*room, *size).sign(&self.secrets.broker.head);
                Some(FromBroker::Cosigned { room: *room, head })
            }
            (Cheat::TwoTsas, FromBroker::Tick { .. }) => {
                let header = self.tick.as_ref()?.header().clone();
                let time = header.time.plus(Duration::from_micros(1));
                let header = BatchHeader { time, ..header };
                Some(FromBroker::Tick { batch: header.sign(&self.secrets.stamp) })
            }
            (Cheat::CosignedTwice, FromBroker::Cosigned { room, head: note }) => {
                let key = self.secrets.broker.head.public();
                let size = Head::open(note, &self.origin(*room), &key).ok()?.size;
                // Only of what the peer can have as well.
                self.heads.get(room)?.get(&size)?;
                let witness = &self.secrets.witness;
                let name = note.lines().last()?.split(' ').nth(1)?.parse().ok()?;
                let head = self.other_head(*room, size);
                let seconds = self.now()?.as_micros() / 1_000_000;
                let mut note = head.sign(&self.secrets.broker.head);
                note.push_str(&Cosignature::sign(&head, seconds, witness).line(&name));
                Some(FromBroker::Cosigned { room: *room, head: note })
            }
            _ => None,
        }
    }

    /// Instead of entries, once.
    fn instead(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let FromBroker::Entries { room, headers, entries, head } = frame else {
            return vec![frame];
        };
        let known = self.heads.get(&room).is_some_and(|heads| heads.len() > 1);
        match self.cheat {
            Cheat::Drop if known && self.once() => {
                self.do_it();
                Vec::new()
            }
            Cheat::Reorder if known && (self.once() || self.held.is_some()) => {
                let frame = FromBroker::Entries { room, headers, entries, head };
                match self.held.take() {
                    // The next of the same room overtakes it.
                    Some((of, _, earlier)) if of == room => {
                        std::iter::once(frame).chain(earlier).collect()
                    }
                    Some(other) => {
                        self.held = Some(other);
                        vec![frame]
                    }
                    // If none comes any more, it is held back for good.
                    None => {
                        self.do_it();
                        self.held = Some((room, self.now().unwrap_or_default(), vec![frame]));
                        Vec::new()
                    }
                }
            }
            _ => vec![FromBroker::Entries { room, headers, entries, head }],
        }
    }

    /// Holds a room back, for good or for a while.
    fn hold(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        let Some(now) = self.now() else { return vec![frame] };
        let of = |frame: &FromBroker| match frame {
            FromBroker::Entries { room, .. } | FromBroker::Cosigned { room, .. } => Some(*room),
            _ => None,
        };
        // Held back while a line stalls, it shows nothing (SPEC 7.8): whoever delays for gain does it again.
        let again = self.once() || self.cheat == Cheat::Delay;
        if self.held.is_none()
            && again
            && let Some(room) = of(&frame)
            && self.heads.get(&room).is_some_and(|heads| heads.len() > 1)
            && matches!(frame, FromBroker::Entries { .. })
        {
            self.do_it();
            self.held = Some((room, now, Vec::new()));
            self.held_since = Some(Instant::now());
        }
        let Some((room, since, queue)) = &mut self.held else { return vec![frame] };
        if of(&frame) == Some(*room) {
            // Of what is withheld for good, the heads are shown.
            let is_entries = matches!(frame, FromBroker::Entries { .. });
            if self.cheat == Cheat::Withhold && !is_entries {
                return vec![frame];
            }
            queue.push(frame);
            return Vec::new();
        }
        let mut said = Vec::new();
        if self.cheat == Cheat::Delay && now.since(*since) > HELD_BACK {
            said.append(queue);
            self.held = None;
            let since = self.held_since.take();
            since.into_iter().for_each(|since| self.line.lock().release(since));
        }
        said.push(frame);
        said
    }

    /// A refusal of what is handed in.
    fn refuse(&self, frame: &FromPeer) -> Option<FromBroker> {
        let FromPeer::Submit { n, action, stamp, .. } = frame else { return None };
        let action = Action::parse(action).ok().filter(|it| it.body().verb() == Verb::Bid)?;
        let (room, header) = (action.room(), self.tick.as_ref()?);
        let heads = self.heads.get(&room)?;
        let (size, root) = match self.cheat {
            Cheat::UnsignedRefusal => {
                return Some(FromBroker::Failed { n: *n, code: Code::BidTooLow.to_string() });
            }
            Cheat::FalseRefusal => heads.last_key_value()?,
            Cheat::Rollback => {
                let (size, at) = self.cosigned.get(&room)?;
                let later = header.header().prev_time > at.plus(LATER);
                heads.range(..*size).next_back().filter(|_| later)?
            }
            _ => return None,
        };
        let refusal = Refusal {
            digest: action.digest(),
            room,
            stamp: BatchHeader::hash(&stamp.batch),
            // The currency is always the same here.
            code: Code::BidCurrency,
            size: *size,
            root: *root,
            batch: header.hash(),
            same_author: Vec::new(),
            until: None,
            header: header.compact().to_owned(),
        };
        let refusal = refusal.sign(&self.secrets.broker.entry);
        Some(FromBroker::Refused { n: *n, refusal })
    }
}

impl Cheater {
    /// Signs that a disclosure is kept, which nobody ever sees.
    fn keep(&self, frame: &FromPeer) -> Option<FromBroker> {
        let FromPeer::Submit { n, action, stamp, .. } = frame else { return None };
        let action = Action::parse(action).ok().filter(|it| it.body().verb() == Verb::Disclose)?;
        let stamp = BatchHeader::hash(&stamp.batch);
        let held = Held { digest: action.digest(), room: action.room(), stamp };
        Some(FromBroker::Held { n: *n, held: held.sign(&self.secrets.broker.entry) })
    }
}

/// What is logged instead of an action of the broker.
fn instead_of(cheat: Cheat, body: &Body) -> Option<Body> {
    let other = |outcome: Digest| Digest::of(&outcome.0);
    match (cheat, body) {
        (Cheat::SettleWrongly, Body::Settled(settled)) => {
            let cosigned = settled.cosigned.clone();
            let (winner, price) = match settled.winner {
                Some(_) => (None, None),
                None => (Some(1), Amount::try_from(1).ok()),
            };
            Some(Body::Settled(Settled { winner, price, cosigned }))
        }
        (Cheat::FalseOutcome, Body::Revealed(told)) => {
            Some(Body::Revealed(Ended { outcome: other(told.outcome) }))
        }
        _ => None,
    }
}

impl Lie for Cheater {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        match self.cheat {
            Cheat::SettleWrongly | Cheat::FalseOutcome => {
                self.watch(&frame);
                let (cheat, had) = (self.cheat, self.forger.has_forged());
                let keys = &self.secrets.broker;
                let private = &self.private;
                let other = |room, body: &Body| {
                    // Nobody else can know.
                    let is_noticed = cheat != Cheat::FalseOutcome || private.is_side_in(room);
                    instead_of(cheat, body).filter(|_| is_noticed)
                };
                let mut shown = self.forger.show(frame, keys, other);
                if self.forger.has_forged() && !had {
                    self.do_it();
                }
                shown.extend(self.private.grown(&self.secrets.broker));
                return shown;
            }
            Cheat::Withhold | Cheat::Delay => {
                let said = self.hold(frame.clone());
                self.watch(&frame);
                return said;
            }
            Cheat::OldTime => {
                let before = self.tick.clone();
                self.watch(&frame);
                // The first of all is said again a minute later.
                let FromBroker::Tick { .. } = frame else { return vec![frame] };
                let (Some(first), Some(now)) = (before, self.now()) else { return vec![frame] };
                // The first of all is said again, and no other any more.
                let (_, since, first) = self.held.get_or_insert_with(|| {
                    let tick = FromBroker::Tick { batch: first.compact().to_owned() };
                    (RoomName([0; 32]), first.time(), vec![tick])
                });
                if now.since(*since) > HELD_BACK {
                    let first = first.clone();
                    self.do_it();
                    return first;
                }
                return vec![frame];
            }
            Cheat::FalseAbsence => {
                self.watch(&frame);
                let grown = self.private.grown(&self.secrets.broker);
                return std::iter::once(frame).chain(grown).collect();
            }
            Cheat::NoReceipts if matches!(frame, FromBroker::Receipt { .. }) => {
                self.do_it();
                return Vec::new();
            }
            _ => {}
        }
        let mut said = self.instead(frame.clone());
        self.watch(&frame);
        if self.once()
            && let Some(lie) = self.beside(&frame)
        {
            self.do_it();
            said.push(lie);
        }
        said
    }

    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        let needs_private = matches!(self.cheat, Cheat::FalseOutcome | Cheat::FalseAbsence);
        if let FromPeer::Join { room, from, member: Some(_) } = frame
            && needs_private
        {
            return self.private.join(*room, *from, &self.secrets.broker);
        }
        let is_submit = matches!(frame, FromPeer::Submit { .. });
        if let FromPeer::Submit { action, .. } = frame {
            self.handed_in.extend(Action::parse(action).ok().map(|action| action.digest()));
        }
        match self.cheat {
            Cheat::Swallow if is_submit => {
                self.do_it();
                return Some(Vec::new());
            }
            // It is done once the witness offers it.
            Cheat::Suppress | Cheat::FalseUnreadable if is_submit => return Some(Vec::new()),
            Cheat::FalseAbsence => {
                let kept = self.keep(frame)?;
                self.do_it();
                return Some(vec![kept]);
            }
            _ => {}
        }
        let refused = self.refuse(frame)?;
        self.do_it();
        Some(vec![refused])
    }

    fn fetched(&mut self, fetched: &Fetched) -> Option<(Fetched, Option<AnswerDelivery>)> {
        let delivery = fetched.delivery.as_ref()?;
        if !self.handed_in.contains(&delivery.digest) {
            return None;
        }
        let unreadable = match self.cheat {
            Cheat::Suppress => None,
            Cheat::FalseUnreadable => {
                let header = self.tick.as_ref()?.compact().to_owned();
                let (delivery, code) = (delivery.id(), UnreadableCode::Sealed);
                Some(Unreadable { delivery, code, header })
            }
            _ => return None,
        };
        self.do_it();
        let answer = unreadable.map(|unreadable| AnswerDelivery {
            delivery: unreadable.delivery,
            answer: DeliveryAnswer::Unreadable(unreadable.sign(&self.secrets.broker.entry)),
        });
        Some((Fetched { nonce: fetched.nonce, delivery: None }, answer))
    }
}
