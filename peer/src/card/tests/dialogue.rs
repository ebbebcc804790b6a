//! What a person is shown and asked.

use pregao_protocol::value::report::Advised as _;
use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pregao_test_pki::Profile;
use zeroize::Zeroizing;

use crate::card::prompt::{self, PromptError, Terminal};
use crate::card::script::{Script, application, signature, wire};
use crate::card::transport::Fault;
use crate::card::{CardError, PinForm};

const MESSAGE: &[u8] = b"something to sign";
const ASK: &str = "0020008100";
const VERIFY: &str = "002000810839303833FFFFFFFF";

/// Answers in order; without answers nobody is there.
#[derive(Default)]
struct Person {
    answers: VecDeque<&'static str>,
    shown: Vec<String>,
}

impl Person {
    fn saying(answers: &[&'static str]) -> Self {
        Self { answers: answers.iter().copied().collect(), shown: Vec::new() }
    }

    fn saw(&self, text: &str) -> bool {
        self.shown.iter().any(|line| line.contains(text))
    }
}

impl Terminal for Person {
    fn is_there(&self) -> bool {
        true
    }

    fn print(&mut self, line: &str) -> std::io::Result<()> {
        self.shown.push(line.to_owned());
        Ok(())
    }

    fn ask(&mut self, question: &str) -> std::io::Result<Option<String>> {
        self.shown.push(question.to_owned());
        Ok(self.answers.pop_front().map(str::to_owned))
    }

    fn ask_hidden(&mut self, question: &str) -> std::io::Result<Option<Zeroizing<String>>> {
        Ok(self.ask(question)?.map(Zeroizing::new))
    }
}

/// A card that is opened and asked for its tries.
fn counted(tries: &str) -> Script {
    Script::new(wire(Profile::V5))
        .opens(Profile::V5)
        .then(application(Profile::V5), "9000")
        .then(ASK, tries)
}

/// A card that then signs, with `tries` left before.
fn signing(tries: &str) -> Script {
    let signature = hex::encode(signature(Profile::V5, MESSAGE));
    counted(tries)
        .same(Profile::V5)
        .then(ASK, tries)
        .then(VERIFY, "9000")
        .prepares(Profile::V5, MESSAGE)
        .then("002A9E9A00", &format!("{signature}9000"))
        .forgets(Profile::V5)
        .then(application(Profile::V5), "9000")
        .then(ASK, "63C3")
}

fn sign(script: &Script, person: &mut Person, file: Option<&Path>) -> Result<Vec<u8>, PromptError> {
    let mut card = script.open().unwrap();
    let result = prompt::sign(&mut card, MESSAGE, &["gives your name away"], file, person);
    script.finish();
    result
}

fn pin_file(folder: &tempfile::TempDir, text: &str, mode: u32) -> PathBuf {
    let file = folder.path().join("pin");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    file
}

#[test]
fn holder_tries_and_warning_are_shown_before_the_pin_is_asked() {
    let script = signing("63C3");
    let mut person = Person::saying(&["9083"]);
    sign(&script, &mut person, None).unwrap();
    let question =
        person.shown.iter().position(|line| line.contains("authentication PIN")).unwrap();
    assert!(person.shown[0].contains("Cidadã") && person.shown[0].contains("3 tries left"));
    assert_eq!(person.shown[1], "gives your name away");
    assert_eq!(question, 2, "{:?}", person.shown);
    assert_eq!(person.shown.last().unwrap(), "signed; 3 tries left");
}

#[test]
fn the_last_try_is_confirmed_by_the_whole_word() {
    let mut person = Person::saying(&["yes", "9083"]);
    sign(&signing("63C1"), &mut person, None).unwrap();
    assert!(person.saw("ONE TRY IS LEFT"));
    for answer in ["y", "", "no", "YES", "9083"] {
        let mut person = Person::saying(&[answer]);
        let error = sign(&counted("63C1"), &mut person, None).unwrap_err();
        assert!(matches!(error, PromptError::Card(CardError::LastTry)), "{answer}");
    }
}

#[test]
fn a_pin_file_does_not_use_the_last_try_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = pin_file(&folder, "9083\n", 0o600);
    let error = sign(&counted("63C1"), &mut Person::default(), Some(&file)).unwrap_err();
    assert!(matches!(error, PromptError::Nobody));
    let error = sign(&counted("63C1"), &mut Person::saying(&[""]), Some(&file)).unwrap_err();
    assert!(matches!(error, PromptError::Card(CardError::LastTry)));
    let mut person = Person::saying(&["yes"]);
    sign(&signing("63C1"), &mut person, Some(&file)).unwrap();
}

#[test]
fn a_blocked_card_asks_for_nothing() {
    let mut person = Person::default();
    let error = sign(&counted("6983"), &mut person, None).unwrap_err();
    assert!(matches!(error, PromptError::Card(CardError::Blocked)));
    assert!(person.saw("no tries left"));
    assert!(error.advice().contains("PUK"));
}

#[test]
fn a_pin_of_wrong_form_never_reaches_the_card_and_is_asked_for_again() {
    for text in ["12", "123456789", "12x4", " 9083"] {
        let mut person = Person::saying(&[text, ""]);
        let error = sign(&counted("63C3"), &mut person, None).unwrap_err();
        assert!(matches!(error, PromptError::Cancelled), "{text}");
        assert!(person.saw("no try was used"), "{text}");
        assert!(!person.saw(text), "{text}");
        sign(&signing("63C3"), &mut Person::saying(&[text, "9083"]), None).unwrap();
    }
}

#[test]
fn an_empty_line_signs_nothing() {
    let error = sign(&counted("63C3"), &mut Person::saying(&[""]), None).unwrap_err();
    assert!(matches!(error, PromptError::Cancelled));
    assert!(!error.advice().is_empty());
}

#[test]
fn a_card_that_tells_no_number_is_not_said_to_have_had_its_pin_now() {
    let text = prompt::tries(crate::card::Tries::Verified);
    assert!(text.contains("does not say") && !text.contains("verified"), "{text}");
}

#[test]
fn without_anybody_and_without_a_file_nothing_is_signed() {
    let error = sign(&counted("63C3"), &mut Person::default(), None).unwrap_err();
    assert!(matches!(error, PromptError::Nobody));
}

#[test]
fn the_keypad_of_the_reader_is_used_unless_there_is_a_file() {
    let start = || {
        Script::new(wire(Profile::V5))
            .features(Ok("060442330006"))
            .recognises(Profile::V5)
            .then(application(Profile::V5), "9000")
            .then(ASK, "63C3")
            .same(Profile::V5)
            .then(ASK, "63C3")
    };
    let mut person = Person::saying(&["yes"]);
    let error = sign(&start().keypad(Ok("6401")), &mut person, None).unwrap_err();
    assert!(matches!(error, PromptError::Card(CardError::PinpadCancelled)));
    assert!(person.saw("authentication PIN on the reader"));

    let folder = tempfile::tempdir().unwrap();
    let file = pin_file(&folder, "9083", 0o400);
    let script = start().then(VERIFY, "63C2");
    let error = sign(&script, &mut Person::default(), Some(&file)).unwrap_err();
    assert!(matches!(error, PromptError::Card(CardError::WrongPin { left: 2 })));
}

#[test]
fn a_stray_enter_starts_no_keypad() {
    let start = Script::new(wire(Profile::V5))
        .features(Ok("060442330006"))
        .recognises(Profile::V5)
        .then(application(Profile::V5), "9000")
        .then(ASK, "63C3");
    let error = sign(&start, &mut Person::saying(&[""]), None).unwrap_err();
    assert!(matches!(error, PromptError::Cancelled));
}

#[test]
fn a_count_that_cannot_be_read_afterwards_does_not_undo_the_signature() {
    let signature = hex::encode(signature(Profile::V5, MESSAGE));
    let script = counted("63C3")
        .same(Profile::V5)
        .then(ASK, "63C3")
        .then(VERIFY, "9000")
        .prepares(Profile::V5, MESSAGE)
        .then("002A9E9A00", &format!("{signature}9000"))
        .forgets(Profile::V5)
        .fails(application(Profile::V5), Fault::RemovedCard);
    let signed = sign(&script, &mut Person::saying(&["9083"]), None).unwrap();
    assert_eq!(hex::encode(signed), signature);
}

#[test]
fn a_pin_file_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o600, 0o400, 0o700] {
        assert!(prompt::from_file(&pin_file(&folder, "9083\r\nmore", mode)).is_ok(), "{mode:o}");
        std::fs::remove_file(folder.path().join("pin")).unwrap();
    }
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644] {
        let error = prompt::from_file(&pin_file(&folder, "9083", mode)).unwrap_err();
        assert!(matches!(error, PromptError::PinFileOpen { .. }), "{mode:o}");
        assert!(error.to_string().contains(&format!("{mode:o}")));
        std::fs::remove_file(folder.path().join("pin")).unwrap();
    }
}

#[test]
fn a_pin_file_holds_a_pin_in_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "\n9083"] {
        let error = prompt::from_file(&pin_file(&folder, text, 0o600)).unwrap_err();
        assert!(matches!(error, PromptError::NoPinInFile { .. }), "{text:?}");
    }
    for (text, form) in [("90 83", PinForm::NotDigits), ("908", PinForm::Short)] {
        let error = prompt::from_file(&pin_file(&folder, text, 0o600)).unwrap_err();
        let PromptError::Card(CardError::PinForm(found)) = error else { panic!("{text:?}") };
        assert_eq!(found, form);
    }
    assert!(matches!(
        prompt::from_file(folder.path()).unwrap_err(),
        PromptError::NoPinInFile { .. }
    ));
    assert!(matches!(
        prompt::from_file(&folder.path().join("absent")).unwrap_err(),
        PromptError::PinFile { .. }
    ));
}
