//! Bids for somebody who is not looking, up to a ceiling that nobody else learns (`/auto`).
//!
//! The ceiling stays in the vault. Each time somebody else leads, the desk bids the least there is, and from the
//! third answer in a row on a step that doubles: two that do so against each other come to an end soon.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::{self, Auction};
use pregao_protocol::room::body::{Amount, Verb};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::refusal::Refusal;

use crate::command::Command;
use crate::desk::Desk;
use crate::desk::answers::{Progress, ReplyTo};
use crate::desk::confirm::Consent;
use crate::desk::outbox::by_code;
use crate::text::amount;
use crate::vault::AutoRecord;

/// Answers in a row by the least step, before the step doubles: two against each other have made three then.
const PATIENT: u32 = 2;
/// An answer later than this after the one before begins a new row: against a person there is no hurry.
const ROW: Duration = Duration::from_secs(60);

/// How long after F a bid that was not answered is waited for: what the broker carries the time forward at most.
const DECIDED_WITHIN: Duration = Duration::from_secs(2);

/// What is remembered of a row of answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// How many there were.
    count: u32,
    /// The last of them, and when.
    last: Option<(Digest, Time)>,
}

/// What an auction takes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Next {
    /// The least that may be bid.
    least: u64,
    /// The step by which the price rises at least.
    step: u64,
    /// The most that may be bid, if that is limited.
    most: Option<u64>,
}

impl Next {
    fn of(auction: &Auction) -> Option<Self> {
        let least = auction.least_bid()?.minor();
        let price = auction.leading().map(|bid| bid.amount.minor());
        let step = price.map_or_else(
            || auction.listing().increment.minor(),
            |price| least.saturating_sub(price),
        );
        Some(Self { least, step, most: auction.most_bid().map(Amount::minor) })
    }

    /// What to bid after so many answers in this row; `None` if the least is beyond the ceiling.
    fn bid(self, ceiling: u64, answers: u32, steady: bool) -> Option<u64> {
        let doublings = if steady { 0 } else { answers.saturating_add(1).saturating_sub(PATIENT) };
        let steps = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let above = self.step.saturating_mul(steps.saturating_sub(1));
        let wanted = self.least.saturating_add(above).min(ceiling);
        let bid = self.most.map_or(wanted, |most| wanted.min(most));
        (self.least <= bid).then_some(bid)
    }
}

/// Why the desk bids no more.
enum Stop {
    /// The auction takes no bids any more.
    Over,
    /// Somebody bid more than the ceiling allows to answer.
    Beyond { least: u64 },
    /// The broker refused, and would again.
    Refused(Code),
    /// It could not be bid at all.
    Failed,
}

impl Desk {
    /// Lists what is bid by itself, begins or ends it.
    pub(in crate::desk) async fn auto(
        &mut self,
        room: Option<&str>,
        ceiling: Option<&str>,
        steady: bool,
    ) -> Progress {
        let Some(typed) = room else { return self.tell_autos().await };
        let Some(name) = self.find_or_refuse(typed).await else { return Progress::Failed };
        let Some(ceiling) = ceiling else { return self.end_auto(name).await };
        let record = match self.auto_of(name, ceiling, steady) {
            Ok(record) => record,
            Err(report) => return self.reject(report).await,
        };
        let (text, at) = (self.words_of(&record), record.room.clone());
        let kept = self.vault.update(|contents| {
            contents.autos.retain(|auto| auto.room != at);
            contents.autos.push(record);
        });
        if let Err(error) = kept {
            self.vault_trouble(&error).await;
            return Progress::Failed;
        }
        let note = format!(
            "{text}, while this program runs; /auto {} off ends it",
            self.names.short(name)
        );
        self.note(note).await;
        self.pursue_auto(name).await;
        Progress::Done
    }

    async fn tell_autos(&mut self) -> Progress {
        let autos = self.vault.contents().autos.clone();
        if autos.is_empty() {
            self.note("nothing is bid by itself: /auto ROOM CEILING".to_owned()).await;
        }
        for record in &autos {
            let text = self.words_of(record);
            self.note(text).await;
        }
        Progress::Done
    }

    async fn end_auto(&mut self, name: RoomName) -> Progress {
        if self.auto_in(name).is_none() {
            let message = "nothing is bid by itself there";
            return self.reject(Report::new("auto.none", message, "/auto shows where it is")).await;
        }
        if !self.drop_auto(name).await {
            return Progress::Failed;
        }
        self.note("ended: nothing more is bid by itself there".to_owned()).await;
        Progress::Done
    }

    fn words_of(&self, record: &AutoRecord) -> String {
        let name = record.room.parse::<RoomName>().ok();
        let currency = name
            .and_then(|name| self.rooms.get(&name)?.known().and_then(Auction::of))
            .map(|auction| auction.listing().currency.to_string());
        let ceiling = match currency {
            _ if self.options.discreet => "your ceiling".to_owned(),
            Some(currency) => amount::print_in(record.ceiling.minor(), &currency),
            None => format!("{} in minor units", record.ceiling.minor()),
        };
        let short = name.map_or_else(String::new, |name| self.names.short(name));
        let how = if record.steady { ", each time by the least" } else { "" };
        format!("bids by itself in #{short}, up to {ceiling}{how}")
    }

    /// The record of a new ceiling, if it means something.
    fn auto_of(&self, name: RoomName, typed: &str, steady: bool) -> Result<AutoRecord, Report> {
        let (_, auction) = self.open_auction(&name.to_string())?;
        if auction.is_dutch() {
            let message = "the price falls here: there is nothing to answer";
            return Err(Report::new(
                "auto.falling",
                message,
                "take it when it is low enough: /take",
            ));
        }
        if auction.is_sealed() {
            let message = "bids are sealed here: there is nothing to answer";
            return Err(Report::new("auto.sealed", message, "bid what it is worth to you: /bid"));
        }
        let currency = auction.listing().currency.to_string();
        let minor = amount::parse(typed, &currency)
            .map_err(|error| Report::new("command.parse", error.to_string(), error.advice()))?;
        let ceiling = Amount::try_from(minor).map_err(|error| {
            let advice = "give a ceiling within these bounds".to_owned();
            Report::new("command.parse", error.to_string(), advice)
        })?;
        if self.has_kept(name, Verb::List) {
            return Err(by_code(Code::BidOwnItem));
        }
        let least = auction.least_bid().map(Amount::minor);
        let leads = least.is_some_and(|least| self.own_lead(name, auction, least, None).is_some());
        if let Some(least) = least.filter(|least| ceiling.minor() < *least && !leads) {
            let advice = format!("give {} or more", amount::print_in(least, &currency));
            return Err(Report::new(Code::BidTooLow.as_str(), Code::BidTooLow.message(), advice));
        }
        Ok(AutoRecord { room: name.to_string(), ceiling, steady })
    }

    fn auto_in(&self, name: RoomName) -> Option<&AutoRecord> {
        let room = name.to_string();
        self.vault.contents().autos.iter().find(|auto| auto.room == room)
    }

    async fn drop_auto(&mut self, name: RoomName) -> bool {
        let room = name.to_string();
        let dropped = self.vault.update(|contents| contents.autos.retain(|auto| auto.room != room));
        if let Some(replica) = self.rooms.get_mut(&name) {
            replica.notes.auction.answers = Answers::default();
        }
        if let Err(error) = dropped {
            self.vault_trouble(&error).await;
            return false;
        }
        true
    }

    /// As time goes on: an auction may begin to take bids, or stop.
    pub(in crate::desk) async fn pursue_autos(&mut self) {
        let rooms = self.vault.contents().autos.iter();
        let rooms: Vec<RoomName> = rooms.filter_map(|auto| auto.room.parse().ok()).collect();
        for room in rooms {
            self.pursue_auto(room).await;
        }
    }

    /// Bids, if somebody else leads and the ceiling allows it.
    pub(super) async fn pursue_auto(&mut self, name: RoomName) {
        let Some(record) = self.auto_in(name).cloned() else { return };
        match self.answer_due(name, &record) {
            Ok(None) => {}
            Ok(Some(bid)) => self.bid_by_itself(name, bid, &record).await,
            Err(stop) => self.stop_auto(name, stop, &record).await,
        }
    }

    /// What to bid now, if anything; why nothing more is bid.
    fn answer_due(&self, name: RoomName, record: &AutoRecord) -> Result<Option<u64>, Stop> {
        let Some(replica) = self.rooms.get(&name) else { return Ok(None) };
        let is_current = self.connection.is_up()
            && replica.is_followed()
            && !replica.is_broken()
            && replica.is_verified()
            && !replica.is_awaited();
        let (Some(auction), Some(now)) = (self.auction(name).filter(|_| is_current), self.now())
        else {
            return Ok(None);
        };
        if auction.phase() != auction::Phase::Open
            || auction.is_taken_back(now)
            || auction.is_bought()
        {
            return Err(Stop::Over);
        }
        // What is under way decides first, whatever it is.
        let waits = self.outbox.queued() > 0 || self.bids_under_way(name).next().is_some();
        let closed = auction.awaits_sealing() || auction.lacks_reserve();
        if waits || closed || now < auction.begin() || now >= auction.end() {
            return Ok(None);
        }
        if let Some(code) = self.refused_for_good(name) {
            return Err(Stop::Refused(code));
        }
        // It may still be logged for so long, and is not to be answered by a bid of one's own.
        let may_come = Duration::from_secs(auction.listing().freshness.into()) + DECIDED_WITHIN;
        if self.undecided(name).is_some_and(|since| now.since(since) < may_come) {
            return Ok(None);
        }
        let Some(next) = Next::of(auction) else { return Ok(None) };
        if self.own_lead(name, auction, next.least, None).is_some() {
            return Ok(None);
        }
        let answers = self.answers_before(name, now);
        let bid = next.bid(record.ceiling.minor(), answers, record.steady);
        bid.map(Some).ok_or(Stop::Beyond { least: next.least })
    }

    /// How many answers there were in the row that goes on now.
    fn answers_before(&self, name: RoomName, now: Time) -> u32 {
        let Some(replica) = self.rooms.get(&name) else { return 0 };
        let answers = &replica.notes.auction.answers;
        let goes_on = answers.last.is_some_and(|(_, at)| now.since(at) <= ROW);
        // What nobody decided answered nothing: a broker that fails each bid would have them rise.
        let vain = u32::from(self.undecided(name).is_some());
        if goes_on { answers.count.saturating_sub(vain) } else { 0 }
    }

    /// When the last answer was given, if it was not decided and is not under way.
    fn undecided(&self, name: RoomName) -> Option<Time> {
        let (last, since) = self.rooms.get(&name)?.notes.auction.answers.last?;
        let kept = self.vault.action(&last)?;
        let is_decided = kept.refusal.is_some() || self.position_of(name, kept).is_some();
        (!is_decided).then_some(since)
    }

    /// The reason for which the last answer was refused, if the next would be, too.
    fn refused_for_good(&self, name: RoomName) -> Option<Code> {
        let (last, _) = self.rooms.get(&name)?.notes.auction.answers.last?;
        let refusal = self.vault.action(&last)?.refusal.as_deref()?;
        let entry = &self.connection.session()?.certificate.keys.entry;
        let code = Refusal::open(refusal, entry).ok()?.code;
        // Somebody was faster, or the way too long: the next one may be in time.
        let passes = matches!(code, Code::BidTooLow | Code::DoorStale | Code::BidEarly);
        (!passes).then_some(code)
    }

    async fn bid_by_itself(&mut self, name: RoomName, bid: u64, record: &AutoRecord) {
        let Some(auction) = self.auction(name) else { return };
        let currency = auction.listing().currency.to_string();
        let least = auction.least_bid().map_or(bid, Amount::minor);
        let (Some(digits), Some(now)) = (amount::digits(&currency), self.now()) else { return };
        let offered = amount::print(bid, digits);
        let command = Command::Bid {
            room: name.to_string(),
            amount: offered,
            currency: Some(currency.clone()),
        };
        let answered = std::mem::replace(&mut self.reply_to, ReplyTo::of_room(name));
        let over = match bid.saturating_sub(least) {
            0 => String::new(),
            over => format!(", {} above the least", amount::print_in(over, &currency)),
        };
        let bids = amount::print_in(bid, &currency);
        let most = match self.options.discreet {
            true => String::new(),
            false => {
                format!(", of {} at most", amount::print_in(record.ceiling.minor(), &currency))
            }
        };
        self.note(format!("bids by itself: {bids}{over}{most}")).await;
        let before = self.answers_before(name, now);
        let progress = self.start_or_queue(command, Consent::Beforehand).await;
        if progress == Progress::Failed {
            self.stop_auto(name, Stop::Failed, record).await;
        } else {
            let newest = self.vault.contents().actions.last().map(|kept| kept.digest);
            if let Some(replica) = self.rooms.get_mut(&name) {
                let answers = &mut replica.notes.auction.answers;
                answers.count = before.saturating_add(1);
                answers.last = newest.map(|digest| (digest, now));
            }
        }
        self.reply_to = answered;
    }

    async fn stop_auto(&mut self, name: RoomName, stop: Stop, record: &AutoRecord) {
        if !self.drop_auto(name).await {
            return;
        }
        let currency = self.auction(name).map(|auction| auction.listing().currency.to_string());
        let currency = currency.unwrap_or_default();
        let text = match stop {
            Stop::Over => return,
            Stop::Beyond { least } => {
                let of = match self.options.discreet {
                    true => String::new(),
                    false => format!(" of {}", amount::print_in(record.ceiling.minor(), &currency)),
                };
                let least = amount::print_in(least, &currency);
                format!(
                    "OUTBID: the least is {least}, beyond your ceiling{of}; nothing more is bid by itself"
                )
            }
            Stop::Refused(code) => {
                format!("nothing more is bid by itself: the broker refuses ({})", code.message())
            }
            Stop::Failed => "nothing more is bid by itself: it could not be bid".to_owned(),
        };
        let answered = std::mem::replace(&mut self.reply_to, ReplyTo::of_room(name));
        self.note(text).await;
        self.reply_to = answered;
    }
}

#[cfg(test)]
mod tests;
