//! One issuer for everybody: a TSA that showed each citizen a key of their own could tell their
//! personas by it. What it showed here before is kept and compared.

use std::fmt;
use std::path::Path;

use pregao_protocol::trust::enrolment::issuer::Issuer;
use pregao_protocol::trust::jwks::TsaKeys;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use serde_json::Value;

use super::EnrolError;
use crate::desk::evidence::{self, Exhibit};
use crate::vault::{KeptEnrolment, KeptIssuer};

/// The beginning of an issuer's name, long enough that none is made to fit: for comparing by eye.
#[must_use]
pub fn short_name(id: Digest) -> String {
    id.to_string().chars().take(16).collect()
}

/// What a TSA stated here before and what it shows now, which cannot both be for everybody.
#[derive(Debug)]
pub struct IssuerConflict {
    /// The one kept.
    pub kept: KeptIssuer,
    /// Name of the one shown; none if none is shown for its time.
    pub shown: Option<Digest>,
    /// Its dates, if it was stated.
    dates: Option<String>,
    /// What the TSA signed for it: a statement, or an offer.
    signed: String,
    /// The TSA's keys as it shows them now.
    jwks: String,
}

impl IssuerConflict {
    /// The key set shows another issuer, or the same one otherwise.
    fn refused(kept: &KeptIssuer, shown: Option<&Issuer>, jwks: &Value) -> EnrolError {
        let signed = shown.map(|issuer| statement(jwks, issuer.key.id())).unwrap_or_default();
        EnrolError::OtherIssuer(Box::new(Self {
            kept: kept.clone(),
            shown: shown.map(|issuer| issuer.key.id()),
            dates: shown.map(|issuer| dates(issuer.from, issuer.until, issuer.spend_until)),
            signed,
            jwks: jwks.to_string(),
        }))
    }

    /// An offer names another issuer than the key set.
    pub(super) fn offered(
        kept: &KeptIssuer,
        issuer: Digest,
        offer: String,
        jwks: &Value,
    ) -> EnrolError {
        EnrolError::OtherIssuer(Box::new(Self {
            kept: kept.clone(),
            shown: Some(issuer),
            dates: None,
            signed: offer,
            jwks: jwks.to_string(),
        }))
    }

    /// What shows the contradiction to others: both as the TSA signed them, and the keys.
    #[must_use]
    pub fn evidence(&self) -> [&str; 3] {
        [&self.kept.statement, &self.signed, &self.jwks]
    }
}

impl fmt::Display for IssuerConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = &self.kept;
        let name = short_name(kept.id);
        match (&self.dates, self.shown) {
            (Some(shown), Some(id)) if id == kept.id => {
                let dates = dates(kept.from, kept.until, kept.spend_until);
                write!(
                    f,
                    "THE TSA SHOWS ISSUER {name} UNDER OTHER DATES: kept {dates}; shown {shown}"
                )
            }
            (_, shown) => {
                let shown = shown.map_or_else(|| "none".to_owned(), short_name);
                write!(
                    f,
                    "THE TSA SHOWS ANOTHER ISSUER for the same period: kept {name}, shown {shown}"
                )
            }
        }
    }
}

fn dates(from: Time, until: Time, spend_until: Time) -> String {
    format!("{from} to {until}, spent before {spend_until}")
}

/// The issuer that signs at `now`, as it is to be kept.
///
/// # Errors
/// [`EnrolError::NoIssuer`]; [`EnrolError::OtherIssuer`] if what is shown contradicts one that is kept.
pub(super) fn signing(
    keys: &TsaKeys,
    jwks: &Value,
    now: Time,
    before: &KeptEnrolment,
) -> Result<KeptIssuer, EnrolError> {
    let signing = keys.issuer_at(now);
    let asked = before.asked.as_ref().map(|asked| &asked.issuer);
    let held = before.held.iter().chain(&before.former).map(|held| &held.issuer);
    for kept in asked.into_iter().chain(held) {
        agrees(keys, jwks, kept)?;
        if signing.is_none() && kept.signs_at(now) {
            return Err(IssuerConflict::refused(kept, None, jwks));
        }
    }
    let signing = signing.ok_or(EnrolError::NoIssuer { now })?;
    Ok(KeptIssuer::new(signing, statement(jwks, signing.key.id())))
}

/// Nothing that is shown contradicts an issuer that is kept.
fn agrees(keys: &TsaKeys, jwks: &Value, kept: &KeptIssuer) -> Result<(), EnrolError> {
    match keys.issuers.iter().find(|issuer| kept.contradicts(issuer)) {
        Some(other) => Err(IssuerConflict::refused(kept, Some(other), jwks)),
        None => Ok(()),
    }
}

/// The issuer of a token as it is shown now.
///
/// # Errors
/// [`EnrolError::TokenOver`]; [`EnrolError::OtherIssuer`] if it should be shown and is not, or not as
/// it was.
pub(super) fn honoured<'a>(
    keys: &'a TsaKeys,
    jwks: &Value,
    now: Time,
    kept: &KeptIssuer,
) -> Result<&'a Issuer, EnrolError> {
    agrees(keys, jwks, kept)?;
    match keys.issuer(kept.id) {
        Some(issuer) if issuer.honoured_at(now) => Ok(issuer),
        Some(issuer) => Err(EnrolError::TokenOver { until: issuer.spend_until }),
        None if now >= kept.spend_until => Err(EnrolError::TokenOver { until: kept.spend_until }),
        None => Err(IssuerConflict::refused(kept, None, jwks)),
    }
}

/// Keeps what an outcome proves against the TSA.
pub(super) fn with_evidence<T>(
    vault: &Path,
    outcome: Result<T, EnrolError>,
) -> Result<T, EnrolError> {
    if let Err(EnrolError::OtherIssuer(conflict)) = &outcome {
        let parts = conflict.evidence();
        // What became of it is in the log; the error says what it is about.
        let _ = evidence::keep(&vault.join("evidence"), Exhibit::Notes("issuer", &parts));
    }
    outcome
}

/// The signed statement of an issuer in a key set that was verified.
fn statement(jwks: &Value, id: Digest) -> String {
    let entries = jwks.get("keys").and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value, member: &str| entry.get(member)?.as_str().map(str::to_owned);
    let id = id.to_string();
    let mut own = entries.filter(|entry| text(entry, "kid").as_ref() == Some(&id));
    own.find_map(|entry| text(entry, "pregao:statement")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_protocol::trust::enrolment::issuer::IssuerKey;
    use pregao_protocol::trust::enrolment::token::TokenRequest;
    use pregao_protocol::trust::key::{Fingerprint, SecretKey};
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
            witness: None,
            enrolment: Some(SecretKey::from_seed(&[4; 32]).public()),
            issuers: issuers.to_vec(),
            simulated: false,
        }
    }

    fn conflict(error: &EnrolError) -> &IssuerConflict {
        let EnrolError::OtherIssuer(conflict) = error else { panic!("{error}") };
        conflict
    }

    fn asked(issuer: KeptIssuer) -> KeptEnrolment {
        let persona = SecretKey::from_seed(&[5; 32]).public();
        let key = &issuer_keys()[0];
        let request = TokenRequest::new(key, Fingerprint([7; 32]), &persona, [6; 32]).unwrap();
        KeptEnrolment { asked: Some(AskedToken { issuer, request }), held: None, former: None }
    }

    fn held(issuer: KeptIssuer) -> KeptEnrolment {
        let token = json!({
            "issuer": issuer.id,
            "randomizer": Digest([0; 32]),
            "signature": "AA",
        });
        let token = serde_json::from_value(token).unwrap();
        let held = HeldToken { issuer, token, spend_after: Some(at(150)) };
        KeptEnrolment { asked: None, held: Some(held), former: None }
    }

    #[test]
    fn the_issuer_that_signs_now_is_kept_with_its_statement() {
        let keys = keys(&[issuer(0, 100, 200, 300), issuer(1, 200, 300, 400)]);
        let id = issuer_keys()[1].id();
        let jwks = json!({ "keys": [
            { "kid": issuer_keys()[0].id(), "pregao:statement": "first" },
            { "kid": id, "pregao:statement": "second" },
        ] });
        let found = signing(&keys, &jwks, at(200), &KeptEnrolment::default()).unwrap();
        assert_eq!((found.id, found.statement.as_str()), (id, "second"));
        for now in [99, 300] {
            let none = signing(&keys, &jwks, at(now), &KeptEnrolment::default());
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
                let conflict = conflict(&error);
                assert_eq!((conflict.kept.id, conflict.shown), (own, Some(foreign)));
                assert_eq!(conflict.evidence()[0], "stated");
                let text = error.to_string();
                assert!(text.contains(&short_name(own)) && text.contains(&short_name(foreign)));
                assert!(error.advice().contains("compare"));
            }
            let error = signing(&keys(&[]), &json!({}), at(150), &before).unwrap_err();
            assert_eq!(conflict(&error).shown, None);
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
        assert!(honoured(&shown, &json!({}), last, &own).is_ok());
        let over = honoured(&shown, &json!({}), at(300), &own).unwrap_err();
        assert!(matches!(over, EnrolError::TokenOver { .. }));
        // Forgotten by the TSA: in order afterwards, and before a reason for alarm.
        let gone = keys(&[issuer(1, 200, 300, 400)]);
        let over = honoured(&gone, &json!({}), at(300), &own).unwrap_err();
        assert!(matches!(over, EnrolError::TokenOver { .. }));
        let other = honoured(&gone, &json!({}), last, &own).unwrap_err();
        assert_eq!(conflict(&other).shown, None);
        let foreign = keys(&[issuer(1, 100, 200, 300)]);
        let other = honoured(&foreign, &json!({}), at(150), &own).unwrap_err();
        assert_eq!(conflict(&other).shown, Some(issuer_keys()[1].id()));
    }

    #[test]
    fn the_same_key_under_other_dates_is_another_issuer() {
        let own = kept(0, 100, 200, 300);
        for (from, until, spend_until) in [(99, 200, 300), (100, 201, 300), (100, 200, 299)] {
            let jwks = json!({ "keys": [
                { "kid": own.id, "pregao:statement": "stated otherwise" },
            ] });
            let shown = keys(&[issuer(0, from, until, spend_until)]);
            let errors = [
                signing(&shown, &jwks, at(150), &asked(own.clone())).unwrap_err(),
                signing(&shown, &jwks, at(150), &held(own.clone())).unwrap_err(),
                honoured(&shown, &jwks, at(150), &own).unwrap_err(),
            ];
            for error in errors {
                let conflict = conflict(&error);
                assert_eq!(conflict.shown, Some(own.id));
                assert_eq!(conflict.evidence()[..2], ["stated", "stated otherwise"]);
                let text = error.to_string();
                assert!(text.contains("OTHER DATES"), "{text}");
                assert!(text.contains(&dates(at(from), at(until), at(spend_until))), "{text}");
            }
        }
        // A token of before that still renews is compared as well.
        let both = KeptEnrolment { former: held(own).held, ..held(kept(1, 200, 300, 400)) };
        let shown = keys(&[issuer(0, 100, 199, 300), issuer(1, 200, 300, 400)]);
        let error = signing(&shown, &json!({}), at(250), &both).unwrap_err();
        assert_eq!(conflict(&error).shown, Some(issuer_keys()[0].id()));
    }

    #[test]
    fn periods_that_touch_contradict_nothing() {
        let own = kept(0, 100, 200, 300);
        for (from, until, contradicts) in
            [(200, 300, false), (199, 300, true), (50, 100, false), (50, 101, true)]
        {
            assert_eq!(own.contradicts(&issuer(1, from, until, 400)), contradicts, "{from}");
        }
        assert!(!own.contradicts(&issuer(0, 100, 200, 300)));
    }

    #[test]
    fn a_contradiction_is_kept_as_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let own = kept(0, 100, 200, 300);
        let jwks = json!({ "keys": [{ "kid": own.id, "pregao:statement": "stated otherwise" }] });
        let shown = keys(&[issuer(0, 100, 200, 301)]);
        let outcome = honoured(&shown, &jwks, at(150), &own);
        assert!(with_evidence(folder.path(), outcome).is_err());
        let other: Result<(), _> = Err(EnrolError::NoToken);
        assert!(with_evidence(folder.path(), other).is_err());
        let kept: Vec<_> = std::fs::read_dir(folder.path().join("evidence")).unwrap().collect();
        assert_eq!(kept.len(), 1);
        let text = std::fs::read_to_string(kept[0].as_ref().unwrap().path()).unwrap();
        let parts: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(parts, ["stated", "stated otherwise", &jwks.to_string()]);
    }
}
