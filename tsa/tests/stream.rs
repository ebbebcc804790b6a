//! The stamp stream of the real program.

#![allow(clippy::disallowed_methods, reason = "this is no program of Pregão: it reads the machine")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod running;

use std::collections::HashSet;

use futures_util::{SinkExt as _, StreamExt as _};
use pregao_protocol::log::stamp::VerifiedBatch;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::tsa::stream::{StampRequest, StreamFrame};
use running::Tsa;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

struct Stream(WebSocketStream<TcpStream>);

impl Stream {
    async fn open(tsa: &Tsa) -> Self {
        let tcp = TcpStream::connect(tsa.host()).await.unwrap();
        let url = tsa.address.stream();
        Self(tokio_tungstenite::client_async(url, tcp).await.unwrap().0)
    }

    async fn send(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return None,
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// The next message that is no unasked header.
    async fn answer(&mut self) -> Option<Value> {
        loop {
            let message = self.next().await?;
            if message.get("id").is_some() {
                return Some(message);
            }
        }
    }
}

fn digests(from: u32, count: u32) -> Vec<Digest> {
    (from..from + count).map(|n| Digest::of(&n.to_be_bytes())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_each_in_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let keys = tokio::task::block_in_place(|| tsa.keys());
    let mut stream = Stream::open(&tsa).await;
    for id in 0..40_u32 {
        let digests = digests(id * 100, 1 + id);
        stream.send(StampRequest { id: u64::from(id), digests }.encode()).await;
    }
    let mut open: HashSet<u32> = (0..40).collect();
    while !open.is_empty() {
        let answer = stream.answer().await.unwrap().to_string();
        let frame = StreamFrame::parse(&answer).unwrap();
        let StreamFrame::Stamped { id, batch: compact, stamps } = frame else {
            panic!("{frame:?}")
        };
        let id = u32::try_from(id).unwrap();
        assert!(open.remove(&id));
        let batch = VerifiedBatch::open(&compact, &[keys.stamp]).unwrap();
        assert_eq!(stamps.len(), 1 + id as usize);
        for (digest, place) in digests(id * 100, 1 + id).iter().zip(stamps) {
            assert_eq!(place.with(&compact).stamp().covers(digest, &batch), Ok(()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_nothing_hears_every_batch() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let keys = tokio::task::block_in_place(|| tsa.keys());
    let mut idle = Stream::open(&tsa).await;
    let mut busy = Stream::open(&tsa).await;
    busy.send(json!({"id": 1, "digests": digests(0, 1)}).to_string()).await;
    assert!(busy.answer().await.unwrap()["stamps"].is_array());
    let mut before: Option<VerifiedBatch> = None;
    let mut sizes = HashSet::new();
    while sizes.len() < 2 {
        let message = idle.next().await.unwrap();
        assert_eq!(message.as_object().unwrap().len(), 1);
        let batch = VerifiedBatch::open(message["batch"].as_str().unwrap(), &[keys.stamp]).unwrap();
        if let Some(before) = &before {
            assert_eq!(batch.header().prev, before.hash());
        }
        sizes.insert(batch.header().size);
        before = Some(batch);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_refused_and_the_stream_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let mut stream = Stream::open(&tsa).await;
    for count in [0, 257] {
        stream.send(json!({"id": 5, "digests": digests(0, count)}).to_string()).await;
        let answer = stream.answer().await.unwrap();
        assert_eq!((&answer["id"], &answer["code"]), (&json!(5), &json!("stamp.count")));
    }
    let wrong = json!({"id": 1, "digests": ["AAAA"]}).to_string();
    for text in ["", "garbage", "{}", "{\"id\":-1,\"digests\":[]}", &wrong] {
        stream.send(text).await;
        let answer = stream.answer().await.unwrap();
        assert_eq!(answer["code"], json!("stream.request"), "{text}");
        assert!(answer["id"].is_null());
    }
    stream.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(stream.answer().await.unwrap()["code"], json!("stream.request"));
    stream.send(json!({"id": 6, "digests": digests(0, 256)}).to_string()).await;
    assert_eq!(stream.answer().await.unwrap()["stamps"].as_array().unwrap().len(), 256);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_beyond_the_limit_ends_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let mut stream = Stream::open(&tsa).await;
    stream.send(" ".repeat(64 * 1024 + 1)).await;
    assert_eq!(stream.answer().await, None);
    let mut again = Stream::open(&tsa).await;
    again.send(json!({"id": 1, "digests": digests(0, 1)}).to_string()).await;
    assert!(again.answer().await.unwrap()["stamps"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_does_not_hold_up_others() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &[]);
    let mut deaf = Stream::open(&tsa).await;
    let request = json!({"id": 1, "digests": digests(0, 256)}).to_string();
    for _ in 0..64 {
        deaf.send(request.clone()).await;
    }
    let mut other = Stream::open(&tsa).await;
    for id in 0..20 {
        other.send(json!({"id": id, "digests": digests(0, 1)}).to_string()).await;
        assert_eq!(other.answer().await.unwrap()["id"], json!(id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_closed_in_good_order_when_the_tsa_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut tsa = Tsa::start(folder.path(), &[]);
    let mut stream = Stream::open(&tsa).await;
    stream.next().await.unwrap();
    let process = rustix::process::Pid::from_child(&tsa.process);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let closing = loop {
        match stream.0.next().await.unwrap().unwrap() {
            Message::Close(frame) => break frame.unwrap(),
            Message::Text(_) | Message::Binary(_) | Message::Ping(_) => {}
            Message::Pong(_) | Message::Frame(_) => {}
        }
    };
    assert_eq!(u16::from(closing.code), 1001);
    drop(stream);
    assert_eq!(tokio::task::block_in_place(|| tsa.process.wait()).unwrap().code(), Some(0));
}
