//! Which entries are about which deposits, as far as whoever left one may be told (SPEC 9.5).

use crate::room::body::Body;

/// The deposits that an entry of a box is about, and whose depositors may be told of it (V-351).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// None, or none that may be told.
    Nothing,
    /// Those at these positions.
    Letters(&'a [u64]),
    /// All that came before it.
    All,
}

impl<'a> About<'a> {
    /// What is told of an entry with this body. Whether the deposits are there is not asked: the fold took the entry.
    #[must_use]
    pub const fn of(body: &'a Body) -> Self {
        match body {
            Body::Taken(taken) if taken.told => Self::Letters(taken.letters.as_slice()),
            // Whoever sends a registered letter is told what its reader signed, which is what it is for.
            Body::Accepted(one) | Body::Declined(one) | Body::Lapsed(one) => {
                Self::Letters(std::slice::from_ref(&one.letter))
            }
            Body::Handed(handed) => Self::Letters(std::slice::from_ref(&handed.letter)),
            Body::BoxClosed(_) => Self::All,
            _ => Self::Nothing,
        }
    }

    /// Whether an entry at `at` is about the deposit at `deposit`.
    #[must_use]
    pub fn covers(self, deposit: u64, at: u64) -> bool {
        let named = match self {
            Self::Nothing => false,
            Self::Letters(letters) => letters.contains(&deposit),
            Self::All => true,
        };
        named && deposit < at
    }
}
