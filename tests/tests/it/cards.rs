//! The real programs with virtual citizen cards: the whole life with each generation, and
//! everything that may be wrong with card, reader, PIN, certificate and lists.
//!
//! Checks that share readers and services are one group. Each is a test of its own; whichever runs
//! first plays the whole group, in namespaces of its own.

mod disclosure;
mod faults;
mod pins;
mod readers;
mod refusals;
mod whole;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Result, bail};
use pregao::vault::{KeptEnrolment, Vault};
use pregao_test_pki::{CitizenData, Profile};
use pregao_tests::card::{Readers, Slot, inside};
use pregao_tests::demo::cards::stage::{Person, Stage};
use pregao_tests::desk;

/// Makes each check a test, and one ignored test that runs them all on one stage.
macro_rules! checks {
    ($group:literal: $($check:ident)*) => {
        static RAN: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
        $(
            #[test]
            fn $check() -> anyhow::Result<()> {
                crate::cards::held(concat!("cards::", $group, "::inside"), &RAN, stringify!($check))
            }
        )*
        #[test]
        #[ignore = "started in namespaces of its own by the tests of this group"]
        fn inside() {
            crate::cards::run(&[$((stringify!($check), check::$check as crate::cards::Check)),*]);
        }
    };
}
use checks;

/// One check. The readers can be closed and opened again.
type Check = fn(&Scene);

/// What the checks of a group share.
struct Scene {
    stage: Stage,
    readers: parking_lot::Mutex<Option<Readers>>,
}

/// Runs every check, whatever becomes of the others.
fn run(checks: &[(&str, Check)]) {
    let readers = parking_lot::Mutex::new(Some(Readers::open().unwrap()));
    let scene = Scene { stage: Stage::open().unwrap(), readers };
    let mut failed = Vec::new();
    for (name, check) in checks {
        eprintln!("check {name} begins");
        let begun = std::time::Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&scene)));
        let word = if outcome.is_ok() { "held" } else { "FAILED" };
        eprintln!("check {name} {word} after {:?}", begun.elapsed());
        if outcome.is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// Whether a check of a group held; plays the group if nobody did yet.
fn held(group: &str, ran: &OnceLock<Result<(), String>>, check: &str) -> Result<()> {
    let outcome = ran.get_or_init(|| inside(group).map_err(|error| format!("{error:#}")));
    let Err(said) = outcome else { return Ok(()) };
    if said.contains(&format!("check {check} held after")) {
        return Ok(());
    }
    let begun = said.find(&format!("check {check} begins")).unwrap_or_default();
    let end = said.find(&format!("check {check} FAILED")).unwrap_or(said.len());
    bail!("{}", &said[begun..end])
}

impl Scene {
    /// A citizen with a card in the first slot. Numbers tell citizens apart: each gets one token.
    fn person(&self, profile: Profile, number: u32) -> Person {
        self.person_in(profile, number, Slot::First)
    }

    fn person_in(&self, profile: Profile, number: u32, slot: Slot) -> Person {
        let name = format!("person-{number}");
        self.stage.person(&name, &citizen(number), (profile, slot)).unwrap()
    }
}

/// A citizen by number. Civil numbers are such as nothing else looks like, and occur in no name.
fn citizen(number: u32) -> CitizenData {
    CitizenData {
        civil_number: (61_738_000 + number).to_string(),
        surname: format!("de Teste {number}"),
        ..CitizenData::numbered(0)
    }
}

/// What the vault keeps of an enrolment that was not finished: the persona's key, and the request
/// that the TSA will know again. Nothing if no vault was made: first of all a card is looked for.
fn kept(folder: &Path) -> Option<(Vec<u8>, KeptEnrolment)> {
    if !Vault::exists(folder) {
        return None;
    }
    let contents = desk::vault(folder).unwrap();
    assert!(!contents.is_certified());
    Some((contents.persona.expose().to_vec(), contents.enrolment.unwrap()))
}

/// The same command goes through now, for the same persona if there was one.
fn taken_up_again(scene: &Scene, person: &Person, before: Option<&(Vec<u8>, KeptEnrolment)>) {
    if let Some(before) = before {
        let (persona, enrolment) = kept(&person.folder).unwrap();
        assert!(persona == before.0 && enrolment.asked == before.1.asked, "something was lost");
    }
    person.enrol(&scene.stage.house).unwrap();
    let contents = desk::vault(&person.folder).unwrap();
    assert!(contents.is_certified());
    assert!(before.is_none_or(|before| *contents.persona.expose() == before.0.as_slice()));
}
