//! The second factor: the code that completes a sign-in, and its set-up on the page of the own account.

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;

use super::Shared;
use super::account::signed;
use super::answer::{Answer, Errors, Outcome};
use super::request::{CookieName, Guest};
use super::sign_in::{START, begin_try, is_local, knowing};
use super::views::{CodeNotice, FactorNotice, FactorPage, FactorStep, SignInCodePage};
use crate::app::{FactorError, SignInError, Signed, TryEnd};
use crate::identity::{Password, RecoveryCode};

/// Empty modules around the picture, which readers need (ISO/IEC 18004).
const QUIET_ZONE: i32 = 4;

/// The routes of the second factor.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/connexion/code", get(show_code).post(confirm_code))
        .route("/compte/second-facteur", get(show).post(begin))
        .route("/compte/second-facteur/confirmer", post(confirm))
        .route("/compte/second-facteur/retirer", post(remove))
}

#[derive(Deserialize)]
struct Asked {
    suite: Option<String>,
    fait: Option<String>,
}

#[derive(Deserialize)]
struct TypedCode {
    #[serde(default)]
    code: String,
    suite: Option<String>,
}

#[derive(Deserialize)]
struct SetUp {
    #[serde(default)]
    scelle: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    present: String,
}

#[derive(Deserialize)]
struct Present {
    #[serde(default)]
    present: String,
}

async fn show_code(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    if !awaits(&shared, &guest).await? {
        return Ok(Answer::see_other("/connexion").into_response());
    }
    Ok(code_page(&shared, &guest, StatusCode::OK, asked.suite, None))
}

async fn confirm_code(State(shared): State<Shared>, guest: Guest, Form(typed): Form<TypedCode>) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Some(cookie) = guest.token(CookieName::Session) else {
        return Ok(Answer::see_other("/connexion").into_response());
    };
    let address = shared.app.waiting_address(&cookie).await.map_err(|error| errors.fault(&error))?;
    let Some(address) = address else {
        return Ok(Answer::see_other("/connexion?recommencer=1").into_response());
    };
    let tried = match begin_try(&shared, &guest, &address.to_string())? {
        Ok(tried) => tried,
        Err(minutes) => {
            let notice = Some(CodeNotice::TooMany { minutes });
            return Ok(code_page(&shared, &guest, StatusCode::TOO_MANY_REQUESTS, typed.suite, notice));
        }
    };
    match shared.app.confirm_sign_in(&cookie, &typed.code, guest.visitor).await {
        Ok(()) => {
            shared.app.end_sign_in_try(tried, TryEnd::SignedIn);
            let next = typed.suite.filter(|path| is_local(path));
            let answer = Answer::see_other(next.as_deref().unwrap_or(START));
            Ok(knowing(&shared, &guest, answer, &address)?.into_response())
        }
        Err(SignInError::Refused) if awaits(&shared, &guest).await? => {
            let (status, notice) = (StatusCode::UNPROCESSABLE_ENTITY, Some(CodeNotice::Wrong));
            Ok(code_page(&shared, &guest, status, typed.suite, notice))
        }
        Err(SignInError::Refused) => Ok(Answer::see_other("/connexion?recommencer=1").into_response()),
        Err(SignInError::Fault(error)) => {
            shared.app.end_sign_in_try(tried, TryEnd::NotCounted);
            Err(errors.fault(&error))
        }
    }
}

async fn awaits(shared: &Shared, guest: &Guest) -> Result<bool, Response> {
    let Some(cookie) = guest.token(CookieName::Session) else { return Ok(false) };
    shared.app.awaits_code(&cookie).await.map_err(|error| Errors::new(shared, guest).fault(&error))
}

fn code_page(
    shared: &Shared,
    guest: &Guest,
    status: StatusCode,
    next: Option<String>,
    notice: Option<CodeNotice>,
) -> Response {
    let next = next.filter(|path| is_local(path));
    let view = SignInCodePage { frame: guest.frame(shared, None), next, notice };
    Answer::page(status, guest, &view).into_response()
}

async fn show(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let notice = asked.fait.is_some().then_some(FactorNotice::Removed);
    Ok(page(&shared, &guest, &signed, StatusCode::OK, standing(&signed), notice))
}

/// Draws a secret. It is shown in this answer alone.
async fn begin(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    set_up_page(&shared, &guest, &signed, StatusCode::OK, None)
}

async fn confirm(State(shared): State<Shared>, guest: Guest, Form(typed): Form<SetUp>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let session = signed.session.id;
    if let Err(minutes) = shared.own_failures.begin(session, shared.app.now().at) {
        let (status, notice) = (StatusCode::TOO_MANY_REQUESTS, Some(FactorNotice::TooMany { minutes }));
        return Ok(page(&shared, &guest, &signed, status, standing(&signed), notice));
    }
    let present = Password::new(typed.present);
    let confirmed =
        shared.app.confirm_second_factor(&signed, &typed.scelle, &typed.code, present, guest.visitor).await;
    let refused =
        |notice| set_up_page(&shared, &guest, &signed, StatusCode::UNPROCESSABLE_ENTITY, Some(notice));
    match confirmed {
        Ok(codes) => {
            shared.own_failures.take_back(session);
            let codes = codes.iter().map(RecoveryCode::expose).collect();
            Ok(page(&shared, &guest, &signed, StatusCode::OK, FactorStep::Done { codes }, None))
        }
        Err(FactorError::WrongPassword) => refused(FactorNotice::WrongPassword),
        Err(FactorError::WrongCode) => refused(FactorNotice::WrongCode),
        Err(FactorError::Over) => refused(FactorNotice::Over),
        Err(FactorError::Fault(error)) => {
            shared.own_failures.take_back(session);
            Err(Errors::new(&shared, &guest).signed_as(Some(&signed)).fault(&error))
        }
    }
}

async fn remove(State(shared): State<Shared>, guest: Guest, Form(typed): Form<Present>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let session = signed.session.id;
    if let Err(minutes) = shared.own_failures.begin(session, shared.app.now().at) {
        let (status, notice) = (StatusCode::TOO_MANY_REQUESTS, Some(FactorNotice::TooMany { minutes }));
        return Ok(page(&shared, &guest, &signed, status, standing(&signed), notice));
    }
    match shared.app.remove_second_factor(&signed, Password::new(typed.present), guest.visitor).await {
        Ok(()) => {
            shared.own_failures.take_back(session);
            Ok(Answer::see_other("/compte/second-facteur?fait=retire").into_response())
        }
        Err(FactorError::Fault(error)) => {
            shared.own_failures.take_back(session);
            Err(Errors::new(&shared, &guest).signed_as(Some(&signed)).fault(&error))
        }
        Err(_) => {
            let (status, notice) = (StatusCode::UNPROCESSABLE_ENTITY, Some(FactorNotice::WrongPassword));
            Ok(page(&shared, &guest, &signed, status, standing(&signed), notice))
        }
    }
}

fn standing(signed: &Signed) -> FactorStep {
    match &signed.account.second_factor {
        Some(factor) => FactorStep::On { since: factor.since, codes_left: factor.recovery_codes_left() },
        None => FactorStep::Off,
    }
}

/// A new secret each time: one that was refused is not used further.
fn set_up_page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    status: StatusCode,
    notice: Option<FactorNotice>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let new = shared.app.begin_second_factor(signed).map_err(|error| errors.fault(&error))?;
    let step = FactorStep::SetUp { sealed: new.sealed, secret: new.secret, picture: picture(&new.uri) };
    Ok(page(shared, guest, signed, status, step, notice))
}

/// The picture as an SVG path, one square a dark module, with the side of its view box. `None`: the text is too long
/// for one, and is typed.
fn picture(text: &str) -> Option<(i32, String)> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut path = String::new();
    for (y, x) in (0..size).flat_map(|y| (0..size).map(move |x| (y, x))) {
        if code.get_module(x, y) {
            let (left, top) = (x + QUIET_ZONE, y + QUIET_ZONE);
            path.extend(["M", &left.to_string(), " ", &top.to_string(), "h1v1h-1z"]);
        }
    }
    Some((size + 2 * QUIET_ZONE, path))
}

fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    status: StatusCode,
    step: FactorStep,
    notice: Option<FactorNotice>,
) -> Response {
    let view = FactorPage { frame: guest.frame(shared, Some(signed)), step, notice };
    Answer::page(status, guest, &view).into_response()
}
