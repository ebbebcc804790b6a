//! One task with a queue of deadlines, woken by TSA time and never by requests.
//!
//! It only says that an instant has passed; what that means the room decides in its own task.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::value::clock::Time;
use tokio::sync::mpsc;

use crate::tsa::stamps::StampClient;

/// Least pause between two rounds: a room that cannot act yet asks to be woken again.
const PAUSE: Duration = Duration::from_millis(50);

/// Where rooms ask to be woken. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Alarms(mpsc::UnboundedSender<(Time, RoomName)>);

/// The monitor's end of [`Alarms`].
#[derive(Debug)]
pub struct AlarmQueue(mpsc::UnboundedReceiver<(Time, RoomName)>);

impl Alarms {
    /// Alarms, and what [`run`] takes them from.
    #[must_use]
    pub fn channel() -> (Self, AlarmQueue) {
        let (alarms, queue) = mpsc::unbounded_channel();
        (Self(alarms), AlarmQueue(queue))
    }

    /// Asks the monitor to wake a room once TSA time has reached an instant.
    pub fn wake_at(&self, time: Time, room: RoomName) {
        // The monitor ends only with the process.
        let _ = self.0.send((time, room));
    }
}

/// Calls `wake` with each room that is due, until the broker ends.
pub async fn run(stamps: StampClient, alarms: AlarmQueue, wake: impl Fn(RoomName)) {
    let AlarmQueue(mut alarms) = alarms;
    let mut queue: BinaryHeap<Reverse<(Time, RoomName)>> = BinaryHeap::new();
    let mut newest = stamps.watch();
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
        let Ok(now) = stamps.newest().map(|newest| newest.batch.time()) else { continue };
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
            wake(room);
        }
    }
}

#[cfg(test)]
mod tests;
