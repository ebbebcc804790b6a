//! How one amount is sealed and opened: that of a bid (SPEC 7.9), or of a hidden reserve (SPEC 7.13).
//!
//! Two halves make the key of a bid: K₂ is sealed to the broker's key for the room, K₁ is shared among the TSAs and
//! each share sealed to the key that its TSA keeps until an instant. So neither the broker nor the TSAs alone read a
//! bid. All that is random about the shares follows from K₁: who has opened enough of them makes the others again,
//! and a bid that would open to one thing with some TSAs and to another with others is void for everybody.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use hkdf::Hkdf;
use sha2::Sha256;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use super::verbs::SealedBid;
use crate::log::RoomName;
use crate::room::auction::reserve::verbs::Reserve;
use crate::room::body::Amount;
use crate::trust::key::{OneTime, PublicKey};
use crate::trust::persona::Ratio;
use crate::trust::seal::{self, OVERHEAD, SealError, SealKey, SealPublic, Sealed};
use crate::value::codec::Digest;
use crate::value::label;

/// Bytes of half a key, and of a share of one.
const HALF: usize = 32;
/// Bytes of a half or a share once it is sealed.
pub const SEALED_HALF: usize = HALF + OVERHEAD;
/// Bytes of the amount once it is encrypted.
pub const SEALED_AMOUNT: usize = 8 + 16;

/// Whom bids of a room are sealed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The broker's key for the room.
    pub broker: SealPublic,
    /// The keys that TSAs keep, in the order of the listing.
    pub locks: Vec<SealPublic>,
    /// How many of those it takes.
    pub needed: usize,
}

/// The secrets of [`Recipients`], once they are out.
#[derive(Debug)]
pub struct Secrets {
    /// Of the broker's key.
    pub broker: SealKey,
    /// Of TSAs' keys, each with its position among them; as many as it takes.
    pub locks: Vec<(usize, SealKey)>,
}

/// Why a bid does not count after it was opened. Everybody finds the same one: the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// The broker's half does not open.
    #[error("the broker's half of its key does not open")]
    Broker,
    /// A TSA's share does not open.
    #[error("a share of its key does not open")]
    Share,
    /// The key is not the one that the bid is committed to.
    #[error("its key is not the one that it is committed to")]
    Commitment,
    /// With shares of other TSAs another key would come out.
    #[error("its shares do not all give one key")]
    Shares,
    /// The amount does not open, or is none.
    #[error("its amount does not open")]
    Amount,
    /// It is below the least that may be bid.
    #[error("it is below the least that may be bid")]
    TooLow,
    /// The seller's rule says no, or has no answer.
    #[error("the seller's rule does not allow it")]
    Rule,
}

impl Void {
    /// The word for it in verdicts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Share => "share",
            Self::Commitment => "commitment",
            Self::Shares => "shares",
            Self::Amount => "amount",
            Self::TooLow => "too-low",
            Self::Rule => "rule",
        }
    }
}

/// What ties something sealed to what it is, its room and its one-time key: copied into another action, nothing of it opens,
/// and neither does a bid as a reserve.
struct Context {
    label: &'static str,
    digest: Digest,
}

impl Context {
    fn new(label: &'static str, (room, key): (RoomName, &PublicKey<OneTime>)) -> Self {
        Self { label, digest: Digest::labelled(label, &[room.0, *key.as_bytes()].concat()) }
    }

    /// The aad of everything.
    const fn aad(&self) -> &[u8; 32] {
        &self.digest.0
    }
}

/// The parts of something sealed.
#[derive(Debug, Clone, Copy)]
pub(in crate::room::auction) struct Parts<'a> {
    broker: &'a Sealed,
    shares: &'a [Sealed],
    commitment: &'a Digest,
    amount: &'a Sealed,
}

impl SealedBid {
    pub(in crate::room::auction) fn parts(&self) -> Parts<'_> {
        let Self { broker, shares, commitment, amount, .. } = self;
        Parts { broker, shares, commitment, amount }
    }
}

impl Reserve {
    pub(in crate::room::auction) fn parts(&self) -> Parts<'_> {
        let Self { broker, shares, commitment, amount, .. } = self;
        Parts { broker, shares, commitment, amount }
    }
}

impl Parts<'_> {
    /// V-165: whether it has the sizes that everything sealed to so many TSAs has.
    pub(in crate::room::auction) fn fits(&self, tsas: usize) -> bool {
        let is_half = |sealed: &Sealed| sealed.as_bytes().len() == SEALED_HALF;
        is_half(self.broker)
            && self.shares.len() == tsas
            && self.shares.iter().all(is_half)
            && self.amount.as_bytes().len() == SEALED_AMOUNT
    }
}

/// What is made from both halves: the key of the bid, what it is committed to by, and the randomness with which K₂ is
/// sealed. Were that made from K₁ alone, whoever has K₁ could undo the sealing of K₂.
struct BidKey {
    key: Zeroizing<[u8; 32]>,
    commitment: Digest,
    seed: Zeroizing<[u8; 32]>,
}

impl BidKey {
    fn of(first: &[u8; HALF], second: &[u8; HALF], context: &Context) -> Self {
        let material = Zeroizing::new([*first, *second].concat());
        let from = Hkdf::<Sha256>::new(None, &material);
        Self {
            key: expand(&from, label::BID_KEY, context.aad()),
            commitment: Digest(*expand(&from, label::BID_COMMITMENT, context.aad())),
            seed: expand(&from, label::BID_SEED, &[0]),
        }
    }

    /// Every key encrypts one amount, so one nonce will do.
    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&CHACHA20_POLY1305, &*self.key).ok().map(LessSafeKey::new)
    }

    fn encrypt(&self, amount: Amount, context: &Context) -> Option<Vec<u8>> {
        // With room for the tag, so that no copy of the amount is left behind when it grows.
        let mut bytes = Vec::with_capacity(SEALED_AMOUNT);
        bytes.extend_from_slice(&amount.minor().to_be_bytes());
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        self.cipher()?
            .seal_in_place_append_tag(nonce, Aad::from(context.aad()), &mut bytes)
            .ok()?;
        Some(bytes)
    }

    fn decrypt(&self, encrypted: &[u8], context: &Context) -> Option<Amount> {
        let mut bytes = encrypted.to_vec();
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let minor =
            self.cipher()?.open_in_place(nonce, Aad::from(context.aad()), &mut bytes).ok()?;
        Amount::try_from(u64::from_be_bytes((*minor).try_into().ok()?)).ok()
    }
}

/// 32 bytes of HKDF-SHA-256 with `info` = label ‖ what.
fn expand(from: &Hkdf<Sha256>, label: &str, what: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    let info = [label.as_bytes(), what].concat();
    from.expand(&info, &mut *bytes).expect("32 bytes are fewer than HKDF can give");
    bytes
}

/// The shares of K₁ for the TSAs 1 to `count`, `needed` of which give it back: Shamir's over GF(2^8), byte by byte, with
/// coefficients that follow from K₁.
fn shares_of(first: &[u8; HALF], needed: usize, count: usize) -> Vec<Zeroizing<[u8; HALF]>> {
    let from = Hkdf::<Sha256>::new(None, first);
    let coefficients: Vec<_> =
        (1..needed).map(|power| expand(&from, label::BID_COEFFICIENT, &[number(power)])).collect();
    let share = |x: usize| {
        let x = Gf256(number(x));
        let mut share = Zeroizing::new([0; HALF]);
        // Horner's rule: the highest power first, K₁ last.
        for power in coefficients.iter().rev().map(|power| &**power).chain([first]) {
            for (byte, power) in share.iter_mut().zip(power) {
                *byte = (Gf256(*byte) * x + Gf256(*power)).0;
            }
        }
        share
    };
    (1..=count).map(share).collect()
}

/// Positions and powers fit a byte: a listing names at most eight TSAs.
fn number(of: usize) -> u8 {
    u8::try_from(of).unwrap_or(u8::MAX)
}

/// K₁ from `needed` shares, each with its TSA's number; `None` if they are too few, or one comes twice.
fn combine(shares: &[(u8, Zeroizing<Vec<u8>>)], needed: usize) -> Option<Zeroizing<[u8; HALF]>> {
    let shares = shares.get(..needed)?;
    if let [(_, only)] = shares {
        // One share is K₁ itself; the crate knows no polynomial without powers.
        return Some(Zeroizing::new(only.as_slice().try_into().ok()?));
    }
    let numbered = shares.iter().map(|(x, share)| [&[*x], share.as_slice()].concat());
    let numbered = Zeroizing::new(numbered.collect::<Vec<_>>());
    let combined = Zeroizing::new(Gf256::combine_array(&*numbered).ok()?);
    Some(Zeroizing::new(combined.as_slice().try_into().ok()?))
}

fn seal_half(
    to: &SealPublic,
    context: &Context,
    half: &[u8; HALF],
    seed: &Zeroizing<[u8; 32]>,
) -> Result<Sealed, SealError> {
    let sealed = seal::seal(to, context.label.as_bytes(), context.aad(), half, **seed)?;
    Sealed::try_from(sealed).map_err(|_| SealError::Key)
}

/// Seals each share of K₁ to its TSA, with randomness that follows from K₁: so whoever has opened enough of them can see that the
/// others are right.
fn seal_shares(
    to: &Recipients,
    context: &Context,
    first: &[u8; HALF],
) -> Result<Vec<Sealed>, SealError> {
    let from = Hkdf::<Sha256>::new(None, first);
    let shares = shares_of(first, to.needed, to.locks.len());
    let each = to.locks.iter().zip(&shares).zip(1_u8..);
    let seal = |((key, share), number): ((&SealPublic, &Zeroizing<_>), u8)| {
        seal_half(key, context, share, &expand(&from, label::BID_SEED, &[number]))
    };
    each.map(seal).collect()
}

/// What [`Parts`] borrows from.
struct Envelope {
    broker: Sealed,
    shares: Vec<Sealed>,
    commitment: Digest,
    amount: Sealed,
}

impl Envelope {
    fn seal(
        to: &Recipients,
        context: &Context,
        amount: Amount,
        [first, second]: &[[u8; HALF]; 2],
    ) -> Result<Self, SealError> {
        let bid_key = BidKey::of(first, second, context);
        let encrypted = bid_key.encrypt(amount, context).ok_or(SealError::Key)?;
        Ok(Self {
            broker: seal_half(&to.broker, context, second, &bid_key.seed)?,
            shares: seal_shares(to, context, first)?,
            commitment: bid_key.commitment,
            amount: Sealed::try_from(encrypted).map_err(|_| SealError::Key)?,
        })
    }

    fn is(&self, parts: Parts<'_>) -> bool {
        &self.broker == parts.broker
            && self.shares == parts.shares
            && &self.commitment == parts.commitment
            && &self.amount == parts.amount
    }
}

/// Seals a bid. `halves` are K₁ and K₂, 64 bytes fresh from a cryptographic generator for this bid alone; `seal` is its key
/// for the reveal, `key` the one-time key that the action will be signed with. It is under no paddle.
///
/// # Errors
/// [`SealError::Key`] if a recipient's key is of small order.
pub fn seal_bid(
    to: &Recipients,
    place: (RoomName, &PublicKey<OneTime>),
    amount: Amount,
    seal: SealPublic,
    halves: &[[u8; HALF]; 2],
) -> Result<SealedBid, SealError> {
    let context = Context::new(label::SEALED_BID, place);
    let Envelope { broker, shares, commitment, amount } =
        Envelope::seal(to, &context, amount, halves)?;
    Ok(SealedBid { broker, shares, commitment, amount, seal, paddle: None })
}

/// Seals a hidden reserve (V-211). `halves` as in [`seal_bid`], `ratio` from the listing's key to `key`, the one-time key that
/// the action will be signed with.
///
/// # Errors
/// [`SealError::Key`] if a recipient's key is of small order.
pub fn seal_reserve(
    to: &Recipients,
    place: (RoomName, &PublicKey<OneTime>),
    amount: Amount,
    ratio: Ratio,
    halves: &[[u8; HALF]; 2],
) -> Result<Reserve, SealError> {
    let context = Context::new(label::SEALED_RESERVE, place);
    let Envelope { broker, shares, commitment, amount } =
        Envelope::seal(to, &context, amount, halves)?;
    Ok(Reserve { ratio, broker, shares, commitment, amount })
}

/// Both halves of the key of a reserve, from 32 bytes fresh from a cryptographic generator for it alone: its seller keeps one secret.
#[must_use]
pub fn reserve_halves(secret: &[u8; 32]) -> Zeroizing<[[u8; HALF]; 2]> {
    let from = Hkdf::<Sha256>::new(None, secret);
    let half = |number| *expand(&from, label::RESERVE_HALVES, &[number]);
    Zeroizing::new([half(1), half(2)])
}

/// Opens a bid with the secrets of those it is sealed to, the first `needed` of the TSAs'.
///
/// # Errors
/// The first [`Void`] that holds of it.
pub fn open_bid(
    secrets: &Secrets,
    to: &Recipients,
    place: (RoomName, &PublicKey<OneTime>),
    bid: &SealedBid,
) -> Result<Amount, Void> {
    open(secrets, to, &Context::new(label::SEALED_BID, place), bid.parts())
}

/// Opens a hidden reserve, as [`open_bid`] a bid.
///
/// # Errors
/// The first [`Void`] that holds of it.
pub fn open_reserve(
    secrets: &Secrets,
    to: &Recipients,
    place: (RoomName, &PublicKey<OneTime>),
    reserve: &Reserve,
) -> Result<Amount, Void> {
    open(secrets, to, &Context::new(label::SEALED_RESERVE, place), reserve.parts())
}

/// What a hidden reserve is, by the halves of its key (V-213); `None` if sealing it anew does not give the same bytes.
#[must_use]
pub fn unseal_reserve(
    halves: &[[u8; HALF]; 2],
    to: &Recipients,
    place: (RoomName, &PublicKey<OneTime>),
    reserve: &Reserve,
) -> Option<Amount> {
    let context = Context::new(label::SEALED_RESERVE, place);
    let [first, second] = halves;
    let encrypted = reserve.amount.as_bytes();
    let amount = BidKey::of(first, second, &context).decrypt(encrypted, &context)?;
    let anew = Envelope::seal(to, &context, amount, halves).ok()?;
    anew.is(reserve.parts()).then_some(amount)
}

fn open(
    secrets: &Secrets,
    to: &Recipients,
    context: &Context,
    parts: Parts<'_>,
) -> Result<Amount, Void> {
    let open = |secret: &SealKey, sealed: &Sealed| {
        let info = context.label.as_bytes();
        seal::open(secret, info, context.aad(), sealed.as_bytes()).ok().map(Zeroizing::new)
    };
    let second = open(&secrets.broker, parts.broker).ok_or(Void::Broker)?;
    let second: [u8; HALF] = second.as_slice().try_into().map_err(|_| Void::Broker)?;
    let second = Zeroizing::new(second);
    let share = |(at, secret): &(usize, SealKey)| {
        let sealed = parts.shares.get(*at)?;
        Some((number(at.saturating_add(1)), open(secret, sealed)?))
    };
    let shares: Option<Vec<_>> = secrets.locks.iter().take(to.needed).map(share).collect();
    let first = combine(&shares.ok_or(Void::Share)?, to.needed).ok_or(Void::Share)?;
    let bid_key = BidKey::of(&first, &second, context);
    if &bid_key.commitment != parts.commitment {
        return Err(Void::Commitment);
    }
    if seal_shares(to, context, &first).ok().as_deref() != Some(parts.shares) {
        return Err(Void::Shares);
    }
    bid_key.decrypt(parts.amount.as_bytes(), context).ok_or(Void::Amount)
}

#[cfg(test)]
mod tests;
