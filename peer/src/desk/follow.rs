//! Rooms as followed: every entry replayed, every head checked against the replay.

use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::frame::{FromPeer, Member};
use pregao_protocol::key::{OneTime, PublicKey};
use pregao_protocol::log::{Entry, Head, Origin, Receipt, RoomName};
use pregao_protocol::merkle::{self, Tree};
use pregao_protocol::room::auction::{Auction, Phase};
use pregao_protocol::room::body::Body;
use pregao_protocol::room::{Code, Replay, Room, Stamped};
use pregao_protocol::verify;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::pins::{Pins, fault_of_opening};
use super::{Desk, Lost};

/// Open auctions followed by themselves; others with `/join`.
const FOLLOW: usize = 64;
/// Rooms known at all; the broker's list may be longer than anybody reads.
const KNOWN: usize = 4_096;

/// One room, as far as it was verified.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) replay: Replay,
    /// Whether its entries are asked for.
    pub(super) wanted: bool,
    /// Something in it did not verify: nothing more of it is believed.
    pub(super) broken: bool,
    /// Agrees with the newest head since it was last asked for.
    pub(super) caught_up: bool,
    /// The opening as listed, shown while the room is not followed.
    pub(super) listed: Replay,
    /// Position and stamp time of the newest `settled` entry.
    pub(super) settled: Option<(u64, Time)>,
    /// First entry's action, for receipts; empty while only the name is known.
    pub(super) opening: String,
    /// Every entry, as logged.
    pub(super) texts: Vec<String>,
    /// Leaf hashes of every entry.
    pub(super) leaves: Vec<Digest>,
    /// Identifier and key of every entry's action.
    pub(super) actions: Vec<(Uuid, PublicKey<OneTime>)>,
    /// Positions of the user's own entries.
    pub(super) own: Vec<u64>,
    /// The newest head that agreed with the replay.
    pub(super) head: Option<(u64, String)>,
    /// Own entries that still lack a receipt: position and entry as logged.
    pub(super) unreceipted: Vec<(u64, String)>,
    /// Positions, stamp times and ciphertexts of a reveal room's disclosures.
    pub(super) sealed: Vec<(u64, Time, Vec<u8>)>,
    /// The counterparty's disclosure was opened, or found to be worthless.
    pub(super) revealed: bool,
    /// The user was told of this reveal room.
    pub(super) announced: bool,
}

impl Followed {
    fn new(opening: String) -> Self {
        Self {
            replay: Replay::new(),
            wanted: true,
            broken: false,
            caught_up: false,
            listed: Replay::new(),
            settled: None,
            opening,
            texts: Vec::new(),
            leaves: Vec::new(),
            actions: Vec::new(),
            own: Vec::new(),
            head: None,
            unreceipted: Vec::new(),
            sealed: Vec::new(),
            revealed: false,
            announced: false,
        }
    }

    pub(super) fn room(&self) -> Option<&Room> {
        self.replay.room()
    }

    /// The auction as far as it is known: replayed, or as listed.
    pub(super) fn auction(&self) -> Option<&Auction> {
        match self.room().or_else(|| self.listed.room().filter(|_| !self.broken)) {
            Some(Room::Auction(auction)) => Some(auction),
            Some(Room::Reveal(_)) | None => None,
        }
    }

    /// Whether bids, or disclosures, may still come in an auction that is followed.
    fn is_live(&self) -> bool {
        let over = |auction: &Auction| matches!(auction.phase(), Phase::Ended(_));
        self.wanted && self.auction().is_some_and(|auction| !over(auction))
    }

    pub(super) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Whether a signed head agrees with every entry held.
    pub(super) fn is_verified(&self) -> bool {
        !self.broken && self.head.as_ref().is_some_and(|(size, _)| *size == self.size())
    }
}

impl Desk {
    /// Takes openings of public rooms; follows those that are still of interest.
    pub(super) async fn lobby(
        &mut self,
        from: u64,
        openings: &[Box<RawValue>],
    ) -> Result<(), Lost> {
        self.lobby = self.lobby.max(from.saturating_add(openings.len() as u64));
        let now = self.now();
        for opening in openings {
            let mut replay = Replay::new();
            let Ok(stamped) = replay.push(opening.get()) else {
                self.keep_evidence("opening", &[opening.get()]);
                self.alarm(
                    None,
                    "the broker lists a room whose opening does not verify",
                    "it was left out; the evidence is in your data folder",
                )
                .await;
                continue;
            };
            let name = stamped.action().room();
            let Some(Room::Auction(auction)) = replay.room() else { continue };
            // A room of another TSA or CA is nobody's fault; it is not for this persona.
            let fault = self.pins().map(|pins| fault_of_opening(name, stamped.action(), &pins));
            if self.rooms.contains_key(&name) || fault != Some(None) {
                continue;
            }
            let open = now.is_none_or(|now| auction.end() > now);
            let wanted = self.is_unfinished(name, open) || (open && self.has_place().await?);
            if !wanted && self.rooms.len() >= KNOWN {
                continue;
            }
            let mut room = Followed::new(stamped.action().compact().to_owned());
            (room.wanted, room.listed) = (wanted, replay);
            self.rooms.insert(name, room);
            if wanted {
                self.join(name).await?;
            } else if open {
                self.show_room(name).await;
            }
        }
        Ok(())
    }

    /// Whether own actions in this auction may still lack something: a receipt, or an end, with
    /// which the secrets for its reveal are erased.
    fn is_unfinished(&self, room: RoomName, open: bool) -> bool {
        // The private room is read only next to its auction, and shows the other side again.
        if self.invitations.iter().any(|(auction, _)| *auction == room) {
            return true;
        }
        let name = room.to_string();
        self.vault.contents().actions.iter().filter(|kept| kept.room == name).any(|kept| {
            let answered = kept.receipt.is_some() || kept.refusal.is_some();
            open || !answered || kept.seal_secret.is_some()
        })
    }

    /// Whether one more auction is followed by itself; makes place by leaving ended ones that the
    /// user has no part in.
    async fn has_place(&mut self) -> Result<bool, Lost> {
        let wanted = self.rooms.values().filter(|room| room.wanted).count();
        if wanted >= FOLLOW {
            let ended: Vec<RoomName> = self
                .rooms
                .iter()
                .filter(|(_, room)| room.wanted && room.own.is_empty() && !room.is_live())
                .filter(|(_, room)| matches!(room.room(), Some(Room::Auction(_))))
                .map(|(name, _)| *name)
                .collect();
            for name in ended {
                if let Some(room) = self.rooms.get_mut(&name) {
                    room.wanted = false;
                }
                self.send(FromPeer::Leave { room: name }).await?;
            }
        }
        Ok(self.rooms.values().filter(|room| room.is_live()).count() < FOLLOW)
    }

    /// Asks for a room from where it is held.
    pub(super) async fn join(&mut self, name: RoomName) -> Result<(), Lost> {
        let member = self.member_proof(name);
        let mut from = 0;
        if let Some(room) = self.rooms.get_mut(&name) {
            room.caught_up = false;
            from = room.size();
        }
        self.send(FromPeer::Join { room: name, from, member }).await
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
        if self.rooms.contains_key(&name) || self.member_proof(name).is_none() {
            return Ok(());
        }
        self.rooms.insert(name, Followed::new(String::new()));
        self.join(name).await
    }

    /// The broker's newest head: it must continue what is held.
    pub(super) async fn joined(&mut self, name: RoomName, note: &str, path: &[Digest]) {
        let broker = self.options.broker.fingerprint;
        let Some(online) = &self.online else { return };
        let key = online.certificate.keys.head;
        let Some(room) = self.rooms.get(&name).filter(|room| !room.broken) else { return };
        let size = room.size();
        let root =
            room.replay.room().map_or_else(merkle::empty_root, |room| room.ledger().head().root);
        let held = room.head.as_ref().map(|(_, note)| note.clone()).unwrap_or_default();
        let head = Head::open(note, &Origin { broker, room: name }, &key);
        let continues = head.as_ref().is_ok_and(|head| {
            merkle::verify_consistency(size, &root, head.size, &head.root, path).is_ok()
        });
        if !continues {
            self.keep_evidence("fork", &[note, &held]);
            self.distrust(name, "the broker shows another history of this room than before").await;
            return;
        }
        let size = head.map_or(0, |head| head.size);
        let newer = self.held_receipts(name).into_iter().find(|held| held.size > size);
        if let Some(newer) = newer {
            self.keep_evidence("shorter", &[note, &newer.text]);
            let message = "the log is shorter than when you got a receipt from it";
            self.distrust(name, message).await;
        }
    }

    /// A room that was asked for is not shown. For one whose head the broker has signed, that is
    /// a lie or a loss; one of which nothing came is forgotten, as nothing must wait for it.
    pub(super) async fn not_joined(&mut self, name: RoomName, code: &str, said: &str) {
        let Some(room) = self.rooms.get_mut(&name) else { return };
        room.wanted = false;
        let head = room.head.as_ref().map(|(_, note)| note.clone());
        let public = matches!(room.room(), Some(Room::Auction(_)));
        let known = room.room().is_some() || room.listed.room().is_some();
        match (code, head) {
            ("room.shorter", head) => {
                self.keep_evidence("shorter", &[said, &head.unwrap_or_default()]);
                let message = "the broker's log is shorter than what it signed before";
                self.distrust(name, message).await;
            }
            ("room.unknown", Some(head)) if public => {
                self.keep_evidence("denied", &[said, &head]);
                self.distrust(name, "the broker denies a room whose log it signed").await;
            }
            _ => {
                if known || self.invitations.iter().any(|(_, room)| *room == name) {
                    self.show_room(name).await;
                } else {
                    self.rooms.remove(&name);
                }
                let advice = code.parse::<Code>().map_or("leave another room first", Code::advice);
                self.refuse(code, said, advice).await;
            }
        }
    }

    /// Receipts held for own actions in a room, verified again.
    fn held_receipts(&self, name: RoomName) -> Vec<HeldReceipt> {
        let full = name.to_string();
        let kept = self.vault.contents().actions.iter().filter(|kept| kept.room == full);
        kept.filter_map(|kept| {
            let text = kept.receipt.as_ref()?.to_string();
            let verified = verify::receipt(&Receipt::parse(&text).ok()?).ok()?;
            let room_matches = verified.room == name && verified.digest == kept.digest;
            room_matches.then_some(HeldReceipt { seq: verified.seq, size: verified.size, text })
        })
        .collect()
    }

    /// Every own action with a receipt must be in the log that the newest head covers.
    async fn look_for_own(&mut self, name: RoomName) {
        let Some(room) = self.rooms.get(&name).filter(|room| room.is_verified()) else { return };
        let full = name.to_string();
        let mine = self.vault.contents().actions.iter().filter(|kept| kept.room == full);
        if mine.filter(|kept| kept.receipt.is_some()).count() <= room.own.len() {
            return;
        }
        let (size, own) = (room.size(), room.own.clone());
        let head = room.head.as_ref().map(|(_, note)| note.clone()).unwrap_or_default();
        let missing = |held: &HeldReceipt| held.size <= size && !own.contains(&held.seq);
        let Some(held) = self.held_receipts(name).into_iter().find(missing) else { return };
        self.keep_evidence("missing", &[&head, &held.text]);
        self.distrust(name, "an action you hold a receipt for is not in the log").await;
    }

    /// Replays new entries, then checks the head against the replay.
    pub(super) async fn entries(
        &mut self,
        name: RoomName,
        entries: &[Box<RawValue>],
        head: Option<&str>,
    ) {
        for raw in entries {
            let Some(room) = self.rooms.get_mut(&name).filter(|room| !room.broken) else { return };
            let first = room.size() == 0;
            match room.replay.push(raw.get()) {
                Ok(stamped) => {
                    if first && !self.believes(name, &stamped, raw.get()).await {
                        return;
                    }
                    self.logged(name, &stamped, raw.get()).await;
                }
                Err(error) => {
                    self.keep_evidence("entry", &[raw.get()]);
                    let message = format!("an entry of this room does not verify: {error}");
                    self.distrust(name, &message).await;
                    return;
                }
            }
        }
        if let Some(head) = head {
            self.check_head(name, head).await;
        }
        self.settle_receipts(name).await;
        self.look_for_own(name).await;
        self.inspect_reveal(name).await;
        let rooms: Vec<RoomName> =
            self.invitations.iter().filter(|(of, _)| *of == name).map(|(_, room)| *room).collect();
        for room in rooms {
            self.inspect_reveal(room).await;
        }
        self.forget_what_is_over(name).await;
        self.show_room(name).await;
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
        self.keep_evidence("opening", &[&name.to_string(), text]);
        self.distrust(name, &format!("this room's log begins otherwise: {fault}")).await;
        false
    }

    /// Notes a verified entry and tells the user of it.
    async fn logged(&mut self, name: RoomName, stamped: &Stamped, text: &str) {
        let own = self.kept_digest(stamped).is_some();
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let seq = room.size();
        room.texts.push(text.to_owned());
        room.leaves.push(merkle::leaf_hash(text.as_bytes()));
        room.actions.push((stamped.action().id(), *stamped.action().key()));
        if seq == 0 {
            stamped.action().compact().clone_into(&mut room.opening);
        }
        if let Body::Settled(_) = stamped.action().body() {
            room.settled = Some((seq, stamped.time()));
        }
        if let Body::Disclose(disclosure) = stamped.action().body() {
            let sealed = disclosure.sealed.as_bytes().to_vec();
            room.sealed.push((seq, stamped.time(), sealed));
        }
        if own {
            room.own.push(seq);
            room.unreceipted.push((seq, text.to_owned()));
        }
        if own {
            self.check_refused(name, stamped, text).await;
        }
        self.tell_entry(name, seq, stamped, own).await;
    }

    async fn check_head(&mut self, name: RoomName, note: &str) {
        let broker = self.options.broker.fingerprint;
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let Some(state) = room.replay.room().filter(|state| state.ledger().name() == name) else {
            return;
        };
        let seen = state.ledger().head();
        let opened = Head::open(note, &Origin { broker, room: name }, &state.broker().head);
        if opened.as_ref().is_ok_and(|head| head.size == seen.size && head.root == seen.root) {
            room.head = Some((seen.size, note.to_owned()));
            room.caught_up = true;
            return;
        }
        let held = format!("{} {}", seen.size, seen.root);
        self.keep_evidence("head", &[note, &held]);
        self.distrust(name, "the broker signed a head that the entries do not give").await;
    }

    /// Stops believing a room, and says so.
    pub(super) async fn distrust(&mut self, name: RoomName, message: &str) {
        if let Some(room) = self.rooms.get_mut(&name) {
            room.broken = true;
        }
        let advice = "do not act in this room any more; the evidence is in your data folder";
        self.alarm(Some(name), message, advice).await;
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
            .filter_map(|(seq, entry)| {
                let digest = Digest::of(Entry::parse(&entry).ok()?.action.as_bytes());
                let path = tree.path(seq)?;
                let opening = room.opening.clone();
                Some((digest, Receipt { opening, entry, path, head: head.clone() }))
            })
            .collect();
        self.keep_receipts(receipts).await;
    }

    /// Once an auction has ended its secrets for the reveal are of no more use.
    ///
    /// They are kept until then and not only to the close: if the winner forfeits, the next
    /// bidder needs them.
    async fn forget_what_is_over(&mut self, name: RoomName) {
        let Some(Room::Auction(auction)) = self.rooms.get(&name).and_then(Followed::room) else {
            return;
        };
        if !matches!(auction.phase(), Phase::Ended(_)) || self.awaits_reveal(name) {
            return;
        }
        let name = name.to_string();
        let kept = |kept: &crate::vault::Kept| kept.room == name && kept.seal_secret.is_some();
        if !self.vault.contents().actions.iter().any(kept) {
            return;
        }
        let erased = self.vault.update(|contents| {
            for action in contents.actions.iter_mut().filter(|action| action.room == name) {
                action.seal_secret = None;
            }
        });
        if let Err(error) = erased {
            self.vault_trouble(&error).await;
        }
    }

    pub(super) async fn join_command(&mut self, prefix: &str) -> Option<bool> {
        // A room that was not followed by itself is known to the broker by its full name only.
        if let (Err(_), Ok(name)) = (self.find(prefix), prefix.parse::<RoomName>()) {
            self.rooms.insert(name, Followed::new(String::new()));
        }
        let Some(name) = self.find_or_refuse(prefix).await else { return Some(false) };
        if let Some(room) = self.rooms.get_mut(&name) {
            room.wanted = true;
        }
        match self.join(name).await {
            Ok(()) => Some(true),
            Err(lost) => {
                self.refuse("link.down", lost.0, "it is joined once the connection is back").await;
                Some(true)
            }
        }
    }

    pub(super) async fn leave_command(&mut self, prefix: &str) -> Option<bool> {
        let Some(name) = self.find_or_refuse(prefix).await else { return Some(false) };
        if let Some(room) = self.rooms.get_mut(&name) {
            room.wanted = false;
        }
        // Without a connection there is nothing to leave.
        let _ = self.send(FromPeer::Leave { room: name }).await;
        self.show_room(name).await;
        Some(true)
    }

    /// The room that a prefix of its name means.
    pub(super) fn find(&self, prefix: &str) -> Result<RoomName, Unclear> {
        let prefix = prefix.trim_start_matches('#').to_lowercase();
        let mut found = self.rooms.keys().filter(|name| name.to_string().starts_with(&prefix));
        match (found.next(), found.next()) {
            (Some(name), None) if !prefix.is_empty() => Ok(*name),
            (Some(_), _) => Err(Unclear::Several),
            (None, _) => Err(Unclear::None),
        }
    }

    /// As [`Desk::find`]; tells the user what to do if it is not clear. The command is then done.
    pub(super) async fn find_or_refuse(&self, prefix: &str) -> Option<RoomName> {
        match self.find(prefix) {
            Ok(name) => Some(name),
            Err(unclear) => {
                let message = match unclear {
                    Unclear::None => format!("no room begins with {prefix}"),
                    Unclear::Several => format!("several rooms begin with {prefix}"),
                };
                self.refuse("room.unknown", message, "type /items to see the rooms there are")
                    .await;
                None
            }
        }
    }
}

/// A receipt out of the vault, with what it shows.
struct HeldReceipt {
    seq: u64,
    size: u64,
    text: String,
}

/// Why a prefix names no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclear {
    None,
    Several,
}
