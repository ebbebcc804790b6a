//! The room in which a broker states the keys of its passes: read like any other, and nothing for the user
//! to act in (SPEC 9.2).

use pregao_protocol::room::PassRoom;
use pregao_protocol::room::body::Body;

use super::View;

/// What such a room is called.
const TITLE: &str = "keys of the broker's passes";

/// A pass room as the user meets it.
#[derive(Debug)]
pub(in crate::desk) struct PassesView;

impl View for PassesView {
    type Fold = PassRoom;
    type Notes = ();

    fn title(_passes: &PassRoom) -> Option<String> {
        Some(TITLE.to_owned())
    }

    fn title_of_opening(body: &Body) -> Option<String> {
        matches!(body, Body::Passes(_)).then(|| TITLE.to_owned())
    }

    fn wrong_kind() -> (&'static str, &'static str) {
        (
            "in this room the broker states the keys of its passes",
            "nothing is done there; use /items to see the auctions",
        )
    }
}
