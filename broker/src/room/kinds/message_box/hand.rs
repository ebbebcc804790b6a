//! Handing out keys of a box: each one-time key once, a set for each pass, and not too many at a time (V-292 to V-294).
//! Of what is published, too, there are not too many (V-381).

use std::time::Duration;

use pregao_protocol::letter::{OnceOf, PublishedKeys};
use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, Keys, OnceKey};
use pregao_protocol::room::message_box::OpenStock;
use pregao_protocol::room::{MessageBox, Undecided};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{
    KEYS_AT_ONCE, KEYS_PUBLISHED, KEYS_PUBLISHED_REGAINED, KEYS_REGAINED,
};
use pregao_protocol::wire::handed::{Given, Handed, Included, KeysProof};

use crate::handed::{Candidate, Noted};
use crate::host;
use crate::shared::Shared;

/// What there may be of now. In memory: who could restart the broker needs no passes.
#[derive(Debug)]
pub(super) struct Bucket {
    most: u32,
    /// Seconds after which there is one more.
    regained: u64,
    left: u32,
    /// When it was last counted, on the clock that only grows.
    since: Option<Duration>,
}

impl Bucket {
    /// One-time keys that may be handed out (V-294).
    pub(super) const HANDED: Self = Self::of(KEYS_AT_ONCE, KEYS_REGAINED);
    /// Entries with keys that may be logged (V-381).
    pub(super) const PUBLISHED: Self = Self::of(KEYS_PUBLISHED, KEYS_PUBLISHED_REGAINED);

    const fn of(most: u32, regained: u64) -> Self {
        Self { most, regained, left: most, since: None }
    }

    /// Adds what was regained by `now`.
    pub(super) fn fill(&mut self, now: Duration) {
        let since = *self.since.get_or_insert(now);
        let regained = now.saturating_sub(since).as_secs().checked_div(self.regained).unwrap_or(0);
        let passed = Duration::from_secs(regained.saturating_mul(self.regained));
        let left = u64::from(self.left).saturating_add(regained).min(self.most.into());
        self.left = u32::try_from(left).unwrap_or(self.most);
        // A full one regains nothing: what it might have is not saved up.
        let is_full = self.left == self.most;
        self.since = Some(if is_full { now } else { since.saturating_add(passed) });
    }

    pub(super) const fn has_some(&self) -> bool {
        self.left > 0
    }

    pub(super) const fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

/// What is handed out of which box, under which head.
pub(super) struct Counter<'a> {
    pub(super) shared: &'a Shared,
    pub(super) room: RoomName,
    pub(super) fold: &'a MessageBox,
    /// The newest signed head, and how many entries it covers.
    pub(super) head: &'a str,
    pub(super) size: u64,
}

impl Counter<'_> {
    /// The keys for a pass, noted durably before they are known to anybody. `n` is the request's number.
    ///
    /// # Errors
    /// [`Undecided::BOX_CLOSED`], [`Undecided::BOX_NO_KEYS`], [`Undecided::KEYS_PASS`], [`Undecided::STORE_FAILED`],
    /// [`Undecided::TSA_DOWN`].
    pub(super) async fn hand_out(
        &self,
        n: u64,
        pass: Digest,
        bucket: &mut Bucket,
    ) -> Result<Handed, Undecided> {
        let Self { shared, room, fold, .. } = *self;
        if fold.is_closed() {
            return Err(Undecided::BOX_CLOSED);
        }
        let newest = fold.newest().ok_or(Undecided::BOX_NO_KEYS)?;
        self.judge(pass).await?;
        // Read first: a key is not spent on an answer that cannot be given.
        let signed = self.read(&newest.keys).await?.signed().clone();
        let noted = self.note(pass, bucket).await?;
        let mut given = noted.given;
        let mut once = None;
        let mut from = None;
        if let Some(key) = noted.once {
            match self.open_stock(key).filter(|open| open.is_unused(key.index)) {
                Some(open) => {
                    once = Some(self.once(open, key.index).await?);
                    from = Some(open.seq()).filter(|seq| *seq != newest.seq);
                }
                // It was used, or its stock has lapsed since: a pass has no second one.
                None => given = Given::NoneLeft,
            }
        }
        let keys = self.included(newest.seq).await?;
        let stock = match from {
            Some(seq) => Some(self.included(seq).await?),
            None => None,
        };
        let proof = KeysProof { head: self.head.to_owned(), keys, stock };
        shared.metrics.keys_handed.add(1);
        Ok(Handed { n, room, given, signed, once, proof })
    }

    /// Whether the pass is not for another box, before anything is read for it.
    async fn judge(&self, pass: Digest) -> Result<(), Undecided> {
        let (shared, store) = (self.shared, self.shared.handed.clone());
        let looking = host::blocking(&shared.host, move || store.room_of(pass)).await;
        match looking.ok_or(Undecided::STORE_FAILED)? {
            Ok(Some(room)) if room != self.room => Err(Undecided::KEYS_PASS),
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "what keys were handed out cannot be read; none is");
                Err(Undecided::STORE_FAILED)
            }
        }
    }

    /// What the pass gets, now and whenever it is shown again.
    async fn note(&self, pass: Digest, bucket: &mut Bucket) -> Result<Noted, Undecided> {
        let Self { shared, room, fold, .. } = *self;
        let day = {
            let newest = shared.stamps.newest().map_err(|_| Undecided::TSA_DOWN)?;
            pregao_protocol::trust::pass::Day::of(newest.batch.time())
        };
        bucket.fill(shared.host.clock.uptime());
        let may_hand = bucket.has_some();
        let candidates = fold.open_stocks().map(|open| {
            let stock = open.stock();
            let used = (0..stock.count).filter(|index| !open.is_unused(*index)).collect();
            Candidate { root: stock.root, count: stock.count, used }
        });
        let candidates: Vec<Candidate> = candidates.collect();
        let store = shared.handed.clone();
        let noting = move || store.hand(pass, room, day, &candidates, may_hand);
        let noted = host::blocking(&shared.host, noting).await.ok_or(Undecided::STORE_FAILED)?;
        let noted = noted.map_err(|error| {
            tracing::error!(%error, "what keys are handed out cannot be noted; none is");
            Undecided::STORE_FAILED
        })?;
        let noted = noted.ok_or(Undecided::KEYS_PASS)?;
        if noted.is_new && noted.once.is_some() {
            bucket.take();
        }
        Ok(noted)
    }

    fn open_stock(&self, once: OnceKey) -> Option<&OpenStock> {
        self.fold.open_stocks().find(|open| open.stock().root == once.stock)
    }

    /// A one-time key with its path.
    async fn once(&self, open: &OpenStock, index: u32) -> Result<OnceOf, Undecided> {
        let keys = self.published_at(open.seq()).await?;
        self.read(&keys).await?.once(index).ok_or(Undecided::STORE_FAILED)
    }

    /// The keys that an entry publishes, out of their blob.
    async fn read(&self, keys: &Keys) -> Result<PublishedKeys, Undecided> {
        let read = read_keys(self.shared, keys).await;
        read.map_err(|error| {
            tracing::error!(room = %self.room.short(), %error, "the keys of a box cannot be read; none are handed out");
            Undecided::STORE_FAILED
        })
    }

    /// The entry at a position with its place under the head.
    async fn included(&self, seq: u64) -> Result<Included, Undecided> {
        let (room, reader) = (self.room, &self.shared.reader);
        let path = reader.inclusion(room, seq, self.size).await.ok_or(Undecided::STORE_FAILED)?;
        let page = reader.read(move |log| log.read(&room, seq, 1)).await;
        let entry = page.ok().and_then(|page| page.into_iter().next());
        let entry = entry.ok_or(Undecided::STORE_FAILED)?;
        Ok(Included { entry: entry.text, path })
    }

    /// What the entry at a position publishes.
    async fn published_at(&self, seq: u64) -> Result<Keys, Undecided> {
        if let Some(newest) = self.fold.newest().filter(|newest| newest.seq == seq) {
            return Ok(newest.keys.clone());
        }
        let text = self.included(seq).await?.entry;
        let entry = Entry::parse(&text).map_err(|_| Undecided::STORE_FAILED)?;
        let action = Action::parse(&entry.action).map_err(|_| Undecided::STORE_FAILED)?;
        match action.body() {
            Body::Keys(keys) => Ok(keys.clone()),
            _ => Err(Undecided::STORE_FAILED),
        }
    }
}

/// Why keys were not read: a disk, or what lies there.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The blob cannot be read.
    #[error("{}", .0.message())]
    Blob(pregao_protocol::room::BlobCode),
    /// It does not hold the keys that the entry names (V-290).
    #[error(transparent)]
    Keys(#[from] pregao_protocol::letter::PublishedError),
}

/// Reads the keys that an entry publishes, and checks them against it.
///
/// # Errors
/// [`ReadError`].
pub(super) async fn read_keys(shared: &Shared, keys: &Keys) -> Result<PublishedKeys, ReadError> {
    let bytes = shared.blobs.get_all(keys.blob.digest).await.map_err(ReadError::Blob)?;
    let keys = keys.clone();
    // Some hundred keys are some milliseconds.
    let opened = host::blocking(&shared.host, move || PublishedKeys::open(&keys, &bytes)).await;
    Ok(opened.ok_or(ReadError::Blob(pregao_protocol::room::BlobCode::Failed))??)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn v294_a_box_hands_out_so_many_at_once_and_one_more_each_ten_minutes() {
        let mut bucket = Bucket::HANDED;
        let start = secs(50);
        bucket.fill(start);
        for _ in 0..KEYS_AT_ONCE {
            assert!(bucket.has_some());
            bucket.take();
        }
        assert!(!bucket.has_some());
        bucket.fill(start + secs(KEYS_REGAINED - 1));
        assert!(!bucket.has_some());
        bucket.fill(start + secs(KEYS_REGAINED));
        assert!(bucket.has_some());
        bucket.take();
        // What passed of the next ten minutes counts.
        bucket.fill(start + secs(2 * KEYS_REGAINED - 1));
        assert!(!bucket.has_some());
        bucket.fill(start + secs(2 * KEYS_REGAINED));
        assert!(bucket.has_some());
        // However long nobody asks, it holds no more than at first.
        bucket.fill(start + secs(9_000 * KEYS_REGAINED));
        (0..KEYS_AT_ONCE).for_each(|_| bucket.take());
        bucket.fill(start + secs(9_000 * KEYS_REGAINED));
        assert!(!bucket.has_some());
        bucket.fill(start + secs(9_001 * KEYS_REGAINED - 1));
        assert!(!bucket.has_some());
    }
}
