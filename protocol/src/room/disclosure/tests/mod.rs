//! Disclosures: each holds for one auction, one role and one pair of keys, and for nothing else.

use std::time::Duration;

use super::*;

mod card;
use crate::room::Replay;
use crate::room::fixture::{Author, END, Own, SECOND, Table, at, text};
use crate::trust::certificate::tests::{authority, issue, leaf, noon, with_policies};
use crate::trust::certificate::{AUTHORITY_NAME, PERSONA_LIFETIME, bought_with};
use crate::trust::seal::{SealKey, SealPublic, open_padded, seal_padded};
use crate::value::codec::to_base64url;

/// A settled auction with three bids of the winner and one of a stranger (seq 2).
struct Sale {
    table: Table,
    opening: Reveal,
    winner: Author,
    owns: [Own; 3],
}

const ROOM: RoomName = RoomName([5; 32]);

fn sale() -> Sale {
    let mut table = Table::auction();
    let winner = Author::new(120);
    let first = table.bid_by(&winner, at(SECOND), 1_000);
    table.bid(at(SECOND), 1_100).unwrap();
    let second = table.bid_by(&winner, at(SECOND), 1_200);
    let third = table.bid_by(&winner, at(SECOND), 1_300);
    table.close(at(END)).unwrap();
    table.settle(at(END), Some((4, 1_300))).unwrap();
    let opening = table.reveal_opening(at(2 * END));
    Sale { table, opening, winner, owns: [first, second, third] }
}

fn of(authorities: &[PublicKey<Authority>]) -> Personas<'_> {
    Personas { authorities, issuer: None }
}

fn certificate(author: &Author) -> String {
    to_base64url(&issue(&leaf::<Persona>(), AUTHORITY_NAME, &author.persona.public()))
}

impl Sale {
    fn place(&self, side: Side) -> DisclosureContext<'_> {
        DisclosureContext { room: ROOM, opening: &self.opening, side }
    }

    fn claims(&self) -> Claims {
        let [first, second, third] = self.owns.clone();
        let opened = [(1, first), (3, second), (4, third)];
        Claims {
            name: text("Maria"),
            contact: Some(text("maria@example.org")),
            certificate: certificate(&self.winner),
            card: None,
            actions: opened
                .into_iter()
                .map(|(seq, own)| OwnAction { seq, blind: own.blind })
                .collect(),
        }
    }

    fn signed(&self, claims: &Claims) -> Vec<u8> {
        let key = self.winner.key(&self.owns[2]);
        let place = self.place(Side::Winner);
        Disclosure::sign(&place, claims, &self.winner.persona, &key, None).unwrap().encode()
    }

    fn verify_at(
        &self,
        bytes: &[u8],
        place: &DisclosureContext<'_>,
        now: Time,
    ) -> Result<Disclosed, DisclosureError> {
        let authorities = [SecretKey::from_seed(&[77; 32]).public(), authority().public()];
        Disclosure::verify(bytes, place, of(&authorities), None, now, |seq| self.logged(seq))
    }

    fn verify(&self, bytes: &[u8]) -> Result<Disclosed, DisclosureError> {
        self.verify_at(bytes, &self.place(Side::Winner), noon())
    }

    /// Identifier and key of an entry, read from the log's bytes.
    fn logged(&self, seq: u64) -> Option<(Uuid, PublicKey<OneTime>)> {
        let mut replay = Replay::new();
        let wanted = self.table.log.get(usize::try_from(seq).ok()?)?;
        for line in self.table.lines() {
            let Some(stamped) = replay.line(&line).unwrap() else { continue };
            if line == *wanted {
                return Some((stamped.action().id(), *stamped.action().key()));
            }
        }
        None
    }
}

#[test]
fn v055_what_the_winner_disclosed_is_verified_part_by_part() {
    let sale = sale();
    let disclosed = sale.verify(&sale.signed(&sale.claims())).unwrap();
    assert_eq!(disclosed.name, "Maria");
    assert_eq!(disclosed.contact, "maria@example.org");
    assert_eq!(disclosed.persona, sale.winner.persona.public().fingerprint());
    assert_eq!(disclosed.actions, [1, 3, 4]);
}

#[test]
fn v055_the_seller_discloses_by_the_same_rules() {
    let sale = sale();
    let seller = Author::new(100);
    let own = seller.own(0);
    let claims = Claims {
        certificate: certificate(&seller),
        contact: None,
        actions: vec![OwnAction { seq: 0, blind: own.blind.clone() }],
        ..sale.claims()
    };
    let place = sale.place(Side::Seller);
    let key = seller.key(&own);
    let bytes = Disclosure::sign(&place, &claims, &seller.persona, &key, None).unwrap().encode();
    let disclosed = sale.verify_at(&bytes, &place, noon()).unwrap();
    assert_eq!((disclosed.actions, disclosed.contact), (vec![0], String::new()));
    // The winner's place refuses what the seller signed for the seller's.
    let relayed = sale.verify_at(&bytes, &sale.place(Side::Winner), noon());
    assert!(matches!(relayed, Err(DisclosureError::Signature { by: "persona", .. })));
}

#[test]
fn v055_garbage_is_no_disclosure() {
    let sale = sale();
    let good = String::from_utf8(sale.signed(&sale.claims())).unwrap();
    for bytes in [
        String::new(),
        "{}".to_owned(),
        good.replace("\"claims\"", "\"claim\""),
        good.replace("by_persona", "by_one_time"),
        good.replacen("\\\"name\\\"", "\\\"nome\\\"", 1),
        format!("{good} x"),
    ] {
        let refused = sale.verify(bytes.as_bytes());
        assert_eq!(refused, Err(DisclosureError::Malformed), "{bytes}");
    }
}

#[test]
fn v055_at_most_so_many_actions_are_opened() {
    let sale = sale();
    let mut claims = sale.claims();
    let last = claims.actions[2].clone();
    claims.actions = vec![last.clone(); label::MAX_OPENED];
    assert!(sale.verify(&sale.signed(&claims)).is_ok());
    claims.actions.push(last);
    assert_eq!(sale.verify(&sale.signed(&claims)), Err(DisclosureError::Malformed));
}

#[test]
fn v056_the_certificate_is_of_a_ca_that_the_listing_names_and_in_force() {
    let sale = sale();
    let bytes = sale.signed(&sale.claims());
    let place = sale.place(Side::Winner);
    let expired = sale.verify_at(&bytes, &place, noon().plus(PERSONA_LIFETIME));
    assert!(matches!(expired, Err(DisclosureError::Certificate(CertificateError::Expired { .. }))));
    let early = sale.verify_at(&bytes, &place, noon().minus(Duration::from_secs(7 * 86_400)));
    assert!(matches!(
        early,
        Err(DisclosureError::Certificate(CertificateError::NotYetValid { .. }))
    ));
    let other = [SecretKey::from_seed(&[77; 32]).public()];
    let by = |authorities| {
        Disclosure::verify(&bytes, &place, of(authorities), None, noon(), |seq| sale.logged(seq))
    };
    let foreign = by(&other);
    assert_eq!(foreign, Err(DisclosureError::Certificate(CertificateError::Authority)));
    let nobody = by(&[]);
    assert_eq!(nobody, Err(DisclosureError::Malformed));
    for certificate in ["", "AA", "not base64", &certificate(&Author::new(1))[..20]] {
        let claims = Claims { certificate: certificate.to_owned(), ..sale.claims() };
        assert!(sale.verify(&sale.signed(&claims)).is_err(), "{certificate}");
    }
}

#[test]
fn v223_where_citizens_are_asked_for_another_issuers_persona_has_disclosed_nothing() {
    let sale = sale();
    let place = sale.place(Side::Winner);
    let authorities = [authority().public()];
    let judged = |bought: Option<Digest>, issuer: Option<Digest>| {
        let params = match bought {
            Some(issuer) => with_policies(bought_with(issuer), true),
            None => leaf::<Persona>(),
        };
        let der = issue(&params, AUTHORITY_NAME, &sale.winner.persona.public());
        let bytes = sale.signed(&Claims { certificate: to_base64url(&der), ..sale.claims() });
        let personas = Personas { authorities: &authorities, issuer };
        let read = |seq| sale.logged(seq);
        Disclosure::verify(&bytes, &place, personas, None, noon(), read).map(drop)
    };
    let (one, two) = (Some(Digest([1; 32])), Some(Digest([2; 32])));
    assert_eq!(judged(one, one), Ok(()));
    assert_eq!(judged(two, one), Err(DisclosureError::Citizen));
    assert_eq!(judged(None, one), Err(DisclosureError::Citizen));
    assert_eq!(judged(one, None), Ok(()));
}

#[test]
fn v057_anothers_certificate_does_not_make_another_persona() {
    let sale = sale();
    let claims = Claims { certificate: certificate(&Author::new(99)), ..sale.claims() };
    let refused = sale.verify(&sale.signed(&claims));
    assert!(matches!(refused, Err(DisclosureError::Signature { by: "persona", .. })));
}

#[test]
fn v057_a_disclosure_relayed_to_any_other_place_does_not_hold() {
    let sale = sale();
    let bytes = sale.signed(&sale.claims());
    let other = Author::new(99).key(&Author::new(99).own(1)).public();
    let seal = SealKey::from_random([3; 32]).public();
    type Change = (&'static str, fn(&mut Reveal, PublicKey<OneTime>, SealPublic));
    let changes: [Change; 7] = [
        ("another auction", |opening, _, _| opening.auction = RoomName([9; 32])),
        ("another settlement", |opening, _, _| opening.settled += 1),
        ("another head", |opening, _, _| opening.root.0[0] ^= 1),
        ("another seller", |opening, key, _| opening.seller = key),
        ("another winner", |opening, key, _| opening.winner = key),
        ("another key of the seller", |opening, _, seal| opening.seller_seal = seal),
        ("another key of the winner", |opening, _, seal| opening.winner_seal = seal),
    ];
    for (what, change) in changes {
        let mut opening = sale.opening.clone();
        change(&mut opening, other, seal);
        let place = DisclosureContext { opening: &opening, ..sale.place(Side::Winner) };
        let relayed = sale.verify_at(&bytes, &place, noon());
        assert!(matches!(relayed, Err(DisclosureError::Signature { by: "persona", .. })), "{what}");
    }
    let room = DisclosureContext { room: RoomName([6; 32]), ..sale.place(Side::Winner) };
    assert!(sale.verify_at(&bytes, &room, noon()).is_err());
    assert!(sale.verify_at(&bytes, &sale.place(Side::Seller), noon()).is_err());
}

#[test]
fn v057_the_one_time_key_of_the_side_signs_too() {
    let sale = sale();
    let place = sale.place(Side::Winner);
    let other = sale.winner.key(&sale.owns[0]);
    let bytes = Disclosure::sign(&place, &sale.claims(), &sale.winner.persona, &other, None)
        .unwrap()
        .encode();
    let refused = sale.verify(&bytes);
    assert!(matches!(refused, Err(DisclosureError::Signature { by: "one-time", .. })));
}

#[test]
fn v057_a_changed_claim_is_noticed() {
    let sale = sale();
    let good = String::from_utf8(sale.signed(&sale.claims())).unwrap();
    let changed = good.replace("Maria", "Marta");
    let refused = sale.verify(changed.as_bytes());
    assert!(matches!(refused, Err(DisclosureError::Signature { by: "persona", .. })));
}

#[test]
fn v058_each_opened_action_is_by_the_persona() {
    let sale = sale();
    let blind = sale.owns[0].blind.clone();
    let mut claims = sale.claims();
    claims.actions[0].blind = sale.owns[1].blind.clone();
    let swapped = sale.verify(&sale.signed(&claims));
    assert_eq!(swapped, Err(DisclosureError::NotTheirs { seq: 1 }));
    for seq in [0, 2, 5, 99, u64::MAX] {
        let mut claims = sale.claims();
        claims.actions.push(OwnAction { seq, blind: blind.clone() });
        let refused = sale.verify(&sale.signed(&claims));
        assert_eq!(refused, Err(DisclosureError::NotTheirs { seq }));
    }
}

#[test]
fn v059_the_action_that_makes_a_side_is_opened() {
    let sale = sale();
    for actions in [vec![], sale.claims().actions[..2].to_vec()] {
        let claims = Claims { actions, ..sale.claims() };
        let refused = sale.verify(&sale.signed(&claims));
        assert_eq!(refused, Err(DisclosureError::NotOpened));
    }
}

#[test]
fn v057_what_is_sealed_for_one_place_opens_in_no_other() {
    let sale = sale();
    let key = SealKey::from_random([90; 32]);
    let bytes = sale.signed(&sale.claims());
    let info = sale.place(Side::Winner).info();
    let size = label::DISCLOSURE_SIZE;
    let sealed = seal_padded(&key.public(), &info, &[], &bytes, size, [1; 32]).unwrap();
    assert_eq!(open_padded(&key, &info, &[], &sealed, size), Ok(bytes));
    let other = sale.place(Side::Seller).info();
    assert!(open_padded(&key, &other, &[], &sealed, size).is_err());
    let stranger = SealKey::from_random([91; 32]);
    assert!(open_padded(&stranger, &info, &[], &sealed, size).is_err());
}

#[test]
fn a_disclosure_of_the_longest_kind_fits_its_size() {
    let sale = sale();
    let widest = "\u{10ffff}";
    let action = OwnAction { seq: label::MAX_LOG_SIZE, blind: sale.owns[0].blind.clone() };
    let claims = Claims {
        name: text(&widest.repeat(80)),
        contact: Some(text(&widest.repeat(200))),
        certificate: certificate(&sale.winner),
        card: None,
        actions: vec![action; label::MAX_OPENED],
    };
    let length = sale.signed(&claims).len();
    // A length of four bytes precedes what is padded.
    assert!(length + 4 <= label::DISCLOSURE_SIZE, "{length}");
}

#[test]
fn debug_shows_nothing_that_was_disclosed() {
    let sale = sale();
    let claims = sale.claims();
    assert_eq!(format!("{claims:?}"), "Claims(..)");
    let key = sale.winner.key(&sale.owns[2]);
    let place = sale.place(Side::Winner);
    let signed = Disclosure::sign(&place, &claims, &sale.winner.persona, &key, None).unwrap();
    assert_eq!(format!("{signed:?}"), "Disclosure(..)");
}
