//! Commands and answers: bytes and status words (ISO 7816-4, short lengths only).
//!
//! Only commands of a known shape can be made. None speaks of another PIN, key or certificate than
//! those of authentication.

use std::fmt;

use zeroize::Zeroizing;

use super::pin::Pin;

/// How bytes cross between reader and card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// T=0: a command carries data or asks for some, never both.
    T0,
    /// T=1.
    T1,
}

/// Reference of the authentication PIN.
const PIN: u8 = 0x81;
/// SHA-256, in the length byte of what PSO HASH takes.
const DIGEST_SIZE: u8 = 32;

/// An application on the card, by its identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Application {
    /// v3 and v4: everything.
    Citizen,
    /// v5: keys, PINs and certificates.
    Eid,
    /// v5: identity.
    National,
}

impl Application {
    const fn identifier(self) -> [u8; 7] {
        let last = match self {
            Self::Citizen => 0x02,
            Self::Eid => 0x04,
            Self::National => 0x05,
        };
        [0x60, 0x46, 0x32, 0xFF, 0x00, 0x00, last]
    }
}

/// A file, as it is selected in its application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    /// Authentication certificate of v3 and v4.
    Certificate,
    /// Authentication certificate of v5.
    EidCertificate,
    /// The CA that issued the authentication certificate, on v3 and v4.
    IssuingAuthority,
    /// The CA above it, on v3 and v4.
    CardAuthority,
    /// Identity of v3 and v4, at fixed offsets.
    Identity,
    /// Identity of v5, under tags.
    NationalIdentity,
}

impl File {
    /// The path from the master file, which itself must not be part of it, or one identifier in the
    /// folder that is selected.
    const fn place(self) -> FilePath {
        match self {
            Self::Certificate => FilePath::FromTop([0x5F, 0x00, 0xEF, 0x09]),
            Self::EidCertificate | Self::Identity => FilePath::FromTop([0x5F, 0x00, 0xEF, 0x02]),
            Self::IssuingAuthority => FilePath::FromTop([0x5F, 0x00, 0xEF, 0x10]),
            Self::CardAuthority => FilePath::FromTop([0x5F, 0x00, 0xEF, 0x11]),
            Self::NationalIdentity => FilePath::Here([0x01, 0x0D]),
        }
    }
}

enum FilePath {
    FromTop([u8; 4]),
    Here([u8; 2]),
}

/// The key that signs, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SigningKey {
    /// v3 and v4: RSA, PKCS#1 v1.5 with SHA-256.
    Rsa,
    /// v5: ECDSA over P-256 with SHA-256.
    P256,
}

/// What was being done, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardOperation {
    /// Selecting the card's application.
    SelectApplication,
    /// Asking for the version of the card's program.
    ReadVersion,
    /// Reading the authentication certificate.
    ReadCertificate,
    /// Reading a certificate of a CA.
    ReadAuthority,
    /// Reading the identity file.
    ReadIdentity,
    /// Asking how many tries the PIN has left.
    AskTries,
    /// Verifying the PIN.
    Verify,
    /// Choosing the key.
    ChooseKey,
    /// Handing over the digest.
    Hash,
    /// Signing.
    Sign,
    /// Dropping the verified state of the PIN.
    Forget,
}

impl fmt::Display for CardOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SelectApplication => "selecting its application",
            Self::ReadVersion => "asking for its version",
            Self::ReadCertificate => "reading the authentication certificate",
            Self::ReadAuthority => "reading a certificate of an authority",
            Self::ReadIdentity => "reading the identity file",
            Self::AskTries => "asking for the tries left",
            Self::Verify => "verifying the PIN",
            Self::ChooseKey => "choosing the key",
            Self::Hash => "handing over the digest",
            Self::Sign => "signing",
            Self::Forget => "ending the use of the PIN",
        })
    }
}

/// One command. Its `Display` is for logs and hides the PIN.
pub(super) struct CommandApdu {
    header: [u8; 4],
    data: Zeroizing<Vec<u8>>,
    /// The byte after the data: how many bytes are wanted, 00 for 256.
    expected: Option<u8>,
    secret: bool,
}

impl CommandApdu {
    fn bare(header: [u8; 4], expected: u8) -> Self {
        Self { header, data: Zeroizing::default(), expected: Some(expected), secret: false }
    }

    fn with_data(header: [u8; 4], data: &[u8]) -> Self {
        Self { header, data: Zeroizing::new(data.to_vec()), expected: None, secret: false }
    }

    /// SELECT by application identifier, without asking for a description. Clears verified PINs.
    pub(super) fn select_application(application: Application) -> Self {
        Self::with_data([0x00, 0xA4, 0x04, 0x0C], &application.identifier())
    }

    /// SELECT file, without asking for a description.
    pub(super) fn select(file: File) -> Self {
        match file.place() {
            FilePath::FromTop(path) => Self::with_data([0x00, 0xA4, 0x08, 0x0C], &path),
            FilePath::Here(identifier) => Self::with_data([0x00, 0xA4, 0x02, 0x0C], &identifier),
        }
    }

    /// READ BINARY of 1 to 256 bytes of the selected file; more are cut to 256. None if the offset
    /// is one that the command cannot say.
    pub(super) fn read_binary(offset: usize, length: usize) -> Option<Self> {
        let [high, low] = u16::try_from(offset).ok().filter(|at| *at < 0x8000)?.to_be_bytes();
        Some(Self::bare([0x00, 0xB0, high, low], u8::try_from(length).unwrap_or(0)))
    }

    /// GET DATA: the version of the program on v3 and v4.
    pub(super) fn read_version() -> Self {
        Self::bare([0x00, 0xCA, 0xDF, 0x30], 0)
    }

    /// GET RESPONSE.
    pub(super) fn get_response(length: u8) -> Self {
        Self::bare([0x00, 0xC0, 0x00, 0x00], length)
    }

    /// VERIFY without data: asks for the tries left.
    pub(super) fn ask_tries() -> Self {
        Self::bare([0x00, 0x20, 0x00, PIN], 0)
    }

    /// VERIFY of the authentication PIN.
    pub(super) fn verify(pin: &Pin) -> Self {
        let mut command = Self::with_data([0x00, 0x20, 0x00, PIN], pin.block());
        command.secret = true;
        command
    }

    /// VERIFY with nothing but padding, which a reader with a keypad fills in.
    pub(super) fn verify_template() -> Self {
        Self::with_data([0x00, 0x20, 0x00, PIN], &[0xFF; 8])
    }

    /// MSE SET: the authentication key with SHA-256.
    pub(super) fn choose_key(key: SigningKey) -> Self {
        let (algorithm, reference) = match key {
            SigningKey::Rsa => (0x42, 0x02),
            SigningKey::P256 => (0x44, 0x06),
        };
        Self::with_data([0x00, 0x22, 0x41, 0xB6], &[0x80, 0x01, algorithm, 0x84, 0x01, reference])
    }

    /// PSO HASH: the digest made here.
    pub(super) fn hash(digest: &[u8; DIGEST_SIZE as usize]) -> Self {
        Self::with_data([0x00, 0x2A, 0x90, 0xA0], &[&[0x90, DIGEST_SIZE], &digest[..]].concat())
    }

    /// PSO COMPUTE DIGITAL SIGNATURE.
    pub(super) fn sign() -> Self {
        Self::bare([0x00, 0x2A, 0x9E, 0x9A], 0)
    }

    /// Drops the verified state of the PIN on v5.
    pub(super) fn forget_pin() -> Self {
        Self::bare([0x00, 0x20, 0xFF, PIN], 0)
    }

    /// The same command asking for `length` bytes. None if it carries data: then it is never sent
    /// twice, so that no PIN is.
    pub(super) fn asking_for(&self, length: u8) -> Option<Self> {
        self.data.is_empty().then(|| Self::bare(self.header, length))
    }

    /// The bytes to transmit, wiped when dropped.
    pub(super) fn bytes(&self, wire: Wire) -> Zeroizing<Vec<u8>> {
        // Room for all: a growing vector would leave a copy of the PIN behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(6 + self.data.len()));
        bytes.extend_from_slice(&self.header);
        if !self.data.is_empty() {
            // No command here has more than 34 bytes.
            bytes.push(u8::try_from(self.data.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(&self.data);
        }
        match (self.expected, wire) {
            (Some(expected), _) if self.data.is_empty() => bytes.push(expected),
            (Some(expected), Wire::T1) => bytes.push(expected),
            (Some(_), Wire::T0) | (None, _) => {}
        }
        bytes
    }
}

impl fmt::Display for CommandApdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [class, instruction, p1, p2] = self.header;
        write!(f, "{class:02X} {instruction:02X} {p1:02X} {p2:02X}")?;
        if !self.data.is_empty() {
            write!(f, " {:02X}", self.data.len())?;
            if self.secret {
                // As many stars as the block is long: always eight.
                f.write_str(" ********")?;
            } else {
                self.data.iter().try_for_each(|byte| write!(f, " {byte:02X}"))?;
            }
        }
        self.expected.map_or(Ok(()), |expected| write!(f, " {expected:02X}"))
    }
}

/// The two bytes that end every answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatusWord(pub u16);

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a status word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// 9000.
    Done,
    /// 61xx: so many bytes wait for GET RESPONSE, 00 for 256 or more.
    More(u8),
    /// 6Cxx: ask again for so many.
    AskFor(u8),
    /// 63Cx: so many tries are left.
    Tries(u8),
    /// 6282: the file ended before as many bytes as were asked for.
    EndReached,
    /// 6400: nobody typed on the reader in time.
    PinpadTimeout,
    /// 6401: cancelled on the reader.
    PinpadCancelled,
    /// 6402, 6403: the reader refused what was typed.
    PinpadForm,
    /// 6700.
    WrongLength,
    /// 6982: a PIN is needed, or secure messaging.
    NotAllowed,
    /// 6983, 6984.
    Blocked,
    /// 6985; also a digest that the card cannot sign.
    Conditions,
    /// 6986.
    NoFileSelected,
    /// 6A80.
    WrongData,
    /// 6A82.
    NotFound,
    /// 6A86; also no application selected.
    WrongParameters,
    /// 6A88.
    NoReference,
    /// 6B00: the offset is at or past the end.
    WrongOffset,
    /// 6B80: the reader's keypad failed.
    PinpadFault,
    /// 6D00.
    NoInstruction,
    /// 6E00.
    NoClass,
    /// Anything else.
    Other,
}

impl StatusWord {
    pub(super) const fn status(self) -> Status {
        let [high, low] = self.0.to_be_bytes();
        match (high, low) {
            (0x90, 0x00) => Status::Done,
            (0x61, left) => Status::More(left),
            (0x6C, length) => Status::AskFor(length),
            (0x63, 0xC0..=0xCF) => Status::Tries(low & 0x0F),
            (0x62, 0x82) => Status::EndReached,
            (0x64, 0x00) => Status::PinpadTimeout,
            (0x64, 0x01) => Status::PinpadCancelled,
            (0x64, 0x02 | 0x03) => Status::PinpadForm,
            (0x67, 0x00) => Status::WrongLength,
            (0x69, 0x82) => Status::NotAllowed,
            (0x69, 0x83 | 0x84) => Status::Blocked,
            (0x69, 0x85) => Status::Conditions,
            (0x69, 0x86) => Status::NoFileSelected,
            (0x6A, 0x80) => Status::WrongData,
            (0x6A, 0x82) => Status::NotFound,
            (0x6A, 0x86) => Status::WrongParameters,
            (0x6A, 0x88) => Status::NoReference,
            (0x6B, 0x00) => Status::WrongOffset,
            (0x6B, 0x80) => Status::PinpadFault,
            (0x6D, 0x00) => Status::NoInstruction,
            (0x6E, 0x00) => Status::NoClass,
            _ => Status::Other,
        }
    }
}

/// An answer taken apart. Not `Debug`: the data may say who holds the card.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ResponseApdu {
    /// What comes before the status word.
    pub(super) data: Vec<u8>,
    /// How it went.
    pub(super) word: StatusWord,
}

impl ResponseApdu {
    /// None if there is no status word.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (data, word) = bytes.split_last_chunk::<2>()?;
        Some(Self { data: data.to_vec(), word: StatusWord(u16::from_be_bytes(*word)) })
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn hex(command: &CommandApdu, wire: Wire) -> String {
        hex::encode_upper(command.bytes(wire).as_slice())
    }

    fn pin() -> Pin {
        Pin::new(Zeroizing::new("12345".to_owned())).unwrap()
    }

    #[test]
    fn every_command_has_the_bytes_that_cards_were_seen_to_accept() {
        let commands = [
            (CommandApdu::select_application(Application::Citizen), "00A4040C0760463 2FF000002"),
            (CommandApdu::select_application(Application::Eid), "00A4040C07604632FF000004"),
            (CommandApdu::select_application(Application::National), "00A4040C07604632FF000005"),
            (CommandApdu::select(File::Certificate), "00A4080C045F00EF09"),
            (CommandApdu::select(File::EidCertificate), "00A4080C045F00EF02"),
            (CommandApdu::select(File::Identity), "00A4080C045F00EF02"),
            (CommandApdu::select(File::IssuingAuthority), "00A4080C045F00EF10"),
            (CommandApdu::select(File::CardAuthority), "00A4080C045F00EF11"),
            (CommandApdu::select(File::NationalIdentity), "00A4020C02010D"),
            (CommandApdu::read_binary(0x0102, 256).unwrap(), "00B0010200"),
            (CommandApdu::read_binary(0, 20).unwrap(), "00B0000014"),
            (CommandApdu::read_version(), "00CADF3000"),
            (CommandApdu::get_response(0x80), "00C0000080"),
            (CommandApdu::ask_tries(), "0020008100"),
            (CommandApdu::verify(&pin()), "00200081083132333435FFFFFF"),
            (CommandApdu::verify_template(), "0020008108FFFFFFFFFFFFFFFF"),
            (CommandApdu::choose_key(SigningKey::Rsa), "002241B606800142840102"),
            (CommandApdu::choose_key(SigningKey::P256), "002241B606800144840106"),
            (CommandApdu::sign(), "002A9E9A00"),
            (CommandApdu::forget_pin(), "0020FF8100"),
        ];
        for (command, expected) in commands {
            let expected = expected.replace(' ', "");
            assert_eq!(hex(&command, Wire::T0), expected);
            assert_eq!(hex(&command, Wire::T1), expected);
        }
        let hash = hex(&CommandApdu::hash(&[0xAB; 32]), Wire::T1);
        assert_eq!(hash, format!("002A90A0229020{}", "AB".repeat(32)));
    }

    #[test]
    fn a_command_with_data_asks_for_none_on_t0() {
        let mut command = CommandApdu::select(File::Certificate);
        command.expected = Some(0x15);
        assert_eq!(hex(&command, Wire::T0), "00A4080C045F00EF09");
        assert_eq!(hex(&command, Wire::T1), "00A4080C045F00EF0915");
    }

    #[test]
    fn offsets_beyond_fifteen_bits_cannot_be_asked_for() {
        assert!(CommandApdu::read_binary(0x7FFF, 1).is_some());
        assert!(CommandApdu::read_binary(0x8000, 1).is_none());
        assert!(CommandApdu::read_binary(usize::MAX, 1).is_none());
    }

    #[test]
    fn the_log_of_a_command_hides_the_pin() {
        assert_eq!(CommandApdu::verify(&pin()).to_string(), "00 20 00 81 08 ********");
        assert_eq!(CommandApdu::ask_tries().to_string(), "00 20 00 81 00");
        assert_eq!(
            CommandApdu::select(File::Certificate).to_string(),
            "00 A4 08 0C 04 5F 00 EF 09"
        );
    }

    #[test]
    fn a_command_with_data_is_never_asked_again() {
        assert!(CommandApdu::verify(&pin()).asking_for(5).is_none());
        let again = CommandApdu::read_version().asking_for(0x0A).unwrap();
        assert_eq!(hex(&again, Wire::T0), "00CADF300A");
    }

    #[test]
    fn every_status_word_has_one_meaning() {
        let words = [
            (0x9000, Status::Done),
            (0x9001, Status::Other),
            (0x6180, Status::More(0x80)),
            (0x6100, Status::More(0)),
            (0x6C0A, Status::AskFor(10)),
            (0x63C0, Status::Tries(0)),
            (0x63C3, Status::Tries(3)),
            (0x63CF, Status::Tries(15)),
            (0x63BF, Status::Other),
            (0x6300, Status::Other),
            (0x6282, Status::EndReached),
            (0x6400, Status::PinpadTimeout),
            (0x6401, Status::PinpadCancelled),
            (0x6402, Status::PinpadForm),
            (0x6403, Status::PinpadForm),
            (0x6404, Status::Other),
            (0x6700, Status::WrongLength),
            (0x6982, Status::NotAllowed),
            (0x6983, Status::Blocked),
            (0x6984, Status::Blocked),
            (0x6985, Status::Conditions),
            (0x6986, Status::NoFileSelected),
            (0x6A80, Status::WrongData),
            (0x6A82, Status::NotFound),
            (0x6A86, Status::WrongParameters),
            (0x6A88, Status::NoReference),
            (0x6B00, Status::WrongOffset),
            (0x6B80, Status::PinpadFault),
            (0x6D00, Status::NoInstruction),
            (0x6E00, Status::NoClass),
            (0x0000, Status::Other),
        ];
        for (word, status) in words {
            assert_eq!(StatusWord(word).status(), status, "{word:04X}");
        }
    }

    #[test]
    fn an_answer_without_a_status_word_is_none() {
        assert!(ResponseApdu::read(&[]).is_none());
        assert!(ResponseApdu::read(&[0x90]).is_none());
        let answer = ResponseApdu::read(&[1, 2, 0x90, 0]).unwrap();
        assert_eq!((answer.data.as_slice(), answer.word.0), (&[1, 2][..], 0x9000));
    }
}
