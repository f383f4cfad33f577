//! Answers: pages, redirections, errors. The one place where a use case's outcome becomes an HTTP status; outside,
//! an error says what to do next and no internals, inside, its whole cause goes to the operator's log.

use axum::http::header::{CONTENT_LANGUAGE, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::api::Problem;
use super::request::Guest;
use super::views::{DraftProblem, ErrorKind, ErrorPage, Template};
use crate::app::{AppError, OpenError, Signed};
use crate::value::ByteSize;

/// How long a browser or a partner's software waits before it tries again, in seconds.
const RETRY_AFTER_SECONDS: &str = "30";

/// An answer under way: a page or a redirection, with its headers.
pub(in crate::web) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
}

impl Answer {
    /// A page.
    pub(in crate::web) fn page(status: StatusCode, guest: &Guest, view: &impl Template) -> Self {
        match view.render() {
            Ok(body) => {
                let headers = vec![
                    (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                    (CONTENT_LANGUAGE, HeaderValue::from_static(guest.language.tag())),
                ];
                Self { status, headers, body }
            }
            Err(error) => {
                tracing::error!(error = %error, "web.page_not_rendered");
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, headers: Vec::new(), body: String::new() }
            }
        }
    }

    /// A redirection after a POST (RFC 9110 section 15.4.4).
    pub(in crate::web) fn see_other(path: &str) -> Self {
        let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
        Self { status: StatusCode::SEE_OTHER, headers: vec![(LOCATION, location)], body: String::new() }
    }

    /// An answer that says all in its status and headers.
    pub(in crate::web) const fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// JSON, for the page's own scripts.
    pub(in crate::web) fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Self { status, headers, body: value.to_string() }
    }

    /// Plain text, for machines.
    pub(in crate::web) fn text(status: StatusCode, text: &str) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
        Self { status, headers, body: text.to_owned() }
    }

    /// Replaces a header.
    pub(in crate::web) fn instead(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.with(name, value)
    }

    /// Adds a cookie.
    pub(in crate::web) fn with_cookie(self, cookie: &str) -> Self {
        match HeaderValue::from_str(cookie) {
            Ok(value) => self.with(SET_COOKIE, value),
            Err(_) => self,
        }
    }

    /// Says when to come again.
    pub(in crate::web) fn later(self) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS))
    }

    /// Adds a header.
    pub(in crate::web) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        response.headers_mut().remove(CONTENT_TYPE);
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// A handler's outcome: both sides are answers.
pub(in crate::web) type Outcome = Result<Response, Response>;

/// Renders errors for one visitor.
pub(in crate::web) struct Errors<'a> {
    pub shared: &'a Shared,
    pub guest: &'a Guest,
    pub signed: Option<&'a Signed>,
}

impl<'a> Errors<'a> {
    pub(in crate::web) const fn new(shared: &'a Shared, guest: &'a Guest) -> Self {
        Self { shared, guest, signed: None }
    }

    pub(in crate::web) const fn signed_as(self, signed: Option<&'a Signed>) -> Self {
        Self { signed, ..self }
    }

    /// The page of an error.
    pub(in crate::web) fn page(&self, kind: ErrorKind) -> Response {
        self.page_for(kind, support_code(self.shared))
    }

    fn page_for(&self, kind: ErrorKind, support: String) -> Response {
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.guest.is_api {
            let mut problem = Problem::of_status(status, self.guest.language).with("support", support);
            if status.is_server_error() {
                problem = problem.retry_after(RETRY_AFTER_SECONDS.parse().unwrap_or_default());
            }
            return problem.into_response();
        }
        if self.guest.wants_json {
            let body = serde_json::json!({"error": status.canonical_reason().unwrap_or("error"), "support": support});
            return Answer::json(status, &body).into_response();
        }
        let unavailable = matches!(kind, ErrorKind::Restored | ErrorKind::Unavailable);
        let page = ErrorPage { frame: self.guest.frame(self.shared, self.signed), kind, support };
        let answer = Answer::page(status, self.guest, &page);
        if unavailable { answer.later().into_response() } else { answer.into_response() }
    }

    /// The same answer; where it is the plain English text of an extractor that refused a request, our page instead,
    /// with the same status. What has a page, JSON or a success of its own stays as it is.
    pub(in crate::web) fn translate(&self, response: Response) -> Response {
        let status = response.status();
        let media_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !status.is_client_error()
            || media_type.is_some_and(|media_type| !media_type.starts_with(b"text/plain"))
        {
            return response;
        }
        let kind = match status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorKind::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => {
                ErrorKind::TooLarge { limit: ByteSize(super::FORM_BODY_MAX_BYTES as u64) }
            }
            _ => ErrorKind::BadRequest,
        };
        let mut page = self.page(kind);
        *page.status_mut() = status;
        page
    }

    /// A fault of ours: 503, and nothing half-made is visible (invariant 1).
    pub(in crate::web) fn fault(&self, error: &AppError) -> Response {
        if matches!(error, AppError::ClosedAfterRestore) {
            return self.page(ErrorKind::Restored);
        }
        let support = self.note_fault(error);
        self.page_for(ErrorKind::Unavailable, support)
    }

    /// The same as a problem of the form that was sent, so that what was typed is given back with it; a gateway that is
    /// closed has a page of its own.
    pub(in crate::web) fn not_kept(&self, error: &AppError) -> Result<DraftProblem, Response> {
        if matches!(error, AppError::ClosedAfterRestore) {
            return Err(self.page(ErrorKind::Restored));
        }
        Ok(DraftProblem::NotKept { support: self.note_fault(error) })
    }

    /// Tells the operator of a fault; returns what support finds it by.
    pub(in crate::web) fn note_fault(&self, error: &AppError) -> String {
        let support = support_code(self.shared);
        tracing::error!(error = error.chain(), support = %support, "web.fault");
        support
    }

    /// Why a transfer was not opened.
    pub(in crate::web) fn open(&self, error: &OpenError, path: &str) -> Response {
        match error {
            OpenError::NotSignedIn => {
                let next = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
                Answer::see_other(&format!("/connexion?suite={next}")).into_response()
            }
            OpenError::Locked => {
                let next = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
                Answer::see_other(&format!("/cle?suite={next}")).into_response()
            }
            OpenError::NotAdmitted => self.page(ErrorKind::NotAdmitted),
            OpenError::NotEntitled => self.page(ErrorKind::Forbidden),
            OpenError::Gone => self.page(ErrorKind::TransferExpired { at: None }),
            OpenError::Withdrawn { at } => self.page(ErrorKind::TransferWithdrawn { at: *at }),
            OpenError::NotFound => self.page(ErrorKind::NotFound),
            OpenError::Fault(error) => self.fault(error),
        }
    }
}

/// What support finds the request by in the operator's log.
fn support_code(shared: &Shared) -> String {
    crate::value::Reference::new(shared.app.random.bytes()).as_str()[..9].to_owned()
}
