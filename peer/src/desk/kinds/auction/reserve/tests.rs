//! What a seller reads of a reserve, and which are refused.

use super::*;
use crate::desk::fixture::House;

fn amount(minor: u64) -> Amount {
    Amount::try_from(minor).unwrap()
}

#[test]
fn a_reserve_below_the_start_or_above_the_price_to_buy_means_nothing() {
    let means = |reserve: u64, start: u64, buy: Option<u64>| {
        let start = StartPrice::try_from(start).unwrap();
        means_something(Some(amount(reserve)), start, buy.map(amount)).is_ok()
    };
    assert!(means(100, 100, None) && !means(99, 100, None));
    assert!(means(1, 0, None));
    assert!(means(200, 100, Some(200)) && !means(201, 100, Some(200)));
    assert!(means_something(None, StartPrice::try_from(100).unwrap(), None).is_ok());
}

#[test]
fn its_seller_reads_what_comes_of_it_and_how_much_it_is() {
    let house = House::open();
    let mut listing = house.listing();
    let zone = TimeZone::UTC;
    assert!(terms(&listing, &zone).is_empty());
    listing.reserve = Some(NEEDED);
    let text = terms(&listing, &zone).join("\n");
    for part in [
        "if no bid reaches it, it is not sold",
        "Nobody can bid before this program has sealed it",
        "without, it opens after",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let drafted = Drafted::opening(Body::List(listing), None);
    assert_eq!(term(&drafted), None);
    let drafted = Drafted { hidden: Some(amount(4_000)), ..drafted };
    assert_eq!(term(&drafted).unwrap(), "The reserve is 40.00 EUR; it cannot be changed either.");
}

#[test]
fn what_came_to_nothing_is_tried_again_ever_more_slowly_and_never_given_up() {
    let mut tried = Tried::default();
    let mut now = Duration::ZERO;
    for (count, wait) in (1..).zip([15, 30, 60, 120, 240, 300, 300, 300]) {
        assert!(tried.is_due(Verb::Reserve, now));
        assert_eq!(tried.note(Verb::Reserve, now), count);
        let wait = Duration::from_secs(wait);
        assert!(!tried.is_due(Verb::Reserve, now + wait - Duration::from_micros(1)), "{count}");
        now += wait;
    }
    // Sealing that took long is no reason to wait with opening it.
    assert!(tried.is_due(Verb::Unseal, now));
    assert_eq!(tried.note(Verb::Unseal, now), 1);
}
