//! Blobs through a session.

use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::BLOB_CREDIT;
use pregao_protocol::wire::blob::{BlobClass, Piece, Purpose, Reached, is_binary};
use pregao_protocol::wire::frame::FromPeer;

use super::*;
use crate::blobs::{Account, Permission};
use crate::fixture::{LIMITS, Peer, Stage, secs};
use crate::session::Limits;

/// Everybody may put for themselves, and get everything but keys.
#[derive(Debug)]
struct Anybody;

impl Permission for Anybody {
    fn put(&self, by: &Asker, _: Purpose, _: Digest, _: BlobClass) -> Result<Account, BlobCode> {
        Ok(Account(by.persona.unwrap().fingerprint().0))
    }

    fn get(&self, _: &Asker, purpose: Purpose, _: Digest) -> Result<(), BlobCode> {
        if purpose == Purpose::Prekeys { Err(BlobCode::Forbidden) } else { Ok(()) }
    }
}

struct Blob {
    digest: Digest,
    class: BlobClass,
    bytes: Vec<u8>,
}

impl Blob {
    fn of(size: u64, seed: u8) -> Self {
        let bytes: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap() ^ seed).collect();
        Self { digest: Digest::of(&bytes), class: BlobClass::of(size).unwrap(), bytes }
    }

    fn frame(&self, n: u64, say: Say<'_>) -> Vec<u8> {
        let (purpose, digest) = (Purpose::Envelope, self.digest);
        BlobFrame { n, purpose, digest, say }.encode().unwrap()
    }

    /// The frame that puts a piece, counted from zero.
    fn put(&self, n: u64, piece: u64) -> Vec<u8> {
        let offset = piece * self.class.piece();
        let from = usize::try_from(offset).unwrap();
        let bytes = &self.bytes[from..from + usize::try_from(self.class.piece()).unwrap()];
        self.frame(n, Say::Put(Piece::new(self.class, offset, bytes).unwrap()))
    }

    fn get(&self, n: u64, from: u64) -> Vec<u8> {
        self.frame(n, Say::Get(from))
    }

    fn more(&self, n: u64, pieces: u64) -> Vec<u8> {
        let reached = Reached::new(self.class, pieces * self.class.piece()).unwrap();
        self.frame(n, Say::More(reached))
    }

    fn pieces(&self) -> u64 {
        self.class.size() / self.class.piece()
    }
}

/// What is said about blobs.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// All before that offset has come.
    More(u64, u64),
    /// The piece at that offset.
    Piece(u64, u64, Vec<u8>),
    Kept(u64),
    Failed(u64, String),
    Error(String),
}

fn failed(n: u64, code: &str) -> Heard {
    Heard::Failed(n, code.to_owned())
}

async fn heard(peer: &mut Peer) -> Heard {
    loop {
        let bytes = peer.next_bytes().await.expect("the session goes on");
        if is_binary(&bytes) {
            let frame = BlobFrame::from_broker(&bytes).unwrap();
            return match frame.say {
                Say::More(reached) => Heard::More(frame.n, reached.offset()),
                Say::Piece(piece) => Heard::Piece(frame.n, piece.offset(), piece.bytes().to_vec()),
                other => panic!("{other:?}"),
            };
        }
        match FromBroker::parse(&bytes).unwrap() {
            FromBroker::BlobKept { n, .. } => return Heard::Kept(n),
            FromBroker::BlobFailed { n, code } => return Heard::Failed(n, code),
            FromBroker::Error { code, .. } => return Heard::Error(code),
            _ => {}
        }
    }
}

/// Puts a blob as a program does, one piece after the other.
async fn put(peer: &mut Peer, n: u64, blob: &Blob) -> Heard {
    for piece in 0..blob.pieces() {
        peer.send_bytes(&blob.put(n, piece)).await;
        let said = heard(peer).await;
        if said != Heard::More(n, (piece + 1) * blob.class.piece()) {
            return said;
        }
    }
    panic!("the last piece has another answer")
}

/// Gets a blob from there on, saying of each piece that it came.
async fn get(peer: &mut Peer, n: u64, blob: &Blob, from: u64) -> Vec<u8> {
    peer.send_bytes(&blob.get(n, from * blob.class.piece())).await;
    let mut bytes = Vec::new();
    for piece in from..blob.pieces() {
        let Heard::Piece(of, offset, piece_bytes) = heard(peer).await else { panic!("no piece") };
        assert_eq!((of, offset), (n, piece * blob.class.piece()));
        bytes.extend(piece_bytes);
        peer.send_bytes(&blob.more(n, piece + 1)).await;
    }
    bytes
}

async fn open() -> (Stage, Peer) {
    with(LIMITS).await
}

async fn with(limits: Limits) -> (Stage, Peer) {
    let stage = Stage::permitting(Arc::new(Anybody), limits).await;
    let peer = Peer::connect(&stage, &stage.person(1)).await;
    (stage, peer)
}

fn unfinished(stage: &Stage) -> usize {
    std::fs::read_dir(stage.file("blobs/unfinished")).unwrap().count()
}

/// Until the broker has nothing more to say about blobs.
async fn silent(peer: &mut Peer) {
    let said = tokio::time::timeout(secs(5), heard(peer)).await;
    assert!(said.is_err(), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn v268_a_blob_is_put_cut_off_put_again_and_got_back() {
    let (stage, mut peer) = open().await;
    let blob = Blob::of(523_608, 1);
    for piece in 0..3 {
        peer.send_bytes(&blob.put(7, piece)).await;
        assert_eq!(heard(&mut peer).await, Heard::More(7, (piece + 1) * 65_451));
    }
    assert_eq!(unfinished(&stage), 1);
    drop(peer);
    stage.until(|stage| unfinished(stage) == 0).await;
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    peer.send_bytes(&blob.get(1, 0)).await;
    assert_eq!(heard(&mut peer).await, failed(1, "blob.unknown"));
    // What was cut off is not gone on with.
    peer.send_bytes(&blob.put(7, 3)).await;
    assert_eq!(heard(&mut peer).await, failed(7, "blob.order"));
    assert_eq!(put(&mut peer, 8, &blob).await, Heard::Kept(8));
    assert_eq!(get(&mut peer, 9, &blob, 0).await, blob.bytes);
    assert_eq!(get(&mut peer, 10, &blob, 6).await, blob.bytes[6 * 65_451..]);
    // Another session, after a restart.
    let stage = stage.restart().await;
    let mut peer = Peer::connect(&stage, &stage.person(2)).await;
    assert_eq!(get(&mut peer, 1, &blob, 0).await, blob.bytes);
    // No entry names it.
    tokio::time::sleep(secs(500)).await;
    assert!(stage.shared().blobs.class(blob.digest).is_some());
    stage.until(|stage| stage.shared().blobs.class(blob.digest).is_none()).await;
    let mut peer = Peer::connect(&stage, &stage.person(2)).await;
    peer.send_bytes(&blob.get(2, 0)).await;
    assert_eq!(heard(&mut peer).await, failed(2, "blob.unknown"));
}

#[tokio::test(start_paused = true)]
async fn v267_four_pieces_may_be_on_their_way_to_the_broker_and_a_fifth_ends_it() {
    let (stage, mut peer) = open().await;
    let blob = Blob::of(523_608, 1);
    for piece in 0..4 {
        peer.send_bytes(&blob.put(1, piece)).await;
    }
    for piece in 1..=4 {
        assert_eq!(heard(&mut peer).await, Heard::More(1, piece * 65_451));
    }
    stage.machine.slow_disk(secs(2));
    for piece in 4..8 {
        peer.send_bytes(&blob.put(1, piece)).await;
    }
    peer.send_bytes(&blob.put(2, 0)).await;
    for piece in 5..8 {
        assert_eq!(heard(&mut peer).await, Heard::More(1, piece * 65_451));
    }
    assert_eq!(heard(&mut peer).await, Heard::Kept(1), "what came in time is kept");
    assert_eq!(heard(&mut peer).await, failed(2, "blob.order"));
    // All were answered, so four more may come.
    let other = Blob::of(523_608, 2);
    for piece in 0..4 {
        peer.send_bytes(&other.put(3, piece)).await;
    }
    for piece in 1..=4 {
        assert_eq!(heard(&mut peer).await, Heard::More(3, piece * 65_451));
    }
}

#[tokio::test(start_paused = true)]
async fn v267_four_pieces_are_on_their_way_to_a_peer_that_says_nothing() {
    let (_stage, mut peer) = open().await;
    let blob = Blob::of(523_608, 1);
    assert_eq!(put(&mut peer, 1, &blob).await, Heard::Kept(1));
    peer.send_bytes(&blob.get(2, 0)).await;
    peer.send_bytes(&blob.get(3, 0)).await;
    for piece in 0..BLOB_CREDIT as u64 {
        let said = heard(&mut peer).await;
        assert!(matches!(said, Heard::Piece(2, offset, _) if offset == piece * 65_451), "{said:?}");
    }
    silent(&mut peer).await;
    // Two have come, so two more are sent.
    peer.send_bytes(&blob.more(2, 2)).await;
    for piece in 4..6 {
        let said = heard(&mut peer).await;
        assert!(matches!(said, Heard::Piece(2, offset, _) if offset == piece * 65_451), "{said:?}");
    }
    silent(&mut peer).await;
    // To stop gives back what it has on its way, to the other.
    peer.send_bytes(&blob.frame(2, Say::Stop)).await;
    for piece in 0..4 {
        let said = heard(&mut peer).await;
        assert!(matches!(said, Heard::Piece(3, offset, _) if offset == piece * 65_451), "{said:?}");
    }
    silent(&mut peer).await;
}

#[tokio::test(start_paused = true)]
async fn v267_who_says_that_what_was_not_sent_has_come_gets_no_more() {
    let (_stage, mut peer) = open().await;
    let blob = Blob::of(523_608, 1);
    assert_eq!(put(&mut peer, 1, &blob).await, Heard::Kept(1));
    let other = Blob { class: BlobClass::of(261_804).unwrap(), ..Blob::of(523_608, 1) };
    for (n, more) in
        [(2, blob.more(2, 5)), (3, other.more(3, 1)), (4, Blob::of(523_608, 2).more(4, 1))]
    {
        peer.send_bytes(&blob.get(n, 0)).await;
        for _ in 0..4 {
            assert!(matches!(heard(&mut peer).await, Heard::Piece(of, ..) if of == n));
        }
        peer.send_bytes(&more).await;
        assert_eq!(heard(&mut peer).await, failed(n, "blob.order"));
    }
    // The same twice.
    peer.send_bytes(&blob.get(5, 0)).await;
    for _ in 0..4 {
        assert!(matches!(heard(&mut peer).await, Heard::Piece(5, ..)));
    }
    peer.send_bytes(&blob.more(5, 1)).await;
    assert!(matches!(heard(&mut peer).await, Heard::Piece(5, ..)));
    peer.send_bytes(&blob.more(5, 1)).await;
    assert_eq!(heard(&mut peer).await, failed(5, "blob.order"));
    peer.send_bytes(&blob.more(6, 1)).await;
    assert_eq!(heard(&mut peer).await, failed(6, "blob.order"));
    silent(&mut peer).await;
}

#[tokio::test(start_paused = true)]
async fn v268_what_is_not_the_blob_that_was_announced_is_refused_by_name() {
    let (stage, mut peer) = open().await;
    let blob = Blob::of(130_902, 1);
    // Other bytes.
    let mut other = Blob::of(130_902, 1);
    other.bytes[130_901] ^= 1;
    assert_eq!(put(&mut peer, 1, &other).await, failed(1, "blob.hash"));
    // Not the first piece first, one twice, another blob under the same number.
    peer.send_bytes(&blob.put(2, 1)).await;
    assert_eq!(heard(&mut peer).await, failed(2, "blob.order"));
    for second in [blob.put(3, 0), Blob::of(130_902, 2).put(3, 1), Blob::of(261_804, 1).put(3, 1)] {
        peer.send_bytes(&blob.put(3, 0)).await;
        assert_eq!(heard(&mut peer).await, Heard::More(3, 65_451));
        peer.send_bytes(&second).await;
        assert_eq!(heard(&mut peer).await, failed(3, "blob.order"));
    }
    // What a put has for a number, a get has not.
    peer.send_bytes(&blob.put(4, 0)).await;
    assert_eq!(heard(&mut peer).await, Heard::More(4, 65_451));
    peer.send_bytes(&blob.get(4, 0)).await;
    assert_eq!(heard(&mut peer).await, failed(4, "blob.order"));
    // A size that no blob has, one that is too large, a byte too many: the frame is none.
    for (at, to) in [(48, 130_903_u64), (48, 33_510_912), (56, 65_450)] {
        let mut frame = blob.put(5, 1);
        frame[at..at + 8].copy_from_slice(&to.to_be_bytes());
        peer.send_bytes(&frame).await;
        assert_eq!(heard(&mut peer).await, failed(5, "frame.malformed"));
    }
    peer.send_bytes(&blob.put(6, 0)[..63]).await;
    assert_eq!(heard(&mut peer).await, Heard::Error("frame.malformed".to_owned()));
    assert_eq!(unfinished(&stage), 0);
    assert_eq!(stage.metrics().frames_refused.value(), 4);
    // The session goes on.
    assert_eq!(put(&mut peer, 7, &blob).await, Heard::Kept(7));
}

#[tokio::test(start_paused = true)]
async fn v269_what_is_not_there_is_not_got() {
    let (_stage, mut peer) = open().await;
    let (blob, small) = (Blob::of(130_902, 1), Blob::of(4_028, 2));
    peer.send_bytes(&blob.get(1, 0)).await;
    assert_eq!(heard(&mut peer).await, failed(1, "blob.unknown"));
    assert_eq!(put(&mut peer, 2, &blob).await, Heard::Kept(2));
    assert_eq!(put(&mut peer, 3, &small).await, Heard::Kept(3));
    peer.send_bytes(&blob.get(4, 130_902)).await;
    assert_eq!(heard(&mut peer).await, failed(4, "blob.size"));
    peer.send_bytes(&small.get(5, 65_451)).await;
    assert_eq!(heard(&mut peer).await, failed(5, "blob.size"));
    assert_eq!(get(&mut peer, 6, &small, 0).await, small.bytes);
    let keys = BlobFrame { n: 7, purpose: Purpose::Prekeys, digest: blob.digest, say: Say::Get(0) };
    peer.send_bytes(&keys.encode().unwrap()).await;
    assert_eq!(heard(&mut peer).await, failed(7, "blob.forbidden"));
}

#[tokio::test(start_paused = true)]
async fn v271_who_puts_or_gets_too_much_at_once_is_told_so() {
    let (stage, mut peer) = open().await;
    let blobs: Vec<Blob> = (0..17).map(|seed| Blob::of(4_028, seed)).collect();
    for (blob, n) in blobs[..16].iter().zip(1..) {
        assert_eq!(put(&mut peer, n, blob).await, Heard::Kept(n));
    }
    assert_eq!(put(&mut peer, 17, &blobs[16]).await, failed(17, "blob.quota"));
    // Also in another session of the same persona, and not in that of somebody else.
    let mut again = Peer::connect(&stage, &stage.person(1)).await;
    assert_eq!(put(&mut again, 1, &blobs[16]).await, failed(1, "blob.quota"));
    let mut other = Peer::connect(&stage, &stage.person(2)).await;
    assert_eq!(put(&mut other, 1, &blobs[16]).await, Heard::Kept(1));
    for n in 1..=5 {
        peer.send_bytes(&blobs[0].get(n, 0)).await;
    }
    let mut said = Vec::new();
    for _ in 0..5 {
        said.push(heard(&mut peer).await);
    }
    assert!(said.contains(&failed(5, "blob.quota")), "{said:?}");
    assert_eq!(said.iter().filter(|said| matches!(said, Heard::Piece(..))).count(), 4);
}

#[tokio::test(start_paused = true)]
async fn v272_unless_somebody_says_otherwise_nobody_puts_or_gets_anything() {
    let stage = Stage::open().await;
    let mut peer = Peer::connect(&stage, &stage.person(1)).await;
    let blob = Blob::of(130_902, 1);
    peer.send_bytes(&blob.put(1, 0)).await;
    assert_eq!(heard(&mut peer).await, failed(1, "blob.forbidden"));
    peer.send_bytes(&blob.put(1, 1)).await;
    assert_eq!(heard(&mut peer).await, failed(1, "blob.order"));
    peer.send_bytes(&blob.get(2, 0)).await;
    assert_eq!(heard(&mut peer).await, failed(2, "blob.forbidden"));
    assert_eq!(unfinished(&stage), 0);
}

#[tokio::test(start_paused = true)]
async fn v268_a_piece_beyond_the_rate_ends_what_it_belongs_to() {
    let (stage, mut peer) = with(Limits { rate: 1, burst: 3, ..LIMITS }).await;
    let blob = Blob::of(261_804, 1);
    // One of the three was the list of rooms.
    for piece in 0..3 {
        peer.send_bytes(&blob.put(1, piece)).await;
    }
    assert_eq!(heard(&mut peer).await, Heard::More(1, 65_451));
    assert_eq!(heard(&mut peer).await, Heard::More(1, 130_902));
    assert_eq!(heard(&mut peer).await, failed(1, "door.rate"));
    assert_eq!(unfinished(&stage), 0);
}

#[tokio::test(start_paused = true)]
async fn v267_whoever_sends_frames_without_end_while_the_disk_waits_is_shown_out() {
    let (stage, mut peer) = open().await;
    let blob = Blob::of(130_902, 1);
    stage.machine.slow_disk(secs(9));
    peer.send_bytes(&blob.put(1, 0)).await;
    for n in 2..70 {
        peer.send_bytes(&blob.get(n, 0)).await;
    }
    stage.until(|stage| stage.metrics().sessions.value() == 0).await;
    stage.machine.slow_disk(secs(0));
    tokio::time::sleep(secs(30)).await;
    assert_eq!(unfinished(&stage), 0);
}

#[tokio::test(start_paused = true)]
async fn while_a_disk_hangs_the_session_answers_everything_else() {
    let (stage, mut peer) = open().await;
    let blob = Blob::of(130_902, 1);
    stage.machine.slow_disk(secs(11));
    peer.send_bytes(&blob.put(1, 0)).await;
    peer.send(&FromPeer::Stamp { n: 2, digests: vec![blob.digest] }).await;
    let stamped = tokio::time::timeout(secs(2), peer.next()).await.unwrap();
    assert!(matches!(stamped, Some(FromBroker::Stamped { n: 2, .. })), "{stamped:?}");
    assert_eq!(heard(&mut peer).await, failed(1, "blob.failed"));
}

#[tokio::test(start_paused = true)]
async fn v383_what_is_begun_and_not_gone_on_with_has_ended_after_a_minute() {
    let (stage, mut peer) = open().await;
    let (blob, other) = (Blob::of(261_804, 1), Blob::of(261_804, 2));
    for (n, blob) in [(1, &blob), (2, &other)] {
        peer.send_bytes(&blob.put(n, 0)).await;
        assert_eq!(heard(&mut peer).await, Heard::More(n, 65_451));
    }
    tokio::time::sleep(secs(59)).await;
    peer.send_bytes(&blob.put(1, 1)).await;
    assert_eq!(heard(&mut peer).await, Heard::More(1, 130_902));
    assert_eq!(heard(&mut peer).await, failed(2, "blob.quota"));
    stage.until(|stage| unfinished(stage) == 1).await;
    tokio::time::sleep(secs(50)).await;
    for piece in 2..4 {
        peer.send_bytes(&blob.put(1, piece)).await;
        let said = heard(&mut peer).await;
        assert!(matches!(said, Heard::More(1, 196_353) | Heard::Kept(1)), "{said:?}");
    }
    assert_eq!(get(&mut peer, 3, &blob, 0).await, blob.bytes);
}
