//! What each key does.

use ratatui::crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};

use super::model::{Model, Next};

/// Lines by which a page key scrolls.
const PAGE: isize = 8;

/// Most keys of one read that are taken in: more than a line holds.
pub(super) const MOST_TYPED: usize = 4_096;

/// The keys in words, for the help.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("Enter", "send the line; without a slash it is said in the room on screen"),
    ("Tab", "complete a command, a room (by name or title), a keyword"),
    ("Up Down", "earlier and later lines; PgUp, PgDn scroll; Ctrl-L draws anew"),
    ("Ctrl-N Ctrl-P", "next and previous room (also Alt or Ctrl with Up, Down)"),
    ("F2", "the next letters that you have not read, and back to the rooms"),
    // In one line, so that all commands and all keys fit a screen of 24 rows.
    ("Esc Ctrl-C", "hide the alarm, the help, the question; leave (also Ctrl-D)"),
];

impl Model {
    /// Takes in what arrived in one read. Once a question is open or was answered, what came with it
    /// was typed before it could be read, and counts for nothing.
    pub fn events(&mut self, events: Vec<TerminalEvent>) -> Next {
        let too_much = events.len() > MOST_TYPED;
        if too_much || (!self.is_asked() && is_several_lines(&events)) {
            self.help = false;
            if too_much {
                self.refuse_several();
            } else {
                self.paste(&events.iter().filter_map(typed).collect::<String>());
            }
            return if events.iter().any(leaves) { Next::Quit } else { Next::Wait };
        }
        for event in events {
            let next = match event {
                TerminalEvent::Key(key) => self.key(key),
                TerminalEvent::Paste(text) if !self.is_asked() => {
                    self.paste(&text);
                    Next::Wait
                }
                TerminalEvent::Resize(..) => {
                    self.repaint();
                    Next::Wait
                }
                TerminalEvent::Paste(_)
                | TerminalEvent::FocusGained
                | TerminalEvent::FocusLost
                | TerminalEvent::Mouse(_) => Next::Wait,
            };
            if next != Next::Wait {
                return next;
            }
        }
        Next::Wait
    }

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
        if self.confirm.is_some() {
            return self.confirm_key(key);
        }
        if self.help {
            self.help = false;
            return Next::Wait;
        }
        match key.code {
            KeyCode::F(1) => self.help = true,
            KeyCode::F(2) => self.walk_letters(),
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
                // What a letter says is not offered again where others hear it.
                let line = match self.writes_letter(self.input.text()) {
                    true => self.input.take_unremembered(),
                    false => self.input.take(),
                };
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
}

/// The character that a key types.
fn typed(event: &TerminalEvent) -> Option<char> {
    let TerminalEvent::Key(key) = event else { return None };
    let steers = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        _ if key.kind == KeyEventKind::Release || steers => None,
        KeyCode::Char(character) => Some(character),
        KeyCode::Enter => Some('\n'),
        _ => None,
    }
}

/// Whether more was typed after an Enter.
fn is_several_lines(events: &[TerminalEvent]) -> bool {
    let text: String = events.iter().filter_map(typed).collect();
    text.split_once('\n').is_some_and(|(_, rest)| !rest.is_empty())
}

fn leaves(event: &TerminalEvent) -> bool {
    let TerminalEvent::Key(key) = event else { return false };
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'd'))
}
