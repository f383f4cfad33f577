//! Pages that everybody may read, files that pages are made of, and what machines ask for.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::assets;
use super::request::Guest;
use super::views::{AccessibilityPage, DataProtectionPage, DepositLink, ErrorKind, HomePage};
use crate::identity::Organisation;

/// How long the log is kept by default, in months (CNIL 2021-122).
const LOG_MONTHS: u32 = 12;
/// The longest validity, in days (V2).
const VALIDITY_DAYS: u32 = 20;

pub(in crate::web) async fn home(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let fault = |error| errors.fault(&error);
    let signed = guest.signed(&shared).await.map_err(fault)?;
    let organisations = shared.app.organisations().await.map_err(fault)?;
    let mailboxes = shared.app.mailboxes().await.map_err(fault)?;
    let deposits = mailboxes.iter().filter(|mailbox| mailbox.takes_deposits()).filter_map(|mailbox| {
        let organisation =
            organisations.iter().find(|organisation| organisation.id == mailbox.organisation)?;
        Some(DepositLink {
            organisation: organisation.name.clone(),
            mailbox: mailbox.name.clone(),
            purpose: mailbox.purpose.clone(),
            path: format!("/depot/{}/{}", organisation.slug, mailbox.slug),
        })
    });
    let page = HomePage { frame: guest.frame(&shared, signed.as_ref()), deposits: deposits.collect() };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

pub(in crate::web) async fn data_protection(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let (organisation, signed) = first_organisation(&shared, &guest).await?;
    let page = DataProtectionPage {
        frame: guest.frame(&shared, signed.as_ref()),
        organisation: organisation.name,
        dpo: organisation.data_protection_officer.to_string(),
        days: VALIDITY_DAYS,
        log_months: LOG_MONTHS,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

pub(in crate::web) async fn accessibility(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let (organisation, signed) = first_organisation(&shared, &guest).await?;
    let page = AccessibilityPage {
        frame: guest.frame(&shared, signed.as_ref()),
        organisation: organisation.name,
        contact: organisation.data_protection_officer.to_string(),
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn first_organisation(
    shared: &Shared,
    guest: &Guest,
) -> Result<(Organisation, Option<crate::app::Signed>), Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let organisations = shared.app.organisations().await.map_err(|error| errors.fault(&error))?;
    let first = organisations.into_iter().next().ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    Ok((first, signed))
}

pub(in crate::web) async fn asset(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    guest: Guest,
) -> Response {
    let Some(asset) = assets::asset(&name) else {
        return Errors::new(&shared, &guest).page(ErrorKind::NotFound);
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, asset.body).into_response()
}

/// The process answers.
pub(in crate::web) async fn health() -> Response {
    Answer::text(StatusCode::OK, "ok\n").into_response()
}

/// It can take deposits: the store answers and the clock is believed.
pub(in crate::web) async fn ready(State(shared): State<Shared>) -> Response {
    let answer = match shared.app.log_state().await {
        Ok(_) if shared.app.is_closed() => {
            Answer::text(StatusCode::SERVICE_UNAVAILABLE, "closed since a backup was restored\n")
        }
        Ok(_) if shared.app.now().believed => Answer::text(StatusCode::OK, "ready\n"),
        Ok(_) => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "the clock is not believed\n"),
        Err(_) => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "the store is not available\n"),
    };
    answer.into_response()
}

pub(in crate::web) async fn not_found(State(shared): State<Shared>, guest: Guest) -> Response {
    Errors::new(&shared, &guest).page(ErrorKind::NotFound)
}

pub(in crate::web) async fn method_not_allowed(State(shared): State<Shared>, guest: Guest) -> Response {
    Errors::new(&shared, &guest).page(ErrorKind::MethodNotAllowed)
}
