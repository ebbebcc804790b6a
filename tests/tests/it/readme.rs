//! What the README shows, typed as the page has it, into the real programs.
//!
//! The words come out of the page, so that page and programs cannot drift apart; what differs from
//! run to run (ports, fingerprints, names of rooms) is put in by name. A command in a block of code
//! that is not run here fails this test: the page shows nothing that nobody tried. Programs that
//! the page has built for release are those that this test was built with.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pregao_protocol::value::clock::Time;
use pregao_tests::desk::PASSPHRASE;
use pregao_tests::house::{Program, executable};
use serde_json::Value;
use tempfile::TempDir;

const PAGE: &str = include_str!("../../../README.md");

/// Every command in a block of code, in the order of the page.
fn commands() -> VecDeque<String> {
    let blocks = PAGE.split("```").skip(1).step_by(2);
    blocks
        .flat_map(|block| {
            let lines: Vec<&str> = block.lines().map(str::trim).collect();
            let prompted = lines.iter().any(|line| line.starts_with("$ "));
            let command = |line: &str| match line.strip_prefix("$ ") {
                Some(command) => Some(command.to_owned()),
                None if prompted => None,
                None => starts_a_command(line).then(|| line.to_owned()),
            };
            lines.into_iter().filter_map(command).collect::<Vec<_>>()
        })
        .collect()
}

fn starts_a_command(line: &str) -> bool {
    ["cargo ", "target/", ".ci/", "pregao"].iter().any(|word| line.starts_with(word))
}

/// Where the page is followed: a folder, the names it uses and what they are here.
struct Walk {
    folder: TempDir,
    commands: VecDeque<String>,
    known: Vec<(String, String)>,
}

impl Walk {
    fn begin() -> Self {
        let mut walk =
            Self { folder: tempfile::tempdir().unwrap(), commands: commands(), known: Vec::new() };
        for port in ["7000", "7001", "7002"] {
            // Free now, and soon again.
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            walk.is_here(&format!("127.0.0.1:{port}"), &free.to_string());
        }
        walk
    }

    /// What the page calls so is this here.
    fn is_here(&mut self, page: &str, here: &str) {
        assert!(PAGE.contains(page), "the page does not say {page} any more");
        self.known.push((page.to_owned(), here.to_owned()));
        // The longest first: one name may begin with another.
        self.known.sort_by_key(|(page, _)| std::cmp::Reverse(page.len()));
    }

    /// The next command of the page, which must begin so, with the names that are known here.
    fn next(&mut self, beginning: &str) -> String {
        let shown = self.commands.pop_front().unwrap_or_default();
        assert!(shown.starts_with(beginning), "after that the page shows {shown}, not {beginning}");
        self.known.iter().fold(shown, |text, (page, here)| text.replace(page, here))
    }

    fn path(&self) -> PathBuf {
        let programs = executable("pregao").unwrap().parent().unwrap().to_owned();
        let mut path = std::ffi::OsString::from(programs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path.into()
    }

    /// As the shell of somebody who reads the page.
    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(self.folder.path());
        shell.env("PATH", self.path()).env("PREGAO_PASSPHRASE", PASSPHRASE);
        shell.stdin(Stdio::null());
        shell
    }

    /// Runs a command to its end; whether it succeeded, and what it said.
    fn run(&self, command: &str) -> (bool, String) {
        let output = self.shell(command).output().unwrap();
        let (out, err) = (output.stdout, output.stderr);
        let text = [String::from_utf8_lossy(&out), String::from_utf8_lossy(&err)].concat();
        (output.status.success(), text)
    }

    fn succeeds(&self, command: &str) -> String {
        let (succeeded, text) = self.run(command);
        assert!(succeeded, "{command}\n{text}");
        text
    }

    fn refused(&self, command: &str) -> String {
        let (succeeded, text) = self.run(command);
        assert!(!succeeded, "{command}\n{text}");
        text
    }

    /// Starts a program that goes on, in simulated time: nobody waits for the end of an auction.
    fn start(&self, command: &str, flag: &str) -> Program {
        let log = self.folder.path().join("log");
        let name = command.split(' ').next().unwrap().to_owned();
        Program::launch(self.shell(&format!("exec {command} {flag}")), &name, &log).unwrap()
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap().to_owned()
}

/// The word after another one in a text.
fn word_after(text: &str, before: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// What this walk does not run, with who does.
const ELSEWHERE: [(&str, &str); 3] = [
    ("pregao enrol --tsa 'http://127.0.0.1:7001/#07db589f…f35' --data buyer --card", "cards.rs"),
    ("pregao enrol --data buyer --spend --proxy socks5://127.0.0.1:9050", "enrol.rs"),
    ("pregao prove 3b37 you@example.org show birth-date --data buyer", "prove.rs"),
];

#[test]
fn every_command_of_the_page_does_what_the_page_says() {
    let mut walk = Walk::begin();
    // The first blocks install, build and test: what this test is part of, and the three
    // programs that the next tests run.
    let release = "cargo build --release";
    let first = [".ci/setup && cargo demo", ".ci/setup tests && .ci/test"];
    for beginning in first.into_iter().chain([release; 3]) {
        let command = walk.next(beginning);
        for script in command.split(" && ").filter(|part| part.starts_with(".ci/")) {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
            let script = script.split(' ').next().unwrap_or(script);
            assert!(root.join(script).is_file(), "{script}");
        }
    }
    let (_tsa, _broker) = by_hand(&mut walk);
    let end = trade(&mut walk);
    settle(&mut walk, end);
    correspond(&mut walk);
    check(&mut walk);
    for (command, _) in ELSEWHERE {
        assert_eq!(walk.commands.pop_front().as_deref(), Some(command));
    }
    assert_eq!(walk.commands, VecDeque::<String>::new(), "shown and not run");
}

/// A TSA and a broker, each as its line says.
fn by_hand(walk: &mut Walk) -> (Program, Program) {
    let command = walk.next("pregao-tsa serve");
    let tsa = walk.start(&command, "--simulate");
    let authority = text(&tsa.ready, "authority");
    assert!(text(&tsa.ready, "url").ends_with(&format!("/#{authority}")));
    walk.is_here("07db589f…f35", &authority);
    // Simulated time has keys of its own.
    walk.is_here("house/tsa/ca.pem", "house/tsa/simulated/ca.pem");
    let command = walk.next("pregao-broker");
    let broker = walk.start(&command, "--accept-simulated-time");
    let fingerprint = text(&broker.ready, "fingerprint");
    walk.is_here("ffc3cfa6…bd7", &fingerprint);
    let health = format!("{}/healthz", text(&broker.ready, "ops"));
    // 503 until the first stamp of time has come.
    while ureq::get(&health).call().is_err() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    (tsa, broker)
}

/// Two people trade. Gives the end of the auction.
fn trade(walk: &mut Walk) -> Time {
    for _ in ["seller", "buyer"] {
        let enrolled = walk.next("pregao enrol");
        let said = walk.succeeds(&enrolled);
        assert_eq!(word_after(&said, "certified by CA ").len(), 64);
    }
    // A reader waits for the end; here simulated time goes there when all is done, however slow this machine is.
    walk.is_here("10 for 90s", "10 for 1h");
    let listed = walk.next("pregao list");
    let said = walk.succeeds(&listed);
    let room = word_after(&said, "receipt holds: #");
    walk.is_here("0541", &room);
    let command = walk.next("pregao items");
    let items = walk.succeeds(&command);
    assert!(items.contains("Old radio  from 10.00 EUR"), "{items}");
    let command = walk.next("pregao bid");
    assert!(walk.succeeds(&command).contains("entry 1 bid"));
    let command = walk.next("pregao bid");
    let said = walk.refused(&command);
    assert!(said.contains("(bid.too-low)") && said.contains("→ bid at least 13.50 EUR"), "{said}");
    let view = walk.succeeds("pregao items --data buyer --json");
    let view = view.lines().find(|line| line.contains(r#""event":"items""#)).unwrap();
    let view: Value = serde_json::from_str(view).unwrap();
    // Files are called by more of the room's name than its commands need.
    walk.is_here("0541150d", view["rooms"][0]["room"].as_str().unwrap().get(..8).unwrap());
    view["rooms"][0]["end"].as_str().unwrap().parse().unwrap()
}

/// The higher bid as JSON, which the page shows later than it is made here, and the disclosure.
fn settle(walk: &mut Walk, end: Time) {
    let disclosure = walk.next("pregao reveal");
    let command = walk.next("echo ");
    let said = walk.succeeds(&command);
    assert!(said.contains(r#""seq":2,"verb":"bid""#), "{said}");
    assert!(
        said.lines()
            .any(|line| line.starts_with(r#"{"event":"done","id":"1","ok":true,"act":"bid","#)),
        "{said}"
    );
    without_a_screen(walk);
    let (_, tsa) = walk.known.iter().find(|(page, _)| page == "127.0.0.1:7001").unwrap();
    let later = serde_json::json!({ "time": end.plus(std::time::Duration::from_secs(1)) });
    ureq::post(format!("http://{tsa}/api/settime")).send_json(later).unwrap();
    // Until the broker has closed and settled it there is nothing to disclose to.
    let said = loop {
        let (succeeded, said) = walk.run(&disclosure);
        if succeeded {
            break said;
        }
        assert!(said.contains("reveal.none") || said.contains("reveal.failed"), "{said}");
    };
    assert!(said.contains("\"Old radio\" is kept, sealed, until the other side"), "{said}");
}

/// The agent reads commands from a pipe that others write to, and is stopped as the page says.
fn without_a_screen(walk: &mut Walk) {
    let command = walk.next("mkfifo ");
    walk.succeeds(&command);
    let command = walk.next("pregao agent");
    let mut agent = walk.shell(&format!("exec {command}"));
    let mut agent = agent.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut says = |part: &str| {
        let mut told = lines.by_ref().inspect(|line| assert!(!line.contains("refused"), "{line}"));
        told.find(|line| line.contains(part)).expect(part)
    };
    says("connected to broker ");
    let follows = says("follows ");
    assert!(follows.contains("Old radio  14.00 EUR (2 bids)  "), "{follows}");
    assert!(follows.ends_with("you lead"), "{follows}");
    let command = walk.next("echo 'auto");
    walk.succeeds(&command);
    let answer = says("bids by itself in ");
    assert!(answer.contains("up to your ceiling"), "{answer}");
    walk.succeeds(&format!("kill {}", agent.id()));
    assert!(agent.wait().unwrap().success());
}

/// The two write to each other, never there at the same time.
fn correspond(walk: &mut Walk) {
    let command = walk.next("pregao box open radiofan");
    assert!(walk.succeeds(&command).contains("\"radiofan\": open"));
    let command = walk.next("pregao box open now");
    walk.succeeds(&command);
    let command = walk.next("pregao people");
    let found = walk.succeeds(&command);
    // Beside what else is told to who was away.
    let person = found.lines().find(|line| line.contains("  \"radiofan\"  \"old radios\""));
    let person = person.unwrap_or_else(|| panic!("{found}"));
    walk.is_here("a80c", person.split_whitespace().next().unwrap());
    let command = walk.next("pregao contact add ana");
    walk.succeeds(&command);
    let command = walk.next("pregao send ana");
    let said = walk.succeeds(&command);
    for part in ["its reader can prove to others that your box wrote it", "\"Radio\"  deposited"] {
        assert!(PAGE.contains(part) && said.contains(part), "{part}: {said}");
    }
    let command = walk.next("pregao new");
    let said = walk.succeeds(&command);
    assert!(said.contains("\"Radio\"  not read  evidence  asks for a receipt"), "{said}");
    let command = walk.next("pregao read");
    assert!(walk.succeeds(&command).contains("Is it still there?"));
    let command = walk.next("pregao ack");
    walk.succeeds(&command);
    let command = walk.next("pregao status");
    let said = walk.succeeds(&command);
    assert!(said.contains("the broker's receipt: ok"), "{said}");
    let command = walk.next("pregao status 1 now");
    let said = walk.succeeds(&command);
    assert!(said.contains("their receipt: ok"), "{said}");
    let command = walk.next("pregao export letter 1");
    walk.succeeds(&command);
    let command = walk.next("pregao verify buyer/export/1.letter");
    let said = walk.succeeds(&command);
    assert!(said.contains("Is it still there?"), "{said}");
}

/// Files, and a second opinion by `openssl`.
fn check(walk: &mut Walk) {
    let command = walk.next("pregao export");
    walk.succeeds(&command);
    let command = walk.next("pregao verify");
    // It holds, and is not over: the two have not disclosed to each other.
    let (_, said) = walk.run(&command);
    assert!(said.contains(": holds: log of room "), "{said}");
    assert!(said.contains("NOT OVER: the two have not disclosed yet"), "{said}");
    let command = walk.next("sed ");
    walk.succeeds(&command);
    let command = walk.next("pregao verify");
    let said = walk.refused(&command);
    assert!(said.contains("entry 1: the action does not hold: the signature does not"), "{said}");
    demonstration(walk);
    let persona = certificate_by_hand(walk);
    let authority = walk.known.iter().find(|(page, _)| page == "07db589f…f35").unwrap().1.clone();
    for fingerprint in [authority, persona] {
        let command = walk.next("openssl x509");
        assert!(walk.succeeds(&command).contains(&fingerprint));
    }
    let command = walk.next("openssl verify");
    assert_eq!(walk.succeeds(&command).trim(), "persona.pem: OK");
}

/// The demonstration plays alone, everything in it holds, and what it leaves can be checked again.
fn demonstration(walk: &mut Walk) {
    assert!(PAGE.contains("With `--headless`, or without a terminal,"));
    let command = walk.next("pregao-demo --headless --keep");
    let said = walk.succeeds(&command);
    assert!(said.contains(" auctions ended; "), "{said}");
    let command = walk.next("pregao verify");
    let (_, said) = walk.run(&command);
    // What ended just now may not be final yet.
    assert!(said.contains(": holds: log of room ") && said.contains("sold"), "{said}");
    assert!(!said.contains("DOES NOT HOLD"), "{said}");
    let kept = std::fs::read_dir(walk.folder.path().join("shown")).unwrap();
    let pages = kept.filter(|file| {
        file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|kind| kind == "html"))
    });
    assert_eq!(pages.count(), 3, "a page for each auction");
}

/// A persona made with `openssl` alone, by the words of the page; its fingerprint.
fn certificate_by_hand(walk: &Walk) -> String {
    for words in ["openssl genpkey -algorithm ed25519", "openssl req -new", "POST /api/sign-csr"] {
        assert!(PAGE.contains(&format!("`{words}")), "{words}");
    }
    walk.succeeds("openssl genpkey -algorithm ed25519 -out key.pem");
    walk.succeeds("openssl req -new -key key.pem -subj /CN=persona -out csr.pem");
    let (_, tsa) = walk.known.iter().find(|(page, _)| page == "127.0.0.1:7001").unwrap();
    let csr = std::fs::read_to_string(walk.folder.path().join("csr.pem")).unwrap();
    let mut answer = ureq::post(format!("http://{tsa}/api/sign-csr"))
        .send_json(serde_json::json!({ "csr": csr }))
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    std::fs::write(walk.folder.path().join("persona.pem"), text(&answer, "certificate")).unwrap();
    let said = walk.succeeds("openssl pkey -in key.pem -pubout -outform DER | sha256sum");
    said.split_whitespace().next().unwrap().to_owned()
}

/// The program that the page starts by a line, among those built beside this test.
fn shown(program: &str) -> (PathBuf, Vec<String>) {
    let line = commands().into_iter().find(|line| line.contains(program)).unwrap();
    let (_, part) = line.rsplit_once("target/").unwrap();
    let (_profile, part) = part.split_once('/').unwrap();
    let mut words = part.split_whitespace().map(str::to_owned);
    (executable(&words.next().unwrap()).unwrap(), words.collect())
}

#[test]
fn the_benchmark_runs_at_its_smallest_sizes() {
    assert!(PAGE.contains("With `--smallest` it runs everything once"));
    let (bench, words) = shown("pregao-bench");
    let output = Command::new(bench).args(words).arg("--smallest").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "primitive: ",
        "stamps, ",
        "bids, ",
        "to final, ",
        "fan-out, ",
        "memory of an idle connection",
        "flood, ",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn the_simulation_keeps_every_promise() {
    let (simulation, words) = shown("pregao-sim");
    let output = Command::new(simulation).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("20 seeds in"), "{said}");
}

/// Commands within the text: what they name must exist, with these options.
#[test]
fn every_command_in_the_text_is_understood() {
    let outside: String = PAGE.split("```").step_by(2).collect();
    let spans = outside.split('`').skip(1).step_by(2);
    let mut tried = 0;
    for span in spans {
        let mut words = span.split_whitespace();
        let program = words.next().unwrap_or_default();
        let ours =
            ["pregao", "pregao-tsa", "pregao-broker", "pregao-demo", "pregao-bench", "pregao-sim"];
        if !ours.contains(&program) {
            continue;
        }
        // An option alone means itself with any value.
        let value = span.ends_with("--data").then_some(".");
        // After all other words, which are read first: one that is not understood is refused.
        let mut command = Command::new(executable(program).unwrap());
        command.args(words.map(|word| word.trim_matches('\''))).args(value).arg("--help");
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{span}\n{}", String::from_utf8_lossy(&output.stderr));
        tried += 1;
    }
    assert!(tried > 8, "only {tried} were found");
}
