//! A person's own account: the password, the open sessions, the vault passphrase (P2).

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::{CookieName, Guest};
use super::views::{AccountNotice, AccountPage, ErrorKind, SessionRow};
use crate::app::{EndedSessions, OpenError, SecretError, Signed, Waiting, parse_name};
use crate::identity::{Password, Role};
use crate::policy::password::WeakPassword;
use crate::value::Language;

/// Where the page is.
const PATH: &str = "/compte";

/// The routes of the own account.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route(PATH, get(show))
        .route("/compte/mot-de-passe", post(change_password))
        .route("/compte/identite", post(rectify))
        .route("/compte/phrase", post(set_passphrase))
        .route("/compte/connexions", post(end_sessions))
}

#[derive(Deserialize)]
struct Asked {
    fait: Option<String>,
}

#[derive(Deserialize)]
struct PasswordForm {
    #[serde(default)]
    present: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
}

#[derive(Deserialize)]
struct PassphraseForm {
    #[serde(default)]
    phrase: String,
    #[serde(default)]
    again: String,
}

#[derive(Deserialize)]
struct IdentityForm {
    nom: Option<String>,
    #[serde(default)]
    langue: String,
}

#[derive(Deserialize)]
struct SessionForm {
    connexion: String,
}

async fn show(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let signed = signed_or_old(&shared, &guest).await?;
    let old = shared.app.is_password_old(&signed).then_some(AccountNotice::OldPassword);
    let notice = match asked.fait.as_deref() {
        Some("mot-de-passe") => Some(AccountNotice::PasswordChanged),
        Some("phrase") => Some(AccountNotice::PassphraseChanged),
        Some("connexion") => Some(AccountNotice::SessionEnded),
        Some("identite") => Some(AccountNotice::IdentityChanged),
        _ => old,
    };
    page(&shared, &guest, &signed, StatusCode::OK, notice).await
}

async fn change_password(
    State(shared): State<Shared>,
    guest: Guest,
    Form(typed): Form<PasswordForm>,
) -> Outcome {
    let signed = signed_or_old(&shared, &guest).await?;
    if typed.new != typed.again {
        return refuse(&shared, &guest, &signed, AccountNotice::Differ).await;
    }
    let Some(new) = Password::new(typed.new) else {
        return refuse(&shared, &guest, &signed, AccountNotice::Guessable).await;
    };
    let session = signed.session.id;
    if let Err(minutes) = shared.own_failures.begin(session, shared.app.now().at) {
        return refuse(&shared, &guest, &signed, AccountNotice::TooMany { minutes }).await;
    }
    let outcome = shared.app.change_password(&signed, Password::new(typed.present), new, guest.visitor).await;
    if !matches!(outcome, Err(SecretError::Wrong)) {
        shared.own_failures.take_back(session);
    }
    answer(&shared, &guest, &signed, outcome, "mot-de-passe").await
}

async fn set_passphrase(
    State(shared): State<Shared>,
    guest: Guest,
    Form(typed): Form<PassphraseForm>,
) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    if typed.phrase != typed.again {
        return refuse(&shared, &guest, &signed, AccountNotice::Differ).await;
    }
    let Some(phrase) = Password::new(typed.phrase) else {
        return refuse(&shared, &guest, &signed, AccountNotice::Guessable).await;
    };
    let outcome = shared.app.set_passphrase(&signed, phrase, guest.visitor).await;
    answer(&shared, &guest, &signed, outcome, "phrase").await
}

/// The own name and language (S5).
async fn rectify(State(shared): State<Shared>, guest: Guest, Form(form): Form<IdentityForm>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let language = Language::from_tag(&form.langue).ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let name = match form.nom.as_deref().map(parse_name) {
        Some(None) => return refuse(&shared, &guest, &signed, AccountNotice::NameUnfit).await,
        Some(name) => name,
        None => None,
    };
    let done = shared.app.rectify(&signed, name, language, guest.visitor).await;
    if done.map_err(|error| errors.fault(&error))? {
        return Ok(Answer::see_other("/compte?fait=identite").into_response());
    }
    Err(errors.page(ErrorKind::Forbidden))
}

async fn end_sessions(State(shared): State<Shared>, guest: Guest, Form(form): Form<SessionForm>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let which = match form.connexion.as_str() {
        "autres" => EndedSessions::Others,
        id => EndedSessions::One(id.parse().map_err(|_| errors.page(ErrorKind::BadRequest))?),
    };
    let ended = shared.app.end_own_sessions(&signed, which, guest.visitor).await;
    ended.map_err(|error| errors.fault(&error))?;
    Ok(Answer::see_other("/compte?fait=connexion").into_response())
}

/// As [`signed`], also when an old password has to be changed first.
async fn signed_or_old(shared: &Shared, guest: &Guest) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let waiting = match guest.token(CookieName::Session) {
        Some(cookie) => shared.app.signed_waiting(&cookie, guest.visitor).await,
        None => Ok(None),
    };
    match waiting.map_err(|error| errors.fault(&error))? {
        Some((waiting, Waiting::OldPassword)) => Ok(waiting),
        _ => signed(shared, guest).await,
    }
}

pub(super) async fn signed(shared: &Shared, guest: &Guest) -> Result<Signed, Response> {
    let errors = Errors::new(shared, guest);
    let signed = guest.signed(shared).await.map_err(|error| errors.fault(&error))?;
    signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, PATH))
}

async fn answer(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    outcome: Result<(), SecretError>,
    done: &str,
) -> Outcome {
    let notice = match outcome {
        Ok(()) => return Ok(Answer::see_other(&format!("{PATH}?fait={done}")).into_response()),
        Err(SecretError::Wrong) => AccountNotice::Wrong,
        Err(SecretError::Weak(WeakPassword::TooShort { .. })) => AccountNotice::TooShort,
        Err(SecretError::Weak(WeakPassword::Guessable)) => AccountNotice::Guessable,
        Err(SecretError::Locked) => AccountNotice::Locked,
        Err(SecretError::Fault(error)) => {
            return Err(Errors::new(shared, guest).signed_as(Some(signed)).fault(&error));
        }
    };
    refuse(shared, guest, signed, notice).await
}

async fn refuse(shared: &Shared, guest: &Guest, signed: &Signed, notice: AccountNotice) -> Outcome {
    let status = match notice {
        AccountNotice::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page(shared, guest, signed, status, Some(notice)).await
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    status: StatusCode,
    notice: Option<AccountNotice>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let sessions = shared.app.own_sessions(signed).await.map_err(|error| errors.fault(&error))?;
    let rows = sessions.into_iter().map(|session| SessionRow {
        id: session.id.to_string(),
        began_at: session.began_at,
        used_at: session.used_at,
        from: session.from.map(|from| from.to_string()).unwrap_or_default(),
        way: session.way,
        is_this: session.is_this,
    });
    let view = AccountPage {
        frame: guest.frame(shared, Some(signed)),
        name: signed.account.name.clone(),
        address: signed.account.address.to_string(),
        sessions: rows.collect(),
        keeps_name: !signed.account.role.is_of_structure(),
        language: signed.account.language,
        has_vault: !signed.account.mailboxes.is_empty(),
        has_software: signed.account.role == Role::Gestionnaire && signed.account.partner.is_some(),
        has_factor: signed.account.second_factor.is_some(),
        notice,
    };
    Ok(Answer::page(status, guest, &view).into_response())
}
