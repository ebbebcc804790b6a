//! Postmen at a broker with its store: people who write to each other and are never there together.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use pregao::command::NewLetter;
use pregao::event::LetterStanding;
use pregao::post::guest::{GuestError, GuestSession};
use pregao::post::letters::{FoundBox, Outgoing};
use pregao::post::office::Office;
use pregao::post::own_box::OwnBox;
use pregao::post::passes::requests;
use pregao::post::postman::{Errand, News, terms};
use pregao_protocol::letter::{
    self, Address, Author, BoxKeys, Content, Letter, Mode, ReadReceipt, Salt,
};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Draft;
use pregao_protocol::room::body::{Body, BoxOpening, Deposit, OnceKey};
use pregao_protocol::room::{MessageBox, Undecided};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{PublicKey, SecretKey};
use pregao_protocol::trust::pass::Pass;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::trust::seal::SealPublic;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::Purpose;

use super::street::{LOOK, Street, Writer, in_a_street, is_calm, letter};

#[cfg(test)]
mod keeping;
#[cfg(test)]
mod registered;

/// Passes for each persona and day.
const PER_DAY: u32 = 40;

#[test]
fn two_people_who_are_never_there_together_write_answer_and_acknowledge_by_their_postmen() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.move_in(Some("ana")).await?;
        rui.move_in(None).await?;
        // Rui finds her by her handle, and writes; a file goes with the letter.
        let picture = street.folder.join("clock.jpg");
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_be_bytes()[3]).collect();
        std::fs::write(&picture, &bytes)?;
        let mut shift = rui.begin(true).await?;
        let listed = shift.ask(|reply| Errand::People { reply }).await??;
        ensure!(listed.people.len() == 1 && listed.left_out == 0, "{listed:?}");
        let found = listed.people.first().context("somebody")?;
        ensure!(found.handle == "ana");
        let beginning = found.name.to_string().chars().take(6).collect();
        let address = shift.ask(|reply| Errand::Find { beginning, reply }).await??;
        ensure!(address == found.address);
        rui.office.add_contact("ana", address, rui.now())?;
        let file = picture.display().to_string();
        let new =
            NewLetter { attach: vec![file], receipt: true, ..letter("ana", "Come and hear it.") };
        let first = rui.write("ana", new)?;
        shift.counter.errands.send(Errand::Look { now: true }).await?;
        shift
            .until("it is deposited", |office| {
                Ok(office
                    .status(Some(first))?
                    .iter()
                    .all(|status| status.letter.standing == LetterStanding::Deposited))
            })
            .await?;
        is_calm(&shift.end().await?)?;
        // Rui is away. Ana reads, keeps the file, answers and acknowledges.
        let mut shift = ana.begin(true).await?;
        shift.until("it came", |office| Ok(office.unread()?.unread == 1)).await?;
        let came = ana.letters()?.pop().context("a letter")?;
        let shown = ana.office.read(came.letter, ana.now())?;
        ensure!(shown.text.expose() == "Come and hear it." && came.mode == Some(Mode::Evidence));
        let number = pregao::post::store::letters::LetterNumber(i64::try_from(came.letter)?);
        let folder = street.folder.join("saved");
        let saved = shift
            .ask(|reply| Errand::Save { letter: number, folder: folder.clone(), reply })
            .await??;
        ensure!(std::fs::read(&saved.first().context("a file")?.path)? == bytes);
        let again = shift
            .ask(|reply| Errand::Save { letter: number, folder: folder.clone(), reply })
            .await?;
        ensure!(again.is_err(), "nothing is written over");
        let from = ana.office.other_side(came.letter)?.context("a sender")?;
        ana.office.add_contact("rui", from, ana.now())?;
        ana.office.acknowledge(came.letter, true, ana.now())?;
        ana.write("rui", NewLetter { re: Some(came.letter), ..letter("rui", "I will.") })?;
        shift.counter.errands.send(Errand::Look { now: true }).await?;
        shift.until("all has left", |office| Ok(office.under_way()? == 0)).await?;
        is_calm(&shift.end().await?)?;
        // Ana is away. Rui learns both.
        let mut shift = rui.begin(true).await?;
        shift
            .until("the answer and the receipt came", |office| {
                let read = office
                    .status(Some(first))?
                    .iter()
                    .all(|status| status.letter.standing == LetterStanding::WasRead);
                Ok(read && office.unread()?.unread == 1)
            })
            .await?;
        let news = shift.end().await?;
        is_calm(&news)?;
        // Both know each other by boxes that nobody else was told.
        ensure!(
            news.iter().any(
                |news| matches!(news, News::Note(note) if note.starts_with("ana is written to"))
            ),
            "{news:?}"
        );
        ensure!(ana.office.digits("rui")? == rui.office.digits("ana")?);
        Ok(())
    });
}

fn are_opened(office: &Office, count: usize) -> Result<bool> {
    let unread = office.unread()?.letters;
    Ok(unread.len() == count && unread.iter().all(|letter| letter.cause.is_none()))
}

/// What a sender hears of a letter that was taken off, by themselves and whenever they want to know.
#[test]
fn a_sender_hears_that_a_letter_was_taken_only_if_its_reader_lets_them() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.move_in(None).await?;
        rui.move_in(None).await?;
        rui.befriend("ana", ana.office.address()?.name).await?;
        let first = rui.write("ana", letter("ana", "Who is there?"))?;
        is_calm(&rui.send_all().await?)?;
        // Ana takes it off, and answers from the box that she gives to Rui alone.
        let mut shift = ana.begin(true).await?;
        shift.until("it came", |office| are_opened(office, 1)).await?;
        let came = ana.letters()?.pop().context("a letter")?;
        let from = ana.office.other_side(came.letter)?.context("a sender")?;
        ana.office.add_contact("rui", from, ana.now())?;
        ana.write("rui", NewLetter { re: Some(came.letter), ..letter("rui", "It is me.") })?;
        shift.counter.errands.send(Errand::Look { now: true }).await?;
        shift.until("all has left", |office| Ok(office.under_way()? == 0)).await?;
        is_calm(&shift.end().await?)?;
        let mut shift = rui.begin(true).await?;
        shift.until("the answer came", |office| are_opened(office, 1)).await?;
        is_calm(&shift.end().await?)?;
        // Three letters to that box: one is taken off silently, one told of, and one waits.
        let known = |number| -> Result<String> {
            let status = rui.office.status(Some(number))?.pop().context("a letter")?;
            Ok(status.known.join("; "))
        };
        let write = async |text: &str| -> Result<u64> {
            let number = rui.write("ana", letter("ana", text))?;
            is_calm(&rui.send_all().await?)?;
            ensure!(known(number)?.contains("not asked yet"), "{}", known(number)?);
            Ok(number)
        };
        let reads = async |count: usize| -> Result<()> {
            let mut shift = ana.begin(true).await?;
            shift.until("it came", |office| are_opened(office, count)).await?;
            // It is taken off in the same look, after it was kept.
            tokio::time::sleep(Duration::from_secs(20)).await;
            is_calm(&shift.end().await?)
        };
        let silent = write("Silently.").await?;
        reads(2).await?;
        ana.office.set_taken("rui", true)?;
        let told = write("Loudly.").await?;
        reads(3).await?;
        let waits = write("It waits.").await?;
        let mut shift = rui.begin(false).await?;
        for number in [first, silent, told] {
            let letter = pregao::post::store::letters::LetterNumber(i64::try_from(number)?);
            shift.ask(|reply| Errand::Inquire { letter, reply }).await??;
        }
        for number in [first, silent] {
            ensure!(rui.standing(number)? == LetterStanding::Deposited);
            ensure!(known(number)?.contains("told of nothing since"), "{}", known(number)?);
        }
        ensure!(rui.standing(told)? == LetterStanding::Taken);
        let said = known(told)?;
        ensure!(
            said.contains("taken off by its reader at")
                && said.contains("signature, place and stamp: ok"),
            "{said}"
        );
        shift.hear();
        ensure!(shift.news.iter().filter(|news| matches!(news, News::Letter(_))).count() == 1);
        is_calm(&shift.end().await?)?;
        // The last one Ana takes off, too, and Rui hears of it by themselves: not at once, and within three hours.
        reads(4).await?;
        let mut shift = rui.begin(false).await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        ensure!(rui.standing(waits)? == LetterStanding::Deposited, "it was not asked yet");
        is_calm(&shift.end().await?)?;
        tokio::time::sleep(Duration::from_secs(3 * 3_600)).await;
        shift = rui.begin(false).await?;
        shift
            .until("it was asked", |office| {
                let status = office.status(Some(waits))?.pop().context("a letter")?;
                Ok(status.letter.standing == LetterStanding::Taken)
            })
            .await?;
        ensure!(rui.standing(silent)? == LetterStanding::Deposited);
        is_calm(&shift.end().await?)
    });
}

/// Runs something for so many steps, or until it ends.
async fn for_steps(steps: usize, run: impl Future<Output = ()>) -> bool {
    let mut run = pin!(run);
    let mut left = steps;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        run.as_mut().poll(context).map(|()| true)
    })
    .await
}

#[test]
fn a_postman_that_is_stopped_wherever_it_waits_leaves_each_letter_once() {
    in_a_street(100, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.move_in(None).await?;
        rui.move_in(None).await?;
        rui.befriend("ana", ana.office.address()?.name).await?;
        let (mut count, mut steps, mut in_between) = (0_usize, 0, 0);
        loop {
            let number = rui.write("ana", letter("ana", &format!("letter {count}")))?;
            count += 1;
            let (postman, counter) = rui.postman();
            counter.errands.send(Errand::Look { now: true }).await?;
            ensure!(!for_steps(steps, postman.run()).await, "it does not end by itself");
            drop(counter);
            steps += 3;
            let standing = rui.standing(number)?;
            in_between += usize::from(standing == LetterStanding::Leaving);
            if standing == LetterStanding::Deposited || count >= 30 {
                break;
            }
            is_calm(&rui.send_all().await?)?;
        }
        ensure!(
            count >= 6 && in_between >= 2,
            "{count} letters, {in_between} stopped on their way"
        );
        // Whoever reads is stopped, too.
        for steps in (2..80).step_by(9) {
            let (postman, counter) = ana.postman();
            counter.errands.send(Errand::Look { now: true }).await?;
            for_steps(steps, postman.run()).await;
            drop(counter);
        }
        let mut shift = ana.begin(true).await?;
        let all = u64::try_from(count)?;
        shift.until("all came", |office| Ok(office.unread()?.unread >= all)).await?;
        is_calm(&shift.end().await?)?;
        let mut texts = Vec::new();
        for came in ana.letters_of(100)? {
            ensure!(came.standing == LetterStanding::Unread, "{came:?}");
            texts.push(ana.office.read(came.letter, ana.now())?.text.expose().to_owned());
        }
        texts.sort();
        let mut expected: Vec<_> = (0..count).map(|n| format!("letter {n}")).collect();
        expected.sort();
        ensure!(texts == expected, "{texts:?}");
        Ok(())
    });
}

/// Somebody with a box who does by hand, and wrongly, what postmen do.
struct Forger {
    writer: Writer,
    passes: Vec<Pass>,
}

/// A box of theirs.
struct Forged {
    own: OwnBox,
    agreement: AgreementSecret,
    signed: PrekeySecret,
}

impl Forged {
    fn address(&self, writer: &Writer) -> Result<Address> {
        let broker = writer.options.broker.to_string().try_into()?;
        let key = PublicKey::from_bytes(*self.own.opening().key().as_bytes());
        Ok(Address { name: self.own.name(), broker, key, agreement: self.agreement.public() })
    }

    fn author(&self) -> Author<'_> {
        Author { key: self.own.key(), agreement: &self.agreement }
    }
}

impl Forger {
    async fn settle(street: &Street) -> Result<Self> {
        let writer = street.settle("Eva").await?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let mut forger = Self { writer, passes: Vec::new() };
        forger.take_passes().await?;
        Ok(forger)
    }

    /// Those of the day.
    async fn take_passes(&mut self) -> Result<()> {
        let writer = &self.writer;
        let offer = writer.taker.offer().await?;
        let asked = requests(&offer.key, offer.count, &writer.options.host)?;
        self.passes = writer.taker.take(asked, offer.key).await?;
        Ok(())
    }

    /// A session that holds a pass.
    async fn paid(&mut self) -> Result<GuestSession<'_>> {
        let pass = self.passes.pop().context("a pass")?;
        let mut session = self.writer.session().await?;
        session.verify_pass(&pass).await?;
        // Where nobody has asked for a stamp for long, the broker has to hear the TSA first.
        for _ in 0..60 {
            match session.show_pass(&pass).await {
                Err(GuestError::Undecided(Undecided::TSA_DOWN)) => tokio::time::sleep(LOOK).await,
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(session),
            }
        }
        bail!("the TSA stays away")
    }

    /// A box with room for so many letters, and keys without a stock.
    async fn open(&mut self, letters: u32, seed: u8) -> Result<Forged> {
        let agreement = AgreementSecret::from_random([seed; 32]);
        let secrets = self.writer.office.box_secrets()?;
        let terms = terms(&self.writer.house, &secrets);
        let opening = BoxOpening { letters, agreement: SealPublic(agreement.public().0), ..terms };
        let own = OwnBox::draw(&self.writer.options.host, opening)?;
        let signed = PrekeySecret::from_random([seed; 32]);
        let mut session = self.paid().await?;
        let stamp = session.stamp(own.opening()).await?;
        session.hand_in(own.opening(), &stamp, own.opening().compact()).await?;
        let seen = session.read(&own).await?.room().context("it was read")?.ledger().head();
        session.renew_keys(&own, seen, &signed, &[]).await?;
        Ok(Forged { own, agreement, signed })
    }

    /// Leaves content as an honest writer would.
    async fn leave(&mut self, to: RoomName, by: &Forged, content: &Content) -> Result<()> {
        let mut session = self.paid().await?;
        let found = session.opening(to).await?;
        let outgoing = Outgoing {
            content,
            author: by.author(),
            attachments: &[],
            expires: None,
            halves: None,
        };
        session.deposit(&found, &outgoing, |_| ()).await?;
        Ok(())
    }

    /// Leaves an envelope under fresh keys of the box, whatever it was sealed to.
    async fn leave_envelope(&mut self, to: RoomName, envelope: &[u8]) -> Result<()> {
        let mut session = self.paid().await?;
        let found: FoundBox = session.opening(to).await?;
        let keys = session.take_keys(&found).await?;
        drop(session);
        let keys = (keys.signed.digest(), keys.once.map(|(once, _)| once));
        self.leave_under(to, envelope, keys).await
    }

    /// As [`Forger::leave_envelope`], under keys that were taken before.
    async fn leave_under(
        &mut self,
        to: RoomName,
        envelope: &[u8],
        (signed, once): (Digest, Option<OnceKey>),
    ) -> Result<()> {
        let mut session = self.paid().await?;
        let found: FoundBox = session.opening(to).await?;
        let envelope = session.put_blob(Purpose::Envelope, envelope).await?;
        let body = Body::Deposit(Deposit {
            envelope,
            attachments: Vec::new(),
            signed,
            once,
            expires: None,
            registered: None,
        });
        let id = uuid::Builder::from_random_bytes([9; 16]).into_uuid();
        let draft = Draft { id, room: Some(to), body, seen: found.opened() };
        let action = draft.sign_as_guest(&SecretKey::from_seed(&[envelope.digest.0[0]; 32]))?;
        let stamp = session.stamp(&action).await?;
        session.hand_in(&action, &stamp, found.compact()).await?;
        Ok(())
    }
}

fn said(from: Address, seed: u8, text: &str) -> Result<Content> {
    Ok(Content::Letter(Letter {
        from,
        id: uuid::Builder::from_random_bytes([seed; 16]).into_uuid(),
        reply_to: None,
        mode: Mode::Evidence,
        wants_receipt: false,
        salt: Salt([seed; 32]),
        subject: None,
        text: text.to_owned().try_into()?,
        attachments: Vec::new(),
    }))
}

#[test]
fn what_cannot_be_opened_or_is_not_by_whom_it_says_is_kept_and_shown_with_its_cause() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        let to = ana.office.address()?.name;
        let (own, other) = (eva.open(9, 40).await?, eva.open(9, 41).await?);
        let (from, others) = (own.address(&eva.writer)?, other.address(&eva.writer)?);
        // One that is right, so that it is known that those below are wrong.
        eva.leave(to, &own, &said(from.clone(), 1, "Right.")?).await?;
        // Noise of an envelope's size, small and large.
        eva.leave_envelope(to, &[1; 4_028]).await?;
        eva.leave_envelope(to, &[0; 16_316]).await?;
        // Sealed for another box, and swapped.
        let swapped = {
            let mut session = eva.paid().await?;
            let found = session.opening(other.own.name()).await?;
            let keys = session.take_keys(&found).await?;
            let content = said(from.clone(), 2, "Elsewhere.")?;
            let outgoing = Outgoing {
                content: &content,
                author: own.author(),
                attachments: &[],
                expires: None,
                halves: None,
            };
            session.prepare(&found, &keys, &outgoing).await?.sealed.envelope
        };
        eva.leave_envelope(to, &swapped).await?;
        // In the name of another box, whose keys are others.
        let pretended = Address { name: others.name, ..from.clone() };
        eva.leave(to, &own, &said(pretended, 3, "Pretended.")?).await?;
        // From a box that is nowhere.
        let nowhere = Address { name: RoomName([9; 32]), ..from.clone() };
        eva.leave(to, &own, &said(nowhere, 4, "Nowhere.")?).await?;
        // The word that something was read which was never sent.
        let receipt = ReadReceipt {
            reader: from.name,
            from,
            id: uuid::Builder::from_random_bytes([5; 16]).into_uuid(),
            mode: Mode::Evidence,
            salt: Salt([5; 32]),
            deposit: Digest([5; 32]),
            content: Digest([6; 32]),
            sender: to,
            time: ana.now(),
        };
        eva.leave(to, &own, &Content::Read(receipt)).await?;
        let mut shift = ana.begin(true).await?;
        shift
            .until("all came", |office| {
                Ok(office
                    .unread()?
                    .letters
                    .iter()
                    .filter(|letter| letter.cause.as_deref() != Some("it was not opened yet"))
                    .count()
                    == 7)
            })
            .await?;
        is_calm(&shift.end().await?)?;
        let letters = ana.letters()?;
        let causes: Vec<_> = letters
            .iter()
            .filter(|letter| letter.standing == LetterStanding::Unopened)
            .filter_map(|letter| letter.cause.clone())
            .collect();
        ensure!(causes.len() == 4, "{letters:?}");
        ensure!(
            causes
                .iter()
                .filter(|cause| cause.contains("not sealed to the keys")
                    || cause.contains("cannot be opened with these keys"))
                .count()
                == 3,
            "{causes:?}"
        );
        ensure!(causes.iter().any(|cause| cause.contains("not here")), "{causes:?}");
        let notes = |text: &str| -> Result<String> {
            for letter in &letters {
                let read = ana.office.read(letter.letter, ana.now())?;
                if read.text.expose() == text {
                    return Ok(read.notes.join("; "));
                }
            }
            bail!("no letter `{text}`")
        };
        ensure!(notes("Right.")? != notes("Pretended.")? && notes("Right.")? != notes("Nowhere.")?);
        Ok(())
    });
}

#[test]
fn a_receipt_counts_once_for_its_letter_and_by_its_reader_alone() {
    in_a_street(PER_DAY, async |street| {
        let rui = street.settle("Rui").await?;
        let mut eva = Forger::settle(&street).await?;
        rui.move_in(None).await?;
        let (reader, other) = (eva.open(9, 40).await?, eva.open(9, 41).await?);
        rui.befriend("eva", reader.own.name()).await?;
        let number = rui.write("eva", letter("eva", "Read it."))?;
        is_calm(&rui.send_all().await?)?;
        // She opens it by hand.
        let (opened, to) = {
            let mut session = eva.writer.session().await?;
            let replay = session.read(&reader.own).await?;
            let fold = replay.room().and_then(MessageBox::of).context("a box")?;
            let (_, waiting) = fold.waiting().next().context("a letter")?;
            let envelope = session.get_blob(Purpose::Envelope, waiting.envelope).await?;
            let class = letter::Class::of_envelope(envelope.len() as u64).context("a class")?;
            let reading = letter::Reading {
                name: reader.own.name(),
                signed: &reader.signed,
                once: None,
                class,
            };
            let opened = letter::open(&reading, &envelope)?;
            let to: BoxKeys = opened.sender().keys();
            (opened, to)
        };
        let receipt = |by: Address, seed: u8| ReadReceipt {
            reader: by.name,
            from: by,
            id: uuid::Builder::from_random_bytes([seed; 16]).into_uuid(),
            mode: opened.mode(),
            salt: Salt([seed; 32]),
            deposit: opened.deposit(),
            content: opened.hash(),
            sender: to.name,
            time: rui.now(),
        };
        let own = reader.address(&eva.writer)?;
        let wrong = [
            ReadReceipt { content: Digest([1; 32]), ..receipt(own.clone(), 1) },
            ReadReceipt { deposit: Digest([1; 32]), ..receipt(own.clone(), 2) },
            ReadReceipt { mode: Mode::Deniable, ..receipt(own.clone(), 3) },
        ];
        for receipt in wrong {
            eva.leave(to.name, &reader, &Content::Read(receipt)).await?;
        }
        let stranger = receipt(other.address(&eva.writer)?, 4);
        eva.leave(to.name, &other, &Content::Read(stranger)).await?;
        let causes = |office: &Office| -> Result<usize> {
            let unread = office.unread()?.letters;
            Ok(unread.iter().filter(|letter| letter.cause.is_some()).count())
        };
        let mut shift = rui.begin(true).await?;
        shift.until("the wrong ones came", |office| Ok(causes(office)? == 4)).await?;
        ensure!(rui.standing(number)? == LetterStanding::Deposited, "none of them counts");
        eva.leave(to.name, &reader, &Content::Read(receipt(own.clone(), 5))).await?;
        shift
            .until("the right one came", |office| {
                Ok(office
                    .status(Some(number))?
                    .iter()
                    .all(|status| status.letter.standing == LetterStanding::WasRead))
            })
            .await?;
        ensure!(causes(&rui.office)? == 4, "and is no letter");
        eva.leave(to.name, &reader, &Content::Read(receipt(own, 6))).await?;
        shift.until("the second one came", |office| Ok(causes(office)? == 5)).await?;
        is_calm(&shift.end().await?)?;
        Ok(())
    });
}

fn troubles(news: &[News]) -> Vec<&str> {
    let said = news.iter().filter_map(|news| match news {
        News::Trouble { message, .. } => Some(message.as_str()),
        _ => None,
    });
    said.collect()
}

#[test]
fn whoever_writes_to_a_box_that_is_full_or_closed_is_told_and_what_can_wait_waits() {
    in_a_street(PER_DAY, async |street| {
        let rui = street.settle("Rui").await?;
        let mut eva = Forger::settle(&street).await?;
        rui.move_in(None).await?;
        let (full, closed) = (eva.open(1, 40).await?, eva.open(9, 41).await?);
        rui.befriend("full", full.own.name()).await?;
        rui.befriend("closed", closed.own.name()).await?;
        {
            let mut session = eva.writer.session().await?;
            let seen =
                session.read(&closed.own).await?.room().context("it was read")?.ledger().head();
            session.close(&closed.own, seen).await?;
        }
        let first = rui.write("full", letter("full", "It fits."))?;
        let second = rui.write("full", letter("full", "It does not."))?;
        let third = rui.write("closed", letter("closed", "It never will."))?;
        let mut shift = rui.begin(true).await?;
        let standing = |office: &Office, number| -> Result<LetterStanding> {
            Ok(office.status(Some(number))?.pop().context("a letter")?.letter.standing)
        };
        shift
            .until("one left, and one failed", |office| {
                Ok(standing(office, first)? == LetterStanding::Deposited
                    && standing(office, third)? == LetterStanding::Failed)
            })
            .await?;
        shift.until("it was said", |_| Ok(true)).await?;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let news = shift.end().await?;
        let said = troubles(&news);
        ensure!(said.iter().any(|said| said.contains("deposit.full")), "{news:?}");
        ensure!(said.iter().any(|said| said.contains("box.closed")), "{news:?}");
        ensure!(rui.standing(second)? == LetterStanding::Waiting && rui.office.under_way()? == 1);
        // Once there is room again it leaves by itself.
        {
            let mut session = eva.writer.session().await?;
            let replay = session.read(&full.own).await?;
            let room = replay.room().context("it was read")?;
            let fold = MessageBox::of(room).context("a box")?;
            let all = fold.waiting().map(|(seq, _)| seq).collect();
            session.take_off(&full.own, room.ledger().head(), all, false).await?;
        }
        // It was put off for twenty minutes at most; whoever hurries then spends no rested pass.
        tokio::time::sleep(Duration::from_secs(1_300)).await;
        is_calm(&rui.send_all().await?)?;
        ensure!(rui.standing(second)? == LetterStanding::Deposited);
        Ok(())
    });
}

#[test]
fn at_a_broker_without_passes_it_is_said_once_what_to_do() {
    in_a_street(0, async |street| {
        let ana = street.settle("Ana").await?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.draw(None)?;
        let mut shift = ana.begin(true).await?;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            shift.counter.errands.send(Errand::Look { now: true }).await?;
        }
        shift.hear();
        let news = shift.end().await?;
        let advices = news.iter().filter(|news| matches!(news, News::Trouble { advice, .. } if advice.contains("--passes-per-day")));
        ensure!(advices.count() == 1 && troubles(&news).len() == 1, "{news:?}");
        Ok(())
    });
}
