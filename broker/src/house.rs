//! What every room and session of one broker shares: keys, stores, the TSA, and who is where.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use pregao_protocol::action::{Draft, Seen};
use pregao_protocol::broker::{BrokerCertificate, Refusal};
use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::frame::FromBroker;
use pregao_protocol::host::Host;
use pregao_protocol::key::{
    EntryKey, Fingerprint, HeadKey, OneTime, PublicKey, SecretKey, SessionKey,
};
use pregao_protocol::label::MAX_ANSWER;
use pregao_protocol::log::{self, Entry, RoomName};
use pregao_protocol::merkle::{self, Frontier};
use pregao_protocol::room::{Code, Replay, ReplayError, Room, Stamped, Terms, Undecided};
use pregao_protocol::stamp::Headers;
use tokio::sync::{Semaphore, mpsc, watch};
use uuid::Uuid;

use crate::check::{Author, Checked, Verdict};
use crate::host;
use crate::links::{self, Link, Links};
use crate::metrics::Metrics;
use crate::room::kinds::{AnyPolicy, Follower, Followers, Follows, Held, follows};
use crate::room::{
    Call, Handed, Handle, Inbox, MAILBOX, Message, Opened, RECENT, Reply, RoomTask, SharedEntry,
    held,
};
use crate::stamps::Stamps;
use crate::store::{
    self, Answer, Append, Log, NewEntry, NewRoom, Pending, PendingChange, StoreError, StoredEntry,
    StoredTree,
};
use crate::writer::{Commit, Writer};

/// Entries read from the log at a time.
const PAGE: usize = 256;
/// How long a read may take: half of what a request may wait for its answer (V-098).
const READ_WITHIN: Duration = Duration::from_secs(MAX_ANSWER / 2);
/// Reads that go on at once. One that nobody waits for any longer still holds a thread.
const READS: usize = 64;
/// How soon erasing that failed is tried again, at first and at the longest.
const ERASE_AGAIN: Duration = Duration::from_secs(1);
const ERASE_AGAIN_AT_MOST: Duration = Duration::from_secs(30);

/// The broker's secret keys, each for one purpose.
#[derive(Debug)]
pub struct Keys {
    /// Pinned by peers; signs handshakes and the certificate.
    pub session: SecretKey<SessionKey>,
    /// Signs log heads.
    pub head: SecretKey<HeadKey>,
    /// Signs the broker's entries and refusals.
    pub entry: SecretKey<EntryKey>,
}

/// Everything shared.
#[derive(Debug)]
pub struct House {
    /// The machine: clocks, chance, and where work runs.
    pub host: Host,
    /// The broker's keys.
    pub keys: Keys,
    /// What the broker says of itself.
    pub certificate: BrokerCertificate,
    /// Time and stamps.
    pub stamps: Stamps,
    /// Makes turns durable.
    pub writer: Writer,
    /// Counters.
    pub metrics: Arc<Metrics>,
    log: Arc<dyn Log>,
    reads: Arc<Semaphore>,
    links: Arc<Links>,
    rooms: RwLock<HashMap<RoomName, Handle>>,
    /// Rooms being opened, with what was handed in for each meanwhile, in order (V-092).
    opening: Mutex<HashMap<RoomName, VecDeque<(Handed, Reply)>>>,
    lobby: Lobby,
    invitations: Mutex<HashMap<Fingerprint, Vec<(RoomName, RoomName)>>>,
    online: Mutex<HashMap<Fingerprint, Vec<mpsc::UnboundedSender<FromBroker>>>>,
    alarms: mpsc::UnboundedSender<(Time, RoomName)>,
}

/// The list of public rooms, in the order in which they were opened.
#[derive(Debug)]
struct Lobby {
    openings: Mutex<Vec<SharedEntry>>,
    count: watch::Sender<usize>,
}

/// Stores the house stands on.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Makes turns durable.
    pub writer: Writer,
    /// Room logs.
    pub log: Arc<dyn Log>,
    /// Who is behind which key.
    pub links: Arc<Links>,
}

impl House {
    /// Puts the house together. `alarms` is the monitor's ear.
    #[must_use]
    pub fn new(
        host: Host,
        keys: Keys,
        certificate: BrokerCertificate,
        stamps: Stamps,
        stores: Stores,
        metrics: Arc<Metrics>,
        alarms: mpsc::UnboundedSender<(Time, RoomName)>,
    ) -> Self {
        let Stores { writer, log, links } = stores;
        let lobby = Lobby { openings: Mutex::default(), count: watch::channel(0).0 };
        Self {
            host,
            keys,
            certificate,
            stamps,
            writer,
            metrics,
            log,
            reads: Arc::new(Semaphore::new(READS)),
            links,
            rooms: RwLock::default(),
            opening: Mutex::default(),
            lobby,
            invitations: Mutex::default(),
            online: Mutex::default(),
            alarms,
        }
    }

    /// Fingerprint of the session key: what peers pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.keys.session.public().fingerprint()
    }

    /// Takes up every room of the store where it was.
    ///
    /// # Errors
    /// A failure of the store, or a log that does not hold.
    pub async fn resume(self: &Arc<Self>) -> Result<(), StoreError> {
        let rooms = self.read_long(|log| log.rooms()).await?;
        let mut followers = Followers::new();
        let mut opened = Vec::new();
        for stored in rooms {
            let loaded = self.load(stored.name).await?;
            if let Some(Follows { room, seq }) = follows(&loaded.room) {
                let follower = Follower { seq, name: stored.name, kind: loaded.room.kind() };
                followers.entry(room).or_default().push(follower);
            }
            opened.push(loaded);
        }
        for mut loaded in opened {
            let ledger = loaded.room.ledger();
            let name = ledger.name();
            if !ledger.is_opened_by_broker() {
                // Without it the seller could bid on their own item.
                let links = self.authors(name).await?.unwrap_or_default();
                let opener = *ledger.opened_by();
                loaded.opener = links.into_iter().find(|link| link.key == opener);
            }
            let followers = followers.get(&name).map_or(&[][..], Vec::as_slice);
            loaded.resume(self, followers).await?;
            self.serve(loaded);
        }
        Ok(())
    }

    /// Reads and replays one room's log: every signature, stamp and rule is checked again.
    ///
    /// # Errors
    /// A failure of the store; [`StoreError::Malformed`] for a log that does not hold.
    pub(crate) async fn load(&self, name: RoomName) -> Result<Opened, StoreError> {
        let (replay, first, recent, head, held) = self
            .read_long(move |log| {
                let mut replay = Replay::new();
                let mut first: Option<SharedEntry> = None;
                let mut recent: VecDeque<SharedEntry> = VecDeque::new();
                let mut from = 0;
                loop {
                    let page = log.read(&name, from, PAGE)?;
                    let Some(last) = page.last() else { break };
                    from = last.seq + 1;
                    replay_page(&mut replay, &page).map_err(|error| {
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
                let held = log.pending(&name)?;
                Ok((replay, first, recent, log.head(&name)?.note, held))
            })
            .await?;
        let empty = StoreError::Malformed("a stored log is empty");
        let room = replay.finish().ok().flatten();
        let (Some(room), Some(first)) = (room, first) else { return Err(empty) };
        let policy = AnyPolicy::of(&room);
        let held = self.restore(&room, &policy, held).await?;
        Ok(Opened { room, policy, head: head.into(), first, recent, opener: None, held })
    }

    /// Reads held actions back. One that cannot be read any more is dropped, for its author
    /// still has it: no other room waits for it, and its place is free.
    async fn restore(
        &self,
        room: &Room,
        policy: &AnyPolicy,
        held: Vec<Pending>,
    ) -> Result<Vec<Held>, StoreError> {
        let name = room.ledger().name();
        let mut restored = Vec::new();
        for Pending { role, payload } in held {
            let unsealed = self.on_links(move |links| links.unseal(&name, &payload)).await;
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
            self.writer.commit(Commit { append, links: Vec::new() }).await?;
        }
        Ok(restored)
    }

    /// Starts serving a room.
    fn serve(self: &Arc<Self>, opened: Opened) -> RoomName {
        let name = opened.room.ledger().name();
        let members = opened.room.terms().members().map(Arc::from);
        let public = members.is_none();
        let first = opened.first.clone();
        let (mailbox, messages) = mpsc::channel(MAILBOX);
        let (calls, called) = mpsc::unbounded_channel();
        self.rooms.write().insert(name, Handle { name, mailbox, calls, members });
        let inbox = Inbox { messages, calls: called };
        self.metrics.rooms.add(1);
        self.host.task(RoomTask::new(Arc::clone(self), opened, inbox).run());
        if public {
            let mut openings = self.lobby.openings.lock();
            openings.push(first);
            self.lobby.count.send_replace(openings.len());
        }
        name
    }

    /// Puts nobody's inbox in the place of a room, so that a test sees what the room is told.
    #[cfg(test)]
    pub(crate) fn stand_in(&self, name: RoomName) -> Inbox {
        let (mailbox, messages) = mpsc::channel(MAILBOX);
        let (calls, called) = mpsc::unbounded_channel();
        self.rooms.write().insert(name, Handle { name, mailbox, calls, members: None });
        Inbox { messages, calls: called }
    }

    /// The way to a room.
    #[must_use]
    pub fn room(&self, name: RoomName) -> Option<Handle> {
        self.rooms.read().get(&name).cloned()
    }

    /// Tells a room something; a room whose mailbox is full is told by the next occasion.
    pub fn tell(&self, name: RoomName, message: Message) {
        if let Some(handle) = self.room(name)
            && handle.mailbox.try_send(message).is_err()
        {
            tracing::warn!("a room's mailbox is full");
        }
    }

    /// Tells a room what it must not miss.
    pub fn call(&self, name: RoomName, call: Call) {
        if let Some(handle) = self.room(name) {
            // A room ends only with the process.
            let _ = handle.calls.send(call);
        }
    }

    /// Brings a worker's verdict to the room it concerns, behind what was handed in for that room
    /// before (V-092).
    pub fn route(self: &Arc<Self>, verdict: Verdict, reply: Reply) {
        let handed = match verdict {
            Verdict::Garbage { .. } => return reply.fail(Undecided::PARSE),
            Verdict::Bad { action, code } => Handed::Repeated(action, code),
            Verdict::Good(checked) => Handed::Checked(checked),
        };
        let name = handed.action().room();
        let opens = matches!(&handed, Handed::Checked(checked) if checked.opens_a_room());
        let opens = opens && self.room(name).is_none();
        let mut opening = self.opening.lock();
        if let Some(waiting) = opening.get_mut(&name) {
            if waiting.len() < MAILBOX {
                return waiting.push_back((handed, reply));
            }
            drop(opening);
            return reply.fail(Undecided::DOOR_RATE);
        }
        if opens {
            opening.insert(name, VecDeque::new());
            drop(opening);
            let house = Arc::clone(self);
            self.host.task(async move { house.list(name, handed, reply).await });
            return;
        }
        drop(opening);
        self.hand_in(name, handed, reply);
    }

    fn hand_in(&self, name: RoomName, handed: Handed, reply: Reply) {
        let Some(handle) = self.room(name) else {
            return reply.fail(Undecided::ROOM_UNKNOWN);
        };
        let handed = match handed {
            // The room is there: this listing was handed in before.
            Handed::Checked(checked) if checked.opens_a_room() => {
                let action = Box::new(checked.stamped().action().clone());
                Handed::Repeated(action, Undecided::STORE_FAILED)
            }
            handed => handed,
        };
        if let Err(error) = handle.mailbox.try_send(Message::Submit(handed, reply))
            && let Message::Submit(_, reply) = error.into_inner()
        {
            reply.fail(Undecided::DOOR_RATE);
        }
    }

    /// Opens the room of a new listing, once, then does what was handed in for it meanwhile:
    /// whoever handed in the same listing gets the same receipt.
    async fn list(self: Arc<Self>, name: RoomName, handed: Handed, reply: Reply) {
        let mut next = Some((handed, reply));
        while let Some((handed, reply)) = next {
            match handed {
                Handed::Checked(checked) if checked.opens_a_room() && self.room(name).is_none() => {
                    self.list_new(&checked, reply).await;
                }
                handed => self.hand_in(name, handed, reply),
            }
            next = self.next_of_opening(name);
        }
    }

    /// What waits next for a room to be opened; what comes after the last goes to the room.
    fn next_of_opening(&self, name: RoomName) -> Option<(Handed, Reply)> {
        let mut opening = self.opening.lock();
        let next = opening.get_mut(&name).and_then(VecDeque::pop_front);
        if next.is_none() {
            opening.remove(&name);
        }
        next
    }

    async fn list_new(self: &Arc<Self>, checked: &Checked, reply: Reply) {
        let stamped = checked.stamped();
        self.metrics.submitted.add(1);
        let Ok(newest) = self.stamps.newest() else { return reply.fail(Undecided::TSA_DOWN) };
        let Some(terms) = stamped.action().body().terms() else {
            return reply.fail(Undecided::PARSE);
        };
        let Author::Persona { persona, blind } = checked.author() else {
            return reply.fail(Undecided::BLIND);
        };
        let link = Link {
            key: *stamped.action().key(),
            persona: *persona,
            blind: blind.clone(),
            action: stamped.action().id(),
        };
        let digest = stamped.action().digest();
        match self.read(move |log| log.answer(&digest)).await {
            Ok(Some(Answer::Refusal(refusal))) => {
                let n = reply.n;
                return reply.send(FromBroker::Refused { n, refusal });
            }
            Ok(_) => {}
            Err(_) => return reply.fail(Undecided::STORE_FAILED),
        }
        let opened = match First::of(stamped) {
            Err(code) => Err(code),
            Ok(_) if !self.knows_keys_of(&terms) => Err(Code::ListingKeys),
            Ok(_) if stamped.time().plus(terms.freshness) < newest.shown_now() => {
                Err(Code::DoorStale)
            }
            Ok(first) => {
                let seen = first.room.ledger().head();
                self.open_with(first, stamped, Some(link)).await.map(|name| (name, seen))
            }
        };
        let n = reply.n;
        match opened {
            Ok((name, seen)) => {
                let head = signed(self, name, seen).to_string();
                reply.send(FromBroker::Receipt { n, seq: 0, path: Vec::new(), head });
            }
            Err(Code::StoreFailed) => reply.fail(Undecided::STORE_FAILED),
            Err(code) => {
                self.metrics.refused.add(1);
                let room = stamped.action().room();
                let root = merkle::empty_root();
                let batch = newest.batch.hash();
                let header = (code == Code::DoorStale).then(|| newest.batch.compact().to_owned());
                let stamp = stamped.batch().hash();
                let (size, same_author) = (0, None);
                let refusal =
                    Refusal { digest, room, stamp, code, size, root, batch, same_author, header };
                let refusal = refusal.sign(&self.keys.entry);
                let mut append = Append::to(room, 0);
                append.refusals = vec![store::Refusal { digest, jws: refusal.as_str().into() }];
                match self.writer.commit(Commit { append, links: Vec::new() }).await {
                    Ok(()) => reply.send(FromBroker::Refused { n, refusal }),
                    Err(_) => reply.fail(Undecided::STORE_FAILED),
                }
            }
        }
    }

    fn knows_keys_of(&self, terms: &Terms) -> bool {
        terms.broker == self.certificate.keys
            && terms.stamps.iter().all(|key| self.certificate.stamps.contains(key))
            && terms.authorities.iter().all(|key| self.certificate.authorities.contains(key))
    }

    /// Makes a room durable and serves it.
    ///
    /// # Errors
    /// The code of the rule that the opening breaks, or [`Code::StoreFailed`].
    pub async fn open(
        self: &Arc<Self>,
        stamped: &Stamped,
        link: Option<Link>,
    ) -> Result<RoomName, Code> {
        self.open_with(First::of(stamped)?, stamped, link).await
    }

    async fn open_with(
        self: &Arc<Self>,
        First { room, entry }: First,
        stamped: &Stamped,
        link: Option<Link>,
    ) -> Result<RoomName, Code> {
        let name = room.ledger().name();
        let action = stamped.action();
        let head = signed(self, name, room.ledger().head());
        let mut append = Append::to(name, 0);
        append.new_room = Some(NewRoom {
            kind: room.kind(),
            opening: action.compact().into(),
            created: stamped.time(),
        });
        let first = SharedEntry::from(&entry);
        append.entries = vec![entry];
        append.head = Some(Arc::clone(&head));
        let links = link.iter().cloned().collect();
        self.writer.commit(Commit { append, links }).await.map_err(|error| {
            tracing::error!(%error, "a room could not be stored");
            Code::StoreFailed
        })?;
        self.metrics.accepted.add(1);
        let recent = VecDeque::from([first.clone()]);
        let policy = AnyPolicy::of(&room);
        let held = Vec::new();
        let opened = Opened { room, policy, head, first, recent, opener: link, held };
        Ok(self.serve(opened))
    }

    /// Signs a draft with the entry key and has it stamped.
    ///
    /// # Errors
    /// [`Code::TsaDown`]; [`Code::Parse`] if the draft breaks a rule of its encoding.
    pub async fn sign_and_stamp(&self, draft: &Draft) -> Result<Stamped, Code> {
        let action = draft.sign_as_broker(&self.keys.entry).map_err(|error| {
            tracing::error!(%error, "an entry of the broker's own is malformed");
            Code::Parse
        })?;
        let mut granted =
            self.stamps.request(vec![action.digest()]).await.map_err(|_| Code::TsaDown)?;
        let stamp = granted.stamps.pop().ok_or(Code::TsaDown)?.under(granted.batch.hash());
        Stamped::bind(action, stamp, granted.batch).map_err(|_| Code::StampOther)
    }

    /// A random UUID (version 4). Without randomness it is nil, which no action may have: what the
    /// broker would sign under it is refused as malformed, and tried again.
    #[must_use]
    pub fn fresh_uuid(&self) -> Uuid {
        let random = self.host.random().map(uuid::Builder::from_random_bytes);
        random.map_or_else(|_| Uuid::nil(), uuid::Builder::into_uuid)
    }

    /// Signs a room's head.
    #[must_use]
    pub fn sign_head(&self, room: RoomName, seen: Seen) -> Arc<str> {
        signed(self, room, seen)
    }

    /// Runs a short read of the store where it may block.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Slow`] after ten seconds, for a disk that hangs is a
    /// disk that fails.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Log) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let read = tokio::time::timeout(READ_WITHIN, self.read_long(read)).await;
        read.unwrap_or(Err(StoreError::Slow))
    }

    /// As [`House::read`], without a limit of time.
    async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Log) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.reads).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Stopped)?;
        let log = Arc::clone(&self.log);
        let read = host::blocking(&self.host, move || {
            let read = read(log.as_ref());
            drop(turn);
            read
        });
        read.await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Proves from the store that an entry is in the log of `size` entries.
    pub async fn inclusion(&self, room: RoomName, seq: u64, size: u64) -> Option<Vec<Digest>> {
        let path = self
            .read(move |log| Ok(merkle::inclusion_path(&StoredTree::new(log, room), seq, size)));
        path.await.ok().flatten()
    }

    /// Proves from the store that the log of `new` entries continues that of `old`.
    pub async fn consistency(&self, room: RoomName, old: u64, new: u64) -> Option<Vec<Digest>> {
        let path = self
            .read(move |log| Ok(merkle::consistency_path(&StoredTree::new(log, room), old, new)));
        path.await.ok().flatten()
    }

    /// The root that a room's log had when it was of some size, not greater than what is stored.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Malformed`] if the log is shorter.
    pub async fn root(&self, room: RoomName, size: u64) -> Result<Digest, StoreError> {
        self.read(move |log| {
            let tree = StoredTree::new(log, room);
            let then = Frontier::restore(&tree, size);
            tree.finish()?;
            then.map(|then| then.root()).ok_or(StoreError::Malformed("a log is shorter than told"))
        })
        .await
    }

    /// Does something with the links where it may block.
    async fn on_links<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Links) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let links = Arc::clone(&self.links);
        host::blocking(&self.host, move || act(&links)).await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Who is behind the keys of a room; `None` once erased.
    ///
    /// # Errors
    /// A failure of the store. Links that were altered are none, and the log says so.
    pub async fn authors(&self, room: RoomName) -> Result<Option<Vec<Link>>, StoreError> {
        match self.on_links(move |links| links.room(&room)).await {
            Err(error) if !error.is_store_failure() => {
                tracing::error!(%error, room = %room.short(), "links cannot be used");
                Ok(None)
            }
            read => read,
        }
    }

    /// Seals what a reveal room holds back under that room's key of the links: once the room is
    /// over, [`House::forget_authors`] destroys it wherever the database left copies.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn seal_held(&self, room: RoomName, payload: String) -> Result<String, StoreError> {
        self.on_links(move |links| links.seal(&room, &payload)).await
    }

    /// Erases who is behind the keys of a room that is over, and what was held there (SPEC
    /// 1). What fails is finished by [`House::keep_erasing`].
    pub async fn forget_authors(&self, room: RoomName) {
        self.invitations
            .lock()
            .values_mut()
            .for_each(|of| of.retain(|(auction, _)| *auction != room));
        if let Err(error) = self.on_links(move |links| links.erase(&[room])).await {
            tracing::warn!(
                %error,
                "the links of a room that is over are not erased to the last byte; tried again"
            );
        }
        self.metrics.links_unerased.set(self.links.is_unfinished().into());
    }

    /// Finishes erasing that failed, now or before the broker started, until the process ends.
    pub async fn keep_erasing(self: Arc<Self>) {
        let mut pause = ERASE_AGAIN;
        loop {
            if self.links.is_unfinished() {
                match self.on_links(Links::finish).await {
                    Ok(()) => tracing::info!("what was to be erased is erased to the last byte"),
                    Err(error) => {
                        pause = (pause * 2).min(ERASE_AGAIN_AT_MOST);
                        tracing::warn!(
                            %error,
                            again_in = ?pause,
                            "keys of links that were erased may still be in {}", links::KEYS_FILE
                        );
                    }
                }
            } else {
                pause = ERASE_AGAIN;
            }
            self.metrics.links_unerased.set(self.links.is_unfinished().into());
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks the monitor to wake a room once TSA time has reached an instant.
    pub fn wake_at(&self, time: Time, room: RoomName) {
        // The monitor ends only with the process.
        let _ = self.alarms.send((time, room));
    }

    /// Public rooms from a position on, at most `limit`, as logged.
    #[must_use]
    pub fn lobby(&self, from: usize, limit: usize) -> Vec<SharedEntry> {
        self.lobby.openings.lock().iter().skip(from).take(limit).cloned().collect()
    }

    /// How many public rooms there are.
    #[must_use]
    pub fn lobby_size(&self) -> usize {
        self.lobby.openings.lock().len()
    }

    /// Tells how many public rooms there are, whenever that changes.
    #[must_use]
    pub fn watch_lobby(&self) -> watch::Receiver<usize> {
        self.lobby.count.subscribe()
    }

    /// Notes that two personas are the two of a reveal room, and tells those who are online.
    ///
    /// # Errors
    /// A failure of the store: nobody was invited.
    pub async fn invite(
        &self,
        auction: RoomName,
        room: RoomName,
        keys: [PublicKey<OneTime>; 2],
    ) -> Result<(), StoreError> {
        let links = self.authors(auction).await?.unwrap_or_default();
        for link in links.iter().filter(|link| keys.contains(&link.key)) {
            let persona = link.persona.fingerprint();
            let mut invitations = self.invitations.lock();
            let invited = invitations.entry(persona).or_default();
            if !invited.contains(&(auction, room)) {
                invited.push((auction, room));
            }
            drop(invitations);
            for session in self.online.lock().get(&persona).into_iter().flatten() {
                let _ = session.send(FromBroker::Invited { auction, room });
            }
        }
        Ok(())
    }

    /// A session begins: gives the invitations kept for its persona.
    pub fn arrive(
        &self,
        persona: Fingerprint,
        session: mpsc::UnboundedSender<FromBroker>,
    ) -> Vec<(RoomName, RoomName)> {
        self.online.lock().entry(persona).or_default().push(session);
        self.invitations.lock().get(&persona).cloned().unwrap_or_default()
    }

    /// A session has ended.
    pub fn depart(&self, persona: Fingerprint, session: &mpsc::UnboundedSender<FromBroker>) {
        let mut online = self.online.lock();
        if let Some(sessions) = online.get_mut(&persona) {
            sessions.retain(|other| !other.same_channel(session));
            if sessions.is_empty() {
                online.remove(&persona);
            }
        }
    }
}

fn signed(house: &House, room: RoomName, seen: Seen) -> Arc<str> {
    crate::room::signed_head(house, room, seen)
}

/// The first entry of a new room, encoded and folded once.
struct First {
    room: Room,
    entry: NewEntry,
}

impl First {
    /// The room that an action opens.
    ///
    /// # Errors
    /// The code of the rule that the opening breaks.
    fn of(stamped: &Stamped) -> Result<Self, Code> {
        let action = stamped.action().compact().to_owned();
        let entry = Entry { seq: 0, action, stamp: stamped.stamp().clone() };
        let text: Arc<str> = entry.encode().into();
        let (room, hashes) = Room::open(stamped, merkle::leaf_hash(text.as_bytes()))?;
        let (header, digest) = (stamped.batch().into(), stamped.action().digest());
        Ok(Self { room, entry: NewEntry { seq: 0, text, header, digest, hashes } })
    }
}

/// Replays entries that were read together. Headers stand in the store apart from them, so none can
/// be superfluous.
fn replay_page(replay: &mut Replay, page: &[StoredEntry]) -> Result<(), ReplayError> {
    let headers = log::headers(page.iter().map(StoredEntry::logged));
    let mut headers = Headers::of(&headers, page.len())
        .map_err(|source| ReplayError::Header { seq: 0, source })?;
    page.iter().try_for_each(|entry| replay.push_of(&entry.text, &mut headers).map(drop))
}

#[cfg(test)]
mod tests;
