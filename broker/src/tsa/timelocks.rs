//! Keys that the TSA keeps until an instant, asked for while rooms go on (SPEC 6.1).

use std::sync::Arc;

use pregao_protocol::host::Host;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::wire::tsa::{TimeLockAnswer, path};
use tokio::sync::oneshot;

use crate::host;
use crate::network::Network;

/// An answer on its way; none comes if the TSA does not give one.
pub type PendingLock = oneshot::Receiver<TimeLockAnswer>;

/// The way to the time-locks of the broker's TSA.
#[derive(Debug)]
pub struct TimeLocks {
    tsa: TsaAddress,
    network: Arc<dyn Network>,
    host: Host,
}

impl TimeLocks {
    /// Those of this TSA.
    #[must_use]
    pub fn new(tsa: TsaAddress, network: Arc<dyn Network>, host: Host) -> Self {
        Self { tsa, network, host }
    }

    /// Asks for the statement of an instant, in seconds since 1970, and for its secret if that is out. What comes is
    /// verified by the fold of the room that it is for.
    #[must_use]
    pub fn ask(&self, at: u64) -> PendingLock {
        let (tell, told) = oneshot::channel();
        let (tsa, network, host) = (self.tsa.clone(), Arc::clone(&self.network), self.host.clone());
        self.host.task(async move {
            let fetch = move || network.fetch(&tsa, &format!("{}?at={at}", path::TIMELOCK));
            let answer = match host::blocking(&host, fetch).await {
                Some(Ok(body)) => TimeLockAnswer::parse(&body).map_err(|error| error.to_string()),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("the request broke off".to_owned()),
            };
            match answer {
                // The room may have gone on without it.
                Ok(answer) => drop(tell.send(answer)),
                Err(error) => tracing::warn!(%error, at, "the TSA gave no time-lock; asked again"),
            }
        });
        told
    }
}
