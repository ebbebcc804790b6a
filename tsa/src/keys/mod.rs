//! The TSA's secret keys at rest: PKCS#8 PEM files that only their owner may read.
//!
//! One key for each purpose (SPEC 3.1). Keys are made at the first start and never written again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes, SecretDocument,
};
use pregao_protocol::host::Random;
use pregao_protocol::trust::key::{
    Authority, Enrolment, Purpose, SecretKey, StampKey, Ticket, WitnessKey,
};
use zeroize::Zeroizing;

use crate::private;

/// Label of a PKCS#8 key in PEM (RFC 7468, 10).
const PRIVATE_KEY: &str = "PRIVATE KEY";
/// Longest key file read, in bytes.
const MAX_KEY_FILE: u64 = 4096;

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file system refused.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Somebody else than the owner may read a key.
    #[error("{path} has mode {mode:03o}: others than its owner may read this key")]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold the kind of key it is named for.
    #[error("{path} does not hold its key")]
    Damaged {
        /// The key file.
        path: PathBuf,
    },
    /// Some key files are there and one is not: making a new one would break what exists.
    #[error("{path} is missing beside the other keys")]
    Missing {
        /// The key file that should be there.
        path: PathBuf,
    },
    /// Another process uses the folder.
    #[error("another pregao-tsa uses {path}")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
}

impl KeysError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::File { .. } => {
                "check that --data names a folder which this user owns and may write"
            }
            Self::Exposed { .. } => {
                "run `chmod 600` on it if nobody has read it; else start with a new data folder"
            }
            Self::Damaged { .. } | Self::Missing { .. } => {
                "restore the file from a backup; without it start with a new data folder"
            }
            Self::Locked { .. } => {
                "stop the other process first: two of them would sign two timelines"
            }
        }
    }
}

/// The keys of one TSA.
#[derive(Debug)]
pub struct Keys {
    /// Signs certificates.
    pub authority: SecretKey<Authority>,
    /// Signs tickets.
    pub ticket: SecretKey<Ticket>,
    /// Signs batch headers.
    pub stamp: SecretKey<StampKey>,
}

impl Keys {
    /// Reads the keys in `folder`; makes them from `random` if there is none of them yet.
    ///
    /// # Errors
    /// [`KeysError`] naming the file and what is wrong with it.
    pub fn open_or_create(folder: &Path, random: &dyn Random) -> Result<Self, KeysError> {
        let fresh =
            ["authority", "ticket", "stamp"].iter().all(|name| !key_path(folder, name).exists());
        if fresh { Self::create(folder, random) } else { Self::open(folder) }
    }

    /// Reads the keys in `folder`.
    ///
    /// # Errors
    /// [`KeysError`] naming the file and what is wrong with it.
    pub fn open(folder: &Path) -> Result<Self, KeysError> {
        Ok(Self { authority: read(folder)?, ticket: read(folder)?, stamp: read(folder)? })
    }

    fn create(folder: &Path, random: &dyn Random) -> Result<Self, KeysError> {
        Ok(Self {
            authority: make(folder, random)?,
            ticket: make(folder, random)?,
            stamp: make(folder, random)?,
        })
    }
}

/// The folder of a real or of a simulated TSA inside `data`: their keys and chains never meet.
#[must_use]
pub fn folder(data: &Path, simulated: bool) -> PathBuf {
    if simulated { data.join("simulated") } else { data.to_path_buf() }
}

/// Makes the folder, closed to others, if it is not there.
///
/// # Errors
/// [`KeysError::File`].
pub fn create_folder(path: &Path) -> Result<(), KeysError> {
    private::make_folder(path).map_err(|source| file_error("create the folder", path, source))
}

/// Holds the folder against a second process until dropped.
///
/// # Errors
/// [`KeysError::Locked`] and [`KeysError::File`].
pub fn lock_folder(folder: &Path) -> Result<File, KeysError> {
    let path = folder.join("tsa.lock");
    let lock = private::lock(&path).map_err(|source| file_error("lock", &path, source))?;
    lock.ok_or_else(|| KeysError::Locked { path: folder.to_path_buf() })
}

fn key_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.key.pem"))
}

fn file_error(action: &'static str, path: &Path, source: io::Error) -> KeysError {
    KeysError::File { action, path: path.to_path_buf(), source }
}

fn read<P: Purpose>(folder: &Path) -> Result<SecretKey<P>, KeysError> {
    let path = key_path(folder, P::NAME);
    let pem = read_private(&path)?;
    let pair = KeypairBytes::from_pkcs8_pem(&pem).map_err(|_| KeysError::Damaged { path })?;
    Ok(SecretKey::from_seed(&pair.secret_key))
}

/// The key that signs offers to citizens. It is made, from `random`, when a TSA first enrols citizens:
/// `first` says that it never did.
///
/// # Errors
/// [`KeysError`].
pub fn enrolment(
    folder: &Path,
    first: bool,
    random: &dyn Random,
) -> Result<SecretKey<Enrolment>, KeysError> {
    let absent = !key_path(folder, Enrolment::NAME).exists();
    if absent && first { make(folder, random) } else { read(folder) }
}

/// The key that cosigns heads. It is made, from `random`, when the folder first has a witness: `first` says
/// that it never had.
///
/// # Errors
/// [`KeysError`].
pub fn witness(
    folder: &Path,
    first: bool,
    random: &dyn Random,
) -> Result<SecretKey<WitnessKey>, KeysError> {
    if first && !has_witness(folder) { make(folder, random) } else { read(folder) }
}

/// Whether a key that cosigns heads lies in `folder`.
#[must_use]
pub fn has_witness(folder: &Path) -> bool {
    key_path(folder, WitnessKey::NAME).exists()
}

/// Reads a file that nobody but its owner may read.
///
/// # Errors
/// [`KeysError`].
pub fn read_private(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let file = private::read(path, MAX_KEY_FILE).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeysError::Missing { path: path.to_path_buf() },
        io::ErrorKind::FileTooLarge => KeysError::Damaged { path: path.to_path_buf() },
        _ => file_error("read", path, source),
    })?;
    if file.is_exposed() {
        return Err(KeysError::Exposed { path: path.to_path_buf(), mode: file.mode });
    }
    let text = std::str::from_utf8(&file.bytes);
    let text = text.map_err(|_| KeysError::Damaged { path: path.to_path_buf() })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads the DER of a PKCS#8 key in PEM.
///
/// # Errors
/// [`KeysError`].
pub fn read_pkcs8(path: &Path) -> Result<SecretDocument, KeysError> {
    let damaged = || KeysError::Damaged { path: path.to_path_buf() };
    let pem = read_private(path)?;
    let (label, der) = SecretDocument::from_pem(&pem).map_err(|_| damaged())?;
    if label == PRIVATE_KEY { Ok(der) } else { Err(damaged()) }
}

/// Writes the DER of a PKCS#8 key as PEM, to a file that must not exist yet.
///
/// # Errors
/// [`KeysError::File`].
pub fn write_pkcs8(path: &Path, der: &[u8]) -> Result<(), KeysError> {
    let pem = SecretDocument::try_from(der)
        .and_then(|document| document.to_pem(PRIVATE_KEY, LineEnding::LF))
        .map_err(|error| file_error("encode", path, io::Error::other(error)))?;
    write_new(path, pem.as_bytes(), 0o600)
}

/// Overwrites and removes a file, durably. One that is not there is none to remove.
///
/// A file system that writes elsewhere than it was told (a journal of data, snapshots, most flash
/// memory) may keep what was overwritten: the operator's backups and disks decide about that.
///
/// # Errors
/// [`KeysError::File`].
pub fn destroy(path: &Path) -> Result<(), KeysError> {
    let remove = || {
        let mut file = match OpenOptions::new().write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        file.write_all(&vec![0; length])?;
        file.sync_all()?;
        fs::remove_file(path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    remove().map_err(|source| file_error("destroy", path, source))
}

fn make<P: Purpose>(folder: &Path, random: &dyn Random) -> Result<SecretKey<P>, KeysError> {
    let path = key_path(folder, P::NAME);
    let mut seed = Zeroizing::new([0_u8; 32]);
    random
        .fill(seed.as_mut())
        .map_err(|error| file_error("draw random bytes for", &path, io::Error::other(error)))?;
    // Without the public half this is version 1 of the format, which every openssl reads.
    let pem = KeypairBytes { secret_key: *seed, public_key: None }
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| file_error("encode", &path, io::Error::other(error)))?;
    write_new(&path, pem.as_bytes(), 0o600)?;
    Ok(SecretKey::from_seed(&seed))
}

/// Writes a file that must not exist yet, durably.
///
/// # Errors
/// [`KeysError::File`].
pub fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), KeysError> {
    private::create(path, content, mode).map_err(|source| file_error("write", path, source))
}

#[cfg(test)]
mod tests;
