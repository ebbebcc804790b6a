//! What the log of one box names beside it: claimed while somebody needs it, let go once nobody does (V-291).

use std::collections::{BTreeMap, BTreeSet};

use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::Blob;
use pregao_protocol::room::{Code, MessageBox};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use crate::blobs::{Account, Blobs};

/// The blobs that a box has claimed, by the positions of the entries that name them. An entry that is decided, and not
/// durable yet, has claimed its own: if it is never logged, [`Shelf::rebuild`] gives them back.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    entries: BTreeMap<u64, Vec<Digest>>,
    /// Whose blobs those entries claimed that are not durable yet. Not kept longer: it tells which pass left what.
    fresh: BTreeMap<u64, Account>,
    /// How many entries name each: one blob may be attached to two letters.
    named: BTreeMap<Digest, u64>,
    /// When letters end, by TSA time.
    ends: BTreeSet<(Time, u64)>,
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
        self.entries.insert(seq, named.iter().map(|blob| blob.digest).collect());
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
        self.ends.retain(|(_, of)| *of != seq);
        for digest in self.entries.remove(&seq).unwrap_or_default() {
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

    /// Takes off what one entry names; says what nobody names any more.
    pub(super) fn take(&mut self, seq: u64) -> Vec<Digest> {
        let named = self.entries.remove(&seq).unwrap_or_default();
        self.ends.retain(|(_, of)| *of != seq);
        named.into_iter().filter(|digest| self.forget(*digest)).collect()
    }

    /// Everything so far is durable: takes off what the box has no use for any more.
    pub(super) fn tidy(&mut self, fold: &MessageBox) -> Vec<Digest> {
        self.fresh.clear();
        let over = self.entries.keys().filter(|seq| !fold.keeps_blobs_of(**seq));
        let over: Vec<u64> = over.copied().collect();
        over.into_iter().flat_map(|seq| self.take(seq)).collect()
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
            // The others are kept all the same.
            for blob in named {
                match blobs.claim_logged(blob, room) {
                    Ok(()) => {
                        self.count(blob.digest);
                        self.entries.entry(seq).or_default().push(blob.digest);
                    }
                    Err(_) => missing = missing.saturating_add(1),
                }
            }
        }
        let ends = fold.waiting().filter_map(|(seq, letter)| Some((letter.expires?, seq)));
        self.ends.extend(ends);
        let never_logged = std::mem::take(&mut before.fresh);
        for (seq, account) in never_logged {
            for digest in before.entries.get(&seq).into_iter().flatten() {
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
