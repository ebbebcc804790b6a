//! How much work the broker asks for before it looks at anything: nothing, until somebody costs more than others do.
//!
//! Whatever is done is charged to a session, its persona, its address and the whole broker, each with a meter of its own;
//! a submission takes the effort of the highest. Handshakes have meters apart, by address and for all.
//!
//! - `law` from load to effort; `headers` which batch headers a puzzle may name; `quota` how many refusals are kept

mod headers;
mod law;
mod quota;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pregao_protocol::host::Clock;
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::puzzle::Effort;

use crate::ip_limiter::holder;
use crate::metrics::Metrics;
use headers::RecentHeaders;
use law::{Law, Meter};
use quota::{Kept, Quotas};

/// One session: what its rate allows of accepted actions leaves no trace, twelve bad signatures at once do.
const SESSION: Law = Law { allowed: 8.0, burst: 200.0 };
/// One persona, over all its sessions, also those that are over.
const PERSONA: Law = Law { allowed: 12.0, burst: 300.0 };
/// One address: a house full of people.
const ADDRESS: Law = Law { allowed: 100.0, burst: 2_000.0 };
/// The whole broker.
const OVERALL: Law = Law { allowed: 800.0, burst: 8_000.0 };
/// Handshakes of one address.
const ADDRESS_HANDSHAKES: Law = Law { allowed: 2.0, burst: 64.0 };
/// Handshakes of all: many come back at once when a broker has restarted.
const HANDSHAKES: Law = Law { allowed: 50.0, burst: 1_000.0 };
/// Meters of one sort above which those that are empty are looked for.
const MANY: usize = 1_024;

/// What something costs, in units of one checked action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// An action is checked.
    Checked,
    /// It is refused, besides: signed and stored for nothing.
    Refused,
    /// Its signature, blind or stamp does not hold, besides.
    Broken,
    /// It came without the solution that was asked for: one hash.
    Unsolved,
}

impl Cost {
    const fn units(self) -> u32 {
        match self {
            Self::Checked | Self::Unsolved => 1,
            Self::Refused => 4,
            Self::Broken => 16,
        }
    }
}

/// Units of a handshake that begins, and of one that leads to no session, besides.
const BEGUN: u32 = 1;
const FAILED: u32 = 8;

/// Who costs how much, and what is asked for.
#[derive(Debug)]
pub struct Efforts {
    clock: Arc<dyn Clock>,
    most: Effort,
    metrics: Arc<Metrics>,
    personas: Mutex<Meters<Fingerprint>>,
    addresses: Mutex<Meters<IpAddr>>,
    overall: Mutex<Meter>,
    handshakes_by: Mutex<Meters<IpAddr>>,
    handshakes: Mutex<Meter>,
    headers: Mutex<RecentHeaders>,
    refusals: Mutex<Quotas<Fingerprint>>,
    refusals_of_boxes: Mutex<Quotas<RoomName>>,
}

impl Efforts {
    /// Nobody has cost anything yet; `most` is the highest effort ever asked for, and nothing switches it off.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, most: Effort, metrics: Arc<Metrics>) -> Arc<Self> {
        let now = clock.uptime();
        let empty = || Mutex::new(Meter::empty(now));
        Arc::new(Self {
            clock,
            most,
            metrics,
            personas: Mutex::new(Meters::of(PERSONA)),
            addresses: Mutex::new(Meters::of(ADDRESS)),
            overall: empty(),
            handshakes_by: Mutex::new(Meters::of(ADDRESS_HANDSHAKES)),
            handshakes: empty(),
            headers: Mutex::default(),
            refusals: Mutex::new(Quotas::of(Kept::OF_PERSONA)),
            refusals_of_boxes: Mutex::new(Quotas::of(Kept::OF_BOX)),
        })
    }

    /// The account of a session that begins. Loopback is no address: it is the operator, or a proxy that counts for
    /// itself.
    #[must_use]
    pub fn account(self: &Arc<Self>, persona: Fingerprint, address: Option<IpAddr>) -> Account {
        let session = Mutex::new(Meter::empty(self.now()));
        Account {
            efforts: Arc::clone(self),
            session,
            persona,
            address: counted(address),
            is_guests: false,
        }
    }

    /// The account of a guest's session, by its id: nobody else pays for it, and it begins with the work that every guest
    /// is asked for (V-284).
    #[must_use]
    pub fn account_of_guest(
        self: &Arc<Self>,
        session: [u8; 32],
        address: Option<IpAddr>,
    ) -> Account {
        Account { is_guests: true, ..self.account(Fingerprint(session), address) }
    }

    /// What a handshake from an address takes; the address is charged for it, and nobody else: so far it costs next to
    /// nothing.
    #[must_use]
    pub fn begin_handshake(&self, address: Option<IpAddr>) -> Effort {
        let asked = self.handshake_effort(address);
        self.charge_address(address, BEGUN);
        asked
    }

    /// The part of a handshake begins that costs something: what was asked for is solved.
    pub fn handshake_works(&self) {
        self.charge_handshakes(BEGUN);
    }

    /// A handshake led to no session, after work or before any. Without work nobody else pays for it: else connections
    /// that do nothing would raise what all are asked for.
    pub fn handshake_failed(&self, address: Option<IpAddr>, worked: bool) {
        self.charge_address(address, FAILED);
        if worked {
            self.charge_handshakes(FAILED);
        }
    }

    /// Notes a header that all sessions are told of.
    pub fn note_header(&self, header: Digest, time: Time) {
        self.headers.lock().note(header, time);
    }

    /// The newest header that all sessions were told of.
    #[cfg(test)]
    pub(crate) fn newest_header(&self) -> Option<Digest> {
        self.headers.lock().newest()
    }

    /// Whether a puzzle may name this header at an instant of TSA time (V-191).
    #[must_use]
    pub fn knows_header(&self, header: &Digest, now: Time) -> bool {
        self.headers.lock().knows(header, now)
    }

    /// Takes a place among the refusals of the owner of a box that are kept, whatever session they come in; false if there is
    /// none (V-196).
    #[must_use]
    pub fn may_keep_refusal_of(&self, of: RoomName) -> bool {
        self.refusals_of_boxes.lock().take(of, self.now())
    }

    /// Shows operators what is asked of everybody, and tells them when that begins and ends.
    pub fn report(&self) {
        let now = self.now();
        let submission = self.overall.lock().effort(OVERALL, self.most, now);
        let handshake = self.handshakes.lock().effort(HANDSHAKES, self.most, now);
        let gauges = [
            (&self.metrics.effort, submission, "of each action handed in"),
            (&self.metrics.handshake_effort, handshake, "of each connection"),
        ];
        for (gauge, effort, whose) in gauges {
            let before = gauge.value();
            gauge.set(effort.bits().into());
            if before == 0 && !effort.is_none() {
                let bits = effort.bits();
                tracing::warn!("under load: a puzzle of 2^{bits} steps is asked {whose}");
            } else if before > 0 && effort.is_none() {
                tracing::info!("no puzzle is asked any more {whose}");
            }
        }
    }

    fn handshake_effort(&self, address: Option<IpAddr>) -> Effort {
        let now = self.now();
        let of_all = self.handshakes.lock().effort(HANDSHAKES, self.most, now);
        let of_address = counted(address).map_or(Effort::NONE, |address| {
            self.handshakes_by.lock().effort(&address, self.most, now)
        });
        of_all.max(of_address)
    }

    fn charge_handshakes(&self, units: u32) {
        self.handshakes.lock().fill(HANDSHAKES, units, self.now());
    }

    fn charge_address(&self, address: Option<IpAddr>, units: u32) {
        let now = self.now();
        if let Some(address) = counted(address) {
            self.handshakes_by.lock().fill(address, units, now);
        }
    }

    fn now(&self) -> Duration {
        self.clock.uptime()
    }
}

/// What one session costs, and with it its persona, its address and all.
#[derive(Debug)]
pub struct Account {
    efforts: Arc<Efforts>,
    session: Mutex<Meter>,
    persona: Fingerprint,
    address: Option<IpAddr>,
    /// Whether nobody says whose session it is: then a puzzle is always asked for (V-198).
    is_guests: bool,
}

impl Account {
    /// Charges for something. One hash is the session's own affair: whoever sends many is asked for more, and nobody else.
    pub fn charge(&self, cost: Cost) {
        let (now, units) = (self.efforts.now(), cost.units());
        self.session.lock().fill(SESSION, units, now);
        if cost == Cost::Unsolved {
            return;
        }
        self.efforts.personas.lock().fill(self.persona, units, now);
        if let Some(address) = self.address {
            self.efforts.addresses.lock().fill(address, units, now);
        }
        self.efforts.overall.lock().fill(OVERALL, units, now);
    }

    /// What a submission takes now: the most of what session, persona, address and all come to.
    #[must_use]
    pub fn effort(&self) -> Effort {
        let (now, most) = (self.efforts.now(), self.efforts.most);
        let session = self.session.lock().effort(SESSION, most, now);
        let persona = self.efforts.personas.lock().effort(&self.persona, most, now);
        let address = self.address.map_or(Effort::NONE, |address| {
            self.efforts.addresses.lock().effort(&address, most, now)
        });
        let overall = self.efforts.overall.lock().effort(OVERALL, most, now);
        let effort = session.max(persona).max(address).max(overall);
        if self.is_guests { effort.of_guests() } else { effort }
    }

    /// Takes a place among the refusals of its persona that are kept; false if there is none (V-196). A guest has none: the
    /// next session would have as many again, for nothing.
    #[must_use]
    pub fn may_keep_refusal(&self) -> bool {
        !self.is_guests && self.efforts.refusals.lock().take(self.persona, self.efforts.now())
    }
}

/// Whom an address belongs to. Loopback is nobody's address.
fn counted(address: Option<IpAddr>) -> Option<IpAddr> {
    address.map(holder).filter(|address| !address.is_loopback())
}

/// Meters by whom they are of; who is not there has cost nothing.
#[derive(Debug)]
struct Meters<K> {
    law: Law,
    by: BTreeMap<K, Meter>,
    /// How many there were when the empty ones were taken out last.
    swept: usize,
}

impl<K: Ord> Meters<K> {
    const fn of(law: Law) -> Self {
        Self { law, by: BTreeMap::new(), swept: 0 }
    }

    fn fill(&mut self, of: K, units: u32, now: Duration) {
        if self.by.len() >= self.swept.saturating_mul(2).max(MANY) {
            let law = self.law;
            self.by.retain(|_, meter| !meter.is_empty(law, now));
            self.swept = self.by.len();
        }
        self.by.entry(of).or_insert(Meter::empty(now)).fill(self.law, units, now);
    }

    fn effort(&mut self, of: &K, most: Effort, now: Duration) -> Effort {
        self.by.get_mut(of).map_or(Effort::NONE, |meter| meter.effort(self.law, most, now))
    }
}

#[cfg(test)]
mod tests;
