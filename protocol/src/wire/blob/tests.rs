use proptest::prelude::*;

use super::*;
use crate::value::label::{BLOB_CREDIT, MAX_FRAME, RECORD_BUCKETS};
use crate::value::padding::PREFIX;
use crate::wire::frame::FromPeer;
use crate::wire::session::Padded;

const SIZES: [u64; 11] = [
    4_028, 16_316, 65_451, 130_902, 261_804, 523_608, 1_047_216, 2_094_432, 4_188_864, 8_377_728,
    16_755_456,
];

fn class(size: u64) -> BlobClass {
    BlobClass::of(size).unwrap()
}

fn frame(say: Say<'_>) -> BlobFrame<'_> {
    BlobFrame { n: 7, purpose: Purpose::Envelope, digest: Digest([9; 32]), say }
}

fn bytes(frame: &BlobFrame<'_>) -> Vec<u8> {
    frame.encode().unwrap()
}

/// A good frame of the peer with some bytes of its header changed.
fn changed(say: Say<'_>, at: usize, to: &[u8]) -> Result<(), BlobFrameError> {
    let mut bytes = bytes(&frame(say));
    bytes[at..at + to.len()].copy_from_slice(to);
    BlobFrame::from_peer(&bytes).map(drop)
}

#[test]
fn v265_headers_are_pinned_byte_for_byte() {
    let content = vec![0xEE; 4_028];
    let piece = Piece::new(class(4_028), 0, &content).unwrap();
    let reached = Reached::new(class(130_902), 65_451).unwrap();
    let digest = "09".repeat(32);
    for (say, kind, total, offset) in [
        (Say::Put(piece), "01", "0000000000000fbc", "0000000000000000"),
        (Say::Get(65_451), "02", "0000000000000000", "000000000000ffab"),
        (Say::Piece(piece), "03", "0000000000000fbc", "0000000000000000"),
        (Say::More(reached), "04", "000000000001ff56", "000000000000ffab"),
        (Say::Stop, "05", "0000000000000000", "0000000000000000"),
    ] {
        let made = bytes(&frame(say));
        let (header, rest) = made.split_at(64);
        let pinned = format!("b101{kind}01000000000000000000000007{digest}{total}{offset}");
        assert_eq!(hex::encode(header), pinned);
        let has_bytes = matches!(say, Say::Put(_) | Say::Piece(_));
        assert_eq!(rest, if has_bytes { content.as_slice() } else { &[] });
        assert_eq!(request_of(&made), Some(7));
    }
}

#[test]
fn v265_no_json_begins_with_the_mark() {
    assert!(std::str::from_utf8(&[MARK]).is_err());
    assert!(is_binary(&bytes(&frame(Say::Stop))));
    assert!(FromPeer::parse(&bytes(&frame(Say::Stop))).is_err());
    for text in ["{", "[", "\"", " ", "\t", "\n", "\r", "-", "0", "t", "f", "n", "\u{feff}", ""] {
        assert!(!is_binary(text.as_bytes()));
    }
}

#[test]
fn v265_each_side_sends_its_own_types() {
    let content = vec![1; 4_028];
    let piece = Piece::new(class(4_028), 0, &content).unwrap();
    let more = Say::More(Reached::new(class(4_028), 4_028).unwrap());
    for (say, from_peer, from_broker) in [
        (Say::Put(piece), true, false),
        (Say::Get(0), true, false),
        (Say::Piece(piece), false, true),
        (more, true, true),
        (Say::Stop, true, false),
    ] {
        let (made, bytes) = (frame(say), bytes(&frame(say)));
        let expected = |is: bool| if is { Ok(made) } else { Err(BlobFrameError::Type) };
        assert_eq!(BlobFrame::from_peer(&bytes), expected(from_peer));
        assert_eq!(BlobFrame::from_broker(&bytes), expected(from_broker));
    }
}

#[test]
fn v265_another_header_is_refused() {
    use BlobFrameError as E;
    for (at, to, error) in [
        (0, [0xB0].as_slice(), E::Header),
        (1, &[0], E::Header),
        (1, &[2], E::Header),
        (2, &[0], E::Type),
        (2, &[6], E::Type),
        (3, &[0], E::Purpose),
        (3, &[4], E::Purpose),
        (4, &[1], E::Header),
        (5, &[1], E::Header),
        (6, &[1], E::Header),
        (7, &[1], E::Header),
        // 2^53.
        (8, &[0, 0x20, 0, 0, 0, 0, 0, 0], E::Number),
        (55, &[1], E::Length),
        (63, &[1], E::Offset),
    ] {
        assert_eq!(changed(Say::Stop, at, to), Err(error), "{at}");
    }
    assert_eq!(changed(Say::Stop, 8, &[0, 0x1F, 255, 255, 255, 255, 255, 255]), Ok(()));
    let whole = bytes(&frame(Say::Stop));
    for length in 0..64 {
        assert_eq!(BlobFrame::from_peer(&whole[..length]), Err(E::Short));
        assert_eq!(request_of(&whole[..length]), None);
    }
    let large = BlobFrame { n: MAX_COUNTER + 1, ..frame(Say::Stop) };
    assert_eq!(large.encode(), Err(E::Number));
    assert_eq!(BlobFrame { n: MAX_COUNTER, ..large }.encode().map(drop), Ok(()));
    let mut named = whole;
    named[8..16].copy_from_slice(&(MAX_COUNTER + 1).to_be_bytes());
    assert_eq!(request_of(&named), None);
}

#[test]
fn v265_lengths_and_places_agree() {
    use BlobFrameError as E;
    let content = vec![1; 65_451];
    let (small, large) = (class(65_451), class(130_902));
    for (class, offset, length, made) in [
        (small, 0, 65_451, Ok(())),
        (small, 0, 65_450, Err(E::Bytes)),
        (small, 65_451, 65_451, Err(E::Offset)),
        (large, 65_451, 65_451, Ok(())),
        (large, 65_450, 65_451, Err(E::Offset)),
        (large, 130_902, 65_451, Err(E::Offset)),
        (large, 0, 0, Err(E::Bytes)),
    ] {
        let piece = Piece::new(class, offset, &content[..length]);
        assert_eq!(piece.map(drop), made, "{offset} {length}");
    }
    let piece = Piece::new(large, 65_451, &content).unwrap();
    assert_eq!(changed(Say::Put(piece), 48, &130_903_u64.to_be_bytes()), Err(E::Length));
    assert_eq!(changed(Say::Put(piece), 48, &65_451_u64.to_be_bytes()), Err(E::Offset));
    assert_eq!(changed(Say::Put(piece), 48, &4_028_u64.to_be_bytes()), Err(E::Offset));
    assert_eq!(changed(Say::Put(piece), 56, &1_u64.to_be_bytes()), Err(E::Offset));
    assert_eq!(changed(Say::Put(piece), 56, &130_902_u64.to_be_bytes()), Err(E::Offset));
    let mut longer = bytes(&frame(Say::Put(piece)));
    longer.push(0);
    assert_eq!(BlobFrame::from_peer(&longer), Err(E::Bytes));
    longer.truncate(longer.len() - 2);
    assert_eq!(BlobFrame::from_peer(&longer), Err(E::Bytes));
    for (offset, made) in
        [(0, false), (1, false), (65_451, true), (130_902, true), (196_353, false)]
    {
        assert_eq!(Reached::new(large, offset).is_ok(), made, "{offset}");
    }
    let more = Say::More(Reached::new(large, 65_451).unwrap());
    assert_eq!(changed(more, 56, &[0; 8]), Err(E::Offset));
    assert_eq!(changed(more, 48, &[0; 8]), Err(E::Length));
}

#[test]
fn v265_what_a_type_has_no_use_for_is_nothing() {
    use BlobFrameError as E;
    let more = Say::More(Reached::new(class(4_028), 4_028).unwrap());
    for say in [Say::Get(0), more, Say::Stop] {
        let mut longer = bytes(&frame(say));
        longer.push(0);
        assert_eq!(BlobFrame::from_peer(&longer), Err(E::Bytes));
    }
    assert_eq!(changed(Say::Get(0), 48, &4_028_u64.to_be_bytes()), Err(E::Length));
    let last = BLOB_PIECE * 255;
    for (offset, made) in [
        (0, Ok(())),
        (1, Err(E::Offset)),
        (last, Ok(())),
        (last + BLOB_PIECE, Ok(())),
        (last + 2 * BLOB_PIECE, Err(E::Offset)),
        (u64::MAX, Err(E::Offset)),
    ] {
        assert_eq!(frame(Say::Get(offset)).encode().map(drop), made, "{offset}");
        assert_eq!(changed(Say::Get(0), 56, &offset.to_be_bytes()), made);
    }
}

#[test]
fn v266_there_are_eleven_sizes() {
    assert!(BlobClass::all().map(BlobClass::size).eq(SIZES));
    for size in SIZES {
        assert_eq!(class(size).size(), size);
        for other in [size - 1, size + 1, size + BLOB_PIECE] {
            assert_eq!(BlobClass::of(other).is_some(), SIZES.contains(&other), "{other}");
        }
        assert_eq!(BlobClass::holding(size), Some(class(size)));
        assert_eq!(BlobClass::holding(size - 1), Some(class(size)));
    }
    for size in [0, 1, 3 * BLOB_PIECE, 2 * SIZES[10], MAX_BLOB, u64::MAX] {
        assert_eq!(BlobClass::of(size), None, "{size}");
    }
    assert_eq!(BlobClass::holding(SIZES[10] + 1), None);
    assert_eq!(BlobClass::holding(0), Some(class(4_028)));
}

#[test]
fn v266_every_piece_fills_its_record() {
    for size in SIZES {
        let class = class(size);
        let piece = usize::try_from(class.piece()).unwrap();
        let content = vec![7; piece];
        let made = bytes(&frame(Say::Put(Piece::new(class, 0, &content).unwrap())));
        let filled = made.len() + PREFIX;
        assert!(RECORD_BUCKETS.contains(&filled), "{size}: {filled}");
        assert_eq!(Padded::new(&made).unwrap().sealed_len(), filled + 16);
    }
    // What is no binary frame is no longer than it may be.
    let mut long = vec![MARK; 65_515];
    assert!(Padded::new(&long).is_ok());
    long.push(0);
    assert!(Padded::new(&long).is_err());
    assert!(Padded::new(&vec![b'{'; MAX_FRAME + 1]).is_err());
}

/// A blob of this class, its name, and its pieces.
fn blob(class: BlobClass) -> (Vec<u8>, Digest) {
    let content: Vec<u8> = (0..class.size()).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let digest = Digest::of(&content);
    (content, digest)
}

fn pieces(class: BlobClass, content: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let size = usize::try_from(class.piece()).unwrap();
    let piece = move |(at, bytes)| Piece::new(class, at as u64 * class.piece(), bytes).unwrap();
    content.chunks(size).enumerate().map(piece)
}

#[test]
fn v267_pieces_come_in_order_and_all_of_them() {
    let class = class(261_804);
    let (content, digest) = blob(class);
    let all: Vec<Piece<'_>> = pieces(class, &content).collect();
    let mut gathering = Gathering::of(digest, class);
    for (at, piece) in all.iter().enumerate() {
        for other in all.iter().enumerate().filter(|(other, _)| *other != at) {
            assert_eq!(gathering.take(other.1), Err(Fault::Order));
        }
        assert!(!gathering.is_complete());
        assert_eq!(gathering.clone().finish(), Err(Fault::Incomplete));
        assert_eq!(gathering.next(), piece.offset());
        gathering.take(piece).unwrap();
    }
    assert!(gathering.is_complete());
    assert_eq!(gathering.take(&all[0]), Err(Fault::Order));
    assert_eq!(gathering.take(&all[3]), Err(Fault::Order));
    assert_eq!(gathering.finish(), Ok(()));
    let other = Piece::new(BlobClass::of(130_902).unwrap(), 0, &content[..65_451]).unwrap();
    assert_eq!(Gathering::of(digest, class).take(&other), Err(Fault::Order));
}

#[test]
fn v267_so_many_pieces_are_on_their_way_and_no_more() {
    let mut credit = Credit::default();
    for _ in 0..BLOB_CREDIT {
        assert!(credit.is_free() && credit.take());
    }
    assert!(!credit.is_free() && !credit.take());
    credit.give_back(1);
    assert!(credit.take() && !credit.take());
    credit.give_back(BLOB_CREDIT + 1);
    assert_eq!(credit, Credit::default());
}

#[test]
fn v268_other_bytes_are_another_blob() {
    let class = class(130_902);
    let (mut content, digest) = blob(class);
    let gathered = |content: &[u8]| {
        let mut gathering = Gathering::of(digest, class);
        pieces(class, content).for_each(|piece| gathering.take(&piece).unwrap());
        gathering.finish()
    };
    assert_eq!(gathered(&content), Ok(()));
    for at in [0, 65_450, 65_451, 130_901] {
        content[at] ^= 1;
        assert_eq!(gathered(&content), Err(Fault::Hash));
        content[at] ^= 1;
    }
}

proptest! {
    #[test]
    fn v265_a_frame_reads_back_and_every_changed_byte_of_its_header_shows(
        n in 0..=MAX_COUNTER,
        digest: [u8; 32],
        purpose in 0_usize..3,
        size in 0_usize..4,
        at in 0_usize..64,
        flip in 1_u8..=255,
    ) {
        let class = class(SIZES[size]);
        let content = vec![3; usize::try_from(class.piece()).unwrap()];
        let offset = class.size() - class.piece();
        let say = Say::Put(Piece::new(class, offset, &content).unwrap());
        let made = BlobFrame { n, purpose: Purpose::ALL[purpose], digest: Digest(digest), say };
        let mut bytes = made.encode().unwrap();
        prop_assert_eq!(BlobFrame::from_peer(&bytes), Ok(made));
        bytes[at] ^= flip;
        if let Ok(other) = BlobFrame::from_peer(&bytes) {
            prop_assert_ne!(other, made);
            prop_assert_eq!(other.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn v265_arbitrary_bytes_never_panic_and_have_one_reading(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        kind in 0_u8..8,
    ) {
        let header = [MARK, 1, kind, 1, 0, 0, 0, 0];
        for (at, byte) in header.into_iter().enumerate().take(bytes.len()) {
            bytes[at] = byte;
        }
        let _ = request_of(&bytes);
        for frame in [BlobFrame::from_peer(&bytes), BlobFrame::from_broker(&bytes)].into_iter().flatten() {
            prop_assert_eq!(frame.encode().unwrap(), bytes.clone());
        }
    }
}
