//! Boxes, people and contacts.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_box_is_drawn_at_once_and_opened_by_the_postman() {
    let mut house = House::open();
    house.enrol();
    let (mut user, _session, mut played) = working(&mut house).await;
    for words in [["box", "address"], ["box", "close"]] {
        assert_eq!(refused(&mut user, &words).await, "mail.no-box");
    }
    assert!(is_left_alone(&mut played).await);
    assert!(does(&mut user, &["box", "open", "ana", "about", "old radios"]).await);
    assert!(notes(&user).contains("about an hour after your passes came"), "{}", notes(&user));
    assert!(!looks(played.asked().await));
    assert_eq!(refused(&mut user, &["box", "open", "bea"]).await, "mail.box-there");
    // Its address is known before it is open, which is said.
    assert!(does(&mut user, &["box", "address"]).await);
    assert!(notes(&user).starts_with("pregao-box:") && notes(&user).contains("not open yet"));
    assert!(does(&mut user, &["box"]).await);
    let [Event::Boxes { boxes, id: Some(_), even: false }, ..] = user.seen.as_slice() else {
        panic!("{:?}", user.seen)
    };
    assert_eq!((boxes.len(), &*boxes[0].standing), (1, "is being opened"));
    assert_eq!(boxes[0].handle.as_deref(), Some("ana"));
    played.says(News::Boxes).await;
    user.until(|event| matches!(event, Event::Boxes { id: None, .. }).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_box_that_is_opened_now_says_what_the_broker_may_guess() {
    let mut house = House::open();
    house.enrol();
    let (mut user, _session, mut played) = working(&mut house).await;
    assert!(does(&mut user, &["box", "open", "now"]).await);
    assert!(looks(played.asked().await));
    assert!(notes(&user).contains("may guess that it is yours"), "{}", notes(&user));
    assert!(notes(&user).contains("in no list"), "{}", notes(&user));
}

#[tokio::test(start_paused = true)]
async fn a_box_is_drawn_for_a_broker_that_is_there() {
    let house = House::open();
    house.enrol();
    let (mut user, mut played) = house.start_played(house.options());
    assert_eq!(refused(&mut user, &["box", "open", "ana"]).await, "link.down");
    assert!(is_left_alone(&mut played).await);
    assert!(does(&mut user, &["box"]).await);
}

#[tokio::test(start_paused = true)]
async fn a_box_is_closed_only_if_that_is_meant() {
    let mut house = House::open();
    settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    for answer in [UserAnswer::Cancel, UserAnswer::Yes] {
        let closes = matches!(answer, UserAnswer::Yes);
        let question = user.asked(&["box", "close"]).await;
        let Subject::Confirm(asked) = &question.about else { panic!("{question:?}") };
        assert!(asked.grounds.concat().contains("void for good"), "{:?}", asked.grounds);
        question.reply.send(answer).unwrap();
        assert_eq!(user.done().await, closes);
    }
    assert!(!looks(played.asked().await));
    assert_eq!(refused(&mut user, &["box", "close"]).await, "mail.no-box");
}

#[tokio::test(start_paused = true)]
async fn people_are_those_whom_the_postman_finds() {
    let mut house = House::open();
    let (me, _) = settle(&house);
    let them = owner(2);
    let (mut user, _session, mut played) = working(&mut house).await;
    befriends(&mut user, &mut played, "ana", &them).await;
    user.seen.clear();
    user.send_command(&["people", "radio"]).await;
    let Errand::People { reply } = played.asked().await else { panic!("another errand") };
    // The desk goes on meanwhile.
    user.send_command(&["whoami"]).await;
    assert!(user.done().await);
    let people = vec![listed(&me, "lamps"), listed(&them, "Radiofan")];
    reply.send(Ok(Listing { people, left_out: 7 })).unwrap();
    assert!(user.done().await);
    let found = user.seen.iter().find_map(|event| match event {
        Event::People { id: Some(_), people, left_out: 7 } => Some(people.clone()),
        _ => None,
    });
    let [person] = found.unwrap().try_into().unwrap();
    assert_eq!((&*person.handle, person.contact.as_deref()), ("Radiofan", Some("ana")));
    user.send_command(&["people"]).await;
    let Errand::People { reply } = played.asked().await else { panic!("another errand") };
    reply.send(Err(not_done())).unwrap();
    user.seen.clear();
    assert!(!user.done().await);
    assert_eq!(user.seen.iter().find_map(code).unwrap(), "mail.unfound");
}

#[tokio::test(start_paused = true)]
async fn contacts_are_added_by_address_or_beginning_and_no_other_way() {
    let mut house = House::open();
    settle(&house);
    let them = owner(2);
    let (mut user, _session, mut played) = working(&mut house).await;
    let print = house.secrets.session.public().fingerprint();
    let elsewhere =
        format!("pregao-box:{}@ws://broker.example:7400/#{}", them.name, "07".repeat(32));
    for (name, address, code) in [
        ("ana", "020", "mail.address"),
        ("ana", "somebody", "mail.address"),
        ("ana", &elsewhere, "mail.other-broker"),
        ("7", "0202", "mail.name"),
    ] {
        let words = ["contact", "add", name, address];
        assert_eq!(refused(&mut user, &words).await, code, "{words:?}");
    }
    assert!(is_left_alone(&mut played).await);
    // One broker may be reached by several names: its key tells which it is.
    let address = format!("pregao-box:{}@ws://other.example:7400/#{print}", them.name);
    user.send_command(&["contact", "add", "ana", &address]).await;
    assert_eq!(finds(&mut played, Err(not_done())).await, them.name.to_string());
    assert!(!user.done().await);
    user.seen.clear();
    user.send_command(&["contact", "add", "ana", &address]).await;
    finds(&mut played, Ok(them.address())).await;
    assert!(user.done().await);
    assert!(notes(&user).contains("not compared yet"), "{}", notes(&user));
    for (name, address, code) in [
        ("Ana", "0303", "mail.name-taken"),
        ("bea", "0202", "mail.known"),
        ("bea", "ana", "mail.known"),
    ] {
        let words = ["contact", "add", name, address];
        assert_eq!(refused(&mut user, &words).await, code, "{words:?}");
    }
    assert!(does(&mut user, &["contact"]).await);
    let Some(Event::Contacts { contacts, id: Some(_) }) = first(&user) else {
        panic!("{:?}", user.seen)
    };
    assert_eq!((contacts.len(), contacts[0].verified), (1, false));
}

#[tokio::test(start_paused = true)]
async fn what_is_set_for_a_contact_is_answered_in_words() {
    let mut house = House::open();
    settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    befriends(&mut user, &mut played, "ana", &owner(2)).await;
    for (words, part) in [
        (["contact", "receipts", "ana", "always"].as_slice(), "hours later"),
        (&["contact", "receipts", "ana", "never"], "does not learn"),
        (&["contact", "mode", "ana", "evidence"], "are evidence"),
        (&["contact", "rename", "ana", "bea"], "called bea"),
        (&["block", "bea"], "hear no more"),
        (&["block", "bea", "off"], "again"),
    ] {
        assert!(does(&mut user, words).await, "{words:?}");
        assert!(notes(&user).contains(part), "{words:?}: {}", notes(&user));
    }
    for (words, code) in [
        (["contact", "receipts", "ana", "ask"].as_slice(), "mail.no-contact"),
        (&["contact", "mode", "ana", "evidence"], "mail.no-contact"),
        (&["contact", "rename", "bea", "7"], "mail.name"),
        (&["contact", "verify", "ana"], "mail.no-contact"),
        (&["contact", "verify", "bea"], "mail.not-this"),
        (&["contact", "verify", "bea", "12345"], "mail.not-this"),
        (&["block", "ana"], "mail.no-contact"),
        (&["mail", "with", "ana"], "mail.no-contact"),
    ] {
        assert_eq!(refused(&mut user, words).await, code, "{words:?}");
    }
    assert!(is_left_alone(&mut played).await);
}
