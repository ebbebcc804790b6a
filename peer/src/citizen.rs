//! The state's certificates from a folder: `anchors`, `intermediates` and `lists`, each file one or
//! more certificates or revocation lists in PEM, or one in DER.
//!
//! They judge the citizen cards of others. Whoever fills the folder decides whom to believe; none
//! comes with the program. An anchor that cannot be used stops the program; anything else, which may be no more
//! than a failed download, is passed over, and the user is told its name.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pregao_protocol::citizen::{PkiError, Place, StatePki, TestCards, blocks};
use pregao_protocol::clock::Time;

use crate::plain::with_causes;

/// Most files of one kind.
const MOST_FILES: usize = 1_000;
/// Largest file of certificates, in bytes.
const LARGEST_CERTIFICATE: u64 = 1024 * 1024;
/// Largest file of revocation lists, in bytes.
const LARGEST_LIST: u64 = 32 * 1024 * 1024;

const REFETCH: &str = "fetch the file again from the state's site, or take it out of the folder";

/// Why the folder, or something in it, cannot be used.
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
    /// A folder, a pipe, or a link that leads nowhere.
    #[error("{path} is no file")]
    NoFile {
        /// Which.
        path: PathBuf,
    },
    /// A file has blocks that cannot be read beside good ones.
    #[error("{path} has {count} blocks that are not what belongs there")]
    Blocks {
        /// Which.
        path: PathBuf,
        /// How many.
        count: usize,
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
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::NoFile { .. } => {
                "keep only the state's certificates and lists there"
            }
            Self::Refused { .. } | Self::Blocks { .. } => REFETCH,
        }
    }
}

/// The state's PKI as the folder has it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Without the folder, or without a file in its `anchors`, there is none, and nobody's card is
    /// judged.
    pub state: Option<StatePki>,
    /// What was passed over and what to do about it, for the user: a line for each.
    pub passed_over: Vec<String>,
}

/// Reads the folder.
///
/// # Errors
/// [`FolderError`], which names the file, for anchors that cannot be used.
pub fn load(folder: &Path, tests: TestCards) -> Result<Loaded, FolderError> {
    let (anchors, faults) = read(&folder.join("anchors"), "CERTIFICATE", LARGEST_CERTIFICATE);
    let harmless = |fault: &FolderError| matches!(fault, FolderError::NoFile { .. });
    let (mut faults, fatal): (Vec<FolderError>, Vec<FolderError>) =
        faults.into_iter().partition(harmless);
    if let Some(fault) = fatal.into_iter().next() {
        return Err(fault);
    }
    if anchors.is_empty() {
        return Ok(Loaded::default());
    }
    let (intermediates, more) =
        read(&folder.join("intermediates"), "CERTIFICATE", LARGEST_CERTIFICATE);
    faults.extend(more);
    let (lists, more) = read(&folder.join("lists"), "X509 CRL", LARGEST_LIST);
    faults.extend(more);
    let ders = |found: &[Found]| found.iter().map(|found| found.der.clone()).collect();
    let named = |found: &[Found], position: usize| {
        found.get(position).map_or_else(|| folder.to_owned(), |found| found.path.clone())
    };
    let state = StatePki::new(ders(&anchors), ders(&intermediates), ders(&lists), tests);
    let state = state.map_err(|source| {
        let path = match &source {
            PkiError::Anchor { position, .. } => named(&anchors, *position),
            _ => folder.to_owned(),
        };
        FolderError::Refused { path, source }
    })?;
    let mut passed_over: Vec<String> = faults
        .iter()
        .map(|fault| format!("passed over: {}; {}", with_causes(fault), fault.advice()))
        .collect();
    for warning in state.warnings(Time::default()).iter().filter(|warning| warning.is_unused()) {
        let path = match warning.of() {
            (Place::List, position) => named(&lists, position),
            (_, position) => named(&intermediates, position),
        };
        passed_over.push(format!("passed over: {}: {warning}; {REFETCH}", path.display()));
    }
    Ok(Loaded { state: Some(state), passed_over })
}

/// Something in DER, and the file that it is from.
struct Found {
    der: Vec<u8>,
    path: PathBuf,
}

/// Everything in the files of a folder, in the order of their names, and what cannot be read of them.
fn read(folder: &Path, label: &str, most: u64) -> (Vec<Found>, Vec<FolderError>) {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    if let Err(fault) = list(folder, &mut files) {
        faults.push(fault);
    }
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let blocks = bounded(&path, most).and_then(|bytes| {
            blocks(&bytes, label)
                .map_err(|source| FolderError::Refused { path: path.clone(), source })
        });
        match blocks {
            Ok(blocks) => {
                found.extend(blocks.ders.into_iter().map(|der| Found { der, path: path.clone() }));
                let count = blocks.faulty;
                faults.extend((count > 0).then_some(FolderError::Blocks { path, count }));
            }
            Err(fault) => faults.push(fault),
        }
    }
    (found, faults)
}

/// What is in a folder, hidden files apart.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    let io = |source| FolderError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(error)),
    };
    for entry in entries {
        let entry = entry.map_err(io)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if files.len() >= MOST_FILES {
            return Err(FolderError::TooMany { path: folder.to_owned() });
        }
        files.push(entry.path());
    }
    Ok(())
}

fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, FolderError> {
    let io = |source| FolderError::Io { path: path.to_owned(), source };
    // The opening of a pipe would wait for somebody who writes.
    let file = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(|source| match fs::symlink_metadata(path) {
            Ok(link) if link.is_symlink() => FolderError::NoFile { path: path.to_owned() },
            Ok(_) | Err(_) => io(source),
        })?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(FolderError::NoFile { path: path.to_owned() });
    }
    let too_large = || FolderError::TooLarge { path: path.to_owned(), most };
    if metadata.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
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
        let loaded = |path: &Path| load(path, TestCards::Accepted).unwrap().state.is_some();
        assert!(!loaded(&folder.path().join("absent")));
        assert!(!loaded(folder.path()));
        fs::create_dir(folder.path().join("anchors")).unwrap();
        fs::write(folder.path().join("anchors/.hidden"), "x").unwrap();
        assert!(!loaded(folder.path()));
    }

    #[test]
    fn the_documented_folder_is_read() {
        let loaded = load(folder().path(), TestCards::Accepted).unwrap();
        assert!(loaded.state.is_some());
        assert_eq!(loaded.passed_over, Vec::<String>::new());
    }

    #[test]
    fn an_anchor_that_is_refused_is_named_and_stops() {
        let named = |folder: &tempfile::TempDir, tests, part: &str| {
            let error = load(folder.path(), tests).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(part), "{text}");
            assert!(!error.advice().is_empty());
        };
        named(&folder(), TestCards::Refused, "anchors/");
        for bytes in ["no certificate", "", "-----BEGIN NOTHING-----\n-----END NOTHING-----\n"] {
            let folder = folder();
            fs::write(folder.path().join("anchors/zz.crt"), bytes).unwrap();
            named(&folder, TestCards::Accepted, "anchors/zz.crt");
        }
        let large = folder();
        let most = usize::try_from(LARGEST_CERTIFICATE).unwrap();
        fs::write(large.path().join("anchors/zz.crt"), vec![0x30; most + 1]).unwrap();
        named(&large, TestCards::Accepted, "anchors/zz.crt");
    }

    #[test]
    fn anything_else_that_cannot_be_read_is_passed_over_by_name() {
        let folder = folder();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("lists/page.crl"), "<html><title>404</title></html>\n").unwrap();
        fs::write(at("lists/empty.crl"), "").unwrap();
        fs::write(at("lists/no-list.crl"), "0 is how DER begins").unwrap();
        fs::write(at("lists/certificate.crl"), pki().root().pem()).unwrap();
        fs::create_dir(at("lists/folder.crl")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("lists/link.crl")).unwrap();
        File::create(at("lists/long.crl")).unwrap().set_len(1 << 30).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, at("lists/pipe.crl"), mode).unwrap();
        fs::write(at("intermediates/garbage.pem"), "garbage").unwrap();
        fs::write(at("intermediates/no-certificate.der"), [0x30, 0]).unwrap();
        let bad = "-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----\n";
        fs::write(at("intermediates/bundle.pem"), [pki().root().pem(), bad].concat()).unwrap();
        let loaded = load(folder.path(), TestCards::Accepted).unwrap();
        let names = [
            "lists/page.crl",
            "lists/empty.crl",
            "lists/no-list.crl",
            "lists/certificate.crl",
            "lists/folder.crl",
            "lists/link.crl",
            "lists/long.crl",
            "lists/pipe.crl",
            "intermediates/garbage.pem",
            "intermediates/no-certificate.der",
            "intermediates/bundle.pem",
        ];
        for name in names {
            let telling = loaded.passed_over.iter().filter(|line| line.contains(name));
            assert_eq!(telling.count(), 1, "{name}: {:?}", loaded.passed_over);
        }
        assert_eq!(loaded.passed_over.len(), names.len());
        assert!(loaded.passed_over.iter().all(|line| line.contains("; ")));
        let card =
            pki().citizen(pregao_test_pki::Profile::V5, &pregao_test_pki::CitizenData::numbered(1));
        let leaf = &card.authentication.certificate;
        let now = Time::default().plus(std::time::Duration::from_secs(1_795_262_400));
        let required = pregao_protocol::citizen::Revocation::Required;
        assert!(loaded.state.unwrap().verify(leaf, &[], now, required).is_ok());
    }

    #[test]
    fn of_too_many_files_the_rest_is_passed_over() {
        let many = folder();
        for number in 0..MOST_FILES {
            fs::write(many.path().join(format!("lists/many-{number}.crl")), "").unwrap();
        }
        let loaded = load(many.path(), TestCards::Accepted).unwrap();
        assert!(loaded.passed_over.iter().any(|line| line.contains("more than 1000 files")));
        assert!(loaded.state.is_some());
    }
}
