//! Reads what is looked up: which auctions, whose bids, which receipts.

use super::sorted::Sorted;
use super::{Words, named_or_current, wrong_usage};
use crate::command::{AuctionKind, Command, ListFilter, Standing, Usage, UsageError, table};
use crate::text::sanitize::shortened;

/// Fewest characters of a digest that name a receipt.
const SHORTEST_DIGEST: usize = 4;

/// Reads the words after `/items`.
pub(crate) fn items(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    filter(&table::ITEMS, words).map(Command::Items)
}

/// Reads the words after `/mine`.
pub(crate) fn mine(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    filter(&table::MINE, words).map(Command::Mine)
}

/// Reads the words after `/bids`.
pub(crate) fn bids(words: &Words, current: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::BIDS, words, &[])?;
    let (mine, last) = (asked.flag("mine"), asked.number("last")?);
    let paddle = asked.value("paddle", "its name")?;
    if mine && paddle.is_some() {
        return Err(wrong_usage(&table::BIDS, "it takes `mine` or `paddle`, not both"));
    }
    let room = match *asked.texts().as_slice() {
        [] if mine => None,
        [] => Some(named_or_current(&table::BIDS, None, current)?),
        [room] => Some(named_or_current(&table::BIDS, Some(room), current)?),
        _ => return Err(wrong_usage(&table::BIDS, "there are too many words")),
    };
    Ok(Command::Bids { room, mine, paddle: paddle.map(str::to_ascii_lowercase), last })
}

/// Reads the words after `/check`.
pub(crate) fn check(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let asked = Sorted::of(&table::CHECK, words, &[])?;
    let receipt = match *asked.texts().as_slice() {
        [] => None,
        [_] if !asked.flags.is_empty() => {
            return Err(wrong_usage(&table::CHECK, "`all` stands alone"));
        }
        [digest] => Some(digest),
        _ => return Err(wrong_usage(&table::CHECK, "there are too many words")),
    };
    if let Some(short) = receipt.filter(|digest| digest.chars().count() < SHORTEST_DIGEST) {
        let message = format!("`{}` is too short to name a receipt", shortened(short, 20));
        return Err(wrong_usage(&table::CHECK, &message));
    }
    Ok(Command::Check { receipt: receipt.map(str::to_owned), last: asked.number("last")? })
}

/// Which auctions are listed.
fn filter(usage: &'static Usage, words: &Words) -> Result<ListFilter, UsageError> {
    let asked = Sorted::of(usage, words, &[])?;
    let last = asked.number("last")?;
    if let Some(odd) = asked.rest.first() {
        let message = format!("`{}` is no kind of auction", shortened(&odd.text, 20));
        return Err(wrong_usage(usage, &message));
    }
    let (mut standing, mut kind) = (None, None);
    for flag in asked.flags {
        let twice = match flag {
            "open" => standing.replace(Standing::Open).is_some(),
            "closed" => standing.replace(Standing::Closed).is_some(),
            "english" => kind.replace(AuctionKind::English).is_some(),
            "sealed" => kind.replace(AuctionKind::Sealed).is_some(),
            _ => kind.replace(AuctionKind::Dutch).is_some(),
        };
        if twice {
            return Err(wrong_usage(usage, &format!("`{flag}` excludes another word before it")));
        }
    }
    Ok(ListFilter { standing, kind, last })
}

#[cfg(test)]
mod tests;
