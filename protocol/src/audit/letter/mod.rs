//! One letter, shown to a third party (SPEC 8.3).
//!
//! A file of one line of JSON: the opening of the sender's box, the receipt of the letter's deposit, and one of three
//! [ways](Way) to show what was deposited. If its reader acknowledged it, that receipt is shown in the same manner.
//! Nothing is asked for and nothing is believed; which boxes and which broker these are, whoever reads it has to know
//! from elsewhere. A letter whose author wrote deniably proves nothing to anybody but its reader, and so is refused.

use serde::{Deserialize, Serialize};

use crate::audit::verify::{self, VerifiedReceipt, VerifyError};
use crate::letter::show::{ShowError, Shown};
use crate::letter::{
    BoxKeys, Content, ContentError, Mode, ProofError, ReadReceipt, ReceiptError, RegisteredError,
    Seeds, Sent, Within,
};
use crate::log::{Entry, Receipt};
use crate::room::action::Action;
use crate::room::body::{Body, BoxOpening, Deposit};
use crate::room::message_box;
use crate::trust::agreement::AgreementPublic;
use crate::trust::key::{PublicKey, Signature};
use crate::value::clock::Time;
use crate::value::codec::{Digest, base64url_bytes, hashes};
use crate::value::label;

mod alone;
#[cfg(test)]
mod logged;
mod telling;
mod timeline;
mod way;

use timeline::Subject;

pub use alone::{ShownDeposit, VerifiedDeposit};
pub use telling::Telling;
pub use timeline::{Event, Happened, Timeline, VerifiedTimeline};

/// A letter as a file shows it, in this member order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownLetter {
    /// The action that opened the sender's box (compact JWS).
    pub sender: String,
    /// That the letter was deposited, in the reader's box.
    pub deposit: Receipt,
    /// What was deposited.
    pub shown: Way,
    /// The word of its reader that it was read: a letter from their box to the sender's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ShownReceipt>,
    /// What the log of the reader's box says of the deposit after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
}

/// A read receipt as a file shows it, in this member order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownReceipt {
    /// That it was deposited, in the box of whoever sent the letter.
    pub deposit: Receipt,
    /// What was deposited.
    pub shown: Way,
}

/// How it is shown what a deposit is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// As its sender can.
    Sender(BySender),
    /// As its reader can, or anybody who has the envelope.
    Reader(ByReader),
    /// Without a word of what it says.
    Hash(ByHash),
}

/// The envelope is made once more: so the reader could open it, and found just this (V-252).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BySender {
    /// Actions `keys` of the reader's box (compact JWS), one or two: the first states the signed key, the last the stock.
    pub keys: Vec<String>,
    /// The signed key, 1,216 bytes.
    #[serde(with = "base64url_bytes")]
    pub signed: Vec<u8>,
    /// The one-time key, if the deposit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<OnceShown>,
    /// The sender's randomness.
    #[serde(with = "seeds")]
    pub seeds: Seeds,
    /// What was sealed, proof included.
    pub content: String,
}

/// A one-time key, with what shows that it is of its stock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnceShown {
    /// The key, 1,216 bytes.
    #[serde(with = "base64url_bytes")]
    pub key: Vec<u8>,
    /// Path from its digest to the root of the stock.
    #[serde(with = "hashes")]
    pub path: Vec<Digest>,
}

/// The envelope and what was in it (V-253).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByReader {
    /// What was deposited.
    #[serde(with = "base64url_bytes")]
    pub envelope: Vec<u8>,
    /// What was in it, proof included.
    pub content: String,
}

/// The envelope, and what its sender signed of what is in it: that it was sent, and not what it says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHash {
    /// What was deposited.
    #[serde(with = "base64url_bytes")]
    pub envelope: Vec<u8>,
    /// Hash of the content, behind its salt.
    pub hash: Digest,
    /// Proof of the content.
    pub signature: Signature,
}

/// What is no file of this form: another spelling of it, or longer than [`label::MAX_SHOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a letter shown, of at most {max} bytes", max = label::MAX_SHOWN)]
pub struct Malformed;

/// Why a letter is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotShown {
    /// What should open the sender's box opens none.
    #[error("the opening of the sender's box does not hold")]
    Sender,
    /// The receipt does not hold.
    #[error("the receipt of the deposit does not hold")]
    Receipt(#[source] VerifyError),
    /// The receipt is of something else than a letter in a box.
    #[error("the receipt is not that of a deposit in a message box")]
    NotADeposit,
    /// The reader did not state these keys, or the deposit names others.
    #[error("it is not shown that the keys are those of the reader that the deposit names")]
    Keys,
    /// What is shown is no content of a letter.
    #[error(transparent)]
    Content(ContentError),
    /// The envelope that is made of it is another than the one that was deposited.
    #[error("what is shown is not what was sealed: the deposit is of another envelope")]
    NotSealed,
    /// The envelope is another than the one that was deposited.
    #[error("the deposit is of another envelope")]
    OtherEnvelope,
    /// It is from another box than the one that is shown as the sender's, or has other keys for it.
    #[error("the letter is from another box than the one with these keys")]
    OtherSender,
    /// The signature does not hold.
    #[error("the signature under the letter does not hold")]
    Signature,
    /// It is deniable.
    #[error(
        "it proves nothing: its author wrote deniably, so its reader could have made it, and whoever shows it too"
    )]
    Deniable,
    /// A read receipt in another box than that of the letter's sender.
    #[error("a read receipt for another box")]
    Misdirected,
    /// What is shown as the read receipt is none, or in another box than the sender's.
    #[error("what is shown as the read receipt is none for this letter")]
    NotItsReceipt,
    /// It acknowledges another letter.
    #[error(transparent)]
    OtherLetter(ReceiptError),
    /// The read receipt is not shown; why.
    #[error("the read receipt does not hold")]
    Read(#[source] Box<Self>),
    /// What the log says of the deposit after it is not shown; why.
    #[error("the timeline does not hold")]
    Timeline(#[source] NotInTime),
}

/// Why a timeline is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotInTime {
    /// The deposit is not shown to be in the log of the head.
    #[error("the deposit is not in the log that the entries are in")]
    Deposit(#[source] VerifyError),
    /// An entry does not hold.
    #[error("an entry does not hold")]
    Entry(#[source] VerifyError),
    /// There are no entries, or not in the order of the log, behind the deposit.
    #[error("there is no entry, or one that is not behind the ones before it")]
    Form,
    /// An entry is about something else.
    #[error("an entry is not about this deposit")]
    Other,
    /// Somebody else than the owner of the box signed what is the owner's to say.
    #[error("an entry is not signed by the key of the box")]
    Author,
    /// It is not shown that the owner meant this deposit, or that is shown of something else.
    #[error("it is not shown that the owner of the box had seen this deposit")]
    Seen,
    /// Acceptance and half are not one behind the other.
    #[error("an acceptance and the half that is handed over for it do not stand together")]
    Pair,
    /// The half is another than the one that the deposit commits to.
    #[error("the half is not the one that the deposit commits to")]
    Half,
    /// It is only of registered letters, or only of others, or not of this time.
    #[error("this does not happen to such a letter, or not at that time")]
    Registered,
    /// The letter waited no more.
    #[error("something happens to a letter that waits no more")]
    Order,
    /// A stamp is older than one before it may make it.
    #[error("an entry's stamp is too old for its place in the log")]
    Stale,
}

/// A box as its opening has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownBox {
    /// Its name and its keys.
    pub keys: BoxKeys,
    /// What its owner calls themselves, if they say so: anybody may.
    pub opening: BoxOpening,
}

/// Something that was left in a box, every part of it verified: who signed it, for whom, and since when it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Where it is in the log.
    pub receipt: VerifiedReceipt,
    /// What the entry says.
    pub deposit: Deposit,
    /// Hash of what is in it.
    pub hash: Digest,
    /// What it says, unless that is not shown.
    pub content: Option<Content>,
    /// Whether it is shown that the reader could open the envelope, and what was in it then.
    pub is_sealed: bool,
}

/// A letter that is shown, every part of it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLetter {
    /// Whose key signed it.
    pub from: ShownBox,
    /// For whom it is.
    pub to: ShownBox,
    /// The letter.
    pub letter: Verified,
    /// When it lapses, if it is registered.
    pub lapses: Option<Time>,
    /// The word that it was read, with what it says.
    pub read: Option<(Verified, ReadReceipt)>,
    /// What happened to it in the box, if that is shown.
    pub timeline: Option<VerifiedTimeline>,
}

#[derive(Serialize)]
struct Written<'a> {
    letter: &'a ShownLetter,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    letter: ShownLetter,
}

impl ShownLetter {
    /// The file, one line without the line break. It can be read again if the parts are as their makers gave them.
    ///
    /// # Panics
    /// Never: texts and lists of them have a JSON form.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(&Written { letter: self }).expect("texts have a JSON form")
    }

    /// Reads a file, with or without a line break at its end (V-254). Nothing in it is verified.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.len() > label::MAX_SHOWN {
            return Err(Malformed);
        }
        let Read { letter } = serde_json::from_str(text).map_err(|_| Malformed)?;
        let bounded = |receipt: &Receipt| receipt.encode().len() <= label::MAX_RECEIPT;
        let of_log = letter.timeline.iter().flat_map(|shown| shown.receipts(&letter.deposit));
        let read = letter.read.iter().map(|read| &read.deposit);
        let fits = std::iter::once(&letter.deposit).chain(read).all(bounded)
            && of_log.into_iter().all(|receipt| bounded(&receipt));
        if fits && letter.encode() == text { Ok(letter) } else { Err(Malformed) }
    }

    /// Judges it, with no network and without any secret of its reader.
    ///
    /// # Errors
    /// [`NotShown`], the first in the order of SPEC 8.3.
    pub fn verify(&self) -> Result<VerifiedLetter, NotShown> {
        let from = ShownBox::open(&self.sender).ok_or(NotShown::Sender)?;
        let (to, letter) = left(&from, &self.deposit, &self.shown)?;
        let read = self.read.as_ref().map(|read| {
            let no = |why| NotShown::Read(Box::new(why));
            acknowledged((&from, &to), &letter, &self.sender, read).map_err(no)
        });
        let read = read.transpose()?;
        let of = Subject {
            receipt: &self.deposit,
            shown: &letter.receipt,
            deposit: &letter.deposit,
            of: &to.keys,
        };
        let timeline = self.timeline.as_ref().map(|timeline| timeline.verify(&of)).transpose();
        let timeline = timeline.map_err(NotShown::Timeline)?;
        let lapses = timeline::lapses(&letter.deposit, letter.receipt.time);
        Ok(VerifiedLetter { from, to, letter, lapses, read, timeline })
    }
}

impl VerifiedLetter {
    /// What is shown by receipts, each with what it shows: the deposit, the read receipt, and what happened in the box.
    #[must_use]
    pub fn receipts<'a>(
        &'a self,
        shown: &'a ShownLetter,
    ) -> Vec<(&'a Receipt, &'a VerifiedReceipt)> {
        let read = shown.read.iter().zip(&self.read);
        let read = read.map(|(shown, (read, _))| (&shown.deposit, &read.receipt));
        let deposit = std::iter::once((&shown.deposit, &self.letter.receipt));
        let events = self.timeline.iter().flat_map(VerifiedTimeline::receipts);
        deposit.chain(read).chain(events).collect()
    }

    /// What is within a registered letter whose text is shown, read with the half that was handed over (V-338, V-339).
    /// `None` if it is no such letter, or nothing was handed over.
    ///
    /// # Errors
    /// [`RegisteredError::Deposit`] if its deposit is that of another letter, so that nothing can open it;
    /// [`RegisteredError::Junk`] if its sender sealed something that is none.
    #[must_use]
    pub fn within(&self) -> Option<Result<Within, RegisteredError>> {
        let Some(Content::Registered(letter)) = &self.letter.content else { return None };
        if let Err(error) = letter.matches(self.letter.deposit.registered.as_ref()) {
            return Some(Err(error));
        }
        let half = self.timeline.as_ref()?.half.as_ref()?;
        Some(letter.open(self.to.keys.name, half))
    }
}

impl ShownBox {
    /// The box that an action opens, if it opens one: V-273 and V-274 hold.
    fn open(opening: &str) -> Option<Self> {
        let action = Action::parse(opening).ok()?;
        let Body::Box(opening) = action.body() else { return None };
        if action.is_by(&opening.broker.entry) || !message_box::has_possible_terms(opening) {
            return None;
        }
        let keys = BoxKeys {
            name: action.room(),
            key: PublicKey::from_bytes(*action.key().as_bytes()),
            agreement: AgreementPublic(opening.agreement.0),
        };
        Some(Self { keys, opening: opening.clone() })
    }
}

/// What `from` left in the box of the receipt.
fn left(from: &ShownBox, receipt: &Receipt, shown: &Way) -> Result<(ShownBox, Verified), NotShown> {
    let (to, verified, deposit) = deposit_in(receipt)?;
    let (hash, content) = shown.verify(&to.keys, &deposit, &from.keys)?;
    if let Some(Content::Read(read)) = &content
        && read.sender != to.keys.name
    {
        return Err(NotShown::Misdirected);
    }
    let is_sealed = matches!(shown, Way::Sender(_));
    Ok((to, Verified { receipt: verified, deposit, hash, content, is_sealed }))
}

/// V-306: the box and the deposit of a receipt that holds.
fn deposit_in(receipt: &Receipt) -> Result<(ShownBox, VerifiedReceipt, Deposit), NotShown> {
    let verified = verify::receipt(receipt).map_err(NotShown::Receipt)?;
    let to = ShownBox::open(&receipt.opening).ok_or(NotShown::NotADeposit)?;
    let deposit = deposit(receipt).ok_or(NotShown::NotADeposit)?;
    Ok((to, verified, deposit))
}

fn deposit(receipt: &Receipt) -> Option<Deposit> {
    let entry = Entry::parse(&receipt.entry).ok()?;
    match Action::parse(&entry.action).ok()?.body() {
        Body::Deposit(deposit) => Some(deposit.clone()),
        _ => None,
    }
}

/// V-309: what the reader of a letter wrote back.
fn acknowledged(
    (from, to): (&ShownBox, &ShownBox),
    letter: &Verified,
    sender: &str,
    read: &ShownReceipt,
) -> Result<(Verified, ReadReceipt), NotShown> {
    let of_receipt = matches!(letter.content, Some(Content::Read(_)));
    if of_receipt || read.deposit.opening != sender {
        return Err(NotShown::NotItsReceipt);
    }
    let (_, verified) = left(to, &read.deposit, &read.shown)?;
    let Some(Content::Read(said)) = &verified.content else {
        return Err(NotShown::NotItsReceipt);
    };
    let sent = Sent {
        deposit: letter.deposit.envelope.digest,
        content: letter.hash,
        sender: from.keys.name,
        reader: to.keys.name,
        // Nothing else is shown.
        mode: Mode::Evidence,
    };
    said.verify_for(&sent).map_err(NotShown::OtherLetter)?;
    let said = said.clone();
    Ok((verified, said))
}

impl NotShown {
    fn of(error: ShowError, envelope: Self) -> Self {
        match error {
            ShowError::Content(error) => Self::Content(error),
            ShowError::Seal(_) | ShowError::OtherEnvelope => envelope,
            ShowError::Proof(ProofError::Sender) => Self::OtherSender,
            ShowError::Proof(_) => Self::Signature,
        }
    }
}

/// What was shown, if anything was.
fn evident(shown: Shown) -> Result<Content, NotShown> {
    match shown {
        Shown::Evidence(content) => Ok(*content),
        Shown::ProvesNothingToOthers => Err(NotShown::Deniable),
    }
}

/// The randomness of one envelope, base64url in JSON.
mod seeds {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::letter::Seeds;
    use crate::value::codec::{array_from_base64url, to_base64url};

    pub(super) fn serialize<S: Serializer>(
        seeds: &Seeds,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64url(seeds.expose()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Seeds, D::Error> {
        let text = String::deserialize(reader)?;
        array_from_base64url(&text).map(Seeds::from_random).map_err(de::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
