//! How far the attacker gets, with default settings and others.

use std::time::Duration;

use anyhow::{Result, ensure};
use pregao::post::postman::terms;
use pregao::post::store::contacts::ContactId;
use pregao::post::store::own_boxes::BoxPurpose;

use pregao_protocol::log::RoomName;

use super::super::machine::Chance;
use super::super::street::{Street, in_a_street, is_calm};
use super::attack::Records;
use super::living::{Habits, live};
use super::{PER_DAY, Truth, model};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// What people do who change no setting.
const DEFAULT: Habits = Habits {
    people: 6,
    days: 1,
    letters: 6,
    answered_within: 4,
    receipts: true,
    hurry: false,
    even: false,
};

/// What the broker has of some days of a street; with addresses, and as they come through a proxy.
async fn watch(street: &Street, habits: Habits) -> Result<(Records, Records, Truth)> {
    let (recorder, truth) = live(street, habits).await?;
    let all = recorder.connections();
    let [shown, hidden] = [true, false].map(|addresses| Records::of(&all, addresses));
    ensure!(shown.unread == 0, "the broker could not read {} sessions", shown.unread);
    Ok((shown, hidden, truth))
}

#[test]
fn who_left_a_letter_is_guessed_no_better_than_among_those_who_took_passes_unless_addresses_show_it()
 {
    in_a_street(PER_DAY, async |street| {
        let (shown, hidden, _) = watch(&street, DEFAULT).await?;
        let (named, guessed) = (hidden.name_senders(), hidden.name_senders().parts().1);
        ensure!(named.of >= 50 && guessed < 0.17, "too few to say anything: {named:?}");
        ensure!(named.right <= named.bound(), "{named:?}, of at most {}", named.bound());
        // The same attacker with the addresses: without a proxy they show it all.
        let named = shown.name_senders();
        ensure!(named.parts().0 > 0.99, "{named:?}");
        Ok(())
    });
}

#[test]
fn who_spends_passes_as_soon_as_they_are_taken_is_named() {
    let habits =
        Habits { letters: 1, days: 3, answered_within: 0, receipts: false, hurry: true, ..DEFAULT };
    in_a_street(PER_DAY, async |street| {
        let (_, hidden, _) = watch(&street, habits).await?;
        let named = hidden.name_senders();
        ensure!(named.of >= 15 && named.right > named.bound(), "{named:?}, {}", named.bound());
        ensure!(named.parts().0 > 0.7, "{named:?}");
        Ok(())
    });
}

#[test]
fn looks_into_boxes_of_one_owner_meet_as_often_as_those_of_two() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let mut owners = std::collections::BTreeMap::new();
        for (name, writer) in [("Ana", &ana), ("Rui", &rui)] {
            for contact in 1..=4 {
                // For whom it is changes nothing here.
                let purpose = BoxPurpose::Contact(ContactId(contact));
                let secrets = writer.office.box_secrets()?;
                let opening = terms(&writer.house, &secrets);
                writer.office.draw_box(opening, purpose, secrets)?;
            }
            let mut shift = writer.begin(true).await?;
            let open = |office: &pregao::post::office::Office| {
                Ok(office.boxes()?.iter().all(|own| own.standing == "open"))
            };
            shift.until("its boxes are open", open).await?;
            shift.end().await?;
            for own in writer.office.boxes()? {
                owners.insert(own.name.parse()?, name.into());
            }
        }
        let recorder = street.town.record();
        let shifts = [ana.begin(false).await?, rui.begin(false).await?];
        tokio::time::sleep(HOUR).await;
        for shift in shifts {
            is_calm(&shift.end().await?)?;
        }
        let records = Records::of(&recorder.connections(), false);
        let (one, two) = records.meetings(&owners);
        ensure!(two > 0.2 && one > two / 3.0 && one < two * 3.0 + 1.0, "{one} and {two}");
        Ok(())
    });
}

#[test]
fn the_attack_on_times_finds_the_box_that_is_answered_to_and_none_where_nobody_answers() {
    let name = |n: u8| RoomName([n; 32]);
    let at = |hours: u64, minutes: u64| Duration::from_secs(hours * 3_600 + minutes * 60);
    // Box 1 gets a letter every seven hours, box 2 one half an hour after each; box 3 as many, and box 4 more, at other times.
    let mut came: Vec<_> =
        (0..40).flat_map(|n| [(name(1), at(7 * n, 0)), (name(2), at(7 * n, 30))]).collect();
    came.extend((0..40).map(|n| (name(3), at(7 * n + 3, 11))));
    came.extend((0..90).map(|n| (name(4), at(3 * n + 1, 40 * (n % 2)))));
    let records = Records::of_letters(&came);
    let found = records.associates(name(1), HOUR);
    assert_eq!(found.first().map(|(name, _)| *name), Some(name(2)));
    assert!(found.iter().all(|(of, score)| (*of == name(2)) == (*score > 4.0)), "{found:?}");
    // Nobody answers what comes to box 3.
    assert!(records.associates(name(3), HOUR).iter().all(|(_, score)| *score < 4.0));
}

/// Four hundred people, so that one in a hundred is four deviations of what a guess names.
const MANY: (usize, usize) = (400, 300);

#[test]
fn at_even_times_the_attack_names_no_more_than_one_in_a_hundred_beyond_guessing_and_else_it_does() {
    let chance = Chance::of(7);
    assert_eq!(model::populations_for(MANY.0, 0.01), 1);
    let evenly = model::measure(MANY, 1, model::EVEN, &chance);
    assert!(evenly.deviation() * 4.0 <= 0.01 && evenly.of == 400, "{evenly:?}");
    assert!(evenly.advantage() <= 0.01, "{evenly:?}");
    for (custom, least) in [(model::PROMPT, 0.5), (model::DEFAULT, 0.04)] {
        let found = model::measure(MANY, 1, custom, &chance);
        assert!(found.advantage() > least, "{custom:?}: {found:?}");
    }
}

#[test]
fn even_times_of_one_of_each_pair_help_little() {
    let one_sided = model::measure((40, 300), 1, model::ONE_SIDED, &Chance::of(8));
    assert!(one_sided.advantage() > 0.1, "{one_sided:?}");
}

/// `cargo test --release -p pregao-tests --lib -- --ignored --nocapture a_thousand_letters`
#[test]
#[ignore = "it takes long, prints numbers and judges little"]
fn a_thousand_letters_a_pair_and_what_they_give_away() {
    let days = std::env::var("PREGAO_DAYS").ok().and_then(|days| days.parse().ok()).unwrap_or(28);
    let talks = Habits { people: 6, days, letters: 12, ..DEFAULT };
    let acknowledges = Habits { answered_within: 0, ..talks };
    // Few letters, and each answer within the hour: what the attack was made for.
    let is_prompt = Habits { days: days.min(8), letters: 2, answered_within: 1, ..talks };
    // The same, at even times: for so long that each has left as many.
    let evenly = Habits { even: true, ..is_prompt };
    for habits in [is_prompt, acknowledges, talks, evenly] {
        in_a_street(100, async |street| {
            let (shown, hidden, truth) = watch(&street, habits).await?;
            println!("{habits:?}: {} deposits", hidden.left.len());
            let (right, guess) = hidden.name_senders().parts();
            println!("  sender named: {right:.3}, guessing {guess:.3}");
            println!("  with addresses: {:.3}", shown.name_senders().parts().0);
            for hours in [1, 2, 4, 12, 25] {
                let found = hidden.associate(&truth.owners, &truth.partners, HOUR * hours);
                let (right, guess) = found.parts();
                println!("  boxes of a pair, {hours} h: {right:.3}, guessing {guess:.3}");
            }
            ensure!(hidden.name_senders().right <= hidden.name_senders().bound());
            Ok(())
        });
    }
}
