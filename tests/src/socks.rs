//! A SOCKS5 proxy (RFC 1928) as small as tests need it: no authentication, CONNECT only.
//!
//! It goes out from 127.0.0.2, so that whoever is reached can tell its connections from others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::task::{JoinHandle, JoinSet};

/// From where the proxy goes out.
pub const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// What a proxy answers to those who want to go somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Takes them there.
    Takes,
    /// Says that its rules do not allow it.
    Refuses,
    /// Hangs up.
    HangsUp,
}

/// A listening proxy. Dropping it cuts every connection.
#[derive(Debug)]
pub struct Socks {
    /// `host:port` on which it listens.
    pub socket: String,
    wanted: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Socks {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Socks {
    /// Starts a proxy.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(manners: Manners) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let socket = listener.local_addr()?.to_string();
        let wanted = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&wanted);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(serve(client, manners, Arc::clone(&seen)));
            }
        });
        Ok(Self { socket, wanted, accepting })
    }

    /// Its address as one types it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("socks5://{}", self.socket)
    }

    /// Where its clients wanted to go, as they said it, since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.wanted.lock())
    }
}

async fn serve(
    mut client: TcpStream,
    manners: Manners,
    wanted: Arc<Mutex<Vec<String>>>,
) -> Result<()> {
    ensure!(client.read_u8().await? == 5, "another version");
    let mut methods = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut methods).await?;
    ensure!(methods.contains(&0), "no way without authentication");
    client.write_all(&[5, 0]).await?;
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let [5, 1, 0, kind] = head else { bail!("no CONNECT") };
    let host = match kind {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        4 => format!("[{}]", Ipv6Addr::from(client.read_u128().await?)),
        3 => {
            let mut name = vec![0; usize::from(client.read_u8().await?)];
            client.read_exact(&mut name).await?;
            String::from_utf8(name)?
        }
        _ => bail!("no such kind of address"),
    };
    let place = format!("{host}:{}", client.read_u16().await?);
    wanted.lock().push(place.clone());
    let answer = |code: u8| [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    match manners {
        Manners::Takes => {}
        Manners::Refuses => return Ok(client.write_all(&answer(2)).await?),
        Manners::HangsUp => return Ok(()),
    }
    let Ok(mut server) = reach(&place).await else {
        return Ok(client.write_all(&answer(5)).await?);
    };
    client.write_all(&answer(0)).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn reach(place: &str) -> Result<TcpStream> {
    let there = lookup_host(place).await?.find(SocketAddr::is_ipv4);
    let Some(there) = there else { bail!("no address") };
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(OUTSIDE, 0))?;
    Ok(socket.connect(there).await?)
}
