//! Command and answer as the card sees them (ISO 7816-4, short lengths only).

use super::profile::Transmission;

/// The two bytes that end every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl Status {
    /// Done.
    pub const DONE: Self = Self(0x9000);
    /// Fewer bytes than asked for: the file ended.
    pub const END_REACHED: Self = Self(0x6282);
    /// The length of the command is not what this command needs.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// A PIN is needed first.
    pub const PIN_NEEDED: Self = Self(0x6982);
    /// No tries left.
    pub const BLOCKED: Self = Self(0x6983);
    /// What must have come before did not.
    pub const CONDITIONS: Self = Self(0x6985);
    /// No file is selected.
    pub const NO_FILE: Self = Self(0x6986);
    /// The data make no sense.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// No such file or application.
    pub const NOT_FOUND: Self = Self(0x6A82);
    /// P1 or P2 make no sense, or no application is selected.
    pub const WRONG_PARAMETERS: Self = Self(0x6A86);
    /// No such PIN, key or data object.
    pub const NO_REFERENCE: Self = Self(0x6A88);
    /// The offset is at or past the end.
    pub const WRONG_OFFSET: Self = Self(0x6B00);
    /// No such instruction.
    pub const NO_INSTRUCTION: Self = Self(0x6D00);
    /// No such class.
    pub const NO_CLASS: Self = Self(0x6E00);

    /// `61xx`: so many bytes wait for GET RESPONSE, 00 for 256 or more.
    #[must_use]
    pub fn waiting(bytes: usize) -> Self {
        Self(0x6100 | u16::from(short(bytes)))
    }

    /// `6Cxx`: ask again for exactly so many.
    #[must_use]
    pub fn ask_for(bytes: usize) -> Self {
        Self(0x6C00 | u16::from(short(bytes)))
    }

    /// `63Cx`: so many tries are left.
    #[must_use]
    pub fn tries(left: u8) -> Self {
        Self(0x63C0 | u16::from(left & 0x0F))
    }
}

/// A count of 1 to 256 in one byte; 256 and all above are 00.
fn short(bytes: usize) -> u8 {
    u8::try_from(bytes).unwrap_or(0)
}

/// What the card answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Before the status.
    pub data: Vec<u8>,
    /// How it went.
    pub status: Status,
}

impl Answer {
    pub(super) fn with(data: Vec<u8>) -> Self {
        Self { data, status: Status::DONE }
    }

    /// As it crosses the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [self.data.as_slice(), &self.status.0.to_be_bytes()].concat()
    }
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        Self { data: Vec::new(), status }
    }
}

/// A command in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command<'a> {
    pub(super) class: u8,
    pub(super) instruction: Instruction,
    pub(super) p1: u8,
    pub(super) p2: u8,
    pub(super) data: &'a [u8],
    /// How many bytes may be answered, 1 to 256. None: the command asks for none.
    pub(super) expected: Option<usize>,
}

impl<'a> Command<'a> {
    /// Takes a command apart.
    ///
    /// # Errors
    /// The status to answer with: lengths that do not add up, and in T=0 a command that carries
    /// data and asks for some as well, which a reader cannot put into one exchange.
    pub(super) fn read(apdu: &'a [u8], transmission: Transmission) -> Result<Self, Status> {
        let (&[class, instruction, p1, p2], rest) =
            apdu.split_first_chunk::<4>().ok_or(Status::WRONG_LENGTH)?;
        let (data, expected) = match (rest.split_first(), transmission) {
            // T=0 always has a fifth byte: the reader puts 00, which asks for 256.
            (None, Transmission::T0) => (&[][..], Some(256)),
            (None, Transmission::T1) => (&[][..], None),
            (Some((&length, [])), _) => (&[][..], Some(asked(length))),
            (Some((&length, rest)), transmission) => {
                let (data, rest) =
                    rest.split_at_checked(usize::from(length)).ok_or(Status::WRONG_LENGTH)?;
                match (data, rest, transmission) {
                    ([], _, _) => return Err(Status::WRONG_LENGTH),
                    (data, [], _) => (data, None),
                    (data, &[length], Transmission::T1) => (data, Some(asked(length))),
                    (_, _, _) => return Err(Status::WRONG_LENGTH),
                }
            }
        };
        let instruction = Instruction::of(instruction);
        Ok(Self { class, instruction, p1, p2, data, expected })
    }
}

fn asked(length: u8) -> usize {
    if length == 0 { 256 } else { usize::from(length) }
}

/// What a command wants, as far as this card knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// A4.
    Select,
    /// B0.
    ReadBinary,
    /// C0.
    GetResponse,
    /// CA.
    GetData,
    /// 84.
    GetChallenge,
    /// 20, also with P1=FF.
    Verify,
    /// 22: MANAGE SECURITY ENVIRONMENT.
    Environment,
    /// 2A: PERFORM SECURITY OPERATION, which loads a hash and signs it.
    Operation,
    /// Any other.
    Other(u8),
}

impl Instruction {
    pub(super) fn of(byte: u8) -> Self {
        match byte {
            0xA4 => Self::Select,
            0xB0 => Self::ReadBinary,
            0xC0 => Self::GetResponse,
            0xCA => Self::GetData,
            0x84 => Self::GetChallenge,
            0x20 => Self::Verify,
            0x22 => Self::Environment,
            0x2A => Self::Operation,
            other => Self::Other(other),
        }
    }
}
