//! TSA time as the broker passes it on: verified, believed only as long as it moves forward, and
//! compared with the system's.

use std::time::{Duration, Instant};

use pregao_protocol::clock::Time;
use pregao_protocol::evidence::{Evidence, TwoBatches};
use pregao_protocol::stamp::VerifiedBatch;
use pregao_protocol::verify::contradiction;

use super::Desk;
use super::evidence::Exhibit;
use crate::authority::system_time;
use crate::event::Event;

/// How far a tick may lag behind the newest header: ticks come once a second.
const LAG: Duration = Duration::from_secs(5);
/// How far TSA time and the system's clock may be apart without a word to the user.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);

impl Desk {
    /// TSA time moves on, and never back.
    pub(super) async fn tick(&mut self, compact: &str) {
        if compact.is_empty() {
            return;
        }
        let batch = match VerifiedBatch::open(compact, &[self.tsa.stamp]) {
            Ok(batch) => batch,
            Err(error) => {
                let message = format!("a time announced by the broker does not verify: {error}");
                let advice = "do not bid until this is explained";
                let notes = Exhibit::Notes("tick", &[compact]);
                return self.doubt_time(notes, &message, advice).await;
            }
        };
        if let Some((before, _)) = &self.tick {
            let held = before.compact().to_owned();
            if contradiction(&held, compact, &self.tsa.stamp).is_ok() {
                let message = "the TSA contradicts itself: its time went back or its chain forks";
                let advice = "do not trust its stamps";
                let batches = [held, compact.to_owned()];
                let proof = Evidence::Batches(TwoBatches { key: self.tsa.stamp, batches });
                return self.doubt_time(Exhibit::Proof(&proof, None), message, advice).await;
            }
            if batch.header().batch <= before.header().batch {
                // A tick may lag behind the header of a handshake, but not by much.
                if before.time().since(batch.time()) > LAG {
                    let message = "the broker announces a time that is long past";
                    let advice = "do not bid until this is explained";
                    let notes = [compact, held.as_str()];
                    self.doubt_time(Exhibit::Notes("tick", &notes), message, advice).await;
                }
                return;
            }
        }
        let time = batch.time();
        self.time_doubted = None;
        self.tick = Some((batch, Instant::now()));
        self.compare_clocks(time).await;
        self.tell(Event::Tick { time }).await;
    }

    /// Says once that the time announced is not believed; a tick comes every second.
    async fn doubt_time(&mut self, exhibit: Exhibit<'_>, message: &str, advice: &str) {
        if self.time_doubted.as_deref() != Some(message) {
            self.time_doubted = Some(message.to_owned());
            self.accuse(None, message, advice, exhibit).await;
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
