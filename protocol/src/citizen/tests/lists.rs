use super::*;

#[test]
fn lists_in_force_that_hold_nothing_make_a_citizen_checked() {
    let state = state(pki().lists());
    assert_eq!(state.warnings(now()), []);
    for profile in [Profile::V4, Profile::V5] {
        let card = pki().citizen(profile, &citizen_one());
        let citizen = state
            .verify(&card.authentication.certificate, &card.issuers, now(), Revocation::Required)
            .unwrap();
        assert_eq!(citizen.revocation, RevocationStatus::Checked);
    }
}
