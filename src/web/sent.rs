//! What a member does about people outside: answers, records an answer given otherwise, composes, withdraws, and looks at
//! what was sent (T5, T9, V4).

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::go_to_draft;
use super::request::Guest;
use super::texts::{CaseMoreWords, OutsideWords};
use super::transfer::{Said, show_with, visitor};
use super::views::{AnswerPart, ErrorKind, SentListPage};
use crate::app::{AnswerError, AppError, Envelope, OpenError, RevokeError, Signed};
use crate::policy::partner_answer::PartnerAnswer;
use crate::transfer::{AnswerWay, CaseState};
use crate::value::{Slug, calendar};

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/transferts/{reference}/repondre", post(answer))
        .route("/transferts/{reference}/reponse-donnee", post(record))
        .route("/transferts/{reference}/retirer", post(revoke))
        .route("/boites/{mailbox}/nouveau", post(compose))
        .route("/boites/{mailbox}/envois", get(list))
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    jour: String,
    #[serde(default)]
    par: String,
}

async fn answer(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    form: String,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let path = format!("/transferts/{reference}");
    let signed = member(&shared, &guest, signed, &path)?;
    let w = CaseMoreWords::of(guest.language);
    // The box that says: the partner is answered without having asked.
    let confirmed = form.split('&').any(|field| field == "confirme=oui");
    let problem = match shared.app.begin_answer(&signed, &reference, confirmed, guest.visitor).await {
        Ok(draft) => return go_to_draft(&shared, &guest, &draft).await,
        Err(AnswerError::NotAsked) => w.answer_asked,
        Err(AnswerError::NotWished) => w.answer_not_wished,
        Err(error) => return Err(refused(&shared, &guest, &signed, &error, &path)),
    };
    let said = Said { unanswered: Some(problem), ..Said::default() };
    Box::pin(show_with(&shared, &guest, Some(signed), &reference, said)).await
}

async fn record(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    Form(given): Form<Given>,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let path = format!("/transferts/{reference}");
    let signed = member(&shared, &guest, signed, &path)?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let how = AnswerWay::from_code(&given.par).ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let w = OutsideWords::of(guest.language);
    let problem = match shared.app.record_answer(&signed, &reference, how, &given.jour, guest.visitor).await {
        Ok(()) => return Ok(Answer::see_other(&path).into_response()),
        Err(AnswerError::NotADay) => w.not_a_day,
        Err(AnswerError::NotFitting) => w.not_fitting,
        Err(error) => return Err(refused(&shared, &guest, &signed, &error, &path)),
    };
    let said = Said { problem: Some(problem), ..Said::default() };
    Box::pin(show_with(&shared, &guest, Some(signed), &reference, said)).await
}

async fn revoke(State(shared): State<Shared>, Path(reference): Path<String>, guest: Guest) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let path = format!("/transferts/{reference}");
    let signed = member(&shared, &guest, signed, &path)?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    // Where to go afterwards is read while the transfer is still there.
    let envelope = shared.app.envelope(Some(&signed), &reference, guest.visitor).await;
    let mailbox = envelope.map_err(|error| errors.open(&error, &path))?.mailbox.slug;
    match shared.app.revoke(&signed, &reference, guest.visitor).await {
        Ok(()) => Ok(Answer::see_other(&format!("/boites/{mailbox}/envois")).into_response()),
        Err(RevokeError::NotSentHere) => Err(errors.page(ErrorKind::Forbidden)),
        Err(RevokeError::Open(error)) => Err(errors.open(&error, &path)),
    }
}

async fn compose(State(shared): State<Shared>, Path(mailbox): Path<String>, guest: Guest) -> Outcome {
    let (signed, mailbox) = member_of(&shared, &guest, &mailbox).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let draft = shared.app.begin_composing(&signed, &mailbox, guest.visitor).await;
    let draft = draft.map_err(|error| errors.open(&error, "/boites"))?;
    go_to_draft(&shared, &guest, &draft).await
}

async fn list(State(shared): State<Shared>, Path(mailbox): Path<String>, guest: Guest) -> Outcome {
    let (signed, mailbox) = member_of(&shared, &guest, &mailbox).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let sent = shared.app.list_sent(&signed, &mailbox, guest.visitor).await;
    let sent = sent.map_err(|error| errors.open(&error, "/boites"))?;
    let page = SentListPage { frame: guest.frame(&shared, Some(&signed)), sent };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// What stands on a transfer's page about answers, for the member who reads it.
pub(super) async fn answer_part(
    shared: &Shared,
    envelope: &mut Envelope,
    said: &Said,
) -> Result<AnswerPart, AppError> {
    let given = match envelope.transfer.case.state {
        CaseState::Answered(answer) => Some(answer),
        _ => envelope.transfer.case.first_answer,
    };
    let given = match given {
        Some(answer) => Some((answer.how, answer.at, shared.app.name_of_account(answer.by).await?)),
        None => None,
    };
    let rule = match envelope.transfer.outgoing {
        None => shared.app.case_rules(&envelope.transfer).await?.answer,
        Some(_) => PartnerAnswer::Expected,
    };
    Ok(AnswerPart {
        rule,
        unanswered: said.unanswered,
        outgoing: envelope.outgoing.take(),
        answered: envelope.answered.take(),
        answers: std::mem::take(&mut envelope.answers),
        given,
        today: calendar::local_day(shared.app.now().at).unwrap_or_default(),
        problem: said.problem,
    })
}

async fn member_of(shared: &Shared, guest: &Guest, mailbox: &str) -> Result<(Signed, Slug), Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let signed = member(shared, guest, signed, "/boites")?;
    let mailbox = Slug::parse(mailbox).map_err(|_| errors.page(ErrorKind::NotFound))?;
    Ok((signed, mailbox))
}

fn member(shared: &Shared, guest: &Guest, signed: Option<Signed>, path: &str) -> Result<Signed, Response> {
    signed.ok_or_else(|| Errors::new(shared, guest).open(&OpenError::NotSignedIn, path))
}

fn refused(shared: &Shared, guest: &Guest, signed: &Signed, error: &AnswerError, path: &str) -> Response {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    match error {
        AnswerError::Open(error) => errors.open(error, path),
        AnswerError::NotADay | AnswerError::NotFitting | AnswerError::NotAsked | AnswerError::NotWished => {
            errors.page(ErrorKind::BadRequest)
        }
    }
}
