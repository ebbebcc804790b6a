//! What the broker does in each kind of room besides keeping its log: one [`Policy`] for each kind,
//! registered by one line of `policies!`.
//!
//! A policy decides from the fold, and from what others say again when they are asked again, so a broker that
//! died between two steps takes up the next one when it starts. It never touches the log: it says what is to be appended.

pub(crate) mod auction;
pub(crate) mod message_box;
pub(crate) mod passes;
pub(crate) mod reveal;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::merkle::Frontier;
use pregao_protocol::log::{Cosignature, Head, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, ReleasedLock, SameAuthor};
use pregao_protocol::room::kind::Fold;
use pregao_protocol::room::{Code, Kind, Room, Stamped, State, Undecided};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::handed::Handed;
use tokio::time::Instant;

use super::RoomDirectory;
use crate::check::Checked;
use crate::links::AuthorLink;
use crate::metrics::Metrics;
use crate::shared::Shared;
use crate::store::StoreError;

/// Whose action of two is held until the other's is there; the name under which the store keeps it.
pub(crate) type Role = &'static str;

/// An action that is held until its counterpart is there.
#[derive(Debug, Clone)]
pub(crate) struct HeldAction {
    /// Whose it is.
    pub(crate) role: Role,
    /// The action.
    pub(crate) stamped: Stamped,
}

/// The entry of another room that a room follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Follows {
    /// The other room.
    pub(crate) room: RoomName,
    /// Position of the entry.
    pub(crate) seq: u64,
}

/// A room that follows from an entry of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Follower {
    /// Position of the entry.
    pub(crate) seq: u64,
    /// Its name.
    pub(crate) name: RoomName,
    /// Of which kind it is.
    pub(crate) kind: Kind,
}

/// The rooms that follow from each room.
pub(crate) type Followers = HashMap<RoomName, Vec<Follower>>;

/// What a policy may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoomView<'a> {
    pub(crate) shared: &'a Shared,
    /// The other rooms.
    pub(crate) rooms: &'a Arc<dyn RoomDirectory>,
    pub(crate) room: &'a Room,
    /// Who opened the room; known while links exist.
    pub(crate) opener: Option<&'a AuthorLink>,
    pub(crate) held: &'a [HeldAction],
    /// The tree over what was refused in the room.
    pub(crate) refused: &'a Frontier,
    /// Until when nobody's absence is recorded, because the store failed them.
    pub(crate) patience: Option<Instant>,
}

impl RoomView<'_> {
    /// The room's name.
    pub(crate) fn name(&self) -> RoomName {
        self.room.ledger().name()
    }
}

/// What a policy wants to happen next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing is due.
    Idle,
    /// This entry of the broker's own is to be appended; then ask again.
    Append(Box<Body>),
    /// Something failed and the cause was logged; it is tried again.
    Failed,
    /// Ask again at this instant.
    Wait(Instant),
}

/// Why the broker refuses what the fold accepts (SPEC 7.3, door rules).
#[derive(Debug)]
pub(crate) struct Objection {
    pub(crate) code: Code,
    /// The earlier entries of the same author that are the reason, by rising position.
    pub(crate) same_author: Vec<SameAuthor>,
    /// From when on the author is taken again, if they are barred (V-225).
    pub(crate) until: Option<Time>,
}

/// Why what fold and door accept is not appended.
#[derive(Debug)]
pub(crate) enum Hindrance {
    /// It is refused.
    Objection(Objection),
    /// Nothing is decided.
    Undecided(Undecided),
}

impl From<Code> for Hindrance {
    fn from(code: Code) -> Self {
        Self::Objection(code.into())
    }
}

impl From<Undecided> for Hindrance {
    fn from(code: Undecided) -> Self {
        Self::Undecided(code)
    }
}

impl From<Code> for Objection {
    fn from(code: Code) -> Self {
        Self { code, same_author: Vec::new(), until: None }
    }
}

/// What the broker does in rooms of one kind.
pub(crate) trait Policy: Debug + Default + Send {
    /// The fold it decides from.
    type Fold: Fold;

    /// When the next step is due by TSA time; `None` if none is to come.
    fn due(&self, fold: &Self::Fold) -> Option<Time>;

    /// The step that is due at `now`, TSA time.
    async fn step(&mut self, fold: &Self::Fold, view: RoomView<'_>, now: Time) -> Step;

    /// In whose role an action is held until its counterpart is there; `None` if it is not.
    fn role(&self, fold: &Self::Fold, action: &Action) -> Option<Role> {
        let _ = (fold, action);
        None
    }

    /// Whether an action is by somebody who is no part of the room, as far as only its log tells (V-380).
    fn is_strangers(fold: &Self::Fold, action: &Action) -> bool {
        let _ = (fold, action);
        false
    }

    /// How many entries the log has behind the entry at `seq`, with those that are logged with it or not at all.
    fn covered(fold: &Self::Fold, body: &Body, seq: u64) -> u64 {
        let _ = (fold, body);
        seq.saturating_add(1)
    }

    /// Whether the broker takes an action that the fold accepts. `now` is the time of the newest header that it has seen.
    ///
    /// # Errors
    /// [`Objection`].
    fn admit(
        &self,
        fold: &Self::Fold,
        view: RoomView<'_>,
        checked: &Checked,
        now: Time,
    ) -> Result<(), Objection> {
        let _ = (fold, view, checked, now);
        Ok(())
    }

    /// Takes in what an action needs beside the log, right before it is appended. If it is not durable in the end,
    /// [`Policy::rebuilt`] follows.
    ///
    /// # Errors
    /// [`Hindrance`]; then nothing was taken in.
    async fn take_in(
        &mut self,
        fold: &Self::Fold,
        place: (&Shared, &Room),
        checked: &Checked,
    ) -> Result<(), Hindrance> {
        let _ = (fold, place, checked);
        Ok(())
    }

    /// What the broker appends right behind an action, in the same commit: both are logged or neither.
    ///
    /// # Errors
    /// [`Undecided`] if it cannot; then the action is not decided either.
    fn at_once(
        &self,
        fold: &Self::Fold,
        place: (&Shared, &Room),
        action: &Action,
    ) -> Result<Option<Body>, Undecided> {
        let _ = (fold, place, action);
        Ok(None)
    }

    /// An entry is appended at `seq`; it is not durable yet.
    fn noted(&mut self, seq: u64, body: &Body) {
        let _ = (seq, body);
    }

    /// What was appended since the last time is durable.
    fn durable(&mut self, fold: &Self::Fold, shared: &Shared, room: &Room) {
        let _ = (fold, shared, room);
    }

    /// The fold was rebuilt from the log, since a commit had failed.
    fn rebuilt(&mut self, fold: &Self::Fold, shared: &Shared, room: &Room) {
        let _ = (fold, shared, room);
    }

    /// Keys for a letter, for a guest who holds a pass, as the answer to request `n`. `head` is the newest signed one.
    ///
    /// # Errors
    /// [`Undecided`] says why there are none.
    async fn hand_out(
        &mut self,
        fold: &Self::Fold,
        place: (&Shared, &Room),
        head: &str,
        (n, pass): (u64, Digest),
    ) -> Result<Handed, Undecided> {
        let _ = (fold, place, head, n, pass);
        Err(Undecided::ROOM_UNKNOWN)
    }

    /// How long at most what was received before is decided first, where this entry takes away that it
    /// counts; `None` where it takes away nothing.
    fn after_received(fold: &Self::Fold, body: &Body) -> Option<Duration> {
        let _ = (fold, body);
        None
    }

    /// The head that witnesses are to date before they see a newer one, if there is one now.
    fn to_be_dated(fold: &Self::Fold) -> Option<Head> {
        let _ = fold;
        None
    }

    /// A witness that the room names dated the head that [`Policy::to_be_dated`] gave.
    fn dated(&mut self, fold: &Self::Fold, cosigned: Cosignature) {
        let _ = (fold, cosigned);
    }

    /// The secrets of time-locks that are out, while the room waits for more of them; `None` if it does not.
    fn released(&self, fold: &Self::Fold) -> Option<Vec<ReleasedLock>> {
        let _ = fold;
        None
    }

    /// Counts what an entry means, once it is durable.
    fn count(body: &Body, metrics: &Metrics) {
        let _ = (body, metrics);
    }

    /// The entry of another room that this room follows from.
    fn follows(fold: &Self::Fold) -> Option<Follows> {
        let _ = fold;
        None
    }

    /// A room that follows from the entry at `seq` is complete.
    fn ended(&mut self, fold: &Self::Fold, seq: u64, follower: &Room) {
        let _ = (fold, seq, follower);
    }

    /// Takes up a room of the store. `followers` are the rooms that follow from this one.
    ///
    /// # Errors
    /// A failure of the store.
    async fn resume(
        &mut self,
        fold: &Self::Fold,
        view: RoomView<'_>,
        followers: &[Follower],
    ) -> Result<(), StoreError> {
        let _ = (fold, view, followers);
        Ok(())
    }

    /// Whether a room of this kind that everybody may read is in the list of rooms.
    fn is_listed(fold: &Self::Fold) -> bool {
        let _ = fold;
        true
    }

    /// Whether its owner wants to be found by everybody.
    fn has_handle(fold: &Self::Fold) -> bool {
        let _ = fold;
        false
    }

    /// Whether the policy counts who wrote what, and so is to be told of each entry of a persona.
    fn counts_authors(fold: &Self::Fold) -> bool {
        let _ = fold;
        false
    }

    /// A persona's entry is about to be appended.
    fn authored(&mut self, body: &Body, seq: u64, link: &AuthorLink) {
        let _ = (body, seq, link);
    }

    /// Counts again, from the log and the links that are stored.
    fn recount(&mut self, fold: &Self::Fold, links: Vec<AuthorLink>) {
        let _ = (fold, links);
    }
}

macro_rules! policies {
    ($($kind:ident: $policy:ty;)*) => {
        /// The policy of a room of any kind.
        #[derive(Debug)]
        #[allow(
            clippy::large_enum_variant,
            reason = "each room's task has one for as long as it lives, and moves it nowhere"
        )]
        pub(crate) enum AnyPolicy {
            $(
                #[doc = concat!("See [`Policy`]: ", stringify!($kind), ".")]
                $kind($policy),
            )*
        }

        impl AnyPolicy {
            /// The policy for a room.
            pub(crate) fn of(room: &Room) -> Self {
                match room.state() {
                    $(State::$kind(_) => Self::$kind(Default::default()),)*
                }
            }

            pub(crate) fn due(&self, room: &Room) -> Option<Time> {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => policy.due(fold),)*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => None,
                }
            }

            pub(crate) async fn step(&mut self, view: RoomView<'_>, now: Time) -> Step {
                match (self, view.room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.step(fold, view, now).await
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => Step::Idle,
                }
            }

            pub(crate) fn role(&self, room: &Room, action: &Action) -> Option<Role> {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => policy.role(fold, action),)*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => None,
                }
            }

            /// See [`Policy::is_strangers`].
            pub(crate) fn is_strangers(&self, room: &Room, action: &Action) -> bool {
                match room.state() {
                    $(State::$kind(fold) => <$policy as Policy>::is_strangers(fold, action),)*
                }
            }

            /// See [`Policy::covered`].
            pub(crate) fn covered(&self, room: &Room, body: &Body, seq: u64) -> u64 {
                match room.state() {
                    $(State::$kind(fold) => <$policy as Policy>::covered(fold, body, seq),)*
                }
            }

            pub(crate) fn admit(
                &self,
                view: RoomView<'_>,
                checked: &Checked,
                now: Time,
            ) -> Result<(), Objection> {
                match (self, view.room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.admit(fold, view, checked, now)
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => Ok(()),
                }
            }

            pub(crate) async fn take_in(
                &mut self,
                shared: &Shared,
                room: &Room,
                checked: &Checked,
            ) -> Result<(), Hindrance> {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.take_in(fold, (shared, room), checked).await
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => Ok(()),
                }
            }

            /// See [`Policy::at_once`].
            pub(crate) fn at_once(
                &self,
                shared: &Shared,
                room: &Room,
                action: &Action,
            ) -> Result<Option<Body>, Undecided> {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.at_once(fold, (shared, room), action)
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => Ok(None),
                }
            }

            pub(crate) fn noted(&mut self, seq: u64, body: &Body) {
                match self {
                    $(Self::$kind(policy) => policy.noted(seq, body),)*
                }
            }

            pub(crate) fn durable(&mut self, shared: &Shared, room: &Room) {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.durable(fold, shared, room);
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => {}
                }
            }

            pub(crate) fn rebuilt(&mut self, shared: &Shared, room: &Room) {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.rebuilt(fold, shared, room);
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => {}
                }
            }

            /// Keys for a letter. See [`Policy::hand_out`].
            pub(crate) async fn hand_out(
                &mut self,
                shared: &Shared,
                room: &Room,
                head: &str,
                asked: (u64, Digest),
            ) -> Result<Handed, Undecided> {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.hand_out(fold, (shared, room), head, asked).await
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => Err(Undecided::ROOM_UNKNOWN),
                }
            }

            pub(crate) fn after_received(&self, room: &Room, body: &Body) -> Option<Duration> {
                match room.state() {
                    $(State::$kind(fold) => <$policy as Policy>::after_received(fold, body),)*
                }
            }

            pub(crate) fn to_be_dated(&self, room: &Room) -> Option<Head> {
                match room.state() {
                    $(State::$kind(fold) => <$policy as Policy>::to_be_dated(fold),)*
                }
            }

            pub(crate) fn dated(&mut self, room: &Room, cosigned: Cosignature) {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => policy.dated(fold, cosigned),)*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => {}
                }
            }

            pub(crate) fn released(&self, room: &Room) -> Option<Vec<ReleasedLock>> {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => policy.released(fold),)*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => None,
                }
            }

            pub(crate) fn count(&self, body: &Body, metrics: &Metrics) {
                match self {
                    $(Self::$kind(_) => <$policy as Policy>::count(body, metrics),)*
                }
            }

            pub(crate) fn ended(&mut self, room: &Room, seq: u64, follower: &Room) {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.ended(fold, seq, follower);
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => {}
                }
            }

            pub(crate) async fn resume(
                &mut self,
                view: RoomView<'_>,
                followers: &[Follower],
            ) -> Result<(), StoreError> {
                match (self, view.room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        policy.resume(fold, view, followers).await
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => Ok(()),
                }
            }

            /// A persona's entry is about to be appended. See [`Policy::authored`].
            pub(crate) fn authored(
                &mut self,
                room: &Room,
                body: &Body,
                seq: u64,
                link: &AuthorLink,
            ) {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold))
                        if <$policy as Policy>::counts_authors(fold) =>
                    {
                        policy.authored(body, seq, link);
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => {}
                }
            }

            /// Counts again, if the policy counts. See [`Policy::recount`].
            ///
            /// # Errors
            /// A failure of the store.
            pub(crate) async fn recount(
                &mut self,
                room: &Room,
                shared: &Shared,
            ) -> Result<(), StoreError> {
                match (self, room.state()) {
                    $((Self::$kind(policy), State::$kind(fold)) => {
                        if <$policy as Policy>::counts_authors(fold) {
                            let links = shared.authors.of(room.ledger().name()).await?;
                            policy.recount(fold, links.unwrap_or_default());
                        }
                        Ok(())
                    })*
                    #[allow(unreachable_patterns, reason = "there may be one kind only")]
                    _ => Ok(()),
                }
            }
        }

        /// Whether a room that everybody may read is in the list of rooms.
        pub(crate) fn is_listed(room: &Room) -> bool {
            match room.state() {
                $(State::$kind(fold) => <$policy as Policy>::is_listed(fold),)*
            }
        }

        /// Whether a room is a box whose owner wants to be found by everybody.
        pub(crate) fn has_handle(room: &Room) -> bool {
            match room.state() {
                $(State::$kind(fold) => <$policy as Policy>::has_handle(fold),)*
            }
        }

        /// The entry of another room that a room follows from.
        pub(crate) fn follows(room: &Room) -> Option<Follows> {
            match room.state() {
                $(State::$kind(fold) => <$policy as Policy>::follows(fold),)*
            }
        }
    };
}

policies! {
    Auction: auction::AuctionPolicy;
    Reveal: reveal::RevealPolicy;
    MessageBox: message_box::BoxPolicy;
    Passes: passes::PassesPolicy;
}
