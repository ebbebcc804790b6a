//! Bids one by one: those of an auction, and the user's own wherever they are (`/bids`).

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Stamped;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::{self, Auction, Outcome};
use pregao_protocol::room::body::{Amount, Body, PaddleName, Verb};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::refusal::Refusal;

use super::paddle::paddle_in;
use super::{reserve, winner_of};
use crate::desk::Desk;
use crate::desk::answers::Progress;
use crate::desk::replica::Replica;
use crate::desk::views::newest;
use crate::event::{BidStanding, BidView, BidsView, Event};
use crate::vault::ActionRecord;

/// How many bids are shown unless the user says otherwise.
const SHOWN: u32 = 100;

/// A sealed bid as it was handed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed {
    seq: u64,
    time: Time,
    /// Size of the action in bytes.
    bytes: u64,
}

impl Handed {
    /// What an entry hands in under seal, if it does.
    pub(super) fn of(seq: u64, stamped: &Stamped) -> Option<Self> {
        let action = stamped.action();
        let bytes = action.compact().len() as u64;
        matches!(action.body(), Body::SealedBid(_)).then_some(Self {
            seq,
            time: stamped.time(),
            bytes,
        })
    }
}

/// What is known of an auction and of where it stands.
#[derive(Clone, Copy)]
struct Shown<'a> {
    name: RoomName,
    replica: &'a Replica,
    auction: &'a Auction,
}

impl Shown<'_> {
    /// Every bid in the log, in its order.
    fn positions(&self) -> Vec<u64> {
        let handed = &self.replica.notes.auction.sealed;
        if self.auction.is_sealed() {
            return handed.iter().map(|handed| handed.seq).collect();
        }
        self.auction.bids().iter().map(|bid| bid.seq).collect()
    }

    fn handed(&self, seq: u64) -> Option<Handed> {
        self.replica.notes.auction.sealed.iter().find(|handed| handed.seq == seq).copied()
    }

    /// What became of a bid in the log, and why, where it does not count.
    fn standing(&self, seq: u64) -> (BidStanding, Option<String>) {
        let auction = self.auction;
        if let Some(void) = auction.voided().iter().find(|void| void.seq == seq) {
            let says = void.says.as_ref().map(|says| format!(": “{}”", says.as_str()));
            return (
                BidStanding::Void,
                Some(format!("{}{}", void.cause, says.unwrap_or_default())),
            );
        }
        let lapsed = match auction.phase() {
            auction::Phase::Ended(Outcome::Void) => {
                Some("no witness dates the close before bids could be read")
            }
            auction::Phase::Ended(Outcome::Unopened) => Some("the bids were not opened in time"),
            _ => None,
        };
        match (auction.bid(seq), lapsed) {
            (None, Some(why)) => (BidStanding::Void, Some(why.to_owned())),
            (None, None) => (BidStanding::Sealed, None),
            (Some(bid), _) if bid.forfeited => (BidStanding::Forfeited, None),
            (Some(_), _) if winner_of(auction) == Some(seq) => (BidStanding::Won, None),
            (Some(_), _) if reserve::leads(auction).is_some_and(|bid| bid.seq == seq) => {
                (BidStanding::Leads, None)
            }
            (Some(_), _) if auction.leading().is_some_and(|bid| bid.seq == seq) => {
                (BidStanding::Leads, reserve::decides(auction).map(str::to_owned))
            }
            (Some(_), _) => (BidStanding::Outbid, None),
        }
    }
}

impl Desk {
    /// Shows the bids of an auction, or the user's own.
    pub(in crate::desk) async fn bids(
        &self,
        room: Option<&str>,
        mine: bool,
        paddle: Option<&str>,
        last: Option<u32>,
    ) -> Progress {
        let shown = match self.bids_of(room, mine, paddle, last.unwrap_or(SHOWN)) {
            Ok(shown) => shown,
            Err(report) => return self.reject(report).await,
        };
        self.emit(Event::Bids { id: self.reply_to.id.clone(), shown }).await;
        Progress::Done
    }

    fn bids_of(
        &self,
        room: Option<&str>,
        mine: bool,
        paddle: Option<&str>,
        last: u32,
    ) -> Result<BidsView, Report> {
        let room = room.map(|typed| self.find(typed)).transpose()?;
        let Some(name) = room else {
            let (bids, left_out) = newest(self.own_bids(|_| true), Some(last));
            let (room, short, title) = (None, None, None);
            return Ok(BidsView { room, short, title, mine: true, unopened: 0, bids, left_out });
        };
        let shown = self.shown(name);
        let unopened = shown.as_ref().map_or(0, |shown| shown.auction.unopened() as u64);
        let (bids, left_out) = if mine {
            newest(self.own_bids(|of| of == name), Some(last))
        } else {
            let shown = shown.ok_or_else(|| self.why_no_bids(name))?;
            let positions = match paddle {
                Some(name) => under(shown.auction, name)?,
                None => shown.positions(),
            };
            let (positions, left_out) = newest(positions, Some(last));
            (positions.into_iter().map(|seq| self.bid_at(shown, seq, None)).collect(), left_out)
        };
        Ok(BidsView {
            room: Some(name.to_string()),
            short: Some(self.names.short(name)),
            title: self.title(name),
            mine,
            unopened,
            bids,
            left_out,
        })
    }

    /// An auction whose log is known.
    fn shown(&self, name: RoomName) -> Option<Shown<'_>> {
        let replica = self.rooms.get(&name)?;
        let auction = replica.room().and_then(Auction::of)?;
        Some(Shown { name, replica, auction })
    }

    fn why_no_bids(&self, name: RoomName) -> Report {
        match self.rooms.get(&name) {
            Some(replica) => match replica.known() {
                Some(other) if Auction::of(other).is_none() => super::wrong_kind(other),
                _ => replica.why_not_followed(),
            },
            None => crate::desk::outbox::by_code(pregao_protocol::room::Code::RoomUnknown),
        }
    }

    /// A bid in a log, with what the vault remembers of it.
    fn bid_at(&self, shown: Shown<'_>, seq: u64, hidden: Option<Amount>) -> BidView {
        let Shown { name, replica, auction } = shown;
        let (counted, handed) = (auction.bid(seq), shown.handed(seq));
        let own = replica.is_own(seq);
        let hidden = hidden.or_else(|| self.kept_at(replica, seq).and_then(|kept| kept.hidden));
        let hidden = hidden.filter(|_| !self.hides_bids_in(Some(name)));
        let (standing, cause) = shown.standing(seq);
        BidView {
            room: name.to_string(),
            short: self.names.short(name),
            title: self.title(name),
            seq: Some(seq),
            amount: counted.map(|bid| bid.amount).or(hidden).map(Amount::minor),
            currency: Some(auction.listing().currency.to_string()),
            time: counted.map(|bid| bid.time).or(handed.map(|handed| handed.time)),
            own,
            sealed_bytes: handed.map(|handed| handed.bytes),
            standing,
            cause,
            paddle: auction.paddle_of(seq).map(ToString::to_string),
        }
    }

    /// The user's bids, as the vault keeps them: the oldest first.
    fn own_bids(&self, is_meant: impl Fn(RoomName) -> bool) -> Vec<BidView> {
        let kept = self.vault.contents().actions.iter();
        let bids = kept.filter(|kept| matches!(kept.verb, Verb::Bid | Verb::SealedBid));
        bids.filter_map(|kept| Some((kept.room.parse().ok()?, kept)))
            .filter(|(name, _)| is_meant(*name))
            .map(|(name, kept)| self.own_bid(name, kept))
            .collect()
    }

    fn own_bid(&self, name: RoomName, kept: &ActionRecord) -> BidView {
        let body = Action::parse(&kept.action).ok().map(|action| action.body().clone());
        let offered = match &body {
            Some(Body::Bid(bid)) => Some(bid.amount),
            _ => kept.hidden.filter(|_| !self.hides_bids_in(Some(name))),
        };
        let shown = self.shown(name);
        let logged = shown.and_then(|shown| {
            let is_it = |seq: &u64| {
                shown.replica.action(*seq).is_some_and(|(id, _)| id.to_string() == kept.id)
            };
            Some((shown, shown.replica.own().find(is_it)?))
        });
        if let Some((shown, seq)) = logged {
            return self.bid_at(shown, seq, kept.hidden);
        }
        let known = self.rooms.get(&name).and_then(Replica::known).and_then(Auction::of);
        let currency = match &body {
            Some(Body::Bid(bid)) => Some(bid.currency.to_string()),
            _ => known.map(|auction| auction.listing().currency.to_string()),
        };
        let receipt = self.receipt_of(kept);
        let (standing, cause) = match (&receipt, &kept.refusal) {
            (Some(_), _) => (BidStanding::Receipted, None),
            (None, Some(refusal)) => (BidStanding::Refused, self.cause_of(refusal)),
            (None, None) if self.outbox.actions().any(|act| act.action.digest() == kept.digest) => {
                (BidStanding::UnderWay, None)
            }
            (None, None) => (BidStanding::Unanswered, None),
        };
        let verified = receipt.and_then(|held| held.verified).map(|(_, verified)| verified);
        BidView {
            room: name.to_string(),
            short: self.names.short(name),
            title: self.title(name),
            seq: verified.as_ref().map(|verified| verified.seq),
            amount: offered.map(Amount::minor),
            currency,
            time: verified.map(|verified| verified.time),
            own: true,
            sealed_bytes: (kept.verb == Verb::SealedBid).then_some(kept.action.len() as u64),
            standing,
            cause,
            paddle: body.as_ref().and_then(paddle_in).map(|paddle| paddle.name.to_string()),
        }
    }

    /// What a refusal says, if it holds.
    fn cause_of(&self, refusal: &str) -> Option<String> {
        let entry = &self.connection.session()?.certificate.keys.entry;
        let refused = Refusal::open(refusal, entry).ok()?;
        Some(format!("{} ({})", refused.code.message(), refused.code.as_str()))
    }
}

/// The positions of the bids under a paddle.
fn under(auction: &Auction, name: &str) -> Result<Vec<u64>, Report> {
    let advice = "/paddles lists those of an auction";
    let paddle = name
        .parse::<PaddleName>()
        .map_err(|error| Report::new("command.parse", error.to_string(), advice))?;
    let bids = auction.under(&paddle);
    if bids.is_empty() {
        let message = format!("nobody bids under paddle {paddle} there");
        return Err(Report::new("paddle.unknown", message, advice));
    }
    Ok(bids.to_vec())
}

#[cfg(test)]
mod tests;
