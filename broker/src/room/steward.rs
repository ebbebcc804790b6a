//! What a room does by itself when its time has come: close, settle, open the reveal room,
//! record absence and outcome (SPEC 7.3 and 8).
//!
//! Every step is decided from the fold alone, so a broker that died between two steps takes up
//! the next one when it starts.

use std::collections::HashMap;
use std::time::Instant;

use pregao_protocol::action::Draft;
use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::persona::{BlindContext, Ratio};
use pregao_protocol::room::auction::{Auction, MAX_FORFEITED, Phase};
use pregao_protocol::room::body::{
    Absent, Body, By, Empty, Forfeited, ForfeitedBid, Reveal, Settled, Side,
};
use pregao_protocol::room::reveal::{End, RevealRoom};
use pregao_protocol::room::{Code, Room};

use super::turn::Group;
use super::{Call, RevealEnd, RoomTask};
use crate::house::fresh_uuid;
use crate::links::Link;
use crate::store::StoreError;

impl RoomTask {
    /// Takes every step that is due.
    pub(super) async fn advance(&mut self) {
        // Until then, `next_try` knows when to come back.
        if self.may_commit().await.is_err() {
            return;
        }
        while let Some(body) = self.step().await {
            let (closed, revealed) =
                (matches!(body, Body::Closed(_)), matches!(body, Body::Revealed(_)));
            if let Err(code) = self.append_own(body).await {
                tracing::warn!(%code, "a step of a room is put off; it is tried again");
                self.steps.failed();
                break;
            }
            self.house.metrics.closed.add(closed.into());
            self.house.metrics.revealed.add(revealed.into());
        }
        if self.stale {
            // What the fold says now is in no log: nothing may follow from it.
            return;
        }
        if self.is_over() {
            self.house.forget_authors(self.name).await;
            self.seller = None;
        }
        if let (Room::Reveal(reveal), Some(end)) = (&self.room, self.finished_reveal()) {
            let ended = Call::RevealEnded { settled: reveal.opening().settled, end };
            self.house.call(reveal.opening().auction, ended);
        }
        self.schedule();
    }

    /// Asks the monitor to wake this room when its next step is due, or may be tried again.
    pub(super) fn schedule(&self) {
        if self.patience.is_some() {
            return;
        }
        let due = match &self.room {
            Room::Auction(auction) => match auction.phase() {
                Phase::Open => Some(auction.end()),
                Phase::Closed => Some(Time::default()),
                Phase::Settled { seq, .. } => {
                    let opened = self.reveal.is_some_and(|(settled, _)| settled == seq);
                    (!opened || !self.invited || self.reveal_end.is_some()).then(Time::default)
                }
                Phase::Ended(_) => None,
            },
            Room::Reveal(_) if self.finished_reveal().is_some() => None,
            Room::Reveal(reveal) => Some(reveal.opening().deadline),
        };
        let Some(due) = due else { return };
        let now = self.house.stamps.last().map_or_else(Time::default, |newest| newest.now());
        self.house.wake_at(due.max(now.plus(self.steps.pause())), self.name);
    }

    /// The next entry that the broker owes this room, if one is due.
    async fn step(&mut self) -> Option<Body> {
        let now = self.house.stamps.newest().ok()?.batch.time();
        match &self.room {
            Room::Auction(auction) => match auction.phase() {
                Phase::Open => (now >= auction.end()).then_some(Body::Closed(Empty {})),
                Phase::Closed => {
                    let leading = auction.leading();
                    let winner = leading.map(|bid| bid.seq);
                    let price = leading.map(|bid| bid.amount);
                    Some(Body::Settled(Settled { winner, price }))
                }
                Phase::Settled { seq, .. } => {
                    if self.reveal.is_none_or(|(settled, _)| settled != seq) {
                        self.reveal_end = None;
                        self.open_reveal().await;
                    } else if !self.invited {
                        self.invite().await;
                    }
                    self.outcome().await
                }
                Phase::Ended(_) => None,
            },
            Room::Reveal(reveal) => {
                let over = self.finished_reveal().is_none() && now > reveal.opening().deadline;
                let health = self.house.writer.health();
                self.patience = self.turned_away.patience(health, Instant::now()).filter(|_| over);
                (over && self.patience.is_none()).then(|| {
                    let absent = |side| !self.held.iter().any(|(held, _)| *held == side);
                    let (seller, winner) = (absent(Side::Seller), absent(Side::Winner));
                    Body::Absent(Absent { seller, winner })
                })
            }
        }
    }

    /// Signs, stamps and appends an entry of the broker's own.
    async fn append_own(&mut self, body: Body) -> Result<(), Code> {
        let draft = Draft {
            id: fresh_uuid(),
            room: Some(self.name),
            body,
            seen: self.room.ledger().head(),
        };
        let stamped = self.house.sign_and_stamp(&draft).await?;
        let mut group = Group::default();
        let accepted = self.room.judge(&stamped)?;
        self.include(&accepted, &stamped, &mut group)?;
        self.commit(group, None).await.map_err(|_| Code::StoreFailed)
    }

    /// How the reveal went, if this is a reveal room and it is over.
    pub(super) fn finished_reveal(&self) -> Option<RevealEnd> {
        let Room::Reveal(reveal) = &self.room else { return None };
        finished(reveal)
    }

    pub(super) async fn reveal_ended(&mut self, settled: u64, end: RevealEnd) {
        let Room::Auction(auction) = &self.room else { return };
        if matches!(auction.phase(), Phase::Settled { seq, .. } if seq == settled) {
            self.reveal_end = Some(end);
            self.advance().await;
        }
    }

    /// What the end of the reveal means for the auction.
    async fn outcome(&mut self) -> Option<Body> {
        let body = match self.reveal_end? {
            RevealEnd::Complete => Body::Revealed(Empty {}),
            RevealEnd::Withdrawn(side) => Body::Withdrawn(By { side }),
            RevealEnd::Absent(absent) if absent.seller => Body::Abandoned(Empty {}),
            RevealEnd::Absent(_) => match self.forfeit().await {
                Some(forfeited) => Body::Forfeited(forfeited),
                None => {
                    self.steps.failed();
                    return None;
                }
            },
        };
        Some(body)
    }

    /// Every bid of the absent winner's persona, each tied to the winning bid by a ratio.
    async fn forfeit(&self) -> Option<Forfeited> {
        let Room::Auction(auction) = &self.room else { return None };
        let winner = auction.winner()?;
        let links = self.house.authors(self.name).await.inspect_err(|error| {
            tracing::warn!(%error, "who is behind the bids cannot be read; tried again");
        });
        let links = links.ok().flatten()?;
        let by_key: HashMap<_, &Link> = links.iter().map(|link| (link.key, link)).collect();
        let find = |key| by_key.get(&key).copied();
        let author = find(winner.key)?;
        let broker = self.house.fingerprint();
        let context =
            |link: &Link| BlindContext { broker, action: link.action, persona: link.persona };
        // The highest ones, should there be too many for one entry: what stays could only win a
        // later round, and is forfeited then.
        let mut others: Vec<ForfeitedBid> = auction
            .bids()
            .iter()
            .rev()
            .filter(|bid| !bid.forfeited && bid.seq != winner.seq)
            .filter_map(|bid| {
                let link = find(bid.key).filter(|link| link.persona == author.persona)?;
                let first = (&author.blind, &context(author));
                let ratio = Ratio::between(first, (&link.blind, &context(link)));
                Some(ForfeitedBid { seq: bid.seq, ratio })
            })
            .take(MAX_FORFEITED)
            .collect();
        others.reverse();
        Some(Forfeited { winner: winner.seq, others })
    }

    /// Opens the private room of seller and winner and invites both.
    async fn open_reveal(&mut self) {
        let Room::Auction(auction) = &self.room else { return };
        let (settled, reveal) = match self.reveal_opening(auction).await {
            Ok(Some(opening)) => opening,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "a reveal room could not be opened; tried again");
                return self.steps.failed();
            }
        };
        let draft = Draft {
            id: fresh_uuid(),
            room: None,
            body: Body::Reveal(reveal),
            seen: pregao_protocol::action::Seen::nothing(),
        };
        let opened = match self.house.sign_and_stamp(&draft).await {
            Ok(stamped) => self.house.open(&stamped, None).await,
            Err(code) => Err(code),
        };
        match opened {
            Ok(room) => {
                (self.reveal, self.invited) = (Some((settled, room)), false);
                self.invite().await;
            }
            Err(code) => {
                tracing::warn!(%code, "a reveal room could not be opened; tried again");
                self.steps.failed();
            }
        }
    }

    /// Invites both sides to the reveal room: without it they would stay away unknowingly.
    async fn invite(&mut self) {
        let Room::Auction(auction) = &self.room else { return };
        let (Some((_, room)), Some(winner)) = (self.reveal, auction.winner()) else { return };
        match self.house.invite(self.name, room, [*auction.seller(), winner.key]).await {
            Ok(()) => self.invited = true,
            Err(error) => {
                tracing::warn!(%error, "seller and winner could not be invited; tried again");
                self.steps.failed();
            }
        }
    }

    /// What a reveal room of the newest settlement begins with, and where that is logged.
    async fn reveal_opening(&self, auction: &Auction) -> Result<Option<(u64, Reveal)>, StoreError> {
        let Some(winner) = auction.winner() else { return Ok(None) };
        let Phase::Settled { seq, time, .. } = auction.phase() else { return Ok(None) };
        // That of the settlement: opened late, the room may have grown since.
        let root = self.house.root(self.name, seq.saturating_add(1)).await?;
        let listing = auction.listing();
        let within = std::time::Duration::from_secs(listing.disclose_within.into());
        let mut nonce = [0_u8; 32];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::Random)?;
        // A reveal room opened late, after an outage, still gives the two their full time.
        let Ok(newest) = self.house.stamps.newest() else { return Ok(None) };
        let now = newest.now();
        let reveal = Reveal {
            nonce: Digest(nonce),
            auction: self.name,
            settled: seq,
            root,
            seller: *auction.seller(),
            winner: winner.key,
            seller_seal: listing.seal,
            winner_seal: winner.seal,
            deadline: time.max(now).plus(within),
            withdrawal: auction.withdrawal(),
            freshness: listing.freshness,
            broker: listing.broker,
            stamps: listing.stamps.clone(),
        };
        Ok(Some((seq, reveal)))
    }
}

fn finished(reveal: &RevealRoom) -> Option<RevealEnd> {
    match reveal.end() {
        _ if reveal.complete() => Some(RevealEnd::Complete),
        Some(End::Withdrawn(side)) => Some(RevealEnd::Withdrawn(side)),
        Some(End::Absent(absent)) => Some(RevealEnd::Absent(absent)),
        None => None,
    }
}
