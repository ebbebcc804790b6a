//! One seed, from an empty folder to a verdict.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use pregao::command::{Command, ListFilter};
use pregao::event::Phase;
use tempfile::TempDir;
#[cfg(tokio_unstable)]
use tokio::runtime::RngSeed;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;

use super::framer::Framer;
use super::machine::{Chance, Era};
use super::person::{Disposition, Person};
use super::programs::Town;
use super::trace::{LogWriter, Trace};
use super::trouble::Trouble;
use super::verdict::{self, Tally};

/// How long people may list and bid.
const TRADING: Duration = Duration::from_secs(75);
/// How long things go wrong again after each time that machines slept for days.
const DISTURBED: Duration = Duration::from_secs(15);
/// How long everything that nobody hinders may take to come to rest.
const REST: Duration = Duration::from_secs(400);
/// The time that the two of a reveal room have, and a little more.
const DISCLOSING: Duration = Duration::from_secs(259_200 + 60);
/// Most rounds of disclosing: each winner who vanishes costs one.
const ROUNDS: usize = 12;

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    /// What it came to, or which promise was not kept.
    pub outcome: Result<Tally>,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

/// What a run leaves, everything having ended.
#[derive(Debug)]
pub struct Left {
    /// The folder of all programs.
    _folder: TempDir,
    /// The broker's log.
    pub store: PathBuf,
    /// Who took part, with all that they were told.
    pub people: Vec<Arc<Person>>,
    /// Nothing went wrong there.
    pub calm: bool,
    /// All machines slept for days.
    pub slept: bool,
    /// Deliveries that a witness took and that no broker could decide about.
    pub garbage: u64,
    /// And of what their authors had the answer to.
    pub hidden: u64,
}

/// Plays one seed and judges it. With `traced`, says what happened.
///
/// # Errors
/// If the runtime or a folder cannot be had: that says nothing about the programs.
pub fn seed(seed: u64, traced: bool) -> Result<Ran> {
    let played = catch_unwind(|| -> Result<Ran> {
        let (left, trace) = leave(seed, traced)?;
        let judge = |left: Left| {
            let people = || left.people.iter().map(Arc::as_ref);
            if left.calm {
                verdict::nothing_odd(people(), left.slept)?;
            }
            let tally = verdict::judge(&left.store, people())?;
            Ok(Tally { garbage: left.garbage, hidden: left.hidden, ..tally })
        };
        Ok(Ran { outcome: left.and_then(judge), trace })
    });
    let panicked = || Ran { outcome: Err(anyhow::anyhow!("it panicked")), trace: Vec::new() };
    played.unwrap_or_else(|_| Ok(panicked()))
}

/// Plays one seed without judging it; gives what it left, and what happened if `traced`.
///
/// # Errors
/// As [`seed`]; within, what kept the run from its end.
pub fn leave(seed: u64, traced: bool) -> Result<(Result<Left>, Vec<String>)> {
    on_one_thread(seed, traced, async |chance, era, trace, folder| {
        play(chance, era, trace, folder).await
    })
}

/// Plays something in a folder of its own, on one thread, in virtual time and in an order that a seed decides. Gives
/// what happened if `traced`.
pub(super) fn on_one_thread<T>(
    seed: u64,
    traced: bool,
    play: impl AsyncFnOnce(&Chance, &Arc<Era>, &Arc<Trace>, TempDir) -> Result<T>,
) -> Result<(Result<T>, Vec<String>)> {
    let runtime = runtime(seed)?;
    let folder = folder()?;
    // The folder has another name each time; what is said of it is the same.
    let (path, name) = (folder.path().display().to_string(), "FOLDER");
    let (left, trace) = runtime.block_on(async {
        let era = Era::begin();
        let trace = Trace::new(&era, traced);
        let log = tracing_subscriber::fmt()
            .with_max_level(if traced { LevelFilter::DEBUG } else { LevelFilter::OFF })
            .without_time()
            .with_ansi(false)
            .with_writer(LogWriter(Arc::clone(&trace)))
            .finish();
        let guard = tracing::subscriber::set_default(log);
        let left = play(&Chance::of(seed), &era, &trace, folder).await;
        drop(guard);
        (left, trace.take())
    });
    let left = left.map_err(|error| anyhow::anyhow!(format!("{error:#}").replace(&path, name)));
    Ok((left, trace.into_iter().map(|line| line.replace(&path, name)).collect()))
}

/// One thread under virtual time, whose order follows from a seed.
fn runtime(seed: u64) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    // Without it `select!` looks in an order that no seed decides.
    #[cfg(tokio_unstable)]
    builder.rng_seed(RngSeed::from_bytes(&seed.to_le_bytes()));
    builder.build()
}

/// A folder in memory where there is one: what is to be found does not depend on the disk.
fn folder() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

async fn play(
    chance: &Chance,
    era: &Arc<Era>,
    trace: &Arc<Trace>,
    folder: TempDir,
) -> Result<Left> {
    let town = Town::found(chance, era, trace, folder.path()).await?;
    let people: Vec<Arc<Person>> = (0..3 + chance.below(2))
        .map(|number| Person::new(format!("person {number}"), 2 + chance.below(2), true, chance))
        .collect();
    for person in &people {
        town.settle(person).await?;
    }
    // One run in four is calm: what goes wrong there is no trouble's fault.
    let calm = chance.once_in(4);
    let framer = chance.once_in(3).then(|| Framer::new(&town, chance));
    disturb(&town, &people, chance, (TRADING, calm), framer.as_ref()).await?;
    for person in &people {
        person.be_quiet();
    }
    let mut slept = false;
    for round in 0..ROUNDS {
        if round > 0 {
            disturb(&town, &people, chance, (DISTURBED, calm), framer.as_ref()).await?;
        }
        rest(&town, &people).await.with_context(|| format!("in round {round} of disclosing"))?;
        if over(&people) {
            break;
        }
        if calm {
            verdict::nothing_odd(people.iter().map(Arc::as_ref), slept)?;
        }
        slept = true;
        trace.say("all", || "sleep until the time for disclosing has passed".to_owned());
        era.sleep(DISCLOSING);
    }
    ensure!(over(&people), "auctions are not over");
    ask_at_the_end(&town, &people).await?;
    if let Some(framer) = &framer {
        // What waited while all slept for days was given up.
        framer.nothing_shown(!calm || slept).await?;
    }
    let garbage = framer.as_ref().map_or(0, Framer::left);
    let hidden = framer.as_ref().map_or(0, Framer::hidden);
    town.close().await?;
    Ok(Left { _folder: folder, store: town.store(), people, calm, slept, garbage, hidden })
}

/// Lets things go wrong for a while, unless all is to be calm.
async fn disturb(
    town: &Arc<Town>,
    people: &[Arc<Person>],
    chance: &Chance,
    (time, calm): (Duration, bool),
    framer: Option<&Framer>,
) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        tokio::time::sleep(chance.millis(500, 12_000)).await;
        if let Some(framer) = framer {
            framer.strike(people).await;
        }
        if calm {
            continue;
        }
        let first = Trouble::draw(chance, people.len());
        let second = Trouble::draw(chance, people.len());
        if chance.once_in(3) && first.goes_with(&second) {
            tokio::try_join!(town.strike(first, people), town.strike(second, people))?;
        } else {
            town.strike(first, people).await?;
        }
    }
    Ok(())
}

/// Whether every auction that anybody knows of has ended.
fn over(people: &[Arc<Person>]) -> bool {
    people.iter().all(|person| {
        let told = person.told.lock();
        told.rooms.values().all(|room| matches!(room.phase, Phase::Revealed | Phase::Ended))
    })
}

/// Waits until nothing is left to be done but what needs days: until only rooms are settled in
/// which somebody who will not disclose is awaited.
async fn rest(town: &Town, people: &[Arc<Person>]) -> Result<()> {
    let end = Instant::now() + REST;
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        town.check()?;
        if let Some(alarm) = people.iter().find_map(|person| {
            let told = person.told.lock();
            told.alarms.first().map(|alarm| format!("{}: {alarm}", person.name))
        }) {
            bail!("an alarm was raised: {alarm}");
        }
        if is_at_rest(people) {
            return Ok(());
        }
        if Instant::now() >= end {
            let rooms: Vec<_> = people
                .iter()
                .map(|person| {
                    let told = person.told.lock();
                    let phases: Vec<_> =
                        told.rooms.values().map(|room| (room.short.clone(), room.phase)).collect();
                    (person.name.clone(), phases)
                })
                .collect();
            bail!("nothing came to rest: {rooms:?}");
        }
    }
}

/// Whether everybody knows every room, nothing is open, and who waits does so for somebody who does not
/// disclose.
fn is_at_rest(people: &[Arc<Person>]) -> bool {
    let known: Vec<Vec<(String, Phase)>> = people
        .iter()
        .map(|person| {
            let told = person.told.lock();
            told.rooms.values().map(|room| (room.room.clone(), room.phase)).collect()
        })
        .collect();
    let alike = known.windows(2).all(|pair| pair.first() == pair.last());
    let first = known.first().map(Vec::as_slice).unwrap_or_default();
    let awaits_the_absent = |auction: &str| {
        let sides: Vec<&Arc<Person>> = people
            .iter()
            .filter(|person| person.told.lock().invited.values().any(|of| of == auction))
            .collect();
        // Both were invited, and one of them at least keeps away.
        sides.len() >= 2 && sides.iter().any(|side| side.disposition != Disposition::Discloses)
    };
    alike
        && first.iter().all(|(room, phase)| match phase {
            Phase::Revealed | Phase::Ended => true,
            Phase::Settled => awaits_the_absent(room),
            Phase::Open | Phase::Closed => false,
        })
}

/// Everybody asks for the rooms as they are at the end, and for their receipts.
async fn ask_at_the_end(town: &Arc<Town>, people: &[Arc<Person>]) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(30)).await;
    for person in people {
        ask(town, person, Command::Items(ListFilter::default())).await?;
        let rooms: Vec<String> = {
            let told = person.told.lock();
            let unseen = told.rooms.values().filter(|room| room.is_unfollowed());
            unseen.map(|room| room.room.clone()).collect()
        };
        // Of what ended while a desk was down, only the listing is known until it is asked for.
        for room in rooms {
            ask(town, person, Command::Join { room }).await?;
        }
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    for person in people {
        ask(town, person, Command::Items(ListFilter::default())).await?;
        ask(town, person, Command::Receipts).await?;
    }
    town.check()
}

/// Has a person ask their desk for something, and waits until that is done.
async fn ask(town: &Town, person: &Person, command: Command) -> Result<()> {
    let request = person.request(command);
    let id = request.id.clone().unwrap_or_default();
    town.ask(person, request)?;
    let end = Instant::now() + Duration::from_secs(60);
    while !person.told.lock().done.contains(&id) {
        ensure!(Instant::now() < end, "{} gets no answer", person.name);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
