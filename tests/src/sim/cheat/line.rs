//! Whether the line of the one who is cheated was in order while a room was held back: of a line that stalls,
//! SPEC 7.8 says that a delay shows nothing. Judged by what the wires did, and not by what the peer makes of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::sim::programs::VICTIM;
use crate::sim::wires::Wires;

/// Ticks come once a second. A gap of this length, and what a wire may be behind, are together what a peer
/// still takes for steady.
const GAP: Duration = Duration::from_millis(1_500);
/// What is held back may have been stamped so long before.
const STAMPED_BEFORE: Duration = Duration::from_secs(12);
/// What is released has come so long after, and is judged.
const COME: Duration = Duration::from_secs(3);

/// What passed on the way to the one who is cheated.
#[derive(Debug, Default)]
pub(super) struct Line {
    last: Option<Instant>,
    /// From when to when no tick came.
    gaps: Vec<(Instant, Instant)>,
    /// From when to when a room was held back.
    held: Vec<(Instant, Instant)>,
}

impl Line {
    /// A tick passes.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        let last = self.last.replace(now);
        self.gaps.extend(last.filter(|last| now - *last > GAP).map(|last| (last, now)));
    }

    /// A session begins: nothing was steady before.
    pub(super) fn begin(&mut self) {
        let now = Instant::now();
        self.gaps.push((self.last.replace(now).unwrap_or(now), now));
    }

    /// What was held back since then is released.
    pub(super) fn release(&mut self, since: Instant) {
        self.held.push((since, Instant::now()));
    }

    /// Whether a room was held back while everything else came in time.
    pub(super) fn was_in_order(&self, wires: &Wires) -> bool {
        self.held.iter().any(|(since, released)| {
            let (from, until) =
                (since.checked_sub(STAMPED_BEFORE).unwrap_or(*since), *released + COME);
            let apart = |(begin, end): &(Instant, Instant)| *end < from || *begin > until;
            self.gaps.iter().all(apart) && !wires.was_behind(VICTIM, from, until)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::machine::Chance;

    const HELD: Duration = Duration::from_secs(41);

    /// Ticks of a second, but for a gap of so many milliseconds in the middle; a room is held back meanwhile.
    async fn held_with_a_gap(gap: u64) -> bool {
        let (mut line, wires) = (Line::default(), Wires::new(&Chance::of(1)));
        line.begin();
        tokio::time::sleep(STAMPED_BEFORE + Duration::from_secs(1)).await;
        line.last = None;
        let since = Instant::now();
        for second in 0..HELD.as_secs() {
            line.tick();
            let pause = if second == 20 { gap } else { 1_000 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        line.release(since);
        line.was_in_order(&wires)
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_between_ticks_excuses_a_delay_and_a_tick_in_time_does_not() {
        assert!(held_with_a_gap(1_500).await);
        assert!(!held_with_a_gap(1_501).await);
        assert!(!Line::default().was_in_order(&Wires::new(&Chance::of(1))), "nothing was held");
    }
}
