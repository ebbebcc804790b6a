//! Every room that the desk knows of.

use std::collections::BTreeMap;

use pregao_protocol::log::RoomName;

use super::replica::Replica;

/// Rooms followed at most; a broker allows 256 a session.
const PLACES: usize = 240;
/// Most private rooms of which the user is told: a broker could invite for ever.
const INVITATIONS: usize = 4_096;

/// The rooms known, the broker's list of them, and how many may be followed.
#[derive(Debug)]
pub(super) struct Rooms {
    replicas: BTreeMap<RoomName, Replica>,
    /// Auctions, each with a private room of its seller and winner, in the order of invitation.
    invitations: Vec<(RoomName, RoomName)>,
    /// How many rooms of the broker's list have arrived.
    listed: u64,
    list: List,
    /// How many rooms may be followed.
    places: usize,
    /// Rooms that were listed and not shown yet.
    unshown: Vec<RoomName>,
    choice: Choice,
}

/// How much of the broker's list of rooms has arrived in this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    InPart,
    Whole,
}

/// Whether something was logged, since rooms to follow were chosen last, that may change the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Made,
    Due,
}

impl Rooms {
    /// No rooms, but these auctions with their private rooms.
    pub(super) const fn with_invitations(invitations: Vec<(RoomName, RoomName)>) -> Self {
        Self {
            replicas: BTreeMap::new(),
            invitations,
            listed: 0,
            list: List::InPart,
            places: PLACES,
            unshown: Vec::new(),
            choice: Choice::Made,
        }
    }

    pub(super) fn get(&self, name: &RoomName) -> Option<&Replica> {
        self.replicas.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &RoomName) -> Option<&mut Replica> {
        self.replicas.get_mut(name)
    }

    pub(super) fn contains_key(&self, name: &RoomName) -> bool {
        self.replicas.contains_key(name)
    }

    pub(super) fn insert(&mut self, name: RoomName, room: Replica) {
        self.replicas.insert(name, room);
    }

    pub(super) fn remove(&mut self, name: &RoomName) {
        self.replicas.remove(name);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&RoomName, &Replica)> {
        self.replicas.iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &RoomName> {
        self.replicas.keys()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.values()
    }

    pub(super) fn len(&self) -> usize {
        self.replicas.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.replicas.is_empty()
    }

    /// A session begins: its broker may have other places and may show other rooms.
    pub(super) fn begin_session(&mut self) {
        self.places = PLACES;
        self.replicas.values_mut().for_each(Replica::begin_session);
    }

    /// A session has ended: in the next one rooms may be listed that are not yet.
    pub(super) const fn end_session(&mut self) {
        self.list = List::InPart;
    }
}

/// Private rooms.
impl Rooms {
    /// The user is invited to the private room of an auction.
    pub(super) fn invite(&mut self, auction: RoomName, room: RoomName) {
        let known = self.invitations.contains(&(auction, room));
        if !known && self.invitations.len() < INVITATIONS {
            self.invitations.push((auction, room));
        }
    }

    /// Auctions, each with a private room, in the order of invitation.
    pub(super) fn invitations(&self) -> impl DoubleEndedIterator<Item = (RoomName, RoomName)> {
        self.invitations.iter().copied()
    }

    /// The private rooms of an auction: after a forfeit it has one for each winner named.
    pub(super) fn private_rooms_of(
        &self,
        auction: RoomName,
    ) -> impl DoubleEndedIterator<Item = RoomName> {
        self.invitations().filter(move |(of, _)| *of == auction).map(|(_, room)| room)
    }

    /// The auction of a private room.
    pub(super) fn auction_of(&self, private: RoomName) -> Option<RoomName> {
        self.invitations().find(|(_, room)| *room == private).map(|(auction, _)| auction)
    }
}

/// The broker's list, and the choice of rooms to follow.
impl Rooms {
    /// Notes that so many rooms of the list have arrived, from a position on.
    pub(super) fn note_listed(&mut self, from: u64, count: usize) {
        self.listed = self.listed.max(from.saturating_add(count as u64));
    }

    /// From where the list is asked for: the last room known is asked for again, as a broker without
    /// newer ones would not answer.
    pub(super) const fn list_from(&self) -> u64 {
        self.listed.saturating_sub(1)
    }

    pub(super) fn is_list_whole(&self) -> bool {
        self.list == List::Whole
    }

    /// Notes the end of the list. Whether it is the first in this session.
    pub(super) const fn end_list(&mut self) -> bool {
        matches!(std::mem::replace(&mut self.list, List::Whole), List::InPart)
    }

    /// Has a listed room shown once rooms to follow were chosen.
    pub(super) fn show_later(&mut self, name: RoomName) {
        self.unshown.push(name);
    }

    /// The rooms to be shown.
    pub(super) fn take_unshown(&mut self) -> Vec<RoomName> {
        std::mem::take(&mut self.unshown)
    }

    /// How many rooms may be followed.
    pub(super) const fn places(&self) -> usize {
        self.places
    }

    /// The broker allows no more than are followed now.
    pub(super) fn limit_places(&mut self) {
        let followed = self.values().filter(|room| room.is_followed()).count();
        self.places = self.places.min(followed);
    }

    /// Notes that rooms to follow are to be chosen anew.
    pub(super) const fn choose_later(&mut self) {
        self.choice = Choice::Due;
    }

    /// Whether they are to be chosen now.
    pub(super) const fn take_choice(&mut self) -> bool {
        matches!(std::mem::replace(&mut self.choice, Choice::Made), Choice::Due)
    }
}
