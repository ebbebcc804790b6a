//! Keys: published with the bytes that hold them, and handed out one by one.

use std::time::Duration;

use pregao_protocol::room::body::{Blob, Deposit, Keys};
use pregao_protocol::value::label::{KEYS_ASKED, KEYS_AT_ONCE, KEYS_REGAINED};
use pregao_protocol::wire::blob::BlobClass;
use pregao_protocol::wire::handed::{Given, Handed};

use super::*;

/// A fault in what is published.
type Change<'a> = &'a dyn Fn(&mut pregao_protocol::room::body::Keys);

fn index(handed: &pregao_protocol::wire::handed::Handed) -> Option<u32> {
    handed.once.as_ref().map(|once| once.index)
}

#[tokio::test(start_paused = true)]
async fn v290_keys_are_published_only_with_the_bytes_that_hold_them() {
    let (stage, mut guest, own) = with_passes().await;
    let (good, other) = (published(1, 10..13), published(2, 20..23));
    let entry = good.entry().unwrap();
    let publishing = |n, change: &dyn Fn(&mut pregao_protocol::room::body::Keys)| {
        let mut entry = entry.clone();
        change(&mut entry);
        own.act(n, Body::Keys(entry), stage.seen(own.room()))
    };
    guest.hand_in(&stage, &publishing(20, &|_| {}), true).await;
    assert_eq!(guest.answer(&stage).await, "blob.missing");
    for keys in [&good, &other] {
        put_keys(&mut guest, &own, keys).await.unwrap();
    }
    let theirs = other.entry().unwrap();
    let wrong: [(u8, Change<'_>); 4] = [
        (21, &|entry| entry.signed = theirs.signed),
        (22, &|entry| entry.blob = theirs.blob),
        (23, &|entry| entry.stock = theirs.stock),
        (24, &|entry| entry.stock.as_mut().unwrap().count = 4),
    ];
    for (n, change) in wrong {
        guest.hand_in(&stage, &publishing(n, change), true).await;
        assert_eq!(guest.answer(&stage).await, "blob.keys", "{n}");
    }
    guest.hand_in(&stage, &publishing(25, &|_| {}), true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
    // What is no key at all: zeros are of small order.
    let zeros = vec![0; 4_028];
    guest.put_blob(Purpose::Prekeys, &zeros).await.unwrap();
    let blob =
        pregao_protocol::room::body::Blob { digest: Digest::of(&zeros), size: BlobClass::SMALLEST };
    let none = pregao_protocol::room::body::Keys { signed: Digest([9; 32]), stock: None, blob };
    guest.hand_in(&stage, &own.act(26, Body::Keys(none), stage.seen(own.room())), true).await;
    assert_eq!(guest.answer(&stage).await, "blob.keys");
    assert_eq!(stage.verbs(own.room()), ["box", "keys"]);
    let now = stage.tsa.now();
    stage.shared().blobs.sweep(now).await;
    let swept = stage.shared().blobs.sweep(now.plus(Duration::from_secs(600))).await;
    assert_eq!(swept, 2, "what no entry names");
}

#[tokio::test(start_paused = true)]
async fn v292_each_pass_gets_a_key_of_its_own_with_what_proves_it() {
    let (stage, mut owner, own) = with_passes().await;
    publish(&stage, &mut owner, &own, &published(1, 10..13)).await;
    let opening = own.opening.compact();
    let mut indices = Vec::new();
    for pass in 1..4 {
        let mut guest = with_pass(&stage, pass).await;
        let handed = guest.take_keys(own.room()).await.unwrap();
        // The same pass gets the same.
        assert_eq!(guest.take_keys(own.room()).await.unwrap().once, handed.once);
        let verified = handed.verify(opening).unwrap();
        let (once, public) = verified.once.unwrap();
        assert_eq!(public, key(10 + u8::try_from(once.index).unwrap()));
        assert_eq!((verified.signed, verified.seq, verified.size), (key(1), 1, 2));
        indices.push(once.index);
    }
    assert_eq!(indices, [0, 1, 2]);
    let mut guest = with_pass(&stage, 4).await;
    let fourth = guest.take_keys(own.room()).await.unwrap();
    assert_eq!((fourth.given, fourth.verify(opening).unwrap().once), (Given::NoneLeft, None));
    drop((owner, guest));
    let stage = stage.restart().await;
    let fifth = with_pass(&stage, 5).await.take_keys(own.room()).await.unwrap();
    assert_eq!(fifth.given, Given::NoneLeft, "no key is handed out a second time");
}

#[tokio::test(start_paused = true)]
async fn v292_keys_cost_a_pass_and_are_of_one_box() {
    let (stage, mut owner, own) = with_passes().await;
    let room = own.room();
    let code = |handed: Result<_, String>| {
        handed.map(|_: pregao_protocol::wire::handed::Handed| ()).unwrap_err()
    };
    let mut nobody = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(code(nobody.take_keys(room).await), "pass.none");
    let mut guest = with_pass(&stage, 1).await;
    assert_eq!(code(guest.take_keys(room).await), "box.no-keys");
    assert_eq!(code(guest.take_keys(RoomName([9; 32])).await), "room.unknown");
    let auction = stage.list(&stage.person(2), 600).await.room();
    assert_eq!(code(guest.take_keys(auction).await), "room.unknown");
    let ana = stage.person(1);
    let mut persona = Peer::connect(&stage, &ana).await;
    assert_eq!(code(persona.take_keys(room).await), "door.session");
    publish(&stage, &mut owner, &own, &published(1, 10..13)).await;
    assert_eq!(guest.take_keys(room).await.map(|handed| index(&handed)), Ok(Some(0)));
    let other = OwnBox::new(&stage, 2);
    let mut theirs = with_pass(&stage, 3).await;
    theirs.hand_in(&stage, &other.opening, true).await;
    assert_eq!(theirs.answer(&stage).await, "receipt");
    publish(&stage, &mut theirs, &other, &published(2, 20..23)).await;
    assert_eq!(code(guest.take_keys(other.room()).await), "keys.pass");
    let mut another = with_pass(&stage, 2).await;
    assert_eq!(another.take_keys(other.room()).await.map(|handed| index(&handed)), Ok(Some(0)));
    let close = own.act(9, Body::BoxClosed(Empty {}), stage.seen(room));
    owner.hand_in(&stage, &close, true).await;
    assert_eq!(owner.answer(&stage).await, "receipt");
    assert_eq!(code(guest.take_keys(room).await), "box.closed");
}

#[tokio::test(start_paused = true)]
async fn v292_after_new_keys_a_pass_has_its_one_time_key_under_the_new_signed_one() {
    let (stage, mut owner, own) = with_passes().await;
    publish(&stage, &mut owner, &own, &published(1, 10..13)).await;
    let mut guest = with_pass(&stage, 1).await;
    guest.take_keys(own.room()).await.unwrap();
    publish(&stage, &mut owner, &own, &published(2, 0..0)).await;
    let again = guest.take_keys(own.room()).await.unwrap();
    let verified = again.verify(own.opening.compact()).unwrap();
    assert_eq!((verified.signed, verified.seq), (key(2), 2));
    assert_eq!(verified.once.unwrap().1, key(10));
}

#[tokio::test(start_paused = true)]
async fn v292_a_key_to_which_a_letter_came_is_not_handed_out_whatever_was_noted() {
    let (stage, mut owner, own) = with_passes().await;
    let keys = published(1, 10..12);
    publish(&stage, &mut owner, &own, &keys).await;
    let mut guest = with_pass(&stage, 1).await;
    assert_eq!(index(&guest.take_keys(own.room()).await.unwrap()), Some(0));
    let envelope = vec![1; 4_028];
    guest.put_blob(Purpose::Envelope, &envelope).await.unwrap();
    let blob = pregao_protocol::room::body::Blob {
        digest: Digest::of(&envelope),
        size: BlobClass::SMALLEST,
    };
    let stock = keys.entry().unwrap().stock.unwrap().root;
    let once = Some(pregao_protocol::room::body::OnceKey { stock, index: 0 });
    let signed = key(1).digest();
    let sealed = Deposit {
        envelope: blob,
        attachments: Vec::new(),
        signed,
        once,
        expires: None,
        registered: None,
    };
    let action = deposit(own.room(), 101, Body::Deposit(sealed), opened_head(&stage, own.room()));
    guest.hand_in(&stage, &action, true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
    let spent = guest.take_keys(own.room()).await.unwrap();
    assert_eq!((spent.given, index(&spent)), (Given::NoneLeft, None), "a pass has one");
    // The broker's notes are lost: the log knows all the same.
    drop((owner, guest));
    let stage = stage.restart_without("handed.db").await;
    let handed = with_pass(&stage, 2).await.take_keys(own.room()).await.unwrap();
    assert_eq!(index(&handed), Some(1));
}

#[tokio::test(start_paused = true)]
async fn v292_whether_a_pass_is_for_this_box_is_known_before_its_keys_are_read() {
    let (stage, mut owner, own) = with_passes().await;
    publish(&stage, &mut owner, &own, &published(1, 10..12)).await;
    let other = OwnBox::new(&stage, 2);
    let mut second = with_pass(&stage, 3).await;
    second.hand_in(&stage, &other.opening, true).await;
    assert_eq!(second.answer(&stage).await, "receipt");
    let keys = published(2, 20..22);
    assert_eq!(publish(&stage, &mut second, &other, &keys).await, "receipt");
    let mut guest = with_pass(&stage, 4).await;
    guest.take_keys(own.room()).await.unwrap();
    // What would be read is not there any more.
    let name = hex::encode(keys.entry().unwrap().blob.digest.0);
    std::fs::remove_file(stage.file("blobs").join(&name[..2]).join(&name)).unwrap();
    let code = |answer: Result<_, String>| answer.map(|_: Handed| ()).unwrap_err();
    assert_eq!(code(guest.take_keys(other.room()).await), "keys.pass");
    let mut fresh = with_pass(&stage, 5).await;
    assert_eq!(code(fresh.take_keys(other.room()).await), "store.failed");
    // So often in one session, wherever.
    for _ in 2..KEYS_ASKED {
        guest.take_keys(own.room()).await.unwrap();
    }
    assert_eq!(code(guest.take_keys(own.room()).await), "door.rate");
    assert_eq!(code(guest.take_keys(other.room()).await), "door.rate");
}

#[tokio::test(start_paused = true)]
async fn v381_keys_are_logged_so_often_and_letters_are_taken_all_the_same() {
    let (stage, mut owner, own) = with_passes().await;
    for n in 0..16 {
        assert_eq!(publish(&stage, &mut owner, &own, &published(n, 0..0)).await, "receipt");
    }
    assert_eq!(publish(&stage, &mut owner, &own, &published(16, 0..0)).await, "door.rate");
    let taken = Body::Taken(Taken { letters: vec![1], told: false });
    owner.hand_in(&stage, &own.act(90, taken, stage.seen(own.room())), true).await;
    assert_eq!(owner.answer(&stage).await, "taken.letter");
    tokio::time::sleep(Duration::from_secs(1_799)).await;
    let mut owner = Peer::guest(&stage, 60).await.unwrap();
    // The head covers the same: what was refused took nothing.
    assert_eq!(publish(&stage, &mut owner, &own, &published(16, 0..0)).await, "door.rate");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(publish(&stage, &mut owner, &own, &published(16, 0..0)).await, "receipt");
    assert_eq!(publish(&stage, &mut owner, &own, &published(17, 0..0)).await, "door.rate");
}

#[tokio::test(start_paused = true)]
async fn v294_a_stock_that_is_drained_on_purpose_recovers() {
    let (stage, mut owner, own) = with_passes().await;
    let many = u8::try_from(KEYS_AT_ONCE).unwrap();
    publish(&stage, &mut owner, &own, &published(1, 2..many + 10)).await;
    for pass in 1..=many {
        let handed = with_pass(&stage, pass).await.take_keys(own.room()).await.unwrap();
        assert_eq!(handed.given, Given::Once, "{pass}");
    }
    let mut slow = with_pass(&stage, 200).await;
    let late = slow.take_keys(own.room()).await.unwrap();
    assert_eq!((late.given, index(&late)), (Given::KeptBack, None));
    assert_eq!(late.verify(own.opening.compact()).unwrap().signed, key(1));
    tokio::time::sleep(Duration::from_secs(KEYS_REGAINED)).await;
    let next = with_pass(&stage, 201).await.take_keys(own.room()).await.unwrap();
    assert_eq!(index(&next), Some(u32::from(many)));
    let other = with_pass(&stage, 202).await.take_keys(own.room()).await.unwrap();
    assert_eq!(other.given, Given::KeptBack);
}

#[tokio::test(start_paused = true)]
async fn v297_guests_put_letters_for_a_pass_and_owners_get_what_is_theirs() {
    let (stage, mut owner, own) = with_passes().await;
    let bytes = vec![7; 4_028];
    let forbidden = Err("blob.forbidden".to_owned());
    // Without a pass, or without having shown to be an owner.
    let mut nobody = Peer::guest(&stage, 8).await.unwrap();
    assert_eq!(nobody.put_blob(Purpose::Envelope, &bytes).await, forbidden);
    assert_eq!(owner.put_blob(Purpose::Prekeys, &bytes).await, forbidden);
    assert_eq!(owner.put_blob(Purpose::Segment, &bytes).await, forbidden);
    let class = BlobClass::SMALLEST;
    let digest = published(1, 10..13).entry().unwrap().blob.digest;
    let keys = published(1, 10..13).entry().unwrap().blob;
    assert_eq!(
        owner.get_blob(Purpose::Prekeys, digest, class).await,
        Err("blob.forbidden".to_owned())
    );
    publish(&stage, &mut owner, &own, &published(1, 10..13)).await;
    assert!(owner.get_blob(Purpose::Prekeys, keys.digest, keys.size).await.is_ok());
    assert_eq!(
        owner.get_blob(Purpose::Segment, keys.digest, keys.size).await,
        Err("blob.forbidden".to_owned())
    );
    // Not larger than the most keys there may be.
    assert_eq!(owner.put_blob(Purpose::Prekeys, &vec![7; 523_608]).await, Ok(()));
    assert_eq!(owner.put_blob(Purpose::Prekeys, &vec![7; 1_047_216]).await, forbidden);
    // The owner of another box gets nothing of this one, and does not hear that it is there.
    let other = OwnBox::new(&stage, 2);
    let mut stranger = with_pass(&stage, 3).await;
    stranger.hand_in(&stage, &other.opening, true).await;
    assert_eq!(stranger.answer(&stage).await, "receipt");
    stranger.send(&joining(&other, &stranger.id.clone())).await;
    stranger.entries().await;
    let unknown = Err("blob.unknown".to_owned());
    assert_eq!(stranger.get_blob(Purpose::Prekeys, keys.digest, keys.size).await, unknown);
    assert_eq!(stranger.put_blob(Purpose::Envelope, &bytes).await, Ok(()));
    let digest = Digest::of(&bytes);
    assert_eq!(stranger.get_blob(Purpose::Envelope, digest, class).await, unknown);
    // Personas do none of it.
    let mut persona = Peer::connect(&stage, &stage.person(1)).await;
    for purpose in [Purpose::Envelope, Purpose::Prekeys] {
        assert_eq!(persona.put_blob(purpose, &bytes).await, forbidden);
    }
    assert_eq!(
        persona.get_blob(Purpose::Prekeys, keys.digest, keys.size).await,
        Err("blob.forbidden".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn v297_who_has_several_boxes_puts_keys_for_the_one_shown_last() {
    let (stage, mut owner, own) = with_passes().await;
    let other = OwnBox::new(&stage, 2);
    let mut second = with_pass(&stage, 3).await;
    second.hand_in(&stage, &other.opening, true).await;
    assert_eq!(second.answer(&stage).await, "receipt");
    put_keys(&mut owner, &own, &published(1, 0..0)).await.unwrap();
    let named = Body::Keys(published(1, 0..0).entry().unwrap());
    owner.hand_in(&stage, &other.act(50, named, stage.seen(other.room())), true).await;
    assert_eq!(owner.answer(&stage).await, "blob.missing", "put for another box");
    for (own, signed) in [(&own, 1), (&other, 2), (&own, 3)] {
        assert_eq!(publish(&stage, &mut owner, own, &published(signed, 0..0)).await, "receipt");
    }
}

#[tokio::test(start_paused = true)]
async fn v271_keys_that_are_refused_free_nothing_of_what_their_box_may_put() {
    let (stage, mut owner, own) = with_passes().await;
    owner.send(&joining(&own, &owner.id.clone())).await;
    owner.entries().await;
    for n in 0..16 {
        let junk = vec![n; 4_028];
        owner.put_blob(Purpose::Prekeys, &junk).await.unwrap();
        let blob = Blob { digest: Digest::of(&junk), size: BlobClass::SMALLEST };
        let entry = Body::Keys(Keys { signed: Digest([n; 32]), stock: None, blob });
        owner.hand_in(&stage, &own.act(n + 50, entry, stage.seen(own.room())), true).await;
        assert_eq!(owner.answer(&stage).await, "blob.keys");
    }
    let quota = Err("blob.quota".to_owned());
    assert_eq!(owner.put_blob(Purpose::Prekeys, &[16; 4_028]).await, quota);
}

#[tokio::test(start_paused = true)]
async fn v297_one_pass_puts_no_more_than_its_quota() {
    let (stage, ..) = with_passes().await;
    let mut guest = with_pass(&stage, 1).await;
    for n in 0..16 {
        guest.put_blob(Purpose::Envelope, &vec![n; 4_028]).await.unwrap();
    }
    let quota = Err("blob.quota".to_owned());
    assert_eq!(guest.put_blob(Purpose::Envelope, &vec![16; 4_028]).await, quota);
    let mut other = with_pass(&stage, 2).await;
    assert_eq!(other.put_blob(Purpose::Envelope, &vec![16; 4_028]).await, Ok(()));
}

/// The answer to a request about boxes.
async fn asked(guest: &mut Peer, frame: &FromPeer) -> FromBroker {
    guest.send(frame).await;
    let is_it = |frame: &FromBroker| {
        matches!(
            frame,
            FromBroker::BoxOpened { .. }
                | FromBroker::PeopleListed { .. }
                | FromBroker::Failed { .. }
        )
    };
    guest.until(is_it).await
}

#[tokio::test(start_paused = true)]
async fn v295_everybody_may_see_how_a_box_was_opened_and_whether_it_is_closed() {
    let (stage, mut owner, own) = with_passes().await;
    let mut guest = Peer::guest(&stage, 9).await.unwrap();
    let asking = FromPeer::BoxOpening { n: 7, room: own.room() };
    let shown = |frame| match frame {
        FromBroker::BoxOpened { n: 7, header, entry, closed } => {
            let entry = pregao_protocol::log::Entry::parse(entry.get()).unwrap();
            assert_eq!(entry.action, own.opening.compact());
            assert!(!header.is_empty());
            closed
        }
        other => panic!("{other:?}"),
    };
    assert!(!shown(asked(&mut guest, &asking).await));
    let close = own.act(9, Body::BoxClosed(Empty {}), stage.seen(own.room()));
    owner.hand_in(&stage, &close, true).await;
    assert_eq!(owner.answer(&stage).await, "receipt");
    assert!(shown(asked(&mut guest, &asking).await));
    let auction = stage.list(&stage.person(2), 600).await.room();
    for room in [RoomName([9; 32]), auction] {
        let failed = asked(&mut guest, &FromPeer::BoxOpening { n: 8, room }).await;
        assert!(matches!(failed, FromBroker::Failed { n: 8, code } if code == "room.unknown"));
    }
    let mut persona = Peer::connect(&stage, &stage.person(1)).await;
    for frame in [asking.clone(), FromPeer::People { n: 7, from: 0 }] {
        persona.send(&frame).await;
        assert_eq!(persona.refused().await, ("door.session".to_owned(), Some(7)));
    }
    drop((owner, guest, persona));
    let stage = stage.restart().await;
    let mut guest = Peer::guest(&stage, 9).await.unwrap();
    assert!(shown(asked(&mut guest, &asking).await));
}

#[tokio::test(start_paused = true)]
async fn v296_who_wants_to_be_found_is_listed_until_the_box_is_closed() {
    let (stage, mut guest, hidden) = with_passes().await;
    let mut boxes = Vec::new();
    for seed in 2..5 {
        let own = OwnBox::named(&stage, seed, "ana");
        let mut theirs = with_pass(&stage, seed).await;
        theirs.hand_in(&stage, &own.opening, true).await;
        assert_eq!(theirs.answer(&stage).await, "receipt");
        boxes.push(own);
    }
    let names = |frame| match frame {
        FromBroker::PeopleListed { openings, next, .. } => {
            let room = |text: &str| {
                let entry = pregao_protocol::log::Entry::parse(text).unwrap();
                pregao_protocol::room::action::Action::parse(&entry.action).unwrap().room()
            };
            let rooms: Vec<RoomName> = openings.iter().map(|entry| room(entry.get())).collect();
            (rooms, next)
        }
        other => panic!("{other:?}"),
    };
    let all: Vec<RoomName> = boxes.iter().map(OwnBox::room).collect();
    let listed = names(asked(&mut guest, &FromPeer::People { n: 7, from: 0 }).await);
    assert_eq!(listed, (all.clone(), None));
    assert!(!all.contains(&hidden.room()));
    let close = boxes[0].act(9, Body::BoxClosed(Empty {}), stage.seen(all[0]));
    guest.hand_in(&stage, &close, true).await;
    assert_eq!(guest.answer(&stage).await, "receipt");
    let rest = FromPeer::People { n: 7, from: 1 };
    assert_eq!(names(asked(&mut guest, &rest).await).0, all[1..]);
    drop(guest);
    let stage = stage.restart().await;
    let mut guest = Peer::guest(&stage, 9).await.unwrap();
    assert_eq!(names(asked(&mut guest, &rest).await).0, all[1..], "positions stay");
}
