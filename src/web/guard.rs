//! What stands before every handler: requests from other sites are refused, and every answer carries the headers that
//! keep a browser from doing more than it should.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, ORIGIN, SET_COOKIE, STRICT_TRANSPORT_SECURITY};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::Shared;
use super::answer::Errors;
use super::request::{CookieName, Guest, asked_language};
use super::views::ErrorKind;

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
    let (mut parts, body) = request.into_parts();
    let Ok(guest) = Guest::from_request_parts(&mut parts, &shared).await;
    let request = Request::from_parts(parts, body);
    let mut response = if is_from_elsewhere(request.method(), request.uri(), request.headers()) {
        refuse_forged(&shared, &guest).await
    } else if shared.app.is_closed() && !is_open_when_closed(request.uri().path()) {
        Errors::new(&shared, &guest).page(ErrorKind::Restored)
    } else {
        Errors::new(&shared, &guest).translate(next.run(request).await)
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

/// What answers while the gateway is closed after a restore: what pages are made of, and what machines ask for.
fn is_open_when_closed(path: &str) -> bool {
    path.starts_with("/assets/") || ["/health", "/ready"].contains(&path)
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
fn is_from_elsewhere(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = header(HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = header(ORIGIN) else { return false };
    // HTTP/2 has no `Host`, the authority is part of the target (RFC 9113 section 8.3.1).
    let host = header(HOST).or_else(|| uri.authority().map(Authority::as_str)).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host))
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
        let elsewhere = |pairs: &[(&'static str, &str)]| {
            is_from_elsewhere(&Method::POST, &Uri::from_static("/x"), &headers(pairs))
        };
        assert!(elsewhere(&[("sec-fetch-site", "cross-site")]));
        assert!(elsewhere(&[("sec-fetch-site", "same-site")]), "a sub-domain is another site");
        assert!(elsewhere(&[("origin", "https://evil.example"), ("host", "pli.example")]));
        assert!(elsewhere(&[("origin", "null"), ("host", "pli.example")]));
        assert!(!elsewhere(&[("origin", "https://pli.example"), ("host", "pli.example")]));
        assert!(!elsewhere(&[("sec-fetch-site", "same-origin")]));
        assert!(!elsewhere(&[]), "no browser, no cookies of a person");
        let cross = headers(&[("sec-fetch-site", "cross-site")]);
        assert!(!is_from_elsewhere(&Method::GET, &Uri::from_static("/x"), &cross));
    }

    #[test]
    fn without_a_host_header_the_authority_of_the_target_is_the_host() {
        let from = |origin, pairs: &[(&'static str, &str)]| {
            let mut headers = headers(pairs);
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            is_from_elsewhere(&Method::POST, &Uri::from_static("https://pli.example/x"), &headers)
        };
        assert!(!from("https://pli.example", &[]));
        assert!(from("https://evil.example", &[]));
        assert!(
            from("https://pli.example", &[("host", "other.example")]),
            "a host that is sent counts first"
        );
    }
}
