//! From a citizen card to a persona's certificate through the real program, and every way to be
//! refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use common::citizen::{Applicant, House, pki, purchase};
use pregao_protocol::certificate::pem_to_der;
use pregao_protocol::certificate::verify_persona_certificate;
use pregao_test_pki::{CitizenData, Profile};

#[test]
fn cards_of_every_generation_buy_a_certificate_for_a_persona() {
    let house = House::open(&[]);
    let tsa = &house.tsa;
    for (number, profile) in [(1, Profile::V3), (2, Profile::V4), (3, Profile::V5)] {
        let card = pki().citizen(profile, &CitizenData::numbered(number));
        let applicant = Applicant::new(tsa, card, 1);
        let token = applicant.token(&applicant.apply(tsa));
        let (status, body) = tsa.post("/api/sign-csr", &purchase(&applicant.persona, &token));
        assert_eq!(status, 200, "{profile:?}: {body}");
        let der = pem_to_der(body["certificate"].as_str().unwrap(), "CERTIFICATE").unwrap();
        let authority = applicant.keys.authority;
        let certificate = verify_persona_certificate(&der, &authority, tsa.now()).unwrap();
        assert_eq!(certificate.key, applicant.persona.public());
    }
}
