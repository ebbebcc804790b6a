use super::*;

fn verify(leaf: &[u8], sent: &[Vec<u8>]) -> Result<Citizen, CitizenError> {
    state(Vec::new()).verify(leaf, sent, now(), Revocation::WhereListed)
}

#[test]
fn cards_of_every_generation_are_accepted() {
    for profile in [Profile::V3, Profile::V4, Profile::V5] {
        let card = pki().citizen(profile, &citizen_one());
        let citizen = verify(&card.authentication.certificate, &card.issuers).unwrap();
        assert_eq!(citizen.name, "Cidadã de Teste 601");
        assert_eq!(citizen.given_name, "Cidadã");
        assert_eq!(citizen.surname, "de Teste 601");
        assert_eq!(citizen.civil_number.expose(), "00000601");
        assert_eq!(citizen.issuer, card.authentication_authority);
        assert_eq!(citizen.revocation, RevocationStatus::Unchecked);
        assert!(citizen.test);
    }
}

#[test]
fn each_fault_has_its_code() {
    let expected = [
        (Fault::Expired, "citizen.expired"),
        (Fault::NotYetValid, "citizen.not-yet-valid"),
        (Fault::Usage, "citizen.usage"),
        (Fault::NoUsage, "citizen.usage"),
        (Fault::Authority, "citizen.usage"),
        (Fault::OtherAuthority, "citizen.authority"),
        (Fault::SignatureAuthority, "citizen.usage"),
        (Fault::ChainTooLong, "citizen.chain"),
        (Fault::UnknownCritical, "citizen.malformed"),
    ];
    for (fault, code) in expected {
        let card = pki().faulty(Profile::V5, &citizen_one(), fault);
        let refusal = verify(&card.authentication.certificate, &card.issuers).unwrap_err();
        assert_eq!(refusal.code(), code, "{fault:?}: {refusal}");
    }
}
