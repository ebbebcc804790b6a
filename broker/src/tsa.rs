//! What the broker learns from its TSA over HTTP: the sheet of keys.

use std::path::Path;

use pregao_protocol::certificate::sheet::{
    SheetError, TsaAddress, TsaKeys, verify_jwks_by_wall_clock,
};
use pregao_protocol::host::Clock;
use pregao_protocol::label::MAX_SHEET;
use pregao_protocol::tsa::path;

use crate::network::Network;
use crate::tls::ADVICE;

/// Why the TSA's keys are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsaError {
    /// It does not answer and nothing is remembered of it.
    #[error("the TSA at {url} does not answer: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the HTTP client says.
        reason: String,
    },
    /// It shows a TLS certificate that is not believed, and nothing is remembered of it.
    #[error("the TLS certificate of the TSA at {url} is not believed: {reason}\n{ADVICE}")]
    Distrusted {
        /// Where.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What it says of itself does not verify.
    #[error(
        "the TSA's keys do not verify: {0}\ncheck --tsa, the fingerprint in it, and whether the TSA was replaced"
    )]
    Sheet(#[from] SheetError),
}

/// Fetches and verifies the TSA's keys; falls back on those remembered in `memory`, so that a
/// broker can start while its TSA is down. The wall clock is good enough for the validity of year-long
/// certificates before the TSA has told the time. Blocks.
///
/// # Errors
/// [`TsaError`]; one that says `Unreachable` may be tried again.
pub fn learn(
    address: &TsaAddress,
    network: &dyn Network,
    clock: &dyn Clock,
    memory: &Path,
) -> Result<TsaKeys, TsaError> {
    let sheet = match network.fetch(address, path::SHEET) {
        Ok(sheet) => sheet,
        Err(error) => {
            let most = u64::try_from(MAX_SHEET).unwrap_or(u64::MAX);
            let Ok(remembered) = crate::private::read(memory, most) else { return Err(error) };
            tracing::warn!(%error, "the TSA's keys cannot be fetched; using those remembered of it");
            remembered.bytes.to_vec()
        }
    };
    // Read after the answer: the certificates in it may have been made meanwhile.
    let keys = verify_jwks_by_wall_clock(&sheet, address.authority, clock.wall())?;
    if let Err(error) = crate::private::replace(memory, &sheet) {
        tracing::warn!(%error, "the TSA's keys could not be remembered");
    }
    Ok(keys)
}
