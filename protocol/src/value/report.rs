//! One form for every refusal and failure that somebody is told: a stable code for programs, what
//! happened and what to do next for people.
//!
//! An error with a code of its own implements [`Advised`]; [`Report`] is what is sent and shown of it: by the
//! TSA with every status but those of success (SPEC 11), sealed to an applicant, and by the peer to its user.
//! [`Code`](crate::room::Code) has all three parts for each of its variants.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A stable code, what happened, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Stable, e.g. `bid.too-low`: what a program may rely on.
    pub code: Cow<'static, str>,
    /// What happened: one line.
    pub message: Cow<'static, str>,
    /// What to do next: one line, or empty where nothing can be done.
    pub advice: Cow<'static, str>,
}

impl Report {
    /// A report from its three parts.
    #[must_use]
    pub fn new(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code: code.into(), message: message.into(), advice: advice.into() }
    }
}

/// Reads a report that may lack its advice, as one of a TSA of another make may: it is empty then. Members
/// beside the three are passed over. For `#[serde(deserialize_with)]`.
///
/// # Errors
/// If code or message is missing, or anything is no text.
pub fn with_or_without_advice<'de, D: Deserializer<'de>>(from: D) -> Result<Report, D::Error> {
    #[derive(Deserialize)]
    struct Given {
        code: String,
        message: String,
        #[serde(default)]
        advice: String,
    }
    let Given { code, message, advice } = Given::deserialize(from)?;
    Ok(Report::new(code, message, advice))
}

/// Two lines for a person: what happened, then what to do. The code is not among them.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.advice.is_empty() {
            return Ok(());
        }
        write!(f, "\n→ {}", self.advice)
    }
}

/// An error that somebody is told, and can do something about. Its `Display` is the message.
pub trait Advised: fmt::Display {
    /// The stable code.
    fn code(&self) -> &'static str;

    /// What to do next: one line, or empty.
    fn advice(&self) -> Cow<'static, str>;

    /// The error as it is sent and shown.
    fn report(&self) -> Report {
        Report { code: self.code().into(), message: self.to_string().into(), advice: self.advice() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_what_happened_and_what_to_do() {
        let report = Report::new("bid.too-low", "the bid is too low", "bid 20 or more");
        assert_eq!(report.to_string(), "the bid is too low\n→ bid 20 or more");
        let bare = Report { advice: "".into(), ..report };
        assert_eq!(bare.to_string(), "the bid is too low");
    }

    #[test]
    fn a_report_has_three_texts() {
        let (report, text) =
            (Report::new("a", "b", "c"), r#"{"code":"a","message":"b","advice":"c"}"#);
        assert_eq!(serde_json::to_string(&report).unwrap(), text);
        assert_eq!(serde_json::from_str::<Report>(text).unwrap(), report);
        for other in [
            r#"{"code":"a","message":"b"}"#,
            r#"{"code":"a","advice":"c"}"#,
            r#"{"message":"b","advice":"c"}"#,
            r#"{"code":1,"message":"b","advice":"c"}"#,
        ] {
            assert!(serde_json::from_str::<Report>(other).is_err(), "{other}");
        }
    }
}
