//! What came: each box in a session of its own, read on from where it was read before. What is fetched is kept before it is
//! taken off; `opening` says what it is.

use std::time::Duration;

use pregao_protocol::audit::verify;
use pregao_protocol::letter::Class;
use pregao_protocol::log::Receipt;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::message_box::{Letter as Waiting, kept};
use pregao_protocol::room::{BlobCode, MessageBox, Replay, Stamped};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::label::MAX_TAKEN;
use pregao_protocol::wire::blob::Purpose;

use super::boxes::own_box;
use super::opening::{Arrival, Became};
use super::plan::Plan;
use super::registered::{Fetched, Noted, Wish, require_half};
use super::setback::Setback;
use super::{News, Round};
use crate::post::guest::{GuestError, GuestSession};
use crate::post::own_box::OwnBox;
use crate::post::store::MailError;
use crate::post::store::letters::{
    DepositRecord, LetterRecord, LetterState, RegisteredDeposit, RegisteredState,
};
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord, BoxState, HeadMet, Position};

/// How long it is at least until the box is asked for from which a letter is: the broker does not see the two together.
const ASK_AFTER: Duration = Duration::from_secs(5);
/// Within how many seconds after that.
const ASK_WITHIN: u64 = 40;

/// The broker destroys what has ended by its own newest stamp, which may be as much later than what is known here.
const ENDS_SOON: Duration = Duration::from_secs(60);

/// What a look into a box came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    /// The head that was read.
    pub(super) seen: Seen,
    /// Whether something was decided about after that.
    pub(super) decided: bool,
}

/// Position of the entry that a receipt is for.
pub(super) fn seq_of(receipt: &Receipt) -> Result<u64, Setback> {
    let verified =
        verify::receipt(receipt).map_err(|_| GuestError::False("a receipt does not hold"))?;
    Ok(verified.seq)
}

impl Round {
    /// Looks into a box.
    pub(super) async fn read_box(&self, id: BoxId, plan: &mut Plan) -> Result<(), Setback> {
        let record = self.record(id)?;
        plan.looked(self, id)?;
        if record.state != BoxState::Opened {
            return Ok(());
        }
        let mut session = self.session().await?;
        self.look_into(id, &mut session, plan).await.map(drop)
    }

    /// Whether letters of a box are here and not opened.
    pub(super) fn waits_unopened(&self, id: BoxId, plan: &Plan) -> Result<bool, Setback> {
        let store = self.office.store();
        let view = store.view();
        for letter in plan.unopened.keys() {
            match view.letter(*letter) {
                Ok(record) if record.own_box == id => return Ok(true),
                Ok(_) | Err(MailError::Unknown { .. } | MailError::Row(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Reads a box on, fetches what came, renews its keys, takes off what is here, and accepts and declines what the user
    /// decided about.
    pub(super) async fn look_into(
        &self,
        id: BoxId,
        session: &mut GuestSession<'_>,
        plan: &mut Plan,
    ) -> Result<Looked, Setback> {
        let record = self.record(id)?;
        let own = own_box(&record)?;
        let checkpoint = self.office.store().view().checkpoint(id)?;
        // One that cannot be read any more costs reading from the beginning, and nothing else.
        let before = checkpoint.and_then(|bytes| kept::take_up(&bytes).ok());
        let fold_before = before.as_ref().and_then(Replay::room).and_then(MessageBox::of).cloned();
        let mut noted = Noted::default();
        let read = {
            let mut note = |seq: u64, stamped: &Stamped| noted.note(seq, stamped);
            session.read_noting(&own, before.unwrap_or_default(), &mut note).await
        };
        let replay = read.map_err(|error| unread(error, &record, session.head_shown()))?;
        let lie = || GuestError::False("the box is none any more");
        let room = replay.room().ok_or_else(lie)?;
        let fold = MessageBox::of(room).ok_or_else(lie)?;
        let seen = room.ledger().head();
        let note = session.head_shown().unwrap_or_default().to_owned();
        require_longer(&record, seen, &note)?;
        require_half(&record, fold.awaits_half(), &note)?;
        let now = self.time()?;
        let must_renew = self.note_keys(id, fold, &noted.keys, now)?;
        // First, so that of what was handed over the files are known.
        let left = self.settle(id, &noted, fold_before.as_ref()).await?;
        let fetched = self.fetch(id, &record, session, fold, &noted, plan).await?;
        self.settle_rest(id, &record, &left, now).await?;
        let position = Position {
            // What is missing is asked for again.
            read: fetched.missing.iter().copied().fold(seen.size, u64::min),
            head: Some(HeadMet { size: seen.size, root: seen.root, note }),
        };
        let bytes = kept::keep(room, own.opening().compact());
        self.office.store().change(|change| change.move_on(id, position, bytes.as_deref()))?;
        self.destroy_spent(id, fold, &fetched.missing, seen.size)?;
        if fold.is_closed() {
            return Ok(Looked { seen, decided: false });
        }
        if must_renew && record.state == BoxState::Opened {
            let replaced = self.renew(id, session, &own, seen, now).await?;
            if record.renewed.is_none() {
                // From now on letters can come.
                self.say(News::Boxes).await;
            }
            // Nothing came in between, so all that is sealed to the key before is here: whoever leaves now leaves no secret of it.
            if replaced == seen.size {
                self.destroy_replaced(id, fold, &fetched.missing, replaced)?;
            }
        }
        let told = self.tells_of(&record)?;
        for letters in fetched.take.chunks(MAX_TAKEN) {
            session.take_off(&own, seen, letters.to_vec(), told).await?;
        }
        let decided = !fetched.wishes.is_empty();
        for wish in fetched.wishes {
            self.decide(session, &own, seen, wish).await?;
        }
        if decided {
            // What was handed over with it is read at once.
            plan.looks.remove(&id);
        }
        // Said last: one letter that is not given keeps nothing else from being done.
        fetched.trouble.map_or(Ok(Looked { seen, decided }), Err)
    }

    /// Whether those who write to a box hear that their letters were taken off: the contact who alone was given it, if the
    /// user lets them. In a box for everybody it would show the broker which letters are whose.
    fn tells_of(&self, record: &BoxRecord) -> Result<bool, Setback> {
        let BoxPurpose::Contact(contact) = record.purpose else { return Ok(false) };
        match self.office.store().view().contact(contact) {
            Ok(contact) => Ok(contact.tell_taken && !contact.is_blocked()),
            Err(MailError::Unknown { .. } | MailError::Row(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches and keeps all letters that wait; which of them can be taken off, and which are decided about.
    async fn fetch(
        &self,
        id: BoxId,
        record: &BoxRecord,
        session: &mut GuestSession<'_>,
        fold: &MessageBox,
        noted: &Noted,
        plan: &mut Plan,
    ) -> Result<Fetched, Setback> {
        let Fetched { mut take, mut wishes, mut missing, mut trouble } = Fetched::default();
        for (seq, waiting) in fold.waiting() {
            let now = self.time()?;
            // V-336: it is taken off once it was decided about.
            let undecided = fold.undecided(seq).is_some();
            let end = waiting.expires.or(fold.undecided(seq).map(|letter| letter.until));
            // By its place alone: the same bytes may lie in another of the user's boxes, and then must be fetched there, too.
            let known = self.office.store().view().letter_at(id, seq)?;
            if let Some(known) = known {
                if undecided {
                    wishes.extend(self.wish(fold, seq, &known)?);
                } else if !ends(end, now) && self.can_go(waiting, &known.record)? {
                    take.push(seq);
                }
                continue;
            }
            if seq < record.position.read {
                // A receipt, or a letter that the user deleted: everything else that stood there is here.
                wishes.extend(undecided.then(|| Wish::declined(seq, None)));
                take.extend(Some(seq).filter(|_| !undecided && !ends(end, now)));
                continue;
            }
            if waiting.expires.is_some_and(|end| end <= now) {
                continue;
            }
            let deposit = deposit_of(seq, waiting, noted.stamps.get(&seq).copied());
            let envelope = match session.get_blob(Purpose::Envelope, waiting.envelope).await {
                Ok(envelope) => envelope,
                // It ended while it was asked for: nobody has lost it.
                Err(GuestError::Blob(BlobCode::Unknown)) if ends(end, self.time()?) => continue,
                Err(GuestError::Blob(BlobCode::Unknown)) => {
                    let lost = Arrival { own_box: id, seq, deposit, envelope: Vec::new() };
                    self.lost(lost, record, session.head_shown()).await?;
                    continue;
                }
                Err(error @ GuestError::Blob(_)) => {
                    missing.push(seq);
                    trouble = Some(Setback::from(error).about(record.name));
                    continue;
                }
                Err(error) => return Err(Setback::from(error).about(record.name)),
            };
            let arrival = Arrival { own_box: id, seq, deposit, envelope };
            let became = self.receive(&arrival, record, now)?;
            // What is attached is fetched when the user wants it: until then it stays there.
            let is_here = waiting.attachments.is_empty()
                || matches!(became, Became::Receipt(_) | Became::Known);
            if is_here && !undecided {
                take.push(seq);
            }
            self.tell(became, plan).await?;
        }
        Ok(Fetched { take, wishes, missing, trouble })
    }

    async fn tell(&self, became: Became, plan: &mut Plan) -> Result<(), Setback> {
        match became {
            Became::Letter(number, true) | Became::Receipt(number) => {
                self.say(News::Letter(number)).await;
            }
            Became::Letter(_, false) | Became::Known => {}
            Became::Unopened(number) => {
                let after = if plan.hurry {
                    Duration::ZERO
                } else {
                    ASK_AFTER.saturating_add(Duration::from_secs(self.random_below(ASK_WITHIN)?))
                };
                plan.unopened.insert(number, self.time()?.plus(after));
            }
        }
        Ok(())
    }

    /// Whether what waits, and is here, can be taken off.
    fn can_go(&self, waiting: &Waiting, record: &LetterRecord) -> Result<bool, Setback> {
        if waiting.attachments.is_empty() {
            return Ok(true);
        }
        let blocked = match record.contact {
            Some(contact) => self.office.store().view().contact(contact)?.is_blocked(),
            None => false,
        };
        Ok(match record.state {
            // Of one that was handed over it is not known yet what is beside it.
            _ if record.registered.is_some_and(RegisteredState::is_open) => false,
            LetterState::Arrived => false,
            LetterState::Unreadable { .. } => true,
            _ => blocked || record.attachments.iter().all(|file| file.saved.is_some()),
        })
    }

    /// A letter that stands in the log, and that the broker has not.
    async fn lost(
        &self,
        arrival: Arrival,
        record: &BoxRecord,
        shown: Option<&str>,
    ) -> Result<(), Setback> {
        let now = self.time()?;
        let cause = "the log of the box names it, and its broker does not have it";
        let number = self.office.store().change(|change| {
            let number = change.keep_arrived(
                arrival.own_box,
                arrival.deposit.clone(),
                &arrival.envelope,
                now,
            )?;
            change.keep_unreadable(number, cause)?;
            Ok::<_, MailError>(number)
        })?;
        self.say(News::Letter(number)).await;
        self.say(News::Alarm {
            room: Some(record.name),
            message: format!(
                "letter {number} stands in the log of your box and is not given to you"
            ),
            advice: "ask whoever may have written to write again; do not rely on this broker"
                .to_owned(),
            // The head over the log that names it.
            notes: shown.into_iter().map(str::to_owned).collect(),
        })
        .await;
        Ok(())
    }
}

/// Whether what waits by the log, until then, has ended by the broker's time, or will before long. It is then neither missed
/// nor taken off: what waits no more cannot be.
fn ends(end: Option<Time>, now: Time) -> bool {
    end.is_some_and(|end| end <= now.plus(ENDS_SOON))
}

/// What is said where a box is not shown as it was.
pub(super) fn unread(error: GuestError, record: &BoxRecord, shown: Option<&str>) -> Setback {
    let notes = record.position.head.iter().map(|head| head.note.clone());
    let notes = notes.chain(shown.map(str::to_owned));
    let setback = match error {
        GuestError::NotShown { code } if code == "room.shorter" || code == "room.unknown" => {
            Setback::Alarm {
                room: None,
                message: format!("the broker has lost letters of your box, or hides them ({code})"),
                advice: "open another box, at another broker, and tell your contacts; the signed head shows what \
                         was there"
                    .to_owned(),
                notes: Vec::new(),
            }
        }
        error => error.into(),
    };
    setback.about(record.name).shown_by(notes)
}

/// No head that was met is forgotten, though the log was read from its beginning.
pub(super) fn require_longer(record: &BoxRecord, seen: Seen, note: &str) -> Result<(), Setback> {
    let Some(met) = &record.position.head else { return Ok(()) };
    let goes_on = seen.size > met.size || (seen.size == met.size && seen.root == met.root);
    if goes_on {
        return Ok(());
    }
    let lie = GuestError::False("the log of your box is shorter, or another, than it was");
    Err(Setback::from(lie).about(record.name).shown_by([met.note.clone(), note.to_owned()]))
}

pub(super) fn deposit_of(seq: u64, waiting: &Waiting, stamped: Option<Time>) -> DepositRecord {
    let class = Class::of_envelope(waiting.envelope.size.size()).unwrap_or(Class::Large);
    DepositRecord {
        envelope: waiting.envelope.digest,
        class,
        signed: waiting.signed,
        once: waiting.once,
        seq: Some(seq),
        stamped,
        expires: waiting.expires,
        registered: waiting.registered.as_ref().map(|registered| RegisteredDeposit {
            commitment: registered.commitment,
            until: Some(registered.until),
            bytes: waiting.bytes,
            files: u32::try_from(waiting.attachments.len()).unwrap_or(u32::MAX),
        }),
    }
}

/// What letters that wait have attached, for whoever wants their files.
pub(super) async fn attached(
    round: &Round,
    session: &mut GuestSession<'_>,
    id: BoxId,
    own: &OwnBox,
) -> Result<MessageBox, Setback> {
    let checkpoint = round.office.store().view().checkpoint(id)?;
    let before = checkpoint.and_then(|bytes| kept::take_up(&bytes).ok());
    let replay = session.read_on(own, before.unwrap_or_default()).await?;
    let fold = replay.room().and_then(MessageBox::of).cloned();
    Ok(fold.ok_or(GuestError::False("the box is none any more"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_protocol::log::RoomName;
    use pregao_protocol::trust::key::Fingerprint;
    use pregao_protocol::value::codec::Digest;

    fn read_to(size: u64, root: u8) -> BoxRecord {
        let head =
            HeadMet { size, root: Digest([root; 32]), note: "the head that was met".to_owned() };
        BoxRecord {
            name: RoomName([3; 32]),
            broker: "ws://broker:1/#00".to_owned().try_into().unwrap(),
            fingerprint: Fingerprint([7; 32]),
            secrets: None,
            opening: String::new(),
            stamp: None,
            receipt: None,
            state: BoxState::Opened,
            purpose: BoxPurpose::Spare,
            position: Position { read: size, head: Some(head) },
            renewed: None,
        }
    }

    fn is_alarm(setback: Setback, shown: &[&str]) -> bool {
        let Some(News::Alarm { room, notes, .. }) = setback.news() else { return false };
        room == Some(RoomName([3; 32])) && notes == shown
    }

    #[test]
    fn a_log_that_is_shorter_or_another_than_it_was_is_an_alarm_shown_by_both_heads() {
        let record = read_to(5, 1);
        let seen = |size, root| Seen { size, root: Digest([root; 32]) };
        for goes_on in [seen(5, 1), seen(6, 1), seen(6, 2)] {
            assert!(require_longer(&record, goes_on, "now").is_ok());
        }
        for lie in [seen(4, 1), seen(5, 2), seen(1, 1)] {
            let alarm = require_longer(&record, lie, "now").unwrap_err();
            assert!(is_alarm(alarm, &["the head that was met", "now"]), "{lie:?}");
        }
        // Of one that was never read there is nothing to compare.
        let new = BoxRecord { position: Position::default(), ..record };
        assert!(require_longer(&new, seen(1, 9), "now").is_ok());
    }

    #[test]
    fn a_log_that_ends_between_a_signature_and_its_half_is_an_alarm() {
        let record = read_to(5, 1);
        assert!(require_half(&record, None, "now").is_ok());
        for letter in [0, 7] {
            let alarm = require_half(&record, Some(letter), "now").unwrap_err();
            assert!(is_alarm(alarm, &["now"]));
        }
    }

    #[test]
    fn what_ends_within_a_minute_is_neither_missed_nor_taken_off() {
        let at = |seconds: u64| Time::from_micros(seconds * 1_000_000).unwrap();
        for (end, is_over) in [
            (None, false),
            (Some(at(900)), true),
            (Some(at(1_000)), true),
            (Some(at(1_060)), true),
            (Some(at(1_061)), false),
        ] {
            assert_eq!(ends(end, at(1_000)), is_over, "{end:?}");
        }
    }

    #[test]
    fn a_broker_that_hides_a_log_or_lies_about_it_is_told_from_one_that_is_away() {
        let record = read_to(5, 1);
        let hidden = |code: &str| GuestError::NotShown { code: code.to_owned() };
        for lie in [hidden("room.shorter"), hidden("room.unknown"), GuestError::False("a log")] {
            assert!(is_alarm(
                unread(lie, &record, Some("said")),
                &["the head that was met", "said"]
            ));
        }
        assert!(matches!(unread(GuestError::Slow, &record, None), Setback::Later));
        assert!(matches!(unread(hidden("door.rate"), &record, None), Setback::Trouble { .. }));
    }
}
