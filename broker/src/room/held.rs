//! Actions that are held until their counterparts are there, as the store keeps them.
//!
//! Action and stamp as handed in: no entry stands beside it whose header the stamp could name.

use pregao_protocol::action::Action;
use pregao_protocol::room::{Room, Stamped};
use pregao_protocol::stamp::FullStamp;

use super::kinds::{AnyPolicy, Held};

/// An action for keeping.
#[must_use]
pub(crate) fn payload(stamped: &Stamped) -> String {
    let kept = (stamped.action().compact(), stamped.full_stamp());
    // Texts and numbers have a JSON form in every case.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// Reads a held action back; nothing if it does not verify.
pub(crate) fn restore(room: &Room, policy: &AnyPolicy, payload: &str) -> Option<Held> {
    let (action, stamp): (String, FullStamp) = serde_json::from_str(payload).ok()?;
    let action = Action::parse(&action).ok()?;
    let role = policy.role(room, &action)?;
    Some(Held { role, stamped: Stamped::open(action, stamp, &room.terms().stamps).ok()? })
}
