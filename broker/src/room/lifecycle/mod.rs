//! What a room does by itself when its time has come. What that is, the policy of its kind says
//! (SPEC 7.3 and 8); here it is signed, stamped, appended, and tried again if it fails.

use std::sync::Arc;

use pregao_protocol::room::Code;
use pregao_protocol::room::action::Draft;
use pregao_protocol::room::body::Body;
use pregao_protocol::value::clock::Time;
use tokio::time::Instant;

use super::batch::Group;
use super::kinds::{RoomView, Step, follows};
use super::{RoomSignal, RoomTask};

impl RoomTask {
    /// Takes every step that is due.
    pub(super) async fn advance(&mut self) {
        // Until then, `next_try` knows when to come back.
        if self.may_commit().await.is_err() {
            return;
        }
        let mut received = false;
        while let Some(body) = self.step().await {
            let first = self.policy.after_received(&self.room, &body).filter(|_| !received);
            if let Some(within) = first {
                self.decide_received(within).await;
                received = true;
                if self.may_commit().await.is_err() {
                    return;
                }
                // What was decided may have put the step off.
                continue;
            }
            let appended = self.append_own(&body).await;
            if let Err(code) = appended {
                tracing::warn!(%code, "a step of a room is put off; it is tried again");
                self.recovery.step_failed(Instant::now());
                break;
            }
            self.policy.count(&body, &self.shared.metrics);
        }
        let released = self.policy.released(&self.room);
        self.feed.released(self.room.ledger().head().size, released, &self.shared.metrics);
        if self.recovery.is_stale() {
            // What the fold says now is in no log: nothing may follow from it.
            return;
        }
        if self.room.is_complete() {
            self.shared.forget_authors(self.name).await;
            self.opener = None;
            if let Some(follows) = follows(&self.room) {
                let ended = RoomSignal::FollowerEnded {
                    seq: follows.seq,
                    room: Arc::new(self.room.clone()),
                };
                self.rooms.notify(follows.room, ended);
            }
        }
        self.schedule();
    }

    /// Asks the monitor to wake this room when its next step is due, or may be tried again.
    pub(super) fn schedule(&self) {
        if self.patience.is_some() {
            return;
        }
        let Some(due) = self.policy.due(&self.room) else { return };
        let now = self.shared.stamps.last().map_or_else(Time::default, |newest| newest.now());
        self.shared.alarms.wake_at(due.max(now.plus(self.recovery.step_pause())), self.name);
    }

    /// The next entry that the broker owes this room, if one is due.
    async fn step(&mut self) -> Option<Box<Body>> {
        let now = self.shared.stamps.newest().ok()?.batch.time();
        let view = RoomView {
            shared: &self.shared,
            rooms: &self.rooms,
            room: &self.room,
            opener: self.opener.as_ref(),
            held: &self.held,
            refused: &self.refused,
            patience: self.turned_away.patience(self.shared.writer.health(), Instant::now()),
        };
        self.patience = None;
        match self.policy.step(view, now).await {
            Step::Append(body) => return Some(body),
            Step::Failed => self.recovery.step_failed(Instant::now()),
            Step::Wait(until) => self.patience = Some(until),
            Step::Idle => {}
        }
        None
    }

    /// Signs, stamps and appends an entry of the broker's own.
    async fn append_own(&mut self, body: &Body) -> Result<(), Code> {
        let draft = Draft {
            id: self.shared.fresh_uuid(),
            room: Some(self.name),
            body: body.clone(),
            seen: self.room.ledger().head(),
        };
        let stamped = self.shared.sign_and_stamp(&draft).await?;
        let mut group = Group::default();
        let accepted = self.room.judge(&stamped)?;
        self.apply(&accepted, &stamped, &mut group).map_err(|_| Code::StoreFailed)?;
        self.commit(group).await.map_err(|_| Code::StoreFailed)
    }
}

#[cfg(test)]
mod tests;
