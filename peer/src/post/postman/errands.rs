//! What the user waits for: who wants to be found, files of a letter.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pregao_protocol::letter::{Address, Attachment, BrokerAddress, Letter, open_file};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::Undecided;
use pregao_protocol::room::body::Blob;
use pregao_protocol::value::report::Advised as _;
use pregao_protocol::wire::blob::Purpose;

use super::boxes::own_box;
use super::plan::Plan;
use super::reading::attached;
use super::setback::Setback;
use super::{Errand, News, Round};
use crate::post::guest::{GuestError, GuestSession};
use crate::post::letters::FoundBox;
use crate::post::store::MailError;
use crate::post::store::letters::{Direction, LetterNumber};
use crate::post::store::own_boxes::BoxState;

/// Most pages of a list that are read for one question: 32 people each.
const PAGES: usize = 16;
/// Characters of the name of a box.
const NAME: usize = 64;
/// Most characters of the name of a file that is written, beside what tells it from another.
const FILE_NAME: usize = 120;

/// Who wants to be found, as the broker lists them, each opening verified.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// In the order of the list.
    pub people: Vec<Listed>,
    /// How many more the broker has, as far as it says.
    pub left_out: u64,
}

/// Somebody of the list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Their box.
    pub name: RoomName,
    /// What they want to be called.
    pub handle: String,
    /// The line that they say of themselves.
    pub about: Option<String>,
    /// Where they are written to.
    pub address: Address,
}

/// A file of a letter that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Which of the letter's files, from 0.
    pub index: usize,
    /// Where it is.
    pub path: PathBuf,
}

/// Why an errand was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotDone {
    /// A stable word for programs.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl NotDone {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { code, message: message.into(), advice: advice.into() }
    }
}

/// Why an errand was not done, before it is said.
#[derive(Debug)]
pub(super) enum Undone {
    /// Nobody lied.
    Not(NotDone),
    /// As what is due by itself is not done.
    Setback(Setback),
}

impl Undone {
    fn not(code: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Not(NotDone::new(code, message, advice))
    }
}

impl From<NotDone> for Undone {
    fn from(not: NotDone) -> Self {
        Self::Not(not)
    }
}

impl From<Setback> for Undone {
    fn from(setback: Setback) -> Self {
        Self::Setback(setback)
    }
}

impl From<MailError> for Undone {
    fn from(error: MailError) -> Self {
        Self::Not(error.into())
    }
}

impl From<GuestError> for Undone {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::False(_) | GuestError::TooMuch(_) => Self::Setback(error.into()),
            // Who waits for it is told more than that it will be tried again.
            error => Self::not("mail.broker", error.to_string(), error.advice()),
        }
    }
}

impl From<MailError> for NotDone {
    fn from(error: MailError) -> Self {
        Self::new(error.code(), error.to_string(), error.advice())
    }
}

impl From<Setback> for NotDone {
    fn from(setback: Setback) -> Self {
        match setback {
            Setback::Later => {
                Self::new("mail.offline", "the broker cannot be reached", "try again later")
            }
            Setback::Trouble { message, advice } => Self::new("mail.trouble", message, advice),
            Setback::Alarm { message, advice, .. } => Self::new("mail.false", message, advice),
        }
    }
}

/// Files of a letter with what names their bytes.
struct Wanted {
    letter: Letter,
    own_box: crate::post::store::own_boxes::BoxId,
    seq: u64,
}

impl Round {
    /// Does what the user waits for. Whether they still do is theirs to know.
    pub(super) async fn errand(&self, errand: Errand, plan: &mut Plan) {
        match errand {
            Errand::Look { now } => plan.look(now),
            Errand::Fetch { reply } => {
                let fetched = self.fetch_all(plan).await;
                let _ = reply.send(self.answer(fetched).await);
            }
            Errand::People { reply } => {
                let listed = self.people().await;
                let _ = reply.send(self.answer(listed).await);
            }
            Errand::Find { beginning, reply } => {
                let found = self.find(&beginning).await;
                let _ = reply.send(self.answer(found).await);
            }
            Errand::Trace { letter, reply } => {
                let traced = self.trace(letter).await;
                let _ = reply.send(self.answer(traced).await);
            }
            Errand::Inquire { letter, reply } => {
                let asked = self.inquire_now(letter).await;
                let _ = reply.send(self.answer(asked.map_err(Undone::from)).await);
            }
            Errand::Save { letter, folder, reply } => {
                let saved = self.save(letter, &folder).await;
                let saved = self.answer(saved).await;
                // What was saved is taken off: there, and no other box is looked into with it.
                let letter = self.office.store().view().letter(letter);
                if let Ok(record) = letter {
                    plan.looks.remove(&record.own_box);
                }
                let _ = reply.send(saved);
            }
        }
    }

    /// What is answered. A lie is said as one, too: whoever asked may not be the one who reads what was found out.
    async fn answer<T>(&self, done: Result<T, Undone>) -> Result<T, NotDone> {
        match done {
            Ok(done) => Ok(done),
            Err(Undone::Not(not)) => Err(not),
            Err(Undone::Setback(setback)) => {
                if let Setback::Alarm { room, message, advice, notes } = &setback {
                    let (message, advice) = (message.clone(), advice.clone());
                    self.say(News::Alarm { room: *room, message, advice, notes: notes.clone() })
                        .await;
                }
                Err(setback.into())
            }
        }
    }

    /// Reads all boxes that are open, and opens what came. Who asks for this waits, so the box of an author is asked for at
    /// once: whoever keeps the program open has the broker see the two further apart.
    async fn fetch_all(&self, plan: &mut Plan) -> Result<(), Undone> {
        let boxes = self.office.store().view().boxes()?;
        let open = boxes.into_iter().flatten().filter(|kept| kept.record.state == BoxState::Opened);
        for id in open.map(|kept| kept.id).collect::<Vec<_>>() {
            self.read_box(id, plan).await?;
        }
        for letter in plan.unopened.keys().copied().collect::<Vec<_>>() {
            self.ask_author(letter, plan).await?;
        }
        Ok(())
    }

    async fn people(&self) -> Result<Listing, Undone> {
        let mut session = self.session().await?;
        let mut listing = Listing::default();
        let mut from = 0;
        for _ in 0..PAGES {
            let page = session.people(from).await?;
            listing.people.extend(page.boxes.iter().filter_map(|found| self.listed(found)));
            let Some(next) = page.next else { return Ok(listing) };
            from = next;
        }
        // How many there are the broker does not say.
        listing.left_out = 1;
        Ok(listing)
    }

    fn listed(&self, found: &FoundBox) -> Option<Listed> {
        let opening = found.opening();
        Some(Listed {
            name: found.name(),
            handle: opening.handle.as_ref()?.as_str().to_owned(),
            about: opening.about.as_ref().map(|about| about.as_str().to_owned()),
            address: found.address(self.here()?),
        })
    }

    /// The broker as letters name it.
    fn here(&self) -> Option<BrokerAddress> {
        self.office.broker_in_letters()
    }

    async fn find(&self, beginning: &str) -> Result<Address, Undone> {
        let beginning = beginning.trim().to_ascii_lowercase();
        let is_name = !beginning.is_empty()
            && beginning.len() <= NAME
            && beginning.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_name {
            return Err(Undone::not(
                "mail.unclear",
                "the name of a box is hexadecimal digits",
                "type how it begins; /people shows it",
            ));
        }
        let here = self.here().ok_or_else(|| {
            let message = "the broker's address is longer than letters may say";
            Undone::not("mail.broker", message, "reach it by a shorter one")
        })?;
        let unknown = || {
            Undone::not(
                "mail.unknown-box",
                format!("there is no box `{beginning}` at this broker"),
                "compare it with /people, or ask for the address again",
            )
        };
        let mut session = self.session().await?;
        if beginning.len() == NAME {
            let name = beginning.parse().map_err(|_| unknown())?;
            return match session.opening(name).await {
                Ok(found) if found.is_closed() => Err(Undone::not(
                    "mail.box-closed",
                    "the box is closed",
                    "ask for the address of another one",
                )),
                Ok(found) => Ok(found.address(here)),
                Err(GuestError::Undecided(Undecided::ROOM_UNKNOWN)) => Err(unknown()),
                Err(error) => Err(error.into()),
            };
        }
        let mut matching: Option<FoundBox> = None;
        let mut from = 0;
        for _ in 0..PAGES {
            let page = session.people(from).await?;
            for found in page.boxes {
                if !found.name().to_string().starts_with(&beginning) {
                    continue;
                }
                if matching.as_ref().is_some_and(|other| other.name() != found.name()) {
                    return Err(Undone::not(
                        "mail.unclear",
                        format!("`{beginning}` is the beginning of several boxes' names"),
                        "type more of it",
                    ));
                }
                matching = Some(found);
            }
            match page.next {
                Some(next) => from = next,
                None => return matching.map(|found| found.address(here)).ok_or_else(unknown),
            }
        }
        // Of those that were not read one may begin so, too.
        Err(Undone::not(
            "mail.unclear",
            "more people are listed than are read",
            "give the whole name, or the address",
        ))
    }

    async fn save(&self, number: LetterNumber, folder: &Path) -> Result<Vec<SavedFile>, Undone> {
        let Wanted { letter, own_box: id, seq } = self.wanted(number)?;
        let paths = paths(&letter.attachments, folder)?;
        fs::create_dir_all(folder).map_err(|error| not_written(folder, &error))?;
        let record = self.office.store().view().own_box(id)?;
        let own = own_box(&record)?;
        let mut session = self.session().await?;
        let fold = attached(self, &mut session, id, &own).await?;
        let waiting = fold.letter(seq).ok_or_else(|| {
            NotDone::new(
                "mail.files-gone",
                "the files are not at the broker any more",
                "ask for the letter again",
            )
        })?;
        let mut saved = Vec::with_capacity(paths.len());
        for (index, (file, path)) in letter.attachments.iter().zip(paths).enumerate() {
            let blob = waiting.attachments.iter().find(|blob| blob.digest == file.digest);
            let blob = *blob.ok_or_else(|| false_file(file, "the letter came without it"))?;
            self.save_file(&mut session, (file, blob), &path).await?;
            // Each by itself: what is there is not fetched again.
            self.office.store().change(|change| {
                change.edit_letter(number, |record| {
                    if let Some(kept) = record.attachments.get_mut(index) {
                        (kept.saved, kept.class) = (Some(path.clone()), Some(blob.size));
                    }
                })
            })?;
            saved.push(SavedFile { index, path });
        }
        Ok(saved)
    }

    /// The letter whose files are wanted.
    fn wanted(&self, number: LetterNumber) -> Result<Wanted, NotDone> {
        let store = self.office.store();
        let view = store.view();
        let record = view.letter(number)?;
        if record.direction != Direction::Received {
            return Err(NotDone::new(
                "mail.not-this",
                "you sent the letter: its files are where you took them from",
                "/status shows how it stands",
            ));
        }
        let letter = view.said(number, &record)?.letter();
        let seq = record.deposit.and_then(|deposit| deposit.seq);
        let (Some(letter), Some(seq)) = (letter, seq) else {
            return Err(NotDone::new(
                "mail.not-this",
                "the letter was not opened",
                "/mail shows why",
            ));
        };
        if letter.attachments.is_empty() {
            return Err(NotDone::new("mail.no-files", "the letter has no files", "/read shows it"));
        }
        Ok(Wanted { letter, own_box: record.own_box, seq })
    }

    async fn save_file(
        &self,
        session: &mut GuestSession<'_>,
        (file, blob): (&Attachment, Blob),
        path: &Path,
    ) -> Result<(), Undone> {
        let sealed = session.get_blob(Purpose::Envelope, blob).await?;
        let opened = open_file(file, &sealed);
        let opened = opened.map_err(|error| false_file(file, &error.to_string()))?;
        Ok(write(path, &opened).map_err(|error| not_written(path, &error))?)
    }
}

fn false_file(file: &Attachment, why: &str) -> NotDone {
    NotDone::new(
        "mail.file",
        format!("`{}` is not the file that the letter names: {why}", file.name.as_str()),
        "nothing of it was written; ask whoever sent it to send it again",
    )
}

fn not_written(path: &Path, error: &io::Error) -> NotDone {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return NotDone::new(
            "mail.file-there",
            format!("{} is there already", path.display()),
            "name another folder, or move that file away",
        );
    }
    NotDone::new(
        "mail.file-write",
        format!("cannot write {}: {error}", path.display()),
        "name a folder that can be written and has space",
    )
}

/// Where each file goes. None is there, and no two are one.
fn paths(files: &[Attachment], folder: &Path) -> Result<Vec<PathBuf>, NotDone> {
    let mut taken = BTreeSet::new();
    let mut paths = Vec::with_capacity(files.len());
    for (at, file) in files.iter().enumerate() {
        let name = safe(file.name.as_str());
        // Names that differ in case alone are one on some systems.
        let name = if taken.insert(name.to_lowercase()) {
            name
        } else {
            let other = format!("{}-{name}", at.saturating_add(1));
            taken.insert(other.to_lowercase());
            other
        };
        let path = folder.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(not_written(&path, &io::ErrorKind::AlreadyExists.into()));
        }
        paths.push(path);
    }
    Ok(paths)
}

/// A name that stays in its folder, hides nothing and steers no terminal, whatever was asked for.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\', ':']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|character| !character.is_control()).collect();
    let plain = plain.trim().trim_start_matches(['.', '-', ' ']);
    let name: String = plain.chars().take(FILE_NAME).collect();
    if name.is_empty() { "file".to_owned() } else { name }
}

/// Writes a file that is not there, whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = write_part(&part, bytes).and_then(|()| put(&part, path));
    if written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::AlreadyExists) {
        // What is left of a write that failed is of no use; one that is another program's stays.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_part(part: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a file its name, if nothing has that.
fn put(part: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(part, path) {
        Ok(()) => fs::remove_file(part),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(part)?;
            Err(error)
        }
        // Some file systems know one name for each file.
        Err(_) if path.symlink_metadata().is_err() => fs::rename(part, path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_file_stays_in_its_folder_and_hides_nothing() {
        for (name, safe_name) in [
            ("clock.jpg", "clock.jpg"),
            ("../../etc/passwd", "passwd"),
            ("..", "file"),
            (".profile", "profile"),
            ("C:\\Windows\\a.dll", "a.dll"),
            ("-rf", "rf"),
            ("a\u{1b}[2Jb", "a[2Jb"),
            ("/", "file"),
            ("", "file"),
        ] {
            assert_eq!(safe(name), safe_name, "{name:?}");
        }
        assert_eq!(safe(&"x".repeat(500)).len(), FILE_NAME);
    }

    #[test]
    fn a_file_is_written_whole_for_its_owner_alone_and_never_over_another() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = write(&path, b"two").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        // Neither through a link that leads elsewhere.
        let link = folder.path().join("b");
        std::os::unix::fs::symlink(folder.path().join("c"), &link).unwrap();
        assert!(write(&link, b"two").is_err());
        assert!(!folder.path().join("c").exists());
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        // Nor where there is no folder.
        assert!(write(&folder.path().join("none").join("a"), b"one").is_err());
    }
}
