//! What can be wrong with the mail store, and what to do about it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use pregao_protocol::host::NoRandomness;
use pregao_protocol::value::report::Advised;
use rusqlite::ErrorCode;

use crate::vault::VaultError;

/// A row that cannot be used: all others can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{table} {id} of the mail store is damaged: it was changed or moved after it was written")]
pub struct DamagedRow {
    /// What kind of row it is.
    pub table: &'static str,
    /// Its number there.
    pub id: i64,
}

/// Why the mail store cannot be opened, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// Its secret is not in this vault.
    #[error("{} does not belong to this vault", .file.display())]
    OtherVault {
        /// The file.
        file: PathBuf,
    },
    /// A later program wrote the file.
    #[error("{} was written by a newer version of this program", .file.display())]
    Newer {
        /// The file.
        file: PathBuf,
    },
    /// The file is another program's, or none of a database.
    #[error("{} is no mail store", .file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// The file is cut short, or its structure was changed.
    #[error("{} is damaged or cut short", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What the database says.
        source: rusqlite::Error,
    },
    /// Another program has the file open.
    #[error("{} is in use by another program", .file.display())]
    InUse {
        /// The file.
        file: PathBuf,
    },
    /// The file or its folder takes no changes.
    #[error("{} cannot be written", .file.display())]
    NotWritable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No room is left; nothing of the change was kept.
    #[error("the disk is full: {} was not changed", .file.display())]
    DiskFull {
        /// The file.
        file: PathBuf,
    },
    /// The database fails in another way; nothing of the change was kept.
    #[error("{} cannot be used", .file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// One row cannot be used.
    #[error(transparent)]
    Row(#[from] DamagedRow),
    /// There is no such row.
    #[error("there is no {what} {id}")]
    Unknown {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        id: i64,
    },
    /// Two contacts with one name could not be told apart.
    #[error("there is a contact of that name already")]
    NameTaken,
    /// The name would not be drawn as it is, or reads as something else.
    #[error(
        "a contact's name is 1 to 40 characters that are drawn as they are, no number alone, and not beginning with `/`, `#` or `@`"
    )]
    Name,
    /// It would do again, or too early, what is done in one order only.
    #[error("not at this step: {0}")]
    Step(&'static str),
    /// The vault did not take the secret of the store.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A file of an export cannot be written.
    #[error("{} cannot be written", .path.display())]
    Export {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Encoding failed, which no input can cause.
    #[error("a row of the mail store cannot be encoded: {0}")]
    Encoding(String),
}

impl MailError {
    /// Names the cause of a failure of the database.
    pub(super) fn from_sqlite(file: &Path, source: rusqlite::Error) -> Self {
        let file = file.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign { file },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { file, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { file },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::NotWritable { file, source: Box::new(source) }
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull { file },
            _ => Self::Database { file, source },
        }
    }
}

impl Advised for MailError {
    fn code(&self) -> &'static str {
        match self {
            Self::OtherVault { .. } => "mail.other-vault",
            Self::Newer { .. } => "mail.newer",
            Self::Foreign { .. } => "mail.foreign",
            Self::Damaged { .. } => "mail.damaged",
            Self::InUse { .. } => "mail.in-use",
            Self::NotWritable { .. } => "mail.not-writable",
            Self::DiskFull { .. } => "mail.disk-full",
            Self::Database { .. } => "mail.database",
            Self::Row(_) => "mail.row-damaged",
            Self::Unknown { .. } => "mail.unknown",
            Self::NameTaken => "mail.name-taken",
            Self::Name => "mail.name",
            Self::Step(_) => "mail.step",
            Self::Vault(error) => error.code(),
            Self::NoRandomness(_) => "mail.random",
            Self::Export { .. } => "mail.export",
            Self::Encoding(_) => "mail.encoding",
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::OtherVault { .. } => {
                "restore the vault and mail.db from one backup; to begin without letters, move mail.db away"
            }
            Self::Newer { .. } => "install the newer version of this program",
            Self::Foreign { .. } => {
                "restore mail.db from a backup, or move that file away to begin without letters"
            }
            Self::Damaged { .. } => {
                "restore mail.db from a backup and keep the damaged file: what came to a box and was not taken off is \
                 read from its broker again"
            }
            Self::InUse { .. } => {
                "close the other program, or name another folder with --data; where `pregao agent` runs, stop it, or \
                 give the command to it: it takes commands on its standard input"
            }
            Self::NotWritable { .. } => {
                "make the folder and mail.db writable for you, or name another folder with --data"
            }
            Self::DiskFull { .. } => {
                "free some space and try again; what was there before is untouched"
            }
            Self::Database { .. } => "look at the folder and the disk, then try again",
            Self::Row(_) => {
                "everything else can be used; restore mail.db from a backup if you need this one"
            }
            Self::Unknown { .. } => "list them, and give a number that is there",
            Self::NameTaken => "give another name",
            Self::Name => "give a short name of letters, digits, spaces",
            Self::Step(_) => "look at its state with `/status`",
            Self::Vault(error) => return error.advice(),
            Self::NoRandomness(_) => "try again once the system gives random numbers",
            Self::Export { .. } => "name a folder that can be written and has space",
            Self::Encoding(_) => "report this as a fault of the program; nothing was changed",
        };
        advice.into()
    }
}
