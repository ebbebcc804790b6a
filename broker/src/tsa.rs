//! What the broker learns from its TSA over HTTP: the sheet of keys.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pregao_protocol::certificate::sheet::{SheetError, TsaAddress, TsaKeys, verify_jwks};
use pregao_protocol::clock::Time;
use pregao_protocol::label::MAX_SHEET;
use pregao_protocol::tsa::path;

use crate::tls::{ADVICE, Roots, distrusted};

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
/// broker can start while its TSA is down.
///
/// # Errors
/// [`TsaError`]; one that says `Unreachable` may be tried again.
pub fn learn(address: &TsaAddress, roots: &Roots, memory: &Path) -> Result<TsaKeys, TsaError> {
    let sheet = match fetch(address, roots) {
        Ok(sheet) => sheet,
        Err(error) => {
            let most = u64::try_from(MAX_SHEET).unwrap_or(u64::MAX);
            let Ok(remembered) = crate::private::read(memory, most) else { return Err(error) };
            tracing::warn!(%error, "the TSA's keys cannot be fetched; using those remembered of it");
            remembered.bytes.to_vec()
        }
    };
    let keys = verify_jwks(&sheet, address.authority, system_time())?;
    if let Err(error) = crate::private::replace(memory, &sheet) {
        tracing::warn!(%error, "the TSA's keys could not be remembered");
    }
    Ok(keys)
}

fn fetch(address: &TsaAddress, roots: &Roots) -> Result<Vec<u8>, TsaError> {
    let failed = |error| failure(&address.url, &error);
    let mut answer = agent(roots).get(address.endpoint(path::SHEET)).call().map_err(failed)?;
    // The client takes a redirection for an answer; what comes with it is no sheet.
    let status = answer.status();
    if status != ureq::http::StatusCode::OK {
        let url = address.url.clone();
        let reason = format!(
            "it answered with status {}; redirections are not followed, so give --tsa the address \
             where it is",
            status.as_u16()
        );
        return Err(TsaError::Unreachable { url, reason });
    }
    let limit = u64::try_from(MAX_SHEET).unwrap_or(u64::MAX);
    answer.body_mut().with_config().limit(limit).read_to_vec().map_err(failed)
}

fn failure(url: &str, error: &ureq::Error) -> TsaError {
    let (url, reason) = (url.to_owned(), error.to_string());
    let distrusted = match error {
        ureq::Error::Io(error) => distrusted(error),
        ureq::Error::Rustls(rustls::Error::InvalidCertificate(_)) => Some(reason.clone()),
        _ => None,
    };
    match distrusted {
        Some(reason) => TsaError::Distrusted { url, reason },
        None => TsaError::Unreachable { url, reason },
    }
}

/// The one place where a client of HTTP is made.
fn agent(roots: &Roots) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(5)))
        // A TSA has none; one could lead out of TLS.
        .max_redirects(0)
        // The library would take one from the environment, and the stream goes straight.
        .proxy(None)
        .tls_config(roots.http())
        .build();
    config.into()
}

/// The system's time: good enough for the validity of year-long certificates before the TSA has
/// told the time.
fn system_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::default().plus(since)
}
