//! Search through subjects, texts and names: rows are opened in batches, newest first, and nothing of a word is kept in
//! the file, not even hashed.

use super::contacts::ContactId;
use super::letters::{LetterNumber, LetterRecord};
use super::rows::{Kept, View};
use super::{DamagedRow, MailError};
use std::collections::HashMap;

/// Letters that one call looks at, at most: a search of a large store goes on where it stopped, and the program
/// answers others meanwhile.
pub const BATCH: usize = 2_000;

/// Rows that are in memory at the same time.
const ROWS: i64 = 100;

/// Characters of a text around what was found.
const AROUND: usize = 40;

/// A letter in which all words were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The letter.
    pub letter: Kept<LetterNumber, LetterRecord>,
    /// The text around the first word, if it is there.
    pub around: Option<String>,
}

/// What one call found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// Letters, newest first.
    pub found: Vec<Found>,
    /// Letters that could not be looked at.
    pub damaged: Vec<DamagedRow>,
    /// Ask again with this for what is before; none: all were looked at.
    pub before: Option<LetterNumber>,
}

impl View<'_> {
    /// Looks for letters whose subject, text, contact or files' names hold every word, in upper or lower case: at most
    /// `most` of them, among at most [`BATCH`] letters before a number, if one is given. A page without any is not the
    /// last one if it says where to go on.
    ///
    /// # Errors
    /// [`MailError`] if the file cannot be read.
    pub fn search(
        &self,
        words: &str,
        before: Option<LetterNumber>,
        most: usize,
    ) -> Result<SearchPage, MailError> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let mut page = SearchPage::default();
        if words.is_empty() {
            return Ok(page);
        }
        let names = self.names()?;
        let mut before = before.map_or(i64::MAX, |number| number.0);
        let mut looked = 0;
        while looked < BATCH {
            let condition = "WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
            let rows = self.rows::<LetterRecord>(condition, &[&before, &ROWS])?;
            if rows.is_empty() {
                return Ok(page);
            }
            for (id, row) in rows {
                (before, looked) = (id, looked + 1);
                let whole = row.map_err(MailError::from).and_then(|record| {
                    let found = self.find(&words, LetterNumber(id), &record, &names)?;
                    Ok(found.map(|around| (record, around)))
                });
                match whole {
                    Ok(None) => {}
                    Ok(Some((record, around))) => {
                        let letter = Kept { id: LetterNumber(id), record };
                        page.found.push(Found { letter, around });
                    }
                    Err(MailError::Row(damaged)) => page.damaged.push(damaged),
                    Err(error) => return Err(error),
                }
                if page.found.len() >= most.max(1) || looked >= BATCH {
                    page.before = Some(LetterNumber(before));
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    /// Names of all contacts, in lower case.
    fn names(&self) -> Result<HashMap<ContactId, String>, MailError> {
        let contacts = self.contacts()?.into_iter().flatten();
        let name = |kept: Kept<ContactId, super::contacts::ContactRecord>| {
            (kept.id, kept.record.name.as_str().to_lowercase())
        };
        Ok(contacts.map(name).collect())
    }

    /// Nothing if a word is missing; else the text around the first word.
    fn find(
        &self,
        words: &[String],
        number: LetterNumber,
        record: &LetterRecord,
        names: &HashMap<ContactId, String>,
    ) -> Result<Option<Option<String>>, MailError> {
        let name = record.contact.and_then(|contact| names.get(&contact));
        let mut small: Vec<String> = name.cloned().into_iter().collect();
        small.extend(record.subject.as_ref().map(|subject| subject.to_lowercase()));
        small.extend(record.attachments.iter().map(|file| file.name.as_str().to_lowercase()));
        let said = self.said(number, record)?.letter();
        let text = said.as_ref().map_or(&*record.beginning, |letter| letter.text.as_str());
        let lower = text.to_lowercase();
        let is_there =
            |word: &String| lower.contains(word) || small.iter().any(|part| part.contains(word));
        if !words.iter().all(is_there) {
            return Ok(None);
        }
        let first = words.iter().find_map(|word| lower.find(word));
        // Counted in characters: the lower-case form may have other bytes.
        let at = first.and_then(|at| lower.get(..at)).map(|before| before.chars().count());
        Ok(Some(
            at.map(|at| {
                text.chars().skip(at.saturating_sub(AROUND / 2)).take(AROUND * 2).collect()
            }),
        ))
    }
}
