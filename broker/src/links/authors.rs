//! The links as tasks use them: off the runtime's threads, and erased until nothing is left.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::host::Host;
use pregao_protocol::trust::key::{Persona, PublicKey};
use pregao_protocol::value::clock::Time;

use super::barred::Barred;
use super::{AuthorLink, KEYS_FILE, Links};
use crate::host;
use crate::metrics::Metrics;
use crate::store::{RoomName, StoreError};

/// How soon erasing that failed is tried again, at first and at the longest.
const ERASE_AGAIN: Duration = Duration::from_secs(1);
const ERASE_AGAIN_AT_MOST: Duration = Duration::from_secs(30);

/// Who is behind the keys of each room.
#[derive(Debug, Clone)]
pub struct Authors {
    host: Host,
    links: Arc<Links>,
    metrics: Arc<Metrics>,
    barred: Arc<Barred>,
}

impl Authors {
    /// Authors by `links`.
    ///
    /// # Errors
    /// A failure of the store.
    pub fn new(host: Host, links: Arc<Links>, metrics: Arc<Metrics>) -> Result<Self, StoreError> {
        let barred = Arc::new(Barred::default());
        barred.replace(links.barred()?);
        Ok(Self { host, links, metrics, barred })
    }

    /// Until when a persona lists and bids nothing at `now`, TSA time; none if it may (V-224).
    #[must_use]
    pub fn barred(&self, persona: &PublicKey<Persona>, now: Time) -> Option<Time> {
        self.barred.until(persona, now)
    }

    /// From `now` on, TSA time, a persona lists and bids nothing until an instant. Durable on return.
    ///
    /// # Errors
    /// A failure of the store: it is not barred.
    pub async fn bar(
        &self,
        persona: PublicKey<Persona>,
        until: Time,
        now: Time,
    ) -> Result<(), StoreError> {
        let barred = Arc::clone(&self.barred);
        // Taken over where it is read, so that of two at once none takes the other's away.
        let bar = move |links: &Links| links.bar(persona.fingerprint(), until, now, &barred);
        self.on_links(bar).await
    }

    /// Does something with the links where it may block.
    async fn on_links<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Links) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let links = Arc::clone(&self.links);
        host::blocking(&self.host, move || act(&links)).await.unwrap_or(Err(StoreError::Stopped))
    }

    /// Who is behind the keys of a room; `None` once erased.
    ///
    /// # Errors
    /// A failure of the store. Links that were altered are none, and the log says so.
    pub async fn of(&self, room: RoomName) -> Result<Option<Vec<AuthorLink>>, StoreError> {
        match self.on_links(move |links| links.room(&room)).await {
            Err(error) if !error.is_store_failure() => {
                tracing::error!(%error, room = %room.short(), "links cannot be used");
                Ok(None)
            }
            read => read,
        }
    }

    /// Seals what a room holds back under that room's key of the links: [`Authors::erase`] destroys it
    /// wherever the database left copies.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn seal_held(&self, room: RoomName, payload: String) -> Result<String, StoreError> {
        self.on_links(move |links| links.seal(&room, &payload)).await
    }

    /// Opens what [`Authors::seal_held`] sealed; `None` once erased.
    ///
    /// # Errors
    /// A failure of the store, or what was altered.
    pub async fn unseal_held(
        &self,
        room: RoomName,
        payload: String,
    ) -> Result<Option<String>, StoreError> {
        self.on_links(move |links| links.unseal(&room, &payload)).await
    }

    /// Erases who is behind the keys of a room, and what was held there (SPEC 1). What fails is
    /// finished by [`Authors::keep_erasing`].
    pub async fn erase(&self, room: RoomName) {
        if let Err(error) = self.on_links(move |links| links.erase(&[room])).await {
            tracing::warn!(
                %error,
                "the links of a room that is over are not erased to the last byte; tried again"
            );
        }
        self.metrics.links_unerased.set(self.links.is_unfinished().into());
    }

    /// Finishes erasing that failed, now or before the broker started, until the process ends.
    pub async fn keep_erasing(self) {
        let mut pause = ERASE_AGAIN;
        loop {
            if self.links.is_unfinished() {
                match self.on_links(Links::finish).await {
                    Ok(()) => tracing::info!("what was to be erased is erased to the last byte"),
                    Err(error) => {
                        pause = (pause * 2).min(ERASE_AGAIN_AT_MOST);
                        tracing::warn!(
                            %error,
                            again_in = ?pause,
                            "keys of links that were erased may still be in {KEYS_FILE}"
                        );
                    }
                }
            } else {
                pause = ERASE_AGAIN;
            }
            self.metrics.links_unerased.set(self.links.is_unfinished().into());
            tokio::time::sleep(pause).await;
        }
    }
}
