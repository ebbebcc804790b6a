//! The age files: what is encrypted to whom, and what can be wrong with one.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use age::DecryptError;
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::VaultError;

/// The first line of a file that is text.
const BEGINNING: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
/// Its last line, if it is whole.
const END: &[u8] = b"-----END AGE ENCRYPTED FILE-----";

/// Longest file read for a passphrase, in bytes.
const LONGEST_PASSPHRASE_FILE: u64 = 64 * 1024;

/// Greatest work factor accepted when opening: half a minute or so on a small machine.
const MOST_WORK: u8 = 22;

/// What the user types to open the vault. Wiped when dropped, hidden from `Debug`.
#[derive(Debug, Clone)]
pub struct Passphrase(SecretString);

impl Passphrase {
    /// Takes a typed passphrase over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// Reads the first line of a file that holds a passphrase.
    ///
    /// # Errors
    /// [`VaultError::Io`] and its kin if the file cannot be read.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        // It may be a pipe: its length shows only when it is read.
        let most = LONGEST_PASSPHRASE_FILE;
        let mut text = Zeroizing::new(String::new());
        let read = File::open(path)
            .and_then(|file| file.take(most.saturating_add(1)).read_to_string(&mut text))
            .and_then(|length| match u64::try_from(length) {
                Ok(length) if length <= most => Ok(()),
                Ok(_) | Err(_) => Err(io::ErrorKind::FileTooLarge.into()),
            });
        read.map_err(|source| VaultError::Io { path: path.to_owned(), source })?;
        Ok(Self::new(text.lines().next().unwrap_or("").to_owned()))
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }
}

/// How much work it is to try one passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkFactor {
    /// About a second on this machine.
    Measured,
    /// 2^n, between 1 and 22: small ones are for throw-away vaults only.
    Fixed(u8),
}

/// The secret key that opens the vault's contents.
pub(super) struct Identity(age::x25519::Identity);

/// The public key that the vault's contents are encrypted to.
pub(super) struct Recipient(age::x25519::Recipient);

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(..)")
    }
}

impl Identity {
    pub(super) fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    pub(super) fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// The identity as an age file under a passphrase.
    pub(super) fn under_passphrase(
        &self,
        passphrase: &Passphrase,
        work: WorkFactor,
    ) -> Result<Vec<u8>, VaultError> {
        let mut recipient = age::scrypt::Recipient::new(passphrase.0.clone());
        if let WorkFactor::Fixed(factor) = work {
            recipient.set_work_factor(factor.clamp(1, MOST_WORK));
        }
        seal_to(&recipient, self.0.to_string().expose_secret().as_bytes(), Format::AsciiArmor)
    }

    /// Reads what [`Identity::under_passphrase`] wrote.
    pub(super) fn from_passphrase(
        file: &Path,
        sealed: &[u8],
        passphrase: &Passphrase,
    ) -> Result<Self, VaultError> {
        let mut key = age::scrypt::Identity::new(passphrase.0.clone());
        key.set_max_work_factor(MOST_WORK);
        let text = unseal_with(&key, file, sealed)?;
        let damaged = || VaultError::Damaged {
            file: file.to_owned(),
            reason: "it holds no identity".to_owned(),
        };
        let text = std::str::from_utf8(&text).map_err(|_| damaged())?;
        text.trim().parse().map(Self).map_err(|_| damaged())
    }

    /// Reads what [`Recipient::seal`] wrote, all of it or nothing.
    pub(super) fn unseal(
        &self,
        file: &Path,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        unseal_with(&self.0, file, sealed)
    }
}

impl Recipient {
    pub(super) fn seal(&self, text: &[u8]) -> Result<Vec<u8>, VaultError> {
        // Written with every act, by a program for a program: as bytes, a third shorter.
        seal_to(&self.0, text, Format::Binary)
    }
}

fn seal_to(
    recipient: &dyn age::Recipient,
    text: &[u8],
    format: Format,
) -> Result<Vec<u8>, VaultError> {
    let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient))
        .map_err(|error| VaultError::Encoding(error.to_string()))?;
    let write = || -> io::Result<Vec<u8>> {
        let armor = ArmoredWriter::wrap_output(Vec::new(), format)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(text)?;
        writer.finish()?.finish()
    };
    write().map_err(|error| VaultError::Encoding(error.to_string()))
}

/// Decrypts to the end: what is not read to the end was not checked to the end.
fn unseal_with(
    key: &dyn age::Identity,
    file: &Path,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let shared = BEGINNING.len().min(sealed.len());
    let is_armored = sealed.get(..shared) == BEGINNING.get(..shared);
    // Of bytes, only that they are not the ones that were written can be seen.
    if is_armored && !sealed.trim_ascii_end().ends_with(END) {
        return Err(VaultError::Truncated { file: file.to_owned() });
    }
    let failed = |error| name_failure(file, error);
    let decryptor = age::Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(failed)?;
    let mut reader = decryptor.decrypt(std::iter::once(key)).map_err(failed)?;
    // The text is shorter than the file, so the buffer never grows and leaves no copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut text).map_err(|error| failed(error.into()))?;
    Ok(text)
}

fn name_failure(file: &Path, error: DecryptError) -> VaultError {
    let file = file.to_owned();
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
            VaultError::WrongPassphrase { file }
        }
        DecryptError::ExcessiveWork { required, .. } => {
            VaultError::TooMuchWork { file, required, most: MOST_WORK }
        }
        // A flipped bit can look like a form of the future.
        DecryptError::UnknownFormat => VaultError::Damaged {
            file,
            reason: "it was changed, or a newer version of this program wrote it".to_owned(),
        },
        DecryptError::NoMatchingKeys => VaultError::Damaged {
            file,
            reason: "it belongs to another identity than the one beside it".to_owned(),
        },
        DecryptError::InvalidHeader | DecryptError::InvalidMac | DecryptError::Io(_) => {
            VaultError::Damaged {
                file,
                reason: "it was changed or cut short after it was written".to_owned(),
            }
        }
    }
}
