//! Who may bid: one persona of each citizen where the listing asks for it, and nobody who stayed away from a reveal a short
//! while ago (SPEC 7.14).

use std::time::Duration;

use pregao_protocol::room::Code;
use pregao_protocol::room::auction::{Auction, Counted};
use pregao_protocol::room::body::Body;
use pregao_protocol::room::reveal::Verdict;
use pregao_protocol::value::clock::Time;

use super::RoomView;
use crate::check::{Author, Checked};
use crate::room::kinds::Objection;
use crate::store::StoreError;

/// V-222, V-224. `now` is the time of the newest header that the broker has seen.
pub(super) fn may_bid(
    auction: &Auction,
    view: RoomView<'_>,
    checked: &Checked,
    now: Time,
) -> Result<(), Objection> {
    let (Body::Bid(_) | Body::SealedBid(_), Author::Persona { persona, issuer, .. }) =
        (checked.stamped().action().body(), checked.author())
    else {
        return Ok(());
    };
    if !auction.takes(*issuer) {
        return Err(Code::DoorCitizen.into());
    }
    match view.shared.authors.barred(persona, now) {
        Some(until) => Err(Objection { until: Some(until), ..Code::DoorForfeited.into() }),
        None => Ok(()),
    }
}

/// The least time for a disclosure for want of which somebody is barred.
const LEAST_TO_DISCLOSE: Duration = Duration::from_secs(3_600);

/// V-224: bars whoever was absent from a reveal, for as long as the broker sets; nobody who might have withdrawn.
///
/// # Errors
/// A failure of the store: whoever was absent is not barred.
pub(super) async fn bar_absent(
    auction: &Auction,
    winner: &Counted,
    view: RoomView<'_>,
    verdict: Verdict,
) -> Result<(), StoreError> {
    let absent = match verdict {
        Verdict::Forfeited => winner.key,
        Verdict::Abandoned => *auction.seller(),
        Verdict::Revealed | Verdict::Withdrawn(_) => return Ok(()),
    };
    let within = view.shared.barred_for;
    // Who has a moment to disclose is not to be kept away by whoever set a trap with it.
    let is_short = u64::from(auction.listing().disclose_within) < LEAST_TO_DISCLOSE.as_secs();
    if auction.withdrawal() || within.is_zero() || is_short {
        return Ok(());
    }
    let Ok(newest) = view.shared.stamps.newest() else { return Err(StoreError::Stopped) };
    let links = view.shared.authors.of(view.name()).await?.unwrap_or_default();
    let Some(link) = links.iter().find(|link| link.key == absent) else { return Ok(()) };
    let now = newest.batch.time();
    view.shared.authors.bar(link.persona, now.plus(within), now).await
}
