use super::*;
use crate::letter::content::ContentError;
use crate::letter::envelope::{LetterError, OpenError, open, seal};
use crate::letter::fixture::{self, Owner, owner, receipt, seeds};

/// A letter from the first box to the second, and what was opened of it.
fn read(mode: Mode) -> (Owner, Owner, Sent, Opened) {
    let [one, two] = [owner(1), owner(2)];
    let sealed = fixture::sealed(&one, &two, mode, true);
    let opened = open(&two.reading(true), &sealed.envelope).unwrap();
    (one, two, sealed.sent, opened)
}

/// Seals the receipt back to the first box and opens it there.
fn returned(one: &Owner, two: &Owner, receipt: ReadReceipt) -> Result<Opened, OpenError> {
    let to = one.addressee(true);
    let sealed = seal(&Content::Read(receipt), &to, &two.author(), &seeds(2)).unwrap();
    open(&one.reading(true), &sealed.envelope)
}

#[test]
fn v250_a_receipt_goes_back_in_the_mode_of_its_letter() {
    for mode in [Mode::Evidence, Mode::Deniable] {
        let (one, two, sent, opened) = read(mode);
        let receipt = receipt(&two, &opened);
        let back = returned(&one, &two, receipt.clone()).unwrap();
        assert_eq!(back.mode(), mode);
        assert_eq!(back.verify(&two.keys(), &one.agreement), Ok(()));
        assert_eq!(back.content(), &Content::Read(receipt.clone()));
        assert_eq!(receipt.verify_for(&sent), Ok(()));
    }
}

#[test]
fn v251_a_receipt_is_for_the_letter_that_was_sent_and_no_other() {
    let (_, two, sent, opened) = read(Mode::Evidence);
    let receipt = receipt(&two, &opened);
    let differs = |sent: Sent| receipt.verify_for(&sent);
    let other = Digest([9; 32]);
    let stranger = RoomName([9; 32]);
    for (sent, what) in [
        (Sent { deposit: other, ..sent }, "deposit"),
        (Sent { content: other, ..sent }, "content"),
        (Sent { sender: stranger, ..sent }, "sender"),
        (Sent { reader: stranger, ..sent }, "reader"),
        (Sent { mode: Mode::Deniable, ..sent }, "mode"),
    ] {
        assert_eq!(differs(sent), Err(ReceiptError::OtherLetter(what)));
    }
    let mut from_another = receipt.clone();
    from_another.from.name = stranger;
    assert_eq!(from_another.verify_for(&sent), Err(ReceiptError::OtherLetter("reader")));
}

#[test]
fn v250_a_receipt_is_not_acknowledged_and_comes_from_the_box_that_read() {
    let (one, two, _, opened) = read(Mode::Evidence);
    let of = |opened: &Opened, from: &Owner| {
        ReadReceipt::of(opened, from.address(), fixture::id(3), Salt([5; 32]), Time::default())
    };
    assert_eq!(of(&opened, &one).unwrap_err(), ReceiptError::OtherLetter("reader"));
    let receipt = receipt(&two, &opened);
    let back = returned(&one, &two, receipt.clone()).unwrap();
    assert_eq!(of(&back, &one).unwrap_err(), ReceiptError::OfReceipt);
    let foreign = Content::Read(ReadReceipt { reader: one.name, ..receipt });
    let refused = seal(&foreign, &one.addressee(true), &two.author(), &seeds(2)).unwrap_err();
    assert_eq!(refused, LetterError::Content(ContentError::Reader));
}

#[test]
fn v250_a_receipt_in_another_box_than_the_senders_is_none() {
    let (one, two, _, opened) = read(Mode::Evidence);
    let receipt = ReadReceipt { sender: owner(3).name, ..receipt(&two, &opened) };
    assert_eq!(returned(&one, &two, receipt).unwrap_err(), OpenError::Misdirected);
}
