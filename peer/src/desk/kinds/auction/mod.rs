//! Auctions as the user meets them: listing, bidding, speaking, and what becomes of each.

mod auto;
mod bids;
mod citizen;
mod dutch;
mod listing;
pub(in crate::desk) mod lockers;
mod paddle;
pub(in crate::desk) mod reserve;
mod sealed;
mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::action::{Action, short_name};
use pregao_protocol::room::auction::rule::Rule;
use pregao_protocol::room::auction::{self, Auction, Outcome};
use pregao_protocol::room::body::{Amount, Bid, Body, Say, Side, Text, Verb};
use pregao_protocol::room::kind::Fold as _;
use pregao_protocol::room::{Code, Stamped};
use pregao_protocol::trust::seal::{SealKey, SealPublic};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::label::MAX_AMOUNT;
use pregao_protocol::value::report::Report;
use uuid::Uuid;

use super::{LoggedEntry, OwnKey, View, wrong_kind};
use crate::command::Command;
use crate::desk::Desk;
use crate::desk::confirm::{Consent, Ground, of_bid, of_listing};
use crate::desk::outbox::{Drafted, by_code, no_randomness, offline};
use crate::desk::replica::Replica;
use crate::event::{Event, Phase, RoomView};
use crate::rule;
use crate::text::amount;
use crate::text::visible::shows_something;
use crate::vault::{ActionRecord, Secret};

/// An auction as the user meets it.
#[derive(Debug)]
pub(in crate::desk) struct AuctionView;

/// What is remembered of an auction besides its log.
#[derive(Debug, Default)]
pub(in crate::desk) struct AuctionNotes {
    /// Position and stamp time of the newest `settled` entry.
    pub(in crate::desk) settled: Option<(u64, Time)>,
    /// How the broker recorded the end of each reveal.
    recorded: Vec<watch::Recorded>,
    /// The user was told that a private room ended otherwise.
    contradicted: bool,
    /// What proves it is kept.
    proven: bool,
    /// What was bid by itself.
    answers: auto::Answers,
    /// Places of the TSAs whose secrets are out, where bids wait for more of them: as the broker shows.
    released: Option<BTreeSet<usize>>,
    /// Sealed bids, in log order.
    sealed: Vec<bids::Handed>,
    /// When the user's reserve was last tried to be sealed or unsealed.
    reserve: reserve::Tried,
}

impl View for AuctionView {
    type Fold = Auction;
    type Notes = AuctionNotes;

    fn title(auction: &Auction) -> Option<String> {
        Some(auction.listing().title.as_str().to_owned())
    }

    fn title_of_opening(body: &Body) -> Option<String> {
        match body {
            Body::List(listing) => Some(listing.title.as_str().to_owned()),
            _ => None,
        }
    }

    fn title_of_command(command: &Command) -> Option<String> {
        match command {
            Command::List(listing) => Some(listing.title.clone()),
            _ => None,
        }
    }

    fn begins(auction: &Auction) -> Option<Time> {
        Some(auction.listed())
    }

    fn end(auction: &Auction) -> Option<Time> {
        Some(auction.end())
    }

    /// Whether bids may come, as far as the listing and what was replayed tell.
    fn is_open(auction: &Auction, now: Option<Time>) -> bool {
        let open = matches!(auction.phase(), auction::Phase::Open);
        open && now.is_none_or(|now| auction.end() > now && !auction.is_taken_back(now))
    }

    /// Whether the winner, or that there is none, is known.
    fn is_decided(auction: &Auction) -> bool {
        !matches!(auction.phase(), auction::Phase::Open | auction::Phase::Closed)
    }

    fn row(desk: &Desk, name: RoomName, replica: &Replica, auction: &Auction) -> Option<RoomView> {
        let listing = auction.listing();
        let currency = listing.currency.to_string();
        // Of a room that is not followed only the listing is known.
        let only_listed = replica.size() == 0;
        let over_unseen = only_listed && desk.reckoned().is_some_and(|now| now >= auction.end());
        let own_bid = |seq: u64| replica.is_own(seq);
        Some(RoomView {
            room: name.to_string(),
            short: desk.names.short(name),
            title: listing.title.as_str().to_owned(),
            description: listing.description.clone().map(String::from).unwrap_or_default(),
            phase: if over_unseen { Phase::Closed } else { phase(auction) },
            outcome: if over_unseen {
                "/join it to see how it ended".to_owned()
            } else {
                desk.whom_bids_wait_for(replica, auction)
                    .unwrap_or_else(|| outcome(auction, replica))
            },
            digits: amount::digits(&currency).unwrap_or(0),
            currency,
            start: listing.start.minor(),
            increment: match auction.leading() {
                Some(highest) => listing.increment_above(highest.amount).minor(),
                None => listing.increment.minor(),
            },
            buy_now: auction.buy_now().map(Amount::minor),
            max_raise: listing.max_raise.map(Amount::minor),
            begin: listing.begin,
            rule: listing.rule.clone(),
            rule_words: auction.rule().map(Rule::words).unwrap_or_default(),
            paddle: desk.paddle_in(name).map(ToString::to_string),
            bids_each: listing.bids_each,
            reserve: desk.reserve_view(name, auction).map(Box::new),
            citizens: auction.issuer().map(|issuer| issuer.spend_until),
            highest: auction.leading().map(|bid| bid.amount.minor()),
            bids: (!only_listed).then_some(auction.bid_count() as u64),
            sealed: listing.sealed.as_ref().map(|terms| sealed::word(terms.price).to_owned()),
            opens: auction.opens(),
            falling: dutch::view(auction, desk.now()),
            end: auction.end(),
            extend_secs: listing.soft.map_or(0, |soft| soft.extend.into()),
            own: own_bid(0) || (only_listed && desk.has_kept(name, Verb::List)),
            leading: reserve::leads(auction).is_some_and(|bid| own_bid(bid.seq)),
            bidding: replica.own().any(|seq| auction.has_bid(seq))
                || (only_listed
                    && (desk.has_kept(name, Verb::Bid) || desk.has_kept(name, Verb::SealedBid))),
            joined: replica.is_followed(),
            verified_size: replica.covered().unwrap_or(0),
            quorum: listing.quorum,
            final_size: replica.witnessed.size(),
        })
    }

    fn event(replica: &Replica, auction: &Auction, entry: &LoggedEntry<'_>) -> Option<Event> {
        let LoggedEntry { name, seq, stamped, own, hidden } = *entry;
        let (room, time) = (name.to_string(), stamped.time());
        Some(match stamped.action().body() {
            Body::Bid(bid) => Event::Bid {
                room,
                seq,
                // What it pays, where the price falls.
                amount: auction.bid(seq).map_or(bid.amount, |bid| bid.amount).minor(),
                currency: bid.currency.to_string(),
                paddle: bid.paddle.as_ref().map(|paddle| paddle.name.to_string()),
                time,
                own,
            },
            Body::Say(say) => Event::Said {
                room,
                seq,
                author: short_name(stamped.action().key()),
                text: say.text.as_str().to_owned(),
                time,
                own,
            },
            body => {
                let verb = body.verb().into();
                let text = match (body, own) {
                    (Body::SealedBid(_), true) => sealed::own_bid(auction, hidden),
                    (Body::Reserve(_), true) => reserve::own(auction, hidden),
                    _ => story(body, auction, replica),
                };
                Event::Happened { room, seq, verb, text, time }
            }
        })
    }

    fn note(notes: &mut AuctionNotes, seq: u64, stamped: &Stamped) -> bool {
        let settled = matches!(stamped.action().body(), Body::Settled(_));
        if settled {
            notes.settled = Some((seq, stamped.time()));
        }
        notes.note_outcome(stamped.action().body());
        notes.sealed.extend(bids::Handed::of(seq, stamped));
        settled
    }

    async fn logged(desk: &mut Desk, name: RoomName, stamped: &Stamped, text: &str) {
        desk.watch_arrival(name, stamped).await;
        desk.check_absence(name, stamped, text).await;
    }

    async fn caught_up(desk: &mut Desk, name: RoomName) {
        desk.check_outcome(name).await;
        for room in desk.rooms.private_rooms_of(name).collect::<Vec<_>>() {
            desk.inspect_reveal(room).await;
        }
        desk.forget_what_is_over(name).await;
        desk.puts_down(name);
        desk.pursue_reserve(name).await;
        desk.pursue_auto(name).await;
    }

    fn draft(desk: &Desk, command: &Command) -> Option<Result<Drafted, Report>> {
        match command {
            Command::List(listing) => Some(desk.draft_listing(listing)),
            Command::Relist { room, start, duration, until } => {
                Some(desk.draft_again(room, start.clone(), duration.clone(), until.clone()))
            }
            Command::Unlist { room, successor } => {
                Some(desk.draft_unlist(room, successor.as_deref()))
            }
            Command::Bid { room, amount, currency } => {
                Some(desk.draft_bid(room, amount, currency.as_deref()))
            }
            Command::Take { room } => Some(desk.draft_take(room)),
            Command::Say { room, text } => Some(desk.draft_say(room, text.clone())),
            _ => None,
        }
    }

    fn complete(
        desk: &Desk,
        room: RoomName,
        body: &mut Body,
        own: &OwnKey<'_>,
    ) -> Result<Option<Amount>, Report> {
        if let Body::Unlist(unlist) = body
            && let Some(ratio) = desk.ratio_to_listing(room, own)
        {
            unlist.ratio = ratio;
        }
        if let Body::Reserve(_) | Body::Unseal(_) = body {
            return desk.complete_reserve(room, body, own);
        }
        let Body::Bid(bid) = body else { return Ok(None) };
        if let Some(paddle) = &mut bid.paddle {
            desk.tied(room, paddle, own)?;
        }
        let auction = desk.auction(room).ok_or_else(|| by_code(Code::RoomUnknown))?;
        if !auction.is_sealed() {
            return Ok(None);
        }
        let amount = bid.amount;
        *body = Body::SealedBid(desk.seal_bid(room, auction, bid, own.key)?);
        Ok(Some(amount))
    }

    fn offer(desk: &Desk, room: Option<RoomName>, command: &Command) -> Option<String> {
        match command {
            // What is sealed is not written down elsewhere.
            Command::Bid { .. } if desk.hides_bids_in(room) => None,
            Command::Bid { amount, currency, .. } => {
                Some(desk.offer(room, amount, currency.as_deref()))
            }
            Command::Take { .. } => desk.present_price(room?),
            _ => None,
        }
    }

    fn terms(desk: &Desk, room: Option<RoomName>, body: &Body) -> Vec<String> {
        match body {
            Body::List(listing) => {
                let mut terms = listing::terms(listing, desk.now(), &desk.options.zone);
                // Before the last, which is about all of them.
                let at = terms.len().saturating_sub(1);
                terms.splice(at..at, desk.locker_lines(listing));
                terms
            }
            Body::Bid(_) => {
                let Some(auction) = room.and_then(|room| desk.auction(room)) else {
                    return Vec::new();
                };
                let mut terms = listing::rule_terms(auction.listing());
                terms.extend(desk.locker_lines(auction.listing()));
                terms
            }
            _ => Vec::new(),
        }
    }

    fn still_holds(desk: &Desk, body: &Body) -> Result<bool, Report> {
        match body {
            Body::List(listing) => desk.may_still_list(listing),
            _ => Ok(true),
        }
    }

    /// The refusal of one bid too many shows whoever reads it that the others are by the same bidder (SPEC 7.12).
    fn may_be_delivered(desk: &Desk, room: RoomName, body: &Body) -> Result<(), Report> {
        match body {
            Body::Bid(_) | Body::SealedBid(_) => desk.fits_the_bound(room),
            _ => Ok(()),
        }
    }

    fn grounds(desk: &Desk, room: Option<RoomName>, body: &Body, consent: &Consent) -> Vec<Ground> {
        match body {
            Body::Bid(bid) => {
                let Some((room, auction)) = room.and_then(|room| Some((room, desk.auction(room)?)))
                else {
                    return Vec::new();
                };
                let unread = auction.rule().is_some() && !desk.has_bid_in(room);
                let mut grounds: Vec<Ground> = unread.then_some(Ground::Rule).into_iter().collect();
                if auction.is_sealed() {
                    let first = !desk.has_bid_in(room);
                    grounds.extend(desk.ground_of_lockers(auction.listing()).filter(|_| first));
                    // What a bid is worth beside the least says nothing where others are not seen.
                    let before = desk.sealed_before(room);
                    let told = |own| (!desk.hides_bids_in(Some(room))).then_some(own);
                    grounds.extend(before.map(|own| Ground::SealedBefore(told(own))));
                    return grounds;
                }
                let least = auction.least_bid().map_or(MAX_AMOUNT, Amount::minor);
                let own_lead = desk.own_lead(room, auction, least, consent.knows_until());
                if auction.is_dutch() {
                    let is_own =
                        |seq| desk.rooms.get(&room).is_some_and(|replica| replica.is_own(seq));
                    return dutch::grounds(auction, is_own, own_lead);
                }
                grounds.extend(of_bid(bid.amount.minor(), least, own_lead));
                grounds
            }
            Body::Unlist(_) => vec![Ground::TakesBack],
            Body::List(listing) => {
                let runs = desk.now().map_or(Duration::MAX, |now| listing.end.since(now));
                let mut grounds = of_listing(runs);
                grounds.extend(desk.ground_of_lockers(listing));
                grounds
            }
            _ => Vec::new(),
        }
    }

    fn why(auction: &Auction, code: Code, refused: &Stamped) -> Option<String> {
        match (code, refused.action().body()) {
            (Code::BidRule, Body::Bid(bid)) => {
                let paddle = bid.paddle.as_ref().map(|paddle| &paddle.name);
                rule::refused(&auction.answer(bid.amount, refused.time(), paddle)?)
            }
            _ => None,
        }
    }

    fn advice(auction: &Auction, code: Code) -> Option<String> {
        let currency = auction.listing().currency.to_string();
        let money = |amount: Amount| amount::print_in(amount.minor(), &currency);
        match code {
            Code::BidTooLow if auction.is_dutch() => Some(
                "the price had not fallen so far at its stamp; /take bids the present one"
                    .to_owned(),
            ),
            Code::BidTooLow => Some(format!("bid at least {}", money(auction.least_bid()?))),
            Code::BidTooHigh => Some(format!("bid at most {}", money(auction.most_bid()?))),
            Code::BidEarly if auction.awaits_sealing() => {
                Some(sealed::without_keys().advice.into_owned())
            }
            Code::BidEarly if auction.lacks_reserve() => {
                Some(reserve::lacking().advice.into_owned())
            }
            Code::BidEarly => Some(format!("bids count from {} on", auction.begin())),
            _ => None,
        }
    }

    fn wrong_kind() -> (&'static str, &'static str) {
        ("this is an auction", "use /bid there")
    }
}

impl Desk {
    fn draft_bid(
        &self,
        room: &str,
        offered: &str,
        currency: Option<&str>,
    ) -> Result<Drafted, Report> {
        let (name, auction) = self.open_auction(room)?;
        let listing = auction.listing();
        let own = listing.currency.to_string();
        if currency.is_some_and(|given| !given.eq_ignore_ascii_case(&own)) {
            return Err(by_code(Code::BidCurrency));
        }
        let minor = amount::parse(offered, &own)
            .map_err(|error| Report::new("command.parse", error.to_string(), error.advice()))?;
        let amount = Amount::try_from(minor).map_err(|error| {
            let advice = "bid an amount within these bounds".to_owned();
            Report::new("command.parse", error.to_string(), advice)
        })?;
        self.draft_offer(name, auction, amount)
    }

    /// A bid of that amount, unless it is known that it would not count.
    fn draft_offer(
        &self,
        name: RoomName,
        auction: &Auction,
        amount: Amount,
    ) -> Result<Drafted, Report> {
        let listing = auction.listing();
        let own = listing.currency.to_string();
        let taken_back = self.now().is_some_and(|now| auction.is_taken_back(now));
        if !matches!(auction.phase(), auction::Phase::Open) || taken_back {
            return Err(by_code(Code::BidLate));
        }
        let buys = auction.buy_now() == Some(amount);
        if let Some(most) = auction.most_bid().filter(|most| amount > *most && !buys) {
            let advice = format!("bid at most {}", amount::print_in(most.minor(), &own));
            return Err(Report::new(Code::BidTooHigh.as_str(), Code::BidTooHigh.message(), advice));
        }
        // Of one that began with its listing, the time as last heard may be older than that.
        let early = |begin: Time| self.reckoned().is_some_and(|now| now < begin);
        if listing.begin.is_some_and(early) {
            let advice = format!("bids count from {} on", auction.begin());
            return Err(Report::new(Code::BidEarly.as_str(), Code::BidEarly.message(), advice));
        }
        if let Some(higher) = self.price_above(auction, amount) {
            return Err(higher);
        }
        if let Some(least) = auction.least_bid().filter(|least| amount < *least) {
            let advice = format!("bid at least {}", amount::print_in(least.minor(), &own));
            return Err(Report::new(Code::BidTooLow.as_str(), Code::BidTooLow.message(), advice));
        }
        if self.has_kept(name, Verb::List) {
            return Err(by_code(Code::BidOwnItem));
        }
        self.may_bid_as_citizen(auction)?;
        if let Some(too_many) = self.too_many(name, auction) {
            return Err(too_many);
        }
        let paddle = self.paddle_of_next(name)?;
        // It is asked again by the stamp; what counts is what it says then.
        let under = paddle.as_ref().map(|paddle| &paddle.name);
        let answer = self.reckoned().and_then(|now| auction.answer(amount, now, under));
        if let Some(why) = answer.as_ref().and_then(rule::refused) {
            return Err(Report::new(Code::BidRule.as_str(), why, Code::BidRule.advice()));
        }
        if auction.awaits_sealing() {
            return Err(sealed::without_keys());
        }
        if auction.lacks_reserve() {
            return Err(reserve::lacking());
        }
        let (seal, seal_public) = fresh_seal(&self.options.host)?;
        let bid = Bid { amount, currency: listing.currency, seal: seal_public, paddle };
        Ok(Drafted::within(name, Body::Bid(bid), Some(seal)))
    }

    /// Whether the user has bid in a room, as far as log and vault tell.
    fn has_bid_in(&self, room: RoomName) -> bool {
        self.has_kept(room, Verb::Bid) || self.has_kept(room, Verb::SealedBid)
    }

    /// Whether the user's bids in a room are sealed, and are not to be read where this program writes either.
    fn hides_bids_in(&self, room: Option<RoomName>) -> bool {
        let sealed = room
            .and_then(|room| self.auction(room))
            .is_some_and(|auction| auction.is_sealed() && !auction.is_opened());
        self.options.discreet && sealed
    }

    fn draft_say(&self, room: &str, text: String) -> Result<Drafted, Report> {
        let (name, _) = self.open_auction(room)?;
        if !shows_something(&text) {
            let message = "the text shows nothing: it has no character that can be seen".to_owned();
            let advice = "say something that people can read".to_owned();
            return Err(Report::new("command.parse", message, advice));
        }
        let text = Text::try_from(text).map_err(|error| {
            let advice = "say it in fewer words, without control characters".to_owned();
            Report::new("command.parse", error.to_string(), advice)
        })?;
        Ok(Drafted::within(name, Body::Say(Say { text }), None))
    }

    /// An auction that may be acted in: known, sound and caught up with.
    fn open_auction(&self, prefix: &str) -> Result<(RoomName, &Auction), Report> {
        self.connection.session().ok_or_else(offline)?;
        let name = self.find(prefix)?;
        let replica = self.rooms.get(&name).ok_or_else(|| by_code(Code::RoomUnknown))?;
        if replica.is_broken() {
            let message = "this room did not verify".to_owned();
            let advice = "do not act in it; see the folder evidence in your data folder".to_owned();
            return Err(Report::new("room.broken", message, advice));
        }
        let room = replica.room();
        if let Some(other) = room.filter(|room| Auction::of(room).is_none()) {
            return Err(wrong_kind(other));
        }
        let followable = room.filter(|_| replica.is_followed() && replica.is_verified());
        let auction = followable.and_then(Auction::of);
        Ok((name, auction.ok_or_else(|| replica.why_not_followed())?))
    }

    /// The auction, as far as it was replayed.
    pub(in crate::desk) fn auction(&self, room: RoomName) -> Option<&Auction> {
        self.rooms.get(&room).and_then(Replica::room).and_then(Auction::of)
    }

    /// The user's own bid that leads, or that will if it is logged next. Who knows only
    /// what was told until some instant knows of no bid whose end was told later, nor of one under way.
    fn own_lead(
        &self,
        room: RoomName,
        auction: &Auction,
        least: u64,
        until: Option<Duration>,
    ) -> Option<u64> {
        let replica = self.rooms.get(&room)?;
        let is_known = |kept: &ActionRecord| match until {
            None => true,
            Some(until) => {
                let under_way = self.outbox.actions().any(|act| act.action.digest() == kept.digest);
                !under_way && self.outbox.told_end_of(&kept.digest).is_none_or(|told| told <= until)
            }
        };
        // Of own bids that are not known yet, the one before counts.
        let is_own = |seq: u64| replica.is_own(seq);
        let mut newest = auction.bids().iter().rev();
        let leads = newest
            .find(|bid| !is_own(bid.seq) || self.kept_at(replica, bid.seq).is_none_or(&is_known))
            .filter(|bid| is_own(bid.seq))
            .map(|bid| bid.amount.minor());
        let under_way = self.bids_under_way(room).filter(|_| until.is_none());
        // Receipted, and its entry is still to come: the log does not show it yet.
        let name = room.to_string();
        let own = replica.own().filter_map(|seq| replica.action(seq));
        let logged: BTreeSet<Uuid> = own.map(|(id, _)| id).collect();
        let kept = self.vault.contents().actions.iter();
        let ahead = kept
            .filter(|kept| kept.room == name && kept.verb == Verb::Bid && kept.receipt.is_some())
            .filter(|kept| kept.id.parse().is_ok_and(|id| !logged.contains(&id)))
            .filter(|kept| is_known(kept))
            .filter_map(|kept| match Action::parse(&kept.action).ok()?.body() {
                Body::Bid(bid) => Some(bid.amount.minor()),
                _ => None,
            });
        under_way.chain(ahead).filter(|bid| *bid >= least).chain(leads).max()
    }

    /// Amounts of the own bids in a room that are under way, in minor units.
    pub(in crate::desk) fn bids_under_way(&self, room: RoomName) -> impl Iterator<Item = u64> {
        self.outbox.actions().filter(move |act| act.action.room() == room).filter_map(|act| {
            match act.action.body() {
                Body::Bid(bid) => Some(bid.amount.minor()),
                _ => None,
            }
        })
    }

    /// What was bid, as an amount of the room's currency if it is one.
    fn offer(&self, room: Option<RoomName>, typed: &str, currency: Option<&str>) -> String {
        let auction = room.and_then(|room| self.rooms.get(&room)?.known()).and_then(Auction::of);
        let own = auction.map(|auction| auction.listing().currency.to_string());
        let currency = currency.map(str::to_ascii_uppercase);
        match own.filter(|own| currency.as_ref().is_none_or(|given| given == own)) {
            Some(own) => match amount::parse(typed, &own) {
                Ok(minor) => amount::print_in(minor, &own),
                Err(_) => typed.to_owned(),
            },
            None => currency.map_or_else(|| typed.to_owned(), |given| format!("{typed} {given}")),
        }
    }

    /// Once an auction has ended its secrets for the reveal are of no more use.
    ///
    /// They are kept until then and not only to the close: if the winner forfeits, the next
    /// bidder needs them.
    async fn forget_what_is_over(&mut self, name: RoomName) {
        let replica = self.rooms.get(&name).and_then(Replica::room);
        let Some(auction) = replica.and_then(Auction::of) else { return };
        if !auction.is_complete() || self.awaits_reveal(name) {
            return;
        }
        // Whoever was called absent against the broker's own word keeps everything.
        if self.is_wronged(name) {
            return;
        }
        let name = name.to_string();
        let kept =
            |kept: &crate::vault::ActionRecord| kept.room == name && kept.seal_secret.is_some();
        if !self.vault.contents().actions.iter().any(kept) {
            return;
        }
        let erased = self.vault.update(|contents| {
            for action in contents.actions.iter_mut().filter(|action| action.room == name) {
                action.seal_secret = None;
            }
        });
        if let Err(error) = erased {
            self.vault_trouble(&error).await;
        }
    }
}

fn fresh_seal(host: &Host) -> Result<(Secret, SealPublic), Report> {
    let bytes = host.random().map_err(no_randomness)?;
    Ok((Secret::new(bytes), SealKey::from_random(bytes).public()))
}

fn phase(auction: &Auction) -> Phase {
    match auction.phase() {
        auction::Phase::Open => Phase::Open,
        auction::Phase::Closed => Phase::Closed,
        auction::Phase::Settled { .. } => Phase::Settled,
        auction::Phase::Ended(Outcome::Sold { .. }) => Phase::Revealed,
        auction::Phase::Ended(_) => Phase::Ended,
    }
}

fn outcome(auction: &Auction, replica: &Replica) -> String {
    let currency = auction.listing().currency.to_string();
    let whose = |winner: u64| if replica.is_own(winner) { "you" } else { "somebody" };
    match auction.phase() {
        // One that was not closed in time has lapsed, so of an open auction it says nothing.
        auction::Phase::Closed if auction.taken_back().is_some() => {
            "the seller takes it back".to_owned()
        }
        auction::Phase::Closed if auction.has_unopened() => sealed::waiting(auction, None),
        auction::Phase::Closed if auction.awaits_reserve() => {
            "the reserve decides: its seller opens it, or it opens without".to_owned()
        }
        auction::Phase::Open if auction.awaits_sealing() => {
            "nobody can bid before the broker has asked the TSAs that lock it".to_owned()
        }
        auction::Phase::Open if auction.lacks_reserve() => {
            "nobody can bid before the seller has sealed the reserve".to_owned()
        }
        auction::Phase::Open if auction.reserve().is_some() => "hidden reserve".to_owned(),
        auction::Phase::Ended(Outcome::BelowReserve) => reserve::below(auction),
        auction::Phase::Ended(Outcome::Void) => {
            "void: no witness dates the close before bids could be read".to_owned()
        }
        auction::Phase::Ended(Outcome::Unopened) => {
            "not sold: the bids were not opened within a day".to_owned()
        }
        auction::Phase::Open | auction::Phase::Closed => String::new(),
        auction::Phase::Settled { winner, price, .. } => {
            format!("won by {} for {}", whose(winner), amount::print_in(price.minor(), &currency))
        }
        auction::Phase::Ended(Outcome::Sold { winner, price }) => {
            let price = amount::print_in(price.minor(), &currency);
            format!("sold to {} for {price}", whose(winner))
        }
        auction::Phase::Ended(Outcome::Unsold) => "not sold".to_owned(),
        auction::Phase::Ended(Outcome::Unlisted { successor: None }) => {
            "taken back by the seller".to_owned()
        }
        auction::Phase::Ended(Outcome::Unlisted { successor: Some(room) }) => {
            format!("taken back by the seller, who says that it is offered again in {room}")
        }
        auction::Phase::Ended(Outcome::Abandoned) => "abandoned by the seller".to_owned(),
        auction::Phase::Ended(Outcome::Withdrawn(Side::Seller)) => {
            "withdrawn by the seller".to_owned()
        }
        auction::Phase::Ended(Outcome::Withdrawn(Side::Winner)) => {
            "withdrawn by the winner".to_owned()
        }
    }
}

fn story(body: &Body, auction: &Auction, replica: &Replica) -> String {
    match body {
        Body::List(_) => "listed".to_owned(),
        Body::Sealing(_) if auction.is_sealed() && auction.reserve().is_none() => {
            "sealed bids are taken from here on".to_owned()
        }
        Body::Sealing(_) => "the seller can seal the reserve from here on".to_owned(),
        Body::Reserve(_) => "the seller sealed a reserve; bids are taken from here on".to_owned(),
        Body::Unseal(_) => reserve::opened(auction),
        Body::Opened(_) if !auction.is_sealed() => reserve::opened(auction),
        Body::SealedBid(_) => "somebody handed in a sealed bid".to_owned(),
        Body::Opened(_) => sealed::opened(auction, replica),
        Body::Closed(_) if auction.late().is_some() => {
            "later than the terms allow: nobody is bound".to_owned()
        }
        Body::Closed(_) if auction.is_bought() => {
            "bought at once: no further bid counts".to_owned()
        }
        Body::Closed(_) => "no further bid counts".to_owned(),
        Body::Settled(_) if auction.winner().is_none() => match auction.phase() {
            auction::Phase::Ended(Outcome::Void | Outcome::Unopened | Outcome::BelowReserve) => {
                outcome(auction, replica)
            }
            _ => "ended without a sale".to_owned(),
        },
        Body::Settled(_) | Body::Revealed(_) => outcome(auction, replica),
        Body::Forfeited(forfeited) => format!(
            "the winner stayed away: {} of their bids are forfeited",
            forfeited.others.len() + 1
        ),
        Body::Abandoned(_) => "the seller stayed away: abandoned".to_owned(),
        Body::Unlist(_) => "the seller takes it back, unless a bid was stamped before".to_owned(),
        Body::Withdrawn(_) => outcome(auction, replica),
        other => other.verb().into(),
    }
}

/// The winning bid that an auction's `settled` entry at this position names.
pub(in crate::desk) fn named_at(auction: &Replica, settled: u64) -> Option<u64> {
    let text = auction.text(settled)?;
    match Action::parse(&Entry::parse(text).ok()?.action).ok()?.body() {
        Body::Settled(settled) => settled.winner,
        _ => None,
    }
}

pub(in crate::desk) fn winner_of(auction: &Auction) -> Option<u64> {
    match auction.phase() {
        auction::Phase::Settled { winner, .. }
        | auction::Phase::Ended(Outcome::Sold { winner, .. }) => Some(winner),
        auction::Phase::Open | auction::Phase::Closed | auction::Phase::Ended(_) => None,
    }
}
