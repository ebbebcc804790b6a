//! The words of a rule (V-170).

use super::{Cause, MAX_SOURCE, RuleError, Saying};
use crate::value::text::steers;

/// What a rule is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Integer(i64),
    Text(Saying),
    /// A name or a keyword.
    Name(&'a str),
    /// An operator, a bracket or the like.
    Mark(&'static str),
    /// Nothing more.
    End,
}

/// A token, and the byte of the source at which it begins.
pub(super) type Placed<'a> = (Token<'a>, usize);

/// Longer ones before those that they begin with.
const MARKS: [&str; 20] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "=", "!", "+", "-", "*", "/", "%", "(", ")", "{",
    "}", ";",
];

/// Error at a byte of the source.
pub(super) fn error(source: &str, at: usize, cause: Cause) -> RuleError {
    let before = source.get(..at).unwrap_or(source);
    let line = before.rsplit('\n').next().unwrap_or_default();
    RuleError {
        line: before.matches('\n').count().saturating_add(1),
        column: line.chars().count().saturating_add(1),
        cause,
    }
}

/// Every token of a source, [`Token::End`] last.
pub(super) fn tokens(source: &str) -> Result<Vec<Placed<'_>>, RuleError> {
    if source.is_empty() || source.len() > MAX_SOURCE {
        return Err(error(source, 0, Cause::Size));
    }
    let mut tokens = Vec::new();
    let mut rest = source;
    loop {
        rest = rest.trim_start_matches([' ', '\n']);
        let at = source.len().saturating_sub(rest.len());
        let (token, after) = token(rest).map_err(|cause| error(source, at, cause))?;
        let is_end = token == Some(Token::End);
        tokens.extend(token.map(|token| (token, at)));
        if is_end {
            return Ok(tokens);
        }
        rest = after;
    }
}

/// What the rest begins with, if that is not a comment, and what follows.
fn token(rest: &str) -> Result<(Option<Token<'_>>, &str), Cause> {
    let Some(first) = rest.chars().next() else { return Ok((Some(Token::End), rest)) };
    if rest.starts_with("//") {
        return Ok((None, skip_comment(rest)?));
    }
    let (token, after) = match first {
        '"' => text(rest)?,
        '0'..='9' => integer(rest)?,
        'a'..='z' => {
            let (name, after) = split(rest, is_of_a_name);
            (Token::Name(name), after)
        }
        _ => {
            let mark = MARKS.iter().find_map(|mark| Some((*mark, rest.strip_prefix(mark)?)));
            let (mark, after) = mark.ok_or(Cause::Character(first))?;
            (Token::Mark(mark), after)
        }
    };
    Ok((Some(token), after))
}

/// A comment goes to the end of its line, and steers no reader either.
fn skip_comment(rest: &str) -> Result<&str, Cause> {
    let (comment, after) = split(rest, |character| character != '\n');
    match comment.chars().find(|character| steers(*character)) {
        Some(steering) => Err(Cause::Character(steering)),
        None => Ok(after),
    }
}

const fn is_of_a_name(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
}

/// What a text begins with as long as a condition holds, and what follows.
fn split(text: &str, holds: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|character| !holds(character)).unwrap_or(text.len()))
}

fn integer(rest: &str) -> Result<(Token<'_>, &str), Cause> {
    // A letter right behind a number is most often meant for it.
    let (digits, after) = split(rest, is_of_a_name);
    let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
    let is_apart = digits.split('_').all(|part| !part.is_empty());
    let is_number = digits.chars().all(|character| character.is_ascii_digit() || character == '_');
    let is_short = plain.len() == 1 || !plain.starts_with('0');
    let number = plain.parse().ok().filter(|_| is_apart && is_number && is_short);
    number.map(|number| (Token::Integer(number), after)).ok_or(Cause::Number)
}

fn text(rest: &str) -> Result<(Token<'_>, &str), Cause> {
    let mut written = String::new();
    let mut characters = rest.chars();
    // The quotation mark that it begins with.
    characters.next();
    loop {
        let character = match characters.next() {
            None | Some('\n') => return Err(Cause::OpenText),
            Some('"') => break,
            Some('\\') => match characters.next() {
                Some(escaped @ ('"' | '\\')) => escaped,
                Some(_) | None => return Err(Cause::Escape),
            },
            Some(character) => character,
        };
        written.push(character);
    }
    let saying = Saying::try_from(written).map_err(|_| Cause::Text)?;
    Ok((Token::Text(saying), characters.as_str()))
}
