//! The TSAs that lock sealed bids: chosen for a listing, shown to whoever bids, and waited for at the opening (SPEC 7.9).
//!
//! Broker and as many of them as are needed read every bid. So a TSA that the user has not pinned is named by its whole
//! fingerprint before a listing or a first bid is signed: a broker could run it.

use std::collections::BTreeSet;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::auction::sealed::lock_tsas;
use pregao_protocol::room::auction::{self, Auction};
use pregao_protocol::room::body::{Body, Listing, PriceRule, ReleasedLock, SealedTerms};
use pregao_protocol::trust::key::{Fingerprint, PublicKey, StampKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::report::Report;

use super::sealed;
use crate::command::LocksAsked;
use crate::desk::Desk;
use crate::desk::confirm::Ground;
use crate::desk::outbox::{Drafted, offline};
use crate::desk::replica::Replica;

/// Digits of a fingerprint by which a TSA without a name is told from the others where there is little room.
const SHORT: usize = 16;

impl Desk {
    /// The terms of sealed bids that are locked by the broker's TSA, or by as many of those that it offers as are asked for:
    /// its own first, then those that the user pinned, then the others, each in the broker's order.
    pub(super) fn sealed_terms(
        &self,
        price: PriceRule,
        asked: Option<LocksAsked>,
    ) -> Result<SealedTerms, Report> {
        let Some(LocksAsked { needed, of }) = asked.filter(|asked| asked.of > 1) else {
            return Ok(SealedTerms { price, needed: 1, locks: Vec::new() });
        };
        let session = self.connection.session().ok_or_else(offline)?;
        let offered = &session.certificate.locks;
        let of = usize::try_from(of).unwrap_or(usize::MAX);
        let (pinned, others): (Vec<_>, Vec<_>) =
            offered.iter().partition(|tsa| self.has_pinned(tsa));
        let own = std::iter::once(self.tsa.stamp);
        let locks: Vec<_> = own.chain(pinned).chain(others).take(of).collect();
        if locks.len() < of {
            let what = format!(
                "this broker offers {} TSAs that can lock bids, and {of} are asked for",
                offered.len() + 1
            );
            let advice = "ask for fewer with `tsas` of /list, or list it at another broker";
            return Err(Report::new(Code::ListingTerms.as_str(), what, advice));
        }
        Ok(SealedTerms { price, needed, locks })
    }

    /// Whether the user pinned a TSA that locks bids.
    fn has_pinned(&self, tsa: &PublicKey<StampKey>) -> bool {
        let tsa = tsa.fingerprint();
        self.options.lock_tsas.iter().any(|pinned| pinned.stamp == tsa)
    }

    /// Those of a listing's that are neither the user's TSA nor pinned by them.
    fn strangers_of(&self, listing: &Listing) -> Vec<Fingerprint> {
        let known = |tsa: &&PublicKey<StampKey>| **tsa == self.tsa.stamp || self.has_pinned(tsa);
        lock_tsas(listing).iter().filter(|tsa| !known(tsa)).map(PublicKey::fingerprint).collect()
    }

    /// The TSAs that would lock what is about to be signed, and that the user does not know.
    pub(in crate::desk) fn unknown_lockers(
        &self,
        room: Option<RoomName>,
        body: &Body,
    ) -> Vec<Fingerprint> {
        match (body, room.and_then(|room| self.auction(room))) {
            (Body::List(listing), _) => self.strangers_of(listing),
            (Body::Bid(_), Some(auction)) => self.strangers_of(auction.listing()),
            _ => Vec::new(),
        }
    }

    /// Says which TSAs lock a listing or a first bid that was agreed to beforehand, where the user does not know them: nobody
    /// was asked.
    pub(in crate::desk) async fn tell_unknown_lockers(
        &self,
        grounds: &[Ground],
        drafted: &Drafted,
    ) {
        if !grounds.iter().any(|ground| matches!(ground, Ground::Lockers { .. })) {
            return;
        }
        let unknown = self.unknown_lockers(drafted.room, &drafted.body);
        let prints = listed(&unknown);
        self.note(format!("TSAs lock the bids here that you have not pinned: {prints}")).await;
    }

    /// What is asked before a listing or a first bid is signed, if the user does not know all of them.
    pub(super) fn ground_of_lockers(&self, listing: &Listing) -> Option<Ground> {
        let unknown = self.strangers_of(listing).len();
        let of = lock_tsas(listing).len();
        (unknown > 0).then_some(Ground::Lockers { unknown, of })
    }

    /// Who locks the bids, a line each; nothing where it is the user's TSA alone.
    pub(super) fn locker_lines(&self, listing: &Listing) -> Vec<String> {
        let tsas = lock_tsas(listing);
        if tsas == [self.tsa.stamp] {
            return Vec::new();
        }
        (1..).zip(tsas).map(|(place, tsa)| self.locker_line((place, tsas.len()), tsa)).collect()
    }

    fn locker_line(&self, (place, of): (u32, usize), tsa: &PublicKey<StampKey>) -> String {
        let print = tsa.fingerprint();
        let pinned = self.options.lock_tsas.iter().find(|pinned| pinned.stamp == print);
        let who = match pinned {
            _ if *tsa == self.tsa.stamp => "your own".to_owned(),
            Some(pinned) => match &pinned.name {
                Some(name) => format!("pinned by you as {name}"),
                None => "pinned by you".to_owned(),
            },
            None => "UNKNOWN TO YOU".to_owned(),
        };
        format!("TSA {place} of {of} that lock the bids, {who}: {print}")
    }

    /// What a TSA is called where there is little room.
    fn locker_name(&self, tsa: &PublicKey<StampKey>) -> String {
        if *tsa == self.tsa.stamp {
            return "your own".to_owned();
        }
        let print = tsa.fingerprint();
        let pinned = self.options.lock_tsas.iter().find(|pinned| pinned.stamp == print);
        let name = pinned.and_then(|pinned| pinned.name.as_ref());
        name.map_or_else(|| print.to_string().chars().take(SHORT).collect(), ToString::to_string)
    }

    /// For whom sealed bids, or a reserve, wait by the broker's word; `None` while it names nobody.
    pub(super) fn whom_bids_wait_for(
        &self,
        replica: &Replica,
        auction: &Auction,
    ) -> Option<String> {
        let bids_wait = auction.phase() == auction::Phase::Closed && auction.has_unopened();
        let waits = bids_wait || auction.awaits_reserve();
        let released = replica.notes.auction.released.as_ref().filter(|_| waits)?;
        let tsas = lock_tsas(auction.listing());
        let needed = auction.recipients()?.needed;
        let more = needed.saturating_sub(released.len());
        let missing = tsas.iter().enumerate().filter(|(place, _)| !released.contains(place));
        let missing: Vec<String> = missing.map(|(_, tsa)| self.locker_name(tsa)).collect();
        let missing = missing.join(", ");
        let whom = match (needed, tsas.len()) {
            (_, 1) => format!("the broker waits for the TSA: {missing}"),
            (needed, of) => {
                format!("the broker waits for {more} more of {needed} of {of} TSAs: {missing}")
            }
        };
        Some(if bids_wait {
            sealed::waiting(auction, Some(&whom))
        } else {
            format!("the reserve is still sealed, {whom}")
        })
    }

    /// The broker shows which secrets are out. What does not open the key that its TSA stated is none.
    pub(in crate::desk) async fn handle_released(
        &mut self,
        name: RoomName,
        locks: &[ReleasedLock],
    ) {
        // About rooms that nobody asked for, a broker could speak for ever.
        if !self.rooms.get(&name).is_some_and(|room| room.is_followed()) {
            return;
        }
        let recipients = self.auction(name).and_then(Auction::recipients);
        let Some(recipients) = recipients.filter(|to| locks.len() <= to.locks.len()) else {
            return;
        };
        let opens = |lock: &ReleasedLock| {
            let place = usize::try_from(lock.tsa).ok()?;
            let public = SealKey::from_random(lock.secret.0).public();
            (recipients.locks.get(place)? == &public).then_some(place)
        };
        let released: BTreeSet<usize> = locks.iter().filter_map(opens).collect();
        let Some(replica) = self.rooms.get_mut(&name) else { return };
        if replica.notes.auction.released.as_ref() == Some(&released) {
            return;
        }
        replica.notes.auction.released = Some(released);
        self.show_room(name).await;
    }
}

/// What a person reads who does not know all TSAs that lock the bids.
pub(in crate::desk) fn unknown_words(unknown: usize, of: usize) -> String {
    let which = match (unknown, of) {
        (1, 1) => "The TSA that locks the bids is not one that you pinned".to_owned(),
        (1, _) => format!("One of the {of} TSAs that lock the bids is not one that you pinned"),
        _ => format!("{unknown} of the {of} TSAs that lock the bids are none that you pinned"),
    };
    format!(
        "{which}: the broker could run it and read bids early, and whoever runs it can keep the sale from binding. Ask who does, then give --lock-tsa NAME=FINGERPRINT."
    )
}

/// The same where nobody can be asked.
pub(in crate::desk) fn unread(unknown: &[Fingerprint]) -> Option<Report> {
    if unknown.is_empty() {
        return None;
    }
    let message = format!(
        "TSAs lock the bids here that you have not pinned, and nobody can be asked about them: {}",
        listed(unknown)
    );
    let advice = "ask who runs them and give --lock-tsa NAME=FINGERPRINT, or agree with --yes or \"yes\":true; nothing was sent";
    Some(Report::new(crate::front::channel::UNCONFIRMED, message, advice))
}

fn listed(prints: &[Fingerprint]) -> String {
    let prints: Vec<String> = prints.iter().map(Fingerprint::to_string).collect();
    prints.join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pregao_protocol::log::merkle::Tree;
    use pregao_protocol::room::body::{Closed, Sealing};
    use pregao_protocol::trust::key::SecretKey;
    use pregao_protocol::trust::timelock::{OpenedLock, TimeLock};
    use pregao_protocol::wire::frame::FromBroker;

    use super::*;
    use crate::desk::LockTsa;
    use crate::desk::fixture::{House, Log, Session, User};
    use crate::desk::witnessed::tests::witness;
    use crate::event::{Event, Phase};
    use crate::front::channel::{Confirmation, Subject, UserAnswer};

    fn tsa(seed: u8) -> SecretKey<StampKey> {
        SecretKey::from_seed(&[seed; 32])
    }

    fn print(seed: u8) -> Fingerprint {
        tsa(seed).public().fingerprint()
    }

    fn lock(x: u8) -> SealKey {
        SealKey::from_random([50 + x; 32])
    }

    /// A broker that offers three TSAs besides its own, of which the user pinned the last two, one by a name.
    fn house() -> House {
        let mut house = House::open();
        let witnesses = [witness(81, "one"), witness(82, "two"), witness(83, "two")];
        house.secrets.named = witnesses.to_vec();
        house.secrets.locks = [61, 62, 63].map(|seed| tsa(seed).public()).to_vec();
        house.lock_tsas = vec![
            LockTsa { name: Some("north".parse().unwrap()), stamp: print(62) },
            LockTsa { name: None, stamp: print(63) },
        ];
        house
    }

    async fn asked(
        user: &mut User,
        tsas: &str,
    ) -> (Confirmation, tokio::sync::oneshot::Sender<UserAnswer>) {
        let words = ["list", "Lamp", "10", "for", "2h", "sealed", "first", "tsas", tsas];
        let question = user.asked(&words).await;
        let Subject::Confirm(shown) = question.about else { panic!("it asks for a PIN") };
        (shown, question.reply)
    }

    #[tokio::test(start_paused = true)]
    async fn v231_a_seller_has_bids_locked_by_those_they_pinned_first_and_reads_whom_they_did_not()
    {
        let mut house = house();
        let (mut user, mut session) = house.desk().await;
        session.list(&[]).await;
        let own = house.tsa.stamp.public().fingerprint();
        for (tsas, places) in [("2-of-3", vec![62, 63]), ("3-of-4", vec![62, 63, 61])] {
            let (shown, reply) = asked(&mut user, tsas).await;
            let of = places.len() + 1;
            let lines: Vec<&String> =
                shown.terms.iter().filter(|line| line.contains("that lock the bids")).collect();
            assert_eq!(lines.len(), of, "{:?}", shown.terms);
            assert_eq!(*lines[0], format!("TSA 1 of {of} that lock the bids, your own: {own}"));
            assert!(
                lines[1].contains("pinned by you as north")
                    && lines[1].contains(&print(62).to_string())
            );
            assert!(lines[2].ends_with(&format!("pinned by you: {}", print(63))));
            let unknown = format!("TSA 4 of 4 that lock the bids, UNKNOWN TO YOU: {}", print(61));
            assert_eq!(lines.iter().any(|line| **line == unknown), of == 4);
            let warned = shown.grounds.iter().any(|line| line.contains("the broker could run it"));
            assert_eq!(warned, of == 4, "{:?}", shown.grounds);
            drop(reply);
            assert!(!user.done().await);
        }
        user.send_command(&[
            "list", "Lamp", "10", "for", "2h", "sealed", "first", "tsas", "2-of-5",
        ])
        .await;
        assert!(!user.done().await, "the broker offers four");
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_one_tsa_locks_says_nothing_of_others() {
        let mut house = house();
        let (mut user, mut session) = house.desk().await;
        session.list(&[]).await;
        let (shown, reply) = asked(&mut user, "1-of-1").await;
        assert!(!shown.terms.iter().any(|line| line.contains("that lock the bids")));
        reply.send(UserAnswer::Yes).unwrap();
        session.stamps(&house.tsa).await;
        let act = session.handed_in().await;
        let action = act.action();
        let Body::List(listing) = action.body() else { panic!("no listing") };
        let plain = SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() };
        assert_eq!(listing.sealed, Some(plain));
    }

    /// An auction that two of three open, with a bid; nobody pinned the third.
    fn bid_on(house: &House) -> Log {
        let mut listing = house.listing();
        (listing.witnesses, listing.quorum) = (house.secrets.named.clone(), 2);
        listing.increment = 1.try_into().unwrap();
        listing.end = house.tsa.time().plus(Duration::from_secs(30));
        let locks = vec![house.tsa.stamp.public(), tsa(62).public(), tsa(61).public()];
        listing.sealed = Some(SealedTerms { price: PriceRule::First, needed: 2, locks });
        let at = pregao_protocol::room::auction::sealed::opens_at(&listing);
        let mut log = house.auction(listing);
        let keys = [&house.tsa.stamp, &tsa(62), &tsa(61)];
        let locks = (0..).zip(keys).map(|(x, by)| {
            let tsa = by.public().fingerprint();
            TimeLock { tsa, at, key: lock(x).public(), simulated: false }.sign(by)
        });
        let key = SealKey::from_random([49; 32]).public();
        let sealing = Body::Sealing(Sealing { key, locks: locks.collect() });
        let sealing = house.broker_made(Some(log.name()), sealing, log.seen());
        log.log(&sealing, &house.tsa);
        let to = pregao_protocol::room::auction::sealed::envelope::Recipients {
            broker: key,
            locks: (0..3).map(|x| lock(x).public()).collect(),
            needed: 2,
        };
        let nobody = SecretKey::from_seed(&[77; 32]).public();
        let seal = SealKey::from_random([76; 32]).public();
        let bid = pregao_protocol::room::auction::sealed::envelope::seal_bid(
            &to,
            (log.name(), &nobody),
            500.try_into().unwrap(),
            seal,
            &[[1; 32], [2; 32]],
        );
        let bid = house.made(72, Some(log.name()), Body::SealedBid(bid.unwrap()), log.seen());
        log.log(&bid.action, &house.tsa);
        log
    }

    async fn followed(house: &mut House, log: &Log) -> (User, Session) {
        let (mut user, mut session) = house.desk().await;
        session.list(&[log]).await;
        session.shows(log, &house.secrets).await;
        let size = log.tree().size();
        user.until(|event| match event {
            Event::Room(view) if view.verified_size == size => Some(()),
            _ => None,
        })
        .await;
        (user, session)
    }

    #[tokio::test(start_paused = true)]
    async fn v231_whoever_bids_first_reads_which_tsas_they_do_not_know() {
        let mut house = house();
        let log = bid_on(&house);
        let (mut user, _session) = followed(&mut house, &log).await;
        let room = log.name().to_string();
        let question = user.asked(&["bid", &room, "50"]).await;
        let Subject::Confirm(shown) = question.about else { panic!("it asks for a PIN") };
        assert!(shown.terms.iter().any(|line| line.contains(&print(61).to_string())));
        assert!(shown.grounds.iter().any(|line| line.starts_with("One of the 3 TSAs")));
    }

    #[tokio::test(start_paused = true)]
    async fn v232_only_secrets_that_open_what_was_stated_shorten_the_wait() {
        let mut house = house();
        let mut log = bid_on(&house);
        let (mut user, mut session) = followed(&mut house, &log).await;
        house.tsa.skip(Duration::from_secs(30));
        session.ticks(&house).await;
        let root = Tree::new(Vec::new()).root();
        let closed = Body::Closed(Closed { refused: 0, root });
        let closed = house.broker_made(Some(log.name()), closed, log.seen());
        let from = usize::try_from(log.tree().size()).unwrap();
        log.log(&closed, &house.tsa);
        session.says(&log, from, Some(log.head(&house.secrets))).await;
        let other = print(61).to_string();
        let (unknown, room) = (&other[..SHORT], log.name());
        let secret = |tsa: u32, x: u8| ReleasedLock { tsa, secret: OpenedLock(*lock(x).expose()) };
        for (locks, whom) in [
            (vec![], format!("2 more of 2 of 3 TSAs: your own, north, {unknown}")),
            (vec![secret(1, 1)], format!("1 more of 2 of 3 TSAs: your own, {unknown}")),
            (
                vec![secret(0, 1), secret(7, 0)],
                format!("2 more of 2 of 3 TSAs: your own, north, {unknown}"),
            ),
            (vec![secret(2, 2), secret(1, 0)], "1 more of 2 of 3 TSAs: your own, north".to_owned()),
        ] {
            session.send(FromBroker::Released { room, locks }).await;
            let outcome = format!("1 bid still sealed, the broker waits for {whom}");
            user.until(|event| match event {
                Event::Room(view) if view.phase == Phase::Closed && view.outcome == outcome => {
                    Some(())
                }
                _ => None,
            })
            .await;
        }
    }
}
