//! Whom the monitor wakes, when, and in which order.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::fixture::{Stage, secs};
use crate::room::RoomSignal;

const NOBODY: [u8; 0] = [];
const MICROSECOND: Duration = Duration::from_micros(1);

/// Rooms that only note when they are woken.
struct Sleepers {
    stage: Stage,
    woken: Arc<Mutex<Vec<u8>>>,
    begun: Time,
}

impl Sleepers {
    /// Nobody tells the time but the test.
    async fn lie_down(count: u8) -> Self {
        let stage = Stage::open().await;
        stage.stop_ticks().await;
        let woken: Arc<Mutex<Vec<u8>>> = Arc::default();
        for number in 0..count {
            let mut inbox = stage.registry().replace_room(RoomName([number; 32]));
            let noted = Arc::clone(&woken);
            stage.machine.host().task(async move {
                while let Some(RoomSignal::Due) = inbox.signals.recv().await {
                    noted.lock().push(number);
                }
            });
        }
        let begun = stage.tsa.now().plus(secs(100));
        Self { stage, woken, begun }
    }

    /// Asks to be woken these seconds after the beginning.
    fn ask(&self, number: u8, seconds: u64) {
        self.stage.shared().alarms.wake_at(self.begun.plus(secs(seconds)), RoomName([number; 32]));
    }

    /// Tells a time, waits for a round, and gives who was woken by it.
    async fn woken_at(&self, time: Time) -> Vec<u8> {
        self.stage.tell(time).await;
        tokio::time::sleep(PAUSE + Duration::from_millis(1)).await;
        std::mem::take(&mut self.woken.lock())
    }
}

#[tokio::test(start_paused = true)]
async fn rooms_are_woken_in_the_order_of_their_deadlines_each_once() {
    let sleepers = Sleepers::lie_down(4).await;
    for (number, seconds) in [(3, 30), (0, 40), (2, 20), (1, 10), (1, 15), (1, 10), (2, 35)] {
        sleepers.ask(number, seconds);
    }
    let at = |seconds| sleepers.begun.plus(secs(seconds));
    assert_eq!(sleepers.woken_at(at(5)).await, NOBODY);
    assert_eq!(sleepers.woken_at(at(30)).await, [1, 2, 3], "however often one asked");
    assert_eq!(sleepers.woken_at(at(31)).await, NOBODY, "what has rung does not ring again");
    assert_eq!(sleepers.woken_at(at(99)).await, [2, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_room_is_woken_at_its_instant_and_not_a_microsecond_before() {
    let sleepers = Sleepers::lie_down(1).await;
    sleepers.ask(0, 10);
    let due = sleepers.begun.plus(secs(10));
    assert_eq!(sleepers.woken_at(due.minus(MICROSECOND)).await, NOBODY);
    assert_eq!(sleepers.woken_at(due).await, [0]);
}

#[tokio::test(start_paused = true)]
async fn time_that_is_only_carried_wakes_nobody() {
    let sleepers = Sleepers::lie_down(1).await;
    sleepers.ask(0, 1);
    assert_eq!(sleepers.woken_at(sleepers.begun).await, NOBODY);
    // By the broker's clock it is due; no header says so.
    sleepers.stage.machine.sleep(Duration::from_millis(1_500));
    sleepers.ask(0, 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(sleepers.woken.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_woken_by_the_last_word_of_a_tsa_that_is_down() {
    let sleepers = Sleepers::lie_down(1).await;
    assert_eq!(sleepers.woken_at(sleepers.begun).await, NOBODY);
    sleepers.stage.machine.sleep(secs(3));
    sleepers.stage.shared().alarms.wake_at(Time::default(), RoomName([0; 32]));
    tokio::time::sleep(secs(1)).await;
    assert!(sleepers.woken.lock().is_empty());
    assert_eq!(sleepers.woken_at(sleepers.begun.plus(secs(5))).await, [0], "it was not forgotten");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_for_an_instant_that_has_passed_rings_after_one_pause() {
    let sleepers = Sleepers::lie_down(2).await;
    sleepers.woken_at(sleepers.begun).await;
    sleepers.stage.shared().alarms.wake_at(Time::default(), RoomName([1; 32]));
    tokio::time::sleep(PAUSE - Duration::from_millis(10)).await;
    assert!(sleepers.woken.lock().is_empty());
    // What is asked meanwhile rings with it, the earlier first.
    sleepers.stage.shared().alarms.wake_at(sleepers.begun, RoomName([0; 32]));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(*sleepers.woken.lock(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_of_a_room_that_is_not_there_wakes_no_other() {
    let sleepers = Sleepers::lie_down(1).await;
    sleepers.ask(9, 1);
    sleepers.ask(0, 2);
    let at = |seconds| sleepers.begun.plus(secs(seconds));
    assert_eq!(sleepers.woken_at(at(1)).await, NOBODY);
    assert_eq!(sleepers.woken_at(at(2)).await, [0]);
}
