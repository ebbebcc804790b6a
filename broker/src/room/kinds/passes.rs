//! Pass rooms: kept as their logs give them (SPEC 9.2).

use pregao_protocol::room::PassRoom;
use pregao_protocol::value::clock::Time;

use super::{Policy, RoomView, Step};

/// The broker knows nothing of a pass room besides its log.
#[derive(Debug, Default)]
pub(crate) struct PassesPolicy;

impl Policy for PassesPolicy {
    type Fold = PassRoom;

    fn due(&self, _passes: &PassRoom) -> Option<Time> {
        None
    }

    async fn step(&mut self, _passes: &PassRoom, _view: RoomView<'_>, _now: Time) -> Step {
        Step::Idle
    }
}
