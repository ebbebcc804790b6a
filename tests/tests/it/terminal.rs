//! The real `pregao` at a terminal: what it shows, and what is typed at it.

use std::path::Path;
use std::time::Duration;

use pregao_tests::desk::{Desk, PASSPHRASE, enrol};
use pregao_tests::house::executable;
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;

use crate::open;

/// How long something is waited for on a screen.
const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: u16 = 30;
const COLUMNS: u16 = 100;

/// A program at a terminal of its own. Dropping it kills the program.
pub(crate) struct Terminal {
    screen: vt100::Parser,
    output: OwnedReadPty,
    input: OwnedWritePty,
    pub(crate) child: Child,
}

impl Terminal {
    /// Starts `pregao` over a vault.
    pub(crate) fn run(folder: &Path, words: &[&str]) -> Self {
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(Size::new(ROWS, COLUMNS)).unwrap();
        let child = pty_process::Command::new(executable("pregao").unwrap())
            .arg("--data")
            .arg(folder)
            .args(words)
            .env("PREGAO_PASSPHRASE", PASSPHRASE)
            .env("TERM", "xterm-256color")
            .kill_on_drop(true)
            .spawn(pts)
            .unwrap();
        let (output, input) = pty.into_split();
        let [rows, columns] = [ROWS, COLUMNS].map(|size| size.try_into().unwrap());
        Self { screen: vt100::Parser::new(rows, columns, 0), output, input, child }
    }

    /// Types something, in one piece.
    pub(crate) async fn types(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).await.unwrap();
        self.input.flush().await.unwrap();
    }

    /// Writes on the screen as some other program would.
    fn scribble(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
    }

    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows something.
    pub(crate) async fn until(&mut self, shows: impl Fn(&str) -> bool) {
        let waiting = async {
            while !shows(&self.text()) {
                let mut bytes = [0; 4096];
                match self.output.read(&mut bytes).await {
                    Ok(read @ 1..) => self.screen.process(&bytes[..read]),
                    _ => return false,
                }
            }
            true
        };
        // The screen goes on changing, so all of it is waited for at once.
        if tokio::time::timeout(PATIENCE, waiting).await != Ok(true) {
            panic!("it did not come: {}", self.text());
        }
    }

    pub(crate) async fn shows(&mut self, part: &str) {
        self.until(|text| text.contains(part)).await;
    }

    /// Takes the rest of what it writes, and its exit code.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        let mut bytes = [0; 4096];
        // The terminal of a program that has ended gives an error.
        while let Ok(Ok(read @ 1..)) =
            tokio::time::timeout(PATIENCE, self.output.read(&mut bytes)).await
        {
            self.screen.process(&bytes[..read]);
        }
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code()
    }
}

/// What one room holds stays there, and nothing that anybody else writes on the screen stays after
/// Ctrl-L or after the program was stopped and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn the_screen_of_the_chat_is_whole_after_every_change() {
    let house = open();
    let folder = |name: &str| house.folder.path().join(name);
    let (tsa, broker) = (&house.tsa.address, &house.broker.address);
    let mut seller = Desk::open(&folder("seller"), tsa, broker).await.unwrap();
    for title in ["\u{600}9 \u{6dd}7 flag 🇵🇹 नि ำำ", "Plain lamp"] {
        let list = json!({ "command": "list", "title": title, "start": "20", "for": "10m", "fixed_end": true });
        assert!(seller.ask(list).await.unwrap());
    }
    enrol(&folder("ana"), tsa).await.unwrap();
    let mut chat = Terminal::run(&folder("ana"), &["chat", "--broker", &broker.to_string()]);
    chat.until(|text| text.contains("⌧9 ⌧7 flag ⌧ न⌧ ⌧") && text.contains("Plain lamp")).await;
    // To the one and to the other, and back to the lobby.
    for _ in 0..3 {
        chat.types("\u{e}").await;
    }
    chat.types("/say \u{600}9").await;
    chat.shows("> /say ⌧9").await;
    chat.shows("stands for U+0600").await;
    chat.types("\u{15}").await;
    chat.until(|text| !text.contains("stands for")).await;

    chat.scribble(b"\x1b[10;40H920.00 EUR");
    assert!(chat.text().contains("920.00 EUR"));
    chat.types("\u{c}").await;
    chat.until(|text| !text.contains("920.00 EUR")).await;

    chat.scribble(b"\x1b[10;40H920.00 EUR");
    let pid = Pid::from_raw(chat.child.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    kill_process(pid, Signal::CONT).unwrap();
    chat.until(|text| !text.contains("920.00 EUR") && text.contains("Plain lamp")).await;
    chat.types("\u{3}").await;
    assert_eq!(chat.end().await, Some(0));
}

/// A terminal that another program took out of raw mode makes a signal of Ctrl-C; the chat gives the
/// terminal back then as it does after the key.
#[tokio::test(flavor = "multi_thread")]
async fn the_chat_ends_as_it_should_by_every_signal_that_asks_it_to() {
    let house = open();
    let (tsa, broker) = (&house.tsa.address, &house.broker.address);
    for (name, signal) in [("ana", Signal::INT), ("rui", Signal::TERM), ("eva", Signal::HUP)] {
        let folder = house.folder.path().join(name);
        enrol(&folder, tsa).await.unwrap();
        let mut chat = Terminal::run(&folder, &["chat", "--broker", &broker.to_string()]);
        chat.shows("lobby").await;
        assert!(chat.screen.screen().alternate_screen());
        let pid = Pid::from_raw(chat.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(chat.end().await, Some(0), "{signal:?}");
        assert!(!chat.screen.screen().alternate_screen(), "{signal:?}");
    }
}
