//! The state's certificates from a folder: `anchors`, `intermediates` and `lists`, each file one or
//! more certificates or revocation lists in PEM, or one in DER.
//!
//! They judge the citizen cards of others. Whoever fills the folder decides whom to believe; none
//! comes with the program.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pregao_protocol::citizen::{PkiError, Place, StatePki, TestCards, blocks};

/// Most files of one kind.
const MOST_FILES: usize = 1_000;
/// Largest file of certificates, in bytes.
const LARGEST_CERTIFICATE: u64 = 1024 * 1024;
/// Largest file of revocation lists, in bytes.
const LARGEST_LIST: u64 = 32 * 1024 * 1024;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file or a folder could not be read.
    #[error("{path} cannot be read")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is larger than any of its kind.
    #[error("{path} is larger than {most} bytes")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Most bytes of such a file.
        most: u64,
    },
    /// A folder has more files than any of its kind.
    #[error("{path} holds more than {MOST_FILES} files")]
    TooMany {
        /// Which.
        path: PathBuf,
    },
    /// A file holds nothing that can be used there.
    #[error("{path} is refused")]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: PkiError,
    },
}

impl FolderError {
    /// What to do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check that you may read it, or name another folder with --citizen",
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                "keep only the state's certificates and lists there"
            }
            Self::Refused { .. } => {
                "fetch the file again from the state's site, or take it out of the folder"
            }
        }
    }
}

/// Reads the folder. Without the folder, or without a file in its `anchors`, there is no PKI, and
/// nobody's card is judged.
///
/// # Errors
/// [`FolderError`], which names the file.
pub fn load(folder: &Path, tests: TestCards) -> Result<Option<StatePki>, FolderError> {
    let (anchors, anchor_files) =
        read(&folder.join("anchors"), "CERTIFICATE", LARGEST_CERTIFICATE)?;
    if anchors.is_empty() {
        return Ok(None);
    }
    let (intermediates, intermediate_files) =
        read(&folder.join("intermediates"), "CERTIFICATE", LARGEST_CERTIFICATE)?;
    let (lists, _) = read(&folder.join("lists"), "X509 CRL", LARGEST_LIST)?;
    StatePki::new(anchors, intermediates, lists, tests).map(Some).map_err(|source| {
        let files = match &source {
            PkiError::Certificate { place: Place::Anchor, position, .. } => {
                anchor_files.get(*position)
            }
            PkiError::Certificate { place: Place::Intermediate, position, .. } => {
                intermediate_files.get(*position)
            }
            _ => None,
        };
        let path = files.cloned().unwrap_or_else(|| folder.to_owned());
        FolderError::Refused { path, source }
    })
}

/// Everything in DER in the files of a folder, in the order of their names, and the file of each.
fn read(
    folder: &Path,
    label: &str,
    most: u64,
) -> Result<(Vec<Vec<u8>>, Vec<PathBuf>), FolderError> {
    let io = |source| FolderError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(io(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden || entry.path().is_dir() {
            continue;
        }
        if files.len() >= MOST_FILES {
            return Err(FolderError::TooMany { path: folder.to_owned() });
        }
        files.push(entry.path());
    }
    files.sort();
    let (mut found, mut origins) = (Vec::new(), Vec::new());
    for path in files {
        let bytes = bounded(&path, most)?;
        let parts = blocks(&bytes, label)
            .map_err(|source| FolderError::Refused { path: path.clone(), source })?;
        origins.extend(std::iter::repeat_n(path, parts.len()));
        found.extend(parts);
    }
    Ok((found, origins))
}

fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, FolderError> {
    let io = |source| FolderError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > most {
        return Err(FolderError::TooLarge { path: path.to_owned(), most });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_test_pki::{Pki, Plan};
    use std::sync::OnceLock;

    fn pki() -> &'static Pki {
        static PKI: OnceLock<Pki> = OnceLock::new();
        PKI.get_or_init(|| Pki::new(Plan::quick(1_795_262_400)))
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        pki().write_folder(folder.path()).unwrap();
        folder
    }

    #[test]
    fn no_folder_and_no_anchor_are_no_error_and_no_pki() {
        let folder = tempfile::tempdir().unwrap();
        let loaded = |path: &Path| load(path, TestCards::Accepted).unwrap().is_some();
        assert!(!loaded(&folder.path().join("absent")));
        assert!(!loaded(folder.path()));
        fs::create_dir(folder.path().join("anchors")).unwrap();
        fs::write(folder.path().join("anchors/.hidden"), "x").unwrap();
        assert!(!loaded(folder.path()));
    }

    #[test]
    fn the_documented_folder_is_read() {
        assert!(load(folder().path(), TestCards::Accepted).unwrap().is_some());
    }

    #[test]
    fn a_file_that_is_refused_is_named() {
        let named = |folder: &tempfile::TempDir, tests, part: &str| {
            let error = load(folder.path(), tests).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(part), "{text}");
            assert!(!error.advice().is_empty());
        };
        named(&folder(), TestCards::Refused, "anchors/");
        for (place, bytes) in [
            ("anchors/zz.crt", "no certificate"),
            ("intermediates/zz.pem", "-----BEGIN NOTHING-----\n-----END NOTHING-----\n"),
            ("lists/zz.crl", ""),
        ] {
            let folder = folder();
            fs::write(folder.path().join(place), bytes).unwrap();
            named(&folder, TestCards::Accepted, place);
        }
    }

    #[test]
    fn files_are_bounded_in_size_and_number() {
        let large = folder();
        let most = usize::try_from(LARGEST_CERTIFICATE).unwrap();
        fs::write(large.path().join("anchors/zz.crt"), vec![0x30; most + 1]).unwrap();
        let error = load(large.path(), TestCards::Accepted).unwrap_err();
        assert!(matches!(error, FolderError::TooLarge { .. }), "{error}");
        let many = folder();
        for number in 0..MOST_FILES {
            fs::write(many.path().join(format!("lists/many-{number}.crl")), "").unwrap();
        }
        let error = load(many.path(), TestCards::Accepted).unwrap_err();
        assert!(matches!(error, FolderError::TooMany { .. }), "{error}");
    }
}
