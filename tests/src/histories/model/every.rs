//! Rules of every room (SPEC 7.2).

use super::{Judged, terms, unless};
use crate::histories::plain::{Batch, Record, SECOND, Signer};

/// V-030 to V-037.
pub(super) fn judge(log: &[Record], next: &Record) -> Judged {
    let terms = terms(log);
    let freshness = terms.freshness * SECOND;
    let newest = log.iter().map(|record| record.batch.time).max().unwrap_or(0);
    unless(next.is_of_this_room, "room.other")?;
    unless(terms.stamps.contains(&next.batch.tsa), "stamp.unknown-tsa")?;
    unless(next.act.is_brokers() == (next.signer == Signer::Broker), "verb.author")?;
    for record in log {
        let again = match next.signer {
            Signer::Broker => record.digest == next.digest,
            Signer::Key(..) => record.signer == next.signer,
        };
        unless(!again, "key.reused")?;
    }
    unless(next.batch.time + freshness >= newest, "stamp.stale")?;
    for known in &headers(log, freshness) {
        unless(!contradict(known, &next.batch), "stamp.contradiction")?;
    }
    let (size, is_root_true) = next.seen;
    for missed in log.iter().skip(usize::try_from(size).unwrap_or(usize::MAX)) {
        unless(missed.batch.time + freshness >= next.batch.time, "seen.stale")?;
    }
    unless(size <= log.len() as u64 && is_root_true, "seen.false")
}

/// The headers that are not forgotten (V-034).
fn headers(log: &[Record], freshness: u64) -> Vec<Batch> {
    let mut known: Vec<Batch> = Vec::new();
    let mut newest = 0;
    for record in log {
        newest = newest.max(record.batch.time);
        if known.contains(&record.batch) {
            continue;
        }
        known.push(record.batch);
        loop {
            let mut of_it: Vec<&Batch> =
                known.iter().filter(|known| known.tsa == record.batch.tsa).collect();
            of_it.sort_by_key(|known| known.number);
            match of_it.as_slice() {
                [lowest, higher, ..] if higher.time + 2 * freshness < newest => {
                    let lowest = **lowest;
                    known.retain(|known| *known != lowest);
                }
                _ => break,
            }
        }
    }
    known
}

/// V-034, of two headers.
fn contradict(one: &Batch, other: &Batch) -> bool {
    if one.tsa != other.tsa {
        return false;
    }
    if one.number == other.number {
        return one != other;
    }
    let (lower, higher) = if one.number < other.number { (one, other) } else { (other, one) };
    let later = lower.time > higher.time || lower.time > higher.prev_time;
    let is_next = lower.number + 1 == higher.number;
    later || (is_next && (higher.prev != lower.hash || higher.prev_time != lower.time))
}
