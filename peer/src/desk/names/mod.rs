//! By which beginning of its name a room is called, and which room somebody means.
//!
//! Names are hashes that strangers can choose among, so a beginning that meant one room may soon
//! mean two. What is shown is as long as it has to be, and what could mean two rooms means none.

use std::collections::BTreeSet;
use std::ops::Bound;

use pregao_protocol::log::RoomName;

use crate::command::unclear::SHORTEST_ROOM;

/// Fewest characters by which a room may be called.
pub(super) const SHORTEST: usize = SHORTEST_ROOM;

/// Every room whose name is known, followed or not.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<RoomName>);

/// Why something typed names no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclear {
    /// No room known begins so.
    None,
    /// Fewer than [`SHORTEST`] characters.
    Short,
    /// At least these two rooms begin so.
    Several(RoomName, RoomName),
}

impl Names {
    /// Takes a name in; gives those that are called otherwise from now on.
    pub(super) fn learn(&mut self, name: RoomName) -> Vec<RoomName> {
        if self.0.contains(&name) {
            return Vec::new();
        }
        let near: Vec<(RoomName, usize)> =
            self.beside(name).map(|near| (near, self.length(near))).collect();
        self.0.insert(name);
        near.into_iter()
            .filter(|(near, before)| self.length(*near) != *before)
            .map(|(near, _)| near)
            .collect()
    }

    /// Forgets a name.
    pub(super) fn forget(&mut self, name: RoomName) {
        self.0.remove(&name);
    }

    /// The beginning by which a room is called: as many characters as tell it apart from every other
    /// room known, never fewer than [`SHORTEST`].
    pub(super) fn short(&self, name: RoomName) -> String {
        let mut text = name.to_string();
        text.truncate(self.length(name));
        text
    }

    /// The room that is meant by the beginning of its name, with or without `#`.
    pub(super) fn find(&self, typed: &str) -> Result<RoomName, Unclear> {
        let typed = typed.strip_prefix('#').unwrap_or(typed).to_ascii_lowercase();
        if typed.chars().count() < SHORTEST {
            return Err(Unclear::Short);
        }
        // Names that begin alike are neighbours, from the beginning filled up with zeros on.
        let filled: String = typed.chars().chain(std::iter::repeat('0')).take(64).collect();
        let Ok(from) = filled.parse::<RoomName>() else { return Err(Unclear::None) };
        let mut meant =
            self.0.range(from..).take_while(|name| name.to_string().starts_with(&typed));
        match (meant.next(), meant.next()) {
            (Some(name), None) => Ok(*name),
            (Some(first), Some(second)) => Err(Unclear::Several(*first, *second)),
            (None, _) => Err(Unclear::None),
        }
    }

    /// The names before and after, which are those that begin most alike.
    fn beside(&self, name: RoomName) -> impl Iterator<Item = RoomName> + '_ {
        let before = self.0.range(..name).next_back();
        let after = self.0.range((Bound::Excluded(name), Bound::Unbounded)).next();
        before.into_iter().chain(after).copied()
    }

    fn length(&self, name: RoomName) -> usize {
        let text = name.to_string();
        let alike = |near: RoomName| {
            text.bytes().zip(near.to_string().bytes()).take_while(|(l, r)| l == r).count()
        };
        let longest = self.beside(name).map(alike).max().unwrap_or(0);
        longest.saturating_add(1).clamp(SHORTEST, text.len())
    }
}

#[cfg(test)]
mod tests;
