//! What the log of a reveal room says to those who cannot open its disclosures.

use serde::Serialize;

use crate::log::RoomName;
use crate::room::RevealRoom;
use crate::room::body::Side;
use crate::room::reveal::End;
use crate::value::clock::Time;

/// A reveal room, as its log gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevealShown {
    /// Its auction.
    pub auction: RoomName,
    /// Position of the `settled` entry in the auction that it follows from.
    pub settled: u64,
    /// Until when both had to disclose.
    pub deadline: Time,
    /// Whether either side could withdraw.
    pub withdrawal: bool,
    /// How it ended.
    pub end: RevealEnd,
    /// Which side withdrew, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Side>,
    /// Who was absent, if anybody was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<Vec<Side>>,
}

/// How a reveal room ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevealEnd {
    /// Not yet.
    Open,
    /// Both disclosed.
    Disclosed,
    /// One side withdrew.
    Withdrawn,
    /// Somebody was absent.
    Absent,
}

pub(crate) fn shown(reveal: &RevealRoom) -> RevealShown {
    let opening = reveal.opening();
    let (mut by, mut absent) = (None, None);
    let end = match reveal.end() {
        Some(End::Withdrawn(side)) => {
            by = Some(side);
            RevealEnd::Withdrawn
        }
        Some(End::Absent(who)) => {
            let sides = [(who.seller, Side::Seller), (who.winner, Side::Winner)];
            let gone = sides.into_iter().filter(|(is_gone, _)| *is_gone).map(|(_, side)| side);
            absent = Some(gone.collect());
            RevealEnd::Absent
        }
        None if reveal.complete() => RevealEnd::Disclosed,
        None => RevealEnd::Open,
    };
    RevealShown {
        auction: opening.auction,
        settled: opening.settled,
        deadline: opening.deadline,
        withdrawal: opening.withdrawal,
        end,
        by,
        absent,
    }
}
