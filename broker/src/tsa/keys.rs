//! What the broker learns from its TSA over HTTP: the key set.

use std::path::Path;

use pregao_protocol::host::Clock;
use pregao_protocol::trust::jwks::{JwksError, TsaAddress, TsaKeys, verify_jwks_by_wall_clock};
use pregao_protocol::value::label::MAX_JWKS;
use pregao_protocol::wire::tsa::path;

use crate::network::{FetchError, Network};

/// Why the TSA's keys are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsaError {
    /// They cannot be fetched, and nothing is remembered of it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What it says of itself does not verify.
    #[error(
        "the TSA's keys do not verify: {0}\ncheck --tsa, the fingerprint in it, and whether the TSA was replaced"
    )]
    Jwks(#[from] JwksError),
}

/// Fetches and verifies the TSA's keys; falls back on those remembered in `memory`, so that a
/// broker can start while its TSA is down. The wall clock is good enough for the validity of year-long
/// certificates before the TSA has told the time. Blocks.
///
/// # Errors
/// [`TsaError`]; after [`FetchError::Unreachable`] the same call may succeed later.
pub fn learn(
    address: &TsaAddress,
    network: &dyn Network,
    clock: &dyn Clock,
    memory: &Path,
) -> Result<TsaKeys, TsaError> {
    let jwks = match network.fetch(address, path::JWKS) {
        Ok(jwks) => jwks,
        Err(error) => {
            let most = u64::try_from(MAX_JWKS).unwrap_or(u64::MAX);
            let Ok(remembered) = crate::private::read(memory, most) else {
                return Err(error.into());
            };
            tracing::warn!(%error, "the TSA's keys cannot be fetched; using those remembered of it");
            remembered.bytes.to_vec()
        }
    };
    // Read after the answer: the certificates in it may have been made meanwhile.
    let keys = verify_jwks_by_wall_clock(&jwks, address.authority, clock.wall())?;
    if let Err(error) = crate::private::replace(memory, &jwks) {
        tracing::warn!(%error, "the TSA's keys could not be remembered");
    }
    Ok(keys)
}
