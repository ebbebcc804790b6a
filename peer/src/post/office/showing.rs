//! Letters as third parties can check them (SPEC 8.3): made from what the store keeps, and judged before it is given out.

use std::path::Path;

use pregao_protocol::audit::letter::{
    ByHash, ByReader, BySender, NotShown, OnceShown, ShownDeposit, ShownLetter, ShownReceipt, Way,
};
use pregao_protocol::audit::verify;
use pregao_protocol::letter::{Content, Mode, Place, Proof, show};
use pregao_protocol::log::Receipt;

use super::views::letter_number;
use super::{Office, OfficeError};
use crate::post::store::View;
use crate::post::store::letters::{
    DepositRecord, Direction, LetterNumber, LetterRecord, LetterState, SentEvidence,
};
use crate::post::store::maildir::Exported;

/// How much of a letter is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowAs {
    /// All that it says.
    Whole,
    /// That it was written, and not what it says.
    Hash,
}

/// A letter that can be shown.
#[derive(Debug, Clone)]
pub struct Showing {
    /// The letter; it holds.
    pub letter: ShownLetter,
    /// Why the read receipt for it is not shown with it, if there is one.
    pub left_out: Option<NotShown>,
    /// Why what became of it is not shown with it, if that is known.
    pub untold: Option<NotShown>,
}

/// What the log alone shows of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogAlone {
    /// That it was left, and what became of it.
    Told(ShownDeposit),
    /// That it was left.
    Left(Receipt),
}

/// A letter of which the log alone is shown.
#[derive(Debug, Clone)]
pub struct LogShown {
    /// What is shown; it holds.
    pub log: LogAlone,
    /// Why the letter itself is not.
    pub why: &'static str,
    /// Why what became of it is not shown with it, if that is known.
    pub untold: Option<NotShown>,
}

impl LogAlone {
    /// The file, one line without the line break.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Told(shown) => shown.encode(),
            Self::Left(receipt) => receipt.encode(),
        }
    }

    /// The receipt of the deposit.
    #[must_use]
    pub const fn deposit(&self) -> &Receipt {
        match self {
            Self::Told(shown) => &shown.deposit,
            Self::Left(receipt) => receipt,
        }
    }
}

/// What is kept of a letter that is evidence.
struct Evident<'a> {
    view: View<'a>,
    number: LetterNumber,
    record: &'a LetterRecord,
    deposit: &'a DepositRecord,
    bytes: String,
    content: Content,
    proof: Proof,
}

impl Office {
    /// A letter as anybody can check it, with the read receipt for it if that is kept. Judged as `pregao verify` judges it.
    ///
    /// # Errors
    /// [`OfficeError::NotThis`] for one that shows nothing to others: deniable, not opened, not sent, or not kept for it;
    /// [`OfficeError::NotShown`] if what is kept does not hold; [`OfficeError::Mail`].
    pub fn show(&self, number: u64, how: ShowAs) -> Result<Showing, OfficeError> {
        let number = letter_number(number)?;
        let store = self.store();
        let view = store.view();
        let record = view.letter(number)?;
        let evident = Evident::of(view, number, &record)?;
        let (sender, deposit) = (evident.sender()?, evident.deposited()?);
        let shown = match how {
            ShowAs::Whole => evident.whole()?,
            ShowAs::Hash => evident.hash()?,
        };
        let read = evident.read()?;
        let timeline = view.timeline(number)?;
        judged(ShownLetter { sender, deposit, shown, read, timeline })
    }

    /// Which letter it is, if it came and is in a box of one's own, and something of it can be shown: what became of it can
    /// be looked up there.
    ///
    /// # Errors
    /// [`OfficeError::NotThis`], [`OfficeError::Mail`].
    pub fn is_received(&self, number: u64) -> Result<Option<LetterNumber>, OfficeError> {
        let number = letter_number(number)?;
        let record = self.store().view().letter(number)?;
        // What is evidence and not read is not shown, so nobody is asked about it.
        let is_shown =
            matches!(record.state, LetterState::Read { .. }) || unproven(&record).is_some();
        let is_there = is_shown && record.deposit.is_some_and(|deposit| deposit.seq.is_some());
        Ok((record.direction == Direction::Received && is_there).then_some(number))
    }

    /// What the log of the reader's box says of a letter that nobody else can be shown: that it was left, and what became
    /// of it as far as that is known, and nothing of who wrote it or what.
    ///
    /// # Errors
    /// [`OfficeError::NotThis`] for one that can be shown itself or never left, or of whose deposit nothing is known here;
    /// [`OfficeError::NotShown`] if what is kept does not hold; [`OfficeError::Mail`].
    pub fn show_log(&self, number: u64) -> Result<LogShown, OfficeError> {
        let number = letter_number(number)?;
        let store = self.store();
        let view = store.view();
        let why = unproven(&view.letter(number)?)
            .ok_or(OfficeError::NotThis("the letter can be shown whole, or not at all"))?;
        let deposit = view.broker_receipt(number)?.ok_or(OfficeError::NotThis(
            "what the log of its box says of the letter is not known here: connect, and export it again",
        ))?;
        let mut untold = None;
        if let Some(timeline) = view.timeline(number)? {
            let shown = ShownDeposit { deposit: deposit.clone(), timeline };
            let read = ShownDeposit::parse(&shown.encode());
            let read =
                read.map_err(|_| OfficeError::NotThis("what is kept of it makes no file"))?;
            match read.verify() {
                Ok(_) => return Ok(LogShown { log: LogAlone::Told(shown), why, untold }),
                Err(error @ NotShown::Timeline(_)) => untold = Some(error),
                Err(error) => return Err(OfficeError::NotShown(error)),
            }
        }
        let holds = verify::receipt(&deposit);
        holds.map_err(|error| OfficeError::NotShown(NotShown::Receipt(error)))?;
        Ok(LogShown { log: LogAlone::Left(deposit), why, untold })
    }

    /// Writes every letter into a Maildir; **what they say is not sealed any more**.
    ///
    /// # Errors
    /// As [`View::export_maildir`].
    pub fn export_maildir(&self, folder: &Path) -> Result<Exported, OfficeError> {
        Ok(self.store().view().export_maildir(folder)?)
    }
}

/// Why nobody else can be shown a letter that was left, if that is so; whoever has it may still show what the log says.
fn unproven(record: &LetterRecord) -> Option<&'static str> {
    match &record.state {
        LetterState::Waiting { .. }
        | LetterState::Underway
        | LetterState::Failed { .. }
        | LetterState::TakenBack => None,
        LetterState::Arrived | LetterState::Unreadable { .. } => Some(
            "the letter could not be opened, so there is nothing to show of who wrote it or what it says",
        ),
        LetterState::Unread
        | LetterState::Read { .. }
        | LetterState::Deposited
        | LetterState::Taken
        | LetterState::WasRead { .. } => (record.mode == Some(Mode::Deniable)).then_some(
            "the letter is deniable, so nobody can be shown who wrote it or what it says",
        ),
    }
}

/// Judges a letter by its file, as whoever gets that will: without its read receipt, or what became of it, if only that does
/// not hold.
fn judged(mut letter: ShownLetter) -> Result<Showing, OfficeError> {
    let verdict = |letter: &ShownLetter| {
        let read = ShownLetter::parse(&letter.encode());
        let read = read.map_err(|_| OfficeError::NotThis("what is kept of it makes no file"))?;
        Ok::<_, OfficeError>(read.verify().map(drop))
    };
    let (mut left_out, mut untold) = (None, None);
    loop {
        match verdict(&letter)? {
            Ok(()) => return Ok(Showing { letter, left_out, untold }),
            Err(NotShown::Read(why)) if letter.read.is_some() => {
                letter.read = None;
                left_out = Some(*why);
            }
            Err(why @ NotShown::Timeline(_)) if letter.timeline.is_some() => {
                letter.timeline = None;
                untold = Some(why);
            }
            Err(why) => return Err(OfficeError::NotShown(why)),
        }
    }
}

impl<'a> Evident<'a> {
    fn of(
        view: View<'a>,
        number: LetterNumber,
        record: &'a LetterRecord,
    ) -> Result<Self, OfficeError> {
        let no = |why| Err(OfficeError::NotThis(why));
        match &record.state {
            LetterState::Arrived | LetterState::Unreadable { .. } => {
                return no("the letter could not be opened: there is nothing of it to show");
            }
            LetterState::Unread => {
                return no("read the letter first: to show it is to know what it says");
            }
            LetterState::Waiting { .. } | LetterState::Underway => {
                return no("the letter is not deposited yet: show it once it is");
            }
            LetterState::Failed { .. } | LetterState::TakenBack => {
                return no("the letter was never sent: there is nothing to show");
            }
            LetterState::Read { .. }
            | LetterState::Deposited
            | LetterState::Taken
            | LetterState::WasRead { .. } => {}
        }
        if record.mode == Some(Mode::Deniable) {
            return no(
                "the letter is deniable: its reader could have made it, so it proves nothing to \
                       anybody else, and is not shown",
            );
        }
        let bytes = view.content(number)?;
        let parsed = bytes.as_ref().and_then(|bytes| {
            let text = std::str::from_utf8(bytes).ok()?;
            Some((text.to_owned(), Content::parse(bytes).ok()?))
        });
        let (Some((bytes, (content, proof))), Some(deposit)) = (parsed, &record.deposit) else {
            return no("what the letter says is not here any more");
        };
        Ok(Self { view, number, record, deposit, bytes, content, proof })
    }

    /// How the box of its author was opened.
    fn sender(&self) -> Result<String, OfficeError> {
        match self.record.direction {
            Direction::Sent => Ok(self.view.own_box(self.record.own_box)?.opening),
            Direction::Received => self.view.sender_opening(self.number)?.ok_or_else(not_kept),
        }
    }

    fn deposited(&self) -> Result<Receipt, OfficeError> {
        self.view.broker_receipt(self.number)?.ok_or_else(not_kept)
    }

    fn whole(&self) -> Result<Way, OfficeError> {
        if self.record.direction == Direction::Received {
            let (envelope, content) = (self.envelope()?, self.bytes.clone());
            return Ok(Way::Reader(ByReader { envelope, content }));
        }
        let SentEvidence { signed, once, seeds, .. } = self.sent()?;
        let stated = self.view.keys_shown(self.number)?.ok_or_else(not_kept)?;
        let once = once.map(|key| OnceShown { key: key.as_bytes().to_vec(), path: stated.path });
        let (keys, signed) = (stated.keys, signed.as_bytes().to_vec());
        Ok(Way::Sender(BySender { keys, signed, once, seeds, content: self.bytes.clone() }))
    }

    fn hash(&self) -> Result<Way, OfficeError> {
        let Proof::Evidence(signature) = &self.proof else {
            return Err(OfficeError::NotShown(NotShown::Deniable));
        };
        let (envelope, hash) = (self.envelope()?, self.content.hash());
        Ok(Way::Hash(ByHash { envelope, hash, signature: *signature }))
    }

    fn sent(&self) -> Result<SentEvidence, OfficeError> {
        self.view.sent_evidence(self.number)?.ok_or_else(not_kept)
    }

    /// What was deposited: kept of a received letter, made once more of a sent one.
    fn envelope(&self) -> Result<Vec<u8>, OfficeError> {
        if self.record.direction == Direction::Received {
            return Ok(self.view.envelope(self.number)?.ok_or_else(not_kept)?.to_vec());
        }
        let (sent, other) = (self.sent()?, self.record.other.as_ref());
        let place = Place {
            name: other.ok_or_else(not_kept)?.name,
            signed: &sent.signed,
            once: sent.once.as_ref(),
            class: self.deposit.class,
        };
        let by = show::BySender { place, content: self.bytes.as_bytes(), seeds: &sent.seeds };
        by.envelope().map_err(|_| OfficeError::NotShown(NotShown::NotSealed))
    }

    /// The word of its reader that a sent letter was read.
    fn read(&self) -> Result<Option<ShownReceipt>, OfficeError> {
        let said = self.view.read_receipt(self.number)?;
        let content = said.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        let both = content.zip(self.view.read_deposit(self.number)?);
        Ok(both.map(|(content, read)| {
            let envelope = read.envelope.to_vec();
            let shown = Way::Reader(ByReader { envelope, content });
            ShownReceipt { deposit: read.deposit, shown }
        }))
    }
}

const fn not_kept() -> OfficeError {
    OfficeError::NotThis("what would show the letter to others was not kept when it came or left")
}

#[cfg(test)]
pub(crate) mod tests;
