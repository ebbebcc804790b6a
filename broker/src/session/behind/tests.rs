use super::*;

#[test]
fn a_room_that_stays_behind_takes_no_other_rooms_turn() {
    let rooms = [1, 2, 3].map(|number| RoomName([number; 32]));
    let [long, other, last] = rooms;
    let mut behind = Behind::default();
    // At every heartbeat all of them are noted, the one that never gets there among them.
    rooms.iter().for_each(|room| behind.push(*room));
    assert_eq!(behind.pop(), Some(long));
    behind.push(long);
    rooms.iter().for_each(|room| behind.push(*room));
    assert_eq!([behind.pop(), behind.pop()], [Some(other), Some(last)]);
    assert_eq!(behind.pop(), Some(long));
    assert!(behind.is_empty() && behind.pop().is_none());
}
