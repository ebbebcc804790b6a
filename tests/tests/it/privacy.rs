//! Who learns what: each promise tried against everything its reader could have recorded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use pregao::net::broker::{BrokerAddress, Identity, LinkError};
use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::body::Side;
use pregao_protocol::room::disclosure::DisclosureContext;
use pregao_protocol::trust::seal::{self, SealKey};
use pregao_protocol::value::codec::{Digest, from_base64url, to_base64url};
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::{Initiator, Ranking};
use pregao_tests::house::{Broker, House, Options, Tsa};
use pregao_tests::peer::{Made, Peer, Person, Terms};
use pregao_tests::proxy::{Passed, Proxy, Way};
use serde_json::Value;

use crate::reveal::{disclosure, invitation, settled};
use crate::{guest, person};

/// Everything in a JSON text, at any depth: strings, numbers, and JSON or JWS inside strings.
fn values(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            found.push(text.clone());
            if let Ok(inner) = serde_json::from_str(text) {
                values(&inner, found);
            }
            for part in text.split('.').filter(|_| text.matches('.').count() == 2) {
                let bytes = from_base64url(part).unwrap_or_default();
                match serde_json::from_slice(&bytes) {
                    Ok(inner) => values(&inner, found),
                    Err(_) => found.push(part.to_owned()),
                }
            }
        }
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| values(item, found)),
        Value::Object(members) => members.values().for_each(|item| values(item, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_receive_repeats_between_two_actions_of_one_bidder() {
    let house = House::open(
        &Options::default().simulated().broker("--rate 1000 --burst 1000 --max-effort 0"),
    )
    .unwrap();
    let (mut seller, mut watcher) = (guest(&house).await, guest(&house).await);
    watcher.record = true;
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    watcher.join(room).await.unwrap();
    let mut bidders = Vec::new();
    for _ in 0..3 {
        let mut bidder = guest(&house).await;
        bidder.record = true;
        bidder.join(room).await.unwrap();
        bidders.push(bidder);
    }
    // Who did what, by one-time key: what the readers must not be able to reconstruct.
    let mut author: HashMap<String, usize> = HashMap::new();
    let mut amount = 1_000_003;
    for round in 0..6_u64 {
        for (who, bidder) in bidders.iter_mut().enumerate() {
            bidder.grown(room, 1 + round * 6 + 2 * who as u64).await.unwrap();
            amount += 1_000 + 37 * who as u64 + round;
            let (bid, answer) = bidder.bid(room, amount).await.unwrap();
            answer.logged().unwrap();
            bidder.grown(room, 2 + round * 6 + 2 * who as u64).await.unwrap();
            let text = format!("{}", Digest(pregao_tests::peer::random()));
            let said = bidder.make_say(room, &text).unwrap();
            bidder.act(&said).await.unwrap().logged().unwrap();
            author.insert(bid.action.compact().to_owned(), who);
            author.insert(said.action.compact().to_owned(), who);
        }
    }
    house.tsa.set_time(end).unwrap();
    watcher.auction_is(room, settled).await.unwrap();

    let frames: Vec<&Vec<u8>> = watcher.frames.iter().collect();
    let whole: String = frames.iter().map(|frame| String::from_utf8_lossy(frame)).collect();
    // What a bidder receives besides answers to its own requests is what the watcher receives.
    let of_bidders: String = bidders
        .iter()
        .flat_map(|bidder| &bidder.frames)
        .map(|frame| String::from_utf8_lossy(frame))
        .collect();
    let people: Vec<Arc<Person>> = bidders
        .iter()
        .map(|bidder| Arc::clone(&bidder.person))
        .chain([Arc::clone(&seller.person), Arc::clone(&watcher.person)])
        .collect();
    for text in [&whole, &of_bidders] {
        let mut found = Vec::new();
        for frame in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            values(&frame.unwrap(), &mut found);
        }
        let everything = found.join("\n") + text;
        for person in &people {
            let public = person.key.public();
            for secret in [
                person.fingerprint().to_string(),
                to_base64url(&person.fingerprint().0),
                to_base64url(public.as_bytes()),
                hex::encode(public.as_bytes()),
                to_base64url(&person.certificate),
                to_base64url(&person.certificate[..60]),
            ] {
                assert!(!everything.contains(&secret), "a persona shows");
            }
        }
    }
    no_value_repeats(&watcher, room, &author);
}

/// Compares the actions of one author value by value. What all authors share (room, currency,
/// the stamp's batch, a head seen) tells nothing; anything else may occur in one action only.
fn no_value_repeats(watcher: &Peer, room: RoomName, author: &HashMap<String, usize>) {
    let mut by_value: BTreeMap<String, HashSet<usize>> = BTreeMap::new();
    let mut actions: Vec<usize> = Vec::new();
    for text in &watcher.watched(room).unwrap().entries {
        let entry = Entry::parse(text).unwrap();
        let Some(who) = author.get(&entry.action) else { continue };
        let number = actions.len();
        actions.push(*who);
        let mut found = Vec::new();
        let mut parts = entry.action.split('.');
        for part in [parts.next().unwrap(), parts.next().unwrap()] {
            let bytes = from_base64url(part).unwrap();
            values(&serde_json::from_slice(&bytes).unwrap(), &mut found);
        }
        found.push(parts.next().unwrap().to_owned());
        // The stamp, but for its batch header, which all digests of that moment share.
        found.extend(entry.stamp.path.iter().map(|hash| to_base64url(&hash.0)));
        for value in found.into_iter().collect::<HashSet<_>>() {
            // Short words and numbers below 10,000 have too few values to be marks; sizes of
            // the log and amounts beyond are checked like everything else.
            let long = value.len() >= 8 || value.parse::<u64>().is_ok_and(|n| n >= 10_000);
            if long {
                by_value.entry(value).or_default().insert(number);
            }
        }
    }
    assert_eq!(actions.len(), 36);
    let mut shared_by_all = Vec::new();
    for (value, places) in by_value {
        let authors: HashSet<usize> = places.iter().map(|place| actions[*place]).collect();
        if places.len() > 1 && authors.len() == 1 {
            panic!("{value} occurs in {} actions of one author", places.len());
        }
        if places.len() > 1 {
            shared_by_all.push((value, places.len()));
        }
    }
    // What does repeat is the room and the form of an action, in every one of them.
    for (value, count) in &shared_by_all {
        let known = *value == room.to_string() || value == "pregao-action-v1";
        assert!(known && *count == 36, "{value} occurs {count} times");
    }
}

/// Looks for byte strings in every file below a folder.
fn files_with(folder: &Path, needles: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            hits.extend(files_with(&entry.path(), needles));
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        for (what, needle) in needles {
            if bytes.windows(needle.len()).any(|window| window == needle) {
                hits.push(format!("{what} in {}", entry.path().display()));
            }
        }
    }
    hits
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_store_nor_log_of_the_broker_holds_a_disclosure_or_names_an_author() {
    let options = Options { log: Some("trace".to_owned()), ..Options::default().simulated() };
    let mut house = House::open(&options).unwrap();
    let (mut seller, mut ana) = (guest(&house).await, guest(&house).await);
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    ana.join(room).await.unwrap();
    let (won, answer) = ana.bid(room, 100).await.unwrap();
    answer.logged().unwrap();
    let mut needles = Vec::new();
    for (who, peer, made) in [("seller", &seller, &listing), ("winner", &ana, &won)] {
        let fingerprint = peer.person.fingerprint();
        needles.push((format!("{who}'s fingerprint"), fingerprint.0.to_vec()));
        needles.push((format!("{who}'s fingerprint, hex"), fingerprint.to_string().into()));
        let public = *peer.person.key.public().as_bytes();
        needles.push((format!("{who}'s key"), public.to_vec()));
        needles.push((format!("{who}'s key, text"), to_base64url(&public).into()));
        needles.push((format!("{who}'s key, hex"), hex::encode(public).into()));
        needles.push((format!("{who}'s blind"), made.blind.expose().to_vec()));
        needles.push((format!("{who}'s blind, text"), to_base64url(made.blind.expose()).into()));
    }
    // While the auction runs, links exist on disk: encrypted, beside the key in another file.
    assert_eq!(files_with(house.broker.data(), &needles), Vec::<String>::new());
    house.tsa.set_time(end).unwrap();
    seller.auction_is(room, settled).await.unwrap();
    let private = invitation(&mut seller, room).await;
    ana.auction_is(room, settled).await.unwrap();
    for (peer, made, name) in
        [(&mut seller, &listing, "Serafina Quintela"), (&mut ana, &won, "Aurélio Zagalo")]
    {
        let key = made.key(&peer.person, peer.pin);
        peer.join_private(private, &key).await.unwrap();
        let disclosed = disclosure(peer, private, made, name);
        peer.act(&disclosed).await.unwrap();
        for part in [name.to_owned(), name.replace(' ', "+"), format!("{name}@example.org")] {
            needles.push((format!("{part} in base64"), to_base64url(part.as_bytes()).into()));
            needles.push((part.clone(), part.into()));
        }
    }
    seller.grown(private, 3).await.unwrap();
    house.broker.stop().unwrap();
    assert_eq!(files_with(house.broker.data(), &needles), Vec::<String>::new());
    let log = house.folder.path().join("broker.log");
    let text = std::fs::read(&log).unwrap();
    assert!(String::from_utf8_lossy(&text).contains("connected to the TSA"), "the log was kept");
    for (what, needle) in &needles {
        let there = text.windows(needle.len()).any(|window| window == needle);
        assert!(!there, "{what} is in the broker's log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_the_tsa_sees_tells_which_digests_share_an_author() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default().broker("--rate 10000 --burst 10000 --max-effort 0");
    let tsa = Tsa::start(folder.path(), &options).unwrap();
    let proxy = Proxy::before(tsa.socket()).await.unwrap();
    let address = tsa.address_at(&proxy.socket);
    let broker = Broker::start(folder.path(), &address, &options).unwrap();
    let house = House { broker, tsa, folder };
    let mut seller = guest(&house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let mut bidders = Vec::new();
    for _ in 0..3 {
        let mut bidder = guest(&house).await;
        bidder.join(room).await.unwrap();
        bidders.push(bidder);
    }
    drop(proxy.take());
    // Three bidders at once, each with two digests in one request, many times over.
    const ROUNDS: usize = 300;
    let mut author: HashMap<Digest, (usize, usize)> = HashMap::new();
    for _ in 0..ROUNDS {
        let mut asked = Vec::new();
        for (who, bidder) in bidders.iter_mut().enumerate() {
            let made: Vec<Made> = (0..2).map(|_| bidder.make_say(room, "hello").unwrap()).collect();
            let digests: Vec<Digest> = made.iter().map(Made::digest).collect();
            for (which, digest) in digests.iter().enumerate() {
                author.insert(*digest, (who, which));
            }
            let frame = |n| pregao_protocol::wire::frame::FromPeer::Stamp { n, digests };
            asked.push(bidder.ask(frame).await.unwrap());
        }
        for (bidder, n) in bidders.iter_mut().zip(asked) {
            assert!(matches!(bidder.answer(n).await.unwrap(), FromBroker::Stamped { .. }));
        }
    }
    let (bid, answer) = bidders[0].bid(room, 100).await.unwrap();
    answer.logged().unwrap();
    let passed = proxy.take();
    let requests: Vec<Value> = passed
        .iter()
        .filter(|passed| passed.message && passed.way == Way::Up)
        .map(|passed| serde_json::from_slice(&passed.bytes).unwrap())
        .collect();
    assert!(requests.len() > 10);
    // One connection, whose requests hold digests and a running number, and nothing else. (What the
    // TSA is asked as a witness goes over plain HTTP, and is about the house's heads.)
    let stamping = passed.iter().filter(|passed| passed.message);
    let connections: HashSet<usize> = stamping.map(|passed| passed.connection).collect();
    assert_eq!(connections.len(), 1, "all peers share the broker's one connection");
    let mut last = 0;
    for request in &requests {
        let members: Vec<&str> = request.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["digests", "id"]);
        let id = request["id"].as_u64().unwrap();
        assert!(id > last, "numbers count up and mean nothing else");
        last = id;
    }
    nothing_of_the_actions(&passed, &bid, &bidders);
    positions_tell_nothing(&requests, &author);
}

/// The TSA's side of the wire holds no part of an action and no trace of a persona; only as a
/// witness it reads the names of rooms, which are public.
fn nothing_of_the_actions(passed: &[Passed], bid: &Made, bidders: &[Peer]) {
    let text = |of: &dyn Fn(&Passed) -> bool| -> String {
        let passed = passed.iter().filter(|passed| of(passed));
        passed.map(|passed| String::from_utf8_lossy(&passed.bytes)).collect()
    };
    let stamping = text(&|passed| passed.message);
    let room = bid.action.room().to_string();
    assert!(!stamping.contains(&room), "the room {room} reaches the TSA with a digest");
    let text = text(&|_| true);
    assert!(text.contains(&to_base64url(&bid.digest().0)), "the digest itself is there");
    let payload = bid.action.compact().split('.').nth(1).unwrap();
    let mut secrets = vec![
        payload.to_owned(),
        to_base64url(bid.action.key().as_bytes()),
        bid.action.id().to_string(),
        to_base64url(bid.blind.expose()),
    ];
    for bidder in bidders {
        secrets.push(bidder.person.fingerprint().to_string());
        secrets.push(to_base64url(bidder.person.key.public().as_bytes()));
        secrets.push(to_base64url(&bidder.session.0));
    }
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} reaches the TSA");
    }
}

/// Among requests that mix all three bidders, two digests of one author are neighbours as
/// often as chance has it, and the first of an author's two comes first half of the time.
fn positions_tell_nothing(requests: &[Value], author: &HashMap<Digest, (usize, usize)>) {
    let (mut mixed, mut neighbours, mut in_order, mut pairs) = (0_u32, 0_u32, 0_u32, 0_u32);
    for request in requests {
        let digests: Vec<Digest> = serde_json::from_value(request["digests"].clone()).unwrap();
        let places: Vec<(usize, usize)> =
            digests.iter().filter_map(|digest| author.get(digest).copied()).collect();
        if places.len() < 6 {
            continue;
        }
        mixed += 1;
        for who in 0..3 {
            let at = |which| places.iter().position(|place| *place == (who, which));
            let (Some(first), Some(second)) = (at(0), at(1)) else { continue };
            pairs += 1;
            neighbours += u32::from(first.abs_diff(second) == 1);
            in_order += u32::from(first < second);
        }
    }
    assert!(mixed >= 40, "only {mixed} requests were pooled from all three");
    // Of 15 pairs of places among 6, 5 are neighbours. Six standard deviations are allowed.
    let near = |count: u32, share: f64| {
        let (count, pairs) = (f64::from(count), f64::from(pairs));
        (count - pairs * share).abs() <= 6.0 * (pairs * share * (1.0 - share)).sqrt()
    };
    assert!(near(neighbours, 1.0 / 3.0), "{neighbours} of {pairs} are neighbours");
    assert!(near(in_order, 0.5), "{in_order} of {pairs} are in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_traffic_stays_closed_to_whoever_gets_every_key_and_disk_later() {
    let mut house = crate::simulated();
    let proxy = Proxy::before(house.broker.socket()).await.unwrap();
    let address = house.broker.address_at(&proxy.socket);
    let (seller_person, ana_person) = (person(&house).await, person(&house).await);
    let mut seller = Peer::connect(&seller_person, &address).await.unwrap();
    let mut ana = Peer::connect(&ana_person, &address).await.unwrap();
    let end = seller.in_seconds(600).await.unwrap();
    let listing = seller.list(&Terms::until(end)).await.unwrap();
    let room = listing.action.room();
    ana.join(room).await.unwrap();
    let (won, answer) = ana.bid(room, 100).await.unwrap();
    answer.logged().unwrap();
    house.tsa.set_time(end).unwrap();
    ana.auction_is(room, settled).await.unwrap();
    let private = invitation(&mut ana, room).await;
    seller.auction_is(room, settled).await.unwrap();
    for (peer, made, name) in [(&mut seller, &listing, "Serafina"), (&mut ana, &won, "Aurélio")] {
        let key = made.key(&peer.person, peer.pin);
        peer.join_private(private, &key).await.unwrap();
        let disclosed = disclosure(peer, private, made, name);
        peer.act(&disclosed).await.unwrap();
    }
    ana.grown(private, 3).await.unwrap();
    let entries: Vec<String> = ana.watched(private).unwrap().entries.clone();
    let opening = crate::reveal::opening(&ana, private);
    // The room's opening is on the broker's disk, so the thief knows what was sealed for what.
    let contexts = [Side::Seller, Side::Winner]
        .map(|side| DisclosureContext { room: private, opening: &opening, side }.info());
    drop((seller, ana));
    let recorded: Vec<Passed> = proxy.take().into_iter().filter(|passed| passed.message).collect();
    house.broker.stop().unwrap();

    // The records show nothing in clear: not the room, not an amount, not a frame's name.
    let clear: Vec<u8> = recorded
        .iter()
        .filter(|passed| passed.bytes.len() > 300)
        .flat_map(|passed| passed.bytes.clone())
        .collect();
    for word in ["entries", "submit", "stamped", "Serafina", &room.to_string()[..16]] {
        let there = clear.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(!there, "{word} is readable");
    }

    // The thief has the broker's folder, both personas and every blind, and tries.
    let pem = std::fs::read_to_string(house.broker.data().join("session.key.pem")).unwrap();
    assert!(pem.contains("PRIVATE KEY"), "the thief has the broker's keys");
    stolen_identity_opens_nothing(&recorded, &house, &ana_person).await;
    let people = [&seller_person, &ana_person];
    stolen_disk_opens_no_disclosure(&entries, &contexts, &house, &people, &[&listing, &won]);
}

/// Runs the recorded handshake again with the stolen persona, against the recorded broker: the
/// ephemeral and static keys of that session are gone, so message 2 does not open, and neither
/// does any record.
async fn stolen_identity_opens_nothing(recorded: &[Passed], house: &House, person: &Person) {
    let down: Vec<&Passed> = recorded
        .iter()
        .filter(|passed| passed.connection == 1 && passed.way == Way::Down)
        .collect();
    let (choice, message) = (&down[0].bytes, &down[1].bytes);
    let pin = house.broker.address.fingerprint;
    for _ in 0..50 {
        let (expect, _) = Initiator::start(&Ranking::default(), pregao_tests::peer::random());
        let (expect, _) = expect.handle(choice).unwrap();
        let credentials =
            pregao_protocol::wire::session::Credentials::new(&person.certificate, "ticket")
                .unwrap();
        let verify = |compact: &str| {
            pregao_protocol::trust::broker::BrokerCertificate::open(compact, pin)
                .map(|certificate| certificate.keys.session)
        };
        let opened = expect.handle(message, verify, &credentials, |bytes| person.key.sign(bytes));
        assert!(opened.is_err(), "the recorded message 2 opened");
    }
    // Played to the broker that holds all the same keys, the recording gets no session either.
    let mut house_again =
        Broker::start(house.folder.path(), &house.tsa.address, &Options::default().simulated())
            .unwrap();
    let socket = BrokerAddress::clone(&house_again.address);
    let (mut stream, _) = tokio_tungstenite::connect_async(&socket.url).await.unwrap();
    let up = recorded.iter().filter(|passed| passed.connection == 1 && passed.way == Way::Up);
    for passed in up.take(4) {
        let message = tokio_tungstenite::tungstenite::Message::binary(passed.bytes.clone());
        let _ = futures_util::SinkExt::send(&mut stream, message).await;
    }
    let ended = async {
        while let Some(Ok(message)) = futures_util::StreamExt::next(&mut stream).await {
            if message.is_close() {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), ended).await.expect("still talking");
    assert_eq!(house_again.metric("sessions").unwrap(), 0);
    // While the honest owner of the persona does get in.
    let ticket = {
        let (tsa, key) = (house.tsa.address.clone(), person.key.expose_seed());
        let (certificate, pin) = (person.certificate.clone(), socket.fingerprint);
        let get = move || {
            let key = pregao_protocol::trust::key::SecretKey::from_seed(&key);
            pregao::net::tsa::TsaClient::at(tsa, pregao_tests::reach())
                .ticket(&key, &certificate, pin)
                .unwrap()
        };
        tokio::task::spawn_blocking(get).await.unwrap()
    };
    let identity =
        Identity { persona: &person.key, certificate: &person.certificate, ticket: &ticket };
    let link =
        pregao::net::broker::connect(&socket, identity, &Ranking::default(), pregao_tests::reach())
            .await;
    assert!(!matches!(link, Err(LinkError::Refused { .. })), "{link:?}");
    house_again.stop().unwrap();
}

/// Disclosures are sealed to keys made of fresh randomness for one action, kept by nobody but
/// its author: persona, blinds and everything the broker has do not give them.
fn stolen_disk_opens_no_disclosure(
    entries: &[String],
    contexts: &[Vec<u8>],
    house: &House,
    people: &[&Arc<Person>],
    actions: &[&Made],
) {
    let mut sealed = Vec::new();
    for text in entries {
        let entry = Entry::parse(text).unwrap();
        let action = pregao_protocol::room::action::Action::parse(&entry.action).unwrap();
        if let pregao_protocol::room::body::Body::Disclose(body) = action.body() {
            sealed.push(body.sealed.as_bytes().to_vec());
        }
    }
    assert_eq!(sealed.len(), 2);
    let mut candidates: Vec<[u8; 32]> = Vec::new();
    for person in people {
        candidates.push(*person.key.expose_seed());
        candidates.push(*person.key.public().as_bytes());
    }
    candidates.extend(actions.iter().map(|made| *made.blind.expose()));
    let mut files: Vec<_> = std::fs::read_dir(house.broker.data()).unwrap().collect();
    files.retain(|file| file.as_ref().is_ok_and(|file| file.path().is_file()));
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        // Every 32 bytes on the disk, wherever they begin; and no store holds a sealing key.
        for made in actions {
            let secret = made.seal.as_ref().unwrap().expose().as_slice();
            assert!(!bytes.windows(32).any(|window| window == secret));
        }
        candidates.extend(
            bytes.chunks_exact(32).take(64).map(|chunk| <[u8; 32]>::try_from(chunk).unwrap()),
        );
    }
    let opens = |key: &SealKey| {
        let all = sealed.iter().flat_map(|sealed| contexts.iter().map(move |info| (sealed, info)));
        all.filter(|(sealed, info)| seal::open(key, info, &[], sealed).is_ok()).count()
    };
    for made in actions {
        assert_eq!(opens(made.seal.as_ref().unwrap()), 1, "whom it is for can open it");
    }
    assert!(candidates.len() > 100);
    for key in candidates.into_iter().map(SealKey::from_random) {
        assert_eq!(opens(&key), 0);
    }
}
