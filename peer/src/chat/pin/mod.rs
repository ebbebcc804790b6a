//! The question for the PIN of the citizen card, over everything else on the screen.
//!
//! It may come in the middle of a word: until the warning is left with a key of its own, nothing that
//! is typed counts. No character of the PIN is drawn, kept in the past lines or pasted.

use std::fmt;

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::text::Line;
use zeroize::Zeroizing;

use super::model::{Model, Next, Tone};
use super::palette::Palette;
use super::window;
use crate::card::prompt::{ASK_PIN, CONFIRMATION, not_tried, tries};
use crate::card::{LastTry, Pin, PinEntry};
use crate::front::channel::{PinQuestion, UserAnswer};
use crate::text::sanitize::sanitize;
use crate::text::wrap::{fit, wrap};

/// Most characters kept of what is typed: one more than a PIN has, so that too long is said and not
/// cut.
const MOST_TYPED: usize = 9;
/// Goes on from the warning: a key that no line being typed has.
const GO_ON: KeyCode = KeyCode::F(2);

/// The question while it is open.
pub struct PinDialogue {
    question: PinQuestion,
    stage: DialogueStage,
    /// What is typed for this stage.
    typed: Zeroizing<String>,
    /// The user said that this may be the last try.
    last: LastTry,
    /// What was wrong with what was typed last.
    wrong: Option<String>,
    /// Rows of the warning above the window.
    scroll: usize,
}

impl fmt::Debug for PinDialogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinDialogue(..)")
    }
}

/// What the user is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DialogueStage {
    /// Read. The question may have come in the middle of a word: nothing of it counts.
    Read,
    /// Say that this may be the last try.
    Confirm,
    /// Type the PIN here.
    Type,
}

fn covered(character: char) -> char {
    if character.is_alphabetic() { character } else { '•' }
}

/// Room for all of it at once: a growing text would leave copies behind.
fn empty() -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(MOST_TYPED.saturating_mul(4)))
}

impl PinDialogue {
    pub(super) fn new(question: PinQuestion) -> Self {
        let (last, stage) = (LastTry::Refuse, DialogueStage::Read);
        Self { question, stage, typed: empty(), last, wrong: None, scroll: 0 }
    }

    /// Takes a key in; an answer if it ends the question.
    fn key(&mut self, key: KeyEvent) -> Option<UserAnswer> {
        if key.code == KeyCode::Esc {
            return Some(UserAnswer::Cancel);
        }
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Down => self.scroll = self.scroll.saturating_add(1).min(window::MOST_ROWS),
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            GO_ON if self.stage == DialogueStage::Read => {
                if !self.question.is_last_try() {
                    return self.go_on();
                }
                self.stage = DialogueStage::Confirm;
            }
            _ if self.stage == DialogueStage::Read => {}
            KeyCode::Char(character) if plain => {
                if self.typed.chars().count() < MOST_TYPED {
                    self.typed.push(character);
                }
                self.wrong = None;
            }
            KeyCode::Backspace => {
                self.typed.pop();
            }
            KeyCode::Enter => return self.entered(),
            _ => {}
        }
        None
    }

    /// From reading, or from confirming, to the PIN.
    fn go_on(&mut self) -> Option<UserAnswer> {
        if self.question.pinpad {
            return Some(UserAnswer::Sign(PinEntry::Pinpad, self.last));
        }
        self.stage = DialogueStage::Type;
        None
    }

    /// Judges what was typed. An empty line signs nothing, at every stage.
    fn entered(&mut self) -> Option<UserAnswer> {
        let typed = std::mem::replace(&mut self.typed, empty());
        if typed.is_empty() {
            return Some(UserAnswer::Cancel);
        }
        if self.stage == DialogueStage::Confirm {
            if *typed == CONFIRMATION {
                self.last = LastTry::Confirmed;
                return self.go_on();
            }
            self.wrong = Some(format!("not {CONFIRMATION}; nothing was tried"));
            return None;
        }
        match Pin::new(typed) {
            Ok(pin) => Some(UserAnswer::Sign(PinEntry::Typed(pin), self.last)),
            Err(error) => {
                self.wrong = Some(not_tried(&error));
                None
            }
        }
    }

    pub(super) fn draw(&self, palette: &Palette, area: Rect, frame: &mut Frame<'_>) {
        let inner = window::columns(area);
        let styled = |text: &str, style| {
            wrap(text, inner, 2).into_iter().map(move |row| Line::styled(row, style))
        };
        let mut lines: Vec<Line<'_>> = Vec::new();
        lines.extend(styled(&sanitize(&self.question.holder), palette.strong));
        let reader = fit(&sanitize(&self.question.reader), inner);
        lines.extend(styled(&format!("in {reader}"), palette.dim));
        for text in &self.question.warning {
            lines.extend(styled(&format!("• {}", sanitize(text)), palette.text));
        }
        // What to do must stay on the screen; of the warning, the window decides how much.
        let end = self.end(palette, inner);
        let title = " citizen card: sign who you are? ";
        window::draw(title, (lines, self.scroll), end, palette, area, frame);
    }

    /// Tries left, and what to do.
    fn end(&self, palette: &Palette, columns: usize) -> Vec<Line<'static>> {
        let style = if self.question.is_last_try() { palette.alarm } else { palette.dim };
        let left = wrap(&tries(self.question.tries), columns, 2);
        let mut lines = vec![Line::default()];
        lines.extend(left.into_iter().map(|row| Line::styled(row, style)));
        let dots = "•".repeat(self.typed.chars().count());
        let hint = match self.stage {
            DialogueStage::Read if self.question.pinpad && !self.question.is_last_try() => {
                "F2 = PIN on the reader  Esc = nothing"
            }
            DialogueStage::Read => "F2 = go on  Esc = sign nothing",
            DialogueStage::Confirm => {
                // Whoever types the PIN already must not see it here either.
                let shown: String = self.typed.chars().map(covered).collect();
                let text = format!("type {CONFIRMATION} to use it: {shown}");
                lines.push(Line::styled(fit(&sanitize(&text), columns), palette.strong));
                "Enter = go on  Esc = sign nothing"
            }
            DialogueStage::Type => {
                lines.push(Line::styled(format!("{ASK_PIN}: {dots}"), palette.strong));
                "Enter = sign  Esc = sign nothing"
            }
        };
        let hint = self.wrong.as_deref().unwrap_or(hint);
        lines.extend(
            wrap(hint, columns, 2).into_iter().map(|row| Line::styled(row, palette.notice)),
        );
        lines
    }
}

impl Model {
    /// A key while the question for the PIN is open.
    pub(super) fn pin_key(&mut self, key: KeyEvent) -> Next {
        if !self.is_drawn() {
            return Next::Wait;
        }
        match self.pin.as_mut().and_then(|dialogue| dialogue.key(key)) {
            Some(answer) => {
                self.pin = None;
                if matches!(answer, UserAnswer::Sign(..)) {
                    self.report(Tone::System, "the card is signing; leave it in the reader");
                }
                self.answer_question(answer)
            }
            None => Next::Wait,
        }
    }
}

#[cfg(test)]
mod tests;
