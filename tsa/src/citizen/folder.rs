//! What the operator trusts of the state's PKI, read from a folder and read again when it changes.
//!
//! The folder holds `anchors/`, `intermediates/` and `lists/`; each file in them is DER, or PEM with one or
//! more blocks. What belongs there, [`pregao_protocol::citizen`] says. The TSA fetches nothing:
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

use pregao_protocol::citizen::{
    CitizenError, PkiError, Place, StatePki, TestCards, Warning, blocks,
};
use pregao_protocol::clock::Time;

/// How often the folder is looked at, at most.
const PAUSE: Duration = Duration::from_secs(2);
/// When files that could not be read are tried again although they did not change.
const RETRY: Duration = Duration::from_secs(30);
/// Most files in one of the three folders.
const MAX_FILES: usize = 4_096;
/// Longest file: a revocation list in PEM.
const MAX_FILE: u64 = 24 * 1024 * 1024;
/// All files together, in bytes.
const MAX_TOTAL: usize = 256 * 1024 * 1024;

/// The three folders, what is in them, and the label of their PEM.
const PLACES: [(Place, &str, &str); 3] = [
    (Place::Anchor, "anchors", "CERTIFICATE"),
    (Place::Intermediate, "intermediates", "CERTIFICATE"),
    (Place::List, "lists", "X509 CRL"),
];

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The file system refused.
    #[error("cannot read {path}")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is longer than any of its kind, or all together are.
    #[error("{path} is longer than accepted, or there is too much with it")]
    TooLong {
        /// Which file or folder.
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
    /// What the operator can do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::File { .. } => {
                "make --citizens name a folder with anchors/, intermediates/ and lists/ that this \
                 user may read"
            }
            Self::TooLong { .. } | Self::NoFile { .. } => {
                "keep only certificates and revocation lists there"
            }
            Self::Content {
                source: PkiError::Anchor { cause: CitizenError::TestCard, .. },
                ..
            } => {
                "it is of the state's test PKI, whose cards anybody can have: remove it, or start \
                 with --accept-test-cards on a test installation"
            }
            Self::Content { source: PkiError::Anchor { .. }, .. } => {
                "replace it by the certificate of an authority in PEM or DER, or remove it"
            }
            Self::Content { .. } | Self::Blocks { .. } => {
                "replace it by a certificate (in lists/ a revocation list) in PEM or DER, or \
                 remove it"
            }
            Self::NoAnchor { .. } => {
                "put the certificate of the state's root there; `pregao-tsa serve --help` says \
                 where it comes from"
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::File { path, .. }
            | Self::TooLong { path }
            | Self::NoFile { path }
            | Self::Blocks { path, .. }
            | Self::Content { path, .. }
            | Self::NoAnchor { path } => path,
        }
    }
}

/// A file as the file system describes it without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    length: u64,
    modified: Option<SystemTime>,
}

/// What is wrong with files and folders, by path.
type Faults = BTreeMap<PathBuf, String>;

/// What the three folders showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    files: BTreeMap<PathBuf, Sight>,
    /// What is there and cannot be read as a file, folders that cannot be listed among it.
    misfits: Faults,
}

/// The DER of a file.
#[derive(Clone)]
struct Content {
    place: Place,
    path: PathBuf,
    ders: Vec<Vec<u8>>,
    /// How many blocks of the file are not among them.
    faulty: usize,
}

impl Content {
    fn fault(&self) -> Option<FolderError> {
        let (path, count) = (self.path.clone(), self.faulty);
        (count > 0).then_some(FolderError::Blocks { path, count })
    }
}

/// What looking at the folder has found so far.
struct Known {
    /// When the folder was looked at last.
    looked: Duration,
    /// When files that could not be read are tried again.
    again: Option<Duration>,
    seen: Seen,
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
    known: Mutex<Known>,
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
        let (mut good, mut faults) = (Vec::new(), Faults::new());
        for (place, path, content) in read(path, &seen) {
            let fault = match content {
                Ok(content) => {
                    let fault = content.fault();
                    good.push(content);
                    fault
                }
                Err(error) => Some(error),
            };
            match fault {
                Some(error) if place == Place::Anchor => return Err(error),
                Some(error) => drop(faults.insert(path, told(&error))),
                None => {}
            }
        }
        let last = Arc::new(build(path, &good, tests)?);
        let current = Mutex::new(Some(Arc::clone(&last)));
        let known = Known {
            looked: Duration::ZERO,
            again: (!faults.is_empty()).then_some(RETRY),
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

    /// How many lists were not in force when the folder was looked at last.
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

    fn refresh(&self, known: &mut Known, now: Time) {
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
        for (_, path, content) in read(&self.path, &seen) {
            let old = before(&known.good, &path);
            let (content, fault) = match content {
                Ok(content) => match content.fault() {
                    // What it held whole stands for what it holds in part.
                    Some(fault) => (Some(old.cloned().unwrap_or(content)), Some(fault)),
                    None => (Some(content), None),
                },
                Err(error) => (old.cloned(), Some(error)),
            };
            fresh.extend(content);
            if let Some(fault) = fault {
                known.faults.insert(path, told(&fault));
                known.again = Some(known.looked.saturating_add(RETRY));
            }
        }
        for (place, name, _) in PLACES {
            let folder = self.path.join(name);
            let listed = seen.files.keys().any(|path| path.parent() == Some(folder.as_path()));
            if seen.misfits.contains_key(&folder) && !listed {
                // Not to be listed is not to be empty.
                fresh.extend(known.good.iter().filter(|content| content.place == place).cloned());
            }
        }
        known.seen = seen;
        if !fresh.iter().any(|content| content.place == Place::Anchor) {
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
        known: &mut Known,
        now: Time,
    ) -> Option<(StatePki, Vec<Content>)> {
        let good = &known.good;
        let restore = |fresh: &mut Vec<Content>, path: &Path| {
            let old = before(good, path).cloned();
            let changed =
                |content: &Content| old.as_ref().is_none_or(|old| old.ders != content.ders);
            let Some(at) = fresh.iter().position(|one| one.path == path && changed(one)) else {
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
            let pki = match build(&self.path, &fresh, self.tests) {
                Ok(pki) => pki.succeed(&known.last, now),
                Err(error) => {
                    known.faults.insert(error.path().to_path_buf(), told(&error));
                    if restore(&mut fresh, error.path()) {
                        continue;
                    }
                    return None;
                }
            };
            let broken = broken(&pki, &fresh);
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
    fn tell(&self, known: &mut Known, now: Time) {
        let warnings = known.last.warnings(now);
        let old = warnings.iter().filter(|one| matches!(one, Warning::ListTime { .. })).count();
        self.not_in_force.store(u64::try_from(old).unwrap_or(u64::MAX), Ordering::Relaxed);
        let file = |warning: &Warning| {
            let (place, position) = warning.of();
            at(&known.good, place, position).unwrap_or(&self.path)
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

/// An error with its cause.
fn told(error: &FolderError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// What a file held when it was good.
fn before<'a>(good: &'a [Content], path: &Path) -> Option<&'a Content> {
    good.iter().find(|content| content.path == path)
}

/// Lists the files of the three folders. Each may be absent, if the folder itself is there.
///
/// # Errors
/// [`FolderError`] if `anchors/` cannot be listed; what else cannot is among the misfits.
fn look(path: &Path) -> Result<Seen, FolderError> {
    let mut seen = Seen::default();
    for (place, name, _) in PLACES {
        let folder = path.join(name);
        match list(&folder, &mut seen) {
            Err(error) if place == Place::Anchor => return Err(error),
            Err(error) => drop(seen.misfits.insert(folder, told(&error))),
            Ok(()) => {}
        }
    }
    Ok(seen)
}

/// Lists one folder; of too many files, the first by name.
fn list(folder: &Path, seen: &mut Seen) -> Result<(), FolderError> {
    let failed = |source| FolderError::File { path: folder.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    let mut files = BTreeMap::new();
    let mut result = Ok(());
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let sight = Sight { length: metadata.len(), modified: metadata.modified().ok() };
                files.insert(path, sight);
            }
            // Removed since it was listed, and no link that leads nowhere.
            Err(_) if fs::symlink_metadata(&path).is_err() => {}
            Ok(_) | Err(_) if seen.misfits.len() < MAX_FILES => {
                let error = FolderError::NoFile { path: path.clone() };
                seen.misfits.insert(path, told(&error));
            }
            Ok(_) | Err(_) => {}
        }
        if files.len() > MAX_FILES {
            files.pop_last();
            result = Err(FolderError::TooLong { path: folder.to_path_buf() });
        }
    }
    seen.files.append(&mut files);
    result
}

/// Reads the files of `seen`, the whole within [`MAX_TOTAL`].
fn read(root: &Path, seen: &Seen) -> Vec<(Place, PathBuf, Result<Content, FolderError>)> {
    let mut left = MAX_TOTAL;
    let mut contents = Vec::new();
    for (place, name, label) in PLACES {
        let folder = root.join(name);
        let here = seen.files.keys().filter(|path| path.parent() == Some(folder.as_path()));
        for path in here {
            let content = read_file(path, &mut left).and_then(|bytes| {
                let blocks = blocks(&bytes, label)
                    .map_err(|source| FolderError::Content { path: path.clone(), source })?;
                let (ders, faulty) = (blocks.ders, blocks.faulty);
                Ok(Content { place, path: path.clone(), ders, faulty })
            });
            contents.push((place, path.clone(), content));
        }
    }
    contents
}

fn read_file(path: &Path, left: &mut usize) -> Result<Vec<u8>, FolderError> {
    let failed = |source| FolderError::File { path: path.to_path_buf(), source };
    let too_long = || FolderError::TooLong { path: path.to_path_buf() };
    // Since it was listed, a pipe may have come in its place, whose opening would wait for a writer.
    let file = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(FolderError::NoFile { path: path.to_path_buf() });
    }
    if metadata.len() > MAX_FILE {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    let grown = bytes.len() as u64 > MAX_FILE;
    *left = left.checked_sub(bytes.len()).filter(|_| !grown).ok_or_else(too_long)?;
    Ok(bytes)
}

fn build(root: &Path, contents: &[Content], tests: TestCards) -> Result<StatePki, FolderError> {
    let [anchors, intermediates, lists] =
        [Place::Anchor, Place::Intermediate, Place::List].map(|place| ders(contents, place));
    StatePki::new(anchors, intermediates, lists, tests).map_err(|source| match source {
        PkiError::Anchor { position, .. } => {
            let path = at(contents, Place::Anchor, position).unwrap_or(root).to_path_buf();
            FolderError::Content { path, source }
        }
        PkiError::NoAnchor => FolderError::NoAnchor { path: root.join("anchors") },
        source => FolderError::Content { path: root.to_path_buf(), source },
    })
}

fn ders(contents: &[Content], place: Place) -> Vec<Vec<u8>> {
    let of = contents.iter().filter(|content| content.place == place);
    of.flat_map(|content| content.ders.iter().cloned()).collect()
}

/// The file that a position among all of a place is from.
fn at(contents: &[Content], place: Place, position: usize) -> Option<&Path> {
    let of = contents.iter().filter(|content| content.place == place);
    let mut paths = of.flat_map(|content| content.ders.iter().map(|_| content.path.as_path()));
    paths.nth(position)
}

/// The files of which something is as good as absent, and why.
fn broken(pki: &StatePki, contents: &[Content]) -> Vec<(PathBuf, String)> {
    let warnings = pki.warnings(Time::default());
    let broken = warnings.iter().filter(|warning| warning.is_unused()).filter_map(|warning| {
        let (place, position) = warning.of();
        Some((at(contents, place, position)?.to_path_buf(), warning.to_string()))
    });
    broken.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use pregao_protocol::citizen::{CitizenError, Revocation};
    use pregao_test_pki::{
        CardMaterial, CitizenData, ListPlan, Oddity, Pki, Plan, Profile, Reason,
    };
    use tempfile::TempDir;

    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn pki() -> &'static Pki {
        static PKI: OnceLock<Pki> = OnceLock::new();
        PKI.get_or_init(|| Pki::new(Plan::quick(NOW)))
    }

    fn now() -> Time {
        Time::default().plus(Duration::from_secs(NOW))
    }

    fn card() -> CardMaterial {
        pki().citizen(Profile::V5, &CitizenData::numbered(1))
    }

    fn written() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        pki().write_folder(folder.path()).unwrap();
        folder
    }

    fn open(folder: &Path) -> StateFolder {
        StateFolder::open(folder, TestCards::Accepted, now()).unwrap()
    }

    fn judged(folder: &StateFolder, seconds: u64, card: &CardMaterial) -> Result<(), &'static str> {
        folder.look(Duration::from_secs(seconds), now());
        let Some(state) = folder.state() else { return Err("nothing is trusted") };
        let leaf = &card.authentication.certificate;
        let judged = state.verify(leaf, &[], now(), Revocation::Required);
        judged.map(|_| ()).map_err(|error| error.code())
    }

    /// The list of citizens of the newest generation, with this card revoked.
    fn revoking(card: &CardMaterial) -> ListPlan {
        let point = pki().citizen_point(Profile::V5, 0);
        let plan = ListPlan { number: Some(101), ..ListPlan::around(NOW).at(&point) };
        plan.with(&card.authentication.serial, Reason::KeyCompromise)
    }

    fn list(plan: &ListPlan) -> Vec<u8> {
        pki().branch(Profile::V5).authentication.list(plan)
    }

    #[test]
    fn a_new_list_counts_once_the_folder_is_looked_at_again() {
        let (folder, card) = (written(), card());
        let state = open(folder.path());
        assert_eq!(judged(&state, 0, &card), Ok(()));
        fs::write(folder.path().join("lists/4.crl"), list(&revoking(&card))).unwrap();
        assert_eq!(judged(&state, 1, &card), Ok(()));
        assert_eq!(judged(&state, 2, &card), Err("citizen.revoked"));
    }

    #[test]
    fn a_list_under_a_name_with_a_dot_is_passed_over() {
        let (folder, card) = (written(), card());
        let state = open(folder.path());
        fs::write(folder.path().join("lists/.new"), list(&revoking(&card))).unwrap();
        fs::create_dir(folder.path().join("lists/folder")).unwrap();
        assert_eq!(judged(&state, 9, &card), Ok(()));
        fs::rename(folder.path().join("lists/.new"), folder.path().join("lists/4.crl")).unwrap();
        assert_eq!(judged(&state, 18, &card), Err("citizen.revoked"));
    }

    #[test]
    fn a_broken_file_keeps_what_it_held_before_and_others_are_taken_up() {
        let (folder, card) = (written(), card());
        let state = open(folder.path());
        let broken = list(&revoking(&card).odd(Oddity::BrokenSignature));
        fs::write(folder.path().join("lists/4.crl"), broken).unwrap();
        assert_eq!(judged(&state, 9, &card), Ok(()));
        fs::write(folder.path().join("anchors/ecraizestado-002.pem"), "garbage").unwrap();
        fs::write(folder.path().join("intermediates/0.der"), &card.authentication.certificate)
            .unwrap();
        assert_eq!(judged(&state, 18, &card), Ok(()));
        fs::write(folder.path().join("lists/new.crl"), list(&revoking(&card))).unwrap();
        assert_eq!(judged(&state, 27, &card), Err("citizen.revoked"));
    }

    #[test]
    fn what_is_removed_is_trusted_no_more_and_without_anchors_nothing_is() {
        let (folder, card) = (written(), card());
        let state = open(folder.path());
        fs::remove_file(folder.path().join("lists/4.crl")).unwrap();
        assert_eq!(judged(&state, 9, &card), Err("citizen.list-missing"));
        fs::remove_dir_all(folder.path().join("lists")).unwrap();
        assert_eq!(judged(&state, 18, &card), Err("citizen.list-missing"));
        pki().write_folder(folder.path()).unwrap();
        fs::remove_dir_all(folder.path().join("anchors")).unwrap();
        assert_eq!(judged(&state, 27, &card), Err("nothing is trusted"));
        fs::create_dir(folder.path().join("anchors")).unwrap();
        assert_eq!(judged(&state, 36, &card), Err("nothing is trusted"));
        assert!(told_of(&state, "everybody is refused"));
        pki().write_folder(folder.path()).unwrap();
        assert_eq!(judged(&state, 45, &card), Ok(()));
        assert!(locked(&state.known).told.is_empty());
    }

    /// Whether the operator was told this of what still holds.
    fn told_of(folder: &StateFolder, text: &str) -> bool {
        locked(&folder.known).told.iter().any(|told| told.contains(text))
    }

    #[test]
    fn a_list_that_runs_out_while_running_is_told_by_its_name_and_counted() {
        let folder = written();
        let point = pki().citizen_point(Profile::V5, 0);
        let short = ListPlan { next_update: Some(NOW + 10), ..ListPlan::around(NOW).at(&point) };
        fs::write(folder.path().join("lists/4.crl"), list(&short)).unwrap();
        let state = open(folder.path());
        let at = |looked, seconds| {
            let now = now().plus(Duration::from_micros(seconds));
            state.look(Duration::from_secs(looked), now);
            (told_of(&state, "lists/4.crl: list "), state.not_in_force())
        };
        assert_eq!(at(2, 10_000_000), (false, 0));
        assert_eq!(at(4, 10_000_001), (true, 1));
        // An authority, too.
        let years = 100 * 365 * 86_400 * 1_000_000;
        assert!(at(6, years).0 && told_of(&state, "anchors/"));
        assert!(told_of(&state, "intermediates/"));
        fs::write(folder.path().join("lists/4.crl"), list(&ListPlan::around(NOW).at(&point)))
            .unwrap();
        assert_eq!(at(8, 10_000_001), (false, 0));
    }

    #[test]
    fn an_older_list_leaves_the_newer_one_of_its_file_in_use() {
        let (folder, card) = (written(), card());
        let path = folder.path().join("lists/4.crl");
        fs::write(&path, list(&revoking(&card))).unwrap();
        let state = open(folder.path());
        assert_eq!(judged(&state, 0, &card), Err("citizen.revoked"));
        let point = pki().citizen_point(Profile::V5, 0);
        let older = list(&ListPlan::around(NOW).at(&point));
        fs::write(&path, &older).unwrap();
        assert_eq!(judged(&state, 9, &card), Err("citizen.revoked"));
        assert!(told_of(&state, "4.crl: kept what it held before: list"));
        fs::remove_file(&path).unwrap();
        fs::write(folder.path().join("lists/again.crl"), &older).unwrap();
        assert_eq!(judged(&state, 18, &card), Err("citizen.list-malformed"));
        let newer = ListPlan { number: Some(102), ..ListPlan::around(NOW).at(&point) };
        fs::write(&path, list(&newer)).unwrap();
        assert_eq!(judged(&state, 27, &card), Ok(()));
    }

    #[test]
    fn a_file_that_could_not_be_read_is_tried_again() {
        let folder = written();
        let state = open(folder.path());
        // Longer than accepted, and not changed by what makes it fit.
        let (long, other) = (folder.path().join("lists/a.crl"), folder.path().join("lists/0.crl"));
        File::create(&long).unwrap().set_len(MAX_FILE + 1).unwrap();
        state.look(Duration::from_secs(9), now());
        assert!(told_of(&state, "a.crl is longer"));
        assert_eq!(locked(&state.known).again, Some(Duration::from_secs(39)));
        let _ = other;
        let taken = |seconds| {
            let before = Arc::as_ptr(&state.state().unwrap());
            state.look(Duration::from_secs(seconds), now());
            before != Arc::as_ptr(&state.state().unwrap())
        };
        assert!(!taken(38));
        assert!(taken(39 + 1));
        fs::remove_file(&long).unwrap();
        assert!(taken(50));
        assert_eq!(locked(&state.known).again, None);
    }

    #[test]
    fn a_test_anchor_that_appears_later_is_refused_like_at_the_start() {
        let real = Pki::new(Plan::quick(NOW).unmarked());
        let folder = tempfile::tempdir().unwrap();
        real.write_folder(folder.path()).unwrap();
        let state = StateFolder::open(folder.path(), TestCards::Refused, now()).unwrap();
        let good = real.citizen(Profile::V5, &CitizenData::numbered(1));
        assert_eq!(judged(&state, 0, &good), Ok(()));
        fs::write(folder.path().join("anchors/test.pem"), pki().root().pem()).unwrap();
        assert_eq!(judged(&state, 9, &card()), Err("citizen.test-card"));
        assert_eq!(judged(&state, 9, &good), Ok(()));
        let error = StateFolder::open(folder.path(), TestCards::Refused, now()).err().unwrap();
        assert!(error.path().ends_with("anchors/test.pem"));
        let FolderError::Content { source: PkiError::Anchor { cause, .. }, .. } = &error else {
            unreachable!("{error}")
        };
        assert_eq!(*cause, CitizenError::TestCard);
        assert!(error.advice().contains("--accept-test-cards"));
    }

    #[test]
    fn anchors_beyond_their_bounds_stop_the_start_and_anything_else_is_passed_over() {
        let (folder, card) = (written(), card());
        let long = |path: &str| {
            File::create(folder.path().join(path)).unwrap().set_len(1 << 30).unwrap();
        };
        long("lists/long.crl");
        long("intermediates/long.pem");
        for number in 0..=MAX_FILES {
            File::create(folder.path().join(format!("lists/empty-{number}"))).unwrap();
        }
        let state = open(folder.path());
        assert_eq!(judged(&state, 0, &card), Ok(()));
        assert!(told_of(&state, "lists/long.crl is longer") || told_of(&state, "lists is longer"));
        assert!(told_of(&state, "intermediates/long.pem is longer"));
        long("anchors/long.pem");
        let error = StateFolder::open(folder.path(), TestCards::Accepted, now()).err().unwrap();
        assert!(matches!(&error, FolderError::TooLong { path } if path.ends_with("long.pem")));
    }

    #[test]
    fn what_is_no_list_is_passed_over_by_name_at_the_start_and_later() {
        use std::os::unix::ffi::OsStrExt as _;
        let (folder, card) = (written(), card());
        let lists = folder.path().join("lists");
        let make = || {
            fs::write(lists.join("page.crl"), "<html><title>404</title></html>\n").unwrap();
            fs::write(lists.join("empty.crl"), "").unwrap();
            fs::create_dir(lists.join("folder.crl")).unwrap();
            std::os::unix::fs::symlink("nowhere", lists.join("link.crl")).unwrap();
            fs::write(lists.join(std::ffi::OsStr::from_bytes(b"\xff.crl")), "x").unwrap();
            // Opening it for reading would wait for somebody who writes.
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, lists.join("pipe.crl"), mode).unwrap();
        };
        let names = ["page.crl", "empty.crl", "folder.crl", "link.crl", "\u{fffd}.crl", "pipe.crl"];
        let all_told =
            |state: &StateFolder| names.iter().all(|name| told_of(state, &format!("lists/{name}")));
        make();
        let state = open(folder.path());
        assert_eq!((judged(&state, 0, &card), state.passed_over()), (Ok(()), 6));
        assert!(all_told(&state));
        fs::remove_dir_all(&lists).unwrap();
        pki().write_folder(folder.path()).unwrap();
        assert_eq!((judged(&state, 9, &card), state.passed_over()), (Ok(()), 0));
        assert!(!all_told(&state));
        make();
        fs::write(lists.join("new.crl"), list(&revoking(&card))).unwrap();
        assert_eq!(judged(&state, 18, &card), Err("citizen.revoked"));
        assert!(all_told(&state) && state.passed_over() == 6);
    }

    #[test]
    fn a_pipe_that_came_in_place_of_a_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        let mut left = MAX_TOTAL;
        assert!(matches!(read_file(&path, &mut left), Err(FolderError::NoFile { .. })));
        let gone = read_file(&folder.path().join("gone"), &mut left);
        assert!(matches!(gone, Err(FolderError::File { .. })));
        assert_eq!(left, MAX_TOTAL);
    }

    #[test]
    fn good_certificates_beside_a_bad_one_in_a_bundle_are_used() {
        let (folder, card) = (written(), card());
        let branch = pki().branch(Profile::V5);
        let bad = "-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----\n";
        let bundle = |parts: &[&str]| {
            fs::write(folder.path().join("intermediates/all.pem"), parts.concat()).unwrap();
        };
        fs::remove_dir_all(folder.path().join("intermediates")).unwrap();
        fs::create_dir(folder.path().join("intermediates")).unwrap();
        let (above, issuing) = (branch.card.pem(), branch.authentication.pem());
        bundle(&[&above, bad, &issuing]);
        let state = open(folder.path());
        assert_eq!((judged(&state, 0, &card), state.passed_over()), (Ok(()), 1));
        assert!(told_of(&state, "intermediates/all.pem has 1 blocks"));
        bundle(&[&above, &issuing]);
        assert_eq!((judged(&state, 9, &card), state.passed_over()), (Ok(()), 0));
        // Whole before, it keeps what it held.
        bundle(&[&above, bad]);
        assert_eq!((judged(&state, 18, &card), state.passed_over()), (Ok(()), 1));
    }

    #[test]
    fn a_folder_that_cannot_be_listed_stops_only_if_it_holds_the_anchors() {
        let (folder, card) = (written(), card());
        fs::remove_dir_all(folder.path().join("lists")).unwrap();
        fs::write(folder.path().join("lists"), "a file").unwrap();
        let state = open(folder.path());
        assert_eq!(judged(&state, 0, &card), Err("citizen.list-missing"));
        assert!(told_of(&state, "cannot read") && told_of(&state, "lists"));
        fs::remove_file(folder.path().join("lists")).unwrap();
        pki().write_folder(folder.path()).unwrap();
        assert_eq!(judged(&state, 9, &card), Ok(()));
        fs::rename(folder.path().join("lists"), folder.path().join("away")).unwrap();
        fs::write(folder.path().join("lists"), "a file").unwrap();
        // What was in use stays so.
        assert_eq!((judged(&state, 18, &card), state.passed_over()), (Ok(()), 1));
        fs::remove_dir_all(folder.path().join("anchors")).unwrap();
        fs::write(folder.path().join("anchors"), "a file").unwrap();
        let error = StateFolder::open(folder.path(), TestCards::Accepted, now()).err().unwrap();
        assert!(error.path().ends_with("anchors"), "{error}");
    }
}
