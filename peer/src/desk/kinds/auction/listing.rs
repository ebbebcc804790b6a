//! What a seller does with a listing: offers an item, offers it again, takes it back.

mod typed;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::rule::{Bidding, Rule};
use pregao_protocol::room::auction::sealed::{lock_tsas, opens_at};
use pregao_protocol::room::auction::{self};
use pregao_protocol::room::body::{Amount, Body, Listing, SoftClose, Unlist, Verb};
use pregao_protocol::trust::persona::{Blind, BlindContext, Ratio};
use pregao_protocol::trust::timelock;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use self::typed::Typed;
use super::fresh_seal;
use crate::command::{LocksAsked, NewListing};
use crate::desk::Desk;
use crate::desk::kinds::OwnKey;
use crate::desk::outbox::{Drafted, by_code, offline};
use crate::rule;
use crate::text::moment::TimeZone;
use crate::text::sanitize::{apart, sanitize, with_causes};
use crate::text::{amount, duration, moment};

/// F of auctions listed here, in seconds.
const FRESHNESS: u32 = 10;
/// Bids of each bidder where they are sealed: nobody sees what is in them, and each has to be opened.
const SEALED_BIDS: u32 = 8;
/// Seconds within which both sides must disclose in auctions listed here: three days.
const DISCLOSE_WITHIN: u32 = 259_200;

impl Desk {
    pub(super) fn draft_listing(&self, typed: &NewListing) -> Result<Drafted, Report> {
        let session = self.connection.session().ok_or_else(offline)?;
        let now = self.now().ok_or_else(|| by_code(Code::TsaDown))?;
        let read = Typed { listing: typed, now, zone: &self.options.zone };
        let currency = read.currency()?;
        if let Some(odd) = typed.meaningless() {
            return Err(Report::new(Code::ListingTerms.as_str(), odd.message(), odd.advice()));
        }
        super::sealed::may_be_listed(typed, session.certificate.quorum)?;
        let sealed = typed.sealed.map(|price| self.sealed_terms(price, typed.tsas)).transpose()?;
        let needed = sealed.as_ref().map(|terms| terms.needed);
        let (prices, times) = (read.prices()?, read.times()?);
        let (title, description) = read.words()?;
        let (seal, seal_public) = fresh_seal(&self.options.host)?;
        let mut listing = Listing {
            title,
            description,
            currency,
            start: prices.start,
            increment: prices.increment,
            steps: prices.steps,
            max_raise: prices.max_raise,
            buy_now: prices.buy_now,
            begin: times.begin,
            end: times.end,
            soft: times.soft,
            sealed,
            dutch: prices.dutch,
            rule: rule_source(typed.rule.as_deref(), typed.rule_file.as_deref())?,
            reserve: prices.reserve.map(|_| needed.unwrap_or(super::reserve::NEEDED)),
            bids_each: typed.bids.or(needed.map(|_| SEALED_BIDS)),
            citizens: None,
            freshness: if prices.dutch.is_some() { super::dutch::FRESHNESS } else { FRESHNESS },
            grace: times.grace,
            disclose_within: DISCLOSE_WITHIN,
            seal: seal_public,
            broker: session.certificate.keys,
            stamps: vec![self.tsa.stamp],
            threshold: 1,
            authorities: vec![self.tsa.authority],
            witnesses: session.certificate.witnesses.clone(),
            quorum: session.certificate.quorum,
            simulated: self.tsa.simulated,
        };
        if typed.one_per_citizen {
            listing.citizens = Some(self.citizen_terms(now, listing.last_end())?);
        }
        Rule::of(&listing, now).map_err(|error| {
            let what = format!("the rule cannot be listed: {}", sanitize(&error.to_string()));
            Report::new(Code::ListingRule.as_str(), what, Code::ListingRule.advice())
        })?;
        let drafted = Drafted::opening(Body::List(listing), Some(seal));
        Ok(Drafted { hidden: prices.reserve, ..drafted })
    }

    /// Whether a listing that was drafted before names what the session has now.
    pub(super) fn may_still_list(&self, listing: &Listing) -> Result<bool, Report> {
        let session = self.connection.session().ok_or_else(offline)?;
        if self.now().is_some_and(|now| listing.end <= now) {
            return Err(by_code(Code::ListingEnd));
        }
        let own = &session.certificate;
        let offered = lock_tsas(listing).iter().all(|tsa| own.locks_by(tsa));
        let keys = (listing.broker, listing.stamps.as_slice()) == (own.keys, &[self.tsa.stamp]);
        Ok(keys && offered && (&listing.witnesses, listing.quorum) == (&own.witnesses, own.quorum))
    }

    /// An item of the user's offered again on the same terms, for as long unless told otherwise.
    pub(super) fn draft_again(
        &self,
        room: &str,
        start: Option<String>,
        duration: Option<String>,
        until: Option<String>,
    ) -> Result<Drafted, Report> {
        let name = self.find(room)?;
        if !self.has_kept(name, Verb::List) {
            let advice = "offer an item of your own with /list".to_owned();
            return Err(Report::new("relist.not-own", "this is not your own item", advice));
        }
        let auction = self.auction(name).ok_or_else(|| by_code(Code::RoomUnknown))?;
        if !matches!(auction.phase(), auction::Phase::Ended(_)) {
            let what = "this auction is not over yet";
            let advice =
                "offer the item again once it is; before the first bid, /unlist takes it back";
            return Err(Report::new("relist.open", what, advice));
        }
        let listing = auction.listing();
        let currency = listing.currency.to_string();
        let money = |amount: Amount| plain(amount.minor(), &currency);
        let ran = listing.end.since(auction.begin().max(auction.listed()));
        let same = duration.is_none() && until.is_none();
        let steps: Vec<String> = listing
            .steps
            .iter()
            .map(|step| format!("{}:{}", money(step.from), money(step.increment)))
            .collect();
        let drafted = self.draft_listing(&NewListing {
            title: listing.title.as_str().to_owned(),
            start: start.unwrap_or_else(|| plain(listing.start.minor(), &currency)),
            increment: match listing.dutch {
                Some(terms) => Some(money(terms.fall)),
                None => listing.sealed.is_none().then(|| money(listing.increment)),
            },
            steps: (!steps.is_empty()).then(|| steps.join(",")),
            raise: listing.max_raise.map(money),
            buy: listing.buy_now.map(money),
            begins: None,
            duration: if same { Some(format!("{}s", ran.as_secs().max(1))) } else { duration },
            until,
            extend: listing.soft.map(|soft| format!("{}s", soft.extend)),
            fixed_end: listing.soft.is_none(),
            grace: Some(format!("{}s", listing.grace)),
            sealed: listing.sealed.as_ref().map(|terms| terms.price),
            tsas: listing.sealed.as_ref().filter(|terms| !terms.locks.is_empty()).map(|terms| {
                let of = u32::try_from(terms.locks.len()).unwrap_or(u32::MAX);
                LocksAsked { needed: terms.needed, of }
            }),
            rule: listing.rule.clone(),
            rule_file: None,
            bids: listing.bids_each,
            reserve: match listing.reserve {
                Some(_) => self.own_reserve(name).map(money),
                None => None,
            },
            one_per_citizen: listing.citizens.is_some(),
            dutch: listing.dutch.map(|terms| money(terms.floor)),
            every: listing.dutch.map(|terms| format!("{}s", terms.every)),
            description: listing.description.clone().map(String::from),
            currency,
        })?;
        let Body::List(mut again) = drafted.body else { return Ok(drafted) };
        again.freshness = listing.freshness;
        again.disclose_within = listing.disclose_within;
        again.soft = listing.soft.map(|soft| SoftClose {
            hard_end: again.end.plus(soft.hard_end.since(listing.end)),
            ..soft
        });
        if again.citizens.is_some() {
            // By the last end that it has after all.
            let now = self.now().ok_or_else(|| by_code(Code::TsaDown))?;
            again.citizens = Some(self.citizen_terms(now, again.last_end())?);
        }
        Ok(Drafted { body: Body::List(again), ..drafted })
    }

    /// An item taken back before anybody has bid on it.
    pub(super) fn draft_unlist(
        &self,
        room: &str,
        successor: Option<&str>,
    ) -> Result<Drafted, Report> {
        let (name, auction) = self.open_auction(room)?;
        if self.blind_of_listing(name).is_none() {
            return Err(by_code(Code::UnlistSeller));
        }
        if matches!(auction.phase(), auction::Phase::Open) && auction.taken_back().is_some() {
            let what = "you have taken it back already, and that counts once";
            let advice = "if the broker did not close it in time, it runs to its end";
            return Err(Report::new("unlist.twice", what, advice));
        }
        if !matches!(auction.phase(), auction::Phase::Open) {
            let advice = "what is over cannot be taken back; /relist offers it again";
            return Err(Report::new("unlist.over", "this auction is over", advice));
        }
        if auction.bid_count() > 0 {
            return Err(by_code(Code::UnlistBids));
        }
        let successor = successor.map(|again| self.find(again)).transpose()?;
        if successor == Some(name) {
            let advice = "name the auction in which it is offered now, or none";
            return Err(Report::new("unlist.successor", "that is the same auction", advice));
        }
        // What ties it to the listing follows from its own key, which is drawn next.
        let ratio = Ratio([0; 32]);
        Ok(Drafted::within(name, Body::Unlist(Unlist { ratio, successor }), None))
    }

    /// What shows that an own action is by whoever listed.
    pub(super) fn ratio_to_listing(&self, room: RoomName, own: &OwnKey<'_>) -> Option<Ratio> {
        let (blind, context) = self.blind_of_listing(room)?;
        Some(Ratio::between((&blind, &context), (own.blind, own.context)))
    }

    /// The blind of the user's own listing that opened a room.
    pub(super) fn blind_of_listing(&self, room: RoomName) -> Option<(Blind, BlindContext)> {
        let name = room.to_string();
        let mut kept = self.vault.contents().actions.iter();
        let kept = kept.find(|kept| kept.room == name && kept.verb == Verb::List)?;
        let context = BlindContext {
            broker: self.options.broker.fingerprint,
            action: kept.id.parse().ok()?,
            persona: self.persona.public(),
        };
        Some((Blind::from_random(*kept.blind.expose()), context))
    }
}

/// An amount as it is typed, without its currency.
fn plain(minor: u64, currency: &str) -> String {
    amount::print(minor, amount::digits(currency).unwrap_or(0))
}

/// The source of a rule, as given or in a file.
fn rule_source(rule: Option<&str>, file: Option<&str>) -> Result<Option<String>, Report> {
    match (rule, file) {
        (rule, None) => Ok(rule.map(str::to_owned)),
        (None, Some(file)) => rule::source(Path::new(file)).map(Some).map_err(|error| {
            Report::new("command.parse", with_causes(&error), "name a file with the rule in it")
        }),
        (Some(_), Some(_)) => {
            let what = "a rule is given by itself or in a file";
            Err(Report::new("command.parse", what, "leave out `rule` or `rule_file`"))
        }
    }
}

/// The terms of a listing as its seller reads them before signing, each with what comes of it.
pub(super) fn terms(listing: &Listing, now: Option<Time>, zone: &TimeZone) -> Vec<String> {
    let described = listing.description.as_ref();
    let described =
        described.map(|text| format!("Everybody reads: {}", apart(&sanitize(text.as_str()))));
    let mut terms = match listing.dutch {
        Some(dutch) => super::dutch::prices(listing, dutch, now),
        None => prices(listing),
    };
    terms.extend(times(listing, now, zone));
    terms.extend(described);
    terms.extend(listing.bids_each.map(|bids| match bids {
        1 => "Nobody can bid twice; the broker sees to it.".to_owned(),
        bids => format!("Nobody can bid more than {bids} times; the broker sees to it."),
    }));
    terms.extend(super::reserve::terms(listing, zone));
    terms.extend(super::citizen::terms(listing, now, zone));
    terms.extend(rule_terms(listing));
    terms.extend(ends(listing));
    terms.push(
        "None of this can be changed. You can take it back with /unlist until somebody bids."
            .to_owned(),
    );
    terms
}

fn prices(listing: &Listing) -> Vec<String> {
    let currency = listing.currency.to_string();
    let money = |amount: Amount| amount::print_in(amount.minor(), &currency);
    if let Some(sealed) = &listing.sealed {
        let of = lock_tsas(listing).len();
        return super::sealed::prices(
            sealed,
            of,
            &money(listing.start.first_bid()),
            listing.reserve.is_some(),
        );
    }
    let mut terms = vec![format!(
        "The first bid is {} or more, and each at least {} above the one before.",
        money(listing.start.first_bid()),
        money(listing.increment)
    )];
    terms.extend(listing.steps.iter().map(|step| {
        format!("From {} on each bid is at least {} more.", money(step.from), money(step.increment))
    }));
    terms.extend(listing.max_raise.map(|most| {
        format!(
            "No bid is more than {} above the one before, or the start, but one that buys.",
            money(most)
        )
    }));
    terms.extend(listing.buy_now.map(|price| {
        format!(
            "Whoever bids {} has it at once, until somebody bids half of that. If they stay away then, nobody has it.",
            money(price)
        )
    }));
    terms
}

/// What is asked of bids besides, in words and as it was written.
pub(super) fn rule_terms(listing: &Listing) -> Vec<String> {
    let Some(source) = &listing.rule else { return Vec::new() };
    let currency = listing.currency.to_string();
    let mut terms = vec![format!(
        "A rule decides about each bid besides. It counts in minor units: {} is {}.",
        amount::print_in(12_345, &currency),
        12_345
    )];
    terms.extend(rule::shown(source, Bidding::of(listing)));
    terms
}

fn times(listing: &Listing, now: Option<Time>, zone: &TimeZone) -> Vec<String> {
    let seconds = |seconds: u32| duration::print(Duration::from_secs(seconds.into()));
    let at = |time: Time| match now {
        Some(now) if time > now => {
            format!("{}, in {}", moment::print(time, zone), duration::print(time.since(now)))
        }
        Some(_) | None => moment::print(time, zone),
    };
    let mut terms = Vec::new();
    terms.extend(listing.begin.map(|begin| format!("Bids count from {} on.", at(begin))));
    terms.push(match listing.soft {
        None if listing.sealed.is_some() => format!(
            "It ends at {}. The bids are opened after {}, all at once. If broker, TSA or witnesses are away from the end until then, nobody wins.",
            at(listing.end),
            timelock::instant(opens_at(listing)).map_or_else(String::new, |opens| moment::print(opens, zone))
        ),
        None if listing.dutch.is_some() => format!(
            "It ends at {} if nobody bids, and {} after the stamp of the first bid: others may have been earlier.",
            at(listing.end),
            seconds(listing.freshness)
        ),
        None => format!("It ends at {}. A bid in the last second still wins.", at(listing.end)),
        Some(soft) => format!(
            "It ends at {}. Each bid in the last {} keeps it open for {} more, until {} at the latest.",
            at(listing.end),
            seconds(soft.extend),
            seconds(soft.extend),
            moment::print(soft.hard_end, zone)
        ),
    });
    terms.extend(
        listing
            .simulated
            .then(|| "Its time is simulated: it says nothing about the day.".to_owned()),
    );
    terms
}

/// What comes of it once it is over.
fn ends(listing: &Listing) -> Vec<String> {
    let seconds = |seconds: u32| duration::print(Duration::from_secs(seconds.into()));
    let operators: BTreeSet<&str> =
        listing.witnesses.iter().map(|witness| witness.operator.as_str()).collect();
    let operators: Vec<&str> = operators.into_iter().collect();
    let witnesses = match operators.as_slice() {
        [] => "No witness signs its log: nothing of it is ever final.".to_owned(),
        named => format!(
            "It is final once witnesses of {} of these have signed: {}.",
            listing.quorum,
            sanitize(&named.join(", "))
        ),
    };
    vec![
        format!(
            "A bid may arrive {} after its stamp. If the broker closes more than {} late, you and the winner may withdraw.",
            seconds(listing.freshness),
            seconds(listing.grace)
        ),
        format!(
            "You and the winner have {} to show each other who you are. A winner who does not forfeits, and the next \
             bidder is asked; if you do not, it is not sold.",
            seconds(listing.disclose_within)
        ),
        witnesses,
    ]
}

#[cfg(test)]
mod tests;
