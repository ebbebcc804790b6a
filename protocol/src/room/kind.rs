//! What a kind of room is, and the list of those that this program knows (SPEC 7).
//!
//! A kind is a [`Fold`] and one line in `kinds!`. Outside a kind's own folder only [`crate::audit::evidence`]
//! knows what some of its verbs mean: what a lie is, depends on them.

use std::fmt;

use crate::room::body::Body;
use crate::room::{Code, Ledger, Room, Stamped, Terms};
use crate::trust::key::{OneTime, PublicKey};

/// What the log of one kind of room means. It reads no clock and nothing outside the log.
///
/// Rules that hold in every room are the [`Ledger`]'s and are not repeated here: whenever a fold is
/// asked, they hold.
pub trait Fold: fmt::Debug + Clone + Sized {
    /// The body of the action that opens such a room.
    type Opening;

    /// What an opening fixes. Nothing was judged yet.
    fn terms(opening: &Self::Opening) -> Terms;

    /// The state after the opening.
    ///
    /// # Errors
    /// The [`Code`] of the first rule of this kind that the opening breaks.
    fn open(opening: &Self::Opening, entry: &Stamped) -> Result<Self, Code>;

    /// Decides whether a room with this opening can hold such an entry at any position but the first:
    /// what can be said of an entry without its log (V-061).
    ///
    /// # Errors
    /// The [`Code`] of a rule that it breaks in every such room; [`Code::VerbKind`] for a verb that
    /// rooms of this kind do not have.
    fn judge_alone(opening: &Self::Opening, entry: &Stamped) -> Result<(), Code> {
        let _ = (opening, entry);
        Ok(())
    }

    /// Decides about the next entry without changing anything.
    ///
    /// # Errors
    /// The [`Code`] of the first rule of this kind that it breaks; [`Code::VerbKind`] for a verb
    /// that rooms of this kind do not have.
    fn judge(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code>;

    /// Takes an entry that was judged. `ledger` is the log before it.
    fn append(&mut self, ledger: &Ledger, entry: &Stamped);

    /// The log has the entry that was taken last. `ledger` is the log with it.
    fn appended(&mut self, ledger: &Ledger, entry: &Stamped) {
        let _ = (ledger, entry);
    }

    /// Whether nothing of consequence can follow: what the house knows of the authors is erased
    /// then, and nothing that was held back is logged any more.
    fn is_complete(&self) -> bool;

    /// The rule that forbids the log to end here, if one does.
    fn cut_short(&self) -> Option<Code> {
        None
    }

    /// What a refusal by `code` rests on if the log alone would have accepted the action; `None`
    /// if nothing may.
    fn beyond_the_log(&self, code: Code, body: &Body) -> Option<Beyond> {
        let _ = (code, body);
        None
    }

    /// The key of the author of the entry at a position, of those that may be shown to be by another's author
    /// ([`Authored::Entries`]).
    fn author_of(&self, seq: u64) -> Option<PublicKey<OneTime>> {
        let _ = seq;
        None
    }
}

/// What a broker may know beyond the log when it refuses an action (SPEC 7.3, door rules).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// That the author also made other entries, which the refusal shows (V-072).
    SameAuthor(Authored),
    /// Something of its own that nobody else can check.
    Word,
}

/// Which entries a refused action is shown to have an author in common with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authored {
    /// The one that opened the room.
    Opening,
    /// So many of those that [`Fold::author_of`] knows.
    Entries(usize),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($fold:ty) = $name:literal;)*) => {
        /// A kind of room.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The stable name, as kept in stores.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }

        /// The state of a room of any kind.
        #[derive(Debug, Clone)]
        pub enum State {
            $($(#[$doc])* $kind(Box<$fold>),)*
        }

        impl State {
            /// Which kind it is of.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            pub(super) fn judge(&self, ledger: &Ledger, entry: &Stamped) -> Result<(), Code> {
                match self { $(Self::$kind(fold) => fold.judge(ledger, entry),)* }
            }

            pub(super) fn append(&mut self, ledger: &Ledger, entry: &Stamped) {
                match self { $(Self::$kind(fold) => fold.append(ledger, entry),)* }
            }

            pub(super) fn appended(&mut self, ledger: &Ledger, entry: &Stamped) {
                match self { $(Self::$kind(fold) => fold.appended(ledger, entry),)* }
            }

            pub(super) fn is_complete(&self) -> bool {
                match self { $(Self::$kind(fold) => fold.is_complete(),)* }
            }

            pub(super) fn cut_short(&self) -> Option<Code> {
                match self { $(Self::$kind(fold) => fold.cut_short(),)* }
            }

            pub(super) fn beyond_the_log(&self, code: Code, body: &Body) -> Option<Beyond> {
                match self { $(Self::$kind(fold) => fold.beyond_the_log(code, body),)* }
            }

            pub(super) fn author_of(&self, seq: u64) -> Option<PublicKey<OneTime>> {
                match self { $(Self::$kind(fold) => fold.author_of(seq),)* }
            }
        }

        $(
            impl $fold {
                /// Which kind of room it is the fold of.
                pub const KIND: Kind = Kind::$kind;

                /// The fold of a room, if the room is of this kind.
                #[must_use]
                pub fn of(room: &Room) -> Option<&Self> {
                    match room.state() {
                        State::$kind(fold) => Some(fold),
                        #[allow(unreachable_patterns, reason = "there may be one kind only")]
                        _ => None,
                    }
                }
            }

            impl From<$fold> for State {
                fn from(fold: $fold) -> Self {
                    Self::$kind(Box::new(fold))
                }
            }
        )*
    };
}

kinds! {
    /// An auction.
    Auction(crate::room::auction::Auction) = "auction";
    /// The private room of seller and winner.
    Reveal(crate::room::reveal::RevealRoom) = "reveal";
    /// A message box.
    MessageBox(crate::room::message_box::MessageBox) = "box";
    /// The public room in which a broker states the keys of its passes.
    Passes(crate::room::passes::PassRoom) = "passes";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of a kind of room that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no kind of room that this program knows; update it")]
pub struct UnknownKind;

impl std::str::FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::room::fixture::{SECOND, Table, at};
    use crate::value::codec::Digest;

    #[test]
    fn kinds_have_names_of_their_own_that_read_back_and_no_other_text_is_one() {
        let names: HashSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
        }
        for other in ["", "Auction", "auction ", "other"] {
            assert_eq!(other.parse::<Kind>(), Err(UnknownKind), "{other}");
        }
    }

    #[test]
    fn v061_only_an_opening_stands_first() {
        let mut table = Table::auction();
        assert_eq!(table.room.kind(), Kind::Auction);
        let bid = table.bid_at(at(SECOND), 1_000);
        assert_eq!(Room::open(&bid, Digest([0; 32])).unwrap_err(), Code::VerbPhase);
        let closed = table.broker_at(at(SECOND), crate::room::fixture::close_body());
        assert_eq!(Room::open(&closed, Digest([0; 32])).unwrap_err(), Code::VerbPhase);
    }
}
