//! Keys that TSAs keep until an instant, asked for while rooms go on (SPEC 6.1): those of the broker's own TSA, and of the
//! further ones that it offers to sellers.

use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::Mutex;
use pregao_protocol::host::Host;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::wire::tsa::{TimeLockAnswer, path};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::host;
use crate::network::Network;

/// An answer on its way; none comes if the TSA does not give one.
pub type PendingLock = oneshot::Receiver<TimeLockAnswer>;

/// A TSA that can lock bids: where it is asked, and by which key it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockTsa {
    /// Where it is.
    pub address: TsaAddress,
    /// What signs its statements.
    pub stamp: PublicKey<StampKey>,
}

/// The way to the time-locks of the TSAs that the broker knows.
#[derive(Debug)]
pub struct TimeLocks {
    tsas: Vec<(LockTsa, Arc<Standing>)>,
    /// Those that could not be asked who they are.
    unknown: Vec<TsaAddress>,
    network: Arc<dyn Network>,
    host: Host,
}

/// Since when a TSA has not given what it was asked for, and what it did instead.
#[derive(Debug, Default)]
struct Standing(Mutex<Option<(Instant, String)>>);

impl Standing {
    fn failed(&self, why: String) {
        let mut failed = self.0.lock();
        let since = failed.take().map_or_else(Instant::now, |(since, _)| since);
        *failed = Some((since, why));
    }
}

impl TimeLocks {
    /// Those of these TSAs. What is asked about `unknown` ones, which nobody heard of yet, is not answered.
    #[must_use]
    pub fn new(
        tsas: Vec<LockTsa>,
        unknown: Vec<TsaAddress>,
        network: Arc<dyn Network>,
        host: Host,
    ) -> Self {
        let tsas = tsas.into_iter().map(|tsa| (tsa, Arc::default())).collect();
        Self { tsas, unknown, network, host }
    }

    fn find(&self, stamp: &PublicKey<StampKey>) -> Option<&(LockTsa, Arc<Standing>)> {
        self.tsas.iter().find(|(tsa, _)| tsa.stamp == *stamp)
    }

    /// Asks a TSA for the statement of an instant, in seconds since 1970, and for its secret if that is out. What comes is
    /// not verified.
    #[must_use]
    pub fn ask(&self, stamp: &PublicKey<StampKey>, at: u64) -> PendingLock {
        let (tell, told) = oneshot::channel();
        let Some((tsa, standing)) = self.find(stamp) else {
            let tsa = stamp.fingerprint();
            tracing::error!(%tsa, at, "bids are locked by a TSA that this broker was not told of: name it again with --lock-tsa, or its part stays locked");
            return told;
        };
        let (address, standing) = (tsa.address.clone(), Arc::clone(standing));
        let (network, host) = (Arc::clone(&self.network), self.host.clone());
        self.host.task(async move {
            let url = address.url.clone();
            let fetch = move || network.fetch(&address, &format!("{}?at={at}", path::TIMELOCK));
            let answer = match host::blocking(&host, fetch).await {
                Some(Ok(body)) => TimeLockAnswer::parse(&body).map_err(|error| error.to_string()),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("the request broke off".to_owned()),
            };
            match answer {
                // The room may have gone on without it.
                Ok(answer) => drop(tell.send(answer)),
                Err(error) => {
                    tracing::warn!(%error, at, %url, "the TSA gave no time-lock; asked again");
                    standing.failed(error);
                }
            }
        });
        told
    }

    /// A TSA answered, and not what it was asked for.
    pub(crate) fn answered_wrongly(&self, stamp: &PublicKey<StampKey>, at: u64, why: &str) {
        let Some((tsa, standing)) = self.find(stamp) else { return };
        tracing::warn!(url = %tsa.address.url, at, why, "the TSA gave no time-lock; asked again");
        standing.failed(why.to_owned());
    }

    /// A TSA gave what it was asked for.
    pub(crate) fn gave(&self, stamp: &PublicKey<StampKey>) {
        if let Some((_, standing)) = self.find(stamp) {
            *standing.0.lock() = None;
        }
    }

    /// What those who run the broker are to know, one a line; empty while every TSA gives what it is asked for.
    #[must_use]
    pub fn missing(&self) -> String {
        let mut text = String::new();
        for (tsa, standing) in &self.tsas {
            if let Some((since, why)) = &*standing.0.lock() {
                let (url, since) = (&tsa.address.url, since.elapsed().as_secs());
                let why = why.lines().next().unwrap_or_default();
                let _ =
                    writeln!(text, "timelock.missing: {url} has given none for {since} s: {why}");
            }
        }
        for TsaAddress { url, .. } in &self.unknown {
            let _ = writeln!(
                text,
                "timelock.unknown: {url} said at the start of the broker not who it is, and is not offered to sellers until the next"
            );
        }
        text
    }
}
