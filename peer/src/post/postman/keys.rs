//! Keys that letters are sealed to: published on each day on which the owner is there, destroyed once they are needed no
//! more.

use std::time::Duration;

use pregao_protocol::letter::PublishedKeys;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::MessageBox;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::Keys;
use pregao_protocol::trust::pass::Day;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use super::Round;
use super::setback::Setback;
use crate::post::guest::GuestSession;
use crate::post::own_box::OwnBox;
use crate::post::store::own_boxes::BoxId;
use crate::post::store::prekeys::{DrawnKey, DrawnKeys, Needed, PrekeyState, StockLeft};
use crate::post::store::{Change, MailError};

/// One-time keys of a stock: with the signed one they fill a blob of 65,451 bytes. The same for all boxes, so that none is
/// known by it. Each renewal publishes one, however many are left by the log: that shows which were used, and not which were
/// handed out, so whoever takes keys and leaves nothing empties a stock that looks full. Eight are open, and a broker hands
/// out 64 keys at once and 144 a day: whoever drains a box needs more passes than that each day, for days.
const STOCK: u64 = 52;
/// After so long an entry that was handed in is in the log, or never will be: its stamp has grown too old.
const SETTLED: Duration = Duration::from_secs(600);

/// Of so many looks into a box one renews its keys on the day after they were renewed: looks are a minute apart, so that is
/// after some four hours of being there. Each look is as likely, so the time shows neither when the program began nor when
/// another box was renewed: two contacts who compare what they were given, stamps and all, see no more of one person than
/// of two who are there at the same hours.
const RENEW_ONE_IN: u64 = 256;
/// The same is halved with each day more, so that keys of somebody who is never there for long are renewed too, this often.
const HALVED: u32 = 5;

/// Of how many looks one renews keys that were renewed so many days ago; none on the same day.
fn renews_one_in(days: u32) -> Option<u64> {
    let halved = days.checked_sub(1)?.min(HALVED);
    Some(RENEW_ONE_IN >> halved)
}

impl Round {
    /// Notes keys that the log shows as published, though the answer to that was lost: all that `logged` has, for of two
    /// entries whose answers were lost the older one has a stock that is handed out, too. Whether keys are to be renewed.
    pub(super) fn note_keys(
        &self,
        id: BoxId,
        fold: &MessageBox,
        logged: &[(u64, Time, Keys)],
        now: Time,
    ) -> Result<bool, Setback> {
        let Some(newest) = fold.newest() else { return Ok(true) };
        let today = Day::of(now);
        let mut store = self.office.store();
        for (seq, at, keys) in logged {
            let known = store.view().prekey(&keys.signed)?;
            if known.is_some_and(|kept| kept.record.state == PrekeyState::Drawn) {
                let stock = keys.stock.map(|stock| stock.root);
                store.change(|change| {
                    change.keys_published(id, &keys.signed, stock.as_ref(), *seq)?;
                    change.edit_box(id, |record| {
                        record.renewed = record.renewed.max(Some(Day::of(*at)));
                    })
                })?;
            }
        }
        let known = store.view().prekey(&newest.keys.signed)?;
        let is_lost = known.is_none_or(|kept| kept.record.secret().is_none());
        let renewed = store.view().own_box(id)?.renewed;
        drop(store);
        Ok(is_lost || is_short(fold) || self.may_renew(renewed, today)?)
    }

    /// Whether this is the look that renews keys by their age. The first are published at once: nobody can write before, and
    /// each box is opened at a time of its own.
    fn may_renew(&self, renewed: Option<Day>, today: Day) -> Result<bool, Setback> {
        let Some(renewed) = renewed else { return Ok(true) };
        match renews_one_in(today.0.saturating_sub(renewed.0)) {
            Some(looks) => Ok(self.random_below(looks)? == 0),
            None => Ok(false),
        }
    }

    /// Draws keys, keeps them, and publishes them. The session has read the box up to `seen`. The position of the entry.
    pub(super) async fn renew(
        &self,
        id: BoxId,
        session: &mut GuestSession<'_>,
        own: &OwnBox,
        seen: Seen,
        now: Time,
    ) -> Result<u64, Setback> {
        let signed = self.prekey()?;
        let stock: Vec<_> = (0..STOCK).map(|_| self.prekey()).collect::<Result<_, _>>()?;
        let publics: Vec<_> = stock.iter().map(PrekeySecret::public).collect();
        let digests: Vec<Digest> = publics.iter().map(|public| public.digest()).collect();
        let fault =
            || Setback::trouble("no keys can be made", "report this as a fault of the program");
        let keys = PublishedKeys::new(signed.public(), publics).map_err(|_| fault())?;
        let entry = keys.entry().ok_or_else(fault)?;
        let root = entry.stock.map(|stock| stock.root);
        let drawn: Vec<_> = stock
            .iter()
            .zip(&digests)
            .map(|(secret, digest)| DrawnKey { secret, digest: *digest })
            .collect();
        let kept = DrawnKeys {
            signed: Some(DrawnKey { secret: &signed, digest: entry.signed }),
            stock: root.map(|root| (root, drawn.as_slice())),
        };
        self.office.store().change(|change| {
            let needed = change.needed(id)?;
            change.destroy_unpublished(id, now.minus(SETTLED), &needed)?;
            change.keep_keys(id, &kept, now)
        })?;
        let receipt = session.publish_keys(own, seen, &keys).await?;
        let seq = super::reading::seq_of(&receipt)?;
        self.office.store().change(|change| {
            change.keys_published(id, &entry.signed, root.as_ref(), seq)?;
            change.edit_box(id, |record| record.renewed = Some(Day::of(now))).map(drop)
        })?;
        Ok(seq)
    }

    fn prekey(&self) -> Result<PrekeySecret, Setback> {
        Ok(PrekeySecret::from_random(self.way.host.random()?))
    }

    /// Destroys secrets of keys that nothing which could still be opened is sealed to: of letters that ended or were dealt
    /// with, of stocks that have lapsed, of signed keys that were replaced before `read`. All that came is here, but for what
    /// stands at `missing`; what that and letters which are not opened yet are sealed to stays, and nothing else with it.
    pub(super) fn destroy_spent(
        &self,
        id: BoxId,
        fold: &MessageBox,
        missing: &[u64],
        read: u64,
    ) -> Result<(), Setback> {
        let open = fold.open_stocks().map(|open| {
            let stock = open.stock();
            let used = (0..stock.count).filter(|index| !open.is_unused(*index)).collect();
            StockLeft { root: stock.root, used }
        });
        let open: Vec<_> = open.collect();
        self.office.store().change(|change| {
            let needed = needed(change, id, fold, missing)?;
            change.destroy_used(id, (&open, read), &needed)?;
            change.destroy_replaced(id, read, &needed)?;
            Ok::<_, MailError>(())
        })?;
        Ok(())
    }

    /// The same for the signed keys that were replaced by the keys at `replaced`, which are not in the fold yet: nothing came
    /// before them that is not here or missing.
    pub(super) fn destroy_replaced(
        &self,
        id: BoxId,
        fold: &MessageBox,
        missing: &[u64],
        replaced: u64,
    ) -> Result<(), Setback> {
        self.office.store().change(|change| {
            let needed = needed(change, id, fold, missing)?;
            change.destroy_replaced(id, replaced.saturating_add(1), &needed)
        })?;
        Ok(())
    }
}

/// Keys to which letters are sealed that are here and not opened, or stand at `missing` and were not given.
fn needed(
    change: &Change<'_>,
    id: BoxId,
    fold: &MessageBox,
    missing: &[u64],
) -> Result<Needed, MailError> {
    let mut needed = change.needed(id)?;
    for letter in missing.iter().filter_map(|seq| fold.letter(*seq)) {
        needed.add(letter.signed, letter.once);
    }
    Ok(needed)
}

/// Whether fewer keys are left than a quarter of a stock, by the letters that came.
fn is_short(fold: &MessageBox) -> bool {
    fold.unused() < STOCK / 4
}

/// A name for what is said of a box.
pub(super) fn short(name: &RoomName) -> String {
    name.to_string().chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v391_keys_are_renewed_by_chance_the_sooner_the_older_they_are_and_once_on_a_day() {
        let all: Vec<_> = (0..9).map(renews_one_in).collect();
        let looks = [256, 128, 64, 32, 16, 8, 8, 8];
        let expected: Vec<_> = [None].into_iter().chain(looks.map(Some)).collect();
        assert_eq!(all, expected);
        assert_eq!(renews_one_in(u32::MAX), Some(8));
        // Who is there all day, for 1,440 looks, renews on all but one of some hundred days.
        let missed = (1.0 - 1.0 / 256.0_f64).powi(1_440);
        assert!(missed < 0.01, "{missed}");
    }
}
