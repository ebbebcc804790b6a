//! What the store knows of itself: how many rows each table has and which versions of them, so that one that was taken
//! out, put back or replaced by an older one is missed.
//!
//! Each row counts for a keyed hash of its table, number and version; a tally is their exclusive or, sealed, and changes
//! with each row. No version is given twice. Whoever has the file without the vault cannot make rows that give the
//! same tally.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::seal::Keyed;

/// The tallies of all tables.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tally {
    /// How many changes were kept.
    pub(super) changes: u64,
    /// The newest version of any row.
    versions: i64,
    /// By table: the number that its newest row has, and the tally.
    tables: BTreeMap<String, Table>,
}

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    newest: i64,
    sum: Keyed,
}

impl Tally {
    /// A number for a row, given once.
    pub(super) fn next(&mut self, table: &str) -> i64 {
        let table = self.table(table);
        table.newest = table.newest.saturating_add(1);
        table.newest
    }

    /// Numbers up to here were given, whatever is known of it.
    pub(super) fn at_least(&mut self, table: &str, newest: i64, version: i64) {
        let table = self.table(table);
        table.newest = table.newest.max(newest);
        self.versions = self.versions.max(version);
    }

    /// A version for a row, given once.
    pub(super) fn version(&mut self) -> i64 {
        self.versions = self.versions.saturating_add(1);
        self.versions
    }

    pub(super) fn enter(&mut self, table: &str, weight: &Keyed) {
        let sum = &mut self.table(table).sum;
        sum.iter_mut().zip(weight).for_each(|(sum, weight)| *sum ^= weight);
    }

    pub(super) fn leave(&mut self, table: &str, weight: &Keyed) {
        self.enter(table, weight);
    }

    pub(super) fn sum(&self, table: &str) -> Keyed {
        self.tables.get(table).map(|table| table.sum).unwrap_or_default()
    }

    pub(super) fn set_sum(&mut self, table: &str, sum: Keyed) {
        self.table(table).sum = sum;
    }

    fn table(&mut self, name: &str) -> &mut Table {
        self.tables.entry(name.to_owned()).or_default()
    }
}
