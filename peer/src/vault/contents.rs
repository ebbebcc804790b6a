//! What a vault keeps, and its JSON form.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use pregao_protocol::audit::evidence::{Claim, Claims};
use pregao_protocol::letter::{Address, Mode};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Amount, PaddleName, Verb};
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::{Digest, array_from_base64url, from_base64url, to_base64url};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KeptEnrolment, VaultError};
use crate::event::CardView;
use crate::net::ProxyAddress;

/// Version of the form below.
pub const VERSION: u32 = 1;

/// The text is filled up to a multiple of this, so that the file's size does not count actions.
const BLOCK: usize = 4_096;

/// 32 secret bytes: wiped when dropped, hidden from `Debug`, base64url in the file.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes secret bytes over.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for deriving keys from them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(to_base64url(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        array_from_base64url(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The TSA and CA this persona is enrolled with, as pinned at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedTsa {
    /// Where it answers.
    pub url: String,
    /// Fingerprint of the CA's key.
    pub authority: Fingerprint,
    /// Its published keys, as JSON Web Keys.
    pub keys: serde_json::Value,
    /// Whether the user gave that fingerprint, and the CA was not trusted at first use.
    #[serde(default)]
    pub pinned: bool,
    /// The proxy through which the persona goes there; none if it goes straight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyAddress>,
}

impl TrustedTsa {
    /// Where it answers, with its CA pinned.
    #[must_use]
    pub fn address(&self) -> TsaAddress {
        TsaAddress { url: self.url.clone(), authority: Some(self.authority) }
    }
}

/// Everything a persona needs to continue after a restart.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    version: u32,
    /// Seed of the persona's key.
    pub persona: Secret,
    /// Whom this persona trusts for time and certificates.
    pub tsa: TrustedTsa,
    /// The persona's certificate, DER; empty until there is one.
    #[serde(with = "base64url")]
    pub certificate: Vec<u8>,
    /// Addresses of brokers used, the newest last.
    pub brokers: Vec<String>,
    /// The persona's own actions, oldest first.
    pub actions: Vec<ActionRecord>,
    /// Reveal rooms the persona is one of the two in, oldest first.
    #[serde(default)]
    pub reveals: Vec<RevealRecord>,
    /// How far enrolling with the citizen card has come, if it ever began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<KeptEnrolment>,
    /// Auctions in which is bid by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub autos: Vec<AutoRecord>,
    /// Under which public names is bid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paddles: Vec<PaddleRecord>,
    /// What opens the mail store beside the vault; there once letters were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailRecord>,
}

/// What opens the mail store, and by which it is noticed that an older copy of it was put back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailRecord {
    /// All its keys are derived from this.
    pub secret: Secret,
    /// How many changes it had when that was noted last: it has never fewer.
    pub changes: u64,
}

/// Under which public name is bid somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaddleRecord {
    /// Full name of an auction; or the fingerprint of a broker, for every auction there without a record of its own.
    pub place: String,
    /// The name; absent if under none there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PaddleName>,
}

/// An auction in which is bid by itself, and up to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoRecord {
    /// Full name of the auction.
    pub room: String,
    /// The most that is bid; nobody else learns it.
    pub ceiling: Amount,
    /// Always by the least step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steady: bool,
}

/// A reveal room and what came of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealRecord {
    /// Full name of the auction.
    pub auction: String,
    /// Full name of the private room.
    pub room: String,
    /// Whether the own disclosure was handed in.
    pub disclosed: bool,
    /// The counterparty, once its disclosure was opened and verified.
    pub counterparty: Option<Counterparty>,
    /// The broker's signed word that it holds the own disclosure: evidence should it record the
    /// persona as absent all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// It did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wronged: bool,
    /// What the two write to each other there, once one of them did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk: Option<TalkRecord>,
}

/// What is written in a private room, and what opens what is still to come.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TalkRecord {
    /// The own secrets, until nothing more can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<TalkSecrets>,
    /// What is to be said once the other side has published keys, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsaid: Vec<UnsaidRecord>,
    /// What was said and what was read: the keys that opened it are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<SaidRecord>,
    /// Whom it convinces there, if that was chosen for this room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The deal is to become a contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub befriends: Option<BefriendRecord>,
}

/// How far the two of a private room have come in becoming contacts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BefriendRecord {
    /// What the user calls the other side.
    pub name: String,
    /// The own box that is given to them, and to nobody else.
    pub own_box: RoomName,
    /// Whether it is given as soon as it is open, although the broker may then guess whose it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub now: bool,
    /// When it is given, once it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Time>,
    /// Whether it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
    /// Whether the other side is a contact here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made: bool,
}

/// Secrets with which what is said to the persona is opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TalkSecrets {
    /// Of the agreement key.
    pub agreement: Secret,
    /// Of the signed key.
    pub signed: Secret,
    /// Of one-time keys to which nothing was sealed yet, or nothing that was read.
    pub once: Vec<Secret>,
}

/// What waits to be said.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsaidRecord {
    /// The text.
    pub text: String,
    /// Whom it is to convince.
    pub mode: Mode,
    /// The own box that is given with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Address>,
}

/// What was said in a private room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaidRecord {
    /// Digest of the action.
    pub digest: Digest,
    /// Whether the persona said it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// What it says; absent if it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saying: Option<KeptSaying>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a saying says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptSaying {
    /// The text.
    pub text: String,
    /// Whom it convinces.
    pub mode: Mode,
    /// The box that its author gave with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Address>,
}

/// Who the other side showed itself to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterparty {
    /// Name as typed.
    pub name: String,
    /// Contact as typed.
    pub contact: String,
    /// Fingerprint of its persona.
    pub persona: Fingerprint,
    /// The citizen card that signed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<KeptCard>,
}

/// A citizen card whose signature held in a disclosure.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCard {
    /// As it was judged.
    pub view: CardView,
    /// Its certificate in DER: where the state's certificates were missing, it is judged again
    /// once they are.
    #[serde(with = "base64url")]
    pub certificate: Vec<u8>,
    /// The instant it is judged by.
    pub stamped: Time,
}

/// What a broker signed about one log: kept apart from the rest, as it changes with every entry.
/// Which rooms a persona follows is as secret as what it does in them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRecord {
    /// The room.
    pub room: RoomName,
    /// It is an auction, which the broker lists for everybody.
    #[serde(default)]
    pub public: bool,
    /// The newest head that agreed with the entries.
    pub verified: Option<Claim>,
    /// The largest head that was final, with its cosignatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_final: Option<Claim>,
    /// What the log had not reached.
    pub open: Claims,
}

/// One of the persona's own actions with what proves and opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionRecord {
    /// What was bid, where the action itself hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Amount>,
    /// The action's UUID.
    pub id: String,
    /// Full name of its room.
    pub room: String,
    /// Its verb.
    pub verb: Verb,
    /// Digest of the compact action.
    pub digest: Digest,
    /// The compact action, exactly as signed.
    pub action: String,
    /// Its stamp, once there is one.
    pub stamp: Option<serde_json::Value>,
    /// The blind of its one-time key.
    pub blind: Secret,
    /// Opens what the counterparty seals to this action, until it is erased.
    pub seal_secret: Option<Secret>,
    /// Its receipt, once there is one.
    pub receipt: Option<serde_json::Value>,
    /// The broker's signed refusal, as transmitted, if it refused: evidence should the action
    /// appear in a log all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

impl Contents {
    /// The contents of a fresh vault: a persona and no actions.
    #[must_use]
    pub const fn new(persona: Secret, tsa: TrustedTsa, certificate: Vec<u8>) -> Self {
        Self {
            version: VERSION,
            persona,
            tsa,
            certificate,
            brokers: Vec::new(),
            actions: Vec::new(),
            reveals: Vec::new(),
            enrolment: None,
            autos: Vec::new(),
            paddles: Vec::new(),
            mail: None,
        }
    }

    /// Whether the persona was ever certified.
    #[must_use]
    pub const fn is_certified(&self) -> bool {
        !self.certificate.is_empty()
    }

    /// Adds an action, in place of an earlier one of the same id.
    pub fn keep(&mut self, kept: ActionRecord) {
        match self.actions.iter_mut().find(|earlier| earlier.id == kept.id) {
            Some(earlier) => *earlier = kept,
            None => self.actions.push(kept),
        }
    }

    /// Forgets a seal secret; whether there was one.
    pub fn erase_seal_secret(&mut self, id: &str) -> bool {
        self.actions
            .iter_mut()
            .find(|kept| kept.id == id)
            .and_then(|kept| kept.seal_secret.take())
            .is_some()
    }

    /// Notes a broker as the newest used.
    pub fn note_broker(&mut self, address: &str) {
        self.brokers.retain(|known| known != address);
        self.brokers.push(address.to_owned());
    }

    /// The JSON text, filled up with spaces, in memory that is wiped.
    pub(super) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        to_json(self)
    }

    /// Reads the JSON text.
    pub(super) fn from_json(file: &Path, text: &[u8]) -> Result<Self, VaultError> {
        // The parser's message may quote the text, which is secret: only the place is told.
        let damaged = |error: serde_json::Error| VaultError::Damaged {
            file: file.to_owned(),
            reason: format!("unexpected contents at column {}", error.column()),
        };
        let Version { version } = serde_json::from_slice(text).map_err(damaged)?;
        if version > VERSION {
            return Err(VaultError::Newer { file: file.to_owned() });
        }
        serde_json::from_slice(text).map_err(damaged)
    }
}

/// A JSON text, filled up with spaces, in memory that is wiped.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let failed = |error: serde_json::Error| VaultError::Encoding(error.to_string());
    let mut size = Count(0);
    serde_json::to_writer(&mut size, value).map_err(failed)?;
    let padded = size.0.next_multiple_of(BLOCK);
    // Room for all of it at once: a growing buffer would leave copies of secrets behind.
    let mut text = Zeroizing::new(Vec::with_capacity(padded));
    serde_json::to_writer(&mut *text, value).map_err(failed)?;
    text.resize(padded, b' ');
    Ok(text)
}

/// Reads what [`to_json`] wrote.
pub(super) fn logs_from_json(file: &Path, text: &[u8]) -> Result<Vec<LogRecord>, VaultError> {
    // The parser's message may quote the text, which is secret: only the place is told.
    serde_json::from_slice(text).map_err(|error| VaultError::Damaged {
        file: file.to_owned(),
        reason: format!("unexpected contents at column {}", error.column()),
    })
}

impl fmt::Debug for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogRecord(..)")
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents")
            .field("persona", &self.persona)
            .field("tsa", &self.tsa.url)
            .field("actions", &self.actions.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MailRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailRecord(..)")
    }
}

impl fmt::Debug for RevealRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who met whom is as secret as anything here.
        f.write_str("RevealRecord(..)")
    }
}

impl fmt::Debug for TalkRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TalkRecord(..)")
    }
}

impl fmt::Debug for Counterparty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counterparty(..)")
    }
}

impl fmt::Debug for KeptCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptCard(..)")
    }
}

impl fmt::Debug for ActionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Naming room and action would tell which entries of a log this persona wrote.
        f.debug_struct("ActionRecord").field("verb", &self.verb).finish_non_exhaustive()
    }
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Counts what is written to it.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of any length as base64url.
mod base64url {
    use super::{Deserialize as _, Deserializer, Serializer, from_base64url, to_base64url};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64url(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        from_base64url(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
