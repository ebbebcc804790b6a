//! Whose TLS certificates are believed, on the way to the broker and on the way to the TSA.
//!
//! TLS hides from onlookers what crosses and with whom; whom one talks to is decided by the pins in the
//! addresses.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_tungstenite::Connector;
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
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// The CAs that TLS certificates may come from: the public ones, unless others were given in their place.
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
    /// [`RootsError`].
    pub fn only(file: &Path) -> Result<Self, RootsError> {
        let mut roots = rustls::RootCertStore::empty();
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_file_iter(file)? {
            let certificate = certificate?;
            certificates.push(Certificate::from_der(&certificate).to_owned());
            roots.add(certificate).map_err(|error| RootsError::Certificate(Some(error)))?;
        }
        if certificates.is_empty() {
            return Err(RootsError::Certificate(None));
        }
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(RootsError::Tls)?
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

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What to do about a certificate that is not believed.
pub(crate) const ADVICE: &str = "give the file of the CA that issued it with --tls-ca; if it should be from a \
     public CA, ask whoever runs the other side";

/// What is wrong with the certificate of the other side, if that is why a connection failed.
pub(crate) fn distrusted(error: &std::io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref()? {
        error @ rustls::Error::InvalidCertificate(_) => Some(error.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_gives_no_roots() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roots.pem");
        assert!(matches!(Roots::only(&file), Err(RootsError::Pem(_))));
        std::fs::write(&file, "nothing").unwrap();
        assert!(matches!(Roots::only(&file), Err(RootsError::Certificate(None))));
    }

    #[test]
    fn every_certificate_in_a_file_is_a_root_or_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roots.pem");
        let own = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            parameters.self_signed(&key).unwrap().pem()
        };
        std::fs::write(&file, own("one.example") + &own("two.example")).unwrap();
        let given = Roots::only(&file).unwrap();
        let RootCerts::Specific(roots) = given.http().root_certs().clone() else { unreachable!() };
        assert_eq!(roots.len(), 2);
        assert!(given.connector().is_some() && Roots::default().connector().is_none());
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&file, own("one.example") + broken).unwrap();
        assert!(matches!(Roots::only(&file), Err(RootsError::Certificate(Some(_)))));
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
        assert!(Roots::only(&file).is_err());
    }

    #[test]
    fn a_certificate_that_is_not_believed_is_told_from_other_failures() {
        use rustls::{CertificateError, Error};
        let failure = |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        let unknown = failure(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(distrusted(&unknown).is_some());
        assert_eq!(distrusted(&failure(Error::HandshakeNotComplete)), None);
        assert_eq!(distrusted(&std::io::ErrorKind::ConnectionRefused.into()), None);
    }
}
