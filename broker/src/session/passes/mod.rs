//! Passes in a session: taken by a persona, shown by a guest (SPEC 9.2).

use pregao_protocol::room::Undecided;
use pregao_protocol::trust::pass::{Day, Pass};
use pregao_protocol::wire::frame::FromBroker;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Session, SessionEnd};
use crate::effort::Cost;
use crate::passes::HeldPass;

/// Passes that a session may show in vain, and one more: each costs the broker an RSA verification, and no puzzle.
const TRIES: u8 = 4;

/// What a guest's session has shown.
#[derive(Debug, Default)]
pub(super) struct OwnPass {
    held: Option<HeldPass>,
    /// Shown under that number, and not answered.
    asked: Option<(u64, HeldPass)>,
    tries: u8,
}

impl OwnPass {
    /// What the session holds.
    pub(super) const fn held(&self) -> Option<HeldPass> {
        self.held
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Names the room in which the keys of passes are stated, if the session began before it was there (V-357).
    pub(super) async fn announce_pass_room(&mut self) -> Result<(), SessionEnd> {
        let room = self.context.shared.passes.room().filter(|_| self.awaits_pass_room);
        let Some(room) = room else { return Ok(()) };
        self.awaits_pass_room = false;
        self.send(&FromBroker::PassRoom { room }).await
    }

    /// Has passes signed (V-262, V-263).
    pub(super) fn take_passes(&mut self, n: u64, day: Day, blinded: Vec<Vec<u8>>) {
        let Some(reply) = self.start_request(n) else { return };
        let Some(shown) = self.persona else { return reply.fail(Undecided::DOOR_SESSION) };
        let Some(today) = self.today() else { return reply.fail(Undecided::TSA_DOWN) };
        self.account.charge(Cost::Checked);
        let persona = shown.key.fingerprint();
        self.context.shared.passes.take(persona, (day, today), blinded, reply);
    }

    /// Has the session hold a pass (V-285).
    pub(super) fn show_pass(&mut self, n: u64, pass: &Pass) {
        let Some(reply) = self.start_request(n) else { return };
        if self.persona.is_some() {
            return reply.fail(Undecided::DOOR_SESSION);
        }
        if let Some(held) = self.pass.held {
            // The same answer to the same question; there is no second pass in a session.
            if held.id == pass.id() {
                return reply.send(FromBroker::PassHeld { n });
            }
            return reply.fail(Undecided::DOOR_SESSION);
        }
        if self.pass.asked.is_some() || self.pass.tries >= TRIES {
            return reply.fail(Undecided::DOOR_RATE);
        }
        let Some(today) = self.today() else { return reply.fail(Undecided::TSA_DOWN) };
        self.pass.tries = self.pass.tries.saturating_add(1);
        self.account.charge(Cost::Checked);
        let asked = self.context.shared.passes.show(self.number, pass, today, reply);
        self.pass.asked = asked.map(|held| (n, held));
    }

    /// Looks among the answers for that about a pass that was shown.
    pub(super) fn note_pass(&mut self, answer: &FromBroker) -> Result<(), SessionEnd> {
        let Some((asked, held)) = self.pass.asked else { return Ok(()) };
        match answer {
            FromBroker::PassHeld { n } if *n == asked => {
                self.pass.asked = None;
                self.pass.held = Some(held);
                self.carry_for(held.id)
            }
            FromBroker::Failed { n, .. } if *n == asked => {
                self.pass.asked = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn today(&self) -> Option<Day> {
        let newest = self.context.shared.stamps.newest().ok()?;
        Some(Day::of(newest.batch.time()))
    }
}

#[cfg(test)]
mod tests;
