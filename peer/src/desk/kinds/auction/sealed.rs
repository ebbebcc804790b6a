//! Auctions with sealed bids: what their users read, and how a bid is sealed.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::auction::sealed::Voided;
use pregao_protocol::room::auction::sealed::envelope::seal_bid;
use pregao_protocol::room::body::{Amount, Bid, PriceRule, SealedBid, SealedTerms};
use pregao_protocol::trust::key::{OneTime, PublicKey};
use pregao_protocol::value::report::Report;
use zeroize::Zeroizing;

use crate::command::NewListing;
use crate::desk::Desk;
use crate::desk::outbox::{by_code, no_randomness};
use crate::desk::replica::Replica;
use crate::text::amount;
use crate::text::sanitize::sanitize;

/// How a rule for the price is typed and shown.
pub(super) const fn word(price: PriceRule) -> &'static str {
    match price {
        PriceRule::First => "first",
        PriceRule::Second => "second",
    }
}

/// Refuses to seal bids at a broker without a witness: nobody could say there that
/// the close was public before bids can be read.
pub(super) fn may_be_listed(listing: &NewListing, quorum: u32) -> Result<(), Report> {
    let (what, advice) = match (listing.sealed, &listing.reserve) {
        (Some(_), _) => (
            "this broker has no witness, and bids are sealed only where one dates the close",
            "list it without `sealed`, or at another broker",
        ),
        (None, Some(_)) => (
            "this broker has no witness, and a reserve is sealed only where one dates the close",
            "list it without `reserve`, or at another broker",
        ),
        (None, None) => return Ok(()),
    };
    if quorum == 0 {
        return Err(Report::new(Code::ListingTerms.as_str(), what, advice));
    }
    Ok(())
}

/// The broker has not said yet what bids are sealed to.
pub(super) fn without_keys() -> Report {
    let what = "the broker has not said yet to which keys bids, or a reserve, are sealed: it asks the TSAs that lock them";
    Report::new(Code::BidEarly.as_str(), what, "bid again in a moment")
}

/// What a seller reads of the prices.
pub(super) fn prices(terms: &SealedTerms, of: usize, least: &str, reserved: bool) -> Vec<String> {
    let floor = if reserved { ", and at least the reserve" } else { "" };
    vec![
        format!(
            "Bids are sealed: nobody reads one before it is over, and then everybody reads all. {least} or more counts."
        ),
        match terms.price {
            PriceRule::First => {
                "The highest bid wins and pays what it says; of equal ones the first.".to_owned()
            }
            PriceRule::Second => format!(
                "The highest bid wins, of equal ones the first, and pays the highest that loses, or {least} if there is none{floor}."
            ),
        },
        match (terms.needed, of) {
            (1, 1) => "The broker and the TSA together could read bids early; neither can alone."
                .to_owned(),
            (1, _) => format!(
                "The broker and any one of {of} TSAs together could read bids early; the TSAs alone cannot."
            ),
            (needed, _) => format!(
                "The broker and any {needed} of {of} TSAs together could read bids early; fewer cannot. The opening waits for {needed} of them."
            ),
        },
    ]
}

/// What there is to wait for after the end.
pub(super) fn waiting(auction: &Auction, whom: Option<&str>) -> String {
    let bids = bids(auction.unopened());
    match whom {
        Some(whom) => format!("{bids} still sealed, {whom}"),
        None => format!("{bids} still sealed; they open without you"),
    }
}

/// What the opening brought, the user's own bids that are void named.
pub(super) fn opened(auction: &Auction, replica: &Replica) -> String {
    let highest = auction.leading().map(|bid| {
        let currency = auction.listing().currency.to_string();
        format!(", the highest {}", amount::print_in(bid.amount.minor(), &currency))
    });
    let mut text = format!("{} opened{}", bids(auction.bids().len()), highest.unwrap_or_default());
    let (own, others): (Vec<&Voided>, Vec<&Voided>) =
        auction.voided().iter().partition(|void| replica.is_own(void.seq));
    for void in own {
        let says = void.says.as_ref().map(|says| format!(": “{}”", sanitize(says.as_str())));
        let says = says.unwrap_or_default();
        text.push_str(&format!("; YOUR BID IS VOID: {}{says}", void.cause));
    }
    if !others.is_empty() {
        text.push_str(&format!("; {} void", bids(others.len())));
    }
    if auction.reserve().is_some() {
        text.push_str(&format!("; {}", super::reserve::opened(auction)));
    }
    text
}

fn bids(count: usize) -> String {
    if count == 1 { "1 bid".to_owned() } else { format!("{count} bids") }
}

/// An own sealed bid, with what it offers as far as this vault remembers that.
pub(super) fn own_bid(auction: &Auction, hidden: Option<Amount>) -> String {
    let currency = auction.listing().currency.to_string();
    match hidden {
        Some(amount) => {
            format!("your sealed bid of {}", amount::print_in(amount.minor(), &currency))
        }
        None => "your sealed bid".to_owned(),
    }
}

impl Desk {
    /// The highest bid that the user has handed in under seal in a room, as far as this vault remembers.
    pub(super) fn sealed_before(&self, room: RoomName) -> Option<u64> {
        let name = room.to_string();
        let kept = self.vault.contents().actions.iter();
        let here = kept.filter(|kept| kept.room == name && kept.refusal.is_none());
        here.filter_map(|kept| kept.hidden).map(Amount::minor).max()
    }

    /// Seals a bid with halves of its key drawn for it alone.
    pub(super) fn seal_bid(
        &self,
        room: RoomName,
        auction: &Auction,
        bid: &Bid,
        key: PublicKey<OneTime>,
    ) -> Result<SealedBid, Report> {
        let recipients = auction.recipients().ok_or_else(without_keys)?;
        let random = &self.options.host;
        let halves = random.random().and_then(|first| Ok([first, random.random()?]));
        let halves = Zeroizing::new(halves.map_err(no_randomness)?);
        let sealed = seal_bid(recipients, (room, &key), bid.amount, bid.seal, &halves)
            .map_err(|_| by_code(Code::SealingWrong))?;
        Ok(SealedBid { paddle: bid.paddle.clone(), ..sealed })
    }
}
