//! Answers the desk's question for a PIN where there is no screen: at the terminal, or from a
//! file.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::card::{LastTry, Pin, PinEntry, Tries, prompt};
use crate::front::{Answer, PinQuestion, Question};
use crate::plain::{plain, with_causes};

/// Where a PIN comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinSource {
    /// The user is asked, and reads the warning first.
    Terminal,
    /// The first line of a file, for scripts: whoever wrote it there has decided.
    File(PathBuf),
    /// There is nobody to ask.
    Nowhere,
}

impl PinSource {
    /// The file if there is one, else the terminal if there is one and it may be used.
    #[must_use]
    pub fn of(file: Option<&Path>, may_ask: bool) -> Self {
        match file {
            Some(file) => Self::File(file.to_owned()),
            None if may_ask && std::io::stdin().is_terminal() => Self::Terminal,
            None => Self::Nowhere,
        }
    }

    /// Answers on a thread that may wait for the user.
    pub fn answer(&self, question: Question) {
        let source = self.clone();
        tokio::task::spawn_blocking(move || {
            let Question { pin, reply } = question;
            let answer = source.answer_to(&pin).unwrap_or_else(|(message, advice)| {
                Answer::Unable { message, advice: advice.to_owned() }
            });
            // A desk that no longer waits has said why.
            let _ = reply.send(answer);
        });
    }

    fn answer_to(&self, question: &PinQuestion) -> Result<Answer, (String, &'static str)> {
        match self {
            Self::Terminal => at_terminal(question)
                .map_err(|error| (format!("the terminal cannot be read: {error}"), ADVICE)),
            // The reader asks by itself, but nobody could read the warning.
            Self::Nowhere => Err(("nobody can be asked for the PIN".to_owned(), ADVICE)),
            // With one try left the desk refuses: a script cannot confirm.
            Self::File(_) if question.pinpad => Ok(Answer::Sign(PinEntry::Pinpad, LastTry::Refuse)),
            Self::File(file) => Ok(Answer::Sign(PinEntry::Typed(pin_in(file)?), LastTry::Refuse)),
        }
    }
}

const ADVICE: &str =
    "use the chat or a terminal, or give the PIN with --pin-file; nothing was sent";

/// The PIN in a file that is nobody else's.
fn pin_in(file: &Path) -> Result<Pin, (String, &'static str)> {
    prompt::from_file(file).map_err(|error| (with_causes(&error), error.advice()))
}

/// Shows the warning and asks for the PIN without echo. An empty line cancels.
fn at_terminal(question: &PinQuestion) -> std::io::Result<Answer> {
    // Standard output may be a pipe that takes JSON.
    let mut screen = std::io::stderr();
    for line in dialogue(question) {
        writeln!(screen, "{line}")?;
    }
    let last = if question.is_last_try() {
        writeln!(screen, "Type LAST to go on with the last try, or Enter to sign nothing:")?;
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed)?;
        if typed.trim() != "LAST" {
            return Ok(Answer::Cancel);
        }
        LastTry::Confirmed
    } else {
        LastTry::Refuse
    };
    if question.pinpad {
        writeln!(screen, "Enter: then type the PIN on the reader; n: sign nothing")?;
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed)?;
        let go = typed.trim().is_empty() && typed.ends_with('\n');
        return Ok(if go { Answer::Sign(PinEntry::Pinpad, last) } else { Answer::Cancel });
    }
    loop {
        let typed = rpassword::prompt_password("Authentication PIN (Enter alone signs nothing): ")?;
        let typed = Zeroizing::new(typed);
        if typed.is_empty() {
            return Ok(Answer::Cancel);
        }
        match Pin::new(typed) {
            Ok(pin) => return Ok(Answer::Sign(PinEntry::Typed(pin), last)),
            Err(_) => writeln!(screen, "A PIN is 4 to 8 digits. Nothing was tried.")?,
        }
    }
}

/// What is read before the PIN.
fn dialogue(question: &PinQuestion) -> Vec<String> {
    let mut lines = vec![format!("Citizen card of {}", plain(&question.holder))];
    lines.push(format!("in {}; {}", plain(&question.reader), tries(question.tries)));
    lines.extend(question.warning.iter().map(|line| format!("  • {}", plain(line))));
    lines
}

/// The tries left in words.
#[must_use]
pub fn tries(left: Tries) -> String {
    match left {
        left if left.is_last() => "ONE TRY IS LEFT: a wrong PIN blocks the card".to_owned(),
        Tries::Verified => "the card does not say how many tries are left".to_owned(),
        left @ (Tries::Left(_) | Tries::Blocked) => left.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

    fn question(tries: u8, pinpad: bool) -> PinQuestion {
        PinQuestion {
            holder: "Cidadã de Teste Um".to_owned(),
            reader: "Virtual\u{1b}[2J Reader".to_owned(),
            tries: Tries::Left(tries),
            warning: vec!["it cannot be taken back".to_owned()],
            pinpad,
        }
    }

    fn file(folder: &Path, mode: u32, text: &str) -> PinSource {
        let path = folder.join("pin");
        let _ = std::fs::remove_file(&path);
        let mut options = std::fs::OpenOptions::new();
        options.create(true).write(true).mode(mode).open(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::write(&path, text).unwrap();
        PinSource::File(path)
    }

    #[test]
    fn a_pin_is_the_first_line_of_a_file_of_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["1234", "1234\n", "1234\r\nmore\n", "12345678\n"] {
            let answer = file(folder.path(), 0o600, text).answer_to(&question(3, false));
            assert!(
                matches!(answer, Ok(Answer::Sign(PinEntry::Typed(_), LastTry::Refuse))),
                "{text:?}: {answer:?}"
            );
        }
        for text in ["", "\n1234", "123", "123456789", "12a4", " 1234", "1234 "] {
            let (message, advice) =
                file(folder.path(), 0o600, text).answer_to(&question(3, false)).unwrap_err();
            assert!(!advice.is_empty());
            assert!(text.trim().is_empty() || !message.contains(text.trim()), "{message}");
        }
    }

    #[test]
    fn a_pin_that_others_could_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o604, 0o660] {
            let source = file(folder.path(), mode, "1234\n");
            let (message, advice) = source.answer_to(&question(3, false)).unwrap_err();
            assert!(message.contains("to others") && advice.contains("chmod 600"), "{message}");
        }
        let nothing = PinSource::File(folder.path().join("absent"));
        assert!(nothing.answer_to(&question(3, false)).unwrap_err().0.contains("absent"));
    }

    #[test]
    fn where_nobody_can_be_asked_the_advice_says_what_to_do() {
        for pinpad in [false, true] {
            let (_, advice) = PinSource::Nowhere.answer_to(&question(3, pinpad)).unwrap_err();
            assert!(advice.contains("--pin-file") && advice.contains("nothing was sent"));
        }
        assert_eq!(PinSource::of(None, false), PinSource::Nowhere);
    }

    #[test]
    fn what_is_read_before_the_pin_steers_no_terminal() {
        let text = dialogue(&question(1, false)).join("\n");
        assert!(text.contains("ONE TRY IS LEFT") && text.contains("taken back"));
        assert!(text.contains("Virtual[2J Reader"));
        assert!(dialogue(&question(2, false)).join("\n").contains("2 tries left"));
    }

    #[test]
    fn a_question_tells_debug_neither_holder_nor_warning() {
        assert_eq!(format!("{:?}", question(3, true)), "PinQuestion { tries: Left(3), .. }");
    }
}
