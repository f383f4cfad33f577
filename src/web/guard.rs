//! What stands before every handler: requests from other sites are refused, every answer carries the headers that
//! keep a browser from doing more than it should, and who fails often waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

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

/// How many failed sign-ins and codes an origin may have before it waits.
const FAILURES_MAX: u32 = 20;
/// How many links an origin may ask for before it waits: a whole office may stand behind one address.
const ASKS_MAX: u32 = 60;
/// How long tries are remembered.
const TRIES_LIFE: Millis = Millis::minutes(15);
/// How many times as many this machine itself may: a proxy in front of the pages stands for everybody.
const LOOPBACK_FACTOR: u32 = 100;
/// How many origins are remembered; beyond, the oldest is forgotten for a new one.
const ORIGINS_MAX: usize = 10_000;
/// The part of an IPv6 address that names a network: one visitor has all of the rest (RFC 4291 section 2.5.4).
const IPV6_NETWORK: u128 = !0 << 64;

/// Counts tries by network: an IPv4 address, or the /64 of an IPv6 one. It slows one attacker down without locking
/// anybody else out: accounts are never blocked by it, and a full memory forgets the oldest origin, never the newest.
pub(in crate::web) struct Tries {
    max: u32,
    counted: Mutex<HashMap<IpAddr, (u32, Timestamp)>>,
}

impl Tries {
    /// For failed sign-ins and codes.
    pub(in crate::web) fn of_secrets() -> Self {
        Self::up_to(FAILURES_MAX)
    }

    /// For links and codes that are asked for.
    pub(in crate::web) fn of_asking() -> Self {
        Self::up_to(ASKS_MAX)
    }

    fn up_to(max: u32) -> Self {
        Self { max, counted: Mutex::default() }
    }

    /// Counts a try before it is made, so that one which the visitor breaks off counts too; or says how many minutes
    /// the origin has to wait.
    pub(in crate::web) fn begin(&self, origin: IpAddr, now: Timestamp) -> Result<(), u32> {
        let origin = network(origin);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|_, (_, since)| since.until(now) < TRIES_LIFE);
        if counted.len() >= ORIGINS_MAX && !counted.contains_key(&origin) {
            let oldest = counted.iter().min_by_key(|(_, (_, since))| *since).map(|(oldest, _)| *oldest);
            oldest.map(|oldest| counted.remove(&oldest));
        }
        let (count, since) = counted.entry(origin).or_insert((0, now));
        let max = if origin.is_loopback() { self.max.saturating_mul(LOOPBACK_FACTOR) } else { self.max };
        if *count >= max {
            let left = TRIES_LIFE.0 - since.until(now).0;
            return Err(u32::try_from(left / 60_000 + 1).unwrap_or(15));
        }
        *count += 1;
        Ok(())
    }

    /// Takes one try back that was no failure of the visitor.
    pub(in crate::web) fn take_back(&self, origin: IpAddr) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = counted.get_mut(&network(origin)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Forgets an origin that succeeded.
    pub(in crate::web) fn forget(&self, origin: IpAddr) {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).remove(&network(origin));
    }
}

/// What of an address stands for one visitor.
pub(in crate::web) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & IPV6_NETWORK).into()),
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

    #[test]
    fn who_fails_often_waits_and_nobody_else_does() {
        let tries = Tries::of_secrets();
        let (attacker, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert_eq!(tries.begin(attacker, Timestamp(0)), Ok(()));
        }
        assert_eq!(tries.begin(attacker, Timestamp(0)), Err(16));
        assert_eq!(tries.begin(other, Timestamp(0)), Ok(()));
        tries.take_back(attacker);
        assert_eq!(tries.begin(attacker, Timestamp(0)), Ok(()), "a try that was taken back");
        assert_eq!(tries.begin(attacker, Timestamp(0)), Err(16));
        assert_eq!(tries.begin(attacker, Timestamp(0) + TRIES_LIFE), Ok(()));
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_are_one_origin() {
        let tries = Tries::up_to(1);
        assert_eq!(tries.begin("2001:db8::1".parse().unwrap(), Timestamp(0)), Ok(()));
        assert_eq!(tries.begin("2001:db8::ffff:2".parse().unwrap(), Timestamp(0)), Err(16));
        assert_eq!(tries.begin("2001:db8:0:1::1".parse().unwrap(), Timestamp(0)), Ok(()));
        assert_eq!(tries.begin("192.0.2.1".parse().unwrap(), Timestamp(0)), Ok(()));
        assert_eq!(tries.begin("::ffff:192.0.2.1".parse().unwrap(), Timestamp(0)), Err(16));
    }

    #[test]
    fn a_full_memory_still_counts_whoever_is_new() {
        let tries = Tries::up_to(1);
        let origin = |number: u32| IpAddr::V4(number.into());
        for number in 0..=u32::try_from(ORIGINS_MAX).unwrap() {
            assert_eq!(tries.begin(origin(number), Timestamp(i64::from(number))), Ok(()));
        }
        let now = Timestamp(20_000);
        assert!(tries.begin(origin(10_000), now).is_err(), "the newest was not counted");
        assert!(tries.begin(origin(1), now).is_err(), "more than the oldest was forgotten");
        assert_eq!(tries.begin(origin(0), now), Ok(()), "the oldest made room");
    }
}
