//! The security officer's pages: handlers that parse what was asked, call one use case and fill a view. Who is no
//! officer is refused by the use case, which logs it.

mod export;
mod person;
mod proofs;
mod queue;
mod refusals;
mod rights;
mod rows;
mod sentence;
mod story;
mod timeline;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{ErrorKind, JournalState, LogVerdict};
use crate::app::{AppError, LogState, OpenError, Signed};

/// The officer's routes.
pub(in crate::web) fn routes() -> Router<Shared> {
    Router::new()
        .route("/journal", get(timeline::show))
        .route("/journal/verifier", post(verify))
        .route("/journal/personne", get(person::show))
        .route("/journal/file", get(queue::show).post(queue::change))
        .route("/journal/refus", get(refusals::show))
        .route("/journal/droits", get(rights::show))
        .route("/journal/droits.csv", get(rights::export))
        .route("/journal/transferts/{transfer}", get(story::show))
        .route("/journal/preuves", get(proofs::show))
        .route("/journal/preuves/entree", get(proofs::entry))
        .route("/journal/preuves/croissance", get(proofs::growth))
        .route("/journal/preuves/horodatages/{name}", get(proofs::timestamp))
        .route("/journal/export.csv", get(export::csv))
        .route("/journal/export.jsonl", get(export::json_lines))
        .route("/journal/export.bundle", get(export::bundle))
}

async fn verify(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest, "/journal").await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    match shared.app.ask_verification(&signed, guest.visitor).await {
        Ok(true) => Ok(Answer::see_other("/journal").into_response()),
        Ok(false) => Err(errors.page(ErrorKind::Forbidden)),
        Err(error) => Err(errors.fault(&error)),
    }
}

/// Who asks; nobody is sent to the sign-in and comes back.
async fn signed(shared: &Shared, guest: &Guest, path: &str) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, path))
}

/// What was asked for; what does not read is answered with a page.
fn asked<T>(query: Result<Query<T>, QueryRejection>, errors: &Errors<'_>) -> Result<T, Response> {
    query.map(|Query(asked)| asked).map_err(|refused| errors.translate(refused.into_response()))
}

/// What the use case told the officer; it tells nobody else.
fn told<T>(told: Result<Option<T>, AppError>, errors: &Errors<'_>) -> Result<T, Response> {
    let told = told.map_err(|error| errors.fault(&error))?;
    told.ok_or_else(|| errors.page(ErrorKind::Forbidden))
}

/// A file to keep. The name is made of words and numbers of ours.
pub(super) fn attachment(media_type: &'static str, name: &str, body: impl Into<Body>) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
    ];
    (StatusCode::OK, headers, body.into()).into_response()
}

/// The state of the log as pages show it.
pub(in crate::web) fn state(shared: &Shared, state: &LogState) -> JournalState {
    let verdict = match state.last_verification {
        None => LogVerdict::Unknown,
        Some((_, true)) => LogVerdict::Verifies,
        Some((_, false)) => LogVerdict::Broken { entry: None },
    };
    JournalState {
        verdict,
        entries: state.size,
        checkpoint: state.last_checkpoint.map(|(at, _)| at),
        verified: state.last_verification.map(|(at, _)| at),
        is_verifying: shared.app.is_verifying(),
        witnesses: state
            .witnesses
            .iter()
            .map(|witness| {
                let cosigned = witness.cosigned.map(|(_, at)| at);
                (witness.name.clone(), cosigned, witness.trouble.is_some())
            })
            .collect(),
        timestamps: state.timestamps.map(|view| (view.stamped.map(|(_, at)| at), view.trouble.is_some())),
    }
}

/// A value in a query.
fn encoded(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}
