//! Entries of peers, and receipts of what no fold judged.

use std::time::Duration;

use pregao_protocol::log::{Entry, RoomName};
use pregao_protocol::room::body::{Absent, Body, Say, SealedBody, SoftClose};
use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::value::codec::Digest;

use super::{Make, action_of, after, later, misspelt, odd, odd_of_broker};
use crate::broken::forge::{END, F, Forge, text};
use crate::broken::scenes::{closed_in_time, open, open_with, private, settled, sold};

/// Lies about bids and words.
pub(super) const OF_PEERS: &[(&str, Make)] = &[
    ("bid-too-low", |seed| after(open(seed), |house| house.bid(1_349))),
    ("bid-equal", |seed| after(open(seed), |house| house.bid(1_250))),
    ("first-bid-too-low", |seed| {
        let mut house = Forge::new(seed);
        house.list(|_| {});
        after(house, |house| house.bid(999))
    }),
    ("bid-beyond-the-largest", |seed| {
        after(open(seed), |house| {
            house.bid((1 << 53) - 1);
            house.bid((1 << 53) - 1);
        })
    }),
    ("bid-at-the-end", |seed| {
        after(open(seed), |house| {
            house.at(END * 1_000_000);
            house.bid(2_000);
        })
    }),
    ("bid-after-the-close", |seed| after(closed_in_time(seed), |house| house.bid(2_000))),
    ("bid-after-the-soft-end", |seed| {
        let house = open_with(seed, |listing| {
            let hard_end = later(listing.end, 45);
            listing.soft = Some(SoftClose { extend: 30, hard_end });
        });
        after(house, |house| {
            house.at((END - 10) * 1_000_000);
            house.bid(2_000);
            house.at((END + 20) * 1_000_000);
            house.bid(2_100);
        })
    }),
    ("bid-early", |seed| {
        // Of two TSAs that count, the other one's clock is behind.
        let mut house = Forge::new(seed);
        house.pass(3);
        let other = SecretKey::from_seed(&[98; 32]);
        house.list(|listing| listing.stamps.push(other.public()));
        house.at(0);
        house.tsa = other;
        house.batch = (0, Digest([0; 32]), house.now);
        after(house, |house| house.bid(1_000))
    }),
    ("other-currency", |seed| {
        after(open(seed), |house| {
            let Body::Bid(mut bid) = house.bid_body(2_000) else { return };
            bid.currency = "USD".parse().expect("a currency");
            odd(house, Body::Bid(bid), |_| {});
        })
    }),
    ("key-again", |seed| {
        after(open(seed), |house| {
            let Some((_, _, own)) = house.bids.first().cloned() else { return };
            house.act(&own, Body::Say(Say { text: text("me again") }));
        })
    }),
    ("entry-again", |seed| {
        after(open(seed), |house| {
            let Some((entry, header)) = house.log.last().cloned() else { return };
            let Ok(entry) = Entry::parse(&entry) else { return };
            house.log(&entry.action, entry.stamp, header);
        })
    }),
    // What names a header of long ago again is stale before all else, and not a microsecond earlier.
    ("entry-again-past", |seed| again_after(seed, 1)),
    ("entry-again-not-yet-past", |seed| again_after(seed, 0)),
    ("no-action-past", |seed| {
        let mut house = open(seed);
        let Some((entry, header)) = house.log.last().cloned() else { return house.file() };
        let Ok(entry) = Entry::parse(&entry) else { return house.file() };
        house.pass(F);
        house.now = house.now.plus(Duration::from_micros(1));
        house.bid(2_000);
        house.log("a.b.c", entry.stamp, header);
        house.file()
    }),
    ("other-room", |seed| {
        after(open(seed), |house| {
            let body = house.bid_body(2_000);
            odd(house, body, |draft| draft.room = Some(RoomName([9; 32])));
        })
    }),
    ("seen-too-much", |seed| {
        after(open(seed), |house| {
            let body = house.bid_body(2_000);
            odd(house, body, |draft| draft.seen.size = 4);
        })
    }),
    ("seen-another-log", |seed| {
        after(open(seed), |house| {
            let body = house.bid_body(2_000);
            odd(house, body, |draft| draft.seen.root = Digest([5; 32]));
        })
    }),
    ("seen-too-little", |seed| {
        after(open(seed), |house| {
            let old = house.seen_of(1);
            house.pass(F + 2);
            let body = house.bid_body(2_000);
            odd(house, body, |draft| draft.seen = old);
        })
    }),
    ("stale", |seed| {
        after(open(seed), |house| {
            let own = house.own();
            let action = house.sign(&own, &house.draft(&own, house.bid_body(3_000)));
            let (stamp, header) = house.stamp(&action);
            house.pass(F);
            house.now = house.now.plus(Duration::from_micros(1));
            house.bid(2_000);
            house.log(action.compact(), stamp, header);
        })
    }),
    ("broker-bids", |seed| {
        after(open(seed), |house| {
            let body = house.bid_body(2_000);
            odd_of_broker(house, body, |_| {});
        })
    }),
    ("verb-of-a-reveal-room", |seed| {
        after(open(seed), |house| {
            let sealed = vec![1; 32].try_into().expect("short enough");
            odd(house, Body::Disclose(SealedBody { sealed }), |_| {});
        })
    }),
    ("second-opening", |seed| {
        after(open(seed), |house| {
            let own = house.own();
            let body = Body::List(house.listing());
            let action = house.sign(&own, &house.draft(&own, body));
            house.enter(&action);
        })
    }),
    ("no-opening", |seed| {
        let mut house = Forge::new(seed);
        let other = open(seed);
        let own = other.own();
        let action = other.sign(&own, &other.draft(&own, other.bid_body(1_000)));
        house.enter(&action);
        house.file()
    }),
    ("badly-signed", |seed| {
        misspelt(seed, |compact| {
            let end = compact.len() - 4;
            let last = if &compact[end..end + 1] == "A" { "B" } else { "A" };
            format!("{}{last}{}", &compact[..end], &compact[end + 1..])
        })
    }),
    ("no-action", |seed| misspelt(seed, |_| "a.b.c".to_owned())),
    ("empty-action", |seed| misspelt(seed, |_| String::new())),
    ("padded-action", |seed| misspelt(seed, |compact| format!("{compact}="))),
];

/// The last entry comes again after one that is stamped F later, and so many microseconds.
fn again_after(seed: u64, more: u64) -> String {
    after(open(seed), |house| {
        let Some((entry, header)) = house.log.last().cloned() else { return };
        let Ok(entry) = Entry::parse(&entry) else { return };
        house.pass(F);
        house.now = house.now.plus(Duration::from_micros(more));
        house.bid(2_000);
        house.log(&entry.action, entry.stamp, header);
    })
}

/// Receipts of entries that no fold judged.
pub(super) const OF_RECEIPTS: &[(&str, Make)] = &[
    ("receipt-of-a-late-bid", |seed| {
        let mut house = closed_in_time(seed);
        let seq = house.bid(2_000);
        house.receipt(seq).encode()
    }),
    ("receipt-of-a-low-bid", |seed| {
        let mut house = open(seed);
        let seq = house.bid(999);
        house.receipt(seq).encode()
    }),
    ("receipt-of-a-stranger-in-private", |seed| {
        let mut room = private(seed);
        let sealed = vec![1; 32].try_into().expect("short enough");
        odd(&mut room, Body::Disclose(SealedBody { sealed }), |_| {});
        room.receipt(1).encode()
    }),
    ("receipt-of-a-verb-of-another-kind", |seed| {
        let mut house = settled(seed);
        let seq = house.broker(Body::Absent(Absent { seller: true, winner: false }));
        house.receipt(seq).encode()
    }),
    ("receipt-of-the-brokers-bid", |seed| {
        let mut house = open(seed);
        let body = house.bid_body(2_000);
        odd_of_broker(&mut house, body, |_| {});
        house.receipt(3).encode()
    }),
    ("receipt-of-another-room", |seed| {
        let mut house = open(seed);
        let body = house.bid_body(2_000);
        odd(&mut house, body, |draft| draft.room = Some(RoomName([9; 32])));
        house.receipt(3).encode()
    }),
    ("receipt-that-saw-too-much", |seed| {
        let mut house = open(seed);
        let body = house.bid_body(2_000);
        odd(&mut house, body, |draft| draft.seen.size = 4);
        house.receipt(3).encode()
    }),
    ("receipt-with-another-header", |seed| {
        let house = sold(seed);
        let mut receipt = house.receipt(2);
        receipt.header = house.receipt(1).header;
        receipt.encode()
    }),
    ("receipt-with-another-entry", |seed| {
        let house = sold(seed);
        let mut receipt = house.receipt(2);
        receipt.entry = house.receipt(1).entry;
        receipt.encode()
    }),
    ("receipt-with-another-opening", |seed| {
        let mut receipt = sold(seed).receipt(2);
        receipt.opening = sold(seed + 1_000_000).receipt(2).opening;
        receipt.encode()
    }),
    ("receipt-without-a-path", |seed| {
        let mut receipt = sold(seed).receipt(2);
        receipt.path.clear();
        receipt.encode()
    }),
    ("receipt-without-an-opening", |seed| {
        let mut receipt = sold(seed).receipt(2);
        receipt.opening = action_of(&receipt.entry).unwrap_or_default();
        receipt.encode()
    }),
    ("receipt-of-a-bad-listing", |seed| {
        let mut house = Forge::new(seed);
        house.list(|listing| listing.grace = 0);
        house.receipt(0).encode()
    }),
];
