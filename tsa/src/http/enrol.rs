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
use pregao_protocol::enrolment::token::Token;
use pregao_protocol::host::Host;
use pregao_protocol::key::{Persona, PublicKey};
use pregao_protocol::tsa::{CitizenEnrol, CitizenOffer, OfferAnswer, SealedAnswer};
use zeroize::Zeroizing;

use crate::citizen::issuers::{IssuersError, Period, TokenRefusal};
use crate::citizen::{Citizens, Seeds, Unopened};
use crate::clock::Moment;
use crate::host;
use crate::ip_limiter::Origin;
use crate::refusal::{ApiError, challenge_error};
use crate::request::{answered, no_randomness, parse, random};
use crate::state::Tsa;

/// `POST /api/citizen/offer`.
pub(crate) async fn offer(State(tsa): State<Arc<Tsa>>) -> Result<Response, ApiError> {
    let citizens = enrolling(&tsa)?;
    let moment = moment(&tsa)?;
    let mut bytes = [0_u8; 8];
    random(&tsa.host, &mut bytes)?;
    let mut seed = Zeroizing::new([0_u8; 32]);
    random(&tsa.host, seed.as_mut())?;
    let period = period(&tsa.host, &citizens, moment).await?;
    let offer = citizens.offer(&period, bytes, &seed, moment);
    Ok(answered::<CitizenOffer>(OfferAnswer { offer }))
}

/// `POST /api/citizen/enrol`.
pub(crate) async fn enrol(
    State(tsa): State<Arc<Tsa>>,
    Extension(origin): Extension<Origin>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let citizens = enrolling(&tsa)?;
    let request: CitizenEnrol = parse(body)?;
    let place = citizens.admit(origin).await.ok_or_else(busy)?;
    let moment = moment(&tsa)?;
    let period = period(&tsa.host, &citizens, moment).await?;
    let seeds = Seeds::draw(&*tsa.host.random).map_err(no_randomness)?;
    let state = Arc::clone(&citizens);
    let judged = host::blocking(&tsa.host, move || {
        let _held = place;
        state.answer(request.challenge, &request.sealed, &period, &seeds, moment)
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
        "tsa.busy",
        "too many applications are being worked on",
        "send the application again in a moment",
    )
}

fn unopened(error: Unopened) -> (&'static str, ApiError) {
    match error {
        Unopened::Challenge(error) => {
            (error.code(), challenge_error(error, "fetch a new offer from /api/citizen/offer"))
        }
        Unopened::Application(error) => {
            let code = "application.malformed";
            let advice = "seal {certificate,issuers,blinded,reply,signature} to the key of the \
                          offer, as the specification shows";
            let text = Unopened::Application(error).to_string();
            (code, ApiError::new(StatusCode::BAD_REQUEST, code, text, advice))
        }
    }
}

/// Whether a token buys a certificate for `persona`.
pub(crate) async fn require_token(
    tsa: &Tsa,
    citizens: &Arc<Citizens>,
    token: Option<&Token>,
    persona: &PublicKey<Persona>,
) -> Result<(), ApiError> {
    const SHEET: &str = "the issuers and their times are on /.well-known/jwks.json";
    let refusal = |code, message: String, advice| {
        citizens.refused(code);
        ApiError::new(StatusCode::FORBIDDEN, code, message, advice)
    };
    let Some(token) = token else {
        let message = "this TSA certifies personas of citizens: a token is needed".to_owned();
        let advice = "enrol with a citizen card (/api/citizen/offer) and send its \"token\"";
        return Err(refusal("token.missing", message, advice));
    };
    // Tokens of the periods stated are honoured whether or not the next can begin.
    let now = moment(tsa)?.now;
    citizens.issuers().judge(token, persona, now).map_err(|error| {
        let (code, advice) = match error {
            TokenRefusal::Issuer => ("token.issuer", SHEET),
            TokenRefusal::Expired(_) => ("token.expired", "enrol again with the citizen card"),
            TokenRefusal::Invalid => {
                ("token.invalid", "send the token that was made for the persona of this request")
            }
        };
        refusal(code, error.to_string(), advice)
    })
}

/// What the policy needs, if it is `card`.
fn enrolling(tsa: &Tsa) -> Result<Arc<Citizens>, ApiError> {
    tsa.citizens.clone().ok_or_else(|| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "enrolment.closed",
            "citizens do not enrol at this TSA",
            "its policy is another: ask for a certificate at /api/sign-csr",
        )
    })
}

pub(crate) fn moment(tsa: &Tsa) -> Result<Moment, ApiError> {
    Ok(Moment { now: tsa.stamper.now()?, monotonic: tsa.load.elapsed() })
}

/// The period of now, begun if need be.
///
/// # Errors
/// `store.failed` while its keys cannot be made or those of the period before not be destroyed;
/// `clock.behind` while TSA time is before the period that began last.
pub(crate) async fn period(
    host: &Host,
    citizens: &Arc<Citizens>,
    moment: Moment,
) -> Result<Arc<Period>, ApiError> {
    let now = moment.now;
    if !citizens.issuers().begun(now) {
        let state = Arc::clone(citizens);
        let begun = host::blocking(host, move || state.begin(moment)).await;
        let begun = begun.ok_or_else(|| ApiError::internal("the period could not be begun"))?;
        if let Err(error @ IssuersError::Behind) = begun {
            return Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "clock.behind",
                error.to_string(),
                "try again in a moment",
            ));
        }
    }
    citizens.issuers().current(now).filter(|_| citizens.issuers().begun(now)).ok_or_else(|| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store.failed",
            "the keys of this period cannot be made",
            "try again in a minute; the operator frees space on, or repairs, the disk of the data \
             folder",
        )
    })
}
