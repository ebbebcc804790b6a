//! What a listing may say of citizens: every word of it has to hold for as long as the auction can last.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::room::body::{Body, SoftClose};
use crate::room::fixture::{END, SECOND, Table, at, spki};
use crate::trust::certificate::tests::{issue, leaf_from};
use crate::trust::certificate::{AUTHORITY_NAME, SIMULATED_AUTHORITY_NAME};
use crate::trust::enrolment::issuer::IssuerStatement;
use crate::trust::key::{SecretKey, StampKey};
use crate::value::codec::to_base64url;

/// The CA of the listings here, which is that of the tables.
fn authority() -> PublicKey<Authority> {
    SecretKey::from_seed(&[1; 32]).public()
}

fn enrolment() -> SecretKey<Enrolment> {
    SecretKey::from_seed(&[31; 32])
}

fn stated() -> IssuerStatement {
    IssuerStatement {
        authority: authority().fingerprint(),
        key: spki(9),
        from: at(0),
        until: at(END),
        spend_until: at(END),
        test: false,
    }
}

fn certificate(name: &str) -> Vec<u8> {
    issue(&leaf_from::<Enrolment>(at(0)), name, &enrolment().public())
}

fn terms(stated: &IssuerStatement) -> CitizenTerms {
    CitizenTerms {
        statement: stated.sign(&enrolment()),
        certificate: to_base64url(&certificate(AUTHORITY_NAME)),
    }
}

fn list(citizens: CitizenTerms, change: impl FnOnce(&mut Listing)) -> Result<Table, Code> {
    Table::list(|listing| {
        listing.citizens = Some(citizens);
        change(listing);
    })
}

fn listed(change: impl FnOnce(&mut IssuerStatement)) -> Result<(), Code> {
    let mut stated = stated();
    change(&mut stated);
    list(terms(&stated), |_| {}).map(drop)
}

/// An auction in which one persona of each citizen may bid.
pub(crate) fn asked() -> Table {
    list(terms(&stated()), |_| {}).unwrap()
}

const REFUSED: Result<(), Code> = Err(Code::ListingCitizens);

fn moment() -> Duration {
    Duration::from_micros(1)
}

#[test]
fn v220_a_listing_carries_the_whole_statement_of_one_issuer_of_its_ca() {
    let table = list(terms(&stated()), |_| {}).unwrap();
    let auction = Auction::of(&table.room).unwrap();
    assert_eq!(auction.issuer().unwrap().key.spki(), spki(9));
    assert!(Auction::of(&Table::auction().room).unwrap().issuer().is_none());
    assert_eq!(
        listed(|stated| stated.authority =
            SecretKey::<Authority>::from_seed(&[2; 32]).public().fingerprint()),
        REFUSED
    );
    assert_eq!(listed(|stated| stated.key = spki(9)[1..].to_vec()), REFUSED);
    let good = terms(&stated());
    let another = stated().sign(&SecretKey::from_seed(&[32; 32]));
    for statement in [String::new(), another, format!("{}A", good.statement), "a.b.c".to_owned()] {
        let citizens = CitizenTerms { statement, ..good.clone() };
        assert_eq!(list(citizens.clone(), |_| {}).map(drop), REFUSED, "{citizens:?}");
    }
}

#[test]
fn v220_the_key_that_states_it_is_certified_for_that_by_the_one_ca() {
    let key = enrolment().public();
    let good = terms(&stated());
    let of = |der: &[u8]| CitizenTerms { certificate: to_base64url(der), ..good.clone() };
    let stamp: PublicKey<StampKey> = PublicKey::from_bytes(*key.as_bytes());
    let for_stamps = issue(&leaf_from::<StampKey>(at(0)), AUTHORITY_NAME, &stamp);
    let mut forged = certificate(AUTHORITY_NAME);
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    let later = issue(&leaf_from::<Enrolment>(at(2 * 86_400 * SECOND)), AUTHORITY_NAME, &key);
    for der in [Vec::new(), for_stamps, forged, later] {
        assert_eq!(list(of(&der), |_| {}).map(drop), REFUSED);
    }
    for certificate in ["", "not base64", &format!("{}=", good.certificate)] {
        let citizens = CitizenTerms { certificate: certificate.to_owned(), ..good.clone() };
        assert_eq!(list(citizens, |_| {}).map(drop), REFUSED, "{certificate}");
    }
    let other = SecretKey::<Authority>::from_seed(&[2; 32]).public();
    let with =
        |authorities: Vec<_>| list(good.clone(), |listing| listing.authorities = authorities);
    assert_eq!(with(vec![other]).map(drop), REFUSED);
    // Of two CAs each would give a citizen a persona.
    assert_eq!(with(vec![authority(), other]).map(drop), REFUSED);
    assert!(with(vec![authority()]).is_ok());
}

#[test]
fn v220_the_period_has_begun_and_its_tokens_buy_until_the_last_possible_end() {
    assert_eq!(listed(|stated| stated.from = at(0)), Ok(()));
    assert_eq!(listed(|stated| stated.from = at(0).plus(moment())), REFUSED);
    let until = |until: Time| {
        listed(|stated| (stated.until, stated.spend_until) = (until.min(at(END)), until))
    };
    assert_eq!(until(at(END)), Ok(()));
    assert_eq!(until(at(END).minus(moment())), REFUSED);
    let hard_end = at(2 * END);
    let soft = |spend_until| {
        let stated = IssuerStatement { spend_until, ..stated() };
        list(terms(&stated), |listing| listing.soft = Some(SoftClose { extend: 30, hard_end }))
    };
    assert!(soft(hard_end).is_ok());
    assert_eq!(soft(hard_end.minus(moment())).map(drop), REFUSED);
}

#[test]
fn v220_holders_of_test_cards_count_in_a_play_alone() {
    let play = |test, name, simulated| {
        let stated = IssuerStatement { test, ..stated() };
        let citizens =
            CitizenTerms { certificate: to_base64url(&certificate(name)), ..terms(&stated) };
        list(citizens, |listing| listing.simulated = simulated).map(drop)
    };
    assert_eq!(play(true, AUTHORITY_NAME, false), REFUSED);
    assert_eq!(play(true, SIMULATED_AUTHORITY_NAME, true), Ok(()));
    assert_eq!(play(false, SIMULATED_AUTHORITY_NAME, true), Ok(()));
    // What the listing says of simulated time is what the CA says.
    assert_eq!(play(false, SIMULATED_AUTHORITY_NAME, false), REFUSED);
    assert_eq!(play(false, AUTHORITY_NAME, true), REFUSED);
    assert_eq!(play(true, AUTHORITY_NAME, true), REFUSED);
}

#[test]
fn v220_other_faults_of_a_listing_are_told_first_and_that_of_its_rule_last() {
    let bad = || {
        terms(&IssuerStatement { authority: authority().fingerprint(), from: at(1), ..stated() })
    };
    let faulty = |change: fn(&mut Listing)| list(bad(), change).map(drop);
    assert_eq!(faulty(|listing| listing.freshness = 0), Err(Code::ListingTerms));
    assert_eq!(faulty(|listing| listing.end = at(0)), Err(Code::ListingEnd));
    assert_eq!(faulty(|listing| listing.rule = Some("nonsense".to_owned())), REFUSED);
}

#[test]
fn v222_a_persona_of_that_issuer_is_taken_and_no_other() {
    let table = list(terms(&stated()), |_| {}).unwrap();
    let auction = Auction::of(&table.room).unwrap();
    assert!(auction.takes(Some(Digest::of(&spki(9)))));
    assert!(!auction.takes(Some(Digest::of(&spki(10)))));
    assert!(!auction.takes(None));
    let open = Table::auction();
    let open = Auction::of(&open.room).unwrap();
    assert!(open.takes(None) && open.takes(Some(Digest::of(&spki(9)))));
}

#[test]
fn a_listing_without_it_has_no_such_member() {
    let table = Table::auction();
    let Body::List(listing) = table.opening.action().body() else { panic!("a listing") };
    assert!(!serde_json::to_string(listing).unwrap().contains("citizens"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A listing asks for citizens only if the issuer's tokens buy from its stamp to its last possible end.
    #[test]
    fn v220_every_instant_of_the_auction_is_one_at_which_tokens_buy(
        from in 0_u64..3, period in 1_u64..60, more in 0_u64..60, end in 1_u64..100, extends in any::<bool>(),
    ) {
        let mut stated = stated();
        (stated.from, stated.until) = (at(from * SECOND), at((from + period) * SECOND));
        stated.spend_until = at((from + period + more) * SECOND);
        let table = list(terms(&stated), |listing| {
            listing.end = at(end * SECOND);
            let soft = SoftClose { extend: 30, hard_end: at((end + 30) * SECOND) };
            listing.soft = extends.then_some(soft);
        });
        let last = if extends { end + 30 } else { end };
        let fits = from == 0 && last <= from + period + more;
        prop_assert_eq!(table.map(drop), if fits { Ok(()) } else { REFUSED });
    }
}
