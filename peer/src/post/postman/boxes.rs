//! Boxes that are opened and closed, the same action again until it has its answer.

use pregao_protocol::log::Receipt;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::{Body, BoxOpening};
use pregao_protocol::room::{Code, Undecided};
use pregao_protocol::trust::broker::BrokerCertificate;
use pregao_protocol::trust::seal::SealPublic;

use super::plan::Plan;
use super::reading::Looked;
use super::setback::Setback;
use super::{News, Round};
use crate::post::guest::GuestError;
use crate::post::letters::PostError;
use crate::post::own_box::OwnBox;
use crate::post::store::MailError;
use crate::post::store::contacts::ContactId;
use crate::post::store::own_boxes::{BoxId, BoxPurpose, BoxRecord, BoxSecrets, BoxState};

/// Letters that wait in a box at most.
const LETTERS: u32 = 1_000;
/// Bytes that wait in a box at most: those of 64 of the smallest letters and some large files.
const BYTES: u64 = 64 * 1024 * 1024;
/// Seconds that a stamp counts.
const FRESHNESS: u32 = 60;

/// How a box is opened at a broker, by its certificate. All boxes of all users are opened alike, but for handle and line:
/// none is known by its size.
#[must_use]
pub fn terms(certificate: &BrokerCertificate, secrets: &BoxSecrets) -> BoxOpening {
    BoxOpening {
        handle: None,
        about: None,
        agreement: SealPublic(secrets.agreement().public().0),
        letters: LETTERS,
        bytes: BYTES,
        freshness: FRESHNESS,
        broker: certificate.keys,
        stamps: certificate.stamps.clone(),
        simulated: certificate.simulated,
    }
}

impl Round {
    pub(super) fn record(&self, id: BoxId) -> Result<BoxRecord, MailError> {
        self.office.store().view().own_box(id)
    }

    /// Opens a box that was drawn.
    pub(super) async fn open_box(&self, id: BoxId, plan: &mut Plan) -> Result<(), Setback> {
        let record = self.record(id)?;
        if record.state != BoxState::Drawn {
            return Ok(());
        }
        let own = own_box(&record)?;
        let mut session = self.session().await?;
        let compact = own.opening().compact();
        // What was handed in before and decided has its answer, without a pass.
        let before = match &record.stamp {
            Some(stamp) => Some(session.hand_in(own.opening(), stamp, compact).await),
            None => None,
        };
        let answer = match before {
            None | Some(Err(GuestError::Undecided(Undecided::PASS_NONE))) => {
                self.pay(&mut session, own.opening().digest(), plan.hurry).await?;
                let stamp = session.stamp(own.opening()).await?;
                let kept = Some(stamp.clone());
                self.office
                    .store()
                    .change(|change| change.edit_box(id, |record| record.stamp = kept))?;
                session.hand_in(own.opening(), &stamp, compact).await
            }
            Some(answer) => answer,
        };
        match answer {
            Ok(receipt) => {
                self.opened(id, receipt).await?;
                plan.looks.remove(&id);
                Ok(())
            }
            Err(GuestError::Undecided(Undecided::PASS_SPENT)) => {
                self.forget_spent_on(own.opening().digest())?;
                Err(Setback::Later)
            }
            Err(GuestError::Refused { code, .. }) => self.not_opened(id, &record, &own, code).await,
            Err(error) => Err(Setback::from(error).about(record.name)),
        }
    }

    async fn opened(&self, id: BoxId, receipt: Receipt) -> Result<(), Setback> {
        self.office.store().change(|change| {
            change.edit_box(id, |record| {
                // It may be that it is to be closed meanwhile.
                if record.state == BoxState::Drawn {
                    record.state = BoxState::Opened;
                }
                record.receipt = Some(receipt);
            })
        })?;
        self.say(News::Boxes).await;
        Ok(())
    }

    /// The broker refused the opening for good: of a stamp that was too old another box is drawn.
    async fn not_opened(
        &self,
        id: BoxId,
        record: &BoxRecord,
        own: &OwnBox,
        code: Code,
    ) -> Result<(), Setback> {
        self.office.store().change(|change| {
            change.close_box(id)?;
            if let BoxPurpose::Contact(contact) = record.purpose {
                change.edit_contact(contact, |contact| contact.given = None)?;
            }
            Ok::<_, MailError>(())
        })?;
        if let (Code::StampStale, Body::Box(opening)) = (code, own.opening().body())
            && matches!(record.purpose, BoxPurpose::First { .. })
        {
            let secrets = self.office.box_secrets()?;
            let agreement = SealPublic(secrets.agreement().public().0);
            let opening = BoxOpening { agreement, ..opening.clone() };
            self.office.draw_box(opening, record.purpose.clone(), secrets)?;
            return Ok(());
        }
        self.say(News::Boxes).await;
        if code == Code::StampStale {
            return Ok(());
        }
        Err(Setback::trouble(
            format!("the broker did not open the box: {} ({code})", code.message()),
            code.advice(),
        ))
    }

    /// A box for the letters of one contact, drawn if there is none yet, with the keys that it will be known by. Durable.
    pub(super) async fn draw_for(&self, contact: ContactId) -> Result<BoxId, Setback> {
        // Whose the boxes are that are opened the broker is not to see from what else is done in a session.
        let session = self.session().await?;
        let secrets = self.office.box_secrets()?;
        let opening = terms(session.certificate(), &secrets);
        drop(session);
        if !opening.stamps.contains(&self.stamp) {
            return Err(Setback::trouble(
                "the broker does not take the stamps of your TSA for boxes",
                "use a broker that does",
            ));
        }
        let id = self.office.draw_box(opening, BoxPurpose::Contact(contact), secrets)?;
        self.office
            .store()
            .change(|change| change.edit_contact(contact, |contact| contact.given = Some(id)))?;
        self.say(News::Boxes).await;
        Ok(id)
    }

    /// Closes a box, once all that came is here.
    pub(super) async fn close_box(&self, id: BoxId, plan: &mut Plan) -> Result<(), Setback> {
        let record = self.record(id)?;
        if record.state != BoxState::Closing {
            return Ok(());
        }
        let own = own_box(&record)?;
        let mut session = self.session().await?;
        if record.receipt.is_none() {
            let compact = own.opening().compact();
            let before = match &record.stamp {
                Some(stamp) => session.hand_in(own.opening(), stamp, compact).await,
                None => Err(GuestError::Undecided(Undecided::PASS_NONE)),
            };
            match before {
                Ok(receipt) => self.opened(id, receipt).await?,
                // It was never opened.
                Err(GuestError::Refused { .. } | GuestError::Undecided(Undecided::PASS_NONE)) => {
                    return self.closed(id, plan).await;
                }
                Err(error) => return Err(Setback::from(error).about(record.name)),
            }
        }
        let Looked { seen, decided } = self.look_into(id, &mut session, plan).await?;
        if decided || self.waits_unopened(id, plan)? {
            // With the box its keys go: what is here, or was just handed over, is opened before.
            return Err(Setback::Later);
        }
        match session.close(&own, seen).await {
            Ok(_) => {}
            // It was closed before, and the answer was lost.
            Err(PostError::Guest(GuestError::Refused { code: Code::VerbPhase, .. })) => {}
            Err(error) => return Err(Setback::from(error).about(record.name)),
        }
        self.closed(id, plan).await
    }

    async fn closed(&self, id: BoxId, plan: &mut Plan) -> Result<(), Setback> {
        self.decline_open(id, self.time()?).await?;
        self.office.store().change(|change| change.close_box(id))?;
        plan.looks.remove(&id);
        self.say(News::Boxes).await;
        Ok(())
    }
}

/// A box that is not closed, to act in it.
pub(super) fn own_box(record: &BoxRecord) -> Result<OwnBox, Setback> {
    let damaged = || {
        Setback::trouble("what is kept of a box cannot be used", "restore mail.db from a backup")
    };
    let secrets = record.secrets.as_ref().ok_or_else(damaged)?;
    let opening = Action::parse(&record.opening).map_err(|_| damaged())?;
    OwnBox::restored(secrets.key(), opening).ok_or_else(damaged)
}
