//! How seller and winner become contacts: each gives the other a box that is nobody else's, said in their private room
//! (V-316). Each side does its half; who has both is a contact, whatever is said in the room later.

use std::time::Duration;

use pregao_protocol::letter::Address;
use pregao_protocol::log::RoomName;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use crate::desk::Desk;
use crate::desk::answers::Progress;
use crate::desk::outbox::{no_randomness, offline};
use crate::event::Event;
use crate::net::broker::BrokerAddress;
use crate::post::office::{BoxReady, Office, OfficeError};
use crate::post::postman::terms;
use crate::text::sanitize::sanitize;
use crate::vault::{BefriendRecord, KeptSaying, SaidRecord, UnsaidRecord};

/// Within how many seconds after it is open a box is given: who says something just then may be its owner.
const WITHIN: u64 = 60 * 60;

impl Desk {
    /// Turns a deal into a contact, as far as this side can.
    pub(in crate::desk) async fn befriend(
        &mut self,
        office: &Office,
        typed: &str,
        name: String,
        now: bool,
    ) -> Progress {
        let room = match self.may_talk(typed) {
            Ok(room) => room,
            Err(report) => return self.reject(report).await,
        };
        self.reply_to.room = Some(room);
        let theirs = self.given_in(room);
        if let Err(error) = office.require_free(&name) {
            return self.reject(error.into()).await;
        }
        if let Some(known) = theirs.as_ref().and_then(|theirs| office.whose(theirs).transpose()) {
            let error = match known.and_then(|id| office.contact(id)) {
                Ok(contact) => OfficeError::Known(contact.name.as_str().to_owned()),
                Err(error) => error,
            };
            return self.reject(error.into()).await;
        }
        let before = self.talk(room).and_then(|talk| talk.befriends.clone());
        let begun = match before {
            // Their box is given once, by whatever name.
            Some(before) => BefriendRecord { name, now: before.now || now, ..before },
            None => match self.draw_for_deal(office) {
                Ok(own_box) => {
                    BefriendRecord { name, own_box, now, after: None, given: false, made: false }
                }
                Err(report) => return self.reject(report).await,
            },
        };
        if !self.change_talk(room, |talk| talk.befriends = Some(begun)).await {
            return Progress::Failed;
        }
        self.wake_postman(now);
        self.tell_what_each_learns(theirs.is_some(), now).await;
        self.pursue_talk(room).await;
        Progress::Done
    }

    async fn tell_what_each_learns(&self, has_theirs: bool, now: bool) {
        let when = if now {
            "as soon as it is open: the broker may guess that it is yours"
        } else {
            "within an hour after it is open, while the chat or `pregao agent` runs"
        };
        let lines = [
            format!("you give them a box that is nobody else's, {when}"),
            "they learn its name and its keys, and that it is that of the other side of this deal: neither who you are \
             nor any other box of yours. The broker sees that something was said"
                .to_owned(),
            if has_theirs {
                "they have given theirs: they are a contact, and you write to them from that box".to_owned()
            } else {
                "they have given no box yet, and may have none: once they type /contact deal here, one is opened for you, \
                 and they are a contact by themselves. You learn as much of them as they of you"
                    .to_owned()
            },
        ];
        for line in lines {
            self.note(line).await;
        }
    }

    /// Draws a box that is for nobody yet.
    fn draw_for_deal(&self, office: &Office) -> Result<RoomName, Report> {
        let session = self.connection.session().ok_or_else(offline)?;
        let secrets = office.box_secrets()?;
        let opening = terms(&session.certificate, &secrets);
        Ok(office.draw_spare(opening, secrets)?)
    }

    /// The box that the other side gave last in a room; one of another broker is none.
    fn given_in(&self, room: RoomName) -> Option<Address> {
        let given = |said: &SaidRecord| match (said.own, &said.saying) {
            (false, Some(KeptSaying { contact, .. })) => contact.clone(),
            _ => None,
        };
        let given = self.talk(room)?.said.iter().rev().find_map(given)?;
        let at: BrokerAddress = given.broker.as_str().parse().ok()?;
        (at.fingerprint == self.options.broker.fingerprint).then_some(given)
    }

    /// Does of it what is due: makes the contact, gives the box.
    pub(super) async fn pursue_befriending(&mut self, room: RoomName) {
        let Some(begun) = self.talk(room).and_then(|talk| talk.befriends.clone()) else { return };
        let (Some(office), Some(now)) = (self.letters.kept().cloned(), self.now()) else { return };
        if !begun.made
            && let Some(theirs) = self.given_in(room)
        {
            self.make_contact(&office, room, &begun, theirs, now).await;
        }
        if begun.given {
            return;
        }
        match office.is_ready(&begun.own_box) {
            Ok(BoxReady::Ready(address)) => self.give_box(room, &begun, address, now).await,
            Ok(BoxReady::Later) => {}
            Ok(BoxReady::Never) => {
                let text = "the broker did not open the box that was to be given; do it again: /contact deal";
                self.note(text.to_owned()).await;
                self.change_talk(room, |talk| talk.befriends = None).await;
            }
            Err(error) => self.refuse(error.into()).await,
        }
    }

    async fn make_contact(
        &mut self,
        office: &Office,
        room: RoomName,
        begun: &BefriendRecord,
        theirs: Address,
        now: Time,
    ) {
        let name = sanitize(&begun.name);
        let made = office.add_from_deal(&begun.name, theirs, &begun.own_box, now);
        let text = match made {
            Ok(_) => format!(
                "{name} is a contact, the other side of this deal: /send \"{name}\" TEXT writes to them"
            ),
            Err(error) => {
                let report: Report = error.into();
                format!("{name} is no contact: {}; {}", report.message, report.advice)
            }
        };
        // Once, whatever came of it.
        let made = |talk: &mut crate::vault::TalkRecord| {
            if let Some(begun) = &mut talk.befriends {
                begun.made = true;
            }
        };
        if self.change_talk(room, made).await {
            self.note(text).await;
            self.tell_contacts(office).await;
        }
    }

    /// Gives the box, once some time has passed since it was opened.
    async fn give_box(
        &mut self,
        room: RoomName,
        begun: &BefriendRecord,
        address: Address,
        now: Time,
    ) {
        let after = match (begun.now, begun.after) {
            (true, _) => now,
            (false, Some(after)) => after,
            (false, None) => {
                let random = match self.options.host.random() {
                    Ok(random) => random,
                    Err(error) => return self.refuse(no_randomness(error)).await,
                };
                let within = u64::from_be_bytes(random).checked_rem(WITHIN).unwrap_or_default();
                let after = now.plus(Duration::from_secs(within));
                let chosen = |talk: &mut crate::vault::TalkRecord| {
                    if let Some(begun) = &mut talk.befriends {
                        begun.after = Some(after);
                    }
                };
                self.change_talk(room, chosen).await;
                after
            }
        };
        if now < after {
            return;
        }
        let words = UnsaidRecord {
            text: String::new(),
            mode: self.talk_mode(room),
            contact: Some(address),
        };
        // It is given, and waits with all else that is to be said, in one step.
        self.change_talk(room, |talk| {
            talk.unsaid.push(words);
            if let Some(begun) = &mut talk.befriends {
                begun.given = true;
            }
        })
        .await;
    }

    /// The other side gave a box: says what to do with it, unless that was done.
    pub(super) async fn tell_of_given(&self, room: RoomName) {
        if self.talk(room).is_some_and(|talk| talk.befriends.is_some()) {
            return;
        }
        let known = |theirs: &Address| {
            self.letters.kept().is_some_and(|office| matches!(office.whose(theirs), Ok(Some(_))))
        };
        if let Some(theirs) = self.given_in(room)
            && !known(&theirs)
        {
            let text = format!(
                "the other side gives you a box of theirs: /contact deal NAME #{} makes them a contact, and gives them one of yours",
                self.names.short(room)
            );
            self.note(text).await;
        }
    }

    async fn tell_contacts(&self, office: &Office) {
        if let Ok(contacts) = office.contacts() {
            self.emit(Event::Contacts { id: None, contacts }).await;
        }
    }
}
