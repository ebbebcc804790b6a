//! The TSA's time as it comes in: it moves on, its headers agree, and it is near the system's.

use std::time::{Duration, Instant};

use pregao_protocol::clock::Time;
use pregao_protocol::stamp::VerifiedBatch;
use pregao_protocol::verify::contradiction;

use super::Desk;
use crate::authority::system_time;
use crate::event::Event;

/// How far TSA time and the system's clock may be apart without a word to the user.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);

impl Desk {
    /// TSA time moves on, and never back.
    pub(super) async fn tick(&mut self, compact: &str) {
        if compact.is_empty() {
            return;
        }
        match VerifiedBatch::open(compact, &[self.tsa.stamp]) {
            Ok(batch) => {
                if let Some((before, _)) = &self.tick {
                    if contradiction(before.compact(), compact, &self.tsa.stamp).is_ok() {
                        let before = before.compact().to_owned();
                        self.keep_evidence("tsa", &[&before, compact]);
                        self.alarm(
                            None,
                            "the TSA contradicts itself",
                            "do not trust its stamps; the evidence is in your data folder",
                        )
                        .await;
                        return;
                    }
                    if batch.header().batch <= before.header().batch {
                        return;
                    }
                }
                let time = batch.time();
                self.tick = Some((batch, Instant::now()));
                self.compare_clocks(time).await;
                self.tell(Event::Tick { time }).await;
            }
            Err(error) => {
                self.keep_evidence("tick", &[compact]);
                let message = format!("a time announced by the broker does not verify: {error}");
                self.alarm(None, &message, "do not bid until this is explained").await;
            }
        }
    }

    /// Tells once if the TSA's time and the system's are far apart: one of them is wrong.
    async fn compare_clocks(&mut self, time: Time) {
        let system = system_time();
        let apart = time.since(system).max(system.since(time));
        if self.tsa.simulated || self.clock_told || apart <= CLOCKS_AGREE {
            return;
        }
        self.clock_told = true;
        let seconds = apart.as_secs();
        let text = format!(
            "the TSA's time is {seconds} s away from this computer's: check the clock here, and if \
             it is right, ask whoever runs the TSA"
        );
        self.tell(Event::Note { text }).await;
    }

    /// TSA time carried forward by the monotonic clock.
    pub(super) fn now(&self) -> Option<Time> {
        self.tick.as_ref().map(|(batch, since)| batch.time().plus(since.elapsed()))
    }
}
