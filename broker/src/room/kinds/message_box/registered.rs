//! The broker's halves of the keys of registered letters: opened when a letter comes, published once it was accepted
//! (SPEC 8.5).

use std::time::Duration;

use pregao_protocol::letter::HalfPlace;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Body, Deposit, HandedHalf};
use pregao_protocol::room::{Code, MessageBox};
use pregao_protocol::trust::key::{OneTime, PublicKey};
use pregao_protocol::trust::seal::SealKey;
use pregao_protocol::value::clock::Time;

/// V-331: the half of a registered letter opens, and is the one that it commits to, so that it can be handed over.
///
/// # Errors
/// [`Code::DepositHalf`].
pub(super) fn judge(
    key: &SealKey,
    name: RoomName,
    author: &PublicKey<OneTime>,
    deposit: &Deposit,
) -> Result<(), Code> {
    let Some(registered) = &deposit.registered else { return Ok(()) };
    let place = HalfPlace { name, key: author, envelope: deposit.envelope.digest };
    let opened = registered.half.open(key, &place, &registered.commitment);
    opened.map(drop).map_err(|_| Code::DepositHalf)
}

/// What is appended right behind `accepted`; nothing if this broker lost the key, which is said.
pub(super) fn hand_over(
    key: &SealKey,
    name: RoomName,
    fold: &MessageBox,
    seq: u64,
) -> Option<Body> {
    let registered = fold.undecided(seq)?;
    let envelope = fold.letter(seq)?.envelope.digest;
    let place = HalfPlace { name, key: &registered.key, envelope };
    match registered.half.open(key, &place, &registered.commitment) {
        Ok(half) => Some(Body::Handed(HandedHalf { letter: seq, half })),
        Err(error) => {
            tracing::error!(
                room = %name.short(), %error,
                "a registered letter that was accepted cannot be handed over: restore delivery.key.pem"
            );
            None
        }
    }
}

/// When the next letter is recorded as lapsed, and which: once nothing that was stamped in its time can come any more
/// (V-035), so that nobody loses a letter by the way that their word took.
pub(super) fn next_lapse(fold: &MessageBox) -> Option<(Time, u64)> {
    let freshness = Duration::from_secs(fold.opening().freshness.into());
    fold.next_lapse().map(|(until, seq)| (until.plus(freshness), seq))
}

/// Says at the start, and not when somebody accepts, that the key is another than the one that halves are sealed to.
pub(super) fn warn_of_lost_key(key: &SealKey, name: RoomName, fold: &MessageBox) {
    if fold.next_lapse().is_some() && key.public() != fold.opening().broker.delivery {
        tracing::error!(
            room = %name.short(),
            "registered letters wait that are sealed to a key which is not in the data folder: restore delivery.key.pem, or they are never handed over"
        );
    }
}
