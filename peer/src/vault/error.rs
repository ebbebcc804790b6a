//! What can be wrong with a vault, and what to do about it.

use pregao_protocol::value::report::Advised;
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Why a vault cannot be made, opened or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The folder holds no vault.
    #[error("there is no vault in {}", .folder.display())]
    NoVault {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// One of the two files is missing.
    #[error("the vault is incomplete: {} is missing", .file.display())]
    Incomplete {
        /// The missing file.
        file: PathBuf,
    },
    /// A new vault would overwrite another.
    #[error("there is a vault in {} already", .folder.display())]
    AlreadyThere {
        /// The folder.
        folder: PathBuf,
    },
    /// Nothing was typed.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The passphrase does not open the identity.
    #[error("the passphrase does not open {}", .file.display())]
    WrongPassphrase {
        /// The identity's file.
        file: PathBuf,
    },
    /// Opening would take unreasonably long.
    #[error("{} asks for a work factor of {required}, at most {most} is accepted", .file.display())]
    TooMuchWork {
        /// The identity's file.
        file: PathBuf,
        /// Asked for, as a power of two.
        required: u8,
        /// Accepted, as a power of two.
        most: u8,
    },
    /// The file ends too early.
    #[error("{} is cut short", .file.display())]
    Truncated {
        /// The file.
        file: PathBuf,
    },
    /// The file is whole, and changed since it was written.
    #[error("{} is damaged: {reason}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// A later program wrote the file.
    #[error("{} was written by a newer version of this program", .file.display())]
    Newer {
        /// The file.
        file: PathBuf,
    },
    /// Another program has the vault open.
    #[error("the vault in {} is in use by {}", .folder.display(), program(*.holder))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Number of the process, if it has told.
        holder: Option<u32>,
    },
    /// The folder does not take files.
    #[error("{} cannot be written", .path.display())]
    NotWritable {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No room is left.
    #[error("the disk is full: {} was not written", .path.display())]
    DiskFull {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file system fails in another way.
    #[error("{} cannot be used", .path.display())]
    Io {
        /// What was used.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Encryption or encoding failed, which no input can cause.
    #[error("the vault cannot be encoded: {0}")]
    Encoding(String),
}

impl VaultError {
    /// Names the cause of a refusal of the file system.
    pub(super) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        let is = |kinds: &[io::ErrorKind]| kinds.contains(&source.kind());
        if is(&[io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem]) {
            Self::NotWritable { path, source }
        } else if is(&[io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded]) {
            Self::DiskFull { path, source }
        } else {
            Self::Io { path, source }
        }
    }
}

fn program(holder: Option<u32>) -> String {
    holder.map_or_else(
        || "another program".to_owned(),
        |process| format!("another program (process {process})"),
    )
}

impl Advised for VaultError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoVault { .. } => "vault.none",
            Self::Incomplete { .. } => "vault.incomplete",
            Self::AlreadyThere { .. } => "vault.exists",
            Self::EmptyPassphrase => "vault.passphrase-empty",
            Self::WrongPassphrase { .. } => "vault.passphrase-wrong",
            Self::TooMuchWork { .. } => "vault.work-factor",
            Self::Truncated { .. } => "vault.truncated",
            Self::Damaged { .. } => "vault.damaged",
            Self::Newer { .. } => "vault.newer",
            Self::InUse { .. } => "vault.in-use",
            Self::NotWritable { .. } => "vault.not-writable",
            Self::DiskFull { .. } => "vault.disk-full",
            Self::Io { .. } => "vault.io",
            Self::Encoding(_) => "vault.encoding",
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::NoVault { .. } => {
                "enrol first with `pregao enrol --tsa URL`, or name another folder with --data"
            }
            Self::Incomplete { .. } => {
                "restore both files from a backup; if enrolling was interrupted, remove the folder \
                 and enrol again"
            }
            Self::AlreadyThere { .. } => "use it, or name another folder with --data",
            Self::EmptyPassphrase => "choose a passphrase of several words",
            Self::WrongPassphrase { .. } => {
                "type it again, and look at the keyboard layout; if it is certainly right, the \
                 file is damaged: restore it from a backup"
            }
            Self::TooMuchWork { .. } => {
                "this program did not write that file: restore yours from a backup"
            }
            Self::Truncated { .. } | Self::Damaged { .. } => {
                "restore the file from a backup; no part of it was used"
            }
            Self::Newer { .. } => "install the newer version of this program",
            Self::InUse { .. } => {
                "close the other program, or name another folder with --data; where `pregao agent` runs, \
                 stop it, or give the command to it: it takes commands on its standard input"
            }
            Self::NotWritable { .. } => {
                "make the folder writable for you, or name another one with --data"
            }
            Self::DiskFull { .. } => "free some space and try again; the old file is untouched",
            Self::Io { .. } => "look at the path and the disk, then try again",
            Self::Encoding(_) => "report this as a fault of the program; the old file is untouched",
        };
        advice.into()
    }
}
