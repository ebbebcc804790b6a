//! Who may put and get blobs: asked for each, and answered by whoever knows the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::BlobCode;
use pregao_protocol::trust::key::{Persona, PublicKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{MAX_STOCK, PREKEY_SIZE};
use pregao_protocol::wire::blob::{BlobClass, Purpose};

use super::{Account, Blobs};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Number of the session, another for each.
    pub session: u64,
    /// Its persona; nothing of a guest.
    pub persona: Option<PublicKey<Persona>>,
    /// The pass that a guest's session holds ([`pregao_protocol::trust::pass::Pass::id`]); nothing of one that has shown none.
    pub pass: Option<Digest>,
}

/// Decides who may put and get what. It is asked between the frames of a session, so it never waits.
pub trait Permission: fmt::Debug + Send + Sync {
    /// Whose quota a blob takes from that somebody wants to put.
    ///
    /// # Errors
    /// What they are told if they may not.
    fn put(
        &self,
        asker: &Asker,
        purpose: Purpose,
        digest: Digest,
        class: BlobClass,
    ) -> Result<Account, BlobCode>;

    /// Whether somebody may get a blob.
    ///
    /// # Errors
    /// What they are told if they may not.
    fn get(&self, asker: &Asker, purpose: Purpose, digest: Digest) -> Result<(), BlobCode>;
}

/// What guests may do (V-297): put a letter for a pass; as the owner of a box, put its keys and get what its log names.
/// Personas may do nothing.
#[derive(Debug, Clone)]
pub struct Guests {
    blobs: Blobs,
    owners: Owners,
}

impl Guests {
    /// By these proofs of owners.
    #[must_use]
    pub const fn new(blobs: Blobs, owners: Owners) -> Self {
        Self { blobs, owners }
    }
}

/// The size of the blob with most keys.
const LARGEST_KEYS: u64 = (MAX_STOCK as u64 + 1) * PREKEY_SIZE;

impl Permission for Guests {
    fn put(
        &self,
        asker: &Asker,
        purpose: Purpose,
        _: Digest,
        class: BlobClass,
    ) -> Result<Account, BlobCode> {
        let account = match (asker.persona, purpose) {
            (None, Purpose::Envelope) => asker.pass.map(|pass| Account(pass.0)),
            (None, Purpose::Prekeys) if Some(class) <= BlobClass::holding(LARGEST_KEYS) => {
                self.owners.last(asker.session).map(|room| Account(room.0))
            }
            _ => None,
        };
        account.ok_or(BlobCode::Forbidden)
    }

    fn get(&self, asker: &Asker, purpose: Purpose, digest: Digest) -> Result<(), BlobCode> {
        if asker.persona.is_some() || purpose == Purpose::Segment {
            return Err(BlobCode::Forbidden);
        }
        let is_its = |rooms: &BTreeSet<RoomName>| self.blobs.is_named_by(digest, rooms);
        match self.owners.with(asker.session, is_its) {
            None => Err(BlobCode::Forbidden),
            // Of what others keep here nothing is said, not even that it is there.
            Some(false) => Err(BlobCode::Unknown),
            Some(true) => Ok(()),
        }
    }
}

/// Boxes of one session whose owner it showed to be, at most.
const BOXES: usize = 64;

/// Which sessions showed that they are of the owners of which boxes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Owners(Arc<Mutex<BTreeMap<u64, Shown>>>);

/// What one session showed.
#[derive(Debug, Default)]
struct Shown {
    rooms: BTreeSet<RoomName>,
    last: Option<RoomName>,
}

impl Owners {
    /// The session showed that it is of a box's owner. Of too many it is not remembered.
    pub(crate) fn note(&self, session: u64, room: RoomName) {
        let mut owners = self.0.lock();
        let shown = owners.entry(session).or_default();
        if shown.rooms.len() < BOXES || shown.rooms.contains(&room) {
            shown.rooms.insert(room);
            shown.last = Some(room);
        }
    }

    /// The session has ended.
    pub(crate) fn forget(&self, session: u64) {
        self.0.lock().remove(&session);
    }

    /// Looks at the boxes of a session, if there are any.
    fn with<T>(&self, session: u64, look: impl FnOnce(&BTreeSet<RoomName>) -> T) -> Option<T> {
        self.0.lock().get(&session).map(|shown| look(&shown.rooms))
    }

    /// The box that a session showed last to be of the owner of.
    fn last(&self, session: u64) -> Option<RoomName> {
        self.0.lock().get(&session).and_then(|shown| shown.last)
    }
}

/// Nobody may put or get anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Permission for Nobody {
    fn put(&self, _: &Asker, _: Purpose, _: Digest, _: BlobClass) -> Result<Account, BlobCode> {
        Err(BlobCode::Forbidden)
    }

    fn get(&self, _: &Asker, _: Purpose, _: Digest) -> Result<(), BlobCode> {
        Err(BlobCode::Forbidden)
    }
}
