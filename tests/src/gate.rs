//! A gate before the TSA: passes requests on one by one, notes from where they came, and answers
//! otherwise where a test wants it.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A request and its answer, as they passed.
#[derive(Debug, Clone)]
pub struct Asked {
    /// From where.
    pub from: IpAddr,
    /// Which connection, from 0.
    pub connection: usize,
    /// What the client calls itself.
    pub agent: String,
    /// The path.
    pub path: String,
    /// What was sent; null if nothing was.
    pub body: Value,
    /// What the TSA answered; null if it was not asked.
    pub answer: Value,
}

/// What becomes of an answer of the TSA.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It passes.
    Pass,
    /// The connection is cut; the TSA has done what it was asked for.
    Cut,
    /// Another one goes in its place.
    Instead(Value),
}

type Judge = dyn FnMut(&Asked) -> Fate + Send;

struct Shared {
    target: String,
    asked: Mutex<Vec<Asked>>,
    judge: Mutex<Option<Box<Judge>>>,
}

/// An open gate. Dropping it cuts every connection.
pub struct Gate {
    /// `host:port` on which it listens.
    pub socket: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate({})", self.socket)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Gate {
    /// Opens a gate before `http://host:port`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn before(target: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let socket = listener.local_addr()?.to_string();
        let target = target.trim_end_matches('/').to_owned();
        let shared = Arc::new(Shared { target, asked: Mutex::default(), judge: Mutex::default() });
        let own = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let mut connection = 0;
            while let Ok((client, from)) = listener.accept().await {
                connections.spawn(serve(client, from.ip(), connection, Arc::clone(&own)));
                connection += 1;
            }
        });
        Ok(Self { socket, shared, accepting })
    }

    /// Judges answers from here on.
    pub fn judge(&self, judge: impl FnMut(&Asked) -> Fate + Send + 'static) {
        *self.shared.judge.lock() = Some(Box::new(judge));
    }

    /// Lets everything pass from here on.
    pub fn leave(&self) {
        *self.shared.judge.lock() = None;
    }

    /// Everything asked since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.asked.lock())
    }
}

async fn serve(
    mut client: TcpStream,
    from: IpAddr,
    connection: usize,
    shared: Arc<Shared>,
) -> Result<()> {
    loop {
        let (path, agent, body) = request(&mut client).await?;
        let (url, sent) = (format!("{}{path}", shared.target), body.clone());
        let (status, text) = tokio::task::spawn_blocking(move || pass(&url, &sent)).await??;
        let answer = serde_json::from_str(&text).unwrap_or(Value::Null);
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let asked = Asked { from, connection, agent, path, body, answer };
        shared.asked.lock().push(asked.clone());
        let fate = shared.judge.lock().as_mut().map_or(Fate::Pass, |judge| judge(&asked));
        let text = match fate {
            Fate::Pass => text,
            Fate::Cut => return Ok(()),
            Fate::Instead(value) => value.to_string(),
        };
        let length = text.len();
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await?;
        client.write_all(text.as_bytes()).await?;
    }
}

/// Reads one request; gives its path, what the client calls itself, and its body.
async fn request(client: &mut TcpStream) -> Result<(String, String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(head.len() < 64 * 1024, "no end of the head");
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    let path = head.split(' ').nth(1).context("no path")?.to_owned();
    let header = |wanted: &str| {
        let mut headers = head.lines().filter_map(|line| line.split_once(':'));
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let length = header("content-length").map_or(Ok(0), |length| length.parse::<usize>())?;
    let agent = header("user-agent").unwrap_or_default();
    ensure!(length < 1 << 20, "a long body");
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    Ok((path, agent, body))
}

/// Asks the TSA itself.
fn pass(url: &str, body: &[u8]) -> Result<(u16, String)> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent = ureq::Agent::from(config);
    let mut answer = if body.is_empty() {
        agent.get(url).call()?
    } else {
        agent.post(url).header("content-type", "application/json").send(body)?
    };
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}
