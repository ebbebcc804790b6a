//! The way to others: streams to brokers, HTTP to TSAs.
//!
//! What others are reached over is an argument everywhere, as the machine is: the program hands down
//! the [`Internet`], and a simulation a [`Network`] of its own, in memory.
//!
//! - [`broker`] is one session with the broker; [`tsa`] asks TSA and CA
//! - [`tls`] says whose TLS certificates are believed
//! - `http` is what is asked of a TSA: [`Transport`], and the one client of HTTP
//! - `proxy` is a SOCKS proxy before it

pub mod broker;
mod http;
mod proxy;
pub mod tls;
pub mod tsa;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use pregao_protocol::host::Host;
use pregao_protocol::trust::jwks::TsaAddress;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use tls::Roots;

pub use http::{HttpAnswer, Transport, TransportError};
pub use proxy::{ProxyAddress, ProxyAddressError, Route};

/// Bytes in both directions, in order.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl fmt::Debug for dyn Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(..)")
    }
}

/// A stream that is being opened.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// Where brokers and TSAs are reached.
pub trait Network: fmt::Debug + Send + Sync {
    /// Opens a stream to a broker. `host` is a name or an address; that of IPv6 has no brackets. TLS, if
    /// the user asked for it, goes on top.
    ///
    /// # Errors
    /// The future gives those of the operating system.
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Dialing<'a>;

    /// A way to the TSA at an address, through the proxy if there is one, and then no other way. It
    /// shares nothing with the other ways, so that two are not known to be of one person.
    fn tsa(
        &self,
        address: &TsaAddress,
        proxy: Option<&ProxyAddress>,
        roots: &Roots,
    ) -> Arc<dyn Transport>;
}

/// The real network of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Internet;

impl Network for Internet {
    /// Every address of a name is tried.
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Dialing<'a> {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            // Frames are small and somebody waits for each.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn tsa(
        &self,
        _address: &TsaAddress,
        proxy: Option<&ProxyAddress>,
        roots: &Roots,
    ) -> Arc<dyn Transport> {
        Arc::new(http::Client::new(proxy, roots))
    }
}

/// What others are reached with: the machine, its network, and whose TLS certificates are believed.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    /// Gives clocks and random bytes.
    pub host: &'a Host,
    /// Where the others are.
    pub net: &'a dyn Network,
    /// Of `wss://` brokers and `https://` TSAs.
    pub tls: &'a Roots,
}
