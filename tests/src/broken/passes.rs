//! Pass rooms (SPEC 9.2): logs of them that hold, and lies.

use pregao_protocol::room::body::{Body, Passes, Say, StatedKey};
use pregao_protocol::trust::pass::Day;

use super::forge::{Forge, bytes, closed, text};
use super::lies::Make;
use super::scenes::Scene;

/// The day on which logs here begin, as days since 1970: 1 March 2027.
const TODAY: u32 = 20_878;

/// An RSA key of 3,072 bits as it is stated. Whether its modulus is one of two primes, nobody can tell.
fn key(house: &Forge) -> Vec<u8> {
    let head = "308201a2300d06092a864886f70d01010105000382018f003082018a0282018100";
    let mut modulus: Vec<u8> = (0..12).flat_map(|_| bytes(&house.chance)).collect();
    if let Some(first) = modulus.first_mut() {
        *first |= 0x80;
    }
    if let Some(last) = modulus.last_mut() {
        *last |= 1;
    }
    [hex::decode(head).unwrap_or_default(), modulus, vec![2, 3, 1, 0, 1]].concat()
}

fn open_with(seed: u64, change: impl FnOnce(&mut Passes)) -> Forge {
    let mut house = Forge::new(seed);
    let mut passes = Passes {
        freshness: 10,
        broker: house.keys(),
        stamps: vec![house.tsa.public()],
        witnesses: Vec::new(),
        quorum: 0,
        simulated: false,
    };
    change(&mut passes);
    house.broker(Body::Passes(passes));
    house.pass(1);
    house
}

fn state(house: &mut Forge, day: u32) {
    let key = key(house);
    house.broker(Body::PassKey(StatedKey { day: Day(day), key }));
}

fn opened(seed: u64) -> Forge {
    open_with(seed, |_| {})
}

fn stated(seed: u64) -> Forge {
    let mut house = opened(seed);
    // Days may be left out.
    for day in [TODAY, TODAY + 1, TODAY + 8] {
        state(&mut house, day);
    }
    house
}

/// Every scene by name.
pub(super) const SCENES: &[(&str, Scene)] = &[("passes-opened", opened), ("passes-stated", stated)];

/// After something was done to a room with the keys of two days.
fn after(seed: u64, act: impl FnOnce(&mut Forge)) -> String {
    let mut house = opened(seed);
    state(&mut house, TODAY);
    act(&mut house);
    house.file()
}

/// Logs that their broker signed, each against one rule.
pub(super) const LIES: &[(&str, Make)] = &[
    ("passes-of-old-stamps", |seed| open_with(seed, |passes| passes.freshness = 61).file()),
    ("passes-without-a-tsa", |seed| open_with(seed, |passes| passes.stamps.clear()).file()),
    ("passes-without-witnesses", |seed| open_with(seed, |passes| passes.quorum = 1).file()),
    ("pass-key-of-yesterday", |seed| {
        let mut house = opened(seed);
        state(&mut house, TODAY - 1);
        house.file()
    }),
    ("pass-key-far-ahead", |seed| after(seed, |house| state(house, TODAY + 9))),
    ("pass-key-again", |seed| after(seed, |house| state(house, TODAY))),
    ("pass-key-of-two-days", |seed| {
        after(seed, |house| {
            let key = key(house);
            for day in [TODAY + 1, TODAY + 2] {
                let key = key.clone();
                house.broker(Body::PassKey(StatedKey { day: Day(day), key }));
            }
        })
    }),
    ("pass-key-of-another-form", |seed| {
        after(seed, |house| {
            let mut key = key(house);
            key.pop();
            house.broker(Body::PassKey(StatedKey { day: Day(TODAY + 1), key }));
        })
    }),
    ("pass-key-by-a-peer", |seed| {
        after(seed, |house| {
            let (own, key) = (house.own(), key(house));
            house.act(&own, Body::PassKey(StatedKey { day: Day(TODAY + 1), key }));
        })
    }),
    ("said-among-passes", |seed| {
        after(seed, |house| {
            let own = house.own();
            house.act(&own, Body::Say(Say { text: text("Hello") }));
        })
    }),
    ("closed-among-passes", |seed| {
        after(seed, |house| {
            house.broker(closed());
        })
    }),
];
