//! Brings the drawn cells to the terminal, a whole row at a time.
//!
//! ratatui sends the cells that changed and trusts the terminal to have put all earlier ones where
//! ratatui would. A terminal that measures a character differently keeps remains of it where nothing
//! changed. Here each row in which anything changed is written anew from its first column to its
//! last, and after each character that is not ASCII the place of the next is named: whatever a
//! terminal thinks of a character, what it shows of a row depends on that row alone.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect, Size};
use unicode_width::UnicodeWidthStr as _;

/// The terminal, written to by rows. It must not wrap what reaches its last column.
#[derive(Debug)]
pub(super) struct Rows<W: Write> {
    terminal: CrosstermBackend<W>,
    /// What should be on the screen, as far as anything was drawn since it was blank.
    shown: Buffer,
    /// Whether each of its rows is to be written.
    changed: Vec<bool>,
    cursor: Position,
}

impl<W: Write> Rows<W> {
    /// Over a terminal whose screen is blank.
    pub(super) fn new(writer: W) -> Self {
        Self {
            terminal: CrosstermBackend::new(writer),
            shown: Buffer::empty(Rect::ZERO),
            changed: Vec::new(),
            cursor: Position::ORIGIN,
        }
    }

    /// Has every row written with the next that is drawn.
    pub(super) fn repaint(&mut self) {
        self.changed.fill(true);
    }

    /// Takes one cell over, and what it covers.
    fn push_cell(&mut self, x: u16, y: u16, cell: &Cell) {
        let columns = columns(cell);
        let (width, height) = (x.saturating_add(columns), y.saturating_add(1));
        let area = self.shown.area.union(Rect::new(0, 0, width, height));
        if area != self.shown.area {
            let mut larger = Buffer::empty(area);
            larger.merge(&self.shown);
            self.shown = larger;
            self.changed.resize(usize::from(area.height), false);
        }
        for column in x..x.saturating_add(columns) {
            if let Some(place) = self.shown.cell_mut(Position { x: column, y }) {
                place.clone_from(cell);
                if column > x {
                    place.set_symbol(" ");
                }
            }
        }
        if let Some(changed) = self.changed.get_mut(usize::from(y)) {
            *changed = true;
        }
    }

    fn write_row(&mut self, y: u16) -> io::Result<()> {
        let width = self.shown.area.width;
        let mut run: Vec<(u16, Cell)> = Vec::new();
        let mut x = 0;
        while let Some(cell) = self.shown.cell(Position { x, y }).filter(|_| x < width) {
            let end = x.saturating_add(columns(cell));
            if cell.symbol().is_ascii() || is_line(cell.symbol()) {
                run.push((x, cell.clone()));
            } else {
                let cell = cell.clone();
                let mut blank = cell.clone();
                blank.set_symbol(" ");
                // Where a terminal draws nothing, or less than it should, nothing old stays.
                run.extend((x..end.min(width)).map(|column| (column, blank.clone())));
                self.write_run(y, &run)?;
                run.clear();
                self.write_run(y, &[(x, cell)])?;
            }
            x = end;
        }
        self.write_run(y, &run)
    }

    /// Writes cells that follow each other, from a place that is named.
    fn write_run(&mut self, y: u16, run: &[(u16, Cell)]) -> io::Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        self.terminal.draw(run.iter().map(|(x, cell)| (*x, y, cell)))
    }
}

/// Columns that a cell takes.
fn columns(cell: &Cell) -> u16 {
    u16::try_from(cell.symbol().width()).unwrap_or(1).max(1)
}

/// Whether it is one of the lines and blocks of which frames and charts are made.
fn is_line(symbol: &str) -> bool {
    symbol.chars().all(|character| matches!(character, '\u{2500}'..='\u{259f}'))
}

impl<W: Write> Backend for Rows<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        content.for_each(|(x, y, cell)| self.push_cell(x, y, cell));
        for y in 0..self.shown.area.height {
            let changed = self.changed.get_mut(usize::from(y)).map(std::mem::take);
            if changed == Some(true) {
                self.write_row(y)?;
            }
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.terminal.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.terminal.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Asking the terminal would take its answer from what the user types.
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        self.terminal.set_cursor_position(self.cursor)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        if region == ClearType::All {
            self.shown = Buffer::empty(Rect::ZERO);
            self.changed.clear();
        } else {
            self.repaint();
        }
        self.terminal.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.terminal.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.terminal)
    }
}

#[cfg(test)]
mod tests;
