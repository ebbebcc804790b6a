//! Keeping the persona certified: the same key, before its certificate ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pregao_protocol::clock::Time;
use tokio::sync::mpsc;

use super::Desk;
use crate::authority::{AuthorityError, system_time, verify_whenever};
use crate::event::Event;
use crate::front::Request;

/// The TSA's code for a certificate that has ended.
pub(super) const EXPIRED: &str = "certificate.expired";
/// What is left of a certificate when another is asked for.
const RENEW_WITHIN: Duration = Duration::from_secs(2 * 86_400);
/// How soon renewing is tried again after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(600);

/// Whether so little is left that another certificate is due.
fn is_due(ends: Time, now: Time) -> bool {
    ends.since(now) <= RENEW_WITHIN
}

impl Desk {
    /// TSA time if it is known, else the system's, which says nothing about simulated time.
    fn judged_at(&self) -> Option<Time> {
        self.now().or_else(|| (!self.tsa.simulated).then(system_time))
    }

    /// Says what an expired certificate leaves, once at the start.
    pub(super) async fn tell_if_expired(&self) {
        if self.judged_at().is_some_and(|now| now > self.certificate_ends) {
            let text = format!(
                "your certificate ended at {}: receipts and identity can be read; to trade again, \
                 renew it with pregao enrol",
                self.certificate_ends
            );
            self.tell(Event::Note { text }).await;
        }
    }

    pub(super) fn is_renewal_due(&self) -> bool {
        let tried = self.renewed.is_some_and(|since| since.elapsed() < RETRY_AFTER);
        let due = self.judged_at().is_some_and(|now| is_due(self.certificate_ends, now));
        !tried && (due || self.expired)
    }

    /// Asks the CA to certify the same key again while commands go on being answered. A failure
    /// stops nothing: what is left of the certificate goes on being used. False if the front left.
    pub(super) async fn renew(&mut self, commands: &mut mpsc::Receiver<Request>) -> bool {
        self.renewed = Some(Instant::now());
        let (authority, persona) = (self.authority.clone(), Arc::clone(&self.persona));
        let (keys, held) = (self.tsa.clone(), self.vault.contents().certificate.clone());
        let asking =
            tokio::task::spawn_blocking(move || authority.renew(&persona, &keys, None, &held));
        tokio::pin!(asking);
        let answer = loop {
            tokio::select! {
                answer = &mut asking => break answer,
                request = commands.recv() => match request {
                    Some(request) => if !self.command(request).await { return false },
                    None => return false,
                },
            }
        };
        match answer {
            Ok(Ok(certificate)) => self.take_certificate(certificate).await,
            Ok(Err(error)) => self.not_renewed(&error).await,
            Err(error) => tracing::error!(%error, "renewing was interrupted"),
        }
        true
    }

    async fn take_certificate(&mut self, certificate: Vec<u8>) {
        let ends = verify_whenever(&certificate, &self.tsa.authority, system_time());
        let Ok(ends) = ends.map(|certified| certified.not_after) else { return };
        if let Err(error) = self.vault.update(|contents| contents.certificate = certificate) {
            self.vault_trouble(&error).await;
        }
        (self.certificate_ends, self.expired) = (ends, false);
        // A ticket names the certificate it was given for.
        self.ticket = None;
        let text = format!("your certificate was renewed and holds until {ends}");
        self.tell(Event::Note { text }).await;
    }

    async fn not_renewed(&self, error: &AuthorityError) {
        let advice = match error {
            AuthorityError::Refused { code, .. } if code.starts_with("invite.") => {
                "ask the operator for an invitation, then run pregao enrol with --invite"
            }
            other => other.advice(),
        };
        let ends = self.certificate_ends;
        let text =
            format!("your certificate ends at {ends} and was not renewed: {error}; {advice}");
        self.tell(Event::Note { text }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_two_days_or_less_are_left() {
        let now = Time::default().plus(Duration::from_secs(1_000_000));
        let left = |left: Duration| is_due(now.plus(left), now);
        assert!(left(RENEW_WITHIN));
        assert!(!left(RENEW_WITHIN + Duration::from_micros(1)));
        assert!(left(Duration::ZERO));
        assert!(is_due(Time::default(), now));
    }
}
