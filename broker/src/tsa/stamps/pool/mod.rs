//! Requests of different peers in one message: so mixed that a place says nothing of whose it is (SPEC 1).

use std::time::Duration;

use pregao_protocol::host::{Host, NoRandomness};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_DIGESTS;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use tokio::sync::{mpsc, oneshot};

use super::GrantedStamps;

/// How long digests of different peers are collected before they go out together.
const POOL_FOR: Duration = Duration::from_millis(1);
/// Digests in a request at the least; those that no peer asked for are random.
pub(super) const COVER: usize = 16;

/// One request for stamps.
pub(super) struct QueuedRequest {
    pub(super) digests: Vec<Digest>,
    pub(super) answer: oneshot::Sender<GrantedStamps>,
}

/// What was pooled into one message: who asked, and where their digests went.
pub(super) struct Pooled {
    pub(super) parts: Vec<(oneshot::Sender<GrantedStamps>, Vec<usize>)>,
}

/// Takes what arrives within [`POOL_FOR`] of the first request, in groups that fit one message.
pub(super) async fn gather(
    first: QueuedRequest,
    queue: &mut mpsc::Receiver<QueuedRequest>,
) -> Vec<Vec<QueuedRequest>> {
    let mut requests = vec![first];
    let until = tokio::time::Instant::now() + POOL_FOR;
    while requests.iter().map(|request| request.digests.len()).sum::<usize>() < 4 * MAX_DIGESTS {
        match tokio::time::timeout_at(until, queue.recv()).await {
            Ok(Some(request)) => requests.push(request),
            Ok(None) | Err(_) => break,
        }
    }
    let mut groups: Vec<Vec<QueuedRequest>> = vec![Vec::new()];
    let mut filled = 0;
    for request in requests {
        if filled + request.digests.len() > MAX_DIGESTS {
            groups.push(Vec::new());
            filled = 0;
        }
        filled += request.digests.len();
        if let Some(group) = groups.last_mut() {
            group.push(request);
        }
    }
    groups
}

/// Puts the digests of several requests into one list in random order, among random digests that
/// nobody asked for: so that a request with few of them does not say that they share an author.
pub(super) fn mix(
    requests: Vec<QueuedRequest>,
    generator: &mut impl CryptoRng,
) -> (Vec<Digest>, Pooled) {
    // Whose digest, and which of theirs; nobody's for the cover.
    let mut slots: Vec<Option<(usize, usize)>> = Vec::new();
    for (who, request) in requests.iter().enumerate() {
        slots.extend((0..request.digests.len()).map(|which| Some((who, which))));
    }
    slots.resize(slots.len().max(COVER), None);
    slots.shuffle(generator);
    let mut digests = Vec::with_capacity(slots.len());
    let mut places: Vec<Vec<usize>> =
        requests.iter().map(|request| vec![0; request.digests.len()]).collect();
    for (at, slot) in slots.into_iter().enumerate() {
        let asked = slot.and_then(|(who, which)| requests.get(who)?.digests.get(which));
        digests.push(asked.copied().unwrap_or_else(|| random_digest(generator)));
        let place = slot.and_then(|(who, which)| places.get_mut(who)?.get_mut(which));
        if let Some(place) = place {
            *place = at;
        }
    }
    let parts = requests.into_iter().map(|request| request.answer).zip(places).collect();
    (digests, Pooled { parts })
}

fn random_digest(generator: &mut impl CryptoRng) -> Digest {
    let mut bytes = [0_u8; 32];
    generator.fill_bytes(&mut bytes);
    Digest(bytes)
}

/// A generator for one round of mixing.
pub(super) fn generator(host: &Host) -> Result<ChaCha12Rng, NoRandomness> {
    Ok(ChaCha12Rng::from_seed(host.random()?))
}

#[cfg(test)]
mod tests;
