//! Auctions with a hidden reserve (SPEC 7.13): logs of them that hold, and lies.

use pregao_protocol::log::Cosignature;
use pregao_protocol::room::auction::sealed::envelope::seal_reserve;
use pregao_protocol::room::body::{
    Body, DutchTerms, Ended, Listing, Opened, PriceRule, Reserve, Sealed, SealedTerms, Sealing,
    SoftClose, Unseal,
};
use pregao_protocol::trust::timelock::OpenedLock;
use pregao_protocol::value::codec::Digest;

use super::forge::{END, Forge, G, Own, WITHIN, amount, bytes, closed};
use super::lies::{Make, after};
use super::scenes::{Scene, forfeit_alone, take_back, witnessed};

/// When what is sealed can be opened, in seconds after the listing's stamp.
const T: u64 = END + 2 * G + 1;
const HALVES: [[u8; 32]; 2] = [[3; 32], [4; 32]];

/// Bids rise in the open, and there is a reserve.
fn rising(listing: &mut Listing) {
    witnessed(listing);
    (listing.steps, listing.max_raise, listing.buy_now) = (Vec::new(), None, None);
    listing.increment = amount(1);
    listing.soft = None;
    listing.reserve = Some(1);
}

fn first(listing: &mut Listing) {
    rising(listing);
    listing.sealed = Some(SealedTerms { price: PriceRule::First, needed: 1, locks: Vec::new() });
}

fn second(listing: &mut Listing) {
    rising(listing);
    listing.sealed = Some(SealedTerms { price: PriceRule::Second, needed: 1, locks: Vec::new() });
}

fn buyable(listing: &mut Listing) {
    rising(listing);
    listing.buy_now = Some(amount(9_000));
}

type Terms = fn(&mut Listing);

impl Forge {
    /// The seller with a new key, and the ratio that ties it to the listing.
    fn sellers(&self) -> (Own, pregao_protocol::trust::persona::Ratio) {
        let own = self.again(&self.seller());
        let ratio = self.seller().ratio(&own, &self.keys());
        (own, ratio)
    }

    fn reserve_as(&mut self, minor: u64, change: impl FnOnce(&mut Reserve)) -> u64 {
        let (own, ratio) = self.sellers();
        let place = (self.room().expect("a room"), &own.key(&self.keys()).public());
        let mut reserve = seal_reserve(&self.recipients(), place, amount(minor), ratio, &HALVES)
            .expect("keys that can be sealed to");
        change(&mut reserve);
        self.act(&own, Body::Reserve(reserve))
    }

    fn reserve(&mut self, minor: u64) -> u64 {
        self.reserve_as(minor, |_| {})
    }

    fn unseal_as(&mut self, change: impl FnOnce(&mut Unseal)) -> u64 {
        let (own, ratio) = self.sellers();
        let [first, second] = HALVES.map(OpenedLock);
        let mut unseal = Unseal { ratio, first, second };
        change(&mut unseal);
        self.act(&own, Body::Unseal(unseal))
    }

    fn unseal(&mut self) -> u64 {
        self.unseal_as(|_| {})
    }

    fn opens_alone(&mut self, change: impl FnOnce(&mut Opened)) -> u64 {
        let mut opened = self.opened(&[0], Vec::new());
        change(&mut opened);
        self.broker(Body::Opened(opened))
    }

    fn is_sealed(&self) -> bool {
        self.listed_terms().sealed.is_some()
    }

    fn offers(&mut self, minor: u64) -> u64 {
        if self.is_sealed() { self.bid_sealed(minor) } else { self.bid(minor) }
    }
}

/// Listed (0), with the keys (1).
fn stated(seed: u64, change: impl FnOnce(&mut Listing)) -> Forge {
    let mut house = Forge::new(seed);
    house.list(change);
    house.pass(1);
    let sealing = house.sealing();
    house.broker(Body::Sealing(sealing));
    house
}

/// With a reserve (2) of 4,000 and these bids (from 3 on).
fn bid(seed: u64, change: impl FnOnce(&mut Listing), bids: &[u64]) -> Forge {
    let mut house = stated(seed, change);
    house.reserve(4_000);
    house.pass(1);
    for minor in bids {
        house.offers(*minor);
    }
    house
}

/// Closed in time and dated.
fn shut(mut house: Forge) -> (Forge, Vec<Cosignature>) {
    house.at(END * 1_000_000);
    house.broker(closed());
    house.pass(1);
    let cosigned = house.dates(&[1, 2]);
    (house, cosigned)
}

/// The dates stand in `opened` where bids are sealed, and in `settled` where they are not.
fn opened_with(house: Forge) -> (Forge, Vec<Cosignature>) {
    let (mut house, cosigned) = shut(house);
    house.at(T * 1_000_000);
    if house.is_sealed() {
        let opened = house.opened(&[0], cosigned);
        house.broker(Body::Opened(opened));
        return (house, Vec::new());
    }
    house.opens_alone(|_| {});
    (house, cosigned)
}

fn named_with(house: Forge, winner: Option<(u64, u64)>) -> Forge {
    let (mut house, cosigned) = opened_with(house);
    house.named(winner, cosigned);
    house
}

fn sold_with(house: Forge, winner: (u64, u64)) -> Forge {
    let mut house = named_with(house, Some(winner));
    house.pass(20);
    let outcome = Digest(bytes(&house.chance));
    house.broker(Body::Revealed(Ended { outcome }));
    house
}

/// The seller opens it right after the close.
fn unsealed(seed: u64, bids: &[u64]) -> (Forge, Vec<Cosignature>) {
    let (mut house, cosigned) = shut(bid(seed, rising, bids));
    house.unseal();
    (house, cosigned)
}

fn flipped(sealed: &Sealed) -> Sealed {
    let mut bytes = sealed.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes.try_into().expect("as long as before")
}

/// A reserve that opens to nothing: whoever bids the most wins.
fn void(seed: u64, terms: Terms, change: impl FnOnce(&mut Reserve)) -> Forge {
    let mut house = stated(seed, terms);
    house.reserve_as(4_000, change);
    house.offers(3_000);
    named_with(house, Some((3, 3_000)))
}

fn next_in_line(seed: u64, terms: Terms, next: u64) -> Forge {
    let mut house = named_with(bid(seed, terms, &[next, 5_000]), Some((4, 5_000)));
    house.pass(WITHIN + 1);
    house.broker(forfeit_alone(4));
    house.named((next >= 4_000).then_some((3, next)), Vec::new());
    house
}

/// Logs of such auctions at every stage.
pub(super) const SCENES: &[(&str, Scene)] = &[
    ("reserve-awaited", |seed| stated(seed, rising)),
    ("reserve-sealed", |seed| bid(seed, rising, &[])),
    ("reserve-bid", |seed| bid(seed, rising, &[3_000, 5_000])),
    ("reserve-never-sent", |seed| {
        let (mut house, cosigned) = shut(stated(seed, rising));
        house.named(None, cosigned);
        house
    }),
    ("reserve-without-bids", |seed| {
        let (mut house, cosigned) = shut(bid(seed, rising, &[]));
        house.named(None, cosigned);
        house
    }),
    ("reserve-taken-back", |seed| {
        let mut house = bid(seed, rising, &[]);
        let seller = house.seller();
        take_back(&mut house, &seller);
        shut(house).0
    }),
    ("reserve-closed", |seed| shut(bid(seed, rising, &[3_000, 5_000])).0),
    ("reserve-unsealed", |seed| unsealed(seed, &[3_000, 5_000]).0),
    ("reserve-unsealed-sold", |seed| {
        let (mut house, cosigned) = unsealed(seed, &[3_000, 5_000]);
        house.named(Some((4, 5_000)), cosigned);
        house
    }),
    ("reserve-unsealed-below", |seed| {
        let (mut house, cosigned) = unsealed(seed, &[3_000, 3_999]);
        house.named(None, cosigned);
        house
    }),
    ("reserve-opened-sold", |seed| sold_with(bid(seed, rising, &[3_000, 4_000]), (4, 4_000))),
    ("reserve-opened-below", |seed| named_with(bid(seed, rising, &[3_000, 3_999]), None)),
    ("reserve-opened-late", |seed| {
        let (mut house, cosigned) = shut(bid(seed, rising, &[5_000]));
        house.at((T + 61) * 1_000_000);
        house.tick();
        house.pass(1);
        house.opens_alone(|_| {});
        house.named(Some((3, 5_000)), cosigned);
        house
    }),
    ("reserve-unopened", |seed| {
        let (mut house, cosigned) = shut(bid(seed, rising, &[3_000]));
        house.at((T + 86_400) * 1_000_000);
        house.named(Some((3, 3_000)), cosigned);
        house
    }),
    ("reserve-unsealed-after-a-day", |seed| {
        let (mut house, cosigned) = shut(bid(seed, rising, &[3_000]));
        house.at((T + 90_000) * 1_000_000);
        house.tick();
        house.pass(1);
        house.unseal();
        house.named(None, cosigned);
        house
    }),
    ("reserve-bought", |seed| {
        let mut house = bid(seed, buyable, &[3_000, 9_000]);
        house.broker(closed());
        house.pass(1);
        let cosigned = house.dates(&[1, 2]);
        house.named(Some((4, 9_000)), cosigned);
        house
    }),
    ("reserve-soft-close", |seed| {
        let soft = |listing: &mut Listing| {
            rising(listing);
            let hard_end = super::lies::later(listing.end, 600);
            listing.soft = Some(SoftClose { extend: 60, hard_end });
        };
        let (mut house, cosigned) = shut(bid(seed, soft, &[5_000]));
        house.unseal();
        house.named(Some((3, 5_000)), cosigned);
        house
    }),
    ("reserve-void-broker", |seed| {
        void(seed, rising, |reserve| reserve.broker = flipped(&reserve.broker))
    }),
    ("reserve-void-share", |seed| {
        void(seed, first, |reserve| {
            reserve.shares = reserve.shares.iter().map(flipped).collect();
        })
    }),
    ("reserve-void-commitment", |seed| {
        void(seed, rising, |reserve| reserve.commitment = Digest([1; 32]))
    }),
    ("reserve-void-amount", |seed| {
        void(seed, first, |reserve| reserve.amount = flipped(&reserve.amount))
    }),
    ("reserve-sealed-first", |seed| sold_with(bid(seed, first, &[3_000, 5_000]), (4, 5_000))),
    ("reserve-sealed-below", |seed| named_with(bid(seed, second, &[3_000, 3_999]), None)),
    ("reserve-sealed-second", |seed| sold_with(bid(seed, second, &[3_000, 5_000]), (4, 4_000))),
    ("reserve-sealed-second-above", |seed| {
        sold_with(bid(seed, second, &[4_500, 5_000]), (4, 4_500))
    }),
    ("reserve-next", |seed| next_in_line(seed, rising, 4_000)),
    ("reserve-next-below", |seed| next_in_line(seed, rising, 3_999)),
    ("reserve-sealed-next-below", |seed| next_in_line(seed, first, 3_999)),
];

fn listed(seed: u64, terms: Terms, change: impl FnOnce(&mut Listing)) -> String {
    super::lies::listed(seed, |listing| {
        terms(listing);
        change(listing);
    })
}

/// A reserve that differs from an honest one.
fn sealed_as(seed: u64, change: impl FnOnce(&mut Reserve)) -> String {
    after(stated(seed, rising), |house| house.reserve_as(4_000, change))
}

fn unsealed_as(seed: u64, change: impl FnOnce(&mut Unseal)) -> String {
    after(shut(bid(seed, rising, &[5_000])).0, |house| house.unseal_as(change))
}

fn opened_as(seed: u64, second: u64, change: impl FnOnce(&mut Opened)) -> String {
    let (mut house, _) = shut(bid(seed, rising, &[5_000]));
    house.at(second * 1_000_000);
    after(house, |house| house.opens_alone(change))
}

fn named_as(seed: u64, terms: Terms, bids: &[u64], winner: Option<(u64, u64)>) -> String {
    named_with(bid(seed, terms, bids), winner).file()
}

/// Lies about hidden reserves.
pub(super) const LIES: &[(&str, Make)] = &[
    ("reserve-to-nobody", |seed| listed(seed, rising, |listing| listing.reserve = Some(0))),
    ("reserve-to-too-few", |seed| listed(seed, rising, |listing| listing.reserve = Some(2))),
    ("reserve-to-one-twice", |seed| {
        listed(seed, rising, |listing| listing.stamps.extend(listing.stamps.clone()))
    }),
    ("reserve-to-fewer-than-bids", |seed| {
        listed(seed, first, |listing| {
            let other = pregao_protocol::trust::key::SecretKey::from_seed(&[141; 32]).public();
            listing.stamps.push(other);
            listing.sealed =
                Some(SealedTerms { price: PriceRule::First, needed: 2, locks: Vec::new() });
        })
    }),
    ("reserve-without-witness", |seed| {
        listed(seed, rising, |listing| (listing.witnesses, listing.quorum) = (Vec::new(), 0))
    }),
    ("reserve-where-the-price-falls", |seed| {
        listed(seed, rising, |listing| {
            listing.freshness = 3;
            listing.dutch = Some(DutchTerms { floor: amount(1), fall: amount(1), every: 1 });
        })
    }),
    ("reserve-before-the-keys", |seed| {
        let mut house = Forge::new(seed);
        house.list(rising);
        after(house, |house| house.reserve(4_000))
    }),
    ("reserve-twice", |seed| after(bid(seed, rising, &[]), |house| house.reserve(5_000))),
    ("reserve-after-the-close", |seed| {
        after(shut(stated(seed, rising)).0, |house| house.reserve(4_000))
    }),
    ("reserve-where-there-is-none", |seed| {
        let mut house = Forge::new(seed);
        house.list(|_| {});
        after(house, |house| house.reserve(4_000))
    }),
    ("reserve-of-sealed-bids-where-there-is-none", |seed| {
        let mut house = Forge::new(seed);
        house.list(super::sealed::first);
        house.pass(1);
        let sealing: Sealing = house.sealing();
        house.broker(Body::Sealing(sealing));
        after(house, |house| house.reserve(4_000))
    }),
    ("reserve-of-another", |seed| {
        let house = stated(seed, rising);
        let stranger = house.own();
        let own = house.again(&stranger);
        let ratio = stranger.ratio(&own, &house.keys());
        after(house, |house| house.reserve_as(4_000, |reserve| reserve.ratio = ratio))
    }),
    ("reserve-with-a-share-too-few", |seed| sealed_as(seed, |reserve| reserve.shares.clear())),
    ("reserve-longer-than-others", |seed| {
        sealed_as(seed, |reserve| reserve.amount = vec![7; 25].try_into().expect("not too long"))
    }),
    ("reserve-shorter-than-others", |seed| {
        sealed_as(seed, |reserve| reserve.broker = vec![7; 79].try_into().expect("not too long"))
    }),
    ("bid-before-the-reserve", |seed| after(stated(seed, rising), |house| house.bid(5_000))),
    ("sealed-bid-before-the-reserve", |seed| {
        after(stated(seed, first), |house| house.bid_sealed(5_000))
    }),
    ("unsealed-before-the-close", |seed| after(bid(seed, rising, &[5_000]), Forge::unseal)),
    ("unsealed-without-bids", |seed| after(shut(bid(seed, rising, &[])).0, Forge::unseal)),
    ("unsealed-twice", |seed| after(unsealed(seed, &[5_000]).0, Forge::unseal)),
    ("unsealed-where-bids-are-sealed", |seed| {
        after(shut(bid(seed, first, &[5_000])).0, Forge::unseal)
    }),
    ("unsealed-by-another", |seed| {
        let house = Forge::new(seed);
        let stranger = house.own();
        let ratio = stranger.ratio(&house.again(&stranger), &house.keys());
        unsealed_as(seed, |unseal| unseal.ratio = ratio)
    }),
    ("unsealed-to-something-else", |seed| {
        unsealed_as(seed, |unseal| unseal.first = OpenedLock([9; 32]))
    }),
    ("unsealed-by-another-half", |seed| {
        unsealed_as(seed, |unseal| unseal.second = OpenedLock([9; 32]))
    }),
    ("unsealed-though-the-brokers-part-is-void", |seed| {
        let mut house = stated(seed, rising);
        house.reserve_as(4_000, |reserve| reserve.broker = flipped(&reserve.broker));
        house.bid(3_000);
        after(shut(house).0, Forge::unseal)
    }),
    ("reserve-opened-before-its-time", |seed| opened_as(seed, T - 1, |_| {})),
    ("reserve-opened-after-a-day", |seed| opened_as(seed, T + 86_400, |_| {})),
    ("reserve-opened-by-another-secret", |seed| {
        opened_as(seed, T, |opened| opened.key = OpenedLock([1; 32]))
    }),
    ("reserve-opened-by-nobody", |seed| opened_as(seed, T, |opened| opened.locks.clear())),
    ("reserve-opened-with-dates", |seed| {
        let (mut house, cosigned) = shut(bid(seed, rising, &[5_000]));
        house.at(T * 1_000_000);
        after(house, |house| house.opens_alone(|opened| opened.cosigned = cosigned))
    }),
    ("reserve-opened-without-bids", |seed| {
        let (mut house, _) = shut(bid(seed, rising, &[]));
        house.at(T * 1_000_000);
        after(house, |house| house.opens_alone(|_| {}))
    }),
    ("reserve-opened-though-it-was-bought", |seed| {
        let mut house = bid(seed, buyable, &[9_000]);
        house.broker(closed());
        house.at(T * 1_000_000);
        after(house, |house| house.opens_alone(|_| {}))
    }),
    ("named-before-the-reserve", |seed| {
        let (mut house, cosigned) = shut(bid(seed, rising, &[5_000]));
        house.named(Some((3, 5_000)), cosigned);
        house.file()
    }),
    ("named-a-second-before-the-day", |seed| {
        let (mut house, cosigned) = shut(bid(seed, rising, &[5_000]));
        house.at((T + 86_400) * 1_000_000 - 1);
        house.named(Some((3, 5_000)), cosigned);
        house.file()
    }),
    ("named-below-the-reserve", |seed| named_as(seed, rising, &[3_999], Some((3, 3_999)))),
    ("named-nobody-at-the-reserve", |seed| named_as(seed, rising, &[4_000], None)),
    ("named-below-the-reserve-of-sealed-bids", |seed| {
        named_as(seed, first, &[3_999], Some((3, 3_999)))
    }),
    ("named-for-less-than-the-reserve", |seed| {
        named_as(seed, second, &[3_000, 5_000], Some((4, 3_000)))
    }),
    ("named-for-the-reserve-though-more-loses", |seed| {
        named_as(seed, second, &[4_500, 5_000], Some((4, 4_000)))
    }),
];
