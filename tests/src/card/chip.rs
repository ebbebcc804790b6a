//! The chip: a state machine over commands.
//!
//! It is stricter than a real card may be. What is not known for certain of a generation is decided
//! against the client, so that a client that is right here is right with every answer.

use anyhow::{Context as _, Result};
use pregao_test_pki::CardMaterial;

use super::apdu::{Answer, Command, Instruction, Status};
use super::contents::{self, SERIAL};
use super::files::{Access, Application, FileId, Found};
use super::key::PrivateKey;
use super::profile::{
    Hash, Identity, PastEnd, Pin, Profile, Purpose, Scheme, Transmission, pin_block,
};

/// Tries of a PIN.
pub const TRIES: u8 = 3;

/// A PIN with its counter.
#[derive(Clone, Debug)]
struct Secret {
    pin: Pin,
    block: [u8; 8],
    left: u8,
    verified: bool,
    /// How many VERIFY came for it, questions after the counter included.
    touched: u32,
}

/// What MSE SET chose.
#[derive(Clone, Copy, Debug)]
struct Environment {
    purpose: Purpose,
    hash: Hash,
    scheme: Scheme,
}

/// A citizen's two keys.
#[derive(Debug)]
struct Keys {
    authentication: PrivateKey,
    signature: PrivateKey,
}

/// What is forgotten when the power goes.
#[derive(Clone, Debug, Default)]
struct Volatile {
    application: Option<usize>,
    folder: Vec<FileId>,
    file: Option<usize>,
    /// What waits for GET RESPONSE.
    pending: Vec<u8>,
    environment: Option<Environment>,
    digest: Option<Vec<u8>>,
}

/// A citizen's card, without a reader: commands in, answers out.
///
/// ```
/// use pregao_test_pki::{CitizenData, Pki, Plan, Profile};
/// use pregao_tests::card::{CITIZEN, Chip, Status};
///
/// let pki = Pki::new(Plan::quick(1_790_000_000));
/// let mut chip = Chip::new(&pki.citizen(Profile::V4, &CitizenData::numbered(1)))?;
/// let select = [&[0x00, 0xA4, 0x04, 0x0C, 0x07], &CITIZEN[..]].concat();
/// assert_eq!(chip.transmit(&select).status, Status::DONE);
/// # anyhow::Ok(())
/// ```
#[derive(Debug)]
pub struct Chip {
    profile: Profile,
    past_end: PastEnd,
    applications: Vec<Application>,
    secrets: [Secret; 3],
    keys: Option<Keys>,
    state: Volatile,
}

impl Chip {
    /// A citizen's card. Its PINs are [`Pin::preset`].
    ///
    /// # Errors
    /// If keys or texts do not fit the generation.
    pub fn new(material: &CardMaterial) -> Result<Self> {
        Self::with_identity(material, &Identity::of(&material.citizen))
    }

    /// A citizen's card with another identity file.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_identity(material: &CardMaterial, identity: &Identity) -> Result<Self> {
        let profile = Profile::from(material.profile);
        let keys = Keys {
            authentication: PrivateKey::read(profile, &material.authentication.pkcs8)?,
            signature: PrivateKey::read(profile, &material.signature.pkcs8)?,
        };
        let applications = contents::applications(material, identity)?;
        Ok(Self { applications, keys: Some(keys), ..Self::empty(profile)? })
    }

    /// Some other smart card.
    ///
    /// # Errors
    /// None that is known.
    pub fn unknown() -> Result<Self> {
        Self::empty(Profile::Unknown)
    }

    fn empty(profile: Profile) -> Result<Self> {
        let secret = |pin: Pin| -> Result<Secret> {
            let block = pin_block(pin.preset())?;
            Ok(Secret { pin, block, left: TRIES, verified: false, touched: 0 })
        };
        let [authentication, signature, address] = Pin::ALL;
        Ok(Self {
            profile,
            past_end: profile.past_end(),
            applications: Vec::new(),
            secrets: [secret(authentication)?, secret(signature)?, secret(address)?],
            keys: None,
            state: Volatile::default(),
        })
    }

    /// Its generation.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Sets another PIN.
    ///
    /// # Errors
    /// As [`pin_block`].
    pub fn set_pin(&mut self, pin: Pin, digits: &str) -> Result<()> {
        self.secret(pin).block = pin_block(digits)?;
        Ok(())
    }

    /// Sets how many tries a PIN has left; none blocks it.
    pub fn set_tries(&mut self, pin: Pin, left: u8) {
        self.secret(pin).left = left.min(TRIES);
    }

    /// Chooses what READ BINARY does at the end of a file.
    pub fn set_past_end(&mut self, past_end: PastEnd) {
        self.past_end = past_end;
    }

    /// Puts other bytes into a file, in whichever application has it.
    ///
    /// # Errors
    /// If none has it.
    pub fn replace(&mut self, path: &[FileId], bytes: &[u8]) -> Result<()> {
        let mut replaced =
            self.applications.iter_mut().map(|application| application.replace(path, bytes.into()));
        replaced.find(Result::is_ok).context("no such file on this card")?
    }

    /// The public key of the authentication key: a point on P-256, or PKCS#1.
    #[must_use]
    pub fn public_key(&self) -> Option<Vec<u8>> {
        self.keys.as_ref().map(|keys| keys.authentication.public())
    }

    /// The tries that a PIN has left.
    #[must_use]
    pub fn tries(&self, pin: Pin) -> u8 {
        self.secrets.iter().find(|secret| secret.pin == pin).map_or(0, |secret| secret.left)
    }

    /// How often a PIN was tried or asked about.
    #[must_use]
    pub fn touched(&self, pin: Pin) -> u32 {
        self.secrets.iter().find(|secret| secret.pin == pin).map_or(0, |secret| secret.touched)
    }

    /// The power goes and comes back, or the reader resets the card.
    pub fn reset(&mut self) {
        self.state = Volatile::default();
        self.forget_pins();
    }

    /// What another program does by selecting the application for itself.
    pub fn disturb(&mut self) {
        self.forget_pins();
        self.state = Volatile {
            application: (!self.applications.is_empty()).then_some(0),
            ..Volatile::default()
        };
    }

    /// Answers one command.
    pub fn transmit(&mut self, apdu: &[u8]) -> Answer {
        let transmission = self.profile.transmission();
        Command::read(apdu, transmission).and_then(|command| self.obey(&command)).unwrap_or_else(
            |refused| {
                self.state.pending.clear();
                refused.into()
            },
        )
    }

    /// Puts data aside for GET RESPONSE.
    pub(super) fn hold(&mut self, data: Vec<u8>) -> Status {
        let status = Status::waiting(data.len());
        self.state.pending = data;
        status
    }

    fn obey(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        use Instruction::*;
        if command.instruction == GetResponse {
            return self.get_response(command);
        }
        self.state.pending.clear();
        match (command.class, command.instruction) {
            (0x00, Select) if command.p1 == 0x04 => self.select_application(command),
            (0x00, Select) => self.select_file(command),
            (0x00 | 0x80, GetData) => self.get_data(command),
            (0x80, GetChallenge) => Ok(self.deliver(command, CHALLENGE.to_vec())),
            (0x00, ReadBinary) => self.read_binary(command),
            (0x00, Verify) => self.verify(command),
            (0x00, Environment) => self.set_environment(command),
            (0x00, Operation) => self.operate(command),
            (0x00 | 0x80, _) => Err(Status::NO_INSTRUCTION),
            (_, _) => Err(Status::NO_CLASS),
        }
    }

    // ------------------------------------------------------------------------ transmission

    /// Gives data as far as the command asks for it; the rest waits for GET RESPONSE.
    fn deliver(&mut self, command: &Command<'_>, mut data: Vec<u8>) -> Answer {
        let expected = command.expected.unwrap_or(0).min(256);
        let rest = data.split_off(expected.min(data.len()));
        let status = if rest.is_empty() { Status::DONE } else { self.hold(rest) };
        Answer { data, status }
    }

    fn get_response(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        if command.class != 0x00 {
            return Err(Status::NO_CLASS);
        }
        if (command.p1, command.p2) != (0, 0) {
            return Err(Status::WRONG_PARAMETERS);
        }
        let (waiting, asked) = (self.state.pending.len(), command.expected.unwrap_or(0));
        if waiting == 0 {
            return Err(Status::CONDITIONS);
        }
        // What waits goes on waiting: the question was wrong, not the answer.
        if asked > waiting && self.profile.transmission() == Transmission::T0 {
            return Ok(Status::ask_for(waiting).into());
        }
        let pending = std::mem::take(&mut self.state.pending);
        Ok(self.deliver(command, pending))
    }

    // ------------------------------------------------------------------------------- files

    fn application(&self) -> Option<&Application> {
        self.applications.get(self.state.application?)
    }

    /// The application where PINs and keys are, or what a card without it answers.
    fn key_application(&self) -> Result<(), Status> {
        match self.application() {
            Some(application) if application.keys => Ok(()),
            Some(_) => Err(Status::NO_REFERENCE),
            None => Err(Status::NO_INSTRUCTION),
        }
    }

    fn select_application(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        let wanted = self.applications.iter().position(|known| known.aid == command.data);
        let wanted = wanted.ok_or(Status::NOT_FOUND)?;
        self.forget_pins();
        self.state = Volatile { application: Some(wanted), ..Volatile::default() };
        self.describe(command, &Found::Folder(Vec::new()))
    }

    fn select_file(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        let application = self.application().ok_or(Status::WRONG_PARAMETERS)?;
        let (pairs, odd) = command.data.as_chunks::<2>();
        let ids: Vec<FileId> = pairs.iter().map(|pair| FileId::from_be_bytes(*pair)).collect();
        if !odd.is_empty() {
            return Err(Status::WRONG_LENGTH);
        }
        let here = &self.state.folder;
        let found = match (command.p1, ids.as_slice()) {
            (0x00, []) => application.at(&[]),
            (0x00, &[id]) => application.near(here, id),
            (0x01, &[id]) => application
                .at(&[here, &[id][..]].concat())
                .filter(|found| matches!(found, Found::Folder(_))),
            (0x02, &[id]) => application
                .at(&[here, &[id][..]].concat())
                .filter(|found| matches!(found, Found::File(_))),
            // A path that begins with the master file is not found, and neither is a longer one.
            (0x08, [_] | [_, _]) => application.at(&ids),
            (0x09, [_] | [_, _]) => application.at(&[here, ids.as_slice()].concat()),
            (0x00..=0x02, _) => return Err(Status::WRONG_LENGTH),
            (0x08 | 0x09, _) => return Err(Status::NOT_FOUND),
            (_, _) => return Err(Status::WRONG_PARAMETERS),
        };
        let found = found.ok_or(Status::NOT_FOUND)?;
        let answer = self.describe(command, &found)?;
        self.enter(&found);
        Ok(answer)
    }

    fn enter(&mut self, found: &Found) {
        match found {
            Found::Folder(path) => {
                self.state.folder.clone_from(path);
                self.state.file = None;
            }
            Found::File(index) => {
                let file = self.application().and_then(|it| it.files.get(*index));
                let folder = file.and_then(|file| Some(file.path.split_last()?.1.to_vec()));
                self.state.folder = folder.unwrap_or_default();
                self.state.file = Some(*index);
            }
        }
    }

    /// The control information, if P2 asks for it.
    fn describe(&mut self, command: &Command<'_>, found: &Found) -> Result<Answer, Status> {
        match command.p2 {
            0x0C => Ok(Status::DONE.into()),
            0x00 => {
                let application = self.application().ok_or(Status::NOT_FOUND)?;
                let control = application.control(self.profile, found);
                Ok(self.deliver(command, control.ok_or(Status::NOT_FOUND)?))
            }
            _ => Err(Status::WRONG_PARAMETERS),
        }
    }

    fn read_binary(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        let application = self.application().ok_or(Status::NO_INSTRUCTION)?;
        if !command.data.is_empty() {
            return Err(Status::WRONG_LENGTH);
        }
        let (index, offset) = if command.p1 & 0x80 == 0 {
            let offset = u16::from_be_bytes([command.p1, command.p2]);
            (self.state.file.ok_or(Status::NO_FILE)?, offset)
        } else {
            let short = application.short(&self.state.folder, command.p1 & 0x1F);
            (short.ok_or(Status::NOT_FOUND)?, u16::from(command.p2))
        };
        let file = application.files.get(index).ok_or(Status::NO_FILE)?;
        if let Access::After(pin) = file.read
            && !self.verified(pin)
        {
            return Err(Status::PIN_NEEDED);
        }
        let rest = file.bytes.get(usize::from(offset)..).unwrap_or_default();
        let asked = command.expected.ok_or(Status::WRONG_LENGTH)?;
        let answer = match (rest.get(..asked), self.past_end) {
            _ if rest.is_empty() => return Err(Status::WRONG_OFFSET),
            (Some(block), _) => Answer::with(block.to_vec()),
            (None, PastEnd::WrongLength) => Status::ask_for(rest.len()).into(),
            (None, PastEnd::Short) => Answer::with(rest.to_vec()),
            (None, PastEnd::Warning) => Answer { data: rest.to_vec(), status: Status::END_REACHED },
        };
        self.enter(&Found::File(index));
        Ok(answer)
    }

    fn get_data(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        self.application().ok_or(Status::NO_INSTRUCTION)?;
        let object = match (command.class, command.p1, command.p2) {
            (0x00, 0xDF, 0x30) => [&[0xDF, 0x30, 0x07], self.profile.version().as_slice()].concat(),
            (0x00, 0x9F, 0x7F) => life_cycle(),
            (_, _, _) => return Err(Status::NO_REFERENCE),
        };
        if command.expected == Some(object.len()) {
            return Ok(Answer::with(object));
        }
        match self.profile.transmission() {
            Transmission::T0 => Ok(Status::ask_for(object.len()).into()),
            Transmission::T1 => Ok(self.deliver(command, object)),
        }
    }

    // ------------------------------------------------------------------------------- PINs

    fn secret(&mut self, pin: Pin) -> &mut Secret {
        let [authentication, signature, address] = &mut self.secrets;
        match pin {
            Pin::Authentication => authentication,
            Pin::Signature => signature,
            Pin::Address => address,
        }
    }

    fn verified(&self, pin: Pin) -> bool {
        self.secrets.iter().any(|secret| secret.pin == pin && secret.verified)
    }

    fn forget_pins(&mut self) {
        self.secrets.iter_mut().for_each(|secret| secret.verified = false);
    }

    fn verify(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        self.key_application()?;
        let pin = Pin::ALL.into_iter().find(|pin| pin.reference() == command.p2);
        let profile = self.profile;
        let secret = self.secret(pin.ok_or(Status::NO_REFERENCE)?);
        secret.touched = secret.touched.saturating_add(1);
        match (profile, command.p1, command.data) {
            (_, 0x00, []) if secret.left == 0 => Err(Status::BLOCKED),
            (_, 0x00, []) if secret.verified => Ok(Status::DONE.into()),
            (_, 0x00, []) => Err(Status::tries(secret.left)),
            (_, 0x00, block) => secret.attempt(block),
            (Profile::V5, 0xFF, []) => {
                secret.verified = false;
                Ok(Status::DONE.into())
            }
            (_, _, _) => Err(Status::WRONG_PARAMETERS),
        }
    }

    // -------------------------------------------------------------------------- signatures

    fn set_environment(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        self.key_application()?;
        if (command.p1, command.p2) != (0x41, 0xB6) {
            return Err(Status::WRONG_PARAMETERS);
        }
        self.state.environment = None;
        self.state.digest = None;
        // The two references of one byte each, in either order.
        let (algorithm, key) = match *command.data {
            [0x80, 1, algorithm, 0x84, 1, key] | [0x84, 1, key, 0x80, 1, algorithm] => {
                (algorithm, key)
            }
            _ => return Err(Status::WRONG_DATA),
        };
        let purposes = [Purpose::Authentication, Purpose::Signature];
        let named = |purpose: &Purpose| self.profile.key_reference(*purpose) == key;
        let purpose = purposes.into_iter().find(named).ok_or(Status::NO_REFERENCE)?;
        let hash = Hash::of_nibble(algorithm >> 4).ok_or(Status::WRONG_DATA)?;
        let scheme = Scheme::of_nibble(algorithm & 0x0F).ok_or(Status::WRONG_DATA)?;
        if !self.profile.offers(scheme) {
            return Err(Status::WRONG_DATA);
        }
        self.state.environment = Some(Environment { purpose, hash, scheme });
        Ok(Status::DONE.into())
    }

    fn operate(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        self.key_application()?;
        match (command.p1, command.p2) {
            (0x90, 0xA0) => self.load_digest(command),
            (0x9E, 0x9A) => self.sign(command),
            (_, _) => Err(Status::WRONG_PARAMETERS),
        }
    }

    fn load_digest(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        self.state.digest = None;
        let environment = self.state.environment.ok_or(Status::CONDITIONS)?;
        if !self.profile.takes(environment.hash) {
            return Err(Status::CONDITIONS);
        }
        match command.data {
            [0x90, length, digest @ ..]
                if usize::from(*length) == digest.len()
                    && digest.len() == environment.hash.length() =>
            {
                self.state.digest = Some(digest.to_vec());
                Ok(Status::DONE.into())
            }
            _ => Err(Status::WRONG_DATA),
        }
    }

    /// Signs, and forgets the PIN and all that led here.
    fn sign(&mut self, command: &Command<'_>) -> Result<Answer, Status> {
        if !command.data.is_empty() {
            return Err(Status::WRONG_LENGTH);
        }
        let environment = self.state.environment.ok_or(Status::CONDITIONS)?;
        let keys = self.keys.as_ref().ok_or(Status::CONDITIONS)?;
        let (key, pin) = match environment.purpose {
            Purpose::Authentication => (&keys.authentication, Pin::Authentication),
            Purpose::Signature => (&keys.signature, Pin::Signature),
        };
        if !self.verified(pin) {
            return Err(Status::PIN_NEEDED);
        }
        let digest = self.state.digest.as_deref().ok_or(Status::CONDITIONS)?;
        let signature = key.sign(environment.scheme, environment.hash, digest);
        let signature = signature.map_err(|_| Status::CONDITIONS)?;
        self.forget_pins();
        self.state.environment = None;
        self.state.digest = None;
        Ok(self.deliver(command, signature))
    }
}

impl Secret {
    /// One try. A wrong one costs one, and the last one blocks.
    fn attempt(&mut self, block: &[u8]) -> Result<Answer, Status> {
        if block.len() != self.block.len() {
            return Err(Status::WRONG_LENGTH);
        }
        if self.left == 0 {
            return Err(Status::BLOCKED);
        }
        self.verified = block == self.block;
        if self.verified {
            self.left = TRIES;
            return Ok(Status::DONE.into());
        }
        self.left = self.left.saturating_sub(1);
        Err(Status::tries(self.left))
    }
}

/// What GET CHALLENGE answers: nobody here relies on its being random.
const CHALLENGE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// The card production life cycle data: the serial number at bytes 13 to 20.
fn life_cycle() -> Vec<u8> {
    [&[0x9F, 0x7F, 0x2A][..], &[0; 10], &SERIAL, &[0; 24]].concat()
}
