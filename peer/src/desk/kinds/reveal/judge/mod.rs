//! How far a citizen card of the other side is believed, and when that is asked again.

use pregao_protocol::room::disclosure::CardVerdict;
use pregao_protocol::trust::citizen::{CitizenError, RevocationStatus, StatePki};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Advised as _;

use crate::event::{CardStanding, Personal};
use crate::vault::KeptCard;

/// Judges a card that signed at `stamped` by the state's certificates and by the lists that are
/// valid at `read`: lists of that day are seldom kept.
pub(in crate::desk) fn judged(
    certificate: &[u8],
    state: Option<&StatePki>,
    stamped: Time,
    read: Time,
) -> CardStanding {
    standing(CardVerdict::of(certificate, state, stamped, read))
}

/// A verdict in the words of events.
fn standing(verdict: CardVerdict) -> CardStanding {
    let error = match verdict {
        CardVerdict::Holds(citizen) => {
            return CardStanding::Certified {
                civil_number: Personal::new(citizen.civil_number.expose().to_owned()),
                revocation_checked: citizen.revocation == RevocationStatus::Checked,
                test: citizen.test,
                name: citizen.name.clone(),
                given_name: citizen.given_name.clone(),
                surname: citizen.surname.clone(),
            };
        }
        CardVerdict::Unjudged => return CardStanding::Unjudged,
        CardVerdict::DoesNotHold(error) => error,
    };
    if speaks_of_lists(&error) {
        CardStanding::NotCovered(error.report())
    } else {
        CardStanding::Refused(error.report())
    }
}

/// Whether the reader's own lists are what is missing.
const fn speaks_of_lists(error: &CitizenError) -> bool {
    matches!(
        error,
        CitizenError::ListMissing(_)
            | CitizenError::ListExpired { .. }
            | CitizenError::ListPartition(_)
            | CitizenError::ListMalformed { .. }
    )
}

/// Judges a kept card again by the certificates and lists of today: one that was not certified, or not looked up in
/// a list. What was found before is not lost to a worse list. Whether anything changed.
pub(in crate::desk) fn judged_again(
    card: &mut KeptCard,
    state: Option<&StatePki>,
    read: Time,
) -> bool {
    let before = &card.view.standing;
    let settled = matches!(before, CardStanding::Certified { revocation_checked: true, .. });
    if state.is_none() || settled {
        return false;
    }
    let now = judged(&card.certificate, state, card.stamped, read);
    let lost = matches!(before, CardStanding::Certified { .. })
        && matches!(now, CardStanding::NotCovered(_));
    if lost || now == *before {
        return false;
    }
    card.view.standing = now;
    true
}

#[cfg(test)]
mod tests;
