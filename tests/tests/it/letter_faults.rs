//! What goes wrong with letters, and which test shows what comes of it: refused, said with what to do, and nothing lost that
//! was acknowledged. That each test exists is tested here, with the faults that need whole programs and a disk.
//!
//! | Fault | Tests |
//! |---|---|
//! | an envelope that is cut, or of another size than its class | `v242_an_envelope_of_another_size_is_none`, `v279_a_letter_is_one_record_and_a_few_attachments`, `v270_bytes_that_are_not_those_announced_are_in_no_letter`, `v243_the_class_is_part_of_what_is_sealed`, `what_cannot_be_opened_or_is_not_by_whom_it_says_is_kept_and_shown_with_its_cause` |
//! | an envelope swapped between boxes | `v243_nothing_opens_in_another_box_or_with_other_keys`, `what_cannot_be_opened_or_is_not_by_whom_it_says_is_kept_and_shown_with_its_cause` |
//! | an envelope that comes again, in its box or in another | `v278_the_same_envelope_comes_once`, `v277_v278_letters_under_other_keys_or_twice_are_refused_whatever_lies_there`, `an_envelope_that_comes_again_in_its_box_or_in_another_is_read_once` |
//! | sealed to keys that were used, replaced or never published | `v277_a_letter_is_sealed_to_the_signed_key_of_now_and_a_one_time_key_that_no_other_used`, `a_letter_that_breaks_a_rule_is_refused_and_its_sender_knows_why`, `what_cannot_be_opened_or_is_not_by_whom_it_says_is_kept_and_shown_with_its_cause` |
//! | a one-time key that is handed out twice | `v292_each_key_is_handed_out_once_also_after_a_restart`, `v292_a_key_to_which_a_letter_came_is_not_handed_out_whatever_was_noted`, `a_one_time_key_that_was_handed_out_twice_is_noticed_by_both_writers_and_said_by_the_reader` |
//! | handed keys of somebody else, or of the house's own | `v293_keys_that_are_not_in_the_log_are_not_believed`, `v293_keys_that_the_owner_did_not_sign_are_not_believed`, `each_lie_to_a_sender_is_said_and_the_letter_leaves_once_it_is_told_no_more` |
//! | a pass that is used twice | `v287_a_pass_buys_the_decision_about_one_action`, `a_persona_takes_passes_under_the_key_that_everybody_reads_and_a_guest_spends_them` |
//! | a pass on two connections at once | `v286_two_connections_at_once_do_not_hold_one_pass` |
//! | a pass of another broker, of yesterday, changed | `v285_what_is_no_pass_of_today_and_of_this_broker_is_not_held`, `v287_a_pass_held_over_midnight_buys_nothing_and_what_it_bought_stays`, `v255_a_pass_of_another_broker_is_none` |
//! | a pass under a key that only one person was shown | `a_guest_shows_no_pass_that_is_not_like_everybodys`, `each_lie_to_a_sender_is_said_and_the_letter_leaves_once_it_is_told_no_more` |
//! | passes run out | `when_the_passes_of_a_day_are_spent_it_is_said_once_and_what_waits_leaves_on_the_next`, `at_a_broker_without_passes_it_is_said_once_what_to_do` |
//! | a box opened, read or used by another's key | `v380_nobody_else_acts_as_the_owner_or_hears_how_far_the_log_goes`, `only_who_holds_its_key_reads_a_box`, `a_box_is_shown_to_nobody_else_and_one_that_is_not_there_to_nobody` |
//! | ten thousand letters of one sender | `ten_thousand_letters_of_one_sender_with_one_pass_come_to_one`, `v280_a_full_box_takes_no_more_until_something_is_taken`, `v297_one_pass_puts_no_more_than_its_quota`, `whoever_writes_to_a_box_that_is_full_or_closed_is_told_and_what_can_wait_waits` |
//! | a stock that is drained on purpose, or runs low | `v294_a_stock_that_is_drained_on_purpose_recovers`, `v294_a_box_hands_out_so_many_at_once_and_one_more_each_ten_minutes`, `a_drained_stock_falls_back_to_the_signed_key_both_are_told_and_its_owner_publishes_another` |
//! | a file of which hash, size or key is false | `v320_another_key_size_or_byte_opens_nothing`, `v320_what_stands_behind_a_file_is_refused`, `a_file_of_which_the_letter_says_something_false_is_not_written` |
//! | other bytes than were asked for | `each_lie_to_the_owner_of_a_box_is_said_with_the_heads_that_show_it_and_no_letter_is_lost`, `a_lie_to_who_waits_for_an_answer_is_an_alarm_too_and_nothing_is_written_or_believed` |
//! | a disk that is full in the middle | `v268_a_full_disk_keeps_what_it_has_and_nothing_by_halves`, `v291_if_the_store_fails_the_bytes_stay_for_the_same_letter`, `a_letter_that_a_full_disk_does_not_take_leaves_once_there_is_room`, `a_file_that_does_not_fit_on_the_readers_disk_is_said_and_leaves_nothing_half` |
//! | a broker killed between bytes and entry | `v291_a_restart_keeps_what_waits_and_destroys_the_rest`, `a_broker_killed_anywhere_between_bytes_and_entry_has_the_letter_once_with_its_file` |
//! | a program stopped wherever it waits | `a_postman_that_is_stopped_wherever_it_waits_leaves_each_letter_once` |
//! | a stamp that has grown too old | `what_was_stopped_with_a_stamp_that_has_grown_too_old_is_stamped_anew_and_is_there_once` |
//! | text with control characters, lines of 1 MiB, nothing | `v246_a_letter_says_something`, `what_cannot_be_sent_is_refused_and_not_kept`, `a_line_one_byte_too_long_is_skipped_whole`, `what_is_no_letter_is_refused_with_what_to_do_and_none_of_it_is_kept` |
//! | a receipt for another letter, by another box, twice | `v251_a_receipt_is_for_the_letter_that_was_sent_and_no_other`, `a_receipt_counts_once_for_its_letter_and_by_its_reader_alone` |
//! | a card pulled while it signs | `a_card_pulled_at_any_step_is_told_so_and_whether_a_try_may_be_lost`, `a_card_pulled_between_digest_and_signature_can_be_put_back` |
//! | letters of somebody who is blocked | `what_somebody_who_is_blocked_writes_is_kept_and_neither_counted_nor_told` |
//! | the own box is closed while letters wait | `what_lapsed_before_anybody_looked_is_shown_and_what_was_declined_with_its_box_too`, `v291_a_closed_box_keeps_nothing` |
//! | bytes of a letter that a broker lost | `a_letter_whose_bytes_a_broker_lost_is_shown_with_its_cause_and_the_head_that_names_it` |
//! | a log that is shorter than it was | `a_broker_taken_up_from_an_old_copy_shows_a_shorter_log_to_reader_and_sender_and_both_say_it`, `a_log_that_is_shorter_or_another_than_it_was_is_an_alarm_shown_by_both_heads` |
//! | entries left out, changed, twice, under another head | `each_lie_to_the_owner_of_a_box_is_said_with_the_heads_that_show_it_and_no_letter_is_lost`, `a_lie_to_who_waits_for_an_answer_is_an_alarm_too_and_nothing_is_written_or_believed` |
//! | a false opening, stamp, receipt or refusal | `each_lie_to_a_sender_is_said_and_the_letter_leaves_once_it_is_told_no_more` |
//! | a deposit told for another, or denied; a head that goes back | `v354_what_was_told_is_told_again_and_what_was_denied_is_a_lie`, `what_is_told_of_another_deposit_of_a_log_that_goes_back_or_of_none_is_said_to_be_false` |
//! | a signature for a registered letter without its half | `v333_what_is_accepted_is_handed_over_in_the_same_commit`, `a_broker_that_is_killed_anywhere_around_a_signature_hands_over_with_it_or_has_neither`, `a_log_that_ends_between_a_signature_and_its_half_is_an_alarm` |

use std::collections::BTreeSet;
use std::path::Path;

use pregao::event::{Event, LetterStanding};
use pregao_tests::desk::{Desk, enrol, pregao};
use pregao_tests::house::{House, Options};
use serde_json::json;

use crate::store_faults::{SmallDisk, house_with};

/// All sources in a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_fault_has_tests_that_exist() {
    let mut text = String::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "../protocol/src", "../broker/src", "../peer/src"] {
        sources(&here.join(folder), &mut text);
    }
    let rows = include_str!("letter_faults.rs").lines();
    let rows: Vec<_> = rows.filter_map(|line| line.strip_prefix("//! | ")).skip(1).collect();
    assert!(rows.len() > 25, "{}", rows.len());
    let mut faults = BTreeSet::new();
    for row in rows {
        let (fault, tests) = row.trim_end_matches(" |").split_once(" | ").unwrap();
        assert!(faults.insert(fault), "twice: {fault}");
        let named: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {fault}");
        for name in named {
            assert!(text.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}

fn house_that_gives_passes() -> Options {
    Options::default().broker("--passes-per-day 20")
}

/// What a program says, and how it ends.
async fn runs(house: &House, who: &Path, words: &[&str]) -> (Option<i32>, String) {
    let address = house.broker.address.to_string();
    let words = [words, &["--broker", &address]].concat();
    let ran = pregao(who, &words).await.unwrap();
    (ran.code, ran.text)
}

async fn says(house: &House, who: &Path, words: &[&str]) -> String {
    let (code, text) = runs(house, who, words).await;
    assert_eq!(code, Some(0), "{words:?}: {text}");
    text
}

/// Rui, who knows Ana's box, and Ana.
async fn two(house: &House) -> [std::path::PathBuf; 2] {
    let [ana, rui] = ["ana", "rui"].map(|name| house.folder.path().join(name));
    enrol(&ana, &house.tsa.address).await.unwrap();
    enrol(&rui, &house.tsa.address).await.unwrap();
    says(house, &ana, &["box", "open", "ana", "now"]).await;
    says(house, &rui, &["box", "open", "now"]).await;
    let people = says(house, &rui, &["people"]).await;
    says(house, &rui, &["contact", "add", "ana", people.split_whitespace().next().unwrap()]).await;
    [ana, rui]
}

/// Somebody else's file takes the rest of a disk, to the last byte.
fn fill(disk: &SmallDisk) -> std::path::PathBuf {
    let filler = disk.path.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0_u8; 4_096]).is_ok() {}
    filler
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_a_full_disk_does_not_take_leaves_once_there_is_room() {
    let Some(disk) = SmallDisk::mount("32m") else { return };
    let house = house_with(&disk.path, &house_that_gives_passes());
    let [ana, rui] = two(&house).await;
    says(&house, &rui, &["send", "ana", "The first.", "now"]).await;
    let file = house.folder.path().join("radio.jpg");
    std::fs::write(&file, vec![7; 3_000_000]).unwrap();
    let file = file.display().to_string();
    let filler = fill(&disk);
    let mut desk = Desk::start(&rui, &house.broker.address).unwrap();
    let text = "With a picture.";
    let send =
        json!({ "command": "send", "to": "ana", "text": text, "attach": [file], "now": true });
    assert!(desk.ask(send).await.unwrap(), "it is put down");
    // It is said that it does not leave, and why.
    let said = desk.ever(|event| match event {
        Event::Note { text, .. } if text.starts_with("letters: ") => Some(text.clone()),
        _ => None,
    });
    let said = said.await.unwrap();
    assert!(said.contains("; "), "and what to do: {said}");
    let deposited = |event: &Event| match event {
        Event::Letter(view) if view.letter == 2 => {
            (view.standing == LetterStanding::Deposited).then_some(())
        }
        _ => None,
    };
    assert!(!desk.seen.iter().any(|event| deposited(event).is_some()), "{said}");
    std::fs::remove_file(filler).unwrap();
    // It leaves by itself.
    desk.until(deposited).await.unwrap();
    desk.end().await.unwrap();
    let new = says(&house, &ana, &["new"]).await;
    assert!(new.contains("2 not read"), "{new}");
    // And its file is whole.
    let folder = house.folder.path().join("saved");
    let listed = says(&house, &ana, &["mail"]).await;
    let number = listed.lines().find(|line| line.contains("1 file")).unwrap_or_else(|| {
        panic!("{listed}");
    });
    let number = number.split_whitespace().next().unwrap();
    says(&house, &ana, &["read", number, "save", &folder.display().to_string()]).await;
    assert_eq!(std::fs::read(folder.join("radio.jpg")).unwrap(), vec![7; 3_000_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_fit_on_the_readers_disk_is_said_and_leaves_nothing_half() {
    let Some(disk) = SmallDisk::mount("1m") else { return };
    let house = House::open(&house_that_gives_passes()).unwrap();
    let [ana, rui] = two(&house).await;
    let file = house.folder.path().join("radio.jpg");
    std::fs::write(&file, vec![7; 300_000]).unwrap();
    let file = file.display().to_string();
    says(&house, &rui, &["send", "ana", "With it.", "attach", &file, "now"]).await;
    says(&house, &ana, &["new"]).await;
    let folder = disk.path.join("saved");
    std::fs::create_dir(&folder).unwrap();
    let filler = fill(&disk);
    let saving = ["read", "1", "save", &folder.display().to_string()];
    let (code, text) = runs(&house, &ana, &saving).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cannot write") && text.contains("has space"), "{text}");
    assert!(std::fs::read_dir(&folder).unwrap().next().is_none(), "nothing half is left");
    // It waits at the broker until it is saved.
    std::fs::remove_file(filler).unwrap();
    says(&house, &ana, &saving).await;
    assert_eq!(std::fs::read(folder.join("radio.jpg")).unwrap(), vec![7; 300_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_letter_is_refused_with_what_to_do_and_none_of_it_is_kept() {
    let house = House::open(&house_that_gives_passes()).unwrap();
    let [_, rui] = two(&house).await;
    let mut desk = Desk::start(&rui, &house.broker.address).unwrap();
    let send = |text: &str| json!({ "command": "send", "to": "ana", "text": text });
    let wrong = [
        send(""),
        send("\n\n"),
        send("a\u{1b}[2Jb"),
        send("a\u{202e}b"),
        send("\u{0}"),
        send(&"long ".repeat(13_000)),
        send(&"x".repeat(1 << 20)),
        json!({ "command": "send", "to": "ana", "text": "hi", "subject": "two\nlines" }),
        json!({ "command": "send", "to": "nobody", "text": "hi" }),
    ];
    for command in wrong {
        let said: String = command.to_string().chars().take(80).collect();
        let line = command.to_string();
        desk.line(&line).await.unwrap();
        let refused = desk.refusal().await;
        let (code, message, advice) = refused.unwrap_or_else(|_| panic!("not refused: {said}"));
        assert!(!code.is_empty() && !message.is_empty() && !advice.is_empty(), "{said}");
        assert!(!message.contains('\u{1b}') && message.len() < 1_000, "{said}: {message}");
    }
    desk.end().await.unwrap();
    let sent = says(&house, &rui, &["mail", "sent"]).await;
    assert!(!sent.contains("to ana"), "{sent}");
}
