//! HPKE (RFC 9180) to a prekey: X-Wing, HKDF-SHA256, ChaCha20-Poly1305; base mode, or with a key that both sides have.

use std::fmt;

use hpke::aead::{AeadCtxR, AeadCtxS, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, PskBundle, Serializable as _};
use zeroize::Zeroizing;

use super::{ENCAPSULATED, PrekeyPublic, PrekeySecret, Randomness};
use crate::trust::seal::{KeyMaterial, SealError};

type Encapsulated = <XWing as Kem>::EncappedKey;

/// A key that both sides have beside the one that is encapsulated (RFC 9180 5.1.2).
#[derive(Clone, Copy)]
pub(crate) struct Psk<'a> {
    /// The key.
    pub(crate) key: &'a [u8; 32],
    /// Which one it is; not empty.
    pub(crate) id: &'a [u8],
}

/// The sending side of one context: the encapsulation is made, the plaintext need not be yet.
pub(crate) struct Sender {
    encapsulated: [u8; ENCAPSULATED],
    context: AeadCtxS<ChaCha20Poly1305, HkdfSha256, XWing>,
}

impl Sender {
    /// Encapsulates a key to `to`. The randomness is for this call alone.
    pub(crate) fn new(
        to: &PrekeyPublic,
        psk: Option<Psk<'_>>,
        info: &[u8],
        randomness: Randomness,
    ) -> Result<Self, SealError> {
        let mode = match psk {
            Some(psk) => OpModeS::Psk(PskBundle::new(psk.key, psk.id).map_err(|_| SealError::Key)?),
            None => OpModeS::Base,
        };
        let mut rng = KeyMaterial(randomness);
        let (encapsulated, context) =
            hpke::setup_sender_with_rng::<_, _, XWing>(&mode, &to.expanded(), info, &mut rng)
                .map_err(|_| SealError::Key)?;
        let encapsulated =
            encapsulated.to_bytes().as_slice().try_into().map_err(|_| SealError::Key)?;
        Ok(Self { encapsulated, context })
    }

    /// What the reader needs.
    pub(crate) const fn encapsulated(&self) -> &[u8; ENCAPSULATED] {
        &self.encapsulated
    }

    /// 32 bytes that both sides know, for what `context` says.
    pub(crate) fn export(&self, context: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let mut secret = Zeroizing::new([0; 32]);
        self.context.export(context, &mut *secret).map_err(|_| SealError::Key)?;
        Ok(secret)
    }

    /// Seals the one plaintext of this context: ciphertext, tag.
    pub(crate) fn seal(mut self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        self.context.seal(plaintext, aad).map_err(|_| SealError::Key)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender(..)")
    }
}

/// The reading side of one context.
pub(crate) struct Receiver(AeadCtxR<ChaCha20Poly1305, HkdfSha256, XWing>);

impl Receiver {
    /// Takes up what [`Sender::new`] made with the same `psk` and `info`. With anything else it opens nothing.
    pub(crate) fn new(
        secret: &PrekeySecret,
        psk: Option<Psk<'_>>,
        info: &[u8],
        encapsulated: &[u8; ENCAPSULATED],
    ) -> Result<Self, SealError> {
        let mode = match psk {
            Some(psk) => {
                OpModeR::Psk(PskBundle::new(psk.key, psk.id).map_err(|_| SealError::Open)?)
            }
            None => OpModeR::Base,
        };
        let encapsulated = Encapsulated::from_bytes(encapsulated).map_err(|_| SealError::Open)?;
        hpke::setup_receiver(&mode, &secret.expanded(), &encapsulated, info)
            .map(Self)
            .map_err(|_| SealError::Open)
    }

    /// As [`Sender::export`].
    pub(crate) fn export(&self, context: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let mut secret = Zeroizing::new([0; 32]);
        self.0.export(context, &mut *secret).map_err(|_| SealError::Open)?;
        Ok(secret)
    }

    /// Opens what [`Sender::seal`] made.
    pub(crate) fn open(
        mut self,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.open(sealed, aad).map(Zeroizing::new).map_err(|_| SealError::Open)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver(..)")
    }
}
