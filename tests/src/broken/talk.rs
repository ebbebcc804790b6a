//! What the two of a reveal room write to each other, as their programs do it and as nobody may.

use pregao_protocol::letter::Class;
use pregao_protocol::letter::say::pair_key;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Body, SealedSay, Side, Talk, TalkKeys};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{PairKey, SecretKey};
use pregao_protocol::trust::prekey::{PrekeyPublic, PrekeySecret};

use super::forge::{Forge, WITHIN};
use super::lies::{Make, after};
use super::scenes::private;

/// Seconds after the deadline for which the two may write.
const AFTER: u64 = 30 * 24 * 3_600;

fn key(number: u8) -> PrekeyPublic {
    PrekeySecret::from_random([number; 32]).public()
}

fn keys(numbers: impl IntoIterator<Item = u8>) -> Vec<PrekeyPublic> {
    numbers.into_iter().map(key).collect()
}

impl Forge {
    fn pair(&self) -> SecretKey<PairKey> {
        let [seller, winner] = [1, 2].map(|number| AgreementSecret::from_random([number; 32]));
        let room = self.room().unwrap_or(RoomName([0; 32]));
        pair_key(room, Side::Seller, &seller, &winner.public()).expect("usable keys")
    }

    /// The keys of one side: one-time keys from 10 on of the seller, from 20 on of the winner.
    fn talk(&mut self, side: u8, with_pair: bool) {
        let pair = with_pair.then(|| self.pair().public());
        let first = 10 * (side + 1);
        let talk = Talk {
            agreement: AgreementSecret::from_random([side + 1; 32]).public(),
            signed: key(first + 9),
            once: keys(first..first + 4),
            pair,
        };
        self.by_side(side, Body::Talk(talk));
    }

    fn by_side(&mut self, side: u8, body: Body) {
        let [seller, winner] = self.sides();
        let own = if side == 0 { seller } else { winner };
        self.act(&own, body);
    }

    fn say_to(&mut self, once: u8, by: &SecretKey<PairKey>) {
        let sealed = vec![once; Class::Small.envelope_size()];
        let sealed = sealed.try_into().expect("of the size that it has");
        let body = Body::SealedSay(SealedSay { once: key(once).digest(), sealed });
        let action = self.draft(&self.own(), body).sign_as_pair(by);
        self.enter(&action.expect("a draft as the protocol has it"));
    }

    fn say_privately(&mut self, once: u8) {
        let pair = self.pair();
        self.say_to(once, &pair);
    }
}

fn talking(seed: u64) -> Forge {
    let mut room = private(seed);
    room.talk(1, false);
    room.talk(0, true);
    room.say_privately(10);
    room.say_privately(21);
    room
}

/// They write before, between what is stamped long apart, and after.
pub(super) fn talked(seed: u64) -> Forge {
    let mut room = talking(seed);
    room.pass(120);
    room.say_privately(11);
    room.disclose(1);
    room.disclose(0);
    room.pass(WITHIN + 1_000);
    room.by_side(1, Body::TalkKeys(TalkKeys { once: keys(30..35) }));
    room.say_privately(34);
    room
}

/// Each against one rule.
pub(super) const LIES: &[(&str, Make)] = &[
    ("talk-with-a-pair-too-early", |seed| after(private(seed), |room| room.talk(0, true))),
    ("talk-without-a-pair", |seed| {
        after(private(seed), |room| {
            room.talk(0, false);
            room.talk(1, false);
        })
    }),
    ("talk-twice", |seed| after(talking(seed), |room| room.talk(0, true))),
    ("talk-keys-again", |seed| {
        after(talking(seed), |room| {
            room.by_side(0, Body::TalkKeys(TalkKeys { once: keys([20]) }));
        })
    }),
    ("talk-keys-too-many", |seed| {
        after(talking(seed), |room| {
            room.by_side(0, Body::TalkKeys(TalkKeys { once: keys(30..35) }));
            room.by_side(0, Body::TalkKeys(TalkKeys { once: keys([35]) }));
        })
    }),
    ("said-to-a-used-key", |seed| after(talking(seed), |room| room.say_privately(10))),
    ("said-to-no-key", |seed| after(talking(seed), |room| room.say_privately(50))),
    ("said-to-a-signed-key", |seed| after(talking(seed), |room| room.say_privately(19))),
    ("said-by-another-key", |seed| {
        after(talking(seed), |room| room.say_to(11, &SecretKey::from_seed(&[9; 32])))
    }),
    ("said-by-a-side", |seed| {
        after(talking(seed), |room| {
            let sealed = vec![1; Class::Small.envelope_size()];
            let sealed = sealed.try_into().expect("of the size that it has");
            room.by_side(1, Body::SealedSay(SealedSay { once: key(11).digest(), sealed }));
        })
    }),
    ("said-too-late", |seed| {
        after(talking(seed), |room| {
            room.pass(WITHIN + AFTER);
            room.say_privately(11);
        })
    }),
    ("said-between-disclosures", |seed| {
        after(talking(seed), |room| {
            room.disclose(0);
            room.say_privately(11);
            room.disclose(1);
        })
    }),
];
