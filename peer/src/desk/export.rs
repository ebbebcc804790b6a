//! Logs and receipts as files, so that a stranger can check them without a network.

use std::fs;
use std::io;
use std::path::PathBuf;

use pregao_protocol::log::RoomName;

use super::Desk;
use crate::event::Event;

impl Desk {
    /// Writes the verified log of a room, one entry a line and its signed head last, and every own
    /// receipt in it.
    pub(super) async fn export(&mut self, prefix: &str) -> Option<bool> {
        let Some(name) = self.find_or_refuse(prefix).await else { return Some(false) };
        match self.write_files(name) {
            Ok(Some(paths)) => {
                for path in paths {
                    self.tell(Event::Note { text: format!("wrote {}", path.display()) }).await;
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

    /// Begins to follow a known room whose log is to be exported; whether it has to be waited for.
    pub(super) async fn follow_for_export(&mut self, prefix: &str) -> bool {
        let Ok(name) = self.find(prefix) else { return false };
        let waits = self.rooms.get(&name).is_some_and(|room| !room.wanted && !room.broken);
        if !waits || self.join(name).await.is_err() {
            return false;
        }
        if let Some(room) = self.rooms.get_mut(&name) {
            room.wanted = true;
        }
        true
    }

    fn write_files(&self, name: RoomName) -> io::Result<Option<Vec<PathBuf>>> {
        let Some(room) = self.rooms.get(&name).filter(|room| room.is_verified()) else {
            return Ok(None);
        };
        let Some((_, head)) = &room.head else { return Ok(None) };
        let folder = &self.options.exports;
        fs::create_dir_all(folder)?;
        let mut log = room.texts.join("\n");
        log.push('\n');
        log.push_str(&serde_json::to_string(head)?);
        log.push('\n');
        let path = folder.join(format!("{}.log", name.short()));
        fs::write(&path, &log)?;
        let mut paths = vec![path];
        let full = name.to_string();
        for kept in self.vault.contents().actions.iter().filter(|kept| kept.room == full) {
            if let Some(receipt) = &kept.receipt {
                let path = folder.join(format!("{}-{}.receipt", name.short(), kept.id));
                fs::write(&path, receipt.to_string())?;
                paths.push(path);
            }
        }
        Ok(Some(paths))
    }
}
