//! Signing in and out (T3).

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::entry::waiting_path;
use super::request::{CookieName, Guest};
use super::views::{SignInNotice, SignInPage};
use crate::app::{SignInError, SignInTry, TryEnd};
use crate::identity::{Password, SESSION_LIFE};
use crate::value::MailAddress;

/// Where a person goes after signing in who was on the way to nowhere.
pub(super) const START: &str = "/boites";
/// The longest local path that is remembered.
const NEXT_MAX_BYTES: usize = 512;

#[derive(Deserialize)]
pub(super) struct Asked {
    suite: Option<String>,
    #[serde(default)]
    sortie: Option<String>,
    /// A password was chosen by a mailed link.
    #[serde(default)]
    choisi: Option<String>,
    /// The code was not given in time, or wrong too often.
    #[serde(default)]
    recommencer: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    address: String,
    #[serde(default)]
    password: String,
    suite: Option<String>,
}

pub(super) async fn show(State(shared): State<Shared>, Query(asked): Query<Asked>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let next = asked.suite.filter(|path| is_local(path));
    if guest.signed(&shared).await.map_err(|error| errors.fault(&error))?.is_some() {
        return Ok(Answer::see_other(next.as_deref().unwrap_or(START)).into_response());
    }
    let waiting = waiting_path(&shared, &guest, next.as_deref().unwrap_or(START)).await;
    if let Some(path) = waiting.map_err(|error| errors.fault(&error))? {
        return Ok(Answer::see_other(&path).into_response());
    }
    let notice = match (asked.sortie, asked.recommencer, &next) {
        _ if asked.choisi.is_some() => Some(SignInNotice::PasswordChosen),
        (Some(_), ..) => Some(SignInNotice::SignedOut),
        (None, Some(_), _) => Some(SignInNotice::SessionEnded),
        (None, None, Some(_)) => Some(SignInNotice::NeedsSignIn),
        (None, None, None) => None,
    };
    Ok(page(&shared, &guest, StatusCode::OK, String::new(), next, notice))
}

pub(super) async fn sign_in(
    State(shared): State<Shared>,
    guest: Guest,
    Form(typed): Form<Credentials>,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let next = typed.suite.filter(|path| is_local(path));
    let tried = match begin_try(&shared, &guest, &typed.address)? {
        Ok(tried) => tried,
        Err(minutes) => {
            let notice = Some(SignInNotice::TooMany { minutes });
            return Ok(page(&shared, &guest, StatusCode::TOO_MANY_REQUESTS, typed.address, next, notice));
        }
    };
    let (address, password) = (MailAddress::parse(&typed.address).ok(), Password::new(typed.password));
    match shared.app.sign_in(address.clone(), password, guest.visitor).await {
        Ok(token) => {
            let waits = shared.app.awaits_code(&token).await.map_err(|error| errors.fault(&error))?;
            // The tries are forgiven when the sign-in is complete.
            shared.app.end_sign_in_try(tried, if waits { TryEnd::NotCounted } else { TryEnd::SignedIn });
            let secure = shared.config.secure_cookies;
            let cookie = CookieName::Session.set(secure, &token.expose(), SESSION_LIFE.0 / 1000);
            let next = next.as_deref().unwrap_or(START);
            let answer = if waits {
                Answer::see_other(&format!("/connexion/code?suite={}", escape(next)))
            } else {
                Answer::see_other(next)
            };
            let answer = answer.with_cookie(&cookie);
            Ok(match address.filter(|_| !waits) {
                Some(address) => knowing(&shared, &guest, answer, &address)?.into_response(),
                None => answer.into_response(),
            })
        }
        Err(SignInError::Refused) => {
            let notice = Some(SignInNotice::Failed);
            Ok(page(&shared, &guest, StatusCode::UNPROCESSABLE_ENTITY, typed.address, next, notice))
        }
        Err(SignInError::Fault(error)) => {
            shared.app.end_sign_in_try(tried, TryEnd::NotCounted);
            Err(errors.fault(&error))
        }
    }
}

/// Counts a try to sign in under an address; or the minutes to wait.
pub(super) fn begin_try(
    shared: &Shared,
    guest: &Guest,
    address: &str,
) -> Result<Result<SignInTry, u32>, Response> {
    let errors = Errors::new(shared, guest);
    let tag = shared.app.known_browser_tag(address).map_err(|error| errors.fault(&error))?;
    let shown = guest.cookie(CookieName::Known(tag));
    shared.app.begin_sign_in_try(address, shown, guest.visitor).map_err(|error| errors.fault(&error))
}

/// The answer to a complete sign-in: the browser is known to the account from now on.
pub(super) fn knowing(
    shared: &Shared,
    guest: &Guest,
    answer: Answer,
    address: &MailAddress,
) -> Result<Answer, Response> {
    let errors = Errors::new(shared, guest);
    let (tag, remembered) =
        (shared.app.known_browser_tag(&address.to_string()), shared.app.remember_browser(address));
    let (tag, (value, seconds)) =
        tag.and_then(|tag| Ok((tag, remembered?))).map_err(|error| errors.fault(&error))?;
    Ok(answer.with_cookie(&CookieName::Known(tag).set(shared.config.secure_cookies, &value, seconds)))
}

pub(super) async fn sign_out(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let waiting = match guest.token(CookieName::Session) {
        Some(cookie) => shared.app.signed_waiting(&cookie, guest.visitor).await,
        None => Ok(None),
    };
    let waiting = waiting.map_err(|error| errors.fault(&error))?.map(|(signed, _)| signed);
    let signed = guest.signed(&shared).await.map_err(|error| errors.fault(&error))?.or(waiting);
    if let Some(signed) = signed {
        shared.app.sign_out(signed, guest.visitor).await.map_err(|error| errors.fault(&error))?;
    }
    let unset = CookieName::Session.unset(shared.config.secure_cookies);
    Ok(Answer::see_other("/connexion?sortie=1").with_cookie(&unset).into_response())
}

/// A path as the value of a query.
pub(super) fn escape(path: &str) -> String {
    percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Whether a path stays on this gateway: it begins with one slash, and a browser reads nothing else into it.
pub(super) fn is_local(path: &str) -> bool {
    path.len() <= NEXT_MAX_BYTES
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// The page when somebody came back from the provider and is not signed in.
pub(super) fn refused_provider(
    shared: &Shared,
    guest: &Guest,
    status: StatusCode,
    notice: SignInNotice,
) -> Response {
    page(shared, guest, status, String::new(), None, Some(notice))
}

/// The page when a passkey was refused, or after too many tries.
pub(super) fn refused_passkey(
    shared: &Shared,
    guest: &Guest,
    next: Option<String>,
    wait: Option<u32>,
) -> Response {
    let (status, notice) = match wait {
        Some(minutes) => (StatusCode::TOO_MANY_REQUESTS, SignInNotice::TooMany { minutes }),
        None => (StatusCode::UNPROCESSABLE_ENTITY, SignInNotice::PasskeyRefused),
    };
    page(shared, guest, status, String::new(), next, Some(notice))
}

fn page(
    shared: &Shared,
    guest: &Guest,
    status: StatusCode,
    address: String,
    next: Option<String>,
    notice: Option<SignInNotice>,
) -> Response {
    let passkeys = shared.app.has_passkeys();
    let provider = shared.app.provider_name().map(str::to_owned);
    let provider_path = next.as_deref().map_or_else(
        || "/connexion/fournisseur".to_owned(),
        |next| format!("/connexion/fournisseur?suite={}", escape(next)),
    );
    let frame = guest.frame(shared, None);
    let provider_out =
        notice == Some(SignInNotice::SignedOut) && guest.cookie(CookieName::Provider).is_some();
    let view = SignInPage { frame, address, next, provider, provider_out, provider_path, passkeys, notice };
    Answer::page(status, guest, &view).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_sent_elsewhere() {
        assert!(is_local("/transferts/7K3M-9QXD-04TZ"));
        for path in
            ["//evil.example", "https://evil.example", "/\\evil.example", "", "evil", "/a\r\nb", "/ a"]
        {
            assert!(!is_local(path), "{path:?} was accepted");
        }
    }
}
