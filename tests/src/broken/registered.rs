//! Registered letters (SPEC 8.5): logs in which they come to every end, and lies.

use std::time::Duration;

use pregao_protocol::letter::{Half, SealedHalf};
use pregao_protocol::room::body::{Body, Deposit, Empty, HandedHalf, OneLetter, Registered, Taken};

use super::boxes::{Mailbox, filled, unseen};
use super::forge::{Forge, bytes};
use super::lies::Make;
use super::scenes::Scene;

/// Seconds for which a registered letter may be accepted or declined.
const TIME: u64 = 15 * 24 * 3_600;

fn half(number: u8) -> Half {
    Half::from_random([number; 32])
}

fn accepted(letter: u64) -> Body {
    Body::Accepted(OneLetter { letter })
}

fn declined(letter: u64) -> Body {
    Body::Declined(OneLetter { letter })
}

fn lapsed(letter: u64) -> Body {
    Body::Lapsed(OneLetter { letter })
}

fn handed(letter: u64, of: u8) -> Body {
    Body::Handed(HandedHalf { letter, half: half(of) })
}

impl Mailbox {
    fn registered(&self, number: u8) -> Deposit {
        let any: [u8; 32] = bytes(&self.house.chance);
        let mut sealed = [0; 80];
        sealed.iter_mut().zip(any).for_each(|(byte, any)| *byte = any);
        let registered =
            Registered { half: SealedHalf(sealed), commitment: half(number).commitment() };
        Deposit { registered: Some(registered), ..self.any(number.into()) }
    }
}

/// A box in which two registered letters wait, at 2 and 3, and one that is not, at 4.
fn waiting(seed: u64) -> Mailbox {
    let mut made = Mailbox::new(seed);
    made.leave(made.registered(0));
    made.leave(made.registered(1));
    made.leave(made.any(2));
    made
}

fn signed_for(seed: u64) -> Mailbox {
    let mut made = waiting(seed);
    made.own(accepted(2));
    made.house.broker(handed(2, 0));
    made
}

fn handed_over(seed: u64) -> Forge {
    let mut made = signed_for(seed);
    made.own(Body::Taken(Taken { letters: vec![2, 4], told: false }));
    made.own(accepted(3));
    // What is handed over late is handed over.
    made.house.pass(TIME);
    made.house.broker(handed(3, 1));
    made.own(Body::Taken(Taken { letters: vec![3], told: false }));
    made.house
}

fn refused(seed: u64) -> Forge {
    let mut made = waiting(seed);
    made.house.now = made.house.now.plus(Duration::from_micros(TIME * 1_000_000 - 1));
    made.own(declined(3));
    made.own(accepted(2));
    made.house.broker(handed(2, 0));
    made.house
}

fn over(seed: u64) -> Forge {
    let mut made = waiting(seed);
    made.house.pass(TIME);
    made.house.broker(lapsed(3));
    made.house.broker(lapsed(2));
    made.house
}

fn shut(seed: u64) -> Forge {
    let mut made = waiting(seed);
    made.own(Body::BoxClosed(Empty {}));
    made.house
}

/// A letter that ends while another is handed over waits no more.
fn ended_meanwhile(seed: u64) -> Mailbox {
    let mut made = Mailbox::new(seed);
    let expires = Some(made.house.now.plus(Duration::from_secs(5)));
    made.leave(Deposit { expires, ..made.any(0) });
    made.leave(made.registered(1));
    made.own(accepted(3));
    made.house.pass(5);
    made.house.broker(handed(3, 1));
    made
}

/// Every scene by name.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("registered-left", |seed| waiting(seed).house),
    ("registered-handed", handed_over),
    ("registered-declined", refused),
    ("registered-lapsed", over),
    ("registered-shut", shut),
    ("registered-meanwhile", |seed| ended_meanwhile(seed).house),
];

fn owning(seed: u64, bodies: impl IntoIterator<Item = Body>) -> String {
    let mut made = waiting(seed);
    bodies.into_iter().for_each(|body| _ = made.own(body));
    made.house.file()
}

fn then<R>(mut made: Mailbox, act: impl FnOnce(&mut Mailbox) -> R) -> String {
    act(&mut made);
    made.house.file()
}

/// Logs that their broker signed, each against one rule.
pub(super) const LIES: &[(&str, Make)] = &[
    ("registered-and-ending", |seed| {
        then(waiting(seed), |made| {
            let expires = Some(made.house.now.plus(Duration::from_secs(5)));
            made.own(Body::Taken(Taken { letters: vec![4], told: false }));
            made.leave(Deposit { expires, ..made.registered(3) })
        })
    }),
    ("accepted-no-registered", |seed| owning(seed, [accepted(4)])),
    ("accepted-no-letter", |seed| owning(seed, [accepted(1)])),
    ("accepted-unseen", |seed| unseen(&mut waiting(seed), 3, accepted(3))),
    ("declined-unseen", |seed| unseen(&mut waiting(seed), 3, declined(3))),
    ("accepted-twice", |seed| then(signed_for(seed), |made| made.own(accepted(2)))),
    ("declined-what-was-accepted", |seed| then(signed_for(seed), |made| made.own(declined(2)))),
    ("accepted-what-was-declined", |seed| owning(seed, [declined(2), accepted(2)])),
    ("accepted-by-the-broker", |seed| then(waiting(seed), |made| made.house.broker(accepted(2)))),
    ("accepted-by-another", |seed| {
        then(waiting(seed), |made| {
            made.key = pregao_protocol::trust::key::SecretKey::from_seed(&[7; 32]);
            made.own(accepted(2))
        })
    }),
    ("accepted-late", |seed| {
        then(waiting(seed), |made| {
            made.house.pass(TIME);
            made.own(accepted(2))
        })
    }),
    ("declined-late", |seed| {
        then(waiting(seed), |made| {
            made.house.pass(TIME);
            made.own(declined(2))
        })
    }),
    ("accepted-alone", |seed| owning(seed, [accepted(2)])),
    ("accepted-two", |seed| owning(seed, [accepted(2), accepted(3)])),
    ("accepted-and-left", |seed| {
        then(waiting(seed), |made| {
            made.own(accepted(2));
            made.leave(made.any(3))
        })
    }),
    ("handed-another", |seed| {
        then(waiting(seed), |made| {
            made.own(accepted(2));
            made.house.broker(handed(3, 1))
        })
    }),
    ("handed-another-half", |seed| {
        then(waiting(seed), |made| {
            made.own(accepted(2));
            made.house.broker(handed(2, 1))
        })
    }),
    ("handed-without-a-word", |seed| then(waiting(seed), |made| made.house.broker(handed(2, 0)))),
    ("handed-twice", |seed| then(signed_for(seed), |made| made.house.broker(handed(2, 0)))),
    ("handed-by-the-owner", |seed| owning(seed, [accepted(2), handed(2, 0)])),
    ("lapsed-early", |seed| {
        then(waiting(seed), |made| {
            let almost = Duration::from_micros(TIME * 1_000_000 - 1);
            made.house.now = made.house.now.plus(almost);
            made.house.broker(lapsed(2))
        })
    }),
    ("lapsed-what-was-accepted", |seed| {
        then(signed_for(seed), |made| {
            made.house.pass(TIME);
            made.house.broker(lapsed(2))
        })
    }),
    ("lapsed-no-registered", |seed| {
        then(filled(seed), |made| {
            made.house.pass(TIME);
            made.house.broker(lapsed(2))
        })
    }),
    ("taken-undecided", |seed| {
        owning(seed, [Body::Taken(Taken { letters: vec![2], told: false })])
    }),
    ("taken-declined", |seed| {
        owning(seed, [declined(2), Body::Taken(Taken { letters: vec![2], told: false })])
    }),
    ("taken-ended-meanwhile", |seed| {
        then(ended_meanwhile(seed), |made| {
            made.own(Body::Taken(Taken { letters: vec![2], told: false }))
        })
    }),
];
