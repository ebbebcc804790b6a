//! Auctions whose price falls: what their users read, and how somebody takes the item.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::{Auction, Phase, dutch};
use pregao_protocol::room::body::{Amount, DutchTerms, Listing, StartPrice};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use crate::desk::Desk;
use crate::desk::confirm::Ground;
use crate::desk::outbox::{Drafted, by_code};
use crate::event::FallingView;
use crate::text::{amount, duration};

/// F of such auctions listed here, in seconds: the longest there is, for a bid may come by a slow way.
pub(super) const FRESHNESS: u32 = dutch::MAX_FRESHNESS;
/// After how long the price falls each time if the seller does not say: ten seconds.
const EVERY: Duration = Duration::from_secs(10);

/// The terms by which a price falls.
pub(super) fn terms(
    start: StartPrice,
    floor: Amount,
    fall: Amount,
    every: Option<Duration>,
) -> Result<DutchTerms, Report> {
    let bad = |what: &'static str, advice: &'static str| {
        Report::new(Code::ListingTerms.as_str(), what, advice)
    };
    let depth = start.minor().saturating_sub(floor.minor());
    if depth == 0 {
        let advice = "begin at more than the price it may fall to";
        return Err(bad("the price has nowhere to fall", advice));
    }
    if fall.minor() > depth {
        let advice = "type a smaller step; `step` is by how much the price falls at once";
        return Err(bad("the price would fall below its floor at once", advice));
    }
    let every = every.unwrap_or(EVERY).as_secs();
    match u32::try_from(every).ok().filter(|every| (1..=dutch::MAX_EVERY).contains(every)) {
        Some(every) => Ok(DutchTerms { floor, fall, every }),
        None => {
            let advice = "write for example: every 10s";
            Err(bad(
                "a price falls after each second at the soonest, and a day at the latest",
                advice,
            ))
        }
    }
}

/// What a seller reads of the price.
pub(super) fn prices(listing: &Listing, terms: DutchTerms, now: Option<Time>) -> Vec<String> {
    let currency = listing.currency.to_string();
    let money = |amount: Amount| amount::print_in(amount.minor(), &currency);
    let (start, every) = (listing.start, u64::from(terms.every));
    let depth = start.minor().saturating_sub(terms.floor.minor());
    let steps = depth.div_ceil(terms.fall.minor().max(1));
    let span = |seconds: u64| duration::print(Duration::from_secs(seconds));
    let since = listing.begin.max(now).unwrap_or(listing.end);
    let lowest = terms.price(start, since, listing.end);
    let mut lines = vec![format!(
        "The price begins at {} and falls by {} every {}, to {} after {}.",
        money(start.first_bid()),
        money(terms.fall),
        span(every),
        money(terms.floor),
        span(every.saturating_mul(steps))
    )];
    if lowest > terms.floor {
        lines.push(format!("It ends before that, at {}.", money(lowest)));
    }
    lines.push(
        "The earliest bid has it, by the time of the TSA, and pays the price of that moment."
            .to_owned(),
    );
    lines
}

/// How the price falls, as fronts show it.
pub(super) fn view(auction: &Auction, now: Option<Time>) -> Option<FallingView> {
    let (terms, since) = (auction.listing().dutch?, auction.falls_since()?);
    let DutchTerms { floor, fall, every } = terms;
    let is_open = auction.phase() == Phase::Open && auction.bids().is_empty();
    let price = now.filter(|_| is_open).and_then(|now| auction.price_at(now)).map(Amount::minor);
    Some(FallingView { floor, fall, every, since, price })
}

/// What to ask about a bid where the price falls: the earliest stamp leads, and not the newest bid. That it agrees to more
/// than the price costs nothing. `under_way` is a bid of the user's that no log shows yet.
pub(super) fn grounds(
    auction: &Auction,
    is_own: impl Fn(u64) -> bool,
    under_way: Option<u64>,
) -> Vec<Ground> {
    let first = auction.leading();
    match (first.map(|bid| (bid.amount.minor(), is_own(bid.seq))), under_way) {
        (Some((own, true)), _) => vec![Ground::OwnLead(own)],
        (Some((first, false)), _) => vec![Ground::Behind(first)],
        (None, Some(own)) => vec![Ground::OwnLead(own)],
        (None, None) => Vec::new(),
    }
}

impl Desk {
    /// A bid of the present price.
    pub(super) fn draft_take(&self, room: &str) -> Result<Drafted, Report> {
        let (name, auction) = self.open_auction(room)?;
        if !auction.is_dutch() {
            let advice = "bid an amount with /bid";
            return Err(Report::new("take.rising", "the price does not fall here", advice));
        }
        let now = self.now().ok_or_else(|| by_code(Code::TsaDown))?;
        let price = auction.price_at(now).ok_or_else(|| by_code(Code::RoomUnknown))?;
        self.draft_offer(name, auction, price)
    }

    /// The price of this moment where it falls, in words.
    pub(in crate::desk) fn present_price(&self, room: RoomName) -> Option<String> {
        let auction = self.auction(room)?;
        let price = auction.price_at(self.now()?)?;
        Some(amount::print_in(price.minor(), &auction.listing().currency.to_string()))
    }

    /// Why a bid of that amount is none yet, where the price falls and is still above it.
    pub(super) fn price_above(&self, auction: &Auction, offered: Amount) -> Option<Report> {
        let now = self.now()?;
        let price = auction.price_at(now).filter(|price| *price > offered)?;
        let money = |amount: Amount| {
            amount::print_in(amount.minor(), &auction.listing().currency.to_string())
        };
        let what = format!("the price is {} now", money(price));
        let advice = match auction.falls_after(now) {
            Some(next) => format!(
                "/take it at that, or wait: it falls in {}",
                duration::countdown(next.since(now))
            ),
            None => "/take it at that: it falls no further".to_owned(),
        };
        Some(Report::new(Code::BidTooLow.as_str(), what, advice))
    }
}

#[cfg(test)]
mod tests {
    use pregao_protocol::room::body::{Bid, Body};
    use pregao_protocol::trust::seal::SealKey;

    use super::*;
    use crate::desk::fixture::{House, Log, Session, User};
    use crate::event::Event;
    use crate::front::channel::Subject;

    fn money(minor: u64) -> Amount {
        minor.try_into().unwrap()
    }

    fn made(start: u64, floor: u64, fall: u64, every: Option<u64>) -> Result<DutchTerms, Report> {
        let start = StartPrice::try_from(start).unwrap();
        terms(start, money(floor), money(fall), every.map(Duration::from_secs))
    }

    #[test]
    fn a_price_falls_from_its_start_to_its_floor_and_no_further() {
        let ok = DutchTerms { floor: money(400), fall: money(600), every: 10 };
        assert_eq!(made(1_000, 400, 600, None), Ok(ok));
        assert_eq!(made(1_000, 400, 600, Some(86_400)), Ok(DutchTerms { every: 86_400, ..ok }));
        assert_eq!(made(1_000, 400, 600, Some(1)), Ok(DutchTerms { every: 1, ..ok }));
        for (start, floor, fall, every) in [
            (1_000, 400, 601, None),
            (400, 400, 1, None),
            (399, 400, 1, None),
            (1_000, 400, 600, Some(0)),
            (1_000, 400, 600, Some(86_401)),
        ] {
            let refused = made(start, floor, fall, every).unwrap_err();
            assert_eq!(refused.code, Code::ListingTerms.as_str());
        }
    }

    /// A desk that follows an auction whose price falls from 10.00 to 4.00 by 1.00 each 5 s, after so many seconds.
    async fn followed(house: &mut House, seconds: u64) -> (User, Session, Log) {
        let listing = Listing {
            start: StartPrice::try_from(1_000).unwrap(),
            increment: Amount::LEAST,
            freshness: FRESHNESS,
            dutch: Some(DutchTerms { floor: money(400), fall: money(100), every: 5 }),
            ..house.listing()
        };
        let log = house.auction(listing);
        let (mut user, mut session) = house.desk().await;
        session.list(&[&log]).await;
        session.shows(&log, &house.secrets).await;
        user.until(|event| match event {
            Event::Room(view) if view.verified_size == 1 => Some(()),
            _ => None,
        })
        .await;
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            session.ticks(house).await;
        }
        (user, session, log)
    }

    #[tokio::test(start_paused = true)]
    async fn taking_agrees_to_the_price_of_the_moment_and_a_bid_of_less_is_not_handed_in() {
        for (seconds, price) in [(2, 1_000), (12, 800), (60, 400)] {
            let mut house = House::open();
            let (mut user, mut session, log) = followed(&mut house, seconds).await;
            let name = log.name().to_string();
            let less = format!("{}.99", price / 100 - 1);
            user.send_command(&["bid", &name, &less]).await;
            let refused = user.until(|event| match event {
                Event::Refused { report, .. } => Some(report.clone()),
                _ => None,
            });
            let refused = refused.await;
            assert_eq!(refused.code, Code::BidTooLow.as_str(), "{refused:?}");
            assert!(refused.message.contains(&format!("the price is {}.00 EUR now", price / 100)));
            user.send_command(&["take", &name]).await;
            session.stamps(&house.tsa).await;
            let act = session.handed_in().await.action();
            let Body::Bid(bid) = act.body() else { panic!("no bid") };
            assert_eq!(bid.amount.minor(), price);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_second_is_asked_and_reads_what_the_first_pays() {
        let mut house = House::open();
        let (mut user, mut session, mut log) = followed(&mut house, 7).await;
        let seal = SealKey::from_random([9; 32]).public();
        let currency = "EUR".parse().unwrap();
        let first = Bid { amount: money(5_000), currency, seal, paddle: None };
        let first = house.made(72, Some(log.name()), Body::Bid(first), log.seen()).action;
        log.log(&first, &house.tsa);
        session.says(&log, 1, Some(log.head(&house.secrets))).await;
        let amount = user.until(|event| match event {
            Event::Bid { amount, .. } => Some(*amount),
            _ => None,
        });
        assert_eq!(amount.await, 900, "what it pays, and not what it agreed to");
        let question = user.asked(&["take", &log.name().to_string()]).await;
        let Subject::Confirm(shown) = question.about else { panic!("it asks for a PIN") };
        assert!(shown.act.contains("for 9.00 EUR"), "{}", shown.act);
        let behind = &shown.grounds[0];
        assert_eq!(behind, "Somebody was before you, at 9.00 EUR.");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_taken_where_prices_rise() {
        let mut house = House::open();
        let log = house.auction(house.listing());
        let (mut user, mut session) = house.desk().await;
        session.list(&[&log]).await;
        session.shows(&log, &house.secrets).await;
        user.send_command(&["take", &log.name().to_string()]).await;
        let code = user.until(|event| match event {
            Event::Refused { report, .. } => Some(report.code.to_string()),
            _ => None,
        });
        assert_eq!(code.await, "take.rising");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_bid_first_leads_and_not_whoever_is_logged_first() {
        let mut house = House::open();
        let (_user, _session, mut log) = followed(&mut house, 0).await;
        let bid = |seed| {
            let currency = "EUR".parse().unwrap();
            let seal = SealKey::from_random([seed; 32]).public();
            let body = Body::Bid(Bid { amount: money(1_000), currency, seal, paddle: None });
            house.made(seed, Some(log.name()), body, log.seen()).action
        };
        let (early, late) = (bid(72), bid(74));
        let first = house.tsa.stamp(&early.digest());
        house.tsa.skip(Duration::from_secs(1));
        let second = house.tsa.stamp(&late.digest());
        log.push(late.compact(), second);
        log.push(early.compact(), first);
        let auction = Auction::of(log.room()).unwrap();
        assert_eq!(grounds(auction, |seq| seq == 2, None), [Ground::OwnLead(1_000)]);
        assert_eq!(grounds(auction, |seq| seq == 1, None), [Ground::Behind(1_000)]);
    }
}
