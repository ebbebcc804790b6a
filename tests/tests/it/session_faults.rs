//! What arrives at the broker's door broken, changed on the way, too slowly or too often.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use pregao::net::broker::{self, Identity};
use pregao_protocol::log::RoomName;
use pregao_protocol::wire::frame::FromPeer;
use pregao_protocol::wire::session::{Ranking, Suite};
use pregao_tests::house::{House, Options};
use pregao_tests::peer::{Peer, Person, Terms};
use pregao_tests::proxy::{Proxy, Way};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::{guest, open, person};

async fn ticket(house: &House, person: &Arc<Person>) -> String {
    let (person, pin) = (Arc::clone(person), house.broker.address.fingerprint);
    tokio::task::spawn_blocking(move || person.ticket(pin).unwrap()).await.unwrap()
}

/// Whether a session comes about through a proxy that changes one message. Every such change
/// must be noticed by one side or the other before anything is exchanged.
async fn session_through(
    house: &House,
    proxy: &Proxy,
    person: &Arc<Person>,
    ticket: &str,
    change: impl Fn(Way, usize, &mut Vec<u8>) + Send + 'static,
) -> bool {
    let changed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&changed);
    proxy.change(move |way, number, bytes| {
        let before = bytes.clone();
        change(way, number, bytes);
        seen.fetch_or(*bytes != before, Ordering::Relaxed);
    });
    let address = house.broker.address_at(&proxy.socket);
    let Ok(mut peer) = Peer::with_ticket(person, &address, ticket).await else {
        assert!(changed.load(Ordering::Relaxed), "a handshake failed that nobody changed");
        return false;
    };
    // A session exists once both sides have opened a record of the other.
    let alive = peer.send(&FromPeer::Rooms { from: 0 }).await.is_ok()
        && peer.stamps(vec![pregao_protocol::value::codec::Digest([1; 32])]).await.is_ok();
    assert!(changed.load(Ordering::Relaxed) || alive, "a session failed that nobody changed");
    alive && changed.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_changed_anywhere_in_the_handshake_prevents_the_session() {
    let house = open();
    let ana = person(&house).await;
    let ticket = ticket(&house, &ana).await;
    let proxy = Proxy::before(house.broker.socket()).await.unwrap();
    let address = house.broker.address_at(&proxy.socket);
    let mut whole = Peer::with_ticket(&ana, &address, &ticket).await.unwrap();
    whole.send(&FromPeer::Rooms { from: 0 }).await.unwrap();
    whole.pump().await.unwrap();
    drop(whole);
    let lengths: Vec<(Way, usize)> = proxy
        .take()
        .iter()
        .filter(|passed| passed.message)
        .map(|passed| (passed.way, passed.bytes.len()))
        .collect();
    let mut tried = 0;
    for way in [Way::Up, Way::Down] {
        let messages: Vec<usize> =
            lengths.iter().filter(|(of, _)| *of == way).map(|(_, length)| *length).collect();
        // Up: hello, message 1, message 3, first record. Down: choice, message 2, welcome.
        let count = if way == Way::Up { 4 } else { 3 };
        assert!(messages.len() >= count, "{messages:?}");
        for (which, length) in messages.into_iter().take(count).enumerate() {
            // Every byte of what is short, and the ends and a spread of what is long.
            let step = if length < 512 { 4 } else { length / 24 };
            let ends = [0, 1, 31, 32, 33, 47, 48, length - 17, length - 16, length - 1];
            let spread = (0..length).step_by(step).chain(ends);
            for at in spread.filter(|at| *at < length) {
                let bit = 1_u8 << (at % 8);
                let change = move |of, number, bytes: &mut Vec<u8>| {
                    if of == way && number == which {
                        bytes[at] ^= bit;
                    }
                };
                let session = session_through(&house, &proxy, &ana, &ticket, change).await;
                assert!(!session, "byte {at} of message {which} {way:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
    proxy.leave();
    Peer::with_ticket(&ana, &address, &ticket).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weaker_suite_cannot_be_forced_by_whoever_stands_between() {
    let house = open();
    let ana = person(&house).await;
    let ticket = ticket(&house, &ana).await;
    let proxy = Proxy::before(house.broker.socket()).await.unwrap();
    let names: Vec<&str> = Suite::ALL.iter().map(|suite| suite.name()).collect();
    let (first, last) = (names[0].to_owned(), names[names.len() - 1].to_owned());
    let replace = |bytes: &mut Vec<u8>, from: &str, to: &str| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen(from, to, 1).into_bytes();
    };
    // The offer loses its best suite, the choice names another, the list is cut or reversed.
    let cut = format!("\"{first}\",");
    let without = move |way, number, bytes: &mut Vec<u8>| {
        if (way, number) == (Way::Up, 0) {
            replace(bytes, &cut, "");
        }
    };
    assert!(!session_through(&house, &proxy, &ana, &ticket, without).await);
    let (old, new) = (format!("\"{first}\""), format!("\"{last}\""));
    let other_choice = move |way, number, bytes: &mut Vec<u8>| {
        if (way, number) == (Way::Down, 0) {
            replace(bytes, &old, &new);
        }
    };
    assert!(!session_through(&house, &proxy, &ana, &ticket, other_choice).await);
    // Both sides are told the same lie: the prologue still differs.
    let (old, new) = (format!("\"{first}\","), String::new());
    let both = move |_, number, bytes: &mut Vec<u8>| {
        if number == 0 {
            replace(bytes, &old, &new);
        }
    };
    assert!(!session_through(&house, &proxy, &ana, &ticket, both).await);
    assert_eq!(house.broker.metric("accepted").unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_handshake_ends_the_connection() {
    let house = open();
    let hello = Ranking::default();
    let (_, hello) = pregao_protocol::wire::session::Initiator::start(&hello, [1; 32]);
    let huge = vec![0_u8; 200_000];
    for (what, messages) in [
        ("text", vec![Message::text("hello")]),
        ("garbage", vec![Message::binary(vec![0xff_u8; 300])]),
        ("nothing", vec![Message::binary(Vec::<u8>::new())]),
        ("half a hello", vec![Message::binary(hello[..hello.len() / 2].to_vec())]),
        ("oversize", vec![Message::binary(huge)]),
        ("hello twice", vec![Message::binary(hello.clone()), Message::binary(hello.clone())]),
        ("text after hello", vec![Message::binary(hello.clone()), Message::text("x")]),
        (
            "garbage as message 1",
            vec![Message::binary(hello.clone()), Message::binary(vec![7_u8; 31])],
        ),
        (
            "a low-order key, then garbage",
            vec![
                Message::binary(hello.clone()),
                Message::binary(vec![0_u8; 32]),
                Message::binary(vec![0_u8; 4200]),
            ],
        ),
    ] {
        let (mut socket, _) =
            tokio_tungstenite::connect_async(&house.broker.address.url).await.unwrap();
        for message in messages {
            // The broker may have hung up already.
            let _ = socket.send(message).await;
        }
        let ended = async {
            while let Some(Ok(message)) = socket.next().await {
                if message.is_close() {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect(what);
    }
    // Raw bytes that are no HTTP, and half a request.
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = TcpStream::connect(house.broker.socket()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(20), read).await.expect("not ended");
    }
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    ana.list(&Terms::until(end)).await.unwrap();
    assert_eq!(house.broker.metric("sessions").unwrap(), 1, "only the honest one");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_to_shake_hands_is_shown_out() {
    let house = House::open(&Options::default().broker("--handshake-within 1")).unwrap();
    // One that says nothing, one that sends a byte at a time, one that stops after the upgrade.
    let mut silent = TcpStream::connect(house.broker.socket()).await.unwrap();
    let dripping = TcpStream::connect(house.broker.socket()).await.unwrap();
    let (mut read, mut write) = dripping.into_split();
    let drip = tokio::spawn(async move {
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let (mut upgraded, _) =
        tokio_tungstenite::connect_async(&house.broker.address.url).await.unwrap();
    let mut rest = Vec::new();
    let limit = Duration::from_secs(20);
    let _ = tokio::time::timeout(limit, silent.read_to_end(&mut rest)).await.expect("silent");
    let _ = tokio::time::timeout(limit, read.read_to_end(&mut rest)).await.expect("dripping");
    let ended = async { while let Some(Ok(_)) = upgraded.next().await {} };
    tokio::time::timeout(limit, ended).await.expect("upgraded");
    drip.abort();
    let mut ana = guest(&house).await;
    ana.now().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_leaves_those_inside_alone() {
    // All come from loopback, which is not counted by address.
    let flags = "--max-per-address 10 --max-connections 20 --handshake-within 2";
    let house = House::open(&Options::default().broker(flags)).unwrap();
    let mut inside = guest(&house).await;
    let end = inside.in_seconds(600).await.unwrap();
    let room = inside.list(&Terms::until(end)).await.unwrap().action.room();
    let mut crowd = Vec::new();
    for _ in 0..200 {
        crowd.push(TcpStream::connect(house.broker.socket()).await.unwrap());
    }
    while house.broker.metric("connections_refused").unwrap() < 181 {
        tokio::task::yield_now().await;
    }
    assert!(house.broker.metric("connections").unwrap() <= 20);
    let made = inside.make_say(room, "still here").unwrap();
    inside.act(&made).await.unwrap().logged().unwrap();
    drop(crowd);
    while house.broker.metric("connections").unwrap() > 1 {
        tokio::task::yield_now().await;
    }
    guest(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_frame_is_answered_and_a_broken_record_ends_the_session() {
    let house = open();
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    for frame in ["", "{}", "nonsense", r#"{"shout":{}}"#, r#"{"leave":{"room":"00"}}"#] {
        ana.errors.clear();
        ana.sender.send_bytes(frame.as_bytes()).await.unwrap();
        let code = ana.until(|peer| peer.errors.pop()).await.unwrap();
        assert_eq!(code, "frame.malformed", "{frame}");
    }
    assert_eq!(ana.join(RoomName([3; 32])).await.unwrap_err().to_string(), "room.unknown");
    let too_many = ana.stamps(vec![pregao_protocol::value::codec::Digest([1; 32]); 257]).await;
    assert_eq!(too_many.unwrap_err().to_string(), "frame.malformed");
    let said = ana.make_say(room, "well formed").unwrap();
    ana.act(&said).await.unwrap().logged().unwrap();

    // In another session a proxy repeats, changes or cuts a record: that session ends.
    let proxy = Proxy::before(house.broker.socket()).await.unwrap();
    let address = house.broker.address_at(&proxy.socket);
    for kind in 0..3 {
        let last = Arc::new(parking_lot::Mutex::new(Vec::new()));
        proxy.change(move |way, number, bytes| {
            if way == Way::Up && number == 4 {
                match kind {
                    0 => bytes.clone_from(&last.lock()),
                    1 => bytes[20] ^= 1,
                    _ => bytes.truncate(100),
                }
            } else if way == Way::Up {
                last.lock().clone_from(bytes);
            }
        });
        let mut rui = Peer::connect(&ana.person, &address).await.unwrap();
        rui.send(&FromPeer::Leave { room }).await.unwrap();
        let ended = async { while rui.pump().await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the session goes on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_much_is_told_and_loses_nothing_else() {
    let house = House::open(&Options::default().broker("--rate 1 --burst 20")).unwrap();
    let mut ana = guest(&house).await;
    let end = ana.in_seconds(600).await.unwrap();
    let room = ana.list(&Terms::until(end)).await.unwrap().action.room();
    ana.errors.clear();
    for _ in 0..40 {
        ana.send(&FromPeer::Leave { room: RoomName([0; 32]) }).await.unwrap();
    }
    ana.until(|peer| peer.errors.contains(&"door.rate".to_owned()).then_some(())).await.unwrap();
    // The allowance comes back; what was followed is still followed.
    let mut rui = guest(&house).await;
    rui.join(room).await.unwrap();
    rui.bid(room, 100).await.unwrap().1.logged().unwrap();
    ana.grown(room, 2).await.unwrap();
}

/// The suites are tried one by one elsewhere; here the offer has none that the broker knows.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_without_a_common_suite_is_told_so() {
    let house = open();
    let person = person(&house).await;
    let ticket = ticket(&house, &person).await;
    let proxy = Proxy::before(house.broker.socket()).await.unwrap();
    proxy.change(|way, number, bytes| {
        if (way, number) == (Way::Up, 0) {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replace("ChaChaPoly", "ChaChaNope").replace("AESGCM", "AESNOP").into();
        }
    });
    let identity =
        Identity { persona: &person.key, certificate: &person.certificate, ticket: &ticket };
    let address = house.broker.address_at(&proxy.socket);
    let refused = broker::connect(&address, identity, &Ranking::default(), pregao_tests::reach())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("session.suite"), "{refused}");
}
