//! The law by which load becomes effort: a level that what is done fills and time drains, and how much work is asked
//! for at that level. A pure function of what was read and when; it knows nobody.

use std::time::Duration;

use pregao_protocol::wire::puzzle::Effort;

/// Effort where a meter is just full, in bits: a fraction of a millisecond.
const LEAST: f64 = 10.0;
/// Bits more for each doubling of the level beyond that. With [`FADES`] it is what keeps the law from swinging: the
/// larger, the sooner an effort that was just announced has driven load below what asks for it.
const STEP: f64 = 2.0;
/// In which time a level falls to a third, beside what is allowed.
const FADES: Duration = Duration::from_secs(10);

/// What is allowed before anything is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Law {
    /// Units a second that leave no trace.
    pub(super) allowed: f64,
    /// Units that may be spent at once beside.
    pub(super) burst: f64,
}

/// How much somebody cost lately.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    level: f64,
    /// When the level was that, by a clock that only grows.
    at: Duration,
    /// What is asked for: it follows the level with some play, so that it does not flicker.
    asked: Effort,
}

impl Meter {
    pub(super) const fn empty(now: Duration) -> Self {
        Self { level: 0.0, at: now, asked: Effort::NONE }
    }

    /// Adds to it what something cost.
    pub(super) fn fill(&mut self, law: Law, units: u32, now: Duration) {
        self.drain(law, now);
        // What was spent beyond the highest effort is forgotten, so that every flood is over within a minute.
        let full = law.burst * ((f64::from(Effort::MAX.bits()) - LEAST) / STEP).exp2();
        self.level = (self.level + f64::from(units)).min(full);
    }

    /// How much work is asked for now, `most` at the most. It rises at once, and falls once the level is a bit lower.
    pub(super) fn effort(&mut self, law: Law, most: Effort, now: Duration) -> Effort {
        self.drain(law, now);
        let bits = wanted(law, self.level);
        let asked = f64::from(self.asked.bits());
        if bits >= LEAST && bits >= asked + 1.0 {
            self.asked = whole(bits.floor());
        } else if bits + 1.0 < asked {
            self.asked = whole(bits.ceil());
        }
        self.asked = self.asked.min(most);
        self.asked
    }

    /// Whether nothing of what it held is left.
    pub(super) fn is_empty(&mut self, law: Law, now: Duration) -> bool {
        self.drain(law, now);
        self.level <= 0.0
    }

    fn drain(&mut self, law: Law, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let faded = self.level * (-passed / FADES.as_secs_f64()).exp();
        self.level = (faded - passed * law.allowed).max(0.0);
    }
}

/// Bits at a level, with fractions; 0 below the burst, and a bit of play under the least.
fn wanted(law: Law, level: f64) -> f64 {
    let doublings = (level / law.burst).log2();
    let bits = LEAST + STEP * doublings;
    if bits < LEAST - 1.0 { 0.0 } else { bits }
}

fn whole(bits: f64) -> Effort {
    let known = (0..=u64::from(Effort::MAX.bits())).filter_map(|bits| Effort::new(bits).ok());
    known.take_while(|effort| f64::from(effort.bits()) <= bits).last().unwrap_or_default()
}

#[cfg(test)]
mod tests;
