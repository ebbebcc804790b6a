//! Frames on their way to the broker, as fast as it allows.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::wire::frame::FromPeer;

use super::Outbox;
use super::pace::Pace;

use crate::desk::Desk;
use crate::desk::connection::SessionLost;
use crate::desk::replica::Replica;

/// How long a room or the list of rooms is not asked for after a refusal at the door.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Outbox {
    /// How many commands wait for a place among what is under way.
    pub(in crate::desk) fn queued(&self) -> usize {
        self.waiting.len()
    }

    fn has_something_to_send(&self) -> bool {
        self.pending.len() > 0
            || !self.waiting.is_empty()
            || !self.unsent.is_empty()
            || !self.asked_later.is_empty()
    }

    /// The next frame other than those for actions, if the pace allows one.
    fn next_frame(&mut self, now: Duration) -> Option<FromPeer> {
        if self.unsent.is_empty() || !self.pace.acquire(now) {
            return None;
        }
        self.unsent.pop_front()
    }

    /// A session begins: frames of the last one are not sent any more.
    pub(in crate::desk) fn begin_session(&mut self) {
        self.puzzles.begin_session();
        self.unsent.clear();
        self.asked_later.clear();
    }

    /// Keeps below what the broker allows.
    pub(in crate::desk) fn keep_pace(&mut self, rate: u32, burst: u32, now: Duration) {
        self.pace = Pace::below(rate, burst, now);
    }

    /// Has a room, or the list of rooms, asked for again: the broker refused at its door.
    pub(in crate::desk) fn ask_later(&mut self, room: Option<RoomName>, now: Duration) {
        self.asked_later.retain(|(_, other)| *other != room);
        self.asked_later.insert((now + AGAIN_AFTER, room));
    }

    /// What is to be asked for again by now: a room, or the list of rooms.
    fn next_asked_later(&mut self, now: Duration) -> Option<Option<RoomName>> {
        let (at, room) = self.asked_later.first().copied()?;
        if at > now {
            return None;
        }
        self.asked_later.pop_first();
        Some(room)
    }
}

impl Desk {
    /// Sends a frame as soon as the pace allows.
    pub(in crate::desk) async fn send(&mut self, frame: FromPeer) -> Result<(), SessionLost> {
        if !self.connection.is_up() {
            return Err(SessionLost::because("there is no connection"));
        }
        self.outbox.unsent.push_back(frame);
        self.send_what_may_go().await
    }

    pub(in crate::desk) fn has_something_to_send(&self) -> bool {
        self.outbox.has_something_to_send()
    }

    /// Sends what the pace allows: what actions under way need goes first.
    pub(in crate::desk) async fn send_what_may_go(&mut self) -> Result<(), SessionLost> {
        self.send_acts().await?;
        while let Some(frame) = self.outbox.next_frame(self.options.host.clock.uptime()) {
            self.send_now(frame).await?;
        }
        Ok(())
    }

    /// Asks again for what was refused at the door a while ago.
    pub(in crate::desk) async fn ask_again(&mut self) -> Result<(), SessionLost> {
        while let Some(room) = self.outbox.next_asked_later(self.options.host.clock.uptime()) {
            match room {
                None => self.send(FromPeer::Rooms { from: self.rooms.list_from() }).await?,
                Some(name) => match self.rooms.get(&name).map(Replica::is_followed) {
                    Some(true) => self.join(name).await?,
                    Some(false) => self.send(FromPeer::Leave { room: name }).await?,
                    None => {}
                },
            }
        }
        Ok(())
    }

    pub(in crate::desk) async fn send_now(&mut self, frame: FromPeer) -> Result<(), SessionLost> {
        self.connection.send(&frame).await
    }
}
