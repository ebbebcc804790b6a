//! Secrets and receipts at rest: one folder, three age files, one program at a time.
//!
//! `identity.age` holds an age X25519 identity under the passphrase (scrypt); `vault.age` holds
//! [`Contents`] as JSON, encrypted to that identity, so that saving costs no scrypt; `heads.age`
//! likewise what brokers signed about logs, which changes far more often. All are
//! armoured age v1 files: `age --decrypt` reads them. The file system is trusted to keep what was
//! synced, and with nothing else: what was changed or cut is refused, never half used.

mod contents;
mod enrolment;
mod error;
mod sealed;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pregao_protocol::value::codec::Digest;
use zeroize::Zeroizing;

use crate::private;

pub use contents::{
    ActionRecord, AutoRecord, BefriendRecord, Contents, Counterparty, KeptCard, KeptSaying,
    LogRecord, MailRecord, PaddleRecord, RevealRecord, SaidRecord, Secret, TalkRecord, TalkSecrets,
    TrustedTsa, UnsaidRecord, VERSION,
};
pub use enrolment::{AskedToken, HeldToken, KeptEnrolment, KeptIssuer};
pub use error::VaultError;
pub use sealed::{Passphrase, WorkFactor};

/// The identity under the passphrase.
const IDENTITY: &str = "identity.age";
/// The contents under the identity.
const CONTENTS: &str = "vault.age";
/// What brokers signed about logs, under the identity; there once something was.
const MET: &str = "heads.age";
/// Held locked while a program uses the vault.
const LOCK: &str = "lock";
/// Longest number of a process, in bytes.
const LONGEST_HOLDER: u64 = 32;
/// Largest file read; a vault of a hundred thousand receipts is smaller.
const LARGEST: u64 = 512 * 1024 * 1024;

/// An open vault. Dropping it gives the folder free.
#[derive(Debug)]
pub struct Vault {
    folder: PathBuf,
    recipient: sealed::Recipient,
    contents: Contents,
    met: Vec<LogRecord>,
    /// Places of the actions, by digest.
    index: HashMap<Digest, usize>,
    _lock: File,
}

impl Vault {
    /// The folder it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a vault in a folder that has none; the folder is made if it is absent.
    ///
    /// # Errors
    /// [`VaultError::AlreadyThere`], [`VaultError::EmptyPassphrase`], [`VaultError::InUse`], and
    /// what the file system refuses.
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        work: WorkFactor,
        contents: Contents,
    ) -> Result<Self, VaultError> {
        if passphrase.is_empty() {
            return Err(VaultError::EmptyPassphrase);
        }
        let io = |source| VaultError::from_io(folder, source);
        private::make_folder(folder).map_err(io)?;
        let lock = take_lock(folder)?;
        if folder.join(IDENTITY).exists() || folder.join(CONTENTS).exists() {
            return Err(VaultError::AlreadyThere { folder: folder.to_owned() });
        }
        let identity = sealed::Identity::generate();
        let sealed_identity = identity.under_passphrase(passphrase, work)?;
        replace(folder, IDENTITY, &sealed_identity)?;
        let vault = Self {
            folder: folder.to_owned(),
            recipient: identity.recipient(),
            index: index(&contents),
            contents,
            met: Vec::new(),
            _lock: lock,
        };
        vault.save()?;
        Ok(vault)
    }

    /// Opens the vault in `folder` and keeps other programs out until it is dropped.
    ///
    /// # Errors
    /// One [`VaultError`] for each cause, each with its advice.
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, VaultError> {
        let identity_file = folder.join(IDENTITY);
        if !identity_file.exists() {
            return Err(match folder.join(CONTENTS).exists() {
                true => VaultError::Incomplete { file: identity_file },
                false => VaultError::NoVault { folder: folder.to_owned() },
            });
        }
        let lock = take_lock(folder)?;
        let identity =
            sealed::Identity::from_passphrase(&identity_file, &read(&identity_file)?, passphrase)?;
        let contents_file = folder.join(CONTENTS);
        if !contents_file.exists() {
            return Err(VaultError::Incomplete { file: contents_file });
        }
        let text = identity.unseal(&contents_file, &read(&contents_file)?)?;
        let contents = Contents::from_json(&contents_file, &text)?;
        let met_file = folder.join(MET);
        let met = match met_file.exists() {
            true => {
                let text = identity.unseal(&met_file, &read(&met_file)?)?;
                contents::logs_from_json(&met_file, &text)?
            }
            false => Vec::new(),
        };
        Ok(Self {
            folder: folder.to_owned(),
            recipient: identity.recipient(),
            index: index(&contents),
            contents,
            met,
            _lock: lock,
        })
    }

    /// Whether the folder holds a vault, whole or not.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(IDENTITY).exists() || folder.join(CONTENTS).exists()
    }

    /// What is kept.
    #[must_use]
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// What brokers had signed about logs when that was kept last.
    #[must_use]
    pub fn met(&self) -> &[LogRecord] {
        &self.met
    }

    /// Keeps what brokers signed about logs, in a file of its own: it changes with every entry,
    /// and the rest does not.
    ///
    /// # Errors
    /// As [`Vault::save`].
    pub fn keep_met(&mut self, met: Vec<LogRecord>) -> Result<(), VaultError> {
        self.met = met;
        let json = contents::to_json(&self.met)?;
        replace(&self.folder, MET, &self.recipient.seal(&json)?)
    }

    /// The own action with this digest. Does not search.
    #[must_use]
    pub fn action(&self, digest: &Digest) -> Option<&ActionRecord> {
        self.contents.actions.get(*self.index.get(digest)?)
    }

    /// Changes what is kept and saves it.
    ///
    /// # Errors
    /// As [`Vault::save`]. The change then stays in memory and goes with the next save; the files
    /// are as they were before.
    pub fn update<R>(&mut self, change: impl FnOnce(&mut Contents) -> R) -> Result<R, VaultError> {
        let result = change(&mut self.contents);
        self.index = index(&self.contents);
        self.save()?;
        Ok(result)
    }

    /// Keeps an action, in place of an earlier one of the same id; durable on return.
    ///
    /// # Errors
    /// As [`Vault::save`].
    pub fn keep(&mut self, kept: ActionRecord) -> Result<(), VaultError> {
        self.update(|contents| contents.keep(kept))
    }

    /// Forgets the secret to which disclosures for the action `id` were sealed. The files no
    /// longer hold it on return; a copy of an older file still does.
    ///
    /// # Errors
    /// As [`Vault::save`]. An unknown id is no error: there is nothing to forget.
    pub fn erase_seal_secret(&mut self, id: &str) -> Result<(), VaultError> {
        if self.contents.erase_seal_secret(id) { self.save() } else { Ok(()) }
    }

    /// Writes everything: to a new file first, synced, then renamed over the old one.
    ///
    /// # Errors
    /// What the file system refuses; the old file is then whole and in place.
    pub fn save(&self) -> Result<(), VaultError> {
        let json = self.contents.to_json()?;
        replace(&self.folder, CONTENTS, &self.recipient.seal(&json)?)
    }
}

fn index(contents: &Contents) -> HashMap<Digest, usize> {
    contents.actions.iter().enumerate().map(|(at, kept)| (kept.digest, at)).collect()
}

/// Locks the folder for this program.
fn take_lock(folder: &Path) -> Result<File, VaultError> {
    let path = folder.join(LOCK);
    let failed = |source| VaultError::from_io(&path, source);
    let Some(mut lock) = private::lock(&path).map_err(failed)? else {
        // Whoever holds it has written its number there; a version before this one has not.
        let holder = private::read(&path, LONGEST_HOLDER).ok();
        let holder =
            holder.and_then(|file| std::str::from_utf8(&file.bytes).ok()?.trim().parse().ok());
        return Err(VaultError::InUse { folder: folder.to_owned(), holder });
    };
    let own = std::process::id().to_string();
    lock.set_len(0).and_then(|()| lock.write_all(own.as_bytes())).map_err(failed)?;
    Ok(lock)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    match private::read(path, LARGEST) {
        Ok(file) => Ok(file.bytes),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(VaultError::Damaged { file: path.to_owned(), reason: "too large".to_owned() })
        }
        Err(source) => Err(VaultError::from_io(path, source)),
    }
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), VaultError> {
    let path = folder.join(name);
    private::replace(&path, bytes).map_err(|source| VaultError::from_io(&path, source))
}

#[cfg(test)]
mod tests;
