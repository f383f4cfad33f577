//! The demonstration's own pages: the guide, the mails that were sent, the clock. None of these routes exists outside
//! demo mode.

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use mail_parser::MessageParser;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{
    DemoGuidePage, DemoMail, DemoMailListPage, DemoMailPage, DemoMailbox, DemoPerson, DemoRole, ErrorKind,
};
use crate::app::AppError;
use crate::value::Timestamp;

/// The furthest that the clock is moved at once, in seconds: a year.
const ADVANCE_MAX_SECONDS: i64 = 366 * 24 * 3600;

/// A person of the demonstration.
#[derive(Debug, Clone)]
pub struct DemoPersonInfo {
    /// What the person does.
    pub role: DemoRole,
    /// The address to sign in with.
    pub address: String,
    /// The password; the person is not real.
    pub password: String,
    /// The names of the mailboxes that the person reads.
    pub mailboxes: Vec<String>,
}

/// A mailbox of the demonstration.
#[derive(Debug, Clone)]
pub struct DemoMailboxInfo {
    /// Its name.
    pub name: String,
    /// The path of its deposit page, for a generic mailbox.
    pub page: Option<String>,
    /// The address that takes deposits by mail.
    pub deposit_address: String,
}

/// A mail in the outbox.
#[derive(Debug, Clone)]
pub struct OutboxMail {
    /// What names it.
    pub id: String,
    /// The message as it left.
    pub bytes: Vec<u8>,
}

/// What the demonstration's pages ask for.
#[async_trait]
pub trait DemoHost: Send + Sync {
    /// The people who can sign in.
    fn people(&self) -> Vec<DemoPersonInfo>;
    /// The mailboxes.
    fn mailboxes(&self) -> Vec<DemoMailboxInfo>;
    /// Addresses that may deposit.
    fn depositors(&self) -> Vec<String>;
    /// The mails that were sent, newest first.
    fn mails(&self) -> std::io::Result<Vec<OutboxMail>>;
    /// One of them.
    fn mail(&self, id: &str) -> std::io::Result<Option<Vec<u8>>>;
    /// Moves the clock forward, confirms it, and does all that is due then, before it returns.
    async fn advance(&self, seconds: i64) -> Result<Timestamp, AppError>;
}

/// The path of a mail.
type MailPath = Result<Path<String>, PathRejection>;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/demo", get(guide))
        .route("/demo/clock", post(move_clock))
        .route("/demo/mail", get(mails))
        .route("/demo/mail/{id}", get(mail))
        .route("/demo/mail/{id}/html", get(mail_html))
}

fn host<'a>(shared: &'a Shared, guest: &Guest) -> Result<&'a dyn DemoHost, Response> {
    shared.config.demo.as_deref().ok_or_else(|| Errors::new(shared, guest).page(ErrorKind::NotFound))
}

async fn guide(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let host = host(&shared, &guest)?;
    let signed = guest.signed(&shared).await.map_err(|error| errors.fault(&error))?;
    let mails = host.mails().map_err(|_| errors.page(ErrorKind::Internal))?.len();
    let page = DemoGuidePage {
        frame: guest.frame(&shared, signed.as_ref()),
        mailboxes: host
            .mailboxes()
            .into_iter()
            .map(|mailbox| DemoMailbox {
                name: mailbox.name,
                page: mailbox.page,
                address: mailbox.deposit_address,
            })
            .collect(),
        depositors: host.depositors(),
        people: host
            .people()
            .into_iter()
            .map(|person| DemoPerson {
                role: person.role,
                address: person.address,
                password: person.password,
                mailboxes: person.mailboxes,
            })
            .collect(),
        mails: u32::try_from(mails).unwrap_or(u32::MAX),
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// Takes the form of the guide, or JSON `{"advance_s": n}`.
async fn move_clock(
    State(shared): State<Shared>,
    guest: Guest,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let body = body.map_err(|refused| errors.translate(refused.into_response()))?;
    let host = host(&shared, &guest)?;
    let is_json =
        headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let seconds = if is_json { seconds_of_json(&body) } else { seconds_of_form(&body) };
    let seconds = seconds.filter(|seconds| (0..=ADVANCE_MAX_SECONDS).contains(seconds));
    let seconds = seconds.ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let now = host.advance(seconds).await.map_err(|error| errors.fault(&error))?;
    if is_json || guest.wants_json {
        let body = serde_json::json!({"now": now.to_string()});
        return Ok(Answer::json(StatusCode::OK, &body).into_response());
    }
    Ok(Answer::see_other("/demo").into_response())
}

fn seconds_of_json(body: &[u8]) -> Option<i64> {
    serde_json::from_slice::<serde_json::Value>(body).ok()?.get("advance_s")?.as_i64()
}

fn seconds_of_form(body: &[u8]) -> Option<i64> {
    let form = std::str::from_utf8(body).ok()?;
    form.split('&').find_map(|pair| pair.strip_prefix("advance_s="))?.trim().parse().ok()
}

async fn mails(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let mails = host(&shared, &guest)?.mails().map_err(|_| errors.page(ErrorKind::Internal))?;
    let mails = mails.into_iter().map(|mail| summary(&mail.id, &mail.bytes)).collect();
    let page = DemoMailListPage { frame: guest.frame(&shared, None), mails };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn mail(State(shared): State<Shared>, path: MailPath, guest: Guest) -> Outcome {
    let (id, bytes) = read(&shared, &guest, path)?;
    let parsed = MessageParser::default().parse(&bytes);
    let text = parsed.as_ref().and_then(|parsed| parsed.body_text(0)).unwrap_or_default().into_owned();
    let page = DemoMailPage {
        frame: guest.frame(&shared, None),
        mail: summary(&id, &bytes),
        has_html: parsed.as_ref().is_some_and(|parsed| parsed.html_body_count() > 0),
        text,
        raw: String::from_utf8_lossy(&bytes).into_owned(),
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// The HTML part alone, for the frame of the mail's page: it runs nothing and fetches nothing.
async fn mail_html(State(shared): State<Shared>, path: MailPath, guest: Guest) -> Outcome {
    let (_, bytes) = read(&shared, &guest, path)?;
    let parsed = MessageParser::default().parse(&bytes);
    let html = parsed.as_ref().and_then(|parsed| parsed.body_html(0)).unwrap_or_default().into_owned();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; \
                  sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation";
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    ];
    // Links open beside the frame, which may not leave its own page.
    Ok((headers, format!("<base target=\"_blank\">{html}")).into_response())
}

fn read(shared: &Shared, guest: &Guest, path: MailPath) -> Result<(String, Vec<u8>), Response> {
    let errors = Errors::new(shared, guest);
    let Path(id) = path.map_err(|refused| errors.translate(refused.into_response()))?;
    let found = host(shared, guest)?.mail(&id).map_err(|_| errors.page(ErrorKind::Internal))?;
    let bytes = found.ok_or_else(|| errors.page(ErrorKind::NotFound))?;
    Ok((id, bytes))
}

fn summary(id: &str, bytes: &[u8]) -> DemoMail {
    let parsed = MessageParser::default().parse_headers(bytes);
    let address = |list: Option<&mail_parser::Address<'_>>| {
        list.and_then(|list| list.first()?.address()).unwrap_or_default().to_owned()
    };
    DemoMail {
        id: id.to_owned(),
        to: address(parsed.as_ref().and_then(|parsed| parsed.to())),
        from: address(parsed.as_ref().and_then(|parsed| parsed.from())),
        subject: parsed.as_ref().and_then(|parsed| parsed.subject()).unwrap_or_default().to_owned(),
        sent: Timestamp(
            parsed.as_ref().and_then(|parsed| parsed.date()).map_or(0, |date| date.to_timestamp() * 1000),
        ),
    }
}
