//! The card as the desk uses it: found, asked who holds it, and made to sign.
//!
//! The readers are behind a trait, so that what the desk does around a signature can be
//! tested without one.

use std::fmt;

use pregao_protocol::room::disclosure::Attribute;
use pregao_protocol::value::report::Report;

use crate::card::{Card, LastTry, PinEntry, Tries};

/// Where cards are found. Every function here and of [`InsertedCard`] blocks.
pub trait Cards: fmt::Debug + Send + Sync {
    /// The only card, or that in the reader meant.
    ///
    /// # Errors
    /// [`Report`]; with several cards it lists them.
    fn find(&self, reader: Option<&str>) -> Result<Box<dyn InsertedCard>, Report>;
}

/// A card in a reader.
pub trait InsertedCard {
    /// Its holder's name, as its certificate has it.
    fn holder(&self) -> &str;
    /// The reader's name.
    fn reader(&self) -> &str;
    /// Its authentication certificate in DER.
    fn certificate(&self) -> &[u8];
    /// Whether the PIN is typed on the reader.
    fn has_pinpad(&self) -> bool;
    /// Tries left before the authentication PIN is blocked.
    ///
    /// # Errors
    /// [`Report`].
    fn tries_left(&mut self) -> Result<Tries, Report>;
    /// What its identity file says of these attributes.
    ///
    /// # Errors
    /// [`Report`], also if it says nothing of one.
    fn attributes(&mut self, wanted: &[Attribute]) -> Result<Vec<(Attribute, String)>, Report>;
    /// The signature by the authentication key.
    ///
    /// # Errors
    /// [`Report`]; a wrong PIN says how many tries are left. Nothing is tried twice.
    fn sign(&mut self, message: &[u8], pin: PinEntry, last: LastTry) -> Result<Vec<u8>, Report>;
}

/// The cards in the readers of this computer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Readers;

impl Cards for Readers {
    fn find(&self, reader: Option<&str>) -> Result<Box<dyn InsertedCard>, Report> {
        Ok(Box::new(Card::find(reader)?))
    }
}

impl InsertedCard for Card {
    fn holder(&self) -> &str {
        &self.holder().name
    }

    fn reader(&self) -> &str {
        self.reader()
    }

    fn certificate(&self) -> &[u8] {
        self.certificate()
    }

    fn has_pinpad(&self) -> bool {
        self.has_pinpad()
    }

    fn tries_left(&mut self) -> Result<Tries, Report> {
        Ok(self.tries_left()?)
    }

    fn attributes(&mut self, wanted: &[Attribute]) -> Result<Vec<(Attribute, String)>, Report> {
        Ok(self.attributes(wanted)?)
    }

    fn sign(&mut self, message: &[u8], pin: PinEntry, last: LastTry) -> Result<Vec<u8>, Report> {
        Ok(self.sign(message, pin, last)?)
    }
}

#[cfg(test)]
mod tests {
    use crate::card::CardError;
    use pregao_protocol::value::report::Advised as _;

    #[test]
    fn a_wrong_pin_says_how_many_tries_are_left_and_what_to_do() {
        let trouble = CardError::WrongPin { left: 2 }.report();
        assert_eq!(trouble.code, "card.wrong-pin");
        assert!(trouble.message.contains("2 tries left"), "{}", trouble.message);
        assert!(!trouble.advice.is_empty());
        let blocked = CardError::Blocked.report();
        assert_eq!(blocked.code, "card.blocked");
    }
}
