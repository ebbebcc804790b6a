//! Where the bytes of blobs lie: what a place must be able to do, and files in a folder.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pregao_protocol::value::codec::{Digest, array_from_hex};
use pregao_protocol::wire::blob::BlobClass;
use tempfile::NamedTempFile;

use crate::private;

/// Keeps the bytes of blobs by their names. Every call may block. Nobody keeps and removes the same
/// blob at the same time.
pub trait Place: fmt::Debug + Send + Sync {
    /// What is kept, after whatever was unfinished is gone.
    ///
    /// # Errors
    /// Those of the disk.
    fn list(&self) -> io::Result<Vec<(Digest, BlobClass)>>;

    /// Begins a blob that nobody sees before it is kept.
    ///
    /// # Errors
    /// Those of the disk.
    fn begin(&self, digest: Digest) -> io::Result<Box<dyn Draft>>;

    /// Fills `piece` with what a blob holds from `offset` on, in bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`], [`io::ErrorKind::UnexpectedEof`], and those of the disk.
    fn read(&self, digest: Digest, offset: u64, piece: &mut [u8]) -> io::Result<()>;

    /// Destroys a blob, durably; one that is not there is as good as destroyed.
    ///
    /// # Errors
    /// Those of the disk; then it may be there or not.
    fn remove(&self, digest: Digest) -> io::Result<()>;
}

/// A blob that is being written. Dropped, it leaves nothing behind; that may block, too.
pub trait Draft: Send {
    /// Writes the next bytes.
    ///
    /// # Errors
    /// Those of the disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written durable, still unseen.
    ///
    /// # Errors
    /// Those of the disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Gives it its name, durably, in place of what has it.
    ///
    /// # Errors
    /// Those of the disk; then nothing has the name.
    fn keep(self: Box<Self>) -> io::Result<()>;
}

/// Holds what is not kept yet. No name of two hexadecimal digits.
const UNFINISHED: &str = "unfinished";

/// Files for their owner only, 256 folders of them by the first byte of the name.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// Names what is unfinished: the data folder has one owner.
    begun: AtomicU64,
}

impl Files {
    /// Keeps blobs in this folder, which is made if it is absent.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        private::make_folder(&folder.join(UNFINISHED))?;
        Ok(Self { folder, begun: AtomicU64::new(0) })
    }

    fn file(&self, digest: Digest) -> PathBuf {
        let name = hex::encode(digest.0);
        let shard = name.get(..2).unwrap_or_default();
        self.folder.join(shard).join(&name)
    }
}

/// Makes what was named or removed in a folder durable.
fn sync(folder: Option<&Path>) -> io::Result<()> {
    File::open(folder.ok_or(io::ErrorKind::InvalidInput)?)?.sync_all()
}

/// The blob in a file, if its folder, name and size are those of one.
fn blob(shard: &str, file: &fs::DirEntry) -> io::Result<Option<(Digest, BlobClass)>> {
    let name = file.file_name();
    let digest = name.to_str().filter(|name| name.starts_with(shard)).map(array_from_hex);
    let metadata = file.metadata()?;
    let class = BlobClass::of(metadata.len()).filter(|_| metadata.is_file());
    Ok(digest.and_then(Result::ok).map(Digest).zip(class))
}

impl Place for Files {
    fn list(&self) -> io::Result<Vec<(Digest, BlobClass)>> {
        for left in fs::read_dir(self.folder.join(UNFINISHED))? {
            fs::remove_file(left?.path())?;
        }
        let mut kept = Vec::new();
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?;
            let shard = folder.file_name();
            let Some(shard) = shard.to_str().filter(|name| array_from_hex::<1>(name).is_ok())
            else {
                continue;
            };
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                match blob(shard, &file)? {
                    Some(blob) => kept.push(blob),
                    None => {
                        tracing::warn!(path = %file.path().display(), "not a blob; left as it is")
                    }
                }
            }
        }
        Ok(kept)
    }

    fn begin(&self, digest: Digest) -> io::Result<Box<dyn Draft>> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let file = tempfile::Builder::new()
            .prefix(&number.to_string())
            .rand_bytes(0)
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(self.folder.join(UNFINISHED))?;
        Ok(Box::new(Unfinished { file, path: self.file(digest) }))
    }

    fn read(&self, digest: Digest, offset: u64, piece: &mut [u8]) -> io::Result<()> {
        let mut file = File::open(self.file(digest))?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(piece)
    }

    fn remove(&self, digest: Digest) -> io::Result<()> {
        let path = self.file(digest);
        match fs::remove_file(&path) {
            // It was never kept: there may be no folder either.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && !path.parent().is_some_and(Path::exists) =>
            {
                Ok(())
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => sync(path.parent()),
        }
    }
}

/// A file that is being written, removed unless it is kept.
struct Unfinished {
    file: NamedTempFile,
    path: PathBuf,
}

impl Draft for Unfinished {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_file_mut().write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    fn keep(self: Box<Self>) -> io::Result<()> {
        let Self { file, path } = *self;
        let shard = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        private::make_folder(shard)?;
        // As often as there is a first blob in it: also where a crash came in between.
        sync(shard.parent())?;
        file.persist(&path).map_err(|failed| failed.error)?;
        sync(Some(shard)).inspect_err(|_| {
            // Whoever hears that it failed is not to find it.
            let _ = fs::remove_file(&path);
        })
    }
}
