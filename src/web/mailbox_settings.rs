//! The settings of a mailbox, for its manager: what is chosen beforehand for what its members send, second address, deadlines, who is entitled, who else manages it.

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
use super::views::{ErrorKind, SettingsNotice, SettingsPage};
use crate::app::{By, OpenError, SettingsChange, SettingsError, Signed};
use crate::transfer::TellDownloads;
use crate::value::{MailAddress, Slug};

/// The routes of this page.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/boites/{mailbox}/reglages", get(show).post(change))
}

#[derive(Deserialize)]
struct Asked {
    fait: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Envois,
    Adresse,
    Habiliter,
    Gerer,
    NePlusGerer,
}

#[derive(Deserialize)]
struct SettingsForm {
    action: Change,
    #[serde(default)]
    jours: String,
    #[serde(default)]
    avis: String,
    #[serde(default)]
    adresse: String,
    #[serde(default)]
    compte: String,
}

async fn show(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
    guest: Guest,
) -> Outcome {
    let (signed, slug) = visitor(&shared, &guest, &slug).await?;
    let notice = asked.fait.map(|_| SettingsNotice::Saved);
    page(&shared, &guest, &signed, &slug, StatusCode::OK, notice).await
}

async fn change(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    guest: Guest,
    Form(form): Form<SettingsForm>,
) -> Outcome {
    let (signed, slug) = visitor(&shared, &guest, &slug).await?;
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let outcome = match asked_for(&form) {
        Ok(change) => shared.app.change_settings(By::person(&signed, guest.visitor), &slug, change).await,
        Err(notice) => return page(&shared, &guest, &signed, &slug, refused, Some(notice)).await,
    };
    let notice = match outcome {
        Ok(()) => return Ok(Answer::see_other(&format!("{}?fait=1", path(&slug))).into_response()),
        Err(SettingsError::NotFound) => SettingsNotice::NotFound,
        Err(SettingsError::Validity { .. }) => SettingsNotice::Validity,
        Err(SettingsError::SecondAddress(_)) => SettingsNotice::AddressUnfit,
        Err(error) => return Err(refusal(&shared, &guest, &signed, &error)),
    };
    page(&shared, &guest, &signed, &slug, refused, Some(notice)).await
}

/// What a form asks for; what to say when it cannot be read.
fn asked_for(form: &SettingsForm) -> Result<SettingsChange, SettingsNotice> {
    let address = || MailAddress::parse(form.adresse.trim()).map_err(|_| SettingsNotice::AddressUnfit);
    Ok(match form.action {
        Change::Envois => SettingsChange::Sending {
            days: chosen(&form.jours, |days| days.parse().ok())?,
            tell: chosen(&form.avis, TellDownloads::from_code)?,
        },
        Change::Adresse if form.adresse.trim().is_empty() => SettingsChange::SecondAddress(None),
        Change::Adresse => SettingsChange::SecondAddress(Some(address()?)),
        Change::Habiliter => SettingsChange::Entitle(address()?),
        Change::Gerer | Change::NePlusGerer => SettingsChange::Manager {
            account: form.compte.parse().map_err(|_| SettingsNotice::NotFound)?,
            manages: matches!(form.action, Change::Gerer),
        },
    })
}

/// What was chosen of a list whose first choice is the usual.
fn chosen<T>(code: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, SettingsNotice> {
    if code.is_empty() {
        return Ok(None);
    }
    parse(code).map(Some).ok_or(SettingsNotice::Validity)
}

async fn visitor(shared: &Shared, guest: &Guest, slug: &str) -> Result<(Signed, Slug), Response> {
    let errors = Errors::new(shared, guest);
    let slug = Slug::parse(slug).map_err(|_| errors.page(ErrorKind::NotFound))?;
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let signed = signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, &path(&slug)))?;
    Ok((signed, slug))
}

fn refusal(shared: &Shared, guest: &Guest, signed: &Signed, error: &SettingsError) -> Response {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    match error {
        SettingsError::Fault(error) => errors.fault(error),
        SettingsError::NotEntitled => errors.page(ErrorKind::Forbidden),
        _ => errors.page(ErrorKind::NotFound),
    }
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    slug: &Slug,
    status: StatusCode,
    notice: Option<SettingsNotice>,
) -> Outcome {
    let found = shared.app.mailbox_settings(signed, slug, guest.visitor).await;
    let found = found.map_err(|error| refusal(shared, guest, signed, &error))?;
    let own = signed.account.id;
    let mut tells = tells(found.tell.unwrap_or_default(), guest.language);
    for each in &mut tells {
        each.is_chosen = found.tell.is_some_and(|tell| tell.code() == each.value);
    }
    let page = SettingsPage {
        frame: guest.frame(shared, Some(signed)),
        path: path(slug),
        back: format!("/boites/{slug}"),
        mailbox: found.mailbox.name,
        days: found.mailbox.validity_days,
        usual_days: found.usual_days,
        tells,
        notice_address: found.mailbox.notice_address.to_string(),
        second_address: found.mailbox.second_notice_address.map(|address| address.to_string()),
        agreements: found.agreements,
        managers: found.managers.into_iter().map(|(id, name)| (id.to_string(), name, id == own)).collect(),
        members: found.members.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        notice,
    };
    Ok(Answer::page(status, guest, &page).into_response())
}

fn path(slug: &Slug) -> String {
    format!("/boites/{slug}/reglages")
}
