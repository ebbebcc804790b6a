//! Rooms in which a session is behind, each with its turn.

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

    /// Takes the room whose turn it is.
    pub(super) fn pop(&mut self) -> Option<RoomName> {
        self.0.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_stays_behind_takes_no_other_rooms_turn() {
        let rooms = [1, 2, 3].map(|number| RoomName([number; 32]));
        let [long, other, last] = rooms;
        let mut behind = Behind::default();
        // At every beat all of them are noted, the one that never gets there among them.
        rooms.iter().for_each(|room| behind.push(*room));
        assert_eq!(behind.pop(), Some(long));
        behind.push(long);
        rooms.iter().for_each(|room| behind.push(*room));
        assert_eq!([behind.pop(), behind.pop()], [Some(other), Some(last)]);
        assert_eq!(behind.pop(), Some(long));
        assert!(behind.is_empty() && behind.pop().is_none());
    }
}
