//! The second visit: later, on another connection, the token buys the persona's certificate.

use std::path::Path;

use pregao_protocol::trust::jwks::{TsaAddress, verify_jwks_by_wall_clock};
use pregao_protocol::trust::key::{Persona, SecretKey};
use pregao_protocol::value::clock::Time;

use super::{By, EnrolError, Enrolled, Way, issuer, require_own_authority, time_for};
use crate::net::tsa::TsaClient;
use crate::net::{Reach, Route};
use crate::vault::{HeldToken, Passphrase, Vault};

/// How a token is to be spent.
#[derive(Debug, Clone, Default)]
pub struct Spending {
    /// Where the TSA is, if not where it was.
    pub address: Option<TsaAddress>,
    /// By which way to go there, if not by the way that was kept. It is kept.
    pub route: Option<Route>,
    /// Before the proposed time.
    pub early: bool,
}

/// Buys the certificate of the persona in `folder` with the token kept there, on a connection of its
/// own. Blocks.
///
/// # Errors
/// [`EnrolError`]; the token stays in the vault, and may be spent again.
pub fn spend(
    folder: &Path,
    passphrase: &Passphrase,
    spending: &Spending,
    reach: Reach<'_>,
) -> Result<Enrolled, EnrolError> {
    issuer::with_evidence(folder, with(Vault::open(folder, passphrase)?, spending, reach))
}

/// As [`spend`], with a vault that is open.
pub(super) fn with(
    mut vault: Vault,
    spending: &Spending,
    reach: Reach<'_>,
) -> Result<Enrolled, EnrolError> {
    let contents = vault.contents();
    let held = contents.enrolment.as_ref().and_then(|kept| kept.held.clone());
    let held = held.ok_or(EnrolError::NoToken)?;
    let jwks = contents.tsa.keys.to_string();
    let wall = reach.host.clock.wall();
    let simulated = verify_jwks_by_wall_clock(jwks.as_bytes(), Some(contents.tsa.authority), wall)
        .is_ok_and(|keys| keys.simulated);
    if !simulated {
        // Before a connection is made: even that would be seen.
        in_time(held.spend_after, wall, spending.early)?;
    }
    let way = Way::of(&vault, spending);
    let authority = way.authority(reach);
    // Seen by this way, without a card: what it shows to everybody.
    let (keys, jwks) = authority.keys()?;
    require_own_authority(&vault, &keys)?;
    let now = time_for(&authority, &keys)?;
    let early = in_time(held.spend_after, now, spending.early)?;
    let renews_until = issuer::honoured(&keys, &jwks, now, &held.issuer)?.spend_until;
    let persona = SecretKey::<Persona>::from_seed(vault.contents().persona.expose());
    let certificate = authority.spend(&persona, &keys, &held.token)?;
    let enrolled = way.enrolled(&persona, &keys, By::Token { early, renews_until });
    vault.update(|contents| {
        contents.certificate = certificate;
        contents.tsa = way.trusted(&keys, jwks);
        if let Some(kept) = contents.enrolment.as_mut() {
            kept.spent();
        }
    })?;
    Ok(enrolled)
}

/// Renews with a token that was spent before. What the TSA shows to everybody is fetched and compared
/// first. Blocks.
///
/// # Errors
/// [`EnrolError`].
pub(in crate::desk) fn spend_again(
    authority: &TsaClient,
    persona: &SecretKey<Persona>,
    held: &HeldToken,
) -> Result<Vec<u8>, EnrolError> {
    let (keys, jwks) = authority.keys()?;
    let now = time_for(authority, &keys)?;
    issuer::honoured(&keys, &jwks, now, &held.issuer)?;
    Ok(authority.spend(persona, &keys, &held.token)?)
}

/// Whether it is earlier than proposed.
///
/// # Errors
/// [`EnrolError::TooEarly`] unless that is wanted.
fn in_time(spend_after: Option<Time>, now: Time, wanted: bool) -> Result<bool, EnrolError> {
    match spend_after {
        Some(until) if now < until && wanted => Ok(true),
        Some(until) if now < until => Err(EnrolError::TooEarly { until, now }),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_spent_from_the_proposed_instant_on_or_when_it_is_wanted_so() {
        let at = |micros| Time::from_micros(micros).unwrap();
        assert!(matches!(in_time(Some(at(10)), at(9), false), Err(EnrolError::TooEarly { .. })));
        assert!(in_time(Some(at(10)), at(9), true).unwrap());
        for wanted in [false, true] {
            assert!(!in_time(Some(at(10)), at(10), wanted).unwrap());
            assert!(!in_time(None, at(0), wanted).unwrap());
        }
    }
}
