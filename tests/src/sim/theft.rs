//! Whoever keeps all traffic, seizes the broker and later steals the vaults, passphrases and all, opens nothing that was
//! read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pregao::command::NewLetter;
use pregao::post::passes::requests;
use pregao::post::store::MailStore;
use pregao::post::store::letters::Selection;
use pregao_protocol::host::Host;
use pregao_protocol::letter::{self, Class, Content, Mode, Reading};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, Deposit, OnceKey, Stock};
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::{BlobFrame, Purpose, Say};
use pregao_protocol::wire::frame::FromPeer;

use super::recorder::Recorder;
use super::street::{Shift, Street, Writer, in_a_street, is_calm, letter, vault};

/// Passes for each persona and day: somebody drains the keys of a box.
const PER_DAY: u32 = 100;
/// One-time keys that a box has at first.
const STOCK: usize = 52;
/// After so long keys are renewed soon.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What was kept of the traffic.
#[derive(Default)]
struct Traffic {
    envelopes: BTreeMap<Digest, Vec<u8>>,
    deposits: Vec<(RoomName, Deposit)>,
    stocks: Vec<Stock>,
}

impl Traffic {
    fn of(recorder: &Recorder) -> Result<Self> {
        let mut traffic = Self::default();
        for connection in recorder.connections() {
            ensure!(!connection.is_closed_book, "the broker could not read its own session");
            for frame in connection.frames {
                traffic.hear(&frame.bytes)?;
            }
        }
        Ok(traffic)
    }

    fn hear(&mut self, frame: &[u8]) -> Result<()> {
        if let Ok(BlobFrame { digest, purpose: Purpose::Envelope, say: Say::Put(piece), .. }) =
            BlobFrame::from_peer(frame)
        {
            self.envelopes.insert(digest, piece.bytes().to_vec());
            return Ok(());
        }
        let Ok(FromPeer::Submit { action, .. }) = FromPeer::parse(frame) else { return Ok(()) };
        let action = Action::parse(&action)?;
        match action.body() {
            Body::Deposit(deposit) => self.deposits.push((action.room(), deposit.clone())),
            Body::Keys(keys) => self.stocks.extend(keys.stock),
            _ => {}
        }
        Ok(())
    }
}

/// What a thief has of one person: the files, and the passphrase.
struct Loot {
    store: MailStore,
    _files: tempfile::TempDir,
}

impl Loot {
    /// Copies the files while their owner goes on, and opens the copy.
    fn steal(folder: &Path, host: &Host) -> Result<Self> {
        let files = tempfile::tempdir()?;
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            if file.file_type()?.is_file() {
                std::fs::copy(file.path(), files.path().join(file.file_name()))?;
            }
        }
        let mut vault = vault(files.path())?;
        let store = MailStore::open(&mut vault, Arc::clone(&host.random))?;
        Ok(Self { store, _files: files })
    }

    /// Every secret that letters are sealed to and that is still there: signed ones, and one-time ones.
    fn secrets(&self, traffic: &Traffic) -> Result<(Vec<PrekeySecret>, Vec<PrekeySecret>)> {
        let view = self.store.view();
        let (mut signed, mut once) = (Vec::new(), Vec::new());
        for own in view.boxes()?.into_iter().flatten() {
            signed.extend(
                view.signed_keys(own.id)?.into_iter().filter_map(|kept| kept.record.secret()),
            );
        }
        for stock in &traffic.stocks {
            for index in 0..stock.count {
                let kept = view.once_key(&OnceKey { stock: stock.root, index })?;
                once.extend(kept.and_then(|kept| kept.record.secret()));
            }
        }
        Ok((signed, once))
    }

    /// The texts of all letters that can be opened out of the traffic, whatever key they say that they are sealed to.
    fn open(&self, traffic: &Traffic) -> Result<Vec<String>> {
        let (signed, once) = self.secrets(traffic)?;
        ensure!(!signed.is_empty() && !once.is_empty(), "nothing was stolen");
        let once: Vec<_> = once.iter().map(Some).chain([None]).collect();
        let mut texts = Vec::new();
        for (name, deposit) in &traffic.deposits {
            let envelope = traffic.envelopes.get(&deposit.envelope.digest);
            let envelope = envelope.context("an envelope that did not cross")?;
            let class = Class::of_envelope(envelope.len() as u64).context("a class")?;
            for signed in &signed {
                for once in &once {
                    let reading = Reading { name: *name, signed, once: *once, class };
                    let Ok(opened) = letter::open(&reading, envelope) else { continue };
                    if let Content::Letter(letter) = opened.content() {
                        texts.push(letter.text.as_str().to_owned());
                    }
                }
            }
        }
        texts.sort();
        Ok(texts)
    }

    /// The texts in the person's own archive.
    fn archive(&self) -> Result<Vec<String>> {
        let view = self.store.view();
        let mut texts = Vec::new();
        for kept in view.letters(Selection::All, None, 100)?.letters.into_iter().flatten() {
            let content = view.content(kept.id)?;
            let text = content.map(|content| String::from_utf8_lossy(&content).into_owned());
            texts.extend(text);
        }
        Ok(texts)
    }
}

/// What both thefts give, of Ana and of Rui.
fn steal(street: &Street, ana: &Writer, recorder: &Recorder) -> Result<Vec<String>> {
    let traffic = Traffic::of(recorder)?;
    let mut texts = Vec::new();
    for name in ["Ana", "Rui"] {
        let loot = Loot::steal(&street.letters_of(name), &ana.options.host)?;
        texts.extend(loot.open(&traffic)?);
    }
    texts.sort();
    Ok(texts)
}

fn in_mode(mode: Mode, to: &str, text: &str) -> NewLetter {
    NewLetter { mode: Some(mode), ..letter(to, text) }
}

/// Comes, waits until so many letters are unread, and leaves.
async fn come_and_fetch(writer: &Writer, unread: u64) -> Result<()> {
    let mut shift: Shift = writer.begin(true).await?;
    let came = |office: &pregao::post::office::Office| Ok(office.unread()?.unread >= unread);
    shift.until("letters came", came).await?;
    // Taken off.
    tokio::time::sleep(Duration::from_secs(20)).await;
    is_calm(&shift.end().await?)
}

/// Somebody spends passes until the box has given away all its one-time keys.
async fn drain(eva: &Writer, to: RoomName) -> Result<()> {
    let offer = eva.taker.offer().await?;
    let asked = requests(&offer.key, offer.count, &eva.options.host)?;
    let passes = eva.taker.take(asked, offer.key).await?;
    for pass in passes.iter().take(STOCK) {
        let mut session = eva.session().await?;
        session.verify_pass(pass).await?;
        session.show_pass(pass).await?;
        let found = session.opening(to).await?;
        if session.take_keys(&found).await?.once.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

/// Deletes all letters of these people: no command of theirs does that yet, so their stores do.
fn erase_all(street: &Street, people: [Writer; 2]) -> Result<()> {
    let host = people.first().map(|writer| writer.options.host.clone()).context("somebody")?;
    drop(people);
    for name in ["Ana", "Rui"] {
        let folder = street.letters_of(name);
        let texts = Loot::steal(&folder, &host)?.archive()?;
        ensure!(texts.iter().any(|text| text.contains("said deniably")), "{texts:?}");
        let mut vault = vault(&folder)?;
        let mut store = MailStore::open(&mut vault, Arc::clone(&host.random))?;
        let all = store.view().letters(Selection::All, None, 100)?.letters;
        for kept in all.into_iter().flatten() {
            store.change(|change| change.delete_letter(kept.id))?;
        }
        drop((store, vault));
        let texts = Loot::steal(&folder, &host)?.archive()?;
        ensure!(texts.is_empty(), "{texts:?}");
    }
    Ok(())
}

#[test]
fn whoever_has_all_traffic_and_steals_both_vaults_opens_what_was_not_read_and_nothing_that_was() {
    in_a_street(PER_DAY, async |street| {
        let recorder = street.town.record();
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        let eva = street.settle("Eva").await?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.move_in(None).await?;
        rui.move_in(None).await?;
        let to = ana.office.address()?.name;
        rui.befriend("ana", to).await?;
        rui.write("ana", in_mode(Mode::Evidence, "ana", "said as evidence"))?;
        rui.write("ana", in_mode(Mode::Deniable, "ana", "said deniably"))?;
        is_calm(&rui.send_all().await?)?;
        let both = ["said as evidence", "said deniably"];
        ensure!(steal(&street, &ana, &recorder)? == both, "what was not read is open to a thief");
        come_and_fetch(&ana, 2).await?;
        ensure!(steal(&street, &ana, &recorder)?.is_empty(), "what was read is not");
        // Her one-time keys are drained: the signed key alone is as good as its day (SPEC 8.1).
        drain(&eva, to).await?;
        let alone = "sealed to the signed key alone";
        rui.write("ana", letter("ana", alone))?;
        is_calm(&rui.send_all().await?)?;
        come_and_fetch(&ana, 3).await?;
        let open = steal(&street, &ana, &recorder)?;
        ensure!(open == [alone], "once drained: {open:?}");
        // She answers, and he reads that.
        let came = ana.letters()?.pop().context("a letter")?;
        let from = ana.office.other_side(came.letter)?.context("a sender")?;
        ana.office.add_contact("rui", from, ana.now())?;
        ana.write("rui", in_mode(Mode::Deniable, "rui", "answered deniably"))?;
        is_calm(&ana.send_all().await?)?;
        let open = steal(&street, &ana, &recorder)?;
        ensure!(open == ["answered deniably", alone], "{open:?}");
        come_and_fetch(&rui, 1).await?;
        let open = steal(&street, &ana, &recorder)?;
        ensure!(open == [alone], "{open:?}");
        // A week later the key is another one.
        street.town.sleep(WEEK);
        tokio::time::sleep(Duration::from_secs(30)).await;
        rui.write("ana", letter("ana", "of the next week"))?;
        let shift = ana.begin(false).await?;
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        is_calm(&shift.end().await?)?;
        let open = steal(&street, &ana, &recorder)?;
        ensure!(open.is_empty(), "{open:?}");
        is_calm(&rui.send_all().await?)?;
        let open = steal(&street, &ana, &recorder)?;
        ensure!(open == ["of the next week"], "the next week: {open:?}");
        // What they read is in their own archives, until they delete it.
        erase_all(&street, [ana, rui])
    });
}
