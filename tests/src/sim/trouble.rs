//! What goes wrong while people trade.

use std::time::Duration;

use super::machine::Chance;

/// How a program crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Steps that its tasks still take: it may fall between any two.
    pub steps: u64,
    /// How long it is away.
    pub away: Duration,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The broker crashes, and is started again after a while.
    Broker(Crash),
    /// The TSA does.
    Tsa(Crash),
    /// The desk of one person does; which one.
    Desk(usize, Crash),
    /// The connections of a wire are closed.
    Cut,
    /// A wire carries nothing for so long, and nobody is told.
    Stall(Duration),
    /// The TSA's wall clock is set ahead of true time or back, to so many milliseconds.
    TsaClock(i64),
    /// Every machine sleeps.
    Sleep(Duration),
}

impl Trouble {
    /// Draws one among `desks` desks.
    #[must_use]
    pub fn draw(chance: &Chance, desks: usize) -> Self {
        let desk = || usize::try_from(chance.below(desks as u64)).unwrap_or_default();
        let crash = || {
            let away = match chance.below(4) {
                0 => Duration::ZERO,
                1..=2 => chance.millis(10, 3_000),
                _ => chance.millis(3_000, 15_000),
            };
            Crash { steps: chance.below(300), away }
        };
        match chance.below(16) {
            0..=3 => Self::Broker(crash()),
            4..=5 => Self::Tsa(crash()),
            6..=8 => Self::Desk(desk(), crash()),
            9..=11 => Self::Cut,
            12 => Self::Stall(chance.millis(1_000, 30_000)),
            13..=14 => Self::TsaClock(match chance.below(3) {
                0 => i64::try_from(chance.below(2_000)).unwrap_or_default() - 1_000,
                1 => i64::try_from(chance.below(30_000)).unwrap_or_default(),
                _ => 0,
            }),
            _ => Self::Sleep(chance.millis(1_000, 60_000)),
        }
    }

    /// Whether both can go wrong at once: a program crashes once at a time.
    #[must_use]
    pub fn goes_with(&self, other: &Self) -> bool {
        std::mem::discriminant(self) != std::mem::discriminant(other)
    }
}
