//! Letters: messages to somebody who is away (SPEC 8.1).
//!
//! A letter is sealed to keys that its reader left in a message box, so that nothing has to be agreed on while both
//! are there: to a *one-time* key, whose secret goes with the letter that it opened, and to the *signed* key of the
//! day. Whoever steals every other secret later opens nothing. Here is only what is sealed and what it says; the box
//! with its log, and the way there, are others' business.
//!
//! - [`stock`](Stock) one-time keys under one root; [`published`](PublishedKeys) the blob in which keys lie;
//!   [`class`](Class) sizes; [`content`](Content) what a letter says
//! - `envelope` sealing and opening; [`proof`](Proof) who wrote it, to everybody or to the reader alone;
//!   [`vouch`](Vouch) that a box which is not known is somebody's who is
//! - [`attached`](seal_file) files beside it; [`registered`](RegisteredLetter) what is read only once its reader has
//!   signed for it; [`receipt`](ReadReceipt) that one was read; [`cover`](Cover) so that nobody counts them;
//!   [`show`](mod@show) what a third party can check; [`say`] what the two of a reveal room write to each other there, by the same means

mod attached;
mod class;
mod content;
mod cover;
mod envelope;
mod proof;
mod published;
mod receipt;
mod registered;
pub mod say;
pub mod show;
mod stock;
mod vouch;

pub use attached::{AttachedError, MAX_FILE, open_file, seal_file};
pub use class::Class;
pub use content::{
    Address, Attachment, BlobKey, BrokerAddress, Content, ContentError, FileName, Letter,
    MediaType, Mode, Salt,
};
pub use cover::Cover;
pub use envelope::{
    Addressee, LetterError, OpenError, Opened, Place, Reading, Sealed, Seeds, open, seal,
};
pub use proof::{Author, BoxKeys, Proof, ProofError};
pub use published::{OnceOf, PublishedError, PublishedKeys};
pub use receipt::{ReadReceipt, ReceiptError, Sent};
pub use registered::{
    Half, HalfError, HalfPlace, Halves, RegisteredError, RegisteredLetter, SealedHalf, Within,
};
pub use stock::{Stock, StockError, stock_root, verify_member};
pub use vouch::{Vouch, VouchError, Voucher};

#[cfg(test)]
pub(crate) mod fixture;
