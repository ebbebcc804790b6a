//! One session with the broker, and the tickets that open it.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use pregao_protocol::wire::frame::FromPeer;
use pregao_protocol::wire::session::Suite;
use tokio::sync::mpsc;

use super::Options;
use super::renew::EXPIRED;
use crate::host::blocking;
use crate::net::broker::{BrokerLink, Identity, LinkError, LinkSender, connect};
use crate::net::tsa::{TsaClient, TsaError};
use crate::text::sanitize::with_causes;

/// A ticket, and when it came.
pub(super) type Ticket = (String, Duration);

/// How long a ticket is used before another is fetched, at most; tickets live five minutes.
const TICKET_FOR: Duration = Duration::from_secs(240);

/// The connection to the broker, which comes and goes.
#[derive(Debug, Default)]
pub(super) struct Connection {
    session: Option<Session>,
    /// The certificate that the broker showed last (compact JWS): evidence carries it.
    certificate: String,
    /// When the last session began.
    since: Duration,
    ticket: Option<Ticket>,
}

impl Connection {
    /// A session begins, with a broker that showed this certificate.
    pub(super) fn begin(&mut self, session: Session, certificate: String, now: Duration) {
        self.session = Some(session);
        self.certificate = certificate;
        self.since = now;
    }

    pub(super) const fn is_up(&self) -> bool {
        self.session.is_some()
    }

    /// The session, while there is one.
    pub(super) const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The certificate that the broker showed last, as it came; empty before the first session.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// When the last session began.
    pub(super) const fn since(&self) -> Duration {
        self.since
    }

    /// Sends a frame at once. A failure ends the session.
    pub(super) async fn send(&mut self, frame: &FromPeer) -> Result<(), SessionLost> {
        let Some(session) = &mut self.session else {
            return Err(SessionLost::because("there is no connection"));
        };
        match session.sender.send(frame).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.session = None;
                Err(error.into())
            }
        }
    }

    /// Takes leave of the broker.
    pub(super) async fn close(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.sender.close().await;
        }
    }

    /// The ticket, if it is fresh enough for another session.
    pub(super) fn fresh_ticket(&self, now: Duration) -> Option<Ticket> {
        self.ticket.clone().filter(|(_, since)| now.saturating_sub(*since) < TICKET_FOR)
    }

    pub(super) fn keep_ticket(&mut self, ticket: Ticket) {
        self.ticket = Some(ticket);
    }

    /// Forgets the ticket: it names the certificate it was given for.
    pub(super) fn drop_ticket(&mut self) {
        self.ticket = None;
    }
}

/// A session as the desk sees it.
#[derive(Debug)]
pub(super) struct Session {
    sender: LinkSender,
    pub(super) certificate: BrokerCertificate,
    pub(super) id: [u8; 32],
    pub(super) suite: Suite,
}

impl Session {
    pub(super) const fn new(
        sender: LinkSender,
        certificate: BrokerCertificate,
        id: [u8; 32],
        suite: Suite,
    ) -> Self {
        Self { sender, certificate, id, suite }
    }
}

/// The session has ended; why, for the user.
#[derive(Debug)]
pub(super) struct SessionLost {
    reason: String,
    cause: LossCause,
}

/// What a session was lost by, as far as the desk acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LossCause {
    /// The TSA says that the persona's certificate has expired.
    Expired,
    /// The broker was not reached.
    NotReached,
    /// Anything else.
    Other,
}

impl SessionLost {
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), cause: LossCause::Other }
    }

    /// Whether the TSA says that the persona's certificate has expired.
    pub(super) fn is_expiry(&self) -> bool {
        self.cause == LossCause::Expired
    }

    /// Whether the broker was reached, so that it may have refused the ticket: it says no more than that it ends.
    pub(super) fn may_be_the_tickets(&self) -> bool {
        self.cause != LossCause::NotReached
    }

    pub(super) fn into_reason(self) -> String {
        self.reason
    }
}

impl From<LinkError> for SessionLost {
    fn from(error: LinkError) -> Self {
        let cause = match &error {
            LinkError::Refused { code } if code == EXPIRED => LossCause::Expired,
            LinkError::Unreachable { .. } | LinkError::Distrusted { .. } | LinkError::Random => {
                LossCause::NotReached
            }
            _ => LossCause::Other,
        };
        Self { reason: format!("{}; {}", with_causes(&error), error.advice()), cause }
    }
}

/// Gets a ticket, unless one is fresh enough, and opens the link.
pub(super) async fn open_link(
    authority: TsaClient,
    options: Options,
    persona: Arc<SecretKey<Persona>>,
    certificate: Vec<u8>,
    fresh: Option<Ticket>,
) -> Result<(BrokerLink, Ticket), SessionLost> {
    let ticket = match fresh {
        Some(fresh) => fresh,
        None => {
            let (key, shown) = (Arc::clone(&persona), certificate.clone());
            let broker = options.broker.fingerprint;
            let asked = blocking(&options.host, move || authority.ticket(&key, &shown, broker));
            let ticket =
                asked.await.ok_or_else(|| SessionLost::because("asking for a ticket broke off"))?;
            let explain = |error: TsaError| match &error {
                TsaError::Refused(report) if report.code == EXPIRED => SessionLost {
                    reason: format!("{error} ({EXPIRED}); renew it with pregao enrol"),
                    cause: LossCause::Expired,
                },
                _ => SessionLost::because(format!("{}; {}", with_causes(&error), error.advice())),
            };
            (ticket.map_err(explain)?, options.host.clock.uptime())
        }
    };
    let identity = Identity { persona: &persona, certificate: &certificate, ticket: &ticket.0 };
    let link = connect(&options.broker, identity, &options.suites, options.reach()).await?;
    Ok((link, ticket))
}

/// Fetches tickets ahead, at random times, so that the TSA does not see when somebody connects.
/// Ends with the receiver.
pub(super) fn renew_tickets(
    host: Host,
    authority: TsaClient,
    persona: Arc<SecretKey<Persona>>,
    certificate: Vec<u8>,
    broker: Fingerprint,
) -> mpsc::Receiver<Ticket> {
    let (tickets, renewed) = mpsc::channel(1);
    host.clone().task(async move {
        loop {
            let pause = Duration::from_millis(60_000 + 500 * u64::from(random_byte(&host)));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = tickets.closed() => return,
            }
            let (authority, persona) = (authority.clone(), Arc::clone(&persona));
            let certificate = certificate.clone();
            let asked = blocking(&host, move || authority.ticket(&persona, &certificate, broker));
            // Without one, the next connection asks for it; the TSA may be down just now.
            if let Some(Ok(ticket)) = asked.await
                && tickets.send((ticket, host.clock.uptime())).await.is_err()
            {
                return;
            }
        }
    });
    renewed
}

/// For pauses that are to differ; without chance they are the shortest.
pub(super) fn random_byte(host: &Host) -> u8 {
    host.random().map_or(0, |[byte]| byte)
}
