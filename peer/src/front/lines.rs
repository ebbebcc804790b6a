//! Lines of bounded length, as a program reads them from its standard input.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Clock;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// Longest line read, in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// What some programs write before the first line of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A line, or that there was one too long to keep.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TakenLine {
    Whole(Vec<u8>),
    TooLong,
}

/// Cuts input into lines of bounded length. What was read so far survives a cancelled wait.
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    skipping: bool,
    /// No line was read yet: a byte order mark may precede the first.
    first: bool,
    clock: Arc<dyn Clock>,
    /// When the input buffered now was read; lines that came in one piece were written together.
    filled: Option<Duration>,
}

impl<R> Lines<R> {
    pub(crate) const fn new(input: R, clock: Arc<dyn Clock>) -> Self {
        Self { input, line: Vec::new(), skipping: false, first: true, clock, filled: None }
    }
}

/// The next line, and when it was there at the latest.
pub(crate) async fn next_line<R: AsyncBufRead + Unpin>(
    lines: &mut Option<Lines<R>>,
) -> io::Result<Option<(TakenLine, Duration)>> {
    let Some(lines) = lines else { return Ok(None) };
    loop {
        let bytes = lines.input.fill_buf().await?;
        let filled = *lines.filled.get_or_insert_with(|| lines.clock.uptime());
        let (ended, all) = (bytes.is_empty(), bytes.len());
        let (part, found) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => (bytes.get(..end).unwrap_or(bytes), true),
            None => (bytes, false),
        };
        if lines.line.len().saturating_add(part.len()) > LONGEST_LINE {
            lines.skipping = true;
            lines.line = Vec::new();
        }
        if !lines.skipping {
            lines.line.extend_from_slice(part);
        }
        let used = part.len().saturating_add(usize::from(found));
        lines.input.consume(used);
        if used == all {
            lines.filled = None;
        }
        if ended && lines.line.is_empty() && !lines.skipping {
            return Ok(None);
        }
        if found || ended {
            let mut line = std::mem::take(&mut lines.line);
            if std::mem::take(&mut lines.first) && line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            let line = match std::mem::take(&mut lines.skipping) {
                true => TakenLine::TooLong,
                false => TakenLine::Whole(line),
            };
            return Ok(Some((line, filled)));
        }
    }
}
