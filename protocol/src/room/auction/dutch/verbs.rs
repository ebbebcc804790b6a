//! What a listing says of a price that falls.

use serde::{Deserialize, Serialize};

use crate::value::amount::Amount;

/// That the price falls from `start` until somebody bids (SPEC 7.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutchTerms {
    /// The price falls no lower than this.
    pub floor: Amount,
    /// By how much it falls at once; at most from `start` to `floor`.
    pub fall: Amount,
    /// After how many seconds it falls each time; 1 to 86,400.
    pub every: u32,
}
