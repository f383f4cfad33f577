//! Signing in by the organisation's own provider (OpenID Connect): the way there, the way back, and signing out there too.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::begin as begin_asking;
use super::request::{CookieName, Guest};
use super::sign_in::{START, is_local, refused_provider};
use super::views::{ErrorKind, SignInNotice};
use crate::app::ProviderSignInError;
use crate::identity::SESSION_LIFE;

/// How long a browser may stay at the provider, in seconds.
const AWAY_SECONDS: i64 = 600;

/// The routes of the provider.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/connexion/fournisseur", get(go))
        .route("/connexion/fournisseur/retour", get(back))
        .route("/connexion/fournisseur/sortie", get(sign_out))
}

#[derive(Deserialize)]
struct Asked {
    suite: Option<String>,
    /// The person is to sign in there again now.
    encore: Option<String>,
}

#[derive(Deserialize)]
struct Came {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// A link, not a form: a page may send no form elsewhere. Nothing is kept but in memory.
async fn go(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    begin_asking(&shared, &guest, &shared.starts)?;
    let next = asked.suite.filter(|path| is_local(path));
    match shared.app.go_to_provider(next, asked.encore.is_some()).await {
        Ok(going) => {
            let secure = shared.config.secure_cookies;
            let cookie = CookieName::Provider.set(secure, &going.cookie.expose(), AWAY_SECONDS);
            Ok(Answer::see_other(&going.url).with_cookie(&cookie).into_response())
        }
        Err(error) => refused(&shared, &guest, error),
    }
}

/// Only in the browser that left, and once: a robot that follows the address is signed in nowhere.
async fn back(State(shared): State<Shared>, Query(came): Query<Came>, guest: Guest) -> Outcome {
    let origin = guest.visitor.address;
    if let Err(minutes) = shared.failures.begin(origin, shared.app.now().at) {
        return Ok(refused_provider(
            &shared,
            &guest,
            StatusCode::TOO_MANY_REQUESTS,
            SignInNotice::TooMany { minutes },
        ));
    }
    let cookie = guest.token(CookieName::Provider);
    match shared.app.back_from_provider(cookie.as_ref(), &came.state, &came.code, guest.visitor).await {
        Ok(came) => {
            shared.failures.take_back(origin);
            let secure = shared.config.secure_cookies;
            let cookie = CookieName::Session.set(secure, &came.session.expose(), SESSION_LIFE.0 / 1000);
            // The same token finds the identity token again when the person signs out there too.
            let there = CookieName::Provider.set(secure, &came.session.expose(), SESSION_LIFE.0 / 1000);
            let next = came.next.as_deref().unwrap_or(START);
            Ok(Answer::see_other(next).with_cookie(&cookie).with_cookie(&there).into_response())
        }
        Err(error) => refused(&shared, &guest, error),
    }
}

async fn sign_out(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let unset = CookieName::Provider.unset(shared.config.secure_cookies);
    let url = match guest.token(CookieName::Provider) {
        Some(token) => shared.app.provider_sign_out(&token).await,
        None => None,
    };
    let url = url.unwrap_or_else(|| "/connexion?sortie=1".to_owned());
    Ok(Answer::see_other(&url).with_cookie(&unset).into_response())
}

fn refused(shared: &Shared, guest: &Guest, error: ProviderSignInError) -> Outcome {
    let errors = Errors::new(shared, guest);
    let (status, notice) = match error {
        ProviderSignInError::None => return Err(errors.page(ErrorKind::NotFound)),
        ProviderSignInError::Fault(error) => return Err(errors.fault(&error)),
        ProviderSignInError::Unreachable => (StatusCode::BAD_GATEWAY, SignInNotice::ProviderSilent),
        ProviderSignInError::Refused => (StatusCode::UNPROCESSABLE_ENTITY, SignInNotice::ProviderRefused),
        ProviderSignInError::NoAccount => (StatusCode::FORBIDDEN, SignInNotice::NoAccount),
    };
    let answer: Response = refused_provider(shared, guest, status, notice);
    Ok(answer)
}
