//! Two boxes with keys from fixed seeds, for the tests of letters.

use uuid::Uuid;

use super::*;
use crate::log::RoomName;
use crate::trust::agreement::AgreementSecret;
use crate::trust::key::{BoxKey, SecretKey};
use crate::trust::prekey::{PrekeyPublic, PrekeySecret};
use crate::value::clock::Time;

/// A box with all its secrets.
pub(crate) struct Owner {
    pub(crate) name: RoomName,
    pub(crate) key: SecretKey<BoxKey>,
    pub(crate) agreement: AgreementSecret,
    pub(crate) signed: PrekeySecret,
    pub(crate) once: PrekeySecret,
    /// The public halves, computed once.
    pub(crate) public: (PrekeyPublic, PrekeyPublic),
}

pub(crate) fn owner(number: u8) -> Owner {
    let signed = PrekeySecret::from_random([number ^ 0x40; 32]);
    let once = PrekeySecret::from_random([number ^ 0x80; 32]);
    Owner {
        name: RoomName([number; 32]),
        key: SecretKey::from_seed(&[number; 32]),
        agreement: AgreementSecret::from_random([number ^ 0x20; 32]),
        public: (signed.public(), once.public()),
        signed,
        once,
    }
}

impl Owner {
    pub(crate) fn address(&self) -> Address {
        Address {
            name: self.name,
            broker: String::from("wss://broker.example/#00").try_into().unwrap(),
            key: self.key.public(),
            agreement: self.agreement.public(),
        }
    }

    pub(crate) fn keys(&self) -> BoxKeys {
        self.address().keys()
    }

    pub(crate) fn author(&self) -> Author<'_> {
        Author { key: &self.key, agreement: &self.agreement }
    }

    pub(crate) fn place(&self, with_once: bool) -> Place<'_> {
        let (signed, once) = &self.public;
        Place { name: self.name, signed, once: with_once.then_some(once), class: Class::Small }
    }

    pub(crate) fn addressee(&self, with_once: bool) -> Addressee<'_> {
        Addressee { place: self.place(with_once), agreement: self.agreement.public() }
    }

    pub(crate) fn reading(&self, with_once: bool) -> Reading<'_> {
        let once = with_once.then_some(&self.once);
        Reading { name: self.name, signed: &self.signed, once, class: Class::Small }
    }
}

pub(crate) fn id(number: u128) -> Uuid {
    uuid::Builder::from_random_bytes(number.to_be_bytes()).into_uuid()
}

pub(crate) fn letter(from: &Owner, mode: Mode) -> Letter {
    Letter {
        from: from.address(),
        id: id(1),
        reply_to: None,
        vouch: None,
        mode,
        wants_receipt: true,
        salt: Salt([3; 32]),
        subject: Some(String::from("About the clock").try_into().unwrap()),
        text: String::from("It runs.\nCome and hear it.").try_into().unwrap(),
        attachments: Vec::new(),
    }
}

pub(crate) fn receipt(from: &Owner, opened: &Opened) -> ReadReceipt {
    let time = Time::from_micros(1_800_000_000_000_000).unwrap();
    ReadReceipt::of(opened, from.address(), id(2), Salt([4; 32]), time).unwrap()
}

pub(crate) fn seeds(number: u8) -> Seeds {
    Seeds::from_random([number; 32])
}

pub(crate) fn sealed(from: &Owner, to: &Owner, mode: Mode, with_once: bool) -> Sealed {
    let content = Content::Letter(letter(from, mode));
    seal(&content, &to.addressee(with_once), &from.author(), &seeds(1)).unwrap()
}
