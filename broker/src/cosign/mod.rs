//! The tasks that have heads cosigned: one asks each witness, one keeps what they say ([`crate::witness`]).

mod gather;
mod keep;

use std::sync::Arc;

use pregao_protocol::host::Host;

use self::gather::Gatherer;
use crate::network::Network;
use crate::room::RoomDirectory;
use crate::shared::Shared;

/// Starts a task for each witness, and the one that keeps what they say.
pub(crate) fn start(
    shared: &Arc<Shared>,
    rooms: &Arc<dyn RoomDirectory>,
    network: &Arc<dyn Network>,
) {
    let council = &shared.witnesses.council;
    if council.witnesses.is_empty() {
        return;
    }
    let host: &Host = &shared.host;
    host.task(keep::run(Arc::clone(shared), Arc::clone(rooms)));
    let certificate: Arc<str> = shared.certificate.sign(&shared.keys.session).into();
    for (at, address) in council.witnesses.iter().enumerate() {
        let gatherer = Gatherer {
            at,
            address: address.clone(),
            certificate: Arc::clone(&certificate),
            shared: Arc::clone(shared),
            rooms: Arc::clone(rooms),
            network: Arc::clone(network),
        };
        host.task(gatherer.run());
    }
}
