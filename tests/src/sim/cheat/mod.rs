//! Houses that cheat one person, each in one way, and whether that person and a stranger see it.
//!
//! Everybody else is served honestly, by the same broker, so that whoever is cheated is the only one who may
//! say anything. The programs are the real ones: what cheats stands on the wire before the broker and has every key
//! of the house.

mod cheater;
mod forger;
mod line;
mod private;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use pregao_protocol::audit::evidence::{Accused, Evidence};
use tokio::time::Instant;

use self::cheater::Cheater;
use self::forger::Forger;
use self::line::Line;
use self::private::PrivateRooms;
use super::machine::{Chance, Era};
use super::person::Person;
use super::programs::Town;
use super::run::on_one_thread;
use super::trace::Trace;
use crate::liar::Lie;

/// How long people trade in a house that cheats, if it does not become known before.
const TRADING: Duration = Duration::from_secs(120);
/// And where what is done takes a witness's patience, or an auction's end.
const LONG_TRADING: Duration = Duration::from_secs(300);
/// How often it is looked whether the cheat is known.
const LOOKED_AT: Duration = Duration::from_secs(5);
/// How long things go on once it is.
const AFTERWARDS: Duration = Duration::from_secs(15);
/// How long a lie of the kind that takes time goes on.
const HELD_BACK: Duration = Duration::from_secs(40);
/// How long a witness waits before it testifies, its author asks it, and a little more.
const PATIENCE: Duration = Duration::from_secs(120);
/// The time that the two of a reveal room have, and a little more.
const DISCLOSING: Duration = Duration::from_secs(259_200 + 60);

/// What a house does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cheat {
    /// The broker signs a second history of a log.
    Fork,
    /// The broker answers from a log that is shorter than what was final: an old backup.
    Rollback,
    /// The broker refuses, under its signature, what the rules accept.
    FalseRefusal,
    /// The broker refuses by a rule without its signature.
    UnsignedRefusal,
    /// The TSA signs two histories.
    TwoTsas,
    /// The witness cosigns two histories, as the broker signs them.
    CosignedTwice,
    /// The broker leaves entries out.
    Drop,
    /// The broker shows entries in another order.
    Reorder,
    /// The broker holds the newest entries of a room back for good.
    Withhold,
    /// The broker shows entries half a minute late.
    Delay,
    /// The broker announces times that are long past.
    OldTime,
    /// The broker gives no receipts.
    NoReceipts,
    /// The broker answers nothing that is handed in, but for what comes through its witness.
    Swallow,
    /// The broker answers nothing that is handed in, and nothing that its witness offers it.
    Suppress,
    /// The broker answers nothing that is handed in, and says that it cannot read what its witness offers it.
    FalseUnreadable,
    /// The broker names another winner than the rules do.
    SettleWrongly,
    /// The broker records another end in an auction than its reveal room has.
    FalseOutcome,
    /// The broker signs that it keeps a disclosure, and records that its author stayed away.
    FalseAbsence,
}

/// What comes of a cheat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// An alarm, and evidence of this kind that convinces a stranger.
    Evidence(&'static str),
    /// An alarm; what is kept are notes that convince nobody.
    Notice,
    /// Nothing: the one who is cheated loses nothing by it.
    Harmless,
}

impl Cheat {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Fork,
        Self::Rollback,
        Self::FalseRefusal,
        Self::UnsignedRefusal,
        Self::TwoTsas,
        Self::CosignedTwice,
        Self::Drop,
        Self::Reorder,
        Self::Withhold,
        Self::Delay,
        Self::OldTime,
        Self::NoReceipts,
        Self::Swallow,
        Self::Suppress,
        Self::FalseUnreadable,
        Self::SettleWrongly,
        Self::FalseOutcome,
        Self::FalseAbsence,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::FalseRefusal => "false-refusal",
            Self::UnsignedRefusal => "unsigned-refusal",
            Self::TwoTsas => "two-tsas",
            Self::CosignedTwice => "cosigned-twice",
            Self::Drop => "drop",
            Self::Reorder => "reorder",
            Self::Withhold => "withhold",
            Self::Delay => "delay",
            Self::OldTime => "old-time",
            Self::NoReceipts => "no-receipts",
            Self::Swallow => "swallow",
            Self::Suppress => "suppress",
            Self::FalseUnreadable => "false-unreadable",
            Self::SettleWrongly => "settle-wrongly",
            Self::FalseOutcome => "false-outcome",
            Self::FalseAbsence => "false-absence",
        }
    }

    /// What an honest peer makes of it (SPEC 7.8).
    #[must_use]
    pub const fn expected(self) -> Expected {
        match self {
            Self::Fork => Expected::Evidence("fork"),
            Self::Rollback => Expected::Evidence("rollback"),
            Self::FalseRefusal => Expected::Evidence("false-refusal"),
            Self::TwoTsas => Expected::Evidence("batches"),
            Self::CosignedTwice => Expected::Evidence("cosigned-twice"),
            Self::Suppress => Expected::Evidence("suppressed"),
            Self::FalseUnreadable => Expected::Evidence("false-unreadable"),
            Self::SettleWrongly => Expected::Evidence("broken-log"),
            Self::FalseOutcome => Expected::Evidence("false-outcome"),
            Self::FalseAbsence => Expected::Evidence("false-absence"),
            Self::UnsignedRefusal
            | Self::Drop
            | Self::Reorder
            | Self::Withhold
            | Self::Delay
            | Self::OldTime => Expected::Notice,
            Self::NoReceipts | Self::Swallow => Expected::Harmless,
        }
    }

    /// How long people trade.
    const fn trading(self) -> Duration {
        match self {
            Self::Suppress
            | Self::FalseUnreadable
            | Self::SettleWrongly
            | Self::FalseOutcome
            | Self::FalseAbsence => LONG_TRADING,
            _ => TRADING,
        }
    }

    /// Of whom evidence may speak.
    fn may_accuse(self, accused: Accused) -> bool {
        match accused {
            Accused::Tsa => self == Self::TwoTsas,
            Accused::Witness => self == Self::CosignedTwice,
            Accused::Broker => self != Self::TwoTsas && self.expected() != Expected::Harmless,
        }
    }
}

impl fmt::Display for Cheat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Cheat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let named = Self::ALL.into_iter().find(|cheat| cheat.name() == text);
        named.ok_or_else(|| format!("there is no such cheat; there are {}", names()))
    }
}

/// How a seed of a cheat went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It was done, and came to what is expected.
    Caught,
    /// There was no occasion for it.
    NoOccasion,
}

/// Plays one seed in a house that cheats one person, and judges what they and the others saw.
///
/// # Errors
/// What ought to have been seen and was not, or was said of whom it is not true.
pub fn seed(seed: u64, cheat: Cheat) -> Result<Went> {
    trace(seed, cheat, false)?.0
}

/// As [`seed`]; gives what happened as well if `traced`.
///
/// # Errors
/// If the runtime or a folder cannot be had.
pub fn trace(seed: u64, cheat: Cheat, traced: bool) -> Result<(Result<Went>, Vec<String>)> {
    on_one_thread(seed, traced, async |chance, era, trace, folder| {
        play(chance, cheat, era, trace, folder.path()).await
    })
}

async fn play(
    chance: &Chance,
    cheat: Cheat,
    era: &Arc<Era>,
    trace: &Arc<Trace>,
    folder: &Path,
) -> Result<Went> {
    let town = Town::found(chance, era, trace, folder).await?;
    let people: Vec<Arc<Person>> = (0..3 + chance.below(2))
        .map(|number| Person::new(format!("person {number}"), 2 + chance.below(2), false, chance))
        .collect();
    for person in &people {
        town.settle(person).await?;
    }
    let (victim, others) = people.split_first().context("nobody is there")?;
    let done = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&done);
    let (forger, store) = (Forger::new(&town), town.store());
    let line = Arc::new(Mutex::new(Line::default()));
    let of_cheat = Arc::clone(&line);
    let lie = move |secrets| -> Box<dyn Lie> {
        Box::new(Cheater {
            cheat,
            secrets,
            done: count,
            tick: None,
            heads: BTreeMap::new(),
            cosigned: BTreeMap::new(),
            held: None,
            held_since: None,
            line: of_cheat,
            forger,
            private: PrivateRooms::new(store),
            handed_in: BTreeSet::new(),
        })
    };
    town.lie_to(victim, lie).await?;
    let evidence = town.evidence(victim);
    let mut end = Instant::now() + cheat.trading();
    let mut slept = false;
    while Instant::now() < end {
        tokio::time::sleep(LOOKED_AT).await;
        // Who stayed away is recorded days later.
        let is_kept = cheat == Cheat::FalseAbsence && done.load(Ordering::Relaxed) > 0;
        if is_kept && !slept {
            slept = true;
            tokio::time::sleep(AFTERWARDS).await;
            era.sleep(DISCLOSING);
            end = Instant::now() + TRADING;
        }
        if is_known(cheat, victim, &evidence) {
            // What else is said of it is said by then.
            tokio::time::sleep(AFTERWARDS).await;
            break;
        }
    }
    // What is held back still is a delay only once it comes, and a witness waits before it testifies.
    let begun = done.load(Ordering::Relaxed) > 0;
    let takes = match cheat {
        Cheat::Delay => HELD_BACK + AFTERWARDS,
        Cheat::Suppress => PATIENCE,
        _ => Duration::ZERO,
    };
    if begun && !is_known(cheat, victim, &evidence) {
        tokio::time::sleep(takes).await;
    }
    town.check()?;
    town.close().await?;
    for person in others {
        let alarms = &person.told.lock().alarms;
        // What others left at the witness waits behind what the broker does not answer.
        let waits = |alarm: &String| {
            cheat == Cheat::Suppress && alarm.contains("leaves your action unanswered")
        };
        ensure!(alarms.iter().all(waits), "{} was not cheated and says {alarms:?}", person.name);
    }
    let alarms = victim.told.lock().alarms.clone();
    if done.load(Ordering::Relaxed) == 0 {
        ensure!(alarms.is_empty(), "nothing was done, and it is said: {alarms:?}");
        return Ok(Went::NoOccasion);
    }
    // While a line stalls, a delay shows nothing.
    if cheat == Cheat::Delay && alarms.is_empty() && !line.lock().was_in_order(town.wires()) {
        return Ok(Went::NoOccasion);
    }
    judge(cheat, victim, &alarms, &evidence)?;
    Ok(Went::Caught)
}

/// Whether the victim has said and kept what the cheat comes to. Whether that holds is judged at the end.
fn is_known(cheat: Cheat, victim: &Person, evidence: &Path) -> bool {
    let noticed = || !victim.told.lock().alarms.is_empty();
    match cheat.expected() {
        Expected::Evidence(kind) => {
            let mut files = fs::read_dir(evidence).into_iter().flatten().flatten();
            let of_kind = files.any(|file| file.file_name().to_string_lossy().starts_with(kind));
            of_kind && noticed()
        }
        Expected::Notice => noticed(),
        // That nothing is said is known at the end only.
        Expected::Harmless => false,
    }
}

/// Whether alarms and evidence are what the cheat comes to, and accuse nobody else.
fn judge(cheat: Cheat, victim: &Person, alarms: &[String], evidence: &Path) -> Result<()> {
    let mut kinds = Vec::new();
    let files = fs::read_dir(evidence).into_iter().flatten();
    for file in files {
        let text = fs::read_to_string(file?.path())?;
        // Notes are no evidence.
        let Ok(proof) = Evidence::parse(&text) else { continue };
        proof.verify().with_context(|| format!("{} does not convince", proof.kind()))?;
        let fits = cheat.may_accuse(proof.against());
        ensure!(fits, "{} accuses whom it should not", proof.kind());
        kinds.push(proof.kind());
    }
    match cheat.expected() {
        Expected::Evidence(kind) => {
            ensure!(!alarms.is_empty(), "it was not noticed");
            ensure!(kinds.contains(&kind), "there is no {kind}: {kinds:?}, {alarms:?}");
        }
        Expected::Notice => ensure!(!alarms.is_empty(), "it was not noticed"),
        Expected::Harmless => {
            ensure!(alarms.is_empty(), "an alarm was raised: {alarms:?}");
            let told = victim.told.lock();
            let lost = told.bids.iter().find(|bid| !told.receipts.contains_key(*bid));
            ensure!(lost.is_none(), "no receipt for an own bid: {lost:?}");
        }
    }
    Ok(())
}

/// How the seeds of one cheat went.
#[derive(Debug, Default)]
pub struct Count {
    /// Seeds in which it was done and came to what is expected.
    pub caught: u64,
    /// Seeds without an occasion.
    pub no_occasion: u64,
    /// Seeds in which it did not come to that, and what happened.
    pub failed: Vec<(u64, String)>,
}

/// Plays seeds of one cheat on so many threads.
///
/// # Errors
/// If a thread panics.
pub fn seeds(cheat: Cheat, seeds: std::ops::Range<u64>, threads: usize) -> Result<Count> {
    let (next, count) = (AtomicU64::new(seeds.start), Mutex::new(Count::default()));
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= seeds.end {
            break;
        }
        let went = seed(number, cheat);
        let mut count = count.lock();
        match went {
            Ok(Went::Caught) => count.caught += 1,
            Ok(Went::NoOccasion) => count.no_occasion += 1,
            Err(error) => count.failed.push((number, format!("{error:#}"))),
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a thread panicked")))
    })?;
    Ok(count.into_inner())
}
