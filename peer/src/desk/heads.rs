//! What the broker signed about the logs of rooms, compared with what it shows (SPEC 7.5).
//!
//! A head that verifies by itself proves nothing: the broker can sign another for somebody else.
//! So every statement is kept until the log has reached it, whichever frame it came in, and over
//! restarts. What agrees with the verified log is not kept: its newest head says the same.
//!
//! The file is written at most every few seconds and when a session ends: a crash loses what came
//! since. The heads of receipts are not lost with it, as receipts are in the vault itself.

use std::collections::BTreeMap;
use std::time::Duration;

use pregao_protocol::audit::evidence::{Claim, Claims, Evidence, Fork, Statement};
use pregao_protocol::log::merkle::{self, Tree};
use pregao_protocol::log::{Origin, Receipt, RoomName};
use pregao_protocol::room::body::{BrokerKeys, Verb};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use super::Desk;
use super::evidence::Exhibit;
use super::replica::Replica;
use crate::vault::LogRecord;

/// On the clock that counts sleep, how long the broker may take to show what it signed, while the room is followed and nothing of
/// it comes.
const OWED_WITHIN: Duration = Duration::from_secs(20);
/// Rooms whose statements are kept; those heard of longest ago go first.
const ROOMS: usize = 1_024;

/// What was met, by room.
#[derive(Debug, Default)]
pub(super) struct BrokerStatements {
    logs: BTreeMap<RoomName, Log>,
    /// Counts changes, to tell which rooms were heard of last.
    count: u64,
    /// How many of them are in the file.
    kept: u64,
    /// The user was told that the file cannot be written.
    unwritten: bool,
}

/// A refusal as far as it dates the log that the broker had.
#[derive(Debug, Clone)]
pub(super) struct DatedRefusal {
    /// Entries of the log that it names.
    pub(super) size: u64,
    /// After this it was signed.
    pub(super) after: Time,
    /// As signed.
    pub(super) compact: String,
}

/// What was signed about one log.
#[derive(Debug, Default)]
struct Log {
    /// The newest head that agreed with the replay.
    verified: Option<Claim>,
    /// The largest head that was final, with its cosignatures.
    last_final: Option<Claim>,
    /// The newest refusal in it: its size, when the header before its newest was made, and itself.
    refused: Option<DatedRefusal>,
    /// It was told that it answered from less than was final.
    rolled_back: bool,
    /// What the replay has not reached.
    open: Claims,
    changed: u64,
    /// The user acted in it.
    own: bool,
    /// It is an auction, which the broker lists for everybody.
    public: bool,
    /// The broker has listed the room in this run of the program.
    listed: bool,
    /// Another broker signed it: it is kept for that one.
    foreign: bool,
    /// Since when the broker owes entries in this session, on the clock that counts sleep.
    owed_since: Option<Duration>,
    /// The largest size that the user was told is owed.
    told: u64,
    /// The heads of receipts in the vault are among the claims.
    receipts_taken: bool,
}

impl Log {
    /// The claim of this session's broker about the longest log.
    fn longest(&self) -> Option<&Claim> {
        self.open.largest().or(self.verified.as_ref()).filter(|_| !self.foreign)
    }
}

impl BrokerStatements {
    /// What an earlier run met. No log is held yet, so all of it is open.
    pub(super) fn restored(kept: &[LogRecord]) -> Self {
        let mut met = Self::default();
        for LogRecord { room, public, verified, last_final, open } in kept {
            let (open, last_final) = (open.clone(), last_final.clone());
            let mut log = Log { open, last_final, public: *public, ..Log::default() };
            if let Some(verified) = verified {
                // They agreed when they were kept, or were kept as a lie that was told already.
                let _ = log.open.take(verified.clone(), |_| None);
            }
            met.count += 1;
            log.changed = met.count;
            met.logs.insert(*room, log);
        }
        met.kept = met.count;
        met
    }

    /// What is owed is owed anew in each session, once its room is joined. What another broker signed is
    /// no business of this one.
    pub(super) fn begin_session(&mut self, broker: Fingerprint, keys: &BrokerKeys) {
        for (room, log) in &mut self.logs {
            log.owed_since = None;
            let of_this = |claim: &Claim| {
                let origin = Origin { broker, room: *room };
                Claim::open(claim.statement.clone(), &origin, keys).is_ok()
            };
            let newest = log.open.largest().or(log.verified.as_ref());
            log.foreign = newest.is_some_and(|claim| !of_this(claim));
        }
    }

    fn log(&mut self, room: RoomName) -> &mut Log {
        if self.logs.len() >= ROOMS && !self.logs.contains_key(&room) {
            // What others did fills the places of what others did.
            let oldest = self.logs.iter().min_by_key(|(_, log)| (log.own, log.changed));
            if let Some(oldest) = oldest.map(|(room, _)| *room) {
                self.logs.remove(&oldest);
            }
        }
        self.count += 1;
        let log = self.logs.entry(room).or_default();
        log.changed = self.count;
        log
    }

    /// The statement about the longest log of a room, if there is any.
    pub(super) fn longest(&self, room: RoomName) -> Option<&Claim> {
        self.logs.get(&room)?.longest()
    }

    /// A head is final; `note` has the cosignatures that make it so.
    pub(super) fn finalized(&mut self, room: RoomName, size: u64, root: Digest, note: &str) {
        let log = self.log(room);
        if log.last_final.as_ref().is_none_or(|before| before.size < size) {
            let statement = Statement::Head(note.to_owned());
            log.last_final = Some(Claim { size, root, statement });
        }
    }

    /// A refusal came; of several the one signed last counts.
    pub(super) fn refused(&mut self, room: RoomName, refusal: DatedRefusal) {
        let log = self.log(room);
        if log.refused.as_ref().is_none_or(|before| before.after <= refusal.after) {
            log.refused = Some(refusal);
        }
    }

    /// The largest final head and the newest refusal of a room, if the refusal names less and the user was not
    /// told yet: each may have come first.
    pub(super) fn shrunk(&self, room: RoomName) -> Option<(&Claim, &DatedRefusal)> {
        let log = self.logs.get(&room).filter(|log| !log.rolled_back)?;
        let (last, refused) = (log.last_final.as_ref()?, log.refused.as_ref()?);
        (refused.size < last.size).then_some((last, refused))
    }

    /// The user is told that the log of a room was rolled back.
    pub(super) fn note_rolled_back(&mut self, room: RoomName) {
        self.log(room).rolled_back = true;
    }

    /// Whether something is signed that the log has not reached.
    pub(super) fn owes(&self, room: RoomName) -> bool {
        self.logs.get(&room).is_some_and(|log| !log.open.is_empty())
    }

    /// The user acted in a room: what was signed about it stays longest.
    pub(super) fn acted_in(&mut self, room: RoomName, verb: Verb) {
        let log = self.log(room);
        log.own = true;
        log.public |= matches!(verb, Verb::List | Verb::Bid | Verb::SealedBid | Verb::Say);
    }

    /// The broker lists a room.
    pub(super) fn listed(&mut self, room: RoomName) {
        if let Some(log) = self.logs.get_mut(&room) {
            (log.listed, log.public) = (true, true);
        }
    }

    /// Auctions of which the broker signed a log and which it has not listed.
    pub(super) fn unlisted(&self) -> Vec<RoomName> {
        let signed = self.logs.iter().filter(|(_, log)| log.public && log.longest().is_some());
        signed.filter(|(_, log)| !log.listed).map(|(room, _)| *room).collect()
    }

    /// Whether a room is an auction of which the broker signed a log.
    pub(super) fn is_public(&self, room: RoomName) -> bool {
        self.logs.get(&room).is_some_and(|log| log.public)
    }

    /// The broker cannot read a log just now, or was asked to leave the room: what it owes is owed anew
    /// once the room is joined.
    pub(super) fn excused(&mut self, room: RoomName) {
        if let Some(log) = self.logs.get_mut(&room) {
            log.owed_since = None;
        }
    }

    /// Entries arrived: the broker is about to show what it owes.
    pub(super) fn progressed(&mut self, room: RoomName, now: Duration) {
        if let Some(since) = self.logs.get_mut(&room).and_then(|log| log.owed_since.as_mut()) {
            *since = now;
        }
    }

    fn to_keep(&self) -> Vec<LogRecord> {
        let mut logs: Vec<(&RoomName, &Log)> = self.logs.iter().collect();
        logs.sort_by_key(|(_, log)| log.changed);
        let kept = logs.into_iter().map(|(room, log)| LogRecord {
            room: *room,
            public: log.public,
            verified: log.verified.clone(),
            last_final: log.last_final.clone(),
            open: log.open.clone(),
        });
        kept.collect()
    }
}

impl Desk {
    /// Takes what the broker signed about a log. Whether nothing contradicts it; what does is an
    /// alarm, and the room is no longer believed.
    pub(super) async fn take_statement(&mut self, name: RoomName, statement: Statement) -> bool {
        let Some(session) = self.connection.session() else { return true };
        let origin = Origin { broker: self.options.broker.fingerprint, room: name };
        // Whoever hands one in has checked its signature for what it is to serve.
        let Ok(claim) = Claim::open(statement, &origin, &session.certificate.keys) else {
            return true;
        };
        let (replica, now) = (self.rooms.get(&name), self.options.host.clock.uptime());
        let log = self.statements.log(name);
        let taken = log.open.take(claim, |size| replica?.verified_root(size));
        log.foreign = false;
        log.public |= replica.is_some_and(Replica::is_public);
        if log.open.is_empty() {
            log.owed_since = None;
        } else if replica.is_some_and(Replica::is_followed) {
            log.owed_since.get_or_insert(now);
        }
        match taken {
            Ok(()) => true,
            Err(contradiction) => {
                let (lie, other) = *contradiction;
                self.forked(name, &lie, other.as_ref()).await;
                false
            }
        }
    }

    /// The broker's newest head came: what it owes is owed from now on.
    pub(super) fn expect_entries(&mut self, name: RoomName) {
        let now = self.options.host.clock.uptime();
        let log = self.statements.log(name);
        if !log.open.is_empty() {
            // Whoever is asked again owes what it owed before.
            log.owed_since.get_or_insert(now);
        }
    }

    /// Heads of own receipts out of the vault, once for each room. Whether nothing contradicts.
    pub(super) async fn take_receipts(&mut self, name: RoomName) -> bool {
        let log = self.statements.log(name);
        if std::mem::replace(&mut log.receipts_taken, true) {
            return true;
        }
        let heads = self.heads_of_receipts(name);
        self.statements.log(name).own |= !heads.is_empty();
        for head in heads {
            if !self.take_statement(name, Statement::Head(head)).await {
                return false;
            }
        }
        true
    }

    /// A head agreed with the replay: everything signed about a log no longer than that must agree
    /// too.
    pub(super) async fn reconcile(&mut self, name: RoomName) {
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let Some((size, note)) = room.covered().zip(room.head().map(str::to_owned)) else { return };
        let Some(root) = room.verified_root(size) else { return };
        let log = self.statements.log(name);
        let lie = log.open.reach(size, |size| room.verified_root(size));
        log.verified = Some(Claim { size, root, statement: Statement::Head(note) });
        log.public |= room.is_public();
        if log.open.is_empty() {
            log.owed_since = None;
            room.settle_debt();
        }
        if let Some(lie) = lie {
            return self.forked(name, &lie, None).await;
        }
        self.reach_cosigned(name).await;
    }

    /// Two signed statements about one log contradict each other.
    async fn forked(&mut self, name: RoomName, lie: &Claim, other: Option<&Claim>) {
        let message = "the broker shows another history of this room than before: it signed both";
        let fork = self.fork(name, lie, other);
        match fork.map(Evidence::Fork).filter(|evidence| evidence.verify().is_ok()) {
            Some(proof) => {
                self.stop_believing(name, message, Exhibit::Proof(&proof, Some(name))).await;
            }
            None => {
                // Of a room whose opening is not known. Nobody but the broker can make such notes,
                // so they share no room with those that anybody can.
                let other = other.map_or("", |other| other.statement.text());
                let notes = [lie.statement.text(), other];
                self.stop_believing(name, message, Exhibit::Notes("contradiction", &notes)).await;
            }
        }
    }

    /// The time for which this machine stood still is nobody's delay.
    pub(super) fn wait_anew_for_what_is_owed(&mut self) {
        let now = self.options.host.clock.uptime();
        for log in self.statements.logs.values_mut().filter(|log| log.owed_since.is_some()) {
            log.owed_since = Some(now);
        }
    }

    /// Says of each log that the broker signed and does not show that it is owed.
    pub(super) async fn claim_what_is_owed(&mut self) {
        let now = self.options.host.clock.uptime();
        let overdue = |log: &Log| {
            log.owed_since.is_some_and(|since| now.saturating_sub(since) >= OWED_WITHIN)
                && log.open.largest().is_some_and(|claim| claim.size > log.told)
        };
        let owed: Vec<(RoomName, Claim)> = self
            .statements
            .logs
            .iter()
            .filter(|(_, log)| overdue(log))
            .filter_map(|(name, log)| Some((*name, log.open.largest()?.clone())))
            .collect();
        for (name, claim) in owed {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            if room.is_broken() || !room.is_followed() {
                continue;
            }
            room.owe();
            let held = room.size();
            let head = room.head().unwrap_or_default().to_owned();
            self.statements.log(name).told = claim.size;
            let message = format!(
                "the broker signed a log of {} entries of this room and shows {held}",
                claim.size
            );
            let advice = "it owes you the rest: do not act here before it came";
            let notes = [claim.statement.text(), head.as_str()];
            self.accuse(Some(name), &message, advice, Exhibit::Notes("withheld", &notes)).await;
        }
    }

    /// Writes what was met since the last time.
    pub(super) async fn keep_met(&mut self) {
        if self.statements.kept == self.statements.count {
            return;
        }
        let count = self.statements.count;
        match self.vault.keep_met(self.statements.to_keep()) {
            Ok(()) => (self.statements.kept, self.statements.unwritten) = (count, false),
            // Tried again at the next look, and told once.
            Err(error) => {
                if !std::mem::replace(&mut self.statements.unwritten, true) {
                    self.vault_trouble(&error).await;
                }
            }
        }
    }

    /// What proves that two statements contradict each other, if the room's opening is known.
    fn fork(&self, name: RoomName, lie: &Claim, other: Option<&Claim>) -> Option<Fork> {
        let room = self.rooms.get(&name);
        let opening = room.and_then(Replica::opening).map(str::to_owned);
        let opening = opening.or_else(|| self.opening_in_receipts(name))?;
        let (certificate, smaller) =
            (self.connection.certificate().to_owned(), lie.statement.clone());
        if let Some(other) = other {
            let (larger, root, path) = (other.statement.clone(), other.root, Vec::new());
            return Some(Fork { certificate, opening, larger, smaller, root, path });
        }
        let room = room?;
        let (size, note) = (room.covered()?, room.head()?.to_owned());
        let leaves = room.leaves(size)?;
        let path = merkle::consistency_path(&Tree::new(leaves.to_vec()), lie.size, size)?;
        let (larger, root) = (Statement::Head(note), room.verified_root(lie.size)?);
        Some(Fork { certificate, opening, larger, smaller, root, path })
    }

    /// The opening of a room in which the user acted.
    pub(super) fn opening_in_receipts(&self, name: RoomName) -> Option<String> {
        let full = name.to_string();
        let mut own = self.vault.contents().actions.iter().filter(|kept| kept.room == full);
        own.find_map(|kept| Some(Receipt::parse(&kept.receipt.as_ref()?.to_string()).ok()?.opening))
    }
}
