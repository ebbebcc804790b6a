//! The question whether to do something that costs much or cannot be taken back.
//!
//! Only the whole word answers it, typed into the question itself: what was in the line before is
//! still there afterwards and answers nothing.

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::model::{Model, Next, Tone};
use super::palette::Palette;
use super::window;
use crate::card::prompt::CONFIRMATION;
use crate::front::channel::{Confirmation, UserAnswer};
use crate::text::sanitize::sanitize;
use crate::text::wrap::{fit, wrap};

/// Most characters kept of an answer: more than the longest that counts.
const MOST_TYPED: usize = 16;

/// The question while it is open.
#[derive(Debug)]
pub struct ConfirmDialogue {
    question: Confirmation,
    /// Whether the screen shows it, and what was typed before that is gone.
    ready: bool,
    typed: String,
    scroll: usize,
}

impl ConfirmDialogue {
    pub(super) const fn new(question: Confirmation) -> Self {
        Self { question, ready: false, typed: String::new(), scroll: 0 }
    }

    /// Takes a key in; an answer if it ends the question.
    fn key(&mut self, key: KeyEvent) -> Option<UserAnswer> {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc => return Some(UserAnswer::Cancel),
            KeyCode::Down => self.scroll = self.scroll.saturating_add(1).min(window::MOST_ROWS),
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Char(character) if plain && self.typed.chars().count() < MOST_TYPED => {
                self.typed.push(character);
            }
            KeyCode::Backspace => {
                self.typed.pop();
            }
            KeyCode::Enter if self.typed == CONFIRMATION => return Some(UserAnswer::Yes),
            KeyCode::Enter => return Some(UserAnswer::Cancel),
            _ => {}
        }
        None
    }

    pub(super) fn draw(&self, palette: &Palette, area: Rect, frame: &mut Frame<'_>) {
        let columns = window::columns(area);
        let styled = |text: &str, style| {
            wrap(text, columns, 2).into_iter().map(move |row| Line::styled(row, style))
        };
        let mut lines: Vec<Line<'_>> =
            styled(&sanitize(&self.question.act), palette.strong).collect();
        for text in &self.question.terms {
            lines.extend(styled(&format!("• {}", sanitize(text)), palette.text));
        }
        for text in &self.question.grounds {
            lines.extend(styled(&format!("• {}", sanitize(text)), palette.bad));
        }
        let answer = match self.ready {
            true => format!("type {CONFIRMATION} to do it: {}", sanitize(&self.typed)),
            false => String::new(),
        };
        let end = vec![
            Line::default(),
            Line::styled(fit(&answer, columns), palette.strong),
            Line::styled(fit("Enter = answer  Esc = do nothing", columns), palette.notice),
        ];
        window::draw(" are you sure? ", (lines, self.scroll), end, palette, area, frame);
    }
}

impl Model {
    /// The screen shows the question, and nothing is left of what was typed before.
    pub fn takes_answers(&mut self) {
        self.touch();
        if let Some(dialogue) = &mut self.confirm {
            dialogue.ready = true;
        }
    }

    /// A key while the question is open.
    pub(super) fn confirm_key(&mut self, key: KeyEvent) -> Next {
        let drawn = self.is_drawn();
        let dialogue = self.confirm.as_mut().filter(|dialogue| dialogue.ready && drawn);
        let Some(answer) = dialogue.and_then(|dialogue| dialogue.key(key)) else {
            return Next::Wait;
        };
        self.confirm = None;
        if matches!(answer, UserAnswer::Cancel) {
            self.report(Tone::System, "nothing was sent");
        }
        self.answer_question(answer)
    }
}

#[cfg(test)]
pub(super) mod tests;
