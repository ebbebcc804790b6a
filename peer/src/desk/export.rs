//! Logs and receipts as files, so that a stranger can check them without a network.

use std::fs;
use std::io;
use std::path::PathBuf;

use pregao_protocol::log::RoomName;

use super::Desk;
use super::follow::Unclear;
use crate::event::Event;
use crate::vault::write_synced;

impl Desk {
    /// Writes the verified log of a room, one entry a line and its signed head last, and every own
    /// receipt in it; of a room that is not known in this session, the receipts only.
    pub(super) async fn export(&mut self, prefix: &str) -> Option<bool> {
        // Without a connection no room is known, but the receipts in the vault are.
        let kept = match self.find(prefix) {
            Err(Unclear::None) => self.room_of_receipts(prefix),
            Ok(_) | Err(Unclear::Several) => None,
        };
        let name = match kept {
            Some(name) => name,
            None => match self.find_or_refuse(prefix).await {
                Some(name) => name,
                None => return Some(false),
            },
        };
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

    /// The one room with own receipts that a prefix of its name means.
    fn room_of_receipts(&self, prefix: &str) -> Option<RoomName> {
        let prefix = prefix.trim_start_matches('#').to_lowercase();
        let actions = self.vault.contents().actions.iter();
        let mut meant = actions
            .filter(|kept| kept.receipt.is_some() && kept.room.starts_with(&prefix))
            .map(|kept| kept.room.as_str());
        let first = meant.next().filter(|_| !prefix.is_empty())?;
        meant.all(|room| room == first).then(|| first.parse().ok()).flatten()
    }

    fn write_files(&self, name: RoomName) -> io::Result<Option<Vec<PathBuf>>> {
        let folder = &self.options.exports;
        fs::create_dir_all(folder)?;
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
                let path = folder.join(format!("{}.log", name.short()));
                write_synced(&path, log.as_bytes())?;
                paths.push(path);
            }
        }
        let full = name.to_string();
        for kept in self.vault.contents().actions.iter().filter(|kept| kept.room == full) {
            if let Some(receipt) = &kept.receipt {
                let path = folder.join(format!("{}-{}.receipt", name.short(), kept.id));
                write_synced(&path, receipt.to_string().as_bytes())?;
                paths.push(path);
            }
        }
        Ok(Some(paths))
    }
}
