//! Letters that are read, acknowledged and listed.

use super::*;

#[tokio::test(start_paused = true)]
async fn files_are_sealed_beside_a_letter_and_saved_where_it_is_read() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    let them = owner(2);
    let with_files = Letter {
        attachments: vec![
            attachment("a.txt", "text/plain", 3),
            attachment("b.txt", "text/plain", 4),
        ],
        ..letter(&them, 1)
    };
    let number = deliver(&house, own, &them, with_files, 1);
    deliver(&house, own, &them, letter(&them, 2), 2);
    let (mut user, _session, mut played) = working(&mut house).await;
    let path = house.vault().join("lamp.txt");
    std::fs::write(&path, b"a lamp").unwrap();
    let path = path.display().to_string();
    assert!(does(&mut user, &["send", "0202", "here", "attach", &path]).await, "{:?}", user.seen);
    assert_eq!(told_letter(&user).attachments, 1);
    looks(played.asked().await);
    user.seen.clear();
    user.send_command(&["read", "1", "save", "letters"]).await;
    let Errand::Save { letter, folder, reply } = played.asked().await else { panic!("another") };
    assert_eq!((letter, folder.to_str()), (number, Some("letters")));
    // What the postman could not save is not said to be saved; an index out of range saves nothing.
    let saved = |index| SavedFile { index, path: "letters/b.txt".into() };
    reply.send(Ok(vec![saved(1), saved(2)])).unwrap();
    assert!(user.done().await);
    let Some(Event::Read { shown, id: Some(_) }) = first(&user) else { panic!("{:?}", user.seen) };
    let saved: Vec<_> = shown.files.iter().map(|file| file.saved.as_deref()).collect();
    assert_eq!(saved, [None, Some("letters/b.txt")]);
    user.seen.clear();
    user.send_command(&["read", "1", "save", "letters"]).await;
    let Errand::Save { reply, .. } = played.asked().await else { panic!("another errand") };
    reply.send(Err(not_done())).unwrap();
    assert!(!user.done().await);
    assert!(matches!(first(&user), Some(Event::Read { .. })), "{:?}", user.seen);
    assert_eq!(user.seen.iter().find_map(code).unwrap(), "mail.unfound");
    assert_eq!(refused(&mut user, &["read", "2", "save", "letters"]).await, "mail.no-files");
    assert!(is_left_alone(&mut played).await);
}

#[tokio::test(start_paused = true)]
async fn what_became_of_a_letter_is_looked_up_before_it_is_written() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    let them = owner(2);
    let number = deliver(&house, own, &them, letter(&them, 1), 1);
    let (mut user, _session, mut played) = working(&mut house).await;
    // One that is not read is not asked about.
    assert_eq!(refused(&mut user, &["export", "letter", "1"]).await, "mail.not-this");
    assert!(is_left_alone(&mut played).await);
    assert!(does(&mut user, &["read", "1"]).await);
    user.seen.clear();
    user.send_command(&["export", "letter", "1"]).await;
    let Errand::Trace { letter, reply } = played.asked().await else { panic!("another") };
    assert_eq!(letter, number);
    // Whether it was found out or not, what there is decides.
    reply.send(Err(not_done())).unwrap();
    assert!(!user.done().await);
    let told = |user: &User, part: &str| {
        user.seen
            .iter()
            .any(|event| matches!(event, Event::Note { text, .. } if text.contains(part)))
    };
    assert!(told(&user, "what became of the letter was not looked up"), "{:?}", user.seen);
    assert_eq!(user.seen.iter().find_map(code).unwrap(), "mail.not-this");
    user.seen.clear();
    user.send_command(&["export", "letter", "1", "html"]).await;
    let Errand::Trace { reply, .. } = played.asked().await else { panic!("another") };
    reply.send(Ok(())).unwrap();
    assert!(!user.done().await);
    assert!(!told(&user, "not looked up"), "{:?}", user.seen);
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_asks_for_a_receipt_says_how_to_send_one() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    let them = owner(2);
    deliver(&house, own, &them, letter(&them, 1), 1);
    let (mut user, _session, mut played) = working(&mut house).await;
    assert!(does(&mut user, &["new"]).await);
    assert_eq!(letters(&user).len(), 1);
    assert_eq!(refused(&mut user, &["ack", "1"]).await, "mail.not-this");
    assert!(does(&mut user, &["read", "1"]).await);
    let Some(Event::Read { shown, .. }) = first(&user) else { panic!("{:?}", user.seen) };
    assert_eq!(shown.text.expose(), "Is the lamp still there?");
    assert!(shown.notes.iter().any(|note| note.contains("ack does so")), "{:?}", shown.notes);
    // It is not sent by itself.
    assert!(is_left_alone(&mut played).await);
    assert!(does(&mut user, &["ack", "1"]).await);
    assert!(!looks(played.asked().await));
    assert!(notes(&user).contains("until then /recall 1"), "{}", notes(&user));
    assert_eq!(refused(&mut user, &["ack", "1", "now"]).await, "mail.step");
    assert!(does(&mut user, &["recall", "1"]).await);
    assert!(does(&mut user, &["ack", "1", "now"]).await);
    assert!(looks(played.asked().await));
    assert!(notes(&user).contains("leaves now"), "{}", notes(&user));
    assert!(does(&mut user, &["new"]).await);
    assert!(letters(&user).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_contact_who_is_always_told_is_told_hours_after_reading() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    let them = owner(2);
    {
        let (mut user, _session, mut played) = working(&mut house).await;
        befriends(&mut user, &mut played, "ana", &them).await;
        assert!(does(&mut user, &["contact", "receipts", "ana", "always"]).await);
        user.leave().await;
    }
    deliver(&house, own, &them, letter(&them, 1), 1);
    let (mut user, _session, mut played) = working(&mut house).await;
    assert!(does(&mut user, &["read", "1"]).await);
    assert!(notes(&user).contains("they are told that you have read it in"), "{}", notes(&user));
    assert!(!looks(played.asked().await));
    user.leave().await;
    let mut vault = house.unlock();
    let store = MailStore::open(&mut vault, house.host.random.clone()).unwrap();
    let due = store.view().letter(LetterNumber(1)).unwrap().receipt.due.unwrap();
    assert!(due.since(house.tsa.time()) >= HOUR - Duration::from_secs(120), "{due}");
}

#[tokio::test(start_paused = true)]
async fn letters_are_read_and_written_without_a_connection() {
    let house = House::open();
    let (_, own) = settle(&house);
    deliver(&house, own, &owner(2), letter(&owner(2), 1), 1);
    let (mut user, mut played) = house.start_played(house.options());
    assert!(does(&mut user, &["new"]).await);
    assert!(does(&mut user, &["read", "1"]).await);
    assert!(does(&mut user, &["send", "0202", "Yes", "re", "1"]).await);
    let told = told_letter(&user);
    assert_eq!((told.re, told.standing), (Some(1), LetterStanding::Waiting));
    assert!(!looks(played.asked().await));
    assert!(does(&mut user, &["status", "2"]).await);
}

#[tokio::test(start_paused = true)]
async fn scripts_are_answered_from_here_without_waiting_for_a_connection() {
    let mut house = House::open();
    settle(&house);
    let mut options = house.options();
    options.patient = true;
    let (mut user, mut played) = house.start_played(options);
    for words in [["mail", "sent"].as_slice(), &["search", "lamp"], &["box"], &["contact"]] {
        let before = house.host.clock.uptime();
        assert!(does(&mut user, words).await, "{words:?}");
        assert_eq!(house.host.clock.uptime(), before, "{words:?}");
    }
    // What needs the time waits for it, and for no log of a room: the list of rooms never comes.
    user.send_command(&["send", "0202", "hi"]).await;
    assert!(is_left_alone(&mut played).await);
    let mut session = house.accept().await;
    session.ticks(&house).await;
    assert_eq!(finds(&mut played, Ok(owner(2).address())).await, "0202");
    assert!(user.done().await);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_asks_what_is_new_has_its_boxes_read_first() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    deliver(&house, own, &owner(2), letter(&owner(2), 1), 1);
    let mut options = house.options();
    options.patient = true;
    let (mut user, mut played) = house.start_played(options);
    user.send_command(&["new"]).await;
    assert!(is_left_alone(&mut played).await);
    let mut session = house.accept().await;
    session.ticks(&house).await;
    for words in [["new"].as_slice(), &["mail"], &["mail", "received"], &["status"]] {
        if words != ["new"] {
            user.seen.clear();
            user.send_command(words).await;
        }
        let Errand::Fetch { reply } = played.asked().await else { panic!("{words:?}") };
        assert!(!user.seen.iter().any(|event| matches!(event, Event::Mail { .. })), "{words:?}");
        reply.send(Ok(())).unwrap();
        assert!(user.done().await, "{words:?}");
        assert_eq!(notes(&user), "", "{words:?}");
        session.ticks(&house).await;
    }
    // Boxes that could not be read, a postman that says nothing for ever, or that is not there.
    let mut held = Vec::new();
    for (why, said) in [(0, "no box begins so"), (1, "not read in time"), (2, "not carried")] {
        user.seen.clear();
        user.send_command(&["new"]).await;
        let Errand::Fetch { reply } = played.asked().await else { panic!("another errand") };
        match why {
            0 => reply.send(Err(not_done())).unwrap(),
            1 => held.push(reply),
            _ => drop(reply),
        }
        let began = house.host.clock.uptime();
        loop {
            let ended = tokio::time::timeout(Duration::from_secs(1), user.done()).await;
            session.ticks(&house).await;
            if let Ok(ok) = ended {
                assert!(ok, "{said}");
                break;
            }
        }
        assert!(notes(&user).contains(said), "{said}: {}", notes(&user));
        assert_eq!(letters(&user).len(), 1, "{said}");
        let took = house.host.clock.uptime() - began;
        assert_eq!(took >= Duration::from_secs(30), why == 1, "{said}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_and_who_has_no_box_has_none_read_before_an_answer() {
    let mut house = House::open();
    house.enrol();
    for patient in [true, false] {
        let mut options = house.options();
        options.patient = patient;
        let (mut user, mut played) = house.start_played(options);
        assert!(does(&mut user, &["new"]).await);
        let mut session = house.accept().await;
        session.list(&[]).await;
        session.ticks(&house).await;
        user.until(|event| matches!(event, Event::Tick { .. }).then_some(())).await;
        assert!(does(&mut user, &["mail"]).await);
        if patient {
            assert!(does(&mut user, &["box", "open"]).await);
            assert!(!looks(played.asked().await));
        } else {
            // The box of before.
            assert!(does(&mut user, &["new"]).await);
            assert!(does(&mut user, &["status"]).await);
        }
        assert!(is_left_alone(&mut played).await);
        user.leave().await;
    }
}
