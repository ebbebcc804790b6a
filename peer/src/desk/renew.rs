//! Keeping the persona certified: the same key, before its certificate ends.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use tokio::sync::mpsc;

use super::Desk;
use super::enrol::{self, EnrolError};
use super::evidence::Exhibit;
use crate::event::Event;
use crate::front::channel::UserRequest;
use crate::host::blocking;
use crate::net::tsa::{TsaError, verify_whenever};
use crate::vault::{KeptEnrolment, KeptIssuer};

/// The TSA's code for a certificate that has ended.
pub(super) const EXPIRED: &str = "certificate.expired";
/// What is left of a certificate when another is asked for.
const RENEW_WITHIN: Duration = Duration::from_secs(2 * 86_400);
/// How soon renewing is tried again after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(600);
/// What is left of a token's time when the user is told.
const TOKEN_ENDING: Duration = Duration::from_secs(7 * 86_400);

/// Whether so little is left that another certificate is due.
fn is_due(ends: Time, now: Time) -> bool {
    ends.since(now) <= RENEW_WITHIN
}

/// What the user is to know of a token whose issuer has ended its period or soon stops honouring it.
fn token_ending(issuer: &KeptIssuer, now: Time) -> Option<String> {
    let ends = issuer.spend_until;
    let again = "enrol with the card again: pregao enrol --card";
    if now >= ends {
        Some(format!("your token ended on {ends} and renews your certificate no more: {again}"))
    } else if now >= issuer.until {
        Some(format!("your token of the last period ends on {ends}: {again}"))
    } else if ends.since(now) <= TOKEN_ENDING {
        let until = issuer.until;
        Some(format!("your token of this period ends on {ends}: from {until} on, {again}"))
    } else {
        None
    }
}

/// When the persona's certificate ends, and what was done about it.
#[derive(Debug)]
pub(super) struct Renewal {
    ends: Time,
    judged: Judgement,
    /// When renewing was last tried.
    tried: Option<Duration>,
    /// The issuer of the period that an act was refused for want of, where no auction under way asks for another.
    pub(super) wanted: std::sync::Mutex<Option<Digest>>,
}

/// What the TSA said of the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    /// Nothing.
    None,
    /// That it has expired.
    Expired,
}

impl Renewal {
    /// Of a certificate that ends then.
    pub(super) const fn until(ends: Time) -> Self {
        let wanted = std::sync::Mutex::new(None);
        Self { ends, judged: Judgement::None, tried: None, wanted }
    }

    pub(super) const fn ends(&self) -> Time {
        self.ends
    }

    /// The TSA said that the certificate has expired.
    pub(super) const fn note_expired(&mut self) {
        self.judged = Judgement::Expired;
    }

    fn is_expired(&self) -> bool {
        self.judged == Judgement::Expired
    }

    /// Another certificate was given.
    const fn begin(&mut self, ends: Time) {
        (self.ends, self.judged) = (ends, Judgement::None);
    }
}

impl Desk {
    /// TSA time if it is known, else the system's, which says nothing about simulated time.
    pub(super) fn judged_at(&self) -> Option<Time> {
        let wall = || self.options.host.clock.wall();
        self.reckoned().or_else(|| (!self.tsa.simulated).then(wall))
    }

    /// Says what an expired certificate leaves, once at the start.
    pub(super) async fn tell_if_expired(&self) {
        if self.judged_at().is_some_and(|now| now > self.renewal.ends) {
            let text = format!(
                "your certificate ended at {}: receipts and identity can be read; to trade again, \
                 renew it with pregao enrol",
                self.renewal.ends
            );
            self.emit(Event::note(text)).await;
        }
        self.tell_if_token_ends().await;
    }

    /// Says that another token is needed, while there is time to fetch it.
    async fn tell_if_token_ends(&self) {
        let held = self.vault.contents().enrolment.as_ref().and_then(|kept| kept.held.as_ref());
        let ending =
            held.zip(self.judged_at()).and_then(|(held, now)| token_ending(&held.issuer, now));
        let unspent = held.and_then(|held| held.spend_after).map(|after| {
            format!("your newest token is not spent yet; at {after} or later: pregao enrol --spend")
        });
        for text in ending.into_iter().chain(unspent) {
            self.emit(Event::note(text)).await;
        }
    }

    pub(super) fn is_renewal_due(&self) -> bool {
        let due = self.judged_at().is_some_and(|now| is_due(self.renewal.ends, now));
        let other = self.is_of_another_period();
        self.may_try_again() && (due || self.renewal.is_expired() || other)
    }

    fn may_try_again(&self) -> bool {
        let now = self.options.host.clock.uptime();
        self.renewal.tried.is_none_or(|since| now.saturating_sub(since) >= RETRY_AFTER)
    }

    /// Whether a session is to end so that the next one is with a certificate of another period.
    pub(super) fn is_certificate_outdated(&self) -> bool {
        self.is_of_another_period() && self.may_try_again()
    }

    /// The issuer that the certificate should name: of an auction under way, or of one where that was missing.
    fn issuer_asked_for(&self) -> Option<Digest> {
        let wanted = || self.renewal.wanted.lock().ok().and_then(|wanted| *wanted);
        self.issuer_under_way().or_else(wanted)
    }

    /// Whether an auction asks for a persona that this is with a token kept here, and is not with its certificate.
    fn is_of_another_period(&self) -> bool {
        let Some(asked) = self.issuer_asked_for() else { return false };
        self.own_issuer() != Some(asked) && self.holds_token_of(asked)
    }

    /// Asks the CA to certify the same key again while commands go on being answered. A failure
    /// stops nothing: what is left of the certificate goes on being used. False if the front left.
    pub(super) async fn renew(&mut self, commands: &mut mpsc::Receiver<UserRequest>) -> bool {
        self.renewal.tried = Some(self.options.host.clock.uptime());
        let (authority, persona) = (self.tsa_client.clone(), Arc::clone(&self.persona));
        let (keys, held) = (self.tsa.clone(), self.vault.contents().certificate.clone());
        let enrolment = self.vault.contents().enrolment.as_ref();
        let (asked, now) = (self.issuer_asked_for(), self.judged_at());
        let of_asked = |kept: &KeptEnrolment| kept.of_issuer(asked?, now).cloned();
        let token =
            enrolment.and_then(|kept| of_asked(kept).or_else(|| kept.renewing(now).cloned()));
        let host = self.options.host.clone();
        let asking = blocking(&host, move || match token {
            Some(token) => enrol::spend_again(&authority, &persona, &token),
            None => Ok(authority.renew(&persona, &keys, None, &held)?),
        });
        tokio::pin!(asking);
        let answer = loop {
            tokio::select! {
                answer = &mut asking => break answer,
                request = commands.recv() => match request {
                    Some(request) => if !self.handle_command(request).await { return false },
                    None => return false,
                },
            }
        };
        match answer {
            Some(Ok(certificate)) => self.take_certificate(certificate).await,
            Some(Err(error)) => self.not_renewed(&error).await,
            None => tracing::error!("renewing was interrupted"),
        }
        true
    }

    async fn take_certificate(&mut self, certificate: Vec<u8>) {
        let wall = self.options.host.clock.wall();
        let ends = verify_whenever(&certificate, &self.tsa.authority, wall);
        let Ok(ends) = ends.map(|certified| certified.not_after) else { return };
        let kept = self.vault.update(|contents| contents.certificate = certificate);
        if let Err(error) = kept {
            self.vault_trouble(&error).await;
        }
        self.renewal.begin(ends);
        // A ticket names the certificate it was given for.
        self.connection.drop_ticket();
        let text = format!("your certificate was renewed and holds until {ends}");
        self.emit(Event::note(text)).await;
        self.tell_if_token_ends().await;
    }

    async fn not_renewed(&mut self, error: &EnrolError) {
        if let EnrolError::OtherIssuer(conflict) = error {
            let parts = conflict.evidence();
            let notes = Exhibit::Notes("issuer", &parts);
            return self.accuse(None, &error.to_string(), &error.advice(), notes).await;
        }
        let enrolment = self.vault.contents().enrolment.as_ref();
        let unspent = enrolment.and_then(|kept| kept.held.as_ref()?.spend_after).is_some();
        let advice = match error {
            EnrolError::Authority(TsaError::Refused(report)) => match &*report.code {
                code if code.starts_with("invite.") => {
                    "ask the operator for an invitation, then run pregao enrol with --invite".into()
                }
                code if code.starts_with("token.") && unspent => {
                    "spend the token you fetched: pregao enrol --spend".into()
                }
                code if code.starts_with("token.") => {
                    "fetch a token with your card: pregao enrol --card".into()
                }
                _ => error.advice(),
            },
            other => other.advice(),
        };
        let ends = self.renewal.ends;
        let text =
            format!("your certificate ends at {ends} and was not renewed: {error}; {advice}");
        self.emit(Event::note(text)).await;
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
    fn issuer() -> KeptIssuer {
        let at = |days: u64| Time::default().plus(Duration::from_secs(days * 86_400));
        let statement = String::new();
        let id = pregao_protocol::value::codec::Digest([1; 32]);
        KeptIssuer { id, from: at(100), until: at(130), spend_until: at(137), statement }
    }

    #[test]
    fn a_token_is_said_to_end_while_there_is_time_to_fetch_another() {
        let tell = |seconds: u64| {
            token_ending(&issuer(), Time::default().plus(Duration::from_secs(seconds)))
        };
        let day = 86_400;
        assert_eq!(tell(130 * day - 1), None);
        assert!(tell(130 * day).unwrap().contains("last period ends on"));
        assert!(tell(137 * day - 1).unwrap().contains("last period ends on"));
        assert!(tell(137 * day).unwrap().contains("ended on"));
        // Where tokens end with their period, a week before.
        let until = issuer().spend_until;
        let short = KeptIssuer { until, ..issuer() };
        let tell =
            |seconds: u64| token_ending(&short, Time::default().plus(Duration::from_secs(seconds)));
        assert_eq!(tell(130 * day - 1), None);
        assert!(tell(130 * day).unwrap().contains(&format!("from {until} on")));
    }
}
