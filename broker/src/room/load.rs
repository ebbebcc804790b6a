//! From the store to a room that can be served: its log is replayed, and what it held is read back.

use std::collections::VecDeque;
use std::sync::Arc;

use pregao_protocol::log::merkle::Frontier;
use pregao_protocol::log::stamp::Headers;
use pregao_protocol::log::{self, RoomName};
use pregao_protocol::room::body::Body;
use pregao_protocol::room::message_box::About;
use pregao_protocol::room::{Replay, ReplayError, Room};

use super::feed::RECENT;
use super::kinds::{AnyPolicy, Follower, HeldAction, RoomView};
use super::{RoomDirectory, held};
use crate::links::AuthorLink;
use crate::shared::Shared;
use crate::store::{
    Append, Log, PendingChange, SharedEntry, StoreError, StoredEntry, StoredHead, StoredPending,
    StoredTree,
};
use crate::writer::Commit;

/// Entries read from the log at a time.
const PAGE: usize = 256;

/// What a room task starts from.
#[derive(Debug)]
pub(crate) struct RoomState {
    /// Its fold.
    pub(crate) room: Room,
    /// What the broker does in it.
    pub(crate) policy: AnyPolicy,
    /// Its newest signed head.
    pub(crate) head: Arc<str>,
    /// Its first entry, as logged: what the list of rooms shows.
    pub(crate) first: SharedEntry,
    /// The last entries, as logged.
    pub(crate) recent: VecDeque<SharedEntry>,
    /// Who opened it.
    pub(crate) opener: Option<AuthorLink>,
    /// Actions held until their counterparts are there.
    pub(crate) held: Vec<HeldAction>,
    /// The tree over its refusals.
    pub(crate) refused: Frontier,
    /// Its newest head with cosignatures.
    pub(crate) cosigned: Option<StoredHead>,
}

impl RoomState {
    /// The room's name.
    pub(crate) fn name(&self) -> RoomName {
        self.room.ledger().name()
    }

    /// Reads and replays one room's log: every signature, stamp and rule is checked again.
    ///
    /// # Errors
    /// A failure of the store; [`StoreError::Malformed`] for a log that does not hold.
    pub(crate) async fn load(shared: &Shared, name: RoomName) -> Result<Self, StoreError> {
        let (replay, first, recent, beside, about) = shared
            .reader
            .read_long(move |log| {
                let mut about: Vec<(u64, Body)> = Vec::new();
                let mut replay = Replay::new();
                let mut first: Option<SharedEntry> = None;
                let mut recent: VecDeque<SharedEntry> = VecDeque::new();
                let mut from = 0;
                loop {
                    let page = log.read(&name, from, PAGE)?;
                    let Some(last) = page.last() else { break };
                    from = last.seq + 1;
                    replay_page(&mut replay, &page, &mut about).map_err(|error| {
                        tracing::error!(room = %name.short(), %error, "a stored log does not hold; restore log.db from a backup");
                        StoreError::Malformed("a stored log does not hold")
                    })?;
                    for entry in page.into_iter().map(SharedEntry::from) {
                        if recent.len() >= RECENT {
                            recent.pop_front();
                        }
                        first.get_or_insert_with(|| entry.clone());
                        recent.push_back(entry);
                    }
                }
                Ok((replay, first, recent, Beside::read(log, name)?, about))
            })
            .await?;
        about.iter().for_each(|(seq, body)| shared.told.note(name, *seq, body));
        let empty = StoreError::Malformed("a stored log is empty");
        let room = replay.finish().ok().flatten();
        let (Some(room), Some(first)) = (room, first) else { return Err(empty) };
        let policy = AnyPolicy::of(&room);
        let Beside { head, held, refused, cosigned } = beside;
        let held = restore_held(shared, &room, &policy, held).await?;
        let head = head.into();
        Ok(Self { room, policy, head, first, recent, opener: None, held, refused, cosigned })
    }

    /// Takes up a room of the store; see [`super::kinds::Policy::resume`].
    ///
    /// # Errors
    /// A failure of the store.
    pub(crate) async fn resume(
        &mut self,
        shared: &Shared,
        rooms: &Arc<dyn RoomDirectory>,
        followers: &[Follower],
    ) -> Result<(), StoreError> {
        self.policy.recount(&self.room, shared).await?;
        let opener = self.opener.as_ref();
        let view = RoomView {
            shared,
            rooms,
            room: &self.room,
            opener,
            held: &self.held,
            refused: &self.refused,
            patience: None,
        };
        self.policy.resume(view, followers).await
    }
}

/// What the store keeps of a room beside its entries.
struct Beside {
    /// The signed note.
    head: String,
    held: Vec<StoredPending>,
    refused: Frontier,
    cosigned: Option<StoredHead>,
}

impl Beside {
    fn read(log: &dyn Log, name: RoomName) -> Result<Self, StoreError> {
        let tree = StoredTree::of_refusals(log, name);
        let refused = Frontier::restore(&tree, log.refused(&name)?);
        tree.finish()?;
        Ok(Self {
            head: log.head(&name)?.note,
            held: log.pending(&name)?,
            refused: refused.ok_or(StoreError::Malformed("the tree of refusals has gaps"))?,
            cosigned: log.cosigned(&name)?,
        })
    }
}

/// Reads held actions back. One that cannot be read any more is dropped, for its author
/// still has it: no other room waits for it, and its place is free.
async fn restore_held(
    shared: &Shared,
    room: &Room,
    policy: &AnyPolicy,
    held: Vec<StoredPending>,
) -> Result<Vec<HeldAction>, StoreError> {
    let name = room.ledger().name();
    let mut restored = Vec::new();
    for StoredPending { role, payload } in held {
        let unsealed = shared.authors.unseal_held(name, payload).await;
        let held = match unsealed {
            Ok(None) => continue,
            Ok(Some(payload)) => held::restore(room, policy, &payload),
            Err(error) if error.is_store_failure() => return Err(error),
            Err(_) => None,
        };
        if let Some(held) = held {
            restored.push(held);
            continue;
        }
        tracing::error!(
            room = %name.short(), role,
            "a held action was altered and is dropped; its author has to hand it in again"
        );
        let mut append = Append::to(name, room.ledger().head().size);
        append.pending = vec![PendingChange::Release { role }];
        shared.writer.commit(Commit { append, links: Vec::new() }).await?;
    }
    Ok(restored)
}

/// Replays entries that were read together. The store keeps headers apart from them, so none can
/// be superfluous. What tells of deposits is put to `about`, with its position.
fn replay_page(
    replay: &mut Replay,
    page: &[StoredEntry],
    about: &mut Vec<(u64, Body)>,
) -> Result<(), ReplayError> {
    let headers = log::headers(page.iter().map(StoredEntry::logged));
    let mut headers = Headers::of(&headers, page.len())
        .map_err(|source| ReplayError::Header { seq: 0, source })?;
    for entry in page {
        let stamped = replay.push_of(&entry.text, &mut headers)?;
        let body = stamped.action().body();
        if About::of(body) != About::Nothing {
            about.push((entry.seq, body.clone()));
        }
    }
    Ok(())
}
