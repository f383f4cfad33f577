//! The pages of somebody outside to whom a member sent something (T5, V4): the link's button, the code or the told password,
//! the message and its files, the way to reply. Fetching any of them changes nothing (invariant 6); a link that never was,
//! ended or was withdrawn shows the same page.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::{begin, go_to_draft};
use super::download::{Asked, Reader, send_archive, send_file};
use super::request::{CookieName, Guest};
use super::texts::OutsideWords;
use super::transfer::opened_files;
use super::views::{ErrorKind, OutsideGonePage, OutsideLinkPage, OutsideOpenedPage, OutsideStepPage};
use crate::app::{LinkError, LinkOpened, OutsideReader, SecondStep};
use crate::identity::{LINK_SESSION_LIFE, PROOF_LIFE, Password};
use crate::transfer::Check;
use crate::value::{LinkId, Token};

/// How long the browser keeps the cookie of a code, and that of a session, in seconds.
const CODE_COOKIE_SECONDS: i64 = PROOF_LIFE.0 / 1000;
const SESSION_COOKIE_SECONDS: i64 = LINK_SESSION_LIFE.0 / 1000;

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/plis/lien/{token}", get(show_link).post(press))
        .route("/plis/lien/{token}/code", post(type_code))
        .route("/plis/lien/{token}/mot-de-passe", post(type_password))
        .route("/plis/{link}", get(show))
        .route("/plis/{link}/repondre", post(reply))
        .route("/plis/{link}/fichiers/{number}", get(file))
        .route("/plis/{link}/tout.zip", get(archive))
}

#[derive(Deserialize)]
struct CodeForm {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct PasswordForm {
    #[serde(default)]
    password: String,
}

/// A button, whatever the token: whoever fetches the page learns and changes nothing.
async fn show_link(State(shared): State<Shared>, Path(token): Path<String>, guest: Guest) -> Outcome {
    let token = parse(&shared, &guest, &token)?;
    let page = OutsideLinkPage { frame: guest.frame(&shared, None), action: path_of(&token) };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn press(State(shared): State<Shared>, Path(token): Path<String>, guest: Guest) -> Outcome {
    let token = parse(&shared, &guest, &token)?;
    begin(&shared, &guest, &shared.asks)?;
    match shared.app.ask_to_open(&token, guest.visitor).await {
        Ok(SecondStep::Password) => Ok(step(&shared, &guest, &token, true, None)),
        Ok(SecondStep::Code { browser }) => {
            let secure = shared.config.secure_cookies;
            let cookie = CookieName::Opening.set(secure, &browser.expose(), CODE_COOKIE_SECONDS);
            let page = step_page(&shared, &guest, &token, false, None);
            Ok(Answer::page(StatusCode::OK, &guest, &page).with_cookie(&cookie).into_response())
        }
        Err(error) => refused(&shared, &guest, &token, error, false),
    }
}

async fn type_code(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    guest: Guest,
    Form(form): Form<CodeForm>,
) -> Outcome {
    let token = parse(&shared, &guest, &token)?;
    let w = OutsideWords::of(guest.language);
    if form.code.chars().filter(char::is_ascii_digit).count() != 8 {
        return Ok(step(&shared, &guest, &token, false, Some(w.code_shape)));
    }
    let Some(browser) = guest.token(CookieName::Opening) else {
        return Ok(step(&shared, &guest, &token, false, Some(w.code_ended)));
    };
    begin(&shared, &guest, &shared.failures)?;
    let opened = shared.app.open_by_code(&token, &browser, &form.code, guest.visitor).await;
    go_on(&shared, &guest, &token, opened, false)
}

async fn type_password(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    guest: Guest,
    Form(form): Form<PasswordForm>,
) -> Outcome {
    let token = parse(&shared, &guest, &token)?;
    begin(&shared, &guest, &shared.failures)?;
    let password = Password::new(form.password);
    let opened = shared.app.open_by_password(&token, password, guest.visitor).await;
    go_on(&shared, &guest, &token, opened, true)
}

/// To the page that reads, with the cookie of its session; or why not.
fn go_on(
    shared: &Shared,
    guest: &Guest,
    token: &Token,
    opened: Result<LinkOpened, LinkError>,
    by_password: bool,
) -> Outcome {
    if !matches!(opened, Err(LinkError::Wrong | LinkError::CodeEnded)) {
        shared.failures.take_back(guest.visitor.address);
    }
    match opened {
        Ok(LinkOpened { link, cookie }) => {
            let secure = shared.config.secure_cookies;
            let session = CookieName::Link(link).set(secure, &cookie.expose(), SESSION_COOKIE_SECONDS);
            let answer = Answer::see_other(&format!("/plis/{link}")).with_cookie(&session);
            Ok(answer.with_cookie(&CookieName::Opening.unset(secure)).into_response())
        }
        Err(error) => refused(shared, guest, token, error, by_password),
    }
}

fn refused(shared: &Shared, guest: &Guest, token: &Token, error: LinkError, by_password: bool) -> Outcome {
    let w = OutsideWords::of(guest.language);
    match error {
        LinkError::NotGood => Err(gone(shared, guest, false)),
        LinkError::Wrong if by_password => Ok(step(shared, guest, token, true, Some(w.told_wrong))),
        LinkError::Wrong => Ok(step(shared, guest, token, false, Some(w.code_wrong))),
        LinkError::CodeEnded => Ok(step(shared, guest, token, by_password, Some(w.code_ended))),
        LinkError::TooMany => {
            let seconds = u32::try_from(CODE_COOKIE_SECONDS).unwrap_or(u32::MAX);
            Err(Errors::new(shared, guest).page(ErrorKind::TooMany { seconds }))
        }
        LinkError::Fault(error) => Err(Errors::new(shared, guest).fault(&error)),
    }
}

async fn show(State(shared): State<Shared>, Path(link): Path<String>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let reader = reader(&shared, &guest, &link).await?;
    let path = format!("/plis/{link}");
    let opened = shared.app.opened_outside(&reader, guest.visitor).await;
    let opened = opened.map_err(|error| errors.open(&error, &path))?;
    let message = shared.app.message(&opened).await.map_err(|error| errors.fault(&error))?;
    let organisation = shared.app.organisation_of(reader.mailbox()).await;
    let organisation = organisation.map_err(|error| errors.fault(&error))?;
    let transfer = reader.transfer();
    let page = OutsideOpenedPage {
        frame: guest.frame(&shared, None),
        path,
        reference: transfer.reference.clone(),
        title: transfer.title.to_string(),
        organisation: organisation.name,
        mailbox: reader.mailbox().name.clone(),
        dpo: organisation.data_protection_officer.to_string(),
        sent: transfer.received_at,
        expires: transfer.expires_at,
        message: String::from_utf8_lossy(message.expose()).into_owned(),
        files: opened_files(&opened, guest.language),
        unscanned: opened.files().iter().any(|file| file.check == Check::Off),
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn reply(State(shared): State<Shared>, Path(link): Path<String>, guest: Guest) -> Outcome {
    let reader = reader(&shared, &guest, &link).await?;
    let draft = shared.app.begin_reply(&reader, guest.visitor).await;
    let draft = draft.map_err(|error| Errors::new(&shared, &guest).fault(&error))?;
    go_to_draft(&shared, &guest, &draft).await
}

async fn file(
    State(shared): State<Shared>,
    Path((link, number)): Path<(String, String)>,
    guest: Guest,
    method: Method,
    headers: HeaderMap,
) -> Outcome {
    let reader = reader(&shared, &guest, &link).await?;
    let path = format!("/plis/{link}");
    let opened = shared.app.opened_outside(&reader, guest.visitor).await;
    let opened = opened.map_err(|error| Errors::new(&shared, &guest).open(&error, &path))?;
    let asked = Asked { path, method, headers };
    send_file(&shared, &guest, Reader::Outside(Box::new(reader)), opened, &number, asked).await
}

async fn archive(
    State(shared): State<Shared>,
    Path(link): Path<String>,
    guest: Guest,
    method: Method,
    headers: HeaderMap,
) -> Outcome {
    let reader = reader(&shared, &guest, &link).await?;
    let path = format!("/plis/{link}");
    let opened = shared.app.opened_outside(&reader, guest.visitor).await;
    let opened = opened.map_err(|error| Errors::new(&shared, &guest).open(&error, &path))?;
    let asked = Asked { path, method, headers };
    send_archive(&shared, &guest, Reader::Outside(Box::new(reader)), opened, asked).await
}

/// Who reads in this browser by this link; else the page that says to follow the link again.
async fn reader(shared: &Shared, guest: &Guest, link: &str) -> Result<OutsideReader, Response> {
    let errors = Errors::new(shared, guest);
    let link: LinkId = link.parse().map_err(|_| errors.page(ErrorKind::NotFound))?;
    let cookie = guest.token(CookieName::Link(link)).ok_or_else(|| gone(shared, guest, true))?;
    let reader = shared.app.outside_reader(link, &cookie, guest.visitor).await;
    reader.map_err(|error| errors.fault(&error))?.ok_or_else(|| gone(shared, guest, true))
}

fn parse(shared: &Shared, guest: &Guest, token: &str) -> Result<Token, Response> {
    Token::parse(token).ok_or_else(|| gone(shared, guest, false))
}

fn path_of(token: &Token) -> String {
    format!("/plis/lien/{}", token.expose().as_str())
}

fn gone(shared: &Shared, guest: &Guest, session: bool) -> Response {
    let page = OutsideGonePage { frame: guest.frame(shared, None), session };
    Answer::page(StatusCode::GONE, guest, &page).into_response()
}

fn step(
    shared: &Shared,
    guest: &Guest,
    token: &Token,
    by_password: bool,
    problem: Option<&'static str>,
) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Answer::page(status, guest, &step_page(shared, guest, token, by_password, problem)).into_response()
}

fn step_page(
    shared: &Shared,
    guest: &Guest,
    token: &Token,
    by_password: bool,
    problem: Option<&'static str>,
) -> OutsideStepPage {
    OutsideStepPage { frame: guest.frame(shared, None), path: path_of(token), by_password, problem }
}
