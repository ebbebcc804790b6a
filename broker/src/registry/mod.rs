//! The rooms that are served, by their names: what is for a room finds it here, and what opens one waits
//! here for it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::{Kind, Undecided};
use pregao_protocol::trust::key::{OneTime, PublicKey};
use tokio::sync::mpsc;

use crate::check::Verdict;
use crate::responder::Responder;
use crate::room::kinds::{Follower, Followers, Follows, follows, has_handle, is_listed, passes};
use crate::room::{
    MAILBOX, OwnerPace, RoomDirectory, RoomHandle, RoomInbox, RoomMessage, RoomSignal, RoomState,
    RoomTask, Submitted, opening,
};
use crate::shared::Shared;
use crate::store::StoreError;

/// Every room of one broker.
#[derive(Debug)]
pub struct Registry {
    shared: Arc<Shared>,
    rooms: RwLock<HashMap<RoomName, RoomHandle>>,
    /// Rooms being opened, with what was handed in for each meanwhile, in order (V-092).
    opening: Mutex<HashMap<RoomName, VecDeque<(Submitted, Responder)>>>,
}

impl RoomDirectory for Registry {
    fn serve(self: Arc<Self>, state: RoomState) {
        let name = state.name();
        let readers = state.room.ledger().readers().map(Arc::from);
        let is_listed = readers.is_none() && is_listed(&state.room);
        let first = state.first.clone();
        let (kind, is_person) = (state.room.kind(), has_handle(&state.room));
        if kind == Kind::MessageBox && state.room.is_complete() {
            self.shared.people.close(name);
        }
        let (mut handle, mut inbox) = mailbox(name, kind, readers);
        if kind == Kind::MessageBox {
            let owner = *state.room.ledger().opened_by();
            let pace = OwnerPace::of(owner, self.shared.host.clock.uptime());
            handle.pace = Some(pace.clone());
            inbox.pace = Some(pace);
        }
        self.rooms.write().insert(name, handle);
        let shared = Arc::clone(&self.shared);
        shared.metrics.rooms.add(1);
        shared.host.task(RoomTask::new(Arc::clone(&shared), self, state, inbox).run());
        if is_listed {
            shared.lobby.add(first);
        } else if is_person {
            shared.people.add(name, first);
        }
    }

    fn notify(&self, name: RoomName, signal: RoomSignal) {
        if let Some(handle) = self.room(name) {
            // A room ends only with the process.
            let _ = handle.signals.send(signal);
        }
    }
}

/// The only keys whose holders may watch a room.
type Readers = Arc<[PublicKey<OneTime>]>;

/// Both ends of the way to a room.
fn mailbox(name: RoomName, kind: Kind, readers: Option<Readers>) -> (RoomHandle, RoomInbox) {
    let (mailbox, messages) = mpsc::channel(MAILBOX);
    let (signals, received) = mpsc::unbounded_channel();
    let handle = RoomHandle { name, kind, mailbox, signals, readers, pace: None };
    (handle, RoomInbox { messages, signals: received, pace: None })
}

impl Registry {
    /// No rooms yet.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { shared, rooms: RwLock::default(), opening: Mutex::default() })
    }

    /// Takes up every room of the store where it was.
    ///
    /// # Errors
    /// A failure of the store, or a log that does not hold.
    pub async fn resume(self: &Arc<Self>) -> Result<(), StoreError> {
        let rooms = self.shared.reader.read_long(|log| log.rooms()).await?;
        let mut followers = Followers::new();
        let mut opened = Vec::new();
        for stored in rooms {
            let loaded = RoomState::load(&self.shared, stored.name).await?;
            if let Some(Follows { room, seq }) = follows(&loaded.room) {
                let follower = Follower { seq, name: stored.name, kind: loaded.room.kind() };
                followers.entry(room).or_default().push(follower);
            }
            if passes::is_kept(&self.shared, &loaded.room) {
                // Of several the newest.
                self.shared.passes.state_in(stored.name);
            }
            opened.push(loaded);
        }
        let directory: Arc<dyn RoomDirectory> = Arc::clone(self) as _;
        for mut loaded in opened {
            let ledger = loaded.room.ledger();
            let name = ledger.name();
            if !ledger.is_opened_by_broker() {
                // Without it the seller could bid on their own item.
                let links = self.shared.authors.of(name).await?.unwrap_or_default();
                let opener = *ledger.opened_by();
                loaded.opener = links.into_iter().find(|link| link.key == opener);
            }
            let followers = followers.get(&name).map_or(&[][..], Vec::as_slice);
            loaded.resume(&self.shared, &directory, followers).await?;
            Arc::clone(self).serve(loaded);
        }
        Ok(())
    }

    /// Puts a mailbox that no room reads in the place of a room, so that a test sees what is sent there.
    #[cfg(test)]
    pub(crate) fn replace_room(&self, name: RoomName) -> RoomInbox {
        let (handle, inbox) = mailbox(name, Kind::Auction, None);
        self.rooms.write().insert(name, handle);
        inbox
    }

    /// Wakes a room because TSA time has reached an instant that it asked for.
    pub fn wake(&self, name: RoomName) {
        self.notify(name, RoomSignal::Due);
    }

    /// The way to a room.
    #[must_use]
    pub fn room(&self, name: RoomName) -> Option<RoomHandle> {
        self.rooms.read().get(&name).cloned()
    }

    /// Sends a room a message, unless its mailbox is full: then the next occasion does.
    pub fn try_send(&self, name: RoomName, message: RoomMessage) {
        if let Some(handle) = self.room(name)
            && handle.mailbox.try_send(message).is_err()
        {
            tracing::warn!("a room's mailbox is full");
        }
    }

    /// Brings a worker's verdict to the room it concerns, behind what was handed in for that room
    /// before (V-092).
    pub fn route(self: &Arc<Self>, verdict: Verdict, reply: Responder) {
        let handed = match verdict {
            Verdict::Garbage { .. } => return reply.fail(Undecided::PARSE),
            Verdict::Bad { action, code } => Submitted::Repeated(action, code),
            Verdict::Good(checked) => Submitted::Checked(checked),
        };
        let name = handed.action().room();
        let opens = matches!(&handed, Submitted::Checked(checked) if checked.opens_a_room());
        let opens = opens && self.room(name).is_none();
        let mut opening = self.opening.lock();
        if let Some(waiting) = opening.get_mut(&name) {
            if waiting.len() < MAILBOX {
                return waiting.push_back((handed, reply));
            }
            drop(opening);
            return reply.fail(Undecided::DOOR_RATE);
        }
        if opens {
            opening.insert(name, VecDeque::new());
            drop(opening);
            let registry = Arc::clone(self);
            self.shared.host.task(async move { registry.list(name, handed, reply).await });
            return;
        }
        drop(opening);
        self.deliver(name, handed, reply);
    }

    fn deliver(&self, name: RoomName, handed: Submitted, reply: Responder) {
        let Some(handle) = self.room(name) else {
            return reply.fail(match handed {
                // It would have opened the room: what is wrong with it says more.
                Submitted::Repeated(action, code) if action.opens_a_room() => code,
                Submitted::Repeated(..) | Submitted::Checked(_) => Undecided::ROOM_UNKNOWN,
            });
        };
        // Whatever else is wrong with it: who is no part of a room is told nothing of it.
        if !handle.is_there_for(handed.action()) {
            return reply.fail(Undecided::ROOM_UNKNOWN);
        }
        let handed = match handed {
            // The room is there: this listing was handed in before.
            Submitted::Checked(checked) if checked.opens_a_room() => {
                let action = Box::new(checked.stamped().action().clone());
                Submitted::Repeated(action, Undecided::STORE_FAILED)
            }
            handed => handed,
        };
        if let Err(error) = handle.mailbox.try_send(RoomMessage::Submit(handed, reply))
            && let RoomMessage::Submit(_, reply) = error.into_inner()
        {
            reply.fail(Undecided::DOOR_RATE);
        }
    }

    /// Opens the room of a new listing, once, then does what was handed in for it meanwhile:
    /// whoever handed in the same listing gets the same receipt.
    async fn list(self: Arc<Self>, name: RoomName, handed: Submitted, reply: Responder) {
        let mut next = Some((handed, reply));
        while let Some((handed, reply)) = next {
            match handed {
                Submitted::Checked(checked)
                    if checked.opens_a_room() && self.room(name).is_none() =>
                {
                    opening::list(&self.shared, Arc::clone(&self) as _, &checked, reply).await;
                }
                handed => self.deliver(name, handed, reply),
            }
            next = self.next_of_opening(name);
        }
    }

    /// What waits next for a room to be opened; what comes after the last goes to the room.
    fn next_of_opening(&self, name: RoomName) -> Option<(Submitted, Responder)> {
        let mut opening = self.opening.lock();
        let next = opening.get_mut(&name).and_then(VecDeque::pop_front);
        if next.is_none() {
            opening.remove(&name);
        }
        next
    }
}

#[cfg(test)]
mod tests;
