//! The way to a card: PC/SC, behind traits that tests script.

use std::ffi::{CStr, CString};
use std::time::Duration;

use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};

use super::apdu::Wire;

/// What reader or service report in place of an answer.
pub(super) type Fault = pcsc::Error;

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The card stays as it is.
    Leave,
    /// The card is reset, so that nobody inherits a verified PIN.
    Reset,
}

/// A card that nobody else can talk to.
pub(super) trait Channel {
    /// How bytes cross.
    fn wire(&self) -> Wire;
    /// Sends one command as it is and gives the whole answer, status word included.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Fault>;
    /// Sends something to the reader itself.
    fn control(&mut self, code: u32, data: &[u8]) -> Result<Vec<u8>, Fault>;
}

/// A card in a reader, shared with other programs.
pub(super) trait CardLink: Send {
    /// Runs `work` in one transaction. Waits while another program has one.
    ///
    /// # Errors
    /// The transaction could not begin; `work` did not run then.
    fn exclusively(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Channel) -> Ending,
    ) -> Result<(), Fault>;
    /// Takes the card up again after a reset, and resets it.
    fn reconnect(&mut self) -> Result<(), Fault>;
    /// What the card said at its reset; empty if that is not known.
    fn atr(&self) -> Vec<u8>;
    /// Waits.
    fn pause(&mut self, duration: Duration);
}

/// The readers of this computer.
pub(super) trait CardReaders {
    /// Their names in a fixed order.
    fn names(&self) -> Result<Vec<String>, Fault>;
    /// Opens the card in the reader at this place of [`CardReaders::names`].
    fn connect(&self, place: usize) -> Result<Box<dyn CardLink>, Fault>;
}

/// The readers that the system's service knows.
pub(super) struct PcscReaders {
    context: Context,
    names: Vec<CString>,
}

impl PcscReaders {
    pub(super) fn open() -> Result<Self, Fault> {
        let context = Context::establish(Scope::User)?;
        let names = match context.list_readers_owned() {
            Err(Fault::NoReadersAvailable) => Vec::new(),
            names => names?,
        };
        Ok(Self { context, names })
    }

    fn connect_to(&self, name: &CStr) -> Result<Box<dyn CardLink>, Fault> {
        let card = self.context.connect(name, ShareMode::Shared, Protocols::ANY)?;
        Ok(Box::new(PcscLink { card: Some(card), unclean: false }))
    }
}

impl CardReaders for PcscReaders {
    fn names(&self) -> Result<Vec<String>, Fault> {
        Ok(self.names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn connect(&self, place: usize) -> Result<Box<dyn CardLink>, Fault> {
        self.connect_to(self.names.get(place).ok_or(Fault::UnknownReader)?)
    }
}

struct PcscLink {
    /// Always there, until dropped.
    card: Option<pcsc::Card>,
    /// A transaction could not be ended as it should.
    unclean: bool,
}

impl PcscLink {
    fn card(&mut self) -> Result<&mut pcsc::Card, Fault> {
        self.card.as_mut().ok_or(Fault::InvalidHandle)
    }
}

impl CardLink for PcscLink {
    fn exclusively(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Channel) -> Ending,
    ) -> Result<(), Fault> {
        let transaction = self.card()?.transaction()?;
        let wire = match transaction.status2_owned()?.protocol2() {
            Some(pcsc::Protocol::T0) => Wire::T0,
            Some(pcsc::Protocol::T1) => Wire::T1,
            Some(pcsc::Protocol::RAW) | None => return Err(Fault::ProtoMismatch),
        };
        let ending = work(&mut PcscChannel { card: &transaction, wire });
        let disposition = match ending {
            Ending::Leave => Disposition::LeaveCard,
            Ending::Reset => Disposition::ResetCard,
        };
        let ended = transaction.end(disposition).map_err(|(_, fault)| fault);
        if let Err(fault) = ended {
            tracing::debug!(%fault, "the transaction did not end");
            self.unclean = ending == Ending::Reset;
        }
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), Fault> {
        self.card()?.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::ResetCard)
    }

    fn atr(&self) -> Vec<u8> {
        let status = self.card.as_ref().and_then(|card| card.status2_owned().ok());
        status.map(|status| status.atr().to_vec()).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "a card blocks its thread at every turn")]
    fn pause(&mut self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

impl Drop for PcscLink {
    /// Leaves the card as it is for the others; resets it if a PIN may be left verified.
    fn drop(&mut self) {
        let disposition =
            if self.unclean { Disposition::ResetCard } else { Disposition::LeaveCard };
        if let Some(Err((_, fault))) = self.card.take().map(|card| card.disconnect(disposition)) {
            tracing::debug!(%fault, "the card was let go of with a fault");
        }
    }
}

struct PcscChannel<'a> {
    card: &'a pcsc::Card,
    wire: Wire,
}

impl Channel for PcscChannel<'_> {
    fn wire(&self) -> Wire {
        self.wire
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut buffer = [0; pcsc::MAX_BUFFER_SIZE];
        self.card.transmit(command, &mut buffer).map(<[u8]>::to_vec)
    }

    fn control(&mut self, code: u32, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut buffer = [0; pcsc::MAX_BUFFER_SIZE];
        self.card.control(code.into(), data, &mut buffer).map(<[u8]>::to_vec)
    }
}
