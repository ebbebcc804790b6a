//! Registered letters that came: what the user decided about is handed in, and what the log says became of one is kept
//! (SPEC 8.5). The log alone says it: of a word whose answer was lost the next look into the box finds what became of it.

use std::collections::BTreeMap;
use std::time::Duration;

use pregao_protocol::letter::Class;
use pregao_protocol::room::action::Seen;
use pregao_protocol::room::body::{Body, Deposit, Keys};
use pregao_protocol::room::{Code, MessageBox, Stamped};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::label;

use super::reading::deposit_of;
use super::setback::Setback;
use super::{News, Round};
use crate::post::guest::{GuestError, GuestSession};
use crate::post::letters::PostError;
use crate::post::own_box::OwnBox;
use crate::post::store::letters::{
    DepositRecord, Fate, LetterNumber, LetterRecord, LetterState, PAGE, RegisteredDeposit,
    RegisteredState, Selection,
};
use crate::post::store::own_boxes::{BoxId, BoxRecord};
use crate::post::store::{Change, Kept};

/// What the user has decided about a letter that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// None of one that the user has deleted.
    number: Option<LetterNumber>,
    seq: u64,
    accepts: bool,
    /// Nobody has said so: it cannot be accepted, and takes room.
    by_itself: bool,
}

impl Wish {
    /// To be rid of the letter at a position.
    pub(super) const fn declined(seq: u64, number: Option<LetterNumber>) -> Self {
        Self { number, seq, accepts: false, by_itself: number.is_some() }
    }
}

/// Of so many looks into a box one declines a letter there that cannot be opened: after some four hours of being there, at a
/// time that does not show when the program began. Whoever left it may hear of that.
const DECLINE_ONE_IN: u64 = 256;

/// What is to be done after the letters were fetched that wait.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// What can be taken off.
    pub(super) take: Vec<u64>,
    /// What was decided about.
    pub(super) wishes: Vec<Wish>,
    /// What stands there and was not given, and why the last of it was not.
    pub(super) missing: Vec<u64>,
    pub(super) trouble: Option<Setback>,
}

/// What became of a letter, and when.
#[derive(Debug, Clone)]
struct Settled {
    seq: u64,
    fate: Fate,
    at: Time,
}

/// What is new in the log of a box, beside what waits.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// When letters came.
    pub(super) stamps: BTreeMap<u64, Time>,
    /// Those of them that are registered.
    deposits: BTreeMap<u64, Deposit>,
    /// What each entry publishes that has keys, and when.
    pub(super) keys: Vec<(u64, Time, Keys)>,
    settled: Vec<Settled>,
    accepted: Option<Time>,
    closed: Option<Time>,
}

impl Noted {
    /// Notes an entry, verified and in its place.
    pub(super) fn note(&mut self, seq: u64, stamped: &Stamped) {
        let at = stamped.time();
        let mut settled = |seq, fate, at| self.settled.push(Settled { seq, fate, at });
        match stamped.action().body() {
            Body::Deposit(deposit) => {
                self.stamps.insert(seq, at);
                if deposit.registered.is_some() {
                    self.deposits.insert(seq, deposit.clone());
                }
            }
            Body::Keys(keys) => self.keys.push((seq, at, keys.clone())),
            Body::Accepted(_) => self.accepted = Some(at),
            // The one that was accepted right before (V-333): the reader's own stamp counts.
            Body::Handed(handed) => settled(
                handed.letter,
                Fate::Handed(handed.half.clone()),
                self.accepted.unwrap_or(at),
            ),
            Body::Declined(one) => settled(one.letter, Fate::Declined, at),
            Body::Lapsed(one) => settled(one.letter, Fate::Lapsed, at),
            Body::BoxClosed(_) => self.closed = Some(at),
            _ => {}
        }
    }
}

/// What became of a letter that is not here, and never came.
#[derive(Debug)]
pub(super) struct Missed {
    settled: Settled,
    deposit: DepositRecord,
}

/// The user's word about the undecided letter at a position, if there is one.
fn wish_for(seq: u64, known: &Kept<LetterNumber, LetterRecord>) -> Option<Wish> {
    let Kept { id: number, record } = known;
    let accepts = match record.registered? {
        RegisteredState::Accepting => true,
        RegisteredState::Declining => false,
        _ => return None,
    };
    Some(Wish { number: Some(*number), seq, accepts, by_itself: false })
}

/// Whether half of what a box takes waits there.
pub(super) fn is_tight(fold: &MessageBox) -> bool {
    let letters = u64::from(fold.opening().letters);
    let waiting = fold.waiting().count() as u64;
    waiting.saturating_mul(2) >= letters || fold.bytes().saturating_mul(2) >= fold.opening().bytes
}

/// No log is shown that ends between a letter that was accepted and its half (V-333); `awaits` is the letter of which the
/// half is awaited, at the end of the log.
pub(super) fn require_half(
    record: &BoxRecord,
    awaits: Option<u64>,
    note: &str,
) -> Result<(), Setback> {
    if awaits.is_none() {
        return Ok(());
    }
    let lie = GuestError::False(
        "the log of your box ends between your signature and the half of the key",
    );
    Err(Setback::from(lie).about(record.name).shown_by([note.to_owned()]))
}

impl Round {
    /// Hands in what the user decided. The next look finds what became of it, whatever becomes of the answer.
    pub(super) async fn decide(
        &self,
        session: &mut GuestSession<'_>,
        own: &OwnBox,
        seen: Seen,
        wish: Wish,
    ) -> Result<(), Setback> {
        let Wish { number, seq, accepts, by_itself } = wish;
        match (session.decide(own, seen, seq, accepts).await, number) {
            (Ok(receipt), Some(number)) if accepts => {
                self.office.store().change(|change| change.keep_accepted(number, &receipt))?;
                Ok(())
            }
            (Ok(_), Some(number)) if by_itself => {
                let note =
                    format!("letter {number} was declined: it takes room, and cannot be accepted");
                self.say(News::Note(note)).await;
                Ok(())
            }
            (Ok(_), _) => Ok(()),
            (Err(PostError::Guest(GuestError::Refused { code, .. })), number)
                if matches!(code, Code::RegisteredLetter | Code::RegisteredLate) =>
            {
                // It lapsed meanwhile: nobody waits to hear that.
                let Some(number) = number.filter(|_| !by_itself) else { return Ok(()) };
                self.office.store().change(|change| change.drop_wish(number))?;
                self.say(News::Letter(number)).await;
                let done = if accepts { "accepted" } else { "declined" };
                self.say(News::Trouble {
                    message: format!("letter {number} was not {done}: {} ({code})", code.message()),
                    advice: code.advice().to_owned(),
                })
                .await;
                Ok(())
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// What is to be done about an undecided letter that is here: what the user has decided; and one that nobody can accept
    /// is declined, for until then it takes room that others need: at once if there is little, else at some time.
    pub(super) fn wish(
        &self,
        fold: &MessageBox,
        seq: u64,
        known: &Kept<LetterNumber, LetterRecord>,
    ) -> Result<Option<Wish>, Setback> {
        let decided = wish_for(seq, known);
        let Kept { id: number, record } = known;
        if decided.is_some() || record.registered != Some(RegisteredState::Undecided) {
            return Ok(decided);
        }
        let (blocked, was_given) = {
            let store = self.office.store();
            let view = store.view();
            let blocked = match record.contact {
                Some(contact) => view.contact(contact)?.is_blocked(),
                None => false,
            };
            // Of one that the broker has not given nobody knows what it is.
            (blocked, view.envelope(*number)?.is_some_and(|envelope| !envelope.is_empty()))
        };
        let is_junk = matches!(record.state, LetterState::Unreadable { .. }) && was_given;
        let declines = if is_tight(fold) {
            is_junk || blocked
        } else {
            is_junk && self.random_below(DECLINE_ONE_IN)? == 0
        };
        Ok(declines.then(|| Wish::declined(seq, Some(*number))))
    }

    /// Keeps what the log says became of registered letters that are here; those that are not are answered.
    pub(super) async fn settle(
        &self,
        id: BoxId,
        noted: &Noted,
        before: Option<&MessageBox>,
    ) -> Result<Vec<Missed>, Setback> {
        let mut missed = Vec::new();
        for settled in &noted.settled {
            let stamped = noted.stamps.get(&settled.seq).copied();
            let deposit = match noted.deposits.get(&settled.seq) {
                Some(deposit) => Some(deposit_noted(settled.seq, deposit, stamped)),
                None => before
                    .and_then(|fold| fold.letter(settled.seq))
                    .map(|waiting| deposit_of(settled.seq, waiting, stamped)),
            };
            let Some(deposit) = deposit else { continue };
            if !self.settle_one(id, settled).await? {
                missed.push(Missed { settled: settled.clone(), deposit });
            }
        }
        if let Some(at) = noted.closed {
            self.decline_open(id, at).await?;
        }
        Ok(missed)
    }

    /// Whether the letter is here; then it is kept what became of it.
    async fn settle_one(&self, id: BoxId, settled: &Settled) -> Result<bool, Setback> {
        let known = self.office.store().view().letter_at(id, settled.seq)?;
        let Some(Kept { id: number, record }) = known else { return Ok(false) };
        if record.registered.is_none() {
            return Ok(true);
        }
        let (fate, at) = (&settled.fate, settled.at);
        if self.office.store().change(|change| change.keep_fate(number, fate, at))? {
            self.say(News::Letter(number)).await;
        }
        Ok(true)
    }

    /// As [`Round::settle`] for what was not there then: what came meanwhile, and what will never come, which is shown with
    /// its cause.
    pub(super) async fn settle_rest(
        &self,
        id: BoxId,
        record: &BoxRecord,
        missed: &[Missed],
        now: Time,
    ) -> Result<(), Setback> {
        for Missed { settled, deposit } in missed {
            if self.settle_one(id, settled).await? || settled.seq < record.position.read {
                continue;
            }
            let (fate, at) = (&settled.fate, settled.at);
            let keep = |change: &mut Change<'_>| change.keep_missed(id, deposit, fate, at, now);
            let number = self.office.store().change(keep)?;
            self.say(News::Letter(number)).await;
        }
        Ok(())
    }

    /// With its box all is declined that was not decided about.
    pub(super) async fn decline_open(&self, id: BoxId, at: Time) -> Result<(), Setback> {
        let mut before = None;
        loop {
            let page = {
                let store = self.office.store();
                store.view().letters(Selection::Unread, before, PAGE)?
            };
            for Kept { id: number, record } in page.letters.into_iter().flatten() {
                let is_open = record.registered.is_some_and(RegisteredState::is_open);
                if record.own_box == id && is_open {
                    let keep =
                        |change: &mut Change<'_>| change.keep_fate(number, &Fate::Declined, at);
                    self.office.store().change(keep)?;
                    self.say(News::Letter(number)).await;
                }
            }
            before = page.before;
            if before.is_none() {
                return Ok(());
            }
        }
    }
}

/// Where a registered letter stands that waits no more.
fn deposit_noted(seq: u64, deposit: &Deposit, stamped: Option<Time>) -> DepositRecord {
    let sizes = deposit.attachments.iter().map(|blob| blob.size.size());
    let lasts = Duration::from_secs(label::REGISTERED_FOR);
    DepositRecord {
        envelope: deposit.envelope.digest,
        class: Class::of_envelope(deposit.envelope.size.size()).unwrap_or(Class::Large),
        signed: deposit.signed,
        once: deposit.once,
        seq: Some(seq),
        stamped,
        expires: deposit.expires,
        registered: deposit.registered.as_ref().map(|registered| RegisteredDeposit {
            commitment: registered.commitment,
            until: stamped.map(|at| at.plus(lasts)),
            bytes: sizes.fold(deposit.envelope.size.size(), u64::saturating_add),
            files: u32::try_from(deposit.attachments.len()).unwrap_or(u32::MAX),
        }),
    }
}
