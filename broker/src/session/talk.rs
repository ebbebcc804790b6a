//! Frames in both directions, once the session exists.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pregao_protocol::codec::Digest;
use pregao_protocol::frame::{FromBroker, FromPeer, Member, Subject, encode_entries, encode_lobby};
use pregao_protocol::label::{MAX_PAGE, MAX_STAMPS};
use pregao_protocol::log::{Logged, RoomName};
use pregao_protocol::room::{Code, ErrorCode, Undecided};
use pregao_protocol::session::Padded;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message as WsMessage;

use super::{Beat, Ended, Talk, Watched, turned};
use crate::check::Submission;
use crate::fanout::{Delivery, Watcher};
use crate::room::{Handle, Message, Reply, SharedEntry, Watching};
use crate::stamps::{Asked, Granted};
use crate::store::StoredEntry;

/// Openings in one page of the list of rooms.
const LOBBY_PAGE: usize = 16;
/// Characters of a message about a frame that is no frame.
const LONGEST_MESSAGE: usize = 200;
/// How long a session waits for a room, or for a page of its log, before it asks again later: its
/// peer hears nothing meanwhile.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// How often requests are looked through for those without an answer in time (V-098).
const OVERDUE_EVERY: Duration = Duration::from_secs(1);

/// How far catching up with a room came.
enum Reached {
    /// The session is on the room's live list.
    Live,
    /// A page nearer: it is gone on with once nothing else is to be done.
    Nearer,
    /// Not yet: it is tried again at the next beat.
    Later,
    /// The store failed.
    Nothing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    /// Talks until one side ends it.
    pub(super) async fn run(
        &mut self,
        first: Vec<u8>,
        mut answers: mpsc::UnboundedReceiver<FromBroker>,
        mut deliveries: mpsc::Receiver<Arc<Delivery>>,
    ) -> Ended {
        match self.exchange(first, &mut answers, &mut deliveries).await {
            Ok(never) => match never {},
            Err(ended) => {
                if let Some(code) = ended.code() {
                    let (code, message) = (code.as_str().to_owned(), code.message().to_owned());
                    let goodbye = FromBroker::Error { code, message, room: None };
                    // The connection may be gone already.
                    let _ = self.say(&goodbye).await;
                }
                ended
            }
        }
    }

    async fn exchange(
        &mut self,
        first: Vec<u8>,
        answers: &mut mpsc::UnboundedReceiver<FromBroker>,
        deliveries: &mut mpsc::Receiver<Arc<Delivery>>,
    ) -> Result<std::convert::Infallible, Ended> {
        let limits = self.hall.limits;
        let end = tokio::time::sleep(limits.lifetime);
        tokio::pin!(end);
        let mut beats = self.hall.beats.clone();
        // The last one may be older than what the welcome said.
        beats.mark_unchanged();
        let mut stopping = self.hall.stopping.clone();
        // One future for the whole session: every wait that is made anew takes locks which all
        // sessions share.
        let stopping = turned(&mut stopping);
        tokio::pin!(stopping);
        let mut lobby = self.hall.house.watch_lobby();
        let mut pings = tokio::time::interval(limits.idle / 3);
        let mut overdue = tokio::time::interval(OVERDUE_EVERY);
        let mut heard = self.hall.uptime();
        self.take(&first).await?;
        loop {
            tokio::select! {
                biased;
                () = &mut end => return Err(Ended::Expired),
                () = &mut stopping => return Err(Ended::Stopping),
                answer = answers.recv() => {
                    if let Some(answer) = answer {
                        self.feed(&answer).await?;
                    }
                    while let Ok(answer) = answers.try_recv() {
                        self.feed(&answer).await?;
                    }
                    self.wire.flush().await?;
                }
                // Before everything that a peer or a room can make much of: silence is taken for
                // a dead connection.
                changed = beats.changed() => {
                    let beat = beats.borrow_and_update().clone();
                    match (changed, beat) {
                        (Ok(()), Beat::Tick(tick)) => self.send(&tick).await?,
                        (Ok(()), Beat::Ping) => {
                            self.wire.send(WsMessage::Ping(bytes::Bytes::new())).await?;
                        }
                        // The house is going; `stopping` says so.
                        (Err(_), _) => {}
                    }
                    self.note_laggards();
                }
                _ = overdue.tick() => self.answer_overdue().await?,
                delivery = deliveries.recv() => {
                    if let Some(delivery) = delivery {
                        self.deliver(&delivery).await?;
                    }
                    while let Ok(delivery) = deliveries.try_recv() {
                        self.deliver(&delivery).await?;
                    }
                    self.wire.flush().await?;
                    self.note_laggards();
                }
                message = self.wire.next() => {
                    heard = self.hall.uptime();
                    if let Some(record) = message? {
                        let broken = |error: pregao_protocol::session::SessionError| {
                            Ended::Violation(error.to_string())
                        };
                        let frame = self.opener.open(&record).map_err(broken)?;
                        self.take(&frame).await?;
                    }
                }
                changed = lobby.changed(), if self.lobby.is_some() => {
                    if changed.is_ok() {
                        self.show_lobby().await?;
                    }
                }
                _ = pings.tick() => {
                    if self.hall.uptime().saturating_sub(heard) > limits.idle {
                        return Err(Ended::Idle);
                    }
                    self.wire.send(WsMessage::Ping(bytes::Bytes::new())).await?;
                }
                () = std::future::ready(()), if !self.behind.is_empty() => {
                    self.catch_up_next().await?;
                }
            }
        }
    }

    /// Acts on one frame.
    async fn take(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        if !self.allowance.take(self.hall.uptime()) {
            return self.turn_away(bytes, Code::DoorRate.as_str(), Code::DoorRate.message()).await;
        }
        let frame = match FromPeer::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                return self
                    .turn_away(bytes, Code::FrameMalformed.as_str(), &error.to_string())
                    .await;
            }
        };
        match frame {
            FromPeer::Stamp { n, digests } => self.stamp(n, digests),
            FromPeer::Submit { n, action, stamp, blind } => {
                let persona = self.persona;
                self.submit(n, Submission { action, stamp, blind, persona });
            }
            FromPeer::Rooms { from } => {
                self.lobby = Some(usize::try_from(from).unwrap_or(usize::MAX));
                self.show_lobby().await?;
            }
            FromPeer::Join { room, from, member } => self.join(room, from, member).await?,
            FromPeer::Leave { room } => self.leave(room),
        }
        Ok(())
    }

    /// Refuses a frame that is not acted upon, naming what it asked for (V-093).
    async fn turn_away(&mut self, bytes: &[u8], code: &str, message: &str) -> Result<(), Ended> {
        self.hall.house.metrics.frames_refused.add(1);
        // What the JSON reader says may quote the frame at length.
        let message = message.chars().take(LONGEST_MESSAGE).collect();
        let code = code.to_owned();
        self.say(&match Subject::of(bytes) {
            Some(Subject::Request(n)) => FromBroker::Failed { n, code },
            Some(Subject::Room(room)) => FromBroker::Error { code, message, room: Some(room) },
            None => FromBroker::Error { code, message, room: None },
        })
        .await
    }

    /// Takes one place among what may be under way; given back when the answer is sent.
    fn reply(&mut self, n: u64) -> Option<Reply> {
        let metrics = Arc::clone(&self.hall.house.metrics);
        let reply = Reply { n, to: self.personal.clone(), metrics };
        if self.under_way.take(n, self.hall.uptime()) {
            return Some(reply);
        }
        self.hall.house.metrics.frames_refused.add(1);
        // The failure is an answer like any other: sending it gives the place back.
        reply.fail(Undecided::DOOR_RATE);
        None
    }

    /// Says of requests that nobody answered in time that they are undecided (V-098). What comes
    /// for them later is not sent: the same bytes, handed in again, get it.
    async fn answer_overdue(&mut self) -> Result<(), Ended> {
        while let Some(n) = self.under_way.overdue(self.hall.uptime()) {
            self.hall.house.metrics.failed.add(1);
            self.say(&FromBroker::Failed { n, code: Undecided::SLOW.code().as_str().to_owned() })
                .await?;
        }
        Ok(())
    }

    fn stamp(&mut self, n: u64, digests: Vec<Digest>) {
        let Some(reply) = self.reply(n) else { return };
        if digests.is_empty() || digests.len() > MAX_STAMPS {
            return reply.fail(Undecided::FRAME_MALFORMED);
        }
        let asked = self.hall.house.stamps.ask(digests);
        // Only a runtime that shuts down ends the other side.
        let _ = self.stamping.send((reply, asked));
    }

    fn submit(&mut self, n: u64, submission: Submission) {
        let Some(reply) = self.reply(n) else { return };
        let house = Arc::clone(&self.hall.house);
        let spare = reply.clone();
        let route = Box::new(move |verdict| house.route(verdict, reply));
        if self.hall.checker.check(self.number, submission, route).is_err() {
            spare.fail(Undecided::DOOR_RATE);
        }
    }

    async fn show_lobby(&mut self) -> Result<(), Ended> {
        while let Some(from) = self.lobby {
            let openings = self.hall.house.lobby(from, LOBBY_PAGE);
            let known = self.hall.house.lobby_size();
            let logged: Vec<Logged<'_>> = openings.iter().map(SharedEntry::logged).collect();
            let (frame, count) = encode_lobby(from as u64, &logged, known as u64);
            if count > 0 || from == 0 {
                self.send_bytes(&frame).await?;
            }
            let next = from.saturating_add(count);
            self.lobby = Some(next);
            if next >= known || count == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Shows that the log only grew since the peer left, then delivers what it lacks.
    async fn join(
        &mut self,
        room: RoomName,
        from: u64,
        member: Option<Member>,
    ) -> Result<(), Ended> {
        let Some(handle) =
            self.hall.house.room(room).filter(|handle| self.may_watch(handle, member))
        else {
            return self
                .no_join(room, Code::RoomUnknown.as_str(), Code::RoomUnknown.message())
                .await;
        };
        if self.watched.len() >= self.hall.limits.rooms && !self.watched.contains_key(&room) {
            return self
                .no_join(room, ErrorCode::RoomsLimit.as_str(), ErrorCode::RoomsLimit.message())
                .await;
        }
        let house = Arc::clone(&self.hall.house);
        let beginning = async {
            let head = house.read(move |log| log.head(&room)).await.ok()?;
            // Of a log that is shorter there is nothing to prove.
            let proof = if from > head.size {
                Vec::new()
            } else {
                house.consistency(room, from, head.size).await?
            };
            Some((head, proof))
        };
        // A disk that hangs is a disk that fails.
        let beginning = tokio::time::timeout(ROOM_WITHIN, beginning).await;
        let Some((head, consistency)) = beginning.ok().flatten() else {
            return self
                .no_join(room, Code::StoreFailed.as_str(), Code::StoreFailed.message())
                .await;
        };
        if from > head.size {
            return self
                .no_join(room, ErrorCode::RoomShorter.as_str(), ErrorCode::RoomShorter.message())
                .await;
        }
        self.say(&FromBroker::Joined { room, head: head.note, consistency }).await?;
        self.watched.insert(room, Watched { next: from, lagging: Arc::default() });
        match self.catch_up(&handle).await? {
            Reached::Live | Reached::Nearer | Reached::Later => Ok(()),
            Reached::Nothing => {
                // Said, and not left to be waited for: the peer asks again (V-099).
                self.leave(room);
                let code = Code::StoreFailed;
                self.no_join(room, code.as_str(), code.message()).await
            }
        }
    }

    fn leave(&mut self, room: RoomName) {
        if self.watched.remove(&room).is_some() {
            self.hall.house.tell(room, Message::Unwatch(self.number));
        }
    }

    /// A private room exists only for those who hold one of its two keys, in this session.
    fn may_watch(&self, handle: &Handle, member: Option<Member>) -> bool {
        let Some(members) = &handle.members else { return true };
        member.is_some_and(|member| {
            members.contains(&member.key)
                && member
                    .key
                    .verify(&Member::message(&self.id, handle.name), &member.signature)
                    .is_ok()
        })
    }

    /// Asks the room's task to take this session live, or else reads one page of its log: what
    /// else the session has to do comes between two pages.
    async fn catch_up(&mut self, handle: &Handle) -> Result<Reached, Ended> {
        let room = handle.name;
        let Some(watched) = self.watched.get(&room) else { return Ok(Reached::Live) };
        let watcher = Watcher {
            session: self.number,
            queue: self.queue.clone(),
            lagging: Arc::clone(&watched.lagging),
        };
        let next = watched.next;
        let watching = ask_room(handle, watcher, next);
        let reached = match tokio::time::timeout(ROOM_WITHIN, watching).await {
            Ok(Watching::Live { tail, head }) => {
                let entries: Vec<Logged<'_>> = tail.iter().map(SharedEntry::logged).collect();
                self.send_entries(room, next, &entries, Some(&head)).await?;
                return Ok(Reached::Live);
            }
            Ok(Watching::Behind) => self.read_page(room, next).await?,
            Ok(Watching::Failed) => Reached::Nothing,
            // A long turn of the room, or a slow disk.
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

    async fn read_page(&mut self, room: RoomName, next: u64) -> Result<Reached, Ended> {
        let page = self.hall.house.read(move |log| log.read(&room, next, MAX_PAGE));
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
    ) -> Result<(), Ended> {
        for frame in encode_entries(room, entries, head) {
            self.send_bytes(&frame).await?;
        }
        self.advance(room, next.saturating_add(entries.len() as u64));
        Ok(())
    }

    fn advance(&mut self, room: RoomName, next: u64) {
        if let Some(watched) = self.watched.get_mut(&room) {
            watched.next = next;
        }
    }

    fn note_laggards(&mut self) {
        for (room, watched) in &self.watched {
            if watched.lagging.load(Ordering::Acquire) {
                self.behind.push(*room);
            }
        }
    }

    /// Goes on with the room that has waited longest.
    async fn catch_up_next(&mut self) -> Result<(), Ended> {
        let Some(room) = self.behind.pop() else { return Ok(()) };
        let lags = |watched: &Watched| watched.lagging.load(Ordering::Acquire);
        if self.watched.get(&room).is_some_and(lags)
            && let Some(handle) = self.hall.house.room(room)
        {
            // One that came no nearer waits for the next beat; the others do not wait for it.
            self.catch_up(&handle).await?;
        }
        Ok(())
    }

    /// Passes on what the room delivered, unless catching up has covered it already.
    async fn deliver(&mut self, delivery: &Delivery) -> Result<(), Ended> {
        let Some(watched) = self.watched.get_mut(&delivery.room) else { return Ok(()) };
        if delivery.to <= watched.next {
            return Ok(());
        }
        if delivery.from != watched.next {
            watched.lagging.store(true, Ordering::Release);
            return Ok(());
        }
        watched.next = delivery.to;
        for frame in &delivery.frames {
            let record = self.seal(frame)?;
            self.wire.feed(record).await?;
        }
        Ok(())
    }

    /// Stops watching everything: the session has ended.
    pub(super) fn leave_all(&mut self) {
        for (room, _) in std::mem::take(&mut self.watched) {
            self.hall.house.tell(room, Message::Unwatch(self.number));
        }
    }

    /// Says that a room is not joined, naming it.
    async fn no_join(&mut self, room: RoomName, code: &str, message: &str) -> Result<(), Ended> {
        let (code, message) = (code.to_owned(), message.to_owned());
        self.say(&FromBroker::Error { code, message, room: Some(room) }).await
    }

    /// Queues an answer to something that was under way.
    async fn feed(&mut self, frame: &FromBroker) -> Result<(), Ended> {
        match frame {
            FromBroker::Stamped { n, .. }
            | FromBroker::Receipt { n, .. }
            | FromBroker::Held { n, .. }
            | FromBroker::Refused { n, .. }
            | FromBroker::Failed { n, .. } => {
                if !self.under_way.answered(*n) {
                    return Ok(());
                }
            }
            FromBroker::Welcome { .. }
            | FromBroker::Tick { .. }
            | FromBroker::Lobby { .. }
            | FromBroker::Joined { .. }
            | FromBroker::Entries { .. }
            | FromBroker::Invited { .. }
            | FromBroker::Error { .. } => {}
        }
        let bytes = frame.encode().map_err(|error| Ended::Violation(error.to_string()))?;
        let padded = Padded::new(&bytes).map_err(|error| Ended::Violation(error.to_string()))?;
        let record = self.seal(&padded)?;
        self.wire.feed(record).await
    }

    async fn say(&mut self, frame: &FromBroker) -> Result<(), Ended> {
        let bytes = frame.encode().map_err(|error| Ended::Violation(error.to_string()))?;
        self.send_bytes(&bytes).await
    }

    async fn send_bytes(&mut self, frame: &[u8]) -> Result<(), Ended> {
        let padded = Padded::new(frame).map_err(|error| Ended::Violation(error.to_string()))?;
        self.send(&padded).await
    }

    async fn send(&mut self, frame: &Padded) -> Result<(), Ended> {
        let record = self.seal(frame)?;
        self.wire.send(record).await
    }

    fn seal(&mut self, frame: &Padded) -> Result<WsMessage, Ended> {
        let record =
            self.sealer.seal(frame).map_err(|error| Ended::Violation(error.to_string()))?;
        Ok(WsMessage::binary(record))
    }
}

/// Asks a room to take a session live. A room that is gone has failed.
async fn ask_room(handle: &Handle, watcher: Watcher, next: u64) -> Watching {
    let (answer, watching) = oneshot::channel();
    if handle.mailbox.send(Message::Watch { watcher, next, answer }).await.is_err() {
        return Watching::Failed;
    }
    watching.await.unwrap_or(Watching::Failed)
}

/// Answers one session's requests for stamps in the order in which they were asked, though they
/// are all under way at once (V-092). Ends with the session.
pub(super) async fn answer_stamps(mut asked: mpsc::UnboundedReceiver<(Reply, Asked)>) {
    while let Some((reply, asked)) = asked.recv().await {
        match asked.granted().await {
            Ok(Granted { stamps, batch }) => {
                let (n, batch) = (reply.n, batch.compact().to_owned());
                reply.send(FromBroker::Stamped { n, batch, stamps });
            }
            Err(_) => reply.fail(Undecided::TSA_DOWN),
        }
    }
}

/// A bucket of frames that refills with time.
pub(super) struct Allowance {
    rate: f64,
    burst: f64,
    left: f64,
    /// When it was refilled last, by a clock that only grows.
    at: Duration,
}

impl Allowance {
    pub(super) fn new(rate: u32, burst: u32, now: Duration) -> Self {
        let burst = f64::from(burst);
        Self { rate: f64::from(rate), burst, left: burst, at: now }
    }

    fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at);
        self.at = now;
        self.left = (self.left + passed.as_secs_f64() * self.rate).min(self.burst);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_spent_and_refilled() {
        let at = |ms: u64| Duration::from_millis(5_000 + ms);
        let mut allowance = Allowance::new(10, 3, at(0));
        assert!((0..3).all(|_| allowance.take(at(0))));
        assert!(!allowance.take(at(0)) && !allowance.take(at(99)));
        assert!(allowance.take(at(101)), "ten a second: one every 100 ms");
        assert!(!allowance.take(at(101)));
        assert!((0..3).all(|_| allowance.take(at(60_000))));
        assert!(!allowance.take(at(60_000)), "however long it rests, no more than the burst");
        assert!(!allowance.take(at(0)), "a clock that went back refills nothing");
    }
}
