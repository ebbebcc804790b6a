//! Logs and receipts as files, so that a stranger can check them without a network.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pregao_protocol::log::RoomName;

use super::Desk;
use crate::private::replace;

/// Fewest characters of a room's name in the name of a file.
const FILE_NAME: usize = 8;

impl Desk {
    /// Writes the verified log of a room, one line for each entry, each batch header
    /// before the first entry that names it, and its signed head last, and every own
    /// receipt in it; of a room that is not known in this session, the receipts only.
    pub(super) async fn export(&mut self, prefix: &str) -> Option<bool> {
        let Some(name) = self.find_or_refuse(prefix).await else { return Some(false) };
        match self.write_files(name) {
            Ok(Some(paths)) if paths.is_empty() => {
                let advice = "type /items to see the rooms there are";
                self.refuse("room.unknown", "nothing of this room is at hand", advice).await;
                Some(false)
            }
            Ok(Some(paths)) => {
                for path in paths {
                    self.note(format!("wrote {}", path.display())).await;
                }
                Some(true)
            }
            Ok(None) => {
                let advice = "wait until every entry has arrived and its head was verified";
                self.refuse("room.catching-up", "this room is not verified yet", advice).await;
                Some(false)
            }
            Err(error) => {
                let folder = self.options.exports.display();
                let message = format!("cannot write to {folder}: {error}");
                self.refuse("export.failed", message, "free space or check the folder").await;
                Some(false)
            }
        }
    }

    fn write_files(&self, name: RoomName) -> io::Result<Option<Vec<PathBuf>>> {
        let folder = &self.options.exports;
        fs::create_dir_all(folder)?;
        // Files outlive what rooms are called today.
        let full = name.to_string();
        let called = full.get(..self.names.short(name).len().max(FILE_NAME)).unwrap_or(&full);
        let mut paths = Vec::new();
        match self.rooms.get(&name) {
            None => {}
            Some(room) => {
                // What the broker signed beyond it would make of the file a log that holds, and of
                // the broker's word a lie that nobody sees.
                let whole = room.is_verified() && !self.met.owes(name);
                let Some((_, head)) = room.head.as_ref().filter(|_| whole) else {
                    return Ok(None);
                };
                let mut log = room.lines().join("\n");
                log.push('\n');
                log.push_str(&serde_json::to_string(head)?);
                log.push('\n');
                let path = free_of_others(folder, called, &full, &log);
                replace(&path, log.as_bytes())?;
                paths.push(path);
            }
        }
        for kept in self.vault.contents().actions.iter().filter(|kept| kept.room == full) {
            if let Some(receipt) = &kept.receipt {
                let path = folder.join(format!("{called}-{}.receipt", kept.id));
                replace(&path, receipt.to_string().as_bytes())?;
                paths.push(path);
            }
        }
        Ok(Some(paths))
    }
}

/// The file of a room's log: another one's that is called alike stays.
fn free_of_others(folder: &Path, called: &str, full: &str, log: &str) -> PathBuf {
    let path = folder.join(format!("{called}.log"));
    let first = |text: &str| text.lines().next().map(str::to_owned);
    match fs::read_to_string(&path) {
        Ok(other) if first(&other) != first(log) => folder.join(format!("{full}.log")),
        Ok(_) | Err(_) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_rooms_log_that_is_called_alike_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |log: &str| free_of_others(folder.path(), "3f2a3f2a", "3f2a3f2a99", log);
        assert!(path("one\ntwo\n").ends_with("3f2a3f2a.log"));
        fs::write(folder.path().join("3f2a3f2a.log"), "one\ntwo\n").unwrap();
        assert!(path("one\ntwo\nthree\n").ends_with("3f2a3f2a.log"));
        assert!(path("another\n").ends_with("3f2a3f2a99.log"));
    }
}
