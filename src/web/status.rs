//! The depositor follows a deposit: `/suivi/{reference}` asks for the address, a mailed link or a typed code shows where
//! the deposit stands. What a mail must not say, the names of refused files, is on the page that a person's POST opened
//! (invariants 4, 6, 8).

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::{PROOF_MINUTES, begin, code_asked};
use super::draft::names_and_reasons;
use super::request::Guest;
use super::views::{
    AddressProblem, CodeProblem, ErrorKind, StatusAskPage, StatusCodePage, StatusLinkPage, StatusPage,
    WithdrawForm,
};
use crate::app::{DepositStanding, DepositStatus, StatusError};
use crate::value::{MailAddress, Reference, Token};

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/suivi/{reference}", get(show).post(ask))
        .route("/suivi/{reference}/code", post(type_code))
        .route("/suivi/lien/{token}", get(show_link).post(follow_link))
        .route("/suivi/{reference}/retirer", post(withdraw_by_code))
        .route("/suivi/lien/{token}/retirer", post(withdraw_by_link))
}

#[derive(Deserialize)]
struct AddressForm {
    #[serde(default)]
    address: String,
}

#[derive(Deserialize)]
struct CodeForm {
    #[serde(default)]
    code: String,
}

/// What the form says that withdraws a deposit.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WithdrawTyped {
    confirme: String,
    code: String,
}

impl WithdrawTyped {
    fn is_confirmed(&self) -> bool {
        self.confirme == "oui"
    }
}

/// The same page for every reference.
async fn show(State(shared): State<Shared>, Path(reference): Path<String>, guest: Guest) -> Outcome {
    let reference = parse(&shared, &guest, &reference)?;
    let page = StatusAskPage {
        frame: guest.frame(&shared, None),
        reference: Some(reference),
        address: String::new(),
        problem: None,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// The answer is the same for every address and every reference, after the same work (invariant 8).
async fn ask(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    Form(form): Form<AddressForm>,
) -> Outcome {
    let reference = parse(&shared, &guest, &reference)?;
    let problem = match MailAddress::parse(&form.address) {
        Ok(address) => {
            begin(&shared, &guest, &shared.asks)?;
            let asked = shared.app.request_status(&reference, address, guest.language, guest.visitor).await;
            let asked = asked.map_err(|error| Errors::new(&shared, &guest).fault(&error))?;
            let page = code_page(&shared, &guest, reference, form.address, None);
            return Ok(code_asked(&shared, &guest, &page, &asked));
        }
        Err(_) if form.address.trim().is_empty() => AddressProblem::Missing,
        Err(_) => AddressProblem::NotAnAddress,
    };
    let frame = guest.frame(&shared, None);
    let page =
        StatusAskPage { frame, reference: Some(reference), address: form.address, problem: Some(problem) };
    Ok(Answer::page(StatusCode::UNPROCESSABLE_ENTITY, &guest, &page).into_response())
}

async fn type_code(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    Form(form): Form<CodeForm>,
) -> Outcome {
    let reference = parse(&shared, &guest, &reference)?;
    let again = |problem| {
        let page = code_page(&shared, &guest, reference.clone(), String::new(), Some(problem));
        Answer::page(StatusCode::UNPROCESSABLE_ENTITY, &guest, &page).into_response()
    };
    if form.code.chars().filter(char::is_ascii_digit).count() != 8 {
        return Ok(again(CodeProblem::Shape));
    }
    let Some((proof, browser)) = guest.binding() else { return Ok(again(CodeProblem::Ended)) };
    begin(&shared, &guest, &shared.failures)?;
    let shown = shared.app.status_by_code(proof, &browser, &form.code, guest.visitor).await;
    if !matches!(shown, Err(StatusError::WrongCode { .. } | StatusError::NotGood)) {
        shared.failures.take_back(guest.visitor.address);
    }
    match shown {
        Ok(status) => {
            let form = WithdrawForm { action: format!("/suivi/{reference}/retirer"), code: Some(form.code) };
            status_page(&shared, &guest, status, form).await
        }
        Err(StatusError::WrongCode { .. }) => Ok(again(CodeProblem::Wrong)),
        Err(StatusError::NotGood) => Ok(again(CodeProblem::Ended)),
        Err(StatusError::Fault(error)) => Err(Errors::new(&shared, &guest).fault(&error)),
    }
}

/// A button, whatever the token: whoever fetches the page learns and changes nothing.
async fn show_link(State(shared): State<Shared>, Path(token): Path<String>, guest: Guest) -> Outcome {
    let Some(token) = Token::parse(&token) else {
        return Err(Errors::new(&shared, &guest).page(ErrorKind::NotFound));
    };
    let action = format!("/suivi/lien/{}", token.expose());
    let page = StatusLinkPage { frame: guest.frame(&shared, None), action };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn follow_link(State(shared): State<Shared>, Path(token): Path<String>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Some(token) = Token::parse(&token) else { return Err(errors.page(ErrorKind::NotFound)) };
    match shared.app.status_by_link(&token, guest.visitor).await {
        Ok(status) => status_page(&shared, &guest, status, link_form(&token)).await,
        Err(StatusError::Fault(error)) => Err(errors.fault(&error)),
        Err(_) => Err(errors.page(ErrorKind::LinkExpired { again: None })),
    }
}

/// Withdraws what the link shows; without the box ticked it is shown once more (V4).
async fn withdraw_by_link(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    guest: Guest,
    Form(form): Form<WithdrawTyped>,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Some(token) = Token::parse(&token) else { return Err(errors.page(ErrorKind::NotFound)) };
    let outcome = if form.is_confirmed() {
        shared.app.withdraw_by_link(&token, guest.visitor).await
    } else {
        shared.app.status_by_link(&token, guest.visitor).await
    };
    match outcome {
        Ok(status) => status_page(&shared, &guest, status, link_form(&token)).await,
        Err(StatusError::Fault(error)) => Err(errors.fault(&error)),
        Err(_) => Err(errors.page(ErrorKind::LinkExpired { again: None })),
    }
}

/// As [`withdraw_by_link`], proved by the code in the browser that asked for it.
async fn withdraw_by_code(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    Form(form): Form<WithdrawTyped>,
) -> Outcome {
    let reference = parse(&shared, &guest, &reference)?;
    let errors = Errors::new(&shared, &guest);
    let ended = || Err(errors.page(ErrorKind::LinkExpired { again: Some(format!("/suivi/{reference}")) }));
    let Some((proof, browser)) = guest.binding() else { return ended() };
    begin(&shared, &guest, &shared.failures)?;
    let outcome = if form.is_confirmed() {
        shared.app.withdraw_by_code(proof, &browser, &form.code, guest.visitor).await
    } else {
        shared.app.status_by_code(proof, &browser, &form.code, guest.visitor).await
    };
    if !matches!(outcome, Err(StatusError::WrongCode { .. } | StatusError::NotGood)) {
        shared.failures.take_back(guest.visitor.address);
    }
    match outcome {
        Ok(status) => {
            let form = WithdrawForm { action: format!("/suivi/{reference}/retirer"), code: Some(form.code) };
            status_page(&shared, &guest, status, form).await
        }
        Err(StatusError::Fault(error)) => Err(errors.fault(&error)),
        Err(StatusError::WrongCode { .. } | StatusError::NotGood) => ended(),
    }
}

fn link_form(token: &Token) -> WithdrawForm {
    WithdrawForm { action: format!("/suivi/lien/{}/retirer", token.expose()), code: None }
}

async fn status_page(shared: &Shared, guest: &Guest, status: DepositStatus, form: WithdrawForm) -> Outcome {
    let organisation = shared.app.organisation_of(&status.mailbox).await;
    let organisation = organisation.map_err(|error| Errors::new(shared, guest).fault(&error))?;
    let page = StatusPage {
        frame: guest.frame(shared, None),
        organisation: organisation.name,
        mailbox: status.mailbox.name,
        reference: status.reference,
        title: status.title,
        received: status.received_at,
        files: status.file_count,
        size: status.total_size,
        withdraw: (!matches!(status.standing, DepositStanding::Ended { .. })).then_some(form),
        standing: status.standing,
        refused: names_and_reasons(status.refused, guest.language),
    };
    Ok(Answer::page(StatusCode::OK, guest, &page).into_response())
}

fn parse(shared: &Shared, guest: &Guest, reference: &str) -> Result<Reference, axum::response::Response> {
    Reference::parse(reference).map_err(|_| Errors::new(shared, guest).page(ErrorKind::NotFound))
}

fn code_page(
    shared: &Shared,
    guest: &Guest,
    reference: Reference,
    address: String,
    problem: Option<CodeProblem>,
) -> StatusCodePage {
    let frame = guest.frame(shared, None);
    StatusCodePage { frame, reference: Some(reference), address, minutes: PROOF_MINUTES, problem }
}
