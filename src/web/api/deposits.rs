//! Deposits by the API: begun, looked at, sent, given up; the mailboxes that are open to the software.

use axum::body::{Body, to_bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::caller::Caller;
use super::problem::{Problem, ProblemCode};
use super::{JSON_MAX_BYTES, ROOT};
use crate::app::{
    API_LISTED_MAX, Afterwards, ApiDepositError, ApiDepositState, ApiDepositView, AppError, ClosedDoor,
    DepositRefusal, DepositStanding, DepositStatus, DraftView, FormRefusal, IDEMPOTENCY_KEY_MAX,
    NewApiDeposit, Sending,
};
use crate::mailbox::{DepositLimits, Mailbox};
use crate::value::{DraftId, Language, MailAddress, SecretBytes, Slug, Timestamp};
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::draft::names_and_reasons;
use crate::web::texts::ApiWords;
use crate::web::views::DraftProblem;

/// The latest instant that a listing goes on from: the year 2100, in milliseconds.
const BEFORE_MAX: i64 = 4_102_444_800_000;

/// The path of a deposit.
pub(super) type DepositPath = Result<Path<String>, PathRejection>;

/// What begins a deposit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    organisation: String,
    mailbox: String,
    sender: String,
    language: Option<String>,
}

/// What sends one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    title: String,
    #[serde(default)]
    message: String,
}

/// Which deposits are listed.
#[derive(Deserialize)]
pub(super) struct Listing {
    before: Option<i64>,
    limit: Option<usize>,
}

/// What a handler needs to answer one caller.
pub(super) struct Desk<'a> {
    pub(super) shared: &'a Shared,
    pub(super) caller: &'a Caller,
}

impl Desk<'_> {
    pub(super) fn problem(&self, code: ProblemCode) -> Problem {
        Problem::new(code, self.caller.guest.language)
    }

    pub(super) fn fault(&self, error: &AppError) -> Response {
        Errors::new(self.shared, &self.caller.guest).fault(error)
    }

    fn invalid(&self, detail: impl Into<String>) -> Response {
        self.problem(ProblemCode::InvalidRequest).detail(detail).into_response()
    }

    fn refused(&self, error: ApiDepositError) -> Response {
        match error {
            ApiDepositError::NotAllowed => self.problem(ProblemCode::NotAllowed).into_response(),
            ApiDepositError::Closed(closed) => self.closed(&closed).into_response(),
            ApiDepositError::KeyReused => self.problem(ProblemCode::KeyReused).into_response(),
            ApiDepositError::NotFound => self.problem(ProblemCode::NotFound).into_response(),
            ApiDepositError::Fault(error) => self.fault(&error),
        }
    }

    /// The agreement does not open deposits by software: which ways it opens.
    fn closed(&self, closed: &ClosedDoor) -> Problem {
        let mut open = Vec::new();
        open.extend(closed.page.then_some("page"));
        open.extend(closed.mail.as_ref().map(|_| "mail"));
        let words = ApiWords::of(self.caller.guest.language);
        self.problem(ProblemCode::NotAllowed).detail(words.door_closed).with("open", open)
    }

    /// A JSON body of this shape.
    async fn body<T: DeserializeOwned>(&self, headers: &HeaderMap, body: Body) -> Result<T, Response> {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            let problem =
                self.problem(ProblemCode::InvalidRequest).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return Err(problem.detail("Content-Type: application/json").into_response());
        }
        let bytes = to_bytes(body, JSON_MAX_BYTES).await;
        let bytes = bytes.map_err(|_| self.problem(ProblemCode::TooLarge).into_response())?;
        serde_json::from_slice(&bytes).map_err(|error| self.invalid(error.to_string()))
    }

    /// The deposit of a path.
    pub(super) async fn find(&self, path: DepositPath) -> Result<ApiDepositView, Response> {
        let id = path.ok().and_then(|Path(id)| id.parse::<DraftId>().ok());
        let id = id.ok_or_else(|| self.problem(ProblemCode::NotFound).into_response())?;
        self.shared.app.api_deposit(&self.caller.client, id).await.map_err(|error| self.refused(error))
    }

    async fn shown(&self, view: &ApiDepositView) -> Result<Value, Response> {
        let (deposit, language) = (&view.deposit, self.caller.guest.language);
        let path = format!("{ROOT}/deposits/{}", deposit.draft);
        let mut shown = json!({
            "id": deposit.draft.to_string(),
            "begun_at": deposit.begun_at.to_string(),
            "self": path,
        });
        let mailbox = match &view.state {
            ApiDepositState::Open(view, _) => Some(&view.mailbox),
            ApiDepositState::Sent(status) => Some(&status.mailbox),
            ApiDepositState::Gone => None,
        };
        if let Some(mailbox) = mailbox {
            let organisation =
                self.shared.app.organisation_of(mailbox).await.map_err(|error| self.fault(&error))?;
            shown["organisation"] = organisation.slug.to_string().into();
            shown["mailbox"] = mailbox.slug.to_string().into();
        }
        match &view.state {
            ApiDepositState::Open(view, _) => self.show_open(&mut shown, view, &path)?,
            ApiDepositState::Sent(status) => {
                show_sent(&mut shown, status, language);
                shown["receipt"] = format!("{path}/receipt").into();
            }
            ApiDepositState::Gone => shown["state"] = "gone".into(),
        }
        Ok(shown)
    }

    fn show_open(&self, shown: &mut Value, view: &DraftView, path: &str) -> Result<(), Response> {
        let listed = self.shared.app.listed_files(&view.draft).map_err(|error| self.fault(&error))?;
        let files = listed.into_iter().map(|file| {
            json!({
                "name": file.name, "size": file.size.bytes(), "sha256": file.digest.to_hex(),
                "state": if file.waits { "received" } else { "accepted" },
            })
        });
        shown["state"] = "open".into();
        shown["sender"] = view.draft.address.to_string().into();
        shown["files"] = files.collect::<Vec<_>>().into();
        let refused = self.shared.app.named_refusals(&view.draft.inspection.refused);
        shown["refused"] = told(names_and_reasons(refused, self.caller.guest.language));
        shown["limits"] = limits(&view.limits);
        shown["uploads"] = format!("{path}/uploads").into();
        Ok(())
    }
}

fn told(refused: Vec<(String, String)>) -> Value {
    refused
        .into_iter()
        .map(|(name, reason)| json!({"name": name, "reason": reason}))
        .collect::<Vec<_>>()
        .into()
}

fn limits(limits: &DepositLimits) -> Value {
    json!({
        "file_bytes": limits.file.bytes(), "deposit_bytes": limits.deposit.bytes(), "files": limits.files,
        "hourly_bytes": limits.hourly.bytes(),
    })
}

fn show_sent(shown: &mut Value, status: &DepositStatus, language: Language) {
    shown["reference"] = status.reference.to_string().into();
    shown["received_at"] = status.received_at.to_string().into();
    shown["file_count"] = status.file_count.into();
    shown["total_bytes"] = status.total_size.bytes().into();
    if let Some(title) = &status.title {
        shown["title"] = title.clone().into();
    }
    let (state, opened_at, then) = match status.standing {
        DepositStanding::Held { ends_at, .. } => {
            shown["expires_at"] = ends_at.to_string().into();
            ("held", None, Afterwards::default())
        }
        DepositStanding::Released { opened_at, expires_at, then } => {
            shown["expires_at"] = expires_at.to_string().into();
            ("released", opened_at, then)
        }
        DepositStanding::Ended { opened_at, at, then, .. } => {
            shown["ended_at"] = at.to_string().into();
            ("ended", opened_at, then)
        }
    };
    shown["state"] = state.into();
    for (name, at) in
        [("opened_at", opened_at), ("dispatched_at", then.dispatched_at), ("answered_at", then.answered_at)]
    {
        if let Some(at) = at {
            shown[name] = at.to_string().into();
        }
    }
    shown["refused"] = told(names_and_reasons(status.refused.clone(), language));
}

/// The mailboxes that the software may deposit into today.
pub(super) async fn mailboxes(State(shared): State<Shared>, caller: Caller) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let open = shared.app.api_mailboxes(&caller.client).await.map_err(|error| desk.fault(&error))?;
    let mut shown = Vec::with_capacity(open.len());
    for mailbox in open {
        shown.push(mailbox_shown(&desk, &mailbox).await?);
    }
    let senders: Vec<_> = caller.client.senders.iter().map(ToString::to_string).collect();
    let body = json!({
        "mailboxes": shown, "senders": senders, "token_expires_at": caller.client.expires_at.to_string(),
    });
    Ok(Answer::json(StatusCode::OK, &body).into_response())
}

async fn mailbox_shown(desk: &Desk<'_>, mailbox: &Mailbox) -> Result<Value, Response> {
    let organisation = desk.shared.app.organisation_of(mailbox).await.map_err(|error| desk.fault(&error))?;
    Ok(json!({
        "organisation": organisation.slug.to_string(), "mailbox": mailbox.slug.to_string(),
        "name": mailbox.name, "purpose": mailbox.purpose,
        "limits": limits(&desk.shared.app.limits_in_force(mailbox)),
    }))
}

/// The software's own deposits, the newest first.
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let Ok(Query(listing)) = listing else { return Err(desk.invalid("before, limit")) };
    let limit = listing.limit.unwrap_or(API_LISTED_MAX);
    if !(1..=API_LISTED_MAX).contains(&limit) {
        return Err(desk.invalid(format!("limit: 1–{API_LISTED_MAX}")));
    }
    if listing.before.is_some_and(|before| !(0..=BEFORE_MAX).contains(&before)) {
        return Err(desk.invalid("before"));
    }
    let before = listing.before.map(Timestamp);
    let found = shared.app.api_deposits(&caller.client, before, limit).await;
    let found = found.map_err(|error| desk.fault(&error))?;
    let mut deposits = Vec::with_capacity(found.len());
    for view in &found {
        deposits.push(desk.shown(view).await?);
    }
    let mut body = json!({ "deposits": deposits });
    if let Some(last) = found.last().filter(|_| found.len() == limit) {
        body["next"] = format!("{ROOT}/deposits?limit={limit}&before={}", last.deposit.begun_at.0).into();
    }
    Ok(Answer::json(StatusCode::OK, &body).into_response())
}

/// Begins a deposit. The same `Idempotency-Key` begins the same one.
pub(super) async fn begin(
    State(shared): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let key = match headers.get("idempotency-key").map(HeaderValue::to_str) {
        None => None,
        Some(Ok(key)) if (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) => Some(key.to_owned()),
        Some(_) => return Err(desk.invalid("Idempotency-Key")),
    };
    let wanted: Begin = desk.body(&headers, body).await?;
    let (Ok(organisation), Ok(mailbox)) = (Slug::parse(&wanted.organisation), Slug::parse(&wanted.mailbox))
    else {
        return Err(desk.problem(ProblemCode::NotAllowed).into_response());
    };
    let Ok(sender) = MailAddress::parse(&wanted.sender) else { return Err(desk.invalid("sender")) };
    let language = match wanted.language.as_deref().map(Language::from_tag) {
        None => caller.guest.language,
        Some(Some(language)) => language,
        Some(None) => return Err(desk.invalid("language: fr, en")),
    };
    let new = NewApiDeposit { organisation, mailbox, sender, language, key };
    let begun = shared.app.begin_api_deposit(&caller.client, new, caller.guest.visitor).await;
    let (view, is_new) = begun.map_err(|error| desk.refused(error))?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::from_str(&format!("{ROOT}/deposits/{}", view.deposit.draft));
    let answer = Answer::json(status, &desk.shown(&view).await?);
    Ok(match location {
        Ok(location) => answer.with(LOCATION, location).into_response(),
        Err(_) => answer.into_response(),
    })
}

pub(super) async fn show(State(shared): State<Shared>, caller: Caller, path: DepositPath) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let view = desk.find(path).await?;
    Ok(Answer::json(StatusCode::OK, &desk.shown(&view).await?).into_response())
}

/// Gives up what was not sent, with what is in it.
pub(super) async fn discard(State(shared): State<Shared>, caller: Caller, path: DepositPath) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let id = desk.find(path).await?.deposit.draft;
    let discarded = shared.app.discard_api_deposit(&caller.client, id, caller.guest.visitor).await;
    if discarded.map_err(|error| desk.refused(error))? {
        Ok(Answer::empty(StatusCode::NO_CONTENT).into_response())
    } else {
        Err(desk.problem(ProblemCode::AlreadySent).into_response())
    }
}

/// Sends a deposit: 201 after the commit. Sent again, it is told again.
pub(super) async fn send(
    State(shared): State<Shared>,
    caller: Caller,
    path: DepositPath,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let view = desk.find(path).await?;
    let wanted: Send = desk.body(&headers, body).await?;
    let draft = match view.state {
        ApiDepositState::Open(draft, _) => draft,
        ApiDepositState::Sent(_) => {
            return Ok(Answer::json(StatusCode::OK, &desk.shown(&view).await?).into_response());
        }
        ApiDepositState::Gone => return Err(desk.problem(ProblemCode::Over).into_response()),
    };
    let id = view.deposit.draft;
    let sending = Sending::new(wanted.title, SecretBytes::new(wanted.message.into_bytes()));
    if let Err(refusal) = Box::pin(shared.app.accept_deposit(*draft, sending, caller.guest.visitor)).await {
        return Err(not_sent(&desk, refusal));
    }
    let sent = shared.app.api_deposit(&caller.client, id).await.map_err(|error| desk.refused(error))?;
    Ok(Answer::json(StatusCode::CREATED, &desk.shown(&sent).await?).into_response())
}

/// Why a deposit was not sent, in the words of the page.
fn not_sent(desk: &Desk<'_>, refusal: DepositRefusal) -> Response {
    let language = desk.caller.guest.language;
    let told = |problem: DraftProblem| {
        desk.problem(ProblemCode::DepositRefused).detail(problem.text(language)).into_response()
    };
    match refusal {
        DepositRefusal::Fault(error) => desk.fault(&error),
        DepositRefusal::NotAdmitted => desk.problem(ProblemCode::NotAllowed).into_response(),
        DepositRefusal::Empty => told(DraftProblem::NothingToSend),
        DepositRefusal::OverLimit(_) => told(DraftProblem::LimitsLowered),
        DepositRefusal::MessageRefused(cause) => told(DraftProblem::MessageRefused { cause }),
        DepositRefusal::Closed(closed) => desk.closed(&closed).into_response(),
        // Software fills none: what an agreement asks for is joined as a file.
        DepositRefusal::Form(FormRefusal::FileMissing) => {
            let words = ApiWords::of(language);
            desk.problem(ProblemCode::DepositRefused).detail(words.form_missing).into_response()
        }
        DepositRefusal::FileRefused | DepositRefusal::Form(_) => told(DraftProblem::RefusedAtSending),
        DepositRefusal::Unfinished { name } => told(DraftProblem::UploadUnfinished { name }),
        DepositRefusal::MessageTooLong { limit, .. } => {
            let limit = usize::try_from(limit.bytes()).unwrap_or(usize::MAX);
            told(DraftProblem::MessageTooLong { limit })
        }
        DepositRefusal::Title(refusal) => {
            let findings = refusal.findings().iter().map(|finding| {
                json!({
                    "start": finding.start, "end": finding.end, "kind": finding.kind.code(),
                    "reason": finding.reason.sentence(language),
                })
            });
            let findings: Vec<Value> = findings.collect();
            let problem = desk.problem(ProblemCode::TitleRefused).with("findings", findings);
            problem.with("suggestion", refusal.suggestion().as_str()).into_response()
        }
    }
}

/// The signed receipt of what was sent, as it stands now (D9).
pub(super) async fn receipt(State(shared): State<Shared>, caller: Caller, path: DepositPath) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let view = desk.find(path).await?;
    let receipt = shared.app.receipt_of(view.deposit.transfer).await.map_err(|error| desk.fault(&error))?;
    let words = ApiWords::of(caller.guest.language);
    let none = || desk.problem(ProblemCode::NotFound).detail(words.no_receipt).into_response();
    let receipt = receipt.ok_or_else(none)?;
    Ok(Answer::text(StatusCode::OK, &receipt.to_string()).into_response())
}
