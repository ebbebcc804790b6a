//! Paddles: under which public name one bids where, and who bids under which (`/paddle`, `/paddles`).

use pregao_protocol::log::{Entry, Receipt, RoomName};
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::auction::{self, Auction};
use pregao_protocol::room::body::{Body, Paddle, PaddleName, SameAuthor, Verb};
use pregao_protocol::trust::persona::{Blind, BlindContext, Ratio};
use pregao_protocol::value::report::Report;
use uuid::Uuid;

use super::OwnKey;
use crate::command::PaddleTask;
use crate::desk::Desk;
use crate::desk::answers::Progress;
use crate::desk::outbox::by_code;
use crate::event::{Event, PaddleView};
use crate::vault::{ActionRecord, PaddleRecord};

impl Desk {
    /// Takes a paddle, puts one down, or says which are held.
    pub(in crate::desk) async fn paddle(&mut self, task: &PaddleTask) -> Progress {
        match task {
            PaddleTask::Tell => self.tell_paddles().await,
            PaddleTask::Here { room, name } => {
                let Some(at) = self.find_or_refuse(room).await else { return Progress::Failed };
                if let Err(report) = self.open_auction(&at.to_string()) {
                    return self.reject(report).await;
                }
                self.hold(at.to_string(), name.as_deref()).await
            }
            PaddleTask::Everywhere { name, anyway } => {
                if name.is_some() && !anyway {
                    let message = "under one paddle everywhere, whoever you deal with once knows all your bids with \
                                   this broker, past and to come";
                    let advice = "take one for each auction: /paddle ROOM NAME; or say that you want it: /paddle all \
                                  NAME anyway";
                    return self.reject(Report::new("paddle.everywhere", message, advice)).await;
                }
                self.hold(self.options.broker.fingerprint.to_string(), name.as_deref()).await
            }
        }
    }

    /// Remembers the paddle for an auction, or for a broker; without a name, that there is none.
    async fn hold(&mut self, place: String, typed: Option<&str>) -> Progress {
        let name = match typed.map(|typed| typed.to_ascii_lowercase().parse::<PaddleName>()) {
            None => None,
            Some(Ok(name)) => Some(name),
            Some(Err(error)) => {
                let advice = "choose a number or a short name: /paddle ROOM 17".to_owned();
                return self.reject(Report::new("command.parse", error.to_string(), advice)).await;
            }
        };
        let room = place.parse::<RoomName>().ok();
        if let (Some(name), Some(room)) = (&name, room)
            && let Err(report) = self.paddle_as(room, name)
            && report.code == Code::BidPaddle.as_str()
        {
            return self.reject(report).await;
        }
        let record = PaddleRecord { place: place.clone(), name: name.clone() };
        let kept = self.vault.update(|contents| {
            contents.paddles.retain(|held| held.place != place);
            contents.paddles.push(record);
        });
        if let Err(error) = kept {
            self.vault_trouble(&error).await;
            return Progress::Failed;
        }
        let broker = self.options.broker.fingerprint.to_string();
        let text = match (name, place == broker) {
            (Some(name), true) => format!(
                "your bids are made under paddle {name} in every auction of this broker from now on: everybody sees \
                 that they are one bidder's"
            ),
            (Some(name), false) => format!(
                "your bids in that auction are made under paddle {name} from now on: everybody sees that they are one \
                 bidder's"
            ),
            (None, true) => {
                "your bids are made under no paddle, except in auctions where you took one"
                    .to_owned()
            }
            (None, false) => {
                "your bids in that auction are made under no paddle from now on".to_owned()
            }
        };
        self.note(text).await;
        Progress::Done
    }

    async fn tell_paddles(&mut self) -> Progress {
        let broker = self.options.broker.fingerprint.to_string();
        let place = |held: &PaddleRecord| match held.place.parse::<RoomName>() {
            _ if held.place == broker => Some("in every auction of this broker".to_owned()),
            Ok(room) if self.rooms.get(&room).is_some() => {
                Some(format!("in #{}", self.names.short(room)))
            }
            // Another broker's, or of an auction that nobody shows any more.
            _ => None,
        };
        let told = self.vault.contents().paddles.iter().filter_map(|held| {
            let place = place(held)?;
            Some(match &held.name {
                Some(name) => format!("paddle {name} {place}"),
                None => format!("no paddle {place}"),
            })
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() {
            self.note("you bid under no paddle: /paddle ROOM NAME".to_owned()).await;
        }
        for text in told {
            self.note(text).await;
        }
        Progress::Done
    }

    /// Says who bids under which paddle in an auction.
    pub(in crate::desk) async fn paddles(&mut self, room: &str) -> Progress {
        let Some(name) = self.find_or_refuse(room).await else { return Progress::Failed };
        let Some((replica, auction)) = self.rooms.get(&name).and_then(|replica| {
            let auction = replica.room().and_then(Auction::of)?;
            (replica.size() > 0).then_some((replica, auction))
        }) else {
            let advice = "join it, so that its log is here: /join".to_owned();
            return self
                .reject(Report::new("room.not-followed", "its bids are not known here", advice))
                .await;
        };
        let leading = super::reserve::leads(auction).map(|bid| bid.seq);
        let paddles = auction.paddles().map(|(paddle, bids)| {
            let last = bids.last().and_then(|seq| auction.bid(*seq));
            PaddleView {
                name: paddle.to_string(),
                bids: bids.to_vec(),
                last: last.map(|bid| bid.amount.minor()),
                leading: leading.is_some_and(|seq| bids.contains(&seq)),
                own: bids.iter().any(|seq| replica.is_own(*seq)),
            }
        });
        let paddles: Vec<PaddleView> = paddles.collect();
        let under: usize = paddles.iter().map(|paddle| paddle.bids.len()).sum();
        let event = Event::Paddles {
            room: name.to_string(),
            short: self.names.short(name),
            currency: auction.listing().currency.to_string(),
            others: auction.bid_count().saturating_sub(under) as u64,
            paddles,
        };
        self.emit(event).await;
        Progress::Done
    }

    /// Under which paddle the user bids in an auction.
    pub(super) fn paddle_in(&self, room: RoomName) -> Option<&PaddleName> {
        let held = |place: String| {
            self.vault.contents().paddles.iter().find(move |held| held.place == place)
        };
        let broker = || held(self.options.broker.fingerprint.to_string());
        held(room.to_string()).or_else(broker)?.name.as_ref()
    }

    /// The paddle of a bid that is about to be signed, tied to none yet.
    ///
    /// # Errors
    /// As [`Desk::tied`], before anything is signed.
    pub(super) fn paddle_of_next(&self, room: RoomName) -> Result<Option<Paddle>, Report> {
        let Some(name) = self.paddle_in(room) else { return Ok(None) };
        self.paddle_as(room, name)?;
        Ok(Some(Paddle { name: name.clone(), earlier: None }))
    }

    /// Ties a bid to the user's earlier one under its paddle, if there is one (V-201).
    pub(super) fn tied(
        &self,
        room: RoomName,
        paddle: &mut Paddle,
        own: &OwnKey<'_>,
    ) -> Result<(), Report> {
        let earlier = self.paddle_as(room, &paddle.name)?;
        paddle.earlier = earlier.and_then(|(seq, kept)| {
            let context = BlindContext { action: kept.id.parse().ok()?, ..*own.context };
            let blind = Blind::from_random(*kept.blind.expose());
            let ratio = Ratio::between((&blind, &context), (own.blind, own.context));
            Some(SameAuthor { seq, ratio })
        });
        Ok(())
    }

    /// The user's newest bid under a paddle with its position; `None` if nobody has bid under it.
    ///
    /// # Errors
    /// Somebody else holds it, or the first bid under it is not answered yet.
    fn paddle_as(
        &self,
        room: RoomName,
        name: &PaddleName,
    ) -> Result<Option<(u64, &ActionRecord)>, Report> {
        let mut waits = false;
        for kept in self.bids_in(room).filter(|kept| is_under(kept, name)) {
            match self.position_of(room, kept) {
                Some(seq) => return Ok(Some((seq, kept))),
                None => waits |= self.is_under_way(kept),
            }
        }
        if waits {
            let message = format!("your first bid under paddle {name} is not answered yet");
            let advice = "bid again once it is: then the paddle is yours";
            return Err(Report::new("paddle.under-way", message, advice));
        }
        let held = self.auction(room).is_some_and(|auction| !auction.under(name).is_empty());
        if held { Err(by_code(Code::BidPaddle)) } else { Ok(None) }
    }

    /// Where an own action is in the log, by the log or by its receipt.
    pub(super) fn position_of(&self, room: RoomName, kept: &ActionRecord) -> Option<u64> {
        let logged = self.rooms.get(&room).and_then(|replica| {
            let id: Uuid = kept.id.parse().ok()?;
            replica.own().rev().find(|seq| replica.action(*seq).is_some_and(|(own, _)| own == id))
        });
        let receipted = || {
            let receipt = Receipt::parse(&kept.receipt.as_ref()?.to_string()).ok()?;
            Entry::parse(&receipt.entry).ok().map(|entry| entry.seq)
        };
        logged.or_else(receipted)
    }

    /// A bid that would be one too many, as far as this vault remembers (V-202).
    pub(super) fn too_many(&self, room: RoomName, auction: &Auction) -> Option<Report> {
        let most = auction.listing().bids_each?;
        let made = self.bids_made(room);
        (made >= u64::from(most)).then(|| by_code(Code::BidLimit))
    }

    /// Whether one more bid of the user's fits what the listing allows: those in the log are fewer.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn fits_the_bound(&self, room: RoomName) -> Result<(), Report> {
        let Some(most) = self.auction(room).and_then(|auction| auction.listing().bids_each) else {
            return Ok(());
        };
        let logged = self.bids_in(room).filter(|kept| self.position_of(room, kept).is_some());
        if logged.count() as u64 >= u64::from(most) { Err(by_code(Code::BidLimit)) } else { Ok(()) }
    }

    /// How many bids of the user's are in a room's log, or on their way there. What was not answered may be in it, and may
    /// not: the broker, which knows, signs what it says about it.
    fn bids_made(&self, room: RoomName) -> u64 {
        let bids = self.bids_in(room);
        bids.filter(|kept| self.is_under_way(kept) || self.position_of(room, kept).is_some())
            .count() as u64
    }

    /// The user's bids in a room that were not refused, the newest first.
    fn bids_in(&self, room: RoomName) -> impl Iterator<Item = &ActionRecord> {
        let here = room.to_string();
        self.vault.contents().actions.iter().rev().filter(move |kept| {
            let is_bid = matches!(kept.verb, Verb::Bid | Verb::SealedBid);
            is_bid && kept.room == here && kept.refusal.is_none()
        })
    }

    fn is_under_way(&self, kept: &ActionRecord) -> bool {
        self.outbox.actions().any(|act| act.action.digest() == kept.digest)
    }

    /// Forgets the paddle of an auction that takes no more bids.
    pub(super) fn puts_down(&mut self, room: RoomName) {
        let over =
            self.auction(room).is_some_and(|auction| auction.phase() != auction::Phase::Open);
        let place = room.to_string();
        if over && self.vault.contents().paddles.iter().any(|held| held.place == place) {
            // Nothing is lost if it cannot be written now: it is tried again with the next entry.
            let _ =
                self.vault.update(|contents| contents.paddles.retain(|held| held.place != place));
        }
    }
}

fn is_under(kept: &ActionRecord, name: &PaddleName) -> bool {
    let Ok(action) = Action::parse(&kept.action) else { return false };
    paddle_in(action.body()).is_some_and(|paddle| paddle.name == *name)
}

/// The paddle of a bid, if it has one.
pub(super) const fn paddle_in(body: &Body) -> Option<&Paddle> {
    match body {
        Body::Bid(bid) => bid.paddle.as_ref(),
        Body::SealedBid(bid) => bid.paddle.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
