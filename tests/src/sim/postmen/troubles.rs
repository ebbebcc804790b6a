//! What goes wrong between people who write to each other without anybody's lying: passes run out, stamps grow old, bytes are
//! lost, a broker falls or is taken up from an old copy, and people write what they should not.

use std::path::{Path, PathBuf};

use pregao::event::LetterView;
use pregao::post::store::letters::LetterNumber;
use pregao_protocol::letter::{Attachment, BlobKey, seal_file};
use pregao_protocol::room::body::Blob;

use super::super::street::Shift;
use super::super::trouble::{Crash, Trouble};
use super::super::verdict::verbs;
use super::registered::street_of_two;
use super::*;

/// What a test of a fault asks: what was said of it, and what to do.
fn trouble<'a>(news: &'a [News], said: &str) -> Result<&'a str> {
    let found = news.iter().find_map(|news| match news {
        News::Trouble { message, advice } if message.contains(said) => Some(advice.as_str()),
        _ => None,
    });
    let advice = found.with_context(|| format!("`{said}` was not said: {news:?}"))?;
    ensure!(!advice.is_empty(), "nothing to do about {said}");
    Ok(advice)
}

#[test]
fn when_the_passes_of_a_day_are_spent_it_is_said_once_and_what_waits_leaves_on_the_next() {
    // One for the box of each, one for the box that Rui gives Ana, and two letters.
    in_a_street(4, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let sent: Vec<_> = (0..4)
            .map(|n| rui.write("ana", letter("ana", &format!("letter {n}"))))
            .collect::<Result<_>>()?;
        let mut shift = rui.begin(true).await?;
        shift.until("two have left", |office| Ok(office.under_way()? == 2)).await?;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(120)).await;
            shift.counter.errands.send(Errand::Look { now: true }).await?;
        }
        let news = shift.end().await?;
        let advice = trouble(&news, "all passes of today are spent")?;
        ensure!(advice.contains("tomorrow") && troubles(&news).len() == 1, "{news:?}");
        street.town.strike(Trouble::Sleep(Duration::from_secs(86_400)), &[]).await?;
        tokio::time::sleep(Duration::from_secs(30)).await;
        is_calm(&rui.send_all().await?)?;
        for number in sent {
            ensure!(rui.standing(number)? == LetterStanding::Deposited);
        }
        let mut shift = ana.begin(true).await?;
        shift.until("all came", |office| are_opened(office, 4)).await?;
        is_calm(&shift.end().await?)
    });
}

/// Longer than a stamp counts in a box.
const TOO_OLD: Duration = Duration::from_secs(600);

#[test]
fn what_was_stopped_with_a_stamp_that_has_grown_too_old_is_stamped_anew_and_is_there_once() {
    in_a_street(100, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let (mut count, mut grown_old) = (0_usize, 0);
        for steps in 20..100_usize {
            let number = rui.write("ana", letter("ana", &format!("letter {count}")))?;
            count += 1;
            let (postman, counter) = rui.postman();
            counter.errands.send(Errand::Look { now: true }).await?;
            for_steps(steps, postman.run()).await;
            drop(counter);
            let standing = rui.standing(number)?;
            grown_old += usize::from(standing == LetterStanding::Leaving);
            // Nobody is there for as long as it takes.
            tokio::time::sleep(TOO_OLD).await;
            is_calm(&rui.send_all().await?)?;
            ensure!(rui.standing(number)? == LetterStanding::Deposited);
            if standing == LetterStanding::Deposited {
                break;
            }
        }
        ensure!(grown_old >= 2, "{count} letters, {grown_old} stopped on their way");
        let mut shift = ana.begin(true).await?;
        shift.until("each came once", |office| are_opened(office, count)).await?;
        is_calm(&shift.end().await?)
    });
}

#[test]
fn a_broker_killed_anywhere_between_bytes_and_entry_has_the_letter_once_with_its_file() {
    in_a_street(100, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let file = street.folder.join("clock.jpg");
        std::fs::write(&file, [7; 5_000])?;
        // From a box that is there.
        rui.write("ana", letter("ana", "the first"))?;
        is_calm(&rui.send_all().await?)?;
        let (store, name) = (street.town.store(), ana.office.address()?.name);
        let deposits = || -> Result<u64> {
            let log = verbs(&store, name)?;
            Ok(log.iter().filter(|verb| *verb == "deposit").count() as u64)
        };
        let (mut before, mut after, count) = (0, 0, 9_u64);
        for n in 0..count {
            let attach = vec![file.display().to_string()];
            let text = format!("letter {n}");
            let number = rui.write("ana", NewLetter { attach, ..letter("ana", &text) })?;
            let mut shift = rui.begin(true).await?;
            // It falls between any two of its steps, and comes back.
            tokio::time::sleep(Duration::from_millis(n * 1_500)).await;
            let crash = Crash { steps: n * 7, away: Duration::from_secs(2) };
            street.town.strike(Trouble::Broker(crash), &[]).await?;
            let is_logged = deposits()? == n + 2;
            ensure!(is_logged || rui.standing(number)? != LetterStanding::Deposited, "{text}");
            if is_logged {
                after += 1;
            } else {
                before += 1;
            }
            shift.until("it is deposited", |office| Ok(office.under_way()? == 0)).await?;
            shift.end().await?;
            ensure!(rui.standing(number)? == LetterStanding::Deposited, "{text}");
            ensure!(deposits()? == n + 2, "{text}: once");
        }
        ensure!(before >= 3 && after >= 1, "{before} before it was logged, {after} after");
        let mut shift = ana.begin(true).await?;
        let all = usize::try_from(count)? + 1;
        shift.until("each came once", |office| are_opened(office, all)).await?;
        for (n, number) in (0..).zip(ana.that(LetterStanding::Unread)?) {
            let shown = ana.office.read(number, ana.now())?;
            if shown.files.is_empty() {
                continue;
            }
            let folder = street.folder.join(format!("saved-{n}"));
            let letter = LetterNumber(i64::try_from(number)?);
            let saved = shift.ask(|reply| Errand::Save { letter, folder, reply }).await??;
            ensure!(std::fs::read(&saved.first().context("a file")?.path)? == [7; 5_000]);
        }
        shift.end().await?;
        Ok(())
    });
}

/// All files in a folder and those in it.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_in(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// The broker falls, something happens to its folder, and it starts again.
async fn while_away(street: &Street, change: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    street.town.stop_broker().await?;
    change(&street.folder.join("broker"))?;
    street.town.start_broker().await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    Ok(())
}

fn alarms(news: &[News]) -> Vec<(&str, &str, &[String])> {
    let said = news.iter().filter_map(|news| match news {
        News::Alarm { message, advice, notes, .. } => {
            Some((message.as_str(), advice.as_str(), notes.as_slice()))
        }
        _ => None,
    });
    said.collect()
}

#[test]
fn a_letter_whose_bytes_a_broker_lost_is_shown_with_its_cause_and_the_head_that_names_it() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let blobs = street.folder.join("broker").join("blobs");
        let before = files_in(&blobs)?;
        rui.write("ana", letter("ana", "Lost."))?;
        is_calm(&rui.send_all().await?)?;
        // The envelope is the smallest of what is new; keys of Rui's box are there, too.
        let new = files_in(&blobs)?.into_iter().filter(|file| !before.contains(file));
        let mut lost = new.filter(|file| file.metadata().is_ok_and(|data| data.len() == 4_028));
        let lost = lost.next().context("an envelope")?;
        rui.write("ana", letter("ana", "Kept."))?;
        is_calm(&rui.send_all().await?)?;
        while_away(&street, |_| Ok(std::fs::remove_file(lost)?)).await?;
        let mut shift = ana.begin(true).await?;
        shift.until("both are shown", |office| Ok(office.unread()?.unread == 2)).await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let news = shift.end().await?;
        let [(message, advice, notes)] = *alarms(&news).as_slice() else { bail!("{news:?}") };
        ensure!(message.contains("is not given to you") && advice.contains("write again"));
        ensure!(!notes.is_empty(), "the head over the log that names it shows it");
        let unopened = ana.that(LetterStanding::Unopened)?;
        let [number] = *unopened.as_slice() else { bail!("{:?}", ana.letters()?) };
        let view = ana.office.letter(LetterNumber(i64::try_from(number)?))?;
        ensure!(view.cause.is_some_and(|cause| cause.contains("does not have it")));
        let [kept] = *ana.that(LetterStanding::Unread)?.as_slice() else { bail!("one") };
        ensure!(ana.office.read(kept, ana.now())?.text.expose() == "Kept.");
        Ok(())
    });
}

#[test]
fn who_goes_on_from_an_older_copy_spends_passes_that_it_does_not_know_to_be_spent_no_second_time() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let (folder, copy) = (street.letters_of("Rui"), street.folder.join("older"));
        std::fs::create_dir_all(&copy)?;
        for file in files_in(&folder)? {
            std::fs::copy(&file, copy.join(file.strip_prefix(&folder)?))?;
        }
        for text in ["One.", "Two.", "Three."] {
            rui.write("ana", letter("ana", text))?;
        }
        is_calm(&rui.send_all().await?)?;
        // What was only shown the house has forgotten then, and knows what was spent on what.
        while_away(&street, |_: &Path| Ok(())).await?;
        let rui = Street::go_on(rui, &copy)?;
        ensure!(rui.letters()?.is_empty(), "the copy is older");
        let number = rui.write("ana", letter("ana", "Four."))?;
        is_calm(&rui.send_all().await?)?;
        ensure!(rui.standing(number)? == LetterStanding::Deposited);
        let mut shift = ana.begin(true).await?;
        shift.until("all came", |office| are_opened(office, 4)).await?;
        is_calm(&shift.end().await?)
    });
}

#[test]
fn a_broker_taken_up_from_an_old_copy_shows_a_shorter_log_to_reader_and_sender_and_both_say_it() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let copy = street.folder.join("copy");
        let away = |folder: &Path| -> Result<()> {
            for file in files_in(folder)? {
                let to = copy.join(file.strip_prefix(folder)?);
                std::fs::create_dir_all(to.parent().context("a folder")?)?;
                std::fs::copy(file, to)?;
            }
            Ok(())
        };
        while_away(&street, away).await?;
        let number = rui.write("ana", letter("ana", "Since then."))?;
        is_calm(&rui.send_all().await?)?;
        let mut shift = ana.begin(true).await?;
        shift.until("it came", |office| are_opened(office, 1)).await?;
        tokio::time::sleep(Duration::from_secs(100)).await;
        is_calm(&shift.end().await?)?;
        let back = |folder: &Path| -> Result<()> {
            std::fs::remove_dir_all(folder)?;
            Ok(std::fs::rename(&copy, folder)?)
        };
        while_away(&street, back).await?;
        let mut shift = ana.begin(true).await?;
        tokio::time::sleep(Duration::from_secs(120)).await;
        shift.hear();
        let news = shift.end().await?;
        let said = alarms(&news);
        ensure!(
            said.iter().any(|(message, advice, notes)| {
                message.contains("has lost letters of your box")
                    && advice.contains("another box")
                    && !notes.is_empty()
            }),
            "{news:?}"
        );
        // What was read stays.
        let [came] = *ana.that(LetterStanding::Unread)?.as_slice() else { bail!("one") };
        ensure!(ana.office.read(came, ana.now())?.text.expose() == "Since then.");
        let letter = LetterNumber(i64::try_from(number)?);
        let mut shift = rui.begin(false).await?;
        let answer = shift.ask(|reply| Errand::Inquire { letter, reply }).await?;
        ensure!(answer.is_err_and(|not| not.code == "mail.false"));
        shift.hear();
        let news = shift.end().await?;
        let said = alarms(&news);
        ensure!(
            said.iter().any(|(message, _, notes)| {
                message.contains("for which it gave a receipt") && !notes.is_empty()
            }),
            "{news:?}"
        );
        ensure!(rui.standing(number)? == LetterStanding::Deposited, "there is a receipt");
        Ok(())
    });
}

#[test]
fn an_envelope_that_comes_again_in_its_box_or_in_another_is_read_once() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let bea = street.settle("Bea").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        bea.move_in(None).await?;
        let (to, other) = (ana.office.address()?.name, bea.office.address()?.name);
        let own = eva.open(9, 40).await?;
        let content = said(own.address(&eva.writer)?, 1, "Once.")?;
        let envelope = {
            let mut session = eva.paid().await?;
            let found = session.opening(to).await?;
            let outgoing = Outgoing {
                content: &content,
                author: own.author(),
                attachments: &[],
                expires: None,
                halves: None,
            };
            session.deposit(&found, &outgoing, |_| ()).await?.0.sealed.envelope
        };
        // At once, it is the same again to the broker.
        let again = eva.leave_envelope(to, &envelope).await;
        ensure!(again.is_err_and(|error| error.to_string().contains("deposit.twice")));
        // In another box nobody has its keys.
        eva.leave_envelope(other, &envelope).await?;
        let mut shift = ana.begin(true).await?;
        shift.until("it came", |office| are_opened(office, 1)).await?;
        is_calm(&shift.end().await?)?;
        // Under the key of another day the broker takes it.
        street.town.strike(Trouble::Sleep(Duration::from_secs(7 * 86_400)), &[]).await?;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let shift = ana.begin(true).await?;
        // Until chance has renewed the keys (V-391).
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        is_calm(&shift.end().await?)?;
        eva.take_passes().await?;
        eva.leave_envelope(to, &envelope).await?;
        let mut shift: Shift = ana.begin(true).await?;
        tokio::time::sleep(Duration::from_secs(120)).await;
        shift.hear();
        is_calm(&shift.end().await?)?;
        // What comes again is at another place, and does not open there (V-392).
        let came = ana.letters()?;
        let unopened = came.iter().filter(|letter| letter.standing == LetterStanding::Unopened);
        ensure!(came.len() == 2 && unopened.count() == 1, "{came:?}");
        let mut shift = bea.begin(true).await?;
        shift.until("it is shown", |office| Ok(office.unread()?.unread == 1)).await?;
        is_calm(&shift.end().await?)?;
        let shown = bea.letters()?.pop().context("a letter")?;
        ensure!(shown.standing == LetterStanding::Unopened && shown.cause.is_some(), "{shown:?}");
        Ok(())
    });
}

#[test]
fn a_file_of_which_the_letter_says_something_false_is_not_written() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        let to = ana.office.address()?.name;
        let own = eva.open(9, 40).await?;
        let from = own.address(&eva.writer)?;
        let key = BlobKey([4; 32]);
        let bytes = seal_file(&key, &[7; 3_000])?;
        let right = Attachment {
            name: "clock.jpg".to_owned().try_into()?,
            media_type: "image/jpeg".to_owned().try_into()?,
            digest: Digest::of(&bytes),
            size: 3_000,
            key,
        };
        let files = [
            right.clone(),
            Attachment { size: 2_999, ..right.clone() },
            Attachment { size: 1 << 40, ..right.clone() },
            Attachment { key: BlobKey([5; 32]), ..right.clone() },
            // Of other bytes than were left with the letter.
            Attachment { digest: Digest([9; 32]), ..right.clone() },
        ];
        for (seed, file) in (1..).zip(files) {
            let Content::Letter(letter) = said(from.clone(), seed, "With a file.")? else {
                bail!("a letter")
            };
            let content = Content::Letter(Letter { attachments: vec![file], ..letter });
            let mut session = eva.paid().await?;
            let found = session.opening(to).await?;
            let blob: Blob = session.put_blob(Purpose::Envelope, &bytes).await?;
            let outgoing = Outgoing {
                content: &content,
                author: own.author(),
                attachments: &[blob],
                expires: None,
                halves: None,
            };
            session.deposit(&found, &outgoing, |_| ()).await?;
        }
        let mut shift = ana.begin(true).await?;
        shift.until("all came", |office| are_opened(office, 5)).await?;
        let folder = street.folder.join("saved");
        for (n, number) in (0..).zip(ana.that(LetterStanding::Unread)?) {
            let letter = LetterNumber(i64::try_from(number)?);
            let to = folder.clone();
            let saved = shift.ask(|reply| Errand::Save { letter, folder: to, reply }).await?;
            if n == 0 {
                let saved = saved?.pop().context("a file")?;
                ensure!(std::fs::read(&saved.path)? == [7; 3_000]);
                std::fs::remove_file(saved.path)?;
                continue;
            }
            let not_done = saved.err().with_context(|| format!("{n} was written"))?;
            ensure!(not_done.code == "mail.file", "{not_done:?}");
            ensure!(not_done.advice.contains("send it again"), "{not_done:?}");
            ensure!(std::fs::read_dir(&folder)?.next().is_none(), "{n}: nothing is left");
        }
        // Its writer lied, not the broker.
        is_calm(&shift.end().await?)
    });
}

#[test]
fn what_somebody_who_is_blocked_writes_is_kept_and_neither_counted_nor_told() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        rui.write("ana", letter("ana", "Before."))?;
        is_calm(&rui.send_all().await?)?;
        let mut shift = ana.begin(true).await?;
        shift.until("it came", |office| are_opened(office, 1)).await?;
        is_calm(&shift.end().await?)?;
        let came = ana.letters()?.pop().context("a letter")?;
        let from = ana.office.other_side(came.letter)?.context("a sender")?;
        ana.office.add_contact("rui", from, ana.now())?;
        ana.office.block("rui", false, ana.now())?;
        rui.write("ana", NewLetter { receipt: true, ..letter("ana", "After.") })?;
        is_calm(&rui.send_all().await?)?;
        let mut shift = ana.begin(true).await?;
        shift.until("it is here", |_| Ok(ana.letters()?.len() == 2)).await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let news = shift.end().await?;
        is_calm(&news)?;
        let letters: Vec<LetterView> = ana.letters()?;
        let after = letters.iter().map(|letter| letter.letter).max().context("a letter")?;
        let told = news.iter().any(|news| {
            matches!(news, News::Letter(number) if i64::try_from(after).is_ok_and(|n| n == number.0))
        });
        ensure!(!told && ana.office.unread()?.unread == 1, "{news:?}");
        ensure!(ana.office.under_way()? == 0, "no receipt");
        Ok(())
    });
}

/// Somebody takes so many keys of a box, and writes nothing: those that came with a one-time key.
async fn drain(eva: &mut Forger, to: RoomName, count: usize) -> Result<usize> {
    let mut given = 0;
    for _ in 0..count {
        let mut session = eva.paid().await?;
        let found = session.opening(to).await?;
        given += usize::from(session.take_keys(&found).await?.once.is_some());
    }
    Ok(given)
}

#[test]
fn a_drained_stock_falls_back_to_the_signed_key_both_are_told_and_its_owner_publishes_another() {
    // As many as a house gives at most in one request.
    in_a_street(100, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let mut eva = Forger::settle(&street).await?;
        let to = ana.office.address()?.name;
        ensure!(drain(&mut eva, to, 54).await? == 52, "a stock");
        let send = async |text: &str| -> Result<u64> {
            let number = rui.write("ana", letter("ana", text))?;
            is_calm(&rui.send_all().await?)?;
            Ok(number)
        };
        let read = async |count: usize| -> Result<String> {
            let mut shift = ana.begin(true).await?;
            shift.until("it came", |office| are_opened(office, count)).await?;
            tokio::time::sleep(Duration::from_secs(20)).await;
            is_calm(&shift.end().await?)?;
            let newest = ana.letters()?.iter().map(|letter| letter.letter).max();
            Ok(ana.office.read(newest.context("a letter")?, ana.now())?.notes.join("; "))
        };
        let known = |number| -> Result<String> {
            Ok(rui.office.status(Some(number))?.pop().context("a letter")?.known.join("; "))
        };
        let alone = send("To the signed key alone.").await?;
        ensure!(known(alone)?.contains("their one-time keys had run out"), "{}", known(alone)?);
        let notes = read(1).await?;
        ensure!(notes.contains("your one-time keys had run out"), "{notes}");
        // By the log most of them are unused; that they are gone that letter has shown.
        let both = send("To both again.").await?;
        ensure!(!known(both)?.contains("run out"), "{}", known(both)?);
        let notes = read(1).await?;
        ensure!(!notes.contains("run out"), "{notes}");
        ensure!(drain(&mut eva, to, 3).await? == 3, "the new stock is there for everybody");
        Ok(())
    });
}
