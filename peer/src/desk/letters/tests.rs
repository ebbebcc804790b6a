//! Letters at a desk whose postman is played.

use std::time::Duration;

use pregao_protocol::letter::{Address, Letter};
use pregao_protocol::log::RoomName;
use pregao_protocol::value::clock::Time;

use crate::desk::fixture::{House, Played, Session, User};
use crate::desk::{Desk, DeskError};
use crate::event::{Event, LetterStanding, LetterView, StatusView};
use crate::front::channel::{Subject, UserAnswer, pair};
use crate::post::postman::{Errand, Listed, Listing, News, NotDone, SavedFile};
use crate::post::store::letters::{Authorship, LetterNumber, Reading};
use crate::post::store::own_boxes::{BoxId, BoxState};
use crate::post::store::tests::fixture::{
    Owner, attachment, came, came_registered, owner, text_letter,
};
use crate::post::store::{FILE, MailStore};

const HOUR: Duration = Duration::from_secs(3_600);

/// A user with an open box, as they were left.
fn settle(house: &House) -> (Owner, BoxId) {
    house.enrol();
    let me = owner(1);
    let mut vault = house.unlock();
    let mut store = MailStore::open(&mut vault, house.host.random.clone()).unwrap();
    let mut record = me.record();
    record.state = BoxState::Opened;
    let own = store.change(|change| change.keep_box(&record)).unwrap();
    store.note(&mut vault).unwrap();
    (me, own)
}

/// Keeps a letter that came, as a postman does.
fn deliver(house: &House, own: BoxId, from: &Owner, letter: Letter, n: u64) -> LetterNumber {
    let mut vault = house.unlock();
    let mut store = MailStore::open(&mut vault, house.host.random.clone()).unwrap();
    let came = came(from, &owner(1), letter, n);
    let kept = store.change(|change| {
        let contact = change.contact_with_box(&from.name)?.map(|kept| kept.id);
        let number =
            change.keep_arrived(own, came.deposit.clone(), &came.envelope, Time::default())?;
        let authorship = Authorship::Shown;
        let reading = Reading { opened: &came.opened, contact, authorship, keep_evidence: false };
        change.keep_opened(number, &reading)?;
        Ok::<_, crate::post::store::MailError>(number)
    });
    let number = kept.unwrap();
    store.note(&mut vault).unwrap();
    number
}

fn letter(from: &Owner, n: u64) -> Letter {
    text_letter(from, n.into(), "Radio", "Is the lamp still there?")
}

/// A desk that is connected and knows the time, with its postman.
async fn working(house: &mut House) -> (User, Session, Played) {
    let (user, played) = house.start_played(house.options());
    let (user, session) = connected(house, user).await;
    (user, session, played)
}

async fn connected(house: &mut House, mut user: User) -> (User, Session) {
    let mut session = house.accept().await;
    session.list(&[]).await;
    session.ticks(house).await;
    user.until(|event| matches!(event, Event::Tick { .. }).then_some(())).await;
    (user, session)
}

/// Gives a command; whether it was carried out.
async fn does(user: &mut User, words: &[&str]) -> bool {
    user.seen.clear();
    user.send_command(words).await;
    user.done().await
}

/// Gives a command that is refused; with which code.
async fn refused(user: &mut User, words: &[&str]) -> String {
    assert!(!does(user, words).await, "{words:?}");
    let codes: Vec<String> = user.seen.iter().filter_map(code).collect();
    let [code] = codes.as_slice() else { panic!("{words:?}: {:?}", user.seen) };
    code.clone()
}

fn code(event: &Event) -> Option<String> {
    match event {
        Event::Refused { report, .. } => {
            assert!(!report.message.is_empty() && !report.advice.is_empty(), "{report:?}");
            Some(report.code.to_string())
        }
        _ => None,
    }
}

fn notes(user: &User) -> String {
    let text = |event: &Event| match event {
        Event::Note { text, .. } => Some(text.clone()),
        _ => None,
    };
    user.seen.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

fn letters(user: &User) -> Vec<LetterView> {
    let mut lists = user.seen.iter().filter_map(|event| match event {
        Event::Mail { letters, .. } => Some(letters.clone()),
        _ => None,
    });
    lists.next_back().expect("a list")
}

fn told_letter(user: &User) -> &LetterView {
    let told = user.seen.iter().find_map(|event| match event {
        Event::Letter(letter) => Some(letter),
        _ => None,
    });
    told.expect("a letter")
}

fn listed(owner: &Owner, handle: &str) -> Listed {
    Listed { name: owner.name, handle: handle.to_owned(), about: None, address: owner.address() }
}

fn not_done() -> NotDone {
    NotDone {
        code: "mail.unfound",
        message: "no box begins so".to_owned(),
        advice: "look at /people".to_owned(),
    }
}

/// Answers the errand that looks for an address; what it looks for.
async fn finds(played: &mut Played, found: Result<Address, NotDone>) -> String {
    let Errand::Find { beginning, reply } = played.asked().await else { panic!("another errand") };
    reply.send(found).unwrap();
    beginning
}

async fn befriends(user: &mut User, played: &mut Played, name: &str, them: &Owner) {
    user.seen.clear();
    user.send_command(&["contact", "add", name, "0202"]).await;
    assert_eq!(finds(played, Ok(them.address())).await, "0202");
    assert!(user.done().await, "{:?}", user.seen);
}

fn looks(errand: Errand) -> bool {
    let Errand::Look { now } = errand else { panic!("{errand:?}") };
    now
}

/// Whether the postman is asked nothing.
async fn is_left_alone(played: &mut Played) -> bool {
    tokio::time::timeout(Duration::from_secs(5), played.errands.recv()).await.is_err()
}

/// What came first, but for the ticks that come at any time.
fn first(user: &User) -> Option<&Event> {
    user.seen.iter().find(|event| !matches!(event, Event::Tick { .. }))
}

#[tokio::test(start_paused = true)]
async fn who_never_writes_has_no_file_of_letters() {
    let mut house = House::open();
    let (mut user, _session) = house.desk().await;
    assert!(does(&mut user, &["whoami"]).await);
    user.leave().await;
    assert!(!house.vault().join(FILE).exists());
    assert!(house.unlock().contents().mail.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_first_command_about_letters_makes_their_file() {
    let mut house = House::open();
    let (mut user, _session) = house.desk().await;
    assert!(does(&mut user, &["mail"]).await);
    assert!(letters(&user).is_empty());
    user.leave().await;
    assert!(house.vault().join(FILE).exists());
    let noted = house.unlock().contents().mail.clone().unwrap().changes;
    assert!(noted > 0);
}

#[tokio::test(start_paused = true)]
async fn letters_that_cannot_be_opened_stop_the_desk_with_what_to_do() {
    let house = House::open();
    settle(&house);
    std::fs::write(house.vault().join(FILE), b"no database at all, but some text").unwrap();
    let (_front, back) = pair();
    let opened = Desk::open(house.unlock(), house.options(), back.events, back.questions);
    let error = opened.unwrap_err();
    assert!(matches!(error, DeskError::Letters(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("mail.db is no mail store\n") && text.contains("backup"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_file_of_letters_without_its_secret_is_refused_at_first_use() {
    let mut house = House::open();
    house.enrol();
    std::fs::write(house.vault().join(FILE), b"").unwrap();
    let user = house.start();
    let (mut user, _session) = connected(&mut house, user).await;
    for words in [["new"].as_slice(), &["box"], &["send", "ana", "hi"]] {
        assert_eq!(refused(&mut user, words).await, "mail.other-vault", "{words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_postman_hears_the_time_with_every_tick() {
    let mut house = House::open();
    settle(&house);
    let (user, played) = house.start_played(house.options());
    assert_eq!(*played.time.borrow(), None);
    let (_user, mut session) = connected(&mut house, user).await;
    let heard = played.time.borrow().unwrap();
    let at = house.host.clock.uptime();
    assert!(heard.now(at).since(house.tsa.time()) < Duration::from_secs(2));
    tokio::time::sleep(Duration::from_secs(3)).await;
    session.ticks(&house).await;
    let mut time = played.time.clone();
    time.wait_for(|newer| newer.is_some_and(|newer| heard.time < newer.time)).await.unwrap();
}

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
async fn a_postman_that_ends_leaves_no_command_open_and_is_missed() {
    let mut house = House::open();
    settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    user.send_command(&["people"]).await;
    let errand = played.asked().await;
    // One is under way, the next has no place, the third waits at the desk.
    user.send_command(&["people"]).await;
    user.send_command(&["people"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop((errand, played));
    for _ in 0..3 {
        assert!(!user.done().await);
    }
    let codes: Vec<String> = user.seen.iter().filter_map(code).collect();
    assert_eq!(codes, ["mail.no-postman"; 3]);
    assert_eq!(notes(&user).matches("the postman has ended").count(), 1, "{}", notes(&user));
    // The desk goes on.
    assert!(does(&mut user, &["mail"]).await);
    assert_eq!(refused(&mut user, &["people"]).await, "mail.no-postman");
}

#[tokio::test(start_paused = true)]
async fn questions_that_wait_are_bounded() {
    let mut house = House::open();
    settle(&house);
    let (mut user, _session, mut played) = working(&mut house).await;
    let mut waiting = Vec::new();
    for _ in 0..super::errands::MOST {
        user.send_command(&["people"]).await;
        waiting.push(played.asked().await);
    }
    assert_eq!(refused(&mut user, &["people"]).await, "mail.busy");
    assert_eq!(refused(&mut user, &["contact", "add", "ana", "0202"]).await, "mail.busy");
    let Some(Errand::People { reply }) = waiting.pop() else { panic!("another errand") };
    reply.send(Ok(Listing::default())).unwrap();
    assert!(user.done().await);
    befriends(&mut user, &mut played, "ana", &owner(2)).await;
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
async fn what_the_postman_says_is_told_once_and_lies_are_kept() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    let number = deliver(&house, own, &owner(2), letter(&owner(2), 1), 1);
    let (mut user, _session, played) = working(&mut house).await;
    played.says(News::Letter(number)).await;
    let came = user.until(|event| match event {
        Event::Letter(letter) => Some(letter.clone()),
        _ => None,
    });
    assert_eq!(came.await.standing, LetterStanding::Unread);
    // Of a letter that is not there nothing can be told but that.
    played.says(News::Letter(LetterNumber(77))).await;
    assert_eq!(user.until(code).await, "mail.unknown");
    user.seen.clear();
    let trouble = |message: &str| News::Trouble {
        message: message.to_owned(),
        advice: "wait until it is back".to_owned(),
    };
    for message in ["the TSA is down", "the TSA is down", "the broker is down"] {
        played.says(trouble(message)).await;
    }
    played.says(News::Note("a receipt was sent".to_owned())).await;
    user.until(|event| match event {
        Event::Note { text, .. } => (text == "a receipt was sent").then_some(()),
        _ => None,
    })
    .await;
    let told = notes(&user);
    assert_eq!(told.matches("the TSA is down; wait until").count(), 1, "{told}");
    assert_eq!(told.matches("the broker is down").count(), 1, "{told}");
    let alarm = |notes: &[&str]| News::Alarm {
        room: Some(RoomName([7; 32])),
        message: "a key was handed out twice".to_owned(),
        advice: "do not use this broker".to_owned(),
        notes: notes.iter().map(|note| (*note).to_owned()).collect(),
    };
    played.says(alarm(&["one", "other"])).await;
    assert_eq!(user.alarm().await, "a key was handed out twice");
    let kept = house.evidence();
    assert!(matches!(kept.as_slice(), [one] if one.starts_with("letters-")), "{kept:?}");
    played.says(alarm(&[])).await;
    user.alarm().await;
    assert_eq!(house.evidence(), kept);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_by_others_does_not_say_what_letters_are_about() {
    let mut house = House::open();
    let (_, own) = settle(&house);
    let number = deliver(&house, own, &owner(2), letter(&owner(2), 1), 1);
    for discreet in [false, true] {
        let mut options = house.options();
        options.discreet = discreet;
        let (user, played) = house.start_played(options);
        let (mut user, _session) = connected(&mut house, user).await;
        played.says(News::Letter(number)).await;
        let came = user.until(|event| match event {
            Event::Letter(letter) => Some(letter.clone()),
            _ => None,
        });
        assert_eq!(came.await.subject.is_none(), discreet);
        user.leave().await;
    }
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
async fn an_older_file_and_damaged_rows_are_told_at_the_start() {
    let mut house = House::open();
    settle(&house);
    let file = house.vault().join(FILE);
    let older = std::fs::read(&file).unwrap();
    {
        let (mut user, _session, mut played) = working(&mut house).await;
        befriends(&mut user, &mut played, "ana", &owner(2)).await;
        user.leave().await;
    }
    let newer = std::fs::read(&file).unwrap();
    std::fs::write(&file, older).unwrap();
    let (mut user, _played) = house.start_played(house.options());
    let told = user.until(|event| match event {
        Event::Note { text, .. } => text.starts_with("letters: ").then(|| text.clone()),
        _ => None,
    });
    assert!(told.await.contains("an older copy"));
    user.leave().await;
    std::fs::write(&file, newer).unwrap();
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute("UPDATE contact SET sealed = zeroblob(64)", []).unwrap();
    other.close().unwrap();
    let (mut user, _played) = house.start_played(house.options());
    let told = user.until(|event| match event {
        Event::Note { text, .. } => text.contains("contact 1").then(|| text.clone()),
        _ => None,
    });
    assert!(told.await.contains("damaged"));
    // Once.
    user.seen.clear();
    assert!(does(&mut user, &["contact"]).await);
    assert_eq!(notes(&user), "");
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
