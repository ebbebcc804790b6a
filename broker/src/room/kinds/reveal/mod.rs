//! Reveal rooms: hold the first disclosure until the other is there, record who was absent at the
//! deadline, and tell the auction how it went (SPEC 8).

use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Absent, Body, Side};
use pregao_protocol::room::kind::Fold as _;
use pregao_protocol::room::reveal::RevealRoom;
use pregao_protocol::value::clock::Time;

use super::{Follows, Objection, Policy, Role, RoomView, Step};
use crate::check::Checked;

/// The broker knows nothing of a reveal room besides its log and what it holds.
#[derive(Debug, Default)]
pub(crate) struct RevealPolicy;

impl Policy for RevealPolicy {
    type Fold = RevealRoom;

    fn due(&self, reveal: &RevealRoom) -> Option<Time> {
        (!reveal.is_complete()).then_some(reveal.opening().deadline)
    }

    async fn step(&mut self, reveal: &RevealRoom, view: RoomView<'_>, now: Time) -> Step {
        if reveal.is_complete() || now <= reveal.opening().deadline {
            return Step::Idle;
        }
        if let Some(until) = view.patience {
            return Step::Wait(until);
        }
        let absent = |side| !view.held.iter().any(|held| held.role == role(side));
        let (seller, winner) = (absent(Side::Seller), absent(Side::Winner));
        Step::Append(Body::Absent(Absent { seller, winner }).into())
    }

    fn role(&self, reveal: &RevealRoom, action: &Action) -> Option<Role> {
        match action.body() {
            Body::Disclose(_) => reveal.side(action).map(role),
            _ => None,
        }
    }

    fn is_strangers(reveal: &RevealRoom, action: &Action) -> bool {
        let by_both = || reveal.talks().pair().is_some_and(|pair| action.is_by_pair(pair));
        matches!(action.body(), Body::SealedSay(_)) && !by_both()
    }

    fn covered(reveal: &RevealRoom, body: &Body, seq: u64) -> u64 {
        let both = [Side::Seller, Side::Winner].map(|side| reveal.disclosed(side));
        let last = both.into_iter().flatten().max().filter(|_| matches!(body, Body::Disclose(_)));
        last.map_or(seq, |last| last.max(seq)).saturating_add(1)
    }

    fn admit(
        &self,
        reveal: &RevealRoom,
        view: RoomView<'_>,
        checked: &Checked,
        _now: Time,
    ) -> Result<(), Objection> {
        let role = self.role(reveal, checked.stamped().action());
        let twice = view.held.iter().any(|held| Some(held.role) == role);
        if twice { Err(Code::DiscloseTwice.into()) } else { Ok(()) }
    }

    fn follows(reveal: &RevealRoom) -> Option<Follows> {
        let opening = reveal.opening();
        Some(Follows { room: opening.auction, seq: opening.settled })
    }
}

/// The name of a side in the store.
const fn role(side: Side) -> Role {
    match side {
        Side::Seller => "seller",
        Side::Winner => "winner",
    }
}

#[cfg(test)]
mod tests;
