//! The newest cosigned head of each room that is to be kept: at most one for each room and second.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use pregao_protocol::log::RoomName;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::targets::APART;

/// What is to be kept.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    rooms: Mutex<BTreeMap<RoomName, Kept>>,
    /// There may be something to keep.
    pub(crate) wake: Notify,
}

/// What is to be kept of one room, and what was.
#[derive(Debug, Default)]
struct Kept {
    /// Not kept yet.
    next: Option<(u64, Arc<str>)>,
    /// When something was kept, or tried to be.
    last: Option<Instant>,
}

/// A head to be kept now.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) room: RoomName,
    pub(crate) size: u64,
    pub(crate) note: Arc<str>,
}

impl Keeper {
    /// Has a head kept in place of one that waits.
    pub(crate) fn keep(&self, room: RoomName, size: u64, note: Arc<str>) {
        let mut rooms = self.rooms.lock();
        let kept = rooms.entry(room).or_default();
        if kept.next.as_ref().is_none_or(|(before, _)| *before <= size) {
            kept.next = Some((size, note));
        }
        drop(rooms);
        self.wake.notify_one();
    }

    /// What is due, and when more is. Rooms of which nothing waits and nothing was kept lately are
    /// forgotten.
    pub(crate) fn due(&self, now: Instant) -> (Vec<Due>, Option<Instant>) {
        let (mut due, mut later) = (Vec::new(), None::<Instant>);
        self.rooms.lock().retain(|room, kept| {
            let at = kept.last.map_or(now, |last| last + APART);
            if at > now {
                later = Some(later.map_or(at, |later| later.min(at)));
                return true;
            }
            let Some((size, note)) = kept.next.take() else { return false };
            kept.last = Some(now);
            due.push(Due { room: *room, size, note });
            true
        });
        (due, later)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn room(number: u8) -> RoomName {
        RoomName([number; 32])
    }

    fn due(keeper: &Keeper, millis: u64, start: Instant) -> Vec<(u8, u64)> {
        let (due, _) = keeper.due(start + Duration::from_millis(millis));
        due.iter().map(|due| (due.room.0[0], due.size)).collect()
    }

    #[test]
    fn the_newest_of_each_room_is_kept_once_a_second_and_no_older_one() {
        let (keeper, start) = (Keeper::default(), Instant::now());
        let keep = |number, size| keeper.keep(room(number), size, "note".into());
        keep(1, 5);
        keep(2, 7);
        keep(1, 6);
        keep(1, 4);
        assert_eq!(due(&keeper, 0, start), [(1, 6), (2, 7)]);
        keep(1, 8);
        assert!(due(&keeper, 999, start).is_empty());
        assert_eq!(keeper.due(start + Duration::from_millis(999)).1, Some(start + APART));
        assert_eq!(due(&keeper, 1_000, start), [(1, 8)]);
        assert_eq!(keeper.rooms.lock().len(), 1, "the other is forgotten");
        assert!(due(&keeper, 2_000, start).is_empty());
        assert!(keeper.rooms.lock().is_empty());
        assert_eq!(keeper.due(start + Duration::from_secs(9)).1, None);
    }

    #[test]
    fn more_lines_under_the_same_head_take_the_place_of_fewer() {
        let (keeper, start) = (Keeper::default(), Instant::now());
        keeper.keep(room(1), 5, "one line".into());
        keeper.keep(room(1), 5, "two lines".into());
        let (due, _) = keeper.due(start);
        assert_eq!(&*due[0].note, "two lines");
    }
}
