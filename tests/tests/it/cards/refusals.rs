//! Cards that the TSA refuses, through the real `pregao enrol --card`: the PIN is right, the card
//! signs, and the state's PKI says no.

use super::checks;

checks! { "refusals":
    an_expired_certificate_is_refused
    a_certificate_that_is_not_yet_valid_is_refused
    a_card_of_another_authority_is_refused
    a_revoked_card_is_refused
    a_card_on_hold_is_refused_until_it_is_activated
    a_list_that_is_over_refuses_everybody_it_speaks_of
    a_missing_list_refuses_everybody_it_would_speak_of
    a_list_of_another_partition_does_not_speak_for_a_card
    a_citizen_gets_one_persona_in_a_period
    a_production_tsa_refuses_a_test_card
    a_production_tsa_does_not_start_with_the_test_pki
    a_tsa_in_doubt_about_its_clock_enrols_nobody_until_it_is_told
}

mod check {
    use pregao_test_pki::{CardMaterial, DAY, Fault, ListPlan, Pki, Plan, Profile, Reason};
    use pregao_tests::card::Slot;
    use pregao_tests::demo::cards::stage::{Person, Stage, now};
    use pregao_tests::house::{Options, Tsa};

    use crate::cards::{Scene, citizen, kept, taken_up_again};

    /// Enrols with this card and reads why not. The card did its part, and what was asked for is
    /// kept.
    fn refused(
        stage: &Stage,
        number: u32,
        material: &CardMaterial,
        what: &str,
        advice: &str,
    ) -> Person {
        let name = format!("person-{number}");
        let person = stage.person_with(&name, material, Slot::First).unwrap();
        let told = person.fetch(&stage.house).unwrap();
        told.stopped(what, advice).unwrap();
        assert_eq!((person.pins_sent(), person.tries()), (1, 3));
        assert!(!told.text().contains(&person.civil_number));
        assert!(kept(&person.folder).unwrap().1.asked.is_some());
        person
    }

    fn faulty(scene: &Scene, number: u32, fault: Fault, what: &str, advice: &str) {
        let material = scene.stage.pki.faulty(Profile::V5, &citizen(number), fault);
        let person = refused(&scene.stage, number, &material, what, advice);
        person.card.pull().unwrap();
    }

    pub(super) fn an_expired_certificate_is_refused(scene: &Scene) {
        faulty(scene, 401, Fault::Expired, "citizen.expired", "renew the citizen card");
    }

    pub(super) fn a_certificate_that_is_not_yet_valid_is_refused(scene: &Scene) {
        faulty(scene, 402, Fault::NotYetValid, "citizen.not-yet-valid", "check the clock");
    }

    pub(super) fn a_card_of_another_authority_is_refused(scene: &Scene) {
        let advice = "adds the issuing authority";
        faulty(scene, 403, Fault::OtherAuthority, "citizen.authority", advice);
    }

    /// Puts a citizen into the list of the running TSA, or out of it; waits until it knows.
    fn listed(stage: &Stage, entry: Option<(&CardMaterial, Reason)>, number: u64) {
        let point = stage.pki.citizen_point(Profile::V5, 0);
        let mut plan = ListPlan::around(now()).at(&point);
        plan.number = Some(number);
        if let Some((material, reason)) = entry {
            plan = plan.with(&material.authentication.serial, reason);
        }
        let list = stage.pki.branch(Profile::V5).authentication.list(&plan);
        let lists = stage.citizens().join("lists");
        let noticed = || stage.house.tsa.log().matches(NOTICED).count();
        let before = noticed();
        // The last that `write_folder` wrote is the one of v5.
        let last = std::fs::read_dir(&lists).unwrap().count() - 1;
        std::fs::write(lists.join(".new"), list).unwrap();
        std::fs::rename(lists.join(".new"), lists.join(format!("{last}.crl"))).unwrap();
        let begun = std::time::Instant::now();
        while noticed() == before {
            assert!(begun.elapsed().as_secs() < 60, "the TSA does not notice the list");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// What a citizen in the list reads, once the TSA has noticed the list.
    fn in_list(
        scene: &Scene,
        number: u32,
        list: u64,
        reason: Reason,
        what: &str,
        advice: &str,
    ) -> Person {
        let material = scene.stage.pki.citizen(Profile::V5, &citizen(number));
        listed(&scene.stage, Some((&material, reason)), list);
        refused(&scene.stage, number, &material, what, advice)
    }

    /// What the TSA logs when it has noticed a change.
    const NOTICED: &str = "took up the state's certificates and lists anew";

    pub(super) fn a_revoked_card_is_refused(scene: &Scene) {
        let (what, advice) = ("citizen.revoked", "ask for a new one");
        let person = in_list(scene, 404, 101, Reason::KeyCompromise, what, advice);
        person.card.pull().unwrap();
    }

    pub(super) fn a_card_on_hold_is_refused_until_it_is_activated(scene: &Scene) {
        let person = in_list(scene, 405, 102, Reason::Hold, "citizen.on-hold", "activate the card");
        let before = kept(&person.folder);
        listed(&scene.stage, None, 103);
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    /// A TSA whose list for v4 has expired, and that has none for v5.
    fn neglected() -> Stage {
        let pki = Pki::new(Plan::quick(now()));
        let mut lists = pki.lists();
        lists.pop();
        let over = ListPlan {
            this_update: now() - 8 * DAY,
            next_update: Some(now() - DAY),
            ..ListPlan::around(now())
        };
        let point = pki.citizen_point(Profile::V4, 0);
        let last = pki.branch(Profile::V4).authentication.list(&over.at(&point));
        lists[2] = last;
        Stage::with(pki, &lists).unwrap()
    }

    pub(super) fn a_list_that_is_over_refuses_everybody_it_speaks_of(_: &Scene) {
        let stage = neglected();
        let material = stage.pki.citizen(Profile::V4, &citizen(411));
        let advice = "fetches newer revocation lists";
        refused(&stage, 411, &material, "citizen.list-expired", advice).card.pull().unwrap();
    }

    pub(super) fn a_missing_list_refuses_everybody_it_would_speak_of(_: &Scene) {
        let stage = neglected();
        let material = stage.pki.citizen(Profile::V5, &citizen(412));
        let advice = "adds the issuer's revocation list";
        refused(&stage, 412, &material, "citizen.list-missing", advice).card.pull().unwrap();
    }

    pub(super) fn a_list_of_another_partition_does_not_speak_for_a_card(scene: &Scene) {
        let mut citizen = citizen(413);
        citizen.partition = 7;
        let material = scene.stage.pki.citizen(Profile::V4, &citizen);
        let advice = "revocation list that speaks of this card";
        let person = refused(&scene.stage, 413, &material, "citizen.list-partition", advice);
        person.card.pull().unwrap();
    }

    pub(super) fn a_citizen_gets_one_persona_in_a_period(scene: &Scene) {
        let person = scene.person(Profile::V4, 421);
        person.enrol(&scene.stage.house).unwrap();
        person.card.pull().unwrap();
        // The same citizen with another vault, and even with another card.
        for profile in [Profile::V4, Profile::V5] {
            let material = scene.stage.pki.citizen(profile, &citizen(421));
            let name = format!("again-{profile:?}");
            let again = scene.stage.person_with(&name, &material, Slot::First).unwrap();
            let told = again.fetch(&scene.stage.house).unwrap();
            told.stopped("citizen.used", "the very request").unwrap();
            assert!(kept(&again.folder).unwrap().1.held.is_none());
            again.card.pull().unwrap();
        }
    }

    pub(super) fn a_production_tsa_refuses_a_test_card(scene: &Scene) {
        let pki = Pki::new(Plan::quick(now()).unmarked());
        let lists = pki.lists();
        let production = Stage::with(pki, &lists).unwrap();
        let material = scene.stage.pki.citizen(Profile::V5, &citizen(431));
        let (what, advice) = ("citizen.test-card", "use a real citizen card");
        refused(&production, 431, &material, what, advice).card.pull().unwrap();
    }

    pub(super) fn a_production_tsa_does_not_start_with_the_test_pki(scene: &Scene) {
        let folder = tempfile::tempdir().unwrap();
        let flags = format!("--policy card --citizens {}", scene.stage.citizens().display());
        let started = Tsa::start(folder.path(), &Options::default().tsa(&flags));
        let words = started.unwrap_err().to_string();
        assert!(words.contains("test") && words.matches("pregao-tsa:").count() == 2, "{words}");
    }

    pub(super) fn a_tsa_in_doubt_about_its_clock_enrols_nobody_until_it_is_told(_: &Scene) {
        let mut stage = Stage::open().unwrap();
        stage.house.tsa.kill().unwrap();
        let store = rusqlite::Connection::open(stage.house.tsa.data().join("tsa.db")).unwrap();
        let since = i64::try_from(now()).unwrap() * 1_000_000 - 1;
        let doubt = "INSERT OR REPLACE INTO clock (name, value) VALUES ('doubt', ?1)";
        store.execute(doubt, [since]).unwrap();
        stage.house.tsa.restart().unwrap();
        let citizen = citizen(441);
        let person = stage.person("person-441", &citizen, (Profile::V5, Slot::First)).unwrap();
        let told = person.fetch(&stage.house).unwrap();
        told.stopped("clock", "").unwrap();
        assert_eq!((person.pins_sent(), person.tries()), (0, 3), "{}", told.text());
        assert!(!person.folder.exists(), "nothing was begun");
        stage.house.tsa.kill().unwrap();
        store.execute("DELETE FROM clock WHERE name = 'doubt'", []).unwrap();
        stage.house.tsa.restart().unwrap();
        person.enrol(&stage.house).unwrap();
        person.card.pull().unwrap();
    }
}
