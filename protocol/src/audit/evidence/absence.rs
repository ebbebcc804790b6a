//! An absence that was recorded of a side whose disclosure the broker held (SPEC 7.5, 8).

use serde::{Deserialize, Serialize};

use super::{NoEvidence, Shown, opened};
use crate::audit::verify;
use crate::log::Receipt;
use crate::room::action::Action;
use crate::room::body::{Body, Side};
use crate::wire::refusal::Held;

/// What shows it (V-076).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalseAbsence {
    /// The broker's certificate (compact JWS).
    pub certificate: String,
    /// The reveal room's opening action (compact JWS).
    pub opening: String,
    /// The disclosure (compact JWS).
    pub disclosure: String,
    /// The broker's signed word that it holds it.
    pub held: String,
    /// The broker's `absent` in that room, or its `forfeited` in the auction (compact JWS).
    pub recorded: String,
    /// With `forfeited`: a receipt of the winning bid, which shows by which key it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid: Option<Receipt>,
}

impl FalseAbsence {
    pub(super) fn verify(&self) -> Result<Shown, NoEvidence> {
        let (origin, keys) = opened(&self.opening, &self.certificate)?;
        let opening = Action::parse(&self.opening)?;
        let Body::Reveal(reveal) = opening.body() else { return Err(NoEvidence::OtherThing) };
        let disclosure = Action::parse(&self.disclosure)?;
        let side = match disclosure.body() {
            Body::Disclose(_) if *disclosure.key() == reveal.seller => Side::Seller,
            Body::Disclose(_) if *disclosure.key() == reveal.winner => Side::Winner,
            _ => return Err(NoEvidence::OtherThing),
        };
        let held = Held::open(&self.held, &keys.entry)?;
        if held.digest != disclosure.digest() || [held.room, disclosure.room()] != [origin.room; 2]
        {
            return Err(NoEvidence::OtherThing);
        }
        let recorded = Action::parse(&self.recorded)?;
        if !recorded.is_by(&keys.entry) {
            return Err(NoEvidence::OtherThing);
        }
        let (gone, name) = match (recorded.body(), side) {
            (Body::Absent(absent), Side::Seller) if recorded.room() == origin.room => {
                (absent.seller, "seller")
            }
            (Body::Absent(absent), Side::Winner) if recorded.room() == origin.room => {
                (absent.winner, "winner")
            }
            (Body::Forfeited(forfeited), Side::Winner) if recorded.room() == reveal.auction => {
                let bid = self.bid.as_ref().ok_or(NoEvidence::OtherThing)?;
                let bid = verify::receipt(bid).map_err(NoEvidence::Receipt)?;
                if (bid.room, bid.key) != (reveal.auction, reveal.winner) {
                    return Err(NoEvidence::OtherThing);
                }
                // A bid is named as the winner once, so this is about this room and no other.
                (forfeited.winner == bid.seq, "winner")
            }
            _ => return Err(NoEvidence::OtherThing),
        };
        if !gone {
            return Err(NoEvidence::Consistent);
        }
        let what = format!("recorded the {name} as absent while it held their disclosure");
        Ok(Shown { by: origin.broker, room: Some(origin.room), what })
    }
}
