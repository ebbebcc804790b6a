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

/// How a rule for the price is typed and shown.
pub(super) const fn word(price: PriceRule) -> &'static str {
    match price {
        PriceRule::First => "first",
        PriceRule::Second => "second",
    }
}

/// The terms that a rule for the price stands for.
pub(super) const fn terms(price: PriceRule) -> SealedTerms {
    // The TSA of the session: it alone keeps what opens the bids besides the broker.
    SealedTerms { price, needed: 1 }
}

/// Refuses terms that mean nothing where nobody sees the bids, and a broker without a witness: nobody could say there that
/// the close was public before bids can be read.
pub(super) fn may_be_listed(listing: &NewListing, quorum: u32) -> Result<(), Report> {
    if let Some(term) = listing.meaningless() {
        let what = format!("{term} has no meaning where bids are sealed");
        return Err(Report::new(Code::ListingTerms.as_str(), what, "leave it out, or `sealed`"));
    }
    if quorum == 0 {
        let what = "this broker has no witness, and bids are sealed only where one dates the close";
        let advice = "list it without `sealed`, or at another broker";
        return Err(Report::new(Code::ListingTerms.as_str(), what, advice));
    }
    Ok(())
}

/// The broker has not said yet what bids are sealed to.
pub(super) fn without_keys() -> Report {
    let what = "the broker has not said yet what bids are sealed to";
    Report::new(Code::BidEarly.as_str(), what, "bid again in a moment")
}

/// What a seller reads of the prices.
pub(super) fn prices(price: PriceRule, least: &str) -> Vec<String> {
    vec![
        format!(
            "Bids are sealed: nobody reads one before it is over, and then everybody reads all. {least} or more counts."
        ),
        match price {
            PriceRule::First => {
                "The highest bid wins and pays what it says; of equal ones the first.".to_owned()
            }
            PriceRule::Second => format!(
                "The highest bid wins, of equal ones the first, and pays the highest that loses, or {least} if there is none."
            ),
        },
        "The broker and the TSA together could read bids early; neither can alone.".to_owned(),
    ]
}

/// What there is to wait for after the end.
pub(super) fn waiting(auction: &Auction) -> String {
    let bids = bids(auction.unopened());
    format!("{bids} still sealed; they open without you")
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
        text.push_str(&format!("; YOUR BID IS VOID: {}", void.cause));
    }
    if !others.is_empty() {
        text.push_str(&format!("; {} void", bids(others.len())));
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
        seal_bid(recipients, (room, &key), bid.amount, bid.seal, &halves)
            .map_err(|_| by_code(Code::SealingWrong))
    }
}
