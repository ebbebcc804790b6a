//! What every room and session of one broker shares. Each part keeps its fields to itself.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Draft;
use pregao_protocol::room::{Code, Stamped, Undecided};
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::key::{Fingerprint, OneTime, PublicKey};
use pregao_protocol::trust::pass::Day;
use uuid::Uuid;

use crate::blobs::{Blobs, Owners};
use crate::check::{Author, Checked, Checker};
use crate::effort::Efforts;
use crate::handed::HandedOut;
use crate::keys::Keys;
use crate::links::authors::Authors;
use crate::lobby::Lobby;
use crate::metrics::Metrics;
use crate::monitor::Alarms;
use crate::passes::Passes;
use crate::people::People;
use crate::presence::Presence;
use crate::store::StoreError;
use crate::store::reader::LogReader;
use crate::told::Told;
use crate::tsa::stamps::StampClient;
use crate::tsa::timelocks::TimeLocks;
use crate::witness::Witnesses;
use crate::writer::Writer;

/// Everything shared.
#[derive(Debug)]
pub struct Shared {
    /// The machine: clocks, chance, and where work runs.
    pub host: Host,
    /// The broker's keys.
    pub keys: Keys,
    /// What the broker says of itself.
    pub certificate: BrokerCertificate,
    /// Checks what is handed in.
    pub checker: Checker,
    /// Who costs how much, and what work is asked for.
    pub efforts: Arc<Efforts>,
    /// Who cosigns the heads of public rooms.
    pub witnesses: Witnesses,
    /// Time and stamps.
    pub stamps: StampClient,
    /// Keys that the TSA keeps until an instant.
    pub timelocks: TimeLocks,
    /// The secrets of passes.
    pub passes: Arc<Passes>,
    /// Makes batches durable.
    pub writer: Writer,
    /// Reads what is durable.
    pub reader: LogReader,
    /// Sealed bytes beside the logs.
    pub blobs: Blobs,
    /// Who showed to be the owner of which box.
    pub owners: Owners,
    /// Boxes that are in a list, and those that are closed.
    pub people: People,
    /// Where it stands what became of letters.
    pub told: Told,
    /// Which keys of boxes were handed out.
    pub handed: HandedOut,
    /// Who is behind which key.
    pub authors: Authors,
    /// For how long whoever stayed away from a reveal lists and bids nothing; zero lets them (V-224).
    pub barred_for: Duration,
    /// The list of public rooms.
    pub lobby: Lobby,
    /// Who is online, and invited where.
    pub presence: Presence,
    /// Wakes rooms.
    pub alarms: Alarms,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

impl Shared {
    /// Spends a pass on what was handed in, if it costs one (V-287).
    ///
    /// # Errors
    /// Why it is not to be decided.
    pub(crate) async fn pay(&self, checked: &Checked) -> Result<(), Undecided> {
        let Author::Guest { pass } = checked.author() else { return Ok(()) };
        let action = checked.stamped().action();
        if !action.body().costs_a_pass() {
            return Ok(());
        }
        let newest = self.stamps.newest().map_err(|_| Undecided::TSA_DOWN)?;
        let today = Day::of(newest.batch.time());
        self.passes.spend(*pass, action.digest(), today).await
    }

    /// Fingerprint of the session key: what peers pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.keys.fingerprint()
    }

    /// Signs a draft with the entry key and has it stamped.
    ///
    /// # Errors
    /// [`Code::TsaDown`]; [`Code::Parse`] if the draft breaks a rule of its encoding.
    pub async fn sign_and_stamp(&self, draft: &Draft) -> Result<Stamped, Code> {
        let action = draft.sign_as_broker(&self.keys.entry).map_err(|error| {
            tracing::error!(%error, "an entry of the broker's own is malformed");
            Code::Parse
        })?;
        let mut granted =
            self.stamps.request(vec![action.digest()]).await.map_err(|_| Code::TsaDown)?;
        let stamp = granted.stamps.pop().ok_or(Code::TsaDown)?.under(granted.batch.hash());
        Stamped::bind(action, stamp, granted.batch).map_err(|_| Code::StampOther)
    }

    /// A random UUID (version 4). Without randomness it is nil, which no action may have: what the
    /// broker would sign under it is refused as malformed, and tried again.
    #[must_use]
    pub fn fresh_uuid(&self) -> Uuid {
        let random = self.host.random().map(uuid::Builder::from_random_bytes);
        random.map_or_else(|_| Uuid::nil(), uuid::Builder::into_uuid)
    }

    /// Invites the personas behind two keys of an auction to its private room, and tells those who are
    /// online.
    ///
    /// # Errors
    /// A failure of the store: nobody was invited.
    pub async fn invite(
        &self,
        auction: RoomName,
        room: RoomName,
        keys: [PublicKey<OneTime>; 2],
    ) -> Result<(), StoreError> {
        let links = self.authors.of(auction).await?.unwrap_or_default();
        for link in links.iter().filter(|link| keys.contains(&link.key)) {
            self.presence.invite(link.persona.fingerprint(), auction, room);
        }
        Ok(())
    }

    /// Forgets who is behind the keys of a room that has ended, what was held there, and who was invited
    /// because of it (SPEC 1).
    pub async fn forget_authors(&self, room: RoomName) {
        self.presence.forget(room);
        self.authors.erase(room).await;
    }
}

#[cfg(test)]
mod tests;
