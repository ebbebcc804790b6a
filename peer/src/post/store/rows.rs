//! Rows: how one is sealed, read, changed and deleted, and the change of several that is kept whole or not at all.
//!
//! A row's content is sealed under a random key of its own, with its table, number, version and every plain column as
//! associated data, so that it opens in its place and in no other. The key lies, sealed under the store's, in a cell of
//! fixed size; each version of a row has a new key, written over the old one. So what a row held before it was changed
//! or deleted cannot be read any more, wherever the database left copies of the sealed bytes.

use std::ops::Deref;
use std::path::Path;

use pregao_protocol::host::Random;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::MailError;
use super::error::DamagedRow;
use super::seal::{self, Key, Keyed, Keys};
use super::tally::Tally;

/// A table, and its plain columns in their order.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
}

/// What stands in a plain column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Nothing,
    Number(i64),
    Name(Keyed),
}

impl Plain {
    fn write(self, place: &mut Vec<u8>) {
        match self {
            Self::Nothing => place.push(0),
            Self::Number(number) => {
                place.push(1);
                place.extend_from_slice(&number.to_be_bytes());
            }
            Self::Name(name) => {
                place.push(2);
                place.extend_from_slice(&name);
            }
        }
    }

    fn read(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(Self::Nothing),
            ValueRef::Integer(number) => Some(Self::Number(number)),
            ValueRef::Blob(bytes) => bytes.try_into().ok().map(Self::Name),
            ValueRef::Real(_) | ValueRef::Text(_) => None,
        }
    }
}

impl ToSql for Plain {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Nothing => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Number(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Name(name) => ToSqlOutput::Borrowed(ValueRef::Blob(name)),
        })
    }
}

/// What a row keeps.
pub(super) trait Record: Serialize + DeserializeOwned {
    const TABLE: Table;

    /// What its indexes need, in the order of the table's columns.
    fn plain(&self, keys: &Keys) -> Vec<Plain>;
}

/// A row with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<I, R> {
    /// Its number: it stays, and is given to no other.
    pub id: I,
    /// What is kept.
    pub record: R,
}

/// Rows with their numbers; a damaged one in its place.
pub(super) type Rows<R> = Vec<(i64, Result<R, DamagedRow>)>;

/// What binds a sealed row to its place.
fn place(table: &str, id: i64, version: i64, cell: i64, plain: &[Plain]) -> Vec<u8> {
    let mut place = b"pregao/mail-store/row/v1".to_vec();
    place.extend_from_slice(table.as_bytes());
    place.push(0);
    for number in [id, version, cell] {
        place.extend_from_slice(&number.to_be_bytes());
    }
    for column in plain {
        column.write(&mut place);
    }
    place
}

fn place_of_cell(id: i64) -> Vec<u8> {
    [b"pregao/mail-store/cell/v1".as_slice(), &id.to_be_bytes()].concat()
}

/// The columns that are read of every row, in this order.
fn selected(table: &Table) -> String {
    let columns: String = table.columns.iter().map(|column| format!(", {column}")).collect();
    let name = table.name;
    format!(
        "id, version, cell, (SELECT key FROM cell WHERE cell.id = {name}.cell), sealed{columns}"
    )
}

/// The store as it is read.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) connection: &'a Connection,
    pub(super) keys: &'a Keys,
    pub(super) file: &'a Path,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("View(..)")
    }
}

impl View<'_> {
    pub(super) fn failed(&self, error: rusqlite::Error) -> MailError {
        MailError::from_sqlite(self.file, error)
    }

    /// The row of a number; nothing if there is none.
    pub(super) fn row<R: Record>(&self, id: i64) -> Result<Option<R>, MailError> {
        let found = self.rows::<R>("WHERE id = ?1", &[&id])?;
        found.into_iter().next().map(|(_, row)| row.map_err(MailError::from)).transpose()
    }

    /// Rows that a condition selects; a damaged one is answered in its place.
    pub(super) fn rows<R: Record>(
        &self,
        condition: &str,
        values: &[&dyn ToSql],
    ) -> Result<Rows<R>, MailError> {
        let table = R::TABLE;
        let sql = format!("SELECT {} FROM {} {condition}", selected(&table), table.name);
        let mut statement = self.connection.prepare_cached(&sql).map_err(|e| self.failed(e))?;
        let mut rows = statement.query(values).map_err(|e| self.failed(e))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|e| self.failed(e))? {
            let id: i64 = row.get(0).map_err(|e| self.failed(e))?;
            let damaged = DamagedRow { table: table.name, id };
            let opened = self.unseal(&table, row).and_then(|filled| {
                let bytes = seal::unfilled(&filled)?;
                serde_json::from_slice(bytes).ok()
            });
            found.push((id, opened.ok_or(damaged)));
        }
        Ok(found)
    }

    /// Names that stand in a plain column.
    pub(super) fn names_in(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
    ) -> Result<Vec<Keyed>, MailError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|e| self.failed(e))?;
        let found = statement.query_map(values, |row| row.get::<_, Keyed>(0));
        found.and_then(Iterator::collect).map_err(|e| self.failed(e))
    }

    /// The one row that a condition selects.
    pub(super) fn one<R: Record>(
        &self,
        condition: &str,
        values: &[&dyn ToSql],
    ) -> Result<Option<(i64, R)>, MailError> {
        let mut found = self.rows::<R>(condition, values)?;
        match found.pop() {
            Some((id, row)) => Ok(Some((id, row?))),
            None => Ok(None),
        }
    }

    /// Opens what [`selected`] columns hold.
    fn unseal(&self, table: &Table, row: &Row<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let number = |at: usize| row.get::<_, i64>(at).ok();
        let (id, version, cell) = (number(0)?, number(1)?, number(2)?);
        let sealed_key = row.get_ref(3).ok()?.as_blob().ok()?;
        let sealed = row.get_ref(4).ok()?.as_blob().ok()?;
        let columns = table.columns.iter().enumerate();
        let plain: Option<Vec<Plain>> =
            columns.map(|(at, _)| Plain::read(row.get_ref(at + 5).ok()?)).collect();
        let key = self.open_cell(cell, sealed_key)?;
        seal::open(&key, &place(table.name, id, version, cell, &plain?), sealed)
    }

    fn open_cell(&self, id: i64, sealed: &[u8]) -> Option<Key> {
        let bytes = seal::open(self.keys.cells(), &place_of_cell(id), sealed)?;
        bytes.as_slice().try_into().map(Zeroizing::new).ok()
    }
}

/// Things beside a row that are read seldom or are long: a letter's content, its envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Content,
    Envelope,
    Seeds,
    SignedKey,
    OnceKey,
    Receipt,
    ReadReceipt,
    Refusal,
    Checkpoint,
    KeysShown,
    SenderOpening,
    ReadEnvelope,
    ReadDeposit,
    /// The broker's half of the key of a registered letter.
    Half,
    /// With what randomness it was sealed to the broker.
    HalfSeed,
    /// The receipt for what accepts one.
    Accepted,
    /// What the log of the box says of a letter after it came.
    Timeline,
    /// What the broker told of a letter that was left.
    Told,
    /// A sealed attachment, by its place in the letter.
    Blob(u8),
}

impl Part {
    const fn code(self) -> i64 {
        match self {
            Self::Content => 1,
            Self::Envelope => 2,
            Self::Seeds => 3,
            Self::SignedKey => 4,
            Self::OnceKey => 5,
            Self::Receipt => 6,
            Self::ReadReceipt => 7,
            Self::Refusal => 8,
            Self::Checkpoint => 9,
            Self::KeysShown => 10,
            Self::SenderOpening => 11,
            Self::ReadEnvelope => 12,
            Self::ReadDeposit => 13,
            Self::Half => 20,
            Self::HalfSeed => 21,
            Self::Accepted => 22,
            Self::Timeline => 30,
            Self::Told => 31,
            Self::Blob(at) => 0x100 + at as i64,
        }
    }
}

/// Whose a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Box(i64),
    Letter(i64),
    Departure(i64),
}

impl Owner {
    const fn columns(self) -> (i64, i64) {
        match self {
            Self::Box(id) => (1, id),
            Self::Letter(id) => (2, id),
            Self::Departure(id) => (3, id),
        }
    }
}

pub(super) const PART: Table = Table { name: "part", columns: &["owner_table", "owner", "kind"] };

impl View<'_> {
    /// The bytes of a part; nothing if there is none.
    pub(super) fn part(
        &self,
        of: Owner,
        part: Part,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, MailError> {
        let (table, owner) = of.columns();
        let sql = format!(
            "SELECT {} FROM part WHERE owner_table = ?1 AND owner = ?2 AND kind = ?3",
            selected(&PART)
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(|e| self.failed(e))?;
        let found = statement.query_row(params![table, owner, part.code()], |row| {
            let opened = self.unseal(&PART, row).and_then(|filled| {
                seal::unfilled(&filled).map(|bytes| Zeroizing::new(bytes.to_vec()))
            });
            Ok((row.get::<_, i64>(0)?, opened))
        });
        match found.optional().map_err(|e| self.failed(e))? {
            None => Ok(None),
            Some((_, Some(bytes))) => Ok(Some(bytes)),
            Some((id, None)) => Err(DamagedRow { table: PART.name, id }.into()),
        }
    }
}

/// Changes that are kept all together, or not at all.
pub struct Change<'a> {
    view: View<'a>,
    random: &'a dyn Random,
    pub(super) tally: &'a mut Tally,
    free: &'a mut Vec<i64>,
    /// Something was deleted or written over that must not stay in the journal.
    pub(super) erased: bool,
}

impl std::fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Change(..)")
    }
}

impl<'a> Deref for Change<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl<'a> Change<'a> {
    pub(super) fn new(
        view: View<'a>,
        random: &'a dyn Random,
        tally: &'a mut Tally,
        free: &'a mut Vec<i64>,
    ) -> Self {
        Self { view, random, tally, free, erased: false }
    }

    /// Adds a row; its number.
    pub(super) fn insert<R: Record>(&mut self, record: &R) -> Result<i64, MailError> {
        let id = self.tally.next(R::TABLE.name);
        let bytes = encode(record)?;
        let plain = record.plain(self.view.keys);
        self.write(&R::TABLE, id, None, &plain, &bytes)?;
        Ok(id)
    }

    /// Puts a record in the row of a number, which may be there or not.
    pub(super) fn put<R: Record>(&mut self, id: i64, record: &R) -> Result<(), MailError> {
        let bytes = encode(record)?;
        let plain = record.plain(self.view.keys);
        let old = self.head(R::TABLE.name, id)?;
        self.tally.at_least(R::TABLE.name, id, 0);
        self.write(&R::TABLE, id, old, &plain, &bytes)
    }

    /// Puts a record in place of that of a row. What stood there cannot be read any more.
    pub(super) fn update<R: Record>(&mut self, id: i64, record: &R) -> Result<(), MailError> {
        let bytes = encode(record)?;
        let plain = record.plain(self.view.keys);
        let old = self.head(R::TABLE.name, id)?;
        let old = old.ok_or(MailError::Unknown { what: R::TABLE.name, id })?;
        self.write(&R::TABLE, id, Some(old), &plain, &bytes)
    }

    /// Deletes a row with its key; whether there was one.
    pub(super) fn delete(&mut self, table: &'static str, id: i64) -> Result<bool, MailError> {
        let Some((version, cell)) = self.head(table, id)? else { return Ok(false) };
        self.blank(cell)?;
        self.execute(&format!("DELETE FROM {table} WHERE id = ?1"), &[&id])?;
        let weight = self.view.keys.weight(table, id, version);
        self.tally.leave(table, &weight);
        self.erased = true;
        Ok(true)
    }

    /// Keeps bytes beside a row, in place of those that were there.
    pub(super) fn keep_part(
        &mut self,
        of: Owner,
        part: Part,
        bytes: &[u8],
    ) -> Result<(), MailError> {
        let (table, owner) = of.columns();
        let plain = [Plain::Number(table), Plain::Number(owner), Plain::Number(part.code())];
        let old = self.part_head(of, part)?;
        let (id, old) = match old {
            Some((id, version, cell)) => (id, Some((version, cell))),
            None => (self.tally.next(PART.name), None),
        };
        self.write(&PART, id, old, &plain, bytes)
    }

    /// Deletes a part; whether there was one.
    pub(super) fn delete_part(&mut self, of: Owner, part: Part) -> Result<bool, MailError> {
        match self.part_head(of, part)? {
            Some((id, ..)) => self.delete(PART.name, id),
            None => Ok(false),
        }
    }

    /// Deletes all parts of a row.
    pub(super) fn delete_parts(&mut self, of: Owner) -> Result<(), MailError> {
        let (table, owner) = of.columns();
        let sql = "SELECT id FROM part WHERE owner_table = ?1 AND owner = ?2";
        for id in self.ids(sql, &[&table, &owner])? {
            self.delete(PART.name, id)?;
        }
        Ok(())
    }

    /// Numbers that a query gives.
    pub(super) fn ids(&self, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<i64>, MailError> {
        let view = self.view;
        let mut statement = view.connection.prepare_cached(sql).map_err(|e| view.failed(e))?;
        let ids = statement.query_map(values, |row| row.get(0)).and_then(Iterator::collect);
        ids.map_err(|e| view.failed(e))
    }

    fn part_head(&self, of: Owner, part: Part) -> Result<Option<(i64, i64, i64)>, MailError> {
        let (table, owner) = of.columns();
        let sql = "SELECT id, version, cell FROM part WHERE owner_table = ?1 AND owner = ?2 AND kind = ?3";
        let view = self.view;
        let mut statement = view.connection.prepare_cached(sql).map_err(|e| view.failed(e))?;
        let found = statement.query_row(params![table, owner, part.code()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        });
        found.optional().map_err(|e| view.failed(e))
    }

    /// Version and cell of a row.
    fn head(&self, table: &str, id: i64) -> Result<Option<(i64, i64)>, MailError> {
        let sql = format!("SELECT version, cell FROM {table} WHERE id = ?1");
        let view = self.view;
        let mut statement = view.connection.prepare_cached(&sql).map_err(|e| view.failed(e))?;
        let found = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional().map_err(|e| view.failed(e))
    }

    fn write(
        &mut self,
        table: &Table,
        id: i64,
        old: Option<(i64, i64)>,
        plain: &[Plain],
        bytes: &[u8],
    ) -> Result<(), MailError> {
        let too_long = || MailError::Encoding("it is too long".to_owned());
        let filled = seal::fill_up(bytes).ok_or_else(too_long)?;
        let version = self.tally.version();
        let keys = self.view.keys;
        let mut key = Key::default();
        self.random.fill(&mut *key)?;
        let cell = match old {
            Some((_, cell)) => cell,
            None => self.take_cell()?,
        };
        let sealed_key = seal::seal(keys.cells(), &place_of_cell(cell), &*key, self.random)?;
        self.execute("UPDATE cell SET key = ?2 WHERE id = ?1", &[&cell, &sealed_key])?;
        let at = place(table.name, id, version, cell, plain);
        let sealed = seal::seal(&key, &at, &filled, self.random)?;
        let names: String = table.columns.iter().map(|column| format!("{column}, ")).collect();
        let marks: String = (0..table.columns.len()).map(|at| format!("?{}, ", at + 5)).collect();
        let sql = format!(
            "INSERT INTO {} (id, version, cell, {names}sealed) VALUES (?1, ?2, ?3, {marks}?4)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, cell = excluded.cell, {}sealed = excluded.sealed",
            table.name,
            table.columns.iter().map(|column| format!("{column} = excluded.{column}, ")).collect::<String>(),
        );
        let fixed: [&dyn ToSql; 4] = [&id, &version, &cell, &sealed];
        let values = fixed.into_iter().chain(plain.iter().map(|plain| plain as &dyn ToSql));
        let view = self.view;
        let mut statement = view.connection.prepare_cached(&sql).map_err(|e| view.failed(e))?;
        statement.execute(params_from_iter(values)).map_err(|e| view.failed(e))?;
        if let Some((version, _)) = old {
            self.tally.leave(table.name, &keys.weight(table.name, id, version));
            self.erased = true;
        }
        self.tally.enter(table.name, &keys.weight(table.name, id, version));
        Ok(())
    }

    /// A cell that holds no key: one whose row is gone, or a new one at the end.
    fn take_cell(&mut self) -> Result<i64, MailError> {
        if let Some(cell) = self.free.pop() {
            return Ok(cell);
        }
        let cell = self.tally.next("cell");
        self.execute("INSERT INTO cell (id, key) VALUES (?1, zeroblob(72))", &[&cell])?;
        Ok(cell)
    }

    /// Writes over the key in a cell.
    fn blank(&mut self, cell: i64) -> Result<(), MailError> {
        self.execute("UPDATE cell SET key = zeroblob(72) WHERE id = ?1", &[&cell])?;
        self.free.push(cell);
        Ok(())
    }

    fn execute(&self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, MailError> {
        let view = self.view;
        let mut statement = view.connection.prepare_cached(sql).map_err(|e| view.failed(e))?;
        statement.execute(values).map_err(|e| view.failed(e))
    }
}

/// The JSON form of a record, in memory that is wiped.
pub(super) fn encode<R: Serialize>(record: &R) -> Result<Zeroizing<Vec<u8>>, MailError> {
    let failed = |error: serde_json::Error| MailError::Encoding(error.to_string());
    let mut size = Count(0);
    serde_json::to_writer(&mut size, record).map_err(failed)?;
    // Room for all of it at once: a growing buffer would leave copies of secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.0));
    serde_json::to_writer(&mut *bytes, record).map_err(failed)?;
    Ok(bytes)
}

/// Counts what is written to it.
struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
