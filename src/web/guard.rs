//! What stands before every handler: requests from other sites are refused, every answer carries the headers that
//! keep a browser from doing more than it should, and who fails often waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, ORIGIN, SET_COOKIE, STRICT_TRANSPORT_SECURITY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::Shared;
use super::answer::Errors;
use super::request::{CookieName, Guest, asked_language};
use super::views::ErrorKind;
use crate::value::{Millis, Timestamp};

/// One year, in seconds: how long a chosen language is remembered.
const YEAR_SECONDS: i64 = 365 * 24 * 3600;

/// No inline script or style, nothing from elsewhere, no frame around.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every answer that does not set its own.
const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()"),
    ("x-frame-options", "DENY"),
    ("x-robots-tag", "noindex, nofollow"),
];

/// The layer around all routes.
pub(in crate::web) async fn protect(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let secure = shared.config.secure_cookies;
    let asked = request.uri().query().and_then(asked_language);
    let mut response = if is_from_elsewhere(request.method(), request.headers()) {
        let (mut parts, _) = request.into_parts();
        let Ok(guest) = Guest::from_request_parts(&mut parts, &shared).await;
        refuse_forged(&shared, &guest).await
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if secure {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
    if let Some(language) = asked
        && let Ok(cookie) =
            HeaderValue::from_str(&CookieName::Language.set(secure, language.tag(), YEAR_SECONDS))
    {
        headers.append(SET_COOKIE, cookie);
    }
    response
}

async fn refuse_forged(shared: &Shared, guest: &Guest) -> Response {
    let errors = Errors::new(shared, guest);
    match shared.app.log_forged_request(guest.visitor).await {
        Ok(()) => errors.page(ErrorKind::Forbidden),
        Err(error) => errors.fault(&error),
    }
}

/// Whether a request that may change something was started by another site. Browsers say so (Fetch Metadata, else
/// `Origin`); a program that is no browser says nothing and carries no person's cookies.
fn is_from_elsewhere(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = header(HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = header(ORIGIN) else { return false };
    let host = header(HOST).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host))
}

/// How many failures an origin may have before it waits.
const FAILURES_MAX: u32 = 20;
/// How long failures are remembered.
const FAILURES_LIFE: Millis = Millis::minutes(15);
/// How many origins are remembered; the oldest go first.
const ORIGINS_MAX: usize = 10_000;

/// Counts failed sign-ins and codes by network address. It slows one attacker down without locking anybody else out:
/// accounts are never blocked by it.
#[derive(Default)]
pub(in crate::web) struct Failures(Mutex<HashMap<IpAddr, (u32, Timestamp)>>);

impl Failures {
    /// How many minutes the origin has to wait, if it has.
    pub(in crate::web) fn wait_minutes(&self, origin: IpAddr, now: Timestamp) -> Option<u32> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = counted.get(&origin)?;
        let left = FAILURES_LIFE.0 - since.until(now).0;
        (*count >= FAILURES_MAX && left > 0).then(|| u32::try_from(left / 60_000 + 1).unwrap_or(15))
    }

    /// Notes a failure.
    pub(in crate::web) fn note(&self, origin: IpAddr, now: Timestamp) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|_, (_, since)| since.until(now) < FAILURES_LIFE);
        if counted.len() < ORIGINS_MAX {
            counted.entry(origin).or_insert((0, now)).0 += 1;
        }
    }

    /// Forgets an origin that succeeded.
    pub(in crate::web) fn forget(&self, origin: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_post_that_another_site_started_is_told_apart() {
        let elsewhere = |pairs: &[(&'static str, &str)]| is_from_elsewhere(&Method::POST, &headers(pairs));
        assert!(elsewhere(&[("sec-fetch-site", "cross-site")]));
        assert!(elsewhere(&[("sec-fetch-site", "same-site")]), "a sub-domain is another site");
        assert!(elsewhere(&[("origin", "https://evil.example"), ("host", "pli.example")]));
        assert!(elsewhere(&[("origin", "null"), ("host", "pli.example")]));
        assert!(!elsewhere(&[("origin", "https://pli.example"), ("host", "pli.example")]));
        assert!(!elsewhere(&[("sec-fetch-site", "same-origin")]));
        assert!(!elsewhere(&[]), "no browser, no cookies of a person");
        assert!(!is_from_elsewhere(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")])));
    }

    #[test]
    fn who_fails_often_waits_and_nobody_else_does() {
        let failures = Failures::default();
        let (attacker, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert_eq!(failures.wait_minutes(attacker, Timestamp(0)), None);
            failures.note(attacker, Timestamp(0));
        }
        assert_eq!(failures.wait_minutes(attacker, Timestamp(0)), Some(16));
        assert_eq!(failures.wait_minutes(other, Timestamp(0)), None);
        assert_eq!(failures.wait_minutes(attacker, Timestamp(0) + FAILURES_LIFE), None);
    }
}
