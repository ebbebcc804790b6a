//! The task that takes one action to the witnesses and waits for what comes of it.

use std::time::Duration;

use pregao_protocol::audit::delivered::answers;
use pregao_protocol::host::Host;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::BrokerKeys;
use pregao_protocol::trust::key::{Fingerprint, PublicKey, WitnessKey};
use pregao_protocol::trust::seal::{SealError, SealPublic};
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::delivery::{
    Credentials, Delivery, DeliveryAnswer, DeliveryState, Unanswered,
};
use tokio::sync::{mpsc, oneshot};

use crate::host::blocking;
use crate::net::tsa::{TsaClient, TsaError};

/// Pause between two questions about a delivery.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// How often is asked: for longer than a witness waits before it says that there is no answer.
const ASKED: u32 = 50;

/// An action, sealed, with what it was sealed with: what others need for seeing that it was.
#[derive(Debug, Clone)]
pub(in crate::desk) struct Sealed {
    pub(super) delivery: Delivery,
    pub(super) author: Vec<u8>,
    pub(super) credentials: Credentials,
    /// Of the outer and of the inner layer.
    pub(super) seeds: [Digest; 2],
}

/// What came of a delivery at one witness.
#[derive(Debug)]
pub(in crate::desk) enum News {
    /// It could not be made.
    NotSealed(String),
    /// It was sealed, and is left with witnesses once its stamp is noted.
    Sealed(Box<Sealed>, oneshot::Sender<()>),
    /// A witness took it.
    Left(String),
    /// A witness did not take it.
    NotLeft(String, String),
    /// What a witness says is no answer of the broker, and no word of a named witness about this delivery.
    Lies(String),
    /// The broker answered.
    Answered(DeliveryAnswer),
    /// A witness says that the broker does not answer.
    Unanswered(String),
    /// That is all: whether a witness has it, and whether the broker asked for it.
    End(LastSeen),
}

/// How a delivery stood when it was asked about last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::desk) enum LastSeen {
    /// No witness took it.
    Nowhere,
    /// None of those who took it said what came of it.
    Unheard,
    /// The broker does not ask for what waits for it.
    Waiting,
    /// It asks, and does not answer.
    Offered,
}

/// What is to be delivered.
pub(super) struct Courier {
    pub(super) host: Host,
    pub(super) broker: Fingerprint,
    pub(super) key: SealPublic,
    pub(super) action: Action,
    pub(super) credentials: Credentials,
    /// The broker's, in the room's opening.
    pub(super) keys: BrokerKeys,
    /// Witnesses that the opening names: of others, no word counts.
    pub(super) named: Vec<Witness>,
    /// Stamps it: the broker may not.
    pub(super) tsa: TsaClient,
    /// The witnesses that can be reached.
    pub(super) witnesses: Vec<TsaClient>,
}

impl Courier {
    /// Goes, and says on the way what happens. Ends with an answer, with the word of every witness, or in vain.
    pub(super) async fn run(self, news: mpsc::Sender<(Digest, News)>) {
        let digest = self.action.digest();
        let tell = |what| {
            let news = news.clone();
            // A desk that is gone hears nothing.
            async move { drop(news.send((digest, what)).await) }
        };
        let sealed = match self.sealed(digest).await {
            Ok(sealed) => sealed,
            Err(reason) => return tell(News::NotSealed(reason)).await,
        };
        // Nothing is left with anybody before the desk knows the stamp: an answer may come by another way.
        let (noted, is_noted) = oneshot::channel();
        tell(News::Sealed(Box::new(sealed.clone()), noted)).await;
        if is_noted.await.is_err() {
            return;
        }
        let mut holding = Vec::new();
        for witness in &self.witnesses {
            let (client, delivery) = (witness.clone(), sealed.delivery.clone());
            let url = witness.address().url.clone();
            match blocking(&self.host, move || client.deliver(delivery)).await {
                Some(Ok(())) => {
                    holding.push(witness.clone());
                    tell(News::Left(url)).await;
                }
                Some(Err(error)) => tell(News::NotLeft(url, words(&error))).await,
                None => return,
            }
        }
        let mut seen = if holding.is_empty() { LastSeen::Nowhere } else { LastSeen::Unheard };
        let mut spoke: Vec<PublicKey<WitnessKey>> = Vec::new();
        for _ in 0..ASKED {
            if holding.is_empty() {
                break;
            }
            tokio::time::sleep(ASK_EVERY).await;
            let mut waits = Vec::new();
            for witness in holding {
                let (client, id) = (witness.clone(), sealed.delivery.id());
                match blocking(&self.host, move || client.ask_delivery(id)).await {
                    // One witness that lies keeps no other from being heard.
                    Some(Ok(DeliveryState::Answered(answer))) => {
                        if answers(&answer, &sealed.delivery, &self.keys).is_ok() {
                            return tell(News::Answered(answer)).await;
                        }
                        tell(News::Lies(witness.address().url.clone())).await;
                    }
                    Some(Ok(DeliveryState::Unanswered(word))) => {
                        match self.testifies(&word, &sealed.delivery) {
                            // The same witness at another address.
                            Some(key) if spoke.contains(&key) => {}
                            Some(key) => {
                                seen = LastSeen::Offered;
                                spoke.push(key);
                                tell(News::Unanswered(word)).await;
                            }
                            None => tell(News::Lies(witness.address().url.clone())).await,
                        }
                    }
                    Some(Ok(DeliveryState::Offered {})) => {
                        seen = LastSeen::Offered;
                        waits.push(witness);
                    }
                    Some(Ok(DeliveryState::Waiting {})) => {
                        if seen == LastSeen::Unheard {
                            seen = LastSeen::Waiting;
                        }
                        waits.push(witness);
                    }
                    // It may be this once: asked again.
                    Some(Err(_)) => waits.push(witness),
                    None => return,
                }
            }
            holding = waits;
        }
        tell(News::End(seen)).await;
    }

    /// Whose word it is that this delivery was not answered, if it counts (V-156).
    fn testifies(&self, word: &str, delivery: &Delivery) -> Option<PublicKey<WitnessKey>> {
        let mut opened = self
            .named
            .iter()
            .filter_map(|witness| Some((witness.key, Unanswered::open(word, &witness.key).ok()?)));
        let (key, said) = opened.next()?;
        let of = (said.broker, said.room, said.digest);
        let is_of_this = of == (delivery.broker, delivery.room, delivery.digest);
        (is_of_this && said.counts()).then_some(key)
    }

    async fn sealed(&self, digest: Digest) -> Result<Sealed, String> {
        let tsa = self.tsa.clone();
        let stamp: FullStamp = match blocking(&self.host, move || tsa.stamp(digest)).await {
            Some(stamp) => stamp.map_err(|error| words(&error))?,
            None => return Err("the program ends".to_owned()),
        };
        let seed = || self.host.random().map_err(|error| error.to_string());
        let (outer, inner) = (seed()?, seed()?);
        let (broker, key, action) = (self.broker, &self.key, &self.action);
        let failed = |error: SealError| error.to_string();
        let author = self.credentials.seal(broker, key, action, inner).map_err(failed)?;
        let delivery =
            Delivery::seal(broker, key, action, stamp, &author, outer).map_err(failed)?;
        let credentials = self.credentials.clone();
        Ok(Sealed { delivery, author, credentials, seeds: [Digest(outer), Digest(inner)] })
    }
}

fn words(error: &TsaError) -> String {
    crate::text::sanitize::with_causes(error)
}
