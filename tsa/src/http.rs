//! The TSA's HTTP interface (SPEC 11): bounded, parsed strictly, every refusal with a stable code.

use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregao_protocol::certificate::ticket::{Proof, TicketId, TicketParties, issue_ticket};
use pregao_protocol::certificate::{
    CertificateError, pem_to_der, verify_csr, verify_persona_certificate,
};
use pregao_protocol::clock::Time;
use pregao_protocol::stamp;
use pregao_protocol::tsa::{
    CertificateAnswer, ChallengeAnswer, CitizenEnrol, CitizenOffer, Health, Issue, NewChallenge,
    Request as Asked, ResetTime, SetTime, SignCsr, TicketAnswer, TimeAnswer, Timestamp, content,
    path,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::oneshot;

use crate::citizen::coarse;
use crate::clock::ClockError;
use crate::host;
use crate::ip_limiter::Origin;
use crate::refusal::{
    ApiError, Refused, certificate_error, challenge_error, csr_error, invite_error, proof_error,
    unknown_method, unknown_path,
};
use crate::request::{answered, parse, random};
use crate::stamper::{Share, StampRefusal};
use crate::state::{MAX_REQUESTS, MAX_STREAMS, Policy, STREAMS_EACH, Tsa};
use crate::store::Admission;
use crate::stream;

mod enrol;

/// Without a batch for this long the stamper is not well: one is promised each second.
const MAX_SILENCE: Duration = Duration::from_secs(3);
/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// All routes. Setting the time exists only if the CA says that time is simulated.
pub fn router(tsa: Arc<Tsa>) -> Router {
    let mut api = Router::new()
        .route(path::SIGN_CSR, posted::<SignCsr>(post(sign_csr)))
        .route(path::CHALLENGE, posted::<NewChallenge>(post(challenge)))
        .route(path::CITIZEN_OFFER, posted::<CitizenOffer>(post(enrol::offer)))
        .route(path::CITIZEN_ENROL, posted::<CitizenEnrol>(post(enrol::enrol)))
        .route(path::ISSUE, posted::<Issue>(post(issue)))
        .route(path::TIMESTAMP, posted::<Timestamp>(post(timestamp)))
        .route(path::SHEET, get(sheet))
        .route(path::CA, get(ca_pem));
    if tsa.ca.simulated() {
        api = api
            .route(path::SET_TIME, posted::<SetTime>(post(set_time)))
            .route(path::RESET_TIME, posted::<ResetTime>(post(reset_time)));
    }
    api.layer(middleware::from_fn_with_state(Arc::clone(&tsa), bounded))
        .route(path::STREAM, get(open_stream))
        .route(path::HEALTH, get(healthz))
        .route(path::METRICS, get(metrics))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&tsa), counted))
        .with_state(tsa)
}

/// Bounds the body of a route by the limit of its request.
fn posted<R: Asked>(route: MethodRouter<Arc<Tsa>>) -> MethodRouter<Arc<Tsa>> {
    route.layer(DefaultBodyLimit::max(R::MAX))
}

async fn bounded(State(tsa): State<Arc<Tsa>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = tsa.load.requests.try_acquire() else {
        return ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "tsa.busy",
            format!("{MAX_REQUESTS} requests are being worked on"),
            "try again in a moment",
        )
        .into_response();
    };
    let advice = if request.uri().path() == path::CITIZEN_ENROL {
        "apply again with the same request: if it was signed meanwhile, its answer comes again"
    } else {
        "send the whole body at once"
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "tsa.timeout",
            format!("the request took longer than {} s", REQUEST_TIMEOUT.as_secs()),
            advice,
        )
        .into_response(),
    }
}

async fn counted(State(tsa): State<Arc<Tsa>>, request: Request, next: Next) -> Response {
    let asked = request.uri().path().to_owned();
    let response = next.run(request).await;
    if response.extensions().get::<Refused>().is_some() {
        // Of citizens neither: a time and an outcome is more than log and counter shall tell.
        let spent = tsa.citizens.is_some() && asked == path::SIGN_CSR;
        if spent || asked.starts_with(path::CITIZEN) {
            return response;
        }
        tsa.load.refusals.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(path = asked, status = response.status().as_u16(), "refused");
    }
    response
}

async fn sign_csr(
    State(tsa): State<Arc<Tsa>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: SignCsr = parse(body)?;
    let key = csr_der(&request.csr).and_then(|der| verify_csr(&der)).map_err(csr_error)?;
    let now = tsa.stamper.now()?;
    let renews = request.certificate.is_some_and(|pem| {
        let held = pem_to_der(&pem, "CERTIFICATE")
            .and_then(|der| verify_persona_certificate(&der, &tsa.ca.public(), now));
        held.is_ok_and(|held| held.key == key)
    });
    let invite = match (tsa.policy, request.invite) {
        (Policy::Open, _) => None,
        (Policy::Card, _) => {
            // A certificate does not stand in: with it one citizen could keep a persona of every period.
            let citizens = tsa.citizens.as_ref();
            let citizens = citizens.ok_or_else(|| ApiError::internal("no citizens"))?;
            enrol::require_token(&tsa, citizens, request.token.as_ref(), &key).await?;
            None
        }
        (Policy::Invite, _) if renews => None,
        (Policy::Invite, Some(code)) => Some(code),
        (Policy::Invite, None) => {
            return Err(invite_error("invite.missing", "this TSA enrols by invitation only"));
        }
    };
    // Made before the invitation is used up, so that no failure costs the applicant a code.
    let pem = tsa.ca.certify_persona(&key, now).map_err(|error| {
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
        Admission::Used => Err(invite_error("invite.used", "this invitation was used before")),
        Admission::Unknown => Err(invite_error("invite.unknown", "this is no invitation")),
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

async fn challenge(State(tsa): State<Arc<Tsa>>) -> Result<Response, ApiError> {
    let mut bytes = [0_u8; 8];
    random(&tsa.host, &mut bytes)?;
    let challenge = tsa.load.challenges.give(bytes, tsa.load.elapsed());
    Ok(answered::<NewChallenge>(ChallengeAnswer { challenge }))
}

async fn issue(
    State(tsa): State<Arc<Tsa>>,
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

async fn sheet(State(tsa): State<Arc<Tsa>>) -> Result<Response, ApiError> {
    let moment = enrol::moment(&tsa)?;
    let now = moment.now;
    let mut issuers = None;
    if let Some(citizens) = &tsa.citizens {
        // Stamps and tickets do not wait for citizens: what is stated already is served in any case.
        let _ = enrol::period(&tsa.host, citizens, moment).await;
        let known = citizens.issuers();
        let stated = known.sheet(now);
        issuers = (!stated.is_empty()).then(|| (known.key().public(), stated));
    }
    let sheet = tsa.ca.sheet(&tsa.ticket.public(), &tsa.stamp, issuers, now).map_err(|error| {
        tracing::error!(%error, "cannot make the sheet of keys");
        ApiError::internal("the sheet of keys could not be made")
    })?;
    Ok(axum::Json(sheet).into_response())
}

async fn ca_pem(State(tsa): State<Arc<Tsa>>) -> Response {
    ([(header::CONTENT_TYPE, content::PEM)], tsa.ca.pem().to_owned()).into_response()
}

async fn timestamp(
    State(tsa): State<Arc<Tsa>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: Timestamp = parse(body)?;
    let (reply, answer) = oneshot::channel();
    tsa.stamper.stamp(
        vec![request.digest],
        Box::new(move |answer| {
            // The asker may have left: then nobody needs the stamp.
            let _ = reply.send(answer);
        }),
    );
    let Share { batch, slots } = answer.await.map_err(|_| StampRefusal::Stopping)??;
    let slot = slots.first().copied().ok_or(StampRefusal::Count)?;
    let stamp = stamp::FullStamp {
        batch: batch.compact.clone(),
        index: u64::from(slot),
        path: batch.path(slot),
    };
    Ok(answered::<Timestamp>(stamp))
}

async fn set_time(
    State(tsa): State<Arc<Tsa>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: SetTime = parse(body)?;
    let target = rfc3339(&request.time).ok_or_else(|| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "time.malformed",
            "not a time in RFC 3339",
            "send something like 2026-11-20T13:00:00Z",
        )
    })?;
    change_time(&tsa, Some(target)).await
}

async fn reset_time(State(tsa): State<Arc<Tsa>>) -> Result<Response, ApiError> {
    change_time(&tsa, None).await
}

fn rfc3339(text: &str) -> Option<Time> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let micros = u64::try_from(instant.unix_timestamp_nanos() / 1_000).ok()?;
    Time::from_micros(micros).ok()
}

async fn change_time(tsa: &Tsa, target: Option<Time>) -> Result<Response, ApiError> {
    let (reply, answer) = oneshot::channel();
    tsa.stamper.set_time(
        target,
        Box::new(move |answer| {
            let _ = reply.send(answer);
        }),
    );
    match answer.await.map_err(|_| StampRefusal::Stopping)? {
        Ok(time) => Ok(answered::<SetTime>(TimeAnswer { time })),
        Err(StampRefusal::Clock(ClockError::Behind { highest, .. })) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "time.back",
            format!("stamps up to {highest} are signed, and signed time never goes back"),
            "set a later time, or start with a new data folder",
        )),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn healthz(State(tsa): State<Arc<Tsa>>) -> Result<Response, ApiError> {
    let health = tsa.stamper.health();
    if let Some(fault) = health.fault {
        return Err(fault.into());
    }
    let (batch, time) = health.latest.unzip();
    let now = tsa.stamper.now()?;
    if time.is_none_or(|time| now.since(time) > MAX_SILENCE) {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stamp.stalled",
            format!("no batch was signed for more than {} s", MAX_SILENCE.as_secs()),
            "look for a slow disk or a busy machine; restart if it stays so",
        ));
    }
    Ok(axum::Json(Health { status: "ok".to_owned(), batch, time }).into_response())
}

async fn metrics(State(tsa): State<Arc<Tsa>>) -> Response {
    let counts = tsa.stamper.counts();
    let health = tsa.stamper.health();
    let streams = MAX_STREAMS.saturating_sub(tsa.load.streams.available_permits());
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let certificates = read(&tsa.load.certificates);
    let certificates = if tsa.citizens.is_some() { coarse(certificates) } else { certificates };
    let clock = matches!(health.fault, Some(StampRefusal::Clock(_)));
    let store = matches!(health.fault, Some(StampRefusal::Store(_)));
    let lines = [
        ("pregao_tsa_batches_total", "counter", counts.batches),
        ("pregao_tsa_stamps_total", "counter", counts.stamps),
        ("pregao_tsa_stamp_refusals_total", "counter", counts.refusals),
        ("pregao_tsa_http_refusals_total", "counter", read(&tsa.load.refusals)),
        ("pregao_tsa_certificates_total", "counter", certificates),
        ("pregao_tsa_tickets_total", "counter", read(&tsa.load.tickets)),
        ("pregao_tsa_streams", "gauge", u64::try_from(streams).unwrap_or(u64::MAX)),
        ("pregao_tsa_clock_trusted", "gauge", u64::from(!clock)),
        ("pregao_tsa_store_working", "gauge", u64::from(!store)),
    ];
    let mut text: String = lines
        .iter()
        .map(|(name, kind, value)| format!("# TYPE {name} {kind}\n{name} {value}\n"))
        .collect();
    if let Some(citizens) = &tsa.citizens {
        text.push_str(&citizens.metrics());
    }
    ([(header::CONTENT_TYPE, content::METRICS)], text).into_response()
}

async fn open_stream(
    State(tsa): State<Arc<Tsa>>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let permit = Arc::clone(&tsa.load.streams).try_acquire_owned().map_err(|_| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stream.busy",
            format!("{MAX_STREAMS} stamp streams are open"),
            "share one stream among all peers of a broker",
        )
    })?;
    let origin = request.extensions().get::<Origin>().copied();
    let share = match origin.map(|origin| tsa.load.streams_each.take(origin)) {
        Some(None) => {
            return Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "stream.busy",
                format!("{STREAMS_EACH} stamp streams are open from this address"),
                "share one stream among all peers of a broker",
            ));
        }
        share => share,
    };
    let response = tokio_tungstenite::tungstenite::handshake::server::create_response_with_body(
        &request,
        axum::body::Body::empty,
    )
    .map_err(|error| {
        ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            "stream.upgrade",
            error.to_string(),
            "open this path as a WebSocket, version 13",
        )
    })?;
    let upgrade = hyper::upgrade::on(&mut request);
    let host = tsa.host.clone();
    host.task(async move {
        if let Ok(upgraded) = upgrade.await {
            stream::serve(upgraded, tsa.stamper.clone(), tsa.stopping.clone()).await;
        }
        drop((permit, share));
    });
    Ok(response)
}
