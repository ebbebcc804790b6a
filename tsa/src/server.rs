//! From the command line's options to a running TSA: opens it and a port, then serves.

use std::net::SocketAddr;
use std::path::Path;

use pregao_protocol::host::Host;
use pregao_protocol::trust::key::Fingerprint;
use tokio::net::TcpListener;

use crate::connections::{accept, listen};
use crate::keys::{self, Keys, KeysError};
use crate::service::{self, OpenError, Prepared, Service};

/// What the operator chose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// All the rest.
    pub tsa: service::Options,
}

/// Why the TSA does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The port.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl StartError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Open(error) => error.advice(),
            Self::Listen { .. } => {
                "choose another address with --listen, or stop the process that has this one"
            }
        }
    }
}

/// A TSA that listens and stamps.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Service,
    host: Host,
}

impl Server {
    /// Opens everything. Stamping begins with the return, answering with [`Server::run`].
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options, host: Host) -> Result<Self, StartError> {
        // Nothing is signed by a TSA that nobody can reach.
        let prepared = Prepared::open(&options.tsa, &host)?;
        let address = options.listen;
        let listened = listen(address).await;
        let (listener, address) =
            listened.map_err(|source| StartError::Listen { address, source })?;
        Ok(Self { listener, address, service: prepared.stamp()?, host })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients pin.
    #[must_use]
    pub fn authority(&self) -> Fingerprint {
        self.service.authority()
    }

    /// Fingerprint of the key that stamps and states time-locks: what people pin who let it lock their bids.
    #[must_use]
    pub fn stamp(&self) -> Fingerprint {
        self.service.stamp()
    }

    /// Whether its time is simulated.
    #[must_use]
    pub fn simulated(&self) -> bool {
        self.service.simulated()
    }

    /// Whether cards of the state's test PKI enrol.
    #[must_use]
    pub fn accepts_test_cards(&self) -> bool {
        self.service.accepts_test_cards()
    }

    /// Serves until `shutdown` completes, then lets open connections and the last batch finish.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let serve = |stream, from| self.service.connection(stream, from);
        accept(self.listener, &self.host, shutdown, serve).await;
        self.service.close().await;
    }
}

/// The CA's fingerprint of an existing data folder.
///
/// # Errors
/// [`KeysError`].
pub fn fingerprint(data: &Path, simulated: bool) -> Result<Fingerprint, KeysError> {
    Ok(Keys::open(&keys::folder(data, simulated))?.authority.public().fingerprint())
}
