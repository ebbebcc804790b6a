//! A disk that is full, fails or hangs.

use std::io::ErrorKind;

use super::*;
use crate::store::fixture::TinyDisk;

/// What fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    Append,
    Sync,
    Keep,
    Read,
    Remove,
}

/// Files that fail at will.
#[derive(Debug)]
struct Frail {
    files: Files,
    fault: Arc<Mutex<Option<(At, ErrorKind)>>>,
}

/// The same of one that is written.
struct FrailDraft {
    draft: Box<dyn Draft>,
    fault: Arc<Mutex<Option<(At, ErrorKind)>>>,
}

fn check(fault: &Mutex<Option<(At, ErrorKind)>>, here: At) -> io::Result<()> {
    match *fault.lock() {
        Some((at, kind)) if at == here => Err(kind.into()),
        _ => Ok(()),
    }
}

impl Place for Frail {
    fn list(&self) -> io::Result<Vec<(Digest, BlobClass)>> {
        self.files.list()
    }

    fn begin(&self, digest: Digest) -> io::Result<Box<dyn Draft>> {
        check(&self.fault, At::Begin)?;
        let (draft, fault) = (self.files.begin(digest)?, Arc::clone(&self.fault));
        Ok(Box::new(FrailDraft { draft, fault }))
    }

    fn read(&self, digest: Digest, offset: u64, piece: &mut [u8]) -> io::Result<()> {
        check(&self.fault, At::Read)?;
        self.files.read(digest, offset, piece)
    }

    fn remove(&self, digest: Digest) -> io::Result<()> {
        check(&self.fault, At::Remove)?;
        self.files.remove(digest)
    }
}

impl Draft for FrailDraft {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        check(&self.fault, At::Append)?;
        self.draft.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        check(&self.fault, At::Sync)?;
        self.draft.sync()
    }

    fn keep(self: Box<Self>) -> io::Result<()> {
        check(&self.fault, At::Keep)?;
        self.draft.keep()
    }
}

struct Broken {
    folder: TempDir,
    machine: Arc<Machine>,
    frail: Arc<Frail>,
    blobs: Blobs,
}

impl Broken {
    async fn open() -> Self {
        let (folder, machine) = (tempfile::tempdir().unwrap(), Machine::start(1));
        let files = Files::open(folder.path().join("blobs")).unwrap();
        let frail = Arc::new(Frail { files, fault: Arc::default() });
        let place = Arc::clone(&frail) as Arc<dyn Place>;
        let blobs = Blobs::open(place, QUOTAS, machine.host()).await.unwrap();
        Self { folder, machine, frail, blobs }
    }

    fn fails(&self, at: At, kind: ErrorKind) {
        *self.frail.fault.lock() = Some((at, kind));
    }

    fn mend(&self) {
        *self.frail.fault.lock() = None;
    }
}

#[tokio::test(start_paused = true)]
async fn v268_a_disk_that_fails_leaves_nothing_and_says_how() {
    let broken = Broken::open().await;
    let blob = Blob::of(130_902, 1);
    for at in [At::Begin, At::Append, At::Sync, At::Keep] {
        for (kind, code) in [
            (ErrorKind::StorageFull, BlobCode::NoSpace),
            (ErrorKind::QuotaExceeded, BlobCode::NoSpace),
            (ErrorKind::PermissionDenied, BlobCode::Failed),
        ] {
            broken.fails(at, kind);
            assert_eq!(put(&broken.blobs, ANA, &blob).await, Err(code), "{at:?}");
            assert_eq!(files(broken.folder.path()), [""; 0], "{at:?}");
            assert_eq!(broken.blobs.claim(blob.named(), room(1), ANA), Err(Code::BlobMissing));
        }
    }
    broken.mend();
    put(&broken.blobs, ANA, &blob).await.unwrap();
    broken.fails(At::Read, ErrorKind::UnexpectedEof);
    assert_eq!(broken.blobs.get(blob.digest, 0).await, Err(BlobCode::Failed));
    broken.mend();
    assert_eq!(whole(&broken.blobs, &blob).await.unwrap(), blob.bytes);
}

#[tokio::test(start_paused = true)]
async fn v272_what_cannot_be_destroyed_is_shown_to_nobody_and_tried_again() {
    let broken = Broken::open().await;
    let (blob, other) = (Blob::small(1), Blob::small(2));
    put(&broken.blobs, ANA, &blob).await.unwrap();
    put(&broken.blobs, ANA, &other).await.unwrap();
    broken.blobs.claim(blob.named(), room(1), ANA).unwrap();
    broken.blobs.sweep(at(0)).await;
    broken.fails(At::Remove, ErrorKind::PermissionDenied);
    assert_eq!(broken.blobs.release(blob.digest, room(1)).await, Err(BlobCode::Failed));
    assert_eq!(broken.blobs.sweep(at(600)).await, 0);
    for gone in [&blob, &other] {
        assert_eq!(whole(&broken.blobs, gone).await, Err(BlobCode::Unknown));
        assert_eq!(broken.blobs.claim(gone.named(), room(1), ANA), Err(Code::BlobMissing));
    }
    assert_eq!(files(broken.folder.path()).len(), 2);
    broken.mend();
    // Put again it is another life, and no sweep ends it.
    put(&broken.blobs, ANA, &blob).await.unwrap();
    assert_eq!(broken.blobs.sweep(at(600)).await, 1);
    assert_eq!(whole(&broken.blobs, &blob).await.unwrap(), blob.bytes);
    assert_eq!(files(broken.folder.path()), [hex::encode(blob.digest.0)]);
}

#[tokio::test(start_paused = true)]
async fn v268_a_disk_that_hangs_has_failed() {
    let broken = Broken::open().await;
    let blob = Blob::small(1);
    put(&broken.blobs, ANA, &blob).await.unwrap();
    broken.machine.slow_disk(secs(11));
    assert_eq!(broken.blobs.get(blob.digest, 0).await, Err(BlobCode::Failed));
    assert_eq!(put(&broken.blobs, ANA, &Blob::small(2)).await, Err(BlobCode::Failed));
    broken.machine.slow_disk(secs(9));
    assert!(broken.blobs.get(blob.digest, 0).await.is_ok());
    tokio::time::sleep(secs(30)).await;
    assert_eq!(files(broken.folder.path()).len(), 1, "what nobody waited for is gone");
}

#[tokio::test]
async fn v268_a_full_disk_keeps_what_it_has_and_nothing_by_halves() {
    let Some(disk) = TinyDisk::mount(400) else {
        eprintln!("skipped: this process may not mount a small file system");
        return;
    };
    let blobs = open(disk.path()).await;
    let (first, second, third) = (Blob::of(130_902, 1), Blob::of(130_902, 2), Blob::small(3));
    put(&blobs, ANA, &first).await.unwrap();
    blobs.claim(first.named(), room(1), ANA).unwrap();
    std::fs::write(disk.path().join("in the way"), vec![0; 200_000]).unwrap();
    assert_eq!(put(&blobs, ANA, &second).await, Err(BlobCode::NoSpace));
    assert_eq!(files(&disk.path().join("blobs")), [hex::encode(first.digest.0)]);
    assert_eq!(whole(&blobs, &first).await.unwrap(), first.bytes);
    put(&blobs, ANA, &third).await.unwrap();
    std::fs::remove_file(disk.path().join("in the way")).unwrap();
    put(&blobs, ANA, &second).await.unwrap();
    assert_eq!(whole(&blobs, &second).await.unwrap(), second.bytes);
}
