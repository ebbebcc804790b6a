//! The broker's data folder: keys at rest, the lock, and what is remembered of the TSA.

use std::fs::File;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding,
};
use pregao_protocol::host::Random;
use pregao_protocol::key::{Purpose, SecretKey};
use zeroize::Zeroizing;

use crate::house::Keys;
use crate::private;

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
        Ok(Keys { session: self.key(random)?, head: self.key(random)?, entry: self.key(random)? })
    }

    fn key<P: Purpose>(&self, random: &dyn Random) -> Result<SecretKey<P>, FolderError> {
        let path = self.file(&format!("{}.key.pem", P::NAME));
        let io = |source| FolderError::Io { path: path.clone(), source };
        let damaged = || FolderError::Damaged { path: path.clone() };
        match private::read(&path, LONGEST_KEY) {
            Ok(file) if file.is_exposed() => Err(FolderError::Open { path, mode: file.mode }),
            Ok(file) => {
                let pem = std::str::from_utf8(&file.bytes).map_err(|_| damaged())?;
                let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| damaged())?;
                Ok(SecretKey::from_seed(&Zeroizing::new(key.to_bytes())))
            }
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Err(damaged()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut seed = Zeroizing::new([0_u8; 32]);
                random
                    .fill(seed.as_mut_slice())
                    .map_err(|error| io(std::io::Error::other(error)))?;
                let pem = SigningKey::from_bytes(&seed)
                    .to_pkcs8_pem(LineEnding::LF)
                    .map_err(|_| damaged())?;
                private::create(&path, pem.as_bytes(), 0o600).map_err(io)?;
                Ok(SecretKey::from_seed(&seed))
            }
            Err(source) => Err(FolderError::Io { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use std::sync::Arc;

    fn random() -> Arc<dyn Random> {
        crate::host::system().random
    }

    #[test]
    fn keys_are_made_once_for_the_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let first = folder.keys(&*random()).unwrap().session.public();
        assert_eq!(folder.keys(&*random()).unwrap().session.public(), first);
        for name in ["session", "head", "entry"] {
            let path = folder.file(&format!("{name}.key.pem"));
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn open_damaged_and_busy_are_told_apart() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        folder.keys(&*random()).unwrap();
        assert!(matches!(Folder::open(place.path()), Err(FolderError::InUse { .. })));
        let path = folder.file("head.key.pem");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(folder.keys(&*random()), Err(FolderError::Open { mode: 0o640, .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        let long = format!("{whole}{}", "\n".repeat(4_096));
        for damaged in ["half a ke", "", "\u{fffd}", &long] {
            std::fs::write(&path, damaged).unwrap();
            assert!(
                matches!(folder.keys(&*random()), Err(FolderError::Damaged { .. })),
                "{damaged:.9}"
            );
        }
    }
}
