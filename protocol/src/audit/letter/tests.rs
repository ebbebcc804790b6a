use super::fixture::{
    INDEX, Post, by_hash, by_reader, by_sender, content_of, mailbox, opening_of, opens,
};
use super::*;
use crate::letter::fixture::{self as letters, id};
use crate::letter::{Letter, Proof, seal};
use crate::log::ReceiptError;
use crate::room::action::{Draft, Seen};
use crate::room::body::{Blob, Keys, Stock as Stated};
use crate::room::fixture::{Table, Tsa, at, entry_key};
use crate::trust::prekey::PrekeySecret;
use crate::value::blob_class::BlobClass;

/// What comes of it, by name.
fn why(shown: &ShownLetter) -> Option<NotShown> {
    shown.verify().err()
}

fn evidence() -> Post {
    Post::new(Mode::Evidence, true)
}

#[test]
fn v254_a_letter_is_shown_in_three_ways_with_one_spelling_each() {
    for with_once in [true, false] {
        let post = Post::new(Mode::Evidence, with_once);
        let ways = [
            by_reader(&post.sealed),
            by_sender(&post.two, &post.sealed, with_once, 1),
            by_hash(&post.sealed),
        ];
        for way in ways {
            let is_sealed = matches!(way, Way::Sender(_));
            let is_hash = matches!(way, Way::Hash(_));
            let text = post.shown(way).encode();
            let read = ShownLetter::parse(&text).unwrap();
            assert_eq!(read.encode(), text);
            assert!(ShownLetter::parse(&format!("{text}\n")).is_ok());
            let verified = read.verify().unwrap();
            assert_eq!(verified.from.keys, post.one.owner.keys());
            assert_eq!(verified.to.keys, post.two.owner.keys());
            assert_eq!(verified.letter.hash, post.sealed.sent.content);
            assert_eq!(verified.letter.is_sealed, is_sealed);
            assert_eq!(verified.letter.receipt.seq, 2);
            assert_eq!(verified.letter.content.is_none(), is_hash);
            assert_eq!(verified.read, None);
        }
    }
}

#[test]
fn v254_the_files_are_the_bytes_of_the_vectors() {
    let mut post = evidence();
    let receipt = post.receipt(|_| {});
    let lines = [
        post.shown(by_sender(&post.two, &post.sealed, true, 1)),
        post.acknowledged(&receipt),
        post.shown(by_hash(&post.sealed)),
        Post::new(Mode::Deniable, false).deniable(),
    ]
    .map(|shown| shown.encode() + "\n");
    let file = include_str!("../../../vectors/letters-shown.jsonl");
    assert!(lines.concat() == file, "as they are now:\n{}", lines.concat());
}

#[test]
fn v254_what_is_spelled_otherwise_is_no_file_of_this_form() {
    let post = evidence();
    let text = post.shown(by_sender(&post.two, &post.sealed, true, 1)).encode();
    for at in (0..text.len()).step_by(97).chain([text.len() - 1]) {
        assert!(ShownLetter::parse(&text[..at]).is_err(), "cut at {at}");
    }
    let sender = format!("\"sender\":\"{}\"", post.one.opening);
    for (from, to) in [
        ("{\"letter\":", "{\"letter\": "),
        ("{\"letter\":", "{\"letters\":"),
        ("{\"letter\":{", "{\"letter\":{\"more\":1,"),
        (&*sender, &format!("{sender},{sender}")),
        (&*sender, "\"sender\":7"),
        (",\"shown\":", ",\"read\":null,\"shown\":"),
        ("\"shown\":{\"sender\":", "\"shown\":{\"writer\":"),
        ("\"seeds\":\"", "\"seeds\":\"A"),
        ("\"path\":\"", "\"path\":\"A"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        assert!(ShownLetter::parse(&other).is_err(), "{to}");
    }
    assert!(ShownLetter::parse(&format!("{text}\n\n")).is_err());
    assert!(ShownLetter::parse(&format!(" {text}")).is_err());
}

#[test]
fn v254_a_file_and_its_receipts_have_most_bytes() {
    let post = evidence();
    let mut shown = post.shown(by_reader(&post.sealed));
    let spare = label::MAX_SHOWN - shown.encode().len();
    let content = content_of(&post.sealed);
    let padded = |more: usize| {
        let content = format!("{content}{}", " ".repeat(more));
        let envelope = post.sealed.envelope.clone();
        let shown = Way::Reader(ByReader { envelope, content });
        ShownLetter::parse(&post.shown(shown).encode())
    };
    assert!(padded(spare).is_ok());
    assert!(padded(spare + 1).is_err());
    let spare = label::MAX_RECEIPT - shown.deposit.encode().len();
    shown.deposit.opening.push_str(&"A".repeat(spare));
    assert!(ShownLetter::parse(&shown.encode()).is_ok());
    shown.deposit.opening.push('A');
    assert!(ShownLetter::parse(&shown.encode()).is_err());
}

#[test]
fn v254_the_sender_is_a_box_whose_opening_holds() {
    let post = evidence();
    let tsa = Tsa::new(211);
    let possible = opening_of(&post.one.owner, &tsa);
    let strange = |opening: BoxOpening| opens(opening, 1).compact().to_owned();
    let draft =
        Draft { id: id(7), room: None, body: Body::Box(possible.clone()), seen: Seen::nothing() };
    let by_broker = draft.sign_as_broker(&entry_key()).unwrap().compact().to_owned();
    let mut unsigned = post.one.opening.clone();
    unsigned.truncate(unsigned.len() - 4);
    unsigned.push_str("AAAA");
    let auction = Table::auction().opening.action().compact().to_owned();
    for sender in [
        strange(BoxOpening { letters: 0, ..possible.clone() }),
        strange(BoxOpening { freshness: 61, ..possible.clone() }),
        strange(BoxOpening { stamps: Vec::new(), ..possible }),
        by_broker,
        unsigned,
        auction,
        post.two.states(post.two.stated()),
        String::new(),
    ] {
        let shown = ShownLetter { sender, ..post.shown(by_reader(&post.sealed)) };
        assert_eq!(why(&shown), Some(NotShown::Sender));
    }
    // Another box is one, and did not write this.
    for sender in [post.two.opening.clone(), mailbox(3).opening] {
        let shown = ShownLetter { sender, ..post.shown(by_reader(&post.sealed)) };
        assert_eq!(why(&shown), Some(NotShown::OtherSender));
    }
}

#[test]
fn v306_the_receipt_is_of_a_letter_in_a_box_and_holds() {
    let post = evidence();
    let shown = |deposit| ShownLetter { deposit, ..post.shown(by_reader(&post.sealed)) };
    for seq in [0, 1] {
        assert_eq!(why(&shown(post.two.table.receipt(seq))), Some(NotShown::NotADeposit));
    }
    let mut auction = Table::auction();
    let bid = auction.bid(at(1), 2_000).unwrap();
    assert_eq!(why(&shown(auction.receipt(bid))), Some(NotShown::NotADeposit));
    let good = post.deposit.clone();
    let mut cut = good.clone();
    cut.path.pop();
    let not_included = |error: Option<NotShown>| {
        matches!(error, Some(NotShown::Receipt(VerifyError::Receipt(ReceiptError::NotIncluded(_)))))
    };
    assert!(not_included(why(&shown(cut))));
    let head = post.one.table.receipt(1).head;
    let other = why(&shown(Receipt { head, ..good }));
    assert!(matches!(other, Some(NotShown::Receipt(VerifyError::Receipt(ReceiptError::Head(_))))));
}

#[test]
fn v252_v253_parts_of_two_letters_do_not_fit_together() {
    let mut post = evidence();
    let text = String::from("It stopped.").try_into().unwrap();
    let content =
        Content::Letter(Letter { text, ..letters::letter(&post.one.owner, Mode::Evidence) });
    let to = post.two.owner.addressee(false);
    let other = seal(&content, &to, &post.one.owner.author(), &letters::seeds(2)).unwrap();
    let deposit = post.two.leave(post.two.deposit(&other.envelope, false));
    let second = ShownLetter { deposit, ..post.shown(by_reader(&other)) };
    assert_eq!(why(&second), None);
    let first = post.shown(by_reader(&post.sealed));
    // Another deposit, another envelope, another content.
    let deposit = ShownLetter { deposit: second.deposit.clone(), ..first.clone() };
    assert_eq!(why(&deposit), Some(NotShown::OtherEnvelope));
    let envelope = other.envelope.clone();
    let way = Way::Reader(ByReader { envelope, content: content_of(&post.sealed) });
    assert_eq!(why(&post.shown(way)), Some(NotShown::OtherEnvelope));
    let envelope = post.sealed.envelope.clone();
    let way = Way::Reader(ByReader { envelope, content: content_of(&other) });
    assert_eq!(why(&post.shown(way)), Some(NotShown::Signature));
    // What the sender shows is sealed once more, so nothing else fits.
    for way in [by_sender(&post.two, &other, true, 1), by_sender(&post.two, &post.sealed, true, 2)]
    {
        assert_eq!(why(&post.shown(way)), Some(NotShown::NotSealed));
    }
    let way = by_sender(&post.two, &post.sealed, true, 1);
    let shown = ShownLetter { shown: way, ..second };
    assert_eq!(why(&shown), Some(NotShown::Keys));
}

/// The reader has the envelope, or whoever was shown it: after new keys it can be left once more, and would be dated anew.
#[test]
fn v248_a_letter_that_was_left_once_more_under_another_key_is_not_shown() {
    let mut post = evidence();
    let signed = Digest([8; 32]);
    let size = BlobClass::holding(1_216).unwrap();
    let keys = Keys { signed, stock: None, blob: Blob { digest: Digest([7; 32]), size } };
    let keys = Action::parse(&post.two.states(keys)).unwrap();
    let stamped = post.two.table.tsa.stamp(keys, at(4_000_000));
    post.two.table.submit(&stamped).unwrap();
    let again = Deposit { signed, ..post.two.deposit(&post.sealed.envelope, false) };
    post.deposit = post.two.leave(again);
    for way in [by_reader(&post.sealed), by_hash(&post.sealed)] {
        assert_eq!(why(&post.shown(way)), Some(NotShown::Signature));
    }
    let way = by_sender(&post.two, &post.sealed, true, 1);
    assert_eq!(why(&post.shown(way)), Some(NotShown::Keys));
}

#[test]
fn v253_of_the_content_the_hash_alone_may_be_shown() {
    let post = evidence();
    let Way::Hash(good) = by_hash(&post.sealed) else { panic!("a hash") };
    let shown = |by: ByHash| post.shown(Way::Hash(by));
    assert_eq!(why(&shown(good.clone())), None);
    let mut hash = good.hash;
    hash.0[0] ^= 1;
    assert_eq!(why(&shown(ByHash { hash, ..good.clone() })), Some(NotShown::Signature));
    let mut signature = good.signature;
    signature.0[0] ^= 1;
    assert_eq!(why(&shown(ByHash { signature, ..good.clone() })), Some(NotShown::Signature));
    let mut envelope = good.envelope.clone();
    envelope.push(0);
    assert_eq!(why(&shown(ByHash { envelope, ..good.clone() })), Some(NotShown::OtherEnvelope));
    let sender = mailbox(3).opening;
    let other = ShownLetter { sender, ..shown(good) };
    assert_eq!(why(&other), Some(NotShown::Signature));
}

#[test]
fn v253_an_entry_that_states_another_size_shows_nothing() {
    let mut post = evidence();
    post.two = mailbox(2);
    let mut deposit = post.two.deposit(&post.sealed.envelope, true);
    deposit.envelope.size = BlobClass::of(16_316).unwrap();
    let deposit = post.two.leave(deposit);
    for way in [by_reader(&post.sealed), by_hash(&post.sealed)] {
        let shown = ShownLetter { deposit: deposit.clone(), ..post.shown(way) };
        assert_eq!(why(&shown), Some(NotShown::OtherEnvelope));
    }
    let way = by_sender(&post.two, &post.sealed, true, 1);
    let shown = ShownLetter { deposit, ..post.shown(way) };
    assert_eq!(why(&shown), Some(NotShown::NotSealed));
}

#[test]
fn v248_what_its_sender_did_not_sign_is_not_shown() {
    let (one, mut two) = (mailbox(1), mailbox(2));
    let content = Content::Letter(letters::letter(&one.owner, Mode::Evidence));
    // Whoever leaves a letter in another's name has everything but the signature.
    let impostor = letters::owner(3);
    let forged = Content::Letter(letters::letter(&impostor, Mode::Evidence));
    let sealed = seal(&forged, &two.owner.addressee(false), &impostor.author(), &letters::seeds(1));
    let envelope = sealed.unwrap().envelope;
    let deposit = two.leave(two.deposit(&envelope, false));
    let bytes = content.encode(&Proof::Evidence(Signature([7; 64]))).to_vec();
    let way = Way::Reader(ByReader { envelope, content: String::from_utf8(bytes).unwrap() });
    let shown =
        ShownLetter { sender: one.opening, deposit, shown: way, read: None, timeline: None };
    assert_eq!(why(&shown), Some(NotShown::Signature));
}

#[test]
fn v307_the_keys_are_those_that_the_reader_stated_and_the_deposit_names() {
    let post = evidence();
    let Way::Sender(good) = by_sender(&post.two, &post.sealed, true, 1) else {
        panic!("by sender")
    };
    let stated = post.two.stated();
    let shown = |by: BySender| post.shown(Way::Sender(by));
    let with = |keys: Vec<String>| shown(BySender { keys, ..good.clone() });
    let states = |keys: Keys| post.two.states(keys);
    // Where another action stated the stock, both are shown.
    let signed_alone = Keys { stock: None, ..stated.clone() };
    let renewed = Keys { signed: Digest([3; 32]), ..stated.clone() };
    assert_eq!(why(&with(vec![states(signed_alone.clone()), states(renewed.clone())])), None);
    let twice = Stated { root: stated.stock.unwrap().root, count: 2 };
    let fewer = Keys { stock: Some(twice), ..stated.clone() };
    let stranger = Keys { signed: Digest([3; 32]), ..stated.clone() };
    for keys in [
        vec![],
        vec![states(stated.clone()), states(stated.clone())],
        vec![states(signed_alone.clone())],
        vec![states(renewed.clone()), states(signed_alone.clone())],
        vec![states(signed_alone.clone()), states(renewed), states(stated.clone())],
        vec![states(fewer)],
        vec![states(stranger)],
        vec![post.one.states(stated)],
        vec![post.one.states(post.one.stated())],
        vec![post.two.opening.clone()],
        vec![String::new()],
    ] {
        assert_eq!(why(&with(keys)), Some(NotShown::Keys));
    }
    let once = good.once.clone().unwrap();
    let stranger = PrekeySecret::from_random([9; 32]).public().as_bytes().to_vec();
    let mut path = once.path.clone();
    path.pop();
    for once in [
        None,
        Some(OnceShown { path, ..once.clone() }),
        Some(OnceShown { key: stranger.clone(), ..once.clone() }),
        Some(OnceShown { key: once.key[1..].to_vec(), ..once }),
    ] {
        let refused = why(&shown(BySender { once, ..good.clone() }));
        assert_eq!(refused, Some(NotShown::Keys));
    }
    for signed in [stranger, Vec::new(), post.one.owner.public.0.as_bytes().to_vec()] {
        let refused = why(&shown(BySender { signed, ..good.clone() }));
        assert_eq!(refused, Some(NotShown::Keys));
    }
    assert_eq!(INDEX, 1, "the key is neither the first nor the last");
}

#[test]
fn v307_a_deposit_without_a_one_time_key_is_shown_without_one() {
    let post = Post::new(Mode::Evidence, false);
    let Way::Sender(good) = by_sender(&post.two, &post.sealed, false, 1) else {
        panic!("by sender")
    };
    assert_eq!(why(&post.shown(Way::Sender(good.clone()))), None);
    let once = Some(post.two.once());
    let more = post.shown(Way::Sender(BySender { once, ..good.clone() }));
    assert_eq!(why(&more), Some(NotShown::Keys));
    let keys = vec![good.keys[0].clone(), good.keys[0].clone()];
    let two = post.shown(Way::Sender(BySender { keys, ..good }));
    assert_eq!(why(&two), Some(NotShown::Keys));
}

#[test]
fn v308_a_deniable_letter_is_shown_to_nobody_in_any_way() {
    let post = Post::new(Mode::Deniable, true);
    for way in [by_reader(&post.sealed), by_sender(&post.two, &post.sealed, true, 1)] {
        let refused = why(&post.shown(way)).unwrap();
        assert_eq!(refused, NotShown::Deniable);
        assert!(refused.to_string().starts_with("it proves nothing"));
    }
    // What is not even the letter that was deposited is told as such.
    let sender = mailbox(3).opening;
    let other = ShownLetter { sender, ..post.shown(by_reader(&post.sealed)) };
    assert_eq!(why(&other), Some(NotShown::OtherSender));
}

#[test]
fn v309_a_read_receipt_shows_that_this_letter_was_read() {
    let mut post = evidence();
    let receipt = post.receipt(|_| {});
    let shown = post.acknowledged(&receipt);
    let again = ShownLetter::parse(&shown.encode()).unwrap();
    let verified = again.verify().unwrap();
    let (left, said) = verified.read.clone().unwrap();
    assert_eq!(said.time, at(60 * crate::room::fixture::SECOND));
    assert_eq!(left.receipt.room, post.one.owner.name);
    assert_eq!(verified.receipts(&again).len(), 2);
    // With the letter kept back it is one just as well.
    let shown = ShownLetter { shown: by_hash(&post.sealed), ..shown };
    assert_eq!(why(&shown), None);
    // The receipt is a letter, and shown as one.
    let read = shown.read.clone().unwrap();
    let sender = post.two.opening.clone();
    let ShownReceipt { deposit, shown } = read;
    let alone = ShownLetter { sender, deposit, shown, read: None, timeline: None };
    assert!(matches!(alone.verify().unwrap().letter.content, Some(Content::Read(_))));
}

#[test]
fn v309_what_is_no_receipt_for_this_letter_is_refused() {
    let read = |why| Some(NotShown::Read(Box::new(why)));
    let mut post = evidence();
    for (what, change) in [
        ("deposit", (|said: &mut ReadReceipt| said.deposit.0[0] ^= 1) as fn(&mut ReadReceipt)),
        ("content", |said| said.content.0[0] ^= 1),
    ] {
        let sealed = post.receipt(change);
        let shown = post.acknowledged(&sealed);
        assert_eq!(
            why(&shown),
            read(NotShown::OtherLetter(crate::letter::ReceiptError::OtherLetter(what)))
        );
    }
    let good = post.receipt(|_| {});
    let shown = post.acknowledged(&good);
    let kept = shown.read.clone().unwrap();
    let with = |read: ShownReceipt| ShownLetter { read: Some(read), ..shown.clone() };
    // The letter itself, twice; its receipt without a word of what it says; one for a box that is another's.
    let letter = ShownReceipt { deposit: post.deposit.clone(), shown: by_reader(&post.sealed) };
    assert_eq!(why(&with(letter)), read(NotShown::NotItsReceipt));
    let hashed = ShownReceipt { shown: by_hash(&good), ..kept.clone() };
    assert_eq!(why(&with(hashed)), read(NotShown::NotItsReceipt));
    let elsewhere = post.receipt(|said| said.sender = post.two.owner.name);
    let shown_there = post.acknowledged(&elsewhere);
    assert_eq!(why(&shown_there), read(NotShown::Misdirected));
    // A letter of the reader back to the sender is no receipt.
    let answer = Content::Letter(letters::letter(&post.two.owner, Mode::Evidence));
    let to = post.one.owner.addressee(false);
    let sealed = seal(&answer, &to, &post.two.owner.author(), &letters::seeds(6)).unwrap();
    let shown_answer = post.acknowledged(&sealed);
    assert_eq!(why(&shown_answer), read(NotShown::NotItsReceipt));
    // Receipts are not acknowledged.
    let sender = post.two.opening.clone();
    let of_receipt = ShownLetter {
        sender,
        deposit: kept.deposit.clone(),
        shown: kept.shown.clone(),
        read: Some(kept),
        timeline: None,
    };
    assert_eq!(why(&of_receipt), read(NotShown::NotItsReceipt));
    // One by another box.
    let third = mailbox(3);
    let by_third = post.receipt(|said| said.from = said.from.clone());
    let parsed = Content::parse(&by_third.content).unwrap().0;
    let Content::Read(said) = parsed else { panic!("a receipt") };
    let forged = ReadReceipt { from: third.owner.address(), reader: third.owner.name, ..said };
    let to = post.one.owner.addressee(false);
    let sealed = seal(&Content::Read(forged), &to, &third.owner.author(), &letters::seeds(7));
    let shown_third = post.acknowledged(&sealed.unwrap());
    assert_eq!(why(&shown_third), read(NotShown::OtherSender));
}

#[test]
fn v309_a_deniable_read_receipt_proves_nothing() {
    let mut post = evidence();
    let sealed = post.receipt(|said| said.mode = Mode::Deniable);
    let shown = post.acknowledged(&sealed);
    assert_eq!(why(&shown), Some(NotShown::Read(Box::new(NotShown::Deniable))));
}
