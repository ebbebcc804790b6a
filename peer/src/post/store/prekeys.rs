//! Secrets of the keys that letters are sealed to: durable before the keys are published, gone once their letters are
//! read.

use std::collections::BTreeMap;
use std::fmt;

use pregao_protocol::room::body::OnceKey;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use serde::{Deserialize, Serialize};

use super::MailError;
use super::letters::{LetterRecord, LetterState};
use super::own_boxes::BoxId;
use super::rows::{Change, Kept, Plain, Record, Rows, Table, View};
use super::seal::{Keyed, Keys};
use crate::vault::Secret;

number! {
    /// A signed or one-time key.
    PrekeyId
}

/// How far a key has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrekeyState {
    /// The entry that publishes it may have been handed in.
    Drawn,
    /// Published by the entry with this position.
    Published {
        /// Position of the `keys` entry.
        seq: u64,
    },
    /// A signed key in whose place that entry put another: letters before it may still be sealed to this one.
    Replaced {
        /// Position of the entry that replaced it.
        by: u64,
    },
    /// Its letter was read, or it is needed no more: the secret is destroyed.
    Used {
        /// Position of the deposit that was sealed to it, if one was.
        by: Option<u64>,
    },
}

/// A key with its secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrekeyRecord {
    /// The box in which it is published.
    pub own_box: BoxId,
    /// Digest of the public half.
    pub digest: Digest,
    /// Where a one-time key stands; none of a signed one.
    pub once: Option<OnceKey>,
    /// When it was drawn.
    pub drawn: Time,
    /// How far it has come.
    pub state: PrekeyState,
    secret: Option<Secret>,
}

impl fmt::Debug for PrekeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrekeyRecord").field("state", &self.state).finish_non_exhaustive()
    }
}

impl PrekeyRecord {
    /// The secret, until it is destroyed.
    #[must_use]
    pub fn secret(&self) -> Option<PrekeySecret> {
        self.secret.as_ref().map(|secret| PrekeySecret::from_random(*secret.expose()))
    }
}

/// A secret with the digest of its public half, which takes longer to compute than to keep.
#[derive(Debug, Clone, Copy)]
pub struct DrawnKey<'a> {
    /// The secret.
    pub secret: &'a PrekeySecret,
    /// Digest of its public half.
    pub digest: Digest,
}

/// Keys to which something is sealed that was not opened yet: their secrets stay, and nothing else for their sake.
#[derive(Debug, Clone, Default)]
pub struct Needed {
    signed: Vec<Digest>,
    once: Vec<OnceKey>,
}

impl Needed {
    /// A letter that is to be opened is sealed to these.
    pub fn add(&mut self, signed: Digest, once: Option<OnceKey>) {
        self.signed.push(signed);
        self.once.extend(once);
    }

    fn has(&self, key: &PrekeyRecord) -> bool {
        match &key.once {
            Some(once) => self.once.contains(once),
            None => self.signed.contains(&key.digest),
        }
    }
}

/// A stock that is open in the log of its box.
#[derive(Debug, Clone)]
pub struct StockLeft {
    /// Its root.
    pub root: Digest,
    /// Which of its keys letters came under.
    pub used: Vec<u32>,
}

/// Keys that one `keys` entry publishes.
#[derive(Debug, Clone, Copy)]
pub struct DrawnKeys<'a> {
    /// The signed key, if it is a new one.
    pub signed: Option<DrawnKey<'a>>,
    /// Root of the stock, and its keys in their order.
    pub stock: Option<(Digest, &'a [DrawnKey<'a>])>,
}

fn digest_of(keys: &Keys, digest: &Digest) -> Keyed {
    keys.name("prekey", &digest.0)
}

fn stock_of(keys: &Keys, root: &Digest) -> Keyed {
    keys.name("stock", &root.0)
}

fn place_of(keys: &Keys, once: &OnceKey) -> Keyed {
    let place = [once.stock.0.as_slice(), &once.index.to_be_bytes()].concat();
    keys.name("place in a stock", &place)
}

impl Record for PrekeyRecord {
    const TABLE: Table =
        Table { name: "prekey", columns: &["own_box", "digest", "stock", "place"] };

    fn plain(&self, keys: &Keys) -> Vec<Plain> {
        let name = |name: Option<Keyed>| name.map_or(Plain::Nothing, Plain::Name);
        vec![
            Plain::Number(self.own_box.0),
            Plain::Name(digest_of(keys, &self.digest)),
            name(self.once.map(|once| stock_of(keys, &once.stock))),
            name(self.once.map(|once| place_of(keys, &once))),
        ]
    }
}

fn kept((id, record): (i64, PrekeyRecord)) -> Kept<PrekeyId, PrekeyRecord> {
    Kept { id: PrekeyId(id), record }
}

impl View<'_> {
    /// The key with this digest; one whose secret was destroyed is still known for some time.
    ///
    /// # Errors
    /// [`MailError::Row`], or what the database says.
    pub fn prekey(
        &self,
        digest: &Digest,
    ) -> Result<Option<Kept<PrekeyId, PrekeyRecord>>, MailError> {
        let found = self.one("WHERE digest = ?1", &[&Plain::Name(digest_of(self.keys, digest))])?;
        Ok(found.map(kept))
    }

    /// The one-time key at a place.
    ///
    /// # Errors
    /// As [`View::prekey`].
    pub fn once_key(
        &self,
        once: &OnceKey,
    ) -> Result<Option<Kept<PrekeyId, PrekeyRecord>>, MailError> {
        let found = self.one("WHERE place = ?1", &[&Plain::Name(place_of(self.keys, once))])?;
        Ok(found.map(kept))
    }

    /// The signed keys of a box whose secrets are there, oldest first.
    ///
    /// # Errors
    /// As [`View::prekey`]; a damaged one is left out of the list.
    pub fn signed_keys(&self, of: BoxId) -> Result<Vec<Kept<PrekeyId, PrekeyRecord>>, MailError> {
        let condition = "WHERE own_box = ?1 AND stock IS NULL ORDER BY id";
        let rows = self.rows::<PrekeyRecord>(condition, &[&of.0])?;
        let whole = rows.into_iter().filter_map(|(id, row)| Some(kept((id, row.ok()?))));
        Ok(whole.filter(|kept| kept.record.secret.is_some()).collect())
    }

    /// Keys to which letters of a box are sealed that are here and not opened.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read; a damaged letter needs none.
    pub fn needed(&self, of: BoxId) -> Result<Needed, MailError> {
        let mut needed = Needed::default();
        // What is not opened counts as unread: few are.
        for (_, row) in self.rows::<LetterRecord>("WHERE unread = 1", &[])? {
            let Ok(letter) = row else { continue };
            let Some(deposit) = letter.deposit.filter(|_| letter.state == LetterState::Arrived)
            else {
                continue;
            };
            if letter.own_box == of {
                needed.add(deposit.signed, deposit.once);
            }
        }
        Ok(needed)
    }
}

impl Change<'_> {
    /// Keeps the secrets of keys that are to be published. Durable before the entry that publishes them is handed in.
    ///
    /// # Errors
    /// [`MailError::Step`] if one of them was kept before.
    pub fn keep_keys(
        &mut self,
        of: BoxId,
        keys: &DrawnKeys<'_>,
        now: Time,
    ) -> Result<(), MailError> {
        if let Some(signed) = keys.signed {
            self.keep_key(of, signed, None, now)?;
        }
        if let Some((stock, keys)) = keys.stock {
            for (index, key) in (0..).zip(keys) {
                self.keep_key(of, *key, Some(OnceKey { stock, index }), now)?;
            }
        }
        Ok(())
    }

    fn keep_key(
        &mut self,
        own_box: BoxId,
        key: DrawnKey<'_>,
        once: Option<OnceKey>,
        drawn: Time,
    ) -> Result<(), MailError> {
        if self.prekey(&key.digest)?.is_some() {
            return Err(MailError::Step("these keys are kept already"));
        }
        let secret = Some(Secret::new(*key.secret.expose()));
        let (digest, state) = (key.digest, PrekeyState::Drawn);
        self.insert(&PrekeyRecord { own_box, digest, once, drawn, state, secret }).map(drop)
    }

    /// The entry at `seq` published this signed key and this stock: the answer to it says so, or the log. In whatever order
    /// that is heard of several, each signed key is replaced by the next in the log.
    ///
    /// # Errors
    /// [`MailError::Step`] if the keys are not kept; [`MailError::Row`].
    pub fn keys_published(
        &mut self,
        of: BoxId,
        signed: &Digest,
        stock: Option<&Digest>,
        seq: u64,
    ) -> Result<(), MailError> {
        let known = self.prekey(signed)?;
        let Kept { id, mut record } = known.ok_or(MailError::Step("these keys are not kept"))?;
        if record.own_box != of {
            return Err(MailError::Step("these keys are another box's"));
        }
        if record.state == PrekeyState::Drawn {
            record.state = PrekeyState::Published { seq };
            self.update(id.0, &record)?;
        }
        self.replace_signed(of)?;
        let Some(stock) = stock else { return Ok(()) };
        for (id, row) in self.stock(stock)? {
            let mut record = row?;
            if record.state == PrekeyState::Drawn {
                record.state = PrekeyState::Published { seq };
                self.update(id, &record)?;
            }
        }
        Ok(())
    }

    /// Of the signed keys that stand in the log all but the newest are replaced, each by the next.
    fn replace_signed(&mut self, of: BoxId) -> Result<(), MailError> {
        let known = self.signed_keys(of)?.into_iter();
        let published = known.filter_map(|kept| match kept.record.state {
            PrekeyState::Published { seq } => Some((seq, kept)),
            _ => None,
        });
        let published: BTreeMap<u64, _> = published.collect();
        let next: Vec<u64> = published.keys().skip(1).copied().collect();
        for (by, (_, Kept { id, mut record })) in next.into_iter().zip(published) {
            record.state = PrekeyState::Replaced { by };
            self.update(id.0, &record)?;
        }
        Ok(())
    }

    fn stock(&self, root: &Digest) -> Result<Rows<PrekeyRecord>, MailError> {
        self.rows("WHERE stock = ?1 ORDER BY id", &[&Plain::Name(stock_of(self.keys, root))])
    }

    /// Destroys the secret of a key whose letter, at `by`, was read or has expired. The key itself is remembered as used.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`].
    pub fn destroy_key(&mut self, id: PrekeyId, by: Option<u64>) -> Result<(), MailError> {
        let record: Option<PrekeyRecord> = self.row(id.0)?;
        let mut record = record.ok_or(MailError::Unknown { what: "prekey", id: id.0 })?;
        record.secret = None;
        record.state = PrekeyState::Used { by };
        self.update(id.0, &record)
    }

    /// Destroys the signed keys of a box that were replaced by an entry before `read`: every deposit sealed to them was
    /// read, but for what is needed. How many.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn destroy_replaced(
        &mut self,
        of: BoxId,
        read: u64,
        needed: &Needed,
    ) -> Result<usize, MailError> {
        let mut gone = 0;
        for Kept { id, record } in self.signed_keys(of)? {
            // A deposit under a replaced key cannot stand after the entry at `by`.
            let is_over = matches!(record.state, PrekeyState::Replaced { by } if by < read);
            if is_over && !needed.has(&record) {
                self.delete(PrekeyRecord::TABLE.name, id.0)?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Destroys the one-time keys of a box under which letters came, and those of stocks that are open no more, but for what
    /// is needed. `open` is what the log says as far as it was read: what is not in that part, or in no log, stays.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn destroy_used(
        &mut self,
        of: BoxId,
        (open, read): (&[StockLeft], u64),
        needed: &Needed,
    ) -> Result<(), MailError> {
        for StockLeft { root, used } in open {
            for index in used {
                let found = self.once_key(&OnceKey { stock: *root, index: *index })?;
                let spent = found.filter(|kept| kept.record.secret.is_some());
                if let Some(Kept { id, .. }) = spent.filter(|kept| !needed.has(&kept.record)) {
                    self.destroy_key(id, None)?;
                }
            }
        }
        let open: Vec<Keyed> = open.iter().map(|open| stock_of(self.keys, &open.root)).collect();
        let all = "SELECT DISTINCT stock FROM prekey WHERE own_box = ?1 AND stock IS NOT NULL";
        for stock in self.names_in(all, &[&of.0])? {
            if !open.contains(&stock) {
                self.destroy_lapsed(stock, read, needed)?;
            }
        }
        Ok(())
    }

    fn destroy_lapsed(
        &mut self,
        stock: Keyed,
        read: u64,
        needed: &Needed,
    ) -> Result<(), MailError> {
        let rows = self.rows::<PrekeyRecord>("WHERE stock = ?1", &[&Plain::Name(stock)])?;
        for (id, row) in rows {
            let stays = |key: &PrekeyRecord| match key.state {
                PrekeyState::Drawn => true,
                PrekeyState::Published { seq } => seq >= read || needed.has(key),
                _ => needed.has(key),
            };
            // A damaged key goes, too.
            if !row.as_ref().is_ok_and(stays) {
                self.delete(PrekeyRecord::TABLE.name, id)?;
            }
        }
        Ok(())
    }

    /// Destroys keys of a box that were drawn before a time and never published, but for what is needed. How many.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn destroy_unpublished(
        &mut self,
        of: BoxId,
        before: Time,
        needed: &Needed,
    ) -> Result<usize, MailError> {
        let rows = self.rows::<PrekeyRecord>("WHERE own_box = ?1", &[&of.0])?;
        let mut gone = 0;
        for (id, row) in rows {
            let Ok(record) = row else { continue };
            let is_old = record.state == PrekeyState::Drawn && record.drawn < before;
            if is_old && !needed.has(&record) {
                self.delete(PrekeyRecord::TABLE.name, id)?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Destroys all keys of a box.
    pub(super) fn destroy_all_keys(&mut self, of: BoxId) -> Result<(), MailError> {
        for id in self.ids("SELECT id FROM prekey WHERE own_box = ?1", &[&of.0])? {
            self.delete(PrekeyRecord::TABLE.name, id)?;
        }
        Ok(())
    }
}
