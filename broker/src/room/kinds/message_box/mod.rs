//! Message boxes: the broker appends nothing there, and keeps what the log names beside it (SPEC 8.2, 9.4).
//!
//! - `shelf` what is claimed for entries and let go; `hand` which keys are handed out

mod hand;
mod shelf;

use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Blob, Body};
use pregao_protocol::room::{Code, MessageBox, Room, Undecided};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::handed::Handed;

use self::hand::{Bucket, Counter, ReadError, read_keys};
use self::shelf::Shelf;
use super::{Follower, Hindrance, Policy, RoomView, Step};
use crate::shared::Shared;
use crate::store::StoreError;

/// The broker knows nothing of a box besides its log and what lies beside it: not whose it is, nor who writes.
#[derive(Debug, Default)]
pub(crate) struct BoxPolicy {
    shelf: Shelf,
    bucket: Bucket,
}

impl Policy for BoxPolicy {
    type Fold = MessageBox;

    fn due(&self, _fold: &MessageBox) -> Option<Time> {
        self.shelf.next_end()
    }

    async fn step(&mut self, _fold: &MessageBox, view: RoomView<'_>, now: Time) -> Step {
        let gone = self.shelf.end(now);
        view.shared.blobs.let_go(gone, view.name());
        Step::Idle
    }

    async fn take_in(
        &mut self,
        _fold: &MessageBox,
        (shared, room): (&Shared, &Room),
        action: &Action,
    ) -> Result<(), Hindrance> {
        let name = room.ledger().name();
        let seq = room.ledger().head().size;
        match action.body() {
            Body::Deposit(deposit) => {
                let named = std::iter::once(&deposit.envelope).chain(&deposit.attachments);
                let named: Vec<Blob> = named.copied().collect();
                self.shelf.put(&shared.blobs, name, (seq, deposit.expires), &named)?;
            }
            Body::Keys(keys) => {
                // Claimed first, so that what is read stays.
                self.shelf.put(&shared.blobs, name, (seq, None), &[keys.blob])?;
                if let Err(error) = read_keys(shared, keys).await {
                    let given_back = self.shelf.take(seq);
                    given_back.into_iter().for_each(|digest| shared.blobs.unclaim(digest, name));
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
        counter.hand_out(n, pass, &mut self.bucket).await
    }
}

#[cfg(test)]
mod tests;
