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

mod drafts;
mod people;
mod reading;
mod registered;
mod writing;

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
