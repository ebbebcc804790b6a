//! Which files of the folder of the state's certificates count, what is taken from each, and what is
//! reported. Programs list the folders and read the bytes within the limits given here.
//!
//! The order of work: [`select`] among what a folder lists, read each file that it chose, hand the
//! bytes to [`FileLoader::load`], and the contents to [`state`]. Nothing in the folder is trusted for
//! being there but what is in `anchors/`, so a fault stops only there ([`FolderError::is_harmless`]).

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{PkiError, PkiInput, StatePki, TestCards, blocks};
use crate::value::clock::Time;

/// Most files in one of the three folders.
pub const MAX_FILES: usize = 4_096;
/// Longest file of certificates, in bytes.
pub const MAX_CERTIFICATE_FILE: usize = 1024 * 1024;
/// Longest file of revocation lists, in bytes: the longest list in PEM fits.
pub const MAX_LIST_FILE: usize = 24 * 1024 * 1024;
/// All files together, in bytes.
pub const MAX_TOTAL: usize = 256 * 1024 * 1024;

/// What to do about a file that cannot be used, whatever is wrong with it.
pub const REFETCH: &str = "fetch it again from the state's site (in lists/ a revocation list, else \
                           certificates, in PEM or DER), or remove it";

impl PkiInput {
    /// The three inputs, in the order in which they are read.
    pub const ALL: [Self; 3] = [Self::Anchor, Self::Intermediate, Self::List];

    /// Name of the folder whose files belong there.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Anchor => "anchors",
            Self::Intermediate => "intermediates",
            Self::List => "lists",
        }
    }

    /// Longest file in that folder, in bytes.
    #[must_use]
    pub const fn longest_file(self) -> usize {
        match self {
            Self::Anchor | Self::Intermediate => MAX_CERTIFICATE_FILE,
            Self::List => MAX_LIST_FILE,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Anchor | Self::Intermediate => "CERTIFICATE",
            Self::List => "X509 CRL",
        }
    }
}

/// Why the folder, or something in it, is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The file system refused.
    #[error("cannot read {path}")]
    Unreadable {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is longer than any of its kind.
    #[error("{path} is longer than {most} bytes")]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Most bytes of a file of its kind.
        most: usize,
    },
    /// With a file, all together are longer than accepted.
    #[error("{path} is one too many: all files together are longer than {MAX_TOTAL} bytes")]
    TooMuch {
        /// The first file that is not taken.
        path: PathBuf,
    },
    /// A folder has more files than accepted; those that come first by name are taken.
    #[error("{path} holds more than {MAX_FILES} files")]
    TooMany {
        /// Which folder.
        path: PathBuf,
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
        /// Which file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// A certificate is in another file, or further up in this one, as well; it counts once.
    #[error("{path} holds a certificate that {first} holds")]
    Twice {
        /// Which file.
        path: PathBuf,
        /// The file from which the certificate is taken.
        first: PathBuf,
    },
    /// A file that is not what it should be.
    #[error("{path} is not accepted")]
    Content {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: PkiError,
    },
    /// Nothing is trusted.
    #[error("{path} holds no anchor")]
    NoAnchor {
        /// The folder of anchors.
        path: PathBuf,
    },
}

impl FolderError {
    /// What whoever fills the folder can do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check that this user may read it, or name another folder",
            Self::TooLong { .. }
            | Self::TooMuch { .. }
            | Self::TooMany { .. }
            | Self::NoFile { .. } => {
                "keep only the state's certificates and revocation lists there"
            }
            Self::Twice { .. } => "remove one of the two",
            Self::Content {
                source: PkiError::Anchor { cause: super::CitizenError::TestCard, .. },
                ..
            } => {
                "it is of the state's test PKI, whose cards anybody can have: remove it, or start \
                 with --accept-test-cards on a test installation"
            }
            Self::Content { source: PkiError::Anchor { .. }, .. } => {
                "replace it by the certificate of an authority in PEM or DER, or remove it"
            }
            Self::Content { .. } | Self::Blocks { .. } => REFETCH,
            Self::NoAnchor { .. } => "put the certificate of the state's root there",
        }
    }

    /// The file or folder of which it speaks.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::TooLong { path, .. }
            | Self::TooMuch { path }
            | Self::TooMany { path }
            | Self::NoFile { path }
            | Self::Blocks { path, .. }
            | Self::Twice { path, .. }
            | Self::Content { path, .. }
            | Self::NoAnchor { path } => path,
        }
    }

    /// Whether nothing that was meant to be trusted is missing for it: such a fault is reported and
    /// stops nothing, in `anchors/` either. Any other stops there.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        match self {
            Self::NoFile { .. } | Self::Twice { .. } => true,
            Self::Unreadable { .. }
            | Self::TooLong { .. }
            | Self::TooMuch { .. }
            | Self::TooMany { .. }
            | Self::Blocks { .. }
            | Self::Content { .. }
            | Self::NoAnchor { .. } => false,
        }
    }
}

/// What a folder lists under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<T> {
    /// A file, or a link to one, with whatever the caller wants to know of it.
    File(T),
    /// Anything else.
    Other,
}

/// The files of a folder that count.
#[derive(Debug)]
pub struct SelectedFiles<T> {
    /// The files to read, in the order of their names.
    pub files: BTreeMap<PathBuf, T>,
    /// What is there and not read, each path once.
    pub faults: Vec<FolderError>,
}

/// Chooses among what a folder lists: names that begin with a dot are passed over, so that a file
/// can come under one and be renamed once it is whole. Of more than [`MAX_FILES`] files those that
/// come first by name are chosen, whatever the order in which the folder lists them.
pub fn select<T>(
    folder: &Path,
    entries: impl IntoIterator<Item = (PathBuf, Entry<T>)>,
) -> SelectedFiles<T> {
    let mut chosen = SelectedFiles { files: BTreeMap::new(), faults: Vec::new() };
    let mut too_many = false;
    for (path, entry) in entries {
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match entry {
            Entry::File(file) => drop(chosen.files.insert(path, file)),
            Entry::Other if chosen.faults.len() < MAX_FILES => {
                chosen.faults.push(FolderError::NoFile { path });
            }
            Entry::Other => {}
        }
        if chosen.files.len() > MAX_FILES {
            chosen.files.pop_last();
            too_many = true;
        }
    }
    let path = folder.to_path_buf();
    chosen.faults.extend(too_many.then_some(FolderError::TooMany { path }));
    chosen
}

/// Why the bytes of a chosen file could not be had.
#[derive(Debug)]
pub enum Unread {
    /// It is no file any more: reading it could wait for ever.
    NoFile,
    /// It is longer than [`PkiInput::longest_file`].
    TooLong,
    /// The file system refused.
    Failed(io::Error),
}

/// What is taken from one file.
#[derive(Debug, Clone)]
pub struct Content {
    place: PkiInput,
    path: PathBuf,
    ders: Vec<Vec<u8>>,
    /// How many blocks of the file are not among them.
    faulty: usize,
}

impl Content {
    /// To which input it belongs.
    #[must_use]
    pub const fn place(&self) -> PkiInput {
        self.place
    }

    /// The file that it is from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether every block of the file could be read.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.faulty == 0
    }

    /// Whether another file, or another version of this one, holds the same.
    #[must_use]
    pub fn holds_what(&self, other: &Self) -> bool {
        self.ders == other.ders
    }
}

/// A file after it was looked at: a fault and content, if a part of it can be used.
#[derive(Debug)]
pub struct LoadedFile {
    /// To which input it belongs.
    pub place: PkiInput,
    /// Which file.
    pub path: PathBuf,
    /// What can be used.
    pub content: Option<Content>,
    /// What cannot.
    pub fault: Option<FolderError>,
}

/// Takes files in, one after the other, within [`MAX_TOTAL`].
///
/// ```
/// use pregao_protocol::trust::citizen::PkiInput;
/// use pregao_protocol::trust::citizen::folder::FileLoader;
///
/// let page = Ok(b"<html>".to_vec());
/// let loaded = FileLoader::default().load(PkiInput::List, "lists/a.crl".into(), page);
/// assert_eq!(loaded.fault.unwrap().to_string(), "lists/a.crl is not accepted");
/// assert!(loaded.content.is_none());
/// ```
#[derive(Debug, Default)]
pub struct FileLoader {
    /// Bytes so far.
    total: usize,
    /// From which file each certificate is, by place and digest.
    certificates: HashMap<(PkiInput, [u8; 32]), PathBuf>,
}

impl FileLoader {
    /// Takes a file in.
    #[must_use]
    pub fn load(
        &mut self,
        place: PkiInput,
        path: PathBuf,
        bytes: Result<Vec<u8>, Unread>,
    ) -> LoadedFile {
        match self.content(place, &path, bytes) {
            Ok((content, fault)) => {
                let content = Some(content).filter(|content| !content.ders.is_empty());
                LoadedFile { place, path, content, fault }
            }
            Err(fault) => LoadedFile { place, path, content: None, fault: Some(fault) },
        }
    }

    fn content(
        &mut self,
        place: PkiInput,
        path: &Path,
        bytes: Result<Vec<u8>, Unread>,
    ) -> Result<(Content, Option<FolderError>), FolderError> {
        let path = || path.to_path_buf();
        let most = place.longest_file();
        let bytes = bytes.map_err(|unread| match unread {
            Unread::NoFile => FolderError::NoFile { path: path() },
            Unread::TooLong => FolderError::TooLong { path: path(), most },
            Unread::Failed(source) => FolderError::Unreadable { path: path(), source },
        })?;
        if bytes.len() > most {
            return Err(FolderError::TooLong { path: path(), most });
        }
        let total = self.total.saturating_add(bytes.len());
        if total > MAX_TOTAL {
            return Err(FolderError::TooMuch { path: path() });
        }
        self.total = total;
        let found = blocks(&bytes, place.label())
            .map_err(|source| FolderError::Content { path: path(), source })?;
        let mut content = Content { place, path: path(), ders: Vec::new(), faulty: found.faulty };
        let mut twice = None;
        for der in found.ders {
            match self.first(&content, &der) {
                Some(first) => twice = Some(FolderError::Twice { path: path(), first }),
                None => content.ders.push(der),
            }
        }
        let count = content.faulty;
        let fault = (count > 0).then(|| FolderError::Blocks { path: path(), count });
        Ok((content, fault.or(twice)))
    }

    /// The file that held the same certificate before; from now on this one, if none did. A list may
    /// be there twice: whoever replaces one under another name has both for a while.
    fn first(&mut self, content: &Content, der: &[u8]) -> Option<PathBuf> {
        if content.place == PkiInput::List {
            return None;
        }
        let key = (content.place, Sha256::digest(der).into());
        let first = self.certificates.get(&key).cloned();
        if first.is_none() {
            self.certificates.insert(key, content.path.clone());
        }
        first
    }
}

/// The state's PKI from what the files hold; `root` is the folder that holds the three.
///
/// # Errors
/// [`FolderError::NoAnchor`]; [`FolderError::Content`], which names the file, for the first anchor
/// that is no authority's.
pub fn state(root: &Path, contents: &[Content], tests: TestCards) -> Result<StatePki, FolderError> {
    let [anchors, intermediates, lists] = PkiInput::ALL.map(|place| ders(contents, place));
    StatePki::new(anchors, intermediates, lists, tests).map_err(|source| match source {
        PkiError::Anchor { position, .. } => {
            let path = origin(contents, PkiInput::Anchor, position).unwrap_or(root).to_path_buf();
            FolderError::Content { path, source }
        }
        PkiError::NoAnchor => FolderError::NoAnchor { path: root.join(PkiInput::Anchor.folder()) },
        PkiError::File => FolderError::Content { path: root.to_path_buf(), source },
    })
}

fn ders(contents: &[Content], place: PkiInput) -> Vec<Vec<u8>> {
    let of = contents.iter().filter(|content| content.place == place);
    of.flat_map(|content| content.ders.iter().cloned()).collect()
}

/// The file that an input of [`state`] is from: the one at `position` of its place, from 0, as
/// [`super::Warning::of`] names it.
#[must_use]
pub fn origin(contents: &[Content], place: PkiInput, position: usize) -> Option<&Path> {
    let of = contents.iter().filter(|content| content.place == place);
    let mut paths = of.flat_map(|content| content.ders.iter().map(|_| content.path.as_path()));
    paths.nth(position)
}

/// The files of which something is as good as absent in a PKI made from `contents`, and why.
#[must_use]
pub fn unused(pki: &StatePki, contents: &[Content]) -> Vec<(PathBuf, String)> {
    let warnings = pki.warnings(Time::default());
    let unused = warnings.iter().filter(|warning| warning.is_unused());
    unused
        .filter_map(|warning| {
            let (place, position) = warning.of();
            Some((origin(contents, place, position)?.to_path_buf(), warning.to_string()))
        })
        .collect()
}
