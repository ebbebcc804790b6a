//! The window with the desk's questions, over everything else on the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Padding, Paragraph};

use super::palette::Palette;

/// Most rows that a text is scrolled by.
pub(super) const MOST_ROWS: usize = 400;
/// Widest a question is drawn.
const WIDEST: u16 = 72;

/// Columns of text in the window.
pub(super) fn columns(area: Rect) -> usize {
    usize::from(area.width.min(WIDEST)).saturating_sub(4)
}

/// Draws a question: its text, from row `scroll` on where not all of it fits, and below it what to
/// do, which always stays.
pub(super) fn draw(
    title: &'static str,
    (text, scroll): (Vec<Line<'_>>, usize),
    end: Vec<Line<'_>>,
    palette: &Palette,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let mut lines = text;
    let room = usize::from(area.height).saturating_sub(2).saturating_sub(end.len());
    if lines.len() > room {
        let fits = room.saturating_sub(1);
        let first = scroll.min(lines.len().saturating_sub(fits));
        lines = lines.split_off(first);
        lines.truncate(fits);
        lines.push(Line::styled("Up Down: read all of it", palette.bad));
    }
    lines.extend(end);
    let rows = u16::try_from(lines.len().saturating_add(2)).unwrap_or(u16::MAX).min(area.height);
    let columns = area.width.min(WIDEST);
    let x = area.x.saturating_add(area.width.saturating_sub(columns) / 2);
    let y = area.y.saturating_add(area.height.saturating_sub(rows) / 2);
    let place = Rect::new(x, y, columns, rows);
    frame.render_widget(Clear, place);
    let block =
        Block::bordered().title(title).border_style(palette.strong).padding(Padding::horizontal(1));
    frame.render_widget(Paragraph::new(lines).block(block), place);
}
