//! Which generation a card is of: by the applications on it, never by what it says at its reset.

use std::fmt;

use super::CardError;
use super::apdu::{Application, CardOperation, CommandApdu, File, SigningKey, Status};
use super::session::{Session, Stop};

/// A generation of the citizen card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// 2007 to about 2018: RSA. Also a card that does not tell v3 from v4.
    V3,
    /// 2018 to 2024: RSA, mostly of 3072 bits.
    V4,
    /// From June 2024: P-256.
    V5,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3 => "v3",
            Self::V4 => "v4",
            Self::V5 => "v5",
        })
    }
}

impl Generation {
    /// Where keys, PINs and certificates are.
    pub(super) const fn application(self) -> Application {
        match self {
            Self::V3 | Self::V4 => Application::Citizen,
            Self::V5 => Application::Eid,
        }
    }

    pub(super) const fn certificate(self) -> File {
        match self {
            Self::V3 | Self::V4 => File::Certificate,
            Self::V5 => File::EidCertificate,
        }
    }

    /// Certificates of CAs on the card, from the issuing one upwards.
    pub(super) const fn authorities(self) -> &'static [File] {
        match self {
            Self::V3 | Self::V4 => &[File::IssuingAuthority, File::CardAuthority],
            Self::V5 => &[],
        }
    }

    pub(super) const fn signing_key(self) -> SigningKey {
        match self {
            Self::V3 | Self::V4 => SigningKey::Rsa,
            Self::V5 => SigningKey::P256,
        }
    }
}

/// Finds out the generation and leaves its application selected. None for other cards.
pub(super) fn recognise(session: &mut Session<'_>) -> Result<Option<Generation>, Stop> {
    for application in [Application::Citizen, Application::Eid] {
        let command = CommandApdu::select_application(application);
        let answer = session.run(CardOperation::SelectApplication, &command)?;
        match (answer.word.status(), application) {
            (Status::Done, Application::Eid) => return Ok(Some(Generation::V5)),
            (Status::Done, Application::Citizen | Application::National) => {
                let answer =
                    session.run(CardOperation::ReadVersion, &CommandApdu::read_version())?;
                let known = answer.word.status() == Status::Done;
                return Ok(Some(if known { of_version(&answer.data) } else { Generation::V3 }));
            }
            (Status::NotAllowed, _) => return Err(CardError::Contactless.into()),
            _ => {}
        }
    }
    Ok(None)
}

/// Tells v4 from v3 by what GET DATA answers: `DF 30 07` and seven characters such as `v4.0.0a`.
fn of_version(data: &[u8]) -> Generation {
    match data {
        [0xDF, 0x30, 0x07, b'4', ..] | [0xDF, 0x30, 0x07, b'v', b'4', ..] => Generation::V4,
        _ => Generation::V3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_tells_v4_from_v3() {
        for (version, generation) in [
            (&b"\xDF\x30\x0704.00.1"[..], Generation::V3),
            (b"\xDF\x30\x074.00.01", Generation::V4),
            (b"\xDF\x30\x07v4.00.1", Generation::V4),
            (b"\xDF\x30\x073.00.01", Generation::V3),
            (b"\xDF\x30\x07v3.00.1", Generation::V3),
            (b"\xDF\x31\x074.00.01", Generation::V3),
            (b"\xDF\x30\x07v", Generation::V3),
            (b"4", Generation::V3),
            (b"", Generation::V3),
        ] {
            assert_eq!(of_version(version), generation, "{version:?}");
        }
    }
}
