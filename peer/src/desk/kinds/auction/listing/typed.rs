//! What a seller typed, read as the prices and times of a listing.

use std::time::Duration;

use pregao_protocol::room::Code;
use pregao_protocol::room::body::{
    Amount, Currency, DutchTerms, SoftClose, StartPrice, Step, Text, TextError,
};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use super::FRESHNESS;
use crate::command::NewListing;
use crate::desk::kinds::auction::{dutch, reserve};
use crate::text::moment::TimeZone;
use crate::text::visible::shows_something;
use crate::text::{amount, duration, moment};

/// G of auctions listed here, in seconds.
const GRACE: u32 = 5;
/// And where bids are sealed: whatever is away for twice as long after the end makes the auction void.
const SEALED_GRACE: u32 = 60;
/// Extensions that a soft close allows before the hard end.
const EXTENSIONS: u64 = 20;

/// A listing as it was typed at an instant.
pub(super) struct Typed<'a> {
    pub(super) listing: &'a NewListing,
    pub(super) now: Time,
    pub(super) zone: &'a TimeZone,
}

/// What it takes to bid.
pub(super) struct Prices {
    pub(super) start: StartPrice,
    pub(super) increment: Amount,
    pub(super) steps: Vec<Step>,
    pub(super) max_raise: Option<Amount>,
    pub(super) buy_now: Option<Amount>,
    pub(super) dutch: Option<DutchTerms>,
    /// Sealed after the listing.
    pub(super) reserve: Option<Amount>,
}

/// When it begins and ends.
pub(super) struct Times {
    pub(super) begin: Option<Time>,
    pub(super) end: Time,
    pub(super) soft: Option<SoftClose>,
    pub(super) grace: u32,
}

fn bad(what: String, advice: &str) -> Report {
    Report::new("command.parse", what, advice.to_owned())
}

impl Typed<'_> {
    pub(super) fn currency(&self) -> Result<Currency, Report> {
        let currency = &self.listing.currency;
        amount::currency(currency).map_err(|error| bad(error.to_string(), &error.advice()))?;
        currency
            .parse::<Currency>()
            .map_err(|error| bad(error.to_string(), "write the currency as in EUR"))
    }

    /// Title and description.
    pub(super) fn words(&self) -> Result<(Text<80>, Option<Text<1000>>), Report> {
        let NewListing { title, description, .. } = self.listing;
        if !shows_something(title) {
            let what = "the title shows nothing: it has no character that can be seen";
            return Err(bad(what.to_owned(), "give it a title that people can read"));
        }
        let long =
            |error: TextError| bad(error.to_string(), "shorten the title or the description");
        let title = Text::try_from(title.clone()).map_err(long)?;
        Ok((title, description.clone().map(Text::try_from).transpose().map_err(long)?))
    }

    pub(super) fn prices(&self) -> Result<Prices, Report> {
        let NewListing { increment, steps, raise, buy, reserve, dutch, every, .. } = self.listing;
        let some = |text: &Option<String>| text.as_deref().map(|text| self.money(text)).transpose();
        let start = self.start()?;
        let (reserve, floor) = (some(reserve)?, some(dutch)?);
        let given = self.money(increment.as_deref().unwrap_or("1"))?;
        let every = every.as_deref().map(time).transpose()?;
        let dutch = floor.map(|floor| dutch::terms(start, floor, given, every)).transpose()?;
        let (max_raise, buy_now) = (some(raise)?, some(buy)?);
        reserve::means_something(reserve, start, buy_now)?;
        let steps = match steps {
            Some(steps) => amount::steps(steps, &self.listing.currency)
                .map_err(|error| bad(error.to_string(), &error.advice()))?,
            None => Vec::new(),
        };
        let increment = if self.is_raised() { given } else { Amount::LEAST };
        Ok(Prices { start, increment, steps, max_raise, buy_now, dutch, reserve })
    }

    pub(super) fn times(&self) -> Result<Times, Report> {
        let NewListing { begins, duration, until, extend, fixed_end, grace, .. } = self.listing;
        let end = match (duration, until) {
            (Some(duration), None) => self.now.plus(time(duration)?),
            (None, Some(until)) => self.moment(until)?,
            (Some(_), Some(_)) | (None, None) => {
                let what = "an auction runs either for a time or until one";
                return Err(bad(what.to_owned(), "give one of `for` and `until`"));
            }
        };
        let begin = match begins.as_deref().map(|text| (text, duration::parse(text))) {
            Some((_, Ok(after))) => Some(self.now.plus(after)),
            Some((text, Err(_))) => Some(self.moment(text)?),
            None => None,
        };
        let soft = match extend {
            Some(extend) => Some(soft_close(time(extend)?, end)?),
            None if *fixed_end || !self.is_raised() => None,
            None => Some(usual_soft_close(end)),
        };
        let grace = match grace {
            Some(grace) => grace_of(time(grace)?)?,
            None if self.listing.sealed.is_some() => SEALED_GRACE,
            None => GRACE,
        };
        Ok(Times { begin, end, soft, grace })
    }

    /// Bids that nobody sees are raised by nobody, nor are those that come when the price has fallen.
    const fn is_raised(&self) -> bool {
        self.listing.sealed.is_none() && self.listing.dutch.is_none()
    }

    fn minor(&self, text: &str) -> Result<u64, Report> {
        amount::parse(text, &self.listing.currency)
            .map_err(|error| bad(error.to_string(), &error.advice()))
    }

    fn money(&self, text: &str) -> Result<Amount, Report> {
        Amount::try_from(self.minor(text)?)
            .map_err(|error| bad(error.to_string(), "give another amount"))
    }

    fn start(&self) -> Result<StartPrice, Report> {
        let advice = "give another price to start from";
        StartPrice::try_from(self.minor(&self.listing.start)?)
            .map_err(|error| bad(error.to_string(), advice))
    }

    fn moment(&self, text: &str) -> Result<Time, Report> {
        moment::parse(text, self.now, self.zone).map_err(|error| bad(error.message, &error.advice))
    }
}

fn time(text: &str) -> Result<Duration, Report> {
    duration::parse(text).map_err(|error| bad(error.message, &error.advice))
}

/// What an auction has unless its seller wants another. Within the grace after a fixed end the broker alone
/// knows all bids, and could let somebody answer the last one; after an extension everybody can.
fn usual_soft_close(end: Time) -> SoftClose {
    SoftClose { extend: 60, hard_end: end.plus(Duration::from_secs(3_600)) }
}

fn grace_of(typed: Duration) -> Result<u32, Report> {
    let seconds = u32::try_from(typed.as_secs()).ok();
    seconds.filter(|seconds| (1..=60).contains(seconds)).ok_or_else(|| {
        Report::new(
            Code::ListingTerms.as_str(),
            "the broker has 1 to 60 seconds to close an auction".to_owned(),
            "write for example: grace 30s".to_owned(),
        )
    })
}

fn soft_close(extend: Duration, end: Time) -> Result<SoftClose, Report> {
    let seconds = extend.as_secs();
    let least = u64::from(FRESHNESS) * 3;
    match u32::try_from(seconds) {
        Ok(short) if (least..=86_400).contains(&seconds) => {
            let hard_end = end.plus(Duration::from_secs(seconds * EXTENSIONS));
            Ok(SoftClose { extend: short, hard_end })
        }
        Ok(_) | Err(_) => Err(Report::new(
            Code::ListingTerms.as_str(),
            format!("a soft close extends by {least} seconds to a day"),
            format!("write for example: extend {least}s"),
        )),
    }
}
