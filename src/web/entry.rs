//! The way to an account: a forgotten password, the mailed link, the terms of use (P2). What a robot fetches changes nothing
//! and shows nothing (invariant 6).

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::begin;
use super::request::{CookieName, Guest};
use super::sign_in::{START, escape, is_local};
use super::views::{
    AccountLinkPage, ChoosePasswordPage, ChooseProblem, ErrorKind, ForgottenPage, TermsNotice, TermsPage,
    TermsPart,
};
use crate::app::{AccountLinkError, AccountLinkView, Waiting};
use crate::identity::Password;
use crate::policy::password::WeakPassword;
use crate::value::{MailAddress, Token};

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/connexion/oubli", get(show_forgotten).post(ask_for_link))
        .route("/compte/lien/{token}", get(show_link).post(follow_link))
        .route("/conditions", get(show_terms).post(accept_terms))
}

#[derive(Deserialize)]
struct AddressForm {
    #[serde(default)]
    address: String,
}

#[derive(Deserialize)]
struct PasswordForm {
    new: Option<String>,
    #[serde(default)]
    again: String,
}

#[derive(Deserialize)]
struct Asked {
    suite: Option<String>,
    modifiees: Option<String>,
}

#[derive(Deserialize)]
struct TermsForm {
    #[serde(default)]
    version: String,
    accepte: Option<String>,
    suite: Option<String>,
}

async fn show_forgotten(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let frame = guest.frame(&shared, None);
    let page = ForgottenPage { frame, address: String::new(), wrong: false, asked: false };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// The answer is the same for every address, after the same work (invariant 8).
async fn ask_for_link(State(shared): State<Shared>, guest: Guest, Form(form): Form<AddressForm>) -> Outcome {
    let frame = guest.frame(&shared, None);
    let Ok(address) = MailAddress::parse(form.address.trim()) else {
        let page = ForgottenPage { frame, address: form.address, wrong: true, asked: false };
        return Ok(Answer::page(StatusCode::UNPROCESSABLE_ENTITY, &guest, &page).into_response());
    };
    begin(&shared, &guest, &shared.asks)?;
    let asked = shared.app.request_password_link(address, guest.visitor).await;
    asked.map_err(|error| Errors::new(&shared, &guest).fault(&error))?;
    let page = ForgottenPage { frame, address: form.address, wrong: false, asked: true };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn show_link(State(shared): State<Shared>, Path(token): Path<String>, guest: Guest) -> Outcome {
    let Some(token) = Token::parse(&token) else {
        return Err(Errors::new(&shared, &guest).page(ErrorKind::NotFound));
    };
    let page = AccountLinkPage { frame: guest.frame(&shared, None), action: path(&token), gone: false };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// The button without a password shows the form; the form with one uses the link up.
async fn follow_link(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    guest: Guest,
    Form(form): Form<PasswordForm>,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Some(token) = Token::parse(&token) else { return Err(errors.page(ErrorKind::NotFound)) };
    begin(&shared, &guest, &shared.failures)?;
    let view = shared.app.account_link(&token, guest.visitor).await;
    if !matches!(view, Err(AccountLinkError::NotGood)) {
        shared.failures.take_back(guest.visitor.address);
    }
    let view = view.map_err(|error| not_good(&errors, &error))?;
    let Some(new) = form.new else { return Ok(choose_page(&shared, &guest, &token, view, None)) };
    if new != form.again {
        return Ok(choose_page(&shared, &guest, &token, view, Some(ChooseProblem::Differ)));
    }
    let Some(new) = Password::new(new) else {
        return Ok(choose_page(&shared, &guest, &token, view, Some(ChooseProblem::Guessable)));
    };
    let problem = match shared.app.choose_password(&token, new, guest.visitor).await {
        Ok(_) => return Ok(Answer::see_other("/connexion?choisi=1").into_response()),
        Err(AccountLinkError::Weak(WeakPassword::TooShort { .. })) => ChooseProblem::TooShort,
        Err(AccountLinkError::Weak(WeakPassword::Guessable)) => ChooseProblem::Guessable,
        Err(AccountLinkError::LastMember { mailboxes }) => ChooseProblem::LastMember(mailboxes),
        Err(error) => return Err(not_good(&errors, &error)),
    };
    Ok(choose_page(&shared, &guest, &token, view, Some(problem)))
}

fn not_good(errors: &Errors<'_>, error: &AccountLinkError) -> Response {
    if let AccountLinkError::Fault(error) = error {
        return errors.fault(error);
    }
    let frame = errors.guest.frame(errors.shared, None);
    let page = AccountLinkPage { frame, action: String::new(), gone: true };
    Answer::page(StatusCode::GONE, errors.guest, &page).into_response()
}

fn choose_page(
    shared: &Shared,
    guest: &Guest,
    token: &Token,
    view: AccountLinkView,
    problem: Option<ChooseProblem>,
) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = ChoosePasswordPage {
        frame: guest.frame(shared, None),
        action: path(token),
        name: view.name,
        address: view.address.to_string(),
        to_be_admitted: view.to_be_admitted,
        problem,
    };
    Answer::page(status, guest, &page).into_response()
}

fn path(token: &Token) -> String {
    format!("/compte/lien/{}", token.expose())
}

/// Where a session that waits for something goes, on its way to `next`; none when it waits for nothing.
pub(super) async fn waiting_path(
    shared: &Shared,
    guest: &Guest,
    next: &str,
) -> Result<Option<String>, crate::app::AppError> {
    let Some(cookie) = guest.token(CookieName::Session) else { return Ok(None) };
    let waiting = shared.app.signed_waiting(&cookie, guest.visitor).await?;
    Ok(waiting.map(|(_, waiting)| match waiting {
        Waiting::Terms => format!("/conditions?suite={}", escape(next)),
        Waiting::OldPassword => "/compte".to_owned(),
    }))
}

async fn show_terms(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let notice = asked.modifiees.map(|_| TermsNotice::Changed);
    terms_page(&shared, &guest, asked.suite, StatusCode::OK, notice).await
}

async fn terms_page(
    shared: &Shared,
    guest: &Guest,
    next: Option<String>,
    status: StatusCode,
    notice: Option<TermsNotice>,
) -> Outcome {
    let errors = Errors::new(shared, guest);
    let terms = shared.app.terms_in_force().ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    let signed = match guest.token(CookieName::Session) {
        Some(cookie) => shared.app.signed_waiting(&cookie, guest.visitor).await,
        None => Ok(None),
    };
    let signed = signed.map_err(|error| errors.fault(&error))?;
    let whole = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    let to_be_accepted = matches!(&signed, Some((_, Waiting::Terms)));
    let waiting = signed.map(|(signed, _)| signed);
    let page = TermsPage {
        frame: guest.frame(shared, waiting.as_ref().or(whole.as_ref())),
        parts: TermsPart::of(terms.text(guest.language)),
        version: terms.version,
        to_be_accepted,
        next: next.filter(|path| is_local(path)).unwrap_or_else(|| START.to_owned()),
        notice,
    };
    Ok(Answer::page(status, guest, &page).into_response())
}

async fn accept_terms(State(shared): State<Shared>, guest: Guest, Form(form): Form<TermsForm>) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let next = form.suite.filter(|path| is_local(path)).unwrap_or_else(|| START.to_owned());
    let waiting = match guest.token(CookieName::Session) {
        Some(cookie) => shared.app.signed_waiting(&cookie, guest.visitor).await,
        None => Ok(None),
    };
    let Some((signed, Waiting::Terms)) = waiting.map_err(|error| errors.fault(&error))? else {
        return Ok(Answer::see_other(&next).into_response());
    };
    if form.accepte.is_none() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return terms_page(&shared, &guest, Some(next), status, Some(TermsNotice::Needed)).await;
    }
    let accepted = shared.app.accept_terms(&signed, &form.version, guest.visitor).await;
    if accepted.map_err(|error| errors.fault(&error))? {
        return Ok(Answer::see_other(&next).into_response());
    }
    let again = format!("/conditions?modifiees=1&suite={}", escape(&next));
    Ok(Answer::see_other(&again).into_response())
}
