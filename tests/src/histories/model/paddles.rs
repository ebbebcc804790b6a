//! Under which paddle a bid may be made (V-200, V-201).

use super::{Judged, unless};
use crate::histories::plain::{Act, Held, Record, Signer};

/// The positions of the bids under a name, whatever became of them.
pub(in crate::histories) fn under(log: &[Record], name: &str) -> Vec<u64> {
    let of = |record: &Record| paddle(record).is_some_and(|held| held.name == name);
    (0..).zip(log).filter(|(_, record)| of(record)).map(|(seq, _)| seq).collect()
}

fn paddle(record: &Record) -> Option<Held> {
    record.paddle.filter(|_| matches!(record.act, Act::Bid { .. } | Act::SealedBid { .. }))
}

/// Bids that have a paddle, by position.
pub(super) fn paddles(log: &[Record]) -> Vec<(u64, String)> {
    let all = (0..).zip(log);
    all.filter_map(|(seq, record)| Some((seq, paddle(record)?.name.to_owned()))).collect()
}

pub(super) fn judge(log: &[Record], next: &Record) -> Judged {
    let Some(Held { name, earlier }) = next.paddle else { return Ok(()) };
    let held = under(log, name);
    let Some((seq, is_ratio_right)) = earlier else {
        return unless(held.is_empty(), "bid.paddle");
    };
    let by = usize::try_from(seq).ok().and_then(|at| log.get(at)).map(|earlier| earlier.signer);
    let is_same = match (by, next.signer) {
        (Some(Signer::Key(one, _)), Signer::Key(other, _)) => one == other,
        _ => false,
    };
    unless(held.contains(&seq) && is_same && is_ratio_right, "bid.paddle")
}
