//! A few people before the real broker, with real peers, in simulated time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pregao::command::{NewLetter, ReceiptAnswer};
use pregao::post::office::Office;
use pregao::post::postman::Errand;

use super::super::machine::Chance;
use super::super::recorder::Recorder;
use super::super::street::{Shift, Street, Writer, is_calm, letter};
use super::Truth;

/// How long it is between two times at which people write and their programs run; in between all sleep.
const STEP: Duration = Duration::from_secs(60 * 60);
/// How long programs run each time: letters leave ten seconds after they were written.
const AWAKE: Duration = Duration::from_secs(25);
const STEPS: u64 = 24;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How people write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// An even number of them: each writes with one other.
    pub(super) people: usize,
    /// For how many days they are looked at.
    pub(super) days: u64,
    /// Letters that each begins a day, at any time.
    pub(super) letters: u64,
    /// Within how many hours after it was fetched every second letter is answered; 0 if none is.
    pub(super) answered_within: u64,
    /// Whether receipts are asked for and given.
    pub(super) receipts: bool,
    /// Whether people come only to send, and take passes and spend them at once.
    pub(super) hurry: bool,
    /// Whether what leaves does so at even times.
    pub(super) even: bool,
}

/// Somebody who is always there.
pub(super) struct Neighbour {
    name: Arc<str>,
    pub(super) writer: Writer,
    /// While they are there.
    pub(super) shift: Option<Shift>,
    /// When what is written, in steps from the beginning, and whether it answers something.
    plans: Vec<(u64, Option<u64>)>,
    read: BTreeSet<u64>,
}

/// Lets people live in a street; gives what they did. What the broker saw is in its recorder from `recorder` on.
pub(super) async fn live(street: &Street, habits: Habits) -> Result<(Arc<Recorder>, Truth)> {
    let mut neighbours = settle(street, habits).await?;
    let recorder = street.town.record();
    spend_days(street, habits, &mut neighbours).await?;
    let truth = truth(&neighbours)?;
    Ok((recorder, truth))
}

/// Lets them live for the days that their habits say.
pub(super) async fn spend_days(
    street: &Street,
    habits: Habits,
    neighbours: &mut [Neighbour],
) -> Result<()> {
    for neighbour in &*neighbours {
        neighbour.writer.office.choose_even(habits.even)?;
    }
    // From the beginning of a day on.
    let passed = street.town.elapsed().as_secs() % DAY.as_secs();
    street.town.sleep(DAY.saturating_sub(Duration::from_secs(passed)));
    for step in 0..habits.days * STEPS {
        if step.is_multiple_of(STEPS) {
            for neighbour in &mut *neighbours {
                neighbour.plan_day(step, habits, &street.chance);
            }
        }
        for neighbour in &mut *neighbours {
            neighbour.write(step, habits).await?;
        }
        tokio::time::sleep(AWAKE).await;
        for neighbour in &mut *neighbours {
            neighbour.read(step, habits, &street.chance)?;
        }
        wake_evenly(street, neighbours, STEP.saturating_sub(AWAKE)).await?;
    }
    Ok(())
}

/// All sleep for so long, but for the even times of each.
async fn wake_evenly(street: &Street, neighbours: &[Neighbour], time: Duration) -> Result<()> {
    let end = street.town.elapsed() + time;
    loop {
        let left = end.saturating_sub(street.town.elapsed());
        let mut next = None;
        for neighbour in neighbours {
            let now = neighbour.writer.now();
            let at = neighbour.writer.office.next_even()?.map(|at| at.since(now));
            next = next.into_iter().chain(at).min();
        }
        match next.filter(|until| *until + AWAKE < left) {
            None => {
                street.town.sleep(left);
                return Ok(());
            }
            Some(until) => street.town.sleep(until),
        }
        for neighbour in neighbours {
            if let Some(shift) = &neighbour.shift {
                shift.counter.errands.send(Errand::Look { now: false }).await?;
            }
        }
        tokio::time::sleep(AWAKE).await;
    }
}

fn truth(neighbours: &[Neighbour]) -> Result<Truth> {
    let mut truth = Truth::default();
    for (at, neighbour) in neighbours.iter().enumerate() {
        for own in neighbour.writer.office.boxes()? {
            truth.owners.insert(own.name.parse()?, Arc::clone(&neighbour.name));
        }
        let other = neighbours.get(at ^ 1).context("an even number")?;
        truth.partners.insert(Arc::clone(&neighbour.name), Arc::clone(&other.name));
    }
    Ok(truth)
}

/// Everybody has a box, and one for the other of their pair, and both have written to each other.
pub(super) async fn settle(street: &Street, habits: Habits) -> Result<Vec<Neighbour>> {
    ensure!(habits.people.is_multiple_of(2), "they are pairs");
    let mut writers = Vec::new();
    for n in 0..habits.people {
        writers.push(street.settle(&format!("person-{n}")).await?);
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    for writer in &writers {
        writer.move_in(None).await?;
    }
    for pair in writers.chunks(2) {
        let [one, other] = pair else { continue };
        one.befriend("friend", other.office.address()?.name).await?;
        one.write("friend", letter("friend", "Hello."))?;
        one.send_all().await?;
        let mut shift = other.begin(true).await?;
        shift.until("it came", is_opened).await?;
        shift.end().await?;
        let came = other.letters()?.pop().context("a letter")?;
        let from = other.office.other_side(came.letter)?.context("a sender")?;
        other.office.add_contact("friend", from, other.now())?;
        other.write("friend", NewLetter { re: Some(came.letter), ..letter("friend", "Hello!") })?;
        other.send_all().await?;
        let mut shift = one.begin(true).await?;
        shift.until("the answer came", is_opened).await?;
        shift.end().await?;
        for writer in pair {
            writer.office.set_receipts("friend", ReceiptAnswer::Always)?;
        }
    }
    let mut neighbours = Vec::new();
    for (n, writer) in writers.into_iter().enumerate() {
        let shift = if habits.hurry { None } else { Some(writer.begin(false).await?) };
        let name = format!("person-{n}").into();
        let (plans, read) = (Vec::new(), BTreeSet::new());
        neighbours.push(Neighbour { name, writer, shift, plans, read });
    }
    Ok(neighbours)
}

/// Whether something came, and it is known from whom.
fn is_opened(office: &Office) -> Result<bool> {
    Ok(office.unread()?.letters.iter().any(|letter| letter.mode.is_some()))
}

impl Neighbour {
    fn plan_day(&mut self, step: u64, habits: Habits, chance: &Chance) {
        self.plans.extend((0..habits.letters).map(|_| (step + chance.below(STEPS), None)));
    }

    async fn write(&mut self, step: u64, habits: Habits) -> Result<()> {
        let plans = std::mem::take(&mut self.plans);
        let (due, later) = plans.into_iter().partition(|(at, _)| *at <= step);
        self.plans = later;
        let due: Vec<(u64, Option<u64>)> = due;
        let writes = !due.is_empty();
        for (_, re) in due {
            let receipt = habits.receipts;
            let new = NewLetter { re, receipt, ..letter("friend", "As I said before.") };
            self.writer.write("friend", new)?;
        }
        match &self.shift {
            Some(shift) => shift.counter.errands.send(Errand::Look { now: false }).await?,
            None if writes => is_calm(&self.writer.send_all().await?)?,
            None => {}
        }
        Ok(())
    }

    /// Reads what came, acknowledges it, and may answer it some hours later.
    fn read(&mut self, step: u64, habits: Habits, chance: &Chance) -> Result<()> {
        let (office, now) = (&self.writer.office, self.writer.now());
        for view in office.unread()?.letters {
            office.read(view.letter, now)?;
            self.read.insert(view.letter);
        }
        if let Some(shift) = &mut self.shift {
            shift.hear();
        }
        for number in std::mem::take(&mut self.read) {
            if habits.receipts && office.owes_receipt(number)? {
                office.acknowledge(number, habits.hurry, now)?;
            }
            if habits.answered_within > 0 && chance.once_in(2) {
                let after = 1 + chance.below(habits.answered_within);
                self.plans.push((step + after, Some(number)));
            }
        }
        Ok(())
    }
}
