//! Stamps per second over the TSA's stream.

use anyhow::{Result, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::stream::StampRequest;
use pregao_tests::house::Tsa;
use pregao_tests::peer::random;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

use crate::gauge::{Gauge, Row, count};
use crate::unlimited;

/// Requests under way.
const IN_FLIGHT: usize = 64;

pub(crate) async fn measure(seconds: u64) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for digests in [1, 64, 256] {
        rows.extend(with_requests_of(digests, seconds).await?);
    }
    Ok(rows)
}

async fn with_requests_of(digests: usize, seconds: u64) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let tsa = Tsa::start(folder.path(), &unlimited())?;
    let (socket, _) = tokio_tungstenite::connect_async(tsa.address.stream()).await?;
    let (mut sink, mut stream) = socket.split();
    let list: Vec<Digest> = (0..digests).map(|_| Digest(random())).collect();
    let ask = |id| Message::text(StampRequest { id, digests: list.clone() }.encode());
    let mut id = 0;
    for _ in 0..IN_FLIGHT {
        id += 1;
        sink.feed(ask(id)).await?;
    }
    sink.flush().await?;
    let gauge = Gauge::start(&[tsa.program()])?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut answered = 0_usize;
    while Instant::now() < until {
        let mut freed = 0;
        let mut next = stream.next().await;
        while let Some(message) = next {
            let text = message?.into_text()?;
            // Not parsed whole: the stamps are the TSA's to make, and this measures the TSA.
            if text.starts_with(r#"{"id":"#) {
                ensure!(!text.contains(r#""code":"#), "refused: {text}");
                freed += 1;
            }
            let waiting = std::future::poll_fn(|context| {
                std::task::Poll::Ready(match stream.poll_next_unpin(context) {
                    std::task::Poll::Ready(message) => message,
                    std::task::Poll::Pending => None,
                })
            });
            next = waiting.await;
        }
        answered += freed;
        for _ in 0..freed {
            id += 1;
            sink.feed(ask(id)).await?;
        }
        sink.flush().await?;
    }
    let (seconds, used) = gauge.stop()?;
    let stamps = count(answered * digests);
    let cpu = used.iter().sum::<f64>() / stamps;
    let of = format!("{digests} to a request, {IN_FLIGHT} requests under way");
    Ok(vec![
        Row::new(format!("stamps, {of}"), stamps / seconds, "stamps/s"),
        Row::new(format!("stamps, TSA CPU, {of}"), cpu, "us/stamp"),
        Row::new(format!("stamps, for one core, {of}"), 1e6 / cpu, "stamps/s/core"),
    ])
}
