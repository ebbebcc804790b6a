//! A vault with its store, and things to keep in it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Bytes that do not come twice, and are the same in each run.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) const fn starting(n: u64) -> Self {
        Self(AtomicU64::new(n))
    }
}

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

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new("open sesame".to_owned())
}

pub(crate) fn new_vault(folder: &Path) -> Vault {
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
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) vault: Vault,
    pub(crate) random: Arc<dyn Random>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = new_vault(folder.path());
        Self { folder, vault, random: Arc::new(Counter::default()) }
    }

    pub(crate) fn open(&mut self) -> MailStore {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&mut self) -> Result<MailStore, MailError> {
        MailStore::open(&mut self.vault, Arc::clone(&self.random))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// All bytes of the store's files.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut bytes = std::fs::read(self.file()).unwrap();
        for journal in ["mail.db-wal", "mail.db-shm", "mail.db-journal"] {
            bytes.extend(std::fs::read(self.folder.path().join(journal)).unwrap_or_default());
        }
        bytes
    }
}

pub(crate) fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

use pregao_protocol::letter::{
    Address, Addressee, Author, Class, Content, FileName, Halves, Letter, MediaType, Mode, Opened,
    Place as At, ReadReceipt, Reading as Keys, RegisteredLetter, Salt, Sealed, Seeds, open, seal,
};
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{BoxKey, SecretKey};
use pregao_protocol::trust::prekey::{PrekeyPublic, PrekeySecret};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::REGISTERED_FOR;
use uuid::Uuid;

use crate::post::store::contacts::{ContactId, ContactName, ContactRecord};
use crate::post::store::letters::{
    Authorship, DepositRecord, LetterNumber, Reading, RegisteredDeposit,
};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord, BoxSecrets, BoxState, Position};

pub(crate) fn at(second: u64) -> Time {
    Time::from_micros(1_800_000_000_000_000 + second * 1_000_000).unwrap()
}

pub(crate) fn id(number: u128) -> Uuid {
    uuid::Builder::from_random_bytes(number.to_be_bytes()).into_uuid()
}

/// Somebody with a box.
pub(crate) struct Owner {
    pub(crate) name: RoomName,
    pub(crate) key: SecretKey<BoxKey>,
    pub(crate) agreement: AgreementSecret,
    pub(crate) signed: PrekeySecret,
    pub(crate) once: PrekeySecret,
    pub(crate) public: (PrekeyPublic, PrekeyPublic),
}

pub(crate) fn owner(number: u8) -> Owner {
    let signed = PrekeySecret::from_random([number ^ 0x40; 32]);
    let once = PrekeySecret::from_random([number ^ 0x80; 32]);
    Owner {
        name: RoomName([number; 32]),
        key: SecretKey::from_seed(&[number; 32]),
        agreement: AgreementSecret::from_random([number ^ 0x20; 32]),
        public: (signed.public(), once.public()),
        signed,
        once,
    }
}

impl Owner {
    pub(crate) fn address(&self) -> Address {
        Address {
            name: self.name,
            broker: String::from("wss://broker.example/#00").try_into().unwrap(),
            key: self.key.public(),
            agreement: self.agreement.public(),
        }
    }

    pub(crate) fn place(&self) -> At<'_> {
        let (signed, once) = &self.public;
        At { name: self.name, signed, once: Some(once), class: Class::Small }
    }

    pub(crate) fn record(&self) -> BoxRecord {
        BoxRecord {
            name: self.name,
            broker: self.address().broker,
            fingerprint: Fingerprint([9; 32]),
            secrets: Some(BoxSecrets {
                seed: Secret::new([self.name.0[0]; 32]),
                agreement: Secret::new(*self.agreement.expose()),
            }),
            opening: "header.opening.signature".to_owned(),
            stamp: None,
            receipt: None,
            state: BoxState::Drawn,
            purpose: BoxPurpose::First { handle: None, about: None },
            position: Position::default(),
            renewed: None,
        }
    }
}

pub(crate) fn text_letter(from: &Owner, n: u128, subject: &str, text: &str) -> Letter {
    Letter {
        from: from.address(),
        id: id(n),
        reply_to: None,
        vouch: None,
        mode: Mode::Evidence,
        wants_receipt: true,
        salt: Salt([3; 32]),
        subject: Some(subject.to_owned().try_into().unwrap()),
        text: text.to_owned().try_into().unwrap(),
        attachments: Vec::new(),
    }
}

pub(crate) fn attachment(name: &str, kind: &str, size: u64) -> pregao_protocol::letter::Attachment {
    pregao_protocol::letter::Attachment {
        name: FileName::try_from(name.to_owned()).unwrap(),
        media_type: MediaType::try_from(kind.to_owned()).unwrap(),
        digest: Digest::of(name.as_bytes()),
        size,
        key: pregao_protocol::letter::BlobKey([8; 32]),
    }
}

pub(crate) fn seal_for(content: &Content, from: &Owner, to: &Owner, seeds: &Seeds) -> Sealed {
    let addressee = Addressee { place: to.place(), agreement: to.agreement.public() };
    let author = Author { key: &from.key, agreement: &from.agreement };
    seal(content, &addressee, &author, seeds).unwrap()
}

pub(crate) fn open_by(to: &Owner, envelope: &[u8]) -> Opened {
    let reading =
        Keys { name: to.name, signed: &to.signed, once: Some(&to.once), class: Class::Small };
    open(&reading, envelope).unwrap()
}

/// A letter that came: its envelope, and what was in it.
pub(crate) struct Came {
    pub(crate) envelope: Vec<u8>,
    pub(crate) opened: Opened,
    pub(crate) deposit: DepositRecord,
}

pub(crate) fn came(from: &Owner, to: &Owner, letter: Letter, n: u64) -> Came {
    let seeds = Seeds::from_random(Digest::of(&n.to_be_bytes()).0);
    let sealed = seal_for(&Content::Letter(letter), from, to, &seeds);
    let deposit = DepositRecord {
        envelope: Digest::of(&sealed.envelope),
        class: Class::Small,
        signed: to.public.0.digest(),
        once: None,
        seq: Some(n),
        stamped: Some(at(n)),
        expires: None,
        registered: None,
    };
    Came { opened: open_by(to, &sealed.envelope), envelope: sealed.envelope, deposit }
}

/// The halves of the key of the registered letter of a number.
pub(crate) fn halves(n: u64) -> Halves {
    let mut bytes = [7; 64];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes[32..].fill(9);
    bytes[32..40].copy_from_slice(&n.to_be_bytes());
    Halves::from_random(&bytes)
}

/// A registered letter that came.
pub(crate) fn came_registered(from: &Owner, to: &Owner, letter: Letter, n: u64) -> Came {
    let content = RegisteredLetter::of(letter, to.name, &halves(n)).unwrap();
    sealed_registered(from, to, content, n)
}

/// As [`came_registered`], whatever is within.
pub(crate) fn sealed_registered(
    from: &Owner,
    to: &Owner,
    content: RegisteredLetter,
    n: u64,
) -> Came {
    let seeds = Seeds::from_random(Digest::of(&n.to_be_bytes()).0);
    let sealed = seal_for(&Content::Registered(content), from, to, &seeds);
    let registered = RegisteredDeposit {
        commitment: halves(n).broker.commitment(),
        until: Some(at(n + REGISTERED_FOR)),
        bytes: 4_028,
        files: 0,
    };
    let deposit = DepositRecord {
        envelope: Digest::of(&sealed.envelope),
        class: Class::Small,
        signed: to.public.0.digest(),
        once: None,
        seq: Some(n),
        stamped: Some(at(n)),
        expires: None,
        registered: Some(registered),
    };
    Came { opened: open_by(to, &sealed.envelope), envelope: sealed.envelope, deposit }
}

pub(crate) fn receipt_for(came: &Came, reader: &Owner, writer: &Owner) -> Opened {
    let receipt =
        ReadReceipt::of(&came.opened, reader.address(), id(77), Salt([4; 32]), at(500)).unwrap();
    let seeds = Seeds::from_random([6; 32]);
    let sealed = seal_for(&Content::Read(receipt), reader, writer, &seeds);
    open_by(writer, &sealed.envelope)
}

/// A store with one own box.
pub(crate) struct Post {
    pub(crate) place: Place,
    pub(crate) store: MailStore,
    pub(crate) me: Owner,
    pub(crate) them: Owner,
    pub(crate) own: BoxId,
}

impl Post {
    pub(crate) fn new() -> Self {
        let mut place = Place::new();
        let mut store = place.open();
        let (me, them) = (owner(1), owner(2));
        let own = store.change(|change| change.keep_box(&me.record())).unwrap();
        Self { place, store, me, them, own }
    }

    pub(crate) fn reopen(self) -> Self {
        let Self { mut place, store, me, them, own } = self;
        drop(store);
        let store = place.open();
        Self { place, store, me, them, own }
    }

    pub(crate) fn befriend(&mut self, name: &str) -> ContactId {
        let name = ContactName::try_from(name.to_owned()).unwrap();
        let contact = ContactRecord::new(name, self.them.address(), at(0));
        self.store.change(|change| change.add_contact(&contact)).unwrap()
    }

    pub(crate) fn receive(
        &mut self,
        letter: Letter,
        n: u64,
        contact: Option<ContactId>,
    ) -> LetterNumber {
        let came = came(&self.them, &self.me, letter, n);
        self.take(&came, contact, false)
    }

    pub(crate) fn take(
        &mut self,
        came: &Came,
        contact: Option<ContactId>,
        keep_evidence: bool,
    ) -> LetterNumber {
        let own = self.own;
        self.store
            .change(|change| {
                let deposit = came.deposit.clone();
                let number = change.keep_arrived(own, deposit, &came.envelope, at(0))?;
                let authorship = Authorship::Shown;
                let reading = Reading { opened: &came.opened, contact, authorship, keep_evidence };
                change.keep_opened(number, &reading)?;
                Ok::<_, MailError>(number)
            })
            .unwrap()
    }

    /// The store's file, opened by another hand while the store is closed.
    pub(crate) fn tamper(self, change: impl FnOnce(&Connection)) -> Self {
        let Self { mut place, store, me, them, own } = self;
        drop(store);
        let connection = Connection::open(place.file()).unwrap();
        change(&connection);
        connection.close().unwrap();
        let store = place.open();
        Self { place, store, me, them, own }
    }
}
