//! Boxes as guests may find them: those whose owners want to be found, in the order in which they were opened, and which are
//! closed (V-295, V-296).

use std::collections::{BTreeMap, HashMap, HashSet};

use parking_lot::Mutex;
use pregao_protocol::log::RoomName;

use crate::store::SharedEntry;

/// The boxes of one broker that are in a list, and those that are closed.
#[derive(Debug, Default)]
pub struct People(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Positions given so far; those of closed boxes are not given again, so that who goes on with the list misses nobody.
    given: u64,
    listed: BTreeMap<u64, SharedEntry>,
    places: HashMap<RoomName, u64>,
    closed: HashSet<RoomName>,
}

/// A part of the list.
#[derive(Debug)]
pub struct Page {
    /// Positions and openings, as logged.
    pub boxes: Vec<(u64, SharedEntry)>,
    /// Where it goes on; nothing if that was all.
    pub next: Option<u64>,
}

impl People {
    /// Lists a box by its opening.
    pub fn add(&self, room: RoomName, opening: SharedEntry) {
        let mut inner = self.0.lock();
        let place = inner.given;
        inner.given = place.saturating_add(1);
        if !inner.closed.contains(&room) {
            inner.listed.insert(place, opening);
            inner.places.insert(room, place);
        }
    }

    /// A box is closed: it is in no list any more.
    pub fn close(&self, room: RoomName) {
        let mut inner = self.0.lock();
        inner.closed.insert(room);
        if let Some(place) = inner.places.remove(&room) {
            inner.listed.remove(&place);
        }
    }

    /// Whether a box is closed.
    #[must_use]
    pub fn is_closed(&self, room: RoomName) -> bool {
        self.0.lock().closed.contains(&room)
    }

    /// Boxes from a position on, at most `limit`.
    #[must_use]
    pub fn page(&self, from: u64, limit: usize) -> Page {
        let inner = self.0.lock();
        let mut rest = inner.listed.range(from..);
        let boxes = rest.by_ref().take(limit).map(|(place, opening)| (*place, opening.clone()));
        let boxes = boxes.collect();
        Page { boxes, next: rest.next().map(|(place, _)| *place) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: u8) -> RoomName {
        RoomName([n; 32])
    }

    fn opening(n: u8) -> SharedEntry {
        SharedEntry { entry: n.to_string().into(), header: "h".into() }
    }

    fn named(page: &Page) -> Vec<(u64, String)> {
        page.boxes.iter().map(|(place, opening)| (*place, opening.entry.to_string())).collect()
    }

    #[test]
    fn v296_pages_follow_one_another_and_closed_boxes_leave_gaps() {
        let people = People::default();
        (0..5).for_each(|n| people.add(room(n), opening(n)));
        let first = people.page(0, 2);
        assert_eq!(named(&first), [(0, "0".to_owned()), (1, "1".to_owned())]);
        assert_eq!(first.next, Some(2));
        people.close(room(2));
        people.close(room(0));
        let second = people.page(2, 2);
        assert_eq!(named(&second), [(3, "3".to_owned()), (4, "4".to_owned())]);
        assert_eq!(second.next, None);
        people.add(room(6), opening(6));
        assert_eq!(people.page(2, 2).next, Some(5));
        assert!(people.is_closed(room(0)) && !people.is_closed(room(1)));
        let beyond = people.page(u64::MAX, 2);
        assert_eq!((beyond.boxes.len(), beyond.next), (0, None));
    }

    #[test]
    fn v296_one_that_was_closed_before_it_was_listed_keeps_its_place_free() {
        let people = People::default();
        people.close(room(1));
        people.add(room(1), opening(1));
        people.add(room(2), opening(2));
        assert_eq!(named(&people.page(0, 9)), [(1, "2".to_owned())]);
    }
}
