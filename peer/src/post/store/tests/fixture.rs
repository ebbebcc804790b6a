//! A vault with its store, and things to keep in it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Bytes that do not come twice, and are the same in each run.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        for chunk in bytes.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            let digest = pregao_protocol::value::codec::Digest::of(&n.to_be_bytes());
            chunk.copy_from_slice(&digest.0[..chunk.len()]);
        }
        Ok(())
    }
}

pub(super) fn passphrase() -> Passphrase {
    Passphrase::new("open sesame".to_owned())
}

pub(super) fn new_vault(folder: &Path) -> Vault {
    let tsa = TrustedTsa {
        url: "http://127.0.0.1:1".to_owned(),
        authority: Fingerprint([7; 32]),
        keys: serde_json::json!({"keys": []}),
        pinned: true,
        proxy: None,
    };
    let contents = Contents::new(Secret::new([0xa5; 32]), tsa, Vec::new());
    Vault::create(folder, &passphrase(), WorkFactor::Fixed(2), contents).unwrap()
}

/// A folder with a vault and a store, which can be closed and opened again.
pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) vault: Vault,
    pub(super) random: Arc<dyn Random>,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = new_vault(folder.path());
        Self { folder, vault, random: Arc::new(Counter::default()) }
    }

    pub(super) fn open(&mut self) -> MailStore {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&mut self) -> Result<MailStore, MailError> {
        MailStore::open(&mut self.vault, Arc::clone(&self.random))
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// All bytes of the store's files.
    pub(super) fn raw(&self) -> Vec<u8> {
        let mut bytes = std::fs::read(self.file()).unwrap();
        for journal in ["mail.db-wal", "mail.db-shm", "mail.db-journal"] {
            bytes.extend(std::fs::read(self.folder.path().join(journal)).unwrap_or_default());
        }
        bytes
    }
}

pub(super) fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}
