//! What the operator trusts of the state's PKI, read from a folder and read again when it changes.
//!
//! The folder holds `anchors/`, `intermediates/` and `lists/`; each file in them is DER, or PEM with one or
//! more blocks. What belongs there, [`pregao_protocol::trust::citizen`] says, and what of it counts,
//! [`pregao_protocol::trust::citizen::folder`]. The TSA fetches nothing:
//! the operator has a timer of the system (cron) fetch revocation lists into `lists/`, under a name that
//! begins with a dot first, and move them into place when complete. Names that begin with a dot are
//! passed over.
//!
//! A file of `intermediates/` or `lists/` that cannot be used stops nothing: it is passed over, the log names it and the
//! metrics count it. Only `anchors/` stop the start. A file that was good and is replaced by a broken one keeps its old
//! content until it is mended. The same is done with a list of lower number than one that was in use, for lists come over a
//! way that is not safe; which numbers were in use is not remembered over a restart. Without any file in
//! `anchors/` nothing is trusted, and everybody is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use pregao_protocol::trust::citizen::folder::{
    Content, Entry, FileLoader, FolderError, LoadedFile, Unread, origin, select, state, unused,
};
use pregao_protocol::trust::citizen::{PkiInput, StatePki, TestCards, Warning};
use pregao_protocol::value::clock::Time;

/// How often the folder is looked at, at most.
const PAUSE: Duration = Duration::from_secs(2);
/// When files that could not be read are tried again although they did not change.
const RETRY: Duration = Duration::from_secs(30);

/// What the operator can do about it.
#[must_use]
pub const fn advice(error: &FolderError) -> &'static str {
    match error {
        FolderError::Unreadable { .. } => {
            "make --citizens name a folder with anchors/, intermediates/ and lists/ that this \
             user may read"
        }
        FolderError::NoAnchor { .. } => {
            "put the certificate of the state's root there; `pregao-tsa serve --help` says where \
             it comes from"
        }
        error => error.advice(),
    }
}

/// A file as the file system describes it without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileStatus {
    length: u64,
    modified: Option<SystemTime>,
}

/// What is wrong with files and folders, by path.
type Faults = BTreeMap<PathBuf, String>;

/// What the three folders showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Listing {
    files: BTreeMap<PathBuf, FileStatus>,
    /// What is there and cannot be read as a file, folders that cannot be listed among it.
    misfits: Faults,
}

/// What looking at the folder has found so far.
struct FolderState {
    /// When the folder was looked at last.
    looked: Duration,
    /// When files that could not be read are tried again.
    again: Option<Duration>,
    seen: Listing,
    /// What is in use, for when one of the files breaks.
    good: Vec<Content>,
    /// What was in use last, for the numbers of its lists.
    last: Arc<StatePki>,
    /// Why the folder could not be listed.
    unlisted: Option<String>,
    /// What is wrong with files.
    faults: Faults,
    /// All that the operator was told of, and that still holds.
    told: BTreeSet<String>,
}

/// The state's PKI as the folder has it.
pub struct StateFolder {
    path: PathBuf,
    tests: TestCards,
    /// What is trusted now; nothing if there is no anchor.
    current: Mutex<Option<Arc<StatePki>>>,
    /// Held while the folder is read, so that nobody who asks what is trusted waits for it.
    known: Mutex<FolderState>,
    not_in_force: AtomicU64,
    passed_over: AtomicU64,
}

impl StateFolder {
    /// Reads the folder for the first time.
    ///
    /// # Errors
    /// [`FolderError`] if `anchors/` cannot be listed, or for the first anchor that cannot be used.
    /// Everything else that cannot is only warned of: whoever a list speaks of is refused without it.
    pub fn open(path: &Path, tests: TestCards, now: Time) -> Result<Self, FolderError> {
        let seen = look(path)?;
        let (mut good, mut faults, mut again) = (Vec::new(), Faults::new(), None);
        for taken in read(path, &seen) {
            let LoadedFile { place, path, content, fault } = taken;
            good.extend(content);
            match fault {
                Some(error) if place == PkiInput::Anchor && !error.is_harmless() => {
                    return Err(error);
                }
                Some(error) => {
                    again = again.or(may_pass(&error).then_some(RETRY));
                    faults.insert(path, told(&error));
                }
                None => {}
            }
        }
        let last = Arc::new(state(path, &good, tests)?);
        let current = Mutex::new(Some(Arc::clone(&last)));
        let known = FolderState {
            looked: Duration::ZERO,
            again,
            seen,
            good,
            last,
            unlisted: None,
            faults,
            told: BTreeSet::new(),
        };
        let known = Mutex::new(known);
        let not_in_force = AtomicU64::new(0);
        let passed_over = AtomicU64::new(0);
        let path = path.to_path_buf();
        let folder = Self { path, tests, current, known, not_in_force, passed_over };
        folder.tell(&mut locked(&folder.known), now);
        Ok(folder)
    }

    /// Whether test cards are accepted.
    #[must_use]
    pub const fn tests(&self) -> TestCards {
        self.tests
    }

    /// What is trusted now; nothing, and so nobody, if `anchors/` was emptied.
    #[must_use]
    pub fn state(&self) -> Option<Arc<StatePki>> {
        locked(&self.current).clone()
    }

    /// How many lists were out of date when the folder was read last.
    #[must_use]
    pub fn not_in_force(&self) -> u64 {
        self.not_in_force.load(Ordering::Relaxed)
    }

    /// How many files and folders were passed over, or kept as they were before they broke, when the
    /// folder was looked at last.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        self.passed_over.load(Ordering::Relaxed)
    }

    /// Looks whether the folder has changed, every two seconds at most, and takes the change up. What
    /// is wrong, or has come to be out of force meanwhile, is logged when it begins. Blocks.
    /// `monotonic` is a clock that only grows.
    pub fn look(&self, monotonic: Duration, now: Time) {
        let mut known = locked(&self.known);
        if monotonic.saturating_sub(known.looked) < PAUSE {
            return;
        }
        known.looked = monotonic;
        self.refresh(&mut known, now);
        self.tell(&mut known, now);
    }

    fn refresh(&self, known: &mut FolderState, now: Time) {
        let seen = match look(&self.path) {
            Ok(seen) => seen,
            Err(error) => {
                known.unlisted = Some(told(&error));
                return;
            }
        };
        known.unlisted = None;
        let due = known.again.is_some_and(|again| again <= known.looked);
        if seen == known.seen && !due {
            return;
        }
        known.faults.clear();
        known.again = None;
        let mut fresh = Vec::new();
        for taken in read(&self.path, &seen) {
            let LoadedFile { path, content, fault, .. } = taken;
            let old = || before(&known.good, &path).cloned();
            // What a file held whole is used in place of what it holds in part, or cannot be read.
            fresh.extend(match (content, &fault) {
                (Some(content), _) if content.is_whole() => Some(content),
                // It is taken from the file that held it first.
                (None, Some(FolderError::Twice { .. })) => None,
                (content, _) => old().or(content),
            });
            if let Some(fault) = fault {
                let again = may_pass(&fault).then(|| known.looked.saturating_add(RETRY));
                known.again = known.again.or(again);
                known.faults.insert(path, told(&fault));
            }
        }
        for place in PkiInput::ALL {
            let folder = self.path.join(place.folder());
            let listed = seen.files.keys().any(|path| path.parent() == Some(folder.as_path()));
            if seen.misfits.contains_key(&folder) && !listed {
                // Not to be listed is not to be empty.
                fresh.extend(known.good.iter().filter(|content| content.place() == place).cloned());
            }
        }
        known.seen = seen;
        if !fresh.iter().any(|content| content.place() == PkiInput::Anchor) {
            let path = self.path.join("anchors");
            let error = FolderError::NoAnchor { path: path.clone() };
            known.faults.insert(path, told(&error) + ": everybody is refused");
            known.good = fresh;
            *locked(&self.current) = None;
            return;
        }
        let Some((pki, good)) = self.mended(fresh, known, now) else { return };
        tracing::info!(files = good.len(), "took up the state's certificates and lists anew");
        known.last = Arc::new(pki);
        known.good = good;
        *locked(&self.current) = Some(Arc::clone(&known.last));
    }

    /// The PKI of `fresh`, with what is broken in it put back to what it was.
    fn mended(
        &self,
        mut fresh: Vec<Content>,
        known: &mut FolderState,
        now: Time,
    ) -> Option<(StatePki, Vec<Content>)> {
        let good = &known.good;
        let restore = |fresh: &mut Vec<Content>, path: &Path| {
            let old = before(good, path).cloned();
            let changed =
                |content: &Content| old.as_ref().is_none_or(|old| !old.holds_what(content));
            let Some(at) = fresh.iter().position(|one| one.path() == path && changed(one)) else {
                return false;
            };
            fresh.remove(at);
            if let Some(old) = old {
                fresh.insert(at, old);
            }
            true
        };
        // Each round restores one file, which then is not changed any more.
        loop {
            let pki = match state(&self.path, &fresh, self.tests) {
                Ok(pki) => pki.succeed(&known.last, now),
                Err(error) => {
                    known.faults.insert(error.path().to_path_buf(), told(&error));
                    if restore(&mut fresh, error.path()) {
                        continue;
                    }
                    return None;
                }
            };
            let broken = unused(&pki, &fresh);
            let mut restored = false;
            for (path, fault) in &broken {
                if before(good, path).is_some() && restore(&mut fresh, path) {
                    let kept = "kept what it held before";
                    let text = format!("{}: {kept}: {fault}", path.display());
                    known.faults.insert(path.clone(), text);
                    restored = true;
                }
            }
            if !restored {
                return Some((pki, fresh));
            }
        }
    }

    /// Logs what the operator should look at and was not told of yet.
    fn tell(&self, known: &mut FolderState, now: Time) {
        let warnings = known.last.warnings(now);
        let old = warnings.iter().filter(|one| matches!(one, Warning::ListTime { .. })).count();
        self.not_in_force.store(u64::try_from(old).unwrap_or(u64::MAX), Ordering::Relaxed);
        let file = |warning: &Warning| {
            let (place, position) = warning.of();
            origin(&known.good, place, position).unwrap_or(&self.path)
        };
        let unused = warnings.iter().filter(|warning| warning.is_unused()).map(file);
        let misfits = &known.seen.misfits;
        let passed_over: BTreeSet<&Path> =
            known.faults.keys().chain(misfits.keys()).map(PathBuf::as_path).chain(unused).collect();
        let count = u64::try_from(passed_over.len()).unwrap_or(u64::MAX);
        self.passed_over.store(count, Ordering::Relaxed);
        let named =
            warnings.iter().map(|warning| format!("{}: {warning}", file(warning).display()));
        let faults = known.faults.values().chain(misfits.values()).cloned();
        let holds: BTreeSet<String> = named.chain(faults).chain(known.unlisted.clone()).collect();
        for what in holds.difference(&known.told) {
            tracing::warn!(what, "look at the state's certificates and lists");
        }
        known.told = holds;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a fault may be gone although no file changed in length or time.
const fn may_pass(fault: &FolderError) -> bool {
    !matches!(fault, FolderError::Twice { .. })
}

/// An error with its cause.
fn told(error: &FolderError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// What a file held when it was good.
fn before<'a>(good: &'a [Content], path: &Path) -> Option<&'a Content> {
    good.iter().find(|content| content.path() == path)
}

/// Lists the files of the three folders. Each may be absent, if the folder itself is there.
///
/// # Errors
/// [`FolderError`] if `anchors/` cannot be listed; what else cannot is among the misfits.
fn look(path: &Path) -> Result<Listing, FolderError> {
    let mut seen = Listing::default();
    for place in PkiInput::ALL {
        let folder = path.join(place.folder());
        match list(&folder, place, &mut seen) {
            Err(error) if place == PkiInput::Anchor => return Err(error),
            Err(error) => drop(seen.misfits.insert(folder, told(&error))),
            Ok(()) => {}
        }
    }
    Ok(seen)
}

/// Lists one folder.
fn list(folder: &Path, place: PkiInput, seen: &mut Listing) -> Result<(), FolderError> {
    let failed = |source| FolderError::Unreadable { path: folder.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    let mut unlisted = Ok(());
    let paths = entries.map_while(|entry| {
        entry.map(|entry| entry.path()).map_err(|error| unlisted = Err(failed(error))).ok()
    });
    let listed = paths.filter_map(|path| match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            let sight = FileStatus { length: metadata.len(), modified: metadata.modified().ok() };
            Some((path, Entry::File(sight)))
        }
        // Removed since it was listed, and no link that leads nowhere.
        Err(_) if fs::symlink_metadata(&path).is_err() => None,
        Ok(_) | Err(_) => Some((path, Entry::Other)),
    });
    let mut chosen = select(folder, listed);
    unlisted?;
    seen.files.append(&mut chosen.files);
    for fault in chosen.faults {
        if place == PkiInput::Anchor && !fault.is_harmless() {
            return Err(fault);
        }
        seen.misfits.insert(fault.path().to_path_buf(), told(&fault));
    }
    Ok(())
}

/// Reads the files of `seen`.
fn read(root: &Path, seen: &Listing) -> Vec<LoadedFile> {
    let mut intake = FileLoader::default();
    let mut taken = Vec::new();
    for place in PkiInput::ALL {
        let folder = root.join(place.folder());
        for path in seen.files.keys().filter(|path| path.parent() == Some(folder.as_path())) {
            let bytes = read_file(path, place.longest_file());
            taken.push(intake.load(place, path.clone(), bytes));
        }
    }
    taken
}

/// The bytes of a file, of at most `most`.
fn read_file(path: &Path, most: usize) -> Result<Vec<u8>, Unread> {
    // Since it was listed, a pipe may have come in its place, whose opening would wait for a writer.
    let file = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(Unread::Failed)?;
    let metadata = file.metadata().map_err(Unread::Failed)?;
    if !metadata.is_file() {
        return Err(Unread::NoFile);
    }
    let most = most as u64;
    let mut bytes = Vec::new();
    if metadata.len() <= most {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Unread::Failed)?;
    }
    let fits = metadata.len() <= most && bytes.len() as u64 <= most;
    if fits { Ok(bytes) } else { Err(Unread::TooLong) }
}

#[cfg(test)]
mod tests;
