//! Letters that leave at times drawn ahead, and cover where nothing waits (SPEC 8.6).

use pregao_protocol::letter::{Cover, Salt};
use pregao_protocol::trust::pass::Day;
use pregao_protocol::value::clock::Time;

use super::Round;
use super::setback::Setback;
use crate::post::store::View;
use crate::post::store::contacts::ContactId;
use crate::post::store::passes::PassState;
use crate::post::times;

impl Round {
    /// The even time of a contact has come, or is still to be drawn. Whatever waits, or does not, changes nothing here but
    /// what leaves.
    pub(super) fn even_time(&self, id: ContactId) -> Result<(), Setback> {
        let now = self.time()?;
        let random = self.random_bits()?;
        let uuid = uuid::Builder::from_random_bytes(self.way.host.random()?).into_uuid();
        let salt = Salt(self.way.host.random()?);
        let mut store = self.office.store();
        let view = store.view();
        let even = view.even_contacts(&self.way.broker.fingerprint)?;
        let contact = even.iter().find(|contact| contact.id == id);
        let Some((contact, mean)) = contact.and_then(|contact| Some((contact, contact.mean?)))
        else {
            return Ok(());
        };
        let from = view.own_box(contact.from)?.address();
        let drawn = contact.times.as_ref().filter(|times| times.mean == mean.as_secs());
        let leaves = match drawn {
            Some(times) if now < times.next => return Ok(()),
            Some(times) => {
                times::is_even_time(times.next, now) && self.may_spend_evenly(view, now)?
            }
            // Drawn anew: nothing of the times before says when the next one is.
            None => false,
        };
        let next = now.plus(times::even_gap(mean, random));
        store.change(|change| {
            if let Some(from) = from.filter(|_| leaves) {
                change.leave_evenly(contact, Cover::new(from, uuid, salt), now)?;
            }
            change.draw_even(contact, mean, next)
        })?;
        Ok(())
    }

    /// Whether a pass has rested, and enough are left for the rest of the day.
    fn may_spend_evenly(&self, view: View<'_>, now: Time) -> Result<bool, Setback> {
        let rows = view.passes(&self.way.broker.fingerprint, Day::of(now))?;
        let taken = rows.len();
        let held: Vec<Time> = rows
            .into_iter()
            .flatten()
            .filter_map(|kept| match kept.record.state {
                PassState::Held { not_before, .. } => Some(not_before),
                PassState::Asked { .. } | PassState::Spent { .. } => None,
            })
            .collect();
        let has_rested = held.iter().any(|not_before| *not_before <= now);
        Ok(has_rested && times::may_spend_evenly(held.len(), taken))
    }
}
