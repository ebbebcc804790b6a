//! Which rooms are followed: a session has places for some only.
//!
//! First come the rooms that the user acts in or asks for, then open auctions, the soonest to end
//! first; what has ended keeps a place as long as nobody else needs it. Whoever acts in a room that
//! is not followed follows it by that: the command waits for the room's log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pregao_protocol::clock::Time;
use pregao_protocol::frame::FromPeer;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::{Code, ErrorCode};

use super::acts::Cannot;
use super::answers::Answering;
use super::evidence::Exhibit;
use super::follow::Followed;
use super::kinds;
use super::{DEFERRED_WITHIN, Desk, Lost};
use crate::command::Command;
use crate::front::Request;
use crate::plain::shortened;

/// Auctions followed that the user has no part in.
const FOLLOW: usize = 64;
/// Rooms followed at most; a broker allows 256 a session.
pub(super) const PLACES: usize = 240;
/// Rooms known at all; the broker's list may be longer than anybody reads.
const KNOWN: usize = 4_096;

/// Most characters kept of why the broker does not show a room.
const LONGEST_SAID: usize = 200;

/// How much a room matters to the user; what is less comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Interest {
    /// The user asked for it, or acts in it.
    Asked,
    /// An own action in it still lacks a receipt or an end.
    Own,
    /// An auction of others, until it is settled; when it ends.
    Open(Time),
    /// A sale of the user's that is over: shows the other side again.
    Met,
    /// Over. Never followed anew.
    Past,
}

/// A command that waits.
#[derive(Debug)]
pub(super) struct Deferred {
    request: Request,
    /// For the log of this room; else for everything that is followed.
    room: Option<RoomName>,
    /// By the desk's clock.
    since: Duration,
}

/// What is looked up for every room when they are chosen.
struct Known {
    /// Rooms with own actions, and whether one is unfinished.
    own: BTreeMap<RoomName, bool>,
    /// Private rooms, and their auctions.
    invited: BTreeMap<RoomName, RoomName>,
    /// Auctions that have one.
    met: BTreeSet<RoomName>,
    now: Option<Time>,
}

/// Why the broker does not show a room.
#[derive(Debug)]
pub(super) struct Denied {
    code: &'static str,
    said: String,
    advice: &'static str,
}

/// What becomes of a command that acts in a room.
pub(super) enum Following {
    /// The room's log is as new as it gets.
    Ready,
    /// The command waits for it.
    Waits,
}

impl Desk {
    /// Puts a command off until everything that is followed is caught up with.
    pub(super) fn defer(&mut self, request: Request) {
        self.deferred.push(Deferred {
            request,
            room: None,
            since: self.options.host.clock.uptime(),
        });
    }

    /// All that waits, in order.
    pub(super) fn take_deferred(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.deferred).into_iter().map(|deferred| deferred.request).collect()
    }

    /// Carries out what has waited long enough: those for one room keep their order.
    pub(super) async fn carry_out_deferred(&mut self) {
        while let Some(at) = self.deferred.iter().position(|waiting| self.is_over(waiting)) {
            let waited = self.deferred.remove(at);
            self.carry_out_waited(waited.request, waited.room).await;
        }
    }

    fn is_over(&self, waiting: &Deferred) -> bool {
        match waiting.room {
            Some(room) => self.is_at_rest(room),
            // Whoever acts in one room waits for that one, once it is known which is meant.
            None if !self.options.patient && acted_in(&waiting.request.command).is_some() => {
                self.online.is_some() && self.lobby_known
            }
            None => self.is_caught_up(),
        }
    }

    /// Lets no command wait for ever for what cannot be read: what can be done without it is done, and
    /// the rest gets its code.
    pub(super) async fn end_deferred(&mut self) {
        let now = self.options.host.clock.uptime();
        let late = |waiting: &Deferred| now.saturating_sub(waiting.since) >= DEFERRED_WITHIN;
        while let Some(at) = self.deferred.iter().position(late) {
            let Deferred { request, room, .. } = self.deferred.remove(at);
            let missing = self.rooms.iter().filter(|(_, room)| room.is_awaited());
            let missing: Vec<String> = missing.map(|(name, _)| self.words(*name)).collect();
            let text = match missing.as_slice() {
                [] => "the broker has not sent its list of rooms in time".to_owned(),
                rooms => format!("not read to the end in time: {}", rooms.join(", ")),
            };
            self.answering = self.about(request.id.clone(), &request.command);
            self.note(format!("{text}; what follows leaves it out")).await;
            let typed = acted_in(&request.command);
            let unclear = typed.is_some_and(|typed| typed.parse::<RoomName>().is_err());
            if unclear && self.online.is_some() && !self.lobby_known {
                let message = "which room is meant is not known; nothing was sent";
                self.refuse("room.catching-up", message, "try again in a moment").await;
                self.done(false).await;
                continue;
            }
            let meant = || self.auction_meant(typed?).or_else(|| typed?.parse().ok());
            let waited = room.or_else(meant);
            self.carry_out_waited(request, waited).await;
            self.answering = Answering::default();
        }
    }

    /// Follows the room that a command acts in, if it is not. `waited` is the room that was waited
    /// for already: it is not waited for again.
    pub(super) async fn follow_for(
        &mut self,
        request: &Request,
        waited: Option<RoomName>,
    ) -> Following {
        let Some(typed) = acted_in(&request.command).filter(|_| self.online.is_some()) else {
            return Following::Ready;
        };
        // Before the list is known, the beginning of a name may mean a room that is not, and nobody
        // knows which rooms get places.
        if !self.lobby_known && waited.is_none() {
            self.defer(request.clone());
            return Following::Waits;
        }
        if let (None, Ok(name)) = (waited, typed.parse::<RoomName>()) {
            self.know(name).await;
        }
        let Some(name) = self.auction_meant(typed) else { return Following::Ready };
        let Some(room) = self.rooms.get_mut(&name).filter(|room| !room.broken) else {
            return Following::Ready;
        };
        if waited.is_none() {
            (room.asked, room.left) = (true, false);
        }
        let at_hand = room.wanted && room.caught_up;
        if waited == Some(name) || (at_hand && self.is_at_rest(name)) {
            return Following::Ready;
        }
        if let Some(room) = self.rooms.get_mut(&name) {
            room.denied = None;
        }
        // A connection that fails is noticed by whoever waits.
        let _ = self.choose_rooms().await;
        if !self.rooms.get(&name).is_some_and(|room| room.wanted) {
            return Following::Ready;
        }
        let (request, room) = (request.clone(), Some(name));
        self.deferred.push(Deferred { request, room, since: self.options.host.clock.uptime() });
        Following::Waits
    }

    /// The room that is meant; of a private room its auction, next to which alone it is read.
    fn auction_meant(&self, typed: &str) -> Option<RoomName> {
        let name = self.names.find(typed).ok()?;
        let auction = self.invitations.iter().find(|(_, room)| *room == name);
        Some(auction.map_or(name, |(auction, _)| *auction))
    }

    /// Whether nothing more of a room is on its way, nor of its private room.
    fn is_at_rest(&self, name: RoomName) -> bool {
        let private = self.invitations.iter().filter(|(auction, _)| *auction == name);
        let mut rooms =
            private.map(|(_, room)| self.rooms.get(room)).chain([self.rooms.get(&name)]);
        rooms.all(|room| room.is_none_or(|room| !room.is_awaited()))
    }

    /// Takes a room in of which only the full name is known: the broker may hold it all the same.
    async fn know(&mut self, name: RoomName) {
        if !self.rooms.contains_key(&name) && self.may_know_another() {
            self.rooms.insert(name, Followed::new(String::new()));
            self.learn(name).await;
        }
    }

    /// Makes place in the list of rooms known, by forgetting one that is over and not followed.
    pub(super) fn may_know_another(&mut self) -> bool {
        if self.rooms.len() < KNOWN {
            return true;
        }
        let own = self.own_rooms();
        let ends = |room: &Followed| room.known().and_then(kinds::end);
        let now = self.reckoned();
        let over = self.rooms.iter().filter(|(name, room)| {
            !room.wanted
                && !own.contains_key(*name)
                && ends(room).zip(now).is_some_and(|(end, now)| end <= now)
        });
        let Some((name, _)) = over.min_by_key(|(_, room)| ends(room)) else { return false };
        let name = *name;
        self.forget(name);
        true
    }

    /// Forgets a room. One with own actions keeps its name.
    pub(super) fn forget(&mut self, name: RoomName) {
        self.rooms.remove(&name);
        if !self.own_rooms().contains_key(&name) {
            self.names.forget(name);
        }
    }

    /// Follows what matters most, and leaves what has to give way.
    pub(super) async fn choose_rooms(&mut self) -> Result<(), Lost> {
        if !self.lobby_known || self.online.is_none() {
            return Ok(());
        }
        let chosen = self.chosen();
        let changed = |wanted: bool| {
            let other = |(name, room): &(&RoomName, &Followed)| {
                room.wanted == wanted && chosen.contains_key(*name) != wanted
            };
            self.rooms.iter().filter(other).map(|(name, _)| *name).collect::<Vec<RoomName>>()
        };
        let (leave, join) = (changed(true), changed(false));
        for name in leave {
            self.set_wanted(name, false);
            self.met.excused(name);
            self.send(FromPeer::Leave { room: name }).await?;
            self.show_room(name).await;
        }
        for name in join {
            self.set_wanted(name, true);
            self.join(name).await?;
        }
        // What is open and has no place is shown as listed.
        for name in std::mem::take(&mut self.listed) {
            let now = self.reckoned();
            let open = |room: &Followed| {
                !room.wanted && room.known().is_some_and(|room| kinds::is_open(room, now))
            };
            if self.rooms.get(&name).is_some_and(open) {
                self.show_room(name).await;
            }
        }
        Ok(())
    }

    fn set_wanted(&mut self, name: RoomName, wanted: bool) {
        if let Some(room) = self.rooms.get_mut(&name) {
            room.wanted = wanted;
        }
    }

    /// The rooms that get a place.
    fn chosen(&self) -> BTreeMap<RoomName, Interest> {
        let (own, invited, now) = (self.own_rooms(), self.invited(), self.reckoned());
        let met = invited.values().copied().collect();
        let known = Known { own, invited, met, now };
        let rooms = self.rooms.iter().filter_map(|(name, room)| {
            Some((self.interest(*name, room, &known)?, !room.wanted, *name))
        });
        let mut ranked: Vec<(Interest, bool, RoomName)> = rooms.collect();
        ranked.sort_unstable();
        choose(&ranked, self.places)
    }

    /// How much a room matters; `None` if it is not to be followed.
    fn interest(&self, name: RoomName, room: &Followed, known: &Known) -> Option<Interest> {
        if room.left || room.denied.is_some() {
            return None;
        }
        let past = || room.wanted.then_some(Interest::Past);
        if room.broken {
            return past();
        }
        // A private room matters as much as its auction.
        let auction = known.invited.get(&name).copied().unwrap_or(name);
        let of = self.rooms.get(&auction);
        if room.asked || of.is_some_and(|room| room.asked) {
            return Some(Interest::Asked);
        }
        // Of what has no end of its own it is not known that it is over.
        let is_open = |of| kinds::end(of).is_none() || kinds::is_open(of, known.now);
        let open = of.and_then(Followed::known).is_none_or(is_open);
        if known.own.get(&auction).is_some_and(|unfinished| *unfinished || open) {
            return Some(Interest::Own);
        }
        if known.met.contains(&auction) {
            return Some(Interest::Met);
        }
        let Some((state, end)) = room.known().and_then(|state| Some((state, kinds::end(state)?)))
        else {
            return past();
        };
        // Also past its end: how it ended is told soon.
        let is_near = room.wanted && !kinds::is_decided(state);
        if is_near || kinds::is_open(state, known.now) { Some(Interest::Open(end)) } else { past() }
    }

    /// The auctions of private rooms.
    fn invited(&self) -> BTreeMap<RoomName, RoomName> {
        self.invitations.iter().map(|(auction, room)| (*room, *auction)).collect()
    }

    /// Rooms with own actions, and whether one still lacks something: an answer, or an end with which
    /// its secrets are erased.
    fn own_rooms(&self) -> BTreeMap<RoomName, bool> {
        let mut own = BTreeMap::new();
        for kept in &self.vault.contents().actions {
            let Ok(room) = kept.room.parse::<RoomName>() else { continue };
            let answered = kept.receipt.is_some() || kept.refusal.is_some();
            *own.entry(room).or_insert(false) |= !answered || kept.seal_secret.is_some();
        }
        own
    }

    pub(super) async fn join_command(&mut self, prefix: &str) -> Option<bool> {
        let Some(name) = self.find_or_refuse(prefix).await else { return Some(false) };
        if self.online.is_none() {
            if let Some(room) = self.rooms.get_mut(&name) {
                (room.asked, room.left) = (true, false);
            }
            let advice = "it is joined once the connection is back";
            self.refuse("link.down", "there is no connection to the broker", advice).await;
            return Some(true);
        }
        match self.rooms.get(&name) {
            Some(room) if room.wanted && room.caught_up => Some(true),
            Some(room) => {
                let cannot = room.cannot_follow();
                self.cannot(cannot).await
            }
            None => self.cannot(Cannot::code(Code::RoomUnknown)).await,
        }
    }

    pub(super) async fn leave_command(&mut self, prefix: &str) -> Option<bool> {
        let Some(name) = self.find_or_refuse(prefix).await else { return Some(false) };
        if let Some(room) = self.rooms.get_mut(&name) {
            (room.wanted, room.asked, room.left) = (false, false, true);
        }
        self.met.excused(name);
        // Without a connection there is nothing to leave.
        let _ = self.send(FromPeer::Leave { room: name }).await;
        self.show_room(name).await;
        // Another takes the place.
        let _ = self.choose_rooms().await;
        Some(true)
    }

    /// A room that was asked for is not shown. For one whose head the broker has signed, that is
    /// a lie or a loss; one of which nothing came is forgotten, as nothing must wait for it.
    pub(super) async fn not_joined(
        &mut self,
        name: RoomName,
        code: &str,
        said: &str,
    ) -> Result<(), Lost> {
        self.is_answered(name);
        self.take_receipts(name).await;
        let Some(room) = self.rooms.get_mut(&name) else { return Ok(()) };
        if code == Code::StoreFailed.as_str() {
            room.ask_again = true;
            self.met.excused(name);
            if !std::mem::replace(&mut room.unread_told, true) {
                self.answering = Answering::of_room(name);
                let advice = "it is asked for again by itself every few seconds";
                self.refuse(code, "the broker cannot read this room's log", advice).await;
                self.answering = Answering::default();
            }
            return Ok(());
        }
        let was_wanted = std::mem::take(&mut room.wanted);
        if code == ErrorCode::RoomsLimit.as_str() {
            if was_wanted {
                // This broker has fewer places: what matters most gets them.
                let wanted = self.rooms.values().filter(|room| room.wanted).count();
                self.places = self.places.min(wanted);
                self.choose_rooms().await?;
                self.show_room(name).await;
            }
            return Ok(());
        }
        let head = self.met.longest(name).map(|claim| claim.statement.text().to_owned());
        // A private room is shown to its members only, and not for ever.
        let public = self.met.is_public(name);
        match (code, head) {
            (code, head) if code == ErrorCode::RoomShorter.as_str() => {
                let notes = [said, &head.unwrap_or_default()];
                let message = "the broker's log is shorter than what it signed before";
                self.distrust(name, message, Exhibit::Notes("shorter", &notes)).await;
            }
            (code, Some(head)) if public && code == Code::RoomUnknown.as_str() => {
                let notes = [said, head.as_str()];
                let message = "the broker denies a room whose log it signed";
                self.distrust(name, message, Exhibit::Notes("denied", &notes)).await;
            }
            _ => self.is_denied(name, code, said).await,
        }
        Ok(())
    }

    /// The broker's list of rooms is whole. One whose log it signed before and that is not on it is
    /// asked for by its name: who leaves it out must deny it, and denying it is a lie.
    pub(super) async fn miss_rooms(&mut self) -> Result<(), Lost> {
        for name in self.own_rooms().into_keys() {
            self.take_receipts(name).await;
        }
        for name in self.met.unlisted() {
            if !self.rooms.contains_key(&name) && self.may_know_another() {
                self.know(name).await;
                self.set_wanted(name, true);
                self.join(name).await?;
            }
        }
        Ok(())
    }

    /// Tells whoever waits for a room that it is not shown; if nobody does, the user.
    async fn is_denied(&mut self, name: RoomName, code: &str, said: &str) {
        let known = code.parse::<Code>().ok();
        let code = known.map_or("room.denied", |code| code.as_str());
        let advice = known.map_or("try again later", Code::advice);
        if !self.deferred.iter().any(|waiting| waiting.room == Some(name)) {
            self.answering = Answering::of_room(name);
            self.refuse(code, said, advice).await;
            self.answering = Answering::default();
        }
        if self.title(name).is_none() {
            self.forget(name);
        } else if let Some(room) = self.rooms.get_mut(&name) {
            // Kept for as long as the room is known, so no longer than it is read.
            let said = shortened(said, LONGEST_SAID);
            room.denied = Some(Denied { code, said, advice });
            self.show_room(name).await;
        }
    }
}

impl Followed {
    /// Why it cannot be acted in.
    pub(super) fn cannot_follow(&self) -> Cannot {
        let (code, message, advice) = match &self.denied {
            Some(Denied { code, said, advice }) => (*code, said.as_str(), *advice),
            None if self.left => {
                ("room.not-followed", "you have left this room", "join it first: /join ROOM")
            }
            None if self.wanted => (
                "room.catching-up",
                "the room's log is still being fetched",
                "try again in a moment",
            ),
            None => (
                "room.not-followed",
                "this room is not followed: too many others are needed more",
                "leave one of them first: /leave ROOM",
            ),
        };
        Cannot(code, message.to_owned(), advice.to_owned())
    }
}

/// The room whose log a command needs, as typed.
fn acted_in(command: &Command) -> Option<&str> {
    match command {
        Command::Leave { .. } => None,
        other => other.room(),
    }
}

/// Gives `places` to the first of what is ranked, of which at most [`FOLLOW`] without a part of the
/// user's.
fn choose(ranked: &[(Interest, bool, RoomName)], places: usize) -> BTreeMap<RoomName, Interest> {
    let mut others = 0_usize;
    let within = ranked.iter().filter(|(interest, ..)| match interest {
        Interest::Asked | Interest::Own | Interest::Met => true,
        Interest::Open(_) | Interest::Past => {
            others = others.saturating_add(1);
            others <= FOLLOW
        }
    });
    within.take(places).map(|(interest, _, name)| (*name, *interest)).collect()
}
