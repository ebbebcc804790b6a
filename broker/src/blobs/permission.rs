//! Who may put and get blobs: asked for each, and answered by whoever knows the rules.

use std::fmt;

use pregao_protocol::room::BlobCode;
use pregao_protocol::trust::key::{Persona, PublicKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::{BlobClass, Purpose};

use super::Account;

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
