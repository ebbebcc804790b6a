//! Search.

use super::fixture::{Post, attachment, text_letter};
use super::*;
use crate::post::store::letters::LetterNumber;

fn found(post: &Post, words: &str) -> Vec<i64> {
    let page = post.store.view().search(words, None, 99).unwrap();
    assert_eq!((page.before, page.damaged.len()), (None, 0));
    page.found.iter().map(|found| found.letter.id.0).collect()
}

#[test]
fn every_word_is_looked_for_in_subjects_texts_names_and_files() {
    let mut post = Post::new();
    let ana = post.befriend("Ana Maria");
    let first = text_letter(&post.them, 1, "The clock", "It runs, ÁGUA below.");
    post.receive(first, 1, Some(ana));
    let mut second = text_letter(&post.them, 2, "Nothing", "A clock too");
    second.attachments.push(attachment("Invoice 7.pdf", "application/pdf", 9));
    post.receive(second, 2, None);
    for (words, numbers) in [
        ("clock", &[2, 1][..]),
        ("CLOCK", &[2, 1]),
        ("clock runs", &[1]),
        ("clock maria", &[1]),
        ("água", &[1]),
        ("invoice", &[2]),
        ("clock absent", &[]),
        ("clockruns", &[]),
        ("", &[]),
        ("  ", &[]),
    ] {
        assert_eq!(found(&post, words), numbers, "{words}");
    }
    let page = post.store.view().search("runs", None, 9).unwrap();
    assert_eq!(page.found[0].around.as_deref(), Some("It runs, ÁGUA below."));
}

#[test]
fn a_page_says_where_to_go_on_and_what_is_damaged() {
    let mut post = Post::new();
    for n in 1..=5 {
        let letter = text_letter(&post.them, n, "About", "clock");
        post.receive(letter, u64::try_from(n).unwrap(), None);
    }
    let post = post.tamper(|file| {
        file.execute("UPDATE letter SET sealed = x'00' WHERE id = 4", []).unwrap();
    });
    let page = post.store.view().search("clock", None, 2).unwrap();
    let numbers: Vec<i64> = page.found.iter().map(|found| found.letter.id.0).collect();
    assert_eq!((numbers, page.before), (vec![5, 3], Some(LetterNumber(3))));
    assert_eq!(page.damaged, [DamagedRow { table: "letter", id: 4 }]);
    let page = post.store.view().search("clock", page.before, 9).unwrap();
    assert_eq!((page.found.len(), page.before), (2, None));
}

#[test]
fn no_word_of_a_letter_is_in_the_file() {
    let mut post = Post::new();
    let letter = text_letter(&post.them, 1, "Unmistakable", "Extraordinary");
    post.receive(letter, 1, None);
    let raw = post.place.raw();
    for word in ["Unmistakable", "Extraordinary", "unmistakable"] {
        assert!(!super::fixture::contains(&raw, word.as_bytes()));
    }
}
