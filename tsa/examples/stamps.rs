//! Measures stamps per second and processor time per stamp over the stream.
//!
//! `cargo run --release --example stamps -- <pid of the TSA> <host:port> [requests in flight]
//! [digests in each] [seconds]`

#![allow(clippy::disallowed_methods, reason = "this is no program of Pregão: it reads the machine")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::path;
use pregao_protocol::wire::tsa::stream::{StampRequest, StreamFrame};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

#[tokio::main]
#[allow(clippy::print_stdout, reason = "the numbers are what this program is for")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let process: u32 = arguments.next().context("pid")?.parse()?;
    let address = arguments.next().context("host:port")?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (flight, digests, seconds) = (number(32)?, number(256)?, number(5)?);
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{address}{}", path::STREAM);
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    let list: Vec<Digest> = (0..digests).map(|n| Digest::of(&n.to_be_bytes())).collect();
    let request = |id| Message::text(StampRequest { id, digests: list.clone() }.encode());
    for id in 0..flight {
        socket.feed(request(id)).await?;
    }
    socket.flush().await?;
    let (before, start) = (ticks(process)?, Instant::now());
    let (mut sent, mut answered, mut bytes) = (flight, 0_u64, 0_usize);
    while start.elapsed() < Duration::from_secs(seconds) {
        let message = socket.next().await.context("the TSA closed the stream")??;
        let Message::Text(text) = message else { continue };
        bytes += text.len();
        match StreamFrame::parse(&text)? {
            StreamFrame::Stamped { .. } => {}
            StreamFrame::Batch { .. } => continue,
            StreamFrame::Refused { code, .. } => bail!("refused: {code}"),
        }
        answered += 1;
        socket.send(request(sent)).await?;
        sent += 1;
    }
    let elapsed = start.elapsed().as_secs_f64();
    // A tick of /proc is 10 ms on every Linux there is.
    let spent = f64::from(ticks(process)? - before) * 0.01;
    let stamps = f64::from(u32::try_from(answered * digests)?);
    println!(
        "{:.0} stamps/s over {elapsed:.1} s; TSA {:.2} µs of processor per stamp ({:.0} stamps/s \
         and core); {:.0} bytes per stamp; batches hold what {flight} requests of {digests} make",
        stamps / elapsed,
        spent * 1e6 / stamps,
        stamps / spent,
        f64::from(u32::try_from(bytes)?) / stamps,
    );
    Ok(())
}

/// User and system time of a process, in ticks.
fn ticks(process: u32) -> anyhow::Result<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("/proc")?;
    let field = |at: usize| fields.split(' ').nth(at).context("/proc")?.parse().context("/proc");
    let (user, system): (u32, u32) = (field(11)?, field(12)?);
    Ok(user + system)
}
