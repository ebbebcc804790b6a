//! Cards that are pulled, reset, disturbed or broken under the hands of `pregao enrol --card`.

use super::checks;

checks! { "faults":
    a_card_pulled_before_it_is_recognised_can_be_put_back
    a_card_pulled_while_its_certificate_is_read_can_be_put_back
    a_card_pulled_before_it_judges_the_pin_can_be_put_back
    a_card_pulled_between_pin_and_key_can_be_put_back
    a_card_pulled_between_digest_and_signature_can_be_put_back
    a_card_that_other_programs_reset_all_the_time_gets_one_pin_and_signs_then_or_later
    a_card_that_loses_its_state_at_any_step_gets_at_most_one_pin_and_loses_nothing
    a_certificate_that_makes_no_sense_is_told_and_costs_no_try
    a_wrong_signature_from_the_card_is_noticed_before_anything_is_sent
}

mod check {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use pregao_test_pki::Profile;
    use pregao_tests::card::{
        Fault, Slot, Status, Step, certificate_path, reset_by_another_program,
    };

    use crate::cards::{Scene, citizen, kept, taken_up_again};

    /// Pulled at the nth such step; how often it was sent a PIN then.
    fn pulled(scene: &Scene, number: u32, profile: Profile, at: (Step, u32), pins: usize) {
        let person = scene.person(profile, number);
        person.card.arrange_later(at.0, at.1, Fault::PulledBefore);
        let told = person.fetch(&scene.stage.house).unwrap();
        told.stopped("", "").unwrap();
        let text = told.text();
        let known = ["was pulled out of the reader", "whether the PIN was right is not known"];
        assert!(known.iter().any(|words| text.contains(words)), "{text}");
        let again = ["put it back and start again", "then start again"];
        assert!(again.iter().any(|words| text.contains(words)), "{text}");
        assert_eq!((person.pins_sent(), person.tries()), (pins, 3), "{text}");
        let before = kept(&person.folder);
        person.card.put_back().unwrap();
        taken_up_again(scene, &person, before.as_ref());
        assert_eq!((person.pins_sent(), person.tries()), (1, 3));
        person.card.pull().unwrap();
    }

    pub(super) fn a_card_pulled_before_it_is_recognised_can_be_put_back(scene: &Scene) {
        pulled(scene, 201, Profile::V3, (Step::SelectApplication, 0), 0);
    }

    pub(super) fn a_card_pulled_while_its_certificate_is_read_can_be_put_back(scene: &Scene) {
        pulled(scene, 202, Profile::V4, (Step::Read, 1), 0);
    }

    pub(super) fn a_card_pulled_before_it_judges_the_pin_can_be_put_back(scene: &Scene) {
        pulled(scene, 203, Profile::V5, (Step::Verify, 0), 1);
    }

    pub(super) fn a_card_pulled_between_pin_and_key_can_be_put_back(scene: &Scene) {
        pulled(scene, 204, Profile::V3, (Step::SetEnvironment, 0), 1);
    }

    pub(super) fn a_card_pulled_between_digest_and_signature_can_be_put_back(scene: &Scene) {
        pulled(scene, 205, Profile::V4, (Step::Sign, 0), 1);
    }

    pub(super) fn a_card_that_other_programs_reset_all_the_time_gets_one_pin_and_signs_then_or_later(
        scene: &Scene,
    ) {
        for (number, profile) in [(211, Profile::V3), (212, Profile::V4), (213, Profile::V5)] {
            let person = scene.person(profile, number);
            let before = person.card.resets();
            let over = AtomicBool::new(false);
            let fetched = std::thread::scope(|scope| {
                scope.spawn(|| {
                    // Waits while the program holds the card, as every other program must.
                    while !over.load(Ordering::Relaxed) {
                        let _ = reset_by_another_program(Slot::First);
                        std::thread::sleep(Duration::from_millis(5));
                    }
                });
                let fetched = person.fetch(&scene.stage.house);
                over.store(true, Ordering::Relaxed);
                fetched
            });
            assert!(person.card.resets() > before);
            // Who gets in between ten attempts is chance; what a person is told then is not.
            let fetched = fetched.unwrap();
            if fetched.stopped("", "close other programs that use the card").is_ok() {
                assert_eq!((person.pins_sent(), person.tries()), (0, 3));
                person.fetch(&scene.stage.house).unwrap().done().unwrap();
            } else {
                fetched.done().unwrap();
            }
            assert_eq!((person.pins_sent(), person.tries()), (1, 3));
            person.card.pull().unwrap();
        }
    }

    pub(super) fn a_card_that_loses_its_state_at_any_step_gets_at_most_one_pin_and_loses_nothing(
        scene: &Scene,
    ) {
        let steps = [
            (Step::SelectApplication, 0),
            (Step::Read, 1),
            (Step::Verify, 0),
            (Step::SetEnvironment, 0),
            (Step::Sign, 0),
        ];
        let rounds = [
            (221, Profile::V3, Fault::PowerLost),
            (222, Profile::V4, Fault::Disturbed),
            (223, Profile::V5, Fault::PowerLost),
        ];
        for (number, profile, fault) in rounds {
            let person = scene.person(profile, number);
            // The program makes its request once, and every attempt after it is about that one.
            person.card.arrange(Step::Sign, Fault::PulledBefore);
            person.fetch(&scene.stage.house).unwrap().stopped("", "").unwrap();
            person.card.put_back().unwrap();
            let before = kept(&person.folder);
            for (step, spared) in steps {
                person.pins_sent();
                person.card.arrange_later(step, spared, fault);
                let told = person
                    .pregao(
                        &[vec!["card".to_owned(), "test-sign".to_owned()], person.card_options()]
                            .concat(),
                    )
                    .unwrap();
                if told.code != Some(0) {
                    told.stopped("", "").unwrap();
                }
                let sent = person.pins_sent();
                assert!(sent <= 1, "{sent} PINs were sent: {step:?} {fault:?} {}", told.text());
                // A PIN that the card did not judge is not counted, and a right one costs nothing.
                assert_eq!(person.tries(), 3, "{step:?} {fault:?}: {}", told.text());
                person.card.forgive();
            }
            taken_up_again(scene, &person, before.as_ref());
            person.card.pull().unwrap();
        }
    }

    pub(super) fn a_certificate_that_makes_no_sense_is_told_and_costs_no_try(scene: &Scene) {
        for (number, profile) in [(231, Profile::V4), (232, Profile::V5)] {
            let good = scene.stage.pki.citizen(profile, &citizen(number));
            let name = format!("person-{number}");
            let person = scene.stage.person_with(&name, &good, Slot::First).unwrap();
            let path = certificate_path(profile.into());
            // In the form of one, so that it is read whole.
            let mut garbage = vec![0x42; 500];
            garbage[..4].copy_from_slice(&[0x30, 0x82, 0x01, 0xF0]);
            person.card.chip(|chip| chip.replace(&path, &garbage)).unwrap();
            let told = person.fetch(&scene.stage.house).unwrap();
            told.stopped("certificate makes no sense", "put it in again").unwrap();
            assert_eq!((person.pins_sent(), person.tries()), (0, 3));
            let before = kept(&person.folder);
            person.card.chip(|chip| chip.replace(&path, &good.authentication.certificate)).unwrap();
            taken_up_again(scene, &person, before.as_ref());
            person.card.pull().unwrap();
        }
    }

    pub(super) fn a_wrong_signature_from_the_card_is_noticed_before_anything_is_sent(
        scene: &Scene,
    ) {
        for (number, profile) in [(241, Profile::V3), (242, Profile::V4), (243, Profile::V5)] {
            let person = scene.person(profile, number);
            // On T=0 the signature is fetched afterwards: there, none at all comes.
            let wrong = match profile {
                Profile::V3 => Fault::Refused(Status::DONE),
                Profile::V4 | Profile::V5 => Fault::Altered,
            };
            person.card.arrange(Step::Sign, wrong);
            let told = person.fetch(&scene.stage.house).unwrap();
            told.stopped("does not verify against its certificate", "nothing was sent").unwrap();
            assert_eq!((person.pins_sent(), person.tries()), (1, 3));
            let before = kept(&person.folder);
            taken_up_again(scene, &person, before.as_ref());
            person.card.pull().unwrap();
        }
    }
}
