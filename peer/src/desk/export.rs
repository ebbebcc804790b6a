//! Logs and receipts as files, so that a stranger can check them without a network.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregao_protocol::log::transcript::{Transcript, transcript};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::value::report::Report;

use super::Desk;
use super::answers::Progress;
use super::replica::Replica;
use crate::private::replace;

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
    use super::*;

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
}
