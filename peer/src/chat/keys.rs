//! What each key does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::{Model, Next};

/// Lines by which a page key scrolls.
const PAGE: isize = 8;

/// The keys in words, for the help.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("Enter", "send the line; without a slash it is said in the room on screen"),
    ("Tab", "complete a command, a room (by name or title), a keyword"),
    ("Up Down", "earlier and later lines"),
    ("PgUp PgDn", "scroll the messages; Ctrl-L draws the screen anew"),
    ("Ctrl-N Ctrl-P", "next and previous room (also Alt or Ctrl with Up, Down)"),
    ("Esc", "hide the alarm, the help, the question"),
    ("Ctrl-C Ctrl-D", "leave"),
];

impl Model {
    /// Takes a key in.
    pub fn key(&mut self, key: KeyEvent) -> Next {
        if key.kind == KeyEventKind::Release {
            return Next::Wait;
        }
        self.touch();
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let jump = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Next::Quit;
        }
        if control && key.code == KeyCode::Char('l') {
            self.repaint();
            return Next::Wait;
        }
        if self.pin.is_some() {
            return self.pin_key(key);
        }
        if self.help {
            self.help = false;
            return Next::Wait;
        }
        if self.confirm.is_some() {
            return self.confirming(key);
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other key edits the line")]
        match key.code {
            KeyCode::F(1) => self.help = true,
            KeyCode::Char('?') if self.input.is_empty() => self.help = true,
            KeyCode::Up if jump => self.walk(-1),
            KeyCode::Down if jump => self.walk(1),
            KeyCode::Char('p') if control => self.walk(-1),
            KeyCode::Char('n') if control => self.walk(1),
            KeyCode::PageUp => self.scroll(PAGE),
            KeyCode::PageDown => self.scroll(-PAGE),
            KeyCode::Up => self.input.older(),
            KeyCode::Down => self.input.newer(),
            KeyCode::Tab => self.complete(false),
            KeyCode::BackTab => self.complete(true),
            KeyCode::Esc => {
                if !self.input.dismiss() {
                    self.alarm = None;
                }
            }
            KeyCode::Enter => {
                let line = self.input.take();
                return self.submit(&line);
            }
            _ => {
                self.input.edit(key);
            }
        }
        Next::Wait
    }

    fn complete(&mut self, back: bool) {
        let names = self.names();
        self.input.complete(&names, back);
    }

    /// A question is on screen: nothing but its answer counts, so that typing ahead sends nothing.
    fn confirming(&mut self, key: KeyEvent) -> Next {
        if matches!(key.code, KeyCode::Char('y' | 'Y')) {
            self.decide(true)
        } else if matches!(key.code, KeyCode::Char('n' | 'N') | KeyCode::Esc) {
            self.decide(false)
        } else {
            Next::Wait
        }
    }
}
