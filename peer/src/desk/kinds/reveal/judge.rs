//! How far a citizen card of the other side is believed, and when that is asked again.

use pregao_protocol::citizen::{CitizenError, RevocationStatus, StatePki};
use pregao_protocol::clock::Time;
use pregao_protocol::room::disclosure::CardVerdict;

use crate::event::{CardStanding, Personal};
use crate::vault::KeptCard;

/// Judges a card that signed at `stamped` by the state's certificates at hand and the lists that are
/// in force at `read`: lists of that day are seldom kept.
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
    let (code, message) = (error.code().to_owned(), error.to_string());
    let advice = error.advice().to_owned();
    if speaks_of_lists(&error) {
        CardStanding::NotCovered { code, message, advice }
    } else {
        CardStanding::Refused { code, message, advice }
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

/// Judges a kept card again by what is at hand now: one that was not certified, or not looked up in
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
        && matches!(now, CardStanding::NotCovered { .. });
    if lost || now == *before {
        return false;
    }
    card.view.standing = now;
    true
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
