//! From a WebSocket to a session: negotiation, Noise, and who the persona is.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pregao_protocol::room::Code;
use pregao_protocol::trust::certificate::ticket::{TicketParties, verify_ticket};
use pregao_protocol::trust::certificate::verify_persona_certificate;
use pregao_protocol::value::clock::Time;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::{
    BrokerCredentials, Challenge, ExpectHello, Initiated, Opener, Padded, Sealer,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;

use super::{MessageSocket, SessionContext, SessionEnd};
use crate::check::PersonaShown;

/// How long a handshake waits for the first batch of the TSA; a batch comes every second.
const FIRST_BATCH_WITHIN: Duration = Duration::from_secs(3);

/// An established session and its first frame.
pub(super) struct Established {
    /// Who they are; nothing of a guest.
    pub(super) persona: Option<PersonaShown>,
    pub(super) id: [u8; 32],
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    pub(super) first: Vec<u8>,
    /// There are passes, and the room of their keys could not be named yet.
    pub(super) awaits_pass_room: bool,
}

/// Runs the handshake (SPEC 10.2). The session exists once the peer's first record was opened. `worked` tells whether it
/// cost the broker more than an answer.
pub(super) async fn establish<S: AsyncRead + AsyncWrite + Unpin>(
    context: &SessionContext,
    socket: &mut MessageSocket<S>,
    address: Option<IpAddr>,
    worked: &AtomicBool,
) -> Result<Established, SessionEnd> {
    let shared = &context.shared;
    let broken =
        |error: pregao_protocol::wire::session::SessionError| SessionEnd::Violation(chain(&error));
    let certificate = shared.certificate.sign(&shared.keys.session);
    let credentials = BrokerCredentials::new(&certificate).map_err(broken)?;
    let seed = shared.host.random()?;

    let hello = socket.receive().await?;
    if !wait_for_time(context).await {
        let reason = format!(r#"{{"code":"{}"}}"#, Code::TsaDown).into_bytes();
        socket.send(Message::binary(reason)).await?;
        return Err(SessionEnd::NoTime);
    }
    let mut expect = ExpectHello::new(context.suites.clone(), seed);
    if let Some(challenge) = challenge(context, address)? {
        expect = expect.asking(challenge);
    }
    let (expect, choice) = match expect.handle(&hello) {
        Ok(next) => next,
        Err(error) => {
            // The one thing a peer is told: it can offer other suites or be updated.
            let reason = format!(r#"{{"code":"{}"}}"#, error.public_code());
            socket.send(Message::binary(reason.into_bytes())).await?;
            return Err(broken(error));
        }
    };
    socket.send(Message::binary(choice)).await?;
    let mut expect = expect;
    if expect.expects_solution()
        && let Err(error) = expect.take_solution(&socket.receive().await?)
    {
        shared.metrics.handshakes_unsolved.add(1);
        let reason = format!(r#"{{"code":"{}"}}"#, error.public_code());
        socket.send(Message::binary(reason.into_bytes())).await?;
        return Err(SessionEnd::Unsolved);
    }
    let message = socket.receive().await?;
    worked.store(true, Ordering::Relaxed);
    shared.efforts.handshake_works();
    let sign = |bytes: &[u8]| shared.keys.session.sign(bytes);
    let (expect, message) = expect.handle(&message, &credentials, sign).map_err(broken)?;
    socket.send(Message::binary(message)).await?;
    let message = socket.receive().await?;
    let mut issuer = None;
    let handled = expect.handle(&message, |certificate, ticket| {
        let shown = authenticate(context, certificate, ticket)?;
        issuer = shown.issuer;
        Ok::<_, Reason>(shown.key)
    });
    let (mut unconfirmed, initiated) = match handled {
        Ok(next) => next,
        Err(error) => {
            let reason = format!(r#"{{"code":"{}"}}"#, error.public_code());
            socket.send(Message::binary(reason.into_bytes())).await?;
            return Err(broken(error));
        }
    };
    let persona = match initiated {
        Initiated::Persona(key) => Some(PersonaShown { key, issuer }),
        Initiated::Guest if context.limits.guests => None,
        Initiated::Guest => {
            let reason = format!(r#"{{"code":"{}"}}"#, Code::DoorSession).into_bytes();
            socket.send(Message::binary(reason)).await?;
            return Err(SessionEnd::NoGuests);
        }
    };
    // Of a TSA that is away the last word is no time: the peer would count down from it.
    let newest = shared.stamps.newest().ok();
    let batch = newest.map(|newest| newest.batch.compact().to_owned()).unwrap_or_default();
    let super::Limits { rate, burst, .. } = context.limits;
    let passes = shared.passes.offered();
    let awaits_pass_room = passes.is_some_and(|offered| offered.room.is_none());
    let welcome = FromBroker::Welcome { batch, rate, burst, passes };
    let welcome = welcome.encode().map_err(|error| SessionEnd::Violation(error.to_string()))?;
    let welcome = unconfirmed.seal(&Padded::new(&welcome).map_err(broken)?).map_err(broken)?;
    socket.send(Message::binary(welcome)).await?;
    let record = socket.receive().await?;
    let (session, first) = unconfirmed.open(&record).map_err(broken)?;
    let id = session.id().0;
    let (sealer, opener) = session.split();
    Ok(Established { persona, id, sealer, opener, first, awaits_pass_room })
}

/// What is to be solved before message 1 is read, under load (V-195).
fn challenge(
    context: &SessionContext,
    address: Option<IpAddr>,
) -> Result<Option<Challenge>, SessionEnd> {
    let shared = &context.shared;
    let effort = shared.efforts.begin_handshake(address);
    let Some(newest) = shared.stamps.last().filter(|_| !effort.is_none()) else { return Ok(None) };
    let (broker, header) = (shared.fingerprint(), newest.batch.hash());
    Ok(Some(Challenge { broker, effort, header, nonce: shared.host.random()? }))
}

/// An error with its causes: operators see whether a ticket was expired or for another broker.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Certificates are judged by TSA time. A broker that has just started waits for the first batch
/// instead of sending everybody away.
async fn wait_for_time(context: &SessionContext) -> bool {
    let mut newest = context.shared.stamps.watch();
    let first = tokio::time::timeout(FIRST_BATCH_WITHIN, newest.wait_for(Option::is_some));
    matches!(first.await, Ok(Ok(_)))
}

type Reason = Box<dyn std::error::Error + Send + Sync>;

/// Certificate by an accepted CA, ticket for this broker, both for one persona (V-005 to V-009).
fn authenticate(
    context: &SessionContext,
    certificate: &[u8],
    ticket: &str,
) -> Result<PersonaShown, Reason> {
    let now: Time =
        context.shared.stamps.last().ok_or("no TSA time yet: certificates cannot be judged")?.now();
    let persona = verify_persona_certificate(certificate, &context.tsa.authority, now)?;
    let parties = TicketParties {
        authority: context.tsa.authority.fingerprint(),
        audience: context.shared.fingerprint(),
        persona: persona.key.fingerprint(),
        certificate,
    };
    verify_ticket(ticket, &context.tsa.ticket, &parties, now)?;
    Ok(persona.into())
}

#[cfg(test)]
mod tests;
