//! The cryptography under the Noise handshake: where `snow` asks, libraries answer.
//!
//! X25519 and both AEADs come from aws-lc, hashes from RustCrypto. Two things are stricter than
//! what `snow` brings along: a shared secret of zeros is an error (a share of small order would
//! take the other side's contribution out of the key), and randomness is handed in.
//!
//! aws-lc wipes its key objects when it frees them, and secrets held here wipe themselves. The
//! chaining key inside `snow` is beyond reach: it is dropped with the handshake, not wiped.

use std::cell::Cell;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use blake2::Blake2s256;
use sha2::{Digest, Sha256};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use zeroize::Zeroizing;

/// Length of an authentication tag.
pub(super) const TAG: usize = 16;
/// Length of keys, public and secret, and of hashes.
pub(super) const KEY: usize = 32;
/// The block of SHA-256 and of BLAKE2s, for HMAC.
const BLOCK: usize = 64;

/// Hands the primitives to `snow`.
pub(super) struct Resolver {
    /// The one ephemeral secret of the one handshake this resolver serves. A generator in its
    /// place would leave its seed in freed memory.
    ephemeral: Cell<Option<Zeroizing<[u8; KEY]>>>,
}

impl Resolver {
    pub(super) const fn new(ephemeral: Zeroizing<[u8; KEY]>) -> Self {
        Self { ephemeral: Cell::new(Some(ephemeral)) }
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.ephemeral.take()?))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        (*choice == DHChoice::Curve25519).then(|| Box::new(X25519::default()) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        match choice {
            HashChoice::SHA256 => Some(Box::new(Hasher::<Sha256>::new("SHA256"))),
            HashChoice::Blake2s => Some(Box::new(Hasher::<Blake2s256>::new("BLAKE2s"))),
            HashChoice::SHA512 | HashChoice::Blake2b => None,
        }
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(Aead::new(*choice)))
    }
}

/// Gives its 32 bytes once, and nothing twice.
struct Once(Option<Zeroizing<[u8; KEY]>>);

impl Random for Once {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        let secret = self.0.take().filter(|secret| secret.len() == dest.len());
        dest.copy_from_slice(secret.as_deref().ok_or(snow::Error::Rng)?);
        Ok(())
    }
}

/// An X25519 key pair. All zeros until it is set.
#[derive(Default)]
struct X25519 {
    secret: Zeroizing<[u8; KEY]>,
    public: [u8; KEY],
    key: Option<PrivateKey>,
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        KEY
    }

    fn priv_len(&self) -> usize {
        KEY
    }

    /// A secret of another length leaves the pair empty, and every agreement with it fails.
    fn set(&mut self, secret: &[u8]) {
        *self = Self::default();
        let Ok(secret) = <[u8; KEY]>::try_from(secret) else { return };
        let Ok(key) = PrivateKey::from_private_key(&agreement::X25519, &secret) else { return };
        let Ok(public) = key.compute_public_key() else { return };
        let Ok(public) = <[u8; KEY]>::try_from(public.as_ref()) else { return };
        *self = Self { secret: Zeroizing::new(secret), public, key: Some(key) };
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = Zeroizing::new([0_u8; KEY]);
        rng.try_fill_bytes(&mut *secret)?;
        self.set(&*secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.secret
    }

    /// aws-lc refuses a shared secret of zeros itself; the check here does not rely on it.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public = public.get(..KEY).ok_or(snow::Error::Dh)?;
        let out = out.get_mut(..KEY).ok_or(snow::Error::Dh)?;
        let key = self.key.as_ref().ok_or(snow::Error::Dh)?;
        let peer = UnparsedPublicKey::new(&agreement::X25519, public);
        agreement::agree(key, peer, snow::Error::Dh, |shared| {
            if shared.len() != KEY || shared.iter().fold(0, |sum, byte| sum | byte) == 0 {
                return Err(snow::Error::Dh);
            }
            out.copy_from_slice(shared);
            Ok(())
        })
    }
}

/// The public key of an X25519 secret.
pub(super) fn public_key(secret: &[u8; KEY]) -> [u8; KEY] {
    let mut pair = X25519::default();
    pair.set(secret);
    pair.public
}

struct Hasher<D> {
    name: &'static str,
    state: D,
}

impl<D: Digest> Hasher<D> {
    fn new(name: &'static str) -> Self {
        Self { name, state: D::new() }
    }
}

impl<D: Digest + Send + Sync> Hash for Hasher<D> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn block_len(&self) -> usize {
        BLOCK
    }

    fn hash_len(&self) -> usize {
        KEY
    }

    fn reset(&mut self) {
        self.state = D::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.state.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let state = std::mem::replace(&mut self.state, D::new());
        for (to, from) in out.iter_mut().zip(state.finalize()) {
            *to = from;
        }
    }
}

/// One AEAD key with Noise's nonces and Noise's rekey; serves the handshake and the records.
pub(super) struct Aead {
    choice: CipherChoice,
    key: LessSafeKey,
}

impl Aead {
    /// A cipher with a key of zeros, which the first [`Cipher::set`] replaces.
    pub(super) fn new(choice: CipherChoice) -> Self {
        Self { choice, key: Self::bind(choice, &[0; KEY]) }
    }

    fn bind(choice: CipherChoice, key: &[u8; KEY]) -> LessSafeKey {
        let algorithm = match choice {
            CipherChoice::ChaChaPoly => &aead::CHACHA20_POLY1305,
            CipherChoice::AESGCM => &aead::AES_256_GCM,
        };
        LessSafeKey::new(UnboundKey::new(algorithm, key).expect("both AEADs take 32-byte keys"))
    }

    /// Noise 12.3 and 12.4: four zero bytes, then the counter, little-endian for ChaChaPoly and
    /// big-endian for AESGCM.
    fn nonce(&self, counter: u64) -> Nonce {
        let counter = match self.choice {
            CipherChoice::ChaChaPoly => counter.to_le_bytes(),
            CipherChoice::AESGCM => counter.to_be_bytes(),
        };
        let mut nonce = [0_u8; 12];
        for (to, from) in nonce.iter_mut().skip(4).zip(counter) {
            *to = from;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts in place and gives the tag.
    pub(super) fn seal(&self, counter: u64, aad: &[u8], in_out: &mut [u8]) -> [u8; TAG] {
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(counter), Aad::from(aad), in_out)
            .expect("a Noise message is far below what either AEAD takes");
        <[u8; TAG]>::try_from(tag.as_ref()).expect("both AEADs have 16-byte tags")
    }

    /// Decrypts ciphertext and tag in place; the plaintext lies at the front.
    ///
    /// # Errors
    /// [`snow::Error::Decrypt`] if the tag does not fit.
    pub(super) fn open<'a>(
        &self,
        counter: u64,
        aad: &[u8],
        in_out: &'a mut [u8],
    ) -> Result<&'a mut [u8], snow::Error> {
        self.key
            .open_in_place(self.nonce(counter), Aad::from(aad), in_out)
            .map_err(|_| snow::Error::Decrypt)
    }
}

impl Cipher for Aead {
    fn name(&self) -> &'static str {
        match self.choice {
            CipherChoice::ChaChaPoly => "ChaChaPoly",
            CipherChoice::AESGCM => "AESGCM",
        }
    }

    fn set(&mut self, key: &[u8; KEY]) {
        self.key = Self::bind(self.choice, key);
    }

    fn encrypt(&self, nonce: u64, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let (body, rest) = out.split_at_mut(plaintext.len());
        body.copy_from_slice(plaintext);
        let tag = self.seal(nonce, aad, body);
        let (place, _) = rest.split_at_mut(TAG);
        place.copy_from_slice(&tag);
        plaintext.len() + TAG
    }

    fn decrypt(
        &self,
        nonce: u64,
        aad: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, snow::Error> {
        let length = ciphertext.len().checked_sub(TAG).ok_or(snow::Error::Decrypt)?;
        let out = out.get_mut(..length).ok_or(snow::Error::Decrypt)?;
        let (body, tag) = ciphertext.split_at(length);
        self.key
            .open_separate_gather(self.nonce(nonce), Aad::from(aad), body, tag, out)
            .map_err(|_| snow::Error::Decrypt)?;
        Ok(length)
    }

    /// Noise 4.2, `REKEY(k)`; as the trait's own, with the key in between wiped.
    fn rekey(&mut self) {
        let mut key = Zeroizing::new([0_u8; KEY]);
        self.seal(u64::MAX, &[], &mut *key);
        self.set(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        protocol_name: String,
        init_prologue: String,
        init_static: String,
        init_ephemeral: String,
        resp_prologue: String,
        resp_static: String,
        resp_ephemeral: String,
        handshake_hash: String,
        messages: Vec<Exchange>,
    }

    #[derive(serde::Deserialize)]
    struct Exchange {
        payload: String,
        ciphertext: String,
    }

    fn side(name: &str, keys: [&str; 3], initiator: bool) -> snow::HandshakeState {
        let [prologue, own, ephemeral] = keys.map(|text| hex::decode(text).unwrap());
        let resolver = Box::new(Resolver::new(Zeroizing::new([0; 32])));
        let builder = snow::Builder::with_resolver(name.parse().unwrap(), resolver)
            .local_private_key(&own)
            .unwrap()
            .prologue(&prologue)
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(&ephemeral);
        if initiator { builder.build_initiator() } else { builder.build_responder() }.unwrap()
    }

    #[test]
    fn published_vectors_give_handshake_keys_and_records() {
        let file = include_str!("../../../vectors/noise-xx.json");
        let file: Vectors = serde_json::from_str(file).unwrap();
        let names: Vec<&str> = file.vectors.iter().map(|v| v.protocol_name.as_str()).collect();
        for suite in super::super::Suite::ALL {
            assert!(names.contains(&format!("Noise_XX_{suite}").as_str()));
        }
        for v in file.vectors {
            let name = v.protocol_name.as_str();
            let mut one = side(name, [&v.init_prologue, &v.init_static, &v.init_ephemeral], true);
            let mut two = side(name, [&v.resp_prologue, &v.resp_static, &v.resp_ephemeral], false);
            let (handshake, records) = v.messages.split_at(3);
            for exchange in handshake {
                let payload = hex::decode(&exchange.payload).unwrap();
                let (mut written, mut read) = (vec![0; 1000], vec![0; 1000]);
                let length = one.write_message(&payload, &mut written).unwrap();
                assert_eq!(hex::encode(&written[..length]), exchange.ciphertext, "{name}");
                let length = two.read_message(&written[..length], &mut read).unwrap();
                assert_eq!(read[..length], payload, "{name}");
                std::mem::swap(&mut one, &mut two);
            }
            assert_eq!(hex::encode(one.get_handshake_hash()), v.handshake_hash, "{name}");
            let (initiator, responder) = one.dangerously_get_raw_split();
            let choice = name.parse::<snow::params::NoiseParams>().unwrap().cipher;
            let keys = [responder, initiator].map(|key| {
                let mut cipher = Aead::new(choice);
                cipher.set(&key);
                cipher
            });
            for (at, exchange) in records.iter().enumerate() {
                let mut body = hex::decode(&exchange.payload).unwrap();
                let (cipher, nonce) = (&keys[at % 2], at as u64 / 2);
                let tag = cipher.seal(nonce, &[], &mut body);
                let record = [body, tag.to_vec()].concat();
                assert_eq!(hex::encode(&record), exchange.ciphertext, "{name}");
                let mut opened = record;
                let opened = cipher.open(nonce, &[], &mut opened).unwrap();
                assert_eq!(hex::encode(opened), exchange.payload, "{name}");
            }
        }
    }

    /// The encodings of small-order points that X25519 takes (RFC 7748 ignores the top bit).
    const SMALL_ORDER: [&str; 7] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    #[test]
    fn shares_of_small_order_give_no_secret() {
        let mut pair = X25519::default();
        pair.set(&[77; 32]);
        for text in SMALL_ORDER {
            let share = hex::decode(text).unwrap();
            assert_eq!(pair.dh(&share, &mut [0; 32]), Err(snow::Error::Dh), "{text}");
        }
        let mut peer = X25519::default();
        peer.set(&[78; 32]);
        let (mut one, mut two) = ([0; 32], [0; 32]);
        pair.dh(peer.pubkey(), &mut one).unwrap();
        peer.dh(pair.pubkey(), &mut two).unwrap();
        assert_eq!(one, two);
    }

    #[test]
    fn a_shared_secret_whose_bytes_cancel_out_is_one_like_any_other() {
        let mut pair = X25519::default();
        pair.set(&[77; 32]);
        let cancels = |n: &u16| {
            let mut secret = [1; 32];
            secret[8..10].copy_from_slice(&n.to_be_bytes());
            let mut shared = [0; 32];
            pair.dh(&public_key(&secret), &mut shared).unwrap();
            shared.iter().fold(0, |sum, byte| sum ^ byte) == 0
        };
        assert_ne!((0..1_000).filter(cancels).count(), 0);
    }

    #[test]
    fn a_hash_that_is_reset_forgets_what_it_was_given() {
        let digest = |given: &[&[u8]]| {
            let mut hasher = Hasher::<Sha256>::new("SHA256");
            for part in given {
                hasher.reset();
                hasher.input(part);
            }
            let mut out = [0; KEY];
            hasher.result(&mut out);
            out
        };
        assert_eq!(digest(&[b"before", b"after"]), digest(&[b"after"]));
    }

    #[test]
    fn an_unset_pair_agrees_with_nobody() {
        let mut pair = X25519::default();
        assert_eq!(pair.dh(&public_key(&[1; 32]), &mut [0; 32]), Err(snow::Error::Dh));
        pair.set(&[1; 31]);
        assert_eq!(pair.dh(&public_key(&[1; 32]), &mut [0; 32]), Err(snow::Error::Dh));
    }

    #[test]
    fn an_ephemeral_secret_is_given_once() {
        let resolver = Resolver::new(Zeroizing::new([3; 32]));
        let mut rng = resolver.resolve_rng().unwrap();
        assert!(resolver.resolve_rng().is_none());
        let mut out = [0; 32];
        rng.try_fill_bytes(&mut out).unwrap();
        assert_eq!(out, [3; 32]);
        assert_eq!(rng.try_fill_bytes(&mut out), Err(snow::Error::Rng));
        let mut short = Resolver::new(Zeroizing::new([3; 32])).resolve_rng().unwrap();
        assert_eq!(short.try_fill_bytes(&mut [0; 31]), Err(snow::Error::Rng));
    }

    /// Noise 4.2: the first 32 bytes of 32 zeros encrypted under the last nonce.
    #[test]
    fn a_changed_key_is_the_one_noise_defines() {
        for choice in [CipherChoice::AESGCM, CipherChoice::ChaChaPoly] {
            let mut changed = Aead::new(choice);
            changed.set(&[5; 32]);
            let mut out = [0; 48];
            changed.encrypt(u64::MAX, &[], &[0; 32], &mut out);
            let mut expected = Aead::new(choice);
            expected.set(out.first_chunk::<32>().unwrap());
            changed.rekey();
            assert_eq!(changed.seal(0, b"aad", &mut [1; 9]), expected.seal(0, b"aad", &mut [1; 9]));
        }
    }
}
