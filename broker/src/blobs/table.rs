//! What is kept and what is under way, by number and bytes: in memory, rebuilt from the place and the logs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::{BlobCode, Code};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::BLOB_UNNAMED;
use pregao_protocol::wire::blob::BlobClass;

use super::Quotas;

/// How long a blob waits for an entry that names it (V-270).
const UNNAMED: Duration = Duration::from_secs(BLOB_UNNAMED);

/// Whose quota a blob takes from until an entry names it: a persona's fingerprint, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(pub [u8; 32]);

/// A number of blobs, and how large they are together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    blobs: u64,
    bytes: u64,
}

impl Load {
    const fn add(&mut self, class: BlobClass) {
        self.blobs = self.blobs.saturating_add(1);
        self.bytes = self.bytes.saturating_add(class.size());
    }

    const fn take(&mut self, class: BlobClass) {
        self.blobs = self.blobs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(class.size());
    }

    const fn with(mut self, class: BlobClass) -> Self {
        self.add(class);
        self
    }
}

/// A blob that is kept.
#[derive(Debug)]
struct Kept {
    class: BlobClass,
    /// Who put it, while no room names it and it is known.
    account: Option<Account>,
    /// The rooms whose entries name it.
    rooms: BTreeSet<RoomName>,
    /// When it was first seen that nobody names it.
    unnamed_since: Option<Time>,
    /// It is being destroyed: nobody may name or get it any more.
    going: bool,
}

impl Kept {
    fn is_due(&self, now: Time) -> bool {
        let is_over = |since: Time| since.plus(UNNAMED) <= now;
        self.going || self.rooms.is_empty() && self.unnamed_since.is_some_and(is_over)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Table {
    kept: BTreeMap<Digest, Kept>,
    /// What each has under way, or kept and not yet named.
    accounts: BTreeMap<Account, Load>,
    /// The same of all, and what nobody is known to have put.
    unnamed: Load,
    /// What the entries of each room name.
    rooms: BTreeMap<RoomName, Load>,
}

impl Table {
    /// What was found when the broker started. Nothing of it is named until the logs are read.
    pub(super) fn found(blobs: Vec<(Digest, BlobClass)>) -> Self {
        let mut table = Self::default();
        for (digest, class) in blobs {
            table.insert(digest, class, None);
            table.unnamed.add(class);
        }
        table
    }

    fn insert(&mut self, digest: Digest, class: BlobClass, account: Option<Account>) {
        let rooms = BTreeSet::new();
        let kept = Kept { class, account, rooms, unnamed_since: None, going: false };
        self.kept.insert(digest, kept);
    }

    /// Counts a blob that is to be put (V-271).
    pub(super) fn begin(
        &mut self,
        account: Account,
        class: BlobClass,
        quotas: &Quotas,
    ) -> Result<(), BlobCode> {
        let own = self.accounts.get(&account).copied().unwrap_or_default().with(class);
        let all = self.unnamed.with(class);
        if own.blobs > quotas.account_blobs
            || own.bytes > quotas.account_bytes
            || all.bytes > quotas.unnamed_bytes
        {
            return Err(BlobCode::Quota);
        }
        self.accounts.insert(account, own);
        self.unnamed = all;
        Ok(())
    }

    /// What was under way is not any more, or is named.
    pub(super) fn give_back(&mut self, account: Option<Account>, class: BlobClass) {
        self.unnamed.take(class);
        let Some(account) = account else { return };
        if let Some(own) = self.accounts.get_mut(&account) {
            own.take(class);
            if own.blobs == 0 {
                self.accounts.remove(&account);
            }
        }
    }

    /// What was under way is kept; it waits anew for an entry that names it.
    pub(super) fn keep(&mut self, digest: Digest, class: BlobClass, account: Account) {
        match self.kept.remove(&digest) {
            Some(named) if !named.rooms.is_empty() && !named.going => {
                self.kept.insert(digest, named);
                self.give_back(Some(account), class);
            }
            other => {
                if let Some(other) = other {
                    self.give_back(other.account, other.class);
                }
                self.insert(digest, class, Some(account));
            }
        }
    }

    /// The class of what is kept and may be got.
    pub(super) fn class(&self, digest: Digest) -> Option<BlobClass> {
        self.kept.get(&digest).filter(|kept| !kept.going).map(|kept| kept.class)
    }

    /// Whether an entry of one of these rooms names what may be got.
    pub(super) fn is_named_by(&self, digest: Digest, rooms: &BTreeSet<RoomName>) -> bool {
        let kept = self.kept.get(&digest).filter(|kept| !kept.going);
        kept.is_some_and(|kept| !kept.rooms.is_disjoint(rooms))
    }

    /// An entry of the room names a blob (V-270, V-271). A room counts each once.
    pub(super) fn claim(
        &mut self,
        digest: Digest,
        room: RoomName,
        quotas: &Quotas,
    ) -> Result<(), Code> {
        let kept = self.kept.get_mut(&digest).filter(|kept| !kept.going);
        let kept = kept.ok_or(Code::BlobMissing)?;
        if kept.rooms.contains(&room) {
            return Ok(());
        }
        let load = self.rooms.get(&room).copied().unwrap_or_default().with(kept.class);
        if load.bytes > quotas.room_bytes {
            return Err(Code::BlobRoom);
        }
        self.rooms.insert(room, load);
        let was_unnamed = kept.rooms.is_empty();
        kept.rooms.insert(room);
        kept.unnamed_since = None;
        let (account, class) = (kept.account.take(), kept.class);
        if was_unnamed {
            self.give_back(account, class);
        }
        Ok(())
    }

    /// No entry of the room names it any more. True if none of any room does.
    pub(super) fn unclaim(&mut self, digest: Digest, room: RoomName) -> bool {
        let Some(kept) = self.kept.get_mut(&digest) else { return false };
        if !kept.rooms.remove(&room) {
            return false;
        }
        let (class, is_last) = (kept.class, kept.rooms.is_empty());
        if let Some(load) = self.rooms.get_mut(&room) {
            load.take(class);
            if load.blobs == 0 {
                self.rooms.remove(&room);
            }
        }
        if is_last {
            self.unnamed.add(class);
        }
        is_last
    }

    /// As [`Table::unclaim`]; what no room names is to be destroyed now.
    pub(super) fn release(&mut self, digest: Digest, room: RoomName) -> bool {
        let is_last = self.unclaim(digest, room);
        if let Some(kept) = self.kept.get_mut(&digest) {
            kept.going |= is_last;
        }
        is_last
    }

    /// What has waited for long enough, and what could not be destroyed before. From the first call on
    /// that sees a blob without a name its time runs.
    pub(super) fn due(&mut self, now: Time) -> Vec<Digest> {
        for kept in self.kept.values_mut().filter(|kept| kept.rooms.is_empty()) {
            kept.unnamed_since.get_or_insert(now);
        }
        let due = self.kept.iter().filter(|(_, kept)| kept.is_due(now));
        due.map(|(digest, _)| *digest).collect()
    }

    /// From now on nobody may name it, if it is still due.
    pub(super) fn doom(&mut self, digest: Digest, now: Time) -> bool {
        let due = self.kept.get_mut(&digest).filter(|kept| kept.is_due(now));
        due.is_some_and(|kept| {
            kept.going = true;
            true
        })
    }

    /// Whether it is to be destroyed.
    pub(super) fn is_going(&self, digest: Digest) -> bool {
        self.kept.get(&digest).is_some_and(|kept| kept.going)
    }

    /// It is destroyed.
    pub(super) fn gone(&mut self, digest: Digest) {
        if let Some(kept) = self.kept.remove(&digest) {
            self.give_back(kept.account, kept.class);
        }
    }
}
