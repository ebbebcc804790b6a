//! Passes: asked for on one day, spent later as a guest, so that the two cannot be matched.

use std::fmt;

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::pass::{Day, Pass, PassRequest};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use serde::{Deserialize, Serialize};

use super::rows::{Change, Kept, Plain, Record, Table, View};
use super::seal::{Keyed, Keys};
use super::{DamagedRow, MailError};

number! {
    /// A pass, or a request for one.
    PassId
}

/// How far a pass has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassState {
    /// The request may have been sent: it is sent again as it is, and its answer is unblinded with it.
    Asked {
        /// What is sent, with what unblinds the answer.
        request: PassRequest,
        /// The key of its day, as DER, under which it was made.
        key: Vec<u8>,
    },
    /// It can be spent.
    Held {
        /// The pass.
        pass: Pass,
        /// Not before this: what is spent at once is matched with what was asked for.
        not_before: Time,
    },
    /// It was, or may have been, shown.
    Spent {
        /// The pass: the same thing may be done again with it.
        pass: Pass,
        /// On what: a digest of the action.
        on: Digest,
    },
}

/// A pass.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassRecord {
    /// The broker that honours it.
    pub broker: Fingerprint,
    /// The day on which it can be spent.
    pub day: Day,
    /// How far it has come.
    pub state: PassState,
}

impl fmt::Debug for PassRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassRecord").field("day", &self.day).finish_non_exhaustive()
    }
}

fn broker_of(keys: &Keys, broker: &Fingerprint) -> Keyed {
    keys.name("broker of a pass", &broker.0)
}

impl Record for PassRecord {
    const TABLE: Table = Table { name: "pass", columns: &["broker", "day"] };

    fn plain(&self, keys: &Keys) -> Vec<Plain> {
        vec![Plain::Name(broker_of(keys, &self.broker)), Plain::Number(self.day.0.into())]
    }
}

/// A pass, or which one is damaged.
pub type PassRow = Result<Kept<PassId, PassRecord>, DamagedRow>;

impl View<'_> {
    /// The passes of a broker and day, oldest first.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn passes(&self, broker: &Fingerprint, day: Day) -> Result<Vec<PassRow>, MailError> {
        let broker = Plain::Name(broker_of(self.keys, broker));
        let day = i64::from(day.0);
        let rows = self
            .rows::<PassRecord>("WHERE day = ?1 AND broker = ?2 ORDER BY id", &[&day, &broker])?;
        let kept = |(id, row): (i64, Result<PassRecord, DamagedRow>)| {
            row.map(|record| Kept { id: PassId(id), record })
        };
        Ok(rows.into_iter().map(kept).collect())
    }

    /// From when on a pass of that time's day can be spent, of whatever broker; nothing if none is held.
    ///
    /// # Errors
    /// As [`View::passes`].
    pub fn rested_at(&self, time: Time) -> Result<Option<Time>, MailError> {
        let day = i64::from(Day::of(time).0);
        let rows = self.rows::<PassRecord>("WHERE day = ?1", &[&day])?;
        let held = rows.into_iter().filter_map(|(_, row)| match row.ok()?.state {
            PassState::Held { not_before, .. } => Some(not_before),
            PassState::Asked { .. } | PassState::Spent { .. } => None,
        });
        Ok(held.min())
    }

    /// A pass that can be spent now, if there is one.
    ///
    /// # Errors
    /// As [`View::passes`].
    pub fn usable_pass(
        &self,
        broker: &Fingerprint,
        now: Time,
    ) -> Result<Option<Kept<PassId, PassRecord>>, MailError> {
        let rows = self.passes(broker, Day::of(now))?;
        let usable = |record: &PassRecord| match record.state {
            PassState::Held { not_before, .. } => not_before <= now,
            PassState::Asked { .. } | PassState::Spent { .. } => false,
        };
        Ok(rows.into_iter().flatten().find(|kept| usable(&kept.record)))
    }

    /// The newest day of which a pass of whatever broker is known.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn newest_pass_day(&self) -> Result<Option<Day>, MailError> {
        let sql = "SELECT max(day) FROM pass";
        let newest = self.connection.query_row(sql, [], |row| row.get::<_, Option<u32>>(0));
        Ok(newest.map_err(|error| self.failed(error))?.map(Day))
    }

    /// The pass that was spent on this.
    ///
    /// # Errors
    /// As [`View::passes`].
    pub fn pass_spent_on(
        &self,
        broker: &Fingerprint,
        day: Day,
        on: &Digest,
    ) -> Result<Option<Kept<PassId, PassRecord>>, MailError> {
        let rows = self.passes(broker, day)?;
        let is_it = |record: &PassRecord| matches!(&record.state, PassState::Spent { on: done, .. } if done == on);
        Ok(rows.into_iter().flatten().find(|kept| is_it(&kept.record)))
    }

    fn pass(&self, id: PassId) -> Result<PassRecord, MailError> {
        self.row(id.0)?.ok_or(MailError::Unknown { what: "pass", id: id.0 })
    }
}

impl Change<'_> {
    /// Keeps a request, before it is sent. `key` is the DER of the key under which it was made.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn ask_pass(
        &mut self,
        broker: Fingerprint,
        request: PassRequest,
        key: &[u8],
    ) -> Result<PassId, MailError> {
        let (day, key) = (request.day(), key.to_vec());
        let record = PassRecord { broker, day, state: PassState::Asked { request, key } };
        self.insert(&record).map(PassId)
    }

    /// Keeps a pass in place of its request, whose blinding secrets are destroyed: nobody can match the two any more.
    ///
    /// # Errors
    /// [`MailError::Step`] if it was not asked for, or is of another day.
    pub fn keep_pass(&mut self, id: PassId, pass: Pass, not_before: Time) -> Result<(), MailError> {
        let mut record = self.pass(id)?;
        if !matches!(record.state, PassState::Asked { .. }) || pass.day() != record.day {
            return Err(MailError::Step("the pass was not asked for"));
        }
        record.state = PassState::Held { pass, not_before };
        self.update(id.0, &record)
    }

    /// Notes on what a pass is spent, before it is shown.
    ///
    /// # Errors
    /// [`MailError::Step`] if it is not held, was spent, or may not be spent yet.
    pub fn spend_pass(&mut self, id: PassId, on: Digest, now: Time) -> Result<Pass, MailError> {
        let mut record = self.pass(id)?;
        let PassState::Held { pass, not_before } = record.state else {
            return Err(MailError::Step("the pass is not held, or was spent"));
        };
        if now < not_before {
            return Err(MailError::Step("the pass is not to be spent yet"));
        }
        record.state = PassState::Spent { pass: pass.clone(), on };
        self.update(id.0, &record)?;
        Ok(pass)
    }

    /// Forgets a request that was refused, or a pass that is worth nothing.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn forget_pass(&mut self, id: PassId) -> Result<(), MailError> {
        self.delete(PassRecord::TABLE.name, id.0).map(drop)
    }

    /// Forgets the passes of the days before. How many.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn forget_passes_before(&mut self, day: Day) -> Result<usize, MailError> {
        let past = self.ids("SELECT id FROM pass WHERE day < ?1", &[&i64::from(day.0)])?;
        for id in &past {
            self.delete(PassRecord::TABLE.name, *id)?;
        }
        Ok(past.len())
    }
}
