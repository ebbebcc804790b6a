//! Rooms, entries and receipts as the user sees them.

use pregao_protocol::audit::verify::{self, VerifiedReceipt};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::Stamped;

use super::Desk;
use super::answers::Progress;
use super::kinds;
use crate::command::{AuctionKind, ListFilter, Standing};
use crate::event::{Event, Phase, ReceiptView, RoomView};
use crate::vault::ActionRecord;

/// A receipt as it was just checked by itself.
pub(super) struct HeldReceipt {
    /// As shown.
    pub(super) view: ReceiptView,
    pub(super) room: Option<RoomName>,
    /// The receipt and what it shows, if it holds.
    pub(super) verified: Option<(Receipt, VerifiedReceipt)>,
}

impl Desk {
    pub(super) async fn show_room(&self, name: RoomName) {
        if let Some(view) = self.view(name) {
            self.emit(Event::Room(view)).await;
        }
    }

    pub(super) async fn items(&self, filter: ListFilter) -> Progress {
        if !self.knows_rooms() {
            return self.reject(super::outbox::offline()).await;
        }
        let (rooms, left_out) = self.listed(filter, |_| true);
        self.emit(Event::Items { rooms, left_out }).await;
        Progress::Done
    }

    /// Rooms in the order in which they were listed, and how many older ones are left out.
    fn listed(
        &self,
        filter: ListFilter,
        is_meant: impl Fn(&RoomView) -> bool,
    ) -> (Vec<RoomView>, u64) {
        let views = self.rooms.keys().filter_map(|name| Some((*name, self.view(*name)?)));
        let mut views: Vec<(RoomName, RoomView)> =
            views.filter(|(_, view)| is_meant(view) && passes(filter, view)).collect();
        let since = |name: &RoomName| self.rooms.get(name)?.known().and_then(kinds::begins);
        views.sort_by_cached_key(|(name, _)| (since(name), *name));
        newest(views.into_iter().map(|(_, view)| view).collect(), filter.last)
    }

    /// Without a connection so far, that no room is known does not mean that there is none.
    fn knows_rooms(&self) -> bool {
        self.connection.is_up() || !self.rooms.is_empty()
    }

    pub(super) async fn mine(&self, filter: ListFilter) -> Progress {
        if !self.knows_rooms() {
            return self.reject(super::outbox::offline()).await;
        }
        let (rooms, left_out) = self.listed(filter, |view| view.own || view.bidding);
        self.emit(Event::Mine { rooms, left_out }).await;
        Progress::Done
    }

    /// Every receipt held, checked again from its bytes.
    pub(super) async fn receipts(&self) -> Progress {
        let kept = self.vault.contents().actions.iter();
        let receipts = kept.filter_map(|kept| Some(self.receipt_of(kept)?.view)).collect();
        self.emit(Event::Receipts { receipts }).await;
        Progress::Done
    }

    /// The receipt of an action, if there is one, checked again from its bytes.
    pub(super) fn receipt_of(&self, kept: &ActionRecord) -> Option<HeldReceipt> {
        let text = kept.receipt.as_ref()?.to_string();
        let receipt = Receipt::parse(&text).ok();
        let verified = receipt
            .as_ref()
            .and_then(|receipt| verify::receipt(receipt).ok())
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
        let view = ReceiptView {
            room: kept.room.clone(),
            short: room.map_or_else(String::new, |room| self.names.short(room)),
            title: room.and_then(|room| self.title(room)),
            seq: verified.as_ref().map_or(0, |verified| verified.seq),
            verb: kept.verb.into(),
            time: verified.as_ref().map(|verified| verified.time).unwrap_or_default(),
            digest: kept.digest.to_string(),
            holds: verified.as_ref().is_some_and(fits),
            is_final: verified.as_ref().zip(replica).is_some_and(|(verified, room)| {
                fits(verified) && verified.seq < room.witnessed.size()
            }),
        };
        let verified = receipt.zip(verified);
        Some(HeldReceipt { view, room, verified })
    }

    fn view(&self, name: RoomName) -> Option<RoomView> {
        let replica = self.rooms.get(&name).filter(|_| !self.is_in_background(name))?;
        kinds::row(self, name, replica, replica.known()?)
    }

    /// Tells of one entry that was just verified.
    pub(super) async fn emit_entry(&self, name: RoomName, seq: u64, stamped: &Stamped, own: bool) {
        let replica = self.rooms.get(&name).filter(|_| !self.is_in_background(name));
        let Some(replica) = replica else { return };
        let hidden = self.kept_digest(stamped).and_then(|kept| kept.hidden);
        let hidden = hidden.filter(|_| !self.options.discreet);
        let entry = kinds::LoggedEntry { name, seq, stamped, own, hidden };
        let event = replica.room().and_then(|room| kinds::event(replica, room, &entry));
        if let Some(event) = event {
            self.emit(event).await;
        }
    }
}

/// Whether a list that was asked for holds a room.
fn passes(filter: ListFilter, view: &RoomView) -> bool {
    let ListFilter { standing, kind, last: _ } = filter;
    let standing = standing.is_none_or(|standing| match standing {
        Standing::Open => view.phase == Phase::Open,
        Standing::Closed => view.phase != Phase::Open,
    });
    let is = match (&view.sealed, &view.falling) {
        (Some(_), _) => AuctionKind::Sealed,
        (None, Some(_)) => AuctionKind::Dutch,
        (None, None) => AuctionKind::English,
    };
    standing && kind.is_none_or(|kind| kind == is)
}

/// The last of a list, and how many before them are left out.
pub(super) fn newest<T>(mut all: Vec<T>, last: Option<u32>) -> (Vec<T>, u64) {
    let last = last.and_then(|last| usize::try_from(last).ok()).unwrap_or(usize::MAX);
    let left_out = all.len().saturating_sub(last);
    drop(all.drain(..left_out));
    (all, left_out as u64)
}
