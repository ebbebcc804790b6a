//! The three ways to show what was deposited.

use super::{ByHash, ByReader, BySender, NotShown, Way, evident};
use crate::letter::{BoxKeys, Class, Content, Place, show, verify_member};
use crate::room::action::Action;
use crate::room::body::{Body, Deposit, Keys, OnceKey};
use crate::trust::prekey::PrekeyPublic;
use crate::value::codec::Digest;

impl Way {
    /// Verifies that `sender` wrote what was deposited in the box `reader`. Gives the hash of the content, and the content
    /// if it is shown.
    pub(super) fn verify(
        &self,
        reader: &BoxKeys,
        deposit: &Deposit,
        sender: &BoxKeys,
    ) -> Result<(Digest, Option<Content>), NotShown> {
        let content = match self {
            Self::Sender(by) => by.verify(reader, deposit, sender)?,
            Self::Reader(by) => by.verify(reader, deposit, sender)?,
            Self::Hash(by) => {
                by.verify(reader, deposit, sender)?;
                return Ok((by.hash, None));
            }
        };
        Ok((content.hash(), Some(content)))
    }
}

impl BySender {
    fn verify(
        &self,
        reader: &BoxKeys,
        deposit: &Deposit,
        sender: &BoxKeys,
    ) -> Result<Content, NotShown> {
        let (signed, once) = self.stated(reader, deposit).ok_or(NotShown::Keys)?;
        let class = Class::of_envelope(deposit.envelope.size.size()).ok_or(NotShown::NotSealed)?;
        let place = Place { name: reader.name, signed: &signed, once: once.as_ref(), class };
        let shown = show::BySender { place, content: self.content.as_bytes(), seeds: &self.seeds };
        let shown = shown.verify(&deposit.envelope.digest, sender);
        evident(shown.map_err(|error| NotShown::of(error, NotShown::NotSealed))?)
    }

    /// V-307: the keys, if the reader stated them and the deposit names them.
    fn stated(
        &self,
        reader: &BoxKeys,
        deposit: &Deposit,
    ) -> Option<(PrekeyPublic, Option<PrekeyPublic>)> {
        let stated: Option<Vec<Keys>> = self.keys.iter().map(|keys| stated(keys, reader)).collect();
        let stated = stated?;
        let (first, last) = match &*stated {
            [only] => (only, only),
            // One that states both says all: there is one way to show it.
            [first, last] if !states(first, deposit.once.as_ref()?) => (first, last),
            _ => return None,
        };
        let signed = PrekeyPublic::parse(&self.signed).ok()?;
        if first.signed != deposit.signed || signed.digest() != deposit.signed {
            return None;
        }
        let once = match (&self.once, &deposit.once) {
            (None, None) => None,
            (Some(shown), Some(named)) => {
                let stock = last.stock.filter(|stock| stock.root == named.stock)?;
                let key = PrekeyPublic::parse(&shown.key).ok()?;
                let (count, index) = (stock.count.into(), named.index.into());
                verify_member(&stock.root, count, index, &key, &shown.path).ok()?;
                Some(key)
            }
            _ => return None,
        };
        Some((signed, once))
    }
}

/// What an action states of the keys of a box, if it is one by its owner.
fn stated(compact: &str, of: &BoxKeys) -> Option<Keys> {
    let action = Action::parse(compact).ok()?;
    let Body::Keys(keys) = action.body() else { return None };
    let is_owners = action.room() == of.name && action.key().as_bytes() == of.key.as_bytes();
    is_owners.then(|| keys.clone())
}

fn states(keys: &Keys, once: &OnceKey) -> bool {
    keys.stock.is_some_and(|stock| stock.root == once.stock)
}

impl ByReader {
    fn verify(
        &self,
        reader: &BoxKeys,
        deposit: &Deposit,
        sender: &BoxKeys,
    ) -> Result<Content, NotShown> {
        require_size(&self.envelope, deposit)?;
        let content = self.content.as_bytes();
        let (name, signed) = (reader.name, deposit.signed);
        let shown = show::ByReader { name, signed, envelope: &self.envelope, content };
        let shown = shown.verify(&deposit.envelope.digest, sender);
        evident(shown.map_err(|error| NotShown::of(error, NotShown::OtherEnvelope))?)
    }
}

impl ByHash {
    fn verify(
        &self,
        reader: &BoxKeys,
        deposit: &Deposit,
        sender: &BoxKeys,
    ) -> Result<(), NotShown> {
        require_size(&self.envelope, deposit)?;
        let shown = show::ByHash {
            name: reader.name,
            signed: deposit.signed,
            envelope: &self.envelope,
            hash: self.hash,
            signature: &self.signature,
        };
        let shown = shown.verify(&deposit.envelope.digest, sender);
        shown.map_err(|error| NotShown::of(error, NotShown::OtherEnvelope))
    }
}

/// An entry that states another size than its envelope has is one of no honest broker.
fn require_size(envelope: &[u8], deposit: &Deposit) -> Result<(), NotShown> {
    let is_of_size = envelope.len() as u64 == deposit.envelope.size.size();
    if is_of_size { Ok(()) } else { Err(NotShown::OtherEnvelope) }
}
