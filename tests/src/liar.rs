//! A broker that lies: it has the real broker's keys, so that nothing but the lie gives it away.
//!
//! It plays the broker towards one persona and is that persona towards the real broker.
//! Everything passes as it is, except what a [`Lie`] changes, makes up or keeps back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use pregao::net::broker::{self, BrokerAddress, BrokerLink, Identity};
use pregao::net::tsa::TsaClient;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::{EntryKey, HeadKey, Persona, Purpose, SecretKey, SessionKey};
use pregao_protocol::wire::delivery::{AnswerDelivery, Fetched};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::session::{BrokerCredentials, ExpectHello, Padded, Ranking};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::house::House;
use crate::peer::random;
use crate::reach;

/// The secret keys of a broker, out of its folder.
pub struct BrokerSecrets {
    /// Signs handshakes.
    pub session: SecretKey<SessionKey>,
    /// Signs heads.
    pub head: SecretKey<HeadKey>,
    /// Signs entries and refusals.
    pub entry: SecretKey<EntryKey>,
}

impl std::fmt::Debug for BrokerSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrokerSecrets(..)")
    }
}

impl BrokerSecrets {
    /// Reads them.
    ///
    /// # Errors
    /// If a file is not there or no key.
    pub fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            session: secret_in(&folder.join("session.key.pem"))?,
            head: secret_in(&folder.join("head.key.pem"))?,
            entry: secret_in(&folder.join("entry.key.pem"))?,
        })
    }
}

/// The key in a PKCS#8 file.
///
/// # Errors
/// If the file is not there or no key.
pub fn secret_in<P: Purpose>(file: &Path) -> Result<SecretKey<P>> {
    let pem = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(SecretKey::from_seed(&SigningKey::from_pkcs8_pem(&pem)?.to_bytes()))
}

/// What is changed between broker and peer. By default nothing is.
pub trait Lie: Send + 'static {
    /// Gives what reaches the peer instead of a frame of the broker.
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        vec![frame]
    }

    /// Answers a frame of the peer in the broker's place; `None` passes it on.
    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        let _ = frame;
        None
    }

    /// What reaches the broker instead of what a witness has for it, and what is answered in its place; `None`
    /// leaves it as it is.
    fn fetched(&mut self, fetched: &Fetched) -> Option<(Fetched, Option<AnswerDelivery>)> {
        let _ = fetched;
        None
    }
}

/// A lie about what the broker says.
pub struct Down<F>(pub F);

impl<F: FnMut(FromBroker) -> Vec<FromBroker> + Send + 'static> Lie for Down<F> {
    fn down(&mut self, frame: FromBroker) -> Vec<FromBroker> {
        self.0(frame)
    }
}

impl<F> std::fmt::Debug for Down<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Down(..)")
    }
}

/// A lie about what the peer asks for.
pub struct Up<F>(pub F);

impl<F: FnMut(&FromPeer) -> Option<Vec<FromBroker>> + Send + 'static> Lie for Up<F> {
    fn up(&mut self, frame: &FromPeer) -> Option<Vec<FromBroker>> {
        self.0(frame)
    }
}

impl<F> std::fmt::Debug for Up<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Up(..)")
    }
}

struct Shared {
    broker: BrokerAddress,
    tsa: TsaAddress,
    mask: Mask,
}

/// The broker towards one persona, and that persona towards the broker.
pub struct Mask {
    /// The broker's keys.
    pub secrets: BrokerSecrets,
    /// The persona's.
    pub persona: SecretKey<Persona>,
    /// The persona's certificate, DER.
    pub certificate: Vec<u8>,
    /// How often the persona came. What is said in an earlier session reaches nobody any more.
    pub sessions: AtomicU64,
    /// What is changed.
    pub lie: Mutex<Box<dyn Lie>>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(..)")
    }
}

/// A listening liar. Dropping it cuts every connection.
pub struct Liar {
    /// Where the peer connects; it pins the real broker's fingerprint.
    pub address: BrokerAddress,
    injected: broadcast::Sender<FromBroker>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Liar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Liar({})", self.address)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Liar {
    /// Stands between a house's broker and the persona of a vault, which no program uses yet.
    ///
    /// # Errors
    /// If keys cannot be read or no port is free.
    pub async fn before(house: &House, vault: &Path, lie: impl Lie) -> Result<Self> {
        let contents = crate::desk::vault(vault)?;
        let shared = Arc::new(Shared {
            broker: house.broker.address.clone(),
            tsa: house.tsa.address.clone(),
            mask: Mask {
                secrets: BrokerSecrets::read(house.broker.data())?,
                persona: SecretKey::from_seed(contents.persona.expose()),
                certificate: contents.certificate.clone(),
                sessions: AtomicU64::new(0),
                lie: Mutex::new(Box::new(lie)),
            },
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = house.broker.address_at(&listener.local_addr()?.to_string());
        let (injected, _) = broadcast::channel(64);
        let injecting = injected.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared), injecting.subscribe()));
            }
        });
        Ok(Self { address, injected, accepting })
    }

    /// Says something to the connected peer out of the blue.
    pub fn inject(&self, frame: FromBroker) {
        let _ = self.injected.send(frame);
    }

    /// Has the peer make a new session.
    pub fn renew(&self) {
        let (code, message) = ("session.expired".to_owned(), "the session ends".to_owned());
        self.inject(FromBroker::Error { code, message, room: None });
    }
}

async fn serve(
    stream: TcpStream,
    shared: Arc<Shared>,
    mut injected: broadcast::Receiver<FromBroker>,
) -> Result<()> {
    let (own, pin) = (Arc::clone(&shared), shared.broker.fingerprint);
    let ticket = tokio::task::spawn_blocking(move || {
        TsaClient::at(own.tsa.clone(), reach()).ticket(
            &own.mask.persona,
            &own.mask.certificate,
            pin,
        )
    });
    let ticket = ticket.await??;
    let identity = Identity {
        persona: &shared.mask.persona,
        certificate: &shared.mask.certificate,
        ticket: &ticket,
    };
    let link = broker::connect(&shared.broker, identity, &Ranking::default(), reach()).await?;
    shared.mask.relay(stream, link, random(), &mut injected).await
}

impl Mask {
    /// Answers a peer on `stream` as the broker does on `link`, except for the lie, until one of the two is gone.
    /// `seed` makes the keys of this session.
    ///
    /// # Errors
    /// What ended it.
    pub async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        mut link: BrokerLink,
        seed: [u8; 32],
        injected: &mut broadcast::Receiver<FromBroker>,
    ) -> Result<()> {
        let mut socket = tokio_tungstenite::accept_async(stream).await?;
        let session = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        // A line can be dead and nobody know it: a lie told to it would be lost.
        let ensure_last = || {
            let last = self.sessions.load(Ordering::Relaxed);
            ensure!(last == session, "the persona came again");
            Ok(())
        };
        let certificate = link.certificate.sign(&self.secrets.session);
        let credentials = BrokerCredentials::new(&certificate)?;
        let hello = receive(&mut socket).await?;
        let (expect, choice) = ExpectHello::new(Ranking::default(), seed).handle(&hello)?;
        socket.send(Message::binary(choice)).await?;
        let one = receive(&mut socket).await?;
        let sign = |bytes: &[u8]| self.secrets.session.sign(bytes);
        let (expect, two) = expect.handle(&one, &credentials, sign)?;
        socket.send(Message::binary(two)).await?;
        let three = receive(&mut socket).await?;
        let known = |_: &[u8], _: &str| Ok::<_, std::fmt::Error>(self.persona.public());
        let (mut unconfirmed, _) = expect.handle(&three, known)?;
        let welcome =
            self.lie.lock().down(link.welcome).into_iter().next().context("no welcome")?;
        let record = unconfirmed.seal(&Padded::new(&welcome.encode()?)?)?;
        socket.send(Message::binary(record)).await?;
        let (session, first) = unconfirmed.open(&receive(&mut socket).await?)?;
        let (mut sealer, mut opener) = session.split();

        let mut asked = Some(FromPeer::parse(&first)?);
        loop {
            let said = if let Some(frame) = asked.take() {
                ensure_last()?;
                let answered = self.lie.lock().up(&frame);
                match answered {
                    Some(frames) => frames,
                    None => {
                        link.sender.send(&frame).await?;
                        Vec::new()
                    }
                }
            } else {
                tokio::select! {
                    frame = link.receiver.next() => {
                        ensure_last()?;
                        self.lie.lock().down(frame?)
                    }
                    frame = injected.recv() => vec![frame?],
                    record = receive(&mut socket) => {
                        asked = Some(FromPeer::parse(&opener.open(&record?)?)?);
                        Vec::new()
                    }
                }
            };
            for frame in said {
                let record = sealer.seal(&Padded::new(&frame.encode()?)?)?;
                socket.send(Message::binary(record)).await?;
            }
        }
    }
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
