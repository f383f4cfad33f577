//! What a request says of its visitor: where from, in which language, with which cookies, as whom.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;

use super::Shared;
use super::desk;
use super::views::{Frame, JournalState, SignedIn};
use crate::app::{AppError, Signed, Visitor};
use crate::identity::Place;
use crate::policy::rights::Act;
use crate::value::{DraftId, Language, LinkId, Token};

/// How many cookies of a request are looked at. Each draft has one, and browsers send the older ones first.
const COOKIES_MAX: usize = 200;

/// A cookie of the gateway. None of them is readable by scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum CookieName {
    /// The session of a person who signed in.
    Session,
    /// The browser of somebody who is at the provider, and then who may sign out there.
    Provider,
    /// Tells that this browser is known to an account, by a tag of it: it signs nobody in.
    Known([u8; 6]),
    /// Binds a typed code to the browser that asked.
    Browser,
    /// Opens a draft; one each, since a depositor may have several open at once (D6).
    Draft(DraftId),
    /// Binds the code of a link to the browser that asked for it.
    Opening,
    /// The session of somebody outside who took a link's second step; one for each link.
    Link(LinkId),
    /// The language that the visitor chose.
    Language,
}

impl CookieName {
    fn base(self) -> String {
        match self {
            Self::Session => "pli_session".to_owned(),
            Self::Provider => "pli_sso".to_owned(),
            Self::Known(tag) => {
                format!("pli_known_{}", tag.map(|byte| format!("{byte:02x}")).concat())
            }
            Self::Browser => "pli_code".to_owned(),
            Self::Draft(draft) => format!("pli_draft_{}", &draft.to_string()[..12]),
            Self::Opening => "pli_open".to_owned(),
            Self::Link(link) => format!("pli_link_{}", &link.to_string()[..12]),
            Self::Language => "pli_lang".to_owned(),
        }
    }

    /// The name on the wire. `__Host-` (RFC 6265bis) lets no sub-domain and no clear connection set it.
    fn on_wire(self, secure: bool) -> String {
        if secure { format!("__Host-{}", self.base()) } else { self.base() }
    }

    /// A `Set-Cookie` header that sets it.
    pub(in crate::web) fn set(self, secure: bool, value: &str, max_age_seconds: i64) -> String {
        let name = self.on_wire(secure);
        let secure = if secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}")
    }

    /// A `Set-Cookie` header that removes it.
    pub(in crate::web) fn unset(self, secure: bool) -> String {
        self.set(secure, "", 0)
    }
}

/// The visitor of a request, before it is known as whom.
pub(in crate::web) struct Guest {
    pub visitor: Visitor,
    pub language: Language,
    pub wants_json: bool,
    /// A partner's software asks: errors are problem details.
    pub is_api: bool,
    path: Option<String>,
    cookies: String,
    secure: bool,
    /// The state of the log, once it is known that an officer asks.
    log: OnceLock<JournalState>,
}

impl FromRequestParts<Shared> for Guest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Infallible> {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
        let secure = shared.config.secure_cookies;
        let cookies = cookies(&parts.headers);
        let asked = parts.uri.query().and_then(asked_language);
        let chosen = cookie(&cookies, CookieName::Language, secure).and_then(Language::from_tag);
        let language = asked.or(chosen).unwrap_or_else(|| Language::negotiate(header(ACCEPT_LANGUAGE)));
        let is_get = parts.method == axum::http::Method::GET;
        let path = is_get.then(|| path_without_language(parts.uri.path(), parts.uri.query()));
        let wants_json = header(ACCEPT).starts_with("application/json");
        let is_api = parts.uri.path().starts_with("/api/");
        let visitor = Visitor { address };
        let log = OnceLock::new();
        Ok(Self { visitor, language, wants_json, is_api, path, cookies, secure, log })
    }
}

impl Guest {
    /// The value of a cookie.
    pub(in crate::web) fn cookie(&self, name: CookieName) -> Option<&str> {
        cookie(&self.cookies, name, self.secure)
    }

    /// The token of a cookie, if there is one that reads as a token.
    pub(in crate::web) fn token(&self, name: CookieName) -> Option<Token> {
        self.cookie(name).and_then(Token::parse)
    }

    /// Who is signed in, if anybody: rights are read anew (invariant 7).
    pub(in crate::web) async fn signed(&self, shared: &Shared) -> Result<Option<Signed>, AppError> {
        let Some(token) = self.token(CookieName::Session) else { return Ok(None) };
        let signed = shared.app.signed(&token, self.visitor).await?;
        if signed.as_ref().is_some_and(|signed| signed.account.reads_log()) {
            let state = shared.app.log_state().await?;
            self.log.get_or_init(|| desk::state(shared, &state));
        }
        Ok(signed)
    }

    /// What stands around every page.
    pub(in crate::web) fn frame(&self, shared: &Shared, signed: Option<&Signed>) -> Frame {
        Frame {
            language: self.language,
            now: shared.app.now().at,
            path: self.path.clone(),
            person: signed.map(|signed| SignedIn {
                name: signed.account.name.clone(),
                reads_mailboxes: !signed.account.mailboxes.is_empty(),
                reads_journal: signed.account.reads_log(),
                sees_structures: signed.account.may(Act::SeeStructure, Place::House),
                has_structure: signed
                    .account
                    .partner
                    .is_some_and(|own| signed.account.may(Act::SeeStructure, Place::Structure(own))),
            }),
            log: signed.filter(|signed| signed.account.reads_log()).and_then(|_| self.log.get().cloned()),
            terms: shared.app.terms_in_force().is_some(),
            demo: shared.config.demo.is_some(),
        }
    }
}

/// The language that `?lang=` asks for.
pub(in crate::web) fn asked_language(query: &str) -> Option<Language> {
    query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::from_tag)
}

/// The address of a page, for links to it in another language. It begins with one slash: after two, or a backslash,
/// a browser reads the name of another host.
fn path_without_language(path: &str, query: Option<&str>) -> String {
    let kept: Vec<&str> = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
        .collect();
    let path = path.trim_start_matches(['/', '\\']);
    if kept.is_empty() { format!("/{path}") } else { format!("/{path}?{}", kept.join("&")) }
}

/// All cookies as one header: over HTTP/2 a browser may send several (RFC 9113 section 8.2.3).
fn cookies(headers: &HeaderMap) -> String {
    let sent: Vec<&str> = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    sent.join("; ")
}

fn cookie(header: &str, name: CookieName, secure: bool) -> Option<&str> {
    let wanted = name.on_wire(secure);
    header.split(';').take(COOKIES_MAX).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = "xpli_session=a; pli_session=b; pli_session_x=c";
        assert_eq!(cookie(header, CookieName::Session, false), Some("b"));
        assert_eq!(cookie(header, CookieName::Session, true), None, "over HTTPS only the bound name counts");
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let set = CookieName::Session.set(true, "t", 60);
        assert_eq!(set, "__Host-pli_session=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
    }

    #[test]
    fn a_cookie_is_found_in_whichever_header_and_after_many_others() {
        let mut headers = HeaderMap::new();
        for number in 0..150 {
            headers.append(COOKIE, format!("pli_draft_{number}=x").parse().unwrap());
        }
        headers.append(COOKIE, "pli_session=b".parse().unwrap());
        assert_eq!(cookie(&cookies(&headers), CookieName::Session, false), Some("b"));
    }

    #[test]
    fn the_switch_of_language_never_leads_to_another_host() {
        for path in ["//evil.example/x", "///evil.example/x", "/\\evil.example/x", "/evil.example/x"] {
            assert_eq!(path_without_language(path, None), "/evil.example/x", "{path}");
        }
    }

    #[test]
    fn the_switch_of_language_is_not_part_of_the_page_address() {
        assert_eq!(path_without_language("/journal", Some("lang=en&page=2")), "/journal?page=2");
        assert_eq!(path_without_language("/", Some("lang=en")), "/");
        assert_eq!(asked_language("a=b&lang=en"), Some(Language::En));
    }
}
