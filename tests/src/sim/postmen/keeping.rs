//! What postmen do with letters that are left to find out about them, to lose other letters, or to wear them out.

use std::path::{Path, PathBuf};

use pregao_protocol::wire::blob::{BlobFrame, Say};
use pregao_protocol::wire::frame::FromPeer;

use pregao::post::store::own_boxes::BoxPurpose;

use pregao_protocol::letter::Halves;
use pregao_protocol::room::action::Action;
use pregao_protocol::value::clock::Time;

use pregao::post::postman::TimeHeard;

use super::super::recorder::Recorder;
use super::*;

/// After so long all that was to be renewed by now and then is renewed soon.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often a guest asked for these bytes.
fn gets(recorder: &Recorder, bytes: &[u8]) -> usize {
    let digest = Digest::of(bytes);
    let connections = recorder.connections();
    let frames = connections.iter().flat_map(|connection| &connection.frames);
    let asked = frames.filter(|frame| {
        BlobFrame::from_peer(&frame.bytes)
            .is_ok_and(|frame| frame.digest == digest && matches!(frame.say, Say::Get(_)))
    });
    asked.count()
}

/// How often a guest asked for the opening of a box.
fn openings(recorder: &Recorder, of: RoomName) -> usize {
    let connections = recorder.connections();
    let frames = connections.iter().flat_map(|connection| &connection.frames);
    let asked = frames.filter(|frame| {
        matches!(FromPeer::parse(&frame.bytes), Ok(FromPeer::BoxOpening { room, .. }) if room == of)
    });
    asked.count()
}

fn causes(office: &Office) -> Result<usize> {
    let unread = office.unread()?.letters;
    Ok(unread.iter().filter(|letter| letter.cause.is_some()).count())
}

impl Writer {
    /// Opens a box for first letters and one for somebody; their names.
    async fn move_into_two(&self) -> Result<[RoomName; 2]> {
        self.move_in(None).await?;
        let somebody = Address {
            name: RoomName([8; 32]),
            broker: self.options.broker.to_string().try_into()?,
            key: SecretKey::from_seed(&[8; 32]).public(),
            agreement: AgreementSecret::from_random([8; 32]).public(),
        };
        let contact = self.office.add_contact("somebody", somebody, self.now())?;
        let secrets = self.office.box_secrets()?;
        let opening = terms(&self.house, &secrets);
        self.office.draw_box(opening, BoxPurpose::Contact(contact), secrets)?;
        let mut shift = self.begin(true).await?;
        shift
            .until("both are open", |office| {
                Ok(office.boxes()?.iter().all(|own| own.standing == "open"))
            })
            .await?;
        tokio::time::sleep(Duration::from_secs(20)).await;
        is_calm(&shift.end().await?)?;
        let boxes = self.office.boxes()?;
        let names = boxes.iter().map(|own| own.name.parse().context("a name"));
        let names: Vec<RoomName> = names.collect::<Result<_>>()?;
        Ok(names.as_slice().try_into()?)
    }

    /// The postman is there for so long, and nothing is odd.
    async fn stay(&self, long: Duration) -> Result<()> {
        let shift = self.begin(false).await?;
        tokio::time::sleep(long).await;
        is_calm(&shift.end().await?)
    }

    /// The postman is there until so many letters that came cannot be read.
    async fn meet(&self, unreadable: usize) -> Result<()> {
        let mut shift = self.begin(true).await?;
        shift.until("they came", |office| Ok(causes(office)? == unreadable)).await?;
        // Taken off.
        tokio::time::sleep(Duration::from_secs(20)).await;
        is_calm(&shift.end().await?)
    }
}

fn receipt_of(by: &Address, sender: RoomName, time: Time) -> ReadReceipt {
    ReadReceipt {
        reader: by.name,
        from: by.clone(),
        id: uuid::Builder::from_random_bytes([5; 16]).into_uuid(),
        mode: Mode::Evidence,
        salt: Salt([5; 32]),
        deposit: Digest([5; 32]),
        content: Digest([6; 32]),
        sender,
        time,
    }
}

impl Forger {
    /// Leaves content as that of a registered letter, whatever it is.
    async fn leave_registered(
        &mut self,
        to: RoomName,
        by: &Forged,
        content: &Content,
        seed: u8,
    ) -> Result<()> {
        let halves = Halves::from_random(&[seed; 64]);
        let mut session = self.paid().await?;
        let found = session.opening(to).await?;
        let outgoing = Outgoing {
            content,
            author: by.author(),
            attachments: &[],
            expires: None,
            halves: Some(&halves),
        };
        session.deposit(&found, &outgoing, |_| ()).await?;
        Ok(())
    }

    /// Whether a one-time key of a box is given for a pass.
    async fn takes_key(&mut self, of: RoomName) -> Result<bool> {
        let mut session = self.paid().await?;
        let found = session.opening(of).await?;
        Ok(session.take_keys(&found).await?.once.is_some())
    }
}

#[test]
fn v392_the_same_bytes_in_two_boxes_of_one_person_are_fetched_from_both_and_lose_no_letter() {
    in_a_street(PER_DAY, async |street| {
        let recorder = street.town.record();
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        let [first, second] = ana.move_into_two().await?;
        let by = eva.open(9, 40).await?;
        // Whoever sees one box fetch them, and the other not, sees whose both are.
        let junk = [1; 4_028];
        eva.leave_envelope(first, &junk).await?;
        ana.meet(1).await?;
        eva.leave_envelope(second, &junk).await?;
        ana.meet(2).await?;
        ensure!(gets(&recorder, &junk) == 2, "{} gets", gets(&recorder, &junk));
        // Whoever knows a letter before it is deposited leaves its bytes elsewhere first.
        let content = said(by.address(&eva.writer)?, 1, "Not to be lost.")?;
        let (keys, envelope) = {
            let mut session = eva.paid().await?;
            let found = session.opening(second).await?;
            let keys = session.take_keys(&found).await?;
            let outgoing = Outgoing {
                content: &content,
                author: by.author(),
                attachments: &[],
                expires: None,
                halves: None,
            };
            let envelope = session.prepare(&found, &keys, &outgoing).await?.sealed.envelope;
            ((keys.signed.digest(), keys.once.map(|(once, _)| once)), envelope)
        };
        eva.leave_envelope(first, &envelope).await?;
        ana.meet(3).await?;
        eva.leave_under(second, &envelope, keys).await?;
        let mut shift = ana.begin(true).await?;
        shift.until("the letter came", |office| Ok(office.unread()?.unread == 4)).await?;
        shift.until("it is opened", |office| Ok(causes(office)? == 3)).await?;
        is_calm(&shift.end().await?)?;
        let came = ana.letters()?.into_iter().find(|letter| letter.cause.is_none());
        let came = came.context("a letter")?;
        ensure!(ana.office.read(came.letter, ana.now())?.text.expose() == "Not to be lost.");
        Ok(())
    });
}

#[test]
fn v390_one_time_keys_that_somebody_took_and_did_not_use_are_replaced() {
    in_a_street(100, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        let to = ana.office.address()?.name;
        let mut taken = 0;
        while eva.takes_key(to).await? {
            taken += 1;
        }
        ensure!(taken == 52, "{taken} keys");
        // Nothing was left under any of them: by the log all are there.
        street.town.sleep(WEEK);
        tokio::time::sleep(Duration::from_secs(30)).await;
        ana.stay(Duration::from_secs(3_600)).await?;
        eva.take_passes().await?;
        ensure!(eva.takes_key(to).await?, "the stock was not replaced");
        Ok(())
    });
}

/// When keys of a box were handed in, within a second of their stamps.
fn renewals(recorder: &Recorder, of: RoomName) -> Vec<Duration> {
    let connections = recorder.connections();
    let frames = connections.iter().flat_map(|connection| &connection.frames);
    let keys = frames.filter(|frame| {
        let Ok(FromPeer::Submit { action, .. }) = FromPeer::parse(&frame.bytes) else {
            return false;
        };
        let action = Action::parse(&action);
        action.is_ok_and(|action| action.room() == of && matches!(action.body(), Body::Keys(_)))
    });
    let mut times: Vec<_> = keys.map(|frame| frame.at).collect();
    // The same is handed in again if its answer does not come.
    times.dedup_by(|one, other| one.abs_diff(*other) < Duration::from_secs(60));
    times
}

/// On how many of some days two boxes of one person, who is there for an hour of each, have their keys renewed within ten
/// minutes; and how often each was renewed.
async fn renewed_together(street: &Street, days: u64) -> Result<(usize, [usize; 2])> {
    let recorder = street.town.record();
    let ana = street.settle("Ana").await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let names = ana.move_into_two().await?;
    for day in 0..days {
        // Not at the same hour each day: that would be known by itself.
        street.town.sleep(Duration::from_secs(20 * 3_600 + day * 2_000));
        tokio::time::sleep(Duration::from_secs(30)).await;
        ana.stay(Duration::from_secs(3_600)).await?;
    }
    let [first, second] = names.map(|name| renewals(&recorder, name));
    // Those of the beginning are not compared: each box was opened, and given keys, by itself.
    let (first, second) = (first.get(1..).unwrap_or(&[]), second.get(1..).unwrap_or(&[]));
    let near = |one: &Duration, other: &Duration| one.abs_diff(*other) < Duration::from_secs(600);
    let together = first.iter().filter(|one| second.iter().any(|other| near(one, other))).count();
    Ok((together, [first.len(), second.len()]))
}

#[test]
fn v391_contacts_who_compare_the_stamps_of_keys_see_nothing_of_whose_boxes_they_know() {
    in_a_street(PER_DAY, async |street| {
        let days = 8;
        let (together, renewed) = renewed_together(&street, days).await?;
        // By chance two of an hour's keys lie within ten minutes about every third time.
        ensure!(together <= 1, "{together} times of {renewed:?}");
        ensure!(renewed.iter().all(|times| (1..8).contains(times)), "{renewed:?}");
        Ok(())
    });
}

/// Where the bytes lie that have this digest.
fn file_of(folder: &Path, digest: &Digest) -> Result<PathBuf> {
    let name: String = digest.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for found in std::fs::read_dir(folder)? {
            let found = found?;
            if found.file_type()?.is_dir() {
                folders.push(found.path());
            } else if found.file_name().to_string_lossy() == name {
                return Ok(found.path());
            }
        }
    }
    bail!("no file {name}")
}

#[test]
fn v394_one_letter_that_is_not_given_keeps_nothing_else_from_being_done() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        let to = ana.office.address()?.name;
        let by = eva.open(9, 40).await?;
        let (kept_back, other) = ([3; 4_028], said(by.address(&eva.writer)?, 1, "Given.")?);
        eva.leave_envelope(to, &kept_back).await?;
        eva.leave(to, &by, &other).await?;
        // The broker cannot read the first one.
        let file = file_of(&street.folder, &Digest::of(&kept_back))?;
        let aside = file.with_extension("aside");
        std::fs::rename(&file, &aside)?;
        std::fs::create_dir(&file)?;
        let mut shift = ana.begin(true).await?;
        shift.until("the other one came", |office| are_opened(office, 1)).await?;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let news = shift.end().await?;
        ensure!(troubles(&news).len() == 1, "{news:?}");
        let log = super::super::verdict::verbs(&street.town.store(), to)?;
        ensure!(log.iter().filter(|verb| *verb == "taken").count() == 1, "{log:?}");
        // Once it can be read it comes.
        std::fs::remove_dir(&file)?;
        std::fs::rename(&aside, &file)?;
        ana.meet(1).await
    });
}

#[test]
fn v393_what_only_its_deposit_calls_registered_is_declined_and_closes_no_box() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        // One letter is half of what this box takes.
        ana.draw_for(2)?;
        let mut shift = ana.begin(true).await?;
        shift
            .until("its box is open", |office| {
                Ok(office.boxes()?.iter().all(|own| own.standing == "open"))
            })
            .await?;
        tokio::time::sleep(Duration::from_secs(20)).await;
        is_calm(&shift.end().await?)?;
        let to = ana.office.address()?.name;
        let by = eva.open(9, 40).await?;
        for n in [1, 2] {
            // An ordinary letter, and the word of one that was read.
            let content = match n {
                1 => said(by.address(&eva.writer)?, n, "Not registered.")?,
                _ => Content::Read(receipt_of(&by.address(&eva.writer)?, to, ana.now())),
            };
            eva.leave_registered(to, &by, &content, n).await?;
        }
        let mut shift = ana.begin(true).await?;
        shift
            .until("they came", |office| {
                let all = office.list(&pregao::command::MailFilter::default())?.letters;
                Ok(all.iter().filter(|letter| letter.standing == LetterStanding::Unopened).count()
                    == 2)
            })
            .await?;
        tokio::time::sleep(Duration::from_secs(240)).await;
        is_calm(&shift.end().await?)?;
        ensure!(ana.office.unread()?.unread == 0, "{:?}", ana.letters()?);
        let log = super::super::verdict::verbs(&street.town.store(), to)?;
        ensure!(log.iter().filter(|verb| *verb == "declined").count() == 2, "{log:?}");
        // There is room for the next one.
        eva.leave(to, &by, &said(by.address(&eva.writer)?, 9, "Is there room?")?).await?;
        Ok(())
    });
}

#[test]
fn a_letter_that_ends_while_it_is_fetched_is_no_lie_of_the_broker() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        let by = eva.open(9, 40).await?;
        {
            let to = ana.office.address()?.name;
            let content = said(by.address(&eva.writer)?, 1, "Not for long.")?;
            let mut session = eva.paid().await?;
            let found = session.opening(to).await?;
            let outgoing = Outgoing {
                content: &content,
                author: by.author(),
                attachments: &[],
                expires: Some(ana.now().plus(Duration::from_secs(120))),
                halves: None,
            };
            session.deposit(&found, &outgoing, |_| ()).await?;
        }
        tokio::time::sleep(Duration::from_secs(140)).await;
        // Her clock is behind the broker's, which has destroyed it already.
        let (postman, counter) = ana.postman();
        let at = ana.options.host.clock.uptime();
        let behind = ana.now().minus(Duration::from_secs(40));
        counter.time.send_replace(Some(TimeHeard { time: behind, at }));
        let runs = tokio::spawn(postman.run());
        let mut news = counter.news;
        tokio::time::sleep(Duration::from_secs(100)).await;
        drop((counter.errands, counter.time));
        runs.await?;
        let mut heard = Vec::new();
        while let Ok(one) = news.try_recv() {
            heard.push(one);
        }
        is_calm(&heard)?;
        ensure!(ana.letters()?.is_empty(), "{:?}", ana.letters()?);
        Ok(())
    });
}

#[test]
fn v392_a_letter_in_the_name_of_a_box_shows_nobody_whether_its_reader_has_or_knows_that() {
    in_a_street(PER_DAY, async |street| {
        let recorder = street.town.record();
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        let [first, second] = ana.move_into_two().await?;
        let (by, known) = (eva.open(9, 40).await?, eva.open(9, 41).await?);
        let friend = known.address(&eva.writer)?;
        ana.office.add_contact("friend", friend.clone(), ana.now())?;
        let in_name_of =
            |name| Ok::<_, anyhow::Error>(Address { name, ..by.address(&eva.writer)? });
        let (own, feigned) = (in_name_of(second)?, in_name_of(friend.name)?);
        let before = openings(&recorder, known.own.name());
        let own_before = openings(&recorder, second);
        eva.leave(first, &by, &said(own, 1, "By yourself.")?).await?;
        eva.leave(first, &by, &said(feigned, 2, "By your friend.")?).await?;
        eva.leave(first, &known, &said(friend, 3, "By your friend indeed.")?).await?;
        let mut shift = ana.begin(true).await?;
        let waits = |office: &Office| -> Result<usize> {
            let unread = office.unread()?.letters;
            let cause = Some("it was not opened yet");
            Ok(unread.iter().filter(|letter| letter.cause.as_deref() == cause).count())
        };
        shift
            .until("all are opened", |office| {
                Ok(office.unread()?.unread == 3 && waits(office)? == 0)
            })
            .await?;
        is_calm(&shift.end().await?)?;
        // Whoever pretends to be either sees that it is asked for, as a box that is nobody's here.
        ensure!(openings(&recorder, second) == own_before + 1, "her own box");
        ensure!(openings(&recorder, known.own.name()) == before + 1, "her contact's box");
        Ok(())
    });
}
