//! Rows that were changed outside the program.

use proptest::prelude::*;

use super::fixture::{Post, at, contains, owner, text_letter};
use super::*;
use crate::post::store::letters::{LetterNumber, Selection};

/// Three letters, then something done to the file.
fn after(change: impl FnOnce(&Connection)) -> Post {
    let mut post = Post::new();
    for n in 1..=3 {
        let letter = text_letter(&post.them, n, "About", "Text");
        post.receive(letter, u64::try_from(n).unwrap(), None);
    }
    post.tamper(change)
}

/// Which letters of three are whole.
fn whole(post: &Post) -> Vec<Result<i64, i64>> {
    let page = post.store.view().letters(Selection::All, None, 10).unwrap();
    let told = |row: crate::post::store::letters::LetterRow| {
        row.map(|kept| kept.id.0).map_err(|damaged| damaged.id)
    };
    page.letters.into_iter().map(told).collect()
}

#[test]
fn one_broken_row_hides_no_other() {
    for sql in [
        "UPDATE letter SET sealed = zeroblob(length(sealed)) WHERE id = 2",
        "UPDATE letter SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE id = 2",
        "UPDATE letter SET sealed = substr(sealed, 1, 23) WHERE id = 2",
        "UPDATE letter SET sealed = x'' WHERE id = 2",
        "UPDATE letter SET sealed = CAST(sealed || x'00' AS BLOB) WHERE id = 2",
        "UPDATE letter SET sealed = (SELECT sealed FROM letter WHERE id = 3) WHERE id = 2",
        "UPDATE letter SET sealed = (SELECT sealed FROM letter WHERE id = 3), cell = (SELECT cell FROM letter WHERE id = 3) WHERE id = 2",
        "UPDATE letter SET contact = 9 WHERE id = 2",
        "UPDATE letter SET unread = 0 WHERE id = 2",
        "UPDATE letter SET direction = 1 WHERE id = 2",
        "UPDATE letter SET thread = (SELECT thread FROM letter WHERE id = 3) WHERE id = 2",
        "UPDATE letter SET thread = NULL WHERE id = 2",
        "UPDATE letter SET thread = x'00' WHERE id = 2",
        "UPDATE letter SET version = version + 1000 WHERE id = 2",
        "UPDATE letter SET cell = 9999 WHERE id = 2",
        "UPDATE cell SET key = zeroblob(72) WHERE id = (SELECT cell FROM letter WHERE id = 2)",
        "UPDATE cell SET key = (SELECT key FROM cell WHERE id = (SELECT cell FROM letter WHERE id = 3)) WHERE id = (SELECT cell FROM letter WHERE id = 2)",
    ] {
        let post = after(|file| assert_eq!(file.execute(sql, []).unwrap(), 1));
        assert_eq!(whole(&post), [Ok(3), Err(2), Ok(1)], "{sql}");
        let error = post.store.view().letter(LetterNumber(2)).unwrap_err();
        assert!(matches!(error, MailError::Row(DamagedRow { table: "letter", id: 2 })), "{sql}");
    }
}

#[test]
fn a_damaged_letter_can_be_deleted() {
    let mut post = after(|file| {
        file.execute("UPDATE letter SET sealed = x'00' WHERE id = 2", []).unwrap();
    });
    post.store.change(|change| change.delete_letter(LetterNumber(2))).unwrap();
    assert_eq!(whole(&post), [Ok(3), Ok(1)]);
}

#[test]
fn rows_taken_out_or_put_back_are_missed() {
    for sql in [
        "DELETE FROM letter WHERE id = 2",
        "UPDATE letter SET id = 9 WHERE id = 2",
        "UPDATE letter SET version = 1 WHERE id = 2",
        "INSERT INTO letter SELECT 9, version, cell, direction, contact, unread, thread, message, NULL, sealed FROM letter WHERE id = 2",
    ] {
        let mut post = after(|file| assert_eq!(file.execute(sql, []).unwrap(), 1));
        assert_eq!(post.store.take_notices(), [Notice::Rows { table: "letter" }], "{sql}");
        // Said once, not for ever.
        let mut post = post.reopen();
        assert_eq!(post.store.take_notices(), [], "{sql}");
    }
}

#[test]
fn a_row_put_back_whole_with_its_key_is_missed() {
    let mut post = Post::new();
    let letter = text_letter(&post.them, 1, "About", "Text");
    let number = post.receive(letter, 1, None);
    let mut old = None;
    let columns =
        "l.version, l.unread, l.sealed, c.id, c.key FROM letter l JOIN cell c ON c.id = l.cell";
    let mut post = post.tamper(|file| {
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        };
        let row: (i64, i64, Vec<u8>, i64, Vec<u8>) =
            file.query_row(&format!("SELECT {columns}"), [], read).unwrap();
        old = Some(row);
    });
    assert_eq!(post.store.take_notices(), []);
    post.store.change(|change| change.keep_read(number, at(9))).unwrap();
    let (version, unread, sealed, cell, key) = old.unwrap();
    let mut post = post.tamper(|file| {
        let put = "UPDATE letter SET version = ?1, unread = ?2, sealed = ?3";
        file.execute(put, params![version, unread, sealed]).unwrap();
        file.execute("UPDATE cell SET key = ?1 WHERE id = ?2", params![key, cell]).unwrap();
    });
    // It opens, as it was once; that it is not the newest is said.
    assert!(post.store.view().letter(number).unwrap().is_unread());
    assert_eq!(post.store.take_notices(), [Notice::Rows { table: "letter" }]);
}

#[test]
fn a_tally_that_is_damaged_is_made_anew_and_hides_no_row() {
    let mut post = after(|file| {
        file.execute("UPDATE store SET sealed = zeroblob(200)", []).unwrap();
    });
    assert_eq!(post.store.take_notices(), [Notice::Tally, Notice::Older { noted: 1, found: 0 }]);
    assert_eq!(whole(&post), [Ok(3), Ok(2), Ok(1)]);
    let letter = text_letter(&post.them, 4, "About", "Text");
    assert_eq!(post.receive(letter, 4, None), LetterNumber(4));
    let mut post = post.reopen();
    assert_eq!(post.store.take_notices(), []);
}

#[test]
fn a_part_that_is_damaged_leaves_its_letter() {
    let post = after(|file| {
        file.execute("UPDATE part SET sealed = zeroblob(300) WHERE owner = 2", []).unwrap();
    });
    assert_eq!(whole(&post), [Ok(3), Ok(2), Ok(1)]);
    let view = post.store.view();
    assert!(matches!(
        view.content(LetterNumber(2)),
        Err(MailError::Row(DamagedRow { table: "part", .. }))
    ));
    assert!(view.content(LetterNumber(1)).unwrap().is_some());
}

#[test]
fn numbers_are_given_once() {
    let mut post = Post::new();
    let letter = |post: &Post, n| text_letter(&post.them, n, "About", "Text");
    let first = letter(&post, 1);
    let first = post.receive(first, 1, None);
    post.store.change(|change| change.delete_letter(first)).unwrap();
    let mut post = post.reopen();
    let second = letter(&post, 2);
    assert_eq!(post.receive(second, 2, None), LetterNumber(first.0 + 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is kept comes back, alone in its row; and what was there before is not in the files.
    #[test]
    fn what_is_kept_comes_back(steps in prop::collection::vec((0..4_usize, prop::collection::vec(any::<u8>(), 0..700)), 1..12)) {
        let mut place = super::fixture::Place::new();
        let mut store = place.open();
        let mut kept: Vec<(own_boxes::BoxId, Vec<u8>)> = Vec::new();
        for number in 0..4 {
            let id = store.change(|change| change.keep_box(&owner(number).record())).unwrap();
            kept.push((id, Vec::new()));
        }
        for (which, bytes) in steps {
            let (id, expected) = &mut kept[which];
            let position = own_boxes::Position::default();
            store.change(|change| change.move_on(*id, position, Some(&bytes))).unwrap();
            *expected = bytes.clone();
            for (id, expected) in &kept {
                let found = store.view().checkpoint(*id).unwrap();
                prop_assert_eq!(found.map(|bytes| bytes.to_vec()).unwrap_or_default(), expected.clone());
            }
            prop_assert!(bytes.len() < 16 || !contains(&place.raw(), &bytes));
        }
    }

    /// A bit that is turned anywhere in what is sealed is noticed.
    #[test]
    fn a_turned_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let keys = Keys::new(&Secret::new([5; 32]));
        let random = super::fixture::Counter::default();
        let filled = seal::fill_up(b"what is kept").unwrap();
        let sealed = seal::seal(keys.cells(), b"place", &filled, &random).unwrap();
        let opened = seal::open(keys.cells(), b"place", &sealed).unwrap();
        prop_assert_eq!(seal::unfilled(&opened), Some(&b"what is kept"[..]));
        prop_assert!(seal::open(keys.cells(), b"another", &sealed).is_none());
        let mut turned = sealed.clone();
        turned[at.index(sealed.len())] ^= 1 << bit;
        prop_assert!(seal::open(keys.cells(), b"place", &turned).is_none());
        prop_assert!(seal::open(keys.cells(), b"place", &sealed[..at.index(sealed.len())]).is_none());
    }

    #[test]
    fn what_is_filled_up_is_of_few_sizes_and_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let filled = seal::fill_up(&bytes).unwrap();
        prop_assert!(filled.len().is_multiple_of(seal::BLOCK) && filled.len() < bytes.len() + 4 + seal::BLOCK);
        prop_assert_eq!(seal::unfilled(&filled), Some(bytes.as_slice()));
        prop_assert_eq!(seal::unfilled(&filled[..3]), None);
        prop_assert_eq!(seal::unfilled(&filled[..(bytes.len() + 3).min(filled.len())]), None);
    }
}
