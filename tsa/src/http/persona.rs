//! Certificates and tickets for personas.

use std::error::Error as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregao_protocol::trust::certificate::ticket::{Proof, TicketId, TicketParties, issue_ticket};
use pregao_protocol::trust::certificate::{
    CertificateError, pem_to_der, verify_csr, verify_persona_certificate,
};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::wire::tsa::{
    CertificateAnswer, ChallengeAnswer, Issue, NewChallenge, SignCsr, TicketAnswer,
};

use super::enrol;
use super::error::{
    ApiError, certificate_error, challenge_error, csr_error, invite_error, proof_error,
};
use super::request::{answered, parse, random};
use crate::code;
use crate::host;
use crate::stamper::StampRefusal;
use crate::state::{Policy, ServiceState};
use crate::store::Admission;

pub(super) async fn sign_csr(
    State(tsa): State<Arc<ServiceState>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: SignCsr = parse(body)?;
    let key = csr_der(&request.csr).and_then(|der| verify_csr(&der)).map_err(csr_error)?;
    require_not_revoked(&tsa, key.fingerprint()).await?;
    let now = tsa.stamper.now()?;
    let renews = request.certificate.is_some_and(|pem| {
        let held = pem_to_der(&pem, "CERTIFICATE")
            .and_then(|der| verify_persona_certificate(&der, &tsa.ca.public(), now));
        held.is_ok_and(|held| held.key == key)
    });
    let mut issuer = None;
    let invite = match (tsa.policy, request.invite) {
        (Policy::Open, _) => None,
        (Policy::Card, _) => {
            // A certificate does not replace a token: with it one citizen could keep a persona of every period.
            let citizens = tsa.citizens.as_ref();
            let citizens = citizens.ok_or_else(|| ApiError::internal("no citizens"))?;
            let token = request.token.as_ref();
            issuer = Some(enrol::require_token(&tsa, citizens, token, &key).await?);
            None
        }
        (Policy::Invite, _) if renews => None,
        (Policy::Invite, Some(code)) => Some(code),
        (Policy::Invite, None) => {
            return Err(invite_error(code::INVITE_MISSING, "this TSA enrols by invitation only"));
        }
    };
    // Made before the invitation is used up, so that no failure costs the applicant a code.
    let pem = tsa.ca.certify_persona(&key, issuer, now).map_err(|error| {
        tracing::error!(%error, "cannot make a certificate");
        ApiError::internal("the certificate could not be made")
    })?;
    if tsa.policy == Policy::Card {
        // Not counted in the store: its file would tell when a token was spent.
        tsa.load.certificates.fetch_add(1, Ordering::Relaxed);
        return Ok(answered::<SignCsr>(CertificateAnswer { certificate: pem }));
    }
    let state = Arc::clone(&tsa);
    let admission = host::blocking(&tsa.host, move || {
        state.store.lock().unwrap_or_else(PoisonError::into_inner).enrol(invite.as_deref())
    })
    .await
    .ok_or_else(|| ApiError::internal("the enrolment was interrupted"))?
    .map_err(|error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%error, cause, "cannot record an enrolment");
        ApiError::from(StampRefusal::Store(cause))
    })?;
    match admission {
        Admission::Admitted => {
            tsa.load.certificates.fetch_add(1, Ordering::Relaxed);
            Ok(answered::<SignCsr>(CertificateAnswer { certificate: pem }))
        }
        Admission::Used => Err(invite_error(code::INVITE_USED, "this invitation was used before")),
        Admission::Unknown => Err(invite_error(code::INVITE_UNKNOWN, "this is no invitation")),
    }
}

/// Refuses what a revoked persona asks for.
async fn require_not_revoked(
    tsa: &Arc<ServiceState>,
    persona: Fingerprint,
) -> Result<(), ApiError> {
    let state = Arc::clone(tsa);
    let revoked = host::blocking(&tsa.host, move || {
        state.store.lock().unwrap_or_else(PoisonError::into_inner).is_revoked(persona)
    });
    match revoked.await {
        Some(Ok(false)) => Ok(()),
        Some(Ok(true)) => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            code::PERSONA_REVOKED,
            "the operator of this TSA revoked this persona",
            "ask the operator",
        )),
        Some(Err(error)) => {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "cannot look up whether a persona is revoked");
            Err(StampRefusal::Store(cause).into())
        }
        None => Err(ApiError::internal("looking up a persona was interrupted")),
    }
}

fn csr_der(text: &str) -> Result<Vec<u8>, CertificateError> {
    if text.trim_start().starts_with("-----BEGIN") {
        pem_to_der(text, "CERTIFICATE REQUEST")
    } else {
        STANDARD
            .decode(text)
            .map_err(|_| CertificateError::Malformed("PKCS#10 certification request"))
    }
}

pub(super) async fn challenge(State(tsa): State<Arc<ServiceState>>) -> Result<Response, ApiError> {
    let mut bytes = [0_u8; 8];
    random(&tsa.host, &mut bytes)?;
    let challenge = tsa.load.challenges.give(bytes, tsa.load.elapsed());
    Ok(answered::<NewChallenge>(ChallengeAnswer { challenge }))
}

pub(super) async fn issue(
    State(tsa): State<Arc<ServiceState>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: Issue = parse(body)?;
    let now = tsa.stamper.now()?;
    let der = pem_to_der(&request.certificate, "CERTIFICATE").map_err(certificate_error)?;
    let certificate =
        verify_persona_certificate(&der, &tsa.ca.public(), now).map_err(certificate_error)?;
    let proof = Proof::verify(&request.proof, &certificate.key, &der).map_err(proof_error)?;
    let taken = tsa.load.challenges.take(proof.challenge, tsa.load.elapsed());
    taken.map_err(|error| {
        challenge_error(error, "fetch a new one from /api/challenge and sign that")
    })?;
    // Only whoever shows that the persona is theirs learns that it was revoked.
    require_not_revoked(&tsa, certificate.key.fingerprint()).await?;
    let mut id = [0_u8; 16];
    random(&tsa.host, &mut id)?;
    let parties = TicketParties {
        authority: tsa.ca.fingerprint(),
        audience: proof.aud,
        persona: certificate.key.fingerprint(),
        certificate: &der,
    };
    let ticket = issue_ticket(&parties, TicketId(id), now, &tsa.ticket);
    tsa.load.tickets.fetch_add(1, Ordering::Relaxed);
    Ok(answered::<Issue>(TicketAnswer { ticket }))
}
