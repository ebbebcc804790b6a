//! From a frame to a record on its way.

use pregao_protocol::wire::frame::FromBroker;
use pregao_protocol::wire::session::Padded;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;

use super::{Session, SessionEnd};

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Queues an answer to something that was under way.
    pub(super) async fn queue_answer(&mut self, frame: &FromBroker) -> Result<(), SessionEnd> {
        self.note_pass(frame)?;
        match frame {
            FromBroker::Stamped { n, .. }
            | FromBroker::Receipt { n, .. }
            | FromBroker::Held { n, .. }
            | FromBroker::Refused { n, .. }
            | FromBroker::BoxOpened { n, .. }
            | FromBroker::PeopleListed { n, .. }
            | FromBroker::Failed { n, .. }
            | FromBroker::Passes { n, .. }
            | FromBroker::PassHeld { n } => {
                if !self.under_way.answered(*n) {
                    return Ok(());
                }
            }
            FromBroker::Welcome { .. }
            | FromBroker::Tick { .. }
            | FromBroker::Effort { .. }
            | FromBroker::Lobby { .. }
            | FromBroker::Joined { .. }
            | FromBroker::Entries { .. }
            | FromBroker::Cosigned { .. }
            | FromBroker::Released { .. }
            | FromBroker::BlobKept { .. }
            | FromBroker::BlobFailed { .. }
            | FromBroker::Invited { .. }
            | FromBroker::DepositTold { .. }
            | FromBroker::PassRoom { .. }
            | FromBroker::Error { .. } => {}
        }
        let bytes = frame.encode().map_err(|error| SessionEnd::Violation(error.to_string()))?;
        let padded =
            Padded::new(&bytes).map_err(|error| SessionEnd::Violation(error.to_string()))?;
        let record = self.seal(&padded)?;
        self.socket.feed(record).await
    }

    pub(super) async fn send(&mut self, frame: &FromBroker) -> Result<(), SessionEnd> {
        let bytes = frame.encode().map_err(|error| SessionEnd::Violation(error.to_string()))?;
        self.send_encoded(&bytes).await
    }

    pub(super) async fn send_encoded(&mut self, frame: &[u8]) -> Result<(), SessionEnd> {
        let padded =
            Padded::new(frame).map_err(|error| SessionEnd::Violation(error.to_string()))?;
        self.send_padded(&padded).await
    }

    pub(super) async fn send_padded(&mut self, frame: &Padded) -> Result<(), SessionEnd> {
        let record = self.seal(frame)?;
        self.socket.send(record).await
    }

    pub(super) fn seal(&mut self, frame: &Padded) -> Result<Message, SessionEnd> {
        let record =
            self.sealer.seal(frame).map_err(|error| SessionEnd::Violation(error.to_string()))?;
        Ok(Message::binary(record))
    }
}
