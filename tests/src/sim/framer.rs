//! Somebody who would put an honest broker in the wrong: leaves with its witness what it cannot read or has
//! to refuse, now and then as much as the witness takes, so that others wait; what it has answered already, as
//! an author would who hides the answer; and has stamped what is left with nobody (SPEC 7.7).
//!
//! Nothing of it may come to a witness's word against the broker.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use parking_lot::Mutex;
use pregao_protocol::audit::delivered::answers;
use pregao_protocol::log::RoomName;
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::stamp::{BatchHeader, FullStamp};
use pregao_protocol::room::action::{Action, Draft, Seen};
use pregao_protocol::room::body::{Body, Say};
use pregao_protocol::trust::key::{Persona, SecretKey, StampKey};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::delivery::{
    AskDelivery, Credentials, Deliver, Delivery, DeliveryAnswer, DeliveryState, Unreadable,
};

use super::machine::Chance;
use super::person::Person;
use super::programs::{BrokerPins, Town};

/// As many as a witness takes for one broker.
const FLOOD: u64 = 64;

/// As many of the last deliveries as the witness keeps the answers to, and those of others.
const REMEMBERED: usize = 256;

/// What was answered before it is left.
#[derive(Debug, Clone)]
pub(super) struct AnsweredAction {
    pub(super) action: Action,
    pub(super) credentials: Credentials,
    /// The stamp by which it was decided.
    pub(super) stamp: Option<FullStamp>,
}

/// What is wrong with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// What is sealed are random bytes.
    Bytes,
    /// Its author is certified by nobody.
    Author,
    /// Its stamp is of a TSA that nobody knows.
    Stamp,
    /// There is no such room.
    Room,
    /// It is sealed for another action.
    Other,
    /// The broker decided about it, and its author does not say so.
    Hidden,
    /// It is stamped and sealed, and never left.
    Never,
}

/// A delivery made, and what the witness may say of it.
#[derive(Debug, Clone)]
struct Made {
    delivery: Delivery,
    wrong: Wrong,
}

/// The one who does it.
pub struct Framer {
    town: Arc<Town>,
    chance: Chance,
    left: Mutex<Vec<Made>>,
}

impl std::fmt::Debug for Framer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer").field("left", &self.left.lock().len()).finish_non_exhaustive()
    }
}

impl Framer {
    /// Somebody who knows what everybody knows: where TSA and broker are, their keys, and the rooms.
    #[must_use]
    pub fn new(town: &Arc<Town>, chance: &Chance) -> Self {
        Self { town: Arc::clone(town), chance: chance.fork(), left: Mutex::default() }
    }

    /// Leaves something with the witness, or as much as it takes. What is down is left alone.
    pub async fn strike(&self, people: &[Arc<Person>]) {
        let heard_of = |person: &Arc<Person>| {
            let told = person.told.lock();
            told.heard_of.iter().filter_map(|room| room.parse().ok()).collect::<Vec<RoomName>>()
        };
        let rooms: Vec<RoomName> = people.iter().flat_map(heard_of).collect();
        let Some(pins) = self.town.pins() else { return };
        let answered = self.chance.pick(people).map(|person| self.town.answered(person));
        let answered = answered.unwrap_or_default();
        let many = if self.chance.once_in(4) { FLOOD } else { 1 };
        for _ in 0..many {
            let at = usize::try_from(self.chance.below(rooms.len() as u64)).unwrap_or_default();
            let Some(room) = rooms.get(at) else { return };
            // A TSA that is down, or that has no place left, takes nothing.
            let made = match self.chance.below(7) {
                0 => self.garbage(&pins, *room, Wrong::Bytes).await,
                1 => self.garbage(&pins, *room, Wrong::Author).await,
                2 => self.garbage(&pins, *room, Wrong::Stamp).await,
                3 => self.garbage(&pins, *room, Wrong::Room).await,
                4 => self.garbage(&pins, *room, Wrong::Other).await,
                5 => self.answered_before(&pins, &answered, Wrong::Hidden).await,
                _ => self.answered_before(&pins, &answered, Wrong::Never).await,
            };
            let Some(made) = made else { continue };
            let deliver = Deliver { delivery: made.delivery.clone() };
            let lines = self.town.lines();
            let taken = made.wrong == Wrong::Never
                || matches!(lines.post_request(&deliver).await, Some(Ok(_)));
            if taken {
                self.left.lock().push(made);
            }
        }
    }

    /// What the broker decided about before, by a stamp of its own or the one it was decided by.
    async fn answered_before(
        &self,
        pins: &BrokerPins,
        answered: &[AnsweredAction],
        wrong: Wrong,
    ) -> Option<Made> {
        let AnsweredAction { action, credentials, stamp } = self.chance.pick(answered)?;
        let (broker, key) = (pins.fingerprint, &pins.keys.delivery);
        let again = stamp.clone().filter(|_| self.chance.once_in(2));
        let stamp = match again {
            Some(stamp) => stamp,
            None => self.town.lines().stamp(action.digest()).await?,
        };
        let author = credentials.seal(broker, key, action, self.bytes()).ok()?;
        let sealed = Delivery::seal(broker, key, action, stamp, &author, self.bytes());
        Some(Made { delivery: sealed.ok()?, wrong })
    }

    /// What the broker cannot read, or has to refuse.
    async fn garbage(&self, pins: &BrokerPins, room: RoomName, wrong: Wrong) -> Option<Made> {
        let room = if wrong == Wrong::Room { RoomName(self.bytes()) } else { room };
        let (action, blind) = self.say(pins, room, "nothing")?;
        let lines = self.town.lines();
        let stamp = match wrong {
            Wrong::Stamp => foreign_stamp(&action, self.bytes()),
            _ => lines.stamp(action.digest()).await?,
        };
        let credentials = Credentials { certificate: self.bytes().to_vec(), blind };
        let (broker, key) = (pins.fingerprint, &pins.keys.delivery);
        let author = credentials.seal(broker, key, &action, self.bytes()).ok()?;
        let seal = |action: &Action| {
            Delivery::seal(broker, key, action, stamp.clone(), &author, self.bytes()).ok()
        };
        let mut delivery = seal(&action)?;
        match wrong {
            Wrong::Bytes => delivery.sealed.iter_mut().for_each(|byte| *byte ^= 0x55),
            Wrong::Other => delivery.sealed = seal(&self.say(pins, room, "else")?.0)?.sealed,
            Wrong::Author | Wrong::Stamp | Wrong::Room | Wrong::Hidden | Wrong::Never => {}
        }
        Some(Made { delivery, wrong })
    }

    /// Something said by a persona that no CA knows.
    fn say(&self, pins: &BrokerPins, room: RoomName, text: &str) -> Option<(Action, Blind)> {
        let persona = SecretKey::<Persona>::from_seed(&self.bytes());
        let id = uuid::Builder::from_random_bytes(self.bytes().first_chunk().copied()?).into_uuid();
        let blind = Blind::from_random(self.bytes());
        let key = OneTimeKey::derive(&persona, pins.fingerprint, id, &blind);
        let body = Body::Say(Say { text: text.to_owned().try_into().ok()? });
        let seen = Seen { size: 1, root: Digest(self.bytes()) };
        let draft = Draft { id, room: Some(room), body, seen };
        Some((draft.sign(&key).ok()?, blind))
    }

    fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.chance.fill(&mut bytes);
        bytes
    }

    /// How much the witness took of it.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.lock().iter().filter(|made| made.wrong != Wrong::Never).count() as u64
    }

    /// How much of it had an answer before.
    #[must_use]
    pub fn hidden(&self) -> u64 {
        self.left.lock().iter().filter(|made| made.wrong == Wrong::Hidden).count() as u64
    }

    /// Whether the witness testifies in none of it that the broker did not answer. Where nothing goes `wrong`, all
    /// of it was answered.
    ///
    /// # Errors
    /// Says what stands against the broker.
    pub async fn nothing_shown(&self, wrong: bool) -> Result<()> {
        let Some(pins) = self.town.pins() else { bail!("the house is down at the end") };
        let lines = self.town.lines();
        // The answers to older ones make room for those of newer.
        let left: Vec<Made> = self.left.lock().iter().rev().take(REMEMBERED).cloned().collect();
        for made in left {
            let state = lines.post_request(&AskDelivery { delivery: made.delivery.id() }).await;
            if made.wrong == Wrong::Never {
                ensure!(
                    matches!(state, Some(Err(404)) | None),
                    "the witness knows what was never left with it"
                );
                continue;
            }
            match state {
                Some(Ok(DeliveryState::Answered(answer))) => {
                    answers(&answer, &made.delivery, &pins.keys)
                        .context("the witness took what is no answer")?;
                    if made.wrong == Wrong::Hidden
                        && let DeliveryAnswer::Unreadable(word) = &answer
                    {
                        let word = Unreadable::open(word, &pins.keys.entry)?;
                        bail!("the broker cannot read ({}) what it decided", word.code.as_str());
                    }
                }
                Some(Ok(DeliveryState::Unanswered(_))) => {
                    bail!("the witness testifies against an honest broker")
                }
                Some(Ok(DeliveryState::Waiting {} | DeliveryState::Offered {})) => {
                    ensure!(wrong, "a delivery has no answer, and nothing had gone wrong");
                }
                // What a witness forgot when it restarted, or gave up, it says nothing about.
                Some(Err(404)) => {
                    ensure!(wrong, "the witness forgot a delivery, and nothing had gone wrong");
                }
                Some(Err(status)) => bail!("the witness answers with status {status}"),
                None => ensure!(wrong, "the witness is down, and nothing had gone wrong"),
            }
        }
        Ok(())
    }
}

/// A stamp of a TSA that was made up.
fn foreign_stamp(action: &Action, seed: [u8; 32]) -> FullStamp {
    let (key, time) = (SecretKey::<StampKey>::from_seed(&seed), Time::default());
    let tree = Tree::new(vec![leaf_hash(&action.digest().0)]);
    let header = BatchHeader {
        tsa: key.public().fingerprint(),
        batch: 1,
        time,
        size: tree.size(),
        root: tree.root(),
        prev: Digest([0; 32]),
        prev_time: time,
    };
    FullStamp { batch: header.sign(&key), index: 0, path: Vec::new() }
}
