//! What is due, and when: all by the TSA's time, all found anew in the store whenever it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::clock::Time;

use super::setback::Setback;
use super::{News, Round};
use crate::post::store::departures::{DepartureId, DepartureRecord, Step};
use crate::post::store::letters::{LetterNumber, LetterState, PAGE, Selection};
use crate::post::store::own_boxes::{BoxId, BoxRecord, BoxState};
use crate::post::store::questions::QuestionId;
use crate::post::store::{Kept, View};

/// How long it is between two looks into a box, at least.
const LOOK_AFTER: Duration = Duration::from_secs(30);
/// Within how many seconds after that it is looked, every one as likely.
const LOOK_WITHIN: u64 = 60;
/// Boxes that are looked into at a time, at most.
const MOST_LOOKS: usize = 8;
/// How long it is until what failed is tried again, the first time; twice as long each time after that.
const AGAIN_AFTER: Duration = Duration::from_secs(4);
/// How often that doubles: about half an hour then.
const DOUBLED: u32 = 9;
/// Departures that leave within this time are hurried with those that leave now.
const SOON: Duration = Duration::from_secs(60);

/// One thing to do, in a session of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// To find what is due.
    Plan,
    /// Passes are to be taken.
    Passes,
    /// A box is to be opened.
    Open(BoxId),
    /// A box is to be looked into.
    Read(BoxId),
    /// The box from which a letter came is to be asked for.
    Ask(LetterNumber),
    /// A box is to be closed.
    Close(BoxId),
    /// Something is to be sent.
    Depart(DepartureId),
    /// What became of a letter is to be asked.
    Inquire(QuestionId),
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// This, now.
    Job(Job),
    /// Nothing for so long.
    Wait(Duration),
}

#[derive(Debug)]
struct Again {
    at: Time,
    failures: u32,
    /// What was said of it last: it is said once.
    said: Option<String>,
}

/// What is not in the store: it is made anew where it is lost.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Nothing waits that need not, though the broker may then guess whose letters they are.
    pub(super) hurry: bool,
    /// When each box is looked into.
    pub(super) looks: BTreeMap<BoxId, Time>,
    /// Letters that are here unopened, and when the boxes that they are from are asked for.
    pub(super) unopened: BTreeMap<LetterNumber, Time>,
    /// On which day passes are taken, and when.
    pub(super) taking: Option<(Day, Time)>,
    /// The day of which there are no more.
    pub(super) taken: Option<Day>,
    /// The day of which all are spent, and something waits for one; and whether that was said.
    starved: Option<(Day, bool)>,
    /// Boxes that are being looked into.
    reading: BTreeSet<BoxId>,
    /// Of a look: letters that were here unopened when it began.
    known_before: BTreeSet<LetterNumber>,
    is_filled: bool,
    again: BTreeMap<Job, Again>,
}

/// The earliest of what is due at some time.
struct Soonest<'a> {
    plan: &'a Plan,
    now: Time,
    found: Option<(Time, Job)>,
}

impl Soonest<'_> {
    /// Of several that are due the first that is named goes first.
    fn at(&mut self, at: Time, job: Job) {
        let again = self.plan.again.get(&job).map_or(at, |again| again.at.max(at));
        let at = again.max(self.now);
        if self.found.is_none_or(|(earliest, _)| at < earliest) {
            self.found = Some((at, job));
        }
    }
}

impl Plan {
    /// Tries at once what failed; looks into all boxes at once only in a hurry. Whoever looked whenever something is put down
    /// would show, some seconds before a letter leaves, which boxes are its author's.
    pub(super) fn look(&mut self, now: bool) {
        self.hurry |= now;
        if now {
            self.looks.clear();
        }
        for again in self.again.values_mut() {
            again.at = Time::from_micros(0).unwrap_or(again.at);
        }
    }

    /// A box was looked into.
    pub(super) fn looked(&mut self, round: &Round, of: BoxId) -> Result<(), Setback> {
        let within = Duration::from_secs(round.random_below(LOOK_WITHIN)?);
        self.looks.insert(of, round.time()?.plus(LOOK_AFTER).plus(within));
        Ok(())
    }

    /// A box is looked into from now on, beside all else; what is planned by that comes with [`Plan::end_look`].
    pub(super) fn begin_look(&mut self, of: BoxId) -> Self {
        self.reading.insert(of);
        let (hurry, unopened) = (self.hurry, self.unopened.clone());
        let known_before = unopened.keys().copied().collect();
        Self { hurry, unopened, known_before, is_filled: true, ..Self::default() }
    }

    /// A box was looked into, and this is planned by it.
    pub(super) fn end_look(&mut self, of: BoxId, part: Self) {
        self.reading.remove(&of);
        self.looks.extend(part.looks);
        // Those that it knew before may have been opened meanwhile.
        let known = part.known_before;
        self.unopened
            .extend(part.unopened.into_iter().filter(|(letter, _)| !known.contains(letter)));
    }

    /// It was done.
    pub(super) fn done(&mut self, job: Job) {
        self.again.remove(&job);
    }

    /// It was not: it is said, if that was not said just before, and tried again.
    pub(super) async fn failed(&mut self, round: &Round, job: Job, setback: Setback, now: Time) {
        let again = self.again.entry(job).or_insert(Again { at: now, failures: 0, said: None });
        let doubled = AGAIN_AFTER.saturating_mul(1 << again.failures.min(DOUBLED));
        // Not all who were cut off come again at one time.
        let jitter = round.random_below(doubled.as_secs().max(1)).unwrap_or_default();
        again.at = now.plus(doubled).plus(Duration::from_secs(jitter));
        again.failures = again.failures.saturating_add(1);
        let news = setback.news();
        let text = match &news {
            Some(News::Trouble { message, .. } | News::Alarm { message, .. }) => message.clone(),
            _ => return,
        };
        if again.said.as_ref() != Some(&text) {
            again.said = Some(text);
            if let Some(news) = news {
                round.say(news).await;
            }
        }
    }

    /// Once for each day of which all passes are spent.
    pub(super) fn take_starved(&mut self) -> Option<News> {
        let (day, _) = self.starved.filter(|(_, said)| !said)?;
        self.starved = Some((day, true));
        Some(News::Trouble {
            message: "all passes of today are spent".to_owned(),
            advice: "what waits leaves tomorrow; each letter, receipt and box costs one".to_owned(),
        })
    }

    /// What is to be done next.
    pub(super) fn next(&mut self, round: &Round, now: Time) -> Result<Next, Setback> {
        let store = round.office.store();
        let view = store.view();
        let boxes: Vec<_> = view.boxes()?.into_iter().flatten().collect();
        let boxes: Vec<_> =
            boxes.into_iter().filter(|kept| kept.record.state != BoxState::Closed).collect();
        if !self.is_filled {
            self.unopened = unopened(view, now)?;
            if !self.hurry {
                self.looks = first_looks(round, &boxes, now)?;
            }
            self.is_filled = true;
        }
        let departures: Vec<_> = view.departures()?.into_iter().flatten().collect();
        let has_soon = departures.iter().any(|kept| kept.record.leaves <= now.plus(SOON));
        let has_drawn = boxes.iter().any(|kept| !is_ready(&kept.record));
        let is_idle = boxes.is_empty() && departures.is_empty();
        let taking = if is_idle { None } else { self.taking(round, view, now)? };
        let pass = round.pass_ready(view, now, self.hurry)?;
        let waits = departures.iter().any(|kept| kept.record.leaves <= now) || has_drawn;
        if waits && pass.is_none() && self.taken == Some(Day::of(now)) {
            let is_said = self.starved.is_some_and(|(day, said)| day == Day::of(now) && said);
            self.starved = Some((Day::of(now), is_said));
        }
        let mut soonest = Soonest { plan: self, now, found: None };
        if let Some(at) = taking {
            soonest.at(at, Job::Passes);
        }
        for Kept { id, record } in &boxes {
            match (record.state, pass) {
                // What was handed in has its answer without a pass.
                (BoxState::Drawn, _) if record.stamp.is_some() => soonest.at(now, Job::Open(*id)),
                (BoxState::Drawn, Some(at)) => soonest.at(at, Job::Open(*id)),
                (BoxState::Closing, _) if !self.reading.contains(id) => {
                    soonest.at(now, Job::Close(*id));
                }
                _ => {}
            }
        }
        for Kept { id, record } in &departures {
            let from = boxes.iter().find(|kept| kept.id == record.from);
            let at = leaves_at(record, from.map(|kept| &kept.record), pass);
            if let Some(at) = at {
                soonest.at(at, Job::Depart(*id));
            }
        }
        for (letter, at) in &self.unopened {
            soonest.at(*at, Job::Ask(*letter));
        }
        for Kept { id, record } in &boxes {
            let may_look = self.reading.len() < MOST_LOOKS && !self.reading.contains(id);
            if record.state == BoxState::Opened && may_look {
                soonest.at(self.looks.get(id).copied().unwrap_or(now), Job::Read(*id));
            }
        }
        for Kept { id, record } in view.questions()?.into_iter().flatten() {
            if let Some(at) = record.next {
                soonest.at(at, Job::Inquire(id));
            }
        }
        let next = match soonest.found {
            Some((at, job)) if at <= now => Next::Job(job),
            Some((at, _)) => Next::Wait(at.since(now)),
            None => Next::Wait(super::LONGEST),
        };
        if matches!(next, Next::Wait(_)) && !has_soon && !has_drawn {
            self.hurry = false;
        }
        Ok(next)
    }

    /// When passes are taken, if they are.
    fn taking(
        &mut self,
        round: &Round,
        view: View<'_>,
        now: Time,
    ) -> Result<Option<Time>, Setback> {
        let day = Day::of(now);
        if self.taken == Some(day) {
            return Ok(None);
        }
        if round.has_passes_of(view, day)? {
            self.taken = Some(day);
            return Ok(None);
        }
        if self.hurry {
            return Ok(Some(now));
        }
        match self.taking {
            Some((of, at)) if of == day => Ok(Some(at)),
            _ => {
                let at = round.when_to_take(view, now)?;
                self.taking = Some((day, at));
                Ok(Some(at))
            }
        }
    }
}

/// Whether letters can go from a box: its keys are out, so that they can be answered.
pub(super) fn is_ready(record: &BoxRecord) -> bool {
    match record.state {
        BoxState::Drawn => false,
        BoxState::Opened => record.renewed.is_some(),
        BoxState::Closing | BoxState::Closed => true,
    }
}

/// When boxes are looked into for the first time after the program began: not all in one second. What is taken off then may be
/// told to those who wrote it, and to several of them.
fn first_looks(
    round: &Round,
    boxes: &[Kept<BoxId, BoxRecord>],
    now: Time,
) -> Result<BTreeMap<BoxId, Time>, Setback> {
    let within = LOOK_AFTER.as_secs().saturating_add(LOOK_WITHIN);
    // One without keys waits for them: nobody else knows it.
    let known = boxes.iter().filter(|kept| kept.record.renewed.is_some());
    let drawn = known.map(|kept| {
        let after = Duration::from_secs(round.random_below(within)?);
        Ok((kept.id, now.plus(after)))
    });
    drawn.collect()
}

/// When something leaves, as far as that is known: from a box that is there, and with a pass if it needs one.
fn leaves_at(
    record: &DepartureRecord,
    from: Option<&BoxRecord>,
    pass: Option<Time>,
) -> Option<Time> {
    match record.step {
        // What was handed in has its answer without a pass.
        Step::Stamped(..) => Some(record.leaves),
        // Of a closed box it is said that it does not leave.
        _ if from.is_none() => Some(record.leaves),
        _ if !from.is_some_and(is_ready) => None,
        _ => pass.map(|pass| pass.max(record.leaves)),
    }
}

/// Letters whose envelopes are here, and that were not opened before the program ended.
fn unopened(view: View<'_>, now: Time) -> Result<BTreeMap<LetterNumber, Time>, Setback> {
    let (mut found, mut before) = (BTreeMap::new(), None);
    loop {
        let page = view.letters(Selection::Unread, before, PAGE)?;
        for Kept { id, record } in page.letters.into_iter().flatten() {
            if record.state == LetterState::Arrived {
                found.insert(id, now);
            }
        }
        before = page.before;
        if before.is_none() {
            return Ok(found);
        }
    }
}
