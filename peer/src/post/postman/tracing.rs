//! Where a received letter comes from and what became of it, for others to check (SPEC 8.3). What is kept of a log from one
//! reading to the next has no entries in it, so it is read from the beginning when somebody wants to show it.

use pregao_protocol::audit::letter::Telling;
use pregao_protocol::letter::Mode;
use pregao_protocol::room::{Replay, Stamped};

use super::Round;
use super::boxes::own_box;
use super::errands::{NotDone, Undone};
use super::reading::{require_longer, unread};
use super::setback::Setback;
use crate::post::guest::GuestError;
use crate::post::store::letters::{Direction, LetterNumber};
use crate::post::store::own_boxes::BoxRecord;

impl Round {
    /// Reads the log of the box that a letter came to, and keeps what it says of that letter.
    pub(super) async fn trace(&self, number: LetterNumber) -> Result<(), Undone> {
        let (record, known) = {
            let store = self.office.store();
            let view = store.view();
            (view.letter(number)?, view.sender_opening(number)?)
        };
        let deposit = record.deposit.as_ref().and_then(|deposit| deposit.seq);
        let (Direction::Received, Some(seq)) = (record.direction, deposit) else {
            let message = "the letter is not in a box of yours";
            let advice = "/status shows how it stands";
            return Err(NotDone::new("mail.not-this", message, advice).into());
        };
        let row = self.office.store().view().own_box(record.own_box)?;
        let (telling, head) = self.log_of(&row, seq).await?;
        let traced = telling.finish(&row.opening, &head).ok_or_else(|| {
            let lie = GuestError::False("the log of your box has nothing where the letter was");
            unread(lie, &row, Some(&head))
        })?;
        let (receipt, timeline) = traced;
        self.office
            .store()
            .change(|change| change.keep_traced(number, &receipt, timeline.as_ref()))?;
        // Nobody else is convinced by a letter that is deniable or does not open, whoever opened its author's box.
        let author = record.other.filter(|_| record.mode == Some(Mode::Evidence));
        let Some(author) = author.filter(|_| known.is_none()) else { return Ok(()) };
        // In a session of its own: in one the broker would see who writes to whom.
        let found = self.session().await?.opening(author.name).await?;
        let opening = found.compact();
        Ok(self.office.store().change(|change| change.keep_origin(number, opening, &receipt))?)
    }

    /// The log of one's own box from its beginning, for what it says of the deposit at a position, and the head over it.
    async fn log_of(&self, row: &BoxRecord, seq: u64) -> Result<(Telling, String), Setback> {
        let own = own_box(row)?;
        let mut telling = Telling::of(seq);
        let mut session = self.session().await?;
        let mut note = |_: u64, stamped: &Stamped| telling.note(stamped);
        let read = session.read_noting(&own, Replay::new(), &mut note).await;
        let replay = read.map_err(|error| unread(error, row, session.head_shown()))?;
        let head = session.head_shown().unwrap_or_default().to_owned();
        let room = replay.room().ok_or(GuestError::False("the box is none any more"))?;
        require_longer(row, room.ledger().head(), &head)?;
        let met = row.position.head.as_ref();
        if met.is_some_and(|met| telling.root_at(met.size) != Some(met.root)) {
            let lie = GuestError::False("the log of the box is another than it was");
            return Err(unread(lie, row, Some(&head)));
        }
        Ok((telling, head))
    }
}
