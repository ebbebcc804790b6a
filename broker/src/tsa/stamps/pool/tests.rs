//! How digests are mixed.

use std::collections::HashSet;

use super::*;

fn asked(counts: &[u8]) -> Vec<QueuedRequest> {
    let digests = |who: usize, count: u8| {
        (0..count)
            .map(|which| {
                Digest([u8::try_from(who).unwrap() + 1, which].repeat(16).try_into().unwrap())
            })
            .collect()
    };
    let request =
        |(who, count)| QueuedRequest { digests: digests(who, count), answer: oneshot::channel().0 };
    counts.iter().copied().enumerate().map(request).collect()
}

#[test]
fn a_small_request_is_covered_by_digests_that_nobody_asked_for() {
    let mut generator = ChaCha12Rng::from_seed([7; 32]);
    for (counts, length) in
        [(&[][..], COVER), (&[1], COVER), (&[9, 6], COVER), (&[16], COVER), (&[9, 8], 17)]
    {
        let requests = asked(counts);
        let given: Vec<Digest> =
            requests.iter().flat_map(|request| request.digests.clone()).collect();
        let (digests, pooled) = mix(requests, &mut generator);
        assert_eq!(digests.len(), length, "{counts:?}");
        let different: HashSet<&Digest> = digests.iter().collect();
        assert_eq!(different.len(), length, "{counts:?}: each is another one");
        let found: Vec<Digest> =
            pooled.parts.iter().flat_map(|(_, places)| places).map(|at| digests[*at]).collect();
        assert_eq!(found, given, "{counts:?}");
    }
}

#[test]
fn the_order_follows_from_the_generator_alone() {
    let mixed = |seed| mix(asked(&[8, 8, 8]), &mut ChaCha12Rng::from_seed([seed; 32])).0;
    assert_eq!(mixed(7), mixed(7));
    assert_ne!(mixed(7), mixed(8));
    let mut generator = ChaCha12Rng::from_seed([7; 32]);
    let mut first = || mix(asked(&[1]), &mut generator).1.parts[0].1[0];
    let places: HashSet<usize> = (0..500).map(|_| first()).collect();
    assert_eq!(places.len(), COVER, "a digest alone comes to stand everywhere");
}

#[test]
fn pooled_digests_lose_their_order_and_find_their_way_back() {
    let requests: Vec<QueuedRequest> = (0..32_u8)
        .map(|who| QueuedRequest {
            digests: vec![Digest([who; 32]), Digest([who + 100; 32])],
            answer: oneshot::channel().0,
        })
        .collect();
    let given: Vec<Digest> = requests.iter().flat_map(|request| request.digests.clone()).collect();
    let (digests, pooled) = mix(requests, &mut ChaCha12Rng::from_seed([7; 32]));
    assert_ne!(digests, given, "64 digests stay in order once in 64! runs");
    assert_eq!(digests.iter().collect::<HashSet<_>>(), given.iter().collect());
    for (who, (_, places)) in pooled.parts.iter().enumerate() {
        let who = u8::try_from(who).unwrap();
        assert_eq!(digests[places[0]], Digest([who; 32]));
        assert_eq!(digests[places[1]], Digest([who + 100; 32]));
    }
}
