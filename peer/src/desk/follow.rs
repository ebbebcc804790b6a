//! Rooms as followed: every entry replayed, every head checked against the replay.

use std::sync::Arc;

use pregao_protocol::codec::Digest;
use pregao_protocol::evidence::Statement;
use pregao_protocol::frame::{FromPeer, Member};
use pregao_protocol::key::{OneTime, PublicKey};
use pregao_protocol::log::{self, Entry, Head, Logged, Origin, Receipt, RoomName};
use pregao_protocol::merkle::{self, Tree};
use pregao_protocol::room::{Replay, ReplayError, Room, Stamped};
use pregao_protocol::stamp::{HeaderError, Headers};
use pregao_protocol::verify;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::evidence::Exhibit;
use super::kinds::{self, Notes};
use super::pins::{Pins, fault_of_opening};
use super::places::Denied;
use super::{Desk, Lost};

/// One room, as far as it was verified.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) replay: Replay,
    /// Whether its entries are asked for.
    pub(super) wanted: bool,
    /// The user asked for it, or acts in it.
    pub(super) asked: bool,
    /// The user does not want it to be followed.
    pub(super) left: bool,
    /// The broker does not show it.
    pub(super) denied: Option<Denied>,
    /// Something in it did not verify: nothing more of it is believed.
    pub(super) broken: bool,
    /// Agrees with the newest head since it was last asked for.
    pub(super) caught_up: bool,
    /// How often it was asked for in this session without an answer yet. What comes meanwhile was sent
    /// for an earlier asking and comes again.
    pub(super) unanswered: u32,
    /// It was asked for with a proof of membership.
    pub(super) proved: bool,
    /// The broker could not show it just now: it is asked for again (V-099).
    pub(super) ask_again: bool,
    /// The user was told that the broker could not show it.
    pub(super) unread_told: bool,
    /// The opening as listed, shown while the room is not followed.
    pub(super) listed: Replay,
    /// First entry's action, for receipts; empty while only the name is known.
    pub(super) opening: String,
    /// Every entry, as logged.
    pub(super) texts: Vec<String>,
    /// For every entry the batch header that it names.
    pub(super) headers: Vec<Arc<str>>,
    /// Leaf hashes of every entry.
    pub(super) leaves: Vec<Digest>,
    /// Root of the log with each entry.
    pub(super) roots: Vec<Digest>,
    /// Identifier and key of every entry's action.
    pub(super) actions: Vec<(Uuid, PublicKey<OneTime>)>,
    /// Positions of the user's own entries.
    pub(super) own: Vec<u64>,
    /// The newest head that agreed with the replay.
    pub(super) head: Option<(u64, String)>,
    /// The broker signed a longer log and does not show it.
    pub(super) owing: bool,
    /// Own entries that still lack a receipt: their positions.
    pub(super) unreceipted: Vec<u64>,
    /// What its kind of room remembers besides.
    pub(super) notes: Notes,
}

impl Followed {
    pub(super) fn new(opening: String) -> Self {
        Self {
            replay: Replay::new(),
            wanted: false,
            asked: false,
            left: false,
            denied: None,
            broken: false,
            caught_up: false,
            unanswered: 0,
            proved: false,
            ask_again: false,
            unread_told: false,
            listed: Replay::new(),
            opening,
            texts: Vec::new(),
            headers: Vec::new(),
            leaves: Vec::new(),
            roots: Vec::new(),
            actions: Vec::new(),
            own: Vec::new(),
            head: None,
            owing: false,
            unreceipted: Vec::new(),
            notes: Notes::default(),
        }
    }

    pub(super) fn room(&self) -> Option<&Room> {
        self.replay.room()
    }

    /// The room as far as it is known: replayed, or as listed.
    pub(super) fn known(&self) -> Option<&Room> {
        self.room().or_else(|| self.listed.room().filter(|_| !self.broken))
    }

    /// Whether anybody may read it, as far as it is known.
    pub(super) fn is_public(&self) -> bool {
        self.known().is_some_and(|room| room.terms().members().is_none())
    }

    /// Whether entries are still to come that lead up to a signed head.
    pub(super) const fn is_awaited(&self) -> bool {
        self.wanted && !self.broken && !self.caught_up
    }

    pub(super) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Every entry with its header.
    pub(super) fn logged(&self) -> impl Iterator<Item = Logged<'_>> {
        let entries = self.texts.iter().zip(&self.headers);
        entries.map(|(entry, header)| Logged { entry, header })
    }

    /// The log as lines, each header right before the first entry that names it.
    pub(super) fn lines(&self) -> Vec<String> {
        log::lines(self.logged())
    }

    /// Whether a signed head agrees with every entry held, and no more is owed.
    pub(super) fn is_verified(&self) -> bool {
        !self.broken
            && !self.owing
            && self.head.as_ref().is_some_and(|(size, _)| *size == self.size())
    }
}

impl Desk {
    /// Takes openings of public rooms, and chooses anew which to follow.
    pub(super) async fn lobby(
        &mut self,
        from: u64,
        headers: &[String],
        openings: &[Box<RawValue>],
    ) -> Result<(), Lost> {
        self.lobby = self.lobby.max(from.saturating_add(openings.len() as u64));
        let mut whole = true;
        let mut beside = match Headers::of(headers, openings.len()) {
            Ok(beside) => beside,
            Err(error) => {
                self.accuse_list(&error, headers).await;
                return self.choose_rooms().await;
            }
        };
        for opening in openings {
            let mut replay = Replay::new();
            let Ok(stamped) = replay.push_of(opening.get(), &mut beside) else {
                whole = false;
                self.accuse(
                    None,
                    "the broker lists a room whose opening does not verify",
                    "it was left out",
                    Exhibit::Notes("opening", &[opening.get()]),
                )
                .await;
                continue;
            };
            let name = stamped.action().room();
            self.met.listed(name);
            // A private room is in no list.
            if replay.room().is_none_or(|room| room.terms().members().is_some()) {
                continue;
            }
            // A room of another TSA or CA is nobody's fault; it is not for this persona.
            let fault = self.pins().map(|pins| fault_of_opening(name, stamped.action(), &pins));
            if self.rooms.contains_key(&name) || fault != Some(None) {
                continue;
            }
            if !self.may_know_another() {
                continue;
            }
            let mut room = Followed::new(stamped.action().compact().to_owned());
            room.listed = replay;
            self.rooms.insert(name, room);
            self.learn(name).await;
            self.listed.push(name);
        }
        // Of an opening that was left out nobody looks whether its header is there.
        if whole && let Err(error) = beside.finish() {
            self.accuse_list(&error, headers).await;
        }
        // As long as more are to come, nobody knows which end first.
        self.choose_rooms().await
    }

    /// Says that the list of rooms carries other batch headers than its openings name.
    async fn accuse_list(&mut self, error: &HeaderError, headers: &[String]) {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let message =
            format!("the broker lists rooms with other batch headers than they name: {error}");
        let advice = "a broker in order does not do this; keep an eye on it";
        self.accuse(None, &message, advice, Exhibit::Notes("headers", &headers)).await;
    }

    /// Asks for a room from where it is held.
    pub(super) async fn join(&mut self, name: RoomName) -> Result<(), Lost> {
        let member = self.member_proof(name);
        let mut from = 0;
        if let Some(room) = self.rooms.get_mut(&name) {
            (room.caught_up, room.ask_again) = (false, false);
            room.unanswered = room.unanswered.saturating_add(1);
            room.proved = member.is_some();
            from = room.size();
        }
        self.send(FromPeer::Join { room: name, from, member }).await
    }

    /// Whether it is a private room of which the whole log is here, and over: nothing more comes, and
    /// whoever has no side in its auction any more would be denied it. That the side is not known yet,
    /// because the auction's log is behind, is no reason not to ask.
    pub(super) fn is_over_in_private(&self, name: RoomName) -> bool {
        let is_private = self.invitations.iter().any(|(_, room)| *room == name);
        let over = |room: &Followed| {
            room.caught_up && room.room().is_some_and(pregao_protocol::room::Room::is_complete)
        };
        is_private && self.rooms.get(&name).is_some_and(over)
    }

    fn member_proof(&self, name: RoomName) -> Option<Member> {
        let (auction, _) = self.invitations.iter().find(|(_, room)| *room == name)?;
        let (_, kept) = self.role_in(*auction)?;
        let key = self.one_time_key(kept)?;
        let session = self.online.as_ref()?.id;
        let signature = key.sign(&Member::message(&session, name));
        Some(Member { key: key.public(), signature })
    }

    /// Prepares for a private room that the user is a member of, then asks for it.
    pub(super) async fn join_private(&mut self, name: RoomName) -> Result<(), Lost> {
        // Whether it was asked for as if it were anybody's. The proof costs a signature, and this is
        // looked at with every entry.
        let again = |room: &Followed| room.denied.is_some() && !room.proved;
        if !self.rooms.get(&name).is_none_or(again) || self.member_proof(name).is_none() {
            return Ok(());
        }
        match self.rooms.get_mut(&name) {
            Some(room) => room.denied = None,
            None => {
                self.rooms.insert(name, Followed::new(String::new()));
                self.learn(name).await;
            }
        }
        self.choose_rooms().await
    }

    /// The broker's newest head: it must continue what is held.
    pub(super) async fn joined(&mut self, name: RoomName, note: &str, path: &[Digest]) {
        let broker = self.options.broker.fingerprint;
        let Some(online) = &self.online else { return };
        let key = online.certificate.keys.head;
        // What answers an earlier asking, or none, shows nothing of what is to come. It is signed all
        // the same.
        if !self.is_answered(name) {
            self.note_head(name, note).await;
            return;
        }
        let Some(room) = self.rooms.get(&name).filter(|room| !room.broken) else { return };
        let size = room.size();
        let root =
            room.replay.room().map_or_else(merkle::empty_root, |room| room.ledger().head().root);
        let held = room.head.as_ref().map(|(_, note)| note.clone()).unwrap_or_default();
        let another = "the broker shows another history of this room than before";
        let Ok(head) = Head::open(note, &Origin { broker, room: name }, &key) else {
            return self.distrust(name, another, Exhibit::Notes("history", &[note, &held])).await;
        };
        // Contradicting what was signed before proves a lie; a proof that does not lead from one
        // log to the other shows one, to the user alone.
        if !self.take_receipts(name).await {
            return;
        }
        let longest = self.met.longest(name).cloned();
        if !self.take_statement(name, Statement::Head(note.to_owned())).await {
            return;
        }
        if let Some(longest) = longest.filter(|longest| longest.size > head.size) {
            let message = "the broker's log is shorter than what it signed before";
            let longest = longest.statement.text();
            return self.distrust(name, message, Exhibit::Notes("shorter", &[note, longest])).await;
        }
        if merkle::verify_consistency(size, &root, head.size, &head.root, path).is_err() {
            return self.distrust(name, another, Exhibit::Notes("history", &[note, &held])).await;
        }
        self.expect_entries(name);
    }

    /// Keeps what a head says of a room that is known.
    async fn note_head(&mut self, name: RoomName, note: &str) {
        if self.rooms.get(&name).is_some_and(|room| !room.broken) {
            self.take_statement(name, Statement::Head(note.to_owned())).await;
        }
    }

    /// Takes an answer to the question for a room. Whether it is the one to the last.
    pub(super) fn is_answered(&mut self, name: RoomName) -> bool {
        let Some(room) = self.rooms.get_mut(&name).filter(|room| room.unanswered > 0) else {
            return false;
        };
        room.unanswered -= 1;
        room.unanswered == 0
    }

    /// Asks again for rooms that the broker could not show because its store failed.
    pub(super) async fn join_again(&mut self) {
        let failed = self.rooms.iter().filter(|(_, room)| room.wanted && room.ask_again);
        for name in failed.map(|(name, _)| *name).collect::<Vec<_>>() {
            if self.join(name).await.is_err() {
                // Without a session all rooms are asked for in the next one.
                return;
            }
        }
    }

    /// The heads of receipts held for own actions in a room, verified again.
    pub(super) fn heads_of_receipts(&self, name: RoomName) -> Vec<String> {
        let full = name.to_string();
        let kept = self.vault.contents().actions.iter().filter(|kept| kept.room == full);
        kept.filter_map(|kept| {
            let receipt = Receipt::parse(&kept.receipt.as_ref()?.to_string()).ok()?;
            let verified = verify::receipt(&receipt).ok()?;
            let of_this = verified.room == name && verified.digest == kept.digest;
            of_this.then_some(receipt.head)
        })
        .collect()
    }

    /// Replays new entries, then checks the head against the replay.
    pub(super) async fn entries(
        &mut self,
        name: RoomName,
        headers: &[String],
        entries: &[Box<RawValue>],
        head: Option<&str>,
    ) {
        if self.rooms.get(&name).is_some_and(|room| room.unanswered > 0) {
            if let Some(head) = head {
                self.note_head(name, head).await;
            }
            return;
        }
        let mut beside = match Headers::of(headers, entries.len()) {
            Ok(beside) => beside,
            Err(error) => return self.doubt_headers(name, &error, headers, None).await,
        };
        for raw in entries {
            let Some(room) = self.rooms.get_mut(&name).filter(|room| !room.broken) else { return };
            let first = room.size() == 0;
            match room.replay.push_of(raw.get(), &mut beside) {
                Ok(stamped) => {
                    if first && !self.believes(name, &stamped, raw.get()).await {
                        return;
                    }
                    self.logged(name, &stamped, raw.get()).await;
                }
                Err(ReplayError::Header { source, .. }) => {
                    return self.doubt_headers(name, &source, headers, Some(raw.get())).await;
                }
                Err(error) => {
                    let message = format!("an entry of this room does not verify: {error}");
                    self.distrust(name, &message, Exhibit::Notes("entry", &[raw.get()])).await;
                    return;
                }
            }
        }
        if let Err(error) = beside.finish() {
            return self.doubt_headers(name, &error, headers, None).await;
        }
        if !entries.is_empty() {
            self.met.progressed(name, self.options.host.clock.uptime());
        }
        if let Some(head) = head {
            self.check_head(name, head).await;
        }
        self.settle_receipts(name).await;
        self.settle_refusals(name).await;
        kinds::caught_up(self, name).await;
        self.show_room(name).await;
    }

    /// Stops believing a room whose entries came with other batch headers than they name (V-023, V-028).
    async fn doubt_headers(
        &mut self,
        name: RoomName,
        error: &HeaderError,
        headers: &[String],
        entry: Option<&str>,
    ) {
        if self.rooms.get(&name).is_none_or(|room| room.broken) {
            return;
        }
        let message =
            format!("entries of this room came with other batch headers than they name: {error}");
        let notes: Vec<&str> = headers.iter().map(String::as_str).chain(entry).collect();
        self.distrust(name, &message, Exhibit::Notes("headers", &notes)).await;
    }

    /// What the first entry of every room is held against; `None` without a session.
    fn pins(&self) -> Option<Pins> {
        let online = self.online.as_ref()?;
        Some(Pins {
            broker: self.options.broker.fingerprint,
            keys: online.certificate.keys,
            stamp: self.tsa.stamp,
            authority: self.tsa.authority,
        })
    }

    /// Whether the first entry opens the room that was asked for, under the pinned keys. The
    /// broker chose which bytes to send for a name, so nothing in them vouches for them.
    async fn believes(&mut self, name: RoomName, opening: &Stamped, text: &str) -> bool {
        let fault = match self.pins() {
            Some(pins) => fault_of_opening(name, opening.action(), &pins),
            None => Some("it came without a session"),
        };
        let Some(fault) = fault else { return true };
        if let Some(room) = self.rooms.get_mut(&name) {
            // Not even its title is shown.
            room.replay = Replay::new();
        }
        let message = format!("this room's log begins otherwise: {fault}");
        let notes = [&name.to_string(), text];
        self.distrust(name, &message, Exhibit::Notes("opening", &notes)).await;
        false
    }

    /// Notes a verified entry and tells the user of it.
    async fn logged(&mut self, name: RoomName, stamped: &Stamped, text: &str) {
        let own = self.kept_digest(stamped).is_some();
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let seq = room.size();
        room.texts.push(text.to_owned());
        room.headers.push(stamped.batch().shared());
        room.leaves.push(merkle::leaf_hash(text.as_bytes()));
        room.roots.extend(room.replay.room().map(|room| room.ledger().head().root));
        room.actions.push((stamped.action().id(), *stamped.action().key()));
        if seq == 0 {
            stamped.action().compact().clone_into(&mut room.opening);
        }
        let kind = room.room().map(Room::kind);
        self.choose_again |= kind.is_some_and(|kind| room.notes.note(kind, seq, stamped));
        if own {
            room.own.push(seq);
            room.unreceipted.push(seq);
        }
        kinds::logged(self, name, stamped, text).await;
        self.tell_entry(name, seq, stamped, own).await;
    }

    async fn check_head(&mut self, name: RoomName, note: &str) {
        let broker = self.options.broker.fingerprint;
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let Some(state) = room.replay.room().filter(|state| state.ledger().name() == name) else {
            return;
        };
        let seen = state.ledger().head();
        let opened = Head::open(note, &Origin { broker, room: name }, &state.terms().broker.head);
        if opened.as_ref().is_ok_and(|head| head.size == seen.size && head.root == seen.root) {
            room.head = Some((seen.size, note.to_owned()));
            (room.caught_up, room.unread_told) = (true, false);
            return self.reconcile(name).await;
        }
        if opened.is_ok() && !self.take_statement(name, Statement::Head(note.to_owned())).await {
            return;
        }
        let held = format!("{} {}", seen.size, seen.root);
        let message = "the broker signed a head that the entries do not give";
        self.distrust(name, message, Exhibit::Notes("head", &[note, &held])).await;
    }

    /// Stops believing a room, and says so.
    pub(super) async fn distrust(&mut self, name: RoomName, message: &str, shown: Exhibit<'_>) {
        if let Some(room) = self.rooms.get_mut(&name) {
            room.broken = true;
        }
        self.accuse(Some(name), message, "do not act in this room any more", shown).await;
    }

    /// Makes and keeps receipts for own entries that are covered by a verified head: also for
    /// those whose receipt was lost with a connection.
    async fn settle_receipts(&mut self, name: RoomName) {
        let Some(room) = self.rooms.get_mut(&name).filter(|room| room.is_verified()) else {
            return;
        };
        let Some((_, head)) = &room.head else { return };
        if room.unreceipted.is_empty() {
            return;
        }
        let tree = Tree::new(room.leaves.clone());
        let receipts: Vec<(Digest, Receipt)> = std::mem::take(&mut room.unreceipted)
            .into_iter()
            .filter_map(|seq| {
                let at = usize::try_from(seq).ok()?;
                let (entry, header) = (room.texts.get(at)?.clone(), room.headers.get(at)?);
                let digest = Digest::of(Entry::parse(&entry).ok()?.action.as_bytes());
                let (opening, header) = (room.opening.clone(), header.to_string());
                let (path, head) = (tree.path(seq)?, head.clone());
                Some((digest, Receipt { opening, header, entry, path, head }))
            })
            .collect();
        self.keep_receipts(receipts).await;
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
