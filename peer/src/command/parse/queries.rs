//! Reads what is looked up: which auctions, whose bids, which receipts.

use super::{Words, closed_quotes, named_or_current, wrong_usage};
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
    let Asked { flags, last, paddle, rest } = asked(&table::BIDS, words)?;
    let mine = !flags.is_empty();
    if mine && paddle.is_some() {
        return Err(wrong_usage(&table::BIDS, "it takes `mine` or `paddle`, not both"));
    }
    let room = match *rest.as_slice() {
        [] if mine => None,
        [] => Some(named_or_current(&table::BIDS, None, current)?),
        [room] => Some(named_or_current(&table::BIDS, Some(room), current)?),
        _ => return Err(wrong_usage(&table::BIDS, "there are too many words")),
    };
    Ok(Command::Bids { room, mine, paddle: paddle.map(str::to_ascii_lowercase), last })
}

/// Reads the words after `/check`.
pub(crate) fn check(words: &Words, _room: Option<&str>) -> Result<Command, UsageError> {
    let Asked { flags, last, rest, .. } = asked(&table::CHECK, words)?;
    let receipt = match *rest.as_slice() {
        [] => None,
        [_] if !flags.is_empty() => {
            return Err(wrong_usage(&table::CHECK, "`all` stands alone"));
        }
        [digest] => Some(digest),
        _ => return Err(wrong_usage(&table::CHECK, "there are too many words")),
    };
    if let Some(short) = receipt.filter(|digest| digest.chars().count() < SHORTEST_DIGEST) {
        let message = format!("`{}` is too short to name a receipt", shortened(short, 20));
        return Err(wrong_usage(&table::CHECK, &message));
    }
    Ok(Command::Check { receipt: receipt.map(str::to_owned), last })
}

/// What stands after the name of a command.
struct Asked<'a> {
    flags: Vec<&'static str>,
    last: Option<u32>,
    paddle: Option<&'a str>,
    /// What is no keyword.
    rest: Vec<&'a str>,
}

/// Sorts the words by what they are; none may be there twice.
fn asked<'a>(usage: &'static Usage, words: &'a Words) -> Result<Asked<'a>, UsageError> {
    closed_quotes(words)?;
    let mut asked = Asked { flags: Vec::new(), last: None, paddle: None, rest: Vec::new() };
    let texts = words.texts();
    let mut texts = texts.iter().copied();
    while let Some(text) = texts.next() {
        let Some(keyword) = usage.keyword(text) else {
            asked.rest.push(text);
            continue;
        };
        let again = match keyword.name {
            "last" => asked.last.is_some(),
            "paddle" => asked.paddle.is_some(),
            flag => asked.flags.contains(&flag),
        };
        if again {
            return Err(wrong_usage(usage, &format!("`{}` is there twice", keyword.name)));
        }
        if keyword.name == "paddle" {
            let wrong = || wrong_usage(usage, "after `paddle` comes its name");
            asked.paddle = Some(texts.next().ok_or_else(wrong)?);
            continue;
        }
        if keyword.name != "last" {
            asked.flags.push(keyword.name);
            continue;
        }
        let count = texts.next().and_then(|count| count.parse().ok()).filter(|count| *count > 0);
        let wrong = || wrong_usage(usage, "after `last` comes a number from 1 on");
        asked.last = Some(count.ok_or_else(wrong)?);
    }
    Ok(asked)
}

/// Which auctions are listed.
fn filter(usage: &'static Usage, words: &Words) -> Result<ListFilter, UsageError> {
    let Asked { flags, last, rest, .. } = asked(usage, words)?;
    if let Some(odd) = rest.first() {
        let message = format!("`{}` is no kind of auction", shortened(odd, 20));
        return Err(wrong_usage(usage, &message));
    }
    let (mut standing, mut kind) = (None, None);
    for flag in flags {
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
