//! From a WebSocket to a session: negotiation, Noise, and who the persona is.

use std::time::Duration;

use futures_util::SinkExt as _;
use pregao_protocol::certificate::ticket::{TicketParties, verify_ticket};
use pregao_protocol::certificate::verify_persona_certificate;
use pregao_protocol::clock::Time;
use pregao_protocol::key::{Persona, PublicKey};
use pregao_protocol::room::Code;
use pregao_protocol::session::{BrokerCredentials, ExpectHello, Opener, Padded, Sealer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;

use super::{Ended, Hall, Wire};

/// How long a handshake waits for the first batch of the TSA; a batch comes every second.
const FIRST_BATCH_WITHIN: Duration = Duration::from_secs(3);

/// An established session and its first frame.
pub(super) struct Greeted {
    pub(super) persona: PublicKey<Persona>,
    pub(super) id: [u8; 32],
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    pub(super) first: Vec<u8>,
}

/// Runs the handshake (SPEC 10.2). The session exists once the peer's first record was opened.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    hall: &Hall,
    wire: &mut Wire<S>,
) -> Result<Greeted, Ended> {
    let house = &hall.house;
    let broken = |error: pregao_protocol::session::SessionError| Ended::Violation(chain(&error));
    let certificate = house.certificate.sign(&house.keys.session);
    let credentials = BrokerCredentials::new(&certificate).map_err(broken)?;
    let seed = house.host.random()?;

    let hello = wire.receive().await?;
    if !told_the_time(hall).await {
        let reason = format!(r#"{{"code":"{}"}}"#, Code::TsaDown).into_bytes();
        wire.send(Message::binary(reason)).await?;
        return Err(Ended::NoTime);
    }
    let expect = ExpectHello::new(hall.suites.clone(), seed);
    let (expect, choice) = match expect.handle(&hello) {
        Ok(next) => next,
        Err(error) => {
            // The one thing a peer is told: it can offer other suites or be updated.
            let reason = format!(r#"{{"code":"{}"}}"#, error.public_code());
            wire.socket.send(Message::binary(reason.into_bytes())).await?;
            return Err(broken(error));
        }
    };
    wire.send(Message::binary(choice)).await?;
    let message = wire.receive().await?;
    let sign = |bytes: &[u8]| house.keys.session.sign(bytes);
    let (expect, message) = expect.handle(&message, &credentials, sign).map_err(broken)?;
    wire.send(Message::binary(message)).await?;
    let message = wire.receive().await?;
    let handled =
        expect.handle(&message, |certificate, ticket| authenticate(hall, certificate, ticket));
    let (mut unconfirmed, persona) = match handled {
        Ok(next) => next,
        Err(error) => {
            let reason = format!(r#"{{"code":"{}"}}"#, error.public_code());
            wire.socket.send(Message::binary(reason.into_bytes())).await?;
            return Err(broken(error));
        }
    };
    // Of a TSA that is away the last word is no time: the peer would count down from it.
    let newest = house.stamps.newest().ok();
    let batch = newest.map(|newest| newest.batch.compact().to_owned()).unwrap_or_default();
    let super::Limits { rate, burst, .. } = hall.limits;
    let welcome = pregao_protocol::frame::FromBroker::Welcome { batch, rate, burst };
    let welcome = welcome.encode().map_err(|error| Ended::Violation(error.to_string()))?;
    let welcome = unconfirmed.seal(&Padded::new(&welcome).map_err(broken)?).map_err(broken)?;
    wire.send(Message::binary(welcome)).await?;
    let record = wire.receive().await?;
    let (session, first) = unconfirmed.open(&record).map_err(broken)?;
    let id = session.id().0;
    let (sealer, opener) = session.split();
    Ok(Greeted { persona, id, sealer, opener, first })
}

/// An error with its causes: operators see whether a ticket was expired or for another broker.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Certificates are judged by TSA time. A broker that has just started waits for the first batch
/// instead of sending everybody away.
async fn told_the_time(hall: &Hall) -> bool {
    let mut newest = hall.house.stamps.watch();
    let first = tokio::time::timeout(FIRST_BATCH_WITHIN, newest.wait_for(Option::is_some));
    matches!(first.await, Ok(Ok(_)))
}

type Reason = Box<dyn std::error::Error + Send + Sync>;

/// Certificate by an accepted CA, ticket for this broker, both for one persona (V-005 to V-009).
fn authenticate(
    hall: &Hall,
    certificate: &[u8],
    ticket: &str,
) -> Result<PublicKey<Persona>, Reason> {
    let now: Time =
        hall.house.stamps.last().ok_or("no TSA time yet: certificates cannot be judged")?.now();
    let persona = verify_persona_certificate(certificate, &hall.tsa.authority, now)?;
    let parties = TicketParties {
        authority: hall.tsa.authority.fingerprint(),
        audience: hall.house.fingerprint(),
        persona: persona.key.fingerprint(),
        certificate,
    };
    verify_ticket(ticket, &hall.tsa.ticket, &parties, now)?;
    Ok(persona.key)
}

#[cfg(test)]
mod tests;
