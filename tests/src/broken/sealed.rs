//! Auctions with sealed bids (SPEC 7.9): logs of them that hold, and lies.

use pregao_protocol::log::Cosignature;
use pregao_protocol::room::auction::sealed::envelope::{Recipients, seal_bid};
use pregao_protocol::room::auction::sealed::{lock_tsas, opens_at};
use pregao_protocol::room::body::{
    Amount, Body, Ended, Listing, Opened, PriceRule, ReleasedLock, Sealed, SealedBid, SealedTerms,
    Sealing, Settled, SoftClose, StartPrice, Step,
};
use pregao_protocol::trust::key::{PublicKey, SecretKey, StampKey};
use pregao_protocol::trust::seal::{SealKey, SealPublic};
use pregao_protocol::trust::timelock::OpenedLock;
use pregao_protocol::trust::timelock::{Master, TimeLock};
use pregao_protocol::value::codec::Digest;

use super::forge::{END, Forge, G, Own, WITHIN, bytes, closed};
use super::lies::{Make, after};
use super::scenes::{Scene, forfeit_alone, witnessed};

/// When bids can be opened, in seconds after the listing's stamp.
const T: u64 = END + 2 * G + 1;

fn amount(minor: u64) -> Amount {
    Amount::try_from(minor).expect("an amount")
}

/// Terms with sealed bids, `needed` of `count` TSAs: those beside the house's own stamp nothing.
fn terms(listing: &mut Listing, price: PriceRule, needed: u32, count: u8) {
    witnessed(listing);
    (listing.steps, listing.max_raise, listing.buy_now) = (Vec::new(), None, None);
    listing.increment = amount(1);
    listing.sealed = Some(SealedTerms { price, needed, locks: Vec::new() });
    listing.stamps.extend((1..count).map(|number| other_tsa(number).public()));
}

fn other_tsa(number: u8) -> SecretKey<StampKey> {
    SecretKey::from_seed(&[140 + number; 32])
}

pub(super) fn first(listing: &mut Listing) {
    terms(listing, PriceRule::First, 1, 1);
}

fn second(listing: &mut Listing) {
    terms(listing, PriceRule::Second, 1, 1);
}

fn two_of_three(listing: &mut Listing) {
    terms(listing, PriceRule::Second, 2, 3);
}

/// The same, but only the house's own TSA stamps.
fn two_of_three_apart(listing: &mut Listing) {
    terms(listing, PriceRule::Second, 2, 1);
    if let Some(sealed) = &mut listing.sealed {
        sealed.locks = (1..4).map(|number| other_tsa(number).public()).collect();
    }
}

impl Forge {
    pub(super) fn listed_terms(&self) -> Listing {
        match self.opening.as_ref().map(|opening| opening.body()) {
            Some(Body::List(listing)) => listing.clone(),
            _ => self.listing(),
        }
    }

    /// The secret of TSA `x`, counted from 0, for the instant of this auction.
    fn lock(&self, x: usize) -> SealKey {
        let master = Master::from_random([20 + u8::try_from(x).unwrap_or(0); 32]);
        master.secret(opens_at(&self.listed_terms()))
    }

    fn room_key(&self) -> SealKey {
        SealKey::from_random([19; 32])
    }

    pub(super) fn recipients(&self) -> Recipients {
        let listing = self.listed_terms();
        let needed = listing.needed().unwrap_or(1);
        Recipients {
            broker: self.room_key().public(),
            locks: (0..lock_tsas(&listing).len()).map(|x| self.lock(x).public()).collect(),
            needed: usize::try_from(needed).unwrap_or(1),
        }
    }

    fn statements(&self, change: impl Fn(&mut TimeLock)) -> Vec<String> {
        let listing = self.listed_terms();
        let tsas = lock_tsas(&listing);
        let statement = |(x, tsa): (usize, &PublicKey<StampKey>)| {
            let other = (1..9).map(other_tsa).find(|other| other.public() == *tsa);
            let key = other.as_ref().unwrap_or(&self.tsa);
            let mut lock = TimeLock {
                tsa: key.public().fingerprint(),
                at: opens_at(&self.listed_terms()),
                key: self.lock(x).public(),
                simulated: false,
            };
            change(&mut lock);
            lock.sign(key)
        };
        tsas.iter().enumerate().map(statement).collect()
    }

    pub(super) fn sealing(&self) -> Sealing {
        Sealing { key: self.room_key().public(), locks: self.statements(|_| {}) }
    }

    fn sealed(&self, own: &Own, minor: u64) -> SealedBid {
        let key = own.key(&self.keys()).public();
        let room = self.room().expect("a room");
        let halves = [bytes(&self.chance), bytes(&self.chance)];
        let seal = SealKey::from_random(bytes(&self.chance)).public();
        seal_bid(&self.recipients(), (room, &key), amount(minor), seal, &halves)
            .expect("keys that can be sealed to")
    }

    pub(super) fn bid_sealed(&mut self, minor: u64) -> u64 {
        self.bid_sealed_as(minor, |_| {})
    }

    fn bid_sealed_as(&mut self, minor: u64, change: impl FnOnce(&mut SealedBid)) -> u64 {
        let own = self.own();
        self.bid_sealed_by(&own, minor, change)
    }

    pub(super) fn bid_sealed_by(
        &mut self,
        own: &Own,
        minor: u64,
        change: impl FnOnce(&mut SealedBid),
    ) -> u64 {
        let mut bid = self.sealed(own, minor);
        change(&mut bid);
        let seq = self.act(own, Body::SealedBid(bid));
        self.bids.push((seq, minor, own.clone()));
        seq
    }

    /// The secrets of these TSAs, with a date before them.
    pub(super) fn opened(&self, of: &[usize], cosigned: Vec<Cosignature>) -> Opened {
        let locks = of.iter().map(|x| ReleasedLock {
            tsa: u32::try_from(*x).unwrap_or(u32::MAX),
            secret: OpenedLock(*self.lock(*x).expose()),
        });
        Opened { key: OpenedLock(*self.room_key().expose()), locks: locks.collect(), cosigned }
    }

    /// A quorum's dates on what is logged so far.
    fn date(&self) -> Vec<Cosignature> {
        self.dates(&[1, 2])
    }

    pub(super) fn named(&mut self, winner: Option<(u64, u64)>, cosigned: Vec<Cosignature>) {
        self.winner = winner.map(|(seq, _)| seq);
        let price = winner.map(|(_, minor)| amount(minor));
        self.broker(Body::Settled(Settled { winner: self.winner, price, cosigned }));
    }
}

/// Listed, with what bids are sealed to.
pub(super) fn stated(seed: u64, change: fn(&mut Listing)) -> Forge {
    let mut house = Forge::new(seed);
    house.list(change);
    house.pass(1);
    let sealing = house.sealing();
    house.broker(Body::Sealing(sealing));
    house
}

/// Bids of 3,000 (2), 5,000 (3) and 4,000 (4).
pub(super) fn open(seed: u64, change: fn(&mut Listing)) -> Forge {
    let mut house = stated(seed, change);
    house.pass(1);
    for minor in [3_000, 5_000, 4_000] {
        house.bid_sealed(minor);
    }
    house
}

/// Closed in time and dated: that is entry 5.
fn shut(mut house: Forge) -> (Forge, Vec<Cosignature>) {
    house.at(END * 1_000_000);
    house.broker(closed());
    house.pass(1);
    let cosigned = house.date();
    (house, cosigned)
}

pub(super) fn opened_by(house: Forge, of: &[usize]) -> Forge {
    let (mut house, cosigned) = shut(house);
    house.at(T * 1_000_000);
    let opened = house.opened(of, cosigned);
    house.broker(Body::Opened(opened));
    house
}

fn opened(seed: u64) -> Forge {
    opened_by(open(seed, first), &[0])
}

fn sold_for(house: Forge, of: &[usize], winner: (u64, u64)) -> Forge {
    let mut house = opened_by(house, of);
    house.named(Some(winner), Vec::new());
    house.pass(20);
    let outcome = Digest(bytes(&house.chance));
    house.broker(Body::Revealed(Ended { outcome }));
    house
}

fn void(seed: u64) -> Forge {
    let (mut house, _) = shut(open(seed, second));
    house.at(T * 1_000_000);
    house.named(None, Vec::new());
    house
}

fn unopened(seed: u64) -> Forge {
    let (mut house, cosigned) = shut(open(seed, second));
    house.at((T + 86_400) * 1_000_000);
    house.named(None, cosigned);
    house
}

fn flipped(sealed: &Sealed) -> Sealed {
    let mut bytes = sealed.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.try_into().expect("as long as before")
}

/// A bid for each cause to be void.
fn voids(seed: u64) -> Forge {
    let mut house = open(seed, two_of_three);
    house.bid_sealed_as(9_000, |bid| bid.broker = flipped(&bid.broker));
    house.bid_sealed_as(9_000, |bid| {
        if let Some(share) = bid.shares.first_mut() {
            *share = flipped(share);
        }
    });
    house.bid_sealed_as(9_000, |bid| bid.commitment = Digest([1; 32]));
    house.bid_sealed_as(9_000, |bid| {
        if let Some(share) = bid.shares.last_mut() {
            *share = flipped(share);
        }
    });
    house.bid_sealed_as(9_000, |bid| bid.amount = flipped(&bid.amount));
    house.bid_sealed(999);
    // A copy of another's bid.
    let own = house.own();
    let copied = house.sealed(&house.own(), 9_000);
    house.act(&own, Body::SealedBid(copied));
    opened_by(house, &[0, 1])
}

fn second_winner(seed: u64) -> Forge {
    let mut house = opened_by(open(seed, second), &[0]);
    house.named(Some((3, 4_000)), Vec::new());
    house.pass(WITHIN + 1);
    house.broker(forfeit_alone(3));
    house.named(Some((4, 3_000)), Vec::new());
    house
}

/// Logs of such auctions at every stage.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("sealed-stated", |seed| stated(seed, first)),
    ("sealed-open", |seed| open(seed, first)),
    ("sealed-closed", |seed| shut(open(seed, first)).0),
    ("sealed-opened", opened),
    ("sealed-opened-late", |seed| {
        let (mut house, cosigned) = shut(open(seed, first));
        house.at((T + 61) * 1_000_000);
        house.tick();
        house.pass(1);
        let opened = house.opened(&[0], cosigned);
        house.broker(Body::Opened(opened));
        house
    }),
    ("sealed-first-sold", |seed| sold_for(open(seed, first), &[0], (3, 5_000))),
    ("sealed-second-sold", |seed| sold_for(open(seed, second), &[0], (3, 4_000))),
    ("sealed-two-of-three", |seed| sold_for(open(seed, two_of_three), &[0, 2], (3, 4_000))),
    ("sealed-apart", |seed| sold_for(open(seed, two_of_three_apart), &[1, 2], (3, 4_000))),
    ("sealed-apart-open", |seed| open(seed, two_of_three_apart)),
    ("sealed-alone", |seed| {
        let mut house = stated(seed, second);
        house.bid_sealed(7_000);
        sold_for(house, &[0], (2, 1_000))
    }),
    ("sealed-equal", |seed| {
        let mut house = stated(seed, second);
        house.bid_sealed(7_000);
        house.bid_sealed(7_000);
        sold_for(house, &[0], (2, 7_000))
    }),
    ("sealed-from-nothing", |seed| {
        let mut house = stated(seed, |listing| {
            second(listing);
            listing.start = StartPrice::try_from(0).expect("a price");
        });
        house.bid_sealed(7_000);
        sold_for(house, &[0], (2, 1))
    }),
    ("sealed-second-winner", second_winner),
    ("sealed-stated-late", |seed| {
        let mut house = Forge::new(seed);
        house.list(first);
        house.pass(61);
        house.tick();
        house.pass(1);
        let sealing = house.sealing();
        house.broker(Body::Sealing(sealing));
        house.bid_sealed(3_000);
        shut(house).0
    }),
    ("sealed-unopened", unopened),
    ("sealed-unsold", |seed| {
        let (mut house, cosigned) = shut(stated(seed, second));
        house.named(None, cosigned);
        house
    }),
    ("sealed-void", void),
    ("sealed-voids", voids),
];

/// A listing with sealed bids and this besides.
fn listed(seed: u64, change: impl FnOnce(&mut Listing)) -> String {
    super::lies::listed(seed, |listing| {
        first(listing);
        change(listing);
    })
}

/// Listed, with a `sealing` that differs from an honest one.
fn stated_as(seed: u64, change: impl FnOnce(&Forge, &mut Sealing)) -> String {
    let mut house = Forge::new(seed);
    house.list(first);
    let mut sealing = house.sealing();
    change(&house, &mut sealing);
    after(house, |house| house.broker(Body::Sealing(sealing)))
}

/// A listing whose bids these lock, the house's own TSA given.
fn locked_by(
    seed: u64,
    needed: u32,
    tsas: impl Fn(PublicKey<StampKey>) -> Vec<PublicKey<StampKey>>,
) -> String {
    listed(seed, |listing| {
        let own = listing.stamps.first().copied();
        let locks = own.map(tsas).unwrap_or_default();
        listing.sealed = Some(SealedTerms { price: PriceRule::First, needed, locks });
    })
}

/// Listed with locks apart, with statements that differ from honest ones.
fn stated_apart(seed: u64, change: impl FnOnce(&Forge, &mut Vec<String>)) -> String {
    let mut house = Forge::new(seed);
    house.list(two_of_three_apart);
    let mut sealing = house.sealing();
    change(&house, &mut sealing.locks);
    after(house, |house| house.broker(Body::Sealing(sealing)))
}

/// Opened in another way than an honest one.
fn opened_as(seed: u64, second: u64, change: impl FnOnce(&Forge, &mut Opened)) -> String {
    let (mut house, cosigned) = shut(open(seed, two_of_three));
    house.at(second * 1_000_000);
    let mut opened = house.opened(&[0, 1], cosigned);
    change(&house, &mut opened);
    after(house, |house| house.broker(Body::Opened(opened)))
}

fn named_as(seed: u64, winner: Option<(u64, u64)>) -> String {
    let mut house = opened_by(open(seed, second), &[0]);
    house.named(winner, Vec::new());
    house.file()
}

/// Lies about sealed bids.
pub(super) const LIES: &[(&str, Make)] = &[
    ("sealed-with-steps", |seed| {
        listed(seed, |listing| {
            listing.steps = vec![Step { from: amount(2_000), increment: amount(1) }];
        })
    }),
    ("sealed-with-a-raise", |seed| listed(seed, |listing| listing.max_raise = Some(amount(50)))),
    ("sealed-to-be-bought", |seed| listed(seed, |listing| listing.buy_now = Some(amount(5_000)))),
    ("sealed-with-soft-close", |seed| {
        listed(seed, |listing| {
            listing.soft = Some(SoftClose { extend: 30, hard_end: listing.end });
        })
    }),
    ("sealed-with-increment", |seed| listed(seed, |listing| listing.increment = amount(2))),
    ("sealed-without-witness", |seed| {
        listed(seed, |listing| (listing.witnesses, listing.quorum) = (Vec::new(), 0))
    }),
    ("sealed-to-nobody", |seed| {
        listed(seed, |listing| {
            listing.sealed =
                Some(SealedTerms { price: PriceRule::First, needed: 0, locks: Vec::new() });
        })
    }),
    ("sealed-to-too-few", |seed| {
        listed(seed, |listing| {
            listing.sealed =
                Some(SealedTerms { price: PriceRule::First, needed: 2, locks: Vec::new() });
        })
    }),
    ("sealed-to-one-twice", |seed| {
        listed(seed, |listing| listing.stamps.extend(listing.stamps.clone()))
    }),
    ("locked-by-those-that-stamp", |seed| locked_by(seed, 1, |own| vec![own])),
    ("locked-by-one-twice", |seed| locked_by(seed, 2, |own| vec![own, other_tsa(1).public(), own])),
    ("locked-by-nine", |seed| {
        locked_by(seed, 2, |_| (1..10).map(|number| other_tsa(number).public()).collect())
    }),
    ("locked-by-too-few", |seed| locked_by(seed, 3, |own| vec![other_tsa(1).public(), own])),
    ("stated-by-who-stamps", |seed| {
        stated_apart(seed, |house, locks| {
            let tsa = house.tsa.public().fingerprint();
            let at = opens_at(&house.listed_terms());
            let lock = TimeLock { tsa, at, key: house.lock(0).public(), simulated: false };
            if let Some(first) = locks.first_mut() {
                *first = lock.sign(&house.tsa);
            }
        })
    }),
    ("stated-in-another-order", |seed| stated_apart(seed, |_, locks| locks.swap(0, 2))),
    ("stated-by-two-of-three", |seed| stated_apart(seed, |_, locks| drop(locks.pop()))),
    ("stated-twice", |seed| {
        let mut house = stated(seed, first);
        let again = house.sealing();
        house.broker(Body::Sealing(again));
        house.file()
    }),
    ("stated-after-the-close", |seed| {
        let mut house = Forge::new(seed);
        house.list(first);
        house.close_after(0);
        let late = house.sealing();
        house.broker(Body::Sealing(late));
        house.file()
    }),
    ("stated-where-bids-are-open", |seed| {
        let mut house = Forge::new(seed);
        house.list(|_| {});
        let sealing = house.sealing();
        house.broker(Body::Sealing(sealing));
        house.file()
    }),
    ("stated-for-a-second-earlier", |seed| {
        stated_as(seed, |house, sealing| sealing.locks = house.statements(|lock| lock.at -= 1))
    }),
    ("stated-for-simulated-time", |seed| {
        stated_as(seed, |house, sealing| {
            sealing.locks = house.statements(|lock| lock.simulated = true);
        })
    }),
    ("stated-without-a-lock", |seed| stated_as(seed, |_, sealing| sealing.locks.clear())),
    ("stated-with-a-lock-too-many", |seed| {
        stated_as(seed, |_, sealing| sealing.locks.extend(sealing.locks.clone()))
    }),
    ("stated-by-another-tsa", |seed| {
        stated_as(seed, |house, sealing| {
            let key = other_tsa(1);
            let at = opens_at(&house.listed_terms());
            let tsa = key.public().fingerprint();
            let lock = TimeLock { tsa, at, key: house.lock(1).public(), simulated: false };
            sealing.locks = vec![lock.sign(&key)];
        })
    }),
    ("stated-with-a-key-for-everybody", |seed| {
        stated_as(seed, |_, sealing| sealing.key = SealPublic([0; 32]))
    }),
    ("sealed-bid-too-soon", |seed| {
        let mut house = Forge::new(seed);
        house.list(first);
        house.bid_sealed(3_000);
        house.file()
    }),
    ("sealed-bid-too-late", |seed| {
        after(open(seed, first), |house| {
            house.at(END * 1_000_000);
            house.bid_sealed(3_000)
        })
    }),
    ("open-bid-among-sealed", |seed| after(open(seed, first), |house| house.bid(9_000))),
    ("sealed-bid-among-open", |seed| {
        let mut house = Forge::new(seed);
        house.list(|_| {});
        house.bid_sealed(3_000);
        house.file()
    }),
    ("sealed-bid-with-a-share-too-few", |seed| {
        after(open(seed, first), |house| house.bid_sealed_as(3_000, |bid| bid.shares.clear()))
    }),
    ("sealed-bid-with-a-share-too-many", |seed| {
        after(open(seed, first), |house| {
            house.bid_sealed_as(3_000, |bid| bid.shares.extend(bid.shares.clone()))
        })
    }),
    ("sealed-bid-longer-than-others", |seed| {
        after(open(seed, first), |house| {
            house.bid_sealed_as(3_000, |bid| {
                bid.amount = vec![7; 25].try_into().expect("not too long");
            })
        })
    }),
    ("sealed-bid-shorter-than-others", |seed| {
        after(open(seed, first), |house| {
            house.bid_sealed_as(3_000, |bid| {
                bid.broker = vec![7; 79].try_into().expect("not too long");
            })
        })
    }),
    ("opened-before-its-time", |seed| opened_as(seed, T - 1, |_, _| {})),
    ("opened-after-a-day", |seed| opened_as(seed, T + 86_400, |_, _| {})),
    ("opened-by-another-secret", |seed| {
        opened_as(seed, T, |_, opened| opened.key = OpenedLock([1; 32]))
    }),
    ("opened-by-another-tsas-secret", |seed| {
        opened_as(seed, T, |house, opened| {
            if let Some(lock) = opened.locks.first_mut() {
                lock.secret = OpenedLock(*house.lock(2).expose());
            }
        })
    }),
    ("opened-by-too-few", |seed| opened_as(seed, T, |_, opened| opened.locks.truncate(1))),
    ("opened-by-one-more-than-needed", |seed| {
        opened_as(seed, T, |house, opened| {
            let secret = OpenedLock(*house.lock(2).expose());
            opened.locks.push(ReleasedLock { tsa: 2, secret });
        })
    }),
    ("opened-out-of-order", |seed| opened_as(seed, T, |_, opened| opened.locks.reverse())),
    ("opened-by-a-tsa-that-is-none", |seed| {
        opened_as(seed, T, |_, opened| {
            if let Some(lock) = opened.locks.last_mut() {
                lock.tsa = 3;
            }
        })
    }),
    ("opened-after-a-close-nobody-saw", |seed| {
        opened_as(seed, T, |house, opened| {
            opened.cosigned = house.date();
        })
    }),
    ("opened-with-the-date-of-one", |seed| {
        opened_as(seed, T, |_, opened| opened.cosigned.truncate(1))
    }),
    ("opened-with-one-date-too-late", |seed| {
        opened_as(seed, T, |house, opened| {
            opened.cosigned.truncate(1);
            opened.cosigned.extend(house.dates(&[2]));
        })
    }),
    ("opened-by-a-stranger-as-witness", |seed| {
        opened_as(seed, T, |house, opened| {
            let mut before = house.clone();
            before.at((END + 1) * 1_000_000);
            opened.cosigned = before.dates(&[1, 9]);
        })
    }),
    ("opened-before-the-close", |seed| {
        let mut house = open(seed, first);
        let cosigned = house.date();
        house.at(T * 1_000_000);
        let opened = house.opened(&[0], cosigned);
        house.broker(Body::Opened(opened));
        house.file()
    }),
    ("opened-twice", |seed| {
        let (mut house, cosigned) = shut(open(seed, first));
        house.at(T * 1_000_000);
        let opened = house.opened(&[0], cosigned);
        house.broker(Body::Opened(opened.clone()));
        house.broker(Body::Opened(opened));
        house.file()
    }),
    ("dated-once-more-in-the-settlement", |seed| {
        let (mut house, cosigned) = shut(open(seed, first));
        house.at(T * 1_000_000);
        let opened = house.opened(&[0], cosigned.clone());
        house.broker(Body::Opened(opened));
        house.named(Some((3, 5_000)), cosigned);
        house.file()
    }),
    ("second-price-too-high", |seed| named_as(seed, Some((3, 5_000)))),
    ("second-price-too-low", |seed| named_as(seed, Some((3, 3_000)))),
    ("sealed-sold-to-another", |seed| named_as(seed, Some((4, 4_000)))),
    ("sealed-sold-to-nobody", |seed| named_as(seed, None)),
    ("void-before-its-time", |seed| {
        let (mut house, _) = shut(open(seed, second));
        house.at(T * 1_000_000 - 1);
        house.named(None, Vec::new());
        house.file()
    }),
    ("unopened-before-its-time", |seed| {
        let (mut house, cosigned) = shut(open(seed, second));
        house.at((T + 86_400) * 1_000_000 - 1);
        house.named(None, cosigned);
        house.file()
    }),
    ("sold-without-opening", |seed| {
        let (mut house, cosigned) = shut(open(seed, second));
        house.at(T * 1_000_000);
        house.named(Some((3, 4_000)), cosigned);
        house.file()
    }),
];
