//! TSA time as the broker passes it on: verified, believed only as long as it moves forward, and
//! compared with the system's.

use std::time::Duration;

use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::room::Code;
use pregao_protocol::value::clock::{Carried, Heard, RECENT, Time};
use pregao_protocol::value::report::Report;

use super::Desk;
use super::evidence::Exhibit;
use crate::event::Event;
use crate::post::postman::TimeHeard;

/// How far a tick may lag behind the newest header: ticks come once a second.
const LAG: Duration = Duration::from_secs(5);
/// How old the last tick is at most while ticks come steadily: they come once a second.
const STEADY: Duration = Duration::from_secs(2);
/// How far TSA time and the system's clock may be apart without a word to the user.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);

/// The newest verified header, and the time that headers tell.
#[derive(Debug)]
struct LastTick {
    batch: VerifiedBatch,
    time: Carried,
}

/// The TSA's time as it is known, and what the user was told of it.
#[derive(Debug, Default)]
pub(super) struct TsaWatch {
    /// The newest verified header and the time it tells.
    tick: Option<LastTick>,
    /// Since when ticks have come steadily, by the clock that only goes on.
    steady_since: Duration,
    /// Why the time announced last was not believed, if the user was told.
    doubted: Option<String>,
    clocks: Clocks,
    silence: Silence,
}

/// Whether the user was told that no time comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Silence {
    #[default]
    Untold,
    Told,
}

impl TsaWatch {
    /// A session begins: silence is told anew.
    pub(super) fn begin_session(&mut self) {
        self.silence = Silence::Untold;
    }
}

/// Whether the user was told that the TSA's clock and the system's disagree.
#[derive(Debug, Clone, Copy, Default)]
struct Clocks {
    told: bool,
}

impl Clocks {
    /// What to tell once if `time`, which was `heard` when the system's clock read `system`, is far from it: one of the
    /// two is wrong. A tick that may have waited says nothing about now. Taken back once they agree.
    fn compare(&mut self, heard: Heard, time: Time, system: Time) -> Option<String> {
        let apart = time.since(system).max(system.since(time));
        if !heard.fresh || !heard.in_step || self.told == (apart > CLOCKS_AGREE) {
            return None;
        }
        self.told = !self.told;
        if !self.told {
            return Some("the TSA's time and this computer's clock agree again".to_owned());
        }
        let seconds = apart.as_secs();
        Some(format!(
            "the TSA's time is {seconds} s away from this computer's: check the clock here, and if it is \
             right, ask whoever runs the TSA"
        ))
    }
}

impl Desk {
    /// TSA time moves on, and never back.
    pub(super) async fn handle_tick(&mut self, compact: &str) {
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
        if !self.meet_header(&batch).await {
            return;
        }
        if let Some(LastTick { batch: before, .. }) = &self.time.tick {
            let held = before.compact().to_owned();
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
        let (time, at) = (batch.time(), self.options.host.clock.uptime());
        self.time.doubted = None;
        let (heard, now) = match &mut self.time.tick {
            Some(told) => {
                if told.time.age(at) > STEADY {
                    self.time.steady_since = at;
                }
                told.batch = batch;
                (told.time.hear(time, at), told.time.now(at))
            }
            None => {
                self.time.steady_since = at;
                self.time.tick = Some(LastTick { batch, time: Carried::start(time, at) });
                (Heard { fresh: true, in_step: false }, time)
            }
        };
        self.letters.hear_time(TimeHeard { time: now, at });
        if !heard.fresh {
            return;
        }
        self.time.silence = Silence::Untold;
        if !self.tsa.simulated
            && let Some(text) =
                self.time.clocks.compare(heard, time, self.options.host.clock.wall())
        {
            self.emit(Event::note(text)).await;
        }
        self.emit(Event::Tick { time: now, at }).await;
    }

    /// Tells once if no time of the TSA comes although the broker is there.
    pub(super) async fn watch_time(&mut self) {
        let now = self.options.host.clock.uptime();
        let since = now.saturating_sub(self.connection.since());
        let silent = self.time.tick.as_ref().map_or(since, |told| told.time.age(now).min(since));
        if self.time.silence == Silence::Told || !self.connection.is_up() || silent <= RECENT {
            return;
        }
        self.time.silence = Silence::Told;
        let down = Code::TsaDown;
        let message = format!("{}: no time has come for {} s", down.message(), silent.as_secs());
        let report = Report::new(down.as_str(), message, down.advice());
        self.emit(Event::TsaDown(report)).await;
    }

    /// Says once that the time announced is not believed; a tick comes every second.
    async fn doubt_time(&mut self, exhibit: Exhibit<'_>, message: &str, advice: &str) {
        if self.time.doubted.as_deref() != Some(message) {
            self.time.doubted = Some(message.to_owned());
            self.accuse(None, message, advice, exhibit).await;
        }
    }

    /// TSA time, if a tick of the last seconds tells it: what countdowns and one's own actions go by.
    pub(super) fn now(&self) -> Option<Time> {
        let (told, now) = (self.time.tick.as_ref()?, self.options.host.clock.uptime());
        (told.time.age(now) <= RECENT).then(|| told.time.now(now))
    }

    /// TSA time, and for how long ticks have come steadily; nothing if they do not. What is older than that may have been held
    /// up on the way: after a break the newest tick comes before what waited.
    pub(super) fn steady_now(&self) -> Option<(Time, Duration)> {
        let (told, now) = (self.time.tick.as_ref()?, self.options.host.clock.uptime());
        let steady_for = now.saturating_sub(self.time.steady_since);
        (told.time.age(now) <= STEADY).then(|| (told.time.now(now), steady_for))
    }

    /// TSA time carried forward however far: what others' certificates are judged by, which no sudden
    /// silence makes younger.
    pub(super) fn reckoned(&self) -> Option<Time> {
        let now = self.options.host.clock.uptime();
        self.time.tick.as_ref().map(|told| told.time.now(now))
    }

    /// Milliseconds since the last tick that tells the time; 0 before the first.
    pub(super) fn age_ms(&self) -> u64 {
        let now = self.options.host.clock.uptime();
        let age = self.time.tick.as_ref().map_or(Duration::ZERO, |told| told.time.age(now));
        u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Time {
        Time::default().plus(Duration::from_secs(1_790_000_000 + seconds))
    }

    /// Ticks as they were made and came, each in seconds; what the user was told meanwhile. The system's clock
    /// is right but for `off` seconds.
    fn told(ticks: &[(u64, u64)], off: u64) -> Vec<String> {
        let mut clocks = Clocks::default();
        let (&(made, came), rest) = ticks.split_first().unwrap();
        let mut carried = Carried::start(at(made), Duration::from_secs(came));
        let compared = rest.iter().filter_map(|(made, came)| {
            let heard = carried.hear(at(*made), Duration::from_secs(*came));
            clocks.compare(heard, at(*made), at(*came + off))
        });
        compared.collect()
    }

    #[test]
    fn a_wrong_clock_is_told_once_by_two_ticks_in_step() {
        assert_eq!(told(&[(0, 0), (1, 1), (2, 2)], 60), Vec::<String>::new());
        let said = told(&[(0, 0), (1, 1), (2, 2), (3, 3)], 61);
        assert!(matches!(said.as_slice(), [one] if one.contains("61 s away")), "{said:?}");
    }

    #[test]
    fn ticks_that_waited_raise_no_doubt_about_the_clock() {
        // Twenty minutes still, then all at once; asleep for an hour, with one tick in the socket; the same from
        // the first tick on.
        let stalled: Vec<(u64, u64)> =
            (0..3).map(|s| (s, s)).chain((3..1_203).map(|made| (made, 1_203))).collect();
        assert_eq!(told(&stalled, 0), Vec::<String>::new());
        let slept = [(0, 0), (1, 1), (2, 3_602), (3_602, 3_602), (3_603, 3_603), (3_604, 3_604)];
        assert_eq!(told(&slept, 0), Vec::<String>::new());
        let late: Vec<(u64, u64)> = (0..600).map(|made| (made, 600)).collect();
        assert_eq!(told(&late, 0), Vec::<String>::new());
    }

    #[test]
    fn ticks_held_ever_longer_end_the_time_or_raise_a_doubt() {
        // A second of time in so many: the slowest walks are in step, and are measured against the system's clock.
        for pace in [1.01, 1.05, 1.1, 1.15, 1.2, 1.4, 1.6, 2.5] {
            let (mut clocks, mut doubted) = (Clocks::default(), false);
            let mut carried = Carried::start(at(0), Duration::ZERO);
            for n in 1..8_000 {
                let came = Duration::from_secs(n).mul_f64(pace);
                let (made, truth) = (at(n), at(0).plus(came));
                let heard = carried.hear(made, came);
                doubted |= clocks.compare(heard, made, truth).is_some();
                let known = carried.age(came) <= RECENT;
                let behind = truth.since(carried.now(came));
                assert!(
                    !known || doubted || behind <= CLOCKS_AGREE + 4 * SECOND,
                    "{behind:?} at {pace}"
                );
            }
            assert!(doubted || carried.age(Duration::from_secs(8_000).mul_f64(pace)) > RECENT);
        }
    }

    #[test]
    fn the_doubt_is_taken_back_once_the_clocks_agree() {
        let mut clocks = Clocks::default();
        let heard = Heard { fresh: true, in_step: true };
        assert!(clocks.compare(heard, at(0), at(61)).unwrap().contains("check the clock"));
        assert!(clocks.compare(heard, at(1), at(62)).is_none());
        assert!(clocks.compare(Heard { fresh: true, in_step: false }, at(2), at(2)).is_none());
        assert!(clocks.compare(heard, at(2), at(2)).unwrap().contains("agree again"));
        assert!(clocks.compare(heard, at(3), at(3).plus(SECOND)).is_none());
    }
}
