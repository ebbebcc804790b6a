//! Rooms in which a session is behind, in the order in which it catches up.

use std::collections::VecDeque;

use pregao_protocol::log::RoomName;

/// Rooms to catch up with, the one that has waited longest first; each at most once, so that the
/// rooms followed bound it.
#[derive(Debug, Default)]
pub(super) struct Behind(VecDeque<RoomName>);

impl Behind {
    /// Puts a room last, unless it waits already.
    pub(super) fn push(&mut self, room: RoomName) {
        if !self.0.contains(&room) {
            self.0.push_back(room);
        }
    }

    /// Takes the room that has waited longest.
    pub(super) fn pop(&mut self) -> Option<RoomName> {
        self.0.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
