//! Blobs without a session: what is kept, claimed, destroyed, and what a disk that fails leaves.

mod disk;

use std::path::Path;

use bytes::Bytes;
use pregao_protocol::room::body;
use pregao_protocol::wire::blob::BlobClass;
use tempfile::TempDir;

use super::*;
use crate::fixture::{Machine, secs};

const QUOTAS: Quotas = Quotas {
    account_blobs: 3,
    account_bytes: 200_000,
    unnamed_bytes: 300_000,
    room_bytes: 140_000,
};
const ANA: Account = Account([1; 32]);
const RUI: Account = Account([2; 32]);

fn room(number: u8) -> RoomName {
    RoomName([number; 32])
}

fn at(seconds: u64) -> Time {
    Time::default().plus(secs(1_800_000_000 + seconds))
}

fn class(size: u64) -> BlobClass {
    BlobClass::of(size).unwrap()
}

/// A blob: its name, its class, its bytes.
struct Blob {
    digest: Digest,
    class: BlobClass,
    bytes: Vec<u8>,
}

impl Blob {
    fn of(size: u64, seed: u8) -> Self {
        let bytes: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap() ^ seed).collect();
        Self { digest: Digest::of(&bytes), class: class(size), bytes }
    }

    fn small(seed: u8) -> Self {
        Self::of(4_028, seed)
    }

    fn named(&self) -> body::Blob {
        body::Blob { digest: self.digest, size: self.class }
    }

    fn pieces(&self) -> Vec<(u64, Bytes)> {
        let size = usize::try_from(self.class.piece()).unwrap();
        let offset = |at: usize| at as u64 * self.class.piece();
        let pieces = self.bytes.chunks(size).enumerate();
        pieces.map(|(at, piece)| (offset(at), Bytes::copy_from_slice(piece))).collect()
    }
}

struct Shelf {
    folder: TempDir,
    blobs: Blobs,
}

impl Shelf {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = open(folder.path()).await;
        Self { folder, blobs }
    }

    async fn put(&self, account: Account, blob: &Blob) -> Result<(), BlobCode> {
        put(&self.blobs, account, blob).await
    }

    /// An entry of a room is to name what an account put.
    fn claims(&self, account: Account, blob: &Blob, room: RoomName) -> Result<(), Code> {
        self.blobs.claim(blob.named(), room, account)
    }

    /// Starts again over the same files.
    async fn restart(self) -> Self {
        let blobs = open(self.folder.path()).await;
        Self { blobs, ..self }
    }

    fn files(&self) -> Vec<String> {
        files(self.folder.path())
    }
}

async fn open(folder: &Path) -> Blobs {
    let place = Arc::new(Files::open(folder.join("blobs")).unwrap());
    Blobs::open(place, QUOTAS, Machine::start(1).host()).await.unwrap()
}

async fn put(blobs: &Blobs, account: Account, blob: &Blob) -> Result<(), BlobCode> {
    let mut upload = blobs.put_begin(account, blob.digest, blob.class)?;
    for (offset, piece) in blob.pieces() {
        assert_eq!(upload.next(), Some(offset));
        upload.piece(offset, piece).await?;
    }
    upload.finish().await
}

async fn whole(blobs: &Blobs, blob: &Blob) -> Result<Vec<u8>, BlobCode> {
    let mut bytes = Vec::new();
    for (offset, _) in blob.pieces() {
        let (class, piece) = blobs.get(blob.digest, offset).await?;
        assert_eq!(class, blob.class);
        bytes.extend(piece);
    }
    Ok(bytes)
}

/// Every file below a folder, by its name alone.
fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            names.extend(files(&entry.path()));
        } else {
            names.push(entry.file_name().into_string().unwrap());
        }
    }
    names
}

#[tokio::test(start_paused = true)]
async fn v268_a_blob_is_kept_whole_under_its_name() {
    let shelf = Shelf::open().await;
    for size in [4_028, 16_316, 65_451, 130_902] {
        let blob = Blob::of(size, 1);
        assert_eq!(whole(&shelf.blobs, &blob).await, Err(BlobCode::Unknown));
        shelf.put(ANA, &blob).await.unwrap();
        assert_eq!(whole(&shelf.blobs, &blob).await.unwrap(), blob.bytes);
        shelf.claims(ANA, &blob, room(u8::try_from(size % 7).unwrap())).unwrap();
        let name = hex::encode(blob.digest.0);
        let path = shelf.folder.path().join("blobs").join(&name[..2]).join(&name);
        assert_eq!(std::fs::read(path).unwrap(), blob.bytes);
    }
    assert_eq!(shelf.files().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn v269_a_piece_is_got_where_one_begins_and_nowhere_else() {
    let shelf = Shelf::open().await;
    let blob = Blob::of(130_902, 1);
    shelf.put(ANA, &blob).await.unwrap();
    for (offset, begins) in
        [(0, true), (1, false), (65_450, false), (65_451, true), (130_902, false)]
    {
        let got = shelf.blobs.get(blob.digest, offset).await;
        match got {
            Ok((_, piece)) => {
                let from = usize::try_from(offset).unwrap();
                assert!(begins && piece == blob.bytes[from..from + 65_451]);
            }
            Err(code) => assert!(!begins && code == BlobCode::Size),
        }
    }
    assert_eq!(shelf.blobs.get(Digest([0; 32]), 0).await, Err(BlobCode::Unknown));
}

#[tokio::test(start_paused = true)]
async fn v268_other_bytes_other_order_and_less_than_all_are_not_kept() {
    let shelf = Shelf::open().await;
    let (blob, other) = (Blob::of(130_902, 1), Blob::of(130_902, 2));
    let begin = || shelf.blobs.put_begin(ANA, blob.digest, blob.class).unwrap();
    let (own, others) = (blob.pieces(), other.pieces());

    let mut upload = begin();
    upload.piece(0, own[0].1.clone()).await.unwrap();
    upload.piece(65_451, others[1].1.clone()).await.unwrap();
    assert_eq!(upload.finish().await, Err(BlobCode::Hash));

    let mut upload = begin();
    assert_eq!(upload.piece(65_451, own[1].1.clone()).await, Err(BlobCode::Order));
    assert_eq!(upload.next(), None);
    assert_eq!(upload.piece(0, own[0].1.clone()).await, Err(BlobCode::Order));
    assert_eq!(upload.finish().await, Err(BlobCode::Order));

    let mut upload = begin();
    upload.piece(0, own[0].1.clone()).await.unwrap();
    assert_eq!(upload.piece(0, own[0].1.clone()).await, Err(BlobCode::Order));

    let mut upload = begin();
    assert_eq!(upload.piece(0, own[0].1.slice(1..)).await, Err(BlobCode::Size));

    let mut upload = begin();
    upload.piece(0, own[0].1.clone()).await.unwrap();
    assert!(!upload.is_complete());
    assert_eq!(upload.finish().await, Err(BlobCode::Size));
    assert_eq!(begin().finish().await, Err(BlobCode::Size));

    assert_eq!(whole(&shelf.blobs, &blob).await, Err(BlobCode::Unknown));
    assert_eq!(shelf.files(), [""; 0]);
    // Nothing of all that counts any more.
    shelf.put(ANA, &blob).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn v268_what_is_given_up_or_cut_off_vanishes() {
    let shelf = Shelf::open().await;
    let blob = Blob::of(130_902, 1);
    let mut upload = shelf.blobs.put_begin(ANA, blob.digest, blob.class).unwrap();
    upload.piece(0, blob.pieces()[0].1.clone()).await.unwrap();
    assert_eq!(shelf.files().len(), 1);
    drop(upload);
    assert_eq!(shelf.files().len(), 0);
    // A crash removes nothing by itself.
    let mut upload = shelf.blobs.put_begin(ANA, blob.digest, blob.class).unwrap();
    upload.piece(0, blob.pieces()[0].1.clone()).await.unwrap();
    std::mem::forget(upload);
    assert_eq!(shelf.files().len(), 1);
    let shelf = shelf.restart().await;
    assert_eq!(shelf.files().len(), 0);
    shelf.put(ANA, &blob).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn v268_two_who_put_the_same_both_have_it() {
    let shelf = Shelf::open().await;
    let blob = Blob::small(1);
    let begin = |account| shelf.blobs.put_begin(account, blob.digest, blob.class).unwrap();
    let (mut one, mut two) = (begin(ANA), begin(RUI));
    one.piece(0, blob.pieces()[0].1.clone()).await.unwrap();
    two.piece(0, blob.pieces()[0].1.clone()).await.unwrap();
    one.finish().await.unwrap();
    assert_eq!(shelf.blobs.sweep(at(0)).await, 0);
    two.finish().await.unwrap();
    assert_eq!(shelf.files().len(), 1);
    // Who put it last has ten minutes from then on.
    assert_eq!(shelf.blobs.sweep(at(1)).await, 0);
    assert_eq!(shelf.blobs.sweep(at(600)).await, 0);
    assert_eq!(shelf.blobs.sweep(at(601)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn v270_what_no_entry_names_is_destroyed_after_ten_minutes() {
    let shelf = Shelf::open().await;
    let (named, unnamed) = (Blob::small(1), Blob::small(2));
    shelf.put(ANA, &named).await.unwrap();
    shelf.put(ANA, &unnamed).await.unwrap();
    shelf.claims(ANA, &named, room(1)).unwrap();
    assert_eq!(shelf.blobs.sweep(at(0)).await, 0);
    let almost = at(599).plus(Duration::from_micros(999_999));
    assert_eq!(shelf.blobs.sweep(almost).await, 0);
    assert!(shelf.blobs.class(unnamed.digest).is_some());
    assert_eq!(shelf.blobs.sweep(at(600)).await, 1);
    assert_eq!(whole(&shelf.blobs, &unnamed).await, Err(BlobCode::Unknown));
    assert_eq!(shelf.claims(ANA, &unnamed, room(1)), Err(Code::BlobMissing));
    assert_eq!(shelf.files(), [hex::encode(named.digest.0)]);
    assert_eq!(shelf.blobs.sweep(at(100_000)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn v270_an_entry_names_what_is_kept_and_nothing_else() {
    let shelf = Shelf::open().await;
    let blob = Blob::of(130_902, 1);
    let claim = || shelf.claims(ANA, &blob, room(1));
    assert_eq!(claim(), Err(Code::BlobMissing));
    let mut upload = shelf.blobs.put_begin(ANA, blob.digest, blob.class).unwrap();
    for (offset, piece) in blob.pieces() {
        upload.piece(offset, piece).await.unwrap();
        assert_eq!(claim(), Err(Code::BlobMissing));
    }
    upload.finish().await.unwrap();
    let other = body::Blob { size: class(65_451), ..blob.named() };
    assert_eq!(shelf.blobs.claim(other, room(1), ANA), Err(Code::BlobMissing), "of another size");
    assert_eq!(claim(), Ok(()));
    // Each entry takes a put of its own; what a log says already none.
    assert_eq!(claim(), Err(Code::BlobMissing));
    assert_eq!(shelf.blobs.claim_logged(blob.named(), room(1)), Ok(()));
    assert_eq!(shelf.blobs.claim_logged(other, room(1)), Err(Code::BlobMissing));
}

#[tokio::test(start_paused = true)]
async fn v270_an_entry_that_was_not_logged_leaves_its_blob_for_another() {
    let shelf = Shelf::open().await;
    let blob = Blob::small(1);
    shelf.put(ANA, &blob).await.unwrap();
    shelf.claims(ANA, &blob, room(1)).unwrap();
    shelf.blobs.sweep(at(0)).await;
    shelf.blobs.unclaim(blob.digest, room(2), ANA, false);
    shelf.blobs.unclaim(blob.digest, room(1), ANA, false);
    assert_eq!(shelf.blobs.sweep(at(10_000)).await, 0);
    assert_eq!(shelf.blobs.sweep(at(10_599)).await, 0);
    shelf.claims(ANA, &blob, room(1)).unwrap();
    assert_eq!(shelf.blobs.sweep(at(20_000)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn v270_after_a_restart_logs_claim_again_and_the_rest_goes() {
    let shelf = Shelf::open().await;
    let (named, unnamed) = (Blob::small(1), Blob::of(65_451, 2));
    shelf.put(ANA, &named).await.unwrap();
    shelf.put(ANA, &unnamed).await.unwrap();
    shelf.claims(ANA, &named, room(1)).unwrap();
    let strange = shelf.folder.path().join("blobs").join(&hex::encode(named.digest.0)[..2]);
    std::fs::write(strange.join("note"), "of somebody else").unwrap();
    let shelf = shelf.restart().await;
    assert_eq!(whole(&shelf.blobs, &unnamed).await.unwrap(), unnamed.bytes);
    shelf.blobs.claim_logged(named.named(), room(1)).unwrap();
    assert_eq!(shelf.claims(RUI, &named, room(2)), Err(Code::BlobMissing));
    assert_eq!(shelf.blobs.sweep(at(0)).await, 0);
    assert_eq!(shelf.blobs.sweep(at(600)).await, 1);
    assert_eq!(whole(&shelf.blobs, &named).await.unwrap(), named.bytes);
    assert_eq!(shelf.files().len(), 2, "what is no blob stays");
}

#[tokio::test(start_paused = true)]
async fn v272_a_blob_goes_with_the_last_room_that_names_it() {
    let shelf = Shelf::open().await;
    let blob = Blob::small(1);
    shelf.put(ANA, &blob).await.unwrap();
    shelf.claims(ANA, &blob, room(1)).unwrap();
    shelf.put(ANA, &blob).await.unwrap();
    shelf.claims(ANA, &blob, room(2)).unwrap();
    assert_eq!(shelf.blobs.release(blob.digest, room(1)).await, Ok(false));
    assert_eq!(shelf.blobs.release(blob.digest, room(1)).await, Ok(false), "it is released once");
    assert_eq!(shelf.blobs.release(blob.digest, room(3)).await, Ok(false));
    assert_eq!(whole(&shelf.blobs, &blob).await.unwrap(), blob.bytes);
    assert_eq!(shelf.blobs.release(blob.digest, room(2)).await, Ok(true));
    assert_eq!(whole(&shelf.blobs, &blob).await, Err(BlobCode::Unknown));
    assert_eq!(shelf.files(), [""; 0]);
    assert_eq!(shelf.blobs.release(blob.digest, room(2)).await, Ok(false));
    // Nothing remembers it: it can be put again.
    shelf.put(ANA, &blob).await.unwrap();
    assert_eq!(whole(&shelf.blobs, &blob).await.unwrap(), blob.bytes);
}

#[tokio::test(start_paused = true)]
async fn v271_an_account_has_so_many_blobs_without_a_name() {
    let shelf = Shelf::open().await;
    let begin = |account, blob: &Blob| shelf.blobs.put_begin(account, blob.digest, blob.class);
    let blobs: Vec<Blob> = (0..5).map(Blob::small).collect();
    let under_way = begin(ANA, &blobs[0]).unwrap();
    shelf.put(ANA, &blobs[1]).await.unwrap();
    shelf.put(ANA, &blobs[2]).await.unwrap();
    assert_eq!(begin(ANA, &blobs[3]).unwrap_err(), BlobCode::Quota);
    shelf.put(RUI, &blobs[3]).await.unwrap();
    // One that is named makes room, and so does one that is given up, or destroyed.
    shelf.claims(ANA, &blobs[1], room(1)).unwrap();
    shelf.put(ANA, &blobs[4]).await.unwrap();
    assert_eq!(begin(ANA, &blobs[0]).unwrap_err(), BlobCode::Quota);
    drop(under_way);
    drop(begin(ANA, &blobs[0]).unwrap());
    shelf.put(ANA, &blobs[0]).await.unwrap();
    assert_eq!(begin(ANA, &blobs[0]).unwrap_err(), BlobCode::Quota);
    shelf.blobs.sweep(at(0)).await;
    assert_eq!(shelf.blobs.sweep(at(600)).await, 4);
    drop(begin(ANA, &blobs[0]).unwrap());
}

#[tokio::test(start_paused = true)]
async fn v271_bytes_of_an_account_and_of_a_room_are_bounded() {
    let shelf = Shelf::open().await;
    let begin = |account, size| shelf.blobs.put_begin(account, Digest([7; 32]), class(size));
    // 200,000 of one, and others do not count.
    let first = begin(ANA, 130_902).unwrap();
    let second = begin(ANA, 65_451).unwrap();
    assert_eq!(begin(ANA, 4_028).unwrap_err(), BlobCode::Quota);
    let third = begin(RUI, 130_902).unwrap();
    drop((first, second, third));
    assert_eq!(begin(ANA, 261_804).unwrap_err(), BlobCode::Quota);
    // 140,000 of a room.
    let (large, small) = (Blob::of(130_902, 1), [Blob::small(1), Blob::small(2), Blob::small(3)]);
    shelf.put(ANA, &large).await.unwrap();
    shelf.claims(ANA, &large, room(1)).unwrap();
    for blob in &small {
        shelf.put(ANA, blob).await.unwrap();
    }
    assert_eq!(shelf.claims(ANA, &small[0], room(1)), Ok(()));
    assert_eq!(shelf.claims(ANA, &small[1], room(1)), Ok(()));
    assert_eq!(shelf.claims(ANA, &small[2], room(1)), Err(Code::BlobRoom));
    assert_eq!(shelf.claims(ANA, &small[2], room(2)), Ok(()), "a refusal takes nothing");
    shelf.put(ANA, &small[2]).await.unwrap();
    assert_eq!(shelf.claims(ANA, &small[2], room(1)), Err(Code::BlobRoom));
    shelf.blobs.release(small[0].digest, room(1)).await.unwrap();
    assert_eq!(shelf.claims(ANA, &small[2], room(1)), Ok(()));
}

#[test]
fn v271_a_quota_is_met_to_the_byte() {
    let blob = body::Blob { digest: Digest([1; 32]), size: class(4_028) };
    let claimed = |room_bytes| {
        let mut table = table::Table::found(vec![(blob.digest, blob.size)]);
        table.claim(blob, room(1), ANA, &Quotas { room_bytes, ..QUOTAS })
    };
    assert_eq!((claimed(4_028), claimed(4_027)), (Ok(()), Err(Code::BlobRoom)));
    let begun = |quotas: &Quotas| {
        let mut table = table::Table::default();
        let number = table.begin(ANA, class(4_028), quotas)?;
        table.grow(ANA, number, 4_028, quotas)
    };
    for (bytes, result) in [(4_028, Ok(Vec::new())), (4_027, Err(BlobCode::Quota))] {
        assert_eq!(begun(&Quotas { account_bytes: bytes, ..QUOTAS }), result);
        assert_eq!(begun(&Quotas { unnamed_bytes: bytes, ..QUOTAS }), result);
    }
    assert_eq!(begun(&Quotas { account_blobs: 1, ..QUOTAS }), Ok(Vec::new()));
    assert_eq!(begun(&Quotas { account_blobs: 0, ..QUOTAS }), Err(BlobCode::Quota));
}

#[tokio::test(start_paused = true)]
async fn v271_a_claim_that_comes_to_nothing_frees_nothing() {
    let shelf = Shelf::open().await;
    for n in 0..3 {
        let blob = Blob::small(n);
        shelf.put(ANA, &blob).await.unwrap();
        for _ in 0..20 {
            shelf.claims(ANA, &blob, room(1)).unwrap();
            shelf.blobs.unclaim(blob.digest, room(1), ANA, false);
        }
    }
    assert_eq!(shelf.put(ANA, &Blob::small(9)).await, Err(BlobCode::Quota));
    shelf.put(RUI, &Blob::small(9)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn v382_an_entry_names_what_its_own_author_put_and_others_change_nothing() {
    let shelf = Shelf::open().await;
    let blob = Blob::small(1);
    // Whether a room has it, and whether it is gone: who only knows the name is told one thing.
    let foreign = || shelf.claims(RUI, &blob, room(2));
    assert_eq!(foreign(), Err(Code::BlobMissing));
    shelf.put(ANA, &blob).await.unwrap();
    assert_eq!(foreign(), Err(Code::BlobMissing));
    shelf.claims(ANA, &blob, room(1)).unwrap();
    assert_eq!(foreign(), Err(Code::BlobMissing));
    assert_eq!(shelf.claims(RUI, &blob, room(1)), Err(Code::BlobMissing), "in the same room");
    assert_eq!(shelf.blobs.release(blob.digest, room(1)).await, Ok(true));
    assert_eq!(foreign(), Err(Code::BlobMissing));
    // And who puts the same bytes another, with a room and without.
    for is_named in [true, false] {
        if is_named {
            shelf.put(ANA, &blob).await.unwrap();
            shelf.claims(ANA, &blob, room(1)).unwrap();
        }
        // It counts as theirs all the same: three are under way, or wait.
        shelf.put(RUI, &blob).await.unwrap();
        shelf.put(RUI, &Blob::small(2)).await.unwrap();
        shelf.put(RUI, &Blob::small(3)).await.unwrap();
        assert_eq!(shelf.put(RUI, &Blob::small(4)).await, Err(BlobCode::Quota));
        // What the room lets go stays for them, and they hear nothing of it.
        if is_named {
            assert_eq!(shelf.blobs.release(blob.digest, room(1)).await, Ok(false));
        }
        assert_eq!(foreign(), Ok(()));
        assert_eq!(foreign(), Err(Code::BlobMissing), "once");
        assert_eq!(shelf.blobs.release(blob.digest, room(2)).await, Ok(true));
        shelf.blobs.sweep(at(0)).await;
        assert_eq!(shelf.blobs.sweep(at(600)).await, 2);
    }
    // Their time is over whether a room has it or not.
    for is_named in [true, false] {
        let blob = Blob::small(if is_named { 5 } else { 6 });
        if is_named {
            shelf.put(ANA, &blob).await.unwrap();
            shelf.claims(ANA, &blob, room(1)).unwrap();
        }
        shelf.put(RUI, &blob).await.unwrap();
        shelf.blobs.sweep(at(1_000)).await;
        shelf.blobs.sweep(at(1_599)).await;
        assert_eq!(shelf.claims(RUI, &blob, room(2)), Ok(()));
        shelf.put(RUI, &blob).await.unwrap();
        assert_eq!(shelf.blobs.release(blob.digest, room(2)).await, Ok(false));
        shelf.blobs.sweep(at(2_000)).await;
        assert_eq!(shelf.blobs.sweep(at(2_600)).await, usize::from(!is_named));
        assert_eq!(shelf.claims(RUI, &blob, room(2)), Err(Code::BlobMissing));
    }
}

const EVA: Account = Account([3; 32]);

#[tokio::test(start_paused = true)]
async fn v383_where_all_is_full_who_has_most_gives_way_to_who_has_least() {
    let shelf = Shelf::open().await;
    // 300,000 bytes of all: Ana has 196,353, Rui 69,479.
    let large = [Blob::of(65_451, 1), Blob::of(65_451, 2), Blob::of(65_451, 3)];
    for blob in &large {
        shelf.put(ANA, blob).await.unwrap();
    }
    let (middle, small) = (Blob::of(65_451, 4), Blob::small(5));
    shelf.put(RUI, &middle).await.unwrap();
    shelf.put(RUI, &small).await.unwrap();
    // Who would have most then gets nothing, and nobody gives way for it.
    assert_eq!(shelf.put(RUI, &Blob::of(130_902, 6)).await, Err(BlobCode::Quota));
    assert_eq!(shelf.blobs.class(large[0].digest), Some(class(65_451)));
    // A letter has its place, and one of Ana's goes, the oldest.
    let letter = Blob::of(65_451, 7);
    shelf.put(EVA, &letter).await.unwrap();
    assert_eq!(shelf.blobs.class(large[0].digest), None);
    assert_eq!(shelf.claims(ANA, &large[0], room(1)), Err(Code::BlobMissing));
    tokio::time::sleep(secs(1)).await;
    assert_eq!(shelf.files().len(), 5, "its file, too");
    for blob in [&large[1], &large[2], &middle, &small, &letter] {
        assert!(whole(&shelf.blobs, blob).await.is_ok());
    }
    assert_eq!(shelf.claims(EVA, &letter, room(1)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn v383_what_is_begun_and_held_keeps_nobody_out() {
    let shelf = Shelf::open().await;
    let large = Blob::of(130_902, 1);
    let mut hostile = Vec::new();
    for n in 10..15 {
        let mut upload =
            shelf.blobs.put_begin(Account([n; 32]), large.digest, large.class).unwrap();
        let piece = upload.piece(0, large.pieces()[0].1.clone()).await;
        // Of the same size: whose is oldest gives way.
        assert_eq!(piece, Ok(()));
        hostile.push(upload);
    }
    for n in 20..40 {
        let letter = Blob::small(n);
        shelf.put(Account([n; 32]), &letter).await.unwrap();
        assert_eq!(shelf.claims(Account([n; 32]), &letter, room(n)), Ok(()));
    }
    // Who gave way learns it with the next piece; the others go on.
    let next = large.pieces()[1].clone();
    let mut codes = Vec::new();
    for mut upload in hostile {
        codes.push(upload.piece(next.0, next.1.clone()).await);
    }
    assert_eq!(codes[0], Err(BlobCode::Quota));
    assert_eq!(codes[4], Ok(()));
}

#[tokio::test(start_paused = true)]
async fn v383_of_those_who_have_the_same_the_oldest_gives_way() {
    let shelf = Shelf::open().await;
    let blobs: Vec<Blob> = (1..10).map(|n| Blob::of(65_451, n)).collect();
    let account = |n: usize| Account([u8::try_from(n).unwrap(); 32]);
    for (n, blob) in blobs.iter().enumerate() {
        shelf.put(account(n), blob).await.unwrap();
    }
    // Four fit. Who holds the places for good has to put for good.
    let there: Vec<bool> =
        blobs.iter().map(|blob| shelf.blobs.class(blob.digest).is_some()).collect();
    assert_eq!(there, [false, false, false, false, false, true, true, true, true]);
    // Who wants more than any of them has gets it from nobody.
    assert_eq!(shelf.put(account(8), &Blob::of(65_451, 30)).await, Err(BlobCode::Quota));
}
