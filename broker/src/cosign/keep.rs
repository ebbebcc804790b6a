//! Keeps the newest cosigned head of each room, and has it shown to those who follow the room.

use std::sync::Arc;

use tokio::time::Instant;

use crate::room::{RoomDirectory, RoomSignal};
use crate::shared::Shared;
use crate::store::{Append, StoredHead};
use crate::witness::Due;
use crate::writer::Commit;

/// Keeps what witnesses say, until the broker ends.
pub(super) async fn run(shared: Arc<Shared>, rooms: Arc<dyn RoomDirectory>) {
    let keeper = &shared.witnesses.keeper;
    loop {
        let (due, later) = keeper.due(Instant::now());
        if !due.is_empty() {
            keep_all(&shared, &*rooms, due).await;
            continue;
        }
        let waits = async {
            match later {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = keeper.wake.notified() => {}
            () = waits => {}
        }
    }
}

/// All in as few groups as there may be.
async fn keep_all(shared: &Shared, rooms: &dyn RoomDirectory, due: Vec<Due>) {
    let mut queued = Vec::with_capacity(due.len());
    for due in due {
        let mut append = Append::to(due.room, due.size);
        append.cosigned = Some(StoredHead { size: due.size, note: due.note.to_string() });
        let commit = shared.writer.queue(Commit { append, links: Vec::new() }).await;
        queued.push((due, commit));
    }
    for (Due { room, size, note }, commit) in queued {
        let durable = match commit {
            Ok(commit) => commit.durable().await,
            Err(error) => Err(error),
        };
        match durable {
            Ok(()) => rooms.notify(room, RoomSignal::Cosigned { size, note }),
            Err(error) => {
                tracing::warn!(%error, "a cosigned head could not be kept; tried again");
                shared.witnesses.keeper.keep(room, size, note);
            }
        }
    }
}
