//! Colours: the terminal's own sixteen, on its own background, and never alone in what they say.

use ratatui::style::{Color, Modifier, Style};

/// How each kind of text is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    pub(super) text: Style,
    pub(super) strong: Style,
    pub(super) dim: Style,
    pub(super) good: Style,
    pub(super) bad: Style,
    pub(super) own: Style,
    pub(super) notice: Style,
    pub(super) alarm: Style,
    pub(super) selected: Style,
}

impl Palette {
    /// Legible on dark and on light backgrounds: no yellow, no white, no dark blue.
    #[must_use]
    pub const fn colours() -> Self {
        let plain = Self::monochrome();
        Self {
            good: Style::new().fg(Color::Green),
            bad: Style::new().fg(Color::Magenta).add_modifier(Modifier::BOLD),
            own: Style::new().fg(Color::Cyan),
            alarm: plain.alarm.fg(Color::Red),
            notice: plain.notice.fg(Color::Green),
            ..plain
        }
    }

    /// Weight and inversion only, for `NO_COLOR`.
    #[must_use]
    pub const fn monochrome() -> Self {
        let text = Style::new();
        let strong = text.add_modifier(Modifier::BOLD);
        let inverse = strong.add_modifier(Modifier::REVERSED);
        Self {
            text,
            strong,
            dim: text.add_modifier(Modifier::DIM),
            good: text,
            bad: strong,
            own: text,
            notice: inverse,
            alarm: inverse,
            selected: inverse,
        }
    }

    /// Colours unless the variable `NO_COLOR` is set and not empty (no-color.org).
    #[must_use]
    pub fn from_environment() -> Self {
        match std::env::var_os("NO_COLOR") {
            Some(value) if !value.is_empty() => Self::monochrome(),
            _ => Self::colours(),
        }
    }
}
