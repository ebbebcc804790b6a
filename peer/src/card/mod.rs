//! The Portuguese citizen card in a PC/SC reader: who holds it, and signatures by its
//! authentication key.
//!
//! Three layers: bytes and status words over a transport (`apdu`, `transport`); sessions in which
//! no other program gets in between (`session`); and what the commands mean (the rest). Everything
//! here **blocks**, for seconds at a time and as long as another program holds the card: an
//! asynchronous caller uses a thread of its own.
//!
//! Whom it trusts: reader, service and card may answer anything and get no more than an error. What
//! the card says of its holder is for display; whether the state vouches for it is judged by
//! whoever gets certificate and signature ([`pregao_protocol::trust::citizen`]).
//!
//! The qualified signature is never touched: neither its PIN, nor its key, nor its certificate.
//!
//! # When the PIN is sent
//!
//! Once for each call of [`Card::sign`]. A wrong PIN is never sent again by the program, and neither
//! is one whose fate is unknown because the card was reset while it judged. After a reset between
//! the card's yes and its signature the whole sequence is run once more, with a typed PIN only: the
//! card has just said that it is right, and the counter is full.

mod apdu;
pub(crate) mod certificate;
mod error;
mod generation;
mod identity;
mod object;
mod pin;
mod pinpad;
pub mod prompt;
mod session;
pub mod show;
mod sign;
mod transport;

pub use pregao_protocol::room::disclosure::Attribute;
use pregao_protocol::trust::citizen::{CardKey, Holder};

pub use apdu::{CardOperation, StatusWord};
pub use certificate::{Facts, facts};
pub use error::{CardError, Found};
pub use generation::Generation;
pub use pin::{LastTry, Pin, PinEntry, PinForm, Tries};

use object::ObjectForm;
use pinpad::Pinpad;
use session::{Session, Stop, exclusively};
use transport::{CardLink, CardReaders, PcscReaders};

/// A citizen card in a reader, shared with other programs except while it is used.
///
/// It stays this card: if it is pulled or changed for another, calls fail.
pub struct Card {
    link: Box<dyn CardLink>,
    reader: String,
    generation: Generation,
    pinpad: Option<Pinpad>,
    certificate: Vec<u8>,
    issuers: Vec<Vec<u8>>,
    holder: Holder,
    key: CardKey,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Card");
        shown.field("reader", &self.reader).field("generation", &self.generation);
        shown.finish_non_exhaustive()
    }
}

/// A reader and what is in it.
#[derive(Debug)]
pub struct Seen {
    /// Its number, from 1, by which it can be chosen.
    pub number: usize,
    /// Its name.
    pub reader: String,
    /// The card in it.
    pub card: Result<Card, CardError>,
}

impl Card {
    /// Opens the only citizen card, or the one in the reader meant: by its number from 1, or by a
    /// part of its name in whatever case.
    ///
    /// # Errors
    /// Why there is none, or [`CardError::SeveralCards`] with their holders.
    pub fn find(reader: Option<&str>) -> Result<Self, CardError> {
        let readers = PcscReaders::open().map_err(CardError::connecting)?;
        let mut card = Self::find_among(&readers, reader)?;
        card.read_issuers()?;
        Ok(card)
    }

    /// Looks into every reader. Cards are given without certificates of authorities.
    ///
    /// # Errors
    /// [`CardError::NoService`], [`CardError::NoReader`]; what is wrong in one reader is in its
    /// place.
    pub fn look() -> Result<Vec<Seen>, CardError> {
        Self::look_among(&PcscReaders::open().map_err(CardError::connecting)?)
    }

    fn look_among(readers: &dyn CardReaders) -> Result<Vec<Seen>, CardError> {
        let names = readers.names().map_err(CardError::connecting)?;
        if names.is_empty() {
            return Err(CardError::NoReader);
        }
        let seen = |(place, reader): (usize, String)| Seen {
            number: place + 1,
            card: Self::connect(readers, place, &reader),
            reader,
        };
        Ok(names.into_iter().enumerate().map(seen).collect())
    }

    fn find_among(readers: &dyn CardReaders, wanted: Option<&str>) -> Result<Self, CardError> {
        let names = readers.names().map_err(CardError::connecting)?;
        if names.is_empty() {
            return Err(CardError::NoReader);
        }
        let meant = meant(&names, wanted)?;
        let mut cards = Vec::new();
        let mut trouble = CardError::EmptyReader;
        for (place, name) in meant {
            match Self::connect(readers, place, name) {
                Ok(card) => cards.push((place + 1, card)),
                Err(CardError::EmptyReader) => {}
                Err(error) if trouble == CardError::EmptyReader => trouble = error,
                Err(_) => {}
            }
        }
        if cards.len() > 1 {
            let found = |(number, card): (usize, Self)| Found {
                number,
                reader: card.reader,
                holder: card.holder.name,
            };
            return Err(CardError::SeveralCards { cards: cards.into_iter().map(found).collect() });
        }
        cards.pop().map(|(_, card)| card).ok_or(trouble)
    }

    fn connect(readers: &dyn CardReaders, place: usize, name: &str) -> Result<Self, CardError> {
        let link = readers.connect(place).map_err(CardError::connecting)?;
        Self::open(link, name.to_owned())
    }

    /// Recognises a card and reads its certificate.
    fn open(mut link: Box<dyn CardLink>, reader: String) -> Result<Self, CardError> {
        let read = exclusively(link.as_mut(), |session| {
            let pinpad = Pinpad::find(session, &reader)?;
            let Some(generation) = generation::recognise(session)? else { return Ok(None) };
            let file = generation.certificate();
            let certificate = object::read(
                session,
                CardOperation::ReadCertificate,
                file,
                ObjectForm::Certificate,
            )?;
            Ok(Some((pinpad, generation, certificate)))
        })?;
        let Some((pinpad, generation, certificate)) = read else {
            return Err(CardError::UnknownCard { atr: link.atr() });
        };
        let form = |error: pregao_protocol::trust::citizen::CitizenError| {
            CardError::Certificate(error.to_string())
        };
        let holder = Holder::read(&certificate).map_err(form)?;
        let key = CardKey::read(&certificate).map_err(form)?;
        let issuers = Vec::new();
        Ok(Self { link, reader, generation, pinpad, certificate, issuers, holder, key })
    }

    /// Reads the certificates of authorities. One that is absent or makes no sense is left out:
    /// they only help whoever judges.
    fn read_issuers(&mut self) -> Result<(), CardError> {
        let (generation, start) = (self.generation, self.certificate.as_slice());
        self.issuers = exclusively(self.link.as_mut(), |session| {
            enter_same(session, generation, start)?;
            let mut issuers = Vec::new();
            for file in generation.authorities() {
                match object::read(
                    session,
                    CardOperation::ReadAuthority,
                    *file,
                    ObjectForm::Certificate,
                ) {
                    Ok(issuer) => issuers.push(issuer),
                    Err(Stop::Error(CardError::Unexpected { .. } | CardError::Garbled(_))) => {}
                    Err(stop) => return Err(stop),
                }
            }
            Ok(issuers)
        })?;
        Ok(())
    }

    /// Who holds the card, by its certificate. Nothing says yet that the state wrote it.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Name of the reader.
    #[must_use]
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// Generation of the card.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// The authentication certificate, in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Certificates of authorities on the card, in DER, the issuing one first. None on v5.
    #[must_use]
    pub fn issuers(&self) -> &[Vec<u8>] {
        &self.issuers
    }

    /// Whether the reader has a keypad for PINs.
    #[must_use]
    pub const fn has_pinpad(&self) -> bool {
        self.pinpad.is_some()
    }

    /// How many wrong PINs the card still takes. Uses none.
    ///
    /// # Errors
    /// Whatever card and reader can fail with.
    pub fn tries_left(&mut self) -> Result<Tries, CardError> {
        let application = self.generation.application();
        exclusively(self.link.as_mut(), |session| {
            session.enter(application)?;
            sign::ask_tries(session)
        })
    }

    /// Reads what the identity file says, in the order asked for. Needs no PIN.
    ///
    /// # Errors
    /// Whatever card and reader can fail with; [`CardError::OtherCard`].
    pub fn attributes(
        &mut self,
        wanted: &[Attribute],
    ) -> Result<Vec<(Attribute, String)>, CardError> {
        let (generation, start) = (self.generation, self.certificate.as_slice());
        exclusively(self.link.as_mut(), |session| {
            enter_same(session, generation, start)?;
            identity::read(session, generation, wanted)
        })
    }
}

/// Selects the card's application and makes sure that it still is the card with this certificate.
fn enter_same(
    session: &mut Session<'_>,
    generation: Generation,
    certificate: &[u8],
) -> Result<(), Stop> {
    session.enter(generation.application())?;
    let file = generation.certificate();
    // The first block holds the certificate's serial number and its issuer, which name it.
    let known = certificate.get(..object::BLOCK).unwrap_or(certificate);
    let found = object::beginning(session, CardOperation::ReadCertificate, file, known.len())?;
    if found == known { Ok(()) } else { Err(CardError::OtherCard.into()) }
}

/// The readers meant, with their places.
fn meant<'a>(
    names: &'a [String],
    wanted: Option<&str>,
) -> Result<Vec<(usize, &'a str)>, CardError> {
    let mut all = names.iter().map(String::as_str).enumerate();
    let Some(wanted) = wanted else { return Ok(all.collect()) };
    let numbered = wanted.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    if let Some(place) = numbered.filter(|place| *place < names.len()) {
        return Ok(all.nth(place).into_iter().collect());
    }
    let part = wanted.to_lowercase();
    let found: Vec<_> = all.filter(|(_, name)| name.to_lowercase().contains(&part)).collect();
    if wanted.is_empty() || found.is_empty() {
        let (wanted, present) = (wanted.to_owned(), names.to_vec());
        return Err(CardError::NoSuchReader { wanted, present });
    }
    Ok(found)
}

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
