//! Answers the desk's questions where there is no screen: at the terminal, or, for a PIN, from a
//! file.

use std::path::{Path, PathBuf};

use pregao_protocol::host::Host;
use pregao_protocol::value::report::{Advised as _, Report};

use crate::card::prompt::{self, OwnTerminal, PromptError, Terminal};
use crate::card::{CardError, LastTry, PinEntry};
use crate::event::{Event, Personal};
use crate::front::channel::{Confirmation, PinQuestion, Question, Subject, UserAnswer};
use crate::text::sanitize::{sanitize, with_causes};

/// Where a PIN comes from, and with it who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinSource {
    /// The user is asked, and reads the warning first.
    Terminal,
    /// The first line of a file, for scripts, which are asked nothing.
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
            None if may_ask && prompt::somebody_is_there() => Self::Terminal,
            None => Self::Nowhere,
        }
    }

    /// Answers beside the caller, where it may be waited for the user.
    pub fn answer(&self, host: &Host, question: Question) {
        let source = self.clone();
        host.spawn.blocking(Box::new(move || {
            let Question { about, reply } = question;
            let answer = match about {
                Subject::Pin(pin) => source.answer_to(&pin, &mut OwnTerminal),
                Subject::Confirm(question) => source.confirm(&question, &mut OwnTerminal),
            };
            let answer = answer.unwrap_or_else(UserAnswer::Unable);
            // A desk that no longer waits has said why.
            let _ = reply.send(answer);
        }));
    }

    fn confirm(
        &self,
        question: &Confirmation,
        terminal: &mut dyn Terminal,
    ) -> Result<UserAnswer, Report> {
        if *self != Self::Terminal || !terminal.is_there() {
            return Err(unconfirmed());
        }
        let confirmed = (|| {
            terminal.print(&sanitize(&question.act))?;
            let mut lines = question.terms.iter().chain(&question.grounds);
            lines.try_for_each(|line| terminal.print(&format!("  • {}", sanitize(line))))?;
            prompt::confirmed("to do it", "do nothing", terminal)
        })();
        match confirmed {
            Ok(true) => Ok(UserAnswer::Yes),
            // Whoever was asked and ended the input has not agreed.
            Ok(false) | Err(PromptError::Nobody) => Ok(UserAnswer::Cancel),
            Err(error) => Err(failed(&error)),
        }
    }

    fn answer_to(
        &self,
        question: &PinQuestion,
        terminal: &mut dyn Terminal,
    ) -> Result<UserAnswer, Report> {
        // Whoever runs a script finds there what their card was made to sign.
        lines(question)
            .iter()
            .try_for_each(|line| terminal.print(line))
            .map_err(|error| failed(&error.into()))?;
        match self {
            Self::Terminal => match prompt::ask_pin(question.tries, question.pinpad, terminal) {
                Ok((pin, last)) => Ok(UserAnswer::Sign(pin, last)),
                Err(PromptError::Cancelled | PromptError::Card(CardError::LastTry)) => {
                    Ok(UserAnswer::Cancel)
                }
                Err(PromptError::Nobody) => Err(nobody()),
                Err(error) => Err(failed(&error)),
            },
            // The reader would ask by itself, but nobody could read the warning.
            Self::Nowhere => Err(nobody()),
            Self::File(_) if !question.yes => Err(unconfirmed()),
            // With one try left the desk refuses: a script cannot confirm. A keypad is not used:
            // nobody may be at it.
            Self::File(file) => {
                let pin = prompt::from_file(file).map_err(|error| failed(&error))?;
                Ok(UserAnswer::Sign(PinEntry::Typed(pin), LastTry::Refuse))
            }
        }
    }
}

fn nobody() -> Report {
    let advice = "use the chat or a terminal, or give the PIN with --pin-file; nothing was sent";
    Report::new("card.pin", "nobody can be asked for the PIN", advice)
}

fn unconfirmed() -> Report {
    let message = "this is done only if it is confirmed, and nobody can be asked";
    let advice =
        "use the chat or a terminal, or agree with --yes or \"yes\":true; nothing was sent";
    Report::new("confirm.needed", message, advice)
}

fn failed(error: &PromptError) -> Report {
    Report::new(error.code(), with_causes(error), error.advice())
}

/// What is read before the PIN.
fn lines(question: &PinQuestion) -> Vec<String> {
    let mut lines = vec![format!("card of {}", sanitize(&question.holder))];
    lines.push(format!("in {}; {}", sanitize(&question.reader), prompt::tries(question.tries)));
    lines.extend(question.warning.iter().map(|line| format!("  • {}", sanitize(line))));
    lines
}

/// The same for scripts: whose card is about to sign what. They are asked nothing else.
#[must_use]
pub fn event(question: &Question) -> Option<Event> {
    let Subject::Pin(question) = &question.about else { return None };
    Some(Event::Signing {
        holder: Personal::new(sanitize(&question.holder)),
        reader: sanitize(&question.reader),
        tries: question.tries.left(),
        pinpad: question.pinpad,
        warning: question.warning.iter().map(|line| Personal::new(sanitize(line))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Tries;
    use zeroize::Zeroizing;

    /// A screen, and what is typed at it.
    #[derive(Default)]
    struct Screen {
        shown: Vec<String>,
        typed: Vec<&'static str>,
        nobody: bool,
        broken: bool,
    }

    impl Terminal for Screen {
        fn is_there(&self) -> bool {
            !self.nobody
        }

        fn print(&mut self, line: &str) -> std::io::Result<()> {
            self.shown.push(line.to_owned());
            Ok(())
        }

        fn ask(&mut self, question: &str) -> std::io::Result<Option<String>> {
            self.print(question)?;
            if self.broken {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
            Ok(self.typed.pop().map(str::to_owned))
        }

        fn ask_hidden(&mut self, question: &str) -> std::io::Result<Option<Zeroizing<String>>> {
            Ok(self.ask(question)?.map(Zeroizing::new))
        }
    }
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

    fn question(tries: u8, pinpad: bool) -> PinQuestion {
        PinQuestion {
            holder: "Cidadã de Teste Um".to_owned(),
            reader: "Virtual\u{1b}[2J Reader".to_owned(),
            tries: Tries::Left(tries),
            warning: vec!["it cannot be taken back".to_owned()],
            pinpad,
            yes: true,
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
            let answer = file(folder.path(), 0o600, text)
                .answer_to(&question(3, false), &mut Screen::default());
            assert!(
                matches!(answer, Ok(UserAnswer::Sign(PinEntry::Typed(_), LastTry::Refuse))),
                "{text:?}: {answer:?}"
            );
        }
        for text in ["", "\n1234", "123", "123456789", "12a4", " 1234", "1234 "] {
            let Report { message, advice, .. } = file(folder.path(), 0o600, text)
                .answer_to(&question(3, false), &mut Screen::default())
                .unwrap_err();
            assert!(!advice.is_empty());
            assert!(text.trim().is_empty() || !message.contains(text.trim()), "{message}");
        }
    }

    #[test]
    fn a_pin_that_others_could_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o604, 0o660] {
            let source = file(folder.path(), mode, "1234\n");
            let Report { message, advice, .. } =
                source.answer_to(&question(3, false), &mut Screen::default()).unwrap_err();
            assert!(message.contains("to others") && advice.contains("chmod 600"), "{message}");
        }
        let nothing = PinSource::File(folder.path().join("absent"));
        assert!(
            nothing
                .answer_to(&question(3, false), &mut Screen::default())
                .unwrap_err()
                .message
                .contains("absent")
        );
    }

    #[test]
    fn a_pin_file_comes_before_a_keypad_and_the_warning_is_shown_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let source = file(folder.path(), 0o600, "1234\n");
        let mut screen = Screen::default();
        let answer = source.answer_to(&question(3, true), &mut screen);
        assert!(
            matches!(answer, Ok(UserAnswer::Sign(PinEntry::Typed(_), LastTry::Refuse))),
            "{answer:?}"
        );
        let text = screen.shown.join("\n");
        assert!(text.contains("card of Cidadã") && text.contains("taken back"), "{text}");
    }

    #[test]
    fn at_a_terminal_only_a_pin_or_the_whole_word_signs() {
        let answer = |tries, pinpad, typed: &[&'static str]| {
            let typed = typed.iter().rev().copied().collect();
            let mut screen = Screen { typed, ..Screen::default() };
            PinSource::Terminal.answer_to(&question(tries, pinpad), &mut screen).unwrap()
        };
        for (tries, pinpad, typed) in [
            (3, false, &[""][..]),
            (3, false, &["12x4", ""]),
            (3, true, &[""]),
            (3, true, &["1234"]),
            (1, false, &[""]),
            (1, false, &["LAST", "1234"]),
            (1, true, &["y"]),
        ] {
            let answer = answer(tries, pinpad, typed);
            assert!(matches!(answer, UserAnswer::Cancel), "{typed:?}: {answer:?}");
        }
        assert!(matches!(
            answer(3, false, &["12x4", "1234"]),
            UserAnswer::Sign(PinEntry::Typed(_), LastTry::Refuse)
        ));
        assert!(matches!(
            answer(3, true, &["yes"]),
            UserAnswer::Sign(PinEntry::Pinpad, LastTry::Refuse)
        ));
        assert!(matches!(
            answer(1, false, &["yes", "1234"]),
            UserAnswer::Sign(PinEntry::Typed(_), LastTry::Confirmed)
        ));
        assert!(matches!(
            answer(1, true, &["yes"]),
            UserAnswer::Sign(PinEntry::Pinpad, LastTry::Confirmed)
        ));
    }

    #[test]
    fn scripts_are_told_whose_card_signs_what() {
        let about = Subject::Pin(question(2, true));
        let event = event(&Question { about, reply: tokio::sync::oneshot::channel().0 }).unwrap();
        assert!(!format!("{event:?}").contains("Cidad"), "{event:?}");
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["event"], "signing");
        assert_eq!(
            (json["holder"].as_str(), json["tries"].as_u64()),
            (Some("Cidadã de Teste Um"), Some(2))
        );
        assert_eq!(json["warning"][0], "it cannot be taken back");
        assert_eq!(json["reader"], "Virtual⌧[2J Reader");
    }

    #[test]
    fn only_the_whole_word_at_a_terminal_confirms() {
        let question = Confirmation {
            act: "bid 500.00 EUR".to_owned(),
            terms: vec!["It ends tomorrow".to_owned()],
            grounds: vec!["It is more than three times\u{1b}".to_owned()],
        };
        for (typed, yes) in [("yes", true), ("y", false), ("", false), ("YES", false)] {
            let mut screen = Screen { typed: vec![typed], ..Screen::default() };
            let answer = PinSource::Terminal.confirm(&question, &mut screen).unwrap();
            assert_eq!(matches!(answer, UserAnswer::Yes), yes, "{typed}");
            let text = screen.shown.join("\n");
            assert!(
                text.contains(
                    "bid 500.00 EUR\n  • It ends tomorrow\n  • It is more than three times⌧"
                ),
                "{text}"
            );
        }
        // Whoever was asked and ends the input, or types what cannot be read, has not agreed.
        let ended = PinSource::Terminal.confirm(&question, &mut Screen::default());
        assert!(matches!(ended, Ok(UserAnswer::Cancel)));
        let mut broken = Screen { broken: true, ..Screen::default() };
        let unread = PinSource::Terminal.confirm(&question, &mut broken).unwrap_err();
        assert_ne!(unread.code, "confirm.needed");
        let mut nobody = Screen { nobody: true, ..Screen::default() };
        let nobody = PinSource::Terminal.confirm(&question, &mut nobody);
        let file = PinSource::File("pin".into());
        for answer in [
            nobody,
            PinSource::Nowhere.confirm(&question, &mut Screen::default()),
            file.confirm(&question, &mut Screen::default()),
        ] {
            let Report { code, advice, .. } = answer.unwrap_err();
            assert!(code == "confirm.needed" && advice.contains("--yes"));
        }
    }

    #[test]
    fn a_pin_in_a_file_confirms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let source = file(folder.path(), 0o600, "1234\n");
        let question = PinQuestion { yes: false, ..question(3, false) };
        let mut screen = Screen::default();
        let Report { code, .. } = source.answer_to(&question, &mut screen).unwrap_err();
        assert!(code == "confirm.needed" && screen.shown.join("").contains("taken back"));
    }

    #[test]
    fn where_nobody_can_be_asked_the_advice_says_what_to_do() {
        for pinpad in [false, true] {
            let Report { advice, .. } = PinSource::Nowhere
                .answer_to(&question(3, pinpad), &mut Screen::default())
                .unwrap_err();
            assert!(advice.contains("--pin-file") && advice.contains("nothing was sent"));
        }
        assert_eq!(PinSource::of(None, false), PinSource::Nowhere);
    }

    #[test]
    fn what_is_read_before_the_pin_steers_no_terminal() {
        let text = lines(&question(1, false)).join("\n");
        assert!(text.contains("ONE TRY IS LEFT") && text.contains("taken back"));
        assert!(text.contains("Virtual⌧[2J Reader"));
        assert!(lines(&question(2, false)).join("\n").contains("2 tries left"));
    }

    #[test]
    fn a_question_tells_debug_neither_holder_nor_warning() {
        assert_eq!(format!("{:?}", question(3, true)), "PinQuestion { tries: Left(3), .. }");
    }
}
