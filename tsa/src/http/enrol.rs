//! The two requests of enrolment, and what a token buys.
//!
//! What these functions see is not logged, not even that they were called.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use pregao_protocol::host::Host;
use pregao_protocol::trust::enrolment::token::Token;
use pregao_protocol::trust::key::{Persona, PublicKey};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Advised as _;
use pregao_protocol::wire::tsa::{CitizenEnrol, CitizenOffer, OfferAnswer, SealedAnswer};
use zeroize::Zeroizing;

use super::error::{ApiError, challenge_error};
use super::request::{answered, no_randomness, parse, random};
use crate::citizen::issuers::{IssuersError, Period};
use crate::citizen::{Citizens, Seeds, UnopenedApplication};
use crate::clock::ClockReading;
use crate::code;
use crate::host;
use crate::ip_limiter::Origin;
use crate::state::ServiceState;

/// `POST /api/citizen/offer`.
pub(crate) async fn offer(State(tsa): State<Arc<ServiceState>>) -> Result<Response, ApiError> {
    let citizens = enrolling(&tsa)?;
    let reading = read_clock(&tsa)?;
    let mut bytes = [0_u8; 8];
    random(&tsa.host, &mut bytes)?;
    let mut seed = Zeroizing::new([0_u8; 32]);
    random(&tsa.host, seed.as_mut())?;
    let period = period(&tsa.host, &citizens, reading).await?;
    let offer = citizens.offer(&period, bytes, &seed, reading);
    Ok(answered::<CitizenOffer>(OfferAnswer { offer }))
}

/// `POST /api/citizen/enrol`.
pub(crate) async fn enrol(
    State(tsa): State<Arc<ServiceState>>,
    Extension(origin): Extension<Origin>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let citizens = enrolling(&tsa)?;
    let request: CitizenEnrol = parse(body)?;
    let place = citizens.admit(origin).await.ok_or_else(busy)?;
    let reading = read_clock(&tsa)?;
    let period = period(&tsa.host, &citizens, reading).await?;
    let seeds = Seeds::draw(&*tsa.host.random).map_err(no_randomness)?;
    let state = Arc::clone(&citizens);
    let judged = host::blocking(&tsa.host, move || {
        let _held = place;
        state.answer(request.challenge, &request.sealed, &period, &seeds, reading)
    })
    .await
    .ok_or_else(|| ApiError::internal("the enrolment was interrupted"))?;
    let sealed = judged.map_err(|error| {
        let (code, refusal) = unopened(error);
        citizens.refused(code);
        refusal
    })?;
    Ok(answered::<CitizenEnrol>(SealedAnswer { sealed }))
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        code::TSA_BUSY,
        "too many applications are being worked on",
        "send the application again in a moment",
    )
}

fn unopened(error: UnopenedApplication) -> (&'static str, ApiError) {
    match error {
        UnopenedApplication::Challenge(error) => {
            (error.code(), challenge_error(error, "fetch a new offer from /api/citizen/offer"))
        }
        UnopenedApplication::Application(error) => {
            let code = code::APPLICATION_MALFORMED;
            let advice = "seal {certificate,issuers,blinded,reply,signature} to the key of the \
                          offer, as the specification shows";
            let text = UnopenedApplication::Application(error).to_string();
            (code, ApiError::new(StatusCode::BAD_REQUEST, code, text, advice))
        }
    }
}

/// Whether a token buys a certificate for `persona`.
pub(crate) async fn require_token(
    tsa: &ServiceState,
    citizens: &Arc<Citizens>,
    token: Option<&Token>,
    persona: &PublicKey<Persona>,
) -> Result<Digest, ApiError> {
    let Some(token) = token else {
        let code = code::TOKEN_MISSING;
        citizens.refused(code);
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            code,
            "this TSA certifies personas of citizens: a token is needed",
            "enrol with a citizen card (/api/citizen/offer) and send its \"token\"",
        ));
    };
    // Tokens of the periods stated are honoured whether or not the next can begin.
    let now = read_clock(tsa)?.now;
    citizens.issuers().judge(token, persona, now).map_err(|error| {
        citizens.refused(error.code());
        ApiError::of(StatusCode::FORBIDDEN, &error)
    })?;
    Ok(token.issuer)
}

/// What the policy needs, if it is `card`.
fn enrolling(tsa: &ServiceState) -> Result<Arc<Citizens>, ApiError> {
    tsa.citizens.clone().ok_or_else(|| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            code::ENROLMENT_CLOSED,
            "citizens do not enrol at this TSA",
            "its policy is another: ask for a certificate at /api/sign-csr",
        )
    })
}

pub(crate) fn read_clock(tsa: &ServiceState) -> Result<ClockReading, ApiError> {
    Ok(ClockReading { now: tsa.stamper.now()?, monotonic: tsa.load.elapsed() })
}

/// The period of now, begun if need be.
///
/// # Errors
/// `store.failed` while its keys cannot be made or those of the period before not be destroyed;
/// `clock.behind` while TSA time is before the period that began last.
pub(crate) async fn period(
    host: &Host,
    citizens: &Arc<Citizens>,
    reading: ClockReading,
) -> Result<Arc<Period>, ApiError> {
    let now = reading.now;
    if !citizens.issuers().begun(now) {
        let state = Arc::clone(citizens);
        let begun = host::blocking(host, move || state.begin(reading)).await;
        let begun = begun.ok_or_else(|| ApiError::internal("the period could not be begun"))?;
        if let Err(error @ IssuersError::Behind) = begun {
            return Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                code::CLOCK_BEHIND,
                error.to_string(),
                "try again in a moment",
            ));
        }
    }
    citizens.issuers().current(now).filter(|_| citizens.issuers().begun(now)).ok_or_else(|| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::STORE_FAILED,
            "the keys of this period cannot be made",
            "try again in a minute; the operator frees space on, or repairs, the disk of the data \
             folder",
        )
    })
}
