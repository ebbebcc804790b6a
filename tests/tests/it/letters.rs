//! Letters between two people who are never there together, each command a program of its own.

use std::path::{Path, PathBuf};

use pregao_tests::desk::{enrol, pregao};
use pregao_tests::house::{House, Options};

/// Two people at a broker that gives passes, both certified, neither there.
struct Pair {
    house: House,
    ana: PathBuf,
    rui: PathBuf,
}

async fn pair() -> Pair {
    let house = House::open(&Options::default().broker("--passes-per-day 20")).unwrap();
    let folder = |name: &str| house.folder.path().join(name);
    let (ana, rui) = (folder("ana"), folder("rui"));
    enrol(&ana, &house.tsa.address).await.unwrap();
    enrol(&rui, &house.tsa.address).await.unwrap();
    Pair { house, ana, rui }
}

impl Pair {
    /// What a program says that did as it was told.
    async fn says(&self, who: &Path, words: &[&str]) -> String {
        let (code, text) = self.runs(who, words).await;
        assert_eq!(code, Some(0), "{words:?}: {text}");
        text
    }

    async fn runs(&self, who: &Path, words: &[&str]) -> (Option<i32>, String) {
        let address = self.house.broker.address.to_string();
        let words = [words, &["--broker", &address]].concat();
        let ran = pregao(who, &words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"));
        (ran.code, ran.text)
    }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The six entries of the menu of a message repository: list users, send, new messages, all messages, receive, receipt
/// and status.
#[tokio::test(flavor = "multi_thread")]
async fn two_who_are_never_there_together_do_all_that_the_menu_has() {
    let pair = pair().await;
    let (ana, rui) = (&pair.ana, &pair.rui);
    let opened = pair.says(ana, &["box", "open", "ana", "about", "old radios", "now"]).await;
    has(&opened, &["the broker may guess that it is yours", "\"ana\": open", "pregao-box:"]);

    assert_eq!(pair.runs(rui, &["send", "ana", "Is it still there?"]).await.0, Some(1));
    has(&pair.says(rui, &["box", "open", "now"]).await, &["in no list", ": open"]);
    let people = pair.says(rui, &["people", "radio"]).await;
    has(&people, &["\"ana\"", "\"old radios\""]);
    let name = people.split_whitespace().next().unwrap();
    has(&pair.says(rui, &["contact", "add", "ana", name]).await, &["not compared yet"]);
    let letter =
        ["send", "ana", "Is it still there?", "subject", "Radio", "receipt", "evidence", "now"];
    let sent = pair.says(rui, &letter).await;
    has(&sent, &["evidence: its reader can prove", "not compared", "on its way", "deposited"]);

    let new = pair.says(ana, &["new"]).await;
    has(&new, &["1  from box", "\"Radio\"  not read  evidence  asks for a receipt", "1 not read"]);
    assert_eq!(new.matches("Radio").count(), 1, "told twice: {new}");
    has(&pair.says(ana, &["read", "1"]).await, &["Is it still there?", "you can prove to others"]);
    let told = pair.says(ana, &["ack", "1", "now"]).await;
    has(&told, &["a receipt leaves now", "the receipt for letter 1 was sent"]);
    assert!(!told.contains("has not left"), "{told}");
    let theirs = new.split_whitespace().skip_while(|word| *word != "box").nth(1).unwrap();
    let answer = ["send", theirs, "It is.", "re", "1", "deniable", "now"];
    has(&pair.says(ana, &answer).await, &["deniable: its reader can prove nothing", "deposited"]);
    has(&pair.says(ana, &["mail"]).await, &["acknowledged", "all read"]);

    has(
        &pair.says(rui, &["status", "1"]).await,
        &["the broker's receipt: ok", "their receipt: ok"],
    );
    has(&pair.says(rui, &["mail", "received"]).await, &["2  from ana", "deniable", "1 not read"]);
    has(&pair.says(rui, &["read", "2"]).await, &["It is.", "convinces you and nobody else"]);
    assert_eq!(pair.runs(rui, &["read", "9"]).await.0, Some(1));

    // Who reads it last shows it to others: of what is evidence they see who wrote it, of the rest nothing.
    let written = pair.says(ana, &["export", "letter", "1"]).await;
    let judged = verified(&pair, &written, ".letter").await;
    has(&judged, &["holds", "Is it still there?"]);
}

/// What `verify` says of a file that was written, beside the certificate and held to the broker's fingerprint.
async fn verified(pair: &Pair, written: &str, ending: &str) -> String {
    let path = |ending: &str| {
        let mut found = written.split_whitespace().map(|word| word.trim_end_matches(':'));
        found.rfind(|word| word.ends_with(ending)).unwrap_or_else(|| panic!("{ending}: {written}"))
    };
    let (file, certificate) = (path(ending), path(".certificate"));
    // Whoever has the file alone does not learn whose word it is.
    let broker = pair.house.broker.address.to_string();
    let alone = pregao(&pair.rui, &["verify", file, "--broker", &broker]).await.unwrap();
    assert_eq!(alone.code, Some(1), "{}", alone.text);
    has(&alone.text, &["the certificate is missing"]);
    let judged = pregao(&pair.rui, &["verify", file, certificate, "--broker", &broker]).await;
    let judged = judged.unwrap();
    assert_eq!(judged.code, Some(0), "{}", judged.text);
    has(&judged.text, &["(as you gave it)", "certificate of a broker"]);
    judged.text
}

/// A registered letter is signed for, and its sender, who has nothing but its receipt, shows that to others.
#[tokio::test(flavor = "multi_thread")]
async fn v361_who_sends_a_registered_letter_hears_and_shows_that_it_was_signed_for() {
    let pair = pair().await;
    let (ana, rui) = (&pair.ana, &pair.rui);
    pair.says(ana, &["box", "open", "ana", "now"]).await;
    pair.says(rui, &["box", "open", "now"]).await;
    let people = pair.says(rui, &["people"]).await;
    let name = people.split_whitespace().next().unwrap();
    pair.says(rui, &["contact", "add", "ana", name]).await;
    let letter =
        ["send", "ana", "Pay by Friday.", "subject", "Rent", "evidence", "registered", "now"];
    has(&pair.says(rui, &letter).await, &["deposited"]);
    has(&pair.says(rui, &["send", "ana", "Or do not.", "deniable", "now"]).await, &["deposited"]);
    // Nothing happened yet, and that is said.
    let status = pair.says(rui, &["status", "1", "now"]).await;
    has(&status, &["the broker's receipt: ok", "neither accepted nor declined"]);
    let written = pair.says(rui, &["export", "letter", "1"]).await;
    has(&written, &["what became of it after it was left is not known here"]);

    has(&pair.says(ana, &["new"]).await, &["\"Rent\"", "2 not read"]);
    // A deniable letter that is not read yet: that it was left is all that anybody else sees of it.
    let written = pair.says(ana, &["export", "letter", "2"]).await;
    has(&written, &["the letter is deniable", "it does not prove that you wrote it"]);
    let ending = if written.contains("2.deposit") { "2.deposit" } else { "2.receipt" };
    let judged = verified(&pair, &written, ending).await;
    assert!(!judged.contains("Or do not."), "{judged}");
    has(&pair.says(ana, &["accept", "1"]).await, &[]);
    has(&pair.says(ana, &["read", "1"]).await, &["Pay by Friday.", "you accepted it"]);

    let status = pair.says(rui, &["status", "1", "now"]).await;
    has(
        &status,
        &["signed for by its reader at", "handed over by the broker", "place and stamp: ok"],
    );
    assert!(!status.contains("not hold"), "{status}");
    let written = pair.says(rui, &["export", "letter", "1", "html"]).await;
    has(&written, &["1.letter.html", "2 entries of the log"]);
    let judged = verified(&pair, &written, "1.letter").await;
    let told = ["accepted by the box's owner: a receipt for it", "Pay by Friday.", "timeline"];
    has(&judged, &told);
    // Of the deniable one its sender shows what the log says, and no more.
    let written = pair.says(rui, &["export", "letter", "2"]).await;
    has(&written, &["the letter is deniable"]);
    let ending = if written.contains("2.deposit") { "2.deposit" } else { "2.receipt" };
    let judged = verified(&pair, &written, ending).await;
    assert!(!judged.contains("Or do not."), "{judged}");
}

/// What is not sent is kept, by whatever command it was written, and to whom nothing goes is said before.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_leave_is_a_draft_and_to_whom_nothing_goes_is_said() {
    let pair = pair().await;
    let (ana, rui) = (&pair.ana, &pair.rui);
    has(&pair.says(ana, &["box", "open", "ana", "now"]).await, &[": open"]);
    has(&pair.says(rui, &["box", "open", "rui", "now"]).await, &[": open"]);
    let people = pair.says(rui, &["people"]).await;
    let of = |handle: &str| {
        let line = people.lines().find(|line| line.contains(handle)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    pair.says(rui, &["contact", "add", "ana", &of("\"ana\"")]).await;

    // A draft is there for the next program, and goes on.
    pair.says(rui, &["draft", "ana", "Is it", "subject", "Radio", "evidence"]).await;
    has(&pair.says(rui, &["draft", "ana", "Is it there?"]).await, &["Subject: Radio"]);
    has(&pair.says(rui, &["drafts"]).await, &["to ana", "\"Radio\"", "Is it there?", "evidence"]);

    // Whoever is blocked, oneself, nobody known, a box that is not there.
    pair.says(rui, &["block", "ana"]).await;
    for (words, said) in [
        (vec!["send", "ana", "hi"], "you have blocked ana"),
        (vec!["drafts", "send", "ana"], "you have blocked ana"),
        (vec!["send", &of("\"rui\""), "hi"], "this box is your own"),
        (vec!["send", "bea", "hi"], "there is no contact `bea`"),
        (vec!["send", "#00000000", "hi"], "there is no box `00000000`"),
        (vec!["drafts", "drop", "bea"], "there is no contact `bea`"),
    ] {
        let (code, text) = pair.runs(rui, &words).await;
        assert_eq!(code, Some(1), "{words:?}: {text}");
        has(&text, &[said, "→"]);
    }
    pair.says(rui, &["block", "ana", "off"]).await;
    let sent = pair.says(rui, &["drafts", "send", "ana", "now"]).await;
    has(&sent, &["evidence: its reader can prove", "deposited"]);
    has(&pair.says(rui, &["drafts"]).await, &["no drafts"]);

    // To a box that was closed meanwhile: said, and nothing of the letter is lost.
    has(&pair.says(ana, &["box", "close", "--yes"]).await, &["closed"]);
    let folder = pair.house.folder.path();
    let file = folder.join("lamp.txt");
    std::fs::write(&file, b"a lamp").unwrap();
    let file = file.display().to_string();
    let words = ["send", "ana", "Here", "subject", "Lamp", "attach", &file, "now"];
    let (code, text) = pair.runs(rui, &words).await;
    assert_eq!(code, Some(1), "{text}");
    has(&text, &["was not sent, and is a draft again", "box.closed", "NOT SENT"]);
    std::fs::remove_file(&file).unwrap();
    has(
        &pair.says(rui, &["drafts", "show", "ana"]).await,
        &["Subject: Lamp", "| Here", "\"lamp.txt\" 6 bytes, kept with it"],
    );
    // Whoever closed their own can be answered by nobody.
    let (code, text) = pair.runs(ana, &["send", &of("\"rui\""), "hi"]).await;
    assert_eq!(code, Some(1), "{text}");
    has(&text, &["your box is closed", "no receipt could come back", "/box open"]);
}
