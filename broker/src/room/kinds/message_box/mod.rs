//! Message boxes: nothing is due there, and the broker appends nothing (SPEC 8.2).

use pregao_protocol::room::MessageBox;
use pregao_protocol::value::clock::Time;

use super::{Policy, RoomView, Step};

/// The broker knows nothing of a box besides its log: not whose it is, nor who writes.
#[derive(Debug, Default)]
pub(crate) struct BoxPolicy;

impl Policy for BoxPolicy {
    type Fold = MessageBox;

    fn due(&self, _fold: &MessageBox) -> Option<Time> {
        None
    }

    async fn step(&mut self, _fold: &MessageBox, _view: RoomView<'_>, _now: Time) -> Step {
        Step::Idle
    }
}

#[cfg(test)]
mod tests;
