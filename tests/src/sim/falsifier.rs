//! A house that lies to one person: the real broker's words, changed on their way out.
//!
//! The broker is the real one, and its session with the person too, so whatever is bound to that session holds: proofs of
//! membership, puzzles, passes. What stands at its end of the wire has the broker's key and the random bytes that its machine
//! drew for the handshake, as the [`recorder`](super::recorder) has. With them it opens what the broker says and seals
//! something else in its place; what the person says it hears and passes on as it is.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use pregao_broker::session::SessionContext;
use pregao_protocol::value::label::{MAX_FRAME, RECORD_BUCKETS};
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::{Padded, Sealer, Unconfirmed};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::machine::Machine;
use super::recorder::shake;

/// Bytes of the length before a frame in its record.
const PREFIX: usize = 4;
/// Bytes by which a record is longer than its bucket.
const TAG: usize = 16;
/// Bytes on their way between what lies and the broker.
const LENGTH: usize = 64 * 1024;

/// What a house says instead.
pub(super) trait Falsehood: Send {
    /// The person says this; the broker hears it, too.
    fn up(&mut self, frame: &[u8]) {
        let _ = frame;
    }

    /// What reaches the person instead of a frame of the broker.
    fn down(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>>;
}

impl<F: FnMut(FromBroker) -> Vec<FromBroker> + Send> Falsehood for F {
    fn down(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        // What is no frame of JSON passes.
        let Ok(said) = FromBroker::parse(&frame) else { return vec![frame] };
        self(said).into_iter().filter_map(|frame| frame.encode().ok()).collect()
    }
}

/// A house that lies, while it is let.
#[derive(Clone)]
pub(super) struct Falsifier(Arc<Mutex<Box<dyn Falsehood>>>);

impl Falsifier {
    pub(super) fn new(lie: impl Falsehood + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(lie))))
    }

    /// Stands between a wire and the broker; gives the broker's end.
    pub(super) fn before(
        self,
        far: DuplexStream,
        began: Duration,
        (machine, broker): (&Arc<Machine>, &Arc<SessionContext>),
    ) -> DuplexStream {
        let (near_broker, broker_end) = tokio::io::duplex(LENGTH);
        let (machine, broker) = (Arc::clone(machine), Arc::clone(broker));
        // Of nobody's machine. However it ends, the person connects again.
        tokio::spawn(async move {
            let _: Result<()> = self.stand(far, near_broker, began, &machine, &broker).await;
        });
        broker_end
    }

    async fn stand(
        &self,
        far: DuplexStream,
        near_broker: DuplexStream,
        began: Duration,
        machine: &Machine,
        broker: &SessionContext,
    ) -> Result<()> {
        let mut person = tokio_tungstenite::accept_async(far).await?;
        let (mut house, _) = tokio_tungstenite::client_async("ws://broker:1/", near_broker).await?;
        let mut heard = Vec::new();
        for answered in [true, true, false] {
            let message = receive(&mut person).await?;
            house.send(Message::binary(message.clone())).await?;
            heard.push(message);
            if answered {
                person.send(Message::binary(receive(&mut house).await?)).await?;
            }
        }
        let [hello, one, three] = heard.as_slice() else { bail!("no handshake") };
        let shaken = || shake(machine, broker, began, (hello, one, three));
        let (own, _) = shaken().context("the handshake of another")?;
        let (stream, _) = shaken().context("the handshake of another")?;
        let (mut own, mut stream) = (Sealing::Early(own), Sealing::Early(stream));
        let mut opener = None;
        loop {
            tokio::select! {
                record = receive(&mut person) => {
                    let record = record?;
                    let frame = match &mut opener {
                        None => {
                            let (frame, opens) = own.confirm(&record)?;
                            stream.confirm(&record)?;
                            opener = Some(opens);
                            frame
                        }
                        Some(opener) => opener.open(&record)?,
                    };
                    self.0.lock().up(&frame);
                    house.send(Message::binary(record)).await?;
                }
                record = receive(&mut house) => {
                    let frame = opened(&mut stream, &record?)?;
                    let said = self.0.lock().down(frame);
                    for frame in said {
                        person.send(Message::binary(own.seal(&Padded::new(&frame)?)?)).await?;
                    }
                }
            }
        }
    }
}

/// What seals for the person, before and after it is known that they hold the same keys.
enum Sealing {
    Early(Unconfirmed),
    Late(Sealer),
    None,
}

impl Sealing {
    fn seal(&mut self, padded: &Padded) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Early(unconfirmed) => unconfirmed.seal(padded)?,
            Self::Late(sealer) => sealer.seal(padded)?,
            Self::None => bail!("nothing seals"),
        })
    }

    /// Opens the first record of the person.
    fn confirm(
        &mut self,
        record: &[u8],
    ) -> Result<(Vec<u8>, pregao_protocol::wire::session::Opener)> {
        let Self::Early(unconfirmed) = std::mem::replace(self, Self::None) else {
            bail!("it was confirmed before")
        };
        let (session, frame) = unconfirmed.open(record)?;
        let (sealer, opener) = session.split();
        *self = Self::Late(sealer);
        Ok((frame, opener))
    }
}

/// Opens a record of the broker. The session gives no key that does, and need not: its ciphers add a stream of bytes, which is
/// what comes of sealing something known with the same key as the same record.
fn opened(stream: &mut Sealing, record: &[u8]) -> Result<Vec<u8>> {
    let bucket = record.len().checked_sub(TAG).context("no record")?;
    ensure!(RECORD_BUCKETS.contains(&bucket), "no record");
    let length = bucket.saturating_sub(PREFIX).min(MAX_FRAME);
    let known = vec![0; length];
    let sealed = stream.seal(&Padded::new(&known)?)?;
    let header = u32::try_from(length)?.to_be_bytes();
    let plain = header.into_iter().chain(std::iter::repeat(0));
    let bytes = record.iter().zip(&sealed).zip(plain).take(bucket);
    let bytes: Vec<u8> = bytes.map(|((record, sealed), plain)| record ^ sealed ^ plain).collect();
    let (length, rest) = bytes.split_first_chunk::<PREFIX>().context("no frame")?;
    let length = usize::try_from(u32::from_be_bytes(*length))?;
    Ok(rest.get(..length).context("no frame")?.to_vec())
}

async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
) -> Result<Vec<u8>> {
    loop {
        if let Message::Binary(bytes) = socket.next().await.context("closed")?? {
            return Ok(bytes.to_vec());
        }
    }
}
