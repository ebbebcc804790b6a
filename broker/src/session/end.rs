//! Why a session ends, and what of that the peer is told.

use pregao_protocol::host::NoRandomness;
use pregao_protocol::room::ErrorCode;
use tokio_tungstenite::tungstenite::Error as WsError;

use super::socket::WRITE_WITHIN;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionEnd {
    /// The peer closed it.
    #[error("closed by the peer")]
    Closed,
    /// The socket failed.
    #[error(transparent)]
    Socket(#[from] WsError),
    /// The peer took nothing of what was written.
    #[error("a message could not be written within {WRITE_WITHIN:?}")]
    WriteTimeout,
    /// The peer did not establish a session in time.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// Nothing came from the peer for too long.
    #[error("nothing was heard for too long")]
    Idle,
    /// The peer broke the protocol.
    #[error("protocol violation: {0}")]
    Violation(String),
    /// The session is as old as it may get.
    #[error("as old as a session may get")]
    Expired,
    /// Submission after submission came without the solution that was asked for (V-197).
    #[error("the puzzles that were asked for were not solved")]
    Unsolved,
    /// The broker stops.
    #[error("the broker stops")]
    Stopping,
    /// A guest, where none are taken.
    #[error("a guest, and this broker takes none")]
    NoGuests,
    /// There is no TSA time to judge certificates by.
    #[error("no TSA time yet")]
    NoTime,
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl SessionEnd {
    /// What the peer is told, if it still listens.
    pub(super) const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Expired => Some(ErrorCode::SessionExpired),
            Self::Idle => Some(ErrorCode::SessionIdle),
            Self::Unsolved => Some(ErrorCode::SessionUnsolved),
            Self::Stopping => Some(ErrorCode::BrokerStopping),
            Self::Closed
            | Self::Socket(_)
            | Self::WriteTimeout
            | Self::HandshakeTimeout
            | Self::Violation(_)
            | Self::NoGuests
            | Self::NoTime
            | Self::NoRandomness(_) => None,
        }
    }
}
