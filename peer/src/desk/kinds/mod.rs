//! What the desk does in each kind of room besides keeping a verified copy of its log: one [`View`]
//! for each kind, registered by one line of `views!`.

pub(in crate::desk) mod auction;
mod message_box;
pub(in crate::desk) mod passes;
pub(in crate::desk) mod reveal;

use std::fmt::Debug;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Amount, Body};
use pregao_protocol::room::kind::Fold;
use pregao_protocol::room::{Code, Kind, Room, Stamped, State};
use pregao_protocol::trust::key::{OneTime, PublicKey};
use pregao_protocol::trust::persona::{Blind, BlindContext};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use super::Desk;
use super::confirm::{Consent, Ground};
use super::outbox::Drafted;
use super::replica::Replica;
use crate::command::Command;
use crate::event::{Event, RoomView};
use crate::vault::Secret;

/// An entry that was just verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoggedEntry<'a> {
    pub(super) name: RoomName,
    pub(super) seq: u64,
    pub(super) stamped: &'a Stamped,
    /// Whether the user made it.
    pub(super) own: bool,
    /// What it offers, where it is the user's and hides that from everybody else.
    pub(super) hidden: Option<Amount>,
}

/// The one-time key that an action is about to be signed with, and what it was made from.
#[derive(Debug)]
pub(super) struct OwnKey<'a> {
    pub(super) blind: &'a Blind,
    pub(super) context: &'a BlindContext,
    pub(super) key: PublicKey<OneTime>,
    /// What is kept with it for its author alone.
    pub(super) seal: Option<&'a Secret>,
}

/// Rooms of one kind as the user meets them. What a kind has nothing to say about, it leaves out.
pub(super) trait View {
    /// The fold it reads.
    type Fold: Fold;
    /// What the desk remembers of such a room besides log and fold.
    type Notes: Debug + Default;

    /// What the room is called.
    fn title(fold: &Self::Fold) -> Option<String> {
        let _ = fold;
        None
    }

    /// What the room that an action opens will be called.
    fn title_of_opening(body: &Body) -> Option<String> {
        let _ = body;
        None
    }

    /// What the room that a command opens will be called.
    fn title_of_command(command: &Command) -> Option<String> {
        let _ = command;
        None
    }

    /// The room next to which alone this one is read.
    fn belongs_to(fold: &Self::Fold) -> Option<RoomName> {
        let _ = fold;
        None
    }

    /// Since when the room is there for those who only look on; `None` if it is for no such.
    fn begins(fold: &Self::Fold) -> Option<Time> {
        let _ = fold;
        None
    }

    /// When the room ends for those who only look on; `None` if it matters to no such.
    fn end(fold: &Self::Fold) -> Option<Time> {
        let _ = fold;
        None
    }

    /// Whether others may act in it, as far as is known.
    fn is_open(fold: &Self::Fold, now: Option<Time>) -> bool {
        let _ = (fold, now);
        false
    }

    /// Whether what everybody waits for is known.
    fn is_decided(fold: &Self::Fold) -> bool {
        let _ = fold;
        true
    }

    /// The room in lists and on the panel; `None` if it is in no list.
    fn row(desk: &Desk, name: RoomName, replica: &Replica, fold: &Self::Fold) -> Option<RoomView> {
        let _ = (desk, name, replica, fold);
        None
    }

    /// What the user is told of an entry.
    fn event(replica: &Replica, fold: &Self::Fold, entry: &LoggedEntry<'_>) -> Option<Event> {
        let _ = (replica, fold, entry);
        None
    }

    /// Remembers what matters of an entry. True if rooms to follow are to be chosen anew.
    fn note(notes: &mut Self::Notes, seq: u64, stamped: &Stamped) -> bool {
        let _ = (notes, seq, stamped);
        false
    }

    /// After an entry was noted, before the user is told of it; `text` is the entry as logged.
    async fn logged(desk: &mut Desk, name: RoomName, stamped: &Stamped, text: &str) {
        let _ = (desk, name, stamped, text);
    }

    /// After new entries and, if one came with them, a head.
    async fn caught_up(desk: &mut Desk, name: RoomName) {
        let _ = (desk, name);
    }

    /// The action that a command asks for; `None` if it is none for a room of this kind.
    fn draft(desk: &Desk, command: &Command) -> Option<Result<Drafted, Report>> {
        let _ = (desk, command);
        None
    }

    /// Whether a command goes before those that wait for a place.
    fn overtakes(command: &Command) -> bool {
        let _ = command;
        false
    }

    /// Whether an action signed before is taken up again instead of what a command asks for.
    async fn takes_up(desk: &mut Desk, command: &Command) -> bool {
        let _ = (desk, command);
        false
    }

    /// Completes the body of an action by what follows from its own blind or key: what shows that one author made it
    /// and an earlier one, or what hides a part of it from everybody else. Gives the amount that it hides.
    ///
    /// # Errors
    /// Why it cannot be completed: then nothing is signed.
    fn complete(
        desk: &Desk,
        room: RoomName,
        body: &mut Body,
        own: &OwnKey<'_>,
    ) -> Result<Option<Amount>, Report> {
        let _ = (desk, room, body, own);
        Ok(None)
    }

    /// What a command offers, in words.
    fn offer(desk: &Desk, room: Option<RoomName>, command: &Command) -> Option<String> {
        let _ = (desk, room, command);
        None
    }

    /// The terms that an action fixes or agrees to, each with what comes of it, line by line.
    fn terms(desk: &Desk, room: Option<RoomName>, body: &Body) -> Vec<String> {
        let _ = (desk, room, body);
        Vec::new()
    }

    /// Whether what was drafted earlier still fits the session; an error if it cannot be done any more.
    fn still_holds(desk: &Desk, body: &Body) -> Result<bool, Report> {
        let _ = (desk, body);
        Ok(true)
    }

    /// Whether a witness may be handed what the broker does not answer.
    fn may_be_delivered(desk: &Desk, room: RoomName, body: &Body) -> Result<(), Report> {
        let _ = (desk, room, body);
        Ok(())
    }

    /// What must be agreed to before an action is signed.
    fn grounds(desk: &Desk, room: Option<RoomName>, body: &Body, consent: &Consent) -> Vec<Ground> {
        let _ = (desk, room, body, consent);
        Vec::new()
    }

    /// What happened at a refusal of this action by this log, better than its code alone tells.
    fn why(fold: &Self::Fold, code: Code, refused: &Stamped) -> Option<String> {
        let _ = (fold, code, refused);
        None
    }

    /// What to do about a refusal, better than its code alone tells.
    fn advice(fold: &Self::Fold, code: Code) -> Option<String> {
        let _ = (fold, code);
        None
    }

    /// What a room of this kind is, and what to do, for somebody who took it for another.
    fn wrong_kind() -> (&'static str, &'static str);
}

macro_rules! views {
    ($($kind:ident in $field:ident: $view:ty;)*) => {
        /// What the desk remembers of a room besides log and fold.
        #[derive(Debug, Default)]
        pub(super) struct Notes {
            $(pub(super) $field: <$view as View>::Notes,)*
        }

        impl Notes {
            /// See [`View::note`].
            pub(super) fn note(&mut self, kind: Kind, seq: u64, stamped: &Stamped) -> bool {
                match kind {
                    $(Kind::$kind => <$view as View>::note(&mut self.$field, seq, stamped),)*
                }
            }
        }

        pub(super) fn title(room: &Room) -> Option<String> {
            match room.state() { $(State::$kind(fold) => <$view as View>::title(fold),)* }
        }

        pub(super) fn title_of_opening(body: &Body) -> Option<String> {
            None$(.or_else(|| <$view as View>::title_of_opening(body)))*
        }

        pub(super) fn title_of_command(command: &Command) -> Option<String> {
            None$(.or_else(|| <$view as View>::title_of_command(command)))*
        }

        pub(super) fn belongs_to(room: &Room) -> Option<RoomName> {
            match room.state() { $(State::$kind(fold) => <$view as View>::belongs_to(fold),)* }
        }

        pub(super) fn begins(room: &Room) -> Option<Time> {
            match room.state() { $(State::$kind(fold) => <$view as View>::begins(fold),)* }
        }

        pub(super) fn end(room: &Room) -> Option<Time> {
            match room.state() { $(State::$kind(fold) => <$view as View>::end(fold),)* }
        }

        pub(super) fn is_open(room: &Room, now: Option<Time>) -> bool {
            match room.state() { $(State::$kind(fold) => <$view as View>::is_open(fold, now),)* }
        }

        pub(super) fn is_decided(room: &Room) -> bool {
            match room.state() { $(State::$kind(fold) => <$view as View>::is_decided(fold),)* }
        }

        pub(super) fn row(
            desk: &Desk,
            name: RoomName,
            replica: &Replica,
            room: &Room,
        ) -> Option<RoomView> {
            match room.state() {
                $(State::$kind(fold) => <$view as View>::row(desk, name, replica, fold),)*
            }
        }

        pub(super) fn event(
            replica: &Replica,
            room: &Room,
            entry: &LoggedEntry<'_>,
        ) -> Option<Event> {
            match room.state() {
                $(State::$kind(fold) => <$view as View>::event(replica, fold, entry),)*
            }
        }

        pub(super) async fn logged(desk: &mut Desk, name: RoomName, stamped: &Stamped, text: &str) {
            match desk.kind_of(name) {
                $(Some(Kind::$kind) => {
                    <$view as View>::logged(desk, name, stamped, text).await;
                })*
                None => {}
            }
        }

        pub(super) async fn caught_up(desk: &mut Desk, name: RoomName) {
            match desk.kind_of(name) {
                $(Some(Kind::$kind) => <$view as View>::caught_up(desk, name).await,)*
                None => {}
            }
        }

        pub(super) fn draft(desk: &Desk, command: &Command) -> Option<Result<Drafted, Report>> {
            None$(.or_else(|| <$view as View>::draft(desk, command)))*
        }

        pub(super) fn overtakes(command: &Command) -> bool {
            false $(|| <$view as View>::overtakes(command))*
        }

        pub(super) async fn takes_up(desk: &mut Desk, command: &Command) -> bool {
            false $(|| <$view as View>::takes_up(desk, command).await)*
        }

        pub(super) fn complete(
            desk: &Desk,
            room: RoomName,
            body: &mut Body,
            own: &OwnKey<'_>,
        ) -> Result<Option<Amount>, Report> {
            let mut hidden = None;
            $(hidden = hidden.or(<$view as View>::complete(desk, room, body, own)?);)*
            Ok(hidden)
        }

        pub(super) fn offer(
            desk: &Desk,
            room: Option<RoomName>,
            command: &Command,
        ) -> Option<String> {
            None$(.or_else(|| <$view as View>::offer(desk, room, command)))*
        }

        pub(super) fn terms(desk: &Desk, room: Option<RoomName>, body: &Body) -> Vec<String> {
            let mut terms = Vec::new();
            $(terms.extend(<$view as View>::terms(desk, room, body));)*
            terms
        }

        pub(super) fn still_holds(desk: &Desk, body: &Body) -> Result<bool, Report> {
            Ok(true$( && <$view as View>::still_holds(desk, body)?)*)
        }

        pub(super) fn may_be_delivered(
            desk: &Desk,
            room: RoomName,
            body: &Body,
        ) -> Result<(), Report> {
            $(<$view as View>::may_be_delivered(desk, room, body)?;)*
            Ok(())
        }

        pub(super) fn grounds(
            desk: &Desk,
            room: Option<RoomName>,
            body: &Body,
            consent: &Consent,
        ) -> Vec<Ground> {
            let mut grounds = Vec::new();
            $(grounds.extend(<$view as View>::grounds(desk, room, body, consent));)*
            grounds
        }

        pub(super) fn why(room: &Room, code: Code, refused: &Stamped) -> Option<String> {
            match room.state() { $(State::$kind(fold) => <$view as View>::why(fold, code, refused),)* }
        }

        pub(super) fn advice(room: &Room, code: Code) -> Option<String> {
            match room.state() { $(State::$kind(fold) => <$view as View>::advice(fold, code),)* }
        }

        /// The answer to a command that rooms of this kind do not know.
        pub(super) fn wrong_kind(room: &Room) -> Report {
            let (what, advice) = match room.kind() {
                $(Kind::$kind => <$view as View>::wrong_kind(),)*
            };
            Report::new(Code::VerbKind.as_str(), what.to_owned(), advice.to_owned())
        }
    };
}

views! {
    Auction in auction: auction::AuctionView;
    Reveal in reveal: reveal::RevealView;
    MessageBox in message_box: message_box::BoxView;
    Passes in passes: passes::PassesView;
}

impl Desk {
    /// The kind of a room, once its first entry is there.
    fn kind_of(&self, name: RoomName) -> Option<Kind> {
        self.rooms.get(&name)?.room().map(Room::kind)
    }
}
