//! Who stayed away from a reveal, and lists and bids nothing for a time (SPEC 7.14, V-224).
//!
//! The links of a room are erased when it ends, so nothing else tells later who that was. What is kept says nothing of the
//! room: a fingerprint and an instant, until that instant is past and another is kept.

use std::collections::HashMap;
use std::fmt;

use parking_lot::RwLock;
use pregao_protocol::trust::key::{Fingerprint, Persona, PublicKey};
use pregao_protocol::value::clock::Time;

use rusqlite::Connection;

use super::Links;
use crate::store::StoreError;

pub(super) const SECOND: &str = "
CREATE TABLE barred (
    persona BLOB NOT NULL CHECK (length(persona) = 32) PRIMARY KEY,
    until INTEGER NOT NULL CHECK (until > 0)
) STRICT, WITHOUT ROWID;
";

/// The personas that are barred, as the doors of all rooms ask for them.
#[derive(Default)]
pub struct Barred(RwLock<HashMap<Fingerprint, Time>>);

impl fmt::Debug for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Barred(..)")
    }
}

impl Barred {
    /// Until when a persona is not taken at `now`, TSA time; none if it is.
    #[must_use]
    pub fn until(&self, persona: &PublicKey<Persona>, now: Time) -> Option<Time> {
        let until = self.0.read().get(&persona.fingerprint()).copied();
        until.filter(|until| now < *until)
    }

    pub(super) fn replace(&self, barred: HashMap<Fingerprint, Time>) {
        *self.0.write() = barred;
    }
}

impl Links {
    /// Bars a persona until an instant, or longer if it is already, and forgets whose time is over at `now`. `shown` has all who
    /// are barred on return.
    ///
    /// # Errors
    /// A failure of the store, in which case nothing is kept.
    pub fn bar(
        &self,
        persona: Fingerprint,
        until: Time,
        now: Time,
        shown: &Barred,
    ) -> Result<(), StoreError> {
        let micros =
            |time: Time| i64::try_from(time.as_micros()).map_err(|_| StoreError::Value("time"));
        let mut inner = self.inner.lock();
        let transaction = inner.links.transaction()?;
        transaction.execute("DELETE FROM barred WHERE until <= ?1", [micros(now)?])?;
        transaction.execute(
            "INSERT INTO barred (persona, until) VALUES (?1, ?2)
             ON CONFLICT (persona) DO UPDATE SET until = max(until, excluded.until)",
            rusqlite::params![persona.0, micros(until)?],
        )?;
        transaction.commit()?;
        // Still under the lock: of two at once neither takes away what the other shows.
        shown.replace(read(&inner.links)?);
        Ok(())
    }

    /// Who is barred until when, of those whose time may not be over yet.
    ///
    /// # Errors
    /// A failure of the store; [`StoreError::Value`] for what this program does not write.
    pub fn barred(&self) -> Result<HashMap<Fingerprint, Time>, StoreError> {
        read(&self.inner.lock().links)
    }
}

fn read(links: &Connection) -> Result<HashMap<Fingerprint, Time>, StoreError> {
    let mut statement = links.prepare_cached("SELECT persona, until FROM barred")?;
    let mut rows = statement.query([])?;
    let mut barred = HashMap::new();
    while let Some(row) = rows.next()? {
        let micros = u64::try_from(row.get::<_, i64>(1)?).ok();
        let until = micros.and_then(|micros| Time::from_micros(micros).ok());
        barred.insert(Fingerprint(row.get(0)?), until.ok_or(StoreError::Value("time"))?);
    }
    Ok(barred)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pregao_protocol::trust::key::SecretKey;

    use super::*;
    use crate::host;

    fn persona(seed: u8) -> PublicKey<Persona> {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    fn at(seconds: u64) -> Time {
        Time::default().plus(Duration::from_secs(1_000 + seconds))
    }

    #[test]
    fn v224_who_is_barred_is_so_until_that_instant_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Links::open(folder.path(), host::system().random).unwrap();
        let (links, shown) = (open(), Barred::default());
        assert_eq!(shown.until(&persona(1), at(0)), None);
        links.bar(persona(1).fingerprint(), at(10), at(0), &shown).unwrap();
        // A shorter time does not shorten it.
        links.bar(persona(1).fingerprint(), at(5), at(0), &shown).unwrap();
        assert_eq!(shown.until(&persona(1), at(9)), Some(at(10)));
        assert_eq!(shown.until(&persona(1), at(10)), None);
        assert_eq!(shown.until(&persona(2), at(0)), None);
        drop(links);
        let again = Barred::default();
        again.replace(open().barred().unwrap());
        assert_eq!(again.until(&persona(1), at(9)), Some(at(10)));
    }

    #[test]
    fn v224_whose_time_is_over_is_forgotten_with_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let links = Links::open(folder.path(), host::system().random).unwrap();
        let shown = Barred::default();
        links.bar(persona(1).fingerprint(), at(10), at(0), &shown).unwrap();
        links.bar(persona(2).fingerprint(), at(20), at(9), &shown).unwrap();
        assert_eq!(links.barred().unwrap().len(), 2);
        links.bar(persona(3).fingerprint(), at(30), at(10), &shown).unwrap();
        let left = links.barred().unwrap();
        assert!(!left.contains_key(&persona(1).fingerprint()) && left.len() == 2);
    }
}
