//! Which rooms are followed: a session has places for some only.
//!
//! First come the rooms that the user acts in or asks for, then open auctions, the soonest to end
//! first; what has ended keeps a place as long as nobody else needs it. Whoever acts in a room that
//! is not followed follows it by that: the command waits for the room's log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::desk::outbox::by_code;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::{Code, ErrorCode};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::frame::FromPeer;

use super::answers::{Progress, ReplyTo};
use super::connection::SessionLost;
use super::evidence::Exhibit;
use super::kinds;
use super::replica::{ReadFailure, Replica, Wish};
use super::{DEFERRED_WITHIN, Desk};
use crate::command::Command;
use crate::front::channel::UserRequest;
use crate::text::sanitize::shortened;

/// Auctions followed that the user has no part in.
const FOLLOW: usize = 64;
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
    /// An ended sale of the user's: shows the other side again.
    Met,
    /// Over. Never followed anew.
    Past,
}

/// A command that waits.
#[derive(Debug)]
struct DeferredCommand {
    request: UserRequest,
    /// For the log of this room; else for everything that is followed.
    room: Option<RoomName>,
    /// By the desk's clock.
    since: Duration,
}

/// The commands that wait, in order.
#[derive(Debug, Default)]
pub(super) struct DeferredCommands(Vec<DeferredCommand>);

impl DeferredCommands {
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }
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

/// What becomes of a command that acts in a room.
pub(super) enum RoomReadiness {
    /// The room's log is as new as it gets.
    Ready,
    /// The command waits for it.
    Waits,
}

impl Desk {
    /// Puts a command off until everything that is followed is caught up with.
    pub(super) fn defer(&mut self, request: UserRequest) {
        self.deferred.0.push(DeferredCommand {
            request,
            room: None,
            since: self.options.host.clock.uptime(),
        });
    }

    /// All that waits, in order.
    pub(super) fn take_deferred(&mut self) -> Vec<UserRequest> {
        std::mem::take(&mut self.deferred.0).into_iter().map(|deferred| deferred.request).collect()
    }

    /// Carries out what has waited long enough: those for one room keep their order.
    pub(super) async fn carry_out_deferred(&mut self) {
        while let Some(at) = self.deferred.0.iter().position(|waiting| self.is_over(waiting)) {
            let waited = self.deferred.0.remove(at);
            self.carry_out_waited(waited.request, waited.room).await;
        }
    }

    fn is_over(&self, waiting: &DeferredCommand) -> bool {
        match waiting.room {
            Some(room) => self.is_at_rest(room),
            // Whoever acts in one room waits for that one, once it is known which is meant.
            None if !self.options.patient && acted_in(&waiting.request.command).is_some() => {
                self.connection.is_up() && self.rooms.is_list_whole()
            }
            None => self.is_ready_for_letters(&waiting.request.command) || self.is_caught_up(),
        }
    }

    /// Lets no command wait for ever for what cannot be read: what can be done without it is done, and
    /// the rest gets its code.
    pub(super) async fn end_deferred(&mut self) {
        let now = self.options.host.clock.uptime();
        let late = |waiting: &DeferredCommand| now.saturating_sub(waiting.since) >= DEFERRED_WITHIN;
        while let Some(at) = self.deferred.0.iter().position(late) {
            let DeferredCommand { request, room, .. } = self.deferred.0.remove(at);
            let missing = self.rooms.iter().filter(|(_, room)| room.is_awaited());
            let missing: Vec<String> = missing.map(|(name, _)| self.words(*name)).collect();
            let text = match missing.as_slice() {
                [] => "the broker has not sent its list of rooms in time".to_owned(),
                rooms => format!("not read to the end in time: {}", rooms.join(", ")),
            };
            self.reply_to = self.reply_to_command(request.id.clone(), &request.command);
            self.note(format!("{text}; what follows leaves it out")).await;
            let typed = acted_in(&request.command);
            let unclear = typed.is_some_and(|typed| typed.parse::<RoomName>().is_err());
            if unclear && self.connection.is_up() && !self.rooms.is_list_whole() {
                let message = "which room is meant is not known; nothing was sent";
                self.refuse(Report::new("room.catching-up", message, "try again in a moment"))
                    .await;
                self.done(false).await;
                continue;
            }
            let meant = || self.auction_meant(typed?).or_else(|| typed?.parse().ok());
            let waited = room.or_else(meant);
            self.carry_out_waited(request, waited).await;
            self.reply_to = ReplyTo::default();
        }
    }

    /// Follows the room that a command acts in, if it is not. `waited` is the room that was waited
    /// for already: it is not waited for again.
    pub(super) async fn follow_for(
        &mut self,
        request: &UserRequest,
        waited: Option<RoomName>,
    ) -> RoomReadiness {
        let Some(typed) = acted_in(&request.command).filter(|_| self.connection.is_up()) else {
            return RoomReadiness::Ready;
        };
        // Before the list is known, the beginning of a name may mean a room that is not, and nobody
        // knows which rooms get places.
        if !self.rooms.is_list_whole() && waited.is_none() {
            self.defer(request.clone());
            return RoomReadiness::Waits;
        }
        if let (None, Ok(name)) = (waited, typed.parse::<RoomName>()) {
            self.add_room(name).await;
        }
        let Some(name) = self.auction_meant(typed) else { return RoomReadiness::Ready };
        let Some(room) = self.rooms.get_mut(&name).filter(|room| !room.is_broken()) else {
            return RoomReadiness::Ready;
        };
        if waited.is_none() {
            room.ask_for();
        }
        let at_hand = room.is_followed() && room.is_caught_up();
        if waited == Some(name) || (at_hand && self.is_at_rest(name)) {
            return RoomReadiness::Ready;
        }
        if let Some(room) = self.rooms.get_mut(&name) {
            room.excuse_denial();
        }
        // A connection that fails is noticed by whoever waits.
        let _ = self.choose_rooms_to_follow().await;
        if !self.rooms.get(&name).is_some_and(Replica::is_followed) {
            return RoomReadiness::Ready;
        }
        let (request, room) = (request.clone(), Some(name));
        self.deferred.0.push(DeferredCommand {
            request,
            room,
            since: self.options.host.clock.uptime(),
        });
        RoomReadiness::Waits
    }

    /// The room that is meant; of a private room its auction, next to which alone it is read.
    fn auction_meant(&self, typed: &str) -> Option<RoomName> {
        let name = self.names.find(typed).ok()?;
        Some(self.rooms.auction_of(name).unwrap_or(name))
    }

    /// Whether nothing more of a room is on its way, nor of its private room.
    fn is_at_rest(&self, name: RoomName) -> bool {
        let mut rooms =
            self.rooms.private_rooms_of(name).chain([name]).map(|room| self.rooms.get(&room));
        rooms.all(|room| room.is_none_or(|room| !room.is_awaited()))
    }

    /// Takes a room in of which only the full name is known: the broker may hold it all the same.
    pub(super) async fn add_room(&mut self, name: RoomName) {
        if !self.rooms.contains_key(&name) && self.make_place_for_room() {
            self.rooms.insert(name, Replica::named());
            self.learn(name).await;
        }
    }

    /// Makes place in the list of rooms known, by forgetting one that has ended and is not followed.
    pub(super) fn make_place_for_room(&mut self) -> bool {
        if self.rooms.len() < KNOWN {
            return true;
        }
        let own = self.own_rooms();
        let ends = |room: &Replica| room.known().and_then(kinds::end);
        let now = self.reckoned();
        let over = self.rooms.iter().filter(|(name, room)| {
            !room.is_followed()
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
    pub(super) async fn choose_rooms_to_follow(&mut self) -> Result<(), SessionLost> {
        if !self.rooms.is_list_whole() || !self.connection.is_up() {
            return Ok(());
        }
        let chosen = self.chosen();
        let (mut leave, mut join) = (Vec::new(), Vec::new());
        for (name, room) in self.rooms.iter() {
            match (room.is_followed(), chosen.contains_key(name)) {
                (true, false) => leave.push(*name),
                (false, true) => join.push(*name),
                (true, true) | (false, false) => {}
            }
        }
        for name in leave {
            self.rooms.get_mut(&name).map(Replica::unfollow);
            self.statements.excused(name);
            self.send(FromPeer::Leave { room: name }).await?;
            self.show_room(name).await;
        }
        for name in join {
            self.rooms.get_mut(&name).map(Replica::follow);
            self.join(name).await?;
        }
        // What is open and has no place is shown as listed.
        for name in self.rooms.take_unshown() {
            let now = self.reckoned();
            let open = |room: &Replica| {
                !room.is_followed() && room.known().is_some_and(|room| kinds::is_open(room, now))
            };
            if self.rooms.get(&name).is_some_and(open) {
                self.show_room(name).await;
            }
        }
        Ok(())
    }

    /// The rooms that get a place.
    fn chosen(&self) -> BTreeMap<RoomName, Interest> {
        let (own, invited, now) = (self.own_rooms(), self.invited(), self.reckoned());
        let met = invited.values().copied().collect();
        let known = Known { own, invited, met, now };
        let rooms = self.rooms.iter().filter_map(|(name, room)| {
            Some((self.interest(*name, room, &known)?, !room.is_followed(), *name))
        });
        let mut ranked: Vec<(Interest, bool, RoomName)> = rooms.collect();
        ranked.sort_unstable();
        choose(&ranked, self.rooms.places())
    }

    /// How much a room matters; `None` if it is not to be followed.
    fn interest(&self, name: RoomName, room: &Replica, known: &Known) -> Option<Interest> {
        if room.wish() == Wish::Left || room.denial().is_some() {
            return None;
        }
        // Somebody waits for the key that is stated there.
        if self.passes.is_for_passes(name) && !room.is_broken() {
            return Some(Interest::Own);
        }
        let past = || room.is_followed().then_some(Interest::Past);
        if room.is_broken() {
            return past();
        }
        // A private room matters as much as its auction.
        let auction = known.invited.get(&name).copied().unwrap_or(name);
        let of = self.rooms.get(&auction);
        if [Some(room), of].into_iter().flatten().any(|room| room.wish() == Wish::Asked) {
            return Some(Interest::Asked);
        }
        // A room without an end of its own is not known to have ended.
        let is_open = |of| kinds::end(of).is_none() || kinds::is_open(of, known.now);
        let open = of.and_then(Replica::known).is_none_or(is_open);
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
        let is_near = room.is_followed() && !kinds::is_decided(state);
        if is_near || kinds::is_open(state, known.now) { Some(Interest::Open(end)) } else { past() }
    }

    /// The auctions of private rooms.
    fn invited(&self) -> BTreeMap<RoomName, RoomName> {
        self.rooms.invitations().map(|(auction, room)| (room, auction)).collect()
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
        let autos = self.vault.contents().autos.iter();
        own.extend(autos.filter_map(|auto| Some((auto.room.parse().ok()?, true))));
        own
    }

    pub(super) async fn join_command(&mut self, prefix: &str) -> Progress {
        let Some(name) = self.find_or_refuse(prefix).await else { return Progress::Failed };
        if !self.connection.is_up() {
            if let Some(room) = self.rooms.get_mut(&name) {
                room.ask_for();
            }
            let advice = "it is joined once the connection is back";
            self.refuse(Report::new("link.down", "there is no connection to the broker", advice))
                .await;
            return Progress::Done;
        }
        match self.rooms.get(&name) {
            Some(room) if room.is_followed() && room.is_caught_up() => Progress::Done,
            Some(room) => {
                let report = room.why_not_followed();
                self.reject(report).await
            }
            None => self.reject(by_code(Code::RoomUnknown)).await,
        }
    }

    pub(super) async fn leave_command(&mut self, prefix: &str) -> Progress {
        let Some(name) = self.find_or_refuse(prefix).await else { return Progress::Failed };
        if let Some(room) = self.rooms.get_mut(&name) {
            room.leave();
        }
        self.statements.excused(name);
        // Without a connection there is nothing to leave.
        let _ = self.send(FromPeer::Leave { room: name }).await;
        self.show_room(name).await;
        // Another takes the place.
        let _ = self.choose_rooms_to_follow().await;
        Progress::Done
    }

    /// A room that was asked for is not shown. For one whose head the broker has signed, that is
    /// a lie or a loss; one of which nothing came is forgotten, as nothing must wait for it.
    pub(super) async fn handle_join_refused(
        &mut self,
        name: RoomName,
        code: &str,
        said: &str,
    ) -> Result<(), SessionLost> {
        self.is_answered(name);
        self.take_receipts(name).await;
        let Some(room) = self.rooms.get_mut(&name) else { return Ok(()) };
        if code == Code::StoreFailed.as_str() {
            let failure = room.fail_to_read();
            self.statements.excused(name);
            if failure == ReadFailure::First {
                self.reply_to = ReplyTo::of_room(name);
                let advice = "it is asked for again by itself every few seconds";
                let code = Code::StoreFailed.as_str();
                let message = "the broker cannot read this room's log";
                self.refuse(Report::new(code, message, advice)).await;
                self.reply_to = ReplyTo::default();
            }
            return Ok(());
        }
        let was_wanted = room.unfollow();
        if code == ErrorCode::RoomsLimit.as_str() {
            if was_wanted {
                // This broker has fewer places: what matters most gets them.
                self.rooms.limit_places();
                self.choose_rooms_to_follow().await?;
                self.show_room(name).await;
            }
            return Ok(());
        }
        let head = self.statements.longest(name).map(|claim| claim.statement.text().to_owned());
        // A private room is shown to its members only, and not for ever.
        let public = self.statements.is_public(name);
        match (code, head) {
            (code, head) if code == ErrorCode::RoomShorter.as_str() => {
                let notes = [said, &head.unwrap_or_default()];
                let message = "the broker's log is shorter than what it signed before";
                self.stop_believing(name, message, Exhibit::Notes("shorter", &notes)).await;
            }
            (code, Some(head)) if public && code == Code::RoomUnknown.as_str() => {
                let notes = [said, head.as_str()];
                let message = "the broker denies a room whose log it signed";
                self.stop_believing(name, message, Exhibit::Notes("denied", &notes)).await;
            }
            _ => self.is_denied(name, code, said).await,
        }
        Ok(())
    }

    /// The broker's list of rooms is whole. One whose log it signed before and that is not on it is
    /// asked for by its name: who leaves it out must deny it, and denying it is a lie.
    pub(super) async fn ask_for_unlisted_rooms(&mut self) -> Result<(), SessionLost> {
        for name in self.own_rooms().into_keys() {
            self.take_receipts(name).await;
        }
        for name in self.statements.unlisted() {
            if !self.rooms.contains_key(&name) && self.make_place_for_room() {
                self.add_room(name).await;
                self.rooms.get_mut(&name).map(Replica::follow);
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
        if !self.deferred.0.iter().any(|waiting| waiting.room == Some(name)) {
            self.reply_to = ReplyTo::of_room(name);
            self.refuse(Report::new(code, said.to_owned(), advice)).await;
            self.reply_to = ReplyTo::default();
        }
        if self.title(name).is_none() {
            self.forget(name);
        } else if let Some(room) = self.rooms.get_mut(&name) {
            // Kept for as long as the room is known, so no longer than it is read.
            let said = shortened(said, LONGEST_SAID);
            room.deny(Report::new(code, said, advice));
            self.show_room(name).await;
        }
    }
}

impl Replica {
    /// Why it cannot be acted in.
    pub(super) fn why_not_followed(&self) -> Report {
        match self.denial() {
            Some(denial) => denial.clone(),
            None if self.wish() == Wish::Left => Report::new(
                "room.not-followed",
                "you have left this room",
                "join it first: /join ROOM",
            ),
            None if self.is_followed() => Report::new(
                "room.catching-up",
                "the room's log is still being fetched",
                "try again in a moment",
            ),
            None => Report::new(
                "room.not-followed",
                "this room is not followed: too many others are needed more",
                "leave one of them first: /leave ROOM",
            ),
        }
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
