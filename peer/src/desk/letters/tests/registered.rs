//! Registered letters.

use super::*;

/// Keeps a registered letter that came, as a postman does.
fn deliver_registered(house: &House, own: BoxId, n: u64) -> LetterNumber {
    let mut vault = house.unlock();
    let mut store = MailStore::open(&mut vault, house.host.random.clone()).unwrap();
    let them = owner(2);
    let mut came = came_registered(&them, &owner(1), letter(&them, n), n);
    let until = house.tsa.time().plus(15 * 24 * HOUR);
    came.deposit.registered.as_mut().unwrap().until = Some(until);
    let kept = store.change(|change| {
        let number =
            change.keep_arrived(own, came.deposit.clone(), &came.envelope, Time::default())?;
        let (opened, authorship) = (&came.opened, Authorship::Unknown);
        let reading = Reading { opened, contact: None, authorship, keep_evidence: false };
        change.keep_opened(number, &reading)?;
        Ok::<_, crate::post::store::MailError>(number)
    });
    let number = kept.unwrap();
    store.note(&mut vault).unwrap();
    number
}

#[tokio::test(start_paused = true)]
async fn a_registered_letter_is_accepted_without_a_connection_and_that_is_kept() {
    let house = House::open();
    let (_, own) = settle(&house);
    deliver_registered(&house, own, 1);
    deliver(&house, own, &owner(2), letter(&owner(2), 2), 2);
    let (mut user, mut played) = house.start_played(house.options());
    assert!(does(&mut user, &["read", "1"]).await);
    let Some(Event::Read { shown, .. }) = user.seen.first() else { panic!("{:?}", user.seen) };
    assert!(shown.text.expose().is_empty(), "{shown:?}");
    assert!(shown.notes.concat().contains("accept 1 does so"), "{:?}", shown.notes);
    for words in [["accept", "2"], ["decline", "2"], ["accept", "9"], ["decline", "9"]] {
        let expected = if words[1] == "2" { "mail.not-this" } else { "mail.unknown" };
        assert_eq!(refused(&mut user, &words).await, expected, "{words:?}");
    }
    assert!(is_left_alone(&mut played).await);
    assert!(does(&mut user, &["accept", "1"]).await);
    assert_eq!(told_letter(&user).standing, LetterStanding::Accepting);
    assert!(notes(&user).contains("as soon as there is a connection"), "{}", notes(&user));
    assert!(!looks(played.asked().await));
    user.leave().await;
    // It is kept.
    let (mut user, _played) = house.start_played(house.options());
    assert!(does(&mut user, &["mail"]).await);
    assert_eq!(letters(&user)[0].standing, LetterStanding::Accepting);
}

#[tokio::test(start_paused = true)]
async fn a_registered_letter_is_accepted_at_once_where_there_is_a_connection() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    deliver_registered(&house, own, 1);
    let (mut user, _session, mut played) = working(&mut house).await;
    assert!(does(&mut user, &["accept", "1"]).await);
    assert!(notes(&user).contains("you sign for it now"), "{}", notes(&user));
    assert!(!looks(played.asked().await));
}

#[tokio::test(start_paused = true)]
async fn a_registered_letter_is_declined_only_if_that_is_meant() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    deliver_registered(&house, own, 1);
    let (mut user, _session, mut played) = working(&mut house).await;
    for answer in [UserAnswer::Cancel, UserAnswer::Yes] {
        let declines = matches!(answer, UserAnswer::Yes);
        let question = user.asked(&["decline", "1"]).await;
        let Subject::Confirm(asked) = &question.about else { panic!("{question:?}") };
        assert!(asked.grounds.concat().contains("destroyed unread"), "{:?}", asked.grounds);
        assert!(asked.act.contains("the registered letter 1"), "{}", asked.act);
        question.reply.send(answer).unwrap();
        assert_eq!(user.done().await, declines);
        assert!(does(&mut user, &["mail"]).await);
        let standing = letters(&user)[0].standing;
        let expected = if declines { LetterStanding::Declining } else { LetterStanding::ToAccept };
        assert_eq!(standing, expected);
    }
    assert!(!looks(played.asked().await));
}

#[tokio::test(start_paused = true)]
async fn a_registered_letter_is_put_down_with_what_its_reader_does() {
    let mut house = House::open();
    settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    befriends(&mut user, &mut played, "ana", &owner(2)).await;
    assert!(does(&mut user, &["send", "ana", "Pay.", "registered", "evidence"]).await);
    assert!(told_letter(&user).registered.is_some());
    assert!(notes(&user).contains("registered: they see that it is from you"), "{}", notes(&user));
    assert!(does(&mut user, &["status", "1"]).await);
    let Some(Event::Status { letters, .. }) = user.seen.first() else { panic!("{:?}", user.seen) };
    assert!(letters[0].known.concat().contains("signs for it before"), "{:?}", letters[0].known);
    assert!(does(&mut user, &["send", "ana", "Pay."]).await);
    assert!(told_letter(&user).registered.is_none());
    assert!(!notes(&user).contains("registered"), "{}", notes(&user));
    for words in [["accept", "1"], ["decline", "1"]] {
        assert_eq!(refused(&mut user, &words).await, "mail.not-this", "{words:?}");
    }
}
