//! The question for the PIN of the citizen card, over everything else on the screen.
//!
//! Nothing but its own keys counts while it is open, and no character of the PIN is drawn, kept
//! in the past lines or pasted.

use std::fmt;

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};
use zeroize::Zeroizing;

use super::model::{Model, Next};
use super::palette::Palette;
use super::wrap::{fit, wrap};
use crate::ask::tries;
use crate::card::{LastTry, Pin, PinEntry};
use crate::front::{Answer, PinQuestion};
use crate::plain::plain;

/// Most digits of a PIN.
const MOST_DIGITS: usize = 8;
/// Least digits of a PIN.
const LEAST_DIGITS: usize = 4;
/// Most rows that a warning is scrolled by.
const MOST_ROWS: usize = 40;
/// Widest the question is drawn.
const WIDEST: u16 = 72;

/// The question while it is open.
pub struct PinDialogue {
    question: PinQuestion,
    digits: Zeroizing<String>,
    /// The user said that this may be the last try.
    confirmed: bool,
    /// Enter was pressed with too few digits.
    short: bool,
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
enum Stage {
    /// Say that this may be the last try.
    Confirm,
    /// Type the PIN here.
    Type,
    /// Go on to the reader.
    Pinpad,
}

impl PinDialogue {
    pub(super) fn new(question: PinQuestion) -> Self {
        // Room for all of it at once: a growing text would leave copies behind.
        let digits = Zeroizing::new(String::with_capacity(MOST_DIGITS));
        Self { question, digits, confirmed: false, short: false, scroll: 0 }
    }

    fn stage(&self) -> Stage {
        if self.question.is_last_try() && !self.confirmed {
            Stage::Confirm
        } else if self.question.pinpad {
            Stage::Pinpad
        } else {
            Stage::Type
        }
    }

    fn last(&self) -> LastTry {
        if self.confirmed { LastTry::Confirmed } else { LastTry::Refuse }
    }

    /// Takes a key in; an answer if it ends the question.
    fn key(&mut self, key: KeyEvent) -> Option<Answer> {
        if key.code == KeyCode::Esc {
            return Some(Answer::Cancel);
        }
        match key.code {
            KeyCode::Down => self.scroll = self.scroll.saturating_add(1).min(MOST_ROWS),
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            _ => {}
        }
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match (self.stage(), key.code) {
            (Stage::Confirm, KeyCode::Char('y' | 'Y')) if plain => self.confirmed = true,
            (Stage::Confirm, KeyCode::Char('n' | 'N')) => return Some(Answer::Cancel),
            (Stage::Pinpad, KeyCode::Enter) => {
                return Some(Answer::Sign(PinEntry::Pinpad, self.last()));
            }
            (Stage::Type, KeyCode::Char(digit)) if plain && digit.is_ascii_digit() => {
                if self.digits.len() < MOST_DIGITS {
                    self.digits.push(digit);
                }
                self.short = false;
            }
            (Stage::Type, KeyCode::Backspace) => {
                self.digits.pop();
            }
            (Stage::Type, KeyCode::Enter) => {
                let digits = std::mem::take(&mut self.digits);
                if digits.len() >= LEAST_DIGITS
                    && let Ok(pin) = Pin::new(digits)
                {
                    return Some(Answer::Sign(PinEntry::Typed(pin), self.last()));
                }
                self.digits = Zeroizing::new(String::with_capacity(MOST_DIGITS));
                self.short = true;
            }
            _ => {}
        }
        None
    }

    pub(super) fn draw(&self, palette: &Palette, area: Rect, frame: &mut Frame<'_>) {
        let columns = area.width.min(WIDEST);
        let inner = usize::from(columns).saturating_sub(4);
        let styled = |text: &str, style| {
            wrap(text, inner, 2).into_iter().map(move |row| Line::styled(row, style))
        };
        let mut lines: Vec<Line<'_>> = Vec::new();
        lines.extend(styled(&plain(&self.question.holder), palette.strong));
        let reader = fit(&plain(&self.question.reader), inner);
        lines.extend(styled(&format!("in {reader}"), palette.dim));
        for text in &self.question.warning {
            lines.extend(styled(&format!("• {}", plain(text)), palette.text));
        }
        // What to do must stay on the screen; of the warning, the window decides how much.
        let end = self.end(palette, inner);
        let room = usize::from(area.height).saturating_sub(2).saturating_sub(end.len());
        if lines.len() > room {
            let fits = room.saturating_sub(1);
            let first = self.scroll.min(lines.len().saturating_sub(fits));
            lines = lines.split_off(first);
            lines.truncate(fits);
            lines.push(Line::styled("Up Down: read all of it", palette.bad));
        }
        lines.extend(end);
        let rows = u16::try_from(lines.len().saturating_add(2)).unwrap_or(u16::MAX);
        let rows = rows.min(area.height);
        let x = area.x.saturating_add(area.width.saturating_sub(columns) / 2);
        let y = area.y.saturating_add(area.height.saturating_sub(rows) / 2);
        let place = Rect::new(x, y, columns, rows);
        frame.render_widget(Clear, place);
        let block = Block::bordered()
            .title(" citizen card: sign who you are? ")
            .border_style(palette.strong)
            .padding(ratatui::widgets::Padding::horizontal(1));
        frame.render_widget(Paragraph::new(lines).block(block), place);
    }

    /// Tries left, and what to do.
    fn end(&self, palette: &Palette, columns: usize) -> Vec<Line<'static>> {
        let left = tries(self.question.tries);
        let style = if self.question.is_last_try() { palette.alarm } else { palette.dim };
        let mut lines = vec![Line::default(), Line::styled(fit(&left, columns), style)];
        match self.stage() {
            Stage::Confirm => {
                let text = "y = last try  n = sign nothing";
                lines.push(Line::styled(fit(text, columns), palette.notice));
            }
            Stage::Pinpad => {
                let text = "Enter = PIN on reader  Esc = nothing";
                lines.push(Line::styled(fit(text, columns), palette.notice));
            }
            Stage::Type => {
                let dots = "•".repeat(self.digits.len());
                lines.push(Line::styled(format!("authentication PIN: {dots}"), palette.strong));
                let text = if self.short {
                    "a PIN is 4 to 8 digits; nothing was tried"
                } else {
                    "Enter = sign  Esc = sign nothing"
                };
                lines.push(Line::styled(fit(text, columns), palette.notice));
            }
        }
        lines
    }
}

impl Model {
    /// A key while the question for the PIN is open.
    pub(super) fn pin_key(&mut self, key: KeyEvent) -> Next {
        match self.pin.as_mut().and_then(|dialogue| dialogue.key(key)) {
            Some(answer) => self.answer_with(answer),
            None => Next::Wait,
        }
    }
}

#[cfg(test)]
#[path = "pin_tests.rs"]
mod tests;
