//! What the log of one box names beside it: claimed while somebody needs it, let go once nobody does (V-291).

use std::collections::{BTreeMap, BTreeSet};

use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Blob, Body};
use pregao_protocol::room::{Code, MessageBox};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use crate::blobs::{Account, Blobs};

/// What one entry names, and when that ends by itself.
#[derive(Debug, Default)]
struct Entry {
    named: Vec<Digest>,
    end: Option<Time>,
}

/// The blobs that a box has claimed, by the positions of the entries that name them. An entry that is decided, and not
/// durable yet, has claimed its own: if it is never logged, [`Shelf::rebuild`] gives them back.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    entries: BTreeMap<u64, Entry>,
    /// Whose blobs those entries claimed that are not durable yet. Not kept longer: it tells which pass left what.
    fresh: BTreeMap<u64, Account>,
    /// How many entries name each: one blob may be attached to two letters.
    named: BTreeMap<Digest, u64>,
    /// When letters end, by TSA time.
    ends: BTreeSet<(Time, u64)>,
    /// Entries with keys: few.
    keys: BTreeSet<u64>,
    /// What of these may be of no use any more, by what was logged and is not durable yet.
    touched: Vec<u64>,
    /// Entries that were looked at since there is a shelf.
    #[cfg(test)]
    looked_at: u64,
}

impl Shelf {
    /// Claims what the entry that is to be at `seq` names, and `account` put for it: all of it, or nothing.
    ///
    /// # Errors
    /// [`Code::BlobMissing`] if one was not put for it, in this size; [`Code::BlobRoom`].
    pub(super) fn put(
        &mut self,
        blobs: &Blobs,
        room: RoomName,
        (seq, end): (u64, Option<Time>),
        (account, named): (Account, &[Blob]),
    ) -> Result<(), Code> {
        for (done, blob) in named.iter().enumerate() {
            if let Err(code) = blobs.claim(*blob, room, account) {
                for blob in named.iter().take(done) {
                    let is_named = !self.forget(blob.digest);
                    blobs.unclaim(blob.digest, room, account, is_named);
                }
                return Err(code);
            }
            self.count(blob.digest);
        }
        let named = named.iter().map(|blob| blob.digest).collect();
        self.entries.insert(seq, Entry { named, end });
        self.fresh.insert(seq, account);
        self.ends.extend(end.map(|end| (end, seq)));
        Ok(())
    }

    fn count(&mut self, digest: Digest) {
        let count = self.named.entry(digest).or_default();
        *count = count.saturating_add(1);
    }

    /// Gives back what an entry claimed that is not to be logged.
    pub(super) fn give_back(&mut self, blobs: &Blobs, room: RoomName, seq: u64) {
        let account = self.fresh.remove(&seq);
        for digest in self.remove(seq) {
            let is_named = !self.forget(digest);
            if let Some(account) = account {
                blobs.unclaim(digest, room, account, is_named);
            }
        }
    }

    /// One entry less names it; true if it was the last.
    fn forget(&mut self, digest: Digest) -> bool {
        let Some(count) = self.named.get_mut(&digest) else { return false };
        *count = count.saturating_sub(1);
        let is_last = *count == 0;
        if is_last {
            self.named.remove(&digest);
        }
        is_last
    }

    fn remove(&mut self, seq: u64) -> Vec<Digest> {
        #[cfg(test)]
        {
            self.looked_at += 1;
        }
        self.keys.remove(&seq);
        let Entry { named, end } = self.entries.remove(&seq).unwrap_or_default();
        if let Some(end) = end {
            self.ends.remove(&(end, seq));
        }
        named
    }

    /// Takes off what one entry names; says what nobody names any more.
    fn take(&mut self, seq: u64) -> Vec<Digest> {
        let named = self.remove(seq);
        named.into_iter().filter(|digest| self.forget(*digest)).collect()
    }

    /// Notes what an entry that was just logged at `seq` may have made of no use. There may be ten thousand letters, so that
    /// not all are looked at each time.
    pub(super) fn note(&mut self, seq: u64, body: &Body) {
        match body {
            Body::Taken(taken) => self.touched.extend(&taken.letters),
            Body::Declined(one) | Body::Lapsed(one) => self.touched.push(one.letter),
            Body::Keys(_) => {
                self.keys.insert(seq);
                self.touched.extend(&self.keys);
            }
            Body::BoxClosed(_) => self.touched.extend(self.entries.keys()),
            _ => {}
        }
    }

    /// Everything so far is durable: takes off what the box has no use for any more.
    pub(super) fn tidy(&mut self, fold: &MessageBox) -> Vec<Digest> {
        self.fresh.clear();
        let mut gone = Vec::new();
        for seq in std::mem::take(&mut self.touched) {
            if !fold.keeps_blobs_of(seq) {
                gone.extend(self.take(seq));
            }
        }
        // By the stamps of the log, too, letters end.
        while let Some((_, seq)) =
            self.ends.first().copied().filter(|(_, seq)| !fold.keeps_blobs_of(*seq))
        {
            gone.extend(self.take(seq));
        }
        gone
    }

    /// Takes off letters that have ended by `now`, TSA time.
    pub(super) fn end(&mut self, now: Time) -> Vec<Digest> {
        let mut gone = Vec::new();
        while let Some((_, seq)) = self.ends.first().filter(|(end, _)| *end <= now).copied() {
            gone.extend(self.take(seq));
        }
        gone
    }

    /// When the next letter ends, if one does.
    pub(super) fn next_end(&self) -> Option<Time> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Claims what a log that was read names, and gives back what it does not. What is not there any more is said once:
    /// the disk lost it.
    pub(super) fn rebuild(&mut self, blobs: &Blobs, room: RoomName, fold: &MessageBox) {
        let mut before = std::mem::take(self);
        let mut missing = 0_usize;
        for (seq, named) in fold.blobs() {
            before.fresh.remove(&seq);
            if fold.letter(seq).is_none() {
                self.keys.insert(seq);
            }
            // The others are kept all the same.
            for blob in named {
                match blobs.claim_logged(blob, room) {
                    Ok(()) => {
                        self.count(blob.digest);
                        self.entries.entry(seq).or_default().named.push(blob.digest);
                    }
                    Err(_) => missing = missing.saturating_add(1),
                }
            }
        }
        for (seq, end) in fold.waiting().filter_map(|(seq, letter)| Some((seq, letter.expires?))) {
            self.entries.entry(seq).or_default().end = Some(end);
            self.ends.insert((end, seq));
        }
        let never_logged = std::mem::take(&mut before.fresh);
        for (seq, account) in never_logged {
            for digest in before.entries.get(&seq).into_iter().flat_map(|entry| &entry.named) {
                blobs.unclaim(*digest, room, account, self.named.contains_key(digest));
            }
        }
        // Of what was durable before nothing is left over; if it were it would be destroyed, as by a restart.
        let left = before.named.into_keys().filter(|digest| !self.named.contains_key(digest));
        blobs.let_go(left.collect(), room);
        if missing > 0 {
            tracing::error!(
                room = %room.short(), missing,
                "bytes of letters that wait in a box are not there any more; restore the folder of blobs from a backup"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pregao_protocol::room::body::Taken;

    use super::*;
    use crate::fixture::{OwnBox, Peer, Stage};

    #[tokio::test(start_paused = true)]
    async fn of_ten_thousand_letters_only_those_are_looked_at_that_something_was_logged_about() {
        let stage = Stage::open().await;
        let mut guest = Peer::guest(&stage, 7).await.unwrap();
        let own = OwnBox::new(&stage, 1);
        guest.hand_in(&stage, &own.opening, true).await;
        assert_eq!(guest.answer(&stage).await, "receipt");
        let room = stage.room(own.room());
        let fold = MessageBox::of(&room).unwrap();
        let mut shelf = Shelf::default();
        let end = stage.tsa.now().plus(Duration::from_secs(9));
        for seq in 0..10_000 {
            let entry = Entry { named: Vec::new(), end: (seq < 5_000).then_some(end) };
            shelf.ends.extend(entry.end.map(|end| (end, seq)));
            shelf.entries.insert(seq, entry);
        }
        assert_eq!(shelf.end(end), []);
        assert_eq!((shelf.looked_at, shelf.entries.len()), (5_000, 5_000));
        // One is taken: of the others nothing is asked.
        shelf.note(20_000, &Body::Taken(Taken { letters: vec![5_000], told: false }));
        assert_eq!(shelf.tidy(fold), []);
        assert_eq!((shelf.looked_at, shelf.entries.len()), (5_001, 4_999));
        assert_eq!(shelf.tidy(fold), []);
        assert_eq!(shelf.looked_at, 5_001);
    }
}
