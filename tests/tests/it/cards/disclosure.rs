//! Showing each other who one is: with a card, without, and with one that proves nothing.

use super::checks;

checks! { "disclosure":
    one_side_with_a_card_and_one_without_look_different_to_each_other
    a_wrong_pin_or_none_while_proving_loses_nothing_and_it_can_be_done_again
    a_card_that_has_expired_or_is_of_another_authority_is_shown_as_refused
    without_the_states_certificates_nobodys_card_is_called_certified
}

mod check {
    use pregao::event::{CardStanding, CardView, Event};
    use pregao_test_pki::{Fault, Pki, Plan, Profile};
    use pregao_tests::card::{Slot, VirtualCard};
    use pregao_tests::demo::cards::play::{
        Revelation, auction, certified, invited, judging, revealed,
    };
    use pregao_tests::demo::cards::stage::{Person, chip, now};
    use pregao_tests::desk::Desk;
    use serde_json::json;
    use tokio::runtime::Runtime;

    use crate::cards::{Scene, citizen};

    /// Two people with certified personas and their cards in the readers.
    fn two(scene: &Scene, number: u32) -> (Person, Person) {
        let seller = scene.person_in(Profile::V5, number, Slot::First);
        let winner = scene.person_in(Profile::V4, number + 1, Slot::Second);
        for person in [&seller, &winner] {
            person.enrol(&scene.stage.house).unwrap();
            person.pins_sent();
        }
        (seller, winner)
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    fn prove(room: &str) -> serde_json::Value {
        json!({ "yes": true, "command": "prove", "room": room, "contact": "somebody@example.org" })
    }

    /// Refused with this code; gives message and advice.
    async fn cannot(desk: &mut Desk, room: &str, code: &str) -> (String, String) {
        assert!(!desk.ask(prove(room)).await.unwrap());
        let (got, message, advice) = desk.refusal().await.unwrap();
        assert_eq!(got, code, "{message}");
        assert!(!message.is_empty() && !advice.is_empty());
        (message, advice)
    }

    fn refusal(card: Option<&CardView>) -> &str {
        match &card.unwrap().standing {
            CardStanding::Refused(report) => &report.code,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn one_side_with_a_card_and_one_without_look_different_to_each_other(scene: &Scene) {
        let (with, without) = two(scene, 501);
        runtime().block_on(async {
            let (house, flags) = (&scene.stage.house, judging(&scene.stage));
            let mut seller = with.desk(house, &flags).unwrap();
            let mut winner = without.desk(house, &flags).unwrap();
            let room = auction(&mut seller, &mut winner, "A lamp", "5s").await.unwrap();
            let private = invited(&mut seller, &room).await.unwrap();
            assert!(seller.ask(prove(&private)).await.unwrap());
            invited(&mut winner, &room).await.unwrap();
            // They type the very name that is on the other one's card.
            let reveal = json!({
                "yes": true, "command": "reveal", "room": private, "name": with.holder, "contact": "x@example.org",
            });
            assert!(winner.ask(reveal).await.unwrap());
            let Revelation { card, lines, .. } = revealed(&mut winner, &room).await.unwrap();
            assert_eq!(certified(card.as_ref()).as_ref(), Some(&with.holder));
            assert!(lines.join("\n").contains(&format!("it names {}", with.holder)));
            let Revelation { name, card, lines } = revealed(&mut seller, &room).await.unwrap();
            assert!(card.is_none());
            assert_eq!(name, with.holder);
            let words = lines.join("\n");
            assert!(words.contains("NO CITIZEN CARD: the name is what they typed"), "{words}");
            assert!(!words.contains("it names"), "{words}");
            seller.end().await.unwrap();
            winner.end().await.unwrap();
        });
        assert_eq!((with.pins_sent(), without.pins_sent()), (1, 0));
        with.card.pull().unwrap();
        without.card.pull().unwrap();
        let searched = scene.stage.search(&[&with, &without]).unwrap();
        // Here somebody typed a name, which stays between the two as well.
        assert_eq!(searched.found, Vec::<String>::new());
    }

    pub(super) fn a_wrong_pin_or_none_while_proving_loses_nothing_and_it_can_be_done_again(
        scene: &Scene,
    ) {
        let (one, other) = two(scene, 511);
        runtime().block_on(async {
            let (house, flags) = (&scene.stage.house, judging(&scene.stage));
            let mut seller = one.desk(house, &flags).unwrap();
            let mut winner = other.desk(house, &flags).unwrap();
            let room = auction(&mut seller, &mut winner, "A chair", "5s").await.unwrap();
            let private = invited(&mut seller, &room).await.unwrap();
            // No PIN at all: what a script can do in place of cancelling.
            one.write_pin("").unwrap();
            cannot(&mut seller, &private, "card.pin").await;
            assert_eq!(one.pins_sent(), 0);
            one.write_pin("40404040").unwrap();
            let (message, _) = cannot(&mut seller, &private, "card.wrong-pin").await;
            assert!(message.contains("2 tries left"), "{message}");
            assert_eq!((one.pins_sent(), one.tries()), (1, 2));
            // Neither is the card's absence the end of it.
            one.card.pull().unwrap();
            cannot(&mut seller, &private, "card.none").await;
            one.card.put_back().unwrap();
            one.write_pin(&one.pin).unwrap();
            assert!(seller.ask(prove(&private)).await.unwrap());
            assert_eq!((one.pins_sent(), one.tries()), (1, 3));
            invited(&mut winner, &room).await.unwrap();
            assert!(winner.ask(prove(&private)).await.unwrap());
            let Revelation { card, .. } = revealed(&mut winner, &room).await.unwrap();
            assert_eq!(certified(card.as_ref()).as_ref(), Some(&one.holder));
            let alarm = |event: &&Event| matches!(event, Event::Alarm { .. });
            assert!(seller.seen.iter().find(alarm).is_none());
            seller.end().await.unwrap();
            winner.end().await.unwrap();
        });
        one.card.pull().unwrap();
        other.card.pull().unwrap();
    }

    /// Puts another card in the place of a person's.
    fn swapped(scene: &Scene, person: &Person, profile: Profile, fault: Fault) -> VirtualCard {
        person.card.pull().unwrap();
        let material = scene.stage.pki.faulty(profile, &citizen(599), fault);
        let chip = chip(&material, &person.pin).unwrap();
        VirtualCard::insert(chip, person.card.slot()).unwrap()
    }

    pub(super) fn a_card_that_has_expired_or_is_of_another_authority_is_shown_as_refused(
        scene: &Scene,
    ) {
        let (one, other) = two(scene, 521);
        runtime().block_on(async {
            let (house, flags) = (&scene.stage.house, judging(&scene.stage));
            let mut seller = one.desk(house, &flags).unwrap();
            let mut winner = other.desk(house, &flags).unwrap();
            let room = auction(&mut seller, &mut winner, "A clock", "5s").await.unwrap();
            let expired = swapped(scene, &one, Profile::V5, Fault::Expired);
            let foreign = swapped(scene, &other, Profile::V4, Fault::OtherAuthority);
            let private = invited(&mut seller, &room).await.unwrap();
            assert!(seller.ask(prove(&private)).await.unwrap());
            invited(&mut winner, &room).await.unwrap();
            assert!(winner.ask(prove(&private)).await.unwrap());
            for (desk, code) in
                [(&mut winner, "citizen.expired"), (&mut seller, "citizen.authority")]
            {
                let Revelation { card, lines, .. } = revealed(desk, &room).await.unwrap();
                assert_eq!(refusal(card.as_ref()), code);
                assert_eq!(certified(card.as_ref()), None);
                let words = lines.join("\n");
                assert!(words.contains("CITIZEN CARD REFUSED") && words.contains(code), "{words}");
                assert!(!words.contains("certified by the state"), "{words}");
            }
            expired.pull().unwrap();
            foreign.pull().unwrap();
            seller.end().await.unwrap();
            winner.end().await.unwrap();
        });
    }

    pub(super) fn without_the_states_certificates_nobodys_card_is_called_certified(scene: &Scene) {
        let (one, other) = two(scene, 531);
        // An impostor's certificates, and none at all.
        let foreign = scene.stage.elsewhere("foreign");
        Pki::new(Plan::quick(now()).foreign()).write_folder(&foreign).unwrap();
        let folder = foreign.display().to_string();
        let foreign = ["--citizen", &folder, "--accept-test-cards"].map(str::to_owned);
        runtime().block_on(async {
            let house = &scene.stage.house;
            let mut seller = one.desk(house, &foreign).unwrap();
            let mut winner = other.desk(house, &[]).unwrap();
            let room = auction(&mut seller, &mut winner, "A table", "5s").await.unwrap();
            let private = invited(&mut seller, &room).await.unwrap();
            assert!(seller.ask(prove(&private)).await.unwrap());
            invited(&mut winner, &room).await.unwrap();
            assert!(winner.ask(prove(&private)).await.unwrap());
            let Revelation { card, lines, .. } = revealed(&mut winner, &room).await.unwrap();
            assert_eq!(card.as_ref().unwrap().standing, CardStanding::Unjudged);
            let said = lines.join("\n");
            assert!(said.contains("NOT JUDGED") && said.contains("--citizen"), "{said}");
            let Revelation { card, .. } = revealed(&mut seller, &room).await.unwrap();
            assert_eq!(refusal(card.as_ref()), "citizen.authority");
            seller.end().await.unwrap();
            // Restarted with the state's certificates, the same disclosure is judged by them.
            winner.end().await.unwrap();
            let mut winner = other.desk(house, &judging(&scene.stage)).unwrap();
            let Revelation { card, .. } = revealed(&mut winner, &room).await.unwrap();
            assert_eq!(certified(card.as_ref()).as_ref(), Some(&one.holder));
            winner.end().await.unwrap();
        });
        one.card.pull().unwrap();
        other.card.pull().unwrap();
    }
}
