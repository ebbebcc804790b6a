//! Passes: all of a day's are taken once, needed or not, and each is spent later, so that the broker cannot match the two.

use std::time::Duration;

use pregao_protocol::room::Undecided;
use pregao_protocol::trust::pass::{Day, Pass, PassKey, PassRequest};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;

use super::Round;
use super::plan::Plan;
use super::setback::Setback;
use crate::post::guest::{GuestError, GuestSession};
use crate::post::passes::{TakeError, requests};
use crate::post::store::passes::{PassId, PassRecord, PassState};
use crate::post::store::{Kept, MailError, View};
use crate::post::times;

/// How long the desk may take to answer.
const DESK_WITHIN: Duration = Duration::from_secs(120);
/// Passes that a session shows, until one counts.
const SHOWN: usize = 4;

/// What was asked for, with the key of the day under which it was.
struct Asked {
    requests: Vec<(PassId, PassRequest)>,
    key: PassKey,
}

impl Round {
    /// Whether passes of a day were taken.
    pub(super) fn has_passes_of(&self, view: View<'_>, day: Day) -> Result<bool, Setback> {
        let rows = view.passes(&self.way.broker.fingerprint, day)?;
        let is_open = |record: &PassRecord| matches!(record.state, PassState::Asked { .. });
        let mut known = rows.into_iter().flatten().peekable();
        Ok(known.peek().is_some() && !known.any(|kept| is_open(&kept.record)))
    }

    /// When the passes of today are taken: at once where none were before, and else at a random time.
    pub(super) fn when_to_take(&self, view: View<'_>, now: Time) -> Result<Time, Setback> {
        let today = Day::of(now);
        let is_first = view.newest_pass_day()?.is_none();
        // What was asked for before is asked for again, and counted once.
        let is_asked = view.newest_pass_day()? == Some(today);
        if is_first || is_asked {
            return Ok(now);
        }
        Ok(now.plus(times::taken_after(now, self.random_bits()?)))
    }

    /// From when on there is a pass to spend, if there is one today.
    pub(super) fn pass_ready(
        &self,
        view: View<'_>,
        now: Time,
        hurry: bool,
    ) -> Result<Option<Time>, Setback> {
        let rows = view.passes(&self.way.broker.fingerprint, Day::of(now))?;
        let held = rows.into_iter().flatten().filter_map(|kept| match kept.record.state {
            PassState::Held { not_before, .. } => Some(if hurry { now } else { not_before }),
            PassState::Asked { .. } | PassState::Spent { .. } => None,
        });
        Ok(held.min())
    }

    /// Takes the passes of today.
    pub(super) async fn take_passes(&self, plan: &mut Plan) -> Result<(), Setback> {
        let today = Day::of(self.time()?);
        let Asked { requests: asked, key } = match self.asked(today)? {
            Some(asked) => asked,
            None => self.ask(today, plan).await?,
        };
        let requests = asked.iter().map(|(_, request)| request.clone()).collect();
        let taken = self.desk(self.passes.take(requests, key)).await;
        let passes = match taken {
            Err(TakeError::Undecided(Undecided::PASS_QUOTA | Undecided::PASS_DAY)) => {
                // Counted as others, which another program of this persona has; or their day is over.
                self.forget(&asked)?;
                plan.taken = Some(today);
                return Err(Setback::trouble(
                    "the broker gives no passes for today any more",
                    "letters that wait leave tomorrow; use one vault with one program alone",
                ));
            }
            taken => taken.map_err(setback)?,
        };
        let now = self.time()?;
        let mut kept = Vec::with_capacity(passes.len());
        for ((id, _), pass) in asked.iter().zip(passes) {
            let random = [self.random_bits()?, self.random_bits()?];
            kept.push((*id, pass, times::spent_from(today, now, random)));
        }
        self.office.store().change(|change| {
            for (id, pass, not_before) in kept {
                change.keep_pass(id, pass, not_before)?;
            }
            change.forget_passes_before(today).map(drop)
        })?;
        plan.taken = Some(today);
        Ok(())
    }

    /// What was asked for and not answered, with the key under which it was.
    fn asked(&self, day: Day) -> Result<Option<Asked>, Setback> {
        let broker = self.way.broker.fingerprint;
        let rows = self.office.store().view().passes(&broker, day)?;
        let asked: Vec<_> = rows
            .into_iter()
            .flatten()
            .filter_map(|Kept { id, record }| match record.state {
                PassState::Asked { request, key } => Some((id, request, key)),
                _ => None,
            })
            .collect();
        let Some((_, _, der)) = asked.first() else { return Ok(None) };
        match PassKey::from_spki(broker, day, der) {
            Ok(key) => {
                let requests = asked.into_iter().map(|(id, request, _)| (id, request)).collect();
                Ok(Some(Asked { requests, key }))
            }
            Err(error) => Err(setback(TakeError::Pass(error))),
        }
    }

    /// Makes requests, durable before they are sent.
    async fn ask(&self, today: Day, plan: &mut Plan) -> Result<Asked, Setback> {
        let offer = self.desk(self.passes.offer()).await.map_err(setback)?;
        // The desk's clock has gone over midnight meanwhile, or the broker's.
        if offer.key.day() != today {
            return Err(Setback::Later);
        }
        if offer.count == 0 {
            plan.taken = Some(today);
            return Err(setback(TakeError::None));
        }
        let made = requests(&offer.key, offer.count, &self.way.host).map_err(setback)?;
        let broker = self.way.broker.fingerprint;
        let asked = self.office.store().change(|change| {
            let ask = |request: PassRequest| {
                let id = change.ask_pass(broker, request.clone(), offer.key.spki())?;
                Ok::<_, MailError>((id, request))
            };
            made.into_iter().map(ask).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(Asked { requests: asked, key: offer.key })
    }

    fn forget(&self, asked: &[(PassId, PassRequest)]) -> Result<(), Setback> {
        Ok(self
            .office
            .store()
            .change(|change| asked.iter().try_for_each(|(id, _)| change.forget_pass(*id)))?)
    }

    /// What the desk answers, within some time.
    async fn desk<T>(
        &self,
        answer: impl Future<Output = Result<T, TakeError>>,
    ) -> Result<T, TakeError> {
        tokio::time::timeout(DESK_WITHIN, answer).await.unwrap_or(Err(TakeError::Slow))
    }

    /// Shows a pass in a session, having verified there that it is like everybody's. On what it is spent is durable before;
    /// what was begun with one goes on with it. What the broker remembers it as.
    pub(super) async fn pay(
        &self,
        session: &mut GuestSession<'_>,
        on: Digest,
        hurry: bool,
    ) -> Result<Digest, Setback> {
        for _ in 0..SHOWN {
            let (id, pass) = self.choose(on, hurry)?;
            session.verify_pass(&pass).await?;
            let now = self.time()?;
            self.office.store().change(|change| {
                match change.pass_spent_on(&self.way.broker.fingerprint, pass.day(), &on)? {
                    Some(_) => Ok(()),
                    // Who hurries spends it before it has rested.
                    None if hurry => change.spend_pass(id, on, Time::MAX).map(drop),
                    None => change.spend_pass(id, on, now).map(drop),
                }
            })?;
            match session.show_pass(&pass).await {
                Ok(()) => return Ok(pass.id()),
                // It was shown before a session ended, and bought nothing then; or its day is over.
                Err(GuestError::Undecided(Undecided::PASS_SPENT | Undecided::PASS_DAY)) => {
                    self.office.store().change(|change| change.forget_pass(id))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Setback::Later)
    }

    /// Forgets the pass that was meant for something and bought something else: this program does not know of that, as where
    /// its store is an older copy.
    pub(super) fn forget_spent_on(&self, on: Digest) -> Result<(), Setback> {
        let (broker, day) = (self.way.broker.fingerprint, Day::of(self.time()?));
        self.office.store().change(|change| match change.pass_spent_on(&broker, day, &on)? {
            Some(kept) => change.forget_pass(kept.id),
            None => Ok(()),
        })?;
        Ok(())
    }

    /// The pass that was spent on something, or one that can be.
    fn choose(&self, on: Digest, hurry: bool) -> Result<(PassId, Pass), Setback> {
        let now = self.time()?;
        let (broker, day) = (self.way.broker.fingerprint, Day::of(now));
        let store = self.office.store();
        let view = store.view();
        let found = match view.pass_spent_on(&broker, day, &on)? {
            Some(kept) => Some(kept),
            None if hurry => {
                let rows = view.passes(&broker, day)?;
                let is_held = |record: &PassRecord| matches!(record.state, PassState::Held { .. });
                rows.into_iter().flatten().find(|kept| is_held(&kept.record))
            }
            None => view.usable_pass(&broker, now)?,
        };
        match found {
            Some(Kept {
                id,
                record:
                    PassRecord {
                        state: PassState::Held { pass, .. } | PassState::Spent { pass, .. },
                        ..
                    },
            }) => Ok((id, pass)),
            _ => Err(Setback::Later),
        }
    }
}

fn setback(error: TakeError) -> Setback {
    let (message, advice) = (error.to_string(), error.advice().to_owned());
    match error {
        TakeError::Offline
        | TakeError::Slow
        | TakeError::Busy
        | TakeError::Undecided(Undecided::TSA_DOWN) => Setback::Later,
        TakeError::False(_) | TakeError::Pass(_) => {
            Setback::Alarm { room: None, message, advice, notes: Vec::new() }
        }
        _ => Setback::Trouble { message, advice },
    }
}
