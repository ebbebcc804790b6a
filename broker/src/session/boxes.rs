//! What guests ask about boxes: how one was opened, which there are, keys for a letter (SPEC 9.4), and what became of one
//! (SPEC 9.5).

use std::sync::LazyLock;
use std::time::Duration;

use pregao_protocol::audit::letter::Happened;
use pregao_protocol::audit::told::Answer;
use pregao_protocol::log::stamp::Stamp;
use pregao_protocol::log::{Entry, Logged, RoomName, SeenPath, TimelineEntry};
use pregao_protocol::room::action::{Action, Draft, Seen};
use pregao_protocol::room::body::{Blob, Body, Deposit, OnceKey};
use pregao_protocol::room::message_box::About;
use pregao_protocol::room::{Kind, Undecided};
use pregao_protocol::trust::key::{DepositKey, OneTime, PublicKey, SecretKey, Signature};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::{KEYS_ASKED, MAX_PEOPLE};
use pregao_protocol::wire::blob::BlobClass;
use pregao_protocol::wire::frame::{FromBroker, deposit_message, encode_people};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Session, SessionEnd};
use crate::effort::Cost;
use crate::people::Page;
use crate::room::{RoomHandle, RoomMessage};
use crate::store::SharedEntry;
use crate::store::reader::LogReader;
use crate::told::Told;

/// How long an opening may take to be read: a disk that hangs is a disk that fails.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// What is asked of a deposit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) room: RoomName,
    pub(super) deposit: u64,
    pub(super) from: u64,
    pub(super) signature: Signature,
}

/// What is told of a deposit in the session of this id. That there is none, that it is another's and that it is none of a
/// letter are one answer, so that nobody learns what stands in the log of a box.
async fn tell(
    reader: &LogReader,
    told: &Told,
    session: &[u8; 32],
    asked: Asked,
) -> Result<Answer, Undecided> {
    let Asked { room, deposit, from, signature } = asked;
    let failed = |_| Undecided::STORE_FAILED;
    let page = reader.read(move |log| log.read(&room, deposit, 1)).await.map_err(failed)?;
    let message = deposit_message(session, room, deposit);
    let verifies = |key: &PublicKey<OneTime>| key.verify(&message, &signature).is_ok();
    if !is_theirs(page.first().map(|stored| stored.text.as_str()), verifies) {
        return Err(Undecided::ROOM_UNKNOWN);
    }
    let head = reader.read(move |log| log.head(&room)).await.map_err(failed)?;
    let consistency = if from > head.size {
        // It shows itself that the log is shorter.
        Vec::new()
    } else {
        let path = reader.consistency(room, from, head.size).await;
        path.ok_or(Undecided::STORE_FAILED)?
    };
    let path = reader.inclusion(room, deposit, head.size).await.ok_or(Undecided::STORE_FAILED)?;
    let mut entries = Vec::new();
    for seq in told.about(room, deposit, head.size) {
        let page = reader.read(move |log| log.read(&room, seq, 1)).await.map_err(failed)?;
        let stored = page.into_iter().next().ok_or(Undecided::STORE_FAILED)?;
        // What was noted may not have become durable, and something else stands there.
        let action = action_of(&stored.text);
        let action = action.filter(|action| About::of(action.body()).covers(deposit, seq));
        let Some(action) = action else { continue };
        let Some(happened) = Happened::to(deposit, action.body()) else { continue };
        let seen = if happened.has_seen() {
            let seen = reader.inclusion(room, deposit, action.seen().size).await;
            Some(SeenPath(seen.ok_or(Undecided::STORE_FAILED)?))
        } else {
            None
        };
        let path = reader.inclusion(room, seq, head.size).await.ok_or(Undecided::STORE_FAILED)?;
        let header = stored.header.to_string();
        entries.push(TimelineEntry { header, entry: stored.text, path, seen });
        // That the box was closed is nothing that happened to a letter that was not there any more.
        if happened.is_end() {
            break;
        }
    }
    Ok(Answer { head: head.note, consistency, path, entries })
}

/// Whether an entry is a deposit by whom `verifies` says. Something is parsed and verified once whatever is there, so that it
/// takes no less time where there is nothing, or something else (V-350).
fn is_theirs(entry: Option<&str>, verifies: impl FnOnce(&PublicKey<OneTime>) -> bool) -> bool {
    let there = entry.and_then(action_of);
    let is_left = there.as_ref().is_some_and(|there| matches!(there.body(), Body::Deposit(_)));
    let looked_at = there.or_else(|| action_of(&NOBODYS));
    let is_by = looked_at.is_some_and(|action| verifies(action.key()));
    is_left && is_by
}

/// An entry as long as others that is looked at where there is none.
static NOBODYS: LazyLock<String> = LazyLock::new(|| {
    let none = Digest([0; 32]);
    let envelope = Blob { digest: none, size: BlobClass::SMALLEST };
    let once = Some(OnceKey { stock: none, index: 0 });
    let (attachments, expires, registered) = (Vec::new(), None, None);
    let left = Deposit { envelope, attachments, signed: none, once, expires, registered };
    let (id, seen) = (uuid::Builder::from_random_bytes([0; 16]), Seen { size: 1, root: none });
    let (id, room) = (id.into_uuid(), Some(RoomName(none.0)));
    let draft = Draft { id, room, body: Body::Deposit(left), seen };
    let signed = draft.sign_as_guest(&SecretKey::<DepositKey>::from_seed(&[0; 32]));
    let action = signed.map(|action| action.compact().to_owned()).unwrap_or_default();
    let stamp = Stamp { header: none, index: 0, path: vec![none; 4] };
    Entry { seq: 1, action, stamp }.encode()
});

fn action_of(entry: &str) -> Option<Action> {
    Action::parse(&Entry::parse(entry).ok()?.action).ok()
}

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
        // One pass has one answer, and each costs the box some hundred keys to be read.
        if self.keys_asked >= KEYS_ASKED {
            return reply.fail(Undecided::DOOR_RATE);
        }
        self.keys_asked = self.keys_asked.saturating_add(1);
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

    /// Tells whoever left a letter what became of it (V-350 to V-352).
    pub(super) async fn about_deposit(&mut self, n: u64, asked: Asked) -> Result<(), SessionEnd> {
        self.account.charge(Cost::Checked);
        if self.message_box(asked.room).is_none() {
            return self.fail_at_once(n, Undecided::ROOM_UNKNOWN).await;
        }
        let shared = &self.context.shared;
        let telling = tell(&shared.reader, &shared.told, &self.id, asked);
        let told = tokio::time::timeout(READ_WITHIN, telling).await;
        match told.unwrap_or(Err(Undecided::STORE_FAILED)) {
            Ok(Answer { head, consistency, path, entries }) => {
                self.send(&FromBroker::DepositTold { n, head, consistency, path, entries }).await
            }
            Err(code) => self.fail_at_once(n, code).await,
        }
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

#[cfg(test)]
mod tests {
    use pregao_protocol::room::body::Empty;
    use pregao_protocol::trust::key::BoxKey;

    use super::*;

    /// An entry of the same room as [`NOBODYS`], by its owner.
    fn of_owner() -> String {
        let id = uuid::Builder::from_random_bytes([1; 16]).into_uuid();
        let (room, seen) = (Some(RoomName([0; 32])), Seen { size: 1, root: Digest([0; 32]) });
        let draft = Draft { id, room, body: Body::BoxClosed(Empty {}), seen };
        let signed = draft.sign_as_owner(&SecretKey::<BoxKey>::from_seed(&[1; 32])).unwrap();
        let stamp = Stamp { header: Digest([0; 32]), index: 0, path: Vec::new() };
        Entry { seq: 2, action: signed.compact().to_owned(), stamp }.encode()
    }

    #[test]
    fn v350_one_signature_is_verified_whatever_stands_there() {
        let owners = of_owner();
        let entries = [
            ("nothing", None, false),
            ("what cannot be read", Some("no entry"), false),
            ("an entry of the owner", Some(owners.as_str()), false),
            ("a deposit", Some(NOBODYS.as_str()), true),
        ];
        for (what, entry, is_deposit) in entries {
            for holds in [true, false] {
                let mut verified = 0;
                let theirs = is_theirs(entry, |_| {
                    verified += 1;
                    holds
                });
                assert_eq!((theirs, verified), (is_deposit && holds, 1), "{what}");
            }
        }
        assert!((1_000..1_500).contains(&NOBODYS.len()), "{}", NOBODYS.len());
    }
}
