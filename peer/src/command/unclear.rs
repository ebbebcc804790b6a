//! What could be read in two ways is refused here, never guessed: a bid is binding, and what was said
//! or disclosed cannot be taken back.

use super::UsageError;
use super::parse::{Word, Words, usage_error};
use crate::text::sanitize;

/// Fewest characters that name a room.
pub const SHORTEST_ROOM: usize = 4;

/// Refuses digits, a space, digits: one amount with its thousands apart, or a room and an amount? Any
/// space cuts, also the narrow ones that are typed between thousands.
pub(super) fn split_amount(words: &[&str], by_shell: bool) -> Result<(), UsageError> {
    // A shell's first word is the room; no group of thousands is as long as a room's name.
    let is_room = |at: usize, left: &str| by_shell && at == 0 && left.len() >= SHORTEST_ROOM;
    let split = words.windows(2).enumerate().find_map(|(at, pair)| match *pair {
        [left, right] if is_split(left, right) && !is_room(at, left) => Some((left, right)),
        _ => None,
    });
    let Some((left, right)) = split else { return Ok(()) };
    let typed = sanitize::shortened(&format!("{left} {right}"), 40);
    let joined = sanitize::shortened(&format!("{left}{right}"), 40);
    let room = if left.len() < SHORTEST_ROOM { format!("{left}abc") } else { left.to_owned() };
    let (room, amount) = (sanitize::shortened(&room, 40), sanitize::shortened(right, 20));
    Err(usage_error(
        &format!("`{typed}` can be one amount, or a room and an amount"),
        format!("write {joined} without the space, or mark the room: #{room} {amount}"),
    ))
}

/// Refuses the same at the end of a title that is not quoted: is it the title's last word, or the
/// price's first digits?
pub(super) fn split_price(left: &str, right: &str) -> Result<(), UsageError> {
    if !is_split(left, right) {
        return Ok(());
    }
    let typed = sanitize::shortened(&format!("{left} {right}"), 40);
    let joined = sanitize::shortened(&format!("{left}{right}"), 40);
    Err(usage_error(
        &format!("`{typed}` can be one amount, or the end of the title and an amount"),
        format!("write {joined} without the space, or put the title in quotes"),
    ))
}

/// Whether two words are digits and the beginning of a number: one number to some eyes.
fn is_split(left: &str, right: &str) -> bool {
    let digits = !left.is_empty() && left.bytes().all(|byte| byte.is_ascii_digit());
    digits && right.starts_with(|first: char| first.is_ascii_digit())
}

/// The first word, if it names a room rather than what is shown to the other side.
///
/// # Errors
/// If it could be both: what is disclosed cannot be taken back.
pub(super) fn marked_room<'a>(
    words: &'a Words,
    current: Option<&str>,
) -> Result<Option<&'a Word>, UsageError> {
    let Some(first) = words.words.first() else { return Ok(None) };
    if current.is_none() || (!first.quoted && first.text.starts_with('#')) {
        return Ok(Some(first));
    }
    if first.quoted
        || !like_a_name(&first.text)
        || !first.text.contains(|c: char| c.is_ascii_digit())
    {
        return Ok(None);
    }
    let shown = sanitize::shortened(&first.text, 20);
    Err(usage_error(
        &format!("`{shown}` can be a room, or what you want to show"),
        format!("mark a room with #{shown}; otherwise quote it: \"{shown}\""),
    ))
}

/// Whether a word has the form of the beginning of a room's name.
pub(super) fn like_a_name(word: &str) -> bool {
    (SHORTEST_ROOM..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}
