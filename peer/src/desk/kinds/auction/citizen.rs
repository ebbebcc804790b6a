//! One bidder for each citizen (SPEC 7.14): what a seller lists of it, and what is missing to whoever is no such bidder.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::{Auction, Phase};
use pregao_protocol::room::body::{Body, CitizenTerms, Listing, Verb};
use pregao_protocol::trust::enrolment::issuer::Issuer;
use pregao_protocol::trust::jwks::Jwks;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;

use crate::desk::Desk;
use crate::desk::enrol::short_name;
use crate::net::tsa::verify_whenever;
use crate::text::moment::{self, TimeZone};

/// How whoever has no such persona comes by one.
const ENROL: &str = "leave, enrol with your citizen card (pregao enrol --card), spend the token when it is time (pregao enrol --spend), and come back";

impl Desk {
    /// The issuer whose token bought the user's certificate, if one did.
    pub(in crate::desk) fn own_issuer(&self) -> Option<Digest> {
        let contents = self.vault.contents();
        let wall = self.options.host.clock.wall();
        verify_whenever(&contents.certificate, &self.tsa.authority, wall).ok()?.issuer
    }

    /// What a listing carries so that one persona of each citizen lists and bids: of the period of `now`, if the user's own
    /// is of it and it lasts until `last_end`.
    pub(super) fn citizen_terms(&self, now: Time, last_end: Time) -> Result<CitizenTerms, Report> {
        let refused = |what: String, advice: String| {
            Err(Report::new(Code::ListingCitizens.as_str(), what, advice))
        };
        let own = self.own_issuer();
        if self.tsa.enrolment.is_none() {
            let what = "your TSA enrols nobody by citizen card, so nobody could bid".to_owned();
            return refused(what, "list it anew with /list, without `one-per-citizen`".to_owned());
        }
        let present = self.tsa.issuer_at(now).map(|issuer| issuer.key.id());
        if let Some(present) = present.filter(|id| own != Some(*id) && self.holds_token_of(*id)) {
            return Err(self.certified_anew(
                present,
                "your certificate is of another period than the present one",
            ));
        }
        let Some(issuer) = self.tsa.issuer_at(now).filter(|issuer| own == Some(issuer.key.id()))
        else {
            let what = match own {
                None => "your persona was not enrolled with a citizen card".to_owned(),
                Some(own) => format!(
                    "your persona was enrolled in another period than the present one, by the issuer {}",
                    short_name(own)
                ),
            };
            return refused(
                what,
                format!("{ENROL}; or list it with /list, without `one-per-citizen`"),
            );
        };
        if issuer.spend_until < last_end {
            let what = format!(
                "personas of this period are renewed until {}, and the auction can last until {}",
                moment::print(issuer.spend_until, &self.options.zone),
                moment::print(last_end, &self.options.zone)
            );
            return refused(
                what,
                "end it earlier, or list it with /list, without `one-per-citizen`".to_owned(),
            );
        }
        let keys = self.vault.contents().tsa.keys.clone();
        let keys: Option<Jwks> = serde_json::from_value(keys).ok();
        let stated = keys.and_then(|keys| keys.stated(issuer.key.id()));
        let terms = stated.map(|(statement, certificate)| CitizenTerms { statement, certificate });
        let holds = |terms: &CitizenTerms| {
            terms.issuer(&self.tsa.authority, self.tsa.simulated, now).as_ref() == Some(issuer)
        };
        match terms.filter(holds) {
            Some(terms) => Ok(terms),
            None if issuer.test && !self.tsa.simulated => refused(
                "test cards get the tokens of your TSA, and anybody can have those".to_owned(),
                "list it with /list, without `one-per-citizen`".to_owned(),
            ),
            None => refused(
                "what is known here of your TSA's issuers does not hold".to_owned(),
                "learn its keys again: pregao enrol --spend".to_owned(),
            ),
        }
    }

    /// Whether the user's persona may bid, as far as its certificate tells.
    pub(super) fn may_bid_as_citizen(&self, auction: &Auction) -> Result<(), Report> {
        let Some(asked) = auction.issuer() else { return Ok(()) };
        let own = self.own_issuer();
        if auction.takes(own) {
            return Ok(());
        }
        if self.holds_token_of(asked.key.id()) {
            return Err(self.certified_anew(
                asked.key.id(),
                "your persona is one of them, but its certificate is of another period",
            ));
        }
        let (what, advice) = missing(asked, own, self.now(), &self.options.zone);
        Err(Report::new(Code::DoorCitizen.as_str(), what, advice))
    }

    /// Whether the user's persona is one that an action's auction asks for, and so refused with a lie as none. What an earlier
    /// session handed in may have been refused in that one, before the certificate was renewed.
    pub(in crate::desk) fn is_such_a_citizen(&self, action: &Action) -> bool {
        let is_shown = self.outbox.is_of_this_session(&action.digest());
        let (own, now) = (self.own_issuer(), self.judged_at());
        let asked = match action.body() {
            Body::List(listing) => match (&listing.citizens, now) {
                (Some(terms), Some(now)) => {
                    terms.issuer(&self.tsa.authority, self.tsa.simulated, now)
                }
                _ => None,
            },
            _ => self.auction(action.room()).and_then(|auction| auction.issuer().cloned()),
        };
        is_shown && asked.is_some_and(|asked| own == Some(asked.key.id()))
    }

    /// Whether what the user discloses would be believed: by a certificate of another period it would not (V-223).
    pub(in crate::desk) fn may_disclose_as_citizen(&self, auction: RoomName) -> Result<(), Report> {
        let Some(auction) = self.auction(auction) else { return Ok(()) };
        let asked = auction.issuer().filter(|_| !auction.takes(self.own_issuer()));
        let Some(asked) = asked.map(|issuer| issuer.key.id()) else { return Ok(()) };
        let what = "your certificate is of another period than this auction asks for: with it you would have shown nothing";
        if self.holds_token_of(asked) {
            return Err(self.certified_anew(asked, what));
        }
        let advice =
            "restore a backup of the vault that has the token of that period: pregao restore";
        Err(Report::new(Code::DoorCitizen.as_str(), what, advice))
    }

    /// Whether the vault has a token by which the persona is certified as one of that period.
    pub(in crate::desk) fn holds_token_of(&self, issuer: Digest) -> bool {
        let enrolment = self.vault.contents().enrolment.as_ref();
        enrolment.is_some_and(|kept| kept.of_issuer(issuer, self.judged_at()).is_some())
    }

    /// The certificate of another period is asked for, as soon as no auction under way needs the present one.
    fn certified_anew(&self, issuer: Digest, what: &'static str) -> Report {
        let needed = self.issuer_under_way().filter(|other| *other != issuer);
        if let Ok(mut wanted) = self.renewal.wanted.lock() {
            *wanted = Some(issuer);
        }
        let advice = if needed.is_some() {
            "this program has it again once the auction is over that asks for the period of your present certificate"
        } else {
            "it is being fetched now: wait a moment and do it again; from the command line, let pregao chat or pregao agent run meanwhile"
        };
        Report::new(Code::DoorCitizen.as_str(), what, advice)
    }

    /// The issuer of an auction that asks for its personas, that is not over and in which the user acts; the certificate is
    /// to be of that one until it is.
    pub(in crate::desk) fn issuer_under_way(&self) -> Option<Digest> {
        let acts = |name| {
            [Verb::List, Verb::Bid, Verb::SealedBid]
                .into_iter()
                .any(|verb| self.has_kept(name, verb))
        };
        let over = |auction: &Auction| matches!(auction.phase(), Phase::Ended(_));
        let auctions = self.rooms.iter().filter_map(|(name, replica)| {
            let auction = replica.room().and_then(Auction::of)?;
            let issuer = auction.issuer()?.key.id();
            (acts(*name) && !over(auction)).then_some((auction, issuer))
        });
        // Of several periods first the one in which a disclosure is due, or is soonest.
        let first = auctions.min_by_key(|(auction, _)| {
            (!matches!(auction.phase(), Phase::Settled { .. }), auction.end())
        });
        first.map(|(_, issuer)| issuer)
    }
}

/// What is missing to a persona bought with a token of `own`, or with none, and what to do about it.
fn missing(
    asked: &Issuer,
    own: Option<Digest>,
    now: Option<Time>,
    zone: &TimeZone,
) -> (String, String) {
    let (from, until) = (moment::print(asked.from, zone), moment::print(asked.until, zone));
    let what = match own {
        None => {
            "one persona of each citizen bids here, and yours was not enrolled with a citizen card"
                .to_owned()
        }
        Some(_) => format!(
            "one persona of each citizen bids here, of those enrolled from {from} to {until}, and yours is of another period"
        ),
    };
    let advice = if now.is_some_and(|now| asked.signs_at(now)) {
        format!("{ENROL}; a card gets one token of each period")
    } else {
        format!(
            "personas were enrolled for it until {until}; bid with the one you made then, if you have it"
        )
    };
    (what, advice)
}

/// What a seller and a bidder read of it.
pub(super) fn terms(listing: &Listing, now: Option<Time>, zone: &TimeZone) -> Vec<String> {
    let (Some(terms), [authority]) = (&listing.citizens, listing.authorities.as_slice()) else {
        return Vec::new();
    };
    let at = now.unwrap_or(listing.end);
    let Some(issuer) = terms.issuer(authority, listing.simulated, at) else {
        return vec!["Its statement about citizens does not hold: it will be refused.".to_owned()];
    };
    let mut terms = vec![format!(
        "One persona of each citizen bids: of those that a card enrolled from {} to {}, and you list as yours. \
         The broker sees to it; you and the winner see it of each other.",
        moment::print(issuer.from, zone),
        moment::print(issuer.until, zone)
    )];
    terms.push(
        "If the winner shows a persona of another period, that is as good as showing none."
            .to_owned(),
    );
    terms
        .extend(issuer.test.then(|| "Test cards count as citizens here: it is a play.".to_owned()));
    terms
}

#[cfg(test)]
mod desk_tests;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pregao_protocol::trust::enrolment::issuer::IssuerKey;

    use super::*;

    fn at(days: u64) -> Time {
        Time::default().plus(Duration::from_secs(days * 86_400))
    }

    /// Of a period from the tenth day to the twentieth; of its key nobody has the secret.
    pub(super) fn issuer() -> Issuer {
        const HEAD: [u8; 33] = [
            0x30, 0x82, 0x01, 0xa2, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
            0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x8f, 0x00, 0x30, 0x82, 0x01, 0x8a,
            0x02, 0x82, 0x01, 0x81, 0x00,
        ];
        let spki = [HEAD.as_slice(), &[0x81; 384], &[0x02, 0x03, 0x01, 0x00, 0x01]].concat();
        let key = IssuerKey::from_spki(&spki).unwrap();
        Issuer { key, from: at(10), until: at(20), spend_until: at(30), test: false }
    }

    #[test]
    fn whoever_is_no_such_bidder_reads_what_is_missing_and_what_to_do() {
        let asked = issuer();
        let zone = TimeZone::UTC;
        let (what, advice) = missing(&asked, None, Some(at(11)), &zone);
        assert!(what.contains("not enrolled with a citizen card"), "{what}");
        assert!(advice.contains("pregao enrol --card"), "{advice}");
        let (what, advice) = missing(&asked, Some(Digest([1; 32])), Some(at(11)), &zone);
        assert!(what.contains("another period") && advice.contains("--card"), "{what} {advice}");
        // Once the period is over no card gets a token of it.
        let (_, advice) = missing(&asked, Some(Digest([1; 32])), Some(at(20)), &zone);
        assert!(!advice.contains("--card") && advice.contains("if you have it"), "{advice}");
    }
}
