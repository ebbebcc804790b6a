//! A witness without a TSA: folder, key, memory and port, and no CA, no stamps (`pregao-tsa witness`).
//!
//! It dates cosignatures by the system's clock, under the rules by which a TSA dates stamps.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::trust::witness::Operator;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::{Clock, SharedClock};
use crate::connections::{Connections, accept, listen};
use crate::http;
use crate::keys::{self, KeysError};
use crate::witness::store::WitnessStoreError;
use crate::witness::{Brokers, Prepared, Witness, WitnessError};

/// How long open connections have to finish when the witness closes.
const GRACE: Duration = Duration::from_secs(3);

/// What the operator chose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where key and memory are.
    pub data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who runs it.
    pub operator: Operator,
    /// For whom it cosigns.
    pub brokers: Brokers,
    /// Whether a clock that had jumped is to be believed from here on.
    pub accept_clock_jump: bool,
}

/// Why the witness does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its key or its memory.
    #[error(transparent)]
    Witness(#[from] WitnessError),
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

impl From<KeysError> for StartError {
    fn from(error: KeysError) -> Self {
        Self::Witness(error.into())
    }
}

impl From<WitnessStoreError> for StartError {
    fn from(error: WitnessStoreError) -> Self {
        Self::Witness(error.into())
    }
}

impl StartError {
    /// What the operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Witness(error) => error.advice(),
            Self::Listen { .. } => {
                "choose another address with --listen, or stop the process that has this one"
            }
        }
    }
}

/// A witness that listens.
pub struct Independent {
    listener: TcpListener,
    address: SocketAddr,
    witness: Witness,
    connections: Connections,
    stop: watch::Sender<bool>,
    host: Host,
    _lock: std::fs::File,
}

impl Independent {
    /// Opens everything; it answers with [`Independent::run`].
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options, host: Host) -> Result<Self, StartError> {
        keys::create_folder(&options.data)?;
        let lock = keys::lock_folder(&options.data)?;
        let prepared = Prepared::open(&options.data, options.brokers, &*host.random)?;
        let doubt = prepared.doubt(options.accept_clock_jump)?;
        let clock = Clock::resume(prepared.highest(), doubt, 0);
        let clock = SharedClock::new(clock, Arc::clone(&host.clock));
        let address = options.listen;
        let listened = listen(address).await;
        let (listener, address) =
            listened.map_err(|source| StartError::Listen { address, source })?;
        let witness = prepared.start(options.operator, clock, &host)?;
        let (stop, stopping) = watch::channel(false);
        let connections = Connections::new(http::witness_router(&witness), stopping);
        Ok(Self { listener, address, witness, connections, stop, host, _lock: lock })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What cosigns.
    #[must_use]
    pub const fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Serves until `shutdown` completes, then lets open connections finish.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let serve = |stream, from| self.connections.serve(stream, from);
        accept(self.listener, &self.host, shutdown, serve).await;
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(GRACE, self.connections.closed()).await;
        self.witness.stop().await;
    }
}
