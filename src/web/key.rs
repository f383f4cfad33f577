//! Opening one's own key in a session that goes on: after a restart of the gateway, or with a vault passphrase.

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::sign_in::{START, is_local};
use super::views::{KeyNotice, KeyPage};
use crate::app::{OpenError, SignInError, Signed};
use crate::identity::Password;

#[derive(Deserialize)]
pub(super) struct Asked {
    suite: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    password: String,
    suite: Option<String>,
}

pub(super) async fn show(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let next = asked.suite.filter(|path| is_local(path));
    let signed = signed(&shared, &guest).await?;
    if shared.app.has_key_open(&signed) {
        return Ok(Answer::see_other(next.as_deref().unwrap_or(START)).into_response());
    }
    Ok(page(&shared, &guest, &signed, StatusCode::OK, next, None))
}

pub(super) async fn unlock(State(shared): State<Shared>, guest: Guest, Form(typed): Form<Typed>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let next = typed.suite.filter(|path| is_local(path));
    let session = signed.session.id;
    if let Err(minutes) = shared.own_failures.begin(session, shared.app.now().at) {
        let (status, notice) = (StatusCode::TOO_MANY_REQUESTS, Some(KeyNotice::TooMany { minutes }));
        return Ok(page(&shared, &guest, &signed, status, next, notice));
    }
    match shared.app.unlock(&signed, Password::new(typed.password), guest.visitor).await {
        Ok(()) => {
            shared.own_failures.take_back(session);
            Ok(Answer::see_other(next.as_deref().unwrap_or(START)).into_response())
        }
        Err(SignInError::Refused) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page(&shared, &guest, &signed, status, next, Some(KeyNotice::Wrong)))
        }
        Err(SignInError::Fault(error)) => {
            shared.own_failures.take_back(session);
            Err(errors.fault(&error))
        }
    }
}

async fn signed(shared: &Shared, guest: &Guest) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, START))
}

fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    status: StatusCode,
    next: Option<String>,
    notice: Option<KeyNotice>,
) -> Response {
    let view = KeyPage { frame: guest.frame(shared, Some(signed)), next, notice };
    Answer::page(status, guest, &view).into_response()
}
