//! TLS on both sides of the broker: for peers that come, and on the way to the TSA.
//!
//! TLS hides from onlookers what crosses; whom one talks to is decided by pins.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::Connector;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// What to do about a certificate of the TSA that is not believed.
pub(crate) const ADVICE: &str = "give the file of the CA that issued it with --tls-ca; if it should be from a \
     public CA, ask whoever runs the TSA";

/// The CAs that the TLS certificate of a TSA may come from: the public ones, unless others were given in
/// their place.
#[derive(Debug, Clone, Default)]
pub struct Roots(Option<Given>);

#[derive(Debug, Clone)]
struct Given {
    http: RootCerts,
    stream: Arc<rustls::ClientConfig>,
}

impl Roots {
    /// Only the CAs in a PEM file.
    ///
    /// # Errors
    /// If it cannot be read, or holds anything else or nothing.
    pub fn only(file: &Path) -> anyhow::Result<Self> {
        let advice = "give a PEM file of CA certificates with --tls-ca";
        let unread = || format!("cannot read {}\n{advice}", file.display());
        let mut roots = rustls::RootCertStore::empty();
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_file_iter(file).with_context(unread)? {
            let certificate = certificate.with_context(unread)?;
            certificates.push(Certificate::from_der(&certificate).to_owned());
            let unusable = || format!("no CA certificate in {}\n{advice}", file.display());
            roots.add(certificate).with_context(unusable)?;
        }
        if certificates.is_empty() {
            bail!("there is no certificate in {}\n{advice}", file.display());
        }
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = RootCerts::Specific(Arc::new(certificates));
        Ok(Self(Some(Given { http, stream: Arc::new(config) })))
    }

    /// For a WebSocket; `None` means the public CAs.
    pub(crate) fn connector(&self) -> Option<Connector> {
        self.0.as_ref().map(|given| Connector::Rustls(Arc::clone(&given.stream)))
    }

    /// For HTTP.
    pub(crate) fn http(&self) -> TlsConfig {
        let roots = self.0.as_ref().map_or(RootCerts::WebPki, |given| given.http.clone());
        // Without a provider the library would panic with the first connection.
        TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider())
            .build()
    }
}

/// TLS for peers, with a PEM certificate chain and its key.
///
/// # Errors
/// If they cannot be read or do not belong together.
pub(crate) fn acceptor(chain: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let advice = "give a PEM certificate chain with --tls-cert and its PEM key with --tls-key";
    let read = |path: &Path| format!("cannot read {}\n{advice}", path.display());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .with_context(|| read(chain))?
        .collect::<Result<_, _>>()
        .with_context(|| read(chain))?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| read(key))?;
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("certificate and key do not belong together\n{advice}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What is wrong with the certificate of the other side, if that is why a connection failed.
pub(crate) fn distrusted(error: &std::io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref()? {
        error @ rustls::Error::InvalidCertificate(_) => Some(error.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
