//! What every session of one broker needs, and what each may use.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pregao_protocol::trust::jwks::TsaKeys;
use pregao_protocol::wire::puzzle::Effort;
use pregao_protocol::wire::session::Ranking;
use tokio::sync::watch;

use super::heartbeat::Heartbeat;
use crate::blobs::Permission;
use crate::registry::Registry;
use crate::shared::Shared;

/// What every session of one broker needs.
#[derive(Debug)]
pub struct SessionContext {
    /// Everything shared.
    pub shared: Arc<Shared>,
    /// The rooms.
    pub registry: Arc<Registry>,
    /// Verifies personas and tickets.
    pub tsa: TsaKeys,
    /// Suites accepted, in order.
    pub suites: Ranking,
    /// Who may put and get blobs.
    pub permission: Arc<dyn Permission>,
    /// Limits.
    pub limits: Limits,
    /// What every session sends at least once a second.
    pub heartbeats: watch::Receiver<Heartbeat>,
    /// Turns true when the broker stops.
    pub stopping: watch::Receiver<bool>,
    /// How many sessions there were: what numbers them.
    pub begun: AtomicU64,
}

impl SessionContext {
    /// Time that only grows, asleep and awake.
    pub(super) fn uptime(&self) -> Duration {
        self.shared.host.clock.uptime()
    }
}

/// What one connection may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time from connecting to an established session.
    pub handshake: Duration,
    /// Silence after which a connection is ended; peers answer pings.
    pub idle: Duration,
    /// Longest life of a session; then the peer makes a new handshake.
    pub lifetime: Duration,
    /// Frames per second that one session may send on average.
    pub rate: u32,
    /// Frames that it may send at once.
    pub burst: u32,
    /// Requests that it may have under way.
    pub under_way: usize,
    /// Rooms that it may watch.
    pub rooms: usize,
    /// Most work that is ever asked for before something is done; none switches puzzles off.
    pub max_effort: Effort,
    /// Whether sessions of guests are taken, who do not say who they are (V-284).
    pub guests: bool,
}

/// Returns once the flag is true, or its owner is gone.
pub(crate) async fn stopped(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|stopped| *stopped).await;
}
