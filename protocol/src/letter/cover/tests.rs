use super::*;
use crate::letter::fixture::{id, letter, owner, seeds};
use crate::letter::{Class, Content, LetterError, Proof, ReadReceipt, ReceiptError, open, seal};
use crate::value::clock::Time;

fn cover() -> Cover {
    Cover::new(owner(1).address(), id(3), Salt([5; 32]))
}

fn text(content: &Content) -> String {
    let bytes = content.encode(&Proof::blank(content.mode())).to_vec();
    String::from_utf8(bytes).unwrap()
}

fn parse(text: &str) -> Result<Content, ContentError> {
    Content::parse(text.as_bytes()).map(|(content, _)| content)
}

#[test]
fn v370_cover_has_one_spelling_and_no_member_of_a_letter() {
    let content = Content::Cover(cover());
    let good = text(&content);
    assert_eq!(parse(&good), Ok(content));
    for (from, to) in [
        ("\"cover\"", "\"letter\""),
        ("\"cover\"", "\"read\""),
        ("\"cover\"", "\"Cover\""),
        ("\"v\":1", "\"v\":2"),
        (",\"proof\"", ",\"text\":\"\",\"proof\""),
        (",\"proof\"", ",\"attachments\":[],\"proof\""),
        (",\"salt\"", ",\"reply_to\":null,\"salt\""),
        (",\"mode\":\"deniable\"", ""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert_eq!(parse(&bad), Err(ContentError::NotCanonical), "{to}");
    }
    let as_cover = text(&Content::Letter(letter(&owner(1), Mode::Deniable)));
    let as_cover = as_cover.replacen("\"letter\"", "\"cover\"", 1);
    assert_eq!(parse(&as_cover), Err(ContentError::NotCanonical));
}

#[test]
fn v370_cover_is_evidence_of_nothing_and_has_a_name() {
    let [one, two] = [owner(1), owner(2)];
    let refused = |cover: Cover| {
        let content = Content::Cover(cover);
        let sealed = seal(&content, &two.addressee(true), &one.author(), &seeds(4));
        let read = parse(&text(&content)).unwrap_err();
        assert_eq!(sealed.unwrap_err(), LetterError::Content(read), "what is not sent is not read");
        read
    };
    let evidence = Cover { mode: Mode::Evidence, ..cover() };
    assert_eq!(refused(evidence), ContentError::Part("mode of cover"));
    assert_eq!(refused(Cover { id: uuid::Uuid::nil(), ..cover() }), ContentError::Id);
}

#[test]
fn v371_cover_is_sealed_and_opened_as_the_smallest_letter_and_is_not_acknowledged() {
    let [one, two] = [owner(1), owner(2)];
    let content = Content::Cover(cover());
    assert_eq!(content.class(), Some(Class::Small));
    for with_once in [true, false] {
        let sealed = seal(&content, &two.addressee(with_once), &one.author(), &seeds(4)).unwrap();
        let of_letter = crate::letter::fixture::sealed(&one, &two, Mode::Deniable, with_once);
        assert_eq!(sealed.envelope.len(), of_letter.envelope.len());
        let opened = open(&two.reading(with_once), &sealed.envelope).unwrap();
        assert_eq!(opened.content(), &content);
        assert_eq!(opened.verify(&one.keys(), &two.agreement), Ok(()));
        assert!(opened.verify(&owner(3).keys(), &two.agreement).is_err());
        let receipt =
            ReadReceipt::of(&opened, two.address(), id(4), Salt([6; 32]), Time::default());
        assert_eq!(receipt.unwrap_err(), ReceiptError::OfCover);
        // Neither elsewhere nor without the one-time key's secret.
        assert!(open(&one.reading(with_once), &sealed.envelope).is_err());
        assert!(open(&two.reading(!with_once), &sealed.envelope).is_err());
    }
}
