//! Logs, receipts and letters as files, so that a stranger can check them without a network.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregao_protocol::audit::letter::NotShown;
use pregao_protocol::log::transcript::{Transcript, encode_certificate, transcript};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, BrokerKeys};
use pregao_protocol::value::report::{Advised as _, Report};

use super::Desk;
use super::answers::Progress;
use super::replica::Replica;
use crate::command::UsageError;
use crate::post::office::{LogAlone, LogShown, Office, OfficeError, ShowAs, Showing};
use crate::private::{self, replace};
use crate::text::sanitize::with_causes;

/// Fewest characters of a room's name in the name of a file.
const FILE_NAME: usize = 8;

/// The page around a transcript, with a verifier written in another language from the specification alone
/// (`tests/verifier-js`).
const PAGE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/verifier-js/dist/page.html"));
/// Where the transcript stands in it, in standard base64.
const PLACE: &str = "{{TRANSCRIPT}}";
/// Longest transcript that is put into a page, in bytes: a browser draws and verifies all of it.
const LONGEST_PAGED: usize = 16 << 20;

/// What of a room was written.
#[derive(Default)]
struct Written {
    paths: Vec<PathBuf>,
    /// The log is longer than a page takes: it was written, and the page was not.
    is_too_long: bool,
}

impl Desk {
    /// Writes a room, or a letter.
    pub(super) async fn export_command(
        &mut self,
        (room, html): (Option<String>, bool),
        (letter, hash): (Option<u64>, bool),
    ) -> Progress {
        match asked((room, html), (letter, hash)) {
            Ok(Asked::Room(room)) => self.export(&room, html).await,
            Ok(Asked::Letter(letter)) => self.export_letter(letter).await,
            Err(report) => self.reject(report).await,
        }
    }

    /// Writes a letter, after what became of it was looked up where that can be.
    async fn export_letter(&mut self, asked: LetterAsked) -> Progress {
        let received = self.letters.kept().and_then(|office| office.is_received(asked.number).ok());
        match received.flatten() {
            Some(letter) => self.trace_letter(letter, asked).await,
            None => self.write_asked(asked).await,
        }
    }

    /// Writes a letter with what is here of it.
    pub(super) async fn write_asked(&mut self, asked: LetterAsked) -> Progress {
        let session = self.connection.session();
        let broker =
            session.map(|session| (session.certificate.keys, self.connection.certificate()));
        let written = write_letter(self.letters.kept(), &self.options.exports, broker, asked);
        self.tell_written(written).await
    }

    /// Writes all letters as mail programs read them.
    pub(super) async fn export_letters(&self, folder: &str) -> Progress {
        let written = write_maildir(self.letters.kept(), Path::new(folder));
        self.tell_written(written).await
    }

    async fn tell_written(&self, written: Result<Vec<String>, Report>) -> Progress {
        match written {
            Ok(lines) => {
                for line in lines {
                    self.note(line).await;
                }
                Progress::Done
            }
            Err(report) => self.reject(report).await,
        }
    }

    /// Writes the transcript of a room, as far as its log is verified: with the broker's certificate and
    /// what cosignatures there are, so that it needs nothing else. And every own receipt in it; of a room
    /// that is not known in this session, the receipts only.
    ///
    /// With `html` also a page that shows and verifies the log.
    pub(super) async fn export(&mut self, prefix: &str, html: bool) -> Progress {
        let Some(name) = self.find_or_refuse(prefix).await else { return Progress::Failed };
        match self.write_files(name, html) {
            Ok(Some(Written { paths, .. })) if paths.is_empty() => {
                let advice = "type /items to see the rooms there are";
                self.refuse(Report::new("room.unknown", "nothing of this room is at hand", advice))
                    .await;
                Progress::Failed
            }
            Ok(Some(Written { paths, is_too_long })) => {
                for path in paths {
                    self.note(format!("wrote {}", path.display())).await;
                }
                if !is_too_long {
                    return Progress::Done;
                }
                let message = format!("a log of more than {} MiB has no page", LONGEST_PAGED >> 20);
                let advice = "check the file of the log with pregao verify";
                self.reject(Report::new("export.long", message, advice)).await
            }
            Ok(None) => {
                let advice = "wait until every entry has arrived and its head was verified";
                self.refuse(Report::new(
                    "room.catching-up",
                    "this room is not verified yet",
                    advice,
                ))
                .await;
                Progress::Failed
            }
            Err(error) => {
                let folder = self.options.exports.display();
                let message = format!("cannot write to {folder}: {error}");
                self.refuse(Report::new(
                    "export.failed",
                    message,
                    "free space or check the folder",
                ))
                .await;
                Progress::Failed
            }
        }
    }

    fn write_files(&self, name: RoomName, html: bool) -> io::Result<Option<Written>> {
        let folder = &self.options.exports;
        fs::create_dir_all(folder)?;
        // Files outlive what rooms are called today.
        let full = name.to_string();
        let called = full.get(..self.names.short(name).len().max(FILE_NAME)).unwrap_or(&full);
        let mut written = Written::default();
        match self.rooms.get(&name) {
            None => {}
            Some(room) => {
                // What the broker signed beyond it would make of the file a log that holds, and of
                // the broker's word a lie that nobody sees.
                let whole = room.is_verified() && !self.statements.owes(name);
                let Some(head) = room.whole_head().filter(|_| whole) else {
                    return Ok(None);
                };
                let head = room.witnessed.head_over(room.size()).unwrap_or(head);
                let log = transcript(self.certificate_of(room), room.logged(), head);
                let path = free_of_others(folder, called, &full, name);
                replace(&path, log.as_bytes())?;
                written.is_too_long = html && log.len() > LONGEST_PAGED;
                let paged = path.with_extension("html");
                written.paths.push(path);
                if html && !written.is_too_long {
                    replace(&paged, page(&log).as_bytes())?;
                    written.paths.push(paged);
                }
            }
        }
        for kept in self.vault.contents().actions.iter().filter(|kept| kept.room == full) {
            if let Some(receipt) = &kept.receipt {
                let path = folder.join(format!("{called}-{}.receipt", kept.id));
                // In the order of the specification, whatever order the vault has.
                let text = receipt.to_string();
                let text = Receipt::parse(&text).map_or(text, |receipt| receipt.encode());
                replace(&path, text.as_bytes())?;
                written.paths.push(path);
            }
        }
        Ok(Some(written))
    }

    /// The broker's certificate as it showed it in this session, if it is for the keys that a room's
    /// opening names: of a broker that changed them since, it would vouch for nothing here.
    fn certificate_of(&self, room: &Replica) -> Option<&str> {
        let session = self.connection.session()?;
        let keys = room.room()?.terms().broker;
        (session.certificate.keys == keys).then(|| self.connection.certificate())
    }
}

/// What is to be written.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Room(String),
    Letter(LetterAsked),
}

/// A letter that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LetterAsked {
    pub(super) number: u64,
    pub(super) how: ShowAs,
    /// Whether with a page.
    pub(super) html: bool,
}

/// What a command asks for: the line's reader lets nothing else through, and a program can ask for anything.
fn asked(
    (room, html): (Option<String>, bool),
    (letter, hash): (Option<u64>, bool),
) -> Result<Asked, Report> {
    match (room, letter) {
        (Some(room), None) if !hash => Ok(Asked::Room(room)),
        (None, Some(number)) => {
            let how = if hash { ShowAs::Hash } else { ShowAs::Whole };
            Ok(Asked::Letter(LetterAsked { number, how, html }))
        }
        _ => {
            let message = "it is to write either a room or a letter";
            let advice = "name one of them: `hash` is of letters";
            let (message, advice) = (message.to_owned(), advice.to_owned());
            Err(UsageError { message, advice }.report())
        }
    }
}

fn no_letters() -> Report {
    let advice = "start the program with the vault that has your letters";
    Report::new("mail.none", "there are no letters here", advice)
}

/// Writes a letter as third parties can check it: what was done, in lines.
fn write_letter(
    office: Option<&Office>,
    folder: &Path,
    broker: Option<(BrokerKeys, &str)>,
    LetterAsked { number, how, html }: LetterAsked,
) -> Result<Vec<String>, Report> {
    let office = office.ok_or_else(no_letters)?;
    // One without words is another file: it must not take the place of the one with them, nor the other way round.
    let Shown { kind, text, said, deposit } = match office.show(number, how) {
        Ok(showing) => {
            let kind = match how {
                ShowAs::Whole => "letter",
                ShowAs::Hash => "letter-hash",
            };
            let (text, said) = (showing.letter.encode(), said_of(&showing, how));
            Shown { kind, text, said, deposit: showing.letter.deposit }
        }
        // Of one that cannot be shown itself the log may say something.
        Err(refused @ OfficeError::NotThis(_)) => match office.show_log(number) {
            Ok(shown) => of_log(&shown),
            Err(OfficeError::NotThis(_)) => return Err(refused.into()),
            Err(error) => return Err(error.into()),
        },
        Err(refused) => return Err(refused.into()),
    };
    let path = folder.join(format!("{number}.{kind}"));
    let failed = |error: io::Error| {
        let message = format!("cannot write to {}: {error}", folder.display());
        Report::new("export.failed", message, "free space or check the folder")
    };
    private::make_folder(folder).map_err(failed)?;
    let text = text + "\n";
    replace(&path, text.as_bytes()).map_err(failed)?;
    let mut lines = vec![format!("wrote {}", path.display())];
    if html {
        let paged = folder.join(format!("{number}.{kind}.html"));
        replace(&paged, page(&text).as_bytes()).map_err(failed)?;
        lines.push(format!("wrote {}", paged.display()));
    }
    lines.push(match certified(&deposit, broker) {
        Some((file, certificate)) => {
            let path = folder.join(file);
            replace(&path, certificate.as_bytes()).map_err(failed)?;
            format!("wrote {}: whoever knows the broker's fingerprint gives it to verify, too", path.display())
        }
        None => "the broker's certificate is not here, so `verify --broker` cannot tell whose keys these are: export it \
                 again while you are connected to the broker of that box"
            .to_owned(),
    });
    lines.extend(said);
    Ok(lines)
}

/// What is written of a letter.
struct Shown {
    /// How the file's name ends.
    kind: &'static str,
    text: String,
    /// What it shows and what not, in lines.
    said: Vec<String>,
    /// The receipt of the deposit.
    deposit: Receipt,
}

/// The file with the certificate of the broker of a deposit, by its name, if it is this one: of another it would vouch for
/// nothing.
fn certified(deposit: &Receipt, broker: Option<(BrokerKeys, &str)>) -> Option<(String, String)> {
    let (keys, compact) = broker?;
    let action = Action::parse(&deposit.opening).ok()?;
    let Body::Box(opening) = action.body() else { return None };
    let fingerprint = keys.session.fingerprint().to_string();
    let short = fingerprint.get(..FILE_NAME)?;
    let text = encode_certificate(compact) + "\n";
    (opening.broker == keys).then(|| (format!("broker-{short}.certificate"), text))
}

/// What the log alone shows of a letter, and what not.
fn of_log(LogShown { log, why, untold }: &LogShown) -> Shown {
    let mut said = vec![format!("{why}: only that one of its size was left in the box, and when")];
    let kind = match log {
        LogAlone::Told(shown) => {
            said.push(of_entries(shown.timeline.entries.len()));
            "deposit"
        }
        LogAlone::Left(_) => {
            said.push(untold.as_ref().map_or_else(not_known, not_shown));
            "receipt"
        }
    };
    said.push(
        "it does not prove that you wrote it or have read it, nor that nothing else happened to it"
            .to_owned(),
    );
    Shown { kind, text: log.encode(), said, deposit: log.deposit().clone() }
}

fn of_entries(count: usize) -> String {
    let entries = if count == 1 { "entry" } else { "entries" };
    format!("what became of it in the box is shown, too: {count} {entries} of the log")
}

fn not_shown(why: &NotShown) -> String {
    format!("what became of it is left out: {}", with_causes(why))
}

fn not_known() -> String {
    "what became of it after it was left is not known here".to_owned()
}

/// What a letter that is written shows, and what of it does not, in lines.
fn said_of(showing: &Showing, how: ShowAs) -> Vec<String> {
    let Showing { letter, left_out, untold } = showing;
    let mut lines = vec![
        match how {
            ShowAs::Whole => {
                "whoever gets it reads the letter, and can prove to others who wrote it"
            }
            ShowAs::Hash => "whoever gets it learns who wrote to whom, and when; not what",
        }
        .to_owned(),
    ];
    lines.extend(left_out.as_ref().map(|why| format!("the read receipt is left out: {why}")));
    lines.push(match (&letter.timeline, untold) {
        (Some(timeline), _) => of_entries(timeline.entries.len()),
        (None, Some(why)) => not_shown(why),
        (None, None) => not_known(),
    });
    lines
}

/// Writes all letters as a Maildir: what was done, in lines.
fn write_maildir(office: Option<&Office>, folder: &Path) -> Result<Vec<String>, Report> {
    let office = office.ok_or_else(no_letters)?;
    let exported = office.export_maildir(folder)?;
    let counted = [
        (exported.written, "written"),
        (exported.there, "there from before, and left as they are"),
        (exported.without, "left out: not opened, or taken back"),
        (exported.files_missing, "files missing: `read N save FOLDER` fetches them"),
    ];
    let mut lines = vec![format!("letters are in {}, and not sealed there", folder.display())];
    lines.extend(
        counted.into_iter().filter(|(count, _)| *count > 0).map(|(n, what)| format!("{n} {what}")),
    );
    lines.extend(exported.damaged.iter().map(|row| format!("NOT WRITTEN: {row}")));
    Ok(lines)
}

/// The page that shows and verifies a transcript.
fn page(transcript: &str) -> String {
    PAGE.replacen(PLACE, &STANDARD.encode(transcript), 1)
}

/// The file of a room's log: another one's that is called alike stays.
fn free_of_others(folder: &Path, called: &str, full: &str, name: RoomName) -> PathBuf {
    let path = folder.join(format!("{called}.log"));
    let of_this = |text: &str| Transcript::of(text).and_then(|log| log.room()) == Some(name);
    match fs::read_to_string(&path) {
        Ok(other) if !of_this(&other) => folder.join(format!("{full}.log")),
        Ok(_) | Err(_) => path,
    }
}

#[cfg(test)]
mod tests {
    use pregao_protocol::trust::key::{HeadKey, SecretKey};

    use super::*;
    use crate::post::office::shown;

    #[test]
    fn a_page_has_the_transcript_in_its_one_place_and_nothing_of_it_as_markup() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        let hostile = "</script><script>alert(1)</script>{{TRANSCRIPT}}";
        let paged = page(hostile);
        assert!(!paged.contains("alert(1)") && !paged.contains(PLACE));
        assert!(paged.contains(&STANDARD.encode(hostile)));
        assert!(paged.contains("Content-Security-Policy"));
    }

    #[test]
    fn another_rooms_log_that_is_called_alike_stays() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |action: &str| {
            let action = action.to_owned();
            let header = pregao_protocol::value::codec::Digest([1; 32]);
            let stamp = pregao_protocol::log::stamp::Stamp { header, index: 0, path: Vec::new() };
            pregao_protocol::log::Entry { seq: 0, action, stamp }.encode()
        };
        let (one, other) = (entry("one"), entry("other"));
        let log = |entry: &str| {
            let logged = pregao_protocol::log::Logged { entry, header: "h" };
            transcript(Some("certificate"), [logged], "head")
        };
        let path = |action: &str| {
            let name = RoomName::of_opening(action);
            free_of_others(folder.path(), "3f2a3f2a", "3f2a3f2a99", name)
        };
        assert!(path("one").ends_with("3f2a3f2a.log"));
        fs::write(folder.path().join("3f2a3f2a.log"), log(&one)).unwrap();
        assert!(path("one").ends_with("3f2a3f2a.log"));
        assert!(path("other").ends_with("3f2a3f2a99.log"));
        fs::write(folder.path().join("3f2a3f2a.log"), log(&other)).unwrap();
        assert!(path("one").ends_with("3f2a3f2a99.log"));
        fs::write(folder.path().join("3f2a3f2a.log"), "somebody's notes").unwrap();
        assert!(path("one").ends_with("3f2a3f2a99.log"), "what is no log is not written over");
    }

    fn files(folder: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    const fn letter(number: u64, how: ShowAs) -> LetterAsked {
        LetterAsked { number, how, html: false }
    }

    const fn paged(number: u64) -> LetterAsked {
        LetterAsked { number, how: ShowAs::Whole, html: true }
    }

    #[test]
    fn either_a_room_or_a_letter_is_written() {
        let room = || Some("3f2a".to_owned());
        for (html, how, expected) in [
            ((room(), false), (None, false), Asked::Room("3f2a".to_owned())),
            ((room(), true), (None, false), Asked::Room("3f2a".to_owned())),
            ((None, false), (Some(1), false), Asked::Letter(letter(1, ShowAs::Whole))),
            ((None, false), (Some(1), true), Asked::Letter(letter(1, ShowAs::Hash))),
            ((None, true), (Some(1), false), Asked::Letter(paged(1))),
        ] {
            assert_eq!(asked(html, how).unwrap(), expected);
        }
        for (html, how) in [
            ((None, false), (None, false)),
            ((None, true), (None, false)),
            ((None, false), (None, true)),
            ((room(), false), (Some(1), false)),
            ((room(), false), (None, true)),
        ] {
            assert_eq!(asked(html, how).unwrap_err().code, UsageError::CODE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_letters_are_kept_it_is_said() {
        let mut house = crate::desk::fixture::House::open();
        let (mut user, _session) = house.desk().await;
        for words in [&["export", "letter", "1"][..], &["mail", "export", "letters"]] {
            user.send_command(words).await;
            assert!(!user.done().await);
            let none = |event: &crate::event::Event| matches!(event, crate::event::Event::Refused { report, .. } if report.code == "mail.none");
            assert!(user.seen.iter().any(none));
            user.seen.clear();
        }
    }

    #[test]
    fn a_letter_is_written_as_the_verifier_reads_it_and_without_words_beside_it() {
        use pregao_protocol::audit::verdict::{Standing, verdict};
        let (place, number) = shown::sent(false);
        let folder = tempfile::tempdir().unwrap();
        let exports = folder.path().join("export");
        for how in [ShowAs::Whole, ShowAs::Hash, ShowAs::Whole] {
            let lines =
                write_letter(Some(&place.office), &exports, None, letter(number, how)).unwrap();
            let path = Path::new(lines[0].strip_prefix("wrote ").unwrap());
            let text = fs::read(path).unwrap();
            assert!(text.ends_with(b"\n"));
            assert_eq!(verdict(&text).verdict, Standing::Valid);
        }
        assert_eq!(files(&exports), ["1.letter", "1.letter-hash"]);
    }

    #[test]
    fn a_letter_has_a_page_of_its_own_with_the_file_in_it() {
        let (place, number) = shown::sent(false);
        let folder = tempfile::tempdir().unwrap();
        let asked = LetterAsked { html: true, ..letter(number, ShowAs::Whole) };
        let lines = write_letter(Some(&place.office), folder.path(), None, asked).unwrap();
        assert_eq!(files(folder.path()), ["1.letter", "1.letter.html"]);
        assert!(lines[1].ends_with("1.letter.html"), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("not known here")), "{lines:?}");
        let text = fs::read_to_string(folder.path().join("1.letter")).unwrap();
        let paged = fs::read_to_string(folder.path().join("1.letter.html")).unwrap();
        assert!(paged.contains(&STANDARD.encode(&text)) && !paged.contains(PLACE));
        assert!(!paged.contains("Come and hear it"), "what it says is no markup");
    }

    #[test]
    fn a_read_receipt_that_is_left_out_is_named() {
        let (place, number) = shown::sent(true);
        let folder = tempfile::tempdir().unwrap();
        let lines =
            write_letter(Some(&place.office), folder.path(), None, letter(number, ShowAs::Whole));
        assert!(lines.unwrap().join("\n").contains("the read receipt is left out: "));
    }

    #[test]
    fn of_a_deniable_letter_that_it_was_left_is_written_and_what_that_does_not_prove_said() {
        use pregao_protocol::audit::verdict::{Standing, verdict};
        let (place, number) = shown::deniable();
        let folder = tempfile::tempdir().unwrap();
        for how in [ShowAs::Whole, ShowAs::Hash] {
            let asked = letter(number, how);
            let lines = write_letter(Some(&place.office), folder.path(), None, asked).unwrap();
            let said = lines.join("\n");
            assert!(
                said.contains("deniable") && said.contains("it does not prove that you wrote it"),
                "{said}"
            );
            assert!(said.contains("not known here"), "{said}");
            assert_eq!(files(folder.path()), ["1.receipt"]);
            let text = fs::read(folder.path().join("1.receipt")).unwrap();
            assert_eq!(verdict(&text).verdict, Standing::Valid);
        }
    }

    #[test]
    fn the_certificate_of_the_broker_that_keeps_the_box_is_beside_the_letter_and_of_no_other() {
        let (place, number) = shown::sent(false);
        let opening = place.office.show(number, ShowAs::Whole).unwrap().letter.deposit.opening;
        let action = Action::parse(&opening).unwrap();
        let Body::Box(opening) = action.body() else { panic!() };
        let keys = opening.broker;
        let asked = letter(number, ShowAs::Whole);
        let folder = tempfile::tempdir().unwrap();
        let head = SecretKey::<HeadKey>::from_seed(&[1; 32]).public();
        let other = BrokerKeys { head, ..keys };
        for broker in [None, Some((other, "a.b.c"))] {
            let lines = write_letter(Some(&place.office), folder.path(), broker, asked).unwrap();
            assert!(lines[1].contains("the broker's certificate is not here"), "{lines:?}");
            assert_eq!(files(folder.path()), ["1.letter"]);
        }
        let broker = Some((keys, "a.b.c"));
        let lines = write_letter(Some(&place.office), folder.path(), broker, asked).unwrap();
        let name = format!("broker-{}.certificate", &keys.session.fingerprint().to_string()[..8]);
        assert!(lines[1].contains(&name), "{lines:?}");
        assert_eq!(files(folder.path()), ["1.letter", &name]);
        let text = fs::read_to_string(folder.path().join(&name)).unwrap();
        assert_eq!(text, "{\"certificate\":\"a.b.c\"}\n");
    }

    #[test]
    fn a_letter_that_shows_nothing_leaves_no_file() {
        let (place, number) = shown::unread();
        let folder = tempfile::tempdir().unwrap();
        let exports = folder.path().join("export");
        for how in [ShowAs::Whole, ShowAs::Hash] {
            let code = |number| {
                let asked = letter(number, how);
                let refused = write_letter(Some(&place.office), &exports, None, asked);
                refused.unwrap_err().code.into_owned()
            };
            assert_eq!(code(number), "mail.not-this");
            assert_ne!(code(number + 1), "mail.not-this");
            let nobody = write_letter(None, &exports, None, letter(number, how)).unwrap_err();
            assert_eq!(nobody.code, "mail.none");
        }
        assert_eq!(files(folder.path()), [""; 0]);
        let (place, number) = shown::sent(false);
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let refused = write_letter(Some(&place.office), &file, None, letter(number, ShowAs::Whole))
            .unwrap_err();
        assert_eq!(refused.code, "export.failed");
    }

    #[test]
    fn letters_are_written_as_a_maildir_once() {
        let (place, _) = shown::sent(false);
        let folder = tempfile::tempdir().unwrap();
        let mail = folder.path().join("mail");
        let lines = write_maildir(Some(&place.office), &mail).unwrap().join("\n");
        assert!(lines.contains("not sealed there") && lines.contains("1 written"), "{lines}");
        let lines = write_maildir(Some(&place.office), &mail).unwrap().join("\n");
        assert!(lines.contains("1 there from before") && !lines.contains("written"), "{lines}");
        assert_eq!(files(&mail.join(".Sent").join("cur")).len(), 1);
        assert_eq!(write_maildir(None, &mail).unwrap_err().code, "mail.none");
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let refused = write_maildir(Some(&place.office), &file).unwrap_err();
        assert_eq!(refused.code, "mail.export");
    }
}
