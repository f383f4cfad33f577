//! Problem details (RFC 9457): what is wrong, in the software's language, for its program to branch on and its people to read.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::value::Language;
use crate::web::answer::Answer;
use crate::web::texts::ApiWords;

/// What stands before a problem's code in its `type`.
const TYPE: &str = "urn:pli:problem:";

/// What can be wrong. The code is what programs branch on, and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum ProblemCode {
    Unauthorized,
    NotAllowed,
    NotFound,
    MethodNotAllowed,
    InvalidRequest,
    KeyReused,
    AlreadySent,
    TitleRefused,
    DepositRefused,
    FileRefused,
    TooLarge,
    UploadRefused,
    TooMany,
    Over,
    Unavailable,
}

impl ProblemCode {
    /// All of them, for the document.
    #[cfg(test)]
    pub(in crate::web) const ALL: [Self; 15] = [
        Self::Unauthorized,
        Self::NotAllowed,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::InvalidRequest,
        Self::KeyReused,
        Self::AlreadySent,
        Self::TitleRefused,
        Self::DepositRefused,
        Self::FileRefused,
        Self::TooLarge,
        Self::UploadRefused,
        Self::TooMany,
        Self::Over,
        Self::Unavailable,
    ];

    pub(in crate::web) const fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NotAllowed => "not-allowed",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::InvalidRequest => "invalid-request",
            Self::KeyReused => "idempotency-key-reused",
            Self::AlreadySent => "already-sent",
            Self::TitleRefused => "title-refused",
            Self::DepositRefused => "deposit-refused",
            Self::FileRefused => "file-refused",
            Self::TooLarge => "too-large",
            Self::UploadRefused => "upload-refused",
            Self::TooMany => "too-many-requests",
            Self::Over => "deposit-over",
            Self::Unavailable => "unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidRequest | Self::UploadRefused => StatusCode::BAD_REQUEST,
            Self::AlreadySent => StatusCode::CONFLICT,
            Self::KeyReused | Self::TitleRefused | Self::DepositRefused | Self::FileRefused => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Over => StatusCode::GONE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn title(self, words: &ApiWords) -> &'static str {
        match self {
            Self::Unauthorized => words.unauthorized,
            Self::NotAllowed => words.not_allowed,
            Self::NotFound => words.not_found,
            Self::MethodNotAllowed => words.method_not_allowed,
            Self::InvalidRequest => words.invalid_request,
            Self::KeyReused => words.key_reused,
            Self::AlreadySent => words.already_sent,
            Self::TitleRefused => words.title_refused,
            Self::DepositRefused => words.deposit_refused,
            Self::FileRefused => words.file_refused,
            Self::TooLarge => words.too_large,
            Self::UploadRefused => words.upload_refused,
            Self::TooMany => words.too_many,
            Self::Over => words.over,
            Self::Unavailable => words.unavailable,
        }
    }
}

/// One problem, told.
pub(in crate::web) struct Problem {
    code: ProblemCode,
    status: StatusCode,
    language: Language,
    detail: Option<String>,
    more: serde_json::Map<String, serde_json::Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(in crate::web) fn new(code: ProblemCode, language: Language) -> Self {
        let (detail, more) = (None, serde_json::Map::new());
        Self { code, status: code.status(), language, detail, more, headers: Vec::new() }
    }

    /// What of a page's error becomes of it here.
    pub(in crate::web) fn of_status(status: StatusCode, language: Language) -> Self {
        let code = match status {
            StatusCode::UNAUTHORIZED => ProblemCode::Unauthorized,
            StatusCode::FORBIDDEN => ProblemCode::NotAllowed,
            StatusCode::NOT_FOUND => ProblemCode::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ProblemCode::MethodNotAllowed,
            StatusCode::GONE => ProblemCode::Over,
            StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::TooLarge,
            StatusCode::TOO_MANY_REQUESTS => ProblemCode::TooMany,
            status if status.is_server_error() => ProblemCode::Unavailable,
            _ => ProblemCode::InvalidRequest,
        };
        Self { status, ..Self::new(code, language) }
    }

    pub(in crate::web) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// What it is this time.
    pub(in crate::web) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// A member of its own.
    pub(in crate::web) fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// In how many seconds to try again.
    pub(in crate::web) fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let words = ApiWords::of(self.language);
        let mut body = serde_json::json!({
            "type": format!("{TYPE}{}", self.code.code()),
            "title": self.code.title(&words),
            "status": self.status.as_u16(),
        });
        if let Some(detail) = self.detail {
            body["detail"] = detail.into();
        }
        for (name, value) in self.more {
            body[name] = value;
        }
        let json = HeaderValue::from_static("application/problem+json");
        let mut answer = Answer::json(self.status, &body).instead(CONTENT_TYPE, json);
        if self.status == StatusCode::UNAUTHORIZED {
            answer = answer.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pli\""));
        }
        for (name, value) in self.headers {
            answer = answer.with(name, value);
        }
        answer.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_tells_every_problem_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(crate::web::OPENAPI).unwrap();
        let told = &document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
        let codes: Vec<_> = ProblemCode::ALL.iter().map(|code| format!("{TYPE}{}", code.code())).collect();
        assert_eq!(*told, serde_json::json!(codes));
    }
}
