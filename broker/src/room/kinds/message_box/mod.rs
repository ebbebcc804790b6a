//! Message boxes: the broker keeps what the log names beside it, hands registered letters over, and says which have lapsed
//! (SPEC 8.2, 8.5, 9.4).
//!
//! - `shelf` what is claimed for entries and let go; `hand` which keys are handed out; `registered` the broker's halves

mod hand;
mod registered;
mod shelf;

use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Blob, Body, OneLetter};
use pregao_protocol::room::{Code, MessageBox, Room, Undecided};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::handed::Handed;

use self::hand::{Bucket, Counter, ReadError, read_keys};
use self::shelf::Shelf;
use super::{Follower, Hindrance, Policy, RoomView, Step};
use crate::blobs::Account;
use crate::check::{Author, Checked};
use crate::shared::Shared;
use crate::store::StoreError;

/// The broker knows nothing of a box besides its log and what lies beside it: not whose it is, nor who writes.
#[derive(Debug)]
pub(crate) struct BoxPolicy {
    shelf: Shelf,
    handed: Bucket,
    published: Bucket,
}

impl Default for BoxPolicy {
    fn default() -> Self {
        let (handed, published) = (Bucket::HANDED, Bucket::PUBLISHED);
        Self { shelf: Shelf::default(), handed, published }
    }
}

impl Policy for BoxPolicy {
    type Fold = MessageBox;

    fn due(&self, fold: &MessageBox) -> Option<Time> {
        let lapse = registered::next_lapse(fold).map(|(due, _)| due);
        self.shelf.next_end().into_iter().chain(lapse).min()
    }

    async fn step(&mut self, fold: &MessageBox, view: RoomView<'_>, now: Time) -> Step {
        let gone = self.shelf.end(now);
        view.shared.blobs.let_go(gone, view.name());
        match registered::next_lapse(fold) {
            Some((due, letter)) if due <= now => {
                Step::Append(Body::Lapsed(OneLetter { letter }).into())
            }
            _ => Step::Idle,
        }
    }

    async fn take_in(
        &mut self,
        _fold: &MessageBox,
        (shared, room): (&Shared, &Room),
        checked: &Checked,
    ) -> Result<(), Hindrance> {
        let action = checked.stamped().action();
        let name = room.ledger().name();
        let seq = room.ledger().head().size;
        match action.body() {
            Body::Deposit(deposit) => {
                registered::judge(&shared.keys.delivery, name, action.key(), deposit)?;
                let named = std::iter::once(&deposit.envelope).chain(&deposit.attachments);
                let named: Vec<Blob> = named.copied().collect();
                let by = put_by(checked.author());
                self.shelf.put(&shared.blobs, name, (seq, deposit.expires), (by, &named))?;
            }
            Body::Keys(keys) => {
                self.published.fill(shared.host.clock.uptime());
                if !self.published.has_some() {
                    return Err(Undecided::DOOR_RATE.into());
                }
                self.published.take();
                // Claimed first, so that what is read stays.
                let by = Account(name.0);
                self.shelf.put(&shared.blobs, name, (seq, None), (by, &[keys.blob]))?;
                if let Err(error) = read_keys(shared, keys).await {
                    self.shelf.give_back(&shared.blobs, name, seq);
                    return Err(match error {
                        ReadError::Keys(_) => Code::BlobKeys.into(),
                        ReadError::Blob(_) => Undecided::STORE_FAILED.into(),
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn at_once(
        &self,
        fold: &MessageBox,
        (shared, room): (&Shared, &Room),
        action: &Action,
    ) -> Result<Option<Body>, Undecided> {
        let Body::Accepted(one) = action.body() else { return Ok(None) };
        let name = room.ledger().name();
        let handed = registered::hand_over(&shared.keys.delivery, name, fold, one.letter);
        handed.map(Some).ok_or(Undecided::STORE_FAILED)
    }

    fn covered(_fold: &MessageBox, body: &Body, seq: u64) -> u64 {
        // V-333: never without the broker's half.
        seq.saturating_add(1).saturating_add(matches!(body, Body::Accepted(_)).into())
    }

    fn noted(&mut self, seq: u64, body: &Body) {
        self.shelf.note(seq, body);
    }

    fn durable(&mut self, fold: &MessageBox, shared: &Shared, room: &Room) {
        let name = room.ledger().name();
        shared.blobs.let_go(self.shelf.tidy(fold), name);
        if fold.is_closed() {
            shared.people.close(name);
            let handed = shared.handed.clone();
            shared.host.spawn.blocking(Box::new(move || {
                if let Err(error) = handed.forget(name) {
                    tracing::warn!(%error, "what was handed out of a closed box is not forgotten");
                }
            }));
        }
    }

    fn rebuilt(&mut self, fold: &MessageBox, shared: &Shared, room: &Room) {
        self.shelf.rebuild(&shared.blobs, room.ledger().name(), fold);
    }

    async fn resume(
        &mut self,
        fold: &MessageBox,
        view: RoomView<'_>,
        _followers: &[Follower],
    ) -> Result<(), StoreError> {
        self.rebuilt(fold, view.shared, view.room);
        registered::warn_of_lost_key(&view.shared.keys.delivery, view.name(), fold);
        Ok(())
    }

    fn has_handle(fold: &MessageBox) -> bool {
        fold.opening().handle.is_some()
    }

    async fn hand_out(
        &mut self,
        fold: &MessageBox,
        (shared, room): (&Shared, &Room),
        head: &str,
        (n, pass): (u64, Digest),
    ) -> Result<Handed, Undecided> {
        let (room, size) = (room.ledger().name(), room.ledger().head().size);
        let counter = Counter { shared, room, fold, head, size };
        counter.hand_out(n, pass, &mut self.handed).await
    }
}

/// Who puts what lies beside a letter: whoever holds the pass (V-297). Without one there is no account, and nothing that was
/// put for it.
fn put_by(author: &Author) -> Account {
    let pass = match author {
        Author::Guest { pass } => pass.as_ref().map(|pass| pass.id),
        Author::Persona { .. } | Author::Member => None,
    };
    Account(pass.map_or([0; 32], |pass| pass.0))
}

#[cfg(test)]
mod tests;
