//! The one room that the broker opens by itself and for everybody: at its first start, once it knows the
//! time.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::action::{Draft, Seen};
use pregao_protocol::room::body::{Body, Passes};
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::clock::Time;

use crate::host;
use crate::room::{RoomDirectory, opening};
use crate::shared::Shared;

/// F of a pass room, in seconds: what listings have.
const FRESHNESS: u32 = 10;
/// How long until it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts the task that opens the pass room if the broker makes passes and the store has none that it can
/// keep. To be called once, when the rooms of the store are taken up.
pub(crate) fn start(shared: &Arc<Shared>, rooms: &Arc<dyn RoomDirectory>) {
    shared.host.task(run(Arc::clone(shared), Arc::clone(rooms)));
}

async fn run(shared: Arc<Shared>, rooms: Arc<dyn RoomDirectory>) {
    let mut newest = shared.stamps.watch();
    // The connection to the TSA ends only with the process.
    let Ok(Some(now)) = newest
        .wait_for(Option::is_some)
        .await
        .map(|newest| newest.as_ref().map(|newest| newest.batch.time()))
    else {
        return;
    };
    end(&shared, now).await;
    // Also where passes are made no more.
    shared.host.task(keep_ending(Arc::clone(&shared)));
    if !shared.passes.are_made() || shared.passes.room().is_some() {
        return;
    }
    loop {
        match open(&shared, &rooms).await {
            Ok(name) => return shared.passes.state_in(name),
            Err(code) => {
                tracing::warn!(%code, "the room for the keys of passes could not be opened; tried again");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Ends each day's passes when the day is over, by what the TSA says every second.
async fn keep_ending(shared: Arc<Shared>) {
    let mut newest = shared.stamps.watch();
    while newest.changed().await.is_ok() {
        let now = newest.borrow_and_update().as_ref().map(|newest| newest.batch.time());
        if let Some(now) = now {
            end(&shared, now).await;
        }
    }
}

/// Forgets what is remembered of passes whose day is over, here and where keys are handed out for them.
async fn end(shared: &Arc<Shared>, now: Time) {
    shared.passes.end(now);
    let today = Day::of(now);
    if !shared.handed.is_to_forget(today) {
        return;
    }
    let handed = shared.handed.clone();
    let ended = host::blocking(&shared.host, move || handed.end_before(today)).await;
    if let Some(Err(error)) = ended {
        tracing::error!(%error, "what passes took keys of could not be forgotten; tried again");
    }
}

async fn open(shared: &Arc<Shared>, rooms: &Arc<dyn RoomDirectory>) -> Result<RoomName, Code> {
    let certificate = &shared.certificate;
    let passes = Passes {
        freshness: FRESHNESS,
        broker: certificate.keys,
        stamps: certificate.stamps.clone(),
        witnesses: certificate.witnesses.clone(),
        quorum: certificate.quorum,
        simulated: certificate.simulated,
    };
    let body = Body::Passes(passes);
    let draft = Draft { id: shared.fresh_uuid(), room: None, body, seen: Seen::nothing() };
    let stamped = shared.sign_and_stamp(&draft).await?;
    opening::open(shared, Arc::clone(rooms), &stamped).await
}
