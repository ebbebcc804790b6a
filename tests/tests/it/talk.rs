//! Seller and winner write to each other in their private room, before and after they disclose, with the real programs.

use pregao::event::{Event, Role};
use pregao::vault::{Contents, Secret};
use pregao_protocol::letter::Mode;
use pregao_protocol::letter::say::{Hearer, Member, Saying, open};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, SealedSay, Side, Talk, Verb};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::clock::Time;
use pregao_tests::desk::{Desk, pregao, vault};
use pregao_tests::house::House;
use serde_json::json;

use crate::desk::end_of;
use crate::simulated;

async fn desk(house: &House, name: &str) -> Desk {
    let folder = house.folder.path().join(name);
    Desk::open(&folder, &house.tsa.address, &house.broker.address).await.unwrap()
}

/// An auction of Sofia's that Ana won, and the private room of the two.
struct Deal {
    house: House,
    sofia: Desk,
    ana: Desk,
    auction: String,
    room: String,
    end: Time,
}

async fn deal() -> Deal {
    deal_in(simulated()).await
}

async fn deal_in(house: House) -> Deal {
    let (mut sofia, mut ana) = (desk(&house, "sofia").await, desk(&house, "ana").await);
    let list = json!({ "command": "list", "title": "Radio", "start": "1", "for": "10m", "fixed_end": true });
    assert!(sofia.ask(list).await.unwrap());
    let own = |event: &Event| match event {
        Event::Room(view) if view.own => Some(view.room.clone()),
        _ => None,
    };
    let auction = sofia.ever(own).await.unwrap();
    ana.verified(&auction, 1).await.unwrap();
    let bid = json!({ "yes": true, "command": "bid", "room": auction, "amount": "2" });
    assert!(ana.ask(bid).await.unwrap());
    let end = end_of(&mut ana, &auction).await;
    house.tsa.set_time(end).unwrap();
    let room = invited(&mut ana).await;
    assert_eq!(invited(&mut sofia).await, room);
    Deal { house, sofia, ana, auction, room, end }
}

async fn invited(desk: &mut Desk) -> String {
    desk.ever(|event| match event {
        Event::Invited { room, .. } => Some(room.clone()),
        _ => None,
    })
    .await
    .unwrap()
}

/// Ends a program; gives the folder of its vault.
async fn ended(desk: Desk) -> std::path::PathBuf {
    let folder = desk.folder.clone();
    desk.end().await.unwrap();
    folder
}

/// Waits until this was said in the private room; gives by whom, in which mode, and whether by this desk's user.
async fn heard(desk: &mut Desk, words: &str) -> (Role, Mode, bool) {
    desk.ever(|event| match event {
        Event::SaidPrivately { author, text: Some(text), mode: Some(mode), own, .. }
            if text == words =>
        {
            Some((*author, *mode, *own))
        }
        _ => None,
    })
    .await
    .unwrap()
}

fn say(room: &str, words: &str) -> serde_json::Value {
    json!({ "command": "say", "room": room, "text": words })
}

fn reveal(auction: &str, name: &str) -> serde_json::Value {
    json!({ "yes": true, "command": "reveal", "room": auction, "name": name, "contact": "" })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_write_to_each_other_before_and_after_they_disclose() {
    let Deal { house, mut sofia, mut ana, auction, room, end } = deal().await;
    // The first words wait until the other side's program has left keys.
    let saying = say(&room, "Does it come with its box?");
    assert!(ana.ask(saying).await.unwrap(), "{:?}", ana.seen.last());
    assert_eq!(
        heard(&mut sofia, "Does it come with its box?").await,
        (Role::Winner, Mode::Deniable, false)
    );
    assert!(heard(&mut ana, "Does it come with its box?").await.2);
    let saying = say(&room, "It does, and with the valves.");
    assert!(sofia.ask(saying).await.unwrap());
    assert_eq!(
        heard(&mut ana, "It does, and with the valves.").await,
        (Role::Seller, Mode::Deniable, false)
    );
    // One disclosure is held while they go on; time passes that would make anything else stale.
    let revealing = reveal(&auction, "Ana");
    assert!(ana.ask(revealing).await.unwrap());
    house.tsa.set_time(end.plus(std::time::Duration::from_secs(60))).unwrap();
    for number in 0..6 {
        let words = format!("question {number}");
        let saying = say(&room, &words);
        assert!(ana.ask(saying).await.unwrap(), "{:?}", ana.seen.last());
        heard(&mut sofia, &words).await;
    }
    let revealing = reveal(&auction, "Sofia");
    assert!(sofia.ask(revealing).await.unwrap(), "{:?}", sofia.seen.last());
    for desk in [&mut sofia, &mut ana] {
        desk.ever(|event| matches!(event, Event::Revealed { .. }).then_some(())).await.unwrap();
    }
    // After the end as before.
    let saying = say(&room, "I come on Friday.");
    assert!(ana.ask(saying).await.unwrap(), "{:?}", ana.seen.last());
    heard(&mut sofia, "I come on Friday.").await;
    let folder = ended(sofia).await;
    let ran = pregao(&folder, &["say", &room, "Good."]).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    heard(&mut ana, "Good.").await;

    // A third party judges the log as before, and reads nothing in it.
    let export = json!({ "command": "export", "room": room });
    assert!(ana.ask(export).await.unwrap());
    let ana = ended(ana).await;
    let log = ana.join("export").join(format!("{}.log", &room[..8]));
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(!text.contains("Friday"));
    let ran = pregao(&ana, &["verify", log.to_str().unwrap()]).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("both disclosed"), "{}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_saying_convinces_is_chosen_for_all_or_for_the_room_and_seen_by_both() {
    let Deal { house: _house, mut sofia, mut ana, auction, room, .. } = deal().await;
    let mode =
        |mode: &str, room: Option<&str>| json!({ "command": "mode", "mode": mode, "room": room });
    // Deniable before anything is chosen, which is seen before anything is said.
    let told = |room: String| {
        move |event: &Event| match event {
            Event::Mode { rooms, .. } => rooms.iter().find(|of| of.room == room).map(|of| of.mode),
            _ => None,
        }
    };
    assert_eq!(ana.until(told(room.clone())).await.unwrap(), Mode::Deniable);
    // What is said in an auction everybody hears: there is nothing to choose.
    assert!(!ana.ask(mode("evidence", Some(&auction))).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "say.public");
    assert!(ana.ask(mode("evidence", Some(&room))).await.unwrap(), "{:?}", ana.seen.last());
    assert_eq!(ana.until(told(room.clone())).await.unwrap(), Mode::Evidence);
    assert!(ana.ask(say(&room, "I pay on Friday.")).await.unwrap());
    assert_eq!(heard(&mut sofia, "I pay on Friday.").await, (Role::Winner, Mode::Evidence, false));
    assert_eq!(heard(&mut ana, "I pay on Friday.").await, (Role::Winner, Mode::Evidence, true));
    // It is hers for that room, and not Sofia's.
    assert!(sofia.ask(say(&room, "Good.")).await.unwrap(), "{:?}", sofia.seen.last());
    assert_eq!(heard(&mut ana, "Good.").await.1, Mode::Deniable);
    // For all that Sofia writes; Ana goes back for the room, whatever holds for all.
    assert!(sofia.ask(mode("evidence", None)).await.unwrap());
    assert!(sofia.ask(say(&room, "It is packed.")).await.unwrap(), "{:?}", sofia.seen.last());
    assert_eq!(heard(&mut ana, "It is packed.").await.1, Mode::Evidence);
    assert!(ana.ask(mode("evidence", None)).await.unwrap());
    assert!(ana.ask(mode("deniable", Some(&room))).await.unwrap());
    assert!(ana.ask(say(&room, "Fine.")).await.unwrap(), "{:?}", ana.seen.last());
    assert_eq!(heard(&mut sofia, "Fine.").await.1, Mode::Deniable);
    // After another start it is as it was chosen, and one command says so.
    let folder = ended(ana).await;
    let ran = pregao(&folder, &["mode"]).await.unwrap();
    assert!(ran.text.contains("what you write is evidence"), "{}", ran.text);
    let ran = pregao(&folder, &["say", &room, "Bye."]).await.unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("deniable: the other side can prove nothing"), "{}", ran.text);
    assert_eq!(heard(&mut sofia, "Bye.").await.1, Mode::Deniable);
}

/// What the desk notes about something.
async fn noted(desk: &mut Desk, part: &str) {
    desk.ever(|event| match event {
        Event::Note { text, .. } if text.contains(part) => Some(()),
        _ => None,
    })
    .await
    .unwrap();
}

/// Waits until somebody is a contact.
async fn knows(desk: &mut Desk, name: &str) {
    desk.ever(|event| match event {
        Event::Contacts { contacts, .. } if contacts.iter().any(|of| of.name == name) => Some(()),
        _ => None,
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_becomes_a_contact_once_both_have_given_a_box() {
    let options = pregao_tests::house::Options::default().simulated();
    let house = House::open(&options.broker("--passes-per-day 20")).unwrap();
    let Deal { house, mut sofia, mut ana, auction, room, end } = deal_in(house).await;
    let befriend = |name: &str, room: &str| json!({ "command": "contact", "what": "deal", "name": name, "room": room, "now": true });
    for (room, name, code) in [(&auction, "sofia", "room.unknown"), (&room, "7", "mail.name")] {
        assert!(!ana.ask(befriend(name, room)).await.unwrap(), "{name}");
        assert_eq!(ana.refusal().await.unwrap().0, code);
    }
    assert!(ana.ask(befriend("sofia", &room)).await.unwrap(), "{:?}", ana.seen.last());
    // What each learns is said, and that the other side has given none.
    noted(&mut ana, "neither who you are nor any other box of yours").await;
    noted(&mut ana, "they have given no box yet, and may have none").await;
    let given = |event: &Event| match event {
        Event::SaidPrivately { text: Some(text), contact: Some(name), own: false, .. } => {
            Some((text.clone(), *name))
        }
        _ => None,
    };
    let (text, first) = sofia.ever(given).await.unwrap();
    assert_eq!(text, "");
    noted(&mut sofia, "makes them a contact, and gives them one of yours").await;
    // Nobody is a contact by what the other side does alone.
    assert!(sofia.ask(json!({ "command": "contact", "what": "list" })).await.unwrap());
    assert!(ana.ask(json!({ "command": "contact", "what": "list" })).await.unwrap());
    let none = |event: &Event| match event {
        Event::Contacts { contacts, .. } => Some(contacts.is_empty()),
        _ => None,
    };
    assert!(sofia.until(none).await.unwrap() && ana.until(none).await.unwrap());
    assert!(sofia.ask(befriend("ana", &room)).await.unwrap(), "{:?}", sofia.seen.last());
    noted(&mut sofia, "they have given theirs").await;
    knows(&mut sofia, "ana").await;
    knows(&mut ana, "sofia").await;
    let (_, second) = ana.ever(given).await.unwrap();
    assert_ne!(first, second);
    assert!(!ana.ask(befriend("other", &room)).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "mail.known");
    // They write to each other from these boxes, outside the room.
    let letter = json!({ "command": "send", "to": "sofia", "text": "It arrived.", "now": true });
    assert!(ana.ask(letter).await.unwrap(), "{:?}", ana.seen.last());
    house.tsa.set_time(end.plus(std::time::Duration::from_secs(120))).unwrap();
    let left = |event: &Event| match event {
        Event::Letter(letter) => {
            (letter.standing == pregao::event::LetterStanding::Deposited).then_some(())
        }
        _ => None,
    };
    ana.ever(left).await.unwrap();
    // Boxes are looked into every minute or so.
    house.tsa.set_time(end.plus(std::time::Duration::from_secs(300))).unwrap();
    let from = sofia
        .ever(|event| match event {
            Event::Letter(letter) if letter.folder == pregao::command::Folder::Received => {
                Some((letter.who.name.clone(), letter.letter))
            }
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(from.0.as_deref(), Some("ana"));
    let read = json!({ "command": "read", "letter": from.1 });
    assert!(sofia.ask(read).await.unwrap());
    sofia
        .ever(|event| match event {
            Event::Read { shown, .. } => (shown.text.expose() == "It arrived.").then_some(()),
            _ => None,
        })
        .await
        .unwrap();
    // Both have words to compare: each knows the other's box and their own.
    for (desk, who) in [(&mut ana, "sofia"), (&mut sofia, "ana")] {
        let verify = json!({ "command": "contact", "what": "verify", "who": who });
        assert!(desk.ask(verify).await.unwrap(), "{:?}", desk.seen.last());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_shown_again_and_its_keys_are_gone() {
    let Deal { house, mut sofia, mut ana, room, .. } = deal().await;
    let saying = say(&room, "Are you there?");
    assert!(ana.ask(saying).await.unwrap());
    heard(&mut sofia, "Are you there?").await;
    // Ana is away, with keys that are published and unused.
    let folder = ana.kill().await.unwrap();
    let before = vault(&folder).unwrap();
    let saying = say(&room, "Yes. It is packed.");
    assert!(sofia.ask(saying).await.unwrap(), "{:?}", sofia.seen.last());
    heard(&mut sofia, "Yes. It is packed.").await;
    let mut ana = Desk::start(&folder, &house.broker.address).unwrap();
    assert!(!heard(&mut ana, "Yes. It is packed.").await.2);
    let folder = ana.kill().await.unwrap();
    // Both know after another start what was said, although nobody can open it any more.
    let mut ana = Desk::start(&folder, &house.broker.address).unwrap();
    assert!(!heard(&mut ana, "Yes. It is packed.").await.2);
    assert!(heard(&mut ana, "Are you there?").await.2);
    let trouble = |event: &Event| matches!(event, Event::SaidPrivately { trouble: Some(_), .. });
    assert!(!ana.seen.iter().any(trouble) && !sofia.seen.iter().any(trouble));
    ana.end().await.unwrap();
    let sofia = ended(sofia).await;

    // A thief has both vaults, and with them every envelope.
    let stolen = [vault(&sofia).unwrap(), vault(&folder).unwrap()];
    let name: RoomName = room.parse().unwrap();
    let (to_ana, to_sofia) = (said_by(&stolen[0]), said_by(&stolen[1]));
    assert_eq!((to_ana.len(), to_sofia.len()), (1, 1));
    let pair = [&stolen[0], &stolen[1]];
    for said in to_ana.iter().chain(&to_sofia) {
        assert!(opened(name, pair, &stolen, said).is_empty());
    }
    // With Ana's vault of before it was read, one would have opened: what is tried opens what can be opened.
    let early = [before];
    let read = opened(name, pair, &early, &to_ana[0]);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].text.as_str(), "Yes. It is packed.");
    assert!(opened(name, pair, &early, &to_sofia[0]).is_empty());
}

/// A vault restored from a copy says what it cannot read, and hides nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_vault_says_what_it_cannot_read() {
    let Deal { house, mut sofia, mut ana, room, .. } = deal().await;
    let saying = say(&room, "Are you there?");
    assert!(ana.ask(saying).await.unwrap());
    heard(&mut sofia, "Are you there?").await;
    let folder = ana.kill().await.unwrap();
    let copy = std::fs::read(folder.join("vault.age")).unwrap();
    let mut ana = Desk::start(&folder, &house.broker.address).unwrap();
    for number in 0..5 {
        let words = format!("answer {number}");
        let saying = say(&room, &words);
        assert!(sofia.ask(saying).await.unwrap(), "{:?}", sofia.seen.last());
        heard(&mut ana, &words).await;
    }
    let folder = ana.kill().await.unwrap();
    std::fs::write(folder.join("vault.age"), copy).unwrap();
    let mut ana = Desk::start(&folder, &house.broker.address).unwrap();
    // Four keys were there when it was copied; the fifth answer is sealed to a later one.
    assert!(!heard(&mut ana, "answer 3").await.2);
    let trouble = ana
        .ever(|event| match event {
            Event::SaidPrivately { trouble: Some(trouble), text: None, own: false, .. } => {
                Some(trouble.clone())
            }
            _ => None,
        })
        .await
        .unwrap();
    assert!(trouble.contains("the key that opened it is gone"), "{trouble}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_after_thirty_days_and_nothing_that_is_too_long() {
    let Deal { house, mut sofia, mut ana, room, .. } = deal().await;
    let saying = say(&room, &"\u{1F3BA}".repeat(450));
    assert!(!ana.ask(saying).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "say.long");
    let saying = say(&room, "Hello?");
    assert!(ana.ask(saying).await.unwrap());
    heard(&mut sofia, "Hello?").await;
    let deadline = ana
        .ever(|event| match event {
            Event::Invited { deadline, .. } => Some(*deadline),
            _ => None,
        })
        .await
        .unwrap();
    let days = std::time::Duration::from_secs(30 * 24 * 3_600 + 1);
    house.tsa.set_time(deadline.plus(days)).unwrap();
    // The broker has heard the time when it records who was absent.
    ana.ever(|event| match event {
        Event::Happened { verb, .. } if verb == "abandoned" => Some(()),
        _ => None,
    })
    .await
    .unwrap();
    let saying = say(&room, "Still there?");
    assert!(!ana.ask(saying).await.unwrap());
    assert_eq!(ana.refusal().await.unwrap().0, "talk.over");
}

/// What the persona of a vault said in its private room.
fn said_by(vault: &Contents) -> Vec<SealedSay> {
    let said = vault.actions.iter().filter(|kept| kept.verb == Verb::SealedSay);
    let parsed = said.map(|kept| Action::parse(&kept.action).unwrap());
    parsed
        .map(|action| match action.body() {
            Body::SealedSay(said) => said.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// A side as its own vault shows it.
fn member(room: RoomName, side: Side, vault: &Contents) -> Member {
    let kept = vault.actions.iter().find(|kept| kept.verb == Verb::Talk && kept.refusal.is_none());
    let action = Action::parse(&kept.unwrap().action).unwrap();
    let Body::Talk(Talk { agreement, .. }) = action.body() else { panic!("no talk") };
    Member { room, side, key: *action.key(), agreement: *agreement }
}

/// All that these vaults' secrets, in every combination, read in something that was said.
fn opened(
    room: RoomName,
    [seller, winner]: [&Contents; 2],
    stolen: &[Contents],
    said: &SealedSay,
) -> Vec<Saying> {
    let sides = [member(room, Side::Seller, seller), member(room, Side::Winner, winner)];
    let talks = stolen.iter().filter_map(|vault| vault.reveals[0].talk.as_ref());
    let keys: Vec<_> = talks.filter_map(|talk| talk.keys.clone()).collect();
    let secrets: Vec<Secret> =
        keys.iter().flat_map(|keys| [&[keys.signed.clone()][..], &keys.once].concat()).collect();
    let mut read = Vec::new();
    for keys in &keys {
        let agreement = AgreementSecret::from_random(*keys.agreement.expose());
        for (reader, sender) in [(sides[0], sides[1]), (sides[1], sides[0])] {
            for signed in &secrets {
                for once in &secrets {
                    let signed = PrekeySecret::from_random(*signed.expose());
                    let once = PrekeySecret::from_random(*once.expose());
                    let hearer = Hearer {
                        member: reader,
                        signed: &signed,
                        once: &once,
                        agreement: &agreement,
                    };
                    read.extend(open(&hearer, &sender, &said.sealed));
                }
            }
        }
    }
    read
}
