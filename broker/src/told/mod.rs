//! Where in the logs of boxes it stands what became of deposits, as far as those who left them may be told (SPEC 9.5).
//!
//! Made from the logs, at every start again, and a hint only: a commit that failed leaves positions behind at which
//! something else stands, so whoever looks one up looks at the entry, too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parking_lot::Mutex;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::Body;
use pregao_protocol::room::message_box::About;

/// For each deposit of which something may be told, positions of entries that may be about it.
#[derive(Debug, Default)]
pub struct Told(Mutex<HashMap<RoomName, Inner>>);

#[derive(Debug, Default)]
struct Inner {
    letters: BTreeMap<u64, BTreeSet<u64>>,
    all: BTreeSet<u64>,
}

impl Told {
    /// Notes what an entry at `seq` is about.
    pub fn note(&self, room: RoomName, seq: u64, body: &Body) {
        match About::of(body) {
            About::Nothing => {}
            About::Letters(letters) => {
                let mut rooms = self.0.lock();
                let inner = rooms.entry(room).or_default();
                for letter in letters {
                    inner.letters.entry(*letter).or_default().insert(seq);
                }
            }
            About::All => _ = self.0.lock().entry(room).or_default().all.insert(seq),
        }
    }

    /// Positions of entries that may be about a deposit, ascending; those before `size`.
    #[must_use]
    pub fn about(&self, room: RoomName, deposit: u64, size: u64) -> Vec<u64> {
        let rooms = self.0.lock();
        let Some(inner) = rooms.get(&room) else { return Vec::new() };
        let named = inner.letters.get(&deposit).into_iter().flatten();
        let places: BTreeSet<u64> = named.chain(&inner.all).copied().collect();
        places.into_iter().filter(|place| *place < size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_protocol::letter::Half;
    use pregao_protocol::room::body::{Empty, HandedHalf, OneLetter, Taken};

    fn taken(letters: &[u64], told: bool) -> Body {
        Body::Taken(Taken { letters: letters.to_vec(), told })
    }

    #[test]
    fn v351_what_is_not_to_be_told_is_not_noted_and_each_box_has_its_own() {
        let told = Told::default();
        let (one, other) = (RoomName([1; 32]), RoomName([2; 32]));
        told.note(one, 7, &taken(&[2, 4], true));
        told.note(one, 8, &taken(&[3], false));
        told.note(other, 9, &taken(&[3], true));
        assert_eq!(told.about(one, 2, 8), [7]);
        assert_eq!(told.about(one, 4, 8), [7]);
        assert!(told.about(one, 2, 7).is_empty(), "it is not in the log yet");
        assert!(told.about(one, 3, 99).is_empty() && told.about(one, 7, 99).is_empty());
        // Again, at another place: the first did not become durable.
        told.note(one, 9, &taken(&[2], true));
        told.note(one, 11, &Body::BoxClosed(Empty {}));
        assert_eq!(told.about(one, 2, 99), [7, 9, 11]);
        assert_eq!(told.about(one, 3, 99), [11]);
        assert_eq!(told.about(other, 3, 99), [9]);
        assert!(told.about(RoomName([3; 32]), 3, 99).is_empty());
    }
    #[test]
    fn v361_whatever_is_decided_about_a_registered_letter_is_noted_for_its_sender() {
        let told = Told::default();
        let room = RoomName([1; 32]);
        let one = OneLetter { letter: 2 };
        let half = Half::from_random([1; 32]);
        told.note(room, 5, &Body::Accepted(one));
        told.note(room, 6, &Body::Handed(HandedHalf { letter: 2, half }));
        told.note(room, 7, &Body::Declined(OneLetter { letter: 3 }));
        told.note(room, 8, &Body::Lapsed(OneLetter { letter: 4 }));
        let about = [1, 2, 3, 4, 5].map(|deposit| told.about(room, deposit, 99));
        assert_eq!(about, [vec![], vec![5, 6], vec![7], vec![8], vec![]]);
    }
}
