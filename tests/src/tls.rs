//! TLS in front of a program: a CA of its own, a certificate for loopback, and a listener that ends TLS and
//! passes on what is inside, as an operator's proxy would.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A CA with one certificate for `127.0.0.1` and `localhost`.
#[derive(Debug)]
pub struct Pair {
    /// File of the CA, PEM.
    pub ca: PathBuf,
    /// File of the certificate, PEM.
    pub certificate: PathBuf,
    /// File of its key, PEM.
    pub key: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    secret: PrivateKeyDer<'static>,
}

impl Pair {
    /// Makes both, and writes them into a folder under names that begin with `name`.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn make(folder: &Path, name: &str) -> Result<Self> {
        Self::make_for(folder, name, &["127.0.0.1", "localhost"])
    }

    /// As [`Pair::make`], for a host with other names.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn make_for(folder: &Path, name: &str, hosts: &[&str]) -> Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate()?;
        let ca = parameters.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(parameters, ca_key);
        let key = KeyPair::generate()?;
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let certificate = CertificateParams::new(hosts)?.signed_by(&key, &issuer)?;
        let write = |part: &str, text: String| -> Result<PathBuf> {
            let file = folder.join(format!("{name}-{part}.pem"));
            std::fs::write(&file, text)?;
            Ok(file)
        };
        Ok(Self {
            ca: write("ca", ca)?,
            certificate: write("certificate", certificate.pem())?,
            key: write("key", key.serialize_pem())?,
            chain: vec![certificate.der().clone()],
            secret: PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?,
        })
    }
}

/// A listener that ends TLS. Dropping it cuts every connection.
#[derive(Debug)]
pub struct Terminator {
    /// `host:port` on which it listens.
    pub socket: String,
    passed: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Drop for Terminator {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Terminator {
    /// Starts one in front of `host:port`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn before(target: String, pair: &Pair) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(pair.chain.clone(), pair.secret.clone_key())?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let socket = listener.local_addr()?.to_string();
        let passed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&passed);
        let accepting = tokio::spawn(async move {
            // Connections end with this task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
                connections.spawn(pass(client, target.clone(), acceptor, counter));
            }
        });
        Ok(Self { socket, passed, accepting })
    }

    /// How many connections believed the certificate and were passed on, so far.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

async fn pass(
    client: TcpStream,
    target: String,
    acceptor: TlsAcceptor,
    passed: Arc<AtomicUsize>,
) -> Result<()> {
    client.set_nodelay(true)?;
    let mut inside = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    passed.fetch_add(1, Ordering::SeqCst);
    tokio::io::copy_bidirectional(&mut inside, &mut server).await?;
    Ok(())
}
