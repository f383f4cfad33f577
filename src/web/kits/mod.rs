//! The security officer's kits: forms that are read, a use case that is called, a page or a zip that is given. Whether
//! the person is an officer is the use cases' to say; the hub and the empty forms show nothing that is held.

use axum::Router;
use axum::extract::{Form, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{
    BreachPage, BreachTyped, ErrorKind, KitProblem, KitsPage, PersonOutcome, PersonRequestPage,
    ProcessingPage,
};
use crate::app::kit_text::{KitFile, archive};
use crate::app::{AppError, BreachError, BreachScope, ErasureError, KitReader, OpenError, Signed};
use crate::value::{MailAddress, Reference, calendar};

/// The routes of the kits.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/dossiers", get(hub))
        .route("/dossiers/violation", get(breach_form).post(breach))
        .route("/dossiers/traitements", get(record).post(download_record))
        .route("/dossiers/personne", get(person_form).post(person))
}

/// What an officer's form says of a breach.
#[derive(Deserialize, Default)]
#[serde(default)]
struct BreachForm {
    du: String,
    au: String,
    connaissance: String,
    boite: String,
    compte: String,
    transfert: String,
    action: String,
}

/// What an officer's form says of a person.
#[derive(Deserialize, Default)]
#[serde(default)]
struct PersonForm {
    adresse: String,
    confirmation: String,
    action: String,
}

async fn hub(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = officer(&shared, &guest, "/dossiers").await?;
    let page = KitsPage { frame: guest.frame(&shared, Some(&signed)) };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn breach_form(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = officer(&shared, &guest, "/dossiers/violation").await?;
    breach_page(&shared, &guest, &signed, BreachTyped::default(), StatusCode::OK, None, None).await
}

async fn breach(State(shared): State<Shared>, guest: Guest, Form(form): Form<BreachForm>) -> Outcome {
    let signed = officer(&shared, &guest, "/dossiers/violation").await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let is_download = form.action == "telecharger";
    let typed = BreachTyped {
        from: form.du,
        until: form.au,
        aware: form.connaissance,
        mailbox: form.boite,
        account: form.compte,
        transfer: form.transfert,
    };
    let refused = |problem| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        breach_page(&shared, &guest, &signed, typed.clone(), status, Some(problem), None)
    };
    let scope = match scope(&typed) {
        Ok(scope) => scope,
        Err(problem) => return refused(problem).await,
    };
    let reader = KitReader::Member(&signed.account);
    match shared.app.breach_report(scope, reader, guest.visitor.web()).await {
        Ok(report) if is_download => {
            zip("violation.zip", &report.files()).map_err(|error| errors.fault(&error))
        }
        Ok(report) => {
            let sections = Some(report.sections());
            breach_page(&shared, &guest, &signed, typed, StatusCode::OK, None, sections).await
        }
        Err(BreachError::Account) => refused(KitProblem::Account).await,
        Err(BreachError::Transfer(_)) => refused(KitProblem::Transfer).await,
        Err(BreachError::Period) => refused(KitProblem::Time).await,
        Err(BreachError::NotEntitled) => Err(errors.page(ErrorKind::Forbidden)),
        Err(BreachError::Fault(error)) => Err(errors.fault(&error)),
    }
}

/// The scope that was typed; times are those of Paris.
fn scope(typed: &BreachTyped) -> Result<BreachScope, KitProblem> {
    let time = |text: &str| calendar::parse_local(text).ok_or(KitProblem::Time);
    let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let transfer = filled(&typed.transfer).map(|text| Reference::parse(&text));
    Ok(BreachScope {
        from: time(&typed.from)?,
        until: time(&typed.until)?,
        aware_at: time(&typed.aware)?,
        mailbox: typed.mailbox.parse().ok(),
        account: filled(&typed.account),
        transfer: transfer.transpose().map_err(|_| KitProblem::Transfer)?,
    })
}

async fn breach_page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    typed: BreachTyped,
    status: StatusCode,
    problem: Option<KitProblem>,
    sections: Option<Vec<crate::app::kit_text::Section>>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let mailboxes = shared.app.mailboxes().await.map_err(|error| errors.fault(&error))?;
    let mailboxes = mailboxes.into_iter().map(|mailbox| (mailbox.id.to_string(), mailbox.name)).collect();
    let page = BreachPage { frame: guest.frame(shared, Some(signed)), typed, mailboxes, problem, sections };
    Ok(Answer::page(status, guest, &page).into_response())
}

async fn record(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = officer(&shared, &guest, "/dossiers/traitements").await?;
    let record = made_record(&shared, &guest, &signed).await?;
    let page = ProcessingPage { frame: guest.frame(&shared, Some(&signed)), sections: record.sections };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn download_record(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = officer(&shared, &guest, "/dossiers/traitements").await?;
    let record = made_record(&shared, &guest, &signed).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    zip("registre-des-traitements.zip", &record.files()).map_err(|error| errors.fault(&error))
}

async fn made_record(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
) -> Result<crate::app::ProcessingRecord, Response> {
    let reader = KitReader::Member(&signed.account);
    let made = shared.app.processing_record(reader, guest.visitor.web()).await;
    made.map_err(|error| refusal(shared, guest, signed, &error))
}

async fn person_form(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = officer(&shared, &guest, "/dossiers/personne").await?;
    Ok(person_page(&shared, &guest, &signed, String::new(), None, PersonOutcome::Nothing))
}

async fn person(State(shared): State<Shared>, guest: Guest, Form(form): Form<PersonForm>) -> Outcome {
    let signed = officer(&shared, &guest, "/dossiers/personne").await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let Ok(address) = MailAddress::parse(form.adresse.trim()) else {
        let problem = Some(KitProblem::Address);
        return Ok(person_page(&shared, &guest, &signed, form.adresse, problem, PersonOutcome::Nothing));
    };
    let (reader, origin) = (KitReader::Member(&signed.account), guest.visitor.web());
    if form.action == "effacer" && form.confirmation == "oui" {
        return match shared.app.erase_person(&address, reader, origin).await {
            Ok(report) => {
                let outcome = PersonOutcome::Erased(report.sections());
                Ok(person_page(&shared, &guest, &signed, String::new(), None, outcome))
            }
            Err(error @ (ErasureError::Needed | ErasureError::OpensMailboxes)) => {
                let is_needed = matches!(error, ErasureError::Needed);
                let problem = Some(if is_needed { KitProblem::Needed } else { KitProblem::OpensMailboxes });
                Ok(person_page(&shared, &guest, &signed, form.adresse, problem, PersonOutcome::Nothing))
            }
            Err(ErasureError::NotEntitled) => Err(errors.page(ErrorKind::Forbidden)),
            Err(ErasureError::Fault(error)) => Err(errors.fault(&error)),
        };
    }
    let data = shared.app.person_data(&address, reader, origin).await;
    let data = data.map_err(|error| refusal(&shared, &guest, &signed, &error))?;
    if form.action == "exporter" {
        let files = data.files().map_err(|error| errors.fault(&error))?;
        return zip("donnees-personne.zip", &files).map_err(|error| errors.fault(&error));
    }
    let problem = (form.action == "effacer").then_some(KitProblem::NotConfirmed);
    let outcome = if data.is_known() || data.has_acted() {
        PersonOutcome::Found(data.sections())
    } else {
        PersonOutcome::Unknown
    };
    Ok(person_page(&shared, &guest, &signed, form.adresse, problem, outcome))
}

fn person_page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    address: String,
    problem: Option<KitProblem>,
    outcome: PersonOutcome,
) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = PersonRequestPage { frame: guest.frame(shared, Some(signed)), address, problem, outcome };
    Answer::page(status, guest, &page).into_response()
}

/// The officer who is signed in. Anybody else signs in, or is told that the page is not theirs: a form that holds
/// nothing is no reading, so this refusal of a page is logged as an access.
async fn officer(shared: &Shared, guest: &Guest, path: &str) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let Some(signed) = signed else { return Err(errors.open(&OpenError::NotSignedIn, path)) };
    if signed.account.reads_log() {
        return Ok(signed);
    }
    let refused = shared.app.log_kit_refused(&signed.account, guest.visitor).await;
    let errors = errors.signed_as(Some(&signed));
    Err(match refused {
        Ok(()) => errors.page(ErrorKind::Forbidden),
        Err(error) => errors.fault(&error),
    })
}

fn refusal(shared: &Shared, guest: &Guest, signed: &Signed, error: &BreachError) -> Response {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    match error {
        BreachError::Fault(error) => errors.fault(error),
        BreachError::NotEntitled => errors.page(ErrorKind::Forbidden),
        BreachError::Account | BreachError::Transfer(_) | BreachError::Period => {
            errors.page(ErrorKind::BadRequest)
        }
    }
}

fn zip(name: &str, files: &[KitFile]) -> Result<Response, AppError> {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(|_| AppError::Broken("name of a kit"))?;
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static("application/zip")), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, archive(files)?).into_response())
}
