//! The mail store with many letters: how long it takes to open, to list the newest and to search, and what a letter takes.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use pregao::host::system;
use pregao::post::store::letters::{Authorship, DepositRecord, Reading, Selection};
use pregao::post::store::own_boxes::{
    BoxId, BoxPurpose, BoxRecord, BoxSecrets, BoxState, Position,
};
use pregao::post::store::{Change, FILE, MailError, MailStore};
use pregao::vault::{Contents, Passphrase, Secret, TrustedTsa, Vault, WorkFactor};
use pregao_protocol::letter::{
    Address, Addressee, Author, Class, Content, Letter, Mode, Opened, Place, Reading as Keys, Salt,
    Seeds, open, seal,
};
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{BoxKey, Fingerprint, SecretKey};
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_tests::peer::fresh_id;

use crate::gauge::{Row, count};

/// Letters kept in one change.
const TOGETHER: usize = 500;
/// Bytes of the text of each letter.
const TEXT: usize = 1_024;
/// Letters of the newest page.
const NEWEST: usize = 50;

/// Keeps so many letters, and opens the store again as a program that starts does.
pub(crate) fn measure(letters: usize) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let mut vault = vault(folder.path())?;
    let random = || Arc::clone(&system().random);
    let mut store = MailStore::open(&mut vault, random())?;
    let (record, letter) = letter()?;
    let own = store.change(|change| change.keep_box(&record))?;
    let start = Instant::now();
    let mut kept = 0;
    while kept < letters {
        let end = letters.min(kept.saturating_add(TOGETHER));
        let numbers = kept..end;
        store.change(|change| numbers.clone().try_for_each(|n| keep(change, own, &letter, n)))?;
        kept = end;
    }
    let keeping = start.elapsed().as_secs_f64();
    store.note(&mut vault)?;
    drop(store);
    let bytes = std::fs::metadata(vault.folder().join(FILE))?.len();

    let start = Instant::now();
    let store = MailStore::open(&mut vault, random())?;
    let opening = start.elapsed().as_secs_f64();
    let page = store.view().letters(Selection::All, None, NEWEST)?;
    let unread = store.view().unread()?;
    let open = start.elapsed().as_secs_f64();
    anyhow::ensure!(unread.total == letters as u64, "letters are missing");
    anyhow::ensure!(page.letters.iter().all(Result::is_ok), "letters are damaged");

    let start = Instant::now();
    let (mut before, mut found) = (None, 0);
    loop {
        let page = store.view().search("nowhere", before, NEWEST)?;
        found += page.found.len();
        before = page.before;
        if before.is_none() {
            break;
        }
    }
    anyhow::ensure!(found == 0, "a word was found that is not there");
    let search = start.elapsed().as_secs_f64();
    let of = format!("mail store of {letters} letters of {TEXT} bytes");
    #[allow(clippy::cast_precision_loss, reason = "a file of a benchmark is far below 2^52 bytes")]
    let each = bytes as f64 / count(letters);
    Ok(vec![
        Row::new(format!("{of}: open"), opening, "s"),
        Row::new(format!("{of}: open, newest {NEWEST}, unread counts"), open, "s"),
        Row::new(format!("{of}: search to the end"), search, "s"),
        Row::new(format!("{of}: on disk, each"), each, "bytes"),
        Row::new(format!("{of}: keeping one"), keeping * 1e6 / count(letters), "us"),
    ])
}

fn vault(folder: &std::path::Path) -> Result<Vault> {
    let tsa = TrustedTsa {
        url: "http://127.0.0.1:1".to_owned(),
        authority: Fingerprint([7; 32]),
        keys: serde_json::json!({"keys": []}),
        pinned: true,
        proxy: None,
    };
    let contents = Contents::new(Secret::new([1; 32]), tsa, Vec::new());
    let passphrase = Passphrase::new("of a benchmark".to_owned());
    Ok(Vault::create(&folder.join("vault"), &passphrase, WorkFactor::Fixed(2), contents)?)
}

/// A box, and a letter that was sealed to it and opened. It is kept again and again, as of other deposits: sealing each
/// anew would measure that.
fn letter() -> Result<(BoxRecord, Opened)> {
    let seed = [2; 32];
    let key = SecretKey::<BoxKey>::from_seed(&seed);
    let agreement = AgreementSecret::from_random([3; 32]);
    let (signed, once) = (PrekeySecret::from_random([4; 32]), PrekeySecret::from_random([5; 32]));
    let name = RoomName([6; 32]);
    let broker = String::from("ws://127.0.0.1:1/#00").try_into()?;
    let (public, shared) = (key.public(), agreement.public());
    let address = Address { name, broker, key: public, agreement: shared };
    let letter = Letter {
        from: address.clone(),
        id: fresh_id(),
        reply_to: None,
        vouch: None,
        mode: Mode::Evidence,
        wants_receipt: false,
        salt: Salt([7; 32]),
        subject: Some(String::from("About the clock").try_into()?),
        text: "It runs. "
            .repeat(TEXT)
            .chars()
            .take(TEXT)
            .collect::<String>()
            .trim()
            .to_owned()
            .try_into()?,
        attachments: Vec::new(),
    };
    let (public, public_once) = (signed.public(), once.public());
    let class = Class::Small;
    let place = Place { name, signed: &public, once: Some(&public_once), class };
    let sealed = seal(
        &Content::Letter(letter),
        &Addressee { place, agreement: shared },
        &Author { key: &key, agreement: &agreement },
        &Seeds::from_random([8; 32]),
    )?;
    let opened = open(&Keys { name, signed: &signed, once: Some(&once), class }, &sealed.envelope)?;
    let record = BoxRecord {
        name,
        broker: address.broker,
        fingerprint: Fingerprint([0; 32]),
        secrets: Some(BoxSecrets {
            seed: Secret::new(seed),
            agreement: Secret::new(*agreement.expose()),
        }),
        opening: String::new(),
        stamp: None,
        receipt: None,
        state: BoxState::Opened,
        purpose: BoxPurpose::Spare,
        position: Position::default(),
        renewed: None,
    };
    Ok((record, opened))
}

fn keep(change: &mut Change<'_>, own: BoxId, opened: &Opened, n: usize) -> Result<()> {
    let time = Time::from_micros(1_800_000_000_000_000).context("a time")?;
    let deposit = DepositRecord {
        envelope: Digest::of(&n.to_be_bytes()),
        class: Class::Small,
        signed: Digest([1; 32]),
        once: None,
        seq: Some(n as u64),
        stamped: Some(time),
        expires: None,
        registered: None,
    };
    let envelope = [0; Class::Small.envelope_size()];
    let number = change.keep_arrived(own, deposit, &envelope, time)?;
    let authorship = Authorship::Shown;
    let reading = Reading { opened, contact: None, authorship, keep_evidence: false };
    change.keep_opened(number, &reading).map_err(|error: MailError| error.into())
}
