//! The corpus of the fuzzers as ordinary tests: each file of it, and thousands of alterations.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a fault anywhere ends the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use pregao::command::{ChatInput, read_line};
use pregao::event::Event;
use pregao_broker::store::Log as _;
use pregao_broker::store::sqlite::SqliteLog;
use pregao_protocol::audit::letter::{ShownLetter, Way};
use pregao_protocol::letter::{Content, Letter, Mode};
use pregao_protocol::log::merkle::{Frontier, Tree, consistency_path, leaf_hash};
use pregao_protocol::log::transcript::{Transcript, TranscriptLine};
use pregao_protocol::log::{Entry, Head, Receipt, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::trust::certificate::pem_to_der;
use pregao_protocol::trust::jwks::verify_jwks_by_wall_clock;
use pregao_protocol::trust::jws;
use pregao_protocol::trust::key::{Fingerprint, SecretKey, StampKey};
use pregao_protocol::trust::pass::{Day, PassRequest, PassSecret};
use pregao_protocol::trust::timelock::OpenedLock;
use pregao_protocol::trust::timelock::{Master, TimeLock};
use pregao_protocol::value::codec::{Digest, to_base64url};
use pregao_protocol::value::label;
use pregao_protocol::wire::blob::{BlobClass, BlobFrame, Piece, Purpose, Reached, Say};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::tsa::TimeLockAnswer;
use pregao_protocol::wire::tsa::stream::StampRequest;
use pregao_protocol::wire::tsa::{
    CitizenOffer, NewChallenge, ResetTime, SetTime, SignCsr, Timestamp, TsaRequest as _, path,
};
use pregao_protocol::wire::witness::AddCheckpoint;
use pregao_test_pki::{Pki, Plan};
use pregao_tests::desk::{Desk, enrol, vault};
use pregao_tests::fuzz::formats::TIMELOCK_SEED;
use pregao_tests::fuzz::{
    Alterations, Altered, TARGETS, Target, Verdict, formats, letters, session,
};
use pregao_tests::gate::Gate;
use pregao_tests::house::{House, Options};
use pregao_tests::liar::{BrokerSecrets, Down, Liar, Lie};
use pregao_tests::peer::{Peer, Person, Terms, random};
use pregao_tests::sim::run;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

/// Alterations of the corpus that an ordinary run tries, for each target.
const ALTERATIONS: usize = 600;
/// What a file is called that a fuzzer found, by the fault that it showed: the corpus is made again
/// without it.
const FOUND: &str = "found-";

fn corpus_of(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The files of a target's corpus by name.
fn corpus(target: &Target) -> BTreeMap<String, Vec<u8>> {
    let folder = corpus_of(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let read = |file: fs::DirEntry| {
        (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())
    };
    files.map(|file| read(file.unwrap())).collect()
}

/// What a target makes of bytes; those that it panics over are shown.
fn run(target: &Target, bytes: &[u8]) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).unwrap_or_else(|_| {
        panic!("{} over these bytes: {:?}", target.name, bytes.escape_ascii().to_string())
    })
}

/// Hands targets out to as many threads as there are processors.
fn for_each_target(test: impl Fn(&Target) + Sync) {
    let left = Mutex::new(TARGETS.iter());
    let work = || {
        loop {
            let Some(target) = left.lock().next() else { break };
            test(target);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn what_programs_wrote_is_taken() {
    for target in TARGETS {
        let files = corpus(target);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for (name, bytes) in &files {
            let verdict = run(target, bytes);
            assert!(
                verdict == Verdict::Taken || name.starts_with(FOUND),
                "{}/{name} is refused: if the format has changed, make the corpus again",
                target.name
            );
        }
    }
}

#[test]
fn the_corpus_and_the_fuzzers_have_a_place_for_every_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{}", target.name);
        let source = fuzz.join("fuzz_targets").join(target.name).with_extension("rs");
        let source = fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("run(\"{}\"", target.name)), "{source}");
    }
    for folder in fs::read_dir(fuzz.join("corpus")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|target| target.name == name), "a corpus of nothing: {name}");
    }
}

#[test]
fn altered_bytes_break_no_promise() {
    for_each_target(|target| {
        let files: Vec<Vec<u8>> = corpus(target).into_values().collect();
        let each = ALTERATIONS.div_ceil(files.len());
        for (seed, bytes) in files.iter().enumerate() {
            for altered in Alterations::of(bytes, &files, seed as u64).take(each) {
                let verdict = run(target, &altered);
                let known = target.altered == Altered::MayPass || files.contains(&altered);
                assert!(
                    known || verdict == Verdict::Refused,
                    "{} takes what nobody sealed: {:?}",
                    target.name,
                    altered.escape_ascii().to_string()
                );
            }
        }
    });
}

#[test]
fn one_flipped_bit_anywhere_opens_no_seal() {
    for_each_target(|target| {
        if target.altered == Altered::MayPass {
            return;
        }
        let files = corpus(target);
        let Some(bytes) = files.values().min_by_key(|bytes| bytes.len()) else { return };
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (at % 8);
            assert_eq!(run(target, &altered), Verdict::Refused, "{} at {at}", target.name);
        }
    });
}

#[test]
fn what_is_longer_than_its_limit_is_refused() {
    for (name, limit) in [
        ("frame_from_peer", label::MAX_FRAME),
        ("frame_from_broker", label::MAX_FRAME),
        ("entry", label::MAX_ENTRY),
        ("receipt", label::MAX_RECEIPT),
        ("letter_shown", label::MAX_SHOWN),
        ("tsa_stream", pregao_protocol::wire::tsa::stream::MAX_ANSWER),
    ] {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        for (file, mut bytes) in corpus(target) {
            // White space changes nothing in JSON but the length.
            bytes.resize(limit + 1, b' ');
            assert_eq!(run(target, &bytes), Verdict::Refused, "{name}/{file}");
        }
    }
}

/// Writes the corpus again, by what real programs say to each other: after a format has changed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes the corpus: cargo build --workspace, then this test alone"]
async fn make_the_corpus() {
    let shelf = Shelf::default();
    let own = shelf.clone();
    tokio::task::spawn_blocking(move || {
        typed(&own);
        judged(&own);
        sealed(&own);
        locked(&own);
        ruled(&own);
        written(&own);
        witnessed(&own);
        citizens(&own);
        logged(&own);
    })
    .await
    .unwrap();
    let house = House::open(&Options::default()).unwrap();
    heard(&shelf, &house).await;
    lied(&shelf, &house).await;
    asked(&shelf, &house).await;
    certified(&shelf, &house).await;
    for target in TARGETS {
        let folder = corpus_of(target.name);
        fs::create_dir_all(&folder).unwrap();
        for file in fs::read_dir(&folder).unwrap() {
            let file = file.unwrap();
            if !file.file_name().to_string_lossy().starts_with(FOUND) {
                fs::remove_file(file.path()).unwrap();
            }
        }
    }
    for ((target, name), bytes) in shelf.0.lock().iter() {
        fs::write(corpus_of(target).join(name), bytes).unwrap();
    }
}

/// Files by target and name.
type Files = BTreeMap<(&'static str, String), Vec<u8>>;

/// Where files are kept until all are there.
#[derive(Default, Clone)]
struct Shelf(Arc<Mutex<Files>>);

impl Shelf {
    /// Keeps a file, unless there is one of that name.
    fn put(&self, target: &'static str, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        assert!(TARGETS.iter().any(|known| known.name == target), "{target}");
        self.0.lock().entry((target, name.into())).or_insert(bytes.into());
    }

    /// Keeps an entry under its verb, with what is in it.
    fn put_entry(&self, text: &str) {
        let entry = Entry::parse(text).unwrap();
        let verb = Action::parse(&entry.action).unwrap().body().verb().as_str();
        self.put("entry", verb, text.as_bytes());
        let payload = jws::dangerous_payload(&entry.action, label::MAX_ACTION).unwrap();
        self.put("action_payload", verb, payload);
        self.put("action", verb, entry.action);
    }

    /// Keeps a frame under the name of its kind; long ones say no more than short ones.
    fn put_frame(&self, target: &'static str, bytes: &[u8]) {
        let frame: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let kind = frame.as_object().unwrap().keys().next().unwrap();
        let mut files = self.0.lock();
        let file = files.entry((target, kind.clone())).or_insert_with(|| bytes.to_vec());
        if (200..file.len()).contains(&bytes.len()) {
            *file = bytes.to_vec();
        }
    }
}

/// Rules of sellers.
fn ruled(shelf: &Shelf) {
    for (name, source) in [
        (
            "answers",
            "// Fives\nif amount % 500 != 0 { \"only \\\"fives\\\" \\\\\" } else if bids > 3 { false } else { true }",
        ),
        (
            "numbers",
            "let ten = highest / 10 * -1; amount - ten >= 1_000 && !(-9223372036854775807 < ten % 7)",
        ),
        (
            "texts",
            "\"a\" == \"b\" || elapsed + remaining != 0 && (if start <= 5 { true } else { least > 3 })",
        ),
    ] {
        shelf.put("rule", name, source);
    }
}

/// Letters: what they say, sealed, shown to others, in frames, and what pays for them.
fn written(shelf: &Shelf) {
    for made in pregao_tests::broken::files(1, 0, &[]) {
        let (letter, timeline) =
            (made.name.strip_prefix("good-letter-"), made.name.strip_prefix("good-timeline-"));
        let timeline =
            timeline.map(|name| format!("timeline-{}", name.trim_end_matches(".letter")));
        let letter = letter.map(|name| name.trim_end_matches(".letter").to_owned());
        let Some(name) = letter.or(timeline) else { continue };
        if let Ok(shown) = ShownLetter::parse(std::str::from_utf8(&made.bytes).unwrap())
            && let Way::Reader(by) = &shown.shown
        {
            shelf.put("letter_content", &name, by.content.as_bytes());
            let (content, _) = Content::parse(by.content.as_bytes()).unwrap();
            if let Content::Letter(letter) = content {
                enveloped(shelf, &name, &letter);
            }
        }
        shelf.put("letter_shown", name, made.bytes);
    }
    let pair = KeyPair::generate(KeySize::Rsa3072).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let secret = PassSecret::from_pkcs8(Day(20_878), der.as_ref()).unwrap();
    let key = secret.key(Fingerprint([7; 32])).unwrap();
    let request = PassRequest::new(&key, [1; 32], [2; 32]).unwrap();
    let signed = secret.sign(request.blinded(), [9; 32]).unwrap();
    shelf.put("pass", "pass", request.finish(&key, &signed).unwrap().encode());
}

/// A letter in both modes, as it is and registered, in envelopes and frames.
fn enveloped(shelf: &Shelf, name: &str, letter: &Letter) {
    for (mode, with_once) in [(Mode::Evidence, true), (Mode::Deniable, false)] {
        let letter = Letter { from: letters::address(), mode, ..letter.clone() };
        let registered = letters::registered(letter.clone());
        let kind = if with_once { "evidence" } else { "deniable" };
        for (content, kind) in [
            (Content::Letter(letter), kind.to_owned()),
            (Content::Registered(registered), format!("{kind}-registered")),
        ] {
            let sealed = letters::sealed(&content, with_once);
            let name = format!("{name}-{kind}");
            shelf.put("letter_envelope", &name, sealed.envelope.as_slice());
            shelf.put("letter_content", &name, sealed.content.to_vec());
            // A frame carries whatever is sealed: of each sort one is enough.
            if !kind.ends_with("registered") {
                framed(shelf, &name, &sealed.envelope);
            }
        }
    }
}

/// An envelope as it is put, got and answered.
fn framed(shelf: &Shelf, name: &str, envelope: &[u8]) {
    let (class, digest) = (BlobClass::of(envelope.len() as u64).unwrap(), Digest::of(envelope));
    let piece = Piece::new(class, 0, envelope).unwrap();
    let reached = Reached::new(class, class.size()).unwrap();
    for (kind, say) in [
        ("put", Say::Put(piece)),
        ("piece", Say::Piece(piece)),
        ("get", Say::Get(0)),
        ("more", Say::More(reached)),
        ("stop", Say::Stop),
    ] {
        let frame = BlobFrame { n: 7, purpose: Purpose::Envelope, digest, say };
        shelf.put("blob_frame", format!("{kind}-{name}"), frame.encode().unwrap());
    }
}

/// What people type, and scripts write.
fn typed(shelf: &Shelf) {
    let lines = [
        r#"/list "A lamp" 100 EUR for 10m step 5 extend 30s description "Of brass""#,
        "/list Lamp 99.50 for 1h30m",
        "/bid #3f2a 120.00 EUR",
        "/bid 119.50",
        "/say #3f2a is it still there?",
        "// no command",
        "/reveal Ana ana@example.org",
        "/prove contact ana@example.org",
        "/join 3f2a",
        "/leave #3f2a",
        "/withdraw",
        "/export 3f2a",
        "/evidence show 3f2a91c0",
        "/items",
        "/mine",
        "/whoami",
        "/receipts",
        "/help bid",
        "/quit",
        "good morning",
    ];
    let room = "3f2a3f2a".repeat(8);
    let mut script = String::new();
    for (number, line) in lines.iter().enumerate() {
        let Ok(ChatInput::Command(command)) = read_line(line, Some(&room)) else {
            panic!("no command: {line}")
        };
        let kind = command.usage().name;
        shelf.put("command_line", format!("{number:02}-{kind}"), *line);
        let mut asked = serde_json::to_value(&command).unwrap();
        asked["id"] = json!(number);
        let asked = format!("{asked}\n");
        shelf.put("json_line", kind, asked.as_str());
        script.push_str(&asked);
    }
    shelf.put("json_line", "script", script);
    shelf.put(
        "json_line",
        "yes",
        "\u{feff}{\"id\":\"a\",\"yes\":true,\"command\":\"items\"}\r\n\n",
    );
    let pin = "00112233445566778899aabbccddeeff".repeat(2);
    for (name, text) in [
        ("amount", "119.50"),
        ("currency", "EUR"),
        ("largest", "90071992547409.91"),
        ("span", "1d2h3m4s"),
        ("time", "2027-01-01T00:00:00.000000Z"),
        ("broker", &format!("ws://127.0.0.1:7000/#{pin}")),
        ("tsa", &format!("http://127.0.0.1:7001/#{pin}")),
    ] {
        shelf.put("reader", name, text);
    }
}

/// Transcripts and receipts of every kind.
fn judged(shelf: &Shelf) {
    let receipts = ["good-disclosed.receipt", "good-sold.receipt", "good-witnessed.receipt"];
    for made in pregao_tests::broken::files(1, 0, &[]) {
        let whole = made.name.ends_with(".log") && !made.name.ends_with("-bare.log");
        if whole || receipts.contains(&made.name.as_str()) {
            shelf.put("verdict", made.name, made.bytes);
        }
    }
}

/// Time-locks, before their instant and after.
fn locked(shelf: &Shelf) {
    let key = SecretKey::<StampKey>::from_seed(&TIMELOCK_SEED);
    let (at, secret) = (1_800_000_000, Master::from_random([7; 32]).secret(1_800_000_000));
    for (name, simulated, opened) in [("kept", false, None), ("opened", true, Some(&secret))] {
        let tsa = key.public().fingerprint();
        let statement = TimeLock { tsa, at, key: secret.public(), simulated }.sign(&key);
        let secret = opened.map(|secret| OpenedLock(*secret.expose()));
        let answer = TimeLockAnswer { statement, secret };
        shelf.put("timelock", name, serde_json::to_string(&answer).unwrap());
    }
}

/// What sessions and heads of fixed keys say.
fn sealed(shelf: &Shelf) {
    for step in 0..5 {
        shelf.put("handshake", format!("step-{step}"), session::honest_message(step, step % 4));
    }
    for (chosen, frame) in [b"".as_slice(), b"{}", &[b'x'; 300], &[0; 3000]].iter().enumerate() {
        let chosen = u8::try_from(chosen).unwrap();
        let record = session::honest_record(chosen, 3 - chosen, frame);
        shelf.put("session_record", format!("suite-{chosen}"), record);
    }
    let (key, origin) = formats::log_of_heads();
    for (name, size) in [("empty", 0), ("one", 1), ("largest", label::MAX_LOG_SIZE)] {
        let head = Head { origin, size, root: Digest::of(name.as_bytes()) };
        let note = head.sign(&key);
        shelf.put("head_text", name, format!("{}\n", note.split_once("\n\n").unwrap().0));
        shelf.put("head", name, note);
    }
}

/// What a broker asks of a witness.
fn witnessed(shelf: &Shelf) {
    let (key, origin) = formats::log_of_heads();
    let tree = Tree::new((0..7_u8).map(|n| leaf_hash(&[n])).collect());
    let root = |size| Frontier::restore(&tree, size).unwrap().root();
    for (name, old, size) in [("first", 0, 3), ("next", 3, 7), ("again", 7, 7), ("whole", 4, 7)] {
        let proof = consistency_path(&tree, old, size).unwrap();
        let checkpoint = Head { origin, size, root: root(size) }.sign(&key);
        shelf.put("add_checkpoint", name, AddCheckpoint { old, proof, checkpoint }.encode());
    }
    let checkpoint = Head { origin, size: label::MAX_LOG_SIZE, root: root(7) }.sign(&key);
    let proof = (0..63).map(|n| Digest([n; 32])).collect();
    let longest = AddCheckpoint { old: label::MAX_LOG_SIZE - 1, proof, checkpoint };
    shelf.put("add_checkpoint", "longest", longest.encode());
}

/// What the state publishes.
fn citizens(shelf: &Shelf) {
    let pki = Pki::new(Plan::quick(1_798_761_600));
    let put = |name: &str, place: u8, bytes: &[u8]| {
        shelf.put("citizen_file", name, [&[place], bytes].concat());
    };
    put("anchor", b'a', &pki.anchors()[0]);
    put("anchor-pem", b'a', pki.root().pem().as_bytes());
    put("intermediate", b'i', &pki.intermediates()[0]);
    put("list", b'l', &pki.lists()[0]);
    put("list-of-cards", b'l', &pki.lists()[2]);
}

/// Entries of every verb, out of simulated houses and of rooms that these do not have.
fn logged(shelf: &Shelf) {
    for seed in [9, 1, 2] {
        let left = run::leave(seed, false).unwrap().0.unwrap();
        let log = SqliteLog::open(&left.store).unwrap();
        for room in log.rooms().unwrap() {
            for stored in log.read(&room.name, 0, 256).unwrap() {
                shelf.put_entry(&stored.text);
            }
        }
    }
    // Boxes and keys of passes, which nobody has in those houses.
    for made in pregao_tests::broken::files(1, 0, &[]) {
        let text = std::str::from_utf8(&made.bytes).unwrap();
        let apart = ["good-box-", "good-passes-"].iter().any(|kind| made.name.starts_with(kind));
        let Some(log) = Transcript::of(text).filter(|_| apart) else { continue };
        for line in log.lines() {
            if let TranscriptLine::Entry(entry) = line {
                shelf.put_entry(entry);
            }
        }
    }
}

/// Passes everything on and keeps a frame of each kind.
struct Listening(Shelf);

impl Lie for Listening {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        self.0.put_frame("frame_from_broker", &frame.encode().unwrap());
        vec![frame]
    }

    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        self.0.put_frame("frame_from_peer", &frame.encode().unwrap());
        None
    }
}

async fn guest(house: &House) -> Peer {
    let tsa = house.tsa.address.clone();
    let person = tokio::task::spawn_blocking(move || Person::enrol(&tsa).unwrap()).await.unwrap();
    Peer::connect(&person, &house.broker.address).await.unwrap()
}

/// Frames of both sides, files that a desk writes, and requests to a TSA.
async fn heard(shelf: &Shelf, house: &House) {
    let mut other = guest(house).await;
    other.record = true;
    let gate = Gate::before(&house.tsa.address.url).await.unwrap();
    let folder = house.folder.path().join("listener");
    let behind = house.tsa.address_at(&gate.socket);
    enrol(&folder, &behind).await.unwrap();
    let liar = Liar::before(house, &folder, Listening(shelf.clone())).await.unwrap();
    let mut desk = Desk::start(&folder, &liar.address).unwrap();
    let list = json!({ "command": "list", "title": "A lamp", "start": "1", "for": "8s", "fixed_end": true });
    assert!(desk.ask(list).await.unwrap());
    let room = desk.ever(|event| match event {
        Event::Room(view) if view.own => Some(view.room.clone()),
        _ => None,
    });
    let room = room.await.unwrap();
    let name: RoomName = room.parse().unwrap();
    other.join(name).await.unwrap();
    other.bid(name, 200).await.unwrap().1.logged().unwrap();
    desk.verified(&room, 2).await.unwrap();
    let say = json!({ "command": "say", "room": room, "text": "good morning" });
    assert!(desk.ask(say).await.unwrap());
    desk.verified(&room, 3).await.unwrap();
    assert!(desk.ask(json!({ "command": "export", "room": room })).await.unwrap());
    // What is refused, in each way.
    let _ = other.bid(name, 1).await.unwrap();
    assert!(other.stamps(Vec::new()).await.is_err());
    assert!(other.join(RoomName([7; 32])).await.is_err());
    // A proof of membership is bound to a session, and the listener's are two: of what is private it
    // hears how it begins.
    let invited = ("frame_from_broker", "invited".to_owned());
    while !shelf.0.lock().contains_key(&invited) {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let _ = desk.ask(json!({ "command": "leave", "room": room })).await.unwrap();
    let _ = desk.end().await;
    for frame in &other.frames {
        shelf.put_frame("frame_from_broker", frame);
    }
    let kept = vault(&folder).unwrap();
    for kept in
        kept.actions.iter().filter_map(|kept| Some((kept.verb.as_str(), kept.receipt.as_ref()?)))
    {
        let receipt = Receipt::parse(&kept.1.to_string()).unwrap().encode();
        shelf.put("receipt", kept.0, receipt.as_bytes());
        shelf.put("transcript", "receipt", receipt);
    }
    let exported = fs::read_dir(folder.join("export")).unwrap();
    for file in exported.map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|kind| kind == "log") {
            shelf.put("transcript", "log", fs::read(file).unwrap());
        }
    }
    for asked in gate.take() {
        let kind = asked.path.rsplit('/').next().unwrap_or_default().to_owned();
        // The key set is no answer to a request that is posted.
        for (side, body) in [("request", &asked.body), ("answer", &asked.answer)] {
            if body.is_object() && !kind.contains('.') {
                shelf.put("tsa_request", format!("{kind}-{side}"), body.to_string());
            }
        }
    }
}

/// Evidence, as a desk keeps it.
async fn lied(shelf: &Shelf, house: &House) {
    let folder = house.folder.path().join("victim");
    enrol(&folder, &house.tsa.address).await.unwrap();
    let mut seller = guest(house).await;
    let end = seller.in_seconds(600).await.unwrap();
    let room = seller.list(&Terms::until(end)).await.unwrap().action.room();
    let broker = house.broker.address.fingerprint;
    let secrets = BrokerSecrets::read(house.broker.data()).unwrap();
    let forging = Down(move |mut frame| {
        if let FromBroker::Entries { room: of, head: Some(head), .. } = &mut frame
            && *of == room
        {
            let origin = pregao_protocol::log::Origin { broker, room };
            *head = Head { origin, size: 1, root: Digest(random()) }.sign(&secrets.head);
        }
        vec![frame]
    });
    let liar = Liar::before(house, &folder, forging).await.unwrap();
    let mut desk = Desk::start(&folder, &liar.address).unwrap();
    desk.alarm().await.unwrap();
    for (name, text) in desk.evidence().unwrap() {
        if pregao_protocol::audit::evidence::Evidence::parse(&text).is_ok() {
            let kind = name.split('-').next().unwrap_or_default().to_owned();
            shelf.put("evidence", kind, text.as_bytes());
            shelf.put("transcript", "evidence", text);
        }
    }
    let _ = desk.end().await;
}

/// What a TSA is asked, and what it answers.
async fn asked(shelf: &Shelf, house: &House) {
    let address = house.tsa.address.clone();
    let digest = Digest::of(b"an action");
    let stamped = Timestamp { digest };
    shelf.put("tsa_request", "timestamp", stamped.encode());
    shelf.put("tsa_request", "sign-csr", SignCsr::default().encode());
    shelf.put("tsa_request", "nothing", CitizenOffer {}.encode());
    shelf.put("tsa_request", "settime", SetTime { time: "2027-01-01T00:00:00Z".into() }.encode());
    shelf.put("tsa_request", "resettime", ResetTime {}.encode());
    let asking = address.clone();
    let (stamp, challenge) = tokio::task::spawn_blocking(move || {
        let stamp = ureq::post(asking.endpoint(path::TIMESTAMP)).send_json(stamped);
        let stamp = stamp.unwrap().body_mut().read_to_vec().unwrap();
        let challenge = ureq::post(asking.endpoint(path::CHALLENGE)).send_json(NewChallenge {});
        (stamp, challenge.unwrap().body_mut().read_to_vec().unwrap())
    })
    .await
    .unwrap();
    shelf.put("tsa_request", "stamp", stamp);
    shelf.put("tsa_request", "challenge", challenge);

    let (mut socket, _) = tokio_tungstenite::connect_async(address.stream()).await.unwrap();
    let request = StampRequest { id: 7, digests: vec![digest, Digest([9; 32])] }.encode();
    shelf.put("tsa_stream", "request", request.as_str());
    socket.send(Message::text(request)).await.unwrap();
    socket.send(Message::text(StampRequest { id: 8, digests: Vec::new() }.encode())).await.unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    while kinds.len() < 3 {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        let kind =
            ["stamps", "code"].into_iter().find(|kind| text.contains(&format!("\"{kind}\"")));
        let kind = kind.unwrap_or("batch");
        kinds.insert(kind);
        shelf.put("tsa_stream", kind, text.as_bytes());
    }
}

/// Certificates and the key set of a TSA.
async fn certified(shelf: &Shelf, house: &House) {
    let address = house.tsa.address.clone();
    let get = move |path: &str| {
        let mut answer = ureq::get(address.endpoint(path)).call().unwrap();
        answer.body_mut().read_to_vec().unwrap()
    };
    let (jwks, ca) =
        tokio::task::spawn_blocking(move || (get(path::JWKS), get(path::CA))).await.unwrap();
    let pin = house.tsa.address.authority.unwrap();
    let now = pregao::host::system().clock.wall();
    let keys = verify_jwks_by_wall_clock(&jwks, Some(pin), now).unwrap();
    shelf.put("jwks", "house", [format!("{now} {pin}\n").as_bytes(), &jwks].concat());
    let key = to_base64url(keys.authority.as_bytes());
    let line = format!("{now} {key}\n").into_bytes();
    let ca = pem_to_der(std::str::from_utf8(&ca).unwrap(), "CERTIFICATE").unwrap();
    shelf.put("certificate", "authority", [line.as_slice(), &ca].concat());
    let persona = vault(&house.folder.path().join("victim")).unwrap().certificate;
    shelf.put("certificate", "persona", [line.as_slice(), &persona].concat());
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&pair).unwrap();
    shelf.put("certificate", "request", [line.as_slice(), request.der()].concat());
}
