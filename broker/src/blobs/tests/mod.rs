//! Blobs without a session: what is kept, claimed, destroyed, and what a disk that fails leaves.

mod disk;

use std::path::Path;

use bytes::Bytes;
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
        shelf.blobs.claim(blob.digest, room(u8::try_from(size % 7).unwrap())).unwrap();
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
    shelf.blobs.claim(named.digest, room(1)).unwrap();
    assert_eq!(shelf.blobs.sweep(at(0)).await, 0);
    let almost = at(599).plus(Duration::from_micros(999_999));
    assert_eq!(shelf.blobs.sweep(almost).await, 0);
    assert!(shelf.blobs.class(unnamed.digest).is_some());
    assert_eq!(shelf.blobs.sweep(at(600)).await, 1);
    assert_eq!(whole(&shelf.blobs, &unnamed).await, Err(BlobCode::Unknown));
    assert_eq!(shelf.blobs.claim(unnamed.digest, room(1)), Err(Code::BlobMissing));
    assert_eq!(shelf.files(), [hex::encode(named.digest.0)]);
    assert_eq!(shelf.blobs.sweep(at(100_000)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn v270_an_entry_names_what_is_kept_and_nothing_else() {
    let shelf = Shelf::open().await;
    let blob = Blob::of(130_902, 1);
    let claim = || shelf.blobs.claim(blob.digest, room(1));
    assert_eq!(claim(), Err(Code::BlobMissing));
    let mut upload = shelf.blobs.put_begin(ANA, blob.digest, blob.class).unwrap();
    for (offset, piece) in blob.pieces() {
        upload.piece(offset, piece).await.unwrap();
        assert_eq!(claim(), Err(Code::BlobMissing));
    }
    upload.finish().await.unwrap();
    assert_eq!(claim(), Ok(()));
    assert_eq!(claim(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn v270_an_entry_that_was_not_logged_leaves_its_blob_for_another() {
    let shelf = Shelf::open().await;
    let blob = Blob::small(1);
    shelf.put(ANA, &blob).await.unwrap();
    shelf.blobs.claim(blob.digest, room(1)).unwrap();
    shelf.blobs.sweep(at(0)).await;
    shelf.blobs.unclaim(blob.digest, room(2));
    shelf.blobs.unclaim(blob.digest, room(1));
    assert_eq!(shelf.blobs.sweep(at(10_000)).await, 0);
    assert_eq!(shelf.blobs.sweep(at(10_599)).await, 0);
    shelf.blobs.claim(blob.digest, room(1)).unwrap();
    assert_eq!(shelf.blobs.sweep(at(20_000)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn v270_after_a_restart_logs_claim_again_and_the_rest_goes() {
    let shelf = Shelf::open().await;
    let (named, unnamed) = (Blob::small(1), Blob::of(65_451, 2));
    shelf.put(ANA, &named).await.unwrap();
    shelf.put(ANA, &unnamed).await.unwrap();
    shelf.blobs.claim(named.digest, room(1)).unwrap();
    let strange = shelf.folder.path().join("blobs").join(&hex::encode(named.digest.0)[..2]);
    std::fs::write(strange.join("note"), "of somebody else").unwrap();
    let shelf = shelf.restart().await;
    assert_eq!(whole(&shelf.blobs, &unnamed).await.unwrap(), unnamed.bytes);
    shelf.blobs.claim(named.digest, room(1)).unwrap();
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
    shelf.blobs.claim(blob.digest, room(1)).unwrap();
    shelf.blobs.claim(blob.digest, room(2)).unwrap();
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
    shelf.blobs.claim(blobs[1].digest, room(1)).unwrap();
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
async fn v271_bytes_of_an_account_of_all_and_of_a_room_are_bounded() {
    let shelf = Shelf::open().await;
    let begin = |account, size| shelf.blobs.put_begin(account, Digest([7; 32]), class(size));
    // 200,000 of one, 300,000 of all.
    let first = begin(ANA, 130_902).unwrap();
    let second = begin(ANA, 65_451).unwrap();
    assert_eq!(begin(ANA, 4_028).unwrap_err(), BlobCode::Quota);
    assert_eq!(begin(RUI, 130_902).unwrap_err(), BlobCode::Quota);
    let third = begin(RUI, 65_451).unwrap();
    drop((first, second, third));
    assert_eq!(begin(ANA, 261_804).unwrap_err(), BlobCode::Quota);
    // 140,000 of a room.
    let (large, small) = (Blob::of(130_902, 1), [Blob::small(1), Blob::small(2), Blob::small(3)]);
    shelf.put(ANA, &large).await.unwrap();
    shelf.blobs.claim(large.digest, room(1)).unwrap();
    for blob in &small {
        shelf.put(ANA, blob).await.unwrap();
    }
    assert_eq!(shelf.blobs.claim(small[0].digest, room(1)), Ok(()));
    assert_eq!(shelf.blobs.claim(small[1].digest, room(1)), Ok(()));
    assert_eq!(shelf.blobs.claim(small[2].digest, room(1)), Err(Code::BlobRoom));
    assert_eq!(shelf.blobs.claim(small[2].digest, room(2)), Ok(()));
    assert_eq!(shelf.blobs.claim(small[2].digest, room(1)), Err(Code::BlobRoom));
    shelf.blobs.release(small[0].digest, room(1)).await.unwrap();
    assert_eq!(shelf.blobs.claim(small[2].digest, room(1)), Ok(()));
}

#[test]
fn v271_a_quota_is_met_to_the_byte() {
    let claimed = |room_bytes| {
        let mut table = table::Table::found(vec![(Digest([1; 32]), class(4_028))]);
        table.claim(Digest([1; 32]), room(1), &Quotas { room_bytes, ..QUOTAS })
    };
    assert_eq!((claimed(4_028), claimed(4_027)), (Ok(()), Err(Code::BlobRoom)));
    let begun = |quotas: &Quotas| table::Table::default().begin(ANA, class(4_028), quotas);
    for (bytes, result) in [(4_028, Ok(())), (4_027, Err(BlobCode::Quota))] {
        assert_eq!(begun(&Quotas { account_bytes: bytes, ..QUOTAS }), result);
        assert_eq!(begun(&Quotas { unnamed_bytes: bytes, ..QUOTAS }), result);
    }
    assert_eq!(begun(&Quotas { account_blobs: 1, ..QUOTAS }), Ok(()));
    assert_eq!(begun(&Quotas { account_blobs: 0, ..QUOTAS }), Err(BlobCode::Quota));
}
