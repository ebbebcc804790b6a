//! What can go wrong with a card, and what a person does about it.

use std::borrow::Cow;

use super::apdu::{CardOperation, StatusWord};
use super::pin::{PinForm, Tries};
use crate::text::sanitize::sanitize;
use pregao_protocol::value::report::{Advised, Report};

/// Why something could not be done with a card. Contains no PIN and no civil number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// The system's service for card readers does not answer.
    #[error("the service for card readers (pcscd) is not running")]
    NoService,
    /// No reader is connected.
    #[error("no card reader is connected")]
    NoReader,
    /// The reader that was meant is not there.
    #[error("no card reader is called {wanted:?}; connected: {}", list_readers(.present))]
    NoSuchReader {
        /// What was asked for.
        wanted: String,
        /// Names of the readers that are connected.
        present: Vec<String>,
    },
    /// No card is in any of the readers meant.
    #[error("no card is in the reader")]
    EmptyReader,
    /// More than one citizen card, and nobody said which.
    #[error("there are several cards:{}", list_cards(.cards))]
    SeveralCards {
        /// Where they are.
        cards: Vec<Found>,
    },
    /// Some other card.
    #[error("not a Portuguese citizen card (it answers {})", hex::encode_upper(.atr))]
    UnknownCard {
        /// What the card said at its reset.
        atr: Vec<u8>,
    },
    /// The card wants the number printed on it before it talks, as it does without contacts.
    #[error("the card lies on a contactless reader, where it keeps its keys closed")]
    Contactless,
    /// The card does not answer its reader.
    #[error("the card does not answer")]
    Unresponsive,
    /// The card left the reader.
    #[error("the card was pulled out of the reader")]
    Pulled,
    /// The reader now holds another card than the one that was shown.
    #[error("another card is in the reader than before")]
    OtherCard,
    /// Other programs reset the card each time.
    #[error("another program keeps resetting the card")]
    ResetTooOften,
    /// Another program uses the card and lets nobody else.
    #[error("another program keeps the card for itself")]
    InUse,
    /// The card refused the PIN.
    #[error("wrong PIN: {}", Tries::of(*.left))]
    WrongPin {
        /// How many wrong ones it still takes.
        left: u8,
    },
    /// The card takes no PIN any more.
    #[error("the authentication PIN is blocked")]
    Blocked,
    /// What was typed cannot be a PIN. The card was not asked.
    #[error("this cannot be the authentication PIN: {0}")]
    PinForm(PinForm),
    /// One try is left, and using it was not confirmed. The card was not asked.
    #[error("one try is left, and using it was not confirmed")]
    LastTry,
    /// The card was reset, by another program or by its reader.
    #[error("the card was reset")]
    Reset,
    /// The PIN was sent, and no answer to it came or none that makes sense.
    #[error("whether the PIN was right is not known: {cause}; a try may be lost: {}", after(.left))]
    TryUnknown {
        /// What happened meanwhile.
        cause: Box<CardError>,
        /// What the card says of its tries afterwards, if it says anything.
        left: Option<Tries>,
    },
    /// The reader has no keypad for PINs.
    #[error("the reader has no keypad for PINs")]
    NoPinpad,
    /// Nobody typed on the reader in time.
    #[error("no PIN was typed on the reader in time")]
    PinpadTimeout,
    /// Cancelled on the reader.
    #[error("cancelled on the reader")]
    PinpadCancelled,
    /// The keypad of the reader failed.
    #[error("the keypad of the reader failed")]
    PinpadFault,
    /// An answer that has no place here.
    #[error("the card answered {word} while {step}")]
    Unexpected {
        /// What was being done.
        step: CardOperation,
        /// The card's status word.
        word: StatusWord,
    },
    /// An answer that is cut, too long, or endless.
    #[error("the card answered without sense while {0}")]
    Garbled(CardOperation),
    /// The authentication certificate cannot be read.
    #[error("the card's authentication certificate makes no sense: {0}")]
    Certificate(String),
    /// The signature does not belong to the certificate.
    #[error("the card's signature does not verify against its certificate")]
    Signature,
    /// Anything else that reader or service report.
    #[error("the card reader failed: {0}")]
    Reader(pcsc::Error),
}

/// A card among several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Number of its reader, from 1.
    pub number: usize,
    /// Name of its reader.
    pub reader: String,
    /// Name of its holder.
    pub holder: String,
}

fn list_readers(names: &[String]) -> String {
    names.iter().map(|name| sanitize(name)).collect::<Vec<_>>().join(", ")
}

fn list_cards(cards: &[Found]) -> String {
    let line = |card: &Found| {
        format!("\n  {}  {}  ({})", card.number, sanitize(&card.reader), card.holder)
    };
    cards.iter().map(line).collect()
}

fn after(left: &Option<Tries>) -> String {
    match left {
        Some(tries) => format!("the card now says: {tries}"),
        None => "how many are left is not known".to_owned(),
    }
}

impl Advised for CardError {
    fn code(&self) -> &'static str {
        match self {
            Self::WrongPin { .. } => "card.wrong-pin",
            Self::Blocked => "card.blocked",
            Self::LastTry => "card.last-try",
            Self::PinpadCancelled => "card.cancelled",
            Self::SeveralCards { .. } => "card.several",
            Self::NoService | Self::NoReader | Self::NoSuchReader { .. } | Self::EmptyReader => {
                "card.none"
            }
            _ => "card.failed",
        }
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::NoService => {
                "install it (Debian: apt install pcscd) and start it with `systemctl start pcscd.socket`; all of pregao but the card works without"
            }
            Self::NoReader => "connect one and try again; `pregao card readers` lists them",
            Self::NoSuchReader { .. } => {
                "take a number or a part of a name from `pregao card readers`"
            }
            Self::EmptyReader => "put the citizen card in, chip first",
            Self::SeveralCards { .. } => {
                "say which with --reader and its number or a part of its name"
            }
            Self::UnknownCard { .. } => "put a citizen card in; cards from before 2007 do not work",
            Self::Contactless => "put the card into a reader with contacts",
            Self::Unresponsive => "take the card out, wipe its contacts, and put it in chip first",
            Self::Pulled => "put it back and start again",
            Self::OtherCard => {
                "start again with the card that is in now, or put the other one back"
            }
            Self::Reset | Self::ResetTooOften | Self::InUse => {
                "close other programs that use the card, such as a browser or the card's own program"
            }
            Self::WrongPin { left: 0 } | Self::Blocked => {
                "unblock it with the PUK in the official program (autenticacao.gov) or at a counter; pregao never tries"
            }
            Self::WrongPin { left: 1 } => {
                "make sure that it is the authentication PIN: one more wrong one blocks it"
            }
            Self::WrongPin { .. } => {
                "start again with the authentication PIN, which is not the signature PIN"
            }
            Self::PinForm(_) => {
                "type the 4 to 8 digits of the authentication PIN; no try was used for this one"
            }
            Self::LastTry => {
                "start again and confirm, or use the card with the right PIN in the official program first"
            }
            Self::TryUnknown { .. } => {
                "look with `pregao card show` how many tries are left, then start again; the PIN was not sent again"
            }
            Self::NoPinpad => "type the PIN here, or use a reader with a keypad",
            Self::PinpadTimeout | Self::PinpadCancelled => "start again; no try was used",
            Self::PinpadFault => "connect the reader again, or use one without a keypad",
            Self::Unexpected { .. } | Self::Garbled(_) => {
                "take the card out and put it in again; if it stays so, this card is not supported"
            }
            Self::Certificate(_) => {
                "take the card out and put it in again; if it stays so, the card is not supported or damaged"
            }
            Self::Signature => {
                "take the card out, put it in again and start again; nothing was sent"
            }
            Self::Reader(_) => "connect the reader again and restart pcscd",
        };
        advice.into()
    }
}

/// The error as the user is told.
impl From<CardError> for Report {
    fn from(error: CardError) -> Self {
        error.report()
    }
}

impl CardError {
    /// What a fault of reader or service means before anything was said to the card.
    pub(super) const fn connecting(fault: pcsc::Error) -> Self {
        use pcsc::Error as Fault;
        match fault {
            Fault::NoSmartcard | Fault::RemovedCard => Self::EmptyReader,
            Fault::UnresponsiveCard | Fault::UnpoweredCard | Fault::ProtoMismatch => {
                Self::Unresponsive
            }
            other => Self::during(other),
        }
    }

    /// What a fault means while the card is in use.
    pub(super) const fn during(fault: pcsc::Error) -> Self {
        use pcsc::Error as Fault;
        match fault {
            Fault::NoService | Fault::ServiceStopped => Self::NoService,
            Fault::NoReadersAvailable => Self::NoReader,
            Fault::NoSmartcard
            | Fault::RemovedCard
            | Fault::UnknownReader
            | Fault::ReaderUnavailable => Self::Pulled,
            Fault::SharingViolation => Self::InUse,
            Fault::ResetCard | Fault::NotTransacted => Self::ResetTooOften,
            Fault::UnresponsiveCard | Fault::UnpoweredCard => Self::Unresponsive,
            other => Self::Reader(other),
        }
    }
}
