//! The four who judge a history: the broker's fold, a peer's replay, the offline verifier, and the naive model.

use pregao_protocol::audit::verdict::{AuctionShown, BidShown, Standing, verdict};
use pregao_protocol::log::merkle::leaf_hash;
use pregao_protocol::log::stamp::Headers;
use pregao_protocol::room::auction::{Late, Outcome, Phase};
use pregao_protocol::room::{Auction, Replay, ReplayError, Room};

use super::house::{House, Made};
use super::model;
use super::plain::{Record, Verdict};

/// What was refused, and where.
#[derive(Debug)]
pub(super) struct Refused {
    /// After how many entries.
    pub(super) at: usize,
    /// The entry that it would have been.
    pub(super) entry: String,
    pub(super) made: Made,
    pub(super) code: &'static str,
}

/// The broker's: every action is judged before it is logged. What it is handed was verified.
#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) room: Option<Room>,
}

impl Broker {
    /// Takes an action, or says by which code it does not.
    pub(super) fn decide(&mut self, made: &Made, entry: &str) -> Result<(), &'static str> {
        let leaf = leaf_hash(entry.as_bytes());
        match &mut self.room {
            None => {
                let opened = Room::open(&made.stamped, leaf).map_err(|code| code.as_str())?;
                self.room = Some(opened.0);
            }
            Some(room) => {
                let accepted = room.judge(&made.stamped).map_err(|code| code.as_str())?;
                room.append(&accepted, &made.stamped, leaf).expect("it was judged right before");
            }
        }
        Ok(())
    }

    pub(super) fn auction(&self) -> Option<&Auction> {
        self.room.as_ref().and_then(Auction::of)
    }
}

/// A peer's: the log in two records, cut somewhere, each with its headers. What the broker refused is tried where it
/// was refused, and is refused here by the same code.
pub(super) fn replayed(
    house: &House<'_>,
    cut: usize,
    refused: &[Refused],
) -> Result<Replay, String> {
    let logged: Vec<_> = house.logged().collect();
    let (first, second) = logged.split_at_checked(cut).ok_or("there is no such cut")?;
    let mut replay = Replay::new();
    let mut at = 0;
    for record in [first, second] {
        let mut headers: Vec<&str> = Vec::new();
        for logged in record {
            if !headers.contains(&logged.header) {
                headers.push(logged.header);
            }
        }
        let beside = Headers::of(&headers, record.len());
        let mut beside = beside.map_err(|error| format!("the headers of a record: {error}"))?;
        for logged in record {
            try_refused(&mut replay, refused.iter().filter(|refused| refused.at == at))?;
            let pushed = replay.push_of(logged.entry, &mut beside);
            pushed.map_err(|error| format!("the peer refuses entry {at}: {error}"))?;
            at += 1;
        }
        beside.finish().map_err(|error| format!("the headers of a record: {error}"))?;
    }
    try_refused(&mut replay, refused.iter().filter(|refused| refused.at == at))?;
    Ok(replay)
}

fn try_refused<'a>(
    replay: &mut Replay,
    refused: impl Iterator<Item = &'a Refused>,
) -> Result<(), String> {
    for Refused { at, entry, made, code } in refused {
        let header = [made.stamped.batch().compact()];
        let mut beside = Headers::of(&header, 1).map_err(|error| error.to_string())?;
        let told = match replay.push_of(entry, &mut beside) {
            Err(ReplayError::Rule { code, .. }) => code.as_str(),
            // To a peer, a stamp by a TSA that is not named is none (V-020).
            Err(ReplayError::Stamp { .. }) => "stamp.unknown-tsa",
            Err(error) => return Err(format!("the peer, of what is refused at {at}: {error}")),
            Ok(_) => return Err(format!("the peer takes what is refused at {at} by {code}")),
        };
        if told != *code {
            return Err(format!("the peer refuses by {told} what is refused at {at} by {code}"));
        }
    }
    Ok(())
}

/// The offline verifier's: the file of the whole log.
pub(super) fn verified(house: &House<'_>) -> Result<AuctionShown, String> {
    let verdict = verdict(house.transcript(usize::MAX, None).as_bytes());
    match (verdict.verdict, &verdict.auction) {
        (Standing::Valid | Standing::Incomplete, Some(auction)) => Ok(auction.clone()),
        _ => Err(format!("the verifier refuses it: {}", verdict.encode())),
    }
}

/// The offline verifier's, of a file that ends with what was refused. A header that is older than F is past: an entry that names
/// one again is stale, whatever else is wrong with it (V-029).
pub(super) fn refuses(house: &House<'_>, refused: &Refused, is_stale: bool) -> Result<(), String> {
    let Refused { at, entry, made, code } = refused;
    // A header that an entry before names is not repeated: the log's lines see to that.
    let verdict = verdict(house.transcript(*at, Some((entry, made))).as_bytes());
    let told = verdict.rule.map_or("none", |rule| rule.as_str());
    let unknown = *code == "stamp.unknown-tsa" && told == "V-020";
    let is_past = is_stale && house.has_header(*at, made);
    let due = if is_past { "stamp.stale" } else { *code };
    let fits = (told == due || (unknown && !is_past)) && verdict.entry == Some(*at as u64);
    if fits {
        return Ok(());
    }
    Err(format!("the verifier says of what is refused at {at} by {code}: {}", verdict.encode()))
}

/// What a fold says.
pub(super) fn said(auction: &Auction) -> Verdict {
    let bids = auction.bids().iter();
    let winner = match auction.phase() {
        Phase::Settled { winner, price, .. } | Phase::Ended(Outcome::Sold { winner, price }) => {
            Some((winner, price.minor()))
        }
        _ => None,
    };
    Verdict {
        phase: word(auction.phase()),
        end: auction.end().as_micros(),
        winner,
        bids: bids
            .map(|bid| (bid.seq, bid.amount.minor(), bid.time.as_micros(), bid.forfeited))
            .collect(),
        paddles: held(auction),
        void: auction.voided().iter().map(|void| (void.seq, void.cause.as_str())).collect(),
        unopened: auction.unopened(),
        is_bought: auction.is_bought(),
        late: auction.late().map(late),
        reserve: auction.reserve().map(|standing| {
            (standing.as_str(), auction.known_reserve().map(|amount| amount.minor()))
        }),
    }
}

fn held(auction: &Auction) -> Vec<(u64, String)> {
    let under = auction.paddles().flat_map(|(name, bids)| {
        bids.iter().map(|seq| (*seq, name.to_string())).collect::<Vec<_>>()
    });
    let mut held: Vec<_> = under.collect();
    held.sort_unstable();
    held
}

/// What the verifier shows.
pub(super) fn shown(auction: &AuctionShown) -> Verdict {
    let bids = auction.bids.iter();
    let sealed = auction.sealed.as_ref();
    let paddle = |bid: &BidShown| bid.paddle.as_ref().map(|paddle| (bid.entry, paddle.to_string()));
    Verdict {
        paddles: bids.clone().filter_map(paddle).collect(),
        phase: word(auction.phase),
        end: auction.end.as_micros(),
        winner: auction.winner.zip(auction.price.map(|price| price.minor())),
        bids: bids
            .map(|bid| (bid.entry, bid.amount.minor(), bid.time.as_micros(), bid.forfeited))
            .collect(),
        void: sealed
            .map(|sealed| {
                sealed.void.iter().map(|void| (void.entry, void.cause.as_str())).collect()
            })
            .unwrap_or_default(),
        unopened: sealed.map_or(0, |sealed| usize::try_from(sealed.unopened).unwrap_or(usize::MAX)),
        is_bought: auction.bought,
        late: auction.closed.as_ref().and_then(|closed| closed.late).map(late),
        reserve: auction.reserve.as_ref().map(|reserve| {
            (reserve.standing.as_str(), reserve.amount.map(|amount| amount.minor()))
        }),
    }
}

/// What the model says as a verifier shows it, which says of a close that it was late, and of nothing else, and has paddles of bids
/// that count alone; and as a fold
/// keeps it: that has no winner once it is neither settled nor sold.
pub(super) fn modelled(log: &[Record]) -> (Verdict, Verdict) {
    let mut whole = model::verdict(log);
    let mut kept = whole.clone();
    if whole.phase == "open" {
        whole.late = None;
    }
    let counted: Vec<u64> = whole.bids.iter().map(|(seq, ..)| *seq).collect();
    whole.paddles.retain(|(seq, _)| counted.contains(seq));
    if !["settled", "sold"].contains(&kept.phase) {
        kept.winner = None;
    }
    (whole, kept)
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Closed => "closed",
        Phase::Settled { .. } => "settled",
        Phase::Ended(outcome) => match outcome {
            Outcome::Sold { .. } => "sold",
            Outcome::Unsold => "unsold",
            Outcome::Abandoned => "abandoned",
            Outcome::Withdrawn(_) => "withdrawn",
            Outcome::Unlisted { .. } => "unlisted",
            Outcome::Void => "void",
            Outcome::Unopened => "unopened",
            Outcome::BelowReserve => "below-reserve",
        },
    }
}

const fn late(late: Late) -> &'static str {
    match late {
        Late::Stamp => "stamp",
        Late::Witness => "witness",
        Late::Settled => "settled",
        Late::Opened => "opened",
        Late::Sealing => "sealing",
    }
}
