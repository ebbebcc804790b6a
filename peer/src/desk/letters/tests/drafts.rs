//! Letters that are being written, and those of which it is said that they do not go.

use super::*;
use crate::event::DraftView;

fn drafts(user: &User) -> Vec<DraftView> {
    let mut lists = user.seen.iter().filter_map(|event| match event {
        Event::Drafts { drafts, id: Some(_) } => Some(drafts.clone()),
        _ => None,
    });
    lists.next_back().expect("a list")
}

fn texts(user: &User) -> Vec<String> {
    drafts(user).iter().map(|draft| draft.text.expose().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_draft_outlives_the_program_and_is_sent_dropped_or_gone_on_with() {
    let mut house = House::open();
    settle(&house);
    {
        let (mut user, _session, mut played) = working(&mut house).await;
        befriends(&mut user, &mut played, "ana", &owner(2)).await;
        assert!(does(&mut user, &["draft", "ana", "Is it", "subject", "Radio", "evidence"]).await);
        assert!(notes(&user).contains("/drafts send \"ana\""), "{}", notes(&user));
        assert!(is_left_alone(&mut played).await);
        user.leave().await;
    }
    let (mut user, _session, mut played) = working(&mut house).await;
    assert!(does(&mut user, &["drafts"]).await);
    assert_eq!(texts(&user), ["Is it"]);
    assert!(does(&mut user, &["draft", "ana", "Is it there?"]).await);
    assert!(does(&mut user, &["drafts", "show", "ana"]).await);
    let Some(Event::Draft { draft, id: Some(_) }) = first(&user) else { panic!("{:?}", user.seen) };
    assert_eq!(draft.subject.as_ref().map(|subject| subject.expose()), Some("Radio"));
    assert!(does(&mut user, &["drafts", "send", "ana"]).await);
    assert!(notes(&user).contains("evidence: its reader can prove to others"), "{}", notes(&user));
    let told = told_letter(&user).clone();
    assert_eq!(told.subject.as_ref().map(|subject| subject.expose()), Some("Radio"));
    assert!(!looks(played.asked().await));
    // Taken back it is one again.
    assert!(does(&mut user, &["recall", "1"]).await);
    assert!(notes(&user).contains("/drafts send \"ana\""), "{}", notes(&user));
    assert!(does(&mut user, &["drafts"]).await);
    assert_eq!(texts(&user), ["Is it there?"]);
    assert!(does(&mut user, &["drafts", "drop", "ana"]).await);
    for (words, code) in [
        (["drafts", "drop", "ana"].as_slice(), "mail.no-draft"),
        (&["drafts", "send", "ana"], "mail.no-draft"),
        (&["drafts", "show", "ana"], "mail.no-draft"),
        (&["drafts", "show", "bea"], "mail.no-contact"),
        (&["draft", "bea", "hi"], "mail.no-contact"),
        (&["draft", "0303", "hi"], "mail.stranger"),
        (&["draft", "ana", "hi", "re", "9"], "mail.unknown"),
    ] {
        assert_eq!(refused(&mut user, words).await, code, "{words:?}");
    }
    assert!(does(&mut user, &["drafts"]).await);
    assert!(drafts(&user).is_empty());
    assert!(is_left_alone(&mut played).await);
}

#[tokio::test(start_paused = true)]
async fn drafts_are_kept_without_a_connection() {
    let house = House::open();
    settle(&house);
    let (mut user, _played) = house.start_played(house.options());
    assert!(does(&mut user, &["drafts"]).await);
    assert!(drafts(&user).is_empty());
    assert_eq!(refused(&mut user, &["draft", "ana", "hi"]).await, "mail.no-contact");
}

#[tokio::test(start_paused = true)]
async fn to_whom_no_letter_goes_is_said_before_it_is_put_down() {
    let mut house = House::open();
    let (me, _) = settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    befriends(&mut user, &mut played, "ana", &owner(2)).await;
    assert!(does(&mut user, &["block", "ana"]).await);
    assert_eq!(refused(&mut user, &["send", "ana", "hi"]).await, "mail.blocked");
    assert!(does(&mut user, &["send", "ana", "hi", "anyway"]).await);
    assert!(notes(&user).contains("you hear nothing of what they answer"), "{}", notes(&user));
    looks(played.asked().await);
    // Oneself, by the beginning of one's own box or by its address.
    user.seen.clear();
    user.send_command(&["send", &me.name.to_string(), "hi"]).await;
    finds(&mut played, Ok(me.address())).await;
    assert!(!user.done().await);
    assert_eq!(user.seen.iter().find_map(code).unwrap(), "mail.own-box");
    user.seen.clear();
    user.send_command(&["contact", "add", "me", &me.name.to_string()]).await;
    finds(&mut played, Ok(me.address())).await;
    assert!(!user.done().await);
    assert_eq!(user.seen.iter().find_map(code).unwrap(), "mail.own-box");
    let question = user.asked(&["box", "close"]).await;
    question.reply.send(UserAnswer::Yes).unwrap();
    assert!(user.done().await);
    assert!(does(&mut user, &["block", "ana", "off"]).await);
    assert_eq!(refused(&mut user, &["send", "ana", "hi"]).await, "mail.box-shut");
    assert!(does(&mut user, &["mail", "sent"]).await);
    assert_eq!(letters(&user).len(), 1);
}
