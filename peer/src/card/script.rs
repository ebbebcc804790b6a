//! Cards and readers for tests: each command is expected as it is and answered as it is written.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use pregao_test_pki::{CardMaterial, CitizenData, Pki, Plan, Profile};
use rcgen::{KeyPair, SigningKey as _};

use super::apdu::Wire;
use super::transport::{CardLink, CardReaders, Channel, Ending, Fault};
use super::{Card, CardError};

/// An instant of the year 2026.
const NOW: u64 = 1_790_000_000;
/// A civil number that no log may show.
pub(super) const CIVIL_NUMBER: u32 = 71_829_304;
/// A control code for the keypad.
pub(super) const VERIFY_CODE: u32 = 0x4233_0006;

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Recipient {
    Card(String),
    Reader(Option<u32>, String),
}

#[derive(Debug, Default)]
struct Play {
    t0: bool,
    exchanges: VecDeque<(Recipient, Result<Vec<u8>, Fault>)>,
    /// Faults of the next transactions; after them they begin.
    begins: VecDeque<Fault>,
    /// Faults of the next reconnections; after them they succeed.
    reconnects: VecDeque<Fault>,
    /// What every command meets until the card is taken up again.
    broken: Option<Fault>,
    events: Vec<&'static str>,
}

/// A card that plays a script. Clones play the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Script(Arc<Mutex<Play>>);

impl Script {
    pub(super) fn new(wire: Wire) -> Self {
        let script = Self::default();
        script.play().t0 = wire == Wire::T0;
        script
    }

    fn play(&self) -> MutexGuard<'_, Play> {
        self.0.lock().unwrap()
    }

    /// Next the card hears `command` and answers `answer`, both in hexadecimal.
    pub(super) fn then(self, command: &str, answer: &str) -> Self {
        let answer = Ok(bytes(answer));
        self.play().exchanges.push_back((Recipient::Card(command.replace(' ', "")), answer));
        self
    }

    /// Next the card hears `command` and is gone or reset.
    pub(super) fn fails(self, command: &str, fault: Fault) -> Self {
        self.play().exchanges.push_back((Recipient::Card(command.replace(' ', "")), Err(fault)));
        self
    }

    /// Next the reader is asked for its features.
    pub(super) fn features(self, answer: Result<&str, Fault>) -> Self {
        let told = Recipient::Reader(None, String::new());
        self.play().exchanges.push_back((told, answer.map(bytes)));
        self
    }

    /// Next the reader is asked to verify the PIN.
    pub(super) fn keypad(self, answer: Result<&str, Fault>) -> Self {
        let told =
            Recipient::Reader(Some(VERIFY_CODE), "0d0000000020008108ffffffffffffffff".to_owned());
        self.play().exchanges.push_back((told, answer.map(bytes)));
        self
    }

    /// The next transaction does not begin.
    pub(super) fn begin_fails(self, fault: Fault) -> Self {
        self.play().begins.push_back(fault);
        self
    }

    /// The next reconnection does not succeed.
    pub(super) fn reconnect_fails(self, fault: Fault) -> Self {
        self.play().reconnects.push_back(fault);
        self
    }

    /// How often something happened.
    pub(super) fn count(&self, event: &str) -> usize {
        self.play().events.iter().filter(|happened| **happened == event).count()
    }

    /// How the last transaction ended.
    pub(super) fn ending(&self) -> &'static str {
        let play = self.play();
        play.events.iter().rev().find(|event| ["leave", "reset"].contains(event)).unwrap()
    }

    /// Everything in the script happened.
    pub(super) fn finish(&self) {
        let play = self.play();
        assert!(play.exchanges.is_empty(), "never happened: {:?}", play.exchanges);
        assert!(play.begins.is_empty() && play.reconnects.is_empty());
    }

    /// As a link.
    pub(super) fn link(&self) -> Box<dyn CardLink> {
        Box::new(self.clone())
    }

    fn exchange(&self, told: impl FnOnce(&Recipient) -> Recipient) -> Result<Vec<u8>, Fault> {
        let mut play = self.play();
        if let Some(fault) = play.broken {
            return Err(fault);
        }
        let (expected, answer) = play.exchanges.pop_front().expect("nothing more is expected");
        assert_eq!(told(&expected), expected);
        if matches!(expected, Recipient::Card(_)) {
            let lasts = [Fault::ResetCard, Fault::NotTransacted, Fault::RemovedCard];
            play.broken = answer.as_ref().err().copied().filter(|fault| lasts.contains(fault));
        }
        answer
    }
}

impl CardLink for Script {
    fn exclusively(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Channel) -> Ending,
    ) -> Result<(), Fault> {
        if let Some(fault) = self.play().begins.pop_front() {
            return Err(fault);
        }
        let mut channel = self.clone();
        let ending = match work(&mut channel) {
            Ending::Leave => "leave",
            Ending::Reset => "reset",
        };
        self.play().events.push(ending);
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), Fault> {
        let mut play = self.play();
        play.events.push("reconnect");
        if let Some(fault) = play.reconnects.pop_front() {
            return Err(fault);
        }
        play.broken = None;
        Ok(())
    }

    fn atr(&self) -> Vec<u8> {
        vec![0x3B, 0x00]
    }

    fn pause(&mut self, duration: Duration) {
        assert_eq!(duration, Duration::from_millis(100));
        self.play().events.push("pause");
    }
}

impl Channel for Script {
    fn wire(&self) -> Wire {
        if self.play().t0 { Wire::T0 } else { Wire::T1 }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Fault> {
        self.exchange(|_| Recipient::Card(hex::encode_upper(command)))
    }

    fn control(&mut self, code: u32, data: &[u8]) -> Result<Vec<u8>, Fault> {
        self.exchange(|expected| match expected {
            // The code of the question differs from system to system, the head from reader to reader.
            Recipient::Card(_) | Recipient::Reader(None, _) => {
                Recipient::Reader(None, hex::encode(data))
            }
            Recipient::Reader(Some(_), _) => {
                Recipient::Reader(Some(code), hex::encode(&data[15..]))
            }
        })
    }
}

/// Readers with scripts in them.
pub(super) struct ScriptedReaders(pub(super) Vec<(&'static str, Result<Script, Fault>)>);

impl CardReaders for ScriptedReaders {
    fn names(&self) -> Result<Vec<String>, Fault> {
        Ok(self.0.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    fn connect(&self, place: usize) -> Result<Box<dyn CardLink>, Fault> {
        self.0[place].1.as_ref().map(Script::link).map_err(|fault| *fault)
    }
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

// ------------------------------------------------------------------------------- whole cards

/// What is on the test card of a generation.
pub(super) fn material(profile: Profile) -> &'static CardMaterial {
    static ALL: OnceLock<[CardMaterial; 3]> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let pki = Pki::new(Plan::quick(NOW));
        // A name without the number in it, so that a number found is the civil number.
        let surname = "de Teste".to_owned();
        let citizen = CitizenData { surname, ..CitizenData::numbered(CIVIL_NUMBER) };
        [Profile::V3, Profile::V4, Profile::V5].map(|profile| pki.citizen(profile, &citizen))
    });
    all.iter().find(|material| material.profile == profile).unwrap()
}

/// The signature that the card of a generation makes.
pub(super) fn signature(profile: Profile, message: &[u8]) -> Vec<u8> {
    let key = KeyPair::try_from(material(profile).authentication.pkcs8.as_slice()).unwrap();
    let signature = key.sign(message).unwrap();
    if profile != Profile::V5 {
        return signature;
    }
    // SEQUENCE of two INTEGERs, to two times 32 bytes.
    let (r, s) = signature[4..].split_at(usize::from(signature[3]));
    let fixed = |number: &[u8]| {
        let mut all = vec![0; 32];
        all.extend(number);
        all.split_off(number.len())
    };
    [fixed(r), fixed(&s[2..])].concat()
}

pub(super) fn wire(profile: Profile) -> Wire {
    if profile == Profile::V3 { Wire::T0 } else { Wire::T1 }
}

/// Selects the application of a generation.
pub(super) fn application(profile: Profile) -> &'static str {
    if profile == Profile::V5 { "00A4040C07604632FF000004" } else { "00A4040C07604632FF000002" }
}

/// Selects the authentication certificate of a generation.
pub(super) fn certificate_file(profile: Profile) -> &'static str {
    if profile == Profile::V5 { "00A4080C045F00EF02" } else { "00A4080C045F00EF09" }
}

impl Script {
    /// Reads an object in a file with padding behind it.
    pub(super) fn reads(self, select: &str, object: &[u8]) -> Self {
        let mut script = self.then(select, "9000");
        let mut file = object.to_vec();
        file.resize(2500, 0);
        for offset in (0..object.len()).step_by(256) {
            let length = if offset == 0 { 256 } else { (object.len() - offset).min(256) };
            let command = format!("00B0{offset:04X}{:02X}", length % 256);
            let answer = hex::encode(&file[offset..offset + length]);
            script = script.then(&command, &format!("{answer}9000"));
        }
        script
    }

    /// What [`Card::open`] says to a card without a keypad at its reader.
    pub(super) fn opens(self, profile: Profile) -> Self {
        self.features(Err(Fault::NotTransacted)).recognises(profile)
    }

    pub(super) fn recognises(self, profile: Profile) -> Self {
        let script = match profile {
            Profile::V5 => self.then(application(Profile::V3), "6A82"),
            Profile::V3 | Profile::V4 => self,
        };
        let script = script.then(application(profile), "9000");
        let script = match profile {
            Profile::V3 => {
                script.then("00CADF3000", "6C0A").then("00CADF300A", "DF3007 76332E302E3061 9000")
            }
            Profile::V4 => script.then("00CADF3000", "DF3007 342E30302E3031 9000"),
            Profile::V5 => script,
        };
        script.reads(certificate_file(profile), &material(profile).authentication.certificate)
    }

    /// Selects the application and makes sure that it is the same card.
    pub(super) fn same(self, profile: Profile) -> Self {
        let start = hex::encode(&material(profile).authentication.certificate[..256]);
        self.then(application(profile), "9000")
            .then(certificate_file(profile), "9000")
            .then("00B0000000", &format!("{start}9000"))
    }

    /// What comes between a verified PIN and a signature.
    pub(super) fn prepares(self, profile: Profile, message: &[u8]) -> Self {
        use sha2::Digest as _;
        let key = if profile == Profile::V5 { "800144840106" } else { "800142840102" };
        let digest = hex::encode_upper(sha2::Sha256::digest(message));
        self.then(&format!("002241B606{key}"), "9000")
            .then(&format!("002A90A0229020{digest}"), "9000")
    }

    /// Ends the use of the PIN.
    pub(super) fn forgets(self, profile: Profile) -> Self {
        let command = if profile == Profile::V5 { "0020FF8100" } else { application(profile) };
        self.then(command, "9000")
    }

    /// Opens the card that plays this script.
    pub(super) fn open(&self) -> Result<Card, CardError> {
        Card::open(self.link(), "Scripted Reader 00 00".to_owned())
    }
}
