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
