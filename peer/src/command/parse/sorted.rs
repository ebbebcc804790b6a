//! The words after a command's name, sorted by what they are.

use super::{Word, Words, closed_quotes, wrong_usage};
use crate::command::{ArgumentKind, Usage, UsageError};

/// Keywords in any order, and what is none.
#[derive(Debug)]
pub(super) struct Sorted<'a> {
    usage: &'static Usage,
    /// Those that say it all.
    pub(super) flags: Vec<&'static str>,
    /// Those that are followed by a value; none if the line ends there.
    values: Vec<(&'static str, Option<&'a Word>)>,
    /// What is no keyword, in its order.
    pub(super) rest: Vec<&'a Word>,
}

impl<'a> Sorted<'a> {
    /// Sorts them. Only the keywords in `several` may be there more than once.
    pub(super) fn of(
        usage: &'static Usage,
        words: &'a Words,
        several: &[&str],
    ) -> Result<Self, UsageError> {
        closed_quotes(words)?;
        let mut sorted = Self { usage, flags: Vec::new(), values: Vec::new(), rest: Vec::new() };
        let mut left = words.words.iter();
        while let Some(word) = left.next() {
            let Some(keyword) = usage.keyword(&word.text).filter(|_| !word.quoted) else {
                sorted.rest.push(word);
                continue;
            };
            let again = sorted.has(keyword.name) || sorted.flags.contains(&keyword.name);
            if again && !several.contains(&keyword.name) {
                return Err(wrong_usage(usage, &format!("`{}` is there twice", keyword.name)));
            }
            if keyword.kind == ArgumentKind::Flag {
                sorted.flags.push(keyword.name);
            } else {
                sorted.values.push((keyword.name, left.next()));
            }
        }
        Ok(sorted)
    }

    fn has(&self, keyword: &str) -> bool {
        self.values.iter().any(|(name, _)| *name == keyword)
    }

    /// Whether a flag is there.
    pub(super) fn flag(&self, keyword: &str) -> bool {
        self.flags.contains(&keyword)
    }

    /// What is no keyword, without its quotes.
    pub(super) fn texts(&self) -> Vec<&'a str> {
        self.rest.iter().map(|word| word.text.as_str()).collect()
    }

    /// The values of a keyword, `what` in words for whoever gives none.
    pub(super) fn values(&self, keyword: &str, what: &str) -> Result<Vec<&'a str>, UsageError> {
        let of_it = self.values.iter().filter(|(name, _)| *name == keyword);
        let missing = || wrong_usage(self.usage, &format!("after `{keyword}` comes {what}"));
        of_it.map(|(_, value)| value.map(|word| word.text.as_str()).ok_or_else(missing)).collect()
    }

    /// The value of a keyword that is there once at most.
    pub(super) fn value(&self, keyword: &str, what: &str) -> Result<Option<&'a str>, UsageError> {
        Ok(self.values(keyword, what)?.first().copied())
    }

    /// The number after a keyword, from 1 on.
    pub(super) fn number<N: std::str::FromStr + PartialOrd + Default>(
        &self,
        keyword: &str,
    ) -> Result<Option<N>, UsageError> {
        let what = "a number from 1 on";
        let wrong = || wrong_usage(self.usage, &format!("after `{keyword}` comes {what}"));
        let read = |text: &str| text.parse().ok().filter(|count| *count > N::default());
        self.value(keyword, what)?.map(|text| read(text).ok_or_else(wrong)).transpose()
    }
}
