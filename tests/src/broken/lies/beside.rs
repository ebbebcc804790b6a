//! Terms, stamps, heads and certificates.

use std::time::Duration;

use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, Stamp};
use pregao_protocol::log::transcript::transcript;
use pregao_protocol::log::{Cosignature, Head, RoomName};
use pregao_protocol::room::body::{Body, BrokerKeys, SoftClose};
use pregao_protocol::trust::key::SecretKey;
use pregao_protocol::value::codec::Digest;

use super::{Make, after, later, listed, stamped};
use crate::broken::forge::{END, Forge, witness, witness_key};
use crate::broken::scenes::{dated, open, settled, sold, witnessed};

/// Listings that no auction can have.
pub(super) const OF_TERMS: &[(&str, Make)] = &[
    ("ends-before-it-begins", |seed| {
        let mut house = Forge::new(seed);
        house.pass(END);
        house.list(|_| {});
        house.file()
    }),
    ("ends-in-two-years", |seed| {
        listed(seed, |listing| listing.end = later(listing.end, 2 * 366 * 86_400))
    }),
    ("not-fresh", |seed| listed(seed, |listing| listing.freshness = 0)),
    ("too-fresh", |seed| listed(seed, |listing| listing.freshness = 61)),
    ("no-grace", |seed| listed(seed, |listing| listing.grace = 0)),
    ("too-much-grace", |seed| listed(seed, |listing| listing.grace = 61)),
    ("no-time-to-disclose", |seed| listed(seed, |listing| listing.disclose_within = 9)),
    ("too-much-time", |seed| listed(seed, |listing| listing.disclose_within = 2_592_001)),
    ("two-tsas-asked-for", |seed| listed(seed, |listing| listing.threshold = 2)),
    ("no-authority", |seed| listed(seed, |listing| listing.authorities.clear())),
    ("quorum-of-nobody", |seed| listed(seed, |listing| listing.quorum = 1)),
    ("quorum-of-none", |seed| {
        listed(seed, |listing| {
            witnessed(listing);
            listing.quorum = 0;
        })
    }),
    ("quorum-of-less-than-half", |seed| {
        listed(seed, |listing| {
            witnessed(listing);
            listing.quorum = 1;
        })
    }),
    ("quorum-of-half", |seed| {
        listed(seed, |listing| {
            listing.witnesses = vec![witness(1), witness(2)];
            listing.quorum = 1;
        })
    }),
    ("quorum-of-more", |seed| {
        listed(seed, |listing| {
            witnessed(listing);
            listing.quorum = 4;
        })
    }),
    ("witness-twice", |seed| {
        listed(seed, |listing| {
            listing.witnesses = vec![witness(1), witness(1)];
            listing.quorum = 1;
        })
    }),
    ("six-witnesses", |seed| {
        listed(seed, |listing| {
            listing.witnesses = (1..=6).map(witness).collect();
            listing.quorum = 4;
        })
    }),
    ("extends-too-little", |seed| {
        listed(seed, |listing| {
            let hard_end = later(listing.end, 60);
            listing.soft = Some(SoftClose { extend: 29, hard_end });
        })
    }),
    ("extends-too-much", |seed| {
        listed(seed, |listing| {
            let hard_end = later(listing.end, 60);
            listing.soft = Some(SoftClose { extend: 86_401, hard_end });
        })
    }),
    ("hard-end-before-the-end", |seed| {
        listed(seed, |listing| {
            let hard_end = listing.end.minus(Duration::from_secs(1));
            listing.soft = Some(SoftClose { extend: 30, hard_end });
        })
    }),
    ("listed-by-the-broker", |seed| {
        let mut house = Forge::new(seed);
        let body = Body::List(house.listing());
        let action = house.sign_as_broker(&house.draft(&house.own(), body));
        house.enter(&action);
        house.file()
    }),
    ("one-on-both-sides", |seed| {
        settled(seed).reveal(|reveal| reveal.winner = reveal.seller).file()
    }),
    ("deadline-passed", |seed| {
        let house = settled(seed);
        let now = house.now;
        house.reveal(|reveal| reveal.deadline = now).file()
    }),
    ("private-and-not-fresh", |seed| settled(seed).reveal(|reveal| reveal.freshness = 0).file()),
];

/// Lies about the TSA.
pub(super) const OF_STAMPS: &[(&str, Make)] = &[
    ("stamp-by-another-tsa", |seed| {
        let mut house = open(seed);
        house.tsa = SecretKey::from_seed(&[99; 32]);
        house.bid(2_000);
        house.tsa = open(seed).tsa;
        house.file()
    }),
    ("header-signed-by-another", |seed| {
        after(open(seed), |house| {
            let own = house.own();
            let action = house.sign(&own, &house.draft(&own, house.bid_body(2_000)));
            let tree = Tree::new(vec![leaf_hash(&action.digest().0)]);
            let header = house.header(&tree).sign(&SecretKey::from_seed(&[99; 32]));
            let path = tree.path(0).unwrap_or_default();
            let stamp = Stamp { header: BatchHeader::hash(&header), index: 0, path };
            house.log(action.compact(), stamp, header);
        })
    }),
    ("batch-zero", |seed| stamped(seed, |header| header.batch = 0)),
    ("batch-one-with-a-predecessor", |seed| stamped(seed, |header| header.batch = 1)),
    ("time-before-the-predecessor", |seed| {
        stamped(seed, |header| header.prev_time = later(header.time, 1))
    }),
    ("too-many-digests", |seed| stamped(seed, |header| header.size = (1 << 16) + 1)),
    ("another-size", |seed| stamped(seed, |header| header.size += 5)),
    ("another-root", |seed| stamped(seed, |header| header.root = Digest([3; 32]))),
    ("number-again", |seed| stamped(seed, |header| header.batch -= 1)),
    ("another-predecessor", |seed| stamped(seed, |header| header.prev = Digest([3; 32]))),
    ("another-time-of-the-predecessor", |seed| {
        stamped(seed, |header| header.prev_time = header.prev_time.minus(Duration::from_secs(1)))
    }),
    ("time-goes-back", |seed| {
        after(open(seed), |house| {
            house.now = house.now.minus(Duration::from_secs(1));
            house.bid(2_000);
        })
    }),
    ("stamp-of-another-action", |seed| {
        after(open(seed), |house| {
            let own = house.own();
            let action = house.sign(&own, &house.draft(&own, house.bid_body(2_000)));
            let other = house.sign(&own, &house.draft(&own, house.bid_body(2_001)));
            let (stamp, header) = house.stamp(&other);
            house.log(action.compact(), stamp, header);
        })
    }),
    ("stamp-with-another-index", |seed| {
        after(open(seed), |house| {
            let own = house.own();
            let action = house.sign(&own, &house.draft(&own, house.bid_body(2_000)));
            let (mut stamp, header) = house.stamp(&action);
            stamp.index += 1;
            house.log(action.compact(), stamp, header);
        })
    }),
    ("stamp-with-a-hash-to-spare", |seed| {
        after(open(seed), |house| {
            let own = house.own();
            let action = house.sign(&own, &house.draft(&own, house.bid_body(2_000)));
            let (mut stamp, header) = house.stamp(&action);
            stamp.path.push(Digest([1; 32]));
            house.log(action.compact(), stamp, header);
        })
    }),
    ("stamp-with-a-path-too-long", |seed| {
        after(open(seed), |house| {
            let own = house.own();
            let action = house.sign(&own, &house.draft(&own, house.bid_body(2_000)));
            let (mut stamp, header) = house.stamp(&action);
            stamp.path = vec![Digest([1; 32]); 17];
            house.log(action.compact(), stamp, header);
        })
    }),
];

/// Lies about heads and certificates.
pub(super) const OF_HEADS: &[(&str, Make)] = &[
    ("head-over-less", |seed| {
        let house = sold(seed);
        house.file_with(&house.note_of(&house.head_over(house.seen_of(3))))
    }),
    ("head-over-another-log", |seed| {
        let house = sold(seed);
        let head = Head { root: Digest([2; 32]), ..house.head_over(house.seen()) };
        house.file_with(&house.note_of(&head))
    }),
    ("head-of-another-room", |seed| {
        let house = sold(seed);
        let mut head = house.head_over(house.seen());
        head.origin.room = RoomName([2; 32]);
        house.file_with(&house.note_of(&head))
    }),
    ("head-by-another-key", |seed| {
        let house = sold(seed);
        house.file_with(&house.head_over(house.seen()).sign(&SecretKey::from_seed(&[3; 32])))
    }),
    ("head-with-a-line-of-nobody", |seed| {
        let house = sold(seed);
        house.file_with(&(house.note(&[]) + "\u{2014} \n"))
    }),
    ("head-without-a-signature", |seed| {
        let house = sold(seed);
        let note = house.note(&[]);
        let text = note.split_once("\n\n").map_or("", |(text, _)| text);
        house.file_with(&format!("{text}\n\n"))
    }),
    ("witness-twice-in-a-head", |seed| {
        let house = dated(seed);
        house.file_with(&house.note(&[1, 2, 1]))
    }),
    ("witness-of-another-head", |seed| {
        let house = dated(seed);
        let line = house.line(1, &house.head_over(house.seen_of(3)));
        house.file_with(&(house.note(&[2, 3]) + &line))
    }),
    ("witness-under-anothers-key", |seed| {
        // Of no named witness, so it counts for nothing and spoils nothing.
        let house = dated(seed);
        let head = house.head_over(house.seen());
        let signed = Cosignature::sign(&head, 5, &witness_key(9));
        house.file_with(&(house.note(&[2, 3]) + &signed.line(&witness(1).name)))
    }),
    ("too-many-signatures", |seed| {
        let house = sold(seed);
        let head = house.head_over(house.seen());
        let lines = (20..36).map(|seed| house.line(seed, &head));
        house.file_with(&(house.note(&[]) + &lines.collect::<String>()))
    }),
    ("certificate-for-other-keys", |seed| {
        let house = sold(seed);
        let keys = BrokerKeys { head: SecretKey::from_seed(&[8; 32]).public(), ..house.keys() };
        let certificate = house.certificate_of(keys);
        transcript(Some(&certificate), house.logged(), &house.note(&[]))
    }),
    ("certificate-by-another", |seed| {
        let house = sold(seed);
        let certificate = house.certificate_for(house.keys(), &SecretKey::from_seed(&[8; 32]));
        transcript(Some(&certificate), house.logged(), &house.note(&[]))
    }),
    ("certificate-of-another-broker", |seed| {
        let house = sold(seed);
        let certificate = Forge::new(seed + 1_000_000).certificate();
        transcript(Some(&certificate), house.logged(), &house.note(&[]))
    }),
];
