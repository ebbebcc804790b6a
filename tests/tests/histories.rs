//! Generated histories of auctions: two thousand, spread over every kind. `pregao-histories` plays any number.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fault anywhere ends the test"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pregao_tests::histories::{Keys, Kind, Tally, play, told};

/// Seeds that CI plays.
const SEEDS: u64 = 2_000;

#[test]
fn in_two_thousand_histories_four_judges_agree() {
    let (next, all) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        let keys = Keys::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                break;
            }
            match play(&keys, seed, Kind::of(seed)) {
                Ok(tally) => {
                    let mut all = all.lock();
                    *all = std::mem::take(&mut *all).and(&tally);
                }
                Err(failure) => panic!("{failure}"),
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    // Histories in which nothing happens agree, too.
    let all = all.into_inner();
    assert_eq!(all.total(), SEEDS);
    assert!(all.never().is_empty(), "{all}");
    let ends =
        |word| all.ends.iter().filter(|((_, end), _)| *end == word).map(|(_, n)| n).sum::<u64>();
    for (word, least) in [
        ("sold", 50),
        ("unsold", 50),
        ("unlisted", 10),
        ("abandoned", 20),
        ("withdrawn", 20),
        ("void", 20),
        ("unopened", 10),
        ("below-reserve", 5),
        ("forfeited", 50),
        ("late", 50),
    ] {
        assert!(ends(word) >= least, "{word}: {}\n{all}", ends(word));
    }
    assert!(all.opened > 200 && all.void.len() == 7, "{all}");
}

#[test]
fn a_seed_plays_the_same_history_again() {
    let keys = Keys::default();
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| told(&keys, seed, Kind::of(seed)));
        assert_eq!(first, second);
        assert!(first.len() > 2);
    }
    assert_ne!(told(&keys, 0, Kind::English), told(&keys, 10, Kind::English));
}
