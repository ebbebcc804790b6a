//! The stage for people with cards: a test PKI, readers, the real services, and people who run the
//! real `pregao` with everything logged.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use pregao_test_pki::{CardMaterial, CitizenData, Pki, Plan, Profile};
use tempfile::TempDir;

use super::secrets::{Searched, Secret};
use crate::card::{Chip, Pin, Slot, Step, VirtualCard};
use crate::desk::{Desk, PASSPHRASE};
use crate::house::{Broker, House, Options, Tsa, executable};

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// A TSA that enrols citizens of a test PKI, and a broker. Runs in namespaces of its own.
#[derive(Debug)]
pub struct Stage {
    /// The services and what they and everybody else write.
    pub house: House,
    /// Who made the cards.
    pub pki: Pki,
    /// PIN files and the PKI's folder.
    apart: TempDir,
}

impl Stage {
    /// Starts the services with a fresh PKI, at trace level.
    ///
    /// # Errors
    /// If a program is missing or does not start.
    pub fn open() -> Result<Self> {
        let pki = Pki::new(Plan::quick(now()));
        let lists = pki.lists();
        Self::with(pki, &lists)
    }

    /// The same with this PKI and these lists.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn with(pki: Pki, lists: &[Vec<u8>]) -> Result<Self> {
        let (folder, apart) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let citizens = apart.path().join("citizens");
        pki.write_folder_with(&citizens, lists)?;
        let accept = if pki.plan().marked { "--accept-test-cards" } else { "" };
        let flags = format!("--policy card --citizens {} {accept}", citizens.display());
        let options = Options { log: Some("trace".to_owned()), ..Options::default() }.tsa(&flags);
        let tsa = Tsa::start(folder.path(), &options)?;
        let broker = Broker::start(folder.path(), &tsa.address, &options)?;
        Ok(Self { house: House { broker, tsa, folder }, pki, apart })
    }

    /// The folder with the state's certificates.
    #[must_use]
    pub fn citizens(&self) -> PathBuf {
        self.apart.path().join("citizens")
    }

    /// A folder that is not searched.
    #[must_use]
    pub fn elsewhere(&self, name: &str) -> PathBuf {
        self.apart.path().join(name)
    }

    /// A person with a good card in a slot.
    ///
    /// # Errors
    /// If the reader does not notice the card.
    pub fn person(&self, name: &str, who: &CitizenData, card: (Profile, Slot)) -> Result<Person> {
        let (profile, slot) = card;
        self.person_with(name, &self.pki.citizen(profile, who), slot)
    }

    /// A person with this card in a slot. The PIN is one that nothing else looks like.
    ///
    /// # Errors
    /// If the reader does not notice the card.
    pub fn person_with(&self, name: &str, material: &CardMaterial, slot: Slot) -> Result<Person> {
        let pin = format!("{}", 70_418_236 + 1_010_101 * (slot as u32));
        let chip = chip(material, &pin)?;
        let root = self.house.folder.path();
        let person = Person {
            name: name.to_owned(),
            holder: format!("{} {}", material.citizen.given_name, material.citizen.surname),
            civil_number: material.citizen.civil_number.clone(),
            folder: root.join(name),
            said: root.join(format!("{name}.said")),
            log: root.join(format!("{name}.log")),
            pin_file: self.apart.path().join(format!("{name}.pin")),
            card: VirtualCard::insert(chip, slot)?,
            pin,
        };
        person.write_pin(&person.pin)?;
        Ok(person)
    }

    /// Searches everything that was written for what nobody may write down.
    ///
    /// # Errors
    /// If a file cannot be read, or nothing was logged.
    pub fn search(&self, people: &[&Person]) -> Result<Searched> {
        let mut everywhere = Vec::new();
        let mut spoken = Vec::new();
        for person in people {
            let of = |what: &str| format!("{what} of {}", person.name);
            let pin = Secret::new(&of("the PIN"), &person.pin);
            let number = Secret::new(&of("the civil number"), &person.civil_number);
            everywhere.extend([pin.clone(), number.clone()]);
            everywhere.push(Secret::new(&of("the holder's name"), &person.holder));
            spoken.push((person, pin, number));
        }
        let mut searched = Searched::default();
        // What the services keep and log, vaults, exports, and the logs of people's programs.
        for entry in std::fs::read_dir(self.house.folder.path())? {
            let path = entry?.path();
            if path.is_dir() {
                searched.folder(&path, &everywhere)?;
            } else if !people.iter().any(|person| person.said == path || person.log == path) {
                searched.file(&path, &everywhere)?;
            } else if people.iter().any(|person| person.log == path) {
                // What a script's program says to a person comes between the lines of its log.
                let text = std::fs::read_to_string(&path)?;
                let (logged, aside): (Vec<&str>, Vec<&str>) =
                    text.lines().partition(|line| is_log(line));
                let place = path.display().to_string();
                searched.text(&place, logged.join("\n").as_bytes(), &everywhere);
                let unspeakable: Vec<Secret> = spoken
                    .iter()
                    .flat_map(|(_, pin, number)| [pin.clone(), number.clone()])
                    .collect();
                searched.text(&place, aside.join("\n").as_bytes(), &unspeakable);
            }
        }
        let all: Vec<Secret> =
            spoken.iter().flat_map(|(_, pin, number)| [pin.clone(), number.clone()]).collect();
        for (person, ..) in &spoken {
            let log = std::fs::read_to_string(&person.log)?;
            ensure!(log.contains(" TRACE "), "{} logged nothing at trace level", person.name);
            // A person reads names; a script is given the other side's number, once it is shown.
            let said = std::fs::read_to_string(&person.said)?;
            for line in said.lines() {
                let pins: Vec<Secret> = spoken.iter().map(|(_, pin, _)| pin.clone()).collect();
                let given = line.contains(r#""event":"revealed""#);
                let secrets = if given { &pins } else { &all };
                searched.text(&format!("{}.said", person.name), line.as_bytes(), secrets);
            }
        }
        for (name, log) in [("TSA", self.house.tsa.log()), ("broker", self.house.broker.log())] {
            // Beneath this they say nothing of their own at trace level, only at the others.
            ensure!(log.contains(" INFO "), "the {name} logged nothing");
        }
        Ok(searched)
    }
}

/// A chip of this card with this authentication PIN.
///
/// # Errors
/// As [`Chip::new`].
pub fn chip(material: &CardMaterial, pin: &str) -> Result<Chip> {
    let mut chip = Chip::new(material)?;
    chip.set_pin(Pin::Authentication, pin)?;
    Ok(chip)
}

/// A person with a citizen card.
#[derive(Debug)]
pub struct Person {
    /// What this person is called in the play.
    pub name: String,
    /// The name on the card.
    pub holder: String,
    /// The civil number on the card.
    pub civil_number: String,
    /// Folder of the vault.
    pub folder: PathBuf,
    /// The card.
    pub card: VirtualCard,
    /// File with the PIN.
    pub pin_file: PathBuf,
    /// The PIN.
    pub pin: String,
    said: PathBuf,
    log: PathBuf,
}

/// What a program told a person.
#[derive(Debug)]
pub struct Told {
    /// Exit status.
    pub code: Option<i32>,
    /// What was said to the person on the way, and why it stopped: standard error without the log.
    pub aside: Vec<String>,
    /// The result: standard output.
    pub result: Vec<String>,
}

impl Told {
    /// Everything in one text.
    #[must_use]
    pub fn text(&self) -> String {
        [self.aside.clone(), self.result.clone()].concat().join("\n")
    }

    /// That it went well.
    ///
    /// # Errors
    /// If not, with everything it said.
    pub fn done(self) -> Result<Self> {
        ensure!(self.code == Some(0), "it failed:\n{}", self.text());
        Ok(self)
    }

    /// That it stopped with status 1 and two last words: what happened, and what to do.
    ///
    /// # Errors
    /// If not, with everything it said.
    pub fn stopped(&self, what: &str, advice: &str) -> Result<()> {
        let text = self.text();
        ensure!(self.code == Some(1), "status {:?}, not 1:\n{text}", self.code);
        ensure!(self.result.is_empty(), "there is a result:\n{text}");
        let begun = self.aside.iter().rposition(|line| line.starts_with("pregao: "));
        let words = begun.and_then(|at| self.aside.get(at..)).unwrap_or_default();
        ensure!(words.len() >= 2, "there are no two lines:\n{text}");
        let (last, first) = words.split_last().context("no words")?;
        ensure!(first.join("\n").contains(what), "it does not say {what:?}:\n{text}");
        ensure!(last.contains(advice), "it does not advise {advice:?}:\n{text}");
        Ok(())
    }
}

impl Person {
    /// Writes another PIN into the file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_pin(&self, pin: &str) -> Result<()> {
        let mut options = File::options();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&self.pin_file)?;
        Ok(writeln!(file, "{pin}")?)
    }

    /// Number of the reader, as `--reader` wants it.
    #[must_use]
    pub fn reader(&self) -> &'static str {
        match self.card.slot() {
            Slot::First => "1",
            Slot::Second => "2",
        }
    }

    /// What chooses the card and gives its PIN.
    #[must_use]
    pub fn card_options(&self) -> Vec<String> {
        let pin_file = self.pin_file.display().to_string();
        ["--reader", self.reader(), "--pin-file", &pin_file].map(str::to_owned).to_vec()
    }

    /// Runs `pregao` to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn pregao(&self, words: &[impl AsRef<str>]) -> Result<Told> {
        let mut command = Command::new(executable("pregao")?);
        command.arg("--data").arg(&self.folder).args(words.iter().map(AsRef::as_ref));
        command.env("PREGAO_PASSPHRASE", PASSPHRASE).env("PREGAO_LOG", "trace");
        let output = command.env("NO_COLOR", "1").stdin(Stdio::null()).output()?;
        let heard = String::from_utf8_lossy(&output.stderr);
        let (logged, aside): (Vec<&str>, Vec<&str>) = heard.lines().partition(|line| is_log(line));
        let result = String::from_utf8_lossy(&output.stdout);
        append(&self.log, &logged)?;
        append(&self.said, &aside)?;
        append(&self.said, &result.lines().collect::<Vec<_>>())?;
        Ok(Told {
            code: output.status.code(),
            aside: aside.into_iter().map(str::to_owned).collect(),
            result: result.lines().map(str::to_owned).collect(),
        })
    }

    /// The first visit with the card.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn fetch(&self, house: &House) -> Result<Told> {
        let mut words = vec!["enrol".to_owned(), "--card".to_owned(), "--tsa".to_owned()];
        words.push(house.tsa.address.to_string());
        words.extend(["--work-factor".to_owned(), "4".to_owned()]);
        words.extend(self.card_options());
        self.pregao(&words)
    }

    /// Both visits.
    ///
    /// # Errors
    /// What stops one of them.
    pub fn enrol(&self, house: &House) -> Result<()> {
        self.fetch(house)?.done()?;
        self.pregao(&["enrol", "--spend", "--now"])?.done()?;
        Ok(())
    }

    /// Starts `pregao json` with the card and these flags.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn desk(&self, house: &House, flags: &[String]) -> Result<Desk> {
        let all = [self.card_options(), flags.to_vec()].concat();
        Desk::start_kept(&self.folder, &house.broker.address, &all, (&self.said, &self.log))
    }

    /// How often the card was sent a PIN since the last question.
    pub fn pins_sent(&self) -> usize {
        let exchanges = self.card.exchanges();
        let verified = exchanges.iter().filter(|it| Step::of(&it.command) == Step::Verify);
        verified.count()
    }

    /// The tries that the card has left.
    #[must_use]
    pub fn tries(&self) -> u8 {
        self.card.chip(|chip| chip.tries(Pin::Authentication))
    }
}

/// Whether a line on standard error is one of the log: it begins with an instant.
fn is_log(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    first.starts_with("20") && first.contains('T') && first.ends_with('Z')
}

fn append(path: &Path, lines: &[&str]) -> Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    Ok(lines.iter().try_for_each(|line| writeln!(file, "{line}"))?)
}
