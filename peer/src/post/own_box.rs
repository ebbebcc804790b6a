//! A box of the user's: its key, its opening, and what its owner does there.

use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::{Action, ActionError, Draft, Seen};
use pregao_protocol::room::body::{Body, BoxOpening};
use pregao_protocol::trust::key::{BoxKey, OneTime, PublicKey, SecretKey};
use pregao_protocol::wire::frame::Member;

/// The key of a box with the action that opened it. The key is random and no persona's: nothing ties the box to
/// anything else that the user does.
#[derive(Debug)]
pub struct OwnBox {
    key: SecretKey<BoxKey>,
    opening: Action,
}

/// Why there is no box.
#[derive(Debug, thiserror::Error)]
pub enum BoxError {
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// What was to be signed breaks a rule of the protocol.
    #[error("the box cannot be opened with these terms")]
    Action(#[from] ActionError),
}

impl OwnBox {
    /// Draws a key, and signs the opening with it. Both are to be kept before the opening is handed in.
    ///
    /// # Errors
    /// [`BoxError`].
    pub fn draw(host: &Host, opening: BoxOpening) -> Result<Self, BoxError> {
        let key = SecretKey::from_seed(&host.random()?);
        let opening = signed(host, &key, None, Body::Box(opening), Seen::nothing())?;
        Ok(Self { key, opening })
    }

    /// One that was drawn before; nothing if the action opens no box by this key.
    #[must_use]
    pub fn restored(key: SecretKey<BoxKey>, opening: Action) -> Option<Self> {
        let is_its = opening.key().as_bytes() == key.public().as_bytes();
        (is_its && matches!(opening.body(), Body::Box(_))).then_some(Self { key, opening })
    }

    /// The room.
    #[must_use]
    pub fn name(&self) -> RoomName {
        self.opening.room()
    }

    /// What is handed in to open it.
    #[must_use]
    pub const fn opening(&self) -> &Action {
        &self.opening
    }

    /// The key by which the letters of this box are evidence.
    #[must_use]
    pub const fn key(&self) -> &SecretKey<BoxKey> {
        &self.key
    }

    /// Signs what its owner does, having seen the log up to `seen`.
    ///
    /// # Errors
    /// [`BoxError`].
    pub fn act(&self, host: &Host, body: Body, seen: Seen) -> Result<Action, BoxError> {
        signed(host, &self.key, Some(self.name()), body, seen)
    }

    /// Shows in one session that its owner is there.
    #[must_use]
    pub fn proof(&self, session: &[u8; 32]) -> Member {
        let key = PublicKey::<OneTime>::from_bytes(*self.key.public().as_bytes());
        let signature = self.key.sign(&Member::message(session, self.name()));
        Member { key, signature }
    }
}

fn signed(
    host: &Host,
    key: &SecretKey<BoxKey>,
    room: Option<RoomName>,
    body: Body,
    seen: Seen,
) -> Result<Action, BoxError> {
    let id = uuid::Builder::from_random_bytes(host.random()?).into_uuid();
    Ok(Draft { id, room, body, seen }.sign_as_owner(key)?)
}
