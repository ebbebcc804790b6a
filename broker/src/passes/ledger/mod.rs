//! What is remembered of passes until their day is over: who took how many, and which were shown and spent
//! (SPEC 9.2).
//!
//! Two tables without a common value. Of passes taken there is the persona, and a hash of what it had signed blindly; of
//! passes shown their names ([`Pass::id`]), which nobody can make from that, and the digests that they were spent on.
//!
//! One file, written by one worker (see [`super::desk`]), which makes many answers durable at once.
//!
//! [`Pass::id`]: pregao_protocol::trust::pass::Pass::id

use std::collections::HashMap;
use std::path::Path;

use pregao_protocol::room::Undecided;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::codec::Digest;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::HeldPass;
use crate::store::file::{self, Format};
use crate::store::{OpenError, StoreError};

/// Name of the file.
pub const PASSES_FILE: &str = "passes.db";

/// How often one request for passes is answered: signing takes time, and a session seldom breaks twice.
pub(super) const ANSWERS: u32 = 8;

const FORMAT: Format = Format { application_id: 0x5072_4c70, migrations: &[FIRST] };

/// Without row ids: in what order rows came, the tables do not say.
const FIRST: &str = "
CREATE TABLE taken (
    day INTEGER NOT NULL CHECK (day >= 0),
    persona BLOB NOT NULL CHECK (length(persona) = 32),
    request BLOB NOT NULL CHECK (length(request) = 32),
    count INTEGER NOT NULL CHECK (count > 0),
    answered INTEGER NOT NULL CHECK (answered > 0),
    PRIMARY KEY (day, persona, request)
) STRICT, WITHOUT ROWID;
CREATE TABLE shown (
    day INTEGER NOT NULL CHECK (day >= 0),
    pass BLOB NOT NULL CHECK (length(pass) = 32),
    digest BLOB CHECK (length(digest) = 32),
    PRIMARY KEY (day, pass)
) STRICT, WITHOUT ROWID;
";

/// What is asked of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// A persona wants so many passes of a day, of which each may have `most`.
    Take { persona: Fingerprint, day: Day, request: Digest, count: u32, most: u32 },
    /// A session wants to hold a pass. Sessions are numbered, each number is used once while the program runs.
    Show { session: u64, pass: HeldPass },
    /// What a session with this pass handed in is to be decided.
    Spend { pass: HeldPass, on: Digest },
}

/// What became of it; the code says why it is not done.
pub(super) type Answer = Result<(), Undecided>;

/// The file, and which session holds what was shown and is not spent.
#[derive(Debug)]
pub(super) struct Ledger {
    connection: Connection,
    /// As many as were shown on these days at most.
    holders: HashMap<HeldPass, u64>,
}

impl Ledger {
    /// Opens the file in a folder, or creates it for its owner alone. Nobody holds a pass then: what was shown before and
    /// not spent is lost.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(super) fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(PASSES_FILE);
        let connection = file::open(&path, &FORMAT)?;
        // Who took passes is nobody's business once their day is over.
        let set = connection.pragma_update(None, "secure_delete", true);
        set.map_err(|source| OpenError::Other { path, source })?;
        Ok(Self { connection, holders: HashMap::new() })
    }

    /// Makes the answers to a group durable, in order. A failure of the store is the answer to all, and nothing of the group
    /// is kept.
    pub(super) fn settle(&mut self, group: &[Ask]) -> Vec<Answer> {
        self.try_settle(group).unwrap_or_else(|error| {
            tracing::error!(%error, "what became of passes could not be stored");
            vec![Err(Undecided::STORE_FAILED); group.len()]
        })
    }

    fn try_settle(&mut self, group: &[Ask]) -> Result<Vec<Answer>, StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut answers = Vec::with_capacity(group.len());
        let mut held = Vec::new();
        for ask in group {
            answers.push(match *ask {
                Ask::Take { persona, day, request, count, most } => {
                    take(&transaction, (day, persona, request), count, most)?
                }
                Ask::Show { session, pass } => {
                    let is_its = self.holders.get(&pass) == Some(&session);
                    let shown = show(&transaction, pass, is_its)?;
                    if shown == Ok(true) {
                        held.push((pass, session));
                    }
                    shown.map(drop)
                }
                Ask::Spend { pass, on } => spend(&transaction, pass, on)?,
            });
        }
        transaction.commit()?;
        self.holders.extend(held);
        Ok(answers)
    }

    /// Forgets the days before this one, for good.
    ///
    /// # Errors
    /// A failure of the store; then it is to be tried again.
    pub(super) fn end_before(&mut self, today: Day) -> Result<(), StoreError> {
        self.holders.retain(|pass, _| pass.day >= today);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for table in ["taken", "shown"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE day < ?1"), [today.0])?;
        }
        transaction.commit()?;
        // The journal still has what the file has no more.
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

/// V-263.
fn take(
    connection: &Connection,
    (day, persona, request): (Day, Fingerprint, Digest),
    count: u32,
    most: u32,
) -> rusqlite::Result<Answer> {
    let named = params![day.0, persona.0, request.0];
    let mut statement = connection.prepare_cached(
        "SELECT answered FROM taken WHERE day = ?1 AND persona = ?2 AND request = ?3",
    )?;
    if let Some(answered) = statement.query_row(named, |row| row.get::<_, u32>(0)).optional()? {
        if answered >= ANSWERS {
            return Ok(Err(Undecided::DOOR_RATE));
        }
        let mut statement = connection.prepare_cached(
            "UPDATE taken SET answered = answered + 1
             WHERE day = ?1 AND persona = ?2 AND request = ?3",
        )?;
        return statement.execute(named).map(|_| Ok(()));
    }
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(sum(count), 0) FROM taken WHERE day = ?1 AND persona = ?2",
    )?;
    let taken: i64 = statement.query_row(params![day.0, persona.0], |row| row.get(0))?;
    if taken.saturating_add(count.into()) > i64::from(most) {
        return Ok(Err(Undecided::PASS_QUOTA));
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO taken (day, persona, request, count, answered) VALUES (?1, ?2, ?3, ?4, 1)",
    )?;
    statement.execute(params![day.0, persona.0, request.0, count]).map(|_| Ok(()))
}

/// V-286: whether the session holds the pass as one that is not spent; false for one that is, and is of use for one digest.
fn show(
    connection: &Connection,
    pass: HeldPass,
    is_its: bool,
) -> rusqlite::Result<Result<bool, Undecided>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO shown (day, pass) VALUES (?1, ?2) ON CONFLICT (day, pass) DO NOTHING",
    )?;
    if statement.execute(params![pass.day.0, pass.id.0])? == 1 {
        return Ok(Ok(true));
    }
    let mut statement = connection
        .prepare_cached("SELECT digest IS NOT NULL FROM shown WHERE day = ?1 AND pass = ?2")?;
    let is_spent = statement.query_row(params![pass.day.0, pass.id.0], |row| row.get(0))?;
    Ok(if is_spent || is_its { Ok(!is_spent) } else { Err(Undecided::PASS_SPENT) })
}

/// V-287.
fn spend(connection: &Connection, pass: HeldPass, on: Digest) -> rusqlite::Result<Answer> {
    let named = params![pass.day.0, pass.id.0, on.0];
    let mut statement = connection.prepare_cached(
        "SELECT digest IS NULL OR digest = ?3, digest IS NULL FROM shown
         WHERE day = ?1 AND pass = ?2",
    )?;
    let found = statement.query_row(named, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (may, is_new): (bool, bool) = match found {
        Some(found) => found,
        // Its day has ended since it was shown.
        None => return Ok(Err(Undecided::PASS_DAY)),
    };
    if !may {
        return Ok(Err(Undecided::PASS_SPENT));
    }
    if is_new {
        let mut statement = connection
            .prepare_cached("UPDATE shown SET digest = ?3 WHERE day = ?1 AND pass = ?2")?;
        statement.execute(named)?;
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests;
