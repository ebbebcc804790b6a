//! Objects in files that are larger than they: read as far as the object says it goes.

use super::CardError;
use super::apdu::{CardOperation, CommandApdu, File};
use super::session::{Session, Stop};

/// Largest object read, in bytes; a card that claims more is not believed.
const MAX_OBJECT: usize = 4096;
/// Most bytes that one READ BINARY gives.
pub(super) const BLOCK: usize = 256;
/// Most commands spent on one object; a card that gives less at a time is not waited for.
const MAX_BLOCKS: usize = 64;

/// How an object begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectForm {
    /// `30 82`, then the length in two bytes.
    Certificate,
    /// Tag 6D, then a length.
    Identity,
}

/// Selects a file and reads the object in it, without the padding behind.
pub(super) fn read(
    session: &mut Session<'_>,
    step: CardOperation,
    file: File,
    form: ObjectForm,
) -> Result<Vec<u8>, Stop> {
    session.succeed(step, &CommandApdu::select(file))?;
    let mut object = session.read(step, 0, BLOCK)?.unwrap_or_default();
    let length = length(&object, form).ok_or(CardError::Garbled(step))?;
    gather(session, step, &mut object, length)?;
    if object.len() < length {
        return Err(CardError::Garbled(step).into());
    }
    object.truncate(length);
    Ok(object)
}

/// Selects a file and reads its first `length` bytes, or fewer if it ends before.
pub(super) fn beginning(
    session: &mut Session<'_>,
    step: CardOperation,
    file: File,
    length: usize,
) -> Result<Vec<u8>, Stop> {
    session.succeed(step, &CommandApdu::select(file))?;
    let mut bytes = Vec::new();
    gather(session, step, &mut bytes, length)?;
    Ok(bytes)
}

/// Reads on until there are `length` bytes or the file ends: a reader or card may give less at a
/// time than it is asked for.
fn gather(
    session: &mut Session<'_>,
    step: CardOperation,
    bytes: &mut Vec<u8>,
    length: usize,
) -> Result<(), Stop> {
    for _ in 0..MAX_BLOCKS {
        let wanted = length.saturating_sub(bytes.len()).min(BLOCK);
        if wanted == 0 {
            break;
        }
        match session.read(step, bytes.len(), wanted)? {
            Some(block) if !block.is_empty() => bytes.extend(block),
            _ => break,
        }
    }
    Ok(())
}

/// How long an object is from its first to its last byte, if it begins as it should.
fn length(start: &[u8], form: ObjectForm) -> Option<usize> {
    let (header, content) = match (form, start) {
        (ObjectForm::Certificate, &[0x30, 0x82, high, low, ..])
        | (ObjectForm::Identity, &[0x6D, 0x82, high, low, ..]) => {
            (4, usize::from(u16::from_be_bytes([high, low])))
        }
        (ObjectForm::Identity, &[0x6D, 0x81, length, ..]) => (3, usize::from(length)),
        (ObjectForm::Identity, &[0x6D, length @ 0..=0x7F, ..]) => (2, usize::from(length)),
        _ => return None,
    };
    Some(header + content).filter(|length| *length <= MAX_OBJECT)
}

/// The content of the first object with tag `tag` directly inside an identity object. Tags and
/// lengths are those of BER; the object ends where it says, whatever follows.
pub(super) fn inside(object: &[u8], tag: u8) -> Option<&[u8]> {
    let (_, mut rest) = split(object)?;
    while !rest.is_empty() {
        let (found, content, after) = split_next(rest)?;
        if found == tag {
            return Some(content);
        }
        rest = after;
    }
    None
}

/// Tag and content of the first object.
fn split(bytes: &[u8]) -> Option<(u8, &[u8])> {
    split_next(bytes).map(|(tag, content, _)| (tag, content))
}

/// Tag, content and what follows. The tag of more than one byte is given as its first byte, which
/// no tag of one byte is.
fn split_next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, mut rest) = bytes.split_first()?;
    if tag & 0x1F == 0x1F {
        let end = rest.iter().position(|byte| byte & 0x80 == 0)?;
        rest = rest.get(end.saturating_add(1)..)?;
    }
    let (length, rest) = match *rest {
        [0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
        [0x81, length, ref rest @ ..] => (usize::from(length), rest),
        [length @ 0..=0x7F, ref rest @ ..] => (usize::from(length), rest),
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}
