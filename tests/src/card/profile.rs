//! Which generation of card it is, and what is put on it.

use anyhow::{Context as _, Result};
use pregao_test_pki::CitizenData;

/// A generation of the Portuguese citizen card, as the facts about its contact interface describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// 2007 to about 2018: T=0, RSA-2048, SHA-256 only.
    V3,
    /// 2018 to 2024: T=1, RSA-3072, signatures longer than one answer.
    V4,
    /// Since 2024: T=1, P-256, two applications and no certificate of an authority.
    V5,
    /// Some other smart card: it answers, and has none of the applications.
    Unknown,
}

/// How the bytes travel between reader and card (ISO 7816-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmission {
    /// T=0: a command carries data or asks for some, never both.
    T0,
    /// T=1: blocks; a command may do both.
    T1,
}

/// What READ BINARY does when more is asked for than the file still has. Cards differ, and for no
/// generation is it known for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastEnd {
    /// Nothing but `6Cxx` with the length that is left.
    WrongLength,
    /// What is left, and `9000`.
    Short,
    /// What is left, and `6282`.
    Warning,
}

/// A hash that a security environment can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// 20 bytes.
    Sha1,
    /// 28 bytes.
    Sha224,
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl Hash {
    /// The hash in the high nibble of an algorithm reference.
    pub(super) fn of_nibble(nibble: u8) -> Option<Self> {
        match nibble {
            1 => Some(Self::Sha1),
            3 => Some(Self::Sha224),
            4 => Some(Self::Sha256),
            5 => Some(Self::Sha384),
            6 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Bytes of its digest.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The padding, or the curve's scheme, in the low nibble of an algorithm reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Pkcs1,
    Pss,
    Ecdsa,
}

impl Scheme {
    pub(super) fn of_nibble(nibble: u8) -> Option<Self> {
        match nibble {
            2 => Some(Self::Pkcs1),
            4 => Some(Self::Ecdsa),
            5 => Some(Self::Pss),
            _ => None,
        }
    }
}

/// The application of v3 and v4.
pub const CITIZEN: [u8; 7] = [0x60, 0x46, 0x32, 0xFF, 0x00, 0x00, 0x02];
/// Keys, PINs and certificates of v5.
pub const EID: [u8; 7] = [0x60, 0x46, 0x32, 0xFF, 0x00, 0x00, 0x04];
/// National data of v5: identity and photo.
pub const NATIONAL: [u8; 7] = [0x60, 0x46, 0x32, 0xFF, 0x00, 0x00, 0x05];

const ATR_V3: &[u8] = &[
    0x3B, 0x7D, 0x95, 0x00, 0x00, 0x80, 0x31, 0x80, 0x65, 0xB0, 0x83, 0x11, 0xC0, 0xA9, 0x83, 0x00,
    0x90, 0x00,
];
const ATR_V4: &[u8] = &[
    0x3B, 0xFF, 0x96, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x43, 0x80, 0x31, 0x80, 0x65, 0xB0, 0x85, 0x04,
    0x01, 0x20, 0x12, 0x0F, 0xFF, 0x82, 0x90, 0x00, 0xD0,
];
const ATR_V5: &[u8] = &[
    0x3B, 0xFF, 0x96, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x43, 0x80, 0x31, 0x80, 0x65, 0xB0, 0x85, 0x05,
    0x00, 0x11, 0x12, 0x0F, 0xFF, 0x82, 0x90, 0x00, 0xE1,
];
/// T=1 only, three historical bytes that say nothing, and the check byte over it all.
const ATR_UNKNOWN: &[u8] = &[0x3B, 0x83, 0x81, 0x31, 0xFE, 0x45, 0x54, 0x53, 0x54, 0x5B];

impl From<pregao_test_pki::Profile> for Profile {
    fn from(profile: pregao_test_pki::Profile) -> Self {
        match profile {
            pregao_test_pki::Profile::V3 => Self::V3,
            pregao_test_pki::Profile::V4 => Self::V4,
            pregao_test_pki::Profile::V5 => Self::V5,
        }
    }
}

impl Profile {
    /// The answer to reset.
    #[must_use]
    pub fn atr(self) -> &'static [u8] {
        match self {
            Self::V3 => ATR_V3,
            Self::V4 => ATR_V4,
            Self::V5 => ATR_V5,
            Self::Unknown => ATR_UNKNOWN,
        }
    }

    /// The transmission protocol that its answer to reset offers.
    #[must_use]
    pub fn transmission(self) -> Transmission {
        match self {
            Self::V3 => Transmission::T0,
            Self::V4 | Self::V5 | Self::Unknown => Transmission::T1,
        }
    }

    /// What READ BINARY does at the end unless a test says otherwise: another thing in each.
    pub(super) fn past_end(self) -> PastEnd {
        match self {
            Self::V3 | Self::V5 => PastEnd::WrongLength,
            Self::V4 | Self::Unknown => PastEnd::Short,
        }
    }

    /// The application's version, seven characters: the major digit is the first or follows a `v`.
    pub(super) fn version(self) -> &'static [u8; 7] {
        match self {
            Self::V3 => b"3.01.00",
            Self::V4 | Self::Unknown => b"v4.02.0",
            Self::V5 => b"v5.00.1",
        }
    }

    /// Whether a hash can be loaded. Real v3 and v4 cards also take SHA-1, which this one cannot
    /// sign because the library beneath refuses to.
    pub(super) fn takes(self, hash: Hash) -> bool {
        match self {
            Self::V3 | Self::V5 => hash == Hash::Sha256,
            Self::V4 => matches!(hash, Hash::Sha256 | Hash::Sha384 | Hash::Sha512),
            Self::Unknown => false,
        }
    }

    pub(super) fn offers(self, scheme: Scheme) -> bool {
        match self {
            Self::V3 => scheme == Scheme::Pkcs1,
            Self::V4 => matches!(scheme, Scheme::Pkcs1 | Scheme::Pss),
            Self::V5 => scheme == Scheme::Ecdsa,
            Self::Unknown => false,
        }
    }

    /// The reference of a private key, as MSE SET names it.
    #[must_use]
    pub fn key_reference(self, purpose: Purpose) -> u8 {
        match (self, purpose) {
            (Self::V5, Purpose::Authentication) => 0x06,
            (Self::V5, Purpose::Signature) => 0x08,
            (_, Purpose::Authentication) => 0x02,
            (_, Purpose::Signature) => 0x01,
        }
    }
}

/// The two keys of a citizen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Logging in: PIN 81.
    Authentication,
    /// The qualified signature: PIN 82. Nothing in this project may touch it.
    Signature,
}

/// The citizen's identity file. Everything in it is made up and says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the fields on the card")]
pub struct Identity {
    pub document_number: String,
    pub card_number: String,
    pub version: String,
    pub issued: String,
    pub expires: String,
    pub surname: String,
    pub given_name: String,
    pub sex: String,
    pub nationality: String,
    pub birth_date: String,
    pub height: String,
    /// Eight digits.
    pub civil_number: String,
    pub tax_number: String,
    pub social_security_number: String,
    pub health_number: String,
}

impl Identity {
    /// Of a citizen of the test PKI, with the rest filled in.
    #[must_use]
    pub fn of(citizen: &CitizenData) -> Self {
        Self {
            document_number: format!("{} 0 ZZ0", citizen.civil_number),
            card_number: "0000000000000000".to_owned(),
            version: "004.000".to_owned(),
            issued: "01 01 2024".to_owned(),
            expires: "01 01 2034".to_owned(),
            surname: citizen.surname.clone(),
            given_name: citizen.given_name.clone(),
            sex: "F".to_owned(),
            nationality: "PRT".to_owned(),
            birth_date: "29 02 2000".to_owned(),
            height: "1,70".to_owned(),
            civil_number: citizen.civil_number.clone(),
            tax_number: "000000000".to_owned(),
            social_security_number: "00000000000".to_owned(),
            health_number: "000000000".to_owned(),
        }
    }
}

/// The three PINs, with three tries each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Reference 81.
    Authentication,
    /// Reference 82.
    Signature,
    /// Reference 83.
    Address,
}

impl Pin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Authentication, Self::Signature, Self::Address];

    /// The reference in VERIFY's P2.
    #[must_use]
    pub fn reference(self) -> u8 {
        match self {
            Self::Authentication => 0x81,
            Self::Signature => 0x82,
            Self::Address => 0x83,
        }
    }

    /// What a new virtual card is protected with.
    #[must_use]
    pub fn preset(self) -> &'static str {
        match self {
            Self::Authentication => "1234",
            Self::Signature => "5678",
            Self::Address => "9012",
        }
    }
}

/// A PIN as VERIFY carries it: ASCII digits, padded on the right with FF to eight bytes.
///
/// # Errors
/// If it has not four to eight digits.
pub fn pin_block(digits: &str) -> Result<[u8; 8]> {
    let fits = (4..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    anyhow::ensure!(fits, "a PIN has four to eight digits");
    let mut block = [0xFF; 8];
    block.get_mut(..digits.len()).context("eight at most")?.copy_from_slice(digits.as_bytes());
    Ok(block)
}
