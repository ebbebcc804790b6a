//! Actions that are held until their counterparts are there, as the store keeps them.
//!
//! Action and stamp as handed in: no entry is stored with it whose header the stamp could name.

use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::{Room, Stamped};

use super::kinds::{AnyPolicy, HeldAction};

/// An action for keeping.
#[must_use]
pub(crate) fn payload(stamped: &Stamped) -> String {
    let kept = (stamped.action().compact(), stamped.full_stamp());
    // Texts and numbers have a JSON form in every case.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// Reads a held action back; nothing if it does not verify.
pub(crate) fn restore(room: &Room, policy: &AnyPolicy, payload: &str) -> Option<HeldAction> {
    let (action, stamp): (String, FullStamp) = serde_json::from_str(payload).ok()?;
    let action = Action::parse(&action).ok()?;
    let role = policy.role(room, &action)?;
    Some(HeldAction { role, stamped: Stamped::open(action, stamp, &room.terms().stamps).ok()? })
}
