//! One issuer for everybody: a TSA that showed each citizen a key of their own could tell their
//! personas by it. What it showed here before is kept and compared.

use pregao_protocol::certificate::sheet::TsaKeys;
use pregao_protocol::clock::Time;
use pregao_protocol::codec::Digest;
use pregao_protocol::enrolment::issuer::Issuer;
use serde_json::Value;

use super::EnrolError;
use crate::vault::{KeptEnrolment, KeptIssuer};

/// The beginning of an issuer's name, long enough that none is made to fit: for comparing by eye.
#[must_use]
pub fn short_name(id: Digest) -> String {
    id.to_string().chars().take(16).collect()
}

/// The issuer that signs at `now`, as it is to be kept.
///
/// # Errors
/// [`EnrolError::NoIssuer`]; [`EnrolError::OtherIssuer`] if another one is kept for that time.
pub(super) fn signing(
    keys: &TsaKeys,
    sheet: &Value,
    now: Time,
    before: &KeptEnrolment,
) -> Result<KeptIssuer, EnrolError> {
    let signing = keys.issuer_at(now);
    let asked = before.asked.as_ref().map(|asked| &asked.issuer);
    let held = before.held.as_ref().map(|held| &held.issuer);
    for kept in asked.into_iter().chain(held).filter(|kept| kept.signs_at(now)) {
        let shown = signing.map(|issuer| issuer.key.id());
        if shown != Some(kept.id) {
            return Err(EnrolError::OtherIssuer { kept: kept.id, shown });
        }
    }
    let signing = signing.ok_or(EnrolError::NoIssuer { now })?;
    Ok(KeptIssuer::new(signing, statement(sheet, signing.key.id())))
}

/// The issuer of a token as it is shown now.
///
/// # Errors
/// [`EnrolError::TokenOver`]; [`EnrolError::OtherIssuer`] if it should be shown and is not.
pub(super) fn honoured<'a>(
    keys: &'a TsaKeys,
    now: Time,
    kept: &KeptIssuer,
) -> Result<&'a Issuer, EnrolError> {
    match keys.issuer(kept.id) {
        Some(issuer) if issuer.honoured_at(now) => Ok(issuer),
        Some(issuer) => Err(EnrolError::TokenOver { until: issuer.spend_until }),
        None if now >= kept.spend_until => Err(EnrolError::TokenOver { until: kept.spend_until }),
        None => {
            let overlaps = |issuer: &&Issuer| issuer.from < kept.until && kept.from < issuer.until;
            let shown = keys.issuers.iter().find(overlaps).map(|issuer| issuer.key.id());
            Err(EnrolError::OtherIssuer { kept: kept.id, shown })
        }
    }
}

/// The signed statement of an issuer in a sheet that was verified.
fn statement(sheet: &Value, id: Digest) -> String {
    let entries = sheet.get("keys").and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value, member: &str| entry.get(member)?.as_str().map(str::to_owned);
    let id = id.to_string();
    let mut own = entries.filter(|entry| text(entry, "kid").as_ref() == Some(&id));
    own.find_map(|entry| text(entry, "pregao:statement")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_protocol::enrolment::issuer::IssuerKey;
    use pregao_protocol::enrolment::token::TokenRequest;
    use pregao_protocol::key::{Fingerprint, SecretKey};
    use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize};
    use serde_json::json;
    use std::sync::OnceLock;

    use crate::vault::{AskedToken, HeldToken};

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000).unwrap()
    }

    /// Two issuer keys, made once: making them takes a while.
    fn issuer_keys() -> &'static [IssuerKey; 2] {
        static KEYS: OnceLock<[IssuerKey; 2]> = OnceLock::new();
        KEYS.get_or_init(|| {
            [(); 2].map(|()| {
                let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).unwrap();
                IssuerKey::from_spki(&pair.subject_public_key_info()).unwrap()
            })
        })
    }

    fn issuer(which: usize, from: u64, until: u64, spend_until: u64) -> Issuer {
        let key = issuer_keys()[which].clone();
        Issuer { key, from: at(from), until: at(until), spend_until: at(spend_until), test: false }
    }

    fn kept(which: usize, from: u64, until: u64, spend_until: u64) -> KeptIssuer {
        KeptIssuer::new(&issuer(which, from, until, spend_until), "stated".to_owned())
    }

    fn keys(issuers: &[Issuer]) -> TsaKeys {
        TsaKeys {
            authority: SecretKey::from_seed(&[1; 32]).public(),
            ticket: SecretKey::from_seed(&[2; 32]).public(),
            stamp: SecretKey::from_seed(&[3; 32]).public(),
            enrolment: Some(SecretKey::from_seed(&[4; 32]).public()),
            issuers: issuers.to_vec(),
            simulated: false,
        }
    }

    fn asked(issuer: KeptIssuer) -> KeptEnrolment {
        let persona = SecretKey::from_seed(&[5; 32]).public();
        let key = &issuer_keys()[0];
        let request = TokenRequest::new(key, Fingerprint([7; 32]), &persona, [6; 32]).unwrap();
        KeptEnrolment { asked: Some(AskedToken { issuer, request }), held: None }
    }

    fn held(issuer: KeptIssuer) -> KeptEnrolment {
        let token = json!({
            "issuer": issuer.id,
            "randomizer": Digest([0; 32]),
            "signature": "AA",
        });
        let token = serde_json::from_value(token).unwrap();
        let held = HeldToken { issuer, token, spend_after: Some(at(150)) };
        KeptEnrolment { asked: None, held: Some(held) }
    }

    #[test]
    fn the_issuer_that_signs_now_is_kept_with_its_statement() {
        let keys = keys(&[issuer(0, 100, 200, 300), issuer(1, 200, 300, 400)]);
        let id = issuer_keys()[1].id();
        let sheet = json!({ "keys": [
            { "kid": issuer_keys()[0].id(), "pregao:statement": "first" },
            { "kid": id, "pregao:statement": "second" },
        ] });
        let found = signing(&keys, &sheet, at(200), &KeptEnrolment::default()).unwrap();
        assert_eq!((found.id, found.statement.as_str()), (id, "second"));
        for now in [99, 300] {
            let none = signing(&keys, &sheet, at(now), &KeptEnrolment::default());
            assert!(matches!(none, Err(EnrolError::NoIssuer { .. })), "{now}");
        }
    }

    #[test]
    fn another_issuer_within_the_kept_period_is_refused_with_both_names() {
        let (own, foreign) = (issuer_keys()[0].id(), issuer_keys()[1].id());
        let shown = keys(&[issuer(1, 100, 200, 300)]);
        for before in [asked(kept(0, 100, 200, 300)), held(kept(0, 100, 200, 300))] {
            let last = at(200).minus(std::time::Duration::from_micros(1));
            for now in [at(100), last] {
                let error = signing(&shown, &json!({}), now, &before).unwrap_err();
                let named = matches!(error, EnrolError::OtherIssuer { kept, shown }
                    if kept == own && shown == Some(foreign));
                assert!(named, "{error}");
                let text = error.to_string();
                assert!(text.contains(&short_name(own)) && text.contains(&short_name(foreign)));
                assert!(error.advice().contains("compare"));
            }
            let error = signing(&keys(&[]), &json!({}), at(150), &before).unwrap_err();
            assert!(matches!(error, EnrolError::OtherIssuer { shown: None, .. }), "{error}");
            let same = keys(&[issuer(0, 100, 200, 300)]);
            assert_eq!(signing(&same, &json!({}), at(150), &before).unwrap().id, own);
            // In the next period the next issuer is in order.
            let next = keys(&[issuer(1, 200, 300, 400)]);
            assert_eq!(signing(&next, &json!({}), at(200), &before).unwrap().id, foreign);
        }
    }

    #[test]
    fn a_tokens_issuer_is_shown_until_its_time_is_over() {
        let own = kept(0, 100, 200, 300);
        let shown = keys(&[issuer(0, 100, 200, 300), issuer(1, 200, 300, 400)]);
        let last = at(300).minus(std::time::Duration::from_micros(1));
        assert!(honoured(&shown, last, &own).is_ok());
        let over = honoured(&shown, at(300), &own).unwrap_err();
        assert!(matches!(over, EnrolError::TokenOver { .. }));
        // Forgotten by the TSA: in order afterwards, and before a reason for alarm.
        let gone = keys(&[issuer(1, 200, 300, 400)]);
        let over = honoured(&gone, at(300), &own).unwrap_err();
        assert!(matches!(over, EnrolError::TokenOver { .. }));
        let other = honoured(&gone, last, &own).unwrap_err();
        assert!(matches!(other, EnrolError::OtherIssuer { shown: None, .. }));
        let foreign = keys(&[issuer(1, 100, 200, 300)]);
        let other = honoured(&foreign, at(150), &own).unwrap_err();
        assert!(matches!(other, EnrolError::OtherIssuer { shown: Some(_), .. }));
    }
}
