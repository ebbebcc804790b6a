//! The pass room: states the key of each day before the day begins (SPEC 9.2).
//!
//! The broker has one, and opens it itself: see [`open`].

mod open;

use std::time::Duration;

use pregao_protocol::room::body::{Body, StatedKey};
use pregao_protocol::room::{PassRoom, Room};
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::clock::Time;
use tokio::time::Instant;

use super::{Policy, RoomView, Step};
use crate::passes::Prepared;
use crate::shared::Shared;

pub(crate) use open::start;

/// How often the room looks whether a key is made: it goes on meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Whether a pass room of the store is to be gone on with: it names whom this broker names. One that names
/// a TSA or a witness of earlier gets no more keys, and is replaced.
pub(crate) fn is_kept(shared: &Shared, room: &Room) -> bool {
    let of_this_kind = PassRoom::of(room).is_some();
    of_this_kind && shared.passes.are_made() && room.terms().are_of(&shared.certificate)
}

/// What the broker knows of a pass room besides its log.
#[derive(Debug, Default)]
pub(crate) struct PassesPolicy {
    standing: Standing,
}

/// Whether keys are stated in a pass room.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not looked at since the broker started.
    #[default]
    Unknown,
    /// They are.
    Kept,
    /// They are stated in another, or nowhere.
    Replaced,
}

impl Policy for PassesPolicy {
    type Fold = PassRoom;

    /// A day's key is stated when the day before begins, and today's at once if it is not.
    fn due(&self, passes: &PassRoom) -> Option<Time> {
        match self.standing {
            Standing::Unknown => Some(Time::default()),
            Standing::Kept => Some(passes.last().map_or_else(Time::default, Day::begins)),
            Standing::Replaced => None,
        }
    }

    async fn step(&mut self, passes: &PassRoom, view: RoomView<'_>, now: Time) -> Step {
        let own = &view.shared.passes;
        match own.room() {
            Some(room) if room == view.name() => self.standing = Standing::Kept,
            // It was opened a moment ago, by this process, or another is about to be.
            None if own.are_made() => return Step::Wait(Instant::now() + LOOK_AGAIN),
            Some(_) | None => {
                self.standing = Standing::Replaced;
                return Step::Idle;
            }
        }
        let today = Day::of(now);
        own.note(passes, today);
        let Some(day) = next(passes.last(), today) else { return Step::Idle };
        match own.prepare(day) {
            Prepared::Ready(key) => {
                let key = key.spki().to_vec();
                Step::Append(Body::PassKey(StatedKey { day, key }).into())
            }
            Prepared::Coming => Step::Wait(Instant::now() + LOOK_AGAIN),
            Prepared::Failed => Step::Failed,
        }
    }

    /// The list of rooms is for those who look for something to bid on.
    fn is_listed(_passes: &PassRoom) -> bool {
        false
    }
}

/// Which day's key is to be stated next, if one is: today's, unless it is there, and tomorrow's.
fn next(last: Option<Day>, today: Day) -> Option<Day> {
    let next = last.map_or(today, |last| last.plus(1).max(today));
    (next <= today.plus(1)).then_some(next)
}

#[cfg(test)]
mod tests;
