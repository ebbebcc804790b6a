//! Cover: a letter that says nothing, so that nobody counts letters (SPEC 8.6).
//!
//! Sealed, sized, deposited and taken off as a letter is; only its reader's program sees, once it is open, that there is
//! nothing to read. It is deniable always: nobody can show others who left how much of it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::content::{Address, ContentError, Mode, Salt, require_v4};

/// A letter that says nothing, in this member order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// Who left it.
    pub from: Address,
    /// Its name, UUID v4.
    pub id: Uuid,
    /// Deniable.
    pub mode: Mode,
    /// Fresh from a cryptographic generator for it alone.
    pub salt: Salt,
}

impl Cover {
    /// One from this box.
    #[must_use]
    pub const fn new(from: Address, id: Uuid, salt: Salt) -> Self {
        Self { from, id, mode: Mode::Deniable, salt }
    }

    /// V-370: what the types do not say.
    pub(super) fn check(&self) -> Result<(), ContentError> {
        require_v4(&self.id)?;
        match self.mode {
            Mode::Deniable => Ok(()),
            Mode::Evidence => Err(ContentError::Part("mode of cover")),
        }
    }
}

#[cfg(test)]
mod tests;
