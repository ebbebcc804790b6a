//! Whom letters, and what is said in private rooms, convince.

use pregao_protocol::letter::Mode;
use pregao_protocol::log::RoomName;
use pregao_protocol::value::report::Report;

use super::{Desk, Progress};
use crate::event::{Event, RoomModeView};

impl Desk {
    /// Whom what is written convinces, where it is not chosen otherwise.
    pub(in crate::desk) fn general_mode(&self) -> Mode {
        // Who never chose has not chosen to be quoted.
        let chosen = self.letters.kept().and_then(|office| office.general_mode().ok());
        chosen.unwrap_or(Mode::Deniable)
    }

    /// Chooses whom it convinces, for all or for one private room, and says how it stands.
    pub(in crate::desk) async fn mode_command(
        &mut self,
        mode: Option<Mode>,
        room: Option<&str>,
    ) -> Progress {
        let chosen = match (mode, room) {
            (None, _) => Ok(()),
            (Some(mode), None) => match self.office() {
                Ok(office) => office.set_general_mode(mode).map_err(Report::from),
                Err(report) => Err(report),
            },
            (Some(mode), Some(room)) => match self.private_room_named(room) {
                Ok(room) => {
                    if !self.choose_talk_mode(room, mode).await {
                        return Progress::Failed;
                    }
                    Ok(())
                }
                Err(report) => Err(report),
            },
        };
        if let Err(report) = chosen {
            return self.reject(report).await;
        }
        let id = self.reply_to.id.clone();
        self.tell_modes(id).await;
        Progress::Done
    }

    /// Says whom what is written convinces.
    pub(in crate::desk) async fn tell_modes(&self, id: Option<String>) {
        let rooms: Vec<RoomName> = self.private_rooms();
        let rooms = rooms.into_iter().map(|room| RoomModeView {
            room: room.to_string(),
            short: self.names.short(room),
            mode: self.talk_mode(room),
        });
        let (mode, rooms) = (self.general_mode(), rooms.collect());
        self.emit(Event::Mode { id, mode, rooms }).await;
    }
}
