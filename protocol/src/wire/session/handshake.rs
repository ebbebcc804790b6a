//! Who speaks to whom: Noise XX with the long-term keys bound to it (SPEC 10.2).
//!
//! A payload cannot sign the hash that contains itself, so a signature covers the hash *before*
//! its message and, next to it, the signer's own static key, which the message brings along. The
//! Noise handshake then proves that the static key's owner is there, and the signature who that
//! is. A signature taken from another handshake covers another hash.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use snow::HandshakeState;
use zeroize::Zeroizing;

use super::record::{RekeyPolicy, Unconfirmed};
use super::resolver::{KEY, Resolver, TAG, public_key};
use super::suite::{self, Ranking, Suite};
use super::{HandshakeMessage, SessionError, hidden_debug, parse_canonical};
use crate::trust::key::{Fingerprint, Persona, PublicKey, Purpose, SessionKey, Signature};
use crate::value::codec::{Digest, from_base64url, to_base64url};
use crate::value::label;
use crate::value::padding::{PREFIX, pad, unpad};
use crate::wire::puzzle::{Effort, Puzzle, Wanted};

type Reason = Box<dyn std::error::Error + Send + Sync>;
type Seed = Zeroizing<[u8; 32]>;

/// What a peer shows in message 3: its X.509 certificate and a ticket. Sized at construction.
#[derive(Clone)]
pub struct Credentials {
    certificate: String,
    ticket: String,
}

impl Credentials {
    /// Takes the persona's certificate (DER) and the ticket (compact JWT).
    ///
    /// # Errors
    /// [`SessionError::CredentialsTooLong`] if they do not fit [`label::HANDSHAKE_PAYLOAD`].
    pub fn new(certificate: &[u8], ticket: &str) -> Result<Self, SessionError> {
        let credentials =
            Self { certificate: to_base64url(certificate), ticket: ticket.to_owned() };
        fit(&credentials.sign(UNSIGNED))?;
        Ok(credentials)
    }

    fn sign(&self, signature: Signature) -> Vec<u8> {
        let (certificate, ticket) = (self.certificate.clone(), self.ticket.clone());
        to_json(&InitiatorPayload { certificate, ticket, signature })
    }
}

/// Who is at the other end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiated {
    /// This persona.
    Persona(PublicKey<Persona>),
    /// Somebody who does not say who they are.
    Guest,
}

/// What a broker shows in message 2: its certificate. Sized at construction.
#[derive(Clone)]
pub struct BrokerCredentials {
    certificate: String,
}

impl BrokerCredentials {
    /// Takes the broker's certificate (compact JWS).
    ///
    /// # Errors
    /// [`SessionError::CredentialsTooLong`] if it does not fit [`label::HANDSHAKE_PAYLOAD`].
    pub fn new(certificate: &str) -> Result<Self, SessionError> {
        let credentials = Self { certificate: certificate.to_owned() };
        fit(&credentials.sign(UNSIGNED))?;
        Ok(credentials)
    }

    fn sign(&self, signature: Signature) -> Vec<u8> {
        to_json(&ResponderPayload { certificate: self.certificate.clone(), signature })
    }
}

/// Opens sessions: the peer's side.
#[derive(Debug)]
pub enum Initiator {}

impl Initiator {
    /// Offers suites. `seed` is fresh from a cryptographic generator for this connection alone:
    /// a seed used twice gives the keys of both connections to whoever sees both.
    #[must_use]
    pub fn start(offer: &Ranking, seed: [u8; 32]) -> (ExpectChoice, Vec<u8>) {
        let hello = suite::hello(offer);
        let seed = Zeroizing::new(seed);
        (ExpectChoice { offer: offer.clone(), seed, hello: hello.clone() }, hello)
    }
}

/// The initiator, waiting for the responder's choice of suite.
pub struct ExpectChoice {
    offer: Ranking,
    seed: Seed,
    hello: Vec<u8>,
}

impl ExpectChoice {
    /// Recomputes the choice (V-081) and gives message 1.
    ///
    /// # Errors
    /// [`SessionError::Malformed`], [`SessionError::NoCommonSuite`], [`SessionError::Choice`].
    pub fn handle(self, choice: &[u8]) -> Result<(ExpectMessage2, Vec<u8>), SessionError> {
        let (suite, wanted) = suite::accept(&self.offer, choice)?;
        let prologue = suite::prologue(&self.hello, choice);
        let mut noise = Noise::new(suite, Side::Initiator, &self.seed, &prologue)?;
        let message = noise.write(HandshakeMessage::One, &[])?;
        Ok((ExpectMessage2 { noise, wanted }, message))
    }
}

/// What is sent before message 1 if the choice asks for a puzzle (V-195).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Solved {
    counter: u64,
}

/// Writes what is sent before message 1 if the choice asks for a puzzle: the counter that solves it.
#[must_use]
pub fn solved(counter: u64) -> Vec<u8> {
    to_json(&Solved { counter })
}

/// The initiator, waiting for the broker to show who it is.
pub struct ExpectMessage2 {
    noise: Noise,
    wanted: Option<Wanted>,
}

impl ExpectMessage2 {
    /// What is to be solved before message 1 is sent, if the choice asks for it: see [`solved`].
    #[must_use]
    pub const fn wanted(&self) -> Option<Wanted> {
        self.wanted
    }

    /// Checks the broker (V-083) and gives message 3.
    ///
    /// `verify` gets the broker's certificate and gives the session key in it, if that is the
    /// broker the user wants. `sign` signs with the persona's key. Neither certificate nor
    /// ticket leaves before the broker's signature verified.
    ///
    /// # Errors
    /// [`SessionError::Size`], [`SessionError::Handshake`], [`SessionError::Malformed`],
    /// [`SessionError::Credentials`], [`SessionError::Signature`], all about message 2.
    pub fn handle<E: Into<Reason>>(
        self,
        message: &[u8],
        verify: impl FnOnce(&str) -> Result<PublicKey<SessionKey>, E>,
        credentials: &Credentials,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<(Unconfirmed, Vec<u8>), SessionError> {
        self.answer(message, verify, |signed| credentials.sign(sign(signed)))
    }

    /// As [`ExpectMessage2::handle`], and says nothing of who it is: a guest's session (V-284).
    ///
    /// # Errors
    /// As there.
    pub fn handle_as_guest<E: Into<Reason>>(
        self,
        message: &[u8],
        verify: impl FnOnce(&str) -> Result<PublicKey<SessionKey>, E>,
    ) -> Result<(Unconfirmed, Vec<u8>), SessionError> {
        self.answer(message, verify, |_| to_json(&GuestPayload { guest: true }))
    }

    fn answer<E: Into<Reason>>(
        mut self,
        message: &[u8],
        verify: impl FnOnce(&str) -> Result<PublicKey<SessionKey>, E>,
        shown: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Result<(Unconfirmed, Vec<u8>), SessionError> {
        let before = self.noise.hash();
        let payload: ResponderPayload = self.noise.read(HandshakeMessage::Two, message)?;
        let key = verify(&payload.certificate)
            .map_err(|reason| refused(HandshakeMessage::Two, reason))?;
        let signed = statement(
            label::SESSION_RESPONDER,
            &before,
            &self.noise.remote(HandshakeMessage::Two)?,
        );
        check(HandshakeMessage::Two, &key, &signed, &payload.signature)?;
        let signed =
            statement(label::SESSION_INITIATOR, &self.noise.hash(), &self.noise.own_static);
        let reply = self.noise.write(HandshakeMessage::Three, &shown(&signed))?;
        Ok((self.noise.split(), reply))
    }
}

/// Answers an initiator: the broker's side.
pub struct ExpectHello {
    ranked: Ranking,
    seed: Seed,
    asks: Option<Challenge>,
}

/// What a broker under load has solved before it does anything that costs (V-195).
#[derive(Debug, Clone, Copy)]
pub struct Challenge {
    /// The broker that asks.
    pub broker: Fingerprint,
    /// How much work.
    pub effort: Effort,
    /// Hash of its newest batch header.
    pub header: Digest,
    /// Fresh from a cryptographic generator for this connection alone.
    pub nonce: [u8; 32],
}

impl ExpectHello {
    /// Waits for an initiator. `seed` as in [`Initiator::start`].
    #[must_use]
    pub fn new(ranked: Ranking, seed: [u8; 32]) -> Self {
        Self { ranked, seed: Zeroizing::new(seed), asks: None }
    }

    /// Has a puzzle solved before message 1.
    #[must_use]
    pub fn asking(self, challenge: Challenge) -> Self {
        Self { asks: Some(challenge), ..self }
    }

    /// Chooses a suite (V-080) and gives the choice.
    ///
    /// # Errors
    /// [`SessionError::Malformed`], [`SessionError::Version`], [`SessionError::NoCommonSuite`].
    pub fn handle(self, hello: &[u8]) -> Result<(ExpectMessage1, Vec<u8>), SessionError> {
        let asked = |challenge: Challenge| Wanted {
            effort: challenge.effort.bits().into(),
            header: challenge.header,
            nonce: Digest(challenge.nonce),
        };
        let (suite, choice) = suite::choose(&self.ranked, self.asks.map(asked), hello)?;
        let prologue = suite::prologue(hello, &choice);
        let noise = Noise::new(suite, Side::Responder, &self.seed, &prologue)?;
        let unsolved = self.asks.map(|Challenge { broker, effort, header, .. }| {
            (Puzzle::of_handshake(broker, &choice, header), effort)
        });
        Ok((ExpectMessage1 { noise, unsolved }, choice))
    }
}

/// The responder, waiting for the initiator's ephemeral key.
pub struct ExpectMessage1 {
    noise: Noise,
    unsolved: Option<(Puzzle, Effort)>,
}

impl ExpectMessage1 {
    /// Whether a solution is to come before message 1.
    #[must_use]
    pub const fn expects_solution(&self) -> bool {
        self.unsolved.is_some()
    }

    /// Checks what came before message 1 (V-195): one hash.
    ///
    /// # Errors
    /// [`SessionError::Puzzle`] if it solves nothing.
    pub fn take_solution(&mut self, message: &[u8]) -> Result<(), SessionError> {
        let solved = |(puzzle, effort): (Puzzle, Effort)| {
            let counter = parse_canonical::<Solved>(message).map(|solved| solved.counter);
            counter.is_some_and(|counter| puzzle.is_solved_by(counter, effort))
        };
        if !self.unsolved.is_none_or(solved) {
            return Err(SessionError::Puzzle);
        }
        self.unsolved = None;
        Ok(())
    }

    /// Reads message 1, which carries nothing (V-082), and gives message 2. `sign` signs with
    /// the broker's session key.
    ///
    /// # Errors
    /// [`SessionError::Puzzle`] before the solution that was asked for; [`SessionError::Size`];
    /// [`SessionError::Handshake`] if the ephemeral key is unusable.
    pub fn handle(
        mut self,
        message: &[u8],
        credentials: &BrokerCredentials,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<(ExpectMessage3, Vec<u8>), SessionError> {
        if self.unsolved.is_some() {
            return Err(SessionError::Puzzle);
        }
        self.noise.read_bytes(HandshakeMessage::One, message)?;
        let signed =
            statement(label::SESSION_RESPONDER, &self.noise.hash(), &self.noise.own_static);
        let reply = self.noise.write(HandshakeMessage::Two, &credentials.sign(sign(&signed)))?;
        Ok((ExpectMessage3 { noise: self.noise }, reply))
    }
}

/// The responder, waiting for the persona to show who it is.
pub struct ExpectMessage3 {
    noise: Noise,
}

impl ExpectMessage3 {
    /// Checks the persona (V-084) and gives the session and the persona's key, or that it is a guest's.
    ///
    /// `authenticate` gets the certificate (DER) and the ticket, and gives the persona's key if
    /// both are good and belong together. What else it learns from them, such as the ticket's
    /// end, counts only once this function has succeeded.
    ///
    /// # Errors
    /// [`SessionError::Size`], [`SessionError::Handshake`], [`SessionError::Malformed`],
    /// [`SessionError::Credentials`], [`SessionError::Signature`], all about message 3.
    pub fn handle<E: Into<Reason>>(
        mut self,
        message: &[u8],
        authenticate: impl FnOnce(&[u8], &str) -> Result<PublicKey<Persona>, E>,
    ) -> Result<(Unconfirmed, Initiated), SessionError> {
        let before = self.noise.hash();
        let padded = self.noise.read_bytes(HandshakeMessage::Three, message)?;
        let malformed = SessionError::Malformed { message: HandshakeMessage::Three };
        let payload = unpad(&padded).ok_or(malformed)?;
        if let Some(GuestPayload { guest: true }) = parse_canonical(payload) {
            return Ok((self.noise.split(), Initiated::Guest));
        }
        let malformed = SessionError::Malformed { message: HandshakeMessage::Three };
        let payload: InitiatorPayload = parse_canonical(payload).ok_or(malformed)?;
        let certificate = from_base64url(&payload.certificate)
            .map_err(|_| SessionError::Malformed { message: HandshakeMessage::Three })?;
        let persona = authenticate(&certificate, &payload.ticket)
            .map_err(|reason| refused(HandshakeMessage::Three, reason))?;
        persona.require_torsion_free().map_err(|source| SessionError::Signature {
            message: HandshakeMessage::Three,
            source,
        })?;
        let signed = statement(
            label::SESSION_INITIATOR,
            &before,
            &self.noise.remote(HandshakeMessage::Three)?,
        );
        check(HandshakeMessage::Three, &persona, &signed, &payload.signature)?;
        Ok((self.noise.split(), Initiated::Persona(persona)))
    }
}

hidden_debug!(
    Credentials,
    BrokerCredentials,
    ExpectChoice,
    ExpectMessage2,
    ExpectHello,
    ExpectMessage1,
    ExpectMessage3
);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponderPayload {
    certificate: String,
    signature: Signature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InitiatorPayload {
    certificate: String,
    ticket: String,
    signature: Signature,
}

/// What a guest sends in place of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GuestPayload {
    guest: bool,
}

/// Stands in for a signature where only its size matters.
const UNSIGNED: Signature = Signature([0; 64]);

fn to_json(payload: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(payload).expect("strings always serialise")
}

fn fit(payload: &[u8]) -> Result<(), SessionError> {
    let (max, got) = (label::HANDSHAKE_PAYLOAD - PREFIX, payload.len());
    if got <= max { Ok(()) } else { Err(SessionError::CredentialsTooLong { max, got }) }
}

/// What a long-term key signs; every part has a fixed size.
pub(super) fn statement(label: &str, before: &[u8; KEY], own_static: &[u8; KEY]) -> Vec<u8> {
    [label.as_bytes(), before, own_static].concat()
}

fn check<P: Purpose>(
    message: HandshakeMessage,
    key: &PublicKey<P>,
    signed: &[u8],
    signature: &Signature,
) -> Result<(), SessionError> {
    key.verify(signed, signature).map_err(|source| SessionError::Signature { message, source })
}

fn refused(message: HandshakeMessage, reason: impl Into<Reason>) -> SessionError {
    SessionError::Credentials { message, source: reason.into() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Initiator,
    Responder,
}

/// The library's handshake, with the suite and our own static key beside it.
pub(super) struct Noise {
    state: HandshakeState,
    side: Side,
    suite: Suite,
    pub(super) own_static: [u8; KEY],
}

impl Noise {
    /// Draws both X25519 keys of this connection from the seed: the static, then the ephemeral.
    pub(super) fn new(
        suite: Suite,
        side: Side,
        seed: &[u8; 32],
        prologue: &[u8],
    ) -> Result<Self, SessionError> {
        let mut rng = ChaCha20Rng::from_seed(*seed);
        let (mut secret, mut ephemeral) = (Seed::default(), Seed::default());
        rng.fill_bytes(&mut *secret);
        rng.fill_bytes(&mut *ephemeral);
        let own_static = public_key(&secret);
        let first = if side == Side::Initiator {
            HandshakeMessage::Choice
        } else {
            HandshakeMessage::Hello
        };
        let build = || {
            let params = format!("Noise_XX_{suite}").parse()?;
            let builder = snow::Builder::with_resolver(params, Box::new(Resolver::new(ephemeral)))
                .local_private_key(&*secret)?
                .prologue(prologue)?;
            match side {
                Side::Initiator => builder.build_initiator(),
                Side::Responder => builder.build_responder(),
            }
        };
        let state = build().map_err(|source| SessionError::Handshake { message: first, source })?;
        Ok(Self { state, side, suite, own_static })
    }

    /// The handshake hash so far: what either side signs before its message.
    pub(super) fn hash(&self) -> [u8; KEY] {
        let hash = self.state.get_handshake_hash();
        hash.try_into().expect("SHA-256 and BLAKE2s have 32 bytes")
    }

    /// The other side's static key, known once its message, this one, is read.
    fn remote(&self, message: HandshakeMessage) -> Result<[u8; KEY], SessionError> {
        let key = self.state.get_remote_static().and_then(|key| key.try_into().ok());
        key.ok_or(SessionError::Malformed { message })
    }

    /// Writes a message of its one size; the payload was sized at construction.
    pub(super) fn write(
        &mut self,
        message: HandshakeMessage,
        payload: &[u8],
    ) -> Result<Vec<u8>, SessionError> {
        let padded = match payload_size(message) {
            0 => Vec::new(),
            size => pad(payload, size).expect("credentials are sized at construction"),
        };
        // `snow` asks for the room of a tag even where message 1 has none.
        let mut bytes = vec![0_u8; size(message) + TAG];
        let written = self
            .state
            .write_message(&padded, &mut bytes)
            .map_err(|source| SessionError::Handshake { message: answered(message), source })?;
        bytes.truncate(written);
        Ok(bytes)
    }

    fn read<T: Serialize + for<'de> Deserialize<'de>>(
        &mut self,
        message: HandshakeMessage,
        bytes: &[u8],
    ) -> Result<T, SessionError> {
        let padded = self.read_bytes(message, bytes)?;
        unpad(&padded).and_then(parse_canonical).ok_or(SessionError::Malformed { message })
    }

    pub(super) fn read_bytes(
        &mut self,
        message: HandshakeMessage,
        bytes: &[u8],
    ) -> Result<Vec<u8>, SessionError> {
        let (expected, got) = (size(message), bytes.len());
        if got != expected {
            return Err(SessionError::Size { message, expected, got });
        }
        let mut payload = vec![0_u8; payload_size(message)];
        self.state
            .read_message(bytes, &mut payload)
            .map_err(|source| SessionError::Handshake { message, source })?;
        Ok(payload)
    }

    /// The handshake's end: one key for each direction, and the hash over everything.
    fn split(mut self) -> Unconfirmed {
        let id = Digest(self.hash());
        let (initiator, responder) = self.state.dangerously_get_raw_split();
        let (initiator, responder) = (Zeroizing::new(initiator), Zeroizing::new(responder));
        let (sending, receiving) = match self.side {
            Side::Initiator => (&initiator, &responder),
            Side::Responder => (&responder, &initiator),
        };
        Unconfirmed::new(self.suite, id, sending, receiving, RekeyPolicy::STANDARD)
    }
}

/// The message whose content is at fault when its answer cannot be written.
const fn answered(message: HandshakeMessage) -> HandshakeMessage {
    match message {
        HandshakeMessage::Hello | HandshakeMessage::Choice => HandshakeMessage::Hello,
        HandshakeMessage::One => HandshakeMessage::Choice,
        HandshakeMessage::Two => HandshakeMessage::One,
        HandshakeMessage::Three => HandshakeMessage::Two,
    }
}

/// Size of a message's payload: nothing in message 1, one size in the others.
const fn payload_size(message: HandshakeMessage) -> usize {
    match message {
        HandshakeMessage::Hello | HandshakeMessage::Choice | HandshakeMessage::One => 0,
        HandshakeMessage::Two | HandshakeMessage::Three => label::HANDSHAKE_PAYLOAD,
    }
}

/// Size of a handshake message: `e`; `e, s` and payload; `s` and payload.
const fn size(message: HandshakeMessage) -> usize {
    let sealed_static = KEY + TAG;
    match message {
        HandshakeMessage::Hello | HandshakeMessage::Choice => 0,
        HandshakeMessage::One => KEY,
        HandshakeMessage::Two => KEY + sealed_static + label::HANDSHAKE_PAYLOAD + TAG,
        HandshakeMessage::Three => sealed_static + label::HANDSHAKE_PAYLOAD + TAG,
    }
}
