//! Registered letters by the postmen of two people who are never there together.

use pregao::post::office::ShowAs;
use pregao::post::store::letters::LetterNumber;
use pregao_protocol::audit::verdict::{ContentShown, Standing, verdict};
use pregao_protocol::letter::{Halves, RegisteredLetter};
use pregao_protocol::value::label;

use super::super::trouble::{Crash, Trouble};
use super::super::verdict::verbs;
use super::*;
use pregao::event::LetterView;
use pregao_protocol::value::clock::Time;

fn registered(text: &str) -> NewLetter {
    let subject = Some(format!("About {}", text.chars().take(5).collect::<String>()));
    NewLetter { registered: true, subject, ..letter("ana", text) }
}

fn standing_of(office: &Office, number: u64) -> Result<LetterStanding> {
    Ok(office.letter(LetterNumber(i64::try_from(number)?))?.standing)
}

impl Writer {
    /// Letters that came and stand so, the oldest first.
    fn that(&self, standing: LetterStanding) -> Result<Vec<u64>> {
        let letters = self.letters_of(100)?.into_iter();
        Ok(letters.filter(|one| one.standing == standing).map(|one| one.letter).collect())
    }

    /// The postman is there until so many letters wait to be accepted.
    async fn fetch(&self, count: usize) -> Result<()> {
        let mut shift = self.begin(true).await?;
        let waits = |letter: &&LetterView| letter.standing == LetterStanding::ToAccept;
        shift
            .until("they came", |office| {
                Ok(office.unread()?.letters.iter().filter(waits).count() >= count)
            })
            .await?;
        is_calm(&shift.end().await?)
    }

    fn said(&self, number: u64) -> Result<String> {
        Ok(self.office.read(number, self.now())?.text.expose().to_owned())
    }

    fn notes(&self, number: u64) -> Result<String> {
        Ok(self.office.read(number, self.now())?.notes.join("; "))
    }
}

/// What anybody is shown of a letter that came: what happened to it, and what it says.
fn shows(of: &Writer, number: u64, happened: &[&str], text: Option<&str>) -> Result<()> {
    let shown = of.office.show(number, ShowAs::Whole)?;
    ensure!(shown.untold.is_none(), "{:?}", shown.untold);
    let found = verdict(shown.letter.encode().as_bytes());
    ensure!(found.verdict == Standing::Valid, "{}", found.encode());
    let letter = found.letter.context("a letter")?;
    let told = letter.timeline.context("a timeline")?.entries;
    let told: Vec<_> = told.iter().map(|event| serde_json::to_value(event.what)).collect();
    let told: Vec<_> = told.into_iter().collect::<Result<_, _>>()?;
    ensure!(told == happened, "{told:?}");
    let Some(ContentShown::Registered { within, fault: None, .. }) = letter.content else {
        bail!("it is registered")
    };
    ensure!(within.as_ref().map(|within| within.text.as_str()) == text, "{within:?}");
    Ok(())
}

async fn street_of_two(street: &Street) -> Result<(Writer, Writer)> {
    let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
    tokio::time::sleep(Duration::from_secs(10)).await;
    ana.move_in(None).await?;
    rui.move_in(None).await?;
    rui.befriend("ana", ana.office.address()?.name).await?;
    Ok((ana, rui))
}

#[test]
fn one_registered_letter_is_accepted_one_declined_one_lapses_and_their_sender_was_never_there() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let picture = street.folder.join("clock.jpg");
        let bytes = vec![7; 60_000];
        std::fs::write(&picture, &bytes)?;
        let attach = vec![picture.display().to_string()];
        let sent = [
            rui.write("ana", NewLetter { attach, ..registered("Sound it, and pay.") })?,
            rui.write("ana", registered("Sue me."))?,
            rui.write("ana", registered("Later, or never."))?,
        ];
        is_calm(&rui.send_all().await?)?;
        for number in sent {
            ensure!(rui.standing(number)? == LetterStanding::Deposited);
            let known = rui.office.status(Some(number))?.pop().context("a letter")?.known;
            ensure!(known.iter().any(|line| line.contains("can accept it until")), "{known:?}");
        }
        ensure!(rui.said(sent[0])? == "Sound it, and pay.", "its writer reads it");
        // Rui is away. Ana sees what there is, and can read none of it.
        ana.fetch(3).await?;
        let waiting = ana.that(LetterStanding::ToAccept)?;
        let [first, second, third] = *waiting.as_slice() else { bail!("{waiting:?}") };
        for number in waiting {
            let shown = ana.office.read(number, ana.now())?;
            let view = shown.letter.registered.context("registered")?;
            ensure!(shown.text.expose().is_empty() && shown.files.is_empty(), "{shown:?}");
            ensure!(view.until > Some(ana.now()) && view.accepted.is_none(), "{view:?}");
            ensure!(u32::from(number == first) == view.files && view.bytes >= 4_028, "{view:?}");
            ensure!(shown.letter.subject.is_some() && shown.letter.mode == Some(Mode::Evidence));
            let notes = shown.notes.join("; ");
            ensure!(notes.contains(&format!("accept {number}")), "{notes}");
        }
        // To look at it is not to read it.
        ensure!(ana.that(LetterStanding::ToAccept)?.len() == 3 && ana.office.unread()?.unread == 3);
        ensure!(ana.office.acknowledge(first, true, ana.now()).is_err());
        // What she decides without a connection is put down, and handed in once there is one.
        ana.office.decide(first, true, ana.now())?;
        ana.office.decide(second, true, ana.now())?;
        ana.office.decide(second, false, ana.now())?;
        ensure!(standing_of(&ana.office, first)? == LetterStanding::Accepting);
        ensure!(standing_of(&ana.office, second)? == LetterStanding::Declining);
        let mut shift = ana.begin(true).await?;
        let began = tokio::time::Instant::now();
        shift
            .until("both are decided", |office| {
                Ok(standing_of(office, first)? == LetterStanding::Unread
                    && standing_of(office, second)? == LetterStanding::Declined)
            })
            .await?;
        // What was handed over is read at once, and not with the next look.
        ensure!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
        ensure!(ana.said(first)? == "Sound it, and pay." && ana.said(second)?.is_empty());
        ensure!(ana.notes(first)?.contains("you accepted it"), "{}", ana.notes(first)?);
        let (letter, folder) = (LetterNumber(i64::try_from(first)?), street.folder.join("saved"));
        let saved = shift.ask(|reply| Errand::Save { letter, folder, reply }).await??;
        ensure!(std::fs::read(&saved.first().context("a file")?.path)? == bytes);
        shift.ask(|reply| Errand::Trace { letter, reply }).await??;
        is_calm(&shift.end().await?)?;
        shows(&ana, first, &["accepted", "handed", "taken"], Some("Sound it, and pay."))?;
        for (number, accepts) in [(first, true), (first, false), (second, true), (second, false)] {
            ensure!(ana.office.decide(number, accepts, ana.now()).is_err(), "{number} {accepts}");
        }
        // An instant before its time is over the third can be accepted, and then no more.
        let until = ana.office.letter(LetterNumber(i64::try_from(third)?))?.registered;
        let until = until.and_then(|view| view.until).context("a time")?;
        let before = Time::from_micros(until.as_micros() - 1).context("a time")?;
        ensure!(ana.office.may_decide(third, true, before).is_ok());
        for accepts in [true, false] {
            ensure!(ana.office.may_decide(third, accepts, until).is_err());
        }
        // Nobody is there for fifteen days.
        let days = Duration::from_secs(label::REGISTERED_FOR);
        street.town.strike(Trouble::Sleep(days), &[]).await?;
        tokio::time::sleep(Duration::from_secs(120)).await;
        let mut shift = ana.begin(true).await?;
        shift
            .until("it lapsed", |office| Ok(standing_of(office, third)? == LetterStanding::Lapsed))
            .await?;
        for number in [first, second, third] {
            let letter = LetterNumber(i64::try_from(number)?);
            shift.ask(|reply| Errand::Trace { letter, reply }).await??;
        }
        is_calm(&shift.end().await?)?;
        ensure!(ana.office.unread()?.letters.iter().any(|letter| letter.letter == third));
        ensure!(ana.said(third)?.is_empty() && ana.notes(third)?.contains("it lapsed at"));
        shows(&ana, first, &["accepted", "handed", "taken"], Some("Sound it, and pay."))?;
        shows(&ana, second, &["declined"], None)?;
        shows(&ana, third, &["lapsed"], None)?;
        ensure!(ana.office.unread()?.unread == 0, "it was looked at");
        for accepts in [true, false] {
            ensure!(ana.office.decide(third, accepts, ana.now()).is_err());
        }
        // All stay: what was read can be read again.
        ensure!(ana.letters()?.len() == 3 && ana.said(first)? == "Sound it, and pay.");
        let log = verbs(&street.town.store(), ana.office.address()?.name)?;
        let decided: Vec<_> = log
            .iter()
            .map(String::as_str)
            .filter(|verb| !matches!(*verb, "box" | "keys" | "taken"))
            .collect();
        let expected =
            ["deposit", "deposit", "deposit", "accepted", "handed", "declined", "lapsed"];
        ensure!(decided == expected, "{decided:?}");
        Ok(())
    });
}

#[test]
fn of_a_deniable_letter_others_are_shown_what_the_log_says_and_nothing_else() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let deniable = NewLetter { mode: Some(Mode::Deniable), ..registered("Between us.") };
        rui.write("ana", deniable)?;
        is_calm(&rui.send_all().await?)?;
        ana.fetch(1).await?;
        let number = ana.letters()?.pop().context("a letter")?.letter;
        ana.office.decide(number, true, ana.now())?;
        let mut shift = ana.begin(true).await?;
        shift
            .until("it was handed over", |office| {
                Ok(standing_of(office, number)? == LetterStanding::Unread)
            })
            .await?;
        ensure!(ana.said(number)? == "Between us.");
        let letter = LetterNumber(i64::try_from(number)?);
        shift.ask(|reply| Errand::Trace { letter, reply }).await??;
        is_calm(&shift.end().await?)?;
        ensure!(ana.office.show(number, ShowAs::Whole).is_err());
        let text = ana.office.show_log(number)?.encode();
        let found = verdict(text.as_bytes());
        ensure!(found.verdict == Standing::Valid && found.letter.is_none(), "{}", found.encode());
        let told = found.deposit.context("a deposit")?.timeline.entries;
        ensure!(told.len() >= 2, "{told:?}");
        ensure!(!text.contains(&rui.office.address()?.name.to_string()));
        Ok(())
    });
}

#[test]
fn what_lapsed_before_anybody_looked_is_shown_and_what_was_declined_with_its_box_too() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        rui.write("ana", registered("Never seen."))?;
        is_calm(&rui.send_all().await?)?;
        let days = Duration::from_secs(label::REGISTERED_FOR);
        street.town.strike(Trouble::Sleep(days), &[]).await?;
        tokio::time::sleep(Duration::from_secs(120)).await;
        let mut shift = ana.begin(true).await?;
        shift.until("it is shown", |office| Ok(office.unread()?.unread == 1)).await?;
        is_calm(&shift.end().await?)?;
        let missed = ana.letters()?.pop().context("a letter")?;
        ensure!(
            missed.standing == LetterStanding::Lapsed && missed.subject.is_none(),
            "{missed:?}"
        );
        ensure!(ana.office.decide(missed.letter, true, ana.now()).is_err());
        ana.said(missed.letter)?;
        // What waits when the box is closed is declined by that, unless it was accepted before.
        rui.write("ana", registered("In time."))?;
        rui.write("ana", registered("Too late."))?;
        is_calm(&rui.send_all().await?)?;
        ana.fetch(2).await?;
        let waiting = ana.that(LetterStanding::ToAccept)?;
        let [in_time, waiting] = *waiting.as_slice() else { bail!("{waiting:?}") };
        ana.office.decide(in_time, true, ana.now())?;
        ana.office.close_box()?;
        ensure!(ana.office.decide(waiting, true, ana.now()).is_err(), "its box is being closed");
        let mut shift = ana.begin(true).await?;
        shift
            .until("it is declined", |office| {
                Ok(standing_of(office, waiting)? == LetterStanding::Declined)
            })
            .await?;
        is_calm(&shift.end().await?)?;
        ensure!(standing_of(&ana.office, in_time)? == LetterStanding::Unread);
        ensure!(ana.said(in_time)? == "In time." && ana.office.unread()?.unread == 0);
        Ok(())
    });
}

#[test]
fn a_word_that_comes_after_the_letters_time_is_refused_and_said() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        rui.write("ana", registered("Too slow."))?;
        is_calm(&rui.send_all().await?)?;
        ana.fetch(1).await?;
        let number = ana.that(LetterStanding::ToAccept)?.pop().context("a letter")?;
        // She decides in time, and is away until it is over, but not so long that the broker has recorded that.
        ana.office.decide(number, true, ana.now())?;
        let view = ana.office.letter(LetterNumber(i64::try_from(number)?))?;
        let until = view.registered.and_then(|view| view.until).context("a time")?;
        let away = until.since(ana.now()) + Duration::from_secs(3);
        street.town.strike(Trouble::Sleep(away), &[]).await?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let mut shift = ana.begin(true).await?;
        shift
            .until("it is refused", |office| {
                Ok(standing_of(office, number)? == LetterStanding::ToAccept)
            })
            .await?;
        shift
            .until("it lapsed", |office| Ok(standing_of(office, number)? == LetterStanding::Lapsed))
            .await?;
        let news = shift.end().await?;
        ensure!(troubles(&news).iter().any(|said| said.contains("registered.late")), "{news:?}");
        ensure!(ana.said(number)?.is_empty());
        Ok(())
    });
}

#[test]
fn a_postman_that_is_stopped_wherever_it_accepts_reads_the_letter_once_it_is_back() {
    in_a_street(100, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let count = 12_usize;
        for n in 0..count {
            rui.write("ana", registered(&format!("letter {n}")))?;
        }
        is_calm(&rui.send_all().await?)?;
        ana.fetch(count).await?;
        let (store, name) = (street.town.store(), ana.office.address()?.name);
        let mut in_between = 0;
        for (n, number) in ana.that(LetterStanding::ToAccept)?.into_iter().enumerate() {
            ana.office.decide(number, true, ana.now())?;
            let (postman, counter) = ana.postman();
            counter.errands.send(Errand::Look { now: true }).await?;
            ensure!(!for_steps(4 + n * 3, postman.run()).await, "it does not end by itself");
            drop(counter);
            let accepted = verbs(&store, name)?.iter().filter(|verb| *verb == "accepted").count();
            let is_read = standing_of(&ana.office, number)? == LetterStanding::Unread;
            in_between += usize::from(accepted > n && !is_read);
            let mut shift = ana.begin(true).await?;
            shift
                .until("it is read", |office| {
                    Ok(standing_of(office, number)? == LetterStanding::Unread)
                })
                .await?;
            is_calm(&shift.end().await?)?;
            ensure!(ana.said(number)? == format!("letter {n}"));
        }
        ensure!(in_between >= 1, "never stopped between the log and the store");
        let log = verbs(&store, name)?;
        ensure!(log.iter().filter(|verb| *verb == "accepted").count() == count, "each once");
        Ok(())
    });
}

#[test]
fn a_registered_letter_that_its_deposit_does_not_commit_to_is_shown_as_that_and_not_accepted() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        let to = ana.office.address()?.name;
        let own = eva.open(9, 40).await?;
        let from = own.address(&eva.writer)?;
        let of = |seed: u8, text: &str| -> Result<RegisteredLetter> {
            let Content::Letter(letter) = said(from.clone(), seed, text)? else {
                bail!("a letter")
            };
            Ok(RegisteredLetter::of(letter, to, &Halves::from_random(&[seed; 64]))?)
        };
        let leave = async |eva: &mut Forger, content: &Content, halves: Option<Halves>| {
            let mut session = eva.paid().await?;
            let found = session.opening(to).await?;
            let (author, halves) = (own.author(), halves.as_ref());
            let outgoing = Outgoing { content, author, attachments: &[], expires: None, halves };
            session.deposit(&found, &outgoing, |_| ()).await?;
            Ok::<_, anyhow::Error>(())
        };
        let halves = |seed: u8| Some(Halves::from_random(&[seed; 64]));
        // By its own deposit, by that of another letter, by one that is not registered.
        leave(&mut eva, &Content::Registered(of(1, "Right.")?), halves(1)).await?;
        leave(&mut eva, &Content::Registered(of(2, "Another's.")?), halves(3)).await?;
        leave(&mut eva, &Content::Registered(of(4, "Nobody's.")?), None).await?;
        // What is within is junk: sealed for another box.
        let junk = {
            let Content::Letter(letter) = said(from.clone(), 6, "Junk.")? else {
                bail!("a letter")
            };
            RegisteredLetter::of(letter, RoomName([9; 32]), &Halves::from_random(&[6; 64]))?
        };
        leave(&mut eva, &Content::Registered(junk), halves(6)).await?;
        let mut shift = ana.begin(true).await?;
        let opened =
            |letter: &&LetterView| letter.cause.as_deref() != Some("it was not opened yet");
        shift
            .until("all came", |office| {
                Ok(office.unread()?.letters.iter().filter(opened).count() == 4)
            })
            .await?;
        is_calm(&shift.end().await?)?;
        let unopened = ana.that(LetterStanding::Unopened)?;
        ensure!(unopened.len() == 2, "{:?}", ana.letters()?);
        for number in &unopened {
            let view = ana.office.letter(LetterNumber(i64::try_from(*number)?))?;
            let cause = view.cause.context("a cause")?;
            ensure!(cause.contains("does not commit"), "{cause}");
            ensure!(ana.office.decide(*number, true, ana.now()).is_err());
        }
        let [right, junk] = *ana.that(LetterStanding::ToAccept)?.as_slice() else { bail!("two") };
        for number in [right, junk] {
            ana.office.decide(number, true, ana.now())?;
        }
        let mut shift = ana.begin(true).await?;
        shift
            .until("both were handed over", |office| {
                Ok(standing_of(office, right)? == LetterStanding::Unread
                    && standing_of(office, junk)? == LetterStanding::Unopened)
            })
            .await?;
        is_calm(&shift.end().await?)?;
        ensure!(ana.said(right)? == "Right.");
        let view = ana.office.letter(LetterNumber(i64::try_from(junk)?))?;
        ensure!(view.cause.as_deref().is_some_and(|cause| cause.contains("does not open")));
        Ok(())
    });
}

#[test]
fn a_broker_that_is_killed_anywhere_around_a_signature_hands_over_with_it_or_has_neither() {
    in_a_street(100, async |street| {
        let (ana, rui) = street_of_two(&street).await?;
        let count = 12_usize;
        for n in 0..count {
            rui.write("ana", registered(&format!("letter {n}")))?;
        }
        is_calm(&rui.send_all().await?)?;
        ana.fetch(count).await?;
        let (store, name) = (street.town.store(), ana.office.address()?.name);
        let (mut before, mut after) = (0, 0);
        for (n, number) in ana.that(LetterStanding::ToAccept)?.into_iter().enumerate() {
            ana.office.decide(number, true, ana.now())?;
            let shift = ana.begin(true).await?;
            // It falls between any two of its steps, and comes back.
            let steps = 40 + u64::try_from(n)? * 14;
            let crash = Crash { steps, away: Duration::from_secs(2) };
            street.town.strike(Trouble::Broker(crash), &[]).await?;
            // Replayed by the offline verifier: no log ends between the two.
            let log = verbs(&store, name)?;
            let counted = |verb: &str| log.iter().filter(|of| *of == verb).count();
            let (accepted, handed) = (counted("accepted"), counted("handed"));
            ensure!(accepted == handed && (n..=n + 1).contains(&accepted), "{log:?}");
            let is_read = standing_of(&ana.office, number)? == LetterStanding::Unread;
            ensure!(!is_read || accepted == n + 1, "nobody reads it without");
            if accepted == n {
                before += 1;
            } else if !is_read {
                after += 1;
            }
            let mut shift = shift;
            shift
                .until("it is read", |office| {
                    Ok(standing_of(office, number)? == LetterStanding::Unread)
                })
                .await?;
            shift.end().await?;
            ensure!(ana.said(number)? == format!("letter {n}"));
        }
        ensure!(
            before >= 2 && after >= 1,
            "{before} before it was logged, {after} before it was told"
        );
        Ok(())
    });
}
