//! Letters that are written.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_letter_is_put_down_with_its_mode_and_how_to_take_it_back() {
    let mut house = House::open();
    settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    befriends(&mut user, &mut played, "ana", &owner(2)).await;
    assert!(does(&mut user, &["send", "ana", "Is it there?", "subject", "Radio"]).await);
    assert!(!looks(played.asked().await));
    let told = told_letter(&user).clone();
    assert_eq!((told.letter, told.standing), (1, LetterStanding::Waiting));
    for part in
        ["deniable: its reader can prove nothing", "leaves in 10s", "/recall 1", "verify \"ana\""]
    {
        assert!(notes(&user).contains(part), "{part}: {}", notes(&user));
    }
    assert!(does(&mut user, &["send", "ana", "It is", "evidence"]).await);
    assert!(notes(&user).contains("evidence: its reader can prove to others"), "{}", notes(&user));
    assert!(does(&mut user, &["recall", "1"]).await);
    assert_eq!(told_letter(&user).standing, LetterStanding::Recalled);
    assert!(does(&mut user, &["mail", "sent"]).await);
    let standings: Vec<_> = letters(&user).iter().map(|letter| letter.standing).collect();
    assert_eq!(standings, [LetterStanding::Recalled, LetterStanding::Waiting]);
    assert!(does(&mut user, &["status"]).await);
    let Some(Event::Status { letters, id: Some(_) }) = first(&user) else {
        panic!("{:?}", user.seen)
    };
    let numbers: Vec<u64> = letters.iter().map(|one: &StatusView| one.letter.letter).collect();
    assert_eq!(numbers, [1, 2]);
    for (words, code) in [
        (["recall", "1"].as_slice(), "mail.step"),
        (&["recall", "9"], "mail.unknown"),
        (&["status", "9"], "mail.unknown"),
        (&["read", "9"], "mail.unknown"),
        (&["ack", "9"], "mail.unknown"),
        (&["ack", "2"], "mail.not-this"),
        (&["send", "bea", "hi"], "mail.no-contact"),
        (&["send", "ana", "see the attachment"], "mail.no-attachment"),
        (&["send", "ana", "hi", "re", "9"], "mail.unknown"),
        (&["send", "ana", "hi", "attach", "/nowhere/at.all"], "mail.file"),
    ] {
        assert_eq!(refused(&mut user, words).await, code, "{words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_to_somebody_in_the_list_goes_once_they_are_found() {
    let mut house = House::open();
    settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    user.send_command(&["send", "0202", "Is it there?"]).await;
    assert_eq!(finds(&mut played, Err(not_done())).await, "0202");
    assert!(!user.done().await);
    assert!(does(&mut user, &["mail"]).await);
    assert!(letters(&user).is_empty());
    user.seen.clear();
    user.send_command(&["send", "0202", "Is it there?"]).await;
    finds(&mut played, Ok(owner(2).address())).await;
    assert!(user.done().await);
    assert_eq!(told_letter(&user).who.short.as_deref(), Some("02020202"));
    assert!(notes(&user).contains("they are no contact"), "{}", notes(&user));
    assert!(!looks(played.asked().await));
}

#[tokio::test(start_paused = true)]
async fn who_has_no_box_writes_to_nobody_and_nobody_is_looked_for() {
    let mut house = House::open();
    house.enrol();
    let (mut user, _session, mut played) = working(&mut house).await;
    assert_eq!(refused(&mut user, &["send", "0202", "hi"]).await, "mail.no-box");
    assert!(is_left_alone(&mut played).await);
    befriends(&mut user, &mut played, "ana", &owner(2)).await;
    assert_eq!(refused(&mut user, &["send", "ana", "hi"]).await, "mail.no-box");
    assert!(is_left_alone(&mut played).await);
}
