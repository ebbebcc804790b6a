//! Disclosures that a citizen card signed: what it binds, and what of it is believed.

use crate::value::report::Advised as _;
use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use pregao_test_pki::{CardMaterial, CitizenData, Fault, Pki, Plan, Profile};

use super::*;
use crate::trust::citizen::{RevocationStatus, StatePki, TestCards};

/// Everything of it is valid around the instant of the certificates here.
fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| Pki::new(Plan::quick(noon().as_secs())))
}

fn state(lists: Vec<Vec<u8>>) -> StatePki {
    StatePki::new(pki().anchors(), pki().intermediates(), lists, TestCards::Accepted).unwrap()
}

fn citizen() -> CitizenData {
    CitizenData::numbered(601)
}

/// The card of most tests: the newest kind.
fn material() -> &'static CardMaterial {
    static CARD: OnceLock<CardMaterial> = OnceLock::new();
    CARD.get_or_init(|| pki().citizen(Profile::V5, &citizen()))
}

/// The signature as a card of this kind makes it.
fn card_signature(card: &CardMaterial, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let key = &card.authentication.pkcs8;
    if card.profile == Profile::V5 {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key).unwrap();
        return key.sign(&random, message).unwrap().as_ref().to_vec();
    }
    let key = RsaKeyPair::from_pkcs8(key).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
    signature
}

fn birth_date(value: &str) -> Stated {
    Stated { name: Attribute::BirthDate, value: value.to_owned().try_into().unwrap() }
}

impl Sale {
    fn claims_with(&self, card: &CardMaterial) -> Claims {
        let certificate = &card.authentication.certificate;
        let card = CardClaims::new(certificate, vec![birth_date("1980-01-31")]);
        Claims { card: Some(card), ..self.claims() }
    }

    /// Signed by all three keys for a place.
    fn proved_at(
        &self,
        place: &DisclosureContext<'_>,
        claims: &Claims,
        card: &CardMaterial,
    ) -> Vec<u8> {
        let by_card = card_signature(card, &place.to_sign(claims).unwrap());
        let key = self.winner.key(&self.owns[2]);
        let persona = &self.winner.persona;
        Disclosure::sign(place, claims, persona, &key, Some(&by_card)).unwrap().encode()
    }

    fn proved(&self, claims: &Claims, card: &CardMaterial) -> Vec<u8> {
        self.proved_at(&self.place(Side::Winner), claims, card)
    }

    /// What somebody signs who does not care whether the card's part holds.
    fn forged(&self, claims: &Claims, by_card: Option<&[u8]>) -> Vec<u8> {
        let claims = serde_json::to_string(claims).unwrap();
        let message = self.place(Side::Winner).message(&claims);
        let forged = Disclosure {
            by_persona: self.winner.persona.sign(&message),
            by_one_time: self.winner.key(&self.owns[2]).sign(&message),
            by_card: by_card.map(to_base64url),
            claims,
        };
        forged.encode()
    }

    fn judged(
        &self,
        bytes: &[u8],
        state: Option<&StatePki>,
        at: Time,
    ) -> Result<Disclosed, DisclosureError> {
        let authorities = [authority().public()];
        let place = self.place(Side::Winner);
        Disclosure::verify(bytes, &place, of(&authorities), state, at, |seq| self.logged(seq))
    }

    fn verdict(&self, card: &CardMaterial, state: Option<&StatePki>, at: Time) -> CardVerdict {
        let bytes = self.proved(&self.claims_with(card), card);
        self.judged(&bytes, state, at).unwrap().card.unwrap().verdict
    }
}

fn is_card(error: Result<Disclosed, DisclosureError>) -> bool {
    matches!(error, Err(DisclosureError::Card(_)))
}

#[test]
fn v123_a_card_shows_what_the_state_certifies_and_apart_what_its_holder_states() {
    let sale = sale();
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let card = pki().citizen(profile, &citizen());
        let bytes = sale.proved(&sale.claims_with(&card), &card);
        let disclosed = sale.judged(&bytes, Some(&state(pki().lists())), noon()).unwrap();
        let shown = disclosed.card.unwrap();
        assert_eq!(disclosed.name, "Maria");
        assert_eq!(shown.certificate, card.authentication.certificate);
        assert_eq!(shown.stated, [birth_date("1980-01-31")]);
        let CardVerdict::Holds(citizen) = shown.verdict else { panic!("{:?}", shown.verdict) };
        assert_eq!(citizen.name, "Cidadã de Teste 601");
        assert_eq!(citizen.civil_number.expose(), "00000601");
        assert_eq!(citizen.revocation, RevocationStatus::Checked);
        assert!(citizen.test);
    }
}

#[test]
fn v120_a_disclosure_without_a_card_is_as_before() {
    let sale = sale();
    let bytes = sale.signed(&sale.claims());
    assert!(!String::from_utf8_lossy(&bytes).contains("card"));
    assert_eq!(sale.judged(&bytes, Some(&state(vec![])), noon()).unwrap().card, None);
}

#[test]
fn v120_a_card_is_claimed_and_signs_or_neither() {
    let sale = sale();
    let (plain, with) = (sale.claims(), sale.claims_with(material()));
    let signature = |claims: &Claims| {
        card_signature(material(), &sale.place(Side::Winner).to_sign(claims).unwrap())
    };
    for (claims, by_card) in [(&with, None), (&plain, Some(signature(&plain)))] {
        let refused = sale.judged(&sale.forged(claims, by_card.as_deref()), None, noon());
        assert_eq!(refused, Err(DisclosureError::Malformed));
        let key = sale.winner.key(&sale.owns[2]);
        let place = sale.place(Side::Winner);
        let unsigned =
            Disclosure::sign(&place, claims, &sale.winner.persona, &key, by_card.as_deref());
        assert_eq!(unsigned.map(|_| ()), Err(DisclosureError::Malformed));
    }
    // Taking the card's signature out of a good disclosure leaves nothing that holds.
    let good = String::from_utf8(sale.proved(&with, material())).unwrap();
    let at = good.find(",\"by_card\"").unwrap();
    let stripped = format!("{}}}", &good[..at]);
    assert_eq!(sale.judged(stripped.as_bytes(), None, noon()), Err(DisclosureError::Malformed));
}

#[test]
fn v120_the_cards_part_has_bounds() {
    let sale = sale();
    let mut claims = sale.claims_with(material());
    let last = claims.actions[2].clone();
    claims.actions = vec![last.clone(); label::MAX_OPENED_WITH_CARD];
    assert!(sale.judged(&sale.proved(&claims, material()), None, noon()).is_ok());
    claims.actions.push(last);
    let many = sale.judged(&sale.proved(&claims, material()), None, noon());
    assert_eq!(many, Err(DisclosureError::Malformed));

    let twice = vec![birth_date("1980-01-31"), birth_date("1981-01-31")];
    let changes: [(&str, CardClaims); 3] = [
        ("twice", CardClaims::new(&material().authentication.certificate, twice)),
        ("long", CardClaims::new(&vec![0; label::MAX_DISCLOSED_CARD + 1], vec![])),
        ("text", CardClaims { certificate: "!".to_owned(), attributes: vec![] }),
    ];
    for (what, card) in changes {
        let claims = Claims { card: Some(card), ..sale.claims() };
        let refused = sale.judged(&sale.forged(&claims, Some(&[1; 64])), None, noon());
        assert_eq!(refused, Err(DisclosureError::Malformed), "{what}");
    }
    // As long as allowed, but nothing: the signature is by no card.
    let card = CardClaims::new(&vec![0; label::MAX_DISCLOSED_CARD], vec![]);
    let claims = Claims { card: Some(card), ..sale.claims() };
    assert!(is_card(sale.judged(&sale.forged(&claims, Some(&[1; 64])), None, noon())));
}

#[test]
fn v120_attributes_are_of_a_closed_set_and_short() {
    for attribute in Attribute::ALL {
        assert_eq!(attribute.to_string().parse(), Ok(attribute));
        assert_eq!(serde_json::to_value(attribute).unwrap(), attribute.as_str());
    }
    for name in ["", "Sex", "tax-number", "name", "civil-number", "sex "] {
        assert_eq!(name.parse::<Attribute>(), Err(AttributeError));
        assert!(serde_json::from_value::<Attribute>(name.into()).is_err());
    }
    let value = |text: &str| Value::try_from(text.to_owned());
    for good in ["M", "PRT", "31 01 1980", "00000000 0 ZZ4", "1980-01-31", "31.01/80"] {
        assert_eq!(value(good).unwrap().as_str(), good);
    }
    assert!(value(&"9".repeat(Value::MAX)).is_ok());
    for bad in ["", "é", "a\"b", "a\\b", "a\nb", "\u{202e}a", "<b>", &"9".repeat(Value::MAX + 1)] {
        assert_eq!(value(bad), Err(ValueError), "{bad}");
    }
}

#[test]
fn v121_a_disclosure_relayed_to_any_other_place_is_signed_by_no_card() {
    // Somebody with all three keys signs for one place; the card's signature is carried to
    // another, where the two other keys sign anew.
    let sale = sale();
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
    let claims = sale.claims_with(material());
    let relayed = |place: &DisclosureContext<'_>, what: &str| {
        let by_card = card_signature(material(), &place.to_sign(&claims).unwrap());
        let refused = sale.judged(&sale.forged(&claims, Some(&by_card)), None, noon());
        assert!(is_card(refused), "{what}");
    };
    for (what, change) in changes {
        let mut opening = sale.opening.clone();
        change(&mut opening, other, seal);
        relayed(&DisclosureContext { opening: &opening, ..sale.place(Side::Winner) }, what);
    }
    relayed(
        &DisclosureContext { room: RoomName([6; 32]), ..sale.place(Side::Winner) },
        "another room",
    );
    relayed(&sale.place(Side::Seller), "the other role");
}

#[test]
fn v121_the_whole_disclosure_holds_in_no_other_place_either() {
    let sale = sale();
    let bytes = sale.proved(&sale.claims_with(material()), material());
    let room = DisclosureContext { room: RoomName([6; 32]), ..sale.place(Side::Winner) };
    for place in [room, sale.place(Side::Seller)] {
        assert!(matches!(
            sale.verify_at(&bytes, &place, noon()),
            Err(DisclosureError::Signature { by: "persona", .. })
        ));
    }
}

#[test]
fn v121_the_card_named_is_the_card_that_signed() {
    let sale = sale();
    let other = pki().citizen(Profile::V5, &CitizenData::numbered(602));
    let older = pki().citizen(Profile::V3, &citizen());
    let claims = sale.claims_with(material());
    let message = sale.place(Side::Winner).to_sign(&claims).unwrap();
    let own = card_signature(material(), &message);
    assert!(sale.judged(&sale.forged(&claims, Some(&own)), None, noon()).is_ok());
    // By another card, by none, cut, and of the same card over other claims.
    let moved = Claims { contact: None, ..claims.clone() };
    let over_others =
        card_signature(material(), &sale.place(Side::Winner).to_sign(&moved).unwrap());
    for by_card in [
        card_signature(&other, &message),
        card_signature(&older, &message),
        vec![0; 64],
        vec![],
        own[..63].to_vec(),
        over_others,
    ] {
        assert!(is_card(sale.judged(&sale.forged(&claims, Some(&by_card)), None, noon())));
        let key = sale.winner.key(&sale.owns[2]);
        let place = sale.place(Side::Winner);
        let signed = Disclosure::sign(&place, &claims, &sale.winner.persona, &key, Some(&by_card));
        assert!(matches!(signed, Err(DisclosureError::Card(_))), "nothing worthless is made");
    }
    // Another citizen's certificate under the signature of this card.
    for swapped in [&other, &older] {
        let claims = sale.claims_with(swapped);
        let message = sale.place(Side::Winner).to_sign(&claims).unwrap();
        let by_card = card_signature(material(), &message);
        assert!(is_card(sale.judged(&sale.forged(&claims, Some(&by_card)), None, noon())));
    }
}

#[test]
fn v121_changed_attributes_are_noticed() {
    let sale = sale();
    let claims = sale.claims_with(material());
    let good = String::from_utf8(sale.proved(&claims, material())).unwrap();
    let changed = good.replace("1980-01-31", "1990-01-31");
    assert_ne!(changed, good);
    assert!(sale.judged(changed.as_bytes(), None, noon()).is_err());
    // Also where persona and one-time key sign the change.
    let by_card = card_signature(material(), &sale.place(Side::Winner).to_sign(&claims).unwrap());
    let certificate = &material().authentication.certificate;
    for attributes in [vec![], vec![birth_date("1990-01-31")]] {
        let card = Some(CardClaims::new(certificate, attributes));
        let forged = sale.forged(&Claims { card, ..sale.claims() }, Some(&by_card));
        assert!(is_card(sale.judged(&forged, None, noon())));
    }
}

#[test]
fn v122_without_the_states_certificates_nobody_is_certified() {
    assert_eq!(sale().verdict(material(), None, noon()), CardVerdict::Unjudged);
}

#[test]
fn v122_a_chain_is_judged_at_the_time_of_the_stamp() {
    let (sale, state) = (sale(), state(vec![]));
    let CardVerdict::Holds(citizen) = sale.verdict(material(), Some(&state), noon()) else {
        panic!("a card in order is refused");
    };
    assert_eq!(citizen.revocation, RevocationStatus::Unchecked);
    let card = material();
    let bytes = sale.proved(&sale.claims_with(card), card);
    // The persona's own certificate ends long before: the verdict alone is asked.
    let certificate = &card.authentication.certificate;
    let end = citizen.not_after;
    let after = end.plus(Duration::from_micros(1));
    assert!(matches!(CardVerdict::of(certificate, Some(&state), end, end), CardVerdict::Holds(_)));
    assert!(matches!(
        CardVerdict::of(certificate, Some(&state), after, end),
        CardVerdict::DoesNotHold(CitizenError::Expired { .. })
    ));
    assert!(sale.judged(&bytes, Some(&state), noon()).is_ok());
}

#[test]
fn v122_what_does_not_hold_is_shown_with_its_reason_and_never_as_certified() {
    let (sale, state) = (sale(), state(vec![]));
    for (fault, code) in [
        (Fault::Expired, "citizen.expired"),
        (Fault::NotYetValid, "citizen.not-yet-valid"),
        (Fault::OtherAuthority, "citizen.authority"),
        (Fault::Usage, "citizen.usage"),
        (Fault::SignatureAuthority, "citizen.usage"),
    ] {
        let card = pki().faulty(Profile::V5, &citizen(), fault);
        let bytes = sale.proved(&sale.claims_with(&card), &card);
        let disclosed = sale.judged(&bytes, Some(&state), noon()).unwrap();
        assert_eq!(disclosed.name, "Maria");
        let CardVerdict::DoesNotHold(error) = disclosed.card.unwrap().verdict else {
            panic!("{fault:?} is shown as certified");
        };
        assert_eq!(error.code(), code, "{fault:?}");
    }
}

#[test]
fn v122_a_card_of_an_impostor_or_for_tests_certifies_nobody() {
    let sale = sale();
    let foreign = Pki::new(Plan::quick(noon().as_secs()).foreign());
    let card = foreign.citizen(Profile::V5, &citizen());
    let verdict = sale.verdict(&card, Some(&state(vec![])), noon());
    assert!(
        matches!(&verdict, CardVerdict::DoesNotHold(error) if error.code() == "citizen.authority"),
        "{verdict:?}"
    );
    let unmarked = Pki::new(Plan::quick(noon().as_secs()).unmarked());
    let (anchors, others) = (unmarked.anchors(), unmarked.intermediates());
    let strict = StatePki::new(anchors, others, vec![], TestCards::Refused).unwrap();
    let verdict = sale.verdict(material(), Some(&strict), noon());
    assert_eq!(verdict, CardVerdict::DoesNotHold(CitizenError::TestCard));
}

#[test]
fn v120_a_disclosure_of_the_longest_kind_with_a_card_fits_its_size() {
    let sale = sale();
    let widest = "\u{10ffff}";
    let action = OwnAction { seq: label::MAX_LOG_SIZE, blind: sale.owns[0].blind.clone() };
    let value: Value = "9".repeat(Value::MAX).try_into().unwrap();
    let attributes = Attribute::ALL.map(|name| Stated { name, value: value.clone() }).to_vec();
    let claims = Claims {
        name: text(&widest.repeat(80)),
        contact: Some(text(&widest.repeat(200))),
        certificate: certificate(&sale.winner),
        card: Some(CardClaims::new(&vec![255; label::MAX_DISCLOSED_CARD], attributes)),
        actions: vec![action; label::MAX_OPENED_WITH_CARD],
    };
    // A signature of RSA 4096, the longest key of a card.
    let length = sale.forged(&claims, Some(&[255; 512])).len();
    // A length of four bytes precedes what is padded.
    assert!(length + 4 <= label::DISCLOSURE_SIZE, "{length}");
    // The quoting of a text twice over makes it no longer than that.
    let quoted =
        Claims { name: text(&"\\".repeat(80)), contact: Some(text(&"\"".repeat(200))), ..claims };
    assert!(sale.forged(&quoted, Some(&[255; 512])).len() <= length);
}

#[test]
fn real_certificates_of_cards_are_far_shorter_than_allowed() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let card = pki().citizen(profile, &citizen());
        assert!(card.authentication.certificate.len() < label::MAX_DISCLOSED_CARD);
    }
}

#[test]
fn debug_shows_nothing_of_a_card() {
    let sale = sale();
    let claims = sale.claims_with(material());
    let bytes = sale.proved(&claims, material());
    let disclosed = sale.judged(&bytes, Some(&state(vec![])), noon()).unwrap();
    let text = format!("{:?} {:?}", claims.card, disclosed.card);
    assert_eq!(text, "Some(CardClaims(..)) Some(ShownCard(..))");
    let stated = format!("{:?}", birth_date("1980-01-31"));
    assert!(!stated.contains("1980"), "{stated}");
}
