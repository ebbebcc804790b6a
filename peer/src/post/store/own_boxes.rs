//! The user's own boxes: their secrets, how they were opened, and how far their logs were read.

use std::fmt;

use pregao_protocol::letter::{Address, BrokerAddress};
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{BoxKey, Fingerprint, SecretKey};
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::codec::Digest;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::contacts::ContactId;
use super::rows::{Change, Kept, Owner, Part, Plain, Record, Table, View};
use super::seal::Keys;
use super::{DamagedRow, MailError};
use crate::vault::Secret;

number! {
    /// An own box.
    BoxId
}

/// What a box is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoxPurpose {
    /// Found by everybody who looks for people, under this handle, with this line; or, without a handle, reached by its
    /// address alone. For first letters.
    First {
        /// The handle.
        handle: Option<String>,
        /// The line.
        about: Option<String>,
    },
    /// Drawn in advance for a contact who has none yet.
    Spare,
    /// For the letters of one contact.
    Contact(ContactId),
}

/// How far the life of a box has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoxState {
    /// Its opening may have been handed in, and no answer was kept: it is handed in again, with the same stamp.
    Drawn,
    /// Its broker keeps it.
    Opened,
    /// Its closing may have been handed in.
    Closing,
    /// It takes no more letters; its secrets are destroyed.
    Closed,
}

/// The largest head that a broker signed over a log, and how far the log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Entries read.
    pub read: u64,
    /// The largest signed head met.
    pub head: Option<HeadMet>,
}

/// A signed head of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadMet {
    /// Entries of the log.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
    /// The note, as transmitted.
    pub note: String,
}

/// The secrets of a box.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxSecrets {
    /// Seed of the key that signs.
    pub seed: Secret,
    /// Of the agreement key.
    pub agreement: Secret,
}

impl BoxSecrets {
    /// The key that signs.
    #[must_use]
    pub fn key(&self) -> SecretKey<BoxKey> {
        SecretKey::from_seed(self.seed.expose())
    }

    /// The agreement key.
    #[must_use]
    pub fn agreement(&self) -> AgreementSecret {
        AgreementSecret::from_random(*self.agreement.expose())
    }
}

impl fmt::Debug for BoxSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxSecrets(..)")
    }
}

/// A box of the user's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxRecord {
    /// Its room.
    pub name: RoomName,
    /// Where its broker is reached.
    pub broker: BrokerAddress,
    /// Fingerprint of its broker's session key.
    pub fingerprint: Fingerprint,
    /// Its secrets, until it is closed.
    pub secrets: Option<BoxSecrets>,
    /// The action that opened it (compact JWS).
    pub opening: String,
    /// The stamp with which it was handed in, once there is one.
    pub stamp: Option<FullStamp>,
    /// The broker's receipt for it.
    pub receipt: Option<Receipt>,
    /// How far it has come.
    pub state: BoxState,
    /// What it is for.
    pub purpose: BoxPurpose,
    /// How far its log was read.
    pub position: Position,
    /// UTC day on which its keys were renewed last.
    pub renewed: Option<Day>,
}

impl fmt::Debug for BoxRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxRecord").field("state", &self.state).finish_non_exhaustive()
    }
}

impl BoxRecord {
    /// What is handed over so that somebody can write to it; nothing once it is closed.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        let secrets = self.secrets.as_ref()?;
        Some(Address {
            name: self.name,
            broker: self.broker.clone(),
            key: secrets.key().public(),
            agreement: secrets.agreement().public(),
        })
    }
}

fn name_of(keys: &Keys, name: &RoomName) -> [u8; 32] {
    keys.name("own box", &name.0)
}

impl Record for BoxRecord {
    const TABLE: Table = Table { name: "own_box", columns: &["name"] };

    fn plain(&self, keys: &Keys) -> Vec<Plain> {
        vec![Plain::Name(name_of(keys, &self.name))]
    }
}

/// A box, or why it cannot be read.
pub type BoxRow = Result<Kept<BoxId, BoxRecord>, DamagedRow>;

impl View<'_> {
    /// All own boxes, oldest first.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn boxes(&self) -> Result<Vec<BoxRow>, MailError> {
        let rows = self.rows::<BoxRecord>("ORDER BY id", &[])?;
        let kept = |(id, row): (i64, Result<BoxRecord, DamagedRow>)| {
            row.map(|record| Kept { id: BoxId(id), record })
        };
        Ok(rows.into_iter().map(kept).collect())
    }

    /// One own box.
    ///
    /// # Errors
    /// [`MailError::Unknown`], [`MailError::Row`], and as [`View::boxes`].
    pub fn own_box(&self, id: BoxId) -> Result<BoxRecord, MailError> {
        self.row(id.0)?.ok_or(MailError::Unknown { what: "box", id: id.0 })
    }

    /// The own box of this name, if there is one.
    ///
    /// # Errors
    /// As [`View::own_box`].
    pub fn box_named(&self, name: &RoomName) -> Result<Option<Kept<BoxId, BoxRecord>>, MailError> {
        let found = self.one("WHERE name = ?1", &[&Plain::Name(name_of(self.keys, name))])?;
        Ok(found.map(|(id, record)| Kept { id: BoxId(id), record }))
    }

    /// What the replay of a box's log was left with.
    ///
    /// # Errors
    /// As [`View::own_box`].
    pub fn checkpoint(&self, of: BoxId) -> Result<Option<Zeroizing<Vec<u8>>>, MailError> {
        self.part(Owner::Box(of.0), Part::Checkpoint)
    }
}

impl Change<'_> {
    /// Keeps a box that was drawn. Durable before its opening is handed in.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn keep_box(&mut self, drawn: &BoxRecord) -> Result<BoxId, MailError> {
        self.insert(drawn).map(BoxId)
    }

    /// Changes a box.
    ///
    /// # Errors
    /// As [`View::own_box`].
    pub fn edit_box(
        &mut self,
        id: BoxId,
        edit: impl FnOnce(&mut BoxRecord),
    ) -> Result<BoxRecord, MailError> {
        let mut record = self.own_box(id)?;
        edit(&mut record);
        self.update(id.0, &record)?;
        Ok(record)
    }

    /// Notes how far a log was read, with what its replay goes on from.
    ///
    /// # Errors
    /// As [`View::own_box`]; [`MailError::Step`] if it was read further before.
    pub fn move_on(
        &mut self,
        id: BoxId,
        position: Position,
        checkpoint: Option<&[u8]>,
    ) -> Result<(), MailError> {
        let mut record = self.own_box(id)?;
        let size = |position: &Position| position.head.as_ref().map_or(0, |head| head.size);
        if position.read < record.position.read || size(&position) < size(&record.position) {
            return Err(MailError::Step("the log was read further before"));
        }
        record.position = position;
        self.update(id.0, &record)?;
        match checkpoint {
            Some(bytes) => self.keep_part(Owner::Box(id.0), Part::Checkpoint, bytes),
            None => self.delete_part(Owner::Box(id.0), Part::Checkpoint).map(drop),
        }
    }

    /// The box is closed: its secrets, and those of its keys, are destroyed. Its letters stay.
    ///
    /// # Errors
    /// As [`View::own_box`].
    pub fn close_box(&mut self, id: BoxId) -> Result<(), MailError> {
        self.edit_box(id, |record| {
            record.state = BoxState::Closed;
            record.secrets = None;
        })?;
        self.delete_part(Owner::Box(id.0), Part::Checkpoint)?;
        self.destroy_all_keys(id)
    }
}
