//! What is kept and what is under way, by number and bytes: in memory, rebuilt from the place and the logs.
//!
//! A blob lies there once, for everybody who put it and for every room that names it. Nobody is told of the others: who put
//! it may name it until its time is over, whether or not a room has it (V-382).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::Blob;
use pregao_protocol::room::{BlobCode, Code};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::BLOB_UNNAMED;
use pregao_protocol::wire::blob::BlobClass;

use super::Quotas;

/// How long a blob waits for an entry that names it (V-270).
const UNNAMED: Duration = Duration::from_secs(BLOB_UNNAMED);

/// Whose quota a blob takes from until an entry names it: a pass, say, or a box.
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

/// A blob that waits for an entry that names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Waits {
    /// When it was first seen so.
    since: Option<Time>,
}

impl Waits {
    fn is_over(self, now: Time) -> bool {
        self.since.is_some_and(|since| since.plus(UNNAMED) <= now)
    }
}

/// A blob that is kept.
#[derive(Debug)]
struct Kept {
    class: BlobClass,
    /// The rooms whose entries name it.
    rooms: BTreeSet<RoomName>,
    /// Who put it and may still name it, and with what number.
    put: BTreeMap<Account, (u64, Waits)>,
    /// It was there when the broker started, and no log names it so far: whoever put it may still name it, and who that was
    /// is not known any more.
    found: Option<Waits>,
    /// It is being destroyed: nobody may name or get it any more.
    going: bool,
}

impl Kept {
    const fn of(class: BlobClass) -> Self {
        Self { class, rooms: BTreeSet::new(), put: BTreeMap::new(), found: None, going: false }
    }

    /// Whether nobody names it, and nobody may still.
    fn is_of_no_use(&self) -> bool {
        self.rooms.is_empty() && self.put.is_empty() && self.found.is_none()
    }

    fn is_due(&self, now: Time) -> bool {
        let waits = self.put.values().map(|(_, waits)| waits).chain(&self.found);
        self.going || self.rooms.is_empty() && waits.copied().all(|waits| waits.is_over(now))
    }
}

/// A blob that is being put.
#[derive(Debug, Clone, Copy)]
struct Coming {
    class: BlobClass,
    /// Bytes that have come.
    came: u64,
}

/// What one account has under way, or kept and not yet named.
#[derive(Debug, Default)]
struct Own {
    /// All of it, by the sizes that were announced.
    load: Load,
    /// Bytes of it that have come.
    came: u64,
    /// Number of what it put or began last.
    newest: u64,
    /// What it put, by rising number.
    put: BTreeMap<u64, Digest>,
    /// What it is putting, by rising number.
    coming: BTreeMap<u64, Coming>,
}

/// Who gives way first, last: who has most, and of those the one that put nothing for longest.
type Rank = (u64, Reverse<u64>, Account);

impl Own {
    const fn rank(&self, account: Account) -> Rank {
        (self.came, Reverse(self.newest), account)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Table {
    kept: BTreeMap<Digest, Kept>,
    accounts: BTreeMap<Account, Own>,
    ranks: BTreeSet<Rank>,
    /// Bytes that have come of what all have under way, or kept and not yet named.
    unnamed: u64,
    /// What the entries of each room name.
    rooms: BTreeMap<RoomName, Load>,
    /// The number that was given last.
    last: u64,
}

impl Table {
    /// What was found when the broker started. Nothing of it is named until the logs are read.
    pub(super) fn found(blobs: Vec<(Digest, BlobClass)>) -> Self {
        let mut table = Self::default();
        for (digest, class) in blobs {
            let found = Some(Waits::default());
            table.kept.insert(digest, Kept { found, ..Kept::of(class) });
            table.unnamed = table.unnamed.saturating_add(class.size());
        }
        table
    }

    /// Counts a blob that is to be put, and gives it a number (V-271).
    pub(super) fn begin(
        &mut self,
        account: Account,
        class: BlobClass,
        quotas: &Quotas,
    ) -> Result<u64, BlobCode> {
        let load = self.accounts.get(&account).map_or(Load::default(), |own| own.load);
        let load = load.with(class);
        if load.blobs > quotas.account_blobs || load.bytes > quotas.account_bytes {
            return Err(BlobCode::Quota);
        }
        let number = self.number();
        self.change(account, |own| {
            own.load = load;
            own.newest = number;
            own.coming.insert(number, Coming { class, came: 0 });
        });
        Ok(number)
    }

    /// Counts a piece of what is being put. Where all is full, who has most gives way, as long as that is no less than what
    /// this one has then (V-383): so nobody can keep out everybody else. Gives what is to be destroyed for it.
    ///
    /// # Errors
    /// [`BlobCode::Quota`]: this one has most, or has given way.
    pub(super) fn grow(
        &mut self,
        account: Account,
        number: u64,
        piece: u64,
        quotas: &Quotas,
    ) -> Result<Vec<Digest>, BlobCode> {
        let own = self.accounts.get(&account).filter(|own| own.coming.contains_key(&number));
        let wanted = own.ok_or(BlobCode::Quota)?.came.saturating_add(piece);
        let mut gone = Vec::new();
        while self.unnamed.saturating_add(piece) > quotas.unnamed_bytes {
            let fullest = self.ranks.last().filter(|(came, ..)| *came >= wanted);
            match fullest.copied() {
                Some((_, _, fullest)) if fullest != account => gone.extend(self.give_way(fullest)),
                // What had to go until then has gone.
                _ => return Err(BlobCode::Quota),
            }
        }
        self.unnamed = self.unnamed.saturating_add(piece);
        self.change(account, |own| {
            own.came = wanted;
            if let Some(coming) = own.coming.get_mut(&number) {
                coming.came = coming.came.saturating_add(piece);
            }
        });
        Ok(gone)
    }

    /// What somebody has waiting for longest goes; if that is nothing, what they began first to put.
    fn give_way(&mut self, account: Account) -> Option<Digest> {
        let own = self.accounts.get(&account)?;
        if let Some(digest) = own.put.first_key_value().map(|(_, digest)| *digest) {
            self.take_put(digest, account);
            let kept = self.kept.get_mut(&digest)?;
            kept.going |= kept.is_of_no_use();
            return kept.going.then_some(digest);
        }
        match own.coming.first_key_value().map(|(number, _)| *number) {
            Some(number) => self.abandon(account, number),
            // What has bytes has one of both.
            None => self.change(account, |own| own.came = 0),
        }
        None
    }

    /// What was under way is not any more.
    pub(super) fn abandon(&mut self, account: Account, number: u64) {
        let own = self.accounts.get(&account);
        let Some(Coming { class, came }) = own.and_then(|own| own.coming.get(&number)).copied()
        else {
            return;
        };
        self.unnamed = self.unnamed.saturating_sub(came);
        self.change(account, |own| {
            own.coming.remove(&number);
            own.load.take(class);
            own.came = own.came.saturating_sub(came);
        });
    }

    /// What was under way is kept; it waits anew for an entry that names it.
    ///
    /// # Errors
    /// [`BlobCode::Quota`]: it has given way.
    pub(super) fn keep(
        &mut self,
        digest: Digest,
        account: Account,
        number: u64,
    ) -> Result<(), BlobCode> {
        let own = self.accounts.get(&account);
        let coming = own.and_then(|own| own.coming.get(&number)).copied();
        let class = coming.ok_or(BlobCode::Quota)?.class;
        if self.kept.get(&digest).is_some_and(|kept| kept.going) {
            // It is another life.
            self.gone(digest);
        }
        self.take_put(digest, account);
        self.abandon(account, number);
        self.wait_for(digest, class, account);
        Ok(())
    }

    /// From now on somebody may name a blob.
    fn wait_for(&mut self, digest: Digest, class: BlobClass, account: Account) {
        let number = self.number();
        let kept = self.kept.entry(digest).or_insert_with(|| Kept::of(class));
        kept.put.insert(account, (number, Waits::default()));
        self.unnamed = self.unnamed.saturating_add(class.size());
        self.change(account, |own| {
            own.load.add(class);
            own.came = own.came.saturating_add(class.size());
            own.newest = number;
            own.put.insert(number, digest);
        });
    }

    /// Somebody may name a blob no more, or has.
    fn take_put(&mut self, digest: Digest, account: Account) -> bool {
        let Some(kept) = self.kept.get_mut(&digest) else { return false };
        let Some((number, _)) = kept.put.remove(&account) else { return false };
        let class = kept.class;
        self.unnamed = self.unnamed.saturating_sub(class.size());
        self.change(account, |own| {
            own.put.remove(&number);
            own.load.take(class);
            own.came = own.came.saturating_sub(class.size());
        });
        true
    }

    /// The same of what was there when the broker started.
    fn take_found(&mut self, digest: Digest) {
        let Some(kept) = self.kept.get_mut(&digest) else { return };
        if kept.found.take().is_some() {
            self.unnamed = self.unnamed.saturating_sub(kept.class.size());
        }
    }

    fn change(&mut self, account: Account, change: impl FnOnce(&mut Own)) {
        let own = self.accounts.entry(account).or_default();
        self.ranks.remove(&own.rank(account));
        change(own);
        if own.load.blobs == 0 {
            self.accounts.remove(&account);
        } else {
            self.ranks.insert(own.rank(account));
        }
    }

    const fn number(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
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

    /// An entry of the room that is to be logged names a blob that somebody put for it (V-270, V-382). That others put it,
    /// or that a room has it, is as if it were not there.
    pub(super) fn claim(
        &mut self,
        blob: Blob,
        room: RoomName,
        account: Account,
        quotas: &Quotas,
    ) -> Result<(), Code> {
        let kept = self.kept.get(&blob.digest).filter(|kept| !kept.going);
        let kept = kept.filter(|kept| kept.class == blob.size).ok_or(Code::BlobMissing)?;
        let is_theirs = kept.put.contains_key(&account);
        if !is_theirs && (kept.found.is_none() || !kept.rooms.is_empty()) {
            return Err(Code::BlobMissing);
        }
        self.name(blob.digest, room, quotas)?;
        if !self.take_put(blob.digest, account) {
            self.take_found(blob.digest);
        }
        Ok(())
    }

    /// An entry of the room that is logged names a blob.
    pub(super) fn claim_logged(
        &mut self,
        blob: Blob,
        room: RoomName,
        quotas: &Quotas,
    ) -> Result<(), Code> {
        let class = self.class(blob.digest).filter(|class| *class == blob.size);
        class.ok_or(Code::BlobMissing)?;
        self.name(blob.digest, room, quotas)?;
        self.take_found(blob.digest);
        Ok(())
    }

    /// The room names a blob that is kept (V-271). A room counts each once.
    fn name(&mut self, digest: Digest, room: RoomName, quotas: &Quotas) -> Result<(), Code> {
        let kept = self.kept.get_mut(&digest).ok_or(Code::BlobMissing)?;
        if kept.rooms.contains(&room) {
            return Ok(());
        }
        let load = self.rooms.get(&room).copied().unwrap_or_default().with(kept.class);
        if load.bytes > quotas.room_bytes {
            return Err(Code::BlobRoom);
        }
        self.rooms.insert(room, load);
        kept.rooms.insert(room);
        Ok(())
    }

    /// No entry of the room names it any more.
    fn unname(&mut self, digest: Digest, room: RoomName) -> bool {
        let Some(kept) = self.kept.get_mut(&digest) else { return false };
        if !kept.rooms.remove(&room) {
            return false;
        }
        let class = kept.class;
        if let Some(load) = self.rooms.get_mut(&room) {
            load.take(class);
            if load.blobs == 0 {
                self.rooms.remove(&room);
            }
        }
        true
    }

    /// The entry for which somebody's blob was claimed is not logged: they may name it again, and have it again. `is_named`
    /// says whether another entry of the room does.
    pub(super) fn unclaim(
        &mut self,
        digest: Digest,
        room: RoomName,
        account: Account,
        is_named: bool,
    ) {
        if !is_named && !self.unname(digest, room) {
            return;
        }
        let Some(class) = self.kept.get(&digest).map(|kept| kept.class) else { return };
        // They may have put it once more.
        self.take_put(digest, account);
        self.wait_for(digest, class, account);
    }

    /// No entry of the room names it any more. True if it is of no use to anybody, and to be destroyed now.
    pub(super) fn release(&mut self, digest: Digest, room: RoomName) -> bool {
        if !self.unname(digest, room) {
            return false;
        }
        let Some(kept) = self.kept.get_mut(&digest) else { return false };
        kept.going |= kept.is_of_no_use();
        kept.going
    }

    /// What has waited for long enough, and what could not be destroyed before. From the first call on that sees a blob
    /// wait its time runs.
    pub(super) fn due(&mut self, now: Time) -> Vec<Digest> {
        let mut over = Vec::new();
        for (digest, kept) in &mut self.kept {
            let named = !kept.rooms.is_empty();
            for (account, (_, waits)) in &mut kept.put {
                waits.since.get_or_insert(now);
                if named && waits.is_over(now) {
                    over.push((*digest, *account));
                }
            }
            if let Some(found) = &mut kept.found {
                found.since.get_or_insert(now);
            }
        }
        // As if it were destroyed, though a room has it.
        for (digest, account) in over {
            self.take_put(digest, account);
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
        let Some(kept) = self.kept.get(&digest) else { return };
        let whose: Vec<Account> = kept.put.keys().copied().collect();
        for account in whose {
            self.take_put(digest, account);
        }
        self.take_found(digest);
        self.kept.remove(&digest);
    }
}
