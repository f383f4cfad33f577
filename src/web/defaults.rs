//! What a member chooses beforehand for what the member sends (T9, V2, V4). What holds for a mailbox its manager sets.

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::draft::tells;
use super::request::Guest;
use super::texts::DefaultsWords;
use super::views::{DefaultsPage, ErrorKind, RegisterChoice};
use crate::app::{DefaultsError, OpenError, Signed};
use crate::retention::{LONGEST_VALIDITY_DAYS, SHORTEST_VALIDITY_DAYS};
use crate::transfer::{DefaultsOf, SendingDefaults, TellDownloads};

/// Where a member's own are.
const OWN: &str = "/compte/envois";

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route(OWN, get(show_own).post(set_own))
}

#[derive(Deserialize)]
struct Asked {
    fait: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Typed {
    validite: String,
    avis: String,
}

impl Typed {
    /// What was chosen; none when no page of ours offers it.
    fn chosen(&self) -> Option<(Option<u8>, Option<TellDownloads>)> {
        let days = match self.validite.as_str() {
            "" => None,
            days => Some(days.parse().ok()?),
        };
        let tell = match self.avis.as_str() {
            "" => None,
            code => Some(TellDownloads::from_code(code)?),
        };
        Some((days, tell))
    }
}

async fn show_own(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let defaults = shared.app.sending_defaults(DefaultsOf::Account(signed.account.id)).await;
    let defaults = defaults.map_err(|error| errors.fault(&error))?;
    let page = page(&shared, &guest, &signed, defaults, asked.fait.is_some());
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn set_own(State(shared): State<Shared>, guest: Guest, Form(typed): Form<Typed>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let (days, tell) = typed.chosen().ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    after(shared.app.set_own_defaults(&signed, days, tell, guest.visitor).await, &errors)
}

fn after(outcome: Result<(), DefaultsError>, errors: &Errors<'_>) -> Outcome {
    match outcome {
        Ok(()) => Ok(Answer::see_other(&format!("{OWN}?fait=oui")).into_response()),
        Err(DefaultsError::Validity { .. }) => Err(errors.page(ErrorKind::BadRequest)),
        Err(DefaultsError::Fault(error)) => Err(errors.fault(&error)),
    }
}

async fn signed(shared: &Shared, guest: &Guest) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, OWN))
}

fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    defaults: Option<SendingDefaults>,
    is_done: bool,
) -> DefaultsPage {
    let w = DefaultsWords::of(guest.language);
    let (days, tell) = defaults.map_or((None, None), |defaults| (defaults.days, defaults.tell));
    let choice = |value: String, name: String, is_chosen| RegisterChoice { value, name, is_chosen };
    let validities = (SHORTEST_VALIDITY_DAYS..=LONGEST_VALIDITY_DAYS)
        .map(|each| choice(each.to_string(), format!("{each} {}", w.days), days == Some(each)));
    let mut tells = tells(tell.unwrap_or_default(), guest.language);
    for each in &mut tells {
        each.is_chosen = tell.is_some_and(|tell| tell.code() == each.value);
    }
    DefaultsPage {
        frame: guest.frame(shared, Some(signed)),
        path: OWN,
        validities: validities.collect(),
        tells,
        is_done,
    }
}
