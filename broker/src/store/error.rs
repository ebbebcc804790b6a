//! What can go wrong with a store, divided by who can do something about it.

use std::path::PathBuf;
use std::sync::Arc;

use pregao_protocol::host::NoRandomness;
use pregao_protocol::value::codec::Digest;

use super::RoomName;

/// Why a store did not do what it was asked. Cloned to every member of a group that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The log has another size: somebody appended first. Fold what is new, then try again.
    #[error("expected {expected} entries, the log has {actual}")]
    Conflict {
        /// Size the caller expected.
        expected: u64,
        /// Size the log has.
        actual: u64,
    },
    /// There is no such room.
    #[error("there is no room {room}")]
    UnknownRoom {
        /// Its name.
        room: RoomName,
    },
    /// The action already has an answer: look it up and give that one.
    #[error("action {digest} already has an answer")]
    Duplicate {
        /// Digest of the action.
        digest: Digest,
    },
    /// The role already has a payload held, or has none to release.
    #[error("what role {role} has pending is not as expected")]
    Pending {
        /// The role.
        role: String,
    },
    /// The caller put together something that cannot be stored.
    #[error("not storable: {0}")]
    Malformed(&'static str),
    /// The room's links were erased, and stay so.
    #[error("the links of room {room} are erased")]
    Erased {
        /// The room.
        room: RoomName,
    },
    /// No space left. Nothing was kept; the same call succeeds once there is space.
    #[error("no space left for the store: free some, then try again")]
    Full,
    /// Reading, writing or syncing failed. Nothing was acknowledged.
    #[error("the store cannot be read or written")]
    Io(#[source] Arc<rusqlite::Error>),
    /// The file's content makes no sense.
    #[error("the store is damaged: restore the file from a backup")]
    Damaged(#[source] Arc<rusqlite::Error>),
    /// Another process holds the file, or it may not be written.
    #[error("the store is locked or read-only")]
    Unavailable(#[source] Arc<rusqlite::Error>),
    /// Another process reads the file that has to be cut.
    #[error("another process reads the file of keys: stop it, then try again")]
    InUse,
    /// The database engine refused a statement, a constraint for example: either our mistake, or
    /// the file was changed by somebody else.
    #[error("the store refused a statement")]
    Statement(#[source] Arc<rusqlite::Error>),
    /// A stored value does not have the form it was written in.
    #[error("the store holds a malformed {0}: restore the file from a backup")]
    Value(&'static str),
    /// No random numbers for a key or a nonce.
    #[error("the operating system gives no random numbers")]
    Random,
    /// The disk gave no answer in time.
    #[error("the disk does not answer in time")]
    Slow,
    /// The writer has stopped.
    #[error("the writer has stopped")]
    Stopped,
}

impl StoreError {
    /// Whether the store failed, so that the whole group is lost, rather than one member and its
    /// room being at fault.
    #[must_use]
    pub const fn is_store_failure(&self) -> bool {
        match self {
            Self::Conflict { .. }
            | Self::UnknownRoom { .. }
            | Self::Duplicate { .. }
            | Self::Pending { .. }
            | Self::Malformed(_)
            | Self::Erased { .. }
            | Self::Value(_)
            | Self::Statement(_) => false,
            Self::Full
            | Self::Io(_)
            | Self::Damaged(_)
            | Self::Unavailable(_)
            | Self::InUse
            | Self::Random
            | Self::Slow
            | Self::Stopped => true,
        }
    }
}

impl From<NoRandomness> for StoreError {
    fn from(_: NoRandomness) -> Self {
        Self::Random
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let code = error.sqlite_error_code();
        let cause = Arc::new(error);
        match code {
            Some(Code::DiskFull) => Self::Full,
            Some(Code::SystemIoFailure | Code::CannotOpen) => Self::Io(cause),
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged(cause),
            Some(
                Code::ReadOnly
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::PermissionDenied
                | Code::FileLockingProtocolFailed,
            ) => Self::Unavailable(cause),
            Some(_) | None => Self::Statement(cause),
        }
    }
}

/// Why a file of the store could not be opened: what happened, then what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or the file cannot be created or written.
    #[error(
        "cannot write {path}\nlet the broker's user own the folder and its files, or choose another folder"
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is no database, or its content is broken.
    #[error("{path} is damaged or no database\nmove it away and restore it from a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is a database of something else.
    #[error(
        "{path} belongs to another program (application id {found:#x}, expected {expected:#x})\ncheck the folder that the broker was given"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// The file was written by a newer broker.
    #[error(
        "{path} has format {found}, this broker knows up to {known}\nstart the newer broker, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// Another process holds the file.
    #[error("{path} is in use by another process\nstop it, then start again")]
    Busy {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        #[source]
        source: rusqlite::Error,
    },
    /// Anything else.
    #[error("cannot open {path}\nsee the cause below, repair it, then start again")]
    Other {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        #[source]
        source: rusqlite::Error,
    },
}
