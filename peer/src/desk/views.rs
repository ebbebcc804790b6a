//! Rooms, entries and receipts as the user sees them.

use pregao_protocol::action::short_name;
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::auction::{self, Auction, Outcome};
use pregao_protocol::room::body::{Body, Side};
use pregao_protocol::room::{Room, Stamped};
use pregao_protocol::verify::{self, VerifiedReceipt};

use super::Desk;
use super::follow::Followed;
use crate::amount;
use crate::event::{Event, Phase, ReceiptView, RoomView};

impl Desk {
    pub(super) async fn show_room(&self, name: RoomName) {
        if let Some(view) = self.view(name) {
            self.tell(Event::Room(view)).await;
        }
    }

    fn view(&self, name: RoomName) -> Option<RoomView> {
        let followed = self.rooms.get(&name)?;
        let auction = followed.auction()?;
        let listing = auction.listing();
        let currency = listing.currency.to_string();
        // Of a room that is not followed only the listing is known.
        let only_listed = followed.size() == 0;
        let over_unseen = only_listed && self.reckoned().is_some_and(|now| now >= auction.end());
        let own_bid = |seq: u64| followed.own.contains(&seq);
        Some(RoomView {
            room: name.to_string(),
            short: self.names.short(name),
            title: listing.title.as_str().to_owned(),
            description: listing.description.clone().map(String::from).unwrap_or_default(),
            phase: if over_unseen { Phase::Closed } else { phase(auction) },
            outcome: if over_unseen {
                "/join it to see how it ended".to_owned()
            } else {
                outcome(auction, followed)
            },
            digits: amount::digits(&currency).unwrap_or(0),
            currency,
            start: listing.start.minor(),
            increment: listing.increment.minor(),
            highest: auction.leading().map(|bid| bid.amount.minor()),
            bids: (!only_listed).then_some(auction.bids().len() as u64),
            end: auction.end(),
            extend_secs: listing.soft.map_or(0, |soft| soft.extend.into()),
            own: own_bid(0) || (only_listed && self.has_kept(name, "list")),
            leading: auction.leading().is_some_and(|bid| own_bid(bid.seq)),
            bidding: followed.own.iter().any(|seq| auction.bid(*seq).is_some())
                || (only_listed && self.has_kept(name, "bid")),
            joined: followed.wanted,
            verified_size: followed.head.as_ref().map_or(0, |(size, _)| *size),
        })
    }

    pub(super) async fn items(&self) -> Option<bool> {
        if !self.knows_rooms() {
            return self.cannot(super::acts::offline()).await;
        }
        let rooms = self.rooms.keys().filter_map(|name| self.view(*name)).collect();
        self.tell(Event::Items { rooms }).await;
        Some(true)
    }

    /// Without a connection so far, that no room is known does not mean that there is none.
    fn knows_rooms(&self) -> bool {
        self.online.is_some() || !self.rooms.is_empty()
    }

    pub(super) async fn mine(&self) -> Option<bool> {
        if !self.knows_rooms() {
            return self.cannot(super::acts::offline()).await;
        }
        let views = self.rooms.keys().filter_map(|name| self.view(*name));
        let rooms = views.filter(|view| view.own || view.bidding).collect();
        self.tell(Event::Mine { rooms }).await;
        Some(true)
    }

    /// Every receipt held, checked again from its bytes.
    pub(super) async fn receipts(&self) -> Option<bool> {
        let receipts = self
            .vault
            .contents()
            .actions
            .iter()
            .filter_map(|kept| {
                let text = kept.receipt.as_ref()?.to_string();
                let verified = Receipt::parse(&text)
                    .ok()
                    .and_then(|receipt| verify::receipt(&receipt).ok())
                    .filter(|verified| verified.digest == kept.digest);
                let room: Option<RoomName> = kept.room.parse().ok();
                let followed = room.and_then(|room| self.rooms.get(&room));
                // The log may show another history than the receipt's head.
                let fits = |holds: &VerifiedReceipt| {
                    let root = followed.and_then(|room| room.verified_root(holds.size));
                    root.is_none_or(|root| root == holds.root)
                };
                Some(ReceiptView {
                    room: kept.room.clone(),
                    short: room.map_or_else(String::new, |room| self.names.short(room)),
                    title: room.and_then(|room| self.title(room)),
                    seq: verified.map_or(0, |verified| verified.seq),
                    verb: kept.verb.clone(),
                    time: verified.map(|verified| verified.time).unwrap_or_default(),
                    digest: kept.digest.to_string(),
                    holds: verified.as_ref().is_some_and(fits),
                })
            })
            .collect();
        self.tell(Event::Receipts { receipts }).await;
        Some(true)
    }

    /// Tells of one entry that was just verified.
    pub(super) async fn tell_entry(&self, name: RoomName, seq: u64, stamped: &Stamped, own: bool) {
        let Some(followed) = self.rooms.get(&name) else { return };
        let (room, time) = (name.to_string(), stamped.time());
        let event = match (stamped.action().body(), followed.room()) {
            (Body::Bid(bid), _) => Event::Bid {
                room,
                seq,
                amount: bid.amount.minor(),
                currency: bid.currency.to_string(),
                time,
                own,
            },
            (Body::Say(say), _) => Event::Said {
                room,
                seq,
                author: short_name(stamped.action().key()),
                text: say.text.as_str().to_owned(),
                time,
                own,
            },
            (body, Some(Room::Auction(auction))) => {
                let verb = body.verb().to_owned();
                Event::Happened { room, seq, verb, text: story(body, auction, followed), time }
            }
            (_, Some(Room::Reveal(_)) | None) => return,
        };
        self.tell(event).await;
    }
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

fn outcome(auction: &Auction, followed: &Followed) -> String {
    let currency = auction.listing().currency.to_string();
    let whose = |winner: u64| if followed.own.contains(&winner) { "you" } else { "somebody" };
    match auction.phase() {
        auction::Phase::Open | auction::Phase::Closed => String::new(),
        auction::Phase::Settled { winner, price, .. } => {
            format!("won by {} for {}", whose(winner), amount::print_in(price.minor(), &currency))
        }
        auction::Phase::Ended(Outcome::Sold { winner, price }) => {
            let price = amount::print_in(price.minor(), &currency);
            format!("sold to {} for {price}", whose(winner))
        }
        auction::Phase::Ended(Outcome::Unsold) => "not sold".to_owned(),
        auction::Phase::Ended(Outcome::Abandoned) => "abandoned by the seller".to_owned(),
        auction::Phase::Ended(Outcome::Withdrawn(Side::Seller)) => {
            "withdrawn by the seller".to_owned()
        }
        auction::Phase::Ended(Outcome::Withdrawn(Side::Winner)) => {
            "withdrawn by the winner".to_owned()
        }
    }
}

fn story(body: &Body, auction: &Auction, followed: &Followed) -> String {
    match body {
        Body::List(_) => "listed".to_owned(),
        Body::Closed(_) if auction.closed_late() => {
            "later than the terms allow: nobody is bound".to_owned()
        }
        Body::Closed(_) => "no further bid counts".to_owned(),
        Body::Settled(_) if auction.winner().is_none() => "ended without a sale".to_owned(),
        Body::Settled(_) | Body::Revealed(_) => outcome(auction, followed),
        Body::Forfeited(forfeited) => format!(
            "the winner stayed away: {} of their bids are forfeited",
            forfeited.others.len() + 1
        ),
        Body::Abandoned(_) => "the seller stayed away: abandoned".to_owned(),
        Body::Withdrawn(_) => outcome(auction, followed),
        other => other.verb().to_owned(),
    }
}
