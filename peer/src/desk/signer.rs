//! The card as the desk uses it: found, asked who holds it, and made to sign.
//!
//! A trait stands in front of the readers, so that what the desk does around a signature can be
//! tested without one.

use std::fmt;

use pregao_protocol::room::disclosure::Attribute;

use crate::card::{Card, CardError, LastTry, PinEntry, Tries};

/// Why a card did not do what was asked; for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardTrouble {
    /// Stable code.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub advice: String,
}

/// Where cards are found. Every function here and of [`InsertedCard`] blocks.
pub trait Cards: fmt::Debug + Send + Sync {
    /// The only card, or that in the reader meant.
    ///
    /// # Errors
    /// [`CardTrouble`]; with several cards it lists them.
    fn find(&self, reader: Option<&str>) -> Result<Box<dyn InsertedCard>, CardTrouble>;
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
    /// [`CardTrouble`].
    fn tries_left(&mut self) -> Result<Tries, CardTrouble>;
    /// What its identity file says of these attributes.
    ///
    /// # Errors
    /// [`CardTrouble`], also if it says nothing of one.
    fn attributes(&mut self, wanted: &[Attribute])
    -> Result<Vec<(Attribute, String)>, CardTrouble>;
    /// The signature by the authentication key.
    ///
    /// # Errors
    /// [`CardTrouble`]; a wrong PIN says how many tries are left. Nothing is tried twice.
    fn sign(
        &mut self,
        message: &[u8],
        pin: PinEntry,
        last: LastTry,
    ) -> Result<Vec<u8>, CardTrouble>;
}

/// The cards in the readers of this computer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Readers;

impl Cards for Readers {
    fn find(&self, reader: Option<&str>) -> Result<Box<dyn InsertedCard>, CardTrouble> {
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

    fn tries_left(&mut self) -> Result<Tries, CardTrouble> {
        Ok(self.tries_left()?)
    }

    fn attributes(
        &mut self,
        wanted: &[Attribute],
    ) -> Result<Vec<(Attribute, String)>, CardTrouble> {
        Ok(self.attributes(wanted)?)
    }

    fn sign(
        &mut self,
        message: &[u8],
        pin: PinEntry,
        last: LastTry,
    ) -> Result<Vec<u8>, CardTrouble> {
        Ok(self.sign(message, pin, last)?)
    }
}

impl From<CardError> for CardTrouble {
    fn from(error: CardError) -> Self {
        let code = match error {
            CardError::WrongPin { .. } => "card.wrong-pin",
            CardError::Blocked => "card.blocked",
            CardError::LastTry => "card.last-try",
            CardError::PinpadCancelled => "card.cancelled",
            CardError::SeveralCards { .. } => "card.several",
            CardError::NoService
            | CardError::NoReader
            | CardError::NoSuchReader { .. }
            | CardError::EmptyReader => "card.none",
            _ => "card.failed",
        };
        Self { code, message: error.to_string(), advice: error.advice().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_pin_says_how_many_tries_are_left_and_what_to_do() {
        let trouble = CardTrouble::from(CardError::WrongPin { left: 2 });
        assert_eq!(trouble.code, "card.wrong-pin");
        assert!(trouble.message.contains("2 tries left"), "{}", trouble.message);
        assert!(!trouble.advice.is_empty());
        let blocked = CardTrouble::from(CardError::Blocked);
        assert_eq!(blocked.code, "card.blocked");
    }
}
