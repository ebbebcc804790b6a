//! A new room: judged, stored, and only then served.

use std::collections::VecDeque;
use std::sync::Arc;

use pregao_protocol::log::merkle::{self, Frontier};
use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::{Code, Room, Stamped, Terms, Undecided};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::refusal::Refusal;

use super::kinds::AnyPolicy;
use super::{RoomDirectory, RoomState};
use crate::check::{Author, Checked};
use crate::links::AuthorLink;
use crate::responder::Responder;
use crate::shared::Shared;
use crate::store::{Append, NewEntry, NewRoom, SharedEntry, StoredAnswer, StoredRefusal};
use crate::tsa::stamps::NewestBatch;
use crate::writer::Commit;

/// Decides a listing and answers it. One that was refused before gets the same refusal.
pub(crate) async fn list(
    shared: &Shared,
    rooms: Arc<dyn RoomDirectory>,
    checked: &Checked,
    reply: Responder,
) {
    let stamped = checked.stamped();
    shared.metrics.submitted.add(1);
    let Ok(newest) = shared.stamps.newest() else { return reply.fail(Undecided::TSA_DOWN) };
    let Some(terms) = stamped.action().body().terms() else {
        return reply.fail(Undecided::PARSE);
    };
    let (link, issuer) = match checked.author() {
        Author::Persona { persona, issuer, blind } => {
            let link = AuthorLink {
                key: *stamped.action().key(),
                persona: *persona,
                blind: blind.clone(),
                action: stamped.action().id(),
            };
            (Some(link), *issuer)
        }
        Author::Guest { .. } => (None, None),
        Author::Member => return reply.fail(Undecided::BLIND),
    };
    let digest = stamped.action().digest();
    match shared.reader.read(move |log| log.answer(&digest)).await {
        Ok(Some(StoredAnswer::Refusal(refusal))) => {
            let n = reply.n;
            return reply.send(FromBroker::Refused { n, refusal });
        }
        Ok(_) => {}
        Err(_) => return reply.fail(Undecided::STORE_FAILED),
    }
    if let Err(code) = shared.pay(checked).await {
        return reply.fail(code);
    }
    let persona = link.as_ref().map(|link| link.persona);
    let barred = persona.and_then(|key| shared.authors.barred(&key, newest.batch.time()));
    let opened = match First::of(stamped) {
        Err(code) => Err(code),
        Ok(_) if !knows_keys_of(shared, &terms) => Err(Code::ListingKeys),
        Ok(_) if stamped.time().plus(terms.freshness) < newest.shown_now() => Err(Code::DoorStale),
        Ok(first) if !may_list(&first.room, issuer) => Err(Code::DoorCitizen),
        Ok(_) if barred.is_some() => Err(Code::DoorForfeited),
        Ok(first) => {
            let seen = first.room.ledger().head();
            let stored = first.store(shared, stamped, link).await;
            stored.map(|state| (state, seen))
        }
    };
    match opened {
        Ok((state, seen)) => {
            let name = state.name();
            rooms.serve(state);
            let head = shared.keys.sign_head(name, seen).to_string();
            let n = reply.n;
            reply.send(FromBroker::Receipt { n, seq: 0, path: Vec::new(), head });
        }
        Err(Code::StoreFailed) => reply.fail(Undecided::STORE_FAILED),
        Err(_) if !reply.may_keep_refusal(stamped.action(), &shared.efforts) => {
            shared.metrics.refusals_not_kept.add(1);
            reply.fail(Undecided::REFUSALS);
        }
        Err(code) => {
            let until = barred.filter(|_| code == Code::DoorForfeited);
            refuse(shared, stamped, (code, until), &newest, reply).await;
        }
    }
}

/// Stores why a listing opens nothing, then says so.
async fn refuse(
    shared: &Shared,
    stamped: &Stamped,
    (code, until): (Code, Option<Time>),
    newest: &NewestBatch,
    reply: Responder,
) {
    shared.metrics.refused.add(1);
    let (digest, room) = (stamped.action().digest(), stamped.action().room());
    let refusal = Refusal {
        digest,
        room,
        stamp: stamped.batch().hash(),
        code,
        size: 0,
        root: merkle::empty_root(),
        batch: newest.batch.hash(),
        same_author: Vec::new(),
        until,
        header: newest.batch.compact().to_owned(),
    };
    let refusal = refusal.sign(&shared.keys.entry);
    let mut append = Append::to(room, 0);
    append.refusals = vec![StoredRefusal { digest, jws: refusal.as_str().into(), leaf: None }];
    match shared.writer.commit(Commit { append, links: Vec::new() }).await {
        Ok(()) => {
            let n = reply.n;
            reply.send(FromBroker::Refused { n, refusal });
        }
        Err(_) => reply.fail(Undecided::STORE_FAILED),
    }
}

/// V-222: whether a persona whose certificate names that issuer, or none, may open a room.
fn may_list(room: &Room, issuer: Option<Digest>) -> bool {
    Auction::of(room).is_none_or(|auction| auction.takes(issuer))
}

fn knows_keys_of(shared: &Shared, terms: &Terms) -> bool {
    terms.are_of(&shared.certificate)
}

/// Makes a room that the broker itself opens durable and has it served.
///
/// # Errors
/// The code of the rule that the opening breaks, or [`Code::StoreFailed`].
pub(crate) async fn open(
    shared: &Shared,
    rooms: Arc<dyn RoomDirectory>,
    stamped: &Stamped,
) -> Result<RoomName, Code> {
    let state = First::of(stamped)?.store(shared, stamped, None).await?;
    let name = state.name();
    rooms.serve(state);
    Ok(name)
}

/// The first entry of a new room, encoded and folded once.
struct First {
    room: Room,
    entry: NewEntry,
}

impl First {
    /// The room that an action opens.
    ///
    /// # Errors
    /// The code of the rule that the opening breaks.
    fn of(stamped: &Stamped) -> Result<Self, Code> {
        let action = stamped.action().compact().to_owned();
        let entry = Entry { seq: 0, action, stamp: stamped.stamp().clone() };
        let text: Arc<str> = entry.encode().into();
        let (room, hashes) = Room::open(stamped, merkle::leaf_hash(text.as_bytes()))?;
        let (header, digest) = (stamped.batch().into(), stamped.action().digest());
        Ok(Self { room, entry: NewEntry { seq: 0, text, header, digest, hashes } })
    }

    /// Makes the room durable, with the link of who opened it.
    ///
    /// # Errors
    /// [`Code::StoreFailed`].
    async fn store(
        self,
        shared: &Shared,
        stamped: &Stamped,
        opener: Option<AuthorLink>,
    ) -> Result<RoomState, Code> {
        let Self { room, entry } = self;
        let name = room.ledger().name();
        let head = shared.keys.sign_head(name, room.ledger().head());
        let mut append = Append::to(name, 0);
        append.new_room = Some(NewRoom {
            kind: room.kind(),
            opening: stamped.action().compact().into(),
            created: stamped.time(),
        });
        let first = SharedEntry::from(&entry);
        append.entries = vec![entry];
        append.head = Some(Arc::clone(&head));
        let links = opener.iter().cloned().collect();
        shared.writer.commit(Commit { append, links }).await.map_err(|error| {
            tracing::error!(%error, "a room could not be stored");
            Code::StoreFailed
        })?;
        shared.metrics.accepted.add(1);
        let recent = VecDeque::from([first.clone()]);
        let policy = AnyPolicy::of(&room);
        Ok(RoomState {
            room,
            policy,
            head,
            first,
            recent,
            opener,
            held: Vec::new(),
            refused: Frontier::default(),
            cosigned: None,
        })
    }
}
