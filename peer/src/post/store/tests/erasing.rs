//! What is deleted is in no file any more.

use super::fixture::{Post, at, contains, text_letter};
use super::*;
use crate::post::store::letters::LetterNumber;
use crate::post::store::prekeys::{DrawnKey, DrawnKeys, Needed};
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::codec::Digest;

/// The sealed bytes of rows, and the cells that hold their keys.
fn sealed(store: &MailStore, sql: &str) -> Vec<Vec<u8>> {
    let mut statement = store.connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_deleted_letter_is_gone_from_file_and_journal() {
    let mut post = Post::new();
    for n in 1..=30 {
        let letter = text_letter(&post.them, n, "About", &"Text ".repeat(100));
        post.receive(letter, u64::try_from(n).unwrap(), None);
    }
    for number in [1, 30, 15, 16, 2] {
        let rows = format!("SELECT sealed FROM letter WHERE id = {number}");
        let parts = format!("SELECT sealed FROM part WHERE owner_table = 2 AND owner = {number}");
        let keys = format!(
            "SELECT key FROM cell WHERE id IN (SELECT cell FROM letter WHERE id = {number} UNION ALL
             SELECT cell FROM part WHERE owner_table = 2 AND owner = {number})"
        );
        let gone: Vec<Vec<u8>> =
            [rows, parts, keys].iter().flat_map(|sql| sealed(&post.store, sql)).collect();
        assert_eq!(gone.len(), 4);
        let found =
            |post: &Post| gone.iter().filter(|bytes| contains(&post.place.raw(), bytes)).count();
        // They are looked for as they lie there: a row may go on in another page.
        let ends: Vec<&[u8]> = gone.iter().map(|bytes| &bytes[bytes.len() - 48..]).collect();
        assert!(ends.iter().all(|end| contains(&post.place.raw(), end)), "{}", found(&post));
        post.store.change(|change| change.delete_letter(LetterNumber(number))).unwrap();
        let raw = post.place.raw();
        assert!(ends.iter().all(|end| !contains(&raw, end)), "{number}");
        assert!(gone.iter().all(|bytes| !contains(&raw, &bytes[..48])), "{number}");
    }
}

#[test]
fn every_key_that_was_ever_in_a_cell_and_is_not_now_is_in_no_file() {
    let mut post = Post::new();
    let secrets: Vec<PrekeySecret> =
        (0..200_u8).map(|n| PrekeySecret::from_random([n; 32])).collect();
    let keys: Vec<DrawnKey<'_>> = secrets
        .iter()
        .map(|secret| DrawnKey { secret, digest: Digest::of(secret.expose()) })
        .collect();
    let root = Digest([1; 32]);
    let own = post.own;
    let drawn = DrawnKeys { signed: None, stock: Some((root, &keys)) };
    post.store.change(|change| change.keep_keys(own, &drawn, at(0))).unwrap();
    let all = "SELECT key FROM cell WHERE key <> zeroblob(72)";
    let mut ever = sealed(&post.store, all);
    // In an order that makes the database move what is left about.
    for step in 0..60_u8 {
        let at = usize::from(step) * 37 % 200;
        let id = post.store.view().prekey(&keys[at].digest).unwrap().unwrap().id;
        post.store.change(|change| change.destroy_key(id, Some(9))).unwrap();
        ever.extend(sealed(&post.store, all));
    }
    post.store.change(|change| change.destroy_unpublished(own, at(1), &Needed::default())).unwrap();
    let now = sealed(&post.store, all);
    let raw = post.place.raw();
    ever.sort();
    ever.dedup();
    let gone: Vec<_> = ever.iter().filter(|key| !now.contains(key)).collect();
    assert!(gone.len() >= 200, "{}", gone.len());
    assert_eq!(gone.iter().filter(|key| contains(&raw, key)).count(), 0);
    assert!(now.iter().all(|key| contains(&raw, key)));
}

#[test]
fn what_a_row_held_before_it_was_changed_is_gone() {
    let mut post = Post::new();
    let mut draft = drafts::DraftRecord {
        to: drafts::Whom::Address(post.them.address()),
        subject: None,
        text: "a word too many".to_owned(),
        files: Vec::new(),
        reply_to: None,
        mode: None,
        wants_receipt: false,
        changed: at(1),
    };
    post.store.change(|change| change.keep_draft(&draft)).unwrap();
    let key = "SELECT key FROM cell WHERE id = (SELECT cell FROM draft)";
    let old = sealed(&post.store, key);
    draft.text = "fewer".to_owned();
    post.store.change(|change| change.keep_draft(&draft)).unwrap();
    assert!(!contains(&post.place.raw(), &old[0]));
    let new = sealed(&post.store, key);
    assert!(contains(&post.place.raw(), &new[0]));
    assert_eq!(post.store.view().draft(&draft.to).unwrap().unwrap().text, "fewer");
    assert_eq!(post.store.change(|change| change.drop_draft(&draft.to)).ok(), Some(true));
    assert_eq!(post.store.change(|change| change.drop_draft(&draft.to)).ok(), Some(false));
    assert!(post.store.view().drafts().unwrap().is_empty());
}

#[test]
fn a_closed_box_has_no_secrets_and_no_keys() {
    let mut post = Post::new();
    let own = post.own;
    let signed = PrekeySecret::from_random([7; 32]);
    let signed = DrawnKey { secret: &signed, digest: Digest([7; 32]) };
    let drawn = DrawnKeys { signed: Some(signed), stock: None };
    post.store.change(|change| change.keep_keys(own, &drawn, at(0))).unwrap();
    let keys = sealed(&post.store, "SELECT key FROM cell WHERE key <> zeroblob(72)");
    post.store.change(|change| change.close_box(own)).unwrap();
    let raw = post.place.raw();
    assert!(keys.iter().all(|key| !contains(&raw, key)));
    let record = post.store.view().own_box(own).unwrap();
    assert!(record.secrets.is_none() && record.address().is_none());
    assert!(post.store.view().prekey(&Digest([7; 32])).unwrap().is_none());
}
