//! What two people compare by another way, to know that each writes to the other and to nobody between them.

use pregao_protocol::log::RoomName;
use sha2::{Digest as _, Sha256};

/// What is hashed in front of the names.
const LABEL: &[u8] = b"pregao/compare/v1";
/// How many groups of five digits there are: with 50 digits nobody finds two boxes that look alike.
const GROUPS: usize = 10;
/// How many digits that are.
pub const DIGITS: usize = 5 * GROUPS;

/// The digits for two boxes: the same on both sides. The name of a box binds its keys.
#[must_use]
pub fn digits(one: RoomName, other: RoomName) -> String {
    let (first, second) = if one.0 <= other.0 { (one, other) } else { (other, one) };
    let mut groups = Vec::with_capacity(GROUPS);
    for round in 0_u8..4 {
        let hash = Sha256::new().chain_update(LABEL).chain_update(first.0).chain_update(second.0);
        let hash = hash.chain_update([round]).finalize();
        // Eight bytes for five digits: no group is noticeably likelier than another.
        for part in hash.chunks_exact(8) {
            let number = part.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
            groups.push(format!("{:05}", number % 100_000));
        }
    }
    groups.truncate(GROUPS);
    groups.join(" ")
}

/// How many digits somebody reads out; 0 if there is anything else among them.
#[must_use]
pub fn count(read_out: &str) -> usize {
    let is_between = |character: &char| character.is_whitespace() || *character == '-';
    let read: Vec<char> = read_out.chars().filter(|character| !is_between(character)).collect();
    if read.iter().all(char::is_ascii_digit) { read.len() } else { 0 }
}

/// Whether somebody reads out these digits, however grouped.
#[must_use]
pub fn are(digits: &str, read_out: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(|character| !character.is_whitespace() && *character != '-').collect()
    };
    bare(digits) == bare(read_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: RoomName = RoomName([1; 32]);
    const OTHER: RoomName = RoomName([2; 32]);

    #[test]
    fn both_sides_have_the_same_fifty_digits_and_no_others_have_them() {
        let shown = digits(ONE, OTHER);
        assert_eq!(shown, digits(OTHER, ONE));
        assert_eq!(shown.split(' ').count(), GROUPS);
        assert!(shown.split(' ').all(|group| group.len() == 5));
        assert_ne!(shown, digits(ONE, RoomName([3; 32])));
        assert_ne!(shown, digits(ONE, ONE));
    }

    #[test]
    fn digits_are_compared_whole_however_they_are_grouped() {
        let shown = digits(ONE, OTHER);
        assert!(are(&shown, &shown.replace(' ', "")));
        assert!(are(&shown, &shown.replace(' ', "-")));
        assert!(!are(&shown, shown.get(..53).unwrap()));
        assert!(!are(&shown, ""));
        assert!(!are(&shown, &shown.replacen(|c: char| c.is_ascii_digit(), "x", 1)));
    }
}
