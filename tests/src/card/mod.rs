//! A virtual Portuguese citizen card in a virtual reader of a real `pcscd`, for the programs under
//! test and for other people's programs that judge it.
//!
//! - [`Chip`] the card by itself: commands in, answers out, stricter than a real one may be
//! - [`VirtualCard`] the card in a reader, with faults on demand
//! - [`Readers`], [`inside`] the reader, in namespaces of its own
//!
//! What is on a card comes from the test PKI: [`pregao_test_pki::CardMaterial`].

mod apdu;
mod chip;
mod contents;
mod faults;
mod files;
mod key;
mod profile;
mod reader;
mod wire;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;

pub use apdu::{Answer, Instruction, Status};
pub use chip::{Chip, TRIES};
pub use contents::certificate_path;
pub use faults::{Fault, Step};
pub use files::FileId;
pub use profile::{
    CITIZEN, EID, Hash, Identity, NATIONAL, PastEnd, Pin, Profile, Purpose, Transmission, pin_block,
};
pub use reader::{Readers, Slot, apart, inside, inside_within, reset_by_another_program};

use faults::{Outcome, Plan};

/// How many commands a card remembers.
const REMEMBERED: usize = 10_000;
/// How often a card is put in until it is seen.
const ATTEMPTS: usize = 15;
/// How long a reader is given to notice it each time.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// A card in a slot of a virtual reader. Dropping it pulls it.
///
/// ```no_run
/// use pregao_test_pki::{CitizenData, Pki, Plan, Profile};
/// use pregao_tests::card::{Chip, Fault, Pin, Readers, Slot, Step, VirtualCard};
///
/// // In an ignored test that `inside` started:
/// let readers = Readers::open()?;
/// let pki = Pki::new(Plan::quick(1_790_000_000));
/// let material = pki.citizen(Profile::V5, &CitizenData::numbered(1));
/// let card = VirtualCard::insert(Chip::new(&material)?, Slot::First)?;
/// // Any program with PC/SC now sees it in "Virtual PCD 00 00". Its PINs are `Pin::preset()`.
/// card.arrange(Step::Sign, Fault::PulledBefore);
/// // ... a program signs, and loses the card ...
/// card.put_back()?;
/// assert_eq!(card.chip(|chip| chip.tries(Pin::Authentication)), 3);
/// assert_eq!(card.chip(|chip| chip.touched(Pin::Signature)), 0);
/// # drop(readers);
/// # anyhow::Ok(())
/// ```
#[derive(Debug)]
pub struct VirtualCard {
    slot: Slot,
    body: Arc<Mutex<Body>>,
    connection: Mutex<Option<Connection>>,
}

#[derive(Debug)]
struct Connection {
    /// Lives as long as it is served.
    stream: Weak<TcpStream>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Body {
    chip: Chip,
    plan: Plan,
    exchanges: Vec<Exchange>,
    resets: u32,
}

/// A command and what reached the reader, status included. None: the card was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The command.
    pub command: Vec<u8>,
    /// The answer.
    pub answer: Option<Vec<u8>>,
}

impl VirtualCard {
    /// Puts a card into a slot, and waits until programs see it.
    ///
    /// # Errors
    /// If there is no reader, or it does not notice the card.
    pub fn insert(chip: Chip, slot: Slot) -> Result<Self> {
        let body = Body { chip, plan: Plan::default(), exchanges: Vec::new(), resets: 0 };
        let card = Self { slot, body: Arc::new(Mutex::new(body)), connection: Mutex::new(None) };
        card.connect()?;
        Ok(card)
    }

    /// Looks at the chip or changes it, while programs use it.
    pub fn chip<T>(&self, act: impl FnOnce(&mut Chip) -> T) -> T {
        act(&mut self.body.lock().chip)
    }

    /// Arranges a fault for the next such step.
    pub fn arrange(&self, step: Step, fault: Fault) {
        self.arrange_later(step, 0, fault);
    }

    /// Arranges a fault after so many such steps have passed unharmed.
    pub fn arrange_later(&self, step: Step, spared: u32, fault: Fault) {
        self.body.lock().plan.add(step, spared, fault);
    }

    /// Forgets the faults that have not come yet.
    pub fn forgive(&self) {
        self.body.lock().plan.clear();
    }

    /// The commands since the last question, oldest first. PINs are in them as they came.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.body.lock().exchanges)
    }

    /// How often the card was powered or reset.
    #[must_use]
    pub fn resets(&self) -> u32 {
        self.body.lock().resets
    }

    /// The slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// Pulls the card, and waits until programs see no card.
    ///
    /// # Errors
    /// If the reader does not notice.
    pub fn pull(&self) -> Result<()> {
        self.disconnect();
        reader::await_card(self.slot, false)
    }

    /// Puts a card back that was pulled, by hand or by a fault.
    ///
    /// # Errors
    /// If the reader does not notice.
    pub fn put_back(&self) -> Result<()> {
        self.pull()?;
        self.connect()
    }

    /// Connects until the card is seen: after a card that was lost in the middle of a command the
    /// reader often does not notice the next connection, and does notice the one after it.
    fn connect(&self) -> Result<()> {
        let mut seen = Ok(());
        for _ in 0..ATTEMPTS {
            self.connect_once()?;
            seen = reader::await_card_within(self.slot, true, NOTICED_WITHIN);
            if seen.is_ok() {
                break;
            }
            self.disconnect();
        }
        seen
    }

    fn connect_once(&self) -> Result<()> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.slot.port()))
            .with_context(|| format!("there is no reader {:?}", self.slot.reader()))?;
        let (served, device) = (Arc::new(stream), InSlot(Arc::clone(&self.body)));
        let stream = Arc::downgrade(&served);
        device.0.lock().chip.reset();
        let serving = std::thread::spawn(move || {
            // Ends with an error when the card is pulled by hand.
            let _ = wire::serve(&served, &device);
        });
        *self.connection.lock() = Some(Connection { stream, serving });
        Ok(())
    }

    fn disconnect(&self) {
        if let Some(connection) = self.connection.lock().take() {
            // Wakes who serves it, and tells the driver nothing yet.
            if let Some(stream) = connection.stream.upgrade() {
                let _ = stream.shutdown(Shutdown::Read);
            }
            let _ = connection.serving.join();
        }
    }
}

impl Drop for VirtualCard {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// The card as the driver sees it.
struct InSlot(Arc<Mutex<Body>>);

impl wire::Device for InSlot {
    fn atr(&self) -> Vec<u8> {
        self.0.lock().chip.profile().atr().to_vec()
    }

    fn reset(&self) {
        let mut body = self.0.lock();
        body.chip.reset();
        body.resets = body.resets.saturating_add(1);
    }

    fn transmit(&self, apdu: &[u8]) -> Outcome {
        let mut body = self.0.lock();
        let Body { chip, plan, exchanges, .. } = &mut *body;
        let outcome = plan.transmit(chip, apdu);
        let answer = match &outcome {
            Outcome::Answered(answer) | Outcome::Pulled(Some(answer)) => Some(answer.bytes()),
            Outcome::Pulled(None) => None,
        };
        if exchanges.len() < REMEMBERED {
            exchanges.push(Exchange { command: apdu.to_vec(), answer });
        }
        outcome
    }
}
