//! What was said in a private room, opened once and kept: the key that opened it is destroyed with that (SPEC 8.4).

use pregao_protocol::letter::say::{Hearer, Saying, open};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Body, SealedSay, Side};
use pregao_protocol::room::{RevealRoom, Stamped};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use super::open::role;
use super::talk::member;
use crate::desk::Desk;
use crate::desk::replica::Replica;
use crate::event::Event;
use crate::text::sanitize::with_causes;
use crate::vault::{KeptSaying, SaidRecord};

/// An entry in which something was said.
#[derive(Debug, Clone)]
pub(super) struct SealedSaying {
    seq: u64,
    time: Time,
    digest: Digest,
    said: SealedSay,
}

impl SealedSaying {
    /// What an entry says, if it says something.
    pub(super) fn of(seq: u64, stamped: &Stamped) -> Option<Self> {
        let Body::SealedSay(said) = stamped.action().body() else { return None };
        let (time, digest) = (stamped.time(), stamped.action().digest());
        Some(Self { seq, time, digest, said: said.clone() })
    }
}

impl Desk {
    /// Shows what was said since the user was shown it last.
    pub(super) async fn read_sayings(&mut self, name: RoomName, side: Side) {
        while let Some(next) = self.next_saying(name) {
            let kept = match self.kept_saying(name, &next.digest) {
                Some(kept) => kept,
                None => match self.read_saying(name, side, &next).await {
                    Some(read) => read,
                    // Not durable: it is opened again.
                    None => return,
                },
            };
            if let Some(replica) = self.rooms.get_mut(&name) {
                replica.notes.reveal.shown = replica.notes.reveal.shown.saturating_add(1);
            }
            self.show_saying(name, side, &next, kept).await;
        }
    }

    fn next_saying(&self, name: RoomName) -> Option<SealedSaying> {
        let notes = &self.rooms.get(&name)?.notes.reveal;
        notes.said.get(notes.shown).cloned()
    }

    fn kept_saying(&self, name: RoomName, digest: &Digest) -> Option<SaidRecord> {
        self.talk(name)?.said.iter().find(|kept| kept.digest == *digest).cloned()
    }

    /// Opens what was said, keeps what it says, and destroys the key that it was sealed to. `None` if that is not durable.
    async fn read_saying(
        &mut self,
        name: RoomName,
        side: Side,
        sealed: &SealedSaying,
    ) -> Option<SaidRecord> {
        let room = self.rooms.get(&name).and_then(Replica::room).and_then(RevealRoom::of)?;
        let owner = room.talks().owner(&sealed.said.once);
        let own = owner == Some(side.other());
        let opened = if own {
            Err("it was said with another copy of this vault, and only the other side can read it"
                .to_owned())
        } else {
            self.opened_saying(name, room, side, &sealed.said)
        };
        let digest = sealed.digest;
        let read = match opened {
            Ok(Saying { text, mode, contact, .. }) => {
                let saying = KeptSaying { text: text.as_str().to_owned(), mode, contact };
                SaidRecord { digest, own, saying: Some(saying), trouble: None }
            }
            Err(trouble) => SaidRecord { digest, own, saying: None, trouble: Some(trouble) },
        };
        let kept = read.clone();
        let once = sealed.said.once;
        let durable = self
            .change_talk(name, |talk| {
                talk.said.push(kept);
                if let Some(keys) = &mut talk.keys {
                    keys.once.retain(|secret| {
                        PrekeySecret::from_random(*secret.expose()).public().digest() != once
                    });
                }
            })
            .await;
        durable.then_some(read)
    }

    fn opened_saying(
        &self,
        name: RoomName,
        room: &RevealRoom,
        side: Side,
        said: &SealedSay,
    ) -> Result<Saying, String> {
        let gone = || {
            "the key that opened it is gone: this vault was restored, or is another copy".to_owned()
        };
        let keys = self.talk(name).and_then(|talk| talk.keys.as_ref()).ok_or_else(gone)?;
        let mut secrets = keys.once.iter().map(|once| PrekeySecret::from_random(*once.expose()));
        let once = secrets.find(|secret| secret.public().digest() == said.once).ok_or_else(gone)?;
        let (own, other) = (member(name, room, side), member(name, room, side.other()));
        let (own, other) = own.zip(other).ok_or_else(gone)?;
        let signed = PrekeySecret::from_random(*keys.signed.expose());
        let agreement = AgreementSecret::from_random(*keys.agreement.expose());
        let hearer = Hearer { member: own, signed: &signed, once: &once, agreement: &agreement };
        open(&hearer, &other, &said.sealed).map_err(|error| with_causes(&error))
    }

    async fn show_saying(
        &mut self,
        name: RoomName,
        side: Side,
        sealed: &SealedSaying,
        kept: SaidRecord,
    ) {
        let SaidRecord { own, saying, trouble, .. } = kept;
        let author = role(if own { side } else { side.other() });
        let (text, mode, contact) = match saying {
            Some(KeptSaying { text, mode, contact }) => {
                (Some(text), Some(mode), contact.map(|address| address.name))
            }
            None => (None, None, None),
        };
        let gives = contact.is_some() && !own;
        let (room, seq, time) = (name.to_string(), sealed.seq, sealed.time);
        self.emit(Event::SaidPrivately {
            room,
            seq,
            author,
            text,
            mode,
            contact,
            trouble,
            time,
            own,
        })
        .await;
        if gives {
            self.tell_of_given(name).await;
        }
    }
}
