//! Somebody who writes from another box than before is known again by the one that was known, and by nothing else.

use pregao::post::office::{Resolved, ShowAs};
use pregao_protocol::audit::letter::Way;
use pregao_protocol::letter::{Vouch, Voucher};
use pregao_protocol::trust::agreement::AgreementPublic;

use super::*;

/// Somebody who was shown a letter, and wants to be taken for its reader.
struct Thief {
    forger: Forger,
    own: Forged,
}

impl Thief {
    /// Writes to a box, as if they answered a letter, with what should vouch for them.
    async fn pretend(
        &mut self,
        to: RoomName,
        seed: u8,
        reply_to: uuid::Uuid,
        vouch: Option<Vouch>,
    ) -> Result<()> {
        let from = self.own.address(&self.forger.writer)?;
        let Content::Letter(letter) = said(from, seed, "Write to me here from now on.")? else {
            bail!("a letter")
        };
        let content = Content::Letter(Letter { reply_to: Some(reply_to), vouch, ..letter });
        self.forger.leave(to, &self.own, &content).await
    }
}

/// What whoever is shown a letter learns: the box that it is from, and its name.
fn learnt(of: &Writer, number: u64) -> Result<(Address, uuid::Uuid)> {
    let Way::Sender(shown) = of.office.show(number, ShowAs::Whole)?.letter.shown else {
        bail!("shown by its sender")
    };
    let (content, _) = Content::parse(shown.content.as_bytes())?;
    Ok((content.from().clone(), content.id()))
}

fn notes(of: &Writer, number: u64) -> Result<String> {
    Ok(of.office.read(number, of.now())?.notes.join("; "))
}

async fn reads(of: &Writer, count: usize) -> Result<Vec<News>> {
    let mut shift = of.begin(true).await?;
    shift.until("they came", |office| are_opened(office, count)).await?;
    let news = shift.end().await?;
    is_calm(&news)?;
    Ok(news)
}

fn tells(news: &[News], what: &str) -> bool {
    news.iter().any(|news| matches!(news, News::Note(note) if note.contains(what)))
}

/// Rui shows somebody what he wrote to Ana; who was shown it answers from a box of their own. Ana answers, too.
#[test]
fn who_was_shown_a_letter_is_not_taken_for_its_reader() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        let mut forger = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        rui.move_in(None).await?;
        rui.befriend("ana", ana.office.address()?.name).await?;
        let Resolved::Contact(contact) = rui.office.resolve("ana")? else { bail!("a contact") };
        let known = rui.office.contact_address(contact)?;
        let first = rui.write("ana", letter("ana", "Who is there?"))?;
        is_calm(&rui.send_all().await?)?;
        let (to, id) = learnt(&rui, first)?;
        let own = forger.open(9, 50).await?;
        let mut thief = Thief { forger, own };
        // With nothing, with noise, and with the word of their own box in the name of hers.
        let from = thief.own.address(&thief.forger.writer)?;
        thief.pretend(to.name, 60, id, None).await?;
        let noise =
            Vouch { name: known.name, mac: pregao_protocol::trust::agreement::Mac([7; 32]) };
        thief.pretend(to.name, 61, id, Some(noise)).await?;
        let by = Voucher { name: known.name, agreement: &thief.own.agreement };
        let reader: (_, &AgreementPublic) = (to.name, &to.agreement);
        let third = uuid::Builder::from_random_bytes([62; 16]).into_uuid();
        let own_word = Vouch::of(&by, reader, &from, third)?;
        thief.pretend(to.name, 62, id, Some(own_word)).await?;
        let news = reads(&rui, 3).await?;
        ensure!(!tells(&news, "is written to at another box"), "{news:?}");
        ensure!(rui.office.contact_address(contact)? == known, "she is written to where she was");
        for came in rui.letters()?.into_iter().filter(|letter| letter.letter != first) {
            ensure!(came.who.name.is_none(), "{came:?}");
            let said = notes(&rui, came.letter)?;
            ensure!(said.contains("does not vouch for it") && said.contains("ana"), "{said}");
        }
        ensure!(tells(&news, "it may seem to be from ana"), "{news:?}");
        ensure!(
            tells(&news, "it says that ana wrote it from another box, and that is FALSE"),
            "{news:?}"
        );
        // Ana herself, by the box that Rui wrote to first.
        reads(&ana, 1).await?;
        let came = ana.letters()?.pop().context("a letter")?;
        let from = ana.office.other_side(came.letter)?.context("a sender")?;
        ana.office.add_contact("rui", from, ana.now())?;
        ana.write("rui", letter("rui", "It is me."))?;
        is_calm(&ana.send_all().await?)?;
        let news = reads(&rui, 1).await?;
        ensure!(tells(&news, "ana is written to at another box"), "{news:?}");
        let moved = rui.office.contact_address(contact)?;
        ensure!(moved != known && moved.name != thief.own.own.name());
        ensure!(ana.office.digits("rui")? == rui.office.digits("ana")?);
        // Until Rui has written there each of hers says it; then none does any more.
        let vouched = |of: &Writer, number| -> Result<bool> {
            let Way::Sender(shown) = of.office.show(number, ShowAs::Whole)?.letter.shown else {
                bail!("shown by its sender")
            };
            Ok(Content::parse(shown.content.as_bytes())?.0.vouch().is_some())
        };
        let second = ana.write("rui", letter("rui", "And again."))?;
        is_calm(&ana.send_all().await?)?;
        ensure!(vouched(&ana, second)?, "she cannot know that he knows her new box");
        rui.write("ana", letter("ana", "I see."))?;
        is_calm(&rui.send_all().await?)?;
        reads(&ana, 1).await?;
        let last = ana.write("rui", letter("rui", "Good."))?;
        is_calm(&ana.send_all().await?)?;
        ensure!(!vouched(&ana, last)?, "he has written to it");
        Ok(())
    });
}

/// Who has given up the box that was known can show nothing by it.
#[test]
fn without_the_box_that_was_known_its_reader_is_told_what_it_seems_to_be() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.move_in(None).await?;
        rui.move_in(None).await?;
        rui.befriend("ana", ana.office.address()?.name).await?;
        rui.write("ana", letter("ana", "Who is there?"))?;
        is_calm(&rui.send_all().await?)?;
        reads(&ana, 1).await?;
        let came = ana.letters()?.pop().context("a letter")?;
        let from = ana.office.other_side(came.letter)?.context("a sender")?;
        ana.office.add_contact("rui", from, ana.now())?;
        // It is closed before the letter leaves, which is held back.
        ana.write("rui", letter("rui", "It is me."))?;
        ana.office.close_box()?;
        is_calm(&ana.send_all().await?)?;
        ensure!(ana.office.boxes()?.len() == 1, "the one for Rui");
        let news = reads(&rui, 1).await?;
        ensure!(!tells(&news, "is written to at another box"), "{news:?}");
        ensure!(tells(&news, "it may seem to be from ana"), "{news:?}");
        let answer = rui.letters()?.into_iter().max_by_key(|one| one.letter).context("a letter")?;
        ensure!(answer.who.name.is_none(), "{answer:?}");
        // Rui asks her, and says himself that it is hers.
        let from = rui.office.other_side(answer.letter)?.context("a sender")?;
        rui.office.add_contact("ana by her new box", from, rui.now())?;
        ensure!(!notes(&rui, answer.letter)?.contains("may seem"), "it is known now");
        Ok(())
    });
}

/// The first answer of somebody whose box was written to and who is no contact.
#[test]
fn the_answer_to_a_letter_to_somebody_who_is_no_contact_says_by_which_box_it_is() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.move_in(None).await?;
        rui.move_in(None).await?;
        let mut session = rui.session().await?;
        let broker = rui.options.broker.to_string().try_into()?;
        let address = session.opening(ana.office.address()?.name).await?.address(broker);
        drop(session);
        let route = rui.office.route(None, address)?;
        rui.office.write(&letter("ana", "Who is there?"), route, rui.now())?;
        is_calm(&rui.send_all().await?)?;
        reads(&ana, 1).await?;
        let came = ana.letters()?.pop().context("a letter")?;
        let from = ana.office.other_side(came.letter)?.context("a sender")?;
        ana.office.add_contact("rui", from, ana.now())?;
        let re = Some(came.letter);
        ana.write("rui", NewLetter { re, ..letter("rui", "It is me.") })?;
        is_calm(&ana.send_all().await?)?;
        let news = reads(&rui, 1).await?;
        ensure!(tells(&news, "whoever has the box that you sent letter 1 to wrote it"), "{news:?}");
        Ok(())
    });
}
