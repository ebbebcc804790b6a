//! One task with a queue of deadlines, woken by TSA time and never by requests.
//!
//! It only says that an instant has passed; what that means the room decides under its own turn.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::clock::Time;
use pregao_protocol::log::RoomName;
use tokio::sync::mpsc;

use crate::house::House;
use crate::room::Call;

/// Least pause between two rounds: a room that cannot act yet asks to be woken again.
const PAUSE: Duration = Duration::from_millis(50);

/// Wakes rooms until the house is gone.
pub async fn run(house: Arc<House>, mut alarms: mpsc::UnboundedReceiver<(Time, RoomName)>) {
    let mut queue: BinaryHeap<Reverse<(Time, RoomName)>> = BinaryHeap::new();
    let mut newest = house.stamps.watch();
    loop {
        tokio::select! {
            alarm = alarms.recv() => match alarm {
                Some(alarm) => queue.push(Reverse(alarm)),
                None => return,
            },
            changed = newest.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(PAUSE).await;
        while let Ok(alarm) = alarms.try_recv() {
            queue.push(Reverse(alarm));
        }
        let Ok(now) = house.stamps.newest().map(|newest| newest.batch.time()) else { continue };
        // In order of their deadlines, each room once.
        let mut due = Vec::new();
        let mut seen = HashSet::new();
        while let Some(Reverse((time, room))) = queue.peek().copied() {
            if time > now {
                break;
            }
            queue.pop();
            if seen.insert(room) {
                due.push(room);
            }
        }
        for room in due {
            house.call(room, Call::Due);
        }
    }
}

#[cfg(test)]
mod tests;
