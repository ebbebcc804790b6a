//! One peer's session: handshake, then frames in both directions, one task for each connection.
//!
//! - `handshake` from a socket to a session; `run` its loop; `requests` what a peer asks for; `rooms`
//!   what it watches; `send` what it gets
//! - `asked` what puzzle is asked for first; `under_way` and `behind` bound what one session costs, as a rate does; `socket` is under it
//! - `blobs` what it does with binary frames; `boxes` what guests ask about boxes; `passes` how they are taken and shown
//! - `context` what all sessions share; `heartbeat` what all send; `end` why one ends
//!
//! Nothing that a peer sends is acted upon before it was bounded, opened and parsed. What a peer
//! has under way is bounded too, so its answers can never fill memory.

mod asked;
mod behind;
mod blobs;
mod boxes;
pub mod context;
pub mod end;
mod handshake;
pub mod heartbeat;
mod passes;
mod requests;
mod rooms;
mod run;
mod send;
mod socket;
mod under_way;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pregao_protocol::log::RoomName;
use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::{Opener, Sealer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;

use crate::check::PersonaShown;
use crate::effort::Account;
use crate::fanout::Delivery;
use crate::rate_limiter::RateLimiter;
use crate::responder::Responder;
use crate::room::Answered;
use crate::tsa::stamps::PendingStamps;
use asked::Asked;
use behind::Behind;
use blobs::Lane;
use passes::OwnPass;
use socket::MessageSocket;
use under_way::UnderWay;

pub use context::{Limits, SessionContext};
pub use end::SessionEnd;

/// Serves one connection from its first message to its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    context: Arc<SessionContext>,
    stream: WebSocketStream<S>,
    address: Option<IpAddr>,
) {
    let mut socket = MessageSocket::new(stream);
    // Boxed: what a handshake needs is freed when it ends, not kept for the whole session.
    let worked = AtomicBool::new(false);
    let establishing = Box::pin(handshake::establish(&context, &mut socket, address, &worked));
    let establishing = tokio::time::timeout(context.limits.handshake, establishing);
    let established = match establishing.await {
        Ok(established) => established,
        Err(_) => Err(SessionEnd::HandshakeTimeout),
    };
    let established = match established {
        Ok(established) => established,
        Err(ended) => {
            context.shared.metrics.handshakes_failed.add(1);
            if !matches!(ended, SessionEnd::Stopping | SessionEnd::NoTime | SessionEnd::Unsolved) {
                let worked = worked.load(Ordering::Relaxed);
                context.shared.efforts.handshake_failed(address, worked);
            }
            tracing::debug!(%ended, "no session");
            socket.close().await;
            return;
        }
    };
    context.shared.metrics.sessions.add(1);
    let (personal, answers) = mpsc::unbounded_channel();
    let persona = established.persona.map(|shown| shown.key.fingerprint());
    if let Some(persona) = persona {
        let invitations = context.shared.presence.register(persona, personal.clone());
        for (auction, room) in invitations {
            // The queue's end is in this function.
            let _ = personal.send(FromBroker::Invited { auction, room });
        }
    }
    let account = match persona {
        Some(persona) => context.shared.efforts.account(persona, address),
        None => context.shared.efforts.account_of_guest(established.id, address),
    };
    let (queue, deliveries) = mpsc::channel(crate::fanout::QUEUE);
    let (frames, framed) = mpsc::unbounded_channel();
    let (stamping, asked) = mpsc::unbounded_channel();
    context.shared.host.task(requests::answer_stamps(asked));
    let mut session = Session {
        number: context.begun.fetch_add(1, Ordering::Relaxed),
        lobby: None,
        watched: BTreeMap::new(),
        behind: Behind::default(),
        under_way: UnderWay::at_most(context.limits.under_way),
        asked: Asked::default(),
        account: Arc::new(account),
        rate_limiter: RateLimiter::new(context.limits.rate, context.limits.burst, context.uptime()),
        persona: established.persona,
        id: established.id,
        sealer: established.sealer,
        opener: established.opener,
        personal: personal.clone(),
        queue,
        stamping,
        lane: None,
        pass: OwnPass::default(),
        keys_asked: 0,
        awaits_pass_room: established.awaits_pass_room,
        frames,
        context: Arc::clone(&context),
        socket,
    };
    let ended = session.run(established.first, (answers, framed), deliveries).await;
    tracing::debug!(%ended, "session ended");
    if matches!(ended, SessionEnd::Unsolved) {
        // Who comes again is asked for work before that.
        context.shared.efforts.handshake_failed(address, false);
    }
    if let Some(persona) = persona {
        context.shared.presence.unregister(persona, &personal);
    }
    session.unwatch_all();
    context.shared.owners.forget(session.number);
    session.socket.close().await;
    context.shared.metrics.sessions.decrease();
}

/// An established session.
pub(crate) struct Session<S> {
    number: u64,
    context: Arc<SessionContext>,
    socket: MessageSocket<S>,
    /// Who it is; nothing of a guest.
    persona: Option<PersonaShown>,
    id: [u8; 32],
    sealer: Sealer,
    opener: Opener,
    /// How much of the list of rooms the peer has, if it wants it.
    lobby: Option<usize>,
    watched: BTreeMap<RoomName, Watched>,
    /// Rooms to catch up with, whenever nothing else is to be done.
    behind: Behind,
    /// Requests without an answer so far, oldest first.
    under_way: UnderWay,
    rate_limiter: RateLimiter,
    /// What is asked for before anything is looked at.
    asked: Asked,
    /// What the session costs.
    account: Arc<Account>,
    personal: mpsc::UnboundedSender<FromBroker>,
    queue: mpsc::Sender<Arc<Delivery>>,
    /// Requests for stamps under way, in the order asked. Bounded by what may be under way.
    stamping: mpsc::UnboundedSender<(Responder, PendingStamps)>,
    /// Answers that are no JSON. Bounded by what may be under way.
    frames: mpsc::UnboundedSender<Answered>,
    /// Where blobs are carried, once there are some.
    lane: Option<Lane>,
    /// The pass that a guest has shown.
    pass: OwnPass,
    /// How often a guest asked for keys of a box.
    keys_asked: u32,
    /// The room of the keys of passes was not there as the session began (V-357).
    awaits_pass_room: bool,
}

/// How far one room was delivered.
struct Watched {
    next: u64,
    lagging: Arc<AtomicBool>,
}

#[cfg(test)]
mod tests;
