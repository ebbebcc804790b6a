//! What the broker sends about rooms: its list, heads and entries. Every entry is replayed, every head
//! checked against the replay.

use pregao_protocol::audit::evidence::{BrokenLog, Evidence, Statement};
use pregao_protocol::audit::verify;
use pregao_protocol::log::merkle::{self, Tree};
use pregao_protocol::log::stamp::{BatchHeader, HeaderError, Headers};
use pregao_protocol::log::transcript::transcript;
use pregao_protocol::log::{Entry, Head, Logged, Origin, Receipt, RoomName};
use pregao_protocol::room::{Replay, ReplayError, Room, Stamped};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::{FromPeer, Member};
use serde_json::value::RawValue;

use super::{Asking, Replica};
use crate::desk::Desk;
use crate::desk::connection::SessionLost;
use crate::desk::evidence::Exhibit;
use crate::desk::kinds;
use crate::desk::pins::{Pins, fault_of_opening};

impl Desk {
    /// Takes openings of public rooms, and chooses anew which to follow.
    pub(in crate::desk) async fn handle_lobby(
        &mut self,
        from: u64,
        headers: &[String],
        openings: &[Box<RawValue>],
    ) -> Result<(), SessionLost> {
        self.rooms.note_listed(from, openings.len());
        let mut whole = true;
        let mut beside = match Headers::of(headers, openings.len()) {
            Ok(beside) => beside,
            Err(error) => {
                self.accuse_list(&error, headers).await;
                return self.choose_rooms_to_follow().await;
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
            self.statements.listed(name);
            // A private room is in no list.
            if replay.room().is_none_or(|room| !room.terms().is_public()) {
                continue;
            }
            // A room of another TSA or CA is nobody's fault; it is not for this persona.
            let fault = self.pins().map(|pins| fault_of_opening(name, stamped.action(), &pins));
            if self.rooms.contains_key(&name) || fault != Some(None) {
                continue;
            }
            if !self.make_place_for_room() {
                continue;
            }
            self.meet_header(stamped.batch()).await;
            let opening = stamped.action().compact().to_owned();
            self.rooms.insert(name, Replica::listed(opening, replay));
            self.learn(name).await;
            self.rooms.show_later(name);
        }
        // Of an opening that was left out nobody looks whether its header is there.
        if whole && let Err(error) = beside.finish() {
            self.accuse_list(&error, headers).await;
        }
        // As long as more are to come, nobody knows which end first.
        self.choose_rooms_to_follow().await
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
    pub(in crate::desk) async fn join(&mut self, name: RoomName) -> Result<(), SessionLost> {
        let member = self.member_proof(name);
        let mut from = 0;
        if let Some(room) = self.rooms.get_mut(&name) {
            room.begin_asking(if member.is_some() { Asking::AsMember } else { Asking::AsAnybody });
            from = room.size();
        }
        self.send(FromPeer::Join { room: name, from, member }).await
    }

    /// Whether it is a private room of which the whole log is here, and over: nothing more comes, not even something that
    /// the other side says, and whoever has no side in its auction any more would be denied it. That the side is not known yet,
    /// because the auction's log is behind, is no reason not to ask.
    pub(in crate::desk) fn is_over_in_private(&self, name: RoomName) -> bool {
        let is_private = self.rooms.auction_of(name).is_some();
        let over = |room: &Replica| {
            room.is_caught_up() && room.room().is_some_and(|room| self.is_silent(room))
        };
        is_private && self.rooms.get(&name).is_some_and(over)
    }

    fn member_proof(&self, name: RoomName) -> Option<Member> {
        let auction = self.rooms.auction_of(name)?;
        // Once the auction went on without the room, its log tells who they are to each other.
        let (_, kept) = self.role_in(auction).or_else(|| self.side_of_room(name))?;
        let key = self.one_time_key(kept)?;
        let session = self.connection.session()?.id;
        let signature = key.sign(&Member::message(&session, name));
        Some(Member { key: key.public(), signature })
    }

    /// Prepares for a private room that the user is a member of, then asks for it.
    pub(in crate::desk) async fn join_private(
        &mut self,
        name: RoomName,
    ) -> Result<(), SessionLost> {
        // Whether it was asked for as if it were anybody's. The proof costs a signature, and this is
        // looked at with every entry.
        let again = |room: &Replica| room.denial().is_some() && room.asking == Asking::AsAnybody;
        if !self.rooms.get(&name).is_none_or(again) || self.member_proof(name).is_none() {
            return Ok(());
        }
        match self.rooms.get_mut(&name) {
            Some(room) => room.excuse_denial(),
            None => {
                self.rooms.insert(name, Replica::named());
                self.learn(name).await;
            }
        }
        self.choose_rooms_to_follow().await
    }

    /// The broker's newest head: it must continue what is held.
    pub(in crate::desk) async fn handle_joined(
        &mut self,
        name: RoomName,
        note: &str,
        path: &[Digest],
    ) {
        let broker = self.options.broker.fingerprint;
        let Some(session) = self.connection.session() else { return };
        let key = session.certificate.keys.head;
        // What answers an earlier asking, or none, shows nothing of what is to come. It is signed all
        // the same.
        if !self.is_answered(name) {
            self.note_head(name, note).await;
            return;
        }
        let Some(room) = self.rooms.get(&name).filter(|room| !room.is_broken()) else { return };
        let size = room.size();
        let root =
            room.replay.room().map_or_else(merkle::empty_root, |room| room.ledger().head().root);
        let held = room.head.as_ref().map(|(_, note)| note.clone()).unwrap_or_default();
        let another = "the broker shows another history of this room than before";
        let Ok(head) = Head::open(note, &Origin { broker, room: name }, &key) else {
            return self
                .stop_believing(name, another, Exhibit::Notes("history", &[note, &held]))
                .await;
        };
        // Contradicting what was signed before proves a lie; a proof that does not lead from one
        // log to the other shows one, to the user alone.
        if !self.take_receipts(name).await {
            return;
        }
        let longest = self.statements.longest(name).cloned();
        if !self.take_statement(name, Statement::Head(note.to_owned())).await {
            return;
        }
        if let Some(longest) = longest.filter(|longest| longest.size > head.size) {
            let message = "the broker's log is shorter than what it signed before";
            let longest = longest.statement.text();
            return self
                .stop_believing(name, message, Exhibit::Notes("shorter", &[note, longest]))
                .await;
        }
        if merkle::verify_consistency(size, &root, head.size, &head.root, path).is_err() {
            return self
                .stop_believing(name, another, Exhibit::Notes("history", &[note, &held]))
                .await;
        }
        self.expect_entries(name);
    }

    /// Keeps what a head says of a room that is known.
    async fn note_head(&mut self, name: RoomName, note: &str) {
        if self.rooms.get(&name).is_some_and(|room| !room.is_broken()) {
            self.take_statement(name, Statement::Head(note.to_owned())).await;
        }
    }

    /// Takes an answer to the question for a room. Whether it is the one to the last.
    pub(in crate::desk) fn is_answered(&mut self, name: RoomName) -> bool {
        self.rooms.get_mut(&name).is_some_and(Replica::take_answer)
    }

    /// Asks again for rooms that the broker could not show because its store failed.
    pub(in crate::desk) async fn join_again(&mut self) {
        let failed = self.rooms.iter().filter(|(_, room)| room.is_to_be_asked_again());
        for name in failed.map(|(name, _)| *name).collect::<Vec<_>>() {
            if self.join(name).await.is_err() {
                // Without a session all rooms are asked for in the next one.
                return;
            }
        }
    }

    /// The heads of receipts held for own actions in a room, verified again.
    pub(in crate::desk) fn heads_of_receipts(&self, name: RoomName) -> Vec<String> {
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
    pub(in crate::desk) async fn handle_entries(
        &mut self,
        name: RoomName,
        headers: &[String],
        entries: &[Box<RawValue>],
        head: Option<&str>,
    ) {
        if self.rooms.get(&name).is_some_and(Replica::awaits_an_answer) {
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
            let Some(room) = self.rooms.get_mut(&name).filter(|room| !room.is_broken()) else {
                return;
            };
            let first = room.size() == 0;
            match room.replay.push_of(raw.get(), &mut beside) {
                Ok(stamped) => {
                    if first && !self.believes(name, &stamped, raw.get()).await {
                        return;
                    }
                    self.record_entry(name, &stamped, raw.get()).await;
                }
                Err(ReplayError::Header { source, .. }) => {
                    return self.doubt_headers(name, &source, headers, Some(raw.get())).await;
                }
                Err(error) => {
                    let message = format!("an entry of this room does not verify: {error}");
                    let proof = self.broken_log(name, headers, entries, head);
                    let notes = [raw.get()];
                    let shown = proof.as_ref().map_or(Exhibit::Notes("entry", &notes), |proof| {
                        Exhibit::Proof(proof, Some(name))
                    });
                    return self.stop_believing(name, &message, shown).await;
                }
            }
        }
        if let Err(error) = beside.finish() {
            return self.doubt_headers(name, &error, headers, None).await;
        }
        if !entries.is_empty() {
            self.statements.progressed(name, self.options.host.clock.uptime());
        }
        if let Some(head) = head {
            self.check_head(name, head).await;
        }
        self.settle_receipts(name).await;
        self.settle_refusals(name).await;
        kinds::caught_up(self, name).await;
        self.show_room(name).await;
    }

    /// What proves that the broker signed a log that does not verify: its head is over exactly what is
    /// held and came with it. `None` if it is not.
    fn broken_log(
        &self,
        name: RoomName,
        headers: &[String],
        entries: &[Box<RawValue>],
        head: Option<&str>,
    ) -> Option<Evidence> {
        let room = self.rooms.get(&name)?;
        let first = usize::try_from(Entry::parse(entries.first()?.get()).ok()?.seq).ok()?;
        let mut logged: Vec<Logged<'_>> = room.logged().take(first).collect();
        for entry in entries {
            let named = Entry::parse(entry.get()).ok().map(|entry| entry.stamp.header);
            let of = |header: &&str| named == Some(BatchHeader::hash(header));
            let beside = headers.iter().map(String::as_str).find(of);
            let before = || logged.iter().map(|logged| logged.header).find(of);
            // What is no entry names none.
            let any = || logged.last().map(|logged| logged.header);
            let header = beside.or_else(before).or_else(any)?;
            logged.push(Logged { entry: entry.get(), header });
        }
        let certificate = self.connection.certificate();
        let transcript = transcript(Some(certificate), logged, head?);
        let proof = Evidence::BrokenLog(BrokenLog { transcript });
        proof.verify().is_ok().then_some(proof)
    }

    /// Stops believing a room whose entries came with other batch headers than they name (V-023, V-028).
    async fn doubt_headers(
        &mut self,
        name: RoomName,
        error: &HeaderError,
        headers: &[String],
        entry: Option<&str>,
    ) {
        if self.rooms.get(&name).is_none_or(Replica::is_broken) {
            return;
        }
        let message =
            format!("entries of this room came with other batch headers than they name: {error}");
        let notes: Vec<&str> = headers.iter().map(String::as_str).chain(entry).collect();
        self.stop_believing(name, &message, Exhibit::Notes("headers", &notes)).await;
    }

    /// What the first entry of every room is held against; `None` without a session.
    fn pins(&self) -> Option<Pins> {
        let session = self.connection.session()?;
        Some(Pins {
            broker: self.options.broker.fingerprint,
            keys: session.certificate.keys,
            stamp: self.tsa.stamp,
            authority: self.tsa.authority,
            simulated: self.tsa.simulated,
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
        self.stop_believing(name, &message, Exhibit::Notes("opening", &notes)).await;
        false
    }

    /// Notes a verified entry and tells the user of it.
    async fn record_entry(&mut self, name: RoomName, stamped: &Stamped, text: &str) {
        let own = self.kept_digest(stamped).is_some();
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let seq = room.size();
        room.push(stamped, text);
        let kind = room.room().map(Room::kind);
        let choose = kind.is_some_and(|kind| room.notes.note(kind, seq, stamped));
        if own {
            room.own.push(seq);
            room.unreceipted.push(seq);
        }
        if choose {
            self.rooms.choose_later();
        }
        self.meet_header(stamped.batch()).await;
        self.meet_date(name, stamped).await;
        kinds::logged(self, name, stamped, text).await;
        self.emit_entry(name, seq, stamped, own).await;
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
            room.catch_up(seen.size, note);
            return self.reconcile(name).await;
        }
        if opened.is_ok() && !self.take_statement(name, Statement::Head(note.to_owned())).await {
            return;
        }
        let held = format!("{} {}", seen.size, seen.root);
        let message = "the broker signed a head that the entries do not give";
        self.stop_believing(name, message, Exhibit::Notes("head", &[note, &held])).await;
    }

    /// Stops believing a room, and says so.
    pub(in crate::desk) async fn stop_believing(
        &mut self,
        name: RoomName,
        message: &str,
        shown: Exhibit<'_>,
    ) {
        if let Some(room) = self.rooms.get_mut(&name) {
            room.stop_believing();
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
