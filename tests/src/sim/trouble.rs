//! What goes wrong while people trade.

use std::time::Duration;

use super::machine::Chance;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The broker crashes, and is started again after a while.
    Broker(Duration),
    /// The TSA does.
    Tsa(Duration),
    /// The desk of one person does; which one.
    Desk(usize, Duration),
    /// The connections of a wire are closed.
    Cut,
    /// A wire carries nothing any more, and nobody is told.
    Stall,
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
        let away = || match chance.below(4) {
            0 => Duration::ZERO,
            1..=2 => chance.millis(10, 3_000),
            _ => chance.millis(3_000, 15_000),
        };
        match chance.below(16) {
            0..=3 => Self::Broker(away()),
            4..=5 => Self::Tsa(away()),
            6..=8 => Self::Desk(desk(), away()),
            9..=11 => Self::Cut,
            12 => Self::Stall,
            13..=14 => Self::TsaClock(match chance.below(3) {
                0 => i64::try_from(chance.below(2_000)).unwrap_or_default() - 1_000,
                1 => i64::try_from(chance.below(30_000)).unwrap_or_default(),
                _ => 0,
            }),
            _ => Self::Sleep(chance.millis(1_000, 60_000)),
        }
    }
}
