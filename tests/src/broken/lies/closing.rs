//! What the broker says of how an auction and its reveal room end.

use pregao_protocol::room::body::{
    Absent, Body, Closed, Empty, Forfeited, ForfeitedBid, Say, SealedBody, Settled, Side, Withdrawn,
};
use pregao_protocol::value::codec::Digest;

use super::{Make, after, ended, odd, odd_of_broker};
use crate::broken::forge::{END, Forge, WITHIN, bytes, closed, text};
use crate::broken::scenes::{
    self, closed_in_time, disclosed, open, open_by_one, open_with, private, private_and_free,
    settled, sold, unsold, witnessed,
};

/// Lies of the broker in an auction.
pub(super) const OF_THE_BROKER: &[(&str, Make)] = &[
    ("closed-early", |seed| {
        after(open(seed), |house| {
            house.at(END * 1_000_000 - 1);
            house.broker(closed());
        })
    }),
    ("closed-unseen", |seed| {
        after(open(seed), |house| {
            house.at((END - 2) * 1_000_000);
            house.bid(2_000);
            house.at(END * 1_000_000);
            let seen = house.seen_of(3);
            odd_of_broker(house, closed(), |draft| draft.seen = seen);
        })
    }),
    ("closed-twice", |seed| after(closed_in_time(seed), |house| house.broker(closed()))),
    ("closed-by-a-stranger", |seed| {
        after(open(seed), |house| {
            house.at(END * 1_000_000);
            odd(house, closed(), |_| {});
        })
    }),
    ("settled-before-the-close", |seed| after(open(seed), |house| house.settle(Vec::new()))),
    ("another-winner", |seed| {
        after(closed_in_time(seed), |house| house.settle_for(Some((1, 1_000)), Vec::new()))
    }),
    ("another-price", |seed| {
        after(closed_in_time(seed), |house| house.settle_for(Some((2, 1_249)), Vec::new()))
    }),
    ("no-winner", |seed| after(closed_in_time(seed), |house| house.settle_for(None, Vec::new()))),
    ("no-price", |seed| {
        after(closed_in_time(seed), |house| {
            house.broker(Body::Settled(Settled {
                winner: Some(2),
                price: None,
                cosigned: Vec::new(),
            }));
        })
    }),
    ("a-winner-of-nothing", |seed| {
        let mut house = Forge::new(seed);
        house.list(|_| {});
        house.close_after(0);
        after(house, |house| house.settle_for(Some((0, 1_000)), Vec::new()))
    }),
    ("settled-twice", |seed| after(settled(seed), |house| house.settle(Vec::new()))),
    ("dated-without-witnesses", |seed| {
        after(closed_in_time(seed), |house| {
            let dates = house.dates(&[1]);
            house.settle(dates);
        })
    }),
    ("dated-by-a-stranger", |seed| {
        after(witnessed_and_closed(seed), |house| {
            let dates = house.dates(&[1, 9]);
            house.settle(dates);
        })
    }),
    ("dated-for-another-log", |seed| {
        after(witnessed_and_closed(seed), |house| {
            let mut dates = house.dates(&[1]);
            dates.push(house.cosigned(2, &house.head_over(house.seen_of(2))));
            house.settle(dates);
        })
    }),
    ("dated-by-less-than-a-quorum", |seed| {
        after(witnessed_and_closed(seed), |house| {
            let dates = house.dates(&[2]);
            house.settle(dates);
        })
    }),
    ("dated-twice-by-one", |seed| {
        after(witnessed_and_closed(seed), |house| {
            let dates = house.dates(&[1, 1]);
            house.settle(dates);
        })
    }),
    ("dated-out-of-order", |seed| {
        after(witnessed_and_closed(seed), |house| {
            let dates = house.dates(&[2, 1]);
            house.settle(dates);
        })
    }),
    ("settled-early", |seed| after(witnessed_and_closed(seed), |house| house.settle(Vec::new()))),
    ("forfeited-early", |seed| {
        after(settled_by_one(seed), |house| {
            house.pass(WITHIN);
            let body = scenes::forfeit(house);
            house.broker(body);
        })
    }),
    ("forfeited-another", |seed| {
        after(settled_by_one(seed), |house| {
            house.pass(WITHIN + 1);
            let outcome = Digest(bytes(&house.chance));
            house.broker(Body::Forfeited(Forfeited { winner: 1, others: Vec::new(), outcome }));
        })
    }),
    ("forfeited-a-stranger", |seed| {
        after(settled(seed), |house| {
            house.pass(WITHIN + 1);
            let body = scenes::forfeit(house);
            let Body::Forfeited(mut forfeited) = body else { return };
            for other in &mut forfeited.others {
                let one = house.own();
                other.ratio = one.ratio(&house.again(&one), &house.keys());
            }
            house.broker(Body::Forfeited(forfeited));
        })
    }),
    ("forfeited-no-bid", |seed| {
        after(settled_by_one(seed), |house| {
            house.pass(WITHIN + 1);
            let Body::Forfeited(mut forfeited) = scenes::forfeit(house) else { return };
            for ForfeitedBid { seq, .. } in &mut forfeited.others {
                *seq = 3;
            }
            house.broker(Body::Forfeited(forfeited));
        })
    }),
    ("forfeited-twice-named", |seed| {
        after(settled_by_one(seed), |house| {
            house.pass(WITHIN + 1);
            let Body::Forfeited(mut forfeited) = scenes::forfeit(house) else { return };
            forfeited.others.extend(forfeited.others.clone());
            house.broker(Body::Forfeited(forfeited));
        })
    }),
    ("abandoned-early", |seed| {
        after(settled(seed), |house| {
            house.pass(WITHIN);
            let body = Body::Abandoned(ended(house));
            house.broker(body);
        })
    }),
    ("abandoned-unsettled", |seed| {
        after(closed_in_time(seed), |house| {
            house.pass(WITHIN + 1);
            let body = Body::Abandoned(ended(house));
            house.broker(body);
        })
    }),
    ("revealed-unsettled", |seed| {
        after(closed_in_time(seed), |house| {
            let body = Body::Revealed(ended(house));
            house.broker(body);
        })
    }),
    ("revealed-twice", |seed| {
        after(sold(seed), |house| {
            let body = Body::Revealed(ended(house));
            house.broker(body);
        })
    }),
    ("withdrawn-in-time", |seed| {
        after(settled(seed), |house| {
            let outcome = Digest(bytes(&house.chance));
            house.broker(Body::Withdrawn(Withdrawn { side: Side::Seller, outcome }));
        })
    }),
    ("withdrawn-unsold", |seed| {
        after(unsold(seed), |house| {
            let outcome = Digest(bytes(&house.chance));
            house.broker(Body::Withdrawn(Withdrawn { side: Side::Seller, outcome }));
        })
    }),
    ("taken-back-after-a-bid", |seed| {
        after(open(seed), |house| {
            let seller = house.seller();
            scenes::take_back(house, &seller);
        })
    }),
    ("taken-back-by-another", |seed| {
        after(scenes::listed(seed), |house| {
            let stranger = house.own();
            scenes::take_back(house, &stranger);
        })
    }),
    ("taken-back-after-the-end", |seed| {
        after(scenes::listed(seed), |house| {
            house.at(END * 1_000_000);
            let seller = house.seller();
            scenes::take_back(house, &seller);
        })
    }),
    ("absent-in-an-auction", |seed| {
        after(settled(seed), |house| {
            house.broker(Body::Absent(Absent { seller: true, winner: false }));
        })
    }),
    ("refusals-of-nothing", |seed| {
        // No rule says what the root has to be.
        after(open(seed), |house| {
            house.at(END * 1_000_000);
            house.broker(Body::Closed(Closed { refused: 3, root: Digest([1; 32]) }));
        })
    }),
];

fn witnessed_and_closed(seed: u64) -> Forge {
    let mut house = open_with(seed, witnessed);
    house.close_after(0);
    house
}

fn settled_by_one(seed: u64) -> Forge {
    let mut house = open_by_one(seed);
    house.close_after(0);
    house.settle(Vec::new());
    house
}

/// Lies in a reveal room.
pub(super) const OF_REVEAL: &[(&str, Make)] = &[
    ("half-a-pair", |seed| after(private(seed), |room| room.disclose(0))),
    ("disclosed-twice", |seed| {
        after(private(seed), |room| {
            room.disclose(0);
            room.disclose(0);
        })
    }),
    ("disclosed-late", |seed| {
        after(private(seed), |room| {
            room.pass(WITHIN);
            room.disclose(0);
        })
    }),
    ("disclosed-by-a-stranger", |seed| {
        after(private(seed), |room| {
            let sealed = vec![1; 32].try_into().expect("short enough");
            odd(room, Body::Disclose(SealedBody { sealed }), |_| {});
        })
    }),
    ("disclosed-after-the-end", |seed| {
        after(private_and_free(seed), |room| {
            let [seller, _] = room.sides();
            room.act(&seller, Body::Withdraw(Empty {}));
            room.disclose(1);
        })
    }),
    ("withdrew-in-time", |seed| {
        after(private(seed), |room| {
            let [seller, _] = room.sides();
            room.act(&seller, Body::Withdraw(Empty {}));
        })
    }),
    ("withdrew-between", |seed| {
        after(private_and_free(seed), |room| {
            room.disclose(0);
            let [_, winner] = room.sides();
            room.act(&winner, Body::Withdraw(Empty {}));
        })
    }),
    ("withdrew-after-both", |seed| {
        after(private_and_free(seed), |room| {
            room.disclose(0);
            room.disclose(1);
            let [_, winner] = room.sides();
            room.act(&winner, Body::Withdraw(Empty {}));
        })
    }),
    ("absent-early", |seed| {
        after(private(seed), |room| {
            room.broker(Body::Absent(Absent { seller: true, winner: true }));
        })
    }),
    ("nobody-absent", |seed| {
        after(private(seed), |room| {
            room.pass(WITHIN + 1);
            room.broker(Body::Absent(Absent { seller: false, winner: false }));
        })
    }),
    ("absent-after-both", |seed| {
        after(disclosed(seed), |room| {
            room.pass(WITHIN + 1);
            room.broker(Body::Absent(Absent { seller: true, winner: false }));
        })
    }),
    ("absent-twice", |seed| {
        after(private(seed), |room| {
            room.pass(WITHIN + 1);
            room.broker(Body::Absent(Absent { seller: true, winner: false }));
            room.broker(Body::Absent(Absent { seller: true, winner: false }));
        })
    }),
    ("said-in-private", |seed| {
        after(private(seed), |room| {
            let [seller, _] = room.sides();
            room.act(&seller, Body::Say(Say { text: text("who are you?") }));
        })
    }),
    ("settled-in-private", |seed| after(private(seed), |room| room.settle_for(None, Vec::new()))),
];
