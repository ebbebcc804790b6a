//! Headers of a record: each named, once, in order; and what is kept of those of a long log.

use super::*;
use crate::room::fixture::{SECOND, Tsa, at};

/// A TSA with the headers of its first batches.
fn ticks(count: u64) -> (Tsa, Vec<String>) {
    let mut tsa = Tsa::new(204);
    let texts = (0..count).map(|second| tsa.tick(at(second * SECOND))).collect();
    (tsa, texts)
}

fn hash(text: &str) -> Digest {
    BatchHeader::hash(text)
}

#[test]
fn v028_headers_that_are_named_in_their_order_however_often_are_in_order() {
    let (tsa, texts) = ticks(3);
    let mut headers = Headers::of(&texts, 6).unwrap();
    for at in [0, 0, 1, 0, 2, 1] {
        let header = headers.name(&hash(&texts[at])).unwrap();
        assert_eq!(header.open(&[tsa.public()]).unwrap().compact(), texts[at]);
    }
    assert_eq!(headers.finish(), Ok(()));
    assert_eq!(Headers::of(&[""; 0], 0).unwrap().finish(), Ok(()));
}

#[test]
fn v028_a_header_that_no_entry_names_is_superfluous() {
    let (_, texts) = ticks(3);
    for unnamed in 0..3 {
        let mut headers = Headers::of(&texts, 3).unwrap();
        for at in (0..3).filter(|at| *at != unnamed) {
            headers.name(&hash(&texts[at])).unwrap();
        }
        let header = hash(&texts[unnamed]);
        assert_eq!(headers.finish(), Err(HeaderError::Superfluous { header }));
    }
}

#[test]
fn v028_a_record_has_at_most_as_many_headers_as_stamps() {
    let (_, texts) = ticks(3);
    assert!(Headers::of(&texts, 3).is_ok());
    let header = hash(&texts[2]);
    assert_eq!(Headers::of(&texts, 2).unwrap_err(), HeaderError::Superfluous { header });
    let header = hash(&texts[0]);
    assert_eq!(Headers::of(&texts, 0).unwrap_err(), HeaderError::Superfluous { header });
}

#[test]
fn v028_a_header_that_stands_twice_is_repeated() {
    let (_, texts) = ticks(2);
    let header = hash(&texts[0]);
    let repeated = [&texts[0], &texts[1], &texts[0]];
    assert_eq!(Headers::of(&repeated, 9).unwrap_err(), HeaderError::Repeated { header });
}

#[test]
fn v028_headers_in_another_order_than_they_are_named_are_told() {
    let (_, texts) = ticks(3);
    let mut headers = Headers::of(&texts, 3).unwrap();
    for at in [0, 2, 1] {
        headers.name(&hash(&texts[at])).unwrap();
    }
    let header = hash(&texts[2]);
    assert_eq!(headers.finish(), Err(HeaderError::Order { header }));
}

#[test]
fn v023_a_header_that_is_not_there_is_missing() {
    let (_, texts) = ticks(3);
    let mut headers = Headers::of(&texts[..2], 3).unwrap();
    let header = hash(&texts[2]);
    assert_eq!(headers.name(&header).unwrap_err(), HeaderError::Missing { header });
    let mut none = Headers::default();
    assert_eq!(none.name(&header).unwrap_err(), HeaderError::Missing { header });
}

#[test]
fn a_header_is_believed_by_each_room_for_its_own_tsas() {
    let (tsa, texts) = ticks(1);
    let other = Tsa::new(205).public();
    let mut headers = Headers::of(&texts, 1).unwrap();
    let header = headers.name(&hash(&texts[0])).unwrap();
    assert_eq!(header.open(&[other]).unwrap_err(), StampError::UnknownTsa);
    assert_eq!(header.open(&[]).unwrap_err(), StampError::UnknownTsa);
    assert!(header.open(&[other, tsa.public()]).is_ok());
    // It was verified a moment ago, for another room.
    assert_eq!(header.open(&[other]).unwrap_err(), StampError::UnknownTsa);
    assert!(header.open(&[tsa.public()]).is_ok());
}

#[test]
fn a_header_whose_text_is_none_is_no_header() {
    let mut headers = Headers::of(&["a.b.c"], 1).unwrap();
    let header = headers.name(&hash("a.b.c")).unwrap();
    assert!(matches!(header.open(&[]), Err(StampError::Content | StampError::Header(_))));
}

#[test]
fn headers_too_old_to_be_named_are_forgotten_and_still_not_repeated() {
    let (tsa, texts) = ticks(4);
    let mut headers = Headers::default();
    for text in &texts {
        headers.give(text).unwrap();
        headers.name(&hash(text)).unwrap().open(&[tsa.public()]).unwrap();
    }
    headers.forget_before(at(2 * SECOND));
    for (second, text) in texts.iter().enumerate() {
        let header = hash(text);
        let named = headers.name(&header).unwrap();
        assert_eq!(named.open(&[tsa.public()]).is_err(), second < 2);
        // To the microsecond, whether it is forgotten or not.
        let next = at(second as u64 * SECOND).as_micros() + 1;
        assert_eq!(named.was_before(at(second as u64 * SECOND)), second < 2);
        assert!(named.was_before(Time::from_micros(next).unwrap()));
        assert_eq!(headers.give(text), Err(HeaderError::Repeated { header }));
    }
    assert_eq!(headers.finish(), Ok(()));
}
