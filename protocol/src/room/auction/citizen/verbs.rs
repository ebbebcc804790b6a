//! What a listing says of the citizens whose personas list and bid.

use serde::{Deserialize, Serialize};

/// By which tokens the personas of an auction were bought: those of one period, of which each citizen has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitizenTerms {
    /// What the TSA states of the issuer of that period: a compact JWS by the enrolment key, at most
    /// [`MAX_ISSUER`](crate::value::label::MAX_ISSUER) bytes.
    pub statement: String,
    /// The certificate of the enrolment key by the one CA of the listing: base64url of its DER, at most
    /// [`MAX_CERTIFICATE`](crate::value::label::MAX_CERTIFICATE) bytes.
    pub certificate: String,
}
