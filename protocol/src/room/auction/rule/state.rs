//! What a rule is asked about.

/// What is known of a bid: open ones are seen as they come, sealed ones once the auction is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bidding {
    /// Everybody sees each bid.
    Open,
    /// Nobody sees a bid before all are opened.
    Sealed,
}

/// A bid and the auction at its position in the log. Amounts are in minor units, times in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// What is offered.
    pub amount: i64,
    /// The highest bid before it, 0 if there is none.
    pub highest: i64,
    /// The least that it may be.
    pub least: i64,
    /// What the listing says that bids start from.
    pub start: i64,
    /// How many bids counted before it.
    pub bids: i64,
    /// How many of them were made under its paddle, 0 if it has none.
    pub paddle_bids: i64,
    /// From the stamp of the listing to that of the bid.
    pub elapsed: i64,
    /// From the stamp of the bid to the end as it stood.
    pub remaining: i64,
}

/// Each variable with its name in rules, how it reads in a sentence, and whether sealed bids have it.
macro_rules! variables {
    ($($(#[$doc:meta])* $variant:ident $field:ident $words:literal $sealed:literal;)*) => {
        /// What a rule may name of a [`State`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Variable {
            $($(#[$doc])* $variant,)*
        }

        impl Variable {
            /// All of them, in the order of SPEC 7.10.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in rules.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($field),)* }
            }

            /// What it is, in words that fit into a sentence.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }

            /// Whether rules for such bids may name it.
            #[must_use]
            pub const fn is_known(self, bidding: Bidding) -> bool {
                match bidding {
                    Bidding::Open => true,
                    Bidding::Sealed => match self { $(Self::$variant => $sealed,)* },
                }
            }
        }

        impl State {
            /// The value of a variable.
            #[must_use]
            pub const fn value(&self, variable: Variable) -> i64 {
                match variable { $(Variable::$variant => self.$field,)* }
            }

            /// The same, to be set.
            pub const fn value_mut(&mut self, variable: Variable) -> &mut i64 {
                match variable { $(Variable::$variant => &mut self.$field,)* }
            }
        }
    };
}

variables! {
    /// What is offered.
    Amount amount "the bid" true;
    /// The highest bid before it.
    Highest highest "the highest bid so far" false;
    /// The least that it may be.
    Least least "the least bid" false;
    /// Where bids start.
    Start start "the starting price" true;
    /// How many bids counted before it.
    Bids bids "the number of bids so far" false;
    /// How many of them were made under its paddle.
    PaddleBids paddle_bids "the number of bids so far under the bid's paddle" false;
    /// Seconds since the listing.
    Elapsed elapsed "the seconds since the listing" true;
    /// Seconds to the end.
    Remaining remaining "the seconds to the end" true;
}

impl Variable {
    /// The variable of a name in rules for such bids.
    #[must_use]
    pub fn of(name: &str, bidding: Bidding) -> Option<Self> {
        let named = Self::ALL.iter().find(|variable| variable.name() == name);
        named.copied().filter(|variable| variable.is_known(bidding))
    }
}
