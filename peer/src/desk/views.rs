//! Rooms, entries and receipts as the user sees them.

use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::Stamped;
use pregao_protocol::verify::{self, VerifiedReceipt};

use super::Desk;
use super::kinds;
use crate::event::{Event, ReceiptView, RoomView};

impl Desk {
    pub(super) async fn show_room(&self, name: RoomName) {
        if let Some(view) = self.view(name) {
            self.tell(Event::Room(view)).await;
        }
    }

    pub(super) async fn items(&self) -> Option<bool> {
        if !self.knows_rooms() {
            return self.cannot(super::acts::offline()).await;
        }
        let rooms = self.rooms.keys().filter_map(|name| self.view(*name)).collect();
        self.tell(Event::Items { rooms }).await;
        Some(true)
    }

    /// Without a connection so far, that no room is known does not mean that there is none.
    fn knows_rooms(&self) -> bool {
        self.online.is_some() || !self.rooms.is_empty()
    }

    pub(super) async fn mine(&self) -> Option<bool> {
        if !self.knows_rooms() {
            return self.cannot(super::acts::offline()).await;
        }
        let views = self.rooms.keys().filter_map(|name| self.view(*name));
        let rooms = views.filter(|view| view.own || view.bidding).collect();
        self.tell(Event::Mine { rooms }).await;
        Some(true)
    }

    /// Every receipt held, checked again from its bytes.
    pub(super) async fn receipts(&self) -> Option<bool> {
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
                let followed = room.and_then(|room| self.rooms.get(&room));
                // The log may show another history than the receipt's head.
                let fits = |holds: &VerifiedReceipt| {
                    let root = followed.and_then(|room| room.verified_root(holds.size));
                    root.is_none_or(|root| root == holds.root)
                };
                Some(ReceiptView {
                    room: kept.room.clone(),
                    short: room.map_or_else(String::new, |room| self.names.short(room)),
                    title: room.and_then(|room| self.title(room)),
                    seq: verified.map_or(0, |verified| verified.seq),
                    verb: kept.verb.clone(),
                    time: verified.map(|verified| verified.time).unwrap_or_default(),
                    digest: kept.digest.to_string(),
                    holds: verified.as_ref().is_some_and(fits),
                })
            })
            .collect();
        self.tell(Event::Receipts { receipts }).await;
        Some(true)
    }

    fn view(&self, name: RoomName) -> Option<RoomView> {
        let followed = self.rooms.get(&name)?;
        kinds::row(self, name, followed, followed.known()?)
    }

    /// Tells of one entry that was just verified.
    pub(super) async fn tell_entry(&self, name: RoomName, seq: u64, stamped: &Stamped, own: bool) {
        let Some(followed) = self.rooms.get(&name) else { return };
        let entry = kinds::LoggedEntry { name, seq, stamped, own };
        let event = followed.room().and_then(|room| kinds::event(followed, room, &entry));
        if let Some(event) = event {
            self.tell(event).await;
        }
    }
}
