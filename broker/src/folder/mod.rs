//! The broker's data folder: keys at rest, the lock, and what is remembered of the TSA.

use std::fs::File;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::AlgorithmIdentifierRef;
use ed25519_dalek::pkcs8::spki::der::asn1::OctetStringRef;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::der::{Decode as _, Encode as _};
use ed25519_dalek::pkcs8::{ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use pregao_protocol::host::Random;
use pregao_protocol::trust::key::{Purpose, SecretKey};
use pregao_protocol::trust::seal::SealKey;
use zeroize::Zeroizing;

use crate::keys::Keys;
use crate::private;

/// Keys that sign (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// Keys that others seal to (RFC 8410).
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// Longest key file read, in bytes.
const LONGEST_KEY: u64 = 4_096;

/// Why the data folder cannot be used. The first line says what happened, the second what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder or a file in it cannot be made, read or written.
    #[error(
        "cannot use {path}: {source}\nlet the broker's user own it, or choose another folder with --data"
    )]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another broker uses the folder.
    #[error("another broker is using {path}\nstop it first, or choose another folder with --data")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A key file is readable by others.
    #[error("the key file {path} can be read by others (mode {mode:o})\nrun: chmod 600 {path}")]
    Open {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A key file holds no Ed25519 key.
    #[error(
        "the key file {path} is damaged\nrestore it from a backup: with another key peers no longer recognise this broker"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
    },
}

/// A data folder in use by this process alone.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if needed and locks it until dropped.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        private::make_folder(path).map_err(io(path))?;
        let lock_path = path.join("lock");
        match private::lock(&lock_path).map_err(io(&lock_path))? {
            Some(lock) => Ok(Self { path: path.to_owned(), _lock: lock }),
            None => Err(FolderError::InUse { path: path.to_owned() }),
        }
    }

    /// A file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The broker's keys, made at the first start: PKCS#8 PEM, mode 0600.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn keys(&self, random: &dyn Random) -> Result<Keys, FolderError> {
        Ok(Keys {
            session: self.signing_key(random)?,
            head: self.signing_key(random)?,
            entry: self.signing_key(random)?,
            delivery: SealKey::from_random(*self.key("delivery", X25519, random)?),
            sealing: SealKey::from_random(*self.key("sealing", X25519, random)?),
        })
    }

    fn signing_key<P: Purpose>(&self, random: &dyn Random) -> Result<SecretKey<P>, FolderError> {
        self.key(P::NAME, ED25519, random).map(|seed| SecretKey::from_seed(&seed))
    }

    /// The 32 secret bytes of a key of RFC 8410.
    fn key(
        &self,
        name: &str,
        algorithm: ObjectIdentifier,
        random: &dyn Random,
    ) -> Result<Zeroizing<[u8; 32]>, FolderError> {
        let path = self.file(&format!("{name}.key.pem"));
        let io = |source| FolderError::Io { path: path.clone(), source };
        let damaged = || FolderError::Damaged { path: path.clone() };
        match private::read(&path, LONGEST_KEY) {
            Ok(file) if file.is_exposed() => Err(FolderError::Open { path, mode: file.mode }),
            Ok(file) => {
                let pem = std::str::from_utf8(&file.bytes).map_err(|_| damaged())?;
                read_key(pem, algorithm).ok_or_else(damaged)
            }
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Err(damaged()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut seed = Zeroizing::new([0_u8; 32]);
                random
                    .fill(seed.as_mut_slice())
                    .map_err(|error| io(std::io::Error::other(error)))?;
                let pem = write_key(&seed, algorithm).ok_or_else(damaged)?;
                private::create(&path, pem.as_bytes(), 0o600).map_err(io)?;
                Ok(seed)
            }
            Err(source) => Err(FolderError::Io { path, source }),
        }
    }
}

/// Reads a key in PEM as RFC 8410 has it: 32 bytes in an `OCTET STRING` in the `PKCS#8` structure.
fn read_key(pem: &str, algorithm: ObjectIdentifier) -> Option<Zeroizing<[u8; 32]>> {
    let (_, document) = SecretDocument::from_pem(pem).ok()?;
    let info = PrivateKeyInfoRef::try_from(document.as_bytes()).ok()?;
    let inner = <&OctetStringRef>::from_der(info.private_key.as_bytes()).ok()?;
    let bytes: [u8; 32] = inner.as_bytes().try_into().ok()?;
    (info.algorithm.oid == algorithm).then(|| Zeroizing::new(bytes))
}

fn write_key(seed: &[u8; 32], algorithm: ObjectIdentifier) -> Option<Zeroizing<String>> {
    let inner = Zeroizing::new(OctetStringRef::new(seed).ok()?.to_der().ok()?);
    let algorithm = AlgorithmIdentifierRef { oid: algorithm, parameters: None };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&inner).ok()?);
    let document = SecretDocument::try_from(info).ok()?;
    document.to_pem("PRIVATE KEY", LineEnding::LF).ok()
}

#[cfg(test)]
mod tests;
