//! What is chosen beforehand for what a member sends: the member's own, and a mailbox's (T9, V2, V4).

use axum::Router;
use axum::extract::{Form, Path, Query, State};
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
use crate::value::Slug;

/// Where a member's own are.
const OWN: &str = "/compte/envois";

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route(OWN, get(show_own).post(set_own))
        .route("/boites/{mailbox}/envois/reglages", get(show_mailbox).post(set_mailbox))
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
    let signed = signed(&shared, &guest, OWN).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let defaults = shared.app.sending_defaults(DefaultsOf::Account(signed.account.id)).await;
    let defaults = defaults.map_err(|error| errors.fault(&error))?;
    let page = page(&shared, &guest, &signed, None, OWN.to_owned(), defaults, asked.fait.is_some());
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn set_own(State(shared): State<Shared>, guest: Guest, Form(typed): Form<Typed>) -> Outcome {
    let signed = signed(&shared, &guest, OWN).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let (days, tell) = typed.chosen().ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    after(shared.app.set_own_defaults(&signed, days, tell, guest.visitor).await, &errors, OWN)
}

async fn show_mailbox(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
    guest: Guest,
) -> Outcome {
    let (signed, slug, path) = visitor(&shared, &guest, &slug).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let found = shared.app.mailbox_defaults(&signed, &slug, guest.visitor).await;
    let (mailbox, defaults) = found.map_err(|error| errors.open(&error, &path))?;
    let page = page(&shared, &guest, &signed, Some(mailbox.name), path, defaults, asked.fait.is_some());
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn set_mailbox(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    guest: Guest,
    Form(typed): Form<Typed>,
) -> Outcome {
    let (signed, slug, path) = visitor(&shared, &guest, &slug).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let (days, tell) = typed.chosen().ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let set = shared.app.set_mailbox_defaults(&signed, &slug, days, tell, guest.visitor).await;
    after(set, &errors, &path)
}

fn after(outcome: Result<(), DefaultsError>, errors: &Errors<'_>, path: &str) -> Outcome {
    match outcome {
        Ok(()) => Ok(Answer::see_other(&format!("{path}?fait=oui")).into_response()),
        Err(DefaultsError::Validity { .. }) => Err(errors.page(ErrorKind::BadRequest)),
        Err(DefaultsError::Open(error)) => Err(errors.open(&error, path)),
    }
}

async fn signed(shared: &Shared, guest: &Guest, path: &str) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, path))
}

async fn visitor(shared: &Shared, guest: &Guest, slug: &str) -> Result<(Signed, Slug, String), Response> {
    let slug = Slug::parse(slug).map_err(|_| Errors::new(shared, guest).page(ErrorKind::NotFound))?;
    let path = format!("/boites/{slug}/envois/reglages");
    Ok((signed(shared, guest, &path).await?, slug, path))
}

fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    mailbox: Option<String>,
    path: String,
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
        mailbox,
        path,
        validities: validities.collect(),
        tells,
        is_done,
    }
}
