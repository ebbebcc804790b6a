//! Rooms, entries and receipts as the user sees them.

use pregao_protocol::audit::verify::{self, VerifiedReceipt};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::Stamped;

use super::Desk;
use super::answers::Progress;
use super::kinds;
use crate::event::{Event, ReceiptView, RoomView};

impl Desk {
    pub(super) async fn show_room(&self, name: RoomName) {
        if let Some(view) = self.view(name) {
            self.emit(Event::Room(view)).await;
        }
    }

    pub(super) async fn items(&self) -> Progress {
        if !self.knows_rooms() {
            return self.reject(super::outbox::offline()).await;
        }
        let rooms = self.rooms.keys().filter_map(|name| self.view(*name)).collect();
        self.emit(Event::Items { rooms }).await;
        Progress::Done
    }

    /// Without a connection so far, that no room is known does not mean that there is none.
    fn knows_rooms(&self) -> bool {
        self.connection.is_up() || !self.rooms.is_empty()
    }

    pub(super) async fn mine(&self) -> Progress {
        if !self.knows_rooms() {
            return self.reject(super::outbox::offline()).await;
        }
        let views = self.rooms.keys().filter_map(|name| self.view(*name));
        let rooms = views.filter(|view| view.own || view.bidding).collect();
        self.emit(Event::Mine { rooms }).await;
        Progress::Done
    }

    /// Every receipt held, checked again from its bytes.
    pub(super) async fn receipts(&self) -> Progress {
        let receipts = self
            .vault
            .contents()
            .actions
            .iter()
            .filter_map(|kept| {
                let text = kept.receipt.as_ref()?.to_string();
                let verified = Receipt::parse(&text)
                    .ok()
                    .and_then(|receipt| verify::receipt(&receipt).ok())
                    .filter(|verified| verified.digest == kept.digest);
                let room: Option<RoomName> = kept.room.parse().ok();
                let replica = room.and_then(|room| self.rooms.get(&room));
                // The log may show another history than the receipt's head.
                let fits = |holds: &VerifiedReceipt| {
                    let root = replica.and_then(|room| room.verified_root(holds.size));
                    match root {
                        Some(root) => root == holds.root,
                        // Beyond what was verified of a room that is not believed any more, nothing is.
                        None => replica.is_none_or(|room| !room.is_broken()),
                    }
                };
                Some(ReceiptView {
                    room: kept.room.clone(),
                    short: room.map_or_else(String::new, |room| self.names.short(room)),
                    title: room.and_then(|room| self.title(room)),
                    seq: verified.as_ref().map_or(0, |verified| verified.seq),
                    verb: kept.verb.into(),
                    time: verified.as_ref().map(|verified| verified.time).unwrap_or_default(),
                    digest: kept.digest.to_string(),
                    holds: verified.as_ref().is_some_and(fits),
                    is_final: verified.zip(replica).is_some_and(|(verified, room)| {
                        fits(&verified) && verified.seq < room.witnessed.size()
                    }),
                })
            })
            .collect();
        self.emit(Event::Receipts { receipts }).await;
        Progress::Done
    }

    fn view(&self, name: RoomName) -> Option<RoomView> {
        let replica = self.rooms.get(&name)?;
        kinds::row(self, name, replica, replica.known()?)
    }

    /// Tells of one entry that was just verified.
    pub(super) async fn emit_entry(&self, name: RoomName, seq: u64, stamped: &Stamped, own: bool) {
        let Some(replica) = self.rooms.get(&name) else { return };
        let hidden = self.kept_digest(stamped).and_then(|kept| kept.hidden);
        let entry = kinds::LoggedEntry { name, seq, stamped, own, hidden };
        let event = replica.room().and_then(|room| kinds::event(replica, room, &entry));
        if let Some(event) = event {
            self.emit(event).await;
        }
    }
}
