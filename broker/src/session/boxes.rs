//! What guests ask about boxes: how one was opened, which there are, and keys for a letter (SPEC 9.4).

use std::time::Duration;

use pregao_protocol::log::{Logged, RoomName};
use pregao_protocol::room::{Kind, Undecided};
use pregao_protocol::value::label::MAX_PEOPLE;
use pregao_protocol::wire::frame::{FromBroker, encode_people};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Session, SessionEnd};
use crate::effort::Cost;
use crate::people::Page;
use crate::room::{RoomHandle, RoomMessage};
use crate::store::SharedEntry;

/// How long an opening may take to be read: a disk that hangs is a disk that fails.
const READ_WITHIN: Duration = Duration::from_secs(2);

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Has keys of a box handed out for the pass that the session holds.
    pub(super) fn take_keys(&mut self, n: u64, room: RoomName) {
        let Some(reply) = self.start_request(n) else { return };
        let Some(pass) = self.pass.held().map(|held| held.id) else {
            return reply.fail(Undecided::PASS_NONE);
        };
        let Some(handle) = self.message_box(room) else {
            return reply.fail(Undecided::ROOM_UNKNOWN);
        };
        self.account.charge(Cost::Checked);
        let asked = RoomMessage::HandOut { pass, reply, frames: self.frames.clone() };
        if let Err(error) = handle.mailbox.try_send(asked)
            && let RoomMessage::HandOut { reply, .. } = error.into_inner()
        {
            reply.fail(Undecided::DOOR_RATE);
        }
    }

    /// Shows how a box was opened.
    pub(super) async fn box_opening(&mut self, n: u64, room: RoomName) -> Result<(), SessionEnd> {
        self.account.charge(Cost::Checked);
        if self.message_box(room).is_none() {
            return self.fail_at_once(n, Undecided::ROOM_UNKNOWN).await;
        }
        let reading = self.context.shared.reader.read(move |log| log.read(&room, 0, 1));
        let page = tokio::time::timeout(READ_WITHIN, reading).await;
        let first = page.ok().and_then(Result::ok).and_then(|page| page.into_iter().next());
        let entry = first.and_then(|first| {
            let entry = RawValue::from_string(first.text).ok()?;
            Some((first.header.to_string(), entry))
        });
        let Some((header, entry)) = entry else {
            return self.fail_at_once(n, Undecided::STORE_FAILED).await;
        };
        let closed = self.context.shared.people.is_closed(room);
        self.send(&FromBroker::BoxOpened { n, header, entry, closed }).await
    }

    /// Lists boxes whose owners want to be found.
    pub(super) async fn people(&mut self, n: u64, from: u64) -> Result<(), SessionEnd> {
        self.account.charge(Cost::Checked);
        let Page { boxes, next } = self.context.shared.people.page(from, MAX_PEOPLE);
        let logged = |entry| SharedEntry::logged(entry);
        let logged: Vec<(u64, Logged<'_>)> =
            boxes.iter().map(|(place, entry)| (*place, logged(entry))).collect();
        self.send_encoded(&encode_people(n, &logged, next)).await
    }

    /// The way to a box.
    fn message_box(&self, room: RoomName) -> Option<RoomHandle> {
        self.context.registry.room(room).filter(|handle| handle.kind == Kind::MessageBox)
    }

    async fn fail_at_once(&mut self, n: u64, code: Undecided) -> Result<(), SessionEnd> {
        self.send(&FromBroker::Failed { n, code: code.code().as_str().to_owned() }).await
    }
}
