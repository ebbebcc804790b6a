//! Files that nobody but their owner may read: they come into place whole and durable or not at all,
//! are read within a bound, and a lock keeps a second process out of a folder.
//!
//! Broker, peer and TSA each have this file, word for word the same, for the only crate that they
//! share touches no files; a test of the workspace compares the three.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// What follows the name of a file while it is written. A crash can leave one behind; the next
/// that is written under the name takes its place.
pub const FRESH: &str = ".new";

/// A file that was read.
#[derive(Debug)]
pub struct Private {
    /// What it holds; wiped when dropped.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Its permission bits.
    pub mode: u32,
}

impl Private {
    /// Whether others than the owner may do anything with the file.
    #[must_use]
    pub const fn is_exposed(&self) -> bool {
        self.mode & 0o077 != 0
    }
}

/// Makes a folder, and those above it, closed to others; one that is there stays as it is.
///
/// # Errors
/// Those of the file system.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Locks a file of its own, made if it is absent, until what is returned is dropped; nothing if
/// another process has it. The lock of a process that was killed goes with it.
///
/// # Errors
/// Those of the file system.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] for a longer one, [`io::ErrorKind::InvalidInput`] for what is no
/// file, and those of the file system.
pub fn read(path: &Path, most: u64) -> io::Result<Private> {
    // Looked at before it is opened: to open a pipe would wait for somebody who writes.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let too_large = || {
        let message = format!("it is longer than {most} bytes");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.len() > most {
        return Err(too_large());
    }
    // The buffer never grows, and so leaves no copies of a secret behind.
    let length = usize::try_from(metadata.len()).map_err(|_| too_large())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(1)));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(Private { bytes, mode: metadata.permissions().mode() & 0o777 })
}

/// Puts `bytes` in place of a file, mode 0600: after a crash either the old or the new one is there,
/// and on return the new one stays.
///
/// # Errors
/// Those of the file system. The old file is then in place and whole, or the new one is, if only making
/// its name durable failed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written(path, bytes, 0o600)?.persist(path).map_err(|failed| failed.error)?;
    File::open(parent(path))?.sync_all()
}

/// Makes a file that is not there yet, with this mode: after a crash it is there whole or not at all,
/// and on return it stays.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if it is there, and those of the file system.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    written(path, bytes, mode)?.persist_noclobber(path).map_err(|failed| failed.error)?;
    File::open(parent(path))?.sync_all()
}

/// The content of a file to be, durable beside it. It is removed if it is dropped.
fn written(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(FRESH);
    let folder = parent(path);
    match fs::remove_file(folder.join(&name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // A name that is known, so that crashes leave one file at most; it must not be there.
    let mut file = tempfile::Builder::new()
        .prefix(&name)
        .rand_bytes(0)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn parent(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        fs::read_dir(folder).unwrap().map(|entry| name(entry).into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_replaced_is_there_whole_for_its_owner_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for bytes in [&b"old"[..], b"new and longer", b""] {
            replace(&path, bytes).unwrap();
            assert_eq!(read(&path, 99).unwrap().bytes.as_slice(), bytes);
            assert_eq!((mode(&path), names(folder.path())), (0o600, vec!["file".to_owned()]));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"closed again").unwrap();
        assert!(!read(&path, 99).unwrap().is_exposed());
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (path, fresh) = (folder.path().join("file"), folder.path().join("file.new"));
        replace(&path, b"old").unwrap();
        // A folder in the way of the fresh file.
        fs::create_dir(&fresh).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert!(create(&path, b"new", 0o600).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        fs::remove_dir(&fresh).unwrap();
        // A folder in the place of the file: the fresh one goes.
        fs::create_dir(folder.path().join("folder")).unwrap();
        assert!(replace(&folder.path().join("folder"), b"new").is_err());
        assert!(replace(&folder.path().join("absent/file"), b"new").is_err());
        assert!(replace(Path::new("/"), b"new").is_err());
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn what_a_crash_left_is_written_over_and_never_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, fresh) = (folder.path().join("file"), folder.path().join("file.new"));
        fs::write(&fresh, "half of a secr").unwrap();
        replace(&path, b"whole").unwrap();
        assert_eq!((fs::read(&path).unwrap(), fresh.exists()), (b"whole".to_vec(), false));
        // A link in its place leads nowhere.
        let other = folder.path().join("other");
        fs::write(&other, "of another").unwrap();
        std::os::unix::fs::symlink(&other, &fresh).unwrap();
        replace(&path, b"secret").unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"of another");
    }

    #[test]
    fn what_is_created_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, b"first", 0o600).unwrap();
        let error = create(&path, b"second", 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"first".to_vec(), 0o600));
        create(&folder.path().join("public"), b"", 0o644).unwrap();
        assert_eq!(mode(&folder.path().join("public")) & !0o044, 0o600);
        create(&folder.path().join("fixed"), b"", 0o400).unwrap();
        assert_eq!(mode(&folder.path().join("fixed")), 0o400);
        assert_eq!(names(folder.path()).len(), 3);
    }

    #[test]
    fn one_byte_too_many_and_what_is_no_file_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "123456789").unwrap();
        assert_eq!(read(&path, 9).unwrap().bytes.as_slice(), b"123456789");
        assert_eq!(read(&path, 8).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(folder.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            read(Path::new("/dev/zero"), 9).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        let absent = read(&folder.path().join("absent"), 9).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_others_may_touch_is_exposed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"secret").unwrap();
        for (mode, exposed) in [
            (0o600, false),
            (0o400, false),
            (0o640, true),
            (0o604, true),
            (0o610, true),
            (0o601, true),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let read = read(&path, 9).unwrap();
            assert_eq!((read.mode, read.is_exposed()), (mode, exposed));
        }
    }

    #[test]
    fn a_lock_is_held_by_one_until_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(held.is_some() && mode(&path) == 0o600);
        assert!(lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
        assert!(lock(folder.path()).is_err());
    }

    #[test]
    fn a_folder_is_made_closed_and_one_that_is_there_stays() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        make_folder(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        fs::write(path.join("file"), "x").unwrap();
        make_folder(&path).unwrap();
        assert_eq!(names(&path), ["file"]);
        assert!(make_folder(&path.join("file")).is_err());
    }
}
