//! The dialogue before a card signs: whose card, what for, how many tries, and the PIN.
//!
//! One set of texts and rules for the terminal and the chat: an empty answer signs nothing, the last
//! try and a reader's keypad are used only after [`CONFIRMATION`], and what cannot be a PIN is asked
//! for again without a try.
//!
//! The person sees what the signature is for before the PIN is asked. The PIN comes from a file,
//! from the reader's keypad, or is typed without echo; never from the environment or the command
//! line, which other programs can read.

use pregao_protocol::value::report::Advised;
use std::borrow::Cow;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Card, CardError, LastTry, Pin, PinEntry, Tries};
use crate::text::sanitize::sanitize;

/// Most bytes read of a file with a PIN.
const LONGEST_FILE: u64 = 256;
/// What confirms the last try, and nothing shorter.
pub const CONFIRMATION: &str = "yes";
/// What is said while one try is left.
pub const LAST_TRY: &str = "ONE TRY IS LEFT: a wrong PIN blocks the card's authentication";
/// What Enter alone does.
const SIGN_NOTHING: &str = "sign nothing";
/// What the PIN is asked for by.
pub const ASK_PIN: &str = "authentication PIN";

/// The tries left in words.
#[must_use]
pub fn tries(left: Tries) -> String {
    match left {
        left if left.is_last() => LAST_TRY.to_owned(),
        // Some program gave the PIN before: that says nothing about now.
        Tries::Verified => "the card does not say how many tries are left".to_owned(),
        left @ (Tries::Left(_) | Tries::Blocked) => left.to_string(),
    }
}

/// What was wrong with something typed for a PIN.
#[must_use]
pub fn not_tried(error: &CardError) -> String {
    match error {
        CardError::PinForm(form) => format!("no PIN: {form}; no try was used"),
        other => other.to_string(),
    }
}

/// A person at a terminal.
pub trait Terminal {
    /// Shows a line.
    ///
    /// # Errors
    /// What the terminal refuses.
    fn print(&mut self, line: &str) -> std::io::Result<()>;
    /// Whether a person can read a question here and answer it.
    fn is_there(&self) -> bool;
    /// Asks for a line. None if nobody is there to answer.
    ///
    /// # Errors
    /// What the terminal refuses.
    fn ask(&mut self, question: &str) -> std::io::Result<Option<String>>;
    /// Asks for a line without showing it. None if nobody is there to answer.
    ///
    /// # Errors
    /// What the terminal refuses.
    fn ask_hidden(&mut self, question: &str) -> std::io::Result<Option<Zeroizing<String>>>;
}

/// The terminal of this program: questions go to standard error, since results go to standard
/// output.
#[derive(Debug, Default, Clone, Copy)]
pub struct OwnTerminal;

impl Terminal for OwnTerminal {
    fn is_there(&self) -> bool {
        somebody_is_there()
    }

    fn print(&mut self, line: &str) -> std::io::Result<()> {
        writeln!(std::io::stderr(), "{line}")
    }

    fn ask(&mut self, question: &str) -> std::io::Result<Option<String>> {
        if !somebody_is_there() {
            return Ok(None);
        }
        forget_what_was_typed();
        let mut out = std::io::stderr();
        write!(out, "{question}")?;
        out.flush()?;
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }

    fn ask_hidden(&mut self, question: &str) -> std::io::Result<Option<Zeroizing<String>>> {
        if !somebody_is_there() {
            return Ok(None);
        }
        forget_what_was_typed();
        rpassword::prompt_password(question).map(Zeroizing::new).map(Some)
    }
}

/// Whether a person can read a question and answer it.
#[must_use]
pub fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// What was typed before a question was shown answers nothing.
fn forget_what_was_typed() {
    // Where this cannot be done there is no terminal that anything was typed at.
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// Why the dialogue did not end with a signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// The card did not do it.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The file with the PIN cannot be read.
    #[error("the PIN file {} cannot be read", .file.display())]
    PinFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may read or write the file with the PIN.
    #[error("the PIN file {} is open to others (mode {mode:03o})", .file.display())]
    PinFileOpen {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What should be the file with the PIN is something else.
    #[error("{} is not a file with a PIN in its first line", .file.display())]
    NoPinInFile {
        /// The file.
        file: PathBuf,
    },
    /// Nobody can be asked for the PIN.
    #[error("nobody is there to type the PIN")]
    Nobody,
    /// The person does not want it.
    #[error("cancelled; the card signed nothing")]
    Cancelled,
    /// The terminal failed.
    #[error("the terminal failed")]
    Terminal(#[from] std::io::Error),
}

impl Advised for PromptError {
    fn code(&self) -> &'static str {
        "card.pin"
    }

    fn advice(&self) -> Cow<'static, str> {
        let advice = match self {
            Self::Card(error) => return error.advice(),
            Self::PinFile { .. } => "check its name and who owns it",
            Self::PinFileOpen { .. } => "take them away from others: chmod 600 FILE",
            Self::NoPinInFile { .. } => "write the PIN, and nothing else, into its first line",
            Self::Nobody => "start it in a terminal, or give --pin-file",
            Self::Cancelled => "start it again when you like; no try was used",
            Self::Terminal(_) => "start it in a terminal",
        };
        advice.into()
    }
}

/// A person's consent to one signature, with the PIN for it or the promise to type it on the reader.
#[derive(Debug)]
#[must_use = "a consent that is not used signs nothing"]
pub struct Consent {
    entry: PinEntry,
    last: LastTry,
}

/// Shows whose card will sign and how often the PIN may be wrong, then `lines`: what the
/// signature is for and what it gives away. Then asks for the PIN, unless it is in a file or will be
/// typed on the reader. Blocks; the card is asked for its tries only.
///
/// # Errors
/// [`PromptError`]; the last try is used only after a person confirmed it.
pub fn consent(
    card: &mut Card,
    lines: &[&str],
    pin_file: Option<&Path>,
    terminal: &mut dyn Terminal,
) -> Result<Consent, PromptError> {
    let left = card.tries_left()?;
    terminal.print(&format!("card of {}; {}", sanitize(&card.holder().name), tries(left)))?;
    lines.iter().try_for_each(|line| terminal.print(line))?;
    if left == Tries::Blocked {
        return Err(CardError::Blocked.into());
    }
    // The file is read first: a bad one need not trouble anybody.
    match pin_file.map(from_file).transpose()? {
        Some(pin) => {
            let last = if left.is_last() { confirm_last(terminal)? } else { LastTry::Refuse };
            Ok(Consent { entry: PinEntry::Typed(pin), last })
        }
        None => {
            let (entry, last) = ask_pin(left, card.has_pinpad(), terminal)?;
            Ok(Consent { entry, last })
        }
    }
}

/// Asks for the PIN, or whether to type it on the reader, and before that for the last try. Whoever
/// has this asked has shown what the signature is for.
///
/// # Errors
/// [`PromptError::Nobody`], [`PromptError::Cancelled`], [`PromptError::Terminal`], and
/// [`CardError::LastTry`] if the last try was not confirmed.
pub fn ask_pin(
    left: Tries,
    pinpad: bool,
    terminal: &mut dyn Terminal,
) -> Result<(PinEntry, LastTry), PromptError> {
    let last = if left.is_last() { confirm_last(terminal)? } else { LastTry::Refuse };
    if pinpad {
        // One word is enough; a line typed before the question came is none.
        let what = "to type the PIN on the reader";
        if last == LastTry::Refuse && !confirmed(what, SIGN_NOTHING, terminal)? {
            return Err(PromptError::Cancelled);
        }
        return Ok((PinEntry::Pinpad, last));
    }
    loop {
        let question = format!("{ASK_PIN} (Enter alone signs nothing): ");
        let text = terminal.ask_hidden(&question)?.ok_or(PromptError::Nobody)?;
        if text.is_empty() {
            return Err(PromptError::Cancelled);
        }
        match Pin::new(text) {
            Ok(pin) => return Ok((PinEntry::Typed(pin), last)),
            Err(error) => terminal.print(&not_tried(&error))?,
        }
    }
}

impl Consent {
    /// Has the card sign `message`, and says how many tries are left. Blocks.
    ///
    /// # Errors
    /// As [`Card::sign`], and what the terminal refuses.
    pub fn sign(
        self,
        card: &mut Card,
        message: &[u8],
        terminal: &mut dyn Terminal,
    ) -> Result<Vec<u8>, PromptError> {
        if matches!(self.entry, PinEntry::Pinpad) {
            terminal.print(&format!("type the {ASK_PIN} on the reader"))?;
        }
        let signature = card.sign(message, self.entry, self.last)?;
        // The signature is there; not learning the count does not undo it.
        if let Ok(left) = card.tries_left() {
            terminal.print(&format!("signed; {}", tries(left)))?;
        }
        Ok(signature)
    }
}

/// [`consent`] and [`Consent::sign`] in one, for messages that are known before.
///
/// # Errors
/// As both.
pub fn sign(
    card: &mut Card,
    message: &[u8],
    lines: &[&str],
    pin_file: Option<&Path>,
    terminal: &mut dyn Terminal,
) -> Result<Vec<u8>, PromptError> {
    consent(card, lines, pin_file, terminal)?.sign(card, message, terminal)
}

/// Has a person confirm that the last try is used.
fn confirm_last(terminal: &mut dyn Terminal) -> Result<LastTry, PromptError> {
    terminal.print(LAST_TRY)?;
    if confirmed("to use it", SIGN_NOTHING, terminal)? {
        Ok(LastTry::Confirmed)
    } else {
        Err(CardError::LastTry.into())
    }
}

/// Whether a person types the whole word.
///
/// # Errors
/// [`PromptError::Nobody`] and [`PromptError::Terminal`].
pub fn confirmed(
    what: &str,
    otherwise: &str,
    terminal: &mut dyn Terminal,
) -> Result<bool, PromptError> {
    let question = format!("type {CONFIRMATION} {what}, or Enter to {otherwise}: ");
    match terminal.ask(&question)? {
        Some(answer) => Ok(answer == CONFIRMATION),
        None => Err(PromptError::Nobody),
    }
}

/// Reads a PIN from the first line of a file that nobody but its owner may read or write.
///
/// # Errors
/// [`PromptError::PinFile`], [`PromptError::PinFileOpen`], [`PromptError::NoPinInFile`], and
/// [`CardError::PinForm`].
pub fn from_file(path: &Path) -> Result<Pin, PromptError> {
    let unreadable = |source| PromptError::PinFile { file: path.to_owned(), source };
    let no_pin = || PromptError::NoPinInFile { file: path.to_owned() };
    // A named pipe would be waited for: it is refused before it is opened.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(no_pin());
    }
    let file = File::open(path).map_err(unreadable)?;
    // What was opened is what is judged.
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(no_pin());
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(PromptError::PinFileOpen { file: path.to_owned(), mode });
    }
    // Room for all, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(2 * 256));
    file.take(LONGEST_FILE).read_to_string(&mut text).map_err(unreadable)?;
    let line = text.lines().next().filter(|line| !line.is_empty()).ok_or_else(no_pin)?;
    Ok(Pin::new(Zeroizing::new(line.to_owned()))?)
}
