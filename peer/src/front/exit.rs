//! How the program ends: what its exit status tells, and where words go when standard output is
//! gone.
//!
//! What was carried out stays carried out when the disk is full or nobody reads any more; a script
//! that took that for a failure would do it again.

use std::io::{self, Write};
use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Everything asked for was carried out, and said so.
    CarriedOut,
    /// Something was refused or failed.
    Refused,
    /// Something was carried out, and that could not be written to standard output.
    Unreported,
    /// A file that was to be checked is nothing that can be checked.
    Unreadable,
    /// Files that were to be checked hold, and one of them is not the end of the matter.
    Incomplete,
}

impl Status {
    /// The exit status: 0, 1, 3, 4 or 5. A command line that cannot be read ends with 2.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::CarriedOut => 0,
            Self::Refused => 1,
            Self::Unreported => 3,
            Self::Unreadable => 4,
            Self::Incomplete => 5,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}

/// Standard output, as long as it lasts. Writing never fails: what cannot be written goes, like
/// everything after it, to standard error, and [`Out::end`] tells.
#[derive(Debug)]
pub struct Out<W, E> {
    to: W,
    instead: E,
    /// What was not written yet of the line begun last: a line goes to one place as a whole.
    line: Vec<u8>,
    broken: Option<io::Error>,
}

impl Out<io::Stdout, io::Stderr> {
    /// Standard output, with standard error in its place when it is gone.
    #[must_use]
    pub fn standard() -> Self {
        Self::new(io::stdout(), io::stderr())
    }
}

impl<W: Write, E: Write> Out<W, E> {
    /// Writes to `to`, and to `instead` once that fails.
    pub const fn new(to: W, instead: E) -> Self {
        Self { to, instead, line: Vec::new(), broken: None }
    }

    /// Ends it; `ok` is whether what was asked for was carried out.
    pub fn end(self, ok: bool) -> Status {
        self.end_as(if ok { Status::CarriedOut } else { Status::Refused })
    }

    /// Ends it as it went. Only what was carried out can go unreported: every other status says that
    /// there is something to look at.
    pub fn end_as(mut self, status: Status) -> Status {
        let _ = self.flush();
        match self.broken {
            None => status,
            Some(error) => {
                let (what, status) = match status {
                    Status::CarriedOut | Status::Unreported => {
                        ("it was carried out; do not do it again", Status::Unreported)
                    }
                    Status::Refused => ("it was refused or failed", status),
                    Status::Unreadable => ("a file cannot be read", status),
                    Status::Incomplete => ("what was checked holds so far", status),
                };
                // If that is gone too, the exit status is all that is left.
                let _ = writeln!(
                    self.instead,
                    "pregao: {what}\n  → standard output cannot be written to: {error}"
                );
                status
            }
        }
    }
}

impl<W: Write, E: Write> Write for Out<W, E> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.contains(&b'\n') {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if self.broken.is_none() {
            match self.to.write_all(&line).and_then(|()| self.to.flush()) {
                Ok(()) => return Ok(()),
                Err(error) => self.broken = Some(error),
            }
        }
        // If that is gone too, the exit status is all that is left.
        let _ = self.instead.write_all(&line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then is full.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ended(room: usize, ok: bool) -> (u8, String) {
        let mut aside = Vec::new();
        let mut out = Out::new(Full(room), &mut aside);
        for words in ["a line", "another"] {
            // In two pieces, of which only the second is written to anything.
            out.write_all(words.as_bytes()).unwrap();
            out.write_all(b"\n").unwrap();
        }
        let code = out.end(ok).code();
        (code, String::from_utf8(aside).unwrap())
    }

    #[test]
    fn what_was_carried_out_and_cannot_be_told_has_a_status_of_its_own() {
        assert_eq!(ended(100, true), (0, String::new()));
        assert_eq!(ended(100, false), (1, String::new()));
        let (code, said) = ended(10, true);
        assert_eq!(code, 3);
        assert!(said.starts_with("another\n") && said.contains("it was carried out"), "{said}");
        let (code, said) = ended(0, false);
        assert_eq!(code, 1);
        assert!(said.starts_with("a line\nanother\n") && said.contains("refused"), "{said}");
    }

    #[test]
    fn every_status_has_a_number_of_its_own_and_keeps_it_without_output() {
        let all = [
            Status::CarriedOut,
            Status::Refused,
            Status::Unreported,
            Status::Unreadable,
            Status::Incomplete,
        ];
        // 2 is for command lines that cannot be read.
        assert_eq!(all.map(Status::code), [0, 1, 3, 4, 5]);
        for status in [Status::Refused, Status::Unreadable, Status::Incomplete] {
            assert_eq!(Out::new(Full(9), Full(9)).end_as(status), status);
            let mut out = Out::new(Full(0), Full(0));
            writeln!(out, "a line").unwrap();
            assert_eq!(out.end_as(status), status);
        }
    }

    #[test]
    fn with_nowhere_to_write_to_the_status_is_left() {
        let mut out = Out::new(Full(0), Full(0));
        writeln!(out, "a line").unwrap();
        assert_eq!(out.end(true), Status::Unreported);
    }
}
