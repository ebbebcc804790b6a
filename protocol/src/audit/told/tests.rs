use super::*;
use crate::audit::letter::fixture::{Mailbox, mailbox};
use crate::letter::fixture::id;
use crate::log::merkle::{Tree, consistency_path, leaf_hash};
use crate::room::action::Draft;
use crate::room::body::{Body, Empty, Keys, Taken};
use crate::room::fixture::{SECOND, at};
use crate::trust::key::{BoxKey, SecretKey};
use crate::value::codec::Digest;

/// A box with two letters, at 2 and 3.
struct Post {
    made: Mailbox,
    first: Receipt,
    second: Receipt,
    acts: u64,
}

fn post() -> Post {
    let mut made = mailbox(1);
    let envelope = |n: u8| vec![n; 4_028];
    let deposit = made.deposit(&envelope(1), true);
    let first = made.leave(deposit);
    let deposit = made.deposit(&envelope(2), false);
    let second = made.leave(deposit);
    Post { made, first, second, acts: 0 }
}

/// Nothing was told yet.
fn met(head: &str) -> Before<'_> {
    Before { head, told: None }
}

fn taken(letters: &[u64], told: bool) -> Body {
    Body::Taken(Taken { letters: letters.to_vec(), told })
}

impl Post {
    /// The owner acts; the position.
    fn own(&mut self, body: Body) -> u64 {
        let key = SecretKey::from_seed(&[1; 32]);
        let stamped = self.signed(&key, body);
        self.made.table.submit(&stamped).unwrap()
    }

    fn signed(&mut self, key: &SecretKey<BoxKey>, body: Body) -> crate::room::Stamped {
        self.acts += 1;
        let seen = self.made.table.room.ledger().head();
        let id = id(u128::from(self.acts) + 900);
        let draft = Draft { id, room: Some(self.made.owner.name), body, seen };
        let action = draft.sign_as_owner(key).unwrap();
        self.made.table.tsa.stamp(action, at(SECOND * (10 + self.acts)))
    }

    /// What is told of entries, as an honest broker does it that shows these.
    fn shown(&self, seqs: &[u64]) -> Vec<ToldEntry> {
        let told = |seq: &u64| {
            let Receipt { header, entry, path, .. } = self.made.table.receipt(*seq);
            ToldEntry { header, entry, path }
        };
        seqs.iter().map(told).collect()
    }

    fn consistency(&self, from: u64) -> Vec<Digest> {
        consistency_path(&self.made.table.tree(), from, self.made.table.tree().size()).unwrap()
    }

    /// What the first depositor makes of what is told.
    fn hear(&self, entries: &[ToldEntry]) -> Result<VerifiedTold, ToldError> {
        let from = 3;
        let before = Before { head: &self.first.head, told: None };
        told(&self.first, before, &self.made.table.head(), &self.consistency(from), entries)
    }
}

#[test]
fn v353_what_is_told_is_under_a_head_that_goes_on_from_the_one_met_before() {
    let mut post = post();
    assert_eq!(post.hear(&[]).unwrap().entries, []);
    let at = post.own(taken(&[2], true));
    let told = post.hear(&post.shown(&[at])).unwrap();
    let [entry] = told.entries.as_slice() else { panic!("one entry") };
    assert_eq!((entry.verb.as_str(), entry.seq, told.size), ("taken", 4, 5));
    // It convinces others: it is a receipt.
    assert_eq!(verify::receipt(&entry.receipt).unwrap().seq, 4);
    // With nothing new, too.
    let now = post.made.table.head();
    let again = super::told(&post.first, met(&now), &now, &[], &post.shown(&[at])).unwrap();
    assert_eq!(again.entries, told.entries);
}

#[test]
fn v353_a_log_that_is_shorter_or_another_is_not_believed() {
    let mut post = post();
    let before = post.made.table.head();
    post.own(taken(&[2], true));
    let (now, way) = (post.made.table.head(), post.consistency(3));
    let hear = |head_met: &str, head: &str, way: &[Digest]| {
        super::told(&post.first, met(head_met), head, way, &[]).unwrap_err()
    };
    assert_eq!(hear(&now, &before, &[]), ToldError::Shorter { met: 5, shown: 4 });
    let other = Digest([7; 32]);
    let forked = |size| post.made.table.head_over(size, other);
    for (head_met, head, way) in [
        (&post.first.head, &forked(5), way.as_slice()),
        (&post.first.head, &now, &[]),
        (&post.first.head, &now, &way[1..]),
        (&before, &now, way.as_slice()),
        // Of the same size, and another: that is a fork for everybody.
        (&now, &forked(5), &[]),
    ] {
        assert!(matches!(hear(head_met, head, way), ToldError::Fork(_)));
    }
    // Heads of another log, and words that are none.
    let strange = mailbox(2).table.head();
    assert!(matches!(hear(&post.first.head, &strange, &way), ToldError::Head(_)));
    assert!(matches!(hear(&post.first.head, "", &way), ToldError::Head(_)));
    assert!(matches!(hear(&strange, &now, &way), ToldError::Receipt(_)));
    let mut receipt = post.first.clone();
    receipt.path.clear();
    let heard = super::told(&receipt, met(&post.first.head), &now, &way, &[]);
    assert!(matches!(heard, Err(ToldError::Receipt(_))));
}

#[test]
fn v354_an_entry_that_is_about_another_deposit_or_may_not_be_told_is_a_lie() {
    let mut post = post();
    let other = post.own(taken(&[3], true));
    let silent = post.own(taken(&[2], false));
    let keys = post.made.stated();
    let signed = Digest([9; 32]);
    let keys = post.own(Body::Keys(Keys { stock: None, signed, ..keys_alone(&keys) }));
    let closed = post.own(Body::BoxClosed(Empty {}));
    for seq in [other, silent, keys, 1] {
        assert_eq!(post.hear(&post.shown(&[seq])), Err(ToldError::Other { seq }));
    }
    // The second's deposit, which is by nobody who decides about letters; its own; the opening.
    for seq in [2, 3] {
        assert_eq!(post.hear(&post.shown(&[seq])), Err(ToldError::Author { seq }));
    }
    assert_eq!(post.hear(&post.shown(&[0])), Err(ToldError::Other { seq: 0 }));
    let heard = post.hear(&post.shown(&[closed])).unwrap();
    assert_eq!(heard.entries[0].verb.as_str(), "box-closed");
    // Another's path, another's header, a changed entry.
    let good = post.shown(&[closed]).remove(0);
    let theirs = post.shown(&[other]).remove(0);
    for bad in [
        ToldEntry { path: theirs.path.clone(), ..good.clone() },
        ToldEntry { path: Vec::new(), ..good.clone() },
        ToldEntry { header: theirs.header.clone(), ..good.clone() },
        ToldEntry { header: String::new(), ..good.clone() },
        ToldEntry { entry: good.entry.replace(":7,", ":6,"), ..good.clone() },
        ToldEntry { entry: String::new(), ..good.clone() },
    ] {
        assert!(matches!(post.hear(&[bad]), Err(ToldError::Entry(_))));
    }
    // The depositor of the second hears of the first `taken`, and the first's is none of theirs.
    let now = post.made.table.head();
    let way = post.consistency(4);
    let second = |seqs: &[u64]| {
        super::told(&post.second, met(&post.second.head), &now, &way, &post.shown(seqs))
    };
    assert_eq!(second(&[other, closed]).unwrap().entries.len(), 2);
    assert_eq!(second(&[silent]), Err(ToldError::Other { seq: silent }));
}

fn keys_alone(keys: &Keys) -> Keys {
    use crate::value::blob_class::BlobClass;
    let size = BlobClass::holding(1_216).unwrap();
    Keys { blob: crate::room::body::Blob { size, ..keys.blob }, ..keys.clone() }
}

#[test]
fn v354_entries_come_once_and_in_the_order_of_the_log() {
    let mut post = post();
    let taken = post.own(taken(&[2], true));
    let closed = post.own(Body::BoxClosed(Empty {}));
    assert_eq!(post.hear(&post.shown(&[taken, closed])).unwrap().entries.len(), 2);
    for seqs in [[closed, taken], [taken, taken], [closed, closed]] {
        assert_eq!(post.hear(&post.shown(&seqs)), Err(ToldError::Order));
    }
}

#[test]
fn v354_a_broker_that_logs_what_no_owner_signed_is_not_believed() {
    let mut post = post();
    let body = taken(&[2], true);
    let forged = post.signed(&SecretKey::from_seed(&[77; 32]), body);
    assert!(post.made.table.submit(&forged).is_err());
    // The broker has the keys of its log, and signs a head over it all the same.
    let seq = 4;
    let entry =
        Entry { seq, action: forged.action().compact().to_owned(), stamp: forged.stamp().clone() };
    let entry = entry.encode();
    let leaves = post.made.table.log.iter().map(|text| leaf_hash(text.as_bytes()));
    let tree = Tree::new(leaves.chain([leaf_hash(entry.as_bytes())]).collect());
    let head = post.made.table.head_over(5, tree.root());
    let header = forged.batch().compact().to_owned();
    let shown = [ToldEntry { header, entry, path: tree.path(seq).unwrap() }];
    let way = consistency_path(&tree, 3, 5).unwrap();
    let heard = super::told(&post.first, met(&post.first.head), &head, &way, &shown);
    assert_eq!(heard, Err(ToldError::Author { seq }));
}

#[test]
fn v354_what_was_told_is_told_again_and_what_was_denied_is_a_lie() {
    let mut post = post();
    let taken = post.own(taken(&[2], true));
    let first = post.made.table.head();
    let then = vec![post.made.table.receipt(taken)];
    let closed = post.own(Body::BoxClosed(Empty {}));
    let hear = |told: Option<&[Receipt]>, seqs: &[u64]| {
        let (head, way) = (post.made.table.head(), post.consistency(5));
        let before = Before { head: &first, told };
        super::told(&post.first, before, &head, &way, &post.shown(seqs))
    };
    // The same, and what came since.
    assert_eq!(hear(Some(&then), &[taken, closed]).unwrap().entries.len(), 2);
    assert_eq!(hear(Some(&then), &[taken]).unwrap().entries.len(), 1);
    for seqs in [&[][..], &[closed]] {
        assert_eq!(hear(Some(&then), seqs), Err(ToldError::LeftOut { seq: taken }));
    }
    // It stood there when nothing was told; what came right after that head is new.
    assert_eq!(hear(Some(&[]), &[taken, closed]), Err(ToldError::Denied { seq: taken }));
    assert_eq!(hear(Some(&[]), &[closed]).unwrap().entries.len(), 1);
    // The head of a receipt may be newer than what is told first.
    assert_eq!(hear(None, &[taken, closed]).unwrap().entries.len(), 2);
}

#[test]
fn an_entry_is_about_what_came_before_it() {
    let closed = Body::BoxClosed(Empty {});
    assert!(About::of(&closed).covers(4, 5));
    assert!(!About::of(&closed).covers(5, 5) && !About::of(&closed).covers(6, 5));
    let named = taken(&[5], true);
    assert!(About::of(&named).covers(5, 6) && !About::of(&named).covers(5, 5));
    assert!(!About::of(&named).covers(4, 6));
}
