//! The secrets of passes at rest: one PKCS#8 file in PEM for each day, `passes-<day>.key.pem`, mode 0600.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::SecretDocument;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use pregao_protocol::trust::pass::{Day, PassSecret};

use super::PassesError;
use crate::private::{self, FRESH};

/// Longest key file read, in bytes.
const LONGEST: u64 = 4_096;
/// What the PEM of a PKCS#8 key is called.
const PRIVATE_KEY: &str = "PRIVATE KEY";
const BEFORE: &str = "passes-";
const AFTER: &str = ".key.pem";

/// Where the secret of a day is.
pub(super) fn path(folder: &Path, day: Day) -> PathBuf {
    folder.join(format!("{BEFORE}{day}{AFTER}"))
}

/// Every secret in the folder.
///
/// # Errors
/// [`PassesError`] for one that cannot be read, or that others may read.
pub(super) fn read_all(folder: &Path) -> Result<Vec<PassSecret>, PassesError> {
    let list = |source| PassesError::Io { path: folder.to_owned(), source };
    let mut secrets = Vec::new();
    for entry in fs::read_dir(folder).map_err(list)? {
        let name = entry.map_err(list)?.file_name();
        let day = name.to_str().and_then(|name| name.strip_prefix(BEFORE)?.strip_suffix(AFTER));
        if let Some(day) = day.and_then(|day| day.parse().ok()) {
            secrets.push(read(folder, Day(day))?);
        }
    }
    Ok(secrets)
}

fn read(folder: &Path, day: Day) -> Result<PassSecret, PassesError> {
    let path = path(folder, day);
    let file = match private::read(&path, LONGEST) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(PassesError::Damaged { path });
        }
        Err(source) => return Err(PassesError::Io { path, source }),
    };
    if file.is_exposed() {
        return Err(PassesError::Exposed { path, mode: file.mode });
    }
    let pem = std::str::from_utf8(&file.bytes).ok();
    let document = pem.and_then(|pem| SecretDocument::from_pem(pem).ok());
    let document = document.filter(|(label, _)| *label == PRIVATE_KEY);
    let secret = document.and_then(|(_, der)| PassSecret::from_pkcs8(day, der.as_bytes()).ok());
    secret.ok_or(PassesError::Damaged { path })
}

/// Keeps the secret of a day, given in DER; on return it stays.
///
/// # Errors
/// [`PassesError::Io`], also if there is one already.
pub(super) fn write(folder: &Path, day: Day, der: &[u8]) -> Result<(), PassesError> {
    let path = path(folder, day);
    let io = |source| PassesError::Io { path: path.clone(), source };
    let pem = SecretDocument::try_from(der)
        .and_then(|document| document.to_pem(PRIVATE_KEY, LineEnding::LF))
        .map_err(|error| io(io::Error::other(error)))?;
    private::create(&path, pem.as_bytes(), 0o600).map_err(io)
}

/// Overwrites and removes the secret of a day, durably, and what a crash left of writing it. One that is
/// not there is none to remove. What else keeps copies, as journals and snapshots of file systems do, is
/// the operator's to know.
///
/// # Errors
/// [`PassesError::Io`].
pub(super) fn destroy(folder: &Path, day: Day) -> Result<(), PassesError> {
    let path = path(folder, day);
    let mut fresh = path.clone().into_os_string();
    fresh.push(FRESH);
    for path in [path, fresh.into()] {
        overwrite(&path).map_err(|source| PassesError::Io { path, source })?;
    }
    let sync = File::open(folder).and_then(|folder| folder.sync_all());
    sync.map_err(|source| PassesError::Io { path: folder.to_owned(), source })
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    fs::remove_file(path)
}
