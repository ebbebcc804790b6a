//! How far the attacker gets, with default settings and others.

use std::time::Duration;

use anyhow::{Result, ensure};
use pregao::post::postman::terms;
use pregao::post::store::contacts::ContactId;
use pregao::post::store::own_boxes::BoxPurpose;

use super::super::street::{Street, in_a_street, is_calm};
use super::attack::Records;
use super::{Habits, PER_DAY, Truth, live};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// What people do who change no setting.
const DEFAULT: Habits =
    Habits { people: 6, days: 1, letters: 6, answers: true, receipts: true, hurry: false };

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
        Habits { letters: 1, days: 3, answers: false, receipts: false, hurry: true, ..DEFAULT };
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

/// `cargo test --release -p pregao-tests --lib -- --ignored --nocapture a_thousand_letters`
#[test]
#[ignore = "it takes long, prints numbers and judges little"]
fn a_thousand_letters_a_pair_and_what_they_give_away() {
    let days = std::env::var("PREGAO_DAYS").ok().and_then(|days| days.parse().ok()).unwrap_or(28);
    let talks = Habits { people: 6, days, letters: 12, ..DEFAULT };
    let acknowledges = Habits { answers: false, ..talks };
    let is_silent = Habits { receipts: false, ..acknowledges };
    for habits in [talks, acknowledges, is_silent] {
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
