//! Boxes and the secrets of their keys.

use super::fixture::{Post, at, came, owner, text_letter};
use super::*;
use crate::post::store::letters::DepositRecord;
use crate::post::store::own_boxes::{BoxState, HeadMet, Position};
use crate::post::store::prekeys::{DrawnKey, DrawnKeys, Needed, PrekeyState, StockLeft};
use pregao_protocol::room::body::OnceKey;
use pregao_protocol::trust::pass::Day;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::codec::Digest;

fn secret(n: u8) -> PrekeySecret {
    PrekeySecret::from_random([n; 32])
}

fn drawn(secret: &PrekeySecret) -> DrawnKey<'_> {
    DrawnKey { secret, digest: Digest::of(secret.expose()) }
}

fn publish(post: &mut Post, n: u8, seq: Option<u64>) -> Digest {
    let signed = secret(n);
    let key = drawn(&signed);
    let own = post.own;
    post.store
        .change(|change| {
            change.keep_keys(own, &DrawnKeys { signed: Some(key), stock: None }, at(0))?;
            seq.map_or(Ok(()), |seq| change.keys_published(own, &key.digest, None, seq))
        })
        .unwrap();
    key.digest
}

fn state(post: &Post, digest: &Digest) -> Option<PrekeyState> {
    post.store.view().prekey(digest).unwrap().map(|kept| kept.record.state)
}

#[test]
fn a_signed_key_lives_until_all_that_can_be_sealed_to_it_is_read() {
    let mut post = Post::new();
    let own = post.own;
    let first = publish(&mut post, 1, Some(4));
    assert_eq!(state(&post, &first), Some(PrekeyState::Published { seq: 4 }));
    let second = publish(&mut post, 2, Some(9));
    assert_eq!(state(&post, &first), Some(PrekeyState::Replaced { by: 9 }));
    let third = publish(&mut post, 3, None);
    assert_eq!(state(&post, &second), Some(PrekeyState::Published { seq: 9 }));
    let mut post = post.reopen();
    // Entries before 9 are read, and not yet 9 itself.
    for (read, gone) in [(0, 0), (9, 0), (10, 1), (10, 0), (99, 0)] {
        let destroyed = post
            .store
            .change(|change| change.destroy_replaced(own, read, &Needed::default()))
            .unwrap();
        assert_eq!(destroyed, gone, "{read}");
    }
    assert_eq!(state(&post, &first), None);
    assert_eq!(state(&post, &second), Some(PrekeyState::Published { seq: 9 }));
    assert_eq!(state(&post, &third), Some(PrekeyState::Drawn));
    let kept = post.store.view().signed_keys(own).unwrap();
    let secrets: Vec<_> = kept.iter().map(|kept| *kept.record.secret().unwrap().expose()).collect();
    assert_eq!(secrets, [[2; 32], [3; 32]]);
}

#[test]
fn keys_of_an_older_entry_that_is_heard_of_last_are_published_too_and_no_newer_ones_replaced() {
    let mut post = Post::new();
    let own = post.own;
    let first = publish(&mut post, 1, Some(4));
    // Two entries were handed in, and both are logged: that of the newer one is heard of first.
    let stocks = [[secret(20), secret(21)], [secret(22), secret(23)]];
    let roots = [Digest([5; 32]), Digest([6; 32])];
    let signed = [secret(2), secret(3)];
    for ((signed, stock), root) in signed.iter().zip(&stocks).zip(roots) {
        let stock = stock.each_ref().map(drawn);
        let all = DrawnKeys { signed: Some(drawn(signed)), stock: Some((root, &stock)) };
        post.store.change(|change| change.keep_keys(own, &all, at(0))).unwrap();
    }
    let [second, third] = signed.each_ref().map(|key| drawn(key).digest);
    let hear = |post: &mut Post, signed: &Digest, root: &Digest, seq| {
        post.store.change(|change| change.keys_published(own, signed, Some(root), seq)).unwrap();
    };
    hear(&mut post, &third, &roots[1], 9);
    assert_eq!(state(&post, &first), Some(PrekeyState::Replaced { by: 9 }));
    hear(&mut post, &second, &roots[0], 8);
    // And once more: what was heard first counts.
    hear(&mut post, &second, &roots[0], 12);
    let mut post = post.reopen();
    assert_eq!(state(&post, &second), Some(PrekeyState::Replaced { by: 9 }));
    assert_eq!(state(&post, &third), Some(PrekeyState::Published { seq: 9 }));
    post.store
        .change(|change| change.destroy_unpublished(own, at(601), &Needed::default()))
        .unwrap();
    for (root, seq) in [(roots[0], 8), (roots[1], 9)] {
        let key = post.store.view().once_key(&OnceKey { stock: root, index: 1 }).unwrap().unwrap();
        assert_eq!(key.record.state, PrekeyState::Published { seq });
        assert!(key.record.secret().is_some());
    }
    // Keys of another box are not these.
    let other = post.store.change(|change| change.keep_box(&owner(9).record())).unwrap();
    for (of, key) in [(other, &second), (own, &Digest([1; 32]))] {
        let heard = post.store.change(|change| change.keys_published(of, key, None, 13));
        assert!(matches!(heard, Err(MailError::Step(_))));
    }
}

#[test]
fn v394_a_letter_that_cannot_be_opened_yet_keeps_the_keys_that_it_is_sealed_to_and_no_others() {
    let mut post = Post::new();
    let own = post.own;
    // A letter of which the author cannot be asked for, for three days on each of which the keys are renewed.
    let roots = [1, 2, 3, 4].map(|n| Digest([n; 32]));
    let stocks = [20, 30, 40, 50].map(|n| [secret(n), secret(n + 1), secret(n + 2)]);
    let mut signed = Vec::new();
    for (day, (root, stock)) in (1..).zip(roots.iter().zip(&stocks)) {
        let (key, stock) = (secret(day), stock.each_ref().map(drawn));
        let key = drawn(&key);
        let all = DrawnKeys { signed: Some(key), stock: Some((*root, &stock)) };
        let seq = u64::from(day) * 10;
        post.store
            .change(|change| {
                change.keep_keys(own, &all, at(0))?;
                change.keys_published(own, &key.digest, Some(root), seq)
            })
            .unwrap();
        signed.push(key.digest);
    }
    let letter = text_letter(&post.them, 1, "About", "Text");
    let came = came(&post.them, &post.me, letter, 12);
    let once = OnceKey { stock: roots[0], index: 1 };
    let deposit = DepositRecord { signed: signed[0], once: Some(once), ..came.deposit.clone() };
    let number =
        post.store.change(|change| change.keep_arrived(own, deposit, &came.envelope, at(0)));
    let number = number.unwrap();
    // The first stock has lapsed; under keys of the second letters came.
    let open = [(roots[1], vec![0, 2]), (roots[2], Vec::new()), (roots[3], Vec::new())];
    let open = open.map(|(root, used)| StockLeft { root, used });
    let destroy = |post: &mut Post| {
        post.store
            .change(|change| {
                let needed = change.needed(own)?;
                change.destroy_used(own, (&open, 99), &needed)?;
                change.destroy_replaced(own, 99, &needed)
            })
            .unwrap()
    };
    assert_eq!(destroy(&mut post), 2);
    let mut post = post.reopen();
    let secrets = |post: &Post| {
        let view = post.store.view();
        let kept = view.signed_keys(own).unwrap();
        let signed: Vec<_> = kept.into_iter().map(|kept| kept.record.digest).collect();
        let has = |stock: usize, index| {
            let once = OnceKey { stock: roots[stock], index };
            view.once_key(&once).unwrap().is_some_and(|kept| kept.record.secret().is_some())
        };
        let once: Vec<_> = (0..4)
            .flat_map(|stock| (0..3).map(move |index| (stock, index)))
            .filter(|(stock, index)| has(*stock, *index))
            .collect();
        (signed, once)
    };
    let unused = [(1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)];
    let with_it: Vec<_> = [(0, 1)].into_iter().chain(unused).collect();
    assert_eq!(secrets(&post), (vec![signed[0], signed[3]], with_it));
    // Another box needs nothing of it.
    let other = post.store.change(|change| change.keep_box(&owner(9).record())).unwrap();
    let needed = post.store.view().needed(other).unwrap();
    assert!(format!("{needed:?}").contains("signed: []"), "{needed:?}");
    // Once it was dealt with nothing of them is needed.
    post.store.change(|change| change.keep_unreadable(number, "nobody knows whose")).unwrap();
    assert_eq!(destroy(&mut post), 1);
    assert_eq!(secrets(&post), (vec![signed[3]], unused.to_vec()));
}

#[test]
fn a_one_time_key_is_found_by_its_place_and_remembered_once_it_is_used() {
    let mut post = Post::new();
    let own = post.own;
    let secrets = [secret(10), secret(11), secret(12)];
    let keys = secrets.each_ref().map(drawn);
    let (signed, root) = (secret(9), Digest([5; 32]));
    let all = DrawnKeys { signed: Some(drawn(&signed)), stock: Some((root, &keys)) };
    post.store.change(|change| change.keep_keys(own, &all, at(0))).unwrap();
    let again = post.store.change(|change| change.keep_keys(own, &all, at(1)));
    assert!(matches!(again, Err(MailError::Step(_))));
    let mut post = post.reopen();
    let signed = drawn(&signed).digest;
    post.store.change(|change| change.keys_published(own, &signed, Some(&root), 3)).unwrap();
    let place = |index| OnceKey { stock: root, index };
    let found = post.store.view().once_key(&place(1)).unwrap().unwrap();
    assert_eq!(found.record.state, PrekeyState::Published { seq: 3 });
    assert_eq!(found.record.secret().unwrap().expose(), &[11; 32]);
    assert_eq!(post.store.view().prekey(&keys[1].digest).unwrap().unwrap().id, found.id);
    for absent in [place(3), OnceKey { stock: Digest([6; 32]), index: 1 }] {
        assert!(post.store.view().once_key(&absent).unwrap().is_none());
    }
    post.store.change(|change| change.destroy_key(found.id, Some(8))).unwrap();
    let used = post.store.view().once_key(&place(1)).unwrap().unwrap();
    assert_eq!(used.record.state, PrekeyState::Used { by: Some(8) });
    assert!(used.record.secret().is_none());
    assert!(post.store.view().once_key(&place(0)).unwrap().unwrap().record.secret().is_some());
    // Where the log was read to before it they are not missed.
    post.store.change(|change| change.destroy_used(own, (&[], 3), &Needed::default())).unwrap();
    assert!(post.store.view().once_key(&place(0)).unwrap().is_some());
    post.store.change(|change| change.destroy_used(own, (&[], 4), &Needed::default())).unwrap();
    assert!(post.store.view().once_key(&place(0)).unwrap().is_none());
    assert!(post.store.view().prekey(&signed).unwrap().is_some());
}

#[test]
fn keys_that_are_not_kept_are_not_published() {
    let mut post = Post::new();
    let own = post.own;
    let unknown = post.store.change(|change| change.keys_published(own, &Digest([1; 32]), None, 3));
    assert!(matches!(unknown, Err(MailError::Step(_))));
    let digest = publish(&mut post, 1, None);
    let other = post.store.change(|change| change.keep_box(&owner(7).record())).unwrap();
    let others = post.store.change(|change| change.keys_published(other, &digest, None, 3));
    assert!(matches!(others, Err(MailError::Step(_))));
    assert_eq!(state(&post, &digest), Some(PrekeyState::Drawn));
}

#[test]
fn a_box_is_as_it_was_kept_and_its_log_is_not_read_backwards() {
    let mut post = Post::new();
    let own = post.own;
    post.store
        .change(|change| {
            change.edit_box(own, |record| {
                record.state = BoxState::Opened;
                record.renewed = Some(Day(20_000));
            })
        })
        .unwrap();
    let head =
        |size| HeadMet { size, root: Digest::of(&u64::to_be_bytes(size)), note: "note".to_owned() };
    let to = |read, size| Position { read, head: Some(head(size)) };
    post.store.change(|change| change.move_on(own, to(5, 6), Some(b"state"))).unwrap();
    for back in [to(4, 6), to(5, 5), Position { read: 9, head: None }] {
        let moved = post.store.change(|change| change.move_on(own, back, None));
        assert!(matches!(moved, Err(MailError::Step(_))));
    }
    let mut post = post.reopen();
    let view = post.store.view();
    let record = view.own_box(own).unwrap();
    assert_eq!((record.state, record.position.clone()), (BoxState::Opened, to(5, 6)));
    assert_eq!(view.checkpoint(own).unwrap().unwrap().as_slice(), b"state");
    assert_eq!(record.address().unwrap(), post.me.address());
    assert_eq!(view.box_named(&post.me.name).unwrap().unwrap().id, own);
    assert!(view.box_named(&post.them.name).unwrap().is_none());
    post.store.change(|change| change.move_on(own, to(6, 6), None)).unwrap();
    assert!(post.store.view().checkpoint(own).unwrap().is_none());
    // The same box is not kept twice.
    assert!(post.store.change(|change| change.keep_box(&record)).is_err());
    assert!(matches!(
        post.store.view().own_box(own_boxes::BoxId(9)),
        Err(MailError::Unknown { .. })
    ));
}
