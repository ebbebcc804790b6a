//! The fold of a message box: letters for somebody who is away (SPEC 8.2).
//!
//! Its owner acts by one key of the box, which is no persona's; whoever leaves a letter acts once, by a fresh key, and
//! knows no more of the log than its opening. Letters themselves lie beside the log, which holds what names them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::room::body::{Blob, Body, BoxOpening, Deposit, Keys, OnceKey, Stock, Taken};
use crate::room::kind::{Beyond, Fold};
use crate::room::{Access, Code, Ledger, Stamped, Terms};
use crate::value::blob_class::BlobClass;
use crate::value::clock::Time;
use crate::value::codec::Digest;
use crate::value::label;

mod about;
pub mod half;
pub mod kept;
mod registered;
pub mod verbs;

pub use about::About;
pub use registered::Registration;

/// A letter that waits to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// The envelope.
    pub envelope: Blob,
    /// What is attached to it.
    pub attachments: Vec<Blob>,
    /// Digest of the signed key that it is sealed to.
    pub signed: Digest,
    /// The one-time key that it is sealed to, too, if it is.
    pub once: Option<OnceKey>,
    /// Bytes of the envelope and what is attached to it.
    pub bytes: u64,
    /// When it is destroyed, if its writer said so.
    pub expires: Option<Time>,
    /// What is known of it besides, if it is registered.
    pub registered: Option<Registration>,
}

/// A stock that letters may be sealed to, with what of it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStock {
    seq: u64,
    blob: Blob,
    stock: Stock,
    used: BTreeSet<u32>,
}

impl OpenStock {
    /// Position of the `keys` that published it.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Where its keys lie, behind the signed key of that `keys`.
    #[must_use]
    pub const fn blob(&self) -> Blob {
        self.blob
    }

    /// Its root and count.
    #[must_use]
    pub const fn stock(&self) -> Stock {
        self.stock
    }

    /// Whether there is such a key, and no letter was sealed to it.
    #[must_use]
    pub fn is_unused(&self, index: u32) -> bool {
        index < self.stock.count && !self.used.contains(&index)
    }
}

/// The newest `keys` of a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its position.
    pub seq: u64,
    /// What it says.
    pub keys: Keys,
}

/// A message box as its log gives it.
#[derive(Debug, Clone)]
pub struct MessageBox {
    opening: BoxOpening,
    newest: Option<Published>,
    /// Digests of signed keys and roots of stocks that were published: none comes again.
    published: BTreeSet<Digest>,
    /// The newest [`label::MAX_STOCKS`], oldest first.
    stocks: VecDeque<OpenStock>,
    /// Envelopes that came under the signed key of now.
    came: BTreeSet<Digest>,
    waiting: BTreeMap<u64, Letter>,
    /// Which of those end, and when.
    ends: BTreeSet<(Time, u64)>,
    /// Which were registered and not decided about, and when they lapse.
    lapses: BTreeSet<(Time, u64)>,
    /// A registered letter that the last entry accepts.
    accepted: Option<u64>,
    /// Bytes of those that wait.
    bytes: u64,
    closed: bool,
}

impl Fold for MessageBox {
    type Opening = BoxOpening;

    fn terms(opening: &BoxOpening) -> Terms {
        Terms {
            broker: opening.broker,
            stamps: opening.stamps.clone(),
            locks: Vec::new(),
            simulated: opening.simulated,
            witnesses: Vec::new(),
            quorum: 0,
            freshness: Duration::from_secs(opening.freshness.into()),
            authorities: Vec::new(),
            access: Access::Owner,
        }
    }

    fn open(opening: &BoxOpening, _entry: &Stamped) -> Result<Self, Code> {
        if !has_possible_terms(opening) {
            return Err(Code::BoxTerms);
        }
        Ok(Self {
            opening: opening.clone(),
            newest: None,
            published: BTreeSet::new(),
            stocks: VecDeque::new(),
            came: BTreeSet::new(),
            waiting: BTreeMap::new(),
            ends: BTreeSet::new(),
            lapses: BTreeSet::new(),
            accepted: None,
            bytes: 0,
            closed: false,
        })
    }

    fn judge_alone(_opening: &BoxOpening, entry: &Stamped) -> Result<(), Code> {
        match entry.action().body() {
            Body::Keys(keys) => judge_form(keys),
            Body::Deposit(deposit) => judge_deposit(deposit, entry.time()),
            Body::Taken(taken) => judge_list(taken, seen_by(entry)),
            Body::Accepted(one) | Body::Declined(one) if one.letter >= seen_by(entry) => {
                Err(Code::RegisteredLetter)
            }
            Body::BoxClosed(_)
            | Body::Accepted(_)
            | Body::Handed(_)
            | Body::Declined(_)
            | Body::Lapsed(_) => Ok(()),
            _ => Err(Code::VerbKind),
        }
    }

    fn judge(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
        Self::judge_alone(&self.opening, entry)?;
        if self.closed {
            return Err(Code::VerbPhase);
        }
        if let Some(seq) = self.accepted {
            return self.judge_half(seq, entry.action().body());
        }
        match entry.action().body() {
            Body::Keys(keys) => self.judge_keys(keys),
            Body::Deposit(deposit) => {
                self.judge_sealing(deposit)?;
                self.judge_quota(deposit, ledger.newest().max(entry.time()))
            }
            Body::Taken(taken) => {
                let now = ledger.newest().max(entry.time());
                if !taken.letters.iter().all(|seq| self.waits_at(*seq, now)) {
                    return Err(Code::TakenLetter);
                }
                self.judge_registered(entry)
            }
            _ => self.judge_registered(entry),
        }
    }

    fn append(&mut self, ledger: &Ledger, entry: &Stamped) {
        self.expire(ledger.newest().max(entry.time()));
        match entry.action().body() {
            Body::Keys(keys) => self.publish(ledger.head().size, keys),
            Body::Deposit(deposit) => self.take_in(ledger.head().size, deposit, entry),
            Body::Taken(taken) => taken.letters.iter().for_each(|seq| self.drop_letter(*seq)),
            Body::Accepted(one) => self.accept(one.letter),
            Body::Handed(handed) => self.hand_over(handed.letter, &handed.half),
            Body::Declined(one) | Body::Lapsed(one) => self.drop_letter(one.letter),
            Body::BoxClosed(_) => {
                self.closed = true;
                self.stocks.clear();
                self.waiting.clear();
                self.ends.clear();
                self.lapses.clear();
                self.bytes = 0;
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        self.closed
    }

    fn cut_short(&self) -> Option<Code> {
        self.accepted.map(|_| Code::HandedPair)
    }

    fn beyond_the_log(&self, code: Code, body: &Body) -> Option<Beyond> {
        let word = match (code, body) {
            // Whether it opens only the broker sees (V-331).
            (Code::DepositHalf, Body::Deposit(deposit)) => deposit.registered.is_some(),
            // What lies beside the log, too (V-270, V-271, V-290).
            (Code::BlobMissing | Code::BlobRoom, Body::Deposit(_) | Body::Keys(_))
            | (Code::BlobKeys, Body::Keys(_)) => true,
            _ => false,
        };
        word.then_some(Beyond::Word)
    }
}

/// V-274. The bounds that listings have (V-039).
pub(crate) fn has_possible_terms(opening: &BoxOpening) -> bool {
    let fresh =
        (1..=60).contains(&opening.freshness) && opening.broker.delivery.require_usable().is_ok();
    let stamped = (1..=8).contains(&opening.stamps.len());
    let has_room = (1..=label::MAX_LETTERS).contains(&opening.letters)
        && (BlobClass::SMALLEST.size()..=label::MAX_BOX).contains(&opening.bytes);
    fresh && stamped && has_room
}

impl MessageBox {
    /// The opening.
    #[must_use]
    pub const fn opening(&self) -> &BoxOpening {
        &self.opening
    }

    /// Whether its owner closed it.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Digest of the signed key that letters are sealed to now; nothing before the first `keys`.
    #[must_use]
    pub fn signed(&self) -> Option<Digest> {
        self.newest.as_ref().map(|newest| newest.keys.signed)
    }

    /// The newest `keys`: those that are handed out.
    #[must_use]
    pub const fn newest(&self) -> Option<&Published> {
        self.newest.as_ref()
    }

    /// The stocks that letters may be sealed to, oldest first, with what of each was used.
    pub fn open_stocks(&self) -> impl Iterator<Item = &OpenStock> {
        self.stocks.iter()
    }

    /// Whether the blobs that the entry at `seq` names are still of use: it is a letter that waits, the newest `keys`,
    /// or one whose stock is open (V-291).
    #[must_use]
    pub fn keeps_blobs_of(&self, seq: u64) -> bool {
        self.waits(seq)
            || self.newest.as_ref().is_some_and(|newest| newest.seq == seq) && !self.closed
            || self.stocks.iter().any(|open| open.seq == seq)
    }

    /// The blobs of each entry of which they are still of use, by its position; of a letter the envelope first.
    pub fn blobs(&self) -> impl Iterator<Item = (u64, Vec<Blob>)> {
        let newest = self.newest.iter().filter(|_| !self.closed);
        let newest = newest.map(|newest| (newest.seq, vec![newest.keys.blob]));
        let last = self.newest.as_ref().map(|newest| newest.seq);
        let others = self.stocks.iter().filter(move |open| Some(open.seq) != last);
        let letters = self.waiting.iter().map(|(seq, letter)| {
            let blobs = std::iter::once(&letter.envelope).chain(&letter.attachments);
            (*seq, blobs.copied().collect())
        });
        newest.chain(others.map(|open| (open.seq, vec![open.blob]))).chain(letters)
    }

    /// One-time keys that no letter was sealed to yet, as far as the log knows.
    #[must_use]
    pub fn unused(&self) -> u64 {
        let left =
            |open: &OpenStock| u64::from(open.stock.count).saturating_sub(open.used.len() as u64);
        self.stocks.iter().map(left).sum()
    }

    /// The stocks that letters may be sealed to, oldest first.
    pub fn stocks(&self) -> impl Iterator<Item = Stock> {
        self.stocks.iter().map(|open| open.stock)
    }

    /// Whether a letter under this one-time key would be the first.
    #[must_use]
    pub fn is_unused(&self, once: &OnceKey) -> bool {
        self.judge_once(once).is_ok()
    }

    /// Letters that wait to be taken, by their positions.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, &Letter)> {
        self.waiting.iter().map(|(seq, letter)| (*seq, letter))
    }

    /// The letter at a position, if it waits.
    #[must_use]
    pub fn letter(&self, seq: u64) -> Option<&Letter> {
        self.waiting.get(&seq)
    }

    /// Bytes of the letters that wait.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the next letter ends, if one does.
    #[must_use]
    pub fn next_end(&self) -> Option<Time> {
        self.ends.first().map(|(time, _)| *time)
    }

    /// V-276: none of them was published before, but for the signed key of now beside a stock. So each entry brings something.
    fn judge_keys(&self, keys: &Keys) -> Result<(), Code> {
        let is_new = |digest: &Digest| !self.published.contains(digest);
        let is_current = self.signed() == Some(keys.signed) && keys.stock.is_some();
        let signed = is_current || is_new(&keys.signed);
        let stock = keys.stock.is_none_or(|stock| is_new(&stock.root));
        if signed && stock { Ok(()) } else { Err(Code::BoxKeys) }
    }

    /// V-277 and V-278.
    fn judge_sealing(&self, deposit: &Deposit) -> Result<(), Code> {
        if self.signed() != Some(deposit.signed) {
            return Err(Code::DepositKeys);
        }
        if let Some(once) = &deposit.once {
            self.judge_once(once)?;
        }
        if self.came.contains(&deposit.envelope.digest) {
            return Err(Code::DepositTwice);
        }
        Ok(())
    }

    fn judge_once(&self, once: &OnceKey) -> Result<(), Code> {
        let open = self.stocks.iter().find(|open| open.stock.root == once.stock);
        let open = open.filter(|open| once.index < open.stock.count).ok_or(Code::DepositKeys)?;
        if open.used.contains(&once.index) { Err(Code::DepositKeyUsed) } else { Ok(()) }
    }

    /// V-280. Letters that have ended by then take no room, though the log has no entry of it.
    fn judge_quota(&self, deposit: &Deposit, now: Time) -> Result<(), Code> {
        let ended = self.ends.iter().take_while(|(end, _)| *end <= now);
        let ended = ended.filter_map(|(_, seq)| self.waiting.get(seq));
        let (count, freed) = ended.fold((0_u64, 0_u64), |(count, bytes), letter| {
            (count.saturating_add(1), bytes.saturating_add(letter.bytes))
        });
        let letters = (self.waiting.len() as u64).saturating_sub(count);
        let bytes = self.bytes.saturating_sub(freed).saturating_add(bytes_of(deposit));
        let fits = letters < u64::from(self.opening.letters) && bytes <= self.opening.bytes;
        if fits { Ok(()) } else { Err(Code::DepositFull) }
    }

    fn waits(&self, seq: u64) -> bool {
        self.waiting.contains_key(&seq)
    }

    /// V-281: also of what ends by the very entry that is judged.
    fn waits_at(&self, seq: u64, now: Time) -> bool {
        self.waiting.get(&seq).is_some_and(|letter| letter.expires.is_none_or(|end| end > now))
    }

    fn publish(&mut self, seq: u64, keys: &Keys) {
        if self.signed() != Some(keys.signed) {
            // What is sealed to another key is refused now, so the same envelope cannot come again.
            self.came.clear();
        }
        self.newest = Some(Published { seq, keys: keys.clone() });
        self.published.insert(keys.signed);
        if let Some(stock) = keys.stock {
            self.published.insert(stock.root);
            self.stocks.push_back(OpenStock { seq, blob: keys.blob, stock, used: BTreeSet::new() });
            while self.stocks.len() > label::MAX_STOCKS {
                self.stocks.pop_front();
            }
        }
    }

    fn take_in(&mut self, seq: u64, deposit: &Deposit, entry: &Stamped) {
        if let Some(once) = &deposit.once {
            let of = self.stocks.iter_mut().filter(|open| open.stock.root == once.stock);
            of.for_each(|open| _ = open.used.insert(once.index));
        }
        let Deposit { envelope, expires, .. } = *deposit;
        let attachments = deposit.attachments.clone();
        let (signed, once) = (deposit.signed, deposit.once);
        self.came.insert(envelope.digest);
        let bytes = bytes_of(deposit);
        self.bytes = self.bytes.saturating_add(bytes);
        self.ends.extend(expires.map(|end| (end, seq)));
        let registered = deposit.registered.as_ref().map(|one| Registration::of(one, entry));
        self.lapses.extend(registered.as_ref().map(|letter| (letter.until, seq)));
        let letter = Letter { envelope, attachments, signed, once, bytes, expires, registered };
        self.waiting.insert(seq, letter);
    }

    /// Letters whose time is over by `now` wait no more.
    fn expire(&mut self, now: Time) {
        while let Some((_, seq)) = self.ends.first().filter(|(end, _)| *end <= now).copied() {
            self.drop_letter(seq);
        }
    }

    fn drop_letter(&mut self, seq: u64) {
        if let Some(letter) = self.waiting.remove(&seq) {
            self.bytes = self.bytes.saturating_sub(letter.bytes);
            if let Some(end) = letter.expires {
                self.ends.remove(&(end, seq));
            }
            if let Some(registered) = letter.registered {
                self.lapses.remove(&(registered.until, seq));
            }
        }
    }
}

/// V-276: a stock is of 1 to [`label::MAX_STOCK`] keys, and the blob has the size for them and the signed one.
fn judge_form(keys: &Keys) -> Result<(), Code> {
    let counts = |stock: Stock| (1..=label::MAX_STOCK).contains(&stock.count);
    let count = keys.stock.map_or(0, |stock| u64::from(stock.count));
    let bytes = count.saturating_add(1).saturating_mul(label::PREKEY_SIZE);
    let sized = BlobClass::holding(bytes) == Some(keys.blob.size);
    if keys.stock.is_none_or(counts) && sized { Ok(()) } else { Err(Code::BoxKeys) }
}

/// V-279, V-281 and V-330.
fn judge_deposit(deposit: &Deposit, stamped: Time) -> Result<(), Code> {
    let blobs = std::iter::once(&deposit.envelope).chain(&deposit.attachments);
    let distinct: BTreeSet<Digest> = blobs.map(|blob| blob.digest).collect();
    let count = deposit.attachments.len();
    if !deposit.envelope.size.is_one_piece()
        || count > label::MAX_ATTACHMENTS
        || distinct.len() != count.saturating_add(1)
    {
        return Err(Code::DepositSize);
    }
    let latest = stamped.plus(Duration::from_secs(label::LONGEST_EXPIRY));
    let in_time = |end: Time| end > stamped && end <= latest;
    // V-330: a registered letter has a time of its own.
    let has_one = deposit.registered.is_none() || deposit.expires.is_none();
    let in_time = deposit.expires.is_none_or(in_time);
    if has_one && in_time { Ok(()) } else { Err(Code::DepositExpiry) }
}

/// V-282 and V-360: positions ascend, so that each stands once, and are in what its owner has seen.
fn judge_list(taken: &Taken, seen: u64) -> Result<(), Code> {
    let ascends = taken.letters.is_sorted_by(|one, next| one < next);
    let some = (1..=label::MAX_TAKEN).contains(&taken.letters.len());
    let had_seen = taken.letters.last().is_none_or(|last| *last < seen);
    if ascends && some && had_seen { Ok(()) } else { Err(Code::TakenLetter) }
}

/// Entries that the author of an action has seen. What an owner signs about a position is about the letter that others are
/// shown there only if they had seen it (V-360).
const fn seen_by(entry: &Stamped) -> u64 {
    entry.action().seen().size
}

fn bytes_of(deposit: &Deposit) -> u64 {
    let attached = deposit.attachments.iter().map(|blob| blob.size.size());
    attached.fold(deposit.envelope.size.size(), u64::saturating_add)
}

#[cfg(test)]
mod tests;
