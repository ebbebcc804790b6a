//! The rooms that a session watches: joined, caught up with, and delivered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pregao_protocol::log::{Logged, RoomName};
use pregao_protocol::room::{Code, ErrorCode, Kind};
use pregao_protocol::value::label::MAX_PAGE;
use pregao_protocol::wire::frame::{FromBroker, Member, encode_entries};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::{Session, SessionEnd, Watched};
use crate::fanout::{Delivery, Watcher};
use crate::room::{RoomHandle, RoomMessage, WatchAnswer};
use crate::store::{SharedEntry, StoredEntry};

/// How long a session waits for a room, or for a page of its log, before it asks again later: its
/// peer hears nothing meanwhile.
const ROOM_WITHIN: Duration = Duration::from_secs(2);

/// How far catching up with a room came.
enum Reached {
    /// The session is on the room's live list.
    Live,
    /// A page nearer: it is gone on with once nothing else is to be done.
    Nearer,
    /// Not yet: it is tried again at the next heartbeat.
    Later,
    /// The store failed.
    Nothing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Shows that the log only grew since the peer left, then delivers what it lacks.
    pub(super) async fn join(
        &mut self,
        room: RoomName,
        from: u64,
        member: Option<Member>,
    ) -> Result<(), SessionEnd> {
        let Some(handle) =
            self.context.registry.room(room).filter(|handle| self.may_watch(handle, member))
        else {
            return self
                .refuse_join(room, Code::RoomUnknown.as_str(), Code::RoomUnknown.message())
                .await;
        };
        if self.watched.len() >= self.context.limits.rooms && !self.watched.contains_key(&room) {
            return self
                .refuse_join(room, ErrorCode::RoomsLimit.as_str(), ErrorCode::RoomsLimit.message())
                .await;
        }
        let now = self.context.uptime();
        if member.is_some_and(|member| !handle.is_within_pace(&member.key, now)) {
            let code = Code::DoorRate;
            return self.refuse_join(room, code.as_str(), code.message()).await;
        }
        let reader = self.context.shared.reader.clone();
        let beginning = async {
            let head = reader.read(move |log| log.head(&room)).await.ok()?;
            // Of a log that is shorter there is nothing to prove.
            let proof = if from > head.size {
                Vec::new()
            } else {
                reader.consistency(room, from, head.size).await?
            };
            Some((head, proof))
        };
        // A disk that hangs is a disk that fails.
        let beginning = tokio::time::timeout(ROOM_WITHIN, beginning).await;
        let Some((head, consistency)) = beginning.ok().flatten() else {
            return self
                .refuse_join(room, Code::StoreFailed.as_str(), Code::StoreFailed.message())
                .await;
        };
        if from > head.size {
            return self
                .refuse_join(
                    room,
                    ErrorCode::RoomShorter.as_str(),
                    ErrorCode::RoomShorter.message(),
                )
                .await;
        }
        if handle.kind == Kind::MessageBox {
            // V-297: who reads a box may get what its log names.
            self.context.shared.owners.note(self.number, room);
        }
        self.send(&FromBroker::Joined { room, head: head.note, consistency }).await?;
        self.watched.insert(room, Watched { next: from, lagging: Arc::default() });
        match self.catch_up(&handle).await? {
            Reached::Live | Reached::Nearer | Reached::Later => Ok(()),
            Reached::Nothing => {
                // Said, and not left to be waited for: the peer asks again (V-099).
                self.leave(room);
                let code = Code::StoreFailed;
                self.refuse_join(room, code.as_str(), code.message()).await
            }
        }
    }

    pub(super) fn leave(&mut self, room: RoomName) {
        if self.watched.remove(&room).is_some() {
            self.context.registry.try_send(room, RoomMessage::Unwatch(self.number));
        }
    }

    /// A private room exists only for those who hold one of its two keys, in this session.
    fn may_watch(&self, handle: &RoomHandle, member: Option<Member>) -> bool {
        let Some(readers) = &handle.readers else {
            // V-289: the one public room of guests is that in which they see whether they hold passes like everybody's.
            let is_of_passes = self.context.shared.passes.room() == Some(handle.name);
            return self.persona.is_some() || is_of_passes;
        };
        member.is_some_and(|member| {
            readers.contains(&member.key)
                && member
                    .key
                    .verify(&Member::message(&self.id, handle.name), &member.signature)
                    .is_ok()
        })
    }

    /// Asks the room's task to take this session live, or else reads one page of its log: what
    /// else the session has to do comes between two pages.
    async fn catch_up(&mut self, handle: &RoomHandle) -> Result<Reached, SessionEnd> {
        let room = handle.name;
        let Some(watched) = self.watched.get(&room) else { return Ok(Reached::Live) };
        let watcher = Watcher {
            session: self.number,
            queue: self.queue.clone(),
            lagging: Arc::clone(&watched.lagging),
        };
        let next = watched.next;
        // Before the room is asked: from here on only what goes wrong sets it.
        watched.lagging.store(false, Ordering::Release);
        let watching = watch_room(handle, watcher, next);
        let reached = match tokio::time::timeout(ROOM_WITHIN, watching).await {
            Ok(WatchAnswer::Live { tail, head, cosigned, waiting }) => {
                let entries: Vec<Logged<'_>> = tail.iter().map(SharedEntry::logged).collect();
                self.send_entries(room, next, &entries, Some(&head)).await?;
                if let Some(cosigned) = cosigned {
                    self.send(&FromBroker::Cosigned { room, head: cosigned.to_string() }).await?;
                }
                if let Some(waiting) = waiting {
                    self.send_encoded(&waiting).await?;
                }
                return Ok(Reached::Live);
            }
            Ok(WatchAnswer::Behind) => self.read_page(room, next).await?,
            Ok(WatchAnswer::Failed) => Reached::Nothing,
            // A long batch of the room, or a slow disk.
            Err(_) => Reached::Later,
        };
        if let Some(watched) = self.watched.get(&room) {
            watched.lagging.store(true, Ordering::Release);
            if matches!(reached, Reached::Nearer) {
                self.behind.push(room);
            }
        }
        Ok(reached)
    }

    async fn read_page(&mut self, room: RoomName, next: u64) -> Result<Reached, SessionEnd> {
        let page = self.context.shared.reader.read(move |log| log.read(&room, next, MAX_PAGE));
        // A disk that hangs is a disk that fails.
        let page = tokio::time::timeout(ROOM_WITHIN, page).await;
        let Ok(Ok(page)) = page else { return Ok(Reached::Nothing) };
        if page.is_empty() {
            return Ok(Reached::Later);
        }
        let entries: Vec<Logged<'_>> = page.iter().map(StoredEntry::logged).collect();
        self.send_entries(room, next, &entries, None).await?;
        Ok(Reached::Nearer)
    }

    async fn send_entries(
        &mut self,
        room: RoomName,
        next: u64,
        entries: &[Logged<'_>],
        head: Option<&str>,
    ) -> Result<(), SessionEnd> {
        for frame in encode_entries(room, entries, head) {
            self.send_encoded(&frame).await?;
        }
        self.set_position(room, next.saturating_add(entries.len() as u64));
        Ok(())
    }

    fn set_position(&mut self, room: RoomName, next: u64) {
        if let Some(watched) = self.watched.get_mut(&room) {
            watched.next = next;
        }
    }

    pub(super) fn note_laggards(&mut self) {
        for (room, watched) in &self.watched {
            if watched.lagging.load(Ordering::Acquire) {
                self.behind.push(*room);
            }
        }
    }

    /// Goes on with the room that has waited longest.
    pub(super) async fn catch_up_next(&mut self) -> Result<(), SessionEnd> {
        let Some(room) = self.behind.pop() else { return Ok(()) };
        let lags = |watched: &Watched| watched.lagging.load(Ordering::Acquire);
        if self.watched.get(&room).is_some_and(lags)
            && let Some(handle) = self.context.registry.room(room)
        {
            // One that came no nearer waits for the next heartbeat; the others do not wait for it.
            self.catch_up(&handle).await?;
        }
        Ok(())
    }

    /// Passes on what the room delivered, unless catching up has covered it already.
    pub(super) async fn deliver(&mut self, delivery: &Delivery) -> Result<(), SessionEnd> {
        let Some(watched) = self.watched.get_mut(&delivery.room) else { return Ok(()) };
        if delivery.from == delivery.to {
            // One of a log that the peer does not have yet comes again once it has caught up.
            if delivery.to > watched.next {
                return Ok(());
            }
        } else if delivery.to <= watched.next {
            return Ok(());
        } else if delivery.from != watched.next {
            watched.lagging.store(true, Ordering::Release);
            return Ok(());
        }
        watched.next = watched.next.max(delivery.to);
        for frame in &delivery.frames {
            let record = self.seal(frame)?;
            self.socket.feed(record).await?;
        }
        Ok(())
    }

    /// Stops watching everything: the session has ended.
    pub(super) fn unwatch_all(&mut self) {
        for (room, _) in std::mem::take(&mut self.watched) {
            self.context.registry.try_send(room, RoomMessage::Unwatch(self.number));
        }
    }

    /// Says that a room is not joined, naming it.
    async fn refuse_join(
        &mut self,
        room: RoomName,
        code: &str,
        message: &str,
    ) -> Result<(), SessionEnd> {
        let (code, message) = (code.to_owned(), message.to_owned());
        self.send(&FromBroker::Error { code, message, room: Some(room) }).await
    }
}

/// Asks a room to take a session live. A room that is gone has failed.
async fn watch_room(handle: &RoomHandle, watcher: Watcher, next: u64) -> WatchAnswer {
    let (answer, watching) = oneshot::channel();
    if handle.mailbox.send(RoomMessage::Watch { watcher, next, answer }).await.is_err() {
        return WatchAnswer::Failed;
    }
    watching.await.unwrap_or(WatchAnswer::Failed)
}
