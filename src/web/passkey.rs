//! Passkeys: a page of one's own to add, name and remove them; signing in with one. A script runs the ceremony in the browser and
//! fills a form that is sent like any other; without a script, password and code stay.

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Shared;
use super::account::signed;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::begin as begin_asking;
use super::request::{CookieName, Guest};
use super::sign_in::{START, is_local, knowing, refused_passkey};
use super::views::{ErrorKind, PasskeyNotice, PasskeyRow, PasskeysPage};
use crate::app::{Ceremony, PasskeyError, ShownPasskey, SignInError, Signed};
use crate::identity::{PRF_INPUT, SESSION_LIFE};
use crate::value::{Digest, SecretBytes, Token};

/// Where the page is.
const PATH: &str = "/compte/cles-acces";

/// The routes of passkeys.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/connexion/cle-acces/defi", post(begin_sign_in))
        .route("/connexion/cle-acces", post(sign_in))
        .route(PATH, get(show))
        .route("/compte/cles-acces/defi", post(begin))
        .route("/compte/cles-acces/nouvelle", post(add))
        .route("/compte/cles-acces/retirer", post(remove))
}

#[derive(Deserialize)]
struct Asked {
    fait: Option<String>,
}

/// What the script fills in.
#[derive(Deserialize)]
pub(super) struct ShownForm {
    #[serde(default)]
    nom: String,
    #[serde(default)]
    ceremonie: String,
    #[serde(default)]
    cle: String,
    /// The PRF's output in base64url; empty where there is none.
    #[serde(default)]
    prf: Zeroizing<String>,
    suite: Option<String>,
}

impl ShownForm {
    pub(super) fn shown(&mut self) -> ShownPasskey {
        shown(&self.ceremonie, std::mem::take(&mut self.cle), &self.prf)
    }
}

/// What a form shows of a passkey.
pub(super) fn shown(ceremony: &str, credential: String, prf: &str) -> ShownPasskey {
    let prf = Some(prf).filter(|prf| !prf.is_empty()).and_then(|prf| BASE64URL.decode(prf).ok());
    ShownPasskey { ceremony: Token::parse(ceremony), credential, prf: prf.map(SecretBytes::new) }
}

#[derive(Deserialize)]
struct Removed {
    #[serde(default)]
    cle: String,
}

/// The options of a ceremony, for the script.
fn told(ceremony: &Ceremony) -> Response {
    let options: serde_json::Value = serde_json::from_str(&ceremony.options).unwrap_or_default();
    let body = serde_json::json!({
        "ceremonie": ceremony.token.expose(), "options": options, "prf": BASE64URL.encode(Digest::of(PRF_INPUT.as_bytes()).as_bytes()),
    });
    Answer::json(StatusCode::OK, &body).into_response()
}

async fn begin_sign_in(State(shared): State<Shared>, guest: Guest) -> Outcome {
    begin_asking(&shared, &guest, &shared.starts)?;
    let errors = Errors::new(&shared, &guest);
    match shared.app.begin_passkey_sign_in() {
        Ok(ceremony) => Ok(told(&ceremony)),
        Err(PasskeyError::Fault(error)) => Err(errors.fault(&error)),
        Err(_) => Err(errors.page(ErrorKind::NotFound)),
    }
}

/// A passkey cannot be guessed: what fails counts for the origin alone, and no account waits for it.
async fn sign_in(State(shared): State<Shared>, guest: Guest, Form(mut typed): Form<ShownForm>) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let next = typed.suite.take().filter(|path| is_local(path));
    let origin = guest.visitor.address;
    if let Err(minutes) = shared.failures.begin(origin, shared.app.now().at) {
        return Ok(refused_passkey(&shared, &guest, next, Some(minutes)));
    }
    match shared.app.sign_in_with_passkey(typed.shown(), guest.visitor).await {
        Ok((token, account)) => {
            shared.failures.take_back(origin);
            let secure = shared.config.secure_cookies;
            let cookie = CookieName::Session.set(secure, &token.expose(), SESSION_LIFE.0 / 1000);
            let answer = Answer::see_other(next.as_deref().unwrap_or(START)).with_cookie(&cookie);
            Ok(knowing(&shared, &guest, answer, &account.address)?.into_response())
        }
        Err(SignInError::Refused) => Ok(refused_passkey(&shared, &guest, next, None)),
        Err(SignInError::Fault(error)) => {
            shared.failures.take_back(origin);
            Err(errors.fault(&error))
        }
    }
}

async fn show(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let notice = match asked.fait.as_deref() {
        Some("ajout") => Some(PasskeyNotice::Added),
        Some("retrait") => Some(PasskeyNotice::Removed),
        _ => None,
    };
    page(&shared, &guest, &signed, StatusCode::OK, notice).await
}

async fn begin(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    match shared.app.begin_passkey(&signed, guest.visitor).await {
        Ok(ceremony) => Ok(told(&ceremony)),
        Err(PasskeyError::Fault(error)) => Err(errors.fault(&error)),
        Err(_) => Err(errors.page(ErrorKind::NotFound)),
    }
}

async fn add(State(shared): State<Shared>, guest: Guest, Form(mut typed): Form<ShownForm>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    if !shared.app.is_recently_proven(&signed) {
        // The page asks for the proof: a PRF's output is never sent round by it.
        return Ok(Answer::see_other(PATH).into_response());
    }
    let shown = typed.shown();
    let added = shared.app.add_passkey(&signed, &typed.nom, shown, guest.visitor).await;
    let notice = match added {
        Ok(()) => return Ok(Answer::see_other(&format!("{PATH}?fait=ajout")).into_response()),
        Err(PasskeyError::Fault(error)) => {
            return Err(Errors::new(&shared, &guest).signed_as(Some(&signed)).fault(&error));
        }
        Err(PasskeyError::NoName) => PasskeyNotice::NoName,
        Err(PasskeyError::Known) => PasskeyNotice::Known,
        Err(PasskeyError::TooMany { .. }) => PasskeyNotice::TooMany,
        Err(_) => PasskeyNotice::Over,
    };
    page(&shared, &guest, &signed, StatusCode::UNPROCESSABLE_ENTITY, Some(notice)).await
}

async fn remove(State(shared): State<Shared>, guest: Guest, Form(typed): Form<Removed>) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let Ok(id) = Digest::try_from(typed.cle) else { return Err(errors.page(ErrorKind::BadRequest)) };
    match shared.app.remove_passkey(&signed, id, guest.visitor).await {
        Ok(_) => Ok(Answer::see_other(&format!("{PATH}?fait=retrait")).into_response()),
        Err(error) => Err(errors.fault(&error)),
    }
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    status: StatusCode,
    notice: Option<PasskeyNotice>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let vault = shared.app.vault_passkeys(signed).await.map_err(|error| errors.fault(&error))?;
    let rows = signed.account.passkeys.iter().map(|kept| PasskeyRow {
        id: kept.id.to_string(),
        name: kept.name.clone(),
        added_at: kept.added_at,
        used_at: kept.used_at,
        opens_vault: vault.contains(&kept.id),
    });
    let view = PasskeysPage {
        frame: guest.frame(shared, Some(signed)),
        passkeys: rows.collect(),
        has_vault: !signed.account.mailboxes.is_empty(),
        vault_open: shared.app.has_key_open(signed),
        available: shared.app.has_passkeys(),
        notice,
    };
    Ok(Answer::page(status, guest, &view).into_response())
}
