//! Whose TLS certificates are believed, on the way to the state's responder.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Why a file gives no roots for TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// Not PEM, or not readable.
    #[error("the file of TLS roots cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// A certificate in it cannot be a root, or there is none.
    #[error("the file of TLS roots holds no usable certificate")]
    Certificate(#[source] Option<rustls::Error>),
}

impl RootsError {
    /// What the operator can do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        "give a PEM file of CA certificates with --tls-ca"
    }
}

/// TLS that believes the CAs in a PEM file only, or without a file the public ones.
///
/// # Errors
/// [`RootsError`].
pub fn roots(file: Option<&Path>) -> Result<TlsConfig, RootsError> {
    let roots = file.map_or(Ok(RootCerts::WebPki), only)?;
    // Without a provider the library would panic with the first connection.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}

fn only(file: &Path) -> Result<RootCerts, RootsError> {
    let mut usable = rustls::RootCertStore::empty();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_file_iter(file)? {
        let certificate = certificate?;
        certificates.push(Certificate::from_der(&certificate).to_owned());
        // The HTTP client would pass over what is none.
        usable.add(certificate).map_err(|error| RootsError::Certificate(Some(error)))?;
    }
    if certificates.is_empty() {
        return Err(RootsError::Certificate(None));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

#[cfg(test)]
mod tests;
