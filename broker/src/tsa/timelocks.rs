//! Keys that TSAs keep until an instant, asked for while rooms go on (SPEC 6.1): those of the broker's own TSA, and of the
//! further ones that it offers to sellers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::Mutex;
use pregao_protocol::host::Host;
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::{PublicKey, StampKey};
use pregao_protocol::wire::tsa::{TimeLockAnswer, path};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use crate::host;
use crate::network::Network;

/// Most requests to one TSA at a time. Each holds a thread until it is answered, for some seconds by a TSA that says
/// nothing; those of other instants wait without one.
const REQUESTS: usize = 4;

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

/// What a TSA is asked for, and how it has answered.
#[derive(Debug)]
struct Standing {
    /// Since when it has not given what it was asked for, and what it did instead.
    failed: Mutex<Option<(Instant, String)>>,
    /// Who waits for the answer about each instant that it is asked for: one request serves all.
    waiting: Mutex<BTreeMap<u64, Vec<oneshot::Sender<TimeLockAnswer>>>>,
    requests: Semaphore,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            failed: Mutex::default(),
            waiting: Mutex::default(),
            requests: Semaphore::new(REQUESTS),
        }
    }
}

impl Standing {
    fn failed(&self, why: String) {
        let mut failed = self.failed.lock();
        let since = failed.take().map_or_else(Instant::now, |(since, _)| since);
        *failed = Some((since, why));
    }

    /// Has somebody wait for the answer about an instant; whether it is still to be asked for.
    fn wait_for(&self, at: u64, tell: oneshot::Sender<TimeLockAnswer>) -> bool {
        let mut waiting = self.waiting.lock();
        let waiters = waiting.entry(at).or_default();
        waiters.push(tell);
        waiters.len() == 1
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
        if !standing.wait_for(at, tell) {
            return told;
        }
        let (address, standing) = (tsa.address.clone(), Arc::clone(standing));
        let (network, host) = (Arc::clone(&self.network), self.host.clone());
        self.host.task(async move {
            let url = address.url.clone();
            // It is never closed.
            let _request = standing.requests.acquire().await;
            let fetch = move || network.fetch(&address, &format!("{}?at={at}", path::TIMELOCK));
            let answer = match host::blocking(&host, fetch).await {
                Some(Ok(body)) => TimeLockAnswer::parse(&body).map_err(|error| error.to_string()),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("the request broke off".to_owned()),
            };
            let waiters = standing.waiting.lock().remove(&at).unwrap_or_default();
            match answer {
                // A room may have gone on without it.
                Ok(answer) => waiters.into_iter().for_each(|tell| drop(tell.send(answer.clone()))),
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
            *standing.failed.lock() = None;
        }
    }

    /// What those who run the broker are to know, one a line; empty while every TSA gives what it is asked for.
    #[must_use]
    pub fn missing(&self) -> String {
        let mut text = String::new();
        for (tsa, standing) in &self.tsas {
            if let Some((since, why)) = &*standing.failed.lock() {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pregao_protocol::trust::key::SecretKey;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;
    use crate::fixture::{Line, Machine, Tsa};
    use crate::network::{Asking, Dialing, FetchError};

    /// The way to a TSA that counts what is asked.
    #[derive(Debug)]
    struct Counted(Line, Mutex<Vec<String>>);

    impl Network for Counted {
        fn dial(&self, host: &str, port: u16) -> Dialing {
            self.0.dial(host, port)
        }

        fn fetch(&self, tsa: &TsaAddress, path: &str) -> Result<Vec<u8>, FetchError> {
            self.1.lock().push(path.to_owned());
            self.0.fetch(tsa, path)
        }

        fn post(&self, url: &str, content: &'static str, body: Vec<u8>) -> Asking {
            self.0.post(url, content, body)
        }
    }

    const SLOW: Duration = Duration::from_secs(5);

    fn locks() -> (TimeLocks, Arc<Counted>, Arc<Tsa>, PublicKey<StampKey>) {
        let machine = Machine::start(1);
        machine.slow_disk(SLOW);
        let tsa = Tsa::new(1);
        let network = Arc::new(Counted(Line(Arc::clone(&tsa)), Mutex::default()));
        let stamp = tsa.stamp.public();
        let known = LockTsa { address: tsa.address(), stamp };
        let locks = TimeLocks::new(vec![known], Vec::new(), network.clone(), machine.host());
        (locks, network, tsa, stamp)
    }

    async fn answered() {
        tokio::time::sleep(SLOW + Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn rooms_that_ask_about_one_instant_share_one_request() {
        let (locks, network, _tsa, stamp) = locks();
        let told: Vec<_> = (0..3).map(|_| locks.ask(&stamp, 1_900_000_000)).collect();
        answered().await;
        let answers: Vec<_> = told.into_iter().map(|mut told| told.try_recv().unwrap()).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(network.1.lock().len(), 1);

        let mut again = locks.ask(&stamp, 1_900_000_000);
        answered().await;
        assert!(again.try_recv().is_ok());
        assert_eq!(
            network.1.lock().len(),
            2,
            "an answer serves those who waited for it, and nobody later"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_tsa_that_says_nothing_holds_four_threads_and_fails_all_who_wait() {
        let (locks, network, tsa, stamp) = locks();
        tsa.conduct(|conduct| conduct.reachable = false);
        let mut told: Vec<_> = (0..6).map(|at| locks.ask(&stamp, 1_900_000_000 + at)).collect();
        told.push(locks.ask(&stamp, 1_900_000_000));
        answered().await;
        assert_eq!(network.1.lock().len(), REQUESTS);
        let waits = |told: &mut PendingLock| told.try_recv() == Err(TryRecvError::Empty);
        let states: Vec<_> = told.iter_mut().map(waits).collect();
        assert_eq!(states, [false, false, false, false, true, true, false]);
        answered().await;
        assert_eq!(network.1.lock().len(), 6);
        assert!(!told.iter_mut().any(waits));
        assert!(locks.missing().starts_with("timelock.missing: "), "{}", locks.missing());
    }

    #[tokio::test(start_paused = true)]
    async fn a_tsa_that_nobody_named_is_not_asked() {
        let (locks, network, _tsa, _stamp) = locks();
        let stranger = SecretKey::from_seed(&[9; 32]).public();
        let mut told = locks.ask(&stranger, 1_900_000_000);
        answered().await;
        assert_eq!(told.try_recv(), Err(TryRecvError::Closed));
        assert!(network.1.lock().is_empty());
    }
}
