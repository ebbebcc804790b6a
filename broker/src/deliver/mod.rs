//! What authors left with a witness because this broker did not answer them: fetched, decided like
//! anything that is handed in, and answered under signature (SPEC 7.7).
//!
//! A task for each witness. It asks again only once it has answered what it was offered: a witness counts
//! for how long a broker asks and does not answer, so whoever cannot decide does not ask meanwhile.

mod decide;

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::trust::key::{Authority, PublicKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::delivery::{
    AnswerDelivery, Delivery, DeliveryAnswer, FetchDelivery, Fetched, Nonce, Poll,
};
use pregao_protocol::wire::tsa::{TsaRequest, content};

use self::decide::Decider;
use crate::network::Network;
use crate::registry::Registry;
use crate::shared::Shared;
use crate::witness::WitnessAddress;

/// Pause between two questions.
const POLL_EVERY: Duration = Duration::from_secs(3);
/// Pause before something that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long a witness has for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Starts a task for each witness.
pub(crate) fn start(
    shared: &Arc<Shared>,
    registry: &Arc<Registry>,
    authority: PublicKey<Authority>,
    network: &Arc<dyn Network>,
) {
    let host: &Host = &shared.host;
    for address in &shared.witnesses.council.witnesses {
        let decider = Decider::new(Arc::clone(shared), Arc::clone(registry), authority);
        let (address, network) = (address.clone(), Arc::clone(network));
        let fetcher = Fetcher { address, shared: Arc::clone(shared), network, decider };
        host.task(fetcher.run());
    }
}

/// The task of one witness.
struct Fetcher {
    address: WitnessAddress,
    shared: Arc<Shared>,
    network: Arc<dyn Network>,
    decider: Decider,
}

impl Fetcher {
    /// Asks until the broker ends.
    async fn run(mut self) {
        let mut nonce = Digest([0; 32]);
        loop {
            match self.fetch(nonce).await {
                Ok(Fetched { nonce: next, delivery: Some(delivery) }) => {
                    nonce = next;
                    self.settle(delivery).await;
                }
                Ok(Fetched { nonce: next, delivery: None }) => {
                    nonce = next;
                    tokio::time::sleep(POLL_EVERY).await;
                }
                Err(reason) => {
                    let witness = &self.address.witness.name;
                    tracing::debug!(%witness, reason, "a witness was not asked for deliveries");
                    tokio::time::sleep(POLL_EVERY).await;
                }
            }
        }
    }

    async fn fetch(&self, nonce: Nonce) -> Result<Fetched, String> {
        let (witness, broker) = (self.address.witness.key, self.shared.fingerprint());
        let poll = Poll { witness, broker, nonce }.sign(&self.shared.keys.entry);
        self.post(&FetchDelivery { poll }).await
    }

    /// Decides about a delivery and passes the answer on, however long that takes.
    async fn settle(&mut self, delivery: Delivery) {
        let (broker, id) = (self.shared.fingerprint(), delivery.id());
        if delivery.broker != broker {
            // A witness that offers what is another's has nothing for this broker.
            return tokio::time::sleep(POLL_EVERY).await;
        }
        let answer = loop {
            match self.decider.decide(&delivery).await {
                Some(answer) => break answer,
                None => tokio::time::sleep(AGAIN_AFTER).await,
            }
        };
        self.shared.metrics.delivered.add(1);
        let kind = match &answer {
            DeliveryAnswer::Receipt(_) => "receipt",
            DeliveryAnswer::Refusal(_) => "refusal",
            DeliveryAnswer::Unreadable(_) => "unreadable",
        };
        tracing::info!(kind, "answered what an author had left with a witness");
        let request = AnswerDelivery { delivery: id, answer };
        // What the witness does not take it will not take later either, and offers again.
        if let Err(reason) = self.post(&request).await {
            let witness = &self.address.witness.name;
            tracing::warn!(%witness, reason, "a witness did not take an answer; tried again");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn post<R: TsaRequest>(&self, request: &R) -> Result<R::Answer, String> {
        let url = format!("{}{}", self.address.url, R::PATH);
        let answer = self.network.post(&url, content::JSON, request.encode());
        let answer = match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(answer) => answer.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("no answer within {ANSWER_WITHIN:?}")),
        };
        if !(200..300).contains(&answer.status) {
            return Err(format!("status {}", answer.status));
        }
        R::parse_answer(&answer.body).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests;
