//! Logs and receipts as files, so that a stranger can check them without a network.

use std::fs;
use std::io;
use std::path::PathBuf;

use pregao_protocol::log::RoomName;

use super::Desk;
use crate::vault::write_synced;

/// Fewest characters of a room's name in the name of a file.
const FILE_NAME: usize = 8;

impl Desk {
    /// Writes the verified log of a room, one entry a line and its signed head last, and every own
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
                let mut log = room.texts.join("\n");
                log.push('\n');
                log.push_str(&serde_json::to_string(head)?);
                log.push('\n');
                let path = folder.join(format!("{called}.log"));
                write_synced(&path, log.as_bytes())?;
                paths.push(path);
            }
        }
        for kept in self.vault.contents().actions.iter().filter(|kept| kept.room == full) {
            if let Some(receipt) = &kept.receipt {
                let path = folder.join(format!("{called}-{}.receipt", kept.id));
                write_synced(&path, receipt.to_string().as_bytes())?;
                paths.push(path);
            }
        }
        Ok(Some(paths))
    }
}
