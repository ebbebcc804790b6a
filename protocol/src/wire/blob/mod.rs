//! Blobs on the wire: sealed bytes beside the logs, put and got in pieces (SPEC 9.3).
//!
//! A binary frame is a header of 64 bytes and at most one piece of a blob. It begins with a byte with
//! which no JSON text begins, so a record carries either sort, and nothing says beforehand which.
//!
//! - [`BlobFrame`] what crosses; [`BlobClass`] the sizes there are
//! - [`Gathering`] puts pieces together in order and compares the hash; [`Credit`] bounds what is on its way

mod gather;

pub use gather::{Credit, Fault, Gathering};

pub use crate::value::blob_class::BlobClass;
use crate::value::codec::Digest;
use crate::value::label::{BLOB_HEADER, BLOB_PIECE, MAX_BLOB, MAX_COUNTER};

/// First byte of a binary frame. No UTF-8 text begins with it, so no JSON does.
pub const MARK: u8 = 0xB1;
/// Version of the header.
const VERSION: u8 = 1;

/// What a blob is for: who may put and get it depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A sealed message, or what is attached to one.
    Envelope,
    /// Public keys that messages are sealed to.
    Prekeys,
    /// A part of a medium, sealed under a key of its own.
    Segment,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Envelope, Self::Prekeys, Self::Segment];

    const fn byte(self) -> u8 {
        match self {
            Self::Envelope => 1,
            Self::Prekeys => 2,
            Self::Segment => 3,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.byte() == byte)
    }
}

/// Why bytes are no binary frame of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobFrameError {
    /// No complete header.
    #[error("shorter than a header of {BLOB_HEADER} bytes")]
    Short,
    /// Another first byte, another version, or a byte that must be zero and is not.
    #[error("not a header of this version")]
    Header,
    /// A type that there is not, or that the sender may not send.
    #[error("no type of a frame from this side")]
    Type,
    /// A purpose that there is not.
    #[error("no purpose of a blob")]
    Purpose,
    /// A number of a request beyond what every JSON reader holds exactly.
    #[error("the number of the request is too large")]
    Number,
    /// A length that no blob has.
    #[error("no blob has this length")]
    Length,
    /// A place at which no piece begins, or none ends.
    #[error("no piece is at this place")]
    Offset,
    /// More or fewer bytes than the piece has.
    #[error("not as many bytes as the piece has")]
    Bytes,
}

/// A piece of a blob: as many bytes as its class has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    class: BlobClass,
    offset: u64,
    bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// The piece of a blob of this class at `offset`, in bytes.
    ///
    /// # Errors
    /// [`BlobFrameError::Offset`] if none begins there, [`BlobFrameError::Bytes`] if it has another size.
    pub fn new(class: BlobClass, offset: u64, bytes: &'a [u8]) -> Result<Self, BlobFrameError> {
        if !class.has_piece_at(offset) {
            Err(BlobFrameError::Offset)
        } else if bytes.len() as u64 != class.piece() {
            Err(BlobFrameError::Bytes)
        } else {
            Ok(Self { class, offset, bytes })
        }
    }

    /// Class of the blob.
    #[must_use]
    pub const fn class(&self) -> BlobClass {
        self.class
    }

    /// Where it begins, in bytes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// What it holds.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// How far the pieces of a blob have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    class: BlobClass,
    offset: u64,
}

impl Reached {
    /// All pieces before `offset`, in bytes.
    ///
    /// # Errors
    /// [`BlobFrameError::Offset`] if none ends there.
    pub fn new(class: BlobClass, offset: u64) -> Result<Self, BlobFrameError> {
        let ends = class.has_piece_before(offset);
        ends.then_some(Self { class, offset }).ok_or(BlobFrameError::Offset)
    }

    /// Class of the blob.
    #[must_use]
    pub const fn class(&self) -> BlobClass {
        self.class
    }

    /// Bytes that have come.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

/// What a binary frame says of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say<'a> {
    /// From a peer: keep this blob, of which this is a piece.
    Put(Piece<'a>),
    /// From a peer: send its pieces from this offset on, in bytes.
    Get(u64),
    /// From a broker: a piece that was asked for.
    Piece(Piece<'a>),
    /// From either: these have come, so many more may be sent.
    More(Reached),
    /// From a peer: no more of what was put or got under this number.
    Stop,
}

/// A binary frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobFrame<'a> {
    /// The peer's number of the request, at most 2^53 − 1; answers repeat it.
    pub n: u64,
    /// What the blob is for.
    pub purpose: Purpose,
    /// SHA-256 of the blob: its name.
    pub digest: Digest,
    /// What is said.
    pub say: Say<'a>,
}

/// Whether a frame is to be read as a binary one.
#[must_use]
pub fn is_binary(frame: &[u8]) -> bool {
    frame.first() == Some(&MARK)
}

/// The number of the request in bytes that need not be a frame of this version: what is refused unread
/// is refused by name.
#[must_use]
pub fn request_of(frame: &[u8]) -> Option<u64> {
    let header = frame.first_chunk::<BLOB_HEADER>()?;
    let (_, rest) = header.split_first_chunk::<8>()?;
    let n = u64::from_be_bytes(*rest.first_chunk()?);
    (is_binary(frame) && n <= MAX_COUNTER).then_some(n)
}

impl<'a> BlobFrame<'a> {
    /// Reads what a peer sent.
    ///
    /// # Errors
    /// [`BlobFrameError`].
    pub fn from_peer(bytes: &'a [u8]) -> Result<Self, BlobFrameError> {
        let frame = Self::read(bytes)?;
        match frame.say {
            Say::Put(_) | Say::Get(_) | Say::More(_) | Say::Stop => Ok(frame),
            Say::Piece(_) => Err(BlobFrameError::Type),
        }
    }

    /// Reads what a broker sent.
    ///
    /// # Errors
    /// [`BlobFrameError`].
    pub fn from_broker(bytes: &'a [u8]) -> Result<Self, BlobFrameError> {
        let frame = Self::read(bytes)?;
        match frame.say {
            Say::Piece(_) | Say::More(_) => Ok(frame),
            Say::Put(_) | Say::Get(_) | Say::Stop => Err(BlobFrameError::Type),
        }
    }

    fn read(bytes: &'a [u8]) -> Result<Self, BlobFrameError> {
        let (header, bytes) =
            bytes.split_first_chunk::<BLOB_HEADER>().ok_or(BlobFrameError::Short)?;
        let mut header = Fields(header);
        let [mark, version, kind, purpose] = header.take()?;
        let reserved: [u8; 4] = header.take()?;
        if (mark, version, reserved) != (MARK, VERSION, [0; 4]) {
            return Err(BlobFrameError::Header);
        }
        let n = u64::from_be_bytes(header.take()?);
        let digest = Digest(header.take()?);
        let total = u64::from_be_bytes(header.take()?);
        let offset = u64::from_be_bytes(header.take()?);
        if n > MAX_COUNTER {
            return Err(BlobFrameError::Number);
        }
        let purpose = Purpose::of(purpose).ok_or(BlobFrameError::Purpose)?;
        let class = || BlobClass::of(total).ok_or(BlobFrameError::Length);
        let say = match kind {
            1 => Say::Put(Piece::new(class()?, offset, bytes)?),
            2 => Say::Get(offset),
            3 => Say::Piece(Piece::new(class()?, offset, bytes)?),
            4 => Say::More(Reached::new(class()?, offset)?),
            5 => Say::Stop,
            _ => return Err(BlobFrameError::Type),
        };
        say.holds_to(total, offset, bytes)?;
        Ok(Self { n, purpose, digest, say })
    }

    /// Writes the frame: it fits one record.
    ///
    /// # Errors
    /// What reading it would say: a number that is too large, a `get` where no piece of any blob begins.
    pub fn encode(&self) -> Result<Vec<u8>, BlobFrameError> {
        const NOTHING: &[u8] = &[];
        let (kind, total, offset, bytes) = match self.say {
            Say::Put(piece) => (1, piece.class.size(), piece.offset, piece.bytes),
            Say::Get(offset) => (2, 0, offset, NOTHING),
            Say::Piece(piece) => (3, piece.class.size(), piece.offset, piece.bytes),
            Say::More(reached) => (4, reached.class.size(), reached.offset, NOTHING),
            Say::Stop => (5, 0, 0, NOTHING),
        };
        self.say.holds_to(total, offset, bytes)?;
        if self.n > MAX_COUNTER {
            return Err(BlobFrameError::Number);
        }
        let mut frame = Vec::with_capacity(BLOB_HEADER.saturating_add(bytes.len()));
        frame.extend([MARK, VERSION, kind, self.purpose.byte(), 0, 0, 0, 0]);
        frame.extend(self.n.to_be_bytes());
        frame.extend(self.digest.0);
        frame.extend(total.to_be_bytes());
        frame.extend(offset.to_be_bytes());
        frame.extend(bytes);
        Ok(frame)
    }
}

impl Say<'_> {
    /// Whether the fields that a type has no use for say nothing.
    fn holds_to(&self, total: u64, offset: u64, bytes: &[u8]) -> Result<(), BlobFrameError> {
        let (no_total, no_offset, no_bytes) = match self {
            Self::Put(_) | Self::Piece(_) => return Ok(()),
            Self::Get(from) => {
                let begins = from.is_multiple_of(BLOB_PIECE) && *from < MAX_BLOB;
                (total == 0, begins, bytes.is_empty())
            }
            Self::More(_) => (true, true, bytes.is_empty()),
            Self::Stop => (total == 0, offset == 0, bytes.is_empty()),
        };
        if !no_total {
            Err(BlobFrameError::Length)
        } else if !no_offset {
            Err(BlobFrameError::Offset)
        } else if !no_bytes {
            Err(BlobFrameError::Bytes)
        } else {
            Ok(())
        }
    }
}

/// Fields of a header, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BlobFrameError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(BlobFrameError::Short)?;
        self.0 = rest;
        Ok(*field)
    }
}

#[cfg(test)]
mod tests;
