//! What became of letters that were left: asked of their broker seldom, about one in each session, and verified (SPEC 9.5).

use std::time::Duration;

use pregao_protocol::audit::told::{self, Answer, Before, VerifiedTold};
use pregao_protocol::log::{Receipt, TimelineEntry};
use pregao_protocol::room::Undecided;
use pregao_protocol::trust::key::{DepositKey, SecretKey};
use pregao_protocol::value::clock::Time;

use super::setback::Setback;
use super::{News, Round};
use crate::post::guest::GuestError;
use crate::post::store::MailError;
use crate::post::store::letters::LetterNumber;
use crate::post::store::questions::{Met, QuestionId, QuestionRecord};
use crate::text::sanitize::with_causes;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// How long it is before it is asked, each time after the time before: each session more is a time more at which the
/// broker sees who may have written.
const PAUSES: [u64; 5] = [HOUR, DAY, 3 * DAY, 4 * DAY, 8 * DAY];

/// How long it is to the next question, in seconds, and within how many more; none: it is asked no more.
fn pause(answered: u32) -> Option<(u64, u64)> {
    let at = usize::try_from(answered).ok()?;
    let pause = *PAUSES.get(at)?;
    // The first one is as uncertain as the hour of the deposit is known.
    let within = if at == 0 { 2 * HOUR } else { pause / 4 };
    Some((pause, within))
}

impl Round {
    /// When it is asked first what became of a letter that was deposited.
    pub(super) fn first_question(&self, deposited: Time) -> Result<Time, Setback> {
        Ok(self.next_question(0, deposited)?.unwrap_or(deposited))
    }

    /// When it is asked again after `answered` questions, the last one at `now`.
    fn next_question(&self, answered: u32, now: Time) -> Result<Option<Time>, Setback> {
        let Some((pause, within)) = pause(answered) else { return Ok(None) };
        let more = self.random_below(within.saturating_add(1))?;
        Ok(Some(now.plus(Duration::from_secs(pause)).plus(Duration::from_secs(more))))
    }

    /// Asks because the user wants to know.
    pub(super) async fn inquire_now(&self, letter: LetterNumber) -> Result<(), Setback> {
        let found = self.office.store().view().question_of(letter)?;
        match found {
            Some(kept) => self.inquire(kept.id).await,
            // What was told last was the last, or the letter was not left.
            None => Ok(()),
        }
    }

    /// Asks what became of a letter, verifies what is told, and keeps it.
    pub(super) async fn inquire(&self, id: QuestionId) -> Result<(), Setback> {
        let (record, receipt, known) = {
            let store = self.office.store();
            let view = store.view();
            let record = match view.question(id) {
                // It was answered, or the letter was deleted.
                Err(MailError::Unknown { .. }) => return Ok(()),
                record => record?,
            };
            let receipt = view.broker_receipt(record.letter)?;
            let known = view.timeline(record.letter)?;
            let known = known.map_or_else(Vec::new, |timeline| timeline.entries);
            (record, receipt, known)
        };
        let Some(receipt) = receipt else {
            // Nothing can be verified without it.
            return Ok(self.office.store().change(|change| change.ask_next(id, None))?);
        };
        let mut session = self.session().await?;
        let key = SecretKey::<DepositKey>::from_seed(record.key.expose());
        let asked = session.about_deposit(record.room, record.seq, record.size, &key).await;
        let now = self.time()?;
        let next = self.next_question(record.answered.saturating_add(1), now)?;
        let judged = match asked {
            Ok(told) => judge(&record, &receipt, &known, &told).map(|verified| (told, verified)),
            Err(GuestError::Undecided(Undecided::ROOM_UNKNOWN)) => Err(denied(&record, &receipt)),
            Err(error) => return Err(error.into()),
        };
        let (told, verified) = match judged {
            Ok(judged) => judged,
            Err(lie) => {
                // Said now, and not all day long.
                self.office.store().change(|change| change.ask_next(id, next))?;
                return Err(lie);
            }
        };
        let met = Met { head: told.head, size: verified.size };
        let changed = self
            .office
            .store()
            .change(|change| change.keep_told(id, met, &verified, (now, next)))?;
        if changed {
            self.say(News::Letter(record.letter)).await;
        }
        Ok(())
    }
}

/// Verifies what was told, against all that was told before.
fn judge(
    record: &QuestionRecord,
    receipt: &Receipt,
    known: &[TimelineEntry],
    answer: &Answer,
) -> Result<VerifiedTold, Setback> {
    let before = Before { head: &record.head, told: record.last.map(|_| known) };
    told::told(receipt, before, answer).map_err(|error| lie(record, answer, &with_causes(&error)))
}

/// What a question is about, in words.
fn asked_about(record: &QuestionRecord) -> String {
    if record.is_blank() {
        return "what you left in a box".to_owned();
    }
    format!("letter {}", record.letter)
}

/// What shows a lie: the head that was met, the one that was shown, and each entry.
fn lie(record: &QuestionRecord, answer: &Answer, cause: &str) -> Setback {
    let entries = answer.entries.iter().filter_map(|entry| serde_json::to_string(entry).ok());
    let heads = [record.head.clone(), answer.head.clone()];
    Setback::Alarm {
        room: Some(record.room),
        message: format!(
            "what the broker tells of {} is false: {cause}",
            asked_about(record)
        ),
        advice: "keep what is shown beside it; write again by another broker, and do not rely on this one".to_owned(),
        notes: heads.into_iter().chain(entries).collect(),
    }
}

/// A deposit for which there is a receipt is not to be found.
fn denied(record: &QuestionRecord, receipt: &Receipt) -> Setback {
    Setback::Alarm {
        room: Some(record.room),
        message: format!(
            "the broker does not know {} any more, for which it gave a receipt",
            asked_about(record)
        ),
        advice: "keep the receipt, which shows that it had it; write again by another broker"
            .to_owned(),
        notes: vec![receipt.encode()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v356_a_sender_asks_seldom_at_random_times_and_stops() {
        let all: Vec<_> = (0..9).map_while(pause).collect();
        let days = |days: u64| days * 86_400;
        assert_eq!(
            all,
            [
                (3_600, 7_200),
                (days(1), 21_600),
                (days(3), 64_800),
                (days(4), days(1)),
                (days(8), days(2)),
            ]
        );
        assert_eq!((pause(5), pause(u32::MAX)), (None, None));
        // What lapses after fifteen days is heard of by the last.
        let least: u64 = all.iter().map(|(pause, _)| pause).sum();
        assert!(least > days(15));
    }
}
