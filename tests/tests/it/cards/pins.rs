//! PINs that are wrong, malformed, blocked or open to others: what the card is sent, and what it
//! costs.

use super::checks;

checks! { "pins":
    a_wrong_pin_is_sent_once_and_its_cost_is_told_before_and_after
    a_text_that_is_no_pin_never_reaches_the_card
    the_last_try_is_not_used_unless_somebody_confirms_it
    a_blocked_pin_is_told_and_nothing_is_sent
    a_pin_file_that_others_can_read_is_not_used
    a_pin_that_blocks_the_card_says_who_unblocks_it
}

mod check {
    use std::os::unix::fs::PermissionsExt as _;

    use pregao_test_pki::Profile;
    use pregao_tests::card::Pin;

    use crate::cards::{Scene, kept, taken_up_again};

    pub(super) fn a_wrong_pin_is_sent_once_and_its_cost_is_told_before_and_after(scene: &Scene) {
        for (number, profile) in [(301, Profile::V3), (302, Profile::V4), (303, Profile::V5)] {
            let person = scene.person(profile, number);
            person.write_pin("40404040").unwrap();
            let told = person.fetch(&scene.stage.house).unwrap();
            told.stopped("wrong PIN: 2 tries left", "which is not the signature PIN").unwrap();
            assert!(told.text().contains("3 tries left"), "{}", told.text());
            assert_eq!((person.pins_sent(), person.tries()), (1, 2));
            assert!(!told.text().contains("40404040"));
            let before = kept(&person.folder);
            assert!(before.is_some(), "the request was not kept");
            let told = person.pregao(&["card", "show"]).unwrap().done().unwrap();
            assert!(told.text().contains("2 tries left"), "{}", told.text());
            person.write_pin(&person.pin).unwrap();
            taken_up_again(scene, &person, before.as_ref());
            assert_eq!((person.pins_sent(), person.tries()), (1, 3));
            person.card.pull().unwrap();
        }
    }

    pub(super) fn a_text_that_is_no_pin_never_reaches_the_card(scene: &Scene) {
        let person = scene.person(Profile::V4, 311);
        for (text, what) in [
            ("123", "fewer than 4 digits"),
            ("123456789", "more than 8 digits"),
            ("12a4", "something else than digits"),
            (" 1234", "something else than digits"),
        ] {
            person.write_pin(text).unwrap();
            let told = person.fetch(&scene.stage.house).unwrap();
            told.stopped(what, "no try was used").unwrap();
            // A fingerprint may have the same digits by chance.
            let said = told.text();
            let mut words = said.split_whitespace().filter(|word| word.len() < 20);
            assert!(!words.any(|word| word.contains(text.trim())), "{said}");
        }
        person.write_pin("").unwrap();
        let told = person.fetch(&scene.stage.house).unwrap();
        told.stopped("not a file with a PIN", "first line").unwrap();
        assert_eq!((person.pins_sent(), person.tries()), (0, 3));
        let before = kept(&person.folder);
        assert!(before.is_some(), "the request was not kept");
        person.write_pin(&person.pin).unwrap();
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    pub(super) fn the_last_try_is_not_used_unless_somebody_confirms_it(scene: &Scene) {
        let person = scene.person(Profile::V5, 321);
        person.card.chip(|chip| chip.set_tries(Pin::Authentication, 1));
        // The PIN is right, but nobody is there to say so.
        let told = person.fetch(&scene.stage.house).unwrap();
        told.stopped("nobody is there to type the PIN", "start it in a terminal").unwrap();
        assert!(told.text().contains("ONE TRY IS LEFT"), "{}", told.text());
        assert_eq!((person.pins_sent(), person.tries()), (0, 1));
        let before = kept(&person.folder);
        assert!(before.is_some(), "the request was not kept");
        person.card.chip(|chip| chip.set_tries(Pin::Authentication, 3));
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    pub(super) fn a_blocked_pin_is_told_and_nothing_is_sent(scene: &Scene) {
        for (number, profile) in [(331, Profile::V3), (332, Profile::V5)] {
            let person = scene.person(profile, number);
            person.card.chip(|chip| chip.set_tries(Pin::Authentication, 0));
            let told = person.fetch(&scene.stage.house).unwrap();
            told.stopped("the authentication PIN is blocked", "PUK").unwrap();
            assert_eq!((person.pins_sent(), person.tries()), (0, 0));
            let show = person.pregao(&["card", "show"]).unwrap().done().unwrap();
            assert!(show.text().contains("blocked"), "{}", show.text());
            let before = kept(&person.folder);
            assert!(before.is_some(), "the request was not kept");
            person.card.chip(|chip| chip.set_tries(Pin::Authentication, 3));
            taken_up_again(scene, &person, before.as_ref());
            person.card.pull().unwrap();
        }
    }

    pub(super) fn a_pin_file_that_others_can_read_is_not_used(scene: &Scene) {
        let person = scene.person(Profile::V5, 341);
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&person.pin_file, open).unwrap();
        let told = person.fetch(&scene.stage.house).unwrap();
        told.stopped("is open to others", "chmod 600").unwrap();
        assert_eq!((person.pins_sent(), person.tries()), (0, 3));
        let before = kept(&person.folder);
        assert!(before.is_some(), "the request was not kept");
        let own = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&person.pin_file, own).unwrap();
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    /// With a script in the place of a person, two tries are all that can be lost.
    pub(super) fn a_pin_that_blocks_the_card_says_who_unblocks_it(scene: &Scene) {
        let person = scene.person(Profile::V4, 351);
        person.write_pin("40404040").unwrap();
        let house = &scene.stage.house;
        person.fetch(house).unwrap().stopped("2 tries left", "authentication PIN").unwrap();
        person.fetch(house).unwrap().stopped("1 try left", "one more wrong one blocks it").unwrap();
        person.fetch(house).unwrap().stopped("nobody is there", "start it in a terminal").unwrap();
        assert_eq!((person.pins_sent(), person.tries()), (2, 1));
        person.card.pull().unwrap();
    }
}
