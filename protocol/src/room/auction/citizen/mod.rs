//! One bidder for each citizen, where a listing asks for it (SPEC 7.14).
//!
//! The listing carries what the TSA states of one period's tokens, with the certificate of the key that states it: whoever
//! has the log and knows the CA checks both. Which personas those tokens bought their certificates say, and these only the
//! broker and the two of a reveal see.

use super::Auction;
use crate::room::Code;
use crate::room::body::Listing;
use crate::trust::certificate::verify_purpose_certificate;
use crate::trust::enrolment::issuer::Issuer;
use crate::trust::key::{Authority, Enrolment, PublicKey};
use crate::value::clock::Time;
use crate::value::codec::{Digest, from_base64url};

#[cfg(test)]
pub(crate) mod tests;
pub mod verbs;

use verbs::CitizenTerms;

impl CitizenTerms {
    /// The issuer that these terms state, if they hold at `at` by the CA `authority`; whether it says `simulated` of its time is
    /// compared (V-220). Until when an auction may last is for the caller to see to.
    #[must_use]
    pub fn issuer(
        &self,
        authority: &PublicKey<Authority>,
        simulated: bool,
        at: Time,
    ) -> Option<Issuer> {
        let der = from_base64url(&self.certificate).ok()?;
        let enrolment = verify_purpose_certificate::<Enrolment>(&der, authority, at).ok()?;
        let issuer =
            Issuer::verify(&self.statement, &enrolment.key, authority.fingerprint()).ok()?;
        // Test cards anybody can have: their holders are no citizens, but in a play.
        let real = !issuer.test || simulated;
        (enrolment.simulated == simulated && real && issuer.from <= at).then_some(issuer)
    }
}

/// V-220: whose tokens buy the personas of an auction listed at `listed`; none where it does not ask for citizens.
pub(super) fn issuer_of(listing: &Listing, listed: Time) -> Result<Option<Issuer>, Code> {
    let Some(terms) = &listing.citizens else { return Ok(None) };
    let [authority] = listing.authorities.as_slice() else { return Err(Code::ListingCitizens) };
    let issuer = terms.issuer(authority, listing.simulated, listed);
    // A bid may come right before the end, and who makes it needs a certificate then.
    let issuer = issuer.filter(|issuer| listing.last_end() <= issuer.spend_until);
    issuer.map(Some).ok_or(Code::ListingCitizens)
}

impl Auction {
    /// Whose tokens buy the personas that list and bid here; none where any persona does.
    #[must_use]
    pub fn issuer(&self) -> Option<&Issuer> {
        self.issuer.as_deref()
    }

    /// Whether a persona may list and bid here whose certificate names that issuer, or none (V-222).
    #[must_use]
    pub fn takes(&self, issuer: Option<Digest>) -> bool {
        self.issuer().is_none_or(|asked| issuer == Some(asked.key.id()))
    }
}
