//! Readers and what is in them, through the real programs.

use super::checks;

checks! { "readers":
    without_pcscd_a_person_reads_how_to_start_it
    without_a_reader_a_person_reads_that_one_is_to_be_connected
    an_empty_reader_is_said_to_be_empty
    some_other_smart_card_is_not_taken_for_a_citizens
    two_cards_are_listed_with_their_holders_and_one_can_be_chosen
    a_reader_that_is_not_there_is_not_taken_for_another
}

mod check {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use pregao_test_pki::Profile;
    use pregao_tests::card::{Chip, Readers, Slot, VirtualCard};

    use crate::cards::{Scene, kept, taken_up_again};

    pub(super) fn without_pcscd_a_person_reads_how_to_start_it(scene: &Scene) {
        let person = scene.person(Profile::V5, 101);
        scene.readers.lock().take();
        let words = ("pcscd) is not running", "systemctl start pcscd.socket");
        for task in ["readers", "show", "test-sign"] {
            person.pregao(&["card", task]).unwrap().stopped(words.0, words.1).unwrap();
        }
        person.fetch(&scene.stage.house).unwrap().stopped(words.0, words.1).unwrap();
        let before = kept(&person.folder);
        assert!(before.is_none(), "a vault was made before a card was found");
        *scene.readers.lock() = Some(Readers::open().unwrap());
        person.card.put_back().unwrap();
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    pub(super) fn without_a_reader_a_person_reads_that_one_is_to_be_connected(scene: &Scene) {
        let person = scene.person(Profile::V5, 102);
        person.card.pull().unwrap();
        scene.readers.lock().take();
        // A pcscd without the driver of virtual readers; only in this mount namespace.
        let place = "/etc/reader.conf.d";
        let run = |program: &str, arguments: &[&str]| {
            assert!(Command::new(program).args(arguments).status().unwrap().success());
        };
        run("mount", &["-t", "tmpfs", "tmpfs", place]);
        let mut daemon = Command::new("/usr/sbin/pcscd")
            .arg("--foreground")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while person.pregao(&["card", "readers"]).unwrap().text().contains("not running") {
            std::thread::sleep(Duration::from_millis(50));
        }
        let words = ("no card reader is connected", "connect one and try again");
        for task in ["readers", "show", "test-sign"] {
            person.pregao(&["card", task]).unwrap().stopped(words.0, words.1).unwrap();
        }
        person.fetch(&scene.stage.house).unwrap().stopped(words.0, words.1).unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        run("umount", &[place]);
        *scene.readers.lock() = Some(Readers::open().unwrap());
        let before = kept(&person.folder);
        assert!(before.is_none(), "a vault was made before a card was found");
        person.card.put_back().unwrap();
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    pub(super) fn an_empty_reader_is_said_to_be_empty(scene: &Scene) {
        let person = scene.person(Profile::V4, 103);
        person.card.pull().unwrap();
        let listed = person.pregao(&["card", "readers"]).unwrap().done().unwrap();
        assert_eq!(listed.text().matches("empty").count(), 2, "{}", listed.text());
        let words = ("no card is in the reader", "put the citizen card in, chip first");
        person.pregao(&["card", "show"]).unwrap().stopped(words.0, words.1).unwrap();
        person.fetch(&scene.stage.house).unwrap().stopped(words.0, words.1).unwrap();
        let before = kept(&person.folder);
        assert!(before.is_none(), "a vault was made before a card was found");
        person.card.put_back().unwrap();
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    pub(super) fn some_other_smart_card_is_not_taken_for_a_citizens(scene: &Scene) {
        let person = scene.person_in(Profile::V3, 104, Slot::Second);
        let other = VirtualCard::insert(Chip::unknown().unwrap(), Slot::First).unwrap();
        let words = ("not a Portuguese citizen card", "put a citizen card in");
        let show = ["card", "show", "--reader", "1"];
        person.pregao(&show).unwrap().stopped(words.0, words.1).unwrap();
        let tsa = scene.stage.house.tsa.address.to_string();
        let enrol = ["enrol", "--card", "--reader", "1", "--tsa", &tsa, "--work-factor", "4"];
        person.pregao(&enrol).unwrap().stopped(words.0, words.1).unwrap();
        let sent = other.exchanges();
        assert!(sent.iter().all(|it| it.command[1] != 0x20), "it was sent a PIN");
        let before = kept(&person.folder);
        assert!(before.is_none(), "a vault was made before a card was found");
        // The only citizen card is found without saying which.
        let found = person.pregao(&["card", "show"]).unwrap().done().unwrap();
        assert!(found.text().contains(&person.holder));
        other.pull().unwrap();
        taken_up_again(scene, &person, before.as_ref());
        person.card.pull().unwrap();
    }

    pub(super) fn two_cards_are_listed_with_their_holders_and_one_can_be_chosen(scene: &Scene) {
        let first = scene.person(Profile::V3, 105);
        let second = scene.person_in(Profile::V5, 106, Slot::Second);
        let tsa = scene.stage.house.tsa.address.to_string();
        let enrol = ["enrol", "--card", "--tsa", &tsa, "--work-factor", "4"];
        for words in [&["card", "show"][..], &["card", "test-sign"], &enrol] {
            let told = second.pregao(words).unwrap();
            told.stopped("there are several cards", "--reader").unwrap();
            for part in [&first.holder, &second.holder, "Virtual PCD 00 00", "Virtual PCD 00 01"] {
                assert!(told.text().contains(part), "{part} in {}", told.text());
            }
        }
        assert_eq!((first.pins_sent(), second.pins_sent()), (0, 0));
        let before = kept(&second.folder);
        assert!(before.is_none(), "a vault was made before a card was found");
        taken_up_again(scene, &second, before.as_ref());
        assert_eq!(first.pins_sent(), 0, "the other card was not asked");
        // A part of the reader's name chooses as well.
        let show = first.pregao(&["card", "show", "--reader", "00 00"]).unwrap().done().unwrap();
        assert!(show.text().contains(&first.holder));
        first.card.pull().unwrap();
        second.card.pull().unwrap();
    }

    pub(super) fn a_reader_that_is_not_there_is_not_taken_for_another(scene: &Scene) {
        let person = scene.person(Profile::V5, 107);
        let told = person.pregao(&["card", "show", "--reader", "Gem"]).unwrap();
        told.stopped("no card reader is called \"Gem\"", "`pregao card readers`").unwrap();
        assert_eq!(person.tries(), 3);
        person.card.pull().unwrap();
    }
}
